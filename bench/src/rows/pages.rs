//! Pages of long histories (`spec/hub.md` 8, 12; H51): how long the server takes, at twenty thousand commits and at a million
//! with a hundred thousand files; how much a first load weighs; what a push leaves to be done, and the memory that it takes.
//!
//! The histories are made once and stay below `target/long-histories`. A million commits take some ten minutes and five
//! gigabytes.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use db::Db;
use names::Secret;
use testkit::{Person, Server, Story, long};
use tokio::time::{sleep, timeout};

use crate::row::Row;

const SONG: &str = "anna/song";
const API: &str = "/api/v1/repos/anna/song";
/// Requests of one row, of which the first ones warm up.
const ASKED: usize = 220;
const WARM: usize = 20;
/// What half of the pages, and all but one in a hundred, may take, in milliseconds.
const P50: f64 = 15.0;
const P99: f64 = 80.0;
/// What the first load of a page may weigh, and what an index may take in memory.
const WEIGHT: f64 = 60.0;
const MEMORY: f64 = 150.0;
/// What a push of twenty files may leave to be done, in milliseconds.
const INDEX: f64 = 200.0;
/// How long a history may take to be indexed.
const PATIENCE: Duration = Duration::from_hours(1);

/// A long history.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    commits: u32,
    wide: &'static [u32],
}

/// A history that is made in seconds: 2,000 files.
pub(crate) const SHORT: Scale = Scale { commits: 20_000, wide: &[10, 10, 20] };
/// The one of the figures: 100,000 files.
pub(crate) const LONG: Scale = Scale { commits: 1_000_000, wide: &[20, 20, 25, 10] };

/// The key of the person who owns it, so that a history that was made before is read again.
fn anna() -> Person {
    Person::new("anna", Secret::new([7; 32]))
}

/// A server over a long history, which is made if it is not there.
async fn server(binary: &Path, scale: Scale) -> anyhow::Result<Server> {
    let root = std::env::current_dir()?.join("target/long-histories");
    let place = root.join(scale.commits.to_string());
    if !place.join("made").is_file() {
        if !place.join("grown").is_file() {
            let _gone_already = fs::remove_dir_all(&place);
            fs::create_dir_all(&place)?;
            grow(binary, &place, scale).await?;
            fs::write(place.join("grown"), b"")?;
        }
        let mut server = open(binary, &place, "all").await;
        indexed(&server, &anna()).await?;
        server.stop().await;
        fs::write(place.join("made"), b"")?;
    }
    // What is searched of a million commits is made for half an hour after that: not beside what is measured.
    Ok(open(binary, &place, "web").await)
}

async fn open(binary: &Path, place: &Path, role: &str) -> Server {
    let server = Server::with(&binary.display().to_string()).on(testkit::Ground::SqliteDisk);
    server.data_dir(place.join("data")).arg("--role").arg(role).start().await
}

/// Makes the rows of a history; what is derived from them is the server's to make.
async fn grow(binary: &Path, place: &Path, scale: Scale) -> anyhow::Result<()> {
    let mut server = open(binary, place, "all").await;
    let anna = anna();
    server.register_key(&anna, &anna.key().public().to_openssh()).await;
    let mut story = Story::default();
    let text = |n: u32| -> String {
        (0..200)
            .map(|line| format!("pub fn seed_{n}_{line}() -> u32 {{ {line} }}\n"))
            .collect::<Vec<_>>()
            .concat()
    };
    let files: Vec<_> = (0..16).map(|n| (format!("seed{n}.rs"), text(n))).collect();
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_bytes())).collect();
    story.commit(&[], "seed", &files);
    server.push_story(&anna, SONG, &story, "main").await;
    server.stop().await;
    let db = Db::sqlite(&place.join("data/motet.db")).await?;
    long::lengthen(&db, SONG, scale.commits, scale.wide).await;
    db.close().await;
    Ok(())
}

/// Waits until what is derived is that of the branch.
async fn indexed(server: &Server, anna: &Person) -> anyhow::Result<()> {
    let head = server.head(anna, SONG, "main").await.context("a branch")?.to_string();
    let there = async {
        loop {
            let languages = server.get(&format!("{API}/languages")).by(anna).send().await;
            if languages.json().get("commit").and_then(serde_json::Value::as_str) == Some(&head) {
                break;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, there).await.context("the history was not indexed in time")
}

/// How long each of some pages takes, sorted, in milliseconds.
async fn times(server: &Server, anna: &Person, targets: &[String]) -> anyhow::Result<Vec<f64>> {
    let mut times = Vec::new();
    for (number, target) in targets.iter().cycle().take(ASKED).enumerate() {
        let request = server.get(target).header("accept", "text/html").by(anna);
        let started = Instant::now();
        let answer = request.send().await;
        if number >= WARM {
            times.push(started.elapsed().as_secs_f64() * 1000.0);
        }
        ensure!(answer.status == 200, "{target} answered {}", answer.status);
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}

/// The commits of the history, some of them, from all over it.
async fn spread(server: &Server, anna: &Person) -> Vec<String> {
    let mut ids = Vec::new();
    let mut target = format!("{API}/graph?limit=500");
    for _ in 0..4 {
        let page = server.get(&target).by(anna).send().await.json();
        let items =
            page.get("items").and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
        ids.extend(
            items.iter().step_by(20).filter_map(|it| Some(it.get("commit")?.as_str()?.to_owned())),
        );
        let Some(cursor) = page.get("next_cursor").and_then(serde_json::Value::as_str) else {
            break;
        };
        target = format!("{API}/graph?limit=500&cursor={cursor}");
    }
    ids
}

/// What a row asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Page {
    Root,
    Tree,
    File,
    Commits,
    Commit,
    Blame,
    Graph,
    LogPath,
}

async fn targets(page: Page, scale: Scale, server: &Server, anna: &Person) -> Vec<String> {
    let way = |number: u32| -> Vec<String> {
        let mut parts = Vec::new();
        for (depth, wide) in (0..).zip(scale.wide) {
            let place = (number * (7 + depth) + depth) % wide;
            let is_last = parts.len() + 1 == scale.wide.len();
            parts.push(if is_last {
                format!("file{place:03}.rs")
            } else {
                format!("part{place:03}")
            });
        }
        parts
    };
    let file = |number: u32| way(number).join("/");
    let dir = |number: u32| {
        let way = way(number);
        let deep = 1 + number as usize % (way.len() - 1);
        way.get(..deep).unwrap_or_default().join("/")
    };
    let at = |kind: &str, place: &dyn Fn(u32) -> String| -> Vec<String> {
        (0..50).map(|number| format!("/{SONG}/{kind}/main/{}", place(number))).collect()
    };
    match page {
        Page::Root => vec![format!("/{SONG}")],
        Page::Tree => at("tree", &dir),
        Page::File => at("blob", &file),
        Page::Blame => at("blame", &file),
        Page::Commits => vec![format!("/{SONG}/commits/main")],
        Page::Commit => {
            let ids = spread(server, anna).await;
            ids.into_iter().map(|id| format!("/{SONG}/commit/{id}")).collect()
        }
        Page::Graph => vec![format!("/{SONG}/graph")],
        Page::LogPath => {
            (0..50).map(|number| format!("/{SONG}/graph?path={}", file(number))).collect()
        }
    }
}

/// How long a page takes.
pub(crate) async fn page(
    binary: &Path,
    name: &'static str,
    (page, scale): (Page, Scale),
) -> anyhow::Result<Row> {
    let (mut server, anna) = (server(binary, scale).await?, anna());
    let targets = targets(page, scale, &server, &anna).await;
    let times = times(&server, &anna, &targets).await?;
    // The next row opens the same directory.
    server.stop().await;
    let at = |part: usize| times.get(times.len() * part / 100).copied().context("no times");
    let (p50, p99) = (at(50)?, at(99)?);
    let how = format!(
        "{} commits, {} files: {page:?}, p50 {p50:.1} of {P50} ms and p99 of {} requests, one after the other",
        scale.commits,
        scale.wide.iter().product::<u32>(),
        times.len(),
    );
    let row = Row::at_most(name, "ms", p99, P99, how);
    Ok(Row { met: row.met && p50 <= P50, ..row })
}

/// What the heaviest first load weighs: the page and the sheet, compressed.
pub(crate) async fn weight(binary: &Path) -> anyhow::Result<Row> {
    let (mut server, anna) = (server(binary, SHORT).await?, anna());
    let load = async |target: &str| {
        let request = server.get(target).header("accept", "text/html");
        request.header("accept-encoding", "br").by(&anna).send().await
    };
    let root = server.get(&format!("/{SONG}")).header("accept", "text/html").by(&anna).send().await;
    let text = root.text();
    let sheet = text.split("href=\"").find(|it| it.starts_with("/static/") && it.contains(".css"));
    let sheet = sheet.and_then(|it| it.split('"').next()).context("a style sheet")?.to_owned();
    let sheet = load(&sheet).await.body.len();
    let (mut most, mut heaviest) = (0, String::new());
    for target in ["", "/tree/main/part001", "/graph", "/insights", "/commits/main"] {
        let answer = load(&format!("/{SONG}{target}")).await;
        ensure!(answer.status == 200, "{target} answered {}", answer.status);
        if answer.body.len() > most {
            (most, heaviest) = (answer.body.len(), target.to_owned());
        }
    }
    server.stop().await;
    #[expect(clippy::cast_precision_loss, reason = "a page is far below 2^52 bytes")]
    let weight = (most + sheet) as f64 / 1024.0;
    let how = format!("HTML and CSS of the heaviest of five pages ({heaviest}), compressed");
    Ok(Row::at_most("pages.weight", "KB", weight, WEIGHT, how))
}

/// From the answer to a push of twenty files until what is derived is that of the push.
pub(crate) async fn push_index(binary: &Path) -> anyhow::Result<Row> {
    let dir = tempfile::tempdir_in(std::env::current_dir()?)?;
    let (server, anna) = (open(binary, dir.path(), "all").await, anna());
    server.register_key(&anna, &anna.key().public().to_openssh()).await;
    let mut story = Story::default();
    let names: Vec<_> = (0..1_000).map(|n| format!("part{}/file{n}.rs", n % 40)).collect();
    let mut times = Vec::new();
    for round in 0..11_usize {
        let text = |n: usize| if n / 20 < round { format!("{round} {n}") } else { n.to_string() };
        let texts: Vec<_> = (0..names.len()).map(text).collect();
        let files = names.iter().zip(&texts).map(|(name, text)| (name.as_str(), text.as_bytes()));
        let parents: Vec<_> = story.commits.last().map(|it| it.commit_id).into_iter().collect();
        story.commit(&parents, &format!("round {round}"), &files.collect::<Vec<_>>());
        server.push_story(&anna, SONG, &story, "main").await;
        let started = Instant::now();
        indexed(&server, &anna).await?;
        if round > 0 {
            times.push(started.elapsed().as_secs_f64() * 1000.0);
        }
        // The directories are looked at, so that they are carried forward.
        server.get(&format!("/{SONG}")).by(&anna).send().await;
    }
    let how = "median of 10 pushes of some twenty files among 1,000, until the numbers are those of the push";
    Ok(Row::at_most("push.index", "ms", crate::row::median(times), INDEX, how.to_owned()))
}

/// The most memory that indexing a million commits from nothing takes.
pub(crate) async fn index_memory(binary: &Path) -> anyhow::Result<Row> {
    let mut server = server(binary, LONG).await?;
    let (anna, graphs): (_, PathBuf) = (anna(), server.data_dir().join("graph"));
    server.stop().await;
    fs::remove_dir_all(&graphs)?;
    server.restart().await;
    server.forget_peak();
    let started = Instant::now();
    // The graph is missing: whoever asks for it has it made.
    let there = async {
        while server.get(&format!("{API}/graph?limit=1")).by(&anna).send().await.status != 200 {
            sleep(Duration::from_millis(200)).await;
        }
    };
    timeout(PATIENCE, there).await.context("the history was not indexed in time")?;
    let seconds = started.elapsed().as_secs();
    #[expect(clippy::cast_precision_loss, reason = "memory is far below 2^52 bytes")]
    let peak = server.peak_bytes() as f64 / 1_048_576.0;
    server.stop().await;
    let how = format!("a million commits from nothing in {seconds} s");
    Ok(Row::at_most("index.memory", "MB", peak, MEMORY, how))
}
