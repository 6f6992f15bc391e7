//! Pushes that have begun and not ended: what is noted of each goes on where it was cut (`spec/wire.md` 9.2).

use std::{fs::Permissions, io::Write as _, os::unix::fs::PermissionsExt as _};

use api::Value;
use names::Digest;

use super::{Result, WorkingCopy, json};

/// Nobody else reads it: a note holds the token of its push.
const PRIVATE: u32 = 0o600;

fn place(address: &str) -> String {
    let name = Digest::of(address.as_bytes()).to_string();
    format!("motet/pushes/{}.json", name.get(..16).unwrap_or_default())
}

impl WorkingCopy {
    /// What was noted of a push to `address`.
    pub fn push_note(&self, address: &str) -> Result<Option<Value>> {
        self.read_json(&place(address))
    }

    /// Notes a push to `address`.
    pub fn note_push(&self, address: &str, note: &Value) -> Result<()> {
        self.put_file(&place(address), |file| {
            file.set_permissions(Permissions::from_mode(PRIVATE))?;
            file.write_all(&json::pretty(note))
        })
    }

    /// Forgets the push to `address`.
    pub fn end_push(&self, address: &str) -> Result<()> {
        self.remove_file(&place(address))
    }
}
