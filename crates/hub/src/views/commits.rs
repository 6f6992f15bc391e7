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
    /// The days of this page, the newest first.
    pub days: Vec<Day>,
    /// The page with newer ones.
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
    pub commits: Vec<CommitLine>,
}
