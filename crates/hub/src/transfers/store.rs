//! The table `repository_transfers`.

use db::{Error, Tx};
use names::{Id, UnixMillis};
use trust::Principal;
use uuid::Uuid;

use super::Transfer;
use crate::Repository;

macro_rules! transfer {
    () => {
        "SELECT t.id, t.repository_id, r.name, s.owner_handle, t.to_handle, t.created_at, t.ends_at
          FROM repository_transfers AS t JOIN repositories AS r ON r.id = t.repository_id
          JOIN resources AS s ON s.id = r.id"
    };
}

db::statements! {
    SET = "
        INSERT INTO repository_transfers (id, repository_id, to_id, to_handle, asked_by, created_at, ends_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (repository_id) DO UPDATE
        SET id = excluded.id, to_id = excluded.to_id, to_handle = excluded.to_handle, asked_by = excluded.asked_by,
            created_at = excluded.created_at, ends_at = excluded.ends_at";
    FORGET = "DELETE FROM repository_transfers WHERE repository_id = $1";
    LAPSE = "DELETE FROM repository_transfers WHERE id = $1 AND ends_at <= $2";
    FIND = (concat!(transfer!(), " WHERE t.id = $1 AND t.ends_at > $2 AND r.deleted_at IS NULL"));
    OF_REPOSITORY = (concat!(transfer!(), " WHERE t.repository_id = $1 AND t.ends_at > $2"));
    OF_PRINCIPAL = (concat!(transfer!(), "
         WHERE t.ends_at > $2 AND r.deleted_at IS NULL AND (t.asked_by = $1 OR ", trust::runs!("$1", "t.to_id"), ")
         ORDER BY t.created_at DESC, t.id LIMIT 100"));
    SET_OWNER = "UPDATE repositories SET owner_id = $2, name = $3, updated_at = $4 WHERE id = $1";
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    repository_id: Uuid,
    name: String,
    owner_handle: String,
    to_handle: String,
    created_at: i64,
    ends_at: i64,
}

impl TryFrom<Row> for Transfer {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: Id::from_uuid(row.id),
            repository: Id::from_uuid(row.repository_id),
            full_name: format!("{}/{}", row.owner_handle, row.name),
            to: row.to_handle.parse().map_err(Error::corrupt("repository_transfers.to_handle"))?,
            created_at: UnixMillis(row.created_at),
            ends_at: UnixMillis(row.ends_at),
        })
    }
}

pub(super) async fn set(
    tx: &mut Tx,
    it: &Transfer,
    to: Id<Principal>,
    by: Id<Principal>,
) -> Result<(), Error> {
    let (id, repository, handle) = (it.id.uuid(), it.repository.uuid(), it.to.as_str());
    let (created, ends) = (it.created_at.0, it.ends_at.0);
    db::execute!(tx, SET, id, repository, to.uuid(), handle, by.uuid(), created, ends).map(drop)
}

/// Lets a repository wait for nobody; `false` if it did not.
pub(crate) async fn forget(tx: &mut Tx, repository: Id<Repository>) -> Result<bool, Error> {
    Ok(db::execute!(tx, FORGET, repository.uuid())? == 1)
}

pub(super) async fn lapse(tx: &mut Tx, id: Id<Transfer>, now: UnixMillis) -> Result<(), Error> {
    db::execute!(tx, LAPSE, id.uuid(), now.0).map(drop)
}

/// What waits still.
pub(super) async fn find(
    tx: &mut Tx,
    id: Id<Transfer>,
    now: UnixMillis,
) -> Result<Option<Transfer>, Error> {
    let row: Option<Row> = db::fetch_optional!(tx, FIND, id.uuid(), now.0)?;
    row.map(Transfer::try_from).transpose()
}

/// For whom a repository waits.
pub(crate) async fn of_repository(
    tx: &mut Tx,
    repository: Id<Repository>,
    now: UnixMillis,
) -> Result<Option<Transfer>, Error> {
    let row: Option<Row> = db::fetch_optional!(tx, OF_REPOSITORY, repository.uuid(), now.0)?;
    row.map(Transfer::try_from).transpose()
}

/// What waits for somebody or for what they run, and what they have asked others to take.
pub(super) async fn of_principal(
    tx: &mut Tx,
    me: Id<Principal>,
    now: UnixMillis,
) -> Result<Vec<Transfer>, Error> {
    let rows: Vec<Row> = db::fetch_all!(tx, OF_PRINCIPAL, me.uuid(), now.0)?;
    rows.into_iter().map(Transfer::try_from).collect()
}

pub(super) async fn set_owner(tx: &mut Tx, it: &Repository) -> Result<(), Error> {
    let (id, owner, name) = (it.id.uuid(), it.resource.owner.uuid(), it.name.as_str());
    db::execute!(tx, SET_OWNER, id, owner, name, it.updated_at.0).map(drop)
}
