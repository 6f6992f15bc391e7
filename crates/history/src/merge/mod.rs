//! Two histories into one: lines, then paths (`spec/hub.md` 10). What only one side changed is taken; what both changed
//! differently is merged by lines, or is a [`Conflict`] that names every side.
//!
//! Invariant: no side is ever lost. A line that one side added is in the result, or in a conflict that names the
//! object that holds it. Contents come and go through [`Contents`]; nothing here knows where they are kept.
//!
//! | file            | what is there                                                       |
//! |-----------------|---------------------------------------------------------------------|
//! | `text.rs`       | [`merge_texts`]: three texts into one                                 |
//! | `tree.rs`       | [`merge_trees`]: three manifests into one                             |
//! | `conflict.rs`   | [`Conflict`]: what the user has to decide                             |
//! | `attributes.rs` | [`Attributes`]: what the user decided beforehand                      |

mod attributes;
mod conflict;
#[cfg(test)]
mod tests;
mod text;
mod tree;

pub use attributes::{ATTRIBUTES_FILE, Attributes, AttributesError, Strategy};
pub use conflict::{Conflict, ConflictKind, FileAt};
pub use text::{Favor, MergedText, holds_marker, merge_texts};
pub use tree::{Contents, TreeMerge, merge_trees};
