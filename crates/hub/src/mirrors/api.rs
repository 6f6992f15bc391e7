//! JSON: the mirrors of a repository.

use api::json;
use axum::{
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
};
use names::Id;
use trust::{Allowed, act};
use web::{Call, Fault, Input as _, Json, Problem, Routes, Spec, Surface};

use super::{Direction, EVERY_MINUTES, Mirror, MirrorChange, NewMirror, Patterns, Shown};
use crate::{Hub, Repository, git::Credentials};

const ALL: &str = "/api/v1/repos/{owner}/{name}/mirrors";
const ONE: &str = "/api/v1/repos/{owner}/{name}/mirrors/{mirror}";
const NOW: &str = "/api/v1/repos/{owner}/{name}/mirrors/{mirror}/run";
/// An address, some patterns, a token.
const BODY_BYTES: u64 = 32 << 10;

pub(crate) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    let small = Spec::new(Surface::Api).body_bytes(BODY_BYTES);
    routes
        .get(ALL, Surface::Api, list)
        .post(ALL, small, add)
        .get(ONE, Surface::Api, show)
        .on(Method::PATCH, ONE, small, change)
        .on(Method::DELETE, ONE, small, remove)
        .post(NOW, small, run)
}

async fn list(
    hub: Hub,
    allowed: Allowed<act::MirrorRead, Repository>,
    (): (),
) -> Result<Json<json::MirrorPage>, Problem> {
    let items = hub.mirrors(&allowed).await?.iter().map(shown).collect();
    Ok(Json(json::MirrorPage { items, next_cursor: None }))
}

async fn show(
    hub: Hub,
    allowed: Allowed<act::MirrorRead, Repository>,
    call: Call,
) -> Result<Json<json::Mirror>, Problem> {
    Ok(Json(shown(&hub.mirror(&allowed, call.params.parse("mirror")?).await?)))
}

async fn add(
    hub: Hub,
    allowed: Allowed<act::MirrorChange, Repository>,
    Json(asked): Json<json::NewMirror>,
) -> Result<Response, Problem> {
    let made = add_as_asked(&hub, &allowed, asked).await?;
    let full_name = allowed.resource().full_name();
    let location = format!("/api/v1/repos/{full_name}/mirrors/{}", made.id);
    Ok((StatusCode::CREATED, [("location", location)], Json(shown(&made))).into_response())
}

/// Makes a mirror, if everything that is said of it holds.
pub(crate) async fn add_as_asked(
    hub: &Hub,
    allowed: &Allowed<act::MirrorChange, Repository>,
    asked: json::NewMirror,
) -> Result<Mirror, Problem> {
    let mut faults = Vec::new();
    let direction: Option<Direction> = kept("/direction", asked.direction.parse(), &mut faults);
    let url = kept("/url", asked.url.parse(), &mut faults);
    let refs = asked.refs.unwrap_or_default();
    let patterns = kept("/refs", Patterns::parse(refs.iter().map(String::as_str)), &mut faults);
    let every = asked.every_minutes.unwrap_or(EVERY_MINUTES.1);
    let every_minutes = kept("/every_minutes", check_every(every), &mut faults);
    let credentials = parse_credentials(asked.credentials, &mut faults);
    match (direction, url, patterns, every_minutes) {
        (Some(direction), Some(url), Some(patterns), Some(every_minutes)) if faults.is_empty() => {
            let new = NewMirror { direction, url, patterns, every_minutes, credentials };
            Ok(hub.add_mirror(allowed, new).await?)
        }
        _ => Err(Problem::invalid(faults)),
    }
}

async fn change(
    hub: Hub,
    allowed: Allowed<act::MirrorChange, Repository>,
    call: Call,
) -> Result<Json<json::Mirror>, Problem> {
    let id = call.params.parse("mirror")?;
    let Json(asked) = Json::<json::ChangeMirror>::take(call).await?;
    Ok(Json(shown(&change_as_asked(&hub, &allowed, id, asked).await?)))
}

/// Makes it another one, if everything that is said of it holds.
pub(crate) async fn change_as_asked(
    hub: &Hub,
    allowed: &Allowed<act::MirrorChange, Repository>,
    id: Id<Mirror>,
    asked: json::ChangeMirror,
) -> Result<Mirror, Problem> {
    let mut faults = Vec::new();
    let url = asked.url.and_then(|it| kept("/url", it.parse(), &mut faults));
    let patterns = asked.refs.and_then(|refs| {
        let parsed = Patterns::parse(refs.iter().map(String::as_str));
        kept("/refs", parsed, &mut faults)
    });
    let every_minutes =
        asked.every_minutes.and_then(|it| kept("/every_minutes", check_every(it), &mut faults));
    let shown = match (parse_credentials(asked.credentials, &mut faults), asked.forget_credentials)
    {
        (Some(_), true) => {
            let message = "either something is shown, or nothing".to_owned();
            faults.push(fault("/forget_credentials", message));
            Shown::Keep
        }
        (Some(credentials), false) => Shown::Set(credentials),
        (None, true) => Shown::Forget,
        (None, false) => Shown::Keep,
    };
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let change = MirrorChange { url, patterns, every_minutes, shown };
    Ok(hub.change_mirror(allowed, id, change).await?)
}

async fn remove(
    hub: Hub,
    allowed: Allowed<act::MirrorChange, Repository>,
    call: Call,
) -> Result<StatusCode, Problem> {
    hub.remove_mirror(&allowed, call.params.parse("mirror")?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn run(
    hub: Hub,
    allowed: Allowed<act::MirrorChange, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let mirror = hub.run_mirror(&allowed, call.params.parse("mirror")?).await?;
    Ok((StatusCode::ACCEPTED, Json(shown(&mirror))).into_response())
}

fn fault(pointer: &str, message: String) -> Fault {
    Fault { pointer: pointer.to_owned(), code: "invalid", message }
}

/// What was parsed, or a fault more.
fn kept<T>(pointer: &str, parsed: Result<T, String>, faults: &mut Vec<Fault>) -> Option<T> {
    parsed.map_err(|message| faults.push(fault(pointer, message))).ok()
}

fn check_every(minutes: u32) -> Result<u32, String> {
    let (least, _, most) = EVERY_MINUTES;
    if (least..=most).contains(&minutes) {
        return Ok(minutes);
    }
    Err(format!("a mirror looks every {least} to {most} minutes"))
}

/// What is to be shown to another server, if it can be.
pub(crate) fn parse_credentials(
    asked: Option<json::RemoteCredentials>,
    faults: &mut Vec<Fault>,
) -> Option<Credentials> {
    let asked = asked?;
    let username = asked.username.unwrap_or_default();
    kept("/credentials", Credentials::parse(&username, &asked.password), faults)
}

pub(crate) fn shown(it: &Mirror) -> json::Mirror {
    let text = |it: names::UnixMillis| it.to_string();
    json::Mirror {
        id: it.id.to_string(),
        direction: it.direction.as_str().to_owned(),
        url: it.url.to_string(),
        refs: it.patterns.words().to_vec(),
        every_minutes: it.every_minutes,
        has_credentials: it.has_credentials,
        state: it.state.as_str().to_owned(),
        failures: it.failures,
        error: it.last_error.clone(),
        made_at: it.made_at.to_string(),
        next_run_at: it.next_at.map(text),
        last_run_at: it.last_run_at.map(text),
        last_success_at: it.last_success_at.map(text),
    }
}
