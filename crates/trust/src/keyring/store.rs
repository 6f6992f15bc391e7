//! What changes in the table `keys` after a key was registered.

use db::{Db, Error, Tx};
use names::{Id, UnixMillis};

use crate::{Key, Principal, RevokeReason};

db::statements! {
    REVOKE = "
        UPDATE keys SET revoked_at = $2, revoked_by = $3, revoke_reason = $4, compromised_since = $5 WHERE id = $1";
    NOTE_USE = "UPDATE keys SET last_used_at = $2 WHERE id = $1";
}

pub(super) async fn revoke(
    tx: &mut Tx,
    id: Id<Key>,
    at: UnixMillis,
    by: Option<Id<Principal>>,
    reason: RevokeReason,
    since: Option<UnixMillis>,
) -> Result<(), Error> {
    let (by, since) = (by.map(Id::uuid), since.map(|it| it.0));
    db::execute!(tx, REVOKE, id.uuid(), at.0, by, reason.as_str(), since).map(drop)
}

pub(super) async fn note_use(db: &Db, id: Id<Key>, now: UnixMillis) -> Result<(), Error> {
    db::execute_alone!(db, NOTE_USE, id.uuid(), now.0).map(drop)
}
