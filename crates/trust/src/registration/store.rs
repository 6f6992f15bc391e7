//! The table `auth_challenges`.

use db::{Error, Tx};
use keys::PublicKey;
use names::{Id, UnixMillis};

use super::{Challenge, Waiting};
use crate::Principal;

db::statements! {
    COUNT = "SELECT count(*) FROM auth_challenges";
    DELETE_ENDED = "DELETE FROM auth_challenges WHERE expires_at < $1";
    ADD = "
        INSERT INTO auth_challenges (id, handle, public_key, message, label, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6)";
    ACCEPT_TERMS = "
        UPDATE principals SET tos_version = $2, tos_accepted_at = $3
         WHERE id = $1 AND (tos_version IS NULL OR tos_version <> $2)";
    TAKE = "
        DELETE FROM auth_challenges WHERE id = $1
        RETURNING handle, public_key, message, label, expires_at";
}

#[derive(sqlx::FromRow)]
struct Row {
    handle: String,
    public_key: Vec<u8>,
    message: String,
    label: String,
    expires_at: i64,
}

impl TryFrom<Row> for Waiting {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let bytes: [u8; 32] = row
            .public_key
            .as_slice()
            .try_into()
            .map_err(Error::corrupt("auth_challenges.public_key"))?;
        Ok(Self {
            handle: row.handle.parse().map_err(Error::corrupt("auth_challenges.handle"))?,
            public: PublicKey::from_bytes(&bytes)
                .map_err(Error::corrupt("auth_challenges.public_key"))?,
            message: row.message,
            label: row.label,
            expires_at: UnixMillis(row.expires_at),
        })
    }
}

pub(crate) async fn count(tx: &mut Tx) -> Result<i64, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, COUNT)?;
    Ok(count)
}

pub(crate) async fn delete_ended(tx: &mut Tx, now: UnixMillis) -> Result<(), Error> {
    db::execute!(tx, DELETE_ENDED, now.0).map(drop)
}

pub(crate) async fn add(tx: &mut Tx, id: Id<Challenge>, it: &Waiting) -> Result<(), Error> {
    let public = &it.public.as_bytes()[..];
    let (handle, ends) = (it.handle.as_str(), it.expires_at.0);
    db::execute!(tx, ADD, id.uuid(), handle, public, &it.message, &it.label, ends).map(drop)
}

/// Remembers that the terms were taken; `false` if these were already.
pub(crate) async fn accept_terms(
    tx: &mut Tx,
    id: Id<Principal>,
    version: &str,
    now: UnixMillis,
) -> Result<bool, Error> {
    Ok(db::execute!(tx, ACCEPT_TERMS, id.uuid(), version, now.0)? == 1)
}

/// Takes the challenge away, so that it cannot be met again.
pub(crate) async fn take(tx: &mut Tx, id: Id<Challenge>) -> Result<Option<Waiting>, Error> {
    let row: Option<Row> = db::fetch_optional!(tx, TAKE, id.uuid())?;
    row.map(Waiting::try_from).transpose()
}
