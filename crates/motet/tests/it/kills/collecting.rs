//! Collection and tidying are cut off again and again, and come to the same end (`spec/hub.md` 13, H90).

use std::time::Duration;

use api::wire::PushRequest;
use serde_json::{Value, json};
use testkit::{Person, Server, Story};

use super::{kill_within, over, seeded};
use crate::{
    ground::{Ground, eventually, jobs, on_both},
    store,
};

/// Commits that are let go: more than two batches.
const LOOSE: usize = 1_100;
/// The server is killed so often: fewer times than a job is tried.
const KILLS: usize = 20;
/// The server is killed within this time of its start: about as long as some steps take.
const LONGEST: Duration = Duration::from_millis(40);
const SONG: &str = "anna/song";

/// A repository from which most is to go: a branch that was forced back to its root.
async fn forced_back(server: &Server, loose: usize) -> Person {
    let anna = server.register("anna").await;
    let mut story = Story::of_one("root");
    let root = story.tip();
    server.push_story(&anna, SONG, &story, "main").await;
    for number in 0..loose {
        let (text, parent) = (format!("verse {number}"), story.tip());
        let large = text.repeat(10_000);
        let bytes = if number % 100 == 0 { &large } else { &text };
        story.commit(&[parent], &text, &[("README.md", b"root"), ("verse", bytes.as_bytes())]);
    }
    server.push_story(&anna, SONG, &story, "main").await;
    let mut kept = Story::of_one("root");
    kept.commit(&[root], "another way", &[("README.md", b"another way")]);
    let back = PushRequest { objects: kept.inline(), force: true, ..kept.push_to("main") };
    server.push(&anna, SONG, back).await.assert_status(200);
    anna
}

/// Asks for both, and does not wait for them.
async fn ask(server: &Server, anna: &Person) {
    let collect = server.post(&format!("/api/v1/repos/{SONG}/collect")).by(anna);
    collect.json(&json!({ "grace": 0 })).send().await.assert_status(202);
    let tidy = server.post("/api/v1/admin/storage/scan").by(&server.operator());
    tidy.json(&json!({ "kind": "tidy" })).send().await.assert_status(202);
}

async fn done(server: &Server) {
    eventually("both are done", async || {
        let (ready, running) = (jobs(server, "ready").await, jobs(server, "running").await);
        let mut waiting = ready["items"].as_array().unwrap().iter();
        waiting.all(|it| it["kind"] == "objects.clear") && running["items"] == json!([])
    })
    .await;
    assert_eq!(jobs(server, "dead").await["counts"]["dead"], 0);
}

/// What is stored, without what differs between any two moments.
async fn stored(server: &Server, anna: &Person) -> Value {
    let mut found = server.get("/api/v1/admin/storage").by(&server.operator()).send().await.json();
    let stored = found.as_object_mut().unwrap();
    stored.remove("free_bytes");
    stored.remove("scans");
    let usage = server.get(&format!("/api/v1/repos/{SONG}/usage")).by(anna).send().await.json();
    let repository = server.get(&format!("/api/v1/repos/{SONG}")).by(anna).send().await.json();
    json!({ "stored": found, "usage": usage, "commits": repository["commit_count"] })
}

on_both! {
    async fn a_collection_that_is_killed_between_its_steps_ends_like_one_that_is_not(ground: Ground) {
        let random = seeded();
        // Once without a kill.
        let whole = Server::start(crate::MOTET).await;
        let her = forced_back(&whole, LOOSE).await;
        ask(&whole, &her).await;
        done(&whole).await;
        let expected = stored(&whole, &her).await;
        assert_eq!((&expected["stored"]["links"], &expected["usage"]["objects"]["used"]), (&json!(2), &json!(2)));

        let mut server = ground.server().start().await;
        let anna = forced_back(&server, LOOSE).await;
        ask(&server, &anna).await;
        for _ in 0..KILLS {
            kill_within(&server, &random, LONGEST).await;
            server.kill().await;
            over(&ground, &server, false).await;
            server.restart().await;
        }
        done(&server).await;
        assert_eq!(stored(&server, &anna).await, expected);
    }
}

on_both! {
    /// The moment at which links end and their objects are condemned is one: whoever tries again finds both.
    async fn a_collection_that_breaks_off_while_it_condemns_forgets_nothing(ground: Ground) {
        let mut server = ground.server().start().await;
        let anna = forced_back(&server, 5).await;
        server.stop().await;
        let db = ground.db(&server).await;
        let mut tx = db.write().await.unwrap();
        store::refuse_tombs(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        server.restart().await;
        ask(&server, &anna).await;
        eventually("the collection has failed", async || {
            let ready = jobs(&server, "ready").await;
            let mut waiting = ready["items"].as_array().unwrap().iter();
            waiting.any(|it| it["kind"] == "hub.collect" && it["last_error"].is_string())
        })
        .await;
        server.stop().await;
        let mut tx = db.write().await.unwrap();
        store::allow_tombs(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        db.close().await;
        over(&ground, &server, true).await;

        server.restart().await;
        done(&server).await;
        let there = stored(&server, &anna).await["stored"]["states"].clone();
        assert_eq!((&there[0]["name"], &there[0]["objects"], &there[1]), (&json!("live"), &json!(2), &Value::Null));
        server.stop().await;
    }
}
