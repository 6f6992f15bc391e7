//! Commits made from a manifest instead of the files of the working copy: for trees that stand elsewhere, or
//! nowhere.

use api::{CommitRecord, SnapshotRecord};
use history::{
    CommitTime, Manifest, Parents, check_no_conflict, commit_id, snapshot_id, verify_commit,
    worktree::{LogEntry, WorkingCopy, WorktreeError},
};
use names::{BranchName, CommitId};

/// The form of records that is written (`spec/wire.md` 1.4).
const FORMAT_VERSION: i64 = 5;

/// What a commit says beside its files.
#[derive(Debug, Clone)]
pub struct Words<'a> {
    /// Free text without NUL.
    pub message: &'a str,
    /// Free text, as `name <email>`.
    pub author: &'a str,
    /// When.
    pub time: &'a CommitTime,
}

/// Keeps a commit with the files of `manifest`, whose objects are in `copy`, and moves `branch` to it.
pub fn record(
    copy: &WorkingCopy,
    branch: &BranchName,
    parents: Parents,
    manifest: Manifest,
    words: &Words<'_>,
) -> Result<CommitId, WorktreeError> {
    let commit = keep(copy, branch, parents, manifest, words)?;
    move_branch(copy, branch, &commit)?;
    Ok(commit.commit_id)
}

/// Keeps a commit for `branch`, and moves nothing.
pub fn keep(
    copy: &WorkingCopy,
    branch: &BranchName,
    parents: Parents,
    manifest: Manifest,
    words: &Words<'_>,
) -> Result<CommitRecord, WorktreeError> {
    check_no_conflict(&manifest)?;
    let created_at = words.time.to_string();
    let snapshot = SnapshotRecord { snapshot_id: snapshot_id(&manifest), manifest, created_at };
    let commit = fill(copy, branch, parents, &snapshot, words);
    verify_commit(&commit)?;
    copy.write_snapshot(&snapshot)?;
    copy.write_commit(&commit)?;
    Ok(commit)
}

/// Moves `branch` to a commit that is kept, and notes it.
pub fn move_branch(
    copy: &WorkingCopy,
    branch: &BranchName,
    commit: &CommitRecord,
) -> Result<(), WorktreeError> {
    let old = copy.branch_head(branch)?;
    copy.set_branch_head(branch, Some(commit.commit_id))?;
    let what = format!("commit: {}", commit.message.lines().next().unwrap_or_default());
    let (new, author) = (Some(commit.commit_id), commit.author.clone());
    let at = verify_commit(commit)?.unix_millis();
    copy.add_log(Some(branch), &LogEntry { old, new, author, at, what })
}

fn fill(
    copy: &WorkingCopy,
    branch: &BranchName,
    parents: Parents,
    snapshot: &SnapshotRecord,
    words: &Words<'_>,
) -> CommitRecord {
    let ids: Vec<_> = parents.iter().collect();
    let id = commit_id(&ids, &snapshot.snapshot_id, words.message, words.time.as_str());
    CommitRecord {
        commit_id: id,
        repo_id: copy.repo_id().to_owned(),
        branch: branch.to_string(),
        snapshot_id: snapshot.snapshot_id,
        message: words.message.to_owned(),
        committed_at: words.time.to_string(),
        parent_commit_id: parents.first(),
        parent2_commit_id: parents.second(),
        author: words.author.to_owned(),
        metadata: std::collections::BTreeMap::new(),
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
