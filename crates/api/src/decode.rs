//! What both codecs of the wire share: how far they go, and how they fail (`spec/wire.md` 3, 10).
//!
//! A decoder reads what an unknown peer wrote, so it never believes a length before the bytes have come, and it
//! counts what it keeps.

use std::{fmt, io, sync::Arc};

/// The deepest nesting of lists and maps in a message; the 65th is refused (`spec/wire.md` 3).
pub const MAX_DEPTH: usize = 64;

/// How often the length of a body its decoded form may weigh. Recorded messages of some length weigh 1 to 2.7
/// times as much; a list of one-byte items would reach 32 and is stopped here.
const WEIGHT: u64 = 4;

/// What any body may weigh: the overhead of a few keys is many times a body of a few bytes.
const FLOOR_BYTES: u64 = 64 * 1024;

/// Why a body was not decoded.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are not a message: 400 `malformed`.
    #[error("{what} (byte {offset})")]
    Malformed {
        /// How many bytes stood before the fault.
        offset: u64,
        /// What is wrong, in words for the peer.
        what: String,
    },
    /// A limit of [`Limits`] is reached: 413 `too_large`.
    #[error("{what}")]
    TooLarge {
        /// Which limit.
        what: String,
    },
    /// The reader below failed: nothing is known about the message.
    #[error("the body could not be read")]
    Io(#[from] io::Error),
}

/// Who counts what several bodies weigh together.
pub trait Scale: fmt::Debug + Send + Sync {
    /// Called before the values of a body grow to `weight_bytes`. May wait. Fails if there is no room for them, which
    /// comes out of the decoder as [`DecodeError::Io`].
    fn weigh(&self, weight_bytes: u64) -> io::Result<()>;
}

/// How much one body may be and weigh.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The longest body.
    pub body_bytes: u64,
    /// The most that its decoded values may weigh; streamed bytes do not count.
    pub memory_bytes: u64,
    /// Who else counts that weight.
    pub scale: Option<Arc<dyn Scale>>,
}

impl Limits {
    /// The limits for a body of at most `body_bytes`.
    pub const fn of_body(body_bytes: u64) -> Self {
        Self {
            body_bytes,
            memory_bytes: body_bytes.saturating_mul(WEIGHT).saturating_add(FLOOR_BYTES),
            scale: None,
        }
    }

    /// Refuses a body that is known to reach `end_bytes`.
    pub(crate) fn check_body(&self, end_bytes: u64) -> Result<(), DecodeError> {
        if end_bytes <= self.body_bytes {
            return Ok(());
        }
        let what = format!("the body is above the limit of {} bytes", self.body_bytes);
        Err(DecodeError::TooLarge { what })
    }

    /// Refuses decoded values that weigh more than is allowed.
    pub(crate) fn check_memory(&self, weight_bytes: u64) -> Result<(), DecodeError> {
        if weight_bytes <= self.memory_bytes {
            return match &self.scale {
                Some(scale) => Ok(scale.weigh(weight_bytes)?),
                None => Ok(()),
            };
        }
        let what = format!(
            "the body holds too many small items: decoded, it is above the limit of {} bytes",
            self.memory_bytes
        );
        Err(DecodeError::TooLarge { what })
    }
}

/// The sentence about nesting, the same in both codecs.
pub(crate) fn too_deep() -> String {
    format!("lists and maps are nested more than {MAX_DEPTH} deep")
}

/// The sentence about a repeated key, the same in both codecs.
pub(crate) fn doubled(key: &str) -> String {
    format!("the key `{}` occurs twice in a map", crate::wire::quotable(key))
}
