//! The table `signing_keys`.

use db::{Error, Tx};
use keys::PublicKey;
use names::UnixMillis;

use super::{Purpose, Status, VerifyingKey};

db::statements! {
    ACTIVE = "
        SELECT kid, purpose, public_key, sealed_private, status, created_at, retired_at
          FROM signing_keys WHERE purpose = $1 AND status = 'active'";
    FIND = "
        SELECT kid, purpose, public_key, sealed_private, status, created_at, retired_at
          FROM signing_keys WHERE kid = $1";
    LIST = "
        SELECT kid, purpose, public_key, sealed_private, status, created_at, retired_at
          FROM signing_keys WHERE purpose = $1 ORDER BY created_at, kid";
    ADD = "
        INSERT INTO signing_keys (kid, purpose, public_key, key_id, sealed_private, status, created_at)
        VALUES ($1, $2, $3, $4, $5, 'active', $6)
        ON CONFLICT (purpose) WHERE status = 'active' DO NOTHING";
    SET_RETIRING = "
        UPDATE signing_keys SET status = 'retiring', retired_at = $2
         WHERE purpose = $1 AND status = 'active'";
    RETIRE = "UPDATE signing_keys SET status = 'retired' WHERE purpose = $1 AND status = 'retiring' AND retired_at <= $2";
    SEALED = "SELECT kid, key_id, sealed_private FROM signing_keys ORDER BY kid";
    RESEAL = "UPDATE signing_keys SET key_id = $2, sealed_private = $3 WHERE kid = $1";
}

#[derive(sqlx::FromRow)]
struct Row {
    kid: String,
    purpose: String,
    public_key: Vec<u8>,
    sealed_private: Vec<u8>,
    status: String,
    created_at: i64,
    retired_at: Option<i64>,
}

impl TryFrom<Row> for (VerifyingKey, Vec<u8>) {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let purpose = match row.purpose.as_str() {
            "session" => Purpose::Session,
            "audit" => Purpose::Audit,
            "provenance" => Purpose::Provenance,
            "server" => Purpose::Server,
            other => return Err(Error::corrupt("signing_keys.purpose")(other)),
        };
        let status = match row.status.as_str() {
            "active" => Status::Active,
            "retiring" => Status::Retiring,
            "retired" => Status::Retired,
            other => return Err(Error::corrupt("signing_keys.status")(other)),
        };
        let column = "signing_keys.public_key";
        let bytes: [u8; 32] =
            row.public_key.as_slice().try_into().map_err(Error::corrupt(column))?;
        let public = VerifyingKey {
            kid: row.kid,
            purpose,
            public: PublicKey::from_bytes(&bytes).map_err(Error::corrupt(column))?,
            status,
            created_at: UnixMillis(row.created_at),
            retired_at: row.retired_at.map(UnixMillis),
        };
        Ok((public, row.sealed_private))
    }
}

/// The key that signs for a purpose, with its sealed half.
pub(crate) async fn active(
    tx: &mut Tx,
    purpose: Purpose,
) -> Result<Option<(VerifyingKey, Vec<u8>)>, Error> {
    let row: Option<Row> = db::fetch_optional!(tx, ACTIVE, purpose.as_str())?;
    row.map(TryFrom::try_from).transpose()
}

pub(crate) async fn find(tx: &mut Tx, kid: &str) -> Result<Option<VerifyingKey>, Error> {
    let row: Option<Row> = db::fetch_optional!(tx, FIND, kid)?;
    row.map(public).transpose()
}

/// A key with its sealed half, active or not.
pub(super) async fn with_private(
    tx: &mut Tx,
    kid: &str,
) -> Result<Option<(VerifyingKey, Vec<u8>)>, Error> {
    let row: Option<Row> = db::fetch_optional!(tx, FIND, kid)?;
    row.map(TryFrom::try_from).transpose()
}

pub(crate) async fn list(tx: &mut Tx, purpose: Purpose) -> Result<Vec<VerifyingKey>, Error> {
    let rows: Vec<Row> = db::fetch_all!(tx, LIST, purpose.as_str())?;
    rows.into_iter().map(public).collect()
}

fn public(row: Row) -> Result<VerifyingKey, Error> {
    Ok(<(VerifyingKey, Vec<u8>)>::try_from(row)?.0)
}

/// Adds the active key of a purpose; `false` if there is one.
pub(crate) async fn add(
    tx: &mut Tx,
    key: &VerifyingKey,
    key_id: &str,
    sealed: &[u8],
) -> Result<bool, Error> {
    let public = &key.public.as_bytes()[..];
    let (purpose, since) = (key.purpose.as_str(), key.created_at.0);
    Ok(db::execute!(tx, ADD, &key.kid, purpose, public, key_id, sealed, since)? == 1)
}

pub(crate) async fn set_retiring(
    tx: &mut Tx,
    purpose: Purpose,
    now: UnixMillis,
) -> Result<(), Error> {
    db::execute!(tx, SET_RETIRING, purpose.as_str(), now.0).map(drop)
}

/// Those whose place was taken by another at that moment or before are of the past.
pub(super) async fn retire(tx: &mut Tx, purpose: Purpose, then: UnixMillis) -> Result<(), Error> {
    db::execute!(tx, RETIRE, purpose.as_str(), then.0).map(drop)
}

/// Names of all keys, each with the install key that seals it and the sealed half.
pub(crate) async fn sealed(tx: &mut Tx) -> Result<Vec<(String, String, Vec<u8>)>, Error> {
    db::fetch_all!(tx, SEALED)
}

/// Puts a sealed half in the place of another.
pub(crate) async fn reseal(
    tx: &mut Tx,
    kid: &str,
    key_id: &str,
    sealed: &[u8],
) -> Result<(), Error> {
    db::execute!(tx, RESEAL, kid, key_id, sealed).map(drop)
}
