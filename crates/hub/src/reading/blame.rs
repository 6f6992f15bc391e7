//! Who last changed each line of a file (`spec/hub.md` 3, `blame`).
//!
//! Walks back from a commit, newest generation first, so that each commit is looked at once with all lines that lead to
//! it. A file that is gone in a parent is looked for among what moved. What is not settled when the time is up is handed
//! out as it stands: those lines are older than the commit that they were followed to.

use std::{
    collections::{HashMap, HashSet},
    ops::RangeInclusive,
    sync::Arc,
    time::Duration,
};

use history::{
    blame::{self, Claim, Origin, Version},
    diff::as_text,
    tree::{Kind, Node, TreeLookup},
};
use names::{CommitId, Id, NodeId, ObjectId, RepoPath};

use super::{Commit, Found, History, Line};
use crate::{Error, Repository};

/// Longer versions of a file are not compared.
pub(crate) const BLAMED_BYTES: u64 = 1 << 20;
/// Directories that are kept in memory.
const NODES: usize = 1_000;
/// Files that name commits that are not blamed, in the tree that is asked about: one id a line.
const NOT_BLAMED: [&str; 2] = [".motet/blame-ignore", ".git-blame-ignore-revs"];
/// The largest of those that is read.
const NOT_BLAMED_BYTES: u64 = 1 << 20;
/// What is kept of walks, by the bytes of their texts, so that one that was cut short goes on.
const KEPT_BYTES: u64 = 64 << 20;
/// How long.
const KEPT_FOR: Duration = Duration::from_mins(10);
/// What a walk weighs besides its texts.
const KEPT_LEAST: u32 = 4 << 10;

/// Lines that stand together and came with one commit.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    /// How many they are.
    pub(crate) lines: u32,
    /// Their numbers in that commit, from 0.
    pub(crate) originals: Vec<u32>,
    /// The number of the first, from 0.
    pub(crate) start: u32,
    /// The commit that they came with, or that they were followed to.
    pub(crate) commit: Arc<Commit>,
    /// Where the file was then.
    pub(crate) path: RepoPath,
    /// The file in the first parent that has it.
    pub(crate) before: Option<(CommitId, RepoPath)>,
    /// Whether the commit is where they came from; else they are older, and the walk ended here.
    pub(crate) is_settled: bool,
}

/// The lines of a file with their commits.
#[derive(Debug, Clone)]
pub(crate) struct Blame {
    /// From top to bottom.
    pub(crate) runs: Vec<Run>,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct BlameQuery {
    pub(crate) commit: Commit,
    pub(crate) path: RepoPath,
    pub(crate) object: ObjectId,
    pub(crate) text: Arc<str>,
    /// These lines alone, from 1.
    pub(crate) lines: Option<RangeInclusive<u32>>,
}

/// The generation of its commit orders versions.
type Lines = blame::Walk<i64>;

/// Which walk.
type Key = (Id<Repository>, CommitId, RepoPath);

/// Walks that were made, so that the same question costs nothing, and one that was cut short goes on.
#[derive(Debug, Clone)]
pub(crate) struct Blames(moka::sync::Cache<Key, Kept>);

#[derive(Debug, Clone)]
enum Kept {
    Whole(Arc<Blame>),
    Halted(Arc<Halted>),
}

/// A walk that was cut short.
#[derive(Debug, Clone)]
struct Halted {
    commits: HashMap<CommitId, Arc<Commit>>,
    lines: Lines,
    not_blamed: Arc<HashSet<CommitId>>,
    bytes: u32,
}

impl Default for Blames {
    fn default() -> Self {
        let weigh = |_: &Key, kept: &Kept| match kept {
            Kept::Whole(blame) => u32::try_from(blame.runs.len() * 64).unwrap_or(u32::MAX),
            Kept::Halted(halted) => halted.bytes,
        };
        let cache = moka::sync::Cache::builder().max_capacity(KEPT_BYTES).time_to_live(KEPT_FOR);
        Self(cache.weigher(move |key, kept| weigh(key, kept).max(KEPT_LEAST)).build())
    }
}

struct Walk<'a> {
    history: &'a History<'a>,
    commits: HashMap<CommitId, Arc<Commit>>,
    nodes: HashMap<NodeId, Arc<Node>>,
    lines: Lines,
    not_blamed: Arc<HashSet<CommitId>>,
}

fn is_same(run: &Run, origin: &Origin) -> bool {
    run.commit.record.commit_id == origin.commit
        && run.path == origin.path
        && run.is_settled == origin.is_settled
}

fn begin(commit: &Arc<Commit>, origin: &Origin, claim: Claim) -> Run {
    Run {
        lines: 1,
        originals: vec![claim.here],
        start: claim.line,
        commit: Arc::clone(commit),
        path: origin.path.clone(),
        before: origin.before.clone(),
        is_settled: origin.is_settled,
    }
}

impl History<'_> {
    /// The lines of a file with their commits, as far as there is time.
    pub(crate) async fn blame(&self, query: BlameQuery) -> Result<Arc<Blame>, Error> {
        let BlameQuery { commit, path, object, text, lines } = query;
        let id = commit.record.commit_id;
        let key = (self.repository.id, id, path.clone());
        let kept = if lines.is_none() { self.hub.blames.0.get(&key) } else { None };
        let mut walk = match kept {
            Some(Kept::Whole(blame)) => return Ok(blame),
            Some(Kept::Halted(halted)) => {
                let Halted { commits, lines, not_blamed, .. } = (*halted).clone();
                Walk { history: self, commits, nodes: HashMap::new(), lines, not_blamed }
            }
            None => {
                let mut claims = blame::claims(&text);
                claims
                    .retain(|it| lines.as_ref().is_none_or(|these| these.contains(&(it.line + 1))));
                Walk {
                    history: self,
                    lines: Lines::new((commit.generation, id, path), object, text.clone(), claims),
                    not_blamed: Arc::new(self.not_blamed(&commit).await?),
                    commits: HashMap::from([(id, Arc::new(commit))]),
                    nodes: HashMap::new(),
                }
            }
        };
        while self.has_time()
            && let Some(version) = walk.lines.next_version()
        {
            walk.step(version).await?;
        }
        let halted = Halted {
            commits: walk.commits.clone(),
            lines: walk.lines.clone(),
            not_blamed: Arc::clone(&walk.not_blamed),
            bytes: u32::try_from(text.len() * 2).unwrap_or(u32::MAX),
        };
        let blame = Arc::new(walk.end());
        if lines.is_none() {
            let is_whole = blame.runs.iter().all(|run| run.is_settled);
            let whole = || Kept::Whole(Arc::clone(&blame));
            let kept = if is_whole { whole() } else { Kept::Halted(Arc::new(halted)) };
            self.hub.blames.0.insert(key, kept);
        }
        Ok(blame)
    }

    /// The commits that are not blamed, as the tree itself says.
    async fn not_blamed(&self, commit: &Commit) -> Result<HashSet<CommitId>, Error> {
        let mut ids = HashSet::new();
        for path in NOT_BLAMED {
            let Ok(path) = path.parse::<RepoPath>() else { continue };
            let entry = match self.find(commit, Some(&path)).await {
                Ok(Found::File(entry)) if entry.size <= NOT_BLAMED_BYTES => entry,
                Ok(_) | Err(Error::NotFound) => continue,
                Err(error) => return Err(error),
            };
            let Kind::File(object) = entry.kind else { continue };
            let file = self.bytes(object, NOT_BLAMED_BYTES).await?;
            let lines = as_text(&file.bytes).unwrap_or_default().lines();
            let words =
                lines.filter_map(|line| line.split('#').next()?.trim().parse::<CommitId>().ok());
            ids.extend(words);
        }
        Ok(ids)
    }
}

impl Walk<'_> {
    /// Hands on what the parents have, and settles the rest. A parent that has the same file has all of it, even if
    /// another one has some of it; only then lines are compared, one parent after the other.
    async fn step(&mut self, mut version: Version) -> Result<(), Error> {
        let since = self.history.unchanged_since(version.commit, &version.path).await?;
        if let Some((since, generation)) = since {
            self.commit(since).await?;
            let Version { path, object, text, claims, .. } = version;
            self.lines.follow((generation, since, path), object, text, claims);
            return Ok(());
        }
        let commit = self.commit(version.commit).await?;
        let (mut found, mut lacking) = (Vec::new(), Vec::new());
        for (at, parent) in commit.parents().enumerate() {
            let parent = self.commit(parent).await?;
            let root = self.history.root(&parent).await?;
            match self.find(root, &version.path).await? {
                Some(object) => found.push((at, parent, version.path.clone(), object)),
                None => lacking.push((at, parent, root)),
            }
        }
        if found.iter().all(|it| it.3 != version.object) {
            for (at, parent, root) in lacking {
                if let Some((path, object)) = self.moved(&parent, root, &commit, &version).await? {
                    found.push((at, parent, path, object));
                }
            }
        }
        found.sort_by_key(|it| it.0);
        version.before =
            found.first().map(|(_, parent, path, _)| (parent.record.commit_id, path.clone()));
        if let Some(at) = found.iter().position(|it| it.3 == version.object) {
            let (_, parent, path, _) = found.swap_remove(at);
            let place = (parent.generation, parent.record.commit_id, path);
            let Version { object, text, claims, .. } = version;
            self.lines.follow(place, object, text, claims);
            return Ok(());
        }
        for (_, parent, path, older) in found {
            let place = (parent.generation, parent.record.commit_id, path);
            let Some(older_text) = self.text(older).await? else { continue };
            let claims = std::mem::take(&mut version.claims);
            let goes_through = self.not_blamed.contains(&version.commit);
            let newer = Arc::clone(&version.text);
            let (parted, older_text) = compare(claims, older_text, newer, goes_through).await?;
            self.lines.follow(place, older, older_text, parted.older);
            version.claims = parted.newer;
            if version.claims.is_empty() {
                return Ok(());
            }
        }
        self.lines.settle(version);
        Ok(())
    }

    async fn commit(&mut self, id: CommitId) -> Result<Arc<Commit>, Error> {
        if let Some(known) = self.commits.get(&id) {
            return Ok(Arc::clone(known));
        }
        let found = self.history.commits(&[id]).await?.remove(&id);
        let found =
            Arc::new(found.ok_or_else(|| Error::Broken(format!("commit {id} is missing")))?);
        self.commits.insert(id, Arc::clone(&found));
        Ok(found)
    }

    /// Where the file of a version was in a parent of its commit that has none at its path, and what it held there.
    async fn moved(
        &mut self,
        parent: &Commit,
        root: NodeId,
        child: &Commit,
        version: &Version,
    ) -> Result<Option<(RepoPath, ObjectId)>, Error> {
        let (parent, child) = (Line::from(parent), Line::from(child));
        let Some(from) = self.history.moved_from(parent, child, &version.path).await? else {
            return Ok(None);
        };
        Ok(self.find(root, &from).await?.map(|object| (from, object)))
    }

    /// What stands at `path` below `root`, if it is a file.
    async fn find(&mut self, root: NodeId, path: &RepoPath) -> Result<Option<ObjectId>, Error> {
        let mut lookup = TreeLookup::new(root, path);
        while let Some(needed) = lookup.needs() {
            if !self.nodes.contains_key(&needed) {
                if self.nodes.len() >= NODES {
                    self.nodes.clear();
                }
                self.nodes.extend(self.history.nodes(&[needed]).await?);
            }
            lookup.give(&self.nodes);
        }
        Ok(lookup.into_entry().and_then(|entry| match entry.kind {
            Kind::File(object) => Some(object),
            Kind::Directory(_) | Kind::Module(_) => None,
        }))
    }

    /// The text of an object; nothing if it is none, or long.
    async fn text(&self, object: ObjectId) -> Result<Option<Arc<str>>, Error> {
        let file = self.history.bytes(object, BLAMED_BYTES).await?;
        if file.size > BLAMED_BYTES {
            return Ok(None);
        }
        Ok(as_text(&file.bytes).map(Arc::from))
    }

    /// What was found, and what there was no time for.
    fn end(self) -> Blame {
        let mut runs: Vec<Run> = Vec::new();
        for (claim, origin) in self.lines.end() {
            match runs.last_mut() {
                Some(run) if is_same(run, &origin) && run.start + run.lines == claim.line => {
                    run.lines += 1;
                    run.originals.push(claim.here);
                }
                Some(_) | None => {
                    let commit = self.commits.get(&origin.commit);
                    runs.extend(commit.map(|commit| begin(commit, &origin, claim)));
                }
            }
        }
        Blame { runs }
    }
}

/// Compares on a blocking thread; gives the older text back.
async fn compare(
    claims: Vec<Claim>,
    older: Arc<str>,
    newer: Arc<str>,
    goes_through: bool,
) -> Result<(blame::Parted, Arc<str>), Error> {
    let part = if goes_through { blame::part_through } else { blame::part };
    let work = move || (part(claims, &older, &newer), older);
    let joined = tokio::task::spawn_blocking(work).await;
    joined.map_err(|error| Error::Broken(format!("a worker ended early: {error}")))
}
