//! Whole values out of a [`Reader`]: kept, skipped, or walked entry by entry.

use std::{collections::HashSet, io::Read};

use super::reader::{Head, Reader};
use crate::{
    DecodeError, Value,
    decode::{MAX_DEPTH, doubled, too_deep},
    value::{ENTRY_BYTES, ITEM_BYTES, doubled_key},
};

impl<R: Read> Reader<R> {
    /// Takes the next item whole. `depth` is how many lists and maps are open around it.
    pub fn value(&mut self, depth: usize) -> Result<Value, DecodeError> {
        Ok(match self.head()? {
            Head::Nil => Value::Nil,
            Head::Bool(value) => Value::Bool(value),
            Head::Int(value) => Value::Int(value),
            Head::UInt(value) => Value::UInt(value),
            Head::Float(value) => Value::Float(value),
            Head::Text(len) => Value::Text(self.text_body(len)?),
            Head::Bytes(len) => Value::Bytes(self.bytes_body(len)?),
            Head::Array(count) => {
                let depth = self.descend(depth)?;
                let mut items = Vec::new();
                for _ in 0..count {
                    self.charge(ITEM_BYTES)?;
                    items.push(self.value(depth)?);
                }
                Value::Array(items)
            }
            Head::Map(count) => Value::Map(self.entries(count, depth)?),
        })
    }

    /// Passes over the next item, as strict about it as [`Reader::value`] is.
    pub fn skip(&mut self, depth: usize) -> Result<(), DecodeError> {
        match self.head()? {
            Head::Nil | Head::Bool(_) | Head::Int(_) | Head::UInt(_) | Head::Float(_) => Ok(()),
            Head::Text(len) => self.skip_text(len),
            Head::Bytes(len) => self.copy_bytes(len, &mut |_| Ok(())),
            Head::Array(count) => {
                let depth = self.descend(depth)?;
                (0..count).try_for_each(|_| self.skip(depth))
            }
            Head::Map(count) => {
                let depth = self.descend(depth)?;
                self.walk(count, |reader, _| reader.skip(depth))
            }
        }
    }

    /// Takes a map entry by entry: `each` is called after each key, and takes the value. A repeated key is
    /// refused before its value is looked at.
    pub fn each_entry<E: From<DecodeError>>(
        &mut self,
        each: impl FnMut(&mut Self, &str) -> Result<(), E>,
    ) -> Result<(), E> {
        let count = self.map_header()?;
        self.walk(count, each)
    }

    fn walk<E: From<DecodeError>>(
        &mut self,
        count: u32,
        mut each: impl FnMut(&mut Self, &str) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut weight_bytes = 0u64;
        let mut seen = HashSet::new();
        for _ in 0..count {
            let key = self.text(u32::MAX)?;
            self.charge(ENTRY_BYTES)?;
            weight_bytes =
                weight_bytes.saturating_add(ENTRY_BYTES).saturating_add(key.len() as u64);
            if seen.contains(&key) {
                return Err(self.malformed(&doubled(&key)).into());
            }
            each(self, &key)?;
            seen.insert(key);
        }
        self.release(weight_bytes);
        Ok(())
    }

    fn entries(&mut self, count: u32, depth: usize) -> Result<Vec<(String, Value)>, DecodeError> {
        let depth = self.descend(depth)?;
        let mut entries = Vec::new();
        for _ in 0..count {
            self.charge(ENTRY_BYTES)?;
            let key = self.text(u32::MAX)?;
            entries.push((key, self.value(depth)?));
        }
        match doubled_key(&entries) {
            Some(key) => Err(self.malformed(&doubled(key))),
            None => Ok(entries),
        }
    }

    /// Checks skipped text without keeping it: only a character that is cut by the end of a piece is carried over.
    fn skip_text(&mut self, len: u32) -> Result<(), DecodeError> {
        let start = self.offset();
        let mut carried: Vec<u8> = Vec::new();
        let bad =
            || DecodeError::Malformed { offset: start, what: "text is not valid UTF-8".to_owned() };
        self.copy_bytes::<DecodeError>(len, &mut |piece| {
            carried.extend_from_slice(piece);
            let whole = match str::from_utf8(&carried) {
                Ok(text) => text.len(),
                Err(error) if error.error_len().is_none() => error.valid_up_to(),
                Err(_) => return Err(bad()),
            };
            carried.drain(..whole);
            Ok(())
        })?;
        if carried.is_empty() { Ok(()) } else { Err(bad()) }
    }

    fn descend(&self, depth: usize) -> Result<usize, DecodeError> {
        if depth >= MAX_DEPTH {
            return Err(self.malformed(&too_deep()));
        }
        Ok(depth + 1)
    }
}
