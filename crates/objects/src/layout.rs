//! Where things are on disk, below `objects/` (`spec/hub.md` 2).
//!
//! | place                  | holds                                                     |
//! |------------------------|-----------------------------------------------------------|
//! | `sha256/ab/cdef…`      | one object, raw                                            |
//! | `segments/<uuid>.seg`  | small objects of one upload, one after the other           |
//! | `tmp/`                 | being written; emptied at boot                             |

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use names::ObjectId;
use uuid::Uuid;

use crate::{Error, Place};

#[derive(Debug)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub(crate) fn open(root: &Path) -> Result<Self, Error> {
        let layout = Self { root: root.to_owned() };
        for dir in
            [layout.root.clone(), layout.root.join("sha256"), layout.segments(), layout.tmp()]
        {
            fs::create_dir_all(dir)?;
        }
        // No row can name a file in here: rows are written only after the rename.
        for entry in fs::read_dir(layout.tmp())? {
            fs::remove_file(entry?.path())?;
        }
        sync_dir(&layout.root)?;
        Ok(layout)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    pub(crate) fn segments(&self) -> PathBuf {
        self.root.join("segments")
    }

    pub(crate) fn segment(&self, id: Uuid) -> PathBuf {
        self.segments().join(format!("{id}.seg"))
    }

    /// The file of one object, and the directory that it is in.
    pub(crate) fn object(&self, id: ObjectId) -> (PathBuf, PathBuf) {
        let text = id.to_string();
        let (prefix, rest) = text.split_at(2);
        let dir = self.root.join("sha256").join(prefix);
        (dir.join(rest), dir)
    }

    pub(crate) fn file_of(&self, id: ObjectId, place: &Place) -> PathBuf {
        match place.segment {
            Some(segment) => self.segment(segment),
            None => self.object(id).0,
        }
    }

    pub(crate) fn probe(&self, nonce: &[u8; 16]) -> Result<(), Error> {
        let path = self.tmp().join(format!("probe-{}", Uuid::from_bytes(*nonce)));
        File::create_new(&path)?.write_all(nonce)?;
        let read = crate::read_to_limit(&mut File::open(&path)?, nonce.len() + 1)?;
        fs::remove_file(&path)?;
        if read == nonce {
            Ok(())
        } else {
            Err(io::Error::other("the probe file came back with other bytes").into())
        }
    }

    pub(crate) fn space(&self) -> io::Result<(u64, u64)> {
        let stat = rustix::fs::statvfs(&self.root)?;
        Ok((stat.f_bavail * stat.f_frsize, stat.f_blocks * stat.f_frsize))
    }
}

/// Makes renames and new names in `dir` durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
