//! Repositories are made, by request or by a first push (`spec/wire.md` 4, Push to create; `spec/hub.md` 1).

use api::Value;
use names::ObjectId;
use serde_json::json;
use testkit::Story;

use crate::server_and_anna;

#[tokio::test]
async fn a_repository_is_made_once() {
    let (server, anna) = server_and_anna().await;
    let body = json!({ "name": "Song", "description": "for four", "visibility": "public", "default_branch": "trunk" });
    let made = server.post("/api/v1/repos").by(&anna).json(&body).send().await;
    made.assert_status(201);
    assert_eq!(made.header("location"), "/api/v1/repos/anna/song");
    let shown = made.json();
    for (key, value) in [
        ("full_name", json!("anna/song")),
        ("owner", json!("anna")),
        ("name", json!("song")),
        ("description", json!("for four")),
        ("visibility", json!("public")),
        ("format", json!("muse")),
        ("domain", json!("code")),
        ("default_branch", json!("trunk")),
        ("commit_count", json!(0)),
        ("pushed_at", json!(null)),
    ] {
        assert_eq!(shown[key], value, "{key}");
    }
    assert_eq!(server.get("/api/v1/repos/anna/song").by(&anna).send().await.json(), shown);

    for name in ["song", "SONG"] {
        let again =
            server.post("/api/v1/repos").by(&anna).json(&json!({ "name": name })).send().await;
        again.assert_refused(409, "name_taken");
    }
}

#[tokio::test]
async fn a_repository_is_private_unless_said_otherwise() {
    let (server, anna) = server_and_anna().await;
    let made = server.post("/api/v1/repos").by(&anna).json(&json!({ "name": "song" })).send().await;
    assert_eq!(made.json()["visibility"], "private");
    server.get("/api/v1/repos/anna/song").send().await.assert_status(404);
}

#[tokio::test]
async fn every_fault_of_a_new_repository_is_listed_at_once() {
    let (server, anna) = server_and_anna().await;
    let body = json!({
        "name": "no/name",
        "visibility": "secret",
        "format": "svn",
        "default_branch": "a..b",
        "description": "two\nlines",
    });
    let refused = server.post("/api/v1/repos").by(&anna).json(&body).send().await;
    refused.assert_refused(422, "invalid");
    let problem = refused.json();
    let mut pointers: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["pointer"].as_str().unwrap())
        .collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/default_branch", "/description", "/format", "/name", "/visibility"]);
}

#[tokio::test]
async fn a_repository_has_a_name_that_can_be_an_address() {
    let (server, anna) = server_and_anna().await;
    for name in ["", ".x", "-x", "x.git", "a b", "ä", "a/b", "..", &"r".repeat(65)] {
        let refused =
            server.post("/api/v1/repos").by(&anna).json(&json!({ "name": name })).send().await;
        refused.assert_refused(422, "invalid");
        assert_eq!(refused.json()["errors"][0]["pointer"], "/name", "{name}");
    }
}

#[tokio::test]
async fn nobody_makes_a_repository_in_a_foreign_namespace() {
    let (server, anna) = server_and_anna().await;
    let boris = server.register("boris").await;
    for owner in ["anna", "nobody"] {
        let body = json!({ "name": "song", "owner": owner });
        server
            .post("/api/v1/repos")
            .by(&boris)
            .json(&body)
            .send()
            .await
            .assert_refused(404, "not_found");
    }
    server.get("/api/v1/repos/anna/song").by(&anna).send().await.assert_status(404);
}

#[tokio::test]
async fn a_first_push_makes_a_private_repository_with_the_pushed_branch_as_its_default() {
    let (server, anna) = server_and_anna().await;
    let mut story = Story::of_one("a song");
    story.last().structured_delta =
        Some(Value::map([("domain", Value::from("midi")), ("ops", Value::Array(Vec::new()))]));
    server.get("/anna/song/refs").by(&anna).send().await.assert_status(404);
    server.push_story(&anna, "anna/song", &story, "trunk").await;

    let refs = server.refs(&anna, "anna/song").await;
    assert_eq!(refs.branch_heads, [("trunk".to_owned(), story.tip())]);
    assert_eq!((refs.default_branch.as_str(), refs.domain.as_str()), ("trunk", "midi"));
    let shown = server.get("/api/v1/repos/anna/song").by(&anna).send().await.json();
    assert_eq!(
        (&shown["visibility"], &shown["commit_count"], &shown["object_count"]),
        (&json!("private"), &json!(1), &json!(1))
    );
}

#[tokio::test]
async fn asking_for_a_name_that_is_free_makes_nothing() {
    let (server, anna) = server_and_anna().await;
    let ids = [ObjectId::of(b"one"), ObjectId::of(b"two")];
    assert_eq!(server.missing(&anna, "anna/song", &ids).await, ids);
    // The name is still free.
    server.create(&anna, "song", "public").await;
}

#[tokio::test]
async fn a_push_into_a_foreign_namespace_finds_nothing_and_leaves_nothing() {
    let (server, anna) = server_and_anna().await;
    let boris = server.register("boris").await;
    let story = Story::of_one("a song");
    for repository in ["anna/song", "nobody/song"] {
        server
            .push_objects(&boris, repository, story.inline())
            .await
            .assert_refused(404, "not_found");
        server
            .push(&boris, repository, story.push_to("main"))
            .await
            .assert_refused(404, "not_found");
    }
    server.create(&anna, "song", "public").await;
    assert_eq!(server.refs(&boris, "anna/song").await.branch_heads, []);
    let id = ObjectId::of(b"a song");
    assert_eq!(server.missing(&anna, "anna/song", &[id]).await, [id]);
}

#[tokio::test]
async fn a_repository_counts_what_it_holds() {
    let (server, anna) = server_and_anna().await;
    let mut story = Story::default();
    let first = story.commit(&[], "first", &[("a", b"1234"), ("b", b"1234"), ("empty", b"")]);
    story.commit(&[first], "second", &[("a", b"123456")]);
    server.push_story(&anna, "anna/song", &story, "main").await;
    let shown = server.get("/api/v1/repos/anna/song").by(&anna).send().await.json();
    assert_eq!((&shown["commit_count"], &shown["size_bytes"]), (&json!(2), &json!(10)));
    assert!(shown["pushed_at"].as_str().unwrap().ends_with('Z'));
}
