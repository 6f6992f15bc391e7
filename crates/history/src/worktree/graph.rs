//! The graph of the commits that are here, read when it is asked for and remembered.

use std::{
    cell::RefCell,
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet},
};

use api::CommitRecord;
use names::{CommitId, UnixMillis};

use super::{Result, WorkingCopy, WorktreeError};
use crate::{CommitTime, Parents, ancestry::reached};

/// The graph of a working copy. A commit that is not here has no known parents.
#[derive(Debug)]
pub struct Graph<'a> {
    copy: &'a WorkingCopy,
    known: RefCell<HashMap<CommitId, Option<Parents>>>,
    /// The first error: those who walk a graph do not expect one.
    error: RefCell<Option<WorktreeError>>,
}

impl<'a> Graph<'a> {
    /// The graph of `copy`, of which nothing is read yet.
    pub fn new(copy: &'a WorkingCopy) -> Self {
        Self { copy, known: RefCell::default(), error: RefCell::default() }
    }

    /// The parents of a commit that is here.
    pub fn parents(&self, id: &CommitId) -> Option<Parents> {
        if let Some(known) = self.known.borrow().get(id) {
            return *known;
        }
        let parents = match self.copy.commit(id) {
            Ok(record) => record.as_ref().map(Parents::from),
            Err(error) => {
                self.error.borrow_mut().get_or_insert(error);
                None
            }
        };
        self.known.borrow_mut().insert(*id, parents);
        parents
    }

    /// What went wrong on the way, if anything.
    pub fn check(&self) -> Result<()> {
        self.error.take().map_or(Ok(()), Err)
    }

    /// Everything that `from` leads to, itself included.
    pub fn reached(&self, from: impl IntoIterator<Item = CommitId>) -> HashSet<CommitId> {
        reached(from, |id| self.parents(id))
    }

    /// How many commits `ours` has that `theirs` lacks, and the other way round.
    pub fn ahead_behind(&self, ours: CommitId, theirs: CommitId) -> Result<(usize, usize)> {
        if ours == theirs {
            return Ok((0, 0));
        }
        let lacking =
            |want, have| crate::reachable_not([want], [have], |id: &CommitId| self.parents(id));
        let counts = (lacking(ours, theirs)?.len(), lacking(theirs, ours)?.len());
        self.check()?;
        Ok(counts)
    }
}

/// Commits from the newest to the oldest by their times, each once: what a log shows.
#[derive(Debug)]
pub struct Walk<'a> {
    copy: &'a WorkingCopy,
    waiting: BinaryHeap<(UnixMillis, Reverse<CommitId>)>,
    records: HashMap<CommitId, CommitRecord>,
    seen: HashSet<CommitId>,
}

impl<'a> Walk<'a> {
    /// Walks from `from` to everything that it leads to.
    pub fn new(copy: &'a WorkingCopy, from: impl IntoIterator<Item = CommitId>) -> Result<Self> {
        let (waiting, records, seen) = (BinaryHeap::new(), HashMap::new(), HashSet::new());
        let mut walk = Self { copy, waiting, records, seen };
        for id in from {
            if !walk.add(id)? {
                return Err(WorktreeError::MissingCommit(id));
            }
        }
        Ok(walk)
    }

    /// Takes a commit up; false if it is not here.
    fn add(&mut self, id: CommitId) -> Result<bool> {
        if !self.seen.insert(id) {
            return Ok(true);
        }
        let Some(record) = self.copy.commit(&id)? else { return Ok(false) };
        let time = CommitTime::parse(&record.committed_at)?.unix_millis();
        self.waiting.push((time, Reverse(id)));
        self.records.insert(id, record);
        Ok(true)
    }

    fn step(&mut self) -> Result<Option<CommitRecord>> {
        let Some((_, Reverse(id))) = self.waiting.pop() else { return Ok(None) };
        let Some(record) = self.records.remove(&id) else { return Ok(None) };
        for parent in record.parents() {
            // A parent that is not here is where the history ends here.
            self.add(parent)?;
        }
        Ok(Some(record))
    }
}

impl Iterator for Walk<'_> {
    type Item = Result<CommitRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}
