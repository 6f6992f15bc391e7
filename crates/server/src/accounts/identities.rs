//! Accounts elsewhere that sign one in: listed and unlinked. They are linked in a browser (`desk/elsewhere.rs`).

use api::json;
use axum::http::{Method, StatusCode};
use trust::{Allowed, Anything, Identity, Trust, act};
use web::{Call, Input as _, Json, Problem, Routes, Spec};

pub(super) fn routes(routes: Routes<Trust>, tiny: Spec) -> Routes<Trust> {
    routes.get("/api/v1/auth/identities", tiny, list).on(
        Method::DELETE,
        "/api/v1/auth/identities/{provider}",
        tiny,
        unlink,
    )
}

async fn list(
    trust: Trust,
    allowed: Allowed<act::IdentityRead, Anything>,
    (): (),
) -> Result<Json<json::IdentityPage>, Problem> {
    let items = trust.identities(&allowed).await?.iter().map(json_of).collect();
    Ok(Json(json::IdentityPage { items, next_cursor: None }))
}

async fn unlink(
    trust: Trust,
    allowed: Allowed<act::IdentityUnlink, Anything>,
    call: Call,
) -> Result<StatusCode, Problem> {
    let provider = call.params.text("provider").to_owned();
    <()>::take(call).await?;
    trust.unlink(&allowed, &provider).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn json_of(it: &Identity) -> json::Identity {
    json::Identity {
        provider: it.provider.clone(),
        subject: it.subject.clone(),
        linked_at: it.linked_at.to_string(),
        last_used_at: it.last_used_at.map(|at| at.to_string()),
    }
}
