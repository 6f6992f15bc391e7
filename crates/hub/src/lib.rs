//! Hub: repositories, the Muse wire, and reading.
//!
//! Owns repositories, their history (commits, snapshots as trees, refs) and the links from repositories to objects.
//! Relies on `trust` for who may, on `objects` for bytes, on `history` for what ids mean.
//!
//! | folder          | what is there                                                                |
//! |-----------------|------------------------------------------------------------------------------|
//! | `lib.rs`        | the door: [`Hub`], its routes                                                  |
//! | `error.rs`      | [`Error`], and how it becomes HTTP                                             |
//! | `repositories/` | create, find, list; [`Repository`] as a resource; JSON                         |
//! | `wire/`         | wire 1: refs, uploads, push, negotiate, fetch                                  |
//! | `reading/`      | the one reading interface: resolve, tree, blob, log, diff                      |
//! | `pages/`        | HTML; `views/` is what the templates show                                      |
//! | `upkeep/`       | background work: what has ended goes                                           |
//!
//! Invariants (`spec/hub.md` 12): no object, snapshot or commit row whose id is not the hash of its bytes; a commit's
//! snapshot and parents are in the same repository; every object of every snapshot is linked to that repository;
//! nothing outside a repository's own rows decides what its reader or writer is told.

use axum::Router;
use db::Db;
use jobs::Queue;
use names::{Clock, Random};
use objects::Objects;
use trust::Trust;
use web::{Cursors, Entry, Routes};

mod error;
mod pages;

mod reading;
mod repositories;
mod upkeep;
mod views;
mod wire;

pub use error::Error;
pub use repositories::{NewRepository, Repository};

/// Every statement of this room, for the test that prepares them all.
pub fn statements() -> Vec<&'static db::Sql> {
    [
        repositories::STATEMENTS.to_vec(),
        reading::STATEMENTS.to_vec(),
        wire::statements(),
        upkeep::STATEMENTS.to_vec(),
    ]
    .concat()
}

/// The room's front door. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Hub {
    db: Db,
    objects: Objects,
    trust: Trust,
    clock: Clock,
    random: Random,
    cursors: Cursors,
    queue: Queue,
}

impl Hub {
    /// Opens the room.
    pub fn new(
        db: Db,
        objects: Objects,
        trust: Trust,
        clock: Clock,
        random: Random,
        cursors: Cursors,
        queue: Queue,
    ) -> Self {
        Self { db, objects, trust, clock, random, cursors, queue }
    }

    /// Everything that this room serves, its state inside, and the list of its routes.
    pub fn routes(self) -> (Router, Vec<Entry>) {
        let trust = self.trust.clone();
        let routes = Routes::new(self, trust);
        pages::routes(wire::routes(repositories::routes(routes))).finish()
    }
}
