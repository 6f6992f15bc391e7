//! Sessions of one's own browsers: listed and ended. They are opened in a browser (`desk/sign_in.rs`).

use api::json;
use axum::http::{Method, StatusCode};
use names::Id;
use trust::{Allowed, Anything, Session, SessionRow, Trust, act};
use web::{Call, Input as _, Json, Problem, Routes, Spec};

pub(super) fn routes(routes: Routes<Trust>, tiny: Spec) -> Routes<Trust> {
    routes
        .get("/api/v1/auth/sessions", tiny, list)
        .on(Method::DELETE, "/api/v1/auth/sessions", tiny, end_all)
        .on(Method::DELETE, "/api/v1/auth/sessions/{id}", tiny, end)
}

/// At most thirty live at once, so the list has one page.
async fn list(
    trust: Trust,
    allowed: Allowed<act::SessionRead, Anything>,
    (): (),
) -> Result<Json<json::BrowserSessionPage>, Problem> {
    let own = allowed.actor().session().map(|it| it.id);
    let found = trust.sessions(&allowed).await?;
    let items = found.iter().map(|it| json_of(it, own == Some(it.id))).collect();
    Ok(Json(json::BrowserSessionPage { items, next_cursor: None }))
}

async fn end(
    trust: Trust,
    allowed: Allowed<act::SessionRevoke, Anything>,
    call: Call,
) -> Result<StatusCode, Problem> {
    let id: Id<Session> = call.params.parse("id")?;
    <()>::take(call).await?;
    trust.end_sessions(&allowed, Some(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends all, the one that asks too.
async fn end_all(
    trust: Trust,
    allowed: Allowed<act::SessionRevoke, Anything>,
    (): (),
) -> Result<StatusCode, Problem> {
    trust.end_sessions(&allowed, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn json_of(it: &SessionRow, is_current: bool) -> json::BrowserSession {
    json::BrowserSession {
        id: it.id.to_string(),
        created_at: it.created_at.to_string(),
        last_seen_at: it.last_seen_at.to_string(),
        ends_at: it.ends_at.to_string(),
        ip: it.ip.clone(),
        user_agent: it.user_agent.clone(),
        current: is_current,
    }
}
