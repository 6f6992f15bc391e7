//! Where the links of a text lead: other files of the same repository, a place in the same text, the outside
//! world, or nowhere.

use percent_encoding::percent_decode_str;

use super::href;

/// The place in a repository where a text stands, so that its relative links can be resolved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkContext {
    /// Owner and name, `/{owner}/{repository}`, percent-encoded.
    pub repository: String,
    /// Branch, tag or commit, as it is (not encoded).
    pub reference: String,
    /// The directory of the text, as it is (not encoded); empty for the root.
    pub directory: String,
}

/// What an address is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// To be followed.
    Link,
    /// To be loaded as a picture.
    Image,
}

/// The id of everything inside a text begins so, and can never be one of the page's own.
pub(super) const ID_PREFIX: &str = "user-content-";

/// Whether an address that [`LinkContext::resolve`] gave leaves this site.
pub(super) fn is_outside(address: &str) -> bool {
    let lower = address.get(..8).unwrap_or(address).to_ascii_lowercase();
    lower.starts_with("http:") || lower.starts_with("https:") || lower.starts_with("mailto:")
}

/// The scheme of an address, if it has one (RFC 3986 §3.1).
fn scheme(address: &str) -> Option<&str> {
    let (scheme, _) = address.split_once(':')?;
    let mut letters = scheme.chars();
    let is_scheme = letters.next().is_some_and(|c| c.is_ascii_alphabetic())
        && letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    is_scheme.then_some(scheme)
}

/// An address as a browser reads it (URL standard, basic parser): blanks at both ends and all tabs and line
/// ends are dropped. Any other control character refuses it.
fn cleaned(address: &str) -> Option<String> {
    let trimmed = address.trim_matches(|c: char| c <= ' ');
    let kept: String = trimmed.chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect();
    (!kept.is_empty() && !kept.chars().any(char::is_control)).then_some(kept)
}

/// A fragment of this text, as the id that the text really has.
fn own_fragment(fragment: &str) -> Option<String> {
    let decoded = percent_decode_str(fragment).decode_utf8().ok()?;
    let bare = decoded.strip_prefix(ID_PREFIX).unwrap_or(&decoded);
    Some(format!("#{ID_PREFIX}{}", href::segment(bare)))
}

impl LinkContext {
    /// Where `address` leads, ready for an attribute; nothing if it may not lead anywhere.
    pub(super) fn resolve(&self, address: &str, purpose: Use) -> Option<String> {
        let address = cleaned(address)?;
        if let Some(fragment) = address.strip_prefix('#') {
            return own_fragment(fragment);
        }
        if let Some(scheme) = scheme(&address) {
            let is_web =
                scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
            let is_mail = scheme.eq_ignore_ascii_case("mailto") && purpose == Use::Link;
            return (is_web || is_mail).then_some(address);
        }
        if address.starts_with("//") {
            return Some(format!("https:{address}"));
        }
        // Browsers read a backslash as a slash: `/\host` would leave this site.
        if address.contains('\\') || self.repository.is_empty() {
            return None;
        }
        self.inside(&address, purpose)
    }

    fn inside(&self, address: &str, purpose: Use) -> Option<String> {
        let (before, fragment) =
            address.split_once('#').map_or((address, None), |(path, it)| (path, Some(it)));
        let written = before.split('?').next().unwrap_or_default();
        let decoded = percent_decode_str(written).decode_utf8().ok()?;
        if decoded.chars().any(char::is_control) {
            return None;
        }
        let path = self.joined(&decoded)?;
        let is_directory = decoded.ends_with('/') || path.is_empty();
        let place = match purpose {
            Use::Image => "raw",
            Use::Link if is_directory => "tree",
            Use::Link => "blob",
        };
        let Self { repository, reference, .. } = self;
        let reference = href::path(reference);
        let mut out = format!("{repository}/{place}/{reference}");
        if !path.is_empty() {
            out.push('/');
            out.push_str(&href::path(&path));
        }
        if let Some(fragment) = fragment.filter(|_| purpose == Use::Link) {
            out.push_str(&fragment_of_file(fragment)?);
        }
        Some(out)
    }

    /// `path` seen from the directory of the text (from the root, if it begins with a slash), without dot
    /// segments; nothing if it would leave the repository.
    fn joined(&self, path: &str) -> Option<String> {
        let base = if path.starts_with('/') { "" } else { self.directory.as_str() };
        let mut segments: Vec<&str> = Vec::new();
        for segment in base.split('/').chain(path.split('/')) {
            match segment {
                "" | "." => {}
                ".." => {
                    segments.pop()?;
                }
                name => segments.push(name),
            }
        }
        Some(segments.join("/"))
    }
}

/// A fragment of another file: lines stay, all else is a heading of a text.
fn fragment_of_file(fragment: &str) -> Option<String> {
    let is_line = fragment
        .strip_prefix('L')
        .is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '-' || c == 'L'));
    if is_line { Some(format!("#{fragment}")) } else { own_fragment(fragment) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> LinkContext {
        LinkContext {
            repository: "/ada/engine".into(),
            reference: "feature/x y".into(),
            directory: "docs/guide".into(),
        }
    }

    fn link(address: &str) -> Option<String> {
        context().resolve(address, Use::Link)
    }

    #[test]
    fn relative_addresses_resolve_inside_the_repository() {
        for (address, expected) in [
            ("a.md", "/ada/engine/blob/feature/x%20y/docs/guide/a.md"),
            ("./a%20b.md#L3", "/ada/engine/blob/feature/x%20y/docs/guide/a%20b.md#L3"),
            (
                "../api.md#The-End",
                "/ada/engine/blob/feature/x%20y/docs/api.md#user-content-The-End",
            ),
            ("/top.md?x=1", "/ada/engine/blob/feature/x%20y/top.md"),
            ("../", "/ada/engine/tree/feature/x%20y/docs"),
            ("../..", "/ada/engine/tree/feature/x%20y"),
            ("#usage", "#user-content-usage"),
            ("#user-content-usage", "#user-content-usage"),
            ("a?b\"c", "/ada/engine/blob/feature/x%20y/docs/guide/a"),
        ] {
            assert_eq!(link(address).as_deref(), Some(expected), "{address}");
        }
        assert_eq!(
            context().resolve("../p\"i c.png", Use::Image).as_deref(),
            Some("/ada/engine/raw/feature/x%20y/docs/p%22i%20c.png")
        );
    }

    #[test]
    fn outside_addresses_stay_and_are_known_as_outside() {
        for address in ["https://example.org/a?b#c", "HTTP://x", "mailto:a@example.org"] {
            assert_eq!(link(address).as_deref(), Some(address));
            assert!(is_outside(address));
        }
        assert_eq!(link("//example.org").as_deref(), Some("https://example.org"));
        assert!(!is_outside("/ada/engine/blob/main/a.md"));
    }

    #[test]
    fn what_would_run_or_leave_the_root_leads_nowhere() {
        for address in [
            "javascript:alert(1)",
            " JaVaScRiPt:alert(1)",
            "java\nscript:alert(1)",
            "java\tscript:alert(1)",
            "\u{1}javascript:alert(1)",
            "vbscript:x",
            "data:text/html,x",
            "blob:x",
            "file:///etc/passwd",
            "/\\example.org",
            "\\\\example.org",
            "../../../x",
            "..%2f..%2f..%2fx",
            "%2e%2e/%2e%2e/%2e%2e/x",
            "a%00b",
            "%ff",
            "",
        ] {
            assert_eq!(link(address), None, "{address:?}");
        }
    }

    #[test]
    fn a_text_without_a_repository_keeps_only_outside_and_own_links() {
        let nowhere = LinkContext::default();
        assert_eq!(nowhere.resolve("a.md", Use::Link), None);
        assert_eq!(nowhere.resolve("#a", Use::Link).as_deref(), Some("#user-content-a"));
    }
}
