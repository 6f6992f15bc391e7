//! H85: each command of a working copy prints one valid object with `--json`, ends with the right code in success and
//! in each failure, and gives a pipe neither colours nor bars.

use std::{collections::HashMap, fs, process::Command};

use serde_json::Value;

use crate::{MOTET, working_copies::Desk};

/// What a place is like in which a command is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    /// No working copy.
    Nowhere,
    /// A working copy without a commit.
    Fresh,
    /// Two commits on `main`, one of them a merge's worth away on `side`; a change that is in no commit.
    Grown,
    /// A merge waits for the user.
    Torn,
    /// On no branch.
    Detached,
}

fn desk(place: Place) -> Desk {
    let desk = if place == Place::Nowhere { Desk::empty() } else { Desk::new() };
    if matches!(place, Place::Nowhere | Place::Fresh) {
        return desk;
    }
    desk.commit("song", "1\n");
    desk.ok(&["tag", "v1"]);
    desk.ok(&["tag", "--label", "first"]);
    desk.ok(&["checkout", "-b", "side"]);
    desk.commit("song", "2\n");
    desk.ok(&["checkout", "main"]);
    desk.commit("other", "o\n");
    // Nobody listens on this port.
    desk.ok(&["remote", "add", "origin", "http://127.0.0.1:9/ada/songs"]);
    match place {
        Place::Torn => {
            desk.commit("song", "3\n");
            assert_eq!(desk.json(&["merge", "side"]).0, 1);
        }
        Place::Detached => drop(desk.ok(&["checkout", "HEAD~1"])),
        Place::Nowhere | Place::Fresh | Place::Grown => desk.write("song", "mine\n"),
    }
    desk
}

/// Where it is typed, what is typed, the exit code, the word of the failure if it is one.
const CASES: &[(Place, &[&str], i32, &str)] = &[
    (Place::Nowhere, &["init"], 0, ""),
    (Place::Grown, &["init"], 2, "working_copy_exists"),
    (Place::Nowhere, &["init", "--domain", "not plain"], 2, "bad_domain"),
    (Place::Fresh, &["status"], 0, ""),
    (Place::Grown, &["status"], 0, ""),
    (Place::Torn, &["status"], 0, ""),
    (Place::Nowhere, &["status"], 2, "no_working_copy"),
    (Place::Grown, &["status", "../x"], 2, "bad_path"),
    (Place::Grown, &["commit", "-m", "x"], 0, ""),
    (Place::Fresh, &["commit", "-m", "x"], 0, ""),
    (Place::Grown, &["commit"], 2, "wrong_use"),
    (Place::Grown, &["commit", "-m", "x", "nowhere"], 1, "nothing_matched"),
    (Place::Torn, &["commit", "-m", "x"], 1, "unresolved"),
    (Place::Torn, &["commit", "-m", "x", "song"], 1, "merging"),
    (Place::Nowhere, &["commit", "-m", "x"], 2, "no_working_copy"),
    (Place::Fresh, &["log"], 0, ""),
    (Place::Grown, &["log", "--graph", "--stat"], 0, ""),
    (Place::Grown, &["log", "--follow", "song", "-n", "1"], 0, ""),
    (Place::Grown, &["log", "--name-only", "--", "song"], 0, ""),
    (Place::Grown, &["log", "--follow", "."], 2, "bad_path"),
    (Place::Grown, &["log", "nobody"], 4, "unknown_revision"),
    (Place::Nowhere, &["log"], 2, "no_working_copy"),
    (Place::Grown, &["show", "v1"], 0, ""),
    (Place::Fresh, &["show"], 4, "unknown_revision"),
    (Place::Grown, &["diff"], 0, ""),
    (Place::Grown, &["diff", "main", "side", "--stat"], 0, ""),
    (Place::Grown, &["diff", "nobody"], 4, "unknown_revision"),
    (Place::Grown, &["blame", "song", "-L", "1,"], 0, ""),
    (Place::Grown, &["blame", "nowhere"], 4, "no_file"),
    (Place::Grown, &["blame", "song", "nobody"], 4, "unknown_revision"),
    (Place::Grown, &["blame", "song", "-L", "7,9"], 1, "nothing_matched"),
    (Place::Grown, &["blame", "song", "-L", "0"], 2, "wrong_use"),
    (Place::Grown, &["branch"], 0, ""),
    (Place::Grown, &["branch", "new", "side"], 0, ""),
    (Place::Grown, &["branch", "side"], 1, "branch_exists"),
    (Place::Grown, &["branch", "side/x"], 1, "ref_conflict"),
    (Place::Grown, &["branch", "-d", "main"], 1, "current_branch"),
    (Place::Grown, &["branch", "-d", "side"], 1, "not_merged"),
    (Place::Grown, &["branch", "-d", "nobody"], 4, "no_branch"),
    (Place::Grown, &["branch", "../x"], 2, "wrong_use"),
    (Place::Fresh, &["branch", "new"], 4, "no_commit"),
    (Place::Grown, &["checkout", "side", "--force"], 0, ""),
    (Place::Grown, &["checkout", "-b", "new"], 0, ""),
    (Place::Grown, &["checkout", "side"], 1, "in_the_way"),
    (Place::Grown, &["checkout", "nobody"], 4, "unknown_revision"),
    (Place::Grown, &["checkout", "-b", "side"], 1, "branch_exists"),
    (Place::Torn, &["checkout", "side"], 1, "merging"),
    (Place::Grown, &["restore", "song", "--force"], 0, ""),
    (Place::Grown, &["restore", "song"], 1, "in_the_way"),
    (Place::Grown, &["restore", "nowhere"], 1, "nothing_matched"),
    (Place::Grown, &["restore", "song", "--source", "nobody"], 4, "unknown_revision"),
    (Place::Torn, &["merge", "--abort"], 0, ""),
    (Place::Torn, &["merge", "--continue"], 1, "unresolved"),
    (Place::Torn, &["merge", "side"], 1, "merging"),
    (Place::Grown, &["merge", "side"], 1, "in_the_way"),
    (Place::Grown, &["merge", "--abort"], 1, "not_merging"),
    (Place::Grown, &["merge", "nobody"], 4, "unknown_revision"),
    (Place::Grown, &["merge"], 2, "wrong_use"),
    (Place::Grown, &["tag"], 0, ""),
    (Place::Grown, &["tag", "v2"], 0, ""),
    (Place::Grown, &["tag", "v1"], 1, "tag_exists"),
    (Place::Grown, &["tag", "-d", "v9"], 4, "no_tag"),
    (Place::Grown, &["remote", "list"], 0, ""),
    (Place::Grown, &["remote", "add", "two", "https://forge.example/a/b"], 0, ""),
    (Place::Grown, &["remote", "add", "origin", "https://forge.example/a/b"], 1, "remote_exists"),
    (Place::Grown, &["remote", "remove", "two"], 4, "no_remote"),
    (Place::Grown, &["remote", "add", "two", "nonsense"], 2, "wrong_use"),
    (Place::Grown, &["fetch"], 5, "unreachable"),
    (Place::Grown, &["fetch", "two"], 4, "no_remote"),
    (Place::Fresh, &["fetch"], 2, "no_remote"),
    (Place::Nowhere, &["fetch"], 2, "no_working_copy"),
    (Place::Grown, &["pull"], 5, "unreachable"),
    (Place::Torn, &["pull"], 1, "merging"),
    (Place::Detached, &["pull"], 2, "detached"),
    (Place::Grown, &["pull", "origin", "side", "-u"], 2, "other_name"),
    (Place::Grown, &["push"], 7, "not_signed_in"),
    (Place::Detached, &["push"], 2, "detached"),
    (Place::Nowhere, &["clone", "http://127.0.0.1:9/ada/songs"], 5, "unreachable"),
    (Place::Nowhere, &["clone", "nonsense"], 2, "wrong_use"),
    (Place::Nowhere, &["clone", "http://forge.example/ada/songs"], 2, "insecure"),
    (Place::Grown, &["clone", "http://127.0.0.1:9/ada/songs", "."], 1, "not_empty"),
    (Place::Nowhere, &["completions", "bash"], 0, ""),
    (Place::Nowhere, &["manual"], 0, ""),
    (Place::Nowhere, &["whoami"], 7, "not_signed_in"),
    (Place::Nowhere, &["nonsense"], 2, "wrong_use"),
    (Place::Nowhere, &["status", "--nonsense"], 2, "wrong_use"),
];

#[test]
fn one_object_and_the_right_code() {
    let mut desks = HashMap::new();
    for (place, typed, code, word) in CASES {
        let desk = desks.entry(*place).or_insert_with(|| desk(*place)).copy();
        let (ended, told) = desk.json(typed);
        let told_word = told["error"]["code"].as_str().unwrap_or_default();
        assert_eq!((ended, told_word), (*code, *word), "{place:?} {typed:?}: {told}");
        let fields: Vec<_> = told.as_object().unwrap().keys().map(String::as_str).collect();
        if word.is_empty() {
            assert_eq!(fields, ["command", "ok", "result"], "{typed:?}");
            assert!(
                told["command"].as_str().is_some_and(|name| typed.join(" ").starts_with(name)),
                "{told}"
            );
        } else {
            assert_eq!(fields, ["error", "ok"], "{typed:?}");
            let error: Vec<_> =
                told["error"].as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(error, ["code", "hint", "message"], "{typed:?}");
        }
        assert_eq!(told["ok"], Value::Bool(word.is_empty()), "{typed:?}");
    }
}

/// As in a shell script: with a terminal's name in the environment and nobody who reads colours.
#[test]
fn a_pipe_gets_no_colours_and_no_bars() {
    let mut desks = HashMap::new();
    for (place, typed, code, word) in CASES {
        let desk = desks.entry(*place).or_insert_with(|| desk(*place)).copy();
        let output = Command::new(MOTET)
            .args([
                "-C",
                desk.path().to_str().unwrap(),
                "--config-dir",
                desk.config().to_str().unwrap(),
            ])
            .args(*typed)
            .env("TERM", "xterm-256color")
            .env("COLORTERM", "truecolor")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(*code), "{typed:?}");
        for stream in [&output.stdout, &output.stderr] {
            let text = std::str::from_utf8(stream).unwrap();
            assert!(!text.contains(['\u{1b}', '\r']), "{typed:?}: {text}");
        }
        let is_told = !output.stderr.is_empty();
        assert_eq!(
            is_told,
            !word.is_empty(),
            "{typed:?}: an error, and nothing else, goes to standard error"
        );
    }
}

/// Results that nobody can read are no success: a full disk, a closed pipe.
#[test]
fn what_cannot_be_told_is_no_success() {
    let desk = desk(Place::Grown);
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let status = Command::new(MOTET)
        .args(["-C", desk.path().to_str().unwrap(), "--json", "status"])
        .stdout(full)
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(3));
}
