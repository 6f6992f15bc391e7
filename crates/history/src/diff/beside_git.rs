//! Generated texts differ here as they do in git (`spec/hub.md` 13, H49).

use std::{fmt::Write as _, path::Path, process::Command};

use names::{ObjectId, Random};

use super::*;
use crate::tree::{FileState, Mode};

const TEXTS: usize = 1_000;

fn git(dir: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=Anna", "-c", "user.email=anna@example.test"])
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

struct Dice(Random);

impl Dice {
    fn below(&self, bound: usize) -> usize {
        let bytes: [u8; 4] = self.0.bytes();
        usize::try_from(u32::from_le_bytes(bytes)).unwrap() % bound.max(1)
    }

    /// A line of something like a program: many of its own, some that are everywhere.
    fn line(&self) -> String {
        match self.below(10) {
            0 => "}".to_owned(),
            1 => String::new(),
            2 => "    return 0;".to_owned(),
            indent => format!("{}step_{}();", "    ".repeat(indent % 3), self.below(5_000)),
        }
    }

    fn text(&self) -> Vec<String> {
        (0..self.below(60)).map(|_| self.line()).collect()
    }

    fn edited(&self, text: &[String]) -> Vec<String> {
        let mut text = text.to_vec();
        for _ in 0..=self.below(5) {
            let at = self.below(text.len() + 1);
            let end = (at + self.below(4)).min(text.len());
            let new: Vec<_> = (0..self.below(4)).map(|_| self.line()).collect();
            text.splice(at..end, new);
        }
        text
    }
}

/// A patch without what has another meaning here: ids of blobs, and the function behind a place.
fn bare(patch: &str) -> String {
    let kept = patch.lines().filter(|line| !line.starts_with("index "));
    let line = |line: &str| match line.strip_prefix("@@ ").and_then(|it| it.split_once(" @@")) {
        Some((place, _)) => format!("@@ {place} @@\n"),
        None => format!("{line}\n"),
    };
    kept.map(line).collect()
}

#[test]
fn a_thousand_texts_differ_as_they_do_in_git() {
    let (dir, dice) = (tempfile::tempdir().unwrap(), Dice(Random::seeded(49)));
    git(dir.path(), &["init", "--quiet"]);
    let joined = |text: &[String], has_end: bool| {
        let whole = text.join("\n");
        if has_end && !text.is_empty() { whole + "\n" } else { whole }
    };
    let texts: Vec<(String, String)> = (0..TEXTS)
        .map(|_| {
            let (old, ends) = (dice.text(), [dice.below(9) > 0, dice.below(9) > 0]);
            (joined(&old, ends[0]), joined(&dice.edited(&old), ends[1]))
        })
        .collect();
    let write = |side: fn(&(String, String)) -> &String, message: &str| {
        for (at, text) in texts.iter().enumerate() {
            std::fs::write(dir.path().join(format!("f{at:04}")), side(text)).unwrap();
        }
        git(dir.path(), &["add", "."]);
        git(dir.path(), &["commit", "--quiet", "-m", message]);
    };
    write(|it| &it.0, "old");
    write(|it| &it.1, "new");
    let told = git(dir.path(), &["diff", "--histogram", "--no-renames", "HEAD~1", "HEAD"]);
    let theirs: Vec<String> =
        told.split("diff --git ").skip(1).map(|it| bare(&format!("diff --git {it}"))).collect();
    let (mut ours, mut other) = (Vec::new(), String::new());
    for (at, (old, new)) in texts.iter().enumerate().filter(|(_, (old, new))| old != new) {
        let state = |text: &str| FileState {
            object: ObjectId::of(text.as_bytes()),
            size_bytes: text.len() as u64,
            mode: Mode::Plain,
        };
        let path = format!("f{at:04}").parse().unwrap();
        let file = ChangedFile::Modified { path, before: state(old), after: state(new) };
        let found = diff(old.as_bytes(), new.as_bytes(), &DiffOptions::default());
        let mut text = String::new();
        patch(&mut text, &file, &found).unwrap();
        ours.push(text);
    }
    assert_eq!(ours.len(), theirs.len());
    let mut count = 0;
    for (ours, theirs) in ours.iter().zip(&theirs).filter(|(ours, theirs)| ours != theirs) {
        count += 1;
        write!(other, "{ours}\nbut git:\n{theirs}\n").unwrap();
    }
    assert!(count <= OTHERWISE, "{count} of {}:\n{other}", ours.len());
}

/// How many of them may be told in another way that is as right: where lines are there several times, the two may choose
/// differently which of them stayed.
const OTHERWISE: usize = TEXTS / 200;
