//! What tests change behind the room's back.

use db::{Error, Tx};
use uuid::Uuid;

db::statements! {
    ALL_DEAD = "
        UPDATE webhook_deliveries
           SET state = 'dead', reason = 'http_status', due_at = NULL, lease_until = NULL, finished_at = $2
         WHERE webhook_id = $1 AND state IN ('pending', 'delivering')";
}

/// Ends what waits of a subscription.
pub(crate) async fn all_dead(tx: &mut Tx, webhook: Uuid, now: i64) -> Result<u64, Error> {
    db::execute!(tx, ALL_DEAD, webhook, now)
}
