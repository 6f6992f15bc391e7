//! JSON: a repository is forked.

use api::json;
use axum::{
    http::{StatusCode, header},
    response::IntoResponse,
};
use names::{Handle, RepositoryName};
use trust::{Actor, Allowed, act};
use web::{Fault, Json, Problem, Routes, Spec, Surface};

use crate::{Hub, Repository, repositories::json_of};

/// Bodies of a few bytes.
const SMALL_BODY: u64 = 4 << 10;

pub(crate) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    let small = Spec::new(Surface::Api).body_bytes(SMALL_BODY);
    routes.post("/api/v1/repos/{owner}/{name}/forks", small, fork)
}

async fn fork(
    hub: Hub,
    allowed: Allowed<act::RepoFork, Repository>,
    Json(asked): Json<json::NewFork>,
) -> Result<impl IntoResponse, Problem> {
    let made = fork_as_asked(&hub, &allowed, asked).await?;
    let location = format!("/api/v1/repos/{}", made.full_name());
    let body = Json(shown(&hub, allowed.actor(), &made).await?);
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], body))
}

/// Makes a fork in the namespace that is asked for, if whoever asks may make something there.
pub(crate) async fn fork_as_asked(
    hub: &Hub,
    allowed: &Allowed<act::RepoFork, Repository>,
    asked: json::NewFork,
) -> Result<Repository, Problem> {
    let (actor, source) = (allowed.actor(), allowed.resource());
    let own = actor.handle().cloned().ok_or(trust::Refusal::Unauthenticated)?;
    let owner: Handle = match asked.owner.as_deref() {
        None => own,
        Some(owner) => owner.parse().map_err(|_| Problem::not_found())?,
    };
    let name: RepositoryName = match asked.name.as_deref() {
        None => source.name.clone(),
        Some(name) => name.parse().map_err(|error: names::NameError| {
            let (pointer, message) = ("/name".to_owned(), error.to_string());
            Problem::invalid(vec![Fault { pointer, code: "invalid", message }])
        })?,
    };
    let mut tx = hub.db.glance().await?;
    let space = hub.trust.space(&mut tx, actor, owner).await?;
    drop(tx);
    let into = Allowed::ask(actor, space)?;
    Ok(hub.fork(allowed, &into, name, asked.default_branch_only).await?)
}

/// A repository with what it was made from.
pub(crate) async fn shown(
    hub: &Hub,
    actor: &Actor,
    it: &Repository,
) -> Result<json::Repository, Problem> {
    let forked_from = hub.source_of(actor, it).await?;
    Ok(json::Repository { forked_from, ..json_of(it) })
}
