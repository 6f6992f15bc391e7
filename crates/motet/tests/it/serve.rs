//! Starting, health, stopping (`spec/hub.md` 10; `spec/trust.md` 12; `spec/conventions.md`, Time, work and failure).

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use testkit::{Ground, Server, Story};
use tokio::{io::AsyncReadExt as _, net::TcpStream, time::timeout};

use crate::{MOTET, server_and_anna};

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const OTHER_KEY: &str = "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn the_first_start_makes_a_data_directory_for_us_alone() {
    let mut server = Server::with(MOTET).on(Ground::SqliteDisk).start().await;
    let dir = server.data_dir().to_owned();
    assert_eq!(mode(&dir), 0o700);
    for name in ["install.key", "operator.key"] {
        assert_eq!(mode(&dir.join(name)), 0o600, "{name}");
    }
    let before: Vec<_> =
        ["install.key", "operator.key"].map(|it| fs::read(dir.join(it)).unwrap()).to_vec();
    server.stop().await;
    server.restart().await;
    let after: Vec<_> =
        ["install.key", "operator.key"].map(|it| fs::read(dir.join(it)).unwrap()).to_vec();
    assert_eq!(before, after);
}

/// Files and directories below `dir` that others may look into.
fn open_to_others(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        // The hooks of Git lead to the program.
        if path.is_symlink() {
            continue;
        }
        if mode(&path) & 0o077 != 0 {
            found.push(format!("{:o} {}", mode(&path), path.display()));
        }
        if path.is_dir() {
            found.extend(open_to_others(&path));
        }
    }
    found
}

/// The directory itself may have been made by somebody who did not think of it.
#[tokio::test]
async fn nothing_that_the_server_writes_can_be_read_by_others() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let server = Server::with(MOTET).data_dir(dir.path()).start().await;
    let anna = server.register("anna").await;
    let mut story = Story::of_one("a secret");
    let first = story.tip();
    story.commit(
        &[first],
        "a large secret",
        &[("large.bin", &"secret".repeat(1 << 20).into_bytes())],
    );
    server.push_story(&anna, "anna/song", &story, "main").await;
    assert_eq!(open_to_others(dir.path()), Vec::<String>::new());
}

#[tokio::test]
async fn people_and_repositories_outlive_a_stop() {
    let (mut server, anna) = server_and_anna().await;
    let story = Story::of_one("a song");
    server.push_story(&anna, "anna/song", &story, "main").await;
    server.stop().await;
    server.restart().await;
    assert_eq!(server.head(&anna, "anna/song", "main").await, Some(story.tip()));
}

#[tokio::test]
async fn a_second_server_on_the_same_data_refuses_to_start() {
    let server = Server::start(MOTET).await;
    let second = server.beside().refuses().await;
    assert_eq!(second.code, Some(2), "{}", second.log);
    assert!(second.log.contains("is in use by another motet"), "{}", second.log);
    server.get("/healthz").send().await.assert_status(200);
}

#[tokio::test]
async fn the_wrong_install_key_refuses_to_start() {
    let mut server = Server::with(MOTET).env("MOTET_INSTALL_KEY", KEY).start().await;
    server.stop().await;
    let other = server.beside().env("MOTET_INSTALL_KEY", OTHER_KEY).refuses().await;
    assert_eq!(other.code, Some(2), "{}", other.log);
    assert!(
        other.log.contains("install key is not the one that this data was made with"),
        "{}",
        other.log
    );
    assert!(!other.log.contains(OTHER_KEY), "the key is in the log");
    server.restart().await;
    server.get("/healthz").send().await.assert_status(200);
}

#[tokio::test]
async fn a_key_that_is_no_install_key_refuses_to_start() {
    let base64 = |bytes: usize| STANDARD.encode(vec![7; bytes]);
    // The last character before the padding has bits that mean nothing.
    let loose = base64(32).replace("c=", "d=");
    assert_ne!(loose, base64(32));
    for bad in [
        "",
        "short",
        &KEY[..48],
        &KEY[..62],
        &format!("{KEY}00"),
        &format!(" {KEY}"),
        &format!("{KEY} "),
        &"g".repeat(64),
        &base64(24),
        &base64(31),
        &base64(33),
        &loose,
    ] {
        let dir = tempfile::tempdir().unwrap();
        let setup = Server::with(MOTET).on(Ground::SqliteDisk).data_dir(dir.path());
        let ended = setup.env("MOTET_INSTALL_KEY", bad).refuses().await;
        assert_eq!(ended.code, Some(2), "{bad:?}: {}", ended.log);
        assert!(!dir.path().join("motet.db").exists(), "{bad:?}: there are rows");
        assert!(bad.len() < 20 || !ended.log.contains(bad), "{bad:?} is in the log");
    }
    let upper = Server::with(MOTET).env("MOTET_INSTALL_KEY", &KEY.to_uppercase()).start().await;
    upper.get("/healthz").send().await.assert_status(200);
}

#[tokio::test]
async fn a_key_file_that_others_may_read_refuses_to_start() {
    let mut server = Server::with(MOTET).on(Ground::SqliteDisk).start().await;
    server.stop().await;
    let key = server.data_dir().join("install.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let ended = server.beside().refuses().await;
    assert_eq!(ended.code, Some(2), "{}", ended.log);
    assert!(ended.log.contains("chmod 600"), "{}", ended.log);
}

#[tokio::test]
async fn a_public_address_that_is_none_refuses_to_start() {
    let ended =
        Server::with(MOTET).arg("--public-url").arg("https://forge.example/path").refuses().await;
    assert_eq!(ended.code, Some(2), "{}", ended.log);
}

#[tokio::test]
async fn health_follows_the_object_store() {
    let server = Server::with(MOTET).on(Ground::SqliteDisk).start().await;
    let (here, away) = (server.data_dir().join("objects"), server.data_dir().join("away"));
    server.get("/healthz").send().await.assert_status(200);
    fs::rename(&here, &away).unwrap();
    let ill = server.get("/healthz").send().await;
    ill.assert_status(503);
    assert!(ill.json()["objects"] != "ok", "{}", ill.text());
    // The process itself is well: a restart would not help.
    server.get("/livez").send().await.assert_status(200);
    fs::rename(&away, &here).unwrap();
    for target in ["/healthz", "/health", "/readyz"] {
        server.get(target).send().await.assert_status(200);
    }
}

#[tokio::test]
async fn health_is_told_whatever_the_host() {
    let server = Server::start(MOTET).await;
    server.get("/healthz").authority("10.0.0.7").send().await.assert_status(200);
}

/// The server says `100 Continue` when it begins to wait for the body: from then on the request is under way.
#[tokio::test]
async fn a_request_under_way_is_finished_before_the_server_stops() {
    let mut server = Server::start(MOTET).await;
    let body = br#"{"handle":"anna","public_key":"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"}"#;
    let head = format!(
        "POST /api/v1/auth/challenge HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nexpect: 100-continue\r\n\r\n",
        server.authority(),
        body.len()
    );
    let mut connection = server.connect().await;
    connection.send(head.as_bytes()).await;
    connection.interim().await;
    server.terminate();
    closed(&server).await;
    connection.send(body).await;
    let answer = connection.answer().await;
    answer.assert_status(201);
    server.ended_well().await;
}

/// Waits until nobody is let in any more.
async fn closed(server: &Server) {
    let waiting = async { while TcpStream::connect(server.address()).await.is_ok() {} };
    timeout(Duration::from_secs(10), waiting).await.unwrap();
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_up_the_stop() {
    let mut server = Server::start(MOTET).await;
    let mut connection = server.connect().await;
    connection
        .send(format!("GET /livez HTTP/1.1\r\nhost: {}\r\n\r\n", server.authority()).as_bytes())
        .await;
    connection.answer().await.assert_status(200);
    timeout(Duration::from_secs(5), server.stop()).await.unwrap();
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_off() {
    let mut server = Server::with(MOTET).arg("--drain-seconds").arg("1").start().await;
    let mut connection = server.connect().await;
    let head = format!("POST /api/v1/auth/challenge HTTP/1.1\r\nhost: {}\r\n", server.authority());
    let head = format!(
        "{head}content-type: application/json\r\ncontent-length: 50\r\nexpect: 100-continue\r\n\r\n"
    );
    connection.send(head.as_bytes()).await;
    connection.interim().await;
    timeout(Duration::from_secs(10), server.stop()).await.unwrap();
}

#[tokio::test]
async fn counters_are_served_on_a_listener_of_their_own() {
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = Server::with(MOTET).arg("--metrics-listen").arg(address.to_string()).start().await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut stream, request).await.unwrap();
    let mut text = String::new();
    timeout(Duration::from_secs(10), stream.read_to_string(&mut text)).await.unwrap().unwrap();
    assert!(text.starts_with("HTTP/1.1 200") && text.contains("# TYPE motet_"), "{text}");
    server.get("/metrics").send().await.assert_status(404);
}

/// `motet admin reseal`: the data goes under another install key, and the old one is worth nothing from then on.
#[tokio::test]
async fn another_install_key_takes_the_place_of_the_one_before() {
    let mut server = Server::with(MOTET).on(Ground::SqliteDisk).start().await;
    let anna = server.register("anna").await;
    crate::sessions::sign_in(&server, &anna).await;
    let dir = server.data_dir().to_owned();
    let (own, old) = (dir.join("install.key"), dir.with_file_name("old.key"));
    let reseal = |old: &Path| {
        let mut command = std::process::Command::new(MOTET);
        command.args(["admin", "reseal", "--data-dir"]).arg(&dir).arg("--old-key-file").arg(old);
        let output = command.env_clear().env("HOME", &dir).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(said).unwrap())
    };
    let running = reseal(&own);
    assert!(running.0 == 2 && running.1.contains("in use"), "{running:?}");
    server.stop().await;
    fs::rename(&own, &old).unwrap();
    // Another key than the one that the data was made with opens nothing, and nothing is changed.
    let stranger = dir.with_file_name("stranger.key");
    fs::write(&stranger, format!("{}\n", "ab".repeat(32))).unwrap();
    fs::set_permissions(&stranger, fs::Permissions::from_mode(0o600)).unwrap();
    let wrong = reseal(&stranger);
    assert!(wrong.0 == 2 && wrong.1.contains("not made with the key"), "{wrong:?}");
    let done = reseal(&old);
    assert!(done.0 == 0 && done.1.contains("values lie under the new install key"), "{done:?}");
    assert!(reseal(&old).1.contains("already"), "saying it again is no fault");
    // What was sealed opens: the key that signed the session before signs another.
    server.restart().await;
    crate::sessions::sign_in(&server, &anna).await;
    let rows = "/api/v1/admin/audit?action=install_key_changed";
    let rows = server.get(rows).by(&server.operator()).send().await.json();
    assert_eq!(rows["items"].as_array().unwrap().len(), 1);
    server.stop().await;
    fs::copy(&old, &own).unwrap();
    let refused = server.beside().refuses().await;
    assert_eq!(refused.code, Some(2), "{}", refused.log);
}
