//! Snapshots as the server stores them: one node a directory, named by the SHA-256 of its bytes, so that
//! equal directories are one row and a comparison looks only at what differs (`spec/hub.md` 2).
//!
//! Nodes are internal: they have no address, and their ids never travel. The manifest and its id are made
//! again from them, because a walk gives the paths in the order of the manifest.
//!
//! Nothing here does I/O. Reading a tree is a machine that says which nodes it `needs` and is `give`n them, so
//! that a caller can fetch many at once from a database; over a [`NodeSource`] that answers at once, the
//! functions in `source.rs` drive the same machines.
//!
//! ```text
//! let mut diff = TreeDiff::new(Some(old), Some(new), limit);
//! loop {
//!     while let Some(change) = diff.next_change() { … }
//!     if diff.is_complete() { break; }
//!     diff.give(&load(diff.needs()).await?)?;
//! }
//! ```
//!
//! | file        | what is there                                                          |
//! |-------------|------------------------------------------------------------------------|
//! | `node.rs`   | [`Node`], [`Entry`], [`Mode`]: what a directory holds                     |
//! | `codec.rs`  | their bytes                                                            |
//! | `build.rs`  | [`build()`]: from a manifest to nodes                                      |
//! | `diff.rs`   | [`TreeDiff`]: what differs between two trees                             |
//! | `walk.rs`   | [`TreeWalk`], [`TreeLookup`]: every file, and one path                   |
//! | `source.rs` | [`walk()`], [`lookup`], [`changes`]: the same over a [`NodeSource`]         |

mod build;
mod codec;
mod diff;
mod node;
mod source;
#[cfg(test)]
mod tests;
mod walk;

pub use build::{BuildError, Tree, build};
pub use codec::NodeError;
pub use diff::{Change, FileState, TreeDiff};
pub use node::{Entry, Kind, Mode, Node, module_text};
pub use source::{Changes, NodeSource, ReadError, Walk, changes, lookup, walk};
pub use walk::{TreeFile, TreeLookup, TreeWalk};

use std::{collections::HashMap, sync::Arc};

use names::NodeId;

/// Nodes that were fetched, by their ids. A machine ignores those that it did not ask for.
pub type Nodes = HashMap<NodeId, Arc<Node>>;

/// How many nodes a machine asks for at once: enough to hide the way to the database, few enough that what
/// waits in memory stays small.
pub const MAX_NEEDS: usize = 256;

/// A tree whose nodes are well formed, but do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// Directories inside directories, deeper than a path can be; an honest tree has none.
    #[error("the stored tree holds a path that is none: `{path}`")]
    Path {
        /// The path, as far as it goes.
        path: String,
    },
}
