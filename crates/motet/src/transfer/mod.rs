//! Histories between a working copy and a server.
//!
//! Nothing that a server sent reaches a branch before all of it has been checked: every name and path parsed,
//! every id computed again, every parent, snapshot and object of the received history there. What is written is
//! written in the order objects, snapshots, commits; refs are the caller's, last.
//!
//! | file          | what is there                                          |
//! |---------------|--------------------------------------------------------|
//! | `error.rs`    | [`TransferError`]                                        |
//! | `heads.rs`    | [`Heads`]: what the branches of a server are               |
//! | `source.rs`   | [`Source`]: a repository on a server, whichever wire it speaks |
//! | `incoming.rs` | [`Incoming`]: what comes, checked before it is kept         |
//! | `pages.rs`    | a history over wire 2, page by page                        |
//! | `receiver.rs` | what comes in pages, checked before it is kept              |
//! | `promise.rs`  | [`Promise`]: what was left there, brought when it is needed |
//! | `log.rs`      | the log of a server is followed, and believed only as far as it goes on |
//! | `note.rs`     | how far a transfer has come, where it is cut                |
//! | `fetch.rs`    | [`fetch()`]                                              |
//! | `unpack.rs`   | a history from a file that was taken away                   |
//! | `push.rs`     | [`push()`], and what it sends over wire 1                  |
//! | `push_pages/` | a push over wire 2                                       |

mod error;
mod fetch;
mod heads;
mod incoming;
mod log;
mod note;
#[cfg(test)]
mod paged_tests;
mod pages;
mod promise;
mod push;
mod push_pages;
mod receiver;
mod source;
#[cfg(test)]
mod tests;
mod unpack;

pub use error::TransferError;
pub use fetch::{Files, fetch};
pub use heads::Heads;
pub use incoming::{Fetched, Incoming};
pub use log::Keys;
pub use note::Note;
pub use promise::Promise;
pub use push::{PushOptions, Pushed, PushedRef, RefName, push};
pub use source::{Offer, Source};
pub use unpack::{UnpackError, check_unpacked, unpack};
