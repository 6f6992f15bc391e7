//! The bare limit of rows: the same statements through the library alone, with the settings that the real database has.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use sqlx::{
    ConnectOptions as _, Connection as _, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::ground;

/// A file of its own, with the table that callers write into.
pub(crate) struct Lines(SqliteConnection);

impl Lines {
    pub(crate) async fn open(path: &Path) -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .disable_statement_logging();
        let mut conn = options.connect().await?;
        sqlx::query(ground::on_sqlite().0).execute(&mut conn).await?;
        Ok(Self(conn))
    }

    /// One transaction; its rows a second.
    pub(crate) async fn in_one_commit(mut self, rows: u64) -> anyhow::Result<(Self, f64)> {
        let started = Instant::now();
        let mut tx = self.0.begin_with("BEGIN IMMEDIATE").await?;
        for _ in 0..rows {
            add(&mut tx).await?;
        }
        tx.commit().await?;
        Ok((self, ground::per_second(rows, started)))
    }

    /// A durable commit for each row; rows a second.
    pub(crate) async fn one_by_one(mut self, time: Duration) -> anyhow::Result<(Self, f64)> {
        let (started, mut rows) = (Instant::now(), 0);
        while started.elapsed() < time {
            add(&mut self.0).await?;
            rows += 1;
        }
        Ok((self, ground::per_second(rows, started)))
    }
}

async fn add(conn: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let add = sqlx::query(ground::on_sqlite().1).bind(0_i64).bind(ground::BODY);
    add.execute(conn).await.map(drop)
}

/// Connections that read a file, and the statement that they read with.
#[derive(Clone)]
pub(crate) struct Points {
    pool: SqlitePool,
    statement: &'static str,
}

impl Points {
    pub(crate) async fn open(
        path: &Path,
        connections: u32,
        statement: &'static str,
    ) -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        let pool = SqlitePoolOptions::new()
            .max_connections(connections)
            .test_before_acquire(false)
            .connect_with(options.disable_statement_logging())
            .await?;
        Ok(Self { pool, statement })
    }

    /// Reads a row.
    pub(crate) async fn read(self, id: u32) -> anyhow::Result<()> {
        let mut conn = self.pool.acquire().await?;
        let read = sqlx::query_as(self.statement).bind(i64::from(id));
        let (_id, _body): (i64, String) = read.fetch_one(&mut *conn).await?;
        Ok(())
    }
}
