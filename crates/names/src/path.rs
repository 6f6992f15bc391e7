//! Paths inside a repository, safe to write on any file system (`spec/conventions.md`; `spec/wire.md` 6.1).

use std::{borrow::Borrow, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The longest path, in bytes.
const MAX_BYTES: usize = 4096;
/// The longest segment, in bytes: what common file systems take.
const MAX_SEGMENT_BYTES: usize = 255;

/// What no segment may be taken for.
const RESERVED: [&str; 4] = [".git", ".muse", "git~1", "muse~1"];

/// Why a text is not a path of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Empty, or longer than 4,096 bytes.
    #[error("a path has 1 to {MAX_BYTES} bytes")]
    Length,
    /// It holds a NUL.
    #[error("a path cannot hold a NUL")]
    Nul,
    /// An absolute path, a doubled or a closing slash.
    #[error("a path is relative and its segments are not empty")]
    EmptySegment,
    /// `.` or `..`.
    #[error("a path has no `.` or `..` segment")]
    DotSegment,
    /// A segment longer than 255 bytes.
    #[error("a segment of a path has at most {MAX_SEGMENT_BYTES} bytes")]
    LongSegment,
    /// A segment that some file system reads as `.git` or `.muse`.
    #[error(
        "a path cannot lead into `.git` or `.muse`, in any spelling that a file system takes for them"
    )]
    Reserved,
}

/// A relative, `/`-separated UTF-8 path without empty, `.` or `..` segments that no file system takes for
/// the private directory of a version control system. Ordered by bytes. Case counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoPath(Box<str>);

impl RepoPath {
    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The segments, from the root.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// The last segment.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The path of `name` in this directory. Only what is added is looked at: the rest is a path already.
    pub fn join(&self, name: &str) -> Result<Self, PathError> {
        if self.0.len() + 1 + name.len() > MAX_BYTES {
            return Err(PathError::Length);
        }
        check(name)?;
        let mut joined = String::with_capacity(self.0.len() + 1 + name.len());
        joined.push_str(&self.0);
        joined.push('/');
        joined.push_str(name);
        Ok(Self(joined.into_boxed_str()))
    }

    /// Everything before the last segment; nothing for a path at the root.
    pub fn parent(&self) -> Option<&str> {
        self.0.rsplit_once('/').map(|(parent, _)| parent)
    }
}

/// Code points that HFS+ leaves out when it compares names.
fn is_ignored_by_hfs(c: char) -> bool {
    matches!(c,
        '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

/// Whether a file system may take `segment` for `.git` or `.muse`: case folding, code points that HFS+
/// ignores, trailing dots and blanks and a `:` stream suffix on NTFS, and its short names.
fn is_reserved(segment: &str) -> bool {
    // Most names are told at a glance: what is folded away below is no letter of ASCII.
    if segment.is_ascii() {
        let stem = segment.split(':').next().unwrap_or_default().trim_end_matches(['.', ' ']);
        return RESERVED.iter().any(|name| stem.eq_ignore_ascii_case(name));
    }
    let seen: String = segment.chars().filter(|c| !is_ignored_by_hfs(*c)).collect();
    let stem = seen.split(':').next().unwrap_or_default();
    let folded = stem.trim_end_matches(['.', ' ']).to_lowercase();
    RESERVED.contains(&folded.as_str())
}

fn check_segment(segment: &str) -> Result<(), PathError> {
    match segment {
        "" => Err(PathError::EmptySegment),
        "." | ".." => Err(PathError::DotSegment),
        long if long.len() > MAX_SEGMENT_BYTES => Err(PathError::LongSegment),
        reserved if is_reserved(reserved) => Err(PathError::Reserved),
        _ => Ok(()),
    }
}

fn check(segments: &str) -> Result<(), PathError> {
    if segments.contains('\0') {
        return Err(PathError::Nul);
    }
    segments.split('/').try_for_each(check_segment)
}

impl FromStr for RepoPath {
    type Err = PathError;

    fn from_str(raw: &str) -> Result<Self, PathError> {
        if raw.is_empty() || raw.len() > MAX_BYTES {
            return Err(PathError::Length);
        }
        check(raw)?;
        Ok(Self(raw.into()))
    }
}

impl TryFrom<String> for RepoPath {
    type Error = PathError;

    fn try_from(raw: String) -> Result<Self, PathError> {
        raw.parse()
    }
}

impl From<RepoPath> for String {
    fn from(path: RepoPath) -> Self {
        path.0.into()
    }
}

impl Borrow<str> for RepoPath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for RepoPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts() {
        for good in [
            "a",
            "größe.txt",
            "a/b c/😀",
            ".gitignore",
            ".museignore",
            "git",
            "a/.github/x",
            "...",
            "a:b",
        ] {
            let path: RepoPath = good.parse().unwrap();
            assert_eq!(path.as_str(), good);
        }
        assert_eq!("a/b/c".parse::<RepoPath>().unwrap().parent(), Some("a/b"));
        assert_eq!("a/b/c".parse::<RepoPath>().unwrap().file_name(), "c");
    }

    #[test]
    fn refuses() {
        use PathError::{DotSegment, EmptySegment, Length, LongSegment, Nul, Reserved};
        let (long, wide) = ("a/".repeat(2048) + "a", "x".repeat(256));
        for (raw, why) in [
            ("", Length),
            (&long, Length),
            ("a\0b", Nul),
            ("/x", EmptySegment),
            ("x/", EmptySegment),
            ("a//b", EmptySegment),
            ("../x", DotSegment),
            ("a/./b", DotSegment),
            (&wide, LongSegment),
            (".MUSE/HEAD", Reserved),
            ("a/.Git/config", Reserved),
            (".g\u{200c}it", Reserved),
            (".git. .", Reserved),
            (".git::$INDEX_ALLOCATION", Reserved),
            ("git~1", Reserved),
            ("MUSE~1/x", Reserved),
        ] {
            assert_eq!(raw.parse::<RepoPath>(), Err(why), "{raw:?}");
        }
    }

    #[test]
    fn what_is_joined_is_what_would_be_read() {
        let directory: RepoPath = "a/b".parse().unwrap();
        let (long, wide) = ("a/".repeat(2046) + "a", "x".repeat(256));
        for name in
            ["c", "c/d", "größe", "", ".", "..", "c/", "/c", "c//d", ".git", "x\0", &long, &wide]
        {
            assert_eq!(directory.join(name), format!("a/b/{name}").parse(), "{name:?}");
        }
    }
}
