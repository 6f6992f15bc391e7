//! A live run moves to another version; a run is done once more, with what need not be done again (`spec/work.md` 2, 4).

use std::collections::BTreeMap;

use api::json;
use axum::response::Response;
use pipelines_core::{
    machine::{TaskPhase, What, kept},
    name::Address,
};
use serde_json::Value;
use trust::{Allowed, Kind, act};
use web::{Fault, Json, Posted, Problem};

use super::{
    fault, invalid,
    places::RunPlace,
    refusals,
    starting::{may_start, no_runner, pace, started},
};
use crate::{
    Door,
    engine::{NotDone, Said, Start, Started, run::Run, runs},
};

/// Addresses that a replay names.
const MAX_NAMED: usize = 1_000;

pub(super) async fn move_to(
    door: Door,
    allowed: Allowed<act::RunChange, RunPlace>,
    call: Posted<json::MoveRun>,
) -> Result<Json<json::RunState>, Problem> {
    no_runner(allowed.actor())?;
    moved(&door, &allowed, call.json().await?).await.map(Json)
}

/// The same for whoever asks otherwise.
pub(crate) async fn moved(
    door: &Door,
    allowed: &Allowed<act::RunChange, RunPlace>,
    asked: json::MoveRun,
) -> Result<json::RunState, Problem> {
    no_runner(allowed.actor())?;
    let place = allowed.resource();
    let publisher = place.publisher.organization.id;
    let mut tx = door.db().read().await?;
    let found = door
        .pipelines
        .pinned(&mut tx, publisher, &place.pipeline, Some(asked.to_version))
        .await?
        .ok_or_else(|| invalid("/to_version", "there is no such version"))?;
    drop(tx);
    let what = What::Move { definition: found.definition, version: found.version };
    let (by, engine) = (allowed.actor(), &door.pipelines.0.engine);
    let told = engine.happen(place.run, what, by, Said::default()).await?;
    let state = told.run.as_str().to_owned();
    Ok(json::RunState { run: place.run.to_string(), state })
}

fn addresses(name: &str, texts: &[String]) -> Result<Vec<Address>, Problem> {
    if texts.len() > MAX_NAMED {
        let why = format!("at most {MAX_NAMED} places are named");
        return Err(invalid(&format!("/{name}"), why));
    }
    let read = |(at, text): (usize, &String)| {
        let read = text.parse::<Address>();
        read.map_err(|error| invalid(&format!("/{name}/{at}"), error.to_string()))
    };
    texts.iter().enumerate().map(read).collect()
}

/// What the new run brings along: what does not depend on what is done again; with another input only what is named.
fn copies(run: &Run, asked: &json::ReplayRun) -> Result<BTreeMap<Address, Value>, Problem> {
    let from = addresses("from", &asked.from)?;
    if let Some(at) = from.iter().position(|it| run.state.current(it).is_none()) {
        return Err(invalid(&format!("/from/{at}"), "the run has no such task"));
    }
    let mut copies = kept(&run.state, &from);
    if asked.input.is_some() {
        let keep = addresses("keep", asked.keep.as_deref().unwrap_or_default())?;
        let is_done =
            |it: &Address| run.state.current(it).is_some_and(|task| task.phase == TaskPhase::Done);
        if let Some(at) = keep.iter().position(|it| !is_done(it)) {
            return Err(invalid(&format!("/keep/{at}"), "there is no result to keep"));
        }
        copies.retain(|address, _| keep.contains(address));
    }
    Ok(copies)
}

pub(super) async fn replay(
    door: Door,
    allowed: Allowed<act::RunCancel, RunPlace>,
    call: Posted<json::ReplayRun>,
) -> Result<Response, Problem> {
    started(replayed(&door, &allowed, call.json().await?).await?)
}

/// The same for whoever asks otherwise.
pub(crate) async fn replayed(
    door: &Door,
    allowed: &Allowed<act::RunCancel, RunPlace>,
    asked: json::ReplayRun,
) -> Result<Started, Problem> {
    let (place, actor) = (allowed.resource(), allowed.actor());
    let publisher = &place.publisher.organization;
    let mut tx = door.db().read().await?;
    let run = runs::read(&door.pipelines, &mut tx, place.run).await?.ok_or(NotDone::NoRun)?;
    let version = asked.version.unwrap_or(run.state.version);
    let pinned =
        door.pipelines.pinned(&mut tx, publisher.id, &place.pipeline, Some(version)).await?;
    drop(tx);
    let pinned = pinned.ok_or_else(|| invalid("/version", "there is no such version"))?;
    may_start(&pinned)?;
    let copies = copies(&run, &asked)?;
    let definition = &pinned.definition;
    let mut faults: Vec<Fault> = Vec::new();
    for (address, output) in &copies {
        let step = definition.step(&address.step);
        let found = step.map(|step| step.output_schema.judge(output)).unwrap_or_default();
        if step.is_none() || !found.is_empty() {
            let why = format!("the result of {address} does not fit version {version}");
            faults.push(fault("/version", "copy_invalid", why));
        }
    }
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let input = asked.input.unwrap_or_else(|| run.state.input.as_ref().clone());
    let found = definition.input_schema.judge(&input);
    if !found.is_empty() {
        return Err(refusals::invalid("/input", &found));
    }
    pace(door, publisher.id)?;
    let by = actor.principal();
    let begun = door.pipelines.0.engine.start(Start {
        publisher: publisher.id,
        handle: publisher.handle.clone(),
        pipeline: place.pipeline.clone(),
        input,
        priority: run.state.priority,
        external_id: None,
        deadline: None,
        budgets: definition.budgets,
        by: by.map(|it| it.id),
        stamp: actor.stamp(),
        starter: by.filter(|it| it.kind == Kind::Person).map(|it| it.id),
        replay_of: Some(place.run.uuid()),
        copies,
        definition: definition.clone(),
        pinned_version: pinned.version,
        sha256: pinned.sha256,
    });
    Ok(begun.await?)
}
