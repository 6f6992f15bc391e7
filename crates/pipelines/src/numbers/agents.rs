//! Agents: the runs in which they held claims, and what became of their work.

use api::json;
use db::Tx;
use names::{Handle, Id, UnixMillis};
use pipelines_core::name::{AgentId, RunId};
use trust::{Actor, Allowed, Anything, Principal, Refusal, act};
use uuid::Uuid;
use web::{Json, Problem, Queried};

use super::store::{self, Outcome, Record};
use crate::{
    Door, Error,
    engine::{BondState, VOUCHED, earned},
    paging::{PageQuery, bad_cursor, cut, one_more, position},
};

/// Agents that are walked for one page: the statement says the same.
const WALKED: usize = 1_000;

/// The principal that acts.
fn principal(actor: &Actor) -> Result<Id<Principal>, Problem> {
    Ok(actor.principal().ok_or(Refusal::Unauthenticated)?.id)
}

/// The agent that acts; nothing for whoever is none.
fn agent(actor: &Actor) -> Result<Option<AgentId>, Problem> {
    let id = principal(actor)?;
    Ok(actor.behind().map(|_| Id::from_uuid(id.uuid())))
}

/// Runs in which the caller held claims, without what they were given.
pub(super) async fn runs(
    door: Door,
    allowed: Allowed<act::ClaimList, Anything>,
    call: Queried<PageQuery>,
) -> Result<Json<json::ClaimedRunPage>, Problem> {
    let asked = call.query()?;
    call.end().await?;
    let actor = allowed.actor();
    let agent = agent(actor)?.ok_or(Refusal::Forbidden)?;
    let limit = asked.limit()? as usize;
    let list = format!("claimed:{agent}");
    let before = position(&door.cursors, &list, asked.cursor.as_deref(), Uuid::max())?;
    let before: RunId = Id::from_uuid(before);
    let mut tx = door.db().glance().await?;
    let mut rows = store::runs(&mut tx, agent, before, one_more(limit)).await?;
    drop(tx);
    let next_cursor = cut(&mut rows, limit, (&door.cursors, &list), |it| it.id);
    let reach = actor.pipeline_reach();
    rows.retain(|it| reach.reaches(&it.handle, &it.pipeline_id));
    let told = |row: store::Run| {
        Ok::<_, Problem>(json::ClaimedRun {
            run: row.id.to_string(),
            publisher: row.handle,
            pipeline: row.pipeline_id,
            version: row.version.try_into().map_err(db::Error::corrupt("runs.version"))?,
            state: row.state,
            claims: row.claims.unsigned_abs(),
            started_at: UnixMillis(row.started_at).to_string(),
            ended_at: row.ended_at.map(|at| UnixMillis(at).to_string()),
        })
    };
    let items = rows.into_iter().map(told).collect::<Result<_, _>>()?;
    Ok(Json(json::ClaimedRunPage { items, next_cursor }))
}

/// Records of agents, as far as the caller sees those for whom they worked; an agent sees its own.
pub(super) async fn list(
    door: Door,
    allowed: Allowed<act::RecordList, Anything>,
    call: Queried<PageQuery>,
) -> Result<Json<json::AgentRecordPage>, Problem> {
    let asked = call.query()?;
    call.end().await?;
    page(&door, allowed.actor(), None, &asked).await.map(Json)
}

/// Records of one agent. An agent of which the caller sees nothing is not there.
pub(super) async fn show(
    door: Door,
    allowed: Allowed<act::RecordList, Anything>,
    call: Queried<PageQuery>,
) -> Result<Json<json::AgentRecordPage>, Problem> {
    let (asked, name): (_, Handle) = (call.query()?, call.params.parse("agent")?);
    call.end().await?;
    let actor = allowed.actor();
    let trust = &door.pipelines.0.ground.trust;
    let found =
        trust.agent_named(&mut door.db().glance().await?, &name).await.map_err(Error::from)?;
    let (found, own) = (found.map(Id::uuid), agent(actor)?.map(Id::uuid));
    let of = found.filter(|found| own.is_none_or(|own| own == *found));
    let page = page(&door, actor, Some(of.ok_or_else(Problem::not_found)?), &asked).await?;
    if page.items.is_empty() && asked.cursor.is_none() && own.is_none() {
        return Err(Problem::not_found());
    }
    Ok(Json(page))
}

/// Where a list goes on: behind the record of an agent with a publisher.
fn place(door: &Door, list: &str, cursor: Option<&str>) -> Result<(Uuid, Uuid), Problem> {
    let Some(text) = cursor else { return Ok((Uuid::nil(), Uuid::nil())) };
    let read = |bytes: Vec<u8>| {
        let (agent, publisher) = bytes.split_first_chunk::<16>()?;
        Some((Uuid::from_bytes(*agent), Uuid::from_slice(publisher).ok()?))
    };
    door.cursors.read(list, text).and_then(read).ok_or_else(bad_cursor)
}

async fn page(
    door: &Door,
    actor: &Actor,
    of: Option<Uuid>,
    asked: &PageQuery,
) -> Result<json::AgentRecordPage, Problem> {
    let (reader, limit) = (principal(actor)?, asked.limit()? as usize);
    let list = format!("records:{reader}:{of:?}");
    let after = place(door, &list, asked.cursor.as_deref())?;
    let mut tx = door.db().read().await?;
    let (mut found, walked) = if let Some(agent) = agent(actor)? {
        (store::own_records(&mut tx, agent, after.1, one_more(limit)).await?, None)
    } else {
        let agents = match of {
            Some(agent) => vec![agent],
            None => store::workers(&mut tx, after.0).await?,
        };
        let behind = agents.last().copied().filter(|_| agents.len() >= WALKED);
        (store::records(&mut tx, &agents, reader, after, one_more(limit)).await?, behind)
    };
    let has_more = found.len() > limit;
    found.truncate(limit);
    let end = if has_more {
        found.last().map(|it| (it.agent.uuid(), it.publisher.uuid()))
    } else {
        // All that were walked are told of; there may be others behind them.
        walked.map(|agent| (agent, Uuid::max()))
    };
    let next_cursor = end.map(|(agent, publisher)| {
        door.cursors.write(&list, &[*agent.as_bytes(), *publisher.as_bytes()].concat())
    });
    let mut items = Vec::with_capacity(found.len());
    for record in found {
        items.push(told(&mut tx, record).await?);
    }
    Ok(json::AgentRecordPage { items, next_cursor })
}

async fn told(tx: &mut Tx, record: Record) -> Result<json::AgentRecord, Error> {
    let is_vouched = record.state.as_deref() == Some(BondState::Vouched.as_str());
    let tier = if is_vouched {
        VOUCHED
    } else {
        earned(tx, (record.agent, record.owner), record.publisher).await?
    };
    let count = |word: &str| record.last.iter().filter(|it| it.0 == word).count() as u64;
    Ok(json::AgentRecord {
        accepted: count("accepted"),
        rejected: count("rejected"),
        expired: count("expired"),
        tier,
        median_ms: median(&record.last),
        agent: record.handle,
        publisher: record.publisher_handle,
    })
}

/// How long half of the accepted results took at most.
fn median(last: &[Outcome]) -> Option<u64> {
    let accepted = last.iter().filter(|it| it.0 == "accepted");
    let mut took: Vec<_> = accepted.map(|it| u64::try_from(it.1).unwrap_or_default()).collect();
    took.sort_unstable();
    took.get(took.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_of_what_was_accepted_alone() {
        let of = |all: &[(&str, i64)]| {
            let all = all.iter().map(|(word, took)| Outcome((*word).to_owned(), *took));
            median(&all.collect::<Vec<_>>())
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("rejected", 1), ("expired", 2)]), None);
        assert_eq!(of(&[("accepted", 9), ("rejected", 1)]), Some(9));
        assert_eq!(of(&[("accepted", 9), ("accepted", 3), ("accepted", 5)]), Some(5));
        assert_eq!(of(&[("accepted", 9), ("accepted", 3)]), Some(3));
        assert_eq!(of(&[("accepted", -4)]), Some(0));
    }
}
