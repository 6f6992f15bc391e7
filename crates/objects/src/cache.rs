//! Objects of a bucket that are asked for often, on this machine's disk.
//!
//! Only what had the right hash gets in, and whatever is read from here is hashed again like everything else. The cache
//! may be removed while nothing runs; it is no part of a backup.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use moka::{notification::RemovalCause, sync::Cache as Index};
use names::ObjectId;

/// How many bytes of it stay, if nobody says otherwise (`spec/hub.md` 2).
pub const CACHE_BYTES: u64 = 10 << 30;
/// Of how many parts of the cache one object may take at most one.
const SHARE: u64 = 8;

/// The cache.
#[derive(Debug)]
pub(crate) struct Cache {
    dir: Arc<Path>,
    held: Index<ObjectId, u64>,
    largest: u64,
}

impl Cache {
    /// Opens the cache in `dir`, with what an earlier process left in it. Blocks.
    pub(crate) fn open(dir: PathBuf, bytes: u64) -> io::Result<Self> {
        fs::create_dir_all(&dir)?;
        let dir: Arc<Path> = dir.into();
        let place = Arc::clone(&dir);
        let held = Index::builder()
            .max_capacity(bytes / 1024)
            .weigher(|_, bytes: &u64| u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX))
            .eviction_listener(move |id: Arc<ObjectId>, _, cause| {
                // A file that took another one's place has its name.
                if cause != RemovalCause::Replaced {
                    discard(&place.join(id.to_string()));
                }
            })
            .build();
        let cache = Self { dir, held, largest: bytes / SHARE };
        for entry in fs::read_dir(&cache.dir)? {
            let entry = entry?;
            match entry.file_name().to_str().and_then(|name| name.parse().ok()) {
                Some(id) => cache.held.insert(id, entry.metadata()?.len()),
                None => discard(&entry.path()),
            }
        }
        Ok(cache)
    }

    /// The file of an object of `size` bytes, if it is here. Blocks.
    pub(crate) fn get(&self, id: ObjectId, size: u64) -> Option<File> {
        if self.held.get(&id)? == size
            && let Ok(file) = File::open(self.path(id))
            && file.metadata().is_ok_and(|meta| meta.len() == size)
        {
            return Some(file);
        }
        self.held.invalidate(&id);
        None
    }

    /// Takes in a file whose bytes have the hash `id`. Blocks.
    pub(crate) fn admit(&self, id: ObjectId, file: &Path, size: u64) -> io::Result<()> {
        if size > self.largest {
            return fs::remove_file(file);
        }
        fs::rename(file, self.path(id))?;
        self.held.insert(id, size);
        Ok(())
    }

    fn path(&self, id: ObjectId) -> PathBuf {
        self.dir.join(id.to_string())
    }
}

fn discard(path: &Path) {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(?path, %error, "a file of the cache could not be removed");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(cache: &Cache, dir: &Path, bytes: &[u8]) -> ObjectId {
        let (id, file) = (ObjectId::of(bytes), dir.join("part"));
        fs::write(&file, bytes).unwrap();
        cache.admit(id, &file, bytes.len() as u64).unwrap();
        cache.held.run_pending_tasks();
        id
    }

    #[test]
    fn what_is_in_it_is_found_also_by_the_next_process() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("cache");
        let cache = Cache::open(place.clone(), 1 << 20).unwrap();
        let id = put(&cache, dir.path(), b"hot");
        assert!(cache.get(id, 3).is_some());
        assert!(cache.get(ObjectId::of(b"cold"), 4).is_none());
        fs::write(place.join("litter"), b"").unwrap();
        drop(cache);
        let cache = Cache::open(place.clone(), 1 << 20).unwrap();
        assert!(cache.get(id, 3).is_some());
        assert!(!place.join("litter").exists());
        fs::write(place.join(id.to_string()), b"cut").unwrap();
        assert!(cache.get(id, 4).is_none(), "a file of another length is none");
    }

    #[test]
    fn it_holds_no_more_than_it_may() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("cache");
        let cache = Cache::open(place.clone(), 64 << 10).unwrap();
        for n in 0..50u8 {
            put(&cache, dir.path(), &vec![n; 4 << 10]);
        }
        cache.held.run_pending_tasks();
        let files = fs::read_dir(&place).unwrap();
        let held: u64 = files.map(|it| it.unwrap().metadata().unwrap().len()).sum();
        assert!(held <= 64 << 10, "{held}");
        let large = put(&cache, dir.path(), &vec![0; 9 << 10]);
        assert!(cache.get(large, 9 << 10).is_none(), "one object does not fill it");
    }
}
