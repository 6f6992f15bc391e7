//! Percent-encoding of parts of addresses (RFC 3986 §2.3: only unreserved characters stay as they are).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What is encoded inside one segment: everything but the unreserved characters.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// What is encoded inside a path: as [`SEGMENT`], but the slash stays.
const PATH: &AsciiSet = &SEGMENT.remove(b'/');

/// `text` as one segment of a path, or as a value of a query. A slash is encoded.
///
/// `.` and `..` cannot be hidden from a browser by encoding; parse names and paths first, which refuses them.
pub fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// `text` as a path of several segments. Slashes stay.
pub fn path(text: &str) -> String {
    utf8_percent_encode(text, PATH).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unreserved_characters_stay() {
        assert_eq!(segment("a/b c?d#e%f\"<é~-._"), "a%2Fb%20c%3Fd%23e%25f%22%3C%C3%A9~-._");
        assert_eq!(path("src/a b/ü.rs"), "src/a%20b/%C3%BC.rs");
        assert_eq!(path("a\\b:c@d&e=f+g"), "a%5Cb%3Ac%40d%26e%3Df%2Bg");
    }
}
