//! Time, injected: production reads the machine, a test holds the hands.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde::{Serialize, Serializer};
use time::{OffsetDateTime, macros::format_description};

/// Milliseconds since 1970-01-01T00:00:00Z: the one shape of a moment in rows.
///
/// In JSON a moment is RFC 3339 text in UTC with milliseconds (`spec/conventions.md`, JSON).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// This moment plus `later`, saturating at the end of time.
    #[must_use]
    pub fn plus(self, later: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(later.as_millis()).unwrap_or(i64::MAX)))
    }

    /// This moment minus `earlier`, saturating at the beginning of time.
    #[must_use]
    pub fn minus(self, earlier: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(earlier.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long it is since `earlier`; nothing if that comes later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or_default())
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The moment as a calendar date and time in UTC; the epoch for moments beyond the calendar.
    pub fn utc(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
        );
        f.write_str(&self.utc().format(&format).map_err(|_| fmt::Error)?)
    }
}

impl std::str::FromStr for UnixMillis {
    type Err = String;

    /// Reads RFC 3339, with any offset; what is finer than a millisecond is cut off.
    fn from_str(text: &str) -> Result<Self, String> {
        let read = OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339);
        let nanos = read.map(OffsetDateTime::unix_timestamp_nanos).ok();
        nanos
            .and_then(|nanos| i64::try_from(nanos.div_euclid(1_000_000)).ok())
            .map(Self)
            .ok_or_else(|| "a time is written like 2026-11-21T20:53:00.123Z".to_owned())
    }
}

impl Serialize for UnixMillis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What time it is. Production reads the machine; a test holds the hands. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// A clock that moves only when told to.
    pub fn stopped_at(now: UnixMillis) -> Self {
        Self(Some(Arc::new(AtomicI64::new(now.0))))
    }

    /// Moves a stopped clock; does nothing to a running one.
    pub fn advance(&self, by: Duration) {
        if let Some(hands) = &self.0 {
            hands.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::Relaxed);
        }
    }

    /// The time now.
    pub fn now(&self) -> UnixMillis {
        self.0.as_ref().map_or_else(machine_time, |hands| UnixMillis(hands.load(Ordering::Relaxed)))
    }
}

/// Time that goes on evenly from some moment, whatever becomes of the machine's clock. A clock that a test holds moves it
/// as far as it moves itself.
#[derive(Debug, Clone)]
pub struct Steady {
    from: UnixMillis,
    clock: Clock,
    /// What the clock said, and how long the machine had been on.
    since: (UnixMillis, Instant),
}

impl Clock {
    /// Goes on evenly from `from`, which is now.
    pub fn steady(&self, from: UnixMillis) -> Steady {
        Steady { from, clock: self.clone(), since: (self.now(), Instant::now()) }
    }
}

impl Steady {
    /// The time now.
    pub fn now(&self) -> UnixMillis {
        let (said, since) = self.since;
        let passed = match &self.clock.0 {
            None => since.elapsed(),
            Some(_) => self.clock.now().since(said),
        };
        self.from.plus(passed)
    }

    /// How long it is since it was begun.
    pub fn age(&self) -> Duration {
        self.now().since(self.from)
    }
}

#[expect(clippy::disallowed_methods, reason = "this is where the machine's clock is read")]
fn machine_time() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_prints_as_rfc_3339_with_milliseconds() {
        assert_eq!(UnixMillis(1_795_294_380_123).to_string(), "2026-11-21T20:53:00.123Z");
        assert_eq!(UnixMillis(-1).to_string(), "1969-12-31T23:59:59.999Z");
    }

    #[test]
    fn steady_time_goes_on_from_where_it_was_begun() {
        let clock = Clock::stopped_at(UnixMillis(5));
        let steady = clock.steady(UnixMillis(1_000));
        clock.advance(Duration::from_millis(7));
        assert_eq!((steady.now(), steady.age()), (UnixMillis(1_007), Duration::from_millis(7)));
        let running = Clock::default().steady(UnixMillis(1_000));
        assert!(running.now() >= UnixMillis(1_000) && running.now() < UnixMillis(1_000_000));
    }

    #[test]
    fn only_a_stopped_clock_obeys() {
        let clock = Clock::stopped_at(UnixMillis(5));
        clock.advance(Duration::from_secs(1));
        assert_eq!(clock.now(), UnixMillis(1005));
    }
}
