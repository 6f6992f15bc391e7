//! The table `imports`.

use db::{Error, Tx};
use names::{Id, UnixMillis};
use uuid::Uuid;

use super::{Import, State};
use crate::{Repository, git::Reached};

db::statements! {
    SET = "
        INSERT INTO imports (repository_id, id, url, branches, tags, asked_by, asked_at, state)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (repository_id) DO UPDATE
        SET id = excluded.id, url = excluded.url, branches = excluded.branches, tags = excluded.tags,
            asked_by = excluded.asked_by, asked_at = excluded.asked_at, state = excluded.state, failures = 0,
            received_bytes = 0, received_objects = 0, total_objects = 0, refs_moved = 0, refs_left = 0,
            last_error = NULL, ended_at = NULL";
    OF_REPOSITORY = "
        SELECT repository_id, id, url, branches, tags, asked_by, asked_at, state, failures, received_bytes,
               received_objects, total_objects, refs_moved, refs_left, last_error, ended_at
          FROM imports WHERE repository_id = $1";
    CANCEL = "
        UPDATE imports SET state = 'cancelled', ended_at = $2 WHERE id = $1 AND state IN ('waiting', 'fetching')";
    TELL = "
        UPDATE imports SET state = $2, received_bytes = $3, received_objects = $4, total_objects = $5
         WHERE id = $1 AND state IN ('waiting', 'fetching', 'writing')";
    END = "
        UPDATE imports
           SET state = $2, ended_at = $3, refs_moved = refs_moved + $4, refs_left = $5, last_error = $6
         WHERE id = $1 AND state IN ('waiting', 'fetching', 'writing')";
    FAIL = "
        UPDATE imports SET state = 'waiting', failures = failures + 1, last_error = $2
         WHERE id = $1 AND state IN ('waiting', 'fetching', 'writing')";
}

#[derive(sqlx::FromRow)]
struct Row {
    repository_id: Uuid,
    id: Uuid,
    url: String,
    branches: i64,
    tags: i64,
    asked_by: Uuid,
    asked_at: i64,
    state: String,
    failures: i64,
    received_bytes: i64,
    received_objects: i64,
    total_objects: i64,
    refs_moved: i64,
    refs_left: i64,
    last_error: Option<String>,
    ended_at: Option<i64>,
}

impl TryFrom<Row> for Import {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let count = |it: i64| u64::try_from(it).map_err(Error::corrupt("imports.received_bytes"));
        Ok(Self {
            repository: Id::from_uuid(row.repository_id),
            id: Id::from_uuid(row.id),
            url: row.url.parse().map_err(Error::corrupt("imports.url"))?,
            branches: row.branches == 1,
            tags: row.tags == 1,
            asked_by: Id::from_uuid(row.asked_by),
            asked_at: UnixMillis(row.asked_at),
            state: row.state.parse().map_err(Error::corrupt("imports.state"))?,
            failures: u32::try_from(row.failures).map_err(Error::corrupt("imports.failures"))?,
            received_bytes: count(row.received_bytes)?,
            received_objects: count(row.received_objects)?,
            total_objects: count(row.total_objects)?,
            refs_moved: count(row.refs_moved)?,
            refs_left: count(row.refs_left)?,
            last_error: row.last_error,
            ended_at: row.ended_at.map(UnixMillis),
        })
    }
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Puts an import in the place of the one before.
pub(super) async fn set(tx: &mut Tx, it: &Import) -> Result<(), Error> {
    let (repository, id, by) = (it.repository.uuid(), it.id.uuid(), it.asked_by.uuid());
    let (branches, tags) = (i64::from(it.branches), i64::from(it.tags));
    let (url, at, state) = (it.url.as_str(), it.asked_at.0, it.state.as_str());
    db::execute!(tx, SET, repository, id, url, branches, tags, by, at, state).map(drop)
}

/// The last one of a repository.
pub(crate) async fn of_repository(
    tx: &mut Tx,
    repository: Id<Repository>,
) -> Result<Option<Import>, Error> {
    let row: Option<Row> = db::fetch_optional!(tx, OF_REPOSITORY, repository.uuid())?;
    row.map(Import::try_from).transpose()
}

pub(super) async fn cancel(tx: &mut Tx, id: Id<Import>, now: UnixMillis) -> Result<(), Error> {
    db::execute!(tx, CANCEL, id.uuid(), now.0).map(drop)
}

/// Writes down how far it is; `false` where it goes on no more.
pub(super) async fn tell(
    tx: &mut Tx,
    id: Id<Import>,
    state: State,
    reached: Reached,
) -> Result<bool, Error> {
    let Reached { bytes, objects, total } = reached;
    let (bytes, objects, total) = (number(bytes), number(objects), number(total));
    Ok(db::execute!(tx, TELL, id.uuid(), state.as_str(), bytes, objects, total)? == 1)
}

pub(super) async fn end(
    tx: &mut Tx,
    id: Id<Import>,
    (state, now): (State, UnixMillis),
    (moved, left): (u64, u64),
    error: Option<&str>,
) -> Result<(), Error> {
    let (moved, left) = (number(moved), number(left));
    db::execute!(tx, END, id.uuid(), state.as_str(), now.0, moved, left, error).map(drop)
}

/// One try came to nothing, and another one follows.
pub(super) async fn fail(tx: &mut Tx, id: Id<Import>, error: &str) -> Result<(), Error> {
    db::execute!(tx, FAIL, id.uuid(), error).map(drop)
}
