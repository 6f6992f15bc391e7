//! Strict MessagePack, read and written without a dependency (`spec/wire.md` 3).
//!
//! [`Reader`] pulls one item at a time, so that 500 MiB of objects pass through flat memory. It is strict about
//! what the wire forbids (text that is not UTF-8, keys that are not text or repeat, nesting above 64, extension
//! types, bytes after the end) and lenient about what has one meaning only: a number may be written longer than
//! need be. The writer is plain functions, so that an answer can be streamed; it writes the shortest forms.
//!
//! | file        | what is there                        |
//! |-------------|--------------------------------------|
//! | `reader.rs` | [`Reader`]: bytes in, items out      |
//! | `tree.rs`   | whole values: [`Reader::value`], [`Reader::skip`] |
//! | `writer.rs` | headers and values, written          |

mod reader;
#[cfg(test)]
pub(crate) mod tests;
mod tree;
mod writer;

pub use reader::{Kind, MAX_KEY_BYTES, Reader};
pub use writer::{
    encoded_len, write_array_header, write_bool, write_bytes, write_bytes_header, write_f64,
    write_i64, write_map_header, write_nil, write_text, write_text_header, write_u64, write_value,
};
