//! The generated history of [`super::pages`] as one of Git's: the same commits, the same files, pushed by stock Git.

use std::{
    collections::HashMap,
    io::{self, BufWriter, Write},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use anyhow::{Context as _, ensure};
use history::tree::{self, Node, NodeSource};
use names::{CommitId, NodeId, ObjectId};
use serde_json::json;
use testkit::{
    Person, Server,
    long::{Long, LongCommit, Shape},
};

/// Commits that are made at once.
const BATCH: u32 = 5_000;
/// The mark of the first commit, behind those of what files hold.
const FIRST: u32 = 1_000;

/// Directories, by their names in the other format.
struct Trees(HashMap<NodeId, Arc<Node>>);

impl NodeSource for Trees {
    type Error = io::Error;

    fn node(&self, id: &NodeId) -> io::Result<Arc<Node>> {
        self.0.get(id).cloned().ok_or_else(|| io::Error::other("a directory is missing"))
    }
}

/// What a stream for `git fast-import` is written with.
struct Stream<W> {
    to: W,
    trees: Trees,
    /// What files hold, by mark.
    texts: HashMap<ObjectId, usize>,
    /// The marks of commits, and their roots.
    commits: HashMap<CommitId, (u32, Option<NodeId>)>,
    next: u32,
}

/// Pushes a history of so many commits to a repository of `by`, which is made.
pub(super) async fn grow(
    server: &Server,
    by: &Person,
    place: &Path,
    (texts, commits, wide): (&[String], u32, &[u32]),
) -> anyhow::Result<()> {
    let source = place.join("source.git");
    run(Command::new("git").args(["init", "-q", "--bare", "-b", "main"]).arg(&source))?;
    let mut import = Command::new("git")
        .arg("-C")
        .arg(&source)
        .args(["fast-import", "--quiet"])
        .stdin(Stdio::piped())
        .spawn()?;
    let to = BufWriter::new(import.stdin.take().context("the input of git")?);
    write(to, texts, commits, wide)?;
    let status = import.wait()?;
    ensure!(status.success(), "git fast-import ended with {status}");
    let new = json!({ "name": "song", "visibility": "private", "format": "git" });
    let made = server.post("/api/v1/repos").json(&new).by(by).send().await;
    ensure!(made.status == 201, "{}", made.text());
    let scope = json!({ "planes": { "hub": "write" }, "repositories": "all" });
    let token = json!({ "kind": "personal", "scope": scope });
    let minted = server.post("/api/v1/tokens").json(&token).by(by).send().await.json();
    let token = minted.get("value").and_then(serde_json::Value::as_str).context("a token")?;
    let url = format!("http://anna:{token}@{}/anna/song.git", server.authority());
    run(Command::new("git").arg("-C").arg(&source).args(["push", "-q", &url, "main"]))
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let command = command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_TERMINAL_PROMPT", "0");
    let status = command.status()?;
    ensure!(status.success(), "git ended with {status}");
    Ok(())
}

/// Writes the whole history as a stream.
fn write(to: impl Write, texts: &[String], commits: u32, wide: &[u32]) -> anyhow::Result<()> {
    let objects: Vec<_> =
        texts.iter().map(|text| (ObjectId::of(text.as_bytes()), text.len() as u64)).collect();
    let marks = objects.iter().enumerate().map(|(at, (id, _))| (*id, at + 1)).collect();
    let trees = Trees(HashMap::new());
    let mut stream = Stream { to, trees, texts: marks, commits: HashMap::new(), next: FIRST };
    for (at, text) in texts.iter().enumerate() {
        write!(stream.to, "blob\nmark :{}\ndata {}\n{text}\n", at + 1, text.len())?;
    }
    // The commit that the other format begins with.
    let first = CommitId::of(b"seed");
    let who = "Seed <seed@example.test> 1136073000 +0000";
    let head = format!("commit refs/heads/main\nmark :{FIRST}\nauthor {who}\ncommitter {who}");
    write!(stream.to, "{head}\ndata 4\nseed\n")?;
    for at in 0..texts.len() {
        writeln!(stream.to, "M 100644 :{} seed{at}.rs", at + 1)?;
    }
    writeln!(stream.to)?;
    stream.commits.insert(first, (FIRST, None));
    let mut long = Long::new(Shape { commits, wide: wide.to_vec(), objects }, first);
    loop {
        let batch = long.next(BATCH);
        if batch.commits.is_empty() {
            break;
        }
        for (id, bytes) in batch.nodes {
            stream.trees.0.insert(id, Arc::new(Node::decode(&bytes)?));
        }
        let roots: HashMap<_, _> = batch.snapshots.into_iter().collect();
        for commit in &batch.commits {
            let root = roots.get(&commit.snapshot).copied().context("a snapshot")?;
            stream.commit(commit, root)?;
        }
    }
    let (tip, _) = stream.commits.get(&long.tip()).context("the tip")?;
    write!(stream.to, "reset refs/heads/main\nfrom :{tip}\n\n")?;
    Ok(stream.to.flush()?)
}

impl<W: Write> Stream<W> {
    fn commit(&mut self, it: &LongCommit, root: NodeId) -> anyhow::Result<()> {
        let [first, second] = it.parents;
        let parent = |id: CommitId| self.commits.get(&id).copied().context("a parent");
        let (from, before) = parent(first.context("a first parent")?)?;
        let merged = second.map(parent).transpose()?;
        self.next += 1;
        let (mark, seconds) = (self.next, it.at.0 / 1000);
        let LongCommit { author, message, .. } = it;
        write!(
            self.to,
            "commit refs/heads/main\nmark :{mark}\nauthor {author} {seconds} +0000\n\
             committer {author} {seconds} +0000\ndata {}\n{message}\nfrom :{from}\n",
            message.len()
        )?;
        if let Some((merged, _)) = merged {
            writeln!(self.to, "merge :{merged}")?;
        }
        if before.is_none() {
            // What the history is about follows the first commit, and nothing of that is left.
            writeln!(self.to, "deleteall")?;
        }
        let found = tree::changes(&self.trees, before, Some(root), usize::MAX)?;
        for change in found.changes {
            match change.after.map(|it| it.object) {
                Some(object) => {
                    let text = self.texts.get(&object).context("what a file holds")?;
                    writeln!(self.to, "M 100644 :{text} {}", change.path)?;
                }
                None => writeln!(self.to, "D {}", change.path)?,
            }
        }
        writeln!(self.to)?;
        self.commits.insert(it.id, (mark, Some(root)));
        Ok(())
    }
}
