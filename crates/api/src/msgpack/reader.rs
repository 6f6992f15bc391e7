//! Pulls MessagePack items out of a stream of bytes, one at a time.

use std::io::{self, BufRead as _, BufReader, Read};

use crate::{DecodeError, Limits};

/// The longest key that [`Reader::key`] takes: the keys that messages know have at most 32 bytes.
pub const MAX_KEY_BYTES: u32 = 1024;

/// What is read from below at once, and what is set aside for text before any of it has come.
const CHUNK_BYTES: usize = 64 * 1024;

/// What the next item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Nil,
    /// A truth value.
    Bool,
    /// A whole number or a fraction.
    Number,
    /// UTF-8 text.
    Text,
    /// Raw bytes.
    Bytes,
    /// A list.
    Array,
    /// A map.
    Map,
    /// An extension type or an unused byte: reading it fails.
    Refused,
}

impl Kind {
    /// The kind that an item with this first byte has.
    const fn of(marker: u8) -> Self {
        match marker {
            0x00..=0x7f | 0xca..=0xd3 | 0xe0..=0xff => Self::Number,
            0x80..=0x8f | 0xde | 0xdf => Self::Map,
            0x90..=0x9f | 0xdc | 0xdd => Self::Array,
            0xa0..=0xbf | 0xd9..=0xdb => Self::Text,
            0xc0 => Self::Nil,
            0xc2 | 0xc3 => Self::Bool,
            0xc4..=0xc6 => Self::Bytes,
            0xc1 | 0xc7..=0xc9 | 0xd4..=0xd8 => Self::Refused,
        }
    }

    /// The kind in words, for error sentences.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Bool => "a truth value",
            Self::Number => "a number",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::Array => "a list",
            Self::Map => "a map",
            Self::Refused => "an extension type",
        }
    }
}

/// The first part of an item: all of a small one, the length of a long one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Head {
    Nil,
    Bool(bool),
    Int(i64),
    UInt(u64),
    Float(f64),
    Text(u32),
    Bytes(u32),
    Array(u32),
    Map(u32),
}

/// A pull reader over a stream of bytes. Buffers by itself.
#[derive(Debug)]
pub struct Reader<R> {
    input: BufReader<R>,
    offset: u64,
    weight_bytes: u64,
    limits: Limits,
}

impl<R: Read> Reader<R> {
    /// A reader with the limits of the longest body that the wire takes.
    pub fn new(read: R) -> Self {
        Self::with_limits(read, Limits::of_body(crate::wire::limits::PUSH_BODY_BYTES))
    }

    /// A reader with limits of its own.
    pub fn with_limits(read: R, limits: Limits) -> Self {
        let input = BufReader::with_capacity(CHUNK_BYTES, read);
        Self { input, offset: 0, weight_bytes: 0, limits }
    }

    /// How many bytes have been taken.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// What comes next, without taking it.
    pub fn peek(&mut self) -> Result<Kind, DecodeError> {
        self.ready()?;
        self.input.buffer().first().map(|marker| Kind::of(*marker)).ok_or_else(|| self.cut())
    }

    /// Takes the head of a map and says how many entries follow: a key and a value each.
    pub fn map_header(&mut self) -> Result<u32, DecodeError> {
        self.expect(Kind::Map, |head| if let Head::Map(count) = head { Some(count) } else { None })
    }

    /// Takes the head of a list and says how many items follow.
    pub fn array_header(&mut self) -> Result<u32, DecodeError> {
        self.expect(
            Kind::Array,
            |head| {
                if let Head::Array(count) = head { Some(count) } else { None }
            },
        )
    }

    /// Takes a key of at most [`MAX_KEY_BYTES`].
    pub fn key(&mut self) -> Result<String, DecodeError> {
        self.text(MAX_KEY_BYTES)
    }

    /// Takes text of at most `max_bytes`.
    pub fn text(&mut self, max_bytes: u32) -> Result<String, DecodeError> {
        let start = self.offset;
        let len = self
            .expect(Kind::Text, |head| if let Head::Text(len) = head { Some(len) } else { None })?;
        if len > max_bytes {
            let what = format!("text of {len} bytes stands where at most {max_bytes} may");
            return Err(DecodeError::Malformed { offset: start, what });
        }
        self.text_body(len)
    }

    /// Takes the head of a run of bytes and says how many follow, for [`Reader::copy_bytes`].
    pub fn bytes_header(&mut self) -> Result<u32, DecodeError> {
        self.expect(Kind::Bytes, |head| if let Head::Bytes(len) = head { Some(len) } else { None })
    }

    /// Takes the `len` bytes after [`Reader::bytes_header`], and hands them over in pieces as they come.
    pub fn copy_bytes<E: From<DecodeError>>(
        &mut self,
        len: u32,
        each: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut left = usize::try_from(len).unwrap_or(usize::MAX);
        while left > 0 {
            self.ready()?;
            let buffer = self.input.buffer();
            let piece = buffer.get(..left).unwrap_or(buffer);
            if piece.is_empty() {
                return Err(self.cut().into());
            }
            each(piece)?;
            let taken = piece.len();
            self.input.consume(taken);
            self.offset = self.offset.saturating_add(taken as u64);
            left -= taken;
        }
        Ok(())
    }

    /// Refuses bytes that stand after the message.
    pub fn end(&mut self) -> Result<(), DecodeError> {
        self.ready()?;
        if self.input.buffer().is_empty() {
            return Ok(());
        }
        Err(self.malformed("bytes follow the end of the message"))
    }

    /// Takes the body of text whose head has been taken.
    pub(super) fn text_body(&mut self, len: u32) -> Result<String, DecodeError> {
        let start = self.offset;
        String::from_utf8(self.bytes_body(len)?).map_err(|error| DecodeError::Malformed {
            offset: start.saturating_add(error.utf8_error().valid_up_to() as u64),
            what: "text is not valid UTF-8".to_owned(),
        })
    }

    /// Takes the body of bytes whose head has been taken. The memory grows with what has come, not with `len`.
    pub(super) fn bytes_body(&mut self, len: u32) -> Result<Vec<u8>, DecodeError> {
        self.charge(len.into())?;
        let first = usize::try_from(len).unwrap_or(usize::MAX).min(CHUNK_BYTES);
        let mut bytes = Vec::with_capacity(first);
        self.copy_bytes::<DecodeError>(len, &mut |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(bytes)
    }

    /// Takes the head of the next item.
    pub(super) fn head(&mut self) -> Result<Head, DecodeError> {
        let start = self.offset;
        let [marker] = self.take()?;
        let head = match marker {
            0x00..=0x7f => Head::Int(marker.into()),
            0x80..=0x8f => Head::Map(u32::from(marker & 0x0f)),
            0x90..=0x9f => Head::Array(u32::from(marker & 0x0f)),
            0xa0..=0xbf => Head::Text(u32::from(marker & 0x1f)),
            0xc0 => Head::Nil,
            0xc2 | 0xc3 => Head::Bool(marker == 0xc3),
            0xc4 => Head::Bytes(u8::from_be_bytes(self.take()?).into()),
            0xc5 => Head::Bytes(u16::from_be_bytes(self.take()?).into()),
            0xc6 => Head::Bytes(u32::from_be_bytes(self.take()?)),
            0xca => Head::Float(f32::from_be_bytes(self.take()?).into()),
            0xcb => Head::Float(f64::from_be_bytes(self.take()?)),
            0xcc => Head::Int(u8::from_be_bytes(self.take()?).into()),
            0xcd => Head::Int(u16::from_be_bytes(self.take()?).into()),
            0xce => Head::Int(u32::from_be_bytes(self.take()?).into()),
            0xcf => {
                let number = u64::from_be_bytes(self.take()?);
                i64::try_from(number).map_or(Head::UInt(number), Head::Int)
            }
            0xd0 => Head::Int(i8::from_be_bytes(self.take()?).into()),
            0xd1 => Head::Int(i16::from_be_bytes(self.take()?).into()),
            0xd2 => Head::Int(i32::from_be_bytes(self.take()?).into()),
            0xd3 => Head::Int(i64::from_be_bytes(self.take()?)),
            0xd9 => Head::Text(u8::from_be_bytes(self.take()?).into()),
            0xda => Head::Text(u16::from_be_bytes(self.take()?).into()),
            0xdb => Head::Text(u32::from_be_bytes(self.take()?)),
            0xdc => Head::Array(u16::from_be_bytes(self.take()?).into()),
            0xdd => Head::Array(u32::from_be_bytes(self.take()?)),
            0xde => Head::Map(u16::from_be_bytes(self.take()?).into()),
            0xdf => Head::Map(u32::from_be_bytes(self.take()?)),
            0xe0..=0xff => Head::Int(i8::from_be_bytes([marker]).into()),
            0xc1 | 0xc7..=0xc9 | 0xd4..=0xd8 => return Err(refused(start, marker)),
        };
        if let Head::Text(len) | Head::Bytes(len) = head {
            self.limits.check_body(self.offset.saturating_add(len.into()))?;
        }
        Ok(head)
    }

    /// Takes the head of an item of this kind.
    fn expect<T>(
        &mut self,
        wanted: Kind,
        pick: impl FnOnce(Head) -> Option<T>,
    ) -> Result<T, DecodeError> {
        let found = self.peek()?;
        if found != wanted && found != Kind::Refused {
            let what = format!("{} stands where {} should", found.words(), wanted.words());
            return Err(self.malformed(&what));
        }
        let start = self.offset;
        pick(self.head()?).ok_or_else(|| refused(start, 0xc1))
    }

    /// Counts memory that is kept for decoded values.
    pub(super) fn charge(&mut self, bytes: u64) -> Result<(), DecodeError> {
        self.weight_bytes = self.weight_bytes.saturating_add(bytes);
        self.limits.check_memory(self.weight_bytes)
    }

    /// Takes back what was counted for something that has been dropped.
    pub(super) const fn release(&mut self, bytes: u64) {
        self.weight_bytes = self.weight_bytes.saturating_sub(bytes);
    }

    /// A fault at the present place.
    pub(super) fn malformed(&self, what: &str) -> DecodeError {
        DecodeError::Malformed { offset: self.offset, what: what.to_owned() }
    }

    fn cut(&self) -> DecodeError {
        self.malformed("the message ends in the middle of an item")
    }

    /// Fills the buffer if it is empty; it stays empty at the end only.
    fn ready(&mut self) -> Result<(), DecodeError> {
        loop {
            match self.input.fill_buf() {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        self.limits.check_body(self.offset.saturating_add(N as u64))?;
        let mut bytes = [0; N];
        for slot in &mut bytes {
            self.ready()?;
            *slot = *self.input.buffer().first().ok_or_else(|| self.cut())?;
            self.input.consume(1);
            self.offset = self.offset.saturating_add(1);
        }
        Ok(bytes)
    }
}

fn refused(offset: u64, marker: u8) -> DecodeError {
    let what = if marker == 0xc1 {
        "the byte c1 has no meaning in MessagePack"
    } else {
        "MessagePack extension types are not taken"
    };
    DecodeError::Malformed { offset, what: what.to_owned() }
}
