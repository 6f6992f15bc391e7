//! What differs between two sets of files, as people and programs read it: patches, counts, names.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use history::{
    diff::{DiffOptions, FileDiff, LineKind, TextDiff, diff},
    merge::Contents as _,
    worktree::{ChangeKind, PathChange, WorkingCopy, WorktreeError},
};
use names::{ObjectId, RepoPath};
use serde_json::{Value, json};

use crate::visible::{visible, visible_lines};

const ADDED: Style = AnsiColor::Green.on_default();
const REMOVED: Style = AnsiColor::Red.on_default();
const PLACE: Style = AnsiColor::Cyan.on_default();
const HEADING: Style = Style::new().bold();
/// The longest bar of a `--stat`.
const MAX_BAR: u32 = 40;

/// Where the newer side is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Newer {
    /// In the store.
    Stored,
    /// In the files of the user.
    Files,
}

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::Args)]
pub struct Shown {
    /// Count the lines of each file instead of showing them
    #[arg(long, conflicts_with = "name_only")]
    pub stat: bool,
    /// Name the files, no more
    #[arg(long)]
    pub name_only: bool,
}

/// Changes as people read them, and as programs do.
pub(super) struct Patch {
    pub(super) text: String,
    pub(super) files: Vec<Value>,
}

pub(super) fn patch(
    copy: &WorkingCopy,
    changes: &[PathChange],
    newer: Newer,
    shown: Shown,
) -> Result<Patch, WorktreeError> {
    let mut patch = Patch { text: String::new(), files: Vec::new() };
    let mut sums = (0, 0);
    // All that is promised, together.
    let old = changes.iter().filter_map(|change| change.before);
    let new = changes.iter().filter_map(|change| change.after);
    copy.bring(old.chain(new.filter(|_| newer == Newer::Stored)))?;
    for change in changes {
        let old = bytes(
            copy,
            change.from.as_ref().unwrap_or(&change.path),
            change.before,
            Newer::Stored,
        )?;
        let new = bytes(copy, &change.path, change.after, newer)?;
        let found = diff(&old, &new, &DiffOptions::default());
        let counts = match &found {
            FileDiff::Text(TextDiff { added, removed, hunks: _ })
            | FileDiff::Folded { added, removed } => Some((*added, *removed)),
            FileDiff::Same => Some((0, 0)),
            FileDiff::Binary | FileDiff::TooLarge => None,
        };
        let (added, removed) = counts.unwrap_or_default();
        sums = (sums.0 + added, sums.1 + removed);
        patch.files.push(json!({
            "status": change.kind.word(),
            "path": change.path,
            "from": change.from,
            "before": change.before,
            "after": change.after,
            "added": counts.map(|counts| counts.0),
            "removed": counts.map(|counts| counts.1),
            "binary": counts.is_none(),
        }));
        let out = &mut patch.text;
        // Writing into a text does not fail.
        let written = match shown {
            Shown { name_only: true, .. } => writeln!(out, "{}", visible(change.path.as_str())),
            Shown { stat: true, .. } => put_counts(out, change, counts),
            Shown { .. } => put_file(out, change, &found),
        };
        written.unwrap_or_default();
    }
    if shown.stat && !changes.is_empty() {
        let files = super::counted(changes.len() as u64, "file");
        writeln!(patch.text, " {files} changed, +{} -{}", sums.0, sums.1).unwrap_or_default();
    }
    Ok(patch)
}

fn bytes(
    copy: &WorkingCopy,
    path: &RepoPath,
    object: Option<ObjectId>,
    place: Newer,
) -> Result<Vec<u8>, WorktreeError> {
    match (object, place) {
        (None, _) => Ok(Vec::new()),
        (Some(object), Newer::Stored) => copy.read(path, &object),
        // One that is gone by now is as good as empty.
        (Some(_), Newer::Files) => Ok(copy.file_at(path)?.unwrap_or_default()),
    }
}

fn put_counts(
    out: &mut String,
    change: &PathChange,
    counts: Option<(u32, u32)>,
) -> std::fmt::Result {
    let path = visible(change.path.as_str());
    let Some((added, removed)) = counts else { return writeln!(out, " {path} | binary") };
    let total = added + removed;
    let bar = |count: u32| {
        let length = if total > MAX_BAR { (count * MAX_BAR).div_ceil(total) } else { count };
        usize::try_from(length).unwrap_or_default()
    };
    let (plus, minus) = ("+".repeat(bar(added)), "-".repeat(bar(removed)));
    writeln!(out, " {path} | {total} {ADDED}{plus}{ADDED:#}{REMOVED}{minus}{REMOVED:#}")
}

fn put_file(out: &mut String, change: &PathChange, found: &FileDiff) -> std::fmt::Result {
    let new = visible(change.path.as_str());
    let old = change.from.as_ref().map_or_else(|| new.clone(), |from| visible(from.as_str()));
    writeln!(out, "{HEADING}diff a/{old} b/{new}{HEADING:#}")?;
    if change.kind == ChangeKind::Renamed {
        return writeln!(out, "rename from {old}\nrename to {new}");
    }
    let name = |side: &str, path: &str, is_there: bool| {
        if is_there { format!("{side}/{path}") } else { "/dev/null".to_owned() }
    };
    let (before, after) =
        (name("a", &old, change.before.is_some()), name("b", &new, change.after.is_some()));
    match found {
        FileDiff::Same => {
            let what = if change.before.is_some() { "an empty file went" } else { "an empty file" };
            writeln!(out, "{what}")
        }
        FileDiff::Binary => writeln!(out, "binary files {before} and {after} differ"),
        FileDiff::TooLarge => writeln!(out, "{before} and {after} are too long to be compared"),
        FileDiff::Folded { added, removed } => {
            writeln!(out, "--- {before}\n+++ {after}\n+{added} -{removed} lines, too many to show")
        }
        FileDiff::Text(text) => {
            writeln!(out, "--- {before}\n+++ {after}")?;
            put_hunks(out, text)
        }
    }
}

fn put_hunks(out: &mut String, text: &TextDiff) -> std::fmt::Result {
    for hunk in &text.hunks {
        let (old, new) = ((hunk.old_start, hunk.old_lines), (hunk.new_start, hunk.new_lines));
        writeln!(out, "{PLACE}@@ -{},{} +{},{} @@{PLACE:#}", old.0, old.1, new.0, new.1)?;
        for line in &hunk.lines {
            let (sign, style) = match line.kind {
                LineKind::Context => (' ', Style::new()),
                LineKind::Removed => ('-', REMOVED),
                LineKind::Added => ('+', ADDED),
            };
            writeln!(out, "{style}{sign}{}{style:#}", visible_lines(&line.text))?;
            if line.no_newline {
                writeln!(out, "\\ no newline at the end")?;
            }
        }
    }
    Ok(())
}
