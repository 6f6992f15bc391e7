//! H52, H53: what is too large has an answer, and names that look like others are kept apart.

use std::fmt::Write as _;

use testkit::Story;

use super::{API, escaped, json, page};
use crate::{ground::Ground, server_and_anna, store};

#[tokio::test]
async fn a_directory_of_very_many_entries_comes_page_by_page() {
    let (server, anna) = server_and_anna().await;
    let names: Vec<String> = (0..100_000).map(|it| format!("many/f{it:06}")).collect();
    let mut story = Story::default();
    let files: Vec<(&str, &[u8])> = names.iter().map(|it| (it.as_str(), &b"x"[..])).collect();
    let first = story.commit(&[], "many", &files);
    let mut fewer = files.clone();
    for file in fewer.iter_mut().take(3_000) {
        file.1 = b"y";
    }
    story.commit(&[first], "three thousand", &fewer);
    server.push_story(&anna, "anna/song", &story, "main").await;
    for place in ["tree/main/many", "blob/main/many/f000007", "commits/main/many/f000007"] {
        let shown = page(&server, &anna, &format!("/anna/song/{place}")).await;
        assert_eq!(shown.status, 200, "{place}");
        assert!(shown.body.len() < 4 << 20, "{place}: {} bytes", shown.body.len());
    }
    let (mut seen, mut cursor) = (0, String::new());
    loop {
        let told = json(&server, &anna, &format!("{API}/song/tree?path=many{cursor}")).await;
        let items = told["items"].as_array().unwrap();
        assert_eq!(items[0]["name"], format!("f{seen:06}"));
        seen += items.len();
        match told["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, 100_000);
    let paths = json(&server, &anna, &format!("{API}/song/files")).await;
    assert_eq!(paths["paths"].as_array().unwrap().len(), 100_000);
    // What differs in 3,000 files, file by file and page by page.
    let commit = format!("/anna/song/commit/{}", story.tip());
    let shown = page(&server, &anna, &commit).await;
    let html = shown.text();
    assert!(html.contains("3,000 files") && shown.body.len() < 4 << 20, "{}", shown.body.len());
    assert!(html.contains("page=2"));
    let last = page(&server, &anna, &format!("{commit}?page=10")).await;
    assert!(last.text().contains("f002999"), "{} {}", last.status, last.text());
    let target = format!("{API}/song/commits/{}/diff?limit=2000", story.tip());
    let told = json(&server, &anna, &target).await;
    assert_eq!(told["file_count"], 3_000);
    assert!(told["next_cursor"].is_string());
}

#[tokio::test]
async fn long_lines_and_files_of_nothing_have_an_answer() {
    let (server, anna) = server_and_anna().await;
    let (line, other) = ("x".repeat(10_000_000), "y".repeat(10_000_000));
    let short = "z".repeat(200_000);
    let nothing = vec![0; 2 << 20];
    let mut story = Story::default();
    let files: [(&str, &[u8]); 3] =
        [("line", line.as_bytes()), ("nothing", &nothing), ("short", short.as_bytes())];
    let first = story.commit(&[], "first", &files);
    let (half, less) = (&nothing[..1 << 20], format!("{short}a"));
    let files: [(&str, &[u8]); 3] =
        [("line", other.as_bytes()), ("nothing", half), ("short", less.as_bytes())];
    story.commit(&[first], "second", &files);
    server.push_story(&anna, "anna/song", &story, "main").await;
    let commit = format!("commit/{}", story.tip());
    for place in [
        "blob/main/line",
        "blob/main/nothing",
        "blob/main/short",
        "blame/main/line",
        "blame/main/nothing",
        "commits/main/line",
        &commit,
    ] {
        let shown = page(&server, &anna, &format!("/anna/song/{place}")).await;
        assert_eq!(shown.status, 200, "{place}");
        assert!(shown.body.len() < 8 << 20, "{place}: {} bytes", shown.body.len());
    }
    let html = page(&server, &anna, &format!("/anna/song/{commit}")).await.text();
    assert!(html.contains("too long to compare") && html.contains("KiB more"), "{html}");
    let told = json(&server, &anna, &format!("{API}/song/blob?path=nothing")).await;
    assert_eq!((&told["kind"], &told["text"]), (&"binary".into(), &serde_json::Value::Null));
    let told = json(&server, &anna, &format!("{API}/song/blob?path=line")).await;
    assert_eq!((&told["kind"], &told["size"]), (&"text".into(), &10_000_000.into()));
    let refused = server.get(&format!("{API}/song/blame?path=line")).by(&anna).send().await;
    refused.assert_refused(413, "too_large");
}

#[tokio::test]
async fn very_many_branches_have_an_answer() {
    let ground = Ground::Sqlite;
    let mut server = ground.server().start().await;
    let anna = server.register("anna").await;
    let story = Story::of_one("a song");
    server.push_story(&anna, "anna/song", &story, "main").await;
    let tip = story.tip();
    server.stop().await;
    let mut tx = ground.db(&server).await.write().await.unwrap();
    store::many_branches(&mut tx, tip, 10_000).await.unwrap();
    tx.commit().await.unwrap();
    server.restart().await;
    let commit = format!("commit/{tip}");
    for place in [
        "",
        "tree/many/9999",
        "commits/many/9999",
        "blame/main/README.md",
        "compare/main...many/1",
        &commit,
    ] {
        let shown = page(&server, &anna, format!("/anna/song/{place}").trim_end_matches('/')).await;
        assert_eq!(shown.status, 200, "{place}: {}", shown.text());
        assert!(shown.body.len() < 1 << 20, "{place}: {} bytes", shown.body.len());
    }
}

/// Names are bytes: what looks alike is kept apart, shown with marks, and sent under its own name.
#[tokio::test]
async fn names_that_look_alike_are_kept_byte_for_byte() {
    let (server, anna) = server_and_anna().await;
    let names =
        ["A.txt", "a.txt", "b\u{202e}gpj.exe", "e\u{301}.txt", "z\u{200b}.txt", "\u{e9}.txt"];
    let texts: Vec<String> = (0..names.len()).map(|it| format!("content {it}\n")).collect();
    let mut story = Story::default();
    let files: Vec<_> =
        names.iter().zip(&texts).map(|(name, text)| (*name, text.as_bytes())).collect();
    let first = story.commit(&[], "names", &files);
    let mut changed = files.clone();
    changed[3].1 = b"changed\n";
    story.commit(&[first], "one of them", &changed);
    server.push_story(&anna, "anna/song", &story, "main").await;
    for (name, text) in names.iter().zip(&texts) {
        let raw = server.get(&format!("/anna/song/raw/{first}/{}", escaped(name))).by(&anna);
        assert_eq!(raw.send().await.text(), *text, "{name:?}");
        let log = json(&server, &anna, &format!("{API}/song/commits?path={}", escaped(name))).await;
        let expected = if name.contains('\u{301}') { 2 } else { 1 };
        assert_eq!(log["items"].as_array().unwrap().len(), expected, "{name:?}");
    }
    let listed = json(&server, &anna, &format!("{API}/song/files")).await;
    assert_eq!(listed["paths"], serde_json::json!(names));
    let mut told = String::new();
    for target in ["/anna/song", "/anna/song/blob/main/b%E2%80%AEgpj.exe"] {
        write!(told, "{}", page(&server, &anna, target).await.text()).unwrap();
    }
    assert!(!told.contains('\u{202e}') && !told.contains('\u{200b}'), "they are shown with marks");
    assert!(told.contains("differ in case only"));
    let zip = server.get("/anna/song/archive/main.zip").by(&anna).send().await.body;
    for name in names {
        let found = zip.windows(name.len()).any(|it| it == name.as_bytes());
        assert!(found, "{name:?} is in the archive under its name");
    }
}
