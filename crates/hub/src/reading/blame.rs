//! Who last changed each line of a file (`spec/hub.md` 3, `blame`).
//!
//! Walks back from a commit, newest generation first, so that each commit is looked at once with all lines that lead to
//! it. A file that is gone in a parent is looked for among what moved. What is not settled when the time is up is handed
//! out as it stands: those lines are older than the commit that they were followed to.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Instant,
};

use history::{
    blame::{self, Claim},
    diff::{ChangedFile, as_text, detect_renames},
    tree::{Kind, Node, TreeDiff, TreeLookup},
};
use names::{CommitId, NodeId, ObjectId, RepoPath};

use super::{Commit, commits, nodes};
use crate::{Error, Hub, Repository};

/// Longer versions of a file are not compared.
pub(crate) const BLAMED_BYTES: u64 = 1 << 20;
/// Changes of one commit among which a file that moved is looked for.
const MOVED_AMONG: usize = 3_000;

/// Lines that stand together and came with one commit.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    /// How many they are.
    pub(crate) lines: u32,
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

/// A version of the file that lines lead to. The newest generation is last, so that it comes first.
type Place = (i64, CommitId, RepoPath);

/// The lines that lead to a version, and what it holds.
struct Version {
    claims: Vec<Claim>,
    object: ObjectId,
    text: Arc<str>,
}

struct Walk<'a> {
    hub: &'a Hub,
    repository: &'a Repository,
    commits: HashMap<CommitId, Arc<Commit>>,
    nodes: HashMap<NodeId, Arc<Node>>,
    waiting: BTreeMap<Place, Version>,
    settled: Vec<(Claim, Origin)>,
}

/// Where a line came from.
#[derive(Clone)]
struct Origin {
    commit: Arc<Commit>,
    path: RepoPath,
    before: Option<(CommitId, RepoPath)>,
    is_settled: bool,
}

impl Origin {
    fn is_same(&self, run: &Run) -> bool {
        run.commit.record.commit_id == self.commit.record.commit_id
            && run.path == self.path
            && run.is_settled == self.is_settled
    }

    fn begin(self) -> Run {
        let Self { commit, path, before, is_settled } = self;
        Run { lines: 1, commit, path, before, is_settled }
    }
}

impl Hub {
    /// The lines of the file at `path` in `commit`, whose content is `text` in `object`.
    pub(crate) async fn blame(
        &self,
        repository: &Repository,
        commit: Commit,
        path: RepoPath,
        (object, text): (ObjectId, Arc<str>),
    ) -> Result<Blame, Error> {
        let (started, id) = (Instant::now(), commit.record.commit_id);
        let first = Version { claims: blame::claims(&text), object, text };
        let mut walk = Walk {
            hub: self,
            repository,
            waiting: BTreeMap::from([((commit.generation, id, path), first)]),
            commits: HashMap::from([(id, Arc::new(commit))]),
            nodes: HashMap::new(),
            settled: Vec::new(),
        };
        while started.elapsed() < self.settings.blame
            && let Some((place, version)) = walk.waiting.pop_last()
        {
            walk.step(place, version).await?;
        }
        Ok(walk.end())
    }
}

impl Walk<'_> {
    /// Hands on what the parents have, and settles the rest.
    async fn step(&mut self, (_, id, path): Place, version: Version) -> Result<(), Error> {
        let commit = self.commit(id).await?;
        let (Version { mut claims, object, text }, mut before) = (version, None);
        for parent in commit.record.parents() {
            let parent = self.commit(parent).await?;
            let Some((path, older)) = self.version(&parent, &commit, &path).await? else {
                continue;
            };
            let parent_id = parent.record.commit_id;
            before = before.or_else(|| Some((parent_id, path.clone())));
            let place = (parent.generation, parent_id, path);
            if older == object {
                self.follow(place, claims, object, Arc::clone(&text));
                return Ok(());
            }
            let Some(older_text) = self.text(older).await? else { continue };
            let newer = Arc::clone(&text);
            let (parted, older_text) = compare(claims, older_text, newer).await?;
            self.follow(place, parted.older, older, older_text);
            claims = parted.newer;
            if claims.is_empty() {
                return Ok(());
            }
        }
        let origin = Origin { commit, path, before, is_settled: true };
        self.settled.extend(claims.into_iter().map(|claim| (claim, origin.clone())));
        Ok(())
    }

    /// Lines from several sides may lead to one version.
    fn follow(&mut self, place: Place, claims: Vec<Claim>, object: ObjectId, text: Arc<str>) {
        if claims.is_empty() {
            return;
        }
        let fresh = || Version { claims: Vec::new(), object, text };
        let version = self.waiting.entry(place).or_insert_with(fresh);
        version.claims.extend(claims);
        version.claims.sort_unstable_by_key(|claim| claim.here);
    }

    async fn commit(&mut self, id: CommitId) -> Result<Arc<Commit>, Error> {
        if let Some(known) = self.commits.get(&id) {
            return Ok(Arc::clone(known));
        }
        let mut tx = self.hub.db.glance().await?;
        let found = commits(&mut tx, self.repository.id, &[id]).await?.remove(&id);
        let found =
            Arc::new(found.ok_or_else(|| Error::Broken(format!("commit {id} is missing")))?);
        self.commits.insert(id, Arc::clone(&found));
        Ok(found)
    }

    async fn root(&self, commit: &Commit) -> Result<NodeId, Error> {
        let mut tx = self.hub.db.glance().await?;
        super::root_of(&mut tx, self.repository, commit).await
    }

    /// Where the file at `path` of `child` is in `parent`, and what it holds there.
    async fn version(
        &mut self,
        parent: &Commit,
        child: &Commit,
        path: &RepoPath,
    ) -> Result<Option<(RepoPath, ObjectId)>, Error> {
        let root = self.root(parent).await?;
        if let Some(object) = self.find(root, path).await? {
            return Ok(Some((path.clone(), object)));
        }
        let after = self.root(child).await?;
        let (mut diff, mut found) =
            (TreeDiff::new(Some(root), Some(after), MOVED_AMONG), Vec::new());
        loop {
            found.extend(std::iter::from_fn(|| diff.next_change()));
            if diff.is_complete() {
                break;
            }
            let mut tx = self.hub.db.glance().await?;
            let given = nodes(&mut tx, &diff.needs()).await?;
            diff.give(&given).map_err(|error| Error::Broken(error.to_string()))?;
        }
        let moved = detect_renames(found).into_iter().find_map(|it| match it {
            ChangedFile::Renamed { from, to, before, .. } if to == *path => {
                Some((from, before.object))
            }
            _ => None,
        });
        Ok(moved)
    }

    /// What stands at `path` below `root`, if it is a file.
    async fn find(&mut self, root: NodeId, path: &RepoPath) -> Result<Option<ObjectId>, Error> {
        let mut lookup = TreeLookup::new(root, path);
        while let Some(needed) = lookup.needs() {
            if !self.nodes.contains_key(&needed) {
                let mut tx = self.hub.db.glance().await?;
                self.nodes.extend(nodes(&mut tx, &[needed]).await?);
            }
            lookup.give(&self.nodes);
        }
        Ok(lookup.into_entry().and_then(|entry| match entry.kind {
            Kind::File(object) => Some(object),
            Kind::Directory(_) => None,
        }))
    }

    /// The text of an object; nothing if it is none, or long.
    async fn text(&self, object: ObjectId) -> Result<Option<Arc<str>>, Error> {
        let file = self.hub.bytes(object, BLAMED_BYTES).await?;
        if file.size > BLAMED_BYTES {
            return Ok(None);
        }
        Ok(as_text(&file.bytes).map(Arc::from))
    }

    /// What was found, and what there was no time for.
    fn end(mut self) -> Blame {
        for ((_, id, path), version) in std::mem::take(&mut self.waiting) {
            if let Some(commit) = self.commits.get(&id).map(Arc::clone) {
                let before = Some((id, path.clone()));
                let origin = Origin { commit, path, before, is_settled: false };
                let left = version.claims.into_iter();
                self.settled.extend(left.map(|claim| (claim, origin.clone())));
            }
        }
        self.settled.sort_unstable_by_key(|(claim, _)| claim.line);
        let mut runs: Vec<Run> = Vec::new();
        for (_, origin) in self.settled {
            match runs.last_mut() {
                Some(run) if origin.is_same(run) => run.lines += 1,
                Some(_) | None => runs.push(origin.begin()),
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
) -> Result<(blame::Parted, Arc<str>), Error> {
    let work = move || (blame::part(claims, &older, &newer), older);
    let joined = tokio::task::spawn_blocking(work).await;
    joined.map_err(|error| Error::Broken(format!("a worker ended early: {error}")))
}
