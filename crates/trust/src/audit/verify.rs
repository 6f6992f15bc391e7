//! Whether a chain is whole: each row and head is looked at once, in order, and none is kept.

use std::{collections::HashMap, time::Duration};

use keys::PublicKey;
use names::UnixMillis;

use super::{Chain, HEAD_EVERY_ROWS, Head, Line, Row, lines::ExportedKey};

/// How long the end of a running chain may be without a signed head: the hour of the schedule, and one for a server
/// that was not running.
const MAX_UNSIGNED: Duration = Duration::from_hours(2);
/// Keys that are remembered. An install that changes its key every day has as many in three years.
const MAX_KEYS: usize = 1_000;
/// What the first row has in place of a hash before it.
const NOTHING_BEFORE: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What came of looking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// No row was changed, removed, exchanged or put in.
    Whole {
        /// How many rows there are.
        rows: u64,
        /// The number of the last row.
        last: i64,
        /// The number of the last row that is under a signed head.
        signed: i64,
    },
    /// Something was done to the chain.
    Broken {
        /// The first row at which it shows.
        seq: i64,
        /// How it shows.
        why: Why,
    },
    /// The end of the chain is not there, or nobody signed it.
    HeadMissing {
        /// The row that should be there, or the first one that nobody signed.
        seq: i64,
        /// How it shows.
        why: Why,
    },
}

/// How it shows that somebody was at a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// The line is not one of an export.
    #[error("a line cannot be read")]
    Unreadable,
    /// A row or head of another chain.
    #[error("it belongs to another chain")]
    OtherChain,
    /// There is none with the next number.
    #[error("the row is missing")]
    Missing,
    /// A number that was there already.
    #[error("the row stands in the wrong place")]
    Order,
    /// It does not go on where the row before ends.
    #[error("it does not hold the hash of the row before it")]
    Before,
    /// Its content is not what was hashed.
    #[error("its content does not have its hash")]
    Content,
    /// A head is signed over another row.
    #[error("the signed head is of another row")]
    Head,
    /// A head is signed by a key that is not known, or not at all.
    #[error("the head is not signed by a key of the install")]
    Signature,
    /// A signed head says that there were more rows.
    #[error("a signed head says that there were rows up to here")]
    Tail,
    /// There should be more rows.
    #[error("the rows from here on are missing at the end")]
    Short,
    /// The end should have been signed.
    #[error("no signed head covers the rows from here on")]
    Unsigned,
}

/// Where the chain ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// With a signed head over its last row, as exports do.
    Signed,
    /// It grows still: the head is signed now and then.
    Running {
        /// What time it is.
        now: UnixMillis,
    },
}

/// Follows a chain.
#[derive(Debug)]
pub struct Verifier {
    chain: Chain,
    keys: HashMap<String, PublicKey>,
    rows: u64,
    /// Number and hash of the last row; before the first one those of a head, behind which the chain was pruned.
    last: Option<(i64, String)>,
    signed: i64,
    signed_by: Option<String>,
    /// When the first row was written that no head covers.
    unsigned_since: Option<i64>,
    /// A head whose row has not come.
    ahead: Option<i64>,
    /// The last row that there is said to be.
    until: i64,
}

impl Verifier {
    /// Follows `chain` from its beginning.
    pub fn new(chain: Chain) -> Self {
        Self {
            chain,
            keys: HashMap::new(),
            rows: 0,
            last: None,
            signed: 0,
            signed_by: None,
            unsigned_since: None,
            ahead: None,
            until: 0,
        }
    }

    /// The number that the next row has.
    pub fn next_seq(&self) -> i64 {
        self.last.as_ref().map_or(1, |(seq, _)| seq + 1)
    }

    /// The key that signed the last head.
    pub fn signed_by(&self) -> Option<&str> {
        self.signed_by.as_deref()
    }

    /// Looks at what comes next. An error is the last word.
    pub fn take(&mut self, line: Line) -> Result<(), Verdict> {
        match line {
            Line::Export(export) if export.chain == self.chain.uuid() => {
                self.until = export.until;
                Ok(())
            }
            Line::Export(_) => Err(self.broken(Why::OtherChain)),
            Line::Key(key) => self.key(key),
            Line::Row(row) => self.row(*row),
            Line::Head(head) => self.head(head),
        }
    }

    fn key(&mut self, ExportedKey { kid, public_key, .. }: ExportedKey) -> Result<(), Verdict> {
        let Ok((public, _)) = PublicKey::parse(&public_key) else {
            return Err(self.broken(Why::Unreadable));
        };
        // The name is the fingerprint, so no key goes under another's name.
        if public.fingerprint().to_string() != kid || self.keys.len() >= MAX_KEYS {
            return Err(self.broken(Why::Unreadable));
        }
        self.keys.insert(kid, public);
        Ok(())
    }

    fn row(&mut self, row: Row) -> Result<(), Verdict> {
        let next = self.next_seq();
        let before = self.last.as_ref().map_or(NOTHING_BEFORE, |(_, hash)| hash);
        let computed = row.computed_hash().map(|it| it.to_string());
        let why = if row.chain != self.chain.uuid() {
            Why::OtherChain
        } else if self.ahead.is_some() || row.seq > next {
            Why::Missing
        } else if row.seq < next {
            Why::Order
        } else if row.prev_hash != before {
            Why::Before
        } else if computed.as_ref() != Ok(&row.hash) {
            Why::Content
        } else {
            self.rows += 1;
            self.unsigned_since.get_or_insert(row.time);
            self.last = Some((row.seq, row.hash));
            return Ok(());
        };
        Err(self.broken(why))
    }

    fn head(&mut self, head: Head) -> Result<(), Verdict> {
        let seq = head.seq;
        let broken = |why| Err(Verdict::Broken { seq, why });
        if head.chain != self.chain.uuid() {
            return broken(Why::OtherChain);
        }
        if !self.keys.get(&head.kid).is_some_and(|key| head.is_signed_by(key)) {
            return broken(Why::Signature);
        }
        match &self.last {
            // What comes before it was pruned.
            None => self.last = Some((seq, head.hash)),
            Some((last, _)) if seq < *last => return broken(Why::Order),
            Some((last, hash)) if seq == *last && *hash != head.hash => return broken(Why::Head),
            Some((last, _)) if seq == *last => {}
            Some(_) => {
                self.ahead.get_or_insert(seq);
                return Ok(());
            }
        }
        self.signed = seq;
        self.signed_by = Some(head.kid);
        self.unsigned_since = None;
        Ok(())
    }

    fn broken(&self, why: Why) -> Verdict {
        Verdict::Broken { seq: self.next_seq(), why }
    }

    /// The last word, when nothing comes any more.
    pub fn finish(&self, ends: Ends) -> Verdict {
        let last = self.last.as_ref().map_or(0, |(seq, _)| *seq);
        if let Some(seq) = self.ahead {
            return Verdict::HeadMissing { seq, why: Why::Tail };
        }
        // A head with no row at all: pruning leaves at least the row that tells of it.
        if self.rows == 0 && last > 0 {
            return Verdict::HeadMissing { seq: last, why: Why::Tail };
        }
        if last < self.until {
            return Verdict::HeadMissing { seq: last + 1, why: Why::Short };
        }
        let is_late = |now: UnixMillis| {
            self.unsigned_since.is_some_and(|since| UnixMillis(since).plus(MAX_UNSIGNED) < now)
        };
        let is_covered = match ends {
            Ends::Signed => self.signed == last && last > 0,
            Ends::Running { now } => last - self.signed < HEAD_EVERY_ROWS && !is_late(now),
        };
        if is_covered {
            Verdict::Whole { rows: self.rows, last, signed: self.signed }
        } else {
            Verdict::HeadMissing { seq: self.signed + 1, why: Why::Unsigned }
        }
    }
}
