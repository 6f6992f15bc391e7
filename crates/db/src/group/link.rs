//! What a group asks of its connection, in the words of each database.

use std::{
    fmt::Debug,
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use sqlx::{Connection, PgConnection, SqliteConnection, error::Error, postgres::PgSeverity};

/// How many answers to statements that nobody waits for any more may lie in front of an undo. A part that was cut off
/// leaves one.
const LEFT_BEHIND: usize = 8;

/// Which savepoint stands. Names are used in turn: should a move fail, there is no savepoint with the next name, so
/// going back to it fails too and cannot reach a part of somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    A,
    B,
    C,
    D,
}

impl Mark {
    /// The one that [`Link::open`] sets.
    pub(crate) const FIRST: Self = Self::A;

    pub(crate) const fn next(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::C,
            Self::C => Self::D,
            Self::D => Self::A,
        }
    }

    const fn set(self) -> &'static str {
        match self {
            Self::A => "SAVEPOINT part_a",
            Self::B => "SAVEPOINT part_b",
            Self::C => "SAVEPOINT part_c",
            Self::D => "SAVEPOINT part_d",
        }
    }

    const fn release(self) -> &'static str {
        match self {
            Self::A => "RELEASE part_a",
            Self::B => "RELEASE part_b",
            Self::C => "RELEASE part_c",
            Self::D => "RELEASE part_d",
        }
    }

    /// From this one to the next.
    const fn pass(self) -> &'static str {
        match self {
            Self::A => "RELEASE part_a; SAVEPOINT part_b",
            Self::B => "RELEASE part_b; SAVEPOINT part_c",
            Self::C => "RELEASE part_c; SAVEPOINT part_d",
            Self::D => "RELEASE part_d; SAVEPOINT part_a",
        }
    }

    const fn undo(self) -> &'static str {
        match self {
            Self::A => "ROLLBACK TO part_a",
            Self::B => "ROLLBACK TO part_b",
            Self::C => "ROLLBACK TO part_c",
            Self::D => "ROLLBACK TO part_d",
        }
    }
}

/// A connection that parts share.
pub(crate) trait Link: Connection + Debug + Sized + 'static {
    /// Whether a connection can be lost while nobody uses it: then a transaction that does not begin is begun again on
    /// a new one.
    const MAY_GO_AWAY: bool;

    /// Begins a transaction; [`Mark::FIRST`] stands in it.
    fn open(&mut self) -> impl Future<Output = Result<(), Error>> + Send;

    /// Moves the savepoint from `mark` to the next without waiting for the answer.
    fn pass(&mut self, mark: Mark) -> Result<(), Error>;

    /// Goes back to `mark`, whatever the part was doing when it was left.
    fn undo(&mut self, mark: Mark) -> impl Future<Output = Result<(), Error>> + Send;

    /// Ends a transaction that holds nothing.
    fn abandon(&mut self) -> impl Future<Output = Result<(), Error>> + Send;

    /// Makes the transaction durable.
    fn commit(&mut self) -> impl Future<Output = Result<(), Error>> + Send;

    /// Whether a commit that failed so may have happened all the same.
    fn is_in_doubt(error: &Error) -> bool;
}

impl Link for SqliteConnection {
    const MAY_GO_AWAY: bool = false;

    async fn open(&mut self) -> Result<(), Error> {
        sqlx::raw_sql("BEGIN IMMEDIATE; SAVEPOINT part_a").execute(self).await.map(drop)
    }

    /// Two statements, each sent alone: the thread runs one, finds that nobody listens, and drops what follows in the
    /// same text.
    fn pass(&mut self, mark: Mark) -> Result<(), Error> {
        send(sqlx::query(mark.release()).execute(&mut *self))?;
        send(sqlx::query(mark.next().set()).execute(self))
    }

    async fn undo(&mut self, mark: Mark) -> Result<(), Error> {
        sqlx::query(mark.undo()).execute(self).await.map(drop)
    }

    async fn abandon(&mut self) -> Result<(), Error> {
        sqlx::query("ROLLBACK").execute(self).await.map(drop)
    }

    async fn commit(&mut self) -> Result<(), Error> {
        sqlx::query("COMMIT").execute(self).await.map(drop)
    }

    fn is_in_doubt(_: &Error) -> bool {
        false
    }
}

impl Link for PgConnection {
    const MAY_GO_AWAY: bool = true;

    async fn open(&mut self) -> Result<(), Error> {
        sqlx::raw_sql("BEGIN; SAVEPOINT part_a").execute(self).await.map(drop)
    }

    /// One text, which the server runs to its end. It is written at once: before a part ends, all answers to its
    /// statements have been read. Where the socket is full, whoever uses the connection next writes the rest.
    fn pass(&mut self, mark: Mark) -> Result<(), Error> {
        send(sqlx::raw_sql(mark.pass()).execute(self))
    }

    /// Waits for what the part left running. An error that it left belongs to nobody any more.
    async fn undo(&mut self, mark: Mark) -> Result<(), Error> {
        for _ in 0..LEFT_BEHIND {
            match self.ping().await {
                Err(Error::Database(error)) if !is_fatal(&*error) => {}
                Err(error) => return Err(error),
                Ok(()) => break,
            }
        }
        sqlx::raw_sql(mark.undo()).execute(self).await.map(drop)
    }

    async fn abandon(&mut self) -> Result<(), Error> {
        sqlx::raw_sql("ROLLBACK").execute(self).await.map(drop)
    }

    async fn commit(&mut self) -> Result<(), Error> {
        sqlx::raw_sql("COMMIT").execute(self).await.map(drop)
    }

    fn is_in_doubt(error: &Error) -> bool {
        // An answer says no; a connection that ends says nothing.
        !matches!(error, Error::Database(error) if !is_fatal(&**error))
    }
}

/// Whether the server ends the connection with this error.
fn is_fatal(error: &dyn sqlx::error::DatabaseError) -> bool {
    let severity = error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>();
    severity.is_none_or(|it| !matches!(it.severity(), PgSeverity::Error))
}

/// Has `statement` sent, and does not wait for the answer.
fn send<T>(statement: impl Future<Output = Result<T, Error>>) -> Result<(), Error> {
    match pin!(statement).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome.map(drop),
        Poll::Pending => Ok(()),
    }
}
