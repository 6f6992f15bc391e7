//! What can be claimed, in memory: heads, each with a window of its oldest tasks.
//!
//! A head is a publisher's ready tasks of one pipeline under one fair key, of one priority and with one requirement. What
//! does not fit into the window stays in its rows and is read when the window runs dry.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use names::{Digest, Handle, Id, UnixMillis};
use pipelines_core::name::{Address, PipelineId, RunId};
use trust::Principal;

/// Tasks of a head that are held in memory: as many as one range of the index gives.
pub(super) const WINDOW: usize = 256;

/// A row of `tasks`.
#[derive(Debug)]
pub(crate) enum TaskRow {}
/// The id of a task: a generation of an address.
pub(crate) type TaskId = Id<TaskRow>;

/// A row of `work_heads`.
#[derive(Debug)]
pub(crate) enum HeadRow {}
/// The id of a head, by what it stands for.
pub(crate) type HeadId = Id<HeadRow>;

/// What the tasks of a head have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Likeness {
    /// Whose.
    pub(crate) publisher: Id<Principal>,
    /// The publisher's name, for good.
    pub(crate) handle: Handle,
    /// Of which pipeline.
    pub(crate) pipeline: PipelineId,
    /// The value at the fair key, with the pipeline.
    pub(crate) fair_key: String,
    /// Its weight among the publisher's keys.
    pub(crate) weight: u32,
    /// 0..9.
    pub(crate) priority: u8,
    /// What an agent has to offer.
    pub(crate) labels: BTreeSet<String>,
    /// The lowest tier.
    pub(crate) trust: u8,
}

impl Likeness {
    /// The id that every process gives it.
    pub(crate) fn id(&self) -> HeadId {
        let labels: Vec<_> = self.labels.iter().map(String::as_str).collect();
        let text = serde_json::json!([
            self.publisher.to_string(),
            self.pipeline.as_str(),
            self.fair_key,
            self.weight,
            self.priority,
            labels,
            self.trust
        ]);
        let digest = Digest::of(text.to_string().as_bytes());
        let bytes = digest.as_bytes().first_chunk().copied().unwrap_or_default();
        Id::from_uuid(uuid::Builder::from_random_bytes(bytes).into_uuid())
    }
}

/// A task that can be claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) task: TaskId,
    pub(crate) run: RunId,
    pub(crate) address: Address,
    /// Since when.
    pub(crate) since: UnixMillis,
}

/// One head.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) like: Likeness,
    /// The publisher's id, for the order.
    pub(crate) publisher: Arc<str>,
    /// The fair key, for the order.
    pub(crate) key: Arc<str>,
    window: BTreeMap<(UnixMillis, TaskId), Ready>,
    /// Whether rows may hold more than the window.
    has_more: bool,
}

impl Head {
    fn new(like: Likeness, has_more: bool) -> Self {
        let publisher = like.publisher.to_string().into();
        let key = like.fair_key.as_str().into();
        Self { like, publisher, key, window: BTreeMap::new(), has_more }
    }

    /// The oldest tasks, oldest first.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = &Ready> {
        self.window.values()
    }

    /// Whether its rows have to be read before it can be said what is oldest.
    pub(crate) fn is_dry(&self) -> bool {
        self.window.is_empty() && self.has_more
    }

    /// Puts a task where it belongs; gives back what does not go into the window.
    fn put(&mut self, ready: Ready) -> Option<Ready> {
        let place = (ready.since, ready.task);
        let is_behind = self.window.last_key_value().is_none_or(|(last, _)| *last < place);
        if self.has_more && is_behind {
            return Some(ready);
        }
        self.window.insert(place, ready);
        if self.window.len() <= WINDOW {
            return None;
        }
        self.has_more = true;
        self.window.pop_last().map(|(_, last)| last)
    }
}

/// Heads whose rows are known to be there: a few more than live at a time, so that they are not written again.
const KNOWN: usize = 10_000;

/// Every head of which this process knows.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    all: HashMap<HeadId, Head>,
    known: HashSet<HeadId>,
    /// What did not go into a window, and may have no row yet.
    fresh: HashMap<HeadId, Vec<Ready>>,
}

impl Heads {
    /// Those that rows tell of, all of them dry.
    pub(crate) fn of(rows: impl Iterator<Item = Likeness>) -> Self {
        let heads = rows.map(|like| (like.id(), Head::new(like, true))).collect();
        Self { all: heads, ..Self::default() }
    }

    /// Whether a head may have no row yet; from now on it has one.
    pub(crate) fn is_new(&mut self, id: HeadId) -> bool {
        if self.known.len() >= KNOWN {
            self.known.clear();
        }
        self.known.insert(id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (HeadId, &Head)> {
        self.all.iter().map(|(id, head)| (*id, head))
    }

    pub(crate) fn get(&self, id: HeadId) -> Option<&Head> {
        self.all.get(&id)
    }

    /// Adds a task that can be claimed from now on.
    pub(crate) fn put(&mut self, like: &Likeness, ready: Ready) -> HeadId {
        let id = like.id();
        let head = self.all.entry(id).or_insert_with(|| Head::new(like.clone(), false));
        if let Some(rest) = head.put(ready) {
            self.fresh.entry(id).or_default().push(rest);
        }
        id
    }

    /// Takes a task away that cannot be claimed any more.
    pub(crate) fn remove(&mut self, id: HeadId, task: TaskId, since: Option<UnixMillis>) {
        if let Some(fresh) = self.fresh.get_mut(&id) {
            fresh.retain(|it| it.task != task);
        }
        let Some(head) = self.all.get_mut(&id) else { return };
        match since {
            Some(at) if head.window.remove(&(at, task)).is_some() => {}
            _ => head.window.retain(|(_, it), _| *it != task),
        }
        if head.window.is_empty() && !head.has_more {
            self.all.remove(&id);
        }
    }

    /// Puts what rows hold into a dry window: the oldest, and whether there are more.
    pub(crate) fn refill(&mut self, id: HeadId, rows: Vec<Ready>) {
        let Some(head) = self.all.get_mut(&id) else { return };
        head.has_more = rows.len() >= WINDOW;
        let fresh = self.fresh.remove(&id).unwrap_or_default();
        let both = rows.into_iter().chain(fresh);
        head.window = both.map(|it| ((it.since, it.task), it)).collect();
        if head.window.is_empty() {
            self.all.remove(&id);
        }
    }

    /// All of it has rows by now.
    pub(crate) fn settled(&mut self) {
        self.fresh.clear();
    }

    /// Learns of heads that another process made, or filled.
    pub(crate) fn learn(&mut self, rows: impl Iterator<Item = Likeness>) {
        for like in rows {
            let id = like.id();
            let head = self.all.entry(id).or_insert_with(|| Head::new(like, true));
            head.has_more = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use names::Random;

    use super::*;

    fn like(key: &str) -> Likeness {
        Likeness {
            publisher: Id::from_uuid(uuid::Uuid::from_u128(1)),
            handle: "acme".parse().unwrap(),
            pipeline: "sync".parse().unwrap(),
            fair_key: key.to_owned(),
            weight: 10,
            priority: 5,
            labels: BTreeSet::new(),
            trust: 0,
        }
    }

    fn ready(at: i64) -> Ready {
        let random = Random::seeded(u64::try_from(at).unwrap());
        let (task, run) = (Id::new(UnixMillis(at), &random), Id::new(UnixMillis(at), &random));
        Ready { task, run, address: "a".parse().unwrap(), since: UnixMillis(at) }
    }

    fn times(heads: &Heads, id: HeadId) -> Vec<i64> {
        heads.get(id).into_iter().flat_map(Head::tasks).map(|it| it.since.0).collect()
    }

    #[test]
    fn a_window_holds_the_oldest_and_rows_the_rest() {
        let (mut heads, like) = (Heads::default(), like("k"));
        let many = i64::try_from(WINDOW).unwrap() + 3;
        let all: Vec<_> = (1..=many).rev().map(ready).collect();
        let id = all.iter().map(|it| heads.put(&like, it.clone())).last().unwrap();
        assert_eq!(times(&heads, id), (1..=many - 3).collect::<Vec<_>>());
        for task in all.iter().filter(|it| it.since.0 <= many - 3) {
            heads.remove(id, task.task, Some(task.since));
        }
        // What was left out has no rows yet, and is there all the same once those are read.
        assert!(heads.get(id).is_some_and(Head::is_dry));
        heads.refill(id, vec![ready(many + 5)]);
        assert_eq!(times(&heads, id), [many - 2, many - 1, many, many + 5]);
    }

    #[test]
    fn a_head_that_holds_nothing_is_gone() {
        let (mut heads, like) = (Heads::of([like("k")].into_iter()), like("k"));
        let id = like.id();
        assert!(heads.get(id).is_some_and(Head::is_dry));
        // Nobody knows yet whether it comes first.
        let task = ready(7);
        heads.put(&like, task.clone());
        assert_eq!(times(&heads, id), Vec::<i64>::new());
        heads.settled();
        heads.refill(id, vec![task.clone()]);
        assert_eq!(times(&heads, id), [7]);
        heads.remove(id, task.task, Some(task.since));
        assert!(heads.get(id).is_none());
        assert!(heads.is_new(id) && !heads.is_new(id));
        assert_ne!(id, self::like("l").id());
    }
}
