//! The hub: a JSON read, a push.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use api::{CommitRecord, SnapshotRecord, json::NewRepository, wire::PushRequest};
use history::Manifest;
use keys::{CanonicalRequest, Nonce, PrivateKey};
use motet::client::{Client, ObjectBatch};
use names::{Clock, ObjectId, Random, RepoPath};

use crate::{
    house::House,
    load,
    row::{Row, median},
};

/// Connections of the load.
const CONNECTIONS: usize = 32;
/// Both sides are measured this often, in turn, and compared by their medians.
const ROUNDS: usize = 5;
/// How long one side is loaded at a time.
const ROUND: Duration = Duration::from_secs(2);
/// The bytes of each object of a push.
const OBJECT_BYTES: usize = 4 << 10;

/// A repository's JSON, read by nobody in particular, beside one prepared read of the same row.
pub(crate) async fn json_unsigned(binary: &Path) -> anyhow::Result<Row> {
    let house = House::start(binary)?;
    let client = house.somebody("ada").await?;
    let new = NewRepository {
        name: "engine".into(),
        visibility: Some("public".into()),
        ..NewRepository::default()
    };
    let made = client.create_repository(&new).await?;
    let (bare, bare_authority) = start_bare(&house, &made.id)?;
    let (path, ours) = ("/api/v1/repos/ada/engine", house.origin.authority());
    let (mut values, mut limits) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        values.push(load::get(ours, path, CONNECTIONS, ROUND).await?);
        limits.push(load::get(&bare_authority, path, CONNECTIONS, ROUND).await?);
    }
    drop(bare);
    let how = format!(
        "GET {path}, {CONNECTIONS} connections, median of {ROUNDS} rounds of 2 s, in turn with the bare server"
    );
    Ok(Row::at_least("hub.json.unsigned", "req/s", median(values), median(limits), 0.5, how))
}

/// The same JSON, asked for by somebody who signs, beside the same asked for by nobody. Each connection signs once: a
/// read may be repeated for half a minute, and what is measured is the server.
pub(crate) async fn json_signed(binary: &Path) -> anyhow::Result<Row> {
    let house = House::start(binary)?;
    let key = PrivateKey::generate(&Random::default());
    let client = house.somebody_with("ada", &key).await?;
    let new = NewRepository {
        name: "engine".into(),
        visibility: Some("public".into()),
        ..NewRepository::default()
    };
    client.create_repository(&new).await?;
    let (path, ours) = ("/api/v1/repos/ada/engine", house.origin.authority());
    let (mut values, mut limits) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let signed = |_| format!("Authorization: {}\r\n", signed(&key, ours, path));
        values.push(load::get_with(ours, path, signed, CONNECTIONS, ROUND).await?);
        limits.push(load::get(ours, path, CONNECTIONS, ROUND).await?);
    }
    let how = format!(
        "GET {path}, {CONNECTIONS} connections, median of {ROUNDS} rounds of 2 s, signed in turn with unsigned"
    );
    Ok(Row::at_least("hub.json.signed", "req/s", median(values), median(limits), 0.5, how))
}

fn signed(key: &PrivateKey, authority: &str, target: &str) -> String {
    let nonce = Nonce::generate(&Random::default());
    let nothing = *names::Digest::of(b"").as_bytes();
    let request = CanonicalRequest {
        method: "GET",
        authority,
        target,
        ts: Clock::default().now().seconds(),
        nonce: &nonce,
        content_type: "",
        body_sha256: &nothing,
    };
    keys::sign_request(key, &request).to_header()
}

/// A process that ends with this.
struct Bare(std::process::Child);

impl Drop for Bare {
    fn drop(&mut self) {
        let _gone_already = self.0.kill();
        let _reaped_already = self.0.wait();
    }
}

fn start_bare(house: &House, id: &str) -> anyhow::Result<(Bare, String)> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg("--bare")
        .arg(house.dir.path().join("data/motet.db"))
        .args(["--bare-id", id])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut address = String::new();
    BufReader::new(child.stdout.take().context("the bare server's output")?)
        .read_line(&mut address)?;
    Ok((Bare(child), address.trim().to_owned()))
}

/// A push of a few objects, as most pushes are: shorter, so more of them.
pub(crate) async fn push_100(binary: &Path) -> anyhow::Result<Row> {
    push_of(binary, "hub.push.100", 100, ROUNDS * 4).await
}

/// The push that is promised to be fast.
pub(crate) async fn push_1000(binary: &Path) -> anyhow::Result<Row> {
    push_of(binary, "hub.push.1000", 1_000, ROUNDS).await
}

/// A push in many requests.
pub(crate) async fn push_10000(binary: &Path) -> anyhow::Result<Row> {
    push_of(binary, "hub.push.10000", 10_000, ROUNDS).await
}

/// A whole push of new objects over wire 1, durable, beside hash, write, fsync and rename of the same bytes.
async fn push_of(
    binary: &Path,
    name: &'static str,
    count: usize,
    rounds: usize,
) -> anyhow::Result<Row> {
    let house = House::start(binary)?;
    let client = house.somebody("ada").await?;
    let (mut values, mut limits, mut single) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        let objects = objects(round as u64, count);
        let started = Instant::now();
        push(&client, round, &objects).await?;
        values.push(rate(count, started));
        let started = Instant::now();
        plain_files(house.dir.path(), round, &objects)?;
        limits.push(rate(count, started));
        let started = Instant::now();
        one_file(house.dir.path(), round, &objects)?;
        single.push(rate(count, started));
    }
    let how = format!(
        "{count} objects of {OBJECT_BYTES} bytes, filter + upload + push, median of {rounds}; \
         one file with one fsync: {:.0} objects/s",
        median(single)
    );
    Ok(Row::at_least(name, "objects/s", median(values), median(limits), 0.6, how))
}

fn rate(count: usize, started: Instant) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "some thousand objects")]
    let rate = count as f64 / started.elapsed().as_secs_f64();
    rate
}

fn objects(seed: u64, count: usize) -> Vec<(ObjectId, Vec<u8>)> {
    let random = Random::seeded(seed);
    let object = |_| {
        let bytes = random.bytes::<OBJECT_BYTES>().to_vec();
        (ObjectId::of(&bytes), bytes)
    };
    (0..count).map(object).collect()
}

async fn push(
    client: &Client,
    round: usize,
    objects: &[(ObjectId, Vec<u8>)],
) -> anyhow::Result<()> {
    let (owner, name) = ("ada".parse()?, format!("push-{round}").parse()?);
    let wire = client.wire(&owner, &name);
    let ids: Vec<_> = objects.iter().map(|(id, _)| *id).collect();
    wire.filter_objects(ids).await?;
    let mut batch = ObjectBatch::default();
    for (id, bytes) in objects {
        if !batch.fits(bytes.len()) {
            wire.push_objects(std::mem::take(&mut batch)).await?;
        }
        batch.push(id, bytes);
    }
    wire.push_objects(batch).await?;
    wire.push(request(objects)?).await?;
    Ok(())
}

fn request(objects: &[(ObjectId, Vec<u8>)]) -> anyhow::Result<PushRequest> {
    let path =
        |number: usize| format!("src/{:02}/{number:04}.bin", number % 37).parse::<RepoPath>();
    let manifest: Manifest = objects
        .iter()
        .enumerate()
        .map(|(number, (id, _))| Ok((path(number)?, *id)))
        .collect::<anyhow::Result<_>>()?;
    let snapshot_id = history::snapshot_id(&manifest);
    let time = history::CommitTime::from_millis(Clock::default().now());
    let parents = history::Parents::default();
    let record = history::new_record(parents, snapshot_id, "Some files", time.as_str());
    let commit = CommitRecord { branch: "main".into(), author: "ada".into(), ..record };
    let snapshot = SnapshotRecord { snapshot_id, manifest, created_at: time.as_str().into() };
    Ok(PushRequest {
        commits: vec![commit],
        snapshots: vec![snapshot],
        objects: Vec::new(),
        branch: "main".into(),
        force: false,
    })
}

/// The bare limit: each object hashed, written, synced and renamed, a file each.
fn plain_files(dir: &Path, round: usize, objects: &[(ObjectId, Vec<u8>)]) -> anyhow::Result<()> {
    let dir = dir.join(format!("plain-{round}"));
    fs::create_dir(&dir)?;
    for (number, (_, bytes)) in objects.iter().enumerate() {
        let (id, tmp) = (ObjectId::of(bytes), dir.join(format!("tmp-{number}")));
        let mut file = File::create(&tmp)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(tmp, dir.join(id.to_string()))?;
    }
    Ok(())
}

/// The other bare limit: the same bytes hashed, in one file with one sync.
fn one_file(dir: &Path, round: usize, objects: &[(ObjectId, Vec<u8>)]) -> anyhow::Result<()> {
    let mut file = File::create(dir.join(format!("one-{round}")))?;
    for (_, bytes) in objects {
        file.write_all(ObjectId::of(bytes).as_bytes())?;
        file.write_all(bytes)?;
    }
    Ok(file.sync_all()?)
}
