//! One signature, one effect; a body that was not signed has none (`spec/trust.md` 3.2, 16.3-16.5).

use api::wire::Format;
use bytes::Bytes;
use names::ObjectId;
use serde_json::json;
use testkit::{Person, Request, Server, Story, object};

use crate::{MOTET, server_and_anna};

fn create(server: &Server, name: &str) -> Request {
    server.post("/api/v1/repos").json(&json!({ "name": name }))
}

async fn names_of(server: &Server, anna: &Person) -> Vec<String> {
    let listed = server.get("/api/v1/repos?owner=anna").by(anna).send().await.json();
    listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_signed_request_works_once() {
    let (server, anna) = server_and_anna().await;
    let request = create(&server, "song").by(&anna);
    request.send().await.assert_status(201);
    request.send().await.assert_refused(401, "replayed");
    assert_eq!(names_of(&server, &anna).await, ["song"]);
}

#[tokio::test]
async fn a_nonce_works_once_whatever_is_signed_with_it() {
    let (server, anna) = server_and_anna().await;
    let nonce = "AAECAwQFBgcICQoLDA0ODw";
    create(&server, "one").nonce(nonce).by(&anna).send().await.assert_status(201);
    create(&server, "two").nonce(nonce).by(&anna).send().await.assert_refused(401, "replayed");
    // Another key has its own nonces.
    let boris = server.register("boris").await;
    create(&server, "one").nonce(nonce).by(&boris).send().await.assert_status(201);
}

#[tokio::test]
async fn a_request_that_was_refused_has_used_its_nonce_up() {
    let (server, anna) = server_and_anna().await;
    let request = create(&server, "not a name").by(&anna);
    request.send().await.assert_status(422);
    request.send().await.assert_refused(401, "replayed");
}

#[tokio::test]
async fn a_request_of_somebody_else_uses_up_nothing() {
    let (server, anna) = server_and_anna().await;
    let nonce = "AAECAwQFBgcICQoLDA0ODw";
    let request = create(&server, "song").nonce(nonce);
    // The key's name is public; without its signature, nonces cannot be burnt for its owner.
    let forged = request.credentials(&anna).replace("sig=\"", "sig=\"AAAA");
    let forged = format!("{}\"", &forged[..forged.len() - 5]);
    let digest = keys::format_content_digest(ObjectId::of(br#"{"name":"song"}"#).as_bytes());
    let burnt = request
        .clone()
        .header("authorization", &forged)
        .header("content-digest", &digest)
        .send()
        .await;
    assert_eq!(burnt.status, 401, "{}", burnt.text());
    request.by(&anna).send().await.assert_status(201);
}

#[tokio::test]
async fn reading_may_be_repeated() {
    let (server, anna) = server_and_anna().await;
    let request = server.get("/api/v1/me").by(&anna);
    for _ in 0..3 {
        request.send().await.assert_status(200);
    }
}

#[tokio::test]
async fn of_a_hundred_copies_sent_at_once_one_works() {
    let (server, anna) = server_and_anna().await;
    let request = create(&server, "song").by(&anna);
    let copies = (0..100).map(|_| {
        let request = request.clone();
        tokio::spawn(async move { request.send().await.status })
    });
    let mut statuses = Vec::new();
    for copy in copies.collect::<Vec<_>>() {
        statuses.push(copy.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (201, &[401; 99][..]));
}

#[tokio::test]
async fn a_signed_request_works_once_also_across_a_kill() {
    let mut server = Server::with(MOTET).arg("--host").arg("forge.example").start().await;
    let anna = server.register("anna").await;
    let request = create(&server, "song").authority("forge.example").by(&anna);
    request.send().await.assert_status(201);
    server.kill().await;
    server.restart().await;
    request.again_to(&server).send().await.assert_refused(401, "replayed");
    assert_eq!(names_of(&server, &anna).await, ["song"]);
}

#[tokio::test]
async fn a_push_works_once_also_across_a_kill() {
    let mut server = Server::with(MOTET).arg("--host").arg("forge.example").start().await;
    let anna = server.register("anna").await;
    let story = Story::of_one("a song");
    server.push_objects(&anna, "anna/song", story.inline()).await.assert_status(200);
    let body = story.push_to("main").into_value(Format::MessagePack);
    let push = server.wire(&anna, "anna/song", "push", &body).authority("forge.example");
    push.send().await.assert_status(200);
    server.kill().await;
    server.restart().await;
    push.again_to(&server).send().await.assert_refused(401, "replayed");
    assert_eq!(server.head(&anna, "anna/song", "main").await, Some(story.tip()));
}

/// A signed upload of 8 MiB, and the same with one byte of its end altered.
fn large_upload() -> (ObjectId, Bytes, Bytes) {
    let content: Vec<u8> = (0..8_u32 << 20)
        .map(|at| u8::try_from(at.wrapping_mul(2_654_435_761) >> 24).unwrap())
        .collect();
    let large = object(&content);
    let id = large.object_id;
    let list = api::Value::Array(vec![large.into_value(Format::MessagePack)]);
    let mut right = Vec::new();
    Format::MessagePack.write(&mut right, &api::Value::map([("objects", list)])).unwrap();
    let mut altered = right.clone();
    *altered.last_mut().unwrap() ^= 1;
    (id, right.into(), altered.into())
}

#[tokio::test]
async fn an_upload_whose_last_byte_was_altered_leaves_nothing() {
    let (server, anna) = server_and_anna().await;
    server.create(&anna, "song", "private").await;
    let (id, right, altered) = large_upload();
    let signed = *ObjectId::of(&right).as_bytes();
    let post = || server.post("/anna/song/push/objects").by(&anna);
    let whole = post().msgpack_bytes(altered.clone()).digest(signed);
    let pieces = (0..altered.len())
        .step_by(1 << 18)
        .map(|at| altered.slice(at..(at + (1 << 18)).min(altered.len())));
    let pieces = post()
        .header("content-type", "application/x-msgpack")
        .pieces(pieces.collect())
        .digest(signed);
    for request in [whole, pieces] {
        request.send().await.assert_refused(401, "digest_mismatch");
        assert_eq!(server.missing(&anna, "anna/song", &[id]).await, [id]);
        assert_eq!(server.stored().await, 0);
    }
    post().msgpack_bytes(right).send().await.assert_status(200);
    assert_eq!(server.missing(&anna, "anna/song", &[id]).await, []);
    // The object itself, and nothing that was only on its way.
    assert_eq!(server.stored().await, 1);
}

/// Here the altered byte is one that nobody would miss: only the digest tells.
#[tokio::test]
async fn an_upload_with_an_altered_key_that_is_ignored_leaves_nothing() {
    let (server, anna) = server_and_anna().await;
    server.create(&anna, "song", "private").await;
    let upload = |note: &str| {
        let list = api::Value::Array(vec![object(b"content").into_value(Format::MessagePack)]);
        let mut bytes = Vec::new();
        let body = api::Value::map([("objects", list), ("note", note.into())]);
        Format::MessagePack.write(&mut bytes, &body).unwrap();
        bytes
    };
    let (signed, sent) = (upload("as signed"), upload("not so..."));
    let request = server.post("/anna/song/push/objects").by(&anna).msgpack_bytes(sent);
    request
        .digest(*ObjectId::of(&signed).as_bytes())
        .send()
        .await
        .assert_refused(401, "digest_mismatch");
    let id = ObjectId::of(b"content");
    assert_eq!(server.missing(&anna, "anna/song", &[id]).await, [id]);
    assert_eq!(server.stored().await, 0);
}

#[tokio::test]
async fn a_push_with_another_digest_moves_nothing() {
    let (server, anna) = server_and_anna().await;
    let story = Story::of_one("a song");
    server.push_objects(&anna, "anna/song", story.inline()).await.assert_status(200);
    let body = story.push_to("main").into_value(Format::MessagePack);
    let request = server.wire(&anna, "anna/song", "push", &body).digest([7; 32]);
    request.send().await.assert_refused(401, "digest_mismatch");
    server.get("/anna/song/refs").by(&anna).send().await.assert_status(404);
}
