//! The query language of searches (`spec/hub.md` 6): read here, answered by the server.
//!
//! A query is groups of terms: all terms of one group have to hold, and one group is enough. Groups are parted by `OR`.
//! Nothing in it is a pattern: characters that mean something elsewhere are looked for as they stand.
//!
//! | file       | what is there                                              |
//! |------------|------------------------------------------------------------|
//! | `parse.rs` | [`Query::parse`]                                             |
//! | `keys.rs`  | [`Key`]: what stands before a colon, and where it may stand  |
//! | `range.rs` | [`Range`]: numbers and days                                  |
//! | `tests.rs` | examples, and what holds for every text                      |

mod keys;
mod parse;
mod range;
#[cfg(test)]
mod tests;

use std::fmt;

pub use keys::Key;
pub use range::Range;

/// The longest query, in bytes: a limit of the specification.
pub const MAX_QUERY_BYTES: usize = 512;
/// The most terms of one query: a limit of the specification.
pub const MAX_TERMS: usize = 16;
/// A longer word is no word of an index: it is looked for by its characters.
pub const MAX_WORD_BYTES: usize = 64;

/// What is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// What stands in files.
    Code,
    /// Names of files.
    Files,
    /// Messages of commits.
    Commits,
    /// Repositories.
    Repositories,
}

impl Subject {
    /// All of them, as pages list them.
    pub const ALL: [Self; 4] = [Self::Code, Self::Files, Self::Commits, Self::Repositories];

    /// The word in addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Files => "files",
            Self::Commits => "commits",
            Self::Repositories => "repositories",
        }
    }

    /// The one with that name.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == word)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A query that can be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// One of them is enough. Never empty.
    pub groups: Vec<Vec<Clause>>,
}

/// A term that has to hold, or must not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// Whether it must not.
    pub is_negated: bool,
    /// What is asked.
    pub term: Term,
}

/// One thing that is asked of whatever is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// A whole word, or a part of one that upper case or an underscore begins. In lower case.
    Word(String),
    /// What a word begins with. In lower case.
    Prefix(String),
    /// Characters wherever they stand: upper and lower case are one, and so is white space of any length. In lower case.
    Characters(String),
    /// Something that is known of it, in the words of the query.
    Known(Key, String),
    /// A number that is known of it: the count of stars, or a moment in milliseconds.
    Within(Key, Range),
    /// Whether something is so.
    Is(Key, bool),
}

/// Why a text is no query, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryFault {
    /// Where, in bytes from the beginning.
    pub at: usize,
    /// A stable word.
    pub code: &'static str,
    /// What to do about it.
    pub message: String,
}

impl Query {
    /// Every clause of every group.
    pub fn clauses(&self) -> impl Iterator<Item = &Clause> {
        self.groups.iter().flatten()
    }
}

/// Whether a word may hold the character.
pub fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether the text is one word that an index may hold.
pub fn is_word(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_WORD_BYTES && text.chars().all(is_word_char)
}

fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    write!(f, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => f.write_str(word),
            Self::Prefix(word) => write!(f, "{word}*"),
            Self::Characters(text) => quoted(f, text),
            Self::Known(key, value) => {
                write!(f, "{key}:")?;
                quoted(f, value)
            }
            Self::Within(key, range) if key.is_of_days() => {
                write!(f, "{key}:{}", range.in_days(*key))
            }
            Self::Within(key, range) => write!(f, "{key}:{range}"),
            Self::Is(key, is_so) => write!(f, "{key}:{}", if *is_so { "yes" } else { "no" }),
        }
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, group) in self.groups.iter().enumerate() {
            if position > 0 {
                f.write_str(" OR ")?;
            }
            for (position, clause) in group.iter().enumerate() {
                let space = if position > 0 { " " } else { "" };
                let sign = if clause.is_negated { "-" } else { "" };
                write!(f, "{space}{sign}{}", clause.term)?;
            }
        }
        Ok(())
    }
}

impl Term {
    /// What it asks, for people.
    pub fn meaning(&self) -> String {
        match self {
            Self::Word(word) => format!("the word {word}"),
            Self::Prefix(word) => format!("a word that begins with {word}"),
            Self::Characters(text) => format!("the characters {text}"),
            Self::Known(key, value) => format!("{} {value}", key.meaning()),
            Self::Within(key, range) if key.is_of_days() => {
                format!("{} {}", key.meaning(), range.in_days(*key))
            }
            Self::Within(key, range) => format!("{} {range}", key.meaning()),
            Self::Is(key, true) => key.meaning().to_owned(),
            Self::Is(key, false) => format!("not {}", key.meaning()),
        }
    }
}

impl Query {
    /// What it asks, for people: a sentence a group.
    pub fn meaning(&self) -> Vec<String> {
        let sentence = |group: &Vec<Clause>| {
            let parts = group.iter().map(|clause| {
                let not = if clause.is_negated { "not " } else { "" };
                format!("{not}{}", clause.term.meaning())
            });
            parts.collect::<Vec<_>>().join(", and ")
        };
        self.groups.iter().map(sentence).collect()
    }
}
