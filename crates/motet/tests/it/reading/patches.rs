//! Differences as pages, as JSON, and as what `git apply` takes.

use testkit::Story;

use super::{API, Dice, Files, Twin, git, grown, json, lines, page};
use crate::server_and_anna;

/// Whatever differs, git makes the new files from the old ones by our patch.
#[tokio::test]
async fn git_applies_our_patches() {
    let (server, anna) = server_and_anna().await;
    let (dice, mut twin) = (Dice::new(7), Twin::new());
    let mut files: Files = [
        ("a.txt", lines(&dice, 30, "a")),
        ("with space.txt", "one\ntwo\n".to_owned()),
        ("größe/名前.txt", "x\ny\nz\n".to_owned()),
        ("no-end", "a\nb".to_owned()),
        ("empty", String::new()),
        ("moved.txt", lines(&dice, 20, "m")),
        ("carriage.txt", "a\r\nb\r\n".to_owned()),
    ]
    .map(|(path, text)| (path.to_owned(), text))
    .into();
    let at = twin.commit(&[], &files);
    for (at, step) in (at..).zip(1..25) {
        files = grown(&dice, &files, step);
        match step {
            3 => drop(files.insert("no-end".to_owned(), "a\nb\n".to_owned())),
            5 => drop(files.insert("no-end".to_owned(), "a\nc".to_owned())),
            7 => drop(files.insert("new empty".to_owned(), String::new())),
            9 => drop(files.remove("new empty")),
            11 => drop(files.insert("tab\tand \"quote\"".to_owned(), "q\n".to_owned())),
            12 => drop(files.insert("tab\tand \"quote\"".to_owned(), "r\n".to_owned())),
            13 => drop(files.insert("carriage.txt".to_owned(), "a\r\nc\r\n".to_owned())),
            _ => {}
        }
        // `fast-import` would want such a name in quotes, so git learns of it by our patch alone.
        let before = at;
        let old = twin.story.commits[before].commit_id;
        let ids = [old];
        let all: Vec<_> =
            files.iter().map(|(path, text)| (path.as_str(), text.as_bytes())).collect();
        twin.story.commit(&ids, &format!("commit {step}"), &all);
    }
    server.push_story(&anna, "anna/song", &twin.story, "main").await;
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "--quiet"], b"");
    for (at, commit) in twin.story.commits.iter().enumerate() {
        let target = format!("{API}/song/commits/{}/diff", commit.commit_id);
        let kind = if at % 2 == 0 { "text/x-diff" } else { "text/x-patch" };
        let patch = server.get(&target).header("accept", kind).by(&anna).send().await;
        patch.assert_status(200);
        assert_eq!(patch.header("content-type"), format!("{kind}; charset=utf-8"));
        git(dir.path(), &["apply", "--whitespace=nowarn", "-"], &patch.body);
        let manifest = &twin.story.snapshots[&commit.snapshot_id].manifest;
        for (path, object) in manifest {
            let bytes = std::fs::read(dir.path().join(path.as_str())).unwrap();
            assert_eq!(names::ObjectId::of(&bytes), *object, "{at} {path}");
        }
        let found = walk(dir.path());
        assert_eq!(found, manifest.len(), "{at}: nothing is left behind");
    }
}

/// How many files there are, but for those of git.
fn walk(dir: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(dir).unwrap().map(|it| it.unwrap());
    entries
        .filter(|it| it.file_name() != ".git")
        .map(|it| if it.file_type().unwrap().is_dir() { walk(&it.path()) } else { 1 })
        .sum()
}

#[tokio::test]
async fn blanks_and_context_are_as_they_are_asked_for() {
    let (server, anna) = server_and_anna().await;
    let text: String = (0..30).map(|it| format!("line {it}\n")).collect::<Vec<_>>().concat();
    let mut story = Story::default();
    let first = story.commit(&[], "first", &[("a.txt", text.as_bytes())]);
    let spaced = text.replace("line 7", "line   7  ").replace("line 20", "line 20 changed");
    story.commit(&[first], "second", &[("a.txt", spaced.as_bytes())]);
    server.push_story(&anna, "anna/song", &story, "main").await;
    let target = format!("{API}/song/commits/{}/diff", story.tip());
    let ask = async |query: &str| {
        let told = json(&server, &anna, &format!("{target}?{query}")).await;
        let file = told["files"][0].clone();
        let lines = file["hunks"].as_array().unwrap().iter();
        let lines: usize = lines.map(|it| it["lines"].as_array().unwrap().len()).sum();
        (file["added"].as_u64().unwrap(), file["hunks"].as_array().unwrap().len(), lines)
    };
    assert_eq!(ask("").await, (2, 2, 16));
    assert_eq!(ask("context=0").await, (2, 2, 4));
    assert_eq!(ask("context=all").await, (2, 1, 32));
    assert_eq!(ask("blanks=some").await, (1, 1, 8));
    assert_eq!(ask("blanks=none&context=1").await, (1, 1, 4));
    for bad in ["blanks=few", "context=-1", "context=x"] {
        let answer = server.get(&format!("{target}?{bad}")).by(&anna).send().await;
        answer.assert_refused(422, "invalid");
    }
    server
        .get(&format!("{target}?unknown=1"))
        .by(&anna)
        .send()
        .await
        .assert_refused(400, "malformed");
    let shown =
        page(&server, &anna, &format!("/anna/song/commit/{}?blanks=none", story.tip())).await;
    let shown = shown.text();
    assert!(shown.contains("line 20") && !shown.contains("line   7"), "{shown}");
}

#[tokio::test]
async fn a_moved_file_and_marked_words_are_told() {
    let (server, anna) = server_and_anna().await;
    let text: String =
        (0..10).map(|it| format!("let a{it} = {it};\n")).collect::<Vec<_>>().concat();
    let mut story = Story::default();
    let first = story.commit(&[], "first", &[("a.rs", text.as_bytes()), ("p.png", b"\0one")]);
    let changed = text.replace("let a3 = 3;", "let a3 = 33;");
    story.commit(&[first], "second", &[("src/b.rs", changed.as_bytes()), ("p.png", b"\0two!")]);
    server.push_story(&anna, "anna/song", &story, "main").await;
    let told = json(&server, &anna, &format!("{API}/song/commits/{}/diff", story.tip())).await;
    let picture = &told["files"][0];
    assert_eq!((&picture["status"], &picture["body"]), (&"M".into(), &"binary".into()));
    assert_eq!((&picture["old_size"], &picture["new_size"]), (&4.into(), &5.into()));
    let moved = &told["files"][1];
    assert_eq!((&moved["status"], &moved["similarity"]), (&"R".into(), &89.into()), "{moved}");
    assert_eq!((&moved["old_path"], &moved["path"]), (&"a.rs".into(), &"src/b.rs".into()));
    let lines = moved["hunks"][0]["lines"].as_array().unwrap();
    let added = lines.iter().find(|it| it["sign"] == "+").unwrap();
    assert_eq!(added["marks"], serde_json::json!([[9, 11]]));
    let shown = page(&server, &anna, &format!("/anna/song/commit/{}", story.tip())).await.text();
    assert!(shown.contains("<mark>33</mark>"), "{shown}");
    let sides = format!("/anna/song/raw/{first}/p.png");
    assert!(shown.contains(&sides) && shown.contains("alt=\"p.png before\""), "{shown}");
}

#[tokio::test]
async fn a_comparison_tells_what_one_side_has_that_the_other_has_not() {
    let (server, anna) = server_and_anna().await;
    let mut story = Story::default();
    let root = story.commit(&[], "root", &[("a.txt", b"a\n")]);
    let ours = story.commit(&[root], "ours", &[("a.txt", b"A\n")]);
    server.push_story(&anna, "anna/song", &story, "main").await;
    let mut side = Story::default();
    side.commit(&[], "root", &[("a.txt", b"a\n")]);
    let theirs = side.commit(&[root], "theirs", &[("a.txt", b"a\n"), ("b.txt", b"b\n")]);
    server.push_story(&anna, "anna/song", &side, "side/x").await;
    let told = json(&server, &anna, &format!("{API}/song/compare/main...side/x")).await;
    assert_eq!(told["base"], ours.to_string());
    assert_eq!(told["head"], theirs.to_string());
    assert_eq!(told["merge_base"], root.to_string());
    assert_eq!((&told["ahead"], &told["behind"]), (&1.into(), &1.into()));
    let files = told["diff"]["files"].as_array().unwrap();
    assert_eq!((files.len(), &files[0]["path"]), (1, &"b.txt".into()));
    let shown = page(&server, &anna, "/anna/song/compare/main...side/x").await;
    let html = shown.text();
    assert!(html.contains("1 commit ahead of") && html.contains("theirs"), "{html}");
    assert!(html.contains("noindex"), "{html}");
    assert!(html.contains(&format!("/anna/song/commit/{root}")));
    let form = page(&server, &anna, "/anna/song/compare?base=main&head=side%2Fx").await;
    assert_eq!(form.status, 303);
    assert_eq!(form.header("location"), "/anna/song/compare/main...side/x");
    assert_eq!(page(&server, &anna, "/anna/song/compare").await.status, 200);
    for bad in ["main", "main...", "...main", "main...none", "main..side/x"] {
        let answer = page(&server, &anna, &format!("/anna/song/compare/{bad}")).await;
        assert_eq!(answer.status, 404, "{bad}");
    }
    // Histories without a common commit are compared as they are.
    server.push_story(&anna, "anna/song", &Story::of_one("alone"), "alone").await;
    let told = json(&server, &anna, &format!("{API}/song/compare/main...alone")).await;
    assert_eq!(told["merge_base"], serde_json::Value::Null);
    assert_eq!(told["diff"]["files"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_log_is_filtered_and_goes_on_where_it_ended() {
    let (server, anna) = server_and_anna().await;
    let mut story = Story::default();
    let mut at = story.commit(&[], "Verse 0", &[("a.txt", b"0")]);
    for step in 1..70 {
        let text = step.to_string();
        let word = if step % 10 == 0 { "CHORUS" } else { "verse" };
        at = story.commit(&[at], &format!("{word} {step}"), &[("a.txt", text.as_bytes())]);
    }
    server.push_story(&anna, "anna/song", &story, "main").await;
    let all = async |query: &str| {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let target = format!("{API}/song/commits?{query}{cursor}");
            let told = json(&server, &anna, &target).await;
            let items = told["items"].as_array().unwrap().iter();
            found.extend(items.map(|it| it["message"].as_str().unwrap().to_owned()));
            match told["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return found,
            }
        }
    };
    let every: Vec<_> = story.commits.iter().rev().map(|it| it.message.clone()).collect();
    assert_eq!(all("limit=7").await, every);
    assert_eq!(all("limit=100").await, every);
    let chorus: Vec<_> = every.iter().filter(|it| it.starts_with('C')).cloned().collect();
    assert_eq!(all("text=chorus&limit=2").await, chorus);
    assert_eq!(all("author=ANNA&limit=50").await.len(), 70);
    assert_eq!(all("author=boris").await, [] as [String; 0]);
    // A minute each, from noon on.
    assert_eq!(all("since=2026-11-21T13:00:00Z").await.len(), 10);
    assert_eq!(all("until=2026-11-21T12:04:30Z").await.len(), 5);
    assert_eq!(all("since=2026-11-22").await.len(), 0);
    assert_eq!(all(&format!("not={}&limit=3", story.commits[60].commit_id)).await.len(), 9);
    let other = server.get(&format!("{API}/song/commits?limit=7&text=x&cursor=AAAA")).by(&anna);
    other.send().await.assert_refused(400, "malformed");
    server
        .get(&format!("{API}/song/commits?since=soon"))
        .by(&anna)
        .send()
        .await
        .assert_refused(422, "invalid");
    let shown =
        page(&server, &anna, "/anna/song/commits/main?text=chorus&author=&since=&until=").await;
    let html = shown.text();
    assert!(html.contains("CHORUS 60") && !html.contains("verse 61"), "{html}");
    assert!(html.contains("noindex"));
    let first = page(&server, &anna, "/anna/song/commits/main").await.text();
    let next =
        first.split("rel=\"next nofollow\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let older = page(&server, &anna, &next.replace("&amp;", "&")).await.text();
    assert!(older.contains("verse 19") && older.contains("Verse 0") && !older.contains("verse 21"));
}

/// What a commit is not to be blamed for goes on to the commit before.
#[tokio::test]
async fn a_commit_that_only_moved_blanks_is_not_blamed() {
    let (server, anna) = server_and_anna().await;
    let mut story = Story::default();
    let first = story.commit(&[], "first", &[("a.txt", b"one\ntwo\nthree\n")]);
    let moved = story.commit(&[first], "blanks", &[("a.txt", b"  one\n  two\nthree\n")]);
    let listed = format!("# blanks\n{moved} # moved\n");
    let files: [(&str, &[u8]); 2] =
        [("a.txt", b"  one\n  two\nthree\n"), (".git-blame-ignore-revs", listed.as_bytes())];
    story.commit(&[moved], "listed", &files);
    server.push_story(&anna, "anna/song", &story, "main").await;
    let told = json(&server, &anna, &format!("{API}/song/blame?path=a.txt")).await;
    let commits: Vec<_> = told["runs"].as_array().unwrap().iter().map(|it| &it["commit"]).collect();
    assert_eq!(commits, [&serde_json::json!(first.to_string())], "{told}");
    // As the tree was before it was listed, it is blamed.
    let told =
        json(&server, &anna, &format!("{API}/song/blame?ref={moved}&path=a.txt&from=2&to=3")).await;
    let runs = told["runs"].as_array().unwrap();
    assert_eq!((runs.len(), &runs[0]["commit"]), (2, &moved.to_string().into()), "{told}");
    assert_eq!((&runs[0]["start"], &runs[0]["original_start"]), (&2.into(), &2.into()));
    assert_eq!(runs[0]["before"], first.to_string());
}
