//! Shell patterns as the Muse client reads them (`spec/wire.md` 2): `*`, `?`, `[set]`, `[!set]`; no escapes; case
//! counts.

/// One step of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// Any number of any characters.
    Many,
    /// Any one character.
    One,
    /// This character.
    Is(char),
    /// A character in one of the ranges, or in none of them.
    Set { negated: bool, ranges: Vec<(char, char)> },
}

/// A pattern, ready to be matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Glob(Form);

/// Most patterns need no steps.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    /// This text.
    Is(String),
    /// Any text with this end.
    EndsWith(String),
    /// Any text with this beginning.
    BeginsWith(String),
    Steps(Vec<Step>),
}

impl Glob {
    /// Reads a pattern; every text is one. A `[` that is never closed stands for itself.
    pub(crate) fn new(pattern: &str) -> Self {
        let mut steps = Vec::new();
        let mut rest = pattern;
        while let Some(c) = rest.chars().next() {
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
            match c {
                '*' if steps.last() == Some(&Step::Many) => {}
                '*' => steps.push(Step::Many),
                '?' => steps.push(Step::One),
                '[' => match set(rest) {
                    Some((step, after)) => {
                        steps.push(step);
                        rest = after;
                    }
                    None => steps.push(Step::Is('[')),
                },
                literal => steps.push(Step::Is(literal)),
            }
        }
        let plain = |steps: &[Step]| {
            let plain = |step: &Step| if let Step::Is(c) = step { Some(*c) } else { None };
            steps.iter().map(plain).collect::<Option<String>>()
        };
        let form = plain(&steps).map(Form::Is).or_else(|| match steps.as_slice() {
            [Step::Many, end @ ..] => plain(end).map(Form::EndsWith),
            [begin @ .., Step::Many] => plain(begin).map(Form::BeginsWith),
            _ => None,
        });
        Self(form.unwrap_or(Form::Steps(steps)))
    }

    /// Whether the whole of `text` fits. Takes at most (length of text) × (length of pattern) steps.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let mut steps = match &self.0 {
            Form::Is(whole) => return text == whole,
            Form::EndsWith(end) => return text.ends_with(end.as_str()),
            Form::BeginsWith(begin) => return text.starts_with(begin.as_str()),
            Form::Steps(steps) => steps.as_slice(),
        };
        let mut text = text.chars();
        // Where to go on when a character does not fit: after the last `*`, which then takes one more.
        let mut retry: Option<(&[Step], std::str::Chars<'_>)> = None;
        loop {
            let mut ahead = text.clone();
            match (steps.split_first(), ahead.next()) {
                (Some((Step::Many, after)), _) => {
                    steps = after;
                    retry = Some((after, text.clone()));
                    continue;
                }
                (Some((step, after)), Some(c)) if step.fits(c) => {
                    steps = after;
                    text = ahead;
                    continue;
                }
                (None, None) => return true,
                (Some(_) | None, _) => {}
            }
            let Some((after, mut from)) = retry.take() else { return false };
            if from.next().is_none() {
                return false;
            }
            steps = after;
            text = from.clone();
            retry = Some((after, from));
        }
    }
}

impl Step {
    fn fits(&self, c: char) -> bool {
        match self {
            Self::Many => false,
            Self::One => true,
            Self::Is(literal) => *literal == c,
            Self::Set { negated, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
            }
        }
    }
}

/// Reads a set behind its `[`: the step, and what follows its `]`. A `]` that comes first belongs to the set.
fn set(rest: &str) -> Option<(Step, &str)> {
    let negated = rest.starts_with('!');
    let inside = if negated { rest.get(1..)? } else { rest };
    let first = usize::from(inside.starts_with(']'));
    let end = first + inside.get(first..)?.find(']')?;
    let members: Vec<char> = inside.get(..end)?.chars().collect();
    let mut ranges = Vec::new();
    let mut members = members.as_slice();
    while let Some((low, after)) = members.split_first() {
        if let ['-', high, more @ ..] = after {
            // A range that runs backwards holds nothing.
            ranges.push((*low, *high));
            members = more;
        } else {
            ranges.push((*low, *low));
            members = after;
        }
    }
    Some((Step::Set { negated, ranges }, inside.get(end + 1..)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns() {
        for (pattern, yes, no) in [
            ("*.pem", &["a.pem", ".pem", "a/b.pem"][..], &["a.PEM", "a.pem.x", "pem"][..]),
            ("a*b*c", &["abc", "aXbYc", "abbcc"], &["ab", "acb", "abcd"]),
            ("?", &["a", "ß", "😀"], &["", "ab"]),
            ("", &[""], &["a"]),
            ("**", &["", "a/b"], &[]),
            (".env.*", &[".env.", ".env.local"], &[".env", "x.env.y"]),
            ("[a-c]x", &["ax", "bx", "cx"], &["dx", "-x", "x", "Ax"]),
            ("[!a-c]x", &["dx", "/x"], &["ax", "x"]),
            ("[]-]", &["]", "-"], &["a", ""]),
            ("[!]]", &["a"], &["]"]),
            ("[a-]", &["a", "-"], &["b"]),
            ("[z-a]", &[], &["z", "a", "m", "-"]),
            ("[!z-a]", &["z", "m"], &[""]),
            ("[abc", &["[abc"], &["a"]),
            ("[]", &["[]"], &["]"]),
            ("[!]", &["[!]"], &["!"]),
            ("[ä-ö]*", &["ö1"], &["ü1"]),
            ("a\\*", &["a\\x"], &["a*"]),
            ("[^a]", &["^", "a"], &["b"]),
        ] {
            let glob = Glob::new(pattern);
            assert!(yes.iter().all(|text| glob.matches(text)), "{pattern} {yes:?}");
            assert!(!no.iter().any(|text| glob.matches(text)), "{pattern} {no:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics_or_hangs(pattern in "[*?!a-c\\[\\]ß-]{0,40}", text in "[a-cß\\]-]{0,60}") {
            Glob::new(&pattern).matches(&text);
        }

        #[test]
        fn a_text_without_signs_matches_itself(text in "[^*?\\[]{0,20}") {
            prop_assert!(Glob::new(&text).matches(&text));
        }
    }
}
