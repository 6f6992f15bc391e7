//! JSON under `/api/v1/admin/search`: what is searched is made again.

use api::json;
use axum::{http::StatusCode, response::IntoResponse};
use trust::{Allowed, Anything, act};
use web::{Json, Problem};

use super::{Admin, told};

/// The job that does it.
const JOB: &str = "hub.search_rebuild";

/// Has the documents of every repository made again from the store.
pub(super) async fn rebuild(
    admin: Admin,
    allowed: Allowed<act::JobWrite, Anything>,
    (): (),
) -> Result<impl IntoResponse, Problem> {
    let job = hub::rebuild_search().map_err(told)?;
    let mut tx = admin.trust.begin(allowed.actor()).await?;
    let bell = admin.queue.push(&mut tx, job).await.map_err(told)?;
    tx.commit().await?;
    let pushed = bell.added() > 0;
    bell.ring();
    tracing::info!(by = ?allowed.actor().handle(), "search is made again");
    Ok((StatusCode::ACCEPTED, Json(json::ScanStarted { job: JOB.to_owned(), pushed })))
}
