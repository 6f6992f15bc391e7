//! Heads in the order in which their tasks come (`spec/work.md` 4, Order).
//!
//! Heads are kept by what they ask of an agent, in *sets*, and in each set by level. So what an agent may not have is
//! passed over by the set, and the next task is found in some steps of ordered sets, however many heads there are. What it
//! finds is what [`Order::next`] would find among all of them; a test compares the two.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use names::UnixMillis;
use pipelines_core::order::{self, Order};

use super::{HeadId, Need, TaskId};

/// Levels, 0..9.
const LEVELS: usize = order::HIGHEST as usize + 1;

/// The oldest task of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    pub(super) since: UnixMillis,
    pub(super) task: TaskId,
    pub(super) head: HeadId,
}

/// What the place of a head comes from.
#[derive(Debug, Clone)]
pub(super) struct Stand {
    pub(super) need: Arc<Need>,
    pub(super) key: Arc<str>,
    pub(super) priority: u8,
    pub(super) mark: Mark,
}

/// A head, where it stands.
#[derive(Debug)]
struct Placed {
    stand: Stand,
    /// The virtual time of its key when it was put here.
    time: u64,
    /// None while its task is not ready yet by this clock.
    level: Option<u8>,
    /// When it moves by itself.
    moves_at: Option<UnixMillis>,
}

/// The heads of a set on one level.
#[derive(Debug, Default)]
struct Lane {
    all: BTreeSet<Mark>,
    /// Those whose keys have had no more than any: the older comes first.
    even: BTreeSet<Mark>,
    /// Those whose keys have had more, and how much.
    ahead: BTreeSet<(u64, Mark)>,
}

impl Lane {
    fn put(&mut self, mark: Mark, time: u64, floor: u64) {
        self.all.insert(mark);
        if time <= floor {
            self.even.insert(mark);
        } else {
            self.ahead.insert((time, mark));
        }
    }

    fn take(&mut self, mark: Mark, time: u64) {
        self.all.remove(&mark);
        if !self.even.remove(&mark) {
            self.ahead.remove(&(time, mark));
        }
    }

    fn oldest(&self, others: &Others<'_>) -> Option<Mark> {
        self.all.iter().find(|it| !others.holds(it.head)).copied()
    }

    /// The head whose key has had least, then the oldest. Keys that the floor has caught up with are even from now on.
    fn first(&mut self, floor: u64, others: &Others<'_>) -> Option<(u64, Mark)> {
        while let Some((time, mark)) = self.ahead.first().copied().filter(|it| it.0 <= floor) {
            self.ahead.remove(&(time, mark));
            self.even.insert(mark);
        }
        let even = self.even.iter().find(|it| !others.holds(it.head));
        let ahead = || self.ahead.iter().find(|(_, it)| !others.holds(it.head)).copied();
        even.map(|it| (floor, *it)).or_else(ahead)
    }
}

/// Heads that ask the same of an agent.
#[derive(Debug, Default)]
struct Set {
    lanes: [Lane; LEVELS],
    heads: usize,
}

impl Set {
    fn lane(&self, level: u8) -> Option<&Lane> {
        self.lanes.get(usize::from(level))
    }

    fn lane_mut(&mut self, level: u8) -> Option<&mut Lane> {
        self.lanes.get_mut(usize::from(level))
    }

    fn oldest(&self, level: u8, others: &Others<'_>) -> Option<Mark> {
        self.lane(level)?.oldest(others)
    }
}

/// Heads of which a caller may not have the oldest task, with what it may have of them in its place.
#[derive(Debug, Default)]
pub(super) struct Others<'a> {
    pub(super) heads: Option<&'a HashMap<HeadId, Option<super::Ready>>>,
    pub(super) stands: Vec<Stand>,
}

impl Others<'_> {
    fn holds(&self, head: HeadId) -> bool {
        self.heads.is_some_and(|heads| heads.contains_key(&head))
    }
}

/// Every head that has a task to give.
#[derive(Debug, Default)]
pub(super) struct Index {
    sets: HashMap<Arc<Need>, Set>,
    placed: HashMap<HeadId, Placed>,
    moves: BTreeSet<(UnixMillis, HeadId)>,
    now: Option<UnixMillis>,
}

impl Index {
    /// What is asked of agents, by the sets that have something to give.
    pub(super) fn needs(&self) -> impl Iterator<Item = &Arc<Need>> {
        self.sets.keys()
    }

    /// The need that heads share which ask the same.
    pub(super) fn shared(&self, need: Need) -> Arc<Need> {
        self.sets.get_key_value(&need).map_or_else(|| Arc::new(need), |(it, _)| Arc::clone(it))
    }

    /// Puts a head where it belongs; nowhere if it has nothing to give.
    pub(super) fn place(&mut self, head: HeadId, stand: Option<Stand>, order: &Order) {
        self.take(head);
        if let Some(stand) = stand {
            self.put(head, stand, order);
        }
    }

    fn take(&mut self, head: HeadId) -> Option<Stand> {
        let placed = self.placed.remove(&head)?;
        if let Some(at) = placed.moves_at {
            self.moves.remove(&(at, head));
        }
        if let Some(set) = self.sets.get_mut(&placed.stand.need) {
            let lane = placed.level.and_then(|level| set.lane_mut(level));
            if let Some(lane) = lane {
                lane.take(placed.stand.mark, placed.time);
            }
            set.heads -= 1;
            if set.heads == 0 {
                self.sets.remove(&placed.stand.need);
            }
        }
        Some(placed.stand)
    }

    fn put(&mut self, head: HeadId, stand: Stand, order: &Order) {
        let since = stand.mark.since;
        let now = self.now.unwrap_or(since);
        let is_ready = since <= now;
        let level = is_ready.then(|| order::level(stand.priority, since, now));
        let rises_at = || order::rises_at(stand.priority, since, now);
        let moves_at = if is_ready { rises_at() } else { Some(since) };
        let publisher = &stand.need.publisher_text;
        let (time, floor) = (order.key_time(publisher, &stand.key), order.key_floor(publisher));
        let set = self.sets.entry(Arc::clone(&stand.need)).or_default();
        set.heads += 1;
        if let Some(lane) = level.and_then(|level| set.lane_mut(level)) {
            lane.put(stand.mark, time, floor);
        }
        if let Some(at) = moves_at {
            self.moves.insert((at, head));
        }
        self.placed.insert(head, Placed { stand, time, level, moves_at });
    }

    /// Heads rise with the time that their tasks have waited.
    fn rise(&mut self, now: UnixMillis, order: &Order) {
        let now = self.now.map_or(now, |before| before.max(now));
        self.now = Some(now);
        while let Some((_, head)) = self.moves.first().copied().filter(|it| it.0 <= now) {
            if let Some(stand) = self.take(head) {
                self.put(head, stand, order);
            }
        }
    }

    /// The head that comes next for a caller that may have what `may` says.
    pub(super) fn next(
        &mut self,
        now: UnixMillis,
        order: &Order,
        may: impl Fn(&Need) -> bool,
        others: &Others<'_>,
    ) -> Option<Mark> {
        self.rise(now, order);
        let its_level = |it: &Stand| order::level(it.priority, it.mark.since, now);
        let mut sets: Vec<_> = self.sets.iter_mut().filter(|(need, _)| may(need)).collect();
        let loose: Vec<_> = others.stands.iter().filter(|it| it.mark.since <= now).collect();
        let has = |level: u8, sets: &[(&Arc<Need>, &mut Set)]| {
            sets.iter().any(|(_, set)| set.oldest(level, others).is_some())
                || loose.iter().any(|it| its_level(it) == level)
        };
        let mut ordinary = (0..=order::HIGHEST).filter(|level| Order::is_ordinary(*level));
        let highest = order.highest(ordinary.any(|level| has(level, &sets)));
        let level = (0..=highest).rev().find(|level| has(*level, &sets))?;
        let on_level = |it: &&Stand| its_level(it) == level;
        // First the publisher, then its key: times of keys are compared inside one publisher only.
        let of_sets = sets
            .iter()
            .filter_map(|(need, set)| Some((&need.publisher_text, set.oldest(level, others)?)));
        let of_loose = loose.iter().copied().filter(on_level);
        let of_loose = of_loose.map(|it| (&it.need.publisher_text, it.mark));
        let by_time =
            |(publisher, mark): &(&Arc<str>, Mark)| (order.publisher_time(publisher), *mark);
        let (publisher, _) = of_sets.chain(of_loose).min_by_key(by_time)?;
        let publisher = Arc::clone(publisher);
        let floor = order.key_floor(&publisher);
        let is_its = |need: &Need| need.publisher_text == publisher;
        let of_sets = sets.iter_mut().filter(|(need, _)| is_its(need));
        let of_sets = of_sets.filter_map(|(_, set)| set.lane_mut(level)?.first(floor, others));
        let of_loose = loose.iter().copied().filter(on_level).filter(|it| is_its(&it.need));
        let of_loose = of_loose.map(|it| (order.key_time(&publisher, &it.key), it.mark));
        of_sets.chain(of_loose).min().map(|(_, mark)| mark)
    }
}
