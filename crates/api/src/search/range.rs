//! Numbers and days in queries: `7`, `>7`, `>=7`, `<7`, `<=7`, `3..7`, and the same with days.

use std::fmt;

use super::Key;

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;
/// No number in a query is larger.
const MOST: i64 = 1_000_000_000_000_000;

/// From a number on, and below another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The first.
    pub from: i64,
    /// The first that is too large.
    pub below: i64,
}

impl Range {
    /// Every number.
    const ALL: Self = Self { from: i64::MIN, below: i64::MAX };

    /// Whether it holds the number.
    pub const fn holds(&self, number: i64) -> bool {
        self.from <= number && number < self.below
    }

    /// Reads numbers.
    pub(super) fn of_numbers(text: &str) -> Option<Self> {
        Self::read(text, |text| {
            let is_number = !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
            let number: i64 = text.parse().ok().filter(|it| is_number && *it <= MOST)?;
            Some((number, number + 1))
        })
    }

    /// Reads days, as ranges of milliseconds in UTC.
    pub(super) fn of_days(text: &str) -> Option<Self> {
        Self::read(text, |text| {
            let day = day(text)?;
            Some((day * DAY, (day + 1) * DAY))
        })
    }

    /// The days from one on.
    pub(super) fn since(text: &str) -> Option<Self> {
        Some(Self { from: day(text)? * DAY, ..Self::ALL })
    }

    /// The days up to one.
    pub(super) fn until(text: &str) -> Option<Self> {
        Some(Self { below: (day(text)? + 1) * DAY, ..Self::ALL })
    }

    /// `one` gives the first that a text means and the first behind it.
    fn read(text: &str, one: impl Fn(&str) -> Option<(i64, i64)>) -> Option<Self> {
        if let Some((from, to)) = text.split_once("..") {
            let (from, below) = (one(from)?.0, one(to)?.1);
            return (from < below).then_some(Self { from, below });
        }
        Some(match text {
            _ if text.starts_with(">=") => Self { from: one(text.get(2..)?)?.0, ..Self::ALL },
            _ if text.starts_with("<=") => Self { below: one(text.get(2..)?)?.1, ..Self::ALL },
            _ if text.starts_with('>') => Self { from: one(text.get(1..)?)?.1, ..Self::ALL },
            _ if text.starts_with('<') => Self { below: one(text.get(1..)?)?.0, ..Self::ALL },
            _ => {
                let (from, below) = one(text)?;
                Self { from, below }
            }
        })
    }

    /// The same in days, as a query writes them.
    pub fn in_days(&self, key: Key) -> String {
        let first = || date(self.from.div_euclid(DAY));
        let last = || date(self.below.div_euclid(DAY) - 1);
        match (key, self.from == i64::MIN, self.below == i64::MAX) {
            (Key::Since, ..) => first(),
            (Key::Until, ..) => last(),
            (_, true, _) => format!("<={}", last()),
            (_, _, true) => format!(">={}", first()),
            _ => format!("{}..{}", first(), last()),
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.from == i64::MIN, self.below == i64::MAX) {
            (true, _) => write!(f, "<{}", self.below),
            (_, true) => write!(f, ">={}", self.from),
            _ => write!(f, "{}..{}", self.from, self.below - 1),
        }
    }
}

/// The number of a day `YYYY-MM-DD` since 1970-01-01, in the calendar that reaches back without end.
fn day(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, '-');
    let mut number = |length: usize| {
        let part = parts.next()?;
        let is_number = part.len() == length && part.bytes().all(|it| it.is_ascii_digit());
        part.parse::<i64>().ok().filter(|_| is_number)
    };
    let (year, month, day) = (number(4)?, number(2)?, number(2)?);
    let number = number_of(year, month, day);
    (date(number) == text).then_some(number)
}

/// Days from the civil calendar, by eras of 400 years that begin in March.
const fn number_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The day of that number, as [`day`] reads it.
fn date(number: i64) -> String {
    let shifted = number + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}
