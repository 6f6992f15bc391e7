//! Directories held open, through which everything below is reached one segment at a time and without
//! following symbolic links: a link that is planted while we work cannot lead out of the tree
//! (`spec/wire.md` 2).

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read as _},
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::{ffi::OsStringExt as _, fs::MetadataExt as _},
    },
    path::Path,
};

use names::Random;
use rustix::{
    fs::{self, AtFlags, FileType, Mode, OFlags},
    path::Arg,
};

const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// `NONBLOCK`, so that a pipe with a file's name does not make us wait.
const READ: OFlags =
    OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);
const CREATE: OFlags = OFlags::WRONLY
    .union(OFlags::CREATE)
    .union(OFlags::EXCL)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
const FILE_MODE: Mode = Mode::from_raw_mode(0o666);
const DIRECTORY_MODE: Mode = Mode::from_raw_mode(0o777);

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// A regular file.
    File(Stamp),
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A device, a pipe, a socket.
    Other,
}

/// What tells a file from what it was before, without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    pub(super) size_bytes: u64,
    pub(super) inode: u64,
    /// When the content changed: seconds and nanoseconds.
    pub(super) modified: (i64, i64),
    /// When anything about the file changed; no program can set it back.
    pub(super) changed: (i64, i64),
}

impl Stamp {
    /// The stamp of an open file.
    pub(super) fn of(file: &File) -> io::Result<Self> {
        let data = file.metadata()?;
        Ok(Self {
            size_bytes: data.len(),
            inode: data.ino(),
            modified: (data.mtime(), data.mtime_nsec()),
            changed: (data.ctime(), data.ctime_nsec()),
        })
    }

    /// The length of the file.
    pub const fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Whether the file last changed before the second `second` began: then no later change can look like none.
    pub(super) const fn is_older_than(&self, second: i64) -> bool {
        self.modified.0 < second && self.changed.0 < second
    }
}

/// An open directory.
#[derive(Debug)]
pub(super) struct Dir(OwnedFd);

impl Dir {
    /// Opens the directory where everything begins. Links on the way to it are the user's own, and followed.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(fs::open(path, flags, Mode::empty())?))
    }

    pub(super) fn child(&self, name: &str) -> io::Result<Self> {
        Ok(Self(fs::openat(&self.0, name, DIRECTORY, Mode::empty())?))
    }

    /// Makes the directory `name`; an error if something has the name.
    pub(super) fn make_new_child(&self, name: &str) -> io::Result<Self> {
        fs::mkdirat(&self.0, name, DIRECTORY_MODE)?;
        self.child(name)
    }

    /// The directory called `name`, made if it is not there.
    pub(super) fn make_child(&self, name: &str) -> io::Result<Self> {
        match fs::mkdirat(&self.0, name, DIRECTORY_MODE) {
            Ok(()) => {}
            Err(error) if error == rustix::io::Errno::EXIST => {}
            Err(error) => return Err(error.into()),
        }
        self.child(name)
    }

    /// The directory at `path`, segments joined by `/`; the empty path is this one. None if there is none.
    pub(super) fn descend(&self, path: &str) -> io::Result<Option<Self>> {
        let mut at: Option<Self> = None;
        for segment in segments(path) {
            at = match at.as_ref().unwrap_or(self).child(segment) {
                Ok(child) => Some(child),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            };
        }
        // Opened anew, not shared: who lists it must not move the place of another.
        at.map_or_else(|| self.child("."), Ok).map(Some)
    }

    /// The directory at `path`, with all above it, made where they are not there.
    pub(super) fn make(&self, path: &str) -> io::Result<Self> {
        let mut at: Option<Self> = None;
        for segment in segments(path) {
            // It mostly is there.
            let above = at.as_ref().unwrap_or(self);
            at = Some(match above.child(segment) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    above.make_child(segment)?
                }
                opened => opened?,
            });
        }
        at.map_or_else(|| self.child("."), Ok)
    }

    /// What `name` stands for, if anything.
    pub(super) fn find(&self, name: &str) -> io::Result<Option<Found>> {
        self.stat(name.as_bytes())
    }

    fn stat(&self, name: &[u8]) -> io::Result<Option<Found>> {
        stat(self.0.as_fd(), name)
    }

    /// This directory to be looked through.
    pub(super) fn listing(self) -> io::Result<Listing> {
        Ok(Listing(fs::Dir::new(self.0)?))
    }

    /// Opens a regular file; none if there is nothing, an error if it is anything else.
    pub(super) fn open_file(&self, name: &str) -> io::Result<Option<File>> {
        let file = match fs::openat(&self.0, name, READ, Mode::empty()) {
            Ok(fd) => File::from(fd),
            Err(error) if error == rustix::io::Errno::NOENT => return Ok(None),
            Err(error) if error == rustix::io::Errno::LOOP => {
                return Err(io::Error::other("it is a symbolic link"));
            }
            Err(error) => return Err(error.into()),
        };
        if file.metadata()?.is_file() {
            Ok(Some(file))
        } else {
            Err(io::Error::other("it is not a file"))
        }
    }

    /// The bytes of a regular file of at most `max_bytes`; none if there is nothing.
    pub(super) fn read(&self, name: &str, max_bytes: u64) -> io::Result<Option<Vec<u8>>> {
        let Some(file) = self.open_file(name)? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > max_bytes {
            return Err(io::Error::other(format!("it is longer than {max_bytes} bytes")));
        }
        Ok(Some(bytes))
    }

    /// Makes `name` a file with what `pour` writes, whole or not at all: a temporary file in `temporaries`, on
    /// the same file system, takes the name when it is complete. Whatever had the name before is replaced, but
    /// for a directory. A crash of the machine may lose or empty it, unless `pour` syncs, or [`Dir::sync_all`]
    /// follows.
    pub(super) fn write_with<T, E: From<io::Error>>(
        &self,
        name: &str,
        temporaries: &Self,
        random: &Random,
        pour: impl FnOnce(&mut File) -> Result<T, E>,
    ) -> Result<T, E> {
        let temporary = format!(".motet-{:032x}", u128::from_be_bytes(random.bytes()));
        let mut file = temporaries.create(&temporary)?;
        let written = pour(&mut file).and_then(|value| {
            fs::renameat(&temporaries.0, &temporary, &self.0, name).map_err(io::Error::from)?;
            Ok(value)
        });
        if written.is_err() {
            // The first error is the one to tell; what is left behind is only a temporary file.
            fs::unlinkat(&temporaries.0, &temporary, AtFlags::empty()).unwrap_or_default();
        }
        written
    }

    fn create(&self, name: &str) -> io::Result<File> {
        Ok(File::from(fs::openat(&self.0, name, CREATE, FILE_MODE)?))
    }

    /// Opens a regular file to be read and written; it is made if there is none.
    pub(super) fn open_to_write(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(fs::openat(&self.0, name, flags | OFlags::NONBLOCK, FILE_MODE)?);
        if file.metadata()?.is_file() {
            Ok(file)
        } else {
            Err(io::Error::other("it is not a file"))
        }
    }

    /// What tells this directory from others on its file system.
    pub(super) fn inode(&self) -> io::Result<u64> {
        Ok(fs::fstat(&self.0)?.st_ino)
    }

    /// What time it is by the clock that stamps the files here, in whole seconds.
    pub(super) fn second(&self, random: &Random) -> io::Result<i64> {
        let name = format!(".motet-{:032x}", u128::from_be_bytes(random.bytes()));
        let file = self.create(&name)?;
        fs::unlinkat(&self.0, &name, AtFlags::empty())?;
        Ok(Stamp::of(&file)?.modified.0)
    }

    /// Moves whatever is called `name` into `target`, on the same file system.
    pub(super) fn move_to(&self, name: &str, target: &Self, new_name: &str) -> io::Result<()> {
        Ok(fs::renameat(&self.0, name, &target.0, new_name)?)
    }

    /// Opens a file for adding at its end.
    pub(super) fn append(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::WRONLY
            | OFlags::CREATE
            | OFlags::APPEND
            | OFlags::NOFOLLOW
            | OFlags::CLOEXEC
            | OFlags::NONBLOCK;
        Ok(File::from(fs::openat(&self.0, name, flags, FILE_MODE)?))
    }

    /// Removes a file; nothing there is fine.
    pub(super) fn remove_file(&self, name: &str) -> io::Result<()> {
        absent_is_fine(fs::unlinkat(&self.0, name, AtFlags::empty()))
    }

    /// Removes a directory if it is empty; says whether it is gone.
    pub(super) fn remove_empty(&self, name: &str) -> io::Result<bool> {
        match absent_is_fine(fs::unlinkat(&self.0, name, AtFlags::REMOVEDIR)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Waits until all that was written to this file system is on the disk. One wait for a thousand objects
    /// costs less than a thousand.
    pub(super) fn sync_all(&self) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        fs::syncfs(&self.0)?;
        #[cfg(not(target_os = "linux"))]
        fs::sync();
        Ok(())
    }

    /// Waits until the names in this directory are on the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(fs::fsync(&self.0)?)
    }

    /// The names in this directory, in no order.
    pub(super) fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in fs::Dir::read_from(&self.0)? {
            let name = entry?.file_name().to_bytes().to_vec();
            if name != b"." && name != b".." {
                names.push(OsString::from_vec(name));
            }
        }
        Ok(names)
    }

    /// The names in this directory, sorted by bytes, and what they stand for.
    pub(super) fn entries(&self) -> io::Result<Vec<(OsString, Found)>> {
        let mut entries = Vec::new();
        for entry in fs::Dir::read_from(&self.0)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"."
                && name != b".."
                && let Some(found) = self.stat(name)?
            {
                entries.push((OsString::from_vec(name.to_vec()), found));
            }
        }
        entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Ok(entries)
    }
}

/// A directory that is looked through.
#[derive(Debug)]
pub(super) struct Listing(fs::Dir);

/// What a directory says that a name stands for, before the name itself is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listed {
    Directory,
    Link,
    Other,
    /// A file, or something that has to be asked.
    Unasked,
}

impl Listing {
    /// The next name in it, in no order.
    pub(super) fn next(&mut self) -> io::Result<Option<(Name, Listed)>> {
        while let Some(entry) = self.0.read() {
            let entry = entry?;
            if matches!(entry.file_name().to_bytes(), b"." | b"..") {
                continue;
            }
            let listed = match entry.file_type() {
                FileType::Directory => Listed::Directory,
                FileType::Symlink => Listed::Link,
                FileType::RegularFile | FileType::Unknown => Listed::Unasked,
                _ => Listed::Other,
            };
            return Ok(Some((Name(entry), listed)));
        }
        Ok(None)
    }

    /// What a name in it stands for, if anything.
    pub(super) fn find(&self, name: &Name) -> io::Result<Option<Found>> {
        stat(self.0.fd()?, name.0.file_name())
    }

    /// The directory `name` in it; none if it is gone.
    pub(super) fn child(&self, name: &str) -> io::Result<Option<Dir>> {
        match fs::openat(self.0.fd()?, name, DIRECTORY, Mode::empty()) {
            Ok(fd) => Ok(Some(Dir(fd))),
            Err(error) if error == rustix::io::Errno::NOENT => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// A name that a directory told.
pub(super) struct Name(fs::DirEntry);

impl Name {
    /// The name as text; none if it is none.
    pub(super) fn text(&self) -> Option<&str> {
        self.0.file_name().to_str().ok()
    }

    /// The name as it is.
    pub(super) fn raw(&self) -> OsString {
        OsString::from_vec(self.0.file_name().to_bytes().to_vec())
    }
}

fn stat(directory: BorrowedFd<'_>, name: impl Arg) -> io::Result<Option<Found>> {
    let stat = match fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(error) if error == rustix::io::Errno::NOENT => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    Ok(Some(match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => {
            let nanos = |nanos| i64::try_from(nanos).unwrap_or_default();
            Found::File(Stamp {
                size_bytes: u64::try_from(stat.st_size).unwrap_or_default(),
                inode: stat.st_ino,
                modified: (stat.st_mtime, nanos(stat.st_mtime_nsec)),
                changed: (stat.st_ctime, nanos(stat.st_ctime_nsec)),
            })
        }
        FileType::Directory => Found::Directory,
        FileType::Symlink => Found::Link,
        _ => Found::Other,
    }))
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

fn absent_is_fine(result: rustix::io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error != rustix::io::Errno::NOENT => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}
