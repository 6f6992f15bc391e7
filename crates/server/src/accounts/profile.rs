//! What an account says of itself, and leaving for good (`spec/trust.md` 1, 13).

use api::json;
use axum::{
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use trust::{Account, Allowed, Anything, Class, Level, NewAvatar, ProfileChange, Trust, act};
use web::{Call, Json, Problem, Routes, Spec, Surface, headers::RAW_POLICY};

use super::{field, invalid, seen};

/// A picture of 1 MiB in base64, and what is said beside it.
pub(super) const PICTURE_BODY: u64 = 1536 << 10;

pub(super) fn routes(routes: Routes<Trust>) -> Routes<Trust> {
    let with_picture = Spec::new(Surface::Api).body_bytes(PICTURE_BODY);
    let leave = Spec::new(Surface::Api).body_bytes(1 << 10).class(Class::Leave);
    let picture = Spec::new(Surface::Api).answers(&["image/png"]);
    routes
        .on(Method::PATCH, "/api/v1/me", with_picture, change)
        .on(Method::DELETE, "/api/v1/me", leave, delete)
        .on(Method::PATCH, "/api/v1/orgs/{handle}", with_picture, change_organization)
        .get("/api/v1/principals/{handle}/avatar", picture, avatar)
        .on(Method::DELETE, "/api/v1/orgs/{handle}", leave, delete_organization)
}

async fn change(
    trust: Trust,
    allowed: Allowed<act::MeUpdate, Account>,
    Json(asked): Json<json::ChangeProfile>,
) -> Result<impl IntoResponse, Problem> {
    let json::ChangeProfile { display_name, bio, website_url, email, avatar } = asked;
    let avatar = taken(&trust, avatar).await?;
    let change = ProfileChange { display_name, bio, website_url, email, avatar };
    let after = trust.update_me(&allowed, change).await?;
    Ok(Json(seen(&allowed.resource().principal, after)))
}

async fn change_organization(
    trust: Trust,
    allowed: Allowed<act::OrgUpdate, Account>,
    Json(asked): Json<json::ChangeOrganization>,
) -> Result<impl IntoResponse, Problem> {
    let json::ChangeOrganization { base_level, display_name, bio, website_url, avatar } = asked;
    let avatar = taken(&trust, avatar).await?;
    let base: Option<Level> =
        base_level.as_deref().map(|it| field("/base_level", it)).transpose()?;
    let base = base.map(TryInto::try_into).transpose()?;
    let change = ProfileChange { display_name, bio, website_url, email: None, avatar };
    let after = trust.update_organization(&allowed, change, base).await?;
    Ok(Json(seen(&allowed.resource().principal, after)))
}

/// A picture that was sent, decoded and written anew.
pub(super) async fn taken(
    trust: &Trust,
    sent: Option<String>,
) -> Result<Option<NewAvatar>, Problem> {
    let Some(sent) = sent else { return Ok(None) };
    let bytes = STANDARD.decode(sent);
    let bytes = bytes.map_err(|_| invalid("/avatar", "a picture is sent in base64"))?;
    Ok(Some(trust.avatar_of(bytes).await?))
}

/// The picture of somebody.
async fn avatar(
    trust: Trust,
    _: Allowed<act::PrincipalRead, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    let found = trust.avatar(&call.params.parse("handle")?).await?;
    let picture = found.ok_or_else(Problem::not_found)?;
    let mut response = picture.png().to_vec().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/png"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(RAW_POLICY));
    Ok(response)
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
