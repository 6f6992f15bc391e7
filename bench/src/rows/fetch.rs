//! A long history: a clone over wire 2 beside a clone by git of the same content.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, ensure};
use api::{
    CommitRecord,
    stream::{Begin, Frame, SmallObject, SnapshotPart, StreamKind, Writer},
    wire2::Update,
};
use history::{CommitTime, Manifest, Parents};
use motet::client::{Client, OpenedPush, Wire};
use names::{CommitId, ObjectId, Random, RepoPath, SnapshotId, UnixMillis};

use super::git_http::GitServer;
use crate::{
    house::House,
    row::{Row, median},
};

/// Both sides are measured this often, in turn, and compared by their medians.
const ROUNDS: usize = 5;
const FILES: usize = 10_000;
const COMMITS: usize = 1_000;
/// Files that a commit changes.
const CHANGED: usize = 3;
/// Commits between two cursors.
const PAGE: usize = 100;
/// What is wanted of wall time against git's (`spec/hub.md` 12).
const TARGET: f64 = 2.0;

/// What one commit brings.
struct Step {
    files: Vec<(String, Vec<u8>)>,
    seconds: i64,
}

/// The history: all files at once, then a few changes at a time.
fn steps() -> impl Iterator<Item = Step> {
    let random = Random::seeded(5);
    let text = move |number: usize| {
        let [lines, width] = random.bytes::<2>().map(usize::from);
        let line = format!("line {number} {}\n", "x".repeat(10 + width % 50));
        line.repeat(1 + lines % 40).into_bytes()
    };
    let chance = Random::seeded(6);
    (0..COMMITS).map(move |number| {
        let changed: Vec<usize> = match number {
            0 => (0..FILES).collect(),
            _ => (0..CHANGED)
                .map(|_| usize::from(u16::from_be_bytes(chance.bytes())) % FILES)
                .collect(),
        };
        let file = |at: usize| {
            let mut bytes = text(at);
            bytes.extend(format!("in commit {number}\n").bytes());
            (format!("d{}/e{}/f{at}.txt", at / 1_000, at / 10 % 100), bytes)
        };
        let seconds = 1_700_000_000 + i64::try_from(number).unwrap_or_default();
        Step { files: changed.into_iter().map(file).collect(), seconds }
    })
}

/// A clone of the whole history, checked out and durable, on both sides.
pub(crate) async fn fetch(binary: &Path) -> anyhow::Result<Row> {
    let house = House::start(binary)?;
    let client = house.somebody("ada").await?;
    push(&client).await?;
    house.at_rest().await?;
    let root = house.dir.path().join("git");
    import(&root)?;
    let git = GitServer::of(&root).await?;
    let (mut values, mut limits) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let target = house.dir.path().join(format!("clone-{round}"));
        let mut motet = Command::new(binary);
        motet.arg("--config-dir").arg(house.dir.path().join("config")).arg("clone");
        motet.arg(format!("{}/ada/long", house.origin)).arg(&target);
        values.push(took(motet, &target).await?);
        let mut cloning = Command::new("git");
        cloning.args(["-c", "core.fsync=all", "clone", "-q"]);
        cloning.arg(format!("http://{}/long.git", git.address)).arg(&target);
        limits.push(took(cloning, &target).await?);
    }
    let how = format!(
        "{FILES} files, {COMMITS} commits, median of {ROUNDS}, in turn with git clone over HTTP of the same content"
    );
    Ok(Row::within("hub.fetch", "ms", median(values), median(limits), TARGET, how))
}

/// How long a clone takes, in milliseconds; what it made is removed.
async fn took(mut command: Command, target: &Path) -> anyhow::Result<f64> {
    command.stdout(Stdio::null()).env("GIT_CONFIG_GLOBAL", "/dev/null");
    // The server of the other side may be in this process.
    let (wall, status) = tokio::task::spawn_blocking(move || {
        let started = Instant::now();
        command.status().map(|status| (started.elapsed().as_secs_f64() * 1000.0, status))
    })
    .await??;
    ensure!(status.success(), "the clone ended with {status}");
    fs::remove_dir_all(target)?;
    Ok(wall)
}

/// The history as a bare repository of git.
pub(super) fn import(root: &Path) -> anyhow::Result<()> {
    let place = root.join("long.git");
    let made =
        Command::new("git").args(["init", "-q", "--bare", "-b", "main"]).arg(&place).status()?;
    ensure!(made.success(), "git init ended with {made}");
    let mut child = Command::new("git")
        .arg("-C")
        .arg(&place)
        .args(["fast-import", "--quiet"])
        .stdin(Stdio::piped())
        .spawn()?;
    {
        use std::io::Write as _;
        let input = child.stdin.take().context("the input of git fast-import")?;
        let mut input = std::io::BufWriter::new(input);
        for Step { files, seconds } in steps() {
            writeln!(input, "commit refs/heads/main")?;
            writeln!(input, "committer ada <ada@example> {seconds} +0000")?;
            writeln!(input, "data 4\nwork")?;
            for (path, bytes) in files {
                writeln!(input, "M 100644 inline {path}\ndata {}", bytes.len())?;
                input.write_all(&bytes)?;
                writeln!(input)?;
            }
        }
        input.flush()?;
    }
    let done = child.wait()?;
    ensure!(done.success(), "git fast-import ended with {done}");
    // As a server keeps it.
    let packed = Command::new("git").arg("-C").arg(&place).args(["repack", "-adq"]).status()?;
    ensure!(packed.success(), "git repack ended with {packed}");
    Ok(())
}

/// A public repository with the history, pushed over wire 2.
async fn push(client: &Client) -> anyhow::Result<()> {
    let new = api::json::NewRepository {
        name: "long".into(),
        visibility: Some("public".into()),
        ..api::json::NewRepository::default()
    };
    client.create_repository(&new).await?;
    let (owner, name) = ("ada".parse()?, "long".parse()?);
    let wire = client.wire(&owner, &name);
    let tip = tip()?;
    let (entry, signature) = (String::new(), String::new());
    let update = Update {
        name: "refs/heads/main".into(),
        old: None,
        new: Some(tip),
        force: false,
        entry,
        signature,
    };
    let push = wire.open_push(vec![update]).await?;
    let mut line = Line::default();
    let mut writer = Writer::begin(Begin {
        kind: StreamKind::Push,
        repo_id: String::new(),
        want: vec![tip],
        common: Vec::new(),
        cursor: None,
    })?;
    let mut sent = 0;
    for (number, step) in steps().enumerate() {
        line.write(step, &mut writer)?;
        if number % PAGE == PAGE - 1 || number == 0 {
            line.close(&mut writer, number)?;
            sent = send(&wire, &push, sent, writer.take_written()).await?;
            writer = Writer::resumed(sent);
        }
    }
    wire.commit_push(&push).await?;
    Ok(())
}

async fn send(
    wire: &Wire<'_>,
    push: &OpenedPush,
    from: u64,
    bytes: Vec<u8>,
) -> anyhow::Result<u64> {
    let flight = wire.take_off(push, from)?;
    wire.send_piece(&flight, bytes.into()).await?;
    Ok(wire.land(flight).await?.offset)
}

/// The last commit of the history.
fn tip() -> anyhow::Result<CommitId> {
    let mut line = Line::default();
    for step in steps() {
        line.next(&step)?;
    }
    line.last.map(|(id, _)| id).context("a history")
}

/// A history while it is made.
#[derive(Default)]
struct Line {
    manifest: Manifest,
    last: Option<(CommitId, SnapshotId)>,
    waiting: Vec<CommitRecord>,
}

impl Line {
    /// The next commit; with it, what differs from the one before.
    fn next(&mut self, step: &Step) -> anyhow::Result<(CommitRecord, Vec<(RepoPath, ObjectId)>)> {
        let mut set = Manifest::new();
        for (path, bytes) in &step.files {
            set.insert(path.parse()?, ObjectId::of(bytes));
        }
        self.manifest.extend(set.iter().map(|(path, object)| (path.clone(), *object)));
        let snapshot = history::snapshot_id(&self.manifest);
        let time = CommitTime::from_millis(UnixMillis(step.seconds * 1000));
        let parents = Parents::new(self.last.map(|it| it.0), None);
        let record = history::new_record(parents, snapshot, "work", time.as_str());
        self.last = Some((record.commit_id, snapshot));
        Ok((record, set.into_iter().collect()))
    }

    fn write(&mut self, step: Step, writer: &mut Writer) -> anyhow::Result<()> {
        let base = self.last.map(|it| it.1);
        let (record, set) = self.next(&step)?;
        let objects: Vec<_> = step
            .files
            .into_iter()
            .map(|(_, bytes)| SmallObject { id: ObjectId::of(&bytes), bytes })
            .collect();
        for objects in objects.chunks(200) {
            writer.write(Frame::Objects(objects.to_vec()))?;
        }
        let parts = set.len().div_ceil(2_000);
        for (number, set) in set.chunks(2_000).enumerate() {
            writer.write(Frame::Snapshot(SnapshotPart {
                snapshot_id: record.snapshot_id,
                base,
                part: u32::try_from(number)?,
                last: number + 1 == parts,
                files: self.manifest.len() as u64,
                created_at: record.committed_at.clone(),
                set: set.to_vec(),
                del: Vec::new(),
            }))?;
        }
        self.waiting.push(record);
        Ok(())
    }

    fn close(&mut self, writer: &mut Writer, number: usize) -> anyhow::Result<()> {
        writer.write(Frame::Commits(std::mem::take(&mut self.waiting)))?;
        Ok(writer.write(Frame::Cursor(format!("at {number}")))?)
    }
}
