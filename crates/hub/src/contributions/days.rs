//! What somebody's work comes to, day by day.

use std::collections::BTreeMap;

use db::Tx;
use names::{Id, UnixMillis};
use trust::{Actor, Principal};

use super::store;
use crate::{Error, Hub, activity};

/// Weeks that a map shows, the one that runs among them.
const WEEKS: i64 = 52;

const DAY_MILLIS: i64 = 86_400_000;

/// How much there was on each day that had something, by the number of the day since 1970-01-01.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Days {
    /// The first day of the map: a Monday.
    pub(crate) first: i64,
    /// The last: today.
    pub(crate) last: i64,
    /// By keys of one's own, and what one published.
    pub(crate) own: BTreeMap<i64, u64>,
    /// By agents that act for one.
    pub(crate) by_agents: BTreeMap<i64, u64>,
}

impl Days {
    /// The days of the map that ends today.
    pub(crate) const fn ending(now: UnixMillis) -> (i64, i64) {
        let today = now.0.div_euclid(DAY_MILLIS);
        // The first of January 1970 was a Thursday.
        let monday = today - (today + 3).rem_euclid(7);
        (monday - (WEEKS - 1) * 7, today)
    }
}

impl Hub {
    /// The work of somebody that `actor` may see, in the last weeks.
    pub(crate) async fn days_of(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        of: Id<Principal>,
    ) -> Result<Days, Error> {
        let (first, last) = Days::ending(self.clock.now());
        let (from, until) = (UnixMillis(first * DAY_MILLIS), UnixMillis((last + 1) * DAY_MILLIS));
        let (reader, of) = (actor.reader(), of.uuid());
        let mut days = Days { first, last, ..Days::default() };
        for (is_by_agents, map) in [(false, &mut days.own), (true, &mut days.by_agents)] {
            let commits = store::days(tx, reader, of, (from, until), is_by_agents).await?;
            let releases = activity::releases_by_day(tx, reader, of, from, is_by_agents).await?;
            for (day, number) in commits.into_iter().chain(releases) {
                *map.entry(day).or_default() += number.unsigned_abs();
            }
        }
        Ok(days)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_begins_on_a_monday_and_ends_today() {
        // 2026-11-21 was a Saturday.
        let now: UnixMillis = "2026-11-21T20:53:00Z".parse().unwrap();
        let (first, last) = Days::ending(now);
        assert_eq!(UnixMillis(last * DAY_MILLIS).to_string(), "2026-11-21T00:00:00.000Z");
        assert_eq!(UnixMillis(first * DAY_MILLIS).to_string(), "2025-11-24T00:00:00.000Z");
        assert_eq!(last - first + 1, 51 * 7 + 6);
        let sunday: UnixMillis = "2026-11-22T00:00:00Z".parse().unwrap();
        let (first_then, last_then) = Days::ending(sunday);
        assert_eq!((first_then, last_then), (first, last + 1));
        let (next, _) = Days::ending("2026-11-23T00:00:00Z".parse().unwrap());
        assert_eq!(next, first + 7);
    }
}
