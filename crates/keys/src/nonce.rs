//! A number used once, as text (`spec/trust.md` 2, 3.1).

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use names::Random;

/// The fewest characters: 16 bytes in base64url.
const MIN_CHARS: usize = 22;
/// The most characters: room for 48 bytes, and a bound for the store of nonces.
const MAX_CHARS: usize = 64;

/// The text is not a nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a nonce has {MIN_CHARS} to {MAX_CHARS} characters of a-z, A-Z, 0-9, `-` and `_`")]
pub struct BadNonce;

/// A nonce as it was sent. It is compared and signed as text and never decoded, so the last character's
/// spare bits do not matter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Nonce(Box<str>);

impl Nonce {
    /// A fresh nonce of 16 random bytes, as a client signs a request with.
    pub fn generate(random: &Random) -> Self {
        Self::of(&random.bytes::<16>())
    }

    /// A fresh nonce of 32 random bytes, as the server puts into a challenge.
    pub fn challenge(random: &Random) -> Self {
        Self::of(&random.bytes::<32>())
    }

    fn of(bytes: &[u8]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(bytes).into_boxed_str())
    }

    /// The nonce as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Nonce {
    type Err = BadNonce;

    fn from_str(text: &str) -> Result<Self, BadNonce> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if (MIN_CHARS..=MAX_CHARS).contains(&text.len()) && text.bytes().all(fits) {
            return Ok(Self(text.into()));
        }
        Err(BadNonce)
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_and_alphabet() {
        for good in ["a".repeat(22), "-_09azAZ".repeat(8)] {
            assert_eq!(good.parse::<Nonce>().unwrap().as_str(), good);
        }
        for bad in [
            "a".repeat(21),
            "a".repeat(65),
            format!("{}+", "a".repeat(30)),
            format!("{}=", "a".repeat(30)),
            format!("{} ", "a".repeat(30)),
            "é".repeat(11),
        ] {
            assert_eq!(bad.parse::<Nonce>(), Err(BadNonce), "{bad:?}");
        }
    }

    #[test]
    fn a_made_nonce_can_be_read_again() {
        let random = Random::seeded(1);
        for made in [Nonce::generate(&random), Nonce::challenge(&random)] {
            assert_eq!(made.as_str().parse::<Nonce>(), Ok(made));
        }
    }
}
