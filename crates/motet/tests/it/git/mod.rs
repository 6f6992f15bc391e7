//! Stock clients of Git against a server (`spec/hub.md` 5; 13, H05, H54-H60), with every Git that is installed here.
//!
//! | file            | what is promised                                                        |
//! |-----------------|-------------------------------------------------------------------------|
//! | `transport.rs`  | clone, fetch, push, in every way that clients know                         |
//! | `doors.rs`      | who gets in, and what others are told                                     |
//! | `refusals.rs`   | what a push may not bring, and which refs it may not move                 |
//! | `processes.rs`  | what a process of Git sees, and when it ends                              |
//! | `reading.rs`    | what is pushed reads as the same history does in the other format           |
//! | `imports.rs`    | what another server has comes here, interrupted anywhere                 |
//! | `mirrors.rs`    | a repository follows another one, or is followed                         |
//! | `recovery.rs`   | Git and rows agree after a crash; what came loose is gone                  |
//! | `edits.rs`      | files that are changed in a page: commits that the server makes             |
//! | `forks.rs`      | repositories that are made from others: forks, templates, first files       |
//! | `hostile.rs`    | histories that somebody made to hurt whoever reads them                    |
//! | `traced.rs`     | no name opens a file outside of the data directory                          |
//! | `heavy.rs`      | packs as large as the limit lets through, in little memory                 |

mod doors;
mod edits;
mod forks;
mod heavy;
mod hostile;
mod imports;
mod mirrors;
mod processes;
mod reading;
mod recovery;
mod refusals;
mod traced;
mod transport;

pub(crate) use refusals::request;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Person, Server, Setup};

/// Every Git that is installed.
pub(crate) fn clients() -> Vec<&'static str> {
    let known = ["/usr/local/bin/git", "/usr/bin/git"];
    let found: Vec<_> = known.into_iter().filter(|it| Path::new(it).is_file()).collect();
    assert!(!found.is_empty(), "git is not installed");
    found
}

/// A user of Git: a home directory with nothing in it, and working copies below.
pub(crate) struct User {
    git: &'static str,
    home: TempDir,
}

/// What a command said.
pub(crate) struct Said {
    pub(crate) is_well: bool,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl User {
    pub(crate) fn of(git: &'static str) -> Self {
        Self { git, home: tempfile::tempdir().unwrap() }
    }

    /// With the first Git that there is.
    pub(crate) fn new() -> Self {
        Self::of(clients()[0])
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn command(&self, dir: &str, words: &[&str]) -> Command {
        let mut command = Command::new(self.git);
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.home.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C")
            .args(["-c", "user.name=Anna", "-c", "user.email=anna@example.org"])
            .args(["-c", "init.defaultBranch=main", "-c", "commit.gpgSign=false"])
            .current_dir(self.path(dir))
            .args(words);
        command
    }

    /// Runs a command, however it ends.
    pub(crate) fn tries(&self, dir: &str, words: &[&str]) -> Said {
        said(self.command(dir, words).output().unwrap())
    }

    /// Runs a command that must succeed; gives what it wrote.
    pub(crate) fn does(&self, dir: &str, words: &[&str]) -> String {
        let Said { is_well, out, err } = self.tries(dir, words);
        assert!(is_well, "git {words:?}: {err}{out}");
        out.trim_end().to_owned()
    }

    /// The same with something to read.
    pub(crate) fn feeds(&self, dir: &str, words: &[&str], input: &[u8]) -> String {
        let mut command = self.command(dir, words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let Said { is_well, out, err } = said(child.wait_with_output().unwrap());
        assert!(is_well, "git {words:?}: {err}");
        out.trim_end().to_owned()
    }

    /// A working copy with one commit on `main`.
    pub(crate) fn begins(&self, name: &str) {
        std::fs::create_dir(self.path(name)).unwrap();
        self.does(name, &["init", "-q"]);
        self.writes(name, "README.md", "# Songs\n");
    }

    /// Commits a file; gives the commit.
    pub(crate) fn writes(&self, name: &str, path: &str, text: &str) -> String {
        let whole = self.path(name).join(path);
        std::fs::create_dir_all(whole.parent().unwrap()).unwrap();
        std::fs::write(whole, text).unwrap();
        self.does(name, &["add", path]);
        self.does(name, &["commit", "-q", "-m", path]);
        self.does(name, &["rev-parse", "HEAD"])
    }
}

fn said(output: Output) -> Said {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Said { is_well: output.status.success(), out: text(output.stdout), err: text(output.stderr) }
}

/// The type of the body that an address of Git takes.
pub(crate) fn media(path: &str) -> String {
    format!("application/x-{}-request", path.rsplit('/').next().unwrap())
}

/// A token of the kind that Git gets.
pub(crate) async fn token(server: &Server, by: &Person, access: &str) -> String {
    let scope = json!({ "planes": { "hub": access }, "repositories": "all" });
    let body = json!({ "kind": "personal", "scope": scope });
    let minted = server.post("/api/v1/tokens").json(&body).by(by).send().await;
    minted.assert_status(201);
    minted.json()["value"].as_str().unwrap().to_owned()
}

/// The address of a repository with a token in it.
pub(crate) fn address(server: &Server, token: &str, repository: &str) -> String {
    format!("http://anybody:{token}@{}/{repository}.git", server.authority())
}

/// A repository of Git.
pub(crate) async fn create(server: &Server, by: &Person, name: &str, visibility: &str) -> String {
    let new = json!({ "name": name, "visibility": visibility, "format": "git" });
    let made = server.post("/api/v1/repos").json(&new).by(by).send().await;
    made.assert_status(201);
    assert_eq!(made.json()["format"], "git");
    by.repository(name)
}

/// What rows say of refs: names and targets.
pub(crate) async fn refs(server: &Server, by: &Person, repository: &str) -> Vec<(String, String)> {
    let target = format!("/api/v1/repos/{repository}/refs?limit=100");
    let listed = server.get(&target).by(by).send().await;
    listed.assert_status(200);
    let pair = |it: &Value| {
        let text = |key: &str| it[key].as_str().unwrap().to_owned();
        (text("ref"), text("target"))
    };
    listed.json()["items"].as_array().unwrap().iter().map(pair).collect()
}

/// What most tests begin with: somebody with a repository of Git, and a working copy of one commit to be pushed there.
pub(crate) struct Stage {
    pub(crate) server: Server,
    pub(crate) anna: Person,
    /// `anna/songs`.
    pub(crate) songs: String,
    /// One of hers that may push.
    pub(crate) token: String,
    /// The address of the repository with that token in it.
    pub(crate) url: String,
    /// Whoever has the working copy `one`.
    pub(crate) user: User,
}

/// All of it, on a server that this starts.
pub(crate) async fn stage(setup: Setup, visibility: &str) -> Stage {
    let server = setup.start().await;
    let anna = server.register("anna").await;
    let songs = create(&server, &anna, "songs", visibility).await;
    let token = token(&server, &anna, "write").await;
    let url = address(&server, &token, &songs);
    let user = User::new();
    user.begins("one");
    Stage { server, anna, songs, token, url, user }
}

/// How many rows there are of pushes to a repository.
pub(crate) async fn pushes(server: &Server, by: &Person, repository: &str) -> usize {
    let target = format!("/api/v1/repos/{repository}/activity?limit=100");
    let listed = server.get(&target).by(by).send().await.json();
    listed["items"].as_array().unwrap().iter().filter(|it| it["type"] == "push").count()
}

/// Where a repository lies on the disk of its server.
pub(crate) async fn directory(server: &Server, by: &Person, repository: &str) -> PathBuf {
    let shown = server.get(&format!("/api/v1/repos/{repository}")).by(by).send().await.json();
    server.data_dir().join(format!("git/{}.git", shown["id"].as_str().unwrap()))
}

/// Whether nothing is left of a push that was refused.
pub(crate) fn is_empty(directory: &Path) -> bool {
    let below = |name: &str| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(directory.join("objects").join(name)).unwrap();
        entries.map(|it| it.unwrap().path()).collect()
    };
    let own = below("");
    let is_known = |it: &PathBuf| it.ends_with("pack") || it.ends_with("info");
    own.iter().all(is_known) && below("pack").is_empty()
}
