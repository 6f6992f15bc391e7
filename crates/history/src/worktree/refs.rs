//! HEAD, branches, tags and the heads of remotes: files that hold a commit id (`spec/wire.md` 2).

use std::{io, str::FromStr as _};

use names::{BranchName, CommitId};

use super::{
    RemoteName, Result, WorkingCopy, WorktreeError,
    dir::Found,
    files::{damaged, split},
};

const HEADS: &str = "refs/heads";
const TAGS: &str = "refs/tags";

/// Where the next commit goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// To a branch, which may have no commit yet.
    Branch(BranchName),
    /// To no branch: some commit is looked at.
    Detached(CommitId),
}

impl WorkingCopy {
    /// Where HEAD points.
    pub fn head(&self) -> Result<Head> {
        let text = self.read_text("HEAD")?.ok_or_else(|| damaged("HEAD", "it is not there"))?;
        let parsed = match text.trim_end().split_once(": ") {
            Some(("ref", name)) => name
                .strip_prefix("refs/heads/")
                .and_then(|name| name.parse().ok())
                .map(Head::Branch),
            Some(("commit", id)) => CommitId::from_sha256_text(id).ok().map(Head::Detached),
            Some(_) | None => None,
        };
        parsed.ok_or_else(|| damaged("HEAD", "it names neither a branch nor a commit"))
    }

    /// Points HEAD elsewhere; the files stay as they are.
    pub fn set_head(&self, head: &Head) -> Result<()> {
        let text = match head {
            Head::Branch(branch) => format!("ref: {}\n", branch.full()),
            Head::Detached(commit) => format!("commit: {commit}\n"),
        };
        self.write_file("HEAD", text.as_bytes())
    }

    /// The commit that HEAD leads to; none on a branch without a commit.
    pub fn head_commit(&self) -> Result<Option<CommitId>> {
        match self.head()? {
            Head::Branch(branch) => self.branch_head(&branch),
            Head::Detached(commit) => Ok(Some(commit)),
        }
    }

    /// The newest commit of a branch; none if it has none, or does not exist.
    pub fn branch_head(&self, branch: &BranchName) -> Result<Option<CommitId>> {
        self.read_ref(HEADS, branch)
    }

    /// Moves a branch, and makes it if need be. None leaves it without a commit.
    pub fn set_branch_head(&self, branch: &BranchName, commit: Option<CommitId>) -> Result<()> {
        self.write_ref(HEADS, branch, commit)
    }

    /// Removes a branch.
    pub fn delete_branch(&self, branch: &BranchName) -> Result<()> {
        self.delete_ref(HEADS, branch)
    }

    /// All branches with their commits, by name. Files whose name is none of a branch are left out.
    pub fn branches(&self) -> Result<Vec<(BranchName, Option<CommitId>)>> {
        self.list_refs(HEADS)
    }

    /// The commit that a tag names.
    pub fn tag(&self, name: &BranchName) -> Result<Option<CommitId>> {
        self.read_ref(TAGS, name)
    }

    /// Makes a tag, or moves it.
    pub fn set_tag(&self, name: &BranchName, commit: CommitId) -> Result<()> {
        self.write_ref(TAGS, name, Some(commit))
    }

    /// Removes a tag.
    pub fn delete_tag(&self, name: &BranchName) -> Result<()> {
        self.delete_ref(TAGS, name)
    }

    /// All tags with their commits, by name.
    pub fn tags(&self) -> Result<Vec<(BranchName, Option<CommitId>)>> {
        self.list_refs(TAGS)
    }

    /// The commit that a branch of a remote had when it was last seen.
    pub fn remote_head(
        &self,
        remote: &RemoteName,
        branch: &BranchName,
    ) -> Result<Option<CommitId>> {
        self.read_ref(&format!("remotes/{remote}"), branch)
    }

    /// Notes what a branch of a remote has.
    pub fn set_remote_head(
        &self,
        remote: &RemoteName,
        branch: &BranchName,
        commit: CommitId,
    ) -> Result<()> {
        self.write_ref(&format!("remotes/{remote}"), branch, Some(commit))
    }

    /// Notes what several branches of a remote have, with one wait for the disk.
    pub fn set_remote_heads<'a>(
        &self,
        remote: &RemoteName,
        heads: impl IntoIterator<Item = (&'a BranchName, CommitId)>,
    ) -> Result<()> {
        let space = format!("remotes/{remote}");
        for (branch, commit) in heads {
            self.put_ref(&space, branch, Some(commit), Self::put_bytes)?;
        }
        self.sync()
    }

    /// Forgets a branch of a remote.
    pub fn delete_remote_head(&self, remote: &RemoteName, branch: &BranchName) -> Result<()> {
        self.delete_ref(&format!("remotes/{remote}"), branch)
    }

    /// All branches of a remote as they were last seen, by name.
    pub fn remote_heads(&self, remote: &RemoteName) -> Result<Vec<(BranchName, Option<CommitId>)>> {
        self.list_refs(&format!("remotes/{remote}"))
    }

    fn read_ref(&self, space: &str, name: &BranchName) -> Result<Option<CommitId>> {
        let path = format!("{space}/{name}");
        let text = match self.read_text(&path) {
            Ok(text) => text.unwrap_or_default(),
            // `a` is a branch, and `a/b` was asked for.
            Err(WorktreeError::Io { cause, .. })
                if cause.kind() == io::ErrorKind::NotADirectory =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        match text.trim_end() {
            "" => Ok(None),
            id => CommitId::from_sha256_text(id)
                .map(Some)
                .map_err(|error| damaged(&path, error.to_string())),
        }
    }

    fn write_ref(&self, space: &str, name: &BranchName, commit: Option<CommitId>) -> Result<()> {
        self.put_ref(space, name, commit, Self::write_file)
    }

    fn put_ref(
        &self,
        space: &str,
        name: &BranchName,
        commit: Option<CommitId>,
        write: impl FnOnce(&Self, &str, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let path = format!("{space}/{name}");
        let text = commit.map(|id| id.to_string()).unwrap_or_default();
        // A directory that refs were removed from is in nobody's way.
        let (above, last) = split(&path);
        if let Ok(Some(above)) = self.muse.descend(above)
            && matches!(above.find(last), Ok(Some(Found::Directory)))
        {
            above.remove_empty(last).map_err(WorktreeError::io(&path))?;
        }
        write(self, &path, text.as_bytes()).map_err(|error| match error {
            WorktreeError::Io { cause, .. }
                if matches!(
                    cause.kind(),
                    io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory
                ) =>
            {
                WorktreeError::RefConflict { name: path }
            }
            other => other,
        })
    }

    /// Removes the file, and the directories above it that are empty then, so that they are in nobody's way.
    fn delete_ref(&self, space: &str, name: &BranchName) -> Result<()> {
        let path = format!("{space}/{name}");
        self.remove_file(&path)?;
        let (mut directory, _) = split(&path);
        while directory.len() > space.len() {
            let (above, name) = split(directory);
            let remove = || match self.muse.descend(above)? {
                Some(parent) => parent.remove_empty(name),
                None => Ok(true),
            };
            if !remove().map_err(WorktreeError::io(directory))? {
                break;
            }
            directory = above;
        }
        Ok(())
    }

    fn list_refs(&self, space: &str) -> Result<Vec<(BranchName, Option<CommitId>)>> {
        let (mut names, mut waiting) = (Vec::new(), vec![String::new()]);
        while let Some(prefix) = waiting.pop() {
            let path = format!("{space}/{prefix}");
            let list = || match self.muse.descend(&path)? {
                Some(directory) => directory.entries(),
                None => Ok(Vec::new()),
            };
            for (name, found) in list().map_err(WorktreeError::io(&path))? {
                let Some(name) = name.to_str() else { continue };
                let full = format!("{prefix}{name}");
                // A name too long or strange for a branch is not looked into either.
                let Ok(branch) = BranchName::from_str(&full) else { continue };
                match found {
                    Found::File(_) => names.push(branch),
                    Found::Directory => waiting.push(full + "/"),
                    Found::Link | Found::Other => {}
                }
            }
        }
        names.sort_unstable();
        names.into_iter().map(|name| Ok((name.clone(), self.read_ref(space, &name)?))).collect()
    }
}
