//! What a caller may see of what a repository holds (`spec/wire.md` 4, 6.4, 6.5).
//!
//! Whatever a ref leads to can be seen by everybody who may read. What refs were moved away from is still held for a
//! while, and shown to those only who may push. What is not shown is not told from what is not there.

use std::collections::HashSet;

use api::{WireCode, wire2::Wanted};
use db::Tx;
use history::tree::{Kind, MAX_NEEDS};
use names::{CommitId, NodeId, ObjectId};
use trust::{Allowed, act};

use super::{position::At, store};
use crate::{Error, Hub, Repository, reading};

/// Commits that are looked at together.
const ROOTS: i64 = 2_000;
/// Directories that are remembered as seen. Beyond them some are looked at again.
const SEEN: usize = 200_000;

/// A repository that may be read, and whether everything that it holds may be seen.
pub(super) struct Seen<'a> {
    allowed: &'a Allowed<act::ObjectRead, Repository>,
    may_push: bool,
}

impl<'a> Seen<'a> {
    pub(super) fn by(allowed: &'a Allowed<act::ObjectRead, Repository>) -> Self {
        let repository = allowed.resource().clone();
        let push = Allowed::<act::RefPush, _>::ask(allowed.actor(), repository);
        Self { allowed, may_push: push.is_ok() }
    }

    pub(super) const fn repository(&self) -> &Repository {
        self.allowed.resource()
    }

    /// The commits that are wanted, each once; all of them are shown.
    pub(super) async fn wanted(
        &self,
        hub: &Hub,
        tx: &mut Tx,
        want: &[Wanted],
    ) -> Result<Vec<CommitId>, Error> {
        let id = self.repository().id;
        let hidden = || {
            Error::wire(WireCode::NotFound, "a wanted commit is on no branch of this repository")
        };
        let (mut commits, mut seen) = (Vec::new(), HashSet::new());
        for it in want {
            let commit = match it {
                Wanted::Commit(commit) => *commit,
                Wanted::Ref(name) => reading::target(tx, id, name).await?.ok_or_else(hidden)?,
            };
            if seen.insert(commit) {
                commits.push(commit);
            }
        }
        if hub.are_visible(tx, id, &commits).await? { Ok(commits) } else { Err(hidden()) }
    }

    /// Of `ids`, the commits that are shown.
    pub(super) async fn commits(
        &self,
        tx: &mut Tx,
        ids: &[CommitId],
    ) -> Result<Vec<CommitId>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let shown = store::visible(tx, self.repository().id, ids).await?;
        Ok(ids.iter().copied().filter(|id| shown.contains(id)).collect())
    }

    /// The root directory of a snapshot, if it is shown.
    pub(super) async fn snapshot(
        &self,
        tx: &mut Tx,
        id: names::SnapshotId,
    ) -> Result<NodeId, Error> {
        let repository = self.repository().id;
        let found = reading::snapshots(tx, repository, &HashSet::from([id])).await?;
        let is_shown = store::is_shown(tx, repository, id).await?;
        let found = found.get(&id).filter(|_| is_shown || self.may_push);
        found.map(|it| it.root).ok_or(Error::NotFound)
    }

    /// Of `ids`, the objects that are shown.
    pub(super) async fn objects(
        &self,
        hub: &Hub,
        ids: &[ObjectId],
    ) -> Result<HashSet<ObjectId>, Error> {
        let repository = self.repository().id;
        let mut tx = hub.db.glance().await?;
        let mut linked = store::linked(&mut tx, repository, ids).await?;
        // Every repository holds it from the start (`spec/wire.md` D1).
        linked.extend(ids.iter().filter(|id| **id == ObjectId::EMPTY));
        if self.may_push || !store::has_former_heads(&mut tx, repository).await? {
            return Ok(linked);
        }
        drop(tx);
        let mut looked_for: HashSet<_> = ids.iter().copied().collect();
        looked_for.remove(&ObjectId::EMPTY);
        let missing = self.not_reached(hub, looked_for).await?;
        linked.retain(|id| !missing.contains(id));
        Ok(linked)
    }

    /// Of `looked_for`, what no commit shows that a ref leads to. The newest commits come first, and what is looked for
    /// is looked for whether it is held or not.
    async fn not_reached(
        &self,
        hub: &Hub,
        mut looked_for: HashSet<ObjectId>,
    ) -> Result<HashSet<ObjectId>, Error> {
        let (mut seen, mut waiting) = (HashSet::new(), Vec::new());
        let mut from = At { generation: i64::MAX, id: CommitId::from_bytes([0; 32]) };
        loop {
            let mut tx = hub.db.glance().await?;
            let roots = store::shown_roots(&mut tx, self.repository().id, from, ROOTS).await?;
            let Some((last, _)) = roots.last() else { return Ok(looked_for) };
            from = *last;
            waiting.extend(roots.iter().map(|(_, root)| *root).filter(|it| seen.insert(*it)));
            while !waiting.is_empty() {
                if looked_for.is_empty() {
                    return Ok(looked_for);
                }
                let batch = waiting.split_off(waiting.len().saturating_sub(MAX_NEEDS));
                for node in reading::nodes(&mut tx, &batch).await?.values() {
                    for entry in node.entries() {
                        match entry.kind {
                            Kind::File(object) => drop(looked_for.remove(&object)),
                            Kind::Directory(child) if seen.insert(child) => waiting.push(child),
                            Kind::Directory(_) | Kind::Module(_) => {}
                        }
                    }
                }
                if seen.len() > SEEN {
                    seen.clear();
                }
            }
        }
    }
}
