//! What is never part of a snapshot by its name: fixed directories, secrets, and `.museignore`
//! (`spec/wire.md` 2).
//!
//! The meaning of a pattern differs from git's, and is followed to the letter, so that two tools make the same
//! snapshot of the same files.

use names::RepoPath;
use toml_edit::{DocumentMut, Item};

use crate::glob::Glob;

/// The file with the user's patterns, at the root.
pub const IGNORE_FILE: &str = ".museignore";

/// Directories that are never versioned, at any depth.
const NEVER: &[&str] = &[
    ".muse",
    ".git",
    "node_modules",
    "__pycache__",
    ".venv",
    "venv",
    ".tox",
    ".nox",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".coverage",
    "htmlcov",
    "dist",
    "build",
];
/// And these in the domain `code`.
const NEVER_IN_CODE: &[&str] = &[".eggs", ".DS_Store"];
/// They come first, so that a later `!pattern` can bring a file back.
const SECRETS: &[&str] =
    &[".env", ".env.*", ".envrc", "*.pem", "*.key", "*.p12", "*.pfx", ".DS_Store", "Thumbs.db"];

/// Why the patterns of a file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IgnoreError {
    /// Not TOML, or not UTF-8.
    #[error("{IGNORE_FILE} is not TOML: {reason}")]
    Syntax {
        /// What the parser says.
        reason: String,
    },
    /// `patterns` holds something else than texts.
    #[error("`patterns` in [{section}] of {IGNORE_FILE} must be a list of texts")]
    NotTexts {
        /// The table.
        section: String,
    },
    /// An empty pattern would mean anything or nothing.
    #[error("[{section}] of {IGNORE_FILE} holds an empty pattern; remove it")]
    Empty {
        /// The table.
        section: String,
    },
}

/// The rules of one working copy.
#[derive(Debug, Clone)]
pub struct Ignore {
    is_code: bool,
    rules: Vec<Rule>,
}

/// One pattern.
#[derive(Debug, Clone)]
struct Rule {
    negated: bool,
    /// For a pattern that ends in `/`: the beginning of paths that match whatever follows.
    prefix: Option<String>,
    place: Place,
}

/// Which part of a path must fit.
#[derive(Debug, Clone)]
enum Place {
    /// All of it; `*` crosses slashes.
    Whole(Glob),
    /// As many last segments as the pattern has, one by one; one alternative for a leading `**/`.
    Tails(Vec<Vec<Glob>>),
}

impl Ignore {
    /// The rules for a working copy of `domain` whose `.museignore` holds `file`.
    pub fn new(domain: &str, file: Option<&[u8]>) -> Result<Self, IgnoreError> {
        let mut rules: Vec<_> = SECRETS.iter().filter_map(|pattern| Rule::new(pattern)).collect();
        if let Some(bytes) = file {
            let syntax = |reason: String| IgnoreError::Syntax { reason };
            let text = std::str::from_utf8(bytes).map_err(|error| syntax(error.to_string()))?;
            let toml: DocumentMut = text
                .parse()
                .map_err(|error: toml_edit::TomlError| syntax(error.message().to_owned()))?;
            add(&mut rules, toml.get("global"), "global")?;
            let of_domain = toml.get("domain").and_then(|domains| domains.get(domain));
            add(&mut rules, of_domain, &format!("domain.{domain}"))?;
        }
        Ok(Self { is_code: domain == "code", rules })
    }

    /// Whether a directory of this name is never looked into.
    pub fn is_never(&self, directory: &str) -> bool {
        NEVER.contains(&directory) || (self.is_code && NEVER_IN_CODE.contains(&directory))
    }

    /// Whether the file at `path` is left out: the last pattern that matches decides.
    pub fn is_ignored(&self, path: &RepoPath) -> bool {
        let name = path.file_name();
        let last = self.rules.iter().rev().find(|rule| rule.matches(path, name));
        last.is_some_and(|rule| !rule.negated)
    }

    /// Whether all files below `directory` are left out for certain, so that a walk may pass it by: a pattern
    /// names the directory, and no later one can bring a file back.
    pub fn is_ignored_whole(&self, directory: &RepoPath) -> bool {
        let inside = format!("{directory}/");
        let begins = |prefix: &String| inside.starts_with(prefix);
        let after = self.rules.iter().rev().take_while(|rule| !rule.negated);
        after.into_iter().any(|rule| rule.prefix.as_ref().is_some_and(begins))
    }
}

/// Adds the patterns of one table.
fn add(rules: &mut Vec<Rule>, table: Option<&Item>, section: &str) -> Result<(), IgnoreError> {
    let section = || section.to_owned();
    let Some(patterns) = table.and_then(|table| table.get("patterns")) else { return Ok(()) };
    let list = patterns.as_array().ok_or_else(|| IgnoreError::NotTexts { section: section() })?;
    for item in list {
        let text = item.as_str().ok_or_else(|| IgnoreError::NotTexts { section: section() })?;
        rules.push(Rule::new(text).ok_or_else(|| IgnoreError::Empty { section: section() })?);
    }
    Ok(())
}

impl Rule {
    /// Reads a pattern; none if it is empty.
    fn new(text: &str) -> Option<Self> {
        let negated = text.starts_with('!');
        let text = text.strip_prefix('!').unwrap_or(text);
        if text.is_empty() {
            return None;
        }
        let prefix = text.ends_with('/').then(|| text.to_owned());
        let pattern = if prefix.is_some() { format!("{text}**") } else { text.to_owned() };
        let place = if let Some(whole) = pattern.strip_prefix('/') {
            Place::Whole(Glob::new(whole))
        } else {
            let short = pattern.strip_prefix("**/");
            Place::Tails([Some(pattern.as_str()), short].into_iter().flatten().map(tail).collect())
        };
        Some(Self { negated, prefix, place })
    }

    /// Whether a path with this last segment fits.
    fn matches(&self, path: &RepoPath, name: &str) -> bool {
        if self.prefix.as_ref().is_some_and(|prefix| path.as_str().starts_with(prefix)) {
            return true;
        }
        match &self.place {
            Place::Whole(glob) => glob.matches(path.as_str()),
            Place::Tails(tails) => tails.iter().any(|tail| match tail.as_slice() {
                [glob] => glob.matches(name),
                tail => {
                    tail.len() <= path.segments().count()
                        && tail
                            .iter()
                            .rev()
                            .zip(path.segments().rev())
                            .all(|(glob, part)| glob.matches(part))
                }
            }),
        }
    }
}

/// The segments of a pattern. Doubled slashes count as one; `**` needs no care, being `*` within a segment.
fn tail(pattern: &str) -> Vec<Glob> {
    pattern.split('/').filter(|segment| !segment.is_empty()).map(Glob::new).collect()
}

#[cfg(test)]
#[path = "ignore_tests.rs"]
mod tests;
