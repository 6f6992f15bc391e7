//! The door for people: what waits, what failed, and once more.

use db::Tx;
use names::UnixMillis;

use crate::{Bell, Error, JobId, Listed, Queue, State, job::Page};

mod store;

pub(crate) use store::STATEMENTS;

/// The longest page: what every list of the house answers at most.
pub const LIST_ROWS: usize = 100;

/// How much there is of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Waiting, due or not.
    pub ready: u64,
    /// Waiting though due.
    pub due: u64,
    /// Claimed.
    pub running: u64,
    /// Failed for the last time.
    pub dead: u64,
    /// Rows of the outbox that have not become jobs yet.
    pub posted: u64,
    /// When the longest waiting due job was due.
    pub oldest_due_at: Option<UnixMillis>,
}

impl Queue {
    /// How much there is of everything. Reads the whole table.
    pub async fn counts(&self) -> Result<Counts, Error> {
        let mut tx = self.db.glance().await?;
        Ok(store::counts(&mut tx, self.clock.now()).await?)
    }

    /// The job, if it is there.
    pub async fn find(&self, id: JobId) -> Result<Option<Listed>, Error> {
        let mut tx = self.db.glance().await?;
        Ok(store::find(&mut tx, id).await?)
    }

    /// Jobs in `state`, newest first: those after `cursor`, at most [`LIST_ROWS`].
    pub async fn list(
        &self,
        state: State,
        cursor: Option<JobId>,
        limit: usize,
    ) -> Result<Page<Listed, JobId>, Error> {
        let limit = limit.clamp(1, LIST_ROWS);
        let mut tx = self.db.glance().await?;
        let rows = store::list(&mut tx, state, cursor, limit + 1).await?;
        Ok(Page::cut(rows, limit, |job| job.id))
    }

    /// Makes a dead job due at once, with all its tries before it, in the caller's transaction. Gives what it has
    /// become; ring the [`Bell`] after the commit.
    pub async fn retry(&self, tx: &mut Tx, id: JobId) -> Result<(Listed, Bell), Error> {
        let retried = match store::retry(tx, id, self.clock.now()).await {
            Err(error) if error.is_taken() => return Err(Error::KeyTaken),
            outcome => outcome?,
        };
        let job = store::find(tx, id).await?.ok_or(Error::NotFound)?;
        if retried == 1 { Ok((job, self.ropes.bell(1))) } else { Err(Error::NotDead) }
    }

    /// Forgets a dead job, in the caller's transaction.
    pub async fn delete(&self, tx: &mut Tx, id: JobId) -> Result<(), Error> {
        if store::delete_dead(tx, id).await? == 1 {
            return Ok(());
        }
        Err(if store::find(tx, id).await?.is_some() { Error::NotDead } else { Error::NotFound })
    }
}
