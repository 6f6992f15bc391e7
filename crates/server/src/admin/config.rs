//! What changes how the install works: another key that signs, rows of the log that go.

use api::json;
use axum::{http::StatusCode, response::IntoResponse};
use trust::{Allowed, Anything, act, signing_keys::Rotated};
use web::{Fault, Json, Problem};

use super::Admin;

/// Lets another key sign sessions.
pub(super) async fn rotate_session_key(
    admin: Admin,
    allowed: Allowed<act::ConfigWrite, Anything>,
    (): (),
) -> Result<impl IntoResponse, Problem> {
    let rotated = admin.trust.rotate_session_key(&allowed).await?;
    Ok((StatusCode::CREATED, Json(shown(rotated))))
}

/// Lets another key sign the server's commits and seal the logs of refs.
pub(super) async fn rotate_server_key(
    admin: Admin,
    allowed: Allowed<act::ConfigWrite, Anything>,
    (): (),
) -> Result<impl IntoResponse, Problem> {
    let rotated = admin.trust.rotate_server_key(&allowed).await?;
    Ok((StatusCode::CREATED, Json(shown(rotated))))
}

fn shown(rotated: Rotated) -> json::RotatedKey {
    json::RotatedKey {
        kid: rotated.key.kid,
        created_at: rotated.key.created_at.to_string(),
        old_until: rotated.old_until.map(|it| it.to_string()),
    }
}

/// Removes rows of the log from its beginning.
pub(super) async fn prune(
    admin: Admin,
    allowed: Allowed<act::ConfigWrite, Anything>,
    Json(asked): Json<json::PruneAudit>,
) -> Result<Json<json::PrunedAudit>, Problem> {
    let before = asked.before.parse().map_err(|message| {
        let pointer = "/before".to_owned();
        Problem::invalid(vec![Fault { pointer, code: "invalid", message }])
    })?;
    let pruned = admin.trust.prune_audit(&allowed, before).await?;
    Ok(Json(json::PrunedAudit { rows: pruned.rows, until: pruned.until }))
}
