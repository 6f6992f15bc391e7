//! Made-up histories, and the same questions answered as plainly as they can be.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    convert::Infallible,
    sync::Arc,
};

use names::{CommitId, NodeId, ObjectId, RepoPath};
use proptest::prelude::*;

use super::super::*;
use crate::tree::{Kind, Node, NodeSource, build};

/// Path to content.
pub(super) type Files = BTreeMap<String, u8>;

/// A commit as it is made up: how far back its parents are, how much later it is, and what it writes; `None` takes away.
#[derive(Debug, Clone)]
pub(super) struct Made {
    parents: (Option<u8>, Option<u8>),
    /// More of them, which count only beside two.
    more: Vec<u8>,
    later: i8,
    writes: Vec<(u8, Option<u8>)>,
    takes: bool,
}

/// Paths that are written to, so that the same ones are changed again and again.
const PATHS: [&str; 12] = [
    "a",
    "b",
    "c.txt",
    "src/a",
    "src/b",
    "src/deep/a",
    "src/deep/b",
    "src/deep/er/a",
    "docs/a",
    "docs/b",
    "docs/src/a",
    "zz",
];

pub(super) fn made() -> impl Strategy<Value = Vec<Made>> {
    let commit = (
        (prop::option::weighted(0.97, 0..4_u8), prop::option::weighted(0.3, 0..7_u8)),
        -3..10_i8,
        prop::collection::vec((0..12_u8, prop::option::weighted(0.8, 0..4_u8)), 0..4),
        any::<bool>(),
        prop_oneof![4 => Just(Vec::new()), 1 => prop::collection::vec(0..9_u8, 1..4)],
    );
    let commit = commit.prop_map(|(parents, later, writes, takes, more)| Made {
        parents,
        more,
        later,
        writes,
        takes,
    });
    prop::collection::vec(commit, 1..60)
}

/// A history with its trees.
pub(super) struct History {
    pub(super) commits: Vec<NewCommit>,
    pub(super) files: Vec<Files>,
    pub(super) nodes: HashMap<NodeId, Arc<Node>>,
}

impl NodeSource for History {
    type Error = Infallible;

    fn node(&self, id: &NodeId) -> Result<Arc<Node>, Infallible> {
        Ok(self.nodes[id].clone())
    }
}

fn object(content: u8) -> ObjectId {
    ObjectId::of(&[content])
}

/// A path cannot be file and directory; here the later one wins.
fn write(files: &mut Files, path: &str, content: Option<u8>) {
    files.retain(|other, _| {
        !other.starts_with(&format!("{path}/")) && !path.starts_with(&format!("{other}/"))
    });
    match content {
        Some(content) => drop(files.insert(path.to_owned(), content)),
        None => drop(files.remove(path)),
    }
}

impl History {
    pub(super) fn of(made: &[Made]) -> Self {
        let mut history = Self { commits: Vec::new(), files: Vec::new(), nodes: HashMap::new() };
        for (at, commit) in made.iter().enumerate() {
            history.add(at, commit);
        }
        history
    }

    fn add(&mut self, at: usize, made: &Made) {
        let back = |back: Option<u8>| at.checked_sub(usize::from(back?) + 1);
        let first = back(made.parents.0);
        let second = back(made.parents.1).filter(|it| first.is_some() && Some(*it) != first);
        let mut files = first.map(|it| self.files[it].clone()).unwrap_or_default();
        if let Some(second) = second {
            // Half of what the other side has is taken over, as in a merge.
            for (n, (path, content)) in self.files[second].clone().into_iter().enumerate() {
                if made.takes || n % 2 == 0 {
                    write(&mut files, &path, Some(content));
                }
            }
        }
        for (path, content) in &made.writes {
            write(&mut files, PATHS[usize::from(*path)], *content);
        }
        let entries = files.iter().map(|(path, content)| (path.parse().unwrap(), content));
        let entries: BTreeMap<RepoPath, &u8> = entries.collect();
        let tree =
            build(entries.iter().map(|(path, content)| (path, object(**content), 1))).unwrap();
        for (id, bytes) in &tree.nodes {
            self.nodes.insert(*id, Arc::new(Node::decode(bytes).unwrap()));
        }
        let before = first.map(|it| self.files[it].clone()).unwrap_or_default();
        let paths: BTreeSet<_> = before.keys().chain(files.keys()).cloned().collect();
        let changed = paths.iter().filter(|path| before.get(*path) != files.get(*path));
        let parents = [first, second].map(|it| it.map(|it| Position(u32::try_from(it).unwrap())));
        let mut more = Vec::new();
        if second.is_some() {
            let further = made.more.iter().filter_map(|it| back(Some(*it)));
            for parent in further.map(|it| Position(u32::try_from(it).unwrap())) {
                if !parents.contains(&Some(parent)) && !more.contains(&parent) {
                    more.push(parent);
                }
            }
        }
        let all = parents.iter().flatten().chain(&more);
        let generation = all.map(|it| self.link(*it).generation).max();
        let has_more = !more.is_empty();
        let time = i64::try_from(at).unwrap() * 4 + i64::from(made.later) * 5;
        self.commits.push(NewCommit {
            id: CommitId::of(&at.to_be_bytes()),
            root: tree.root,
            link: Link { parents, has_more, generation: generation.unwrap_or(0) + 1, time },
            more,
            filter: Filter::of(changed.map(String::as_str)),
        });
        self.files.push(files);
    }

    pub(super) fn link(&self, at: Position) -> Link {
        self.commits[at.index()].link
    }

    /// The parents of a commit, in order.
    pub(super) fn parents(&self, at: Position) -> impl Iterator<Item = Position> + use<> {
        let commit = &self.commits[at.index()];
        commit.link.parents.into_iter().flatten().chain(commit.more.clone())
    }

    /// The graph, as layers of the given lengths and the rest in memory.
    pub(super) fn graph(&self, layers: &[usize]) -> Graph {
        let (mut graph, mut rest) = (Graph::new(), &self.commits[..]);
        for length in layers {
            let (layer, after) = rest.split_at((*length).min(rest.len()));
            if !layer.is_empty() {
                graph.push(Arc::new(stored(graph.len(), layer))).unwrap();
            }
            rest = after;
        }
        graph.with(Fresh::new(graph.len(), rest.to_vec()))
    }

    /// Everything that a commit leads to, itself included.
    pub(super) fn reached(&self, from: Position) -> BTreeSet<Position> {
        let (mut seen, mut waiting) = (BTreeSet::new(), vec![from]);
        while let Some(at) = waiting.pop() {
            if seen.insert(at) {
                waiting.extend(self.parents(at));
            }
        }
        seen
    }

    /// What stands at a path: the content of a file, or all that is below a directory.
    pub(super) fn state(&self, at: Position, path: &str) -> Option<Vec<(String, u8)>> {
        let files = &self.files[at.index()];
        let below = format!("{path}/");
        let found = files.iter().filter(|(it, _)| *it == path || it.starts_with(&below));
        let found: Vec<_> = found.map(|(path, content)| (path.clone(), *content)).collect();
        (!found.is_empty()).then_some(found)
    }

    /// The commit that changed a path last, by the rule.
    pub(super) fn last(&self, at: Position, path: &str) -> Position {
        let own = self.state(at, path);
        let same = self.parents(at).find(|parent| self.state(*parent, path) == own);
        same.map_or(at, |parent| self.last(parent, path))
    }

    /// The names in a directory.
    pub(super) fn node(&self, at: Position, dir: Option<&RepoPath>) -> Option<Arc<Node>> {
        let root = self.commits[at.index()].root;
        let Some(dir) = dir else { return Some(self.nodes[&root].clone()) };
        match crate::tree::lookup(self, root, dir).unwrap()?.kind {
            Kind::Directory(id) => Some(self.nodes[&id].clone()),
            Kind::File(_) | Kind::Module(_) => None,
        }
    }

    pub(super) fn positions(&self) -> impl Iterator<Item = Position> + use<> {
        (0..u32::try_from(self.commits.len()).unwrap()).map(Position)
    }

    /// The order of walks.
    pub(super) fn sorted(&self, of: impl IntoIterator<Item = Position>) -> Vec<Position> {
        let mut found: Vec<_> = of.into_iter().collect();
        let rank = |at: &Position| (self.link(*at).generation, self.link(*at).time, *at);
        found.sort_by_key(|at| std::cmp::Reverse(rank(at)));
        found
    }
}

/// A layer as it comes out of its file.
pub(super) fn stored(base: u32, commits: &[NewCommit]) -> Stored {
    Stored::open(Box::new(InMemory(file(base, Of::New(commits))))).unwrap()
}

pub(super) fn file(base: u32, commits: Of<'_>) -> Vec<u8> {
    let layer = Written { repository: [7; 16], epoch: 3, base, last_row: 44, commits };
    let mut bytes = Vec::new();
    super::super::write(&layer, &mut bytes).unwrap();
    bytes
}
