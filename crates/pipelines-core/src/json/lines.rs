//! On which line of a text each value stands: for people who look for a fault in a file.
//!
//! A text that was read has a line for every value; one that was not has them as far as it goes. The size of what is
//! kept is that of the text.

use std::{borrow::Cow, collections::BTreeMap};

use saphyr_parser::{Event, Parser};

use super::{
    Pointer,
    reader::closed_string,
    text::{Form, MAX_DEPTH, MAX_NODES},
};

/// The lines of a text, by the places of its values.
#[derive(Debug, Clone, Default)]
pub struct Lines(Option<Spot>);

/// A value, and where it begins: at its name, if it has one.
#[derive(Debug, Clone)]
struct Spot {
    line: usize,
    inside: Inside,
}

#[derive(Debug, Clone)]
enum Inside {
    Nothing,
    List(Vec<Spot>),
    Object(BTreeMap<String, Spot>),
}

/// What comes next in a text.
enum Sign<'t> {
    List,
    Object,
    End,
    Scalar(Cow<'t, str>),
}

impl Lines {
    /// The lines of a text.
    pub fn of(text: &str, form: Form) -> Self {
        let mut builder = Builder::default();
        match form {
            Form::Json => json(text, &mut builder),
            Form::Yaml => yaml(text, &mut builder),
        }
        Self(builder.whole)
    }

    /// The line where the value at a pointer begins, or the nearest value above it that is there.
    pub fn at(&self, pointer: &str) -> Option<usize> {
        let mut spot = self.0.as_ref()?;
        for token in pointer.parse::<Pointer>().ok()?.tokens() {
            let inner = match &spot.inside {
                Inside::Nothing => None,
                Inside::List(items) => token.parse::<usize>().ok().and_then(|it| items.get(it)),
                Inside::Object(fields) => fields.get(token),
            };
            let Some(inner) = inner else { break };
            spot = inner;
        }
        Some(spot.line)
    }
}

/// An object or a list that is not closed yet, and the name that waits for its value.
struct Open {
    spot: Spot,
    name: Option<(String, usize)>,
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    whole: Option<Spot>,
    count: usize,
}

impl Builder {
    /// Takes a sign; whether there may be more.
    fn takes(&mut self, line: usize, sign: Sign<'_>) -> bool {
        self.count += 1;
        if self.count > 2 * MAX_NODES || self.whole.is_some() {
            return false;
        }
        match sign {
            Sign::List | Sign::Object if self.open.len() >= MAX_DEPTH => return false,
            Sign::List => self.enter(line, Inside::List(Vec::new())),
            Sign::Object => self.enter(line, Inside::Object(BTreeMap::new())),
            Sign::End => {
                let Some(closed) = self.open.pop() else { return false };
                self.put(closed.spot);
            }
            Sign::Scalar(text) => self.scalar(line, &text),
        }
        true
    }

    fn enter(&mut self, line: usize, inside: Inside) {
        self.open.push(Open { spot: Spot { line, inside }, name: None });
    }

    fn scalar(&mut self, line: usize, text: &str) {
        match self.open.last_mut() {
            Some(Open { spot: Spot { inside: Inside::Object(_), .. }, name }) if name.is_none() => {
                *name = Some((text.to_owned(), line));
            }
            _ => self.put(Spot { line, inside: Inside::Nothing }),
        }
    }

    fn put(&mut self, spot: Spot) {
        let Some(Open { spot: outer, name }) = self.open.last_mut() else {
            self.whole = Some(spot);
            return;
        };
        match &mut outer.inside {
            Inside::List(items) => items.push(spot),
            Inside::Object(fields) => {
                if let Some((name, line)) = name.take() {
                    fields.insert(name, Spot { line, ..spot });
                }
            }
            Inside::Nothing => {}
        }
    }
}

fn yaml(text: &str, builder: &mut Builder) {
    for event in Parser::new_from_str(text) {
        let Ok((event, span)) = event else { return };
        let sign = match event {
            Event::SequenceStart(..) => Sign::List,
            Event::MappingStart(..) => Sign::Object,
            Event::SequenceEnd | Event::MappingEnd => Sign::End,
            Event::Scalar(text, ..) => Sign::Scalar(text),
            Event::Alias(..)
            | Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(..)
            | Event::DocumentEnd => continue,
        };
        if !builder.takes(span.start.line(), sign) {
            return;
        }
    }
}

fn json(text: &str, builder: &mut Builder) {
    let (mut line, mut rest) = (1, text);
    while let Some(first) = rest.chars().next() {
        let mut length = first.len_utf8();
        let sign = match first {
            '\n' => {
                line += 1;
                None
            }
            ' ' | '\t' | '\r' | ',' | ':' => None,
            '[' => Some(Sign::List),
            '{' => Some(Sign::Object),
            ']' | '}' => Some(Sign::End),
            '"' => {
                let Some(whole) = closed_string(rest) else { return };
                let Ok(read) = serde_json::from_str::<String>(whole) else { return };
                length = whole.len();
                Some(Sign::Scalar(read.into()))
            }
            _ => {
                let ends = |c: char| ",:[]{}\" \t\r\n".contains(c);
                length = rest.find(ends).unwrap_or(rest.len());
                Some(Sign::Scalar(rest.get(..length).unwrap_or_default().into()))
            }
        };
        if sign.is_some_and(|sign| !builder.takes(line, sign)) {
            return;
        }
        rest = rest.get(length..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YAML: &str = "motet: 1\n# a word\nsteps:\n  - id: one\n    inputs:\n      a: {from: run,\n        pointer: /x}\n  - id: two\n'a/b': [1,\n  2]\n";
    const JSON: &str = "{\"motet\": 1,\n\n \"steps\": [\n  {\"id\": \"one\",\n   \"inputs\":\n    {\"a\": {\"from\": \"run\",\n    \"pointer\": \"/x\"}}},\n  {\"id\": \"two\"}],\n \"a/b\": [1,\n  2]}";

    #[test]
    fn a_value_stands_where_its_name_does() {
        for (text, form) in [(YAML, Form::Yaml), (JSON, Form::Json)] {
            let lines = Lines::of(text, form);
            for (pointer, line) in [
                ("", 1),
                ("/motet", 1),
                ("/steps", 3),
                ("/steps/0", 4),
                ("/steps/0/id", 4),
                ("/steps/0/inputs/a", 6),
                ("/steps/0/inputs/a/pointer", 7),
                ("/steps/1", 8),
                ("/a~1b/1", 10),
                // What is not there, where it should be.
                ("/steps/0/instructions", 4),
                ("/steps/9", 3),
                ("/nothing/at/all", 1),
            ] {
                assert_eq!(lines.at(pointer), Some(line), "{form:?} {pointer}");
            }
            assert_eq!(lines.at("steps"), None);
        }
    }

    #[test]
    fn what_cannot_be_read_has_no_lines_and_does_no_harm() {
        for text in ["", "[", "{\"a\"", "\"a", "]", "a: [1, 2\n", "a: b: c\n"] {
            for form in [Form::Json, Form::Yaml] {
                let _some_or_none = Lines::of(text, form).at("/a");
            }
        }
        assert_eq!(Lines::of(&"[".repeat(100_000), Form::Json).at(""), None);
    }
}
