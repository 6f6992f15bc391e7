//! `work.million`, `work.boot`, `work.memory`: a server with very much enqueued (`spec/work.md` 15).
//!
//! `--tasks 1000000` makes it a million; what is enqueued once is measured in all three ways.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
    time::Instant,
};

use anyhow::{Context as _, ensure};
use serde_json::json;
use tokio::sync::Mutex;

use super::shop::{Place, Shop, quantile};
use crate::{load::Line, row::Row};

/// Tasks that are enqueued unless the command line says how many.
const TASKS: u64 = 100_000;
/// A short queue beside which claims are measured.
const FEW: u64 = 1_000;
/// Claims that are timed on each side.
const CLAIMS: u64 = 500;
/// Claims before those: what a first one has to read is not what is measured.
const WARM: u64 = 50;
const TIMES: f64 = 2.0;
const BOOT_S: f64 = 2.0;
const MIB: f64 = 1024.0 * 1024.0;
const RESIDENT_MIB: f64 = 200.0;

static ENQUEUED: OnceLock<u64> = OnceLock::new();

/// How many tasks are enqueued, from the command line.
pub(crate) fn enqueue(tasks: Option<u64>) {
    // It is said once, before anything is measured.
    let _said = ENQUEUED.set(tasks.unwrap_or(TASKS));
}

fn tasks() -> u64 {
    *ENQUEUED.get_or_init(|| TASKS)
}

/// What one queue came to.
#[derive(Debug, Clone)]
struct Queue {
    few: (f64, f64),
    many: (f64, f64),
    boot_s: f64,
    resident_mib: f64,
}

/// Claims from a long queue against claims from a short one.
pub(crate) async fn million(binary: &Path) -> anyhow::Result<Row> {
    let Queue { few, many, .. } = queue(binary).await?;
    let value = (many.0 / few.0).max(many.1 / few.1);
    let how = format!(
        "the larger of both ratios: {CLAIMS} claims one after the other with {} tasks enqueued, p50 {:.2} ms and p99 {:.2} \
         ms, against {FEW}, {:.2} and {:.2} ms; SQLite",
        tasks(),
        many.0,
        many.1,
        few.0,
        few.1
    );
    Ok(Row::at_most("work.million", "times", value, TIMES, how))
}

/// From the start of the process to its ready line.
pub(crate) async fn boot(binary: &Path) -> anyhow::Result<Row> {
    let value = queue(binary).await?.boot_s;
    let how = format!("process start to ready with {} tasks enqueued; SQLite", tasks());
    Ok(Row::at_most("work.boot", "s", value, BOOT_S, how))
}

/// Memory after a start and some claims.
pub(crate) async fn memory(binary: &Path) -> anyhow::Result<Row> {
    let value = queue(binary).await?.resident_mib;
    let how =
        format!("VmRSS after a start and {CLAIMS} claims with {} tasks enqueued; SQLite", tasks());
    Ok(Row::at_most("work.memory", "MiB", value, RESIDENT_MIB, how))
}

/// The queue of a binary, made and measured once.
async fn queue(binary: &Path) -> anyhow::Result<Queue> {
    static KNOWN: Mutex<Option<(PathBuf, Queue)>> = Mutex::const_new(None);
    let mut known = KNOWN.lock().await;
    if let Some((_, queue)) = known.as_ref().filter(|(of, _)| of == binary) {
        return Ok(queue.clone());
    }
    let queue = measured(binary).await?;
    *known = Some((binary.to_owned(), queue.clone()));
    Ok(queue)
}

async fn measured(binary: &Path) -> anyhow::Result<Queue> {
    let mut shop = Shop::open(binary, Place::Sqlite, 2).await?;
    shop.enqueue(FEW + WARM + CLAIMS).await?;
    let few = claims(&shop).await?;
    ensure!(tasks() > FEW, "a long queue has more than {FEW} tasks");
    shop.enqueue(tasks() - FEW + WARM + CLAIMS).await?;
    let many = claims(&shop).await?;
    shop.server.stop().await;
    let started = Instant::now();
    shop.server.restart().await;
    let boot_s = started.elapsed().as_secs_f64();
    claims(&shop).await?;
    #[expect(clippy::cast_precision_loss, reason = "memory is far below 2^52 bytes")]
    let resident_mib = shop.server.resident_bytes() as f64 / MIB;
    Ok(Queue { few, many, boot_s, resident_mib })
}

/// Claims and hands in, one after the other; gives p50 and p99 of the claims, in milliseconds.
async fn claims(shop: &Shop) -> anyhow::Result<(f64, f64)> {
    let agent = shop.agents.last().context("an agent")?;
    let mut line = Line::open(&shop.authority()).await?;
    let mut times = Vec::new();
    for number in 0..WARM + CLAIMS {
        let asked = Instant::now();
        let claim = agent.next(&mut line, &json!({ "resume": false })).await?;
        if number >= WARM {
            times.push(asked.elapsed().as_secs_f64() * 1000.0);
        }
        agent.submit(&mut line, &claim.context("a task")?, &json!({ "n": 7 })).await?;
    }
    Ok((quantile(times.clone(), 0.5), quantile(times, 0.99)))
}
