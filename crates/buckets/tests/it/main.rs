//! The servers start, check who asks, restart, and leave nothing behind.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use buckets::{Kind, Mode, Proxy, Store};

const KINDS: [Kind; 2] = [Kind::Garage, Kind::Moto];

/// The status of the answer to a request that nobody signed.
fn ask(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut connection = TcpStream::connect(address)?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes())?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer.split(' ').nth(1).unwrap_or_default().to_owned())
}

/// Where a server keeps what it writes: its guard runs there.
fn directory(guard: u32) -> PathBuf {
    std::fs::read_link(format!("/proc/{guard}/cwd")).unwrap()
}

#[tokio::test]
async fn buckets_are_apart_and_nobody_gets_in_without_a_key() {
    for kind in KINDS {
        let store = Store::shared(kind).await;
        let (one, other) = (store.bucket().await, store.bucket().await);
        assert_ne!(one.name, other.name);
        assert!(one.secret.len() > 16 && !one.key_id.is_empty());
        for bucket in [one, other] {
            let status = ask(store.address(), &format!("/{}", bucket.name)).unwrap();
            // moto stumbles over a request without a signature, which serves as well.
            assert!(!status.starts_with('2'), "{kind:?}: {status}");
        }
    }
}

#[tokio::test]
async fn a_killed_server_is_gone_until_it_is_started_again() {
    for kind in KINDS {
        let store = Store::start(kind).await;
        store.kill().await;
        assert!(TcpStream::connect(store.address()).is_err());
        store.start_again().await;
        assert!(TcpStream::connect(store.address()).is_ok());
        store.stop().await;
        assert!(TcpStream::connect(store.address()).is_err());
        store.start_again().await;
        assert!(TcpStream::connect(store.address()).is_ok());
    }
}

#[tokio::test]
async fn a_dropped_server_leaves_nothing() {
    for kind in KINDS {
        let store = Store::start(kind).await;
        let (address, dir) = (store.address(), directory(store.guard_process()));
        assert!(dir.exists());
        drop(store);
        assert!(TcpStream::connect(address).is_err());
        assert!(!dir.exists());
    }
}

#[tokio::test]
async fn a_proxy_does_what_it_is_told() {
    let store = Store::shared(Kind::Moto).await;
    let proxy = Proxy::before(store.address()).await;
    let ask = async || {
        let address = proxy.address();
        tokio::task::spawn_blocking(move || ask(address, "/moto-api/")).await.unwrap()
    };
    assert_eq!(ask().await.unwrap(), "200");
    proxy.set(Mode::Slow(Duration::from_millis(1)));
    assert_eq!(ask().await.unwrap(), "200");
    proxy.set(Mode::HangUp);
    assert_eq!(ask().await.unwrap_or_default(), "");
    proxy.set(Mode::Cut(12));
    assert_eq!(ask().await.unwrap(), "200");
    proxy.set(Mode::Change(b"/moto-api/", b"/moto-epi/"));
    assert_ne!(ask().await.unwrap(), "200");
    proxy.set(Mode::Through);
    assert_eq!(ask().await.unwrap(), "200");
    assert_eq!(proxy.connections(), 6);
}

/// An argument that no run of the tests has.
const TO_BE_KILLED: &str = "this-process-is-to-be-killed";

/// What the next test kills; it does nothing in a run of the tests.
#[tokio::test]
async fn a_process_that_waits_to_be_killed() {
    if !std::env::args().any(|arg| arg == TO_BE_KILLED) {
        return;
    }
    for kind in KINDS {
        let store = Store::shared(kind).await;
        println!("\nguard {}", store.guard_process());
        println!("address {}", store.address());
    }
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
    let servers = KINDS.map(|_| {
        let guard: i32 = said("guard ").parse().unwrap();
        (guard, directory(guard.cast_unsigned()), said("address ").parse::<SocketAddr>().unwrap())
    });
    killed.kill().unwrap();
    killed.wait().unwrap();
    for (guard, dir, address) in servers {
        let process = rustix::process::Pid::from_raw(guard).unwrap();
        rustix::process::waitpid(Some(process), rustix::process::WaitOptions::empty()).unwrap();
        assert!(TcpStream::connect(address).is_err());
        assert!(!dir.exists());
    }
}
