//! What the office changes in `principals`, and the table `break_glass`.

use db::{Error, Tx};
use names::{Id, UnixMillis};
use uuid::Uuid;

use super::Glass;
use crate::{Invitation, Principal};

db::statements! {
    SET_INSTALL_ADMIN = "
        UPDATE principals SET install_admin = $2 WHERE id = $1 AND kind = 'person' AND install_admin <> $2";
    SET_STATUS = "UPDATE principals SET status = $3 WHERE id = $1 AND status = $2";
    COUNT_PERSONS = "SELECT count(*) FROM principals WHERE kind = 'person'";
    COUNT_OPEN_INVITE = "
        SELECT count(*) FROM tokens WHERE id = $1 AND revoked_at IS NULL AND uses_left > 0 AND expires_at > $2";
    OPEN = "
        INSERT INTO break_glass (id, admin_id, repo_id, reason, opened_at, ends_at) VALUES ($1, $2, $3, $4, $5, $6)";
    CLOSE = "UPDATE break_glass SET closed_at = $2 WHERE id = $1 AND closed_at IS NULL";
    IS_OPEN = "
        SELECT count(*) FROM break_glass WHERE admin_id = $1 AND repo_id = $2 AND closed_at IS NULL AND ends_at > $3";
    SINCE = "
        SELECT g.id, p.handle, g.reason, g.opened_at, g.ends_at
          FROM break_glass AS g JOIN principals AS p ON p.id = g.admin_id
         WHERE g.repo_id = $1 AND g.opened_at > $2 ORDER BY g.opened_at DESC LIMIT 20";
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    handle: String,
    reason: String,
    opened_at: i64,
    ends_at: i64,
}

impl TryFrom<Row> for Glass {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: Id::from_uuid(row.id),
            admin: row.handle.parse().map_err(Error::corrupt("principals.handle"))?,
            reason: row.reason,
            opened_at: UnixMillis(row.opened_at),
            ends_at: UnixMillis(row.ends_at),
        })
    }
}

/// Whether anything changed.
pub(super) async fn set_install_admin(
    tx: &mut Tx,
    person: Id<Principal>,
    is_admin: bool,
) -> Result<bool, Error> {
    Ok(db::execute!(tx, SET_INSTALL_ADMIN, person.uuid(), i64::from(is_admin))? == 1)
}

/// Whether it was in the state `from`.
pub(super) async fn set_status(
    tx: &mut Tx,
    id: Id<Principal>,
    from: &str,
    to: &str,
) -> Result<bool, Error> {
    Ok(db::execute!(tx, SET_STATUS, id.uuid(), from, to)? == 1)
}

pub(super) async fn has_persons(tx: &mut Tx) -> Result<bool, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, COUNT_PERSONS)?;
    Ok(count > 0)
}

pub(super) async fn is_invite_open(
    tx: &mut Tx,
    id: Id<Invitation>,
    now: UnixMillis,
) -> Result<bool, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, COUNT_OPEN_INVITE, id.uuid(), now.0)?;
    Ok(count > 0)
}

pub(super) async fn open(
    tx: &mut Tx,
    glass: &Glass,
    admin: Id<Principal>,
    repository: Uuid,
) -> Result<(), Error> {
    let (id, admin) = (glass.id.uuid(), admin.uuid());
    let (opened_at, ends_at) = (glass.opened_at.0, glass.ends_at.0);
    db::execute!(tx, OPEN, id, admin, repository, &glass.reason, opened_at, ends_at).map(drop)
}

/// Whether it was open.
pub(super) async fn close(tx: &mut Tx, id: Id<Glass>, now: UnixMillis) -> Result<bool, Error> {
    Ok(db::execute!(tx, CLOSE, id.uuid(), now.0)? == 1)
}

pub(super) async fn is_open(
    tx: &mut Tx,
    admin: Id<Principal>,
    repository: Uuid,
    now: UnixMillis,
) -> Result<bool, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, IS_OPEN, admin.uuid(), repository, now.0)?;
    Ok(count > 0)
}

/// Who looked since then, newest first.
pub(super) async fn since(
    tx: &mut Tx,
    repository: Uuid,
    then: UnixMillis,
) -> Result<Vec<Glass>, Error> {
    let rows: Vec<Row> = db::fetch_all!(tx, SINCE, repository, then.0)?;
    rows.into_iter().map(Glass::try_from).collect()
}
