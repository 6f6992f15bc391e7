//! What changed between two commits, file by file.

/// The changes on one page: what `_changes.html` shows.
#[derive(Debug, Clone)]
pub(crate) struct Changes {
    /// How many files differ in all.
    pub file_count: u64,
    /// Whether there are more than were counted.
    pub is_truncated: bool,
    /// Lines added in the files of this page.
    pub added: u64,
    /// Lines removed in them.
    pub removed: u64,
    /// Number of the first file of this page, from 1.
    pub first: u64,
    /// Number of the last one.
    pub last: u64,
    /// The page before.
    pub previous_href: Option<String>,
    /// The page after.
    pub next_href: Option<String>,
    /// All files, where one alone is shown.
    pub whole_href: Option<String>,
    /// How they are shown.
    pub how: HowShown,
    /// The files of this page.
    pub files: Vec<FileChange>,
}

/// The fields of the form that says how changes are shown.
#[derive(Debug, Clone)]
pub(crate) struct HowShown {
    /// Which blanks count: `all`, `some` or `none`.
    pub blanks: &'static str,
    /// Lines around a change, as asked for.
    pub context: String,
    /// The one file that is asked for; may be empty.
    pub path: String,
    /// Whether both sides stand beside one another.
    pub is_split: bool,
    /// The same page the other way.
    pub other_href: String,
}

/// How many squares the bar of a file has.
const BAR: u64 = 5;

/// One changed file.
#[derive(Debug, Clone)]
pub(crate) struct FileChange {
    /// Unique within the page, `f1`, `f2`, …: so that the list above can lead to it.
    pub anchor: String,
    /// What happened to it.
    pub status: Status,
    /// Its path (the old one, if it was deleted).
    pub path: String,
    /// Where it was before, if it was moved.
    pub old_path: Option<String>,
    /// Its page at this commit (at the parent, if it was deleted).
    pub href: String,
    /// Lines added.
    pub added: u64,
    /// Lines removed.
    pub removed: u64,
    /// The change itself.
    pub body: FileBody,
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// It is new.
    Added,
    /// It is different.
    Modified,
    /// It is gone.
    Deleted,
    /// It has another path.
    Renamed,
    /// A file became a link, or the like.
    Retyped,
}

/// What is shown of a change.
#[derive(Debug, Clone)]
pub(crate) enum FileBody {
    /// The changed places.
    Hunks(Vec<Hunk>),
    /// Bytes that are no text; a side is missing where there is no file.
    Binary {
        /// Before.
        old: Option<Picture>,
        /// Now.
        new: Option<Picture>,
    },
    /// Too much to show at once.
    Folded {
        /// Why, in a sentence.
        reason: String,
        /// A page that shows it.
        href: Option<String>,
    },
    /// The same bytes at another path, or an empty file.
    Same,
}

/// One side of what is no text.
#[derive(Debug, Clone)]
pub(crate) struct Picture {
    /// Where its bytes are, if it is a picture.
    pub href: Option<String>,
    /// Its size.
    pub bytes: u64,
    /// The first digits of its id.
    pub id: String,
}

/// One changed place with its surroundings.
#[derive(Debug, Clone)]
pub(crate) struct Hunk {
    /// `@@ -1,3 +1,4 @@ fn main`.
    pub header: String,
    /// Its lines.
    pub lines: Vec<DiffLine>,
}

/// One line of a change.
#[derive(Debug, Clone)]
pub(crate) struct DiffLine {
    /// What happened to it.
    pub kind: LineKind,
    /// Its number before.
    pub old: Option<u64>,
    /// Its number after.
    pub new: Option<u64>,
    /// Its text in pieces, so that changed words can be marked.
    pub parts: Vec<Part>,
    /// Whether the file ends here without a line end.
    pub is_unended: bool,
    /// How many bytes of it are not shown.
    pub cut_bytes: u64,
}

/// A piece of a line.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// As written.
    pub text: String,
    /// Whether this word changed within the line.
    pub is_marked: bool,
}

/// What happened to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineKind {
    /// Nothing.
    Same,
    /// It is new.
    Added,
    /// It is gone.
    Removed,
}

impl FileChange {
    pub(super) fn status_word(&self) -> &'static str {
        match self.status {
            Status::Added => "added",
            Status::Modified => "changed",
            Status::Deleted => "deleted",
            Status::Renamed => "renamed",
            Status::Retyped => "made something else",
        }
    }

    pub(super) fn status_class(&self) -> &'static str {
        match self.status {
            Status::Added => "good",
            Status::Deleted => "bad",
            Status::Modified | Status::Renamed | Status::Retyped => "quiet",
        }
    }

    /// The classes of the squares that show how much was added and removed.
    pub(super) fn bar(&self) -> Vec<&'static str> {
        let all = self.added.saturating_add(self.removed);
        let filled = all.min(BAR);
        let added = match (self.added, self.removed) {
            (0, _) => 0,
            (_, 0) => filled,
            (added, _) => {
                (added.saturating_mul(filled) / all).clamp(1, filled.saturating_sub(1).max(1))
            }
        };
        (0..BAR)
            .map(|square| match square {
                it if it < added => "plus",
                it if it < filled => "minus",
                _ => "none",
            })
            .collect()
    }
}

impl Hunk {
    /// The lines of both sides beside one another: what was replaced beside what it was replaced by.
    pub(super) fn rows(&self) -> Vec<(Option<&DiffLine>, Option<&DiffLine>)> {
        let mut rows = Vec::new();
        for run in
            self.lines.chunk_by(|a, b| (a.kind == LineKind::Same) == (b.kind == LineKind::Same))
        {
            let of = |kind| run.iter().filter(move |line| line.kind == kind);
            if run.first().is_some_and(|line| line.kind == LineKind::Same) {
                rows.extend(run.iter().map(|line| (Some(line), Some(line))));
                continue;
            }
            let (mut old, mut new) = (of(LineKind::Removed), of(LineKind::Added));
            loop {
                match (old.next(), new.next()) {
                    (None, None) => break,
                    row => rows.push(row),
                }
            }
        }
        rows
    }
}

impl DiffLine {
    pub(super) fn class(&self) -> &'static str {
        match self.kind {
            LineKind::Same => "same",
            LineKind::Added => "plus",
            LineKind::Removed => "minus",
        }
    }

    /// The mark that is read without colour.
    pub(super) fn mark(&self) -> &'static str {
        match self.kind {
            LineKind::Same => " ",
            LineKind::Added => "+",
            LineKind::Removed => "\u{2212}",
        }
    }

    /// The mark in a word, for those who listen.
    pub(super) fn word(&self) -> &'static str {
        match self.kind {
            LineKind::Same => "",
            LineKind::Added => "added",
            LineKind::Removed => "removed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_replaced_stands_beside_what_it_was_replaced_by() {
        use LineKind::{Added, Removed, Same};
        let line = |kind, text: &str| DiffLine {
            kind,
            old: None,
            new: None,
            parts: vec![Part { text: text.to_owned(), is_marked: false }],
            is_unended: false,
            cut_bytes: 0,
        };
        let lines =
            [(Same, "a"), (Removed, "b"), (Removed, "c"), (Added, "d"), (Same, "e"), (Added, "f")];
        let lines = lines.map(|(kind, text)| line(kind, text)).to_vec();
        let hunk = Hunk { header: String::new(), lines };
        let text =
            |line: Option<&DiffLine>| line.map_or("-", |it| it.parts[0].text.as_str()).to_owned();
        let rows: Vec<_> = hunk.rows().into_iter().map(|(a, b)| text(a) + &text(b)).collect();
        assert_eq!(rows, ["aa", "bd", "c-", "ee", "-f"]);
    }

    #[test]
    fn the_bar_shows_proportions_and_never_hides_a_side() {
        let change = |added, removed| FileChange {
            anchor: String::new(),
            status: Status::Modified,
            path: String::new(),
            old_path: None,
            href: String::new(),
            added,
            removed,
            body: FileBody::Same,
        };
        for (added, removed, expected) in [
            (0, 0, "none none none none none"),
            (1, 0, "plus none none none none"),
            (1, 1, "plus minus none none none"),
            (1000, 1, "plus plus plus plus minus"),
            (1, 1000, "plus minus minus minus minus"),
            (0, 9, "minus minus minus minus minus"),
        ] {
            assert_eq!(change(added, removed).bar().join(" "), expected, "{added} {removed}");
        }
    }
}
