//! `work.neighbour`, `work.idle`, `work.page` (`spec/work.md` 15).

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use cluster::{Cluster, Settings};
use serde_json::json;
use tokio::{task::JoinSet, time::sleep};

use super::shop::{self, Agent, Place, Shop, WIDTH, listing, quantile};
use crate::{house::counted, load::Line, row::Row};

/// Starts of the quiet publisher on each side, and how long apart.
const STARTS: usize = 300;
const APART: Duration = Duration::from_millis(50);
const TIMES: f64 = 2.0;
/// Callers that wait, and for how long nothing may happen: the longest wait, without its beginning and its end.
const PARKED: usize = 100;
const SILENT: Duration = Duration::from_secs(50);
/// A fan-out in a fan-out: `1 + OUTER + OUTER * INNER` tasks.
const OUTER: u64 = 10;
const INNER: u64 = 9_998;
/// Times that a page is read.
const READS: usize = 200;
const PAGE_MS: f64 = 80.0;

/// On SQLite.
pub(crate) async fn neighbour_sqlite(binary: &Path) -> anyhow::Result<Row> {
    neighbour("work.neighbour.sqlite", binary, Place::Sqlite).await
}

/// On PostgreSQL, with its waits for the disk.
pub(crate) async fn neighbour_postgres(binary: &Path) -> anyhow::Result<Row> {
    let cluster = Cluster::start(Settings::default()).await;
    let place = Place::Postgres(cluster.database().await);
    neighbour("work.neighbour.postgres", binary, place).await
}

/// What one publisher waits while another enqueues very much, against what it waits alone.
async fn neighbour(name: &'static str, binary: &Path, place: Place) -> anyhow::Result<Row> {
    let shop = Shop::open(binary, place, 2).await?;
    let (runner, agents) = shop.beside("quiet", 1).await?;
    let agent = agents.first().context("an agent")?;
    let alone = starts(&shop, &runner, agent).await?;
    // The other one goes on for as long as that is measured.
    let enqueuing = async {
        loop {
            if let Err(error) = shop.enqueue(WIDTH).await {
                break error;
            }
        }
    };
    let beside = tokio::select! {
        error = enqueuing => return Err(error),
        times = starts(&shop, &runner, agent) => times?,
    };
    let p99 = |times: Vec<f64>| quantile(times, 0.99);
    let how = format!(
        "p99 of {STARTS} starts to a claim in the hands of an agent that waits, while another publisher enqueues {WIDTH} tasks after the other, against \
         the same alone; p50 {:.1} and {:.1} ms",
        quantile(beside.clone(), 0.5),
        quantile(alone.clone(), 0.5)
    );
    Ok(Row::within(name, "ms", p99(beside), p99(alone), TIMES, how))
}

/// Starts now and then; gives how long each took to reach the agent that waits, in milliseconds.
async fn starts(shop: &Shop, runner: &str, agent: &Agent) -> anyhow::Result<Vec<f64>> {
    let mut starting = Line::open(&shop.authority()).await?;
    let mut waiting = Line::open(&shop.authority()).await?;
    let mut times = Vec::new();
    for n in 0..STARTS {
        let begin = async {
            sleep(APART).await;
            let left = Instant::now();
            let input = json!({ "n": n });
            shop::start(&mut starting, ("quiet", "count"), runner, &input).await?;
            Ok::<_, anyhow::Error>(left)
        };
        let body = json!({"wait": 30, "resume": false});
        let wait = async {
            let claim = agent.next(&mut waiting, &body).await?;
            Ok::<_, anyhow::Error>((claim.context("a task")?, Instant::now()))
        };
        let (left, (claim, at)) = tokio::try_join!(begin, wait)?;
        times.push(at.duration_since(left).as_secs_f64() * 1000.0);
        agent.submit(&mut waiting, &claim, &json!({ "n": 7 })).await?;
    }
    Ok(times)
}

/// What callers that wait cost.
pub(crate) async fn idle(binary: &Path) -> anyhow::Result<Row> {
    let metrics = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let args = [format!("--metrics-listen={metrics}")];
    let shop = Shop::open_with(binary, Place::Sqlite, 4, &args).await?;
    let mut parked = JoinSet::new();
    for number in 0..PARKED {
        let agent = shop.agents.get(number % shop.agents.len()).context("an agent")?.clone();
        let mut line = Line::open(&shop.authority()).await?;
        parked.spawn(async move { agent.next(&mut line, &json!({"wait": 60})).await });
    }
    // Until all of them wait, and what came before them has been written.
    sleep(Duration::from_secs(4)).await;
    let before = counted(&metrics)?;
    sleep(SILENT).await;
    let value = counted(&metrics)? - before;
    ensure!(parked.try_join_next().is_none(), "one of those who wait was answered");
    parked.shutdown().await;
    let how = format!(
        "transactions and single reads begun in {} s while {PARKED} callers wait for work; SQLite",
        SILENT.as_secs()
    );
    Ok(Row::at_most("work.idle", "begun", value, 0.0, how))
}

/// The page of a run with very many tasks.
pub(crate) async fn page(binary: &Path) -> anyhow::Result<Row> {
    let shop = Shop::open(binary, Place::Sqlite, 2).await?;
    let agent = shop.agents.first().context("an agent")?;
    let mut line = Line::open(&shop.authority()).await?;
    let run = shop.start(&mut line, "wide", &json!({})).await?;
    let ask = json!({"run": run, "resume": false});
    for width in std::iter::once(OUTER).chain((0..OUTER).map(|_| INNER)) {
        let claim = agent.next(&mut line, &ask).await?.context("a task that spawns others")?;
        agent.submit(&mut line, &claim, &listing(width)).await?;
    }
    shop.spawned(&run, 1 + OUTER + OUTER * INNER).await?;
    let (mut times, mut bytes) = (Vec::new(), 0);
    for _ in 0..READS {
        let page = shop.server.get(&format!("/runs/{run}")).header("accept", "text/html");
        let page = page.header("accept-encoding", "gzip").by(&shop.anna);
        let asked = Instant::now();
        let answer = page.send().await;
        times.push(asked.elapsed().as_secs_f64() * 1000.0);
        ensure!(answer.status == 200, "the page answered {}", answer.status);
        bytes = bytes.max(answer.body.len());
    }
    let how = format!(
        "p99 of {READS} reads of the page of a run with {} tasks, p50 {:.1} ms, at most {bytes} bytes as sent; SQLite",
        1 + OUTER + OUTER * INNER,
        quantile(times.clone(), 0.5)
    );
    Ok(Row::at_most("work.page", "ms", quantile(times, 0.99), PAGE_MS, how))
}
