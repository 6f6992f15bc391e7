//! MessagePack, written in its shortest forms. Text is `str`, bytes are `bin`.

use std::io::{self, Write};

use crate::Value;

/// Writes nothing at all: `nil`.
pub fn write_nil(out: &mut impl Write) -> io::Result<()> {
    out.write_all(&[0xc0])
}

/// Writes a truth value.
pub fn write_bool(out: &mut impl Write, value: bool) -> io::Result<()> {
    out.write_all(&[if value { 0xc3 } else { 0xc2 }])
}

/// Writes a whole number.
pub fn write_i64(out: &mut impl Write, value: i64) -> io::Result<()> {
    if let Ok(positive) = u64::try_from(value) {
        return write_u64(out, positive);
    }
    if let (Ok(small), true) = (i8::try_from(value), value >= -32) {
        return out.write_all(&small.to_be_bytes());
    }
    if let Ok(number) = i8::try_from(value) {
        marked(out, 0xd0, number.to_be_bytes())
    } else if let Ok(number) = i16::try_from(value) {
        marked(out, 0xd1, number.to_be_bytes())
    } else if let Ok(number) = i32::try_from(value) {
        marked(out, 0xd2, number.to_be_bytes())
    } else {
        marked(out, 0xd3, value.to_be_bytes())
    }
}

/// Writes a whole number that is not negative.
pub fn write_u64(out: &mut impl Write, value: u64) -> io::Result<()> {
    if let Ok(number) = u8::try_from(value) {
        if number < 0x80 { out.write_all(&[number]) } else { marked(out, 0xcc, [number]) }
    } else if let Ok(number) = u16::try_from(value) {
        marked(out, 0xcd, number.to_be_bytes())
    } else if let Ok(number) = u32::try_from(value) {
        marked(out, 0xce, number.to_be_bytes())
    } else {
        marked(out, 0xcf, value.to_be_bytes())
    }
}

/// Writes a fraction, always with 64 bits.
pub fn write_f64(out: &mut impl Write, value: f64) -> io::Result<()> {
    marked(out, 0xcb, value.to_be_bytes())
}

/// Writes the head of text of `len` bytes; the bytes follow.
pub fn write_text_header(out: &mut impl Write, len: u32) -> io::Result<()> {
    match u8::try_from(len) {
        Ok(short) if short < 0x20 => out.write_all(&[0xa0 | short]),
        Ok(short) => marked(out, 0xd9, [short]),
        Err(_) => wide(out, len, 0xda, 0xdb),
    }
}

/// Writes text.
pub fn write_text(out: &mut impl Write, text: &str) -> io::Result<()> {
    write_text_header(out, length(text.len())?)?;
    out.write_all(text.as_bytes())
}

/// Writes the head of `len` raw bytes; they follow.
pub fn write_bytes_header(out: &mut impl Write, len: u32) -> io::Result<()> {
    match u8::try_from(len) {
        Ok(short) => marked(out, 0xc4, [short]),
        Err(_) => wide(out, len, 0xc5, 0xc6),
    }
}

/// Writes raw bytes.
pub fn write_bytes(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    write_bytes_header(out, length(bytes.len())?)?;
    out.write_all(bytes)
}

/// Writes the head of a list of `count` items; they follow.
pub fn write_array_header(out: &mut impl Write, count: u32) -> io::Result<()> {
    match u8::try_from(count) {
        Ok(short) if short < 0x10 => out.write_all(&[0x90 | short]),
        _ => wide(out, count, 0xdc, 0xdd),
    }
}

/// Writes the head of a map of `count` entries; keys and values follow in turn.
pub fn write_map_header(out: &mut impl Write, count: u32) -> io::Result<()> {
    match u8::try_from(count) {
        Ok(short) if short < 0x10 => out.write_all(&[0x80 | short]),
        _ => wide(out, count, 0xde, 0xdf),
    }
}

/// Writes a value with all that is in it.
pub fn write_value(out: &mut impl Write, value: &Value) -> io::Result<()> {
    match value {
        Value::Nil => write_nil(out),
        Value::Bool(value) => write_bool(out, *value),
        Value::Int(value) => write_i64(out, *value),
        Value::UInt(value) => write_u64(out, *value),
        Value::Float(value) => write_f64(out, *value),
        Value::Text(text) => write_text(out, text),
        Value::Bytes(bytes) => write_bytes(out, bytes),
        Value::Array(items) => {
            write_array_header(out, length(items.len())?)?;
            items.iter().try_for_each(|item| write_value(out, item))
        }
        Value::Map(entries) => {
            write_map_header(out, length(entries.len())?)?;
            entries.iter().try_for_each(|(key, value)| {
                write_text(out, key)?;
                write_value(out, value)
            })
        }
    }
}

/// How many bytes [`write_value`] writes for `value`.
pub fn encoded_len(value: &Value) -> u64 {
    let mut counter = Counter(0);
    // Counting fails only where writing would: at a length above 32 bits, and that is longer than any limit.
    write_value(&mut counter, value).map_or(u64::MAX, |()| counter.0)
}

struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn length(len: usize) -> io::Result<u32> {
    u32::try_from(len)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "too long for MessagePack"))
}

fn marked<const N: usize>(out: &mut impl Write, marker: u8, rest: [u8; N]) -> io::Result<()> {
    out.write_all(&[marker])?;
    out.write_all(&rest)
}

fn wide(out: &mut impl Write, len: u32, marker16: u8, marker32: u8) -> io::Result<()> {
    match u16::try_from(len) {
        Ok(short) => marked(out, marker16, short.to_be_bytes()),
        Err(_) => marked(out, marker32, len.to_be_bytes()),
    }
}
