//! Whether items of a log follow one another: each ref's entries, and the seals of all.

use std::collections::BTreeMap;

use names::Digest;

use super::{RefEntry, SERVER_KEY, Seal};

/// An entry with its seal, as the server hands them out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The movement.
    pub entry: RefEntry,
    /// By the pusher's key; nothing where the push made none.
    pub signature: Option<[u8; 64]>,
    /// The server's word.
    pub seal: Seal,
    /// By the server's key.
    pub seal_signature: [u8; 64],
}

/// Where a ref stands in its chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefState {
    /// The number of its last entry.
    pub counter: u64,
    /// The hash of its last entry.
    pub entry_hash: Digest,
    /// Where that entry moved it: empty if it is gone.
    pub target: String,
}

/// Who can say whether a key signed something.
pub trait Signatures {
    /// Whether `signature` of the pusher's key named `key` over `message` is good; nothing if the key is not known, so
    /// that nobody can tell.
    fn pusher(&self, key: &str, message: &[u8], signature: &[u8; 64]) -> Option<bool>;

    /// The same of a key of the instance.
    fn server(&self, key: &str, message: &[u8], signature: &[u8; 64]) -> Option<bool>;
}

/// Why a log is not what it should be. What it says, it says of the item with the number `seq`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogFault {
    /// An entry or a seal of another repository.
    #[error("item {seq} belongs to another repository")]
    Repository {
        /// The item.
        seq: u64,
    },
    /// A number is missing, or comes again.
    #[error("item {seq} comes where item {expected} should be")]
    Gap {
        /// What came.
        seq: u64,
        /// What should have come.
        expected: u64,
    },
    /// The seal does not name the seal before it.
    #[error("the seal of item {seq} does not follow the seal before it")]
    Seal {
        /// The item.
        seq: u64,
    },
    /// The seal is of another entry.
    #[error("the seal of item {seq} is not of its entry")]
    Entry {
        /// The item.
        seq: u64,
    },
    /// A signature is false.
    #[error("the signature of {whose} in item {seq} is false")]
    Signature {
        /// The item.
        seq: u64,
        /// `the server` or `the pusher`.
        whose: &'static str,
    },
    /// The server's key changed without saying so.
    #[error(
        "item {seq} is sealed with another key of the server, and no entry says that it changed"
    )]
    Key {
        /// The item.
        seq: u64,
    },
    /// The entry does not follow its ref's entry before.
    #[error("the entry of item {seq} does not follow the one before of {name}")]
    Order {
        /// The item.
        seq: u64,
        /// The ref.
        name: String,
    },
}

/// How far a log was followed, and what it says until there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// The repository that it is of.
    pub repository_id: String,
    /// The number of the last seal; 0 before the first.
    pub seq: u64,
    /// The hash of the last seal.
    pub seal_hash: Option<Digest>,
    /// The key that sealed last, and so the one that has to seal next; empty before the first.
    pub server_key: String,
    /// Every ref that ever was.
    pub refs: BTreeMap<String, RefState>,
    /// Signatures that nobody could check.
    pub unchecked: u64,
}

impl Chain {
    /// A log of which nothing is known yet.
    pub const fn new(repository_id: String) -> Self {
        Self {
            repository_id,
            seq: 0,
            seal_hash: None,
            server_key: String::new(),
            refs: BTreeMap::new(),
            unchecked: 0,
        }
    }

    /// Takes the next item, if it follows.
    pub fn take(&mut self, item: &Item, keys: &impl Signatures) -> Result<(), LogFault> {
        let Item { entry, signature, seal, seal_signature } = item;
        let seq = seal.seq;
        if seal.repository_id != self.repository_id || entry.repository_id != self.repository_id {
            return Err(LogFault::Repository { seq });
        }
        if seq != self.seq + 1 {
            return Err(LogFault::Gap { seq, expected: self.seq + 1 });
        }
        if seal.prev_seal != self.seal_hash {
            return Err(LogFault::Seal { seq });
        }
        let entry_hash = entry.hash(signature.as_ref());
        if seal.entry_hash != entry_hash {
            return Err(LogFault::Entry { seq });
        }
        if !self.server_key.is_empty() && seal.server_key != self.server_key {
            return Err(LogFault::Key { seq });
        }
        let by_server = keys.server(&seal.server_key, &seal.bytes(), seal_signature);
        let by_pusher = signature.map(|it| keys.pusher(&entry.pusher_key, &entry.bytes(), &it));
        for (verdict, whose) in [(Some(by_server), "the server"), (by_pusher, "the pusher")] {
            match verdict {
                Some(Some(false)) => return Err(LogFault::Signature { seq, whose }),
                Some(None) => self.unchecked += 1,
                Some(Some(true)) | None => {}
            }
        }
        self.follow(entry, entry_hash, seq)?;
        self.seq = seq;
        self.seal_hash = Some(seal.hash(seal_signature));
        self.server_key =
            if entry.name == SERVER_KEY { entry.new.clone() } else { seal.server_key.clone() };
        Ok(())
    }

    fn follow(&mut self, entry: &RefEntry, entry_hash: Digest, seq: u64) -> Result<(), LogFault> {
        let before = self.refs.get(&entry.name);
        let (counter, prev) = before.map_or((0, None), |it| (it.counter, Some(it.entry_hash)));
        // The first entry of a ref that was there before there was a log may name where it was.
        let follows_target = before.is_none_or(|it| it.target == entry.old);
        if entry.counter != counter + 1 || entry.prev != prev || !follows_target {
            return Err(LogFault::Order { seq, name: entry.name.clone() });
        }
        let state = RefState { counter: entry.counter, entry_hash, target: entry.new.clone() };
        self.refs.insert(entry.name.clone(), state);
        Ok(())
    }
}
