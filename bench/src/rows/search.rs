//! Searches over sixty megabytes of text (`spec/hub.md` 6; H72).

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use testkit::{Person, Server, Story};
use tokio::time::{sleep, timeout};

use crate::row::Row;

/// Files, and lines of each: ten kilobytes a file.
const FILES: u32 = 6_000;
const LINES: u32 = 200;
/// Names that the files give and use.
const NAMES: u32 = 20_000;
/// Searches that count.
const ASKED: u32 = 200;
/// What all but one in twenty may take, in milliseconds.
const P95: f64 = 100.0;
/// How long the text may take to be indexed.
const PATIENCE: Duration = Duration::from_mins(10);
/// Stands in the last file alone.
const MARK: &str = "the_last_of_all";

/// Numbers that look like chance, and are the same in every run.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 33).unwrap_or(0)
    }

    /// A name: some come often, most come seldom.
    fn name(&mut self) -> String {
        let (a, b) = (self.next() % NAMES, self.next() % NAMES);
        let number = u64::from(a) * u64::from(b) / u64::from(NAMES);
        let parts = ["tide", "moon", "port", "sail", "rope", "wind", "star", "chart"];
        let part =
            |at: u64| parts.get(usize::try_from(at % 8).unwrap_or(0)).copied().unwrap_or("tide");
        format!("{}_{}_{number}", part(number), part(number / 8))
    }
}

fn text(chance: &mut Chance, number: u32) -> String {
    let mut text = format!("//! Part {number}.\n\n");
    for _ in 0..LINES {
        let (name, called, with) = (chance.name(), chance.name(), chance.name());
        text.push_str(&["let ", &name, " = ", &called, "(", &with, ");\n"].concat());
    }
    text
}

async fn found(server: &Server, anna: &Person, query: &str) -> anyhow::Result<u64> {
    let answer = server.get(&format!("/api/v1/search?q={query}")).by(anna).send().await;
    ensure!(answer.status == 200, "{query} answered {}", answer.status);
    answer.json().get("total").and_then(serde_json::Value::as_u64).context("a total")
}

/// How long a search for a name takes.
pub(crate) async fn code(binary: &Path) -> anyhow::Result<Row> {
    let dir = tempfile::tempdir_in(std::env::current_dir()?)?;
    let on = testkit::Ground::SqliteDisk;
    let server = Server::with(&binary.display().to_string())
        .on(on)
        .data_dir(dir.path().join("data"))
        .start()
        .await;
    let anna = server.register("anna").await;
    let mut chance = Chance(7);
    let mut files: Vec<_> =
        (0..FILES).map(|n| (format!("part{}/file{n}.rs", n % 60), text(&mut chance, n))).collect();
    files.push(("zz.rs".to_owned(), MARK.to_owned()));
    let bytes: usize = files.iter().map(|(_, text)| text.len()).sum();
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_bytes())).collect();
    let mut story = Story::default();
    story.commit(&[], "sixty megabytes", &files);
    let started = Instant::now();
    server.push_story(&anna, "anna/song", &story, "main").await;
    let there = async {
        while found(&server, &anna, MARK).await? == 0 {
            sleep(Duration::from_millis(100)).await;
        }
        anyhow::Ok(())
    };
    timeout(PATIENCE, there).await.context("the text was not indexed in time")??;
    let indexed = started.elapsed();
    let mut times = Vec::new();
    for _ in 0..ASKED {
        let name = chance.name();
        let started = Instant::now();
        found(&server, &anna, &name).await?;
        times.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    let at = |part: usize| times.get(times.len() * part / 100).copied().context("no times");
    let (p50, p95) = (at(50)?, at(95)?);
    let how = format!(
        "p95 of {ASKED} names, one after the other (p50 {p50:.1}), in {} MB of text that was pushed and indexed in {} s",
        bytes / 1_000_000,
        indexed.as_secs(),
    );
    Ok(Row::at_most("search.code", "ms", p95, P95, how))
}
