//! Bodies that cannot be read, or are not what the address takes (`spec/wire.md` 3, 10; `spec/conventions.md`).

use api::{Value, wire::Format};
use bytes::Bytes;
use serde_json::json;
use testkit::{Answer, Person, Server};

use crate::{MOTET, server_and_anna};

const FILTER: &str = "/anna/song/filter-objects";

async fn msgpack(server: &Server, anna: &Person, bytes: impl Into<Bytes>) -> Answer {
    server.post(FILTER).by(anna).msgpack_bytes(bytes).send().await
}

async fn wire_json(server: &Server, anna: &Person, body: &str) -> Answer {
    server
        .post(FILTER)
        .by(anna)
        .header("content-type", "application/json")
        .body(body.to_owned())
        .send()
        .await
}

fn packed(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    Format::MessagePack.write(&mut bytes, value).unwrap();
    bytes
}

#[tokio::test]
async fn a_key_that_stands_twice_is_malformed() {
    let (server, anna) = server_and_anna().await;
    let ids = || Value::Array(Vec::new());
    let twice = packed(&Value::map([("object_ids", ids()), ("object_ids", ids())]));
    msgpack(&server, &anna, twice).await.assert_refused(400, "malformed");
    wire_json(&server, &anna, r#"{"object_ids": [], "object_ids": []}"#)
        .await
        .assert_refused(400, "malformed");
    let deep = packed(&Value::map([
        ("object_ids", ids()),
        ("x", Value::map([("y", ids()), ("y", ids())])),
    ]));
    msgpack(&server, &anna, deep).await.assert_refused(400, "malformed");
}

#[tokio::test]
async fn nesting_ends_at_64() {
    let (server, anna) = server_and_anna().await;
    // The map around them is the first level.
    for (lists, status) in [(63, 200), (64, 400), (100_000, 400)] {
        let bytes = [&b"\x82\xaaobject_ids\x90\xa1x"[..], &vec![0x91; lists], b"\xc0"].concat();
        msgpack(&server, &anna, bytes).await.assert_status(status);
        let text =
            format!(r#"{{"object_ids": [], "x": {}null{}}}"#, "[".repeat(lists), "]".repeat(lists));
        wire_json(&server, &anna, &text).await.assert_status(status);
    }
}

#[tokio::test]
async fn messagepack_extensions_are_malformed() {
    let (server, anna) = server_and_anna().await;
    for extension in [&b"\xd4\x01\x00"[..], b"\xc7\x01\x05x", b"\xd6\xff\x00\x00\x00\x00"] {
        let bytes = [&b"\x82\xaaobject_ids\x90\xa1x"[..], extension].concat();
        msgpack(&server, &anna, bytes).await.assert_refused(400, "malformed");
    }
}

#[tokio::test]
async fn text_that_is_not_utf_8_is_malformed() {
    let (server, anna) = server_and_anna().await;
    msgpack(&server, &anna, &b"\x82\xaaobject_ids\x90\xa1x\xa2\xff\xfe"[..])
        .await
        .assert_refused(400, "malformed");
    let bytes = &b"{\"object_ids\": [], \"x\": \"\xff\xfe\"}"[..];
    let json = server.post(FILTER).by(&anna).header("content-type", "application/json").body(bytes);
    json.send().await.assert_refused(400, "malformed");
}

#[tokio::test]
async fn a_body_that_ends_early_or_goes_on_is_malformed() {
    let (server, anna) = server_and_anna().await;
    let whole = packed(&Value::map([("object_ids", Value::list(["a".repeat(64)]))]));
    for end in 0..whole.len() {
        msgpack(&server, &anna, whole[..end].to_vec()).await.assert_refused(400, "malformed");
    }
    msgpack(&server, &anna, [&whole[..], b"\xc0"].concat()).await.assert_refused(400, "malformed");
    wire_json(&server, &anna, r#"{"object_ids": []"#).await.assert_refused(400, "malformed");
    wire_json(&server, &anna, r#"{"object_ids": []} {}"#).await.assert_refused(400, "malformed");
}

#[tokio::test]
async fn a_list_that_claims_to_be_endless_is_malformed() {
    let (server, anna) = server_and_anna().await;
    msgpack(&server, &anna, &b"\x81\xaaobject_ids\xdd\xff\xff\xff\xff"[..])
        .await
        .assert_refused(400, "malformed");
    let upload = &b"\x81\xa7objects\x91\x82\xa9object_id\xa1x\xa7content\xc6\xff\xff\xff\xff"[..];
    let answer =
        server.post("/anna/song/push/objects").by(&anna).msgpack_bytes(upload).send().await;
    assert!((400..500).contains(&answer.status), "{}", answer.text());
}

#[tokio::test]
async fn text_in_the_place_of_bytes_is_refused() {
    let (server, anna) = server_and_anna().await;
    let id = names::ObjectId::of(b"text").to_string();
    let body = Value::map([(
        "objects",
        Value::Array(vec![Value::map([
            ("object_id", Value::from(id.clone())),
            ("content", "text".into()),
        ])]),
    )]);
    server
        .wire(&anna, "anna/song", "push/objects", &body)
        .send()
        .await
        .assert_refused(422, "bad_content");
    let json = json!({ "objects": [{ "object_id": id, "content": "text" }] });
    server
        .post("/anna/song/push/objects")
        .by(&anna)
        .json(&json)
        .send()
        .await
        .assert_refused(422, "bad_content");
    let right = json!({ "objects": [{ "object_id": id, "content_b64": "dGV4dA==" }] });
    server.post("/anna/song/push/objects").by(&anna).json(&right).send().await.assert_status(200);
}

#[tokio::test]
async fn the_wire_ignores_keys_that_it_does_not_know() {
    let (server, anna) = server_and_anna().await;
    wire_json(&server, &anna, r#"{"object_ids": [], "later": {"on": [1, 2.5, null]}}"#)
        .await
        .assert_status(200);
}

#[tokio::test]
async fn an_unknown_field_is_named_with_its_place() {
    let (server, anna) = server_and_anna().await;
    let body = json!({ "name": "song", "visiblity": "public" });
    let refused = server.post("/api/v1/repos").by(&anna).json(&body).send().await;
    refused.assert_status(422);
    assert_eq!(refused.header("content-type"), "application/problem+json");
    let problem = refused.json();
    assert_eq!(problem["errors"][0]["code"], "unknown_field", "{problem}");
    assert_eq!(problem["errors"][0]["pointer"], "/visiblity", "{problem}");
    server.get("/api/v1/repos/anna/song").by(&anna).send().await.assert_status(404);
}

#[tokio::test]
async fn a_field_of_the_wrong_type_is_named_with_its_place() {
    let (server, anna) = server_and_anna().await;
    let refused = server.post("/api/v1/repos").by(&anna).json(&json!({ "name": 7 })).send().await;
    refused.assert_refused(422, "invalid");
    assert_eq!(refused.json()["errors"][0]["pointer"], "/name");
}

#[tokio::test]
async fn the_api_takes_json_alone() {
    let (server, anna) = server_and_anna().await;
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/x-msgpack"] {
        let request = server
            .post("/api/v1/repos")
            .by(&anna)
            .header("content-type", kind)
            .body(r#"{"name":"song"}"#);
        request.send().await.assert_refused(415, "unsupported_media_type");
    }
    let untyped = server.post("/api/v1/repos").by(&anna).body(r#"{"name":"song"}"#);
    untyped.send().await.assert_refused(415, "unsupported_media_type");
}

#[tokio::test]
async fn what_is_not_json_is_malformed() {
    let (server, anna) = server_and_anna().await;
    for body in ["", "{", "name=song", r#"{"name":"song"} trailing"#] {
        let request =
            server.post("/api/v1/repos").by(&anna).header("content-type", "application/json");
        request.body(body).send().await.assert_refused(400, "malformed");
    }
}

#[tokio::test]
async fn a_field_that_stands_twice_is_malformed() {
    let (server, anna) = server_and_anna().await;
    let request = server.post("/api/v1/repos").by(&anna).header("content-type", "application/json");
    request.body(r#"{"name":"song","name":"other"}"#).send().await.assert_refused(400, "malformed");
}

#[tokio::test]
async fn a_body_in_pieces_is_read_like_a_whole_one() {
    let (server, anna) = server_and_anna().await;
    let pieces = [r#"{"na"#, r#"me":"#, r#""song"}"#].map(Bytes::from).to_vec();
    let request = server
        .post("/api/v1/repos")
        .by(&anna)
        .header("content-type", "application/json")
        .pieces(pieces);
    request.send().await.assert_status(201);
}

/// A JSON body of so many bytes.
fn json_of(bytes: usize) -> Vec<u8> {
    let mut body = br#"{"handle": "anna", "public_key": ""#.to_vec();
    body.resize(bytes - 2, b'A');
    body.extend_from_slice(b"\"}");
    body
}

#[tokio::test]
async fn a_registration_has_at_most_16_kib_announced_or_not() {
    let server = Server::start(MOTET).await;
    let post = || server.post("/api/v1/auth/challenge").header("content-type", "application/json");
    for (bytes, status) in [(16 << 10, 422), ((16 << 10) + 1, 413)] {
        let body = json_of(bytes);
        post().body(body.clone()).send().await.assert_status(status);
        let pieces = body.chunks(1000).map(Bytes::copy_from_slice).collect();
        post().pieces(pieces).send().await.assert_status(status);
    }
}

#[tokio::test]
async fn the_api_takes_at_most_10_mib_announced_or_not() {
    let (server, anna) = server_and_anna().await;
    let body = Bytes::from(json_of((10 << 20) + 1));
    let post = || server.post("/api/v1/repos").by(&anna).header("content-type", "application/json");
    post().body(body.clone()).send().await.assert_refused(413, "too_large");
    let pieces = (0..body.len())
        .step_by(1 << 20)
        .map(|at| body.slice(at..(at + (1 << 20)).min(body.len())))
        .collect();
    post().pieces(pieces).send().await.assert_refused(413, "too_large");
}
