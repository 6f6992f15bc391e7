//! What travels between server, command line and tests: request and answer types, the strict codecs of the
//! Muse wire, and the table of error codes.
//!
//! Owns shapes, never rules: a type here says what a message holds, the room that serves it says who may send
//! it. Opens nothing by itself: it reads and writes what it is handed. Knows no framework, no database.
//!
//! | file          | what is there                                                            |
//! |---------------|--------------------------------------------------------------------------|
//! | `problem.rs`  | [`ProblemBody`], the RFC 9457 error                                        |
//! | `json.rs`     | the JSON API's requests and answers                                        |
//! | `record.rs`   | [`CommitRecord`], [`SnapshotRecord`]: the records of a Muse history         |
//! | `decode.rs`   | [`DecodeError`], [`Limits`], [`Scale`]: what both codecs share               |
//! | `value.rs`    | [`Value`]: one decoded wire message, from MessagePack or JSON               |
//! | `msgpack.rs`  | strict MessagePack, read and written                                       |
//! | `git_command.rs` | [`GitCommand`]: the one thing that Git asks for over SSH                   |
//! | `git_lines.rs` | [`PacketHead`], [`RefUpdate`], [`GitProtocol`]: what Git says in lines      |
//! | `search.rs`   | the query language of searches                                             |
//! | `wire.rs`     | the messages of wire 1, from and to [`Value`]                               |

mod decode;
mod git_command;
mod git_lines;
pub mod json;
pub mod msgpack;
mod problem;
mod record;
pub mod search;
pub mod stream;
mod value;
pub mod wire;
pub mod wire2;

pub use decode::{DecodeError, Limits, MAX_DEPTH, Scale};
pub use git_command::{GitCommand, GitCommandError, GitVerb};
pub use git_lines::{GitProtocol, PacketHead, RefUpdate, packet};
pub use problem::{FieldProblem, ProblemBody};
pub use record::{CommitRecord, SnapshotRecord};
pub use value::Value;
pub use wire::{WireCode, WireError};
