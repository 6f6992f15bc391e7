//! The command line in a working copy, beside git on the same files.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, ensure};
use names::Random;
use tempfile::TempDir;

use crate::{
    ground,
    row::{Row, median},
};

/// Files of the tree, and how many of them stand in one directory.
const FILES: usize = 10_000;
const FILES_IN_DIRECTORY: usize = 10;
/// Files that are changed before a status that finds something.
const CHANGED: usize = 10;
/// Both sides are measured this often, in turn, and compared by their medians.
const ROUNDS: usize = 5;
/// A status is short: more of them, so that the hundredths of a second that the kernel counts come to something.
const STATUS_ROUNDS: usize = 25;
/// What is wanted of wall time against git's (`spec/hub.md` 12).
const TARGET: f64 = 1.5;
/// Starts that the median is taken of.
const STARTS: usize = 21;
/// What a start may take.
const START_MS: f64 = 10.0;

/// The same tree twice: a working copy of ours, and one of git.
struct Trees {
    dir: TempDir,
    binary: PathBuf,
}

/// What a command took, in milliseconds: on the wall, and of all processors.
#[derive(Clone, Copy)]
struct Took {
    wall: f64,
    cpu: f64,
}

impl Trees {
    fn new(binary: &Path) -> anyhow::Result<Self> {
        let trees = Self { dir: ground::disk()?, binary: binary.canonicalize()? };
        let random = Random::seeded(1);
        for number in 0..FILES {
            let [lines, width] = random.bytes::<2>().map(usize::from);
            let line = format!("line {number} {}\n", "x".repeat(10 + width % 50));
            let text = line.repeat(1 + lines % 40);
            let at = number / FILES_IN_DIRECTORY;
            for side in [trees.ours(), trees.gits()] {
                let directory = side.join(format!("d{}/e{}", at / 10, at % 10));
                fs::create_dir_all(&directory)?;
                fs::write(directory.join(format!("f{number}.txt")), &text)?;
            }
        }
        trees.motet(&["init"])?;
        trees.git(&["init", "-q"])?;
        Ok(trees)
    }

    fn ours(&self) -> PathBuf {
        self.dir.path().join("motet")
    }

    fn gits(&self) -> PathBuf {
        self.dir.path().join("git")
    }

    fn motet(&self, arguments: &[&str]) -> anyhow::Result<Took> {
        let mut command = Command::new(&self.binary);
        command.arg("-C").arg(self.ours());
        command.arg("--config-dir").arg(self.dir.path().join("config"));
        took(command.args(arguments))
    }

    fn git(&self, arguments: &[&str]) -> anyhow::Result<Took> {
        let mut command = Command::new("git");
        command.arg("-C").arg(self.gits()).args(arguments);
        for name in
            ["GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"]
        {
            command.env(name, "bench");
        }
        took(command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1"))
    }

    fn commit(&self) -> anyhow::Result<[Took; 2]> {
        let ours = self.motet(&["commit", "-m", "x"])?;
        let (add, commit) = (self.git(&["add", "-A"])?, self.git(&["commit", "-q", "-m", "x"])?);
        Ok([ours, Took { wall: add.wall + commit.wall, cpu: add.cpu + commit.cpu }])
    }
}

fn took(command: &mut Command) -> anyhow::Result<Took> {
    let cpu = cpu_ms()?;
    let started = Instant::now();
    let status = command.stdout(Stdio::null()).status().context("a command that is measured")?;
    let wall = started.elapsed().as_secs_f64() * 1000.0;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(Took { wall, cpu: cpu_ms()? - cpu })
}

/// What children that have ended took of all processors. The kernel counts hundredths of a second.
fn cpu_ms() -> anyhow::Result<f64> {
    const TICK_MS: f64 = 10.0;
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The name stands in brackets and may hold blanks; the state follows it.
    let (_, fields) = stat.rsplit_once(')').context("/proc/self/stat")?;
    let fields = fields.split_whitespace().skip(13).take(2);
    Ok(fields.map(str::parse::<f64>).sum::<Result<f64, _>>()? * TICK_MS)
}

fn row(name: &'static str, what: &str, sides: &[[Took; 2]]) -> Row {
    let of = |side: usize, part: fn(&Took) -> f64| {
        median(sides.iter().filter_map(|took| took.get(side)).map(part).collect())
    };
    // Counted too coarsely for a median.
    let cpu = |side: usize| {
        let sum: f64 = sides.iter().filter_map(|took| took.get(side)).map(|took| took.cpu).sum();
        #[expect(clippy::cast_precision_loss, reason = "some rounds")]
        let rounds = sides.len() as f64;
        sum / rounds
    };
    let how = format!(
        "{what}, median of {}, in turn with git on the same files; CPU {:.1} ms beside {:.1} ms",
        sides.len(),
        cpu(0),
        cpu(1)
    );
    Row::within(name, "ms", of(0, |took| took.wall), of(1, |took| took.wall), TARGET, how)
}

/// The first commit of a tree, durable, beside `git add` and `git commit`.
pub(crate) fn commit(binary: &Path) -> anyhow::Result<Row> {
    let mut sides = Vec::new();
    for _ in 0..ROUNDS {
        sides.push(Trees::new(binary)?.commit()?);
    }
    Ok(row("cli.commit.10000", &format!("first commit of {FILES} files"), &sides))
}

/// A status that finds nothing, beside git's.
pub(crate) fn status_clean(binary: &Path) -> anyhow::Result<Row> {
    status(binary, "cli.status.10000", 0)
}

/// A status that finds a few changes, beside git's.
pub(crate) fn status_changed(binary: &Path) -> anyhow::Result<Row> {
    status(binary, "cli.status.10000.changed", CHANGED)
}

fn status(binary: &Path, name: &'static str, changed: usize) -> anyhow::Result<Row> {
    let trees = Trees::new(binary)?;
    trees.commit()?;
    // What was written within the last second is looked at again, on both sides.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    for round in 0..2 {
        trees.motet(&["status"])?;
        trees.git(&["status", "--short"])?;
        if round == 0 {
            for number in (0..FILES).step_by(FILES.checked_div(changed).unwrap_or(FILES + 1)) {
                let at = number / FILES_IN_DIRECTORY;
                for side in [trees.ours(), trees.gits()] {
                    let file = side.join(format!("d{}/e{}/f{number}.txt", at / 10, at % 10));
                    if changed > 0 {
                        fs::write(file, format!("changed {number}\n"))?;
                    }
                }
            }
        }
    }
    let mut sides = Vec::new();
    for _ in 0..STATUS_ROUNDS {
        sides.push([trees.motet(&["status"])?, trees.git(&["status", "--short"])?]);
    }
    Ok(row(name, &format!("status of {FILES} files, {changed} changed"), &sides))
}

/// From starting the process to its end, for a command that does nothing.
pub(crate) fn start(binary: &Path) -> anyhow::Result<Row> {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        times.push(took(Command::new(binary).arg("--version"))?.wall);
    }
    let how = format!("median of {STARTS} runs of motet --version");
    Ok(Row::at_most("cli.start", "ms", median(times), START_MS, how))
}
