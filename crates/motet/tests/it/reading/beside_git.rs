//! H49: generated histories give the same answers here and in git. What differs stands in `docs/reading.md`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use testkit::{Person, Server};

use super::{API, Dice, Twin, escaped, generated, json};
use crate::server_and_anna;

/// Histories, unless `MOTET_TEST_HISTORIES` says how many; and commits of each.
const HISTORIES: u64 = 12;
const STEPS: usize = 25;

/// A patch without what has another meaning here: ids of blobs, and the function behind a place.
fn bare(patch: &str) -> String {
    let kept = patch.lines().filter(|line| !line.starts_with("index "));
    let line = |line: &str| match line.strip_prefix("@@ ").and_then(|it| it.split_once(" @@")) {
        Some((place, _)) => format!("@@ {place} @@\n"),
        None => format!("{line}\n"),
    };
    kept.map(line).collect()
}

pub(super) async fn patches_agree(server: &Server, anna: &Person, name: &str, twin: &Twin) {
    for (at, commit) in twin.story.commits.iter().enumerate() {
        let Some(parent) = commit.parent_commit_id else { continue };
        let parent = twin.story.commits.iter().position(|it| it.commit_id == parent).unwrap();
        let ours = server
            .get(&format!("{API}/{name}/commits/{}/diff", commit.commit_id))
            .header("accept", "text/x-diff")
            .by(anna)
            .send()
            .await;
        ours.assert_status(200);
        let theirs = twin.told(&[
            "diff",
            "--histogram",
            "-M50%",
            "-l1000",
            &twin.ids[parent],
            &twin.ids[at],
        ]);
        assert_eq!(bare(&ours.text()), bare(&theirs), "{name} {at}");
    }
}

pub(super) async fn logs_agree(
    server: &Server,
    anna: &Person,
    name: &str,
    twin: &Twin,
    (branch, limit): (&str, usize),
) {
    let paths: BTreeSet<String> = twin
        .story
        .snapshots
        .values()
        .flat_map(|it| it.manifest.keys().map(ToString::to_string))
        .collect();
    let directories: BTreeSet<String> =
        paths.iter().filter_map(|it| Some(it.rsplit_once('/')?.0.to_owned())).collect();
    for path in paths.iter().chain(&directories) {
        let (mut ours, mut cursor) = (Vec::new(), String::new());
        loop {
            let asked = format!("ref={branch}&limit={limit}&path={}", escaped(path));
            let target = format!("{API}/{name}/commits?{asked}{cursor}");
            let told = json(server, anna, &target).await;
            ours.extend(
                told["items"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|it| it["id"].as_str().unwrap().to_owned()),
            );
            match told["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let theirs = twin.told(&["log", "--format=%H", branch, "--", path]);
        let theirs: BTreeSet<String> = theirs.lines().map(|it| twin.of_git(it)).collect();
        assert_eq!(ours.len(), theirs.len(), "{name} {path}: each once");
        assert_eq!(ours.into_iter().collect::<BTreeSet<_>>(), theirs, "{name} {path}");
    }
}

pub(super) async fn bases_agree(
    server: &Server,
    anna: &Person,
    name: &str,
    twin: &Twin,
    dice: &Dice,
) {
    for _ in 0..10 {
        let (a, b) = (dice.below(twin.ids.len()), dice.below(twin.ids.len()));
        let target = format!("{API}/{name}/compare/{}...{}", twin.id(a), twin.id(b));
        let ours = json(server, anna, &target).await;
        let bases = twin.told(&["merge-base", "--all", &twin.ids[a], &twin.ids[b]]);
        let bases: Vec<_> = bases.lines().map(|it| twin.of_git(it)).collect();
        let base = ours["merge_base"].as_str().unwrap().to_owned();
        assert!(bases.contains(&base), "{name} {a} {b}: {base} is not in {bases:?}");
        let range = format!("{}...{}", twin.ids[a], twin.ids[b]);
        let counts = twin.told(&["rev-list", "--left-right", "--count", &range]);
        let counted = format!("{}\t{}\n", ours["behind"], ours["ahead"]);
        assert_eq!(counted, counts, "{name} {a} {b}");
        let range = format!("{}..{}", twin.ids[a], twin.ids[b]);
        let theirs = twin.told(&["rev-list", &range]);
        let theirs: BTreeSet<_> = theirs.lines().map(|it| twin.of_git(it)).collect();
        let commits = ours["commits"].as_array().unwrap();
        let ours: BTreeSet<_> =
            commits.iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(ours, theirs, "{name} {a} {b}");
    }
}

/// The commit of each line.
fn per_line(told: &Value) -> Vec<String> {
    let runs = told["runs"].as_array().unwrap().iter();
    runs.flat_map(|run| {
        let count = usize::try_from(run["lines"].as_u64().unwrap()).unwrap();
        std::iter::repeat_n(run["commit"].as_str().unwrap().to_owned(), count)
    })
    .collect()
}

pub(super) async fn blames_agree(
    server: &Server,
    anna: &Person,
    name: &str,
    twin: &Twin,
    branch: &str,
) -> (usize, usize) {
    let (mut lines, mut other) = (0, 0);
    let files = twin.told(&["ls-tree", "-r", "--name-only", branch]);
    for path in files.lines() {
        let target = format!("{API}/{name}/blame?ref={branch}&path={}", escaped(path));
        let ours = per_line(&json(server, anna, &target).await);
        let told = twin.told(&["blame", "--porcelain", branch, "--", path]);
        let ids =
            told.lines().filter_map(|line| line.split(' ').next()).filter(|it| it.len() == 40);
        let theirs: Vec<_> = ids
            .filter(|it| it.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .map(|it| twin.of_git(it))
            .collect();
        assert_eq!(ours.len(), theirs.len(), "{name} {path}");
        lines += ours.len();
        other += ours.iter().zip(&theirs).filter(|(ours, theirs)| ours != theirs).count();
    }
    (lines, other)
}

#[tokio::test]
async fn generated_histories_read_as_they_do_in_git() {
    let (server, anna) = server_and_anna().await;
    let mut blamed = BTreeMap::new();
    for seed in 0..testkit::histories(HISTORIES) {
        let (name, twin) = (format!("song{seed}"), generated(seed, STEPS));
        server.push_story(&anna, &format!("anna/{name}"), &twin.story, "main").await;
        patches_agree(&server, &anna, &name, &twin).await;
        logs_agree(&server, &anna, &name, &twin, ("main", 3)).await;
        bases_agree(&server, &anna, &name, &twin, &Dice::new(seed)).await;
        blamed.insert(name.clone(), blames_agree(&server, &anna, &name, &twin, "main").await);
    }
    let lines: usize = blamed.values().map(|it| it.0).sum();
    let other: usize = blamed.values().map(|it| it.1).sum();
    assert!(lines > 500, "{lines}");
    assert_eq!(other, 0, "lines that came with another commit: {blamed:?}");
}
