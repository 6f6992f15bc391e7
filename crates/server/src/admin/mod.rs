//! For those who run the install: what is hidden from everybody else (`spec/trust.md` 8.3, `ops`).
//!
//! Here because it looks into rooms that know no web: the queue of background work is below it. Each answer is asked of
//! the one authority like every other; a stranger is told that there is nothing here.
//!
//! | file           | what is there                                                       |
//! |----------------|---------------------------------------------------------------------|
//! | `mod.rs`       | [`Admin`], the routes, what lists share                               |
//! | `audit.rs`     | JSON under `/api/v1/admin/audit`, and the same of an organization        |
//! | `config.rs`    | JSON: another key for sessions, rows of the log that go                 |
//! | `jobs.rs`      | JSON under `/api/v1/admin/jobs`                                       |
//! | `schedules.rs` | JSON under `/api/v1/admin/schedules`                                  |
//! | `search.rs`    | JSON: what is searched is made again                                  |
//! | `people.rs`    | JSON: install admins; who is stopped                                  |
//! | `storage.rs`   | JSON under `/api/v1/admin/storage`                                    |
//! | `page.rs`      | the page `/admin/jobs`; `view.rs` is what its template shows           |
//! | `store_page.rs` | the page `/admin/storage`                                            |

mod audit;
mod config;
mod jobs;
mod page;
mod people;
mod schedules;
mod search;
mod storage;
mod store_page;
#[cfg(test)]
mod tests;
mod view;

use std::str::FromStr;

use axum::{
    Router,
    http::{Method, StatusCode},
};
use names::Clock;
use objects::Objects;
use trust::{Bearers, Trust};
use web::{Call, Cursors, Entry, Input as _, Problem, Routes, Spec, Surface};

/// How many a list shows unless asked, and at most.
const PAGE: (u16, u16) = (30, 100);
/// Nothing here takes a body of its own.
const NO_BODY: u64 = 1 << 10;

/// What the office is run from. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    pub(crate) queue: ::jobs::Queue,
    pub(crate) trust: Trust,
    pub(crate) cursors: Cursors,
    pub(crate) clock: Clock,
    pub(crate) objects: Objects,
    pub(crate) db: db::Db,
}

impl AsRef<Trust> for Admin {
    fn as_ref(&self) -> &Trust {
        &self.trust
    }
}

pub(crate) fn routes(admin: Admin) -> (Router, Vec<Entry>) {
    let trust = admin.trust.clone();
    let bare = Spec::new(Surface::Api).body_bytes(NO_BODY);
    let publisher = Spec::new(Surface::Api).bearers(Bearers::Publisher);
    let lines = Spec::new(Surface::Api).answers(&[audit::LINES]);
    Routes::new(admin, trust)
        .get("/admin/jobs", Surface::Page, page::jobs)
        .get("/api/v1/admin/audit", Surface::Api, audit::list)
        .get("/api/v1/admin/audit/export", lines, audit::export)
        .get("/api/v1/orgs/{handle}/audit", Surface::Api, audit::list_of_organization)
        .get("/api/v1/orgs/{handle}/audit/export", lines, audit::export_of_organization)
        .post("/api/v1/admin/audit/prune", bare, config::prune)
        .post("/api/v1/admin/signing-keys/session/rotate", bare, config::rotate_session_key)
        .post("/api/v1/admin/signing-keys/server/rotate", bare, config::rotate_server_key)
        .on(Method::PUT, "/api/v1/admin/admins/{handle}", bare, people::grant)
        .on(Method::DELETE, "/api/v1/admin/admins/{handle}", bare, people::withdraw)
        .post(
            "/api/v1/admin/principals/{handle}/suspend",
            bare.body_bytes(4 << 10),
            people::suspend,
        )
        .post("/api/v1/admin/principals/{handle}/restore", bare, people::restore)
        .post("/api/v1/admin/principals/{handle}/bring-back", bare, people::bring_back)
        .get("/api/v1/publishers/{publisher}/audit", publisher, audit::list_of_publisher)
        .get(
            "/api/v1/publishers/{publisher}/audit/export",
            publisher.answers(&[audit::LINES]),
            audit::export_of_publisher,
        )
        .get("/api/v1/admin/jobs", Surface::Api, jobs::list)
        .get("/api/v1/admin/jobs/{id}", Surface::Api, jobs::show)
        .on(Method::DELETE, "/api/v1/admin/jobs/{id}", bare, jobs::delete)
        .post("/api/v1/admin/jobs/{id}/retry", bare, jobs::retry)
        .get("/api/v1/admin/schedules", Surface::Api, schedules::list)
        .post("/api/v1/admin/schedules/{name}/enable", bare, schedules::enable)
        .post("/api/v1/admin/schedules/{name}/disable", bare, schedules::disable)
        .post("/api/v1/admin/schedules/{name}/run", bare, schedules::run)
        .post("/api/v1/admin/search/rebuild", bare, search::rebuild)
        .get("/admin/storage", Surface::Page, store_page::show)
        .get("/api/v1/admin/storage", Surface::Api, storage::show)
        .get("/api/v1/admin/storage/faults", Surface::Api, storage::faults)
        .post("/api/v1/admin/storage/scan", bare, storage::start)
        .post("/api/v1/admin/storage/heal", bare, storage::heal)
        .finish()
}

/// The one place where the queue's failures become HTTP. No wildcard arm.
fn told(error: ::jobs::Error) -> Problem {
    use ::jobs::Error as E;
    match error {
        E::Db(inner) => inner.into(),
        E::NotFound => Problem::not_found(),
        E::NotDead => Problem::refuse(
            StatusCode::CONFLICT,
            "conflict",
            "only a dead job can be retried or deleted, and this one is waiting or running",
        ),
        E::KeyTaken => Problem::refuse(
            StatusCode::CONFLICT,
            "conflict",
            "a job with the same key is waiting or running: it does what this one was to do",
        ),
        E::Payload { .. }
        | E::PayloadTooLarge { .. }
        | E::BadKey(_)
        | E::TooManyJobs(_)
        | E::LeaseLost
        | E::BadCron(_)
        | E::BadZone(_)
        | E::NeverComes => Problem::internal(&error),
    }
}

/// What the path names as `name`, once the body was read: it must be empty, and the one that was signed.
async fn named<T: FromStr>(call: Call, name: &str) -> Result<T, Problem> {
    let found = call.params.parse(name)?;
    <()>::take(call).await?;
    Ok(found)
}

/// How many a list shows.
fn limit(asked: Option<u16>) -> u16 {
    asked.unwrap_or(PAGE.0).clamp(1, PAGE.1)
}

/// Where `list` goes on, if it is asked to.
fn position(
    cursors: &Cursors,
    list: &str,
    cursor: Option<&str>,
) -> Result<Option<Vec<u8>>, Problem> {
    let read = |text| cursors.read(list, text).ok_or_else(bad_cursor);
    cursor.map(read).transpose()
}

fn bad_cursor() -> Problem {
    Problem::malformed("the cursor is not one that this list handed out; begin again without it")
}
