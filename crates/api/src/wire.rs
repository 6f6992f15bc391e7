//! Wire 1, the protocol of the Muse client: its messages, its codes and its limits (`spec/wire.md` 1, 3-6, 10).
//!
//! A message is parsed from a [`Value`] by hand, because the codes of refusals are part of the protocol. What a
//! message says is checked here as far as its shape goes: types, ids, paths, limits. Whether an id is the hash of
//! what it names, whether a time is a time and a parent is known are questions for the room that keeps histories.
//!
//! | file          | what is there                                                        |
//! |---------------|----------------------------------------------------------------------|
//! | `code.rs`     | [`WireCode`], [`WireError`]: refusals with their statuses              |
//! | `limits.rs`   | the limits of `spec/wire.md` 10                                        |
//! | `format.rs`   | [`Format`]: MessagePack or JSON, by the headers                        |
//! | `fields.rs`   | [`Fields`]: a map, taken apart with exact refusals                     |
//! | `records.rs`  | commit and snapshot records from and to [`Value`]                      |
//! | `requests.rs` | what clients send                                                      |
//! | `answers.rs`  | what servers answer                                                    |
//! | `labels.rs`   | labels of commits; `releases.rs`: releases                             |
//! | `objects.rs`  | [`InlineObject`]; bodies of `push/objects` and `push`, whose objects are walked in flat memory |
//!
//! [`Value`]: crate::Value

mod answers;
mod code;
mod fields;
mod format;
mod labels;
pub mod limits;
mod objects;
mod records;
mod releases;
mod requests;
#[cfg(test)]
mod tests;

pub use answers::{Confirmed, FetchAnswer, Missing, Negotiated, Presigned, Pushed, Refs, Stored};
pub use code::{WireCode, WireError, quotable};
pub use fields::Fields;
pub use format::Format;
pub use labels::{Label, LabelPage, LabelsStored, NewLabels};
pub use objects::{
    InlineObject, ObjectSink, ObjectsError, read_push, read_push_json, read_push_objects,
    read_push_objects_json,
};
pub use releases::{Channel, NotAVersion, Release, ReleaseMade, Releases, Retracted, SemVer};
pub(crate) use requests::ids;
pub use requests::{Direction, FetchRequest, Negotiate, ObjectIds, Presign, PushRequest};
