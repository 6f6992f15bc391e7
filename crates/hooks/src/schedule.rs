//! When a delivery is tried again (`spec/webhooks.md` 4). Pure: the time and chance are handed in.

use std::time::Duration;

use names::{Random, UnixMillis};

/// How long a delivery is tried, however often that was.
pub const LIFETIME: Duration = Duration::from_hours(72);
/// The longest that a receiver may ask for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(24);
/// From this try on waits are drawn, so that what failed together does not come back together.
const FIRST_DRAWN: usize = 4;
/// What is drawn from, in thousandths of the wait.
const DRAWN: (u64, u64) = (900, 1_100);
/// Waits in a list: a configuration with more is a mistake.
const MOST_TRIES: usize = 50;

/// The waits before each try, the first included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule(Vec<Duration>);

impl Default for Schedule {
    fn default() -> Self {
        let seconds = [0, 1, 2, 4, 60, 300, 1_800, 7_200, 18_000, 36_000, 86_400];
        Self(seconds.map(Duration::from_secs).to_vec())
    }
}

impl Schedule {
    /// Other waits: 1 to 50, each at most a day.
    pub fn new(waits: Vec<Duration>) -> Result<Self, &'static str> {
        if waits.is_empty() || waits.len() > MOST_TRIES {
            return Err("a delivery has 1 to 50 tries");
        }
        if waits.iter().any(|wait| *wait > LONGEST_RETRY_AFTER) {
            return Err("a wait is at most a day");
        }
        Ok(Self(waits))
    }

    /// How long to wait before the next try where `made` were made; nothing after the last.
    pub fn wait(&self, made: u32, random: &Random) -> Option<Duration> {
        let index = usize::try_from(made).ok()?;
        let wait = *self.0.get(index)?;
        if index < FIRST_DRAWN {
            return Some(wait);
        }
        let span = DRAWN.1 - DRAWN.0 + 1;
        let share = DRAWN.0 + u64::from_be_bytes(random.bytes()) % span;
        let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        Some(Duration::from_millis(millis.saturating_mul(share) / 1_000))
    }

    /// When the next try is due: by the list, or later if the receiver asks for that. Nothing if there is none any more:
    /// after the last try, or when it would come later than [`LIFETIME`] after the first.
    pub fn next(
        &self,
        made: u32,
        (began, now): (UnixMillis, UnixMillis),
        asked: Option<Duration>,
        random: &Random,
    ) -> Option<UnixMillis> {
        let wait = self.wait(made, random)?.max(asked.unwrap_or_default());
        Some(now.plus(wait)).filter(|due| *due <= began.plus(LIFETIME))
    }
}

/// What a `Retry-After` asks for, in seconds or as a date (RFC 9110 §10.2.3): a day at most. Nothing if it cannot be
/// read.
pub fn retry_after(value: &str, now: UnixMillis) -> Option<Duration> {
    let value = value.trim();
    let wait = if value.bytes().all(|byte| byte.is_ascii_digit()) && !value.is_empty() {
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        let at = httpdate::parse_http_date(value).ok()?;
        let at = at.duration_since(std::time::UNIX_EPOCH).ok()?;
        let at = UnixMillis(i64::try_from(at.as_millis()).ok()?);
        at.since(now)
    };
    Some(wait.min(LONGEST_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_795_294_380_000);

    #[test]
    fn the_tries_fall_on_the_table() {
        let (schedule, random) = (Schedule::default(), Random::seeded(1));
        let since_the_event =
            [0, 1, 3, 7, 67, 367, 2_167, 9_367, 27_367, 63_367, 149_767].map(Duration::from_secs);
        let mut at = NOW;
        for (made, expected) in (0..).zip(since_the_event) {
            let due = schedule.next(made, (NOW, at), None, &random).expect("a try is left");
            let (found, off) = (due.since(NOW), expected / 10);
            assert!(found >= expected.saturating_sub(off), "try {}: {found:?}", made + 1);
            assert!(found <= expected + off, "try {}: {found:?}", made + 1);
            at = due;
        }
        assert_eq!(schedule.next(11, (NOW, at), None, &random), None);
    }

    #[test]
    fn the_later_of_the_list_and_the_receivers_wish_counts() {
        let (schedule, random) = (Schedule::default(), Random::seeded(1));
        let next = |made, asked| schedule.next(made, (NOW, NOW), asked, &random);
        let minutes = |n| Some(Duration::from_mins(n));
        assert_eq!(next(1, minutes(2)), Some(NOW.plus(Duration::from_mins(2))));
        assert!(next(6, minutes(2)) >= Some(NOW.plus(Duration::from_mins(27))));
    }

    #[test]
    fn nothing_is_tried_after_three_days() {
        let (schedule, random) = (Schedule::default(), Random::seeded(1));
        let late = NOW.plus(LIFETIME);
        assert_eq!(schedule.next(0, (NOW, late), None, &random), Some(late));
        assert_eq!(schedule.next(1, (NOW, late), None, &random), None);
    }

    #[test]
    fn a_wish_is_seconds_or_a_date_and_a_day_at_most() {
        let seconds = |n| Some(Duration::from_secs(n));
        for (value, expected) in [
            ("120", seconds(120)),
            (" 0 ", seconds(0)),
            ("99999999999999999999999", seconds(86_400)),
            // The moment NOW is 2026-11-21T20:53:00Z.
            ("Sat, 21 Nov 2026 20:54:30 GMT", seconds(90)),
            ("Sat, 21 Nov 2026 20:00:00 GMT", seconds(0)),
            ("Sat, 21 Nov 2037 20:00:00 GMT", seconds(86_400)),
            ("", None),
            ("soon", None),
            ("-5", None),
            ("1.5", None),
        ] {
            assert_eq!(retry_after(value, NOW), expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn a_drawn_wait_is_within_a_tenth(made in 0_u32..11, seed: u64) {
            let schedule = Schedule::default();
            let plain = schedule.0[made as usize];
            let drawn = schedule.wait(made, &Random::seeded(seed)).unwrap();
            prop_assert!(drawn >= plain * 9 / 10 && drawn <= plain * 11 / 10);
            prop_assert!(made >= 4 || drawn == plain);
        }

        #[test]
        fn no_value_breaks_the_reading_of_a_wish(value in ".{0,60}") {
            let wish = retry_after(&value, NOW);
            prop_assert!(wish.is_none_or(|it| it <= Duration::from_hours(24)));
        }
    }
}
