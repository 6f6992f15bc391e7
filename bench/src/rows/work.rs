//! Work: how many tasks a server hands out and takes back, beside what its database could write.

use std::{path::Path, sync::Arc, time::Instant};

use ::db::Db;
use anyhow::{Context as _, ensure};
use cluster::{Cluster, Settings};
use http::Method;
use names::Secret;
use serde_json::{Value, json};
use testkit::{Answer, Ground, Person, Server};
use tokio::task::JoinSet;

use crate::{
    ground,
    load::Line,
    row::{Row, median},
};

::db::statements! {
    TABLE = "CREATE TABLE work_rows (id BIGINT PRIMARY KEY, other BIGINT NOT NULL, body TEXT NOT NULL)";
    INDEX = "CREATE INDEX work_rows_other ON work_rows (other)";
    ROW = "INSERT INTO work_rows (id, other, body) VALUES ($1, $2, $3)";
}

/// Agents that ask at once, each over a connection of its own.
const AGENTS: usize = 16;
/// Runs of a round, each of one task.
const RUNS: usize = 2_000;
/// Both sides are measured this often, in turn.
const ROUNDS: usize = 3;
/// What a task is worth in rows (`spec/work.md` 15).
const ROWS_OF_A_TASK: f64 = 4.0;
/// What the limit writes: rows in all, in one commit, bytes of each.
const ROWS: i64 = 20_000;
const IN_A_COMMIT: i64 = 100;
const ROW_BYTES: usize = 512;
/// Commits of the slowest way, one for a claim and one for a result.
const ALONE: i64 = 200;
const TARGET: f64 = 0.5;

/// On SQLite.
pub(crate) async fn throughput_sqlite(binary: &Path) -> anyhow::Result<Row> {
    let dir = ground::disk()?;
    let db = Db::sqlite(&dir.path().join("rows.db")).await?;
    throughput("work.throughput.sqlite", (binary, Ground::SqliteDisk), db).await
}

/// On PostgreSQL, with its waits for the disk.
pub(crate) async fn throughput_postgres(binary: &Path) -> anyhow::Result<Row> {
    let cluster = Cluster::start(Settings::default()).await;
    let database = cluster.database().await;
    let db = Db::postgres(&database.url).await?;
    throughput("work.throughput.postgres", (binary, Ground::PostgresS3), db).await
}

async fn throughput(
    name: &'static str,
    (binary, on): (&Path, Ground),
    db: Db,
) -> anyhow::Result<Row> {
    let mut tx = db.write().await?;
    ::db::execute!(&mut tx, TABLE)?;
    ::db::execute!(&mut tx, INDEX)?;
    tx.commit().await?;
    let shop = Arc::new(Shop::open(binary, on).await?);
    let (mut values, mut limits, mut alone) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let first = i64::try_from(round)? * 2 * ROWS;
        limits.push(rows(&db, first, (ROWS, IN_A_COMMIT)).await?);
        alone.push(rows(&db, first + ROWS, (ALONE, 1)).await? / 2.0);
        values.push(shop.work_off().await?);
    }
    db.close().await;
    let (value, limit, alone) = (median(values), median(limits), median(alone));
    let how = format!(
        "claims with results a second, {AGENTS} agents over HTTP, signed, {RUNS} tasks a round, medians of {ROUNDS} in \
         turn with {limit:.0} rows/s of {ROW_BYTES} bytes in two trees, {IN_A_COMMIT} a commit (a task is {ROWS_OF_A_TASK:.0}); \
         {:.1} times the {alone:.0} tasks/s of a commit for each claim and each result",
        value / alone
    );
    Ok(Row::at_least(name, "tasks/s", value, limit / ROWS_OF_A_TASK, TARGET, how))
}

/// Writes so many rows, so many in a commit; gives rows a second.
async fn rows(db: &Db, first: i64, (count, in_a_commit): (i64, i64)) -> anyhow::Result<f64> {
    let (body, started) = ("x".repeat(ROW_BYTES), Instant::now());
    for commit in 0..count / in_a_commit {
        let mut tx = db.write().await?;
        for row in 0..in_a_commit {
            let id = first + commit * in_a_commit + row;
            // The second tree is written in another order.
            let other = id.wrapping_mul(0x09E3_779B_97F4_A7C1);
            ::db::execute!(&mut tx, ROW, id, other, body.as_str())?;
        }
        tx.commit().await?;
    }
    Ok(ground::per_second(u64::try_from(count)?, started))
}

/// A publisher with one pipeline of one step, and agents that may claim it.
struct Shop {
    server: Server,
    runner: String,
    agents: Vec<Person>,
}

impl Shop {
    async fn open(binary: &Path, on: Ground) -> anyhow::Result<Self> {
        let binary = binary.to_str().context("the path of the binary")?;
        let server = Server::with(binary).on(on).log("warn").start().await;
        let anna = server.register("anna").await;
        let by =
            |path: &str, body: Value| server.post(&format!("/api/v1{path}")).json(&body).by(&anna);
        well(&by("/orgs", json!({ "handle": "acme" })).send().await)?;
        well(&server.post("/api/v1/orgs/acme/publisher").by(&anna).send().await)?;
        let admin = by("/publishers/acme/tokens/admin", json!({})).send().await;
        let runner = by("/publishers/acme/tokens/runner", json!({})).send().await;
        let (admin, runner) = (text(&well(&admin)?, "value")?, text(&well(&runner)?, "value")?);
        let definition = json!({
            "motet": 1, "id": "count",
            "input_schema": { "type": "object", "properties": { "n": { "type": "integer" } } },
            "steps": [{ "id": "a", "instructions": "Count.",
                "output_schema": { "type": "object", "required": ["n"], "properties": { "n": { "type": "integer" } } } }],
            "final_output": { "composes": ["a.*"] },
        });
        let register = server.post("/api/v1/publishers/acme/pipelines").json(&definition);
        well(&register.header("authorization", &format!("Bearer {admin}")).send().await)?;
        let mut agents = Vec::new();
        for number in 0..AGENTS {
            let handle = format!("heron-{number}");
            let scope = json!({ "planes": { "work": "write" }, "publishers": ["acme"] });
            well(&by("/agents", json!({ "handle": handle, "scope": scope })).send().await)?;
            let agent = Person::new(&handle, Secret::new([u8::try_from(number)? + 1; 32]));
            let line = agent.key().public().to_openssh();
            let met = agent.answer_to(&server.challenge(&handle, &line).await);
            well(&by("/auth/verify", met).send().await)?;
            agents.push(agent);
        }
        Ok(Self { server, runner, agents })
    }

    /// Fills the queue and has all agents empty it; gives tasks a second.
    async fn work_off(self: &Arc<Self>) -> anyhow::Result<f64> {
        let bearer = format!("authorization: Bearer {}\r\n", self.runner);
        let mut starting = Line::open(&self.server.authority()).await?;
        for n in 0..RUNS {
            let body = json!({ "input": { "n": n } }).to_string();
            starting.post("/api/v1/publishers/acme/pipelines/count/runs", &bearer, &body).await?;
        }
        let (started, mut working) = (Instant::now(), JoinSet::new());
        for agent in self.agents.clone() {
            let shop = Arc::clone(self);
            working.spawn(async move { shop.work(&agent).await });
        }
        let mut done = 0;
        while let Some(ended) = working.join_next().await {
            done += ended??;
        }
        ensure!(done == RUNS as u64, "{done} tasks were done of {RUNS}");
        Ok(ground::per_second(done, started))
    }

    /// Claims and answers until nothing is left.
    async fn work(&self, agent: &Person) -> anyhow::Result<u64> {
        let mut line = Line::open(&self.server.authority()).await?;
        let mut done = 0;
        loop {
            let next = self.say(&mut line, agent, "/api/v1/claims/next", "{}").await?;
            let Some(claim) = next.pointer("/items/0") else { return Ok(done) };
            let target = format!("/api/v1/claims/{}/result", text(claim, "claim")?);
            let body = json!({ "result": { "n": 7 } }).to_string();
            self.say(&mut line, agent, &target, &body).await?;
            done += 1;
        }
    }

    async fn say(
        &self,
        line: &mut Line,
        by: &Person,
        target: &str,
        body: &str,
    ) -> anyhow::Result<Value> {
        let request = self.server.request(Method::POST, target).by(by);
        let request = request.header("content-type", "application/json").body(body.to_owned());
        let [who, what] = request.proofs(by).map(|(name, value)| format!("{name}: {value}\r\n"));
        line.post(target, &(who + &what), body).await
    }
}

fn well(answer: &Answer) -> anyhow::Result<Value> {
    ensure!(answer.status < 300, "{}: {}", answer.status, answer.text());
    Ok(if answer.body.is_empty() { Value::Null } else { answer.json() })
}

fn text(of: &Value, key: &str) -> anyhow::Result<String> {
    Ok(of.get(key).and_then(Value::as_str).with_context(|| format!("no {key}"))?.to_owned())
}
