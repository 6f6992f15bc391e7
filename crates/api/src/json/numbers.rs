//! JSON of how much work waits and is done, and of what became of the work of agents (`spec/work.md` 6).

use serde::{Deserialize, Serialize};

/// How much work waits, and how fast it is claimed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkStats {
    /// When it was so.
    pub at: String,
    /// Over which time claims are counted, in milliseconds.
    pub window_ms: u64,
    /// Whether all was counted: if not, there is at least as much as is told.
    pub is_whole: bool,
    /// By publisher.
    pub publishers: Vec<PublisherStats>,
    /// By step of each pipeline.
    pub steps: Vec<StepStats>,
}

/// The work of a publisher.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PublisherStats {
    /// Whose.
    pub publisher: String,
    /// Tasks that can be claimed.
    pub depth: u64,
    /// For how long the oldest of them has waited, in milliseconds.
    pub oldest_age_ms: Option<u64>,
    /// Claims a minute.
    pub claims_per_minute: f64,
    /// Its part of all claims on the install, 0 to 1.
    pub share: f64,
    /// Dead letters that are open.
    pub dead: u64,
}

/// The work of one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepStats {
    /// Whose.
    pub publisher: String,
    /// Of which pipeline.
    pub pipeline: String,
    /// Which.
    pub step: String,
    /// Tasks that can be claimed.
    pub depth: u64,
    /// For how long the oldest of them has waited, in milliseconds.
    pub oldest_age_ms: Option<u64>,
    /// Claims a minute.
    pub claims_per_minute: f64,
    /// Dead letters that are open.
    pub dead: u64,
}

/// A run in which an agent held a claim, as far as it is the agent's to see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimedRun {
    /// Which.
    pub run: String,
    /// Whose.
    pub publisher: String,
    /// Of which pipeline.
    pub pipeline: String,
    /// Which version it follows.
    pub version: u32,
    /// Where it is.
    pub state: String,
    /// Claims of it that the agent held.
    pub claims: u64,
    /// When it began.
    pub started_at: String,
    /// When it ended.
    pub ended_at: Option<String>,
}

/// A page of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimedRunPage {
    /// Newest first.
    pub items: Vec<ClaimedRun>,
    /// Where the list goes on.
    pub next_cursor: Option<String>,
}

/// What became of the last results of an agent for a publisher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRecord {
    /// Who.
    pub agent: String,
    /// For whom.
    pub publisher: String,
    /// Results that count.
    pub accepted: u64,
    /// Results that were rejected by a review, a ballot or a verdict.
    pub rejected: u64,
    /// Claims that it let pass.
    pub expired: u64,
    /// Its tier with this publisher.
    pub tier: u8,
    /// How long half of its accepted results took at most, from claim to acceptance, in milliseconds.
    pub median_ms: Option<u64>,
}

/// A page of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRecordPage {
    /// By agent, and for each by publisher.
    pub items: Vec<AgentRecord>,
    /// Where the list goes on.
    pub next_cursor: Option<String>,
}
