//! Where a sign-in leads.

/// The longest address that is taken, in bytes: as long as any page of ours has.
const MAX_BYTES: usize = 8 << 10;

/// A path of this install (`spec/trust.md` 6, Return address). What is anything else is the start page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnTo(String);

impl ReturnTo {
    /// Takes what a query or a form says.
    pub fn new(text: &str) -> Self {
        let leads_out = text.starts_with("//") || text.starts_with("/\\");
        // Browsers leave tabs and line ends out of an address, and `/\t/` becomes `//`.
        let is_plain = text.bytes().all(|it| it.is_ascii_graphic());
        let is_path = text.starts_with('/') && !leads_out && is_plain && text.len() <= MAX_BYTES;
        Self(if is_path { text } else { "/" }.to_owned())
    }

    /// The path, with its query.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ReturnTo {
    fn default() -> Self {
        Self::new("/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_return_address_stays_in_the_house() {
        for path in ["/", "/settings/keys", "/anna/song?tab=files#L3", "/a%2F%2Fb"] {
            assert_eq!(ReturnTo::new(path).as_str(), path);
        }
        for other in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https:evil",
            "https://evil.example",
            "evil",
            " /",
            "/\t/evil.example",
            "/a\r\nset-cookie: x",
            "\\\\evil.example",
            "javascript:alert(1)",
            "/ä",
        ] {
            assert_eq!(ReturnTo::new(other).as_str(), "/", "{other:?}");
        }
        assert_eq!(ReturnTo::new(&"/a".repeat(9_000)).as_str(), "/");
    }
}
