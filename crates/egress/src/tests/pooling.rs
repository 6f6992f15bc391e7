//! When a connection is used again.

use std::{sync::Arc, time::Duration};

use futures_util::stream;

use super::harness::*;
use crate::{Client, Listed, Policy, Request};

async fn ask_twice(client: &Client, server: &Server) {
    for _ in 0..2 {
        let answer = client.send(Request::get(&url(server)).unwrap()).await.unwrap();
        answer.body.bytes().await.unwrap();
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_connection_is_used_again_when_its_answer_was_read() {
    let server = Server::start(FORBIDDEN, |_| ok("all of it")).await;
    ask_twice(&client_of(&[&server]), &server).await;
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_beginning_that_is_all_of_it_leaves_the_connection_whole() {
    let server = Server::start(FORBIDDEN, |_| ok("all")).await;
    let client = client_of(&[&server]);
    for _ in 0..2 {
        let answer = client.send(Request::get(&url(&server)).unwrap()).await.unwrap();
        assert_eq!(answer.body.beginning(3).await.unwrap(), "all");
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn without_reuse_each_request_connects_anew() {
    let server = Server::start(FORBIDDEN, |_| ok("all of it")).await;
    let policy = Policy::OperatorListed(Listed::new().with(origin(&server)));
    let settings = settings(policy, Arc::new(Names::default())).reuse_for(Duration::ZERO);
    ask_twice(&Client::new(settings).unwrap(), &server).await;
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_server_that_closes_is_asked_anew() {
    let close = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
    let server = Server::start(FORBIDDEN, move |_| Reply::Say(close.to_owned())).await;
    ask_twice(&client_of(&[&server]), &server).await;
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn an_answer_that_was_not_read_takes_its_connection_with_it() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";
    let server = Server::start(FORBIDDEN, move |_| Reply::Stall(head.to_owned())).await;
    let client = client_of(&[&server]);
    for expected in 1..=2 {
        drop(client.send(Request::get(&url(&server)).unwrap()).await.unwrap());
        assert_eq!(server.connections(), expected);
    }
}

#[tokio::test]
async fn one_name_at_two_ports_has_two_connections() {
    let (first, second) =
        (Server::start(FORBIDDEN, |_| ok("1")).await, Server::start(FORBIDDEN, |_| ok("2")).await);
    let client = client_of(&[&first, &second]);
    for (server, expected) in [(&first, "1"), (&second, "2"), (&first, "1")] {
        let answer = client.send(Request::get(&url(server)).unwrap()).await.unwrap();
        assert_eq!(answer.body.bytes().await.unwrap(), expected);
    }
    assert_eq!((first.connections(), second.connections()), (1, 1));
}

#[tokio::test]
async fn a_connection_that_still_sends_is_not_used_again() {
    let server = Server::start(FORBIDDEN, |_| ok("early")).await;
    let client = client_of(&[&server]);
    let endless = Request::post(&url(&server)).unwrap().stream(stream::pending(), None);
    let answer = client.send(endless).await.unwrap();
    assert_eq!(answer.body.bytes().await.unwrap(), "early");
    let limits = hasty(|it| it.total = Duration::from_secs(5));
    let next = Request::get(&url(&server)).unwrap().limits(limits);
    client.send(next).await.expect("it does not wait for the body of another request");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_stream_with_a_length_leaves_the_connection_whole() {
    let server = Server::start(FORBIDDEN, |_| ok("all")).await;
    let client = client_of(&[&server]);
    for _ in 0..2 {
        let pieces = ["some ", "bytes"].map(|piece| Ok(piece.into()));
        let request = Request::post(&url(&server)).unwrap();
        let answer = client.send(request.stream(stream::iter(pieces), Some(10))).await.unwrap();
        assert_eq!(answer.body.bytes().await.unwrap(), "all");
    }
    assert!(server.requests().iter().all(|request| request.ends_with("some bytes")));
    assert_eq!(server.connections(), 1);
}
