//! Who is told that there is work: the dispatcher of this process, and on PostgreSQL those of others.
//!
//! Bells are hints. The dispatcher here is woken in memory. Others are notified by a task of this process, after the
//! commit and for many pushes at once: PostgreSQL lets one transaction at a time commit a `NOTIFY`, so one in each push
//! would make all pushes wait for each other's disk. What a notification does not tell, the poll finds.

use std::{convert::Infallible, sync::Arc, time::Duration};

use names::{Random, Secret};
use sqlx::postgres::PgListener;
use tokio::{sync::Notify, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::Queue;

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
        if self.added > 0 {
            self.ropes.here.notify_one();
            self.ropes.elsewhere.notify_one();
        }
    }
}

/// What the bells of one process hang on.
#[derive(Debug, Clone)]
pub(crate) struct Ropes {
    /// Wakes the dispatcher of this process.
    pub(crate) here: Arc<Notify>,
    /// Wakes the task that notifies other processes.
    elsewhere: Arc<Notify>,
    /// What this process signs its notifications with, to know them again.
    name: Arc<str>,
}

impl Ropes {
    pub(crate) fn new(random: &Random) -> Self {
        let name = format!("{:032x}", u128::from_be_bytes(random.bytes()));
        Self { here: Arc::default(), elsewhere: Arc::default(), name: name.into() }
    }

    /// A bell for `added` new rows.
    pub(crate) fn bell(&self, added: usize) -> Bell {
        Bell { ropes: self.clone(), added }
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
