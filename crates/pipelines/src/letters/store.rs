//! The tables `dead_letters`, as far as it is about what becomes of letters, and `dead_letter_replays`.

use db::{Error, Tx};
use names::{Id, UnixMillis};
use pipelines_core::name::{Address, RunId};
use serde_json::Value;
use trust::Principal;
use uuid::Uuid;

use super::{LetterId, Meant, ReplayId, Which};

macro_rules! letter {
    () => {
        "SELECT l.id, l.run_id, r.pipeline_id, l.task_id, t.step, t.address, l.reason, l.at, l.discarded_at, l.replay_id,
                l.replayed_by, l.refused, t.superseded
           FROM dead_letters AS l JOIN tasks AS t ON t.id = l.task_id JOIN runs AS r ON r.id = l.run_id"
    };
}

/// Letters of the publisher `$1` for which everything holds that is said.
macro_rules! meant {
    () => {
        " WHERE l.publisher_id = $1
            AND (CAST($2 AS TEXT) IS NULL OR r.pipeline_id = $2) AND (CAST($3 AS TEXT) IS NULL OR t.step = $3)
            AND (CAST($4 AS TEXT) IS NULL OR l.reason = $4)
            AND (CAST($5 AS TEXT) IS NULL OR EXISTS (
                SELECT 1 FROM claims AS c JOIN principals AS p ON p.id = c.agent_id
                 WHERE c.task_id = l.task_id AND p.handle = $5))
            AND l.at >= $6 AND l.at < $7"
    };
}

/// Letters that nobody has seen to: neither laid aside, nor replayed, nor opened again in their run.
macro_rules! open {
    () => {
        " AND l.discarded_at IS NULL AND l.replay_id IS NULL AND t.superseded = 0"
    };
}

db::statements! {
    FIND = (concat!(letter!(), " WHERE l.publisher_id = $1 AND l.id = $2"));
    LIST = (concat!(letter!(), meant!(), " AND l.id < $8 ORDER BY l.id DESC LIMIT $9"));
    LIST_OPEN = (concat!(letter!(), meant!(), open!(), " AND l.id < $8 ORDER BY l.id DESC LIMIT $9"));
    LIST_REPLAYED = (concat!(letter!(), meant!(), "
            AND l.replayed_by IS NOT NULL AND l.id < $8 ORDER BY l.id DESC LIMIT $9"));
    LIST_DISCARDED = (concat!(letter!(), meant!(), "
            AND l.discarded_at IS NOT NULL AND l.id < $8 ORDER BY l.id DESC LIMIT $9"));
    OLDEST = (concat!("
         SELECT l.id, r.pipeline_id
           FROM dead_letters AS l JOIN tasks AS t ON t.id = l.task_id JOIN runs AS r ON r.id = l.run_id",
        meant!(), open!(), " ORDER BY l.id LIMIT $8"));
    NAMED = {
        sqlite concat!("
         SELECT l.id, r.pipeline_id
           FROM json_each($2) AS w CROSS JOIN dead_letters AS l ON l.id = unhex(w.value ->> 0, '-')
           JOIN tasks AS t ON t.id = l.task_id JOIN runs AS r ON r.id = l.run_id
          WHERE l.publisher_id = $1", open!()),
        postgres concat!("
         SELECT l.id, r.pipeline_id
           FROM jsonb_array_elements($2::jsonb) AS w (value) JOIN dead_letters AS l ON l.id = (w.value ->> 0)::uuid
           JOIN tasks AS t ON t.id = l.task_id JOIN runs AS r ON r.id = l.run_id
          WHERE l.publisher_id = $1", open!())
    };
    TAKE = {
        sqlite "
        UPDATE dead_letters SET replay_id = $1, refused = NULL
         WHERE discarded_at IS NULL AND replay_id IS NULL
           AND id IN (SELECT unhex(w.value ->> 0, '-') FROM json_each($2) AS w)",
        postgres "
        UPDATE dead_letters SET replay_id = $1, refused = NULL
         WHERE discarded_at IS NULL AND replay_id IS NULL
           AND id IN (SELECT (w.value ->> 0)::uuid FROM jsonb_array_elements($2::jsonb) AS w (value))"
    };
    DISCARD = "
        UPDATE dead_letters SET discarded_at = $3
         WHERE publisher_id = $1 AND id = $2 AND discarded_at IS NULL AND replay_id IS NULL";
    ADD_REPLAY = "
        INSERT INTO dead_letter_replays (id, publisher_id, asked_by, asked_at, ended_at, total)
        VALUES ($1, $2, $3, $4, $5, $6)";
    REPLAY = "
        SELECT id, asked_at, ended_at, total, replayed, refused FROM dead_letter_replays
         WHERE publisher_id = $1 AND id = $2";
    // The letters of the first runs of which some wait.
    WAITING = "
        SELECT l.id, l.run_id, t.address, t.generation
          FROM dead_letters AS l JOIN tasks AS t ON t.id = l.task_id
         WHERE l.replay_id = $1 AND l.replayed_by IS NULL
           AND l.run_id IN (SELECT DISTINCT w.run_id FROM dead_letters AS w
                             WHERE w.replay_id = $1 AND w.replayed_by IS NULL ORDER BY w.run_id LIMIT $2)
         ORDER BY l.run_id, l.id";
    // What could not be replayed is open once more.
    MARK = {
        sqlite "
        UPDATE dead_letters
           SET replayed_by = unhex(w.value ->> 1, '-'), refused = w.value ->> 2,
               replay_id = CASE WHEN (w.value ->> 1) IS NULL THEN NULL ELSE replay_id END
          FROM json_each($1) AS w WHERE dead_letters.id = unhex(w.value ->> 0, '-')",
        postgres "
        UPDATE dead_letters
           SET replayed_by = (w.value ->> 1)::uuid, refused = w.value ->> 2,
               replay_id = CASE WHEN (w.value ->> 1) IS NULL THEN NULL ELSE replay_id END
          FROM jsonb_array_elements($1::jsonb) AS w (value) WHERE dead_letters.id = (w.value ->> 0)::uuid"
    };
    COUNT = "UPDATE dead_letter_replays SET replayed = replayed + $2, refused = refused + $3 WHERE id = $1";
    END = "
        UPDATE dead_letter_replays SET ended_at = $2
         WHERE id = $1 AND ended_at IS NULL
           AND NOT EXISTS (SELECT 1 FROM dead_letters AS l WHERE l.replay_id = $1 AND l.replayed_by IS NULL)";
}

/// A dead letter.
#[derive(sqlx::FromRow)]
pub(crate) struct Letter {
    pub(crate) id: Uuid,
    pub(crate) run_id: Uuid,
    pub(crate) pipeline_id: String,
    pub(crate) task_id: Uuid,
    pub(crate) step: String,
    pub(crate) address: String,
    pub(crate) reason: String,
    pub(crate) at: i64,
    pub(crate) discarded_at: Option<i64>,
    pub(crate) replay_id: Option<Uuid>,
    pub(crate) replayed_by: Option<Uuid>,
    pub(crate) refused: Option<String>,
    pub(crate) superseded: i64,
}

/// Letters of a publisher, newest first, older than `before`.
pub(crate) async fn list(
    tx: &mut Tx,
    publisher: Id<Principal>,
    (which, meant): (Which, &Meant),
    before: Uuid,
    limit: i64,
) -> Result<Vec<Letter>, Error> {
    let sql = match which {
        Which::Open => &LIST_OPEN,
        Which::Replayed => &LIST_REPLAYED,
        Which::Discarded => &LIST_DISCARDED,
        Which::Any => &LIST,
    };
    db::fetch_all!(
        tx,
        *sql,
        publisher.uuid(),
        meant.pipeline.as_deref(),
        meant.step.as_deref(),
        meant.reason.as_deref(),
        meant.agent.as_deref(),
        meant.since(),
        meant.until(),
        before,
        limit,
    )
}

/// One letter.
pub(super) async fn find(
    tx: &mut Tx,
    publisher: Id<Principal>,
    id: LetterId,
) -> Result<Option<Letter>, Error> {
    db::fetch_optional!(tx, FIND, publisher.uuid(), id.uuid())
}

/// The oldest open letters that are meant, each with its pipeline.
pub(super) async fn oldest(
    tx: &mut Tx,
    publisher: Id<Principal>,
    meant: &Meant,
    limit: i64,
) -> Result<Vec<(LetterId, String)>, Error> {
    let rows: Vec<(Uuid, String)> = db::fetch_all!(
        tx,
        OLDEST,
        publisher.uuid(),
        meant.pipeline.as_deref(),
        meant.step.as_deref(),
        meant.reason.as_deref(),
        meant.agent.as_deref(),
        meant.since(),
        meant.until(),
        limit,
    )?;
    Ok(rows.into_iter().map(|(id, pipeline)| (Id::from_uuid(id), pipeline)).collect())
}

/// Those of the letters that are open and the publisher's, each with its pipeline.
pub(super) async fn named(
    tx: &mut Tx,
    publisher: Id<Principal>,
    ids: &[LetterId],
) -> Result<Vec<(LetterId, String)>, Error> {
    let ids = db::rows(ids.iter().map(|id| (id.to_string(),)));
    let rows: Vec<(Uuid, String)> = db::fetch_all!(tx, NAMED, publisher.uuid(), ids)?;
    Ok(rows.into_iter().map(|(id, pipeline)| (Id::from_uuid(id), pipeline)).collect())
}

/// Gives open letters into the care of a replay; gives how many.
pub(super) async fn take(tx: &mut Tx, replay: ReplayId, ids: &[LetterId]) -> Result<u64, Error> {
    let ids = db::rows(ids.iter().map(|id| (id.to_string(),)));
    db::execute!(tx, TAKE, replay.uuid(), ids)
}

/// Lays an open letter aside; says whether there was one.
pub(super) async fn discard(
    tx: &mut Tx,
    publisher: Id<Principal>,
    id: LetterId,
    at: UnixMillis,
) -> Result<bool, Error> {
    Ok(db::execute!(tx, DISCARD, publisher.uuid(), id.uuid(), at.0)? == 1)
}

/// A replay, as its row has it.
#[derive(sqlx::FromRow)]
pub(super) struct Replay {
    pub(super) id: Uuid,
    pub(super) asked_at: i64,
    pub(super) ended_at: Option<i64>,
    pub(super) total: i64,
    pub(super) replayed: i64,
    pub(super) refused: i64,
}

pub(super) async fn add_replay(
    tx: &mut Tx,
    (id, publisher): (ReplayId, Id<Principal>),
    by: Option<Id<Principal>>,
    at: UnixMillis,
    total: u64,
) -> Result<(), Error> {
    let ended_at = (total == 0).then_some(at.0);
    let (by, total) = (by.map(Id::uuid), i64::try_from(total).unwrap_or(i64::MAX));
    db::execute!(tx, ADD_REPLAY, id.uuid(), publisher.uuid(), by, at.0, ended_at, total).map(drop)
}

pub(super) async fn replay(
    tx: &mut Tx,
    publisher: Id<Principal>,
    id: ReplayId,
) -> Result<Option<Replay>, Error> {
    db::fetch_optional!(tx, REPLAY, publisher.uuid(), id.uuid())
}

/// A letter of which a replay has still to take care.
pub(super) struct Waiting {
    pub(super) id: LetterId,
    pub(super) run: RunId,
    pub(super) address: Address,
    pub(super) generation: u32,
}

/// The letters of the next `runs` runs of a replay.
pub(super) async fn waiting(
    tx: &mut Tx,
    replay: ReplayId,
    runs: i64,
) -> Result<Vec<Waiting>, Error> {
    let rows: Vec<(Uuid, Uuid, String, i64)> = db::fetch_all!(tx, WAITING, replay.uuid(), runs)?;
    let read = |(id, run, address, generation): (Uuid, Uuid, String, i64)| {
        Ok(Waiting {
            id: Id::from_uuid(id),
            run: Id::from_uuid(run),
            address: address.parse().map_err(Error::corrupt("tasks.address"))?,
            generation: generation.try_into().map_err(Error::corrupt("tasks.generation"))?,
        })
    };
    rows.into_iter().map(read).collect()
}

/// Writes down what came of letters: the run in which each is tried again, or why it is not; and ends the replay if none
/// of its letters waits any more.
pub(super) async fn mark(
    tx: &mut Tx,
    replay: ReplayId,
    outcomes: &[(LetterId, Result<RunId, &'static str>)],
    at: UnixMillis,
) -> Result<(), Error> {
    let row = |(id, outcome): &(LetterId, Result<RunId, &'static str>)| {
        let run = outcome.map_or(Value::Null, |run| run.to_string().into());
        let refused = outcome.err().map_or(Value::Null, Value::from);
        (id.to_string(), run, refused)
    };
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let replayed = outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).count();
    let refused = outcomes.len() - replayed;
    db::execute!(tx, MARK, db::rows(outcomes.iter().map(row)))?;
    db::execute!(tx, COUNT, replay.uuid(), number(replayed), number(refused))?;
    db::execute!(tx, END, replay.uuid(), at.0).map(drop)
}
