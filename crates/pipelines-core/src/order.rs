//! Which ready task is granted next (`spec/work.md` 4, Order): level, fairness between publishers and their keys, age.
//!
//! Pure: the dispatcher keeps the heads of its queues in an [`Order`] and asks it for the next.

use std::{collections::BTreeMap, sync::Arc};

use names::UnixMillis;

/// A grant adds so much virtual time, divided by the weight.
const GRANT: u64 = 1_000_000;
/// A level rises by one for each so many milliseconds of waiting.
const AGE_MILLIS: i64 = 5 * 60 * 1_000;
/// Levels above do not age, and ageing ends here.
const ORDINARY: u8 = 5;
/// Grants in a row above [`ORDINARY`] while ordinary work waits.
const MAX_URGENT: u8 = 3;
/// The weight of a publisher or a key that has none of its own.
pub const USUAL_WEIGHT: u32 = 10;
/// The highest priority, and the highest level.
pub const HIGHEST: u8 = 9;
/// Virtual times that are kept of one publisher's keys: at about a hundred bytes each, some two megabytes.
const KEPT: usize = 16_384;
/// Publishers of whose keys more is kept than what they wait for.
const KEPT_PUBLISHERS: usize = 1_024;

/// Priority, and one more for each full five minutes of waiting, up to 5; 6..9 do not age.
pub fn level(priority: u8, ready_at: UnixMillis, now: UnixMillis) -> u8 {
    if priority > ORDINARY {
        return priority;
    }
    let steps = now.0.saturating_sub(ready_at.0).max(0) / AGE_MILLIS;
    let steps = u8::try_from(steps).unwrap_or(u8::MAX);
    priority.saturating_add(steps).min(ORDINARY)
}

/// When the level of a task that waits at `now` rises next; nothing if it does not any more.
pub fn rises_at(priority: u8, ready_at: UnixMillis, now: UnixMillis) -> Option<UnixMillis> {
    if level(priority, ready_at, now) >= ORDINARY {
        return None;
    }
    let steps = now.0.saturating_sub(ready_at.0).max(0) / AGE_MILLIS;
    Some(UnixMillis(ready_at.0.saturating_add((steps + 1).saturating_mul(AGE_MILLIS))))
}

/// A ready task, as far as its order goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting<Task> {
    /// Which.
    pub task: Task,
    /// Whose.
    pub publisher: Arc<str>,
    /// The fair key.
    pub key: Arc<str>,
    /// 0..9.
    pub priority: u8,
    /// Since when it is ready.
    pub ready_at: UnixMillis,
}

impl<Task> Waiting<Task> {
    fn level(&self, now: UnixMillis) -> u8 {
        level(self.priority, self.ready_at, now)
    }
}

/// Virtual times: who has had how much.
#[derive(Debug, Clone, Default)]
struct Shares {
    times: BTreeMap<Arc<str>, u64>,
    /// The time with which the last grant began: absence earns nothing below it.
    last: u64,
}

impl Shares {
    fn time(&self, key: &str) -> u64 {
        self.times.get(key).copied().unwrap_or_default().max(self.last)
    }

    fn grant(&mut self, key: &Arc<str>, weight: u32) {
        let start = self.time(key);
        self.last = start;
        let added = GRANT / u64::from(weight.max(1));
        self.times.insert(key.clone(), start.saturating_add(added));
        if self.times.len() > KEPT {
            self.forget();
        }
    }

    /// Who is not ahead need not be remembered. If that leaves too many, those that are ahead least are not ahead any
    /// more.
    fn forget(&mut self) {
        let last = self.last;
        self.times.retain(|_, time| *time > last);
        if self.times.len() > KEPT / 2 {
            let mut times: Vec<_> = self.times.values().copied().collect();
            times.sort_unstable();
            self.last = times.get(times.len() / 2).copied().unwrap_or(last);
            let last = self.last;
            self.times.retain(|_, time| *time > last);
        }
    }
}

/// The order of grants: what has been granted decides what comes next.
#[derive(Debug, Clone, Default)]
pub struct Order {
    publisher_weights: BTreeMap<Arc<str>, u32>,
    key_weights: BTreeMap<(Arc<str>, Arc<str>), u32>,
    publishers: Shares,
    keys: BTreeMap<Arc<str>, Shares>,
    urgent: u8,
}

impl Order {
    /// Gives a publisher its weight, which is the operator's.
    pub fn weigh_publisher(&mut self, publisher: &str, weight: u32) {
        self.publisher_weights.insert(publisher.into(), weight);
    }

    /// Gives a fair key its weight among its publisher's.
    pub fn weigh_key(&mut self, publisher: &str, key: &str, weight: u32) {
        self.key_weights.insert((publisher.into(), key.into()), weight);
    }

    /// How much a publisher has had.
    pub fn publisher_time(&self, publisher: &str) -> u64 {
        self.publishers.time(publisher)
    }

    /// How much a key has had among its publisher's.
    pub fn key_time(&self, publisher: &str, key: &str) -> u64 {
        self.keys.get(publisher).map_or(0, |keys| keys.time(key))
    }

    /// What none of the publisher's keys is below. It never falls.
    pub fn key_floor(&self, publisher: &str) -> u64 {
        self.keys.get(publisher).map_or(0, |keys| keys.last)
    }

    /// The highest level from which the next task may come.
    pub const fn highest(&self, has_ordinary: bool) -> u8 {
        if self.urgent < MAX_URGENT || !has_ordinary { HIGHEST } else { ORDINARY }
    }

    /// Whether a level is one that everybody's work reaches with age.
    pub const fn is_ordinary(level: u8) -> bool {
        level <= ORDINARY
    }

    /// A publisher has nothing that waits any more: what its keys have had is forgotten if that of many is remembered.
    pub fn has_left(&mut self, publisher: &str) {
        if self.keys.len() > KEPT_PUBLISHERS {
            self.keys.remove(publisher);
        }
    }

    /// The position of the task that comes next at `now`; nothing if none waits.
    pub fn next<Task: Ord>(&self, waiting: &[Waiting<Task>], now: UnixMillis) -> Option<usize> {
        let ready = || waiting.iter().enumerate().filter(|(_, it)| it.ready_at <= now);
        let has_ordinary = ready().any(|(_, it)| it.level(now) <= ORDINARY);
        let highest = self.highest(has_ordinary);
        let level = ready().map(|(_, it)| it.level(now)).filter(|level| *level <= highest).max()?;
        let on_level = || ready().filter(|(_, it)| it.level(now) == level);
        // First the publisher, then its key: times of keys are compared inside one publisher only.
        let (_, first) = on_level()
            .min_by_key(|(_, it)| (self.publishers.time(&it.publisher), it.ready_at, &it.task))?;
        let keys = self.keys.get(&first.publisher);
        let key_time = |it: &Waiting<Task>| keys.map_or(0, |keys| keys.time(&it.key));
        on_level()
            .filter(|(_, it)| it.publisher == first.publisher)
            .min_by_key(|(_, it)| (key_time(it), it.ready_at, &it.task))
            .map(|(at, _)| at)
    }

    /// Notes that `granted` was granted at `now`.
    pub fn grant<Task>(&mut self, granted: &Waiting<Task>, now: UnixMillis) {
        let place = (granted.publisher.clone(), granted.key.clone());
        let weight = self.key_weights.get(&place).copied().unwrap_or(USUAL_WEIGHT);
        self.grant_weighing(granted, weight, now);
    }

    /// The same for a key of which the caller knows the weight.
    pub fn grant_weighing<Task>(&mut self, granted: &Waiting<Task>, weight: u32, now: UnixMillis) {
        let is_urgent = granted.level(now) > ORDINARY;
        self.urgent = if is_urgent { self.urgent.saturating_add(1) } else { 0 };
        let publisher = &granted.publisher;
        let its_weight = self.publisher_weights.get(publisher).copied().unwrap_or(USUAL_WEIGHT);
        self.publishers.grant(publisher, its_weight);
        self.keys.entry(publisher.clone()).or_default().grant(&granted.key, weight);
    }
}
