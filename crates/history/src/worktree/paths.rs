//! Which paths a command is about.

use names::{PathError, RepoPath};

/// Files, and directories with all below them. Empty means every path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Paths(Vec<Option<RepoPath>>);

impl Paths {
    /// Reads what the user wrote, as it was typed in the directory `inside` of the working copy: empty at the root,
    /// else a path. `.` and `..` are understood; what leads out of the working copy is no path of it.
    pub fn parse<'a>(
        inside: &str,
        texts: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, PathError> {
        texts.into_iter().map(|text| place(inside, text)).collect::<Result<_, _>>().map(Self)
    }

    /// Reads one path in the same way; none for the root.
    pub fn parse_one(inside: &str, text: &str) -> Result<Option<RepoPath>, PathError> {
        place(inside, text)
    }

    /// Exactly these files.
    pub fn of(paths: impl IntoIterator<Item = RepoPath>) -> Self {
        Self(paths.into_iter().map(Some).collect())
    }

    /// Whether no path was named.
    pub fn is_everything(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `path` is meant.
    pub fn contains(&self, path: &RepoPath) -> bool {
        self.0.is_empty() || self.0.iter().any(|place| is_in(path, place.as_ref()))
    }

    /// The first of the named places in which there is none of `paths`.
    pub fn unmatched<'a>(
        &self,
        paths: &(impl Iterator<Item = &'a RepoPath> + Clone),
    ) -> Option<String> {
        let is_empty =
            |place: &&Option<RepoPath>| !paths.clone().any(|path| is_in(path, place.as_ref()));
        // The whole working copy may be empty.
        let named = self.0.iter().filter(|place| place.is_some());
        named
            .into_iter()
            .find(is_empty)
            .map(|place| place.as_ref().map(ToString::to_string).unwrap_or_default())
    }
}

/// Whether `path` is at `place` or below; none is the root.
fn is_in(path: &RepoPath, place: Option<&RepoPath>) -> bool {
    place.is_none_or(|place| {
        let rest = path.as_str().strip_prefix(place.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// The path that is meant; none for the root.
fn place(inside: &str, text: &str) -> Result<Option<RepoPath>, PathError> {
    let mut segments: Vec<&str> = Vec::new();
    let begin = if text.starts_with('/') { "" } else { inside };
    for segment in begin.split('/').chain(text.split('/')) {
        match segment {
            "" | "." => {}
            ".." => {
                if segments.pop().is_none() {
                    return text.parse::<RepoPath>().map(Some);
                }
            }
            name => segments.push(name),
        }
    }
    let joined = segments.join("/");
    if joined.is_empty() { Ok(None) } else { joined.parse().map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(inside: &str, texts: &[&str], path: &str) -> bool {
        Paths::parse(inside, texts.iter().copied()).unwrap().contains(&path.parse().unwrap())
    }

    #[test]
    fn a_directory_means_all_below() {
        for (inside, text, path, expected) in [
            ("", "a", "a", true),
            ("", "a", "a/b", true),
            ("", "a/", "a/b", true),
            ("", "a", "ab", false),
            ("d", "a", "d/a", true),
            ("d", "a", "a", false),
            ("d", ".", "d/x", true),
            ("d", ".", "x", false),
            ("d/e", "../x", "d/x", true),
            ("d", "..", "x", true),
        ] {
            assert_eq!(contains(inside, &[text], path), expected, "{inside} {text} {path}");
        }
        assert!(contains("d", &[], "x"), "nothing named is everything");
        for outside in ["..", "a/../../b", ".muse/HEAD"] {
            assert!(Paths::parse("", [outside]).is_err(), "{outside}");
        }
        let paths = ["a/b", "c"].map(|path| path.parse().unwrap());
        let named = Paths::parse("", ["a", "x", "."]).unwrap();
        assert_eq!(named.unmatched(&paths.iter()), Some("x".to_owned()));
    }
}
