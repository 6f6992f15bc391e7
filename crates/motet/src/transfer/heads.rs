//! What the branches of a server are, once believed.

use api::wire::Refs;
use names::{BranchName, CommitId};

use super::TransferError;

/// The most branches that are taken: as many refs as a repository may have (`spec/hub.md` 1).
const MAX_BRANCHES: usize = 100_000;

/// The branches of a server, with their commits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Heads(Vec<(BranchName, CommitId)>);

impl Heads {
    /// Believes `refs` if every name can be that of a branch, each stands once, and none is a directory of
    /// another: a working copy keeps them as files.
    pub fn of(refs: &Refs) -> Result<Self, TransferError> {
        let bad = |name: &str, reason: String| TransferError::BadBranch {
            name: crate::visible::visible(name),
            reason,
        };
        if refs.branch_heads.len() > MAX_BRANCHES {
            return Err(TransferError::TooManyBranches { max: MAX_BRANCHES });
        }
        let mut heads: Vec<(BranchName, CommitId)> = Vec::new();
        for (name, commit) in &refs.branch_heads {
            let branch: BranchName = name.parse().map_err(|error| bad(name, format!("{error}")))?;
            heads.push((branch, *commit));
        }
        let mut names: Vec<&str> = heads.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        for name in &names {
            let is_below =
                |at: usize| names.binary_search(&name.get(..at).unwrap_or_default()).is_ok();
            if name.match_indices('/').any(|(at, _)| is_below(at)) {
                return Err(bad(name, "another branch is a directory of it".to_owned()));
            }
        }
        if let Some([twice, _]) = names.array_windows().find(|[one, other]| one == other) {
            return Err(bad(twice, "it is there twice".to_owned()));
        }
        Ok(Self(heads))
    }

    /// The commit of a branch.
    pub fn get(&self, branch: &BranchName) -> Option<CommitId> {
        self.iter().find(|(name, _)| *name == branch).map(|(_, commit)| commit)
    }

    /// All of them, in the order of the server.
    pub fn iter(&self) -> impl Iterator<Item = (&BranchName, CommitId)> {
        self.0.iter().map(|(name, commit)| (name, *commit))
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heads(names: &[&str]) -> Result<Heads, TransferError> {
        let commit = CommitId::of(b"a commit");
        let branch_heads = names.iter().map(|name| ((*name).to_owned(), commit)).collect();
        Heads::of(&Refs {
            repo_id: String::new(),
            domain: "code".into(),
            default_branch: "main".into(),
            branch_heads,
        })
    }

    #[test]
    fn names_that_a_working_copy_cannot_keep_are_not_believed() {
        for good in [&["main", "feature/a", "feature/b", "feature-a"][..], &[]] {
            assert_eq!(heads(good).unwrap().len(), good.len());
        }
        for bad in [
            &["main", "../../etc/passwd"][..],
            &["main", "a\u{1b}[2J"],
            &["main", "main"],
            &["a/b/c", "z", "a"],
            &["a/b/c", "a/b"],
            &["HEAD"],
        ] {
            assert!(matches!(heads(bad), Err(TransferError::BadBranch { .. })), "{bad:?}");
        }
    }
}
