//! What comes from a server, checked before it is kept.
//!
//! Objects come first, then the snapshots that need them, then the commits that need those. Each is hashed again
//! as it comes. A commit is written only when all that it leads to is here, parents before children, so that a
//! commit that is in the working copy is a whole one, wherever a transfer was cut.

use std::collections::{BTreeMap, HashSet};

use api::{
    CommitRecord, SnapshotRecord,
    wire::{FetchAnswer, InlineObject},
};
use history::{
    Parents, topological_order, verify_commit, verify_object, verify_snapshot,
    worktree::WorkingCopy,
};
use names::{CommitId, ObjectId, SnapshotId};

use super::TransferError;
use crate::progress::Progress;

/// What was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fetched {
    /// How many commits.
    pub commits: usize,
    /// How many objects.
    pub objects: u64,
    /// How many bytes these objects have.
    pub object_bytes: u64,
}

/// Takes what a server sends into a working copy.
pub struct Incoming<'a> {
    pub(super) copy: &'a WorkingCopy,
    pub(super) progress: &'a Progress,
    pub(super) fetched: Fetched,
    /// Whether objects may be left where they were promised.
    pub(super) is_promised: bool,
    /// Objects and snapshots that are known to be here, the latter with all their objects.
    objects: HashSet<ObjectId>,
    snapshots: HashSet<SnapshotId>,
    /// Commits that are written, of this transfer.
    commits: HashSet<CommitId>,
    /// Commits that were checked, and wait for the end of what belongs together.
    waiting: BTreeMap<CommitId, CommitRecord>,
}

impl<'a> Incoming<'a> {
    pub(super) fn new(
        copy: &'a WorkingCopy,
        progress: &'a Progress,
    ) -> Result<Self, TransferError> {
        Ok(Self {
            is_promised: copy.promised_by()?.is_some(),
            copy,
            progress,
            fetched: Fetched::default(),
            objects: HashSet::from([ObjectId::EMPTY]),
            snapshots: HashSet::new(),
            commits: HashSet::new(),
            waiting: BTreeMap::new(),
        })
    }

    /// Takes an answer of wire 1, which is closed in itself.
    pub(super) async fn take(&mut self, answer: FetchAnswer) -> Result<(), TransferError> {
        let FetchAnswer { commits, snapshots, objects, branch_heads: _ } = answer;
        let steps = commits.len() + snapshots.len() + objects.len();
        self.progress.begin("checking and writing", steps as u64);
        for InlineObject { object_id, content } in objects {
            self.object(object_id, &content)?;
            self.step().await;
        }
        for snapshot in snapshots {
            self.snapshot(&snapshot)?;
            self.step().await;
        }
        for commit in commits {
            self.commit(commit)?;
            self.step().await;
        }
        self.close()?;
        self.progress.end();
        Ok(())
    }

    /// A point at which an interruption may end the work.
    async fn step(&self) {
        self.progress.advance(1);
        tokio::task::yield_now().await;
    }

    /// Takes the bytes of an object.
    pub(super) fn object(&mut self, id: ObjectId, content: &[u8]) -> Result<(), TransferError> {
        verify_object(id, content)?;
        if self.objects.insert(id) {
            self.copy.write_object_from(id, content)?;
            self.fetched.objects += 1;
            self.fetched.object_bytes += content.len() as u64;
        }
        Ok(())
    }

    /// Takes a snapshot, whose objects have all come before, or were here.
    pub(super) fn snapshot(&mut self, snapshot: &SnapshotRecord) -> Result<(), TransferError> {
        verify_snapshot(snapshot)?;
        self.need_objects(snapshot)?;
        self.copy.write_snapshot(snapshot)?;
        self.snapshots.insert(snapshot.snapshot_id);
        Ok(())
    }

    fn need_objects(&mut self, of: &SnapshotRecord) -> Result<(), TransferError> {
        for object in of.manifest.values().filter(|_| !self.is_promised) {
            if !self.objects.contains(object) {
                if !self.copy.has_object(object)? {
                    let (object, snapshot) = (*object, of.snapshot_id);
                    return Err(TransferError::NoObject { object, snapshot });
                }
                self.objects.insert(*object);
            }
        }
        Ok(())
    }

    /// Takes a commit, whose snapshot has come before, or was here.
    pub(super) fn commit(&mut self, commit: CommitRecord) -> Result<(), TransferError> {
        verify_commit(&commit)?;
        let snapshot = commit.snapshot_id;
        if !self.snapshots.contains(&snapshot) {
            let here = self.copy.snapshot(&snapshot)?;
            self.need_objects(&here.ok_or(TransferError::NoSnapshot(snapshot))?)?;
            self.snapshots.insert(snapshot);
        }
        self.waiting.insert(commit.commit_id, commit);
        Ok(())
    }

    /// What has come so far belongs together: no commit is without its parents. Writes the commits.
    pub(super) fn close(&mut self) -> Result<(), TransferError> {
        let graph: BTreeMap<_, _> =
            self.waiting.iter().map(|(id, commit)| (*id, Parents::from(commit))).collect();
        for parent in graph.values().flat_map(Parents::iter) {
            if !graph.contains_key(&parent) && !self.holds(&parent)? {
                return Err(TransferError::NoCommit(parent));
            }
        }
        let mut waiting = std::mem::take(&mut self.waiting);
        for id in topological_order(&graph)? {
            let Some(commit) = waiting.remove(&id) else { continue };
            self.copy.write_commit(&commit)?;
            if self.commits.insert(id) {
                self.fetched.commits += 1;
            }
        }
        Ok(())
    }

    /// Whether a commit is in the working copy, with all that it leads to.
    fn holds(&self, id: &CommitId) -> Result<bool, TransferError> {
        Ok(self.commits.contains(id) || self.copy.commit(id)?.is_some())
    }

    /// Whether all that was wanted has come.
    pub(super) fn check(&self, want: &[CommitId]) -> Result<(), TransferError> {
        for id in want {
            if !self.holds(id)? {
                return Err(TransferError::NoCommit(*id));
            }
        }
        Ok(())
    }
}
