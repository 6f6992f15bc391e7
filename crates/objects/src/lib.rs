//! Content-addressed bytes: put once, checked whenever they are read, never changed.
//!
//! Owns the tables `objects`, `segments`, `object_places`, `object_waste`, the links from repositories to objects
//! (`repository_objects`, `uploads`) and the record of walks and faults (`integrity_*`); and the directory `objects/` of
//! the data directory, or a bucket. Knows repositories as ids and nothing more: who may read an object is decided by
//! the room that links it.
//!
//! | file         | what is there                                                               |
//! |--------------|-----------------------------------------------------------------------------|
//! | `lib.rs`     | the door: [`Objects`]                                                         |
//! | `staging.rs` | [`Staging`]: bytes on their way in, hashed in passing; [`Sealed`], [`Staged`]  |
//! | `part.rs`    | a large object of which a part has come                                      |
//! | `segment.rs` | the format of a segment, in which small objects lie together                  |
//! | `address.rs` | what things are called, on a disk and in a bucket                            |
//! | `depot.rs`   | where bytes are kept: `disk.rs`, or `bucket/` with a `cache.rs` before it     |
//! | `reading.rs` | bytes on their way out: whole, in pieces, in ranges; another copy where one is wrong |
//! | `together.rs`| many objects read at once: [`Piece`]                                          |
//! | `links/`     | which repository holds which object, and what is pending                     |
//! | `faults/`    | what was found wrong, and how far the walks have come                        |
//! | `upkeep/`    | what keeps the store sound and small: check, join, compact, entomb, sweep, scan |
//! | `store.rs`   | the SQL of objects and places                                                |
//!
//! Invariants: an object's bytes are durable before any row names them; bytes whose hash is wrong are never handed
//! out; nothing is rewritten in place and no name is used twice; bytes go only after the row that named them, and a row
//! only while nothing links the object (`spec/hub.md` 2, 12).

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use db::{Db, Tx};
use names::{Clock, ObjectId, Random};

mod address;
mod bucket;
mod cache;
mod depot;
mod disk;
mod faults;
mod links;
mod part;
mod reading;
mod segment;
mod staging;
mod store;
mod together;
mod upkeep;

use bucket::{Bucket, Patience};
pub use bucket::{BucketError, BucketSettings, SetupError as BucketSetupError};
pub use cache::CACHE_BYTES;
use cache::Cache;
use depot::Depot;
use disk::{Disk, TMP};
pub use faults::{Fault, FaultKind, FaultPage, Scan, ScanKind};
pub use links::{Link, Uploader};
pub use part::{Coming, Part};
pub use staging::{Sealed, Staged, Staging};
pub use store::Place;
pub use together::Piece;
pub use upkeep::{Checked, Collected, Group, Pace, Statistics, Step, Sums};

/// Every statement of this crate, for the test that prepares them all.
pub fn statements() -> Vec<&'static db::Sql> {
    [store::STATEMENTS, links::STATEMENTS, faults::STATEMENTS, upkeep::STATEMENTS].concat()
}

/// The largest object that is read into memory in one piece; larger ones are streamed.
pub const MAX_WHOLE_BYTES: u64 = 64 << 20;

/// Why bytes could not be kept or had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No row names the object.
    #[error("there is no object {0}")]
    Missing(ObjectId),
    /// No copy of the object is what was stored.
    #[error("object {0} is damaged, and there is no other copy of it")]
    Corrupt(ObjectId),
    /// The object is too large to be read in one piece.
    #[error("object {id} has {size} bytes, too many to be read in one piece")]
    TooLarge {
        /// Which.
        id: ObjectId,
        /// Its bytes.
        size: u64,
    },
    /// The bytes that were asked for are not within the object.
    #[error("object {id} has {size} bytes, and the range ends after them")]
    OutOfRange {
        /// Which.
        id: ObjectId,
        /// Its bytes.
        size: u64,
    },
    /// The bucket let us down.
    #[error("the object store cannot be read or written: {0}")]
    Bucket(#[from] BucketError),
    /// The bucket cannot be used as it is set up.
    #[error(transparent)]
    Setup(#[from] BucketSetupError),
    /// The file system let us down.
    #[error("the object store cannot be read or written")]
    Io(#[from] std::io::Error),
    /// The database let us down.
    #[error("the index of the object store cannot be read or written")]
    Db(#[from] db::Error),
}

/// Where bytes are kept.
#[derive(Debug, Clone)]
pub enum Store {
    /// In the directory itself.
    Disk,
    /// In a bucket; the directory has what is on its way there, and a cache.
    Bucket {
        /// Which bucket.
        settings: BucketSettings,
        /// How many bytes the cache may hold.
        cache_bytes: u64,
    },
}

/// The object store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Objects(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    depot: Arc<Depot>,
    /// What is being written, on this machine.
    tmp: Arc<Path>,
    root: PathBuf,
    db: Db,
    clock: Clock,
    random: Random,
}

impl Objects {
    /// Opens the store in `root`, which is made if missing, and clears what an earlier process left half-written.
    /// Blocks: call it at boot. A bucket is not asked yet.
    pub fn open(
        root: &Path,
        store: &Store,
        db: Db,
        clock: Clock,
        random: Random,
    ) -> Result<Self, Error> {
        let tmp: Arc<Path> = root.join(TMP).into();
        let depot = match store {
            Store::Disk => Depot::Disk(Disk::open(root)?),
            Store::Bucket { settings, cache_bytes } => {
                fs::create_dir_all(&tmp)?;
                let bucket = Bucket::open(settings, Patience::default())?;
                let cache = Cache::open(root.join("cache"), *cache_bytes)?;
                Depot::Bucket { bucket, cache, tmp: Arc::clone(&tmp), random: random.clone() }
            }
        };
        let depot = Arc::new(depot);
        // No row can name a file in here: rows are written only after it has another name.
        for entry in fs::read_dir(&tmp)? {
            fs::remove_file(entry?.path())?;
        }
        let root = root.to_owned();
        Ok(Self(Arc::new(Inner { depot, tmp, root, db, clock, random })))
    }

    /// Begins to take in objects. The handle blocks on the disk: use it on a blocking thread.
    pub fn stage(&self) -> Staging {
        Staging::new(Arc::clone(&self.0.tmp), &self.0.clock, &self.0.random)
    }

    /// Gives what was taken in its names, durably. What comes next is [`Objects::register`].
    pub async fn keep(&self, sealed: Sealed) -> Result<Staged, Error> {
        if !sealed.is_empty() {
            self.0.depot.adopt(sealed.parcels.clone()).await?;
        }
        Ok(sealed.into_staged())
    }

    /// Writes the rows of what was staged. The bytes are durable already; they can be read once `tx` commits and
    /// a room has linked them.
    pub async fn register(&self, tx: &mut Tx, staged: &Staged) -> Result<(), Error> {
        Ok(store::register(tx, staged, self.0.clock.now(), true).await?)
    }

    /// Where the given objects lie, with their sizes; those that are not held, or not whole, are left out.
    pub async fn find(
        &self,
        tx: &mut Tx,
        ids: &[ObjectId],
    ) -> Result<HashMap<ObjectId, Place>, Error> {
        Ok(store::places(tx, ids).await?)
    }

    /// Where one object lies, looked up by itself.
    pub async fn place(&self, id: ObjectId) -> Result<Place, Error> {
        let found = store::places(&mut self.0.db.glance().await?, &[id]).await?.remove(&id);
        found.ok_or(Error::Missing(id))
    }

    /// Proves that the store can be written and read: something small there and back.
    pub async fn probe(&self) -> Result<(), Error> {
        self.0.depot.probe(self.0.random.bytes::<16>()).await
    }

    /// Free and total bytes of the file system that holds the store, or what is on its way to it.
    pub fn space(&self) -> Result<(u64, u64), Error> {
        let stat = rustix::fs::statvfs(&self.0.root).map_err(std::io::Error::from)?;
        Ok((stat.f_bavail * stat.f_frsize, stat.f_blocks * stat.f_frsize))
    }
}

/// Runs `work` where it may wait for the disk.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::Io(std::io::Error::other(error)))?
}

#[cfg(test)]
mod tests;
