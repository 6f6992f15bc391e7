//! Databases to measure, many callers that write, and how long the disk takes.

use std::{
    fs::File,
    os::unix::fs::FileExt as _,
    path::Path,
    time::{Duration, Instant},
};

use ::db::{Db, Tx};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::row::median;

::db::statements! {
    CREATE = "CREATE TABLE lines (caller BIGINT NOT NULL, body TEXT NOT NULL)";
    ADD = "INSERT INTO lines (caller, body) VALUES ($1, $2)";
}

/// Callers that write at once.
pub(crate) const CALLERS: u32 = 64;
/// What they write: as long as a short row of ours.
pub(crate) const BODY: &str = "a hundred bytes, of which most rows of ours have some more and some have less, as \
                               rows do everywhere";
/// Writes that the disk is timed with.
const SYNCS: u64 = 50;
/// A page of SQLite.
const PAGE: usize = 4 << 10;

/// A directory on the disk that is measured: beside the sources, because temporary files may be in memory.
pub(crate) fn disk() -> anyhow::Result<TempDir> {
    Ok(tempfile::tempdir_in(std::env::current_dir()?)?)
}

/// The statements for the bare library: the table, and a row of it.
pub(crate) fn on_sqlite() -> (&'static str, &'static str) {
    (CREATE.sqlite, ADD.sqlite)
}

/// Makes the table that callers write into.
pub(crate) async fn prepare(db: &Db) -> anyhow::Result<()> {
    let mut tx = db.write().await?;
    ::db::execute!(&mut tx, CREATE)?;
    Ok(tx.commit().await?)
}

async fn add(tx: &mut Tx, caller: u32) -> Result<u64, ::db::Error> {
    ::db::execute!(tx, ADD, i64::from(caller), BODY)
}

/// Has [`CALLERS`] write for `time`, a row in each transaction of a shared commit; gives rows a second.
pub(crate) async fn shared_commits(db: &Db, time: Duration) -> anyhow::Result<f64> {
    load(
        db,
        time,
        |db, caller| async move { ::db::execute_alone!(&db, ADD, i64::from(caller), BODY) },
    )
    .await
}

/// The same with a turn for each row, which is what a transaction of several statements takes.
pub(crate) async fn shared_turns(db: &Db, time: Duration) -> anyhow::Result<f64> {
    load(db, time, |db, caller| async move {
        let mut tx = db.write_shared().await?;
        let rows = add(&mut tx, caller).await?;
        tx.commit().await?;
        Ok(rows)
    })
    .await
}

async fn load<Write, Ends>(db: &Db, time: Duration, write: Write) -> anyhow::Result<f64>
where
    Write: Fn(Db, u32) -> Ends + Copy + Send + 'static,
    Ends: Future<Output = Result<u64, ::db::Error>> + Send,
{
    let (started, mut callers) = (Instant::now(), JoinSet::new());
    for caller in 0..CALLERS {
        let db = db.clone();
        callers.spawn(async move {
            let mut rows = 0_u64;
            while started.elapsed() < time {
                rows += write(db.clone(), caller).await?;
            }
            Ok::<_, ::db::Error>(rows)
        });
    }
    let mut rows = 0;
    while let Some(done) = callers.join_next().await {
        rows += done??;
    }
    Ok(per_second(rows, started))
}

/// How many `rows` a second since `started`.
pub(crate) fn per_second(rows: u64, started: Instant) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of rows are far below 2^52")]
    let rows = rows as f64;
    rows / started.elapsed().as_secs_f64()
}

/// How long the disk takes to make a page durable that was there before, in milliseconds.
pub(crate) fn sync_ms(dir: &Path) -> anyhow::Result<f64> {
    let file = File::create(dir.join("pages"))?;
    let page = [7; PAGE];
    for number in 0..SYNCS {
        file.write_all_at(&page, number * PAGE as u64)?;
    }
    file.sync_all()?;
    let mut times = Vec::new();
    for number in 0..SYNCS {
        file.write_all_at(&page, number * PAGE as u64)?;
        let started = Instant::now();
        file.sync_data()?;
        times.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(median(times))
}
