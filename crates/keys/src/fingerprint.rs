//! The name of a key: `SHA256:` and 43 characters, as `ssh-keygen -l` prints it (`spec/trust.md` 2).

use std::{borrow::Cow, fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest as _, Sha256};

use crate::ssh;

const PREFIX: &str = "SHA256:";

/// The text is not a fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint is `SHA256:` and 43 characters, as `ssh-keygen -l` prints it")]
pub struct BadFingerprint;

/// The SHA-256 of a public key in its SSH form. Not a secret: it names the key in rows, logs and headers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of the raw 32 bytes of an Ed25519 key.
    pub(crate) fn of(key: &[u8; 32]) -> Self {
        Self(Sha256::digest(ssh::public_blob(key)).into())
    }

    /// Wraps the hash itself, as read from a row.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash itself.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for Fingerprint {
    type Err = BadFingerprint;

    fn from_str(text: &str) -> Result<Self, BadFingerprint> {
        let hash =
            text.strip_prefix(PREFIX).filter(|hash| hash.len() == 43).ok_or(BadFingerprint)?;
        let bytes = STANDARD_NO_PAD.decode(hash).map_err(|_| BadFingerprint)?;
        bytes.try_into().map(Self).map_err(|_| BadFingerprint)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", STANDARD_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `spec/trust.md` 3.4, V1.
    const GOOD: &str = "SHA256:lbmsoA0yIEcEiVDRnMWuzm+nV+3ZEEpVIURqFoeSspg";

    #[test]
    fn text_and_serde_go_there_and_back() {
        let print: Fingerprint = GOOD.parse().unwrap();
        assert_eq!(print.to_string(), GOOD);
        assert_eq!(Fingerprint::from_bytes(*print.as_bytes()), print);
        let json = serde_json::to_string(&print).unwrap();
        assert_eq!(json, format!("\"{GOOD}\""));
        assert_eq!(serde_json::from_str::<Fingerprint>(&json).unwrap(), print);
        assert!(serde_json::from_str::<Fingerprint>("\"SHA256:x\"").is_err());
    }

    #[test]
    fn only_one_spelling() {
        for bad in [
            String::new(),
            "SHA256:".to_owned(),
            GOOD[7..].to_owned(),
            GOOD.to_lowercase(),
            GOOD.replace("SHA256", "sha256"),
            GOOD.replace("SHA256", "MD5"),
            format!("{GOOD}="),
            format!("{GOOD} "),
            format!(" {GOOD}"),
            format!("{GOOD}A"),
            GOOD[..GOOD.len() - 1].to_owned(),
            GOOD.replace('+', "-"),
            // The last character carries two bits that must be zero: `h` is `g` with one of them set.
            format!("{}h", &GOOD[..GOOD.len() - 1]),
        ] {
            assert_eq!(bad.parse::<Fingerprint>(), Err(BadFingerprint), "{bad:?}");
        }
    }
}
