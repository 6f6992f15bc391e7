//! Requests that HTTP does not allow, that are too large, or that end in the middle (`spec/trust.md` 9).

use std::net::SocketAddr;

use names::ObjectId;
use testkit::{Ground, Person, Server, Story, answers_in};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, Interest},
    net::{TcpSocket, TcpStream},
};

use crate::{MOTET, server_and_anna};

/// A request head, with a line for each header, and the empty line that ends it.
fn head(server: &Server, request_line: &str, headers: &[String]) -> Vec<u8> {
    let host = format!("host: {}", server.authority());
    let lines = [request_line.to_owned(), host].into_iter().chain(headers.iter().cloned());
    format!("{}\r\n\r\n", lines.collect::<Vec<_>>().join("\r\n")).into_bytes()
}

/// The head of a signed upload of which `announced` bytes are said to come.
fn upload_head(server: &Server, anna: &Person, announced: u64) -> Vec<u8> {
    let sha256 = [7; 32];
    let target = "/anna/song/push/objects";
    let request =
        server.post(target).header("content-type", "application/x-msgpack").digest(sha256);
    let headers = [
        "content-type: application/x-msgpack".to_owned(),
        format!("content-length: {announced}"),
        format!("content-digest: {}", keys::format_content_digest(&sha256)),
        format!("authorization: {}", request.credentials(anna)),
    ];
    head(server, &format!("POST {target} HTTP/1.1"), &headers)
}

async fn lives(server: &Server) {
    server.get("/healthz").send().await.assert_status(200);
}

#[tokio::test]
async fn a_push_of_more_than_500_mib_is_refused_by_what_it_announces() {
    let (server, anna) = server_and_anna().await;
    let answers = answers_in(&server.cut(&upload_head(&server, &anna, (500 << 20) + 1)).await);
    answers[0].assert_refused(413, "too_large");
    lives(&server).await;
}

/// The client waits for an answer and sends nothing: the server gives up on the body after ten seconds.
#[tokio::test]
async fn a_client_that_waits_is_told_that_its_push_is_too_large() {
    let (server, anna) = server_and_anna().await;
    let mut connection = server.connect().await;
    connection.send(&upload_head(&server, &anna, (500 << 20) + 1)).await;
    connection.answer().await.assert_refused(413, "too_large");
}

#[tokio::test]
async fn an_address_has_at_most_16_kib() {
    let server = Server::start(MOTET).await;
    for (bytes, status) in [(16 << 10, 404), (17 << 10, 414)] {
        let target = format!("/{}", "a".repeat(bytes - 1));
        let bytes = head(
            &server,
            &format!("GET {target} HTTP/1.1"),
            &["user-agent: motet-testkit".to_owned(), "connection: close".to_owned()],
        );
        assert_eq!(answers_in(&server.raw(&bytes).await)[0].status, status);
    }
    lives(&server).await;
}

#[tokio::test]
async fn a_request_has_at_most_100_headers() {
    let server = Server::start(MOTET).await;
    // `host` and `connection` stand beside them.
    for (count, status) in [(98, 200), (99, 431), (500, 431)] {
        let mut headers: Vec<_> = (0..count).map(|number| format!("x-{number}: 1")).collect();
        headers.push("connection: close".to_owned());
        let bytes = head(&server, "GET /livez HTTP/1.1", &headers);
        assert_eq!(answers_in(&server.raw(&bytes).await)[0].status, status, "{count} headers");
    }
    lives(&server).await;
}

#[tokio::test]
async fn a_head_has_at_most_32_kib() {
    let server = Server::start(MOTET).await;
    for (bytes, status) in [(30 << 10, 200), (33 << 10, 431), (1 << 20, 431)] {
        let headers = [format!("x-long: {}", "a".repeat(bytes)), "connection: close".to_owned()];
        let bytes = head(&server, "GET /livez HTTP/1.1", &headers);
        assert_eq!(answers_in(&server.raw(&bytes).await)[0].status, status);
    }
    lives(&server).await;
}

#[tokio::test]
async fn what_is_not_http_is_refused_and_the_connection_closed() {
    let server = Server::start(MOTET).await;
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\r\n\r\nGET\r\n\r\n",
    ] {
        let answers = answers_in(&server.raw(bytes).await);
        assert!(answers.iter().all(|it| it.status == 400), "{answers:?}");
    }
    lives(&server).await;
}

/// Two lengths, or a length beside pieces, are how requests are smuggled past proxies (RFC 9112 §6.3).
#[tokio::test]
async fn a_body_with_two_lengths_is_never_read_as_two_requests() {
    let server = Server::start(MOTET).await;
    let smuggled = "GET /livez HTTP/1.1\r\nhost: x\r\n\r\n";
    for headers in [
        vec!["content-length: 0".to_owned(), format!("content-length: {}", smuggled.len())],
        vec![
            format!("content-length: {}", smuggled.len() + 5),
            "transfer-encoding: chunked".to_owned(),
        ],
    ] {
        let headers = [headers, vec!["content-type: application/json".to_owned()]].concat();
        let mut bytes = head(&server, "POST /api/v1/auth/challenge HTTP/1.1", &headers);
        bytes.extend_from_slice(format!("0\r\n\r\n{smuggled}").as_bytes());
        let answers = answers_in(&server.cut(&bytes).await);
        assert!(answers.iter().all(|it| it.status >= 400), "{answers:?}");
    }
    lives(&server).await;
}

#[tokio::test]
async fn a_head_without_an_end_gets_no_answer_and_harms_nobody() {
    let server = Server::start(MOTET).await;
    for half in ["GET /heal", "GET /healthz HTTP/1.1\r\nhost: x\r\nx-slo"] {
        let answers = answers_in(&server.cut(half.as_bytes()).await);
        assert!(answers.iter().all(|it| matches!(it.status, 400 | 408)), "{answers:?}");
    }
    lives(&server).await;
}

#[tokio::test]
async fn a_head_that_never_ends_is_given_up() {
    let server = Server::start(MOTET).await;
    let mut connection = server.connect().await;
    connection.send(b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow").await;
    let answers = answers_in(&connection.rest().await);
    assert!(answers.iter().all(|it| it.status == 408), "{answers:?}");
    lives(&server).await;
}

#[tokio::test]
async fn a_body_that_is_cut_stores_nothing() {
    let (server, anna) = server_and_anna().await;
    server.create(&anna, "song", "private").await;
    let content = vec![b'a'; 1 << 20];
    let id = ObjectId::of(&content);
    let mut bytes = upload_head(&server, &anna, 2 << 20);
    bytes.extend_from_slice(b"\x81\xa7objects\x91\x82\xa9object_id\xd9\x40");
    bytes.extend_from_slice(id.to_string().as_bytes());
    bytes.extend_from_slice(b"\xa7content\xc6\x00\x10\x00\x00");
    bytes.extend_from_slice(&content);
    let answers = answers_in(&server.cut(&bytes).await);
    assert!(answers.iter().all(|it| (400..500).contains(&it.status)), "{answers:?}");
    assert_eq!(server.missing(&anna, "anna/song", &[id]).await, [id]);
    lives(&server).await;
    // The server may still be putting the rest away when the connection is gone; a stop waits for it.
    let mut server = server;
    server.stop().await;
    assert_eq!(server.stored().await, 0);
}

#[tokio::test]
async fn a_target_in_absolute_form_is_refused() {
    let (server, anna) = server_and_anna().await;
    let target = format!("{}/api/v1/me", server.base_url());
    let request = server.get(&target);
    let headers =
        [format!("authorization: {}", request.credentials(&anna)), "connection: close".to_owned()];
    let bytes = head(&server, &format!("GET {target} HTTP/1.1"), &headers);
    answers_in(&server.raw(&bytes).await)[0].assert_refused(400, "malformed");
}

/// A connection from an address of this machine that the test kit does not come from.
async fn from(address: &str, server: &Server) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(address.parse().unwrap(), 0)).unwrap();
    socket.connect(server.address()).await.unwrap()
}

/// Asks over a connection that stays open, and reads whether there is an answer.
async fn is_answered(connection: &mut TcpStream, server: &Server) -> bool {
    let asked = connection.write_all(&head(server, "GET /livez HTTP/1.1", &[])).await;
    let mut piece = [0; 12];
    asked.is_ok() && connection.read_exact(&mut piece).await.is_ok() && piece == *b"HTTP/1.1 200"
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_others_are_served() {
    let server = Server::with(MOTET).arg("--connections-per-address").arg("4").start().await;
    let mut open = Vec::new();
    for _ in 0..4 {
        let mut connection = from("127.0.0.2", &server).await;
        assert!(is_answered(&mut connection, &server).await);
        open.push(connection);
    }
    for _ in 0..3 {
        assert!(!is_answered(&mut from("127.0.0.2", &server).await, &server).await);
    }
    assert!(is_answered(&mut from("127.0.0.3", &server).await, &server).await);
    // Those that are there already go on.
    let first = open.first_mut().unwrap();
    first
        .write_all(&head(&server, "GET /livez HTTP/1.1", &["connection: close".to_owned()]))
        .await
        .unwrap();
    let mut rest = String::new();
    first.read_to_string(&mut rest).await.unwrap();
    assert!(rest.contains("HTTP/1.1 200"), "{rest}");
    lives(&server).await;
}

#[tokio::test]
async fn a_proxy_has_as_many_connections_as_it_needs() {
    let setup = Server::with(MOTET).arg("--connections-per-address").arg("2");
    let server = setup.arg("--trusted-proxy").arg("127.0.0.2").start().await;
    let mut open = Vec::new();
    for _ in 0..8 {
        let mut connection = from("127.0.0.2", &server).await;
        assert!(is_answered(&mut connection, &server).await);
        open.push(connection);
    }
}

/// A client that asks for much and reads nothing: its connection is cut, and what it was to get is forgotten.
#[tokio::test]
async fn whoever_reads_nothing_of_an_answer_loses_its_connection() {
    let setup = Server::with(MOTET).on(Ground::SqliteDisk).arg("--stall-seconds").arg("1");
    let server = setup.start().await;
    let anna = server.register("anna").await;
    let large = vec![b'.'; 48 << 20];
    let mut story = Story::default();
    story.commit(&[], "large", &[("large.bin", &large)]);
    server.create(&anna, "song", "public").await;
    server.push_story(&anna, "anna/song", &story, "main").await;
    let mut stalled = from("127.0.0.2", &server).await;
    let user_agent = "user-agent: motet-testkit".to_owned();
    let asked = head(&server, "GET /anna/song/raw/main/large.bin HTTP/1.1", &[user_agent]);
    stalled.write_all(&asked).await.unwrap();
    stalled.ready(Interest::ERROR).await.unwrap();
    let mut got = Vec::new();
    assert!(stalled.read_to_end(&mut got).await.is_err() || got.len() < large.len());
    lives(&server).await;
    // Whoever reads, at whatever speed, gets all of it.
    let whole = server.get("/anna/song/raw/main/large.bin").send().await;
    assert_eq!(whole.body.len(), large.len());
}

#[tokio::test]
async fn a_connection_without_requests_is_closed() {
    let setup = Server::with(MOTET).arg("--idle-seconds").arg("1").arg("--head-seconds").arg("1");
    let server = setup.start().await;
    let mut connection = from("127.0.0.2", &server).await;
    assert!(is_answered(&mut connection, &server).await);
    let mut rest = String::new();
    connection.read_to_string(&mut rest).await.unwrap();
    assert!(!rest.contains("HTTP/1.1"), "{rest}");
    lives(&server).await;
}
