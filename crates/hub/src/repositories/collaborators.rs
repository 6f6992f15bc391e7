//! JSON: who was given a level on a repository.

use ::api::json;
use axum::{
    http::{Method, StatusCode},
    response::IntoResponse,
};
use names::Handle;
use trust::{Allowed, Collaborator, Level, act};
use web::{Call, Fault, Input as _, Json, Posted, Problem, Routes, Spec, Surface};

use super::Repository;
use crate::Hub;

const LIST: &str = "/api/v1/repos/{owner}/{name}/collaborators";
const ONE: &str = "/api/v1/repos/{owner}/{name}/collaborators/{handle}";
/// Bodies of a few bytes.
const SMALL_BODY: u64 = 4 << 10;

pub(super) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    let small = Spec::new(Surface::Api).body_bytes(SMALL_BODY);
    routes.get(LIST, Surface::Api, list).on(Method::PUT, ONE, small, add).on(
        Method::DELETE,
        ONE,
        small,
        remove,
    )
}

async fn list(
    hub: Hub,
    allowed: Allowed<act::CollaboratorRead, Repository>,
    (): (),
) -> Result<Json<json::CollaboratorPage>, Problem> {
    let found = hub.trust.collaborators(&allowed, &allowed.resource().resource).await?;
    let items = found.iter().map(json_of).collect();
    Ok(Json(json::CollaboratorPage { items, next_cursor: None }))
}

async fn add(
    hub: Hub,
    allowed: Allowed<act::CollaboratorAdd, Repository>,
    call: Posted<json::LevelRequest>,
) -> Result<Json<json::Collaborator>, Problem> {
    let handle: Handle = call.params.parse("handle")?;
    let asked = call.json().await?;
    let level: Level = asked.level.parse().map_err(|message| {
        Problem::invalid(vec![Fault { pointer: "/level".to_owned(), code: "invalid", message }])
    })?;
    let row = allowed.resource().resource;
    Ok(Json(json_of(&hub.trust.add_collaborator(&allowed, &row, &handle, level).await?)))
}

async fn remove(
    hub: Hub,
    allowed: Allowed<act::CollaboratorRemove, Repository>,
    call: Call,
) -> Result<impl IntoResponse, Problem> {
    let handle: Handle = call.params.parse("handle")?;
    <()>::take(call).await?;
    hub.trust.remove_collaborator(&allowed, &allowed.resource().resource, &handle).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn json_of(it: &Collaborator) -> json::Collaborator {
    json::Collaborator {
        handle: it.handle.to_string(),
        kind: it.kind.as_str().to_owned(),
        level: it.level.as_str().to_owned(),
        created_at: it.created_at.to_string(),
    }
}
