//! How the files stand to the head, and the branch to its remote (`spec/hub.md` 10).

use std::path::PathBuf;

use names::{BranchName, CommitId, PathError, RepoPath};

use super::{
    Graph, Head, Look, MergeState, PathChange, RemoteName, Result, SkipReason, WorkingCopy,
    base::{self, Base},
    changes::changes_between,
    files::damaged,
};
use crate::clashing_paths;

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
        let look = self.look()?;
        Ok(Status {
            changes: self.changes_since(commit, &look)?,
            clashes: clashing_paths(look.files.iter().map(|(path, _)| path)),
            skipped: look.skipped,
            is_staged: self.staged(|| self.manifest_of(commit))?.is_some(),
            merge: self.merge_state()?,
            tracking: self.tracking(&head, commit)?,
            head,
            commit,
        })
    }

    /// What the files are that they were not in `commit`. Where the index says that they are its snapshot, neither is
    /// walked through.
    fn changes_since(&self, commit: Option<CommitId>, look: &Look) -> Result<Vec<PathChange>> {
        let snapshot = commit.map(|id| self.known(&id)).transpose()?.map(|it| it.snapshot_id);
        if snapshot.is_some() && snapshot == look.snapshot {
            return Ok(Vec::new());
        }
        let base = snapshot.map(|id| self.base(&id)).transpose()?;
        let now = look.files.iter().map(|(path, object)| (path, *object));
        let path = |text: &str| {
            text.parse().map_err(|error: PathError| damaged(base::FILE, error.to_string()))
        };
        changes_between(base.iter().flat_map(Base::files), now, path)
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
