//! What nothing leads to any more is taken out of a repository and kept aside for a while (`spec/hub.md` 5, Transport).
//!
//! Protocol 2 serves whatever lies in a repository to whoever knows its name. So after a branch was moved back or taken
//! away, or a push was refused that had been let out of quarantine, what came loose is moved out within ten minutes.

use std::{fs, io, path::Path, time::Duration};

use jobs::{Bell, Done, Failure, Job, Kind, NewJob};
use names::Id;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{process::Chore, settling};
use crate::{Error, Format, Hub, Repository, repositories, wire::push::blocking};

/// Takes out of a repository what nothing leads to.
pub(crate) const PRUNE: Kind<Prune> = Kind::new("hub.git_prune");

/// When a repository is tried again to which somebody pushed.
const AGAIN: Duration = Duration::from_secs(20);
/// How long what was taken out is kept aside.
const KEPT: Duration = Duration::from_hours(14 * 24);

/// Which.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Prune {
    repository: Uuid,
}

impl Hub {
    /// Asks for it, in the transaction in which something comes loose.
    pub(super) async fn push_prune(
        &self,
        tx: &mut db::Tx,
        id: Id<Repository>,
    ) -> Result<Bell, Error> {
        let job = NewJob::new(PRUNE, &Prune { repository: id.uuid() })?;
        // Whoever moves a branch back often does it several times.
        let due = self.clock.now().plus(self.git.0.prune_after);
        Ok(self.queue.push(tx, job.unique(format!("hub.git_prune/{id}")).at(due)).await?)
    }

    /// The same in one of its own.
    pub(super) async fn prune_later(&self, id: Id<Repository>) -> Result<(), Error> {
        let mut tx = self.db.write().await?;
        let bell = self.push_prune(&mut tx, id).await?;
        tx.commit().await?;
        bell.ring();
        Ok(())
    }
}

/// Does it, unless somebody is pushing.
pub(crate) async fn prune(hub: Hub, job: Job<Prune>) -> Result<Done, Failure> {
    let id: Id<Repository> = Id::from_uuid(job.payload.repository);
    let found = repositories::by_id(&mut hub.db.glance().await?, id).await?;
    let Some(repository) = found.filter(|it| it.format == Format::Git) else {
        return Ok(Done::default());
    };
    let lock = hub.git.lock(id);
    let Ok(_alone) = lock.try_write() else {
        return Ok(Done::default().again_at(hub.clock.now().plus(AGAIN)));
    };
    // What rows lead to is not loose, whether Git has followed them yet or not.
    hub.settle(id).await?;
    let dir = hub.git.stand(&repository).await?;
    let aside = hub.git.0.directories.aside(id);
    let kept = aside.join(hub.clock.now().0.to_string());
    let (folder, former, place) = (kept.clone(), aside.clone(), dir.clone());
    let cutoff = hub.clock.now().minus(KEPT).0;
    blocking(move || {
        let cleared = settling::sweep(&place).and_then(|()| forget(&former, cutoff));
        cleared.and_then(|()| fs::create_dir_all(&folder)).map_err(Error::Git)
    })
    .await?;
    let to = format!("--expire-to={}", kept.join("pack").display());
    let arguments =
        vec!["repack", "-q", "-a", "-d", "--cruft", "--cruft-expiration=now", to.as_str()];
    hub.git.listed(&dir, &Chore::of(arguments), String::new()).await?;
    // Packs that are gone are not read any more, though they are open still.
    hub.git.0.stores.forget(id);
    tracing::info!(repository = %id, "what nothing leads to was taken out");
    Ok(Done::default())
}

/// Lets go of what was taken out before `cutoff`; folders are called by their time.
fn forget(aside: &Path, cutoff: i64) -> io::Result<()> {
    let entries = match fs::read_dir(aside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let taken_out = entry.file_name().to_str().and_then(|it| it.parse::<i64>().ok());
        if taken_out.is_some_and(|it| it < cutoff) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}
