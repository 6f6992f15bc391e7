//! What the files hold now: read where the index does not know it, by several threads where that pays.

use std::{
    collections::HashSet,
    io::Read as _,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use names::{ObjectId, RepoPath};

use super::{
    Result, Scan, WorkingCopy, WorktreeError,
    dir::{Dir, Stamp},
    index::Index,
    store::hash_into,
};
use crate::{Fault, Manifest};

/// A file up to this length is read at once, and never twice.
const SMALL_BYTES: u64 = 1 << 20;
/// How many files a thread takes at a time: those of one directory mostly stand together.
const BATCH_FILES: usize = 32;
/// More threads only wait for the same disk.
const MAX_THREADS: usize = 8;

/// What the files are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Look {
    /// Every file that is versioned, with its content.
    pub manifest: Manifest,
    /// The files as they were found.
    pub scan: Scan,
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
        let scan = self.scan()?;
        let old = self.index()?.unwrap_or_default();
        let (mut known, mut unknown) = (Vec::with_capacity(scan.files.len()), Vec::new());
        let mut reader = old.reader();
        for (path, stamp) in &scan.files {
            let object = reader.content(path, stamp);
            let has_to_be_stored =
                |object: &ObjectId| held.is_some_and(|held| !held.contains(object)) && wanted(path);
            match object {
                Some(object) if !has_to_be_stored(&object) => {
                    known.push((path.clone(), (*stamp, object)));
                }
                Some(_) | None => unknown.push(path),
            }
        }
        if unknown.is_empty() && known.len() == old.len() {
            let manifest = known.into_iter().map(|(path, (_, id))| (path, id)).collect();
            return Ok(Look { manifest, scan });
        }
        // Asked before a file is read: what changes from now on is of this second or a later one.
        let second = self.temporaries()?.second(&self.random);
        let second = second.map_err(WorktreeError::io(".muse/motet/tmp"))?;
        let mut manifest: Manifest =
            known.iter().map(|(path, (_, id))| (path.clone(), *id)).collect();
        for Seen { path, stamp, object } in self.read_all(&unknown, held, &wanted)? {
            if let Some(stamp) = stamp {
                known.push((path.clone(), (stamp, object)));
            }
            manifest.insert(path, object);
        }
        self.write_index(&Index::of(second, known))?;
        Ok(Look { manifest, scan })
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
