//! The table `agents`.

use std::collections::BTreeSet;

use db::{Error, Tx};
use names::{Handle, Id, UnixMillis};
use uuid::Uuid;

use super::Agent;
use crate::{Principal, authority::Scope};

db::statements! {
    ADD = "
        INSERT INTO agents (principal_id, owner_id, model, capabilities, scope, tos_accepted_by)
        VALUES ($1, $2, $3, $4, $5, $6)";
    OF_OWNER = "
        SELECT p.id, p.handle, a.model, a.capabilities, a.scope, p.created_at, a.disabled_at
          FROM agents AS a JOIN principals AS p ON p.id = a.principal_id
         WHERE a.owner_id = $1 AND p.status <> 'deleted' ORDER BY p.handle LIMIT 1000";
    FIND = "
        SELECT p.id, p.handle, a.model, a.capabilities, a.scope, p.created_at, a.disabled_at
          FROM agents AS a JOIN principals AS p ON p.id = a.principal_id WHERE a.principal_id = $1";
    HOMES = "SELECT org_id FROM org_members WHERE principal_id = $1";
    NAMED = "SELECT id FROM principals WHERE handle = $1 AND kind = 'agent' AND status <> 'deleted'";
    SET = "UPDATE agents SET model = $2, capabilities = $3, scope = $4 WHERE principal_id = $1";
    DISABLE = "UPDATE agents SET disabled_at = $2 WHERE principal_id = $1 AND disabled_at IS NULL";
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    handle: String,
    model: String,
    capabilities: String,
    scope: String,
    created_at: i64,
    disabled_at: Option<i64>,
}

impl TryFrom<Row> for Agent {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let capabilities = serde_json::from_str(&row.capabilities);
        Ok(Self {
            id: Id::from_uuid(row.id),
            handle: row.handle.parse().map_err(Error::corrupt("principals.handle"))?,
            model: row.model,
            capabilities: capabilities.map_err(Error::corrupt("agents.capabilities"))?,
            scope: serde_json::from_str(&row.scope).map_err(Error::corrupt("agents.scope"))?,
            created_at: UnixMillis(row.created_at),
            disabled_at: row.disabled_at.map(UnixMillis),
        })
    }
}

pub(super) async fn add(
    tx: &mut Tx,
    agent: &Agent,
    owner: Id<Principal>,
    accepted_by: Id<Principal>,
) -> Result<(), Error> {
    let capabilities = serde_json::to_string(&agent.capabilities)
        .map_err(Error::corrupt("agents.capabilities"))?;
    let scope = written(&agent.scope)?;
    let (id, owner, by) = (agent.id.uuid(), owner.uuid(), accepted_by.uuid());
    db::execute!(tx, ADD, id, owner, &agent.model, capabilities, scope, by).map(drop)
}

/// The agents of an owner, by handle.
pub(super) async fn of_owner(tx: &mut Tx, owner: Id<Principal>) -> Result<Vec<Agent>, Error> {
    let rows: Vec<Row> = db::fetch_all!(tx, OF_OWNER, owner.uuid())?;
    rows.into_iter().map(Agent::try_from).collect()
}

/// An agent, stopped or not.
pub(super) async fn find(tx: &mut Tx, id: Id<Principal>) -> Result<Option<Agent>, Error> {
    let row: Option<Row> = db::fetch_optional!(tx, FIND, id.uuid())?;
    row.map(Agent::try_from).transpose()
}

/// The organizations that somebody is in.
pub(super) async fn homes(
    tx: &mut Tx,
    owner: Id<Principal>,
) -> Result<BTreeSet<Id<Principal>>, Error> {
    let rows: Vec<(Uuid,)> = db::fetch_all!(tx, HOMES, owner.uuid())?;
    Ok(rows.into_iter().map(|(id,)| Id::from_uuid(id)).collect())
}

/// The agent of that name, unless it has left.
pub(super) async fn named(tx: &mut Tx, name: &Handle) -> Result<Option<Id<Principal>>, Error> {
    let row: Option<(Uuid,)> = db::fetch_optional!(tx, NAMED, name.as_str())?;
    Ok(row.map(|(id,)| Id::from_uuid(id)))
}

/// Writes what may change of an agent.
pub(super) async fn set(tx: &mut Tx, it: &Agent) -> Result<(), Error> {
    let capabilities =
        serde_json::to_string(&it.capabilities).map_err(Error::corrupt("agents.capabilities"))?;
    let scope = written(&it.scope)?;
    db::execute!(tx, SET, it.id.uuid(), &it.model, capabilities, scope).map(drop)
}

/// Stops an agent; `false` if it is none, or stopped already.
pub(super) async fn disable(
    tx: &mut Tx,
    id: Id<Principal>,
    now: UnixMillis,
) -> Result<bool, Error> {
    Ok(db::execute!(tx, DISABLE, id.uuid(), now.0)? == 1)
}

fn written(scope: &Scope) -> Result<String, Error> {
    serde_json::to_string(scope).map_err(Error::corrupt("agents.scope"))
}
