//! Migrations forward and back, from every version, with rows in every table.
//!
//! `tests/rows/NNNN.sql` puts rows into what migration NNNN made or changed; it runs when the schema is at NNNN, so
//! its rows go through every later migration. A migration without such a file fails here, and so does one that leaves
//! a table empty.

use std::{fs, path::PathBuf};

use crate::{
    house::Place,
    stage::{Stage, refused_by},
};
use cluster::on_both;

/// The rows of a version.
fn rows(version: i64) -> String {
    let name = format!("tests/rows/{version:04}.sql");
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(&name);
    fs::read_to_string(path).unwrap_or_else(|error| {
        panic!(
            "migration {version} needs {name}, with a row for every table that it makes: {error}"
        )
    })
}

/// Brings the schema to `version`, with rows that went through every step before it.
async fn settle(stage: &mut Stage, version: i64) {
    for step in stage.versions().into_iter().filter(|step| *step <= version) {
        stage.up_to(step).await.unwrap();
        let inserted = stage.run(&rows(step)).await;
        inserted.unwrap_or_else(|error| panic!("tests/rows/{step:04}.sql: {error}"));
        assert_full(stage, step).await;
    }
}

async fn assert_full(stage: &mut Stage, version: i64) {
    stage.assert_sound().await;
    let empty = stage.empty_tables().await;
    assert!(empty.is_empty(), "at version {version} there is no row in {empty:?}");
}

on_both! {
    async fn the_schema_goes_forward_from_nothing_and_back_to_nothing(place: Place) {
        let mut stage = Stage::at(&place).await;
        let versions = stage.versions();
        let mut tables = vec![Vec::new()];
        for version in &versions {
            stage.up_to(*version).await.unwrap();
            tables.push(stage.tables().await);
        }
        for version in versions.iter().rev() {
            assert_eq!(Some(stage.tables().await), tables.pop(), "at version {version}");
            stage.down_to(version - 1).await.unwrap();
        }
        assert_eq!((stage.tables().await, tables), (Vec::new(), vec![Vec::new()]));
        stage.up_to(i64::MAX).await.unwrap();
        assert_eq!(Some(&stage.version().await), versions.last());
    }
}

on_both! {
    async fn every_version_moves_on_to_the_newest_with_rows_in_every_table(place: Place) {
        let mut stage = Stage::at(&place).await;
        for version in stage.versions() {
            settle(&mut stage, version).await;
            stage.up_to(i64::MAX).await.unwrap();
            stage.assert_sound().await;
            stage.down_to(version).await.unwrap();
            assert_full(&mut stage, version).await;
            stage.down_to(0).await.unwrap();
            assert!(stage.tables().await.is_empty());
        }
    }
}

on_both! {
    async fn the_newest_version_moves_back_step_by_step_and_forward_again(place: Place) {
        let mut stage = Stage::at(&place).await;
        let versions = stage.versions();
        settle(&mut stage, i64::MAX).await;
        for version in versions.iter().rev().skip(1) {
            stage.down_to(*version).await.unwrap();
            assert_full(&mut stage, *version).await;
        }
        stage.up_to(i64::MAX).await.unwrap();
        stage.assert_sound().await;
    }
}

#[tokio::test]
async fn a_migration_that_works_on_empty_tables_only_is_found() {
    // SQLite takes this column when the table is empty, and refuses it when there is a row.
    let trap = "ALTER TABLE repositories ADD COLUMN judge BLOB NOT NULL DEFAULT x'00' REFERENCES principals (id)";
    let empty = Place::sqlite();
    let mut stage = Stage::at(&empty).await;
    stage.add_migration(trap);
    stage.up_to(i64::MAX).await.unwrap();

    let full = Place::sqlite();
    let mut stage = Stage::at(&full).await;
    settle(&mut stage, i64::MAX).await;
    stage.add_migration(trap);
    assert!(refused_by(&stage.up_to(i64::MAX).await, 9999));
}

#[test]
fn every_file_with_rows_belongs_to_a_migration() {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let numbers = |dir: PathBuf| {
        let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
        let mut numbers: Vec<_> =
            names.map(|name| name.into_string().unwrap()[..4].to_owned()).collect();
        numbers.sort();
        numbers.dedup();
        numbers
    };
    let rows = numbers(dir.join("tests/rows"));
    for database in ["sqlite", "postgres"] {
        assert_eq!(rows, numbers(dir.join("migrations").join(database)));
    }
}
