//! Work that comes again and again: rows that become jobs when their time comes.
//!
//! `next_at` moves in the transaction that pushes the job, to the first moment after now: however many were missed
//! while nobody worked, one run follows. A run that is still waiting or running when its next time comes is that run:
//! two of one schedule never stand beside each other.

use db::Tx;
use names::UnixMillis;
use serde::Serialize;

use crate::{
    Bell, Error, Kind, LIST_ROWS, NewJob, Queue, Timetable,
    job::{Page, checked_key, payload_text},
};

mod store;

pub(crate) use store::STATEMENTS;

/// Schedules that fire in one transaction.
const FIRE_ROWS: usize = 100;

/// A schedule as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheduled {
    /// Its name, which is its key.
    pub name: String,
    /// The cron pattern.
    pub cron: String,
    /// The zone in which the pattern is read.
    pub zone: String,
    /// When it fires next, if it is enabled.
    pub next_at: UnixMillis,
    /// The kind of its jobs.
    pub kind: String,
    /// The payload of its jobs.
    pub payload: String,
    /// Whether it fires.
    pub is_enabled: bool,
}

impl Queue {
    /// Declares a schedule, new or known. One that is known keeps its next time unless the timetable changed, and
    /// stays switched off if it was: so it can be declared at every boot.
    pub async fn schedule<P: Serialize>(
        &self,
        tx: &mut Tx,
        name: &str,
        timetable: &Timetable,
        kind: Kind<P>,
        payload: &P,
    ) -> Result<Bell, Error> {
        let schedule = Scheduled {
            name: checked_key(&unique_key(name)).map(|_| name.to_owned())?,
            cron: timetable.pattern().to_owned(),
            zone: timetable.zone().to_owned(),
            next_at: timetable.next_after(self.clock.now())?,
            kind: kind.name().to_owned(),
            payload: payload_text(kind, payload)?,
            is_enabled: true,
        };
        store::declare(tx, &schedule).await?;
        Ok(self.ropes.bell(1))
    }

    /// Forgets a schedule; a job that it pushed stays. Says whether there was one.
    pub async fn unschedule(&self, tx: &mut Tx, name: &str) -> Result<bool, Error> {
        Ok(store::remove(tx, name).await? == 1)
    }

    /// Switches a schedule on or off, in the caller's transaction. Switched on, it counts from now: nothing is made up
    /// for. Gives what it has become; ring the [`Bell`] after the commit.
    pub async fn enable_schedule(
        &self,
        tx: &mut Tx,
        name: &str,
        is_enabled: bool,
    ) -> Result<(Scheduled, Bell), Error> {
        let found = store::find(tx, name).await?.ok_or(Error::NotFound)?;
        let next_at = if is_enabled && !found.is_enabled {
            Timetable::parse(&found.cron, &found.zone)?.next_after(self.clock.now())?
        } else {
            found.next_at
        };
        store::switch(tx, name, is_enabled, next_at).await?;
        Ok((Scheduled { next_at, is_enabled, ..found }, self.ropes.bell(1)))
    }

    /// Pushes a run of a schedule now, also of one that is switched off, in the caller's transaction; its next time
    /// stays. The [`Bell`] says whether a run was added: none is while another waits or runs.
    pub async fn run_schedule(&self, tx: &mut Tx, name: &str) -> Result<Bell, Error> {
        let found = store::find(tx, name).await?.ok_or(Error::NotFound)?;
        let job = NewJob::raw(found.kind, found.payload);
        self.push(tx, job.unique(unique_key(name))).await
    }

    /// Schedules by name: those after `cursor`, at most [`LIST_ROWS`].
    pub async fn schedules(
        &self,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Scheduled, String>, Error> {
        let limit = limit.clamp(1, LIST_ROWS);
        let mut tx = self.db.glance().await?;
        let rows = store::list(&mut tx, cursor.unwrap_or_default(), limit + 1).await?;
        Ok(Page::cut(rows, limit, |it| it.name.clone()))
    }

    /// Pushes a job for each schedule whose time has come; gives how many there were.
    pub(crate) async fn fire(&self) -> Result<usize, Error> {
        let now = self.clock.now();
        let mut tx = self.db.write().await?;
        let due = store::due(&mut tx, now, FIRE_ROWS).await?;
        let fired = due.len();
        let (mut jobs, mut moved, mut broken) = (Vec::new(), Vec::new(), Vec::new());
        for schedule in due {
            let timetable = Timetable::parse(&schedule.cron, &schedule.zone);
            match timetable.and_then(|it| it.next_after(now)) {
                Ok(next_at) => moved.push((schedule.name.clone(), next_at.0, true)),
                // Left on, it would be due for ever.
                Err(error) => {
                    broken.push((schedule.name.clone(), error));
                    moved.push((schedule.name, schedule.next_at.0, false));
                    continue;
                }
            }
            let job = NewJob::raw(schedule.kind, schedule.payload).at(schedule.next_at);
            jobs.push(job.unique(unique_key(&schedule.name)));
        }
        store::advance(&mut tx, db::rows(moved)).await?;
        let bell = self.push_all(&mut tx, jobs).await?;
        tx.commit().await?;
        bell.ring();
        for (schedule, error) in broken {
            tracing::error!(schedule, %error, "a schedule is broken and was switched off");
        }
        Ok(fired)
    }
}

/// The unique key of a schedule's jobs.
fn unique_key(name: &str) -> String {
    format!("schedule/{name}")
}
