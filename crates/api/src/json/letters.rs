//! JSON of tasks that nobody tries any more, and of replays of many of them (`spec/work.md` 4, 6).

use serde::{Deserialize, Serialize};

/// A task that died.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Which.
    pub id: String,
    /// The run.
    pub run: String,
    /// The pipeline.
    pub pipeline: String,
    /// The task.
    pub task: String,
    /// The step.
    pub step: String,
    /// Where it stands in its run.
    pub address: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: String,
    /// `open`; `replaying` and `replayed`; `discarded`; `reopened` where the task was opened again in its run.
    pub state: String,
    /// The replay that takes care of it, or did.
    pub replay: Option<String>,
    /// The run in which it is tried again.
    pub replayed_by: Option<String>,
    /// Why the last replay could not.
    pub refused: Option<String>,
    /// When it was laid aside.
    pub discarded_at: Option<String>,
}

/// A page of tasks that died.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetterPage {
    /// Newest first.
    pub items: Vec<DeadLetter>,
    /// Where the list goes on.
    pub next_cursor: Option<String>,
}

/// Which open dead letters are meant: all for which everything holds that is said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadLetterFilter {
    /// Of this pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<String>,
    /// Of this step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// For this reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// An agent of this name held a claim of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Dead since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Dead before then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// The body of `POST /api/v1/publishers/{publisher}/dead-letters/replay`: either of the two.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayDeadLetters {
    /// These.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<String>>,
    /// All that are meant so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<DeadLetterFilter>,
}

/// A replay of many dead letters: a job, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetterReplay {
    /// Which.
    pub id: String,
    /// `running` or `done`.
    pub state: String,
    /// How many it takes care of.
    pub total: u64,
    /// How many are tried again.
    pub replayed: u64,
    /// How many could not be; they are open once more, and say why.
    pub refused: u64,
    /// When it was asked for.
    pub asked_at: String,
    /// When it was done.
    pub ended_at: Option<String>,
}
