//! How long a failed job waits before it is tried again.

use std::time::Duration;

use names::Random;

/// The first wait: a hiccup of a neighbour is over by then.
const FIRST: Duration = Duration::from_secs(5);
/// The longest wait: what was mended is noticed within the hour.
const LONGEST: Duration = Duration::from_hours(1);

/// The wait after try number `attempts`: drawn evenly from the upper half of a span that doubles with every try, so
/// that jobs that failed together do not come back together.
pub(crate) fn wait(attempts: u32, random: &Random) -> Duration {
    let doubled = 1_u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
    let span = FIRST.saturating_mul(doubled).min(LONGEST);
    let half = span / 2;
    let drawn = u32::from_be_bytes(random.bytes());
    half + half.mul_f64(f64::from(drawn) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_within_bounds() {
        let random = Random::seeded(1);
        let mut before = Duration::ZERO;
        for attempts in 1..=10 {
            let now = wait(attempts, &random);
            assert!(now >= before, "try {attempts}: {now:?} after {before:?}");
            assert!(now >= FIRST / 2 && now <= LONGEST);
            before = now;
        }
        for attempts in [0, 11, 33, 34, u32::MAX] {
            assert!(wait(attempts, &random) <= LONGEST);
        }
    }

    #[test]
    fn jobs_that_failed_together_do_not_come_back_together() {
        let random = Random::seeded(2);
        let waits: std::collections::HashSet<_> = (0..100).map(|_| wait(5, &random)).collect();
        assert!(waits.len() > 90, "{} of 100 differ", waits.len());
    }
}
