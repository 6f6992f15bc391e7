//! Runs: read, ended, held, raised, judged by their publisher.

use std::collections::BTreeMap;

use api::json;
use axum::response::{IntoResponse, Response};
use http::header;
use names::{Digest, UnixMillis};
use pipelines_core::{
    definition::{Budgets, MicroUsd},
    json::canonical,
    machine::{HeldBy, RunReason, What},
    name::RunId,
};
use serde::Deserialize;
use serde_json::{Value, json};
use trust::{
    Allowed, Anything, act,
    audit::{Entry, Noted, On},
};
use uuid::Uuid;
use web::{Json, Posted, Problem, Queried};

use super::{
    cut, invalid, limit, one_more,
    places::{RunPlace, principal},
    position,
    starting::no_runner,
    store,
    waiting::Waiting,
};
use crate::{
    Door,
    engine::{self, NotDone, Said, runs},
    verdicts,
};

/// What a list of runs is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListRuns {
    publisher: Option<String>,
    pipeline: Option<String>,
    state: Option<String>,
    external_id: Option<String>,
    since: Option<String>,
    until: Option<String>,
    replay_of: Option<String>,
    input: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

pub(super) async fn list(
    door: Door,
    allowed: Allowed<act::RunList, Anything>,
    call: Queried<ListRuns>,
) -> Result<Json<json::RunPage>, Problem> {
    let (asked, reader) = (call.query()?, principal(allowed.actor())?);
    call.end().await?;
    let limit = limit(asked.limit)?;
    let time = |text: Option<&str>| {
        let read = text.map(str::parse::<UnixMillis>).transpose();
        read.map_err(|error| Problem::malformed(&error))
    };
    let replay_of = asked.replay_of.as_deref().map(str::parse::<Uuid>).transpose();
    let wanted = store::Wanted {
        since: time(asked.since.as_deref())?,
        until: time(asked.until.as_deref())?,
        replay_of: replay_of.map_err(|_| Problem::malformed("replay_of is the id of a run"))?,
        input: asked.input.as_deref().map(place_of_input).transpose()?.into_iter().collect(),
        publisher: asked.publisher,
        pipeline: asked.pipeline,
        state: asked.state,
        external_id: asked.external_id,
    };
    let list = format!(
        "runs:{reader}:{:?}",
        (&wanted.publisher, &wanted.pipeline, &wanted.state, &wanted.external_id, &wanted.input)
    );
    let before = position(&door.cursors, &list, asked.cursor.as_deref(), Uuid::max())?;
    let is_agent = allowed.actor().behind().is_some();
    let mut rows = if is_agent {
        Vec::new()
    } else {
        let mut tx = door.db().glance().await?;
        store::list(&mut tx, reader, &wanted, before, one_more(limit)).await?
    };
    rows.retain(|it| allowed.actor().may_run(&it.pipeline_id));
    let next_cursor = cut(&mut rows, limit, (&door.cursors, &list), |it| it.id);
    let items = rows.into_iter().map(told).collect::<Result<_, _>>()?;
    Ok(Json(json::RunPage { items, next_cursor }))
}

/// `/pointer=value`, where the value is JSON.
fn place_of_input(text: &str) -> Result<(String, String), Problem> {
    let wrong = || Problem::malformed("input is a pointer, =, and a value as JSON");
    let (pointer, value) = text.split_once('=').ok_or_else(wrong)?;
    let pointer: pipelines_core::json::Pointer = pointer.parse().map_err(|_| wrong())?;
    let value: Value = serde_json::from_str(value).map_err(|_| wrong())?;
    Ok((engine::pointer_text(pointer.tokens()), canonical(&value)))
}

/// A run, as lists show it.
pub(super) fn told(row: store::Summary) -> Result<json::RunSummary, db::Error> {
    let hash = Digest::try_from(row.sha256.as_slice());
    let hash = hash.map_err(db::Error::corrupt("runs.sha256"))?;
    let time = |at: i64| UnixMillis(at).to_string();
    Ok(json::RunSummary {
        run: row.id.to_string(),
        publisher: row.handle,
        pipeline: row.pipeline_id,
        version: u32::try_from(row.version).map_err(db::Error::corrupt("runs.version"))?,
        definition_sha256: hash.to_string(),
        state: row.state,
        reason: row.reason,
        external_id: row.external_id,
        replay_of: row.replay_of.map(|it| it.to_string()),
        started_at: time(row.started_at),
        deadline_at: time(row.deadline_at),
        ended_at: row.ended_at.map(time),
    })
}

/// How long to wait for the end of the run, in seconds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShowRun {
    #[serde(default)]
    wait: u64,
}

pub(super) async fn show(
    door: Door,
    allowed: Allowed<act::RunRead, RunPlace>,
    call: Queried<ShowRun>,
) -> Result<Json<json::RunDetail>, Problem> {
    let asked = call.query()?;
    call.end().await?;
    let id = allowed.resource().run;
    if asked.wait > 0 {
        let mut waiting = Waiting::of(&door, id, asked.wait);
        loop {
            // No connection is held while it waits.
            let has_ended = store::has_ended(&mut door.db().glance().await?, id).await?;
            if has_ended || !waiting.goes_on().await {
                break;
            }
        }
    }
    let mut tx = door.db().read().await?;
    let summary = store::summary(&mut tx, id).await?.ok_or_else(Problem::not_found)?;
    let counts = store::counts(&mut tx, id).await?;
    let run = runs::read(&door.pipelines, &mut tx, id).await?.ok_or_else(Problem::not_found)?;
    drop(tx);
    let state = &run.state;
    let (now, spent) = (door.pipelines.0.engine.now(), &state.spent);
    let count = |(state, count): (String, i64)| (state, u64::try_from(count).unwrap_or_default());
    Ok(Json(json::RunDetail {
        summary: told(summary)?,
        input: state.input.as_ref().clone(),
        budgets: engine::budgets(&state.budgets),
        spent: engine::spent(spent, state.wall_at(now)),
        cost: json::Usage {
            tokens_in: spent.usage.tokens_in,
            tokens_out: spent.usage.tokens_out,
            micro_usd: spent.usage.micro_usd.0,
            model: None,
        },
        held_by: state.held_by.map(held_by),
        error: state.reason.as_ref().map(error),
        tasks: counts.into_iter().map(count).collect::<BTreeMap<_, _>>(),
        reopens: state.reopens,
    }))
}

pub(crate) fn held_by(held_by: HeldBy) -> String {
    match held_by {
        HeldBy::Pause => "pause".to_owned(),
        HeldBy::Budget(budget) => format!("budget:{}", budget.as_str()),
    }
}

/// What ended a run, as far as it can be pointed at.
pub(crate) fn error(reason: &RunReason) -> Value {
    match reason {
        RunReason::ComposeInvalid(faults) => {
            json!({"code": "compose_invalid", "errors": faults})
        }
        RunReason::TaskDead(address) => json!({"code": "task_dead", "address": address}),
        RunReason::JoinUnmeetable(address) => {
            json!({"code": "join_unmeetable", "address": address})
        }
        RunReason::BudgetExhausted(budget) => {
            json!({"code": "budget_exhausted", "budget": budget.as_str()})
        }
        reason @ (RunReason::Refused | RunReason::VerdictMissing | RunReason::Undelivered) => {
            json!({"code": reason.as_str()})
        }
    }
}

/// A page of a timeline.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListEvents {
    after: Option<i64>,
    limit: Option<usize>,
    cursor: Option<String>,
}

pub(super) async fn events(
    door: Door,
    allowed: Allowed<act::RunRead, RunPlace>,
    call: Queried<ListEvents>,
) -> Result<Json<json::RunEventPage>, Problem> {
    let asked = call.query()?;
    call.end().await?;
    let (run, limit) = (allowed.resource().run, limit(asked.limit)?);
    let list = format!("events:{run}");
    let start = Uuid::from_u128(u128::from(asked.after.unwrap_or_default().unsigned_abs()));
    let after = position(&door.cursors, &list, asked.cursor.as_deref(), start)?;
    let after = i64::try_from(after.as_u128()).unwrap_or(i64::MAX);
    let mut tx = door.db().glance().await?;
    let mut rows = store::events(&mut tx, run, after, one_more(limit)).await?;
    drop(tx);
    let place = |it: &store::EventRow| Uuid::from_u128(u128::from(it.seq.unsigned_abs()));
    let next_cursor = cut(&mut rows, limit, (&door.cursors, &list), place);
    Ok(Json(json::RunEventPage { items: rows.into_iter().map(event).collect(), next_cursor }))
}

/// An entry of a timeline, as it is told.
pub(super) fn event(row: store::EventRow) -> json::RunEvent {
    json::RunEvent {
        seq: row.seq.unsigned_abs(),
        at: UnixMillis(row.at).to_string(),
        kind: row.r#type,
        task: row.task_id.map(|it| it.to_string()),
        claim: row.claim_id.map(|it| it.to_string()),
        actor: row.actor_id.map(|it| it.to_string()),
        data: serde_json::from_str(&row.data).unwrap_or_default(),
    }
}

/// The composed output, byte for byte in its canonical form.
pub(super) async fn output(
    door: Door,
    allowed: Allowed<act::RunRead, RunPlace>,
    (): (),
) -> Result<Response, Problem> {
    let mut tx = door.db().glance().await?;
    let text = store::output(&mut tx, allowed.resource().run).await?;
    let text = text.ok_or_else(Problem::not_found)?;
    let value: Value = serde_json::from_str(&text).map_err(db::Error::corrupt("runs.output"))?;
    let head = [(header::CONTENT_TYPE, "application/json")];
    Ok((head, canonical(&value)).into_response())
}

/// Lets something happen to a run, and tells where it is then.
async fn happen(
    door: &Door,
    allowed: &Allowed<act::RunCancel, RunPlace>,
    what: What,
) -> Result<Json<json::RunState>, Problem> {
    let (run, by) = (allowed.resource().run, allowed.actor());
    let told = door.pipelines.0.engine.happen(run, what, by, Said::default()).await?;
    Ok(Json(json::RunState { run: run.to_string(), state: told.run.as_str().to_owned() }))
}

pub(crate) async fn cancel(
    door: Door,
    allowed: Allowed<act::RunCancel, RunPlace>,
    Json(asked): Json<json::Reason>,
) -> Result<Json<json::RunState>, Problem> {
    let told = happen(&door, &allowed, What::Cancel).await?;
    let place = allowed.resource();
    let on = On::new("run", place.run);
    let entry = Entry::done(Noted::RunCancelled, allowed.actor(), on);
    let entry = entry.with("reason", asked.reason.unwrap_or_default());
    door.note(place.publisher.organization.id, entry).await?;
    Ok(told)
}

pub(crate) async fn pause(
    door: Door,
    allowed: Allowed<act::RunCancel, RunPlace>,
    Json(_): Json<json::Reason>,
) -> Result<Json<json::RunState>, Problem> {
    happen(&door, &allowed, What::Pause).await
}

pub(crate) async fn resume(
    door: Door,
    allowed: Allowed<act::RunCancel, RunPlace>,
    Json(_): Json<json::Reason>,
) -> Result<Json<json::RunState>, Problem> {
    happen(&door, &allowed, What::Resume).await
}

/// The publisher takes the output, or names what has to be done again.
pub(super) async fn verdict(
    door: Door,
    allowed: Allowed<act::RunCancel, RunPlace>,
    Json(asked): Json<json::RunVerdict>,
) -> Result<Json<json::RunState>, Problem> {
    if asked.accepted {
        return happen(&door, &allowed, What::Accept).await;
    }
    let again = verdicts::again(asked.reopen);
    let again = again.map_err(|(place, why)| invalid(&place, why))?;
    happen(&door, &allowed, What::Refuse(verdicts::reopen(again))).await
}

/// Budgets only grow.
pub(super) async fn raise(
    door: Door,
    allowed: Allowed<act::RunChange, RunPlace>,
    call: Posted<json::RunBudgets>,
) -> Result<Json<json::RunState>, Problem> {
    no_runner(allowed.actor())?;
    raised(&door, &allowed, call.json().await?).await.map(Json)
}

/// The same for whoever asks otherwise.
pub(crate) async fn raised(
    door: &Door,
    allowed: &Allowed<act::RunChange, RunPlace>,
    asked: json::RunBudgets,
) -> Result<json::RunState, Problem> {
    let (id, actor) = (allowed.resource().run, allowed.actor());
    no_runner(actor)?;
    let own = current_budgets(door, id).await?;
    let budgets = Budgets {
        claims: asked.claims.unwrap_or(own.claims),
        tasks: asked.tasks.unwrap_or(own.tasks),
        proxy_calls: asked.proxy_calls.unwrap_or(own.proxy_calls),
        proxy_bytes: asked.proxy_bytes.unwrap_or(own.proxy_bytes),
        result_bytes: asked.result_bytes.unwrap_or(own.result_bytes),
        wall: asked.wall_ms.map(std::time::Duration::from_millis).or(own.wall),
        micro_usd: asked.micro_usd.map(MicroUsd).or(own.micro_usd),
        on_exhausted: own.on_exhausted,
    };
    let what = What::RaiseBudgets(budgets);
    let told = door.pipelines.0.engine.happen(id, what, actor, Said::default()).await?;
    Ok(json::RunState { run: id.to_string(), state: told.run.as_str().to_owned() })
}

async fn current_budgets(door: &Door, id: RunId) -> Result<Budgets, Problem> {
    let mut tx = door.db().read().await?;
    let run = runs::read(&door.pipelines, &mut tx, id).await?;
    Ok(run.ok_or(NotDone::NoRun)?.state.budgets)
}
