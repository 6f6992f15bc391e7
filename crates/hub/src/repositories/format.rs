//! What a history is kept as.

use std::{fmt, str::FromStr};

/// What a history is kept as; said when a repository is made, and never changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Muse: rows, and bytes in the object store.
    Muse,
    /// Git: packs in a directory of their own, read and written by Git; commits and refs are rows too.
    Git,
}

/// A text that is no format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a format is `git` or `muse`")]
pub struct FormatError;

impl Format {
    /// The word in rows and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Muse => "muse",
            Self::Git => "git",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        match text {
            "muse" => Ok(Self::Muse),
            "git" => Ok(Self::Git),
            _ => Err(FormatError),
        }
    }
}
