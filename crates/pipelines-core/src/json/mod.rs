//! JSON values as the Work plane handles them: canonical bytes, pointers, equality by value, strict reading.
//!
//! | file           | what is there                                                       |
//! |----------------|---------------------------------------------------------------------|
//! | `canonical.rs` | [`canonical`]: the bytes of RFC 8785; [`sha256`] over them          |
//! | `pointer.rs`   | [`Pointer`] (RFC 6901), [`Place`]: where a fault is                 |
//! | `text.rs`      | [`read`]: JSON and YAML, with their bounds                          |
//! | `reader.rs`    | JSON, numbers exactly                                               |
//! | `yaml.rs`      | YAML 1.2, core schema, without what makes it dangerous              |
//! | `lines.rs`     | [`Lines`]: on which line of a text a value stands                   |

mod canonical;
mod lines;
mod pointer;
mod reader;
mod text;
mod yaml;

use std::cmp::Ordering;

use serde_json::{Number, Value};

pub use canonical::{canonical, sha256};
pub use lines::Lines;
pub use pointer::{BadPointer, Place, Pointer};
pub use text::{Form, MAX_BYTES, read, reread};

/// Whether two values are equal, numbers by value: `2` is `2.0` (`spec/work.md` 2, Expressions).
pub fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => compare(one, other) == Some(Ordering::Equal),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| same(a, b))
        }
        (Value::Object(one), Value::Object(other)) => {
            let is_there = |(name, value): (&String, &Value)| {
                other.get(name).is_some_and(|theirs| same(value, theirs))
            };
            one.len() == other.len() && one.iter().all(is_there)
        }
        _ => one == other,
    }
}

/// Which of two numbers is larger; nothing for what is no number at all.
pub fn compare(one: &Number, other: &Number) -> Option<Ordering> {
    match (whole(one), whole(other)) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        _ => one.as_f64()?.partial_cmp(&other.as_f64()?),
    }
}

/// The number, if it was written as a whole one.
fn whole(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

/// The word for the type of a value: one of six.
pub const fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_equal_by_value_at_any_depth() {
        assert!(same(&json!({"a": [1, 2.0]}), &json!({"a": [1.0, 2]})));
        assert!(!same(&json!({"a": 1}), &json!({"a": 1, "b": 2})));
        assert!(!same(&json!(1), &json!("1")));
        assert!(!same(&json!(u64::MAX), &json!(u64::MAX - 1)));
    }
}
