//! Which files belong to the next snapshot (`spec/wire.md` 2).
//!
//! Several threads look through directories at once. Each directory is sorted by itself, as its names stand in paths, so
//! that the whole is in order once the directories are put together.

use std::{
    cmp::Ordering,
    ffi::OsString,
    io,
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use names::{PathError, RepoPath};

use super::{
    IGNORE_FILE, Ignore, Result, WorkingCopy, WorktreeError,
    dir::{Dir, Found, Listed, Listing, Name, Stamp},
    files::MAX_TEXT_BYTES,
};

/// The most files in a snapshot (`spec/wire.md` 10).
pub const MAX_FILES: usize = 1_000_000;
/// The most left-out files that are named; the others are counted with their directories, not one by one.
const MAX_SKIPPED: usize = 1000;
/// How many directories are held open. Deeper down each one is opened from the root again: no tree may take all our files.
const MAX_OPEN: usize = 64;
/// More threads only wait for the same disk.
const MAX_THREADS: usize = 8;
/// With fewer directories to look through, help costs more than it saves.
const WORTH_HELP: usize = 4;

/// Why something that is no business of `.museignore` is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SkipReason {
    /// Links are not versioned, and not followed.
    #[error("symbolic links are not versioned")]
    Link,
    /// A pipe, a socket, a device.
    #[error("only regular files are versioned")]
    NotAFile,
    /// The name is not text.
    #[error("the name is not UTF-8")]
    NotUtf8,
    /// No path of a repository.
    #[error("{0}")]
    Path(PathError),
}

/// What a look at the files found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scan {
    /// Every file that is versioned, by path, with what tells whether it changed.
    pub files: Vec<(RepoPath, Stamp)>,
    /// What is left out and might surprise: at most the first thousand.
    pub skipped: Vec<(PathBuf, SkipReason)>,
}

impl WorkingCopy {
    /// The rules about what is left out, read from `.museignore`.
    pub fn ignore(&self) -> Result<Ignore> {
        let file =
            self.root.read(IGNORE_FILE, MAX_TEXT_BYTES).map_err(WorktreeError::io(IGNORE_FILE))?;
        Ok(Ignore::new(&self.domain, file.as_deref())?)
    }

    /// Looks at all files, without reading them.
    pub fn scan(&self) -> Result<Scan> {
        self.scan_beside(|| ()).map(|(scan, ())| scan)
    }

    /// Looks at all files, and does something else while others help.
    pub(super) fn scan_beside<T>(&self, other: impl FnOnce() -> T) -> Result<(Scan, T)> {
        let walk = Walk::new(self)?;
        while walk.waiting() < WORTH_HELP && walk.step() {}
        let threads = thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
        let helpers = if walk.waiting() < WORTH_HELP { 0 } else { threads.saturating_sub(1) };
        let done = thread::scope(|scope| {
            for _ in 0..helpers {
                scope.spawn(|| while walk.step() {});
            }
            let done = other();
            while walk.step() {}
            done
        });
        Ok((walk.finish()?, done))
    }
}

/// A walk through all directories, by whoever has time for it.
struct Walk<'a> {
    copy: &'a WorkingCopy,
    ignore: Ignore,
    state: Mutex<State>,
    /// There is another directory to look through, or none will come.
    changed: Condvar,
    /// Held by each directory that is held open.
    open: Arc<()>,
}

#[derive(Default)]
struct State {
    todo: Vec<Todo>,
    /// How many directories are being looked through.
    at_work: usize,
    /// What was found, by the number of the directory; the root is the first.
    found: Vec<Option<Looked>>,
    files: usize,
    skipped: Vec<(PathBuf, SkipReason)>,
    failed: Option<WorktreeError>,
}

/// A directory to look through.
struct Todo {
    number: usize,
    /// None for the root.
    path: Option<RepoPath>,
    /// The directory that it is in, if that is held open.
    parent: Option<Arc<Held>>,
}

struct Held {
    listing: Mutex<Listing>,
    _open: Arc<()>,
}

/// What stands in a directory, in the order of paths.
#[derive(Default)]
struct Looked {
    entries: Vec<Entry>,
    /// The number of the first directory in it.
    first: usize,
}

enum Entry {
    File(RepoPath, Stamp),
    Directory(RepoPath),
}

impl Entry {
    /// The bytes of its path, and what follows them in longer paths.
    fn parts(&self) -> (&[u8], Option<u8>) {
        match self {
            Self::File(path, _) => (path.as_str().as_bytes(), None),
            Self::Directory(path) => (path.as_str().as_bytes(), Some(b'/')),
        }
    }
}

/// What was found in one directory, before the directories in it have their numbers.
#[derive(Default)]
struct Fresh {
    entries: Vec<Entry>,
    skipped: Vec<(PathBuf, SkipReason)>,
    held: Option<Arc<Held>>,
}

impl<'a> Walk<'a> {
    fn new(copy: &'a WorkingCopy) -> Result<Self> {
        let root = Todo { number: 0, path: None, parent: None };
        let state = State { todo: vec![root], found: vec![None], ..State::default() };
        let (state, ignore) = (Mutex::new(state), copy.ignore()?);
        Ok(Self { copy, ignore, state, changed: Condvar::new(), open: Arc::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> usize {
        self.state().todo.len()
    }

    /// Looks through one more directory; false when there is none, and none will come.
    fn step(&self) -> bool {
        let todo = {
            let mut state = self.state();
            loop {
                if let Some(todo) = state.todo.pop() {
                    state.at_work += 1;
                    break todo;
                }
                if state.at_work == 0 {
                    return false;
                }
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        };
        let prefix = todo.path.as_ref().map_or(".", RepoPath::as_str).to_owned();
        let looked = self.look(&todo);
        let mut state = self.state();
        let before = state.todo.len();
        state.at_work -= 1;
        match looked {
            Ok(fresh) => state.take(todo.number, fresh),
            Err(cause) => state.fail(WorktreeError::io(prefix)(cause)),
        }
        let is_news = state.todo.len() > before || state.at_work == 0;
        drop(state);
        if is_news {
            self.changed.notify_all();
        }
        true
    }

    fn look(&self, todo: &Todo) -> io::Result<Fresh> {
        let Some(directory) = self.open(todo)? else { return Ok(Fresh::default()) };
        let mut listing = directory.listing()?;
        let mut fresh = Fresh::default();
        while let Some((name, listed)) = listing.next()? {
            match self.judge(&name, listed, &listing, todo.path.as_ref())? {
                Ok(entry) => fresh.entries.extend(entry),
                Err(reason) if fresh.skipped.len() < MAX_SKIPPED => {
                    fresh.skipped.push((place(todo.path.as_ref(), name.raw()), reason));
                }
                Err(_) => {}
            }
        }
        fresh.entries.sort_unstable_by(in_order);
        // One place is the walk's own.
        if Arc::strong_count(&self.open) <= MAX_OPEN {
            let (listing, open) = (Mutex::new(listing), Arc::clone(&self.open));
            fresh.held = Some(Arc::new(Held { listing, _open: open }));
        }
        Ok(fresh)
    }

    fn open(&self, todo: &Todo) -> io::Result<Option<Dir>> {
        match (&todo.parent, &todo.path) {
            (Some(parent), Some(path)) => {
                let listing = parent.listing.lock().unwrap_or_else(PoisonError::into_inner);
                listing.child(path.file_name())
            }
            (_, path) => self.copy.root.descend(path.as_ref().map_or("", RepoPath::as_str)),
        }
    }

    /// What a name is to us: a file, a directory, nothing, or something to tell.
    fn judge(
        &self,
        name: &Name,
        listed: Listed,
        listing: &Listing,
        parent: Option<&RepoPath>,
    ) -> io::Result<Result<Option<Entry>, SkipReason>> {
        let Some(text) = name.text() else { return Ok(Err(SkipReason::NotUtf8)) };
        if listed == Listed::Directory && self.ignore.is_never(text) {
            return Ok(Ok(None));
        }
        let path = match parent.map_or_else(|| text.parse(), |parent| parent.join(text)) {
            Ok(path) => path,
            Err(error) => return Ok(Err(SkipReason::Path(error))),
        };
        let found = match listed {
            Listed::Directory => Found::Directory,
            _ if self.ignore.is_ignored(&path) => return Ok(Ok(None)),
            Listed::Link => Found::Link,
            Listed::Other => Found::Other,
            Listed::Unasked => match listing.find(name)? {
                Some(found) => found,
                None => return Ok(Ok(None)),
            },
        };
        Ok(match found {
            Found::File(stamp) => Ok(Some(Entry::File(path, stamp))),
            Found::Directory if self.ignore.is_never(text) => Ok(None),
            Found::Directory if self.ignore.is_ignored_whole(&path) => Ok(None),
            Found::Directory => Ok(Some(Entry::Directory(path))),
            Found::Link => Err(SkipReason::Link),
            Found::Other => Err(SkipReason::NotAFile),
        })
    }

    /// All that was found, in order.
    fn finish(self) -> Result<Scan> {
        let mut state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = state.failed {
            return Err(error);
        }
        let mut files = Vec::with_capacity(state.files);
        let mut take = |number: usize| {
            let looked = state.found.get_mut(number).and_then(Option::take).unwrap_or_default();
            (looked.entries.into_iter(), looked.first)
        };
        let mut inside = vec![take(0)];
        while let Some((entries, next)) = inside.last_mut() {
            match entries.next() {
                Some(Entry::File(path, stamp)) => files.push((path, stamp)),
                Some(Entry::Directory(_)) => {
                    let number = *next;
                    *next += 1;
                    inside.push(take(number));
                }
                None => drop(inside.pop()),
            }
        }
        state.skipped.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        state.skipped.truncate(MAX_SKIPPED);
        Ok(Scan { files, skipped: state.skipped })
    }
}

impl State {
    /// Takes what stands in the directory `number`.
    fn take(&mut self, number: usize, fresh: Fresh) {
        if self.failed.is_some() {
            return;
        }
        let first = self.found.len();
        for entry in &fresh.entries {
            match entry {
                Entry::File(..) => self.files += 1,
                Entry::Directory(path) => {
                    let (number, parent) = (self.found.len(), fresh.held.clone());
                    self.todo.push(Todo { number, path: Some(path.clone()), parent });
                    self.found.push(None);
                }
            }
        }
        if self.skipped.len() < MAX_SKIPPED {
            self.skipped.extend(fresh.skipped);
        }
        if let Some(place) = self.found.get_mut(number) {
            *place = Some(Looked { entries: fresh.entries, first });
        }
        if self.files > MAX_FILES {
            self.fail(WorktreeError::TooManyFiles { max: MAX_FILES });
        }
    }

    /// Nothing more is looked through.
    fn fail(&mut self, error: WorktreeError) {
        self.todo.clear();
        self.failed.get_or_insert(error);
    }
}

fn place(directory: Option<&RepoPath>, name: OsString) -> PathBuf {
    PathBuf::from(directory.map_or("", RepoPath::as_str)).join(name)
}

/// The order of what stands in one directory, as it is in paths: a directory is followed by a slash there.
fn in_order(one: &Entry, other: &Entry) -> Ordering {
    let ((one, one_end), (other, other_end)) = (one.parts(), other.parts());
    let common = one.len().min(other.len());
    one.get(..common).cmp(&other.get(..common)).then_with(|| {
        one.get(common).copied().or(one_end).cmp(&other.get(common).copied().or(other_end))
    })
}
