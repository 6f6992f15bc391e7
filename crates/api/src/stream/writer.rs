//! [`Writer`]: frames to bytes.

use names::Hasher;

use super::{
    Begin, Counts, End, Frame, StreamError,
    error::Refused,
    limits::{MAGIC, PAYLOAD_BYTES, UNPACKED_BYTES},
    order::Order,
    pack::Packer,
};

/// The payload is packed.
const PACKED: u8 = 0x01;
/// Whoever does not know the type may leave the frame out.
const OPTIONAL: u8 = 0x80;

/// Writes one stream. Holds what was written until it is [taken](Self::take_written), and no more.
///
/// It keeps the same order as whoever reads: a frame that could not be read is not written.
#[derive(Debug)]
pub struct Writer {
    out: Vec<u8>,
    bytes: u64,
    digest: Hasher,
    order: Order,
    packer: Packer,
}

impl Writer {
    /// Begins a stream.
    pub fn begin(begin: Begin) -> Result<Self, StreamError> {
        let mut writer = Self {
            out: Vec::new(),
            bytes: 0,
            digest: Hasher::default(),
            order: Order::default(),
            packer: Packer::default(),
        };
        writer.put(&MAGIC);
        writer.write(Frame::Begin(begin))?;
        Ok(writer)
    }

    /// Goes on with a stream of which `bytes` were written, up to a cursor. Its end has the digest of what is written from
    /// here on.
    pub fn resumed(bytes: u64) -> Self {
        Self {
            out: Vec::new(),
            bytes,
            digest: Hasher::default(),
            order: Order::resumed(),
            packer: Packer::default(),
        }
    }

    /// Writes the next frame, packed where that saves something.
    pub fn write(&mut self, frame: Frame) -> Result<(), StreamError> {
        let offset = self.bytes;
        let refuse = |refused: Refused| refused.at(offset);
        self.order.take(&frame).map_err(refuse)?;
        let kind = frame.type_of();
        let payload = frame.payload().map_err(|error| {
            refuse(Refused::TooLarge(format!("a frame cannot be written: {error}")))
        })?;
        let packed = self.packer.pack(&payload);
        let flags = if matches!(kind, super::payload::Type::Progress) { OPTIONAL } else { 0 };
        let (flags, payload) = match packed {
            Some(packed) => (flags | PACKED, packed),
            None => (flags, payload),
        };
        let length = match u32::try_from(payload.len()) {
            Ok(length) if payload.len() <= PAYLOAD_BYTES => length,
            _ => {
                let what = format!(
                    "{} bytes in one frame: the limit is {PAYLOAD_BYTES}, or {UNPACKED_BYTES} that can be packed so far",
                    payload.len()
                );
                return Err(refuse(Refused::TooLarge(what)));
            }
        };
        self.put(&[kind as u8, flags]);
        self.put(&length.to_be_bytes());
        self.put(&payload);
        Ok(())
    }

    /// Writes the last frame. `more` says that the last cursor leads on.
    pub fn end(&mut self, more: bool) -> Result<(), StreamError> {
        let digest = self.digest.clone().finish();
        self.write(Frame::End(End { more, counts: self.order.counts, bytes: self.bytes, digest }))
    }

    /// Everything that was written since this was last asked.
    pub fn take_written(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// How many bytes wait to be taken.
    pub const fn waiting(&self) -> usize {
        self.out.len()
    }

    /// What was written so far.
    pub const fn counts(&self) -> Counts {
        self.order.counts
    }

    /// How many bytes were written in all.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    fn put(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
    }
}
