//! What changed in a file, by lines and words, and which files moved (`spec/hub.md` 3).
//!
//! Works on bytes. Files are paired where they are equal, and where they are similar if their contents are at hand.
//!
//! | file         | what is there                                                     |
//! |--------------|-------------------------------------------------------------------|
//! | `lines.rs`   | [`diff`]: hunks of lines                                            |
//! | `words.rs`   | what changed within a line                                        |
//! | `renames.rs` | [`Moves`]: a file that is gone here and new there moved              |
//! | `pieces.rs`  | [`Pieces`]: how similar two contents are                            |
//! | `patch.rs`   | [`patch`](fn@patch): the text that `git apply` and `patch` take      |

#[cfg(test)]
mod beside_git;
mod lines;
mod patch;
mod pieces;
mod renames;
#[cfg(test)]
mod tests;
mod words;

use std::ops::Range;

pub use lines::diff;
pub use patch::patch;
pub use pieces::Pieces;
pub use renames::{ChangedFile, MAX_COMPARED, MAX_COMPARED_BYTES, Moves, detect_renames, moves};

/// Lines around a change.
pub const CONTEXT_LINES: u32 = 3;
/// Above this many changed lines a file is folded: nobody reads them, and a page cannot hold them.
pub const MAX_CHANGED_LINES: u32 = 20_000;
/// A longer line gets no word marks: it is data, and comparing its words costs more than it shows.
pub const MAX_MARKED_CHARS: usize = 500;
/// A NUL among the first bytes makes a file binary, as in git.
pub const SNIFFED_BYTES: usize = 8_000;
/// A longer file is not compared by lines: it bounds the memory of one comparison.
pub const MAX_TEXT_BYTES: usize = 16 * 1024 * 1024;

/// How a comparison is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiffOptions {
    /// Lines around a change; `u32::MAX` for the whole file.
    pub context_lines: u32,
    /// Changed lines above which only the counts are given.
    pub fold_above_lines: u32,
    /// Which blanks count.
    pub blanks: Blanks,
}

/// Which blanks make a line another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Blanks {
    /// All of them.
    #[default]
    All,
    /// That there are some, not how many; none at the end of a line.
    Some,
    /// None.
    None,
}

impl Default for DiffOptions {
    fn default() -> Self {
        Self {
            context_lines: CONTEXT_LINES,
            fold_above_lines: MAX_CHANGED_LINES,
            blanks: Blanks::All,
        }
    }
}

/// The outcome of comparing two contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileDiff {
    /// The same bytes, or the same but for blanks that do not count.
    Same,
    /// At least one side is not text.
    Binary,
    /// At least one side is longer than [`MAX_TEXT_BYTES`].
    TooLarge,
    /// Too many changed lines to show.
    Folded {
        /// Number of new lines.
        added: u32,
        /// Number of lines that are gone.
        removed: u32,
    },
    /// Lines.
    Text(TextDiff),
}

/// The changed parts of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextDiff {
    /// Number of new lines.
    pub added: u32,
    /// Number of lines that are gone.
    pub removed: u32,
    /// From top to bottom; never empty, never touching one another.
    pub hunks: Vec<Hunk>,
}

/// Changed lines that stand close together, with their context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// The first old line, from 1; the line before the hunk if it has no old lines.
    pub old_start: u32,
    /// Number of old lines.
    pub old_lines: u32,
    /// The first new line, from 1; the line before the hunk if it has no new lines.
    pub new_start: u32,
    /// Number of new lines.
    pub new_lines: u32,
    /// The lines; of what was replaced, the old ones first.
    pub lines: Vec<Line>,
}

/// Which side a line is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineKind {
    /// On both.
    Context,
    /// On the old one.
    Removed,
    /// On the new one.
    Added,
}

/// One line of a hunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Which side it is on.
    pub kind: LineKind,
    /// Its number in the old text, from 1.
    pub old_number: Option<u32>,
    /// Its number in the new text, from 1.
    pub new_number: Option<u32>,
    /// Its text without the line feed; a carriage return is part of it.
    pub text: Box<str>,
    /// Whether the line feed at the end of the file is missing.
    pub no_newline: bool,
    /// What differs from the line that it is paired with, as ranges of bytes in `text`, ascending. Empty if it
    /// has no partner, or nothing in common with it.
    pub marks: Vec<Range<usize>>,
}

/// The text of a file, or none if it is binary: a NUL among the first 8,000 bytes, or not UTF-8.
pub fn as_text(bytes: &[u8]) -> Option<&str> {
    if bytes.iter().take(SNIFFED_BYTES).any(|byte| *byte == 0) {
        return None;
    }
    std::str::from_utf8(bytes).ok()
}
