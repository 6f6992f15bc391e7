//! What differs between two commits, file by file.

use std::ops::Range;

use history::{
    diff::{self, Blanks, ChangedFile, DiffOptions, FileDiff, Line, TextDiff},
    tree::FileState,
};
use names::CommitId;
use serde::Deserialize;
use web::{Problem, look::href};

use super::parts;
use crate::{
    reading::{Difference, History, api},
    views::diff::{
        Changes, DiffLine, FileBody, FileChange, HowShown, Hunk, LineKind, Part, Picture, Status,
    },
};

/// Files that one page shows.
const FILES: usize = 300;
/// The largest file whose lines are compared for a page.
const COMPARED_BYTES: u64 = 1 << 20;
/// Changed lines of one file above which it is folded.
const FOLDED_LINES: u32 = 2_000;
/// Changed lines on one page; files beyond are folded.
const PAGE_LINES: u64 = 6_000;
/// A longer line is cut: it is data, and a page has to hold it.
const LINE_BYTES: usize = 10_000;
/// What a page of changes may hold of lines.
const PAGE_BYTES: usize = 2 << 20;

/// How changes are asked for.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Asked {
    blanks: Option<String>,
    context: Option<String>,
    /// Which page of files, from 1.
    page: Option<usize>,
    /// One file.
    path: Option<String>,
    /// `split`: both sides beside one another.
    view: Option<String>,
}

impl Asked {
    /// The path that is asked for.
    pub(super) fn path(&self) -> Option<&str> {
        self.path.as_deref().filter(|it| !it.is_empty())
    }

    fn is_split(&self) -> bool {
        self.view.as_deref() == Some("split")
    }

    fn options(&self) -> Result<DiffOptions, Problem> {
        let (blanks, context) = (self.blanks.clone(), self.context.clone());
        let asked = api::DiffAsked { blanks, context, path: None, limit: None, cursor: None };
        // One file alone is shown as it is.
        let fold_above_lines =
            if self.path().is_some() { diff::MAX_CHANGED_LINES } else { FOLDED_LINES };
        Ok(DiffOptions { fold_above_lines, ..asked.options()? })
    }

    /// The same at `here` with something else.
    fn href(&self, here: &str, page: Option<usize>, path: Option<&str>) -> String {
        let page = page.map(|it| it.to_string());
        let parts = [
            ("blanks", self.blanks.as_deref()),
            ("context", self.context.as_deref()),
            ("path", path),
            ("page", page.as_deref()),
            ("view", self.view.as_deref()),
        ];
        let mut query = String::new();
        for (name, value) in parts {
            if let Some(value) = value.filter(|it| !it.is_empty()) {
                query.push(if query.is_empty() { '?' } else { '&' });
                query.extend([name, "=", &href::segment(value)]);
            }
        }
        format!("{here}{query}")
    }
}

/// The two commits, and the page that shows them.
pub(super) struct Between<'a> {
    /// The older one; none at the beginning of a history.
    pub(super) before: Option<CommitId>,
    pub(super) after: CommitId,
    /// The address of the page.
    pub(super) here: &'a str,
}

impl History<'_> {
    /// The changes as a page shows them.
    pub(super) async fn show_changes(
        &self,
        between: &Between<'_>,
        found: &Difference,
        asked: &Asked,
    ) -> Result<Changes, Problem> {
        let (options, page) = (asked.options()?, asked.page.unwrap_or(1).max(1));
        let start = (page - 1).saturating_mul(FILES);
        let (mut files, mut lines, mut bytes) = (Vec::new(), 0, 0);
        for (number, changed) in found.files.iter().enumerate().skip(start).take(FILES) {
            let mut file = self.frame(between, changed, number + 1);
            let is_room = lines < PAGE_LINES && bytes < PAGE_BYTES && self.has_time();
            let compared = if is_room {
                self.lines_of(changed, options, COMPARED_BYTES).await?
            } else {
                FileDiff::TooLarge
            };
            (file.added, file.removed) = counts(&compared);
            lines += file.added + file.removed;
            bytes += bytes_of(&compared);
            let alone = asked.href(between.here, None, Some(changed.path().as_str()));
            let alone = if asked.path().is_some() { file.href.clone() } else { alone };
            file.body = self.body(between, changed, compared, &alone);
            files.push(file);
        }
        let end = start + files.len();
        let context = asked.context.clone().unwrap_or_default();
        let at = |page| asked.href(between.here, Some(page), asked.path());
        Ok(Changes {
            added: files.iter().map(|file| file.added).sum(),
            removed: files.iter().map(|file| file.removed).sum(),
            file_count: found.files.len() as u64,
            is_truncated: found.is_truncated,
            first: start as u64 + 1,
            last: end as u64,
            previous_href: (page > 1).then(|| at(page - 1)),
            next_href: (end < found.files.len()).then(|| at(page + 1)),
            whole_href: asked.path().map(|_| asked.href(between.here, None, None)),
            how: HowShown {
                blanks: match options.blanks {
                    Blanks::All => "all",
                    Blanks::Some => "some",
                    Blanks::None => "none",
                },
                context,
                path: asked.path().unwrap_or_default().to_owned(),
                is_split: asked.is_split(),
                other_href: {
                    let view = (!asked.is_split()).then(|| "split".to_owned());
                    let other = Asked { view, ..asked.clone() };
                    other.href(between.here, asked.page, asked.path())
                },
            },
            files,
        })
    }

    /// Everything about a file but its lines. A deleted file is shown where it was last.
    fn frame(&self, between: &Between<'_>, changed: &ChangedFile, number: usize) -> FileChange {
        let path = changed.path().to_string();
        let (status, at) = match changed {
            ChangedFile::Added { .. } => (Status::Added, between.after),
            ChangedFile::Modified { .. } if changed.status() == 'T' => {
                (Status::Retyped, between.after)
            }
            ChangedFile::Modified { .. } => (Status::Modified, between.after),
            ChangedFile::Deleted { .. } => {
                (Status::Deleted, between.before.unwrap_or(between.after))
            }
            ChangedFile::Renamed { .. } => (Status::Renamed, between.after),
        };
        FileChange {
            anchor: format!("f{number}"),
            status,
            href: parts::place(self.repository, "blob", &at.to_string(), Some(&path)),
            path,
            old_path: changed.old_path().map(ToString::to_string),
            added: 0,
            removed: 0,
            body: FileBody::Same,
        }
    }

    fn body(
        &self,
        between: &Between<'_>,
        changed: &ChangedFile,
        compared: FileDiff,
        alone: &str,
    ) -> FileBody {
        let folded = |reason: &str| FileBody::Folded {
            reason: reason.to_owned(),
            href: Some(alone.to_owned()),
        };
        match compared {
            FileDiff::Same => FileBody::Same,
            FileDiff::Binary => self.binary(between, changed),
            FileDiff::TooLarge => folded("This file is too long to compare on this page."),
            FileDiff::Folded { .. } => {
                folded("This file has too many changed lines for this page.")
            }
            FileDiff::Text(text) => FileBody::Hunks(text.hunks.iter().map(hunk).collect()),
        }
    }

    /// What is no text: pictures beside one another, all else by size and id.
    fn binary(&self, between: &Between<'_>, changed: &ChangedFile) -> FileBody {
        let (before, after) = changed.sides();
        let is_picture = |path: &str| {
            let path = path.to_ascii_lowercase();
            let endings = [".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif"];
            endings.iter().any(|ending| path.ends_with(ending))
        };
        let old_path = changed.old_path().unwrap_or_else(|| changed.path());
        let side = |state: Option<FileState>, at: Option<CommitId>, path: &str| {
            let (state, at) = (state?, at?);
            let raw = || parts::place(self.repository, "raw", &at.to_string(), Some(path));
            Some(Picture {
                href: is_picture(path).then(raw),
                bytes: state.size_bytes,
                id: state.object.short(),
            })
        };
        FileBody::Binary {
            old: side(before, between.before, old_path.as_str()),
            new: side(after, Some(between.after), changed.path().as_str()),
        }
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

fn bytes_of(compared: &FileDiff) -> usize {
    match compared {
        FileDiff::Text(text) => {
            let lines = text.hunks.iter().flat_map(|hunk| &hunk.lines);
            lines.map(|line| line.text.len().min(LINE_BYTES)).sum()
        }
        FileDiff::Folded { .. } | FileDiff::Same | FileDiff::Binary | FileDiff::TooLarge => 0,
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
    let end = it.text.floor_char_boundary(LINE_BYTES);
    let shown = it.text.get(..end).unwrap_or_default();
    let cut_bytes = (it.text.len() - end) as u64;
    let parts = marked(shown, &it.marks);
    DiffLine { kind, old, new, parts, is_unended: it.no_newline, cut_bytes }
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
