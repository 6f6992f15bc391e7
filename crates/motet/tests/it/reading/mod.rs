//! Reading a history over the network: what is named, what differs, where it came from (`spec/hub.md` 3, 8, 9).
//!
//! | file             | what is asked                                                     |
//! |------------------|-------------------------------------------------------------------|
//! | `naming.rs`      | what a text in an address names                                   |
//! | `beside_git.rs`  | the same histories in git give the same answers                     |
//! | `real.rs`        | so do those of real projects                                        |
//! | `patches.rs`     | differences as pages, as JSON, and as what `git apply` takes        |
//! | `archives.rs`    | archives, the same bytes every time                                 |
//! | `raws.rs`        | bytes of files, and parts of them                                   |
//! | `monsters.rs`    | what is too large, and names that look like others                  |

mod archives;
mod beside_git;
mod monsters;
mod naming;
mod patches;
mod raws;
mod real;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use names::{CommitId, Random};
use serde_json::Value;
use testkit::{Answer, Person, Server, Story};

/// The API of a repository of anna's.
pub(super) const API: &str = "/api/v1/repos/anna";

/// Asks for JSON.
pub(super) async fn json(server: &Server, by: &Person, target: &str) -> Value {
    let answer = server.get(target).by(by).send().await;
    assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    answer.json()
}

/// Asks for a page.
pub(super) async fn page(server: &Server, by: &Person, target: &str) -> Answer {
    server.get(target).header("accept", "text/html").by(by).send().await
}

/// A text in an address.
pub(crate) fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/~".contains(&byte);
    text.bytes().fold(String::new(), |mut out, byte| {
        if plain(byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").unwrap();
        }
        out
    })
}

/// Runs git in a directory.
pub(super) fn git(dir: &Path, args: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("git")
        .args(["-c", "core.quotepath=false", "-c", "core.abbrev=40"])
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The files of a commit.
pub(super) type Files = BTreeMap<String, String>;

/// A history that is there twice: as a story, and in git.
pub(super) struct Twin {
    pub(super) story: Story,
    pub(super) dir: tempfile::TempDir,
    /// The ids of git, in the order of the story.
    pub(super) ids: Vec<String>,
    /// What each branch leads to, by its number in the story.
    pub(super) branches: Vec<(String, usize)>,
    stream: Vec<u8>,
}

impl Twin {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        git(dir.path(), &["init", "--quiet", "--bare"], b"");
        Self {
            story: Story::default(),
            dir,
            ids: Vec::new(),
            branches: Vec::new(),
            stream: Vec::new(),
        }
    }

    /// Adds a commit; its parents are numbers of commits.
    pub(super) fn commit(&mut self, parents: &[usize], files: &Files) -> usize {
        let ids: Vec<_> = parents.iter().map(|at| self.story.commits[*at].commit_id).collect();
        let number = self.story.commits.len();
        let all: Vec<_> =
            files.iter().map(|(path, text)| (path.as_str(), text.as_bytes())).collect();
        self.story.commit(&ids, &format!("commit {number}"), &all);
        let seconds = 1_795_262_400 + 60 * number;
        let out = &mut self.stream;
        writeln!(out, "commit refs/heads/main\nmark :{}", number + 1).unwrap();
        writeln!(out, "committer Anna <anna@example.test> {seconds} +0000").unwrap();
        let message = format!("commit {number}");
        writeln!(out, "data {}\n{message}", message.len()).unwrap();
        for (at, parent) in parents.iter().enumerate() {
            let word = if at == 0 { "from" } else { "merge" };
            writeln!(out, "{word} :{}", parent + 1).unwrap();
        }
        writeln!(out, "deleteall").unwrap();
        for (path, text) in files {
            writeln!(out, "M 100644 inline {path}\ndata {}", text.len()).unwrap();
            out.extend_from_slice(text.as_bytes());
            out.push(b'\n');
        }
        number
    }

    /// Hands everything to git.
    pub(super) fn finish(&mut self) {
        let marks = self.dir.path().join("marks");
        let marks = format!("--export-marks={}", marks.display());
        git(self.dir.path(), &["fast-import", "--quiet", "--force", &marks], &self.stream);
        let told = std::fs::read_to_string(self.dir.path().join("marks")).unwrap();
        let mut ids: Vec<(usize, String)> = told
            .lines()
            .map(|line| line.trim_start_matches(':').split_once(' ').unwrap())
            .map(|(mark, id)| (mark.parse().unwrap(), id.to_owned()))
            .collect();
        ids.sort_unstable();
        self.ids = ids.into_iter().map(|it| it.1).collect();
        self.branches = vec![("main".to_owned(), self.ids.len() - 1)];
    }

    /// What git prints.
    pub(super) fn told(&self, args: &[&str]) -> String {
        String::from_utf8(git(self.dir.path(), args, b"")).unwrap()
    }

    /// The commit of the story with an id of git.
    pub(super) fn of_git(&self, id: &str) -> String {
        let at = self.ids.iter().position(|it| it == id).unwrap();
        self.id(at).to_string()
    }

    pub(super) fn id(&self, at: usize) -> CommitId {
        self.story.commits[at].commit_id
    }
}

/// Numbers that are the same every time.
pub(super) struct Dice(Random);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(Random::seeded(seed))
    }

    pub(super) fn below(&self, bound: usize) -> usize {
        let bytes: [u8; 4] = self.0.bytes();
        usize::try_from(u32::from_le_bytes(bytes)).unwrap() % bound.max(1)
    }
}

/// A text of lines of which each is like no other.
pub(super) fn lines(dice: &Dice, count: usize, step: &str) -> String {
    (0..count).fold(String::new(), |mut out, at| {
        writeln!(out, "{step}.{at} {:08x}", dice.below(usize::MAX)).unwrap();
        out
    })
}

/// Some files, some steps later: edited, moved, moved and edited, removed, new.
pub(super) fn grown(dice: &Dice, files: &Files, step: usize) -> Files {
    let mut files = files.clone();
    let mut next = || {
        let paths: Vec<_> = files.keys().cloned().collect();
        let path = paths.get(dice.below(paths.len())).cloned();
        match (dice.below(8), path) {
            (0, Some(path)) if paths.len() > 3 => drop(files.remove(&path)),
            (1, Some(path)) => {
                let text = files.remove(&path).unwrap();
                files.insert(format!("moved{}/{step}.txt", dice.below(3)), text);
            }
            (2, Some(path)) => {
                let text = files.remove(&path).unwrap();
                files.insert(format!("both/{step}.txt"), edited(dice, &text, step));
            }
            (3..=5, Some(path)) => {
                let text = edited(dice, &files[&path], step);
                files.insert(path, text);
            }
            _ => {
                let text = lines(dice, 6 + dice.below(20), &step.to_string());
                files.insert(format!("new{}/{step}.txt", dice.below(3)), text);
            }
        }
    };
    for _ in 0..=dice.below(3) {
        next();
    }
    files
}

/// A text with some lines changed.
pub(super) fn edited(dice: &Dice, text: &str, step: usize) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for edit in 0..=dice.below(3) {
        let at = dice.below(lines.len() + 1);
        match dice.below(4) {
            0 if at < lines.len() && lines.len() > 4 => drop(lines.remove(at)),
            1 if at < lines.len() => lines[at] = format!("line {step}.{edit} changed"),
            _ => lines.insert(at, format!("line {step}.{edit} new")),
        }
    }
    lines.iter().fold(String::new(), |out, line| out + line + "\n")
}

/// A history with merges, that ends in one commit.
pub(super) fn generated(seed: u64, steps: usize) -> Twin {
    let (dice, mut twin) = (Dice::new(seed), Twin::new());
    let first: Files = [("a.txt", 12), ("b.txt", 9), ("dir/c.txt", 15)]
        .map(|(path, count)| (path.to_owned(), lines(&dice, count, path)))
        .into();
    let mut heads = vec![(twin.commit(&[], &first), first)];
    for step in 1..steps {
        let at = dice.below(heads.len());
        let (head, files) = heads[at].clone();
        if heads.len() > 1 && dice.below(4) == 0 {
            let other = (at + 1) % heads.len();
            let merged = merged(&dice, &files, &heads[other].1, step);
            heads[at] = (twin.commit(&[head, heads[other].0], &merged), merged);
            heads.remove(other);
        } else {
            let files = grown(&dice, &files, step);
            let next = twin.commit(&[head], &files);
            if heads.len() < 3 && dice.below(4) == 0 {
                heads.push((next, files));
            } else {
                heads[at] = (next, files);
            }
        }
    }
    while heads.len() > 1 {
        let (other, theirs) = heads.pop().unwrap();
        let (head, ours) = heads.pop().unwrap();
        let merged = merged(&dice, &ours, &theirs, steps);
        heads.push((twin.commit(&[head, other], &merged), merged));
    }
    twin.finish();
    twin
}

/// Files of both sides, now and then with a change of its own.
fn merged(dice: &Dice, ours: &Files, theirs: &Files, step: usize) -> Files {
    let mut files = ours.clone();
    for (path, text) in theirs {
        if !files.contains_key(path) || dice.below(2) == 0 {
            files.insert(path.clone(), text.clone());
        }
    }
    if dice.below(3) == 0 { grown(dice, &files, step * 1_000) } else { files }
}
