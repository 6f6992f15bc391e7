//! The breaker of a subscription (`spec/webhooks.md` 4): a receiver that is down is asked now and then, and not by
//! everything that waits for it. Pure; its state is part of the row.

use std::time::Duration;

use names::UnixMillis;

/// Failures in a row that open it.
const OPENS_AFTER: u32 = 5;
/// How long after a failure of the probe the next one goes out; the last for ever.
const PROBES: [Duration; 6] = [
    Duration::from_secs(30),
    Duration::from_mins(1),
    Duration::from_mins(2),
    Duration::from_mins(4),
    Duration::from_mins(8),
    Duration::from_mins(15),
];

/// The state of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Breaker {
    /// Failures since the last success.
    pub failures_in_row: u32,
    /// When the next probe goes out, if it is open.
    pub open_until: Option<UnixMillis>,
    /// How many probes have failed.
    pub probe_step: u32,
}

/// What may go out now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lets {
    /// Everything.
    All,
    /// One probe.
    Probe,
    /// Nothing.
    Nothing,
}

impl Breaker {
    /// Whether it is open.
    pub const fn is_open(&self) -> bool {
        self.open_until.is_some()
    }

    /// What may go out at `now`.
    pub fn lets(&self, now: UnixMillis) -> Lets {
        match self.open_until {
            None => Lets::All,
            Some(until) if until <= now => Lets::Probe,
            Some(_) => Lets::Nothing,
        }
    }

    /// After a try that failed. What was under way when it opened changes nothing about the probes.
    #[must_use]
    pub fn after_failure(self, now: UnixMillis, is_probe: bool) -> Self {
        let failures_in_row = self.failures_in_row.saturating_add(1);
        match self.open_until {
            None if failures_in_row >= OPENS_AFTER => {
                Self { failures_in_row, open_until: Some(now.plus(wait(0))), probe_step: 0 }
            }
            Some(_) if is_probe => {
                let probe_step = self.probe_step.saturating_add(1);
                Self { failures_in_row, open_until: Some(now.plus(wait(probe_step))), probe_step }
            }
            None | Some(_) => Self { failures_in_row, ..self },
        }
    }
}

fn wait(step: u32) -> Duration {
    let [.., last] = PROBES;
    usize::try_from(step).ok().and_then(|step| PROBES.get(step)).copied().unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_000_000);

    #[test]
    fn five_failures_in_a_row_open_it() {
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            breaker = breaker.after_failure(NOW, false);
            assert_eq!(breaker.lets(NOW), Lets::All);
        }
        breaker = breaker.after_failure(NOW, false);
        assert_eq!(breaker.lets(NOW), Lets::Nothing);
        assert_eq!(breaker.lets(NOW.plus(Duration::from_millis(29_999))), Lets::Nothing);
        assert_eq!(breaker.lets(NOW.plus(Duration::from_secs(30))), Lets::Probe);
    }

    #[test]
    fn probes_come_after_30_seconds_and_then_1_2_4_8_15_15_minutes() {
        let mut breaker = Breaker::default();
        for _ in 0..5 {
            breaker = breaker.after_failure(NOW, false);
        }
        let mut at = NOW;
        let mut waits = Vec::new();
        for _ in 0..8 {
            let next = breaker.open_until.expect("it is open");
            waits.push(next.since(at).as_secs());
            at = next;
            breaker = breaker.after_failure(at, true);
        }
        assert_eq!(waits, [30, 60, 120, 240, 480, 900, 900, 900]);
    }

    proptest! {
        #[test]
        fn only_a_probe_moves_the_next_probe(failures in 5_u32..40, late in 0_i64..100_000) {
            let mut breaker = Breaker::default();
            for _ in 0..5 {
                breaker = breaker.after_failure(NOW, false);
            }
            let opened = breaker;
            for _ in 0..failures {
                breaker = breaker.after_failure(UnixMillis(NOW.0 + late), false);
            }
            prop_assert_eq!(breaker.open_until, opened.open_until);
            prop_assert_eq!(breaker.probe_step, opened.probe_step);
            prop_assert_eq!(breaker.failures_in_row, 5 + failures);
        }
    }
}
