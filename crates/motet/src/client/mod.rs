//! The signed HTTP client: what the command line, the tests and the benchmarks speak to a server with.
//!
//! Every request of a client that has a key is signed by itself, with a fresh nonce, over exactly the bytes that are sent
//! (`spec/trust.md` 3); a repetition is signed anew. Nothing is followed: a redirect is an error. Plain HTTP goes
//! to this machine only, unless the caller insists. Nothing that a server says is believed before it has been
//! parsed into the types of `names`; whether records and objects are what their ids say is for `crate::transfer`.
//!
//! Knows no working copy, no configuration and no terminal.
//!
//! | file           | what is there                                                       |
//! |----------------|---------------------------------------------------------------------|
//! | `address.rs`   | [`Origin`], [`RepositoryAddress`]: where a server and a repository are |
//! | `error.rs`     | [`ClientError`], [`Refusal`]                                          |
//! | `refusal.rs`   | errors of servers, read                                             |
//! | `transport.rs` | [`Client`]: one request, signed, sent, read                          |
//! | `account.rs`   | registering a key, and who one is                                    |
//! | `local.rs`     | what a local server gives to programs on its machine                  |
//! | `admin.rs`     | background work, for those who run the install                      |
//! | `audit.rs`     | the log of what was done                                             |
//! | `flows.rs`     | signing in on a machine without a browser                            |
//! | `people.rs`    | keys, tokens, agents, organizations, invitations                     |
//! | `mirrors.rs`   | imports and mirrors                                                 |
//! | `repositories.rs` | repositories through the JSON API                                 |
//! | `work.rs`      | pipelines, runs and claims                                           |
//! | `wire.rs`      | [`Wire`]: the calls of wire 1                                         |
//! | `wire2.rs`     | the calls of wire 2 that read                                         |
//! | `push.rs`      | the calls of wire 2 that push                                         |
//! | `batch.rs`     | [`ObjectBatch`]: the body of `push/objects`                           |

mod account;
mod address;
mod admin;
mod audit;
mod batch;
mod error;
mod flows;
mod local;
mod mirrors;
mod people;
mod push;
mod refusal;
mod repositories;
#[cfg(test)]
mod tests;
mod transport;
mod wire;
mod wire2;
mod work;

pub use account::Registered;
pub use address::{AddressError, Origin, RepositoryAddress};
pub use admin::{JobId, NotAWord, Target, Word};
pub use audit::AuditFilter;
pub use batch::{MAX_BATCH_BYTES, MAX_BATCH_OBJECTS, ObjectBatch};
pub use error::ClientError;
pub use flows::DeviceFlow;
pub use push::{Flight, OpenedPush, RefsAndPlaces};
pub use refusal::Refusal;
pub use repositories::Handed;
pub use transport::{Client, Options, ServerTime};
pub use wire::Wire;
pub use wire2::RefsAndLog;
pub use work::{LetterId, RunFilter};
