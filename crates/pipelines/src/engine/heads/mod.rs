//! What can be claimed, in memory: heads, each with a window of its oldest tasks.
//!
//! A head is a publisher's ready tasks of one pipeline under one fair key, of one priority and with one requirement. What
//! does not fit into the window stays in its rows and is read when the window runs dry. A publisher that has more heads
//! than are held has the others in rows; they come in their turn, in the order of their ids.
//!
//! | file         | what is there                                                        |
//! |--------------|----------------------------------------------------------------------|
//! | `mod.rs`     | [`Heads`]: tasks come and go                                          |
//! | `head.rs`    | one head and its window                                               |
//! | `index.rs`   | which head comes next                                                 |
//! | `shelf.rs`   | how many heads of a publisher are held, and which are read next        |
//! | `reading.rs` | heads and windows, read from rows                                     |
//! | `store.rs`   | the SQL                                                               |
//!
//! Invariant: what is ready in rows and not here belongs to a head that is known to have more than its window, or to a
//! publisher that is known to have more heads than are held.

mod head;
mod index;
mod reading;
mod shelf;
pub(super) mod store;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use names::{Digest, Handle, Id, UnixMillis};
use pipelines_core::{
    name::{Address, PipelineId, RunId},
    order::{Order, Waiting},
};
use trust::Principal;
use uuid::Uuid;

use head::Head;
use index::{Index, Mark, Others, Stand};
use shelf::Shelf;
pub(super) use store::STATEMENTS;

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
        let mut bytes: [u8; 16] = digest.as_bytes().first_chunk().copied().unwrap_or_default();
        // Heads of a publisher stand side by side in the index of tasks.
        for (to, from) in bytes.iter_mut().zip(beginning(self.publisher)) {
            *to = from;
        }
        Id::from_uuid(uuid::Builder::from_random_bytes(bytes).into_uuid())
    }

    fn need(&self) -> Need {
        Need {
            publisher: self.publisher,
            publisher_text: self.publisher.to_string().into(),
            handle: self.handle.clone(),
            pipeline: self.pipeline.clone(),
            labels: self.labels.clone(),
            trust: self.trust,
        }
    }
}

/// What the ids of a publisher's heads begin with.
fn beginning(publisher: Id<Principal>) -> [u8; 4] {
    let digest = Digest::of(publisher.to_string().as_bytes());
    digest.as_bytes().first_chunk().copied().unwrap_or_default()
}

/// Between which ids a publisher's heads are.
fn range(publisher: Id<Principal>) -> (HeadId, HeadId) {
    let [low, high] = [0, u8::MAX].map(|rest| {
        let mut bytes = [rest; 16];
        for (to, from) in bytes.iter_mut().zip(beginning(publisher)) {
            *to = from;
        }
        Id::from_uuid(Uuid::from_bytes(bytes))
    });
    (low, high)
}

/// What a task asks of whoever claims it. Heads that ask the same are passed over together.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Need {
    pub(crate) publisher: Id<Principal>,
    /// The same for the order.
    pub(crate) publisher_text: Arc<str>,
    pub(crate) handle: Handle,
    pub(crate) pipeline: PipelineId,
    pub(crate) labels: BTreeSet<String>,
    pub(crate) trust: u8,
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

/// A head as its rows tell of it.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) id: HeadId,
    pub(crate) like: Likeness,
    /// Its oldest task.
    pub(crate) first: Ready,
    /// Whether there are others.
    pub(crate) has_more: bool,
}

/// The task that comes next, and what it is offered by.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) head: HeadId,
    pub(crate) need: Arc<Need>,
    pub(crate) key: Arc<str>,
    pub(crate) weight: u32,
    pub(crate) priority: u8,
    pub(crate) ready: Ready,
}

impl Choice {
    /// A task that is known from its run.
    pub(crate) fn of(like: &Likeness, ready: Ready) -> Self {
        Self {
            head: like.id(),
            need: Arc::new(like.need()),
            key: like.fair_key.as_str().into(),
            weight: like.weight,
            priority: like.priority,
            ready,
        }
    }

    /// It, for the order.
    pub(crate) fn waiting(&self) -> Waiting<TaskId> {
        Waiting {
            task: self.ready.task,
            publisher: Arc::clone(&self.need.publisher_text),
            key: Arc::clone(&self.key),
            priority: self.priority,
            ready_at: self.ready.since,
        }
    }
}

/// Heads of which a caller may not have the oldest task, with the task that it may have in its place, if any.
pub(crate) type Loose = HashMap<HeadId, Option<Ready>>;

/// Heads whose rows are known to be there: a few more than live at a time, so that they are not written again.
const KNOWN: usize = 10_000;

/// Every head of which this process knows, and the order in which their tasks are granted.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    all: HashMap<HeadId, Head>,
    index: Index,
    order: Order,
    /// The heads of each fair key.
    keys: HashMap<(Id<Principal>, Arc<str>), Vec<HeadId>>,
    shelves: HashMap<Id<Principal>, Shelf>,
    dry: BTreeSet<HeadId>,
    known: HashSet<HeadId>,
    /// What did not go into a window, and may have no row yet.
    fresh: HashMap<HeadId, Vec<Ready>>,
    /// What rows still tell of and is not there any more.
    gone: HashSet<TaskId>,
    /// Heads that something was put into.
    filled: BTreeSet<HeadId>,
}

impl Heads {
    /// What is known of tasks is not believed any more; who has had how much is.
    pub(crate) fn forget(&mut self) {
        let order = std::mem::take(&mut self.order);
        *self = Self { order, ..Self::default() };
    }

    /// Whether a head may have no row yet; from now on it has one.
    pub(crate) fn is_new(&mut self, id: HeadId) -> bool {
        if self.known.len() >= KNOWN {
            self.known.clear();
        }
        self.known.insert(id)
    }

    /// Whether something may be there that is wanted, of publishers that are asked.
    pub(crate) fn may_hold(
        &self,
        wanted: impl Fn(&Need) -> bool,
        is_asked: impl Fn(&Handle) -> bool,
    ) -> bool {
        let is_dry = || self.dry.iter().filter_map(|id| self.all.get(id));
        self.index.needs().any(|need| wanted(need))
            || is_dry().any(|head| wanted(&head.need))
            || self.shelves.values().any(|shelf| shelf.is_cut() && is_asked(&shelf.handle))
    }

    /// Whether a head holds what a caller may have: see [`Heads::next`].
    pub(crate) fn tasks(&self, id: HeadId) -> impl Iterator<Item = &Ready> {
        self.all.get(&id).into_iter().flat_map(Head::tasks)
    }

    /// Heads whose rows have to be read before it can be said what is oldest, as far as `may` says that it matters.
    pub(crate) fn dry(&self, may: impl Fn(&Need) -> bool) -> Vec<HeadId> {
        let heads = self.dry.iter().filter(|id| self.all.get(id).is_some_and(|it| may(&it.need)));
        heads.copied().collect()
    }

    /// The task that comes next for a caller that may have what `may` says, but for the oldest of `loose` heads.
    pub(crate) fn next(
        &mut self,
        now: UnixMillis,
        may: impl Fn(&Need) -> bool,
        loose: &Loose,
    ) -> Option<Choice> {
        let stand = |(id, ready): (&HeadId, &Option<Ready>)| {
            let (head, ready) = self.all.get(id).zip(ready.as_ref())?;
            may(&head.need).then(|| stand(*id, head, ready))
        };
        let others =
            Others { stands: loose.iter().filter_map(stand).collect(), heads: Some(loose) };
        let mark = self.index.next(now, &self.order, &may, &others)?;
        let head = self.all.get(&mark.head)?;
        let ready = head.tasks().find(|it| it.task == mark.task)?.clone();
        Some(Choice {
            head: mark.head,
            need: Arc::clone(&head.need),
            key: Arc::clone(&head.key),
            weight: head.weight,
            priority: head.priority,
            ready,
        })
    }

    /// Of several tasks the one that comes next.
    pub(crate) fn first_of(&self, choices: &[Choice], now: UnixMillis) -> Option<Choice> {
        let waiting: Vec<_> = choices.iter().map(Choice::waiting).collect();
        choices.get(self.order.next(&waiting, now)?).cloned()
    }

    /// Notes that a task was granted: its publisher and its key have had more.
    pub(crate) fn granted(&mut self, choice: &Choice, now: UnixMillis) {
        self.order.grant_weighing(&choice.waiting(), choice.weight, now);
        let place = (choice.need.publisher, Arc::clone(&choice.key));
        for id in self.keys.get(&place).cloned().unwrap_or_default() {
            self.put_in_order(id);
        }
    }

    /// Adds a task that can be claimed from now on.
    pub(crate) fn put(&mut self, like: &Likeness, ready: Ready) {
        let id = like.id();
        self.gone.remove(&ready.task);
        self.filled.insert(id);
        if !self.all.contains_key(&id) && !self.make(id, like) {
            // It is read with its head, whose row is there by then; within this group it is not in its row yet.
            self.fresh.entry(id).or_default().push(ready);
            return;
        }
        let rest = self.all.get_mut(&id).and_then(|head| head.put(ready));
        if let Some(rest) = rest {
            self.fresh.entry(id).or_default().push(rest);
        }
        self.put_in_order(id);
    }

    /// Takes a task away that cannot be claimed any more.
    pub(crate) fn remove(&mut self, id: HeadId, task: TaskId, since: Option<UnixMillis>) {
        self.gone.insert(task);
        if let Some(fresh) = self.fresh.get_mut(&id) {
            fresh.retain(|it| it.task != task);
        }
        if let Some(head) = self.all.get_mut(&id) {
            head.remove(task, since);
            self.put_in_order(id);
        }
    }

    /// How many rows have to be read to fill a window: some may be of tasks that this group took.
    pub(crate) fn window_rows(&self) -> usize {
        WINDOW + self.gone.len()
    }

    /// Puts what rows hold into a dry window, of which `asked` were asked for: the oldest, and whether there are more.
    pub(crate) fn refill(&mut self, id: HeadId, rows: Vec<Ready>, asked: usize) {
        let Some(head) = self.all.get_mut(&id) else { return };
        let has_more = rows.len() >= asked;
        let mut rows: Vec<_> =
            rows.into_iter().filter(|it| !self.gone.contains(&it.task)).collect();
        let last = rows.last().map(|it| (it.since, it.task));
        let fresh = self.fresh.remove(&id).unwrap_or_default();
        // Between the last row and what comes later there may be others.
        let is_behind = |it: &Ready| has_more && last < Some((it.since, it.task));
        let (behind, here): (Vec<_>, Vec<_>) = fresh.into_iter().partition(is_behind);
        rows.extend(here);
        head.fill(rows, has_more);
        if !behind.is_empty() {
            self.fresh.insert(id, behind);
        }
        self.put_in_order(id);
    }

    /// All of it has rows by now, and nothing else has. Gives the heads that were filled, and are not empty again.
    pub(crate) fn settled(&mut self) -> BTreeSet<HeadId> {
        let mut filled = std::mem::take(&mut self.filled);
        filled.retain(|id| self.all.contains_key(id) || self.fresh.contains_key(id));
        self.fresh.clear();
        self.gone.clear();
        filled
    }

    /// Learns of heads that rows tell of. Says whether there is anything new.
    pub(crate) fn learn(&mut self, found: Vec<Found>) -> bool {
        let mut has_news = false;
        for Found { id, like, first, has_more } in found {
            if let Some(head) = self.all.get_mut(&id) {
                let is_known = head.tasks().any(|it| it.task == first.task);
                if is_known && (head.holds_several() || !has_more) {
                    head.note_more(has_more);
                } else if !head.is_dry() && !self.gone.contains(&first.task) {
                    head.dry_up();
                    has_news = true;
                }
            } else if self.make(id, &like) {
                has_news = true;
                let fresh = self.fresh.contains_key(&id);
                let is_gone = self.gone.contains(&first.task);
                if let Some(head) = self.all.get_mut(&id) {
                    let rows = if is_gone || fresh { Vec::new() } else { vec![first] };
                    head.fill(rows, has_more || is_gone || fresh);
                }
            }
            self.put_in_order(id);
        }
        has_news
    }

    /// Begins to hold a head, if there is room for it.
    fn make(&mut self, id: HeadId, like: &Likeness) -> bool {
        let shares = self.shelves.len();
        let new = || Shelf::new(like.handle.clone());
        let room = self.shelves.entry(like.publisher).or_insert_with(new);
        if !room.takes(like.priority, shares) {
            return false;
        }
        // Rows of a publisher that has more than is here may hold more of this head too.
        let (need, has_more) = (self.index.shared(like.need()), room.is_cut());
        let key: Arc<str> = like.fair_key.as_str().into();
        self.keys.entry((like.publisher, Arc::clone(&key))).or_default().push(id);
        self.all.insert(id, Head::new(need, key, (like.weight, like.priority), has_more));
        true
    }

    /// A head has changed: it stands elsewhere, or has nothing any more.
    fn put_in_order(&mut self, id: HeadId) {
        let Some(head) = self.all.get(&id) else { return };
        if head.is_over() {
            self.let_go(id);
            return;
        }
        if head.is_dry() {
            self.dry.insert(id);
        } else {
            self.dry.remove(&id);
        }
        let stand = head.tasks().next().map(|first| stand(id, head, first));
        self.index.place(id, stand, &self.order);
    }

    /// Holds a head no longer.
    fn let_go(&mut self, id: HeadId) {
        let Some(head) = self.all.remove(&id) else { return };
        self.index.place(id, None, &self.order);
        self.dry.remove(&id);
        let publisher = head.need.publisher;
        let place = (publisher, Arc::clone(&head.key));
        if let Some(heads) = self.keys.get_mut(&place) {
            heads.retain(|it| *it != id);
            if heads.is_empty() {
                self.keys.remove(&place);
            }
        }
        if self.shelves.get_mut(&publisher).is_some_and(Shelf::gives) {
            self.shelves.remove(&publisher);
            self.order.has_left(&head.need.publisher_text);
        }
    }
}

fn stand(id: HeadId, head: &Head, ready: &Ready) -> Stand {
    Stand {
        need: Arc::clone(&head.need),
        key: Arc::clone(&head.key),
        priority: head.priority,
        mark: Mark { since: ready.since, task: ready.task, head: id },
    }
}

#[cfg(test)]
mod tests;
