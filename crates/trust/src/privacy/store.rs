//! What a person leaves behind, and takes along.

use db::{Error, Tx};
use names::{Handle, Id, UnixMillis};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::text;
use crate::Principal;

db::statements! {
    SOLELY_OWNED = "
        SELECT o.handle FROM org_members AS m JOIN principals AS o ON o.id = m.org_id
         WHERE m.principal_id = $1 AND m.role = 'owner' AND o.status <> 'deleted'
           AND NOT EXISTS (SELECT 1 FROM org_members AS n JOIN principals AS p ON p.id = n.principal_id
                            WHERE n.org_id = m.org_id AND n.role = 'owner' AND n.principal_id <> $1
                              AND p.status = 'active')
         ORDER BY o.handle LIMIT 50";
    DELETE_CODES = "
        DELETE FROM one_time_codes
         WHERE principal_id = $1 OR key_id IN (SELECT id FROM keys WHERE principal_id = $1)";
    DELETE_SESSIONS = "
        DELETE FROM sessions
         WHERE principal_id = $1 OR key_id IN (SELECT id FROM keys WHERE principal_id = $1)";
    DELETE_TOKENS = "DELETE FROM tokens WHERE principal_id = $1";
    FORGET_MINTER = "
        UPDATE tokens SET minted_with = NULL WHERE minted_with IN (SELECT id FROM keys WHERE principal_id = $1)";
    DELETE_NONCES = "DELETE FROM request_nonces WHERE key_id IN (SELECT id FROM keys WHERE principal_id = $1)";
    DELETE_KEYS = "DELETE FROM keys WHERE principal_id = $1";
    DELETE_PASSKEYS = "DELETE FROM passkeys WHERE principal_id = $1";
    DELETE_IDENTITIES = "DELETE FROM external_identities WHERE principal_id = $1";
    DELETE_REQUESTS = "DELETE FROM idempotent_requests WHERE principal_id = $1";
    DELETE_MEMBERSHIPS = "DELETE FROM org_members WHERE principal_id = $1";
    DELETE_COLLABORATIONS = "DELETE FROM collaborators WHERE principal_id = $1";
    END_ORG_TOKENS = "UPDATE tokens SET revoked_at = $2 WHERE publisher_id = $1 AND revoked_at IS NULL";
    DELETE_ORG_MEMBERS = "DELETE FROM org_members WHERE org_id = $1";
    END_SECRETS = "UPDATE secrets SET revoked_at = $2 WHERE publisher_id = $1 AND revoked_at IS NULL";
    STOP_AGENTS = "UPDATE agents SET disabled_at = $2 WHERE owner_id = $1 AND disabled_at IS NULL";
    END_AGENT_TOKENS = "
        UPDATE tokens SET revoked_at = $2
         WHERE revoked_at IS NULL AND principal_id IN (SELECT principal_id FROM agents WHERE owner_id = $1)";
    DELETE_AVATAR = "DELETE FROM avatars WHERE principal_id = $1";
    DELETE_PRINCIPAL = "
        UPDATE principals
           SET status = 'deleted', deleted_at = $2, purge_after = $3, display_name = '', bio = '', website_url = '',
               email = NULL, install_admin = 0
         WHERE id = $1";
    HIDE_RESOURCES = "UPDATE resources SET left_in = state, state = 'deleted' WHERE owner_id = $1 AND state <> 'deleted'";
    SHOW_RESOURCES = "UPDATE resources SET state = left_in, left_in = NULL WHERE owner_id = $1 AND left_in IS NOT NULL";
    BRING_BACK = "
        UPDATE principals SET status = 'active', deleted_at = NULL, purge_after = NULL
         WHERE id = $1 AND kind = 'person' AND status = 'deleted' AND purge_after > $2";
    TO_PURGE = "SELECT id FROM principals WHERE status = 'deleted' AND purge_after <= $1 ORDER BY purge_after LIMIT $2";
    END_PURGE = "UPDATE principals SET purge_after = NULL WHERE id = $1 AND purge_after IS NOT NULL";
    PRINCIPAL = "
        SELECT id, kind, handle, display_name, bio, website_url, email, install_admin, status, tos_version,
               tos_accepted_at, created_at
          FROM principals WHERE id = $1";
    AVATAR = {
        sqlite "SELECT hex(png) AS png, changed_at FROM avatars WHERE principal_id = $1",
        postgres "SELECT encode(png, 'hex') AS png, changed_at FROM avatars WHERE principal_id = $1"
    };
    KEYS = "
        SELECT id, fingerprint, label, created_at, last_used_at, revoked_at, revoke_reason, compromised_since
          FROM keys WHERE principal_id = $1 ORDER BY created_at, id";
    PASSKEYS = "
        SELECT id, alg, sign_count, label, created_at, last_used_at FROM passkeys WHERE principal_id = $1
         ORDER BY created_at, id";
    IDENTITIES = "
        SELECT provider, subject, linked_at, last_used_at FROM external_identities WHERE principal_id = $1
         ORDER BY linked_at";
    TOKENS = "
        SELECT t.id, t.kind, t.last8, t.scope, t.label, t.source, t.audience, t.created_at, t.expires_at, t.last_used_at,
               t.revoked_at
          FROM tokens AS t
         WHERE t.principal_id = $1 OR t.minted_by = $1 ORDER BY t.created_at, t.id";
    SESSIONS = "
        SELECT id, opened_with, auth_time, created_at, ends_at, last_seen_at, ip, user_agent, revoked_at
          FROM sessions WHERE principal_id = $1 ORDER BY created_at, id";
    MEMBERSHIPS = "
        SELECT o.handle, m.role, m.created_at
          FROM org_members AS m JOIN principals AS o ON o.id = m.org_id
         WHERE m.principal_id = $1 ORDER BY o.handle";
    AGENTS = "
        SELECT p.handle, a.model, a.capabilities, a.scope, p.created_at, a.disabled_at
          FROM agents AS a JOIN principals AS p ON p.id = a.principal_id
         WHERE a.owner_id = $1 ORDER BY p.handle";
    COLLABORATIONS = "
        SELECT c.repo_id, s.owner_handle, c.level, c.created_at
          FROM collaborators AS c JOIN resources AS s ON s.id = c.repo_id
         WHERE c.principal_id = $1 ORDER BY c.created_at, c.repo_id";
    AUDIT = "
        SELECT e.id, e.chain, e.seq, e.time, e.action, e.resource_kind, e.resource_id, e.outcome, e.reason, e.detail,
               coalesce(p.ip, '') AS ip, coalesce(p.user_agent, '') AS user_agent
          FROM audit_events AS e LEFT JOIN audit_private AS p ON p.event_id = e.id
         WHERE e.actor_id = $1 AND e.id > $2 ORDER BY e.id LIMIT $3";
}

/// The organizations of which nobody else is owner.
pub(super) async fn solely_owned(tx: &mut Tx, me: Id<Principal>) -> Result<Vec<Handle>, Error> {
    let rows: Vec<(String,)> = db::fetch_all!(tx, SOLELY_OWNED, me.uuid())?;
    let typed = |(handle,): (String,)| handle.parse().map_err(Error::corrupt("principals.handle"));
    rows.into_iter().map(typed).collect()
}

/// Removes everything that a person proves themselves by.
pub(super) async fn end_ways_in(
    tx: &mut Tx,
    me: Id<Principal>,
    now: UnixMillis,
) -> Result<(), Error> {
    let me = me.uuid();
    // Tokens of agents first: they name the keys that made them.
    db::execute!(tx, END_AGENT_TOKENS, me, now.0)?;
    db::execute!(tx, DELETE_CODES, me)?;
    db::execute!(tx, DELETE_SESSIONS, me)?;
    db::execute!(tx, DELETE_TOKENS, me)?;
    db::execute!(tx, FORGET_MINTER, me)?;
    db::execute!(tx, DELETE_NONCES, me)?;
    db::execute!(tx, DELETE_KEYS, me)?;
    db::execute!(tx, DELETE_PASSKEYS, me)?;
    db::execute!(tx, DELETE_IDENTITIES, me)?;
    db::execute!(tx, DELETE_REQUESTS, me).map(drop)
}

pub(super) async fn end_memberships(tx: &mut Tx, me: Id<Principal>) -> Result<(), Error> {
    db::execute!(tx, DELETE_MEMBERSHIPS, me.uuid())?;
    db::execute!(tx, DELETE_COLLABORATIONS, me.uuid()).map(drop)
}

pub(super) async fn end_organization(
    tx: &mut Tx,
    id: Id<Principal>,
    now: UnixMillis,
) -> Result<(), Error> {
    db::execute!(tx, END_ORG_TOKENS, id.uuid(), now.0)?;
    db::execute!(tx, END_SECRETS, id.uuid(), now.0)?;
    db::execute!(tx, DELETE_ORG_MEMBERS, id.uuid()).map(drop)
}

/// Stops the agents of an owner.
pub(super) async fn stop_agents(
    tx: &mut Tx,
    owner: Id<Principal>,
    now: UnixMillis,
) -> Result<(), Error> {
    db::execute!(tx, END_AGENT_TOKENS, owner.uuid(), now.0)?;
    db::execute!(tx, STOP_AGENTS, owner.uuid(), now.0).map(drop)
}

pub(super) async fn delete_principal(
    tx: &mut Tx,
    id: Id<Principal>,
    now: UnixMillis,
    purge_after: UnixMillis,
) -> Result<(), Error> {
    db::execute!(tx, DELETE_AVATAR, id.uuid())?;
    db::execute!(tx, DELETE_PRINCIPAL, id.uuid(), now.0, purge_after.0).map(drop)
}

/// Everything of an owner is gone for everybody.
pub(super) async fn hide_resources(tx: &mut Tx, owner: Id<Principal>) -> Result<(), Error> {
    db::execute!(tx, HIDE_RESOURCES, owner.uuid()).map(drop)
}

/// Lets a person be there again who left and whose things are there still; `false` if it is none.
pub(super) async fn bring_back(
    tx: &mut Tx,
    id: Id<Principal>,
    now: UnixMillis,
) -> Result<bool, Error> {
    if db::execute!(tx, BRING_BACK, id.uuid(), now.0)? == 0 {
        return Ok(false);
    }
    db::execute!(tx, SHOW_RESOURCES, id.uuid())?;
    Ok(true)
}

/// Whose things go.
pub(super) async fn to_purge(
    tx: &mut Tx,
    now: UnixMillis,
    limit: u32,
) -> Result<Vec<Id<Principal>>, Error> {
    let rows: Vec<(Uuid,)> = db::fetch_all!(tx, TO_PURGE, now.0, i64::from(limit))?;
    Ok(rows.into_iter().map(|(id,)| Id::from_uuid(id)).collect())
}

/// Whether there was something to end.
pub(super) async fn end_purge(tx: &mut Tx, id: Id<Principal>) -> Result<bool, Error> {
    Ok(db::execute!(tx, END_PURGE, id.uuid())? == 1)
}

/// A row as JSON.
fn json(row: &impl Serialize) -> Result<Value, Error> {
    serde_json::to_value(row).map_err(Error::corrupt("a row as JSON"))
}

fn when(at: i64) -> String {
    text(UnixMillis(at))
}

fn maybe(at: Option<i64>) -> Option<String> {
    at.map(when)
}

/// Text of a row that is JSON already.
fn parsed(raw: &str) -> Value {
    serde_json::from_str(raw).unwrap_or_else(|_| Value::String(raw.to_owned()))
}

/// Declares a row: the columns that are selected, and how each is written.
macro_rules! exported {
    ($(#[$doc:meta])* $name:ident, $statement:ident, $row:ident { $( $column:ident: $type:ty => $shown:expr ),+ $(,)? }) => {
        #[derive(sqlx::FromRow)]
        struct $row { $( $column: $type, )+ }

        $(#[$doc])*
        pub(super) async fn $name(tx: &mut Tx, me: Id<Principal>) -> Result<Vec<Value>, Error> {
            let rows: Vec<$row> = db::fetch_all!(tx, $statement, me.uuid())?;
            let shown = |row: $row| {
                let $row { $( $column ),+ } = row;
                let mut fields = serde_json::Map::new();
                $( fields.insert(stringify!($column).to_owned(), json(&($shown)($column))?); )+
                Ok(Value::Object(fields))
            };
            rows.into_iter().map(shown).collect()
        }
    };
}

/// As it is.
fn same<T>(value: T) -> T {
    value
}

exported! {
    /// The person.
    principal, PRINCIPAL, PrincipalOut {
        id: Uuid => same, kind: String => same, handle: String => same, display_name: String => same,
        bio: String => same, website_url: String => same, email: Option<String> => same,
        install_admin: i64 => |it| it == 1, status: String => same, tos_version: Option<String> => same,
        tos_accepted_at: Option<i64> => maybe, created_at: i64 => when,
    }
}
exported! {
    /// Their picture, in hexadecimal.
    avatar, AVATAR, AvatarOut {
        png: String => |it: String| it.to_ascii_lowercase(), changed_at: i64 => when,
    }
}
exported! {
    /// Their keys; the public halves are in the answer of the same name.
    keys, KEYS, KeyOut {
        id: Uuid => same, fingerprint: String => same, label: String => same, created_at: i64 => when,
        last_used_at: Option<i64> => maybe, revoked_at: Option<i64> => maybe, revoke_reason: Option<String> => same,
        compromised_since: Option<i64> => maybe,
    }
}
exported! {
    /// Their passkeys.
    passkeys, PASSKEYS, PasskeyOut {
        id: Uuid => same, alg: i64 => same, sign_count: i64 => same, label: String => same, created_at: i64 => when,
        last_used_at: Option<i64> => maybe,
    }
}
exported! {
    /// Their accounts elsewhere.
    identities, IDENTITIES, IdentityOut {
        provider: String => same, subject: String => same, linked_at: i64 => when, last_used_at: Option<i64> => maybe,
    }
}
exported! {
    /// Tokens that act as them, or that they made; not what makes them tokens.
    tokens, TOKENS, TokenOut {
        id: Uuid => same, kind: String => same, last8: String => same, scope: String => |it: String| parsed(&it),
        label: String => same, source: String => same, audience: Option<String> => same, created_at: i64 => when,
        expires_at: Option<i64> => maybe, last_used_at: Option<i64> => maybe, revoked_at: Option<i64> => maybe,
    }
}
exported! {
    /// Their sessions.
    sessions, SESSIONS, SessionOut {
        id: Uuid => same, opened_with: String => same, auth_time: i64 => when, created_at: i64 => when,
        ends_at: i64 => when, last_seen_at: i64 => when, ip: String => same, user_agent: String => same,
        revoked_at: Option<i64> => maybe,
    }
}
exported! {
    /// The organizations that they are in.
    memberships, MEMBERSHIPS, MembershipOut {
        handle: String => same, role: String => same, created_at: i64 => when,
    }
}
exported! {
    /// Their agents.
    agents, AGENTS, AgentOut {
        handle: String => same, model: String => same, capabilities: String => |it: String| parsed(&it),
        scope: String => |it: String| parsed(&it), created_at: i64 => when, disabled_at: Option<i64> => maybe,
    }
}
exported! {
    /// Repositories of others on which they were given a level.
    collaborations, COLLABORATIONS, CollaborationOut {
        repo_id: Uuid => same, owner_handle: String => same, level: String => same, created_at: i64 => when,
    }
}

#[derive(sqlx::FromRow)]
struct AuditOut {
    id: Uuid,
    chain: Uuid,
    seq: i64,
    time: i64,
    action: String,
    resource_kind: String,
    resource_id: String,
    outcome: String,
    reason: String,
    detail: String,
    ip: String,
    user_agent: String,
}

/// What somebody did, after a row.
pub(super) async fn audit(
    tx: &mut Tx,
    me: Id<Principal>,
    after: Uuid,
    limit: u32,
) -> Result<Vec<(Uuid, Value)>, Error> {
    let rows: Vec<AuditOut> = db::fetch_all!(tx, AUDIT, me.uuid(), after, i64::from(limit))?;
    let shown = |row: AuditOut| {
        let value = serde_json::json!({
            "id": row.id, "chain": row.chain, "seq": row.seq, "time": when(row.time), "action": row.action,
            "resource_kind": row.resource_kind, "resource_id": row.resource_id, "outcome": row.outcome,
            "reason": row.reason, "detail": parsed(&row.detail), "ip": row.ip, "user_agent": row.user_agent,
        });
        (row.id, value)
    };
    Ok(rows.into_iter().map(shown).collect())
}
