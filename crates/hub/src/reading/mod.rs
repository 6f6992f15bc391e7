//! The one reading interface (`spec/hub.md` 3): pages, wire and JSON read history through it.
//!
//! | file         | what is there                                                     |
//! |--------------|-------------------------------------------------------------------|
//! | `mod.rs`     | [`Commit`], [`Snapshot`]; manifests and objects of snapshots          |
//! | `reader.rs`  | [`History`]: a history and its reader; the seam to where it is kept   |
//! | `source.rs`  | [`Source`]: the same seam for directories and bytes, without a reader |
//! | `resolve.rs` | what a text in an address names: ref, path, commit                  |
//! | `ancestry.rs`| which commit leads to which                                        |
//! | `log.rs`     | the commits before some commit, with filters                        |
//! | `files.rs`   | what stands at a path; the bytes of a file                          |
//! | `chains.rs`  | directories that hold nothing but another one                       |
//! | `languages.rs` | which language a file is in, and whether somebody wrote it        |
//! | `diff.rs`    | which files differ, and in them which lines                         |
//! | `blame.rs`   | who last changed each line of a file                                |
//! | `archive.rs` | the files of a commit as one file                                   |
//! | `api/`       | all of it as JSON                                                  |
//! | `store.rs`   | the SQL                                                            |

pub(crate) mod ancestry;
pub(crate) mod api;
mod archive;
mod blame;
mod chains;
mod diff;
mod files;
pub(crate) mod languages;
mod log;
mod reader;
mod resolve;
mod source;
mod store;

use std::collections::{HashMap, HashSet};

use ::api::{CommitRecord, SnapshotRecord};
use db::Tx;
use history::tree::{Kind, TreeWalk};
use names::{BranchName, CommitId, Digest, NodeId, ObjectId, SnapshotId, UnixMillis};
use trust::AgentLabel;

pub(crate) use ancestry::Line;
pub(crate) use archive::{AT_ONCE as ARCHIVES_AT_ONCE, Archives};
pub(crate) use blame::{BLAMED_BYTES, Blame, BlameQuery, Blames, Run};
pub(crate) use diff::Difference;
pub(crate) use files::{FileBytes, Found, commit, root_of};
pub(crate) use log::{LogPage, LogQuery, Position};
pub(crate) use reader::History;
pub(crate) use resolve::Revision;
pub(crate) use source::Source;
pub(crate) use store::{
    STATEMENTS, all_visible, between, between_walk, branches, commits, deltas, id as row_id,
    is_reachable, known_commits, nodes, parent_rows, refs, root_of as snapshot_root, snapshots,
    target,
};

use crate::{Error, Repository};

/// A commit that the repository holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    /// 1 + the highest of the parents.
    pub(crate) generation: i64,
}

/// A ref with its place in the log.
#[derive(Debug, Clone)]
pub(crate) struct RefPlace {
    /// The full name.
    pub(crate) name: String,
    pub(crate) target: CommitId,
    /// 0 for one that has not moved since there is a log.
    pub(crate) counter: u64,
    pub(crate) entry_hash: Option<Digest>,
}

/// A stored commit.
#[derive(Debug, Clone)]
pub(crate) struct Commit {
    /// The record; its delta is loaded apart.
    pub(crate) record: CommitRecord,
    /// Its parents beyond the two that a record has: only Git knows such.
    pub(crate) more_parents: Vec<CommitId>,
    /// The moment that the record's text means.
    pub(crate) committed_at: UnixMillis,
    /// 1 + the highest of the parents.
    pub(crate) generation: i64,
    /// When the server received it: what counts for its signature.
    pub(crate) received_at: UnixMillis,
    /// Its size in an answer of wire 1.
    pub(crate) wire_bytes: u64,
    /// How far the agent is known that it names; nothing if it names none.
    pub(crate) agent: Option<AgentLabel>,
}

impl Commit {
    /// Its parents, in order.
    pub(crate) fn parents(&self) -> impl Iterator<Item = CommitId> {
        self.record.parents().chain(self.more_parents.iter().copied())
    }
}

/// A stored snapshot.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    /// The node of its root directory.
    pub(crate) root: NodeId,
    /// Its size in an answer of wire 1.
    pub(crate) wire_bytes: u64,
    /// As it came.
    pub(crate) created_at: String,
}

/// The branches as the wire lists them: the default one first, then by name.
pub(crate) async fn heads(
    tx: &mut Tx,
    repository: &Repository,
) -> Result<Vec<(String, CommitId)>, Error> {
    let mut heads = branches(tx, repository.id).await?;
    heads.sort_by_key(|(name, _)| *name != repository.default_branch);
    Ok(heads.into_iter().map(|(name, id)| (name.to_string(), id)).collect())
}

/// The branch that is shown first: the default one, or the first by name where that does not exist.
pub(crate) fn shown_first<'a>(
    heads: &'a [(BranchName, CommitId)],
    repository: &Repository,
) -> Option<&'a (BranchName, CommitId)> {
    heads.iter().find(|(name, _)| *name == repository.default_branch).or_else(|| heads.first())
}

/// The manifest of a stored snapshot, made again from its tree.
pub(crate) async fn manifest(
    tx: &mut Tx,
    id: SnapshotId,
    it: &Snapshot,
) -> Result<SnapshotRecord, Error> {
    let (mut walk, mut manifest) = (TreeWalk::new(it.root), history::Manifest::new());
    loop {
        manifest
            .extend(std::iter::from_fn(|| walk.next_file()).map(|file| (file.path, file.object)));
        if walk.is_complete() {
            return Ok(SnapshotRecord {
                snapshot_id: id,
                manifest,
                created_at: it.created_at.clone(),
            });
        }
        let given = nodes(tx, &walk.needs()).await?;
        walk.give(&given).map_err(|error| Error::Broken(error.to_string()))?;
    }
}

/// Every object below the given roots, with its size. Each directory is read once, however many snapshots share it.
pub(crate) async fn objects_below(
    tx: &mut Tx,
    roots: impl IntoIterator<Item = NodeId>,
) -> Result<HashMap<ObjectId, u64>, Error> {
    let mut seen = HashSet::new();
    let mut waiting: Vec<_> = roots.into_iter().filter(|id| seen.insert(*id)).collect();
    let mut found = HashMap::new();
    while !waiting.is_empty() {
        let batch = waiting.split_off(waiting.len().saturating_sub(history::tree::MAX_NEEDS));
        for node in nodes(tx, &batch).await?.values() {
            for entry in node.entries() {
                match entry.kind {
                    Kind::File(object) => drop(found.insert(object, entry.size)),
                    Kind::Directory(child) if seen.insert(child) => waiting.push(child),
                    Kind::Directory(_) | Kind::Module(_) => {}
                }
            }
        }
    }
    Ok(found)
}
