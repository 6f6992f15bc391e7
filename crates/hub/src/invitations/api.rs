//! JSON: who may do what on a repository, who is asked in, and what one is asked into.

use ::api::json;
use axum::{
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
};
use names::Handle;
use trust::{Allowed, Anything, Collaborator, Level, act};
use web::{Call, Fault, Input as _, Json, Posted, Problem, Routes, Spec, Surface};

use super::{Asked, Invitation};
use crate::{Hub, Repository};

const LIST: &str = "/api/v1/repos/{owner}/{name}/members";
const ONE: &str = "/api/v1/repos/{owner}/{name}/members/{handle}";
/// Bodies of a few bytes.
const SMALL_BODY: u64 = 4 << 10;

pub(crate) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    let small = Spec::new(Surface::Api).body_bytes(SMALL_BODY);
    routes
        .get(LIST, Surface::Api, list)
        .on(Method::PUT, ONE, small, put)
        .on(Method::DELETE, ONE, small, take_out)
        .get("/api/v1/invitations", Surface::Api, mine)
        .post("/api/v1/invitations/{id}/accept", small, accept)
        .post("/api/v1/invitations/{id}/decline", small, decline)
}

async fn list(
    hub: Hub,
    allowed: Allowed<act::CollaboratorRead, Repository>,
    (): (),
) -> Result<Json<json::RepositoryMemberPage>, Problem> {
    let members = hub.trust.collaborators(&allowed, &allowed.resource().resource).await?;
    let invited = hub.invited(&allowed).await?;
    let items = members.iter().map(member_of).chain(invited.iter().map(invited_of)).collect();
    Ok(Json(json::RepositoryMemberPage { items, next_cursor: None }))
}

/// 200 with whoever has the level now, or 202 with the invitation that waits.
async fn put(
    hub: Hub,
    allowed: Allowed<act::CollaboratorAdd, Repository>,
    call: Posted<json::LevelRequest>,
) -> Result<Response, Problem> {
    let handle: Handle = call.params.parse("handle")?;
    let asked = call.json().await?;
    let level: Level = asked.level.parse().map_err(|message| {
        Problem::invalid(vec![Fault { pointer: "/level".to_owned(), code: "invalid", message }])
    })?;
    Ok(match hub.invite(&allowed, &handle, level).await? {
        Asked::Given(given) => Json(member_of(&given)).into_response(),
        Asked::Waiting(it) => (StatusCode::ACCEPTED, Json(invited_of(&it))).into_response(),
    })
}

async fn take_out(
    hub: Hub,
    allowed: Allowed<act::CollaboratorRemove, Repository>,
    call: Call,
) -> Result<StatusCode, Problem> {
    withdraw_as_asked(&hub, &allowed, call).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes out whom the address names: a member, or somebody who was asked in.
pub(crate) async fn withdraw_as_asked(
    hub: &Hub,
    allowed: &Allowed<act::CollaboratorRemove, Repository>,
    call: Call,
) -> Result<Handle, Problem> {
    let handle: Handle = call.params.parse("handle")?;
    <()>::take(call).await?;
    hub.take_out(allowed, &handle).await?;
    Ok(handle)
}

async fn mine(
    hub: Hub,
    allowed: Allowed<act::MeRead, Anything>,
    (): (),
) -> Result<Json<json::RepositoryInvitationPage>, Problem> {
    let found = hub.invitations(allowed.actor()).await?;
    let items = found.iter().map(shown).collect();
    Ok(Json(json::RepositoryInvitationPage { items, next_cursor: None }))
}

async fn accept(
    hub: Hub,
    allowed: Allowed<act::MemberAccept, Anything>,
    call: Call,
) -> Result<Json<json::RepositoryInvitation>, Problem> {
    let id = call.params.parse("id")?;
    <()>::take(call).await?;
    Ok(Json(shown(&hub.decide_invitation(allowed.actor(), id, true).await?)))
}

async fn decline(
    hub: Hub,
    allowed: Allowed<act::MemberAccept, Anything>,
    call: Call,
) -> Result<StatusCode, Problem> {
    let id = call.params.parse("id")?;
    <()>::take(call).await?;
    hub.decide_invitation(allowed.actor(), id, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn member_of(it: &Collaborator) -> json::RepositoryMember {
    json::RepositoryMember {
        handle: it.handle.to_string(),
        kind: it.kind.as_str().to_owned(),
        level: it.level.as_str().to_owned(),
        state: "member".to_owned(),
        invited_by: None,
        created_at: it.created_at.to_string(),
        ends_at: None,
    }
}

fn invited_of(it: &Invitation) -> json::RepositoryMember {
    json::RepositoryMember {
        handle: it.handle.to_string(),
        kind: "person".to_owned(),
        level: it.level.as_str().to_owned(),
        state: "invited".to_owned(),
        invited_by: Some(it.invited_by.to_string()),
        created_at: it.created_at.to_string(),
        ends_at: Some(it.ends_at.to_string()),
    }
}

fn shown(it: &Invitation) -> json::RepositoryInvitation {
    json::RepositoryInvitation {
        id: it.id.to_string(),
        repository: it.full_name.clone(),
        handle: it.handle.to_string(),
        level: it.level.as_str().to_owned(),
        invited_by: it.invited_by.to_string(),
        created_at: it.created_at.to_string(),
        ends_at: it.ends_at.to_string(),
    }
}
