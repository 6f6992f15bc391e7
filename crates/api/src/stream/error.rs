//! Why a stream cannot be read on, or written.

use crate::{DecodeError, WireError};

/// Why a stream ends before its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// The bytes stopped: what stands before the last cursor is whole, and the rest can be asked for again.
    #[error("the stream was cut after {bytes} bytes")]
    Cut {
        /// How many whole bytes came.
        bytes: u64,
    },
    /// The bytes are not a stream, or not in this order.
    #[error("{what} (in the frame at byte {offset})")]
    Malformed {
        /// Where the frame begins.
        offset: u64,
        /// What is wrong, in words for the peer.
        what: String,
    },
    /// A frame is, or would become, larger than any frame may be.
    #[error("{what} (in the frame at byte {offset})")]
    TooLarge {
        /// Where the frame begins.
        offset: u64,
        /// Which cap.
        what: String,
    },
    /// All frames came, and they are not those that were sent.
    #[error("the stream does not have the digest that it ends with")]
    Digest,
}

/// Why one payload is refused, before it is known where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    Malformed(String),
    TooLarge(String),
}

impl Refused {
    pub(super) fn malformed(what: impl Into<String>) -> Self {
        Self::Malformed(what.into())
    }

    pub(super) fn at(self, offset: u64) -> StreamError {
        match self {
            Self::Malformed(what) => StreamError::Malformed { offset, what },
            Self::TooLarge(what) => StreamError::TooLarge { offset, what },
        }
    }
}

impl From<DecodeError> for Refused {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::TooLarge { what } => Self::TooLarge(what),
            DecodeError::Malformed { .. } | DecodeError::Io(_) => {
                Self::Malformed(error.to_string())
            }
        }
    }
}

impl From<WireError> for Refused {
    fn from(error: WireError) -> Self {
        match error.code {
            crate::WireCode::TooLarge => Self::TooLarge(error.sentence),
            _ => Self::Malformed(error.sentence),
        }
    }
}
