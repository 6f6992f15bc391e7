//! `/pipelines`: the publishers of whoever looks, with their queues.

use askama::Template;
use axum::response::Response;
use names::{Id, UnixMillis};
use trust::{Actor, Allowed, Anything, Principal, act};
use web::{
    Call, Problem,
    look::{Crumb, Layout, When, sizes},
};

use super::{layout, now, store};
use crate::Door;

/// The time over which claims are counted.
const WINDOW_MILLIS: i64 = 600_000;

/// A publisher with its queue.
#[derive(Debug)]
struct Row {
    handle: String,
    pipelines: u64,
    depth: String,
    oldest: Option<When>,
    /// Of the claims of all that are shown.
    share: Option<u8>,
    claims: String,
    waiting: u64,
}

/// `/pipelines`.
#[derive(Debug, Template)]
#[template(path = "plane.html")]
struct PlanePage {
    layout: Layout,
    rows: Vec<Row>,
    minutes: i64,
}

/// Who looks: what it belongs to is shown. An agent is given what it works on, and sees no queue.
fn reader(actor: &Actor) -> Option<Id<Principal>> {
    let principal = actor.principal().filter(|_| actor.behind().is_none());
    principal.map(|it| it.id)
}

pub(super) async fn show(
    door: Door,
    allowed: Allowed<act::RunList, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    let now = now(&door);
    let found = match reader(allowed.actor()) {
        None => Vec::new(),
        Some(reader) => {
            let since = UnixMillis(now.0 - WINDOW_MILLIS);
            store::queues(&mut door.db().read().await?, reader, since).await?
        }
    };
    let all: i64 = found.iter().map(|it| it.claims).sum();
    let row = |it: &store::Queue| Row {
        handle: it.handle.clone(),
        pipelines: it.pipelines.unsigned_abs(),
        depth: if it.depth >= store::COUNTED_READY {
            format!("more than {}", sizes::count(store::COUNTED_READY.unsigned_abs() - 1))
        } else {
            sizes::count(it.depth.unsigned_abs())
        },
        oldest: it.oldest.map(|at| When::new(UnixMillis(at), now)),
        share: (it.claims * 100).checked_div(all).and_then(|it| u8::try_from(it).ok()),
        claims: sizes::count(it.claims.unsigned_abs()),
        waiting: it.waiting.unsigned_abs(),
    };
    let crumbs = vec![Crumb::here("Pipelines")];
    web::page(&PlanePage {
        layout: layout("Pipelines".to_owned(), crumbs, &call.context),
        rows: found.iter().map(row).collect(),
        minutes: WINDOW_MILLIS / 60_000,
    })
}
