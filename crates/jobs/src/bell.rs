//! Who is told that there is work: the dispatcher of this process, and on PostgreSQL those of others.
//!
//! Bells are hints. The dispatcher here is woken in memory. Others are notified by a task of this process, after the
//! commit and for many pushes at once: PostgreSQL lets one transaction at a time commit a `NOTIFY`, so one in each push
//! would make all pushes wait for each other's disk. What a notification does not tell, the poll finds.
//!
//! A dispatcher that sleeps says until when. What is due later than that wakes nobody: it is found then. So a claim of an
//! hour costs no look at the queue when it is granted.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use names::{Random, Secret, UnixMillis};
use sqlx::postgres::PgListener;
use tokio::{sync::Notify, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::{Queue, dispatcher::POLL};

mod store;

pub(crate) use store::STATEMENTS;

/// Pushes of this time are told of together.
const TOGETHER: Duration = Duration::from_millis(10);
/// How long to wait after the database failed.
const AFTER_ERROR: Duration = Duration::from_secs(5);

/// Wakes the dispatcher. Rings when it is dropped, so that a caller that is cut off after its commit wakes it too; hold
/// it until the transaction is committed.
#[derive(Debug)]
#[must_use = "commit, then ring"]
pub struct Bell {
    ropes: Ropes,
    added: usize,
    /// When the first of it is due; nothing where it is at once.
    due: Option<UnixMillis>,
    /// Whether it is due before other processes look by themselves.
    tells_others: bool,
}

impl Bell {
    /// How many rows the push added: fewer than it was given where unique keys were taken.
    pub const fn added(&self) -> usize {
        self.added
    }

    /// Tells the dispatchers that there is work.
    pub fn ring(self) {
        drop(self);
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        if self.added == 0 {
            return;
        }
        if self.due.is_none_or(|due| due.0 < self.ropes.sleeps_until.load(Ordering::SeqCst)) {
            self.ropes.here.notify_one();
        }
        if self.tells_others {
            self.ropes.elsewhere.notify_one();
        }
    }
}

/// What the bells of one process hang on.
#[derive(Debug, Clone)]
pub(crate) struct Ropes {
    /// Wakes the dispatcher of this process.
    pub(crate) here: Arc<Notify>,
    /// Until when the dispatcher of this process sleeps, unless it is woken; the end of time while it is awake.
    sleeps_until: Arc<AtomicI64>,
    /// Wakes the task that notifies other processes.
    elsewhere: Arc<Notify>,
    /// What this process signs its notifications with, to know them again.
    name: Arc<str>,
}

impl Ropes {
    pub(crate) fn new(random: &Random) -> Self {
        let name = format!("{:032x}", u128::from_be_bytes(random.bytes()));
        let sleeps_until = Arc::new(AtomicI64::new(i64::MAX));
        Self { here: Arc::default(), sleeps_until, elsewhere: Arc::default(), name: name.into() }
    }

    /// A bell for `added` new rows that are due at once.
    pub(crate) fn bell(&self, added: usize) -> Bell {
        Bell { ropes: self.clone(), added, due: None, tells_others: true }
    }

    /// A bell for `added` new rows of which the first is due at `due`.
    pub(crate) fn bell_for(&self, added: usize, due: UnixMillis, now: UnixMillis) -> Bell {
        let tells_others = due.since(now) < POLL;
        Bell { ropes: self.clone(), added, due: Some(due), tells_others }
    }

    /// The dispatcher is about to sleep, until then unless it is woken.
    pub(crate) fn fall_asleep(&self, until: UnixMillis) {
        self.sleeps_until.store(until.0, Ordering::SeqCst);
    }

    /// The dispatcher looks what there is: whatever is pushed from now on wakes it.
    pub(crate) fn wake_up(&self) {
        self.sleeps_until.store(i64::MAX, Ordering::SeqCst);
    }
}

impl Queue {
    /// Tells other processes of the work that this one pushes, until `stop`. A dispatcher does it by itself; a process
    /// without one runs this, or others find its work by their poll only. Ends at once on SQLite.
    pub async fn tell_others(&self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.ropes.elsewhere.notified() => {}
            }
            let pause = match self.tell().await {
                Ok(true) => TOGETHER,
                Ok(false) => return,
                Err(error) => {
                    debug!(%error, "other processes were not notified; they poll");
                    AFTER_ERROR
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(pause) => {}
            }
        }
    }

    /// Notifies other processes. Says whether there can be any.
    pub(crate) async fn tell(&self) -> Result<bool, db::Error> {
        let mut tx = self.db.glance().await?;
        match tx.dialect() {
            db::Dialect::Sqlite => Ok(false),
            db::Dialect::Postgres => store::notify(&mut tx, &self.ropes.name).await.map(|()| true),
        }
    }

    /// Wakes the dispatcher at notifications of other processes, until `stop`.
    pub(crate) async fn listen(&self, url: Secret<String>, stop: CancellationToken) {
        let mut was_heard = true;
        loop {
            let Err(error) = tokio::select! {
                () = stop.cancelled() => return,
                outcome = self.hear(&url) => outcome,
            };
            // Once: that the database is gone is told elsewhere.
            if was_heard {
                warn!(%error, "no notifications from the database; polling until they are back");
            }
            was_heard = false;
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(AFTER_ERROR) => {}
            }
        }
    }

    async fn hear(&self, url: &Secret<String>) -> Result<Infallible, sqlx::Error> {
        let mut listener = PgListener::connect(url.expose()).await?;
        listener.listen(store::CHANNEL).await?;
        // What came while nobody listened is not repeated.
        self.ropes.here.notify_one();
        loop {
            let heard = listener.try_recv().await?;
            // Nothing: the connection was made anew. Our own voice: the dispatcher here knows already.
            if heard.is_none_or(|heard| heard.payload() != &*self.ropes.name) {
                self.ropes.here.notify_one();
            }
        }
    }
}
