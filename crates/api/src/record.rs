//! The records of a Muse history as they travel and as working copies keep them (`spec/wire.md` 1.2, 1.4).

use std::collections::BTreeMap;

use names::{CommitId, ObjectId, RepoPath, SnapshotId};

use crate::Value;

/// A commit with everything that is said about it. Only the parents (as a set), the snapshot, the message and
/// the time are covered by `commit_id`.
#[derive(Debug, Clone, PartialEq)]
pub struct CommitRecord {
    /// SHA-256 of the canonical bytes.
    pub commit_id: CommitId,
    /// The id that the committing working copy has; says nothing about the server's repository.
    pub repo_id: String,
    /// The branch at commit time; not the branch that is pushed.
    pub branch: String,
    /// The files at this commit.
    pub snapshot_id: SnapshotId,
    /// Free text without NUL, kept byte for byte.
    pub message: String,
    /// The time as written, kept byte for byte because the id covers it.
    pub committed_at: String,
    /// First parent.
    pub parent_commit_id: Option<CommitId>,
    /// Second parent.
    pub parent2_commit_id: Option<CommitId>,
    /// Free text; never an identity.
    pub author: String,
    /// Free pairs.
    pub metadata: BTreeMap<String, String>,
    /// What changed, by symbol, as the client sent it; opaque to the server.
    pub structured_delta: Option<Value>,
    /// The client's estimate: `major`, `minor`, `patch` or `none`.
    pub sem_ver_bump: String,
    /// Addresses of breaking changes, as claimed.
    pub breaking_changes: Vec<String>,
    /// Provenance as claimed.
    pub agent_id: String,
    /// Provenance as claimed.
    pub model_id: String,
    /// Provenance as claimed.
    pub toolchain_id: String,
    /// Provenance as claimed.
    pub prompt_hash: String,
    /// Section 7; empty if unsigned.
    pub signature: String,
    /// Section 7; empty if unsigned.
    pub signer_key_id: String,
    /// 5 is written.
    pub format_version: i64,
    /// Annotation that only grows.
    pub reviewed_by: Vec<String>,
    /// Annotation that only grows.
    pub test_runs: i64,
}

impl CommitRecord {
    /// The parents in order, none, one or two.
    pub fn parents(&self) -> impl Iterator<Item = CommitId> {
        self.parent_commit_id.into_iter().chain(self.parent2_commit_id)
    }
}

/// The full map from path to object at a commit.
#[derive(Debug, Clone, PartialEq)]
pub struct SnapshotRecord {
    /// SHA-256 of the canonical bytes of the manifest.
    pub snapshot_id: SnapshotId,
    /// Every file.
    pub manifest: BTreeMap<RepoPath, ObjectId>,
    /// Not covered by the id; kept as it came.
    pub created_at: String,
}
