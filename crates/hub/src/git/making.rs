//! Objects of Git that the server makes, in one pack, and where they lie until they are taken.
//!
//! Git indexes and checks the pack as it does what is pushed; until then it lies in a directory that is called like Git's own
//! quarantine, and is cleared away like one.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use flate2::{Compression, write::ZlibEncoder};
use gix_object::Kind;
use names::{Id, NodeId, ObjectId, Random};

use super::{Git, process::Chore};
use crate::{Error, Repository, wire::push::blocking};

/// What a pack begins with: its name, and a version.
const HEAD: &[u8] = b"PACK\0\0\0\x02";

/// Objects that were made and are not written yet.
#[derive(Debug, Default)]
pub(super) struct Made {
    entries: Vec<(u8, Vec<u8>)>,
    seen: HashSet<[u8; 20]>,
}

impl Made {
    /// Adds an object; gives its name.
    pub(super) fn put(&mut self, kind: Kind, bytes: Vec<u8>) -> Result<[u8; 20], Error> {
        let id = gix_object::compute_hash(gix_hash::Kind::Sha1, kind, &bytes);
        let id =
            id.map_err(|error| Error::Broken(format!("an object cannot be named: {error}")))?;
        let id: [u8; 20] = id
            .as_slice()
            .try_into()
            .map_err(|_| Error::Broken("an object has a name of another length".to_owned()))?;
        if self.seen.insert(id) {
            let number = match kind {
                Kind::Commit => 1,
                Kind::Tree => 2,
                Kind::Blob => 3,
                Kind::Tag => 4,
            };
            self.entries.push((number, bytes));
        }
        Ok(id)
    }

    /// Adds what a file holds.
    pub(super) fn file(&mut self, bytes: Vec<u8>) -> Result<ObjectId, Error> {
        self.put(Kind::Blob, bytes).map(ObjectId::from_sha1)
    }

    /// Adds a directory.
    pub(super) fn directory(&mut self, bytes: Vec<u8>) -> Result<NodeId, Error> {
        self.put(Kind::Tree, bytes).map(NodeId::from_sha1)
    }

    /// The bytes of the pack, and the name that its sum gives it.
    pub(super) fn pack(&self) -> Result<(Vec<u8>, String), Error> {
        let broken = |error: &dyn std::fmt::Display| Error::Broken(format!("a pack: {error}"));
        let count = u32::try_from(self.entries.len()).map_err(|error| broken(&error))?;
        let mut pack = HEAD.to_vec();
        pack.extend(count.to_be_bytes());
        for (kind, bytes) in &self.entries {
            let mut rest = bytes.len() >> 4;
            // Four bits of the length, then seven at a time.
            let mut byte = (kind << 4) | low(bytes.len(), 0x0f);
            while rest > 0 {
                pack.push(byte | 0x80);
                byte = low(rest, 0x7f);
                rest >>= 7;
            }
            pack.push(byte);
            let mut packed = ZlibEncoder::new(&mut pack, Compression::default());
            packed.write_all(bytes).and_then(|()| packed.finish().map(drop)).map_err(Error::Git)?;
        }
        let mut hasher = gix_hash::hasher(gix_hash::Kind::Sha1);
        hasher.update(&pack);
        let sum = hasher.try_finalize().map_err(|error| broken(&error))?;
        pack.extend(sum.as_slice());
        Ok((pack, sum.to_string()))
    }
}

/// The lowest bits of a number.
fn low(number: usize, mask: u8) -> u8 {
    number.to_le_bytes().first().copied().unwrap_or_default() & mask
}

/// A directory of objects that nobody has taken yet. Gone when this is dropped.
#[derive(Debug)]
pub(super) struct Quarantine {
    pub(super) dir: PathBuf,
}

impl Quarantine {
    /// An empty one in a repository.
    pub(super) fn open(repository: &Path, random: &Random) -> io::Result<Self> {
        let name = crate::wire::landing::hex(&random.bytes::<8>());
        let dir = repository.join("objects").join(format!("tmp_objdir-motet-{name}"));
        fs::create_dir_all(dir.join("pack"))?;
        Ok(Self { dir })
    }

    /// Where a pack is written whose sum is not known yet.
    pub(super) fn next(&self, random: &Random) -> PathBuf {
        let name = crate::wire::landing::hex(&random.bytes::<20>());
        self.dir.join("pack").join(format!("pack-{name}.pack"))
    }

    fn write(&self, (pack, name): &(Vec<u8>, String)) -> io::Result<PathBuf> {
        let path = self.dir.join("pack").join(format!("pack-{name}.pack"));
        let mut file = File::create_new(&path)?;
        file.write_all(pack)?;
        file.sync_all()?;
        Ok(path)
    }

    /// Lets the objects be those of a repository: packs first, and what makes Git see them last.
    fn keep(self, repository: &Path) -> io::Result<()> {
        let mut files: Vec<PathBuf> = Vec::new();
        for entry in fs::read_dir(self.dir.join("pack"))? {
            files.push(entry?.path());
        }
        files.sort_by_key(|it| it.extension().is_some_and(|it| it == "idx"));
        let packs = repository.join("objects/pack");
        for file in files {
            let name = file.file_name().unwrap_or_default();
            fs::rename(&file, packs.join(name))?;
        }
        File::open(&packs)?.sync_all()
    }
}

impl Drop for Quarantine {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.dir) {
            tracing::warn!(%error, "what was made and not taken lies about");
        }
    }
}

impl Git {
    /// Writes what was made and has Git check it. What it does not take is told in its own words.
    pub(super) async fn check_made(
        &self,
        (dir, random): (&Path, &Random),
        made: Made,
    ) -> Result<Result<Quarantine, String>, Error> {
        let (place, random) = (dir.to_owned(), random.clone());
        let (quarantine, path) = blocking(move || {
            let quarantine = Quarantine::open(&place, &random).map_err(Error::Git)?;
            let path = quarantine.write(&made.pack()?).map_err(Error::Git)?;
            Ok((quarantine, path))
        })
        .await?;
        let path = path.display().to_string();
        let chore = Chore::of(vec!["index-pack", "--strict", path.as_str()]);
        Ok(self.tried(dir, &chore, String::new()).await?.map(|_| quarantine))
    }

    /// Lets what was made be the repository's. Whoever calls holds the lock that keeps it from being taken out.
    pub(super) async fn keep_made(
        &self,
        id: Id<Repository>,
        quarantine: Quarantine,
    ) -> Result<(), Error> {
        let dir = self.directory(id);
        blocking(move || quarantine.keep(&dir).map_err(Error::Git)).await
    }
}
