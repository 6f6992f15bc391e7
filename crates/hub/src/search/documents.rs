//! A document: what is searched as one, and the terms by which it is found.
//!
//! A term is two letters and a value: the kind of document, the class of the term, what is looked for. So one index
//! serves all of them, and a word of a message never meets a word of a file. Values that may hold anything are named by
//! their hash. Pure.

use std::collections::BTreeSet;

use api::search::Subject;
use names::{Digest, Id};

use super::{selection, words};
use crate::{
    Repository,
    reading::{Commit, languages},
};

/// How documents are made. Another number makes all of them again.
pub(super) const FORM: i64 = 2;

/// The beginning of a readme that counts as what a repository says of itself, in bytes.
pub(super) const README_BYTES: usize = 4 << 10;
/// Changed paths of one commit by which it is found; one that changes more is found by those.
pub(super) const MAX_CHANGED: usize = 512;

/// What is searched as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A file of the default branch.
    File,
    /// A commit that the default branch leads to.
    Commit,
    /// A repository.
    Repository,
}

impl Kind {
    /// The word in rows.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Commit => "commit",
            Self::Repository => "repository",
        }
    }

    const fn letter(self) -> char {
        match self {
            Self::File => 'f',
            Self::Commit => 'c',
            Self::Repository => 'r',
        }
    }

    /// What a search looks at.
    pub(super) const fn of(subject: Subject) -> Self {
        match subject {
            Subject::Code | Subject::Files => Self::File,
            Subject::Commits => Self::Commit,
            Subject::Repositories => Self::Repository,
        }
    }
}

/// What a term says of its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Nothing: every document has it.
    Any,
    /// It says this word.
    Word,
    /// Its path or name has this word.
    Name,
    /// It gives this name to something.
    Defined,
    /// It says these characters.
    Gram,
    /// Its path has these characters.
    PathGram,
    /// It is in this language.
    Language,
    /// Its path ends so.
    Ending,
    /// It is of this repository.
    Repository,
    /// Its author has this word.
    Author,
    /// It names this agent.
    Agent,
    /// It is signed by this key.
    Signer,
    /// It changed this file, or one in this directory.
    Place,
    /// It has this id.
    Id,
}

impl Class {
    const fn letter(self) -> char {
        match self {
            Self::Any => 'a',
            Self::Word => 'w',
            Self::Name => 'n',
            Self::Defined => 's',
            Self::Gram => 'g',
            Self::PathGram => 'q',
            Self::Language => 'l',
            Self::Ending => 'e',
            Self::Repository => 'r',
            Self::Author => 'u',
            Self::Agent => 'j',
            Self::Signer => 'k',
            Self::Place => 'd',
            Self::Id => 'i',
        }
    }

    /// The term of that value. Words come as they are, everything else by its hash.
    pub(super) fn term(self, kind: Kind, value: &str) -> String {
        let (kind, class) = (kind.letter(), self.letter());
        match self {
            Self::Any => format!("{kind}{class}"),
            Self::Word | Self::Name | Self::Defined | Self::Author | Self::Id => {
                format!("{kind}{class}{value}")
            }
            Self::Language
            | Self::Ending
            | Self::Repository
            | Self::Agent
            | Self::Signer
            | Self::Place
            | Self::Gram
            | Self::PathGram => {
                let digits = Digest::of(value.as_bytes()).to_string();
                format!(
                    "{kind}{class}{}",
                    digits.rsplit(':').next().unwrap_or_default().get(..16).unwrap_or_default()
                )
            }
        }
    }

    /// The term of a group of characters.
    pub(super) fn gram(self, kind: Kind, group: u64) -> String {
        format!("{}{}{group:x}", kind.letter(), self.letter())
    }
}

/// A document that is to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Document {
    pub(super) kind: Kind,
    /// The path, the id of the commit, or nothing.
    pub(super) name: String,
    pub(super) language: String,
    pub(super) size_bytes: u64,
    pub(super) happened_at: i64,
    /// What it says; nothing if it is found by its name alone.
    pub(super) text: Option<String>,
    /// By which it is found.
    pub(super) terms: BTreeSet<String>,
}

/// The terms that a document has in the making.
struct Terms {
    kind: Kind,
    found: BTreeSet<String>,
}

impl Terms {
    fn new(kind: Kind, repository: Id<Repository>) -> Self {
        let mut terms = Self { kind, found: BTreeSet::new() };
        terms.add(Class::Any, "");
        terms.add(Class::Repository, &repository.to_string());
        terms
    }

    fn add(&mut self, class: Class, value: &str) {
        self.found.insert(class.term(self.kind, value));
    }

    fn add_words(&mut self, class: Class, text: &str) {
        for word in words::tokens(text) {
            self.add(class, &word);
        }
    }

    fn add_grams(&mut self, class: Class, text: &str) {
        self.found.extend(words::grams(text).into_iter().map(|it| class.gram(self.kind, it)));
    }
}

/// A file. Only one with a text is found by terms.
pub(super) fn of_file(
    repository: Id<Repository>,
    path: &str,
    size_bytes: u64,
    text: Option<String>,
) -> Document {
    let language = languages::language(path);
    let mut found = BTreeSet::new();
    if let Some(text) = &text {
        let mut terms = Terms::new(Kind::File, repository);
        terms.add_words(Class::Word, text);
        terms.add_words(Class::Word, path);
        terms.add_words(Class::Name, path);
        terms.add_grams(Class::Gram, text);
        terms.add_grams(Class::Gram, path);
        terms.add_grams(Class::PathGram, path);
        terms.add(Class::Language, &language.to_lowercase());
        if let Some(ending) = languages::extension(path) {
            terms.add(Class::Ending, &ending);
        }
        for name in selection::definitions(language, text) {
            terms.add(Class::Defined, &name);
        }
        found = terms.found;
    }
    Document {
        kind: Kind::File,
        name: path.to_owned(),
        language: language.to_owned(),
        size_bytes,
        happened_at: 0,
        text,
        terms: found,
    }
}

/// A commit, with the paths that it changed.
pub(super) fn of_commit(
    repository: Id<Repository>,
    commit: &Commit,
    changed: &[String],
) -> Document {
    let record = &commit.record;
    let mut terms = Terms::new(Kind::Commit, repository);
    let text = record.message.replace('\0', " ");
    terms.add_words(Class::Word, &text);
    terms.add_grams(Class::Gram, &text);
    terms.add_words(Class::Author, &record.author);
    let name = record.commit_id.to_string();
    terms.add(Class::Id, name.rsplit(':').next().unwrap_or_default());
    if !record.agent_id.is_empty() {
        terms.add(Class::Agent, &record.agent_id);
    }
    if !record.signer_key_id.is_empty() {
        terms.add(Class::Signer, &record.signer_key_id);
    }
    for path in changed {
        terms.add(Class::Place, path);
        for (at, _) in path.match_indices('/') {
            terms.add(Class::Place, path.get(..at).unwrap_or_default());
        }
    }
    Document {
        kind: Kind::Commit,
        name,
        language: String::new(),
        size_bytes: 0,
        happened_at: commit.committed_at.0,
        text: Some(text),
        terms: terms.found,
    }
}

/// What a repository says of itself in its row.
pub(super) fn about(repository: &Repository) -> String {
    let topics = repository.topics.words().join(" ");
    format!("{} {} {} {topics}", repository.owner, repository.name, repository.description)
}

/// A repository. What is looked for is looked for again in its row as it is then, so these terms may be old.
pub(super) fn of_repository(
    repository: &Repository,
    language: String,
    readme: Option<String>,
) -> Document {
    let mut terms = Terms::new(Kind::Repository, repository.id);
    let about = about(repository);
    let readme = readme.unwrap_or_default();
    for text in [&about, &readme] {
        terms.add_words(Class::Word, text);
        terms.add_grams(Class::Gram, text);
    }
    terms.add_words(Class::Name, repository.name.as_str());
    terms.add(Class::Language, &language.to_lowercase());
    Document {
        kind: Kind::Repository,
        name: String::new(),
        language,
        size_bytes: 0,
        happened_at: 0,
        text: Some(readme),
        terms: terms.found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> Id<Repository> {
        Id::from_uuid(uuid::Uuid::nil())
    }

    #[test]
    fn a_file_is_found_by_its_words_its_path_and_what_it_defines() {
        let file = of_file(id(), "src/tideBook.rs", 9, Some("fn rise_up() {}".to_owned()));
        let has = |class: Class, value: &str| file.terms.contains(&class.term(Kind::File, value));
        assert!(
            has(Class::Word, "rise_up") && has(Class::Word, "rise") && has(Class::Word, "tide")
        );
        assert!(has(Class::Name, "tidebook") && !has(Class::Name, "rise"));
        assert!(
            has(Class::Defined, "rise_up")
                && has(Class::Language, "rust")
                && has(Class::Ending, "rs")
        );
        assert!(has(Class::Any, "") && has(Class::Repository, &id().to_string()));
        // Terms go into both databases as they are.
        let plain = |it: &String| it.chars().all(|c| c.is_alphanumeric() || c == '_');
        assert!(file.terms.iter().all(plain), "{:?}", file.terms);
    }

    #[test]
    fn a_file_without_a_text_is_found_by_its_name_alone() {
        let file = of_file(id(), "a.png", 9, None);
        assert!(file.terms.is_empty() && file.text.is_none());
    }
}
