//! A file of `.muse` by its path.

use std::{
    fs::File,
    io::{self, Write as _},
};

use api::{Limits, Value};

use super::{
    Result, WorkingCopy, WorktreeError,
    dir::{Dir, Found},
    json,
};

/// The longest record that is read into memory: a snapshot of a million long paths.
const MAX_RECORD_BYTES: u64 = 512 << 20;
/// The longest of the other files.
pub(super) const MAX_TEXT_BYTES: u64 = 16 << 20;

/// Directory and name of a path below `.muse`.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

fn shown(path: &str) -> String {
    format!(".muse/{path}")
}

impl WorkingCopy {
    /// The directory for temporary files, where a crash leaves them for nobody to see.
    pub(super) fn temporaries(&self) -> Result<Dir> {
        let path = "motet/tmp";
        self.muse.make(path).map_err(WorktreeError::io(shown(path)))
    }

    /// The bytes of a file; none if it, or a directory on the way, is not there.
    pub(super) fn read_file(&self, path: &str, max_bytes: u64) -> Result<Option<Vec<u8>>> {
        let (directory, name) = split(path);
        let read = || match self.muse.descend(directory)? {
            Some(directory) => directory.read(name, max_bytes),
            None => Ok(None),
        };
        read().map_err(WorktreeError::io(shown(path)))
    }

    /// The text of a file; none if it is not there.
    pub(super) fn read_text(&self, path: &str) -> Result<Option<String>> {
        let Some(bytes) = self.read_file(path, MAX_TEXT_BYTES)? else { return Ok(None) };
        let text = String::from_utf8(bytes).map_err(|_| damaged(path, "it is not UTF-8"))?;
        Ok(Some(text))
    }

    /// Writes a file, whole or not at all, with the directories on the way; it is on the disk when this returns.
    pub(super) fn write_file(&self, path: &str, bytes: &[u8]) -> Result<()> {
        self.pour_file(path, |file| {
            file.write_all(bytes)?;
            file.sync_all()
        })?;
        let sync = || self.muse.make(split(path).0)?.sync();
        sync().map_err(WorktreeError::io(shown(path)))
    }

    /// Writes a file whole or not at all; [`WorkingCopy::sync`] brings it to the disk.
    pub(super) fn put_bytes(&self, path: &str, bytes: &[u8]) -> Result<()> {
        self.put_file(path, |file| file.write_all(bytes))
    }

    /// Writes a file that another one leads to: [`WorkingCopy::sync`] comes between the two.
    pub(super) fn put_file(
        &self,
        path: &str,
        pour: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<()> {
        self.pour_file(path, pour)?;
        self.unsynced.note(path);
        Ok(())
    }

    /// Writes a file that may be lost in a crash of the machine, and is made again then.
    pub(super) fn put_hint(&self, path: &str, bytes: &[u8]) -> Result<()> {
        self.pour_file(path, |file| file.write_all(bytes))
    }

    fn pour_file(&self, path: &str, pour: impl FnOnce(&mut File) -> io::Result<()>) -> Result<()> {
        let (directory, name) = split(path);
        let temporaries = self.temporaries()?;
        let write =
            || self.muse.make(directory)?.write_with(name, &temporaries, &self.random, pour);
        write().map_err(WorktreeError::io(shown(path)))
    }

    /// Waits until all objects and records are on the disk. To be called before a ref is moved to what was just
    /// stored; [`WorkingCopy::finish_commit`] does so itself.
    pub fn sync(&self) -> Result<()> {
        self.unsynced.sync(&self.muse)
    }

    /// Removes a file; nothing there is fine.
    pub(super) fn remove_file(&self, path: &str) -> Result<()> {
        let (directory, name) = split(path);
        let remove = || match self.muse.descend(directory)? {
            Some(directory) => directory.remove_file(name),
            None => Ok(()),
        };
        remove().map_err(WorktreeError::io(shown(path)))
    }

    /// A JSON file; none if it is not there, or empty, as a crash of the machine can leave it.
    pub(super) fn read_json(&self, path: &str) -> Result<Option<Value>> {
        let bytes = self.read_file(path, MAX_RECORD_BYTES)?.filter(|bytes| !bytes.is_empty());
        let Some(bytes) = bytes else { return Ok(None) };
        let value = Value::from_json_slice(&bytes, &Limits::of_body(MAX_RECORD_BYTES));
        Ok(Some(value.map_err(|error| damaged(path, error.to_string()))?))
    }

    /// Writes a record that never changes; one that is there stays, whatever it holds.
    pub(super) fn write_record(&self, path: &str, value: impl FnOnce() -> Value) -> Result<()> {
        let (directory, name) = split(path);
        let there = || match self.muse.descend(directory)? {
            Some(directory) => directory.find(name),
            None => Ok(None),
        };
        self.unsynced.note(path);
        match there().map_err(WorktreeError::io(shown(path)))? {
            // A crash of the machine can leave a file empty that was never waited for.
            Some(Found::File(stamp)) if stamp.size_bytes > 0 => Ok(()),
            Some(_) | None => self.put_bytes(path, &json::pretty(&value())),
        }
    }
}

/// The error for a file that does not hold what it should.
pub(super) fn damaged(path: &str, reason: impl Into<String>) -> WorktreeError {
    WorktreeError::Damaged { path: shown(path), reason: reason.into() }
}
