//! `Content-Digest` (RFC 9530), of which Motet uses one algorithm: `sha-256=:<base64>:`.
//!
//! The header is a dictionary of structured fields (RFC 9651 §3.2). It is walked member by member, so that a
//! `sha-256=` inside another member's quoted string is not taken for a digest.

use base64::{Engine as _, engine::general_purpose::STANDARD};

const ALGORITHM: &str = "sha-256";

/// Why a value holds no digest that Motet can check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContentDigestError {
    /// Not a dictionary.
    #[error("Content-Digest is written sha-256=:<base64>:")]
    Form,
    /// No `sha-256` member.
    #[error("Content-Digest has no sha-256 member")]
    Absent,
    /// Two of them.
    #[error("Content-Digest has more than one sha-256 member")]
    Doubled,
    /// Not canonical base64, or not 32 bytes.
    #[error("the sha-256 member of Content-Digest is not the base64 of 32 bytes between colons")]
    Value,
}

/// The value for a body whose SHA-256 is `sha256`.
pub fn format_content_digest(sha256: &[u8; 32]) -> String {
    format!("{ALGORITHM}=:{}:", STANDARD.encode(sha256))
}

/// The one SHA-256 that `value` announces. Several header lines are joined by a comma before (RFC 9110 §5.3).
pub fn parse_content_digest(value: &str) -> Result<[u8; 32], ContentDigestError> {
    let mut found = None;
    let mut rest = value.trim_matches(' ');
    while !rest.is_empty() {
        let (key, after_key) = take_key(rest)?;
        let (item, after_item) = take_value(after_key)?;
        if key == ALGORITHM && found.replace(item).is_some() {
            return Err(ContentDigestError::Doubled);
        }
        rest = take_comma(skip_parameters(after_item)?)?;
    }
    decode(found.ok_or(ContentDigestError::Absent)?)
}

/// The bytes between the colons of a byte sequence (RFC 9651 §3.3.5).
fn decode(item: &str) -> Result<[u8; 32], ContentDigestError> {
    let base64 = item.strip_prefix(':').and_then(|item| item.strip_suffix(':'));
    let bytes = STANDARD.decode(base64.ok_or(ContentDigestError::Value)?);
    bytes.map_err(|_| ContentDigestError::Value)?.try_into().map_err(|_| ContentDigestError::Value)
}

/// A dictionary key (RFC 9651 §3.1.2).
fn take_key(text: &str) -> Result<(&str, &str), ContentDigestError> {
    let first = |c: char| c.is_ascii_lowercase() || c == '*';
    let later = |c: char| first(c) || c.is_ascii_digit() || matches!(c, '_' | '-' | '.');
    if !text.starts_with(first) {
        return Err(ContentDigestError::Form);
    }
    Ok(split(text, text.find(|c| !later(c)).unwrap_or(text.len())))
}

/// `=` and a bare item, or nothing for a member that is only a key (which means true).
fn take_value(text: &str) -> Result<(&str, &str), ContentDigestError> {
    let Some(item) = text.strip_prefix('=') else {
        return Ok(("", text));
    };
    let end = match item.chars().next() {
        Some(':') => closing(item, ':', None),
        Some('"') => closing(item, '"', Some('\\')),
        _ => Some(item.find([',', ';', ' ', '\t']).unwrap_or(item.len())),
    };
    match end {
        // Numbers, tokens and booleans have no other punctuation that could hide a member.
        Some(end) if end > 0 && !item.starts_with('(') => Ok(split(item, end)),
        _ => Err(ContentDigestError::Form),
    }
}

/// Where the item that begins with `quote` ends, after its closing one.
fn closing(item: &str, quote: char, escape: Option<char>) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in item.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if Some(c) == escape {
            escaped = true;
        } else if c == quote {
            return Some(at + c.len_utf8());
        }
    }
    None
}

/// Parameters have no meaning here (RFC 9530 defines none) and are walked over.
fn skip_parameters(mut text: &str) -> Result<&str, ContentDigestError> {
    while let Some(parameter) = text.strip_prefix(';') {
        let (_, after_key) = take_key(parameter.trim_start_matches(' '))?;
        (_, text) = take_value(after_key)?;
    }
    Ok(text)
}

/// The comma before the next member; a comma that nothing follows is refused.
fn take_comma(text: &str) -> Result<&str, ContentDigestError> {
    let text = text.trim_start_matches([' ', '\t']);
    if text.is_empty() {
        return Ok(text);
    }
    let next = text.strip_prefix(',').ok_or(ContentDigestError::Form)?;
    let next = next.trim_start_matches([' ', '\t']);
    if next.is_empty() { Err(ContentDigestError::Form) } else { Ok(next) }
}

fn split(text: &str, at: usize) -> (&str, &str) {
    text.split_at_checked(at).unwrap_or((text, ""))
}
