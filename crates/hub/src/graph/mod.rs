//! Long histories: what answers for a million commits without walking them (`spec/hub.md` 4).
//!
//! Two sorts of things are derived from a history, both by a job that each movement of a ref asks for. Rows, shared by all
//! processes: numbers of the default branch, last commits of directories. Files, each process its own: the graph. Whoever
//! reads before the job is done reads the few newer commits from their rows.
//!
//! | file          | what is there                                                             |
//! |---------------|---------------------------------------------------------------------------|
//! | `mod.rs`      | [`History`]; [`Hub::history`], the way to it                                 |
//! | `graphs.rs`   | [`Graphs`]: the graphs that this process has open                            |
//! | `relation.rs` | the log of a path; what refs lead to; cursors of walks                       |
//! | `files.rs`    | the files of layers                                                       |
//! | `blocks.rs`   | their blocks, kept for a while                                            |
//! | `fresh.rs`    | commits that no file holds yet                                            |
//! | `layers.rs`   | new commits become a layer                                                |
//! | `trees.rs`    | trees for threads that wait                                               |
//! | `last.rs`     | last commits of a directory's entries; `answers.rs` is their bytes           |
//! | `numbers.rs`  | languages, contributors, days                                                |
//! | `months.rs`   | languages, month by month                                                    |
//! | `picture.rs`  | a page of the graph as it is drawn                                          |
//! | `job.rs`      | the jobs                                                                  |
//! | `api.rs`      | JSON                                                                      |
//! | `store.rs`    | the SQL                                                                   |
//!
//! Invariants: every row and every file can be dropped and is made again equal; a position means one commit within one
//! epoch, and the epoch changes in the transaction in which commits go; what a file says decides about no reader's rights.

mod answers;
mod api;
mod blocks;
mod files;
mod fresh;
mod graphs;
mod job;
mod last;
mod layers;
mod months;
mod numbers;
mod picture;
mod relation;
mod store;
mod trees;

use db::Tx;
use history::graph::{Graph, GraphError, Position};
use names::{CommitId, Id};

pub(crate) use api::{Asked, DAYS, Until, date, filled, routes};
pub(crate) use graphs::Graphs;
pub(crate) use job::{INDEX, LAST, LastWanted, index, last};
pub(crate) use last::{Directory, LastTold};
pub(crate) use months::Month;
pub(crate) use numbers::{Contributor, Day, Who};
pub(crate) use picture::Drawn;
pub(crate) use store::{STATEMENTS, forget_unused, renumber};

use crate::{Error, Hub, Repository, reading::Source};

/// Commits that a reader takes from their rows; beyond, it has to wait until they are in a file.
const MOST_BEHIND: usize = 20_000;

/// Rows behind which this process writes its own file: the job may have been another process's.
const WORTH_A_FILE: usize = 500;

/// The graph of a repository, as of one transaction.
#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) graph: Graph,
    /// What positions mean.
    pub(crate) epoch: u64,
    /// Where directories lie.
    pub(crate) source: Source,
}

impl History {
    /// Whether all of it stands in files.
    fn is_stored(&self) -> bool {
        let stored = self.graph.stored();
        let end = stored.last().map_or(0, |layer| layer.base() + layer.len());
        end == self.graph.len()
    }

    /// Where a commit stands that the repository holds.
    pub(crate) fn at(&self, id: CommitId) -> Result<Position, Error> {
        self.graph.find(&id)?.ok_or(Error::NotFound)
    }

    /// Where commits stand that the repository holds.
    pub(crate) fn all_at(&self, ids: &[CommitId]) -> Result<Vec<Position>, Error> {
        ids.iter().map(|id| self.at(*id)).collect()
    }
}

impl Hub {
    /// The graph of a repository as `tx` sees it.
    pub(crate) async fn history(&self, tx: &mut Tx, of: Id<Repository>) -> Result<History, Error> {
        let (epoch, format) = store::epoch(tx, of).await?.ok_or(Error::NotFound)?;
        let stored = self.graphs.stored(of, epoch).await?;
        let rows = store::after(tx, of, fresh::last_row(&stored), MOST_BEHIND + 1).await?;
        if rows.len() > WORTH_A_FILE {
            self.catch_up_here(of);
        }
        if rows.len() > MOST_BEHIND {
            return Err(Error::NotIndexed);
        }
        let source = self.source(of, format);
        Ok(History { graph: fresh::on_top(&stored, &rows)?, epoch, source })
    }

    /// Asks a graph something that takes a while, on a thread that may wait. Where its files turn out to be damaged they are
    /// thrown away, and made again.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        of: Id<Repository>,
        history: &History,
        question: impl FnOnce(&Graph) -> Result<T, GraphError> + Send + 'static,
    ) -> Result<T, Error> {
        let graph = history.graph.clone();
        let asked = tokio::task::spawn_blocking(move || question(&graph)).await;
        let answer =
            asked.map_err(|error| Error::Broken(format!("a worker ended early: {error}")))?;
        if let Err(GraphError::Damaged(_) | GraphError::Read(_)) = answer {
            self.graphs.forget(of).await?;
            self.index_beside(of);
        }
        Ok(answer?)
    }
}
