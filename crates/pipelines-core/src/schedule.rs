//! When a schedule fires: five cron fields in a time zone (`spec/work.md` 2, Schedules).
//!
//! Where both day fields are restricted, either will do. A time that the clock skips in spring comes at the first minute
//! after the gap; one that it repeats in autumn comes the first time only; an hour field that begins with `*` follows
//! elapsed hours. What was missed while nobody looked is judged by [`Missed`].

use std::time::Duration;

use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use jiff::{Timestamp, Zoned, tz::TimeZone};
use names::UnixMillis;

/// Longer patterns are a mistake; every minute of an hour by number has 169 bytes.
const MAX_CRON_BYTES: usize = 200;
/// What letters may spell.
const NAMES: [&str; 19] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "mon",
    "tue", "wed", "thu", "fri", "sat", "sun",
];
/// A pattern that does not come within five years is refused.
const NEVER_DAYS: i64 = 5 * 366;
/// A fire that is older was missed.
const LATE: Duration = Duration::from_mins(5);
/// Missed fires that are made up for.
const MAX_MADE_UP: usize = 24;

/// The pattern or the zone does not read, or never comes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadSchedule(String);

/// What happens with fires that nobody was there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Missed {
    /// They are forgotten.
    Skip,
    /// The latest of them fires.
    #[default]
    Latest,
    /// All fire, the latest 24.
    All,
}

/// A cron pattern in a time zone.
#[derive(Debug, Clone)]
pub struct Timetable {
    cron: Cron,
    zone: TimeZone,
}

impl Timetable {
    /// Reads `pattern`, such as `30 2 * * mon-fri`, in `zone`, such as `Europe/Berlin` or `UTC`.
    pub fn read(pattern: &str, zone: &str) -> Result<Self, BadSchedule> {
        check(pattern)?;
        let parser =
            CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser.parse(pattern).map_err(|error| BadSchedule(error.to_string()))?;
        let zone = TimeZone::get(zone)
            .map_err(|_| BadSchedule(format!("{zone} is no time zone that is known")))?;
        let table = Self { cron, zone };
        // From a year on which the calendar repeats, so that 29 February comes in time wherever one begins.
        table.next_after(UnixMillis(0)).ok_or_else(|| BadSchedule("it never comes".into()))?;
        Ok(table)
    }

    /// The first fire after `moment`; nothing within five years.
    pub fn next_after(&self, moment: UnixMillis) -> Option<UnixMillis> {
        let start: Zoned = Timestamp::from_millisecond(moment.0).ok()?.to_zoned(self.zone.clone());
        let next = self.cron.find_next_occurrence(&start, false).ok()?;
        let next = UnixMillis(next.timestamp().as_millisecond());
        ((next.0 - moment.0) / 86_400_000 <= NEVER_DAYS).then_some(next)
    }

    /// The fires that are due at `now`, the oldest first, where `next` is the first that has not fired; and the first
    /// after them.
    pub fn due(
        &self,
        next: UnixMillis,
        now: UnixMillis,
        missed: Missed,
    ) -> (Vec<UnixMillis>, Option<UnixMillis>) {
        let (mut due, mut at) = (std::collections::VecDeque::new(), Some(next));
        while let Some(fire) = at.filter(|fire| *fire <= now) {
            let is_late = now.since(fire) > LATE;
            match missed {
                Missed::Skip if is_late => {}
                Missed::Latest => {
                    due.clear();
                    due.push_back(fire);
                }
                Missed::Skip | Missed::All => due.push_back(fire),
            }
            if due.len() > MAX_MADE_UP {
                due.pop_front();
            }
            at = self.next_after(fire);
        }
        (due.into(), at)
    }
}

/// Refuses what the library would take beyond the plain five fields: nicknames, `L`, `W`, `#`, `?`.
fn check(pattern: &str) -> Result<(), BadSchedule> {
    let bad = |reason: &str| Err(BadSchedule(reason.to_owned()));
    if pattern.len() > MAX_CRON_BYTES {
        return bad("it is too long");
    }
    if pattern.split_ascii_whitespace().count() != 5 {
        return bad("minute, hour, day, month and weekday are wanted");
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " \t*,-/".contains(c);
    if !pattern.chars().all(is_plain) {
        return bad("only digits, names and * , - / are understood");
    }
    let mut words = pattern.split(|c: char| !c.is_ascii_alphabetic()).filter(|it| !it.is_empty());
    if words.any(|word| !NAMES.contains(&word.to_ascii_lowercase().as_str())) {
        return bad("only names of months and days in three letters are understood");
    }
    let mut parts = pattern.split_ascii_whitespace().flat_map(|field| field.split(','));
    if parts.any(|part| !is_sound(part)) {
        return bad("a range goes up, and a step is at least 1");
    }
    Ok(())
}

/// Whether a range goes up and a step moves on.
fn is_sound(part: &str) -> bool {
    let (range, step) = part.split_once('/').unwrap_or((part, "1"));
    let number = |text: &str| text.parse::<u32>().ok();
    let goes_up = range.split_once('-').is_none_or(|(from, to)| match (number(from), number(to)) {
        (Some(from), Some(to)) => from <= to,
        // Names of days and months.
        _ => true,
    });
    goes_up && number(step).is_some_and(|step| step >= 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// W95: three hours down.
    #[test]
    fn what_was_missed_is_made_up_for_as_the_schedule_says() {
        let table = Timetable::read("0 * * * *", "UTC").unwrap();
        let hour = |hours: i64| UnixMillis(hours * 3_600_000);
        let now = hour(13).plus(Duration::from_mins(10));
        let due = |missed| table.due(hour(11), now, missed);
        assert_eq!(due(Missed::Skip), (vec![], Some(hour(14))));
        assert_eq!(due(Missed::Latest), (vec![hour(13)], Some(hour(14))));
        assert_eq!(due(Missed::All), (vec![hour(11), hour(12), hour(13)], Some(hour(14))));
        let punctual = table.due(hour(11), hour(11), Missed::Skip);
        assert_eq!(punctual, (vec![hour(11)], Some(hour(12))));
        let (made_up, _) = table.due(hour(0), hour(100), Missed::All);
        assert_eq!((made_up.len(), made_up.first().copied()), (24, Some(hour(77))));
    }
}
