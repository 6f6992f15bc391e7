//! Pages of work: pipelines, runs, tasks, and what waits for persons (`spec/work.md` 12).
//!
//! They read without a script, ask the one authority as every call does, and change things by forms that go the way of the
//! JSON call of the same effect. What is another's is not there, in the same words as what is missing.
//!
//! | file or folder | page                                                                     |
//! |----------------|--------------------------------------------------------------------------|
//! | `mod.rs`       | the routes, and what pages share                                            |
//! | `plane.rs`     | `/pipelines`                                                                |
//! | `publisher.rs` | `/pipelines/{publisher}`; a definition is registered                         |
//! | `pipeline.rs`  | `/pipelines/{publisher}/{pipeline}`, its versions; a run is started             |
//! | `steps.rs`     | steps as a picture and a table                                              |
//! | `run.rs`       | `/runs/{run}`; `shown.rs` is what it shows, `orders.rs` what is done there       |
//! | `task.rs`      | `/runs/{run}/tasks/{task}`                                                  |
//! | `letters.rs`   | `/pipelines/{publisher}/-/dead-letters`                                     |
//! | `approvals.rs` | `/pipelines/{publisher}/-/approvals`                                        |
//! | `settings.rs`  | `/pipelines/{publisher}/-/settings`                                         |
//! | `form.rs`      | forms made from schemas (pure)                                              |
//! | `pictures/`    | what is drawn, as plain data (pure)                                         |
//! | `store.rs`     | the SQL                                                                  |

mod approvals;
mod form;
mod letters;
mod orders;
mod pictures;
mod pipeline;
mod plane;
mod publisher;
mod run;
#[cfg(test)]
mod samples;
mod settings;
mod shown;
mod steps;
pub(crate) mod store;
mod task;

use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use names::UnixMillis;
use trust::{Actor, Allowed, Publisher, act};
use web::{
    Context, Problem, Routes, Spec, Surface,
    look::{Crumb, Html, Layout, visible},
};

use crate::Door;

/// Forms of a few fields.
const SMALL: u64 = 64 << 10;
/// Forms that hold a definition or an input: encoded, a text may weigh three times its bytes.
const LARGE: u64 = 3 << 20;

pub(crate) fn routes(routes: Routes<Door>) -> Routes<Door> {
    let page = Surface::Page;
    let small = Spec::new(Surface::Page).body_bytes(SMALL);
    let large = Spec::new(Surface::Page).body_bytes(LARGE);
    let routes = routes
        .get("/pipelines", page, plane::show)
        .get("/pipelines/{publisher}", page, publisher::show)
        .post("/pipelines/{publisher}", large, publisher::register)
        .get("/pipelines/{publisher}/-/dead-letters", page, letters::show)
        .get("/pipelines/{publisher}/-/approvals", page, approvals::show)
        .get("/pipelines/{publisher}/-/settings", page, settings::show)
        .post("/pipelines/{publisher}/-/settings/agents", small, settings::bind)
        .post("/pipelines/{publisher}/-/settings/tokens/{kind}", small, settings::mint)
        .post(
            "/pipelines/{publisher}/-/settings/tokens/{kind}/rotate",
            small,
            settings::rotate_token,
        )
        .post(
            "/pipelines/{publisher}/-/settings/tokens/{kind}/revoke",
            small,
            settings::revoke_token,
        )
        .post("/pipelines/{publisher}/-/settings/secrets/{kind}", small, settings::make_secret)
        .post(
            "/pipelines/{publisher}/-/settings/secrets/{kind}/revoke",
            small,
            settings::revoke_secret,
        )
        .get("/pipelines/{publisher}/{pipeline}", page, pipeline::show)
        .get("/pipelines/{publisher}/{pipeline}/v/{version}", page, pipeline::version)
        .post("/pipelines/{publisher}/{pipeline}/runs", large, pipeline::start)
        .post("/pipelines/{publisher}/{pipeline}/settings", small, pipeline::change)
        .post("/pipelines/{publisher}/{pipeline}/schedules/{schedule}", small, pipeline::rest);
    routes
        .get("/runs/{run}", page, run::show)
        .post("/runs/{run}/cancel", small, orders::cancel)
        .post("/runs/{run}/pause", small, orders::pause)
        .post("/runs/{run}/resume", small, orders::resume)
        .post("/runs/{run}/move", small, orders::move_to)
        .post("/runs/{run}/budgets", small, orders::raise)
        .post("/runs/{run}/replay", large, orders::replay)
        .get("/runs/{run}/tasks/{task}", page, task::show)
        .post("/runs/{run}/tasks/{task}/retry", small, task::retry)
        .post("/runs/{run}/tasks/{task}/cancel", small, task::cancel)
        .post("/runs/{run}/tasks/{task}/decide", large, task::decide)
}

/// The frame of a page, as far as the request says so. Work is nobody's but its publisher's: no search engine keeps it.
fn layout(title: String, crumbs: Vec<Crumb>, context: &Context) -> Layout {
    Layout {
        title,
        crumbs,
        reader: context.reader(),
        request_id: context.request_id.clone(),
        is_noindex: true,
        ..Layout::default()
    }
}

/// The way to a publisher.
fn crumbs(handle: &str) -> Vec<Crumb> {
    vec![
        Crumb::link("Pipelines", "/pipelines"),
        Crumb::link(handle, format!("/pipelines/{handle}")),
    ]
}

/// Leads on with GET.
fn lead_to(address: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, address.to_owned())]).into_response()
}

/// A page that tells why something was not done, with the status of that.
fn refused(page: Result<Response, Problem>, status: StatusCode) -> Result<Response, Problem> {
    let mut page = page?;
    *page.status_mut() = status;
    Ok(page)
}

/// Whether a refusal is for the page to tell: what is typed does not hold, or something stands in the way. Everything else
/// is told as every page tells it.
fn is_told(problem: &Problem) -> bool {
    let status = problem.status();
    matches!(status, StatusCode::UNPROCESSABLE_ENTITY | StatusCode::CONFLICT)
        || status == StatusCode::BAD_REQUEST
}

/// What a refusal says, all of it.
fn sentences(problem: &Problem) -> Vec<Html> {
    if problem.faults().is_empty() {
        return vec![visible::html(problem.detail())];
    }
    let told = problem.faults().iter().map(|it| {
        let place = if it.pointer.is_empty() { String::new() } else { format!("{}: ", it.pointer) };
        visible::html(&format!("{place}{}", it.message))
    });
    told.collect()
}

/// What stands above every page of a publisher.
#[derive(Debug, Clone)]
pub(crate) struct Tabs {
    handle: String,
    /// Which of them is open.
    open: &'static str,
    /// How much waits for persons.
    waiting: u64,
}

impl Tabs {
    async fn of(door: &Door, publisher: &Publisher, open: &'static str) -> Result<Self, Problem> {
        let organization = &publisher.organization;
        let mut tx = door.db().glance().await?;
        let waiting = store::count_waiting(&mut tx, organization.id).await?;
        Ok(Self { handle: organization.handle.to_string(), open, waiting })
    }
}

/// The badge of a state of a run: its kind and its word.
fn run_badge(state: &str) -> &'static str {
    match state {
        "completed" => "good",
        "failed" | "expired" => "bad",
        "held" | "composed" => "warn",
        "running" => "agent",
        _ => "quiet",
    }
}

/// The badge of a state of a task.
fn task_badge(state: &str) -> &'static str {
    match pictures::look_of(state) {
        "done" => "good",
        "dead" => "bad",
        "live" => "agent",
        "asked" => "warn",
        _ => "quiet",
    }
}

/// Whether whoever looks may register definitions.
fn may_register(actor: &Actor, publisher: &Publisher) -> bool {
    Allowed::<act::PipelineRegister, _>::ask(actor, publisher.clone()).is_ok()
}

/// An agent is given what it works on, and sees no page of runs.
fn no_agents(actor: &Actor) -> Result<(), Problem> {
    if actor.behind().is_some() { Err(Problem::not_found()) } else { Ok(()) }
}

/// Now, by the clock of the engine.
fn now(door: &Door) -> UnixMillis {
    door.pipelines.0.engine.now()
}

/// A value as people read it.
fn pretty(value: &serde_json::Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// Source code, coloured, line by line.
fn coloured(language: &str, text: &str) -> Vec<Html> {
    web::look::highlight::file(&format!("text.{language}"), text)
}
