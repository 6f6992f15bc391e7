//! A definition's text: JSON or YAML, read strictly and within bounds (`spec/work.md` 2, Form).

use serde_json::Value;

use super::{reader, yaml};
use crate::fault::{Code, Fault};

/// The most bytes of a definition, counted before anything is parsed.
pub const MAX_BYTES: usize = 1 << 20;
/// Lists and objects inside each other; the whole document is the first.
pub(super) const MAX_DEPTH: usize = 64;
/// Values of every kind.
pub(super) const MAX_NODES: usize = 100_000;

/// How a definition is written. Which of the two it was leaves no trace in its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// RFC 8259.
    Json,
    /// YAML 1.2, core schema.
    Yaml,
}

/// Reads a document. A fault of the text ends the check: it is the only one.
pub fn read(text: &[u8], form: Form) -> Result<Value, Fault> {
    if text.len() > MAX_BYTES {
        return Err(Fault::whole(Code::TooLarge, "a definition has at most 1 MiB"));
    }
    let text = std::str::from_utf8(text)
        .map_err(|error| Fault::whole(Code::YamlSyntax, format!("it is not UTF-8: {error}")))?;
    match form {
        Form::Json => reader::read(text),
        Form::Yaml => yaml::read(text),
    }
}

/// Reads the canonical text of a document that was within its bounds when it came; resolved skills may have made it
/// longer.
pub fn reread(text: &str) -> Result<Value, Fault> {
    reader::read(text)
}

/// The fault of a document that is too deep.
pub(super) fn too_deep() -> Fault {
    Fault::whole(Code::TooDeep, format!("lists and objects lie at most {MAX_DEPTH} deep"))
}

/// The fault of a document with too many values.
pub(super) fn too_many() -> Fault {
    Fault::whole(Code::TooLarge, format!("a definition has at most {MAX_NODES} values"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn code(text: &str, form: Form) -> Code {
        read(text.as_bytes(), form).unwrap_err().code
    }

    #[test]
    fn both_forms_give_one_value() {
        let yaml = "a: 1\nb: [x, 'y', \"z\"]\nc:\n  d: |\n    two\n    lines\n  e: ~\n  f: 1.5\n  g: true\n";
        let wanted = json!({"a": 1, "b": ["x", "y", "z"],
            "c": {"d": "two\nlines\n", "e": null, "f": 1.5, "g": true}});
        assert_eq!(read(yaml.as_bytes(), Form::Yaml).unwrap(), wanted);
        let json = serde_json::to_string(&wanted).unwrap();
        assert_eq!(read(json.as_bytes(), Form::Json).unwrap(), wanted);
        assert_eq!(read(json.as_bytes(), Form::Yaml).unwrap(), wanted);
    }

    #[test]
    fn depth_is_counted_before_it_hurts() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        for form in [Form::Json, Form::Yaml] {
            assert!(read(deep(64).as_bytes(), form).is_ok(), "{form:?}");
            assert_eq!(code(&deep(65), form), Code::TooDeep, "{form:?}");
            assert_eq!(code(&deep(50_000), form), Code::TooDeep, "{form:?}");
        }
    }

    #[test]
    fn bytes_and_values_are_counted() {
        let long = format!("\"{}\"", "a".repeat(MAX_BYTES));
        let many = format!("[{}0]", "0,".repeat(MAX_NODES));
        for form in [Form::Json, Form::Yaml] {
            assert_eq!(code(&long, form), Code::TooLarge, "{form:?}");
            assert_eq!(code(&many, form), Code::TooLarge, "{form:?}");
        }
    }

    #[test]
    fn what_is_no_json_is_told() {
        assert_eq!(code("{\"a\": 1, \"a\": 2}", Form::Json), Code::DuplicateKey);
        assert_eq!(code("{\"a\": 1} x", Form::Json), Code::YamlSyntax);
        for bad in ["{'a': 1}", "[1,]", "{\"a\" 1}", "[01]", "[1.]", "\"a", "nul", "", "[\"\t\"]"] {
            assert_eq!(code(bad, Form::Json), Code::YamlSyntax, "{bad}");
        }
        assert_eq!(read(&[0xff], Form::Json).unwrap_err().code, Code::YamlSyntax);
    }

    #[test]
    fn both_forms_read_a_number_alike() {
        for text in ["333333333.33333329", "0.1", "1e23", "9007199254740993", "-0.0", "5e-324"] {
            let [json, yaml] = [Form::Json, Form::Yaml].map(|form| read(text.as_bytes(), form));
            assert_eq!(
                crate::json::canonical(&json.unwrap()),
                crate::json::canonical(&yaml.unwrap())
            );
        }
        assert_eq!(code("1e999", Form::Json), Code::YamlSyntax);
        assert_eq!(code("1e999", Form::Yaml), Code::YamlSyntax);
    }
}
