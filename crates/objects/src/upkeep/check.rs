//! Bytes are hashed again before somebody needs them: the sample and the scrub (`spec/hub.md` 2, Integrity).

use std::time::Duration;

use names::{Id, ObjectId};

use super::{LINGER, store, waste};
use crate::{
    Error, Fault, FaultKind, Objects, Place,
    faults::{open_about, resolve},
    reading::Seen,
    store as places,
};

/// Open faults that are looked at again in one step.
const FAULTS: usize = 500;

/// How fast bytes may be read, so that whoever waits for the disk is not kept waiting by us.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    bytes_per_second: u64,
}

impl Pace {
    /// So many bytes a second.
    pub const fn of(bytes_per_second: u64) -> Self {
        Self { bytes_per_second }
    }

    /// Rests for as long as `bytes` should have taken.
    async fn rest(self, bytes: u64) {
        let millis = bytes.saturating_mul(1_000) / self.bytes_per_second.max(1);
        if millis > 0 {
            tokio::time::sleep(Duration::from_millis(millis)).await;
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checked {
    /// Where the next check goes on; nothing behind the last object.
    pub next: Option<ObjectId>,
    /// How many objects were looked at.
    pub objects: u64,
    /// How many bytes were hashed.
    pub bytes: u64,
    /// How many copies were wrong or gone.
    pub faults: u64,
}

impl Objects {
    /// Hashes every good copy of at most `limit` objects after `after`, in the order of their ids. What is wrong is
    /// marked, and given up where another copy is right.
    pub async fn check(
        &self,
        after: Option<ObjectId>,
        limit: usize,
        pace: Pace,
    ) -> Result<Checked, Error> {
        let copies = store::copies_after(&mut self.0.db.glance().await?, after, limit).await?;
        let mut checked = Checked::default();
        for (id, copies) in copies {
            checked.objects += 1;
            checked.next = Some(id);
            for place in copies {
                let kind = match self.verified(id, &place).await? {
                    Seen::Right(_) => None,
                    Seen::Wrong => Some(FaultKind::Corrupt),
                    Seen::Gone => Some(FaultKind::Missing),
                };
                checked.bytes += place.size;
                pace.rest(place.size).await;
                if let Some(kind) = kind
                    && self.condemn(id, &place, kind).await?
                {
                    tracing::error!(object = %id, ?place, fault = kind.as_str(), "a check found a wrong copy");
                    checked.faults += 1;
                }
            }
        }
        if checked.objects < limit as u64 {
            checked.next = None;
        }
        Ok(checked)
    }

    /// How many objects there are, whatever their state.
    pub async fn count(&self) -> Result<u64, Error> {
        Ok(store::count_objects(&mut self.0.db.glance().await?).await?)
    }

    /// Looks again at what is broken: where a copy of the object is right, because there was another one or because it
    /// was sent again, wrong copies are given up and the fault is over. Gives how many are.
    pub async fn heal(&self) -> Result<u64, Error> {
        let (mut healed, mut after) = (0, None::<Id<Fault>>);
        loop {
            let faults = open_about(&mut self.0.db.glance().await?, after, FAULTS).await?;
            for fault in &faults {
                after = Some(fault.id);
                if let Some(id) = fault.object {
                    healed += self.heal_one(id, fault).await?;
                }
            }
            if faults.len() < FAULTS {
                return Ok(healed);
            }
        }
    }

    async fn heal_one(&self, id: ObjectId, fault: &Fault) -> Result<u64, Error> {
        let mut tx = self.0.db.read().await?;
        let (is_there, copies) =
            (store::exists(&mut tx, id).await?, places::copies(&mut tx, id).await?);
        drop(tx);
        let how = if is_there { "another copy is right" } else { "the object was removed" };
        if is_there && self.first_right(id, copies).await?.is_none() {
            return Ok(0);
        }
        let now = self.0.clock.now();
        let mut tx = self.0.db.write().await?;
        let given_up = store::drop_bad(&mut tx, id).await?;
        waste::add(&mut tx, &waste::files(&given_up), "quarantine", now.plus(LINGER)).await?;
        store::make_whole(&mut tx, id).await?;
        let healed = resolve(&mut tx, fault.kind, &fault.subject, now, how).await?;
        tx.commit().await?;
        tracing::info!(object = %id, how, "a fault is over");
        Ok(healed)
    }

    /// The first of `copies` whose bytes are right; the wrong ones before it are marked.
    pub(super) async fn first_right(
        &self,
        id: ObjectId,
        copies: Vec<Place>,
    ) -> Result<Option<Place>, Error> {
        for place in copies {
            let kind = match self.verified(id, &place).await? {
                Seen::Right(_) => return Ok(Some(place)),
                Seen::Wrong => FaultKind::Corrupt,
                Seen::Gone => FaultKind::Missing,
            };
            self.condemn(id, &place, kind).await?;
        }
        Ok(None)
    }
}
