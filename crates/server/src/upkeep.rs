//! What the trust plane has done again and again: heads of the audit log signed, addresses and user agents erased.
//!
//! Here because the plane knows no schedules. A kind is a line in [`work`], with its handler, and one in [`SCHEDULES`],
//! with its time.

use jobs::{Dispatcher, Done, Failure, Kind, Queue, Timetable};
use names::{Clock, UnixMillis};
use trust::Trust;

use crate::Error;

/// Signs the heads of chains that have grown (`spec/trust.md` 11).
const HEADS: Kind<()> = Kind::new("trust.audit_heads");
/// Erases what tells of a person and is a year old.
const ERASE: Kind<()> = Kind::new("trust.audit_erase");

/// When, in UTC; at minutes at which nothing else comes.
const SCHEDULES: [(Kind<()>, &str); 2] = [(HEADS, "57 * * * *"), (ERASE, "23 3 * * *")];

/// Chains of one run. Each is a transaction, so this bounds how long a run takes.
const CHAINS: u32 = 1_000;

/// Brings the handlers to the dispatcher of this process.
pub(crate) fn work(dispatcher: Dispatcher, trust: &Trust, clock: &Clock) -> Dispatcher {
    let (heads, erase) = ((trust.clone(), clock.clone()), (trust.clone(), clock.clone()));
    dispatcher
        .on(HEADS, move |_| sign_heads(heads.0.clone(), heads.1.now()))
        .on(ERASE, move |_| erase_private(erase.0.clone(), erase.1.now()))
}

/// Declares the schedules, at every boot. One that somebody switched off stays off.
pub(crate) async fn schedule(db: &db::Db, queue: &Queue) -> Result<(), Error> {
    let mut tx = db.write().await?;
    let mut bells = Vec::new();
    for (kind, cron) in SCHEDULES {
        let timetable = Timetable::parse(cron, "UTC")?;
        bells.push(queue.schedule(&mut tx, kind.name(), &timetable, kind, &()).await?);
    }
    tx.commit().await?;
    // Rung here, and no earlier.
    drop(bells);
    Ok(())
}

async fn sign_heads(trust: Trust, now: UnixMillis) -> Result<Done, Failure> {
    let signed = trust.sign_heads(CHAINS).await?;
    let done = Done::default();
    Ok(if signed >= CHAINS as usize { done.again_at(now) } else { done })
}

async fn erase_private(trust: Trust, now: UnixMillis) -> Result<Done, Failure> {
    let (erased, has_more) = trust.erase_private().await?;
    if erased > 0 {
        tracing::info!(erased, "addresses and user agents in the audit log were erased");
    }
    let done = Done::default();
    Ok(if has_more { done.again_at(now) } else { done })
}
