//! The JSON bodies that carry objects. An object's text goes to the sink as soon as the parser has collected it; what
//! the parser collects is counted.

use std::{cell::Cell, collections::HashSet, fmt, io::Read};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use names::ObjectId;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::{
    ObjectSink, ObjectsError, PushRequest, WireCode, WireError, check_count, check_size,
    no_content, no_objects, not_bytes, parse_id,
};
use crate::{
    Limits, Value,
    decode::doubled,
    value::{Seed, State, drive},
};

/// How much text is decoded at once: whole groups of four characters.
const PIECE_CHARS: usize = 64 << 10;

/// Walks a JSON body `{"objects": [{"object_id", "content_b64"}]}` and hands over each object as it is complete.
pub fn read_push_objects_json<S: ObjectSink>(
    read: impl Read,
    limits: &Limits,
    sink: &mut S,
) -> Result<(), ObjectsError<S::Error>> {
    let stop = Cell::new(None);
    let found = drive(read, limits, |state, parser| {
        parser.deserialize_map(Upload(Walk { state, stop: &stop, sink }))
    });
    match (stop.take(), found) {
        (Some(error), _) => Err(error),
        (None, Err(error)) => Err(error.into()),
        (None, Ok(false)) => Err(no_objects().into()),
        (None, Ok(true)) => Ok(()),
    }
}

/// Walks a JSON body `{"bundle": {"commits", "snapshots", "objects"}, "branch", "force"}`. The objects go to `sink`;
/// what is given back has none.
pub fn read_push_json<S: ObjectSink>(
    read: impl Read,
    limits: &Limits,
    sink: &mut S,
) -> Result<PushRequest, ObjectsError<S::Error>> {
    let stop = Cell::new(None);
    let kept = drive(read, limits, |state, parser| {
        parser.deserialize_map(Push(Walk { state, stop: &stop, sink }))
    });
    match (stop.take(), kept) {
        (Some(error), _) => Err(error),
        (None, Err(error)) => Err(error.into()),
        (None, Ok(kept)) => Ok(PushRequest::try_from(Value::Map(kept))?),
    }
}

/// What every part of a walk has in hand.
struct Walk<'a, S: ObjectSink> {
    state: &'a State,
    /// Why the walk was stopped: `serde` can carry a sentence only.
    stop: &'a Cell<Option<ObjectsError<S::Error>>>,
    sink: &'a mut S,
}

impl<S: ObjectSink> Walk<'_, S> {
    /// The same for a part of what is walked.
    const fn part(&mut self) -> Walk<'_, S> {
        Walk { state: self.state, stop: self.stop, sink: self.sink }
    }

    /// Ends the walk.
    fn stopped<E: serde::de::Error>(&self, why: impl Into<ObjectsError<S::Error>>) -> E {
        self.stop.set(Some(why.into()));
        E::custom("stopped at an object")
    }

    /// Passes over the value that comes next.
    fn skip<'de, A: MapAccess<'de>>(&self, map: &mut A, depth: usize) -> Result<(), A::Error> {
        let before = self.state.weight_bytes();
        map.next_value_seed(Seed { state: self.state, depth })?;
        self.state.release_to(before);
        Ok(())
    }

    /// Takes a map key by key: `each` takes the value.
    fn each_entry<'de, A: MapAccess<'de>>(
        &mut self,
        mut map: A,
        mut each: impl FnMut(&mut Self, &mut A, &str) -> Result<(), A::Error>,
    ) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if seen.contains(&key) {
                return Err(A::Error::custom(doubled(&key)));
            }
            each(self, &mut map, &key)?;
            self.state.charge(key.len() as u64)?;
            seen.insert(key);
        }
        Ok(())
    }
}

/// The body of `push/objects`; says whether `objects` was there.
struct Upload<'a, S: ObjectSink>(Walk<'a, S>);

impl<'de, S: ObjectSink> Visitor<'de> for Upload<'_, S> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map with `objects`")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, map: A) -> Result<bool, A::Error> {
        let mut found = false;
        self.0.each_entry(map, |walk, map, key| {
            if key != "objects" {
                return walk.skip(map, 1);
            }
            found = map.next_value_seed(Objects(walk.part()))?;
            Ok(())
        })?;
        Ok(found)
    }
}

/// The body of `push`, without its objects.
struct Push<'a, S: ObjectSink>(Walk<'a, S>);

impl<'de, S: ObjectSink> Visitor<'de> for Push<'_, S> {
    type Value = Vec<(String, Value)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map with `bundle` and `branch`")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, map: A) -> Result<Self::Value, A::Error> {
        let mut kept = Vec::new();
        self.0.each_entry(map, |walk, map, key| {
            let value = match key {
                "bundle" => map.next_value_seed(Bundle(walk.part()))?,
                "branch" | "force" => map.next_value_seed(Seed { state: walk.state, depth: 1 })?,
                _ => return walk.skip(map, 1),
            };
            kept.push((key.to_owned(), value));
            Ok(())
        })?;
        Ok(kept)
    }
}

/// What stands under `bundle`, without its objects.
struct Bundle<'a, S: ObjectSink>(Walk<'a, S>);

impl<'de, S: ObjectSink> DeserializeSeed<'de> for Bundle<'_, S> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, S: ObjectSink> Visitor<'de> for Bundle<'_, S> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map with `commits`")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, map: A) -> Result<Value, A::Error> {
        let mut kept = Vec::new();
        self.0.each_entry(map, |walk, map, key| {
            match key {
                "objects" => {
                    map.next_value_seed(Objects(walk.part()))?;
                }
                "commits" | "snapshots" => {
                    let value = map.next_value_seed(Seed { state: walk.state, depth: 2 })?;
                    kept.push((key.to_owned(), value));
                }
                _ => walk.skip(map, 2)?,
            }
            Ok(())
        })?;
        Ok(Value::Map(kept))
    }
}

/// The list of objects; says whether it was there.
struct Objects<'a, S: ObjectSink>(Walk<'a, S>);

impl<'de, S: ObjectSink> DeserializeSeed<'de> for Objects<'_, S> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: ObjectSink> Visitor<'de> for Objects<'_, S> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<bool, A::Error> {
        let mut number = 1;
        while list.next_element_seed(Object { walk: self.0.part(), number })?.is_some() {
            number += 1;
        }
        Ok(true)
    }
}

/// One object, and which it is, counted from 1.
struct Object<'a, S: ObjectSink> {
    walk: Walk<'a, S>,
    number: usize,
}

impl<'de, S: ObjectSink> DeserializeSeed<'de> for Object<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, S: ObjectSink> Visitor<'de> for Object<'_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let Self { mut walk, number } = self;
        check_count(number).map_err(|refusal| walk.stopped(refusal))?;
        let before = walk.state.weight_bytes();
        let (mut claimed, mut has_content) = (None::<ObjectId>, false);
        walk.each_entry(map, |walk, map, key| {
            match key {
                "object_id" => {
                    let value = map.next_value_seed(Seed { state: walk.state, depth: 3 })?;
                    let id = parse_id(key, &value).map_err(|refusal| walk.stopped(refusal))?;
                    claimed = Some(id);
                }
                "content_b64" => has_content |= map.next_value_seed(Content(walk.part()))?,
                "content" => {
                    let value = map.next_value_seed(Seed { state: walk.state, depth: 3 })?;
                    if value != Value::Nil {
                        return Err(walk.stopped(not_bytes(value.kind())));
                    }
                }
                _ => walk.skip(map, 3)?,
            }
            Ok(())
        })?;
        let Some(claimed) = claimed else {
            let refusal = WireError::malformed("an object needs `object_id`");
            return Err(walk.stopped(refusal));
        };
        if !has_content {
            return Err(walk.stopped(no_content()));
        }
        walk.sink.end(claimed).map_err(|error| walk.stopped(ObjectsError::Sink(error)))?;
        walk.state.release_to(before);
        Ok(())
    }
}

/// The bytes of an object; says whether they were there.
struct Content<'a, S: ObjectSink>(Walk<'a, S>);

impl<S: ObjectSink> Content<'_, S> {
    fn refuse<T, E: serde::de::Error>(&self, why: impl fmt::Display) -> Result<T, E> {
        let sentence = format!("`content_b64` of an object is not base64: {why}");
        Err(self.0.stopped(WireError::new(WireCode::BadContent, sentence)))
    }
}

impl<'de, S: ObjectSink> DeserializeSeed<'de> for Content<'_, S> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: ObjectSink> Visitor<'de> for Content<'_, S> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("base64")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<bool, E> {
        let padding = text.bytes().rev().take(2).filter(|it| *it == b'=').count();
        let size_bytes = (text.len() / 4 * 3).saturating_sub(padding) as u64;
        check_size(size_bytes).map_err(|refusal| self.0.stopped(refusal))?;
        let begun = self.0.sink.begin(size_bytes);
        begun.map_err(|error| self.0.stopped(ObjectsError::Sink(error)))?;
        let mut pieces = text.as_bytes().chunks(PIECE_CHARS).peekable();
        while let Some(piece) = pieces.next() {
            if pieces.peek().is_some() && piece.contains(&b'=') {
                return self.refuse("it goes on behind its end");
            }
            let bytes = match STANDARD.decode(piece) {
                Ok(bytes) => bytes,
                Err(error) => return self.refuse(error),
            };
            self.0.sink.write(&bytes).map_err(|error| self.0.stopped(ObjectsError::Sink(error)))?;
        }
        Ok(true)
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<bool, E> {
        self.refuse("a truth value")
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<bool, E> {
        self.refuse("a number")
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<bool, E> {
        self.refuse("a number")
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<bool, E> {
        self.refuse("a number")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<bool, A::Error> {
        self.refuse("a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<bool, A::Error> {
        self.refuse("a map")
    }
}
