//! Each line of a file with the commit that it came with (`spec/hub.md` 3, `blame`).

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path, process::Command};

use names::{CommitId, Random};
use testkit::{Person, Server, Story};

use crate::server_and_anna;

const SONG: &str = "anna/song";

/// The short id of the commit of each line, as the page shows them.
fn origins(page: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for run in page.split("<td class=\"origin").skip(1) {
        let count = between(run, "rowspan=\"", "\"").parse().unwrap();
        let id = between(run, "<a class=\"id\" href=\"", "</a>").split_once('>').unwrap().1;
        lines.extend(std::iter::repeat_n(id.to_owned(), count));
    }
    lines
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    text.split_once(start).unwrap().1.split_once(end).unwrap().0
}

async fn blame(server: &Server, anna: &Person, place: &str) -> String {
    let answer = server.get(&format!("/{SONG}/blame/{place}")).by(anna).send().await;
    answer.assert_status(200);
    answer.text()
}

fn short(ids: &[CommitId]) -> Vec<String> {
    ids.iter().map(CommitId::short).collect()
}

#[tokio::test]
async fn each_line_names_the_commit_that_it_came_with_across_a_move() {
    let (server, anna) = server_and_anna().await;
    let mut story = Story::default();
    let first = story.commit(&[], "first", &[("a.txt", b"one\ntwo\nthree\n")]);
    let second = story.commit(&[first], "second", &[("a.txt", b"one\n2\nthree\n")]);
    let moved = story.commit(&[second], "moved", &[("src/b.txt", b"one\n2\nthree\n")]);
    let last = story.commit(&[moved], "last", &[("src/b.txt", b"zero\none\n2\nthree\n")]);
    server.push_story(&anna, SONG, &story, "main").await;
    let page = blame(&server, &anna, "main/src/b.txt").await;
    assert_eq!(origins(&page), short(&[last, first, second, first]));
    assert!(page.contains("in a.txt"), "the former path is not shown");
    // Before `second` the file was another one, at another place; before `first` there was none.
    assert!(page.contains(&format!("/{SONG}/blame/{first}/a.txt")));
    assert!(!page.contains("Not all the way back"));
    let before = blame(&server, &anna, &format!("{first}/a.txt")).await;
    assert_eq!(origins(&before), short(&[first, first, first]));
    assert!(!before.contains(">before</a>"), "there is nothing before the first commit");
}

#[tokio::test]
async fn a_merge_keeps_the_lines_of_both_sides() {
    let (server, anna) = server_and_anna().await;
    let mut story = Story::default();
    let root = story.commit(&[], "root", &[("a.txt", b"a\nb\nc\n")]);
    let ours = story.commit(&[root], "ours", &[("a.txt", b"A\nb\nc\n")]);
    let theirs = story.commit(&[root], "theirs", &[("a.txt", b"a\nb\nC\n")]);
    let merge = story.commit(&[ours, theirs], "merge", &[("a.txt", b"A\nb\nC\nd\n")]);
    server.push_story(&anna, SONG, &story, "main").await;
    let page = blame(&server, &anna, "main/a.txt").await;
    assert_eq!(origins(&page), short(&[ours, root, theirs, merge]));
}

#[tokio::test]
async fn what_has_no_lines_says_so_and_what_is_no_file_is_not_found() {
    let (server, anna) = server_and_anna().await;
    let mut story = Story::default();
    let long = vec![b'\n'; (1 << 20) + 1];
    let files: [(&str, &[u8]); 4] =
        [("empty", b""), ("bytes", b"\0\x01"), ("long", &long), ("dir/a", b"a\n")];
    story.commit(&[], "all", &files);
    server.push_story(&anna, SONG, &story, "main").await;
    for (file, says) in [("empty", "is empty"), ("bytes", "is not text"), ("long", "is too large")]
    {
        assert!(blame(&server, &anna, &format!("main/{file}")).await.contains(says), "{file}");
    }
    for place in ["main/dir", "main/none", "main", "other/dir/a"] {
        let answer = server.get(&format!("/{SONG}/blame/{place}")).by(&anna).send().await;
        answer.assert_status(404);
    }
    let page = server.get(&format!("/{SONG}/blob/main/dir/a")).by(&anna).send().await.text();
    assert!(page.contains(&format!("href=\"/{SONG}/blame/main/dir/a\"")));
    let page = server.get(&format!("/{SONG}/blob/main/bytes")).by(&anna).send().await.text();
    assert!(!page.contains("/blame/"));
}

/// A working tree of git.
fn git(dir: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=Anna", "-c", "user.email=anna@example.test"])
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Changes some lines: each new one is like no other, so that there is one right answer.
fn edit(lines: &mut Vec<String>, random: &Random, step: usize) {
    let below = |bound: usize| {
        let bytes: [u8; 4] = random.bytes();
        usize::try_from(u32::from_le_bytes(bytes)).unwrap() % bound.max(1)
    };
    for edit in 0..=below(4) {
        let at = below(lines.len() + 1);
        match below(5) {
            0 if at < lines.len() => drop(lines.remove(at)),
            1 if at < lines.len() => lines[at] = format!("line {step}.{edit} changed"),
            _ => lines.insert(at, format!("line {step}.{edit} new")),
        }
    }
}

#[tokio::test]
async fn long_histories_are_blamed_as_git_blames_them() {
    let (server, anna) = server_and_anna().await;
    let random = Random::seeded(52);
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "--quiet"]);
    let (mut story, mut lines) = (Story::default(), vec!["line".to_owned()]);
    let (mut steps_of_git, mut parents) = (BTreeMap::new(), Vec::new());
    for step in 0..60 {
        edit(&mut lines, &random, step);
        let text = lines.iter().fold(String::new(), |mut text, line| {
            writeln!(text, "{line}").unwrap();
            text
        });
        parents = vec![story.commit(&parents, &step.to_string(), &[("a.txt", text.as_bytes())])];
        fs::write(dir.path().join("a.txt"), &text).unwrap();
        git(dir.path(), &["add", "a.txt"]);
        git(dir.path(), &["commit", "--quiet", "--allow-empty", "-m", &step.to_string()]);
        steps_of_git.insert(git(dir.path(), &["rev-parse", "HEAD"]).trim().to_owned(), step);
    }
    server.push_story(&anna, SONG, &story, "main").await;
    let told = git(dir.path(), &["blame", "--porcelain", "a.txt"]);
    let expected: Vec<_> = told
        .lines()
        .filter_map(|line| steps_of_git.get(line.split(' ').next()?))
        .map(|step| story.commits[*step].commit_id.short())
        .collect();
    assert!(expected.len() > 20, "{told}");
    assert_eq!(origins(&blame(&server, &anna, "main/a.txt").await), expected);
}
