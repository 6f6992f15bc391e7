//! What answers read: runs, tasks, timelines, claims, what waits for persons.

use db::{Error, Tx};
use names::{Handle, Id, UnixMillis};
use pipelines_core::name::{Address, AgentId, ClaimId, PipelineId, RunId};
use serde_json::Value;
use trust::Principal;
use uuid::Uuid;

use crate::engine::heads::TaskId;

macro_rules! summary {
    () => {
        "SELECT r.id, p.handle, r.pipeline_id, r.version, r.sha256, r.state, r.reason, r.external_id, r.replay_of,
               r.started_at, r.deadline_at, r.ended_at
          FROM runs AS r JOIN principals AS p ON p.id = r.publisher_id"
    };
}

/// Which runs a list shows: those of publishers to which the principal `$1` belongs, or as which it acts.
macro_rules! visible {
    () => {
        concat!(
            " WHERE ",
            trust::sees_publisher!("$1", "r.publisher_id"),
            "
           AND (CAST($2 AS TEXT) IS NULL OR p.handle = $2) AND (CAST($3 AS TEXT) IS NULL OR r.pipeline_id = $3)
           AND (CAST($4 AS TEXT) IS NULL OR r.state = $4) AND (CAST($5 AS TEXT) IS NULL OR r.external_id = $5)
           AND r.started_at >= $6 AND r.started_at < $7"
        )
    };
}

db::statements! {
    PLACE = "
        SELECT p.handle, r.pipeline_id
          FROM runs AS r JOIN principals AS p ON p.id = r.publisher_id WHERE r.id = $1";
    PLACE_OF_TASK = "
        SELECT p.handle, r.pipeline_id, r.id, t.address, t.generation
          FROM tasks AS t JOIN runs AS r ON r.id = t.run_id JOIN principals AS p ON p.id = r.publisher_id WHERE t.id = $1";
    CLAIM = "SELECT run_id, agent_id, fence FROM claims WHERE id = $1";
    CLAIM_STATE = "SELECT state FROM claims WHERE id = $1";
    SUMMARY = (concat!(summary!(), " WHERE r.id = $1"));
    LIST = {
        sqlite concat!(summary!(), visible!(), "
           AND ($8 IS NULL OR r.replay_of = $8)
           AND NOT EXISTS (SELECT 1 FROM json_each($9) AS w
                            WHERE NOT EXISTS (SELECT 1 FROM run_search AS s
                                               WHERE s.run_id = r.id AND s.pointer = w.value ->> 0
                                                 AND s.value = w.value ->> 1))
           AND r.id < $10 ORDER BY r.id DESC LIMIT $11"),
        postgres concat!(summary!(), visible!(), "
           AND (CAST($8 AS UUID) IS NULL OR r.replay_of = $8)
           AND NOT EXISTS (SELECT 1 FROM jsonb_array_elements($9::jsonb) AS w (value)
                            WHERE NOT EXISTS (SELECT 1 FROM run_search AS s
                                               WHERE s.run_id = r.id AND s.pointer = w.value ->> 0
                                                 AND s.value = w.value ->> 1))
           AND r.id < $10 ORDER BY r.id DESC LIMIT $11")
    };
    ENDED = "SELECT ended_at IS NOT NULL FROM runs WHERE id = $1";
    COUNTS = "SELECT state, count(*) FROM tasks WHERE run_id = $1 AND superseded = 0 GROUP BY state";
    TASKS = "
        SELECT id, run_id, step, address, generation, superseded, state, reason, ready_at FROM tasks
         WHERE run_id = $1 AND (CAST($2 AS TEXT) IS NULL OR state = $2) AND (CAST($3 AS TEXT) IS NULL OR step = $3)
           AND ($4 = 0 OR generation = $4) AND id > $5
         ORDER BY id LIMIT $6";
    EVENTS = "
        SELECT seq, at, type, task_id, claim_id, actor_id, data FROM run_events
         WHERE run_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
    END_OF_EVENTS = "
        SELECT r.state, coalesce((SELECT max(e.seq) FROM run_events AS e WHERE e.run_id = r.id), 0)
          FROM runs AS r WHERE r.id = $1";
    COMPOSITIONS = "SELECT data FROM run_events WHERE run_id = $1 AND type = 'run.composed' ORDER BY seq";
    NEWEST = (concat!(summary!(), " WHERE r.publisher_id = $1 ORDER BY r.id DESC LIMIT $2"));
    STATES_OF_CLAIMS = {
        sqlite "
        SELECT c.id, c.state FROM json_each($1) AS w JOIN claims AS c ON c.id = unhex(w.value, '-')",
        postgres "
        SELECT c.id, c.state
          FROM jsonb_array_elements_text($1::jsonb) AS w (value) JOIN claims AS c ON c.id = w.value::uuid"
    };
    OUTPUT = "SELECT output FROM runs WHERE id = $1";
    CLAIMS_OF_TASK = "
        SELECT c.id, p.handle, c.fence, c.state, c.granted_at, c.ends_at, c.note
          FROM claims AS c JOIN principals AS p ON p.id = c.agent_id WHERE c.task_id = $1 ORDER BY c.fence";
    SUBMISSIONS = "
        SELECT s.claim_id, s.result_sha256, s.verdict, s.at
          FROM claims AS c JOIN submissions AS s ON s.claim_id = c.id WHERE c.task_id = $1 ORDER BY s.at";
    HELD = "
        SELECT c.id, c.task_id, c.run_id, t.address, c.fence, c.granted_at, c.ends_at
          FROM claims AS c JOIN tasks AS t ON t.id = c.task_id WHERE c.agent_id = $1 AND c.state = 'live' ORDER BY c.id";
    UNTOUCHED = "
        SELECT run_id, id FROM claims WHERE agent_id = $1 AND state = 'live' AND touched = 0 ORDER BY id LIMIT 16";
    HANDS = (concat!("
        SELECT count(*), count(CASE WHEN token_id IS NOT DISTINCT FROM $2 THEN 1 END), ", trust::capabilities!("$1"), "
          FROM claims WHERE agent_id = $1 AND state = 'live'"));
    GATES = (concat!("
        SELECT t.id, r.id AS run_id, p.handle
          FROM tasks AS t JOIN runs AS r ON r.id = t.run_id JOIN principals AS p ON p.id = r.publisher_id
         WHERE t.state = 'waiting' AND ", trust::decides_for!("$1", "r.publisher_id"), "
           AND t.id > $2 ORDER BY t.id LIMIT $3"));
    VOTES = "
        SELECT p.handle, v.decision, v.comment, v.at
          FROM approval_votes AS v JOIN principals AS p ON p.id = v.principal_id WHERE v.task_id = $1 ORDER BY v.at";
    BIND = "
        INSERT INTO agent_publishers (agent_id, publisher_id, state, labels) VALUES ($1, $2, $3, $4)
        ON CONFLICT (agent_id, publisher_id) DO UPDATE SET state = excluded.state, labels = excluded.labels";
    UNBIND = "DELETE FROM agent_publishers WHERE agent_id = $1 AND publisher_id = $2";
    BOUND = "
        SELECT p.handle, a.state, a.labels FROM agent_publishers AS a JOIN principals AS p ON p.id = a.agent_id
         WHERE a.publisher_id = $1 AND p.handle > $2 ORDER BY p.handle LIMIT $3";
    MAX_PRIORITY = "SELECT max_priority FROM work_publishers WHERE publisher_id = $1";
}

/// Where a run is.
pub(super) struct Place {
    pub(super) publisher: Handle,
    pub(super) pipeline: PipelineId,
}

fn handle(text: &str) -> Result<Handle, Error> {
    text.parse().map_err(Error::corrupt("principals.handle"))
}

fn pipeline(text: &str) -> Result<PipelineId, Error> {
    text.parse().map_err(Error::corrupt("runs.pipeline_id"))
}

pub(super) async fn place(tx: &mut Tx, run: RunId) -> Result<Option<Place>, Error> {
    let row: Option<(String, String)> = db::fetch_optional!(tx, PLACE, run.uuid())?;
    let read = |(publisher, name): (String, String)| {
        Ok(Place { publisher: handle(&publisher)?, pipeline: pipeline(&name)? })
    };
    row.map(read).transpose()
}

/// Where a task is.
pub(crate) struct PlaceOfTask {
    pub(crate) publisher: Handle,
    pub(crate) pipeline: PipelineId,
    pub(crate) run: RunId,
    pub(crate) address: Address,
    pub(crate) generation: u32,
}

pub(crate) async fn place_of_task(tx: &mut Tx, task: TaskId) -> Result<Option<PlaceOfTask>, Error> {
    let row: Option<(String, String, Uuid, String, i64)> =
        db::fetch_optional!(tx, PLACE_OF_TASK, task.uuid())?;
    let Some((publisher, name, run, address, generation)) = row else { return Ok(None) };
    Ok(Some(PlaceOfTask {
        publisher: handle(&publisher)?,
        pipeline: pipeline(&name)?,
        run: Id::from_uuid(run),
        address: address.parse().map_err(Error::corrupt("tasks.address"))?,
        generation: generation.try_into().map_err(Error::corrupt("tasks.generation"))?,
    }))
}

/// Whose claim it is: its run, its agent, its fence.
pub(super) async fn claim(
    tx: &mut Tx,
    claim: ClaimId,
) -> Result<Option<(RunId, AgentId, u64)>, Error> {
    let row: Option<(Uuid, Uuid, i64)> = db::fetch_optional!(tx, CLAIM, claim.uuid())?;
    let Some((run, agent, fence)) = row else { return Ok(None) };
    let fence = fence.try_into().map_err(Error::corrupt("claims.fence"))?;
    Ok(Some((Id::from_uuid(run), Id::from_uuid(agent), fence)))
}

/// Where a claim is.
pub(super) async fn claim_state(tx: &mut Tx, claim: ClaimId) -> Result<Option<String>, Error> {
    let row: Option<(String,)> = db::fetch_optional!(tx, CLAIM_STATE, claim.uuid())?;
    Ok(row.map(|(state,)| state))
}

/// A run, as lists show it.
#[derive(sqlx::FromRow)]
pub(crate) struct Summary {
    pub(crate) id: Uuid,
    pub(crate) handle: String,
    pub(crate) pipeline_id: String,
    pub(crate) version: i64,
    pub(crate) sha256: Vec<u8>,
    pub(crate) state: String,
    pub(crate) reason: Option<String>,
    pub(crate) external_id: Option<String>,
    pub(crate) replay_of: Option<Uuid>,
    pub(crate) started_at: i64,
    pub(crate) deadline_at: i64,
    pub(crate) ended_at: Option<i64>,
}

pub(crate) async fn summary(tx: &mut Tx, run: RunId) -> Result<Option<Summary>, Error> {
    db::fetch_optional!(tx, SUMMARY, run.uuid())
}

/// Whether a run is over, or gone.
pub(super) async fn has_ended(tx: &mut Tx, run: RunId) -> Result<bool, Error> {
    let row: Option<(bool,)> = db::fetch_optional!(tx, ENDED, run.uuid())?;
    Ok(row.is_none_or(|(has_ended,)| has_ended))
}

/// What a list of runs is asked for.
#[derive(Default)]
pub(crate) struct Wanted {
    pub(crate) publisher: Option<String>,
    pub(crate) pipeline: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) external_id: Option<String>,
    pub(crate) since: Option<UnixMillis>,
    pub(crate) until: Option<UnixMillis>,
    pub(crate) replay_of: Option<Uuid>,
    /// Pointers, and the canonical text of the values that stand there.
    pub(crate) input: Vec<(String, String)>,
}

/// Runs that `reader` may see, newest first, older than `before`.
pub(crate) async fn list(
    tx: &mut Tx,
    reader: Id<Principal>,
    wanted: &Wanted,
    before: Uuid,
    limit: i64,
) -> Result<Vec<Summary>, Error> {
    let since = wanted.since.map_or(i64::MIN, |it| it.0);
    let until = wanted.until.map_or(i64::MAX, |it| it.0);
    db::fetch_all!(
        tx,
        LIST,
        reader.uuid(),
        wanted.publisher.as_deref(),
        wanted.pipeline.as_deref(),
        wanted.state.as_deref(),
        wanted.external_id.as_deref(),
        since,
        until,
        wanted.replay_of,
        db::rows(&wanted.input),
        before,
        limit,
    )
}

/// How many tasks are in each state.
pub(super) async fn counts(tx: &mut Tx, run: RunId) -> Result<Vec<(String, i64)>, Error> {
    db::fetch_all!(tx, COUNTS, run.uuid())
}

/// A task, as lists show it.
#[derive(sqlx::FromRow)]
pub(super) struct TaskRow {
    pub(super) id: Uuid,
    pub(super) run_id: Uuid,
    pub(super) step: String,
    pub(super) address: String,
    pub(super) generation: i64,
    pub(super) superseded: i64,
    pub(super) state: String,
    pub(super) reason: Option<String>,
    pub(super) ready_at: Option<i64>,
}

/// Tasks of a run, in the order in which they were opened.
pub(super) async fn tasks(
    tx: &mut Tx,
    run: RunId,
    (state, step, generation): (Option<&str>, Option<&str>, u32),
    after: Uuid,
    limit: i64,
) -> Result<Vec<TaskRow>, Error> {
    let generation = i64::from(generation);
    db::fetch_all!(tx, TASKS, run.uuid(), state, step, generation, after, limit)
}

/// An entry of a timeline.
#[derive(sqlx::FromRow)]
pub(super) struct EventRow {
    pub(super) seq: i64,
    pub(super) at: i64,
    pub(super) r#type: String,
    pub(super) task_id: Option<Uuid>,
    pub(super) claim_id: Option<Uuid>,
    pub(super) actor_id: Option<Uuid>,
    pub(super) data: String,
}

pub(super) async fn events(
    tx: &mut Tx,
    run: RunId,
    after: i64,
    limit: i64,
) -> Result<Vec<EventRow>, Error> {
    db::fetch_all!(tx, EVENTS, run.uuid(), after, limit)
}

/// Where a run is, and the number of the newest entry of its timeline.
pub(super) async fn end_of_events(tx: &mut Tx, run: RunId) -> Result<Option<(String, i64)>, Error> {
    db::fetch_optional!(tx, END_OF_EVENTS, run.uuid())
}

/// The event that carried each output of a run, in order.
pub(crate) async fn compositions(tx: &mut Tx, run: RunId) -> Result<Vec<Option<String>>, Error> {
    let rows: Vec<(String,)> = db::fetch_all!(tx, COMPOSITIONS, run.uuid())?;
    let read = |(data,): (String,)| {
        let data: Value = serde_json::from_str(&data).map_err(Error::corrupt("run_events.data"))?;
        Ok(data.get("event").and_then(Value::as_str).map(str::to_owned))
    };
    rows.into_iter().map(read).collect()
}

/// The newest runs of a publisher.
pub(super) async fn newest(
    tx: &mut Tx,
    publisher: Id<Principal>,
    limit: i64,
) -> Result<Vec<Summary>, Error> {
    db::fetch_all!(tx, NEWEST, publisher.uuid(), limit)
}

/// Where each of these claims is.
pub(super) async fn states_of_claims(
    tx: &mut Tx,
    claims: &[ClaimId],
) -> Result<Vec<(Uuid, String)>, Error> {
    db::fetch_all!(tx, STATES_OF_CLAIMS, db::rows(claims))
}

/// The output of a run, if it has one.
pub(super) async fn output(tx: &mut Tx, run: RunId) -> Result<Option<String>, Error> {
    let row: Option<(Option<String>,)> = db::fetch_optional!(tx, OUTPUT, run.uuid())?;
    Ok(row.and_then(|(output,)| output))
}

/// A claim of a task.
#[derive(sqlx::FromRow)]
pub(crate) struct AttemptRow {
    pub(crate) id: Uuid,
    pub(crate) handle: String,
    pub(crate) fence: i64,
    pub(crate) state: String,
    pub(crate) granted_at: i64,
    pub(crate) ends_at: i64,
    pub(crate) note: Option<String>,
}

/// The verdict of a result: of which claim, under which hash, what, when.
pub(crate) type SubmissionRow = (Uuid, Vec<u8>, String, i64);

pub(crate) async fn attempts(
    tx: &mut Tx,
    task: TaskId,
) -> Result<(Vec<AttemptRow>, Vec<SubmissionRow>), Error> {
    let claims = db::fetch_all!(tx, CLAIMS_OF_TASK, task.uuid())?;
    Ok((claims, db::fetch_all!(tx, SUBMISSIONS, task.uuid())?))
}

/// A claim that is held.
#[derive(sqlx::FromRow)]
pub(super) struct HeldRow {
    pub(super) id: Uuid,
    pub(super) task_id: Uuid,
    pub(super) run_id: Uuid,
    pub(super) address: String,
    pub(super) fence: i64,
    pub(super) granted_at: i64,
    pub(super) ends_at: i64,
}

pub(super) async fn held(tx: &mut Tx, agent: AgentId) -> Result<Vec<HeldRow>, Error> {
    db::fetch_all!(tx, HELD, agent.uuid())
}

/// What an agent holds and has never touched.
pub(super) async fn untouched(tx: &mut Tx, agent: AgentId) -> Result<Vec<(RunId, ClaimId)>, Error> {
    let rows: Vec<(Uuid, Uuid)> = db::fetch_all!(tx, UNTOUCHED, agent.uuid())?;
    let read = |(run, claim)| (Id::from_uuid(run), Id::from_uuid(claim));
    Ok(rows.into_iter().map(read).collect())
}

/// What an agent holds, and can.
pub(super) struct Hands {
    /// Claims that it holds.
    pub(super) all: usize,
    /// Those of them that were asked for with this token, or with none.
    pub(super) held: usize,
    /// What it says that it can do.
    pub(super) can: Vec<String>,
}

pub(super) async fn hands(
    tx: &mut Tx,
    agent: AgentId,
    token: Option<Uuid>,
) -> Result<Hands, Error> {
    let (all, held, can): (i64, i64, Option<String>) =
        db::fetch_one!(tx, HANDS, agent.uuid(), token)?;
    let number = |count: i64| usize::try_from(count).unwrap_or(usize::MAX);
    let can = can.map_or(Ok(Vec::new()), |it| serde_json::from_str(&it));
    let can = can.map_err(Error::corrupt("agents.capabilities"))?;
    Ok(Hands { all: number(all), held: number(held), can })
}

/// Tasks at which a person may be asked: the oldest first.
pub(super) async fn gates(
    tx: &mut Tx,
    person: Id<Principal>,
    after: Uuid,
    limit: i64,
) -> Result<Vec<(TaskId, RunId, Handle)>, Error> {
    let rows: Vec<(Uuid, Uuid, String)> = db::fetch_all!(tx, GATES, person.uuid(), after, limit)?;
    let read = |(task, run, publisher): (Uuid, Uuid, String)| {
        Ok((Id::from_uuid(task), Id::from_uuid(run), handle(&publisher)?))
    };
    rows.into_iter().map(read).collect()
}

/// What persons have said: who, what, why, when.
pub(crate) type VoteRow = (String, String, String, i64);

pub(crate) async fn votes(tx: &mut Tx, task: TaskId) -> Result<Vec<VoteRow>, Error> {
    db::fetch_all!(tx, VOTES, task.uuid())
}

/// Says how a publisher stands to an agent.
pub(super) async fn bind(
    tx: &mut Tx,
    (agent, publisher): (Id<Principal>, Id<Principal>),
    state: &str,
    labels: &str,
) -> Result<(), Error> {
    db::execute!(tx, BIND, agent.uuid(), publisher.uuid(), state, labels).map(drop)
}

/// Takes it back; `false` if nothing was said.
pub(super) async fn unbind(
    tx: &mut Tx,
    agent: Id<Principal>,
    publisher: Id<Principal>,
) -> Result<bool, Error> {
    Ok(db::execute!(tx, UNBIND, agent.uuid(), publisher.uuid())? == 1)
}

/// The agents of which a publisher has said something: name, state, labels.
pub(crate) async fn bound(
    tx: &mut Tx,
    publisher: Id<Principal>,
    after: &str,
    limit: i64,
) -> Result<Vec<(String, String, String)>, Error> {
    db::fetch_all!(tx, BOUND, publisher.uuid(), after, limit)
}

/// The highest priority that the operator grants to a publisher.
pub(super) async fn max_priority(
    tx: &mut Tx,
    publisher: Id<Principal>,
) -> Result<Option<u8>, Error> {
    let row: Option<(i64,)> = db::fetch_optional!(tx, MAX_PRIORITY, publisher.uuid())?;
    let read = |(number,): (i64,)| {
        number.try_into().map_err(Error::corrupt("work_publishers.max_priority"))
    };
    row.map(read).transpose()
}
