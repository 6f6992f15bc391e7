//! What comes from elsewhere and is not whole yet: `.muse/motet/incoming/` (`spec/wire.md` 9.2).
//!
//! An object or a snapshot is written there, hashed on the way, and takes its place when it is what its id says. Of an
//! object that was cut the bytes stay, so that the rest can be asked for.

use std::{
    fmt::Write as _,
    fs::File,
    io::{self, BufRead as _, BufReader, BufWriter, Read as _, Write as _},
    sync::Arc,
};

use api::{Limits, Value};
use names::{Hasher, ObjectId, RepoPath, SnapshotId};

use super::{
    Result, WorkingCopy, WorktreeError,
    dir::{Dir, Found},
    files::{damaged, split},
    json,
};
use crate::{Fault, ManifestEntry};

const INCOMING: &str = "motet/incoming";
/// The longest line of a manifest: a path of 4,096 bytes, each written as an escape, and an id.
const MAX_LINE_BYTES: u64 = 32 << 10;
/// How much of a file is in memory while it is hashed.
const BUFFER_BYTES: usize = 128 * 1024;

/// An object on its way.
#[derive(Debug)]
pub struct IncomingObject {
    id: ObjectId,
    file: File,
    hasher: Hasher,
    bytes: u64,
}

impl IncomingObject {
    /// How many of its bytes are here.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Waits until what has come of it is on the disk.
    pub fn sync(&self) -> Result<()> {
        self.file.sync_all().map_err(WorktreeError::io(INCOMING))
    }

    /// Takes the next bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(WorktreeError::io(INCOMING))?;
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }
}

/// A snapshot on its way, whose entries come in order.
#[derive(Debug)]
pub struct IncomingSnapshot {
    id: SnapshotId,
    file: BufWriter<File>,
    is_empty: bool,
    line: String,
}

impl IncomingSnapshot {
    /// Takes the next entry.
    pub fn push(&mut self, (path, object): &ManifestEntry) -> Result<()> {
        self.line.clear();
        self.line.push_str(if self.is_empty { "{\n    " } else { ",\n    " });
        json::put_text(&mut self.line, path.as_str());
        // Writing into a text does not fail, and nothing in an id needs an escape.
        write!(self.line, ": \"{object}\"").unwrap_or_default();
        self.is_empty = false;
        self.file.write_all(self.line.as_bytes()).map_err(WorktreeError::io(INCOMING))
    }
}

/// The entries of a snapshot that is here, one at a time, by path.
pub enum SnapshotEntries {
    /// Read as they are asked for.
    Lines(Lines),
    /// From a file whose order is another one.
    Sorted(std::collections::btree_map::IntoIter<RepoPath, ObjectId>),
    /// From memory: all of them, and how many have been given.
    Kept(Arc<[ManifestEntry]>, usize),
    /// There are none.
    Nothing,
}

impl Iterator for SnapshotEntries {
    type Item = Result<ManifestEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Lines(lines) => lines.next(),
            Self::Sorted(entries) => entries.next().map(Ok),
            Self::Kept(entries, given) => {
                let entry = entries.get(*given)?.clone();
                *given += 1;
                Some(Ok(entry))
            }
            Self::Nothing => None,
        }
    }
}

/// The entries of a snapshot in the form in which we write it: one on each line.
pub struct Lines {
    path: String,
    file: BufReader<File>,
    is_over: bool,
}

impl Lines {
    /// Reads up to the first entry; none if the file has another form.
    fn begin(path: &str, file: File) -> io::Result<Option<Self>> {
        let mut lines = Self { path: path.to_owned(), file: BufReader::new(file), is_over: false };
        for expected in ["{", "  \"snapshot_id\": ", "  \"manifest\": {"] {
            let line = lines.line()?;
            if !line.starts_with(expected) {
                return Ok(None);
            }
            lines.is_over = line == "  \"manifest\": {},";
        }
        Ok(Some(lines))
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        (&mut self.file).take(MAX_LINE_BYTES).read_line(&mut line)?;
        if line.ends_with('\n') {
            line.pop();
        }
        Ok(line)
    }

    fn entry(&self, line: &str) -> Result<ManifestEntry> {
        let bad = || damaged(&self.path, "a line of the manifest is none");
        if let Some((path, id)) = plain(line) {
            return Ok((
                path.parse().map_err(|_| bad())?,
                ObjectId::from_sha256_text(id).map_err(|_| bad())?,
            ));
        }
        let line = line.strip_prefix("    ").ok_or_else(bad)?;
        let text = format!("{{{}}}", line.strip_suffix(',').unwrap_or(line));
        let limits = Limits::of_body(MAX_LINE_BYTES * 2);
        match Value::from_json_slice(text.as_bytes(), &limits) {
            Ok(Value::Map(mut entries)) if entries.len() == 1 => match entries.pop() {
                Some((path, Value::Text(id))) => Ok((
                    path.parse().map_err(|_| bad())?,
                    ObjectId::from_sha256_text(&id).map_err(|_| bad())?,
                )),
                Some(_) | None => Err(bad()),
            },
            Ok(_) | Err(_) => Err(bad()),
        }
    }
}

/// Path and id of a line in which nothing is written as an escape, as most are: it need not be read as JSON.
fn plain(line: &str) -> Option<(&str, &str)> {
    let line = line.strip_prefix("    \"")?;
    let line = line.strip_suffix(',').unwrap_or(line).strip_suffix('"')?;
    let (path, id) = line.rsplit_once("\": \"")?;
    (!path.contains(['\\', '"'])).then_some((path, id))
}

impl Iterator for Lines {
    type Item = Result<ManifestEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let line = match self.line() {
            Ok(line) => line,
            Err(error) => {
                self.is_over = true;
                return Some(Err(WorktreeError::Io { path: self.path.clone(), cause: error }));
            }
        };
        self.is_over = line == "  },";
        if self.is_over { None } else { Some(self.entry(&line)) }
    }
}

impl WorkingCopy {
    fn incoming(&self) -> Result<Dir> {
        self.muse.make(INCOMING).map_err(WorktreeError::io(INCOMING))
    }

    /// Keeps an object that is in memory, if it is the one called `id`. It is on the disk after [`WorkingCopy::sync`].
    pub fn keep_object(&self, id: ObjectId, bytes: &[u8]) -> Result<()> {
        let computed = ObjectId::of(bytes);
        if computed != id {
            return Err(Fault::ObjectMismatch { claimed: id, computed }.into());
        }
        let path = super::store::object_path(&id);
        self.unsynced.note(&path);
        if self.has_object(&id)? {
            return Ok(());
        }
        let (directory, name) = split(&path);
        let incoming = self.incoming()?;
        let write = || {
            let directory = self.muse.make(directory)?;
            directory.write_with(name, &incoming, &self.random, |file| file.write_all(bytes))
        };
        write().map_err(WorktreeError::io(&path))
    }

    /// How many bytes of an object are here that did not come to its end.
    pub fn partial_object(&self, id: &ObjectId) -> Result<u64> {
        match self.incoming()?.find(&id.to_string()).map_err(WorktreeError::io(INCOMING))? {
            Some(Found::File(stamp)) => Ok(stamp.size_bytes()),
            Some(_) | None => Ok(0),
        }
    }

    /// Begins an object, or goes on with it behind its first `offset` bytes, which must be here; what is here behind
    /// them is dropped.
    pub fn begin_object(&self, id: ObjectId, offset: u64) -> Result<IncomingObject> {
        let (incoming, name) = (self.incoming()?, id.to_string());
        let open = || {
            let mut hasher = Hasher::default();
            let mut file = incoming.open_to_write(&name)?;
            let mut head = (&mut file).take(offset);
            let mut buffer = vec![0; BUFFER_BYTES];
            let mut bytes = 0_u64;
            loop {
                let count = head.read(&mut buffer)?;
                if count == 0 {
                    break;
                }
                hasher.update(buffer.get(..count).unwrap_or_default());
                bytes += count as u64;
            }
            if bytes < offset {
                return Err(io::Error::other("an object goes on behind the bytes that are here"));
            }
            file.set_len(offset)?;
            Ok(IncomingObject { id, file, hasher, bytes })
        };
        open().map_err(WorktreeError::io(INCOMING))
    }

    /// Gives an object its place, if its bytes are what its id says; else they are dropped.
    pub fn finish_object(&self, object: IncomingObject) -> Result<()> {
        let IncomingObject { id, hasher, .. } = object;
        let (incoming, name) = (self.incoming()?, id.to_string());
        let computed = ObjectId::from_bytes(hasher.finish());
        if computed != id {
            incoming.remove_file(&name).map_err(WorktreeError::io(INCOMING))?;
            return Err(Fault::ObjectMismatch { claimed: id, computed }.into());
        }
        let path = super::store::object_path(&id);
        self.unsynced.note(&path);
        let (directory, last) = split(&path);
        let place = || incoming.move_to(&name, &self.muse.make(directory)?, last);
        place().map_err(WorktreeError::io(&path))
    }

    /// Begins a snapshot whose entries come one by one.
    pub fn begin_snapshot(&self, id: SnapshotId) -> Result<IncomingSnapshot> {
        let (incoming, name) = (self.incoming()?, format!("{id}.json"));
        let open = || {
            let file = incoming.open_to_write(&name)?;
            file.set_len(0)?;
            let mut file = BufWriter::new(file);
            write!(file, "{{\n  \"snapshot_id\": \"{id}\",\n  \"manifest\": ")?;
            Ok(IncomingSnapshot { id, file, is_empty: true, line: String::new() })
        };
        open().map_err(WorktreeError::io(INCOMING))
    }

    /// Gives a snapshot its place. That its entries are those that its id names is the caller's to know.
    pub fn finish_snapshot(&self, snapshot: IncomingSnapshot, created_at: &str) -> Result<()> {
        let IncomingSnapshot { id, mut file, is_empty, .. } = snapshot;
        let name = format!("{id}.json");
        let mut end = || {
            let mut time = String::new();
            json::put_text(&mut time, created_at);
            let close = if is_empty { "{}" } else { "\n  }" };
            write!(file, "{close},\n  \"created_at\": {time}\n}}\n")?;
            file.flush()?;
            self.muse.make(INCOMING)?.move_to(&name, &self.muse.make("snapshots")?, &name)
        };
        let path = format!("snapshots/{name}");
        self.unsynced.note(&path);
        end().map_err(WorktreeError::io(path))
    }

    /// Whether a snapshot is here.
    pub fn has_snapshot(&self, id: &SnapshotId) -> Result<bool> {
        self.has_record("snapshots", &id.to_string())
    }

    /// Whether a commit is here.
    pub fn has_commit(&self, id: &names::CommitId) -> Result<bool> {
        self.has_record("commits", &id.to_string())
    }

    fn has_record(&self, directory: &str, id: &str) -> Result<bool> {
        let name = format!("{id}.json");
        let find = || match self.muse.descend(directory)? {
            Some(directory) => directory.find(&name),
            None => Ok(None),
        };
        let found = find().map_err(WorktreeError::io(directory))?;
        Ok(matches!(found, Some(Found::File(stamp)) if stamp.size_bytes() > 0))
    }

    /// The entries of a snapshot, by path; none if it is not here. They are read as they are asked for, but of a file in
    /// another order, as only others write it.
    pub fn snapshot_entries(&self, id: &SnapshotId) -> Result<Option<SnapshotEntries>> {
        let (path, name) = (format!("snapshots/{id}.json"), format!("{id}.json"));
        let open = || match self.muse.descend("snapshots")? {
            Some(directory) => directory.open_file(&name),
            None => Ok(None),
        };
        let open = || open().map_err(WorktreeError::io(&path));
        let Some(file) = open()? else { return Ok(None) };
        let begun = |file| Lines::begin(&path, file).map_err(WorktreeError::io(&path));
        let is_ours = match begun(file)? {
            None => false,
            Some(lines) => is_sorted(lines),
        };
        if is_ours
            && let Some(file) = open()?
            && let Some(lines) = begun(file)?
        {
            return Ok(Some(SnapshotEntries::Lines(lines)));
        }
        let record = self.snapshot(id)?;
        Ok(record.map(|record| SnapshotEntries::Sorted(record.manifest.into_iter())))
    }

    /// What was noted of a transfer that has not ended.
    pub fn transfer_note(&self) -> Result<Option<Value>> {
        self.read_json(&format!("{INCOMING}/transfer.json"))
    }

    /// Notes how far a transfer has come, after all that has come is on the disk.
    pub fn note_transfer(&self, note: &Value) -> Result<()> {
        self.sync()?;
        self.put_bytes(&format!("{INCOMING}/transfer.json"), &json::pretty(note))
    }

    /// Forgets a transfer, and what of it is not whole.
    pub fn end_transfer(&self) -> Result<()> {
        let clear = || {
            let Some(incoming) = self.muse.descend(INCOMING)? else { return Ok(()) };
            for name in incoming.names()? {
                if let Some(name) = name.to_str() {
                    incoming.remove_file(name)?;
                }
            }
            Ok(())
        };
        clear().map_err(WorktreeError::io(INCOMING))
    }
}

fn is_sorted(lines: Lines) -> bool {
    let mut last: Option<RepoPath> = None;
    for entry in lines {
        let Ok((path, _)) = entry else { return false };
        if last.as_ref().is_some_and(|last| *last >= path) {
            return false;
        }
        last = Some(path);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_escapes_is_read_as_it_stands() {
        for (line, read) in [
            (r#"    "a/b": "id","#, Some(("a/b", "id"))),
            (r#"    "a: b": "id""#, Some(("a: b", "id"))),
            (r#"    "\u00e9": "id","#, None),
            (r#"    "a\": \"b": "id","#, None),
            (r#"  "a": "id","#, None),
            (r#"    "a": 7,"#, None),
            ("  },", None),
        ] {
            assert_eq!(plain(line), read, "{line}");
        }
    }
}
