//! Stock Git through Motet beside `git http-backend` behind the same framework, with the same configuration on both sides:
//! objects are checked and synced alike, so what differs is what stands in between.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use api::json::NewRepository;
use motet::client::Client;

use super::{fetch, git_http::GitServer};
use crate::{
    house::House,
    load,
    row::{Row, median},
};

/// Both sides are measured this often, in turn, and compared by their medians.
const ROUNDS: usize = 5;
/// What is wanted of the backend's rate.
const TARGET: f64 = 0.8;
/// Commits that a fetch and a push bring.
const NEW: usize = 100;
/// Connections that ask for refs, and for how long.
const ASKING: (usize, Duration) = (4, Duration::from_secs(2));
/// What a push is checked with and kept with, on both sides.
const CONFIG: [(&str, &str); 6] = [
    ("http.receivepack", "true"),
    ("receive.fsckObjects", "true"),
    ("transfer.fsckObjects", "true"),
    ("receive.unpackLimit", "1"),
    ("core.fsync", "committed"),
    ("gc.auto", "0"),
];

/// The same history on both sides.
struct Both {
    house: House,
    client: Client,
    backend: GitServer,
    root: PathBuf,
}

impl Both {
    async fn start(binary: &Path) -> anyhow::Result<Self> {
        let house = House::start(binary)?;
        let client = house.somebody("ada").await?;
        let root = house.dir.path().join("git");
        fetch::import(&root)?;
        let backend = GitServer::of(&root).await?;
        let both = Self { house, client, backend, root };
        let ours = both.repository("long").await?;
        both.push(&both.source(), &ours, "main:refs/heads/main").await?;
        both.house.at_rest().await?;
        Ok(both)
    }

    /// The history itself, on disk.
    fn source(&self) -> PathBuf {
        self.root.join("long.git")
    }

    /// Makes an empty public repository; gives the address that may be pushed to.
    async fn repository(&self, name: &str) -> anyhow::Result<String> {
        let new = NewRepository {
            name: name.into(),
            format: Some("git".into()),
            visibility: Some("public".into()),
            ..NewRepository::default()
        };
        self.client.create_repository(&new).await?;
        let token = self.client.git_token(&"ada".parse()?, &name.parse()?, "write").await?;
        let token = token.token.context("a token")?;
        Ok(format!("http://ada:{token}@{}/ada/{name}.git", self.house.origin.authority()))
    }

    /// The same on the other side.
    fn beside(&self, name: &str) -> anyhow::Result<String> {
        let place = self.root.join(format!("{name}.git"));
        let made = Command::new("git")
            .args(["init", "-q", "--bare", "-b", "main"])
            .arg(&place)
            .status()?;
        ensure!(made.success(), "git init ended with {made}");
        for (key, value) in CONFIG {
            run(git().arg("-C").arg(&place).args(["config", key, value])).map(drop)?;
        }
        Ok(self.theirs(name))
    }

    fn ours(&self, name: &str) -> String {
        format!("http://{}/ada/{name}.git", self.house.origin.authority())
    }

    fn theirs(&self, name: &str) -> String {
        format!("http://{}/{name}.git", self.backend.address)
    }

    async fn push(&self, from: &Path, to: &str, refspec: &str) -> anyhow::Result<f64> {
        let mut command = git();
        command.arg("-C").arg(from).args(["push", "-q", to, refspec]);
        took(command).await
    }
}

fn git() -> Command {
    let mut command = Command::new("git");
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_TERMINAL_PROMPT", "0");
    command.stdout(Stdio::null());
    command
}

/// How long a command takes, in seconds.
fn run(command: &mut Command) -> anyhow::Result<f64> {
    let started = Instant::now();
    let status = command.status()?;
    ensure!(status.success(), "git ended with {status}");
    Ok(started.elapsed().as_secs_f64())
}

/// The same on a thread of its own: the other side's server may be in this process.
async fn took(mut command: Command) -> anyhow::Result<f64> {
    tokio::task::spawn_blocking(move || run(&mut command)).await?
}

fn row(name: &'static str, ours: Vec<f64>, theirs: Vec<f64>, what: &str) -> Row {
    let how = format!(
        "{what}, median of {ROUNDS}, in turn with git http-backend behind the same framework, configured alike"
    );
    Row::at_least(name, "/s", 1.0 / median(ours), 1.0 / median(theirs), TARGET, how)
}

/// A bare clone of the whole history.
pub(crate) async fn clone(binary: &Path) -> anyhow::Result<Row> {
    let both = Both::start(binary).await?;
    let target = both.root.join("clone");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for (times, address) in [(&mut ours, both.ours("long")), (&mut theirs, both.theirs("long"))]
        {
            let mut command = git();
            command.args(["clone", "-q", "--bare", &address]).arg(&target);
            times.push(took(command).await?);
            fs::remove_dir_all(&target)?;
        }
    }
    Ok(row("git.clone", ours, theirs, "bare clones of 1,000 commits over 10,000 files"))
}

/// What came since the last fetch.
pub(crate) async fn fetch(binary: &Path) -> anyhow::Result<Row> {
    let both = Both::start(binary).await?;
    let (target, source) = (both.root.join("fetching.git"), both.source());
    let before = format!("main~{NEW}:refs/heads/main");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for (times, address) in [(&mut ours, both.ours("long")), (&mut theirs, both.theirs("long"))]
        {
            run(git().args(["init", "-q", "--bare"]).arg(&target))?;
            run(git().arg("-C").arg(&source).args(["push", "-q"]).arg(&target).arg(&before))?;
            let mut command = git();
            command.arg("-C").arg(&target).args(["fetch", "-q", &address, "main"]);
            times.push(took(command).await?);
            fs::remove_dir_all(&target)?;
        }
    }
    Ok(row("git.fetch", ours, theirs, "fetches of 100 commits"))
}

/// New commits on top of what is there.
pub(crate) async fn push(binary: &Path) -> anyhow::Result<Row> {
    let both = Both::start(binary).await?;
    let (source, before) = (both.source(), format!("main~{NEW}:refs/heads/main"));
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let name = format!("push-{round}");
        let addresses =
            [(&mut ours, both.repository(&name).await?), (&mut theirs, both.beside(&name)?)];
        for (times, address) in addresses {
            both.push(&source, &address, &before).await?;
            both.house.at_rest().await?;
            times.push(both.push(&source, &address, "main:refs/heads/main").await?);
        }
    }
    Ok(row("git.push", ours, theirs, "pushes of 100 commits"))
}

/// Which refs there are.
pub(crate) async fn advertise(binary: &Path) -> anyhow::Result<Row> {
    let both = Both::start(binary).await?;
    let (connections, time) = ASKING;
    let query = "info/refs?service=git-upload-pack";
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let backend = both.backend.address.to_string();
    for _ in 0..ROUNDS {
        let path = format!("/ada/long.git/{query}");
        ours.push(load::get(both.house.origin.authority(), &path, connections, time).await?);
        theirs.push(load::get(&backend, &format!("/long.git/{query}"), connections, time).await?);
    }
    let how = format!(
        "GET {query}, {connections} connections, median of {ROUNDS} rounds of 2 s, in turn with git http-backend"
    );
    Ok(Row::at_least("git.advertise", "req/s", median(ours), median(theirs), TARGET, how))
}
