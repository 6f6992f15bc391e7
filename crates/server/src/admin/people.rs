//! JSON: who holds the office beside the operator, and who is stopped (`spec/trust.md` 1).

use api::json;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use trust::{Allowed, Anything, act};
use web::{Call, Posted, Problem, shown_once};

use super::{Admin, named};

pub(super) async fn grant(
    admin: Admin,
    allowed: Allowed<act::InstallAdminChange, Anything>,
    call: Call,
) -> Result<impl IntoResponse, Problem> {
    admin.trust.set_install_admin(&allowed, &named(call, "handle").await?, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn withdraw(
    admin: Admin,
    allowed: Allowed<act::InstallAdminChange, Anything>,
    call: Call,
) -> Result<impl IntoResponse, Problem> {
    admin.trust.set_install_admin(&allowed, &named(call, "handle").await?, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn suspend(
    admin: Admin,
    allowed: Allowed<act::PrincipalSuspend, Anything>,
    call: Posted<json::Suspend>,
) -> Result<impl IntoResponse, Problem> {
    let handle = call.params.parse("handle")?;
    let json::Suspend { reason } = call.json().await?;
    admin.trust.suspend(&allowed, &handle, &reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Brings somebody back who has left. This answer alone shows the code that lets a new key in.
pub(super) async fn bring_back(
    admin: Admin,
    allowed: Allowed<act::PrincipalSuspend, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    let made = admin.trust.bring_back(&allowed, &named(call, "handle").await?).await?;
    let (code, expires_at) = (Some(made.text.expose().clone()), made.expires_at.to_string());
    shown_once(StatusCode::CREATED, json::Invitation { code, secret_shown: false, expires_at })
}

pub(super) async fn restore(
    admin: Admin,
    allowed: Allowed<act::PrincipalSuspend, Anything>,
    call: Call,
) -> Result<impl IntoResponse, Problem> {
    admin.trust.restore(&allowed, &named(call, "handle").await?).await?;
    Ok(StatusCode::NO_CONTENT)
}
