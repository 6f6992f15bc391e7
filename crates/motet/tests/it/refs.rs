//! Refs one by one, by the rules of a push (`spec/hub.md` 9); the server's key changes, and what it sealed stays good
//! (`spec/wire.md` 8).

use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Person, Server, Story};

use crate::{
    MOTET,
    ground::{Ground, on_both, order},
    organizations::{delete, post, put},
    people::Machine,
};

const SONG: &str = "/api/v1/repos/anna/song";

async fn house(ground: &Ground) -> (Server, Person, Story) {
    let server = ground.server().start().await;
    let anna = server.register("anna").await;
    let mut story = Story::of_one("root");
    let root = story.tip();
    story.commit(&[root], "one", &[("a.txt", b"1")]);
    server.push_story(&anna, "anna/song", &story, "main").await;
    (server, anna, story)
}

async fn set(server: &Server, by: &Person, name: &str, body: Value) -> Answer {
    put(server, &format!("{SONG}/refs/{name}"), by, body).await
}

async fn names(server: &Server, by: &Person, query: &str) -> Vec<String> {
    let answer = server.get(&format!("{SONG}/refs{query}")).by(by).send().await;
    answer.assert_status(200);
    let items = answer.json()["items"].clone();
    items.as_array().unwrap().iter().map(|it| it["ref"].as_str().unwrap().to_owned()).collect()
}

on_both! {
    async fn a_ref_is_made_moved_and_taken_away_by_the_rules_of_a_push(ground: Ground) {
        let (server, anna, story) = house(&ground).await;
        let bert = server.register("bert").await;
        let (root, tip) = (story.commits[0].commit_id, story.tip());
        let made = set(&server, &anna, "heads/solo", json!({ "target": root })).await;
        made.assert_status(201);
        assert_eq!((&made.json()["ref"], &made.json()["counter"]), (&json!("refs/heads/solo"), &json!(1)));
        assert_eq!(server.get(&format!("{SONG}/refs/refs/heads/solo")).by(&anna).send().await.json(), made.json());
        // The same again changes nothing.
        let same = set(&server, &anna, "heads/solo", json!({ "target": root })).await;
        assert_eq!((same.status, same.json()), (200, made.json()));
        // To move it one says where it is.
        let unsaid = set(&server, &anna, "heads/solo", json!({ "target": tip })).await;
        unsaid.assert_refused(409, "log_conflict");
        let wrong = json!({ "target": tip, "expected": tip });
        set(&server, &anna, "heads/solo", wrong).await.assert_status(422);
        let moved = set(&server, &anna, "heads/solo", json!({ "target": tip, "expected": root })).await;
        assert_eq!((moved.status, &moved.json()["counter"]), (200, &json!(2)));
        // Back only by a right of its own, and said so.
        let back = json!({ "target": root, "expected": tip });
        set(&server, &anna, "heads/solo", back).await.assert_refused(409, "not_fast_forward");
        let level = |level: &str| json!({ "level": level });
        put(&server, &format!("{SONG}/collaborators/bert"), &anna, level("write")).await.assert_status(200);
        let force = json!({ "target": root, "expected": tip, "force": true });
        set(&server, &bert, "heads/solo", force.clone()).await.assert_refused(403, "force_forbidden");
        set(&server, &anna, "heads/solo", force).await.assert_status(200);

        let nowhere = "0".repeat(64);
        for (name, body, status) in [
            ("heads/x", json!({ "target": nowhere }), 422),
            ("heads/x", json!({ "target": "abc" }), 422),
            ("heads/a..b", json!({ "target": tip }), 422),
            ("heads/HEAD", json!({ "target": tip }), 422),
            ("heads/main/x", json!({ "target": tip }), 422),
            ("for/main/x", json!({ "target": tip }), 422),
            ("heads/x", json!({ "target": tip, "expected": root }), 409),
        ] {
            assert_eq!(set(&server, &anna, name, body.clone()).await.status, status, "{name} {body}");
        }
        set(&server, &anna, "tags/v1", json!({ "target": tip })).await.assert_status(201);
        assert_eq!(names(&server, &anna, "").await, ["refs/heads/main", "refs/heads/solo", "refs/tags/v1"]);
        assert_eq!(names(&server, &anna, "?prefix=refs/tags/").await, ["refs/tags/v1"]);
        let first = server.get(&format!("{SONG}/refs?limit=2")).by(&anna).send().await.json();
        let next = format!("?limit=2&cursor={}", first["next_cursor"].as_str().unwrap());
        assert_eq!(names(&server, &anna, &next).await, ["refs/tags/v1"]);

        // Each is in the log.
        let log = server.get(&format!("{SONG}/log")).by(&anna).send().await.json();
        assert_eq!((&log["items"][0]["ref"], &log["chain"]), (&json!("refs/tags/v1"), &json!("whole")));
        delete(&server, &format!("{SONG}/refs/heads/main"), &anna).await.assert_refused(403, "protected_ref");
        let wrong = format!("{SONG}/refs/heads/solo?expected={tip}");
        delete(&server, &wrong, &anna).await.assert_refused(409, "log_conflict");
        delete(&server, &format!("{SONG}/refs/heads/solo"), &anna).await.assert_status(204);
        delete(&server, &format!("{SONG}/refs/heads/solo"), &anna).await.assert_refused(404, "not_found");
        server.get(&format!("{SONG}/refs/heads/solo")).by(&anna).send().await.assert_refused(404, "not_found");
        let log = server.get(&format!("{SONG}/log")).by(&anna).send().await.json();
        assert_eq!((&log["items"][0]["new"], &log["items"][0]["forced"]), (&Value::Null, &json!(true)));
        // Made again, it goes on with its numbers.
        let again = set(&server, &anna, "heads/solo", json!({ "target": tip })).await;
        assert_eq!((again.status, &again.json()["counter"]), (201, &json!(5)));
        // Where only signed entries move refs, none moves without.
        let strict = json!({ "require_signed_refs": true });
        server.request(Method::PATCH, SONG).json(&strict).by(&anna).send().await.assert_status(200);
        let refused = set(&server, &anna, "heads/y", json!({ "target": tip })).await;
        assert_eq!((refused.status, refused.code()), (422, "unsigned_entry".to_owned()));
    }
}

/// Rotates the server's key; gives its name.
async fn rotate(server: &Server) -> String {
    let rotated = order(server, "/api/v1/admin/signing-keys/server/rotate").await;
    rotated.assert_status(201);
    assert_eq!(rotated.json()["old_until"], Value::Null);
    rotated.json()["kid"].as_str().unwrap().to_owned()
}

on_both! {
    async fn after_another_key_seals_the_log_goes_on_and_says_so(ground: Ground) {
        let (server, anna, story) = house(&ground).await;
        let edit = |expected: &str| json!({ "branch": "main", "expected": expected, "message": "x",
            "files": [{ "path": format!("{}.txt", &expected[..8]), "content_b64": "" }] });
        let first = post(&server, &format!("{SONG}/edits"), &anna, edit(&story.tip().to_string())).await;
        first.assert_status(201);
        let id = first.json()["commit_id"].as_str().unwrap().to_owned();
        let before = server.get(&format!("{SONG}/log")).by(&anna).send().await.json();
        let key = rotate(&server).await;
        let second = post(&server, &format!("{SONG}/edits"), &anna, edit(&id)).await;
        second.assert_status(201);
        assert_eq!(second.json()["signer_key_id"], key);
        let log = server.get(&format!("{SONG}/log")).by(&anna).send().await.json();
        assert_eq!(log["chain"], "whole");
        let items = log["items"].as_array().unwrap();
        assert_eq!(items.len(), before["items"].as_array().unwrap().len() + 2);
        assert_eq!((&items[1]["ref"], &items[1]["new"]), (&json!("motet/server-key"), &json!(key)));
        assert_eq!(items[1]["server_key"], before["items"][0]["server_key"]);
        assert_eq!(items[0]["server_key"], key);
        assert_eq!(items[2..], before["items"].as_array().unwrap()[..]);
        // What the key before signed is as good as before.
        let page = server.get(&format!("/anna/song/commit/{id}")).by(&anna).send().await.text();
        assert!(page.contains("This server made the commit for its author"), "{page}");
        let page = server.get("/anna/song/log").by(&anna).send().await.text();
        assert!(page.contains("key of the server") && page.contains("✓ whole"), "{page}");
    }
}

#[tokio::test]
async fn a_clone_follows_the_change_of_the_servers_key_and_verifies() {
    let server = Server::start(MOTET).await;
    let ada = Machine::of(&server, "ada");
    let made = ada.done(&["repo", "create", "song", "--readme"]);
    let address = made["address"].as_str().unwrap().to_owned();
    let place = tempfile::tempdir().unwrap();
    let clone = place.path().join("song");
    let clone = clone.to_str().unwrap();
    ada.done(&["clone", &address, clone]);
    rotate(&server).await;
    std::fs::write(format!("{clone}/a.txt"), "a").unwrap();
    ada.done(&["-C", clone, "commit", "-m", "a"]);
    ada.done(&["-C", clone, "push"]);
    ada.done(&["-C", clone, "fetch"]);
    let verified = ada.done(&["-C", clone, "verify"]);
    assert_eq!(
        (&verified["signatures"]["good"], &verified["sound"]),
        (&json!(2), &json!(true)),
        "{verified}"
    );
    assert_eq!(verified["unchecked"], json!([]), "{verified}");
    let by_ada = ["admin", "rotate", "server", "--host", &server.base_url()];
    assert_ne!(ada.fails(&by_ada).0, 0);
}
