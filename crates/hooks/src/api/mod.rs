//! JSON of webhooks, alike for repositories, organizations, publishers and the installation (`spec/webhooks.md` 1).
//!
//! | file            | what is there                                            |
//! |-----------------|----------------------------------------------------------|
//! | `mod.rs`        | the routes; what refusals say                              |
//! | `webhooks.rs`   | subscriptions and their secrets                           |
//! | `deliveries.rs` | deliveries: listed, sent once more; pings                  |

mod deliveries;
pub(crate) mod webhooks;

use std::sync::Arc;

use axum::Router;
use http::{Method, StatusCode};
use trust::{Bearers, Publisher};
use web::{Cursors, Entry, Fault, Problem, Routes, Spec, Surface};

use crate::{
    Error, Hooks, Installation, Organization, Repositories, Repository, level::Door, pages,
};

/// Bodies of a few texts and lists.
const BODY: u64 = 64 << 10;

/// The routes of one level: its address, its type, the tokens that it takes.
macro_rules! level {
    ($routes:expr, $at:literal, $of:ty, $read:expr, $write:expr) => {
        $routes
            .get($at, $read, webhooks::list::<$of>)
            .post($at, $write, webhooks::create::<$of>)
            .get(concat!($at, "/{webhook}"), $read, webhooks::show::<$of>)
            .on(Method::PATCH, concat!($at, "/{webhook}"), $write, webhooks::change::<$of>)
            .on(Method::DELETE, concat!($at, "/{webhook}"), $write, webhooks::delete::<$of>)
            .post(concat!($at, "/{webhook}/secrets"), $write, webhooks::add_secret::<$of>)
            .on(
                Method::DELETE,
                concat!($at, "/{webhook}/secrets/{secret}"),
                $write,
                webhooks::remove_secret::<$of>,
            )
            .post(concat!($at, "/{webhook}/ping"), $write, deliveries::ping::<$of>)
            .get(concat!($at, "/{webhook}/deliveries"), $read, deliveries::list::<$of>)
            .get(concat!($at, "/{webhook}/deliveries/{delivery}"), $read, deliveries::show::<$of>)
            .post(
                concat!($at, "/{webhook}/deliveries/{delivery}/resend"),
                $write,
                deliveries::resend::<$of>,
            )
            .post(concat!($at, "/{webhook}/resend"), $write, deliveries::resend_all::<$of>)
            .get(concat!($at, "/{webhook}/resends/{resend}"), $read, deliveries::resent::<$of>)
    };
}

impl Hooks {
    /// Everything that this room serves.
    pub fn routes(
        &self,
        repositories: Arc<dyn Repositories>,
        cursors: Cursors,
    ) -> (Router, Vec<Entry>) {
        let door = Door { hooks: self.clone(), repositories, cursors };
        let read = Spec::new(Surface::Api);
        let write = read.body_bytes(BODY);
        let (of_publisher, to_publisher) =
            (read.bearers(Bearers::Publisher), write.bearers(Bearers::Publisher));
        let routes = Routes::new(door, self.0.trust.clone());
        let routes =
            level!(routes, "/api/v1/repos/{owner}/{name}/webhooks", Repository, read, write);
        let routes = level!(routes, "/api/v1/orgs/{handle}/webhooks", Organization, read, write);
        let routes = level!(
            routes,
            "/api/v1/publishers/{publisher}/webhooks",
            Publisher,
            of_publisher,
            to_publisher
        );
        let routes = level!(routes, "/api/v1/admin/webhooks", Installation, read, write);
        pages::routes(routes).finish()
    }
}

/// A value that does not hold.
pub(crate) fn fault(field: &str, code: &'static str, message: impl Into<String>) -> Fault {
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
            Error::Managed => Self::refuse(StatusCode::CONFLICT, "managed", &error),
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
            Error::LeaseLost | Error::Jobs(_) => Self::internal(&error),
            Error::Trust(error) => error.into(),
            Error::Db(error) => error.into(),
        }
    }
}
