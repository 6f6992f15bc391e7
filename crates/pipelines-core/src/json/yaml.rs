//! YAML 1.2 with the core schema, one document, as a JSON value.
//!
//! Anchors, aliases, tags, merge keys, names that stand twice and names that are no text end the reading where they
//! stand: nothing is ever expanded, so a small text stays a small value (`spec/work.md` 2, Form).

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Number, Value};

use super::text::{MAX_DEPTH, MAX_NODES, too_deep, too_many};
use crate::fault::{Code, Fault};

/// An object or a list that is not closed yet.
enum Open {
    List(Vec<Value>),
    Object { fields: Map<String, Value>, name: Option<String> },
}

/// What has been read so far.
#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    whole: Option<Value>,
    count: usize,
    has_document: bool,
}

/// Reads one document.
pub(super) fn read(text: &str) -> Result<Value, Fault> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let why = error.to_string();
            // The scanner looks ahead, and knows a depth of its own.
            if why.contains("recursion limit") {
                return too_deep();
            }
            Fault::whole(Code::YamlSyntax, format!("line {}: {why}", error.marker().line()))
        })?;
        builder.take(event).map_err(|mut fault| {
            fault.message = format!("line {}: {}", span.start.line(), fault.message);
            fault
        })?;
    }
    builder.whole.ok_or_else(|| Fault::whole(Code::YamlSyntax, "there is no document"))
}

impl Builder {
    fn take(&mut self, event: Event<'_>) -> Result<(), Fault> {
        match event {
            Event::DocumentStart(..) => {
                if self.has_document {
                    return Err(Fault::whole(Code::YamlDocuments, "one document is wanted"));
                }
                self.has_document = true;
                Ok(())
            }
            Event::Alias(..) => Err(Fault::whole(Code::YamlAlias, "an alias is not taken")),
            Event::Scalar(text, style, anchor, tag) => {
                plain_node(anchor, tag.is_some())?;
                self.scalar(&text, style)
            }
            Event::SequenceStart(anchor, tag) => {
                plain_node(anchor, tag.is_some())?;
                self.enter(Open::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                plain_node(anchor, tag.is_some())?;
                self.enter(Open::Object { fields: Map::new(), name: None })
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let closed = match self.open.pop() {
                    Some(Open::List(items)) => Value::Array(items),
                    Some(Open::Object { fields, .. }) => Value::Object(fields),
                    None => return Err(Fault::whole(Code::YamlSyntax, "nothing is open here")),
                };
                self.put(closed);
                Ok(())
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    /// The object that waits for a name, if the next scalar is one.
    fn waiting(&mut self) -> Option<(&Map<String, Value>, &mut Option<String>)> {
        match self.open.last_mut() {
            Some(Open::Object { fields, name }) if name.is_none() => Some((fields, name)),
            _ => None,
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle) -> Result<(), Fault> {
        let is_plain = style == ScalarStyle::Plain;
        if let Some((fields, name)) = self.waiting() {
            if is_plain && text == "<<" {
                return Err(Fault::whole(Code::YamlMergeKey, "a merge key is not taken"));
            }
            if is_plain && !matches!(resolve(text), Some(Value::String(_))) {
                return Err(Fault::whole(Code::WrongType, format!("the name {text} is no text")));
            }
            if fields.contains_key(text) {
                let why = format!("the name {text:?} stands twice in one object");
                return Err(Fault::whole(Code::DuplicateKey, why));
            }
            *name = Some(text.to_owned());
            return Ok(());
        }
        self.count()?;
        let value = if is_plain {
            resolve(text).ok_or_else(|| {
                Fault::whole(Code::YamlSyntax, format!("{text} is no number of JSON"))
            })?
        } else {
            Value::String(text.to_owned())
        };
        self.put(value);
        Ok(())
    }

    fn enter(&mut self, what: Open) -> Result<(), Fault> {
        if self.waiting().is_some() {
            return Err(Fault::whole(Code::WrongType, "a name is a text"));
        }
        self.count()?;
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep());
        }
        self.open.push(what);
        Ok(())
    }

    fn count(&mut self) -> Result<(), Fault> {
        self.count += 1;
        if self.count > MAX_NODES { Err(too_many()) } else { Ok(()) }
    }

    fn put(&mut self, value: Value) {
        match self.open.last_mut() {
            Some(Open::List(items)) => items.push(value),
            Some(Open::Object { fields, name }) => {
                if let Some(name) = name.take() {
                    fields.insert(name, value);
                }
            }
            None => self.whole = Some(value),
        }
    }
}

/// Refuses what has a name or a type of its own.
fn plain_node(anchor: usize, is_tagged: bool) -> Result<(), Fault> {
    if anchor != 0 {
        return Err(Fault::whole(Code::YamlAlias, "an anchor is not taken"));
    }
    if is_tagged {
        return Err(Fault::whole(Code::YamlTag, "a tag is not taken"));
    }
    Ok(())
}

/// What a plain scalar means (YAML 1.2.2 §10.3.2); nothing for infinities and what is no number.
fn resolve(text: &str) -> Option<Value> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Value::Null),
        "true" | "True" | "TRUE" => return Some(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Some(Value::Bool(false)),
        ".nan" | ".NaN" | ".NAN" => return None,
        _ => {}
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return Some(radix(digits, 8).unwrap_or_else(|| text.into()));
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return Some(radix(digits, 16).unwrap_or_else(|| text.into()));
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return None;
    }
    if !is_number(unsigned) {
        return Some(text.into());
    }
    let plain = text.strip_prefix('+').unwrap_or(text);
    if let Ok(whole) = plain.parse::<i64>() {
        return Some(whole.into());
    }
    if let Ok(whole) = plain.parse::<u64>() {
        return Some(whole.into());
    }
    plain.parse().ok().and_then(Number::from_f64).map(Value::Number)
}

fn radix(digits: &str, radix: u32) -> Option<Value> {
    let is_plain = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    is_plain.then(|| u64::from_str_radix(digits, radix).ok())?.map(Value::from)
}

/// `( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_number(text: &str) -> bool {
    let is_digits = |it: &str| it.chars().all(|c| c.is_ascii_digit());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let has_exponent = exponent.is_none_or(|it| {
        let digits = it.strip_prefix(['-', '+']).unwrap_or(it);
        !digits.is_empty() && is_digits(digits)
    });
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let has_digits = !whole.is_empty() || (mantissa.starts_with('.') && !fraction.is_empty());
    has_exponent && has_digits && is_digits(whole) && is_digits(fraction)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use serde_json::json;

    use super::*;

    #[test]
    fn plain_scalars_mean_what_the_core_schema_says() {
        let table = [
            ("0o17", json!(15)),
            ("0xFf", json!(255)),
            ("+12", json!(12)),
            ("-3", json!(-3)),
            ("1.", json!(1.0)),
            (".5", json!(0.5)),
            ("1e3", json!(1000.0)),
            ("18446744073709551615", json!(u64::MAX)),
            ("1e", json!("1e")),
            (".", json!(".")),
            ("1_000", json!("1_000")),
            ("yes", json!("yes")),
            ("0o9", json!("0o9")),
            ("2026-11-30", json!("2026-11-30")),
            ("-", json!("-")),
        ];
        for (text, wanted) in table {
            assert_eq!(resolve(text), Some(wanted), "{text}");
        }
        assert_eq!(resolve("-.inf"), None);
        assert_eq!(resolve(".nan"), None);
    }

    #[test]
    fn names_are_texts() {
        for bad in ["1: a\n", "true: a\n", "? [a]\n: b\n", "~: a\n"] {
            assert_eq!(read(bad).unwrap_err().code, Code::WrongType, "{bad}");
        }
        assert_eq!(read("'1': a\nyes: b\n").unwrap(), json!({"1": "a", "yes": "b"}));
    }

    /// W05: nothing is expanded, so nothing grows.
    #[test]
    fn a_billion_laughs_end_at_the_first_anchor() {
        let mut text = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
        for level in 1..12 {
            let inner = format!("*a{}, ", level - 1).repeat(10);
            writeln!(text, "a{level}: &a{level} [{inner}]").unwrap();
        }
        let fault = read(&text).unwrap_err();
        assert_eq!(fault.code, Code::YamlAlias);
        assert!(fault.message.starts_with("line 1:"), "{}", fault.message);
    }
}
