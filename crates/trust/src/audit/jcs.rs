//! Canonical JSON (RFC 8785), as far as rows need it: texts, whole numbers, truth values, nulls, lists and objects.
//!
//! Numbers with a fraction, and whole ones that a double cannot hold, are refused: their canonical text is where
//! implementations differ.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// The largest whole number that every implementation reads alike (RFC 7493 §2.2).
const MAX_WHOLE: u64 = (1 << 53) - 1;
/// Objects and lists inside each other. Rows have three.
const MAX_DEPTH: u8 = 16;

/// The value has no canonical text here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotCanonical {
    /// A fraction, or a number of more than 53 bits.
    #[error("numbers are whole and have at most 53 bits")]
    Number,
    /// Too many objects inside each other.
    #[error("objects lie at most {MAX_DEPTH} deep")]
    Depth,
}

/// The canonical text of an object.
pub(super) fn object(fields: &Map<String, Value>) -> Result<String, NotCanonical> {
    let mut text = String::new();
    write_object(&mut text, fields, 0)?;
    Ok(text)
}

fn write_object(
    text: &mut String,
    fields: &Map<String, Value>,
    depth: u8,
) -> Result<(), NotCanonical> {
    let mut sorted: Vec<_> = fields.iter().collect();
    // RFC 8785 §3.2.3: by UTF-16 code units, which is not the order of UTF-8 bytes.
    sorted.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
    text.push('{');
    for (position, (name, value)) in sorted.into_iter().enumerate() {
        if position > 0 {
            text.push(',');
        }
        write_text(text, name);
        text.push(':');
        write_value(text, value, depth + 1)?;
    }
    text.push('}');
    Ok(())
}

fn write_value(text: &mut String, value: &Value, depth: u8) -> Result<(), NotCanonical> {
    if depth > MAX_DEPTH {
        return Err(NotCanonical::Depth);
    }
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Number(number) => {
            let whole = number.as_i64().filter(|it| it.unsigned_abs() <= MAX_WHOLE);
            let whole = whole.ok_or(NotCanonical::Number)?;
            // Writing into a text does not fail.
            write!(text, "{whole}").unwrap_or_default();
        }
        Value::String(it) => write_text(text, it),
        Value::Array(items) => {
            text.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                write_value(text, item, depth + 1)?;
            }
            text.push(']');
        }
        Value::Object(fields) => write_object(text, fields, depth)?,
    }
    Ok(())
}

/// RFC 8785 §3.2.2.2: seven escapes of two characters, other controls as lower-case hexadecimal, all else as it is.
fn write_text(text: &mut String, it: &str) {
    text.push('"');
    for c in it.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\u{8}' => text.push_str("\\b"),
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\u{c}' => text.push_str("\\f"),
            '\r' => text.push_str("\\r"),
            c if c < ' ' => write!(text, "\\u{:04x}", u32::from(c)).unwrap_or_default(),
            c => text.push(c),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn canonical(value: &Value) -> Result<String, NotCanonical> {
        object(value.as_object().unwrap())
    }

    /// The example of RFC 8785 §3.2.2 without its numbers.
    #[test]
    fn texts_and_literals_are_those_of_the_rfc() {
        let value: Value = serde_json::from_str(
            r#"{"string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}"#,
        )
        .unwrap();
        assert_eq!(
            canonical(&value).unwrap(),
            "{\"literals\":[null,true,false],\"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}"
        );
    }

    /// The example of RFC 8785 §3.2.3.
    #[test]
    fn names_are_sorted_as_in_the_rfc() {
        let value: Value = serde_json::from_str(
            r#"{"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh",
                "1": "One", "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control",
                "\u00f6": "Latin Small Letter O With Diaeresis"}"#,
        )
        .unwrap();
        let text = canonical(&value).unwrap();
        let order: Vec<_> = [
            "Carriage Return",
            "One",
            "Control",
            "Latin Small Letter O With Diaeresis",
            "Euro Sign",
            "Emoji: Grinning Face",
            "Hebrew Letter Dalet With Dagesh",
        ]
        .map(|word| text.find(word).unwrap())
        .into();
        assert!(order.is_sorted(), "{text}");
    }

    #[test]
    fn what_implementations_write_differently_is_refused() {
        for number in [json!(1.5), json!(1e30), json!(u64::MAX), json!(1_i64 << 53)] {
            assert_eq!(canonical(&json!({ "n": number })), Err(NotCanonical::Number));
        }
        let largest = (1_i64 << 53) - 1;
        assert_eq!(canonical(&json!({ "n": -largest })).unwrap(), format!("{{\"n\":-{largest}}}"));
        let deep = (0..20).fold(json!({}), |inner, _| json!({ "in": inner }));
        assert_eq!(canonical(&deep), Err(NotCanonical::Depth));
    }
}
