//! How long a task waits after a failed attempt (`spec/work.md` 2, `backoff`).

use std::time::Duration;

/// A number drawn evenly from nothing to one, in millionths. It comes with an event: the core draws nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Draw(u32);

impl Draw {
    /// One, in millionths.
    const ONE: u32 = 1_000_000;
    /// The middle: a wait is neither longer nor shorter.
    pub const MIDDLE: Self = Self(Self::ONE / 2);

    /// A draw from any number, such as one of a random source.
    pub const fn from_number(number: u32) -> Self {
        Self(number % (Self::ONE + 1))
    }
}

/// Waits that grow: min(max, first × factor^(n−1)), times a factor drawn evenly from 1 ± jitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Backoff {
    /// After the first failed attempt.
    pub first: Duration,
    /// By how much each wait is longer than the one before, in thousandths: 1 000..10 000.
    pub factor_thousandths: u32,
    /// No wait is longer, but for its jitter.
    pub max: Duration,
    /// Half the width of the draw, in millionths: 0..500 000.
    pub jitter_millionths: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(30),
            factor_thousandths: 2_000,
            max: Duration::from_hours(1),
            jitter_millionths: 200_000,
        }
    }
}

impl Backoff {
    /// The wait after the `failed`th failed attempt, counted from 1.
    pub fn wait(&self, failed: u32, draw: Draw) -> Duration {
        let most = self.max.as_millis();
        let mut millis = self.first.as_millis().min(most);
        for _ in 1..failed {
            if millis >= most {
                break;
            }
            millis = (millis * u128::from(self.factor_thousandths) / 1_000).min(most);
        }
        // 1 − jitter + 2 × jitter × draw, in millionths.
        let one = u128::from(Draw::ONE);
        let jitter = u128::from(self.jitter_millionths.min(Draw::ONE));
        let factor = one - jitter + 2 * jitter * u128::from(draw.0) / one;
        Duration::from_millis(u64::try_from(millis * factor / one).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_in_its_width() {
        let backoff = Backoff::default();
        let wait = |number| backoff.wait(1, Draw::from_number(number)).as_millis();
        assert_eq!((wait(0), wait(500_000), wait(1_000_000)), (24_000, 30_000, 36_000));
        assert_eq!(backoff.wait(u32::MAX, Draw::MIDDLE), Duration::from_hours(1));
    }
}
