//! Which hosts a request may name, and which one a local server may listen on (`spec/trust.md` 7, 16.39).

use testkit::{Answer, Server, answers_in};

use crate::MOTET;

const METHODS: [&str; 5] = ["GET", "HEAD", "POST", "DELETE", "OPTIONS"];

async fn local() -> Server {
    Server::with(MOTET).arg("--local").start().await
}

/// The answer to a request with these `Host` lines.
async fn asked(server: &Server, method: &str, path: &str, hosts: &[&str]) -> Answer {
    let lines = hosts.iter().map(|host| format!("host: {host}\r\n")).collect::<Vec<_>>().concat();
    let request = format!(
        "{method} {path} HTTP/1.1\r\n{lines}user-agent: motet-testkit\r\nx-motet-client: testkit\r\n\
         content-type: application/json\r\nconnection: close\r\n\r\n"
    );
    let bytes = server.raw(request.as_bytes()).await;
    // The answer to HEAD says how long a body would be, and has none.
    let bytes = if method == "HEAD" { without_length(&bytes) } else { bytes };
    answers_in(&bytes).into_iter().next().unwrap()
}

fn without_length(answer: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(answer.to_vec()).unwrap();
    let lines = text.lines().map(|line| {
        let is_length = line.to_ascii_lowercase().starts_with("content-length:");
        if is_length { "content-length: 0".to_owned() } else { line.to_owned() }
    });
    lines.map(|line| line + "\r\n").collect::<String>().into_bytes()
}

/// Each method, on an address that is there, one that is not, and health.
async fn each(server: &Server, hosts: &[&str], holds: impl Fn(&Answer) -> bool) {
    for method in METHODS {
        for path in ["/explore", "/api/v1/me", "/anna/song/refs", "/healthz", "/nothing/at/all"] {
            let answer = asked(server, method, path, hosts).await;
            assert!(
                holds(&answer),
                "{method} {path} {hosts:?}: {} {}",
                answer.status,
                answer.text()
            );
        }
    }
}

#[tokio::test]
async fn a_local_server_answers_to_this_machine_at_its_port() {
    let server = local().await;
    let port = server.address().port();
    for host in [
        "127.0.0.1",
        "127.0.0.2",
        "localhost",
        "LOCALHOST",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
    ] {
        let host = format!("{host}:{port}");
        each(&server, &[&host], |it| {
            !matches!(it.status, 400 | 421) && it.code() != "forbidden_host"
        })
        .await;
        assert_eq!(asked(&server, "GET", "/explore", &[&host]).await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn a_local_server_answers_to_no_other_name() {
    let server = local().await;
    let port = server.address().port();
    let with_port = |host: &str| format!("{host}:{port}");
    let mut forbidden: Vec<_> = [
        "[::ffff:10.0.0.1]",
        "10.0.0.1",
        "192.168.1.5",
        "0.0.0.0",
        "[::]",
        "localhost.",
        "127.0.0.1.",
        "x.localhost",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "0177.0.0.1",
    ]
    .map(with_port)
    .to_vec();
    // Not its port, or not as it is written.
    forbidden.extend(["localhost", "127.0.0.1", "[::1]"].map(str::to_owned));
    forbidden.extend(["localhost:", "[::1]:80", "127.0.0.1:80", "localhost:1"].map(str::to_owned));
    forbidden.push(format!("localhost:0{port}"));
    for host in &forbidden {
        each(&server, &[host], |it| it.status == 403).await;
        let told = asked(&server, "GET", "/api/v1/me", &[host]).await;
        told.assert_refused(403, "forbidden_host");
    }
}

#[tokio::test]
async fn a_host_that_cannot_be_read_is_refused() {
    let server = local().await;
    let port = server.address().port();
    let own = format!("localhost:{port}");
    let mut unreadable: Vec<_> = [
        "user@localhost",
        "[::1%lo]",
        "*",
        "local host",
        "localhost,evil.example",
        "::1",
        "::ffff:127.0.0.1",
        "::",
    ]
    .map(|host| format!("{host}:{port}"))
    .to_vec();
    unreadable.extend(["[::1", "", ":7420", "::1"].map(str::to_owned));
    for host in &unreadable {
        each(&server, &[host], |it| it.status == 400).await;
    }
    each(&server, &[], |it| it.status == 400).await;
    each(&server, &[&own, &own], |it| it.status == 400).await;
    each(&server, &[&own, "evil.example"], |it| it.status == 400).await;
}

#[tokio::test]
async fn elsewhere_an_install_answers_to_its_names_and_tells_its_health_to_all() {
    let server = Server::with(MOTET).arg("--host").arg("forge.example").start().await;
    for (host, status) in [("forge.example", 200), ("FORGE.example", 200), ("evil.example", 421)] {
        assert_eq!(asked(&server, "GET", "/explore", &[host]).await.status, status, "{host}");
    }
    for method in METHODS {
        for path in ["/explore", "/api/v1/me", "/anna/song/refs", "/static/x.css", "/nothing"] {
            let told = asked(&server, method, path, &["evil.example"]).await;
            assert_eq!(told.status, 421, "{method} {path}");
            assert_eq!(asked(&server, method, path, &[]).await.status, 400, "{method} {path}");
        }
    }
    for path in ["/healthz", "/health", "/readyz", "/livez"] {
        for hosts in [&["10.0.0.7"][..], &["evil.example", "x"], &[]] {
            assert_eq!(asked(&server, "GET", path, hosts).await.status, 200, "{path} {hosts:?}");
        }
    }
}

/// What a local server may listen on, as it is written and as it is.
#[tokio::test]
async fn a_local_server_listens_on_this_machine_alone() {
    for host in ["127.0.0.1", "127.0.0.2", "localhost", "LOCALHOST"] {
        let server = Server::with(MOTET).arg("--local").listen(&format!("{host}:0")).start().await;
        assert!(server.address().ip().is_loopback(), "{host}");
    }
    for host in [
        "[::1]:80",
        "127.0.0.1:80",
        "::ffff:10.0.0.1",
        "10.0.0.1",
        "192.168.1.5",
        "0.0.0.0",
        "::",
        "[::]",
        "localhost.",
        "127.0.0.1.",
        "x.localhost",
        "localhost.evil.example",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "user@localhost",
        "[::1%lo]",
        "[::1",
        "*",
        "local host",
        "",
    ] {
        let ended = Server::with(MOTET).arg("--local").listen(&format!("{host}:0")).refuses().await;
        assert_eq!(ended.code, Some(2), "{host}: {}", ended.log);
    }
}

#[tokio::test]
async fn a_local_server_is_told_nothing_of_the_world() {
    for (flag, value) in [
        ("--public-url", "https://forge.example"),
        ("--trusted-proxy", "127.0.0.1"),
        ("--host", "forge.example"),
        ("--cors-origin", "https://app.example"),
    ] {
        let setup = Server::with(MOTET).arg("--local").arg(flag).arg(value);
        let ended = setup.refuses().await;
        assert_eq!(ended.code, Some(2), "{flag}: {}", ended.log);
        assert!(ended.log.contains("--local"), "{flag}: {}", ended.log);
    }
}

/// What is signed for the name that people know is good behind a proxy of ours, and only there.
#[tokio::test]
async fn a_proxy_of_ours_says_what_the_install_was_called() {
    let server = Server::with(MOTET)
        .arg("--host")
        .arg("forge.example")
        .arg("--trusted-proxy")
        .arg("127.0.0.1")
        .start()
        .await;
    let anna = server.register("anna").await;
    let me = server.get("/api/v1/me").authority("forge.example").by(&anna);
    me.clone().send().await.assert_status(200);
    // Signed for the name, sent to the address of the machine.
    let signed = me.credentials(&anna);
    let passed_on = server.get("/api/v1/me").header("authorization", &signed);
    let by_proxy = passed_on.clone().header("x-forwarded-host", "forge.example");
    by_proxy.send().await.assert_status(200);
    passed_on.send().await.assert_refused(401, "unauthenticated");
    let elsewhere = server.get("/api/v1/me").by(&anna).header("x-forwarded-host", "evil.example");
    elsewhere.send().await.assert_refused(421, "misdirected");
    let two = server.get("/api/v1/me").by(&anna).header("x-forwarded-host", "forge.example, x");
    two.send().await.assert_refused(400, "malformed");
    // Nobody is believed who is not ours.
    let server = Server::with(MOTET).arg("--host").arg("forge.example").start().await;
    let anna = server.register("anna").await;
    let other = server.get("/api/v1/me").by(&anna).header("x-forwarded-host", "evil.example");
    other.send().await.assert_status(200);
}
