//! An endpoint that failed often is left alone for a while (`spec/work.md` 7, `publisher_unavailable`).
//!
//! For each publisher and origin: what another publisher's endpoint does on the same server holds nobody else up. It lives
//! in the memory of a process: after a start every endpoint is asked again.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use names::{Id, UnixMillis};
use trust::Principal;

/// Faults in a row that open it.
const OPENS_AFTER: u32 = 10;
/// How long it is open first; each fault after that doubles it.
const FIRST: Duration = Duration::from_secs(30);
/// The longest.
const LONGEST: Duration = Duration::from_mins(10);
/// Endpoints that are known to fail. Beyond that the one that failed longest ago is forgotten.
const MOST: usize = 10_000;

/// Whose endpoint, and where.
type Key = (Id<Principal>, String);

/// The breakers of a process.
#[derive(Debug, Default)]
pub(crate) struct Breakers(Mutex<BTreeMap<Key, Breaker>>);

/// Faults in a row, and what follows from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Breaker {
    faults: u32,
    open_until: UnixMillis,
    last: UnixMillis,
}

impl Breakers {
    /// How long nothing goes there, if nothing does at `now`.
    pub(crate) fn closed_for(
        &self,
        publisher: Id<Principal>,
        origin: &str,
        now: UnixMillis,
    ) -> Option<Duration> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let breaker = known.get(&(publisher, origin.to_owned()))?;
        (breaker.open_until > now).then(|| breaker.open_until.since(now))
    }

    /// After a call: a fault counts, anything else forgets those before.
    pub(crate) fn note(
        &self,
        publisher: Id<Principal>,
        origin: &str,
        is_fault: bool,
        now: UnixMillis,
    ) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (publisher, origin.to_owned());
        if !is_fault {
            known.remove(&key);
            return;
        }
        if known.len() >= MOST && !known.contains_key(&key) {
            let oldest = known.iter().min_by_key(|(_, it)| it.last).map(|(key, _)| key.clone());
            oldest.and_then(|key| known.remove(&key));
        }
        let none = Breaker { faults: 0, open_until: UnixMillis(i64::MIN), last: now };
        let breaker = known.entry(key).or_insert(none);
        breaker.faults = breaker.faults.saturating_add(1);
        breaker.last = now;
        if let Some(over) = breaker.faults.checked_sub(OPENS_AFTER) {
            breaker.open_until = now.plus(wait(over));
        }
    }
}

/// How long it is open after so many faults beyond those that open it.
fn wait(over: u32) -> Duration {
    let factor = 1_u32.checked_shl(over).unwrap_or(u32::MAX);
    FIRST.saturating_mul(factor).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// W79, without the network.
    #[test]
    fn ten_faults_open_it_there_alone_and_a_success_closes_it() {
        let (breakers, now) = (Breakers::default(), UnixMillis(1_000_000));
        let [mine, other] = [1_u128, 2].map(|it| Id::from_uuid(uuid::Uuid::from_u128(it)));
        for _ in 0..9 {
            breakers.note(mine, "https://a", true, now);
        }
        assert_eq!(breakers.closed_for(mine, "https://a", now), None);
        breakers.note(mine, "https://a", true, now);
        assert_eq!(breakers.closed_for(mine, "https://a", now), Some(FIRST));
        assert_eq!(breakers.closed_for(mine, "https://b", now), None);
        assert_eq!(breakers.closed_for(other, "https://a", now), None);
        let later = now.plus(FIRST);
        assert_eq!(breakers.closed_for(mine, "https://a", later), None);
        breakers.note(mine, "https://a", true, later);
        assert_eq!(breakers.closed_for(mine, "https://a", later), Some(2 * FIRST));
        breakers.note(mine, "https://a", false, later);
        assert_eq!(breakers.closed_for(mine, "https://a", later), None);
        breakers.note(mine, "https://a", true, later);
        assert_eq!(breakers.closed_for(mine, "https://a", later), None);
    }

    #[test]
    fn the_wait_doubles_up_to_ten_minutes() {
        let waits = [0, 1, 2, 3, 4, 5, 40].map(|over| wait(over).as_secs());
        assert_eq!(waits, [30, 60, 120, 240, 480, 600, 600]);
    }
}
