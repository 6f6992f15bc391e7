//! The object store, beside plain files with the same bytes.

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
    time::Instant,
};

use anyhow::{Context as _, ensure};
use db::Db;
use names::{Clock, ObjectId, Random};
use objects::{Objects, Store};
use tempfile::TempDir;

use crate::row::{Row, median};

/// Both sides are measured this often, in turn, and compared by their medians.
const ROUNDS: usize = 5;
/// Objects of a round, the bytes of each, and how many come in one upload.
const OBJECTS: usize = 64;
const OBJECT_BYTES: usize = 256 << 10;
const UPLOAD: usize = 8;
/// Small objects that are read, all of one segment, and the bytes of each.
const SMALL: usize = 2_000;
const SMALL_BYTES: usize = 4 << 10;

type Object = (ObjectId, Vec<u8>);

/// A store of its own.
struct House {
    dir: TempDir,
    db: Db,
    objects: Objects,
}

impl House {
    async fn open() -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let db = Db::sqlite(&dir.path().join("motet.db")).await?;
        let root = dir.path().join("objects");
        let (clock, random) = (Clock::default(), Random::default());
        let objects = Objects::open(&root, &Store::Disk, db.clone(), clock, random)?;
        Ok(Self { dir, db, objects })
    }

    /// One upload, durable, with its rows.
    async fn put(&self, objects: Vec<Object>) -> anyhow::Result<()> {
        let mut staging = self.objects.stage();
        let sealed = tokio::task::spawn_blocking(move || {
            for (_, bytes) in &objects {
                staging.add(bytes)?;
            }
            staging.finish()
        })
        .await??;
        let staged = self.objects.keep(sealed).await?;
        let mut tx = self.db.write().await?;
        self.objects.register(&mut tx, &staged).await?;
        Ok(tx.commit().await?)
    }

    /// Reads objects as a fetch does: looked up together, read one after the other.
    async fn get(&self, wanted: &[Object]) -> anyhow::Result<()> {
        let ids: Vec<_> = wanted.iter().map(|(id, _)| *id).collect();
        let mut places = self.objects.find(&mut self.db.glance().await?, &ids).await?;
        for (id, bytes) in wanted {
            let place = places.remove(id).context("a place")?;
            ensure!(self.objects.read_at(*id, place).await? == *bytes, "{id} has other bytes");
        }
        Ok(())
    }
}

fn made(random: &Random, count: usize, bytes: usize) -> Vec<Object> {
    let object = |_| {
        let block = random.bytes::<1024>();
        let mut bytes = block.repeat(bytes / block.len());
        bytes.iter_mut().zip(random.bytes::<32>()).for_each(|(to, from)| *to = from);
        (ObjectId::of(&bytes), bytes)
    };
    (0..count).map(object).collect()
}

/// Mebibytes a second.
#[expect(clippy::cast_precision_loss, reason = "some mebibytes")]
fn rate(bytes: usize, started: Instant) -> f64 {
    bytes as f64 / f64::from(1 << 20) / started.elapsed().as_secs_f64()
}

/// Objects in files of their own, put durably, beside hashing, writing, syncing and renaming each.
pub(crate) async fn put() -> anyhow::Result<Row> {
    let (house, random) = (House::open().await?, Random::seeded(1));
    let (mut values, mut limits) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let all = made(&random, OBJECTS, OBJECT_BYTES);
        let uploads: Vec<_> = all.chunks(UPLOAD).map(<[Object]>::to_vec).collect();
        let started = Instant::now();
        for upload in uploads {
            house.put(upload).await?;
        }
        values.push(rate(OBJECTS * OBJECT_BYTES, started));
        let started = Instant::now();
        plain(&house.dir.path().join(format!("plain-{round}")), &all)?;
        limits.push(rate(OBJECTS * OBJECT_BYTES, started));
    }
    let how = format!(
        "{OBJECTS} objects of {} KiB in uploads of {UPLOAD}, hashed, synced and in the database, median of {ROUNDS}; \
         beside hash, write, fsync and rename of a file each",
        OBJECT_BYTES >> 10
    );
    Ok(Row::at_least("objects.put", "MiB/s", median(values), median(limits), 0.5, how))
}

/// Each object hashed, written, synced and renamed, and the directory synced at the end.
fn plain(dir: &Path, objects: &[Object]) -> anyhow::Result<()> {
    fs::create_dir(dir)?;
    for (number, (_, bytes)) in objects.iter().enumerate() {
        let (id, tmp) = (ObjectId::of(bytes), dir.join(format!("tmp-{number}")));
        let mut file = File::create(&tmp)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(tmp, dir.join(id.to_string()))?;
    }
    Ok(File::open(dir)?.sync_all()?)
}

/// Small objects, looked up together, read and hashed one after the other, beside opening, reading and hashing a file
/// each.
pub(crate) async fn get() -> anyhow::Result<Row> {
    let (house, random) = (House::open().await?, Random::seeded(2));
    let all = made(&random, SMALL, SMALL_BYTES);
    house.put(all.clone()).await?;
    let dir = house.dir.path().join("plain");
    fs::create_dir(&dir)?;
    for (id, bytes) in &all {
        fs::write(dir.join(id.to_string()), bytes)?;
    }
    let (mut values, mut limits) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let started = Instant::now();
        house.get(&all).await?;
        values.push(per_second(started));
        let (dir, ids) = (dir.clone(), all.iter().map(|(id, _)| *id).collect::<Vec<_>>());
        let started = Instant::now();
        tokio::task::spawn_blocking(move || read_plain(&dir, &ids)).await??;
        limits.push(per_second(started));
    }
    let how = format!(
        "{SMALL} objects of {} KiB of one segment, looked up together, read and hashed one after the other, median of \
         {ROUNDS}; \
         beside open, read and hash of a file each, without a database",
        SMALL_BYTES >> 10
    );
    Ok(Row::at_least("objects.get", "objects/s", median(values), median(limits), 0.5, how))
}

#[expect(clippy::cast_precision_loss, reason = "some thousand objects")]
fn per_second(started: Instant) -> f64 {
    SMALL as f64 / started.elapsed().as_secs_f64()
}

fn read_plain(dir: &Path, ids: &[ObjectId]) -> anyhow::Result<()> {
    for id in ids {
        let bytes = fs::read(dir.join(id.to_string())).context("a plain file")?;
        ensure!(ObjectId::of(&bytes) == *id, "{id} is not what it was");
    }
    Ok(())
}
