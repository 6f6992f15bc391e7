//! Cursors: where a list goes on. Opaque, signed, and bound to the list that handed them out
//! (`spec/conventions.md`, JSON), so that nobody can make one up or take one elsewhere.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use keys::TAG_BYTES;
use names::Secret;

/// Writes and reads cursors. Cheap to clone.
#[derive(Clone)]
pub struct Cursors(Arc<Secret<[u8; 32]>>);

impl std::fmt::Debug for Cursors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cursors(hidden)")
    }
}

impl Cursors {
    /// Under a key of its own, derived from the install key.
    pub fn new(key: Secret<[u8; 32]>) -> Self {
        Self(Arc::new(key))
    }

    /// The text for `position` in `list`, which names the list and everything that it was asked for.
    pub fn write(&self, list: &str, position: &[u8]) -> String {
        let tag = keys::tag(&self.0, &[list.as_bytes(), position]);
        URL_SAFE_NO_PAD.encode([&tag[..], position].concat())
    }

    /// The position that `text` holds, if this server wrote it for this list.
    pub fn read(&self, list: &str, text: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (tag, position) = bytes.split_at_checked(TAG_BYTES)?;
        keys::is_tag(&self.0, &[list.as_bytes(), position], tag).then(|| position.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_goes_on_in_its_own_list_alone() {
        let cursors = Cursors::new(Secret::new([7; 32]));
        let text = cursors.write("repos?owner=ada", b"position");
        assert_eq!(cursors.read("repos?owner=ada", &text).as_deref(), Some(&b"position"[..]));
        assert_eq!(cursors.read("repos?owner=eve", &text), None);
        assert_eq!(Cursors::new(Secret::new([8; 32])).read("repos?owner=ada", &text), None);
        for bad in ["", "AAAA", "not base64!", &text[1..], &format!("{text}A")] {
            assert_eq!(cursors.read("repos?owner=ada", bad), None, "{bad}");
        }
    }
}
