//! What a seed decides, and the count of what it did to a run.

use std::{collections::BTreeMap, time::Duration};

use names::Random;

/// Draws that a seed gives, the same ones each time.
pub(super) struct Chance(Random);

impl Chance {
    pub(super) fn seeded(seed: u64) -> Self {
        Self(Random::seeded(seed))
    }

    pub(super) fn number(&self) -> u32 {
        u32::from_le_bytes(self.0.bytes())
    }

    pub(super) fn numbers(&self, many: usize) -> Vec<u32> {
        (0..many).map(|_| self.number()).collect()
    }

    pub(super) fn below(&self, limit: usize) -> usize {
        self.number() as usize % limit.max(1)
    }

    pub(super) fn one_in(&self, many: u32) -> bool {
        self.number().is_multiple_of(many)
    }

    pub(super) fn pick<T: Clone>(&self, from: &[T]) -> Option<T> {
        from.get(self.below(from.len())).cloned()
    }

    pub(super) fn shuffle<T>(&self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            list.swap(at, self.below(at + 1));
        }
    }

    /// Anything shorter than `most`.
    pub(super) fn within(&self, most: Duration) -> Duration {
        let millis = usize::try_from(most.as_millis()).unwrap();
        Duration::from_millis(self.below(millis.max(1)) as u64)
    }
}

/// How often each fault fired, and how much was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Counts(pub(super) BTreeMap<&'static str, u64>);

impl Counts {
    pub(super) fn add(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    pub(super) fn of(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or_default()
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (what, count) in &other.0 {
            *self.0.entry(what).or_default() += count;
        }
    }
}

/// What has to have happened somewhere in a series of seeds: faults, and work beside them.
pub(super) const FIRED: [&str; 22] = [
    "sent twice",
    "delayed",
    "lost",
    "vanished",
    "lied",
    "came late",
    "repeated",
    "took another's claim",
    "handed back",
    "gave up",
    "called",
    "crashed before the commit",
    "crashed after the commit",
    "restarted",
    "clock jumped",
    "job fired early",
    "job fired late",
    "revoked",
    "moved",
    "verdict refused",
    "verdict doubled",
    "accepted",
];
