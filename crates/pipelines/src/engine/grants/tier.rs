//! Trust tiers, from a ledger in which a result counts once (`spec/work.md` 5).

use std::{collections::BTreeSet, time::Duration};

use super::store::Line;

/// Accepted results, and runs, for tier 1; so many of the last ones are looked at, and so many of a hundred have to be good.
const FIRST: (usize, usize, usize, usize) = (20, 5, 100, 90);
/// Accepted results for tier 2, over how long; the last ones, and how many of a hundred.
const SECOND: (usize, Duration, usize, usize) = (200, Duration::from_hours(30 * 24), 200, 97);

/// The tier that two ledgers make: with a publisher, and elsewhere, which lifts to 1 at most.
pub(super) fn tier([here, elsewhere]: &[Vec<Line>; 2]) -> u8 {
    if is_second(here) { 2 } else { u8::from(is_first(here) || is_first(elsewhere)) }
}

fn accepted(lines: &[Line]) -> impl Iterator<Item = &Line> {
    lines.iter().filter(|it| it.outcome == "accepted")
}

/// Whether so many of a hundred among the last lines were accepted: an expiry counts half.
fn is_good(lines: &[Line], last: usize, of_hundred: usize) -> bool {
    let lines: Vec<_> = lines.iter().take(last).collect();
    let count = |word: &str| lines.iter().filter(|it| it.outcome == word).count();
    let (good, bad, late) = (count("accepted"), count("rejected"), count("expired"));
    // In halves.
    let (good, all) = (2 * good, 2 * good + 2 * bad + late);
    good * 100 >= all * of_hundred
}

fn is_first(lines: &[Line]) -> bool {
    let (results, runs, last, of_hundred) = FIRST;
    let in_runs: BTreeSet<_> = accepted(lines).map(|it| it.run).collect();
    accepted(lines).count() >= results && in_runs.len() >= runs && is_good(lines, last, of_hundred)
}

fn is_second(lines: &[Line]) -> bool {
    let (results, over, last, of_hundred) = SECOND;
    let newest = accepted(lines).map(|it| it.at).max();
    let oldest = accepted(lines).map(|it| it.at).min();
    let has_lasted = newest.zip(oldest).is_some_and(|(new, old)| new.since(old) >= over);
    accepted(lines).count() >= results && has_lasted && is_good(lines, last, of_hundred)
}

#[cfg(test)]
mod tests {
    use names::UnixMillis;
    use uuid::Uuid;

    use super::*;

    fn lines(good: u32, runs: u32, bad: u32, late: u32) -> Vec<Line> {
        let line = |outcome: &str, number: u32| Line {
            run: Uuid::from_u128(u128::from(number % runs.max(1))),
            outcome: outcome.to_owned(),
            at: UnixMillis(i64::from(number) * 4 * 3_600_000),
        };
        let of = |outcome: &'static str, many: u32| (0..many).map(move |it| line(outcome, it));
        of("accepted", good).chain(of("rejected", bad)).chain(of("expired", late)).collect()
    }

    /// W63, W64: the rule alone.
    #[test]
    fn a_tier_is_earned_by_results_in_several_runs() {
        for (here, elsewhere, wanted) in [
            (lines(0, 0, 0, 0), lines(0, 0, 0, 0), 0),
            (lines(19, 5, 0, 0), lines(0, 0, 0, 0), 0),
            (lines(20, 5, 0, 0), lines(0, 0, 0, 0), 1),
            (lines(20, 4, 0, 0), lines(0, 0, 0, 0), 0),
            (lines(20, 5, 3, 0), lines(0, 0, 0, 0), 0),
            (lines(20, 5, 0, 4), lines(0, 0, 0, 0), 1),
            (lines(0, 0, 0, 0), lines(300, 50, 0, 0), 1),
            (lines(250, 50, 0, 0), lines(0, 0, 0, 0), 2),
        ] {
            assert_eq!(tier(&[here, elsewhere]), wanted);
        }
    }
}
