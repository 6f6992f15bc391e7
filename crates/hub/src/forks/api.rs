//! JSON: a repository is forked, follows its source; what was made from one another is listed.

use std::time::Duration;

use api::json;
use axum::{
    http::{StatusCode, header},
    response::IntoResponse,
};
use names::{BranchName, Handle, RepositoryName};
use trust::{Actor, Allowed, act};
use web::{Fault, Json, Problem, Routes, Spec, Surface};

use super::{
    network::{Fork, Network},
    sync::Followed,
};
use crate::{Hub, Repository, repositories::json_of};

/// Bodies of a few bytes.
const SMALL_BODY: u64 = 4 << 10;
/// How long a fork may take to follow: some thousand commits a second are copied.
const SYNC: Duration = Duration::from_mins(5);

pub(crate) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    let small = Spec::new(Surface::Api).body_bytes(SMALL_BODY);
    routes
        .get("/api/v1/repos/{owner}/{name}/forks", Spec::new(Surface::Api), list)
        .post("/api/v1/repos/{owner}/{name}/forks", small, fork)
        .post("/api/v1/repos/{owner}/{name}/sync", small.within(SYNC), sync)
}

async fn list(
    hub: Hub,
    allowed: Allowed<act::RepoRead, Repository>,
    (): (),
) -> Result<Json<json::ForkNodePage>, Problem> {
    let Network { forks, is_truncated } = hub.network(&allowed).await?;
    let items = forks.into_iter().map(node_of).collect();
    Ok(Json(json::ForkNodePage { items, next_cursor: None, truncated: is_truncated }))
}

fn node_of(it: Fork) -> json::ForkNode {
    let Fork { node, source, apart, .. } = it;
    json::ForkNode {
        full_name: node.full_name,
        forked_from: source,
        visibility: if node.is_private { "private" } else { "public" }.to_owned(),
        default_branch: node.default_branch.to_string(),
        ahead: apart.map(|(ahead, _)| ahead),
        behind: apart.map(|(_, behind)| behind),
        pushed_at: node.pushed_at.map(|it| it.to_string()),
        created_at: node.created_at.to_string(),
    }
}

async fn sync(
    hub: Hub,
    allowed: Allowed<act::RefPush, Repository>,
    Json(asked): Json<json::SyncFork>,
) -> Result<Json<json::Synced>, Problem> {
    let Followed { old, new, commits } = sync_as_asked(&hub, &allowed, &asked.branch).await?;
    let (old, new) = (old.map(|it| it.to_string()), new.to_string());
    Ok(Json(json::Synced { branch: asked.branch, old, new, commits }))
}

/// Lets the branch of that name follow, if it is a name.
pub(crate) async fn sync_as_asked(
    hub: &Hub,
    allowed: &Allowed<act::RefPush, Repository>,
    branch: &str,
) -> Result<Followed, Problem> {
    let branch: BranchName = branch.parse().map_err(|error: names::BranchError| {
        let (pointer, message) = ("/branch".to_owned(), error.to_string());
        Problem::invalid(vec![Fault { pointer, code: "invalid", message }])
    })?;
    Ok(hub.follow_source(allowed, &branch).await?)
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
