//! JSON under `/api/v1/repos/{owner}/{name}/webhooks` (`spec/webhooks.md` 1).
//!
//! | file            | what is there                                            |
//! |-----------------|----------------------------------------------------------|
//! | `mod.rs`        | [`Repository`], [`Repositories`]; the routes                |
//! | `webhooks.rs`   | subscriptions and their secrets                           |
//! | `deliveries.rs` | deliveries: listed, sent once more; pings                  |

mod deliveries;
mod webhooks;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use axum::Router;
use http::{Method, StatusCode};
use names::{Handle, Id, RepositoryName};
use trust::{Actor, Principal, Resource, ResourceRow, Trust, authority::Facts};
use web::{Cursors, Entry, Fault, Load, Params, Problem, Routes, Spec, Surface};

use crate::{Error, Hooked, Hooks, Realm};

/// Bodies of a few texts and lists.
const BODY: u64 = 64 << 10;

/// A repository, as far as this room knows of any.
#[derive(Debug, Clone)]
pub struct Repository {
    /// What the authority needs to know of it.
    pub row: ResourceRow,
    /// Its owner's handle.
    pub owner: Handle,
    /// Its name.
    pub name: RepositoryName,
}

impl Resource for Repository {
    fn facts(&self) -> Facts<'_> {
        Facts::of(&self.row, self.owner.as_str(), self.name.as_str())
    }
}

impl Hooked for Repository {
    fn realm(&self) -> Realm {
        Realm::Repository(self.row.id)
    }

    fn owner(&self) -> Option<Id<Principal>> {
        Some(self.row.owner)
    }
}

/// Where repositories are found: the room that has them knows.
#[async_trait]
pub trait Repositories: fmt::Debug + Send + Sync {
    /// The one of that name, as it is for whoever asks; whether they may see it is for the authority.
    async fn find(
        &self,
        owner: &Handle,
        name: &RepositoryName,
        actor: &Actor,
    ) -> Result<Repository, Problem>;
}

/// What handlers are given.
#[derive(Debug, Clone)]
struct Door {
    hooks: Hooks,
    repositories: Arc<dyn Repositories>,
    cursors: Cursors,
}

impl AsRef<Trust> for Door {
    fn as_ref(&self) -> &Trust {
        &self.hooks.0.trust
    }
}

impl Load<Door> for Repository {
    async fn load(door: &Door, params: &Params, actor: &Actor) -> Result<Self, Problem> {
        door.repositories.find(&params.parse("owner")?, &params.parse("name")?, actor).await
    }
}

impl Hooks {
    /// The routes of webhooks of repositories.
    pub fn routes(
        &self,
        repositories: Arc<dyn Repositories>,
        cursors: Cursors,
    ) -> (Router, Vec<Entry>) {
        let door = Door { hooks: self.clone(), repositories, cursors };
        let small = Spec::new(Surface::Api).body_bytes(BODY);
        Routes::new(door, self.0.trust.clone())
            .get("/api/v1/repos/{owner}/{name}/webhooks", Surface::Api, webhooks::list)
            .post("/api/v1/repos/{owner}/{name}/webhooks", small, webhooks::create)
            .get("/api/v1/repos/{owner}/{name}/webhooks/{webhook}", Surface::Api, webhooks::show)
            .on(
                Method::PATCH,
                "/api/v1/repos/{owner}/{name}/webhooks/{webhook}",
                small,
                webhooks::change,
            )
            .on(
                Method::DELETE,
                "/api/v1/repos/{owner}/{name}/webhooks/{webhook}",
                small,
                webhooks::delete,
            )
            .post(
                "/api/v1/repos/{owner}/{name}/webhooks/{webhook}/secrets",
                small,
                webhooks::add_secret,
            )
            .on(
                Method::DELETE,
                "/api/v1/repos/{owner}/{name}/webhooks/{webhook}/secrets/{secret}",
                small,
                webhooks::remove_secret,
            )
            .post("/api/v1/repos/{owner}/{name}/webhooks/{webhook}/ping", small, deliveries::ping)
            .get(
                "/api/v1/repos/{owner}/{name}/webhooks/{webhook}/deliveries",
                Surface::Api,
                deliveries::list,
            )
            .get(
                "/api/v1/repos/{owner}/{name}/webhooks/{webhook}/deliveries/{delivery}",
                Surface::Api,
                deliveries::show,
            )
            .post(
                "/api/v1/repos/{owner}/{name}/webhooks/{webhook}/deliveries/{delivery}/resend",
                small,
                deliveries::resend,
            )
            .post(
                "/api/v1/repos/{owner}/{name}/webhooks/{webhook}/resend",
                small,
                deliveries::resend_all,
            )
            .finish()
    }
}

/// A value that does not hold.
fn fault(field: &str, code: &'static str, message: impl Into<String>) -> Fault {
    Fault { pointer: format!("/{field}"), code, message: message.into() }
}

/// The one place where this room's failures become HTTP. No wildcard arm.
impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::not_found(),
            Error::Stale => {
                Self::refuse(StatusCode::PRECONDITION_FAILED, "precondition_failed", &error)
            }
            Error::TooMany(_) => Self::refuse(StatusCode::CONFLICT, "quota_exceeded", &error),
            Error::UrlRefused(_) => {
                Self::invalid(vec![fault("url", "url_refused", error.to_string())])
            }
            Error::Events(_) => Self::invalid(vec![fault("events", "invalid", error.to_string())]),
            Error::Invalid { field, message } => {
                Self::invalid(vec![fault(field, "invalid", message)])
            }
            Error::TooManySecrets | Error::LastSecret | Error::OnItsWay => {
                Self::refuse(StatusCode::CONFLICT, "conflict", &error)
            }
            Error::LeaseLost => Self::internal(&error),
            Error::Trust(error) => error.into(),
            Error::Db(error) => error.into(),
        }
    }
}
