//! JSON: who holds the office beside the operator, and who is stopped (`spec/trust.md` 1).

use api::json;
use axum::{http::StatusCode, response::IntoResponse};
use trust::{Allowed, Anything, act};
use web::{Call, Input as _, Json, Problem};

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
    call: Call,
) -> Result<impl IntoResponse, Problem> {
    let handle = call.params.parse("handle")?;
    let Json(json::Suspend { reason }) = Json::take(call).await?;
    admin.trust.suspend(&allowed, &handle, &reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn restore(
    admin: Admin,
    allowed: Allowed<act::PrincipalSuspend, Anything>,
    call: Call,
) -> Result<impl IntoResponse, Problem> {
    admin.trust.restore(&allowed, &named(call, "handle").await?).await?;
    Ok(StatusCode::NO_CONTENT)
}
