//! Muse histories: objects, snapshots, commits, what leads to what, what differs, and the working copy on disk
//! (`spec/wire.md` 1, 2, 6; `spec/hub.md` 2, 3).
//!
//! Owns the rules of the object model and nothing of where it is kept: all but [`worktree`] is pure, and reads
//! through sources that the caller hands in, or by saying what it needs next. Nothing is believed because it
//! carries an id: [`verify_object`], [`verify_snapshot`] and [`verify_commit`] compute every id again.
//!
//! Knows no network, no database, no rights, no clock and no chance but those it is given.
//!
//! | place            | what is there                                                            |
//! |------------------|--------------------------------------------------------------------------|
//! | `snapshot.rs`    | [`snapshot_id`], [`SnapshotHasher`], paths that cannot stand together        |
//! | `delta.rs`        | [`SnapshotMerge`]: a snapshot from another one and what differs              |
//! | `commit.rs`      | [`commit_id`], and the checks of records from elsewhere                    |
//! | `commit_time.rs` | [`CommitTime`]: times that keep their form                                 |
//! | `fault.rs`       | [`Fault`]: why a record is refused, with the code of the wire               |
//! | `ancestry.rs`    | [`is_ancestor`], [`topological_order`], [`generations`], [`reachable_not`]    |
//! | `canonical.rs`   | the form of every record that is signed                                   |
//! | `signing.rs`     | [`signing_bytes`]: what a signature of a commit is over                     |
//! | `ref_log/`       | movements of refs as chains, sealed                                       |
//! | `tree/`          | snapshots as the server stores them: a node for each directory             |
//! | `diff/`          | lines, words, renames, patches                                            |
//! | `archive/`       | the files of a commit as one file                                        |
//! | `merge/`         | two histories into one                                                   |
//! | `git/`           | objects of Git as foreign bytes                                          |
//! | `graph/`         | long histories: a file of layers that answers without reading commits      |
//! | `glob.rs`        | shell patterns                                                           |
//! | `worktree/`      | the user's files and `.muse` beside them                                  |

mod ancestry;
pub mod archive;
pub mod blame;
mod canonical;
mod commit;
mod commit_time;
mod delta;
pub mod diff;
mod fault;
pub mod git;
mod glob;
pub mod graph;
mod hex;
pub mod merge;
pub mod ref_log;
mod signing;
mod snapshot;
pub mod tree;
#[cfg(test)]
mod vectors;
pub mod worktree;

pub use ancestry::{
    Parents, generations, is_ancestor, merge_bases, reachable_not, topological_order,
};
pub use commit::{commit_id, new_record, verify_commit, verify_object, verify_snapshot};
pub use commit_time::CommitTime;
pub use delta::{DeltaError, ManifestEntry, SnapshotMerge};
pub use fault::Fault;
pub use signing::signing_bytes;
pub use snapshot::{
    Manifest, SnapshotHasher, check_no_conflict, clashing_paths, folded, snapshot_id,
};
