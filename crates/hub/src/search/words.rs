//! What of a text an index holds: its words and their parts, and groups of characters for everything else.
//!
//! Pure. Everything is in lower case. A word is letters, digits and underscores; its parts are what upper case and
//! underscores part. Groups of characters are taken inside of what white space parts: three characters together, and
//! one or two where a character among them is part of no word, as those are seldom.

use std::collections::BTreeSet;

use api::search::{MAX_WORD_BYTES, is_word_char};

/// Words of one document, in bytes: more is no text that somebody wrote.
const MAX_WORDS_BYTES: usize = 384 << 10;
/// Groups of characters of one document.
const MAX_GRAMS: usize = 32_768;

/// A word of a text, where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word<'a> {
    pub(super) at: usize,
    pub(super) text: &'a str,
}

/// The words of a text, as they stand. What is too long is no word.
pub(super) fn words(text: &str) -> impl Iterator<Item = Word<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = text.get(at..)?;
            let begin = at + rest.find(is_word_char)?;
            let rest = text.get(begin..)?;
            let length = rest.find(|c| !is_word_char(c)).unwrap_or(rest.len());
            at = begin + length;
            if length <= MAX_WORD_BYTES {
                return Some(Word { at: begin, text: rest.get(..length)? });
            }
        }
    })
}

/// The parts of a word: `HTTPServer_v2` is `HTTP`, `Server`, `v2`.
pub(super) fn parts(word: &str) -> impl Iterator<Item = &str> {
    word.split('_').flat_map(Humps).filter(|it| !it.is_empty())
}

/// What upper case parts.
struct Humps<'a>(&'a str);

impl<'a> Iterator for Humps<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let (mut was_upper, mut last_at) = (true, 0);
        let mut end = self.0.len();
        for (at, c) in self.0.char_indices() {
            let is_upper = c.is_uppercase();
            if at > 0 && is_upper && !was_upper {
                end = at;
                break;
            }
            // The last capital of several begins the next part.
            if last_at > 0 && was_upper && c.is_lowercase() {
                end = last_at;
                break;
            }
            (was_upper, last_at) = (is_upper, at);
        }
        let (part, rest) = self.0.split_at_checked(end)?;
        self.0 = rest;
        (!part.is_empty()).then_some(part)
    }
}

/// The words of a text and their parts, each once.
pub(super) fn tokens(text: &str) -> BTreeSet<String> {
    let (mut found, mut bytes) = (BTreeSet::new(), 0);
    let mut add = |word: &str| {
        if bytes < MAX_WORDS_BYTES {
            let word = word.to_lowercase();
            let length = word.len();
            if found.insert(word) {
                bytes += length;
            }
        }
    };
    for word in words(text) {
        add(word.text);
        parts(word.text).filter(|it| it.len() < word.text.len()).for_each(&mut add);
    }
    found
}

/// One to three characters as a number: seven bits each where all are ASCII.
fn packed(chars: &[char]) -> u64 {
    let bits = if chars.iter().all(char::is_ascii) { 7 } else { 21 };
    chars.iter().fold(1, |packed, c| (packed << bits) | u64::from(u32::from(*c)))
}

/// Adds the groups of a run without white space.
fn add_grams(run: &[char], found: &mut BTreeSet<u64>) {
    let is_seldom = |group: &[char]| group.len() == 3 || group.iter().any(|c| !is_word_char(*c));
    for length in 1..=3 {
        found.extend(run.windows(length).filter(|it| is_seldom(it)).map(packed));
    }
}

/// The groups of characters of a text, as terms; no more than a document may have.
pub(super) fn grams(text: &str) -> BTreeSet<u64> {
    let mut found = BTreeSet::new();
    let (mut run, mut is_full) = (Vec::new(), false);
    for c in text.chars().flat_map(char::to_lowercase).chain(std::iter::once(' ')) {
        if !c.is_whitespace() {
            run.push(c);
            if run.len() < 4_096 {
                continue;
            }
        }
        if !is_full {
            add_grams(&run, &mut found);
            is_full = found.len() >= MAX_GRAMS;
        }
        // A run that is longer than this goes on with what its next groups need.
        let kept = if c.is_whitespace() { 0 } else { 2 };
        run.drain(..run.len().saturating_sub(kept));
    }
    while found.len() > MAX_GRAMS {
        found.pop_last();
    }
    found
}

/// The groups that a text holds which holds `wanted`: the longest ones, and no more of them than help. `wanted` is in
/// lower case.
pub(super) fn needed_grams(wanted: &str, limit: usize) -> Vec<u64> {
    let mut found = BTreeSet::new();
    for run in wanted.split_whitespace() {
        let run: Vec<char> = run.chars().collect();
        let length = run.len().min(3);
        let is_held = |it: &&[char]| it.len() == 3 || it.iter().any(|c| !is_word_char(*c));
        found.extend(run.windows(length.max(1)).filter(is_held).map(packed));
    }
    // Spread over the text: groups that stand side by side say much the same.
    let step = found.len().div_ceil(limit.max(1)).max(1);
    found.into_iter().step_by(step).collect()
}

/// `text` in lower case, white space as in queries.
pub(super) fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut is_space = true;
    for c in text.chars() {
        if c.is_whitespace() {
            if !is_space {
                folded.push(' ');
            }
            is_space = true;
        } else {
            folded.extend(c.to_lowercase());
            is_space = false;
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(word: &str) -> Vec<&str> {
        parts(word).collect()
    }

    #[test]
    fn words_are_parted_by_case_and_underscores() {
        assert_eq!(split("tideBook"), ["tide", "Book"]);
        assert_eq!(split("HTTPServer_v2"), ["HTTP", "Server", "v2"]);
        assert_eq!(split("__init__"), ["init"]);
        assert_eq!(split("ALL_CAPS"), ["ALL", "CAPS"]);
        assert_eq!(split("größeÄndern"), ["größe", "Ändern"]);
        assert_eq!(split("x"), ["x"]);
        assert_eq!(split("_"), Vec::<&str>::new());
        let all = tokens("fn parse_Tide(tideBook: &str)");
        let expected = ["book", "fn", "parse", "parse_tide", "str", "tide", "tidebook"];
        assert_eq!(all.into_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_too_long_is_no_word() {
        let long = "a".repeat(MAX_WORD_BYTES + 1);
        assert_eq!(words(&format!("{long} b")).map(|it| it.text).collect::<Vec<_>>(), ["b"]);
        let many: String = (0..200_000).map(|it| format!("w{it} ")).collect::<Vec<_>>().concat();
        assert!(tokens(&many).iter().map(String::len).sum::<usize>() <= MAX_WORDS_BYTES + 64);
    }

    #[test]
    fn short_groups_are_held_where_they_are_seldom() {
        assert_eq!(grams("ab"), BTreeSet::new());
        assert_eq!(grams("a.b").len(), 1 + 2 + 1);
        assert_eq!(needed_grams(".*", 16), [packed(&['.', '*'])]);
        assert!(needed_grams("ab", 16).is_empty());
        assert_eq!(needed_grams("{", 16), [packed(&['{'])]);
        assert!(needed_grams(&"abcdefghijklmnopqrstuvwxyz".repeat(4), 8).len() <= 8);
    }

    proptest! {
        #[test]
        fn a_text_holds_the_groups_of_whatever_it_holds(
            text in "[a-cA-C.*\\n ]{0,40}", from in 0usize..40, length in 1usize..12,
        ) {
            let folded = folded(&text);
            let wanted: String = folded.chars().skip(from).take(length).collect();
            let held = grams(&text);
            for group in needed_grams(wanted.trim(), 100) {
                prop_assert!(held.contains(&group), "{:?} in {:?}", wanted, text);
            }
        }

        #[test]
        fn parts_make_up_their_word(word in "[a-zA-Z_é0-9]{0,20}") {
            let joined: String = parts(&word).collect();
            prop_assert_eq!(joined, word.replace('_', ""));
        }
    }
}
