//! The door for those who push work and those who do it.
//!
//! Claims, heartbeats and ends are short and come often, so they share commits ([`Db::write_shared`]); on PostgreSQL a
//! row of `jobs` that one of them changed stays locked until that commit, which is why each is a statement or two and
//! none waits for anything else.

use std::{collections::HashSet, time::Duration};

use db::{Db, Tx};
use names::{Clock, Random, UnixMillis};

use crate::{
    Bell, Claimed, Error, Failure, JobId, Lease, NewJob, State, backoff, bell::Ropes,
    handler::Verdict, job::checked_key,
};

pub(crate) mod store;

pub(crate) use store::STATEMENTS;

/// How long a claim holds without a heartbeat: what a process that died was doing rests that long.
pub const LEASE: Duration = Duration::from_mins(1);
/// Jobs in one push: what one caller may add to a shared commit.
pub const PUSH_ROWS: usize = 2_000;
/// Jobs in one claim: what one process holds in memory.
const CLAIM_ROWS: usize = 256;

/// What becomes of a job whose try failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is tried again at this moment.
    Again(UnixMillis),
    /// It waits for a person.
    Dead,
}

/// What a dispatcher has after it handed in what is done and took what is due.
#[derive(Debug)]
pub(crate) struct TurnOver {
    /// Taken.
    pub(crate) claimed: Vec<Claimed>,
    /// Handed in, though another claim may hold them.
    pub(crate) lost: Vec<Lease>,
}

/// The durable queue. Cheap to clone; clones share their bells, so a process makes one and clones it.
#[derive(Debug, Clone)]
pub struct Queue {
    pub(crate) db: Db,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) ropes: Ropes,
    pub(crate) lease: Duration,
}

impl Queue {
    /// The queue in `db`.
    pub fn new(db: Db, clock: Clock, random: Random) -> Self {
        let ropes = Ropes::new(&random);
        Self { db, clock, random, ropes, lease: LEASE }
    }

    /// The same queue with another length of its leases than [`LEASE`].
    #[must_use]
    pub const fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Adds `job` to the caller's transaction. Ring the [`Bell`] once that is committed.
    pub async fn push(&self, tx: &mut Tx, job: NewJob) -> Result<Bell, Error> {
        self.push_all(tx, vec![job]).await
    }

    /// Adds up to [`PUSH_ROWS`] jobs with one statement.
    pub async fn push_all(&self, tx: &mut Tx, jobs: Vec<NewJob>) -> Result<Bell, Error> {
        if jobs.len() > PUSH_ROWS {
            return Err(Error::TooManyJobs(jobs.len()));
        }
        for key in jobs.iter().filter_map(|job| job.unique_key.as_deref()) {
            checked_key(key)?;
        }
        if jobs.is_empty() {
            return Ok(self.ropes.bell(0));
        }
        let now = self.clock.now();
        let due = jobs.iter().map(|job| job.run_at.unwrap_or(now)).min().unwrap_or(now);
        let with_ids = jobs.into_iter().map(|job| (JobId::new(now, &self.random), job));
        let added = store::add(tx, with_ids, now).await?;
        Ok(self.ropes.bell_for(added, due, now))
    }

    /// Removes jobs with these unique keys in the caller's transaction, as far as they wait: one that runs goes on.
    pub async fn withdraw(&self, tx: &mut Tx, keys: &[String]) -> Result<(), Error> {
        if keys.is_empty() { Ok(()) } else { Ok(store::withdraw(tx, keys).await?) }
    }

    /// Wakes the dispatcher, as after the clock was set.
    pub fn wake(&self) {
        self.ropes.bell(1).ring();
    }

    /// Claims up to `limit` due jobs of `kinds`, by priority and then by age: until their lease ends they are nobody
    /// else's. A job whose last try ended with its lease becomes dead instead.
    pub async fn claim(&self, kinds: &[&str], limit: usize) -> Result<Vec<Claimed>, Error> {
        Ok(self.turn_over(&[], kinds, limit).await?.claimed)
    }

    /// Ends jobs that leave nothing to write, and claims others, in one transaction.
    pub(crate) async fn turn_over(
        &self,
        done: &[Lease],
        kinds: &[&str],
        limit: usize,
    ) -> Result<TurnOver, Error> {
        let now = self.clock.now();
        let limit = limit.min(CLAIM_ROWS);
        let mut tx = self.db.write_shared().await?;
        let ended = if done.is_empty() { Vec::new() } else { store::end(&mut tx, done).await? };
        let (claimed, dead) = if kinds.is_empty() || limit == 0 {
            (Vec::new(), Vec::new())
        } else {
            store::claim(&mut tx, kinds, now, now.plus(self.lease), limit).await?
        };
        tx.commit().await?;
        for lease in dead {
            tracing::error!(job.id = %lease.id, "a job is dead: its last lease ended before it did");
        }
        let ended: HashSet<_> = ended.into_iter().collect();
        let lost = done.iter().copied().filter(|lease| !ended.contains(lease)).collect();
        Ok(TurnOver { claimed, lost })
    }

    /// Makes leases last from now on. Gives those that still hold; the others are lost.
    pub async fn heartbeat(&self, leases: &[Lease]) -> Result<Vec<Lease>, Error> {
        let ends = self.clock.now().plus(self.lease);
        let mut tx = self.db.write_shared().await?;
        let held = store::extend(&mut tx, leases, ends).await?;
        tx.commit().await?;
        Ok(held)
    }

    /// Ends a job in the transaction of its effects. [`Error::LeaseLost`] if another claim may hold it: then the
    /// transaction must be dropped, and its effects with it.
    pub async fn finish(&self, tx: &mut Tx, claimed: &Claimed) -> Result<(), Error> {
        held(store::delete_held(tx, claimed.lease).await?)
    }

    /// Ends this run of a job and makes it due again at `at`, as if it had never been tried; otherwise like
    /// [`Queue::finish`].
    pub async fn rearm(&self, tx: &mut Tx, claimed: &Claimed, at: UnixMillis) -> Result<(), Error> {
        held(store::rearm(tx, claimed.lease, at).await?)
    }

    /// Notes that a try failed: the job is tried again after a wait that grows, unless the failure says how long, or is
    /// dead after its last try.
    pub async fn fail(&self, claimed: &Claimed, failure: &Failure) -> Result<Fate, Error> {
        let is_last = claimed.attempts >= claimed.max_attempts;
        let fate = match failure.verdict {
            Verdict::GiveUp => Fate::Dead,
            Verdict::Retry | Verdict::RetryIn(_) if is_last => Fate::Dead,
            Verdict::RetryIn(wait) => Fate::Again(self.clock.now().plus(wait)),
            Verdict::Retry => {
                let wait = backoff::wait(claimed.attempts, &self.random);
                Fate::Again(self.clock.now().plus(wait))
            }
        };
        let (state, run_at) = match fate {
            Fate::Again(at) => (State::Ready, at),
            Fate::Dead => (State::Dead, claimed.run_at),
        };
        let mut tx = self.db.write_shared().await?;
        held(store::fail(&mut tx, claimed.lease, state, run_at, &failure.text).await?)?;
        tx.commit().await?;
        Ok(fate)
    }

    /// Hands leases back unused: the jobs are due again, and the try does not count.
    pub async fn release(&self, leases: &[Lease]) -> Result<(), Error> {
        let mut tx = self.db.write_shared().await?;
        store::release(&mut tx, leases).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// A lease that changed no row is lost.
fn held(rows: u64) -> Result<(), Error> {
    if rows == 1 { Ok(()) } else { Err(Error::LeaseLost) }
}
