//! The graph of a long history, in a form that answers without reading commits: who leads to whom, how far, and which
//! paths each commit may have touched (`spec/hub.md` 4).
//!
//! A graph is a chain of layers. A stored layer is a file of checked blocks; the newest commits may stand in a layer in
//! memory. A commit is a [`Position`]: its number in the order in which a repository received its commits, so that parents
//! always stand before children and every walk ends. Nothing here does I/O: a stored layer reads through [`Blocks`].
//!
//! The file is a cache. It is never asked whether a commit exists for a reader, only how known commits hang together, and
//! whoever finds it damaged throws it away.
//!
//! | file          | what is there                                                              |
//! |---------------|----------------------------------------------------------------------------|
//! | `mod.rs`      | [`Graph`], [`Position`], [`Link`]: layers as one                             |
//! | `filter.rs`   | [`PathHash`], [`Way`], [`Filter`]: the paths that a commit may have touched   |
//! | `block.rs`    | [`Blocks`]: the pieces of a file, each with its check                         |
//! | `layer.rs`    | [`Stored`], [`Fresh`]: a layer in a file, a layer in memory                    |
//! | `write.rs`    | [`write()`]: makes the file of a layer, from new commits or from layers         |
//! | `walk.rs`     | [`Walk`]: what some commits lead to and others do not, newest first            |
//! | `relation.rs` | ancestry, merge bases, ahead and behind                                       |
//! | `reach.rs`    | [`Reach`]: all that refs lead to, as one bit a commit                          |
//! | `path_log.rs` | [`PathLog`]: the commits that changed a path                                   |
//! | `last.rs`     | [`last_commits`]: for each entry of a directory the commit that changed it last  |
//! | `lanes.rs`    | [`Lanes`]: how the graph is drawn                                             |

mod block;
mod filter;
mod lanes;
mod last;
mod layer;
mod path_log;
mod reach;
mod relation;
mod walk;
mod write;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use names::{CommitId, NodeId};

pub use block::{BLOCK_BYTES, Blocks, InMemory, checked};
pub use filter::{Filter, MOST_CHANGES, PathHash, Way};
pub use lanes::{Edge, LaneHead, Lanes, LanesState, Row};
pub use last::{Budget, LastCommits, Memo, last_commits};
pub use layer::{Fresh, Stored};
pub use path_log::PathLog;
pub use reach::Reach;
pub use relation::AheadBehind;
pub use walk::{Frontier, Walk};
pub use write::{Of, WriteError, Written, write};

/// The number of a commit in its repository, from 0. Parents have smaller ones than their children.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u32);

impl Position {
    /// As an index.
    const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Why the graph cannot answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// The file is not what was written. It can be made again.
    #[error("the graph file is damaged: {0}")]
    Damaged(&'static str),
    /// The file cannot be read.
    #[error("the graph file cannot be read: {0}")]
    Read(Arc<str>),
    /// A tree cannot be read on the way.
    #[error("a tree cannot be read: {0}")]
    Tree(Arc<str>),
    /// More commits, or more bytes, than a layer can count.
    #[error("the history is longer than a graph file can hold")]
    TooLong,
}

/// How a commit hangs in the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Its first two parents, in order; the second counts only beside a first.
    pub parents: [Option<Position>; 2],
    /// Whether there are more, which [`Graph::parents`] knows.
    pub has_more: bool,
    /// 1 + the highest of the parents.
    pub generation: u32,
    /// When it says it was made, in milliseconds.
    pub time: i64,
}

/// A commit as it is brought to the graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCommit {
    /// Which.
    pub id: CommitId,
    /// The root directory of its snapshot.
    pub root: NodeId,
    /// How it hangs in the graph.
    pub link: Link,
    /// Its parents beyond the second, in order.
    pub more: Vec<Position>,
    /// What it may have touched against its first parent.
    pub filter: Filter,
}

/// One layer.
#[derive(Debug, Clone)]
enum Layer {
    Stored(Arc<Stored>),
    Fresh(Arc<Fresh>),
}

impl Layer {
    fn base(&self) -> u32 {
        match self {
            Self::Stored(it) => it.base(),
            Self::Fresh(it) => it.base(),
        }
    }
}

/// The whole graph of a repository, as of one moment. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    layers: Vec<Layer>,
    len: u32,
}

impl Graph {
    /// No commits yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many commits it holds.
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// Whether it holds none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a stored layer, which must go on where the last one ends.
    pub fn push(&mut self, layer: Arc<Stored>) -> Result<(), GraphError> {
        if layer.base() != self.len {
            return Err(GraphError::Damaged("a layer does not follow the one before it"));
        }
        self.len = layer.base().checked_add(layer.len()).ok_or(GraphError::TooLong)?;
        self.layers.push(Layer::Stored(layer));
        Ok(())
    }

    /// The same graph with newer commits on top, which stand in memory.
    #[must_use]
    pub fn with(&self, fresh: Fresh) -> Self {
        let mut graph = self.clone();
        if fresh.len() > 0 && fresh.base() == graph.len {
            graph.len = graph.len.saturating_add(fresh.len());
            graph.layers.push(Layer::Fresh(Arc::new(fresh)));
        }
        graph
    }

    /// The stored layers, oldest first.
    pub fn stored(&self) -> Vec<Arc<Stored>> {
        let stored = |layer: &Layer| match layer {
            Layer::Stored(it) => Some(Arc::clone(it)),
            Layer::Fresh(_) => None,
        };
        self.layers.iter().filter_map(stored).collect()
    }

    fn layer(&self, at: Position) -> Result<(&Layer, u32), GraphError> {
        let past = self.layers.partition_point(|layer| layer.base() <= at.0);
        let layer = past.checked_sub(1).and_then(|it| self.layers.get(it));
        let layer = layer.filter(|_| at.0 < self.len);
        let layer = layer.ok_or(GraphError::Damaged("a position is outside of the graph"))?;
        Ok((layer, at.0 - layer.base()))
    }

    /// Where a commit stands; nothing if the graph does not hold it.
    pub fn find(&self, id: &CommitId) -> Result<Option<Position>, GraphError> {
        for layer in self.layers.iter().rev() {
            let found = match layer {
                Layer::Stored(it) => it.find(id)?,
                Layer::Fresh(it) => it.find(id),
            };
            if let Some(at) = found {
                return Ok(Some(Position(layer.base() + at)));
            }
        }
        Ok(None)
    }

    /// How the commit at `at` hangs in the graph.
    pub fn link(&self, at: Position) -> Result<Link, GraphError> {
        let (layer, own) = self.layer(at)?;
        match layer {
            Layer::Stored(it) => it.link(own),
            Layer::Fresh(it) => it.get(own).map(|it| it.link),
        }
    }

    /// The parents of the commit at `at`, which hangs by `link`, in order.
    pub fn parents(
        &self,
        at: Position,
        link: &Link,
    ) -> Result<impl Iterator<Item = Position> + use<>, GraphError> {
        let more = if link.has_more { self.more_parents(at)? } else { Vec::new() };
        Ok(link.parents.into_iter().flatten().chain(more))
    }

    /// The parents of the commit at `at` beyond the second, in order.
    fn more_parents(&self, at: Position) -> Result<Vec<Position>, GraphError> {
        let (layer, own) = self.layer(at)?;
        match layer {
            Layer::Stored(it) => it.more(own),
            Layer::Fresh(it) => it.get(own).map(|it| it.more.clone()),
        }
    }

    /// The id of the commit at `at`.
    pub fn id(&self, at: Position) -> Result<CommitId, GraphError> {
        let (layer, own) = self.layer(at)?;
        match layer {
            Layer::Stored(it) => it.id(own),
            Layer::Fresh(it) => it.get(own).map(|it| it.id),
        }
    }

    /// The ids of some commits, in their order.
    pub fn ids(&self, at: &[Position]) -> Result<Vec<CommitId>, GraphError> {
        at.iter().map(|at| self.id(*at)).collect()
    }

    /// The root directory of the commit at `at`.
    pub fn root(&self, at: Position) -> Result<NodeId, GraphError> {
        let (layer, own) = self.layer(at)?;
        match layer {
            Layer::Stored(it) => it.root(own),
            Layer::Fresh(it) => it.get(own).map(|it| it.root),
        }
    }

    /// What the commit at `at` may have touched.
    pub fn filter(&self, at: Position) -> Result<Filter, GraphError> {
        let (layer, own) = self.layer(at)?;
        match layer {
            Layer::Stored(it) => it.filter(own),
            Layer::Fresh(it) => it.get(own).map(|it| it.filter.clone()),
        }
    }

    /// Whether the commit at `at` surely did not touch what is at the end of a way.
    pub fn excludes(&self, at: Position, way: &Way) -> Result<bool, GraphError> {
        let (layer, own) = self.layer(at)?;
        match layer {
            Layer::Stored(it) => it.excludes(own, way),
            Layer::Fresh(it) => Ok(way.is_excluded_by(it.get(own)?.filter.as_bytes())),
        }
    }
}
