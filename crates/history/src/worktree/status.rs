//! How the files stand to the head, and the branch to its remote (`spec/hub.md` 10).

use std::{path::PathBuf, thread};

use names::{BranchName, CommitId, RepoPath};

use super::{
    Graph, Head, MergeState, PathChange, RemoteName, Result, SkipReason, WorkingCopy,
    changes::changes,
};
use crate::{Manifest, clashing_paths};

/// How a branch stands to the branch that it follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracking {
    /// The remote.
    pub remote: RemoteName,
    /// The branch, here and there.
    pub branch: BranchName,
    /// How many commits are here and not there.
    pub ahead: usize,
    /// How many commits are there and not here.
    pub behind: usize,
}

/// How things stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Where the next commit goes.
    pub head: Head,
    /// The commit that the files are compared with; none before the first one.
    pub commit: Option<CommitId>,
    /// What differs, by path.
    pub changes: Vec<PathChange>,
    /// Paths that some file systems take for one.
    pub clashes: Vec<Vec<RepoPath>>,
    /// What is left out and might surprise.
    pub skipped: Vec<(PathBuf, SkipReason)>,
    /// Whether the Muse client has staged something, which the next commit takes instead of the files.
    pub is_staged: bool,
    /// The merge that waits for the user.
    pub merge: Option<MergeState>,
    /// The remotes that the branch follows.
    pub tracking: Vec<Tracking>,
}

impl WorkingCopy {
    /// How things stand.
    pub fn status(&self) -> Result<Status> {
        let (head, commit) = (self.head()?, self.head_commit()?);
        // What was is read while what is is looked at.
        let (before, look) = thread::scope(|scope| {
            let before = scope.spawn(|| self.base_of_commit(commit));
            let look = self.look();
            (before.join(), look)
        });
        // Whoever panics there panics here.
        let before = before.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        let look = look?;
        Ok(Status {
            changes: changes(&before, &look.manifest),
            clashes: clashing_paths(&look.manifest),
            skipped: look.scan.skipped,
            is_staged: self.staged(&before)?.is_some(),
            merge: self.merge_state()?,
            tracking: self.tracking(&head, commit)?,
            head,
            commit,
        })
    }

    fn base_of_commit(&self, commit: Option<CommitId>) -> Result<Manifest> {
        let Some(id) = commit else { return Ok(Manifest::new()) };
        self.base(&self.known(&id)?.snapshot_id)
    }

    fn tracking(&self, head: &Head, commit: Option<CommitId>) -> Result<Vec<Tracking>> {
        let (Head::Branch(branch), Some(ours)) = (head, commit) else { return Ok(Vec::new()) };
        let graph = Graph::new(self);
        let mut all = Vec::new();
        for remote in self.config()?.remotes() {
            if remote.branch.as_ref() != Some(branch) {
                continue;
            }
            let Some(theirs) = self.remote_head(&remote.name, branch)? else { continue };
            let (ahead, behind) = graph.ahead_behind(ours, theirs)?;
            let (remote, branch) = (remote.name, branch.clone());
            all.push(Tracking { remote, branch, ahead, behind });
        }
        Ok(all)
    }
}
