//! The table `request_nonces`.

use db::{Error, Tx};
use names::{Id, UnixMillis};
use uuid::Uuid;

use crate::Key;

db::statements! {
    LIVE = "SELECT key_id, nonce, expires_at FROM request_nonces WHERE expires_at >= $1";
    SPEND = "
        INSERT INTO request_nonces (key_id, nonce, taken_by, expires_at)
        SELECT id, $2, $3, $4 FROM keys WHERE id = $1 AND revoked_at IS NULL
        ON CONFLICT (key_id, nonce) DO UPDATE SET taken_by = excluded.taken_by
        WHERE request_nonces.taken_by = excluded.taken_by";
    KEY_LIVES = "SELECT count(*) FROM keys WHERE id = $1 AND revoked_at IS NULL";
    DELETE_ENDED = "DELETE FROM request_nonces WHERE expires_at < $1";
}

/// What cannot be used again.
pub(crate) async fn live_nonces(
    tx: &mut Tx,
    now: UnixMillis,
) -> Result<Vec<(Id<Key>, Box<str>, UnixMillis)>, Error> {
    let rows: Vec<(Uuid, String, i64)> = db::fetch_all!(tx, LIVE, now.0)?;
    let typed = |(key, nonce, ends): (Uuid, String, i64)| {
        (Id::from_uuid(key), nonce.into(), UnixMillis(ends))
    };
    Ok(rows.into_iter().map(typed).collect())
}

/// Writes a nonce; `false` if another request has it, or if the key has been given up.
pub(crate) async fn spend(
    tx: &mut Tx,
    key: Id<Key>,
    nonce: &str,
    request: Uuid,
    ends: UnixMillis,
) -> Result<bool, Error> {
    Ok(db::execute!(tx, SPEND, key.uuid(), nonce, request, ends.0)? == 1)
}

/// Forgets what has ended.
pub(crate) async fn delete_ended(tx: &mut Tx, now: UnixMillis) -> Result<(), Error> {
    db::execute!(tx, DELETE_ENDED, now.0).map(drop)
}

/// Whether the key has not been given up.
pub(crate) async fn key_lives(tx: &mut Tx, key: Id<Key>) -> Result<bool, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, KEY_LIVES, key.uuid())?;
    Ok(count == 1)
}
