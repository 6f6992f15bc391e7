//! JSON under `/api/v1`: runs, tasks, claims, and what waits for persons (`spec/work.md` 6).
//!
//! | file           | what is there                                                        |
//! |----------------|----------------------------------------------------------------------|
//! | `mod.rs`       | the routes                                                           |
//! | `places.rs`    | what routes act on: [`PlaceOfRuns`], [`RunPlace`], [`TaskPlace`], [`ClaimPlace`] |
//! | `refusals.rs`  | what the engine does not do, as HTTP                                   |
//! | `starting.rs`  | a run begins                                                          |
//! | `runs.rs`      | runs: read, ended, held, raised, judged                                |
//! | `again.rs`     | runs that move to another version, or are done once more              |
//! | `tasks.rs`     | tasks and their attempts                                              |
//! | `claims.rs`    | agents ask for work                                                   |
//! | `holding.rs`   | agents hand work in, keep it, give it back                             |
//! | `gates.rs`     | persons decide                                                        |
//! | `bonds.rs`     | how publishers stand to agents                                         |
//! | `stream/`      | all of it as it happens: server-sent events                             |
//! | `tools/`       | subcommands: agents call endpoints of publishers                        |
//! | `waiting.rs`   | callers that wait until something happens to a run                       |
//! | `store.rs`     | the SQL                                                               |

pub(crate) mod again;
pub(crate) mod bonds;
mod claims;
pub(crate) mod gates;
mod holding;
pub(crate) mod places;
mod refusals;
pub(crate) mod runs;
pub(crate) mod starting;
pub(crate) mod store;
pub(crate) mod stream;
pub(crate) mod tasks;
pub(crate) mod tools;
mod waiting;

use std::time::Duration;

use http::Method;
use trust::Bearers;
use web::{Fault, Problem, Routes, Spec, Surface};

use crate::{
    Door,
    paging::{cut, limit, one_more, position},
    skills,
};

pub(crate) use runs::error as error_of;

/// Bodies of a few texts.
const SMALL: u64 = 64 << 10;
/// The body of a run that is to begin.
const RUN: u64 = 1 << 20;
/// The body of a result, beside what is said of it.
const RESULT: u64 = (10 << 20) + (16 << 10);
/// How long a caller may wait for something, with room for the answer.
const WAITING: Duration = Duration::from_secs(75);

/// The routes of runs and claims.
pub(crate) fn routes(routes: Routes<Door>) -> Routes<Door> {
    let read = Spec::new(Surface::Api).bearers(Bearers::Publisher);
    let small = read.body_bytes(SMALL);
    let routes = routes
        .post(
            "/api/v1/publishers/{publisher}/pipelines/{pipeline}/runs",
            read.body_bytes(RUN),
            starting::start,
        )
        .get("/api/v1/runs", read, runs::list)
        .get("/api/v1/runs/{run}", read.within(WAITING), runs::show)
        .get("/api/v1/runs/{run}/tasks", read, tasks::list)
        .get("/api/v1/runs/{run}/events", read, runs::events)
        .get("/api/v1/runs/{run}/output", read, runs::output)
        .post("/api/v1/runs/{run}/cancel", small, runs::cancel)
        .post("/api/v1/runs/{run}/pause", small, runs::pause)
        .post("/api/v1/runs/{run}/resume", small, runs::resume)
        .post("/api/v1/runs/{run}/verdict", small, runs::verdict)
        .post("/api/v1/runs/{run}/replay", read.body_bytes(RUN), again::replay)
        .post("/api/v1/runs/{run}/move", small, again::move_to)
        .on(Method::PATCH, "/api/v1/runs/{run}/budgets", small, runs::raise)
        .get("/api/v1/tasks/{task}", read, tasks::show)
        .get("/api/v1/tasks/{task}/attempts", read, tasks::attempts)
        .get("/api/v1/tasks/{task}/calls", read, tools::list)
        .post("/api/v1/tasks/{task}/retry", small, tasks::retry)
        .post("/api/v1/tasks/{task}/cancel", small, tasks::cancel)
        .get("/api/v1/publishers/{publisher}/agents", read, bonds::list)
        .on(Method::PUT, "/api/v1/publishers/{publisher}/agents/{agent}", small, bonds::set)
        .on(Method::DELETE, "/api/v1/publishers/{publisher}/agents/{agent}", small, bonds::remove)
        .get("/api/v1/approvals", read, gates::list)
        .get("/api/v1/approvals/{task}", read, gates::show)
        .post("/api/v1/approvals/{task}/decide", small, gates::decide);
    let told = read.bearers(Bearers::Work).answers(&[stream::MEDIA_TYPE]);
    of_agents(routes.get("/api/v1/stream", told, stream::follow))
}

/// Those that agents use.
fn of_agents(routes: Routes<Door>) -> Routes<Door> {
    let read = Spec::new(Surface::Api);
    let small = read.body_bytes(SMALL);
    routes
        .post("/api/v1/claims/next", small.within(WAITING), claims::next)
        .get("/api/v1/claims", read, claims::list)
        .get("/api/v1/claims/{claim}", read.within(WAITING), claims::show)
        .post("/api/v1/claims/{claim}/heartbeat", small, holding::beat)
        .post("/api/v1/claims/{claim}/result", read.body_bytes(RESULT), holding::submit)
        .post("/api/v1/claims/{claim}/release", small, holding::release)
        .post("/api/v1/claims/{claim}/tool", small, tools::call)
        .get(
            "/api/v1/claims/{claim}/skills/{publisher}/{skill}/{version}",
            read,
            tools::skills::show,
        )
        .get(
            "/api/v1/claims/{claim}/skills/{publisher}/{skill}/{version}/files/{*path}",
            read.answers(skills::api::FILE),
            tools::skills::show_file,
        )
}

/// A value that does not hold.
fn fault(pointer: &str, code: &'static str, message: impl Into<String>) -> Fault {
    Fault { pointer: pointer.to_owned(), code, message: message.into() }
}

/// The same as the whole refusal.
fn invalid(pointer: &str, message: impl Into<String>) -> Problem {
    Problem::invalid(vec![fault(pointer, "invalid", message)])
}
