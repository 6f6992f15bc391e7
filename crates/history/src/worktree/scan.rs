//! Which files belong to the next snapshot (`spec/wire.md` 2).

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf};

use names::{PathError, RepoPath};

use super::{
    IGNORE_FILE, Ignore, Result, WorkingCopy, WorktreeError,
    dir::{Dir, Found, Stamp},
    files::MAX_TEXT_BYTES,
};

/// The most files in a snapshot (`spec/wire.md` 10).
pub const MAX_FILES: usize = 1_000_000;
/// The most left-out files that are named; the others are counted with their directories, not one by one.
const MAX_SKIPPED: usize = 1000;

/// Why something that is no business of `.museignore` is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SkipReason {
    /// Links are not versioned, and not followed.
    #[error("symbolic links are not versioned")]
    Link,
    /// A pipe, a socket, a device.
    #[error("only regular files are versioned")]
    NotAFile,
    /// The name is not text.
    #[error("the name is not UTF-8")]
    NotUtf8,
    /// No path of a repository.
    #[error("{0}")]
    Path(PathError),
}

/// What a look at the files found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scan {
    /// Every file that is versioned, with what tells whether it changed.
    pub files: BTreeMap<RepoPath, Stamp>,
    /// What is left out and might surprise: at most the first thousand.
    pub skipped: Vec<(PathBuf, SkipReason)>,
}

impl WorkingCopy {
    /// The rules about what is left out, read from `.museignore`.
    pub fn ignore(&self) -> Result<Ignore> {
        let file =
            self.root.read(IGNORE_FILE, MAX_TEXT_BYTES).map_err(WorktreeError::io(IGNORE_FILE))?;
        Ok(Ignore::new(&self.domain, file.as_deref())?)
    }

    /// Looks at all files, without reading them.
    pub fn scan(&self) -> Result<Scan> {
        let mut walk =
            Walk { ignore: self.ignore()?, scan: Scan::default(), waiting: vec![String::new()] };
        // Each directory is opened from the root again: a stack of open ones would have no bound.
        while let Some(prefix) = walk.waiting.pop() {
            let opened = self.root.descend(&prefix).map_err(WorktreeError::io(&prefix))?;
            if let Some(directory) = opened {
                walk.look(&directory, &prefix)?;
            }
        }
        walk.scan.skipped.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Ok(walk.scan)
    }
}

struct Walk {
    ignore: Ignore,
    scan: Scan,
    /// Directories to look into: empty for the root, else ending in `/`.
    waiting: Vec<String>,
}

impl Walk {
    fn look(&mut self, directory: &Dir, prefix: &str) -> Result<()> {
        for (name, found) in directory.entries().map_err(WorktreeError::io(prefix))? {
            match self.judge(&name, found, prefix) {
                Err(reason) if self.scan.skipped.len() < MAX_SKIPPED => {
                    self.scan.skipped.push((PathBuf::from(prefix).join(name), reason));
                }
                Ok(()) | Err(_) => {}
            }
            if self.scan.files.len() > MAX_FILES {
                return Err(WorktreeError::TooManyFiles { max: MAX_FILES });
            }
        }
        Ok(())
    }

    fn judge(&mut self, name: &OsString, found: Found, prefix: &str) -> Result<(), SkipReason> {
        let name = name.to_str().ok_or(SkipReason::NotUtf8)?;
        if found == Found::Directory && self.ignore.is_never(name) {
            return Ok(());
        }
        let path = format!("{prefix}{name}").parse::<RepoPath>().map_err(SkipReason::Path)?;
        match found {
            Found::File(_) | Found::Link | Found::Other if self.ignore.is_ignored(&path) => {}
            Found::File(stamp) => drop(self.scan.files.insert(path, stamp)),
            Found::Directory if self.ignore.is_ignored_whole(&path) => {}
            Found::Directory => self.waiting.push(format!("{path}/")),
            Found::Link => return Err(SkipReason::Link),
            Found::Other => return Err(SkipReason::NotAFile),
        }
        Ok(())
    }
}
