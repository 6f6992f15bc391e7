//! Every file of a tree, and one path of it, step by step.

use names::{NodeId, ObjectId, RepoPath};

use super::{
    Nodes, TreeError,
    diff::{Change, FileState, TreeDiff},
    node::{Entry, Kind, Mode},
};

/// A file of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeFile {
    /// Where.
    pub path: RepoPath,
    /// Its content.
    pub object: ObjectId,
    /// Its length.
    pub size_bytes: u64,
    /// What it is to whoever writes it down.
    pub mode: Mode,
}

/// Walks over every file, in the order of the manifest. It is the comparison with the empty tree, and
/// holds in memory what it was given and has not handed out.
pub struct TreeWalk(TreeDiff);

impl TreeWalk {
    /// A walk from the node `root`.
    pub fn new(root: NodeId) -> Self {
        Self(TreeDiff::new(None, Some(root), usize::MAX))
    }

    /// The nodes that must be given next; see [`TreeDiff::needs`].
    pub fn needs(&self) -> Vec<NodeId> {
        self.0.needs()
    }

    /// Takes fetched nodes.
    pub fn give(&mut self, nodes: &Nodes) -> Result<(), TreeError> {
        self.0.give(nodes)
    }

    /// The next file that is known; none means that nodes are needed, or that this is the end.
    pub fn next_file(&mut self) -> Option<TreeFile> {
        loop {
            let Change { path, after, .. } = self.0.next_change()?;
            if let Some(state) = after {
                let FileState { object, size_bytes, mode } = state;
                return Some(TreeFile { path, object, size_bytes, mode });
            }
        }
    }

    /// Whether nothing is needed any more; files may still be ready.
    pub fn is_complete(&self) -> bool {
        self.0.is_complete()
    }
}

/// Looks for one path, one node a step.
pub struct TreeLookup {
    /// The segments still to go, the next one last.
    segments: Vec<Box<str>>,
    state: Looking,
}

enum Looking {
    At(NodeId),
    Found(Entry),
    Nowhere,
}

impl TreeLookup {
    /// Looks for `path`, a file or a directory, below the node `root`.
    pub fn new(root: NodeId, path: &RepoPath) -> Self {
        Self { segments: path.segments().rev().map(Box::from).collect(), state: Looking::At(root) }
    }

    /// The node that must be given next; none when the search is over.
    pub const fn needs(&self) -> Option<NodeId> {
        match &self.state {
            Looking::At(node) => Some(*node),
            Looking::Found(_) | Looking::Nowhere => None,
        }
    }

    /// Takes fetched nodes, and goes as deep as they lead.
    pub fn give(&mut self, nodes: &Nodes) {
        while let Looking::At(id) = &self.state {
            let Some(node) = nodes.get(id) else { return };
            let Some(segment) = self.segments.pop() else { return };
            self.state = match node.find(&segment) {
                Some(entry) if self.segments.is_empty() => Looking::Found(entry.clone()),
                Some(Entry { kind: Kind::Directory(child), .. }) => Looking::At(*child),
                Some(_) | None => Looking::Nowhere,
            };
        }
    }

    /// What stands at the path, if anything. Only final once nothing is needed.
    pub fn into_entry(self) -> Option<Entry> {
        match self.state {
            Looking::Found(entry) => Some(entry),
            Looking::At(_) | Looking::Nowhere => None,
        }
    }
}
