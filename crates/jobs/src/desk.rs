//! The door for people: what waits, what failed, and once more.

use names::UnixMillis;

use crate::{Error, JobId, Listed, Queue, State, job::Page};

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

    /// Makes a dead job due at once, with all its tries before it.
    pub async fn retry(&self, id: JobId) -> Result<(), Error> {
        let mut tx = self.db.write().await?;
        let retried = match store::retry(&mut tx, id, self.clock.now()).await {
            Err(error) if error.is_taken() => return Err(Error::KeyTaken),
            outcome => outcome?,
        };
        tx.commit().await?;
        if retried == 0 {
            return Err(self.why_not(id).await?);
        }
        self.wake();
        Ok(())
    }

    /// Forgets a dead job.
    pub async fn delete(&self, id: JobId) -> Result<(), Error> {
        let mut tx = self.db.write().await?;
        let deleted = store::delete_dead(&mut tx, id).await?;
        tx.commit().await?;
        if deleted == 1 { Ok(()) } else { Err(self.why_not(id).await?) }
    }

    async fn why_not(&self, id: JobId) -> Result<Error, Error> {
        Ok(if self.find(id).await?.is_some() { Error::NotDead } else { Error::NotFound })
    }
}
