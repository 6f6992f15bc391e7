//! [`Fields`]: a map of a message, taken apart key by key with refusals that name key and message.
//!
//! An absent key and a key with null are the same: a reader takes the default (`spec/wire.md` 1.4). Keys that
//! nobody takes are ignored, as the wire wants it.

use std::str::FromStr;

use names::{BadDigest, CommitId};

use super::{WireCode, WireError, quotable};
use crate::Value;

/// The characters of an id of this wire.
const ID_CHARS: usize = 64;

/// The entries of a map that have not been taken yet.
#[derive(Debug)]
pub struct Fields {
    entries: Vec<(String, Value)>,
    /// What the map is, with its article, for sentences.
    of: &'static str,
}

impl Fields {
    /// Opens a map; `of` says what it is, as `a commit`.
    pub fn of(value: Value, of: &'static str) -> Result<Self, WireError> {
        match value {
            Value::Map(entries) => Ok(Self { entries, of }),
            other => Err(WireError::malformed(format!("{of} is a map, not {}", other.kind()))),
        }
    }

    /// Takes what stands under `key`; nothing if it is absent or null.
    pub fn take(&mut self, key: &str) -> Option<Value> {
        let place = self.entries.iter().position(|(name, _)| name == key)?;
        let (_, value) = self.entries.swap_remove(place);
        (value != Value::Nil).then_some(value)
    }

    /// Takes what must stand under `key`.
    pub fn required(&mut self, key: &str) -> Result<Value, WireError> {
        let of = self.of;
        self.take(key).ok_or_else(|| WireError::malformed(format!("{of} needs `{key}`")))
    }

    /// Takes required text of any length.
    pub fn text(&mut self, key: &str) -> Result<String, WireError> {
        let value = self.required(key)?;
        self.as_text(key, value)
    }

    /// Takes text, `default` if absent, of at most `max_bytes`.
    pub fn text_or(
        &mut self,
        key: &str,
        default: &str,
        max_bytes: usize,
    ) -> Result<String, WireError> {
        let Some(value) = self.take(key) else { return Ok(default.to_owned()) };
        let text = self.as_text(key, value)?;
        at_most(text.len(), max_bytes, || format!("bytes of `{key}` in {}", self.of))?;
        Ok(text)
    }

    /// Takes a truth value, `default` if absent.
    pub fn bool_or(&mut self, key: &str, default: bool) -> Result<bool, WireError> {
        match self.take(key) {
            None => Ok(default),
            Some(Value::Bool(value)) => Ok(value),
            Some(other) => Err(self.wrong(key, "a truth value", &other)),
        }
    }

    /// Takes a whole number, `default` if absent.
    pub fn int_or(&mut self, key: &str, default: i64) -> Result<i64, WireError> {
        match self.take(key) {
            None => Ok(default),
            Some(Value::Int(value)) => Ok(value),
            Some(Value::UInt(_)) => {
                let sentence = format!("`{key}` of {} is too large a number", self.of);
                Err(WireError::malformed(sentence))
            }
            Some(other) => Err(self.wrong(key, "a whole number", &other)),
        }
    }

    /// Takes a list of at most `max` items, an empty one if absent.
    pub fn list(&mut self, key: &str, max: usize) -> Result<Vec<Value>, WireError> {
        match self.take(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => {
                at_most(items.len(), max, || format!("items in `{key}` of {}", self.of))?;
                Ok(items)
            }
            Some(other) => Err(self.wrong(key, "a list", &other)),
        }
    }

    /// Takes a list that must be there.
    pub fn required_list(&mut self, key: &str, max: usize) -> Result<Vec<Value>, WireError> {
        if !self.entries.iter().any(|(name, value)| name == key && *value != Value::Nil) {
            return Err(WireError::malformed(format!("{} needs `{key}`", self.of)));
        }
        self.list(key, max)
    }

    /// Takes a list of at most `max` texts, each of at most `max_bytes`; an empty list if absent.
    pub fn texts(
        &mut self,
        key: &str,
        max: usize,
        max_bytes: usize,
    ) -> Result<Vec<String>, WireError> {
        let items = self.list(key, max)?;
        let text = |item| {
            let text = self.as_text(key, item)?;
            at_most(text.len(), max_bytes, || format!("bytes in an item of `{key}`"))?;
            Ok(text)
        };
        items.into_iter().map(text).collect()
    }

    /// Takes the entries of a map, in order; none if absent.
    pub fn entries(&mut self, key: &str, max: usize) -> Result<Vec<(String, Value)>, WireError> {
        match self.take(key) {
            None => Ok(Vec::new()),
            Some(Value::Map(entries)) => {
                at_most(entries.len(), max, || format!("entries in `{key}` of {}", self.of))?;
                Ok(entries)
            }
            Some(other) => Err(self.wrong(key, "a map", &other)),
        }
    }

    /// Takes an id that must be there.
    pub fn id<T: FromStr<Err = BadDigest>>(&mut self, key: &str) -> Result<T, WireError> {
        let value = self.required(key)?;
        parse_id(key, &value)
    }

    /// Takes an id or nothing.
    pub fn optional_id<T: FromStr<Err = BadDigest>>(
        &mut self,
        key: &str,
    ) -> Result<Option<T>, WireError> {
        self.take(key).map(|value| parse_id(key, &value)).transpose()
    }

    /// Takes a required list of at most `max` ids.
    pub fn ids<T: FromStr<Err = BadDigest>>(
        &mut self,
        key: &str,
        max: usize,
    ) -> Result<Vec<T>, WireError> {
        self.required_list(key, max)?.iter().map(|item| parse_id(key, item)).collect()
    }

    /// Takes a list of at most `max` ids; none if absent.
    pub fn ids_or_none<T: FromStr<Err = BadDigest>>(
        &mut self,
        key: &str,
        max: usize,
    ) -> Result<Vec<T>, WireError> {
        self.list(key, max)?.iter().map(|item| parse_id(key, item)).collect()
    }

    /// Takes a map from branch names to commits, in its order.
    pub fn heads(&mut self, key: &str) -> Result<Vec<(String, CommitId)>, WireError> {
        let entries = self.entries(key, usize::MAX)?;
        entries.into_iter().map(|(name, value)| Ok((name, parse_id(key, &value)?))).collect()
    }

    fn as_text(&self, key: &str, value: Value) -> Result<String, WireError> {
        match value {
            Value::Text(text) => Ok(text),
            other => Err(self.wrong(key, "text", &other)),
        }
    }

    /// The refusal of a value of the wrong type.
    pub(super) fn wrong(&self, key: &str, wanted: &str, found: &Value) -> WireError {
        let of = self.of;
        WireError::malformed(format!("`{key}` of {of} is {wanted}, not {}", found.kind()))
    }
}

/// An id: the text of one, and nothing else.
pub(super) fn parse_id<T: FromStr<Err = BadDigest>>(
    key: &str,
    value: &Value,
) -> Result<T, WireError> {
    match value {
        // The names of another kind of history are shorter, and none of this wire's.
        Value::Text(text) => {
            let id = if text.len() == ID_CHARS { text.parse() } else { Err(BadDigest) };
            id.map_err(|BadDigest| not_an_id(key, &format!("`{}`", quotable(text))))
        }
        other => Err(not_an_id(key, other.kind())),
    }
}

/// The refusal of something that stands where an id should.
pub(super) fn not_an_id(key: &str, found: &str) -> WireError {
    WireError::new(WireCode::BadId, format!("in `{key}`: {BadDigest}, not {found}"))
}

/// Refuses `count` above `max`; `what` names the limit, as `ids in a request`.
pub(super) fn at_most(
    count: usize,
    max: usize,
    what: impl FnOnce() -> String,
) -> Result<(), WireError> {
    if count <= max {
        return Ok(());
    }
    let sentence = format!("{count} {}: the limit is {max}", what());
    Err(WireError::new(WireCode::TooLarge, sentence))
}
