//! The words of the house: values that cannot be wrong.
//!
//! Whatever crosses a boundary (an address, a header, a row, a wire frame) becomes one of these types
//! before anything else looks at it, and stays one until it leaves. Nothing here does I/O but for the
//! machine's clock and random source, knows a framework, or fails anywhere but in a constructor.
//!
//! Parsing is the only way in: fields are private, there are no setters, and serde goes through the same
//! `FromStr` that an address does.
//!
//! | file        | what is there                                                        |
//! |-------------|----------------------------------------------------------------------|
//! | `clock.rs`  | [`Clock`], [`UnixMillis`]: time, injected                             |
//! | `random.rs` | [`Random`]: chance, injected                                          |
//! | `id.rs`     | [`Id`]: UUIDv7 row ids, one type a kind of thing                      |
//! | `digest.rs` | [`ObjectId`], [`SnapshotId`], [`CommitId`], [`NodeId`]: names by content    |
//! | `handle.rs` | [`Handle`], [`RepositoryName`]                                        |
//! | `branch.rs` | [`BranchName`]                                                        |
//! | `path.rs`   | [`RepoPath`]: a path inside a repository                              |
//! | `secret.rs` | [`Secret`]: what must not be seen                                     |

mod branch;
mod clock;
mod digest;
mod handle;
mod id;
mod path;
mod random;
mod secret;

pub use branch::{BranchError, BranchName};
pub use clock::{Clock, Steady, UnixMillis};
pub use digest::{BadDigest, CommitId, Digest, Hasher, NodeId, ObjectId, SnapshotId};
pub use handle::{Handle, NameError, RepositoryName};
pub use id::Id;
pub use path::{PathError, RepoPath};
pub use random::Random;
pub use secret::Secret;
