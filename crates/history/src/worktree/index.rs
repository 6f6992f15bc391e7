//! `.muse/motet/index`: which content each file had when it was last read, so that an unchanged file need not be read
//! again (`spec/wire.md` 2).
//!
//! A hint and never the truth: it is believed only whole, in this place and in our form, and only for a file whose
//! size, inode and times are those that were noted. A file that changed within the second in which the index was
//! begun could change once more without showing it, and is read again. It stays the bytes that it is on disk: whoever
//! looks ten thousand files up need not make ten thousand paths for that.

use names::{Hasher, ObjectId, RepoPath, SnapshotId};

use super::{Result, WorkingCopy, dir::Stamp};

const FILE: &str = "motet/index";
const MAGIC: &[u8; 8] = b"MOTETIX2";
/// A million paths of middling length.
const MAX_BYTES: u64 = 512 << 20;
const DIGEST_BYTES: usize = 32;

/// A file as it is noted.
pub(super) type Noted = (RepoPath, Stamp, ObjectId);

/// What is known of files.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// The second in which the files began to be read.
    second: i64,
    /// The snapshot that all files together make; none if some could not be noted.
    snapshot: Option<SnapshotId>,
    len: usize,
    bytes: Vec<u8>,
    /// Where the entries stand in the bytes.
    entries: std::ops::Range<usize>,
}

impl Index {
    /// To look files up in their order.
    pub(super) fn reader(&self) -> IndexReader<'_> {
        let mut entries = Entries(Reader(self.bytes.get(self.entries.clone()).unwrap_or_default()));
        let next = entries.next();
        IndexReader { second: self.second, entries, next }
    }

    /// How many files it knows.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// The snapshot that all files together make, if all of them are in it.
    pub(super) const fn snapshot(&self) -> Option<SnapshotId> {
        self.snapshot
    }

    fn encode(place: u64, second: i64, snapshot: Option<SnapshotId>, files: &[Noted]) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&place.to_le_bytes());
        out.extend_from_slice(&second.to_le_bytes());
        out.push(u8::from(snapshot.is_some()));
        out.extend_from_slice(snapshot.map_or([0; DIGEST_BYTES], |id| *id.as_bytes()).as_slice());
        out.extend_from_slice(&(files.len() as u64).to_le_bytes());
        for (path, stamp, object) in files {
            let bytes = path.as_str().as_bytes();
            // A path has at most 4,096 bytes.
            out.extend_from_slice(&u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_le_bytes());
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
    fn decode(bytes: Vec<u8>, place: u64) -> Option<Self> {
        let (body, claimed) = bytes.split_at_checked(bytes.len().checked_sub(DIGEST_BYTES)?)?;
        if digest(body) != claimed {
            return None;
        }
        let end = body.len();
        let mut reader = Reader(body.strip_prefix(MAGIC)?);
        if reader.number()? != place {
            return None;
        }
        let second = reader.signed()?;
        let is_whole = *reader.take(1)?.first()? == 1;
        let snapshot = SnapshotId::from_bytes(reader.digest()?);
        let len = usize::try_from(reader.number()?).ok()?;
        let entries = end.checked_sub(reader.0.len())?..end;
        let mut read = Entries(reader);
        if read.by_ref().count() != len || !read.0.0.is_empty() {
            return None;
        }
        Some(Self { second, snapshot: is_whole.then_some(snapshot), len, bytes, entries })
    }
}

/// One file, where it stands in the bytes.
struct Entry<'a> {
    path: &'a [u8],
    stamp: Stamp,
    object: ObjectId,
}

/// The files of an index, in their order; ends early where something is not an entry.
struct Entries<'a>(Reader<'a>);

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let reader = &mut self.0;
        let length = u16::from_le_bytes(reader.take(2)?.try_into().ok()?);
        let path = reader.take(usize::from(length))?;
        let (size_bytes, inode) = (reader.number()?, reader.number()?);
        let modified = (reader.signed()?, reader.signed()?);
        let changed = (reader.signed()?, reader.signed()?);
        let object = ObjectId::from_bytes(reader.digest()?);
        Some(Entry { path, stamp: Stamp { size_bytes, inode, modified, changed }, object })
    }
}

/// Looks files up in their order, walking along.
pub(super) struct IndexReader<'a> {
    second: i64,
    entries: Entries<'a>,
    next: Option<Entry<'a>>,
}

impl IndexReader<'_> {
    /// What a file with this stamp holds, if that is certain. Each path comes after those that were asked for before.
    pub(super) fn content(&mut self, path: &RepoPath, stamp: &Stamp) -> Option<ObjectId> {
        let path = path.as_str().as_bytes();
        while self.next.as_ref().is_some_and(|known| known.path < path) {
            self.next = self.entries.next();
        }
        let Entry { stamp: noted, object, .. } = self.next.take_if(|known| known.path == path)?;
        self.next = self.entries.next();
        (noted == *stamp && stamp.is_older_than(self.second)).then_some(object)
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

    fn digest(&mut self) -> Option<[u8; DIGEST_BYTES]> {
        self.take(DIGEST_BYTES)?.try_into().ok()
    }
}

impl WorkingCopy {
    /// The index, if there is one that can be believed.
    pub(super) fn index(&self) -> Result<Option<Index>> {
        // One that cannot be read is rebuilt like one that is damaged.
        let bytes = self.read_file(FILE, MAX_BYTES).unwrap_or_default().unwrap_or_default();
        Ok(Index::decode(bytes, self.place()?))
    }

    /// Keeps what is known of files, by path. It may be lost in a crash, and is then rebuilt, so nobody waits for the
    /// disk. Without a snapshot it does not know all of them.
    pub(super) fn write_index(
        &self,
        second: i64,
        snapshot: Option<SnapshotId>,
        files: &[Noted],
    ) -> Result<()> {
        self.put_hint(FILE, &Index::encode(self.place()?, second, snapshot, files))
    }

    /// What tells this working copy from a copy of it elsewhere.
    fn place(&self) -> Result<u64> {
        self.muse.inode().map_err(super::WorktreeError::io(".muse"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the number of entries stands.
    const COUNT_AT: usize = 8 + 8 + 8 + 1 + DIGEST_BYTES;

    fn files() -> Vec<Noted> {
        let file = |(at, path): (i64, &str)| {
            let stamp = Stamp { size_bytes: 5, inode: 7, modified: (98 + at, 3), changed: (98, 4) };
            (path.parse().unwrap(), stamp, ObjectId::of(path.as_bytes()))
        };
        (0..).zip(["a", "c", "größe/b"]).map(file).collect()
    }

    fn sample() -> Vec<u8> {
        Index::encode(9, 100, Some(SnapshotId::from_bytes([3; 32])), &files())
    }

    #[test]
    fn it_comes_back_as_it_was() {
        let read = Index::decode(sample(), 9).unwrap();
        assert_eq!((read.second, read.len()), (100, 3));
        assert_eq!(read.snapshot(), Some(SnapshotId::from_bytes([3; 32])));
        let entries = read.reader();
        let rest = entries.next.into_iter().chain(entries.entries);
        let entries: Vec<Noted> = rest
            .map(|it| (std::str::from_utf8(it.path).unwrap().parse().unwrap(), it.stamp, it.object))
            .collect();
        assert_eq!(entries, files());
        let part = Index::decode(Index::encode(9, 100, None, &files()), 9).unwrap();
        assert_eq!(part.snapshot(), None);
    }

    #[test]
    fn no_damage_is_believed() {
        let bytes = sample();
        assert!(Index::decode(bytes.clone(), 8).is_none(), "it is of another place");
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(Index::decode(damaged, 9).is_none(), "byte {at}");
            assert!(Index::decode(bytes[..at].to_vec(), 9).is_none(), "cut at {at}");
        }
        // Numbers that lie, under a digest that is right.
        for number in [u64::MAX, 2, 4, 0] {
            let mut lie = bytes[..bytes.len() - DIGEST_BYTES].to_vec();
            lie[COUNT_AT..COUNT_AT + 8].copy_from_slice(&number.to_le_bytes());
            let digest = digest(&lie);
            lie.extend_from_slice(&digest);
            assert!(Index::decode(lie, 9).is_none(), "{number} entries");
        }
    }

    #[test]
    fn a_file_of_the_same_second_is_not_trusted() {
        let (index, files) = (Index::decode(sample(), 9).unwrap(), files());
        let mut reader = index.reader();
        let known: Vec<_> =
            files.iter().map(|(path, stamp, _)| reader.content(path, stamp)).collect();
        assert_eq!(known, [Some(files[0].2), Some(files[1].2), None]);
        let (path, stamp, _) = &files[0];
        for other in [
            Stamp { size_bytes: 6, ..*stamp },
            Stamp { inode: 8, ..*stamp },
            Stamp { modified: (98, 4), ..*stamp },
            Stamp { changed: (98, 5), ..*stamp },
        ] {
            assert_eq!(index.reader().content(path, &other), None);
        }
        assert_eq!(index.reader().content(&"b".parse().unwrap(), stamp), None);
    }
}
