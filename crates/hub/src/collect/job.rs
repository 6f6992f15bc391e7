//! The jobs of collection: once a day for those that have something to lose, and whenever an owner asks.

use std::time::Duration;

use jobs::{Done, Failure, Job, Kind, NewJob};
use names::Id;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Grace;
use crate::{Hub, Repository, upkeep};

/// Collects one repository.
pub(crate) const COLLECT: Kind<Collect> = Kind::new("hub.collect");
/// Asks for the collection of those that need it.
pub(crate) const COLLECT_DUE: Kind<()> = Kind::new("hub.collect_due");

/// Jobs that one transaction asks for.
const PAGE: usize = 500;
/// When a repository is tried again that changed while it was collected.
const AGAIN: Duration = Duration::from_secs(30);

/// What to collect.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Collect {
    pub(crate) repository: Uuid,
    pub(crate) grace: Grace,
}

/// Lets go of what nothing leads to in one repository.
pub(crate) async fn collect(hub: Hub, job: Job<Collect>) -> Result<Done, Failure> {
    let Collect { repository, grace } = job.payload;
    let id: Id<Repository> = Id::from_uuid(repository);
    let done = hub.collect(id, grace, false).await?;
    tracing::info!(repository = %id, ?grace, ?done, "a repository was collected");
    let now = hub.clock.now();
    if done.is_interrupted {
        return Ok(Done::default().again_at(now.plus(AGAIN)));
    }
    if grace == Grace::None {
        // The bytes too, as soon as readers have finished.
        upkeep::sweep_now(&hub).await?;
    }
    Ok(Done::default())
}

/// Asks for the collection of every repository in which something may have come loose.
pub(crate) async fn collect_due(hub: Hub) -> Result<Done, Failure> {
    let mut after = None;
    loop {
        let page = hub.to_collect(after, PAGE).await?;
        let jobs = page.iter().map(|id| {
            let payload = Collect { repository: id.uuid(), grace: Grace::Usual };
            Ok(NewJob::new(COLLECT, &payload)?.unique(format!("hub.collect/{id}")))
        });
        let jobs = jobs.collect::<Result<Vec<_>, jobs::Error>>()?;
        let mut tx = hub.db.write().await?;
        let bell = hub.queue.push_all(&mut tx, jobs).await?;
        tx.commit().await?;
        bell.ring();
        after = page.last().copied();
        if page.len() < PAGE {
            return Ok(Done::default());
        }
    }
}
