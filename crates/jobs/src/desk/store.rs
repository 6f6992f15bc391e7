//! The `jobs` table, for people.

use db::{Error, Tx};
use names::UnixMillis;
use uuid::Uuid;

use super::Counts;
use crate::{JobId, Listed, State};

db::statements! {
    COUNTS = "
        SELECT count(*) FILTER (WHERE state = 'ready'),
               count(*) FILTER (WHERE state = 'ready' AND run_at <= $1),
               count(*) FILTER (WHERE state = 'running'),
               count(*) FILTER (WHERE state = 'dead'),
               (SELECT count(*) FROM outbox),
               min(run_at) FILTER (WHERE state = 'ready' AND run_at <= $1)
          FROM jobs";
    FIND = "
        SELECT id, kind, payload, priority, run_at, attempts, max_attempts, state, lease_ends, unique_key, last_error,
               created_at
          FROM jobs WHERE id = $1";
    LIST = "
        SELECT id, kind, payload, priority, run_at, attempts, max_attempts, state, lease_ends, unique_key, last_error,
               created_at
          FROM jobs WHERE state = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
    RETRY = "UPDATE jobs SET state = 'ready', attempts = 0, run_at = $2 WHERE id = $1 AND state = 'dead'";
    DELETE_DEAD = "DELETE FROM jobs WHERE id = $1 AND state = 'dead'";
}

pub(super) async fn counts(tx: &mut Tx, now: UnixMillis) -> Result<Counts, Error> {
    let (ready, due, running, dead, posted, oldest): (i64, i64, i64, i64, i64, Option<i64>) =
        db::fetch_one!(tx, COUNTS, now.0)?;
    let count = |rows: i64| u64::try_from(rows).unwrap_or_default();
    Ok(Counts {
        ready: count(ready),
        due: count(due),
        running: count(running),
        dead: count(dead),
        posted: count(posted),
        oldest_due_at: oldest.map(UnixMillis),
    })
}

#[derive(sqlx::FromRow)]
struct ListedRow {
    id: Uuid,
    kind: String,
    payload: String,
    priority: i64,
    run_at: i64,
    attempts: i64,
    max_attempts: i64,
    state: String,
    lease_ends: Option<i64>,
    unique_key: Option<String>,
    last_error: Option<String>,
    created_at: i64,
}

impl TryFrom<ListedRow> for Listed {
    type Error = Error;

    fn try_from(row: ListedRow) -> Result<Self, Error> {
        Ok(Self {
            id: JobId::from_uuid(row.id),
            kind: row.kind,
            payload: row.payload,
            priority: row.priority.try_into().map_err(Error::corrupt("jobs.priority"))?,
            run_at: UnixMillis(row.run_at),
            attempts: row.attempts.try_into().map_err(Error::corrupt("jobs.attempts"))?,
            max_attempts: row
                .max_attempts
                .try_into()
                .map_err(Error::corrupt("jobs.max_attempts"))?,
            state: row.state.as_str().try_into().map_err(Error::corrupt("jobs.state"))?,
            lease_ends: row.lease_ends.map(UnixMillis),
            unique_key: row.unique_key,
            last_error: row.last_error,
            created_at: UnixMillis(row.created_at),
        })
    }
}

pub(super) async fn find(tx: &mut Tx, id: JobId) -> Result<Option<Listed>, Error> {
    let row: Option<ListedRow> = db::fetch_optional!(tx, FIND, id.uuid())?;
    row.map(Listed::try_from).transpose()
}

pub(super) async fn list(
    tx: &mut Tx,
    state: State,
    before: Option<JobId>,
    limit: usize,
) -> Result<Vec<Listed>, Error> {
    let before = before.map_or(Uuid::max(), JobId::uuid);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<ListedRow> = db::fetch_all!(tx, LIST, state.as_str(), before, limit)?;
    rows.into_iter().map(Listed::try_from).collect()
}

/// Makes a dead job ready.
pub(super) async fn retry(tx: &mut Tx, id: JobId, now: UnixMillis) -> Result<u64, Error> {
    db::execute!(tx, RETRY, id.uuid(), now.0)
}

pub(super) async fn delete_dead(tx: &mut Tx, id: JobId) -> Result<u64, Error> {
    db::execute!(tx, DELETE_DEAD, id.uuid())
}
