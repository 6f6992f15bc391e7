//! A transaction on either database.
//!
//! A statement that fails ends its transaction, on both databases alike: PostgreSQL refuses everything after it and
//! quietly turns the commit into a rollback, SQLite goes on and sometimes has undone the whole transaction by itself
//! (disk full). So the first failure is remembered here, and what follows it, the commit included, is refused. A
//! statement that was cut off counts as a failure: nobody knows how far it came.

use std::{
    mem,
    ops::{Deref, DerefMut},
};

use sqlx::{
    Database, PgConnection, Postgres, Sqlite, SqliteConnection, Transaction, pool::PoolConnection,
};

use crate::{
    Error, Fault,
    group::{Link, Turn},
};

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
    kind: Kind<Sqlite>,
    has_failed: bool,
}

/// A transaction on PostgreSQL: its own, or a turn at a shared one.
#[derive(Debug)]
pub struct PostgresTx {
    kind: Kind<Postgres>,
    has_failed: bool,
}

#[derive(Debug)]
enum Kind<D: Database> {
    Turn(Turn<D::Connection>),
    Own(Transaction<'static, D>),
}

impl<D: Database<Connection: Link>> Kind<D> {
    /// Remembers how a statement failed, if it did; says whether it did.
    fn note(&mut self, failed: Option<&sqlx::Error>) -> bool {
        if let (Self::Turn(turn), Some(error)) = (self, failed) {
            turn.note_failed(error);
        }
        failed.is_some()
    }
}

impl Tx {
    pub(crate) fn sqlite_turn(turn: Turn<SqliteConnection>) -> Self {
        Self::Sqlite(SqliteTx { kind: Kind::Turn(turn), has_failed: false })
    }

    pub(crate) fn sqlite(tx: Transaction<'static, Sqlite>) -> Self {
        Self::Sqlite(SqliteTx { kind: Kind::Own(tx), has_failed: false })
    }

    pub(crate) fn postgres_turn(turn: Turn<PgConnection>) -> Self {
        Self::Postgres(PostgresTx { kind: Kind::Turn(turn), has_failed: false })
    }

    pub(crate) fn postgres(tx: Transaction<'static, Postgres>) -> Self {
        Self::Postgres(PostgresTx { kind: Kind::Own(tx), has_failed: false })
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
        match self {
            Self::Sqlite(SqliteTx { has_failed: true, .. })
            | Self::Postgres(PostgresTx { has_failed: true, .. }) => Err(Fault::Aborted.into()),
            Self::Sqlite(SqliteTx { kind: Kind::Turn(turn), .. }) => turn.commit().await,
            Self::Sqlite(SqliteTx { kind: Kind::Own(tx), .. }) => Ok(tx.commit().await?),
            Self::Postgres(PostgresTx { kind: Kind::Turn(turn), .. }) => turn.commit().await,
            Self::Postgres(PostgresTx { kind: Kind::Own(tx), .. }) => Ok(tx.commit().await?),
            Self::Glance(_) => Ok(()),
        }
    }

    /// Refuses a transaction in which a statement has failed, and counts as failed until [`Tx::settle`] is told
    /// otherwise. For the macros that run statements.
    #[doc(hidden)]
    pub fn begin_statement(&mut self) -> Result<(), Error> {
        let has_failed = match self {
            Self::Sqlite(tx) => mem::replace(&mut tx.has_failed, true),
            Self::Postgres(tx) => mem::replace(&mut tx.has_failed, true),
            Self::Glance(_) => false,
        };
        if has_failed { Err(Fault::Aborted.into()) } else { Ok(()) }
    }

    /// Remembers how a statement ended. For the macros that run statements.
    #[doc(hidden)]
    pub fn settle<T>(&mut self, outcome: Result<T, sqlx::Error>) -> Result<T, Error> {
        // No row is an answer; everything else leaves the transaction in an unknown state.
        let failed = outcome.as_ref().err().filter(|it| !matches!(it, sqlx::Error::RowNotFound));
        match self {
            Self::Sqlite(SqliteTx { kind, has_failed }) => *has_failed = kind.note(failed),
            Self::Postgres(PostgresTx { kind, has_failed }) => *has_failed = kind.note(failed),
            Self::Glance(_) => {}
        }
        Ok(outcome?)
    }

    /// Adds to the rows that this turn changed. For the macros that run statements.
    #[doc(hidden)]
    pub fn note_changed(&mut self, rows: u64) {
        match self {
            Self::Sqlite(SqliteTx { kind: Kind::Turn(turn), .. }) => turn.note_changed(rows),
            Self::Postgres(PostgresTx { kind: Kind::Turn(turn), .. }) => turn.note_changed(rows),
            Self::Sqlite(_) | Self::Postgres(_) | Self::Glance(_) => {}
        }
    }
}

impl Deref for SqliteTx {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        match &self.kind {
            Kind::Turn(turn) => turn.connection(),
            Kind::Own(tx) => tx,
        }
    }
}

impl DerefMut for SqliteTx {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        match &mut self.kind {
            Kind::Turn(turn) => turn.connection_mut(),
            Kind::Own(tx) => tx,
        }
    }
}

impl Deref for PostgresTx {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        match &self.kind {
            Kind::Turn(turn) => turn.connection(),
            Kind::Own(tx) => tx,
        }
    }
}

impl DerefMut for PostgresTx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        match &mut self.kind {
            Kind::Turn(turn) => turn.connection_mut(),
            Kind::Own(tx) => tx,
        }
    }
}
