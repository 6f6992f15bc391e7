//! What a text in an address names (`spec/hub.md` 3, `resolve`).

use db::Tx;
use names::{BranchName, CommitId, RepoPath};

use super::{all_visible, branches, known_commits, shown_first};
use crate::{Error, Repository};

/// A commit, and how it was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Revision {
    /// The commit.
    pub(crate) commit: CommitId,
    /// The branch, if one was named.
    pub(crate) branch: Option<BranchName>,
}

impl Revision {
    /// The text that names it in addresses.
    pub(crate) fn text(&self) -> String {
        self.branch.as_ref().map_or_else(|| self.commit.to_string(), ToString::to_string)
    }

    /// The branch that a repository shows first; nothing while it is empty.
    pub(crate) async fn first(tx: &mut Tx, repository: &Repository) -> Result<Option<Self>, Error> {
        let heads = branches(tx, repository.id).await?;
        let first = shown_first(&heads, repository);
        Ok(first.map(|(name, id)| Self { commit: *id, branch: Some(name.clone()) }))
    }

    /// Reads `ref/path` of an address: the longest branch name that fits wins, else a full commit id that a ref leads
    /// to. The path may be empty.
    pub(crate) async fn with_path(
        tx: &mut Tx,
        repository: &Repository,
        text: &str,
    ) -> Result<(Self, Option<RepoPath>), Error> {
        let text = text.trim_matches('/');
        let heads = branches(tx, repository.id).await?;
        let fits = |name: &BranchName| {
            let rest = text.strip_prefix(name.as_str())?;
            (rest.is_empty() || rest.starts_with('/')).then_some(rest.trim_start_matches('/'))
        };
        let longest = heads
            .iter()
            .filter_map(|(name, id)| Some((name, id, fits(name)?)))
            .max_by_key(|(name, ..)| name.as_str().len());
        if let Some((name, id, rest)) = longest {
            return Ok((Self { commit: *id, branch: Some(name.clone()) }, path(rest)?));
        }
        let (first, rest) = text.split_once('/').unwrap_or((text, ""));
        let commit = first.parse().map_err(|_| Error::NotFound)?;
        let known = known_commits(tx, repository.id, &[commit]).await?;
        if !known.contains_key(&commit) || !all_visible(tx, repository.id, &[commit]).await? {
            return Err(Error::NotFound);
        }
        Ok((Self { commit, branch: None }, path(rest)?))
    }
}

/// A path of an address. What cannot be a path is not there.
fn path(text: &str) -> Result<Option<RepoPath>, Error> {
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(|_| Error::NotFound) }
}
