//! [`Decoder`]: bytes to frames, as they come.

use names::Hasher;

use super::{
    End, Frame, StreamError,
    error::Refused,
    limits::{MAGIC, PAYLOAD_BYTES},
    order::Order,
    pack::Unpacker,
    payload::Type,
};

/// Type, flags and length.
const HEAD_BYTES: usize = 6;
/// The payload is packed.
const PACKED: u8 = 0x01;
/// Whoever does not know the type may leave the frame out.
const OPTIONAL: u8 = 0x80;

/// Reads a stream that comes piece by piece: [`feed`](Self::feed) it, and take [`next_frame`](Self::next_frame) until there is
/// none. Keeps at most one payload, and what it was fed and has not taken.
///
/// A stream may be taken up in the middle, between two frames, by whoever kept the decoder, goes through the bytes again
/// (the digest covers them all), or believes what came before: [`Decoder::resumed`].
#[derive(Debug, Default)]
pub struct Decoder {
    /// Bytes that have come; those before `at` have been taken.
    buffer: Vec<u8>,
    at: usize,
    /// How many bytes were taken, in whole frames.
    offset: u64,
    digest: Hasher,
    /// What the whole stream has come to, of one that began in the middle, if that is known.
    whole: Option<Hasher>,
    order: Order,
    unpacker: Unpacker,
    has_begun: bool,
    /// Whether it began in the middle: what stands before has been believed by somebody else.
    is_resumed: bool,
}

impl Decoder {
    /// One for a stream that goes on at `offset`, between two frames and behind a cursor, of which `before` has seen what
    /// came until there. Its end has the digest of the whole or, from those who cannot know it any more, of what comes from
    /// here on. Where nobody has seen what came before, another one may be that of the whole, and is believed. Counts at its
    /// end are those of the whole and cannot be compared; each thing still has its id.
    pub fn resumed(offset: u64, before: Option<Hasher>) -> Self {
        Self {
            offset,
            whole: before,
            order: Order::resumed(),
            has_begun: true,
            is_resumed: true,
            ..Self::default()
        }
    }

    /// Takes the next bytes of the stream.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.at);
        self.at = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// How many bytes the frames have that were taken: where a transfer that was cut goes on.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// What the stream has come to so far, for whoever goes on with it; nothing if that is not known.
    pub fn seen(&self) -> Option<Hasher> {
        if self.is_resumed { self.whole.clone() } else { Some(self.digest.clone()) }
    }

    /// Whether nothing that was begun lacks its end: a cursor may stand in the middle of a large object.
    pub fn is_between(&self) -> bool {
        self.order.is_between()
    }

    /// Whether the last frame was taken.
    pub fn is_over(&self) -> bool {
        self.order.is_over()
    }

    /// The next frame that is whole; none if more bytes have to come first. What is wrong is found before it takes
    /// memory: a length in the head of a frame, what packed bytes declare.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, StreamError> {
        if !self.has_begun {
            let Some(magic) = ahead(&self.buffer, self.at, MAGIC.len()) else {
                return self.check_magic();
            };
            if magic != MAGIC {
                return Err(self.refuse(Refused::malformed("this is not a stream of wire 2")));
            }
            self.take(MAGIC.len());
            self.has_begun = true;
        }
        loop {
            if self.is_over() {
                let follows = self.buffer.len() > self.at;
                let refused = || Refused::malformed("nothing follows the end of a stream");
                return if follows { Err(self.refuse(refused())) } else { Ok(None) };
            }
            let Some(head) = ahead(&self.buffer, self.at, HEAD_BYTES) else { return Ok(None) };
            let (kind, flags, length) = self.head(head.try_into().unwrap_or_default())?;
            let Some(payload) = ahead(&self.buffer, self.at + HEAD_BYTES, length) else {
                return Ok(None);
            };
            let Some(kind) = kind else {
                self.take(HEAD_BYTES + length);
                continue;
            };
            let payload = if flags & PACKED == 0 {
                Ok(payload.to_vec())
            } else {
                self.unpacker.unpack(payload)
            };
            let frame = payload.and_then(|payload| Frame::of(kind, payload));
            let frame = frame.map_err(|refused| self.refuse(refused))?;
            self.order.take(&frame).map_err(|refused| self.refuse(refused))?;
            if let Frame::End(end) = &frame {
                self.check_end(end)?;
            }
            self.take(HEAD_BYTES + length);
            return Ok(Some(frame));
        }
    }

    /// How many bytes are kept.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.buffer.capacity()
    }

    /// To be asked when no more bytes come: a stream without a last frame was cut.
    pub fn finish(&self) -> Result<(), StreamError> {
        if self.is_over() { Ok(()) } else { Err(StreamError::Cut { bytes: self.offset }) }
    }

    /// Type, flags and length of the next frame. No type is one that may be left out.
    fn head(&self, head: [u8; HEAD_BYTES]) -> Result<(Option<Type>, u8, usize), StreamError> {
        let [byte, flags, length @ ..] = head;
        let length = u32::from_be_bytes(length);
        let kind = Type::of(byte);
        if kind.is_none() && flags & OPTIONAL == 0 {
            let what = format!("a frame of the unknown type {byte:02x}");
            return Err(self.refuse(Refused::malformed(what)));
        }
        if flags & !(PACKED | OPTIONAL) != 0 {
            return Err(self.refuse(Refused::malformed(format!("unknown flags {flags:02x}"))));
        }
        match usize::try_from(length) {
            Ok(length) if length <= PAYLOAD_BYTES => Ok((kind, flags, length)),
            _ => {
                let what = format!("a payload of {length} bytes: the limit is {PAYLOAD_BYTES}");
                Err(self.refuse(Refused::TooLarge(what)))
            }
        }
    }

    fn check_magic(&self) -> Result<Option<Frame>, StreamError> {
        let come = self.buffer.get(self.at..).unwrap_or_default();
        if MAGIC.starts_with(come) {
            return Ok(None);
        }
        Err(self.refuse(Refused::malformed("this is not a stream of wire 2")))
    }

    fn check_end(&self, end: &End) -> Result<(), StreamError> {
        let is_of_whole = match &self.whole {
            Some(whole) => end.digest == whole.clone().finish(),
            None => self.is_resumed,
        };
        if !is_of_whole && end.digest != self.digest.clone().finish() {
            return Err(StreamError::Digest);
        }
        let is_counted = self.is_resumed || end.counts == self.order.counts;
        if end.bytes != self.offset || !is_counted {
            let what = "the end of the stream counts other things than came";
            return Err(self.refuse(Refused::malformed(what)));
        }
        Ok(())
    }

    fn take(&mut self, count: usize) {
        let taken = self.buffer.get(self.at..self.at + count).unwrap_or_default();
        self.digest.update(taken);
        if let Some(whole) = &mut self.whole {
            whole.update(taken);
        }
        self.offset += taken.len() as u64;
        self.at += taken.len();
    }

    fn refuse(&self, refused: Refused) -> StreamError {
        refused.at(self.offset)
    }
}

/// The bytes of a buffer from `at` on, if so many have come.
fn ahead(buffer: &[u8], at: usize, count: usize) -> Option<&[u8]> {
    buffer.get(at..at + count)
}
