//! Reading a tree whose nodes are at hand, or can be waited for.

use std::sync::Arc;

use names::{NodeId, RepoPath};

use super::{
    Nodes, TreeError,
    diff::{Change, TreeDiff},
    node::{Entry, Node},
    walk::{TreeFile, TreeLookup, TreeWalk},
};

/// Where nodes come from, one at a time.
pub trait NodeSource {
    /// Why a node cannot be had; a missing one is such an error too.
    type Error;

    /// The node called `id`.
    fn node(&self, id: &NodeId) -> Result<Arc<Node>, Self::Error>;
}

/// Why a tree cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError<E> {
    /// The source failed.
    #[error(transparent)]
    Source(E),
    /// The nodes do not fit together.
    #[error(transparent)]
    Tree(TreeError),
}

/// What [`changes`] found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// In the order of the manifest.
    pub changes: Vec<Change>,
    /// Whether there are more than were asked for.
    pub truncated: bool,
}

fn fetch<S: NodeSource>(source: &S, ids: Vec<NodeId>) -> Result<Nodes, ReadError<S::Error>> {
    ids.into_iter().map(|id| Ok((id, source.node(&id).map_err(ReadError::Source)?))).collect()
}

/// The files of a tree, read as they are asked for; ends after an error.
pub struct Walk<'a, S> {
    source: &'a S,
    walk: Option<TreeWalk>,
}

/// Walks over every file below `root`, in the order of the manifest.
pub fn walk<S: NodeSource>(source: &S, root: NodeId) -> Walk<'_, S> {
    Walk { source, walk: Some(TreeWalk::new(root)) }
}

impl<S: NodeSource> Iterator for Walk<'_, S> {
    type Item = Result<TreeFile, ReadError<S::Error>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let walk = self.walk.as_mut()?;
            if let Some(file) = walk.next_file() {
                return Some(Ok(file));
            }
            if walk.is_complete() {
                return None;
            }
            let given = fetch(self.source, walk.needs())
                .and_then(|nodes| walk.give(&nodes).map_err(ReadError::Tree));
            if let Err(error) = given {
                self.walk = None;
                return Some(Err(error));
            }
        }
    }
}

/// What stands at `path` below `root`.
pub fn lookup<S: NodeSource>(
    source: &S,
    root: NodeId,
    path: &RepoPath,
) -> Result<Option<Entry>, S::Error> {
    let mut lookup = TreeLookup::new(root, path);
    while let Some(id) = lookup.needs() {
        lookup.give(&Nodes::from([(id, source.node(&id)?)]));
    }
    Ok(lookup.into_entry())
}

/// What differs between two trees, where none is the empty one: the first `limit` changes.
pub fn changes<S: NodeSource>(
    source: &S,
    before: Option<NodeId>,
    after: Option<NodeId>,
    limit: usize,
) -> Result<Changes, ReadError<S::Error>> {
    let mut diff = TreeDiff::new(before, after, limit);
    let mut changes = Vec::new();
    loop {
        changes.extend(std::iter::from_fn(|| diff.next_change()));
        if diff.is_complete() {
            return Ok(Changes { changes, truncated: diff.is_truncated() });
        }
        diff.give(&fetch(source, diff.needs())?).map_err(ReadError::Tree)?;
    }
}
