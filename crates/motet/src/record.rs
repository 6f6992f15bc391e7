//! Commits made from a manifest instead of the files of the working copy: for trees that stand elsewhere, or
//! nowhere.

use api::{CommitRecord, SnapshotRecord};
use history::{
    CommitTime, Manifest, Parents, check_no_conflict, new_record, snapshot_id, verify_commit,
    worktree::{LogEntry, WorkingCopy, WorktreeError},
};
use names::{BranchName, CommitId};

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
    CommitRecord {
        repo_id: copy.repo_id().to_owned(),
        branch: branch.to_string(),
        author: words.author.to_owned(),
        ..new_record(parents, snapshot.snapshot_id, words.message, words.time.as_str())
    }
}
