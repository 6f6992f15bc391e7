//! Where bytes are kept: a local disk, or a bucket. What lies above knows names and bytes and not which of the two.

use std::{
    fs::{self, File},
    io,
    ops::Range,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use names::{Hasher, ObjectId, Random, UnixMillis};
use tokio::io::AsyncWriteExt as _;
use uuid::Uuid;

use crate::{
    Error, Place,
    address::Address,
    blocking,
    bucket::{Bucket, BucketError},
    cache::Cache,
    disk::Disk,
};

/// Parcels of one upload that go to a bucket at once: the segment and a few large objects.
const UPLOADS: usize = 4;

/// Something that is kept, as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Its name; not always one that the store gave.
    pub(crate) name: String,
    pub(crate) bytes: u64,
    pub(crate) modified: UnixMillis,
}

/// A synced file that is to get its name.
#[derive(Debug, Clone)]
pub(crate) struct Parcel {
    pub(crate) file: PathBuf,
    pub(crate) address: Address,
    pub(crate) bytes: u64,
}

/// Where bytes are kept.
#[derive(Debug)]
pub(crate) enum Depot {
    Disk(Disk),
    Bucket { bucket: Bucket, cache: Cache, tmp: Arc<Path>, random: Random },
}

/// The bytes of one object, in a file of this machine; not yet hashed.
#[derive(Debug)]
pub(crate) struct AtHand {
    file: File,
    position: u64,
    size: u64,
}

impl AtHand {
    /// Bytes from `start` within the object. Ending early is an error. Blocks.
    pub(crate) fn read(&self, buffer: &mut [u8], start: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, self.position + start)
    }

    pub(crate) const fn size(&self) -> u64 {
        self.size
    }
}

impl Depot {
    /// Gives the parcels their names, durably. After an error some may have theirs.
    pub(crate) async fn adopt(self: &Arc<Self>, parcels: Vec<Parcel>) -> Result<(), Error> {
        match self.as_ref() {
            Self::Disk(_) => {
                self.on_disk(move |disk| {
                    disk.adopt(parcels.iter().map(|it| (it.file.as_path(), &it.address)))
                })
                .await
            }
            Self::Bucket { .. } => {
                let sent = parcels.into_iter().map(|parcel| self.send(parcel));
                stream::iter(sent).buffer_unordered(UPLOADS).try_collect().await
            }
        }
    }

    /// Puts one parcel into the bucket; a file of its own is likely to be asked for soon, and goes to the cache.
    async fn send(self: &Arc<Self>, parcel: Parcel) -> Result<(), Error> {
        let Self::Bucket { bucket, .. } = self.as_ref() else { return Ok(()) };
        let Parcel { file, address, bytes } = parcel;
        let digest = match &address {
            Address::File { id, .. } => Some(*id.as_bytes()),
            Address::Segment(_) | Address::Quarantine(_) => None,
        };
        bucket.put(&address.to_string(), &file, bytes, digest).await?;
        self.in_cache(move |cache| match address {
            Address::File { id, .. } => cache.admit(id, &file, bytes),
            Address::Segment(_) | Address::Quarantine(_) => fs::remove_file(file),
        })
        .await
    }

    /// Hands an object, in a file whose bytes are not checked, to `work` on a blocking thread. One trip there and back
    /// on a disk: it costs as much as reading a small object.
    pub(crate) async fn fetch_for<T: Send + 'static>(
        self: &Arc<Self>,
        id: ObjectId,
        place: &Place,
        work: impl FnOnce(AtHand) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        match self.as_ref() {
            Self::Disk(_) => {
                let (address, position, size) =
                    (Address::of(id, place), place.position, place.size);
                let depot = Arc::clone(self);
                blocking(move || {
                    let Self::Disk(disk) = depot.as_ref() else { return Err(no_disk()) };
                    work(AtHand { file: File::open(disk.path(&address))?, position, size })
                })
                .await
            }
            Self::Bucket { .. } => {
                let at_hand = self.fetch(id, place).await?;
                blocking(move || work(at_hand)).await
            }
        }
    }

    /// The bytes of an object, in a file. They are not checked.
    pub(crate) async fn fetch(
        self: &Arc<Self>,
        id: ObjectId,
        place: &Place,
    ) -> Result<AtHand, Error> {
        let (address, position, size) = (Address::of(id, place), place.position, place.size);
        match self.as_ref() {
            Self::Disk(_) => {
                self.on_disk(move |disk| {
                    Ok(AtHand { file: File::open(disk.path(&address))?, position, size })
                })
                .await
            }
            Self::Bucket { .. } => {
                match self.in_cache(move |cache| Ok(cache.get(id, size))).await? {
                    Some(file) => Ok(AtHand { file, position: 0, size }),
                    None => self.download(id, address, position..position + size).await,
                }
            }
        }
    }

    /// Brings an object here, hashed in passing. What has the right hash goes to the cache.
    async fn download(
        self: &Arc<Self>,
        id: ObjectId,
        address: Address,
        range: Range<u64>,
    ) -> Result<AtHand, Error> {
        let Self::Bucket { bucket, tmp, random, .. } = self.as_ref() else {
            return Err(no_disk());
        };
        let (size, key) = (range.end - range.start, address.to_string());
        let part = Part(tmp.join(format!("part-{}", Uuid::from_bytes(random.bytes()))));
        let mut file = tokio::fs::File::create_new(&part.0).await?;
        let mut pieces = bucket.get(&key, Some(range)).await.map_err(as_gone)?;
        let mut hasher = Hasher::default();
        while let Some(piece) = pieces.try_next().await.map_err(as_gone)? {
            hasher.update(&piece);
            file.write_all(&piece).await?;
        }
        file.flush().await?;
        drop(file);
        let is_right = ObjectId::from_bytes(hasher.finish()) == id;
        self.in_cache(move |cache| {
            let file = File::open(&part.0)?;
            if is_right {
                cache.admit(id, &part.0, size)?;
            }
            Ok(AtHand { file, position: 0, size })
        })
        .await
    }

    /// Bytes that lie together in one object, without the rest of it. They are not checked.
    pub(crate) async fn range(
        self: &Arc<Self>,
        id: ObjectId,
        place: &Place,
        range: Range<u64>,
    ) -> Result<Vec<u8>, Error> {
        let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let size = place.size;
        let at_hand = match self.as_ref() {
            Self::Disk(_) => Some(self.fetch(id, place).await?),
            Self::Bucket { .. } => {
                let cached = self.in_cache(move |cache| Ok(cache.get(id, size))).await?;
                cached.map(|file| AtHand { file, position: 0, size })
            }
        };
        if let Some(file) = at_hand {
            return blocking(move || {
                let mut bytes = vec![0; length];
                Ok(file.read(&mut bytes, range.start).map(|()| bytes)?)
            })
            .await;
        }
        self.span(Address::of(id, place), place.position + range.start..place.position + range.end)
            .await
    }

    /// Bytes of something stored, whatever objects lie in them. They are not checked.
    pub(crate) async fn span(
        self: &Arc<Self>,
        address: Address,
        range: Range<u64>,
    ) -> Result<Vec<u8>, Error> {
        let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let bucket = match self.as_ref() {
            Self::Disk(_) => {
                return self
                    .on_disk(move |disk| {
                        let mut bytes = vec![0; length];
                        let file = File::open(disk.path(&address))?;
                        file.read_exact_at(&mut bytes, range.start)?;
                        Ok(bytes)
                    })
                    .await;
            }
            Self::Bucket { bucket, .. } => bucket,
        };
        let mut pieces = bucket.get(&address.to_string(), Some(range)).await.map_err(as_gone)?;
        let mut bytes = Vec::with_capacity(length);
        while let Some(piece) = pieces.try_next().await.map_err(as_gone)? {
            bytes.extend_from_slice(&piece);
        }
        if bytes.len() == length {
            Ok(bytes)
        } else {
            Err(io::Error::from(io::ErrorKind::UnexpectedEof).into())
        }
    }

    pub(crate) async fn remove(self: &Arc<Self>, addresses: Vec<Address>) -> Result<(), Error> {
        match self.as_ref() {
            Self::Disk(_) => {
                self.on_disk(move |disk| addresses.iter().try_for_each(|it| disk.remove(it))).await
            }
            Self::Bucket { bucket, .. } => {
                let keys: Vec<_> = addresses.iter().map(ToString::to_string).collect();
                Ok(bucket.delete(&keys).await?)
            }
        }
    }

    /// Gives what has a name another one; that it has it already, or is gone, is fine.
    pub(crate) async fn rename(self: &Arc<Self>, from: Address, to: Address) -> Result<(), Error> {
        match self.as_ref() {
            Self::Disk(_) => self.on_disk(move |disk| disk.rename(&from, &to)).await,
            Self::Bucket { bucket, .. } => {
                match bucket.rename(&from.to_string(), &to.to_string()).await {
                    Err(BucketError::Missing { .. }) => Ok(()),
                    outcome => Ok(outcome?),
                }
            }
        }
    }

    /// The length of what has the name, if anything does.
    pub(crate) async fn size(self: &Arc<Self>, address: Address) -> Result<Option<u64>, Error> {
        match self.as_ref() {
            Self::Disk(_) => self.on_disk(move |disk| disk.size(&address)).await,
            Self::Bucket { bucket, .. } => Ok(bucket.head(&address.to_string()).await?),
        }
    }

    /// What is in `dir`, in order of the names, after `after`.
    pub(crate) async fn list(
        self: &Arc<Self>,
        dir: String,
        after: Option<String>,
        limit: usize,
    ) -> Result<Vec<Listed>, Error> {
        match self.as_ref() {
            Self::Disk(_) => {
                self.on_disk(move |disk| disk.list(&dir, after.as_deref(), limit)).await
            }
            Self::Bucket { bucket, .. } => {
                let found = bucket.list(&format!("{dir}/"), after.as_deref(), limit).await?;
                let listed = found.into_iter().map(|it| Listed {
                    name: it.key,
                    bytes: it.bytes,
                    modified: it.modified,
                });
                Ok(listed.collect())
            }
        }
    }

    /// Proves that bytes can be written and read.
    pub(crate) async fn probe(self: &Arc<Self>, nonce: [u8; 16]) -> Result<(), Error> {
        match self.as_ref() {
            Self::Disk(_) => self.on_disk(move |disk| disk.probe(&nonce)).await,
            Self::Bucket { bucket, .. } => Ok(bucket.probe(&nonce).await?),
        }
    }

    async fn on_disk<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Disk) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let depot = Arc::clone(self);
        blocking(move || match depot.as_ref() {
            Self::Disk(disk) => Ok(work(disk)?),
            Self::Bucket { .. } => Err(no_disk()),
        })
        .await
    }

    async fn in_cache<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Cache) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let depot = Arc::clone(self);
        blocking(move || match depot.as_ref() {
            Self::Bucket { cache, .. } => Ok(work(cache)?),
            Self::Disk(_) => Err(no_disk()),
        })
        .await
    }
}

/// A file that is being written; removed when this is dropped, unless it has another name by then.
#[derive(Debug)]
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(part = ?self.0, %error, "a temporary file could not be removed");
            }
            _ => {}
        }
    }
}

/// A key that is not there is what a file is that is not there.
fn as_gone(error: BucketError) -> Error {
    match error {
        BucketError::Missing { .. } => io::Error::from(io::ErrorKind::NotFound).into(),
        other => other.into(),
    }
}

/// What never happens: work for one kind of depot has come to the other.
fn no_disk() -> Error {
    io::Error::from(io::ErrorKind::Unsupported).into()
}
