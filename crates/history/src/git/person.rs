//! Who, and when: `name <mail> seconds zone`.

use names::UnixMillis;

use super::{GitFault, text};
use crate::CommitTime;

/// The last second that a year of four digits can say.
const LAST_SECOND: u64 = 253_402_300_799;
/// The farthest zone that a time of a commit can say, in minutes.
const MOST_ZONE_MINUTES: i64 = 23 * 60 + 59;
/// The longest name and mail together, in bytes: what is longer is cut.
const MAX_NAME_BYTES: usize = 1024;

/// Somebody who made or recorded something, as they call themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// `Name <mail>`.
    pub who: String,
    /// When, with the zone that was said. A time beyond the year 9999 is the last one before it.
    pub time: CommitTime,
}

impl Person {
    /// The moment.
    pub fn at(&self) -> UnixMillis {
        self.time.unix_millis()
    }

    /// Reads what stands behind `author` and its like.
    pub(super) fn parse(
        line: &[u8],
        encoding: Option<&[u8]>,
        key: &'static str,
    ) -> Result<Self, GitFault> {
        let bad = || GitFault::Person(key);
        let close = line.iter().rposition(|byte| *byte == b'>').ok_or_else(bad)?;
        let (who, when) = line.split_at_checked(close + 1).ok_or_else(bad)?;
        if !who.contains(&b'<') {
            return Err(bad());
        }
        let when = std::str::from_utf8(when).ok().and_then(|it| it.strip_prefix(' '));
        let (seconds, zone) = when.and_then(|it| it.split_once(' ')).ok_or_else(bad)?;
        let is_number = |it: &str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit());
        let (sign, digits) = match zone.split_at_checked(1) {
            Some(("+", digits)) if is_number(digits) => (1, digits),
            Some(("-", digits)) if is_number(digits) => (-1, digits),
            _ => return Err(bad()),
        };
        if !is_number(seconds) {
            return Err(bad());
        }
        // What does not fit is later than any calendar.
        let seconds = seconds.parse().unwrap_or(u64::MAX).min(LAST_SECOND);
        let zone: i64 = digits.parse().unwrap_or(0);
        let minutes = sign * (zone / 100 * 60 + zone % 100);
        let minutes = if minutes.abs() > MOST_ZONE_MINUTES { 0 } else { minutes };
        let mut who = text(who, encoding);
        if who.len() > MAX_NAME_BYTES {
            who.truncate(who.floor_char_boundary(MAX_NAME_BYTES));
        }
        Ok(Self { who: who.trim_start().to_owned(), time: CommitTime::in_zone(seconds, minutes) })
    }
}
