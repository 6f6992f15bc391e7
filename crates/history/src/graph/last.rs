//! For each entry of a directory the commit that changed it last (`spec/hub.md` 4).
//!
//! An entry that is equal in a parent has that parent's last commit, the first such parent's if there are several; else the
//! commit itself changed it. So a walk back carries the entries that are still open from commit to parent, and ends where
//! none is left or where an earlier answer is remembered.

use std::{
    collections::{BTreeMap, HashMap, btree_map::Entry},
    fmt::Display,
    sync::Arc,
};

use names::RepoPath;

use super::{Graph, GraphError, PathHash, Position};
use crate::tree::{Kind, Node, NodeSource, lookup};

/// How much a walk may look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    steps: u64,
}

/// Entries that are looked for in a filter in the time of a step.
const ENTRIES: u64 = 16;
/// What reading trees costs, in steps over commits.
const READ: u64 = 60;

impl Budget {
    /// As many steps; reading trees takes several.
    pub const fn steps(steps: u64) -> Self {
        Self { steps }
    }

    /// How many are left.
    pub const fn left(&self) -> u64 {
        self.steps
    }

    /// Takes a step; whether there was one left.
    pub(super) const fn step(&mut self) -> bool {
        self.spend(1)
    }

    /// Takes as many steps; whether there was one left.
    const fn spend(&mut self, steps: u64) -> bool {
        let is_left = self.steps > 0;
        self.steps = self.steps.saturating_sub(steps);
        is_left
    }

    pub(super) const fn read(&mut self) {
        self.steps = self.steps.saturating_sub(READ);
    }
}

/// An earlier answer for the same directory, at one commit: by the names of the entries that stood there.
pub type Memo = HashMap<Box<str>, Position>;

/// The last commits of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastCommits {
    /// One an entry, in the order of the directory; nothing where the budget did not suffice.
    pub found: Vec<Option<Position>>,
    /// Whether the walk came to its end.
    pub is_complete: bool,
}

/// What the walk looks for.
struct Search<'a, S> {
    graph: &'a Graph,
    trees: &'a S,
    dir: Option<&'a RepoPath>,
    dir_hash: Option<PathHash>,
    hashes: Vec<PathHash>,
    node: &'a Node,
}

/// Finds them for the directory `dir` (the root for none), which is `node` at the commit `at`.
pub fn last_commits<S: NodeSource>(
    (graph, trees): (&Graph, &S),
    (at, dir, node): (Position, Option<&RepoPath>, &Node),
    memos: &BTreeMap<Position, Memo>,
    budget: &mut Budget,
) -> Result<LastCommits, GraphError>
where
    S::Error: Display,
{
    let path = |name: &str| dir.map_or_else(|| name.to_owned(), |dir| format!("{dir}/{name}"));
    let hashes = node.entries().iter().map(|entry| PathHash::of(&path(&entry.name))).collect();
    let dir_hash = dir.map(|dir| PathHash::of(dir.as_str()));
    let search = Search { graph, trees, dir, dir_hash, hashes, node };
    let mut found = vec![None; node.entries().len()];
    let mut open: BTreeMap<Position, Vec<usize>> = BTreeMap::new();
    open.insert(at, (0..node.entries().len()).collect());
    while let Some((at, mut entries)) = open.pop_last() {
        if let Some(memo) = memos.get(&at) {
            entries.retain(|entry| {
                let name = node.entries().get(*entry).map(|it| &it.name);
                let known = name.and_then(|name| memo.get(name)).copied();
                put(&mut found, *entry, known);
                known.is_none()
            });
        }
        if entries.is_empty() {
            continue;
        }
        if !budget.spend(1 + entries.len() as u64 / ENTRIES) {
            return Ok(LastCommits { found, is_complete: false });
        }
        for (parent, passed) in search.pass(at, &mut entries, budget)? {
            match open.entry(parent) {
                Entry::Vacant(free) => drop(free.insert(passed)),
                Entry::Occupied(mut there) => there.get_mut().extend(passed),
            }
        }
        for entry in entries {
            put(&mut found, entry, Some(at));
        }
    }
    Ok(LastCommits { found, is_complete: true })
}

fn put(found: &mut [Option<Position>], entry: usize, at: Option<Position>) {
    if let (Some(place), Some(at)) = (found.get_mut(entry), at) {
        *place = Some(at);
    }
}

impl<S: NodeSource> Search<'_, S>
where
    S::Error: Display,
{
    /// Takes those out of `entries` that are equal in a parent, and says in which.
    fn pass(
        &self,
        at: Position,
        entries: &mut Vec<usize>,
        budget: &mut Budget,
    ) -> Result<Vec<(Position, Vec<usize>)>, GraphError> {
        let link = self.graph.link(at)?;
        let mut parents = self.graph.parents(at, &link)?;
        let Some(first) = parents.next() else { return Ok(Vec::new()) };
        let filter = self.graph.filter(at)?;
        if self.dir_hash.is_some_and(|dir| filter.excludes(dir)) {
            return Ok(vec![(first, std::mem::take(entries))]);
        }
        let is_same =
            |entry: &usize| self.hashes.get(*entry).is_some_and(|hash| filter.excludes(*hash));
        let mut to_first: Vec<_> = entries.extract_if(.., |entry| is_same(entry)).collect();
        let mut passed = Vec::new();
        for (parent, is_first) in [(first, true)].into_iter().chain(parents.map(|it| (it, false))) {
            if entries.is_empty() {
                break;
            }
            budget.read();
            let there = self.directory(parent)?;
            let equal = entries.extract_if(.., |entry| self.is_equal(*entry, there.as_deref()));
            let equal: Vec<_> = equal.collect();
            if is_first {
                to_first.extend(equal);
            } else if !equal.is_empty() {
                passed.push((parent, equal));
            }
        }
        if !to_first.is_empty() {
            passed.push((first, to_first));
        }
        Ok(passed)
    }

    /// Whether an entry is in another state of the directory what it is in ours.
    fn is_equal(&self, entry: usize, there: Option<&Node>) -> bool {
        let Some(ours) = self.node.entries().get(entry) else { return false };
        let theirs = there.and_then(|node| node.find(&ours.name));
        theirs.is_some_and(|theirs| (theirs.kind, theirs.mode) == (ours.kind, ours.mode))
    }

    /// The directory as it was at a commit.
    fn directory(&self, at: Position) -> Result<Option<Arc<Node>>, GraphError> {
        let broken = |error: S::Error| GraphError::Tree(error.to_string().into());
        let root = self.graph.root(at)?;
        let Some(dir) = self.dir else { return self.trees.node(&root).map(Some).map_err(broken) };
        let found = lookup(self.trees, root, dir).map_err(broken)?;
        match found.map(|entry| entry.kind) {
            Some(Kind::Directory(node)) => self.trees.node(&node).map(Some).map_err(broken),
            Some(Kind::File(_) | Kind::Module(_)) | None => Ok(None),
        }
    }
}
