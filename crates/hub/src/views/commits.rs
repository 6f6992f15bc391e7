//! The commits of a branch, by day.

use askama::Template;
use web::look::{Crumb, Layout};

use super::{BranchMenu, CommitLine, Head, filters};

/// `/{owner}/{name}/commits/{ref}/{path}`.
#[derive(Debug, Clone, Template)]
#[template(path = "commits.html")]
pub(crate) struct CommitsPage {
    /// The frame.
    pub layout: Layout,
    /// Owner, name, tabs.
    pub head: Head,
    /// The menu of branches.
    pub branches: BranchMenu,
    /// The path whose commits these are, from the repository's root; empty for all commits.
    pub path: Vec<Crumb>,
    /// What is looked for.
    pub filter: Filter,
    /// Where two chosen commits are compared.
    pub compare_href: String,
    /// Whether time ran out before the page was full.
    pub is_partial: bool,
    /// The days of this page, the newest first.
    pub days: Vec<Day>,
    /// The first page, where this is another one.
    pub newer_href: Option<String>,
    /// The page with older ones.
    pub older_href: Option<String>,
}

/// The commits of one day.
#[derive(Debug, Clone)]
pub(crate) struct Day {
    /// `21 November 2026`.
    pub title: String,
    /// Its commits, the newest first.
    pub commits: Vec<CommitRow>,
}

/// A commit with what a list adds to its line.
#[derive(Debug, Clone)]
pub(crate) struct CommitRow {
    /// The line.
    pub line: CommitLine,
    /// Its full id.
    pub id: String,
    /// `major`, `minor` or `patch` as the client estimated it; empty for none.
    pub bump: String,
    /// The path that is asked about, as it was called then, where that was another name; else empty.
    pub path: String,
}

/// The fields of the form above a list of commits, as they were typed.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    /// Where the form leads.
    pub here: String,
    /// A part of the author.
    pub author: String,
    /// A part of the message.
    pub text: String,
    /// A day.
    pub since: String,
    /// A day.
    pub until: String,
    /// Whether a file is followed to its former names.
    pub is_followed: bool,
    /// Whether there is a path to follow.
    pub is_of_path: bool,
    /// Whether anything is looked for.
    pub is_open: bool,
}
