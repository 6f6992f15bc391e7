//! `.muse/motet/index`: which content each file had when it was last read, so that an unchanged file need not be read
//! again (`spec/wire.md` 2).
//!
//! A hint and never the truth: it is believed only whole, in this place and in our form, and only for a file whose
//! size, inode and times are those that were noted. A file that changed within the second in which the index was
//! begun could change once more without showing it, and is read again.

use std::{
    collections::{BTreeMap, btree_map},
    iter::Peekable,
};

use names::{Hasher, ObjectId, RepoPath};

use super::{Result, WorkingCopy, dir::Stamp};

const FILE: &str = "motet/index";
const MAGIC: &[u8; 8] = b"MOTETIX1";
/// A million paths of middling length.
const MAX_BYTES: u64 = 512 << 20;
const DIGEST_BYTES: usize = 32;

/// What is known of files.
#[derive(Debug, Default, Clone)]
pub(super) struct Index {
    /// The second in which the files began to be read.
    second: i64,
    entries: BTreeMap<RepoPath, (Stamp, ObjectId)>,
}

impl Index {
    /// An index of these files.
    pub(super) fn of(second: i64, files: Vec<(RepoPath, (Stamp, ObjectId))>) -> Self {
        Self { second, entries: files.into_iter().collect() }
    }

    /// To look files up in their order.
    pub(super) fn reader(&self) -> IndexReader<'_> {
        IndexReader { second: self.second, entries: self.entries.iter().peekable() }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    fn encode(&self, place: u64) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&place.to_le_bytes());
        out.extend_from_slice(&self.second.to_le_bytes());
        out.extend_from_slice(&(self.entries.len() as u64).to_le_bytes());
        for (path, (stamp, object)) in &self.entries {
            let bytes = path.as_str().as_bytes();
            out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
            out.extend_from_slice(bytes);
            for number in [stamp.size_bytes, stamp.inode] {
                out.extend_from_slice(&number.to_le_bytes());
            }
            for (seconds, nanos) in [stamp.modified, stamp.changed] {
                out.extend_from_slice(&seconds.to_le_bytes());
                out.extend_from_slice(&nanos.to_le_bytes());
            }
            out.extend_from_slice(object.as_bytes());
        }
        let digest = digest(&out);
        out.extend_from_slice(&digest);
        out
    }

    /// None for bytes that are damaged, of another form, or of another place.
    fn decode(bytes: &[u8], place: u64) -> Option<Self> {
        let (body, claimed) = bytes.split_at_checked(bytes.len().checked_sub(DIGEST_BYTES)?)?;
        if digest(body) != claimed {
            return None;
        }
        let mut reader = Reader(body.strip_prefix(MAGIC)?);
        if reader.number()? != place {
            return None;
        }
        let second = reader.signed()?;
        let mut files = Vec::new();
        for _ in 0..reader.number()? {
            let length = usize::try_from(reader.number()?).ok()?;
            let path = std::str::from_utf8(reader.take(length)?).ok()?.parse().ok()?;
            let (size_bytes, inode) = (reader.number()?, reader.number()?);
            let modified = (reader.signed()?, reader.signed()?);
            let changed = (reader.signed()?, reader.signed()?);
            let object = ObjectId::from_bytes(reader.take(DIGEST_BYTES)?.try_into().ok()?);
            files.push((path, (Stamp { size_bytes, inode, modified, changed }, object)));
        }
        reader.0.is_empty().then(|| Self::of(second, files))
    }
}

/// Looks files up in their order, walking along.
#[derive(Debug)]
pub(super) struct IndexReader<'a> {
    second: i64,
    entries: Peekable<btree_map::Iter<'a, RepoPath, (Stamp, ObjectId)>>,
}

impl IndexReader<'_> {
    /// What a file with this stamp holds, if that is certain. Each path comes after those that were asked for before.
    pub(super) fn content(&mut self, path: &RepoPath, stamp: &Stamp) -> Option<ObjectId> {
        while self.entries.next_if(|(known, _)| *known < path).is_some() {}
        let (_, (noted, object)) = self.entries.next_if(|(known, _)| *known == path)?;
        (noted == stamp && stamp.is_older_than(self.second)).then_some(*object)
    }
}

fn digest(bytes: &[u8]) -> [u8; DIGEST_BYTES] {
    let mut hasher = Hasher::default();
    hasher.update(bytes);
    hasher.finish()
}

/// Reads from the front; every step fails instead of guessing.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn signed(&mut self) -> Option<i64> {
        Some(i64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }
}

impl WorkingCopy {
    /// The index, if there is one that can be believed.
    pub(super) fn index(&self) -> Result<Option<Index>> {
        // One that cannot be read is rebuilt like one that is damaged.
        let bytes = self.read_file(FILE, MAX_BYTES).unwrap_or_default().unwrap_or_default();
        Ok(Index::decode(&bytes, self.place()?))
    }

    /// Keeps the index. It may be lost in a crash, and is then rebuilt, so nobody waits for the disk.
    pub(super) fn write_index(&self, index: &Index) -> Result<()> {
        let bytes = index.encode(self.place()?);
        self.put_hint(FILE, &bytes)
    }

    /// What tells this working copy from a copy of it elsewhere.
    fn place(&self) -> Result<u64> {
        self.muse.inode().map_err(super::WorktreeError::io(".muse"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Index {
        let file = |(at, path): (i64, &str)| {
            let stamp = Stamp { size_bytes: 5, inode: 7, modified: (98 + at, 3), changed: (98, 4) };
            (path.parse().unwrap(), (stamp, ObjectId::of(path.as_bytes())))
        };
        Index::of(100, (0..).zip(["a", "größe/b", "c"]).map(file).collect())
    }

    #[test]
    fn it_comes_back_as_it_was() {
        let index = sample();
        let read = Index::decode(&index.encode(9), 9).unwrap();
        assert_eq!((read.second, &read.entries), (index.second, &index.entries));
    }

    #[test]
    fn no_damage_is_believed() {
        let bytes = sample().encode(9);
        assert!(Index::decode(&bytes, 8).is_none(), "it is of another place");
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(Index::decode(&damaged, 9).is_none(), "byte {at}");
            assert!(Index::decode(&bytes[..at], 9).is_none(), "cut at {at}");
        }
        // Lengths that lie, under a digest that is right.
        let mut lie = bytes[..bytes.len() - DIGEST_BYTES].to_vec();
        lie[24..32].copy_from_slice(&u64::MAX.to_le_bytes());
        let digest = digest(&lie);
        lie.extend_from_slice(&digest);
        assert!(Index::decode(&lie, 9).is_none());
    }

    #[test]
    fn a_file_of_the_same_second_is_not_trusted() {
        let index = sample();
        let known = |path: &str| {
            let path: RepoPath = path.parse().unwrap();
            index.reader().content(&path, &index.entries[&path].0)
        };
        assert_eq!(known("a"), Some(ObjectId::of(b"a")));
        assert_eq!(known("größe/b"), Some(ObjectId::of("größe/b".as_bytes())));
        assert_eq!(known("c"), None);
        let path: RepoPath = "a".parse().unwrap();
        let stamp = index.entries[&path].0;
        for other in [
            Stamp { size_bytes: 6, ..stamp },
            Stamp { inode: 8, ..stamp },
            Stamp { modified: (98, 4), ..stamp },
            Stamp { changed: (98, 5), ..stamp },
        ] {
            assert_eq!(index.reader().content(&path, &other), None);
        }
    }
}
