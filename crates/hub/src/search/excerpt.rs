//! Where in a text something stands that was looked for: three lines with marks, and how well the text fits. Pure.

use api::search::{Clause, Key, Query, Term};

use super::{selection, words};
use crate::reading::languages;

/// Lines of an excerpt.
const LINES: usize = 3;
/// A longer line is cut around its first mark, in characters.
const LINE_CHARS: usize = 200;
/// What stands before the first mark of a line that is cut.
const LEAD_CHARS: usize = 40;
/// Lines that are looked at: more than a file of a mebibyte has in earnest.
const LOOKED_AT: usize = 100_000;
/// Occurrences of one term that count.
const COUNTED: u32 = 10;

/// What is looked for in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seek {
    Word(String),
    Prefix(String),
    Characters(String),
}

/// A line, with the places of what was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// From 1.
    pub(crate) number: u64,
    /// As it stands, or as much of it as is shown.
    pub(crate) text: String,
    /// From and up to, in bytes of `text`.
    pub(crate) marks: Vec<(usize, usize)>,
}

/// What a query wants to be there.
pub(super) fn seeks(query: &Query) -> Vec<Seek> {
    let wanted = query.clauses().filter(|it: &&Clause| !it.is_negated);
    let seek = |it: &Clause| match &it.term {
        Term::Word(word) | Term::Known(Key::Symbol, word) => Some(Seek::Word(word.clone())),
        Term::Prefix(word) => Some(Seek::Prefix(word.clone())),
        Term::Characters(text) => Some(Seek::Characters(text.clone())),
        Term::Known(..) | Term::Within(..) | Term::Is(..) => None,
    };
    let mut found: Vec<_> = wanted.filter_map(seek).collect();
    found.dedup();
    found
}

impl Seek {
    /// Where it stands in a line.
    fn find(&self, line: &str) -> Vec<(usize, usize)> {
        match self {
            Self::Word(wanted) => words_where(line, |it| it == wanted),
            Self::Prefix(wanted) => words_where(line, |it| it.starts_with(wanted.as_str())),
            Self::Characters(wanted) => characters(line, wanted),
        }
    }

    /// Whether it stands in a text, folded as [`words::folded`] does.
    pub(super) fn is_in_folded(&self, folded: &str) -> bool {
        match self {
            Self::Characters(wanted) => folded.contains(wanted.as_str()),
            Self::Word(_) | Self::Prefix(_) => !self.find(folded).is_empty(),
        }
    }
}

/// Words and parts of words that fit. A word that fits is marked as a whole.
fn words_where(line: &str, fits: impl Fn(&str) -> bool) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for word in words::words(line) {
        if fits(&word.text.to_lowercase()) {
            found.push((word.at, word.at + word.text.len()));
            continue;
        }
        for part in words::parts(word.text).filter(|it| fits(&it.to_lowercase())) {
            let at = word.at + (part.as_ptr().addr() - word.text.as_ptr().addr());
            found.push((at, at + part.len()));
        }
    }
    found
}

/// Where `wanted`, folded, stands in a line.
fn characters(line: &str, wanted: &str) -> Vec<(usize, usize)> {
    // The folded line, and where in the line each of its bytes comes from.
    let (mut folded, mut from) = (String::new(), Vec::new());
    let mut is_space = true;
    for (at, c) in line.char_indices() {
        let before = folded.len();
        if c.is_whitespace() {
            if !is_space {
                folded.push(' ');
            }
            is_space = true;
        } else {
            folded.extend(c.to_lowercase());
            is_space = false;
        }
        from.resize(from.len() + folded.len() - before, at);
    }
    let place = |at: usize| from.get(at).copied().unwrap_or(line.len());
    let end = |at: usize| {
        let last = place(at.saturating_sub(1));
        let width = line.get(last..).and_then(|it| it.chars().next()).map_or(0, char::len_utf8);
        last + width
    };
    folded.match_indices(wanted).map(|(at, it)| (place(at), end(at + it.len()))).collect()
}

/// Three lines around the best place; nothing for an empty text.
pub(super) fn excerpt(text: &str, seeks: &[Seek]) -> Vec<Line> {
    let mut best: Option<(usize, usize)> = None;
    for (index, line) in text.lines().take(LOOKED_AT).enumerate() {
        let fits = seeks.iter().filter(|it| !it.find(line).is_empty()).count();
        if fits > best.map_or(0, |(most, _)| most) {
            best = Some((fits, index));
            if fits == seeks.len() {
                break;
            }
        }
    }
    let middle = best.map_or(1, |(_, index)| index);
    let first = middle.saturating_sub(1);
    let lines = text.lines().enumerate().skip(first).take(LINES);
    lines.map(|(index, line)| marked(index as u64 + 1, line, seeks)).collect()
}

fn marked(number: u64, line: &str, seeks: &[Seek]) -> Line {
    let mut marks: Vec<_> = seeks.iter().flat_map(|it| it.find(line)).collect();
    marks.sort_unstable();
    let first = marks.first().map_or(0, |(from, _)| *from);
    let (text, cut) = shortened(line, first);
    let mut kept: Vec<(usize, usize)> = Vec::new();
    for (from, to) in marks {
        let (from, to) = (from.saturating_sub(cut), to.saturating_sub(cut).min(text.len()));
        match kept.last_mut() {
            // Marks that meet are one.
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ if from < to => kept.push((from, to)),
            _ => {}
        }
    }
    kept.retain(|(from, to)| text.is_char_boundary(*from) && text.is_char_boundary(*to));
    Line { number, text: text.to_owned(), marks: kept }
}

/// As much of a line as is shown, and how many bytes before it are not.
fn shortened(line: &str, first_mark: usize) -> (&str, usize) {
    if line.chars().count() <= LINE_CHARS {
        return (line, 0);
    }
    let before = line.get(..first_mark).unwrap_or_default();
    let lead = before.char_indices().rev().take(LEAD_CHARS).last().map_or(first_mark, |(at, _)| at);
    let from = if before.chars().count() <= LEAD_CHARS { 0 } else { lead };
    let rest = line.get(from..).unwrap_or_default();
    let end = rest.char_indices().nth(LINE_CHARS).map_or(rest.len(), |(at, _)| at);
    (rest.get(..end).unwrap_or_default(), from)
}

/// How well a file fits, so that the best are shown first: names weigh most, then what is defined there, then how often
/// something is said.
pub(super) fn score(path: &str, text: &str, seeks: &[Seek]) -> u32 {
    let name = path.rsplit('/').next().unwrap_or_default();
    let defined = selection::definitions(languages::language(path), text);
    let folded = words::folded(text);
    let of = |seek: &Seek| {
        let is_defined = match seek {
            Seek::Word(word) => defined.contains(word),
            Seek::Prefix(word) => defined.iter().any(|it| it.starts_with(word.as_str())),
            Seek::Characters(_) => false,
        };
        let often = match seek {
            Seek::Word(it) | Seek::Prefix(it) | Seek::Characters(it) => {
                folded.matches(it.as_str()).take(COUNTED as usize).count()
            }
        };
        u32::from(!seek.find(name).is_empty()) * 200
            + u32::from(!seek.find(path).is_empty()) * 100
            + u32::from(is_defined) * 150
            + u32::try_from(often).unwrap_or(COUNTED)
    };
    seeks.iter().map(of).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn word(text: &str) -> Seek {
        Seek::Word(text.to_owned())
    }

    fn characters_of(text: &str) -> Seek {
        Seek::Characters(text.to_owned())
    }

    #[test]
    fn three_lines_around_the_first_that_has_most() {
        let text = "one\nthe tide\nthe tideBook and moon\nfour\nfive";
        let found = excerpt(text, &[word("tide"), word("moon")]);
        assert_eq!(found.iter().map(|it| it.number).collect::<Vec<_>>(), [2, 3, 4]);
        assert_eq!(found[1].marks, [(4, 8), (17, 21)]);
        assert_eq!(excerpt("", &[word("a")]), []);
        assert_eq!(excerpt("a\nb", &[word("c")]).len(), 2);
    }

    #[test]
    fn characters_are_found_whatever_their_case_and_space() {
        let found = excerpt("let  MUT\tx = 1;", &[characters_of("let mut x")]);
        assert_eq!(found[0].marks, [(0, 10)]);
        assert_eq!(excerpt("a.*b .*", &[characters_of(".*")])[0].marks, [(1, 3), (5, 7)]);
    }

    #[test]
    fn a_long_line_is_cut_around_its_first_mark() {
        let line = format!("{}tide{}", "é".repeat(500), "x".repeat(500));
        let line = line.replace("étide", " tide ");
        let found = excerpt(&line, &[word("tide")]);
        assert_eq!(found[0].text.chars().count(), LINE_CHARS);
        let (from, to) = found[0].marks[0];
        assert_eq!(&found[0].text[from..to], "tide");
    }

    #[test]
    fn names_and_definitions_come_first() {
        let seeks = [word("tide")];
        let named = score("src/tide.rs", "", &seeks);
        let defined = score("a.rs", "fn tide() {}", &seeks);
        let said = score("a.rs", "tide tide", &seeks);
        assert!(named > defined && defined > said && said > 0);
    }

    proptest! {
        #[test]
        fn marks_are_places_in_their_lines(text in "[a-zA-Zé_ .\\n]{0,80}", wanted in "[a-zé.]{1,3}") {
            let seeks = [word(&wanted), Seek::Prefix(wanted.clone()), characters_of(&wanted)];
            for line in excerpt(&text, &seeks) {
                for (from, to) in line.marks {
                    prop_assert!(from < to && line.text.get(from..to).is_some());
                }
            }
        }
    }
}
