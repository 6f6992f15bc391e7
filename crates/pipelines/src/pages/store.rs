//! What pages read: numbers of a run from one range of an index each, never row by row of a hundred thousand tasks.

use db::{Error, Tx};
use names::{Id, UnixMillis};
use pipelines_core::{
    machine::{RunPart, TaskPart},
    name::RunId,
};
use trust::Principal;
use uuid::Uuid;

use super::pictures::{bars::Entry, heat::Count};
use crate::engine::heads::TaskId;

db::statements! {
    // Input and output only as far as a page shows them.
    RUN = "
        SELECT r.detail, substr(r.input, 1, 8000), CAST(length(r.input) AS BIGINT), substr(r.output, 1, 8000),
               CAST(length(r.output) AS BIGINT), p.handle
          FROM runs AS r LEFT JOIN principals AS p ON p.id = r.started_by WHERE r.id = $1";
    BY_STEP = "
        SELECT step, state, count(*) FROM tasks WHERE run_id = $1 AND superseded = 0 GROUP BY step, state";
    // How many elements there are at a place: the number behind the prefix, of all below it.
    ELEMENTS = {
        sqlite "
        SELECT max(CAST(substr(address, $4) AS INTEGER)) FROM tasks
         WHERE run_id = $1 AND step = $2 AND superseded = 0 AND address LIKE $3",
        postgres "
        SELECT max(CAST(split_part(replace(substr(address, CAST($4 AS INTEGER)), ']', '.'), '.', 1) AS BIGINT)) FROM tasks
         WHERE run_id = $1 AND step = $2 AND superseded = 0 AND address LIKE $3"
    };
    CELLS = {
        sqlite "
        SELECT CAST(substr(address, $4) AS INTEGER) / $5 AS cell, state, count(*) FROM tasks
         WHERE run_id = $1 AND step = $2 AND superseded = 0 AND address LIKE $3
         GROUP BY cell, state ORDER BY cell, state",
        postgres "
        SELECT CAST(split_part(replace(substr(address, CAST($4 AS INTEGER)), ']', '.'), '.', 1) AS BIGINT) / $5 AS cell,
               state, count(*)
          FROM tasks
         WHERE run_id = $1 AND step = $2 AND superseded = 0 AND address LIKE $3
         GROUP BY cell, state ORDER BY cell, state"
    };
    // Of the last dead letters: why, and what the last agent said.
    FAILURES = "
        SELECT t.step, l.reason, l.note, count(*), min(t.address)
          FROM (SELECT d.task_id, d.reason,
                       (SELECT c.note FROM claims AS c WHERE c.task_id = d.task_id ORDER BY c.fence DESC LIMIT 1) AS note
                  FROM dead_letters AS d WHERE d.run_id = $1 ORDER BY d.id DESC LIMIT 1000) AS l
          JOIN tasks AS t ON t.id = l.task_id
         GROUP BY t.step, l.reason, l.note ORDER BY count(*) DESC, t.step, l.reason LIMIT 50";
    // The last entries of a timeline, the newest first.
    LAST_EVENTS = "
        SELECT seq, at, type, claim_id, data FROM run_events WHERE run_id = $1 ORDER BY seq DESC LIMIT $2";
    // Tasks of a run that are not superseded, by the number behind a prefix of their address.
    SHOWN = {
        sqlite "
        SELECT id, address, generation, state, reason, ready_at FROM tasks
         WHERE run_id = $1 AND superseded = 0 AND ($2 IS NULL OR step = $2) AND ($3 IS NULL OR state = $3)
           AND ($4 IS NULL OR address LIKE $4 AND CAST(substr(address, $5) AS INTEGER) BETWEEN $6 AND $7)
           AND id > $8 ORDER BY id LIMIT $9",
        postgres "
        SELECT id, address, generation, state, reason, ready_at FROM tasks
         WHERE run_id = $1 AND superseded = 0 AND (CAST($2 AS TEXT) IS NULL OR step = $2)
           AND (CAST($3 AS TEXT) IS NULL OR state = $3)
           AND (CAST($4 AS TEXT) IS NULL OR CASE WHEN address LIKE $4 THEN
                CAST(split_part(replace(substr(address, CAST($5 AS INTEGER)), ']', '.'), '.', 1) AS BIGINT) END BETWEEN $6 AND $7)
           AND id > $8 ORDER BY id LIMIT $9"
    };
    AT_ADDRESS = "
        SELECT id FROM tasks WHERE run_id = $1 AND address = $2 ORDER BY generation DESC LIMIT 1";
    TASK = "
        SELECT t.state, t.reason, t.superseded, t.version, t.ready_at, t.detail, t.input, s.output
          FROM tasks AS t LEFT JOIN results AS s ON s.task_id = t.id WHERE t.id = $1";
    GENERATIONS = "
        SELECT id, generation, state FROM tasks WHERE run_id = $1 AND address = $2 ORDER BY generation";
    WAITING = "
        SELECT t.id, t.run_id, r.pipeline_id, t.address, t.version, t.input
          FROM tasks AS t JOIN runs AS r ON r.id = t.run_id
         WHERE t.publisher_id = $1 AND t.state = 'waiting' AND t.id > $2 ORDER BY t.id LIMIT $3";
    COUNT_WAITING = "
        SELECT count(*) FROM (SELECT 1 FROM tasks WHERE publisher_id = $1 AND state = 'waiting' LIMIT 1000) AS w";
    // What the members of a publisher said, wherever persons are asked: a person decides few times a day.
    DECIDED = "
        SELECT t.run_id, r.pipeline_id, t.address, p.handle, v.decision, v.comment, v.at
          FROM org_members AS m JOIN approval_votes AS v ON v.principal_id = m.principal_id
          JOIN tasks AS t ON t.id = v.task_id JOIN runs AS r ON r.id = t.run_id
          JOIN principals AS p ON p.id = v.principal_id
         WHERE m.org_id = $1 AND t.publisher_id = $1 ORDER BY v.at DESC LIMIT 30";
    LATELY = "
        SELECT pipeline_id, state, started_at, ended_at FROM runs
         WHERE publisher_id = $1 AND id >= $2 ORDER BY id DESC LIMIT $3";
    DEAD_OF = "
        SELECT r.pipeline_id, count(*)
          FROM (SELECT run_id FROM dead_letters WHERE publisher_id = $1 ORDER BY id DESC LIMIT $2) AS d
          JOIN runs AS r ON r.id = d.run_id GROUP BY r.pipeline_id";
    DEAD_BY_REASON = "
        SELECT d.reason, r.pipeline_id, t.step, count(*), max(d.at)
          FROM (SELECT run_id, task_id, reason, at FROM dead_letters WHERE publisher_id = $1 ORDER BY id DESC LIMIT $2) AS d
          JOIN runs AS r ON r.id = d.run_id JOIN tasks AS t ON t.id = d.task_id
         GROUP BY d.reason, r.pipeline_id, t.step ORDER BY count(*) DESC, d.reason, r.pipeline_id, t.step LIMIT 100";
    // The publishers that somebody belongs to: what can be claimed, since when, and how much was claimed lately.
    QUEUES = "
        SELECT p.handle,
               (SELECT count(*) FROM pipelines AS i WHERE i.publisher_id = p.id AND i.archived_at IS NULL),
               (SELECT count(*) FROM (SELECT 1 FROM work_heads AS h JOIN tasks AS t ON t.head_id = h.id
                                       WHERE h.publisher_id = p.id LIMIT 10001) AS r),
               (SELECT min((SELECT min(t.ready_at) FROM tasks AS t WHERE t.head_id = h.id))
                  FROM work_heads AS h WHERE h.publisher_id = p.id),
               coalesce(c.number, 0),
               (SELECT count(*) FROM (SELECT 1 FROM tasks AS w
                                       WHERE w.publisher_id = p.id AND w.state = 'waiting' LIMIT 1000) AS s)
          FROM org_members AS m JOIN organizations AS o ON o.principal_id = m.org_id JOIN principals AS p ON p.id = m.org_id
          LEFT JOIN (SELECT publisher_id, count(*) AS number FROM claims WHERE id >= $2 GROUP BY publisher_id) AS c
                 ON c.publisher_id = p.id
         WHERE m.principal_id = $1 AND o.publisher_enabled = 1 AND p.status = 'active'
         ORDER BY p.handle LIMIT 100";
    SCHEDULES_OF = "
        SELECT pipeline_id, count(*), min(next_at) FROM pipeline_schedules
         WHERE publisher_id = $1 AND NOT paused GROUP BY pipeline_id";
}

/// The words of a run's row that no list has.
pub(super) struct RunRow {
    pub(super) part: RunPart,
    /// The beginning of a text, and how long all of it is.
    pub(super) input: (String, u64),
    pub(super) output: Option<(String, u64)>,
    pub(super) started_by: Option<String>,
}

type RunColumns = (String, String, i64, Option<String>, Option<i64>, Option<String>);

pub(super) async fn run(tx: &mut Tx, run: RunId) -> Result<Option<RunRow>, Error> {
    let row: Option<RunColumns> = db::fetch_optional!(tx, RUN, run.uuid())?;
    let Some((detail, input, length, output, output_length, started_by)) = row else {
        return Ok(None);
    };
    Ok(Some(RunRow {
        part: serde_json::from_str(&detail).map_err(Error::corrupt("runs.detail"))?,
        input: (input, length.unsigned_abs()),
        output: output.zip(output_length.map(i64::unsigned_abs)),
        started_by,
    }))
}

fn count(number: i64) -> u64 {
    number.unsigned_abs()
}

/// Tasks by step and state.
pub(super) async fn by_step(tx: &mut Tx, run: RunId) -> Result<Vec<(String, String, u64)>, Error> {
    let rows: Vec<(String, String, i64)> = db::fetch_all!(tx, BY_STEP, run.uuid())?;
    Ok(rows.into_iter().map(|(step, state, number)| (step, state, count(number))).collect())
}

/// A place in a fan-out: the instances of a step whose address begins so.
#[derive(Debug, Clone)]
pub(super) struct Spread {
    pub(super) step: String,
    /// `grade[` or `grade[2.`.
    pub(super) prefix: String,
}

impl Spread {
    /// What `LIKE` is told: names of steps and numbers have nothing that it takes for something else. Checks end otherwise.
    fn pattern(&self) -> String {
        format!("{}%]", self.prefix)
    }

    /// Where the number begins, counted from 1.
    fn number_at(&self) -> i64 {
        i64::try_from(self.prefix.len() + 1).unwrap_or(i64::MAX)
    }
}

/// How many elements there are at a place.
pub(super) async fn elements(tx: &mut Tx, run: RunId, at: &Spread) -> Result<u64, Error> {
    let step = at.step.as_str();
    let (last,): (Option<i64>,) =
        db::fetch_one!(tx, ELEMENTS, run.uuid(), step, at.pattern(), at.number_at())?;
    Ok(last.map_or(0, |it| count(it) + 1))
}

/// The tasks of a place by cell and state.
pub(super) async fn cells(
    tx: &mut Tx,
    run: RunId,
    at: &Spread,
    per_cell: u64,
) -> Result<Vec<Count>, Error> {
    let (step, per_cell) = (at.step.as_str(), i64::try_from(per_cell).unwrap_or(i64::MAX));
    let rows: Vec<(i64, String, i64)> =
        db::fetch_all!(tx, CELLS, run.uuid(), step, at.pattern(), at.number_at(), per_cell)?;
    let read = |(cell, state, number)| Count { cell: count(cell), state, number: count(number) };
    Ok(rows.into_iter().map(read).collect())
}

/// Deaths that have step, reason and last word in common.
pub(super) struct Failure {
    pub(super) step: String,
    pub(super) reason: String,
    pub(super) note: Option<String>,
    pub(super) count: i64,
    pub(super) address: String,
}

pub(super) async fn failures(tx: &mut Tx, run: RunId) -> Result<Vec<Failure>, Error> {
    let rows: Vec<(String, String, Option<String>, i64, String)> =
        db::fetch_all!(tx, FAILURES, run.uuid())?;
    let read =
        |(step, reason, note, count, address)| Failure { step, reason, note, count, address };
    Ok(rows.into_iter().map(read).collect())
}

/// The last entries of a timeline with their numbers, the oldest first.
pub(super) async fn last_events(
    tx: &mut Tx,
    run: RunId,
    limit: i64,
) -> Result<Vec<(i64, Entry)>, Error> {
    let rows: Vec<(i64, i64, String, Option<Uuid>, String)> =
        db::fetch_all!(tx, LAST_EVENTS, run.uuid(), limit)?;
    let read = |(seq, at, kind, claim, data): (i64, i64, String, Option<Uuid>, String)| {
        let data = serde_json::from_str(&data).unwrap_or_default();
        (seq, Entry { at, kind, claim: claim.map(|it| it.to_string()), data })
    };
    Ok(rows.into_iter().rev().map(read).collect())
}

/// Which tasks of a run are listed.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    pub(super) step: Option<String>,
    pub(super) state: Option<String>,
    /// Elements of a place, from one to another.
    pub(super) range: Option<(Spread, u64, u64)>,
    pub(super) after: Uuid,
}

/// A task in a list.
#[derive(sqlx::FromRow)]
pub(super) struct Listed {
    pub(super) id: Uuid,
    pub(super) address: String,
    pub(super) generation: i64,
    pub(super) state: String,
    pub(super) reason: Option<String>,
    pub(super) ready_at: Option<i64>,
}

pub(super) async fn shown(
    tx: &mut Tx,
    run: RunId,
    wanted: &Wanted,
    limit: i64,
) -> Result<Vec<Listed>, Error> {
    let number = |it: u64| i64::try_from(it).unwrap_or(i64::MAX);
    let range = wanted.range.as_ref();
    let pattern = range.map(|(at, ..)| at.pattern());
    let number_at = range.map_or(1, |(at, ..)| at.number_at());
    let (from, to) = range.map_or((0, 0), |(_, from, to)| (number(*from), number(*to)));
    let (step, state) = (wanted.step.as_deref(), wanted.state.as_deref());
    let (id, after) = (run.uuid(), wanted.after);
    db::fetch_all!(tx, SHOWN, id, step, state, pattern, number_at, from, to, after, limit)
}

/// The newest generation of an address.
pub(super) async fn at_address(
    tx: &mut Tx,
    run: RunId,
    address: &str,
) -> Result<Option<TaskId>, Error> {
    let row: Option<(Uuid,)> = db::fetch_optional!(tx, AT_ADDRESS, run.uuid(), address)?;
    Ok(row.map(|(id,)| Id::from_uuid(id)))
}

/// A task as its page shows it.
pub(super) struct TaskRow {
    pub(super) state: String,
    pub(super) reason: Option<String>,
    pub(super) is_superseded: bool,
    pub(super) version: u32,
    pub(super) ready_at: Option<UnixMillis>,
    pub(super) part: TaskPart,
    pub(super) input: Option<String>,
    pub(super) output: Option<String>,
}

#[derive(sqlx::FromRow)]
struct TaskColumns {
    state: String,
    reason: Option<String>,
    superseded: i64,
    version: i64,
    ready_at: Option<i64>,
    detail: String,
    input: Option<String>,
    output: Option<String>,
}

pub(super) async fn task(tx: &mut Tx, task: TaskId) -> Result<Option<TaskRow>, Error> {
    let row: Option<TaskColumns> = db::fetch_optional!(tx, TASK, task.uuid())?;
    let read = |row: TaskColumns| {
        Ok(TaskRow {
            state: row.state,
            reason: row.reason,
            is_superseded: row.superseded == 1,
            version: row.version.try_into().map_err(Error::corrupt("tasks.version"))?,
            ready_at: row.ready_at.map(UnixMillis),
            part: serde_json::from_str(&row.detail).map_err(Error::corrupt("tasks.detail"))?,
            input: row.input,
            output: row.output,
        })
    };
    row.map(read).transpose()
}

/// Every generation of an address: id, number, state.
pub(super) async fn generations(
    tx: &mut Tx,
    run: RunId,
    address: &str,
) -> Result<Vec<(Uuid, i64, String)>, Error> {
    db::fetch_all!(tx, GENERATIONS, run.uuid(), address)
}

/// What waits for a person.
#[derive(sqlx::FromRow)]
pub(super) struct Waiting {
    pub(super) id: Uuid,
    pub(super) run_id: Uuid,
    pub(super) pipeline_id: String,
    pub(super) address: String,
    pub(super) version: i64,
    pub(super) input: Option<String>,
}

pub(super) async fn waiting(
    tx: &mut Tx,
    publisher: Id<Principal>,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Waiting>, Error> {
    db::fetch_all!(tx, WAITING, publisher.uuid(), after, limit)
}

/// How much waits for persons, a thousand at most.
pub(super) async fn count_waiting(tx: &mut Tx, publisher: Id<Principal>) -> Result<u64, Error> {
    let (number,): (i64,) = db::fetch_one!(tx, COUNT_WAITING, publisher.uuid())?;
    Ok(count(number))
}

/// What a person decided.
#[derive(sqlx::FromRow)]
pub(super) struct DecidedRow {
    pub(super) run_id: Uuid,
    pub(super) pipeline_id: String,
    pub(super) address: String,
    pub(super) handle: String,
    pub(super) decision: String,
    pub(super) comment: String,
    pub(super) at: i64,
}

pub(super) async fn decided(
    tx: &mut Tx,
    publisher: Id<Principal>,
) -> Result<Vec<DecidedRow>, Error> {
    db::fetch_all!(tx, DECIDED, publisher.uuid())
}

/// A run, as far as numbers of its pipeline need it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct Lately {
    pub(super) pipeline_id: String,
    pub(super) state: String,
    pub(super) started_at: i64,
    pub(super) ended_at: Option<i64>,
}

/// The last runs of a publisher that began at `since` or later.
pub(super) async fn lately(
    tx: &mut Tx,
    publisher: Id<Principal>,
    since: UnixMillis,
    limit: i64,
) -> Result<Vec<Lately>, Error> {
    db::fetch_all!(tx, LATELY, publisher.uuid(), first_id(since), limit)
}

/// The least id that anything has that was made at `at` (RFC 9562 section 5.7).
pub(super) fn first_id(at: UnixMillis) -> Uuid {
    let millis = u64::try_from(at.0).unwrap_or(0);
    Uuid::from_u128((u128::from(millis) << 80) | (0x7 << 76) | (0x2 << 62))
}

/// Of the last dead letters, how many are of each pipeline.
pub(super) async fn dead_of(
    tx: &mut Tx,
    publisher: Id<Principal>,
    limit: i64,
) -> Result<Vec<(String, u64)>, Error> {
    let rows: Vec<(String, i64)> = db::fetch_all!(tx, DEAD_OF, publisher.uuid(), limit)?;
    Ok(rows.into_iter().map(|(pipeline, number)| (pipeline, count(number))).collect())
}

/// Dead letters that have reason, pipeline and step in common: how many, and when the last was.
pub(super) type Deaths = (String, String, String, i64, i64);

pub(super) async fn dead_by_reason(
    tx: &mut Tx,
    publisher: Id<Principal>,
    limit: i64,
) -> Result<Vec<Deaths>, Error> {
    db::fetch_all!(tx, DEAD_BY_REASON, publisher.uuid(), limit)
}

/// How many schedules each pipeline has that do not rest, and when the first fires.
pub(super) async fn schedules_of(
    tx: &mut Tx,
    publisher: Id<Principal>,
) -> Result<Vec<(String, i64, Option<i64>)>, Error> {
    db::fetch_all!(tx, SCHEDULES_OF, publisher.uuid())
}

/// Ready tasks that are counted, and one more.
pub(super) const COUNTED_READY: i64 = 10_001;

/// A publisher and its queue.
pub(super) struct Queue {
    pub(super) handle: String,
    pub(super) pipelines: i64,
    /// Tasks that can be claimed, [`COUNTED_READY`] at most.
    pub(super) depth: i64,
    /// Since when the oldest of them is ready.
    pub(super) oldest: Option<i64>,
    /// Claims since the moment that was asked for.
    pub(super) claims: i64,
    pub(super) waiting: i64,
}

type QueueColumns = (String, i64, i64, Option<i64>, i64, i64);

/// The queues of the publishers that somebody belongs to.
pub(super) async fn queues(
    tx: &mut Tx,
    reader: Id<Principal>,
    since: UnixMillis,
) -> Result<Vec<Queue>, Error> {
    let rows: Vec<QueueColumns> = db::fetch_all!(tx, QUEUES, reader.uuid(), first_id(since))?;
    let read = |(handle, pipelines, depth, oldest, claims, waiting)| Queue {
        handle,
        pipelines,
        depth,
        oldest,
        claims,
        waiting,
    };
    Ok(rows.into_iter().map(read).collect())
}

#[cfg(test)]
mod tests {
    use names::Random;

    use super::*;

    #[test]
    fn the_first_id_of_a_moment_is_before_all_of_that_moment() {
        let at = UnixMillis(1_795_294_380_123);
        let id = Id::<Principal>::new(at, &Random::seeded(1)).uuid();
        assert!(first_id(at) <= id && id < first_id(UnixMillis(at.0 + 1)));
    }
}
