//! Branches and tags.

use askama::Template;
use web::look::{Layout, When};

use super::{CommitLine, Head, Signature, filters};

/// `/{owner}/{name}/branches`.
#[derive(Debug, Clone, Template)]
#[template(path = "branches.html")]
pub(crate) struct BranchesPage {
    /// The frame.
    pub layout: Layout,
    /// Owner, name, tabs.
    pub head: Head,
    /// The lists, one of them open.
    pub lists: Vec<List>,
    /// What the names that are shown have in them.
    pub part: String,
    /// Which list is open, for the form.
    pub show: &'static str,
    /// The branch that is shown first, on the first page.
    pub first: Option<BranchRow>,
    /// The others.
    pub branches: Vec<BranchRow>,
    /// Those that were taken away, where that list is open.
    pub deleted: Vec<DeletedRow>,
    /// The mark of the session of whoever may take branches away.
    pub csrf: Option<String>,
    /// The mark of the session of whoever may bring them back.
    pub restores: Option<String>,
    /// What could not be taken away or brought back, and why.
    pub fault: Option<String>,
    /// The page before.
    pub newer_href: Option<String>,
    /// The page after.
    pub older_href: Option<String>,
}

/// A list of branches, as a tab.
#[derive(Debug, Clone)]
pub(crate) struct List {
    /// What it is called.
    pub word: &'static str,
    /// Its address.
    pub href: String,
    /// How many branches it has, if they were counted.
    pub count: Option<u64>,
    /// Whether it is the one that is open.
    pub is_current: bool,
}

/// A branch.
#[derive(Debug, Clone)]
pub(crate) struct BranchRow {
    /// Its name.
    pub name: String,
    /// Its files.
    pub href: String,
    /// Its newest commit.
    pub commit: Option<CommitLine>,
    /// Who moved it last; may be empty.
    pub mover: String,
    /// How far it is from the branch that is shown first; nothing where that was not counted.
    pub apart: Option<Apart>,
    /// Whether it is the branch that is shown first.
    pub is_default: bool,
}

/// A branch that was taken away.
#[derive(Debug, Clone)]
pub(crate) struct DeletedRow {
    /// Its name.
    pub name: String,
    /// The commit that it was at, if that is here still.
    pub commit: Option<CommitLine>,
    /// When it went.
    pub when: When,
    /// Who took it away; may be empty.
    pub by: String,
}

/// How far two branches are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Apart {
    /// Commits that only this one has.
    pub ahead: u64,
    /// Commits that only the other one has.
    pub behind: u64,
}

/// Commits at which a bar is full: past it, more is not told apart.
const FULL: u64 = 64;

impl Apart {
    /// The length of a bar of 100 for a number: by doublings, so that one commit can be seen beside many.
    fn length(number: u64) -> u64 {
        let doublings = |it: u64| u64::from(u64::BITS - it.leading_zeros());
        doublings(number.min(FULL)) * 100 / doublings(FULL)
    }

    fn ahead_length(self) -> u64 {
        Self::length(self.ahead)
    }

    fn behind_length(self) -> u64 {
        Self::length(self.behind)
    }

    /// Where the bar of what is behind begins: it grows from the middle to the left.
    fn behind_from(self) -> u64 {
        100 - self.behind_length()
    }
}

/// `/{owner}/{name}/tags`.
#[derive(Debug, Clone, Template)]
#[template(path = "tags.html")]
pub(crate) struct TagsPage {
    /// The frame.
    pub layout: Layout,
    /// Owner, name, tabs.
    pub head: Head,
    /// What the names that are shown have in them.
    pub part: String,
    /// The tags, the one that moved last first.
    pub tags: Vec<TagRow>,
    /// The page before.
    pub newer_href: Option<String>,
    /// The page after.
    pub older_href: Option<String>,
}

/// A tag.
#[derive(Debug, Clone)]
pub(crate) struct TagRow {
    /// Its name.
    pub name: String,
    /// Its commit.
    pub commit: Option<CommitLine>,
    /// The files there.
    pub href: String,
    /// Who put it there; may be empty.
    pub mover: String,
    /// When.
    pub moved: When,
    /// The channel of its release, and whether that was taken out of use.
    pub release: Option<(String, bool)>,
    /// What it says itself; nothing for one that is only a name.
    pub note: Option<TagNote>,
}

/// What a tag says that has a message.
#[derive(Debug, Clone)]
pub(crate) struct TagNote {
    /// The first line of the message.
    pub subject: String,
    /// What follows it; may be empty.
    pub body: String,
    /// Who made it, as written; may be empty.
    pub tagger: String,
    /// When they say that it was made.
    pub tagged: Option<When>,
    /// State of its signature.
    pub signature: Signature,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_shows_one_commit_and_is_full_at_many() {
        assert_eq!(Apart::length(0), 0);
        assert!(Apart::length(1) >= 10);
        assert!(Apart::length(8) < Apart::length(32));
        assert_eq!(Apart::length(FULL), 100);
        assert_eq!(Apart::length(u64::MAX), 100);
        let apart = Apart { ahead: 3, behind: 64 };
        assert_eq!(apart.behind_from(), 0);
    }
}
