//! JSON: an import is asked for, seen, cancelled.

use api::json;
use axum::{
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
};
use trust::{Allowed, act};
use web::{Fault, Json, Problem, Routes, Spec, Surface};

use super::{Import, NewImport};
use crate::{Hub, Repository, git::RemoteUrl, mirrors::parse_credentials};

const HERE: &str = "/api/v1/repos/{owner}/{name}/import";
/// An address and a token.
const BODY_BYTES: u64 = 16 << 10;

pub(crate) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    let small = Spec::new(Surface::Api).body_bytes(BODY_BYTES);
    routes.get(HERE, Surface::Api, show).post(HERE, small, start).on(
        Method::DELETE,
        HERE,
        small,
        cancel,
    )
}

async fn start(
    hub: Hub,
    allowed: Allowed<act::ImportStart, Repository>,
    Json(asked): Json<json::NewImport>,
) -> Result<Response, Problem> {
    let import = start_as_asked(&hub, &allowed, asked).await?;
    let location = format!("/api/v1/repos/{}/import", allowed.resource().full_name());
    Ok((StatusCode::ACCEPTED, [("location", location)], Json(shown(&import))).into_response())
}

/// Asks for it, if everything that is said holds.
pub(crate) async fn start_as_asked(
    hub: &Hub,
    allowed: &Allowed<act::ImportStart, Repository>,
    asked: json::NewImport,
) -> Result<Import, Problem> {
    let new = parse(asked).map_err(Problem::invalid)?;
    Ok(hub.start_import(allowed, new).await?)
}

/// What was asked for, or every fault of it.
pub(crate) fn parse(asked: json::NewImport) -> Result<NewImport, Vec<Fault>> {
    let mut faults = Vec::new();
    let credentials = parse_credentials(asked.credentials, &mut faults);
    let mut fault = |pointer: &str, message: String| {
        faults.push(Fault { pointer: pointer.to_owned(), code: "invalid", message });
    };
    let url: Option<RemoteUrl> = asked.url.parse().map_err(|message| fault("/url", message)).ok();
    let what = asked.what.unwrap_or_default();
    if let Some(other) = what.iter().find(|it| !["branches", "tags"].contains(&it.as_str())) {
        fault("/what", format!("`{other}` cannot be fetched: say branches, tags, or both"));
    }
    let has = |word: &str| what.is_empty() || what.iter().any(|it| it == word);
    let (branches, tags) = (has("branches"), has("tags"));
    match url {
        Some(url) if faults.is_empty() => Ok(NewImport { url, branches, tags, credentials }),
        _ => Err(faults),
    }
}

async fn show(
    hub: Hub,
    allowed: Allowed<act::ImportRead, Repository>,
    (): (),
) -> Result<Response, Problem> {
    Ok(match hub.import(&allowed).await? {
        Some(import) => Json(shown(&import)).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

async fn cancel(
    hub: Hub,
    allowed: Allowed<act::ImportStart, Repository>,
    (): (),
) -> Result<StatusCode, Problem> {
    hub.cancel_import(&allowed).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(it: &Import) -> json::Import {
    let all = [(it.branches, "branches"), (it.tags, "tags")];
    json::Import {
        url: it.url.to_string(),
        what: all.iter().filter(|it| it.0).map(|it| it.1.to_owned()).collect(),
        state: it.state.as_str().to_owned(),
        failures: it.failures,
        received_bytes: it.received_bytes,
        received_objects: it.received_objects,
        total_objects: it.total_objects,
        refs_moved: it.refs_moved,
        refs_left: it.refs_left,
        error: it.last_error.clone(),
        asked_at: it.asked_at.to_string(),
        ended_at: it.ended_at.map(|at| at.to_string()),
    }
}
