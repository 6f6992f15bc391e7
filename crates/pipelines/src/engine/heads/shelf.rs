//! How many heads of a publisher are held, and which of those in rows are read next.

use names::{Handle, UnixMillis};

use super::HeadId;

/// Heads of one publisher that are held at a time (`spec/work.md` 11).
const MOST: usize = 10_000;
/// Heads of all publishers together, by which each has its share: at about a kilobyte each, some 64 megabytes.
const TOGETHER: usize = 65_536;
/// Heads that are read at once.
pub(super) const PAGE: usize = 1_000;
/// Above this priority a head finds room beyond the share of its publisher, as much as that once more.
const ORDINARY: u8 = 5;
/// How often the heads of a publisher give way to others, if who asks finds nothing among them.
const TURN_MILLIS: i64 = 5_000;

/// The heads of a publisher.
#[derive(Debug)]
pub(super) struct Shelf {
    /// Whose.
    pub(super) handle: Handle,
    held: usize,
    /// Rows may hold other heads.
    is_cut: bool,
    /// Up to which they were read. None: from the beginning on.
    read_to: Option<HeadId>,
    /// Since rows were read from the beginning, some head was left to its rows.
    has_left_out: bool,
    turned_at: Option<UnixMillis>,
}

/// How many heads each of so many publishers may have.
fn share(publishers: usize) -> usize {
    (TOGETHER / publishers.max(1)).clamp(PAGE, MOST)
}

impl Shelf {
    pub(super) const fn new(handle: Handle) -> Self {
        Self { handle, held: 0, is_cut: false, read_to: None, has_left_out: false, turned_at: None }
    }

    /// Whether there is room for one more head. If not, it is known to be in rows alone.
    pub(super) fn takes(&mut self, priority: u8, publishers: usize) -> bool {
        let share = share(publishers);
        let most = if priority > ORDINARY { 2 * share } else { share };
        if self.held < most {
            self.held += 1;
            return true;
        }
        (self.is_cut, self.has_left_out) = (true, true);
        false
    }

    /// A head is held no longer. Says whether nothing is left, in rows neither.
    pub(super) const fn gives(&mut self) -> bool {
        self.held = self.held.saturating_sub(1);
        self.is_over()
    }

    /// Whether nothing is left of the publisher.
    pub(super) const fn is_over(&self) -> bool {
        self.held == 0 && !self.is_cut
    }

    /// Whether rows may hold other heads.
    pub(super) const fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Whether a page of other heads finds room.
    pub(super) fn has_room(&self, publishers: usize) -> bool {
        self.held + PAGE <= share(publishers)
    }

    /// Up to which head rows were read.
    pub(super) const fn read_to(&self) -> Option<HeadId> {
        self.read_to
    }

    /// Those up to `last` are here, and there are others.
    pub(super) fn note_seen(&mut self, last: HeadId) {
        self.is_cut = true;
        self.read_to = self.read_to.or(Some(last));
    }

    /// Rows are about to be read, from where that ended before.
    pub(super) const fn begin_read(&mut self) {
        if self.read_to.is_none() {
            self.has_left_out = false;
        }
    }

    /// Rows were read up to `last`, or to the end.
    pub(super) const fn note_read(&mut self, last: Option<HeadId>) {
        self.read_to = last;
        // What was left out while they were read is found when they are read once more.
        self.is_cut = last.is_some() || self.has_left_out;
    }

    /// Whether the heads that are here may give way to others: not too often.
    pub(super) fn turns(&mut self, now: UnixMillis) -> bool {
        let is_due = self.turned_at.is_none_or(|at| at.0.saturating_add(TURN_MILLIS) <= now.0);
        let turns = self.is_cut && is_due;
        if turns {
            (self.turned_at, self.has_left_out) = (Some(now), true);
        }
        turns
    }
}
