//! The store on a local disk: names become files below `objects/`.
//!
//! `tmp/` is beside them: what is being written, emptied at boot.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use names::UnixMillis;
use uuid::Uuid;

use crate::{address::Address, depot::Listed};

/// The directories of the store, below its root.
const DIRS: &[&str] = &["", "sha256", "segments", "quarantine", TMP];
/// What is being written, on the same file system as what it becomes.
pub(crate) const TMP: &str = "tmp";

#[derive(Debug)]
pub(crate) struct Disk {
    root: PathBuf,
}

impl Disk {
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        DIRS.iter().try_for_each(|dir| fs::create_dir_all(root.join(dir)))?;
        sync_dir(root)?;
        Ok(Self { root: root.to_owned() })
    }

    /// The file behind a name.
    pub(crate) fn path(&self, address: &Address) -> PathBuf {
        self.root.join(address.to_string())
    }

    /// Moves synced files to their names, and syncs the directories that they are in now.
    pub(crate) fn adopt<'a>(
        &self,
        files: impl Iterator<Item = (&'a Path, &'a Address)>,
    ) -> io::Result<()> {
        let mut dirs = Vec::new();
        for (from, address) in files {
            let to = self.path(address);
            let dir = to.parent().unwrap_or(&self.root).to_owned();
            match fs::create_dir(&dir) {
                Ok(()) => dirs.push(dir.parent().unwrap_or(&self.root).to_owned()),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
            fs::rename(from, to)?;
            dirs.push(dir);
        }
        dirs.sort_unstable();
        dirs.dedup();
        dirs.iter().try_for_each(|dir| sync_dir(dir))
    }

    /// Removes what has the name; that it is gone already is fine.
    pub(crate) fn remove(&self, address: &Address) -> io::Result<()> {
        match fs::remove_file(self.path(address)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Gives what has the name another one; that it has it already, or is gone, is fine.
    pub(crate) fn rename(&self, from: &Address, to: &Address) -> io::Result<()> {
        let (from, to) = (self.path(from), self.path(to));
        match fs::rename(&from, &to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Err(_) => Ok(()),
            Ok(()) => [from, to].iter().filter_map(|it| it.parent()).try_for_each(sync_dir),
        }
    }

    /// The length of what has the name, if anything does.
    pub(crate) fn size(&self, address: &Address) -> io::Result<Option<u64>> {
        match fs::metadata(self.path(address)) {
            Ok(meta) => Ok(Some(meta.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The names below a directory, in order, after `after`; at most `limit`.
    pub(crate) fn list(
        &self,
        dir: &str,
        after: Option<&str>,
        limit: usize,
    ) -> io::Result<Vec<Listed>> {
        let mut found = Vec::new();
        self.list_into(&mut found, dir, after, limit)?;
        Ok(found)
    }

    fn list_into(
        &self,
        found: &mut Vec<Listed>,
        dir: &str,
        after: Option<&str>,
        limit: usize,
    ) -> io::Result<()> {
        let entries = match fs::read_dir(self.root.join(dir)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        let mut names = Vec::new();
        for entry in entries {
            // A name that is no text is none of ours; it stays where it is.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(format!("{dir}/{name}"));
            }
        }
        names.sort_unstable();
        for name in names {
            if found.len() == limit {
                break;
            }
            // What comes before `after`, directories with everything below them too.
            let is_before = after.is_some_and(|after| name.as_str() <= after);
            let is_above = after.is_some_and(|after| after.starts_with(&format!("{name}/")));
            if is_before && !is_above {
                continue;
            }
            let Ok(meta) = fs::metadata(self.root.join(&name)) else { continue };
            if meta.is_dir() {
                self.list_into(found, &name, after, limit)?;
            } else if meta.is_file() {
                let since = meta.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
                let modified = UnixMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
                found.push(Listed { name, bytes: meta.len(), modified });
            }
        }
        Ok(())
    }

    /// Writes a small file, reads it back and removes it.
    pub(crate) fn probe(&self, nonce: &[u8; 16]) -> io::Result<()> {
        let path = self.root.join(TMP).join(format!("probe-{}", Uuid::from_bytes(*nonce)));
        let there_and_back = File::create_new(&path)
            .and_then(|mut file| file.write_all(nonce))
            .and_then(|()| fs::read(&path));
        // Also where the disk was too full to write it.
        let removed = fs::remove_file(&path);
        let read = there_and_back?;
        removed?;
        if read == nonce {
            Ok(())
        } else {
            Err(io::Error::other("the probe file came back with other bytes"))
        }
    }
}

/// Makes renames and new names in `dir` durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
