//! The client against a server that checks, or misbehaves.

use keys::{CanonicalRequest, Credentials, PrivateKey, RegistrationMessage};
use names::{Clock, Digest, Random, UnixMillis};
use serde_json::json;

use super::*;
use crate::fake::{self, Asked};

/// 2026-11-21T12:00:00Z.
const NOW: UnixMillis = UnixMillis(1_795_262_400_000);

fn key() -> PrivateKey {
    PrivateKey::generate(&Random::seeded(3))
}

fn client(origin: &Origin, key: Option<PrivateKey>) -> Client {
    let (clock, random) = (Clock::stopped_at(NOW), Random::seeded(4));
    Client::new(origin.clone(), key, Options { clock, random, ..Options::default() }).unwrap()
}

/// The credentials of a request, if they sign exactly what was sent.
fn signed(asked: &Asked) -> Credentials {
    let credentials = Credentials::parse(asked.header("authorization")).unwrap();
    let sha256 = *Digest::of(&asked.body).as_bytes();
    if !asked.body.is_empty() {
        let told = keys::parse_content_digest(asked.header("content-digest")).unwrap();
        assert_eq!(told, sha256);
    }
    let request = CanonicalRequest {
        method: asked.method(),
        authority: asked.header("host"),
        target: asked.target(),
        ts: credentials.ts(),
        nonce: credentials.nonce(),
        content_type: asked.header("content-type"),
        body_sha256: &sha256,
    };
    assert!(request.verify(key().public(), credentials.sig()), "{}", asked.target());
    credentials
}

fn me() -> serde_json::Value {
    let principal = json!({ "id": "1", "handle": "ada", "kind": "person", "created_at": "x" });
    json!({ "principal": principal })
}

fn skew(server_time: &str) -> serde_json::Value {
    json!({
        "type": "/help/errors#clock_skew", "title": "The clock is off", "status": 401,
        "code": "clock_skew", "detail": "your clock is off", "request_id": "r",
        "server_time": server_time,
    })
}

#[tokio::test]
async fn every_request_is_signed_over_what_is_sent_with_a_nonce_of_its_own() {
    let stored = api::Value::from(api::wire::Stored { stored: 1, skipped: 0 });
    let answers = vec![fake::json(200, &me()), fake::message_pack(&stored), fake::json(200, &me())];
    let (origin, asked) = fake::serve(answers);
    let client = client(&origin, Some(key()));
    client.me().await.unwrap();
    let (owner, name) = ("ada".parse().unwrap(), "songs".parse().unwrap());
    let mut batch = ObjectBatch::default();
    batch.push(&names::ObjectId::of(b"one"), b"one");
    client.wire(&owner, &name).push_objects(batch).await.unwrap();
    client.me().await.unwrap();
    let asked = asked.join().unwrap();
    let nonces: std::collections::BTreeSet<_> =
        asked.iter().map(|asked| signed(asked).nonce().clone()).collect();
    assert_eq!(nonces.len(), 3);
    assert_eq!(asked[0].header("host"), origin.authority());
    assert_eq!((asked[1].method(), asked[1].target()), ("POST", "/ada/songs/push/objects"));
    assert_eq!(asked[1].header("motet-protocol"), "2");
    assert_eq!(asked[1].header("accept"), "application/x-msgpack");
}

#[tokio::test]
async fn a_wrong_clock_is_corrected_once_and_the_request_signed_anew() {
    let (origin, asked) = fake::serve(vec![
        fake::json(401, &skew("2026-11-21T13:00:00.250Z")),
        fake::json(200, &me()),
        fake::json(200, &me()),
    ]);
    let client = client(&origin, Some(key()));
    client.me().await.unwrap();
    client.me().await.unwrap();
    let times: Vec<_> = asked.join().unwrap().iter().map(|asked| signed(asked).ts()).collect();
    let now = NOW.seconds();
    assert_eq!(times, [now, now + 3600, now + 3600]);

    let skew = || fake::json(401, &skew("2026-11-21T13:00:00Z"));
    let (origin, asked) = fake::serve(vec![skew(), skew()]);
    let error = self::client(&origin, Some(key())).me().await.unwrap_err();
    assert_eq!(error.refusal_code(), "clock_skew");
    assert_eq!(asked.join().unwrap().len(), 2, "not a third time");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let away = fake::answer(307, "Location: https://elsewhere.example/", b"");
    let (origin, _asked) = fake::serve(vec![away]);
    let error = client(&origin, Some(key())).me().await.unwrap_err();
    assert!(matches!(error, ClientError::Redirect { .. }), "{error}");
}

#[tokio::test]
async fn only_the_registration_that_was_asked_for_is_signed() {
    let nonce = keys::Nonce::challenge(&Random::seeded(5));
    let (handle, other) = ("ada".parse().unwrap(), "eve".parse().unwrap());
    for (authority, asks_for, lifts) in
        [(None, &handle, true), (Some("other.example"), &handle, false), (None, &other, false)]
    {
        // The address is in the message, so the server has to be there before its answer is known.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap().to_string();
        drop(listener);
        let message = RegistrationMessage {
            authority: authority.unwrap_or(&own),
            handle: asks_for,
            fingerprint: key().fingerprint(),
            nonce: &nonce,
            expires_at: NOW.seconds() + 300,
        };
        let challenge = api::json::Challenge {
            challenge_id: "c".into(),
            nonce: nonce.to_string(),
            message: message.text(),
            expires_at: "2026-11-21T12:05:00.999Z".into(),
        };
        let client = client(&format!("http://{own}").parse().unwrap(), None);
        let checked = client.check(&challenge, &handle, &key());
        assert_eq!(checked.is_ok(), lifts, "{checked:?}");
        if let Err(error) = checked {
            assert!(matches!(error, ClientError::Unbelievable { .. }), "{error}");
        }
    }
}

#[tokio::test]
async fn an_answer_without_end_is_not_read() {
    let head =
        "HTTP/1.1 200 X\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n";
    let (origin, _asked) = fake::serve(vec![head.as_bytes().to_vec()]);
    let error = client(&origin, Some(key())).me().await.unwrap_err();
    assert!(matches!(error, ClientError::TooLong { .. }), "{error}");
}

#[tokio::test]
async fn what_is_no_answer_of_the_protocol_is_told() {
    let page = || fake::answer(200, "Content-Type: text/html", b"<h1>Welcome to nginx");
    let (origin, _asked) = fake::serve(vec![page(), page()]);
    let client = client(&origin, Some(key()));
    let error = client.me().await.unwrap_err();
    assert!(matches!(error, ClientError::BadAnswer { .. }), "{error}");
    let (owner, name) = ("ada".parse().unwrap(), "songs".parse().unwrap());
    let error = client.wire(&owner, &name).refs().await.unwrap_err();
    assert!(matches!(error, ClientError::BadAnswer { .. }), "{error}");
}

#[tokio::test]
async fn nothing_is_asked_without_the_key_that_it_needs() {
    // Nobody listens there: an attempt would be another error.
    let origin = "http://127.0.0.1:1".parse().unwrap();
    let error = client(&origin, None).me().await.unwrap_err();
    assert!(matches!(error, ClientError::NoKey { .. }), "{error}");
    let plain = "http://forge.example".parse().unwrap();
    let made = Client::new(plain, None, Options::default());
    assert!(matches!(made.map(drop), Err(ClientError::Insecure { .. })));
}
