//! Work: how many tasks a server hands out and takes back, beside what its database could write.
//!
//! | file              | what is there                                                             |
//! |-------------------|----------------------------------------------------------------------------|
//! | `work.rs`         | `work.throughput`, and the database's own limit                             |
//! | `work/shop.rs`    | a publisher, its agents, its pipelines                                      |
//! | `work/latency.rs` | `work.latency`: from a start to the hands of whoever waits                   |
//! | `work/queue.rs`   | `work.million`, `work.boot`, `work.memory`: with very much enqueued          |
//! | `work/beside.rs`  | `work.neighbour`, `work.idle`, `work.page`                                  |

mod beside;
mod latency;
mod queue;
mod shop;

use std::{path::Path, time::Instant};

use ::db::Db;
use anyhow::ensure;
use cluster::{Cluster, Settings};
use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    ground,
    load::Line,
    row::{Row, median},
};
pub(crate) use beside::{idle, neighbour_postgres, neighbour_sqlite, page};
pub(crate) use latency::{latency_postgres, latency_sqlite};
pub(crate) use queue::{boot, enqueue, memory, million};
use shop::{Place, Shop};

::db::statements! {
    TABLE = "CREATE TABLE work_rows (id BIGINT PRIMARY KEY, other BIGINT NOT NULL, body TEXT NOT NULL)";
    INDEX = "CREATE INDEX work_rows_other ON work_rows (other)";
    ROW = "INSERT INTO work_rows (id, other, body) VALUES ($1, $2, $3)";
}

/// Agents that ask at once, each over a connection of its own.
const AGENTS: u8 = 16;
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
    throughput("work.throughput.sqlite", (binary, Place::Sqlite), db).await
}

/// On PostgreSQL, with its waits for the disk.
pub(crate) async fn throughput_postgres(binary: &Path) -> anyhow::Result<Row> {
    let cluster = Cluster::start(Settings::default()).await;
    let database = cluster.database().await;
    let db = Db::postgres(&database.url).await?;
    let place = Place::Postgres(cluster.database().await);
    throughput("work.throughput.postgres", (binary, place), db).await
}

async fn throughput(
    name: &'static str,
    (binary, place): (&Path, Place),
    db: Db,
) -> anyhow::Result<Row> {
    let mut tx = db.write().await?;
    ::db::execute!(&mut tx, TABLE)?;
    ::db::execute!(&mut tx, INDEX)?;
    tx.commit().await?;
    let shop = Shop::open(binary, place, AGENTS).await?;
    let (mut values, mut limits, mut alone) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let first = i64::try_from(round)? * 2 * ROWS;
        limits.push(rows(&db, first, (ROWS, IN_A_COMMIT)).await?);
        alone.push(rows(&db, first + ROWS, (ALONE, 1)).await? / 2.0);
        values.push(work_off(&shop, RUNS).await?);
    }
    db.close().await;
    let (value, limit, alone) = (median(values), median(limits), median(alone));
    let how = format!(
        "claims with results a second, {AGENTS} agents over HTTP, each with a token, {RUNS} tasks a round, medians of {ROUNDS} in \
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

/// Fills the queue and has all agents empty it; gives tasks a second.
async fn work_off(shop: &Shop, runs: usize) -> anyhow::Result<f64> {
    let mut starting = Line::open(&shop.authority()).await?;
    for n in 0..runs {
        shop.start(&mut starting, "count", &json!({ "n": n })).await?;
    }
    let (started, mut working) = (Instant::now(), JoinSet::new());
    for agent in &shop.agents {
        working.spawn(work(shop.authority(), agent.clone()));
    }
    let mut done = 0;
    while let Some(ended) = working.join_next().await {
        done += ended??;
    }
    ensure!(done == runs as u64, "{done} tasks were done of {runs}");
    Ok(ground::per_second(done, started))
}

/// Claims and answers until nothing is left.
async fn work(authority: String, agent: shop::Agent) -> anyhow::Result<u64> {
    let mut line = Line::open(&authority).await?;
    let mut done = 0;
    while let Some(claim) = agent.next(&mut line, &json!({})).await? {
        agent.submit(&mut line, &claim, &json!({ "n": 7 })).await?;
        done += 1;
    }
    Ok(done)
}
