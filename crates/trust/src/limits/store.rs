//! The table `auth_failures`: locks that other processes and the next start have to know.

use db::{Db, Error, Tx};
use names::UnixMillis;

use super::failures::{MOST, Name, Record};

db::statements! {
    FAILURES_OF = "SELECT count, locked_until, last_at FROM auth_failures WHERE key = $1";
    FAILURES_SINCE = "
        SELECT key, count, locked_until, last_at FROM auth_failures WHERE last_at >= $1
         ORDER BY last_at DESC LIMIT $2";
    WRITE_FAILURES = "
        INSERT INTO auth_failures (key, count, locked_until, last_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (key) DO UPDATE
        SET count = excluded.count, locked_until = excluded.locked_until, last_at = excluded.last_at
        WHERE auth_failures.last_at <= excluded.last_at";
    DELETE_FAILURES = "DELETE FROM auth_failures WHERE key = $1";
    DELETE_FORGOTTEN = "DELETE FROM auth_failures WHERE last_at < $1";
}

fn record(count: i64, locked_until: Option<i64>, last_at: i64) -> Record {
    Record {
        count: u32::try_from(count).unwrap_or(u32::MAX),
        locked_until: locked_until.unwrap_or_default(),
        last_at,
        is_written: true,
    }
}

/// What is known of a suspect.
pub(super) async fn failures_of(tx: &mut Tx, name: Name) -> Result<Option<Record>, Error> {
    let row: Option<(i64, Option<i64>, i64)> =
        db::fetch_optional!(tx, FAILURES_OF, name.to_string())?;
    Ok(row.map(|(count, locked_until, last_at)| record(count, locked_until, last_at)))
}

/// The latest of all that is known, at most as many as there is room for.
pub(super) async fn failures_since(
    tx: &mut Tx,
    since: UnixMillis,
) -> Result<Vec<(Name, Record)>, Error> {
    let most = i64::try_from(MOST).unwrap_or(i64::MAX);
    let rows: Vec<(String, i64, Option<i64>, i64)> =
        db::fetch_all!(tx, FAILURES_SINCE, since.0, most)?;
    let typed = rows.into_iter().filter_map(|(key, count, locked_until, last_at)| {
        Some((key.parse().ok()?, record(count, locked_until, last_at)))
    });
    Ok(typed.collect())
}

/// Writes what is known of a suspect, unless a later failure is written.
pub(super) async fn write_failures(tx: &mut Tx, name: Name, record: &Record) -> Result<(), Error> {
    let count = i64::from(record.count);
    db::execute!(tx, WRITE_FAILURES, name.to_string(), count, record.locked_until, record.last_at)
        .map(drop)
}

/// A suspect has succeeded.
pub(super) async fn delete_failures(db: &Db, name: Name) -> Result<(), Error> {
    db::execute_alone!(db, DELETE_FAILURES, name.to_string()).map(drop)
}

/// Deletes what is older than `before`.
pub(super) async fn delete_forgotten(tx: &mut Tx, before: UnixMillis) -> Result<(), Error> {
    db::execute!(tx, DELETE_FORGOTTEN, before.0).map(drop)
}
