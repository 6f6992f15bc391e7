//! zstd inside of frames (RFC 8878).
//!
//! A packed payload is one zstd frame that declares how long it becomes. Both that and the window are read out of its
//! header, by hand, before anything is unpacked: what they declare is what unpacking would take.

use std::fmt;

use zstd::bulk::{Compressor, Decompressor};

use super::{
    error::Refused,
    limits::{PAYLOAD_BYTES, UNPACKED_BYTES, WINDOW_BYTES},
};

/// The first level: what is sent is mostly read once, and time counts more than the last tenth.
const LEVEL: i32 = 1;
/// A payload below this is sent as it is.
const LEAST_BYTES: usize = 256;
/// What packing has to save to be worth the unpacking: a sixteenth.
const LEAST_SAVED: usize = 16;
/// The four bytes that a zstd frame begins with.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// What a zstd frame declares of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Declared {
    content_bytes: u64,
    window_bytes: u64,
}

/// Reads the header of a zstd frame (RFC 8878 3.1.1.1); none if it is none, or does not say how long it becomes.
fn declared(payload: &[u8]) -> Option<Declared> {
    let rest = payload.strip_prefix(&ZSTD_MAGIC)?;
    let (&descriptor, rest) = rest.split_first()?;
    let is_single_segment = descriptor & 0x20 != 0;
    let has_reserved_bit = descriptor & 0x08 != 0;
    let dictionary_bytes = [0, 1, 2, 4].get(usize::from(descriptor & 0x03)).copied()?;
    if has_reserved_bit || dictionary_bytes != 0 {
        return None;
    }
    let (window, rest) = if is_single_segment {
        (None, rest)
    } else {
        let (&window, rest) = rest.split_first()?;
        let base = 1_u64 << (10 + (window >> 3));
        (Some(base + base / 8 * u64::from(window & 7)), rest)
    };
    let number = |count: usize| {
        let bytes = rest.get(..count)?;
        Some(bytes.iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte)))
    };
    let content_bytes = match (descriptor >> 6, is_single_segment) {
        (0, true) => number(1)?,
        (0, false) => return None,
        (1, _) => number(2)?.checked_add(256)?,
        (2, _) => number(4)?,
        _ => number(8)?,
    };
    // A single segment is its own window.
    Some(Declared { content_bytes, window_bytes: window.unwrap_or(content_bytes) })
}

/// Unpacks payloads.
#[derive(Default)]
pub(super) struct Unpacker(Decompressor<'static>);

impl fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unpacker")
    }
}

impl Unpacker {
    /// Unpacks a payload that is one zstd frame.
    pub(super) fn unpack(&mut self, payload: &[u8]) -> Result<Vec<u8>, Refused> {
        let Declared { content_bytes, window_bytes } = declared(payload).ok_or_else(|| {
            Refused::malformed("a packed payload is a zstd frame that declares its content size")
        })?;
        if content_bytes > UNPACKED_BYTES as u64 {
            return Err(Refused::TooLarge(format!(
                "a payload declares {content_bytes} bytes unpacked: the limit is {UNPACKED_BYTES}"
            )));
        }
        if window_bytes > WINDOW_BYTES {
            return Err(Refused::TooLarge(format!(
                "a payload declares a window of {window_bytes} bytes: the limit is {WINDOW_BYTES}"
            )));
        }
        let broken = || Refused::malformed("a packed payload cannot be unpacked");
        let length = zstd::zstd_safe::find_frame_compressed_size(payload).map_err(|_| broken())?;
        if length != payload.len() {
            return Err(Refused::malformed("a packed payload is one zstd frame and nothing else"));
        }
        let content = usize::try_from(content_bytes).map_err(|_| broken())?;
        let mut unpacked = Vec::with_capacity(content);
        self.0.decompress_to_buffer(payload, &mut unpacked).map_err(|_| broken())?;
        if unpacked.len() == content { Ok(unpacked) } else { Err(broken()) }
    }
}

/// Packs payloads.
#[derive(Default)]
pub(super) struct Packer(Option<Compressor<'static>>);

impl fmt::Debug for Packer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Packer")
    }
}

impl Packer {
    /// The payload packed, where that saves something or is the only way to make it fit.
    pub(super) fn pack(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        if payload.len() < LEAST_BYTES || payload.len() > UNPACKED_BYTES {
            return None;
        }
        if self.0.is_none() {
            // Without a compressor everything is sent as it is, and what is too long is refused.
            self.0 = Compressor::new(LEVEL).ok();
        }
        let packed = self.0.as_mut()?.compress(payload).ok()?;
        let is_worth_it = packed.len() + payload.len() / LEAST_SAVED <= payload.len();
        (is_worth_it && packed.len() <= PAYLOAD_BYTES).then_some(packed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(descriptor: u8, rest: &[u8]) -> Vec<u8> {
        [&ZSTD_MAGIC[..], &[descriptor], rest].concat()
    }

    #[test]
    fn what_is_declared_is_read_without_unpacking() {
        for (bytes, expected) in [
            (header(0x20, &[7]), Some((7, 7))),
            (header(0x60, &[1, 0]), Some((257, 257))),
            (header(0xa0, &[0, 0, 0x40, 0]), Some((4 << 20, 4 << 20))),
            (header(0xe0, &[0, 0, 0, 0, 1, 0, 0, 0]), Some((1 << 32, 1 << 32))),
            // A window of 2^23 bytes and of an eighth more, with four bytes of content size.
            (header(0x80, &[13 << 3, 9, 0, 0, 0]), Some((9, 8 << 20))),
            (header(0x80, &[13 << 3 | 1, 9, 0, 0, 0]), Some((9, 9 << 20))),
            (header(0x80, &[0xff, 9, 0, 0, 0]), Some((9, (1 << 41) + 7 * (1 << 38)))),
            // No content size, a dictionary, a reserved bit, cut short, no zstd.
            (header(0x00, &[0, 0]), None),
            (header(0x21, &[0, 7]), None),
            (header(0x28, &[7]), None),
            (header(0xa0, &[0, 0]), None),
            (vec![0x28, 0xb5, 0x2f], None),
            (b"plain bytes".to_vec(), None),
        ] {
            let found = declared(&bytes).map(|it| (it.content_bytes, it.window_bytes));
            assert_eq!(found, expected, "{bytes:02x?}");
        }
    }

    #[test]
    fn what_is_packed_is_unpacked_and_nothing_more_is_taken() {
        let content = b"ninety-nine ".repeat(4000);
        let packed = Packer::default().pack(&content).unwrap();
        assert!(packed.len() < content.len() / 10);
        let mut unpacker = Unpacker::default();
        assert_eq!(unpacker.unpack(&packed).unwrap(), content);
        for bad in [
            [&packed[..], b"x"].concat(),
            [&packed[..], &packed].concat(),
            packed[..packed.len() - 1].to_vec(),
            // A frame that may be skipped, behind the one that counts.
            [&packed[..], &[0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]].concat(),
        ] {
            assert!(matches!(unpacker.unpack(&bad), Err(Refused::Malformed(_))));
        }
        assert_eq!(unpacker.unpack(&packed).unwrap(), content, "a refusal leaves nothing behind");
    }

    #[test]
    fn too_much_is_refused_before_it_is_unpacked() {
        let four_gib = header(0xa0, &[0xff, 0xff, 0xff, 0xff]);
        let above = header(0xa0, &[1, 0, 0x40, 0]);
        let window = header(0x80, &[13 << 3 | 1, 9, 0, 0, 0]);
        for bad in [four_gib, above, window] {
            assert!(matches!(Unpacker::default().unpack(&bad), Err(Refused::TooLarge(_))));
        }
        // One that lies about what it becomes.
        let mut packed = Packer::default().pack(&[7; 3000]).unwrap();
        assert_eq!(packed.get(4).map(|it| it >> 6), Some(1), "two bytes of content size");
        let at = if packed[4] & 0x20 == 0 { 6 } else { 5 };
        packed[at] ^= 1;
        assert!(matches!(Unpacker::default().unpack(&packed), Err(Refused::Malformed(_))));
    }

    #[test]
    fn what_would_not_shrink_is_sent_as_it_is() {
        let mut state = 1_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        })
        .take(20_000)
        .collect();
        assert_eq!(Packer::default().pack(&noise), None);
        assert_eq!(Packer::default().pack(b"short"), None);
    }
}
