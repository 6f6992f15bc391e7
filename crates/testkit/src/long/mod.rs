//! Long histories, made up in a moment: commits with true ids over trees with true ids, given in batches of rows for whoever
//! writes them behind a server's back. Snapshots have ids of their own making: a true one is the hash of a whole manifest,
//! and nothing that reads asks for it again.
//!
//! A history has a main line. Of each twenty commits three are a side line that is merged. Each commit changes up to three
//! files, a merge none of its own. The same numbers give the same history.

mod store;

use std::{collections::VecDeque, sync::Arc};

use db::Db;
use history::{CommitTime, Parents, new_record};
use names::{CommitId, NodeId, ObjectId, SnapshotId, UnixMillis};

/// When it begins: 2006-01-01.
const BEGINNING: i64 = 1_136_073_600_000;
/// Between two commits: a million of them are nineteen years.
const MILLIS_PER_COMMIT: i64 = 600_000;
/// Commits from one merge to the next.
const ROUND: u32 = 20;

/// Commits that are written in one transaction.
const BATCH: u32 = 5_000;

/// Writes a history of that shape on top of the one commit of the only branch of `repository` (`owner/name`), whose server is
/// stopped or lets nobody in meanwhile. Gives the new tip. The repository's own objects are what files hold.
pub async fn lengthen(db: &Db, repository: &str, commits: u32, wide: &[u32]) -> CommitId {
    let found = store::find(&mut db.glance().await.unwrap(), repository).await.unwrap();
    let objects = store::objects(&mut db.glance().await.unwrap(), found.id).await.unwrap();
    let shape = Shape { commits, wide: wide.to_vec(), objects };
    let mut long = Long::new(shape, found.tip);
    loop {
        let batch = long.next(BATCH);
        if batch.commits.is_empty() {
            break;
        }
        let mut tx = db.write().await.unwrap();
        store::add(&mut tx, &found, &batch).await.unwrap();
        tx.commit().await.unwrap();
    }
    let mut tx = db.write().await.unwrap();
    store::move_branch(&mut tx, &found, long.tip(), commits).await.unwrap();
    tx.commit().await.unwrap();
    long.tip()
}

/// How long and how wide.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Commits.
    pub commits: u32,
    /// Directories, and files in the last ones: `[20, 20, 25, 10]` is a hundred thousand files.
    pub wide: Vec<u32>,
    /// What files hold, with the bytes of each; at least two.
    pub objects: Vec<(ObjectId, u64)>,
}

/// Rows of one batch; commits stand behind their parents.
#[derive(Debug, Default)]
pub struct Batch {
    /// Nodes of trees and their bytes.
    pub nodes: Vec<(NodeId, Vec<u8>)>,
    /// Snapshots and their roots.
    pub snapshots: Vec<(SnapshotId, NodeId)>,
    /// Commits.
    pub commits: Vec<LongCommit>,
}

/// A commit.
#[derive(Debug, Clone)]
pub struct LongCommit {
    /// Its true id.
    pub id: CommitId,
    /// Its snapshot.
    pub snapshot: SnapshotId,
    /// Its parents.
    pub parents: [Option<CommitId>; 2],
    /// 1 + the highest of the parents.
    pub generation: u32,
    /// When it says it was made.
    pub at: UnixMillis,
    /// The same as text.
    pub at_text: String,
    /// Its message.
    pub message: String,
    /// Its author.
    pub author: String,
    /// The agent that it names; may be empty.
    pub agent_id: String,
}

#[derive(Debug)]
enum Child {
    File(ObjectId, u64),
    Directory(Arc<Directory>),
}

#[derive(Debug)]
struct Directory {
    children: Vec<Child>,
    id: NodeId,
    size: u64,
    files: u32,
}

/// A line of commits.
#[derive(Debug, Clone)]
struct Line {
    tip: Option<CommitId>,
    generation: u32,
    root: Arc<Directory>,
}

/// Makes a history batch by batch.
#[derive(Debug)]
pub struct Long {
    shape: Shape,
    main: Line,
    side: VecDeque<Line>,
    made: u32,
    state: u64,
    batch: Batch,
}

impl Long {
    /// A history behind `after`, a commit of generation 1 that is there already.
    pub fn new(shape: Shape, after: CommitId) -> Self {
        let mut batch = Batch::default();
        let root = plant(&shape, 0, &mut batch);
        let main = Line { tip: Some(after), generation: 1, root };
        Self { shape, main, side: VecDeque::new(), made: 0, state: 1, batch }
    }

    /// The commit that the main line has come to.
    pub fn tip(&self) -> CommitId {
        self.main.tip.unwrap()
    }

    /// The next commits; empty at the end.
    pub fn next(&mut self, commits: u32) -> Batch {
        let end = self.made.saturating_add(commits).min(self.shape.commits);
        while self.made < end {
            self.step();
        }
        std::mem::take(&mut self.batch)
    }

    fn step(&mut self) {
        match self.made % ROUND {
            5 => self.side.push_back(self.main.clone()),
            6..=8 => {
                let line = self.side.pop_back().unwrap();
                let line = self.commit(line, None);
                self.side.push_back(line);
            }
            15 => {
                let side = self.side.pop_front().unwrap();
                let main = self.main.clone();
                self.main = self.commit(main, Some(&side));
            }
            _ => {}
        }
        if !matches!(self.made % ROUND, 6..=8 | 15) {
            let main = self.main.clone();
            self.main = self.commit(main, None);
        }
        self.made += 1;
    }

    /// A number that nobody expects, and that is always the same.
    fn chance(&mut self, below: usize) -> usize {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99_991);
        usize::try_from(self.state >> 33).unwrap() % below
    }

    fn commit(&mut self, line: Line, merged: Option<&Line>) -> Line {
        let mut root = line.root;
        if let Some(side) = merged {
            // The side line changed the first directory alone, and the main line all but that.
            let mut children: Vec<_> = root.children.iter().map(Child::again).collect();
            children[0] = side.root.children[0].again();
            root = sealed(children, &mut self.batch);
        } else {
            let is_side = matches!(self.made % ROUND, 6..=8);
            for _ in 0..=self.chance(3) {
                let mut way: Vec<_> = self
                    .shape
                    .wide
                    .clone()
                    .iter()
                    .map(|wide| self.chance(*wide as usize))
                    .collect();
                way[0] = if is_side { 0 } else { 1 + way[0] % (self.shape.wide[0] as usize - 1) };
                let object = self.chance(self.shape.objects.len());
                root = changed(&root, &way, self.shape.objects[object], &mut self.batch);
            }
        }
        let number = self.made;
        let at = UnixMillis(BEGINNING + i64::from(number) * MILLIS_PER_COMMIT);
        let at_text = CommitTime::from_millis(at).to_string();
        let snapshot = SnapshotId::of(&number.to_be_bytes());
        self.batch.snapshots.push((snapshot, root.id));
        let parents = [line.tip, merged.and_then(|side| side.tip)];
        let message = format!("Change {number} of the long history");
        let both = Parents::new(parents[0], parents[1]);
        let id = new_record(both, snapshot, &message, &at_text).commit_id;
        let side = merged.map_or(0, |side| side.generation);
        let generation = line.generation.max(side) + 1;
        let author = format!("Writer {} <w{0}@example.test>", self.chance(200));
        let agent_id =
            if self.chance(20) == 0 { format!("agent-{}", self.chance(5)) } else { String::new() };
        self.batch.commits.push(LongCommit {
            id,
            snapshot,
            parents,
            generation,
            at,
            at_text,
            message,
            author,
            agent_id,
        });
        Line { tip: Some(id), generation, root }
    }
}

impl Child {
    fn again(&self) -> Self {
        match self {
            Self::File(object, size) => Self::File(*object, *size),
            Self::Directory(directory) => Self::Directory(Arc::clone(directory)),
        }
    }
}

/// A whole tree.
fn plant(shape: &Shape, depth: usize, batch: &mut Batch) -> Arc<Directory> {
    let is_last = depth + 1 == shape.wide.len();
    let child = |place: u32| {
        if is_last {
            let (object, size) = shape.objects[place as usize % shape.objects.len()];
            Child::File(object, size)
        } else {
            Child::Directory(plant(shape, depth + 1, batch))
        }
    };
    let children = (0..shape.wide[depth]).map(child).collect();
    sealed(children, batch)
}

/// The same with another file at the end of a way.
fn changed(
    directory: &Arc<Directory>,
    way: &[usize],
    (object, size): (ObjectId, u64),
    batch: &mut Batch,
) -> Arc<Directory> {
    let mut children: Vec<_> = directory.children.iter().map(Child::again).collect();
    let next = match &children[way[0]] {
        Child::File(..) => Child::File(object, size),
        Child::Directory(below) => {
            Child::Directory(changed(below, &way[1..], (object, size), batch))
        }
    };
    children[way[0]] = next;
    sealed(children, batch)
}

/// A directory with its bytes (`history::tree`), which are a row.
fn sealed(children: Vec<Child>, batch: &mut Batch) -> Arc<Directory> {
    let mut bytes = b"MT\x01".to_vec();
    put(&mut bytes, children.len() as u64);
    let (mut all, mut files) = (0, 0);
    for (place, child) in children.iter().enumerate() {
        let (kind, name) = match child {
            Child::File(..) => (0, format!("file{place:03}.rs")),
            Child::Directory(_) => (1, format!("part{place:03}")),
        };
        bytes.push(kind);
        put(&mut bytes, name.len() as u64);
        bytes.extend(name.as_bytes());
        match child {
            Child::File(object, size) => {
                bytes.extend(object.as_bytes());
                put(&mut bytes, *size);
                (all, files) = (all + size, files + 1);
            }
            Child::Directory(below) => {
                bytes.extend(below.id.as_bytes());
                put(&mut bytes, below.size);
                put(&mut bytes, u64::from(below.files));
                (all, files) = (all + below.size, files + below.files);
            }
        }
    }
    let id = NodeId::of(&bytes);
    batch.nodes.push((id, bytes));
    Arc::new(Directory { children, id, size: all, files })
}

fn put(bytes: &mut Vec<u8>, mut it: u64) {
    while it >= 0x80 {
        bytes.push(u8::try_from(it & 0x7f).unwrap() | 0x80);
        it >>= 7;
    }
    bytes.push(u8::try_from(it).unwrap());
}
