//! Names of immutable things by what they are: hexadecimal characters in lower case, no prefix.
//!
//! In a Muse history a name is a SHA-256, 64 characters (`spec/wire.md` 1). In a Git history it is a SHA-1, 40 characters:
//! its twenty bytes stand in the same thirty-two, the last twelve of which are zero (`docs/decisions/0014`). No SHA-256
//! that anybody can find ends so.
//!
//! `Display` and `FromStr` speak to people and addresses: 40 characters for the one, 64 for the other. Serde speaks to rows
//! and jobs: always 64, the whole thirty-two bytes.

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

/// The bytes behind a SHA-1.
const FILL_BYTES: usize = 12;

/// The bytes of a SHA-1 in front of the zeros; nothing if it is none. All zeros name nothing in either kind of history.
fn sha1_in(bytes: &[u8; 32]) -> Option<[u8; 20]> {
    let (front, fill) = bytes.split_last_chunk::<FILL_BYTES>()?;
    let front = <[u8; 20]>::try_from(front).ok()?;
    (*fill == [0; FILL_BYTES] && front != [0; 20]).then_some(front)
}

/// Reads 64 characters, or 40 with the zeros behind them. One text names one thing: 64 characters that are a SHA-1 and its
/// zeros are no text of it.
fn of_history(text: &str) -> Result<[u8; 32], BadDigest> {
    if text.len() == 40 {
        let bytes = from_hex(&format!("{text}{}", "0".repeat(2 * FILL_BYTES)))?;
        return if sha1_in(&bytes).is_some() { Ok(bytes) } else { Err(BadDigest) };
    }
    let bytes = from_hex(text)?;
    if sha1_in(&bytes).is_none() { Ok(bytes) } else { Err(BadDigest) }
}

macro_rules! digest {
    ($(#[$doc:meta])* $name:ident, $read:path) => {
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

            /// All 32 bytes as 64 characters, as rows and jobs hold them.
            pub fn whole(&self) -> String {
                std::str::from_utf8(&to_hex(&self.0)).unwrap_or_default().to_owned()
            }

            /// Reads what [`Self::whole`] gives, and the bounds between which names lie.
            pub fn from_whole(text: &str) -> Result<Self, BadDigest> {
                from_hex(text).map(Self)
            }

            /// Reads a SHA-256 and nothing else: 64 characters, as the Muse wire writes them.
            pub fn from_sha256_text(text: &str) -> Result<Self, BadDigest> {
                if text.len() == 64 { text.parse() } else { Err(BadDigest) }
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
                $read(text).map(Self)
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
                let text = to_hex(&self.0);
                serializer.serialize_str(std::str::from_utf8(&text).unwrap_or_default())
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::from_whole(&text).or_else(|_| text.parse()).map_err(D::Error::custom)
            }
        }
    };
}

/// Names in a history, of either kind.
macro_rules! history_digest {
    ($(#[$doc:meta])* $name:ident) => {
        digest! { $(#[$doc])* $name, of_history }

        impl $name {
            /// The name that Git gives: a SHA-1.
            pub fn from_sha1(bytes: [u8; 20]) -> Self {
                let mut whole = [0; 32];
                for (to, from) in whole.iter_mut().zip(bytes) {
                    *to = from;
                }
                Self(whole)
            }

            /// The SHA-1 that Git knows it by; nothing for a name of a Muse history.
            pub fn sha1(&self) -> Option<[u8; 20]> {
                sha1_in(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let text = to_hex(&self.0);
                let shown = if self.sha1().is_some() { 40 } else { 64 };
                let text = text.get(..shown).unwrap_or_default();
                f.write_str(std::str::from_utf8(text).unwrap_or_default())
            }
        }
    };
}

digest! {
    /// SHA-256 of bytes that are neither object, snapshot, commit nor tree node.
    Digest, from_hex
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&to_hex(&self.0)).unwrap_or_default())
    }
}

history_digest! {
    /// The name of an object: SHA-256 of its bytes (`spec/wire.md` 1.1), or of a Git blob.
    ObjectId
}
history_digest! {
    /// The name of a snapshot: SHA-256 of its canonical bytes (`spec/wire.md` 1.2), or of a Git tree.
    SnapshotId
}
history_digest! {
    /// The name of a commit: SHA-256 of its canonical bytes (`spec/wire.md` 1.3), or of a Git commit.
    CommitId
}
history_digest! {
    /// The name of a stored tree node, internal to the server (`spec/hub.md` 2), or of a Git tree.
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
    fn a_name_of_git_is_told_in_forty_digits_and_kept_in_sixty_four() {
        let text = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
        let id: NodeId = text.parse().unwrap();
        assert_eq!((id.to_string(), id.short()), (text.to_owned(), "4b825dc642".to_owned()));
        assert_eq!(id.sha1().map(NodeId::from_sha1), Some(id));
        let whole = format!("{text}{}", "0".repeat(24));
        assert_eq!(id.whole(), whole);
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, format!("\"{whole}\""));
        assert_eq!(serde_json::from_str::<NodeId>(&json).unwrap(), id);
        assert_eq!(serde_json::from_str::<NodeId>(&format!("\"{text}\"")).unwrap(), id);
        // One text for one name, and where only SHA-256 is spoken it is none.
        assert_eq!(whole.parse::<NodeId>(), Err(BadDigest));
        assert_eq!(NodeId::from_sha256_text(text), Err(BadDigest));
        assert_eq!(NodeId::from_sha256_text(&whole), Err(BadDigest));
        assert_eq!(text.parse::<Digest>(), Err(BadDigest));
        assert_eq!("0".repeat(40).parse::<NodeId>(), Err(BadDigest));
    }

    #[test]
    fn a_name_of_muse_is_none_of_git() {
        let id = ObjectId::of(b"A\n");
        assert_eq!((id.sha1(), id.whole()), (None, id.to_string()));
        assert_eq!(ObjectId::from_sha256_text(&id.to_string()), Ok(id));
        let zeros = CommitId::from_bytes([0; 32]);
        assert_eq!((zeros.to_string().parse(), zeros.sha1()), (Ok(zeros), None));
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
