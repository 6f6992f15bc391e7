//! The public halves of the keys with which the instance signs (`spec/trust.md` 12): for everybody, without a credential.

use api::json;
use axum::{http::header, response::IntoResponse};
use trust::{Allowed, Anything, Trust, act, signing_keys::VerifyingKey};
use web::{Json, Problem, Routes, Spec, Surface};

pub(super) fn routes(routes: Routes<Trust>) -> Routes<Trust> {
    routes.get("/api/v1/server-keys", Surface::Api, list).get(
        "/api/v1/server-keys/allowed_signers",
        Spec::new(Surface::Api).answers(&["text/plain; charset=utf-8"]),
        allowed_signers,
    )
}

async fn list(
    trust: Trust,
    _: Allowed<act::PrincipalRead, Anything>,
    (): (),
) -> Result<Json<json::ServerKeyPage>, Problem> {
    let shown = |it: &VerifyingKey| json::ServerKey {
        fingerprint: it.kid.clone(),
        purpose: it.purpose.as_str().to_owned(),
        public_key: it.public.to_openssh(),
        status: it.status.as_str().to_owned(),
        created_at: it.created_at.to_string(),
        retired_at: it.retired_at.map(|at| at.to_string()),
    };
    let items = trust.server_keys().await?.iter().map(shown).collect();
    Ok(Json(json::ServerKeyPage { items, next_cursor: None }))
}

/// As `ssh-keygen -Y verify` reads them.
async fn allowed_signers(
    trust: Trust,
    _: Allowed<act::PrincipalRead, Anything>,
    (): (),
) -> Result<impl IntoResponse, Problem> {
    let line =
        |it: &VerifyingKey| format!("motet-{} {}\n", it.purpose.as_str(), it.public.to_openssh());
    let text: String = trust.server_keys().await?.iter().map(line).collect();
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text))
}
