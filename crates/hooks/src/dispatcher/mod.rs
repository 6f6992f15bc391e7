//! The loop that sends (`spec/webhooks.md` 4, 7).
//!
//! A round looks whether something is due, claims it in a batch, and starts a task for each try; then the loop sleeps
//! until a bell rings, a try ends, or something is due. On SQLite nothing else wakes it, so an idle process makes no
//! query. On PostgreSQL other processes write too: there it looks once a second.
//!
//! | file         | what is there                                                            |
//! |--------------|--------------------------------------------------------------------------|
//! | `mod.rs`     | [`Dispatcher`]: the loop                                                   |
//! | `claims.rs`  | what is due is claimed; what would go to a failing receiver is passed over  |
//! | `attempt.rs` | one try                                                                   |
//! | `record.rs`  | what came of it                                                            |
//! | `store.rs`   | the SQL                                                                    |
//!
//! Invariants: a delivery is held by one claim at a time, and only the claim with the row's fence can end it. Nothing
//! that matters lives in memory: a process that dies leaves leases that end, and what it was sending is sent once more
//! with the same id.

mod attempt;
mod claims;
mod record;
mod store;

use std::{collections::HashMap, time::Duration};

use db::Dialect;
use names::UnixMillis;
use tokio::{
    task::{self, JoinError, JoinSet},
    time::{Instant, sleep, timeout_at},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{Error, Hooks};
use claims::{Claimed, Lease};
pub(crate) use store::STATEMENTS;

/// How late what another process wrote is found.
const POLL: Duration = Duration::from_secs(1);
/// The longest sleep before the clock is read again: clocks jump, and machines sleep.
const LONGEST_NAP: Duration = Duration::from_mins(1);
/// How long running tries get to end when the process stops: as long as the longest usually takes.
const DRAIN: Duration = Duration::from_secs(15);
/// How long to wait after the database failed.
const AFTER_ERROR: Duration = Duration::from_secs(1);
/// How long a delivery rests whose try failed for a reason of our own.
const OWN_FAULT: Duration = Duration::from_secs(5);

/// Sends the deliveries of [`Hooks`]: one in each process that has a worker's role.
#[derive(Debug)]
pub struct Dispatcher {
    hooks: Hooks,
    tasks: JoinSet<()>,
    held: HashMap<task::Id, Lease>,
    drain: Duration,
}

/// How long to sleep when there is nothing to do at once.
#[derive(Debug, Clone, Copy, Default)]
struct Nap {
    /// When something is due, by the clock.
    due: Option<UnixMillis>,
    /// The longest sleep before looking again, whatever the clock says.
    at_most: Option<Duration>,
}

impl Dispatcher {
    pub(crate) fn new(hooks: Hooks) -> Self {
        Self { hooks, tasks: JoinSet::new(), held: HashMap::new(), drain: DRAIN }
    }

    /// The same, with another bound for tries that are under way when the process stops.
    #[must_use]
    pub const fn draining_for(mut self, bound: Duration) -> Self {
        self.drain = bound;
        self
    }

    /// Sends until `stop`; then claims nothing more, lets tries end within a bound, and hands the leases of the rest
    /// back.
    pub async fn run(mut self, stop: CancellationToken) {
        if let Err(error) = self.hooks.take_over().await {
            warn!(%error, "what the last process was sending is due when its leases end");
        }
        while !stop.is_cancelled() {
            let nap = match self.round(&stop).await {
                Ok(nap) => nap,
                Err(error) => {
                    warn!(%error, "deliveries cannot be claimed; trying again shortly");
                    Nap { due: None, at_most: Some(AFTER_ERROR) }
                }
            };
            self.wait(nap, &stop).await;
        }
        info!(deliveries.running = self.held.len(), "letting running deliveries end");
        self.drain().await;
    }

    /// Claims what is due, as far as hands are free, and says how long to sleep.
    async fn round(&mut self, stop: &CancellationToken) -> Result<Nap, Error> {
        loop {
            self.look_around();
            let now = self.hooks.0.clock.now();
            let mut tx = self.hooks.0.db.glance().await?;
            let at_most = (tx.dialect() == Dialect::Postgres).then_some(POLL);
            let next = store::next(&mut tx, now).await?;
            drop(tx);
            let is_due =
                [next.due, next.lease, next.probe].into_iter().flatten().any(|at| at <= now);
            let lease_later = next.lease.filter(|at| *at > now);
            let later = [next.due_later, lease_later, next.probe_later];
            let nap = Nap { due: later.into_iter().flatten().min(), at_most };
            let free = self.hooks.0.settings.at_once.saturating_sub(self.held.len());
            if !is_due || free == 0 || stop.is_cancelled() {
                return Ok(nap);
            }
            let round = self.hooks.claim(now, free).await?;
            if round.claimed.is_empty() && round.moved == 0 {
                return Ok(nap);
            }
            for claimed in round.claimed {
                self.start(claimed);
            }
        }
    }

    fn start(&mut self, claimed: Claimed) {
        let (lease, hooks) = (claimed.lease, self.hooks.clone());
        let task = self.tasks.spawn(async move { hooks.deliver(claimed).await });
        self.held.insert(task.id(), lease);
    }

    /// Sleeps until there may be something to do.
    async fn wait(&mut self, nap: Nap, stop: &CancellationToken) {
        let until = nap.at_most.map(|at_most| Instant::now() + at_most);
        loop {
            let now = self.hooks.0.clock.now();
            let to_due = nap.due.map_or(LONGEST_NAP, |due| due.since(now));
            let to_end = until.map_or(LONGEST_NAP, |until| until.duration_since(Instant::now()));
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Some(ended) = self.tasks.join_next_with_id() => {
                    self.settle(ended);
                    return;
                }
                () = self.hooks.0.bell.notified() => return,
                () = sleep(to_due.min(to_end).min(LONGEST_NAP)) => {
                    let is_due = nap.due.is_some_and(|due| due <= self.hooks.0.clock.now());
                    if is_due || until.is_some_and(|until| until <= Instant::now()) {
                        return;
                    }
                }
            }
        }
    }

    /// Takes note of whatever has ended by now.
    fn look_around(&mut self) {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            self.settle(ended);
        }
    }

    fn settle(&mut self, ended: Result<(task::Id, ()), JoinError>) {
        let id = match &ended {
            Ok((id, ())) => *id,
            Err(cut) => cut.id(),
        };
        let lease = self.held.remove(&id);
        if let (Err(cut), Some(lease)) = (ended, lease)
            && cut.is_panic()
        {
            error!(delivery.id = %lease.id, "a try broke down; its lease will end");
        }
    }

    /// Lets tries end within the bound, then cuts them off and hands their leases back.
    async fn drain(mut self) {
        let deadline = Instant::now() + self.drain;
        while let Ok(Some(ended)) = timeout_at(deadline, self.tasks.join_next_with_id()).await {
            self.settle(ended);
        }
        if self.held.is_empty() {
            return;
        }
        self.tasks.shutdown().await;
        let leases: Vec<_> = self.held.values().copied().collect();
        warn!(
            deliveries.cut_off = leases.len(),
            "deliveries did not end in time; handing their leases back"
        );
        if let Err(error) = self.hooks.hand_back(&leases, Duration::ZERO).await {
            warn!(%error, "leases were not handed back; they will end");
        }
    }
}

impl Hooks {
    /// One try, and what came of it.
    async fn deliver(&self, claimed: Claimed) {
        let (id, webhook) = (claimed.lease.id, claimed.webhook);
        let tried = match self.attempt(&claimed).await {
            Ok(tried) => tried,
            Err(error) => {
                warn!(%error, delivery.id = %id, "nothing was sent; trying again shortly");
                if let Err(error) = self.hand_back(&[claimed.lease], OWN_FAULT).await {
                    warn!(%error, delivery.id = %id, "the lease was not handed back; it will end");
                }
                return;
            }
        };
        tracing::debug!(delivery.id = %id, webhook.id = %webhook, ?tried, "tried");
        match self.record(&claimed, tried).await {
            Ok(()) => {}
            Err(Error::LeaseLost) => {
                warn!(delivery.id = %id, "the lease was lost; nothing of this try stays");
            }
            Err(error) => {
                warn!(%error, delivery.id = %id, "a try was not written down; it is made again");
            }
        }
    }

    /// Hands leases back unused: the deliveries are due after `rest`.
    async fn hand_back(&self, leases: &[Lease], rest: Duration) -> Result<(), Error> {
        let at = self.0.clock.now().plus(rest);
        let mut tx = self.0.db.write().await?;
        store::release(&mut tx, leases, at).await?;
        Ok(tx.commit().await?)
    }

    /// Where only one process can be, what is held was held by one that is dead.
    async fn take_over(&self) -> Result<(), Error> {
        if self.0.db.dialect() == Dialect::Postgres {
            return Ok(());
        }
        let mut tx = self.0.db.write().await?;
        let taken = store::take_over(&mut tx, self.0.clock.now()).await?;
        tx.commit().await?;
        if taken > 0 {
            warn!(
                deliveries = taken,
                "the last process died while it sent these; they are due again"
            );
        }
        Ok(())
    }
}
