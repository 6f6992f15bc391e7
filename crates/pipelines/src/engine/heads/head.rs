//! One head: its oldest tasks, in a window.

use std::{collections::VecDeque, sync::Arc};

use names::UnixMillis;

use super::{Need, Ready, TaskId, WINDOW};

/// One head.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) need: Arc<Need>,
    /// The fair key, and its weight.
    pub(super) key: Arc<str>,
    pub(super) weight: u32,
    pub(super) priority: u8,
    /// Oldest first. Most heads have one task, so it takes no more room than it needs.
    window: VecDeque<Ready>,
    /// Whether rows may hold more than the window.
    has_more: bool,
}

const fn place(ready: &Ready) -> (UnixMillis, TaskId) {
    (ready.since, ready.task)
}

impl Head {
    pub(super) const fn new(
        need: Arc<Need>,
        key: Arc<str>,
        (weight, priority): (u32, u8),
        has_more: bool,
    ) -> Self {
        Self { need, key, weight, priority, window: VecDeque::new(), has_more }
    }

    /// The oldest tasks, oldest first.
    pub(super) fn tasks(&self) -> impl Iterator<Item = &Ready> {
        self.window.iter()
    }

    /// Whether its rows have to be read before it can be said what is oldest.
    pub(super) fn is_dry(&self) -> bool {
        self.window.is_empty() && self.has_more
    }

    /// Whether there is nothing in it.
    pub(super) fn is_over(&self) -> bool {
        self.window.is_empty() && !self.has_more
    }

    /// Whether the window holds more than one task.
    pub(super) fn holds_several(&self) -> bool {
        self.window.len() > 1
    }

    /// Puts a task where it belongs; gives back what does not go into the window.
    pub(super) fn put(&mut self, ready: Ready) -> Option<Ready> {
        let at = self.window.partition_point(|it| place(it) < place(&ready));
        if self.has_more && at == self.window.len() {
            return Some(ready);
        }
        if self.window.is_empty() {
            self.window.reserve_exact(1);
        }
        self.window.insert(at, ready);
        if self.window.len() <= WINDOW {
            return None;
        }
        self.has_more = true;
        self.window.pop_back()
    }

    /// Takes a task out.
    pub(super) fn remove(&mut self, task: TaskId, since: Option<UnixMillis>) {
        let found = since.and_then(|at| self.window.binary_search_by_key(&(at, task), place).ok());
        match found {
            Some(at) => drop(self.window.remove(at)),
            None => self.window.retain(|it| it.task != task),
        }
    }

    /// What rows hold is in the window: the oldest, and whether there are more.
    pub(super) fn fill(&mut self, mut rows: Vec<Ready>, has_more: bool) {
        rows.sort_unstable_by_key(place);
        rows.dedup_by_key(|it| it.task);
        rows.shrink_to_fit();
        (self.window, self.has_more) = (rows.into(), has_more);
    }

    /// Rows may hold more than the window.
    pub(super) const fn note_more(&mut self, has_more: bool) {
        self.has_more |= has_more;
    }

    /// What is in the window is not believed any more.
    pub(super) fn dry_up(&mut self) {
        self.window.clear();
        self.has_more = true;
    }
}
