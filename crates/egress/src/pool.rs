//! Idle connections, each for the origin and the reach that it was judged for, and for a bounded time: a name that
//! has moved since is judged again.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{origin::Origin, policy::Reach};

/// Idle connections in all; a busy room asks a handful of origins.
const MAX_IDLE: usize = 32;
/// How long a connection may lie unused: shorter than what servers commonly wait before they close.
const MAX_IDLE_TIME: Duration = Duration::from_secs(4);

/// What a connection is good for.
pub(crate) type Key = (Origin, Reach);

struct Idle<C> {
    connection: C,
    judged_at: Instant,
    since: Instant,
}

/// Idle connections. `C` is what is kept, so that the rule is tested without sockets.
pub(crate) struct Pool<C> {
    reuse_for: Duration,
    idle: Mutex<HashMap<Key, Vec<Idle<C>>>>,
}

impl<C> Pool<C> {
    /// A pool whose connections are used again until `reuse_for` after their address was judged; zero keeps none.
    pub(crate) fn new(reuse_for: Duration) -> Self {
        Self { reuse_for, idle: Mutex::default() }
    }

    /// The connection that was used last, and is still good.
    pub(crate) fn take(&self, key: &Key, now: Instant) -> Option<C> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        self.forget_old(&mut idle, now);
        idle.get_mut(key)?.pop().map(|it| it.connection)
    }

    /// Keeps a connection, unless it is too old or there are enough.
    pub(crate) fn put(&self, key: Key, connection: C, judged_at: Instant, now: Instant) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        self.forget_old(&mut idle, now);
        let kept: usize = idle.values().map(Vec::len).sum();
        if kept < MAX_IDLE && now < judged_at + self.reuse_for {
            idle.entry(key).or_default().push(Idle { connection, judged_at, since: now });
        }
    }

    fn forget_old(&self, idle: &mut HashMap<Key, Vec<Idle<C>>>, now: Instant) {
        idle.retain(|_, connections| {
            connections
                .retain(|it| now < it.judged_at + self.reuse_for && now < it.since + MAX_IDLE_TIME);
            !connections.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn key(raw: &str) -> Key {
        (raw.parse().unwrap(), Reach::Judged)
    }

    #[test]
    fn a_connection_serves_its_origin_and_reach_alone() {
        let (pool, now) = (Pool::new(30 * SECOND), Instant::now());
        let own = key("https://a.example");
        pool.put(own.clone(), 1, now, now);
        assert_eq!(pool.take(&key("https://b.example"), now), None);
        assert_eq!(pool.take(&key("https://a.example:444"), now), None);
        assert_eq!(pool.take(&(own.0.clone(), Reach::Listed), now), None);
        assert_eq!(pool.take(&own, now), Some(1));
        assert_eq!(pool.take(&own, now), None);
    }

    #[test]
    fn a_connection_ends_with_its_judgement_however_busy_it_is() {
        let (pool, judged_at, own) =
            (Pool::new(10 * SECOND), Instant::now(), key("https://a.example"));
        for second in 1..10 {
            let now = judged_at + second * SECOND;
            pool.put(own.clone(), second, judged_at, now);
            assert_eq!(pool.take(&own, now), Some(second));
        }
        pool.put(own.clone(), 10, judged_at, judged_at + 9 * SECOND);
        assert_eq!(pool.take(&own, judged_at + 10 * SECOND), None);
        pool.put(own.clone(), 11, judged_at, judged_at + 10 * SECOND);
        assert_eq!(pool.take(&own, judged_at + 10 * SECOND), None);
    }

    #[test]
    fn a_connection_past_its_judgement_is_not_held_open() {
        let (pool, now) = (Pool::new(Duration::ZERO), Instant::now());
        pool.put(key("https://a.example"), 1, now, now);
        assert!(pool.idle.lock().unwrap().is_empty());
    }

    #[test]
    fn an_unused_connection_is_forgotten() {
        let (pool, now, own) = (Pool::new(60 * SECOND), Instant::now(), key("https://a.example"));
        pool.put(own.clone(), 1, now, now);
        assert_eq!(pool.take(&own, now + MAX_IDLE_TIME), None);
    }

    #[test]
    fn a_full_pool_keeps_no_more() {
        let (pool, now, own) = (Pool::new(60 * SECOND), Instant::now(), key("https://a.example"));
        for connection in 0..=MAX_IDLE {
            pool.put(own.clone(), connection, now, now);
        }
        assert_eq!(pool.take(&own, now), Some(MAX_IDLE - 1));
    }
}
