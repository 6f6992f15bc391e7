//! Git over SSH, with the real client: who is let in, what is run, what is not, and how it ends (`spec/hub.md` 5, H61).

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use http::Method;
use serde_json::json;
use tempfile::TempDir;
use testkit::{Person, Server};

use crate::{
    MOTET,
    git::clients,
    ground::{Ground, eventually, on_both},
    keyring::{revoke, second_key},
};

/// Somebody's machine: a directory with keys, and what is known of the server.
struct Machine {
    dir: TempDir,
    address: String,
    port: String,
}

/// A text between two others.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("{before} in {text}"));
    rest.split_once(after).unwrap().0
}

impl Machine {
    /// Knows the server by what its page says.
    async fn of(server: &Server) -> Self {
        let page = server.get("/help/ssh").send().await;
        page.assert_status(200);
        let text = page.text();
        let address = format!("ssh://{}", between(&text, "git clone ssh://", "/OWNER"));
        let port = address.rsplit(':').next().unwrap().to_owned();
        let dir = tempfile::tempdir().unwrap();
        let known = text.lines().find(|line| line.contains("]:") && line.contains("ssh-ed25519 "));
        let known = between(known.unwrap(), "<code>", "</code>");
        fs::write(dir.path().join("known"), format!("{known}\n")).unwrap();
        Self { dir, address, port }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The key of somebody as a file.
    fn key(&self, of: &Person, name: &str) -> PathBuf {
        let file = self.at(name);
        fs::write(&file, of.key().to_openssh(name).expose()).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        file
    }

    /// A new key of that type, registered nowhere.
    fn made(&self, kind: &str) -> PathBuf {
        let file = self.at(kind);
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", kind, "-N", "", "-f"])
            .arg(&file)
            .output()
            .unwrap_or_else(|error| panic!("install openssh-client, it must run here: {error}"));
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        file
    }

    fn options(&self, key: &Path) -> Vec<String> {
        let known = self.at("known");
        let mut words = vec!["-F".to_owned(), "none".to_owned()];
        for option in [
            format!("IdentityFile={}", key.display()),
            format!("UserKnownHostsFile={}", known.display()),
            "GlobalKnownHostsFile=/dev/null".to_owned(),
            "StrictHostKeyChecking=yes".to_owned(),
            "IdentitiesOnly=yes".to_owned(),
            "IdentityAgent=none".to_owned(),
            "BatchMode=yes".to_owned(),
        ] {
            words.extend(["-o".to_owned(), option]);
        }
        words
    }

    fn command(&self, key: &Path, options: &[&str], words: &[&str]) -> Command {
        let mut command = Command::new("ssh");
        command.args(self.options(key)).args(["-p", &self.port]).args(options);
        command.arg("127.0.0.1").args(words).stdin(Stdio::null());
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.dir.path());
        command
    }

    fn ssh(&self, key: &Path, options: &[&str], words: &[&str]) -> Output {
        self.command(key, options, words).output().unwrap()
    }

    /// Git, over the real client.
    fn git(&self, program: &str, key: &Path, at: &Path, words: &[&str]) -> Output {
        let words_of_ssh = self.options(key).join(" ");
        Command::new(program)
            .args(["-c", "user.name=Anna", "-c", "user.email=anna@example.org"])
            .args(words)
            .current_dir(at)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.dir.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_SSH_COMMAND", format!("ssh {words_of_ssh}"))
            .output()
            .unwrap()
    }

    /// What Git does, and has to come to its end.
    #[track_caller]
    fn does(&self, program: &str, key: &Path, at: &Path, words: &[&str]) -> String {
        let done = self.git(program, key, at, words);
        assert!(done.status.success(), "{words:?}: {}", told(&done));
        String::from_utf8(done.stdout).unwrap()
    }
}

/// What is said to a person.
fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn listening(ground: &Ground) -> (Server, Person, Machine) {
    let server = ground.server().arg("--ssh-listen").arg("127.0.0.1:0").start().await;
    let anna = server.register("anna").await;
    let machine = Machine::of(&server).await;
    (server, anna, machine)
}

/// A repository of Git's with one commit, pushed.
fn song(machine: &Machine, key: &Path, program: &str, repository: &str) -> PathBuf {
    let work = machine.at(&repository.replace('/', "-"));
    fs::create_dir_all(&work).unwrap();
    machine.does(program, key, &work, &["init", "-q", "-b", "main", "."]);
    fs::write(work.join("song.txt"), "la\n").unwrap();
    machine.does(program, key, &work, &["add", "."]);
    machine.does(program, key, &work, &["commit", "-q", "-m", "a song"]);
    let address = format!("{}/{repository}", machine.address);
    machine.does(program, key, &work, &["push", "-q", &address, "main"]);
    work
}

#[tokio::test]
async fn a_registered_key_is_the_login_under_any_name_and_nothing_else_is() {
    let (server, anna, machine) = listening(&Ground::Sqlite).await;
    let key = machine.key(&anna, "anna");
    for name in ["git", "root", "somebody-else"] {
        let greeted = machine.ssh(&key, &["-T", "-l", name], &[]);
        let text = String::from_utf8(greeted.stdout.clone()).unwrap();
        assert!(text.starts_with("Hello anna:"), "{text} {}", told(&greeted));
        assert_eq!(greeted.status.code(), Some(0));
    }
    let agreed = machine.ssh(&key, &["-T", "-v"], &[]);
    let agreed = told(&agreed);
    assert!(agreed.contains("kex: host key algorithm: ssh-ed25519"), "{agreed}");
    assert!(!agreed.contains("diffie-hellman"), "{agreed}");

    let stranger = server.stranger("nobody");
    let unknown = machine.key(&stranger, "nobody");
    for refused in [unknown, machine.made("rsa"), machine.made("ecdsa")] {
        let denied = machine.ssh(&refused, &["-T"], &[]);
        assert_eq!(denied.status.code(), Some(255), "{refused:?}");
        assert!(told(&denied).contains("Permission denied (publickey)"), "{}", told(&denied));
    }
    for method in ["password", "keyboard-interactive", "none"] {
        let option = format!("PreferredAuthentications={method}");
        let denied = machine.ssh(&key, &["-T", "-o", &option], &[]);
        assert_eq!(denied.status.code(), Some(255), "{method}");
    }
}

#[tokio::test]
async fn there_is_no_shell_no_copying_no_forwarding_and_no_other_command() {
    let (_server, anna, machine) = listening(&Ground::Sqlite).await;
    let key = machine.key(&anna, "anna");
    for command in [
        "ls",
        "sh -c 'id'",
        "git-upload-archive 'anna/song'",
        "git-upload-pack anna/song",
        "git-upload-pack 'anna/song'; id",
        "git-upload-pack '../../etc'",
        "scp -t /tmp",
    ] {
        let refused = machine.ssh(&key, &["-T"], &[command]);
        assert_eq!(refused.status.code(), Some(1), "{command}: {}", told(&refused));
        assert!(refused.stdout.is_empty() && told(&refused).contains("motet: "), "{command}");
    }
    // Whatever a client says before it asks for something is passed over.
    let variables: Vec<_> = (0..200).map(|it| format!("SOMETHING_{it}=1")).collect();
    let said = format!("SetEnv={}", variables.join(" "));
    let greeted = machine.ssh(&key, &["-T", "-o", &said], &[]);
    assert_eq!(greeted.status.code(), Some(0), "{}", told(&greeted));
    // A client that insists on a terminal gives up.
    let terminal = machine.ssh(&key, &["-tt"], &[]);
    assert!(told(&terminal).contains("PTY allocation request failed"), "{}", told(&terminal));
    let subsystem = machine.ssh(&key, &["-s"], &["sftp"]);
    assert_ne!(subsystem.status.code(), Some(0));
    let beyond = machine.ssh(&key, &["-W", "127.0.0.1:1"], &[]);
    assert_ne!(beyond.status.code(), Some(0));
    assert!(told(&beyond).contains("prohibited"), "{}", told(&beyond));
    let back = ["-N", "-o", "ExitOnForwardFailure=yes", "-R", "127.0.0.1:0:127.0.0.1:1"];
    assert_ne!(machine.ssh(&key, &back, &[]).status.code(), Some(0));
    let file = machine.at("taken");
    let copied = Command::new("scp")
        .args(machine.options(&key))
        .args(["-P", &machine.port, "127.0.0.1:/etc/passwd"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(!copied.status.success() && !file.exists());
}

on_both! {
    async fn both_versions_of_git_push_and_fetch(ground: Ground) {
        let (server, anna, machine) = listening(&ground).await;
        let key = machine.key(&anna, "anna");
        for (number, program) in clients().into_iter().enumerate() {
            let repository = format!("anna/song-{number}");
            let work = song(&machine, &key, program, &repository);
            let address = format!("{}/{repository}.git", machine.address);
            let copy = machine.at(&format!("copy-{number}"));
            let to = copy.to_str().unwrap();
            machine.does(program, &key, machine.dir.path(), &["clone", "-q", &address, to]);
            assert_eq!(fs::read_to_string(copy.join("song.txt")).unwrap(), "la\n");
            fs::write(copy.join("song.txt"), "la la\n").unwrap();
            machine.does(program, &key, &copy, &["commit", "-q", "-a", "-m", "longer"]);
            let protocol = machine.git(program, &key, &copy, &["-c", "protocol.version=2", "push", "origin", "main"]);
            assert!(protocol.status.success(), "{}", told(&protocol));
            machine.does(program, &key, &work, &["pull", "-q", &address, "main"]);
            assert_eq!(fs::read_to_string(work.join("song.txt")).unwrap(), "la la\n");
            let listed = machine.does(program, &key, &work, &["ls-remote", &address]);
            assert!(listed.contains("refs/heads/main"), "{listed}");
            assert_eq!(crate::git::pushes(&server, &anna, &repository).await, 2);
        }
        drop(server);
    }
}

/// Over HTTP a stock client compares each of them with all others before it sends anything.
#[tokio::test]
async fn ten_thousand_refs_are_pushed_and_listed() {
    let (_server, anna, machine) = listening(&Ground::Sqlite).await;
    let (key, program) = (machine.key(&anna, "anna"), clients()[0]);
    let work = song(&machine, &key, program, "anna/song");
    let head = machine.does(program, &key, &work, &["rev-parse", "HEAD"]);
    let line = |at: u32| format!("{} refs/heads/b/{at:05}\n", head.trim());
    let mut packed = "# pack-refs with: peeled fully-peeled sorted \n".to_owned();
    packed.extend((0..10_000).map(line));
    fs::write(work.join(".git/packed-refs"), packed).unwrap();
    let address = format!("{}/anna/song", machine.address);
    machine.does(program, &key, &work, &["push", "-q", "--all", &address]);
    let listed = machine.does(program, &key, &work, &["ls-remote", &address, "refs/heads/*"]);
    assert_eq!(listed.lines().count(), 10_001);
    assert!(listed.lines().all(|it| it.starts_with(head.trim())));
}

on_both! {
    async fn what_is_hidden_is_what_is_missing(ground: Ground) {
        let (server, anna, machine) = listening(&ground).await;
        let key = machine.key(&anna, "anna");
        let program = clients()[0];
        song(&machine, &key, program, "anna/song");
        let boris = server.register("boris").await;
        let other = machine.key(&boris, "boris");
        for verb in ["git-upload-pack", "git-receive-pack"] {
            let said = |name: &str| {
                let command = format!("{verb} 'anna/{name}'");
                let refused = machine.ssh(&other, &["-T"], &[&command]);
                assert_eq!(refused.status.code(), Some(1), "{command}");
                assert!(refused.stdout.is_empty());
                told(&refused).replace(name, "NAME")
            };
            assert_eq!(said("song"), said("none"), "{verb}");
        }
        // Whoever may read may not push.
        let level = "/api/v1/repos/anna/song/collaborators/boris";
        let put = server.request(Method::PUT, level).json(&json!({ "level": "read" })).by(&anna);
        assert!(put.send().await.status < 300);
        let copy = machine.at("copy");
        let address = format!("{}/anna/song", machine.address);
        let to = copy.to_str().unwrap();
        machine.does(program, &other, machine.dir.path(), &["clone", "-q", &address, to]);
        fs::write(copy.join("more.txt"), "mine\n").unwrap();
        machine.does(program, &other, &copy, &["add", "."]);
        machine.does(program, &other, &copy, &["commit", "-q", "-m", "mine"]);
        let pushed = machine.git(program, &other, &copy, &["push", "origin", "main"]);
        assert!(!pushed.status.success(), "{}", told(&pushed));
    }
}

/// A fetch that has begun and waits for what the client wants.
fn begun(machine: &Machine, key: &Path, repository: &str) -> Child {
    spoken_to(machine, key, &format!("git-upload-pack '{repository}'"))
}

/// A command to which Git has begun to answer.
fn spoken_to(machine: &Machine, key: &Path, command: &str) -> Child {
    let mut command = machine.command(key, &["-T"], &[command]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // The length of the first line: Git is there.
    child.stdout.as_mut().unwrap().read_exact(&mut [0; 4]).unwrap();
    child
}

/// How many processes of Git a server has.
fn gits_of(server: &Server) -> usize {
    let place = server.data_dir().canonicalize().unwrap();
    let mine = |entry: fs::DirEntry| {
        let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).into_owned();
        let is_git = ["upload-pack", "receive-pack"].iter().any(|it| words.contains(it));
        is_git && words.contains(place.to_str().unwrap())
    };
    fs::read_dir("/proc").unwrap().flatten().filter_map(|it| mine(it).then_some(())).count()
}

async fn ends(child: &mut Child) {
    let child = std::cell::RefCell::new(child);
    eventually("the session ends", async || child.borrow_mut().try_wait().unwrap().is_some()).await;
}

on_both! {
    async fn a_key_that_is_given_up_ends_its_sessions_and_what_they_run(ground: Ground) {
        let (server, anna, machine) = listening(&ground).await;
        let own = machine.key(&anna, "anna");
        song(&machine, &own, clients()[0], "anna/song");
        let second = second_key(&server, &anna, 11).await;
        let lost = machine.key(&second, "second");
        let (mut kept, mut cut) = (begun(&machine, &own, "anna/song"), begun(&machine, &lost, "anna/song"));
        assert_eq!(gits_of(&server), 2);
        let fingerprint = second.key().fingerprint().to_string();
        revoke(&server, &anna, "anna", &fingerprint, "compromised").await.assert_status(200);
        ends(&mut cut).await;
        assert_ne!(cut.wait().unwrap().code(), Some(0));
        eventually("git is gone too", async || gits_of(&server) == 1).await;
        let denied = machine.ssh(&lost, &["-T"], &[]);
        assert_eq!(denied.status.code(), Some(255));
        // The other one goes on: an empty answer ends it well.
        assert!(kept.try_wait().unwrap().is_none());
        kept.stdin.take().unwrap().write_all(b"0000").unwrap();
        ends(&mut kept).await;
        assert_eq!(kept.wait().unwrap().code(), Some(0));
        eventually("nothing is left", async || gits_of(&server) == 0).await;
    }
}

on_both! {
    async fn a_push_under_way_ends_with_its_key_and_leaves_nothing(ground: Ground) {
        let (server, anna, machine) = listening(&ground).await;
        crate::git::create(&server, &anna, "song", "private").await;
        let second = second_key(&server, &anna, 12).await;
        let lost = machine.key(&second, "second");
        let mut push = spoken_to(&machine, &lost, "git-receive-pack 'anna/song'");
        // A command, and the beginning of a pack.
        let body = crate::git::request(&"12".repeat(20), b"PACK\0\0\0\x02\0\0\0\x64\xbf\xff\x3f");
        push.stdin.as_mut().unwrap().write_all(&body).unwrap();
        let dir = crate::git::directory(&server, &anna, "anna/song").await;
        eventually("something lies in quarantine", async || !crate::git::is_empty(&dir)).await;
        let fingerprint = second.key().fingerprint().to_string();
        revoke(&server, &anna, "anna", &fingerprint, "compromised").await.assert_status(200);
        ends(&mut push).await;
        assert_ne!(push.wait().unwrap().code(), Some(0));
        eventually("git is gone too", async || gits_of(&server) == 0).await;
        eventually("nothing is left", async || crate::git::is_empty(&dir)).await;
        assert!(crate::git::refs(&server, &anna, "anna/song").await.is_empty());
    }
}

on_both! {
    /// H07, H11.
    async fn what_was_renamed_or_deleted_is_missing_under_its_former_name(ground: Ground) {
        let (server, anna, machine) = listening(&ground).await;
        let key = machine.key(&anna, "anna");
        let work = song(&machine, &key, clients()[0], "anna/song");
        let told_of = |name: &str| {
            let refused = machine.ssh(&key, &["-T"], &[&format!("git-upload-pack 'anna/{name}'")]);
            assert_eq!(refused.status.code(), Some(1), "{name}");
            told(&refused).replace(name, "NAME")
        };
        let target = "/api/v1/repos/anna/song";
        let renamed = server.request(Method::PATCH, target).json(&json!({ "name": "hymn" }));
        renamed.by(&anna).send().await.assert_status(200);
        assert_eq!(told_of("song"), told_of("none"));
        let address = format!("{}/anna/hymn", machine.address);
        machine.does(clients()[0], &key, &work, &["ls-remote", &address]);
        let confirm = json!({ "confirm": "anna/hymn" });
        let gone = server.request(Method::DELETE, "/api/v1/repos/anna/hymn").json(&confirm);
        assert!(gone.by(&anna).send().await.status < 300);
        assert_eq!(told_of("hymn"), told_of("none"));
    }
}

on_both! {
    async fn whoever_may_not_read_any_more_loses_what_is_under_way(ground: Ground) {
        let (server, anna, machine) = listening(&ground).await;
        let own = machine.key(&anna, "anna");
        song(&machine, &own, clients()[0], "anna/song");
        let boris = server.register("boris").await;
        let other = machine.key(&boris, "boris");
        let level = "/api/v1/repos/anna/song/collaborators/boris";
        let put = server.request(Method::PUT, level).json(&json!({ "level": "read" })).by(&anna);
        assert!(put.send().await.status < 300);
        let mut reading = begun(&machine, &other, "anna/song");
        let out = server.request(Method::DELETE, level).by(&anna).send().await;
        assert!(out.status < 300, "{}", out.text());
        ends(&mut reading).await;
        assert_ne!(reading.wait().unwrap().code(), Some(0));
        eventually("git is gone too", async || gits_of(&server) == 0).await;
        // The key is still good: somebody who is greeted.
        assert_eq!(machine.ssh(&other, &["-T"], &[]).status.code(), Some(0));
    }
}

#[tokio::test]
async fn a_client_that_leaves_takes_git_with_it() {
    let (server, anna, machine) = listening(&Ground::Sqlite).await;
    let key = machine.key(&anna, "anna");
    song(&machine, &key, clients()[0], "anna/song");
    let mut child = begun(&machine, &key, "anna/song");
    assert_eq!(gits_of(&server), 1);
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("git is gone", async || gits_of(&server) == 0).await;
}

#[tokio::test]
async fn keys_that_fail_lock_their_address() {
    let ground = Ground::Sqlite;
    let setup = ground.server().with_usual_limits();
    let server = setup.arg("--ssh-listen").arg("127.0.0.1:0").start().await;
    let anna = server.register("anna").await;
    let machine = Machine::of(&server).await;
    let key = machine.key(&anna, "anna");
    let unknown = machine.key(&server.stranger("nobody"), "nobody");
    assert_eq!(machine.ssh(&key, &["-T"], &[]).status.code(), Some(0));
    let is_locked = |key: &Path| {
        let refused = machine.ssh(key, &["-T"], &[]);
        refused.status.code() == Some(255) && told(&refused).contains("too many failed")
    };
    for _ in 0..5 {
        assert_eq!(machine.ssh(&unknown, &["-T"], &[]).status.code(), Some(255));
    }
    eventually("the address is locked", async || is_locked(&unknown)).await;
    assert!(is_locked(&key), "good keys wait as well");
}

#[tokio::test]
async fn the_key_of_the_server_stays_and_nobody_else_may_read_it() {
    let (mut server, _, machine) = listening(&Ground::Sqlite).await;
    let file = server.data_dir().join("ssh_host_ed25519.key");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let page = server.get("/help/ssh").send().await.text();
    let listed = Command::new("ssh-keygen").arg("-lf").arg(&file).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let fingerprint = listed.split(' ').nth(1).unwrap();
    assert!(page.contains(fingerprint), "{fingerprint} in {page}");
    server.stop().await;
    server.restart().await;
    let again = server.get("/help/ssh").send().await.text();
    assert!(again.contains(fingerprint));
    drop(machine);
}

#[tokio::test]
async fn pages_of_repositories_say_the_address_over_ssh_beside_the_other() {
    let (server, anna, machine) = listening(&Ground::Sqlite).await;
    crate::git::create(&server, &anna, "empty", "public").await;
    let empty = server.get("/anna/empty").header("accept", "text/html").send().await.text();
    let push = format!(">git push {}/anna/empty main</code>", machine.address);
    assert!(empty.contains(&push) && empty.contains(">git push http"), "{empty}");
    let key = machine.key(&anna, "anna");
    song(&machine, &key, clients()[0], "anna/song");
    let page = server.get("/anna/song").header("accept", "text/html").by(&anna).send().await.text();
    let clone = format!(">git clone {}/anna/song</code>", machine.address);
    assert!(page.contains(&clone) && page.contains(">git clone http"), "{page}");
    // Of the other format, nothing is said of it.
    server.create(&anna, "scores", "public").await;
    let other = server.get("/anna/scores").header("accept", "text/html").send().await.text();
    assert!(!other.contains("ssh://"), "{other}");
}

#[tokio::test]
async fn without_a_listener_the_page_says_so() {
    let server = Server::start(MOTET).await;
    let page = server.get("/help/ssh").send().await;
    page.assert_status(200);
    assert!(page.text().contains("does not offer Git over SSH"));
    assert!(!server.data_dir().join("ssh_host_ed25519.key").exists());
}
