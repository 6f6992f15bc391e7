//! In which of its two formats a message travels (`spec/wire.md` 3).

use std::io::{self, Read, Write};

use crate::{DecodeError, Limits, Value, msgpack};

/// The media types that ask for an answer in MessagePack.
const MSGPACK_TYPES: [&str; 3] =
    ["application/x-msgpack", "application/msgpack", "application/vnd.msgpack"];

/// MessagePack or JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// What Muse clients speak.
    MessagePack,
    /// For everybody else.
    Json,
}

impl Format {
    /// The format of a body with this `Content-Type`: MessagePack if it says so anywhere, else JSON.
    pub fn of_content_type(content_type: Option<&str>) -> Self {
        let says_so = |text: &str| text.to_ascii_lowercase().contains("msgpack");
        if content_type.is_some_and(says_so) { Self::MessagePack } else { Self::Json }
    }

    /// The format of the answer to a request with this `Accept`: MessagePack if it is named, else JSON.
    pub fn of_accept(accept: Option<&str>) -> Self {
        let names_it = |text: &str| {
            let text = text.to_ascii_lowercase();
            MSGPACK_TYPES.iter().any(|media_type| text.contains(media_type))
        };
        if accept.is_some_and(names_it) { Self::MessagePack } else { Self::Json }
    }

    /// The `Content-Type` of a message in this format.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::MessagePack => "application/x-msgpack",
            Self::Json => "application/json",
        }
    }

    /// Decodes the one message that fills the whole of `read`.
    pub fn read(self, read: impl Read, limits: &Limits) -> Result<Value, DecodeError> {
        match self {
            Self::MessagePack => Value::from_msgpack_reader(read, limits),
            Self::Json => Value::from_json_reader(read, limits),
        }
    }

    /// Writes a message.
    pub fn write(self, out: &mut impl Write, value: &Value) -> io::Result<()> {
        match self {
            Self::MessagePack => msgpack::write_value(out, value),
            Self::Json => value.write_json(out),
        }
    }
}
