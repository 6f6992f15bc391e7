//! The JSON body of `push/objects`, one object in memory at a time.

use std::{cell::Cell, collections::HashSet, fmt, io::Read};

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::{InlineObject, ObjectSink, ObjectsError, check_count, no_objects};
use crate::{
    Limits,
    decode::doubled,
    value::{Seed, State, drive},
};

/// Walks a JSON body `{"objects": [{"object_id", "content_b64"}]}` and hands over each object as it is complete.
pub fn read_push_objects_json<S: ObjectSink>(
    read: impl Read,
    limits: &Limits,
    sink: &mut S,
) -> Result<(), ObjectsError<S::Error>> {
    let stop = Cell::new(None);
    let found = drive(read, limits, |state, parser| {
        parser.deserialize_map(Body { state, stop: &stop, sink })
    });
    match (stop.take(), found) {
        (Some(error), _) => Err(error),
        (None, Err(error)) => Err(error.into()),
        (None, Ok(false)) => Err(no_objects().into()),
        (None, Ok(true)) => Ok(()),
    }
}

/// The map around everything; says whether `objects` was there.
struct Body<'a, S: ObjectSink> {
    state: &'a State,
    /// Why the walk was stopped: `serde` can carry a sentence only.
    stop: &'a Cell<Option<ObjectsError<S::Error>>>,
    sink: &'a mut S,
}

impl<'de, S: ObjectSink> Visitor<'de> for Body<'_, S> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map with `objects`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let Self { state, stop, sink } = self;
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if seen.contains(&key) {
                return Err(A::Error::custom(doubled(&key)));
            }
            if key == "objects" {
                map.next_value_seed(Objects(Body { state, stop, sink: &mut *sink }))?;
            } else {
                let before = state.weight_bytes();
                map.next_value_seed(Seed { state, depth: 1 })?;
                state.release_to(before);
            }
            state.charge(key.len() as u64)?;
            seen.insert(key);
        }
        Ok(seen.contains("objects"))
    }
}

/// The list of objects.
struct Objects<'a, S: ObjectSink>(Body<'a, S>);

impl<'de, S: ObjectSink> DeserializeSeed<'de> for Objects<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, S: ObjectSink> Visitor<'de> for Objects<'_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Body { state, stop, sink } = self.0;
        let before = state.weight_bytes();
        let mut count = 0;
        while let Some(value) = list.next_element_seed(Seed { state, depth: 2 })? {
            count += 1;
            let taken = check_count(count)
                .and_then(|()| InlineObject::try_from(value))
                .map_err(ObjectsError::Refused)
                .and_then(|object| hand_over(object, sink));
            if let Err(error) = taken {
                stop.set(Some(error));
                return Err(A::Error::custom("stopped at an object"));
            }
            state.release_to(before);
        }
        Ok(())
    }
}

fn hand_over<S: ObjectSink>(
    object: InlineObject,
    sink: &mut S,
) -> Result<(), ObjectsError<S::Error>> {
    let InlineObject { object_id, content } = object;
    sink.begin(content.len() as u64)
        .and_then(|()| sink.write(&content))
        .and_then(|()| sink.end(object_id))
        .map_err(ObjectsError::Sink)
}
