//! What stands before a colon in a query.

use std::fmt;

use super::Subject;

macro_rules! keys {
    ($( $(#[$doc:meta])* $name:ident, $word:literal, $other:expr, [$($subject:ident)*], $meaning:literal; )+) => {
        /// What is asked of whatever is found, besides its words.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Key { $( $(#[$doc])* $name, )+ }

        impl Key {
            /// All of them.
            pub const ALL: &'static [Self] = &[$( Self::$name ),+];

            /// The word in queries.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$name => $word, )+ }
            }

            /// Another way to write it.
            const fn other(self) -> Option<&'static str> {
                match self { $( Self::$name => $other, )+ }
            }

            /// What it asks, before the value.
            pub const fn meaning(self) -> &'static str {
                match self { $( Self::$name => $meaning, )+ }
            }

            /// Where it may stand.
            pub const fn subjects(self) -> &'static [Subject] {
                match self { $( Self::$name => &[$( Subject::$subject ),*], )+ }
            }
        }
    };
}

keys! {
    /// A repository: `owner/name`, or a name.
    Repo, "repo", None, [Code Files Commits Repositories], "in the repository";
    /// Whose repository.
    Owner, "owner", None, [Code Files Commits Repositories], "in repositories of";
    /// What the repository is about.
    Topic, "topic", None, [Code Files Commits Repositories], "in repositories about";
    /// The terms of the repository.
    Licence, "licence", Some("license"), [Code Files Commits Repositories], "under the licence";
    /// How the repository keeps its history.
    Format, "format", None, [Code Files Commits Repositories], "in repositories of the format";
    /// Whether the repository can only be read.
    Archived, "archived", None, [Code Files Commits Repositories], "archived";
    /// How many have marked the repository.
    Stars, "stars", None, [Code Files Commits Repositories], "in repositories with stars";
    /// When something was last pushed to the repository.
    Pushed, "pushed", None, [Code Files Commits Repositories], "in repositories pushed to";
    /// The language of a file; of a repository that of most of it.
    Lang, "lang", Some("language"), [Code Files Repositories], "in the language";
    /// What the name of a file ends in.
    Ext, "ext", Some("extension"), [Code Files], "in files that end in";
    /// Characters of a path; of a commit a file or directory that it changed.
    Path, "path", None, [Code Files Commits], "at the path";
    /// A name that is given there to a function, a type or the like.
    Symbol, "symbol", None, [Code], "where there is defined";
    /// Whoever is said to have written a commit.
    Author, "author", None, [Commits], "written by";
    /// The agent that a commit names.
    Agent, "agent", None, [Commits], "made with the agent";
    /// Whoever signed a commit.
    Signer, "signer", None, [Commits], "signed by";
    /// The first day.
    Since, "since", Some("after"), [Commits], "made";
    /// The last day.
    Until, "until", Some("before"), [Commits], "made";
    /// What an id begins with.
    Id, "id", None, [Commits], "with an id that begins with";
}

impl Key {
    /// The one that is written so.
    pub(super) fn named(word: &str) -> Option<Self> {
        let is_so = |it: &&Self| it.as_str() == word || it.other() == Some(word);
        Self::ALL.iter().find(is_so).copied()
    }

    /// Whether its value is days.
    pub const fn is_of_days(self) -> bool {
        matches!(self, Self::Pushed | Self::Since | Self::Until)
    }

    /// Those that may stand in a query about `subject`.
    pub fn of(subject: Subject) -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(move |it| it.subjects().contains(&subject))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
