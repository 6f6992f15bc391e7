//! Many at once: everybody gets an answer, and nothing is lost (`spec/wire.md` 11.9).

use std::collections::BTreeSet;

use api::wire::{Format, PushRequest};
use testkit::Story;

use crate::{ground::Ground, server_and_anna};

/// Pushes at once.
const CROWD: usize = 20;
const SONG: &str = "anna/song";

/// A root, and for each of the crowd a child of it.
fn children() -> (Story, Vec<Story>) {
    let root = Story::of_one("root");
    let child = |number: usize| {
        let mut story = root.clone();
        let text = format!("child {number}");
        story.commit(&[root.tip()], &text, &[("a.txt", text.as_bytes())]);
        story
    };
    let children = (0..CROWD).map(child).collect();
    (root, children)
}

#[tokio::test]
async fn pushes_to_many_branches_at_once_all_succeed() {
    let (server, anna) = server_and_anna().await;
    let (root, children) = children();
    server.push_story(&anna, SONG, &root, "main").await;
    let mut under_way = Vec::new();
    for (number, child) in children.iter().enumerate() {
        server.push_objects(&anna, SONG, child.inline()).await.assert_status(200);
        let body = child.push_to(&format!("branch-{number}")).into_value(Format::MessagePack);
        let push = server.wire(&anna, SONG, "push", &body);
        under_way.push(tokio::spawn(async move { push.send().await }));
    }
    for push in under_way {
        push.await.unwrap().assert_status(200);
    }
    let heads: BTreeSet<_> =
        server.refs(&anna, SONG).await.branch_heads.into_iter().map(|(_, id)| id).collect();
    let tips: BTreeSet<_> = children.iter().chain([&root]).map(Story::tip).collect();
    assert_eq!(heads, tips);
}

/// On PostgreSQL an upload and a push wait for each other's rows; they must do so in one order.
#[tokio::test]
async fn uploads_and_bundles_of_the_same_objects_do_not_stop_each_other() {
    let ground = Ground::postgres().await;
    let server = ground.server().start().await;
    let anna = server.register("anna").await;
    let root = Story::of_one("root");
    server.push_story(&anna, SONG, &root, "main").await;
    for round in 0..6 {
        let mut story = root.clone();
        let files: Vec<(String, String)> =
            (0..200).map(|at| (format!("f{at}"), format!("{round} {at}"))).collect();
        let files: Vec<_> =
            files.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
        story.commit(&[root.tip()], "child", &files);
        let mut under_way = Vec::new();
        for number in 0..8 {
            let request = if number % 2 == 0 {
                let body = testkit::objects_body(story.inline());
                server.wire(&anna, SONG, "push/objects", &body)
            } else {
                let push = story.push_to(&format!("branch-{round}-{number}"));
                let bundle = PushRequest { objects: story.inline(), ..push };
                server.wire(&anna, SONG, "push", &bundle.into_value(Format::MessagePack))
            };
            under_way.push(tokio::spawn(async move { request.send().await }));
        }
        for answer in under_way {
            answer.await.unwrap().assert_status(200);
        }
    }
}

#[tokio::test]
async fn of_many_pushes_to_one_branch_at_once_one_wins() {
    let (server, anna) = server_and_anna().await;
    let (root, children) = children();
    server.push_story(&anna, SONG, &root, "main").await;
    let mut under_way = Vec::new();
    for child in &children {
        server.push_objects(&anna, SONG, child.inline()).await.assert_status(200);
        let push = server.wire(
            &anna,
            SONG,
            "push",
            &child.push_to("main").into_value(Format::MessagePack),
        );
        under_way.push(tokio::spawn(async move { push.send().await }));
    }
    let mut winner = None;
    for (push, child) in under_way.into_iter().zip(&children) {
        let answer = push.await.unwrap();
        if answer.status == 200 {
            assert_eq!(winner.replace(child.tip()), None, "two pushes won");
        } else {
            answer.assert_refused(409, "not_fast_forward");
        }
    }
    assert!(winner.is_some());
    assert_eq!(server.head(&anna, SONG, "main").await, winner);
}

#[tokio::test]
async fn of_many_first_pushes_to_one_name_all_make_one_repository() {
    let (server, anna) = server_and_anna().await;
    let story = Story::of_one("a song");
    let mut under_way = Vec::new();
    for number in 0..CROWD {
        let mut push = story.push_to(&format!("branch-{number}"));
        push.objects = story.inline();
        let push = server.wire(&anna, SONG, "push", &push.into_value(Format::MessagePack));
        under_way.push(tokio::spawn(async move { push.send().await }));
    }
    for push in under_way {
        push.await.unwrap().assert_status(200);
    }
    assert_eq!(server.refs(&anna, SONG).await.branch_heads.len(), CROWD);
    let shown = server.get("/api/v1/repos/anna/song").by(&anna).send().await.json();
    assert_eq!((&shown["commit_count"], &shown["object_count"]), (&1.into(), &1.into()));
}
