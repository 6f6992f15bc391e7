//! The same from pages: forms that work without a script, and lead back to where they stood.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use trust::{Account, Allowed, Anything, act};
use web::{Call, Form, Input as _, Problem, Routes, Spec, Surface};

use super::Watch;
use crate::{Hub, Repository};

/// Forms of a few fields.
const FORM_BYTES: u64 = 8 << 10;

pub(super) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    let form = Spec::new(Surface::Page).body_bytes(FORM_BYTES);
    routes
        .post("/{owner}/{name}/star", form, star)
        .post("/{owner}/{name}/watch", form, watch)
        .post("/settings/following", form, follow)
        .post("/settings/pins", form, pin)
}

fn lead_to(address: String) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, address)]).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Starred {
    /// `on` or `off`.
    star: String,
}

async fn star(
    hub: Hub,
    allowed: Allowed<act::StarSet, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let Form(Starred { star }) = Form::take(call).await?;
    hub.set_star(&allowed, star == "on").await?;
    Ok(lead_to(format!("/{}", allowed.resource().full_name())))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Watched {
    level: String,
}

async fn watch(
    hub: Hub,
    allowed: Allowed<act::WatchSet, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let Form(Watched { level }) = Form::take(call).await?;
    let level: Watch = level.parse().map_err(|error: String| Problem::malformed(&error))?;
    hub.set_watch(&allowed, level).await?;
    Ok(lead_to(format!("/{}", allowed.resource().full_name())))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Followed {
    handle: String,
    /// `on` or `off`.
    follow: String,
}

async fn follow(
    hub: Hub,
    allowed: Allowed<act::FollowSet, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    let Form(Followed { handle, follow }) = Form::take(call).await?;
    let handle = handle.parse().map_err(|_| Problem::not_found())?;
    let mut tx = hub.db.glance().await?;
    let whom = hub.trust.principal(&mut tx, &handle).await?.ok_or_else(Problem::not_found)?;
    drop(tx);
    hub.set_follow(&allowed, &whom, follow == "on").await?;
    Ok(lead_to(format!("/{handle}")))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pinned {
    /// `owner/name`, with spaces or commas between.
    pins: String,
}

async fn pin(
    hub: Hub,
    allowed: Allowed<act::MeUpdate, Account>,
    call: Call,
) -> Result<Response, Problem> {
    let Form(Pinned { pins }) = Form::take(call).await?;
    let names: Vec<_> = pins.split([' ', ',', '\n', '\r']).filter(|it| !it.is_empty()).collect();
    hub.set_pins(&allowed, &names).await?;
    Ok(lead_to(format!("/{}", allowed.resource().principal.handle)))
}
