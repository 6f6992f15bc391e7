//! `.muse/motet/base`: the files of the snapshot that the working copy was last compared with, in a form that is read
//! faster than the record.
//!
//! Like the index a hint and never the truth: it is believed only whole, in our form, and only for the snapshot whose
//! id it holds. It is made from a record that was checked.

use names::{Hasher, ObjectId, SnapshotId};

use super::{Result, WorkingCopy, WorktreeError};
use crate::Manifest;

pub(super) const FILE: &str = "motet/base";
const MAGIC: &[u8; 8] = b"MOTETBS1";
/// A million paths of middling length.
const MAX_BYTES: u64 = 256 << 20;
const ID_BYTES: usize = 32;
/// Fewer files than these are read from the record as fast.
const MIN_FILES: usize = 256;

fn encode(id: &SnapshotId, manifest: &Manifest) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(id.as_bytes());
    for (path, object) in manifest {
        let bytes = path.as_str().as_bytes();
        // A path has at most 4,096 bytes.
        out.extend_from_slice(&u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_le_bytes());
        out.extend_from_slice(bytes);
        out.extend_from_slice(object.as_bytes());
    }
    let digest = digest(&out);
    out.extend_from_slice(&digest);
    out
}

/// The files of a snapshot, as they stand on disk.
pub(super) struct Base {
    bytes: Vec<u8>,
}

impl Base {
    /// None for bytes that are damaged, of another form, or of another snapshot.
    fn decode(bytes: Vec<u8>, id: &SnapshotId) -> Option<Self> {
        let (body, claimed) = bytes.split_at_checked(bytes.len().checked_sub(ID_BYTES)?)?;
        if digest(body) != claimed {
            return None;
        }
        let mut files = Files(body.strip_prefix(MAGIC)?.strip_prefix(id.as_bytes().as_slice())?);
        files.by_ref().for_each(drop);
        if files.0.is_empty() { Some(Self { bytes }) } else { None }
    }

    /// Its files, by path.
    pub(super) fn files(&self) -> Files<'_> {
        let end = self.bytes.len().saturating_sub(ID_BYTES);
        Files(self.bytes.get(MAGIC.len() + ID_BYTES..end).unwrap_or_default())
    }
}

/// Walks through the files.
pub(super) struct Files<'a>(&'a [u8]);

impl<'a> Iterator for Files<'a> {
    type Item = (&'a str, ObjectId);

    fn next(&mut self) -> Option<(&'a str, ObjectId)> {
        let (length, rest) = self.0.split_first_chunk()?;
        let (path, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
        let (object, rest) = rest.split_first_chunk()?;
        let path = std::str::from_utf8(path).ok()?;
        self.0 = rest;
        Some((path, ObjectId::from_bytes(*object)))
    }
}

fn digest(bytes: &[u8]) -> [u8; ID_BYTES] {
    let mut hasher = Hasher::default();
    hasher.update(bytes);
    hasher.finish()
}

impl WorkingCopy {
    /// The files of a snapshot that the working copy is compared with, kept for the next time.
    pub(super) fn base(&self, id: &SnapshotId) -> Result<Base> {
        // One that cannot be read is made again like one that is damaged.
        let bytes = self.read_file(FILE, MAX_BYTES).unwrap_or_default().unwrap_or_default();
        if let Some(base) = Base::decode(bytes, id) {
            return Ok(base);
        }
        let record = self.snapshot(id)?.ok_or(WorktreeError::MissingSnapshot(*id))?;
        self.keep_base(id, &record.manifest)?;
        Ok(Base { bytes: encode(id, &record.manifest) })
    }

    /// Keeps the files of a snapshot for the next comparison.
    pub(super) fn keep_base(&self, id: &SnapshotId, manifest: &Manifest) -> Result<()> {
        if manifest.len() < MIN_FILES {
            return Ok(());
        }
        self.put_hint(FILE, &encode(id, manifest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_believed_whole_and_for_its_snapshot_alone() {
        let manifest: Manifest = ["a", "größe/b", "c"]
            .map(|path| (path.parse().unwrap(), ObjectId::of(path.as_bytes())))
            .into();
        let id = crate::snapshot_id(&manifest);
        let bytes = encode(&id, &manifest);
        let read = |bytes: &[u8], id| Base::decode(bytes.to_vec(), id);
        let base = read(&bytes, &id).unwrap();
        let files: Vec<_> =
            manifest.iter().map(|(path, object)| (path.as_str(), *object)).collect();
        assert_eq!(base.files().collect::<Vec<_>>(), files);
        let other = crate::snapshot_id(&Manifest::new());
        assert!(read(&bytes, &other).is_none());
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1;
            assert!(read(&other, &id).is_none(), "byte {at}");
            assert!(read(&bytes[..at], &id).is_none(), "{at} bytes");
        }
    }
}
