//! JSON: `GET /api/v1/repos/{owner}/{name}/log`.

use ::api::json;
use axum::response::IntoResponse;
use names::Handle;
use serde::Deserialize;
use trust::{Allowed, act};
use web::{Json, Problem, Queried, Routes, Surface};

use super::shown::{Log, Moved, Signed};
use crate::{Hub, Repository};

/// How many a list shows unless asked, and at most.
const PAGE: (u16, u16) = (30, 100);

pub(super) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    routes.get("/api/v1/repos/{owner}/{name}/log", Surface::Api, list)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    limit: Option<u16>,
    cursor: Option<String>,
}

async fn list(
    hub: Hub,
    allowed: Allowed<act::RefRead, Repository>,
    call: Queried<Asked>,
) -> Result<impl IntoResponse, Problem> {
    let Asked { limit, cursor } = call.query()?;
    let limit = limit.unwrap_or(PAGE.0).clamp(1, PAGE.1);
    let of = allowed.resource();
    let list = format!("api/log/{}", of.id);
    let before = match cursor.as_deref() {
        None => None,
        Some(text) => Some(hub.log_cursor(&list, text).ok_or_else(bad_cursor)?),
    };
    let log = hub.movements(&allowed, before, limit).await?;
    let next_cursor = log.older.map(|seq| hub.cursors.write(&list, &seq.to_be_bytes()));
    let here = format!("/api/v1/repos/{}/log?limit={limit}", of.full_name());
    let link = |cursor: &String| [("link", format!("<{here}&cursor={cursor}>; rel=\"next\""))];
    Ok((next_cursor.as_ref().map(link), Json(page(log, next_cursor))))
}

fn page(log: Log, next_cursor: Option<String>) -> json::MovementPage {
    json::MovementPage {
        items: log.rows.into_iter().map(json_of).collect(),
        next_cursor,
        chain: if log.is_whole { "whole" } else { "broken" }.to_owned(),
        seq: log.last.as_ref().map_or(0, |it| it.seq),
        seal_hash: log.last.map(|it| it.seal_hash.to_string()).unwrap_or_default(),
    }
}

fn json_of(it: Moved) -> json::Movement {
    let Moved { item, is_forced, signed } = it;
    let said = |text: String| Some(text).filter(|it| !it.is_empty());
    let seal_hash = item.seal.hash(&item.seal_signature).to_string();
    let signed_by: Option<&Handle> = match &signed {
        Signed::By(handle) | Signed::Request(Some(handle)) => Some(handle),
        Signed::Server | Signed::Unknown | Signed::Request(None) | Signed::Nobody => None,
    };
    json::Movement {
        seq: item.seal.seq,
        name: item.entry.name,
        old: said(item.entry.old),
        new: said(item.entry.new),
        counter: item.entry.counter,
        forced: is_forced,
        principal: item.seal.principal,
        via: item.seal.via,
        signed: item.signature.is_some(),
        signed_by: signed_by.map(ToString::to_string),
        pusher_key: said(item.entry.pusher_key),
        time: item.entry.time,
        entry_hash: item.seal.entry_hash.to_string(),
        seal_hash,
        server_key: item.seal.server_key,
    }
}

fn bad_cursor() -> Problem {
    Problem::malformed("the cursor is not one that this list handed out; begin again without it")
}

impl Hub {
    fn log_cursor(&self, list: &str, text: &str) -> Option<u64> {
        let bytes = self.cursors.read(list, text)?;
        Some(u64::from_be_bytes(bytes.as_slice().try_into().ok()?))
    }
}
