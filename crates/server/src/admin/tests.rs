//! The office from another machine: the router of a real house, with the other end of the connection put in by hand.
//!
//! What a connection on this machine can do is tested from outside (`crates/motet/tests/it/jobs.rs`).

use std::net::{IpAddr, Ipv4Addr};

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
    response::Response,
};
use clap::Parser;
use http_body_util::BodyExt as _;
use keys::{CanonicalRequest, Nonce, PrivateKey, sign_request};
use names::{Clock, ObjectId, Random};
use tempfile::TempDir;
use tower::ServiceExt as _;

use crate::{House, ServeArgs, boot, listener::Peer};

const AUTHORITY: &str = "127.0.0.1:7420";
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const AWAY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    serve: ServeArgs,
}

/// A house on a fresh directory, and the operator's key.
async fn house() -> (TempDir, House, PrivateKey) {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data").display().to_string();
    let Cli { serve } = Cli::try_parse_from(["motet", "--data-dir", data.as_str()]).unwrap();
    let ground = boot::ground(&serve).await.unwrap();
    let key = ground.keys.operator.clone();
    let settings = serve.resolve(AUTHORITY.parse().unwrap()).unwrap();
    (dir, House::open(ground, settings).await.unwrap(), key)
}

/// Sends a request that `key` signs, from `peer`.
async fn sent(
    house: &House,
    key: &PrivateKey,
    method: Method,
    target: &str,
    peer: Option<IpAddr>,
) -> Response {
    let nonce = Nonce::generate(&Random::default());
    let canonical = CanonicalRequest {
        method: method.as_str(),
        authority: AUTHORITY,
        target,
        ts: Clock::default().now().seconds(),
        nonce: &nonce,
        content_type: "",
        body_sha256: ObjectId::EMPTY.as_bytes(),
    };
    let mut request = Request::builder()
        .method(&method)
        .uri(target)
        .header(header::HOST, AUTHORITY)
        .header(header::AUTHORIZATION, sign_request(key, &canonical).to_header())
        .header("x-forwarded-for", "127.0.0.1")
        .body(Body::empty())
        .unwrap();
    if peer.is_some_and(|peer| peer.is_loopback()) {
        // Passed on by nobody.
        request.headers_mut().remove("x-forwarded-for");
    }
    if let Some(peer) = peer {
        request.extensions_mut().insert(Peer(peer));
    }
    house.router().oneshot(request).await.unwrap()
}

#[tokio::test]
async fn the_operators_signature_is_worth_nothing_from_another_machine() {
    let (_dir, house, key) = house().await;
    for (method, target) in [
        (Method::GET, "/api/v1/admin/jobs"),
        (Method::GET, "/admin/jobs"),
        (Method::GET, "/api/v1/me"),
        (Method::POST, "/api/v1/admin/schedules/hub.expire/run"),
    ] {
        for peer in [Some(AWAY), None] {
            let answer = sent(&house, &key, method.clone(), target, peer).await;
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{target} from {peer:?}");
        }
        let answer = sent(&house, &key, method, target, Some(HERE)).await;
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(status, StatusCode::OK, "{target}: {}", String::from_utf8_lossy(&body));
    }
    house.close().await;
}

#[tokio::test]
async fn every_route_of_the_office_is_asked_of_the_authority_as_one() {
    let (_dir, house, _) = house().await;
    let office: Vec<_> = house.entries().iter().filter(|it| it.path.contains("/admin/")).collect();
    assert!(office.len() >= 9, "{office:?}");
    for entry in office {
        assert_eq!(entry.action.need(), trust::Need::InstallAdmin, "{entry:?}");
        assert_eq!(entry.action.writes(), entry.method != Method::GET, "{entry:?}");
    }
    house.close().await;
}
