//! The engine: one queue in each process through which everything goes that happens to runs (`spec/work.md` 11).
//!
//! Whoever wants something asks and waits. What has come together while a transaction was under way makes the next group:
//! each event is applied to its run in memory, what became ready is granted to callers that wait, one transaction writes
//! it all, and then everybody is answered. Nobody is answered before the commit. An event that is refused writes nothing
//! and harms no other. If the transaction fails, nobody got anything, and what is in memory is read again from the rows.
//!
//! | file or folder | what is there                                                            |
//! |----------------|--------------------------------------------------------------------------|
//! | `mod.rs`       | [`Engine`]: how to ask; what is asked                                     |
//! | `keeper.rs`    | the loop: groups, and callers that wait                                   |
//! | `backlog.rs`   | what waits for its group, and which of it goes first                      |
//! | `hints/`       | what processes tell each other                                            |
//! | `time/`        | the time by which claims live                                             |
//! | `group.rs`     | one group: events are applied, rows are gathered                          |
//! | `written.rs`   | what changed of a run, as rows                                            |
//! | `admission.rs` | requests that were made before are refused; who asks has some left          |
//! | `limits/`      | how much anyone may have over a time, and at once                          |
//! | `revoked/`     | claims end when what they were asked for with is taken away                 |
//! | `starts.rs`    | runs begin; slots of runs                                                 |
//! | `grants.rs`    | tasks are given to agents                                                 |
//! | `granted.rs`   | a claim as its holder is told of it                                       |
//! | `heads/`       | what can be claimed, in memory, and in which order                         |
//! | `run.rs`       | a run in memory                                                           |
//! | `runs/`        | runs that are held in memory, and read                                    |
//! | `timeline.rs`  | an entry of the timeline as a row                                         |
//! | `told/`        | entries that are events of webhooks                                       |
//! | `due.rs`       | what happens by itself: jobs that come back here                          |
//! | `store.rs`     | the SQL of a group                                                        |
//!
//! Invariants: a task has one live claim (the state machine, and an index). What was acknowledged is on disk. Nothing due
//! lives only in memory. While nothing happens, no transaction runs.

mod admission;
mod backlog;
mod due;
mod granted;
mod grants;
mod group;
pub(crate) mod heads;
mod hints;
mod keeper;
mod limits;
pub(crate) mod revoked;
pub(crate) mod run;
pub(crate) mod runs;
mod starts;
mod store;
pub(crate) mod time;
mod timeline;
mod told;
mod written;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use db::Tx;
use names::{Clock, Digest, Handle, Id, Steady, UnixMillis};
use pipelines_core::{
    definition::Budgets,
    machine::{ClaimPhase, Effect, Event, Refusal, RunPhase, TaskPhase},
    name::{Address, AgentId, ClaimId, OwnerId, PipelineId, RunId},
};
use serde_json::Value;
use tokio::{
    sync::{broadcast, mpsc, oneshot},
    time::{Instant, timeout_at},
};
use trust::{PipelineReach, Principal, Stamp};
use uuid::Uuid;

use crate::{Error, Inner};

pub(crate) use due::{DUE, DueRow};
pub(crate) use granted::{Granted, budgets, granted, millis, source, spent, whole_schema};
pub(crate) use grants::{BondState, VOUCHED, earned};
pub(crate) use limits::Quota;
pub(crate) use starts::Started;
pub(crate) use written::pointer_text;

/// Every statement of the engine.
pub(crate) fn statements() -> Vec<&'static db::Sql> {
    let own = [store::STATEMENTS, hints::STATEMENTS, time::STATEMENTS, limits::store::STATEMENTS];
    let others = [runs::store::STATEMENTS, heads::STATEMENTS, grants::STATEMENTS];
    let more = [revoked::store::STATEMENTS, told::store::STATEMENTS];
    [own.concat(), others.concat(), more.concat()].concat()
}

/// Asks that wait for their group; more wait for a place. At half a kilobyte each, some two megabytes.
const QUEUE: usize = 4_096;
/// So many places of the queue are left free by starts, and by callers that ask for work: a full queue sheds the one
/// first, the other next, and never what hands work in (`spec/work.md` 11, Load).
const LEFT_BY_STARTS: usize = QUEUE / 4;
const LEFT_BY_CLAIMS: usize = QUEUE / 8;
/// Changes that are kept for who listens and is slow; who misses some looks again.
const CHANGES: usize = 1_024;

/// What a caller is told of an event.
#[derive(Debug)]
pub(crate) struct Told {
    /// What came of it.
    pub(crate) effects: Vec<Effect>,
    /// Where the run is now.
    pub(crate) run: RunPhase,
    /// The claim that it was about, if it was about one.
    pub(crate) claim: Option<ClaimTold>,
}

/// Where a claim is, and its task.
#[derive(Debug, Clone)]
pub(crate) struct ClaimTold {
    pub(crate) phase: ClaimPhase,
    pub(crate) ends_at: UnixMillis,
    pub(crate) task: TaskPhase,
    /// By the clock of the engine.
    pub(crate) remaining: Duration,
}

/// Why nothing came of what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotDone {
    /// The state machine refused it.
    #[error("{0}")]
    Refused(Refusal),
    /// There is no such run.
    #[error("there is no such run")]
    NoRun,
    /// There is a run of that name with another input.
    #[error("a run with this external_id has another input")]
    ExternalIdTaken,
    /// As many runs live as may.
    #[error("as many runs live as the pipeline lets live at once")]
    ConcurrencyFull,
    /// As much was had as there is.
    #[error(transparent)]
    Quota(Quota),
    /// The engine could not do it.
    #[error(transparent)]
    Failed(Box<Error>),
}

impl From<Error> for NotDone {
    fn from(error: Error) -> Self {
        Self::Failed(Box::new(error))
    }
}

impl From<db::Error> for NotDone {
    fn from(error: db::Error) -> Self {
        Error::from(error).into()
    }
}

/// Who did it, for the timeline.
pub(crate) type Actor = Option<Id<Principal>>;

/// Who did it, and what its request leaves in the transaction.
#[derive(Debug, Clone, Default)]
pub(crate) struct Doer {
    id: Actor,
    stamp: Option<Stamp>,
    /// What its requests have in common.
    credential: Option<Uuid>,
}

impl From<&trust::Actor> for Doer {
    fn from(actor: &trust::Actor) -> Self {
        let id = actor.principal().map(|it| it.id);
        Self { id, stamp: actor.stamp(), credential: actor.credential_id() }
    }
}

/// Nobody whose request has anything to leave: what happens by itself, and what follows in a request that left it.
impl From<Actor> for Doer {
    fn from(id: Actor) -> Self {
        Self { id, ..Self::default() }
    }
}

/// A run that is to begin.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    pub(crate) publisher: Id<Principal>,
    pub(crate) handle: Handle,
    pub(crate) pipeline: PipelineId,
    pub(crate) input: Value,
    pub(crate) priority: Option<u8>,
    pub(crate) external_id: Option<String>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) budgets: Budgets,
    pub(crate) by: Actor,
    /// What the request leaves in the transaction.
    pub(crate) stamp: Option<Stamp>,
    /// A person may not decide about what it started itself.
    pub(crate) starter: Actor,
    pub(crate) replay_of: Option<Uuid>,
    pub(crate) copies: BTreeMap<Address, Value>,
    pub(crate) definition: std::sync::Arc<pipelines_core::definition::Definition>,
    pub(crate) pinned_version: u32,
    pub(crate) sha256: Digest,
}

/// An agent that asks for work.
#[derive(Debug, Clone)]
pub(crate) struct Asking {
    pub(crate) agent: AgentId,
    pub(crate) owner: OwnerId,
    pub(crate) token: Option<Uuid>,
    pub(crate) labels: BTreeSet<String>,
    pub(crate) reach: PipelineReach,
    /// If there are any, the only publishers that are asked for.
    pub(crate) publishers: Vec<Handle>,
    /// If there are any, the only pipelines.
    pub(crate) pipelines: Vec<PipelineId>,
    pub(crate) run: Option<RunId>,
    pub(crate) most: usize,
    /// Claims that may live at once with the credential.
    pub(crate) live_claims: usize,
    /// What the request leaves in the transaction.
    pub(crate) stamp: Option<Stamp>,
    /// Whether it waits if there is nothing.
    pub(crate) waits: bool,
}

impl Asking {
    /// What its requests have in common: the token, or else the agent.
    pub(crate) fn credential(&self) -> Uuid {
        self.token.unwrap_or_else(|| self.agent.uuid())
    }
}

type Answer<T> = oneshot::Sender<Result<T, NotDone>>;

/// What is asked of the engine.
#[derive(Debug)]
enum Ask {
    Start(Box<Start>, UnixMillis, Answer<Started>),
    Event(Box<Happening>, Answer<Told>),
    Next(Box<Asking>, Answer<Vec<Granted>>),
    Look(AgentId, Vec<(RunId, ClaimId)>, Answer<Vec<Granted>>),
    /// Callers that wait are answered with nothing, and none waits any more.
    Drain,
}

/// Something that happens to a run.
#[derive(Debug)]
struct Happening {
    run: RunId,
    event: Event,
    at: UnixMillis,
    by: Doer,
    said: Said,
}

/// What goes with an event into the rows that it writes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said {
    /// The claim that the event is about.
    pub(crate) claim: Option<ClaimId>,
    /// What the agent says beside: notes of a result, the reason of a release.
    pub(crate) note: Option<String>,
    /// What a person decides.
    pub(crate) vote: Option<Vote>,
    /// The only output of which it is said: that after so many reopenings.
    pub(crate) composition: Option<u32>,
}

/// The word of a person where one is asked.
#[derive(Debug, Clone)]
pub(crate) struct Vote {
    pub(crate) address: Address,
    pub(crate) generation: u32,
    pub(crate) person: Id<Principal>,
    /// `approve` or `reject`.
    pub(crate) decision: &'static str,
    pub(crate) comment: String,
}

/// How to ask the engine. Cheap to use from anywhere.
#[derive(Debug)]
pub(crate) struct Engine {
    asks: mpsc::Sender<Ask>,
    /// Replaced where it is the database's, from time to time.
    time: Mutex<Steady>,
    /// The latest time that anybody was given: it never goes back.
    latest: AtomicI64,
    /// Runs that have changed, told after the commit.
    changes: broadcast::Sender<RunId>,
}

impl Engine {
    /// How to ask, and what is asked.
    pub(crate) fn new(time: Steady) -> (Self, Asks) {
        let (asks, asked) = mpsc::channel(QUEUE);
        let (changes, _) = broadcast::channel(CHANGES);
        let time = Mutex::new(time);
        (Self { asks, time, latest: AtomicI64::new(i64::MIN), changes }, Asks(asked))
    }

    /// Hears of every run that this process changes from now on.
    pub(crate) fn listen(&self) -> broadcast::Receiver<RunId> {
        self.changes.subscribe()
    }

    /// The time by which claims live.
    pub(crate) fn now(&self) -> UnixMillis {
        let now = self.time().now().0;
        UnixMillis(self.latest.fetch_max(now, Ordering::Relaxed).max(now))
    }

    fn time(&self) -> MutexGuard<'_, Steady> {
        self.time.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes by the database's clock, where there may be other processes.
    async fn keep_time(&self, tx: &mut Tx, clock: &Clock) -> Result<(), Error> {
        let age = self.time().age();
        if let Some(time) = time::synced(tx, clock, age).await? {
            *self.time() = time;
        }
        Ok(())
    }

    async fn ask<T>(
        &self,
        ask: Ask,
        answer: oneshot::Receiver<Result<T, NotDone>>,
    ) -> Result<T, NotDone> {
        let ended = || NotDone::Failed(Box::new(Error::GivenUp));
        self.asks.send(ask).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }

    /// Refuses what would take one of the last places of the queue.
    fn leave(&self, places: usize) -> Result<(), NotDone> {
        let has_room = self.asks.is_closed() || self.asks.capacity() > places;
        if has_room { Ok(()) } else { Err(NotDone::Failed(Box::new(Error::Busy))) }
    }

    /// Begins a run.
    pub(crate) async fn start(&self, start: Start) -> Result<Started, NotDone> {
        self.leave(LEFT_BY_STARTS)?;
        let (answer, told) = oneshot::channel();
        self.ask(Ask::Start(Box::new(start), self.now(), answer), told).await
    }

    /// Something happens to a run.
    pub(crate) async fn happen(
        &self,
        run: RunId,
        event: impl Into<Event> + Send,
        by: impl Into<Doer> + Send,
        said: Said,
    ) -> Result<Told, NotDone> {
        let (answer, told) = oneshot::channel();
        let (event, at, by) = (event.into(), self.now(), by.into());
        let happening = Happening { run, event, at, by, said };
        self.ask(Ask::Event(Box::new(happening), answer), told).await
    }

    /// Claims for an agent: what is there at once, or what comes within `wait`.
    pub(crate) async fn next(
        &self,
        asking: Asking,
        wait: Duration,
    ) -> Result<Vec<Granted>, NotDone> {
        self.leave(LEFT_BY_CLAIMS)?;
        let asking = Asking { waits: !wait.is_zero(), ..asking };
        let (answer, mut told) = oneshot::channel();
        let until = Instant::now() + wait;
        let ended = || NotDone::Failed(Box::new(Error::GivenUp));
        self.asks.send(Ask::Next(Box::new(asking), answer)).await.map_err(|_| ended())?;
        // Who does not want to wait is answered by the group that takes the ask.
        if wait.is_zero() {
            return told.await.map_err(|_| ended())?;
        }
        if let Ok(answer) = timeout_at(until, &mut told).await {
            return answer.map_err(|_| ended())?;
        }
        // What was sent before this moment is here; nothing is sent after it.
        told.close();
        told.try_recv().unwrap_or_else(|_| Ok(Vec::new()))
    }

    /// Claims that an agent holds, as it was told of them.
    pub(crate) async fn look(
        &self,
        agent: AgentId,
        claims: Vec<(RunId, ClaimId)>,
    ) -> Result<Vec<Granted>, NotDone> {
        let (answer, told) = oneshot::channel();
        self.ask(Ask::Look(agent, claims, answer), told).await
    }

    /// Answers those that wait with nothing: the process is about to end.
    pub(crate) async fn drain(&self) {
        // An engine that has ended has nobody waiting.
        let _sent = self.asks.send(Ask::Drain).await;
    }
}

/// What is asked, for the loop.
#[derive(Debug)]
pub(crate) struct Asks(mpsc::Receiver<Ask>);

/// Works until nobody can ask any more.
pub(crate) fn begin(asks: Asks, room: Weak<Inner>) {
    tokio::spawn(keeper::Keeper::new(room).run(asks.0));
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use pipelines_core::machine::What;

    use super::*;

    /// A full queue sheds starts first, then whoever asks for work, and never what hands work in.
    #[tokio::test]
    async fn a_full_queue_sheds_what_begins_before_what_ends() {
        let clock = Clock::stopped_at(UnixMillis(0));
        let (engine, _asked) = Engine::new(clock.steady(clock.now()));
        let is_shed = |it: Result<(), NotDone>| matches!(it, Err(NotDone::Failed(error)) if matches!(*error, Error::Busy));
        let shed = || [LEFT_BY_STARTS, LEFT_BY_CLAIMS].map(|it| is_shed(engine.leave(it)));
        let fill = |places: usize| {
            while engine.asks.capacity() > places {
                engine.asks.try_send(Ask::Drain).unwrap();
            }
        };
        assert_eq!(shed(), [false, false]);
        fill(LEFT_BY_STARTS);
        assert_eq!(shed(), [true, false]);
        fill(LEFT_BY_CLAIMS);
        assert_eq!(shed(), [true, true]);
        // What is handed in takes the last places, and waits for one where there is none.
        let run = Id::from_uuid(Uuid::nil());
        let handing = || engine.happen(run, What::Cancel, None, Said::default());
        assert!(handing().now_or_never().is_none());
        assert_eq!(engine.asks.capacity(), LEFT_BY_CLAIMS - 1);
        fill(0);
        assert!(handing().now_or_never().is_none());
    }
}
