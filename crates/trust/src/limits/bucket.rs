//! One bucket: the generic cell rate algorithm (ITU-T I.371), on integers of nanoseconds.
//!
//! A bucket holds `count` and fills again within `period`, evenly. That alone would let 300 and the 5 that came back
//! meanwhile through in one second; so a bucket also counts what it gave out since its period began, and a period
//! never gives more than `count`. "300 a minute" then means that the 301st in a minute is refused.

use names::UnixMillis;

use super::{Exceeded, Quota, Rate};

const NANOS_PER_MILLI: i64 = 1_000_000;
const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// The state of one bucket: 24 bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// When it is whole again: the theoretical arrival time.
    whole_at: i64,
    /// When the period ends that the count is about.
    period_ends: i64,
    /// What was taken in that period.
    spent: u64,
}

fn nanos(now: UnixMillis) -> i64 {
    now.0.saturating_mul(NANOS_PER_MILLI)
}

fn period(quota: Quota) -> i64 {
    i64::try_from(quota.period.as_nanos()).unwrap_or(i64::MAX / 4)
}

/// How long it takes to fill `cost` again, rounded up.
fn filling(quota: Quota, cost: u64) -> i64 {
    let whole = i128::from(period(quota)) * i128::from(cost);
    let count = i128::from(quota.count.max(1));
    i64::try_from((whole + count - 1) / count).unwrap_or(i64::MAX / 4)
}

impl Bucket {
    /// Takes `cost`, or tells how long to wait for it. What costs more than the bucket holds costs all of it.
    pub(crate) fn take(
        &mut self,
        rate: Rate,
        quota: Quota,
        cost: u64,
        now: UnixMillis,
    ) -> Result<(), Exceeded> {
        let cost = cost.min(quota.count);
        let now_ns = nanos(now);
        self.begin(quota, now_ns);
        let whole_at = self.whole_at.max(now_ns).saturating_add(filling(quota, cost));
        let too_early = whole_at.saturating_sub(now_ns).saturating_sub(period(quota));
        let too_many = if self.spent.saturating_add(cost) > quota.count {
            self.period_ends.saturating_sub(now_ns)
        } else {
            0
        };
        let wait = too_early.max(too_many);
        if wait > 0 {
            return Err(Exceeded::new(rate.name(), quota, self.remaining(quota, now), wait));
        }
        self.whole_at = whole_at;
        self.spent += cost;
        Ok(())
    }

    /// Takes `cost` of what has happened already, whether it is there or not. The debt is bounded: one period more.
    pub(crate) fn charge(&mut self, quota: Quota, cost: u64, now: UnixMillis) {
        let now_ns = nanos(now);
        self.begin(quota, now_ns);
        let deepest = now_ns.saturating_add(period(quota).saturating_mul(2));
        let whole_at = self.whole_at.max(now_ns).saturating_add(filling(quota, cost));
        self.whole_at = whole_at.min(deepest);
        self.spent = self.spent.saturating_add(cost);
    }

    /// What can be taken now.
    pub(crate) fn remaining(&self, quota: Quota, now: UnixMillis) -> u64 {
        let now_ns = nanos(now);
        let spent = if now_ns >= self.period_ends { 0 } else { self.spent };
        let missing = i128::from(self.whole_at.saturating_sub(now_ns).max(0));
        let missing = missing * i128::from(quota.count);
        let whole = i128::from(period(quota)).max(1);
        let missing = u64::try_from((missing + whole - 1) / whole).unwrap_or(u64::MAX);
        quota.count.saturating_sub(missing).min(quota.count.saturating_sub(spent))
    }

    /// Whether it is whole, so that forgetting it gives nobody more than the rate; a bucket of its own is whole too.
    pub(crate) fn is_whole(&self, now: UnixMillis) -> bool {
        self.whole_at <= nanos(now)
    }

    /// Whether forgetting it changes nothing at all.
    pub(crate) fn is_idle(&self, now: UnixMillis) -> bool {
        self.is_whole(now) && self.period_ends <= nanos(now)
    }

    fn begin(&mut self, quota: Quota, now_ns: i64) {
        if now_ns >= self.period_ends {
            self.period_ends = now_ns.saturating_add(period(quota));
            self.spent = 0;
        }
    }
}

/// Whole seconds, rounded up, at least one.
pub(crate) fn whole_seconds(nanos: i64) -> u32 {
    let seconds = nanos.saturating_add(NANOS_PER_SECOND - 1) / NANOS_PER_SECOND;
    u32::try_from(seconds.max(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const START: i64 = 1_795_294_380_000;

    /// The plain model: every taking is kept. What is there is found by filling and emptying step by step, in units so
    /// small that nothing is rounded; what a period gave out is added up.
    struct Plain {
        quota: Quota,
        taken: Vec<(i64, u64)>,
        period_began: Option<i64>,
    }

    impl Plain {
        fn period(&self) -> i64 {
            i64::try_from(self.quota.period.as_millis()).unwrap()
        }

        /// What is in the bucket, times the period in milliseconds.
        fn level(&self, now: i64) -> i128 {
            let period = i128::from(self.period());
            let full = i128::from(self.quota.count) * period;
            let (mut level, mut at) = (full, now);
            for (time, cost) in &self.taken {
                level = (level + i128::from(time - at.min(*time)) * i128::from(self.quota.count))
                    .min(full);
                level -= i128::from(*cost) * period;
                at = *time;
            }
            (level + i128::from(now - at) * i128::from(self.quota.count)).min(full)
        }

        fn take(&mut self, cost: u64, now: i64) -> bool {
            let period = self.period();
            let began = self.period_began.filter(|began| now < began + period).unwrap_or(now);
            self.period_began = Some(began);
            let spent: u64 =
                self.taken.iter().filter(|(time, _)| *time >= began).map(|(_, cost)| cost).sum();
            let is_there = self.level(now) >= i128::from(cost) * i128::from(self.period());
            let may = is_there && spent + cost <= self.quota.count;
            if may {
                self.taken.push((now, cost));
            }
            may
        }
    }

    proptest! {
        #[test]
        fn a_bucket_does_what_a_plain_model_does(
            // Counts that divide the period: nothing is rounded, so every answer must be equal.
            count in prop::sample::select(vec![1_u64, 2, 3, 5, 10, 30, 300]),
            steps in prop::collection::vec((0_i64..40_000, 1_u64..4), 1..120),
        ) {
            let quota = Quota { count, period: Duration::from_mins(1) };
            let mut plain = Plain { quota, taken: Vec::new(), period_began: None };
            let (mut bucket, mut now) = (Bucket::default(), START);
            for (pause, cost) in steps {
                // Most come fast, some after a long while.
                now += if pause % 3 == 0 { pause } else { pause / 200 };
                let cost = cost.min(count);
                let remaining = bucket.remaining(quota, UnixMillis(now));
                let took = bucket.take(Rate::Anonymous, quota, cost, UnixMillis(now));
                prop_assert_eq!(took.is_ok(), plain.take(cost, now));
                prop_assert_eq!(took.is_ok(), remaining >= cost);
            }
        }

        #[test]
        fn who_waits_as_told_gets_it(
            count in 1_u64..2_000,
            steps in prop::collection::vec((0_i64..3_000, 1_u64..20), 1..200),
        ) {
            let quota = Quota { count, period: Duration::from_mins(1) };
            let (mut bucket, mut now) = (Bucket::default(), START);
            for (pause, cost) in steps {
                now += pause;
                if let Err(exceeded) = bucket.take(Rate::Anonymous, quota, cost, UnixMillis(now)) {
                    now += i64::from(exceeded.retry_after_seconds) * 1_000;
                    prop_assert!(bucket.take(Rate::Anonymous, quota, cost, UnixMillis(now)).is_ok());
                }
            }
        }
    }

    #[test]
    fn the_one_above_the_count_is_refused_for_the_whole_period() {
        let quota = Rate::Anonymous.default_quota();
        let mut bucket = Bucket::default();
        let mut take = |ms: i64| bucket.take(Rate::Anonymous, quota, 1, UnixMillis(START + ms));
        for step in 0..300 {
            take(step * 100).unwrap();
        }
        let exceeded = take(30_000).unwrap_err();
        assert_eq!((exceeded.remaining, exceeded.retry_after_seconds), (0, 30));
        take(59_999).unwrap_err();
        take(60_000).unwrap();
    }

    #[test]
    fn a_bucket_that_was_emptied_late_fills_evenly() {
        let quota = Rate::Anonymous.default_quota();
        let mut bucket = Bucket::default();
        let mut take = |ms: i64| bucket.take(Rate::Anonymous, quota, 1, UnixMillis(START + ms));
        take(0).unwrap();
        (1..300).for_each(|_| take(59_900).unwrap());
        // A new period, and the bucket is as good as empty: one comes back each 200 ms.
        take(60_000).unwrap();
        assert_eq!(take(60_000).unwrap_err().retry_after_seconds, 1);
        take(60_300).unwrap();
    }

    #[test]
    fn what_has_happened_is_charged_though_nothing_is_left() {
        let quota = Rate::PushBytes.default_quota();
        let mut bucket = Bucket::default();
        let now = UnixMillis(START);
        bucket.charge(quota, quota.count - 2, now);
        bucket.take(Rate::PushBytes, quota, 1, now).unwrap();
        bucket.charge(quota, 500 << 20, now);
        let exceeded = bucket.take(Rate::PushBytes, quota, 1, now).unwrap_err();
        assert_eq!(exceeded.retry_after_seconds, 3_600);
        assert!(!bucket.is_whole(now));
    }

    #[test]
    fn costs_and_waits_have_bounds() {
        let quota = Quota { count: 10, period: Duration::from_mins(1) };
        let mut bucket = Bucket::default();
        bucket.take(Rate::Points, quota, 1_000, UnixMillis(START)).unwrap();
        for _ in 0..100 {
            bucket.charge(quota, u64::MAX, UnixMillis(START));
        }
        let exceeded = bucket.take(Rate::Points, quota, 1, UnixMillis(START)).unwrap_err();
        assert!((1..=180).contains(&exceeded.retry_after_seconds), "{exceeded:?}");
        assert_eq!(whole_seconds(-5), 1);
        assert_eq!(whole_seconds(1_000_000_001), 2);
    }
}
