//! The graphs that this process has open.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use history::graph::{Graph, NewCommit, Position, Reach};
use names::{Digest, Id};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{
    blocks::Shelf,
    files::{self, Place},
    store,
};
use crate::{Error, Hub, Repository};

/// Repositories whose files are kept open.
const OPEN: usize = 64;
/// Repositories of which it is remembered what refs lead to: a bit a commit.
const REACHES: usize = 64;

/// What is open. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Graphs(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    pool: Arc<Shelf>,
    open: Mutex<HashMap<Uuid, (u64, Graph)>>,
    reaches: Mutex<HashMap<Uuid, Arc<Reached>>>,
    turns: Mutex<HashMap<Uuid, Arc<tokio::sync::Mutex<()>>>>,
    beside: Mutex<JoinSet<()>>,
}

/// What refs lead to, in one state of them.
#[derive(Debug)]
pub(super) struct Reached {
    pub(super) epoch: u64,
    /// The last seal: every movement makes another one.
    pub(super) seal: Digest,
    /// Where refs were.
    pub(super) heads: Vec<Position>,
    pub(super) reach: Reach,
}

impl Graphs {
    /// With files below `root`.
    pub(crate) fn new(root: PathBuf) -> Self {
        let (pool, open, reaches) = Default::default();
        let (turns, beside) = Default::default();
        Self(Arc::new(Inner { root, pool, open, reaches, turns, beside }))
    }

    fn place(&self, of: Id<Repository>, epoch: u64) -> Place {
        let repository = of.uuid();
        Place { dir: files::directory(&self.0.root, repository), repository, epoch }
    }

    /// The graph as far as files of this process hold it.
    pub(super) async fn stored(&self, of: Id<Repository>, epoch: u64) -> Result<Graph, Error> {
        if let Some((found, graph)) = locked(&self.0.open).get(&of.uuid())
            && *found == epoch
        {
            return Ok(graph.clone());
        }
        let (place, pool) = (self.place(of, epoch), Arc::clone(&self.0.pool));
        let graph = blocking(move || Ok(place.open(&pool)?)).await?;
        self.keep(of, epoch, &graph);
        Ok(graph)
    }

    fn keep(&self, of: Id<Repository>, epoch: u64, graph: &Graph) {
        put(&mut locked(&self.0.open), OPEN, of.uuid(), (epoch, graph.clone()));
    }

    /// Adds commits behind those of a graph that [`Graphs::stored`] gave, in this turn.
    pub(super) async fn append(
        &self,
        (of, epoch): (Id<Repository>, u64),
        graph: Graph,
        commits: Vec<NewCommit>,
        last_row: i64,
    ) -> Result<(), Error> {
        let (place, pool) = (self.place(of, epoch), Arc::clone(&self.0.pool));
        let written = blocking(move || Ok(place.append(&graph, (&commits, last_row), &pool)?));
        self.keep(of, epoch, &written.await?);
        Ok(())
    }

    /// Lets one at a time write files of a repository.
    pub(super) fn turn(&self, of: Id<Repository>) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = locked(&self.0.turns);
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry(of.uuid()).or_default())
    }

    /// Does something while requests go on. It ends with the process.
    pub(super) fn beside(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut beside = locked(&self.0.beside);
        while beside.try_join_next().is_some() {}
        beside.spawn(work);
    }

    /// Throws away what there is of a repository.
    pub(crate) async fn forget(&self, of: Id<Repository>) -> Result<(), Error> {
        locked(&self.0.open).remove(&of.uuid());
        locked(&self.0.reaches).remove(&of.uuid());
        let place = self.place(of, 0);
        blocking(move || place.clear().map_err(|error| Error::Cache(error.into()))).await
    }

    pub(super) fn reached(&self, of: Id<Repository>) -> Option<Arc<Reached>> {
        locked(&self.0.reaches).get(&of.uuid()).cloned()
    }

    pub(super) fn keep_reached(&self, of: Id<Repository>, reached: Arc<Reached>) {
        put(&mut locked(&self.0.reaches), REACHES, of.uuid(), reached);
    }
}

impl Hub {
    /// Removes files of repositories that are no more: at the start of each process, as others may have removed them.
    pub async fn tidy_graphs(&self) -> Result<(), Error> {
        let root = self.graphs.0.root.clone();
        let found = blocking(move || {
            files::repositories(&root).map_err(|error| Error::Cache(error.into()))
        });
        let found = found.await?;
        for some in found.chunks(1_000) {
            let there = store::existing(&mut self.db.glance().await?, some).await?;
            for id in some.iter().filter(|id| !there.contains(id)) {
                self.graphs.forget(Id::from_uuid(*id)).await?;
            }
        }
        Ok(())
    }
}

fn locked<T>(it: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    it.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts one in; where there are too many, another one goes.
fn put<T>(held: &mut HashMap<Uuid, T>, most: usize, key: Uuid, it: T) {
    if held.len() >= most
        && !held.contains_key(&key)
        && let Some(one) = held.keys().next().copied()
    {
        held.remove(&one);
    }
    held.insert(key, it);
}

/// Does what waits for the disk where that holds nobody up.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::Broken(format!("a worker ended early: {error}")))?
}
