//! The server starts, serves, restarts, and leaves nothing behind.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::{
    io::{BufRead as _, BufReader},
    net::TcpStream,
    process::{Command, Stdio},
};

use cluster::{Cluster, Settings};

/// The port in an address.
fn port(url: &str) -> u16 {
    let after_host = url.rsplit(':').next().unwrap();
    after_host.split('/').next().unwrap().parse().unwrap()
}

fn answers(url: &str) -> bool {
    TcpStream::connect(("127.0.0.1", port(url))).is_ok()
}

/// Asks the database for one value.
fn ask(url: &str, question: &str) -> Result<String, String> {
    let psql = Command::new("psql")
        .args(["--no-align", "--tuples-only", "--command", question, url])
        .output();
    let psql = psql.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if psql.status.success() { Ok(text(&psql.stdout)) } else { Err(text(&psql.stderr)) }
}

/// Directories of servers whose data directory names `port`.
fn directories(port: u16) -> usize {
    let entries = std::fs::read_dir(std::env::temp_dir()).unwrap().flatten();
    let socket = format!(".s.PGSQL.{port}");
    entries.filter(|entry| entry.path().join(&socket).exists()).count()
}

#[tokio::test]
async fn databases_are_apart_and_are_dropped() {
    let cluster = Cluster::shared().await;
    let (one, other) = (cluster.database().await, cluster.database().await);
    ask(&one.url, "CREATE TABLE things (id BIGINT)").unwrap();
    assert!(ask(&other.url, "SELECT count(*) FROM things").unwrap_err().contains("things"));
    let name = one.url.rsplit('/').next().unwrap().to_owned();
    drop(one);
    let left = format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'");
    assert_eq!(ask(&other.url, &left).unwrap(), "0");
}

#[tokio::test]
async fn a_template_is_made_once_and_copied() {
    let cluster = Cluster::shared().await;
    let mut made = 0;
    for _ in 0..2 {
        let copy = cluster
            .copy_of("with_things", async |url| {
                made += 1;
                ask(&url, "CREATE TABLE things (id BIGINT); INSERT INTO things VALUES (7)")
                    .unwrap();
            })
            .await;
        assert_eq!(ask(&copy.url, "SELECT id FROM things").unwrap(), "7");
        ask(&copy.url, "DELETE FROM things").unwrap();
    }
    assert_eq!(made, 1);
}

#[tokio::test]
async fn what_was_committed_outlives_a_restart_and_a_kill() {
    let cluster = Cluster::start(Settings::default()).await;
    let database = cluster.database().await;
    ask(&database.url, "CREATE TABLE things (id BIGINT); INSERT INTO things VALUES (7)").unwrap();
    cluster.restart().await;
    assert_eq!(ask(&database.url, "SELECT id FROM things").unwrap(), "7");
    cluster.kill().await;
    assert!(!answers(&database.url));
    cluster.start_again().await;
    assert_eq!(ask(&database.url, "SELECT id FROM things").unwrap(), "7");
}

#[tokio::test]
async fn a_dropped_server_leaves_nothing() {
    let cluster = Cluster::start(Settings { fsync: false }).await;
    let database = cluster.database().await;
    let url = database.url.clone();
    assert_eq!(directories(port(&url)), 1);
    drop((database, cluster));
    assert!(!answers(&url));
    assert_eq!(directories(port(&url)), 0);
}

/// An argument that no run of the tests has.
const TO_BE_KILLED: &str = "this-process-is-to-be-killed";

/// What the next test kills; it does nothing in a run of the tests.
#[tokio::test]
async fn a_process_that_waits_to_be_killed() {
    if !std::env::args().any(|arg| arg == TO_BE_KILLED) {
        return;
    }
    let cluster = Cluster::start(Settings { fsync: false }).await;
    println!("\nguard {}", cluster.guard_process());
    println!("database {}", cluster.database().await.url);
    std::future::pending::<()>().await;
}

#[test]
fn a_killed_process_leaves_nothing() {
    // Its orphans become our children, so that their end can be waited for.
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).unwrap();
    let mut killed = Command::new(std::env::current_exe().unwrap())
        .args(["a_process_that_waits_to_be_killed", "--exact", "--nocapture"])
        .args(["--skip", TO_BE_KILLED])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(killed.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut said =
        |key: &str| lines.find_map(|line| line.strip_prefix(key).map(str::to_owned)).unwrap();
    let (guard, url) = (said("guard ").parse().unwrap(), said("database "));
    assert_eq!(directories(port(&url)), 1);
    killed.kill().unwrap();
    killed.wait().unwrap();
    let guard = rustix::process::Pid::from_raw(guard).unwrap();
    rustix::process::waitpid(Some(guard), rustix::process::WaitOptions::empty()).unwrap();
    assert!(!answers(&url));
    assert_eq!(directories(port(&url)), 0);
}
