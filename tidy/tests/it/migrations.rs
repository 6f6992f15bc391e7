//! Every migration has its twin for the other database, and its way back.

use std::{collections::BTreeSet, fs};

use crate::sources::{holds, root};

fn names(dialect: &str) -> BTreeSet<String> {
    let dir = root().join("crates/db/migrations").join(dialect);
    let entries = fs::read_dir(&dir).expect("migrations have a directory per database");
    let name = |entry: std::io::Result<fs::DirEntry>| {
        entry.expect("a directory can be read").file_name().into_string().expect("names are ASCII")
    };
    entries.map(name).collect()
}

#[test]
fn every_migration_has_a_twin() {
    assert_eq!(names("sqlite"), names("postgres"));
}

#[test]
fn every_migration_goes_up_and_down_and_none_is_skipped() {
    let names = names("sqlite");
    let mut broken = Vec::new();
    let stems: BTreeSet<_> = names.iter().filter_map(|name| name.split('.').next()).collect();
    for (index, stem) in stems.iter().enumerate() {
        if !stem.starts_with(&format!("{:04}_", index + 1)) {
            broken.push(format!("{stem} does not follow the one before it"));
        }
        for way in ["up", "down"] {
            if !names.contains(&format!("{stem}.{way}.sql")) {
                broken.push(format!("{stem} has no {way}.sql"));
            }
        }
    }
    if names.len() != stems.len() * 2 {
        broken.push("a file is neither NNNN_name.up.sql nor NNNN_name.down.sql".to_owned());
    }
    holds("migrations are one numbered list, each with a way back", &broken);
}
