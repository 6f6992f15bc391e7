//! What has been suspended for thirty days is deleted, and can be restored as what its owner deletes.

use std::time::Duration;

use jobs::{Done, Failure, Kind};
use names::{Id, UnixMillis};
use serde_json::json;
use trust::{
    ResourceState,
    audit::{Entry, Noted, On, Who},
};

use crate::{
    Error, Hub, Repository,
    activity::{self, By, Note, What},
    life, repositories, wire,
};

/// Looks at forks whose owners may not read what they were made from.
pub(crate) const WATCH: Kind<()> = Kind::new("hub.forks");

/// How long one is suspended before it is deleted.
const SUSPENDED: Duration = Duration::from_hours(30 * 24);
/// Forks that one run deletes.
const LIMIT: u32 = 200;

pub(crate) async fn run(hub: Hub) -> Result<Done, Failure> {
    let now = hub.clock.now();
    let age = i64::try_from(SUSPENDED.as_millis()).unwrap_or(i64::MAX);
    let cutoff = UnixMillis(now.0.saturating_sub(age));
    let mut tx = hub.db.write().await?;
    let due = hub.trust.look_at_suspended(&mut tx, cutoff, LIMIT).await.map_err(Error::Trust)?;
    tx.commit().await?;
    for id in &due {
        hub.delete_suspended(Id::from_uuid(*id)).await?;
    }
    let done = Done::default();
    Ok(if due.len() >= LIMIT as usize { done.again_at(now) } else { done })
}

impl Hub {
    async fn delete_suspended(&self, id: Id<Repository>) -> Result<(), Error> {
        let mut tx = self.db.write().await?;
        wire::lock(&mut tx, id).await?;
        let found = repositories::by_id(&mut tx, id).await?;
        // Its owner may have been let in again since.
        let Some(it) = found.filter(|it| it.resource.state == ResourceState::Suspended) else {
            return Ok(());
        };
        life::mark_deleted(&self.trust, &mut tx, &it, self.clock.now()).await?;
        let entry = Entry::done(Noted::RepoDeleted, Who::INSTALL, On::new("repository", id))
            .with("name", it.full_name())
            .with("why", "its owner may not read what it was made from");
        let chain = self.trust.chain_of(&mut tx, it.resource.owner).await?;
        self.trust.note(&mut tx, chain, entry).await?;
        let now = self.clock.now();
        let deleted = Note::repository(What::RepositoryDeleted, By::INSTALL, id, now, json!({}));
        activity::note(self, &mut tx, deleted).await?;
        tx.commit().await?;
        tracing::info!(repository = it.full_name(), "a suspended fork was deleted");
        Ok(())
    }
}
