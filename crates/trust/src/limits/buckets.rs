//! All buckets of a process, within bounds.
//!
//! A bucket that is whole is the same as none. So those go first: when a shard has grown to twice what it kept last
//! time, what is idle is dropped, and nothing happens while nobody asks. A store that is full of live buckets forgets
//! none of them: newcomers share one bucket a rate.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher as _,
    sync::{Mutex, MutexGuard, PoisonError},
};

use names::UnixMillis;

use super::{Rate, Who, bucket::Bucket};

/// Locks: requests wait for each other rarely, and dropping what is idle holds one of them alone.
const SHARDS: usize = 32;
/// What a shard keeps before it looks for idle ones.
const SMALL: usize = 64;
/// A full shard is looked through at most this often.
const SWEEP_EVERY_MS: i64 = 250;

type Key = (Rate, Who);

#[derive(Debug, Default)]
struct Shard {
    live: HashMap<Key, Bucket>,
    sweep_at: usize,
    swept_at: i64,
}

/// Buckets by what is counted and for whom.
#[derive(Debug)]
pub(crate) struct Buckets {
    shards: Vec<Mutex<Shard>>,
    /// Keyed by chance, so that nobody can aim at one shard.
    hasher: RandomState,
    most_a_shard: usize,
    /// For those whom a full store cannot keep apart.
    shared: Mutex<HashMap<Rate, Bucket>>,
}

/// A panic while the lock was held cannot leave a bucket half-changed in a way that gives more.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Buckets {
    /// At most `most` buckets, and one a rate beside them.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            shards: std::iter::repeat_with(Mutex::default).take(SHARDS).collect(),
            hasher: RandomState::new(),
            most_a_shard: (most / SHARDS).max(1),
            shared: Mutex::default(),
        }
    }

    /// Does something to the bucket of `who`.
    pub(crate) fn with<T>(
        &self,
        rate: Rate,
        who: Who,
        now: UnixMillis,
        act: impl FnOnce(&mut Bucket) -> T,
    ) -> T {
        let key = (rate, who);
        let at = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or(0);
        let Some(shard) = self.shards.get(at) else { return act(&mut Bucket::default()) };
        let mut shard = locked(shard);
        if let Some(bucket) = shard.live.get_mut(&key) {
            return act(bucket);
        }
        if shard.has_room(self.most_a_shard, now) {
            return act(shard.live.entry(key).or_default());
        }
        drop(shard);
        act(locked(&self.shared).entry(rate).or_default())
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|it| locked(it).live.len()).sum()
    }

    /// How many could be held without asking for more memory.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.shards.iter().map(|it| locked(it).live.capacity()).sum()
    }
}

impl Shard {
    /// Whether one more may be kept.
    fn has_room(&mut self, most: usize, now: UnixMillis) -> bool {
        if self.live.len() >= most {
            if now.0.abs_diff(self.swept_at) < SWEEP_EVERY_MS.unsigned_abs() {
                return false;
            }
            self.keep(now, |bucket| !bucket.is_whole(now));
            return self.live.len() < most;
        }
        if self.live.len() >= self.sweep_at.max(SMALL) {
            self.keep(now, |bucket| !bucket.is_idle(now));
        }
        true
    }

    fn keep(&mut self, now: UnixMillis, is_kept: impl Fn(&Bucket) -> bool) {
        self.live.retain(|_, bucket| is_kept(bucket));
        self.sweep_at = self.live.len() * 2;
        self.swept_at = now.0;
        if self.live.capacity() > 4 * self.sweep_at.max(SMALL) {
            self.live.shrink_to(self.sweep_at.max(SMALL));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Place;

    const START: i64 = 1_795_294_380_000;
    const MOST: usize = 150_000;

    fn take(buckets: &Buckets, who: u64, ms: i64) -> bool {
        let (rate, now) = (Rate::Anonymous, UnixMillis(START + ms));
        let who = Who::Place(Place::V6(who));
        buckets.with(rate, who, now, |it| it.take(rate, rate.default_quota(), 1, now).is_ok())
    }

    #[test]
    fn strangers_without_end_stay_within_the_bounds_and_forget_nobody_alive() {
        let buckets = Buckets::new(MOST);
        // Ours has used all that it has.
        assert!((0..300).all(|_| take(&buckets, u64::MAX, 0)));
        assert!(!take(&buckets, u64::MAX, 0));
        // All at once: none of them is idle when the next one comes.
        let served = (0..300_000).filter(|who| take(&buckets, *who, 0)).count();
        assert!(buckets.len() <= MOST, "{}", buckets.len());
        // 24 bytes of key and 24 of bucket, and a byte of the table's own.
        let bytes = buckets.capacity() * (size_of::<(Key, Bucket)>() + 1);
        assert!(bytes <= 24 << 20, "{bytes} bytes");
        // Newcomers share one bucket instead of pushing others out.
        assert!(served < 300_000 && served > MOST * 9 / 10, "{served}");
        assert!(!take(&buckets, u64::MAX, 0), "a live bucket was forgotten");
    }

    #[test]
    fn at_full_rate_for_ten_minutes_everybody_is_served() {
        let buckets = Buckets::new(MOST);
        assert!((0..300).all(|_| take(&buckets, u64::MAX, 0)));
        // 1,000 new addresses each second; each of them is whole again long before the store is full.
        for second in 0..600_u64 {
            let ms = i64::try_from(second * 1_000).unwrap();
            assert!((0..1_000).all(|who| take(&buckets, second * 1_000 + who, ms)), "{second}");
            if second < 59 {
                assert!(!take(&buckets, u64::MAX, ms), "forgotten after {second} s");
            }
        }
        assert!(buckets.len() <= MOST);
    }

    #[test]
    fn what_is_idle_gives_its_memory_back() {
        let buckets = Buckets::new(MOST);
        assert!((0..100_000).all(|who| take(&buckets, who, 0)));
        assert!((0..2_500).all(|who| take(&buckets, 1_000_000 + who, 10_000_000)));
        (0..200_000).for_each(|who| {
            take(&buckets, 2_000_000 + who, 20_000_000 + i64::try_from(who).unwrap() * 100);
        });
        assert!(buckets.len() < 20_000, "{}", buckets.len());
        assert!(buckets.capacity() < 40_000, "{}", buckets.capacity());
    }
}
