//! A database at any version of its schema, spoken to without the rest of the crate.

use std::borrow::Cow;

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, PgConnection, SqlSafeStr as _, SqliteConnection,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
    postgres::PgConnectOptions,
    sqlite::SqliteConnectOptions,
};

use crate::house::Place;

/// The number of a migration that a test adds behind the shipped ones.
const ADDED: i64 = 9999;

enum Conn {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// A connection, and the migrations that its database is to go through.
pub(crate) struct Stage {
    conn: Conn,
    migrator: Migrator,
}

/// The migrations of a database.
pub(crate) fn shipped(place: &Place) -> Migrator {
    match place {
        Place::Sqlite(_) => sqlx::migrate!("migrations/sqlite"),
        Place::Postgres(_) => sqlx::migrate!("migrations/postgres"),
    }
}

/// Whether it was this migration that failed.
pub(crate) fn refused_by(outcome: &Result<(), MigrateError>, version: i64) -> bool {
    matches!(outcome, Err(MigrateError::ExecuteMigration(_, failed)) if *failed == version)
}

/// Does the same on whichever connection there is.
macro_rules! on {
    ($stage:expr, |$conn:ident| $what:expr) => {
        match &mut $stage.conn {
            Conn::Sqlite($conn) => $what,
            Conn::Postgres($conn) => $what,
        }
    };
}

impl Stage {
    /// Connects; the schema is as it is.
    pub(crate) async fn at(place: &Place) -> Self {
        let conn = match place {
            Place::Sqlite(dir) => {
                let options = SqliteConnectOptions::new().filename(dir.path().join("motet.db"));
                let options = options.create_if_missing(true).foreign_keys(true);
                Conn::Sqlite(options.connect().await.unwrap())
            }
            Place::Postgres(database) => {
                let options: PgConnectOptions = database.url.parse().unwrap();
                Conn::Postgres(options.connect().await.unwrap())
            }
        };
        Self { conn, migrator: shipped(place) }
    }

    /// Puts one more migration behind the shipped ones.
    pub(crate) fn add_migration(&mut self, text: &str) {
        let text = AssertSqlSafe(self.in_dialect(text)).into_sql_str();
        let name = Cow::Borrowed("of a test");
        let added = Migration::new(ADDED, name, MigrationType::ReversibleUp, text, false);
        let shipped = self.migrator.iter().cloned();
        self.migrator = Migrator::with_migrations(shipped.chain([added]).collect());
    }

    /// The numbers of the migrations, in order.
    pub(crate) fn versions(&self) -> Vec<i64> {
        let up = self.migrator.iter().filter(|it| it.migration_type.is_up_migration());
        up.map(|it| it.version).collect()
    }

    pub(crate) async fn up_to(&mut self, version: i64) -> Result<(), MigrateError> {
        on!(self, |conn| self.migrator.run_to(version, conn).await)
    }

    pub(crate) async fn down_to(&mut self, version: i64) -> Result<(), MigrateError> {
        on!(self, |conn| self.migrator.undo(conn, version).await)
    }

    /// Runs statements in which `uuid(7)`, `hash(7)` and `sig(7)` stand for bytes.
    pub(crate) async fn run(&mut self, text: &str) -> Result<(), sqlx::Error> {
        let text = AssertSqlSafe(self.in_dialect(text));
        on!(self, |conn| sqlx::raw_sql(text).execute(conn).await.map(drop))
    }

    /// `text` with the ids in the words of the database.
    fn in_dialect(&self, text: &str) -> String {
        let mut written = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((at, kind)) = ["uuid(", "hash(", "sig("]
            .iter()
            .filter_map(|kind| Some((rest.find(kind)?, *kind)))
            .min()
        {
            let (before, after) = (&rest[..at], &rest[at + kind.len()..]);
            let (number, after) = after.split_once(')').expect("an id ends in `)`");
            let number: u64 = number.parse().expect("an id is made from a number");
            written.push_str(before);
            let bytes = match kind {
                "uuid(" => 16,
                "hash(" => 32,
                _ => 64,
            };
            let digits = format!("{number:0width$x}", width = bytes * 2);
            let [before_digits, after_digits] = match (&self.conn, kind) {
                (Conn::Sqlite(_), _) => ["x'", "'"],
                (Conn::Postgres(_), "uuid(") => ["'", "'::uuid"],
                (Conn::Postgres(_), _) => ["'\\x", "'::bytea"],
            };
            written.extend([before_digits, &digits, after_digits]);
            rest = after;
        }
        written + rest
    }

    /// The tables of the schema, without the list of migrations.
    pub(crate) async fn tables(&mut self) -> Vec<String> {
        let names: Vec<(String,)> = match &mut self.conn {
            Conn::Sqlite(conn) => {
                let text = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1";
                sqlx::query_as(text).fetch_all(conn).await.unwrap()
            }
            Conn::Postgres(conn) => {
                let text =
                    "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY 1";
                sqlx::query_as(text).fetch_all(conn).await.unwrap()
            }
        };
        names.into_iter().map(|(name,)| name).filter(|name| name != "_sqlx_migrations").collect()
    }

    /// Tables without a row.
    pub(crate) async fn empty_tables(&mut self) -> Vec<String> {
        let mut empty = Vec::new();
        for table in self.tables().await {
            if self.number(&format!("SELECT count(*) FROM {table}")).await == 0 {
                empty.push(table);
            }
        }
        empty
    }

    /// The newest migration that the database went through.
    pub(crate) async fn version(&mut self) -> i64 {
        self.number("SELECT coalesce(max(version), 0) FROM _sqlx_migrations").await
    }

    async fn number(&mut self, text: &str) -> i64 {
        let text = AssertSqlSafe(text.to_owned());
        on!(self, |conn| sqlx::query_scalar(text).fetch_one(conn).await.unwrap())
    }

    /// Fails unless the database finds nothing wrong with itself.
    pub(crate) async fn assert_sound(&mut self) {
        match &mut self.conn {
            Conn::Sqlite(conn) => {
                let whole: String = sqlx::query_scalar("PRAGMA integrity_check")
                    .fetch_one(&mut *conn)
                    .await
                    .unwrap();
                assert_eq!(whole, "ok");
                let orphans = sqlx::query("PRAGMA foreign_key_check").fetch_all(&mut *conn).await;
                assert_eq!(orphans.unwrap().len(), 0, "rows without what they refer to");
                let is_on: i64 =
                    sqlx::query_scalar("PRAGMA foreign_keys").fetch_one(conn).await.unwrap();
                assert_eq!(is_on, 1);
            }
            Conn::Postgres(_) => {
                let unchecked = "SELECT count(*) FROM pg_constraint WHERE NOT convalidated";
                assert_eq!(self.number(unchecked).await, 0, "constraints that were never checked");
                let invalid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid";
                assert_eq!(self.number(invalid).await, 0, "indexes that are not valid");
            }
        }
    }
}
