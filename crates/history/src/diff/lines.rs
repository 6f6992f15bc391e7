//! Hunks of lines, found with the histogram algorithm.

use std::{borrow::Cow, ops::Range};

use imara_diff::{Algorithm, Diff, InternedInput};

use super::{
    Blanks, DiffOptions, FileDiff, Hunk, Line, LineKind, MAX_TEXT_BYTES, TextDiff, as_text,
    words::marks,
};

/// Compares two contents of a file.
pub fn diff(old: &[u8], new: &[u8], options: &DiffOptions) -> FileDiff {
    if old == new {
        return FileDiff::Same;
    }
    if old.len().max(new.len()) > MAX_TEXT_BYTES {
        return FileDiff::TooLarge;
    }
    let (Some(old), Some(new)) = (as_text(old), as_text(new)) else { return FileDiff::Binary };
    let found = compare(old, new, options.blanks);
    let (added, removed) = (found.count_additions(), found.count_removals());
    if added.saturating_add(removed) > options.fold_above_lines {
        return FileDiff::Folded { added, removed };
    }
    if added == 0 && removed == 0 {
        return FileDiff::Same;
    }
    let sides = Sides {
        old: old.split_inclusive('\n').collect(),
        new: new.split_inclusive('\n').collect(),
    };
    let changes = found.hunks().map(|hunk| Changed { old: hunk.before, new: hunk.after });
    let hunks = sides.hunks(changes, options.context_lines);
    FileDiff::Text(TextDiff { added, removed, hunks })
}

/// A line as it is compared: what does not count is left out.
#[derive(Default, PartialEq, Eq, Hash)]
struct Compared<'a>(Cow<'a, str>);

impl AsRef<[u8]> for Compared<'_> {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

fn compare(old: &str, new: &str, blanks: Blanks) -> Diff {
    let Some(counts) = (match blanks {
        Blanks::All => None,
        Blanks::Some => Some(collapsed as fn(&str) -> String),
        Blanks::None => Some(bare as fn(&str) -> String),
    }) else {
        let input = InternedInput::new(old, new);
        let mut found = Diff::compute(Algorithm::Histogram, &input);
        found.postprocess_lines(&input);
        return found;
    };
    let mut input = InternedInput::default();
    let line = |line: &str| Compared(Cow::Owned(counts(line)));
    input.update_before(old.split_inclusive('\n').map(line));
    input.update_after(new.split_inclusive('\n').map(line));
    let mut found = Diff::compute(Algorithm::Histogram, &input);
    found.postprocess_lines(&input);
    found
}

/// Without blanks.
fn bare(line: &str) -> String {
    line.chars().filter(|it| !it.is_ascii_whitespace()).collect()
}

/// Each run of blanks one space, and none at the end.
fn collapsed(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for c in line.trim_ascii_end().chars() {
        match c {
            c if !c.is_ascii_whitespace() => out.push(c),
            _ if out.ends_with(' ') => {}
            _ => out.push(' '),
        }
    }
    out
}

/// The lines of both sides, each with its line feed.
struct Sides<'a> {
    old: Vec<&'a str>,
    new: Vec<&'a str>,
}

/// Lines, counted from 0, that replace one another; one range may be empty. What stands between two changes
/// is equal on both sides.
struct Changed {
    old: Range<u32>,
    new: Range<u32>,
}

impl Sides<'_> {
    fn hunks(&self, changes: impl Iterator<Item = Changed>, context: u32) -> Vec<Hunk> {
        let mut groups: Vec<Vec<Changed>> = Vec::new();
        for change in changes {
            let near = groups
                .last()
                .and_then(|group| group.last())
                .is_some_and(|last| change.old.start - last.old.end <= context.saturating_mul(2));
            match groups.last_mut() {
                Some(group) if near => group.push(change),
                Some(_) | None => groups.push(vec![change]),
            }
        }
        groups.iter().filter_map(|group| self.hunk(group, context)).collect()
    }

    /// One hunk; none for no changes.
    fn hunk(&self, group: &[Changed], context: u32) -> Option<Hunk> {
        let (first, last) = (group.first()?, group.last()?);
        let lead = context.min(first.old.start);
        let tail = context.min(count(&self.old).saturating_sub(last.old.end));
        let (old_at, new_at) = (first.old.start - lead, first.new.start - lead);
        let mut lines = Vec::new();
        let (mut old, mut new) = (old_at, new_at);
        for change in group {
            self.context(&mut lines, old..change.old.start, new);
            self.change(&mut lines, change);
            (old, new) = (change.old.end, change.new.end);
        }
        self.context(&mut lines, old..old + tail, new);
        let (old_lines, new_lines) = (old + tail - old_at, new + tail - new_at);
        let start = |at: u32, lines: u32| if lines == 0 { at } else { at + 1 };
        Some(Hunk {
            old_start: start(old_at, old_lines),
            old_lines,
            new_start: start(new_at, new_lines),
            new_lines,
            lines,
        })
    }

    fn context(&self, lines: &mut Vec<Line>, old: Range<u32>, new_start: u32) {
        for (old, new) in old.zip(new_start..) {
            let numbers = (Some(old + 1), Some(new + 1));
            lines.push(line(LineKind::Context, numbers, at(&self.new, new)));
        }
    }

    fn change(&self, lines: &mut Vec<Line>, change: &Changed) {
        let gone = change.old.clone();
        let mut removed: Vec<_> = gone
            .map(|number| line(LineKind::Removed, (Some(number + 1), None), at(&self.old, number)))
            .collect();
        let come = change.new.clone();
        let mut added: Vec<_> = come
            .map(|number| line(LineKind::Added, (None, Some(number + 1)), at(&self.new, number)))
            .collect();
        for (old, new) in removed.iter_mut().zip(&mut added) {
            (old.marks, new.marks) = marks(&old.text, &new.text);
        }
        lines.append(&mut removed);
        lines.append(&mut added);
    }
}

fn count(lines: &[&str]) -> u32 {
    u32::try_from(lines.len()).unwrap_or(u32::MAX)
}

fn at<'a>(lines: &[&'a str], number: u32) -> &'a str {
    usize::try_from(number).ok().and_then(|at| lines.get(at).copied()).unwrap_or_default()
}

fn line(kind: LineKind, (old_number, new_number): (Option<u32>, Option<u32>), raw: &str) -> Line {
    let text = raw.strip_suffix('\n');
    Line {
        kind,
        old_number,
        new_number,
        text: text.unwrap_or(raw).into(),
        no_newline: text.is_none(),
        marks: Vec::new(),
    }
}
