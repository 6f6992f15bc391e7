//! JSON under `/api/v1/admin/schedules`: see, switch, run.

use api::json;
use axum::response::IntoResponse;
use jobs::Scheduled;
use serde::Deserialize;
use trust::{Allowed, Anything, act};
use web::{Call, Json, Problem, Queried};

use super::{Admin, bad_cursor, limit, named, position, told};

/// The name of the list, to which cursors are bound.
const LIST: &str = "admin/schedules";

type Writer = Allowed<act::JobWrite, Anything>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    limit: Option<u16>,
    cursor: Option<String>,
}

/// Schedules by name.
pub(super) async fn list(
    admin: Admin,
    _: Allowed<act::JobRead, Anything>,
    call: Queried<ListQuery>,
) -> Result<impl IntoResponse, Problem> {
    let query = call.query()?;
    let limit = limit(query.limit);
    let after = position(&admin.cursors, LIST, query.cursor.as_deref())?;
    let after = after.map(String::from_utf8).transpose().map_err(|_| bad_cursor())?;
    let page = admin.queue.schedules(after.as_deref(), limit.into()).await.map_err(told)?;
    let next_cursor = page.next.map(|name| admin.cursors.write(LIST, name.as_bytes()));
    let link = next_cursor.as_ref().map(|cursor| {
        let next = format!("/api/v1/admin/schedules?limit={limit}&cursor={cursor}");
        [("link", format!("<{next}>; rel=\"next\""))]
    });
    let items = page.items.into_iter().map(schedule).collect();
    Ok((link, Json(json::Page { items, next_cursor })))
}

/// Switches a schedule on: it counts from now.
pub(super) async fn enable(
    admin: Admin,
    allowed: Writer,
    call: Call,
) -> Result<Json<json::Schedule>, Problem> {
    switch(&admin, &allowed, call, true).await
}

/// Switches a schedule off; a run that waits or runs stays.
pub(super) async fn disable(
    admin: Admin,
    allowed: Writer,
    call: Call,
) -> Result<Json<json::Schedule>, Problem> {
    switch(&admin, &allowed, call, false).await
}

async fn switch(
    admin: &Admin,
    allowed: &Writer,
    call: Call,
    is_enabled: bool,
) -> Result<Json<json::Schedule>, Problem> {
    let name: String = named(call, "name").await?;
    let mut tx = admin.trust.begin(allowed.actor()).await?;
    let switched = admin.queue.enable_schedule(&mut tx, &name, is_enabled).await;
    let (switched, bell) = switched.map_err(told)?;
    tx.commit().await?;
    bell.ring();
    tracing::info!(name, is_enabled, by = ?allowed.actor().handle(), "a schedule was switched");
    Ok(Json(schedule(switched)))
}

/// Pushes a run of a schedule now.
pub(super) async fn run(
    admin: Admin,
    allowed: Writer,
    call: Call,
) -> Result<Json<json::ScheduleRun>, Problem> {
    let name: String = named(call, "name").await?;
    let mut tx = admin.trust.begin(allowed.actor()).await?;
    let bell = admin.queue.run_schedule(&mut tx, &name).await.map_err(told)?;
    tx.commit().await?;
    let pushed = bell.added() > 0;
    bell.ring();
    tracing::info!(name, pushed, by = ?allowed.actor().handle(), "a schedule was run by hand");
    Ok(Json(json::ScheduleRun { name, pushed }))
}

fn schedule(it: Scheduled) -> json::Schedule {
    json::Schedule {
        next_at: it.is_enabled.then(|| it.next_at.to_string()),
        name: it.name,
        kind: it.kind,
        cron: it.cron,
        zone: it.zone,
        enabled: it.is_enabled,
    }
}
