//! Answers of searches (`spec/hub.md` 6).

use serde::{Deserialize, Serialize};

/// What `GET /api/v1/search` found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// What was searched: `code`, `files`, `commits` or `repositories`.
    pub r#type: String,
    /// The query as it was read.
    pub query: String,
    /// What it asks, in words: one of these is enough.
    pub meaning: Vec<String>,
    /// Whether words were looked for inside of longer words, as they stand nowhere by themselves.
    pub within_words: bool,
    /// How many were found.
    pub total: u64,
    /// Whether there may be more: the time was over, or more were found than are counted.
    pub partial: bool,
    /// The best of them.
    pub items: Vec<FoundItem>,
    /// What was found, by what it is.
    pub facets: Facets,
    /// Where the next page begins; null on the last.
    pub next_cursor: Option<String>,
}

/// How many of what was found are so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facets {
    /// By language.
    pub languages: Vec<Facet>,
    /// By repository, as `owner/name`.
    pub repositories: Vec<Facet>,
}

/// One value of a facet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facet {
    /// Which.
    pub name: String,
    /// How many.
    pub count: u64,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundItem {
    /// `owner/name`.
    pub repository: String,
    /// Its address, with the commit that it is of: the same for good.
    pub href: String,
    /// Of a file: where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Of a file: its language, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Of a file: its length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// Of a file the commit that it is of; of a commit its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit_id: Option<String>,
    /// What a file says there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<FoundLine>,
    /// Of a commit: the first line of its message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Of a commit: who is said to have written it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Of a commit: the agent that it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Of a commit: when it says it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed_at: Option<String>,
    /// Of a repository: what it is, in a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Of a repository: what it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topics: Option<Vec<String>>,
    /// Of a repository: `public` or `private`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<String>,
    /// Of a repository: when something was last pushed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed_at: Option<String>,
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundLine {
    /// From 1.
    pub number: u64,
    /// As it stands; of a long one what is around the first mark.
    pub text: String,
    /// What was looked for: from and up to, in bytes of `text`.
    pub marks: Vec<(usize, usize)>,
}

/// Something that repositories are about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicCount {
    /// The word.
    pub topic: String,
    /// How many repositories that the reader may see.
    pub repositories: u64,
}
