//! JSON: an owner has a repository collected.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jobs::NewJob;
use serde::Deserialize;
use trust::{Allowed, act};
use web::{Fault, Json, Problem, Routes, Spec, Surface};

use super::{COLLECT, Collect, Grace};
use crate::{Error, Hub, Repository};

pub(crate) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    routes.post("/api/v1/repos/{owner}/{name}/collect", Spec::new(Surface::Api), collect)
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Days that things stay which nothing leads to; 0 for a secret that should never have been pushed.
    grace: Option<u32>,
    /// Only says what would go.
    #[serde(default)]
    dry_run: bool,
}

/// 202 with the job that does it, or 200 with what would go.
async fn collect(
    hub: Hub,
    allowed: Allowed<act::RepoCollect, Repository>,
    Json(asked): Json<Asked>,
) -> Result<Response, Problem> {
    let grace = match asked.grace {
        None => Grace::Usual,
        Some(0) => Grace::None,
        Some(_) => {
            let message = "leave it out for the usual grace, or give 0 for none".to_owned();
            let fault = Fault { pointer: "/grace".to_owned(), code: "invalid", message };
            return Err(Problem::invalid(vec![fault]));
        }
    };
    let repository = allowed.resource();
    if asked.dry_run {
        let would_go = hub.collect(repository.id, grace, true).await?;
        return Ok(Json(would_go).into_response());
    }
    let payload = Collect { repository: repository.id.uuid(), grace };
    let job = NewJob::new(COLLECT, &payload).map_err(Error::Jobs)?;
    let mut tx = hub.trust.begin(allowed.actor()).await?;
    let bell = hub.queue.push(&mut tx, job).await.map_err(Error::Jobs)?;
    tx.commit().await.map_err(Error::Db)?;
    bell.ring();
    let (name, by) = (repository.full_name(), allowed.actor().handle().map(ToString::to_string));
    tracing::info!(repository = name, by, ?grace, "collection asked for");
    let answer = serde_json::json!({ "status": "accepted" });
    Ok((StatusCode::ACCEPTED, Json(answer)).into_response())
}
