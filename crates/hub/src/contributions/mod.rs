//! What the signed commits of default branches count for: the heat-maps of those whose keys signed them
//! (`spec/collaboration.md` 7, Profile).
//!
//! A row for each commit with a good signature that the default branch leads to, kept in the transaction in which the
//! branch moves. Where that is a long way, or the branch that is shown first is another one, a job does it. Whose key it
//! is, and who may see the repository, is asked when a map is shown; one commit counts once, in however many repositories
//! it is.
//!
//! | file       | what is there                                                       |
//! |------------|---------------------------------------------------------------------|
//! | `mod.rs`   | kept with each movement, and by the job                                |
//! | `sweep.rs` | [`sweep`]: what one head leads to and another does not                 |
//! | `days.rs`  | [`Days`]: what somebody's work comes to, day by day                    |
//! | `store.rs` | the SQL                                                              |
//!
//! Invariant: derived; made again from nothing, the rows are the same.

mod days;
mod store;
mod sweep;

use db::Tx;
use jobs::{Done, Failure, Job, Kind, NewJob};
use names::{CommitId, Id};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(crate) use days::Days;
pub(crate) use store::STATEMENTS;
pub(crate) use sweep::{Swept, sweep};

use crate::{Error, Hub, Repository, reading, repositories, upkeep, wire};

/// Makes the rows of a repository fit the head of its default branch.
pub(crate) const FOLLOW: Kind<Follow> = Kind::new("hub.contributions");

/// Rows that one transaction of the job writes: some milliseconds.
const BATCH: usize = 500;

/// Which repository.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Follow {
    repository: Uuid,
}

impl Hub {
    /// Keeps the rows with a movement of the default branch, whose way was swept; has a job do it where that is not all.
    pub(crate) async fn keep_contributions(
        &self,
        tx: &mut Tx,
        id: Id<Repository>,
        (old, new): (Option<CommitId>, CommitId),
        swept: &Swept,
    ) -> Result<(), Error> {
        let known = store::head(tx, id).await?;
        if known != old || !swept.is_whole {
            return self.follow_later(tx, id).await;
        }
        store::add(tx, id, &swept.added).await?;
        store::remove(tx, id, &swept.left).await?;
        Ok(store::set_head(tx, id, new).await?)
    }

    /// Has a job look at the default branch. The bell rings before the commit; what that misses, the poll finds.
    pub(crate) async fn follow_later(&self, tx: &mut Tx, id: Id<Repository>) -> Result<(), Error> {
        let job = NewJob::new(FOLLOW, &Follow { repository: id.uuid() })?;
        self.queue.push(tx, job).await?.ring();
        Ok(())
    }

    /// Makes the rows fit the head of the default branch, as it is now.
    async fn follow(&self, id: Id<Repository>) -> Result<(), Error> {
        let mut tx = self.db.read().await?;
        let Some(repository) = repositories::by_id(&mut tx, id).await? else { return Ok(()) };
        let name = repository.default_branch.full();
        let (old, new) =
            (store::head(&mut tx, id).await?, reading::target(&mut tx, id, &name).await?);
        if old == new {
            return Ok(());
        }
        let swept = sweep(&mut tx, id, (old.as_slice(), new.as_slice()), None).await?;
        let known = reading::known_commits(&mut tx, id, old.as_slice()).await?;
        drop(tx);
        // What led there has been collected: what it led to is not to be known any more.
        if known.len() < old.as_slice().len() {
            let mut tx = self.db.write().await?;
            store::clear(&mut tx, id).await?;
            tx.commit().await?;
        }
        for batch in swept.added.chunks(BATCH) {
            let mut tx = self.db.write().await?;
            store::add(&mut tx, id, batch).await?;
            tx.commit().await?;
        }
        for batch in swept.left.chunks(BATCH) {
            let mut tx = self.db.write().await?;
            store::remove(&mut tx, id, batch).await?;
            tx.commit().await?;
        }
        let mut tx = self.db.write().await?;
        wire::lock(&mut tx, id).await?;
        // Of two that ran at once the second begins again where the first has come to.
        if store::head(&mut tx, id).await? == old {
            match new {
                Some(new) => store::set_head(&mut tx, id, new).await?,
                None => store::forget_head(&mut tx, id).await?,
            }
        }
        let is_behind =
            reading::target(&mut tx, id, &name).await? != store::head(&mut tx, id).await?;
        if is_behind {
            self.follow_later(&mut tx, id).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

pub(crate) async fn run(hub: Hub, job: Job<Follow>) -> Result<Done, Failure> {
    let id = Id::from_uuid(job.payload.repository);
    match hub.follow(id).await {
        Err(Error::NotFound) => upkeep::when_missing(&hub, id, job.attempt).await,
        followed => Ok(followed.map(|()| Done::default())?),
    }
}
