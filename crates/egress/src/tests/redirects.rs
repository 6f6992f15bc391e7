//! Redirects: not followed unless asked for, and each hop judged.

use http::{HeaderValue, header};

use super::harness::*;
use crate::{Listed, Policy, Request};

#[tokio::test]
async fn a_redirect_is_an_answer_unless_asked_otherwise() {
    let server = Server::start(FORBIDDEN, |_| redirect(302, "/elsewhere")).await;
    let answer = client_of(&[&server]).send(Request::get(&url(&server)).unwrap()).await.unwrap();
    assert_eq!(answer.status, 302);
    assert_eq!(answer.headers[header::LOCATION], "/elsewhere");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_chain_is_followed_to_its_end() {
    let server = Server::start(FORBIDDEN, |request| {
        if request.starts_with("get /end") { ok("here") } else { redirect(307, "/end") }
    })
    .await;
    let request = Request::get(&url(&server)).unwrap().follow_redirects(1);
    let answer = client_of(&[&server]).send(request).await.unwrap();
    assert_eq!(answer.body.bytes().await.unwrap(), "here");
}

#[tokio::test]
async fn a_chain_that_turns_private_is_refused_at_that_hop() {
    for host in ["inner.example", "127.0.0.1", "[::ffff:7f00:1]", "2130706433"] {
        let (canary, port) = canary();
        let second = format!("http://{host}:{port}/");
        let second = Server::start(OTHER, move |_| redirect(302, &second)).await;
        let first = format!("http://second.example:{}/", second.port());
        let first = Server::start(PUBLIC, move |_| redirect(302, &first)).await;
        let names = Names::default()
            .with("first.example", &[&[PUBLIC]])
            .with("second.example", &[&[OTHER]])
            .with("inner.example", &[&[FORBIDDEN]]);
        let policy = public(&[first.port(), second.port(), port]);
        let start = format!("http://first.example:{}/", first.port());
        let request = Request::get(&start).unwrap().follow_redirects(5);
        let error = client(Policy::Public(policy), names).send(request).await.unwrap_err();
        assert_eq!(error.code(), "forbidden_address", "{host}");
        assert_eq!((first.requests().len(), second.requests().len()), (1, 1));
        assert_untouched(&canary);
    }
}

#[tokio::test]
async fn a_stranger_cannot_send_us_to_a_listed_origin() {
    let inner = Server::start(FORBIDDEN, |_| ok("inner")).await;
    let target = url(&inner);
    let stranger = Server::start(PUBLIC, move |_| redirect(302, &target)).await;
    let names = Names::default().with("stranger.example", &[&[PUBLIC]]);
    let policy = public(&[stranger.port(), inner.port()]);
    let policy = policy.and_listed(Listed::new().with(origin(&inner)));
    let start = format!("http://stranger.example:{}/", stranger.port());
    let request = Request::get(&start).unwrap().follow_redirects(5);
    let error = client(Policy::Public(policy), names).send(request).await.unwrap_err();
    assert_eq!((error.code(), inner.connections()), ("forbidden_address", 0));
}

#[tokio::test]
async fn a_listed_origin_cannot_send_us_off_the_list() {
    let other = Server::start(FORBIDDEN, |_| ok("")).await;
    let target = url(&other);
    let server = Server::start(FORBIDDEN, move |_| redirect(302, &target)).await;
    let request = Request::get(&url(&server)).unwrap().follow_redirects(5);
    let error = client_of(&[&server]).send(request).await.unwrap_err();
    assert_eq!((error.code(), other.connections()), ("not_listed", 0));
}

#[tokio::test]
async fn credentials_stay_with_the_origin_that_they_were_given_for() {
    let other = Server::start(FORBIDDEN, |_| ok("")).await;
    let target = url(&other);
    let server = Server::start(FORBIDDEN, move |request| {
        if request.starts_with("get /next") {
            redirect(302, &target)
        } else {
            redirect(302, "/next")
        }
    })
    .await;
    let request = Request::get(&url(&server))
        .unwrap()
        .header(header::AUTHORIZATION, HeaderValue::from_static("Bearer hush"))
        .header(header::COOKIE, HeaderValue::from_static("session=hush"))
        .header("x-api-key".parse().unwrap(), HeaderValue::from_static("hush"))
        .header(header::ACCEPT, HeaderValue::from_static("text/plain"))
        .follow_redirects(5);
    client_of(&[&server, &other]).send(request).await.unwrap();
    let hushed: Vec<_> =
        server.requests().iter().map(|request| request.matches("hush").count()).collect();
    assert_eq!(hushed, [3, 3], "the same origin gets them again");
    let arrived = other.requests().remove(0);
    assert!(!arrived.contains("hush") && arrived.contains("accept: text/plain"), "{arrived}");
}

#[tokio::test]
async fn a_chain_has_an_end() {
    let server = Server::start(FORBIDDEN, |_| redirect(302, "/again")).await;
    let request = Request::get(&url(&server)).unwrap().follow_redirects(200);
    let error = client_of(&[&server]).send(request).await.unwrap_err();
    assert_eq!(error.code(), "too_many_redirects");
    assert_eq!(server.requests().len(), 6, "the request and five redirects");
}
