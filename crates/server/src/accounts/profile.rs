//! What an account says of itself, and leaving for good (`spec/trust.md` 1, 13).

use api::json;
use axum::{
    http::{Method, StatusCode},
    response::IntoResponse,
};
use trust::{Account, Allowed, Class, Level, ProfileChange, Trust, act};
use web::{Json, Problem, Routes, Spec, Surface};

use super::{field, seen};

pub(super) fn routes(routes: Routes<Trust>, small: Spec) -> Routes<Trust> {
    let leave = Spec::new(Surface::Api).body_bytes(1 << 10).class(Class::Leave);
    routes
        .on(Method::PATCH, "/api/v1/me", small, change)
        .on(Method::DELETE, "/api/v1/me", leave, delete)
        .on(Method::PATCH, "/api/v1/orgs/{handle}", small, change_organization)
        .on(Method::DELETE, "/api/v1/orgs/{handle}", leave, delete_organization)
}

async fn change(
    trust: Trust,
    allowed: Allowed<act::MeUpdate, Account>,
    Json(asked): Json<json::ChangeProfile>,
) -> Result<impl IntoResponse, Problem> {
    let json::ChangeProfile { display_name, bio, website_url, email } = asked;
    let change = ProfileChange { display_name, bio, website_url, email };
    let after = trust.update_me(&allowed, change).await?;
    Ok(Json(seen(&allowed.resource().principal, after)))
}

async fn change_organization(
    trust: Trust,
    allowed: Allowed<act::OrgUpdate, Account>,
    Json(asked): Json<json::ChangeOrganization>,
) -> Result<impl IntoResponse, Problem> {
    let json::ChangeOrganization { base_level, display_name, bio, website_url } = asked;
    let base: Option<Level> =
        base_level.as_deref().map(|it| field("/base_level", it)).transpose()?;
    let base = base.map(TryInto::try_into).transpose()?;
    let change = ProfileChange { display_name, bio, website_url, email: None };
    let after = trust.update_organization(&allowed, change, base).await?;
    Ok(Json(seen(&allowed.resource().principal, after)))
}

async fn delete(
    trust: Trust,
    allowed: Allowed<act::MeDelete, Account>,
    Json(asked): Json<json::Confirm>,
) -> Result<impl IntoResponse, Problem> {
    trust.leave_install(&allowed, &asked.confirm).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn delete_organization(
    trust: Trust,
    allowed: Allowed<act::OrgDelete, Account>,
    Json(asked): Json<json::Confirm>,
) -> Result<impl IntoResponse, Problem> {
    trust.delete_organization(&allowed, &asked.confirm).await?;
    Ok(StatusCode::NO_CONTENT)
}
