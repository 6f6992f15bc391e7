//! Two databases, one way to speak.
//!
//! Motet runs on SQLite (one file, the default) or PostgreSQL. Rooms write each statement once, in the SQL that
//! both understand, with [`statements!`]; where the dialects part, the two texts stand side by side. Placeholders
//! are `$1`; ids are UUIDs, hashes are bytes, moments are 64-bit milliseconds.
//!
//! Owns pools, transactions and migrations. Knows no table: SQL lives in the rooms' `store.rs`. Only this crate,
//! `jobs` and files named `store.rs` may name `sqlx`; a tidy test checks.
//!
//! | file            | what is there                                                         |
//! |-----------------|-----------------------------------------------------------------------|
//! | `lib.rs`        | [`Db`]: open, migrate, begin                                            |
//! | `tx.rs`         | [`Tx`]: a transaction, or a connection for one read                     |
//! | `statement.rs`  | [`Sql`], [`statements!`] and the macros that run them                   |
//! | `rows.rs`       | [`rows`]: many rows as one parameter                                    |
//!
//! Invariant: SQLite has one writer. [`Db::write`] waits its turn and begins immediate, so a transaction never
//! fails half-way because another one holds the lock.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sqlx::{
    PgPool, SqlitePool,
    migrate::Migrator,
    postgres::PgPoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

mod rows;
mod statement;
mod tx;

pub use rows::rows;
pub use statement::{Sql, note_duration};
pub use tx::{Conn, Dialect, Tx};

#[doc(hidden)]
pub use sqlx as __sqlx;

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// Readers on SQLite: more than the cores of a small server gain nothing and cost a thread and a cache each.
const SQLITE_READERS: u32 = 4;
/// Connections to PostgreSQL a process: its default is 100 for all, and other processes want some.
const POSTGRES_CONNECTIONS: u32 = 16;
/// How long a caller waits for a connection before it is told that the database is not available.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long SQLite waits for a lock of another process, such as a backup.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads a table that is always there, so that a file which is gone or damaged is noticed.
const PROBE: &str = "SELECT count(*) FROM install_state";

/// The database failed us, or a row broke a promise.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The driver failed.
    #[error("the database failed")]
    Driver(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("the schema could not be brought up to date")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A stored value no longer parses: something else wrote the row.
    #[error("{column} holds a value that does not parse")]
    Corrupt {
        /// `table.column`.
        column: &'static str,
        /// What the parser said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// Reports that `column` did not parse on the way out.
    pub fn corrupt<E>(column: &'static str) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        move |source| Self::Corrupt { column, source: source.into() }
    }

    /// Whether a unique key was already taken.
    pub fn is_taken(&self) -> bool {
        matches!(self, Self::Driver(sqlx::Error::Database(error)) if error.is_unique_violation())
    }
}

#[derive(Debug)]
enum Pools {
    Sqlite { readers: SqlitePool, writer: SqlitePool },
    Postgres(PgPool),
}

#[derive(Debug)]
struct Inner {
    pools: Pools,
    begun: AtomicU64,
}

/// A database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Db(Arc<Inner>);

impl Db {
    /// Opens the SQLite file at `path`, made if missing, and brings its schema up to date.
    pub async fn sqlite(path: &Path) -> Result<Self, Error> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT);
        let pool =
            || SqlitePoolOptions::new().acquire_timeout(ACQUIRE_TIMEOUT).test_before_acquire(false);
        let writer = pool().max_connections(1).connect_with(options.clone()).await?;
        SQLITE.run(&writer).await?;
        let readers =
            pool().max_connections(SQLITE_READERS).connect_with(options.read_only(true)).await?;
        Ok(Self::over(Pools::Sqlite { readers, writer }))
    }

    /// Opens the PostgreSQL database at `url` and brings its schema up to date.
    pub async fn postgres(url: &str) -> Result<Self, Error> {
        let pool = PgPoolOptions::new()
            .max_connections(POSTGRES_CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect(url)
            .await?;
        POSTGRES.run(&pool).await?;
        Ok(Self::over(Pools::Postgres(pool)))
    }

    fn over(pools: Pools) -> Self {
        Self(Arc::new(Inner { pools, begun: AtomicU64::new(0) }))
    }

    /// A connection for **one** statement that reads: no transaction is begun. Two statements on it may see
    /// different states; take [`Db::read`] for those.
    pub async fn glance(&self) -> Result<Tx, Error> {
        self.count();
        Ok(match &self.0.pools {
            Pools::Sqlite { readers, .. } => Tx::glance(Conn::Sqlite(readers.acquire().await?)),
            Pools::Postgres(pool) => Tx::glance(Conn::Postgres(pool.acquire().await?)),
        })
    }

    /// Begins a transaction that only reads, and sees one state throughout.
    pub async fn read(&self) -> Result<Tx, Error> {
        self.count();
        Ok(match &self.0.pools {
            Pools::Sqlite { readers, .. } => Tx::Sqlite(readers.begin().await?),
            Pools::Postgres(pool) => Tx::Postgres(
                pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?,
            ),
        })
    }

    /// Begins a transaction that may write. Dropping it undoes everything.
    pub async fn write(&self) -> Result<Tx, Error> {
        self.count();
        Ok(match &self.0.pools {
            // Take SQLite's one write lock now, not half-way through.
            Pools::Sqlite { writer, .. } => Tx::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?),
            Pools::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// Asks the database for something, to see that it answers.
    pub async fn probe(&self) -> Result<(), Error> {
        match self.glance().await? {
            Tx::Glance(Conn::Sqlite(mut conn)) => {
                sqlx::query(PROBE).execute(&mut *conn).await.map(|_| ())?;
            }
            Tx::Glance(Conn::Postgres(mut conn)) => {
                sqlx::query(PROBE).execute(&mut *conn).await.map(|_| ())?;
            }
            Tx::Sqlite(_) | Tx::Postgres(_) => {}
        }
        Ok(())
    }

    /// How many transactions and single reads were begun since the process started: an idle server begins none.
    pub fn transactions_begun(&self) -> u64 {
        self.0.begun.load(Ordering::Relaxed)
    }

    /// Lets every connection finish and closes it. On SQLite the last one folds the write-ahead log into the file.
    pub async fn close(&self) {
        match &self.0.pools {
            Pools::Sqlite { readers, writer } => {
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }

    fn count(&self) {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
    }
}
