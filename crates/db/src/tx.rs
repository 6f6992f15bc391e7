//! A transaction on either database.
//!
//! A statement that fails ends its transaction, on both databases alike: PostgreSQL refuses everything after it and
//! quietly turns the commit into a rollback, SQLite goes on and sometimes has undone the whole transaction by itself
//! (disk full). So the first failure is remembered here, and what follows it, the commit included, is refused. A
//! statement that was cut off counts as a failure: nobody knows how far it came.

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

/// A transaction on either database; dropping it undoes what it did. What a [`crate::Db::glance`] gives is none: a
/// connection for one read.
///
/// Statements run on it through the macros of this crate and in no other way: they hold it to the rules above.
#[derive(Debug)]
pub struct Tx {
    on: On,
    has_failed: bool,
    /// Dropped when the transaction has ended: behind `on`.
    held: Vec<Box<dyn Held>>,
}

/// What a transaction keeps until it has ended.
trait Held: std::fmt::Debug + Send + Sync {}

impl<T: std::fmt::Debug + Send + Sync> Held for T {}

#[derive(Debug)]
enum On {
    Sqlite(Kind<Sqlite>),
    Postgres(Kind<Postgres>),
}

#[derive(Debug)]
enum Kind<D: Database> {
    /// A part of a shared transaction.
    Turn(Turn<D::Connection>),
    /// A transaction of its own.
    Own(Transaction<'static, D>),
    /// No transaction.
    Glance(PoolConnection<D>),
}

/// The connection behind a [`Tx`], for the macros that run statements.
#[doc(hidden)]
#[derive(Debug)]
pub enum Open<'a> {
    /// See [`Dialect::Sqlite`].
    Sqlite(&'a mut SqliteConnection),
    /// See [`Dialect::Postgres`].
    Postgres(&'a mut PgConnection),
}

impl<D: Database<Connection: Link>> Kind<D> {
    fn connection(&mut self) -> &mut D::Connection {
        match self {
            Self::Turn(turn) => turn.connection_mut(),
            Self::Own(tx) => &mut *tx,
            Self::Glance(conn) => &mut *conn,
        }
    }

    async fn commit(self) -> Result<(), Error> {
        match self {
            Self::Turn(turn) => turn.commit().await,
            Self::Own(tx) => Ok(tx.commit().await?),
            Self::Glance(_) => Ok(()),
        }
    }

    fn note_failed(&mut self, error: &sqlx::Error) {
        if let Self::Turn(turn) = self {
            turn.note_failed(error);
        }
    }

    fn note_changed(&mut self, rows: u64) {
        if let Self::Turn(turn) = self {
            turn.note_changed(rows);
        }
    }

    const fn is_glance(&self) -> bool {
        matches!(self, Self::Glance(_))
    }
}

impl Tx {
    pub(crate) const fn sqlite_turn(turn: Turn<SqliteConnection>) -> Self {
        Self { on: On::Sqlite(Kind::Turn(turn)), has_failed: false, held: Vec::new() }
    }

    pub(crate) const fn sqlite(tx: Transaction<'static, Sqlite>) -> Self {
        Self { on: On::Sqlite(Kind::Own(tx)), has_failed: false, held: Vec::new() }
    }

    pub(crate) const fn sqlite_glance(conn: PoolConnection<Sqlite>) -> Self {
        Self { on: On::Sqlite(Kind::Glance(conn)), has_failed: false, held: Vec::new() }
    }

    pub(crate) const fn postgres_turn(turn: Turn<PgConnection>) -> Self {
        Self { on: On::Postgres(Kind::Turn(turn)), has_failed: false, held: Vec::new() }
    }

    pub(crate) const fn postgres(tx: Transaction<'static, Postgres>) -> Self {
        Self { on: On::Postgres(Kind::Own(tx)), has_failed: false, held: Vec::new() }
    }

    pub(crate) const fn postgres_glance(conn: PoolConnection<Postgres>) -> Self {
        Self { on: On::Postgres(Kind::Glance(conn)), has_failed: false, held: Vec::new() }
    }

    /// The SQL that this transaction speaks.
    pub const fn dialect(&self) -> Dialect {
        match &self.on {
            On::Sqlite(_) => Dialect::Sqlite,
            On::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Makes everything since [`crate::Db::write`] permanent: on disk when this returns. A caller that stops waiting
    /// does not know whether it happened.
    pub async fn commit(self) -> Result<(), Error> {
        if self.has_failed {
            return Err(Fault::Aborted.into());
        }
        let Self { on, held, .. } = self;
        let outcome = match on {
            On::Sqlite(kind) => kind.commit().await,
            On::Postgres(kind) => kind.commit().await,
        };
        drop(held);
        outcome
    }

    /// Keeps `it` until the transaction has ended, one way or the other: for what makes itself heard when it is dropped,
    /// and must not before others can see what it is about.
    pub fn hold(&mut self, it: impl std::fmt::Debug + Send + Sync + 'static) {
        self.held.push(Box::new(it));
    }

    /// Opens the connection for one statement: refused after one has failed. The transaction counts as failed until
    /// [`Tx::settle`] is told otherwise. For the macros that run statements.
    #[doc(hidden)]
    pub fn open(&mut self) -> Result<Open<'_>, Error> {
        if self.has_failed {
            return Err(Fault::Aborted.into());
        }
        let is_glance = match &self.on {
            On::Sqlite(kind) => kind.is_glance(),
            On::Postgres(kind) => kind.is_glance(),
        };
        self.has_failed = !is_glance;
        Ok(match &mut self.on {
            On::Sqlite(kind) => Open::Sqlite(kind.connection()),
            On::Postgres(kind) => Open::Postgres(kind.connection()),
        })
    }

    /// Remembers how a statement ended. For the macros that run statements.
    #[doc(hidden)]
    pub fn settle<T>(&mut self, outcome: Result<T, sqlx::Error>) -> Result<T, Error> {
        // No row is an answer; everything else leaves the transaction in an unknown state.
        let failed = outcome.as_ref().err().filter(|it| !matches!(it, sqlx::Error::RowNotFound));
        if let Some(error) = failed {
            match &mut self.on {
                On::Sqlite(kind) => kind.note_failed(error),
                On::Postgres(kind) => kind.note_failed(error),
            }
        } else {
            self.has_failed = false;
        }
        Ok(outcome?)
    }

    /// Adds to the rows that this turn changed. For the macros that run statements.
    #[doc(hidden)]
    pub fn note_changed(&mut self, rows: u64) {
        match &mut self.on {
            On::Sqlite(kind) => kind.note_changed(rows),
            On::Postgres(kind) => kind.note_changed(rows),
        }
    }
}
