//! What nobody links becomes a tombstone, and goes after a while (`spec/hub.md` 2, Collection).
//!
//! A tombstone can still be linked: sending the object again, or linking it, brings it back. The transaction that
//! removes a row locks it and looks again; a link that comes at the same moment waits for it or makes it wait.

use std::time::Duration;

use db::Tx;
use names::{ObjectId, UnixMillis};

use super::{
    LINGER, RETAIN, Step,
    store::{self, Made},
    waste,
};
use crate::{Error, Objects};

/// Since when those are dead that must go at once: older than any tombstone that came of age.
const CONDEMNED: UnixMillis = UnixMillis(0);
/// Before all of them.
const BEFORE_CONDEMNED: UnixMillis = UnixMillis(-1);

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    /// How many tombstones were looked at.
    pub seen: u64,
    /// How many objects are gone for good.
    pub objects: u64,
    /// How many bytes of files of their own go with them; those in segments follow when the segment is rewritten.
    pub bytes: u64,
}

impl Objects {
    /// Makes tombstones of those of the next `window` objects after `after` that were there before `cutoff` and that
    /// nothing links.
    pub async fn entomb(
        &self,
        after: Option<ObjectId>,
        window: usize,
        cutoff: UnixMillis,
    ) -> Result<Step, Error> {
        let seen = store::window(&mut self.0.db.glance().await?, after, window, cutoff).await?;
        let loose: Vec<_> =
            seen.iter().filter(|(_, is_loose)| *is_loose).map(|(id, _)| *id).collect();
        let mut step = Step { next: None, changed: 0 };
        if seen.len() == window {
            step.next = seen.last().map(|(id, _)| *id);
        }
        if !loose.is_empty() {
            let mut tx = self.0.db.write().await?;
            step.changed = store::entomb(&mut tx, &loose, self.0.clock.now()).await?;
            tx.commit().await?;
        }
        Ok(step)
    }

    /// Makes tombstones of those of `ids` that nothing links, as old as can be: the next sweep removes them. Called last
    /// in the transaction that unlinks them: a process that dies behind it could not find them again. What somebody is
    /// receiving at this moment is left alone.
    pub async fn condemn_all(&self, tx: &mut Tx, ids: &[ObjectId]) -> Result<u64, Error> {
        let idle = store::lock_idle(tx, ids).await?;
        Ok(store::entomb(tx, &idle, CONDEMNED).await?)
    }

    /// Removes the rows of at most `limit` condemned objects. Segments in which they lie are rewritten, however much of
    /// them is alive.
    pub async fn sweep_condemned(&self, limit: usize) -> Result<Collected, Error> {
        self.sweep_made(Made { after: BEFORE_CONDEMNED, until: CONDEMNED }, limit, LINGER).await
    }

    /// Removes the rows of at most `limit` tombstones that are older than `cutoff`; their bytes become waste. What was
    /// linked meanwhile lives again. The condemned are not among them: their bytes may not stay as long.
    pub async fn sweep(&self, limit: usize, cutoff: UnixMillis) -> Result<Collected, Error> {
        self.sweep_made(Made { after: CONDEMNED, until: cutoff }, limit, RETAIN).await
    }

    async fn sweep_made(
        &self,
        made: Made,
        limit: usize,
        stays: Duration,
    ) -> Result<Collected, Error> {
        let ids = store::dead(&mut self.0.db.glance().await?, made, limit).await?;
        let mut collected = Collected { seen: ids.len() as u64, ..Collected::default() };
        if ids.is_empty() {
            return Ok(collected);
        }
        let now = self.0.clock.now();
        let mut tx = self.0.db.write().await?;
        let ids = store::lock_dead(&mut tx, &ids, made).await?;
        store::revive(&mut tx, &ids).await?;
        let copies = store::drop_places(&mut tx, &ids).await?;
        collected.objects = store::drop_dead(&mut tx, &ids).await?;
        if made.until == CONDEMNED {
            let in_segments = copies.iter().filter(|(_, place)| place.in_segment);
            let segments = in_segments.map(|(_, place)| place.copy).collect();
            store::rewrite(&mut tx, &segments).await?;
        }
        let files = waste::files(&copies);
        collected.bytes = files.iter().map(|(_, bytes)| bytes).sum();
        waste::add(&mut tx, &files, "remove", now.plus(stays)).await?;
        tx.commit().await?;
        Ok(collected)
    }
}
