//! JSON of subcommands: what agents call of a publisher during a claim (`spec/work.md` 7).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::UntrustedValue;

/// The body of `POST /api/v1/claims/{claim}/tool`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallTool {
    /// The subcommand, or `help`, `help NAME`, `status`, `blocked`.
    pub name: String,
    /// What it is called with; nothing is an empty object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Value>,
    /// If given, it has to be that of the claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fence: Option<u64>,
}

/// What a call came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolAnswer {
    /// One word: `ok`, or what went wrong.
    pub outcome: String,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// Whether there is more of the answer than is told.
    pub truncated: bool,
    /// The answer.
    pub answer: UntrustedValue,
    /// The call, if one was made.
    pub call: Option<String>,
    /// How soon to try again, if nothing was sent.
    pub retry_after_ms: Option<u64>,
    /// When the claim ends.
    pub lease_ends_at: String,
    /// How long that is.
    pub remaining_ms: u64,
    /// Whether the work is not wanted any more.
    pub cancel_requested: bool,
}

/// A call, as it was written down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Which.
    pub call: String,
    /// During which claim.
    pub claim: String,
    /// Of which subcommand.
    pub subcommand: String,
    /// What it was called with.
    pub request: Value,
    /// One word; nothing while it is under way.
    pub outcome: Option<String>,
    /// The status of the answer.
    pub status: Option<u16>,
    /// The answer, if it is short.
    pub answer: Option<Value>,
    /// The hash of the answer as JSON.
    pub answer_sha256: Option<String>,
    /// Bytes of the answer that were read.
    pub bytes: u64,
    /// When it was made.
    pub started_at: String,
    /// When it was answered.
    pub ended_at: Option<String>,
}

/// The last calls of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCallPage {
    /// The newest first.
    pub items: Vec<ToolCall>,
    /// Never anything.
    pub next_cursor: Option<String>,
}
