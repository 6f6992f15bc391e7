//! Schedules over clocks that are set and over days that have 23 or 25 hours: each fire comes once.

use std::time::Duration;

use names::UnixMillis;

use super::{chance::Chance, with_seed};
use crate::schedule::{Missed, Timetable};

const HOUR: Duration = Duration::from_hours(1);
/// Ways of each day.
const SEEDS: u64 = 50;

fn moment(text: &str) -> UnixMillis {
    text.parse().unwrap()
}

/// Every fire after `start` and not after `end`.
fn fires(table: &Timetable, start: UnixMillis, end: UnixMillis) -> Vec<UnixMillis> {
    let next = |at: &UnixMillis| table.next_after(*at);
    let all = std::iter::successors(table.next_after(start), next);
    all.take_while(|at| *at <= end).collect()
}

/// Looks now and then, by a wall clock that is set an hour ahead or back, and keeps `next` as a row does.
fn looked(table: &Timetable, start: UnixMillis, end: UnixMillis, seed: u64) -> Vec<UnixMillis> {
    let (chance, mut fired) = (Chance::seeded(seed), Vec::new());
    let (mut now, mut next) = (start, table.next_after(start).unwrap());
    let (mut last, mut set) = (start, 0);
    while last < end {
        now = now.plus(chance.within(Duration::from_mins(25)));
        if chance.one_in(10) {
            now = if chance.one_in(2) { now.plus(HOUR) } else { now.minus(HOUR) };
            set += 1;
        }
        let (due, after) = table.due(next, now.min(end), Missed::All);
        fired.extend(due);
        next = after.unwrap();
        last = last.max(now);
    }
    assert!(set > 0, "the clock was never set");
    fired
}

/// `spec/work.md` 14, clocks.
#[test]
fn each_fire_comes_once_whatever_the_clock_does() {
    let days = [
        ("Europe/Berlin", "2026-03-28T12:00:00Z"),
        ("Europe/Berlin", "2026-10-24T12:00:00Z"),
        ("America/New_York", "2026-03-07T12:00:00Z"),
        ("America/New_York", "2026-10-31T12:00:00Z"),
        ("Australia/Lord_Howe", "2026-04-04T12:00:00Z"),
        ("UTC", "2026-12-31T00:00:00Z"),
    ];
    let patterns = ["30 * * * *", "30 2 * * *", "*/15 1-3 * * *", "0 0 * * *", "*/20 */2 * * *"];
    for (zone, start) in days {
        let start = moment(start);
        let end = start.plus(60 * HOUR);
        for pattern in patterns {
            let table = Timetable::read(pattern, zone).unwrap();
            let wanted = fires(&table, start, end);
            assert!(wanted.is_sorted_by(|a, b| a < b) && wanted.len() >= 2, "{pattern} {zone}");
            for seed in 0..SEEDS {
                let name = "each_fire_comes_once_whatever_the_clock_does";
                let fired = with_seed(seed, name, |seed| looked(&table, start, end, seed));
                assert_eq!(fired, wanted, "{pattern} in {zone}");
            }
        }
    }
}

/// A day of 23 hours has 23 fires each hour and one each day; one of 25 hours has 25 and one.
#[test]
fn a_day_has_as_many_fires_as_hours_and_one_of_each_day() {
    for (start, end, hours) in [
        ("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", 23),
        ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", 25),
        ("2026-06-09T22:00:00Z", "2026-06-10T22:00:00Z", 24),
    ] {
        let (start, end) = (moment(start), moment(end));
        let count = |pattern: &str| {
            fires(&Timetable::read(pattern, "Europe/Berlin").unwrap(), start, end).len()
        };
        assert_eq!((count("30 * * * *"), count("30 2 * * *")), (hours, 1));
    }
}
