//! The table `external_identities`, and the rows of `one_time_codes` for those who are on their way.

use db::{Error, Tx};
use names::{Id, UnixMillis};
use uuid::Uuid;

use super::{Identity, Waiting};
use crate::{Principal, store::PrincipalRow};

db::statements! {
    COUNT_WAITING = "SELECT count(*) FROM one_time_codes WHERE purpose = 'oauth'";
    ADD_WAITING = "
        INSERT INTO one_time_codes (id, purpose, code_hash, principal_id, payload, expires_at)
        VALUES ($1, 'oauth', $2, $3, $4, $5)";
    TAKE_WAITING = "
        DELETE FROM one_time_codes WHERE code_hash = $1 AND purpose = 'oauth' AND expires_at >= $2
        RETURNING principal_id, payload";
    PEEK_WAITING = "
        SELECT payload FROM one_time_codes WHERE code_hash = $1 AND purpose = 'oauth' AND expires_at >= $2";
    LIST = "
        SELECT provider, subject, linked_at, last_used_at FROM external_identities
         WHERE principal_id = $1 ORDER BY provider, linked_at";
    FIND = "
        SELECT p.id, p.kind, p.handle, p.status, p.install_admin, p.created_at
          FROM external_identities AS e JOIN principals AS p ON p.id = e.principal_id
         WHERE e.provider = $1 AND e.subject = $2";
    ADD = "
        INSERT INTO external_identities (provider, subject, principal_id, linked_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (provider, subject) DO NOTHING";
    NOTE_USE = "UPDATE external_identities SET last_used_at = $3 WHERE provider = $1 AND subject = $2";
    REMOVE = "DELETE FROM external_identities WHERE principal_id = $1 AND provider = $2";
}

#[derive(sqlx::FromRow)]
struct Row {
    provider: String,
    subject: String,
    linked_at: i64,
    last_used_at: Option<i64>,
}

pub(super) async fn count_waiting(tx: &mut Tx) -> Result<i64, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, COUNT_WAITING)?;
    Ok(count)
}

/// Adds a row for somebody who is on the way; `person` is who links an account.
pub(super) async fn add_waiting(
    tx: &mut Tx,
    id: Id<Waiting>,
    hash: &[u8; 32],
    person: Option<Id<Principal>>,
    waiting: &Waiting,
    expires_at: UnixMillis,
) -> Result<(), Error> {
    let payload =
        serde_json::to_string(waiting).map_err(Error::corrupt("one_time_codes.payload"))?;
    let person = person.map(Id::uuid);
    db::execute!(tx, ADD_WAITING, id.uuid(), &hash[..], person, payload, expires_at.0).map(drop)
}

/// Uses the row up.
pub(super) async fn take_waiting(
    tx: &mut Tx,
    hash: &[u8; 32],
    now: UnixMillis,
) -> Result<Option<(Option<Id<Principal>>, Waiting)>, Error> {
    let row: Option<(Option<Uuid>, String)> =
        db::fetch_optional!(tx, TAKE_WAITING, &hash[..], now.0)?;
    row.map(|(person, payload)| Ok((person.map(Id::from_uuid), parse(&payload)?))).transpose()
}

/// Looks at the row.
pub(super) async fn peek_waiting(
    tx: &mut Tx,
    hash: &[u8; 32],
    now: UnixMillis,
) -> Result<Option<Waiting>, Error> {
    let row: Option<(String,)> = db::fetch_optional!(tx, PEEK_WAITING, &hash[..], now.0)?;
    row.map(|(payload,)| parse(&payload)).transpose()
}

fn parse(payload: &str) -> Result<Waiting, Error> {
    serde_json::from_str(payload).map_err(Error::corrupt("one_time_codes.payload"))
}

/// The accounts elsewhere of a person.
pub(super) async fn list(tx: &mut Tx, person: Id<Principal>) -> Result<Vec<Identity>, Error> {
    let rows: Vec<Row> = db::fetch_all!(tx, LIST, person.uuid())?;
    let typed = |row: Row| Identity {
        provider: row.provider,
        subject: row.subject,
        linked_at: UnixMillis(row.linked_at),
        last_used_at: row.last_used_at.map(UnixMillis),
    };
    Ok(rows.into_iter().map(typed).collect())
}

/// Whom an account elsewhere signs in.
pub(super) async fn find(
    tx: &mut Tx,
    provider: &str,
    subject: &str,
) -> Result<Option<Principal>, Error> {
    let row: Option<PrincipalRow> = db::fetch_optional!(tx, FIND, provider, subject)?;
    row.map(Principal::try_from).transpose()
}

/// Links an account elsewhere; `false` if it is linked already.
pub(super) async fn add(
    tx: &mut Tx,
    (provider, subject): (&str, &str),
    person: Id<Principal>,
    now: UnixMillis,
) -> Result<bool, Error> {
    let added = db::execute!(tx, ADD, provider, subject, person.uuid(), now.0)?;
    Ok(added == 1)
}

pub(super) async fn note_use(
    tx: &mut Tx,
    provider: &str,
    subject: &str,
    now: UnixMillis,
) -> Result<(), Error> {
    db::execute!(tx, NOTE_USE, provider, subject, now.0).map(drop)
}

pub(super) async fn remove(
    tx: &mut Tx,
    person: Id<Principal>,
    provider: &str,
) -> Result<(), Error> {
    db::execute!(tx, REMOVE, person.uuid(), provider).map(drop)
}
