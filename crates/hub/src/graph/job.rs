//! `hub.graph`: what a push leaves to be done for those who read. Each step says by what is there whether it is done, so a
//! job that was killed between two of them ends equal.

use jobs::{Done, Failure, Job, Kind, NewJob};
use names::Id;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::store;
use crate::{Error, Hub, Repository, upkeep, wire};

/// Brings what is derived from a history up to its refs.
pub(crate) const INDEX: Kind<Index> = Kind::new("hub.graph");
/// Looks for last commits that were too much for a page.
pub(crate) const LAST: Kind<LastWanted> = Kind::new("hub.last");

/// Whose history.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Index {
    pub(crate) repository: Uuid,
}

/// A directory as a page asked for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LastWanted {
    pub(crate) repository: Uuid,
    pub(crate) commit: String,
    pub(crate) path: String,
    pub(crate) branch: Option<String>,
}

/// What is done after a push.
pub(crate) async fn index(hub: Hub, job: Job<Index>) -> Result<Done, Failure> {
    let id: Id<Repository> = Id::from_uuid(job.payload.repository);
    let seal = store::seal(&mut hub.db.glance().await?, id).await?;
    match hub.make_derived(id).await {
        Err(Error::NotFound) => return upkeep::when_missing(&hub, id, job.attempt).await,
        made => made?,
    }
    // A push that came meanwhile added no job, as this one was there: it is held up until it is known whether there was.
    let mut tx = hub.db.write().await?;
    wire::lock(&mut tx, id).await?;
    let is_behind = store::seal(&mut tx, id).await? != seal;
    let done = Done::with(tx);
    Ok(if is_behind { done.again_at(hub.clock.now()) } else { done })
}

/// What a page left over.
pub(crate) async fn last(hub: Hub, job: Job<LastWanted>) -> Result<Done, Failure> {
    match hub.look_to_the_end(&job.payload).await {
        // The directory, the commit or the repository is gone.
        Ok(()) | Err(Error::NotFound) => Ok(Done::default()),
        Err(Error::NotIndexed) => {
            hub.catch_up(Id::from_uuid(job.payload.repository)).await?;
            Ok(Done::default().again_at(hub.clock.now()))
        }
        Err(error) => Err(error.into()),
    }
}

impl Hub {
    /// Makes whatever is derived from a history, as far as it is not made.
    async fn make_derived(&self, id: Id<Repository>) -> Result<(), Error> {
        self.catch_up(id).await?;
        self.count_numbers(id).await?;
        self.carry_forward(id).await
    }

    /// Asks, in the transaction of a movement, for what has to be done after it. Its bell rings too early to be heard on
    /// PostgreSQL: whoever commits wakes the queue.
    pub(crate) async fn index_after(
        &self,
        tx: &mut db::Tx,
        id: Id<Repository>,
    ) -> Result<(), Error> {
        let job = NewJob::new(INDEX, &Index { repository: id.uuid() })?;
        let bell = self.queue.push(tx, job.unique(format!("hub.graph/{id}"))).await?;
        drop(bell);
        Ok(())
    }

    /// Asks for the same while a request goes on, which has its own connection to the database.
    pub(super) fn index_beside(&self, id: Id<Repository>) {
        let hub = self.clone();
        self.graphs.beside(async move {
            if let Err(error) = hub.index_soon(id).await {
                tracing::warn!(repository = %id, %error, "an index was not asked for");
            }
        });
    }

    /// Asks for the same now: something derived is missing.
    pub(crate) async fn index_soon(&self, id: Id<Repository>) -> Result<(), Error> {
        let mut tx = self.db.write().await?;
        self.index_after(&mut tx, id).await?;
        tx.commit().await?;
        self.queue.wake();
        Ok(())
    }
}
