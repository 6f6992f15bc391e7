//! Skills: what a reference stands for (`spec/work.md` 10). Pure: which bundles there are is asked elsewhere.

use names::Digest;
use serde_json::{Map, Value};

use crate::json;

/// A reference as a definition writes it: `name@version`, `name@latest`, `publisher/name@version`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkillReference<'t> {
    /// Whose; the definition's own publisher without it.
    pub publisher: Option<&'t str>,
    /// Its name.
    pub name: &'t str,
    /// Its version, or `latest`.
    pub version: &'t str,
}

impl<'t> SkillReference<'t> {
    /// Reads a reference.
    pub fn read(text: &'t str) -> Option<Self> {
        let (place, version) = text.split_once('@')?;
        let (publisher, name) = match place.split_once('/') {
            Some((publisher, name)) => (Some(publisher), name),
            None => (None, place),
        };
        let is_version = (1..=64).contains(&version.len())
            && version.chars().all(|c| c.is_ascii_alphanumeric() || ".+_-".contains(c));
        let is_whole = !name.is_empty() && !name.contains('/') && publisher != Some("");
        (is_version && is_whole).then_some(Self { publisher, name, version })
    }
}

/// The hash of a bundle: over the canonical form of `{path: hex SHA-256 of the file}`.
pub fn bundle_sha256<'f>(files: impl IntoIterator<Item = (&'f str, &'f [u8])>) -> Digest {
    let hashes = files
        .into_iter()
        .map(|(path, bytes)| (path.to_owned(), Value::String(Digest::of(bytes).to_string())));
    json::sha256(&Value::Object(hashes.collect::<Map<_, _>>()))
}

/// What a reference stands for.
pub fn resolved(publisher: &str, name: &str, version: &str, sha256: Digest) -> String {
    format!("{publisher}/{name}@{version}#sha256:{sha256}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_have_three_forms() {
        let read = |text| SkillReference::read(text).map(|it| (it.publisher, it.name, it.version));
        assert_eq!(read("a@1.0"), Some((None, "a", "1.0")));
        assert_eq!(read("a@latest"), Some((None, "a", "latest")));
        assert_eq!(read("p/a@1"), Some((Some("p"), "a", "1")));
        for bad in ["a", "a@", "@1", "/a@1", "p/q/a@1", "a@1 2", "a@1@2"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
