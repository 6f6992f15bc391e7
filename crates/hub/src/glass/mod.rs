//! Break-glass: an install admin looks into a private repository for an hour (`spec/trust.md` 8.2, ‡). What it means
//! for rights is in `trust`; here are its address, and the job that writes down its end.

use ::api::json::{BreakGlass, OpenGlass};
use axum::{http::StatusCode, response::IntoResponse};
use jobs::{Done, Failure, Job, Kind, NewJob};
use names::{Handle, Id, RepositoryName};
use serde::{Deserialize, Serialize};
use trust::{Allowed, Anything, Glass, Readers, Visibility, act};
use uuid::Uuid;
use web::{Json, Posted, Problem, Routes, Spec, Surface};

use crate::{Error, Hub, repositories};

/// Writes down that a look has ended.
pub(crate) const CLOSE: Kind<Close> = Kind::new("hub.close_glass");

/// Which look to close.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Close {
    glass: Uuid,
    repository: Uuid,
}

pub(crate) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    routes.post("/api/v1/admin/break-glass/{owner}/{name}", Spec::new(Surface::Api), open)
}

async fn open(
    hub: Hub,
    allowed: Allowed<act::BreakglassOpen, Anything>,
    call: Posted<BreakGlass>,
) -> Result<impl IntoResponse, Problem> {
    let owner: Handle = call.params.parse("owner")?;
    let name: RepositoryName = call.params.parse("name")?;
    let asked = call.json().await?;
    let mut tx = hub.trust.begin(allowed.actor()).await?;
    let owner = hub.trust.namespace(&mut tx, &owner).await?.ok_or_else(Problem::not_found)?;
    let found = repositories::find(&mut tx, owner, &name, Readers::NOBODY).await?;
    // What is public is seen without it.
    let found =
        found.filter(|it| it.resource.visibility == Visibility::Private && !it.is_nascent());
    let repository = found.ok_or_else(Problem::not_found)?;
    let glass =
        hub.trust.open_glass(&mut tx, &allowed, &repository.resource, &asked.reason).await?;
    let close = Close { glass: glass.id.uuid(), repository: repository.id.uuid() };
    let job = NewJob::new(CLOSE, &close).map_err(Error::Jobs)?.at(glass.ends_at);
    let bell = hub.queue.push(&mut tx, job).await.map_err(Error::Jobs)?;
    tx.commit().await.map_err(Error::Db)?;
    bell.ring();
    let answer = OpenGlass {
        id: glass.id.to_string(),
        repository: repository.full_name(),
        reason: glass.reason,
        ends_at: glass.ends_at.to_string(),
    };
    Ok((StatusCode::CREATED, Json(answer)))
}

/// Writes the end of a look down.
pub(crate) async fn close(hub: Hub, job: Job<Close>) -> Result<Done, Failure> {
    let Close { glass, repository } = job.payload;
    let mut tx = hub.db.write().await?;
    let id: Id<Glass> = Id::from_uuid(glass);
    // A repository that is gone has taken its looks along.
    if let Some(repository) = repositories::by_id(&mut tx, Id::from_uuid(repository)).await? {
        hub.trust.close_glass(&mut tx, id, &repository.resource).await?;
    }
    tx.commit().await?;
    Ok(Done::default())
}
