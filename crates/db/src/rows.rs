//! Many rows as one parameter.
//!
//! A statement in a loop pays the way to the database once a row. Instead, rows travel as one JSON array, and the
//! statement takes them apart: `json_each($1)` on SQLite, `jsonb_array_elements($1::jsonb)` on PostgreSQL. Hashes
//! are hexadecimal text inside it (`unhex(…)`, `decode(…, 'hex')`).

use serde::Serialize;

/// `items` as the JSON text to bind. Items are tuples of texts and numbers, read by position.
pub fn rows<T: Serialize>(items: impl IntoIterator<Item = T>) -> String {
    let mut text = Vec::from(*b"[");
    for (position, item) in items.into_iter().enumerate() {
        if position > 0 {
            text.push(b',');
        }
        // Tuples of texts and numbers always serialize; a row that did not would be missed, not half-written.
        if serde_json::to_writer(&mut text, &item).is_err() {
            text.extend_from_slice(b"null");
        }
    }
    text.push(b']');
    String::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_an_array_of_arrays() {
        assert_eq!(rows([("a", 1), ("b\"", 2)]), r#"[["a",1],["b\"",2]]"#);
        assert_eq!(rows::<(String,)>([]), "[]");
    }
}
