//! A directory that is the user's alone, and files in it, opened without following a link in their place.

use std::{
    fs::{DirBuilder, File},
    io::{self, Read as _, Write as _},
    os::{
        fd::OwnedFd,
        unix::fs::{DirBuilderExt as _, MetadataExt as _},
    },
    path::{Path, PathBuf},
};

use names::Random;
use rustix::{
    fs::{self, AtFlags, Mode, OFlags},
    io::Errno,
};

use super::{Result, StoreError};

/// Everybody's rights but the user's.
const OTHERS: u32 = 0o077;

/// The open directory.
pub(super) struct Directory {
    path: PathBuf,
    fd: OwnedFd,
}

impl Directory {
    /// Opens it; none if it is not there.
    pub(super) fn open(path: &Path) -> Result<Option<Self>> {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = match fs::open(path, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(_) if is_link(path) => return Err(StoreError::Link { path: path.to_owned() }),
            Err(error) => return Err(io_error(path)(error.into())),
        };
        let directory = File::from(fd);
        check_mode(path, &directory)?;
        Ok(Some(Self { path: path.to_owned(), fd: directory.into() }))
    }

    /// Opens it, and makes it, for the user alone, if it is not there.
    pub(super) fn make(path: &Path) -> Result<Self> {
        if let Some(directory) = Self::open(path)? {
            return Ok(directory);
        }
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(io_error(parent))?;
        }
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(io_error(path)(error));
            }
            Ok(()) | Err(_) => {}
        }
        Self::open(path)?.ok_or_else(|| io_error(path)(io::ErrorKind::NotFound.into()))
    }

    /// The text of a file; none if it is not there.
    pub(super) fn read_text(&self, name: &str, max_bytes: u64) -> Result<Option<String>> {
        let path = self.path.join(name);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = match fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => File::from(fd),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => return Err(StoreError::Link { path }),
            Err(error) => return Err(io_error(&path)(error.into())),
        };
        check_mode(&path, &file)?;
        let mut text = String::new();
        file.take(max_bytes).read_to_string(&mut text).map_err(io_error(&path))?;
        Ok(Some(text))
    }

    /// Makes `name` hold `bytes`, as a whole or not at all.
    pub(super) fn replace(&self, name: &str, bytes: &[u8], random: &Random) -> Result<()> {
        let path = self.path.join(name);
        if is_link(&path) {
            return Err(StoreError::Link { path });
        }
        let temporary = format!(".{name}-{:032x}", u128::from_be_bytes(random.bytes()));
        let replace = || -> io::Result<()> {
            let mut file = self.create(&temporary)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::renameat(&self.fd, &temporary, &self.fd, name)?;
            Ok(fs::fsync(&self.fd)?)
        };
        replace().map_err(|error| {
            // The first error is the one to tell.
            fs::unlinkat(&self.fd, &temporary, AtFlags::empty()).unwrap_or_default();
            io_error(&path)(error)
        })
    }

    fn create(&self, name: &str) -> io::Result<File> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(File::from(fs::openat(&self.fd, name, flags, Mode::RUSR | Mode::WUSR)?))
    }
}

fn is_link(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink())
}

/// Refuses what others can use.
pub(super) fn check_mode(path: &Path, file: &File) -> Result<()> {
    let mode = file.metadata().map_err(io_error(path))?.mode() & 0o777;
    if mode & OTHERS == 0 {
        return Ok(());
    }
    Err(StoreError::Open { path: path.to_owned(), mode })
}

/// Says which file an error is about.
pub(super) fn io_error(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |cause| StoreError::Io { path: path.to_owned(), cause }
}
