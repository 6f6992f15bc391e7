//! Cron in a time zone.
//!
//! Five fields: minute, hour, day, month, weekday; `*`, `,`, `-`, `/`, names of months and days. Where both day fields
//! are restricted, either will do. A time that the clock skips in spring comes at the first minute after the gap; one
//! that it repeats in autumn comes the first time only; an hour field that begins with `*` follows elapsed hours.

use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use jiff::{Timestamp, Zoned, tz::TimeZone};
use names::UnixMillis;

use crate::Error;

/// Longer patterns are a mistake; every minute of an hour by number has 169 bytes.
const CRON_BYTES: usize = 200;
/// What letters may spell.
const NAMES: [&str; 19] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "mon",
    "tue", "wed", "thu", "fri", "sat", "sun",
];
/// A pattern that does not come within five years is a mistake.
const NEVER_DAYS: i64 = 5 * 366;

/// When something comes again and again: a cron pattern, read in a time zone.
#[derive(Debug, Clone)]
pub struct Timetable {
    cron: Cron,
    zone: TimeZone,
    pattern: String,
    zone_name: String,
}

impl Timetable {
    /// Reads `pattern`, such as `30 2 * * mon-fri`, in `zone`, such as `Europe/Berlin` or `UTC`.
    pub fn parse(pattern: &str, zone: &str) -> Result<Self, Error> {
        check(pattern)?;
        let parser =
            CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser.parse(pattern).map_err(|error| Error::BadCron(error.to_string()))?;
        let bad_zone = |_| Error::BadZone(zone.to_owned());
        let zone_found = TimeZone::get(zone).map_err(bad_zone)?;
        Ok(Self { cron, zone: zone_found, pattern: pattern.to_owned(), zone_name: zone.to_owned() })
    }

    /// The pattern as it was written.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The name of the zone.
    pub fn zone(&self) -> &str {
        &self.zone_name
    }

    /// The first moment after `now`.
    pub fn next_after(&self, now: UnixMillis) -> Result<UnixMillis, Error> {
        let start = Timestamp::from_millisecond(now.0).map_err(|_| Error::NeverComes)?;
        let start: Zoned = start.to_zoned(self.zone.clone());
        let next = self.cron.find_next_occurrence(&start, false).map_err(|_| Error::NeverComes)?;
        let next = UnixMillis(next.timestamp().as_millisecond());
        let days = (next.0 - now.0) / 86_400_000;
        if days > NEVER_DAYS { Err(Error::NeverComes) } else { Ok(next) }
    }
}

/// Refuses what the library would take beyond the plain five fields: nicknames, `L`, `W`, `#`, `?`.
fn check(pattern: &str) -> Result<(), Error> {
    let bad = |reason: &str| Err(Error::BadCron(reason.to_owned()));
    if pattern.len() > CRON_BYTES {
        return bad("it is too long");
    }
    if pattern.split_ascii_whitespace().count() != 5 {
        return bad("minute, hour, day, month and weekday are wanted");
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " \t*,-/".contains(c);
    if !pattern.chars().all(is_plain) {
        return bad("only digits, names and * , - / are understood");
    }
    let words = pattern.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    for word in words {
        if !NAMES.contains(&word.to_ascii_lowercase().as_str()) {
            return bad("only names of months and days in three letters are understood");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> UnixMillis {
        UnixMillis(text.parse::<Timestamp>().unwrap().as_millisecond())
    }

    /// The next `count` moments after `start`.
    fn following(pattern: &str, zone: &str, start: &str, count: usize) -> Vec<String> {
        let timetable = Timetable::parse(pattern, zone).unwrap();
        let mut now = at(start);
        let mut next = || {
            now = timetable.next_after(now).unwrap();
            now.to_string()
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn the_hour_is_the_hour_of_the_zone() {
        let berlin = following("0 9 * * mon-fri", "Europe/Berlin", "2026-03-26T12:00:00Z", 3);
        // Summer time begins on the Sunday between.
        let wanted =
            ["2026-03-27T08:00:00.000Z", "2026-03-30T07:00:00.000Z", "2026-03-31T07:00:00.000Z"];
        assert_eq!(berlin, wanted);
    }

    #[test]
    fn a_time_in_the_spring_gap_comes_right_after_it() {
        let berlin = following("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2);
        assert_eq!(berlin, ["2026-03-29T01:00:00.000Z", "2026-03-30T00:30:00.000Z"]);
    }

    #[test]
    fn a_time_that_autumn_repeats_comes_once() {
        let berlin = following("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2);
        assert_eq!(berlin, ["2026-10-25T00:30:00.000Z", "2026-10-26T01:30:00.000Z"]);
    }

    #[test]
    fn every_hour_follows_elapsed_hours_through_both_changes() {
        for start in ["2026-03-29T00:30:00Z", "2026-10-25T00:30:00Z"] {
            let moments = following("0 * * * *", "Europe/Berlin", start, 4);
            let millis: Vec<_> = moments.iter().map(|it| at(it).0).collect();
            assert!(millis.windows(2).all(|pair| pair[1] - pair[0] == 3_600_000), "{moments:?}");
        }
    }

    #[test]
    fn either_day_field_will_do_where_both_are_restricted() {
        let moments = following("0 0 13 * fri", "UTC", "2026-11-01T00:00:00Z", 3);
        let wanted =
            ["2026-11-06T00:00:00.000Z", "2026-11-13T00:00:00.000Z", "2026-11-20T00:00:00.000Z"];
        assert_eq!(moments, wanted);
    }

    #[test]
    fn what_is_not_five_plain_fields_is_refused() {
        let long = format!("0{} * * * *", ",0".repeat(100));
        let broken = [
            "",
            "* * * *",
            "0 * * * * *",
            "@daily",
            "60 * * * *",
            "0 0 L * *",
            "0 0 15W * *",
            "0 0 * * fri#2",
            "0 0 ? * *",
            "0 0 * * friday",
            "é 0 * * *",
            &long,
        ];
        for pattern in broken {
            let refused = Timetable::parse(pattern, "UTC");
            assert!(matches!(refused, Err(Error::BadCron(_))), "{pattern}: {refused:?}");
        }
        let zone = Timetable::parse("0 0 * * *", "Europe/Atlantis");
        assert!(matches!(zone, Err(Error::BadZone(_))));
    }

    #[test]
    fn a_date_that_never_comes_is_told() {
        let timetable = Timetable::parse("0 0 30 2 *", "UTC").unwrap();
        let next = timetable.next_after(at("2026-01-01T00:00:00Z"));
        assert!(matches!(next, Err(Error::NeverComes)), "{next:?}");
    }
}
