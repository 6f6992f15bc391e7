//! The job that copies a history: links first, then snapshots, commits from the oldest on, refs at the end.

use std::collections::{HashMap, HashSet};

use db::Tx;
use jobs::{Done, Failure, Job, Kind};
use names::{CommitId, Id, NodeId, ObjectId, SnapshotId};
use serde::{Deserialize, Serialize};
use trust::ResourceState;
use uuid::Uuid;

use super::store::{self, Begun, Ref};
use crate::{
    Error, Format, Hub, Repository,
    git::{self, Come},
    reading,
    ref_log::{Movement, Word},
    repositories, wire,
};

/// Copies the history of a fork.
pub(crate) const COPY: Kind<Copy> = Kind::new("hub.fork");

/// Rows that one transaction writes: some milliseconds.
pub(super) const BATCH: usize = 500;

/// Which fork is filled.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Copy {
    pub(crate) fork: Uuid,
}

/// What is to be copied.
#[derive(Debug, Default)]
struct Plan {
    refs: Vec<Ref>,
    objects: Vec<ObjectId>,
    snapshots: Vec<SnapshotId>,
    /// Oldest first, so that parents are there.
    commits: Vec<CommitId>,
    /// Whose packs hold it, if it is one of Git.
    packs_of: Option<Repository>,
}

pub(crate) async fn run(hub: Hub, job: Job<Copy>) -> Result<Done, Failure> {
    let id: Id<Repository> = Id::from_uuid(job.payload.fork);
    let copied = hub.copy_history(id).await?;
    tracing::info!(fork = %id, copied, "the history of a fork was copied");
    Ok(Done::default())
}

impl Hub {
    /// Copies what the source shows; gives the number of commits.
    async fn copy_history(&self, id: Id<Repository>) -> Result<usize, Error> {
        let mut tx = self.db.read().await?;
        let Some(begun) = store::begun(&mut tx, id).await? else { return Ok(0) };
        let plan = shown_of(&mut tx, &begun).await?;
        drop(tx);
        let source = begun.source;
        if let Some(source) = source {
            for batch in plan.objects.chunks(BATCH) {
                let Some(mut tx) = self.still_copying(id).await? else { return Ok(0) };
                self.objects.inherit(&mut tx, id.uuid(), source.uuid(), batch).await?;
                tx.commit().await?;
            }
            for batch in plan.snapshots.chunks(BATCH) {
                let Some(mut tx) = self.still_copying(id).await? else { return Ok(0) };
                store::copy_snapshots(&mut tx, id, source, batch).await?;
                tx.commit().await?;
            }
            for batch in plan.commits.chunks(BATCH) {
                let Some(mut tx) = self.still_copying(id).await? else { return Ok(0) };
                store::copy_commits(&mut tx, id, source, batch).await?;
                tx.commit().await?;
            }
        }
        let come = self.copy_packs(id, &plan).await?;
        let Some(mut tx) = self.still_copying(id).await? else { return Ok(0) };
        self.copy_refs(&mut tx, id, &plan.refs).await?;
        store::end(&mut tx, id, self.clock.now()).await?;
        if let Some((fork, come)) = &come {
            self.count_come(&mut tx, fork, come).await?;
        }
        tx.commit().await?;
        self.queue.wake();
        Ok(plan.commits.len())
    }

    /// Copies the objects of a history of Git.
    async fn copy_packs(
        &self,
        id: Id<Repository>,
        plan: &Plan,
    ) -> Result<Option<(Repository, Come)>, Error> {
        let Some(from) = plan.packs_of.as_ref().filter(|_| !plan.refs.is_empty()) else {
            return Ok(None);
        };
        let found = repositories::by_id(&mut self.db.glance().await?, id).await?;
        let Some(fork) = found else { return Ok(None) };
        let tips: Vec<_> = plan.refs.iter().map(Ref::held).collect();
        let come = self.copy_objects((from, &fork), &tips).await?;
        Ok(Some((fork, come)))
    }

    /// Lets refs lead to what was copied. One that somebody pushed meanwhile stays.
    async fn copy_refs(&self, tx: &mut Tx, id: Id<Repository>, refs: &[Ref]) -> Result<(), Error> {
        let there = store::refs(tx, id).await?;
        let there: HashSet<_> = there.iter().map(|it| it.name.as_str()).collect();
        let Some(fork) = repositories::by_id(tx, id).await? else { return Ok(()) };
        for Ref { name, target, object } in refs {
            if there.contains(name.as_str()) || !store::has_commit(tx, id, *target).await? {
                continue;
            }
            let (new, word) = (Some(*target), Word::Server);
            let movement = Movement { name, old: None, new, is_forced: false, word };
            self.place_ref(tx, &fork, &movement, self.clock.now()).await?;
            if let Some(object) = object {
                git::name_tag(tx, id, (name, *object)).await?;
            }
        }
        if fork.format == Format::Git {
            self.git_follows(tx, id, self.clock.now()).await?;
        }
        self.follow_later(tx, id).await
    }

    /// A transaction that holds the fork, while there is something to copy into.
    async fn still_copying(&self, id: Id<Repository>) -> Result<Option<Tx>, Error> {
        let mut tx = self.db.write().await?;
        wire::lock(&mut tx, id).await?;
        let is_copying = store::is_copying(&mut tx, id).await?;
        Ok(is_copying.then_some(tx))
    }
}

/// Reads what the source shows, in one state of it. What is gone shows nothing.
async fn shown_of(tx: &mut Tx, begun: &Begun) -> Result<Plan, Error> {
    let Some(source) = begun.source else { return Ok(Plan::default()) };
    let found = repositories::by_id(tx, source).await?;
    let is_there = |it: &Repository| {
        matches!(it.resource.state, ResourceState::Live | ResourceState::Archived)
    };
    let Some(found) = found.filter(is_there) else { return Ok(Plan::default()) };
    let mut refs = store::refs(tx, source).await?;
    if begun.default_only {
        let only = found.default_branch.full();
        refs.retain(|it| it.name == only);
    }
    let heads = refs.iter().map(|it| it.target);
    let (commits, snapshots) = Hub::reachable(tx, source, heads).await?;
    let roots: HashMap<SnapshotId, NodeId> = snapshots;
    let objects = reading::objects_below(tx, roots.values().copied()).await?;
    let mut objects: Vec<_> = objects.into_keys().collect();
    objects.sort_unstable();
    let packs_of = (found.format == Format::Git).then_some(found);
    Ok(Plan { refs, objects, snapshots: roots.into_keys().collect(), commits, packs_of })
}
