//! Which files belong to the next snapshot (`spec/wire.md` 2).

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf};

use names::{PathError, RepoPath};

use super::{
    IGNORE_FILE, Ignore, Result, WorkingCopy, WorktreeError,
    dir::{Dir, Found, Listing, Stamp},
    files::MAX_TEXT_BYTES,
};

/// The most files in a snapshot (`spec/wire.md` 10).
pub const MAX_FILES: usize = 1_000_000;
/// The most left-out files that are named; the others are counted with their directories, not one by one.
const MAX_SKIPPED: usize = 1000;
/// How many directories are held open, one inside another.
const MAX_OPEN: usize = 64;

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
        let mut walk = Walk {
            ignore: self.ignore()?,
            files: Vec::new(),
            skipped: Vec::new(),
            inside: Vec::new(),
        };
        let mut open = Vec::new();
        let mut next =
            Some((self.root.descend("").map_err(WorktreeError::io("."))?, String::new()));
        while let Some((directory, prefix)) = next {
            if let Some(directory) = directory {
                let mut listing = directory.listing().map_err(WorktreeError::io(&prefix))?;
                walk.look(&mut listing, &prefix)?;
                let inside = std::mem::take(&mut walk.inside);
                // Deeper down each one is opened from the root again: no tree may take all our files.
                let listing = (open.len() < MAX_OPEN).then_some(listing);
                open.push(Open { listing, prefix, inside });
            }
            next = self.next_directory(&mut open)?;
        }
        walk.skipped.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Ok(Scan { files: walk.files.into_iter().collect(), skipped: walk.skipped })
    }

    /// The next directory to look into, with its prefix.
    fn next_directory(&self, open: &mut Vec<Open>) -> Result<Option<(Option<Dir>, String)>> {
        while let Some(last) = open.last_mut() {
            if let Some(name) = last.inside.pop() {
                let prefix = format!("{}{name}/", last.prefix);
                let opened = match &last.listing {
                    Some(listing) => listing.child(&name),
                    None => self.root.descend(&prefix),
                };
                return Ok(Some((opened.map_err(WorktreeError::io(&prefix))?, prefix)));
            }
            open.pop();
        }
        Ok(None)
    }
}

/// A directory, some of whose directories have yet to be looked into.
struct Open {
    listing: Option<Listing>,
    /// Empty for the root, else ending in `/`.
    prefix: String,
    inside: Vec<String>,
}

struct Walk {
    ignore: Ignore,
    files: Vec<(RepoPath, Stamp)>,
    skipped: Vec<(PathBuf, SkipReason)>,
    /// The directories to look into of the one that was looked at last.
    inside: Vec<String>,
}

impl Walk {
    fn look(&mut self, listing: &mut Listing, prefix: &str) -> Result<()> {
        for (name, found) in listing.entries().map_err(WorktreeError::io(prefix))? {
            match self.judge(&name, found, prefix) {
                Err(reason) if self.skipped.len() < MAX_SKIPPED => {
                    self.skipped.push((PathBuf::from(prefix).join(name), reason));
                }
                Ok(()) | Err(_) => {}
            }
            if self.files.len() > MAX_FILES {
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
            Found::File(stamp) => self.files.push((path, stamp)),
            Found::Directory if self.ignore.is_ignored_whole(&path) => {}
            Found::Directory => self.inside.push(name.to_owned()),
            Found::Link => return Err(SkipReason::Link),
            Found::Other => return Err(SkipReason::NotAFile),
        }
        Ok(())
    }
}
