//! What answers for long histories: last commits, the graph, numbers; before the job of a push and after it, with its rows
//! and files and without them (`spec/hub.md` 4, 12; H50, H51).

use std::{collections::BTreeMap, fs};

use http::Method;
use names::CommitId;
use serde_json::Value;
use testkit::{Person, Server, Story, long};

use crate::{
    ground::{Ground, eventually, jobs, on_both, settled},
    store,
};

const SONG: &str = "anna/song";
const API: &str = "/api/v1/repos/anna/song";

async fn json(server: &Server, by: &Person, target: &str) -> Value {
    let answer = server.get(target).by(by).send().await;
    answer.assert_status(200);
    answer.json()
}

async fn page(server: &Server, by: &Person, target: &str) -> String {
    let answer = server.get(target).by(by).send().await;
    answer.assert_status(200);
    answer.text()
}

/// Name and subject of each entry of a directory, as its page shows them.
fn entries(page: &str) -> BTreeMap<String, String> {
    let table =
        page.split_once("<table class=\"tree\"").unwrap().1.split_once("</table>").unwrap().0;
    let text = |cell: &str| {
        let mut plain = String::new();
        for piece in cell.split('<') {
            plain.push_str(piece.split_once('>').map_or("", |it| it.1));
        }
        plain.trim().to_owned()
    };
    let rows = table.split("<tr>").filter(|row| row.contains("class=\"name\""));
    let row = |row: &str| {
        let (name, rest) = row.split_once("</th>").unwrap();
        let subject =
            rest.split_once("class=\"subject\">").unwrap().1.split_once("</td>").unwrap().0;
        (text(name), text(&format!("<td>{subject}")))
    };
    rows.map(row).collect()
}

fn told(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, subject)| ((*name).to_owned(), (*subject).to_owned())).collect()
}

/// The subject of the commit above a file, as its page shows it.
fn above(page: &str) -> &str {
    let bar = page.split_once("class=\"bar last\"").unwrap().1;
    let link = bar.split_once("class=\"subject\"").unwrap().1.split_once('>').unwrap().1;
    link.split_once("</a>").unwrap().0
}

/// Two lines that change different files and are merged, then a commit on top.
fn story() -> (Story, Vec<CommitId>) {
    let mut story = Story::default();
    let (a, b, c): (&[u8], &[u8], &[u8]) = (b"one", b"two", b"three");
    let first = story.commit(&[], "first", &[("a.rs", a), ("src/x.py", a), ("src/y.py", a)]);
    let left = story.commit(&[first], "left", &[("a.rs", b), ("src/x.py", a), ("src/y.py", a)]);
    let right = story.commit(&[first], "right", &[("a.rs", a), ("src/x.py", b), ("src/y.py", a)]);
    "robot".clone_into(&mut story.last().agent_id);
    let both =
        story.commit(&[left, right], "both", &[("a.rs", b), ("src/x.py", b), ("src/y.py", a)]);
    let top = story.commit(
        &[both],
        "top",
        &[("a.rs", b), ("src/x.py", b), ("src/y.py", a), ("docs/z.md", c)],
    );
    (story, vec![first, left, right, both, top])
}

/// Everything that is derived, as readers see it.
pub(crate) async fn all_told(server: &Server, anna: &Person) -> Vec<String> {
    let mut told = Vec::new();
    for target in ["graph", "languages", "contributors", "heatmap?until=2026-11-30"] {
        told.push(json(server, anna, &format!("{API}/{target}")).await.to_string());
    }
    for place in ["main", "main/src"] {
        let page = page(server, anna, &format!("/{SONG}/tree/{place}")).await;
        told.push(format!("{:?}", entries(&page)));
    }
    told
}

on_both! {
    async fn each_entry_names_the_commit_that_changed_it_last(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let (story, ids) = story();
        server.push_story(&anna, SONG, &story, "main").await;
        let root = told(&[("a.rs", "left"), ("src", "right"), ("docs", "top")]);
        let src = told(&[("x.py", "right"), ("y.py", "first"), (".. directory above", "")]);
        // At once, from rows; and when the job has done its part.
        for _ in 0..2 {
            assert_eq!(entries(&page(&server, &anna, &format!("/{SONG}")).await), root);
            assert_eq!(entries(&page(&server, &anna, &format!("/{SONG}/tree/main/src")).await), src);
            let before = page(&server, &anna, &format!("/{SONG}/tree/{}", ids[1])).await;
            assert_eq!(entries(&before), told(&[("a.rs", "left"), ("src", "first")]));
            for (file, subject) in [("a.rs", "left"), ("src/x.py", "right"), ("src/y.py", "first")] {
                let page = page(&server, &anna, &format!("/{SONG}/blob/main/{file}")).await;
                assert_eq!(above(&page), subject, "{file}");
            }
            settled(&server).await;
        }
        // A push carries forward what its paths touch.
        let mut story = story;
        let (b, c): (&[u8], &[u8]) = (b"two", b"three");
        story.commit(&[ids[4]], "more", &[("a.rs", b), ("src/x.py", b), ("src/y.py", c), ("docs/z.md", c)]);
        server.push_story(&anna, SONG, &story, "main").await;
        let root = told(&[("a.rs", "left"), ("src", "more"), ("docs", "top")]);
        let src = told(&[("x.py", "right"), ("y.py", "more"), (".. directory above", "")]);
        for _ in 0..2 {
            assert_eq!(entries(&page(&server, &anna, &format!("/{SONG}")).await), root);
            assert_eq!(entries(&page(&server, &anna, &format!("/{SONG}/tree/main/src")).await), src);
            settled(&server).await;
        }
    }
}

on_both! {
    async fn what_is_derived_is_dropped_and_made_again_equal(ground: Ground) {
        let mut server = ground.server().start().await;
        let anna = server.register("anna").await;
        let (story, _) = story();
        // Commit by commit, so that everything grows step by step.
        for count in 1..=story.commits.len() {
            let mut some = story.clone();
            some.commits.truncate(count);
            // The right line is no child of the left one.
            if count != 3 {
                server.push_story(&anna, SONG, &some, "main").await;
                settled(&server).await;
            }
        }
        let before = all_told(&server, &anna).await;
        assert!(before[0].contains("\"colour\"") && before[1].contains("Python"), "{before:?}");
        server.stop().await;
        let graphs = server.data_dir().join("graph");
        let files = walk(&graphs);
        assert!(!files.is_empty(), "no file was made");
        // Rows and files go; a file that is left is cut in its middle.
        let db = ground.db(&server).await;
        let mut tx = db.write().await.unwrap();
        store::drop_derived(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        db.close().await;
        fs::remove_dir_all(&graphs).unwrap();
        server.restart().await;
        // Whoever looks has it made again, beside the answer.
        eventually("the numbers are counted again", async || {
            !json(&server, &anna, &format!("{API}/languages")).await["commit"].is_null()
        })
        .await;
        settled(&server).await;
        assert_eq!(all_told(&server, &anna).await, before);
        server.stop().await;
        for file in walk(&graphs) {
            let length = fs::metadata(&file).unwrap().len();
            fs::File::options().write(true).open(&file).unwrap().set_len(length / 2).unwrap();
        }
        server.restart().await;
        assert_eq!(all_told(&server, &anna).await[1..4], before[1..4]);
        eventually("the files are whole again", async || all_told(&server, &anna).await == before)
            .await;
    }
}

/// The files below a directory.
fn walk(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(walk(&path)) } else { found.push(path) }
    }
    found
}

on_both! {
    async fn numbers_are_those_of_the_default_branch(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let (mut story, ids) = story();
        server.push_story(&anna, SONG, &story, "main").await;
        settled(&server).await;
        let languages = json(&server, &anna, &format!("{API}/languages")).await;
        assert_eq!(languages["commit"], ids[4].to_string());
        let shown: Vec<_> = languages["items"].as_array().unwrap().iter()
            .map(|it| (it["language"].as_str().unwrap(), it["files"].as_u64().unwrap(), it["bytes"].as_u64().unwrap()))
            .collect();
        assert_eq!(shown, [("Python", 2, 6), ("Markdown", 1, 5), ("Rust", 1, 3)]);
        let contributors = json(&server, &anna, &format!("{API}/contributors")).await;
        assert_eq!((&contributors["people_count"], &contributors["agent_count"]), (&1.into(), &1.into()));
        assert_eq!(contributors["people"][0]["commits"], 4);
        assert_eq!(contributors["agents"][0]["agent_id"], "robot");
        let heat = json(&server, &anna, &format!("{API}/heatmap?until=2026-11-30")).await;
        assert_eq!(heat["days"], serde_json::json!([{ "day": "2026-11-21", "people": 4, "agents": 1 }]));
        // A branch that leaves commits behind is counted anew.
        story.commits.truncate(2);
        let push = api::wire::PushRequest { force: true, ..story.push_to("main") };
        server.push(&anna, SONG, push).await.assert_status(200);
        settled(&server).await;
        let contributors = json(&server, &anna, &format!("{API}/contributors")).await;
        assert_eq!((&contributors["people_count"], &contributors["agent_count"]), (&1.into(), &0.into()));
        assert_eq!(contributors["people"][0]["commits"], 2);
        let page = page(&server, &anna, &format!("/{SONG}/insights")).await;
        assert!(page.contains("2 commits on ") && page.contains("<svg"), "{page}");
    }
}

on_both! {
    async fn languages_are_told_month_by_month_along_first_parents(ground: Ground) {
        let mut server = ground.server().start().await;
        let anna = server.register("anna").await;
        let mut story = Story::default();
        let mut put = |parents: &[CommitId], at: &str, files: &[(&str, &[u8])]| {
            let name = format!("{at} {}", files.len());
            let commit = story.commit(parents, &name, files);
            let snapshot = story.last().snapshot_id;
            story.commits.retain(|it| it.commit_id != commit);
            let id = story.commit_of(parents, snapshot, &name, at);
            (story.clone(), id)
        };
        let (one, three): (&[u8], &[u8]) = (b"1", b"333");
        // What a vendor wrote counts for nothing.
        let (root, a) = put(&[], "2024-08-03T10:00:00+00:00", &[("a.rs", three), ("vendor/b.rs", one)]);
        let (more, b) = put(&[a], "2024-08-29T10:00:00+00:00", &[("a.rs", three), ("b.py", one)]);
        let (on, c) = put(&[b], "2024-10-01T10:00:00+00:00", &[("b.py", three), ("c.rs", one)]);
        // A side line, of whose months nothing is told.
        let (_, side) = put(&[a], "2024-09-09T10:00:00+00:00", &[("a.rs", three), ("d.go", one)]);
        let (both, _) = put(
            &[c, side],
            "2024-11-02T10:00:00+00:00",
            &[("b.py", three), ("c.rs", one), ("d.go", one)],
        );
        let months = async |server: &Server| {
            settled(server).await;
            json(server, &anna, &format!("{API}/languages")).await["months"].clone()
        };
        for story in [&root, &more, &on] {
            server.push_story(&anna, SONG, story, "main").await;
            settled(&server).await;
        }
        let mut told = serde_json::json!([
            { "month": "2024-08", "bytes": { "Python": 1, "Rust": 3 } },
            { "month": "2024-10", "bytes": { "Python": 3, "Rust": 1 } },
        ]);
        assert_eq!(months(&server).await, told);
        server.push_story(&anna, SONG, &both, "main").await;
        let last = serde_json::json!({ "month": "2024-11", "bytes": { "Go": 1, "Python": 3, "Rust": 1 } });
        told.as_array_mut().unwrap().push(last);
        assert_eq!(months(&server).await, told);
        let page = page(&server, &anna, &format!("/{SONG}/insights")).await;
        let course = page.split_once("class=\"columns\"").unwrap().1;
        // A month without a commit is as the one before.
        assert!(course.contains("<th scope=\"row\">2024-09</th><td>3 bytes</td>"), "{course}");
        // Dropped, it is made again equal.
        server.stop().await;
        let db = ground.db(&server).await;
        let mut tx = db.write().await.unwrap();
        store::drop_derived(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        db.close().await;
        server.restart().await;
        eventually("the months are counted again", async || months(&server).await == told).await;
        // A branch that left them behind has those that it has.
        let push = api::wire::PushRequest { force: true, ..more.push_to("main") };
        server.push(&anna, SONG, push).await.assert_status(200);
        assert_eq!(months(&server).await, serde_json::json!([told[0]]));
    }
}

on_both! {
    async fn the_graph_goes_on_from_page_to_page(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let (story, ids) = story();
        server.push_story(&anna, SONG, &story, "main").await;
        let whole = json(&server, &anna, &format!("{API}/graph")).await;
        let rows = whole["items"].as_array().unwrap().clone();
        assert_eq!((rows.len(), &whole["next_cursor"]), (5, &Value::Null));
        assert_eq!(rows[0]["refs"], serde_json::json!(["refs/heads/main"]));
        assert_eq!(rows[1]["parents"], serde_json::json!([ids[1].to_string(), ids[2].to_string()]));
        let (mut found, mut target) = (Vec::new(), format!("{API}/graph?limit=2"));
        loop {
            let part = json(&server, &anna, &target).await;
            found.extend(part["items"].as_array().unwrap().clone());
            let Some(cursor) = part["next_cursor"].as_str() else { break };
            target = format!("{API}/graph?limit=2&cursor={cursor}");
            // What is in a file by then means the same.
            settled(&server).await;
        }
        assert_eq!(found, rows);
        let subjects = |page: &Value| -> Vec<String> {
            let rows = page["items"].as_array().unwrap().iter();
            rows.map(|row| row["subject"].as_str().unwrap().to_owned()).collect()
        };
        for (query, commits) in [
            ("path=src", &["right", "first"][..]),
            ("path=a.rs", &["left", "first"]),
            ("author=ANNA&limit=1", &["top"]),
            ("author=nobody", &[]),
            (&format!("ref={}", ids[1]), &["left", "first"]),
        ] {
            let page = json(&server, &anna, &format!("{API}/graph?{query}")).await;
            assert_eq!(subjects(&page), commits, "{query}");
        }
        let page = page(&server, &anna, &format!("/{SONG}/graph")).await;
        assert!(page.contains("Lane 1, merges") && page.contains("<circle"), "{page}");
        let foreign = server.get(&format!("{API}/graph?cursor=AAAA")).by(&anna).send().await;
        foreign.assert_refused(410, "cursor_gone");
    }
}

on_both! {
    async fn what_is_broken_for_good_waits_for_a_person(ground: Ground) {
        let mut server = ground.server().start().await;
        let anna = server.register("anna").await;
        server.push_story(&anna, SONG, &Story::of_one("root"), "main").await;
        settled(&server).await;
        let work = |list: &Value| -> Vec<u64> {
            let jobs = list["items"].as_array().unwrap().iter();
            let jobs = jobs.filter(|it| it["kind"] == "hub.graph");
            jobs.map(|it| it["attempts"].as_u64().unwrap()).collect()
        };
        server.stop().await;
        let db = ground.db(&server).await;
        let mut tx = db.write().await.unwrap();
        store::drop_derived(&mut tx).await.unwrap();
        store::hide_commits(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        db.close().await;
        fs::remove_dir_all(server.data_dir().join("graph")).unwrap();
        server.restart().await;
        json(&server, &anna, &format!("{API}/languages")).await;
        // It begins again soon, and each time counts.
        eventually("it was tried more than once", async || {
            work(&jobs(&server, "ready").await).iter().any(|tries| *tries > 1)
        })
        .await;
        server.stop().await;
        let db = ground.db(&server).await;
        let mut tx = db.write().await.unwrap();
        assert_eq!(store::last_try(&mut tx, "hub.graph").await.unwrap(), 1);
        tx.commit().await.unwrap();
        db.close().await;
        server.restart().await;
        eventually("it is dead", async || work(&jobs(&server, "dead").await) == [30]).await;
    }
}

on_both! {
    async fn a_repository_that_is_gone_leaves_no_file(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let (story, _) = story();
        server.push_story(&anna, SONG, &story, "main").await;
        settled(&server).await;
        let graphs = server.data_dir().join("graph");
        assert_eq!(walk(&graphs).len(), 1);
        let body = serde_json::json!({ "confirm": SONG });
        let gone = server.request(Method::DELETE, API).json(&body).by(&anna).send().await;
        gone.assert_status(204);
        let purge = server.post(&format!("{API}/purge")).json(&body).by(&anna).send().await;
        purge.assert_status(202);
        settled(&server).await;
        assert_eq!(walk(&graphs), Vec::<std::path::PathBuf>::new());
    }
}

#[tokio::test]
async fn twenty_thousand_commits_are_indexed_and_read() {
    let ground = Ground::Sqlite;
    let mut server = ground.server().start().await;
    let anna = server.register("anna").await;
    let mut story = Story::default();
    let files: Vec<_> = (0..8).map(|n| (format!("seed{n}.rs"), format!("seed {n}"))).collect();
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_bytes())).collect();
    story.commit(&[], "seed", &files);
    server.push_story(&anna, SONG, &story, "main").await;
    // It is the graph that is looked at here, and not what searches find.
    let unsought =
        server.request(Method::PATCH, API).json(&serde_json::json!({ "indexed": false }));
    unsought.by(&anna).send().await.assert_status(200);
    settled(&server).await;
    server.stop().await;
    let db = ground.db(&server).await;
    let tip = long::lengthen(&db, SONG, 20_000, &[8, 8, 8]).await;
    db.close().await;
    server.restart().await;
    eventually("the numbers are those of the branch", async || {
        json(&server, &anna, &format!("{API}/languages")).await["commit"] == tip.to_string()
    })
    .await;
    settled(&server).await;
    let contributors = json(&server, &anna, &format!("{API}/contributors")).await;
    let counted =
        contributors["people"].as_array().unwrap().iter().map(|it| it["commits"].as_u64().unwrap());
    assert!(counted.sum::<u64>() > 5_000);
    // The side line that was never merged is no part of it.
    let graph = json(&server, &anna, &format!("{API}/graph?limit=500")).await;
    assert_eq!(graph["items"][0]["commit"], tip.to_string());
    assert_eq!(graph["items"].as_array().unwrap().len(), 500);
    let root = entries(&page(&server, &anna, &format!("/{SONG}")).await);
    assert_eq!(root.len(), 8);
    assert!(root.values().all(|subject| subject.starts_with("Change ")), "{root:?}");
    let path = "part003/part004/file005.rs";
    let log = json(&server, &anna, &format!("{API}/graph?path={path}&limit=1")).await;
    let newest = log["items"][0]["subject"].as_str().unwrap();
    let dir = entries(&page(&server, &anna, &format!("/{SONG}/tree/main/part003/part004")).await);
    assert_eq!(dir["file005.rs"], newest);
}
