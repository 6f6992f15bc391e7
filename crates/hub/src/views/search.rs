//! Searching, and finding a file by its name.

use askama::Template;
use web::look::Layout;

use super::{CommitLine, Head, RepositoryRow, filters};

/// `/search`.
#[derive(Debug, Clone, Template)]
#[template(path = "search.html")]
pub(crate) struct SearchPage {
    /// The frame.
    pub layout: Layout,
    /// What was typed.
    pub query: String,
    /// What is searched.
    pub subject: &'static str,
    /// What can be searched, with how much of each was found.
    pub subjects: Vec<SubjectTab>,
    /// What the query asks, in words; one of these is enough.
    pub meaning: Vec<String>,
    /// What is wrong with the query.
    pub faults: Vec<String>,
    /// What was found; nothing while nothing was asked.
    pub results: Option<Results>,
    /// What can be typed before a colon.
    pub keys: Vec<(&'static str, &'static str)>,
}

/// One thing that can be searched.
#[derive(Debug, Clone)]
pub(crate) struct SubjectTab {
    /// What it is called.
    pub name: &'static str,
    /// The same query about it.
    pub href: String,
    /// How many it finds; nothing if the query cannot be asked about it, or nothing was asked.
    pub count: Option<String>,
    /// Whether it is the one that is shown.
    pub is_current: bool,
}

/// What was found.
#[derive(Debug, Clone)]
pub(crate) struct Results {
    /// How many, in words.
    pub total: String,
    /// Whether there may be more than were looked at.
    pub is_partial: bool,
    /// Whether words were looked for inside of longer words.
    pub is_within_words: bool,
    /// The files of this page.
    pub files: Vec<FoundFile>,
    /// The commits of this page, each with its repository and the address of that.
    pub commits: Vec<(CommitLine, String, String)>,
    /// The repositories of this page.
    pub repositories: Vec<RepositoryRow>,
    /// What the result can be narrowed to.
    pub facets: Vec<Facet>,
    /// The page before.
    pub newer_href: Option<String>,
    /// The page behind.
    pub older_href: Option<String>,
}

impl Results {
    fn is_empty(&self) -> bool {
        self.files.is_empty() && self.commits.is_empty() && self.repositories.is_empty()
    }
}

/// A file that was found.
#[derive(Debug, Clone)]
pub(crate) struct FoundFile {
    /// `owner/name`.
    pub repository: String,
    /// The address of that.
    pub repository_href: String,
    /// Where it is in there.
    pub path: String,
    /// Its address, with the commit in it.
    pub href: String,
    /// Its language; may be empty.
    pub language: String,
    /// The first digits of the commit that it is of.
    pub commit: String,
    /// What it says there.
    pub lines: Vec<FoundLine>,
}

/// A line of it.
#[derive(Debug, Clone)]
pub(crate) struct FoundLine {
    /// From 1.
    pub number: u64,
    /// Its address.
    pub href: String,
    /// The text in parts, and which of them were looked for.
    pub parts: Vec<(String, bool)>,
}

/// What a result can be narrowed to.
#[derive(Debug, Clone)]
pub(crate) struct Facet {
    /// What it is about.
    pub name: &'static str,
    /// Values with the queries that ask for them alone, and how many they find.
    pub values: Vec<(String, String, u64)>,
}

/// `/{owner}/{name}/find/{ref}`.
#[derive(Debug, Clone, Template)]
#[template(path = "find.html")]
pub(crate) struct FindPage {
    /// The frame.
    pub layout: Layout,
    /// The tabs.
    pub head: Head,
    /// The branch or commit.
    pub revision: String,
    /// Its directory.
    pub tree_href: String,
    /// What was typed.
    pub query: String,
    /// Paths that fit, with their addresses.
    pub files: Vec<(String, String)>,
    /// How many fit, in words.
    pub total: String,
    /// Whether there are more than a list holds.
    pub is_truncated: bool,
    /// Where the script has all paths from.
    pub list_href: String,
    /// What addresses of files begin with.
    pub blob_href: String,
    /// The script that finds as one types.
    pub script: &'static str,
}
