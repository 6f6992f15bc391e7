//! Migrations: one numbered list per database, each with a way back.
//!
//! They are compiled in, with a checksum each. A database remembers what it went through; one that remembers
//! something else than this program knows is left alone, with a sentence that says what to do.

use sqlx::{
    PgConnection, SqliteConnection,
    migrate::{MigrateError, Migrator},
};

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// Why a schema was not brought up to date. The database is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The database has been upgraded past this program.
    #[error(
        "the database was last used by a newer Motet: it went through migration {found}, and this program knows \
         {known}; start the newer Motet, or restore a backup that was made before the upgrade"
    )]
    Newer {
        /// The migration that this program does not know.
        found: i64,
        /// The newest one that it knows.
        known: i64,
    },
    /// The database went through a migration that is no part of this program's list.
    #[error(
        "the database went through migration {found}, which this Motet never had; start the Motet that made the \
         database, or restore a backup"
    )]
    Unknown {
        /// The migration.
        found: i64,
    },
    /// A migration that the database went through has another text now.
    #[error(
        "migration {version} ({name}) is not the one that the database went through; start the Motet that made the \
         database, or restore a backup"
    )]
    Changed {
        /// Which.
        version: i64,
        /// What it is called.
        name: String,
    },
    /// A migration failed and was undone.
    #[error(
        "migration {version} ({name}) failed and was undone, the database is as it was before: {source}; start the \
         Motet that was used before, and report this"
    )]
    Failed {
        /// Which.
        version: i64,
        /// What it is called.
        name: String,
        /// What the database said.
        source: sqlx::Error,
    },
    /// The database could not be asked what it went through.
    #[error("the database could not be asked for its schema: {0}")]
    Unreadable(#[source] MigrateError),
}

// `run_direct` and not `run`: the compiler does not see that the future of the latter is `Send`.

/// Brings the SQLite schema up to date.
pub(crate) async fn sqlite(conn: &mut SqliteConnection) -> Result<(), Refusal> {
    SQLITE.run_direct(None, conn, false).await.map_err(|error| refusal(&SQLITE, error))
}

/// Brings the PostgreSQL schema up to date.
pub(crate) async fn postgres(conn: &mut PgConnection) -> Result<(), Refusal> {
    POSTGRES.run_direct(None, conn, false).await.map_err(|error| refusal(&POSTGRES, error))
}

/// The newest migration for SQLite.
pub(crate) fn newest_of_sqlite() -> i64 {
    newest(&SQLITE)
}

/// The newest migration for PostgreSQL.
pub(crate) fn newest_of_postgres() -> i64 {
    newest(&POSTGRES)
}

fn newest(migrator: &Migrator) -> i64 {
    migrator.iter().map(|it| it.version).max().unwrap_or(0)
}

fn refusal(migrator: &Migrator, error: MigrateError) -> Refusal {
    let known = newest(migrator);
    let name = |version| {
        let found = migrator.iter().find(|it| it.version == version);
        found.map_or_else(String::new, |it| it.description.to_string())
    };
    match error {
        MigrateError::VersionMissing(found) if found > known => Refusal::Newer { found, known },
        MigrateError::VersionMissing(found) => Refusal::Unknown { found },
        MigrateError::VersionMismatch(version) => Refusal::Changed { version, name: name(version) },
        MigrateError::ExecuteMigration(source, version) => {
            Refusal::Failed { version, name: name(version), source }
        }
        other => Refusal::Unreadable(other),
    }
}
