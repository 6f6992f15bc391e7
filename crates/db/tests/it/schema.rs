//! A schema that is refused, and the sentence that says what to do.

use crate::{
    house::Place,
    stage::{Stage, refused_by, shipped},
};
use cluster::on_both;
use db::{Bounds, Error, Refusal};

/// Opens the database, changes what it remembers of its migrations, and opens it again.
async fn reopened_after(place: &Place, change: &str) -> Error {
    place.open(Bounds::default()).await.unwrap().close().await;
    Stage::at(place).await.run(change).await.unwrap();
    place.open(Bounds::default()).await.unwrap_err()
}

on_both! {
    async fn a_database_of_a_newer_program_is_refused(place: Place) {
        let newer = "
            INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
            SELECT 9999, 'of the future', true, checksum, 0 FROM _sqlx_migrations WHERE version = 1";
        let refused = reopened_after(&place, newer).await;
        assert!(matches!(refused, Error::Migrate(Refusal::Newer { found: 9999, .. })), "{refused:?}");
        let known = shipped(&place).iter().map(|it| it.version).max().unwrap();
        assert_eq!(
            refused.to_string(),
            format!(
                "the database was last used by a newer Motet: it went through migration 9999, and this program knows \
                 {known}; start the newer Motet, or restore a backup that was made before the upgrade"
            )
        );
    }
}

on_both! {
    async fn a_migration_that_was_changed_is_refused(place: Place) {
        let other = "
            UPDATE _sqlx_migrations SET checksum = (SELECT checksum FROM _sqlx_migrations WHERE version = 1)
             WHERE version = 2";
        let refused = reopened_after(&place, other).await;
        assert_eq!(
            refused.to_string(),
            "migration 2 (objects) is not the one that the database went through; start the Motet that made the \
             database, or restore a backup"
        );
    }
}

on_both! {
    async fn a_migration_that_this_program_never_had_is_refused(place: Place) {
        let foreign = "
            INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
            SELECT 0, 'of another program', true, checksum, 0 FROM _sqlx_migrations WHERE version = 1";
        let refused = reopened_after(&place, foreign).await;
        assert!(matches!(refused, Error::Migrate(Refusal::Unknown { found: 0 })), "{refused:?}");
    }
}

on_both! {
    async fn a_refused_database_is_opened_again_when_the_cause_is_gone(place: Place) {
        let change = "UPDATE _sqlx_migrations SET version = version + 100";
        assert!(matches!(reopened_after(&place, change).await, Error::Migrate(_)));
        let mut stage = Stage::at(&place).await;
        stage.run("UPDATE _sqlx_migrations SET version = version - 100").await.unwrap();
        place.open(Bounds::default()).await.unwrap().probe().await.unwrap();
    }
}

on_both! {
    async fn a_migration_that_fails_half_way_is_undone_as_a_whole(place: Place) {
        let mut stage = Stage::at(&place).await;
        stage.up_to(i64::MAX).await.unwrap();
        let before = (stage.tables().await, stage.version().await);
        let half = "CREATE TABLE half (id BIGINT); INSERT INTO nothing_like_this VALUES (1)";
        stage.add_migration(half);
        assert!(refused_by(&stage.up_to(i64::MAX).await, 9999));
        assert_eq!((stage.tables().await, stage.version().await), before);
    }
}

on_both! {
    async fn every_migration_runs_in_one_transaction_and_defers_no_check(place: Place) {
        for migration in shipped(&place).iter() {
            let text = migration.sql.as_str().to_uppercase();
            assert!(!migration.no_tx, "{} runs outside a transaction", migration.version);
            for word in ["DEFERRABLE", "DEFER_FOREIGN_KEYS", "COMMIT;", "BEGIN;"] {
                assert!(!text.contains(word), "{} has {word}", migration.version);
            }
        }
    }
}

#[tokio::test]
async fn two_programs_that_start_at_once_on_postgres_both_find_the_schema() {
    let place = Place::postgres().await;
    let (one, other) = tokio::join!(place.open(Bounds::default()), place.open(Bounds::default()));
    one.unwrap().probe().await.unwrap();
    other.unwrap().probe().await.unwrap();
}

#[tokio::test]
async fn foreign_keys_are_held_on_sqlite() {
    let place = Place::sqlite();
    let mut stage = Stage::at(&place).await;
    stage.up_to(i64::MAX).await.unwrap();
    let orphan = "INSERT INTO keys (id, principal_id, fingerprint, public_key, created_at)
                  VALUES (uuid(1), uuid(2), 'none', hash(1), 0)";
    let refused = stage.run(orphan).await.unwrap_err();
    assert!(refused.to_string().contains("FOREIGN KEY"), "{refused}");
}
