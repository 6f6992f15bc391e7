//! A signature and its two texts: base64url in headers, `ed25519v1:` in commit records.

use std::{fmt, str::FromStr};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

/// What a native commit signature begins with (`spec/wire.md` 7).
const COMMIT_PREFIX: &str = "ed25519v1:";

/// The text is not a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a signature is 64 bytes in canonical base64 of the expected form")]
pub struct BadSignature;

/// The 64 bytes of an Ed25519 signature, not yet checked against anything.
///
/// Its text is canonical unpadded base64url, 86 characters (`spec/trust.md` 3.1).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 64]);

impl Signature {
    /// Wraps raw bytes, such as an SSH agent's answer.
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// The raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }

    /// The text that a commit record holds: `ed25519v1:` and padded standard base64, 98 characters
    /// (`spec/wire.md` 7).
    pub fn to_commit_text(&self) -> String {
        format!("{COMMIT_PREFIX}{}", STANDARD.encode(self.0))
    }

    /// Reads what [`Signature::to_commit_text`] writes, and no other spelling of it.
    pub fn from_commit_text(text: &str) -> Result<Self, BadSignature> {
        let base64 = text.strip_prefix(COMMIT_PREFIX).ok_or(BadSignature)?;
        decode(&STANDARD, base64, 88)
    }
}

/// Decodes `text` of exactly `length` characters; the engines refuse stray bits and padding of the other form.
fn decode(
    engine: &impl base64::Engine,
    text: &str,
    length: usize,
) -> Result<Signature, BadSignature> {
    if text.len() != length {
        return Err(BadSignature);
    }
    let bytes = engine.decode(text).map_err(|_| BadSignature)?;
    bytes.try_into().map(Signature).map_err(|_| BadSignature)
}

impl FromStr for Signature {
    type Err = BadSignature;

    fn from_str(text: &str) -> Result<Self, BadSignature> {
        decode(&URL_SAFE_NO_PAD, text, 86)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// Hides the bytes: a request signature in a log could be replayed within its window (`spec/trust.md` 12).
impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `spec/trust.md` 3.4, V1.
    const GOOD: &str =
        "IchBAXRJnri5ssWXjIv3rvqIkpAt1O6eW1k9f-NoyeDJY302oo3BexckOuTLuc6mzkfUZigZQjT5FTKTSZIDAw";
    /// `spec/wire.md` 7.
    const COMMIT: &str = "ed25519v1:eq7oiMqNa0ogwusRhyvMN9oWKkUMDWmEiAqxZJ6jpSXvBuaRQnVJZeysyXkQzp7d88RY18sJCmTqikx68zNZCw==";

    #[test]
    fn both_texts_go_there_and_back() {
        assert_eq!(GOOD.parse::<Signature>().unwrap().to_string(), GOOD);
        assert_eq!(Signature::from_commit_text(COMMIT).unwrap().to_commit_text(), COMMIT);
        assert_eq!(COMMIT.len(), 98);
        assert_eq!(format!("{:?}", GOOD.parse::<Signature>().unwrap()), "Signature(..)");
    }

    #[test]
    fn only_one_spelling() {
        for bad in [
            String::new(),
            format!("{GOOD}=="),
            format!("{GOOD}A"),
            GOOD[1..].to_owned(),
            GOOD.replace('-', "+"),
            // Four stray bits in the last character: `x` is `w` with the lowest set.
            format!("{}x", &GOOD[..85]),
        ] {
            assert_eq!(bad.parse::<Signature>(), Err(BadSignature), "{bad:?}");
        }
        for bad in [
            GOOD.to_owned(),
            COMMIT.trim_end_matches('=').to_owned(),
            COMMIT.replace("ed25519v1", "ED25519V1"),
            COMMIT.replace("ed25519v1", "ed25519v2"),
            format!("{COMMIT} "),
            COMMIT.replace("Cw==", "Cx=="),
        ] {
            assert_eq!(Signature::from_commit_text(&bad), Err(BadSignature), "{bad:?}");
        }
    }
}
