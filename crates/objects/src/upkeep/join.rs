//! Of several copies of an object one stays (`spec/hub.md` 2, De-duplication).
//!
//! An upload always writes a copy of its own, so that neither time nor answers tell what others have stored. Copies are
//! joined here, later. The oldest stays, so that the newest segments become empty and go.

use names::ObjectId;

use super::{RETAIN, Step, store, waste};
use crate::{Error, Objects, store as places};

impl Objects {
    /// Joins the copies of at most `limit` objects after `after`.
    pub async fn join(&self, after: Option<ObjectId>, limit: usize) -> Result<Step, Error> {
        let several = store::with_several(&mut self.0.db.glance().await?, after, limit).await?;
        let mut step = Step { next: None, changed: 0 };
        for id in &several {
            step.changed += self.join_one(*id).await?;
        }
        if several.len() == limit {
            step.next = several.last().copied();
        }
        Ok(step)
    }

    async fn join_one(&self, id: ObjectId) -> Result<u64, Error> {
        let mut copies = places::copies(&mut self.0.db.glance().await?, id).await?;
        // Ids of version 7 sort by their time.
        copies.sort_unstable_by_key(|place| place.copy);
        // The bytes of the one that stays are looked at before the others go.
        let Some(stays) = self.first_right(id, copies).await? else { return Ok(0) };
        let now = self.0.clock.now();
        let mut tx = self.0.db.write().await?;
        let given_up = store::drop_others(&mut tx, id, &stays).await?;
        waste::add(&mut tx, &waste::files(&given_up), "remove", now.plus(RETAIN)).await?;
        tx.commit().await?;
        Ok(given_up.len() as u64)
    }
}
