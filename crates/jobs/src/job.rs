//! A job at the stations of its life: new, claimed, listed.

use std::{fmt, marker::PhantomData};

use names::{Id, UnixMillis};
use serde::Serialize;

use crate::Error;

/// Tries of a job that does not say: with the backoff of this crate, about a day.
pub const DEFAULT_MAX_ATTEMPTS: u32 = 30;
/// Payloads name things, they do not carry them: rows are claimed by the dozen and held in memory.
pub const PAYLOAD_BYTES: usize = 64 << 10;
/// Unique keys and schedules' names: a few names and ids long, so that their index stays small.
pub const KEY_BYTES: usize = 200;
/// Names of kinds: `room.verb`.
const KIND_BYTES: usize = 64;

/// The id of a job.
pub type JobId = Id<Listed>;

/// A sort of work, and what its handler needs to know: declared once, used by who pushes and who handles.
///
/// ```ignore
/// const DELIVER: jobs::Kind<Delivery> = jobs::Kind::new("hooks.deliver");
/// ```
pub struct Kind<P> {
    name: &'static str,
    payload: PhantomData<fn(P) -> P>,
}

impl<P> Kind<P> {
    /// A kind with the name that its rows bear: it must not change while rows are left.
    ///
    /// # Panics
    /// While compiling, if the name is empty or longer than 64 bytes.
    pub const fn new(name: &'static str) -> Self {
        assert!(!name.is_empty() && name.len() <= KIND_BYTES, "a kind has 1 to 64 bytes");
        Self { name, payload: PhantomData }
    }

    /// The name that rows bear.
    pub const fn name(self) -> &'static str {
        self.name
    }
}

impl<P> Clone for Kind<P> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<P> Copy for Kind<P> {}
impl<P> fmt::Debug for Kind<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// What goes first when more is due than can run. Within one priority the oldest goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Priority {
    /// Somebody waits for it.
    High,
    /// Most work.
    #[default]
    Normal,
    /// Sweeps and rebuilds.
    Low,
}

impl Priority {
    pub(crate) const fn number(self) -> i64 {
        match self {
            Self::High => 0,
            Self::Normal => 1,
            Self::Low => 2,
        }
    }
}

impl TryFrom<i64> for Priority {
    type Error = String;

    fn try_from(number: i64) -> Result<Self, String> {
        match number {
            0 => Ok(Self::High),
            1 => Ok(Self::Normal),
            2 => Ok(Self::Low),
            other => Err(format!("no priority has the number {other}")),
        }
    }
}

/// Where a job stands. One that is done is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Waits for its time or for a free hand.
    Ready,
    /// Claimed; free again when its lease ends.
    Running,
    /// Failed for the last time: waits for a person.
    Dead,
}

impl State {
    /// The word in rows and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Dead => "dead",
        }
    }
}

impl TryFrom<&str> for State {
    type Error = String;

    fn try_from(word: &str) -> Result<Self, String> {
        match word {
            "ready" => Ok(Self::Ready),
            "running" => Ok(Self::Running),
            "dead" => Ok(Self::Dead),
            other => Err(format!("{other:?} is no state of a job")),
        }
    }
}

/// Work to be pushed.
#[derive(Debug, Clone)]
pub struct NewJob {
    pub(crate) kind: String,
    pub(crate) payload: String,
    pub(crate) run_at: Option<UnixMillis>,
    pub(crate) priority: Priority,
    pub(crate) unique_key: Option<String>,
    pub(crate) max_attempts: u32,
}

impl NewJob {
    /// A job that is due at once, of normal priority, with [`DEFAULT_MAX_ATTEMPTS`] tries.
    pub fn new<P: Serialize>(kind: Kind<P>, payload: &P) -> Result<Self, Error> {
        Ok(Self::raw(kind.name.to_owned(), payload_text(kind, payload)?))
    }

    pub(crate) const fn raw(kind: String, payload: String) -> Self {
        Self {
            kind,
            payload,
            run_at: None,
            priority: Priority::Normal,
            unique_key: None,
            max_attempts: DEFAULT_MAX_ATTEMPTS,
        }
    }

    /// Not before `run_at`.
    #[must_use]
    pub const fn at(mut self, run_at: UnixMillis) -> Self {
        self.run_at = Some(run_at);
        self
    }

    /// What goes before it and after it.
    #[must_use]
    pub const fn with_priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Only if no job with this key waits or runs; otherwise the push adds nothing. A handler that reads its input and
    /// then runs for long may miss what came meanwhile: it looks again before it ends.
    #[must_use]
    pub fn unique(mut self, key: impl Into<String>) -> Self {
        self.unique_key = Some(key.into());
        self
    }

    /// How many tries it has; at least one.
    #[must_use]
    pub const fn with_max_attempts(mut self, tries: u32) -> Self {
        self.max_attempts = if tries == 0 { 1 } else { tries };
        self
    }
}

/// `payload` as the text of a row.
pub(crate) fn payload_text<P: Serialize>(kind: Kind<P>, payload: &P) -> Result<String, Error> {
    let kind = kind.name;
    let text = serde_json::to_string(payload).map_err(|source| Error::Payload { kind, source })?;
    if text.len() > PAYLOAD_BYTES {
        return Err(Error::PayloadTooLarge { kind, bytes: text.len() });
    }
    Ok(text)
}

/// `key`, if it is short enough for an index.
pub(crate) fn checked_key(key: &str) -> Result<&str, Error> {
    if key.is_empty() || key.len() > KEY_BYTES { Err(Error::BadKey(key.len())) } else { Ok(key) }
}

/// The right to end a job: its id and the fence of one claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    /// Which job.
    pub id: JobId,
    /// Counts the claims of the job; only the newest can end it.
    pub fence: i64,
}

/// A job in the hands of who claimed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The right to end it.
    pub lease: Lease,
    /// What sort of work.
    pub kind: String,
    /// JSON, in the handler's own words.
    pub payload: String,
    /// What it went before and after.
    pub priority: Priority,
    /// When it was due.
    pub run_at: UnixMillis,
    /// How often it has been claimed, this time included.
    pub attempts: u32,
    /// How many tries it has.
    pub max_attempts: u32,
}

/// A job as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Which.
    pub id: JobId,
    /// What sort of work.
    pub kind: String,
    /// JSON, in the handler's own words.
    pub payload: String,
    /// What it goes before and after.
    pub priority: Priority,
    /// Not before this moment.
    pub run_at: UnixMillis,
    /// How often it has been claimed.
    pub attempts: u32,
    /// How many tries it has.
    pub max_attempts: u32,
    /// Where it stands.
    pub state: State,
    /// While it runs: when it is free again.
    pub lease_ends: Option<UnixMillis>,
    /// No other waiting or running job has this key.
    pub unique_key: Option<String>,
    /// What the last failed try said.
    pub last_error: Option<String>,
    /// When it was pushed.
    pub created_at: UnixMillis,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, Cursor> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next page starts, if there is one.
    pub next: Option<Cursor>,
}

impl<T, Cursor> Page<T, Cursor> {
    /// The page of `rows`, which were asked for with one row more than `limit`.
    pub(crate) fn cut(mut rows: Vec<T>, limit: usize, cursor: impl Fn(&T) -> Cursor) -> Self {
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = if has_more { rows.last().map(cursor) } else { None };
        Self { items: rows, next }
    }
}
