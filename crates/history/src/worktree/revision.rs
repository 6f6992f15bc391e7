//! Which commit the user means: `HEAD`, a branch, a tag, `remote/branch`, an id or its beginning, each with `~2` or
//! `^2` behind it.

use names::{BranchName, CommitId};

use super::{Result, WorkingCopy, WorktreeError};

/// The least that tells commits apart.
const MIN_ID_CHARS: usize = 4;
const ID_CHARS: usize = 64;

impl WorkingCopy {
    /// The commit that `text` means.
    pub fn resolve(&self, text: &str) -> Result<CommitId> {
        let unknown = || WorktreeError::UnknownRevision(text.to_owned());
        let (name, steps) = match text.find(['~', '^']) {
            Some(at) => text.split_at(at),
            None => (text, ""),
        };
        let mut id = self.resolve_name(name)?.ok_or_else(unknown)?;
        let mut rest = steps;
        while let Some(sign) = rest.chars().next() {
            let after = rest.get(1..).unwrap_or_default();
            let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
            let (number, next) = after.split_at(end);
            let number: u32 =
                if number.is_empty() { 1 } else { number.parse().map_err(|_| unknown())? };
            id = match (sign, number) {
                ('~', number) => self.ancestor(id, number)?.ok_or_else(unknown)?,
                ('^', 0) => id,
                ('^', 1) => self.ancestor(id, 1)?.ok_or_else(unknown)?,
                ('^', 2) => self.known(&id)?.parent2_commit_id.ok_or_else(unknown)?,
                _ => return Err(unknown()),
            };
            rest = next;
        }
        Ok(id)
    }

    /// The record of a commit that must be here.
    pub fn known(&self, id: &CommitId) -> Result<api::CommitRecord> {
        self.commit(id)?.ok_or(WorktreeError::MissingCommit(*id))
    }

    fn ancestor(&self, id: CommitId, generations: u32) -> Result<Option<CommitId>> {
        let mut at = id;
        for _ in 0..generations {
            match self.known(&at)?.parent_commit_id {
                Some(parent) => at = parent,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    fn resolve_name(&self, name: &str) -> Result<Option<CommitId>> {
        if name == "HEAD" || name == "@" {
            return self.head_commit();
        }
        if let Ok(branch) = name.parse::<BranchName>() {
            if let Some(id) = self.branch_head(&branch)? {
                return Ok(Some(id));
            }
            if let Some(id) = self.tag(&branch)? {
                return Ok(Some(id));
            }
        }
        if let Some((remote, branch)) = name.split_once('/')
            && let (Ok(remote), Ok(branch)) = (remote.parse(), branch.parse())
            && let Some(id) = self.remote_head(&remote, &branch)?
        {
            return Ok(Some(id));
        }
        self.resolve_id(name)
    }

    fn resolve_id(&self, text: &str) -> Result<Option<CommitId>> {
        let is_id = text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
        if !is_id || text.len() < MIN_ID_CHARS || text.len() > ID_CHARS {
            return Ok(None);
        }
        if let Ok(id) = CommitId::from_sha256_text(text) {
            return Ok(self.commit(&id)?.map(|_| id));
        }
        let list = || match self.muse.descend("commits")? {
            Some(directory) => directory.names(),
            None => Ok(Vec::new()),
        };
        let names = list().map_err(WorktreeError::io(".muse/commits"))?;
        let mut fits = names.iter().filter_map(|name| {
            let id = name.to_str()?.strip_suffix(".json")?;
            id.starts_with(text).then(|| id.parse().ok())?
        });
        match (fits.next(), fits.next()) {
            (Some(_), Some(_)) => Err(WorktreeError::AmbiguousRevision(text.to_owned())),
            (found, _) => Ok(found),
        }
    }
}
