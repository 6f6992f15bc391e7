//! Objects that are sent to addresses of their own (`spec/wire.md` 4, presign and confirm; 11.5).

use api::{
    Value,
    wire::{Confirmed, Direction, ObjectIds, Presign, Presigned},
};
use http::Method;
use names::ObjectId;
use serde_json::json;
use testkit::{Answer, Person, Request, Server, Story};

use crate::{
    MOTET,
    ground::{Ground, on_both, order, settled},
    keyring::{revoke, second_key},
    server_and_anna, store,
};

const SONG: &str = "anna/song";

fn ask(direction: Direction, ids: &[ObjectId], ttl_seconds: u32) -> Value {
    Presign { object_ids: ids.to_vec(), direction, ttl_seconds }.into()
}

pub(crate) async fn presign(server: &Server, by: &Person, ids: &[ObjectId]) -> Presigned {
    server.wire(by, SONG, "presign", &ask(Direction::Put, ids, 3600)).send().await.wire()
}

pub(crate) async fn confirm(server: &Server, by: &Person, ids: &[ObjectId]) -> Confirmed {
    let body = ObjectIds { object_ids: ids.to_vec() }.into();
    server.wire(by, SONG, "confirm", &body).send().await.wire()
}

/// A PUT of these bytes as a Muse client sends it: without a credential, and of a type that means nothing.
pub(crate) fn put(server: &Server, address: &str, bytes: &[u8]) -> Request {
    let target = address.strip_prefix(&server.base_url()).unwrap();
    let request = server.request(Method::PUT, target);
    request.header("content-type", "application/x-www-form-urlencoded").body(bytes.to_vec())
}

/// The address of the one object.
pub(crate) async fn address_of(server: &Server, by: &Person, bytes: &[u8]) -> String {
    let mut answer = presign(server, by, &[ObjectId::of(bytes)]).await;
    assert!(answer.inline.is_empty());
    answer.presigned.pop().unwrap().1
}

/// One commit with a file that lies in a segment and one that is a file of its own.
fn large_story() -> Story {
    let mut story = Story::default();
    story.commit(&[], "two", &[("small.txt", b"small\n"), ("large.bin", &vec![7; 200_000])]);
    story
}

on_both! {
    async fn objects_go_to_their_addresses_and_a_push_finds_them(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let story = large_story();
        let ids: Vec<_> = story.objects.keys().copied().collect();
        // The repository is not there yet; the name is hers.
        let answer = presign(&server, &anna, &ids).await;
        assert_eq!(answer.presigned.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ids);
        assert!(answer.inline.is_empty());
        for (id, address) in &answer.presigned {
            let (base, token) = address.rsplit_once('/').unwrap();
            assert_eq!(base, format!("{}/o/up", server.base_url()));
            assert_eq!(token.len(), 43, "{address}");
            let nothing = confirm(&server, &anna, &[*id]).await;
            assert_eq!((nothing.confirmed.len(), nothing.missing), (0, vec![*id]));
            for _ in 0..2 {
                let answer = put(&server, address, &story.objects[id]).send().await;
                answer.assert_status(200);
                assert!(answer.body.is_empty());
            }
        }
        let absent = ObjectId::of(b"never sent");
        let told = confirm(&server, &anna, &[ids[1], absent, ids[0], ids[1]]).await;
        let expected = Confirmed {
            confirmed: vec![ids[1], ids[0]],
            missing: vec![absent],
            ..Confirmed::default()
        };
        assert_eq!(told, expected);
        assert!(server.missing(&anna, SONG, &ids).await.is_empty());
        // What has come is in neither list, whether a push has named it or not.
        let again = presign(&server, &anna, &ids).await;
        assert!(again.presigned.is_empty() && again.inline.is_empty());
        server.push(&anna, SONG, story.push_to("main")).await.assert_status(200);
        assert!(presign(&server, &anna, &ids).await.presigned.is_empty());
        for (id, address) in &answer.presigned {
            put(&server, address, &story.objects[id]).send().await.assert_status(200);
        }
        let fetched = server.fetch(&anna, SONG, &[story.tip()], &[]).await;
        assert_eq!(fetched.objects.len(), 2);
    }
}

#[tokio::test]
async fn one_flipped_bit_keeps_nothing_and_the_right_bytes_then_succeed() {
    let (server, anna) = server_and_anna().await;
    server.create(&anna, "song", "private").await;
    for bytes in [b"small\n".to_vec(), vec![7; 200_000]] {
        let id = ObjectId::of(&bytes);
        let address = address_of(&server, &anna, &bytes).await;
        let mut forged = bytes.clone();
        *forged.last_mut().unwrap() ^= 1;
        for wrong in [&forged[..], &bytes[1..], &[], &[&bytes[..], b"x"].concat()] {
            let stored = server.stored().await;
            let refused = put(&server, &address, wrong).send().await;
            refused.assert_refused(422, "hash_mismatch");
            assert!(refused.text().contains(&id.to_string()), "{}", refused.text());
            assert_eq!(server.stored().await, stored);
            let known = [id, ObjectId::of(wrong)];
            let missing: Vec<_> = known.into_iter().filter(|it| *it != ObjectId::EMPTY).collect();
            assert_eq!(server.missing(&anna, SONG, &missing).await, missing);
        }
        put(&server, &address, &bytes).send().await.assert_status(200);
        assert!(server.missing(&anna, SONG, &[id]).await.is_empty());
    }
}

#[tokio::test]
async fn presign_for_reading_names_everything_inline() {
    let (server, anna) = server_and_anna().await;
    let (one, other) = (ObjectId::of(b"1"), ObjectId::of(b"2"));
    let body = ask(Direction::Get, &[one, other, one], 3600);
    let answer: Presigned = server.wire(&anna, SONG, "presign", &body).send().await.wire();
    assert_eq!(answer, Presigned { presigned: Vec::new(), inline: vec![one, other] });
    // Nothing was made for it.
    server.get("/api/v1/repos/anna/song").by(&anna).send().await.assert_status(404);
    for (key, value) in
        [("ttl_seconds", json!(29)), ("ttl_seconds", json!(3601)), ("direction", json!("up"))]
    {
        let mut body = json!({ "object_ids": [one.to_string()], "direction": "put" });
        body[key] = value;
        let refused = server.post("/anna/song/presign").json(&body).by(&anna).send().await;
        refused.assert_refused(400, "malformed");
    }
    let refused =
        server.post("/anna/song/presign").json(&json!({ "object_ids": ["x"], "direction": "put" }));
    refused.by(&anna).send().await.assert_refused(422, "bad_id");
}

#[tokio::test]
async fn the_empty_object_is_never_asked_for_and_a_repetition_has_one_address() {
    let (server, anna) = server_and_anna().await;
    let id = ObjectId::of(b"once");
    let answer = presign(&server, &anna, &[ObjectId::EMPTY, id, id]).await;
    assert_eq!((answer.presigned.len(), answer.inline.len()), (1, 0));
    let told = confirm(&server, &anna, &[ObjectId::EMPTY]).await;
    assert_eq!(told.confirmed, [ObjectId::EMPTY]);
}

on_both! {
    async fn an_address_ends_with_its_time_and_its_row_goes(ground: Ground) {
        let mut server = ground.server().start().await;
        let anna = server.register("anna").await;
        server.create(&anna, "song", "private").await;
        let (ended, alive) =
            (address_of(&server, &anna, b"late").await, address_of(&server, &anna, b"soon").await);
        server.stop().await;
        let db = ground.db(&server).await;
        let mut tx = db.write().await.unwrap();
        let id = ObjectId::of(b"late");
        assert_eq!(store::end_address(&mut tx, id).await.unwrap(), 1);
        tx.commit().await.unwrap();
        server.restart().await;
        // The port is another one; the address is the same.
        let target = |address: &str| address[address.find("/o/up/").unwrap()..].to_owned();
        let send = |address: &str, bytes: &[u8]| server.request(Method::PUT, &target(address)).body(bytes.to_vec());
        send(&ended, b"late").send().await.assert_refused(404, "not_found");
        order(&server, "/api/v1/admin/schedules/hub.expire/run").await.assert_status(200);
        settled(&server).await;
        assert_eq!(store::count_addresses(&mut db.glance().await.unwrap()).await.unwrap(), 1);
        send(&alive, b"soon").send().await.assert_status(200);
        db.close().await;
    }
}

async fn told(server: &Server, address: &str, bytes: &[u8]) -> Answer {
    put(server, address, bytes).send().await
}

#[tokio::test]
async fn an_unknown_address_and_a_spoilt_one_are_not_there() {
    let (server, anna) = server_and_anna().await;
    let address = address_of(&server, &anna, b"mine").await;
    let base = format!("{}/o/up/", server.base_url());
    let cut = &address[..address.len() - 1];
    for wrong in
        [&format!("{base}{}", "A".repeat(43)), cut, &format!("{address}A"), &format!("{base}x")]
    {
        told(&server, wrong, b"mine").await.assert_refused(404, "not_found");
    }
    told(&server, &address, b"mine").await.assert_status(200);
    // No other method finds anything there, and what was sent is not read back.
    let target = address.strip_prefix(&server.base_url()).unwrap();
    server.get(target).send().await.assert_status(405);
}

on_both! {
    async fn an_address_is_worth_what_its_maker_may(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let bo = server.register("bo").await;
        server.create(&anna, "song", "private").await;
        let of_bo = "/api/v1/repos/anna/song/collaborators/bo";
        let level = |level: &str| json!({ "level": level });
        server.request(Method::PUT, of_bo).json(&level("write")).by(&anna).send().await.assert_status(200);

        // Another level, and the way back.
        let address = address_of(&server, &bo, b"of bo").await;
        server.request(Method::PUT, of_bo).json(&level("read")).by(&anna).send().await.assert_status(200);
        told(&server, &address, b"of bo").await.assert_refused(403, "forbidden");
        server.request(Method::PUT, of_bo).json(&level("write")).by(&anna).send().await.assert_status(200);
        told(&server, &address, b"of bo").await.assert_status(200);
        server.request(Method::DELETE, of_bo).by(&anna).send().await;
        told(&server, &address, b"of bo").await.assert_refused(404, "not_found");
        server.request(Method::PUT, of_bo).json(&level("write")).by(&anna).send().await.assert_status(200);

        // A right that goes while the bytes are on their way.
        let address = address_of(&server, &bo, &vec![7; 100_000]).await;
        let held = put(&server, &address, &vec![7; 100_000]);
        let refused = held.send_held(async || {
            server.request(Method::PUT, of_bo).json(&level("read")).by(&anna).send().await;
        });
        refused.await.assert_refused(403, "forbidden");
        server.request(Method::PUT, of_bo).json(&level("write")).by(&anna).send().await.assert_status(200);
        assert_eq!(server.missing(&bo, SONG, &[ObjectId::of(&vec![7; 100_000])]).await.len(), 1);

        // Archived, and back.
        let address = address_of(&server, &anna, b"of anna").await;
        let change = |word: &str| server.post(&format!("/api/v1/repos/anna/song/{word}")).by(&anna);
        change("archive").send().await.assert_status(200);
        told(&server, &address, b"of anna").await.assert_refused(403, "archived");
        change("unarchive").send().await.assert_status(200);
        told(&server, &address, b"of anna").await.assert_status(200);

        // The key is given up, before and on the way.
        let second = second_key(&server, &bo, 7).await;
        let (one, other) = (
            address_of(&server, &second, b"last").await,
            address_of(&server, &second, &vec![9; 100_000]).await,
        );
        let fingerprint = second.key().fingerprint().to_string();
        let held = put(&server, &other, &vec![9; 100_000]);
        let refused = held.send_held(async || {
            revoke(&server, &bo, "bo", &fingerprint, "retired").await.assert_status(200);
        });
        refused.await.assert_refused(404, "not_found");
        told(&server, &one, b"last").await.assert_refused(404, "not_found");

        // The repository is deleted.
        let address = address_of(&server, &anna, b"gone").await;
        let confirm = json!({ "confirm": "anna/song" });
        let gone = server.request(Method::DELETE, "/api/v1/repos/anna/song").json(&confirm);
        gone.by(&anna).send().await.assert_status(204);
        told(&server, &address, b"gone").await.assert_refused(404, "not_found");
    }
}

#[tokio::test]
async fn an_address_counts_as_an_upload_of_its_maker() {
    let server = Server::with(MOTET).arg("--limit=uploads=6,push-bytes=50000").start().await;
    let anna = server.register("anna").await;
    let address = address_of(&server, &anna, b"often").await;
    for _ in 0..5 {
        told(&server, &address, b"often").await.assert_status(200);
    }
    let refused = told(&server, &address, b"often").await;
    refused.assert_refused(429, "rate_limited");
    assert!(!refused.header("retry-after").is_empty());
}

#[tokio::test]
async fn the_bytes_at_an_address_are_charged_to_its_maker() {
    let server = Server::with(MOTET).arg("--limit=push-bytes=50000").start().await;
    let anna = server.register("anna").await;
    let (large, next) = (vec![1; 60_000], b"next");
    let addresses =
        (address_of(&server, &anna, &large).await, address_of(&server, &anna, next).await);
    told(&server, &addresses.0, &large).await.assert_status(200);
    told(&server, &addresses.1, next).await.assert_refused(429, "rate_limited");
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused_by_its_length() {
    let server = Server::with(MOTET).arg("--quota-repository-bytes=10000").start().await;
    let anna = server.register("anna").await;
    let large = vec![1; 200_000];
    let address = address_of(&server, &anna, &large).await;
    told(&server, &address, &large).await.assert_refused(413, "quota_exceeded");
}

#[tokio::test]
async fn a_token_may_ask_for_an_address_and_ends_with_it() {
    let (server, anna) = server_and_anna().await;
    server.create(&anna, "song", "private").await;
    let scope = json!({ "planes": { "hub": "write" }, "repositories": ["anna/song"] });
    let new = json!({ "kind": "git", "scope": scope });
    let token = server.post("/api/v1/tokens").json(&new).by(&anna).send().await.json();
    let bearer = format!("Bearer {}", token["value"].as_str().unwrap());
    let body = ask(Direction::Put, &[ObjectId::of(b"by token")], 30);
    let asked = server.post("/anna/song/presign").msgpack(&body).header("authorization", &bearer);
    let answer: Presigned = asked.send().await.wire();
    let address = &answer.presigned[0].1;
    told(&server, address, b"by token").await.assert_status(200);
    let target = format!("/api/v1/tokens/{}", token["token"]["id"].as_str().unwrap());
    server.request(Method::DELETE, &target).by(&anna).send().await;
    told(&server, address, b"by token").await.assert_refused(404, "not_found");
}

#[tokio::test]
async fn neither_log_nor_database_holds_an_address() {
    let mut server = Server::with(MOTET).on(testkit::Ground::SqliteDisk).start().await;
    let anna = server.register("anna").await;
    let address = address_of(&server, &anna, b"secret").await;
    told(&server, &address, b"secret").await.assert_status(200);
    told(&server, &address, b"other").await.assert_status(422);
    let secret = address.rsplit('/').next().unwrap();
    assert!(server.canaries().all().contains(secret));
    assert!(server.log().contains("/o/up/[hidden]"), "the line is there, without the secret");
    server.stop().await;
    assert!(!server.log().contains(secret));
    let rows = std::fs::read(server.data_dir().join("motet.db")).unwrap();
    assert!(server.canaries().found_in(&rows).is_empty());
}

#[tokio::test]
async fn ids_and_addresses_have_their_limits() {
    let (server, anna) = server_and_anna().await;
    let ids: Vec<_> = (0..=100_000_u32).map(|number| ObjectId::of(&number.to_be_bytes())).collect();
    for (endpoint, body) in [
        ("presign", ask(Direction::Put, &ids, 3600)),
        ("confirm", ObjectIds { object_ids: ids.clone() }.into()),
    ] {
        let refused = server.wire(&anna, SONG, endpoint, &body).send().await;
        refused.assert_refused(413, "too_large");
        assert!(refused.text().contains("100000"), "{}", refused.text());
    }
    let send = async |ids: &[ObjectId]| -> Presigned {
        server.wire(&anna, SONG, "presign", &ask(Direction::Put, ids, 3600)).send().await.wire()
    };
    // Each asks for new addresses; once there are as many as one may have, the rest goes inline.
    for _ in 0..2 {
        let answer = send(&ids[..100_000]).await;
        assert_eq!((answer.presigned.len(), answer.inline.len()), (100_000, 0));
    }
    let answer = send(&ids[..2]).await;
    assert_eq!((answer.presigned.len(), answer.inline), (0, ids[..2].to_vec()));
}
