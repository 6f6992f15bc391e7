//! The jobs that run now, and their leases.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{
    task::{self, AbortHandle, JoinError, JoinSet},
    time::{Instant, sleep_until, timeout, timeout_at},
};
use tracing::{error, warn};

use super::{Limits, attempt::attempt};
use crate::{Error, Lease, Queue, handler::Handler, queue::TurnOver};

/// Beats in the length of a lease: two may fail before it ends.
const BEATS_PER_LEASE: u32 = 3;
/// How long a job that is cut off gets to let go: it is a matter of its next await.
const LET_GO: Duration = Duration::from_secs(1);

/// What happened to the running jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// One has ended, whichever way.
    Ended,
    /// It is time for [`Crew::beat`].
    BeatDue,
}

struct Held {
    lease: Lease,
    abort: AbortHandle,
}

pub(super) struct Crew {
    queue: Queue,
    handlers: HashMap<&'static str, Handler>,
    limits: Limits,
    tasks: JoinSet<Option<Lease>>,
    held: HashMap<task::Id, Held>,
    /// Jobs that are done and left nothing to write: they are ended with the next claim. No more than there are hands,
    /// because nothing is claimed while they cannot be ended.
    done: Vec<Lease>,
    next_beat: Instant,
}

impl Crew {
    pub(super) fn new(
        queue: Queue,
        handlers: HashMap<&'static str, Handler>,
        limits: Limits,
    ) -> Self {
        let (tasks, held, done) = (JoinSet::new(), HashMap::new(), Vec::new());
        Self { queue, handlers, limits, tasks, held, done, next_beat: Instant::now() }
    }

    pub(super) fn running(&self) -> usize {
        self.held.len()
    }

    fn free(&self) -> usize {
        self.limits.at_once.saturating_sub(self.held.len())
    }

    pub(super) fn is_full(&self) -> bool {
        self.free() == 0
    }

    /// Whether jobs wait to be ended.
    pub(super) const fn has_done(&self) -> bool {
        !self.done.is_empty()
    }

    /// Ends what is done, claims a job for each free hand and starts it; gives how many were started.
    pub(super) async fn turn_over(&mut self) -> Result<usize, Error> {
        self.look_around();
        let free = self.free();
        if self.done.is_empty() && (free == 0 || self.handlers.is_empty()) {
            return Ok(0);
        }
        let kinds: Vec<_> = self.handlers.keys().copied().collect();
        let TurnOver { claimed, lost } = self.queue.turn_over(&self.done, &kinds, free).await?;
        self.done.clear();
        tell_of_lost(&lost);
        if self.held.is_empty() {
            self.next_beat = Instant::now() + self.beat_length();
        }
        let started = claimed.len();
        for job in claimed {
            // Only kinds with a handler were asked for.
            let Some(handler) = self.handlers.get(job.kind.as_str()) else { continue };
            let lease = job.lease;
            // Ours, and its lease ended, as when the clock jumps: the older run can end nothing any more.
            self.held
                .values()
                .filter(|held| held.lease.id == lease.id)
                .for_each(|held| held.abort.abort());
            let run = attempt(self.queue.clone(), Arc::clone(handler), job, self.limits.longest);
            let abort = self.tasks.spawn(run);
            self.held.insert(abort.id(), Held { lease, abort });
        }
        Ok(started)
    }

    fn beat_length(&self) -> Duration {
        self.queue.lease / BEATS_PER_LEASE
    }

    /// Waits until a job has ended or leases want to be extended, whichever comes first; never ends while nothing runs.
    /// Nothing is lost if it is dropped.
    pub(super) async fn change(&mut self) -> Change {
        if self.tasks.is_empty() {
            std::future::pending::<()>().await;
        }
        tokio::select! {
            ended = self.tasks.join_next_with_id() => {
                if let Some(ended) = ended {
                    self.settle(ended);
                }
                Change::Ended
            }
            () = sleep_until(self.next_beat) => Change::BeatDue,
        }
    }

    /// Extends all leases, and cuts off jobs whose lease is lost.
    pub(super) async fn beat(&mut self) {
        self.next_beat = Instant::now() + self.beat_length();
        let held = self.held.values().map(|held| held.lease);
        let leases: Vec<_> = held.chain(self.done.iter().copied()).collect();
        match self.queue.heartbeat(&leases).await {
            Ok(kept) => {
                for held in self.held.values().filter(|held| !kept.contains(&held.lease)) {
                    // One that just ended is no longer there either.
                    if !held.abort.is_finished() {
                        warn!(job.id = %held.lease.id, "the lease on a job is lost; cutting it off");
                        held.abort.abort();
                    }
                }
            }
            Err(error) => warn!(%error, "leases were not extended; trying again at the next beat"),
        }
    }

    /// Waits, for `linger` at most, until half of all hands are free, and takes note of whoever else has ended.
    pub(super) async fn gather(&mut self, linger: Duration) {
        let wanted = self.limits.at_once.div_ceil(2);
        let deadline = Instant::now() + linger;
        while self.free() < wanted {
            match timeout_at(deadline, self.tasks.join_next_with_id()).await {
                Ok(Some(ended)) => {
                    self.settle(ended);
                }
                Ok(None) | Err(_) => break,
            }
        }
        self.look_around();
    }

    /// Takes note of whoever has ended by now.
    fn look_around(&mut self) {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            self.settle(ended);
        }
    }

    /// Forgets a task that ended, but not what is still to be ended of it; gives the lease of one that was cut off.
    fn settle(&mut self, ended: Result<(task::Id, Option<Lease>), JoinError>) -> Option<Lease> {
        match ended {
            Ok((id, done)) => {
                self.held.remove(&id);
                self.done.extend(done);
                None
            }
            Err(cut) => {
                let held = self.held.remove(&cut.id())?;
                if cut.is_panic() {
                    error!(job.id = %held.lease.id, "a job could not be ended; its lease will end");
                    return None;
                }
                Some(held.lease)
            }
        }
    }

    /// Ends what is done, and claims nothing.
    async fn end_done(&mut self) {
        self.look_around();
        if self.done.is_empty() {
            return;
        }
        match self.queue.turn_over(&self.done, &[], 0).await {
            Ok(TurnOver { lost, .. }) => {
                self.done.clear();
                tell_of_lost(&lost);
            }
            Err(error) => warn!(
                %error,
                jobs.done = self.done.len(),
                "jobs that are done were not taken away; unless they are, they are done again"
            ),
        }
    }

    /// Lets jobs finish within `bound`, then cuts them off and hands their leases back.
    pub(super) async fn drain(mut self, bound: Duration) {
        let deadline = Instant::now() + bound;
        self.end_done().await;
        while !self.tasks.is_empty() {
            tokio::select! {
                change = self.change() => match change {
                    Change::BeatDue => self.beat().await,
                    Change::Ended => self.end_done().await,
                },
                () = sleep_until(deadline) => break,
            }
        }
        if self.tasks.is_empty() {
            return;
        }
        self.tasks.abort_all();
        let mut cut_off = Vec::new();
        let let_go = timeout(LET_GO, async {
            while let Some(ended) = self.tasks.join_next_with_id().await {
                cut_off.extend(self.settle(ended));
            }
        });
        if let_go.await.is_err() {
            // Their fence is too old for whatever they still try to end.
            cut_off.extend(self.held.values().map(|held| held.lease));
        }
        self.end_done().await;
        warn!(
            jobs.cut_off = cut_off.len(),
            "jobs did not finish in time; handing their leases back"
        );
        let handed_back = self.queue.release(&cut_off).await;
        if let Err(error) = handed_back.and(self.queue.tell().await.map_err(Error::from)) {
            warn!(%error, "leases were not handed back, or nobody was told; they will end");
        }
    }
}

fn tell_of_lost(lost: &[Lease]) {
    for lease in lost {
        warn!(job.id = %lease.id, "a job was done, and its lease was lost: it may be done twice");
    }
}
