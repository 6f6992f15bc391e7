//! What a request looks like to the server.

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Method, header};

use super::harness::*;
use crate::Request;

#[tokio::test]
async fn host_and_framing_are_the_clients_own() {
    let server = Server::start(FORBIDDEN, |_| ok("")).await;
    let value = HeaderValue::from_static;
    let request = Request::post(&url(&server))
        .unwrap()
        .header(header::HOST, value("elsewhere.example"))
        .header(header::CONTENT_LENGTH, value("3"))
        .header(header::TRANSFER_ENCODING, value("chunked"))
        .header(header::UPGRADE, value("websocket"))
        .header(header::AUTHORIZATION, value("Bearer shown"))
        .body("0123456789");
    client_of(&[&server]).send(request).await.unwrap();
    let seen = server.requests().remove(0);
    let host = format!("\r\nhost: {}\r\n", server.address);
    assert!(seen.contains(&host) && seen.contains("\r\ncontent-length: 10\r\n"), "{seen}");
    assert!(seen.contains("authorization: bearer shown") && seen.ends_with("0123456789"), "{seen}");
    for left_out in ["elsewhere", "transfer-encoding", "upgrade"] {
        assert!(!seen.contains(left_out), "{seen}");
    }
    assert!(seen.contains("\r\nuser-agent: motet/"), "{seen}");
}

#[tokio::test]
async fn an_empty_body_is_announced_where_one_is_expected() {
    let server = Server::start(FORBIDDEN, |_| ok("")).await;
    let client = client_of(&[&server]);
    for (method, announced) in [(Method::PUT, true), (Method::GET, false), (Method::DELETE, false)]
    {
        client.send(Request::new(method.clone(), &url(&server)).unwrap()).await.unwrap();
        let seen = server.requests().pop().unwrap();
        assert_eq!(seen.contains("content-length: 0"), announced, "{method}: {seen}");
    }
}

#[tokio::test]
async fn a_stream_of_known_length_is_announced() {
    let server = Server::start(FORBIDDEN, |_| ok("")).await;
    let pieces = stream::iter(["one", "two"].map(|it| Ok(Bytes::from_static(it.as_bytes()))));
    let request = Request::new(Method::PUT, &url(&server)).unwrap().stream(pieces, Some(6));
    client_of(&[&server]).send(request).await.unwrap();
    assert!(server.requests()[0].ends_with("content-length: 6\r\n\r\nonetwo"));
}

#[tokio::test]
async fn the_answer_to_a_head_request_has_no_body() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n";
    let server = Server::start(FORBIDDEN, move |_| Reply::Say(head.to_owned())).await;
    let client = client_of(&[&server]);
    for _ in 0..2 {
        let request = Request::new(Method::HEAD, &url(&server)).unwrap();
        let answer = client.send(request).await.unwrap();
        assert_eq!(answer.headers[header::CONTENT_LENGTH], "99999999");
        assert!(answer.body.bytes().await.unwrap().is_empty());
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_tunnel_is_not_opened() {
    assert_eq!(Request::new(Method::CONNECT, "http://a.example").unwrap_err().code(), "url");
}
