//! The `schedules` table.

use db::{Error, Tx};
use names::UnixMillis;

use super::Scheduled;

db::statements! {
    DECLARE = "
        INSERT INTO schedules (name, cron, zone, next_at, kind, payload) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (name) DO UPDATE
           SET next_at = CASE WHEN schedules.cron = excluded.cron AND schedules.zone = excluded.zone
                              THEN schedules.next_at ELSE excluded.next_at END,
               cron = excluded.cron, zone = excluded.zone, kind = excluded.kind, payload = excluded.payload";
    REMOVE = "DELETE FROM schedules WHERE name = $1";
    SWITCH = "UPDATE schedules SET enabled = $2, next_at = $3 WHERE name = $1";
    FIND = "SELECT name, cron, zone, next_at, kind, payload, enabled FROM schedules WHERE name = $1";
    LIST = "
        SELECT name, cron, zone, next_at, kind, payload, enabled FROM schedules WHERE name > $1 ORDER BY name LIMIT $2";
    DUE = {
        sqlite "
        SELECT name, cron, zone, next_at, kind, payload, enabled FROM schedules
         WHERE enabled AND next_at <= $1 ORDER BY next_at LIMIT $2",
        postgres "
        SELECT name, cron, zone, next_at, kind, payload, enabled FROM schedules
         WHERE enabled AND next_at <= $1 ORDER BY next_at LIMIT $2 FOR UPDATE SKIP LOCKED"
    };
    ADVANCE = {
        sqlite "
        UPDATE schedules SET next_at = moved.next_at, enabled = moved.enabled
          FROM (SELECT value ->> 0 AS name, value ->> 1 AS next_at, value ->> 2 AS enabled FROM json_each($1)) AS moved
         WHERE schedules.name = moved.name",
        postgres "
        UPDATE schedules SET next_at = moved.next_at, enabled = moved.enabled
          FROM (SELECT value ->> 0 AS name, (value ->> 1)::bigint AS next_at, (value ->> 2)::boolean AS enabled
                  FROM jsonb_array_elements($1::jsonb)) AS moved
         WHERE schedules.name = moved.name"
    };
}

#[derive(sqlx::FromRow)]
struct ScheduleRow {
    name: String,
    cron: String,
    zone: String,
    next_at: i64,
    kind: String,
    payload: String,
    enabled: bool,
}

impl From<ScheduleRow> for Scheduled {
    fn from(row: ScheduleRow) -> Self {
        Self {
            name: row.name,
            cron: row.cron,
            zone: row.zone,
            next_at: UnixMillis(row.next_at),
            kind: row.kind,
            payload: row.payload,
            is_enabled: row.enabled,
        }
    }
}

pub(super) async fn declare(tx: &mut Tx, schedule: &Scheduled) -> Result<u64, Error> {
    db::execute!(
        tx,
        DECLARE,
        &schedule.name,
        &schedule.cron,
        &schedule.zone,
        schedule.next_at.0,
        &schedule.kind,
        &schedule.payload,
    )
}

pub(super) async fn remove(tx: &mut Tx, name: &str) -> Result<u64, Error> {
    db::execute!(tx, REMOVE, name)
}

pub(super) async fn switch(
    tx: &mut Tx,
    name: &str,
    is_enabled: bool,
    next_at: UnixMillis,
) -> Result<u64, Error> {
    db::execute!(tx, SWITCH, name, is_enabled, next_at.0)
}

pub(super) async fn find(tx: &mut Tx, name: &str) -> Result<Option<Scheduled>, Error> {
    let row: Option<ScheduleRow> = db::fetch_optional!(tx, FIND, name)?;
    Ok(row.map(Scheduled::from))
}

pub(super) async fn list(tx: &mut Tx, after: &str, limit: usize) -> Result<Vec<Scheduled>, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<ScheduleRow> = db::fetch_all!(tx, LIST, after, limit)?;
    Ok(rows.into_iter().map(Scheduled::from).collect())
}

/// Schedules whose time has come; nobody else's until the transaction ends.
pub(super) async fn due(
    tx: &mut Tx,
    now: UnixMillis,
    limit: usize,
) -> Result<Vec<Scheduled>, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<ScheduleRow> = db::fetch_all!(tx, DUE, now.0, limit)?;
    Ok(rows.into_iter().map(Scheduled::from).collect())
}

/// Moves schedules on: `(name, next_at, enabled)`.
pub(super) async fn advance(tx: &mut Tx, rows: String) -> Result<u64, Error> {
    db::execute!(tx, ADVANCE, rows)
}
