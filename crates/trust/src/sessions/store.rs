//! The tables `sessions` and `one_time_codes`.

use db::{Db, Error, Tx};
use names::{Handle, Id, UnixMillis};
use uuid::Uuid;

use super::{OneTime, Session, SessionRow, Standing};
use crate::{Key, Principal, store::PrincipalRow};

db::statements! {
    ADD_CODE = "
        INSERT INTO one_time_codes (id, purpose, code_hash, principal_id, key_id, expires_at)
        VALUES ($1, 'web_login', $2, $3, $4, $5)";
    DELETE_ENDED_CODES = "DELETE FROM one_time_codes WHERE expires_at < $1";
    PEEK_CODE = "
        SELECT p.handle FROM one_time_codes AS c JOIN principals AS p ON p.id = c.principal_id
          JOIN keys AS k ON k.id = c.key_id
         WHERE c.code_hash = $1 AND c.purpose = 'web_login' AND c.expires_at >= $2 AND c.used_at IS NULL
           AND k.revoked_at IS NULL";
    TAKE_CODE = "
        UPDATE one_time_codes SET used_at = $2
         WHERE code_hash = $1 AND purpose = 'web_login' AND expires_at >= $2 AND used_at IS NULL
           AND EXISTS (SELECT 1 FROM keys AS k WHERE k.id = one_time_codes.key_id AND k.revoked_at IS NULL)
        RETURNING principal_id, key_id";
    ADD = "
        INSERT INTO sessions (id, principal_id, opened_with, key_id, auth_time, created_at, idle_until, ends_at,
                              last_seen_at, ip, user_agent)
        VALUES ($1, $2, $9, $3, $4, $4, $5, $6, $4, $7, $8)";
    LIVE = "
        SELECT id, created_at, last_seen_at, ends_at, ip, user_agent FROM sessions
         WHERE principal_id = $1 AND revoked_at IS NULL AND idle_until > $2 AND ends_at > $2
         ORDER BY created_at DESC, id DESC";
    STANDING = "
        SELECT s.id AS session_id, s.key_id, s.auth_time, s.last_seen_at, s.ends_at,
               p.id, p.kind, p.handle, p.status, p.install_admin, p.created_at
          FROM sessions AS s JOIN principals AS p ON p.id = s.principal_id
         WHERE s.id = $1 AND s.revoked_at IS NULL AND s.idle_until > $2 AND s.ends_at > $2";
    NOTE_SEEN = "UPDATE sessions SET last_seen_at = $2, idle_until = $3 WHERE id = $1 AND revoked_at IS NULL";
    END = "
        UPDATE sessions SET revoked_at = $3
         WHERE principal_id = $1 AND revoked_at IS NULL AND (CAST($2 AS TEXT) = 'all' OR id = $4)";
    END_OLDEST = "
        UPDATE sessions SET revoked_at = $3
         WHERE principal_id = $1 AND revoked_at IS NULL AND id NOT IN (
               SELECT id FROM sessions WHERE principal_id = $1 AND revoked_at IS NULL
                ORDER BY created_at DESC, id DESC LIMIT $2)";
    IS_LIVE = "
        SELECT count(*) FROM sessions WHERE id = $1 AND revoked_at IS NULL AND idle_until > $2 AND ends_at > $2";
    END_OPENED_WITH = "
        UPDATE sessions SET revoked_at = $4
         WHERE principal_id = $1 AND opened_with = $2 AND id <> $3 AND revoked_at IS NULL";
    END_OF_KEY = "UPDATE sessions SET revoked_at = $2 WHERE key_id = $1 AND revoked_at IS NULL";
}

pub(super) struct NewCode {
    pub(super) id: Id<OneTime>,
    pub(super) hash: [u8; 32],
    pub(super) principal: Id<Principal>,
    pub(super) key: Id<Key>,
    pub(super) expires_at: UnixMillis,
}

pub(super) struct NewSession {
    pub(super) id: Id<Session>,
    pub(super) principal: Id<Principal>,
    pub(super) opened_with: &'static str,
    pub(super) key: Option<Id<Key>>,
    pub(super) now: UnixMillis,
    pub(super) idle_until: UnixMillis,
    pub(super) ends_at: UnixMillis,
    pub(super) ip: String,
    pub(super) user_agent: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    created_at: i64,
    last_seen_at: i64,
    ends_at: i64,
    ip: String,
    user_agent: String,
}

#[derive(sqlx::FromRow)]
struct StandingRow {
    session_id: Uuid,
    key_id: Option<Uuid>,
    auth_time: i64,
    last_seen_at: i64,
    ends_at: i64,
    #[sqlx(flatten)]
    principal: PrincipalRow,
}

pub(super) async fn add_code(tx: &mut Tx, new: &NewCode) -> Result<(), Error> {
    let (principal, key) = (new.principal.uuid(), new.key.uuid());
    db::execute!(tx, ADD_CODE, new.id.uuid(), &new.hash[..], principal, key, new.expires_at.0)
        .map(drop)
}

pub(crate) async fn delete_ended_codes(tx: &mut Tx, now: UnixMillis) -> Result<(), Error> {
    db::execute!(tx, DELETE_ENDED_CODES, now.0).map(drop)
}

/// Whom a code that still works would sign in.
pub(super) async fn peek_code(
    tx: &mut Tx,
    hash: &[u8; 32],
    now: UnixMillis,
) -> Result<Option<Handle>, Error> {
    let row: Option<(String,)> = db::fetch_optional!(tx, PEEK_CODE, &hash[..], now.0)?;
    row.map(|(handle,)| handle.parse().map_err(Error::corrupt("principals.handle"))).transpose()
}

/// Uses a code up, if it still works: whom it signs in, and by which key.
pub(super) async fn take_code(
    tx: &mut Tx,
    hash: &[u8; 32],
    now: UnixMillis,
) -> Result<Option<(Id<Principal>, Option<Id<Key>>)>, Error> {
    let row: Option<(Uuid, Option<Uuid>)> = db::fetch_optional!(tx, TAKE_CODE, &hash[..], now.0)?;
    Ok(row.map(|(principal, key)| (Id::from_uuid(principal), key.map(Id::from_uuid))))
}

pub(super) async fn add(tx: &mut Tx, new: &NewSession) -> Result<(), Error> {
    db::execute!(
        tx,
        ADD,
        new.id.uuid(),
        new.principal.uuid(),
        new.key.map(Id::uuid),
        new.now.0,
        new.idle_until.0,
        new.ends_at.0,
        &new.ip,
        &new.user_agent,
        new.opened_with,
    )
    .map(drop)
}

/// What lives, newest first.
pub(super) async fn live(
    tx: &mut Tx,
    principal: Id<Principal>,
    now: UnixMillis,
) -> Result<Vec<SessionRow>, Error> {
    let rows: Vec<Row> = db::fetch_all!(tx, LIVE, principal.uuid(), now.0)?;
    let typed = |row: Row| SessionRow {
        id: Id::from_uuid(row.id),
        created_at: UnixMillis(row.created_at),
        last_seen_at: UnixMillis(row.last_seen_at),
        ends_at: UnixMillis(row.ends_at),
        ip: row.ip,
        user_agent: row.user_agent,
    };
    Ok(rows.into_iter().map(typed).collect())
}

/// A live session and whose it is.
pub(super) async fn standing(
    tx: &mut Tx,
    id: Id<Session>,
    now: UnixMillis,
) -> Result<Option<Standing>, Error> {
    let row: Option<StandingRow> = db::fetch_optional!(tx, STANDING, id.uuid(), now.0)?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Standing {
        principal: row.principal.try_into()?,
        session: Session {
            id: Id::from_uuid(row.session_id),
            key_id: row.key_id.map(Id::from_uuid),
            auth_time: UnixMillis(row.auth_time),
            is_fresh: false,
        },
        last_seen_at: UnixMillis(row.last_seen_at),
        ends_at: UnixMillis(row.ends_at),
    }))
}

pub(super) async fn note_seen(
    db: &Db,
    id: Id<Session>,
    now: UnixMillis,
    idle_until: UnixMillis,
) -> Result<(), Error> {
    db::execute_alone!(db, NOTE_SEEN, id.uuid(), now.0, idle_until.0).map(drop)
}

/// Ends one session of a person, or all; gives how many.
pub(super) async fn end(
    tx: &mut Tx,
    principal: Id<Principal>,
    which: Option<Id<Session>>,
    now: UnixMillis,
) -> Result<u64, Error> {
    let (word, id) = which.map_or(("all", Uuid::nil()), |id| ("one", id.uuid()));
    db::execute!(tx, END, principal.uuid(), word, now.0, id)
}

/// Ends what is older than the newest `keep`.
pub(super) async fn end_oldest(
    tx: &mut Tx,
    principal: Id<Principal>,
    keep: usize,
    now: UnixMillis,
) -> Result<(), Error> {
    let keep = i64::try_from(keep).unwrap_or(i64::MAX);
    db::execute!(tx, END_OLDEST, principal.uuid(), keep, now.0).map(drop)
}

/// Ends what was opened with a key that was given up.
pub(crate) async fn end_of_key(tx: &mut Tx, key: Id<Key>, now: UnixMillis) -> Result<u64, Error> {
    db::execute!(tx, END_OF_KEY, key.uuid(), now.0)
}

/// Ends one session of a person, if it is one.
pub(crate) async fn end_one(
    tx: &mut Tx,
    person: Id<Principal>,
    session: Id<Session>,
    now: UnixMillis,
) -> Result<u64, Error> {
    end(tx, person, Some(session), now).await
}

/// Ends what a person opened in one way, but for one session.
pub(crate) async fn end_opened_with(
    tx: &mut Tx,
    person: Id<Principal>,
    way: &str,
    but: Option<Id<Session>>,
    now: UnixMillis,
) -> Result<u64, Error> {
    let but = but.map_or(Uuid::nil(), Id::uuid);
    db::execute!(tx, END_OPENED_WITH, person.uuid(), way, but, now.0)
}

/// Whether the session still holds, in the transaction that acts on it.
pub(crate) async fn is_live(tx: &mut Tx, id: Id<Session>, now: UnixMillis) -> Result<bool, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, IS_LIVE, id.uuid(), now.0)?;
    Ok(count == 1)
}
