//! The rows that tell of a person, table by table, without what could be used as a proof.
//!
//! A table that has a column with a principal is in [`EXPORTED`] or, with the reason, in [`EXEMPT`]; a test reads the
//! schema and finds one that is in neither.

use db::Tx;
use names::Id;
use serde_json::Value;

use super::store;
use crate::{Account, Allowed, Error, Principal, Trust, act};

/// Rows of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Portion {
    /// What the file is called, without its ending.
    pub name: &'static str,
    /// One JSON object a row.
    pub rows: Vec<Value>,
}

/// The tables of all rooms whose rows are taken away.
pub const EXPORTED: &[&str] = &[
    "principals",
    "avatars",
    "keys",
    "passkeys",
    "external_identities",
    "tokens",
    "sessions",
    "org_members",
    "organizations",
    "agents",
    "collaborators",
    "repositories",
    "audit_events",
    "stars",
    "repository_subscriptions",
    "follows",
    "pinned_repositories",
    "activity",
];

/// The others that name a principal, and why their rows stay.
pub const EXEMPT: &[(&str, &str)] = &[
    ("one_time_codes", "live for minutes, and are proofs"),
    ("idempotent_requests", "live for a day, and repeat answers that were given"),
    ("uploads", "live for a day, and hold bytes that a push has not named yet"),
    ("upload_addresses", "live for an hour, and are proofs"),
    ("push_sessions", "live for a day, and are proofs"),
    ("commit_labels", "are part of a repository, as its commits are"),
    ("releases", "are part of a repository, as its commits are"),
    (
        "commits",
        "are the history of a repository, which is cloned from the address in repositories",
    ),
    ("repository_transfers", "live for a week, and stand in the audit log, which is taken along"),
    ("repository_invitations", "live for a week, and stand in the audit log, which is taken along"),
    (
        "secret_passes",
        "are settings of a repository, and stand in the audit log, which is taken along",
    ),
    ("imports", "are settings of a repository, and what they brought is cloned from its address"),
    ("mirrors", "are settings of a repository, and stand in the audit log, which is taken along"),
    ("repository_aliases", "are former names of what repositories.jsonl tells of"),
    ("resources", "say of repositories what repositories.jsonl says"),
    ("break_glass", "stand in the audit log, which is taken along"),
    ("webhooks", "are settings of a repository, and stand in the audit log, which is taken along"),
    ("secrets", "belong to a publisher, and no read gives them out"),
    ("runs", "belong to a publisher; who ended them stands in the audit log, which is taken along"),
    (
        "dead_letter_replays",
        "belong to a publisher; who asked for them stands in the audit log, which is taken along",
    ),
    ("work_heads", "say what of a publisher's can be claimed"),
    ("claims", "belong to a publisher, as the runs of which they are a part"),
    ("approval_votes", "belong to a publisher, and stand in the audit log, which is taken along"),
    ("agent_publishers", "say how a publisher stands to an agent"),
    ("trust_ledger", "belong to a publisher, as the runs of which they are a part"),
    ("work_publishers", "say what the operator grants to a publisher"),
    ("pipelines", "belong to a publisher"),
    (
        "pipeline_versions",
        "belong to a publisher; who registered them stands in the audit log, which is taken along",
    ),
    (
        "skills",
        "belong to a publisher; who added them stands in the audit log, which is taken along",
    ),
];

/// Audit rows of one page.
const PAGE: u32 = 500;

impl Trust {
    /// The rows of this plane that tell of whoever asks.
    pub async fn own_rows(
        &self,
        allowed: &Allowed<act::MeExport, Account>,
    ) -> Result<Vec<Portion>, Error> {
        let me = allowed.resource().principal.id;
        let mut tx = self.0.db.read().await?;
        let principal = store::principal(&mut tx, me).await?;
        Ok(vec![
            Portion { name: "principal", rows: principal },
            Portion { name: "avatar", rows: store::avatar(&mut tx, me).await? },
            Portion { name: "keys", rows: store::keys(&mut tx, me).await? },
            Portion { name: "passkeys", rows: store::passkeys(&mut tx, me).await? },
            Portion { name: "linked_logins", rows: store::identities(&mut tx, me).await? },
            Portion { name: "tokens", rows: store::tokens(&mut tx, me).await? },
            Portion { name: "sessions", rows: store::sessions(&mut tx, me).await? },
            Portion { name: "memberships", rows: store::memberships(&mut tx, me).await? },
            Portion { name: "agents", rows: store::agents(&mut tx, me).await? },
            Portion { name: "collaborations", rows: store::collaborations(&mut tx, me).await? },
        ])
    }

    /// What whoever asks has done, after the row `after`; nothing at the end.
    pub async fn own_audit(
        &self,
        allowed: &Allowed<act::MeExport, Account>,
        after: Option<uuid::Uuid>,
    ) -> Result<Vec<(uuid::Uuid, Value)>, Error> {
        let me = allowed.resource().principal.id;
        let mut tx = self.0.db.glance().await?;
        audit_after(&mut tx, me, after).await
    }
}

async fn audit_after(
    tx: &mut Tx,
    me: Id<Principal>,
    after: Option<uuid::Uuid>,
) -> Result<Vec<(uuid::Uuid, Value)>, Error> {
    Ok(store::audit(tx, me, after.unwrap_or_default(), PAGE).await?)
}
