//! The table `collaborators`.

use db::{Error, Tx};
use names::{Id, UnixMillis};
use uuid::Uuid;

use super::Collaborator;
use crate::{Level, Principal, authority, store::kind};

db::statements! {
    ALL = "
        SELECT p.handle, p.kind, c.level, c.created_at
          FROM collaborators AS c JOIN principals AS p ON p.id = c.principal_id
         WHERE c.repo_id = $1 AND p.status <> 'deleted' ORDER BY p.handle LIMIT 1000";
    COUNT = "SELECT count(*) FROM collaborators WHERE repo_id = $1";
    LEVEL = "SELECT level FROM collaborators WHERE repo_id = $1 AND principal_id = $2";
    SET = "
        INSERT INTO collaborators (repo_id, principal_id, level, granted_by, created_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (repo_id, principal_id) DO UPDATE SET level = excluded.level, granted_by = excluded.granted_by";
    REMOVE = "DELETE FROM collaborators WHERE repo_id = $1 AND principal_id = $2";
}

#[derive(sqlx::FromRow)]
struct Row {
    handle: String,
    kind: String,
    level: String,
    created_at: i64,
}

impl TryFrom<Row> for Collaborator {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            handle: row.handle.parse().map_err(Error::corrupt("principals.handle"))?,
            kind: kind(&row.kind)?,
            level: authority::level(&row.level)?,
            created_at: UnixMillis(row.created_at),
        })
    }
}

pub(super) async fn all(tx: &mut Tx, id: Uuid) -> Result<Vec<Collaborator>, Error> {
    let rows: Vec<Row> = db::fetch_all!(tx, ALL, id)?;
    rows.into_iter().map(Collaborator::try_from).collect()
}

pub(super) async fn count(tx: &mut Tx, id: Uuid) -> Result<i64, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, COUNT, id)?;
    Ok(count)
}

/// What somebody was given.
pub(super) async fn level(
    tx: &mut Tx,
    id: Uuid,
    somebody: Id<Principal>,
) -> Result<Option<Level>, Error> {
    let row: Option<(String,)> = db::fetch_optional!(tx, LEVEL, id, somebody.uuid())?;
    row.map(|(level,)| authority::level(&level)).transpose()
}

pub(super) async fn set(
    tx: &mut Tx,
    id: Uuid,
    somebody: Id<Principal>,
    level: Level,
    (by, now): (Id<Principal>, UnixMillis),
) -> Result<(), Error> {
    db::execute!(tx, SET, id, somebody.uuid(), level.as_str(), by.uuid(), now.0).map(drop)
}

/// Takes a level away; `false` if there was none.
pub(super) async fn remove(tx: &mut Tx, id: Uuid, somebody: Id<Principal>) -> Result<bool, Error> {
    Ok(db::execute!(tx, REMOVE, id, somebody.uuid())? == 1)
}
