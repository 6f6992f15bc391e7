//! Content-addressed bytes: put once, checked whenever they are read, never changed.
//!
//! Owns the tables `objects`, `segments` and `object_places` and the directory `objects/` of the data directory.
//! Knows nothing of repositories: who may read an object is decided by the room that links it.
//!
//! | file         | what is there                                                               |
//! |--------------|-----------------------------------------------------------------------------|
//! | `lib.rs`     | the door: [`Objects`]                                                         |
//! | `staging.rs` | [`Staging`]: bytes on their way in, hashed in passing; [`Staged`] once synced  |
//! | `segment.rs` | the format of a segment, in which small objects lie together                  |
//! | `layout.rs`  | where things are on disk                                                     |
//! | `store.rs`   | the SQL                                                                      |
//!
//! Invariants: an object's bytes are on disk, synced, before any row names them; bytes whose hash is wrong are
//! never handed out; nothing is rewritten in place (`spec/hub.md` 2, 12).

use std::{
    collections::HashMap,
    fs::File,
    io::Read as _,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use db::Tx;
use names::{Clock, Hasher, ObjectId, Random};

mod layout;
mod segment;
mod staging;
mod store;

use layout::Layout;
pub use staging::{Staged, Staging};
pub use store::Place;

/// Every statement of this crate, for the test that prepares them all.
pub fn statements() -> &'static [&'static db::Sql] {
    store::STATEMENTS
}

/// The largest object that is read into memory in one piece; larger ones are streamed.
pub const MAX_WHOLE_BYTES: u64 = 64 << 20;

/// How large the pieces of a streamed object are: large enough that hashing dominates the calls.
const PIECE_BYTES: usize = 256 << 10;

/// Why bytes could not be kept or had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No row names the object.
    #[error("there is no object {0}")]
    Missing(ObjectId),
    /// The bytes on disk are not those that were stored.
    #[error("object {0} is damaged on disk")]
    Corrupt(ObjectId),
    /// The object is too large to be read in one piece.
    #[error("object {id} has {size} bytes, too many to be read in one piece")]
    TooLarge {
        /// Which.
        id: ObjectId,
        /// Its bytes.
        size: u64,
    },
    /// The file system let us down.
    #[error("the object store cannot be read or written")]
    Io(#[from] std::io::Error),
    /// The database let us down.
    #[error("the index of the object store cannot be read or written")]
    Db(#[from] db::Error),
}

/// The object store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Objects {
    layout: Arc<Layout>,
    clock: Clock,
    random: Random,
}

impl Objects {
    /// Opens the store in `root`, which is made if missing, and clears what an earlier process left half-written.
    /// Blocks: call it at boot.
    pub fn open(root: &Path, clock: Clock, random: Random) -> Result<Self, Error> {
        let layout = Layout::open(root)?;
        Ok(Self { layout: Arc::new(layout), clock, random })
    }

    /// Begins to take in objects. The handle blocks on the disk: use it on a blocking thread.
    pub fn stage(&self) -> Staging {
        Staging::new(Arc::clone(&self.layout), &self.clock, &self.random)
    }

    /// Writes the rows of what was staged. The bytes are on disk already; they can be read once `tx` commits and
    /// a room has linked them.
    pub async fn register(&self, tx: &mut Tx, staged: &Staged) -> Result<(), Error> {
        Ok(store::register(tx, staged, self.clock.now()).await?)
    }

    /// The bytes of one object of at most [`MAX_WHOLE_BYTES`], hashed before they are handed out.
    pub async fn read(&self, tx: &mut Tx, id: ObjectId) -> Result<Vec<u8>, Error> {
        let places = self.find(tx, &[id]).await?;
        let place = places.get(&id).cloned().ok_or(Error::Missing(id))?;
        self.read_at(id, place).await
    }

    /// Where the given objects lie, with their sizes; those that are not held are left out.
    pub async fn find(
        &self,
        tx: &mut Tx,
        ids: &[ObjectId],
    ) -> Result<HashMap<ObjectId, Place>, Error> {
        Ok(store::places(tx, ids).await?)
    }

    /// The bytes at `place`, hashed before they are handed out.
    pub async fn read_at(&self, id: ObjectId, place: Place) -> Result<Vec<u8>, Error> {
        if place.size > MAX_WHOLE_BYTES {
            return Err(Error::TooLarge { id, size: place.size });
        }
        let layout = Arc::clone(&self.layout);
        blocking(move || read_whole(&layout, id, &place)).await
    }

    /// Checks an object of any size by its bytes, and hands out its pieces in order: `each` is called on a
    /// blocking thread only after the whole object has been verified, and stops the walk by answering `false`.
    pub async fn stream(
        &self,
        id: ObjectId,
        place: Place,
        mut each: impl FnMut(Vec<u8>) -> bool + Send + 'static,
    ) -> Result<(), Error> {
        let layout = Arc::clone(&self.layout);
        blocking(move || {
            let file = File::open(layout.file_of(id, &place))?;
            let mut hasher = Hasher::default();
            pieces(&file, &place, |piece| {
                hasher.update(&piece);
                true
            })?;
            if ObjectId::from_bytes(hasher.finish()) != id {
                return Err(damaged(id, &place));
            }
            pieces(&file, &place, &mut each)
        })
        .await
    }

    /// Proves that the store can be written and read: a small file there and back.
    pub async fn probe(&self) -> Result<(), Error> {
        let (layout, nonce) = (Arc::clone(&self.layout), self.random.bytes::<16>());
        blocking(move || layout.probe(&nonce)).await
    }

    /// Free and total bytes of the file system that holds the store.
    pub fn space(&self) -> Result<(u64, u64), Error> {
        Ok(self.layout.space()?)
    }

    /// The directory of the store.
    pub fn root(&self) -> PathBuf {
        self.layout.root().to_owned()
    }
}

fn read_whole(layout: &Layout, id: ObjectId, place: &Place) -> Result<Vec<u8>, Error> {
    let length = usize::try_from(place.size).unwrap_or(usize::MAX);
    let mut bytes = vec![0; length];
    let file = File::open(layout.file_of(id, place))?;
    match file.read_exact_at(&mut bytes, place.position) {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Err(damaged(id, place)),
        Err(error) => Err(error.into()),
        Ok(()) if ObjectId::of(&bytes) != id => Err(damaged(id, place)),
        Ok(()) => Ok(bytes),
    }
}

fn pieces(file: &File, place: &Place, mut each: impl FnMut(Vec<u8>) -> bool) -> Result<(), Error> {
    let mut done = 0;
    while done < place.size {
        let length = usize::try_from(place.size - done).unwrap_or(usize::MAX).min(PIECE_BYTES);
        let mut piece = vec![0; length];
        file.read_exact_at(&mut piece, place.position + done)?;
        done += length as u64;
        if !each(piece) {
            break;
        }
    }
    Ok(())
}

fn damaged(id: ObjectId, place: &Place) -> Error {
    tracing::error!(object = %id, ?place, "an object on disk does not have its hash; it was not served");
    Error::Corrupt(id)
}

/// Runs `work` where it may wait for the disk.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::Io(std::io::Error::other(error)))?
}

/// Reads everything from `source`, or fails once it is longer than `limit`.
pub(crate) fn read_to_limit(source: &mut File, limit: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(limit as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
