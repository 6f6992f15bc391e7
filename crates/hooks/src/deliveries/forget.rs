//! What has ended is kept for a while, and then goes (`spec/webhooks.md` 4).

use std::time::Duration;

use super::{resends, store};
use crate::{Error, Hooks};

/// How long a delivery is kept that was made, and one that was not.
const KEPT: (Duration, Duration) = (Duration::from_hours(30 * 24), Duration::from_hours(90 * 24));
/// Deliveries that go with one transaction.
const BATCH: u32 = 1_000;
/// Transactions of one run: what is left then goes with the next.
const BATCHES: u32 = 100;

impl Hooks {
    /// Takes away deliveries that ended long ago, the bytes that nothing is sent of any more, and deleted subscriptions of
    /// which nothing is left. Gives how many deliveries went.
    pub async fn forget(&self) -> Result<u64, Error> {
        let now = self.0.clock.now();
        let (made, unmade) = (now.minus(KEPT.0), now.minus(KEPT.1));
        let mut gone = 0;
        for _ in 0..BATCHES {
            let mut tx = self.0.db.write().await?;
            let batch = store::forget(&mut tx, (made, unmade), BATCH).await?;
            tx.commit().await?;
            gone += batch;
            if batch < u64::from(BATCH) {
                break;
            }
        }
        let mut tx = self.0.db.write().await?;
        store::forget_webhooks(&mut tx, BATCH).await?;
        resends::store::forget(&mut tx, unmade).await?;
        tx.commit().await?;
        Ok(gone)
    }
}
