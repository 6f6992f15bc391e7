//! `hub.expire`: uploads, addresses, pushes and invitations that ended go, and with them repositories that never came to be.
//!
//! A first upload to a free name makes a hidden repository (`spec/wire.md` 6.4). If no push follows, its uploads end
//! after a day; once it has none any more, the name is free again.

use std::time::Duration;

use jobs::{Done, Failure};
use names::{Id, UnixMillis};

use super::store;
use crate::{Hub, graph, invitations, wire, wire2};

/// Uploads that one transaction forgets: some milliseconds.
const UPLOADS: usize = 2_000;
/// Addresses that one transaction forgets.
const ADDRESSES: u32 = 2_000;
/// Pushes that one transaction forgets, with what has come of them.
const PUSHES: u32 = 20;
/// Invitations that one transaction forgets.
const INVITATIONS: u32 = 2_000;
/// Repositories that one transaction removes.
const REPOSITORIES: u32 = 100;
/// Last commits of directories that one transaction forgets.
const ANSWERS: u32 = 2_000;
/// How long last commits of a directory are remembered that nobody asks for (`spec/hub.md` 4).
const UNUSED: Duration = Duration::from_hours(30 * 24);
/// How long a repository may be in the making, even if nothing was uploaded to it: as long as an upload is kept.
const IN_THE_MAKING: Duration = Duration::from_hours(24);

pub(super) async fn run(hub: Hub) -> Result<Done, Failure> {
    let now = hub.clock.now();
    let before = i64::try_from(IN_THE_MAKING.as_millis()).map(|age| UnixMillis(now.0 - age))?;
    let unused = i64::try_from(UNUSED.as_millis()).map(|age| UnixMillis(now.0 - age))?;
    // Looked for among all repositories, so not while others wait for the writer.
    let mut glance = hub.db.glance().await?;
    let forsaken = store::forsaken(&mut glance, before, now, REPOSITORIES).await?;
    drop(glance);
    let parts = hub.objects.drop_old_parts(wire2::LIFE)?;

    let mut tx = hub.db.write().await?;
    let uploads = hub.objects.end_pending(&mut tx, UPLOADS).await?;
    let addresses = wire::end_addresses(&mut tx, now, ADDRESSES).await?;
    let pushes = wire2::end_pushes(&mut tx, now, PUSHES).await?;
    let answers = graph::forget_unused(&mut tx, unused, ANSWERS).await?;
    let invitations = invitations::end(&mut tx, now, INVITATIONS).await?;
    let removed = store::remove_forsaken(&mut tx, &forsaken).await?;
    hub.trust.remove_resources(&mut tx, &removed).await?;
    for id in &removed {
        hub.git.remove(Id::from_uuid(*id)).await?;
    }
    let repositories = removed.len() as u64;
    let counts = [uploads, addresses, pushes, parts, invitations, answers, repositories];
    let is_moving = counts.iter().any(|count| *count > 0);
    if is_moving {
        tracing::info!(
            uploads,
            addresses,
            pushes,
            parts,
            repositories,
            invitations,
            answers,
            "what had ended was removed"
        );
    }
    let has_more = uploads >= UPLOADS as u64
        || addresses >= u64::from(ADDRESSES)
        || pushes >= u64::from(PUSHES)
        || answers >= u64::from(ANSWERS)
        || invitations >= u64::from(INVITATIONS)
        || forsaken.len() >= REPOSITORIES as usize;
    let done = Done::with(tx);
    Ok(if has_more && is_moving { done.again_at(now) } else { done })
}
