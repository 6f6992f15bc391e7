//! Who signs, is believed; who does not, is not (`spec/trust.md` 3.2, 16.1-16.12).

use names::{Clock, Secret};
use testkit::{Person, Request, Server};

use crate::server_and_anna;

/// A signed reading request that succeeds unless it is broken.
fn me(server: &Server) -> Request {
    server.get("/api/v1/me")
}

/// A signed writing request that succeeds unless it is broken.
fn create(server: &Server) -> Request {
    server.post("/api/v1/repos").json(&serde_json::json!({ "name": "song" }))
}

async fn nothing_was_made(server: &Server, anna: &Person) {
    server.get("/api/v1/repos/anna/song").by(anna).send().await.assert_status(404);
}

#[tokio::test]
async fn a_clock_may_be_off_by_30_seconds_and_no_more() {
    let (server, anna) = server_and_anna().await;
    let now = Clock::default().now().seconds();
    // The server's clock goes on meanwhile: a second of room on the sides that it moves to.
    for off in [-28, 30] {
        me(&server).at(now + off).by(&anna).send().await.assert_status(200);
    }
    for off in [-31, 33, -3600, 1_000_000] {
        let refused = me(&server).at(now + off).by(&anna).send().await;
        refused.assert_refused(401, "clock_skew");
        let server_time = refused.json()["server_time"].as_str().unwrap().to_owned();
        assert!(server_time.starts_with("20") && server_time.ends_with('Z'), "{server_time}");
    }
}

#[tokio::test]
async fn the_wire_tells_the_time_to_those_who_speak_protocol_2() {
    let (server, anna) = server_and_anna().await;
    let request = server.get("/anna/song/refs").header("motet-protocol", "2");
    let late = request.ts() - 31;
    let refused = request.at(late).by(&anna).send().await;
    refused.assert_refused(401, "clock_skew");
    assert!(refused.json()["server_time"].is_string());
}

#[tokio::test]
async fn a_body_without_a_digest_is_refused() {
    let (server, anna) = server_and_anna().await;
    create(&server).without_digest().by(&anna).send().await.assert_refused(401, "digest_required");
    let other = create(&server).without_digest().header("content-digest", "sha-512=:AAAA:");
    other.by(&anna).send().await.assert_refused(401, "digest_required");
    nothing_was_made(&server, &anna).await;
}

#[tokio::test]
async fn a_body_with_another_digest_is_refused() {
    let (server, anna) = server_and_anna().await;
    create(&server).digest([7; 32]).by(&anna).send().await.assert_refused(401, "digest_mismatch");
    nothing_was_made(&server, &anna).await;
}

#[tokio::test]
async fn a_digest_that_was_not_signed_is_refused() {
    let (server, anna) = server_and_anna().await;
    let signed = create(&server);
    let other = signed.clone().without_digest().body(r#"{"name":"evil"}"#);
    let sha256 = *names::ObjectId::of(br#"{"name":"evil"}"#).as_bytes();
    let request = other
        .header("authorization", &signed.credentials(&anna))
        .header("content-digest", &keys::format_content_digest(&sha256));
    request.send().await.assert_refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_packed_body_is_refused() {
    let (server, anna) = server_and_anna().await;
    let refused = create(&server).header("content-encoding", "gzip").by(&anna).send().await;
    refused.assert_refused(415, "unsupported_media_type");
}

#[tokio::test]
async fn what_is_signed_for_another_install_is_worth_nothing_here() {
    let (server, anna) = server_and_anna().await;
    for authority in ["other.example", "127.0.0.1", "localhost"] {
        me(&server).authority(authority).by(&anna).send().await.assert_refused(421, "misdirected");
    }
    let elsewhere = me(&server).authority("other.example");
    let carried = me(&server).header("authorization", &elsewhere.credentials(&anna));
    carried.send().await.assert_refused(401, "unauthenticated");
}

/// The same with another character behind `part`.
fn with_another_character(credentials: &str, part: &str) -> String {
    let (before, after) = credentials.split_once(part).unwrap();
    let other = if after.starts_with('A') { 'B' } else { 'A' };
    format!("{before}{part}{other}{}", &after[1..])
}

#[tokio::test]
async fn every_signed_part_counts() {
    let (server, anna) = server_and_anna().await;
    let signed = create(&server);
    let credentials = signed.credentials(&anna);
    let digest = keys::format_content_digest(names::ObjectId::of(br#"{"name":"song"}"#).as_bytes());
    let carried = async |request: Request| {
        request.header("authorization", &credentials).header("content-digest", &digest).send().await
    };
    let body = r#"{"name":"song"}"#;
    let json =
        |target: &str| server.post(target).header("content-type", "application/json").body(body);
    let other_method = server
        .request(http::Method::PUT, "/api/v1/repos")
        .header("content-type", "application/json");
    // No route takes the method, so nobody looks at the signature.
    carried(other_method.body(body)).await.assert_status(405);
    carried(json("/api/v1/repos?")).await.assert_refused(401, "unauthenticated");
    carried(json("/api/v1/repos?a=b")).await.assert_refused(401, "unauthenticated");
    let other_type = server
        .post("/api/v1/repos")
        .header("content-type", "application/json; charset=utf-8")
        .body(body);
    carried(other_type).await.assert_refused(401, "unauthenticated");
    let other_moment = credentials
        .replace(&format!("ts=\"{}\"", signed.ts()), &format!("ts=\"{}\"", signed.ts() + 1));
    let others =
        ["nonce=\"", "key=\"SHA256:"].map(|part| with_another_character(&credentials, part));
    for other in others.into_iter().chain([other_moment]) {
        assert_ne!(other, credentials);
        let request = json("/api/v1/repos").header("authorization", &other);
        let answer = request.header("content-digest", &digest).send().await;
        answer.assert_refused(401, "unauthenticated");
    }
    nothing_was_made(&server, &anna).await;
    carried(json("/api/v1/repos")).await.assert_status(201);
}

/// The same address, and another thing to do there.
#[tokio::test]
async fn what_was_signed_to_be_changed_does_not_take_it_away() {
    let (server, anna) = server_and_anna().await;
    let body = serde_json::json!({ "confirm": "anna" });
    let asked = |method| server.request(method, "/api/v1/me").json(&body);
    let credentials = asked(http::Method::PATCH).credentials(&anna);
    let digest = names::ObjectId::of(body.to_string().as_bytes());
    let digest = keys::format_content_digest(digest.as_bytes());
    let leave = asked(http::Method::DELETE).header("authorization", &credentials);
    let leave = leave.header("content-digest", &digest).send().await;
    leave.assert_refused(401, "unauthenticated");
    // What is signed is believed: here no field is called so.
    let change = asked(http::Method::PATCH).header("authorization", &credentials);
    let change = change.header("content-digest", &digest).send().await;
    assert!(matches!(change.status, 400 | 422), "{}", change.text());
    me(&server).by(&anna).send().await.assert_status(200);
}

#[tokio::test]
async fn two_credentials_are_malformed() {
    let (server, anna) = server_and_anna().await;
    let request = me(&server).by(&anna);
    let twice = request.clone().header("authorization", &request.credentials(&anna));
    twice.send().await.assert_refused(400, "malformed");
    request
        .header("authorization", "Bearer mt_personal_x")
        .send()
        .await
        .assert_refused(400, "malformed");
}

#[tokio::test]
async fn a_header_that_is_not_exactly_msign_is_malformed() {
    let (server, anna) = server_and_anna().await;
    let good = me(&server).credentials(&anna);
    let sig = good.split("sig=\"").nth(1).unwrap().trim_end_matches('"').to_owned();
    let without = |name: &str| {
        let params: Vec<_> = good
            .strip_prefix("MSign ")
            .unwrap()
            .split(", ")
            .filter(|it| !it.starts_with(name))
            .collect();
        format!("MSign {}", params.join(", "))
    };
    for bad in [
        without("key="),
        without("ts="),
        without("nonce="),
        without("sig="),
        format!("{good}, ts=\"1795294380\""),
        format!("{good}, alg=\"ed25519\""),
        format!("{good},"),
        good.replace(", ", " "),
        good.replace("ts=\"", "ts=\"+"),
        good.replace('"', "'"),
        good.replace(&sig, &format!("{sig}==")),
        good.replace(&sig, &sig[..85]),
        good.replace("MSign ", "MSign"),
        "MSign".to_owned(),
        good.replace("MSign ", &format!("MSign{}", " ".repeat(514 - good.len()))),
        format!("{good}{}", ", x=\"1\"".repeat(80)),
    ] {
        let refused = me(&server).header("authorization", &bad).send().await;
        assert_eq!(refused.status, 401, "{bad}");
        // Without the blank it is another scheme, and one that nobody knows.
        assert!(
            refused.code() == "signature_malformed" || bad.starts_with("MSignkey"),
            "{bad}: {}",
            refused.text()
        );
    }
    me(&server).header("authorization", &good).send().await.assert_status(200);
}

#[tokio::test]
async fn the_parameters_stand_in_any_order_and_the_scheme_in_any_case() {
    let (server, anna) = server_and_anna().await;
    let request = me(&server);
    let good = request.credentials(&anna);
    let mut params: Vec<_> = good.strip_prefix("MSign ").unwrap().split(", ").collect();
    params.reverse();
    let other = format!("mSIGN   {}", params.join("\t ,  "));
    request.header("authorization", &other).send().await.assert_status(200);
}

#[tokio::test]
async fn a_bearer_that_is_no_token_is_nobody() {
    let (server, _) = server_and_anna().await;
    for target in ["/api/v1/me", "/anna/song/refs", "/api/v1/repos"] {
        let refused = server.get(target).header("authorization", "Bearer test-token").send().await;
        refused.assert_refused(401, "unauthenticated");
    }
    let basic = me(&server).header("authorization", "Basic YW5uYTpzZWNyZXQ=");
    basic.send().await.assert_refused(401, "unauthenticated");
}

#[tokio::test]
async fn an_unknown_key_and_a_wrong_signature_look_the_same() {
    let (server, anna) = server_and_anna().await;
    let stranger = Person::new("stranger", Secret::new([9; 32]));
    for request in [me(&server), create(&server)] {
        let unknown = request.clone().by(&stranger).send().await;
        unknown.assert_refused(401, "unauthenticated");
        // The right key's name over another moment's signature.
        let other = request.clone().at(request.ts() + 1).credentials(&anna);
        let wrong = other.replace(&(request.ts() + 1).to_string(), &request.ts().to_string());
        let digest =
            keys::format_content_digest(names::ObjectId::of(br#"{"name":"song"}"#).as_bytes());
        let wrong =
            request.header("authorization", &wrong).header("content-digest", &digest).send().await;
        assert_eq!(unknown.faceless(), wrong.faceless());
    }
}

#[tokio::test]
async fn a_bad_credential_is_not_the_same_as_none() {
    let (server, anna) = server_and_anna().await;
    server.create(&anna, "open", "public").await;
    let stranger = Person::new("stranger", Secret::new([9; 32]));
    for page in ["/", "/anna", "/anna/open"] {
        server.get(page).send().await.assert_status(200);
        server.get(page).by(&stranger).send().await.assert_status(401);
        server.get(page).header("authorization", "Bearer x").send().await.assert_status(401);
    }
    for target in ["/api/v1/repos/anna/open", "/api/v1/repos", "/anna/open/refs"] {
        server.get(target).send().await.assert_status(200);
        server.get(target).by(&stranger).send().await.assert_refused(401, "unauthenticated");
        let bearer = server.get(target).header("authorization", "Bearer x").send().await;
        bearer.assert_refused(401, "unauthenticated");
    }
}

#[tokio::test]
async fn a_credential_in_the_query_signs_nobody_in() {
    let (server, anna) = server_and_anna().await;
    server.create(&anna, "song", "private").await;
    let refused = server
        .get("/api/v1/repos/anna/song?access_token=mt_personal_x&authorization=MSign")
        .send()
        .await;
    assert!(matches!(refused.status, 400 | 404), "{}", refused.text());
}
