//! Nothing is kept that is not what its id says (`spec/wire.md` 5, 6.2, 11.5).

use api::{
    Value,
    wire::{FetchRequest, InlineObject, Stored},
};
use names::{CommitId, ObjectId, SnapshotId};
use testkit::{Person, Server, Story, object};

use crate::server_and_anna;

const SONG: &str = "anna/song";

/// The bytes of `content` with one bit turned, under the id of the right ones.
fn forged(content: &[u8]) -> InlineObject {
    let mut forged = object(content);
    forged.content[0] ^= 1;
    forged
}

/// A story whose second object will be forged.
fn two_files() -> Story {
    let mut story = Story::default();
    story.commit(&[], "two files", &[("first.txt", b"first\n"), ("second.txt", b"second\n")]);
    story
}

async fn is_whole(server: &Server, anna: &Person, story: &Story) {
    let fetched = server.fetch(anna, SONG, &[story.tip()], &[]).await;
    assert_eq!(fetched.commits.len(), story.commits.len());
    for object in &fetched.objects {
        history::verify_object(object.object_id, &object.content).unwrap();
    }
    assert_eq!(fetched.objects.len(), story.objects.len());
}

#[tokio::test]
async fn a_forged_upload_keeps_nothing_and_the_right_bytes_then_succeed() {
    let (server, anna) = server_and_anna().await;
    server.create(&anna, "song", "private").await;
    let story = two_files();
    let upload = vec![object(b"first\n"), forged(b"second\n")];
    let refused = server.push_objects(&anna, SONG, upload).await;
    refused.assert_refused(422, "hash_mismatch");
    assert!(refused.text().contains(&ObjectId::of(b"second\n").to_string()), "{}", refused.text());

    // Not even the object that was right has become pending.
    let ids: Vec<_> = story.objects.keys().copied().collect();
    assert_eq!(server.missing(&anna, SONG, &ids).await, ids);
    server.push_story(&anna, SONG, &story, "main").await;
    is_whole(&server, &anna, &story).await;
}

#[tokio::test]
async fn a_forged_object_inside_a_push_keeps_nothing_and_the_right_bytes_then_succeed() {
    let (server, anna) = server_and_anna().await;
    server.create(&anna, "song", "private").await;
    let story = two_files();
    let mut push = story.push_to("main");
    push.objects = vec![object(b"first\n"), forged(b"second\n")];
    server.push(&anna, SONG, push.clone()).await.assert_refused(422, "hash_mismatch");
    let ids: Vec<_> = story.objects.keys().copied().collect();
    assert_eq!(server.missing(&anna, SONG, &ids).await, ids);
    assert_eq!(server.head(&anna, SONG, "main").await, None);

    push.objects = story.inline();
    server.push(&anna, SONG, push).await.assert_status(200);
    is_whole(&server, &anna, &story).await;
}

#[tokio::test]
async fn uploads_are_counted_and_repetitions_are_skipped() {
    let (server, anna) = server_and_anna().await;
    let upload = |contents: &[&[u8]]| contents.iter().map(|it| object(it)).collect::<Vec<_>>();
    let first = server.push_objects(&anna, SONG, upload(&[b"a", b"b", b"a"])).await;
    assert_eq!(first.wire::<Stored>(), Stored { stored: 2, skipped: 1 });
    let again = server.push_objects(&anna, SONG, upload(&[b"b", b"c"])).await;
    assert_eq!(again.wire::<Stored>(), Stored { stored: 1, skipped: 1 });
}

#[tokio::test]
async fn a_commit_under_a_wrong_id_is_refused() {
    let (server, anna) = server_and_anna().await;
    let mut story = Story::of_one("a song");
    server.push_objects(&anna, SONG, story.inline()).await.assert_status(200);
    story.last().commit_id = CommitId::of(b"another");
    server.push(&anna, SONG, story.push_to("main")).await.assert_refused(422, "commit_mismatch");
    server.get(&format!("/{SONG}/refs")).by(&anna).send().await.assert_status(404);
}

#[tokio::test]
async fn a_commit_whose_message_was_changed_on_the_way_is_refused() {
    let (server, anna) = server_and_anna().await;
    let mut story = Story::of_one("a song");
    server.push_objects(&anna, SONG, story.inline()).await.assert_status(200);
    story.last().message.push('!');
    server.push(&anna, SONG, story.push_to("main")).await.assert_refused(422, "commit_mismatch");
}

#[tokio::test]
async fn a_snapshot_under_a_wrong_id_is_refused() {
    let (server, anna) = server_and_anna().await;
    let story = Story::of_one("a song");
    server.push_objects(&anna, SONG, story.inline()).await.assert_status(200);
    let mut push = story.push_to("main");
    push.snapshots[0].snapshot_id = SnapshotId::of(b"another");
    server.push(&anna, SONG, push).await.assert_refused(422, "snapshot_mismatch");
}

#[tokio::test]
async fn a_manifest_that_was_changed_on_the_way_is_refused() {
    let (server, anna) = server_and_anna().await;
    let story = Story::of_one("a song");
    server.push_objects(&anna, SONG, story.inline()).await.assert_status(200);
    let mut push = story.push_to("main");
    push.snapshots[0].manifest.insert("smuggled.txt".parse().unwrap(), ObjectId::EMPTY);
    server.push(&anna, SONG, push).await.assert_refused(422, "snapshot_mismatch");
}

#[tokio::test]
async fn a_commit_without_its_snapshot_is_refused() {
    let (server, anna) = server_and_anna().await;
    let story = Story::of_one("a song");
    server.push_objects(&anna, SONG, story.inline()).await.assert_status(200);
    let mut push = story.push_to("main");
    push.snapshots.clear();
    server.push(&anna, SONG, push).await.assert_refused(422, "missing_snapshot");
}

#[tokio::test]
async fn objects_that_never_came_are_counted_and_named() {
    let (server, anna) = server_and_anna().await;
    let mut story = Story::default();
    let contents: Vec<_> = (0..7).map(|number| format!("file {number}\n")).collect();
    let names: Vec<_> = (0..7).map(|number| format!("{number}.txt")).collect();
    let files: Vec<_> = names
        .iter()
        .zip(&contents)
        .map(|(name, content)| (name.as_str(), content.as_bytes()))
        .collect();
    story.commit(&[], "seven files", &files);
    server.push_objects(&anna, SONG, vec![object(contents[0].as_bytes())]).await.assert_status(200);

    let refused = server.push(&anna, SONG, story.push_to("main")).await;
    refused.assert_refused(422, "missing_objects");
    let text = refused.text();
    assert!(text.contains('6'), "{text}");
    // The line has room for 400 bytes; as many ids as fit stand in it.
    assert!(story.objects.keys().any(|id| text.contains(&id.to_string())), "{text}");
}

#[tokio::test]
async fn an_unknown_parent_is_a_conflict() {
    let (server, anna) = server_and_anna().await;
    let mut story = Story::default();
    story.commit(&[CommitId::of(b"never made")], "a child", &[("a.txt", b"a")]);
    server.push_objects(&anna, SONG, story.inline()).await.assert_status(200);
    let refused = server.push(&anna, SONG, story.push_to("main")).await;
    refused.assert_refused(409, "unknown_parent");
    assert!(
        refused.text().contains(&CommitId::of(b"never made").to_string()),
        "{}",
        refused.text()
    );
}

#[tokio::test]
async fn equal_parents_and_a_second_one_alone_are_refused() {
    let (server, anna) = server_and_anna().await;
    let mut story = Story::of_one("first");
    server.push_story(&anna, SONG, &story, "main").await;
    let first = story.tip();
    story.commit(&[first], "child", &[("b.txt", b"b")]);
    server.push_objects(&anna, SONG, story.inline()).await.assert_status(200);
    for parents in [(Some(first), Some(first)), (None, Some(first))] {
        let mut push = story.push_to("main");
        let child = push.commits.iter_mut().find(|it| it.message == "child").unwrap();
        (child.parent_commit_id, child.parent2_commit_id) = parents;
        let refused = server.push(&anna, SONG, push).await;
        refused.assert_refused(422, "bad_parents");
    }
    assert_eq!(server.head(&anna, SONG, "main").await, Some(first));
}

#[tokio::test]
async fn a_refused_push_leaves_the_repository_as_it_was() {
    let (server, anna) = server_and_anna().await;
    let mut story = Story::of_one("first");
    server.push_story(&anna, SONG, &story, "main").await;
    let first = story.tip();
    let before = server.get("/api/v1/repos/anna/song").by(&anna).send().await.json();

    let second = story.commit(&[first], "second", &[("b.txt", b"b")]);
    story.commit(&[second], "third", &[("c.txt", b"c")]);
    story.last().message.push('!');
    server.push_objects(&anna, SONG, story.inline()).await.assert_status(200);
    server
        .push(&anna, SONG, story.push_since(1, "main"))
        .await
        .assert_refused(422, "commit_mismatch");

    assert_eq!(server.head(&anna, SONG, "main").await, Some(first));
    let body = FetchRequest { want: vec![second], have: Vec::new() }.into();
    server.wire(&anna, SONG, "fetch", &body).send().await.assert_refused(404, "not_found");
    assert_eq!(server.get("/api/v1/repos/anna/song").by(&anna).send().await.json(), before);
}

#[tokio::test]
async fn an_object_with_a_text_for_an_id_is_refused() {
    let (server, anna) = server_and_anna().await;
    for id in ["", "abc", &"A".repeat(64), &format!("sha256:{}", ObjectId::EMPTY), &"0".repeat(65)]
    {
        let body = Value::map([("object_ids", Value::list([id]))]);
        server
            .wire(&anna, SONG, "filter-objects", &body)
            .send()
            .await
            .assert_refused(422, "bad_id");
    }
}
