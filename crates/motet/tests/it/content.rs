//! What a repository takes in, on every way in: files that are what their names say, paths that every file system keeps
//! apart (`spec/wire.md` 6.1, 6.3).

use api::Value as Message;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Person, Server, Story};

use crate::{
    MOTET,
    ground::{Ground, on_both, settled},
    organizations::post,
    people::Machine,
};

const SONG: &str = "/api/v1/repos/anna/song";

pub(crate) async fn house(ground: &Ground, rule: Value) -> (Server, Person, Story) {
    let server = ground.server().start().await;
    let anna = server.register("anna").await;
    let story = Story::of_one("root");
    server.push_story(&anna, "anna/song", &story, "main").await;
    set(&server, &anna, rule).await;
    (server, anna, story)
}

pub(crate) async fn set(server: &Server, anna: &Person, rule: Value) {
    let set = server.request(Method::PATCH, SONG).json(&rule).by(anna).send().await;
    set.assert_status(200);
}

/// A push of one more commit with these files, its objects sent apart or with it.
pub(crate) async fn push(
    server: &Server,
    by: &Person,
    story: &Story,
    (files, inline): (&[(&str, &[u8])], bool),
) -> Answer {
    let mut own = story.clone();
    own.commit(&[story.tip()], "more", files);
    let mut push = own.push_to("main");
    if inline {
        push.objects = own.inline();
    } else {
        server.push_objects(by, "anna/song", own.inline()).await.assert_status(200);
    }
    server.push(by, "anna/song", push).await
}

pub(crate) async fn edit(
    server: &Server,
    by: &Person,
    expected: &str,
    files: &[(&str, &[u8])],
) -> Answer {
    let file = |(path, bytes): &(&str, &[u8])| json!({ "path": path, "content_b64": STANDARD.encode(bytes) });
    let files: Vec<_> = files.iter().map(file).collect();
    let body = json!({ "branch": "main", "expected": expected, "message": "x", "files": files });
    post(server, &format!("{SONG}/edits"), by, body).await
}

on_both! {
    async fn what_is_not_what_its_name_says_is_refused_where_that_is_asked(ground: Ground) {
        let (server, anna, story) = house(&ground, json!({ "content_policy": "enforce" })).await;
        let tip = story.tip().to_string();
        let bad: [(&str, &[u8]); 3] = [("a.png", b"<svg>"), ("b.txt", b"<html>"), ("c.json", b"#!/bin/sh")];
        for file in bad {
            for inline in [true, false] {
                let refused = push(&server, &anna, &story, (&[file], inline)).await;
                assert_eq!((refused.status, refused.code()), (422, "content_policy".to_owned()), "{file:?}");
                assert!(refused.text().contains(file.0), "{}", refused.text());
            }
            let refused = edit(&server, &anna, &tip, &[file]).await;
            refused.assert_refused(422, "content_policy");
        }
        let all = edit(&server, &anna, &tip, &bad).await;
        for (name, _) in bad {
            assert!(all.text().contains(name), "{}", all.text());
        }
        assert_eq!(server.head(&anna, "anna/song", "main").await, Some(story.tip()));
        let good: [(&str, &[u8]); 4] =
            [("a.png", b"\x89PNG\r\n\x1a\nrest"), ("b.html", b"<html>"), ("c", b"#!/bin/sh"), ("d.txt", b"")];
        push(&server, &anna, &story, (&good, false)).await.assert_status(200);
        // A file that moves to another name is another pair.
        let tip = server.head(&anna, "anna/song", "main").await.unwrap();
        let moved = json!({ "branch": "main", "expected": tip, "message": "x",
            "files": [{ "path": "b.txt", "from": "b.html", "content_b64": null }] });
        post(&server, &format!("{SONG}/edits"), &anna, moved).await.assert_refused(422, "content_policy");
        // What is there already is nobody's fault now.
        set(&server, &anna, json!({ "content_policy": "off" })).await;
        let stray = edit(&server, &anna, &tip.to_string(), &[("e.pdf", b"none")]).await;
        stray.assert_status(201);
        set(&server, &anna, json!({ "content_policy": "enforce" })).await;
        let tip = stray.json()["commit_id"].as_str().unwrap().to_owned();
        edit(&server, &anna, &tip, &[("f.txt", b"fine")]).await.assert_status(201);
    }
}

on_both! {
    async fn what_is_only_told_is_taken(ground: Ground) {
        let (server, anna, story) = house(&ground, json!({ "content_policy": "warn" })).await;
        let told = push(&server, &anna, &story, (&[("a.png", b"none")], true)).await;
        told.assert_status(200);
        let Message::Map(fields) = told.value() else { panic!("no map") };
        let said = fields.iter().any(|(key, it)| {
            key == "message" && matches!(it, Message::Text(text) if text.contains("`a.png`: a PNG file"))
        });
        assert!(said, "{fields:?}");
        let tip = server.head(&anna, "anna/song", "main").await.unwrap().to_string();
        let told = edit(&server, &anna, &tip, &[("b.zip", b"none"), ("c.txt", b"fine")]).await;
        told.assert_status(201);
        assert_eq!(told.json()["warnings"].as_array().unwrap().len(), 1, "{}", told.text());
    }
}

on_both! {
    async fn paths_that_some_file_systems_take_for_one_are_kept_apart_where_that_is_asked(ground: Ground) {
        let (server, anna, story) = house(&ground, json!({})).await;
        let tip = story.tip().to_string();
        edit(&server, &anna, &tip, &[("Read/Me", b"1"), ("read/ME", b"2")]).await.assert_status(201);
        set(&server, &anna, json!({ "clashing_paths": "refuse" })).await;
        // Nothing new clashes.
        let tip = server.head(&anna, "anna/song", "main").await.unwrap().to_string();
        let next = edit(&server, &anna, &tip, &[("other", b"3")]).await;
        next.assert_status(201);
        let tip = next.json()["commit_id"].as_str().unwrap().to_owned();
        for files in [&[("OTHER", b"4")][..], &[("e\u{301}", b"4"), ("\u{e9}", b"5")]] {
            let files: Vec<(&str, &[u8])> = files.iter().map(|(path, bytes)| (*path, &bytes[..])).collect();
            let refused = edit(&server, &anna, &tip, &files).await;
            refused.assert_refused(422, "path_conflict");
        }
        let mut own = story.clone();
        own.commit(&[story.tip()], "more", &[("a", b"1"), ("A", b"2")]);
        server.push_objects(&anna, "anna/song", own.inline()).await.assert_status(200);
        let refused = server.push(&anna, "anna/song", own.push_to("twins")).await;
        assert_eq!((refused.status, refused.code()), (422, "path_conflict".to_owned()));
    }
}

on_both! {
    async fn a_fork_takes_no_more_from_its_source_than_from_elsewhere(ground: Ground) {
        let (server, anna, story) = house(&ground, json!({ "visibility": "public", "confirm": "anna/song" })).await;
        let bert = server.register("bert").await;
        post(&server, &format!("{SONG}/forks"), &bert, json!({})).await.assert_status(202);
        settled(&server).await;
        let fork = "/api/v1/repos/bert/song";
        let rule = json!({ "content_policy": "enforce", "clashing_paths": "refuse" });
        server.request(Method::PATCH, fork).json(&rule).by(&bert).send().await.assert_status(200);
        let tip = story.tip().to_string();
        let bad = edit(&server, &anna, &tip, &[("a.png", b"none")]).await;
        let sync = async || post(&server, &format!("{fork}/sync"), &bert, json!({ "branch": "main" })).await;
        sync().await.assert_refused(422, "content_policy");
        let tip = bad.json()["commit_id"].as_str().unwrap().to_owned();
        let file = |path: &str| json!({ "path": path, "content_b64": "" });
        let back = json!({ "branch": "main", "expected": tip, "message": "x",
            "files": [{ "path": "a.png", "content_b64": null }, file("dir/x"), file("DIR/X")] });
        post(&server, &format!("{SONG}/edits"), &anna, back).await.assert_status(201);
        // Paths are judged before what files hold.
        sync().await.assert_refused(422, "path_conflict");
        let allow = json!({ "clashing_paths": "allow" });
        server.request(Method::PATCH, fork).json(&allow).by(&bert).send().await.assert_status(200);
        // On its way it was there.
        sync().await.assert_refused(422, "content_policy");
        let off = json!({ "content_policy": "off" });
        server.request(Method::PATCH, fork).json(&off).by(&bert).send().await.assert_status(200);
        sync().await.assert_status(200);
    }
}

#[tokio::test]
async fn a_push_page_by_page_is_looked_at_too() {
    let server = Server::start(MOTET).await;
    let ada = Machine::of(&server, "ada");
    let made = ada.done(&["repo", "create", "song", "--readme"]);
    ada.done(&[
        "repo",
        "edit",
        "song",
        "--content-policy",
        "enforce",
        "--clashing-paths",
        "refuse",
    ]);
    let address = made["address"].as_str().unwrap().to_owned();
    let place = tempfile::tempdir().unwrap();
    let clone = place.path().join("song");
    let clone = clone.to_str().unwrap();
    ada.done(&["clone", &address, clone]);
    let write = |name: &str, text: &str| std::fs::write(format!("{clone}/{name}"), text).unwrap();
    write("good.html", "<html>");
    ada.done(&["-C", clone, "commit", "-m", "good"]);
    ada.done(&["-C", clone, "push"]);
    write("bad.txt", "<html>");
    ada.done(&["-C", clone, "commit", "-m", "bad"]);
    assert_eq!(ada.fails(&["-C", clone, "push"]), (5, "content_policy".to_owned()));
    ada.done(&["repo", "edit", "song", "--content-policy", "off"]);
    ada.done(&["-C", clone, "push"]);
    write("GOOD.html", "x");
    ada.done(&["-C", clone, "commit", "-m", "twins"]);
    assert_eq!(ada.fails(&["-C", clone, "push"]), (5, "path_conflict".to_owned()));
}
