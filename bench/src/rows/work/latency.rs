//! `work.latency`: from a start to the hands of an agent that waits (`spec/work.md` 15).
//!
//! Open loop: starts leave at their times, whatever became of those before them, and each is counted from the moment at
//! which it should have left. Agents wait all the time; what they are given they hand in, and wait again.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use cluster::{Cluster, Settings};
use serde_json::{Value, json};
use tokio::{
    sync::{Mutex, mpsc, watch},
    task::JoinSet,
    time::sleep_until,
};

use super::{
    shop::{self, Agent, Place, Shop, quantile},
    work_off,
};
use crate::{ground, load::Line, row::Row};

/// Agents, and connections on which each of them waits.
const AGENTS: u8 = 16;
const WAITING: usize = 4;
/// Connections over which runs are begun.
const STARTING: usize = 32;
/// Runs of the round that says how many tasks a second there are.
const RUNS: usize = 1_000;
/// How long starts leave.
const TIME: Duration = Duration::from_secs(10);
/// The bounds, where a sync takes no longer than [`QUICK_SYNC_MS`].
const P50_MS: f64 = 5.0;
const P99_MS: f64 = 25.0;
const QUICK_SYNC_MS: f64 = 2.0;

/// On SQLite.
pub(crate) async fn latency_sqlite(binary: &Path) -> anyhow::Result<Row> {
    latency("work.latency.sqlite", binary, Place::Sqlite).await
}

/// On PostgreSQL, with its waits for the disk.
pub(crate) async fn latency_postgres(binary: &Path) -> anyhow::Result<Row> {
    let cluster = Cluster::start(Settings::default()).await;
    let place = Place::Postgres(cluster.database().await);
    latency("work.latency.postgres", binary, place).await
}

async fn latency(name: &'static str, binary: &Path, place: Place) -> anyhow::Result<Row> {
    let shop = Shop::open(binary, place, AGENTS).await?;
    let sync = ground::sync_ms(shop.dir.path())?;
    let whole = work_off(&shop, RUNS).await?;
    let rate = whole / 2.0;
    let times = load(&shop, rate).await?;
    let (p50, p99) = (quantile(times.clone(), 0.5), quantile(times.clone(), 0.99));
    let slack = if sync > QUICK_SYNC_MS { sync / 2.0 } else { 0.0 };
    let how = format!(
        "p99 of {} starts, {rate:.0} a second, half of {whole:.0} tasks/s; p50 {p50:.1} ms (at most {:.1}); a sync takes \
         {sync:.2} ms; {AGENTS} agents wait on {WAITING} connections each",
        times.len(),
        P50_MS + slack
    );
    let row = Row::at_most(name, "ms", p99, P99_MS + slack, how);
    Ok(Row { met: row.met && p50 <= P50_MS + slack, ..row })
}

/// Starts at `rate` a second; gives how long each took to reach an agent, in milliseconds.
async fn load(shop: &Shop, rate: f64) -> anyhow::Result<Vec<f64>> {
    let (told, mut arrived) = mpsc::unbounded_channel();
    let (ending, stopped) = watch::channel(false);
    let mut waiting = JoinSet::new();
    for agent in &shop.agents {
        for _ in 0..WAITING {
            let line = Line::open(&shop.authority()).await?;
            waiting.spawn(wait(line, agent.clone(), told.clone(), stopped.clone()));
        }
    }
    let mut lines = Vec::new();
    for _ in 0..STARTING {
        lines.push(Arc::new(Mutex::new(Line::open(&shop.authority()).await?)));
    }
    let gap = Duration::from_secs_f64(1.0 / rate);
    let many = usize::try_from(TIME.as_nanos() / gap.as_nanos().max(1))?;
    let (begun, runner) = (Instant::now(), shop.runner_lines());
    let mut starting = JoinSet::new();
    let mut leaves = Vec::with_capacity(many);
    for n in 0..many {
        let at = begun + gap * u32::try_from(n)?;
        leaves.push(at);
        sleep_until(at.into()).await;
        let line = Arc::clone(lines.get(n % STARTING).context("a connection")?);
        let runner = runner.clone();
        starting.spawn(async move {
            let mut line = line.lock().await;
            shop::start(&mut line, ("acme", "count"), &runner, &json!({ "n": n })).await
        });
    }
    while let Some(done) = starting.join_next().await {
        done??;
    }
    let mut times = Vec::with_capacity(many);
    while times.len() < many {
        let (n, at): (usize, Instant) = arrived.recv().await.context("every agent has ended")?;
        let left = leaves.get(n).context("a run that nobody began")?;
        times.push(at.duration_since(*left).as_secs_f64() * 1000.0);
    }
    ensure!(ending.send(true).is_ok(), "agents wait");
    waiting.shutdown().await;
    Ok(times)
}

/// Waits for a task, tells when it came, hands it in, and waits again.
async fn wait(
    mut line: Line,
    agent: Agent,
    told: mpsc::UnboundedSender<(usize, Instant)>,
    stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    while !*stopped.borrow() {
        let claim = agent.next(&mut line, &json!({"wait": 30, "resume": false})).await?;
        let Some(claim) = claim else { continue };
        let now = Instant::now();
        let n = claim.pointer("/input/value/input/n").and_then(Value::as_u64);
        told.send((usize::try_from(n.context("the number of a start")?)?, now))?;
        agent.submit(&mut line, &claim, &json!({ "n": 7 })).await?;
    }
    Ok(())
}
