//! What is hashed, and how.

use names::Digest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{jcs, sha256};

/// What every hash begins with, so that no other bytes of ours are taken for a row.
const PREFIX: &[u8] = b"motet-audit-v1\n";

/// A row as it is stored, hashed and exported. Its texts are not believed: they are compared with the hash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Its id.
    pub id: Uuid,
    /// All zeros, or an organization.
    pub chain: Uuid,
    /// Its number in the chain.
    pub seq: i64,
    /// Milliseconds since 1970.
    pub time: i64,
    /// The request.
    pub request_id: String,
    /// The principal.
    pub actor_id: Option<Uuid>,
    /// What it is.
    pub actor_kind: String,
    /// The key, token, passkey or session.
    pub credential_id: Option<Uuid>,
    /// Which of them.
    pub credential_kind: String,
    /// For whom.
    pub on_behalf_of: Option<Uuid>,
    /// What was done.
    pub action: String,
    /// With what kind of thing.
    pub resource_kind: String,
    /// With which.
    pub resource_id: String,
    /// How it ended.
    pub outcome: String,
    /// Why.
    pub reason: String,
    /// SHA-256 of the thing's row before.
    pub before_digest: Option<String>,
    /// And afterwards.
    pub after_digest: Option<String>,
    /// More about it.
    pub detail: Map<String, Value>,
    /// Stands for IP address and user agent.
    pub private_digest: String,
    /// The hash of the row before.
    pub prev_hash: String,
    /// The hash of this one.
    pub hash: String,
}

impl Row {
    /// The hash that the other fields have.
    pub fn computed_hash(&self) -> Result<Digest, jcs::NotCanonical> {
        // Texts, numbers and maps with text names always become JSON.
        let Ok(Value::Object(mut fields)) = serde_json::to_value(self) else {
            return Err(jcs::NotCanonical::Depth);
        };
        fields.remove("hash");
        let text = jcs::object(&fields)?;
        Ok(sha256(&[PREFIX, self.prev_hash.as_bytes(), b"\n", text.as_bytes()]))
    }

    /// The detail as its column holds it.
    pub(super) fn detail_text(&self) -> Result<String, jcs::NotCanonical> {
        jcs::object(&self.detail)
    }
}

/// What a row hashes in place of IP address and user agent.
pub(super) fn private_digest(salt: &[u8; 32], ip: &str, user_agent: &str) -> Digest {
    sha256(&[salt, ip.as_bytes(), user_agent.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with another implementation of SHA-256 and canonical JSON from the definition. A change here breaks
    /// every chain that exists.
    #[test]
    fn the_hash_of_a_row_never_changes() {
        let row: Row = serde_json::from_str(
            r#"{"id":"018f0000-0000-7000-8000-000000000001","chain":"00000000-0000-0000-0000-000000000000","seq":1,
                "time":1795294380000,"request_id":"r","actor_id":null,"actor_kind":"install","credential_id":null,
                "credential_kind":"none","on_behalf_of":null,"action":"server_started","resource_kind":"install",
                "resource_id":"","outcome":"done","reason":"","before_digest":null,"after_digest":null,
                "detail":{"version":"0.1.0","n":7},"private_digest":"p","prev_hash":"0000000000000000000000000000000000000000000000000000000000000000","hash":""}"#,
        )
        .unwrap();
        let hash = row.computed_hash().unwrap().to_string();
        assert_eq!(hash, "0f919d58c32b059dde7a9f4f1c1402b10bdf8b6f8c8c908df310c07629fbcb18");
    }
}
