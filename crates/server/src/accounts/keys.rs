//! Keys: own ones, those of an agent, anybody's live ones.

use api::json;
use axum::{http::Method, response::IntoResponse};
use names::UnixMillis;
use serde::Deserialize;
use trust::{Account, Allowed, Anything, Class, Key, RevokeReason, Trust, act};
use web::{Call, Json, Problem, Queried, Routes, Spec, Surface};

use super::field;

pub(super) fn routes(routes: Routes<Trust>, small: Spec) -> Routes<Trust> {
    let own = Spec::new(Surface::Api).class(Class::Auth);
    routes
        .get("/api/v1/auth/keys", own, list)
        .get("/api/v1/agents/{handle}/keys", Surface::Api, list)
        .on(Method::DELETE, "/api/v1/auth/keys/{handle}/{key_id}", small.class(Class::Auth), revoke)
}

/// The live public keys of anybody.
pub(super) async fn of_anybody(
    trust: Trust,
    _: Allowed<act::PrincipalRead, Anything>,
    call: Call,
) -> Result<Json<json::PublicKeyPage>, Problem> {
    let found = trust.face(&call.params.parse("handle")?).await?;
    let (_, keys) = found.ok_or_else(Problem::not_found)?;
    let public = |it: &Key| json::PublicKey {
        fingerprint: it.fingerprint.to_string(),
        public_key: it.public.to_openssh(),
        created_at: it.created_at.to_string(),
    };
    Ok(Json(json::PublicKeyPage { items: keys.iter().map(public).collect(), next_cursor: None }))
}

async fn list(
    trust: Trust,
    allowed: Allowed<act::KeyRead, Account>,
    (): (),
) -> Result<Json<json::KeyPage>, Problem> {
    let keys = trust.all_keys(&allowed).await?;
    Ok(Json(json::KeyPage { items: keys.iter().map(json_of).collect(), next_cursor: None }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Why {
    reason: Option<String>,
    since: Option<String>,
}

async fn revoke(
    trust: Trust,
    allowed: Allowed<act::KeyRevoke, Account>,
    call: Queried<Why>,
) -> Result<impl IntoResponse, Problem> {
    let name = call.params.parse("key_id")?;
    let why = call.query()?;
    call.end().await?;
    // Whoever says nothing may have had it stolen: the careful reading.
    let reason = why.reason.as_deref().map_or(Ok(RevokeReason::Compromised), |it| field("", it))?;
    let since: Option<UnixMillis> = why.since.as_deref().map(|it| field("", it)).transpose()?;
    let key = trust.revoke_key(&allowed, name, reason, since).await?;
    Ok(Json(json_of(&key)))
}

pub(super) fn json_of(it: &Key) -> json::Key {
    json::Key {
        id: it.id.to_string(),
        fingerprint: it.fingerprint.to_string(),
        label: it.label.clone(),
        created_at: it.created_at.to_string(),
        last_used_at: it.last_used_at.map(|at| at.to_string()),
        revoked_at: it.revoked.map(|(at, _)| at.to_string()),
        revoke_reason: it.revoked.map(|(_, reason)| reason.as_str().to_owned()),
    }
}
