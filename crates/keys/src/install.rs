//! The install key: 32 bytes under which every secret at rest is sealed (`spec/trust.md` 5, 12).
//!
//! It is never used itself. Each purpose has a child key under its own label, so that what one leaks says
//! nothing of the others.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD},
};
use hkdf::{
    Hkdf,
    hmac::{Hmac, KeyInit as _, Mac as _},
};
use names::{Random, Secret};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

const KEY_ID_LABEL: &str = "motet-key-id";
const SAMPLE_LABEL: &str = "motet-key-sample-v1";
const SAMPLE_TEXT: &[u8] = b"motet install key sample";
/// Room to decode any of the texts: 44 characters of base64 hold at most 33 bytes, which is one too many.
const ROOM_BYTES: usize = 48;

/// Why a text is not an install key. Says nothing of the text itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InstallKeyError {
    /// Too long or too short.
    #[error(
        "an install key is 32 bytes written as 44 characters of base64, 43 or 44 of base64url, or 64 hexadecimal digits; this text has {0} characters"
    )]
    Length(usize),
    /// A blank or a second line end.
    #[error("an install key has no blanks and no line breaks but one at the end")]
    Blank,
    /// The right length, but not canonical, or not 32 bytes.
    #[error("the install key is not canonical base64 or hexadecimal of 32 bytes")]
    Encoding,
}

/// The key of the install. Wiped when dropped; neither printed nor compared.
///
/// ```compile_fail
/// let key = keys::InstallKey::generate(&names::Random::default());
/// println!("{key:?}");
/// ```
#[derive(Clone)]
pub struct InstallKey(Secret<[u8; 32]>);

impl InstallKey {
    /// A fresh key.
    pub fn generate(random: &Random) -> Self {
        Self(Secret::new(random.bytes()))
    }

    /// Reads the content of a setting or file; one line feed at its end is allowed.
    pub fn parse(text: &[u8]) -> Result<Self, InstallKeyError> {
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        if text.iter().any(u8::is_ascii_whitespace) {
            return Err(InstallKeyError::Blank);
        }
        match text.len() {
            43 => decode_base64(&URL_SAFE_NO_PAD, text),
            44 => decode_base64(&STANDARD, text).or_else(|_| decode_base64(&URL_SAFE, text)),
            64 => decode_hex(text),
            other => Err(InstallKeyError::Length(other)),
        }
    }

    /// The key as 44 characters of base64, for the file that embedded mode makes.
    pub fn to_text(&self) -> Secret<String> {
        Secret::new(STANDARD.encode(self.0.expose()))
    }

    /// The key's public name: the first 8 bytes of SHA-256(`motet-key-id` ‖ key) (`spec/trust.md` 5, Sealing).
    pub fn key_id(&self) -> [u8; 8] {
        let hash: [u8; 32] = Sha256::new()
            .chain_update(KEY_ID_LABEL)
            .chain_update(self.0.expose())
            .finalize()
            .into();
        hash.first_chunk().copied().unwrap_or_default()
    }

    /// The child key for one purpose: HKDF-SHA256 without salt, `label` as info (RFC 5869).
    #[expect(clippy::expect_used, reason = "RFC 5869 §2.3 bounds the output at 255 × 32 bytes")]
    pub fn derive(&self, label: &str) -> Secret<[u8; 32]> {
        let mut child = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::new(None, self.0.expose())
            .expand(label.as_bytes(), child.as_mut_slice())
            .expect("32 bytes are within the bound");
        Secret::new(*child)
    }

    /// What the first boot stores, so that a later one with another key notices. Tells nothing of the key.
    pub fn sample(&self) -> [u8; 32] {
        self.sample_mac().finalize().into_bytes().into()
    }

    /// Whether `stored` was made by this key; in constant time.
    pub fn check_sample(&self, stored: &[u8]) -> bool {
        self.sample().ct_eq(stored).into()
    }

    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length (RFC 2104 §2)")]
    fn sample_mac(&self) -> Hmac<Sha256> {
        let child = self.derive(SAMPLE_LABEL);
        Hmac::<Sha256>::new_from_slice(child.expose())
            .expect("any length will do")
            .chain_update(SAMPLE_TEXT)
    }
}

/// Refuses stray bits and foreign padding, so that what is read writes itself again.
fn decode_base64(engine: &impl base64::Engine, text: &[u8]) -> Result<InstallKey, InstallKeyError> {
    let mut room = Zeroizing::new([0; ROOM_BYTES]);
    let count =
        engine.decode_slice(text, room.as_mut_slice()).map_err(|_| InstallKeyError::Encoding)?;
    let bytes = room.get(..count).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    bytes.map(|bytes| InstallKey(Secret::new(bytes))).ok_or(InstallKeyError::Encoding)
}

fn decode_hex(text: &[u8]) -> Result<InstallKey, InstallKeyError> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = Zeroizing::new([0; 32]);
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let [high, low] = pair else { return Err(InstallKeyError::Encoding) };
        let (high, low) = digit(*high).zip(digit(*low)).ok_or(InstallKeyError::Encoding)?;
        *byte = high << 4 | low;
    }
    Ok(InstallKey(Secret::new(*bytes)))
}
