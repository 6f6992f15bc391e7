//! Moments for people: how long ago, and the exact time in UTC.

use std::fmt;

use askama::filters::HtmlSafe;
use names::UnixMillis;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// A twelfth of the Gregorian year's mean length.
const MONTH: u64 = 2_629_746;
const YEAR: u64 = 12 * MONTH;

/// One moment, as seen from another. Shown in a page as a `<time>` element: the distance as text, the exact
/// moment in `datetime` and on hover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct When {
    /// `3 days ago`.
    pub ago: String,
    /// `2026-11-21 20:53:00 UTC`.
    pub utc: String,
    /// `2026-11-21T20:53:00Z`, for machines.
    pub datetime: String,
}

impl When {
    /// `then`, as seen at `now`.
    pub fn new(then: UnixMillis, now: UnixMillis) -> Self {
        Self { ago: ago(then, now), utc: utc(then), datetime: machine(then) }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ago, utc, datetime } = self;
        let [ago, utc, datetime] = [ago, utc, datetime].map(|it| super::html::escaped(it));
        write!(f, r#"<time datetime="{datetime}" title="{utc}">{ago}</time>"#)
    }
}

impl HtmlSafe for When {}

/// The distance of `then` from `now` in words: `just now`, `3 days ago`, `in 2 hours`.
pub fn ago(then: UnixMillis, now: UnixMillis) -> String {
    let distance_seconds = now.seconds().abs_diff(then.seconds());
    let (number, unit) = match distance_seconds {
        0..MINUTE => return "just now".to_owned(),
        MINUTE..HOUR => (distance_seconds / MINUTE, "minute"),
        HOUR..DAY => (distance_seconds / HOUR, "hour"),
        DAY..MONTH => (distance_seconds / DAY, "day"),
        MONTH..YEAR => (distance_seconds / MONTH, "month"),
        YEAR.. => (distance_seconds / YEAR, "year"),
    };
    let plural = if number == 1 { "" } else { "s" };
    if then < now {
        format!("{number} {unit}{plural} ago")
    } else {
        format!("in {number} {unit}{plural}")
    }
}

/// The exact moment for people: `2026-11-21 20:53:00 UTC`.
pub fn utc(then: UnixMillis) -> String {
    let at = then.utc();
    let (hour, minute, second) = at.to_hms();
    format!("{} {hour:02}:{minute:02}:{second:02} UTC", date(then))
}

/// The day for people, as the head of a list: `21 November 2026`.
pub fn day(then: UnixMillis) -> String {
    let at = then.utc();
    format!("{} {} {}", at.day(), at.month(), at.year())
}

/// The calendar date in UTC: `2026-11-21`. Equal dates mean the same day of a list.
pub fn date(then: UnixMillis) -> String {
    let at = then.utc();
    format!("{:04}-{:02}-{:02}", at.year(), u8::from(at.month()), at.day())
}

fn machine(then: UnixMillis) -> String {
    let (hour, minute, second) = then.utc().to_hms();
    format!("{}T{hour:02}:{minute:02}:{second:02}Z", date(then))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_795_294_380_123);

    fn before(seconds: i64) -> String {
        ago(UnixMillis(NOW.0 - seconds * 1000), NOW)
    }

    #[test]
    fn distances_are_said_in_the_largest_whole_unit() {
        for (seconds, text) in [
            (0, "just now"),
            (59, "just now"),
            (60, "1 minute ago"),
            (3599, "59 minutes ago"),
            (3600, "1 hour ago"),
            (86_399, "23 hours ago"),
            (3 * 86_400, "3 days ago"),
            (30 * 86_400, "30 days ago"),
            (31 * 86_400, "1 month ago"),
            (364 * 86_400, "11 months ago"),
            (366 * 86_400, "1 year ago"),
            (-7200, "in 2 hours"),
            (-20, "just now"),
        ] {
            assert_eq!(before(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn a_moment_is_a_time_element_with_the_exact_time_on_hover() {
        let when = When::new(UnixMillis(NOW.0 - 3 * 86_400_000), NOW);
        assert_eq!(
            when.to_string(),
            r#"<time datetime="2026-11-18T20:53:00Z" title="2026-11-18 20:53:00 UTC">3 days ago</time>"#
        );
        assert_eq!(day(NOW), "21 November 2026");
    }

    #[test]
    fn the_ends_of_time_do_not_panic() {
        for then in [UnixMillis(i64::MIN), UnixMillis(i64::MAX)] {
            assert!(!When::new(then, NOW).ago.is_empty());
            assert!(!When::new(NOW, then).ago.is_empty());
        }
    }
}
