//! Bytes on their way into the bucket: at once up to 64 MiB, else in parts (`spec/hub.md` 2).
//!
//! The library wants what it sends in memory, because it may have to send it again. So memory is bounded for all
//! uploads of a bucket together, and does not depend on the size of a file: one that is put at once holds its own
//! length, one that goes in parts holds [`PARTS_AT_ONCE`] parts.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
    sync::Arc,
};

use egress::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use names::Hasher;
use object_store::{
    MultipartUpload, ObjectStore as _, PutMode, PutMultipartOptions, PutOptions, PutPayload,
    UploadPart, path::Path as Location,
};
use tokio::{runtime::Handle, sync::OwnedSemaphorePermit, task::spawn_blocking};

use super::{
    Bucket, BucketError,
    failure::{explain, is_there_already},
};

const MIB: u64 = 1 << 20;
/// Larger files go in parts.
pub(super) const AT_ONCE_BYTES: u64 = 64 * MIB;
/// A part. Stores want 5 MiB or more; large enough that hashing and sending outweigh the request.
const PART_BYTES: u64 = 8 * MIB;
/// No upload may have more parts.
const MAX_PARTS: u64 = 10_000;
/// Parts of one file that are under way at the same time: the line is full, memory is not.
const PARTS_AT_ONCE: usize = 4;
/// What all uploads of a bucket hold in memory: one file that is put at once and another in parts.
pub(super) const MEMORY_MIB: usize = 96;
/// A piece of what is sent: each that goes out shows that the connection moves.
const PIECE_BYTES: u64 = 256 << 10;

impl Bucket {
    /// Puts `bytes` bytes of `file` under `key` and looks whether they are there. A key that is there already with as
    /// many bytes is success: keys are named by their content or used once. With `sha256` a file that changed is
    /// refused before it counts.
    ///
    /// Goes on to its end if nobody waits for it any more, so that parts are joined or given up.
    pub(crate) async fn put(
        &self,
        key: &str,
        file: &Path,
        bytes: u64,
        sha256: Option<[u8; 32]>,
    ) -> Result<(), BucketError> {
        let location = self.location(key)?;
        let memory = self.reserve(bytes).await?;
        let (bucket, key, file) = (self.clone(), key.to_owned(), file.to_owned());
        let runtime = Handle::current();
        // Reading blocks, and so does hashing, which the library does before it sends.
        let upload = spawn_blocking(move || {
            let source = Source::open(&file, bytes, sha256)?;
            let upload = Upload { bucket, key, location, bytes };
            let done = runtime.block_on(upload.run(source));
            drop(memory);
            done
        });
        upload.await.map_err(|error| BucketError::File(io::Error::other(error)))?
    }

    async fn reserve(&self, bytes: u64) -> Result<OwnedSemaphorePermit, BucketError> {
        let held = if bytes <= AT_ONCE_BYTES {
            bytes
        } else {
            part_bytes(bytes).saturating_mul(PARTS_AT_ONCE as u64)
        };
        let most = u32::try_from(MEMORY_MIB).unwrap_or(u32::MAX);
        let mib = u32::try_from(held.div_ceil(MIB)).unwrap_or(most).clamp(1, most);
        let reserved = Arc::clone(&self.0.memory).acquire_many_owned(mib).await;
        reserved.map_err(|closed| BucketError::File(io::Error::other(closed)))
    }
}

/// How large the parts of a file are.
const fn part_bytes(bytes: u64) -> u64 {
    let least = bytes.div_ceil(MAX_PARTS);
    if least > PART_BYTES { least } else { PART_BYTES }
}

/// One file on its way.
struct Upload {
    bucket: Bucket,
    key: String,
    location: Location,
    bytes: u64,
}

impl Upload {
    async fn run(&self, source: Source) -> Result<(), BucketError> {
        if self.bytes <= AT_ONCE_BYTES {
            self.at_once(source).await?;
        } else if self.bucket.head(&self.key).await?.is_none() {
            self.in_parts(source).await?;
        }
        self.bucket.confirm(&self.key, self.bytes).await
    }

    async fn at_once(&self, mut source: Source) -> Result<(), BucketError> {
        let payload = source.take(self.bytes)?;
        source.finish(&self.key)?;
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.bucket.0.store.put_opts(&self.location, payload, options).await {
            Err(error) if !is_there_already(&error) => Err(self.explain(&error)),
            _ => Ok(()),
        }
    }

    async fn in_parts(&self, source: Source) -> Result<(), BucketError> {
        let options = PutMultipartOptions::default();
        let upload = self.bucket.0.store.put_multipart_opts(&self.location, options).await;
        let mut upload = upload.map_err(|error| self.explain(&error))?;
        let sent = self.send_parts(upload.as_mut(), source).await;
        if sent.is_err() {
            // The parts that have arrived cost room until they are given up. A store that cannot be told is cleared by
            // its own rule (`docs/operating.md`), and the first error is the one that counts.
            if let Err(error) = upload.abort().await {
                let error = self.explain(&error);
                tracing::warn!(%error, "parts of an upload are left in the bucket");
            }
        }
        sent
    }

    async fn send_parts(
        &self,
        upload: &mut dyn MultipartUpload,
        mut source: Source,
    ) -> Result<(), BucketError> {
        let part_bytes = part_bytes(self.bytes);
        let mut under_way = FuturesUnordered::<UploadPart>::new();
        let mut left = self.bytes;
        while left > 0 {
            if under_way.len() == PARTS_AT_ONCE
                && let Some(sent) = under_way.next().await
            {
                sent.map_err(|error| self.explain(&error))?;
            }
            let length = left.min(part_bytes);
            under_way.push(upload.put_part(source.take(length)?));
            left -= length;
        }
        source.finish(&self.key)?;
        while let Some(sent) = under_way.next().await {
            sent.map_err(|error| self.explain(&error))?;
        }
        upload.complete().await.map_err(|error| self.explain(&error))?;
        Ok(())
    }

    fn explain(&self, error: &object_store::Error) -> BucketError {
        explain(error, &self.key)
    }
}

/// The file, hashed while it is read.
struct Source {
    file: File,
    expected: Option<([u8; 32], Hasher)>,
}

impl Source {
    fn open(path: &Path, bytes: u64, sha256: Option<[u8; 32]>) -> Result<Self, BucketError> {
        let file = File::open(path)?;
        if file.metadata()?.len() != bytes {
            return Err(io::Error::other("it does not have the length that it should have").into());
        }
        let expected = sha256.map(|sha256| (sha256, Hasher::default()));
        Ok(Self { file, expected })
    }

    /// The next `bytes` bytes.
    fn take(&mut self, bytes: u64) -> Result<PutPayload, BucketError> {
        let mut pieces = Vec::new();
        let mut left = bytes;
        while left > 0 {
            let length = left.min(PIECE_BYTES);
            let mut piece = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
            self.file.read_exact(&mut piece)?;
            if let Some((_, hasher)) = &mut self.expected {
                hasher.update(&piece);
            }
            pieces.push(Bytes::from(piece));
            left -= length;
        }
        Ok(pieces.into_iter().collect())
    }

    /// Whether all that was read has the hash that it should have.
    fn finish(self, key: &str) -> Result<(), BucketError> {
        let Some((expected, hasher)) = self.expected else { return Ok(()) };
        if hasher.finish() == expected {
            Ok(())
        } else {
            Err(BucketError::Damaged { key: key.to_owned() })
        }
    }
}
