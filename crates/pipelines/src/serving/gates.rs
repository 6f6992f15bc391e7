//! Persons decide: approvals of steps, reviews by persons, which of several ballots is right.

use api::json;
use http::StatusCode;
use names::UnixMillis;
use pipelines_core::{
    machine::{Decision, TaskPhase, What},
    name::Check,
};
use serde::Deserialize;
use trust::{
    Actor, Allowed, Anything, Kind, act,
    audit::{Entry, Noted, On},
};
use uuid::Uuid;
use web::{Json, Posted, Problem, Queried};

use super::{
    cut, invalid, limit, one_more,
    places::{TaskPlace, principal},
    position, store,
};
use crate::{
    Door,
    engine::{NotDone, Said, Vote, heads::TaskId, run::Run, runs, source, whole_schema},
};

/// The longest comment, in bytes.
const MAX_COMMENT: usize = 4 << 10;

/// A page of what waits for persons.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListGates {
    limit: Option<usize>,
    cursor: Option<String>,
}

pub(super) async fn list(
    door: Door,
    allowed: Allowed<act::GateList, Anything>,
    call: Queried<ListGates>,
) -> Result<Json<json::ApprovalPage>, Problem> {
    let (asked, person) = (call.query()?, principal(allowed.actor())?);
    call.end().await?;
    let limit = limit(asked.limit)?;
    let list = format!("approvals:{person}");
    let after = position(&door.cursors, &list, asked.cursor.as_deref(), Uuid::nil())?;
    let mut tx = door.db().read().await?;
    let mut rows = store::gates(&mut tx, person, after, one_more(limit)).await?;
    let next_cursor = cut(&mut rows, limit, (&door.cursors, &list), |(task, ..)| task.uuid());
    let mut items = Vec::new();
    for (task, run, _) in rows {
        let Some(run) = runs::read(&door.pipelines, &mut tx, run).await? else { continue };
        let votes = store::votes(&mut tx, task).await?;
        items.extend(told(&run, task, votes));
    }
    Ok(Json(json::ApprovalPage { items, next_cursor }))
}

/// What is asked of a person.
fn told(run: &Run, task: TaskId, votes: Vec<store::VoteRow>) -> Option<json::Approval> {
    let ((address, generation), _) = run.ids.iter().find(|(_, id)| **id == task)?;
    let row = run.state.tasks.get(address)?.iter().rfind(|it| it.generation == *generation)?;
    let (definition, step) = (run.definition(), run.definition().step(&address.step)?);
    // A review is a word alone; a pick names a ballot.
    let schema = match address.check {
        None => Some(whole_schema(definition, source(definition, step, "output_schema"))),
        Some(Check::Ballot(_) | Check::Review(_)) => None,
    };
    let vote = |(person, decision, comment, at): store::VoteRow| json::ApprovalVote {
        person,
        decision,
        comment,
        at: UnixMillis(at).to_string(),
    };
    Some(json::Approval {
        id: task.to_string(),
        run: run.state.run.to_string(),
        publisher: run.birth.handle.to_string(),
        pipeline: run.birth.pipeline.to_string(),
        address: address.to_string(),
        state: row.phase.as_str().to_owned(),
        instructions: Some(step.instructions.to_string()),
        input: row.input.as_deref().cloned(),
        output_schema: schema,
        votes: votes.into_iter().map(vote).collect(),
    })
}

pub(super) async fn show(
    door: Door,
    allowed: Allowed<act::RunRead, TaskPlace>,
    (): (),
) -> Result<Json<json::Approval>, Problem> {
    let place = allowed.resource();
    let mut tx = door.db().read().await?;
    let run = runs::read(&door.pipelines, &mut tx, place.run).await?;
    let votes = store::votes(&mut tx, place.task).await?;
    let told = run.and_then(|run| told(&run, place.task, votes));
    told.map(Json).ok_or_else(Problem::not_found)
}

pub(super) async fn decide(
    door: Door,
    allowed: Allowed<act::GateDecide, TaskPlace>,
    call: Posted<json::Decide>,
) -> Result<Json<json::Decided>, Problem> {
    a_person(allowed.actor())?;
    decided(&door, &allowed, call.json().await?).await.map(Json)
}

/// Refuses whoever is none: before what is sent is read.
fn a_person(actor: &Actor) -> Result<(), Problem> {
    if actor.principal().is_some_and(|it| it.kind == Kind::Person) {
        return Ok(());
    }
    let why = "a person decides here: no token of an organization, and no agent";
    Err(Problem::refuse(StatusCode::FORBIDDEN, "not_a_person", why))
}

/// The same for whoever asks otherwise.
pub(crate) async fn decided(
    door: &Door,
    allowed: &Allowed<act::GateDecide, TaskPlace>,
    asked: json::Decide,
) -> Result<json::Decided, Problem> {
    let (place, actor) = (allowed.resource(), allowed.actor());
    a_person(actor)?;
    let comment = asked.comment.unwrap_or_default();
    if comment.len() > MAX_COMMENT {
        return Err(invalid("/comment", "a comment has at most 4 KiB"));
    }
    let (decision, word) = match asked.decision.as_str() {
        "approve" => (Decision::Approve(asked.output.unwrap_or_default()), "approve"),
        "reject" => (Decision::Reject(comment.clone()), "reject"),
        other => {
            let why = format!("`{other}` is neither approve nor reject");
            return Err(invalid("/decision", why));
        }
    };
    let me = principal(actor)?;
    let (address, generation) = (place.address.clone(), place.generation);
    let person = names::Id::from_uuid(me.uuid());
    let what = What::Decide { address: address.clone(), person, decision };
    let vote = Vote { address, generation, person: me, decision: word, comment };
    let said = Said { vote: Some(vote), ..Said::default() };
    let engine = &door.pipelines.0.engine;
    engine.happen(place.run, what, actor, said).await.map_err(closed)?;
    let entry = Entry::done(Noted::HitlDecision, actor, On::new("run", place.run));
    let entry = entry.with("address", place.address.to_string()).with("decision", word);
    door.note(place.publisher.organization.id, entry).await?;
    let mut tx = door.db().read().await?;
    let votes = store::votes(&mut tx, place.task).await?;
    let run = runs::read(&door.pipelines, &mut tx, place.run).await?;
    let run = run.ok_or_else(Problem::not_found)?;
    let rows = run.state.tasks.get(&place.address);
    let task = rows.and_then(|rows| rows.iter().rfind(|it| it.generation == place.generation));
    let approvals = votes.iter().filter(|(_, decision, ..)| decision == "approve").count();
    Ok(json::Decided {
        state: task.map_or(TaskPhase::Cancelled, |it| it.phase).as_str().to_owned(),
        approvals: u64::try_from(approvals).unwrap_or(u64::MAX),
    })
}

/// Where nobody is asked any more, it is closed.
fn closed(not_done: NotDone) -> Problem {
    use pipelines_core::machine::Refusal;
    match not_done {
        NotDone::Refused(Refusal::RunEnded | Refusal::NotListed) => {
            NotDone::Refused(Refusal::Decided).into()
        }
        other => other.into(),
    }
}
