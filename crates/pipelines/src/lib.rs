//! The Work plane: publishers hand out steps of pipelines, and any agent that may claims them (`spec/work.md`).
//!
//! Owns the tables of definitions, skills, runs, tasks and claims. What a definition means and how a run moves is
//! `pipelines-core`; this room gives it rows, time, chance, a queue and addresses. Publishers, their tokens and secrets
//! are the trust plane's, deliveries those of `hooks`.
//!
//! | file or folder | what is there                                        |
//! |----------------|-------------------------------------------------------|
//! | `lib.rs`       | the door: [`Pipelines`]                                |
//! | `error.rs`     | [`Error`]: why something is refused                     |
//! | `definitions/` | pipelines, their versions and schedules                 |
//! | `skills/`      | documents for agents                                    |

mod definitions;
mod error;
mod skills;

use std::sync::Arc;

use axum::Router;
use db::Db;
use hooks::Hooks;
use jobs::Dispatcher;
use names::{Clock, Random};
use trust::Trust;
use web::{Cursors, Entry, Routes};

pub use error::Error;

/// Every statement of this room, for the test that prepares them all.
pub fn statements() -> Vec<&'static db::Sql> {
    [definitions::STATEMENTS, skills::STATEMENTS].concat()
}

/// What the room stands on.
#[derive(Debug, Clone)]
pub struct Ground {
    /// Rows.
    pub db: Db,
    /// What time it is.
    pub clock: Clock,
    /// Where chance comes from.
    pub random: Random,
    /// Who may do what.
    pub trust: Trust,
    /// Where events go, and what judges addresses.
    pub hooks: Hooks,
}

/// The room's front door. Cheap to clone; a process makes one and clones it.
#[derive(Debug, Clone)]
pub struct Pipelines(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ground: Ground,
    parsed: definitions::Parsed,
}

impl Pipelines {
    /// Opens the room.
    pub fn new(ground: Ground) -> Self {
        Self(Arc::new(Inner { ground, parsed: definitions::Parsed::default() }))
    }

    /// The routes of this room.
    pub fn routes(&self, cursors: Cursors) -> (Router, Vec<Entry>) {
        let door = Door { pipelines: self.clone(), cursors };
        let routes = Routes::new(door, self.0.ground.trust.clone());
        skills::api::routes(definitions::api::routes(routes)).finish()
    }

    /// Brings the handlers of its jobs to the dispatcher of this process.
    pub fn work(&self, dispatcher: Dispatcher) -> Dispatcher {
        dispatcher
    }
}

/// What handlers are given.
#[derive(Debug, Clone)]
struct Door {
    pipelines: Pipelines,
    cursors: Cursors,
}

impl AsRef<Trust> for Door {
    fn as_ref(&self) -> &Trust {
        &self.pipelines.0.ground.trust
    }
}
