//! Records as a working copy keeps them: indent 2, everything beyond ASCII escaped, a final newline
//! (`spec/wire.md` 2), as the Muse client writes them.

use api::Value;
use std::fmt::Write as _;

/// The text of a record, ready to be written.
pub(super) fn pretty(value: &Value) -> Vec<u8> {
    let mut out = String::new();
    put(&mut out, value, 0);
    out.push('\n');
    out.into_bytes()
}

/// Values come from our own records or from a decoder that bounds their depth, so this recursion is bounded.
fn put(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            put_block(out, ('[', ']'), items, depth, |out, item| put(out, item, depth + 1));
        }
        Value::Map(entries) if !entries.is_empty() => {
            put_block(out, ('{', '}'), entries, depth, |out, (key, item)| {
                put_text(out, key);
                out.push_str(": ");
                put(out, item, depth + 1);
            });
        }
        Value::Text(text) => put_text(out, text),
        Value::Nil
        | Value::Bool(_)
        | Value::Int(_)
        | Value::UInt(_)
        | Value::Float(_)
        | Value::Bytes(_)
        | Value::Array(_)
        | Value::Map(_) => {
            let mut plain = Vec::new();
            // Writing into memory does not fail; and what JSON writes is UTF-8.
            value.write_json(&mut plain).unwrap_or_default();
            out.push_str(&String::from_utf8_lossy(&plain));
        }
    }
}

fn put_block<T>(
    out: &mut String,
    (open, close): (char, char),
    items: &[T],
    depth: usize,
    mut put_item: impl FnMut(&mut String, &T),
) {
    out.push(open);
    for (at, item) in items.iter().enumerate() {
        out.push_str(if at == 0 { "\n" } else { ",\n" });
        indent(out, depth + 1);
        put_item(out, item);
    }
    out.push('\n');
    indent(out, depth);
    out.push(close);
}

fn indent(out: &mut String, depth: usize) {
    out.extend(std::iter::repeat_n("  ", depth));
}

/// Text in quotes.
pub(super) fn put_text(out: &mut String, text: &str) {
    out.push('"');
    let is_plain = |byte| matches!(byte, b' '..=b'\x7f') && !matches!(byte, b'"' | b'\\');
    if text.bytes().all(is_plain) {
        out.push_str(text);
        out.push('"');
        return;
    }
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='\u{7f}' => out.push(c),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    // Writing into a text does not fail.
                    write!(out, "\\u{unit:04x}").unwrap_or_default();
                }
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use api::Limits;

    use super::*;

    #[test]
    fn the_form_is_that_of_the_muse_client() {
        let value = Value::map([
            ("text", Value::from("größe 😀 \"\\\n\t\u{1}\u{7f}/")),
            ("none", Value::Nil),
            ("empty", Value::map::<&str>([])),
            ("list", Value::list([1i64, -2])),
            ("nothing", Value::Array(vec![])),
            ("map", Value::map([("yes", true)].map(|(key, yes)| (key, Value::from(yes))))),
        ]);
        let text = r#"{
  "text": "gr\u00f6\u00dfe \ud83d\ude00 \"\\\n\t\u0001 /",
  "none": null,
  "empty": {},
  "list": [
    1,
    -2
  ],
  "nothing": [],
  "map": {
    "yes": true
  }
}
"#;
        let text = text.replace("1 /", "1\u{7f}/");
        assert_eq!(String::from_utf8(pretty(&value)).unwrap(), text);
        let limits = Limits::of_body(1 << 20);
        assert_eq!(Value::from_json_slice(text.as_bytes(), &limits).unwrap(), value);
    }
}
