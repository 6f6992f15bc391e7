//! The audit log, for those who run the install: `/api/v1/admin/audit`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What was done, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// Which row.
    pub id: String,
    /// Its number in the chain.
    pub seq: i64,
    /// When.
    pub time: String,
    /// The request, as its answer named it; empty for what the server did by itself.
    pub request_id: String,
    /// The handle of whoever did it; null if that is nobody known, or the server itself.
    pub actor: Option<String>,
    /// The same, by id.
    pub actor_id: Option<String>,
    /// `person`, `agent`, `organization`, `operator`, `anonymous`, or `install` for the server itself.
    pub actor_kind: String,
    /// The key, token, passkey or session.
    pub credential_id: Option<String>,
    /// Which of them, or `none`.
    pub credential_kind: String,
    /// For whom.
    pub on_behalf_of: Option<String>,
    /// A word of the list in `docs/audit.md`.
    pub action: String,
    /// With what kind of thing.
    pub resource_kind: String,
    /// With which.
    pub resource_id: String,
    /// `done`, `refused` or `failed`.
    pub outcome: String,
    /// Why it was refused or failed, as a word; empty otherwise.
    pub reason: String,
    /// More about it.
    pub detail: Value,
    /// From where; null once it was erased.
    pub ip: Option<String>,
    /// With which client; null once it was erased.
    pub user_agent: Option<String>,
    /// The hash of the row.
    pub hash: String,
}

/// The body of `POST /api/v1/admin/audit/prune`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PruneAudit {
    /// Rows that are older go, as far as a signed head can stand for them.
    pub before: String,
}

/// What was removed from the beginning of the log. There may be more: it is asked until nothing is removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrunedAudit {
    /// How many rows.
    pub rows: u64,
    /// The number of the last one; nothing if none was removed.
    pub until: Option<i64>,
}

/// The answer of `POST /api/v1/admin/signing-keys/{session,server}/rotate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotatedKey {
    /// The key that signs from now on: its fingerprint.
    pub kid: String,
    /// When it was made.
    pub created_at: String,
    /// Until when what the one before has signed is good; null if that is for good.
    pub old_until: Option<String>,
}
