//! Why a transfer did not succeed.

use api::stream::StreamError;
use history::{DeltaError, Fault, worktree::WorktreeError};
use names::{BranchName, CommitId, ObjectId, SnapshotId};

use crate::client::ClientError;

/// Why a transfer did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The server, or the way to it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The working copy.
    #[error(transparent)]
    Worktree(#[from] WorktreeError),
    /// What the server sent is not what its ids say.
    #[error("the server sent something else than it says: {0}")]
    Fault(#[from] Fault),
    /// The bytes that came are no stream of wire 2, or not a whole one.
    #[error("what the server sent cannot be read: {0}")]
    Stream(#[from] StreamError),
    /// The connection broke, and what came until then is kept.
    #[error("the transfer was cut: {0}")]
    Cut(ClientError),
    /// A snapshot that is told by another one, wrongly.
    #[error("the server sent something else than it says: {0}")]
    Delta(String),
    /// A name of a branch that cannot be one.
    #[error("the server names a branch `{name}`, which cannot be: {reason}")]
    BadBranch {
        /// The name.
        name: String,
        /// Why it cannot be.
        reason: String,
    },
    /// The server shows an older or another history than it did.
    #[error("the server shows an older or another history: {0}")]
    Log(String),
    /// A domain that cannot be one.
    #[error("the server names the domain `{0}`, which cannot be")]
    BadDomain(String),
    /// More branches than a repository may have.
    #[error("the server names more than {max} branches")]
    TooManyBranches {
        /// The limit.
        max: usize,
    },
    /// A commit that belongs to the history was not sent.
    #[error("the server left out commit {0}")]
    NoCommit(CommitId),
    /// A snapshot that belongs to the history was not sent.
    #[error("the server left out snapshot {0}")]
    NoSnapshot(SnapshotId),
    /// An object that belongs to the history was not sent.
    #[error("the server left out object {object} of snapshot {snapshot}")]
    NoObject {
        /// The object.
        object: ObjectId,
        /// A snapshot that needs it.
        snapshot: SnapshotId,
    },
    /// An object that was asked for was not sent.
    #[error("the server left out object {0}")]
    Withheld(ObjectId),
    /// An object was sent that was not asked for.
    #[error("the server sent object {0}, which was not asked for")]
    NotAsked(ObjectId),
    /// The server asked for an object that was not offered.
    #[error("the server asks for object {0}, which was not offered")]
    NotOffered(ObjectId),
    /// A push that this server does not take.
    #[error("this server takes branches alone, and takes none away")]
    BranchesOnly,
    /// There is nothing to push.
    #[error("the branch `{0}` has no commit")]
    NoCommits(BranchName),
    /// An object that does not fit into a message.
    #[error("object {object} is larger than the {max_bytes} bytes that can be sent")]
    TooLarge {
        /// The object.
        object: ObjectId,
        /// The limit.
        max_bytes: u64,
    },
}

impl From<DeltaError<WorktreeError>> for TransferError {
    fn from(error: DeltaError<WorktreeError>) -> Self {
        match error {
            DeltaError::Kept(error) => error.into(),
            DeltaError::Fault(fault) => fault.into(),
            DeltaError::Order { .. } | DeltaError::Files { .. } => Self::Delta(error.to_string()),
        }
    }
}
