//! What changed within a line.

use std::ops::Range;

use imara_diff::{Algorithm, Diff, InternedInput};

use super::MAX_MARKED_CHARS;

/// Changed bytes of one line, ascending.
type Marks = Vec<Range<usize>>;

/// The differing words of two lines. Nothing is marked in long lines, and in lines without a common word:
/// there everything differs, and marks would only be noise.
pub(super) fn marks(old: &str, new: &str) -> (Marks, Marks) {
    let is_long = |text: &str| text.chars().nth(MAX_MARKED_CHARS).is_some();
    if is_long(old) || is_long(new) {
        return (Vec::new(), Vec::new());
    }
    let (old_words, new_words) = (words(old), words(new));
    let mut input = InternedInput::default();
    input.update_before(old_words.iter().copied());
    input.update_after(new_words.iter().copied());
    // Few tokens, many of them blanks and brackets: the case that histogram is not made for.
    let mut found = Diff::compute(Algorithm::Myers, &input);
    found.postprocess_no_heuristic(&input);
    let hunks: Vec<_> = found.hunks().collect();
    let old_marks = ranges(&old_words, hunks.iter().map(|hunk| hunk.before.clone()));
    let shared = old_words.iter().zip(0u32..).filter(|(_, at)| !found.is_removed(*at));
    if !shared.into_iter().any(|(word, _)| word.chars().any(char::is_alphanumeric)) {
        return (Vec::new(), Vec::new());
    }
    (old_marks, ranges(&new_words, hunks.iter().map(|hunk| hunk.after.clone())))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Word,
    Blank,
    Other,
}

fn class(c: char) -> Class {
    match c {
        '_' => Class::Word,
        c if c.is_alphanumeric() => Class::Word,
        c if c.is_whitespace() => Class::Blank,
        _ => Class::Other,
    }
}

/// Runs of word characters, runs of blanks, and single other characters; together they are the text.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = 0;
    let mut last = None;
    for (at, c) in text.char_indices() {
        let class = class(c);
        if last.is_some_and(|last| last != class || last == Class::Other) {
            words.extend(text.get(start..at));
            start = at;
        }
        last = Some(class);
    }
    words.extend(text.get(start..).filter(|rest| !rest.is_empty()));
    words
}

/// From ranges of words to ranges of bytes.
fn ranges(words: &[&str], changed: impl Iterator<Item = Range<u32>>) -> Marks {
    let mut starts = vec![0];
    starts.extend(words.iter().scan(0, |end, word| {
        *end += word.len();
        Some(*end)
    }));
    let byte = |at: u32| usize::try_from(at).ok().and_then(|at| starts.get(at).copied());
    changed
        .filter(|range| !range.is_empty())
        .filter_map(|range| Some(byte(range.start)?..byte(range.end)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_marked() {
        for (old, new, old_marks, new_marks) in [
            ("let a = 1;", "let b = 1;", &["a"][..], &["b"][..]),
            ("f(x)", "f(x, y)", &[], &[", y"]),
            ("größe = 1", "größe = 22", &["1"], &["22"]),
            ("old", "new", &[], &[]),
            ("  {", "  }", &[], &[]),
            ("", "x", &[], &[]),
        ] {
            let (a, b) = marks(old, new);
            let text = |text: &str, marks: Marks| {
                marks.into_iter().map(|range| text[range].to_owned()).collect::<Vec<_>>()
            };
            assert_eq!(text(old, a), old_marks, "{old:?} {new:?}");
            assert_eq!(text(new, b), new_marks, "{old:?} {new:?}");
        }
    }

    #[test]
    fn long_lines_get_no_marks() {
        let long = |last: &str| format!("{} {last}", "ä ".repeat(249));
        assert_ne!(marks(&long("x"), &long("y")).0, []);
        assert_eq!(marks(&long("xx"), &long("y")), (vec![], vec![]));
    }
}
