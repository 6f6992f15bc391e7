//! Invitations in the table `tokens`.

use db::{Error, Tx};
use keys::TokenText;
use names::{Id, UnixMillis};
use uuid::Uuid;

use super::Invitation;
use crate::Principal;

db::statements! {
    COUNT = {
        sqlite "
        SELECT count(*) FROM tokens
         WHERE kind = 'invite' AND publisher_id IS $1 AND revoked_at IS NULL AND uses_left > 0 AND expires_at > $2",
        postgres "
        SELECT count(*) FROM tokens
         WHERE kind = 'invite' AND publisher_id IS NOT DISTINCT FROM $1 AND revoked_at IS NULL AND uses_left > 0
           AND expires_at > $2"
    };
    ADD = "
        INSERT INTO tokens (id, line_id, kind, hash, last8, publisher_id, scope, minted_by, source, created_at, expires_at,
                            uses_left)
        VALUES ($1, $1, 'invite', $2, $3, $4, $5, $6, 'api', $7, $8, 1)";
    TAKE = "
        UPDATE tokens SET uses_left = uses_left - 1, last_used_at = $2
         WHERE hash = $1 AND kind = 'invite' AND revoked_at IS NULL AND uses_left > 0 AND expires_at > $2
        RETURNING id, publisher_id, scope";
}

pub(super) struct NewInvite {
    pub(super) id: Id<Invitation>,
    pub(super) organization: Option<Id<Principal>>,
    pub(super) terms: String,
    pub(super) by: Option<Id<Principal>>,
    pub(super) now: UnixMillis,
    pub(super) expires_at: UnixMillis,
}

/// How many wait to be used.
pub(super) async fn count(
    tx: &mut Tx,
    organization: Option<Id<Principal>>,
    now: UnixMillis,
) -> Result<i64, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, COUNT, organization.map(Id::uuid), now.0)?;
    Ok(count)
}

pub(super) async fn add(tx: &mut Tx, new: &NewInvite, text: &TokenText) -> Result<(), Error> {
    db::execute!(
        tx,
        ADD,
        new.id.uuid(),
        &text.hash()[..],
        text.last8(),
        new.organization.map(Id::uuid),
        &new.terms,
        new.by.map(Id::uuid),
        new.now.0,
        new.expires_at.0,
    )
    .map(drop)
}

/// Which, for which organization, on which terms.
type Taken = (Id<Invitation>, Option<Id<Principal>>, String);

/// Uses an invitation up, if it is good.
pub(super) async fn take(
    tx: &mut Tx,
    hash: &[u8; 32],
    now: UnixMillis,
) -> Result<Option<Taken>, Error> {
    let row: Option<(Uuid, Option<Uuid>, String)> =
        db::fetch_optional!(tx, TAKE, &hash[..], now.0)?;
    let typed = |(id, to, terms): (Uuid, Option<Uuid>, String)| {
        (Id::from_uuid(id), to.map(Id::from_uuid), terms)
    };
    Ok(row.map(typed))
}
