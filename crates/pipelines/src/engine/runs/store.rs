//! Runs, read back from `runs`, `tasks`, `results`, `claims` and `submissions`.

use std::{collections::BTreeMap, sync::Arc};

use db::{Error, Tx};
use names::{Digest, Id, UnixMillis};
use pipelines_core::{
    machine::{ClaimPart, RunPart, StoredClaim, StoredRun, StoredTask, StoredVerdict, TaskPart},
    name::{Address, ClaimId, RunId},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::engine::{
    heads::{HeadId, TaskId},
    run::Birth,
};

macro_rules! run {
    () => {
        "SELECT r.id, r.publisher_id, p.handle, r.pipeline_id, r.sha256, r.input, r.copies, r.output, r.external_id,
               r.started_by, r.replay_of, r.rev, r.detail
          FROM runs AS r JOIN principals AS p ON p.id = r.publisher_id WHERE r.id = $1"
    };
}

db::statements! {
    FIND = (run!());
    // In order of their ids, so that two processes never wait for each other in a ring.
    LOCK = {
        sqlite "SELECT id, rev FROM runs WHERE id IN (SELECT unhex(value, '-') FROM json_each($1)) ORDER BY id",
        postgres "
        SELECT id, rev FROM runs WHERE id IN (SELECT jsonb_array_elements_text($1::jsonb)::uuid) ORDER BY id FOR UPDATE"
    };
    // For what may as well wait: whoever holds it is not waited for.
    TRY_LOCK = {
        sqlite "SELECT id, rev FROM runs WHERE id = $1",
        postgres "SELECT id, rev FROM runs WHERE id = $1 FOR UPDATE SKIP LOCKED"
    };
    IS_THERE = "SELECT count(*) FROM runs WHERE id = $1";
    TASKS = "
        SELECT t.id, t.address, t.generation, t.detail, t.item, t.input, t.candidate, t.head_id, t.ready_at, s.output
          FROM tasks AS t LEFT JOIN results AS s ON s.task_id = t.id WHERE t.run_id = $1";
    CLAIMS = "SELECT id, detail, token_id FROM claims WHERE run_id = $1";
    SUBMISSIONS = "
        SELECT s.claim_id, s.result_sha256, s.verdict
          FROM claims AS c JOIN submissions AS s ON s.claim_id = c.id WHERE c.run_id = $1";
}

/// A run as its rows have it.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) birth: Birth,
    pub(crate) stored: StoredRun,
    pub(crate) sha256: Digest,
    pub(crate) rev: i64,
    pub(crate) ids: BTreeMap<(Address, u32), TaskId>,
    pub(crate) heads: BTreeMap<TaskId, (HeadId, UnixMillis)>,
    pub(crate) tokens: BTreeMap<ClaimId, Uuid>,
}

#[derive(sqlx::FromRow)]
struct RunRow {
    id: Uuid,
    publisher_id: Uuid,
    handle: String,
    pipeline_id: String,
    sha256: Vec<u8>,
    input: String,
    copies: String,
    output: Option<String>,
    external_id: Option<String>,
    started_by: Option<Uuid>,
    replay_of: Option<Uuid>,
    rev: i64,
    detail: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    address: String,
    generation: i64,
    detail: String,
    item: Option<String>,
    input: Option<String>,
    candidate: Option<String>,
    head_id: Option<Uuid>,
    ready_at: Option<i64>,
    output: Option<String>,
}

fn json<T: DeserializeOwned>(column: &'static str, text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(Error::corrupt(column))
}

fn value(column: &'static str, text: Option<&str>) -> Result<Option<Arc<Value>>, Error> {
    text.map(|text| json::<Value>(column, text).map(Arc::new)).transpose()
}

/// Locks the rows of these runs, and tells at which revision they are.
pub(super) async fn lock(tx: &mut Tx, ids: &[RunId]) -> Result<BTreeMap<RunId, i64>, Error> {
    let rows: Vec<(Uuid, i64)> = db::fetch_all!(tx, LOCK, db::rows(ids))?;
    Ok(rows.into_iter().map(|(id, rev)| (Id::from_uuid(id), rev)).collect())
}

/// Locks the row of a run, unless another holds it; tells at which revision it is.
pub(super) async fn try_lock(tx: &mut Tx, id: RunId) -> Result<Option<i64>, Error> {
    let row: Option<(Uuid, i64)> = db::fetch_optional!(tx, TRY_LOCK, id.uuid())?;
    Ok(row.map(|(_, rev)| rev))
}

/// Whether there is such a run.
pub(super) async fn is_there(tx: &mut Tx, id: RunId) -> Result<bool, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, IS_THERE, id.uuid())?;
    Ok(count > 0)
}

/// The whole run.
pub(crate) async fn load(tx: &mut Tx, id: RunId) -> Result<Option<Loaded>, Error> {
    let row: Option<RunRow> = db::fetch_optional!(tx, FIND, id.uuid())?;
    let Some(row) = row else { return Ok(None) };
    let part: RunPart = json("runs.detail", &row.detail)?;
    let copies: BTreeMap<Address, Value> = json("runs.copies", &row.copies)?;
    let (mut ids, mut heads) = (BTreeMap::new(), BTreeMap::new());
    let mut tasks = Vec::new();
    let rows: Vec<Row> = db::fetch_all!(tx, TASKS, id.uuid())?;
    for row in rows {
        let task = Id::from_uuid(row.id);
        if let Some((head, at)) = row.head_id.zip(row.ready_at) {
            heads.insert(task, (Id::from_uuid(head), UnixMillis(at)));
        }
        let stored = stored_task(&row)?;
        ids.insert((stored.address.clone(), stored.generation), task);
        tasks.push(stored);
    }
    let (claims, tokens) = claims(tx, id).await?;
    let birth = Birth {
        publisher: Id::from_uuid(row.publisher_id),
        handle: row.handle.parse().map_err(Error::corrupt("principals.handle"))?,
        pipeline: row.pipeline_id.parse().map_err(Error::corrupt("runs.pipeline_id"))?,
        external_id: row.external_id,
        started_by: row.started_by.map(Id::from_uuid),
        replay_of: row.replay_of,
    };
    let stored = StoredRun {
        run: Id::from_uuid(row.id),
        part,
        input: json::<Value>("runs.input", &row.input).map(Arc::new)?,
        copies: copies.into_iter().map(|(address, it)| (address, Arc::new(it))).collect(),
        output: value("runs.output", row.output.as_deref())?,
        tasks,
        claims,
    };
    let sha256 = row.sha256.as_slice().try_into().map_err(Error::corrupt("runs.sha256"))?;
    Ok(Some(Loaded { birth, stored, sha256, rev: row.rev, ids, heads, tokens }))
}

fn stored_task(row: &Row) -> Result<StoredTask, Error> {
    let part: TaskPart = json("tasks.detail", &row.detail)?;
    Ok(StoredTask {
        address: row.address.parse().map_err(Error::corrupt("tasks.address"))?,
        generation: row.generation.try_into().map_err(Error::corrupt("tasks.generation"))?,
        part,
        item: value("tasks.item", row.item.as_deref())?,
        input: value("tasks.input", row.input.as_deref())?,
        output: value("results.output", row.output.as_deref())?,
        candidate: value("tasks.candidate", row.candidate.as_deref())?,
    })
}

type Claims = (Vec<StoredClaim>, BTreeMap<ClaimId, Uuid>);

async fn claims(tx: &mut Tx, run: RunId) -> Result<Claims, Error> {
    let rows: Vec<(Uuid, String, Option<Uuid>)> = db::fetch_all!(tx, CLAIMS, run.uuid())?;
    let given: Vec<(Uuid, Vec<u8>, String)> = db::fetch_all!(tx, SUBMISSIONS, run.uuid())?;
    let mut submissions: BTreeMap<Uuid, Vec<(Digest, StoredVerdict)>> = BTreeMap::new();
    for (claim, hash, verdict) in given {
        let hash: Digest =
            hash.as_slice().try_into().map_err(Error::corrupt("submissions.result_sha256"))?;
        let verdict = json("submissions.verdict", &verdict)?;
        submissions.entry(claim).or_default().push((hash, verdict));
    }
    let (mut claims, mut tokens) = (Vec::new(), BTreeMap::new());
    for (id, detail, token) in rows {
        let part: ClaimPart = json("claims.detail", &detail)?;
        let submissions = submissions.remove(&id).unwrap_or_default();
        let id = Id::from_uuid(id);
        tokens.extend(token.map(|token| (id, token)));
        claims.push(StoredClaim { id, part, submissions });
    }
    Ok((claims, tokens))
}
