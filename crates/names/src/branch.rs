//! Branch names (`spec/conventions.md`, Names and ids; `spec/wire.md` 5.2; `spec/hub.md` 3).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The longest branch name, in bytes.
const MAX_BYTES: usize = 255;

/// Why a text is not a branch name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BranchError {
    /// Empty, or longer than 255 bytes.
    #[error("a branch name has 1 to {MAX_BYTES} bytes")]
    Length,
    /// A character outside the alphabet, or an empty segment.
    #[error(
        "a branch name is made of segments of a-z, A-Z, 0-9, `_`, `.` and `-`, joined by single slashes"
    )]
    Segment,
    /// A dot at either end, or two in a row.
    #[error("a branch name neither begins nor ends with a dot and holds no `..`")]
    Dots,
    /// It would be read as something else.
    #[error("a branch cannot be called `HEAD`, begin with `refs/`, or look like a commit id")]
    Ambiguous,
}

/// The name of a branch, without `refs/heads/`. Case counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BranchName(Box<str>);

impl BranchName {
    /// The name as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The full name of the ref.
    pub fn full(&self) -> String {
        format!("refs/heads/{}", self.0)
    }

    /// Whether Git, too, can call a ref so (`man git-check-ref-format`): it keeps `.lock` for itself, and begins no segment
    /// with a dot.
    pub fn is_ref_of_git(&self) -> bool {
        self.0.split('/').all(|it| !it.starts_with('.') && it.strip_suffix(".lock").is_none())
    }

    /// Whether one of the two is a directory of the other, as `a` is of `a/b`: a working copy keeps
    /// branches as files, so both cannot be (`spec/wire.md` 5.2).
    pub fn clashes_with(&self, other: &Self) -> bool {
        let inside = |long: &str, short: &str| {
            long.strip_prefix(short).is_some_and(|rest| rest.starts_with('/'))
        };
        inside(&self.0, &other.0) || inside(&other.0, &self.0)
    }
}

impl FromStr for BranchName {
    type Err = BranchError;

    fn from_str(raw: &str) -> Result<Self, BranchError> {
        if raw.is_empty() || raw.len() > MAX_BYTES {
            return Err(BranchError::Length);
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        if raw.split('/').any(|segment| segment.is_empty() || !segment.chars().all(fits)) {
            return Err(BranchError::Segment);
        }
        let dot_segment = raw.split('/').any(|segment| segment == ".");
        if raw.starts_with('.') || raw.ends_with('.') || raw.contains("..") || dot_segment {
            return Err(BranchError::Dots);
        }
        let like_an_id = matches!(raw.len(), 40 | 64) && raw.chars().all(|c| c.is_ascii_hexdigit());
        if raw == "HEAD" || raw.starts_with("refs/") || like_an_id {
            return Err(BranchError::Ambiguous);
        }
        Ok(Self(raw.into()))
    }
}

impl TryFrom<String> for BranchName {
    type Error = BranchError;

    fn try_from(raw: String) -> Result<Self, BranchError> {
        raw.parse()
    }
}

impl From<BranchName> for String {
    fn from(name: BranchName) -> Self {
        name.0.into()
    }
}

impl fmt::Display for BranchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts() {
        for good in ["main", "side/descant", "v1.2_x-y", "Feature/A.b", "heads/main"] {
            assert_eq!(good.parse::<BranchName>().unwrap().as_str(), good);
        }
    }

    #[test]
    fn refuses() {
        use BranchError::{Ambiguous, Dots, Length, Segment};
        let (long, id) = ("x".repeat(256), "a".repeat(64));
        for (raw, why) in [
            ("", Length),
            (&long, Length),
            ("/x", Segment),
            ("x/", Segment),
            ("a//b", Segment),
            ("a b", Segment),
            ("a\\b", Segment),
            ("a@{1}", Segment),
            ("größe", Segment),
            (".x", Dots),
            ("x.", Dots),
            ("a/../b", Dots),
            ("a/./b", Dots),
            ("HEAD", Ambiguous),
            ("refs/heads/x", Ambiguous),
            (&id, Ambiguous),
        ] {
            assert_eq!(raw.parse::<BranchName>(), Err(why), "{raw:?}");
        }
    }

    #[test]
    fn git_calls_no_ref_like_its_own_files() {
        for (raw, is_ref) in [
            ("main", true),
            ("a.b/c", true),
            ("lock", true),
            ("a.lock", false),
            ("a.lock/b", false),
            ("a/.b", false),
        ] {
            assert_eq!(raw.parse::<BranchName>().unwrap().is_ref_of_git(), is_ref, "{raw}");
        }
    }

    #[test]
    fn a_directory_and_a_file_of_one_name_clash() {
        let name = |raw: &str| raw.parse::<BranchName>().unwrap();
        assert!(name("a").clashes_with(&name("a/b")));
        assert!(name("a/b/c").clashes_with(&name("a/b")));
        assert!(!name("a").clashes_with(&name("ab")));
        assert!(!name("a").clashes_with(&name("a")));
    }
}
