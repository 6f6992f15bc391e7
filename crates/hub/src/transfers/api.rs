//! JSON: a repository is handed on, taken, left.

use api::json;
use axum::{
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
};
use names::{Handle, RepositoryName};
use trust::{Allowed, Anything, act};
use web::{Fault, Json, Problem, Routes, Spec, Surface};

use super::{Handed, Offered, Transfer};
use crate::{Hub, Repository, life, repositories::json_of};

const ONE: &str = "/api/v1/repos/{owner}/{name}/transfer";
/// Bodies of a few bytes.
const SMALL_BODY: u64 = 4 << 10;

pub(crate) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    let small = Spec::new(Surface::Api).body_bytes(SMALL_BODY);
    routes
        .post(ONE, small, hand_on)
        .on(Method::DELETE, ONE, small, keep)
        .get("/api/v1/transfers", Surface::Api, list)
        .post("/api/v1/transfers/{id}/accept", small, take)
        .post("/api/v1/transfers/{id}/decline", small, decline)
}

fn invalid(pointer: &str, message: String) -> Problem {
    let fault = Fault { pointer: pointer.to_owned(), code: "invalid", message };
    Problem::invalid(vec![fault])
}

/// 200 with the repository where it is now, or 202 with what waits.
async fn hand_on(
    hub: Hub,
    allowed: Allowed<act::RepoTransfer, Repository>,
    Json(asked): Json<json::NewTransfer>,
) -> Result<Response, Problem> {
    Ok(match hand_on_as_asked(&hub, &allowed, &asked.to, &asked.confirm).await? {
        Handed::Over(after) => Json(json_of(&after)).into_response(),
        Handed::Waiting(it) => (StatusCode::ACCEPTED, Json(shown(&it))).into_response(),
    })
}

/// Hands a repository on that was named to confirm it.
pub(crate) async fn hand_on_as_asked(
    hub: &Hub,
    allowed: &Allowed<act::RepoTransfer, Repository>,
    to: &str,
    confirm: &str,
) -> Result<Handed, Problem> {
    let to: Handle = to.parse().map_err(|error| invalid("/to", format!("{error}")))?;
    life::check_confirmed(confirm, allowed.resource())?;
    Ok(hub.hand_on(allowed, &to).await?)
}

async fn keep(
    hub: Hub,
    allowed: Allowed<act::RepoTransfer, Repository>,
    (): (),
) -> Result<StatusCode, Problem> {
    hub.keep(&allowed).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn list(
    hub: Hub,
    allowed: Allowed<act::MeRead, Anything>,
    (): (),
) -> Result<Json<json::TransferPage>, Problem> {
    let found = hub.transfers(allowed.actor()).await?;
    Ok(Json(json::TransferPage { items: found.iter().map(shown).collect(), next_cursor: None }))
}

async fn take(
    hub: Hub,
    allowed: Allowed<act::TransferDecide, Offered>,
    Json(asked): Json<json::Accepted>,
) -> Result<Json<json::Repository>, Problem> {
    Ok(Json(json_of(&take_as_asked(&hub, &allowed, asked.name.as_deref()).await?)))
}

/// Under another name, if one is asked for.
pub(crate) async fn take_as_asked(
    hub: &Hub,
    allowed: &Allowed<act::TransferDecide, Offered>,
    name: Option<&str>,
) -> Result<Repository, Problem> {
    let name: Option<RepositoryName> =
        name.map(str::parse).transpose().map_err(|error| invalid("/name", format!("{error}")))?;
    Ok(hub.take(allowed, name).await?)
}

async fn decline(
    hub: Hub,
    allowed: Allowed<act::TransferDecide, Offered>,
    (): (),
) -> Result<StatusCode, Problem> {
    hub.decline(&allowed).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(it: &Transfer) -> json::Transfer {
    json::Transfer {
        id: it.id.to_string(),
        repository: it.full_name.clone(),
        to: it.to.to_string(),
        created_at: it.created_at.to_string(),
        ends_at: it.ends_at.to_string(),
    }
}
