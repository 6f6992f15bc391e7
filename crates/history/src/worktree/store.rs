//! Commits, snapshots and objects of a working copy, each in a file named after it (`spec/wire.md` 2).

use std::{
    fs::File,
    io::{self, Read, Write as _},
};

use api::{CommitRecord, SnapshotRecord, Value};
use names::{CommitId, Hasher, ObjectId, SnapshotId};

use super::{Result, WorkingCopy, WorktreeError, dir::Found, files::damaged};
use crate::{Fault, verify_commit, verify_snapshot};

/// How much of a file is in memory while it is copied or hashed.
const BUFFER_BYTES: usize = 128 * 1024;

impl WorkingCopy {
    /// A commit, checked against its id; none if it is not here.
    pub fn commit(&self, id: &CommitId) -> Result<Option<CommitRecord>> {
        let path = format!("commits/{id}.json");
        let Some(value) = self.read_json(&path)? else { return Ok(None) };
        let record =
            CommitRecord::try_from(value).map_err(|error| damaged(&path, error.to_string()))?;
        if record.commit_id != *id {
            return Err(damaged(&path, "it holds another commit"));
        }
        verify_commit(&record)?;
        Ok(Some(record))
    }

    /// Keeps a commit. One that is here stays as it is.
    pub fn write_commit(&self, record: &CommitRecord) -> Result<()> {
        let path = format!("commits/{}.json", record.commit_id);
        self.write_record(&path, || Value::from(record.clone()))
    }

    /// A snapshot, checked against its id; none if it is not here.
    pub fn snapshot(&self, id: &SnapshotId) -> Result<Option<SnapshotRecord>> {
        let path = format!("snapshots/{id}.json");
        let Some(value) = self.read_json(&path)? else { return Ok(None) };
        let record =
            SnapshotRecord::try_from(value).map_err(|error| damaged(&path, error.to_string()))?;
        if record.snapshot_id != *id {
            return Err(damaged(&path, "it holds another snapshot"));
        }
        verify_snapshot(&record)?;
        Ok(Some(record))
    }

    /// Keeps a snapshot. One that is here stays as it is.
    pub fn write_snapshot(&self, record: &SnapshotRecord) -> Result<()> {
        let path = format!("snapshots/{}.json", record.snapshot_id);
        self.write_record(&path, || Value::from(record.clone()))
    }

    /// Whether an object is here. The empty one always is: a Muse clone does not store it (D1).
    pub fn has_object(&self, id: &ObjectId) -> Result<bool> {
        if *id == ObjectId::EMPTY {
            return Ok(true);
        }
        let path = object_path(id);
        let (directory, name) = super::files::split(&path);
        let find = || match self.muse.descend(directory)? {
            Some(directory) => directory.find(name),
            None => Ok(None),
        };
        Ok(is_whole(id, find().map_err(WorktreeError::io(&path))?))
    }

    /// The bytes of an object, checked against its id; none if it is not here.
    pub fn object(&self, id: &ObjectId) -> Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        let copied = self.copy_object(id, |part| {
            bytes.extend_from_slice(part);
            Ok(())
        })?;
        Ok(copied.then_some(bytes))
    }

    /// Hands the bytes of an object on in pieces, and checks them at the end: until this returns, they are not
    /// to be believed. False if it is not here.
    pub fn copy_object(
        &self,
        id: &ObjectId,
        mut take: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<bool> {
        let Some(mut file) = self.open_object(id)? else { return Ok(*id == ObjectId::EMPTY) };
        let computed =
            hash_into(&mut file, &mut take).map_err(WorktreeError::io(object_path(id)))?;
        if computed != *id {
            return Err(Fault::ObjectMismatch { claimed: *id, computed }.into());
        }
        Ok(true)
    }

    /// Keeps an object and gives its id.
    pub fn write_object(&self, bytes: &[u8]) -> Result<ObjectId> {
        let id = ObjectId::of(bytes);
        self.write_object_from(id, bytes)?;
        Ok(id)
    }

    /// Keeps an object that comes in pieces, if it is the one called `id`.
    pub fn write_object_from(&self, id: ObjectId, mut read: impl Read) -> Result<()> {
        let path = object_path(&id);
        let (directory, name) = super::files::split(&path);
        let directory = self.muse.make(directory).map_err(WorktreeError::io(&path))?;
        self.unsynced.note(&path);
        if is_whole(&id, directory.find(name).map_err(WorktreeError::io(&path))?) {
            return Ok(());
        }
        let fill = |file: &mut File| {
            let computed = hash_into(&mut read, |part| file.write_all(part))?;
            if computed == id { Ok(()) } else { Err(Stored::Other(computed)) }
        };
        match directory.write_with(name, &directory, &self.random, fill) {
            Ok(()) => Ok(()),
            Err(Stored::Other(computed)) => {
                Err(Fault::ObjectMismatch { claimed: id, computed }.into())
            }
            Err(Stored::Failed(cause)) => Err(WorktreeError::Io { path, cause }),
        }
    }

    /// The file of an object, for those who hash what they read; none if it is not here, or is the empty one and not kept.
    /// What was promised is brought first.
    pub fn open_object(&self, id: &ObjectId) -> Result<Option<File>> {
        let found = self.find_object(id)?;
        if found.is_some() || *id == ObjectId::EMPTY || !self.is_brought() {
            return Ok(found);
        }
        self.bring([*id])?;
        self.find_object(id)
    }

    fn find_object(&self, id: &ObjectId) -> Result<Option<File>> {
        let path = object_path(id);
        let (directory, name) = super::files::split(&path);
        let open = || match self.muse.descend(directory)? {
            Some(directory) => directory.open_file(name),
            None => Ok(None),
        };
        open().map_err(WorktreeError::io(&path))
    }
}

/// Whether what stands in the place of an object is it, as far as can be told without reading: a crash of the
/// machine can leave a file empty that was never waited for.
fn is_whole(id: &ObjectId, found: Option<Found>) -> bool {
    matches!(found, Some(Found::File(stamp)) if stamp.size_bytes > 0 || *id == ObjectId::EMPTY)
}

/// Why an object was not stored.
enum Stored {
    Other(ObjectId),
    Failed(io::Error),
}

impl From<io::Error> for Stored {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

pub(super) fn object_path(id: &ObjectId) -> String {
    let text = id.to_string();
    let (shard, rest) = text.split_at_checked(2).unwrap_or_default();
    format!("objects/{shard}/{rest}")
}

/// Reads to the end, handing every piece on, and gives the id of it all.
pub(super) fn hash_into(
    read: &mut impl Read,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<ObjectId> {
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = match read.read(&mut buffer) {
            Ok(0) => return Ok(ObjectId::from_bytes(hasher.finish())),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let part = buffer.get(..count).unwrap_or_default();
        hasher.update(part);
        take(part)?;
    }
}
