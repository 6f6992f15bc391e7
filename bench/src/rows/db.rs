//! The database: commits that are shared, and single reads.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ::db::Db;
use tokio::task::JoinSet;

use crate::{
    bare::rows::{Lines, Points},
    ground::{self, CALLERS},
    row::{Row, median},
};

::db::statements! {
    POINTS = "CREATE TABLE points (id BIGINT PRIMARY KEY, body TEXT NOT NULL)";
    FILL = {
        sqlite "
        WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1)
        INSERT INTO points (id, body) SELECT i, $2 FROM n",
        postgres "INSERT INTO points (id, body) SELECT i, $2 FROM generate_series(0, $1 - 1) AS i"
    };
    POINT = "SELECT id, body FROM points WHERE id = $1";
}

/// All sides are measured this often, in turn, and compared by their medians.
const ROUNDS: usize = 5;
/// How long one side is loaded at a time.
const ROUND: Duration = Duration::from_secs(1);
/// Rows of the large transaction: so many that its commit does not count.
const ROWS: u64 = 20_000;
/// Rows to read from.
const FILLED: u32 = 10_000;
/// Tasks that read at once, and connections that they share: those of the real server.
const READERS: u32 = 16;
const CONNECTIONS: u32 = 4;

/// What came out of the rounds.
struct Commits {
    shared: f64,
    turns: f64,
    large: f64,
    single: f64,
    sync_ms: f64,
}

async fn commits() -> anyhow::Result<Commits> {
    let dir = ground::disk()?;
    let db = Db::sqlite(&dir.path().join("shared.db")).await?;
    ground::prepare(&db).await?;
    let mut bare = Lines::open(&dir.path().join("bare.db")).await?;
    let (mut shared, mut turns) = (Vec::new(), Vec::new());
    let (mut large, mut single, mut syncs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        syncs.push(ground::sync_ms(dir.path())?);
        shared.push(ground::shared_commits(&db, ROUND).await?);
        turns.push(ground::shared_turns(&db, ROUND).await?);
        // In a task of its own, as the callers are.
        let (lines, rate) = tokio::spawn(bare.in_one_commit(ROWS)).await??;
        large.push(rate);
        let (lines, rate) = tokio::spawn(lines.one_by_one(ROUND / 2)).await??;
        single.push(rate);
        bare = lines;
    }
    db.close().await;
    Ok(Commits {
        shared: median(shared),
        turns: median(turns),
        large: median(large),
        single: median(single),
        sync_ms: median(syncs),
    })
}

fn how(beside: &str, sync_ms: f64) -> String {
    format!(
        "{CALLERS} callers, one row each; beside {beside}; medians of {ROUNDS} rounds in turn; fdatasync of a page took \
         {sync_ms:.2} ms"
    )
}

/// Shared commits beside one large transaction of the same rows.
pub(crate) async fn group_commit() -> anyhow::Result<Row> {
    let Commits { shared, large, sync_ms, .. } = commits().await?;
    let how = how(&format!("one transaction of {ROWS} rows through the bare library"), sync_ms);
    Ok(Row::at_least("db.group_commit", "rows/s", shared, large, 0.7, how))
}

/// The same for transactions that take a turn, which is what several statements need.
pub(crate) async fn group_commit_turns() -> anyhow::Result<Row> {
    let Commits { turns, large, sync_ms, .. } = commits().await?;
    let how = how(&format!("one transaction of {ROWS} rows through the bare library"), sync_ms);
    Ok(Row::at_least("db.group_commit.turns", "rows/s", turns, large, 0.4, how))
}

/// Shared commits beside a durable commit for each row. Promised for disks that take a millisecond or more.
pub(crate) async fn group_commit_single() -> anyhow::Result<Row> {
    let Commits { shared, single, sync_ms, .. } = commits().await?;
    let how = how("a durable commit for each row through the bare library", sync_ms);
    Ok(Row::at_least("db.group_commit.single", "rows/s", shared, single, 20.0, how))
}

/// Single reads of a row beside the bare library on the same file.
pub(crate) async fn read() -> anyhow::Result<Row> {
    let dir = ground::disk()?;
    let path = dir.path().join("read.db");
    let db = Db::sqlite(&path).await?;
    let mut tx = db.write().await?;
    ::db::execute!(&mut tx, POINTS)?;
    ::db::execute!(&mut tx, FILL, i64::from(FILLED), ground::BODY)?;
    tx.commit().await?;
    let bare = Points::open(&path, CONNECTIONS, POINT.sqlite).await?;
    let (mut values, mut limits) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let door = db.clone();
        values.push(load(move |id| point(door.clone(), id)).await?);
        let points = bare.clone();
        limits.push(load(move |id| points.clone().read(id)).await?);
    }
    db.close().await;
    let how = format!(
        "{READERS} tasks read rows by their keys, {CONNECTIONS} connections; beside the bare library on the same \
         file; medians of {ROUNDS} rounds in turn"
    );
    Ok(Row::at_least("db.read", "reads/s", median(values), median(limits), 0.9, how))
}

async fn point(db: Db, id: u32) -> anyhow::Result<()> {
    let mut tx = db.glance().await?;
    let (_id, _body): (i64, String) = ::db::fetch_one!(&mut tx, POINT, i64::from(id))?;
    Ok(())
}

/// Has [`READERS`] read for [`ROUND`], each its own rows; gives reads a second.
async fn load<Read, Ends>(read: Read) -> anyhow::Result<f64>
where
    Read: Fn(u32) -> Ends + Send + Sync + 'static,
    Ends: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let (started, mut readers, read) = (Instant::now(), JoinSet::new(), Arc::new(read));
    for reader in 0..READERS {
        let read = Arc::clone(&read);
        readers.spawn(async move {
            let (mut reads, mut id) = (0_u64, reader);
            while started.elapsed() < ROUND {
                read(id).await?;
                // Every row comes, and neighbours do not.
                id = (id + 7_919) % FILLED;
                reads += 1;
            }
            anyhow::Ok(reads)
        });
    }
    let mut reads = 0;
    while let Some(done) = readers.join_next().await {
        reads += done??;
    }
    Ok(ground::per_second(reads, started))
}
