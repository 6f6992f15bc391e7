//! JSON of runs, their tasks, and what waits for persons (`spec/work.md` 4, 6).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ClaimSubmission;

/// Text of a publisher: it describes a task, and grants nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UntrustedText {
    /// Always true.
    pub untrusted: bool,
    /// Who wrote it: `publisher/pipeline@version`.
    pub origin: String,
    /// What it says.
    pub text: String,
}

/// A value that came from a publisher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UntrustedValue {
    /// Always true.
    pub untrusted: bool,
    /// Where it comes from: `publisher/pipeline@version`.
    pub origin: String,
    /// What it is.
    pub value: Value,
}

/// Limits of what a run may spend.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunBudgets {
    /// Claims that are granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<u64>,
    /// Tasks, checks left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks: Option<u64>,
    /// Calls of subcommands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_calls: Option<u64>,
    /// Their bytes, both ways.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_bytes: Option<u64>,
    /// Bytes of results.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_bytes: Option<u64>,
    /// Time in `running`, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall_ms: Option<u64>,
    /// Money, as it is reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub micro_usd: Option<u64>,
}

/// The body of `POST /api/v1/publishers/{publisher}/pipelines/{pipeline}/runs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRun {
    /// What the run works on.
    pub input: Value,
    /// The version; the current one unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// 0..9, before the definition's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// A name that is unique in the pipeline: the same again with an equal input is this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// How long it may take, such as `2h`: not longer than the definition says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
    /// What it may spend: not more than the definition says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budgets: Option<RunBudgets>,
}

/// A run that began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartedRun {
    /// Which.
    pub run: String,
    /// Where it is.
    pub state: String,
    /// The version that it is held to.
    pub version: u32,
    /// The hash of that.
    pub definition_sha256: String,
}

/// What work has cost, as whoever did it reports.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// Tokens read.
    #[serde(default)]
    pub tokens_in: u64,
    /// Tokens written.
    #[serde(default)]
    pub tokens_out: u64,
    /// Money, in millionths of a dollar.
    #[serde(default)]
    pub micro_usd: u64,
    /// What did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// A run, as lists show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// Which.
    pub run: String,
    /// Whose.
    pub publisher: String,
    /// Of which pipeline.
    pub pipeline: String,
    /// The version that it is held to.
    pub version: u32,
    /// The hash of that.
    pub definition_sha256: String,
    /// Where it is.
    pub state: String,
    /// Why it ended so.
    pub reason: Option<String>,
    /// What whoever started it calls it.
    pub external_id: Option<String>,
    /// The run that it repeats.
    pub replay_of: Option<String>,
    /// When it was started.
    pub started_at: String,
    /// When it ends by itself.
    pub deadline_at: String,
    /// When it ended.
    pub ended_at: Option<String>,
}

/// A page of runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunPage {
    /// Newest first.
    pub items: Vec<RunSummary>,
    /// Where the list goes on.
    pub next_cursor: Option<String>,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunDetail {
    /// What lists show.
    #[serde(flatten)]
    pub summary: RunSummary,
    /// What it works on.
    pub input: Value,
    /// What it may spend.
    pub budgets: RunBudgets,
    /// What it has spent of that.
    pub spent: RunBudgets,
    /// What it has cost, as reported.
    pub cost: Usage,
    /// Why it is held: `pause`, or `budget:` and which.
    pub held_by: Option<String>,
    /// What is wrong with its output, or the address that ended it.
    pub error: Option<Value>,
    /// How many tasks are in each state, checks included.
    pub tasks: BTreeMap<String, u64>,
    /// Outputs that were refused and reopened.
    pub reopens: u32,
}

/// A task, as lists show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskSummary {
    /// Which.
    pub task: String,
    /// Of which run.
    pub run: String,
    /// The step.
    pub step: String,
    /// Where it stands in its run.
    pub address: String,
    /// How often the address was opened.
    pub generation: u32,
    /// Whether a later generation took its place.
    pub superseded: bool,
    /// Where it is.
    pub state: String,
    /// Why.
    pub reason: Option<String>,
    /// Since when it is ready.
    pub ready_at: Option<String>,
}

/// A page of tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskPage {
    /// In the order in which they were opened.
    pub items: Vec<TaskSummary>,
    /// Where the list goes on.
    pub next_cursor: Option<String>,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskDetail {
    /// What lists show.
    #[serde(flatten)]
    pub summary: TaskSummary,
    /// What is to be done.
    pub instructions: Option<String>,
    /// What it was told, once it was ready.
    pub input: Option<Value>,
    /// The accepted result.
    pub output: Option<Value>,
    /// Attempts that failed.
    pub failed_attempts: u32,
    /// What the next claim is told of the last.
    pub feedback: Vec<String>,
}

/// One claim of a task, as its publisher sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Which.
    pub claim: String,
    /// Who had it.
    pub agent: String,
    /// Grows with each claim of the address.
    pub fence: u64,
    /// Where it is.
    pub state: String,
    /// When it began.
    pub granted_at: String,
    /// When it ends, or ended at the latest.
    pub lease_ends_at: String,
    /// What the agent said when it gave the task back.
    pub detail: Option<String>,
    /// The results that came.
    pub submissions: Vec<ClaimSubmission>,
}

/// Every claim of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttemptPage {
    /// The first one first.
    pub items: Vec<Attempt>,
    /// Always nothing: an address has few.
    pub next_cursor: Option<String>,
}

/// An entry of a timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunEvent {
    /// Its number, from 1 on and without gaps.
    pub seq: u64,
    /// When it was.
    pub at: String,
    /// What it is about, and what came of it: `task.ready`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The task that it is about.
    pub task: Option<String>,
    /// The claim that it is about.
    pub claim: Option<String>,
    /// Who did it.
    pub actor: Option<String>,
    /// The rest.
    pub data: Value,
}

/// A page of a timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunEventPage {
    /// The oldest first.
    pub items: Vec<RunEvent>,
    /// Where it goes on.
    pub next_cursor: Option<String>,
}

/// The body of `POST /api/v1/runs/{run}/cancel`, `…/pause`, `…/resume`, and of `…/retry` and `…/cancel` of tasks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The body of `POST /api/v1/runs/{run}/move`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoveRun {
    /// The version to which it moves.
    pub to_version: u32,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The body of `POST /api/v1/runs/{run}/replay`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayRun {
    /// What is to be done again, with all that depends on it.
    #[serde(default)]
    pub from: Vec<String>,
    /// Another input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// With another input: the only results that are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<Vec<String>>,
    /// The version; the run's own unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
}

/// Where a run is by now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunState {
    /// Which.
    pub run: String,
    /// Where it is.
    pub state: String,
}

/// What waits for a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// Which: the id of its task.
    pub id: String,
    /// The run.
    pub run: String,
    /// Whose.
    pub publisher: String,
    /// Of which pipeline.
    pub pipeline: String,
    /// Where it stands in its run.
    pub address: String,
    /// Where it is.
    pub state: String,
    /// What is asked.
    pub instructions: Option<String>,
    /// What it is about.
    pub input: Option<Value>,
    /// What the form of an approval has to fit.
    pub output_schema: Option<Value>,
    /// What persons have said so far.
    pub votes: Vec<ApprovalVote>,
}

/// What a person said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalVote {
    /// Who.
    pub person: String,
    /// `approve` or `reject`.
    pub decision: String,
    /// Why.
    pub comment: String,
    /// When.
    pub at: String,
}

/// What waits for persons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApprovalPage {
    /// The oldest first.
    pub items: Vec<Approval>,
    /// Where the list goes on.
    pub next_cursor: Option<String>,
}

/// The body of `POST /api/v1/approvals/{id}/decide`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decide {
    /// `approve` or `reject`.
    pub decision: String,
    /// The form, where one is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// What came of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// Where the task is by now.
    pub state: String,
    /// How many persons have agreed so far.
    pub approvals: u64,
}

/// What a verdict names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerdictReopen {
    /// A step, or one instance of it.
    pub address: String,
    /// What the next claim is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Why an output is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerdictReason {
    /// A word of the publisher's own.
    pub code: String,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// In words.
    pub message: String,
}

/// The body of `POST /api/v1/runs/{run}/verdict`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunVerdict {
    /// Whether the publisher takes the output.
    pub accepted: bool,
    /// Why not.
    #[serde(default)]
    pub reasons: Vec<VerdictReason>,
    /// What is to be done again.
    #[serde(default)]
    pub reopen: Vec<VerdictReopen>,
}

/// The body of `PUT /api/v1/publishers/{publisher}/agents/{agent}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetPublisherAgent {
    /// `listed`, `vouched` or `barred`.
    pub state: String,
    /// Labels that the publisher gives it: `@publisher/name`.
    #[serde(default)]
    pub labels: Vec<String>,
}

/// How a publisher stands to an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublisherAgent {
    /// Who.
    pub agent: String,
    /// `listed`, `vouched` or `barred`.
    pub state: String,
    /// Labels that the publisher gives it.
    pub labels: Vec<String>,
}

/// The agents of which a publisher has said something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublisherAgentPage {
    /// By their names.
    pub items: Vec<PublisherAgent>,
    /// Where the list goes on.
    pub next_cursor: Option<String>,
}
