//! The queue: claim and end, through the real dispatcher.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use ::db::Db;
use ::jobs::{Dispatcher, Failure, Kind, Limits, NewJob, PUSH_ROWS, Queue};
use anyhow::ensure;
use cluster::{Cluster, Settings};
use names::{Clock, Random};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    ground::{self, CALLERS},
    row::{Row, median},
};

const WORK: Kind<u64> = Kind::new("bench.work");
/// Both sides are measured this often, in turn, and compared by their medians.
const ROUNDS: usize = 5;
/// How long the limit is measured at a time.
const ROUND: Duration = Duration::from_secs(1);
/// Jobs of a round.
const JOBS: usize = 10_000;

/// On SQLite.
pub(crate) async fn claim_sqlite() -> anyhow::Result<Row> {
    let dir = ground::disk()?;
    let db = Db::sqlite(&dir.path().join("jobs.db")).await?;
    claim("jobs.claim.sqlite", db, ground::sync_ms(dir.path())?).await
}

/// On a PostgreSQL of its own.
pub(crate) async fn claim_postgres() -> anyhow::Result<Row> {
    let dir = ground::disk()?;
    let cluster = Cluster::start(Settings::default()).await;
    let database = cluster.database().await;
    let db = Db::postgres(&database.url).await?;
    claim("jobs.claim.postgres", db, ground::sync_ms(dir.path())?).await
}

/// Jobs claimed and ended a second, beside rows a second of shared commits in the same database.
async fn claim(name: &'static str, db: Db, sync_ms: f64) -> anyhow::Result<Row> {
    ground::prepare(&db).await?;
    let (mut values, mut limits) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        limits.push(ground::shared_turns(&db, ROUND).await?);
        values.push(work_off(&db).await?);
    }
    db.close().await;
    let how = format!(
        "{JOBS} jobs that do nothing, {CALLERS} at once, from the start of the dispatcher to its end; beside {CALLERS} \
         callers that each take a turn for one row; medians of {ROUNDS} rounds in turn; fdatasync of a page took \
         {sync_ms:.2} ms"
    );
    Ok(Row::at_least(name, "jobs/s", median(values), median(limits), 0.5, how))
}

/// Fills the queue and has a dispatcher empty it; gives jobs a second.
async fn work_off(db: &Db) -> anyhow::Result<f64> {
    let queue = Queue::new(db.clone(), Clock::default(), Random::default());
    let mut left = JOBS;
    while left > 0 {
        let some = left.min(PUSH_ROWS);
        let jobs = (0..some).map(|_| NewJob::new(WORK, &0)).collect::<Result<_, _>>()?;
        let mut tx = db.write().await?;
        let bell = queue.push_all(&mut tx, jobs).await?;
        tx.commit().await?;
        bell.ring();
        left -= some;
    }
    let (left, all_done) = (Arc::new(AtomicUsize::new(JOBS)), Arc::new(Notify::new()));
    let last = Arc::clone(&all_done);
    let limits = Limits { at_once: usize::try_from(CALLERS)?, ..Limits::default() };
    let dispatcher = Dispatcher::new(queue.clone()).with_limits(limits).on(WORK, move |_| {
        if left.fetch_sub(1, Ordering::Relaxed) == 1 {
            last.notify_one();
        }
        std::future::ready(Ok::<_, Failure>(()))
    });
    let (stop, started) = (CancellationToken::new(), Instant::now());
    let working = tokio::spawn(dispatcher.run(stop.clone()));
    all_done.notified().await;
    // The end of the last ones is part of the work.
    stop.cancel();
    working.await?;
    let rate = ground::per_second(JOBS as u64, started);
    let counts = queue.counts().await?;
    ensure!(counts.ready + counts.running + counts.dead == 0, "jobs are left: {counts:?}");
    Ok(rate)
}
