//! A large object of which a part has come: `objects/parts/<of what>.<object>.<bytes>`, kept until the rest comes.
//!
//! The name says how many bytes are synced; what stands behind them in the file is not believed. It is on this machine
//! alone: where it is not found, the object comes again from its beginning. Whole objects are hashed at their end, so
//! nothing here has to be believed either.
//!
//! One request at a time writes to a part, and holds the lock of its file: one that was cut may still be ending while the
//! next one comes.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Read as _, Write as _},
    path::{Path, PathBuf},
    thread,
    time::{Duration, SystemTime},
};

use names::{Hasher, ObjectId};
use uuid::Uuid;

use crate::{
    Error, Objects, Staging,
    staging::{Current, WRITE_BUFFER},
};

/// How much of a file is in memory while it is hashed.
const PIECE: usize = 256 << 10;

/// How often it is looked whether whoever writes to a part has ended, and how long is waited in between: two seconds.
const TRIES: u32 = 100;
const GLANCE: Duration = Duration::from_millis(20);

/// What is here of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Which object it claims to be.
    pub object: ObjectId,
    /// How many of its bytes are here.
    pub bytes: u64,
}

/// An object that is coming, between two [`Staging`]s.
pub struct Coming(Current);

impl Staging {
    /// Takes out the object that was begun and not ended.
    pub fn take_coming(&mut self) -> Option<Coming> {
        self.current.take().map(Coming)
    }

    /// Goes on with an object that was begun elsewhere. What was begun here and not ended is forgotten.
    pub fn go_on(&mut self, coming: Coming) {
        self.forget_current();
        self.current = Some(coming.0);
    }
}

impl Objects {
    /// Keeps what has come of the object that was begun in `staging`, which claims to be `object`; one part for each
    /// `of`. It still comes. A small one is not worth it.
    pub fn keep_part(
        &self,
        staging: &mut Staging,
        of: Uuid,
        object: ObjectId,
    ) -> Result<(), Error> {
        let Staging { current: Some(current), large: whole, .. } = staging else { return Ok(()) };
        let Some((path, file)) = &mut current.large else { return Ok(()) };
        file.flush()?;
        file.get_ref().sync_data()?;
        // Nobody else knows of it before it has its name; afterwards it is held already.
        file.get_ref().lock()?;
        let mut others = self.parts_of(of)?;
        // What has come whole in the same staging waits for the end of it.
        others.retain(|(other, _)| other != path && whole.values().all(|(it, _)| it != other));
        // Somebody else goes on with it, and this one was given up.
        if others.iter().any(|(other, _)| is_held(other)) {
            return Ok(());
        }
        let part = Part { object, bytes: current.size };
        let kept = self.parts().join(name(of, part));
        fs::create_dir_all(self.parts())?;
        fs::rename(&*path, &kept)?;
        for (other, _) in others.iter().filter(|(other, _)| *other != kept) {
            remove(other)?;
        }
        (*path, current.is_kept) = (kept, true);
        Ok(())
    }

    /// What is kept for `of`.
    pub fn kept_part(&self, of: Uuid) -> Result<Option<Part>, Error> {
        Ok(self.parts_of(of)?.into_iter().map(|(_, part)| part).max_by_key(|part| part.bytes))
    }

    /// Goes on in `staging` behind the first `offset` bytes of an object; false if so many are not kept. Reads them all.
    pub fn resume_part(&self, staging: &mut Staging, of: Uuid, part: Part) -> Result<bool, Error> {
        let offset = part.bytes;
        let Some((path, mut file)) = self.hold_part(of, part)? else { return Ok(false) };
        let (mut hasher, mut size, mut piece) = (Hasher::default(), 0, vec![0; PIECE]);
        let mut head = (&mut file).take(offset);
        loop {
            let count = head.read(&mut piece)?;
            if count == 0 {
                break;
            }
            hasher.update(piece.get(..count).unwrap_or_default());
            size += count as u64;
        }
        if size < offset {
            return Ok(false);
        }
        file.set_len(offset)?;
        let now = self.parts().join(name(of, part));
        fs::rename(path, &now)?;
        let large = Some((now, BufWriter::with_capacity(WRITE_BUFFER, file)));
        staging.go_on(Coming(Current { hasher, size, small: Vec::new(), large, is_kept: true }));
        Ok(true)
    }

    /// The file that holds so much of an object, once nobody else writes to it; nothing if there is none.
    fn hold_part(&self, of: Uuid, part: Part) -> Result<Option<(PathBuf, File)>, Error> {
        let is_enough = |it: &Part| it.object == part.object && it.bytes >= part.bytes;
        for _ in 0..TRIES {
            let kept = self.parts_of(of)?;
            let Some((path, _)) = kept.into_iter().find(|(_, it)| is_enough(it)) else {
                return Ok(None);
            };
            // Whoever held it may have given it another name meanwhile.
            match OpenOptions::new().read(true).write(true).open(&path) {
                Ok(file) if file.try_lock().is_ok() && fs::exists(&path)? => {
                    return Ok(Some((path, file)));
                }
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                Ok(_) | Err(_) => thread::sleep(GLANCE),
            }
        }
        Err(io::Error::from(io::ErrorKind::WouldBlock).into())
    }

    /// Forgets what is kept for `of`.
    pub fn drop_part(&self, of: Uuid) -> Result<(), Error> {
        for (path, _) in self.parts_of(of)? {
            remove(&path)?;
        }
        Ok(())
    }

    /// Forgets what nobody went on with for so long; gives how much that was.
    pub fn drop_old_parts(&self, age: Duration) -> Result<u64, Error> {
        let since = u64::try_from(self.0.clock.now().0).unwrap_or_default();
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(since);
        let mut dropped = 0;
        for path in self.listed()? {
            let changed = fs::metadata(&path).and_then(|data| data.modified());
            let is_old = changed.is_ok_and(|it| now.duration_since(it).is_ok_and(|it| it > age));
            if is_old {
                remove(&path)?;
                dropped += 1;
            }
        }
        Ok(dropped)
    }

    fn parts(&self) -> PathBuf {
        self.0.root.join("parts")
    }

    fn listed(&self) -> Result<Vec<PathBuf>, Error> {
        match fs::read_dir(self.parts()) {
            Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    fn parts_of(&self, of: Uuid) -> Result<Vec<(PathBuf, Part)>, Error> {
        let read = |path: PathBuf| {
            let name = path.file_name()?.to_str()?;
            let (object, bytes) = name.strip_prefix(&format!("{of}."))?.split_once('.')?;
            let part = Part { object: object.parse().ok()?, bytes: bytes.parse().ok()? };
            Some((path, part))
        };
        Ok(self.listed()?.into_iter().filter_map(read).collect())
    }
}

fn name(of: Uuid, Part { object, bytes }: Part) -> String {
    format!("{of}.{object}.{bytes}")
}

/// Whether somebody writes to a part.
fn is_held(path: &Path) -> bool {
    let file = OpenOptions::new().read(true).open(path);
    file.is_ok_and(|file| file.try_lock().is_err())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
