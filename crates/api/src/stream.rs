//! The stream of wire 2: what a history of any size travels in (`spec/wire.md` 9.1).
//!
//! Pure: bytes in, frames out, and back. Owns the form of a stream: its frames, their caps, what may follow what,
//! counts and digest. Whether an object has the hash that names it, and whether a history is closed, is for whoever
//! keeps histories. Memory is bounded by one frame, whatever a peer declares.
//!
//! | file         | what is there                                                            |
//! |--------------|--------------------------------------------------------------------------|
//! | `limits.rs`  | the caps                                                                   |
//! | `frame.rs`   | [`Frame`]: what a stream is made of                                        |
//! | `payload.rs` | frames from and to their payloads                                          |
//! | `pack.rs`    | zstd inside of frames; what would grow too large is refused before it grows |
//! | `writer.rs`  | [`Writer`]: frames to bytes                                                |
//! | `decoder.rs` | [`Decoder`]: bytes to frames                                               |
//! | `order.rs`   | what may follow what                                                       |
//! | `error.rs`   | [`StreamError`]                                                            |

mod decoder;
mod error;
mod frame;
pub mod limits;
mod order;
mod pack;
mod payload;
#[cfg(test)]
mod tests;
mod writer;

pub use decoder::Decoder;
pub use error::StreamError;
pub use frame::{
    Begin, Counts, End, Frame, LargeObject, Progress, SmallObject, SnapshotPart, StreamKind,
};
pub use writer::Writer;

/// The media type of a stream.
pub const MEDIA_TYPE: &str = "application/vnd.motet.stream";
