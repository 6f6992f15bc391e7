//! What was deleted goes for good after thirty days: repositories (`spec/hub.md` 1), and those of whoever has left
//! (`spec/trust.md` 13).

mod store;

use jobs::{Done, Failure};
use names::Id;
use serde_json::{Value, json};
use trust::{
    Account, Allowed, Principal, ResourceState, act,
    audit::{Entry, Noted, On, Who},
};

use crate::{Error, Grace, Hub, Repository, life, repositories, stars, wire};
pub(crate) use store::STATEMENTS;

/// Principals that one run looks at.
const PRINCIPALS: u32 = 50;
/// Repositories of which one run takes away the stars and subscriptions of those who have left.
const MARKED: u32 = 200;
/// Repositories of one owner that one run removes. Each is collected whole, so this bounds how long a run takes.
const REPOSITORIES: u32 = 20;

/// Removes what is due; comes again at once if there may be more.
pub(crate) async fn run(hub: Hub) -> Result<Done, Failure> {
    let mut tx = hub.db.write().await?;
    let forgotten = stars::forget_departed(&mut tx, MARKED).await?;
    tx.commit().await?;
    let due = hub.trust.to_purge(PRINCIPALS).await?;
    let mut has_more = due.len() >= PRINCIPALS as usize || forgotten >= MARKED as usize;
    for owner in due {
        let gone = hub.purge_of(owner).await?;
        has_more |= gone >= REPOSITORIES as usize;
    }
    let mut tx = hub.db.glance().await?;
    let due = life::to_purge(&mut tx, hub.clock.now(), REPOSITORIES).await?;
    drop(tx);
    has_more |= due.len() >= REPOSITORIES as usize;
    for id in due {
        hub.purge(id).await?;
    }
    let done = Done::default();
    Ok(if has_more { done.again_at(hub.clock.now()) } else { done })
}

/// A repository as its owner takes it away.
#[derive(Debug, Clone)]
pub struct Own {
    /// Which.
    pub id: Id<Repository>,
    /// What it is called.
    pub name: String,
    /// What is said of it.
    pub row: Value,
}

impl Hub {
    /// Removes repositories of somebody who has left; when none is left, the account is done with.
    async fn purge_of(&self, owner: Id<Principal>) -> Result<usize, Error> {
        let mut tx = self.db.glance().await?;
        let found = store::of_owner(&mut tx, owner, REPOSITORIES).await?;
        drop(tx);
        for id in &found {
            self.purge(*id).await?;
        }
        if found.len() < REPOSITORIES as usize {
            let mut tx = self.db.write().await?;
            self.trust.purged(&mut tx, owner).await?;
            tx.commit().await?;
        }
        Ok(found.len())
    }

    /// Removes a repository that nobody can see any more: first what leads to its history, then the history piece by
    /// piece, then the repository itself. Interrupted anywhere, it is begun again. Once the first step is done, nobody
    /// restores it any more.
    async fn purge(&self, id: Id<Repository>) -> Result<(), Error> {
        let mut tx = self.db.write().await?;
        wire::lock(&mut tx, id).await?;
        // It may have been restored since it was found to be due.
        let found = repositories::by_id(&mut tx, id).await?;
        if found.is_none_or(|it| it.resource.state != ResourceState::Deleted) {
            return Ok(());
        }
        life::begin_purge(&mut tx, id).await?;
        store::drop_refs(&mut tx, id).await?;
        tx.commit().await?;
        self.forget_search(id).await?;
        self.collect(id, Grace::None, false).await?;
        let mut tx = self.db.write().await?;
        store::remove(&mut tx, id).await?;
        self.trust.remove_resources(&mut tx, &[id.uuid()]).await?;
        let purged = Entry::done(Noted::RepoPurged, Who::INSTALL, On::new("repository", id));
        self.trust.note(&mut tx, trust::audit::Chain::INSTALL, purged).await?;
        tx.commit().await?;
        self.graphs.forget(id).await?;
        self.git.remove(id).await?;
        tracing::info!(repository = %id, "a repository was removed for good");
        Ok(())
    }

    /// The repositories of whoever takes their data away: what they are, and where they are cloned from.
    pub async fn own_repositories(
        &self,
        allowed: &Allowed<act::MeExport, Account>,
    ) -> Result<Vec<Own>, Error> {
        let me = &allowed.resource().principal;
        let mut tx = self.db.read().await?;
        let public_url = &self.trust.settings().public_url;
        let row = |it: store::Owned| {
            let name = format!("{}/{}", me.handle, it.name);
            let row = json!({
                "id": it.id, "name": name, "description": it.description, "visibility": it.visibility,
                "state": it.state, "default_branch": it.default_branch, "commits": it.commit_count,
                "bytes": it.size_bytes, "created_at": names::UnixMillis(it.created_at).to_string(),
                "clone": format!("{public_url}/{name}"), "domain": it.domain,
            });
            Own { id: Id::from_uuid(it.id), name: it.name, row }
        };
        Ok(store::owned(&mut tx, me.id).await?.into_iter().map(row).collect())
    }
}
