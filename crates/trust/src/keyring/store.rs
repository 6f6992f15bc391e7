//! What changes in the table `keys` after a key was registered.

use std::collections::HashMap;

use db::{Db, Error, Tx};
use keys::{Fingerprint, PublicKey};
use names::{Id, UnixMillis};
use uuid::Uuid;

use super::Signer;
use crate::{Key, Principal, RevokeReason, store as rows};

db::statements! {
    REVOKE = "
        UPDATE keys SET revoked_at = $2, revoked_by = $3, revoke_reason = $4, compromised_since = $5 WHERE id = $1";
    NOTE_USE = "UPDATE keys SET last_used_at = $2 WHERE id = $1";
    SIGNERS = {
        sqlite "
        SELECT k.fingerprint, k.public_key, k.revoked_at, k.compromised_since, p.id, p.handle, p.kind, a.owner_id
          FROM json_each($1) AS wanted JOIN keys AS k ON k.fingerprint = wanted.value
          JOIN principals AS p ON p.id = k.principal_id LEFT JOIN agents AS a ON a.principal_id = p.id",
        postgres "
        SELECT k.fingerprint, k.public_key, k.revoked_at, k.compromised_since, p.id, p.handle, p.kind, a.owner_id
          FROM jsonb_array_elements_text($1::jsonb) AS wanted JOIN keys AS k ON k.fingerprint = wanted.value
          JOIN principals AS p ON p.id = k.principal_id LEFT JOIN agents AS a ON a.principal_id = p.id"
    };
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

#[derive(sqlx::FromRow)]
struct SignerRow {
    fingerprint: String,
    public_key: Vec<u8>,
    revoked_at: Option<i64>,
    compromised_since: Option<i64>,
    id: Uuid,
    handle: String,
    kind: String,
    owner_id: Option<Uuid>,
}

pub(super) async fn signers(
    tx: &mut Tx,
    keys: &[Fingerprint],
) -> Result<HashMap<Fingerprint, Signer>, Error> {
    let rows: Vec<SignerRow> = db::fetch_all!(tx, SIGNERS, db::rows(keys))?;
    let believe = |row: SignerRow| {
        let bytes: [u8; 32] =
            row.public_key.as_slice().try_into().map_err(Error::corrupt("keys.public_key"))?;
        let signer = Signer {
            public: PublicKey::from_bytes(&bytes).map_err(Error::corrupt("keys.public_key"))?,
            principal: Id::from_uuid(row.id),
            handle: row.handle.parse().map_err(Error::corrupt("principals.handle"))?,
            kind: rows::kind(&row.kind)?,
            owner: row.owner_id.map(Id::from_uuid),
            ended_at: row.compromised_since.into_iter().chain(row.revoked_at).min().map(UnixMillis),
        };
        Ok((row.fingerprint.parse().map_err(Error::corrupt("keys.fingerprint"))?, signer))
    };
    rows.into_iter().map(believe).collect()
}
