//! Patterns: the regular expressions of ECMA-262 that an engine without backtracking can run.
//!
//! Look-around and back-references are refused by that engine. What both know and mean differently is rewritten: `\d`,
//! `\w` and `\s` are those of ECMA-262, a dot stops at its four line ends, and brackets inside a class are themselves.

use std::iter::Peekable;

use regex::{Regex, RegexBuilder};

/// What a compiled pattern may weigh.
const MAX_COMPILED_BYTES: usize = 1 << 20;
/// ECMA-262 `WhiteSpace` and `LineTerminator`, as members of a class.
const SPACES: &str = r"\t\n\x0B\x0C\r\x20\u{A0}\u{1680}\u{2000}-\u{200A}\u{2028}\u{2029}\u{202F}\u{205F}\u{3000}\u{FEFF}";
/// Where a dot stops.
const NO_LINE_END: &str = r"[^\n\r\u{2028}\u{2029}]";

/// A pattern that runs in linear time.
#[derive(Debug, Clone)]
pub struct Pattern(Regex);

impl Pattern {
    /// Reads a pattern; the error says why it cannot run.
    pub fn read(text: &str) -> Result<Self, String> {
        let compiled = RegexBuilder::new(&rewritten(text)).size_limit(MAX_COMPILED_BYTES).build();
        compiled.map(Self).map_err(|error| {
            let told = error.to_string();
            told.lines().last().unwrap_or_default().trim().to_owned()
        })
    }

    /// Whether it occurs anywhere in `text`.
    pub fn occurs_in(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

fn rewritten(pattern: &str) -> String {
    let mut text = String::with_capacity(pattern.len());
    let mut rest = pattern.chars().peekable();
    let mut is_class = false;
    while let Some(c) = rest.next() {
        match c {
            '\\' => escape(&mut text, rest.next(), is_class),
            '[' if is_class => text.push_str(r"\["),
            '[' => {
                is_class = true;
                open_class(&mut text, &mut rest);
            }
            ']' => {
                is_class = false;
                text.push(']');
            }
            '&' | '~' if is_class => {
                text.push('\\');
                text.push(c);
            }
            '.' if !is_class => text.push_str(NO_LINE_END),
            _ => text.push(c),
        }
    }
    text
}

/// `[]` takes nothing and `[^]` takes everything there; here a `]` in front would be a member.
fn open_class(text: &mut String, rest: &mut Peekable<std::str::Chars<'_>>) {
    text.push('[');
    if rest.next_if_eq(&'^').is_some() {
        text.push('^');
    }
    if rest.peek() == Some(&']') {
        // A class that holds nothing: what is a letter and none.
        text.push_str(r"\w&&\W");
    }
}

fn escape(text: &mut String, escaped: Option<char>, is_class: bool) {
    let members = match escaped {
        Some('d' | 'D') => "0-9",
        Some('w' | 'W') => "A-Za-z0-9_",
        Some('s' | 'S') => SPACES,
        // Letters that mean themselves there and are unknown here.
        Some('/') => return text.push('/'),
        Some('-') => return text.push_str(r"\-"),
        Some(other) => {
            text.push('\\');
            text.push(other);
            return;
        }
        None => return text.push('\\'),
    };
    let is_negated = matches!(escaped, Some('D' | 'W' | 'S'));
    match (is_negated, is_class) {
        (false, true) => text.push_str(members),
        (false, false) => {
            text.push('[');
            text.push_str(members);
            text.push(']');
        }
        (true, _) => {
            text.push_str("[^");
            text.push_str(members);
            text.push(']');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn occurs(pattern: &str, text: &str) -> bool {
        Pattern::read(pattern).unwrap().occurs_in(text)
    }

    #[test]
    fn what_needs_backtracking_is_refused() {
        for pattern in ["(?=a)a", "(?!a)b", "(?<=a)b", r"(a)\1", r"(?<n>a)\k<n>", "(", "a{9999999}"]
        {
            assert!(Pattern::read(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn letters_mean_what_ecma_262_says() {
        assert!(occurs(r"^\d+$", "123") && !occurs(r"^\d+$", "١٢٣"));
        assert!(occurs(r"^[\w-]+$", "a-b_1") && !occurs(r"^\w+$", "é"));
        assert!(occurs(r"^[\D]$", "x") && !occurs(r"^[^\D]$", "x"));
        assert!(occurs(r"^a\/b$", "a/b"));
        assert!(occurs("^[[&~]+$", "[&&~~"));
        assert!(!occurs("^a.b$", "a\u{2028}b") && occurs("^a.b$", "aéb"));
        assert!(occurs("^[^]$", "x") && !occurs("[]", "x"));
        assert!(!occurs("a$", "a\n"));
        assert!(occurs(r"^\u0041$", "A"));
    }

    /// W07: linear, whatever the pattern.
    #[test]
    fn a_pattern_that_explodes_elsewhere_does_not() {
        let text = format!("{}!", "a".repeat(100_000));
        assert!(!occurs("^(a+)+$", &text));
    }
}
