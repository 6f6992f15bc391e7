//! The table `upload_addresses`.

use api::wire::limits::PRESIGNED_OBJECT_BYTES;
use db::{Error, Tx};
use keys::AddressToken;
use names::{Digest, Id, UnixMillis};
use trust::{Mandate, Principal};
use uuid::Uuid;

use super::{Address, NewAddress, Of};

db::statements! {
    ADD = {
        sqlite "
        INSERT INTO upload_addresses
            (token_hash, repository_id, principal_id, key_id, token_id, object_id, max_bytes, ends_at)
        SELECT unhex(value ->> 0), $2, $3, $4, $5, unhex(value ->> 1), $6, $7 FROM json_each($1)",
        postgres "
        INSERT INTO upload_addresses
            (token_hash, repository_id, principal_id, key_id, token_id, object_id, max_bytes, ends_at)
        SELECT decode(value ->> 0, 'hex'), $2, $3, $4, $5, decode(value ->> 1, 'hex'), $6, $7
          FROM jsonb_array_elements($1::jsonb)"
    };
    FIND = "
        SELECT repository_id, key_id, token_id, object_id, max_bytes FROM upload_addresses
         WHERE token_hash = $1 AND ends_at >= $2";
    COUNT_LIVE = "SELECT count(*) FROM upload_addresses WHERE principal_id = $1 AND ends_at >= $2";
    END = "
        DELETE FROM upload_addresses WHERE token_hash IN
            (SELECT token_hash FROM upload_addresses WHERE ends_at < $1 ORDER BY ends_at LIMIT $2)";
}

#[derive(sqlx::FromRow)]
struct Row {
    repository_id: Uuid,
    key_id: Option<Uuid>,
    token_id: Option<Uuid>,
    object_id: Vec<u8>,
    max_bytes: i64,
}

impl TryFrom<Row> for Address {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let mandate = match (row.key_id, row.token_id) {
            (Some(key), None) => Mandate::Key(Id::from_uuid(key)),
            (None, Some(token)) => Mandate::Token(Id::from_uuid(token)),
            (Some(_), Some(_)) | (None, None) => {
                return Err(Error::corrupt("upload_addresses.key_id")("one of key and token"));
            }
        };
        Ok(Self {
            repository: Id::from_uuid(row.repository_id),
            mandate,
            object: (&*row.object_id)
                .try_into()
                .map_err(Error::corrupt("upload_addresses.object_id"))?,
            max_bytes: u64::try_from(row.max_bytes)
                .map_err(Error::corrupt("upload_addresses.max_bytes"))?,
        })
    }
}

pub(super) async fn add(
    tx: &mut Tx,
    (repository, principal, mandate): Of,
    new: &[NewAddress],
    ends: UnixMillis,
) -> Result<(), Error> {
    let (key, token) = match mandate {
        Mandate::Key(id) => (Some(id.uuid()), None),
        Mandate::Token(id) => (None, Some(id.uuid())),
    };
    let hash = |it: &NewAddress| Digest::from_bytes(it.token.hash()).to_string();
    let rows = db::rows(new.iter().map(|it| (hash(it), it.object)));
    let most = i64::try_from(PRESIGNED_OBJECT_BYTES).unwrap_or(i64::MAX);
    let (repository, principal) = (repository.uuid(), principal.uuid());
    db::execute!(tx, ADD, rows, repository, principal, key, token, most, ends.0).map(drop)
}

/// What the address is for, if it lives.
pub(super) async fn find(
    tx: &mut Tx,
    token: &AddressToken,
    now: UnixMillis,
) -> Result<Option<Address>, Error> {
    let hash = token.hash();
    let row: Option<Row> = db::fetch_optional!(tx, FIND, &hash[..], now.0)?;
    row.map(Address::try_from).transpose()
}

pub(super) async fn count_live(
    tx: &mut Tx,
    principal: Id<Principal>,
    now: UnixMillis,
) -> Result<u64, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, COUNT_LIVE, principal.uuid(), now.0)?;
    u64::try_from(count).map_err(Error::corrupt("count(*)"))
}

pub(super) async fn end(tx: &mut Tx, now: UnixMillis, limit: u32) -> Result<u64, Error> {
    db::execute!(tx, END, now.0, i64::from(limit))
}
