//! What the streams of pushes have come to, for the digest at their ends: a stream that goes on has that of the whole.
//!
//! Kept by the process that took what came before. Where another one did, or it was too long ago, a digest cannot be compared;
//! each thing still has its id.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use names::{Hasher, Id};
use uuid::Uuid;

use super::session::Session;

/// Streams that are remembered: some hundred bytes each.
const REMEMBERED: usize = 4_096;

/// By push: up to where, and what it has come to there.
static SEEN: Mutex<BTreeMap<Uuid, (u64, Hasher)>> = Mutex::new(BTreeMap::new());

/// Remembers what a stream has come to at `offset`.
pub(super) fn remember(id: Id<Session>, offset: u64, seen: Option<Hasher>) {
    let mut all = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    all.remove(&id.uuid());
    let Some(seen) = seen else { return };
    if all.len() >= REMEMBERED {
        all.pop_first();
    }
    all.insert(id.uuid(), (offset, seen));
}

/// What a stream had come to at `offset`.
pub(super) fn at(id: Id<Session>, offset: u64) -> Option<Hasher> {
    let all = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    all.get(&id.uuid()).filter(|(at, _)| *at == offset).map(|(_, seen)| seen.clone())
}

/// Forgets a stream that has ended.
pub(super) fn forget(id: Id<Session>) {
    remember(id, 0, None);
}
