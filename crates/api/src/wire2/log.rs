//! Messages about the ref log (`spec/wire.md` 8, 9). Records and signatures travel as the texts that were signed.

use crate::{
    Value, WireCode, WireError,
    wire::{Fields, limits},
};

/// Items in one page of the log.
pub const LOG_ITEMS: usize = 1_000;
/// Keys that may be asked for at once.
pub const KEYS: usize = 1_000;
/// The longest record: fields of at most a few hundred bytes each.
const RECORD_BYTES: usize = 8 << 10;
/// A fingerprint, a signature, an OpenSSH line.
const KEY_BYTES: usize = 256;

/// An entry with its seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogItem {
    /// The record of the movement.
    pub entry: String,
    /// Of the pusher, in the form of commits; empty for none.
    pub signature: String,
    /// The hash of the entry, for those who do not compute it.
    pub entry_hash: String,
    /// Whether commits were left behind.
    pub forced: bool,
    /// The record of the seal.
    pub seal: String,
    /// Of the server.
    pub seal_signature: String,
    /// The hash of the seal.
    pub seal_hash: String,
}

/// Where a log ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogHead {
    /// The number of the last seal; 0 for an empty log.
    pub seq: u64,
    /// Its hash; empty for an empty log.
    pub seal_hash: String,
    /// The fingerprint of the key that sealed it.
    pub server_key: String,
    /// That key, as an OpenSSH line.
    pub public_key: String,
}

/// A page of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPage {
    /// In the order of the seals.
    pub items: Vec<LogItem>,
    /// The number behind which the next page begins; none on the last page.
    pub next_after: Option<u64>,
    /// Where the log ends.
    pub head: LogHead,
}

/// Asks for registered keys by their fingerprints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysWanted {
    /// Which.
    pub keys: Vec<String>,
}

/// A registered key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownKey {
    /// Its name.
    pub fingerprint: String,
    /// Itself, as an OpenSSH line.
    pub public_key: String,
    /// Whose it is.
    pub handle: String,
}

/// Those of the wanted keys that are registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownKeys {
    /// In no order.
    pub keys: Vec<KnownKey>,
}

fn number(fields: &mut Fields, key: &str) -> Result<u64, WireError> {
    let number = fields.int_or(key, 0)?;
    u64::try_from(number)
        .map_err(|_| WireError::new(WireCode::Malformed, format!("`{key}` is below zero")))
}

impl TryFrom<Value> for LogItem {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let fields = &mut Fields::of(value, "an item of the log")?;
        Ok(Self {
            entry: fields.text_or("entry", "", RECORD_BYTES)?,
            signature: fields.text_or("signature", "", KEY_BYTES)?,
            entry_hash: fields.text_or("entry_hash", "", KEY_BYTES)?,
            forced: fields.bool_or("forced", false)?,
            seal: fields.text_or("seal", "", RECORD_BYTES)?,
            seal_signature: fields.text_or("seal_signature", "", KEY_BYTES)?,
            seal_hash: fields.text_or("seal_hash", "", KEY_BYTES)?,
        })
    }
}

impl From<LogItem> for Value {
    fn from(it: LogItem) -> Self {
        Self::map([
            ("entry", it.entry.into()),
            ("signature", it.signature.into()),
            ("entry_hash", it.entry_hash.into()),
            ("forced", it.forced.into()),
            ("seal", it.seal.into()),
            ("seal_signature", it.seal_signature.into()),
            ("seal_hash", it.seal_hash.into()),
        ])
    }
}

impl TryFrom<Value> for LogHead {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let fields = &mut Fields::of(value, "the end of the log")?;
        Ok(Self {
            seq: number(fields, "seq")?,
            seal_hash: fields.text_or("seal_hash", "", KEY_BYTES)?,
            server_key: fields.text_or("server_key", "", KEY_BYTES)?,
            public_key: fields.text_or("public_key", "", KEY_BYTES)?,
        })
    }
}

impl From<LogHead> for Value {
    fn from(it: LogHead) -> Self {
        Self::map([
            ("seq", it.seq.into()),
            ("seal_hash", it.seal_hash.into()),
            ("server_key", it.server_key.into()),
            ("public_key", it.public_key.into()),
        ])
    }
}

impl TryFrom<Value> for LogPage {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let fields = &mut Fields::of(value, "a page of the log")?;
        let items = fields.required_list("items", LOG_ITEMS)?;
        let next = fields.int_or("next_after", 0)?;
        Ok(Self {
            items: items.into_iter().map(LogItem::try_from).collect::<Result<_, _>>()?,
            next_after: u64::try_from(next).ok().filter(|next| *next > 0),
            head: fields.required("head")?.try_into()?,
        })
    }
}

impl From<LogPage> for Value {
    fn from(it: LogPage) -> Self {
        Self::map([
            ("items", Self::list(it.items)),
            ("next_after", it.next_after.map_or(Self::Nil, Self::from)),
            ("head", it.head.into()),
        ])
    }
}

impl TryFrom<Value> for KeysWanted {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let fields = &mut Fields::of(value, "the question")?;
        Ok(Self { keys: fields.texts("keys", KEYS, KEY_BYTES)? })
    }
}

impl From<KeysWanted> for Value {
    fn from(it: KeysWanted) -> Self {
        Self::map([("keys", Self::list(it.keys))])
    }
}

impl TryFrom<Value> for KnownKey {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let fields = &mut Fields::of(value, "a key")?;
        Ok(Self {
            fingerprint: fields.text_or("fingerprint", "", KEY_BYTES)?,
            public_key: fields.text_or("public_key", "", KEY_BYTES)?,
            handle: fields.text_or("handle", "", limits::FIELD_BYTES)?,
        })
    }
}

impl From<KnownKey> for Value {
    fn from(it: KnownKey) -> Self {
        Self::map([
            ("fingerprint", it.fingerprint.into()),
            ("public_key", it.public_key.into()),
            ("handle", it.handle.into()),
        ])
    }
}

impl TryFrom<Value> for KnownKeys {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let fields = &mut Fields::of(value, "the answer")?;
        let keys = fields.required_list("keys", KEYS)?;
        Ok(Self { keys: keys.into_iter().map(KnownKey::try_from).collect::<Result<_, _>>()? })
    }
}

impl From<KnownKeys> for Value {
    fn from(it: KnownKeys) -> Self {
        Self::map([("keys", Self::list(it.keys))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_go_there_and_back() {
        let item = LogItem {
            entry: "motet-ref-v1\n".into(),
            signature: String::new(),
            entry_hash: "aa".into(),
            forced: true,
            seal: "motet-seal-v1\n".into(),
            seal_signature: "ed25519v1:".into(),
            seal_hash: "bb".into(),
        };
        let head = LogHead { seq: 7, seal_hash: "bb".into(), ..LogHead::default() };
        for next_after in [None, Some(7)] {
            let page = LogPage { items: vec![item.clone()], next_after, head: head.clone() };
            assert_eq!(LogPage::try_from(Value::from(page.clone())).unwrap(), page);
        }
        let wanted = KeysWanted { keys: vec!["SHA256:x".into()] };
        assert_eq!(KeysWanted::try_from(Value::from(wanted.clone())).unwrap(), wanted);
        let [fingerprint, public_key, handle] = ["f", "p", "h"].map(str::to_owned);
        let known = KnownKeys { keys: vec![KnownKey { fingerprint, public_key, handle }] };
        assert_eq!(KnownKeys::try_from(Value::from(known.clone())).unwrap(), known);
        let below = Value::map([("seq", Value::from(-1_i64))]);
        assert!(LogHead::try_from(below).is_err());
    }
}
