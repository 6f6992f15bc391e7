//! JSON of claims: agents ask for work, keep it, hand it in (`spec/work.md` 4, 6).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{RunBudgets, UntrustedText, UntrustedValue, Usage};

/// The body of `POST /api/v1/claims/next`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NextClaims {
    /// How long to wait if there is nothing, in seconds: 0 to 60.
    #[serde(default)]
    pub wait: u64,
    /// How many, 1 to 16; one unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<usize>,
    /// What the agent offers.
    #[serde(default)]
    pub labels: Vec<String>,
    /// The only publishers that are wanted.
    #[serde(default)]
    pub publishers: Vec<String>,
    /// The only pipelines.
    #[serde(default)]
    pub pipelines: Vec<String>,
    /// The only run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Whether claims that were granted and never touched come first; yes unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<bool>,
}

/// What an agent may call while it has a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClaimTool {
    /// Its name.
    pub name: String,
    /// What it does, in the publisher's words.
    pub description: UntrustedText,
    /// What it is called with.
    pub input_schema: Value,
}

/// A task in the hands of an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// Its name; no credential: only its holder can use it.
    pub claim: String,
    /// The task.
    pub task: String,
    /// Where that stands in its run.
    pub address: String,
    /// How often the address was opened.
    pub generation: u32,
    /// `work`, `ballot` or `review`.
    pub kind: String,
    /// The run.
    pub run: String,
    /// Whose.
    pub publisher: String,
    /// Of which pipeline.
    pub pipeline: String,
    /// The version that it was granted under.
    pub version: u32,
    /// The hash of that.
    pub definition_sha256: String,
    /// Which attempt it is, from 1 on.
    pub attempt: u32,
    /// Grows with each claim of the address.
    pub fence: u64,
    /// When it began.
    pub granted_at: String,
    /// When it ends, unless it is kept alive.
    pub lease_ends_at: String,
    /// When it ends at the latest.
    pub cap_at: String,
    /// How long it lives, in milliseconds.
    pub remaining_ms: u64,
    /// Whether it was granted before, and this is told once more.
    pub resumed: bool,
    /// Motet's own sentence about what follows.
    pub notice: String,
    /// What is to be done.
    pub instructions: UntrustedText,
    /// What to do it with.
    pub input: UntrustedValue,
    /// What a result has to fit.
    pub output_schema: Value,
    /// What may be called meanwhile.
    pub tools: Vec<ClaimTool>,
    /// What was wrong with earlier results.
    pub feedback: Vec<UntrustedText>,
    /// Documents that help, by their references.
    pub skills: Vec<String>,
    /// What the run may still spend.
    pub budget_left: RunBudgets,
}

/// The answer of `POST /api/v1/claims/next`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClaimBatch {
    /// What there is; nothing is an answer too.
    pub items: Vec<Claim>,
    /// How long to wait before asking again, in milliseconds.
    pub retry_after_ms: u64,
}

/// A claim, as its holder's list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldClaim {
    /// Which.
    pub claim: String,
    /// The task.
    pub task: String,
    /// The run.
    pub run: String,
    /// Where the task stands in it.
    pub address: String,
    /// Grows with each claim of the address.
    pub fence: u64,
    /// When it began.
    pub granted_at: String,
    /// When it ends, unless it is kept alive.
    pub lease_ends_at: String,
}

/// The claims that an agent holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldClaims {
    /// The oldest first.
    pub items: Vec<HeldClaim>,
    /// Always nothing: an agent holds few.
    pub next_cursor: Option<String>,
}

/// The verdict of a result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClaimSubmission {
    /// The hash of its canonical form.
    pub result_sha256: String,
    /// `accepted`, `checking` or `invalid`.
    pub verdict: String,
    /// What is wrong with it.
    pub errors: Vec<Value>,
    /// When it came.
    pub at: String,
}

/// A claim and its task, by now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClaimStatus {
    /// Which.
    pub claim: String,
    /// Where it is.
    pub state: String,
    /// Where its task is.
    pub task_state: String,
    /// Where its run is.
    pub run_state: String,
    /// When it ends, unless it is kept alive.
    pub lease_ends_at: String,
    /// How long it lives, in milliseconds.
    pub remaining_ms: u64,
    /// Whether there is nothing left to do for it.
    pub cancel_requested: bool,
    /// The verdict of each result, oldest first.
    pub submissions: Vec<ClaimSubmission>,
}

/// The body of `POST /api/v1/claims/{claim}/heartbeat`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {
    /// What it has cost since the last report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// How far it is, in a few words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<String>,
    /// The claim's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fence: Option<u64>,
}

/// How long a claim lives by now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimTimes {
    /// When it ends, unless it is kept alive.
    pub lease_ends_at: String,
    /// How long that is, in milliseconds.
    pub remaining_ms: u64,
    /// Whether there is nothing left to do for it.
    pub cancel_requested: bool,
}

/// The body of `POST /api/v1/claims/{claim}/result`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubmitResult {
    /// The result.
    pub result: Value,
    /// What else to say, for the publisher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// What it has cost since the last report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// The claim's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fence: Option<u64>,
}

/// What became of a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submitted {
    /// `accepted` or `checking`.
    pub verdict: String,
    /// Whether it counts already.
    pub accepted: bool,
    /// Whether it was given before: then this is the first answer once more.
    pub repeated: bool,
    /// Where the task is.
    pub task_state: String,
    /// Where the run is.
    pub run_state: String,
    /// When the claim ends, or ended at the latest.
    pub lease_ends_at: String,
    /// How long it lives, in milliseconds.
    pub remaining_ms: u64,
    /// Whether there is nothing left to do for it.
    pub cancel_requested: bool,
}

/// The body of `POST /api/v1/claims/{claim}/release`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseClaim {
    /// `handed_back` unless given; `failed`, `blocked`, `refused`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What failed, in a word of the agent's own: two owners with one code end the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What happened, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Not before so many seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
    /// What it has cost since the last report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// The claim's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fence: Option<u64>,
}

/// A claim that was given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    /// Where the claim is.
    pub state: String,
    /// Where the task is.
    pub task_state: String,
    /// Where the run is.
    pub run_state: String,
}
