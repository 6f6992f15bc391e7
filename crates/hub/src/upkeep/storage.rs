//! The work that keeps the object store sound and small, as jobs (`spec/hub.md` 2).
//!
//! | kind              | when            | what                                                                |
//! |-------------------|-----------------|---------------------------------------------------------------------|
//! | `objects.tidy`    | daily           | joins copies, makes tombstones, sweeps old ones, rewrites segments    |
//! | `objects.clear`   | when it is due  | removes bytes that no row names                                      |
//! | `objects.sample`  | hourly          | hashes some objects again, heals what can be healed                  |
//! | `objects.scrub`   | hourly          | hashes the next part of all objects: each within 30 days             |
//! | `objects.orphans` | weekly          | rows without bytes, bytes without rows                               |
//! | `hub.records`     | weekly          | refs, snapshots, counters                                            |

use std::time::Duration;

use jobs::{Done, Failure, Kind, NewJob};
use names::{ObjectId, UnixMillis};
use objects::{Pace, ScanKind};

use crate::{Error, Hub};

/// Daily tidying.
pub(super) const TIDY: Kind<()> = Kind::new("objects.tidy");
/// Removal of bytes that no row names.
pub(super) const CLEAR: Kind<()> = Kind::new("objects.clear");
/// Hourly sample.
pub(super) const SAMPLE: Kind<()> = Kind::new("objects.sample");
/// The next part of the scrub.
pub(super) const SCRUB: Kind<()> = Kind::new("objects.scrub");
/// Weekly look at orphans.
pub(super) const ORPHANS: Kind<()> = Kind::new("objects.orphans");

/// How long a tombstone stays.
const TOMBSTONE: Duration = Duration::from_hours(14 * 24);
/// How old an object must be to become one.
const YOUNG: Duration = Duration::from_hours(24);
/// Objects in one step of a walk.
const STEP: usize = 1_000;
/// Objects whose rows go in one transaction, and segments that are looked at in one step.
const BATCH: usize = 500;
/// How fast is read what nobody asked for.
const PACE: Pace = Pace::of(20_000_000);
/// A sample has at least so many objects, and at least so many of a thousand.
const SAMPLE_OBJECTS: u64 = 1_000;
const SAMPLE_PER_MILLE: u64 = 5;
/// Parts of a scrub: hours of 30 days, less a tenth for hours in which nobody worked.
const SCRUB_PARTS: u64 = 30 * 24 * 9 / 10;
/// The fewest objects of a part: a small store is scrubbed in a day.
const SCRUB_OBJECTS: u64 = 100;

/// Joins, buries, sweeps and rewrites, each to its end.
pub(super) async fn tidy(hub: Hub) -> Result<Done, Failure> {
    let objects = &hub.objects;
    let (mut joined, mut buried) = (0, 0);
    let mut after = None;
    loop {
        let step = objects.join(after, BATCH).await?;
        joined += step.changed;
        after = step.next;
        if after.is_none() {
            break;
        }
    }
    let cutoff = earlier(hub.clock.now(), YOUNG);
    loop {
        let step = objects.entomb(after, STEP, cutoff).await?;
        buried += step.changed;
        after = step.next;
        if after.is_none() {
            break;
        }
    }
    let condemned = sweep_condemned(&hub).await?;
    let removed = condemned + sweep(&hub, earlier(hub.clock.now(), TOMBSTONE)).await?;
    let segments = compact(&hub).await?;
    if joined + buried + removed + segments > 0 {
        tracing::info!(joined, buried, removed, segments, "the object store was tidied");
    }
    clear_when_due(&hub).await?;
    Ok(Done::default())
}

/// Removes what was condemned, without waiting for the daily round.
pub(crate) async fn sweep_now(hub: &Hub) -> Result<(), Error> {
    sweep_condemned(hub).await?;
    compact(hub).await?;
    clear_when_due(hub).await
}

async fn sweep_condemned(hub: &Hub) -> Result<u64, Error> {
    let mut removed = 0;
    loop {
        let swept = hub.objects.sweep_condemned(BATCH).await?;
        removed += swept.objects;
        if swept.seen < BATCH as u64 || swept.objects == 0 {
            return Ok(removed);
        }
    }
}

async fn sweep(hub: &Hub, cutoff: UnixMillis) -> Result<u64, Error> {
    let mut removed = 0;
    loop {
        let swept = hub.objects.sweep(BATCH, cutoff).await?;
        removed += swept.objects;
        // Those that could not be removed are linked or locked; they are looked at tomorrow.
        if swept.seen < BATCH as u64 || swept.objects == 0 {
            return Ok(removed);
        }
    }
}

async fn compact(hub: &Hub) -> Result<u64, Error> {
    let mut done = 0;
    loop {
        let step = hub.objects.compact(BATCH).await?;
        done += step;
        if step < BATCH as u64 {
            return Ok(done);
        }
    }
}

/// Asks for the removal of waste, for when the first of it is due.
async fn clear_when_due(hub: &Hub) -> Result<(), Error> {
    let Some(due) = hub.objects.next_waste().await? else { return Ok(()) };
    let job = NewJob::new(CLEAR, &())?.at(due).unique("objects.clear");
    let mut tx = hub.db.write().await?;
    let bell = hub.queue.push(&mut tx, job).await?;
    tx.commit().await?;
    bell.ring();
    Ok(())
}

/// Removes what is due; comes again when more is.
pub(super) async fn clear(hub: Hub) -> Result<Done, Failure> {
    let mut cleared = 0;
    loop {
        let step = hub.objects.clear_waste(BATCH).await?;
        cleared += step;
        if step < BATCH as u64 {
            break;
        }
    }
    if cleared > 0 {
        tracing::info!(cleared, "bytes that no row names were removed");
    }
    let next = hub.objects.next_waste().await?;
    Ok(next.map_or_else(Done::default, |due| Done::default().again_at(due)))
}

/// Hashes some objects, beginning anywhere; then looks again at what is broken.
pub(super) async fn sample(hub: Hub) -> Result<Done, Failure> {
    let all = hub.objects.count().await?;
    let wanted = SAMPLE_OBJECTS.max(all * SAMPLE_PER_MILLE / 1_000).min(all);
    // Ids are hashes: what follows a random one is a random sample.
    let start = ObjectId::from_bytes(hub.random.bytes());
    let mut scan = begin(&hub, ScanKind::Sample).await?;
    for from in [Some(start), None] {
        let mut after = from;
        while scan.checked < wanted {
            let step = usize::try_from(wanted - scan.checked).unwrap_or(STEP).min(STEP);
            let checked = hub.objects.check(after, step, PACE).await?;
            scan.add(&checked);
            after = checked.next;
            if after.is_none() {
                break;
            }
        }
    }
    hub.objects.heal().await?;
    let mut tx = hub.db.write().await?;
    hub.objects.scanned(&mut tx, &scan, None).await?;
    Ok(Done::with(tx))
}

/// Hashes the next objects in the order of their ids.
pub(super) async fn scrub(hub: Hub) -> Result<Done, Failure> {
    let part = (hub.objects.count().await? / SCRUB_PARTS + 1).max(SCRUB_OBJECTS);
    let mut scan = begin(&hub, ScanKind::Scrub).await?;
    let mut after: Option<ObjectId> = scan.position.parse().ok();
    let mut left = part;
    while left > 0 {
        let step = usize::try_from(left).unwrap_or(STEP).min(STEP);
        let checked = hub.objects.check(after, step, PACE).await?;
        scan.add(&checked);
        left -= (step as u64).min(left);
        after = checked.next;
        let position = after.map(|id| id.to_string());
        let mut tx = hub.db.write().await?;
        hub.objects.scanned(&mut tx, &scan, position.as_deref()).await?;
        tx.commit().await?;
        if after.is_none() {
            tracing::info!(objects = scan.checked, faults = scan.faults, "a scrub came to its end");
            break;
        }
    }
    Ok(Done::default())
}

/// Compares what is there with what rows say, a directory at a time.
pub(super) async fn orphans(hub: Hub) -> Result<Done, Failure> {
    let mut scan = begin(&hub, ScanKind::Orphans).await?;
    loop {
        let next = hub.objects.scan_orphans(&mut scan).await?;
        let mut tx = hub.db.write().await?;
        hub.objects.scanned(&mut tx, &scan, next.as_deref()).await?;
        tx.commit().await?;
        match next {
            Some(next) => scan.position = next,
            None => break,
        }
    }
    clear_when_due(&hub).await?;
    Ok(Done::default())
}

async fn begin(hub: &Hub, kind: ScanKind) -> Result<objects::Scan, Error> {
    let mut tx = hub.db.write().await?;
    let scan = hub.objects.scan(&mut tx, kind).await?;
    tx.commit().await?;
    Ok(scan)
}

fn earlier(now: UnixMillis, by: Duration) -> UnixMillis {
    UnixMillis(now.0.saturating_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
}
