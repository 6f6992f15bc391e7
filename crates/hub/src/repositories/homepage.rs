//! The address of a repository's page elsewhere.

use std::{fmt, str::FromStr};

use axum::http::Uri;

/// The longest address.
const MAX_BYTES: usize = 2_048;

/// An `https` address of at most 2,048 bytes (`spec/hub.md` 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Homepage(String);

/// The text is no such address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a homepage is an address that begins with https:// and has at most {MAX_BYTES} bytes")]
pub struct HomepageError;

impl Homepage {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Homepage {
    type Err = HomepageError;

    fn from_str(text: &str) -> Result<Self, HomepageError> {
        let uri: Uri = text.parse().map_err(|_| HomepageError)?;
        let has_host = uri.host().is_some_and(|host| !host.is_empty());
        let is_plain = uri.authority().is_some_and(|it| !it.as_str().contains('@'));
        let fits = text.len() <= MAX_BYTES && text.starts_with("https://");
        if fits && has_host && is_plain { Ok(Self(text.to_owned())) } else { Err(HomepageError) }
    }
}

impl fmt::Display for Homepage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_addresses_alone_are_homepages() {
        let good = ["https://song.example", "https://song.example:8443/a/b?c=d"];
        assert!(good.iter().all(|text| text.parse::<Homepage>().is_ok()));
        let long = format!("https://song.example/{}", "a".repeat(MAX_BYTES));
        let bad = [
            "",
            "song.example",
            "http://song.example",
            "HTTPS://song.example",
            "https://",
            "https:///x",
            "javascript:alert(1)",
            "https://a b",
            "https://song.example/\u{7}",
            "https://anna:secret@song.example",
            &long,
        ];
        for text in bad {
            assert_eq!(text.parse::<Homepage>(), Err(HomepageError), "{text:?}");
        }
    }
}
