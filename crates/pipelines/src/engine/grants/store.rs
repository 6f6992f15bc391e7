//! What is asked of rows before an agent gets a task.

use std::collections::BTreeMap;

use db::{Error, Tx};
use names::{Id, UnixMillis};
use pipelines_core::name::{AgentId, OwnerId};
use trust::{Principal, Trust};
use uuid::Uuid;

use super::{Bond, Standing};

db::statements! {
    // One row, if agent and owner may act; whether the token lives; how many claims are held by the same credential.
    AGENT = (concat!("
        SELECT ", trust::live_tokens!("$3", "$4"), ",
               (SELECT count(*) FROM claims AS c
                 WHERE c.agent_id = $1 AND c.state = 'live' AND c.token_id IS NOT DISTINCT FROM $3)
         WHERE ", trust::agent_acts!("$1", "$2")));
    BONDS = "SELECT publisher_id, state, labels FROM agent_publishers WHERE agent_id = $1";
    // Of the last results for a publisher: when it was, which run, and what became of it.
    LEDGER = "
        SELECT run_id, outcome, at FROM trust_ledger WHERE agent_id = $1 AND publisher_id = $2
         ORDER BY at DESC, claim_id DESC LIMIT 1000";
    ELSEWHERE = (concat!("
        SELECT t.run_id, t.outcome, t.at FROM trust_ledger AS t
         WHERE t.agent_id = $1 AND t.publisher_id <> $2 AND NOT ", trust::belongs!("$3", "t.publisher_id"), "
         ORDER BY t.at DESC, t.claim_id DESC LIMIT 1000"));
}

/// How an agent stands at this moment; nothing if it may not act.
pub(crate) async fn standing(
    tx: &mut Tx,
    trust: &Trust,
    (agent, owner): (AgentId, OwnerId),
    (token, now): (Option<Uuid>, UnixMillis),
) -> Result<Option<Standing>, crate::Error> {
    let row: Option<(i64, i64)> =
        db::fetch_optional!(tx, AGENT, agent.uuid(), owner.uuid(), token, now.0)?;
    let Some((tokens, live)) = row else { return Ok(None) };
    if token.is_some() && tokens == 0 {
        return Ok(None);
    }
    let homes = trust.homes(tx, Id::from_uuid(owner.uuid())).await?;
    let rows: Vec<(Uuid, String, String)> = db::fetch_all!(tx, BONDS, agent.uuid())?;
    let mut bonds = BTreeMap::new();
    for (publisher, state, labels) in rows {
        let state = state.parse().map_err(Error::corrupt("agent_publishers.state"))?;
        let labels =
            serde_json::from_str(&labels).map_err(Error::corrupt("agent_publishers.labels"))?;
        bonds.insert(Id::from_uuid(publisher), Bond { state, labels });
    }
    let live_claims = usize::try_from(live).unwrap_or(usize::MAX);
    Ok(Some(Standing { homes, bonds, live_claims }))
}

/// A line of an agent's ledger.
pub(crate) struct Line {
    pub(crate) run: Uuid,
    pub(crate) outcome: String,
    pub(crate) at: UnixMillis,
}

/// The lines of an agent for a publisher, and for others that are not its own owner's, newest first.
pub(crate) async fn ledger(
    tx: &mut Tx,
    (agent, owner): (AgentId, OwnerId),
    publisher: Id<Principal>,
) -> Result<[Vec<Line>; 2], Error> {
    let read = |rows: Vec<(Uuid, String, i64)>| -> Vec<Line> {
        let line = |(run, outcome, at)| Line { run, outcome, at: UnixMillis(at) };
        rows.into_iter().map(line).collect()
    };
    let here: Vec<_> = db::fetch_all!(tx, LEDGER, agent.uuid(), publisher.uuid())?;
    let elsewhere: Vec<_> =
        db::fetch_all!(tx, ELSEWHERE, agent.uuid(), publisher.uuid(), owner.uuid())?;
    Ok([read(here), read(elsewhere)])
}
