//! JSON: refs, one by one or by what their names begin with (`spec/hub.md` 9). They move by the rules of a push.

use ::api::{json, wire2::Update};
use axum::{
    http::{Method, StatusCode},
    response::IntoResponse,
};
use names::CommitId;
use serde::Deserialize;
use trust::{Allowed, act};
use web::{Call, Fault, Json, Posted, Problem, Queried, Routes, Spec, Surface};

use super::store;
use crate::{Error, Hub, Repository, git::Annotated, reading::RefPlace};

const LIST: &str = "/api/v1/repos/{owner}/{name}/refs";
const ONE: &str = "/api/v1/repos/{owner}/{name}/refs/{*ref}";
/// Bodies of a few bytes.
const SMALL_BODY: u64 = 4 << 10;
/// How many a list shows unless asked, and at most.
const PAGE: (u16, u16) = (30, 100);

pub(super) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    let small = Spec::new(Surface::Api).body_bytes(SMALL_BODY);
    routes
        .get(LIST, Surface::Api, list)
        .get(ONE, Surface::Api, show)
        .on(Method::PUT, ONE, small, put)
        .on(Method::DELETE, ONE, small, delete)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    prefix: Option<String>,
    limit: Option<u16>,
    cursor: Option<String>,
}

async fn list(
    hub: Hub,
    allowed: Allowed<act::RefRead, Repository>,
    call: Queried<Asked>,
) -> Result<impl IntoResponse, Problem> {
    let Asked { prefix, limit, cursor } = call.query()?;
    let (prefix, limit) = (prefix.unwrap_or_default(), limit.unwrap_or(PAGE.0).clamp(1, PAGE.1));
    let of = allowed.resource();
    let list = format!("api/refs/{}?{prefix}", of.id);
    let after = match cursor.as_deref() {
        None => String::new(),
        Some(text) => {
            let bytes = hub.cursors.read(&list, text).ok_or_else(bad_cursor)?;
            String::from_utf8(bytes).map_err(|_| bad_cursor())?
        }
    };
    let mut tx = hub.db.glance().await?;
    let more = u64::from(limit) + 1;
    let mut found =
        store::refs(&mut tx, of.id, (&prefix, &after), more).await.map_err(Error::Db)?;
    let has_more = found.len() as u64 == more;
    found.truncate(limit.into());
    let end = found.last().filter(|_| has_more);
    let next_cursor = end.map(|it| hub.cursors.write(&list, it.name.as_bytes()));
    let here = format!("/api/v1/repos/{}/refs?limit={limit}", of.full_name());
    let kept = match prefix.as_str() {
        "" => String::new(),
        prefix => format!("&prefix={}", web::look::href::segment(prefix)),
    };
    let link =
        |cursor: &String| [("link", format!("<{here}{kept}&cursor={cursor}>; rel=\"next\""))];
    drop(tx);
    let items = told(&hub, of, &found).await?;
    Ok((next_cursor.as_ref().map(link), Json(json::RefPage { items, next_cursor })))
}

async fn show(
    hub: Hub,
    allowed: Allowed<act::RefRead, Repository>,
    call: Call,
) -> Result<Json<json::Ref>, Problem> {
    Ok(Json(found(&hub, allowed.resource(), &full_name(&call)).await?))
}

async fn found(hub: &Hub, of: &Repository, name: &str) -> Result<json::Ref, Problem> {
    let mut tx = hub.db.glance().await?;
    let found = store::one(&mut tx, of.id, name).await.map_err(Error::Db)?;
    drop(tx);
    let found = [found.ok_or(Error::NotFound)?];
    Ok(told(hub, of, &found).await?.pop().ok_or(Error::NotFound)?)
}

/// Refs, with what those say that are tags with a message.
async fn told(hub: &Hub, of: &Repository, found: &[RefPlace]) -> Result<Vec<json::Ref>, Error> {
    let names: Vec<&str> = found.iter().map(|it| it.name.as_str()).collect();
    let mut tags = hub.annotated(of, &names).await?;
    Ok(found.iter().map(|it| json_of(it, tags.remove(&it.name))).collect())
}

/// Makes a ref, or moves it from where it is expected: 201 or 200.
async fn put(
    hub: Hub,
    allowed: Allowed<act::RefPush, Repository>,
    call: Posted<json::SetRef>,
) -> Result<impl IntoResponse, Problem> {
    let name = full_name(&call);
    let asked = call.json().await?;
    let target = commit("/target", &asked.target)?;
    let expected = asked.expected.as_deref().map(|it| commit("/expected", it)).transpose()?;
    let of = allowed.resource();
    let mut tx = hub.db.glance().await?;
    let present = store::one(&mut tx, of.id, &name).await.map_err(Error::Db)?;
    drop(tx);
    // The same twice is the same.
    let is_there = present.is_some_and(|it| it.target == target);
    if !is_there {
        let (force, new) = (asked.force, Some(target));
        hub.move_one(&allowed, update(&name, expected, new, force)).await?;
    }
    let status = if expected.is_none() && !is_there { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(found(&hub, of, &name).await?)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    expected: Option<String>,
}

/// Takes a ref away; `expected` says from where, if that matters.
async fn delete(
    hub: Hub,
    allowed: Allowed<act::RefPush, Repository>,
    call: Queried<Expected>,
) -> Result<StatusCode, Problem> {
    let (name, Expected { expected }) = (full_name(&call), call.query()?);
    let expected = expected.as_deref().map(|it| commit("/expected", it)).transpose()?;
    call.end().await?;
    let mut tx = hub.db.glance().await?;
    let present = store::one(&mut tx, allowed.resource().id, &name).await.map_err(Error::Db)?;
    drop(tx);
    let present = present.ok_or(Error::NotFound)?.target;
    hub.move_one(&allowed, update(&name, Some(expected.unwrap_or(present)), None, false)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn update(name: &str, old: Option<CommitId>, new: Option<CommitId>, force: bool) -> Update {
    let (entry, signature) = (String::new(), String::new());
    Update { name: name.to_owned(), old, new, force, entry, signature }
}

/// The full name of the ref that an address names, with or without `refs/` before it.
fn full_name(call: &Call) -> String {
    match call.params.text("ref") {
        name if name.starts_with("refs/") => name.to_owned(),
        name => format!("refs/{name}"),
    }
}

fn commit(pointer: &str, text: &str) -> Result<CommitId, Problem> {
    text.parse().map_err(|_| {
        let message = "the id of a commit: 40 or 64 digits of 0-9 and a-f".to_owned();
        Problem::invalid(vec![Fault { pointer: pointer.to_owned(), code: "bad_id", message }])
    })
}

fn json_of(it: &RefPlace, tag: Option<Annotated>) -> json::Ref {
    json::Ref {
        name: it.name.clone(),
        target: it.target.to_string(),
        counter: it.counter,
        entry_hash: it.entry_hash.map(|it| it.to_string()),
        tag: tag.map(json_of_tag),
    }
}

fn json_of_tag(it: Annotated) -> json::AnnotatedTag {
    let (state, signer) = it.state.told();
    let key = it.key.map(|it| it.to_string());
    let (tagger, tagged_at) = it.tagger.map(|it| (it.who, it.time.to_string())).unzip();
    json::AnnotatedTag {
        object: it.object.to_string(),
        tagger,
        tagged_at,
        message: it.message,
        signature: json::CommitSignature { state: state.to_owned(), signer, key },
    }
}

fn bad_cursor() -> Problem {
    Problem::malformed("the cursor is not one that this list handed out; begin again without it")
}
