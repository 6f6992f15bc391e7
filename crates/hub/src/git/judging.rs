//! What a push wants of refs, looked at one by one. Pure.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Bound,
};

pub(super) use api::RefUpdate as Update;
use names::{BranchName, CommitId};

use super::chores::Pointed;

/// Where refs of branches and of tags are.
pub(super) const HEADS: &str = "refs/heads/";
pub(super) const TAGS: &str = "refs/tags/";
const FOR: &str = "refs/for/";

/// What kind of ref, where it is one that can be pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Branch(BranchName),
    Tag(BranchName),
}

impl Kind {
    /// What `name` is, or why it is nothing that can be pushed.
    pub(super) fn of(name: &str) -> Result<Self, String> {
        if let Some(branch) = name.strip_prefix(HEADS) {
            return branch.parse().map(Self::Branch).map_err(|error| error.to_string());
        }
        if let Some(tag) = name.strip_prefix(TAGS) {
            let tag = tag.parse().map(Self::Tag);
            return tag.map_err(|error| error.to_string().replace("branch", "tag"));
        }
        if name.starts_with(FOR) {
            let sentence = "proposals are not there yet; push a branch of your own instead";
            return Err(sentence.to_owned());
        }
        Err("only branches (refs/heads/) and tags (refs/tags/) can be pushed".to_owned())
    }

    /// The name without what says the kind.
    pub(super) const fn name(&self) -> &BranchName {
        match self {
            Self::Branch(name) | Self::Tag(name) => name,
        }
    }
}

/// A ref as its row has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Present {
    /// The commit.
    pub(super) target: CommitId,
    /// The tag that leads to it, where the ref names one.
    pub(super) object: Option<CommitId>,
}

impl Present {
    /// What Git's own ref holds.
    pub(super) fn held(&self) -> CommitId {
        self.object.unwrap_or(self.target)
    }
}

/// Where a ref goes that may go there, as far as can be seen from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sound {
    pub(super) kind: Kind,
    pub(super) from: Option<Present>,
    pub(super) to: Option<Present>,
}

/// What a push is looked at with.
#[derive(Debug)]
pub(super) struct Judge<'a> {
    pub(super) rows: &'a BTreeMap<String, Present>,
    pub(super) pointed: &'a HashMap<CommitId, Pointed>,
    /// The branch that is shown first, which stays.
    pub(super) default_branch: &'a BranchName,
}

impl Judge<'_> {
    /// Says of each update whether it can be; in the order of the updates.
    pub(super) fn judge(&self, updates: &[Update]) -> Vec<Result<Sound, String>> {
        let beside = self.beside(updates);
        updates.iter().map(|it| self.sound(it, &beside)).collect()
    }

    /// The refs that are there and those that come. Git moves refs that are a directory of each other in two goes only, so
    /// what goes makes no room for what comes with it.
    fn beside<'a>(&'a self, updates: &'a [Update]) -> BTreeSet<&'a str> {
        let come = updates.iter().filter(|it| it.new.is_some()).map(|it| it.name.as_str());
        self.rows.keys().map(String::as_str).chain(come).collect()
    }

    fn sound(&self, update: &Update, beside: &BTreeSet<&str>) -> Result<Sound, String> {
        let Update { name, old, new } = update;
        let kind = Kind::of(name)?;
        let from = self.rows.get(name).copied();
        if from.map(|it| it.held()) != *old {
            return Err("it has moved meanwhile; fetch first".to_owned());
        }
        let Some(new) = new else {
            if kind == Kind::Branch(self.default_branch.clone()) {
                let sentence =
                    "the branch that is shown first cannot be deleted; choose another one before";
                return Err(sentence.to_owned());
            }
            return Ok(Sound { kind, from, to: None });
        };
        if from.is_none()
            && let Some(other) = clash(name, beside)
        {
            return Err(format!("it cannot be beside {other}: one is a directory of the other"));
        }
        let to = match (self.pointed.get(new), &kind) {
            (Some(Pointed::Commit), _) => Present { target: *new, object: None },
            (Some(Pointed::Tag(commit)), Kind::Tag(_)) => {
                Present { target: *commit, object: Some(*new) }
            }
            (Some(Pointed::Tag(_)), Kind::Branch(_)) => {
                return Err("a branch is a commit, and this is a tag".to_owned());
            }
            (Some(Pointed::Other) | None, _) => {
                return Err("branches and tags lead to commits, and this does not".to_owned());
            }
        };
        Ok(Sound { kind, from, to: Some(to) })
    }
}

/// Another ref of which `name` is a directory, or which is one of `name`.
fn clash<'a>(name: &str, beside: &BTreeSet<&'a str>) -> Option<&'a str> {
    let below = format!("{name}/");
    let from = (Bound::Included(below.as_str()), Bound::Unbounded);
    if let Some(other) = beside.range::<str, _>(from).next()
        && other.starts_with(&below)
    {
        return Some(*other);
    }
    let ends = name.match_indices('/').map(|(at, _)| at);
    let above = ends.filter_map(|at| name.get(..at));
    above.filter_map(|it| beside.get::<str>(it)).copied().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> CommitId {
        format!("{number:02x}").repeat(20).parse().unwrap()
    }

    fn update(name: &str, old: Option<u8>, new: Option<u8>) -> Update {
        Update { name: name.to_owned(), old: old.map(id), new: new.map(id) }
    }

    #[test]
    fn updates_are_read_as_git_writes_them() {
        let (none, one) = ("0".repeat(40), "01".repeat(20));
        let line = format!("{none} {one} refs/heads/a b");
        let read = Update::parse(line.as_bytes()).unwrap();
        assert_eq!(read, update("refs/heads/a b", None, Some(1)));
        for bad in ["", "0 1", "x y refs/heads/a", &format!("{none} {one}")] {
            assert_eq!(Update::parse(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(Update::parse(b"\xff \xff \xff"), None);
    }

    #[test]
    fn each_update_is_judged_by_itself() {
        let rows = [("refs/heads/main", 1), ("refs/heads/side", 2), ("refs/tags/v1", 1)];
        let rows =
            rows.map(|(name, at)| (name.to_owned(), Present { target: id(at), object: None }));
        let rows = BTreeMap::from(rows);
        let pointed =
            [(id(3), Pointed::Commit), (id(4), Pointed::Tag(id(3))), (id(5), Pointed::Other)];
        let pointed = HashMap::from(pointed);
        let main = "main".parse().unwrap();
        let judge = Judge { rows: &rows, pointed: &pointed, default_branch: &main };
        for (name, old, new, word) in [
            ("refs/heads/main", Some(1), Some(3), ""),
            ("refs/heads/main", Some(2), Some(3), "moved meanwhile"),
            ("refs/heads/main", None, Some(3), "moved meanwhile"),
            ("refs/heads/main", Some(1), None, "shown first"),
            ("refs/heads/side", Some(2), None, ""),
            ("refs/heads/main/a", None, Some(3), "beside refs/heads/main"),
            ("refs/heads/new", None, Some(3), ""),
            ("refs/heads/new", None, Some(4), "this is a tag"),
            ("refs/heads/new", None, Some(5), "lead to commits"),
            ("refs/heads/new", None, Some(9), "lead to commits"),
            ("refs/heads/new", None, None, ""),
            ("refs/tags/v2", None, Some(4), ""),
            ("refs/tags/v2", None, Some(5), "lead to commits"),
            ("refs/heads/a..b", None, Some(3), "dot"),
            ("refs/heads/0101010101010101010101010101010101010101", None, Some(3), "commit id"),
            ("refs/tags/a b", None, Some(3), "tag name"),
            ("refs/for/main", None, Some(3), "proposals"),
            ("refs/pull/1/head", None, Some(3), "only branches"),
            ("refs/proposals/1", None, Some(3), "only branches"),
            ("HEAD", None, Some(3), "only branches"),
        ] {
            let verdict = judge.judge(&[update(name, old, new)]).remove(0);
            match (word, verdict) {
                ("", verdict) => assert!(verdict.is_ok(), "{name}: {verdict:?}"),
                (word, verdict) => {
                    let sentence = verdict.unwrap_err();
                    assert!(sentence.contains(word), "{name}: {sentence}");
                }
            }
        }
    }

    #[test]
    fn what_comes_fits_beside_what_is_there_and_what_comes_with_it() {
        let rows =
            BTreeMap::from([("refs/heads/a".to_owned(), Present { target: id(1), object: None })]);
        let pointed = HashMap::from([(id(3), Pointed::Commit)]);
        let main = "main".parse().unwrap();
        let judge = Judge { rows: &rows, pointed: &pointed, default_branch: &main };
        let (gone, below) =
            (update("refs/heads/a", Some(1), None), update("refs/heads/a/b", None, Some(3)));
        let both = judge.judge(&[gone, below]);
        assert!(both[0].is_ok() && both[1].is_err(), "{both:?}");
        let (high, deep) =
            (update("refs/heads/x", None, Some(3)), update("refs/heads/x/y/z", None, Some(3)));
        let other = update("refs/heads/x-y", None, Some(3));
        let all = judge.judge(&[high, deep, other]);
        assert!(all[0].is_err() && all[1].is_err() && all[2].is_ok(), "{all:?}");
    }
}
