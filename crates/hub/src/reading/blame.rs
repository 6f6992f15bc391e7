//! Who last changed each line of a file (`spec/hub.md` 3, `blame`).
//!
//! Walks back from a commit, newest generation first, so that each commit is looked at once with all lines that lead to
//! it. A file that is gone in a parent is looked for among what moved. What is not settled when the time is up is handed
//! out as it stands: those lines are older than the commit that they were followed to.

use std::{collections::HashMap, sync::Arc, time::Instant};

use history::{
    blame::{self, Claim, Origin, Version},
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

/// The generation of its commit orders versions.
type Lines = blame::Walk<i64>;

struct Walk<'a> {
    hub: &'a Hub,
    repository: &'a Repository,
    commits: HashMap<CommitId, Arc<Commit>>,
    nodes: HashMap<NodeId, Arc<Node>>,
    lines: Lines,
}

fn is_same(run: &Run, origin: &Origin) -> bool {
    run.commit.record.commit_id == origin.commit
        && run.path == origin.path
        && run.is_settled == origin.is_settled
}

fn begin(commit: &Arc<Commit>, origin: &Origin) -> Run {
    Run {
        lines: 1,
        commit: Arc::clone(commit),
        path: origin.path.clone(),
        before: origin.before.clone(),
        is_settled: origin.is_settled,
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
        let claims = blame::claims(&text);
        let mut walk = Walk {
            hub: self,
            repository,
            lines: Lines::new((commit.generation, id, path), object, text, claims),
            commits: HashMap::from([(id, Arc::new(commit))]),
            nodes: HashMap::new(),
        };
        while started.elapsed() < self.settings.blame
            && let Some(version) = walk.lines.next_version()
        {
            walk.step(version).await?;
        }
        Ok(walk.end())
    }
}

impl Walk<'_> {
    /// Hands on what the parents have, and settles the rest.
    async fn step(&mut self, mut version: Version) -> Result<(), Error> {
        let commit = self.commit(version.commit).await?;
        for parent in commit.record.parents() {
            let parent = self.commit(parent).await?;
            let Some((path, older)) = self.version(&parent, &commit, &version.path).await? else {
                continue;
            };
            let parent_id = parent.record.commit_id;
            version.before = version.before.take().or_else(|| Some((parent_id, path.clone())));
            let place = (parent.generation, parent_id, path);
            if older == version.object {
                let Version { object, text, claims, .. } = version;
                self.lines.follow(place, object, text, claims);
                return Ok(());
            }
            let Some(older_text) = self.text(older).await? else { continue };
            let claims = std::mem::take(&mut version.claims);
            let (parted, older_text) =
                compare(claims, older_text, Arc::clone(&version.text)).await?;
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
    fn end(self) -> Blame {
        let mut runs: Vec<Run> = Vec::new();
        for (_, origin) in self.lines.end() {
            match runs.last_mut() {
                Some(run) if is_same(run, &origin) => run.lines += 1,
                Some(_) | None => {
                    let commit = self.commits.get(&origin.commit);
                    runs.extend(commit.map(|commit| begin(commit, &origin)));
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
) -> Result<(blame::Parted, Arc<str>), Error> {
    let work = move || (blame::part(claims, &older, &newer), older);
    let joined = tokio::task::spawn_blocking(work).await;
    joined.map_err(|error| Error::Broken(format!("a worker ended early: {error}")))
}
