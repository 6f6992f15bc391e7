//! The table `sessions`.

use db::{Error, Tx};
use names::{Id, UnixMillis};

use super::Session;
use crate::Key;

db::statements! {
    IS_LIVE = "
        SELECT count(*) FROM sessions WHERE id = $1 AND revoked_at IS NULL AND idle_until > $2 AND ends_at > $2";
    END_OF_KEY = "UPDATE sessions SET revoked_at = $2 WHERE key_id = $1 AND revoked_at IS NULL";
}

/// Ends what was opened with a key that was given up.
pub(crate) async fn end_of_key(tx: &mut Tx, key: Id<Key>, now: UnixMillis) -> Result<u64, Error> {
    db::execute!(tx, END_OF_KEY, key.uuid(), now.0)
}

/// Whether the session still holds, in the transaction that acts on it.
pub(crate) async fn is_live(tx: &mut Tx, id: Id<Session>, now: UnixMillis) -> Result<bool, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, IS_LIVE, id.uuid(), now.0)?;
    Ok(count == 1)
}
