//! The format of a segment: small objects of one upload lie in one file, so that an upload is synced once and not
//! once an object (`spec/hub.md` 2).
//!
//! All numbers are big-endian.
//!
//! | part    | bytes                                                                             |
//! |---------|-----------------------------------------------------------------------------------|
//! | head    | `MOTETSEG1` LF                                                                      |
//! | entries | each: id (32), flags (1, zero), raw length (u32), stored length (u32), the bytes     |
//! | index   | sorted by id, each: id (32), offset of the bytes (u64), stored length (u32), flags (1) |
//! | foot    | offset of the index (u64), number of entries (u32), SHA-256 of everything before (32) |

use std::io::{self, Write};

use names::{Hasher, ObjectId};

const HEAD: &[u8; 10] = b"MOTETSEG1\n";
/// No flag is defined yet; a packed entry will say so here.
const NO_FLAGS: u8 = 0;

/// Where an object lies in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: ObjectId,
    /// Offset of the object's bytes in the file.
    pub(crate) position: u64,
    /// Number of bytes.
    pub(crate) size: u32,
}

/// A segment being written.
#[derive(Debug)]
pub(crate) struct SegmentWriter<W> {
    to: W,
    hasher: Hasher,
    written: u64,
    entries: Vec<Entry>,
}

impl<W: Write> SegmentWriter<W> {
    pub(crate) fn begin(to: W) -> io::Result<Self> {
        let mut writer = Self { to, hasher: Hasher::default(), written: 0, entries: Vec::new() };
        writer.put(HEAD)?;
        Ok(writer)
    }

    pub(crate) fn add(&mut self, id: ObjectId, bytes: &[u8]) -> io::Result<()> {
        let size = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        self.put(id.as_bytes())?;
        self.put(&[NO_FLAGS])?;
        self.put(&size.to_be_bytes())?;
        self.put(&size.to_be_bytes())?;
        self.entries.push(Entry { id, position: self.written, size });
        self.put(bytes)
    }

    /// Writes index and foot; gives the writer back with the entries, the length and the digest of the whole.
    pub(crate) fn finish(mut self) -> io::Result<Finished<W>> {
        let index_at = self.written;
        let count = u32::try_from(self.entries.len()).map_err(io::Error::other)?;
        let mut entries = std::mem::take(&mut self.entries);
        entries.sort_unstable_by_key(|entry| entry.id);
        for entry in &entries {
            self.put(entry.id.as_bytes())?;
            self.put(&entry.position.to_be_bytes())?;
            self.put(&entry.size.to_be_bytes())?;
            self.put(&[NO_FLAGS])?;
        }
        self.put(&index_at.to_be_bytes())?;
        self.put(&count.to_be_bytes())?;
        let digest = self.hasher.finish();
        self.to.write_all(&digest)?;
        Ok(Finished { to: self.to, entries, bytes: self.written + digest.len() as u64, digest })
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.written += bytes.len() as u64;
        self.to.write_all(bytes)
    }
}

/// A whole segment.
#[derive(Debug)]
pub(crate) struct Finished<W> {
    pub(crate) to: W,
    pub(crate) entries: Vec<Entry>,
    pub(crate) bytes: u64,
    pub(crate) digest: [u8; 32],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_tells_where_its_objects_are() {
        let mut writer = SegmentWriter::begin(Vec::new()).unwrap();
        for bytes in [&b"one"[..], b"", b"three"] {
            writer.add(ObjectId::of(bytes), bytes).unwrap();
        }
        let done = writer.finish().unwrap();
        assert_eq!(done.bytes, done.to.len() as u64);
        assert!(done.entries.is_sorted_by_key(|entry| entry.id));
        for entry in &done.entries {
            let from = usize::try_from(entry.position).unwrap();
            let bytes = &done.to[from..from + entry.size as usize];
            assert_eq!(ObjectId::of(bytes), entry.id);
        }
        let (before, digest) = done.to.split_at(done.to.len() - 32);
        assert_eq!(ObjectId::of(before).as_bytes(), digest);
        assert_eq!(digest, done.digest);
    }
}
