//! Working copies in real directories.

mod checkout;
mod lines;
mod merging;
mod muse;
mod record;
mod safety;
mod standing;
mod trees;
mod turns;

use std::{fs, os::unix::fs::symlink};

use names::{BranchName, CommitId, ObjectId, RepoPath};
use tempfile::TempDir;

use super::*;
use crate::{Fault, Manifest, Parents, snapshot_id};

const NOW: UnixMillis = UnixMillis(1_795_294_380_123);

struct Place {
    directory: TempDir,
    copy: WorkingCopy,
}

fn place() -> Place {
    let directory = TempDir::new().unwrap();
    let copy = WorkingCopy::init(directory.path(), "code", NOW, &Random::seeded(1)).unwrap();
    Place { directory, copy }
}

impl Place {
    fn write(&self, path: &str, text: &str) {
        let path = self.directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.directory.path().join(path)).unwrap()
    }

    fn exists(&self, path: &str) -> bool {
        self.directory.path().join(path).symlink_metadata().is_ok()
    }

    fn remove(&self, path: &str) {
        fs::remove_file(self.directory.path().join(path)).unwrap();
    }

    fn scanned(&self) -> Vec<String> {
        self.copy.scan().unwrap().files.iter().map(|(path, _)| path.to_string()).collect()
    }

    fn commit(&self, message: &str) -> CommitId {
        self.copy.record_commit(&new_commit(message)).unwrap().commit_id
    }
}

fn new_commit(message: &str) -> NewCommit {
    NewCommit::new(message, "Tenor <tenor@example.test>", CommitTime::from_millis(NOW))
}

fn branch(name: &str) -> BranchName {
    name.parse().unwrap()
}

fn path(raw: &str) -> RepoPath {
    raw.parse().unwrap()
}

fn on_main() -> Head {
    Head::Branch(branch("main"))
}
