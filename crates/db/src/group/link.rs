//! What a group asks of its connection, in the words of each database.

use std::{
    fmt::Debug,
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use futures_util::TryStreamExt as _;
use sqlx::{
    AssertSqlSafe, Connection, Either, Executor as _, PgConnection, SqlSafeStr as _,
    SqliteConnection, error::Error, postgres::PgSeverity,
};

use super::alone::{Ran, StatementOf, Texts, arguments_of};

/// How many answers to statements that nobody waits for any more may lie in front of an undo. A part that was cut off
/// leaves one.
const LEFT_BEHIND: usize = 8;

/// Begins a shared transaction on PostgreSQL. Everybody behind a statement waits with it, so it is refused if it has to
/// wait long for a row that somebody else holds, or takes long by itself.
const OPEN_POSTGRES: &str = "
    BEGIN;
    SET LOCAL lock_timeout = '1s';
    SET LOCAL statement_timeout = '10s';
    SAVEPOINT part_0";

/// Which savepoint stands. Names are used in turn: should a move fail, there is no savepoint with the next name, so
/// going back to it fails too and cannot reach a part of somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark(&'static Savepoint);

/// A savepoint, as statements that stay prepared.
#[derive(Debug, PartialEq, Eq)]
struct Savepoint {
    set: &'static str,
    undo: &'static str,
    release: &'static str,
    /// Where in [`SAVEPOINTS`] the next one is.
    next: usize,
}

macro_rules! savepoint {
    ($name:literal, then $next:literal) => {
        Savepoint {
            set: concat!("SAVEPOINT ", $name),
            undo: concat!("ROLLBACK TO ", $name),
            release: concat!("RELEASE ", $name),
            next: $next,
        }
    };
}

static FIRST: Savepoint = savepoint!("part_0", then 0);
static SAVEPOINTS: [Savepoint; 7] = [
    savepoint!("part_1", then 1),
    savepoint!("part_2", then 2),
    savepoint!("part_3", then 3),
    savepoint!("part_4", then 4),
    savepoint!("part_5", then 5),
    savepoint!("part_6", then 6),
    savepoint!("part_7", then 7),
];

impl Mark {
    /// The one that [`Link::open`] sets.
    pub(crate) const FIRST: Self = Self(&FIRST);

    pub(crate) fn next(self) -> Self {
        SAVEPOINTS.get(self.0.next).map_or(Self::FIRST, Self)
    }
}

/// A connection that parts share.
pub(crate) trait Link: Connection + Debug + Sized + 'static {
    /// Whether a connection can be lost while nobody uses it: then a transaction that does not begin is begun again on
    /// a new one.
    const MAY_GO_AWAY: bool;

    /// Whether a statement that fails undoes what it did, and only that: then no savepoint stands before it, and equal
    /// ones may be run in one trip.
    const UNDOES_STATEMENTS: bool;

    /// Begins a transaction; [`Mark::FIRST`] stands in it.
    fn open(&mut self) -> impl Future<Output = Result<(), Error>> + Send;

    /// Moves the savepoint from `mark` to the next without waiting for the answer.
    fn pass(&mut self, mark: Mark) -> Result<(), Error>;

    /// Runs equal statements up to the first that fails: one, unless [`Link::UNDOES_STATEMENTS`].
    fn run(
        &mut self,
        statements: &[StatementOf<Self>],
        texts: &mut Texts,
    ) -> impl Future<Output = Ran> + Send;

    /// Sets `mark` anew where the transaction stands, and fails if the transaction is no more.
    fn renew(&mut self, mark: Mark) -> impl Future<Output = Result<(), Error>> + Send;

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
    const UNDOES_STATEMENTS: bool = true;

    async fn open(&mut self) -> Result<(), Error> {
        sqlx::raw_sql("BEGIN IMMEDIATE; SAVEPOINT part_0").execute(self).await.map(drop)
    }

    /// Savepoints are stacked, and taken away when their names are used up: what is sent costs more than what is kept.
    /// Each statement is sent alone: the thread runs one, finds that nobody listens, and drops what follows in the same
    /// text.
    fn pass(&mut self, mark: Mark) -> Result<(), Error> {
        let next = mark.next();
        if next == Mark::FIRST {
            send(sqlx::query(next.0.release).execute(&mut *self))?;
        }
        send(sqlx::query(next.0.set).execute(self))
    }

    async fn run(&mut self, statements: &[StatementOf<Self>], texts: &mut Texts) -> Ran {
        let (text, times) = match statements.first() {
            Some(first) => (first.text, statements.len()),
            None => return Ran { rows: Vec::new(), failed: None },
        };
        let (arguments, each) = match arguments_of(statements) {
            Ok(arguments) => arguments,
            Err(error) => return Ran { rows: Vec::new(), failed: Some(error) },
        };
        let text = match times {
            1 => text.into_sql_str(),
            _ => AssertSqlSafe(texts.repeated(text, times, each)).into_sql_str(),
        };
        let mut rows = Vec::with_capacity(times);
        let mut results = self.fetch_many(sqlx::query_with(text, arguments));
        loop {
            match results.try_next().await {
                Ok(Some(Either::Left(done))) => rows.push(done.rows_affected()),
                Ok(Some(Either::Right(_row))) => {}
                Ok(None) => {
                    let is_short = rows.len() < times;
                    return Ran { rows, failed: is_short.then_some(Error::WorkerCrashed) };
                }
                Err(error) => return Ran { rows, failed: Some(error) },
            }
        }
    }

    /// Outside of a transaction a savepoint would begin one, and releasing one is an error.
    async fn renew(&mut self, mark: Mark) -> Result<(), Error> {
        sqlx::query(mark.0.release).execute(&mut *self).await?;
        sqlx::query(mark.0.set).execute(self).await.map(drop)
    }

    async fn undo(&mut self, mark: Mark) -> Result<(), Error> {
        sqlx::query(mark.0.undo).execute(self).await.map(drop)
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
    const UNDOES_STATEMENTS: bool = false;

    async fn open(&mut self) -> Result<(), Error> {
        sqlx::raw_sql(OPEN_POSTGRES).execute(self).await.map(drop)
    }

    /// One text, which the server runs to its end. It is written at once: before a part ends, all answers to its
    /// statements have been read. Where the socket is full, whoever uses the connection next writes the rest.
    fn pass(&mut self, mark: Mark) -> Result<(), Error> {
        let text = format!("{}; {}", mark.0.release, mark.next().0.set);
        send(sqlx::raw_sql(AssertSqlSafe(text)).execute(self))
    }

    async fn run(&mut self, statements: &[StatementOf<Self>], _: &mut Texts) -> Ran {
        let mut rows = Vec::with_capacity(statements.len());
        for statement in statements {
            let ran = async {
                let (arguments, _) = arguments_of(std::slice::from_ref(statement))?;
                sqlx::query_with(statement.text, arguments).execute(&mut *self).await
            };
            match ran.await {
                Ok(done) => rows.push(done.rows_affected()),
                Err(error) => return Ran { rows, failed: Some(error) },
            }
        }
        Ran { rows, failed: None }
    }

    async fn renew(&mut self, mark: Mark) -> Result<(), Error> {
        let text = format!("{}; {}", mark.0.release, mark.0.set);
        sqlx::raw_sql(AssertSqlSafe(text)).execute(self).await.map(drop)
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
        sqlx::raw_sql(mark.0.undo).execute(self).await.map(drop)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_savepoint_has_its_turn() {
        let mut seen = vec![Mark::FIRST];
        while let Some(next) = seen.last().map(|last| last.next()).filter(|it| *it != Mark::FIRST) {
            assert!(!seen.contains(&next), "{next:?} comes twice");
            seen.push(next);
        }
        assert_eq!(seen.len(), 1 + SAVEPOINTS.len());
    }
}
