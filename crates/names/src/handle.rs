//! Names in addresses: who owns, and what is owned (`spec/conventions.md`, Names and ids).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The longest handle or repository name, in characters (ASCII, so also bytes).
const MAX_LEN: usize = 64;

/// First path segments that no handle may take, because an address of the install begins with them
/// (`spec/conventions.md`, Addresses).
const RESERVED: &[&str] = &[
    "about",
    "admin",
    "agents",
    "api",
    "assets",
    "builds",
    "checks",
    "claims",
    "context",
    "explore",
    "favicon.ico",
    "feed",
    "health",
    "healthz",
    "help",
    "images",
    "legal",
    "livez",
    "login",
    "logout",
    "mcp",
    "metrics",
    "new",
    "notifications",
    "o",
    "orgs",
    "pipelines",
    "readyz",
    "robots.txt",
    "runs",
    "search",
    "sessions",
    "settings",
    "sitemap.xml",
    "static",
    "stream",
    "tasks",
    "usage",
    "work",
];

/// Why a text is not a name, in words fit for the person who typed it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was typed.
    #[error("a name cannot be empty")]
    Empty,
    /// More than 64 characters.
    #[error("a name has at most {MAX_LEN} characters, this one has {0}")]
    TooLong(usize),
    /// A dot or a dash came first.
    #[error("a name cannot begin with `{0}`")]
    BadStart(char),
    /// An ending that addresses use for something else.
    #[error("a name cannot end in `{0}`")]
    BadEnd(&'static str),
    /// A character outside the alphabet.
    #[error("{0:?} cannot be part of a name: use a-z, 0-9, `_`, `.` and `-`")]
    BadChar(char),
    /// An address of the install begins with this word.
    #[error("`{0}` is reserved")]
    Reserved(String),
}

/// Trims, folds and checks `raw`; the one place where the rule that both kinds of name share is written.
fn parse(raw: &str, endings: &[&'static str]) -> Result<Box<str>, NameError> {
    let name = raw.trim().to_ascii_lowercase();
    let length = name.chars().count();
    if length > MAX_LEN {
        return Err(NameError::TooLong(length));
    }
    let fits = |c: &char| matches!(c, 'a'..='z' | '0'..='9' | '_' | '.' | '-');
    if let Some(stray) = name.chars().find(|c| !fits(c)) {
        return Err(NameError::BadChar(stray));
    }
    match name.chars().next() {
        None => return Err(NameError::Empty),
        Some(first @ ('.' | '-')) => return Err(NameError::BadStart(first)),
        Some(_) => {}
    }
    match endings.iter().find(|ending| name.ends_with(**ending)) {
        Some(ending) => Err(NameError::BadEnd(ending)),
        None => Ok(name.into_boxed_str()),
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// The name as it stands in addresses and rows.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(raw: String) -> Result<Self, NameError> {
                raw.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// A principal's name for life: the first segment of every address that it owns. Folded to lower case.
    Handle
}
name! {
    /// A repository's name, unique among the live ones of its owner. Folded to lower case.
    RepositoryName
}

impl FromStr for Handle {
    type Err = NameError;

    fn from_str(raw: &str) -> Result<Self, NameError> {
        let name = parse(raw, &[".git", ".atom"])?;
        if RESERVED.contains(&&*name) {
            return Err(NameError::Reserved(name.into()));
        }
        Ok(Self(name))
    }
}

impl FromStr for RepositoryName {
    type Err = NameError;

    fn from_str(raw: &str) -> Result<Self, NameError> {
        parse(raw, &[".git", ".atom"]).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_and_folds() {
        for (raw, kept) in [("a", "a"), (" Blue-Heron ", "blue-heron"), ("9.x_", "9.x_")] {
            assert_eq!(raw.parse::<Handle>().unwrap().as_str(), kept);
            assert_eq!(raw.parse::<RepositoryName>().unwrap().as_str(), kept);
        }
        assert_eq!("x".repeat(64).parse::<Handle>().unwrap().as_str().len(), 64);
    }

    #[test]
    fn refuses_with_a_reason() {
        for (raw, why) in [
            ("", NameError::Empty),
            (".x", NameError::BadStart('.')),
            ("..", NameError::BadStart('.')),
            ("-x", NameError::BadStart('-')),
            ("x.git", NameError::BadEnd(".git")),
            ("X.GIT", NameError::BadEnd(".git")),
            ("größe", NameError::BadChar('ö')),
            ("a/b", NameError::BadChar('/')),
            ("MCP", NameError::Reserved("mcp".into())),
            (&"a".repeat(65), NameError::TooLong(65)),
        ] {
            assert_eq!(raw.parse::<Handle>(), Err(why), "{raw:?}");
        }
        assert_eq!("x.atom".parse::<RepositoryName>(), Err(NameError::BadEnd(".atom")));
    }

    #[test]
    fn serde_is_not_a_back_door() {
        assert!(serde_json::from_str::<Handle>(r#""../etc""#).is_err());
    }
}
