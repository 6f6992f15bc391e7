//! What can go wrong with a database.

use std::{sync::Arc, time::Duration};

use sqlx::sqlite::SqliteError;

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
    /// A statement of the transaction failed before or was cut off, so the rest of it is refused.
    #[error("an earlier statement of this transaction failed, so nothing of it is stored")]
    Aborted,
    /// The commit that this caller shared with others failed.
    #[error("the commit failed, so nothing of this transaction is stored")]
    Commit(#[source] Arc<sqlx::Error>),
    /// The connection ended while the commit was under way.
    #[error(
        "the database went away during the commit, so nobody knows whether this transaction is stored"
    )]
    InDoubt(#[source] Arc<sqlx::Error>),
    /// There is no room for what was to be written.
    #[error(
        "the disk is full, so nothing of this transaction is stored: make room, and writing goes on without a restart"
    )]
    DiskFull(#[source] Arc<sqlx::Error>),
    /// The disk did not do what it was asked.
    #[error(
        "the disk failed, so nothing of this transaction is stored: look into the log of the machine"
    )]
    DiskFailed(#[source] Arc<sqlx::Error>),
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

    /// Whether a statement was ended because it took longer than it may.
    pub fn is_canceled(&self) -> bool {
        // PostgreSQL: query_canceled.
        let is_so =
            |error: &dyn sqlx::error::DatabaseError| error.code().as_deref() == Some("57014");
        matches!(
            self,
            Self::Driver(Fault::Statement(sqlx::Error::Database(error))) if is_so(error.as_ref())
        )
    }

    /// Whether the database is not available at the moment, so that the same may work later. Otherwise the fault is
    /// ours: a statement that it refuses, a row that broke a promise, a transaction that went on after a failure.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Driver(fault) => fault.is_outage(),
            Self::Migrate(_) | Self::Corrupt { .. } => false,
        }
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
        Self::Driver(match Trouble::of(&error) {
            Some(Trouble::Full) => Fault::DiskFull(Arc::new(error)),
            Some(Trouble::Failed) => Fault::DiskFailed(Arc::new(error)),
            Some(Trouble::Away) | None => Fault::Statement(error),
        })
    }
}

impl Fault {
    /// What those are told whose shared commit failed, after a statement met `trouble`.
    pub(crate) fn of_commit(error: Arc<sqlx::Error>, trouble: Option<Trouble>) -> Self {
        match Trouble::of(&error).or(trouble) {
            Some(Trouble::Full) => Self::DiskFull(error),
            Some(Trouble::Failed) => Self::DiskFailed(error),
            Some(Trouble::Away) | None => Self::Commit(error),
        }
    }

    /// Whether the database is not available at the moment: the same may work later. Otherwise the fault is ours.
    fn is_outage(&self) -> bool {
        match self {
            Self::Statement(error) => Trouble::of(error).is_some(),
            Self::Aborted => false,
            Self::NoConnection { .. }
            | Self::NoTurn { .. }
            | Self::Commit(_)
            | Self::InDoubt(_)
            | Self::DiskFull(_)
            | Self::DiskFailed(_)
            | Self::Closed => true,
        }
    }
}

/// What ails a database that is not available.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The disk is full.
    Full,
    /// The disk fails.
    Failed,
    /// Everything else.
    Away,
}

impl Trouble {
    /// Nothing, if the database is well and only the statement is wrong.
    pub(crate) fn of(error: &sqlx::Error) -> Option<Self> {
        match error {
            sqlx::Error::Database(error) => {
                let code = error.code()?;
                if error.try_downcast_ref::<SqliteError>().is_some() {
                    Self::of_sqlite(code.parse().ok()?)
                } else {
                    Self::of_postgres(&code)
                }
            }
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Some(Self::Away),
            _ => None,
        }
    }

    /// <https://www.sqlite.org/rescode.html>; the lowest byte says what the rest only explains.
    fn of_sqlite(code: i32) -> Option<Self> {
        match code & 0xff {
            // SQLITE_FULL
            13 => Some(Self::Full),
            // SQLITE_IOERR
            10 => Some(Self::Failed),
            // SQLITE_BUSY, _LOCKED, _NOMEM, _READONLY, _CORRUPT, _CANTOPEN, _PROTOCOL, _NOTADB
            5 | 6 | 7 | 8 | 11 | 14 | 15 | 26 => Some(Self::Away),
            _ => None,
        }
    }

    /// <https://www.postgresql.org/docs/current/errcodes-appendix.html>; the first two characters are the class.
    fn of_postgres(code: &str) -> Option<Self> {
        match code.get(..2)? {
            "53" if code == "53100" => Some(Self::Full),
            // An error of the system that the server runs on.
            "58" => Some(Self::Failed),
            // Connections, refused logins, what others did at the same time, resources, locks, the operator, faults of
            // the server.
            "08" | "28" | "40" | "53" | "55" | "57" | "XX" => Some(Self::Away),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_disk_does_is_told_from_what_a_statement_gets_wrong() {
        let sqlite = [13, 10, 778, 5, 517, 19, 2067, 1, 20].map(Trouble::of_sqlite);
        let (full, failed, away) =
            (Some(Trouble::Full), Some(Trouble::Failed), Some(Trouble::Away));
        assert_eq!(sqlite, [full, failed, failed, away, away, None, None, None, None]);
        let postgres =
            ["53100", "58030", "53300", "57P01", "08006", "55P03", "40P01", "23505", "42P01", ""];
        let postgres = postgres.map(Trouble::of_postgres);
        assert_eq!(postgres, [full, failed, away, away, away, away, away, None, None, None]);
    }

    #[test]
    fn a_transaction_that_goes_on_after_a_failure_is_our_fault() {
        assert!(!Error::from(Fault::Aborted).is_outage());
        assert!(!Error::from(sqlx::Error::ColumnNotFound("x".to_owned())).is_outage());
        assert!(Error::from(Fault::Closed).is_outage());
        assert!(Error::from(sqlx::Error::WorkerCrashed).is_outage());
    }
}
