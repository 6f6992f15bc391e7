//! Releases on the wire (`spec/wire.md` 1.5, 4; `spec/collaboration.md` 6).

use api::{
    Value,
    wire::{Channel, Release, ReleaseMade, Releases, Retracted},
};
use http::Method;
use serde_json::json;
use testkit::{Answer, Person, Server, Story};

use crate::ground::{Ground, on_both};

const SONG: &str = "anna/song";

/// A release of the newest commit of `story`, as a client sends it.
pub(crate) fn of(story: &Story, tag: &str) -> Release {
    let commit = story.commits.last().unwrap();
    Release {
        release_id: "d80991f4-65dc-4012-b224-a5cfa78625ac".to_owned(),
        repo_id: String::new(),
        tag: tag.to_owned(),
        semver: tag.parse().ok(),
        channel: Channel::of_tag(tag),
        commit_id: commit.commit_id,
        snapshot_id: commit.snapshot_id,
        title: format!("Edition {tag}"),
        body: "All verses so far.".to_owned(),
        changelog: vec![Value::map([("message", Value::from("one"))])],
        agent_id: "loom".to_owned(),
        model_id: "m".to_owned(),
        is_draft: false,
        gpg_signature: "kept as it is".to_owned(),
        created_at: String::new(),
    }
}

async fn send(server: &Server, by: &Person, release: Release) -> Answer {
    server.wire(by, SONG, "releases", &release.into()).send().await
}

/// Publishes the newest commit of `story`; it must succeed.
pub(crate) async fn publish(server: &Server, by: &Person, to: &str, story: &Story, tag: &str) {
    let made = server.wire(by, to, "releases", &of(story, tag).into()).send().await;
    assert!(!made.wire::<ReleaseMade>().release_id.is_empty());
}

async fn list(server: &Server, by: Option<&Person>, query: &str) -> Vec<Release> {
    let request = server.get(&format!("/{SONG}/releases{query}")).by_some(by);
    let answer = request.header("accept", "application/x-msgpack").send().await;
    answer.wire::<Releases>().releases
}

async fn retract(server: &Server, by: &Person, tag: &str) -> Answer {
    server.request(Method::DELETE, &format!("/{SONG}/releases/{tag}")).by(by).send().await
}

fn tags(releases: &[Release]) -> Vec<&str> {
    releases.iter().map(|it| it.tag.as_str()).collect()
}

/// A public repository with a story of two commits.
async fn house(ground: &Ground) -> (Server, Person, Story) {
    let server = ground.server().start().await;
    let anna = server.register("anna").await;
    server.create(&anna, "song", "public").await;
    let mut story = Story::of_one("a song");
    let first = story.tip();
    story.commit(&[first], "more", &[("b.txt", b"b")]);
    server.push_story(&anna, SONG, &story, "main").await;
    (server, anna, story)
}

on_both! {
    async fn a_release_is_published_listed_and_yanked(ground: Ground) {
        let (server, anna, story) = house(&ground).await;
        let asked = of(&story, "v1.0.0");
        let made = send(&server, &anna, asked.clone()).await.wire::<ReleaseMade>();
        assert_ne!(made.release_id, asked.release_id, "the id is the server's");
        let listed = list(&server, None, "").await;
        assert_eq!(listed.len(), 1);
        let Release { release_id, repo_id, created_at, .. } = listed[0].clone();
        assert_eq!(release_id, made.release_id);
        assert_eq!(repo_id, server.refs(&anna, SONG).await.repo_id);
        assert!(created_at.ends_with("+00:00"), "{created_at}");
        assert_eq!(listed[0], Release { release_id, repo_id, created_at, ..asked });

        send(&server, &anna, of(&story, "v1.1.0-beta.1")).await.assert_status(200);
        send(&server, &anna, of(&story, "spring")).await.assert_status(200);
        assert_eq!(tags(&list(&server, None, "").await), ["spring", "v1.1.0-beta.1", "v1.0.0"]);
        assert_eq!(tags(&list(&server, None, "?channel=beta").await), ["v1.1.0-beta.1"]);
        assert_eq!(tags(&list(&server, None, "?channel=stable").await), ["spring", "v1.0.0"]);
        server.get("/anna/song/releases?channel=weekly").send().await.assert_refused(400, "malformed");

        // Taken for good, also after it was yanked.
        send(&server, &anna, of(&story, "v1.0.0")).await.assert_refused(409, "release_exists");
        for _ in 0..2 {
            let gone = retract(&server, &anna, "v1.0.0").await.wire::<Retracted>();
            assert_eq!(gone.retracted, "v1.0.0");
        }
        assert_eq!(tags(&list(&server, Some(&anna), "?include_drafts=1").await), ["spring", "v1.1.0-beta.1"]);
        send(&server, &anna, of(&story, "v1.0.0")).await.assert_refused(409, "release_exists");
        retract(&server, &anna, "v9.0.0").await.assert_refused(404, "not_found");
        // A tag is no branch.
        assert_eq!(server.refs(&anna, SONG).await.branch_heads.len(), 1);
    }
}

on_both! {
    async fn a_draft_is_seen_by_those_who_may_publish_and_is_thrown_away(ground: Ground) {
        let (server, anna, story) = house(&ground).await;
        let bo = server.register("bo").await;
        let draft = Release { is_draft: true, title: String::new(), ..of(&story, "v2.0.0") };
        send(&server, &anna, draft.clone()).await.assert_status(200);
        assert!(list(&server, Some(&anna), "").await.is_empty());
        for reader in [None, Some(&bo)] {
            assert!(list(&server, reader, "?include_drafts=1").await.is_empty());
        }
        let drafts = list(&server, Some(&anna), "?include_drafts=1").await;
        assert_eq!((tags(&drafts), drafts[0].is_draft), (vec!["v2.0.0"], true));
        assert_eq!(drafts[0].title, "v2.0.0", "without a title the tag is one");
        send(&server, &anna, draft.clone()).await.assert_refused(409, "release_exists");
        // The name is free again, and may be used with a slash.
        retract(&server, &anna, "v2.0.0").await.assert_status(200);
        retract(&server, &anna, "v2.0.0").await.assert_refused(404, "not_found");
        send(&server, &anna, of(&story, "app/v2.0.0")).await.assert_status(200);
        retract(&server, &anna, "app%2Fv2.0.0").await.assert_status(200);
    }
}

on_both! {
    async fn a_release_is_of_a_commit_on_a_branch_and_its_tag_never_moves(ground: Ground) {
        let (server, anna, mut story) = house(&ground).await;
        let good = of(&story, "v1.0.0");
        let unknown = names::CommitId::of(b"nowhere");
        for (wrong, code) in [
            (Release { commit_id: unknown, ..good.clone() }, "unknown_commit"),
            (Release { snapshot_id: names::SnapshotId::of(b"another"), ..good.clone() }, "snapshot_mismatch"),
            (of(&story, "no tag"), "bad_ref"),
            (of(&story, "a..b"), "bad_ref"),
        ] {
            send(&server, &anna, wrong).await.assert_refused(422, code);
        }
        // On no branch any more.
        let mut other = Story::of_one("another song");
        server.push_objects(&anna, SONG, other.inline()).await.assert_status(200);
        server.push(&anna, SONG, other.push_to("side")).await.assert_status(200);
        let lost = of(&other, "v0.9.0");
        other = Story::of_one("a third one");
        server.push_objects(&anna, SONG, other.inline()).await.assert_status(200);
        let force = api::wire::PushRequest { force: true, ..other.push_to("side") };
        server.push(&anna, SONG, force).await.assert_status(200);
        send(&server, &anna, lost).await.assert_refused(422, "unknown_commit");
        assert!(list(&server, None, "").await.is_empty());

        // What is released stays readable, whatever becomes of the branch.
        send(&server, &anna, of(&other, "v1.0.0")).await.assert_status(200);
        let released = other.tip();
        let force = api::wire::PushRequest { force: true, ..story.push_to("side") };
        server.push(&anna, SONG, force).await.assert_status(200);
        assert_eq!(server.fetch(&anna, SONG, &[released], &[]).await.commits.len(), 1);
        // A directory of a tag is no tag.
        send(&server, &anna, of(&story, "v1.0.0/x")).await.assert_refused(422, "ref_conflict");
        let parent = story.tip();
        story.commit(&[parent], "third", &[("c.txt", b"c")]);
        let refused = send(&server, &anna, of(&story, "v3.0.0")).await;
        refused.assert_refused(422, "unknown_commit");
    }
}

#[tokio::test]
async fn only_those_who_may_push_release_and_an_archived_repository_takes_none() {
    let (server, anna, story) = house(&Ground::Sqlite).await;
    let bo = server.register("bo").await;
    send(&server, &bo, of(&story, "v1.0.0")).await.assert_refused(403, "forbidden");
    let body = of(&story, "v1.0.0").into();
    let unsigned = server.wire(&anna, SONG, "releases", &body).unsigned().send().await;
    unsigned.assert_refused(401, "unauthenticated");
    server.post("/api/v1/repos/anna/song/archive").by(&anna).send().await.assert_status(200);
    send(&server, &anna, of(&story, "v1.0.0")).await.assert_refused(403, "archived");
    retract(&server, &anna, "v1.0.0").await.assert_refused(403, "archived");
    // In JSON, too.
    server.post("/api/v1/repos/anna/song/unarchive").by(&anna).send().await.assert_status(200);
    let commit = story.commits.last().unwrap();
    let asked = json!({
        "tag": "v1.0.0", "commit_id": commit.commit_id, "snapshot_id": commit.snapshot_id, "title": "First",
    });
    let made = server.post("/anna/song/releases").json(&asked).by(&anna).send().await;
    made.assert_status(200);
    assert!(made.json()["release_id"].is_string());
    let found = server.get("/anna/song/releases").send().await.json();
    assert_eq!(found["releases"][0]["semver"]["major"], 1);
}
