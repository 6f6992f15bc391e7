//! The `jobs` table, for those who push and those who work.

use db::{Error, Tx};
use names::UnixMillis;
use uuid::Uuid;

use crate::{Claimed, JobId, Lease, NewJob, State};

db::statements! {
    ADD = {
        sqlite "
        INSERT INTO jobs (id, kind, payload, priority, run_at, max_attempts, unique_key, created_at)
        SELECT unhex(value ->> 0, '-'), value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
               value ->> 6, $2
          FROM json_each($1) WHERE true
        ON CONFLICT (unique_key) WHERE unique_key IS NOT NULL AND state <> 'dead' DO NOTHING
        RETURNING id",
        postgres "
        INSERT INTO jobs (id, kind, payload, priority, run_at, max_attempts, unique_key, created_at)
        SELECT (value ->> 0)::uuid, value ->> 1, value ->> 2, (value ->> 3)::bigint, (value ->> 4)::bigint,
               (value ->> 5)::bigint, value ->> 6, $2
          FROM jsonb_array_elements($1::jsonb)
        ON CONFLICT (unique_key) WHERE unique_key IS NOT NULL AND state <> 'dead' DO NOTHING
        RETURNING id"
    };
    // Reads the index `jobs_due` from its start: priorities are listed so that each is a range by itself. Attempts
    // count when a job is taken, so a job that kills its process cannot do it for ever.
    CLAIM = {
        sqlite "
        UPDATE jobs
           SET state = CASE WHEN attempts >= max_attempts THEN 'dead' ELSE 'running' END,
               lease_ends = CASE WHEN attempts >= max_attempts THEN NULL ELSE $3 END,
               last_error = CASE WHEN attempts >= max_attempts THEN 'the last lease ended before the job did'
                                 ELSE last_error END,
               attempts = CASE WHEN attempts >= max_attempts THEN attempts ELSE attempts + 1 END,
               fence = fence + 1
         WHERE id IN (SELECT id FROM jobs
                       WHERE state <> 'dead' AND priority IN (0, 1, 2) AND coalesce(lease_ends, run_at) <= $2
                         AND kind IN (SELECT value FROM json_each($1))
                       ORDER BY priority, coalesce(lease_ends, run_at), id LIMIT $4)
        RETURNING id, kind, payload, priority, run_at, attempts, max_attempts, fence, state",
        postgres "
        WITH due AS MATERIALIZED (
            SELECT id FROM jobs
             WHERE state <> 'dead' AND priority IN (0, 1, 2) AND coalesce(lease_ends, run_at) <= $2
               AND kind IN (SELECT jsonb_array_elements_text($1::jsonb))
             ORDER BY priority, coalesce(lease_ends, run_at), id LIMIT $4
               FOR UPDATE SKIP LOCKED)
        UPDATE jobs
           SET state = CASE WHEN attempts >= max_attempts THEN 'dead' ELSE 'running' END,
               lease_ends = CASE WHEN attempts >= max_attempts THEN NULL ELSE $3::bigint END,
               last_error = CASE WHEN attempts >= max_attempts THEN 'the last lease ended before the job did'
                                 ELSE last_error END,
               attempts = CASE WHEN attempts >= max_attempts THEN attempts ELSE attempts + 1 END,
               fence = fence + 1
          FROM due WHERE jobs.id = due.id
        RETURNING jobs.id, kind, payload, priority, run_at, attempts, max_attempts, fence, state"
    };
    EXTEND = {
        sqlite "
        UPDATE jobs SET lease_ends = $2
          FROM (SELECT unhex(value ->> 0, '-') AS id, value ->> 1 AS fence FROM json_each($1)) AS held
         WHERE jobs.id = held.id AND jobs.fence = held.fence AND state = 'running'
        RETURNING id, fence",
        postgres "
        UPDATE jobs SET lease_ends = $2
          FROM (SELECT (value ->> 0)::uuid AS id, (value ->> 1)::bigint AS fence
                  FROM jsonb_array_elements($1::jsonb)) AS held
         WHERE jobs.id = held.id AND jobs.fence = held.fence AND state = 'running'
        RETURNING jobs.id, jobs.fence"
    };
    RELEASE = {
        sqlite "
        UPDATE jobs SET state = 'ready', lease_ends = NULL, attempts = attempts - 1
          FROM (SELECT unhex(value ->> 0, '-') AS id, value ->> 1 AS fence FROM json_each($1)) AS held
         WHERE jobs.id = held.id AND jobs.fence = held.fence AND state = 'running'",
        postgres "
        UPDATE jobs SET state = 'ready', lease_ends = NULL, attempts = attempts - 1
          FROM (SELECT (value ->> 0)::uuid AS id, (value ->> 1)::bigint AS fence
                  FROM jsonb_array_elements($1::jsonb)) AS held
         WHERE jobs.id = held.id AND jobs.fence = held.fence AND state = 'running'"
    };
    END = {
        sqlite "
        DELETE FROM jobs
         WHERE rowid IN (SELECT jobs.rowid FROM json_each($1) AS held CROSS JOIN jobs
                          WHERE jobs.id = unhex(held.value ->> 0, '-') AND jobs.fence = held.value ->> 1
                            AND jobs.state = 'running')
        RETURNING id, fence",
        postgres "
        DELETE FROM jobs
         USING (SELECT (value ->> 0)::uuid AS id, (value ->> 1)::bigint AS fence
                  FROM jsonb_array_elements($1::jsonb)) AS held
         WHERE jobs.id = held.id AND jobs.fence = held.fence AND state = 'running'
        RETURNING jobs.id, jobs.fence"
    };
    WITHDRAW = {
        sqlite "
        DELETE FROM jobs
         WHERE unique_key IN (SELECT value FROM json_each($1)) AND state <> 'dead' AND state = 'ready'",
        postgres "
        DELETE FROM jobs
         WHERE unique_key IN (SELECT jsonb_array_elements_text($1::jsonb)) AND state <> 'dead' AND state = 'ready'"
    };
    DELETE_HELD = "DELETE FROM jobs WHERE id = $1 AND fence = $2 AND state = 'running'";
    REARM = "
        UPDATE jobs SET state = 'ready', lease_ends = NULL, run_at = $3, attempts = 0, last_error = NULL
         WHERE id = $1 AND fence = $2 AND state = 'running'";
    FAIL = "
        UPDATE jobs SET state = $3, lease_ends = NULL, run_at = $4, last_error = $5
         WHERE id = $1 AND fence = $2 AND state = 'running'";
}

/// Adds jobs; gives how many were added.
pub(crate) async fn add(
    tx: &mut Tx,
    jobs: impl Iterator<Item = (JobId, NewJob)>,
    now: UnixMillis,
) -> Result<usize, Error> {
    let rows = db::rows(jobs.map(|(id, job)| {
        let run_at = job.run_at.unwrap_or(now).0;
        let priority = job.priority.number();
        (id, job.kind, job.payload, priority, run_at, job.max_attempts, job.unique_key)
    }));
    let added: Vec<(Uuid,)> = db::fetch_all!(tx, ADD, rows, now.0)?;
    Ok(added.len())
}

/// Removes jobs that wait, by their keys.
pub(crate) async fn withdraw(tx: &mut Tx, keys: &[String]) -> Result<(), Error> {
    db::execute!(tx, WITHDRAW, db::rows(keys)).map(drop)
}

#[derive(sqlx::FromRow)]
struct ClaimedRow {
    id: Uuid,
    kind: String,
    payload: String,
    priority: i64,
    run_at: i64,
    attempts: i64,
    max_attempts: i64,
    fence: i64,
    state: String,
}

/// Claims due jobs, in the order in which they should run; and gives those that died of it.
pub(crate) async fn claim(
    tx: &mut Tx,
    kinds: &[&str],
    now: UnixMillis,
    lease_ends: UnixMillis,
    limit: usize,
) -> Result<(Vec<Claimed>, Vec<Lease>), Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<ClaimedRow> =
        db::fetch_all!(tx, CLAIM, db::rows(kinds), now.0, lease_ends.0, limit)?;
    let (mut claimed, mut dead) = (Vec::new(), Vec::new());
    for row in rows {
        match believe(row)? {
            (State::Running, job) => claimed.push(job),
            (State::Ready | State::Dead, job) => dead.push(job.lease),
        }
    }
    claimed.sort_by_key(|job| (job.priority, job.run_at, job.lease.id));
    Ok((claimed, dead))
}

fn believe(row: ClaimedRow) -> Result<(State, Claimed), Error> {
    let state = State::try_from(row.state.as_str()).map_err(Error::corrupt("jobs.state"))?;
    let job = Claimed {
        lease: Lease { id: JobId::from_uuid(row.id), fence: row.fence },
        kind: row.kind,
        payload: row.payload,
        priority: row.priority.try_into().map_err(Error::corrupt("jobs.priority"))?,
        run_at: UnixMillis(row.run_at),
        attempts: row.attempts.try_into().map_err(Error::corrupt("jobs.attempts"))?,
        max_attempts: row.max_attempts.try_into().map_err(Error::corrupt("jobs.max_attempts"))?,
    };
    Ok((state, job))
}

fn pairs(leases: &[Lease]) -> String {
    db::rows(leases.iter().map(|lease| (lease.id, lease.fence)))
}

/// Moves the ends of leases; gives those that still hold.
pub(crate) async fn extend(
    tx: &mut Tx,
    leases: &[Lease],
    ends: UnixMillis,
) -> Result<Vec<Lease>, Error> {
    let held: Vec<(Uuid, i64)> = db::fetch_all!(tx, EXTEND, pairs(leases), ends.0)?;
    Ok(leases_of(held))
}

/// Takes away jobs that are done; gives those whose lease still held.
pub(crate) async fn end(tx: &mut Tx, leases: &[Lease]) -> Result<Vec<Lease>, Error> {
    let ended: Vec<(Uuid, i64)> = db::fetch_all!(tx, END, pairs(leases))?;
    Ok(leases_of(ended))
}

fn leases_of(rows: Vec<(Uuid, i64)>) -> Vec<Lease> {
    rows.into_iter().map(|(id, fence)| Lease { id: JobId::from_uuid(id), fence }).collect()
}

pub(crate) async fn release(tx: &mut Tx, leases: &[Lease]) -> Result<u64, Error> {
    db::execute!(tx, RELEASE, pairs(leases))
}

pub(crate) async fn delete_held(tx: &mut Tx, lease: Lease) -> Result<u64, Error> {
    db::execute!(tx, DELETE_HELD, lease.id.uuid(), lease.fence)
}

pub(crate) async fn rearm(tx: &mut Tx, lease: Lease, at: UnixMillis) -> Result<u64, Error> {
    db::execute!(tx, REARM, lease.id.uuid(), lease.fence, at.0)
}

pub(crate) async fn fail(
    tx: &mut Tx,
    lease: Lease,
    state: State,
    run_at: UnixMillis,
    error: &str,
) -> Result<u64, Error> {
    db::execute!(tx, FAIL, lease.id.uuid(), lease.fence, state.as_str(), run_at.0, error)
}
