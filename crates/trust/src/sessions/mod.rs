//! Sessions of browsers (`spec/trust.md` 6).
//!
//! | file       | what is there                                                     |
//! |------------|-------------------------------------------------------------------|
//! | `mod.rs`   | [`Session`]                                                         |
//! | `store.rs` | the SQL                                                           |

mod store;

use names::{Id, UnixMillis};

pub(crate) use store::{STATEMENTS, end_of_key, is_live};

/// The session of a browser, already believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The row.
    pub id: Id<Session>,
    /// The key whose signature opened it.
    pub key_id: Option<Id<crate::Key>>,
    /// When its person last proved who they are.
    pub auth_time: UnixMillis,
    /// Whether that was within the last ten minutes.
    pub is_fresh: bool,
}
