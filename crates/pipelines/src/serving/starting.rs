//! A run begins: its input is judged, and what it asks for may only be narrower than what its definition says.

use std::{collections::BTreeMap, time::Duration};

use api::json;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use names::Id;
use pipelines_core::definition::{Budgets, Definition, MicroUsd, duration};
use trust::{
    Actor, Allowed, Credential, Kind, Principal, Refusal, TokenKind, Who, act, limits::Rate,
};
use web::{Fault, Json, Posted, Problem};

use super::{fault, places::PlaceOfRuns, refusals, store};
use crate::{
    Door,
    definitions::Pinned,
    engine::{Start, Started},
};

/// The highest priority without a grant of the operator.
const ORDINARY: u8 = 5;
/// The longest external id, in bytes.
const MAX_EXTERNAL_ID: usize = 200;
/// The longest input, in bytes of canonical JSON.
const MAX_INPUT: usize = 256 << 10;

pub(super) async fn start(
    door: Door,
    allowed: Allowed<act::RunStart, PlaceOfRuns>,
    call: Posted<json::NewRun>,
) -> Result<Response, Problem> {
    if !allowed.actor().may_run(allowed.resource().pipeline.as_str()) {
        return Err(Refusal::Forbidden.into());
    }
    started(begun(&door, &allowed, call.json().await?).await?)
}

/// Begins a run, or finds the one of that name.
pub(crate) async fn begun(
    door: &Door,
    allowed: &Allowed<act::RunStart, PlaceOfRuns>,
    asked: json::NewRun,
) -> Result<Started, Problem> {
    let (place, actor) = (allowed.resource(), allowed.actor());
    if !actor.may_run(place.pipeline.as_str()) {
        return Err(Refusal::Forbidden.into());
    }
    let publisher = &place.publisher.organization;
    let mut tx = door.db().read().await?;
    let pinned = door
        .pipelines
        .pinned(&mut tx, publisher.id, &place.pipeline, asked.version)
        .await?
        .filter(|it| !it.is_archived)
        .ok_or_else(Problem::not_found)?;
    let most = store::max_priority(&mut tx, publisher.id).await?.unwrap_or(ORDINARY);
    drop(tx);
    may_start(&pinned)?;
    let start = wanted(&pinned, asked, most, actor)?;
    let start = Start { handle: publisher.handle.clone(), ..start };
    pace(door, publisher.id)?;
    Ok(door.pipelines.0.engine.start(start).await?)
}

/// A pipeline that is paused begins no runs.
pub(super) fn may_start(pinned: &Pinned) -> Result<(), Problem> {
    if !pinned.is_paused {
        return Ok(());
    }
    let why = "the pipeline is paused: its admins let it go on";
    Err(Problem::refuse(StatusCode::CONFLICT, "pipeline_paused", why))
}

/// A publisher begins so many runs in a second, and no more.
pub(super) fn pace(door: &Door, publisher: Id<Principal>) -> Result<(), Problem> {
    let limits = door.pipelines.0.ground.trust.limits();
    Ok(limits.take(Rate::Starts, Who::Principal(publisher), 1)?)
}

/// A run that began, or was there, as an answer.
pub(super) fn started(begun: Started) -> Result<Response, Problem> {
    let status = if begun.was_there { StatusCode::OK } else { StatusCode::CREATED };
    let location = HeaderValue::try_from(format!("/api/v1/runs/{}", begun.run));
    let location = location.map_err(|_| Problem::not_found())?;
    let told = json::StartedRun {
        run: begun.run.to_string(),
        state: begun.state,
        version: begun.version,
        definition_sha256: begun.sha256.to_string(),
    };
    Ok((status, [(header::LOCATION, location)], Json(told)).into_response())
}

/// Refuses a token that begins and ends runs, and does no more: before what it sends is read.
pub(super) fn no_runner(actor: &Actor) -> Result<(), Refusal> {
    let is_runner = matches!(
        actor.credential(),
        Some(Credential::Token(it)) if it.kind == TokenKind::Runner
    );
    if is_runner { Err(Refusal::Forbidden) } else { Ok(()) }
}

/// What is to begin, or every fault of it.
fn wanted(pinned: &Pinned, asked: json::NewRun, most: u8, actor: &Actor) -> Result<Start, Problem> {
    let definition = &pinned.definition;
    let mut faults = Vec::new();
    let size = serde_json::to_vec(&asked.input).map_or(usize::MAX, |it| it.len());
    if size > MAX_INPUT {
        faults.push(fault("/input", "too_large", "an input has at most 256 KiB"));
    } else {
        let found = definition.input_schema.judge(&asked.input);
        if !found.is_empty() {
            return Err(refusals::invalid("/input", &found));
        }
    }
    match asked.priority {
        Some(priority) if priority > 9 => {
            faults.push(fault("/priority", "out_of_range", "a priority is 0 to 9"));
        }
        Some(priority) if priority > most => {
            let why = format!("the operator grants this publisher priorities up to {most}");
            faults.push(fault("/priority", "priority_not_granted", why));
        }
        Some(_) | None => {}
    }
    let is_long = |it: &String| it.is_empty() || it.len() > MAX_EXTERNAL_ID;
    if asked.external_id.as_ref().is_some_and(is_long) {
        let why = format!("an external_id has 1 to {MAX_EXTERNAL_ID} bytes");
        faults.push(fault("/external_id", "out_of_range", why));
    }
    let deadline = narrower_deadline(definition, asked.deadline.as_deref(), &mut faults);
    let budgets = narrower(&definition.budgets, &asked.budgets.unwrap_or_default(), &mut faults);
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let by = actor.principal();
    Ok(Start {
        publisher: pinned.publisher,
        handle: by.map(|it| it.handle.clone()).ok_or(Refusal::Unauthenticated)?,
        pipeline: pinned.pipeline.clone(),
        input: asked.input,
        priority: asked.priority,
        external_id: asked.external_id,
        deadline,
        budgets,
        by: by.map(|it| it.id),
        stamp: actor.stamp(),
        starter: by.filter(|it| it.kind == Kind::Person).map(|it| it.id),
        replay_of: None,
        copies: BTreeMap::new(),
        definition: definition.clone(),
        pinned_version: pinned.version,
        sha256: pinned.sha256,
    })
}

fn narrower_deadline(
    definition: &Definition,
    asked: Option<&str>,
    faults: &mut Vec<Fault>,
) -> Option<Duration> {
    let asked = asked?;
    let found = duration(asked);
    match found {
        None => faults.push(fault("/deadline", "invalid", "write a duration such as 30m or 2h")),
        Some(found) if found > definition.deadline || found.is_zero() => {
            let why = "the definition gives a run less time than that";
            faults.push(fault("/deadline", "out_of_range", why));
        }
        Some(_) => {}
    }
    found
}

/// The definition's budgets, or what was asked for where that is less.
fn narrower(own: &Budgets, asked: &json::RunBudgets, faults: &mut Vec<Fault>) -> Budgets {
    let mut least = |name: &str, own: Option<u64>, asked: Option<u64>| match (own, asked) {
        (Some(own), Some(asked)) if asked > own => {
            let why = format!("the definition gives {own} at most");
            faults.push(fault(&format!("/budgets/{name}"), "out_of_range", why));
            Some(own)
        }
        (own, asked) => asked.or(own),
    };
    let wall = own.wall.map(crate::engine::millis);
    Budgets {
        claims: least("claims", Some(own.claims), asked.claims).unwrap_or(own.claims),
        tasks: least("tasks", Some(own.tasks), asked.tasks).unwrap_or(own.tasks),
        proxy_calls: least("proxy_calls", Some(own.proxy_calls), asked.proxy_calls)
            .unwrap_or(own.proxy_calls),
        proxy_bytes: least("proxy_bytes", Some(own.proxy_bytes), asked.proxy_bytes)
            .unwrap_or(own.proxy_bytes),
        result_bytes: least("result_bytes", Some(own.result_bytes), asked.result_bytes)
            .unwrap_or(own.result_bytes),
        wall: least("wall_ms", wall, asked.wall_ms).map(Duration::from_millis),
        micro_usd: least("micro_usd", own.micro_usd.map(|it| it.0), asked.micro_usd).map(MicroUsd),
        on_exhausted: own.on_exhausted,
    }
}
