//! The pieces of a graph file. Each has a check behind it, so that a file that was damaged says so instead of telling
//! another history.

use std::{fmt, sync::Arc};

use names::Digest;

use super::GraphError;

/// What a block carries: a whole number of [`super::layer::ALIGNED`], so that no record lies in two blocks.
pub(super) const PAYLOAD_BYTES: usize = 16_320;
/// The first bytes of the SHA-256 of the block's number and its payload.
pub(super) const CHECK_BYTES: usize = 8;
/// A block in the file. The last one is shorter.
pub const BLOCK_BYTES: usize = PAYLOAD_BYTES + CHECK_BYTES;

/// Where the blocks of one file come from.
pub trait Blocks: Send + Sync + fmt::Debug {
    /// The payload of a block, checked by [`checked`].
    fn block(&self, number: u32) -> Result<Arc<[u8]>, GraphError>;
}

/// The check of a payload. The number is part of it, so that two blocks cannot be swapped.
pub(super) fn check(number: u32, payload: &[u8]) -> [u8; CHECK_BYTES] {
    let mut hasher = names::Hasher::default();
    hasher.update(&number.to_be_bytes());
    hasher.update(payload);
    let digest = Digest::from_bytes(hasher.finish());
    let mut check = [0; CHECK_BYTES];
    check.copy_from_slice(digest.as_bytes().get(..CHECK_BYTES).unwrap_or(&[0; CHECK_BYTES]));
    check
}

/// The payload of the block `number`, if its check holds. `raw` is the block as it lies in the file.
pub fn checked(number: u32, raw: &[u8]) -> Result<Arc<[u8]>, GraphError> {
    let damaged = GraphError::Damaged("a block's check does not hold");
    match raw.split_last_chunk::<CHECK_BYTES>() {
        Some((payload, found)) if *found == check(number, payload) => Ok(payload.into()),
        Some(_) | None => Err(damaged),
    }
}

/// A file in memory.
#[derive(Debug, Clone)]
pub struct InMemory(pub Vec<u8>);

impl Blocks for InMemory {
    fn block(&self, number: u32) -> Result<Arc<[u8]>, GraphError> {
        let from = number as usize * BLOCK_BYTES;
        let end = from.saturating_add(BLOCK_BYTES).min(self.0.len());
        let raw = self.0.get(from..end);
        checked(number, raw.ok_or(GraphError::Damaged("a block is missing"))?)
    }
}
