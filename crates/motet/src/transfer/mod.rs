//! Histories between a working copy and a server, over wire 1.
//!
//! Nothing that a server sent reaches a branch before all of it has been checked: every name and path parsed,
//! every id computed again, every parent, snapshot and object of the received history there. What is written is
//! written in the order objects, snapshots, commits; refs are the caller's, last.
//!
//! | file       | what is there                                       |
//! |------------|-----------------------------------------------------|
//! | `error.rs` | [`TransferError`]                                     |
//! | `heads.rs` | [`Heads`]: what the branches of a server are            |
//! | `push.rs`  | [`push()`]                                            |
//! | `fetch.rs` | [`fetch()`]                                           |

mod error;
mod fetch;
mod heads;
mod push;
#[cfg(test)]
mod tests;

pub use error::TransferError;
pub use fetch::{Fetched, fetch};
pub use heads::Heads;
pub use push::{PushOptions, Pushed, push};
