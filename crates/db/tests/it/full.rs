//! A disk without room: writing is refused with a sentence, reading goes on, and writing comes back with the room.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use db::{Bounds, Db, Error, Fault, Tx};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::house::{append, create, ledger};

db::statements! {
    CREATE_BULK = "CREATE TABLE bulk (body BLOB NOT NULL)";
    COUNT_BULK = "SELECT count(*) FROM bulk";
    ADD_BULK = "INSERT INTO bulk (body) VALUES (zeroblob(50000))";
}

/// What takes up room until it is removed.
const BALLAST_BYTES: usize = 2 << 20;
/// More than fit.
const TRIES: i64 = 200;

/// A file system of eight megabytes, unmounted when this is dropped.
struct Small {
    dir: TempDir,
    ballast: PathBuf,
}

impl Small {
    fn mount() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"])
            .arg(dir.path())
            .output()
            .expect("`mount` is part of every Debian");
        assert!(
            mounted.status.success(),
            "this test needs a small file system of its own and may not mount one; run it as root: {}",
            String::from_utf8_lossy(&mounted.stderr)
        );
        let ballast = dir.path().join("ballast");
        let small = Self { dir, ballast };
        fs::write(&small.ballast, vec![1; BALLAST_BYTES]).unwrap();
        small
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Lazily: whoever still has a file open does not keep the directory.
        let _unmounted = Command::new("umount").arg("--lazy").arg(self.dir.path()).status();
    }
}

async fn open(small: &Small) -> Db {
    let db = Db::sqlite_within(&small.path().join("motet.db"), Bounds::default()).await.unwrap();
    let mut tx = db.write().await.unwrap();
    create(&mut tx).await;
    db::execute!(&mut tx, CREATE_BULK).unwrap();
    tx.commit().await.unwrap();
    db
}

async fn add(tx: &mut Tx, step: i64) -> Result<(), Error> {
    append(tx, 0, step).await?;
    db::execute!(tx, ADD_BULK).map(drop)
}

async fn write(db: &Db, step: i64) -> Result<(), Error> {
    let mut tx = db.write().await?;
    add(&mut tx, step).await?;
    tx.commit().await
}

fn assert_is_full(refused: &Error) {
    assert!(matches!(refused, Error::Driver(Fault::DiskFull(_))), "{refused:?}");
    assert!(refused.is_outage());
    assert!(refused.to_string().starts_with("the disk is full"), "{refused}");
}

#[tokio::test]
async fn a_full_disk_refuses_writing_until_there_is_room_and_reading_goes_on() {
    let small = Small::mount();
    let db = open(&small).await;
    let mut written = Vec::new();
    let refused = loop {
        let step = i64::try_from(written.len()).unwrap();
        assert!(step < TRIES, "the disk does not fill");
        match write(&db, step).await {
            Ok(()) => written.push((0, step)),
            Err(refused) => break refused,
        }
    };
    assert_is_full(&refused);
    assert!(!written.is_empty());
    for _ in 0..3 {
        assert_is_full(&write(&db, TRIES).await.unwrap_err());
        assert_eq!(ledger(&db).await, written);
        db.probe().await.unwrap();
    }
    fs::remove_file(&small.ballast).unwrap();
    write(&db, TRIES).await.unwrap();
    written.push((0, TRIES));
    assert_eq!(ledger(&db).await, written);
    db.close().await;
    let again = Db::sqlite(&small.path().join("motet.db")).await.unwrap();
    assert_eq!(ledger(&again).await, written);
    again.close().await;
}

#[tokio::test]
async fn all_who_share_a_commit_are_told_that_the_disk_is_full() {
    let small = Small::mount();
    let db = open(&small).await;
    let mut callers = JoinSet::new();
    let mut alone = JoinSet::new();
    for step in 0..TRIES {
        let (other, db) = (db.clone(), db.clone());
        callers.spawn(async move { (step, write(&db, step).await) });
        alone.spawn(async move { db::execute_alone!(&other, ADD_BULK) });
    }
    let (mut written, mut written_alone) = (Vec::new(), 0);
    for (step, outcome) in callers.join_all().await {
        match outcome {
            Ok(()) => written.push((0, step)),
            Err(refused) => assert_is_full(&refused),
        }
    }
    for outcome in alone.join_all().await {
        match outcome {
            Ok(rows) => written_alone += rows,
            Err(refused) => assert_is_full(&refused),
        }
    }
    let bulk: (i64,) = db::fetch_one!(&mut db.glance().await.unwrap(), COUNT_BULK).unwrap();
    assert_eq!(u64::try_from(bulk.0).unwrap(), written_alone + written.len() as u64);
    assert!(written.len() < usize::try_from(TRIES).unwrap());
    let mut lines = ledger(&db).await;
    lines.sort_unstable();
    written.sort_unstable();
    assert_eq!(lines, written);
    fs::remove_file(&small.ballast).unwrap();
    write(&db, TRIES).await.unwrap();
    db.close().await;
}
