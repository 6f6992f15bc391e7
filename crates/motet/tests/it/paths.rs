//! Paths and branches that would hurt somebody are refused (`spec/wire.md` 5, 6.1, 11.8).

use api::{Value, wire::Format};
use names::ObjectId;
use testkit::{Person, Request, Server, Story, manifest_id, object};

use crate::server_and_anna;

pub(crate) const SONG: &str = "anna/song";
pub(crate) const CONTENT: &[u8] = b"the content of every file\n";

/// A push of one commit whose snapshot holds these paths, each with its right ids: only the paths are at fault.
pub(crate) fn push_of(server: &Server, anna: &Person, paths: &[&str]) -> Request {
    let object = ObjectId::of(CONTENT);
    let entries: Vec<_> = paths.iter().map(|path| (*path, object)).collect();
    let snapshot_id = manifest_id(&entries);
    let mut story = Story::default();
    story.commit_of(&[], snapshot_id, "paths", "2026-11-21T12:00:00+00:00");
    let manifest = entries.iter().map(|(path, id)| (*path, Value::from(id.to_string())));
    let snapshot = Value::map([
        ("snapshot_id", Value::from(snapshot_id.to_string())),
        ("manifest", Value::map(manifest)),
        ("created_at", "2026-11-21T12:00:00+00:00".into()),
    ]);
    let mut body = story.push_to("main").into_value(Format::MessagePack);
    let Value::Map(entries) = &mut body else { panic!("a push is a map") };
    let Value::Map(bundle) = &mut entries[0].1 else { panic!("a bundle is a map") };
    bundle.iter_mut().find(|(key, _)| key == "snapshots").unwrap().1 = Value::Array(vec![snapshot]);
    server.wire(anna, SONG, "push", &body)
}

#[tokio::test]
async fn a_path_that_leads_out_or_into_a_hidden_directory_is_refused_by_its_name() {
    let (server, anna) = server_and_anna().await;
    server.push_objects(&anna, SONG, vec![object(CONTENT)]).await.assert_status(200);
    for path in [
        "../x",
        "/x",
        ".MUSE/HEAD",
        ".muse/HEAD",
        "a/./b",
        "git~1",
        "muse~1/x",
        "a/../b",
        "a//b",
        "a/",
        ".",
        "..",
        ".git/config",
        "a/.Git/hooks",
        ".g\u{200c}it/config",
        ".git./config",
        ".git /config",
        ".git::$INDEX_ALLOCATION/x",
        "a\0b",
        "",
    ] {
        let refused = push_of(&server, &anna, &[path]).send().await;
        refused.assert_refused(422, "bad_path");
        let visible = path.replace(['\0', '\u{200c}'], "");
        let text = refused.text();
        assert!(
            visible != path || text.contains(&format!("`{path}`")),
            "{path:?} is not in the sentence: {text}"
        );
    }
    server.get(&format!("/{SONG}/refs")).by(&anna).send().await.assert_status(404);
}

#[tokio::test]
async fn a_path_has_at_most_4096_bytes_and_a_segment_255() {
    let (server, anna) = server_and_anna().await;
    server.push_objects(&anna, SONG, vec![object(CONTENT)]).await.assert_status(200);
    let segment = "s".repeat(255);
    let longest = vec![segment.as_str(); 16].join("/");
    assert_eq!(longest.len(), 4095);
    for path in [format!("{segment}s"), format!("{longest}/s")] {
        push_of(&server, &anna, &[&path]).send().await.assert_refused(422, "bad_path");
    }
    push_of(&server, &anna, &[&longest]).send().await.assert_status(200);
}

#[tokio::test]
async fn a_file_cannot_be_a_directory_as_well() {
    let (server, anna) = server_and_anna().await;
    server.push_objects(&anna, SONG, vec![object(CONTENT)]).await.assert_status(200);
    let refused = push_of(&server, &anna, &["x", "x-y", "x/y"]).send().await;
    refused.assert_refused(422, "path_conflict");
    assert!(refused.text().contains("`x/y`"), "{}", refused.text());
}

#[tokio::test]
async fn paths_that_differ_in_case_or_normal_form_alone_are_taken() {
    let (server, anna) = server_and_anna().await;
    server.push_objects(&anna, SONG, vec![object(CONTENT)]).await.assert_status(200);
    let paths = ["README", "Readme", "e\u{301}", "é", "src/A", "SRC/a"];
    push_of(&server, &anna, &paths).send().await.assert_status(200);
    let tip = server.head(&anna, SONG, "main").await.unwrap();
    let fetched = server.fetch(&anna, SONG, &[tip], &[]).await;
    assert_eq!(fetched.snapshots[0].manifest.len(), paths.len());
}

#[tokio::test]
async fn a_path_that_stands_twice_in_a_manifest_is_malformed() {
    let (server, anna) = server_and_anna().await;
    server.push_objects(&anna, SONG, vec![object(CONTENT)]).await.assert_status(200);
    push_of(&server, &anna, &["x", "x"]).send().await.assert_refused(400, "malformed");
}

#[tokio::test]
async fn a_branch_has_a_name_that_can_be_a_file() {
    let (server, anna) = server_and_anna().await;
    let story = Story::of_one("a song");
    server.push_objects(&anna, SONG, story.inline()).await.assert_status(200);
    for branch in [
        "",
        "HEAD",
        "refs/heads/main",
        "refs/tags/v1",
        ".hidden",
        "main.",
        "/main",
        "main/",
        "a//b",
        "a..b",
        "a@{1}",
        "a b",
        "a\\b",
        "a\nb",
        "ä",
        &"b".repeat(256),
    ] {
        server.push(&anna, SONG, story.push_to(branch)).await.assert_refused(422, "bad_ref");
    }
}

#[tokio::test]
async fn a_branch_is_not_the_directory_of_another() {
    let (server, anna) = server_and_anna().await;
    let story = Story::of_one("a song");
    server.push_story(&anna, SONG, &story, "a").await;
    server.push_story(&anna, SONG, &story, "c/d").await;
    for branch in ["a/b", "c", "c/d/e"] {
        server.push(&anna, SONG, story.push_to(branch)).await.assert_refused(422, "ref_conflict");
    }
    server.push(&anna, SONG, story.push_to("a-b")).await.assert_status(200);
}
