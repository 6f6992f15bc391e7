//! An entry that its pusher signed: an instruction to move a ref, good for one place in one log.

use std::time::Duration;

use api::WireCode;
use history::ref_log::RefEntry;
use keys::{Fingerprint, PublicKey, Signature};
use names::UnixMillis;

use crate::Error;

/// How far the pusher's clock may be off (`spec/wire.md` 8).
const SKEW: Duration = Duration::from_mins(10);

/// An entry with a signature that was found good.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    pub(crate) entry: RefEntry,
    pub(crate) signature: Signature,
}

impl Claim {
    /// Checks what does not depend on the log: the signature, that the key is the caller's, the time.
    pub(crate) fn check(
        record: &[u8],
        signature: Signature,
        (name, key): (Fingerprint, &PublicKey),
        now: UnixMillis,
    ) -> Result<Self, Error> {
        let bad = |sentence: &str| Error::wire(WireCode::BadEntry, sentence);
        let entry =
            RefEntry::read(record).ok_or_else(|| bad("the entry is no record `motet-ref-v1`"))?;
        if entry.pusher_key != name.to_string() {
            return Err(bad("the entry names another key than the one that signed the request"));
        }
        if !key.verify(record, &signature) {
            return Err(bad("the signature of the entry is not of its key"));
        }
        let time: UnixMillis = entry.time.parse().map_err(|error: String| bad(&error))?;
        if time.since(now) > SKEW || now.since(time) > SKEW {
            return Err(bad("the entry's time is more than ten minutes off"));
        }
        Ok(Self { entry, signature })
    }

    /// Checks that it is the next entry of its ref, as the server would write it: so it works once, and here.
    pub(crate) fn check_place(&self, next: &RefEntry) -> Result<(), Error> {
        let expected = RefEntry {
            pusher_key: self.entry.pusher_key.clone(),
            time: self.entry.time.clone(),
            ..next.clone()
        };
        if self.entry == expected {
            return Ok(());
        }
        let sentence = format!(
            "the entry does not follow the log of {}: it stands at {} with the number {}; fetch and push again",
            next.name,
            if next.old.is_empty() { "nothing" } else { &next.old },
            next.counter - 1,
        );
        Err(Error::wire(WireCode::LogConflict, sentence))
    }
}
