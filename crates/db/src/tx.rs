//! A transaction on either database.
//!
//! A statement that fails ends its transaction, on both databases alike: PostgreSQL refuses everything after it and
//! quietly turns the commit into a rollback, SQLite goes on and sometimes has undone the whole transaction by itself
//! (disk full). So the first failure is remembered here, and what follows it, the commit included, is refused.

use std::ops::{Deref, DerefMut};

use sqlx::{PgConnection, Postgres, Sqlite, SqliteConnection, Transaction, pool::PoolConnection};

use crate::{Error, Fault, group::Turn};

/// Which SQL a transaction speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// One file, one writer.
    Sqlite,
    /// A server, row locks.
    Postgres,
}

/// A pooled connection on either database, outside any transaction.
#[derive(Debug)]
pub enum Conn {
    /// See [`Dialect::Sqlite`].
    Sqlite(PoolConnection<Sqlite>),
    /// See [`Dialect::Postgres`].
    Postgres(PoolConnection<Postgres>),
}

/// A transaction on either database; dropping it undoes what it did.
#[derive(Debug)]
pub enum Tx {
    /// See [`Dialect::Sqlite`].
    Sqlite(SqliteTx),
    /// See [`Dialect::Postgres`].
    Postgres(PostgresTx),
    /// A connection for one read.
    Glance(Conn),
}

/// A transaction on SQLite: a turn at the one writer, or a reader's own.
#[derive(Debug)]
pub struct SqliteTx {
    kind: SqliteKind,
    has_failed: bool,
}

#[derive(Debug)]
enum SqliteKind {
    Write(Turn),
    Read(Transaction<'static, Sqlite>),
}

/// A transaction on PostgreSQL.
#[derive(Debug)]
pub struct PostgresTx {
    tx: Transaction<'static, Postgres>,
    has_failed: bool,
}

impl Tx {
    pub(crate) fn turn(turn: Turn) -> Self {
        Self::Sqlite(SqliteTx { kind: SqliteKind::Write(turn), has_failed: false })
    }

    pub(crate) fn sqlite_read(tx: Transaction<'static, Sqlite>) -> Self {
        Self::Sqlite(SqliteTx { kind: SqliteKind::Read(tx), has_failed: false })
    }

    pub(crate) fn postgres(tx: Transaction<'static, Postgres>) -> Self {
        Self::Postgres(PostgresTx { tx, has_failed: false })
    }

    /// The SQL that this transaction speaks.
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) | Self::Glance(Conn::Sqlite(_)) => Dialect::Sqlite,
            Self::Postgres(_) | Self::Glance(Conn::Postgres(_)) => Dialect::Postgres,
        }
    }

    /// Makes everything since [`crate::Db::write`] permanent: on disk when this returns. A caller that stops waiting
    /// does not know whether it happened.
    pub async fn commit(self) -> Result<(), Error> {
        self.usable()?;
        match self {
            Self::Sqlite(SqliteTx { kind: SqliteKind::Write(turn), .. }) => turn.commit().await?,
            Self::Sqlite(SqliteTx { kind: SqliteKind::Read(tx), .. }) => tx.commit().await?,
            Self::Postgres(PostgresTx { tx, .. }) => tx.commit().await?,
            Self::Glance(_) => {}
        }
        Ok(())
    }

    /// Refuses a transaction in which a statement has failed. For the macros that run statements.
    #[doc(hidden)]
    pub fn usable(&self) -> Result<(), Error> {
        let has_failed = match self {
            Self::Sqlite(tx) => tx.has_failed,
            Self::Postgres(tx) => tx.has_failed,
            Self::Glance(_) => false,
        };
        if has_failed { Err(Fault::Aborted.into()) } else { Ok(()) }
    }

    /// Remembers how a statement ended. For the macros that run statements.
    #[doc(hidden)]
    pub fn settle<T>(&mut self, outcome: Result<T, sqlx::Error>) -> Result<T, Error> {
        // No row is an answer; everything else leaves the transaction in an unknown state.
        let is_failure =
            matches!(&outcome, Err(error) if !matches!(error, sqlx::Error::RowNotFound));
        match self {
            Self::Sqlite(tx) => tx.has_failed |= is_failure,
            Self::Postgres(tx) => tx.has_failed |= is_failure,
            Self::Glance(_) => {}
        }
        Ok(outcome?)
    }

    /// Adds to the rows that this turn changed. For the macros that run statements.
    #[doc(hidden)]
    pub fn note_changed(&mut self, rows: u64) {
        if let Self::Sqlite(SqliteTx { kind: SqliteKind::Write(turn), .. }) = self {
            turn.note_changed(rows);
        }
    }
}

impl Deref for SqliteTx {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        match &self.kind {
            SqliteKind::Write(turn) => turn.connection(),
            SqliteKind::Read(tx) => tx,
        }
    }
}

impl DerefMut for SqliteTx {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        match &mut self.kind {
            SqliteKind::Write(turn) => turn.connection_mut(),
            SqliteKind::Read(tx) => tx,
        }
    }
}

impl Deref for PostgresTx {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.tx
    }
}

impl DerefMut for PostgresTx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.tx
    }
}
