//! A history in numbers.

use askama::Template;
use web::look::{Html, Layout, Share, When};

use super::{Head, filters};

/// `/{owner}/{name}/insights`.
#[derive(Debug, Clone, Template)]
#[template(path = "insights.html")]
pub(crate) struct InsightsPage {
    /// The frame.
    pub layout: Layout,
    /// Owner, name, tabs.
    pub head: Head,
    /// The branch that was counted.
    pub branch: String,
    /// Whether the numbers are made already.
    pub is_counted: bool,
    /// Whether there is anything to count.
    pub is_empty: bool,
    /// All commits of the branch.
    pub commits: u64,
    /// Of those, the ones that name an agent.
    pub by_agents: u64,
    /// The commits of a year.
    pub year: Year,
    /// The languages, the most bytes first.
    pub languages: Vec<Share>,
    /// The languages month by month, where there are several months.
    pub months: Option<Html>,
    /// Whom commits without an agent name.
    pub people: Contributors,
    /// Whom commits with an agent name.
    pub agents: Contributors,
    /// Bytes of all objects of the repository.
    pub size_bytes: u64,
    /// Its objects.
    pub objects: u64,
    /// All its commits, on every branch.
    pub all_commits: u64,
}

/// The commits of a year.
#[derive(Debug, Clone)]
pub(crate) struct Year {
    /// The first day.
    pub from: String,
    /// The last day.
    pub to: String,
    /// All commits between.
    pub commits: u64,
    /// Day by day.
    pub picture: Html,
    /// The weeks with commits, newest first.
    pub weeks: Vec<Week>,
    /// The year before.
    pub earlier_href: Option<String>,
    /// The year after.
    pub later_href: Option<String>,
}

/// The commits of a week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Week {
    /// Its Monday.
    pub monday: String,
    /// Commits that name no agent.
    pub people: u64,
    /// Commits that name one.
    pub agents: u64,
}

/// Contributors of one sort.
#[derive(Debug, Clone, Default)]
pub(crate) struct Contributors {
    /// How many there are.
    pub count: u64,
    /// Those with the most commits.
    pub shown: Vec<ContributorRow>,
}

/// Somebody whom commits name.
#[derive(Debug, Clone)]
pub(crate) struct ContributorRow {
    /// As written; may be empty.
    pub author: String,
    /// The agent; empty for people.
    pub agent_id: String,
    /// How many commits.
    pub commits: u64,
    /// The same beside those of the first in the list.
    pub bar: Html,
    /// The latest of them.
    pub last: When,
}
