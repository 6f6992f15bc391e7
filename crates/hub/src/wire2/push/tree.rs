//! A snapshot made again from its base and what differs, and as the server stores it.
//!
//! The manifest of one snapshot is in memory at a time, and those of a few small ones before it, because the next one is
//! mostly told by one of them.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    convert::Infallible,
    sync::Arc,
};

use api::{SnapshotRecord, Value, WireCode, msgpack, stream::SnapshotPart};
use history::{
    DeltaError, SnapshotMerge,
    tree::{self, Tree, TreeWalk},
};
use names::{NodeId, ObjectId, RepoPath, SnapshotId};
use objects::Uploader;

use super::{page::Built, session::Session, store};
use crate::{Error, Hub, Repository, reading, wire::bundle::refusal};

/// Paths in all the manifests that are remembered.
const REMEMBERED_PATHS: usize = 200_000;
/// And how many of them.
const REMEMBERED: usize = 32;
/// Ids of one question.
const IDS: usize = 10_000;
/// Ids that an error sentence names; the count stands beside them.
const NAMED: usize = 5;

/// A path, what stands there, and how long it is.
type File = (RepoPath, ObjectId, u64);

/// A snapshot as it came.
pub(super) struct SnapshotDelta {
    pub(super) id: SnapshotId,
    base: Option<SnapshotId>,
    files: u64,
    created_at: String,
    /// In the order in which they came.
    pub(super) parts: Vec<SnapshotPart>,
}

impl SnapshotDelta {
    /// One whose first part has come.
    pub(super) fn of(part: SnapshotPart) -> Self {
        Self {
            id: part.snapshot_id,
            base: part.base,
            files: part.files,
            created_at: part.created_at.clone(),
            parts: vec![part],
        }
    }

    fn named(&self) -> HashSet<ObjectId> {
        let named = self.parts.iter().flat_map(|it| &it.set).map(|(_, object)| *object);
        named.filter(|id| *id != ObjectId::EMPTY).collect()
    }
}

/// The manifests that came last, the latest first, and the directories of the latest.
#[derive(Default)]
pub(super) struct Manifests {
    last: VecDeque<(SnapshotId, Arc<Vec<File>>)>,
    paths: usize,
    nodes: HashSet<NodeId>,
}

impl Manifests {
    fn get(&self, id: SnapshotId) -> Option<Arc<Vec<File>>> {
        let found = self.last.iter().find(|(it, _)| *it == id);
        found.map(|(_, files)| Arc::clone(files))
    }

    fn remember(&mut self, id: SnapshotId, files: Arc<Vec<File>>) {
        self.paths += files.len();
        self.last.push_front((id, files));
        while self.last.len() > 1 && (self.paths > REMEMBERED_PATHS || self.last.len() > REMEMBERED)
        {
            let gone = self.last.pop_back();
            self.paths -= gone.map_or(0, |(_, files)| files.len());
        }
    }

    /// The nodes of a tree that are not those of the one before.
    fn new_nodes(&mut self, tree: &mut Tree) {
        let all: HashSet<_> = tree.nodes.iter().map(|(id, _)| *id).collect();
        tree.nodes.retain(|(id, _)| !self.nodes.contains(id));
        self.nodes = all;
    }
}

impl Hub {
    /// Makes a snapshot again and compares it with its id. `fresh` are objects that came with it.
    pub(super) async fn build(
        &self,
        (session, repository, uploader): (&Session, &Repository, Uploader),
        fresh: &HashMap<ObjectId, u64>,
        delta: SnapshotDelta,
        manifests: &mut Manifests,
    ) -> Result<Built, Error> {
        let sizes = self.sizes_of(uploader, fresh, &delta).await?;
        let base = match delta.base {
            None => Arc::default(),
            Some(base) => match manifests.get(base) {
                Some(known) => known,
                None => Arc::new(self.files_of(session, repository, base).await?),
            },
        };
        let SnapshotDelta { id, base: told_by, files, created_at, parts } = delta;
        let whole = merged(id, &base, parts, files)?;
        let whole = with_sizes(whole, &base, &sizes);
        drop(base);
        let entries = whole.iter().map(|(path, object, size)| (path, *object, *size));
        let mut tree = tree::build(entries)
            .map_err(|error| Error::wire(WireCode::PathConflict, error.to_string()))?;
        let wire_bytes = wire_bytes(id, &created_at, &whole);
        manifests.new_nodes(&mut tree);
        manifests.remember(id, Arc::new(whole));
        let named = sizes.into_iter().collect();
        Ok(Built { id, base: told_by, tree, wire_bytes, created_at, named })
    }

    /// The sizes of what a delta names; 422 if something is neither held nor pending for whoever pushes.
    async fn sizes_of(
        &self,
        uploader: Uploader,
        fresh: &HashMap<ObjectId, u64>,
        delta: &SnapshotDelta,
    ) -> Result<HashMap<ObjectId, u64>, Error> {
        let named = delta.named();
        let known = |id: &ObjectId| fresh.get(id).map(|size| (*id, *size));
        let mut sizes: HashMap<_, _> = named.iter().filter_map(known).collect();
        let others: Vec<_> = named.into_iter().filter(|id| !sizes.contains_key(id)).collect();
        for ids in others.chunks(IDS) {
            let mut tx = self.db.glance().await?;
            sizes.extend(self.objects.available(&mut tx, uploader, ids).await?);
        }
        let missing: Vec<_> = others.iter().filter(|id| !sizes.contains_key(id)).collect();
        if missing.is_empty() {
            return Ok(sizes);
        }
        let some = missing.iter().take(NAMED).map(ToString::to_string).collect::<Vec<_>>();
        let sentence = format!(
            "{} object(s) of snapshot {} were not sent, among them {}",
            missing.len(),
            delta.id,
            some.join(", ")
        );
        Err(Error::wire(WireCode::MissingObjects, sentence))
    }

    /// The files of a snapshot that came before or is held, in the order of their paths.
    async fn files_of(
        &self,
        session: &Session,
        repository: &Repository,
        id: SnapshotId,
    ) -> Result<Vec<File>, Error> {
        let mut tx = self.db.glance().await?;
        let come = store::roots(&mut tx, session.id, &[id]).await?;
        let held = reading::snapshots(&mut tx, repository.id, &HashSet::from([id])).await?;
        let root = come.get(&id).copied().or_else(|| held.get(&id).map(|it| it.root));
        let root = root.ok_or_else(|| {
            let sentence = format!("snapshot {id}, by which another one is told, is not here");
            Error::wire(WireCode::MissingSnapshot, sentence)
        })?;
        let (mut walk, mut files) = (TreeWalk::new(root), Vec::new());
        loop {
            let next = std::iter::from_fn(|| walk.next_file());
            files.extend(next.map(|file| (file.path, file.object, file.size_bytes)));
            if walk.is_complete() {
                return Ok(files);
            }
            let given = reading::nodes(&mut tx, &walk.needs()).await?;
            walk.give(&given).map_err(|error| Error::Broken(error.to_string()))?;
        }
    }
}

/// The entries of the whole, which has the id that it should have.
fn merged(
    id: SnapshotId,
    base: &[File],
    parts: Vec<SnapshotPart>,
    files: u64,
) -> Result<Vec<(RepoPath, ObjectId)>, Error> {
    let before = base.iter().map(|(path, object, _)| Ok::<_, Infallible>((path.clone(), *object)));
    let (mut merge, mut whole) = (SnapshotMerge::new(id, before), Vec::with_capacity(base.len()));
    for part in parts {
        let part = merge.part(part, |entry| {
            whole.push(entry.clone());
            Ok(())
        });
        part.map_err(|error| of_delta(&error))?;
    }
    let finished = merge.finish(files, |entry| {
        whole.push(entry.clone());
        Ok(())
    });
    finished.map_err(|error| of_delta(&error))?;
    Ok(whole)
}

fn of_delta(error: &DeltaError<Infallible>) -> Error {
    match error {
        DeltaError::Kept(never) => match *never {},
        DeltaError::Fault(fault) => refusal(fault),
        DeltaError::Order { .. } => Error::wire(WireCode::Malformed, error.to_string()),
        DeltaError::Files { .. } => Error::wire(WireCode::SnapshotMismatch, error.to_string()),
    }
}

/// The same with the sizes: what stands where it stood has the size that it had.
fn with_sizes(
    whole: Vec<(RepoPath, ObjectId)>,
    base: &[File],
    sizes: &HashMap<ObjectId, u64>,
) -> Vec<File> {
    let mut before = base.iter().peekable();
    let files = whole.into_iter().map(|(path, object)| {
        while before.next_if(|(it, ..)| *it < path).is_some() {}
        let kept = before.peek().filter(|(it, same, _)| *it == path && *same == object);
        let size = kept.map(|(.., size)| *size).or_else(|| sizes.get(&object).copied());
        (path, object, size.unwrap_or(0))
    });
    files.collect()
}

/// The size of the snapshot in an answer of wire 1, without making that answer.
fn wire_bytes(id: SnapshotId, created_at: &str, files: &[File]) -> u64 {
    let created_at = created_at.to_owned();
    let empty = SnapshotRecord { snapshot_id: id, manifest: history::Manifest::new(), created_at };
    let around = msgpack::encoded_len(&Value::from(empty));
    let head = match files.len() {
        0..16 => 0,
        16..65_536 => 2,
        _ => 4,
    };
    let file = |path: &RepoPath| {
        let length = path.as_str().len() as u64;
        let head = match length {
            0..32 => 1,
            32..256 => 2,
            _ => 3,
        };
        // And an id of 64 characters behind two bytes.
        head + length + 66
    };
    around + head + files.iter().map(|(path, ..)| file(path)).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_in_wire_1_is_that_of_the_answer() {
        for count in [0, 1, 15, 16, 300] {
            let path = |number: usize| {
                let name = format!("{number:0width$}", width = 1 + number * 2 % 250);
                format!("d{}/{name}", number / 7).parse::<RepoPath>().unwrap()
            };
            let id = SnapshotId::of(b"any");
            let mut files: Vec<_> =
                (0..count).map(|it| (path(it), ObjectId::of(b"x"), 1)).collect();
            files.sort();
            files.dedup();
            let manifest = files.iter().map(|(path, object, _)| (path.clone(), *object)).collect();
            let created_at = "2026-01-01T00:00:00+00:00".to_owned();
            let told = wire_bytes(id, &created_at, &files);
            let record = SnapshotRecord { snapshot_id: id, manifest, created_at };
            assert_eq!(told, msgpack::encoded_len(&Value::from(record)), "{count}");
        }
    }

    #[test]
    fn what_stays_keeps_its_size_and_what_comes_has_that_of_its_object() {
        let path = |text: &str| text.parse::<RepoPath>().unwrap();
        let [one, two] = [ObjectId::of(b"one"), ObjectId::of(b"two")];
        let base = [(path("a"), one, 3), (path("b"), one, 3), (path("d"), one, 3)];
        let whole = vec![(path("b"), one), (path("c"), two), (path("d"), two)];
        let sized = with_sizes(whole, &base, &HashMap::from([(two, 7)]));
        assert_eq!(sized.iter().map(|it| it.2).collect::<Vec<_>>(), [3, 7, 7]);
    }
}
