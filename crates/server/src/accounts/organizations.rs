//! Organizations, their members, and invitations.

use api::json;
use axum::{
    Router,
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
};
use names::Handle;
use serde::Deserialize;
use trust::{Account, Allowed, Anything, Invitation, Membership, Role, Trust, act};
use web::{
    Call, Cursors, Entry, Input as _, Json, Posted, Problem, Queried, Routes, Spec, Surface,
    shown_once,
};

use super::{field, principal, with_params};

/// How many members a list shows unless asked, and at most.
const PAGE: (u16, u16) = (30, 100);

pub(super) fn routes(routes: Routes<Trust>, small: Spec) -> Routes<Trust> {
    routes
        .post("/api/v1/orgs", small, create)
        .on(Method::PUT, "/api/v1/orgs/{handle}/members/{member}", small, change_member)
        .on(Method::DELETE, "/api/v1/orgs/{handle}/members/{member}", small, remove_member)
        .post("/api/v1/orgs/{handle}/leave", small, leave)
        .post("/api/v1/orgs/{handle}/invites", small, invite_member)
        .post("/api/v1/invites/accept", small, accept)
        .post("/api/v1/admin/invites", small, invite_newcomer)
}

async fn create(
    trust: Trust,
    allowed: Allowed<act::OrgCreate, Anything>,
    Json(asked): Json<json::NewOrganization>,
) -> Result<impl IntoResponse, Problem> {
    let handle = field("/handle", &asked.handle)?;
    let made = trust.create_organization(&allowed, handle, &asked.display_name).await?;
    Ok((StatusCode::CREATED, Json(principal(&made))))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    limit: Option<u16>,
    cursor: Option<String>,
}

/// What the list of members is made with.
#[derive(Debug, Clone)]
struct Members {
    trust: Trust,
    cursors: Cursors,
}

impl AsRef<Trust> for Members {
    fn as_ref(&self) -> &Trust {
        &self.trust
    }
}

/// The routes that hand out cursors.
pub(crate) fn lists(trust: &Trust, cursors: Cursors) -> (Router, Vec<Entry>) {
    let members = Members { trust: trust.clone(), cursors };
    Routes::new(members, trust.clone())
        .get("/api/v1/orgs/{handle}/members", Surface::Api, list_members)
        .finish()
}

async fn list_members(
    Members { trust, cursors }: Members,
    allowed: Allowed<act::MemberRead, Account>,
    call: Queried<Query>,
) -> Result<impl IntoResponse, Problem> {
    let query = call.query()?;
    let limit = query.limit.unwrap_or(PAGE.0).clamp(1, PAGE.1);
    let list = call.uri.path();
    let after = match query.cursor.as_deref() {
        None => None,
        Some(text) => Some(position(&cursors, list, text).ok_or_else(|| {
            Problem::malformed(
                "the cursor is not one that this list handed out; begin again without it",
            )
        })?),
    };
    let mut found = trust.members(&allowed, after.as_ref(), limit + 1).await?;
    let has_more = found.len() > usize::from(limit);
    found.truncate(limit.into());
    let final_one = found.last().filter(|_| has_more);
    let next_cursor = final_one.map(|it| cursors.write(list, it.member.as_str().as_bytes()));
    let link = next_cursor
        .as_ref()
        .map(|cursor| [("link", format!("<{list}?limit={limit}&cursor={cursor}>; rel=\"next\""))]);
    let items = found.iter().map(json_of).collect();
    Ok((link, Json(json::MembershipPage { items, next_cursor })))
}

/// After whom a list goes on.
fn position(cursors: &Cursors, list: &str, text: &str) -> Option<Handle> {
    String::from_utf8(cursors.read(list, text)?).ok()?.parse().ok()
}

async fn change_member(
    trust: Trust,
    allowed: Allowed<act::MemberChange, Account>,
    call: Posted<json::RoleRequest>,
) -> Result<impl IntoResponse, Problem> {
    let (params, asked) = with_params(call).await?;
    let role: Role = field("/role", &asked.role)?;
    trust.change_member(&allowed, &params.parse("member")?, role).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove_member(
    trust: Trust,
    allowed: Allowed<act::MemberRemove, Account>,
    call: Call,
) -> Result<impl IntoResponse, Problem> {
    let member = call.params.parse("member")?;
    <()>::take(call).await?;
    trust.remove_member(&allowed, &member).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn leave(
    trust: Trust,
    allowed: Allowed<act::MemberLeave, Account>,
    (): (),
) -> Result<impl IntoResponse, Problem> {
    trust.leave(&allowed).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn invite_member(
    trust: Trust,
    allowed: Allowed<act::MemberInvite, Account>,
    Json(asked): Json<json::RoleRequest>,
) -> Result<Response, Problem> {
    let role: Role = field("/role", &asked.role)?;
    shown(&trust.invite_member(&allowed, role).await?)
}

async fn invite_newcomer(
    trust: Trust,
    allowed: Allowed<act::InviteCreate, Anything>,
    (): (),
) -> Result<Response, Problem> {
    shown(&trust.invite_newcomer(&allowed).await?)
}

async fn accept(
    trust: Trust,
    allowed: Allowed<act::MemberAccept, Anything>,
    Json(asked): Json<json::AcceptInvite>,
) -> Result<Json<json::Membership>, Problem> {
    Ok(Json(json_of(&trust.accept_invite(&allowed, &asked.code).await?)))
}

/// The one answer that shows a code.
fn shown(made: &Invitation) -> Result<Response, Problem> {
    let (code, expires_at) = (Some(made.text.expose().clone()), made.expires_at.to_string());
    shown_once(StatusCode::CREATED, json::Invitation { code, secret_shown: false, expires_at })
}

pub(super) fn json_of(it: &Membership) -> json::Membership {
    json::Membership {
        organization: it.organization.to_string(),
        member: it.member.to_string(),
        kind: it.kind.as_str().to_owned(),
        role: it.role.as_str().to_owned(),
        created_at: it.created_at.to_string(),
    }
}
