//! Canonical JSON (RFC 8785): what definitions and results are hashed over.
//!
//! Numbers are doubles there, written as ECMAScript writes them; a whole number beyond 53 bits is rounded like every
//! reader of the canonical form would.

use std::fmt::Write as _;

use names::Digest;
use serde_json::{Map, Number, Value};

/// The largest whole number that a double holds exactly with all below it.
const MAX_WHOLE: u64 = 1 << 53;

/// The canonical text of a value.
pub fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write_value(&mut text, value);
    text
}

/// SHA-256 over the canonical text.
pub fn sha256(value: &Value) -> Digest {
    Digest::of(canonical(value).as_bytes())
}

fn write_value(text: &mut String, value: &Value) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Number(number) => write_number(text, number),
        Value::String(it) => write_text(text, it),
        Value::Array(items) => {
            text.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                write_value(text, item);
            }
            text.push(']');
        }
        Value::Object(fields) => write_object(text, fields),
    }
}

fn write_object(text: &mut String, fields: &Map<String, Value>) {
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
        write_value(text, value);
    }
    text.push('}');
}

fn write_number(text: &mut String, number: &Number) {
    let small = number.as_i64().filter(|it| it.unsigned_abs() <= MAX_WHOLE);
    if let Some(whole) = small {
        // Writing into a text does not fail.
        write!(text, "{whole}").unwrap_or_default();
    } else {
        write_double(text, number.as_f64().unwrap_or_default());
    }
}

/// ECMA-262 `Number::toString`: the shortest digits that read back as the same double, exponents from 21 digits on and
/// below a millionth.
fn write_double(text: &mut String, double: f64) {
    if double == 0.0 {
        text.push('0');
        return;
    }
    if double < 0.0 {
        text.push('-');
    }
    let scientific = format!("{:e}", double.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    let point = exponent.parse::<i32>().unwrap_or_default() + 1;
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let zeros = |many: i32| "0".repeat(usize::try_from(many).unwrap_or_default());
    if (count..=21).contains(&point) {
        text.push_str(&digits);
        text.push_str(&zeros(point - count));
    } else if (1..=21).contains(&point) {
        let (whole, rest) = digits.split_at(usize::try_from(point).unwrap_or_default());
        write!(text, "{whole}.{rest}").unwrap_or_default();
    } else if (-5..=0).contains(&point) {
        write!(text, "0.{}{digits}", zeros(-point)).unwrap_or_default();
    } else {
        let (first, rest) = digits.split_at(1);
        let dot = if rest.is_empty() { "" } else { "." };
        let sign = if point > 0 { "+" } else { "-" };
        write!(text, "{first}{dot}{rest}e{sign}{}", (point - 1).abs()).unwrap_or_default();
    }
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
    use super::*;

    /// The example of RFC 8785 §3.2.2.
    #[test]
    fn the_example_of_the_rfc_is_written_as_there() {
        let value = crate::json::read(
            br#"{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
                "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}"#,
            crate::json::Form::Json,
        )
        .unwrap();
        assert_eq!(
            canonical(&value),
            "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\
             \"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}"
        );
    }

    /// Some of the table of RFC 8785, appendix B.
    #[test]
    fn doubles_are_written_as_in_the_table_of_the_rfc() {
        let table: [(u64, &str); 10] = [
            (0x8000_0000_0000_0000, "0"),
            (0x0000_0000_0000_0001, "5e-324"),
            (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0x4340_0000_0000_0000, "9007199254740992"),
            (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
            (0x44b5_2d02_c7e1_4af6, "1e+23"),
            (0x444b_1ae4_d6e2_ef50, "1e+21"),
            (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
            (0x41b3_de43_5555_5556, "333333333.3333334"),
        ];
        for (bits, wanted) in table {
            let value = Value::from(f64::from_bits(bits));
            assert_eq!(canonical(&value), wanted);
        }
    }

    #[test]
    fn how_a_number_was_written_does_not_show() {
        let read = |text: &str| canonical(&serde_json::from_str(text).unwrap());
        assert_eq!(read("[1.0, 1e2, -0, -1.50, 1e-7]"), "[1,100,0,-1.5,1e-7]");
        assert_eq!(read("{\"b\": 1, \"a\": {}}"), read("{ \"a\":{ },\n\"b\":1.0}"));
    }
}
