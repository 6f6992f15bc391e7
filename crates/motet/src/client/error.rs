//! Why a call did not succeed.

use api::{DecodeError, WireCode, WireError};

use super::{AddressError, Refusal};

/// Why a call did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address cannot be used.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Plain HTTP to another machine.
    #[error("{origin} is not encrypted, and not on this machine")]
    Insecure {
        /// The server.
        origin: String,
    },
    /// The client itself could not be made: no certificates, say.
    #[error("the HTTP client cannot be set up: {0}")]
    Setup(String),
    /// The call needs a key, and there is none.
    #[error("this needs a key that {origin} knows")]
    NoKey {
        /// The server.
        origin: String,
    },
    /// Nobody answered.
    #[error("{origin} cannot be reached: {cause}")]
    Unreachable {
        /// The server.
        origin: String,
        /// What the network said.
        cause: String,
    },
    /// The answer did not come in time.
    #[error("{origin} has not answered for {seconds} seconds")]
    TimedOut {
        /// The server.
        origin: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The connection broke in the middle of an answer.
    #[error("the answer of {origin} was cut off: {cause}")]
    CutOff {
        /// The server.
        origin: String,
        /// What the network said.
        cause: String,
    },
    /// The server sent elsewhere.
    #[error("{origin} points to `{location}`, and signed requests follow no redirect")]
    Redirect {
        /// The server.
        origin: String,
        /// Where it points.
        location: String,
    },
    /// The server said no.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// What came is not an answer.
    #[error("{origin} answered with something that is not part of the protocol: {reason}")]
    BadAnswer {
        /// The server.
        origin: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The answer is longer than is read.
    #[error("the answer of {origin} is longer than {max_bytes} bytes")]
    TooLong {
        /// The server.
        origin: String,
        /// The limit.
        max_bytes: u64,
    },
    /// What came is an answer, and holds what cannot be true: a bad id, path or name.
    #[error("the answer of {origin} cannot be believed: {reason}")]
    Unbelievable {
        /// The server.
        origin: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl ClientError {
    /// An answer of `origin` that could not be decoded.
    pub(super) fn decode(origin: &impl ToString, error: &DecodeError) -> Self {
        Self::BadAnswer { origin: origin.to_string(), reason: error.to_string() }
    }

    /// An answer of `origin` that was decoded, and is not the one that was asked for.
    pub(super) fn shape(origin: &impl ToString, error: &WireError) -> Self {
        let (origin, reason) = (origin.to_string(), error.sentence.clone());
        match error.code {
            WireCode::Malformed | WireCode::TooLarge | WireCode::BadContent => {
                Self::BadAnswer { origin, reason }
            }
            _ => Self::Unbelievable { origin, reason },
        }
    }

    /// What the server refused with, if it did.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// The code of the refusal; empty for every other error.
    pub fn refusal_code(&self) -> &str {
        self.refusal().map_or("", |refusal| refusal.code.as_str())
    }
}
