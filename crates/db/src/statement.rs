//! Statements: written once for both databases, listed, run by name.

use std::time::{Duration, Instant};

use crate::Dialect;

/// A statement slower than this is worth a line in the log.
const SLOW: Duration = Duration::from_millis(100);

/// One statement, in the words of both databases. Made by [`statements!`](crate::statements!).
#[derive(Debug)]
pub struct Sql {
    /// Module and name, for logs and for the test that prepares every statement.
    pub name: &'static str,
    /// The text for SQLite.
    pub sqlite: &'static str,
    /// The text for PostgreSQL; most often the same.
    pub postgres: &'static str,
}

impl Sql {
    /// The text in the words of `dialect`.
    pub const fn text(&self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Sqlite => self.sqlite,
            Dialect::Postgres => self.postgres,
        }
    }
}

/// Logs a statement that took long, by its name; and every one where somebody looks closely (`--log info,db=trace`).
pub fn note_duration(sql: &Sql, started: Instant) {
    let took = started.elapsed();
    tracing::trace!(statement = sql.name, "ran");
    if took >= SLOW {
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(statement = sql.name, took_ms, "slow statement");
    }
}

/// Declares a `store.rs`'s statements, and the list of them that the prepare-everything test walks.
///
/// ```ignore
/// db::statements! {
///     FIND = "SELECT id FROM things WHERE name = $1";
///     LIST = (concat!("SELECT id FROM things AS r WHERE ", trust::visible!()));
///     LINK = { sqlite "… json_each($1) …", postgres "… jsonb_array_elements($1) …" };
/// }
/// ```
#[macro_export]
macro_rules! statements {
    (@text $text:literal) => { ($text, $text) };
    (@text ($text:expr)) => { ($text, $text) };
    (@text { sqlite $sqlite:expr, postgres $postgres:expr }) => { ($sqlite, $postgres) };
    ($( $name:ident = $text:tt; )+) => {
        $( static $name: $crate::Sql = {
            let (sqlite, postgres): (&str, &str) = $crate::statements!(@text $text);
            $crate::Sql { name: concat!(module_path!(), "::", stringify!($name)), sqlite, postgres }
        }; )+
        /// Every statement of this file.
        pub(crate) static STATEMENTS: &[&$crate::Sql] = &[$( &$name ),+];
    };
}

/// Runs a statement that changes rows; gives the number of rows: `execute!(tx, SQL, bind, …)`.
#[macro_export]
macro_rules! execute {
    ($tx:expr, $sql:expr $(, $bind:expr)* $(,)?) => {{
        let tx: &mut $crate::Tx = $tx;
        let outcome = $crate::run!(tx, $sql, query, |query, conn| {
            query.execute(conn).await.map(|done| done.rows_affected())
        } $(, $bind)*);
        if let Ok(rows) = &outcome {
            tx.note_changed(*rows);
        }
        outcome
    }};
}

/// Runs a transaction that is one statement; gives the number of rows that it changed, once they are durable:
/// `execute_alone!(db, SQL, bind, …)`.
///
/// It shares its commit with other callers as [`Db::write_shared`](crate::Db::write_shared) does, with the same rules on
/// PostgreSQL, and costs about half as much as a turn. A caller that stops waiting does not know whether it happened.
#[macro_export]
macro_rules! execute_alone {
    ($db:expr, $sql:expr $(, $bind:expr)* $(,)?) => {{
        let (db, sql): (&$crate::Db, &'static $crate::Sql) = ($db, &$sql);
        let started = ::std::time::Instant::now();
        let statement = match db.dialect() {
            $crate::Dialect::Sqlite => {
                $crate::Alone::Sqlite($crate::StatementOf::new(sql.sqlite, ($($bind,)*)))
            }
            $crate::Dialect::Postgres => {
                $crate::Alone::Postgres($crate::StatementOf::new(sql.postgres, ($($bind,)*)))
            }
        };
        let outcome = db.run_alone(statement).await;
        $crate::note_duration(sql, started);
        outcome
    }};
}

/// Reads at most one row: `fetch_optional!(tx, SQL, bind, …)`, typed by where it goes.
#[macro_export]
macro_rules! fetch_optional {
    ($tx:expr, $sql:expr $(, $bind:expr)* $(,)?) => {
        $crate::run!($tx, $sql, query_as, |query, conn| query.fetch_optional(conn).await $(, $bind)*)
    };
}

/// Reads exactly one row.
#[macro_export]
macro_rules! fetch_one {
    ($tx:expr, $sql:expr $(, $bind:expr)* $(,)?) => {
        $crate::run!($tx, $sql, query_as, |query, conn| query.fetch_one(conn).await $(, $bind)*)
    };
}

/// Reads every row.
#[macro_export]
macro_rules! fetch_all {
    ($tx:expr, $sql:expr $(, $bind:expr)* $(,)?) => {
        $crate::run!($tx, $sql, query_as, |query, conn| query.fetch_all(conn).await $(, $bind)*)
    };
}

/// What the other macros share: pick the database, bind, run, note how it went.
#[doc(hidden)]
#[macro_export]
macro_rules! run {
    ($tx:expr, $sql:expr, $kind:ident, |$query:ident, $conn:ident| $run:expr $(, $bind:expr)*) => {{
        let (tx, sql): (&mut $crate::Tx, &$crate::Sql) = ($tx, &$sql);
        let started = ::std::time::Instant::now();
        match tx.open() {
            Err(refused) => Err(refused),
            Ok(open) => {
                let outcome = match open {
                    $crate::Open::Sqlite($conn) => {
                        let $query = $crate::__sqlx::$kind(sql.sqlite)$(.bind($bind))*;
                        $run
                    }
                    $crate::Open::Postgres($conn) => {
                        let $query = $crate::__sqlx::$kind(sql.postgres)$(.bind($bind))*;
                        $run
                    }
                };
                $crate::note_duration(sql, started);
                tx.settle(outcome)
            }
        }
    }};
}
