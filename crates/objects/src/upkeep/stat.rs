//! What is stored, in numbers.

use super::store;
use crate::{Error, Objects};

/// Objects that have something in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// What: a state, or a class of sizes.
    pub name: String,
    /// How many.
    pub objects: u64,
    /// Their bytes, each object once.
    pub bytes: u64,
}

/// Counts that come in one question.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// Files in which small objects lie together.
    pub segments: u64,
    /// Their bytes.
    pub segment_bytes: u64,
    /// Copies in files of their own.
    pub files: u64,
    /// Their bytes.
    pub file_bytes: u64,
    /// Links from repositories to objects.
    pub links: u64,
    /// The bytes that repositories show: an object counts for each that links it.
    pub linked_bytes: u64,
    /// Objects that were received and are linked by nothing yet.
    pub pending: u64,
    /// Files that no row names and that are to be removed.
    pub waste: u64,
    /// Their bytes.
    pub waste_bytes: u64,
    /// Faults that are not over.
    pub open_faults: u64,
}

/// What is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statistics {
    /// Objects by their state.
    pub states: Vec<Group>,
    /// Objects by their size.
    pub sizes: Vec<Group>,
    /// The rest.
    pub sums: Sums,
    /// Free and all bytes of the file system, where the store is on one.
    pub space: Option<(u64, u64)>,
}

impl Statistics {
    /// Bytes that the store takes.
    pub const fn physical_bytes(&self) -> u64 {
        self.sums.segment_bytes + self.sums.file_bytes + self.sums.waste_bytes
    }

    /// Bytes that would be there more than once if every repository had its own.
    pub fn saved_by_joining(&self) -> u64 {
        // What is broken is linked all the same.
        let wanted = self.states.iter().filter(|it| it.name != "dead");
        self.sums.linked_bytes.saturating_sub(wanted.map(|it| it.bytes).sum())
    }
}

impl Objects {
    /// Counts everything. It walks whole tables: for people, not for every request.
    pub async fn statistics(&self) -> Result<Statistics, Error> {
        let mut tx = self.0.db.read().await?;
        Ok(Statistics {
            states: store::by_state(&mut tx).await?,
            sizes: store::by_size(&mut tx).await?,
            sums: store::sums(&mut tx).await?,
            space: self.space().ok(),
        })
    }
}
