//! The commits of a fetch in their order, and what each changes.

use std::collections::{HashSet, VecDeque};

use api::{CommitRecord, stream::limits::DELTA_BYTES};
use history::tree::{Change, TreeDiff};
use names::{CommitId, Id, NodeId, ObjectId};

use super::{
    position::At,
    store::{self, Tree},
};
use crate::{Error, Hub, Repository, reading};

/// Places that are known ahead. Each costs the walk over the whole history once, and 40 bytes.
const AHEAD: i64 = 50_000;
/// Commits that are loaded together, with deltas of up to half a MiB each.
const BATCH: usize = 40;

/// The commits that `want` leads to and `common` does not: by generation, then by id.
#[derive(Debug)]
pub(super) struct Line {
    repository: Id<Repository>,
    want: Vec<CommitId>,
    common: Vec<CommitId>,
    after: At,
    ahead: VecDeque<At>,
}

/// One commit, with its tree and those of its parents.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) at: At,
    pub(super) record: CommitRecord,
    pub(super) tree: Tree,
    pub(super) parents: Vec<Tree>,
}

impl Line {
    pub(super) const fn new(
        repository: Id<Repository>,
        want: Vec<CommitId>,
        common: Vec<CommitId>,
        after: At,
    ) -> Self {
        Self { repository, want, common, after, ahead: VecDeque::new() }
    }

    /// The next commits; none at the end.
    pub(super) async fn batch(&mut self, hub: &Hub) -> Result<Vec<Step>, Error> {
        let mut tx = hub.db.glance().await?;
        if self.ahead.is_empty() {
            let asked = (self.want.as_slice(), self.common.as_slice());
            let line = store::line(&mut tx, self.repository, asked, self.after, AHEAD).await?;
            self.ahead = line.into();
        }
        let places: Vec<At> = self.ahead.drain(..self.ahead.len().min(BATCH)).collect();
        let ids: Vec<CommitId> = places.iter().map(|at| at.id).collect();
        let mut records = reading::commits(&mut tx, self.repository, &ids).await?;
        let small = store::with_small_delta(&mut tx, self.repository, &ids, DELTA_BYTES).await?;
        let mut deltas = reading::deltas(&mut tx, self.repository, &small).await?;
        let mut with_parents = ids.clone();
        with_parents.extend(records.values().flat_map(|it| it.record.parents()));
        let trees = store::trees(&mut tx, self.repository, &with_parents).await?;
        let step = |at: At| {
            let broken = || Error::Broken(format!("commit {} is not whole", at.id));
            let mut record = records.remove(&at.id).ok_or_else(broken)?.record;
            record.structured_delta = deltas.remove(&at.id);
            let parents = record.parents().map(|id| trees.get(&id).cloned().ok_or_else(broken));
            let parents = parents.collect::<Result<_, _>>()?;
            let tree = trees.get(&at.id).cloned().ok_or_else(broken)?;
            Ok(Step { at, record, tree, parents })
        };
        if let Some(last) = places.last() {
            self.after = *last;
        }
        places.into_iter().map(step).collect()
    }
}

/// What differs between two trees, a change at a time, by path.
pub(super) struct Changes(TreeDiff);

impl Changes {
    pub(super) fn between(before: Option<NodeId>, after: NodeId) -> Self {
        Self(TreeDiff::new(before, Some(after), usize::MAX))
    }

    pub(super) async fn next(&mut self, hub: &Hub) -> Result<Option<Change>, Error> {
        loop {
            if let Some(change) = self.0.next_change() {
                return Ok(Some(change));
            }
            if self.0.is_complete() {
                return Ok(None);
            }
            let given = reading::nodes(&mut hub.db.glance().await?, &self.0.needs()).await?;
            self.0.give(&given).map_err(|error| Error::Broken(error.to_string()))?;
        }
    }
}

/// Objects of a parent that are remembered, so that a file that moves is not sent again.
const MOVED: usize = 50_000;

/// What was at the paths that a commit changes: its first parent holds it, and so does whoever holds that.
pub(super) async fn left_behind(hub: &Hub, step: &Step) -> Result<HashSet<ObjectId>, Error> {
    let mut objects = HashSet::new();
    let Some(parent) = step.parents.first() else { return Ok(objects) };
    let mut changes = Changes::between(Some(parent.root), step.tree.root);
    while objects.len() < MOVED
        && let Some(change) = changes.next(hub).await?
    {
        objects.extend(change.before.map(|file| file.object));
    }
    Ok(objects)
}

/// What is new in a commit: what none of its parents has at the same path.
pub(super) struct News {
    first: Changes,
    /// Against the second parent, and what was taken from it too early.
    second: Option<(Changes, Option<Change>)>,
}

impl News {
    /// Of a commit beside its parents.
    pub(super) fn of(step: &Step) -> Self {
        let root = step.tree.root;
        let mut parents = step.parents.iter().map(|tree| tree.root);
        let first = Changes::between(parents.next(), root);
        let second = parents.next().map(|parent| (Changes::between(Some(parent), root), None));
        Self { first, second }
    }

    /// Of a tree beside one that the client holds.
    pub(super) fn beside(before: Option<NodeId>, root: NodeId) -> Self {
        Self { first: Changes::between(before, root), second: None }
    }

    pub(super) async fn next(&mut self, hub: &Hub) -> Result<Option<Change>, Error> {
        loop {
            let Some(change) = self.first.next(hub).await? else { return Ok(None) };
            let Some((second, ahead)) = &mut self.second else { return Ok(Some(change)) };
            loop {
                if ahead.is_none() {
                    *ahead = second.next(hub).await?;
                }
                match ahead {
                    Some(other) if other.path < change.path => *ahead = None,
                    Some(_) | None => break,
                }
            }
            if ahead.as_ref().is_some_and(|other| other.path == change.path) {
                return Ok(Some(change));
            }
        }
    }
}
