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
//! | `letters/`     | dead letters, and replays of many                       |
//! | `numbers/`     | how much waits; what became of the work of agents       |
//! | `engine/`      | runs, tasks and claims: one queue in each process       |
//! | `serving/`     | JSON of runs, tasks and claims                          |
//! | `pages/`       | the same for people                                     |
//! | `webhooks.rs`  | the subscriptions of versions                           |
//! | `verdicts.rs`  | what is answered to the output of a run                 |
//! | `paging.rs`    | pages of lists                                          |

mod definitions;
mod engine;
mod error;
mod letters;
mod numbers;
mod pages;
mod paging;
mod serving;
mod skills;
mod verdicts;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use db::Db;
use hooks::Hooks;
use jobs::{Dispatcher, Done, Failure, Queue};
use names::{Clock, Id, Random, UnixMillis};
use pipelines_core::backoff::Draw;
use trust::{
    Principal, Trust,
    audit::{Chain, Entry},
};
use web::{Cursors, Routes};

use engine::{DueRow, Engine, NotDone, Said};

pub use error::Error;

/// Every statement of this room, for the test that prepares them all.
pub fn statements() -> Vec<&'static db::Sql> {
    let all = [
        definitions::STATEMENTS,
        skills::STATEMENTS,
        letters::store::STATEMENTS,
        numbers::store::STATEMENTS,
        serving::store::STATEMENTS,
        serving::tools::store::STATEMENTS,
        pages::store::STATEMENTS,
    ];
    [all.concat(), engine::statements()].concat()
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
    /// Where what is due waits.
    pub queue: Queue,
}

/// The room's front door. Cheap to clone; a process makes one and clones it.
#[derive(Debug, Clone)]
pub struct Pipelines(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ground: Ground,
    engine: Engine,
    parsed: definitions::Parsed,
    breakers: serving::tools::Breakers,
    streams: Arc<serving::stream::Seats>,
    replays: letters::replay::Changes,
}

impl Pipelines {
    /// Opens the room, and begins to work on runs.
    pub async fn open(ground: Ground) -> Result<Self, Error> {
        let time = engine::time::begin(&ground.db, &ground.clock).await?;
        let (engine, asks) = Engine::new(time);
        let parsed = definitions::Parsed::default();
        let breakers = serving::tools::Breakers::default();
        let streams = Arc::default();
        let replays = letters::replay::Changes::default();
        let inner = Arc::new(Inner { ground, engine, parsed, breakers, streams, replays });
        engine::begin(asks, Arc::downgrade(&inner));
        let ears = engine::revoked::Ears(inner.ground.queue.clone());
        inner.ground.trust.observed_by(Arc::new(ears));
        let bench = verdicts::Bench(inner.ground.queue.clone());
        inner.ground.hooks.judged_by(Arc::new(bench));
        let it = Self(inner);
        it.give_grace().await?;
        Ok(it)
    }

    /// Answers agents that wait for work with nothing, and ends what is followed: the process is about to end.
    pub async fn drain(&self) {
        self.0.streams.end();
        self.0.engine.drain().await;
    }

    /// The routes of this room.
    pub fn routes(&self, cursors: Cursors) -> (Router, Vec<web::Entry>) {
        let door = Door { pipelines: self.clone(), cursors };
        let routes = Routes::new(door, self.0.ground.trust.clone());
        let routes = skills::api::routes(definitions::api::routes(routes));
        let routes = numbers::routes(letters::api::routes(routes));
        pages::routes(serving::routes(routes)).finish()
    }

    /// Brings the handlers of its jobs to the dispatcher of this process.
    pub fn work(&self, dispatcher: Dispatcher) -> Dispatcher {
        let (room, timer) = (self.clone(), self.clone());
        let (warden, court, again) = (self.clone(), self.clone(), self.clone());
        let dispatcher = dispatcher.on(engine::revoked::REVOKED, move |job| {
            let room = warden.clone();
            async move { room.end_revoked(&job.payload).await }
        });
        let dispatcher = dispatcher.on(verdicts::VERDICT, move |job| {
            let room = court.clone();
            async move { room.judge(&job.payload).await }
        });
        let dispatcher = dispatcher.on(engine::DUE, move |job| {
            let room = room.clone();
            async move { room.fire(&job.payload, job.run_at).await }
        });
        let dispatcher = dispatcher.on(definitions::firing::FIRE, move |job| {
            let room = timer.clone();
            async move { room.fire_schedules(&job.payload).await }
        });
        dispatcher.on(letters::replay::REPLAY, move |job| {
            let room = again.clone();
            async move { room.replay_letters(&job.payload).await }
        })
    }

    /// Something is due. What is refused has been overtaken by something else. What is early, because the clock by which
    /// jobs are due was set forward, comes again.
    async fn fire(&self, row: &DueRow, run_at: UnixMillis) -> Result<Done, Failure> {
        let draw = u32::from_le_bytes(self.0.ground.random.bytes());
        match self.0.engine.happen(row.run, row.event(draw), None, Said::default()).await {
            Ok(told) => {
                let left = row.left(&told.effects, run_at, self.0.engine.now());
                let again = left.map(|left| self.0.ground.clock.now().plus(left));
                Ok(again.map_or_else(Done::default, |at| Done::default().again_at(at)))
            }
            Err(NotDone::Refused(_) | NotDone::NoRun) => Ok(Done::default()),
            Err(other) => Err(other.into()),
        }
    }
}

/// What handlers are given.
#[derive(Debug, Clone)]
struct Door {
    pipelines: Pipelines,
    cursors: Cursors,
}

impl Door {
    fn db(&self) -> &Db {
        &self.pipelines.0.ground.db
    }

    /// Writes down what was done with a publisher's things.
    async fn note(&self, publisher: Id<Principal>, entry: Entry) -> Result<(), Error> {
        let mut tx = self.db().write().await?;
        self.pipelines.0.ground.trust.note(&mut tx, Chain::of(publisher), entry).await?;
        Ok(tx.commit().await?)
    }

    /// A draw for the jitter of a back-off.
    fn draw(&self) -> Draw {
        Draw::from_number(u32::from_le_bytes(self.pipelines.0.ground.random.bytes()))
    }
}

impl AsRef<Trust> for Door {
    fn as_ref(&self) -> &Trust {
        &self.pipelines.0.ground.trust
    }
}
