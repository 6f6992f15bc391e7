//! Strict JSON, on top of `serde_json`: it reads the syntax and checks UTF-8, this file adds what it does not
//! refuse by itself: repeated keys, nesting beyond our limit, and weight.

use std::{
    cell::{Cell, RefCell},
    fmt,
    io::{self, BufReader, Read},
};

use base64::{display::Base64Display, engine::general_purpose::STANDARD};
use serde::{
    Serialize, Serializer,
    de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor},
    ser::{SerializeMap as _, SerializeSeq as _},
};
use serde_json::de::IoRead;

use super::{ENTRY_BYTES, ITEM_BYTES, Value, doubled_key};
use crate::{
    DecodeError, Limits,
    decode::{MAX_DEPTH, doubled, too_deep},
};

/// What the seeds and the input of one text share.
pub(crate) struct State {
    limits: Limits,
    taken_bytes: Cell<u64>,
    weight_bytes: Cell<u64>,
    /// The longest text so far: the parser collects a text whole before it hands it over, and keeps that memory.
    longest_bytes: Cell<u64>,
    /// A refusal that is not about syntax: `serde_json` can carry a sentence only.
    too_large: RefCell<Option<DecodeError>>,
}

impl State {
    /// Counts `bytes` of memory.
    pub(crate) fn charge<E: Error>(&self, bytes: u64) -> Result<(), E> {
        let weight_bytes = self.weight_bytes.get().saturating_add(bytes);
        self.weight_bytes.set(weight_bytes);
        self.check().map_err(|()| E::custom("stopped at a limit"))
    }

    /// Looks at everything that is counted.
    fn check(&self) -> Result<(), ()> {
        let weight_bytes = self.weight_bytes.get().saturating_add(self.longest_bytes.get());
        self.limits.check_memory(weight_bytes).map_err(|error| {
            self.too_large.replace(Some(error));
        })
    }

    /// What is counted now.
    pub(crate) fn weight_bytes(&self) -> u64 {
        self.weight_bytes.get()
    }

    /// Takes back what was counted since the count was `weight_bytes`, because it has been dropped.
    pub(crate) fn release_to(&self, weight_bytes: u64) {
        self.weight_bytes.set(weight_bytes);
    }
}

/// In which steps the length of a text is counted that is being collected.
const TEXT_STEP_BYTES: u64 = 64 * 1024;

/// Counts the bytes that the parser has taken and what it collects, and fails at the limit.
pub(crate) struct Counted<'s, R> {
    read: BufReader<R>,
    state: &'s State,
    text: Text,
}

/// How much of a text has come.
#[derive(Default)]
struct Text {
    is_open: bool,
    is_escaped: bool,
    bytes: u64,
}

impl Text {
    /// Looks at the next byte.
    const fn see(&mut self, byte: u8) {
        if !self.is_open {
            (self.is_open, self.bytes) = (byte == b'"', 0);
            return;
        }
        self.bytes += 1;
        if self.is_escaped {
            self.is_escaped = false;
        } else {
            self.is_escaped = byte == b'\\';
            self.is_open = byte != b'"';
        }
    }
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.read.read(buffer)?;
        let taken_bytes = self.state.taken_bytes.get().saturating_add(count as u64);
        self.state.taken_bytes.set(taken_bytes);
        self.state.limits.check_body(taken_bytes).map_err(|error| {
            self.state.too_large.replace(Some(error));
            io::Error::other("stopped at a limit")
        })?;
        for byte in buffer.iter().take(count) {
            self.text.see(*byte);
            if self.text.bytes > self.state.longest_bytes.get() + TEXT_STEP_BYTES {
                self.state.longest_bytes.set(self.text.bytes);
                self.state.check().map_err(|()| io::Error::other("stopped at a limit"))?;
            }
        }
        Ok(count)
    }
}

/// The parser that [`drive`] hands over.
pub(crate) type Parser<'s, R> = serde_json::Deserializer<IoRead<Counted<'s, R>>>;

/// Runs `parse` over one JSON text that fills the whole of `read`.
pub(crate) fn drive<R: Read, T>(
    read: R,
    limits: &Limits,
    parse: impl for<'s> FnOnce(&'s State, &mut Parser<'s, R>) -> serde_json::Result<T>,
) -> Result<T, DecodeError> {
    let state = State {
        limits: limits.clone(),
        taken_bytes: Cell::new(0),
        weight_bytes: Cell::new(0),
        longest_bytes: Cell::new(0),
        too_large: RefCell::new(None),
    };
    let parsed = {
        let input = Counted { read: BufReader::new(read), state: &state, text: Text::default() };
        let mut parser = serde_json::Deserializer::from_reader(input);
        parse(&state, &mut parser).and_then(|value| parser.end().map(|()| value))
    };
    parsed.map_err(|error| match state.too_large.take() {
        Some(too_large) => too_large,
        None if error.is_io() => DecodeError::Io(error.into()),
        None => {
            let what = format!("the body is not JSON as it should be: {error}");
            DecodeError::Malformed { offset: state.taken_bytes.get(), what }
        }
    })
}

/// Decodes one value that stands inside `depth` lists and maps.
#[derive(Clone, Copy)]
pub(crate) struct Seed<'s> {
    /// What is shared.
    pub(crate) state: &'s State,
    /// How many lists and maps are open around the value.
    pub(crate) depth: usize,
}

impl Seed<'_> {
    /// The seed for what stands inside this value.
    fn inside<E: Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom(too_deep()));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Nil)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.state.charge(value.len() as u64)?;
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(inside)? {
            self.state.charge(ITEM_BYTES)?;
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut entries: Vec<(String, Value)> = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            self.state.charge(ENTRY_BYTES.saturating_add(key.len() as u64))?;
            entries.push((key, map.next_value_seed(inside)?));
        }
        match doubled_key(&entries) {
            Some(key) => Err(A::Error::custom(doubled(key))),
            None => Ok(Value::Map(entries)),
        }
    }
}

/// A value, written as JSON.
pub(super) struct Json<'a>(pub(super) &'a Value);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Nil => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) => serializer.serialize_i64(*value),
            Value::UInt(value) => serializer.serialize_u64(*value),
            Value::Float(value) => serializer.serialize_f64(*value),
            Value::Text(value) => serializer.serialize_str(value),
            Value::Bytes(value) => serializer.collect_str(&Base64Display::new(value, &STANDARD)),
            Value::Array(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(&Json(item)))?;
                list.end()
            }
            Value::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                entries
                    .iter()
                    .try_for_each(|(key, value)| map.serialize_entry(key, &Json(value)))?;
                map.end()
            }
        }
    }
}
