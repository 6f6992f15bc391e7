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
