//! Objects of Git as foreign bytes: commits, tags and trees, read strictly and with caps.
//!
//! Nothing here does I/O, knows packs, or hashes: whoever hands in the bytes says how they are called. What Git's own check
//! of received objects refuses is refused here too; beyond that only what could not be kept or shown.
//!
//! Texts of a commit become UTF-8 here: what is none is replaced by U+FFFD, and so is NUL, which no column holds. The bytes
//! themselves stay in the packs.
//!
//! | file        | what is there                                                        |
//! |-------------|----------------------------------------------------------------------|
//! | `headers.rs`| the lines before the message                                         |
//! | `person.rs` | [`Person`]: who, and when                                              |
//! | `commit.rs` | [`GitCommit`]: a commit, and what of it is signed                      |
//! | `tag.rs`    | [`GitTag`]: a tag with a message                                       |
//! | `tree.rs`   | [`read_tree`], [`tree_node`]: a directory                               |
//! | `write.rs`  | [`write_tree`], [`NewGitCommit`]: what this server makes itself         |
//! | `name.rs`   | [`shown_name`]: names that no path can hold                            |

mod commit;
mod headers;
mod name;
mod person;
mod tag;
#[cfg(test)]
mod tests;
mod tree;
mod write;

use std::ops::Range;

pub use commit::{GitCommit, MAX_COMMIT_BYTES, MAX_PARENTS};
pub use name::shown_name;
pub use person::Person;
pub use tag::{GitTag, MAX_TAG_BYTES, Tagged};
pub use tree::{MAX_ENTRIES, MAX_TREE_BYTES, TreeEntry, read_tree, tree_node};
pub use write::{NewGitCommit, signed_commit, write_tree};

/// Why bytes are not the object that they are said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GitFault {
    /// A line that must be there, or stands elsewhere.
    #[error("the line `{0}` is missing or stands in the wrong place")]
    Line(&'static str),
    /// An id that is none.
    #[error("the line `{0}` holds no id")]
    Id(&'static str),
    /// Not `name <mail> seconds zone`.
    #[error("the line `{0}` does not say who and when")]
    Person(&'static str),
    /// No tag points to that.
    #[error("a tag of that kind is not known")]
    Kind,
    /// More than is read.
    #[error("an object with {0} is not taken")]
    Large(&'static str),
    /// One parent twice.
    #[error("a commit names the same parent twice")]
    SameParent,
    /// Not a list of entries.
    #[error("the tree is cut short, or an entry of it is none")]
    Entry,
    /// A mode that Git does not write.
    #[error("an entry of the tree has a mode that is none")]
    Mode,
    /// A name with a slash, or one that leads out of the directory.
    #[error("an entry of the tree has a name that is none")]
    Name,
    /// Not ascending, or one name twice.
    #[error("the entries of the tree are out of order or repeat a name")]
    Order,
}

/// A signature as an object carries it. What is signed is the object without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// From `-----BEGIN …` to `-----END …`, as it was written, a line end behind it.
    pub armoured: Vec<u8>,
    /// The bytes of the object that are left out of what is signed, in their order.
    cuts: Vec<Range<usize>>,
}

impl Signature {
    /// What is signed, out of the object that the signature was read from.
    pub fn payload(&self, object: &[u8]) -> Vec<u8> {
        let mut payload = Vec::with_capacity(object.len());
        let mut at = 0;
        for cut in &self.cuts {
            payload.extend_from_slice(object.get(at..cut.start).unwrap_or_default());
            at = cut.end;
        }
        payload.extend_from_slice(object.get(at..).unwrap_or_default());
        payload
    }
}

/// Bytes as text for people. In Latin-1 every byte is a character; else what is no UTF-8 is marked.
fn text(bytes: &[u8], encoding: Option<&[u8]>) -> String {
    let is_latin = encoding.is_some_and(|it| {
        let names: [&[u8]; 5] =
            [b"iso-8859-1", b"iso8859-1", b"iso-8859-15", b"latin1", b"latin-1"];
        names.iter().any(|name| it.eq_ignore_ascii_case(name))
    });
    let text: String = if is_latin && std::str::from_utf8(bytes).is_err() {
        bytes.iter().map(|byte| char::from(*byte)).collect()
    } else {
        String::from_utf8_lossy(bytes).into_owned()
    };
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}
