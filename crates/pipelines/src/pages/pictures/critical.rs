//! The critical path: the chain of tasks that the end waited for, each of which began when the one before it ended.

use std::collections::{BTreeMap, BTreeSet};

use pipelines_core::name::{Address, StepId};

use super::bars::Bar;

/// What each step waits for, spawners included.
pub(in crate::pages) type Before = BTreeMap<StepId, Vec<StepId>>;

/// Whether one instance stands on the path of the other.
fn is_on_path(one: &Address, other: &Address) -> bool {
    one.path.iter().zip(&other.path).all(|(a, b)| a == b)
}

/// Of the bars that may have held this one up, the one that ended last, and before it began.
fn held_up_by<'b>(bar: &Bar, bars: &'b [Bar], before: &Before) -> Option<(usize, &'b Bar)> {
    let steps = before.get(&bar.address.step)?;
    let may = |it: &Bar| {
        steps.contains(&it.address.step)
            && it.address.check.is_none()
            && is_on_path(&it.address, &bar.address)
            && it.to() <= bar.from()
            && it.from() < bar.to()
    };
    bars.iter().enumerate().filter(|(_, it)| may(it)).max_by_key(|(_, it)| it.to())
}

/// The places of the bars on the critical path. An open run has one, too: to what it waits for now.
pub(in crate::pages) fn critical(bars: &[Bar], before: &Before) -> BTreeSet<usize> {
    let mut path = BTreeSet::new();
    let real = bars.iter().enumerate().filter(|(_, it)| it.address.check.is_none());
    let mut next = real.max_by_key(|(_, it)| it.to());
    // A chain is no longer than there are bars: none is taken twice.
    while let Some((_, bar)) = next.filter(|(at, _)| path.insert(*at)) {
        next = held_up_by(bar, bars, before);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::{
        super::bars::{
            bars,
            tests::{claim, task},
        },
        *,
    };

    fn before(pairs: &[(&str, &[&str])]) -> Before {
        let step = |it: &str| it.parse::<StepId>().unwrap();
        pairs.iter().map(|(it, of)| (step(it), of.iter().map(|it| step(it)).collect())).collect()
    }

    fn work(from: i64, to: i64, address: &str) -> [super::super::bars::Entry; 4] {
        [
            task(from, "ready", address),
            claim(from + 1, "granted", address),
            claim(to, "submitted", address),
            task(to, "done", address),
        ]
    }

    #[test]
    fn the_path_goes_back_from_the_end_over_what_ended_last() {
        let entries = [
            work(0, 10, "plan"),
            work(10, 20, "grade[0]"),
            work(10, 90, "grade[1]"),
            work(20, 30, "mark[0]"),
            work(90, 95, "mark[1]"),
            work(95, 99, "sum"),
            work(0, 97, "aside"),
        ];
        let bars = bars(&entries.concat(), 99);
        let before =
            before(&[("grade", &["plan"]), ("mark", &["grade", "plan"]), ("sum", &["mark"])]);
        let path = critical(&bars, &before);
        let told: Vec<_> = path.iter().map(|at| bars[*at].address.to_string()).collect();
        assert_eq!(told, ["plan", "grade[1]", "mark[1]", "sum"]);
    }

    #[test]
    fn nothing_has_no_path() {
        assert!(critical(&[], &Before::new()).is_empty());
    }
}
