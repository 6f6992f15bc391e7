//! Names that no path can hold: bytes that are no text, `.git` in a spelling that some file system takes for it, names that
//! are too long.
//!
//! A name of Git is nearly any bytes, a [`RepoPath`] is text that is safe to write down. What is no segment of a path is
//! shown with escapes, a backslash and three octal digits for a byte, as Git itself quotes names. One shown name is one stored
//! name: a backslash that would be read as an escape is one. What is too long even so ends in a hash of all of it.

use std::{borrow::Cow, fmt::Write as _};

use names::{Digest, RepoPath};

/// What is shown of a name that is too long, in bytes.
const SHOWN_BYTES: usize = 200;

/// A name as it is shown and stands in addresses.
pub fn shown_name(stored: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(stored)
        && !has_escape(stored)
        && is_segment(text)
    {
        return Cow::Borrowed(text);
    }
    let shown = escaped(stored, false);
    if is_segment(&shown) {
        return Cow::Owned(shown);
    }
    // Text that leads somewhere, as `.git` does: with its first byte escaped it is another name.
    let mut shown = escaped(stored, true);
    if !is_segment(&shown) {
        shown.truncate(shown.floor_char_boundary(SHOWN_BYTES));
        shown.push_str("…\\");
        shown.push_str(&Digest::of(stored).short());
    }
    Cow::Owned(shown)
}

/// The name that is shown so; not of one that was too long.
#[cfg(test)]
pub(super) fn stored_name(shown: &str) -> Vec<u8> {
    let (mut stored, mut rest) = (Vec::with_capacity(shown.len()), shown.as_bytes());
    while let Some((byte, behind)) = rest.split_first() {
        if let Some(value) = escape(rest) {
            stored.push(value);
            rest = rest.get(4..).unwrap_or_default();
        } else {
            stored.push(*byte);
            rest = behind;
        }
    }
    stored
}

/// Every byte that is no text as an escape, and the first one too if that is asked for.
fn escaped(stored: &[u8], first: bool) -> String {
    let mut shown = String::with_capacity(stored.len() * 2);
    let put = |shown: &mut String, byte: u8| {
        // Writing to a text does not fail.
        write!(shown, "\\{byte:03o}").unwrap_or_default();
    };
    let mut rest = stored;
    if first && let Some((byte, behind)) = stored.split_first() {
        put(&mut shown, *byte);
        rest = behind;
    }
    for chunk in rest.utf8_chunks() {
        let text = chunk.valid();
        for (at, c) in text.char_indices() {
            if c == '\\' && escape(text.as_bytes().get(at..).unwrap_or_default()).is_some() {
                put(&mut shown, b'\\');
            } else {
                shown.push(c);
            }
        }
        for byte in chunk.invalid() {
            put(&mut shown, *byte);
        }
    }
    shown
}

fn has_escape(stored: &[u8]) -> bool {
    (0..stored.len()).any(|at| escape(stored.get(at..).unwrap_or_default()).is_some())
}

/// The byte of the escape that a text begins with.
fn escape(text: &[u8]) -> Option<u8> {
    let [b'\\', digits @ ..] = text else { return None };
    let digits: [u8; 3] = digits.get(..3)?.try_into().ok()?;
    digits.iter().try_fold(0_u8, |sum, digit| {
        let digit = matches!(digit, b'0'..=b'7').then(|| digit - b'0')?;
        sum.checked_mul(8)?.checked_add(digit)
    })
}

fn is_segment(text: &str) -> bool {
    let path = text.parse::<RepoPath>();
    path.is_ok_and(|path| path.parent().is_none())
}
