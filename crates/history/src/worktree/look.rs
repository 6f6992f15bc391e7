//! What the files hold now: read where the index does not know it, by several threads where that pays.

use std::{
    collections::HashSet,
    io::Read as _,
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use names::{ObjectId, RepoPath, SnapshotId};

use super::{
    Result, Scan, SkipReason, WorkingCopy, WorktreeError,
    dir::{Dir, Stamp},
    store::hash_into,
};
use crate::{Fault, Manifest, SnapshotHasher};

/// A file up to this length is read at once, and never twice.
const SMALL_BYTES: u64 = 1 << 20;
/// How many files a thread takes at a time: those of one directory mostly stand together.
const BATCH_FILES: usize = 32;
/// More threads only wait for the same disk.
const MAX_THREADS: usize = 8;

/// What the files are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Look {
    /// Every file that is versioned, by path, with its content.
    pub files: Vec<(RepoPath, ObjectId)>,
    /// What is left out and might surprise.
    pub skipped: Vec<(PathBuf, SkipReason)>,
    /// The snapshot that the files make, where that is known.
    pub(super) snapshot: Option<SnapshotId>,
}

impl Look {
    /// The files as a snapshot has them.
    pub fn manifest(self) -> Manifest {
        self.files.into_iter().collect()
    }
}

/// What a look at one file gave: its stamp if it held still, and its content.
struct Seen {
    path: RepoPath,
    stamp: Option<Stamp>,
    object: ObjectId,
}

impl WorkingCopy {
    /// Looks at all files; nothing is stored but the index.
    pub fn look(&self) -> Result<Look> {
        self.look_and_store(None, |_| true)
    }

    /// Looks at all files, and stores each content that is not `held` yet, of the paths that are `wanted`.
    pub(super) fn look_and_store(
        &self,
        held: Option<&HashSet<ObjectId>>,
        wanted: impl Fn(&RepoPath) -> bool,
    ) -> Result<Look> {
        let (Scan { files, skipped }, old) = self.scan_beside(|| self.index())?;
        let old = old?.unwrap_or_default();
        let mut reader = old.reader();
        let has_to_be_stored = |path: &RepoPath, object: &ObjectId| {
            held.is_some_and(|held| !held.contains(object)) && wanted(path)
        };
        let known: Vec<Option<ObjectId>> = files
            .iter()
            .map(|(path, stamp)| {
                reader.content(path, stamp).filter(|object| !has_to_be_stored(path, object))
            })
            .collect();
        if files.len() == old.len() && known.iter().all(Option::is_some) {
            let paths = files.into_iter().map(|(path, _)| path);
            let files = paths.zip(known.into_iter().flatten()).collect();
            return Ok(Look { files, skipped, snapshot: old.snapshot() });
        }
        // Asked before a file is read: what changes from now on is of this second or a later one.
        let second = self.temporaries()?.second(&self.random);
        let second = second.map_err(WorktreeError::io(".muse/motet/tmp"))?;
        let unknown = files.iter().zip(&known).filter(|(_, known)| known.is_none());
        let unknown: Vec<_> = unknown.map(|((path, _), _)| path).collect();
        let mut seen = self.read_all(&unknown, held, &wanted)?;
        seen.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        self.note(second, files, known, seen, skipped)
    }

    /// Puts together what was known and what was seen, and keeps it.
    fn note(
        &self,
        second: i64,
        files: Vec<(RepoPath, Stamp)>,
        known: Vec<Option<ObjectId>>,
        seen: Vec<Seen>,
        skipped: Vec<(PathBuf, SkipReason)>,
    ) -> Result<Look> {
        let (mut seen, mut noted) = (seen.into_iter().peekable(), Vec::with_capacity(files.len()));
        let mut unsettled = Vec::new();
        for ((path, stamp), known) in files.into_iter().zip(known) {
            if let Some(object) = known {
                noted.push((path, stamp, object));
                continue;
            }
            match seen.next_if(|seen| seen.path == path) {
                Some(Seen { stamp: Some(stamp), object, .. }) => noted.push((path, stamp, object)),
                // One that changed while it was read.
                Some(Seen { stamp: None, object, .. }) => unsettled.push((path, object)),
                // One that is gone by now.
                None => {}
            }
        }
        let mut whole = SnapshotHasher::default();
        for (path, _, object) in &noted {
            whole.push(path, object);
        }
        let snapshot = unsettled.is_empty().then(|| whole.finish());
        self.write_index(second, snapshot, &noted)?;
        let mut files: Vec<_> =
            noted.into_iter().map(|(path, _, object)| (path, object)).chain(unsettled).collect();
        if snapshot.is_none() {
            files.sort_unstable();
        }
        Ok(Look { files, skipped, snapshot })
    }

    fn read_all(
        &self,
        paths: &[&RepoPath],
        held: Option<&HashSet<ObjectId>>,
        wanted: &impl Fn(&RepoPath) -> bool,
    ) -> Result<Vec<Seen>> {
        let stored: Vec<bool> = paths.iter().map(|path| held.is_some() && wanted(path)).collect();
        let next = AtomicUsize::new(0);
        let all = Mutex::new(Ok(Vec::with_capacity(paths.len())));
        let work = || {
            loop {
                let begin = next.fetch_add(BATCH_FILES, Ordering::Relaxed);
                let Some(rest) = paths.get(begin..).filter(|rest| !rest.is_empty()) else { return };
                let flags = stored.get(begin..).unwrap_or_default();
                let batch = rest.iter().zip(flags).take(BATCH_FILES);
                let seen = self.read_batch(batch.map(|(path, stored)| (*path, *stored)), held);
                let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                match (seen, all.as_mut()) {
                    (Ok(seen), Ok(all)) => all.extend(seen),
                    (Err(error), Ok(_)) => *all = Err(error),
                    (_, Err(_)) => return,
                }
            }
        };
        let threads = thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
        thread::scope(|scope| {
            for _ in 1..threads.min(paths.len().div_ceil(BATCH_FILES)) {
                scope.spawn(work);
            }
            work();
        });
        all.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads files that mostly stand in one directory. One that is gone by now is left out, as if the scan had
    /// come later.
    fn read_batch<'a>(
        &self,
        batch: impl Iterator<Item = (&'a RepoPath, bool)>,
        held: Option<&HashSet<ObjectId>>,
    ) -> Result<Vec<Seen>> {
        let mut seen = Vec::new();
        let mut open: Option<(&str, Dir)> = None;
        for (path, is_stored) in batch {
            let parent = path.parent().unwrap_or_default();
            if open.as_ref().is_none_or(|(at, _)| *at != parent) {
                let directory = self.root.descend(parent).map_err(WorktreeError::io(path))?;
                open = directory.map(|directory| (parent, directory));
            }
            let Some((_, directory)) = &open else { continue };
            let held = held.filter(|_| is_stored);
            seen.extend(self.read_one(directory, path, held)?);
        }
        Ok(seen)
    }

    fn read_one(
        &self,
        directory: &Dir,
        path: &RepoPath,
        held: Option<&HashSet<ObjectId>>,
    ) -> Result<Option<Seen>> {
        let io = || WorktreeError::io(path);
        let Some(mut file) = directory.open_file(path.file_name()).map_err(io())? else {
            return Ok(None);
        };
        let before = Stamp::of(&file).map_err(io())?;
        let is_new = |object: &ObjectId| held.is_some_and(|held| !held.contains(object));
        let object = if before.size_bytes <= SMALL_BYTES {
            let mut bytes = Vec::with_capacity(usize::try_from(before.size_bytes).unwrap_or(0) + 1);
            file.read_to_end(&mut bytes).map_err(io())?;
            let object = ObjectId::of(&bytes);
            if is_new(&object) {
                self.write_object_from(object, bytes.as_slice())?;
            }
            object
        } else {
            let object = hash_into(&mut file, |_| Ok(())).map_err(io())?;
            if is_new(&object) {
                std::io::Seek::rewind(&mut file).map_err(io())?;
                self.write_object_from(object, &file).map_err(|error| match error {
                    WorktreeError::Fault(Fault::ObjectMismatch { .. }) => {
                        WorktreeError::Changing(path.clone())
                    }
                    other => other,
                })?;
            }
            object
        };
        let held_still = Stamp::of(&file).map_err(io())? == before;
        Ok(Some(Seen { path: path.clone(), stamp: held_still.then_some(before), object }))
    }
}
