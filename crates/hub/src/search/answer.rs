//! What is asked, and what a search answers.

use api::search::{Query, Subject};
use names::CommitId;

use super::excerpt::Line;
use crate::{Repository, reading::Commit, signatures};

/// In which order repositories come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Sort {
    /// The best first.
    #[default]
    Relevance,
    /// Those most people have marked first.
    Stars,
    /// The last pushed first.
    Pushed,
    /// By name.
    Name,
}

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) struct Search {
    pub(crate) subject: Subject,
    pub(crate) query: Query,
    pub(crate) sort: Sort,
    pub(crate) skip: usize,
    pub(crate) limit: usize,
}

/// One thing that was found.
#[derive(Debug, Clone)]
pub(crate) struct Hit {
    pub(crate) repository: Repository,
    /// The path of a file.
    pub(crate) path: String,
    pub(crate) language: String,
    pub(crate) size_bytes: u64,
    /// The commit that was found, or the one that the file is of.
    pub(crate) commit: Option<CommitId>,
    /// The commit that was found.
    pub(crate) record: Option<Commit>,
    /// Who signed it.
    pub(crate) judged: Option<signatures::Judged>,
    /// What the file says there.
    pub(crate) lines: Vec<Line>,
}

/// How many of what was found are so.
pub(crate) type Counted = Vec<(String, u64)>;

/// What a search found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) hits: Vec<Hit>,
    /// How many were found.
    pub(crate) total: usize,
    /// Whether there are more than were looked at.
    pub(crate) is_partial: bool,
    pub(crate) languages: Counted,
    pub(crate) repositories: Counted,
    /// Whether words were looked for inside of longer words, as they stand nowhere by themselves.
    pub(crate) is_within_words: bool,
}
