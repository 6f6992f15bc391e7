//! Long histories: the graph as it is drawn, and what is told of them in numbers (`spec/hub.md` 9).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A line from a row of the graph to the next one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphEdge {
    /// The lane where it begins.
    pub from: u8,
    /// The lane where it ends.
    pub to: u8,
    /// Its colour, 0 to 255.
    pub colour: u8,
}

/// A commit in the graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphRow {
    /// Its id.
    pub commit: String,
    /// Their ids.
    pub parents: Vec<String>,
    /// The first line of its message.
    pub subject: String,
    /// As written.
    pub author: String,
    /// As written.
    pub committed_at: String,
    /// The agent that it names; may be empty.
    pub agent_id: String,
    /// Whether that agent did not sign it.
    pub is_untrusted_agent: bool,
    /// `verified`, `revoked_key`, `unknown_key`, `unverifiable` or `unsigned`.
    pub signature: String,
    /// Full names of the refs that are here.
    pub refs: Vec<String>,
    /// Where it stands, from 0.
    pub lane: u8,
    /// The colour of its lane, 0 to 255.
    pub colour: u8,
    /// Lines to the next row.
    pub edges: Vec<GraphEdge>,
}

/// A page of the graph, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphPage {
    /// The rows.
    pub items: Vec<GraphRow>,
    /// Where the next page begins.
    pub next_cursor: Option<String>,
}

/// A language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Language {
    /// Its name.
    pub language: String,
    /// Its files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// The languages of the default branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LanguageList {
    /// The commit that they were counted at; nothing while they are not.
    pub commit: Option<String>,
    /// The most bytes first.
    pub items: Vec<Language>,
    /// What there was at the end of each month with a commit, the oldest first.
    pub months: Vec<LanguageMonth>,
}

/// The languages at the end of a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LanguageMonth {
    /// As `2026-11`.
    pub month: String,
    /// Bytes by language.
    pub bytes: BTreeMap<String, u64>,
}

/// Somebody whom commits name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contributor {
    /// As written.
    pub author: String,
    /// The agent; empty for people.
    pub agent_id: String,
    /// How many commits.
    pub commits: u64,
    /// The earliest of them.
    pub first_at: String,
    /// The latest of them.
    pub last_at: String,
}

/// Whom the commits of the default branch name: the first hundred of each sort, the most commits first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContributorList {
    /// The commit that they were counted at.
    pub commit: Option<String>,
    /// All people.
    pub people_count: u64,
    /// All that were made with agents.
    pub agent_count: u64,
    /// Those without an agent.
    pub people: Vec<Contributor>,
    /// Those with one.
    pub agents: Vec<Contributor>,
}

/// The commits of a day in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitDay {
    /// `2026-11-30`.
    pub day: String,
    /// Commits that name no agent.
    pub people: u64,
    /// Commits that name one.
    pub agents: u64,
}

/// Commits of the default branch, day by day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitDays {
    /// The commit that they were counted at.
    pub commit: Option<String>,
    /// The first day, a Monday.
    pub from: String,
    /// The last day.
    pub to: String,
    /// The days with commits.
    pub days: Vec<CommitDay>,
}
