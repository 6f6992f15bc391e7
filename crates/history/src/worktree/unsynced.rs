//! What was stored and is not known to be on the disk.
//!
//! A few files are waited for one by one, by several threads, so that their waits share one turn of the disk; for
//! many there is one wait for the file system, which also waits for what other programs wrote.

use std::{
    collections::BTreeSet,
    io,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::{Result, WorktreeError, dir::Dir, files::split};

/// The most files that are waited for one by one: a wait takes milliseconds, whatever the file.
const MAX_FILES: usize = 64;
/// They wait for the same disk, which takes them together.
const THREADS: usize = 8;

/// Paths below `.muse`.
#[derive(Debug, Default)]
pub(super) struct Unsynced(Mutex<Paths>);

#[derive(Debug, Default)]
struct Paths {
    paths: BTreeSet<Box<str>>,
    is_overflowing: bool,
}

impl Unsynced {
    /// Notes that the file at `path` may not be on the disk.
    pub(super) fn note(&self, path: &str) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.paths.len() < MAX_FILES {
            noted.paths.insert(path.into());
        } else {
            noted.is_overflowing = true;
        }
    }

    /// Waits until all that was noted is on the disk.
    pub(super) fn sync(&self, muse: &Dir) -> Result<()> {
        let noted = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if noted.is_overflowing {
            return muse.sync_all().map_err(WorktreeError::io(".muse"));
        }
        let paths: Vec<_> = noted.paths.into_iter().collect();
        let directories: BTreeSet<&str> = paths.iter().map(|path| split(path).0).collect();
        each(&paths, |path| sync_file(muse, path))?;
        // After the files, whose names they hold.
        each(&directories.into_iter().collect::<Vec<_>>(), |path| sync_directory(muse, path))
    }
}

/// Does something with each of `paths`, by several threads; the first error is told.
fn each<P: AsRef<str> + Sync>(
    paths: &[P],
    work: impl Fn(&str) -> io::Result<()> + Sync,
) -> Result<()> {
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
    let run = || {
        while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(cause) = work(path.as_ref()) {
                let error = WorktreeError::io(format!(".muse/{}", path.as_ref()))(cause);
                failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..THREADS.min(paths.len()) {
            scope.spawn(run);
        }
        run();
    });
    failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

/// What is gone by now need not be on the disk.
fn sync_file(muse: &Dir, path: &str) -> io::Result<()> {
    let (directory, name) = split(path);
    let Some(directory) = muse.descend(directory)? else { return Ok(()) };
    directory.open_file(name)?.map_or(Ok(()), |file| file.sync_all())
}

fn sync_directory(muse: &Dir, path: &str) -> io::Result<()> {
    muse.descend(path)?.map_or(Ok(()), |directory| directory.sync())
}
