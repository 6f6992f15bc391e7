//! What the trust plane has done again and again: heads of the audit log signed, addresses and user agents erased, the
//! invitation of the first boot taken away, applications forgotten that nobody uses, requests that may not be repeated any
//! more; another key signs sessions. And what is forgotten of webhooks.
//!
//! Here because the plane knows no schedules. A kind is a line in [`work`], with its handler, and one in [`SCHEDULES`],
//! with its time.

use std::path::Path;

use hooks::Hooks;
use jobs::{Dispatcher, Done, Failure, Kind, Queue, Timetable};
use names::UnixMillis;
use trust::Trust;

use crate::{
    Error,
    boot::{self, Ground},
};

/// Signs the heads of chains that have grown (`spec/trust.md` 11).
const HEADS: Kind<()> = Kind::new("trust.audit_heads");
/// Erases what tells of a person and is a year old.
const ERASE: Kind<()> = Kind::new("trust.audit_erase");

/// Takes the file of the first boot's invitation away (`spec/trust.md` 1).
const FIRST_INVITE: Kind<()> = Kind::new("trust.first_invite");
/// Forgets applications that registered themselves and that nobody has agreed to.
const APPLICATIONS: Kind<()> = Kind::new("trust.clients");

/// Forgets requests that may not be repeated any more, and lets another key sign sessions when it is time.
const EXPIRE: Kind<()> = Kind::new("trust.expire");

/// Forgets deliveries of webhooks that ended long ago.
const FORGET: Kind<()> = Kind::new("hooks.forget");

/// When, in UTC; at minutes at which nothing else comes.
const SCHEDULES: [(Kind<()>, &str); 6] = [
    (HEADS, "57 * * * *"),
    (ERASE, "23 3 * * *"),
    (FIRST_INVITE, "3 * * * *"),
    (APPLICATIONS, "33 * * * *"),
    (EXPIRE, "27 * * * *"),
    (FORGET, "53 4 * * *"),
];

/// Chains of one run. Each is a transaction, so this bounds how long a run takes.
const CHAINS: u32 = 1_000;

/// Brings the handlers to the dispatcher of this process.
pub(crate) fn work(
    dispatcher: Dispatcher,
    (trust, hooks): (&Trust, &Hooks),
    ground: &Ground,
) -> Dispatcher {
    let clock = &ground.clock;
    let (heads, erase) = ((trust.clone(), clock.clone()), (trust.clone(), clock.clone()));
    let (applications, hooks) = (trust.clone(), hooks.clone());
    let expire = (trust.clone(), clock.clone());
    let invite = (trust.clone(), ground.dir.clone());
    dispatcher
        .on(HEADS, move |_| sign_heads(heads.0.clone(), heads.1.now()))
        .on(ERASE, move |_| erase_private(erase.0.clone(), erase.1.now()))
        .on(FIRST_INVITE, move |_| {
            let (trust, dir) = invite.clone();
            async move {
                end_first_invite(&trust, &dir).await.map_err(Failure::retry)?;
                Ok(Done::default())
            }
        })
        .on(APPLICATIONS, move |_| forget_applications(applications.clone()))
        .on(FORGET, move |_| forget_deliveries(hooks.clone()))
        .on(EXPIRE, move |_| end_what_is_over(expire.0.clone(), expire.1.now()))
}

/// Takes away what is not kept of webhooks any more.
async fn forget_deliveries(hooks: Hooks) -> Result<Done, Failure> {
    let gone = hooks.forget().await?;
    if gone > 0 {
        tracing::info!(deliveries = gone, "deliveries of webhooks that ended long ago are gone");
    }
    Ok(Done::default())
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

/// Takes the file with the first boot's invitation away once nobody can use it any more.
pub(crate) async fn end_first_invite(trust: &Trust, dir: &Path) -> Result<(), Error> {
    if trust.is_first_invite_open().await? {
        return Ok(());
    }
    boot::take_invite_away(dir)
        .map_err(|source| Error::File { path: dir.display().to_string(), source })
}

async fn sign_heads(trust: Trust, now: UnixMillis) -> Result<Done, Failure> {
    let signed = trust.sign_heads(CHAINS).await?;
    let done = Done::default();
    Ok(if signed >= CHAINS as usize { done.again_at(now) } else { done })
}

async fn forget_applications(trust: Trust) -> Result<Done, Failure> {
    let forgotten = trust.forget_applications().await?;
    if forgotten > 0 {
        tracing::info!(forgotten, "applications that nobody used were forgotten");
    }
    Ok(Done::default())
}

async fn end_what_is_over(trust: Trust, now: UnixMillis) -> Result<Done, Failure> {
    trust.rotate_due_session_key().await?;
    let (forgotten, has_more) = trust.forget_repeats().await?;
    if forgotten > 0 {
        tracing::debug!(forgotten, "requests that could be repeated were forgotten");
    }
    let done = Done::default();
    Ok(if has_more { done.again_at(now) } else { done })
}

async fn erase_private(trust: Trust, now: UnixMillis) -> Result<Done, Failure> {
    let (erased, has_more) = trust.erase_private().await?;
    if erased > 0 {
        tracing::info!(erased, "addresses and user agents in the audit log were erased");
    }
    let done = Done::default();
    Ok(if has_more { done.again_at(now) } else { done })
}
