//! The one loop of a process that does the work.
//!
//! A round: end what is done and claim jobs for free hands, fire schedules, hand the outbox over; then look when
//! something is due next and sleep until then, until a bell, until a hand is free, or until told to stop. On SQLite
//! nothing else wakes it, so an idle process begins no transaction. On PostgreSQL other processes push too: a
//! notification wakes it, and a slow poll finds what a lost notification left.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use db::Dialect;
use names::{Secret, UnixMillis};
use serde::de::DeserializeOwned;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    Done, Error, Failure, Job, Kind, NewJob, Posted, Queue,
    handler::{self, Consumer, Handler},
};

mod attempt;
mod crew;
mod store;

use crew::{Change, Crew};
pub(crate) use store::STATEMENTS;

/// Jobs that run at once: they mostly wait for others, and all of them share one writer.
const AT_ONCE: usize = 16;
/// How long one try may take: longer work is cut into jobs.
const LONGEST: Duration = Duration::from_hours(1);
/// How long running jobs get to finish once the dispatcher is told to stop.
const DRAIN: Duration = Duration::from_secs(20);
/// On PostgreSQL: how late work of another process is found if its notification got lost.
pub(crate) const POLL: Duration = Duration::from_secs(5);
/// The longest sleep before the clock is read again: clocks jump, and machines sleep.
const LONGEST_NAP: Duration = Duration::from_mins(1);
/// How long to wait for more hands to come free before one is filled: claims in batches cost one commit.
const LINGER: Duration = Duration::from_millis(5);
/// How long to wait when another process holds what is due.
const CONTENDED: Duration = Duration::from_millis(50);
/// How long to wait after the database failed.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// The bounds of a dispatcher.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Jobs that run at once.
    pub at_once: usize,
    /// How long one try may take.
    pub longest: Duration,
    /// How long running jobs get to finish after the stop.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { at_once: AT_ONCE, longest: LONGEST, drain: DRAIN }
    }
}

/// Does the work of a [`Queue`]: one in each process that has a worker's role.
pub struct Dispatcher {
    queue: Queue,
    limits: Limits,
    fires: bool,
    listen_at: Option<Secret<String>>,
    handlers: HashMap<&'static str, Handler>,
    consumers: HashMap<&'static str, Consumer>,
}

impl std::fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dispatcher")
            .field("handlers", &self.handlers.keys())
            .finish_non_exhaustive()
    }
}

impl Dispatcher {
    /// A dispatcher that knows no kind of work yet.
    pub fn new(queue: Queue) -> Self {
        Self {
            queue,
            limits: Limits::default(),
            fires: true,
            listen_at: None,
            handlers: HashMap::new(),
            consumers: HashMap::new(),
        }
    }

    /// The same with other bounds.
    #[must_use]
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Leaves schedules alone: what they would start is started by others, or by nobody.
    #[must_use]
    pub const fn without_schedules(mut self) -> Self {
        self.fires = false;
        self
    }

    /// Listens for notifications of other processes at this PostgreSQL address.
    #[must_use]
    pub fn listening_at(mut self, url: Secret<String>) -> Self {
        self.listen_at = Some(url);
        self
    }

    /// Does jobs of `kind` with `handler`. It may be asked twice for the same job, and is cut off at any await when its
    /// lease is lost or the process stops: what must happen once goes into the transaction that it gives back.
    ///
    /// # Panics
    /// If the kind has a handler already.
    #[must_use]
    pub fn on<P, Run, Ends, D>(mut self, kind: Kind<P>, handler: Run) -> Self
    where
        P: DeserializeOwned,
        Run: Fn(Job<P>) -> Ends + Send + Sync + 'static,
        Ends: Future<Output = Result<D, Failure>> + Send + 'static,
        D: Into<Done>,
    {
        let before = self.handlers.insert(kind.name(), handler::handler(kind, handler));
        assert!(before.is_none(), "{kind:?} has two handlers");
        self
    }

    /// Asks `consumer` which jobs a posted fact of `kind` becomes. It may be asked twice; its jobs are pushed once.
    ///
    /// # Panics
    /// If the kind has a consumer already.
    #[must_use]
    pub fn consume<P, Run, Ends>(mut self, kind: Kind<P>, consumer: Run) -> Self
    where
        P: DeserializeOwned,
        Run: Fn(Posted<P>) -> Ends + Send + Sync + 'static,
        Ends: Future<Output = Result<Vec<NewJob>, Failure>> + Send + 'static,
    {
        let before = self.consumers.insert(kind.name(), handler::consumer(kind, consumer));
        assert!(before.is_none(), "{kind:?} has two consumers");
        self
    }

    /// Works until `stop`; then claims nothing more, lets running jobs finish within a bound, and hands the leases of
    /// the rest back.
    pub async fn run(self, stop: CancellationToken) {
        let over = CancellationToken::new();
        // Dropped with this future: a dispatcher that is cut off leaves nobody behind.
        let mut messengers = self.messengers(&over);
        let limits = self.limits;
        let crew = Crew::new(self.queue.clone(), self.handlers.clone(), limits);
        let mut work = Work { house: self, crew, strangers: HashSet::new(), poll: None };
        let mut is_rung = true;
        while !stop.is_cancelled() {
            let nap = match work.round(is_rung, &stop).await {
                Ok(nap) => nap,
                Err(error) => {
                    warn!(%error, "the queue cannot be worked on; trying again shortly");
                    Nap::short(AFTER_ERROR)
                }
            };
            is_rung = work.wait(nap, &stop).await || (is_rung && nap.is_after_error());
            work.house.queue.ropes.wake_up();
        }
        info!(jobs.running = work.crew.running(), "letting running jobs finish");
        work.crew.drain(limits.drain).await;
        over.cancel();
        // They end with the token; a bound all the same.
        let _ended =
            timeout(AFTER_ERROR, async { while messengers.join_next().await.is_some() {} }).await;
    }

    /// What speaks with other processes.
    fn messengers(&self, over: &CancellationToken) -> JoinSet<()> {
        let mut messengers = JoinSet::new();
        let (queue, stop) = (self.queue.clone(), over.clone());
        messengers.spawn(async move { queue.tell_others(stop).await });
        if let Some(url) = self.listen_at.clone() {
            let (queue, stop) = (self.queue.clone(), over.clone());
            messengers.spawn(async move { queue.listen(url, stop).await });
        }
        messengers
    }
}

/// How long to sleep when there is nothing to do at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Nap {
    /// When something is due, by the clock.
    due: Option<UnixMillis>,
    /// The longest sleep before looking again, whatever the clock says.
    at_most: Option<Duration>,
    /// Whether jobs are due and only hands are wanting.
    wants_hands: bool,
}

impl Nap {
    const fn short(at_most: Duration) -> Self {
        Self { due: None, at_most: Some(at_most), wants_hands: false }
    }

    fn is_after_error(self) -> bool {
        self == Self::short(AFTER_ERROR)
    }
}

struct Work {
    house: Dispatcher,
    crew: Crew,
    /// Kinds that nobody here knows, and that were told of.
    strangers: HashSet<String>,
    /// How often to look without being woken.
    poll: Option<Duration>,
}

impl Work {
    /// Does what is due, as far as hands are free, and says how long to sleep.
    async fn round(&mut self, is_rung: bool, stop: &CancellationToken) -> Result<Nap, Error> {
        // A claim queues up behind whoever is writing, so it also sees work whose bell rang before its commit.
        let is_turn = is_rung || self.crew.has_done();
        let mut moved = if is_turn { self.crew.turn_over().await? } else { 0 };
        let kinds: Vec<_> = self.house.handlers.keys().copied().collect();
        let facts: Vec<_> = self.house.consumers.keys().copied().collect();
        let queue = &self.house.queue;
        let mut tx = queue.db.glance().await?;
        self.poll = (tx.dialect() == Dialect::Postgres).then_some(POLL);
        let mut next = store::next(&mut tx, &kinds, &facts).await?;
        drop(tx);
        next.schedule = next.schedule.filter(|_| self.house.fires);
        if stop.is_cancelled() {
            return Ok(Nap::default());
        }
        let now = queue.clock.now();
        let is_due = |at: Option<UnixMillis>| at.is_some_and(|at| at <= now);
        if is_due(next.schedule) {
            moved += queue.fire().await?;
        }
        if is_due(next.post) {
            let consumers = &self.house.consumers;
            moved += queue.hand_over(&facts, |kind| consumers.get(kind)).await?;
        }
        if is_due(next.job) && !self.crew.is_full() {
            moved += self.crew.turn_over().await?;
        }
        let is_other_due = is_due(next.schedule) || is_due(next.post);
        if is_due(next.job) && self.crew.is_full() && !is_other_due {
            let due = next.schedule.into_iter().chain(next.post).min();
            return Ok(Nap { due, at_most: self.poll, wants_hands: true });
        }
        if moved > 0 {
            return Ok(Nap::short(Duration::ZERO));
        }
        if is_due(next.job) || is_other_due {
            return Ok(Nap::short(CONTENDED));
        }
        self.tell_of_strangers(&kinds, &facts, now).await?;
        let due = [next.job, next.post, next.schedule].into_iter().flatten().min();
        Ok(Nap { due, at_most: self.poll, wants_hands: false })
    }

    /// Logs, once each, the kinds of due rows that nobody here knows: a newer process may, so they stay.
    async fn tell_of_strangers(
        &mut self,
        kinds: &[&str],
        facts: &[&str],
        now: UnixMillis,
    ) -> Result<(), Error> {
        let mut tx = self.house.queue.db.glance().await?;
        let found = store::strangers(&mut tx, kinds, facts, now).await?;
        drop(tx);
        for kind in found {
            if self.strangers.insert(kind.clone()) {
                warn!(
                    job.kind = kind,
                    "nobody here knows this kind of work; it stays in the queue"
                );
            }
        }
        Ok(())
    }

    /// Sleeps until there may be something to do. Says whether a bell rang.
    async fn wait(&mut self, nap: Nap, stop: &CancellationToken) -> bool {
        let until = nap.at_most.map(|at_most| Instant::now() + at_most);
        let now = self.house.queue.clock.now();
        let looks_again = nap.at_most.map(|at_most| now.plus(at_most));
        let sleeps_until = nap.due.into_iter().chain(looks_again).min();
        self.house.queue.ropes.fall_asleep(sleeps_until.unwrap_or(UnixMillis(i64::MAX)));
        loop {
            let nap_length = self.nap_length(nap, until);
            tokio::select! {
                biased;
                () = stop.cancelled() => return false,
                change = self.crew.change() => match change {
                    Change::BeatDue => self.crew.beat().await,
                    Change::Ended => {
                        if nap.wants_hands {
                            self.crew.gather(LINGER).await;
                        }
                        return false;
                    }
                },
                () = self.house.queue.ropes.here.notified() => return true,
                () = sleep(nap_length) => {
                    let is_due = nap.due.is_some_and(|due| due <= self.house.queue.clock.now());
                    if is_due || until.is_some_and(|until| until <= Instant::now()) {
                        return false;
                    }
                }
            }
        }
    }

    fn nap_length(&self, nap: Nap, until: Option<Instant>) -> Duration {
        let now = self.house.queue.clock.now();
        let to_due = nap.due.map_or(LONGEST_NAP, |due| {
            Duration::from_millis(u64::try_from(due.0.saturating_sub(now.0)).unwrap_or_default())
        });
        let to_end = until.map_or(LONGEST_NAP, |until| until.duration_since(Instant::now()));
        to_due.min(to_end).min(LONGEST_NAP)
    }
}
