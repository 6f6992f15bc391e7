//! How long and how much: each limit reached ends in an error that says which.

use std::{future::pending, io, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::harness::*;
use crate::{Client, Error, Limits, Listed, Part, Policy, Request, Stage};

const SHORT: Duration = Duration::from_millis(80);
const PACE: Duration = Duration::from_millis(5);
const HEAD: &str = "HTTP/1.1 200 OK\r\n\r\n";

fn endless() -> Reply {
    Reply::Drip(HEAD.to_owned(), "0123456789abcdef", Duration::from_micros(10))
}

fn capped(bytes: u64) -> Limits {
    hasty(|it| it.response_bytes = bytes)
}

fn stage(error: &Error) -> Option<Stage> {
    if let Error::Timeout { stage, .. } = error { Some(*stage) } else { None }
}

fn part(error: &Error) -> Option<Part> {
    if let Error::TooLarge { part, .. } = error { Some(*part) } else { None }
}

async fn ask(server: &Server, limits: Limits) -> Result<Bytes, Error> {
    let request = Request::post(&url(server)).unwrap().body("body").limits(limits);
    client_of(&[server]).send(request).await?.body.bytes().await
}

#[tokio::test]
async fn an_endless_body_is_cut_at_the_cap() {
    let server = Server::start(FORBIDDEN, |_| endless()).await;
    let request = Request::get(&url(&server)).unwrap().limits(capped(1000));
    let mut body = client_of(&[&server]).send(request).await.unwrap().body;
    let mut read = 0;
    let error = loop {
        match body.chunk().await {
            Ok(chunk) => read += chunk.expect("it never ends").len(),
            Err(error) => break error,
        }
    };
    assert_eq!(part(&error), Some(Part::Response));
    assert!(read <= 1000, "{read} bytes came through");
    assert!(body.chunk().await.is_err(), "what was cut never looks whole");
}

#[tokio::test]
async fn a_stream_of_chunks_ends_with_its_error() {
    let server = Server::start(FORBIDDEN, |_| endless()).await;
    let request = Request::get(&url(&server)).unwrap().limits(capped(1000));
    let body = client_of(&[&server]).send(request).await.unwrap().body;
    let read: Result<Vec<_>, _> = body.into_stream().try_collect().await;
    assert_eq!(read.unwrap_err().code(), "too_large");
}

#[tokio::test]
async fn an_announced_size_is_refused_before_it_is_read() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n";
    let server = Server::start(FORBIDDEN, move |_| Reply::Stall(head.to_owned())).await;
    let error = ask(&server, capped(1000)).await.unwrap_err();
    assert_eq!(part(&error), Some(Part::Response));
}

#[tokio::test]
async fn a_beginning_is_read_of_a_body_of_any_size() {
    let server = Server::start(FORBIDDEN, |_| endless()).await;
    let request = Request::get(&url(&server)).unwrap().limits(capped(1 << 20));
    let body = client_of(&[&server]).send(request).await.unwrap().body;
    assert_eq!(body.beginning(20).await.unwrap(), "0123456789abcdef0123");
}

#[tokio::test]
async fn a_head_has_a_bounded_size() {
    let huge = format!("HTTP/1.1 200 OK\r\nX-Huge: {}\r\n\r\n", "x".repeat(100 << 10));
    let server = Server::start(FORBIDDEN, move |_| Reply::Stall(huge.clone())).await;
    let error = ask(&server, hasty(|_| ())).await.unwrap_err();
    assert_eq!(part(&error), Some(Part::Head), "{error}");
}

#[tokio::test]
async fn a_request_has_a_bounded_size() {
    let server = Server::start(FORBIDDEN, |_| Reply::Stall(String::new())).await;
    let limits = hasty(|it| it.request_bytes = 10);
    let pieces = || stream::repeat_with(|| Ok(Bytes::from_static(b"1234"))).take(3);
    for request in [
        Request::post(&url(&server)).unwrap().body("12345678901"),
        Request::post(&url(&server)).unwrap().stream(pieces(), Some(12)),
        Request::post(&url(&server)).unwrap().stream(pieces(), None),
    ] {
        let error = client_of(&[&server]).send(request.limits(limits)).await.unwrap_err();
        assert_eq!(part(&error), Some(Part::Request), "{error}");
    }
}

#[tokio::test]
async fn a_body_that_fails_is_the_callers_fault() {
    let server = Server::start(FORBIDDEN, |_| Reply::Stall(String::new())).await;
    let broken = stream::iter([Ok(Bytes::from_static(b"1")), Err(io::Error::other("disk gone"))]);
    let request = Request::post(&url(&server)).unwrap().stream(broken, None);
    let error = client_of(&[&server]).send(request).await.unwrap_err();
    assert_eq!(error.code(), "request_body");
    assert!(error.to_string().ends_with("disk gone"), "{error}");
}

#[tokio::test]
async fn a_silent_resolver_runs_out_of_time() {
    let policy = Policy::Public(public(&[]));
    let limits = hasty(|it| it.resolve = SHORT);
    let client = Client::new(settings(policy, Arc::new(SilentNames)).limits(limits)).unwrap();
    let error = client.check("http://silent.example/").await.unwrap_err();
    assert_eq!(stage(&error), Some(Stage::Resolve));
    assert_eq!(
        error.to_string(),
        "http://silent.example: looking up the name took longer than 80 ms"
    );
}

#[tokio::test]
async fn a_silent_handshake_runs_out_of_time() {
    let (_silent, port) = canary();
    let url = format!("https://127.0.0.1:{port}");
    let policy = Policy::OperatorListed(Listed::new().with(url.parse().unwrap()));
    let request = Request::get(&url).unwrap().limits(hasty(|it| it.connect = SHORT));
    let error = client(policy, Names::default()).send(request).await.unwrap_err();
    assert_eq!(stage(&error), Some(Stage::Connect));
}

#[tokio::test]
async fn a_silent_server_runs_out_of_time() {
    let server = Server::start(FORBIDDEN, |_| Reply::Stall(String::new())).await;
    let error = ask(&server, hasty(|it| it.first_byte = SHORT)).await.unwrap_err();
    assert_eq!(stage(&error), Some(Stage::FirstByte));
}

#[tokio::test]
async fn a_body_that_is_never_sent_runs_out_of_time() {
    let server = Server::start(FORBIDDEN, |_| Reply::Stall(String::new())).await;
    let request = Request::post(&url(&server)).unwrap().stream(stream::once(pending()), None);
    let request = request.limits(hasty(|it| it.first_byte = SHORT));
    let error = client_of(&[&server]).send(request).await.unwrap_err();
    assert_eq!(stage(&error), Some(Stage::FirstByte));
}

#[tokio::test]
async fn a_server_that_falls_silent_runs_out_of_time() {
    let server = Server::start(FORBIDDEN, |_| Reply::Stall(format!("{HEAD}half"))).await;
    let error = ask(&server, hasty(|it| it.idle = SHORT)).await.unwrap_err();
    assert_eq!(stage(&error), Some(Stage::Idle));
}

#[tokio::test]
async fn a_server_that_drips_runs_out_of_time_in_all() {
    let server = Server::start(FORBIDDEN, |_| Reply::Drip(HEAD.to_owned(), ".", PACE)).await;
    let error = ask(&server, hasty(|it| it.total = SHORT)).await.unwrap_err();
    assert_eq!(stage(&error), Some(Stage::Total));
}

#[tokio::test]
async fn nobody_there_is_a_connection_that_failed() {
    let (canary, port) = canary();
    drop(canary);
    let url = format!("http://127.0.0.1:{port}");
    let policy = Policy::OperatorListed(Listed::new().with(url.parse().unwrap()));
    let request = Request::get(&url).unwrap();
    let error = client(policy, Names::default()).send(request).await.unwrap_err();
    assert_eq!(error.code(), "connection");
}

#[tokio::test]
async fn what_is_not_http_is_a_connection_that_failed() {
    let server =
        Server::start(FORBIDDEN, |_| Reply::Say("SSH-2.0-nobody\r\n\r\n".to_owned())).await;
    assert_eq!(ask(&server, hasty(|_| ())).await.unwrap_err().code(), "connection");
}
