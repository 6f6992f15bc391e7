//! The table `secrets`.

use db::{Error, Tx};
use keys::Sealed;
use names::{Id, UnixMillis};
use uuid::Uuid;

use super::{PublisherSecret, SecretKind, Stored};
use crate::Principal;

db::statements! {
    // Two may be made within a millisecond; the present one is the one without an end.
    LIVE = "
        SELECT id, kind, sealed_dek, sealed_value, last4, activate_at, created_at, expires_at FROM secrets
         WHERE publisher_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)
         ORDER BY CASE WHEN expires_at IS NULL THEN 0 ELSE 1 END, created_at DESC, id DESC";
    ADD = "
        INSERT INTO secrets (id, publisher_id, kind, key_id, sealed_dek, sealed_value, last4, activate_at, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    REVOKE = "UPDATE secrets SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
    SEALED = "SELECT id, key_id, sealed_dek, sealed_value FROM secrets ORDER BY id";
    RESEAL = "UPDATE secrets SET key_id = $2, sealed_dek = $3, sealed_value = $4 WHERE id = $1";
    END_BY = "
        UPDATE secrets SET expires_at = $2 WHERE id = $1 AND (expires_at IS NULL OR expires_at > $2)";
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    kind: String,
    sealed_dek: Vec<u8>,
    sealed_value: Vec<u8>,
    last4: String,
    activate_at: i64,
    created_at: i64,
    expires_at: Option<i64>,
}

impl TryFrom<Row> for Stored {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let kind: SecretKind = row.kind.parse().map_err(Error::corrupt("secrets.kind"))?;
        let secret = PublisherSecret {
            id: Id::from_uuid(row.id),
            kind,
            last4: row.last4,
            activate_at: UnixMillis(row.activate_at),
            created_at: UnixMillis(row.created_at),
            expires_at: row.expires_at.map(UnixMillis),
        };
        Ok(Self { secret, sealed: Sealed { data_key: row.sealed_dek, value: row.sealed_value } })
    }
}

/// The secrets of a publisher that have not ended, newest first: of each kind the one that was not rotated leads.
pub(super) async fn live(
    tx: &mut Tx,
    publisher: Id<Principal>,
    now: UnixMillis,
) -> Result<Vec<Stored>, Error> {
    let rows: Vec<Row> = db::fetch_all!(tx, LIVE, publisher.uuid(), now.0)?;
    rows.into_iter().map(Stored::try_from).collect()
}

pub(super) async fn add(
    tx: &mut Tx,
    publisher: Id<Principal>,
    secret: &PublisherSecret,
    (key_id, sealed): (&str, &Sealed),
) -> Result<(), Error> {
    db::execute!(
        tx,
        ADD,
        secret.id.uuid(),
        publisher.uuid(),
        secret.kind.as_str(),
        key_id,
        &sealed.data_key,
        &sealed.value,
        &secret.last4,
        secret.activate_at.0,
        secret.created_at.0,
    )
    .map(drop)
}

pub(super) async fn revoke(
    tx: &mut Tx,
    id: Id<PublisherSecret>,
    now: UnixMillis,
) -> Result<(), Error> {
    db::execute!(tx, REVOKE, id.uuid(), now.0).map(drop)
}

/// Ends a secret at that moment at the latest.
pub(super) async fn end_by(
    tx: &mut Tx,
    id: Id<PublisherSecret>,
    at: UnixMillis,
) -> Result<(), Error> {
    db::execute!(tx, END_BY, id.uuid(), at.0).map(drop)
}

/// All secrets, ended ones too, each with the install key that seals it.
pub(crate) async fn sealed(tx: &mut Tx) -> Result<Vec<(Uuid, String, Sealed)>, Error> {
    let rows: Vec<(Uuid, String, Vec<u8>, Vec<u8>)> = db::fetch_all!(tx, SEALED)?;
    let typed = |(id, key_id, data_key, value)| (id, key_id, Sealed { data_key, value });
    Ok(rows.into_iter().map(typed).collect())
}

/// Puts a sealed secret in the place of another.
pub(crate) async fn reseal(
    tx: &mut Tx,
    id: Uuid,
    key_id: &str,
    sealed: &Sealed,
) -> Result<(), Error> {
    db::execute!(tx, RESEAL, id, key_id, &sealed.data_key, &sealed.value).map(drop)
}
