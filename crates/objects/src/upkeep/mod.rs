//! What keeps the store sound and small, a bounded step at a time. Jobs of the rooms above call the steps; each can be
//! cut off anywhere and begun again.
//!
//! ```text
//!  linked ──unlinked──▶ loose ──entomb──▶ dead (a tombstone) ──sweep, after its grace──▶ waste ──clear──▶ gone
//!     ▲                                    │
//!     └──────── linked or sent again ──────┘
//! ```
//!
//! | file         | what is there                                                                   |
//! |--------------|---------------------------------------------------------------------------------|
//! | `check.rs`   | bytes are hashed again; what is wrong is marked, and healed from another copy      |
//! | `join.rs`    | of several copies of an object one stays                                           |
//! | `compact.rs` | segments that are mostly dead are rewritten                                        |
//! | `tombs.rs`   | what nobody links becomes a tombstone, and goes after a while                      |
//! | `waste.rs`   | bytes without rows: removed once readers have finished, or kept in quarantine first |
//! | `orphans.rs` | rows without bytes, bytes without rows                                             |
//! | `stat.rs`    | [`Statistics`]                                                                     |
//! | `store.rs`   | the SQL                                                                            |
//!
//! Invariant: bytes are removed only when no row names them, and a row goes only in a transaction that has looked again
//! whether anything links the object.

mod check;
mod compact;
mod join;
mod orphans;
mod stat;
mod store;
mod tombs;
mod waste;

use std::time::Duration;

use names::ObjectId;

pub use check::{Checked, Pace};
pub use stat::{Group, Statistics, Sums};
pub(crate) use store::STATEMENTS;
pub use tombs::Collected;

/// How long bytes stay that no row names any more: a backup copies the rows first and the bytes after them.
pub(crate) const RETAIN: Duration = Duration::from_hours(48);
/// How long they stay if they have to go soon: whoever found their place before may still be reading.
pub(crate) const LINGER: Duration = Duration::from_mins(10);
/// How long something lies in quarantine before it goes.
pub(crate) const QUARANTINE: Duration = Duration::from_hours(14 * 24);
/// How old bytes without a row must be before they are taken for orphans: an upload writes its rows within minutes.
pub(crate) const ORPHAN_AGE: Duration = Duration::from_hours(24);

/// What a step did, and where the next one goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Where the next step begins; nothing at the end of the walk.
    pub next: Option<ObjectId>,
    /// How many things this step changed.
    pub changed: u64,
}
