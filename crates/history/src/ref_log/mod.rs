//! The ref log: every movement of every ref as an entry in a chain of its ref, and every accepted entry sealed in one
//! chain of the repository (`spec/wire.md` 8).
//!
//! Pure: who signs and whose keys are whose is the caller's.
//!
//! | file        | what is there                                                      |
//! |-------------|--------------------------------------------------------------------|
//! | `mod.rs`    | [`RefEntry`], [`Seal`]: the two records, their bytes and hashes       |
//! | `chain.rs`  | [`Chain`]: whether items follow one another, from any place on        |

mod chain;
#[cfg(test)]
mod tests;

use names::{BadDigest, Digest, Hasher};

use crate::canonical;

pub use chain::{Chain, Item, LogFault, RefState, Signatures};

/// The ref on which a change of the instance's key is an entry; its targets are fingerprints of keys.
pub const SERVER_KEY: &str = "motet/server-key";

const ENTRY: &str = "motet-ref-v1";
const SEAL: &str = "motet-seal-v1";

/// One movement of one ref: what its pusher signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefEntry {
    /// The repository, as a UUID.
    pub repository_id: String,
    /// The full name, such as `refs/heads/main`.
    pub name: String,
    /// Where it was: a commit id, or empty for a ref that was not there.
    pub old: String,
    /// Where it is from now on: a commit id, or empty for one that is gone.
    pub new: String,
    /// 1, 2, … for each ref; goes on after a deletion.
    pub counter: u64,
    /// The hash of the ref's entry before; nothing for its first.
    pub prev: Option<Digest>,
    /// The fingerprint of the pusher's key; empty for a push with a bearer token.
    pub pusher_key: String,
    /// When, in RFC 3339 with milliseconds.
    pub time: String,
}

/// The server's word that it took an entry, and what came before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// The repository, as a UUID.
    pub repository_id: String,
    /// 1, 2, … for each repository.
    pub seq: u64,
    /// The hash of the seal before; nothing for the first.
    pub prev_seal: Option<Digest>,
    /// The entry that it seals.
    pub entry_hash: Digest,
    /// The hash of a merge record or a push certificate that is kept beside it.
    pub evidence: Option<Digest>,
    /// The handle of whoever moved the ref.
    pub principal: String,
    /// How: `msign`, `token`, `ssh`, `server`, `mirror` or `import`.
    pub via: String,
    /// When, in RFC 3339 with milliseconds.
    pub time: String,
    /// The fingerprint of the key that signs this.
    pub server_key: String,
}

impl RefEntry {
    /// What is signed.
    pub fn bytes(&self) -> Vec<u8> {
        let (counter, prev) = (self.counter.to_string(), text(self.prev));
        let fields = [
            ("repository_id", self.repository_id.as_str()),
            ("ref", &self.name),
            ("old", &self.old),
            ("new", &self.new),
            ("counter", &counter),
            ("prev", &prev),
            ("pusher_key", &self.pusher_key),
            ("time", &self.time),
        ];
        canonical::write(ENTRY, &fields)
    }

    /// Reads what [`RefEntry::bytes`] writes, and no other spelling of it.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let names = ["repository_id", "ref", "old", "new", "counter", "prev", "pusher_key", "time"];
        let [repository_id, name, old, new, counter, prev, pusher_key, time] =
            canonical::read(bytes, ENTRY, names)?;
        let [repository_id, name, old, new, pusher_key, time] =
            [repository_id, name, old, new, pusher_key, time].map(str::to_owned);
        let (counter, prev) = (number(counter)?, digest(prev).ok()?);
        Some(Self { repository_id, name, old, new, counter, prev, pusher_key, time })
    }

    /// The name of the entry in its chain: over the record and its signature.
    pub fn hash(&self, signature: Option<&[u8; 64]>) -> Digest {
        hash(&self.bytes(), signature)
    }
}

impl Seal {
    /// What the instance's key signs.
    pub fn bytes(&self) -> Vec<u8> {
        let (seq, prev) = (self.seq.to_string(), text(self.prev_seal));
        let (entry, evidence) = (self.entry_hash.to_string(), text(self.evidence));
        let fields = [
            ("repository_id", self.repository_id.as_str()),
            ("seq", &seq),
            ("prev_seal", &prev),
            ("entry_hash", &entry),
            ("evidence", &evidence),
            ("principal", &self.principal),
            ("via", &self.via),
            ("time", &self.time),
            ("server_key", &self.server_key),
        ];
        canonical::write(SEAL, &fields)
    }

    /// Reads what [`Seal::bytes`] writes, and no other spelling of it.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let names = [
            "repository_id",
            "seq",
            "prev_seal",
            "entry_hash",
            "evidence",
            "principal",
            "via",
            "time",
            "server_key",
        ];
        let [repository_id, seq, prev_seal, entry_hash, evidence, principal, via, time, server_key] =
            canonical::read(bytes, SEAL, names)?;
        let [repository_id, principal, via, time, server_key] =
            [repository_id, principal, via, time, server_key].map(str::to_owned);
        Some(Self {
            repository_id,
            seq: number(seq)?,
            prev_seal: digest(prev_seal).ok()?,
            entry_hash: entry_hash.parse().ok()?,
            evidence: digest(evidence).ok()?,
            principal,
            via,
            time,
            server_key,
        })
    }

    /// The name of the seal in its chain: over the record and its signature.
    pub fn hash(&self, signature: &[u8; 64]) -> Digest {
        hash(&self.bytes(), Some(signature))
    }
}

/// SHA-256 of a record and the field `signature`, with the raw bytes or with none.
fn hash(record: &[u8], signature: Option<&[u8; 64]>) -> Digest {
    let signature = signature.map_or(&[][..], |it| &it[..]);
    let mut hasher = Hasher::default();
    hasher.update(record);
    hasher.update(format!("signature {}\n", signature.len()).as_bytes());
    hasher.update(signature);
    hasher.update(b"\n");
    Digest::from_bytes(hasher.finish())
}

fn text(digest: Option<Digest>) -> String {
    digest.map(|it| it.to_string()).unwrap_or_default()
}

/// A digest, or nothing from an empty text.
fn digest(text: &str) -> Result<Option<Digest>, BadDigest> {
    if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
}

/// A number from 1 on, in its one spelling.
fn number(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number > 0 && number.to_string() == text).then_some(number)
}
