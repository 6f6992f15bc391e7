//! Which fields may not be left out: a type reads an object without any, says which one it misses first, gets it, says which
//! one it misses next.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{Field, Shape, Step};

/// Texts of which one is good for every field so far.
const TEXTS: [&str; 6] = [
    "main",
    "00000000-0000-7000-8000-000000000000",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "2026-11-30T08:00:00.000Z",
    "https://motet.example/",
    "read",
];

/// What a type says of an object.
enum Said {
    /// Nothing is missing in it.
    Whole,
    /// This is.
    Missing(String),
    /// One of its values does not hold.
    Wrong,
}

/// The numbers of the `fields` at the end of `path` within `T` that may not be left out. Where none of the texts is good for
/// one, it is told, and those behind it are not.
pub(super) fn required<T: DeserializeOwned>(path: &[Step], fields: &[Field]) -> Vec<usize> {
    let mut given: Vec<(usize, usize)> = Vec::new();
    // Each turn gives one more field, or the last one another text.
    for _ in 0..=fields.len() * TEXTS.len() {
        let values = given.iter().filter_map(|(at, text)| {
            let field = fields.get(*at)?;
            Some((field.name.to_owned(), value_of(&field.shape, TEXTS.get(*text)?)))
        });
        match ask::<T>(path, values.collect()) {
            Said::Whole => break,
            Said::Missing(name) => match fields.iter().position(|it| it.name == name) {
                Some(at) if given.iter().all(|(known, _)| *known != at) => given.push((at, 0)),
                Some(_) | None => break,
            },
            Said::Wrong => match given.last_mut() {
                Some((_, text)) if *text + 1 < TEXTS.len() => *text += 1,
                Some(_) | None => break,
            },
        }
    }
    given.into_iter().map(|(at, _)| at).collect()
}

/// Something of that shape.
fn value_of(shape: &Shape, text: &str) -> Value {
    match shape {
        Shape::Bool => json!(true),
        Shape::Integer | Shape::Count => json!(1),
        Shape::Number => json!(1.5),
        Shape::Text | Shape::Any => json!(text),
        Shape::Word(words) => json!(words.first()),
        Shape::List(_) => json!([]),
        Shape::Map(_) => json!({}),
        Shape::Fields(fields) => {
            let required = fields.iter().filter(|it| it.is_required);
            required.map(|it| (it.name.to_owned(), value_of(&it.shape, text))).collect()
        }
    }
}

/// What `T` says of `object` at the end of `path`.
fn ask<T: DeserializeOwned>(path: &[Step], object: Map<String, Value>) -> Said {
    let whole = path.iter().rev().fold(Value::Object(object), |inner, step| match step {
        Step::Field(name) => json!({ *name: inner }),
        Step::Value => json!({ "hub": inner }),
        Step::Item => json!([inner]),
    });
    let Err(error) = serde_path_to_error::deserialize::<_, T>(whole) else { return Said::Whole };
    let text = error.inner().to_string();
    let missing = text.strip_prefix("missing field `").and_then(|it| it.split('`').next());
    let depth = error.path().iter().count();
    match missing {
        // What holds it misses something of its own: that comes after all of it was read.
        Some(_) if depth < path.len() => Said::Whole,
        Some(name) if depth == path.len() => Said::Missing(name.to_owned()),
        Some(_) | None => Said::Wrong,
    }
}
