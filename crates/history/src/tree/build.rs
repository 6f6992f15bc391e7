//! From a manifest to nodes.

use std::collections::HashSet;

use names::{NodeId, ObjectId, RepoPath};

use super::node::{Entry, Kind, Mode, Node};

/// A snapshot as nodes, ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// The node of the root directory.
    pub root: NodeId,
    /// Every node once, with its bytes; children before parents, so the root comes last.
    pub nodes: Vec<(NodeId, Vec<u8>)>,
    /// Number of files.
    pub files: u32,
    /// Bytes of all files, each counted as often as it is there.
    pub bytes: u64,
}

/// Why entries make no tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The caller must sort by the bytes of the path.
    #[error("`{path}` does not come after the path before it")]
    Order {
        /// The path that came too late, or twice.
        path: RepoPath,
    },
    /// A file and a directory of one name (`spec/wire.md` 6.1).
    #[error("`{path}` cannot be a file and a directory at once")]
    Conflict {
        /// The path that is both.
        path: String,
    },
}

/// A directory that is being filled.
#[derive(Default)]
struct Open {
    name: Box<str>,
    node: Node,
}

/// The directories from the root to where the last entry was put.
struct Builder {
    root: Node,
    open: Vec<Open>,
    nodes: Vec<(NodeId, Vec<u8>)>,
    known: HashSet<NodeId>,
}

/// Builds the nodes of a snapshot from `(path, object, size)` in the order of the manifest.
pub fn build<'a>(
    entries: impl IntoIterator<Item = (&'a RepoPath, ObjectId, u64)>,
) -> Result<Tree, BuildError> {
    let mut builder = Builder {
        root: Node::default(),
        open: Vec::new(),
        nodes: Vec::new(),
        known: HashSet::new(),
    };
    let mut before: Option<&RepoPath> = None;
    for (path, object, size) in entries {
        if before.is_some_and(|before| before >= path) {
            return Err(BuildError::Order { path: path.clone() });
        }
        before = Some(path);
        builder.enter(path)?;
        let name = path.file_name().into();
        let (kind, mode) = (Kind::File(object), Mode::Plain);
        builder.directory().push(Entry { name, kind, mode, size, files: 1 });
    }
    builder.close_to(0)?;
    let (files, bytes) = (builder.root.files(), builder.root.size());
    let root = std::mem::take(&mut builder.root);
    let root = builder.store(&root, "")?;
    Ok(Tree { root, nodes: builder.nodes, files, bytes })
}

impl Builder {
    fn directory(&mut self) -> &mut Vec<Entry> {
        let node = match self.open.last_mut() {
            Some(open) => &mut open.node,
            None => &mut self.root,
        };
        &mut node.entries
    }

    /// Opens the directories of `path`, and closes those that no later path can be in: in the order of the
    /// manifest all paths of one directory stand together.
    fn enter(&mut self, path: &RepoPath) -> Result<(), BuildError> {
        let parents = || path.parent().into_iter().flat_map(|parent| parent.split('/'));
        let shared =
            self.open.iter().zip(parents()).take_while(|(open, name)| *open.name == **name).count();
        self.close_to(shared)?;
        let opened =
            parents().skip(shared).map(|name| Open { name: name.into(), node: Node::default() });
        self.open.extend(opened);
        Ok(())
    }

    /// Closes directories until `depth` are open.
    fn close_to(&mut self, depth: usize) -> Result<(), BuildError> {
        while self.open.len() > depth {
            let Some(closed) = self.open.pop() else { return Ok(()) };
            let (size, files) = (closed.node.size(), closed.node.files());
            let id = self.store(&closed.node, &closed.name)?;
            let kind = Kind::Directory(id);
            let (name, mode) = (closed.name, Mode::Plain);
            self.directory().push(Entry { name, kind, mode, size, files });
        }
        Ok(())
    }

    fn store(&mut self, node: &Node, name: &str) -> Result<NodeId, BuildError> {
        if let Some(twice) = node.repeats_a_name() {
            let names = self.open.iter().map(|open| &*open.name).chain([name, twice]);
            let path = names.filter(|name| !name.is_empty()).collect::<Vec<_>>().join("/");
            return Err(BuildError::Conflict { path });
        }
        let bytes = node.encode();
        let id = NodeId::of(&bytes);
        if self.known.insert(id) {
            self.nodes.push((id, bytes));
        }
        Ok(id)
    }
}
