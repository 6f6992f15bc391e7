//! The copying of a history is cut off again and again, and comes to the same end (`spec/hub.md` 13, H90).

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Person, Server, Story};

use super::{kill_within, over, seeded};
use crate::{
    ground::{Ground, eventually, jobs, on_both},
    organizations::post,
};

/// Commits that are copied: more than two batches, each with an object and a snapshot of its own.
const COMMITS: usize = 1_100;
/// The server is killed so often: fewer times than a job is tried.
const KILLS: usize = 15;
/// The server is killed within this time of its start: about as long as some steps take.
const LONGEST: Duration = Duration::from_millis(40);

async fn source(server: &Server) -> (Person, Story) {
    let anna = server.register("anna").await;
    let mut story = Story::of_one("root");
    for number in 1..COMMITS {
        let (text, parent) = (format!("verse {number}"), story.tip());
        story.commit(&[parent], &text, &[("README.md", b"root"), ("verse", text.as_bytes())]);
    }
    server.push_story(&anna, "anna/song", &story, "main").await;
    let allow = server.request(http::Method::PATCH, "/api/v1/repos/anna/song");
    let allow = allow.json(&json!({ "allow_forks": true })).by(&anna);
    allow.send().await.assert_status(200);
    (anna, story)
}

async fn ask(server: &Server, anna: &Person) {
    let new = json!({ "name": "hymn" });
    post(server, "/api/v1/repos/anna/song/forks", anna, new).await.assert_status(202);
}

/// Waits until the fork is whole; gives what it is, without what differs between any two moments.
async fn whole(server: &Server, anna: &Person, story: &Story) -> Value {
    eventually("the history is there", async || {
        let fork = server.get("/api/v1/repos/anna/hymn").by(anna).send().await.json();
        fork["fork_state"] == "ready"
    })
    .await;
    assert_eq!(jobs(server, "dead").await["counts"]["dead"], 0);
    assert_eq!(server.head(anna, "anna/hymn", "main").await, Some(story.tip()));
    let fetched = server.fetch(anna, "anna/hymn", &[story.tip()], &[]).await;
    for commit in &fetched.commits {
        history::verify_commit(commit).unwrap();
    }
    let usage = server.get("/api/v1/repos/anna/hymn/usage").by(anna).send().await.json();
    let fork = server.get("/api/v1/repos/anna/hymn").by(anna).send().await.json();
    json!({
        "commits": fetched.commits.len(), "snapshots": fetched.snapshots.len(),
        "objects": fetched.objects.len(), "usage": usage, "counted": fork["commit_count"],
    })
}

on_both! {
    async fn a_fork_that_is_killed_between_its_steps_ends_like_one_that_is_not(ground: Ground) {
        let random = seeded();
        // Once without a kill.
        let calm = Server::start(crate::MOTET).await;
        let (her, story) = source(&calm).await;
        ask(&calm, &her).await;
        let expected = whole(&calm, &her, &story).await;
        assert_eq!((&expected["commits"], &expected["counted"]), (&json!(COMMITS), &json!(COMMITS)));

        let mut server = ground.server().start().await;
        let (anna, story) = source(&server).await;
        ask(&server, &anna).await;
        for _ in 0..KILLS {
            kill_within(&server, &random, LONGEST).await;
            server.kill().await;
            over(&ground, &server, false).await;
            server.restart().await;
        }
        assert_eq!(whole(&server, &anna, &story).await, expected);
    }
}
