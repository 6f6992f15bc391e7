//! How much an owner and a repository may hold (`spec/hub.md` 1; 13, H41, H42).

use testkit::{Person, Server, Story, object};

use crate::MOTET;

const SONG: &str = "anna/song";

/// A server on which a repository may hold 10,000 bytes or 5 objects, and an owner 15,000 bytes.
async fn tight() -> (Server, Person) {
    let server = Server::with(MOTET)
        .arg("--quota-repository-bytes=10000")
        .arg("--quota-repository-objects=5")
        .arg("--quota-owner-bytes=15000")
        .start()
        .await;
    let anna = server.register("anna").await;
    (server, anna)
}

/// One commit with one file of so many bytes, on top of what the story has.
fn grow(story: &mut Story, path: &str, bytes: usize) {
    let parents: Vec<_> = story.commits.last().map(|it| it.commit_id).into_iter().collect();
    story.commit(&parents, path, &[(path, path.repeat(bytes).as_bytes().get(..bytes).unwrap())]);
}

async fn used(server: &Server, anna: &Person, repository: &str) -> (u64, u64, u64) {
    let target = format!("/api/v1/repos/{repository}/usage");
    let usage = server.get(&target).by(anna).send().await.json();
    let number = |kind: &str| usage[kind]["used"].as_u64().unwrap();
    (number("bytes"), number("objects"), number("owner_bytes"))
}

#[tokio::test]
async fn the_byte_above_a_repositorys_quota_is_refused_with_figures_and_nothing_is_kept() {
    let (server, anna) = tight().await;
    let mut story = Story::default();
    grow(&mut story, "a", 4_000);
    server.push_story(&anna, SONG, &story, "main").await;
    grow(&mut story, "b", 5_999);
    server.push_story(&anna, SONG, &story, "main").await;
    assert_eq!(used(&server, &anna, SONG).await, (9_999, 2, 9_999));

    let mut full = story.clone();
    grow(&mut full, "c", 1);
    server.push_story(&anna, SONG, &full, "main").await;
    assert_eq!(used(&server, &anna, SONG).await, (10_000, 3, 10_000));
    let mut above = full.clone();
    grow(&mut above, "d", 1);
    // What is pending counts for nothing; the push that would link it is refused.
    let bundle = api::wire::PushRequest { objects: above.inline(), ..above.push_since(3, "main") };
    let refused = server.push(&anna, SONG, bundle).await;
    refused.assert_refused(413, "quota_exceeded");
    let text = refused.text();
    assert!(text.contains("10001 bytes of 10000") && text.contains("/usage"), "{text}");
    assert_eq!(used(&server, &anna, SONG).await, (10_000, 3, 10_000));
    assert_eq!(server.head(&anna, SONG, "main").await, Some(full.tip()));
}

#[tokio::test]
async fn a_body_that_cannot_be_kept_is_refused_by_the_length_that_it_announces() {
    let (server, anna) = tight().await;
    let large = vec![1; 200_000];
    let refused = server.push_objects(&anna, SONG, vec![object(&large)]).await;
    refused.assert_refused(413, "quota_exceeded");
    assert_eq!(server.missing(&anna, SONG, &[names::ObjectId::of(&large)]).await.len(), 1);
}

#[tokio::test]
async fn everybody_sees_what_is_used_of_the_own_quota_and_of_no_others() {
    let (server, anna) = tight().await;
    let boris = server.register("boris").await;
    let own = async |by: &Person, query: &str| {
        server.get(&format!("/api/v1/me/quota{query}")).by(by).send().await
    };
    let story = Story::of_one("a song");
    server.create(&anna, "tune", "private").await;
    server.push_story(&anna, "anna/tune", &story, "main").await;
    let used = own(&anna, "").await.json();
    assert_eq!(used["owner_bytes"], serde_json::json!({ "used": 6, "allowed": 15_000 }));
    assert_eq!(own(&boris, "").await.json()["owner_bytes"]["used"], 0);
    own(&boris, "?owner=anna").await.assert_refused(404, "not_found");
    server.get("/api/v1/me/quota").send().await.assert_refused(401, "unauthenticated");
}

#[tokio::test]
async fn reading_goes_on_above_a_quota() {
    let (server, anna) = tight().await;
    let mut story = Story::default();
    for path in ["a", "b", "c", "d", "e"] {
        grow(&mut story, path, 10);
    }
    server.push_story(&anna, SONG, &story, "main").await;
    let mut above = story.clone();
    grow(&mut above, "f", 10);
    server.push_objects(&anna, SONG, above.inline()).await.assert_status(200);
    let refused = server.push(&anna, SONG, above.push_to("main")).await;
    refused.assert_refused(413, "quota_exceeded");
    assert!(refused.text().contains("6 objects of 5"), "{}", refused.text());
    assert_eq!(server.fetch(&anna, SONG, &[story.tip()], &[]).await.objects.len(), 5);
    server.get("/anna/song/blob/main/e").by(&anna).send().await.assert_status(200);
    // What is held already may be pushed again, under another name too.
    server.push(&anna, SONG, story.push_to("other")).await.assert_status(200);
}

#[tokio::test]
async fn an_owners_repositories_count_together() {
    let (server, anna) = tight().await;
    for name in ["anna/one", "anna/two"] {
        let mut story = Story::default();
        grow(&mut story, "a", 7_000);
        server.push_story(&anna, name, &story, "main").await;
    }
    // Equal bytes in two repositories count for both.
    assert_eq!(used(&server, &anna, "anna/two").await, (7_000, 1, 14_000));
    let mut story = Story::default();
    grow(&mut story, "b", 1_001);
    let bundle = api::wire::PushRequest { objects: story.inline(), ..story.push_to("main") };
    let refused = server.push(&anna, "anna/three", bundle).await;
    refused.assert_refused(413, "quota_exceeded");
    assert!(refused.text().contains("15001 bytes of 15000"), "{}", refused.text());
    // Somebody else has room.
    let boris = server.register("boris").await;
    server.push_story(&boris, "boris/three", &story, "main").await;
}

#[tokio::test]
async fn what_an_owner_holds_in_all_is_shown_to_the_owner_alone() {
    let (server, anna) = tight().await;
    let boris = server.register("boris").await;
    server.create(&anna, "open", "public").await;
    let target = "/api/v1/repos/anna/open/usage";
    let own = server.get(target).by(&anna).send().await.json();
    assert_eq!(own["owner_bytes"]["allowed"], 15_000);
    let seen = server.get(target).by(&boris).send().await.json();
    assert_eq!(
        (&seen["owner_bytes"], &seen["bytes"]["allowed"]),
        (&serde_json::Value::Null, &10_000.into())
    );
    server.create(&anna, "hidden", "private").await;
    let hidden = server.get("/api/v1/repos/anna/hidden/usage").by(&boris).send().await;
    hidden.assert_refused(404, "not_found");
}
