//! What differs between two trees, read without looking into directories that are equal.

use std::{
    cmp::Ordering,
    collections::{HashSet, VecDeque},
    sync::Arc,
};

use names::{CommitId, NodeId, ObjectId, RepoPath};

use super::{
    MAX_NEEDS, Nodes, TreeError,
    node::{Entry, Kind, Mode, Node, module_text},
};

/// A file at one side of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileState {
    /// Its content; of a submodule the commit.
    pub object: ObjectId,
    /// Its length.
    pub size_bytes: u64,
    /// What it is to whoever writes it down.
    pub mode: Mode,
}

impl FileState {
    /// The commit of a submodule; nothing for a file.
    pub fn module(&self) -> Option<CommitId> {
        (self.mode == Mode::Module).then(|| CommitId::from_bytes(*self.object.as_bytes()))
    }

    fn of(entry: &Entry) -> Option<Self> {
        let (object, size_bytes) = match entry.kind {
            Kind::File(object) => (object, entry.size),
            Kind::Module(commit) => {
                let object = ObjectId::from_bytes(*commit.as_bytes());
                (object, module_text(&commit).len() as u64)
            }
            Kind::Directory(_) => return None,
        };
        Some(Self { object, size_bytes, mode: entry.mode })
    }
}

/// A path that is not the same on both sides; at least one of the two is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where.
    pub path: RepoPath,
    /// What was there; nothing if the file is new.
    pub before: Option<FileState>,
    /// What is there now; nothing if the file is gone.
    pub after: Option<FileState>,
}

/// Something in the order of the manifest that is not handed out yet.
enum Item {
    Change(Change),
    /// Two directories of one path that differ. `prefix` ends in `/`, or is empty for the root.
    Pair {
        prefix: Box<str>,
        before: Option<NodeId>,
        after: Option<NodeId>,
    },
}

/// Compares two trees step by step; the changes come in the order of the manifest.
///
/// Invariant: `waiting` is in that order, and begins with a pair or is empty. Pairs differ, so each holds at
/// least one change; hence nothing behind the first `left` items can be among the first `left` changes, and
/// what is kept in memory is bounded by the limit.
pub struct TreeDiff {
    ready: VecDeque<Change>,
    waiting: VecDeque<Item>,
    left: usize,
    truncated: bool,
}

impl TreeDiff {
    /// Compares `before` with `after`, where none is the empty tree, for at most `limit` changes.
    pub fn new(before: Option<NodeId>, after: Option<NodeId>, limit: usize) -> Self {
        let mut waiting = VecDeque::new();
        if before != after {
            waiting.push_back(Item::Pair { prefix: "".into(), before, after });
        }
        let mut diff = Self { ready: VecDeque::new(), waiting, left: limit, truncated: false };
        diff.settle();
        diff
    }

    /// The nodes that must be given next, each once, at most about [`MAX_NEEDS`]; none when all changes are
    /// ready. Taking the ready changes out first keeps memory small.
    pub fn needs(&self) -> Vec<NodeId> {
        let (mut seen, mut ids) = (HashSet::new(), Vec::new());
        for item in &self.waiting {
            if let Item::Pair { before, after, .. } = item {
                ids.extend([before, after].into_iter().flatten().filter(|id| seen.insert(**id)));
            }
            if ids.len() >= MAX_NEEDS {
                break;
            }
        }
        ids
    }

    /// Takes fetched nodes. Pairs whose nodes are not all there stay, and are asked for again.
    pub fn give(&mut self, nodes: &Nodes) -> Result<(), TreeError> {
        let mut front = Vec::new();
        for _ in 0..MAX_NEEDS {
            // Everything up to the next pair that can be opened; stop at one that cannot.
            while let Some(item) = self.waiting.pop_front_if(|item| matches!(item, Item::Change(_)))
            {
                front.push(item);
            }
            let Some(item) = self.waiting.pop_front() else { break };
            let Item::Pair { prefix, before, after } = &item else { break };
            let (Ok(old), Ok(new)) = (fetched(nodes, *before), fetched(nodes, *after)) else {
                self.waiting.push_front(item);
                break;
            };
            compare(prefix, old.as_deref(), new.as_deref(), &mut front)?;
        }
        for item in front.into_iter().rev() {
            self.waiting.push_front(item);
        }
        self.settle();
        Ok(())
    }

    /// The next change that is known; none means that nodes are needed, or that this is the end.
    pub fn next_change(&mut self) -> Option<Change> {
        self.ready.pop_front()
    }

    /// Whether nothing is needed any more; changes may still be ready.
    pub fn is_complete(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether there were more changes than the limit.
    pub const fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// Restores the invariant.
    fn settle(&mut self) {
        if self.waiting.len() > self.left {
            self.waiting.truncate(self.left);
            self.truncated = true;
        }
        while let Some(Item::Change(_)) = self.waiting.front() {
            if let Some(Item::Change(change)) = self.waiting.pop_front() {
                self.ready.push_back(change);
                self.left = self.left.saturating_sub(1);
            }
        }
    }
}

/// The node, or none where there is no directory; an error if it was not given.
fn fetched(nodes: &Nodes, id: Option<NodeId>) -> Result<Option<Arc<Node>>, ()> {
    id.map(|id| nodes.get(&id).cloned().ok_or(())).transpose()
}

fn entries(node: Option<&Node>) -> std::slice::Iter<'_, Entry> {
    node.map(Node::entries).unwrap_or_default().iter()
}

/// Adds what differs between two directories, in order.
fn compare(
    prefix: &str,
    before: Option<&Node>,
    after: Option<&Node>,
    out: &mut Vec<Item>,
) -> Result<(), TreeError> {
    let (mut old, mut new) = (entries(before).peekable(), entries(after).peekable());
    loop {
        // A file and a directory of one name are two steps: they sort differently, and both change.
        let order = match (old.peek(), new.peek()) {
            (None, None) => return Ok(()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => a.order(b),
        };
        let was = if order.is_le() { old.next() } else { None };
        let is = if order.is_ge() { new.next() } else { None };
        let Some(entry) = was.or(is) else { return Ok(()) };
        if was.map(|entry| (entry.kind, entry.mode)) != is.map(|entry| (entry.kind, entry.mode)) {
            out.push(step(format!("{prefix}{}", entry.name), was, is)?);
        }
    }
}

/// What a name whose two sides differ stands for. Both are files, or both directories.
fn step(path: String, was: Option<&Entry>, is: Option<&Entry>) -> Result<Item, TreeError> {
    let directory = |entry: &Entry| match entry.kind {
        Kind::Directory(node) => Some(node),
        Kind::File(_) | Kind::Module(_) => None,
    };
    let Ok(whole) = path.parse::<RepoPath>() else { return Err(TreeError::Path { path }) };
    if was.or(is).is_some_and(Entry::is_directory) {
        let prefix = format!("{path}/").into();
        let (before, after) = (was.and_then(directory), is.and_then(directory));
        return Ok(Item::Pair { prefix, before, after });
    }
    Ok(Item::Change(Change {
        path: whole,
        before: was.and_then(FileState::of),
        after: is.and_then(FileState::of),
    }))
}
