//! The parents of local commits, read when they are asked for and remembered.

use std::{cell::RefCell, collections::HashMap};

use history::{
    Parents,
    worktree::{WorkingCopy, WorktreeError},
};
use names::CommitId;

/// The graph of a working copy. A commit that is not here has no known parents.
pub(super) struct Graph<'a> {
    copy: &'a WorkingCopy,
    known: RefCell<HashMap<CommitId, Option<Parents>>>,
    /// The first error: those who walk a graph do not expect one.
    error: RefCell<Option<WorktreeError>>,
}

impl<'a> Graph<'a> {
    pub(super) fn new(copy: &'a WorkingCopy) -> Self {
        Self { copy, known: RefCell::default(), error: RefCell::default() }
    }

    /// The parents of a commit that is here.
    pub(super) fn parents(&self, id: &CommitId) -> Option<Parents> {
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
    pub(super) fn check(&self) -> Result<(), WorktreeError> {
        self.error.take().map_or(Ok(()), Err)
    }
}
