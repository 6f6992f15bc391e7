//! Wire 2: a clone.

use std::{
    fs::{self, File},
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::ensure;
use api::{CommitRecord, SnapshotRecord, wire::PushRequest};
use history::Manifest;
use motet::client::{Client, ObjectBatch};
use names::{Clock, ObjectId, Random, RepoPath};

use crate::{
    house::House,
    row::{Row, median},
};

/// Both sides are measured this often, in turn, and compared by their medians.
const ROUNDS: usize = 3;
/// Small objects, and the bytes of each.
const SMALL: usize = 2_000;
const SMALL_BYTES: usize = 8 << 10;
/// Large objects, and the bytes of each.
const LARGE: usize = 12;
const LARGE_BYTES: usize = 4 << 20;
/// Parts of what an object is made of, so that no object need be made at once.
const CHUNK_BYTES: usize = 4 << 10;

/// A clone over wire 2, durable and checked out, beside a copy of the directory that it made, with one wait for the disk.
pub(crate) async fn clone(binary: &Path) -> anyhow::Result<Row> {
    let house = House::start(binary)?;
    let client = house.somebody("ada").await?;
    push(&client).await?;
    let (mut values, mut limits) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let target = house.dir.path().join(format!("clone-{round}"));
        let started = Instant::now();
        let status = Command::new(binary)
            .arg("--config-dir")
            .arg(house.dir.path().join("config"))
            .arg("clone")
            .arg(format!("{}/ada/takes", house.origin))
            .arg(&target)
            .stdout(Stdio::null())
            .status()?;
        ensure!(status.success(), "the clone ended with {status}");
        values.push(rate(started));
        let copy = house.dir.path().join(format!("copy-{round}"));
        let started = Instant::now();
        copy_all(&target, &copy)?;
        rustix::fs::syncfs(File::open(&copy)?)?;
        limits.push(rate(started));
        fs::remove_dir_all(target)?;
        fs::remove_dir_all(copy)?;
    }
    let how = format!(
        "{SMALL} objects of {SMALL_BYTES} bytes and {LARGE} of {LARGE_BYTES}, median of {ROUNDS}; \
         beside a copy of the whole directory"
    );
    Ok(Row::at_least("wire2.clone", "MB/s", median(values), median(limits), 0.5, how))
}

fn rate(started: Instant) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "some megabytes")]
    let megabytes = (SMALL * SMALL_BYTES + LARGE * LARGE_BYTES) as f64 / 1e6;
    megabytes / started.elapsed().as_secs_f64()
}

fn copy_all(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_all(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Bytes that do not pack.
fn noise(random: &Random, length: usize) -> Vec<u8> {
    let chunks = std::iter::repeat_with(|| random.bytes::<CHUNK_BYTES>());
    chunks.take(length / CHUNK_BYTES).flatten().collect()
}

/// A public repository with one commit.
async fn push(client: &Client) -> anyhow::Result<()> {
    let (owner, name) = ("ada".parse()?, "takes".parse()?);
    let new = api::json::NewRepository {
        name: "takes".into(),
        visibility: Some("public".into()),
        ..api::json::NewRepository::default()
    };
    client.create_repository(&new).await?;
    let wire = client.wire(&owner, &name);
    let (random, mut batch) = (Random::seeded(2), ObjectBatch::default());
    let mut manifest = Manifest::new();
    let sizes = std::iter::repeat_n(SMALL_BYTES, SMALL).chain([LARGE_BYTES; LARGE]);
    for (number, size) in sizes.enumerate() {
        let bytes = noise(&random, size);
        let id = ObjectId::of(&bytes);
        let path: RepoPath = format!("takes/{:02}/{number:04}.raw", number % 41).parse()?;
        manifest.insert(path, id);
        if !batch.fits(bytes.len()) {
            wire.push_objects(std::mem::take(&mut batch)).await?;
        }
        batch.push(&id, &bytes);
    }
    wire.push_objects(batch).await?;
    let snapshot_id = history::snapshot_id(&manifest);
    let time = history::CommitTime::from_millis(Clock::default().now());
    let parents = history::Parents::default();
    let record = history::new_record(parents, snapshot_id, "Takes", time.as_str());
    let commit = CommitRecord { branch: "main".into(), author: "ada".into(), ..record };
    let snapshot = SnapshotRecord { snapshot_id, manifest, created_at: time.as_str().into() };
    wire.push(PushRequest {
        commits: vec![commit],
        snapshots: vec![snapshot],
        objects: Vec::new(),
        branch: "main".into(),
        force: false,
    })
    .await?;
    Ok(())
}
