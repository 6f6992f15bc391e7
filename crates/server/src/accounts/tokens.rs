//! Bearer tokens of oneself and of one's agents.

use std::time::Duration;

use api::json;
use axum::{
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
};
use trust::{Account, Allowed, Class, Kind, Minted, NewToken, Scope, Token, TokenKind, Trust, act};
use web::{Call, Input as _, Json, Posted, Problem, Routes, Spec, Surface, shown_once};

use super::{field, invalid, with_params};

pub(super) fn routes(routes: Routes<Trust>, small: Spec) -> Routes<Trust> {
    let mint_spec = small.class(Class::Mint);
    routes
        .get("/api/v1/tokens", Surface::Api, list)
        .post("/api/v1/tokens", mint_spec, mint)
        .on(Method::DELETE, "/api/v1/tokens/{id}", small, revoke)
        .post("/api/v1/tokens/{id}/rotate", mint_spec, rotate)
        .get("/api/v1/agents/{handle}/tokens", Surface::Api, list)
        .post("/api/v1/agents/{handle}/tokens", mint_spec, mint)
        .on(Method::DELETE, "/api/v1/agents/{handle}/tokens/{id}", small, revoke)
        .post("/api/v1/agents/{handle}/tokens/{id}/rotate", mint_spec, rotate)
}

async fn list(
    trust: Trust,
    allowed: Allowed<act::TokenRead, Account>,
    (): (),
) -> Result<Json<json::TokenPage>, Problem> {
    let items = trust.tokens(&allowed).await?.iter().map(json_of).collect();
    Ok(Json(json::TokenPage { items, next_cursor: None }))
}

async fn mint(
    trust: Trust,
    allowed: Allowed<act::TokenMint, Account>,
    Json(asked): Json<json::NewToken>,
) -> Result<Response, Problem> {
    let kind: TokenKind = match &asked.kind {
        Some(kind) => field("/kind", kind)?,
        None if allowed.resource().principal.kind == Kind::Agent => TokenKind::Agent,
        None => TokenKind::Personal,
    };
    let life = asked.days.map(|days| Duration::from_hours(u64::from(days) * 24));
    let new = NewToken { kind, label: asked.label, scope: scope(asked.scope)?, life };
    shown(&trust.mint(&allowed, new).await?)
}

async fn rotate(
    trust: Trust,
    allowed: Allowed<act::TokenMint, Account>,
    call: Posted<json::RotateToken>,
) -> Result<Response, Problem> {
    let (params, asked) = with_params(call).await?;
    let overlap = asked.overlap_seconds.map(Duration::from_secs);
    shown(&trust.rotate(&allowed, params.parse("id")?, overlap).await?)
}

async fn revoke(
    trust: Trust,
    allowed: Allowed<act::TokenRevoke, Account>,
    call: Call,
) -> Result<impl IntoResponse, Problem> {
    let id = call.params.parse("id")?;
    <()>::take(call).await?;
    trust.revoke_token(&allowed, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The one answer that shows a token.
fn shown(made: &Minted) -> Result<Response, Problem> {
    shown_once(StatusCode::CREATED, json_of_minted(made))
}

pub(super) fn json_of_minted(made: &Minted) -> json::MintedToken {
    let value = Some(made.text.expose().clone());
    json::MintedToken { value, secret_shown: false, token: json_of(&made.token) }
}

/// A scope out of a body.
pub(super) fn scope(value: serde_json::Value) -> Result<Scope, Problem> {
    serde_json::from_value(value).map_err(|error| invalid("/scope", &error.to_string()))
}

pub(super) fn json_of(it: &Token) -> json::Token {
    json::Token {
        id: it.id.to_string(),
        kind: it.kind.as_str().to_owned(),
        last8: it.last8.clone(),
        label: it.label.clone(),
        scope: serde_json::to_value(&it.scope).unwrap_or_default(),
        created_at: it.created_at.to_string(),
        expires_at: it.expires_at.map(|at| at.to_string()),
        last_used_at: it.last_used_at.map(|at| at.to_string()),
    }
}
