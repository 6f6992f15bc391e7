//! What a group writes: rows of `runs`, `tasks`, `claims` and of all that hangs on them; and what can be claimed.

use db::{Error, Tx};
use names::{Digest, Id};
use pipelines_core::{
    definition::SlotOf,
    name::{PipelineId, RunId},
};
use serde_json::Value;
use trust::Principal;
use uuid::Uuid;

/// Rows in one statement (`spec/work.md` 2, Fan-out).
const ROWS: usize = 500;

db::statements! {
    ADD_RUNS = {
        sqlite "
        INSERT INTO runs (id, publisher_id, pipeline_id, version, sha256, state, reason, input, copies, output, external_id,
                          started_by, replay_of, fair_key, started_at, deadline_at, ended_at, rev, detail)
        SELECT unhex(value ->> 0, '-'), unhex(value ->> 1, '-'), value ->> 2, value ->> 3, unhex(value ->> 4), value ->> 5,
               value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, unhex(value ->> 11, '-'),
               unhex(value ->> 12, '-'), value ->> 13, value ->> 14, value ->> 15, value ->> 16, value ->> 17, value ->> 18
          FROM json_each($1)",
        postgres "
        INSERT INTO runs (id, publisher_id, pipeline_id, version, sha256, state, reason, input, copies, output, external_id,
                          started_by, replay_of, fair_key, started_at, deadline_at, ended_at, rev, detail)
        SELECT (value ->> 0)::uuid, (value ->> 1)::uuid, value ->> 2, (value ->> 3)::bigint, decode(value ->> 4, 'hex'),
               value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, (value ->> 11)::uuid,
               (value ->> 12)::uuid, value ->> 13, (value ->> 14)::bigint, (value ->> 15)::bigint, (value ->> 16)::bigint,
               (value ->> 17)::bigint, value ->> 18
          FROM jsonb_array_elements($1::jsonb)"
    };
    SET_RUNS = {
        sqlite "
        UPDATE runs SET version = n.version, sha256 = n.sha256, state = n.state, reason = n.reason,
               output = CASE WHEN n.has_output THEN n.output ELSE runs.output END, deadline_at = n.deadline_at,
               ended_at = n.ended_at, rev = n.rev, detail = n.detail
          FROM (SELECT unhex(value ->> 0, '-') AS id, value ->> 1 AS version, unhex(value ->> 2) AS sha256,
                       value ->> 3 AS state, value ->> 4 AS reason, value ->> 5 AS has_output, value ->> 6 AS output,
                       value ->> 7 AS deadline_at, value ->> 8 AS ended_at, value ->> 9 AS rev, value ->> 10 AS detail
                  FROM json_each($1)) AS n
         WHERE runs.id = n.id",
        postgres "
        UPDATE runs SET version = n.version, sha256 = n.sha256, state = n.state, reason = n.reason,
               output = CASE WHEN n.has_output THEN n.output ELSE runs.output END, deadline_at = n.deadline_at,
               ended_at = n.ended_at, rev = n.rev, detail = n.detail
          FROM (SELECT (value ->> 0)::uuid AS id, (value ->> 1)::bigint AS version, decode(value ->> 2, 'hex') AS sha256,
                       value ->> 3 AS state, value ->> 4 AS reason, (value ->> 5)::boolean AS has_output,
                       value ->> 6 AS output, (value ->> 7)::bigint AS deadline_at, (value ->> 8)::bigint AS ended_at,
                       (value ->> 9)::bigint AS rev, value ->> 10 AS detail
                  FROM jsonb_array_elements($1::jsonb)) AS n
         WHERE runs.id = n.id"
    };
    ADD_SEARCH = {
        sqlite "
        INSERT INTO run_search (publisher_id, pipeline_id, pointer, value, run_id)
        SELECT unhex(value ->> 0, '-'), value ->> 1, value ->> 2, value ->> 3, unhex(value ->> 4, '-') FROM json_each($1)",
        postgres "
        INSERT INTO run_search (publisher_id, pipeline_id, pointer, value, run_id)
        SELECT (value ->> 0)::uuid, value ->> 1, value ->> 2, value ->> 3, (value ->> 4)::uuid
          FROM jsonb_array_elements($1::jsonb)"
    };
    PUT_HEADS = {
        sqlite "
        INSERT INTO work_heads (id, publisher_id, pipeline_id, fair_key, weight, priority, labels, trust)
        SELECT unhex(value ->> 0, '-'), unhex(value ->> 1, '-'), value ->> 2, value ->> 3, value ->> 4, value ->> 5,
               value ->> 6, value ->> 7
          FROM json_each($1) WHERE true
        ON CONFLICT (id) DO NOTHING",
        postgres "
        INSERT INTO work_heads (id, publisher_id, pipeline_id, fair_key, weight, priority, labels, trust)
        SELECT (value ->> 0)::uuid, (value ->> 1)::uuid, value ->> 2, value ->> 3, (value ->> 4)::bigint,
               (value ->> 5)::bigint, value ->> 6, (value ->> 7)::bigint
          FROM jsonb_array_elements($1::jsonb) ORDER BY 1
        ON CONFLICT (id) DO NOTHING"
    };
    // What is large stands in the row once: nothing in its place leaves it as it is.
    PUT_TASKS = {
        sqlite "
        INSERT INTO tasks (id, run_id, publisher_id, step, address, generation, superseded, version, state, reason, ready_at,
                           head_id, item, input, candidate, detail)
        SELECT unhex(value ->> 0, '-'), unhex(value ->> 1, '-'), unhex(value ->> 2, '-'), value ->> 3, value ->> 4,
               value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, unhex(value ->> 11, '-'),
               value ->> 12, value ->> 13, value ->> 14, value ->> 15
          FROM json_each($1) WHERE true
        ON CONFLICT (id) DO UPDATE SET superseded = excluded.superseded, version = excluded.version, state = excluded.state,
               reason = excluded.reason, ready_at = excluded.ready_at, head_id = excluded.head_id,
               input = coalesce(excluded.input, tasks.input), candidate = excluded.candidate, detail = excluded.detail",
        postgres "
        INSERT INTO tasks (id, run_id, publisher_id, step, address, generation, superseded, version, state, reason, ready_at,
                           head_id, item, input, candidate, detail)
        SELECT (value ->> 0)::uuid, (value ->> 1)::uuid, (value ->> 2)::uuid, value ->> 3, value ->> 4,
               (value ->> 5)::bigint, (value ->> 6)::bigint, (value ->> 7)::bigint, value ->> 8, value ->> 9,
               (value ->> 10)::bigint, (value ->> 11)::uuid, value ->> 12, value ->> 13, value ->> 14, value ->> 15
          FROM jsonb_array_elements($1::jsonb)
        ON CONFLICT (id) DO UPDATE SET superseded = excluded.superseded, version = excluded.version, state = excluded.state,
               reason = excluded.reason, ready_at = excluded.ready_at, head_id = excluded.head_id,
               input = coalesce(excluded.input, tasks.input), candidate = excluded.candidate, detail = excluded.detail"
    };
    PUT_CLAIMS = {
        sqlite "
        INSERT INTO claims (id, task_id, run_id, publisher_id, agent_id, owner_id, token_id, version, fence, state, granted_at,
                            ends_at, touched, note, detail)
        SELECT unhex(value ->> 0, '-'), unhex(value ->> 1, '-'), unhex(value ->> 2, '-'), unhex(value ->> 3, '-'),
               unhex(value ->> 4, '-'), unhex(value ->> 5, '-'), unhex(value ->> 6, '-'), value ->> 7, value ->> 8,
               value ->> 9, value ->> 10, value ->> 11, value ->> 12, value ->> 13, value ->> 14
          FROM json_each($1) WHERE true
        ON CONFLICT (id) DO UPDATE SET state = excluded.state, ends_at = excluded.ends_at, touched = excluded.touched,
               note = coalesce(excluded.note, claims.note), detail = excluded.detail",
        postgres "
        INSERT INTO claims (id, task_id, run_id, publisher_id, agent_id, owner_id, token_id, version, fence, state, granted_at,
                            ends_at, touched, note, detail)
        SELECT (value ->> 0)::uuid, (value ->> 1)::uuid, (value ->> 2)::uuid, (value ->> 3)::uuid, (value ->> 4)::uuid,
               (value ->> 5)::uuid, (value ->> 6)::uuid, (value ->> 7)::bigint, (value ->> 8)::bigint, value ->> 9,
               (value ->> 10)::bigint, (value ->> 11)::bigint, (value ->> 12)::bigint, value ->> 13, value ->> 14
          FROM jsonb_array_elements($1::jsonb)
        ON CONFLICT (id) DO UPDATE SET state = excluded.state, ends_at = excluded.ends_at, touched = excluded.touched,
               note = coalesce(excluded.note, claims.note), detail = excluded.detail"
    };
    ADD_SUBMISSIONS = {
        sqlite "
        INSERT INTO submissions (claim_id, result_sha256, verdict, notes, at)
        SELECT unhex(value ->> 0, '-'), unhex(value ->> 1), value ->> 2, value ->> 3, value ->> 4 FROM json_each($1)",
        postgres "
        INSERT INTO submissions (claim_id, result_sha256, verdict, notes, at)
        SELECT (value ->> 0)::uuid, decode(value ->> 1, 'hex'), value ->> 2, value ->> 3, (value ->> 4)::bigint
          FROM jsonb_array_elements($1::jsonb)"
    };
    ADD_RESULTS = {
        sqlite "
        INSERT INTO results (task_id, claim_id, output, sha256, at)
        SELECT unhex(value ->> 0, '-'), unhex(value ->> 1, '-'), value ->> 2, unhex(value ->> 3), value ->> 4
          FROM json_each($1)",
        postgres "
        INSERT INTO results (task_id, claim_id, output, sha256, at)
        SELECT (value ->> 0)::uuid, (value ->> 1)::uuid, value ->> 2, decode(value ->> 3, 'hex'), (value ->> 4)::bigint
          FROM jsonb_array_elements($1::jsonb)"
    };
    ADD_EVENTS = {
        sqlite "
        INSERT INTO run_events (run_id, seq, at, type, task_id, claim_id, actor_id, data)
        SELECT unhex(value ->> 0, '-'), value ->> 1, value ->> 2, value ->> 3, unhex(value ->> 4, '-'),
               unhex(value ->> 5, '-'), unhex(value ->> 6, '-'), value ->> 7
          FROM json_each($1)",
        postgres "
        INSERT INTO run_events (run_id, seq, at, type, task_id, claim_id, actor_id, data)
        SELECT (value ->> 0)::uuid, (value ->> 1)::bigint, (value ->> 2)::bigint, value ->> 3, (value ->> 4)::uuid,
               (value ->> 5)::uuid, (value ->> 6)::uuid, value ->> 7
          FROM jsonb_array_elements($1::jsonb)"
    };
    ADD_LETTERS = {
        sqlite "
        INSERT INTO dead_letters (id, publisher_id, run_id, task_id, reason, at)
        SELECT unhex(value ->> 0, '-'), unhex(value ->> 1, '-'), unhex(value ->> 2, '-'), unhex(value ->> 3, '-'),
               value ->> 4, value ->> 5
          FROM json_each($1)",
        postgres "
        INSERT INTO dead_letters (id, publisher_id, run_id, task_id, reason, at)
        SELECT (value ->> 0)::uuid, (value ->> 1)::uuid, (value ->> 2)::uuid, (value ->> 3)::uuid, value ->> 4,
               (value ->> 5)::bigint
          FROM jsonb_array_elements($1::jsonb)"
    };
    ADD_VOTES = {
        sqlite "
        INSERT INTO approval_votes (task_id, principal_id, decision, comment, at)
        SELECT unhex(value ->> 0, '-'), unhex(value ->> 1, '-'), value ->> 2, value ->> 3, value ->> 4 FROM json_each($1)",
        postgres "
        INSERT INTO approval_votes (task_id, principal_id, decision, comment, at)
        SELECT (value ->> 0)::uuid, (value ->> 1)::uuid, value ->> 2, value ->> 3, (value ->> 4)::bigint
          FROM jsonb_array_elements($1::jsonb)"
    };
    // A claim counts once; what is said of it later takes the place of what was said before.
    PUT_CREDITS = {
        sqlite "
        INSERT INTO trust_ledger (claim_id, agent_id, publisher_id, run_id, outcome, at)
        SELECT unhex(value ->> 0, '-'), unhex(value ->> 1, '-'), unhex(value ->> 2, '-'), unhex(value ->> 3, '-'),
               value ->> 4, value ->> 5
          FROM json_each($1) WHERE true
        ON CONFLICT (claim_id) DO UPDATE SET outcome = excluded.outcome",
        postgres "
        INSERT INTO trust_ledger (claim_id, agent_id, publisher_id, run_id, outcome, at)
        SELECT (value ->> 0)::uuid, (value ->> 1)::uuid, (value ->> 2)::uuid, (value ->> 3)::uuid, value ->> 4,
               (value ->> 5)::bigint
          FROM jsonb_array_elements($1::jsonb)
        ON CONFLICT (claim_id) DO UPDATE SET outcome = excluded.outcome"
    };
    PUT_SLOTS = {
        sqlite "
        INSERT INTO slots (publisher_id, pipeline_id, counts, key_hash, used)
        SELECT unhex(value ->> 0, '-'), value ->> 1, value ->> 2, unhex(value ->> 3), value ->> 4
          FROM json_each($1) WHERE true
        ON CONFLICT (publisher_id, pipeline_id, counts, key_hash) DO UPDATE SET used = excluded.used",
        postgres "
        INSERT INTO slots (publisher_id, pipeline_id, counts, key_hash, used)
        SELECT (value ->> 0)::uuid, value ->> 1, value ->> 2, decode(value ->> 3, 'hex'), (value ->> 4)::bigint
          FROM jsonb_array_elements($1::jsonb)
        ON CONFLICT (publisher_id, pipeline_id, counts, key_hash) DO UPDATE SET used = excluded.used"
    };
    // The row is made first, so that there is one to lock.
    MAKE_SLOT = "
        INSERT INTO slots (publisher_id, pipeline_id, counts, key_hash, used) VALUES ($1, $2, $3, $4, 0)
        ON CONFLICT (publisher_id, pipeline_id, counts, key_hash) DO NOTHING";
    SLOT = {
        sqlite "
        SELECT used FROM slots WHERE publisher_id = $1 AND pipeline_id = $2 AND counts = $3 AND key_hash = $4",
        postgres "
        SELECT used FROM slots WHERE publisher_id = $1 AND pipeline_id = $2 AND counts = $3 AND key_hash = $4 FOR UPDATE"
    };
    QUEUED = "
        SELECT id FROM runs WHERE publisher_id = $1 AND pipeline_id = $2 AND state = 'queued' ORDER BY id LIMIT 64";
    LIVE = "
        SELECT id FROM runs WHERE publisher_id = $1 AND pipeline_id = $2 AND state IN ('running', 'held', 'composed')
         ORDER BY id LIMIT 64";
    EXTERNAL = "
        SELECT id, version, sha256, state, input FROM runs WHERE publisher_id = $1 AND pipeline_id = $2 AND external_id = $3";
}

/// Rows for one statement, in pieces.
async fn put(tx: &mut Tx, sql: &'static db::Sql, rows: &[Value]) -> Result<(), Error> {
    for rows in rows.chunks(ROWS) {
        db::execute!(tx, *sql, db::rows(rows))?;
    }
    Ok(())
}

/// All that a group writes, by table; each row in the order of its statement.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) new_runs: Vec<Value>,
    pub(super) runs: Vec<Value>,
    pub(super) search: Vec<Value>,
    pub(super) heads: Vec<Value>,
    pub(super) tasks: Vec<Value>,
    pub(super) claims: Vec<Value>,
    pub(super) submissions: Vec<Value>,
    pub(super) results: Vec<Value>,
    pub(super) events: Vec<Value>,
    pub(super) letters: Vec<Value>,
    pub(super) credits: Vec<Value>,
    pub(super) slots: Vec<Value>,
    pub(super) votes: Vec<Value>,
}

/// Writes it, what others refer to first.
pub(super) async fn write(tx: &mut Tx, written: &Written) -> Result<(), Error> {
    put(tx, &ADD_RUNS, &written.new_runs).await?;
    put(tx, &SET_RUNS, &written.runs).await?;
    put(tx, &ADD_SEARCH, &written.search).await?;
    put(tx, &PUT_HEADS, &written.heads).await?;
    put(tx, &PUT_TASKS, &written.tasks).await?;
    put(tx, &PUT_CLAIMS, &written.claims).await?;
    put(tx, &ADD_SUBMISSIONS, &written.submissions).await?;
    put(tx, &ADD_RESULTS, &written.results).await?;
    put(tx, &ADD_EVENTS, &written.events).await?;
    put(tx, &ADD_LETTERS, &written.letters).await?;
    put(tx, &ADD_VOTES, &written.votes).await?;
    put(tx, &PUT_CREDITS, &written.credits).await?;
    put(tx, &PUT_SLOTS, &written.slots).await
}

/// The word of what a slot counts.
pub(super) const fn counts(of: SlotOf) -> &'static str {
    match of {
        SlotOf::Runs => "runs",
        SlotOf::Claims => "claims",
    }
}

/// How many live under a key; nobody else changes that until the transaction ends.
pub(super) async fn used(
    tx: &mut Tx,
    publisher: Id<Principal>,
    pipeline: &PipelineId,
    (of, key): (SlotOf, Digest),
) -> Result<u32, Error> {
    let (publisher, key) = (publisher.uuid(), &key.as_bytes()[..]);
    db::execute!(tx, MAKE_SLOT, publisher, pipeline.as_str(), counts(of), key)?;
    let (used,): (i64,) = db::fetch_one!(tx, SLOT, publisher, pipeline.as_str(), counts(of), key)?;
    used.try_into().map_err(Error::corrupt("slots.used"))
}

/// The oldest runs of a pipeline that wait for a slot.
pub(super) async fn queued(
    tx: &mut Tx,
    publisher: Id<Principal>,
    pipeline: &PipelineId,
) -> Result<Vec<RunId>, Error> {
    let rows: Vec<(Uuid,)> = db::fetch_all!(tx, QUEUED, publisher.uuid(), pipeline.as_str())?;
    Ok(rows.into_iter().map(|(id,)| Id::from_uuid(id)).collect())
}

/// The oldest runs of a pipeline that hold one.
pub(super) async fn live(
    tx: &mut Tx,
    publisher: Id<Principal>,
    pipeline: &PipelineId,
) -> Result<Vec<RunId>, Error> {
    let rows: Vec<(Uuid,)> = db::fetch_all!(tx, LIVE, publisher.uuid(), pipeline.as_str())?;
    Ok(rows.into_iter().map(|(id,)| Id::from_uuid(id)).collect())
}

/// A run, as whoever starts it once more is told of it.
pub(super) struct Known {
    pub(super) run: RunId,
    pub(super) version: u32,
    pub(super) sha256: Digest,
    pub(super) state: String,
    pub(super) input: Value,
}

/// The run that whoever started it calls so.
pub(super) async fn external(
    tx: &mut Tx,
    publisher: Id<Principal>,
    pipeline: &PipelineId,
    external: &str,
) -> Result<Option<Known>, Error> {
    let row: Option<(Uuid, i64, Vec<u8>, String, String)> =
        db::fetch_optional!(tx, EXTERNAL, publisher.uuid(), pipeline.as_str(), external)?;
    let Some((id, version, hash, state, input)) = row else { return Ok(None) };
    Ok(Some(Known {
        run: Id::from_uuid(id),
        version: version.try_into().map_err(Error::corrupt("runs.version"))?,
        sha256: hash.as_slice().try_into().map_err(Error::corrupt("runs.sha256"))?,
        state,
        input: serde_json::from_str(&input).map_err(Error::corrupt("runs.input"))?,
    }))
}
