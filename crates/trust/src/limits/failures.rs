//! The failure limiter: who fails to prove what they are, again and again, has to wait (`spec/trust.md` 2).
//!
//! Memory decides at once. A row is written only when a lock begins, so that it outlives a restart and other processes
//! see it; so many rows a second and no more, whatever strangers do. A store that is full forgets nobody: further
//! places share one count. Further credentials are not counted then; each of their failures still costs their address
//! ten requests.

use std::{
    collections::HashMap,
    fmt,
    str::FromStr,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use keys::Fingerprint;
use names::{Hasher, UnixMillis};

use super::{Exceeded, FAILURES, Place, Quota, Rate, bucket::Bucket};

/// Counters of a process of each kind; together 50,000 (`spec/trust.md` 17).
pub(super) const MOST: usize = 25_000;
/// Whoever did not fail for so long begins anew.
const FORGOTTEN_AFTER: Duration = Duration::from_hours(1);
/// How long the first, the second and every later lock is.
const LOCKS: [Duration; 3] =
    [Duration::from_secs(30), Duration::from_mins(5), Duration::from_mins(15)];
/// Rows that are written: with what is deleted after an hour, at most 36,000 are there.
const WRITES: Quota = Quota { count: 10, period: Duration::from_secs(1) };
/// A full store is looked through at most this often.
const SWEEP_EVERY_MS: u64 = 1_000;

/// Whose failures are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Suspect {
    /// Whoever asks from there: challenges, one-time addresses, passkeys, user codes, Basic.
    Place(Place),
    /// One key or token from there, so that one broken agent does not lock its neighbours.
    Credential(Place, [u8; 16]),
}

impl Suspect {
    /// Who signs with a key, from there.
    pub fn signer(place: Place, key: Fingerprint) -> Self {
        Self::Credential(place, half(key.as_bytes()))
    }

    /// Who brings a token, from there.
    pub fn bearer(place: Place, token: &str) -> Self {
        let mut hasher = Hasher::default();
        hasher.update(token.as_bytes());
        Self::Credential(place, half(&hasher.finish()))
    }

    /// Its name in memory and in rows: no address stands in it.
    pub(super) fn name(&self) -> Name {
        let mut hasher = Hasher::default();
        let (kind, place, credential) = match self {
            Self::Place(place) => (Suspected::Place, place, [0; 16]),
            Self::Credential(place, credential) => (Suspected::Credential, place, *credential),
        };
        hasher.update(b"motet-failures-v1");
        hasher.update(&place.to_bytes());
        hasher.update(&credential);
        Name(kind, u128::from_be_bytes(half(&hasher.finish())))
    }
}

/// What kind of suspect it is: each has a store of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Suspected {
    Place,
    Credential,
}

/// A suspect as a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name(Suspected, u128);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.0 {
            Suspected::Place => 'p',
            Suspected::Credential => 'c',
        };
        write!(f, "{kind}:{:032x}", self.1)
    }
}

impl FromStr for Name {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let kind = match text.get(..2) {
            Some("p:") => Suspected::Place,
            Some("c:") => Suspected::Credential,
            _ => return Err(()),
        };
        let hash = u128::from_str_radix(text.get(2..).unwrap_or_default(), 16);
        Ok(Self(kind, hash.map_err(drop)?))
    }
}

/// The first half of a hash is enough to tell suspects apart.
fn half(hash: &[u8; 32]) -> [u8; 16] {
    let mut half = [0; 16];
    half.iter_mut().zip(hash).for_each(|(to, from)| *to = *from);
    half
}

/// What is known of a suspect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) count: u32,
    pub(super) locked_until: Millis,
    pub(super) last_at: Millis,
    pub(super) is_written: bool,
}

/// Milliseconds since 1970, zero where it never happened.
pub(super) type Millis = i64;

impl Record {
    fn is_forgotten(&self, now: UnixMillis) -> bool {
        UnixMillis(self.last_at).plus(FORGOTTEN_AFTER) <= now
    }

    fn locked_for(&self, now: UnixMillis) -> Option<i64> {
        (self.locked_until > now.0).then(|| self.locked_until - now.0)
    }

    /// Counts one more; tells whether a lock begins.
    fn fail(&mut self, first: u32, now: UnixMillis) -> bool {
        if self.is_forgotten(now) {
            *self = Self { is_written: self.is_written, ..Self::default() };
        }
        self.count = self.count.saturating_add(1);
        self.last_at = now.0;
        let [short, longer, longest] = LOCKS;
        let lock = match self.count {
            count if count >= first.saturating_mul(4) => longest,
            count if count == first.saturating_mul(2) => longer,
            count if count == first => short,
            _ => return false,
        };
        self.locked_until = now.plus(lock).0;
        true
    }
}

#[derive(Debug, Default)]
struct Pool {
    records: HashMap<u128, Record>,
    swept_at: i64,
}

impl Pool {
    /// The record of a suspect, made if there is room for it.
    fn entry(&mut self, suspect: u128, now: UnixMillis) -> Option<&mut Record> {
        let is_full = self.records.len() >= MOST && !self.records.contains_key(&suspect);
        if is_full && now.0.abs_diff(self.swept_at) >= SWEEP_EVERY_MS {
            self.swept_at = now.0;
            self.records.retain(|_, it| !it.is_forgotten(now));
        }
        if is_full && self.records.len() >= MOST {
            return None;
        }
        Some(self.records.entry(suspect).or_default())
    }
}

/// All counters of a process.
#[derive(Debug, Default)]
pub(super) struct Failures {
    places: Mutex<Pool>,
    credentials: Mutex<Pool>,
    /// For places beyond the bound.
    shared: Mutex<Record>,
    /// How many of each kind have failed of late: none, and requests are let through without a look.
    places_known: AtomicUsize,
    credentials_known: AtomicUsize,
    writes: Mutex<Bucket>,
}

/// What came of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failed {
    /// It was the first one: other processes may know more.
    pub(super) is_new: bool,
    /// A lock has begun, and is to be written.
    pub(super) write: Option<Record>,
}

/// A panic while the lock was held cannot leave a counter half-changed in a way that forgets a failure.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn refusal(first: u32, milliseconds: i64) -> Exceeded {
    let quota = Quota { count: first.into(), period: FORGOTTEN_AFTER };
    Exceeded::new(FAILURES, quota, 0, milliseconds.saturating_mul(1_000_000))
}

impl Failures {
    fn pool(&self, name: Name) -> &Mutex<Pool> {
        match name.0 {
            Suspected::Place => &self.places,
            Suspected::Credential => &self.credentials,
        }
    }

    /// Whether nobody has failed of late.
    pub(super) fn is_quiet(&self) -> bool {
        let known = [&self.places_known, &self.credentials_known];
        known.iter().all(|it| it.load(Ordering::Relaxed) == 0)
    }

    /// Refuses while a lock lasts.
    pub(super) fn check(&self, name: Name, first: u32, now: UnixMillis) -> Result<(), Exceeded> {
        let pool = locked(self.pool(name));
        let known = pool.records.get(&name.1).copied();
        let is_place = name.0 == Suspected::Place;
        let record = match known {
            Some(record) => record,
            None if is_place && pool.records.len() >= MOST => *locked(&self.shared),
            None => return Ok(()),
        };
        record.locked_for(now).map_or(Ok(()), |wait| Err(refusal(first, wait)))
    }

    /// Counts a failure.
    pub(super) fn fail(&self, name: Name, first: u32, now: UnixMillis) -> Failed {
        let mut pool = locked(self.pool(name));
        let Some(record) = pool.entry(name.1, now) else {
            if name.0 == Suspected::Place {
                locked(&self.shared).fail(first, now);
            }
            return Failed { is_new: false, write: None };
        };
        let is_new = record.count == 0;
        let begins = record.fail(first, now);
        let may_write = begins && locked(&self.writes).take(Rate::Ip, WRITES, 1, now).is_ok();
        record.is_written |= may_write;
        let write = may_write.then_some(*record);
        self.note(&pool, name);
        Failed { is_new, write }
    }

    /// Forgets the failures of whoever has succeeded; tells whether a row is to be deleted.
    pub(super) fn succeed(&self, name: Name) -> bool {
        let mut pool = locked(self.pool(name));
        let was_written = pool.records.remove(&name.1).is_some_and(|it| it.is_written);
        self.note(&pool, name);
        was_written
    }

    /// Takes over what a row says, where it says more.
    pub(super) fn adopt(&self, name: Name, row: Record, now: UnixMillis) {
        if row.is_forgotten(now) {
            return;
        }
        let mut pool = locked(self.pool(name));
        if let Some(record) = pool.entry(name.1, now) {
            record.count = record.count.max(row.count);
            record.locked_until = record.locked_until.max(row.locked_until);
            record.last_at = record.last_at.max(row.last_at);
            record.is_written = true;
        }
        self.note(&pool, name);
    }

    fn note(&self, pool: &Pool, name: Name) {
        let known = match name.0 {
            Suspected::Place => &self.places_known,
            Suspected::Credential => &self.credentials_known,
        };
        known.store(pool.records.len(), Ordering::Relaxed);
    }

    /// How many counters there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        locked(&self.places).records.len() + locked(&self.credentials).records.len()
    }
}
