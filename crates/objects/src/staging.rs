//! Bytes on their way in.
//!
//! A [`Staging`] takes objects one after the other, hashes them in the same pass in which it writes them, and ends
//! in a [`Sealed`], whose files are synced and have no name yet. [`Objects::keep`](crate::Objects::keep) gives them
//! their names, which makes a [`Staged`]. Until a row names them they are litter that the orphan scan takes away;
//! dropping a `Staging` or a `Sealed` takes it away at once.

use std::{
    collections::{HashMap, hash_map::Entry},
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use names::{Clock, Hasher, Id, ObjectId, Random};
use uuid::Uuid;

use crate::{Error, address::Address, depot::Parcel, segment::SegmentWriter};

/// Objects up to this size lie in segments; larger ones are files of their own, which can be served in ranges and
/// removed alone (`spec/hub.md` 2).
const SEGMENT_MAX_OBJECT: usize = 64 << 10;
/// What is collected before it is handed to the file system.
pub(crate) const WRITE_BUFFER: usize = 1 << 20;

/// A segment as a row wants it.
#[derive(Debug, Clone)]
pub(crate) struct StagedSegment {
    pub(crate) id: Uuid,
    pub(crate) bytes: u64,
    pub(crate) digest: [u8; 32],
}

/// One staged object and where it lies: in a segment, or as a file of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StagedObject {
    pub(crate) id: ObjectId,
    pub(crate) size: u64,
    pub(crate) position: u64,
    /// The segment, or which copy of the file.
    pub(crate) copy: Uuid,
    pub(crate) in_segment: bool,
}

/// Objects whose bytes are durable and have their names, and which no row names yet.
#[derive(Debug, Clone, Default)]
pub struct Staged {
    pub(crate) segment: Option<StagedSegment>,
    pub(crate) objects: Vec<StagedObject>,
}

impl Staged {
    /// The objects and their sizes in bytes, each once.
    pub fn objects(&self) -> impl Iterator<Item = (ObjectId, u64)> {
        self.objects.iter().map(|object| (object.id, object.size))
    }

    /// The sum of the sizes.
    pub fn bytes(&self) -> u64 {
        self.objects.iter().map(|object| object.size).sum()
    }
}

/// Objects whose bytes are synced in files without names. Dropping it removes them.
#[derive(Debug, Default)]
pub struct Sealed {
    pub(crate) parcels: Vec<Parcel>,
    staged: Staged,
}

impl Sealed {
    /// The objects and their sizes in bytes, each once.
    pub fn objects(&self) -> impl Iterator<Item = (ObjectId, u64)> {
        self.staged.objects()
    }

    /// Whether nothing was taken.
    pub fn is_empty(&self) -> bool {
        self.staged.objects.is_empty()
    }

    /// What this becomes once the parcels have their names.
    pub(crate) fn into_staged(mut self) -> Staged {
        self.parcels.clear();
        std::mem::take(&mut self.staged)
    }
}

impl Drop for Sealed {
    fn drop(&mut self) {
        // What has its name already is no longer here; it is the orphan scan's.
        self.parcels.iter().for_each(|parcel| discard(&parcel.file));
    }
}

/// The object that is being taken in.
pub(crate) struct Current {
    pub(crate) hasher: Hasher,
    pub(crate) size: u64,
    /// What has come so far, while it fits in a segment.
    pub(crate) small: Vec<u8>,
    /// The file, once it does not.
    pub(crate) large: Option<(PathBuf, BufWriter<File>)>,
    /// Whether the file stays if the object does not come to its end.
    pub(crate) is_kept: bool,
}

/// Takes objects in. Blocks on the disk.
pub struct Staging {
    tmp: Arc<Path>,
    /// Names the segment, and the copies in files of their own.
    copy: Uuid,
    segment: Option<SegmentWriter<BufWriter<File>>>,
    pub(crate) current: Option<Current>,
    pub(crate) large: HashMap<ObjectId, (PathBuf, u64)>,
    small: HashMap<ObjectId, u64>,
}

impl std::fmt::Debug for Staging {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Staging").field("taken", &self.len()).finish_non_exhaustive()
    }
}

impl Staging {
    pub(crate) fn new(tmp: Arc<Path>, clock: &Clock, random: &Random) -> Self {
        Self {
            tmp,
            copy: Id::<Self>::new(clock.now(), random).uuid(),
            segment: None,
            current: None,
            large: HashMap::new(),
            small: HashMap::new(),
        }
    }

    /// Takes one whole object.
    pub fn add(&mut self, bytes: &[u8]) -> Result<ObjectId, Error> {
        self.begin();
        self.write(bytes)?;
        self.end()
    }

    /// Begins an object whose bytes come in pieces. What was begun and not ended is forgotten.
    pub fn begin(&mut self) {
        self.forget_current();
        self.current = Some(Current {
            hasher: Hasher::default(),
            size: 0,
            small: Vec::new(),
            large: None,
            is_kept: false,
        });
    }

    /// The next piece of the object that was begun.
    pub fn write(&mut self, piece: &[u8]) -> Result<(), Error> {
        let Some(current) = &mut self.current else { return Ok(()) };
        current.hasher.update(piece);
        current.size += piece.len() as u64;
        if let Some((_, file)) = &mut current.large {
            return Ok(file.write_all(piece)?);
        }
        if current.small.len() + piece.len() <= SEGMENT_MAX_OBJECT {
            current.small.extend_from_slice(piece);
            return Ok(());
        }
        let path = self.tmp.join(format!("{}-{}", self.copy, self.large.len()));
        let mut file = BufWriter::with_capacity(WRITE_BUFFER, File::create(&path)?);
        file.write_all(&current.small)?;
        file.write_all(piece)?;
        current.small = Vec::new();
        current.large = Some((path, file));
        Ok(())
    }

    /// Ends the object and names it by its bytes.
    pub fn end(&mut self) -> Result<ObjectId, Error> {
        let Some(current) = self.current.take() else { return Ok(ObjectId::EMPTY) };
        let id = ObjectId::from_bytes(current.hasher.finish());
        if let Some((path, file)) = current.large {
            match self.large.entry(id) {
                Entry::Occupied(_) => discard(&path),
                Entry::Vacant(entry) => {
                    // Kept before it is flushed and synced: what fails here is discarded with the rest.
                    entry.insert((path, current.size));
                    file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_data()?;
                }
            }
        } else if self.small.insert(id, current.size).is_none() {
            self.segment()?.add(id, &current.small)?;
        }
        Ok(id)
    }

    /// Number of different objects taken so far.
    pub fn len(&self) -> usize {
        self.small.len() + self.large.len()
    }

    /// Whether nothing was taken.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Syncs everything.
    pub fn finish(mut self) -> Result<Sealed, Error> {
        self.forget_current();
        let mut sealed = Sealed::default();
        if let Some(writer) = self.segment.take() {
            // Handed over first, so that it is removed with the rest if what follows fails.
            let (file, address) = (self.segment_tmp(), Address::Segment(self.copy));
            sealed.parcels.push(Parcel { file, address, bytes: 0 });
            let done = writer.finish()?;
            done.to.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_data()?;
            if let Some(parcel) = sealed.parcels.last_mut() {
                parcel.bytes = done.bytes;
            }
            sealed.staged.objects.extend(done.entries.iter().map(|entry| StagedObject {
                id: entry.id,
                size: u64::from(entry.size),
                position: entry.position,
                copy: self.copy,
                in_segment: true,
            }));
            let (bytes, digest) = (done.bytes, done.digest);
            sealed.staged.segment = Some(StagedSegment { id: self.copy, bytes, digest });
        }
        for (id, (file, size)) in std::mem::take(&mut self.large) {
            let address = Address::File { id, copy: self.copy };
            sealed.parcels.push(Parcel { file, address, bytes: size });
            let of_its_own =
                StagedObject { id, size, position: 0, copy: self.copy, in_segment: false };
            sealed.staged.objects.push(of_its_own);
        }
        Ok(sealed)
    }

    fn segment_tmp(&self) -> PathBuf {
        self.tmp.join(format!("{}.seg", self.copy))
    }

    fn segment(&mut self) -> Result<&mut SegmentWriter<BufWriter<File>>, Error> {
        if self.segment.is_none() {
            let file = File::create_new(self.segment_tmp())?;
            self.segment =
                Some(SegmentWriter::begin(BufWriter::with_capacity(WRITE_BUFFER, file))?);
        }
        self.segment
            .as_mut()
            .ok_or_else(|| std::io::Error::other("the segment was just begun").into())
    }

    pub(crate) fn forget_current(&mut self) {
        if let Some(Current { large: Some((path, _)), is_kept: false, .. }) = self.current.take() {
            discard(&path);
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        self.forget_current();
        if self.segment.take().is_some() {
            discard(&self.segment_tmp());
        }
        // A part is gone on with, also one that had come to its end.
        let is_part = |path: &Path| path.parent().is_some_and(|it| it.ends_with("parts"));
        for (path, _) in self.large.values().filter(|(path, _)| !is_part(path)) {
            discard(path);
        }
    }
}

/// Removes litter. What cannot be removed now goes at the next boot.
fn discard(path: &Path) {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(?path, %error, "a temporary file could not be removed");
        }
        _ => {}
    }
}
