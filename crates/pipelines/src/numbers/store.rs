//! Sums over what waits, what was claimed and what died; and the records of agents.
//!
//! Nothing here reads more than is said beside it, however much there is.

use db::{Error, Tx};
use names::{Id, UnixMillis};
use pipelines_core::name::{AgentId, OwnerId, RunId};
use serde::Deserialize;
use trust::Principal;
use uuid::Uuid;

/// What of a head `h` is told: of its first 1,000 tasks, by step, how many and since when.
macro_rules! of_head {
    (sqlite) => {
        "(SELECT json_group_array(json_array(s.step, s.many, s.oldest))
            FROM (SELECT f.step, count(*) AS many, min(f.ready_at) AS oldest
                    FROM (SELECT t.step, t.ready_at FROM tasks AS t WHERE t.head_id = h.id
                           ORDER BY t.ready_at, t.id LIMIT 1000) AS f
                   GROUP BY f.step) AS s)"
    };
    (postgres) => {
        "(SELECT CAST(json_agg(json_build_array(s.step, s.many, s.oldest)) AS TEXT)
            FROM (SELECT f.step, count(*) AS many, min(f.ready_at) AS oldest
                    FROM (SELECT t.step, t.ready_at FROM tasks AS t WHERE t.head_id = h.id
                           ORDER BY t.ready_at, t.id LIMIT 1000) AS f
                   GROUP BY f.step) AS s)"
    };
}

/// Up to 100 heads of the publisher `$1` in which tasks stand: of each of its heads one step of an index.
macro_rules! heads_of_one {
    () => {
        " FROM (SELECT w.id, w.publisher_id, w.pipeline_id FROM work_heads AS w
                 WHERE w.publisher_id = $1 AND EXISTS (SELECT 1 FROM tasks AS t WHERE t.head_id = w.id)
                 LIMIT 100) AS h
          JOIN principals AS p ON p.id = h.publisher_id"
    };
}

/// Up to 1,000 heads in which tasks stand, whosever they are: a step of an index for each.
macro_rules! heads_of_all {
    () => {
        " FROM filled JOIN work_heads AS h ON h.id = filled.id JOIN principals AS p ON p.id = h.publisher_id"
    };
}

macro_rules! filled {
    () => {
        "WITH RECURSIVE filled (id, number) AS (
             SELECT (SELECT head_id FROM tasks WHERE head_id IS NOT NULL ORDER BY head_id LIMIT 1), 1
             UNION ALL
             SELECT (SELECT t.head_id FROM tasks AS t WHERE t.head_id > filled.id ORDER BY t.head_id LIMIT 1),
                    filled.number + 1
               FROM filled WHERE filled.id IS NOT NULL AND filled.number < 1000)
         "
    };
}

/// The columns of a record, and the last 200 results of the agent `a` for the publisher `o`.
macro_rules! record {
    (sqlite) => {
        "SELECT a.principal_id, pa.handle, a.owner_id, po.id, po.handle, b.state,
                (SELECT json_group_array(json_array(x.outcome, x.took))
                   FROM (SELECT l.outcome, l.at - c.granted_at AS took
                           FROM trust_ledger AS l JOIN claims AS c ON c.id = l.claim_id
                          WHERE l.agent_id = a.principal_id AND l.publisher_id = po.id
                          ORDER BY l.at DESC, l.claim_id DESC LIMIT 200) AS x)"
    };
    (postgres) => {
        "SELECT a.principal_id, pa.handle, a.owner_id, po.id, po.handle, b.state,
                (SELECT CAST(coalesce(json_agg(json_build_array(x.outcome, x.took)), '[]') AS TEXT)
                   FROM (SELECT l.outcome, l.at - c.granted_at AS took
                           FROM trust_ledger AS l JOIN claims AS c ON c.id = l.claim_id
                          WHERE l.agent_id = a.principal_id AND l.publisher_id = po.id
                          ORDER BY l.at DESC, l.claim_id DESC LIMIT 200) AS x)"
    };
}

/// Records of the agents of a list with the publishers to which `$2` belongs, or as which it acts.
macro_rules! seen {
    () => {
        concat!(" JOIN principals AS pa ON pa.id = a.principal_id
          JOIN principals AS po ON po.id IN (SELECT m.org_id FROM org_members AS m WHERE m.principal_id = $2
                                             UNION SELECT n.principal_id FROM organizations AS n WHERE n.principal_id = $2)
          LEFT JOIN agent_publishers AS b ON b.agent_id = a.principal_id AND b.publisher_id = po.id
         WHERE ", trust::is_publisher!("po.id"), "
           AND EXISTS (SELECT 1 FROM trust_ledger AS l WHERE l.agent_id = a.principal_id AND l.publisher_id = po.id)
           AND (a.principal_id > $3 OR (a.principal_id = $3 AND po.id > $4))
         ORDER BY a.principal_id, po.id LIMIT $5")
    };
}

/// Records of the agent `$1` with the first 100 publishers for which it has worked.
macro_rules! own {
    () => {
        concat!(" FROM worked AS w JOIN principals AS po ON po.id = w.publisher_id
          JOIN agents AS a ON a.principal_id = $1 JOIN principals AS pa ON pa.id = a.principal_id
          LEFT JOIN agent_publishers AS b ON b.agent_id = a.principal_id AND b.publisher_id = po.id
         WHERE ", trust::is_publisher!("po.id"), " AND po.id > $2 ORDER BY po.id LIMIT $3")
    };
}

macro_rules! worked {
    () => {
        "WITH RECURSIVE worked (publisher_id, number) AS (
             SELECT (SELECT l.publisher_id FROM trust_ledger AS l WHERE l.agent_id = $1 AND l.publisher_id > $2
                      ORDER BY l.publisher_id LIMIT 1), 1
             UNION ALL
             SELECT (SELECT l.publisher_id FROM trust_ledger AS l
                      WHERE l.agent_id = $1 AND l.publisher_id > worked.publisher_id ORDER BY l.publisher_id LIMIT 1),
                    worked.number + 1
               FROM worked WHERE worked.publisher_id IS NOT NULL AND worked.number < 100)
         "
    };
}

db::statements! {
    READY_OF = {
        sqlite concat!("SELECT p.handle, h.pipeline_id, ", of_head!(sqlite), heads_of_one!()),
        postgres concat!("SELECT p.handle, h.pipeline_id, ", of_head!(postgres), heads_of_one!())
    };
    READY = {
        sqlite concat!(filled!(), "SELECT p.handle, h.pipeline_id, ", of_head!(sqlite), heads_of_all!()),
        postgres concat!(filled!(), "SELECT p.handle, h.pipeline_id, ", of_head!(postgres), heads_of_all!())
    };
    // The last 2,000 claims of the install, not older than `$1`.
    CLAIMED = "
        SELECT p.handle, r.pipeline_id, t.step, count(*), min(c.granted_at)
          FROM (SELECT task_id, run_id, granted_at FROM claims WHERE id > $1 ORDER BY id DESC LIMIT 2000) AS c
          JOIN tasks AS t ON t.id = c.task_id JOIN runs AS r ON r.id = c.run_id
          JOIN principals AS p ON p.id = r.publisher_id
         GROUP BY p.handle, r.pipeline_id, t.step";
    // The first 10,000 open letters.
    DEAD_OF = "
        SELECT p.handle, r.pipeline_id, t.step, count(*)
          FROM (SELECT task_id, run_id FROM dead_letters
                 WHERE publisher_id = $1 AND discarded_at IS NULL AND replay_id IS NULL LIMIT 10000) AS l
          JOIN tasks AS t ON t.id = l.task_id JOIN runs AS r ON r.id = l.run_id
          JOIN principals AS p ON p.id = r.publisher_id
         WHERE t.superseded = 0 GROUP BY p.handle, r.pipeline_id, t.step";
    DEAD = "
        SELECT p.handle, r.pipeline_id, t.step, count(*)
          FROM (SELECT task_id, run_id FROM dead_letters
                 WHERE discarded_at IS NULL AND replay_id IS NULL ORDER BY publisher_id, id LIMIT 10000) AS l
          JOIN tasks AS t ON t.id = l.task_id JOIN runs AS r ON r.id = l.run_id
          JOIN principals AS p ON p.id = r.publisher_id
         WHERE t.superseded = 0 GROUP BY p.handle, r.pipeline_id, t.step";
    // A step of an index for each run, however many claims an agent had of it.
    RUNS = "
        WITH RECURSIVE mine (run_id, number) AS (
            SELECT (SELECT c.run_id FROM claims AS c WHERE c.agent_id = $1 AND c.run_id < $2
                     ORDER BY c.run_id DESC LIMIT 1), 1
            UNION ALL
            SELECT (SELECT c.run_id FROM claims AS c WHERE c.agent_id = $1 AND c.run_id < mine.run_id
                     ORDER BY c.run_id DESC LIMIT 1), mine.number + 1
              FROM mine WHERE mine.run_id IS NOT NULL AND mine.number < $3)
        SELECT r.id, p.handle, r.pipeline_id, r.version, r.state, r.started_at, r.ended_at,
               (SELECT count(*) FROM claims AS c WHERE c.agent_id = $1 AND c.run_id = r.id) AS claims
          FROM mine CROSS JOIN runs AS r JOIN principals AS p ON p.id = r.publisher_id
         WHERE r.id = mine.run_id ORDER BY mine.number";
    // The next 1,000 agents with a record, whoever they worked for.
    WORKERS = "
        WITH RECURSIVE worker (agent_id, number) AS (
            SELECT (SELECT l.agent_id FROM trust_ledger AS l WHERE l.agent_id >= $1 ORDER BY l.agent_id LIMIT 1), 1
            UNION ALL
            SELECT (SELECT l.agent_id FROM trust_ledger AS l WHERE l.agent_id > worker.agent_id
                     ORDER BY l.agent_id LIMIT 1), worker.number + 1
              FROM worker WHERE worker.agent_id IS NOT NULL AND worker.number < 1000)
        SELECT agent_id FROM worker WHERE agent_id IS NOT NULL ORDER BY agent_id";
    RECORDS = {
        sqlite concat!(record!(sqlite), "
          FROM json_each($1) AS w JOIN agents AS a ON a.principal_id = unhex(w.value ->> 0, '-')", seen!()),
        postgres concat!(record!(postgres), "
          FROM jsonb_array_elements($1::jsonb) AS w (value) JOIN agents AS a ON a.principal_id = (w.value ->> 0)::uuid",
            seen!())
    };
    OWN_RECORDS = {
        sqlite concat!(worked!(), record!(sqlite), own!()),
        postgres concat!(worked!(), record!(postgres), own!())
    };
}

/// How many tasks of a step of a pipeline can be claimed, and since when the oldest.
pub(super) struct Ready {
    pub(super) publisher: String,
    pub(super) pipeline: String,
    pub(super) step: String,
    pub(super) many: u64,
    pub(super) oldest: UnixMillis,
}

/// What can be claimed, of one publisher or of all; and whether it is all that can be.
pub(super) async fn ready(
    tx: &mut Tx,
    publisher: Option<Id<Principal>>,
) -> Result<(Vec<Ready>, bool), Error> {
    let (heads, most): (Vec<(String, String, Option<String>)>, usize) = match publisher {
        Some(id) => (db::fetch_all!(tx, READY_OF, id.uuid())?, 100),
        None => (db::fetch_all!(tx, READY)?, 1_000),
    };
    let mut is_whole = heads.len() < most;
    let mut found = Vec::new();
    for (publisher, pipeline, steps) in heads {
        let steps: Vec<(String, u64, i64)> = serde_json::from_str(steps.as_deref().unwrap_or("[]"))
            .map_err(Error::corrupt("tasks.ready_at"))?;
        is_whole &= steps.iter().map(|(_, many, _)| many).sum::<u64>() < 1_000;
        found.extend(steps.into_iter().map(|(step, many, oldest)| Ready {
            publisher: publisher.clone(),
            pipeline: pipeline.clone(),
            step,
            many,
            oldest: UnixMillis(oldest),
        }));
    }
    Ok((found, is_whole))
}

/// Claims of the last while, by publisher, pipeline and step: how many, and when the first was.
pub(super) type Claimed = (String, String, String, i64, i64);

/// Claims that were granted after `since`: the last 2,000 at most.
pub(super) async fn claimed(tx: &mut Tx, since: UnixMillis) -> Result<Vec<Claimed>, Error> {
    // The ids of claims sort by the moment of their grant.
    let since = Uuid::from_u128(u128::from(since.0.unsigned_abs()) << 80);
    db::fetch_all!(tx, CLAIMED, since)
}

/// Open dead letters, by publisher, pipeline and step.
pub(super) async fn dead(
    tx: &mut Tx,
    publisher: Option<Id<Principal>>,
) -> Result<Vec<(String, String, String, i64)>, Error> {
    if let Some(id) = publisher {
        return db::fetch_all!(tx, DEAD_OF, id.uuid());
    }
    db::fetch_all!(tx, DEAD)
}

/// A run in which an agent held a claim.
#[derive(sqlx::FromRow)]
pub(super) struct Run {
    pub(super) id: Uuid,
    pub(super) handle: String,
    pub(super) pipeline_id: String,
    pub(super) version: i64,
    pub(super) state: String,
    pub(super) started_at: i64,
    pub(super) ended_at: Option<i64>,
    pub(super) claims: i64,
}

/// Runs in which an agent held claims, newest first, older than `before`.
pub(super) async fn runs(
    tx: &mut Tx,
    agent: AgentId,
    before: RunId,
    limit: i64,
) -> Result<Vec<Run>, Error> {
    db::fetch_all!(tx, RUNS, agent.uuid(), before.uuid(), limit)
}

/// The next agents that have a record, from this one on.
pub(super) async fn workers(tx: &mut Tx, from: Uuid) -> Result<Vec<Uuid>, Error> {
    let rows: Vec<(Uuid,)> = db::fetch_all!(tx, WORKERS, from)?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// What became of a result, and how long it took.
#[derive(Debug, Deserialize)]
pub(super) struct Outcome(pub(super) String, pub(super) i64);

/// What an agent has done for a publisher.
pub(super) struct Record {
    pub(super) agent: AgentId,
    pub(super) handle: String,
    pub(super) owner: OwnerId,
    pub(super) publisher: Id<Principal>,
    pub(super) publisher_handle: String,
    /// How the publisher stands to it, where it has said so.
    pub(super) state: Option<String>,
    pub(super) last: Vec<Outcome>,
}

type RecordRow = (Uuid, String, Uuid, Uuid, String, Option<String>, String);

fn records_of(rows: Vec<RecordRow>) -> Result<Vec<Record>, Error> {
    let read = |(agent, handle, owner, publisher, publisher_handle, state, last): RecordRow| {
        Ok(Record {
            agent: Id::from_uuid(agent),
            handle,
            owner: Id::from_uuid(owner),
            publisher: Id::from_uuid(publisher),
            publisher_handle,
            state,
            last: serde_json::from_str(&last).map_err(Error::corrupt("trust_ledger.outcome"))?,
        })
    };
    rows.into_iter().map(read).collect()
}

/// Records of these agents with publishers that `reader` sees, after the one of an agent with a publisher.
pub(super) async fn records(
    tx: &mut Tx,
    agents: &[Uuid],
    reader: Id<Principal>,
    (agent, publisher): (Uuid, Uuid),
    limit: i64,
) -> Result<Vec<Record>, Error> {
    let agents = db::rows(agents.iter().map(|id| (id.to_string(),)));
    let rows = db::fetch_all!(tx, RECORDS, agents, reader.uuid(), agent, publisher, limit)?;
    records_of(rows)
}

/// Records of an agent with those for whom it has worked, after one of them.
pub(super) async fn own_records(
    tx: &mut Tx,
    agent: AgentId,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Record>, Error> {
    records_of(db::fetch_all!(tx, OWN_RECORDS, agent.uuid(), after, limit)?)
}
