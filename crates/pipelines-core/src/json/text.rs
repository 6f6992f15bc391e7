//! A definition's text: JSON or YAML, read strictly and within bounds (`spec/work.md` 2, Form).

use std::{cell::Cell, fmt};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::yaml;
use crate::fault::{Code, Fault};

/// Counted before anything is parsed.
pub(super) const MAX_BYTES: usize = 1 << 20;
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
        Form::Json => json(text),
        Form::Yaml => yaml::read(text),
    }
}

/// The fault of a document that is too deep.
pub(super) fn too_deep() -> Fault {
    Fault::whole(Code::TooDeep, format!("lists and objects lie at most {MAX_DEPTH} deep"))
}

/// The fault of a document with too many values.
pub(super) fn too_many() -> Fault {
    Fault::whole(Code::TooLarge, format!("a definition has at most {MAX_NODES} values"))
}

fn json(text: &str) -> Result<Value, Fault> {
    let found = Cell::new(None);
    let count = Cell::new(0);
    let mut reader = serde_json::Deserializer::from_str(text);
    let node = Node { depth: 0, count: &count, found: &found };
    let read = node.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    read.map_err(|error| match found.take() {
        Some(Code::TooDeep) => too_deep(),
        Some(Code::TooLarge) => too_many(),
        Some(code) => Fault::whole(code, error.to_string()),
        None => Fault::whole(Code::YamlSyntax, error.to_string()),
    })
}

/// Reads one value, counting, and refusing a name that stands twice in one object.
#[derive(Clone, Copy)]
struct Node<'c> {
    depth: usize,
    count: &'c Cell<usize>,
    found: &'c Cell<Option<Code>>,
}

impl Node<'_> {
    fn inside(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }

    fn refuse<E: serde::de::Error>(self, code: Code, why: impl fmt::Display) -> E {
        self.found.set(Some(code));
        E::custom(why)
    }

    fn enter<E: serde::de::Error>(self) -> Result<(), E> {
        if self.depth >= MAX_DEPTH { Err(self.refuse(Code::TooDeep, "too deep")) } else { Ok(()) }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.count.set(self.count.get() + 1);
        if self.count.get() > MAX_NODES {
            return Err(self.refuse(Code::TooLarge, "too many values"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, it: bool) -> Result<Value, E> {
        Ok(Value::Bool(it))
    }

    fn visit_i64<E>(self, it: i64) -> Result<Value, E> {
        Ok(it.into())
    }

    fn visit_u64<E>(self, it: u64) -> Result<Value, E> {
        Ok(it.into())
    }

    fn visit_f64<E: serde::de::Error>(self, it: f64) -> Result<Value, E> {
        Number::from_f64(it).map(Value::Number).ok_or_else(|| E::custom("a number is finite"))
    }

    fn visit_str<E>(self, it: &str) -> Result<Value, E> {
        Ok(it.into())
    }

    fn visit_string<E>(self, it: String) -> Result<Value, E> {
        Ok(it.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        self.enter()?;
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(self.inside())? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        self.enter()?;
        let mut fields = Map::new();
        while let Some(name) = object.next_key::<String>()? {
            if fields.contains_key(&name) {
                let why = format!("the name {name:?} stands twice in one object");
                return Err(self.refuse(Code::DuplicateKey, why));
            }
            let value = object.next_value_seed(self.inside())?;
            fields.insert(name, value);
        }
        Ok(Value::Object(fields))
    }
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
        assert_eq!(code("{'a': 1}", Form::Json), Code::YamlSyntax);
        assert_eq!(read(&[0xff], Form::Json).unwrap_err().code, Code::YamlSyntax);
    }
}
