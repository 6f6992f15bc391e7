//! A history as one reader reads it: the seam between what is asked and where it is kept.
//!
//! Everything above asks a [`History`] and knows no rows. What it gives is small: refs, where commits stand, commits,
//! directories, bytes. Refs and commits are rows of either format; directories and bytes come from a [`Source`], which has an
//! arm for each back end.
//!
//! A call carries the repository and its reader, has a time budget, and ends when nobody waits for it any more: dropping
//! the future drops the statement that it waits for.

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet, VecDeque},
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::body::Body;
use bytes::Bytes;
use history::{
    graph::{Graph, GraphError, Position, Reach, Way},
    tree::{Entry, Nodes},
};
use names::{CommitId, NodeId, ObjectId, RepoPath};
use tokio::sync::{OnceCell, mpsc};
use trust::{Act, Allowed, Refusal, act};

use super::{Commit, FileBytes, Found, Line, Source, files, source::At, store};
use crate::{Error, Hub, Repository, graph};

/// How long a call may take (`spec/hub.md` 3).
pub(crate) const BUDGET: Duration = Duration::from_secs(2);
/// Commits that are looked at for the beginning of an id: more that begin so are too many in any case.
const SAME_BEGINNING: u16 = 50;

/// Commits that surely did not change a path and are passed in one go.
const PASSED_AT_ONCE: usize = 200_000;

/// A history, its reader, and how long it may be read.
#[derive(Debug, Clone)]
pub(crate) struct History<'a> {
    pub(super) hub: &'a Hub,
    pub(crate) repository: &'a Repository,
    pub(super) source: Source,
    /// Whether the reader may see commits that no ref leads to.
    pub(crate) sees_hidden: bool,
    until: Instant,
    /// The graph as it was when it was first asked; nothing while its files are too far behind.
    graph: Arc<OnceCell<Option<graph::History>>>,
}

impl<'a> History<'a> {
    /// Opens a history for whoever was allowed to read it.
    pub(crate) fn open<A: Act>(hub: &'a Hub, allowed: &'a Allowed<A, Repository>) -> Self {
        let repository = allowed.resource();
        let pushes = Allowed::<act::RefPush, _>::ask(allowed.actor(), repository.clone());
        // What is archived takes no push, and is read as before.
        let sees_hidden = matches!(pushes, Ok(_) | Err(Refusal::Archived));
        let (until, graph) = (Instant::now() + BUDGET, Arc::default());
        let source = hub.source(repository.id, repository.format);
        Self { hub, repository, source, sees_hidden, until, graph }
    }

    /// A history of which somebody was allowed to have something made, for as long as that takes.
    pub(crate) fn of(hub: &'a Hub, repository: &'a Repository, budget: Duration) -> Self {
        let until = Instant::now() + budget;
        let graph = Arc::default();
        let source = hub.source(repository.id, repository.format);
        Self { hub, repository, source, sees_hidden: false, until, graph }
    }

    /// The same with another budget from now on.
    pub(crate) fn within(&self, budget: Duration) -> Self {
        Self { until: Instant::now() + budget, ..self.clone() }
    }

    /// Whether there is time left.
    pub(crate) fn has_time(&self) -> bool {
        Instant::now() < self.until
    }

    /// Ends a call that cannot be answered in part.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.has_time() { Ok(()) } else { Err(Error::Slow) }
    }

    /// The targets of those refs that are there, by full name.
    pub(crate) async fn named(&self, names: &[String]) -> Result<HashMap<String, CommitId>, Error> {
        let mut tx = self.hub.db.glance().await?;
        Ok(store::named(&mut tx, self.repository.id, names).await?)
    }

    /// Every ref with its target.
    pub(crate) async fn refs(&self) -> Result<Vec<(String, CommitId)>, Error> {
        let mut tx = self.hub.db.glance().await?;
        let refs = store::refs(&mut tx, self.repository.id).await?;
        Ok(refs.into_iter().map(|it| (it.name, it.target)).collect())
    }

    /// Commits of which the id lies between two, both included; a few of them.
    pub(super) async fn between_ids(
        &self,
        first: CommitId,
        last: CommitId,
    ) -> Result<Vec<CommitId>, Error> {
        let mut tx = self.hub.db.glance().await?;
        let id = self.repository.id;
        Ok(store::id_range(&mut tx, id, first, last, SAME_BEGINNING).await?)
    }

    /// Where `from` stand in the history, and those before them: the nearest `limit`.
    pub(super) async fn lines(&self, from: &[CommitId], limit: u32) -> Result<Vec<Line>, Error> {
        self.check()?;
        let most = limit as usize;
        if let Some(lines) = self.by_graph(from, move |graph, at| nearest(graph, at, most)).await? {
            return Ok(lines);
        }
        let mut tx = self.hub.db.glance().await?;
        Ok(store::lines(&mut tx, self.repository.id, from, limit).await?)
    }

    /// The commits that `want` leads to and `have` does not, the lowest generation first, those of one by falling id: in the
    /// same order whatever is asked, so that a place in it can be kept. The graph is quick where the database walks.
    pub(crate) async fn led_to(
        &self,
        want: CommitId,
        have: Option<CommitId>,
    ) -> Result<Vec<CommitId>, Error> {
        let asked: Vec<_> = std::iter::once(want).chain(have).collect();
        if let Some(ids) = self.by_graph(&asked, led_to).await? {
            return Ok(ids);
        }
        let mut tx = self.hub.db.read().await?;
        let have: Vec<_> = have.into_iter().collect();
        let mut ids = store::between(&mut tx, self.repository.id, &[want], &have).await?;
        ids.reverse();
        Ok(ids)
    }

    /// The commits that name one of `parents` as theirs, whether or not a ref leads to them.
    pub(super) async fn children(&self, parent: CommitId) -> Result<Vec<CommitId>, Error> {
        let mut tx = self.hub.db.glance().await?;
        Ok(store::children(&mut tx, self.repository.id, parent).await?)
    }

    /// Asks the graph about some commits; nothing where it does not know all of them.
    pub(super) async fn by_graph<T: Send + 'static>(
        &self,
        ids: &[CommitId],
        question: impl FnOnce(&Graph, &[Position]) -> Result<T, GraphError> + Send + 'static,
    ) -> Result<Option<T>, Error> {
        let opened = self.graph.get_or_try_init(async || {
            let mut tx = self.hub.db.read().await?;
            match self.hub.history(&mut tx, self.repository.id).await {
                Err(Error::NotIndexed) => Ok(None),
                opened => opened.map(Some),
            }
        });
        let Some(opened) = opened.await? else { return Ok(None) };
        let ids = ids.to_vec();
        let asked = self.hub.ask(self.repository.id, opened, move |graph| {
            let mut at = Vec::with_capacity(ids.len());
            for id in &ids {
                let Some(found) = graph.find(id)? else { return Ok(None) };
                at.push(found);
            }
            question(graph, &at).map(Some)
        });
        asked.await
    }

    /// The commit back to which, along first parents, `path` surely is what it is in a commit, and its generation; nothing
    /// if the commit itself may have changed it.
    pub(super) async fn unchanged_since(
        &self,
        id: CommitId,
        path: &RepoPath,
    ) -> Result<Option<(CommitId, i64)>, Error> {
        let way = Way::of(path.as_str());
        let from = [id];
        let found = self.by_graph(&from, move |graph, at| {
            let Some(from) = at.first().copied() else { return Ok(None) };
            let mut at = from;
            for _ in 0..PASSED_AT_ONCE {
                let [Some(first), _] = graph.link(at)?.parents else { break };
                if !graph.excludes(at, &way)? {
                    break;
                }
                at = first;
            }
            let generation = i64::from(graph.link(at)?.generation);
            Ok(if at == from { None } else { Some((graph.id(at)?, generation)) })
        });
        Ok(found.await?.flatten())
    }

    /// Whether a ref leads to the commit.
    pub(crate) async fn is_visible(&self, id: CommitId) -> Result<bool, Error> {
        let mut tx = self.hub.db.read().await?;
        self.hub.are_visible(&mut tx, self.repository.id, &[id]).await
    }

    /// Whether the history has the commit at all.
    pub(super) async fn has(&self, id: CommitId) -> Result<bool, Error> {
        Ok(self.commits(&[id]).await?.contains_key(&id))
    }

    /// Those of the commits that there are.
    pub(crate) async fn commits(
        &self,
        ids: &[CommitId],
    ) -> Result<HashMap<CommitId, Commit>, Error> {
        let mut tx = self.hub.db.glance().await?;
        Ok(store::commits(&mut tx, self.repository.id, ids).await?)
    }

    /// A commit that must be there.
    pub(crate) async fn commit(&self, id: CommitId) -> Result<Commit, Error> {
        self.commits(&[id]).await?.remove(&id).ok_or(Error::NotFound)
    }

    /// The root directories of commits.
    pub(super) async fn roots(&self, of: &[Line]) -> Result<HashMap<CommitId, NodeId>, Error> {
        let asked: Vec<_> = of.iter().map(|it| it.id).collect();
        let by_graph = self.by_graph(&asked, |graph, at| {
            at.iter().map(|at| Ok((graph.id(*at)?, graph.root(*at)?))).collect()
        });
        if let Some(roots) = by_graph.await? {
            return Ok(roots);
        }
        let mut tx = self.hub.db.glance().await?;
        let ids: HashSet<_> = of.iter().filter_map(|it| it.snapshot).collect();
        let found = store::snapshots(&mut tx, self.repository.id, &ids).await?;
        let root = |line: &Line| {
            let snapshot = line
                .snapshot
                .and_then(|it| found.get(&it))
                .ok_or_else(|| Error::Broken(format!("the snapshot of {} is missing", line.id)))?;
            Ok((line.id, snapshot.root))
        };
        of.iter().map(root).collect()
    }

    /// The root directory of a commit.
    pub(crate) async fn root(&self, of: &Commit) -> Result<NodeId, Error> {
        let mut tx = self.hub.db.glance().await?;
        files::root_of(&mut tx, self.repository, of).await
    }

    /// The root directory of the commit of that id.
    pub(crate) async fn root_at(&self, id: CommitId) -> Result<NodeId, Error> {
        self.root(&self.commit(id).await?).await
    }

    /// Directories.
    pub(crate) async fn nodes(&self, ids: &[NodeId]) -> Result<Nodes, Error> {
        self.check()?;
        self.source.nodes(&mut self.hub.db.glance().await?, ids).await
    }

    /// Those of the directories that are at most so many bytes long.
    pub(crate) async fn small_nodes(&self, ids: &[NodeId], most: u32) -> Result<Nodes, Error> {
        self.check()?;
        self.source.small_nodes(&mut self.hub.db.glance().await?, ids, most).await
    }

    /// What stands at `path` below `root`, if anything does.
    pub(crate) async fn entry(
        &self,
        root: NodeId,
        path: &RepoPath,
    ) -> Result<Option<Entry>, Error> {
        self.check()?;
        self.source.entry(&mut self.hub.db.glance().await?, root, path).await
    }

    /// What stands at `path` in `commit`.
    pub(crate) async fn find(
        &self,
        commit: &Commit,
        path: Option<&RepoPath>,
    ) -> Result<Found, Error> {
        self.check()?;
        let mut tx = self.hub.db.glance().await?;
        let root = files::root_of(&mut tx, self.repository, commit).await?;
        self.source.find(&mut tx, root, path).await
    }

    /// The bytes of a file, or their first `limit`.
    pub(crate) async fn bytes(&self, id: ObjectId, limit: u64) -> Result<FileBytes, Error> {
        self.source.bytes(self.hub, id, limit).await
    }

    /// A file as it is sent: its beginning, by which its type is judged, and all of it.
    pub(crate) async fn sent(&self, id: ObjectId) -> Result<(Bytes, Body), Error> {
        self.source.sent(self.hub, id).await
    }

    /// Some bytes of a file as they are sent, behind its first `head`.
    pub(crate) async fn sent_part(
        &self,
        id: ObjectId,
        parts: (u64, Range<u64>),
    ) -> Result<(Bytes, Body), Error> {
        self.source.sent_part(self.hub, id, parts).await
    }

    /// Where files lie, asked for together; those that are not there are not among them.
    pub(super) async fn places(
        &self,
        files: &[(ObjectId, u64)],
    ) -> Result<HashMap<ObjectId, At>, Error> {
        self.source.places(self.hub, files).await
    }

    /// A file at its place, whole.
    pub(super) async fn read_at(&self, id: ObjectId, at: At) -> Result<Bytes, Error> {
        self.source.read_at(self.hub, id, at).await
    }

    /// A file at its place, as it is read.
    pub(super) fn pieces_at(&self, id: ObjectId, at: At) -> mpsc::Receiver<Bytes> {
        self.source.pieces(self.hub, id, at)
    }
}

/// Where commits stand and those before them, the nearest `most`.
/// What the first of `asked` leads to and the others do not, in the order of [`History::led_to`].
fn led_to(graph: &Graph, asked: &[Position]) -> Result<Vec<CommitId>, GraphError> {
    let (want, have) = asked.split_at(asked.len().min(1));
    let (wanted, held) = (Reach::of(graph, want)?, Reach::of(graph, have)?);
    let mut found = Vec::new();
    for at in wanted.positions().filter(|at| !held.has(*at)) {
        found.push((graph.link(at)?.generation, Reverse(graph.id(at)?)));
    }
    found.sort_unstable();
    Ok(found.into_iter().map(|(_, Reverse(id))| id).collect())
}

fn nearest(graph: &Graph, from: &[Position], most: usize) -> Result<Vec<Line>, GraphError> {
    let mut waiting: VecDeque<_> = from.iter().copied().collect();
    let mut seen: HashSet<_> = from.iter().copied().collect();
    let mut lines = Vec::new();
    while let Some(at) = waiting.pop_front()
        && lines.len() < most
    {
        let link = graph.link(at)?;
        let parents: Vec<_> = graph.parents(at, &link)?.collect();
        lines.push(Line {
            id: graph.id(at)?,
            parents: graph.ids(&parents)?,
            snapshot: None,
            generation: i64::from(link.generation),
            committed_at: link.time,
        });
        waiting.extend(parents.into_iter().filter(|parent| seen.insert(*parent)));
    }
    Ok(lines)
}
