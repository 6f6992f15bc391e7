//! Push windows: all calls that prepare one push of one principal to one repository count once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use names::{Hasher, Id, UnixMillis};

use super::{Exceeded, Quota};
use crate::Principal;

/// Calls of one window at a time.
const AT_ONCE: u32 = 8;
/// Calls of one window; the next one opens another.
const MAX_CALLS: u32 = 20_000;
/// A window in which nothing happens for so long is closed.
const IDLE: Duration = Duration::from_mins(10);
/// Windows of a process. At 30 pushes a minute a principal has at most 330.
const MOST: usize = 20_000;
/// How long to wait while none can be opened.
const FULL_WAIT: Duration = Duration::from_mins(1);

/// A push under way: whose, and where to.
pub(super) type Key = (Id<Principal>, [u8; 32]);

#[derive(Debug, Clone, Copy)]
struct Window {
    calls: u32,
    at_work: u32,
    last_at: UnixMillis,
}

/// All windows of a process.
#[derive(Debug, Default)]
pub(super) struct Windows(Mutex<HashMap<Key, Window>>);

/// A call inside a window; over when this is dropped.
#[derive(Debug)]
pub struct Turn {
    windows: Arc<Windows>,
    key: Key,
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(window) = self.windows.locked().get_mut(&self.key) {
            window.at_work = window.at_work.saturating_sub(1);
        }
    }
}

/// Names the window. Handles and names are the same in every letter case.
pub(super) fn key(principal: Id<Principal>, repository: &str) -> Key {
    let mut hasher = Hasher::default();
    hasher.update(repository.to_ascii_lowercase().as_bytes());
    (principal, hasher.finish())
}

impl Windows {
    fn locked(&self) -> MutexGuard<'_, HashMap<Key, Window>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a call. A new window is counted by `count`, which may refuse.
    pub(super) fn call(
        self: &Arc<Self>,
        key: Key,
        now: UnixMillis,
        count: impl FnOnce() -> Result<(), Exceeded>,
    ) -> Result<Turn, Exceeded> {
        let mut live = self.locked();
        let is_open = live.get(&key).is_some_and(|it| it.is_open(now));
        if !is_open {
            if live.len() >= MOST {
                live.retain(|_, it| !it.is_idle(now));
            }
            if live.len() >= MOST && !live.contains_key(&key) {
                let quota = Quota { count: MOST as u64, period: FULL_WAIT };
                return Err(Exceeded::new("push-windows", quota, 0, nanos(FULL_WAIT)));
            }
            count()?;
            let at_work = live.get(&key).map_or(0, |it| it.at_work);
            live.insert(key, Window { calls: 0, at_work, last_at: now });
        }
        let Some(window) = live.get_mut(&key) else {
            return Ok(Turn { windows: Arc::clone(self), key });
        };
        if window.at_work >= AT_ONCE {
            let quota = Quota { count: AT_ONCE.into(), period: Duration::from_secs(1) };
            return Err(Exceeded::new("push-calls-at-once", quota, 0, nanos(quota.period)));
        }
        window.calls += 1;
        window.at_work += 1;
        window.last_at = now;
        Ok(Turn { windows: Arc::clone(self), key })
    }

    /// Closes a window; tells whether one was open, so that the push has been counted.
    pub(super) fn close(&self, key: &Key, now: UnixMillis) -> bool {
        self.locked().remove(key).is_some_and(|it| !it.is_idle(now))
    }
}

impl Window {
    fn is_idle(&self, now: UnixMillis) -> bool {
        self.at_work == 0 && self.last_at.plus(IDLE) <= now
    }

    fn is_open(&self, now: UnixMillis) -> bool {
        self.calls < MAX_CALLS && !self.is_idle(now)
    }
}

fn nanos(wait: Duration) -> i64 {
    i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX)
}
