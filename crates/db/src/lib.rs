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
//! | `group.rs`      | turns, and commits that are shared                                       |
//! | `migrate.rs`    | the schema: brought up to date, or refused with a sentence               |
//! | `notices.rs`    | [`Notices`]: what processes tell each other                             |
//! | `store.rs`      | this crate's own statements                                             |
//! | `error.rs`      | [`Error`], [`Fault`]                                                    |
//! | `statement.rs`  | [`Sql`], [`statements!`] and the macros that run them                   |
//! | `rows.rs`       | [`rows()`]: many rows as one parameter                                    |
//!
//! Invariants: SQLite has one writer; [`Db::write`] waits its turn, so a transaction never fails half-way because
//! another one holds the lock. What a commit acknowledged is on disk. After a statement failed, nothing of its
//! transaction is stored.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sqlx::{
    ConnectOptions as _, Executor as _, PgConnection, PgPool, SqlSafeStr as _, SqliteConnection,
    SqlitePool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::{sync::OnceCell, time::timeout};

mod error;
mod group;
mod migrate;
mod notices;
mod rows;
mod statement;
mod store;
mod tx;

use group::Writer;

pub use error::{Error, Fault};
#[doc(hidden)]
pub use group::StatementOf;
pub use migrate::Refusal;
pub use notices::Notices;
pub use rows::rows;
pub use statement::{Sql, note_duration};
#[doc(hidden)]
pub use tx::Open;
pub use tx::{Dialect, Tx};

#[doc(hidden)]
pub use sqlx as __sqlx;

/// Readers on SQLite: more than the cores of a small server gain nothing and cost a thread and a cache each.
const SQLITE_READERS: u32 = 4;
/// Connections to PostgreSQL a process: its default is 100 for all, and other processes want some.
const POSTGRES_CONNECTIONS: u32 = 16;
/// How long a caller waits for a connection before it is told that the database is not available.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// A write transaction that goes on for longer is named in the log while it goes on: all others wait for it.
const STUCK: Duration = Duration::from_secs(1);
/// How long SQLite waits for a lock of another process, such as a backup.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Statements that the one writer on SQLite keeps prepared: more than all rooms have, so that none is read twice.
const SQLITE_STATEMENTS: usize = 1_000;

/// How many connections, and how long to wait for one. The defaults are for a server; tests take smaller ones.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// How long a caller waits for a connection, or for its turn to write.
    pub acquire: Duration,
    /// Connections that read, on SQLite.
    pub sqlite_readers: u32,
    /// Connections to PostgreSQL.
    pub postgres_connections: u32,
    /// How long a part of a shared transaction may go on before the log says so.
    pub stuck: Duration,
    /// How long the first caller of a shared commit waits at least for others that are already queued.
    pub group_age: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            acquire: ACQUIRE_TIMEOUT,
            sqlite_readers: SQLITE_READERS,
            postgres_connections: POSTGRES_CONNECTIONS,
            stuck: STUCK,
            group_age: group::GROUP_AGE,
        }
    }
}

/// Every statement of this crate, for the test that prepares them all.
pub fn statements() -> Vec<&'static Sql> {
    store::STATEMENTS.to_vec()
}

/// A statement for [`Db::run_alone`], from [`execute_alone!`].
#[doc(hidden)]
#[derive(Debug)]
pub enum Alone {
    /// See [`Dialect::Sqlite`].
    Sqlite(StatementOf<SqliteConnection>),
    /// See [`Dialect::Postgres`].
    Postgres(StatementOf<PgConnection>),
}

#[derive(Debug)]
enum Pools {
    Sqlite {
        readers: SqlitePool,
        writer: Writer<SqliteConnection>,
    },
    Postgres {
        pool: PgPool,
        shared: OnceCell<Writer<PgConnection>>,
        options: Box<PgConnectOptions>,
    },
}

#[derive(Debug)]
struct Inner {
    pools: Pools,
    bounds: Bounds,
    begun: AtomicU64,
}

/// A database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Db(Arc<Inner>);

impl Db {
    /// Opens the SQLite file at `path`, made if missing, and brings its schema up to date.
    pub async fn sqlite(path: &Path) -> Result<Self, Error> {
        Self::sqlite_within(path, Bounds::default()).await
    }

    /// [`Db::sqlite`] with other bounds.
    pub async fn sqlite_within(path: &Path, bounds: Bounds) -> Result<Self, Error> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .disable_statement_logging();
        // What a part changed before it is undone is kept in memory: it is small, and a file for it costs more.
        let options_of_writer = options
            .clone()
            .statement_cache_capacity(SQLITE_STATEMENTS)
            .pragma("temp_store", "MEMORY");
        let mut writer = options_of_writer.connect().await?;
        migrate::sqlite(&mut writer).await?;
        let readers = SqlitePoolOptions::new()
            .acquire_timeout(bounds.acquire)
            .test_before_acquire(false)
            .max_connections(bounds.sqlite_readers)
            .connect_with(options.read_only(true))
            .await?;
        let writer = Writer::start(writer, options_of_writer, bounds);
        Ok(Self::over(Pools::Sqlite { readers, writer }, bounds))
    }

    /// Opens the PostgreSQL database at `url` and brings its schema up to date.
    pub async fn postgres(url: &str) -> Result<Self, Error> {
        Self::postgres_within(url, Bounds::default()).await
    }

    /// [`Db::postgres`] with other bounds.
    pub async fn postgres_within(url: &str, bounds: Bounds) -> Result<Self, Error> {
        let options: PgConnectOptions =
            url.parse::<PgConnectOptions>()?.disable_statement_logging();
        // A connection of its own: closing it also gives up the lock that a refused migration leaves behind.
        let mut conn = options.connect().await?;
        migrate::postgres(&mut conn).await?;
        drop(conn);
        let pool = PgPoolOptions::new()
            .max_connections(bounds.postgres_connections)
            .acquire_timeout(bounds.acquire)
            .connect_with(options.clone())
            .await?;
        let shared = OnceCell::new();
        let options = Box::new(options);
        Ok(Self::over(Pools::Postgres { pool, shared, options }, bounds))
    }

    fn over(pools: Pools, bounds: Bounds) -> Self {
        Self(Arc::new(Inner { pools, bounds, begun: AtomicU64::new(0) }))
    }

    /// The number of the schema: that of the newest migration, to which opening has brought it.
    pub fn schema_version(&self) -> i64 {
        match &self.0.pools {
            Pools::Sqlite { .. } => migrate::newest_of_sqlite(),
            Pools::Postgres { .. } => migrate::newest_of_postgres(),
        }
    }

    /// A connection for **one** statement that reads: no transaction is begun. Two statements on it may see
    /// different states; take [`Db::read`] for those.
    pub async fn glance(&self) -> Result<Tx, Error> {
        self.count();
        let refused = Error::of_pool(self.0.bounds.acquire);
        Ok(match &self.0.pools {
            Pools::Sqlite { readers, .. } => {
                Tx::sqlite_glance(readers.acquire().await.map_err(refused)?)
            }
            Pools::Postgres { pool, .. } => {
                Tx::postgres_glance(pool.acquire().await.map_err(refused)?)
            }
        })
    }

    /// Begins a transaction that only reads, and sees one state throughout.
    pub async fn read(&self) -> Result<Tx, Error> {
        self.count();
        let refused = Error::of_pool(self.0.bounds.acquire);
        Ok(match &self.0.pools {
            Pools::Sqlite { readers, .. } => Tx::sqlite(readers.begin().await.map_err(refused)?),
            Pools::Postgres { pool, .. } => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                Tx::postgres(pool.begin_with(begin).await.map_err(refused)?)
            }
        })
    }

    /// Begins a transaction that may write. Dropping it undoes everything.
    ///
    /// On SQLite writers take turns and share commits (`group.rs`), so be short: read before it what can be read
    /// before it, and do nothing in it that waits for something else. A task that holds one must not ask for another.
    pub async fn write(&self) -> Result<Tx, Error> {
        self.count();
        Ok(match &self.0.pools {
            Pools::Sqlite { writer, .. } => Tx::sqlite_turn(writer.turn().await?),
            Pools::Postgres { pool, .. } => {
                Tx::postgres(pool.begin().await.map_err(Error::of_pool(self.0.bounds.acquire))?)
            }
        })
    }

    /// Begins a transaction whose durable commit is shared with other callers: on SQLite what [`Db::write`] does, on
    /// PostgreSQL one transaction for all who come together, over one connection, with the same promises (`group.rs`).
    ///
    /// For short work that comes often, such as taking work from a queue. On PostgreSQL a row that a part changed stays
    /// locked until the shared commit, and a part that waits for a row holds up everybody behind it. So on PostgreSQL
    /// this is for callers
    ///
    /// - whose part is one or two statements that change rows which nobody holds for long in a [`Db::write`], and
    /// - who do nothing in between that waits for something else, least of all for another transaction.
    ///
    /// A part that cannot have its rows within a second is refused, and undone alone.
    pub async fn write_shared(&self) -> Result<Tx, Error> {
        self.count();
        match &self.0.pools {
            Pools::Sqlite { writer, .. } => Ok(Tx::sqlite_turn(writer.turn().await?)),
            Pools::Postgres { pool, shared, options } => {
                Ok(Tx::postgres_turn(self.shared(pool, shared, options).await?.turn().await?))
            }
        }
    }

    /// The SQL that this database speaks.
    pub fn dialect(&self) -> Dialect {
        match &self.0.pools {
            Pools::Sqlite { .. } => Dialect::Sqlite,
            Pools::Postgres { .. } => Dialect::Postgres,
        }
    }

    /// Runs a transaction that is one statement: for [`execute_alone!`].
    #[doc(hidden)]
    pub async fn run_alone(&self, statement: Alone) -> Result<u64, Error> {
        self.count();
        match (&self.0.pools, statement) {
            (Pools::Sqlite { writer, .. }, Alone::Sqlite(statement)) => {
                writer.alone(statement).await
            }
            (Pools::Postgres { pool, shared, options }, Alone::Postgres(statement)) => {
                self.shared(pool, shared, options).await?.alone(statement).await
            }
            _ => Err(sqlx::Error::Protocol("a statement for the other database".to_owned()).into()),
        }
    }

    /// The connection that callers share on PostgreSQL, opened for the first of them.
    async fn shared<'a>(
        &self,
        pool: &PgPool,
        shared: &'a OnceCell<Writer<PgConnection>>,
        options: &PgConnectOptions,
    ) -> Result<&'a Writer<PgConnection>, Error> {
        if pool.is_closed() {
            return Err(Fault::Closed.into());
        }
        shared.get_or_try_init(|| self.share(options)).await
    }

    async fn share(&self, options: &PgConnectOptions) -> Result<Writer<PgConnection>, Error> {
        let bounds = self.0.bounds;
        let waited = bounds.acquire;
        let connected = timeout(waited, options.connect()).await;
        let conn = connected.map_err(|_| Fault::NoConnection { waited })??;
        Ok(Writer::start(conn, options.clone(), bounds))
    }

    /// Asks the database for something, to see that it answers.
    pub async fn probe(&self) -> Result<(), Error> {
        store::probe(&mut self.glance().await?).await
    }

    /// Has the database read every statement without running it, and gives those that it refuses. For tests: a
    /// statement that names a column which is not there is found before its first caller finds it.
    pub async fn prepare_all(&self, statements: &[&Sql]) -> Result<(), Vec<(&'static str, Error)>> {
        let mut refused = Vec::new();
        let mut conn = self.glance().await.map_err(|error| vec![("a connection", error)])?;
        for sql in statements {
            let outcome = match conn.open() {
                Ok(Open::Sqlite(conn)) => {
                    conn.prepare(sql.sqlite.into_sql_str()).await.map(drop).map_err(Error::from)
                }
                Ok(Open::Postgres(conn)) => {
                    conn.prepare(sql.postgres.into_sql_str()).await.map(drop).map_err(Error::from)
                }
                Err(error) => Err(error),
            };
            if let Err(error) = outcome {
                refused.push((sql.name, error));
            }
        }
        if refused.is_empty() { Ok(()) } else { Err(refused) }
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
            Pools::Postgres { pool, shared, .. } => {
                pool.close().await;
                if let Some(shared) = shared.get() {
                    shared.close().await;
                }
            }
        }
    }

    fn count(&self) {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
    }
}
