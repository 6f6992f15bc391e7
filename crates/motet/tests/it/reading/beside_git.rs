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

/// What a patch says of each file.
fn by_file(told: &str) -> BTreeMap<String, String> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    let mut path = String::new();
    for line in bare(told).split_inclusive('\n') {
        if let Some((_, after)) =
            line.strip_prefix("diff --git ").and_then(|it| it.split_once(" b/"))
        {
            after.trim_end().clone_into(&mut path);
        }
        files.entry(path.clone()).or_default().push_str(line);
    }
    files
}

/// The files whose changes are told otherwise than git tells them, with the numbers of their commits.
pub(super) async fn other_patches(
    server: &Server,
    anna: &Person,
    name: &str,
    twin: &Twin,
) -> Vec<(usize, String)> {
    let mut other = Vec::new();
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
        let (ours, theirs) = (by_file(&ours.text()), by_file(&theirs));
        let paths: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
        let differ = paths.into_iter().filter(|it| ours.get(*it) != theirs.get(*it));
        other.extend(differ.map(|path| (at, path.clone())));
    }
    other
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

/// The commit of each line of a file.
pub(super) async fn blamed(
    server: &Server,
    anna: &Person,
    name: &str,
    (branch, path): (&str, &str),
) -> Vec<String> {
    let target = format!("{API}/{name}/blame?ref={branch}&path={}", escaped(path));
    per_line(&json(server, anna, &target).await)
}

async fn blames_agree(server: &Server, anna: &Person, name: &str, twin: &Twin) -> (usize, usize) {
    let (mut lines, mut other) = (0, 0);
    let files = twin.told(&["ls-tree", "-r", "--name-only", "main"]);
    for path in files.lines() {
        let ours = blamed(server, anna, name, ("main", path)).await;
        let told = twin.told(&["blame", "--porcelain", "main", "--", path]);
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
        assert_eq!(other_patches(&server, &anna, &name, &twin).await, [], "{name}");
        logs_agree(&server, &anna, &name, &twin, ("main", 3)).await;
        bases_agree(&server, &anna, &name, &twin, &Dice::new(seed)).await;
        blamed.insert(name.clone(), blames_agree(&server, &anna, &name, &twin).await);
    }
    let lines: usize = blamed.values().map(|it| it.0).sum();
    let other: usize = blamed.values().map(|it| it.1).sum();
    assert!(lines > 500, "{lines}");
    assert_eq!(other, 0, "lines that came with another commit: {blamed:?}");
}
