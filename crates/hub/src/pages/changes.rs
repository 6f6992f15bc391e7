//! What a commit changed, file by file.

use std::ops::Range;

use history::{
    diff::{self, ChangedFile, DiffOptions, FileDiff, Line, TextDiff},
    tree::FileState,
};

use super::parts;
use crate::{
    Error, Hub, Repository,
    reading::{Changes, Commit},
    views::diff::{DiffLine, FileBody, FileChange, Hunk, LineKind, Part, Status},
};

/// Files that one page shows.
pub(super) const FILES: usize = 300;
/// The largest file whose lines are compared for a page.
const COMPARED_BYTES: u64 = 1 << 20;
/// Changed lines of one file above which it is folded.
const FOLDED_LINES: u32 = 2_000;
/// Changed lines on one page; files beyond are folded.
const PAGE_LINES: u64 = 6_000;

/// The changes as a page shows them.
pub(super) struct Shown {
    pub(super) files: Vec<FileChange>,
    pub(super) is_truncated: bool,
}

/// Both sides of a changed file.
struct Sides {
    before: Option<FileState>,
    after: Option<FileState>,
}

impl Hub {
    pub(super) async fn show_changes(
        &self,
        of: &Repository,
        commit: &Commit,
        changes: Changes,
    ) -> Result<Shown, Error> {
        let (mut files, mut lines) = (Vec::new(), 0);
        for (number, changed) in changes.files.iter().enumerate() {
            let mut file = frame(of, commit, changed, number + 1);
            let sides = sides(changed);
            let compared =
                if lines < PAGE_LINES { self.compare(&sides).await? } else { FileDiff::TooLarge };
            (file.added, file.removed) = counts(&compared);
            lines += file.added + file.removed;
            file.body = body(compared, &sides, &file.href);
            files.push(file);
        }
        Ok(Shown { files, is_truncated: changes.is_truncated })
    }

    /// Compares both sides on a blocking thread; a side that is not there is empty.
    async fn compare(&self, sides: &Sides) -> Result<FileDiff, Error> {
        let all = [sides.before, sides.after];
        if all.iter().flatten().any(|side| side.size_bytes > COMPARED_BYTES) {
            return Ok(FileDiff::TooLarge);
        }
        let mut bytes = [Vec::new(), Vec::new()];
        for (bytes, side) in bytes.iter_mut().zip(all) {
            if let Some(side) = side {
                *bytes = self.bytes(side.object, COMPARED_BYTES).await?.bytes;
            }
        }
        let work = move || {
            let [before, after] = bytes;
            let options = DiffOptions { fold_above_lines: FOLDED_LINES, ..DiffOptions::default() };
            diff::diff(&before, &after, &options)
        };
        let joined = tokio::task::spawn_blocking(work).await;
        joined.map_err(|error| Error::Broken(format!("a worker ended early: {error}")))
    }
}

fn sides(changed: &ChangedFile) -> Sides {
    match changed {
        ChangedFile::Added { after, .. } => Sides { before: None, after: Some(*after) },
        ChangedFile::Deleted { before, .. } => Sides { before: Some(*before), after: None },
        ChangedFile::Modified { before, after, .. }
        | ChangedFile::Renamed { before, after, .. } => {
            Sides { before: Some(*before), after: Some(*after) }
        }
    }
}

/// Everything about a file but its lines. A deleted file is shown where it was last: at the parent.
fn frame(of: &Repository, commit: &Commit, changed: &ChangedFile, number: usize) -> FileChange {
    let path = changed.path().to_string();
    let (status, old_path, at) = match changed {
        ChangedFile::Added { .. } => (Status::Added, None, Some(commit.record.commit_id)),
        ChangedFile::Modified { .. } => (Status::Modified, None, Some(commit.record.commit_id)),
        ChangedFile::Deleted { .. } => (Status::Deleted, None, commit.record.parent_commit_id),
        ChangedFile::Renamed { from, .. } => {
            (Status::Renamed, Some(from.to_string()), Some(commit.record.commit_id))
        }
    };
    let at = at.unwrap_or(commit.record.commit_id);
    FileChange {
        anchor: format!("f{number}"),
        status,
        href: parts::place(of, "blob", &at.to_string(), Some(&path)),
        path,
        old_path,
        added: 0,
        removed: 0,
        body: FileBody::Same,
    }
}

fn counts(compared: &FileDiff) -> (u64, u64) {
    match compared {
        FileDiff::Text(TextDiff { added, removed, .. }) | FileDiff::Folded { added, removed } => {
            (u64::from(*added), u64::from(*removed))
        }
        FileDiff::Same | FileDiff::Binary | FileDiff::TooLarge => (0, 0),
    }
}

fn body(compared: FileDiff, sides: &Sides, href: &str) -> FileBody {
    let folded =
        |reason: &str| FileBody::Folded { reason: reason.to_owned(), href: Some(href.to_owned()) };
    match compared {
        FileDiff::Same => FileBody::Same,
        FileDiff::Binary => FileBody::Binary {
            old_bytes: sides.before.map(|it| it.size_bytes),
            new_bytes: sides.after.map(|it| it.size_bytes),
        },
        FileDiff::TooLarge => folded("This file is too long to compare on this page."),
        FileDiff::Folded { .. } => folded("This file has too many changed lines for this page."),
        FileDiff::Text(text) => FileBody::Hunks(text.hunks.iter().map(hunk).collect()),
    }
}

fn hunk(it: &diff::Hunk) -> Hunk {
    let header =
        format!("@@ -{},{} +{},{} @@", it.old_start, it.old_lines, it.new_start, it.new_lines);
    Hunk { header, lines: it.lines.iter().map(line).collect() }
}

fn line(it: &Line) -> DiffLine {
    let kind = match it.kind {
        diff::LineKind::Context => LineKind::Same,
        diff::LineKind::Added => LineKind::Added,
        diff::LineKind::Removed => LineKind::Removed,
    };
    let (old, new) = (it.old_number.map(u64::from), it.new_number.map(u64::from));
    DiffLine { kind, old, new, parts: marked(&it.text, &it.marks), is_unended: it.no_newline }
}

/// Cuts a line into what changed and what did not.
fn marked(text: &str, marks: &[Range<usize>]) -> Vec<Part> {
    let (mut out, mut at) = (Vec::new(), 0);
    let mut push = |range: Range<usize>, is_marked| {
        if let Some(text) = text.get(range).filter(|text| !text.is_empty()) {
            out.push(Part { text: text.to_owned(), is_marked });
        }
    };
    for mark in marks {
        push(at..mark.start, false);
        push(mark.clone(), true);
        at = mark.end;
    }
    push(at..text.len(), false);
    out
}
