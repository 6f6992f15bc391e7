//! JSON (RFC 8259), read strictly: names that stand twice are refused, depth and values are counted, and numbers are the
//! doubles that their digits name exactly, as YAML's are. A number read in two ways would give a definition two hashes.

use serde_json::{Map, Number, Value};

use super::text::{MAX_DEPTH, MAX_NODES, too_deep, too_many};
use crate::fault::{Code, Fault};

/// Reads one value and nothing behind it.
pub(super) fn read(text: &str) -> Result<Value, Fault> {
    let mut reader = Reader { text, at: 0, count: 0 };
    let value = reader.value(0)?;
    reader.blanks();
    if reader.at < text.len() { Err(reader.bad("it goes on after its end")) } else { Ok(value) }
}

/// The text with which `rest` begins, from its quote to the other.
pub(super) fn closed_string(rest: &str) -> Option<&str> {
    let mut is_escaped = false;
    let end = rest.bytes().skip(1).position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    rest.get(..end? + 2)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    count: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn bad(&self, why: &str) -> Fault {
        let before = self.text.get(..self.at).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        Fault::whole(Code::YamlSyntax, format!("line {line}: {why}"))
    }

    fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    /// Takes a sign, if it comes next.
    fn takes(&mut self, sign: &str) -> bool {
        self.blanks();
        let is_next = self.rest().starts_with(sign);
        self.at += if is_next { sign.len() } else { 0 };
        is_next
    }

    fn value(&mut self, depth: usize) -> Result<Value, Fault> {
        self.count += 1;
        if self.count > MAX_NODES {
            return Err(too_many());
        }
        if self.takes("{") {
            return self.object(depth);
        }
        if self.takes("[") {
            return self.list(depth);
        }
        for (word, value) in [("null", Value::Null), ("true", true.into()), ("false", false.into())]
        {
            if self.takes(word) {
                return Ok(value);
            }
        }
        match self.rest().chars().next() {
            Some('"') => self.string().map(Value::String),
            Some('-' | '0'..='9') => self.number(),
            _ => Err(self.bad("a value is missing")),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, Fault> {
        if depth >= MAX_DEPTH {
            return Err(too_deep());
        }
        let mut fields = Map::new();
        if self.takes("}") {
            return Ok(Value::Object(fields));
        }
        loop {
            self.blanks();
            let name = self.string()?;
            if fields.contains_key(&name) {
                let why = format!("the name {name:?} stands twice in one object");
                return Err(Fault { code: Code::DuplicateKey, ..self.bad(&why) });
            }
            if !self.takes(":") {
                return Err(self.bad("a : is missing"));
            }
            let value = self.value(depth + 1)?;
            fields.insert(name, value);
            if self.takes("}") {
                return Ok(Value::Object(fields));
            }
            if !self.takes(",") {
                return Err(self.bad("a , or } is missing"));
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, Fault> {
        if depth >= MAX_DEPTH {
            return Err(too_deep());
        }
        let mut items = Vec::new();
        if self.takes("]") {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.takes("]") {
                return Ok(Value::Array(items));
            }
            if !self.takes(",") {
                return Err(self.bad("a , or ] is missing"));
            }
        }
    }

    fn string(&mut self) -> Result<String, Fault> {
        let rest = self.rest();
        if !rest.starts_with('"') {
            return Err(self.bad("a text is missing"));
        }
        let whole = closed_string(rest).ok_or_else(|| self.bad("a text is not closed"))?;
        let read = serde_json::from_str(whole).map_err(|error| self.bad(&error.to_string()))?;
        self.at += whole.len();
        Ok(read)
    }

    fn number(&mut self) -> Result<Value, Fault> {
        let rest = self.rest();
        let is_part = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
        let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let digits = rest.get(..length).unwrap_or_default();
        let number: Number =
            serde_json::from_str(digits).map_err(|error| self.bad(&error.to_string()))?;
        self.at += length;
        if !number.is_f64() {
            return Ok(Value::Number(number));
        }
        let exact = digits.parse().ok().and_then(Number::from_f64);
        exact.map(Value::Number).ok_or_else(|| self.bad("that is no number of JSON"))
    }
}
