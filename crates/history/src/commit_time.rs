//! The time of a commit: text that its id covers, so kept byte for byte (`spec/wire.md` 1.3, D2).

use std::fmt;

use names::UnixMillis;
use time::{Date, Month};

use crate::Fault;

/// How much of a bad time is shown in an error.
const MAX_SHOWN_CHARS: usize = 64;
const MILLIS_PER_MINUTE: i64 = 60_000;
const MILLIS_PER_DAY: i64 = 86_400_000;
/// The first and the last moment that a four-digit year can say.
const FIRST: i64 = -62_135_596_800_000;
const LAST: i64 = 253_402_300_799_999;

/// A time in one of the forms that a Muse client gives back byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CommitTime {
    text: Box<str>,
    millis: i64,
}

impl CommitTime {
    /// Reads `YYYY-MM-DDTHH:MM:SS`, then a fraction of exactly six digits that are not all zero, or none,
    /// then a zone `±HH:MM` that is not `-00:00`, or none, which means UTC.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let millis = parse_millis(text)
            .ok_or_else(|| Fault::Time { text: text.chars().take(MAX_SHOWN_CHARS).collect() })?;
        Ok(Self { text: text.into(), millis })
    }

    /// The form that a writer uses: UTC as `+00:00`, and six digits of fraction, left out when zero. Moments
    /// outside the years 1 to 9999 become the nearest one inside.
    pub fn from_millis(moment: UnixMillis) -> Self {
        let millis = moment.0.clamp(FIRST, LAST);
        let utc = UnixMillis(millis).utc();
        let (year, month, day) = (utc.year(), u8::from(utc.month()), utc.day());
        let (hour, minute, second) = (utc.hour(), utc.minute(), utc.second());
        let fraction = match millis.rem_euclid(1000) {
            0 => String::new(),
            part => format!(".{part:03}000"),
        };
        let text = format!(
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}+00:00"
        );
        Self { text: text.into(), millis }
    }

    /// A time in seconds as it was told so many minutes east of UTC; in UTC where the year would have five digits.
    pub fn in_zone(seconds: u64, minutes: i64) -> Self {
        let millis = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000).min(LAST);
        let (sign, apart) = if minutes < 0 { ('-', -minutes) } else { ('+', minutes) };
        let local = millis.saturating_add(minutes.saturating_mul(MILLIS_PER_MINUTE));
        if minutes == 0 || apart >= 24 * 60 || !(FIRST..=LAST).contains(&local) {
            return Self::from_millis(UnixMillis(millis));
        }
        let there = Self::from_millis(UnixMillis(local));
        let clock = there.text.strip_suffix("+00:00").unwrap_or(&there.text);
        let text = format!("{clock}{sign}{:02}:{:02}", apart / 60, apart % 60);
        Self { text: text.into(), millis }
    }

    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The moment, rounded down to milliseconds.
    pub const fn unix_millis(&self) -> UnixMillis {
        UnixMillis(self.millis)
    }
}

impl fmt::Display for CommitTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Reads from the front of a text; every step fails instead of guessing.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn digits(&mut self, count: usize) -> Option<u32> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        let mut value = 0;
        for byte in digits {
            value = value * 10 + u32::from(byte.is_ascii_digit().then(|| byte - b'0')?);
        }
        self.0 = rest;
        Some(value)
    }

    fn number(&mut self, most: u32) -> Option<i64> {
        self.digits(2).filter(|value| *value <= most).map(i64::from)
    }

    fn literal(&mut self, byte: u8) -> Option<()> {
        self.0 = self.0.strip_prefix(&[byte])?;
        Some(())
    }
}

fn parse_millis(text: &str) -> Option<i64> {
    let mut reader = Reader(text.as_bytes());
    let day = parse_day(&mut reader)?;
    reader.literal(b'T')?;
    let hour = reader.number(23)?;
    reader.literal(b':')?;
    let minute = reader.number(59)?;
    reader.literal(b':')?;
    let second = reader.number(59)?;
    let mut micros = 0;
    if reader.0.first() == Some(&b'.') {
        reader.literal(b'.')?;
        micros = i64::from(reader.digits(6).filter(|micros| *micros != 0)?);
    }
    let offset = if reader.0.is_empty() { 0 } else { parse_offset(&mut reader)? };
    let minutes = hour * 60 + minute - offset;
    let rest = minutes * MILLIS_PER_MINUTE + second * 1000 + micros / 1000;
    reader.0.is_empty().then_some(day * MILLIS_PER_DAY + rest)
}

/// Days since 1970-01-01. Year 0 is refused: the Muse client's calendar begins with year 1.
fn parse_day(reader: &mut Reader<'_>) -> Option<i64> {
    let year = i32::try_from(reader.digits(4).filter(|year| *year > 0)?).ok()?;
    reader.literal(b'-')?;
    let month = Month::try_from(u8::try_from(reader.digits(2)?).ok()?).ok()?;
    reader.literal(b'-')?;
    let day = u8::try_from(reader.digits(2)?).ok()?;
    let date = Date::from_calendar_date(year, month, day).ok()?;
    let unix = time::OffsetDateTime::UNIX_EPOCH.date().to_julian_day();
    Some(i64::from(date.to_julian_day() - unix))
}

/// Minutes east of UTC.
fn parse_offset(reader: &mut Reader<'_>) -> Option<i64> {
    let west = match reader.0.first()? {
        b'+' => false,
        b'-' => true,
        _ => return None,
    };
    reader.0 = reader.0.get(1..)?;
    let hours = reader.number(23)?;
    reader.literal(b':')?;
    let minutes = hours * 60 + reader.number(59)?;
    match (west, minutes) {
        (true, 0) => None,
        (true, minutes) => Some(-minutes),
        (false, minutes) => Some(minutes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_a_muse_client_gives_back() {
        for (text, millis) in [
            ("1970-01-01T00:00:00", 0),
            ("1970-01-01T00:00:00.001999+00:00", 1),
            ("1970-01-01T01:00:00+01:00", 0),
            ("1969-12-31T23:30:00-00:30", 0),
            ("1970-01-02T00:00:00.000001-23:59", 86_400_000 + 86_340_000),
            ("2026-11-21T12:00:00.123456", 1_795_262_400_123),
            ("2024-02-29T00:00:00+00:00", 1_709_164_800_000),
            ("0001-01-01T00:00:00+00:00", FIRST),
            ("9999-12-31T23:59:59.999999+00:00", LAST),
        ] {
            let time = CommitTime::parse(text).unwrap();
            assert_eq!((time.as_str(), time.unix_millis()), (text, UnixMillis(millis)), "{text}");
        }
    }

    #[test]
    fn refuses_every_other_form() {
        for text in [
            "",
            "2026-11-21",
            "2026-11-21T12:00",
            "2026-11-21T12:00:00Z",
            "2026-11-21t12:00:00+00:00",
            "2026-11-21 12:00:00+00:00",
            "2026-11-21T12:00:00.123+00:00",
            "2026-11-21T12:00:00.1234567+00:00",
            "2026-11-21T12:00:00.000000+00:00",
            "2026-11-21T12:00:00,000001+00:00",
            "2026-11-21T12:00:00-00:00",
            "2026-11-21T12:00:00+24:00",
            "2026-11-21T12:00:00+00:60",
            "2026-11-21T12:00:00+0000",
            "2026-11-21T12:00:00+00:00 ",
            "2026-11-21T12:00:00+00:00:00",
            "2026-11-21T24:00:00+00:00",
            "2026-11-21T12:60:00+00:00",
            "2026-11-21T12:00:60+00:00",
            "2026-02-29T12:00:00+00:00",
            "2026-13-01T12:00:00+00:00",
            "2026-00-01T12:00:00+00:00",
            "2026-01-00T12:00:00+00:00",
            "0000-01-01T12:00:00+00:00",
            "٢٠٢٦-11-21T12:00:00+00:00",
        ] {
            let fault = CommitTime::parse(text).unwrap_err();
            assert_eq!(fault.code(), "bad_time", "{text:?}");
        }
    }

    #[test]
    fn a_writer_leaves_a_fraction_of_zero_out() {
        for (millis, text) in [
            (1_795_262_400_000, "2026-11-21T12:00:00+00:00"),
            (1_795_262_400_007, "2026-11-21T12:00:00.007000+00:00"),
            (-1, "1969-12-31T23:59:59.999000+00:00"),
            (i64::MIN, "0001-01-01T00:00:00+00:00"),
            (i64::MAX, "9999-12-31T23:59:59.999000+00:00"),
        ] {
            let time = CommitTime::from_millis(UnixMillis(millis));
            assert_eq!(time.as_str(), text);
            assert_eq!(CommitTime::parse(text).unwrap(), time);
        }
    }
}
