//! A database for a test, a table to write into, and what was logged.

use std::{
    io::{Result, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

use cluster::{Cluster, Database};
use db::{Bounds, Db, Error, Tx};
use tempfile::TempDir;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

db::statements! {
    CREATE = "CREATE TABLE ledger (position BIGINT PRIMARY KEY, task BIGINT NOT NULL, step BIGINT NOT NULL)";
    APPEND = "
        INSERT INTO ledger (position, task, step)
        SELECT coalesce(max(position), 0) + 1, $1, $2 FROM ledger";
    REPEAT = "INSERT INTO ledger (position, task, step) VALUES (1, $1, $2), (1, $1, $2)";
    READ = "SELECT position, task, step FROM ledger ORDER BY position";
}

/// A database and what it lives in.
pub(crate) struct House {
    pub(crate) db: Db,
    pub(crate) place: Place,
}

/// Where a database is. It goes when this is dropped.
pub(crate) enum Place {
    Sqlite(TempDir),
    Postgres(Database),
}

impl Place {
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    pub(crate) async fn postgres() -> Self {
        Self::Postgres(Cluster::shared().await.database().await)
    }

    pub(crate) async fn open(&self, bounds: Bounds) -> std::result::Result<Db, Error> {
        match self {
            Self::Sqlite(dir) => Db::sqlite_within(&dir.path().join("motet.db"), bounds).await,
            Self::Postgres(database) => Db::postgres_within(&database.url, bounds).await,
        }
    }
}

impl House {
    /// A database with an empty ledger.
    pub(crate) async fn at(place: Place, bounds: Bounds) -> Self {
        let db = place.open(bounds).await.unwrap();
        // Shared, so that what callers share is there before a test begins.
        let mut tx = db.write_shared().await.unwrap();
        create(&mut tx).await;
        tx.commit().await.unwrap();
        Self { db, place }
    }

    pub(crate) async fn sqlite() -> Self {
        Self::patient(Place::sqlite()).await
    }

    /// One in which a group ends when nobody waits, and not because the machine was busy.
    pub(crate) async fn patient(place: Place) -> Self {
        let bounds = Bounds { group_age: Duration::from_mins(1), ..Bounds::default() };
        Self::at(place, bounds).await
    }

    /// The ledger as everybody sees it: `(task, step)` in the order of their positions, which have no gap.
    pub(crate) async fn ledger(&self) -> Vec<(i64, i64)> {
        ledger(&self.db).await
    }
}

/// Makes an empty ledger.
pub(crate) async fn create(tx: &mut Tx) {
    db::execute!(tx, CREATE).unwrap();
}

pub(crate) async fn ledger(db: &Db) -> Vec<(i64, i64)> {
    let rows: Vec<(i64, i64, i64)> = db::fetch_all!(&mut db.glance().await.unwrap(), READ).unwrap();
    let positions: Vec<_> = rows.iter().map(|row| row.0).collect();
    assert_eq!(positions, (1..).take(rows.len()).collect::<Vec<_>>(), "positions have a gap");
    rows.into_iter().map(|(_, task, step)| (task, step)).collect()
}

/// Writes the next line of the ledger.
pub(crate) async fn append(tx: &mut Tx, task: i64, step: i64) -> std::result::Result<(), Error> {
    db::execute!(tx, APPEND, task, step).map(drop)
}

/// The same as a transaction of its own.
pub(crate) async fn append_alone(
    db: &Db,
    task: i64,
    step: i64,
) -> std::result::Result<u64, Error> {
    db::execute_alone!(db, APPEND, task, step)
}

/// Changes rows and then fails, as a transaction of its own.
pub(crate) async fn fail_alone(db: &Db, task: i64, step: i64) -> Error {
    db::execute_alone!(db, REPEAT, task, step).unwrap_err()
}

/// Changes rows and then fails, in one statement.
pub(crate) async fn fail(tx: &mut Tx, task: i64, step: i64) -> Error {
    db::execute!(tx, REPEAT, task, step).unwrap_err()
}

/// What is logged on this thread while this lives.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn listen() -> (Self, DefaultGuard) {
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false);
        let guard = tracing::subscriber::set_default(subscriber.finish());
        (log, guard)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
