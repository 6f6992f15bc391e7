//! What the server itself has made for somebody who may push, and the one ref that leads to it.

use std::path::PathBuf;

use db::Tx;
use names::Id;
use tokio::sync::OwnedRwLockReadGuard;

use super::{
    GitCaller,
    receive::{Step, Update, Verdict},
};
use crate::{Error, Hub, Repository, quotas::Change};

/// Lets a ref lead to what the server itself has made for somebody, who may push. Goes on to its end whoever leaves; until then
/// `shared` is held.
pub(super) async fn land_own(
    hub: Hub,
    caller: GitCaller,
    (repository, dir): (Id<Repository>, PathBuf),
    (update, taken): (Update, Change),
    shared: OwnedRwLockReadGuard<()>,
) -> Result<Verdict, Error> {
    let (together, shown) = (1, None);
    let mut step = Step { hub, caller, repository, dir, taken, together, shown, foreseen: None };
    let work = tokio::spawn(async move {
        let landed = step.batch(&[update], true).await;
        drop(shared);
        if !matches!(landed.as_deref(), Ok([Verdict::Moved]))
            && let Err(error) = step.hub.prune_later(step.repository).await
        {
            tracing::warn!(%error, "what was not taken stays until the next push");
        }
        landed
    });
    let landed =
        work.await.map_err(|error| Error::Broken(format!("a push ended early: {error}")))?;
    landed?.pop().ok_or_else(|| Error::Broken("nothing is said of a ref".to_owned()))
}

/// The same of the first commit of a repository that is made in this transaction, which ends with it.
pub(super) async fn land_first(
    hub: Hub,
    caller: GitCaller,
    (repository, dir): (Id<Repository>, PathBuf),
    (update, taken): (Update, Change),
    tx: Tx,
) -> Result<Verdict, Error> {
    let (together, shown) = (1, None);
    let mut step = Step { hub, caller, repository, dir, taken, together, shown, foreseen: None };
    let work = tokio::spawn(async move { step.batch_in(tx, &[update], true).await });
    let landed =
        work.await.map_err(|error| Error::Broken(format!("a push ended early: {error}")))?;
    landed?.pop().ok_or_else(|| Error::Broken("nothing is said of a ref".to_owned()))
}
