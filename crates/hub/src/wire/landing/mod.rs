//! The one transaction of a push: what was checked becomes history (`spec/wire.md` 5.7).
//!
//! Everything in here is called with the transaction of the push and never commits it.

mod store;

use std::collections::HashMap;

use db::Tx;
use history::tree::Tree;
use names::{BranchName, CommitId, Id, ObjectId, UnixMillis};
use trust::{Principal, ResourceRow, ResourceState};

use super::bundle::{Bundle, CheckedCommit};
use crate::{Error, Hub, Repository, collect, quotas::Change, reading::Known};

pub(crate) use store::lock;
pub(super) use store::{STATEMENTS, held_snapshots};

/// A commit that the repository does not hold yet.
pub(super) struct NewCommit<'a> {
    pub(super) checked: &'a CheckedCommit,
    pub(super) generation: i64,
}

/// A snapshot that the repository does not hold yet.
pub(super) struct NewSnapshot<'a> {
    pub(super) record: &'a api::SnapshotRecord,
    pub(super) tree: Tree,
}

/// What a push changes.
pub(super) struct Push<'a> {
    pub(super) repository: &'a Repository,
    pub(super) by: Id<Principal>,
    pub(super) now: UnixMillis,
    pub(super) branch: &'a BranchName,
    pub(super) tip: CommitId,
    pub(super) commits: &'a [NewCommit<'a>],
    pub(super) snapshots: &'a [NewSnapshot<'a>],
    /// Every object that the push's snapshots name, with its size.
    pub(super) objects: &'a HashMap<ObjectId, u64>,
    /// How the branch moves.
    pub(super) moved: Move,
}

/// How a push moves its branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    /// It is there already.
    Stays,
    /// To something that leads to where it is, or it is new.
    Forward,
    /// Away from this commit, to which the new one does not lead.
    Leaves(CommitId),
}

impl Push<'_> {
    /// Whether anything is to be written.
    pub(super) fn brings_something(&self) -> bool {
        self.moved != Move::Stays || !self.commits.is_empty() || !self.snapshots.is_empty()
    }
}

/// Takes over from repeated commits what only grows: reviewers by union, test runs by maximum, a delta where there
/// is none (`spec/wire.md` 5, Records that are known already).
pub(super) async fn annotate(
    tx: &mut Tx,
    repository: &Repository,
    bundle: &Bundle,
    known: &HashMap<CommitId, Known>,
) -> Result<(), Error> {
    let repeated: Vec<_> = bundle
        .commits
        .iter()
        .map(|it| &it.record)
        .filter(|it| known.contains_key(&it.commit_id))
        .collect();
    store::add_annotations(tx, repository.id, &repeated).await?;
    Ok(())
}

impl Hub {
    /// Writes links, trees, snapshots, commits, the ref and the counters; refuses what is above a quota.
    pub(super) async fn write(&self, tx: &mut Tx, push: &Push<'_>) -> Result<(), Error> {
        let repository = push.repository.id;
        store::add_trees(tx, push.snapshots).await?;
        store::add_snapshots(tx, repository, push.snapshots).await?;
        store::add_commits(tx, push).await?;
        let ids: Vec<_> = push.objects.keys().copied().collect();
        let linked = self.objects.link(tx, repository.uuid(), &ids).await?;
        let bytes = linked.iter().filter_map(|id| push.objects.get(id)).sum();
        if push.moved != Move::Stays {
            store::set_branch(tx, repository, push.branch, push.tip, push.now).await?;
        }
        if let Move::Leaves(former) = push.moved {
            collect::leave(tx, repository, former, push.now).await?;
        }
        let (objects, commits) = (linked.len() as u64, push.commits.len() as u64);
        let taken = Change { objects, bytes, commits };
        let held = store::count(tx, push, taken).await?;
        self.charge(tx, push.repository, held, taken).await
    }

    /// Makes a repository that was only in the making visible to those who may see it.
    pub(super) async fn bring_to_life(
        &self,
        tx: &mut Tx,
        repository: &Repository,
    ) -> Result<(), Error> {
        if repository.is_nascent() {
            let live = ResourceRow { state: ResourceState::Live, ..repository.resource };
            self.trust.set_resource(tx, &live).await?;
        }
        Ok(())
    }
}
