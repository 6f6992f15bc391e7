//! JSON under `/api/v1/admin/jobs`: see, retry, forget.

use api::json;
use axum::{http::StatusCode, response::IntoResponse};
use jobs::{Counts, JobId, Listed, Priority, State};
use serde::Deserialize;
use trust::{Allowed, Anything, act};
use uuid::Uuid;
use web::{Call, Json, Problem, Queried};

use super::{Admin, bad_cursor, limit, named, position, told};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    state: Option<String>,
    limit: Option<u16>,
    cursor: Option<String>,
}

/// The state that a list is of: dead jobs unless asked, because they wait for a person.
pub(super) fn state(asked: Option<&str>) -> Result<State, Problem> {
    let Some(word) = asked else { return Ok(State::Dead) };
    State::try_from(word)
        .map_err(|error| Problem::malformed(&format!("{error}: use ready, running or dead")))
}

/// The name of the list of a state, to which cursors are bound.
pub(super) fn list_of(state: State) -> String {
    format!("admin/jobs?state={}", state.as_str())
}

/// The id that a cursor holds.
pub(super) fn id_in(position: &[u8]) -> Result<JobId, Problem> {
    Uuid::from_slice(position).map(JobId::from_uuid).map_err(|_| bad_cursor())
}

/// Jobs in one state, newest first, and how many there are in each.
pub(super) async fn list(
    admin: Admin,
    _: Allowed<act::JobRead, Anything>,
    call: Queried<ListQuery>,
) -> Result<impl IntoResponse, Problem> {
    let query = call.query()?;
    let (state, limit) = (state(query.state.as_deref())?, limit(query.limit));
    let list = list_of(state);
    let after = position(&admin.cursors, &list, query.cursor.as_deref())?;
    let after = after.as_deref().map(id_in).transpose()?;
    let page = admin.queue.list(state, after, limit.into()).await.map_err(told)?;
    let counts = admin.queue.counts().await.map_err(told)?;
    let next_cursor = page.next.map(|id| admin.cursors.write(&list, id.uuid().as_bytes()));
    let link = next_cursor.as_ref().map(|cursor| {
        let state = state.as_str();
        let next = format!("/api/v1/admin/jobs?state={state}&limit={limit}&cursor={cursor}");
        [("link", format!("<{next}>; rel=\"next\""))]
    });
    let items = page.items.iter().map(job).collect();
    Ok((link, Json(json::JobPage { items, next_cursor, counts: counts_of(counts) })))
}

/// One job, with what it carries.
pub(super) async fn show(
    admin: Admin,
    _: Allowed<act::JobRead, Anything>,
    call: Call,
) -> Result<Json<json::JobDetail>, Problem> {
    let id: JobId = named(call, "id").await?;
    let found = admin.queue.find(id).await.map_err(told)?.ok_or_else(Problem::not_found)?;
    // A payload that is no JSON is why its job is dead: shown as it is.
    let payload = serde_json::from_str(&found.payload)
        .unwrap_or_else(|_| serde_json::Value::String(found.payload.clone()));
    Ok(Json(json::JobDetail { job: job(&found), payload }))
}

/// Makes a dead job due at once.
pub(super) async fn retry(
    admin: Admin,
    allowed: Allowed<act::JobWrite, Anything>,
    call: Call,
) -> Result<Json<json::Job>, Problem> {
    let id: JobId = named(call, "id").await?;
    let mut tx = admin.trust.begin(allowed.actor()).await?;
    let (retried, bell) = admin.queue.retry(&mut tx, id).await.map_err(told)?;
    tx.commit().await?;
    bell.ring();
    tracing::info!(job.id = %id, by = ?allowed.actor().handle(), "a dead job is tried again");
    Ok(Json(job(&retried)))
}

/// Forgets a dead job.
pub(super) async fn delete(
    admin: Admin,
    allowed: Allowed<act::JobWrite, Anything>,
    call: Call,
) -> Result<StatusCode, Problem> {
    let id: JobId = named(call, "id").await?;
    let mut tx = admin.trust.begin(allowed.actor()).await?;
    admin.queue.delete(&mut tx, id).await.map_err(told)?;
    tx.commit().await?;
    tracing::info!(job.id = %id, by = ?allowed.actor().handle(), "a dead job is forgotten");
    Ok(StatusCode::NO_CONTENT)
}

fn job(it: &Listed) -> json::Job {
    json::Job {
        id: it.id.to_string(),
        kind: it.kind.clone(),
        state: it.state.as_str().to_owned(),
        priority: priority(it.priority).to_owned(),
        key: it.unique_key.clone(),
        attempts: it.attempts,
        max_attempts: it.max_attempts,
        run_at: it.run_at.to_string(),
        lease_ends: it.lease_ends.map(|time| time.to_string()),
        last_error: it.last_error.clone(),
        created_at: it.created_at.to_string(),
    }
}

const fn priority(it: Priority) -> &'static str {
    match it {
        Priority::High => "high",
        Priority::Normal => "normal",
        Priority::Low => "low",
    }
}

fn counts_of(it: Counts) -> json::JobCounts {
    json::JobCounts {
        ready: it.ready,
        due: it.due,
        running: it.running,
        dead: it.dead,
        posted: it.posted,
        oldest_due_at: it.oldest_due_at.map(|time| time.to_string()),
    }
}
