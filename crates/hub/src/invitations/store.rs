//! The table `repository_invitations`.

use db::{Error, Tx};
use names::{Handle, Id, UnixMillis};
use trust::Principal;
use uuid::Uuid;

use super::Invitation;
use crate::Repository;

macro_rules! invitation {
    () => {
        "SELECT i.id, i.repository_id, r.name, s.owner_handle, p.handle, i.level, b.handle AS invited_by, i.created_at,
               i.ends_at
          FROM repository_invitations AS i JOIN repositories AS r ON r.id = i.repository_id
          JOIN resources AS s ON s.id = r.id JOIN principals AS p ON p.id = i.principal_id
          JOIN principals AS b ON b.id = i.invited_by"
    };
}

db::statements! {
    SET = "
        INSERT INTO repository_invitations (id, repository_id, principal_id, level, invited_by, created_at, ends_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (repository_id, principal_id) DO UPDATE
        SET id = excluded.id, level = excluded.level, invited_by = excluded.invited_by,
            created_at = excluded.created_at, ends_at = excluded.ends_at";
    COUNT = "SELECT count(*) FROM repository_invitations WHERE repository_id = $1 AND ends_at > $2";
    FORGET = "DELETE FROM repository_invitations WHERE id = $1";
    WITHDRAW = "
        DELETE FROM repository_invitations
         WHERE repository_id = $1 AND principal_id IN (SELECT id FROM principals WHERE handle = $2)";
    FIND = (concat!(invitation!(), "
         WHERE i.id = $1 AND i.principal_id = $2 AND i.ends_at > $3 AND r.deleted_at IS NULL AND s.state = 'live'"));
    OF_REPOSITORY = (concat!(invitation!(), "
         WHERE i.repository_id = $1 AND i.ends_at > $2 AND p.status <> 'deleted' ORDER BY i.created_at DESC, i.id LIMIT 200"));
    OF_PRINCIPAL = (concat!(invitation!(), "
         WHERE i.principal_id = $1 AND i.ends_at > $2 AND r.deleted_at IS NULL AND s.state = 'live'
         ORDER BY i.created_at DESC, i.id LIMIT 100"));
    END = "
        DELETE FROM repository_invitations
         WHERE id IN (SELECT id FROM repository_invitations WHERE ends_at <= $1 ORDER BY ends_at LIMIT $2)";
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    repository_id: Uuid,
    name: String,
    owner_handle: String,
    handle: String,
    level: String,
    invited_by: String,
    created_at: i64,
    ends_at: i64,
}

impl TryFrom<Row> for Invitation {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: Id::from_uuid(row.id),
            repository: Id::from_uuid(row.repository_id),
            full_name: format!("{}/{}", row.owner_handle, row.name),
            handle: row.handle.parse().map_err(Error::corrupt("principals.handle"))?,
            level: row.level.parse().map_err(Error::corrupt("repository_invitations.level"))?,
            invited_by: row.invited_by.parse().map_err(Error::corrupt("principals.handle"))?,
            created_at: UnixMillis(row.created_at),
            ends_at: UnixMillis(row.ends_at),
        })
    }
}

pub(super) async fn set(
    tx: &mut Tx,
    it: &Invitation,
    somebody: Id<Principal>,
    by: Id<Principal>,
) -> Result<(), Error> {
    let (id, repository, level) = (it.id.uuid(), it.repository.uuid(), it.level.as_str());
    let (created, ends) = (it.created_at.0, it.ends_at.0);
    db::execute!(tx, SET, id, repository, somebody.uuid(), level, by.uuid(), created, ends)
        .map(drop)
}

/// How many wait for a decision.
pub(super) async fn count(
    tx: &mut Tx,
    repository: Id<Repository>,
    now: UnixMillis,
) -> Result<i64, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, COUNT, repository.uuid(), now.0)?;
    Ok(count)
}

/// `false` if it was not there any more.
pub(super) async fn forget(tx: &mut Tx, id: Id<Invitation>) -> Result<bool, Error> {
    Ok(db::execute!(tx, FORGET, id.uuid())? == 1)
}

/// Takes back what somebody was offered; `false` if there was nothing.
pub(super) async fn withdraw(
    tx: &mut Tx,
    repository: Id<Repository>,
    handle: &Handle,
) -> Result<bool, Error> {
    Ok(db::execute!(tx, WITHDRAW, repository.uuid(), handle.as_str())? > 0)
}

/// What somebody is offered still.
pub(super) async fn find(
    tx: &mut Tx,
    id: Id<Invitation>,
    of: Id<Principal>,
    now: UnixMillis,
) -> Result<Option<Invitation>, Error> {
    let row: Option<Row> = db::fetch_optional!(tx, FIND, id.uuid(), of.uuid(), now.0)?;
    row.map(Invitation::try_from).transpose()
}

/// Who is asked into a repository, the last first.
pub(super) async fn of_repository(
    tx: &mut Tx,
    repository: Id<Repository>,
    now: UnixMillis,
) -> Result<Vec<Invitation>, Error> {
    let rows: Vec<Row> = db::fetch_all!(tx, OF_REPOSITORY, repository.uuid(), now.0)?;
    rows.into_iter().map(Invitation::try_from).collect()
}

/// What somebody is asked into, the last first.
pub(super) async fn of_principal(
    tx: &mut Tx,
    me: Id<Principal>,
    now: UnixMillis,
) -> Result<Vec<Invitation>, Error> {
    let rows: Vec<Row> = db::fetch_all!(tx, OF_PRINCIPAL, me.uuid(), now.0)?;
    rows.into_iter().map(Invitation::try_from).collect()
}

/// Forgets at most `limit` that nobody took; gives how many.
pub(crate) async fn end(tx: &mut Tx, now: UnixMillis, limit: u32) -> Result<u64, Error> {
    db::execute!(tx, END, now.0, i64::from(limit))
}
