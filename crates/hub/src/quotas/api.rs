//! JSON: what a repository uses of its limits; and for the office, what anybody does and may.

use ::api::json::{Limit, QuotaUse, SetQuota, Used};
use axum::http::Method;
use names::{Handle, Id, RepositoryName};
use serde::Deserialize;
use serde_json::Value;
use trust::{
    Actor, Allowed, Anything, Principal, Readers, Refusal, act,
    audit::{Chain, Entry, Noted, On},
};
use uuid::Uuid;
use web::{Call, Fault, Input as _, Json, Params, Posted, Problem, Queried, Routes, Spec, Surface};

use super::{Limited, Usage, store};
use crate::{Hub, Repository, repositories};

pub(crate) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    let spec = Spec::new(Surface::Api);
    routes
        .get("/api/v1/repos/{owner}/{name}/usage", Surface::Api, show)
        .get("/api/v1/me/quota", Surface::Api, show_own)
        .get("/api/v1/admin/quotas/{owner}", Surface::Api, show_any)
        .get("/api/v1/admin/quotas/{owner}/{name}", Surface::Api, show_any)
        .on(Method::PUT, "/api/v1/admin/quotas/{owner}", spec, set)
        .on(Method::PUT, "/api/v1/admin/quotas/{owner}/{name}", spec, set)
}

fn answer(usage: &[Usage], with_repository: bool, with_owner: bool) -> QuotaUse {
    let find = |of: Limited, is_shown: bool| {
        let found = usage.iter().find(|it| it.of == of && is_shown);
        found.map(|it| Used { used: it.used, allowed: it.allowed })
    };
    QuotaUse {
        bytes: find(Limited::RepositoryBytes, with_repository),
        objects: find(Limited::RepositoryObjects, with_repository),
        owner_bytes: find(Limited::OwnerBytes, with_owner),
    }
}

/// Only the owner sees what all of the owner's repositories hold: it tells of private ones.
async fn show(
    hub: Hub,
    allowed: Allowed<act::RepoRead, Repository>,
    (): (),
) -> Result<Json<QuotaUse>, Problem> {
    let (repository, actor) = (allowed.resource(), allowed.actor());
    let owner = repository.resource.owner;
    let usage = hub.usage(&mut hub.db.read().await?, owner, Some(repository)).await?;
    let is_owner = actor.principal().is_some_and(|it| it.id == owner);
    Ok(Json(answer(&usage, true, is_owner)))
}

/// Whose use is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whose {
    /// An organization that one owns; oneself where nothing is said.
    owner: Option<String>,
}

/// What is used by oneself, or by an organization that one owns.
async fn show_own(
    hub: Hub,
    allowed: Allowed<act::MeRead, Anything>,
    call: Queried<Whose>,
) -> Result<Json<QuotaUse>, Problem> {
    let actor = allowed.actor();
    let owner = match call.query()?.owner {
        Some(owner) => owner.parse().map_err(|_| Problem::not_found())?,
        None => actor.handle().cloned().ok_or(Refusal::Unauthenticated)?,
    };
    let mut tx = hub.db.read().await?;
    let owner = hub.owned_space(&mut tx, actor, &owner).await?.ok_or_else(Problem::not_found)?;
    let usage = hub.usage(&mut tx, owner, None).await?;
    Ok(Json(answer(&usage, false, true)))
}

/// What an address under `/api/v1/admin/quotas` names.
struct Named {
    owner: Id<Principal>,
    repository: Option<Repository>,
}

impl Hub {
    async fn named(&self, tx: &mut db::Tx, params: &Params) -> Result<Named, Problem> {
        let owner: Handle = params.parse("owner")?;
        let owner = self.trust.namespace(tx, &owner).await?.ok_or_else(Problem::not_found)?;
        if params.text("name").is_empty() {
            return Ok(Named { owner, repository: None });
        }
        let name: RepositoryName = params.parse("name")?;
        let found = repositories::find(tx, owner, &name, Readers::NOBODY).await?;
        Ok(Named { owner, repository: Some(found.ok_or_else(Problem::not_found)?) })
    }
}

async fn show_any(
    hub: Hub,
    _: Allowed<act::UsageRead, Anything>,
    call: Call,
) -> Result<Json<QuotaUse>, Problem> {
    let params = call.params.clone();
    <()>::take(call).await?;
    let mut tx = hub.db.read().await?;
    let Named { owner, repository } = hub.named(&mut tx, &params).await?;
    let usage = hub.usage(&mut tx, owner, repository.as_ref()).await?;
    Ok(Json(answer(&usage, repository.is_some(), true)))
}

/// Sets limits, or takes them back to what is usual.
async fn set(
    hub: Hub,
    allowed: Allowed<act::QuotaWrite, Anything>,
    call: Posted<SetQuota>,
) -> Result<Json<QuotaUse>, Problem> {
    let params = call.params.clone();
    let asked = call.json().await?;
    let mut tx = hub.db.read().await?;
    let Named { owner, repository } = hub.named(&mut tx, &params).await?;
    drop(tx);
    if repository.is_none() && asked.objects.is_some() {
        let message = "objects are counted for a repository, not for an owner".to_owned();
        let fault = Fault { pointer: "/objects".to_owned(), code: "invalid", message };
        return Err(Problem::invalid(vec![fault]));
    }
    let mut tx = hub.trust.begin(allowed.actor()).await?;
    let (bytes_of, id) = match &repository {
        None => (Limited::OwnerBytes, owner.uuid()),
        Some(repository) => (Limited::RepositoryBytes, repository.id.uuid()),
    };
    for (of, value) in [(bytes_of, asked.bytes), (Limited::RepositoryObjects, asked.objects)] {
        if let Some(value) = value {
            store::set_limit(&mut tx, of, id, value.into()).await?;
        }
    }
    let usage = hub.usage(&mut tx, owner, repository.as_ref()).await?;
    hub.trust.note(&mut tx, Chain::INSTALL, changed(allowed.actor(), id, &asked)).await?;
    tx.commit().await?;
    tracing::info!(owner = %owner, ?asked, by = ?allowed.actor().handle(), "a quota was set");
    Ok(Json(answer(&usage, repository.is_some(), true)))
}

/// What the audit log says of it.
fn changed(by: &Actor, id: Uuid, asked: &SetQuota) -> Entry {
    let said = |limit: Option<Limit>| match limit {
        None => Value::Null,
        Some(Limit::Usual) => "usual".into(),
        Some(Limit::Of(count)) => count.into(),
    };
    let on = On { kind: "quota", id: id.to_string() };
    let entry = Entry::done(Noted::QuotaChanged, by, on);
    entry.with("bytes", said(asked.bytes)).with("objects", said(asked.objects))
}
