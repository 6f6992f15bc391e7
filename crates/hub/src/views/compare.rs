//! One revision beside another.

use askama::Template;
use web::look::Layout;

use super::{
    Head,
    commit::Parent,
    commits::Day,
    diff::{Changes, FileBody},
    filters,
};

/// `/{owner}/{name}/compare` and `/{owner}/{name}/compare/{a}...{b}`.
#[derive(Debug, Clone, Template)]
#[template(path = "compare.html")]
pub(crate) struct ComparePage {
    /// The frame.
    pub layout: Layout,
    /// Owner, name, tabs.
    pub head: Head,
    /// Where the form leads.
    pub form_href: String,
    /// The first revision, as it was asked for.
    pub base: String,
    /// The second one; may be empty.
    pub compare: String,
    /// Branches to choose from.
    pub offered: Vec<String>,
    /// What came of it, if two are named.
    pub compared: Option<Compared>,
}

/// What the second revision has that the first does not.
#[derive(Debug, Clone)]
pub(crate) struct Compared {
    /// The newest commit that both lead to.
    pub merge_base: Option<Parent>,
    /// How many such commits there are that none of the others leads to.
    pub base_count: u64,
    /// Commits of the second that the first does not have.
    pub ahead: u64,
    /// Commits of the first that the second does not have.
    pub behind: u64,
    /// Those of the second.
    pub days: Vec<Day>,
    /// Whether there are more of them than are listed.
    pub has_more_commits: bool,
    /// The other way round.
    pub swap_href: String,
    /// The same for programs.
    pub patch_href: String,
    /// What they change.
    pub changes: Changes,
}
