//! What can go wrong with a database.

use std::{sync::Arc, time::Duration};

use crate::migrate::Refusal;

/// The database failed us, or a row broke a promise.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database did not do what it was asked; nothing of the transaction is stored.
    #[error(transparent)]
    Driver(#[from] Fault),
    /// The schema could not be brought up to date.
    #[error(transparent)]
    Migrate(#[from] Refusal),
    /// A stored value no longer parses: something else wrote the row.
    #[error("{column} holds a value that does not parse")]
    Corrupt {
        /// `table.column`.
        column: &'static str,
        /// What the parser said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A statement or the connection failed.
    #[error("the database failed")]
    Statement(#[source] sqlx::Error),
    /// Every connection was in use for too long.
    #[error("no connection to the database became free within {} ms", .waited.as_millis())]
    NoConnection {
        /// How long the caller waited.
        waited: Duration,
    },
    /// Another write transaction went on for too long.
    #[error(
        "the turn to write did not come within {} ms: another write transaction is still open \
         (a task that holds one must not ask for a second one)",
        .waited.as_millis()
    )]
    NoTurn {
        /// How long the caller waited.
        waited: Duration,
    },
    /// A statement of the transaction failed before, so the rest of it is refused.
    #[error("an earlier statement of this transaction failed, so nothing of it is stored")]
    Aborted,
    /// The commit that this caller shared with others failed.
    #[error("the commit failed, so nothing of this transaction is stored")]
    Commit(#[source] Arc<sqlx::Error>),
    /// [`crate::Db::close`] was called.
    #[error("the database is closed")]
    Closed,
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
        matches!(
            self,
            Self::Driver(Fault::Statement(sqlx::Error::Database(error))) if error.is_unique_violation()
        )
    }

    /// What a pool says when a caller `waited` for a connection.
    pub(crate) fn of_pool(waited: Duration) -> impl FnOnce(sqlx::Error) -> Self {
        move |error| match error {
            sqlx::Error::PoolTimedOut => Fault::NoConnection { waited }.into(),
            sqlx::Error::PoolClosed => Fault::Closed.into(),
            other => other.into(),
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Driver(Fault::Statement(error))
    }
}
