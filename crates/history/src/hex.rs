//! Ids hashed as the text they are written in, without a `String` for each.

use std::fmt::{self, Write as _};

use names::Hasher;

/// Hashes what is printed into it.
struct Printed<'a>(&'a mut Hasher);

impl fmt::Write for Printed<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

/// Adds the text of `id` to `hasher`: canonical bytes hold ids as 64 hexadecimal characters.
pub(crate) fn hash_text(hasher: &mut Hasher, id: &impl fmt::Display) {
    // A hasher takes every text, so this cannot fail.
    write!(Printed(hasher), "{id}").unwrap_or_default();
}
