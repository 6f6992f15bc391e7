//! What happened, who likes it, who watches it, who follows whom.

use serde::{Deserialize, Serialize};

/// Whoever did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doer {
    /// The name.
    pub handle: String,
    /// `person`, `agent`, `organization` or `operator`.
    pub kind: String,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happening {
    /// Which row, for good; later ones are greater.
    pub id: String,
    /// When.
    pub time: String,
    /// What, by the names of the webhook catalogue.
    #[serde(rename = "type")]
    pub kind: String,
    /// Who did it; null: the install itself.
    pub actor: Option<Doer>,
    /// The owner of the agent that did it.
    pub on_behalf_of: Option<String>,
    /// In which repository, as `owner/name` is now.
    pub repository: Option<String>,
    /// What was made from it, where it was forked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fork: Option<String>,
    /// What it happened to.
    pub subject: String,
    /// The how-manieth it is of its subject.
    pub sequence: u64,
    /// What belongs to it.
    pub data: serde_json::Value,
}

/// Somebody in a list of people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Somebody {
    /// The name.
    pub handle: String,
    /// `person`, `agent`, `organization` or `operator`.
    pub kind: String,
    /// Since when they stand in it.
    pub since: String,
    /// How much a watcher wants to know; only of watchers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
}

/// The body of `PUT /api/v1/repos/{owner}/{name}/subscription`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    /// `participating`, `all`, `releases` or `ignore`.
    pub level: String,
}

/// What somebody's signed work comes to, day by day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heatmap {
    /// The first day, as a date in UTC.
    pub from: String,
    /// The last.
    pub to: String,
    /// Days with something on them.
    pub own: Vec<HeatDay>,
    /// Days on which an agent of theirs did something.
    pub by_agents: Vec<HeatDay>,
}

/// A day with something on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeatDay {
    /// Which.
    pub date: String,
    /// How much.
    pub count: u64,
    /// 1 for up to 3, 2 for up to 6, 3 for more.
    pub level: u8,
}
