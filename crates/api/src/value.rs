//! [`Value`]: one decoded message of the wire, from MessagePack or JSON (`spec/wire.md` 3).
//!
//! Maps keep the order of their keys, because answers have an order that is worth keeping (`branch_heads`), and
//! never hold a key twice.

use std::io::{Read, Write};

use serde::de::DeserializeSeed as _;

use crate::{DecodeError, Limits, msgpack};

mod json;
#[cfg(test)]
mod tests;

use json::Json;
pub(crate) use json::{Seed, State, drive};

/// One decoded value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing; `null` in JSON.
    Nil,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number above `i64::MAX`, and no other: one form for each number.
    UInt(u64),
    /// Any other number.
    Float(f64),
    /// UTF-8 text.
    Text(String),
    /// Raw bytes; JSON has none, so they are written there as standard base64.
    Bytes(Vec<u8>),
    /// A list.
    Array(Vec<Value>),
    /// Pairs in the order in which they came, each key once.
    Map(Vec<(String, Value)>),
}

impl Value {
    /// A map of `entries`, in their order. The caller sees to it that no key repeats.
    pub fn map<K: Into<String>>(entries: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// A list of `items`.
    pub fn list<T: Into<Self>>(items: impl IntoIterator<Item = T>) -> Self {
        Self::Array(items.into_iter().map(Into::into).collect())
    }

    /// Decodes one JSON text that fills the whole of `read`.
    pub fn from_json_reader(read: impl Read, limits: &Limits) -> Result<Self, DecodeError> {
        drive(read, limits, |state, parser| Seed { state, depth: 0 }.deserialize(parser))
    }

    /// Decodes one JSON text that fills the whole of `bytes`.
    pub fn from_json_slice(bytes: &[u8], limits: &Limits) -> Result<Self, DecodeError> {
        Self::from_json_reader(bytes, limits)
    }

    /// Decodes one MessagePack item that fills the whole of `read`.
    pub fn from_msgpack_reader(read: impl Read, limits: &Limits) -> Result<Self, DecodeError> {
        let mut reader = msgpack::Reader::with_limits(read, limits.clone());
        let value = reader.value(0)?;
        reader.end()?;
        Ok(value)
    }

    /// Writes JSON without blanks. Bytes become standard base64, a number that JSON cannot hold becomes `null`.
    pub fn write_json(&self, out: &mut impl Write) -> std::io::Result<()> {
        serde_json::to_writer(out, &Json(self)).map_err(Into::into)
    }

    /// What this is, in a word for error sentences.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Nil => "null",
            Self::Bool(_) => "a truth value",
            Self::Int(_) | Self::UInt(_) | Self::Float(_) => "a number",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::Array(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        i64::try_from(value).map_or(Self::UInt(value), Self::Int)
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nil, Into::into)
    }
}

/// What one item of a list weighs in memory, without what it owns.
pub(crate) const ITEM_BYTES: u64 = size_of::<Value>() as u64;
/// What one entry of a map weighs in memory, without what it owns.
pub(crate) const ENTRY_BYTES: u64 = size_of::<(String, Value)>() as u64;

/// A key that occurs more than once. Sorts references: a manifest has a million keys, and a set of copies would
/// double its memory.
pub(crate) fn doubled_key(entries: &[(String, Value)]) -> Option<&str> {
    let mut keys: Vec<&str> = entries.iter().map(|(key, _)| key.as_str()).collect();
    keys.sort_unstable();
    keys.windows(2).find_map(|pair| match pair {
        [one, other] if one == other => Some(*one),
        _ => None,
    })
}
