//! SHA-256 names of immutable things: 64 lower-case hexadecimal characters, no prefix (`spec/wire.md` 1).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest as _, Sha256};

/// The text is not 64 lower-case hexadecimal characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id is 64 lower-case hexadecimal characters")]
pub struct BadDigest;

/// A running SHA-256, for bytes that arrive in pieces.
#[derive(Debug, Clone, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Takes the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of everything taken.
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

fn to_hex(bytes: &[u8; 32]) -> [u8; 64] {
    let mut text = [0; 64];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        if let [high, low] = pair {
            *high = DIGITS.get(usize::from(byte >> 4)).copied().unwrap_or_default();
            *low = DIGITS.get(usize::from(byte & 15)).copied().unwrap_or_default();
        }
    }
    text
}

fn from_hex(text: &str) -> Result<[u8; 32], BadDigest> {
    fn digit(byte: u8) -> Result<u8, BadDigest> {
        match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(BadDigest),
        }
    }
    if text.len() != 64 {
        return Err(BadDigest);
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        if let [high, low] = pair {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
    }
    Ok(bytes)
}

macro_rules! digest {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// The name of `bytes`: their SHA-256.
            pub fn of(bytes: &[u8]) -> Self {
                Self(Sha256::digest(bytes).into())
            }

            /// Wraps a hash that was computed piece by piece or read from a row.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The raw 32 bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// The first ten digits, for people.
            pub fn short(&self) -> String {
                let mut text = self.to_string();
                text.truncate(10);
                text
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(std::str::from_utf8(&to_hex(&self.0)).unwrap_or_default())
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
        impl FromStr for $name {
            type Err = BadDigest;

            fn from_str(text: &str) -> Result<Self, BadDigest> {
                from_hex(text).map(Self)
            }
        }
        impl TryFrom<&[u8]> for $name {
            type Error = BadDigest;

            fn try_from(bytes: &[u8]) -> Result<Self, BadDigest> {
                bytes.try_into().map(Self).map_err(|_| BadDigest)
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }
    };
}

digest! {
    /// SHA-256 of bytes that are neither object, snapshot, commit nor tree node.
    Digest
}
digest! {
    /// The name of an object: SHA-256 of its bytes (`spec/wire.md` 1.1).
    ObjectId
}
digest! {
    /// The name of a snapshot: SHA-256 of its canonical bytes (`spec/wire.md` 1.2).
    SnapshotId
}
digest! {
    /// The name of a commit: SHA-256 of its canonical bytes (`spec/wire.md` 1.3).
    CommitId
}
digest! {
    /// The name of a stored tree node, internal to the server (`spec/hub.md` 2).
    NodeId
}

impl ObjectId {
    /// The object of no bytes, which every repository holds from the start (`spec/wire.md` D1).
    pub const EMPTY: Self = Self([
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9,
        0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52,
        0xb8, 0x55,
    ]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_goes_there_and_back() {
        let id = ObjectId::of(b"A\n");
        let text = "06f961b802bc46ee168555f066d28f4f0e9afdf3f88174c1ee6f9de004fc30a0";
        assert_eq!(id.to_string(), text);
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(ObjectId::of(b""), ObjectId::EMPTY);
    }

    #[test]
    fn only_lower_case_and_whole() {
        let good = ObjectId::of(b"x").to_string();
        for bad in [String::new(), good.to_uppercase(), good[1..].to_owned(), format!("{good}0")] {
            assert_eq!(bad.parse::<ObjectId>(), Err(BadDigest), "{bad:?}");
        }
        assert_eq!(format!("{}g", &good[1..]).parse::<ObjectId>(), Err(BadDigest));
        assert!(serde_json::from_str::<CommitId>("\"../etc\"").is_err());
    }
}
