//! A store for a test, with repositories that link what is in it.

use std::{fs, path::PathBuf, time::Duration};

use cluster::{Cluster, Database};
use db::Db;
use futures_util::TryStreamExt as _;
use names::{Clock, Id, ObjectId, Random, Secret};
use tempfile::TempDir;
use uuid::Uuid;

use super::store;
use crate::{BucketSettings, Error, Objects, Staging, Store, Uploader, depot::Depot};

pub(super) const DAY: Duration = Duration::from_hours(24);

/// A store and what it lives in.
pub(super) struct House {
    pub(super) dir: TempDir,
    pub(super) db: Db,
    pub(super) objects: Objects,
    pub(super) clock: Clock,
    pub(super) random: Random,
    _database: Option<Database>,
}

/// Where rows are.
pub(super) enum Rows {
    Sqlite,
    Postgres,
}

/// Where bytes are.
pub(super) enum Bytes {
    Disk,
    Bucket,
}

impl House {
    pub(super) async fn on(rows: Rows, bytes: Bytes) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (db, database) = match rows {
            Rows::Sqlite => (Db::sqlite(&dir.path().join("motet.db")).await.unwrap(), None),
            Rows::Postgres => {
                let database = Cluster::shared().await.database().await;
                (Db::postgres(&database.url).await.unwrap(), Some(database))
            }
        };
        let store = match bytes {
            Bytes::Disk => Store::Disk,
            // Nothing is cached: what is damaged in the bucket must be seen.
            Bytes::Bucket => Store::Bucket { settings: fresh_bucket().await, cache_bytes: 0 },
        };
        // A bucket has the time of its own server, so the hands begin there.
        let (clock, random) = (Clock::stopped_at(Clock::default().now()), Random::default());
        let root = dir.path().join("objects");
        let objects =
            Objects::open(&root, &store, db.clone(), clock.clone(), random.clone()).unwrap();
        Self { dir, db, objects, clock, random, _database: database }
    }

    pub(super) async fn sqlite() -> Self {
        Self::on(Rows::Sqlite, Bytes::Disk).await
    }

    pub(super) async fn keep(&self, staging: Staging) {
        let staged = self.objects.keep(staging.finish().unwrap()).await.unwrap();
        let mut tx = self.db.write().await.unwrap();
        self.objects.register(&mut tx, &staged).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Takes in one upload.
    pub(super) async fn put(&self, all: &[&[u8]]) -> Vec<ObjectId> {
        let mut staging = self.objects.stage();
        let ids = all.iter().map(|bytes| staging.add(bytes).unwrap()).collect();
        self.keep(staging).await;
        ids
    }

    pub(super) async fn read(&self, id: ObjectId) -> Result<Vec<u8>, Error> {
        self.objects.read(&mut self.db.glance().await.unwrap(), id).await
    }

    /// Somebody's repository.
    pub(super) async fn repository(&self) -> Uploader {
        let new = || Id::<Self>::new(self.clock.now(), &self.random).uuid();
        let (principal, repository) = (new(), new());
        let mut tx = self.db.write().await.unwrap();
        store::add_repository(&mut tx, principal, repository).await;
        tx.commit().await.unwrap();
        Uploader { repository, principal }
    }

    pub(super) async fn link(&self, repository: Uuid, ids: &[ObjectId]) -> usize {
        let mut tx = self.db.write().await.unwrap();
        let linked = self.objects.link(&mut tx, repository, ids).await.unwrap();
        tx.commit().await.unwrap();
        linked.len()
    }

    pub(super) async fn unlink(&self, repository: Uuid, ids: &[ObjectId]) -> usize {
        let (now, mut tx) = (self.clock.now(), self.db.write().await.unwrap());
        let gone = self.objects.unlink(&mut tx, repository, ids, now).await.unwrap();
        tx.commit().await.unwrap();
        gone.len()
    }

    /// The state of an object, if it has a row.
    pub(super) async fn state(&self, id: ObjectId) -> Option<String> {
        store::state(&mut self.db.glance().await.unwrap(), id).await
    }

    /// How many copies of an object are good.
    pub(super) async fn copies(&self, id: ObjectId) -> usize {
        let mut tx = self.db.glance().await.unwrap();
        crate::store::copies(&mut tx, id).await.unwrap().len()
    }

    pub(super) fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join("objects").join(below)
    }

    /// The names below one directory of the store, in order.
    pub(super) async fn names(&self, dir: &str) -> Vec<String> {
        let listed = self.objects.0.depot.list(dir.to_owned(), None, usize::MAX).await.unwrap();
        listed.into_iter().map(|it| it.name).collect()
    }

    /// The names of the copies of an object that has files of its own.
    pub(super) async fn names_of(&self, id: ObjectId) -> Vec<String> {
        let text = id.to_string();
        let dir = format!("sha256/{}", &text[..2]);
        let mut names = self.names(&dir).await;
        names.retain(|it| it.starts_with(&format!("{dir}/{}", &text[2..])));
        names
    }

    /// What is on the way into the store.
    pub(super) fn on_the_way(&self) -> usize {
        fs::read_dir(self.path("tmp")).unwrap().count()
    }

    /// The bytes under a name.
    pub(super) async fn bytes(&self, name: &str) -> Vec<u8> {
        match self.objects.0.depot.as_ref() {
            Depot::Disk(_) => fs::read(self.path(name)).unwrap(),
            Depot::Bucket { bucket, .. } => {
                let pieces: Vec<_> =
                    bucket.get(name, None).await.unwrap().try_collect().await.unwrap();
                pieces.concat()
            }
        }
    }

    /// Takes away what has the name.
    pub(super) async fn remove(&self, name: &str) {
        match self.objects.0.depot.as_ref() {
            Depot::Disk(_) => fs::remove_file(self.path(name)).unwrap(),
            Depot::Bucket { bucket, .. } => bucket.delete(&[name.to_owned()]).await.unwrap(),
        }
    }

    /// Puts other bytes under a name, which the store itself never does.
    pub(super) async fn overwrite(&self, name: &str, bytes: &[u8]) {
        match self.objects.0.depot.as_ref() {
            Depot::Disk(_) => {
                let path = self.path(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, bytes).unwrap();
            }
            Depot::Bucket { bucket, .. } => {
                bucket.delete(&[name.to_owned()]).await.unwrap();
                let file = self.dir.path().join("other bytes");
                fs::write(&file, bytes).unwrap();
                bucket.put(name, &file, bytes.len() as u64, None).await.unwrap();
            }
        }
    }

    /// Flips a bit of `needle` in the newest segment that holds it.
    pub(super) async fn damage_segment(&self, needle: &[u8]) {
        for name in self.names("segments").await.iter().rev() {
            let mut bytes = self.bytes(name).await;
            let found = bytes.windows(needle.len()).position(|it| it == needle);
            if let Some(at) = found {
                bytes[at] ^= 1;
                return self.overwrite(name, &bytes).await;
            }
        }
        panic!("no segment holds it");
    }

    /// Makes tombstones of everything that nothing links.
    pub(super) async fn entomb(&self) -> u64 {
        let (mut after, mut changed) = (None, 0);
        let cutoff = self.clock.now().plus(Duration::from_millis(1));
        loop {
            let step = self.objects.entomb(after, 1_000, cutoff).await.unwrap();
            changed += step.changed;
            after = step.next;
            if after.is_none() {
                return changed;
            }
        }
    }

    /// Makes tombstones that the next sweep removes.
    pub(super) async fn condemn(&self, ids: &[ObjectId]) -> u64 {
        let mut tx = self.db.write().await.unwrap();
        let changed = self.objects.condemn_all(&mut tx, ids).await.unwrap();
        tx.commit().await.unwrap();
        changed
    }

    /// Removes what is waste, as if all of it were due.
    pub(super) async fn clear(&self) -> u64 {
        self.clock.advance(2 * DAY);
        self.clear_soon().await
    }

    /// Removes what has to go soon.
    pub(super) async fn clear_soon(&self) -> u64 {
        self.clock.advance(Duration::from_mins(11));
        self.objects.clear_waste(1_000).await.unwrap()
    }
}

/// A bucket of its own on the S3 server of this process.
async fn fresh_bucket() -> BucketSettings {
    let bucket = buckets::Store::shared(buckets::Kind::Garage).await.bucket().await;
    BucketSettings {
        endpoint: bucket.endpoint,
        region: bucket.region,
        bucket: bucket.name,
        prefix: "motet".to_owned(),
        key_id: bucket.key_id,
        secret: Secret::new(bucket.secret),
        path_style: true,
    }
}

/// Runs a test on what a small server stands on, and on what a large one does; with `all`, also on the other two pairs.
macro_rules! on_both {
    (@body $name:ident $house:ident $body:block $($test:ident $rows:ident $bytes:ident)+) => {
        mod $name {
            use super::*;
            use crate::tests::house::{Bytes, Rows};

            async fn run($house: House) $body

            $(
                #[tokio::test]
                async fn $test() {
                    run(House::on(Rows::$rows, Bytes::$bytes).await).await;
                }
            )+
        }
    };
    (all $(#[$doc:meta])* async fn $name:ident($house:ident: House) $body:block) => {
        on_both! { @body $name $house $body
            sqlite_disk Sqlite Disk postgres_bucket Postgres Bucket
            sqlite_bucket Sqlite Bucket postgres_disk Postgres Disk }
    };
    (disk $(#[$doc:meta])* async fn $name:ident($house:ident: House) $body:block) => {
        on_both! { @body $name $house $body
            sqlite_disk Sqlite Disk postgres_disk Postgres Disk }
    };
    ($(#[$doc:meta])* async fn $name:ident($house:ident: House) $body:block) => {
        on_both! { @body $name $house $body
            sqlite_disk Sqlite Disk postgres_bucket Postgres Bucket }
    };
}

pub(super) use on_both;
