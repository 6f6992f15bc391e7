//! Objects inside messages: the bodies of `push/objects` and `push`, walked without holding an object (`spec/wire.md`
//! 3, 4).
//!
//! In MessagePack an object's bytes are `bin` under `content`; in JSON they are standard base64 under
//! `content_b64`. Text under `content` is refused, because it does not say which bytes it stands for.

use std::io::{self, Read};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use names::ObjectId;

use super::{
    Fields, Format, PushRequest, WireCode, WireError,
    fields::{at_most, not_an_id, parse_id},
    limits,
};
use crate::{
    DecodeError, Value,
    msgpack::{Kind, Reader},
};

mod json;

pub use json::{read_push_json, read_push_objects_json};

/// One object inside a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InlineObject {
    /// Which object, as claimed: whoever stores it hashes it.
    pub object_id: ObjectId,
    /// Its bytes.
    pub content: Vec<u8>,
}

impl TryFrom<Value> for InlineObject {
    type Error = WireError;

    /// A decoded value does not tell its format, so bytes under `content` win, and only without them
    /// `content_b64` is looked at.
    fn try_from(value: Value) -> Result<Self, WireError> {
        let mut fields = Fields::of(value, "an object")?;
        let object_id = fields.id("object_id")?;
        let content = match (fields.take("content"), fields.take("content_b64")) {
            (Some(Value::Bytes(content)), _) => content,
            (Some(other), _) => return Err(not_bytes(other.kind())),
            (None, Some(Value::Text(text))) => {
                // Refused before it is decoded; four characters carry three bytes.
                check_size(text.len() as u64 / 4 * 3)?;
                STANDARD.decode(text).map_err(|error| {
                    let sentence = format!("`content_b64` of {object_id} is not base64: {error}");
                    WireError::new(WireCode::BadContent, sentence)
                })?
            }
            (None, Some(_)) => {
                let sentence = format!("`content_b64` of {object_id} is not text");
                return Err(WireError::new(WireCode::BadContent, sentence));
            }
            (None, None) => return Err(no_content()),
        };
        check_size(content.len() as u64)?;
        Ok(Self { object_id, content })
    }
}

impl InlineObject {
    /// The object as it is sent.
    pub fn into_value(self, format: Format) -> Value {
        let (key, content) = match format {
            Format::MessagePack => ("content", Value::Bytes(self.content)),
            Format::Json => ("content_b64", Value::Text(STANDARD.encode(self.content))),
        };
        Value::map([("object_id", self.object_id.to_string().into()), (key, content)])
    }
}

/// Where the objects of a body go as they are read. For each object `begin`, `write` as often as
/// needed, `end`, in this order.
pub trait ObjectSink {
    /// Why the sink takes no more.
    type Error;

    /// An object begins, of `size_bytes`: declared, and kept or the walk fails. Its id may not be known yet.
    fn begin(&mut self, size_bytes: u64) -> Result<(), Self::Error>;

    /// The next bytes of it.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;

    /// It is complete, and the client says that it is `claimed`.
    fn end(&mut self, claimed: ObjectId) -> Result<(), Self::Error>;
}

/// Why a walk over objects ended early.
#[derive(Debug, thiserror::Error)]
pub enum ObjectsError<E> {
    /// The request is refused.
    #[error(transparent)]
    Refused(#[from] WireError),
    /// The body could not be read to its end.
    #[error("the body could not be read")]
    Io(#[source] io::Error),
    /// The sink took no more.
    #[error("an object could not be taken")]
    Sink(E),
}

impl<E> From<DecodeError> for ObjectsError<E> {
    fn from(error: DecodeError) -> Self {
        WireError::try_from(error).map_or_else(Self::Io, Self::Refused)
    }
}

/// Walks a MessagePack body `{objects: [{object_id, content}]}`, keys in any order, and hands the bytes of each
/// object to `sink` as they come. Memory stays flat: no object is held.
pub fn read_push_objects<R: Read, S: ObjectSink>(
    reader: &mut Reader<R>,
    sink: &mut S,
) -> Result<(), ObjectsError<S::Error>> {
    let mut found = false;
    reader.each_entry(|reader, key| {
        if key != "objects" {
            return Ok(reader.skip(1)?);
        }
        found = true;
        read_objects(reader, sink)
    })?;
    reader.end()?;
    if found { Ok(()) } else { Err(no_objects().into()) }
}

/// Walks a MessagePack body `{bundle: {commits, snapshots, objects}, branch, force}`, keys in any order. The objects
/// go to `sink` as they come; what is given back has none.
pub fn read_push<R: Read, S: ObjectSink>(
    reader: &mut Reader<R>,
    sink: &mut S,
) -> Result<PushRequest, ObjectsError<S::Error>> {
    let mut kept = Vec::new();
    reader.each_entry(|reader, key| {
        let value = match key {
            "bundle" => read_bundle(reader, sink)?,
            "branch" | "force" => reader.value(1)?,
            _ => return Ok::<_, ObjectsError<S::Error>>(reader.skip(1)?),
        };
        kept.push((key.to_owned(), value));
        Ok(())
    })?;
    reader.end()?;
    Ok(PushRequest::try_from(Value::Map(kept))?)
}

/// Takes a bundle without its objects.
fn read_bundle<R: Read, S: ObjectSink>(
    reader: &mut Reader<R>,
    sink: &mut S,
) -> Result<Value, ObjectsError<S::Error>> {
    let mut kept = Vec::new();
    reader.each_entry(|reader, key| {
        match key {
            "objects" if reader.peek()? != Kind::Nil => return read_objects(reader, sink),
            "commits" | "snapshots" => kept.push((key.to_owned(), reader.value(2)?)),
            _ => reader.skip(2)?,
        }
        Ok::<_, ObjectsError<S::Error>>(())
    })?;
    Ok(Value::Map(kept))
}

fn read_objects<R: Read, S: ObjectSink>(
    reader: &mut Reader<R>,
    sink: &mut S,
) -> Result<(), ObjectsError<S::Error>> {
    let count = reader.array_header()?;
    check_count(usize::try_from(count).unwrap_or(usize::MAX))?;
    (0..count).try_for_each(|_| read_object(reader, sink))
}

fn read_object<R: Read, S: ObjectSink>(
    reader: &mut Reader<R>,
    sink: &mut S,
) -> Result<(), ObjectsError<S::Error>> {
    let mut claimed = None;
    let mut has_content = false;
    reader.each_entry(|reader, key| match key {
        "object_id" => {
            claimed = Some(read_id(reader)?);
            Ok(())
        }
        "content" => {
            has_content = true;
            read_content(reader, sink)
        }
        _ => Ok(reader.skip(3)?),
    })?;
    let Some(claimed) = claimed else {
        return Err(WireError::malformed("an object needs `object_id`").into());
    };
    if !has_content {
        return Err(no_content().into());
    }
    sink.end(claimed).map_err(ObjectsError::Sink)
}

/// Takes an id without keeping more of a wrong one than a key may have.
fn read_id<R: Read, E>(reader: &mut Reader<R>) -> Result<ObjectId, ObjectsError<E>> {
    let id = match reader.peek()? {
        Kind::Text => parse_id("object_id", &reader.key()?.into()),
        other => Err(not_an_id("object_id", other.words())),
    };
    Ok(id?)
}

fn read_content<R: Read, S: ObjectSink>(
    reader: &mut Reader<R>,
    sink: &mut S,
) -> Result<(), ObjectsError<S::Error>> {
    let kind = reader.peek()?;
    if !matches!(kind, Kind::Bytes | Kind::Refused) {
        return Err(not_bytes(kind.words()).into());
    }
    let len = reader.bytes_header()?;
    check_size(len.into())?;
    sink.begin(len.into()).map_err(ObjectsError::Sink)?;
    reader.copy_bytes(len, &mut |piece| sink.write(piece).map_err(ObjectsError::Sink))
}

fn check_count(count: usize) -> Result<(), WireError> {
    at_most(count, limits::OBJECTS, || "objects in one request".to_owned())
}

fn check_size(size_bytes: u64) -> Result<(), WireError> {
    let size = usize::try_from(size_bytes).unwrap_or(usize::MAX);
    let max = usize::try_from(limits::INLINE_OBJECT_BYTES).unwrap_or(usize::MAX);
    at_most(size, max, || "bytes in one inline object".to_owned())
}

fn no_objects() -> WireError {
    WireError::malformed("the request needs `objects`")
}

fn no_content() -> WireError {
    WireError::malformed("an object needs `content`, or in JSON `content_b64`")
}

fn not_bytes(found: &str) -> WireError {
    let sentence = format!(
        "`content` of an object is bytes, not {found}: send `bin` in MessagePack, `content_b64` in JSON"
    );
    WireError::new(WireCode::BadContent, sentence)
}
