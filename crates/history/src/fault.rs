//! What is wrong with a record that claims an id, in words for the person who pushed it (`spec/wire.md` 1, 5).

use names::{CommitId, ObjectId, RepoPath, SnapshotId};

/// Why a record is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Two records could share an id (`spec/wire.md` 1.3).
    #[error("the message of commit {commit} holds a NUL; write it again without")]
    Message {
        /// The id that the record claims.
        commit: CommitId,
    },
    /// A Muse client would print the time differently, and lose the id (`spec/wire.md` 1.3).
    #[error(
        "{text:?} is not a time that keeps its form; write it like 2026-11-21T12:00:00.000001+00:00, and leave a fraction of zero out"
    )]
    Time {
        /// What stands in the record, cut to a readable length.
        text: String,
    },
    /// Twice the same parent, or a second without a first.
    #[error(
        "commit {commit} names its parents wrongly: two must differ, and a second needs a first"
    )]
    Parents {
        /// The id that the record claims.
        commit: CommitId,
    },
    /// The record is not the one that the id names.
    #[error("commit {claimed} has the id {computed} by its content")]
    CommitMismatch {
        /// The id that the record claims.
        claimed: CommitId,
        /// The id that its content has.
        computed: CommitId,
    },
    /// The manifest is not the one that the id names.
    #[error("snapshot {claimed} has the id {computed} by its manifest")]
    SnapshotMismatch {
        /// The id that the record claims.
        claimed: SnapshotId,
        /// The id that its manifest has.
        computed: SnapshotId,
    },
    /// The bytes are not the ones that the id names.
    #[error("object {claimed} has the id {computed} by its bytes; it was damaged on the way")]
    ObjectMismatch {
        /// The id that came with the bytes.
        claimed: ObjectId,
        /// The id that they have.
        computed: ObjectId,
    },
    /// A name that would be a file and a directory at once (`spec/wire.md` 6.1).
    #[error("`{file}` cannot be a file beside `{inside}`, which makes it a directory")]
    PathConflict {
        /// The path of the file.
        file: RepoPath,
        /// A path for which it would have to be a directory.
        inside: RepoPath,
    },
    /// Commits that are their own ancestors; only made-up ids can be.
    #[error("commit {commit} is its own ancestor")]
    Cycle {
        /// One commit of the circle.
        commit: CommitId,
    },
}

impl Fault {
    /// The stable code for the wire (`spec/wire.md` 1.3, 5, 6.1).
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Message { .. } => "bad_message",
            Self::Time { .. } => "bad_time",
            Self::Parents { .. } | Self::Cycle { .. } => "bad_parents",
            Self::CommitMismatch { .. } => "commit_mismatch",
            Self::SnapshotMismatch { .. } => "snapshot_mismatch",
            Self::ObjectMismatch { .. } => "hash_mismatch",
            Self::PathConflict { .. } => "path_conflict",
        }
    }
}
