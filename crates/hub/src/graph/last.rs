//! Last commits of the entries of a directory: remembered as seen from heads of branches, carried forward by the job of a
//! push, and looked for where nothing is remembered (`spec/hub.md` 4).

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use history::{
    graph::{Budget, Graph, GraphError, Memo, Position, last_commits},
    tree::{Entry, Kind, Node, NodeSource, lookup},
};
use names::{BranchName, CommitId, Digest, Id, NodeId, RepoPath, UnixMillis};

use super::{History, LAST, LastWanted, answers, store, trees::Trees};
use crate::{Error, Hub, Repository};

/// What a page may spend on looking for them: some tens of milliseconds.
const OF_A_PAGE: Budget = Budget::steps(40_000);
/// What the job may spend: minutes, on the longest histories.
pub(super) const OF_A_JOB: Budget = Budget::steps(400_000_000);
/// Answers that are remembered for one directory.
const REMEMBERED: u32 = 8;
/// Answers that a walk may run into.
const MEMOS: usize = 3;
/// A walk that was longer than this is worth remembering.
const WORTH: u64 = 200;
/// How often it is noted that an answer was of use.
const NOTED: Duration = Duration::from_hours(24);
/// Commits of which is asked at once.
const TOLD_AT_ONCE: usize = 2_000;
/// Directories that a push carries forward.
const CARRIED: u32 = 5_000;

/// A directory of a repository at a commit.
#[derive(Debug, Clone)]
pub(crate) struct Directory {
    pub(crate) of: Id<Repository>,
    /// Nothing for the root.
    pub(crate) path: Option<RepoPath>,
    pub(crate) commit: CommitId,
    /// The branch whose head the commit is, if it is one's.
    pub(crate) branch: Option<BranchName>,
    pub(crate) node: Arc<Node>,
}

impl Directory {
    fn path(&self) -> &str {
        self.path.as_ref().map(RepoPath::as_str).unwrap_or_default()
    }

    fn place(&self) -> Digest {
        Digest::of(self.path().as_bytes())
    }
}

/// The last commits of a directory's entries, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Last {
    /// Nothing where it is not known yet.
    commits: Vec<Option<CommitId>>,
    /// Whether there are some that will be known later, at the same address.
    is_pending: bool,
}

impl Hub {
    /// The last commits of a directory's entries, as far as a page may look for them; what is left a job looks for.
    async fn last_of(&self, dir: &Directory) -> Result<Last, Error> {
        let mut tx = self.db.read().await?;
        let kept = store::answers(&mut tx, dir.of, dir.place(), REMEMBERED).await?;
        let now = self.clock.now();
        if let Some(found) = kept.iter().find(|it| it.commit == dir.commit)
            && let Some(commits) = answers::read(&found.answers, dir.node.entries().len())
        {
            drop(tx);
            let day = i64::try_from(NOTED.as_millis()).unwrap_or(i64::MAX);
            if now.0 - found.used_at.0 > day {
                let mut tx = self.db.write().await?;
                store::used(&mut tx, dir.of, (dir.place(), dir.commit), now).await?;
                tx.commit().await?;
            }
            return Ok(Last { commits, is_pending: false });
        }
        let history = match self.history(&mut tx, dir.of).await {
            Err(Error::NotIndexed) => return Ok(Last::unknown(dir)),
            history => history?,
        };
        drop(tx);
        let (last, steps) = self.look(&history, dir, OF_A_PAGE).await?;
        if last.is_pending {
            self.look_later(dir).await?;
        } else if steps > WORTH {
            self.remember(dir, &last, now).await?;
        }
        Ok(last)
    }

    /// The last commits of those entries that are shown, with what a listing tells of them.
    pub(crate) async fn last_told(
        &self,
        of: &Repository,
        dir: &Directory,
        shown: &HashSet<&str>,
    ) -> Result<LastTold, Error> {
        let last = self.last_of(dir).await?;
        let entries = dir.node.entries().iter().zip(&last.commits);
        let wanted: Vec<(&Entry, CommitId)> = entries
            .filter(|(entry, _)| shown.contains(&*entry.name))
            .filter_map(|(entry, commit)| Some((entry, (*commit)?)))
            .collect();
        let mut ids: Vec<_> = wanted.iter().map(|(_, id)| *id).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut told = HashMap::with_capacity(ids.len());
        for some in ids.chunks(TOLD_AT_ONCE) {
            told.extend(store::told(&mut self.db.glance().await?, of.id, some).await?);
        }
        let entry = |(entry, id): (&Entry, CommitId)| {
            let (message, at) = told.get(&id)?;
            Some((entry.name.clone(), Told { id, message: message.clone(), at: *at }))
        };
        let by_name = wanted.into_iter().filter_map(entry).collect();
        Ok(LastTold { by_name, is_pending: last.is_pending })
    }

    /// Looks for the last commits; says how many steps that took.
    async fn look(
        &self,
        history: &History,
        dir: &Directory,
        budget: Budget,
    ) -> Result<(Last, u64), Error> {
        let mut tx = self.db.read().await?;
        let mut kept = store::answers(&mut tx, dir.of, dir.place(), REMEMBERED).await?;
        kept.truncate(MEMOS);
        let (trees, wanted) = (Trees::new(history.source.clone(), tx), dir.clone());
        let walked = self.ask(dir.of, history, move |graph| {
            let Some(at) = graph.find(&wanted.commit)? else {
                return Err(GraphError::Damaged("a commit is missing"));
            };
            let path = wanted.path.as_ref();
            let memos = memos(graph, &trees, path, &kept)?;
            let mut left = budget;
            let place = (at, path, &*wanted.node);
            let found = last_commits((graph, &trees), place, &memos, &mut left)?;
            let id = |at: Option<Position>| at.map(|at| graph.id(at)).transpose();
            let commits = found.found.into_iter().map(id).collect::<Result<Vec<_>, _>>()?;
            let last = Last { commits, is_pending: !found.is_complete };
            Ok((last, budget.left().saturating_sub(left.left())))
        });
        walked.await
    }

    async fn remember(&self, dir: &Directory, last: &Last, now: UnixMillis) -> Result<(), Error> {
        let branch = dir.branch.as_ref().map(BranchName::full).unwrap_or_default();
        let answer = store::Answer {
            place: dir.place(),
            path: dir.path(),
            commit: dir.commit,
            branch: &branch,
            answers: &answers::write(&last.commits),
        };
        let mut tx = self.db.write().await?;
        // The repository may have gone meanwhile.
        if store::epoch(&mut tx, dir.of).await?.is_some() {
            store::keep(&mut tx, dir.of, &answer, (now, REMEMBERED)).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Leaves to a job what was too much for a page.
    async fn look_later(&self, dir: &Directory) -> Result<(), Error> {
        let wanted = LastWanted {
            repository: dir.of.uuid(),
            commit: dir.commit.to_string(),
            path: dir.path().to_owned(),
            branch: dir.branch.as_ref().map(ToString::to_string),
        };
        let key = format!("hub.last/{}/{}", dir.of, Digest::of(dir.path().as_bytes()));
        let mut tx = self.db.write().await?;
        let bell = self.queue.push(&mut tx, jobs::NewJob::new(LAST, &wanted)?.unique(key)).await?;
        tx.commit().await?;
        bell.ring();
        Ok(())
    }

    /// Looks for what a page did not find, to the end.
    pub(super) async fn look_to_the_end(&self, wanted: &LastWanted) -> Result<(), Error> {
        let of = Id::from_uuid(wanted.repository);
        let gone = |_| Error::NotFound;
        let commit = wanted.commit.parse().map_err(gone)?;
        let path = match wanted.path.as_str() {
            "" => None,
            path => Some(path.parse().map_err(|_| Error::NotFound)?),
        };
        let branch = wanted.branch.as_deref().and_then(|name| name.parse().ok());
        self.refresh(of, (commit, branch), path).await
    }

    /// Finds and remembers the last commits of one directory; nothing if it is not there.
    async fn refresh(
        &self,
        of: Id<Repository>,
        (commit, branch): (CommitId, Option<BranchName>),
        path: Option<RepoPath>,
    ) -> Result<(), Error> {
        let mut tx = self.db.read().await?;
        let history = self.history(&mut tx, of).await?;
        let (trees, place) = (Trees::new(history.source.clone(), tx), path.clone());
        let node = self.ask(of, &history, move |graph| {
            let Some(at) = graph.find(&commit)? else { return Ok(None) };
            directory(&trees, graph.root(at)?, place.as_ref())
        });
        let Some(node) = node.await? else { return Ok(()) };
        let dir = Directory { of, path, commit, branch, node };
        let (last, _) = self.look(&history, &dir, OF_A_JOB).await?;
        if !last.is_pending {
            self.remember(&dir, &last, self.clock.now()).await?;
        }
        Ok(())
    }

    /// Carries what is remembered forward to the heads of branches: of directories that lie on changed paths. The others
    /// are found from where they are in as many steps as there are commits between.
    pub(super) async fn carry_forward(&self, of: Id<Repository>) -> Result<(), Error> {
        let mut tx = self.db.read().await?;
        let heads = store::heads(&mut tx, of).await?;
        let history = self.history(&mut tx, of).await?;
        drop(tx);
        for (name, head) in heads {
            let mut tx = self.db.read().await?;
            let kept = store::kept(&mut tx, of, &name, CARRIED).await?;
            let stale: Vec<_> = kept.into_iter().filter(|(_, commit)| *commit != head).collect();
            if stale.is_empty() {
                continue;
            }
            let branch: Option<BranchName> =
                name.strip_prefix("refs/heads/").and_then(|name| name.parse().ok());
            let trees = Trees::new(history.source.clone(), tx);
            let changed = self.ask(of, &history, move |graph| touched(graph, &trees, head, stale));
            for path in changed.await? {
                let path = if path.is_empty() { None } else { path.parse().ok() };
                self.refresh(of, (head, branch.clone()), path).await?;
            }
        }
        Ok(())
    }
}

/// What a listing tells of a commit.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) id: CommitId,
    pub(crate) message: String,
    pub(crate) at: UnixMillis,
}

/// What a listing tells of the last commits of its entries.
#[derive(Debug, Clone, Default)]
pub(crate) struct LastTold {
    by_name: HashMap<Box<str>, Told>,
    /// Whether some will be known later, at the same address.
    pub(crate) is_pending: bool,
}

impl LastTold {
    /// Of an entry, if it is known.
    pub(crate) fn of(&self, name: &str) -> Option<&Told> {
        self.by_name.get(name)
    }

    /// The same as JSON.
    pub(crate) fn json_of(&self, name: &str) -> Option<api::json::LastCommit> {
        self.of(name).map(|it| api::json::LastCommit {
            commit: it.id.to_string(),
            subject: it.message.lines().next().unwrap_or_default().to_owned(),
            at: it.at.to_string(),
        })
    }
}

impl Last {
    fn unknown(dir: &Directory) -> Self {
        Self { commits: vec![None; dir.node.entries().len()], is_pending: true }
    }
}

/// Those directories that are not at `head` what they were.
fn touched(
    graph: &Graph,
    trees: &Trees,
    head: CommitId,
    kept: Vec<(String, CommitId)>,
) -> Result<Vec<String>, GraphError> {
    let Some(head) = graph.find(&head)? else { return Ok(Vec::new()) };
    let root = graph.root(head)?;
    let mut changed = Vec::new();
    for (path, commit) in kept {
        let was = match graph.find(&commit)? {
            Some(at) => Some(graph.root(at)?),
            None => None,
        };
        let place = if path.is_empty() { None } else { path.parse::<RepoPath>().ok() };
        let now = node_at(trees, root, place.as_ref())?;
        let before = was.map(|root| node_at(trees, root, place.as_ref())).transpose()?.flatten();
        if now != before && now.is_some() {
            changed.push(path);
        }
    }
    Ok(changed)
}

fn broken(error: &Error) -> GraphError {
    GraphError::Tree(error.to_string().into())
}

/// The directory at a path below a root.
fn node_at(
    trees: &Trees,
    root: NodeId,
    path: Option<&RepoPath>,
) -> Result<Option<NodeId>, GraphError> {
    let Some(path) = path else { return Ok(Some(root)) };
    let found = lookup(trees, root, path).map_err(|error| broken(&error))?;
    Ok(found.and_then(|entry| match entry.kind {
        Kind::Directory(node) => Some(node),
        Kind::File(_) | Kind::Module(_) => None,
    }))
}

fn directory(
    trees: &Trees,
    root: NodeId,
    path: Option<&RepoPath>,
) -> Result<Option<Arc<Node>>, GraphError> {
    let node = node_at(trees, root, path)?;
    node.map(|id| trees.node(&id)).transpose().map_err(|error| broken(&error))
}

/// What is remembered, by the names that stood in the directory then.
fn memos(
    graph: &Graph,
    trees: &Trees,
    path: Option<&RepoPath>,
    kept: &[store::Kept],
) -> Result<BTreeMap<Position, Memo>, GraphError> {
    let mut memos = BTreeMap::new();
    for it in kept {
        let Some(at) = graph.find(&it.commit)? else { continue };
        let Some(node) = directory(trees, graph.root(at)?, path)? else { continue };
        let Some(commits) = answers::read(&it.answers, node.entries().len()) else { continue };
        let mut memo = Memo::new();
        for (entry, commit) in node.entries().iter().zip(commits) {
            let found = commit.map(|commit| graph.find(&commit)).transpose()?.flatten();
            if let Some(found) = found {
                memo.insert(entry.name.clone(), found);
            }
        }
        memos.insert(at, memo);
    }
    Ok(memos)
}
