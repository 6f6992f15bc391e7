//! JSON: findings that may pass.

use ::api::json;
use axum::http::{Method, StatusCode};
use trust::{Allowed, act};
use web::{Call, Fault, Input as _, Json, Posted, Problem, Routes, Spec, Surface};

use super::{FindingId, Pass};
use crate::{Hub, Repository, repositories::check_description};

const LIST: &str = "/api/v1/repos/{owner}/{name}/secret-passes";
const ONE: &str = "/api/v1/repos/{owner}/{name}/secret-passes/{fingerprint}";
/// Bodies of one line.
const SMALL_BODY: u64 = 4 << 10;

pub(crate) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    let small = Spec::new(Surface::Api).body_bytes(SMALL_BODY);
    routes.get(LIST, Surface::Api, list).on(Method::PUT, ONE, small, put).on(
        Method::DELETE,
        ONE,
        small,
        end,
    )
}

async fn list(
    hub: Hub,
    allowed: Allowed<act::RepoSettings, Repository>,
    (): (),
) -> Result<Json<json::SecretPassPage>, Problem> {
    let items = hub.passes(&allowed).await?.iter().map(shown).collect();
    Ok(Json(json::SecretPassPage { items, next_cursor: None }))
}

fn shown(it: &Pass) -> json::SecretPass {
    json::SecretPass {
        fingerprint: it.finding.to_string(),
        by: it.by.to_string(),
        reason: it.reason.clone(),
        created_at: it.created_at.to_string(),
    }
}

async fn put(
    hub: Hub,
    allowed: Allowed<act::RefPush, Repository>,
    call: Posted<json::NewSecretPass>,
) -> Result<Json<json::SecretPass>, Problem> {
    let finding: FindingId = call.params.parse("fingerprint")?;
    let asked = call.json().await?;
    let reason = asked.reason.unwrap_or_default();
    check_description(&reason).map_err(|message| {
        let pointer = "/reason".to_owned();
        Problem::invalid(vec![Fault { pointer, code: "invalid", message }])
    })?;
    Ok(Json(shown(&hub.let_pass(&allowed, finding, reason).await?)))
}

async fn end(
    hub: Hub,
    allowed: Allowed<act::RefPush, Repository>,
    call: Call,
) -> Result<StatusCode, Problem> {
    let finding: FindingId = call.params.parse("fingerprint")?;
    <()>::take(call).await?;
    hub.stop_passing(&allowed, finding).await?;
    Ok(StatusCode::NO_CONTENT)
}
