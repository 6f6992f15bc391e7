//! Commits: their canonical bytes, the id that they give, and the rules that keep one form for each history
//! (`spec/wire.md` 1.3, D2).

use std::collections::BTreeMap;

use api::{CommitRecord, SnapshotRecord};
use names::{CommitId, Hasher, ObjectId, SnapshotId};

use crate::{CommitTime, Fault, Parents, hex::hash_text, snapshot::snapshot_id};

/// The id of a commit: SHA-256 over the sorted parents, the snapshot, the message and the time, joined by
/// NUL. The order of `parents` does not matter. Gives an id to any input; [`verify_commit`] judges it.
pub fn commit_id(
    parents: &[CommitId],
    snapshot: &SnapshotId,
    message: &str,
    committed_at: &str,
) -> CommitId {
    let mut hasher = Hasher::default();
    let mut sorted = parents.to_vec();
    sorted.sort_unstable();
    for (at, parent) in sorted.iter().enumerate() {
        if at > 0 {
            hasher.update(b"\0");
        }
        hash_text(&mut hasher, parent);
    }
    hasher.update(b"\0");
    hash_text(&mut hasher, snapshot);
    for part in [message, committed_at] {
        hasher.update(b"\0");
        hasher.update(part.as_bytes());
    }
    CommitId::from_bytes(hasher.finish())
}

/// The `format_version` that is written.
const FORMAT_VERSION: i64 = 5;

/// A commit with its id, and nothing else said about it: what a writer fills in (`spec/wire.md` 1.4).
pub fn new_record(
    parents: Parents,
    snapshot_id: SnapshotId,
    message: &str,
    committed_at: &str,
) -> CommitRecord {
    let ids: Vec<_> = parents.iter().collect();
    CommitRecord {
        commit_id: commit_id(&ids, &snapshot_id, message, committed_at),
        repo_id: String::new(),
        branch: String::new(),
        snapshot_id,
        message: message.to_owned(),
        committed_at: committed_at.to_owned(),
        parent_commit_id: parents.first(),
        parent2_commit_id: parents.second(),
        author: String::new(),
        metadata: BTreeMap::new(),
        structured_delta: None,
        sem_ver_bump: "none".to_owned(),
        breaking_changes: Vec::new(),
        agent_id: String::new(),
        model_id: String::new(),
        toolchain_id: String::new(),
        prompt_hash: String::new(),
        signature: String::new(),
        signer_key_id: String::new(),
        format_version: FORMAT_VERSION,
        reviewed_by: Vec::new(),
        test_runs: 0,
    }
}

/// Checks a commit from elsewhere: the rules of D2, and that it is the one that its id names. Gives its time,
/// which had to be read on the way.
pub fn verify_commit(record: &CommitRecord) -> Result<CommitTime, Fault> {
    let claimed = record.commit_id;
    if record.message.contains('\0') {
        return Err(Fault::Message { commit: claimed });
    }
    let time = CommitTime::parse(&record.committed_at)?;
    match (record.parent_commit_id, record.parent2_commit_id) {
        (None, Some(_)) => return Err(Fault::Parents { commit: claimed }),
        (Some(first), Some(second)) if first == second => {
            return Err(Fault::Parents { commit: claimed });
        }
        (None | Some(_), None) | (Some(_), Some(_)) => {}
    }
    let parents: Vec<_> = record.parents().collect();
    let computed = commit_id(&parents, &record.snapshot_id, &record.message, &record.committed_at);
    if computed == claimed { Ok(time) } else { Err(Fault::CommitMismatch { claimed, computed }) }
}

/// Checks a snapshot from elsewhere: no path is a directory of another, and the manifest is the one that the
/// id names. (The paths themselves were checked when they became `RepoPath`s.)
pub fn verify_snapshot(record: &SnapshotRecord) -> Result<(), Fault> {
    crate::check_no_conflict(&record.manifest)?;
    let (claimed, computed) = (record.snapshot_id, snapshot_id(&record.manifest));
    if computed == claimed { Ok(()) } else { Err(Fault::SnapshotMismatch { claimed, computed }) }
}

/// Checks the bytes of an object from elsewhere.
pub fn verify_object(claimed: ObjectId, bytes: &[u8]) -> Result<(), Fault> {
    let computed = ObjectId::of(bytes);
    if computed == claimed { Ok(()) } else { Err(Fault::ObjectMismatch { claimed, computed }) }
}
