//! Segments that are mostly dead are rewritten: what lives moves to a new one (`spec/hub.md` 2, Collection).

use std::time::Duration;

use names::ObjectId;
use uuid::Uuid;

use super::{LINGER, RETAIN, store, waste};
use crate::{
    Error, FaultKind, Objects, Place, address::Address, blocking, reading::Seen, staging::Staging,
};

impl Objects {
    /// Rewrites or gives up at most `limit` segments of which less than half is alive. Gives how many are gone: one in
    /// which a wrong copy lies that has no other stays.
    pub async fn compact(&self, limit: usize) -> Result<u64, Error> {
        let sparse = store::sparse_segments(&mut self.0.db.glance().await?, limit).await?;
        let mut gone = 0;
        for (id, is_urgent) in &sparse {
            let stays = if *is_urgent { LINGER } else { RETAIN };
            gone += u64::from(self.compact_one(*id, stays).await?);
        }
        Ok(gone)
    }

    async fn compact_one(&self, old: Uuid, stays: Duration) -> Result<bool, Error> {
        let living = store::living_in(&mut self.0.db.glance().await?, old).await?;
        let mut staging = self.stage();
        for (id, place) in living {
            staging = self.carry(staging, id, place).await?;
        }
        let sealed = blocking(move || staging.finish()).await?;
        let staged = self.keep(sealed).await?;
        let now = self.0.clock.now();
        let mut tx = self.0.db.write().await?;
        store::move_places(&mut tx, old, &staged, now).await?;
        let dropped = store::drop_empty_segment(&mut tx, old).await?;
        if let Some(bytes) = dropped {
            waste::add(&mut tx, &[(Address::Segment(old), bytes)], "remove", now.plus(stays))
                .await?;
        }
        tx.commit().await?;
        Ok(dropped.is_some())
    }

    /// Copies one object into the new segment; a copy that is wrong is marked and stays behind.
    async fn carry(
        &self,
        mut staging: Staging,
        id: ObjectId,
        place: Place,
    ) -> Result<Staging, Error> {
        let kind = match self.whole(id, &place).await? {
            Seen::Right(bytes) => {
                return blocking(move || staging.add(&bytes).map(|_| staging)).await;
            }
            Seen::Wrong => FaultKind::Corrupt,
            Seen::Gone => FaultKind::Missing,
        };
        self.condemn(id, &place, kind).await?;
        Ok(staging)
    }
}
