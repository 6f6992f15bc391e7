//! Objects of Git, read in this process (`spec/hub.md` 3): no page waits for a program.
//!
//! [`Packs`] is the objects of one repository, perhaps with what lies in quarantine. It is opened when it is first read, kept
//! open for a while, and opened again where another process has joined packs meanwhile. All reading is done on blocking
//! threads, a few at a time, and ends when nobody waits for it any more.
//!
//! Files are only ever written whole and renamed by Git, so packs are mapped; what is read is hashed again before it is
//! believed. Objects up to [`WHOLE_BYTES`] are read into memory, longer ones are streamed, twice: once to hash them, once to
//! send them.
//!
//! | file        | what is there                                                     |
//! |-------------|-------------------------------------------------------------------|
//! | `mod.rs`    | [`Packs`], [`Stores`]: what is open, and turns to read                |
//! | `reader.rs` | [`Reader`]: one object at a time, on a thread that may block          |
//! | `large.rs`  | objects that are longer than what is held                           |
//! | `tests.rs`  | the same as what Git says of it                                    |

mod large;
mod reader;
#[cfg(test)]
mod tests;

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use gix_odb::{HandleArc, Store, store::init};
use gix_pack::cache::lru::MemoryCappedHashmap;
use history::tree::Node;
use names::{Id, NodeId};
use tokio::sync::Semaphore;

pub(crate) use reader::{Peeled, Reader};

use crate::{Error, Repository};

/// Repositories that are held open.
const OPEN: u64 = 64;
/// How long one is held that nobody reads.
const OPEN_FOR: Duration = Duration::from_mins(10);
/// Threads that read at once.
const AT_ONCE: usize = 8;
/// Files that are sent at once: each has a thread that waits for its client.
const SENT_AT_ONCE: usize = 64;
/// Directories that are at hand, by what they take in memory.
const NODE_BYTES: u64 = 16 << 20;
/// Packs of one repository that can be told apart at once: as many again as there are, and at least these.
const LEAST_SLOTS: usize = 64;
/// Up to this an object is read into memory.
pub(crate) const WHOLE_BYTES: u64 = 16 << 20;
/// What one reader holds of objects out of which others are made: those of a chain share them.
const BASE_BYTES: usize = 4 << 20;
/// An object that lies in a pack as what differs from another one is made in memory, up to this.
const DELTA_BYTES: u64 = 128 << 20;

/// What all repositories share.
#[derive(Debug)]
struct Shared {
    turns: Arc<Semaphore>,
    sending: Arc<Semaphore>,
    /// Held while something is made that is longer than `WHOLE_BYTES`.
    large: Mutex<()>,
    /// Directories, with sizes or without.
    nodes: moka::sync::Cache<(u64, NodeId, bool), Arc<Node>>,
}

impl Default for Shared {
    fn default() -> Self {
        let weigh = |_: &(u64, NodeId, bool), node: &Arc<Node>| {
            let names: usize = node.entries().iter().map(|it| it.name.len()).sum();
            let entries = size_of_val(node.entries());
            u32::try_from(128 + names + entries).unwrap_or(u32::MAX)
        };
        let nodes = moka::sync::Cache::builder().max_capacity(NODE_BYTES).weigher(weigh);
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        let sending = Arc::new(Semaphore::new(SENT_AT_ONCE));
        Self { turns, sending, large: Mutex::default(), nodes: nodes.build() }
    }
}

/// The repositories that are held open. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Stores {
    shared: Arc<Shared>,
    opened: moka::sync::Cache<Id<Repository>, Packs>,
}

impl Default for Stores {
    fn default() -> Self {
        let opened = moka::sync::Cache::builder().max_capacity(OPEN).time_to_idle(OPEN_FOR).build();
        Self { shared: Arc::default(), opened }
    }
}

impl Stores {
    /// The objects of a repository, which lies at `dir`. Nothing is read yet.
    pub(crate) fn of(&self, id: Id<Repository>, dir: &Path) -> Packs {
        let open = || Packs::new(dir.join("objects"), None, Arc::clone(&self.shared));
        self.opened.get_with(id, open)
    }

    /// Lets a repository go that is about to be removed.
    pub(crate) fn forget(&self, id: Id<Repository>) {
        self.opened.invalidate(&id);
    }
}

/// The objects of a repository. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Packs(Arc<Place>);

struct Place {
    objects: PathBuf,
    /// Where else an object is looked for.
    below: Option<Packs>,
    store: Mutex<Option<Arc<Store>>>,
    shared: Arc<Shared>,
    /// Which one, for what is at hand of all of them.
    serial: u64,
}

impl fmt::Debug for Packs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Packs").field(&self.0.objects).finish()
    }
}

/// Says to a thread that nobody waits for it any more.
struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Packs {
    fn new(objects: PathBuf, below: Option<Self>, shared: Arc<Shared>) -> Self {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        Self(Arc::new(Place { objects, below, store: Mutex::default(), shared, serial }))
    }

    /// The same with what has been received and not taken yet.
    pub(crate) fn with(&self, quarantine: PathBuf) -> Self {
        Self::new(quarantine, Some(self.clone()), Arc::clone(&self.0.shared))
    }

    /// The directories of objects, those that are looked into first before the others.
    fn places(&self) -> impl Iterator<Item = &Place> {
        std::iter::successors(Some(self), |it| it.0.below.as_ref()).map(|it| &*it.0)
    }

    /// Does some reading on a thread that may block. Ends early when nobody waits for it any more.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Reader) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.read_in(&self.0.shared.turns, work).await
    }

    /// The same for work that waits for a client: it keeps nobody else from reading.
    pub(crate) async fn send<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Reader) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.read_in(&self.0.shared.sending, work).await
    }

    async fn read_in<T: Send + 'static>(
        &self,
        turns: &Arc<Semaphore>,
        work: impl FnOnce(&Reader) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let turn = Arc::clone(turns).acquire_owned().await;
        let turn = turn.map_err(|_| Error::Broken("nobody reads any more".to_owned()))?;
        let (packs, waited) = (self.clone(), Arc::new(AtomicBool::new(true)));
        let waiting = Waiting(Arc::clone(&waited));
        let read = tokio::task::spawn_blocking(move || {
            let found = work(&Reader::new(packs, waited));
            drop(turn);
            found
        });
        let found = read.await.map_err(|error| Error::Broken(format!("a worker ended: {error}")));
        drop(waiting);
        found?
    }
}

impl Place {
    /// A handle of one thread. `anew` where what is open has turned out to be too old.
    fn handle(&self, anew: bool) -> io::Result<HandleArc> {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = store.as_ref().filter(|_| !anew) {
            return Ok(self.handle_of(open));
        }
        let options = init::Options {
            slots: init::Slots::AsNeededByDiskState { multiplier: 2.0, minimum: LEAST_SLOTS },
            alloc_limit_bytes: usize::try_from(DELTA_BYTES).ok(),
            current_dir: Some(self.objects.clone()),
            ..init::Options::default()
        };
        let (dir, kind) = (self.objects.clone(), gix_hash::Kind::Sha1);
        let opened = Arc::new(Store::at_opts(dir, kind, &mut std::iter::empty(), options)?);
        let handle = self.handle_of(&opened);
        *store = Some(opened);
        Ok(handle)
    }

    fn handle_of(&self, store: &Arc<Store>) -> HandleArc {
        let mut handle = store.to_cache_arc();
        handle.set_pack_cache(|| Box::new(MemoryCappedHashmap::new(BASE_BYTES)));
        if self.below.is_some() {
            // What is received lies there whole: the folder is not listed again for each object that is in another one.
            handle.refresh_never();
        }
        handle
    }
}
