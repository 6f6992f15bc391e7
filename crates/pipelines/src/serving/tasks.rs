//! Tasks of runs, and every claim of them.

use api::json;
use names::{Digest, UnixMillis};
use pipelines_core::machine::{StoredVerdict, What};
use serde::Deserialize;
use serde_json::Value;
use trust::{Allowed, act};
use uuid::Uuid;
use web::{Json, Problem, Queried};

use super::{
    cut, limit, one_more,
    places::{RunPlace, TaskPlace},
    position, store,
};
use crate::{
    Door,
    engine::{Said, runs},
};

/// A page of tasks.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListTasks {
    state: Option<String>,
    step: Option<String>,
    generation: Option<u32>,
    limit: Option<usize>,
    cursor: Option<String>,
}

pub(super) async fn list(
    door: Door,
    allowed: Allowed<act::RunRead, RunPlace>,
    call: Queried<ListTasks>,
) -> Result<Json<json::TaskPage>, Problem> {
    let asked = call.query()?;
    call.end().await?;
    let (run, limit) = (allowed.resource().run, limit(asked.limit)?);
    let list = format!("tasks:{run}:{:?}", (&asked.state, &asked.step, asked.generation));
    let after = position(&door.cursors, &list, asked.cursor.as_deref(), Uuid::nil())?;
    let wanted =
        (asked.state.as_deref(), asked.step.as_deref(), asked.generation.unwrap_or_default());
    let mut tx = door.db().glance().await?;
    let mut rows = store::tasks(&mut tx, run, wanted, after, one_more(limit)).await?;
    let next_cursor = cut(&mut rows, limit, (&door.cursors, &list), |it| it.id);
    let items = rows.into_iter().map(told).collect::<Result<_, _>>()?;
    Ok(Json(json::TaskPage { items, next_cursor }))
}

fn told(row: store::TaskRow) -> Result<json::TaskSummary, Problem> {
    let generation = u32::try_from(row.generation);
    Ok(json::TaskSummary {
        task: row.id.to_string(),
        run: row.run_id.to_string(),
        step: row.step,
        address: row.address,
        generation: generation.map_err(db::Error::corrupt("tasks.generation"))?,
        superseded: row.superseded == 1,
        state: row.state,
        reason: row.reason,
        ready_at: row.ready_at.map(|at| UnixMillis(at).to_string()),
    })
}

pub(super) async fn show(
    door: Door,
    allowed: Allowed<act::RunRead, TaskPlace>,
    (): (),
) -> Result<Json<json::TaskDetail>, Problem> {
    let place = allowed.resource();
    let mut tx = door.db().read().await?;
    let run = runs::read(&door.pipelines, &mut tx, place.run).await?;
    let run = run.ok_or_else(Problem::not_found)?;
    let rows = run.state.tasks.get(&place.address).ok_or_else(Problem::not_found)?;
    let task = rows.iter().rfind(|it| it.generation == place.generation);
    let task = task.ok_or_else(Problem::not_found)?;
    let step = run.definition().step(&place.address.step);
    Ok(Json(json::TaskDetail {
        summary: json::TaskSummary {
            task: place.task.to_string(),
            run: place.run.to_string(),
            step: place.address.step.to_string(),
            address: place.address.to_string(),
            generation: place.generation,
            superseded: task.superseded,
            state: task.phase.as_str().to_owned(),
            reason: task.reason.map(|it| it.as_str().to_owned()),
            ready_at: task.ready_at.map(|at| at.to_string()),
        },
        instructions: step.map(|it| it.instructions.to_string()),
        input: task.input.as_deref().cloned(),
        output: task.output.as_deref().cloned(),
        failed_attempts: task.failed,
        feedback: task.feedback.clone(),
    }))
}

pub(crate) async fn attempts(
    door: Door,
    allowed: Allowed<act::RunRead, TaskPlace>,
    (): (),
) -> Result<Json<json::AttemptPage>, Problem> {
    let mut tx = door.db().read().await?;
    let (claims, given) = store::attempts(&mut tx, allowed.resource().task).await?;
    let attempt = |row: store::AttemptRow| {
        let of_claim = given.iter().filter(|(claim, ..)| *claim == row.id);
        Ok::<_, Problem>(json::Attempt {
            claim: row.id.to_string(),
            agent: row.handle,
            fence: row.fence.unsigned_abs(),
            state: row.state,
            granted_at: UnixMillis(row.granted_at).to_string(),
            lease_ends_at: UnixMillis(row.ends_at).to_string(),
            detail: row.note,
            submissions: of_claim.map(submission).collect::<Result<_, _>>()?,
        })
    };
    let items = claims.into_iter().map(attempt).collect::<Result<_, _>>()?;
    Ok(Json(json::AttemptPage { items, next_cursor: None }))
}

/// The verdict of a result, as answers tell it.
pub(crate) fn submission(
    (_, hash, verdict, at): &store::SubmissionRow,
) -> Result<json::ClaimSubmission, Problem> {
    let hash = Digest::try_from(hash.as_slice());
    let hash = hash.map_err(db::Error::corrupt("submissions.result_sha256"))?;
    let verdict: StoredVerdict =
        serde_json::from_str(verdict).map_err(db::Error::corrupt("submissions.verdict"))?;
    let (verdict, errors) = match verdict {
        StoredVerdict::Accepted => ("accepted", Vec::new()),
        StoredVerdict::Checking => ("checking", Vec::new()),
        StoredVerdict::Invalid(faults) => {
            let told = faults.iter().map(|it| serde_json::to_value(it).unwrap_or(Value::Null));
            ("invalid", told.collect())
        }
    };
    Ok(json::ClaimSubmission {
        result_sha256: hash.to_string(),
        verdict: verdict.to_owned(),
        errors,
        at: UnixMillis(*at).to_string(),
    })
}

async fn happen(
    door: &Door,
    allowed: &Allowed<act::RunCancel, TaskPlace>,
    what: What,
) -> Result<Json<json::RunState>, Problem> {
    let (run, by) = (allowed.resource().run, allowed.actor());
    let told = door.pipelines.0.engine.happen(run, what, by, Said::default()).await;
    let told = told.map_err(super::refusals::of_task)?;
    Ok(Json(json::RunState { run: run.to_string(), state: told.run.as_str().to_owned() }))
}

/// A task that is dead, and whose step waits for a person, is opened again.
pub(crate) async fn retry(
    door: Door,
    allowed: Allowed<act::RunCancel, TaskPlace>,
    Json(_): Json<json::Reason>,
) -> Result<Json<json::RunState>, Problem> {
    happen(&door, &allowed, What::Retry(allowed.resource().address.clone())).await
}

/// A task is ended: for those that wait for it, it counts as void.
pub(crate) async fn cancel(
    door: Door,
    allowed: Allowed<act::RunCancel, TaskPlace>,
    Json(_): Json<json::Reason>,
) -> Result<Json<json::RunState>, Problem> {
    happen(&door, &allowed, What::CancelTask(allowed.resource().address.clone())).await
}
