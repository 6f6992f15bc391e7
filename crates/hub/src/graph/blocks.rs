//! Blocks of graph files, read where they lie and kept for a while.
//!
//! One pool for all repositories of the process, of bounded size: what is read often stays, what is read once goes. A file is
//! read by position, so nothing is mapped into memory (`docs/decisions/0013`).

use std::{
    collections::HashMap,
    fmt,
    fs::File,
    os::unix::fs::FileExt as _,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use history::graph::{BLOCK_BYTES, Blocks, GraphError, checked};

/// Blocks of each half of the pool: both together are about 25 MB, the links of a million commits.
const HALF: usize = 768;

type Held = HashMap<(u64, u32), Arc<[u8]>>;

/// What was read lately. When the young half is full it becomes the old one, and what was old and not asked for again is
/// forgotten.
#[derive(Debug, Default)]
struct Halves {
    young: Held,
    old: Held,
}

/// The blocks that this process keeps.
#[derive(Default)]
pub(super) struct Shelf {
    halves: Mutex<Halves>,
    files: AtomicU64,
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shelf")
    }
}

impl Shelf {
    /// The blocks of `file`, kept on this pool.
    pub(super) fn of(self: &Arc<Self>, file: File) -> Box<dyn Blocks> {
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        Box::new(FileBlocks { file, number, pool: Arc::clone(self) })
    }

    fn get(&self, key: (u64, u32)) -> Option<Arc<[u8]>> {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(block) = halves.young.get(&key) {
            return Some(Arc::clone(block));
        }
        let block = halves.old.remove(&key)?;
        put(&mut halves, key, &block);
        Some(block)
    }

    fn keep(&self, key: (u64, u32), block: &Arc<[u8]>) {
        put(&mut self.halves.lock().unwrap_or_else(PoisonError::into_inner), key, block);
    }
}

fn put(halves: &mut Halves, key: (u64, u32), block: &Arc<[u8]>) {
    if halves.young.len() >= HALF {
        halves.old = std::mem::take(&mut halves.young);
    }
    halves.young.insert(key, Arc::clone(block));
}

#[derive(Debug)]
struct FileBlocks {
    file: File,
    /// Which file, of all that the process has opened.
    number: u64,
    pool: Arc<Shelf>,
}

impl Blocks for FileBlocks {
    fn block(&self, number: u32) -> Result<Arc<[u8]>, GraphError> {
        let key = (self.number, number);
        if let Some(block) = self.pool.get(key) {
            return Ok(block);
        }
        let mut raw = vec![0; BLOCK_BYTES];
        let (from, mut filled) = (u64::from(number) * BLOCK_BYTES as u64, 0);
        // The last block is short, and a read may give less than there is.
        while let Some(rest) = raw.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let read = self.file.read_at(rest, from + filled as u64);
            match read.map_err(|error| GraphError::Read(error.to_string().into()))? {
                0 => break,
                read => filled += read,
            }
        }
        let block = checked(number, raw.get(..filled).unwrap_or_default())?;
        self.pool.keep(key, &block);
        Ok(block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shelf_is_bounded_and_keeps_what_is_asked_for() {
        let pool = Shelf::default();
        let block: Arc<[u8]> = [1, 2, 3].into();
        pool.keep((0, 0), &block);
        for number in 1..10_000 {
            pool.keep((0, number), &block);
            assert!(pool.get((0, 0)).is_some(), "{number}");
        }
        let halves = pool.halves.into_inner().unwrap();
        assert!(halves.young.len() + halves.old.len() <= 2 * HALF);
    }
}
