//! Scopes as OAuth writes them: words with spaces between (`spec/trust.md` 5).
//!
//! `<plane>:read` and `<plane>:write` are a plane; `action:<name>` is one action. Words add up: with an action among
//! them the scope lists every action that the words name, so that one more word never takes from another.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::FlowFault;
use crate::authority::{Action, Plane, Reach, Repositories, Scope};

/// What is asked for where nothing is said.
const DEFAULT: &str = "hub:read";
/// More than the planes have words.
const MAX_WORDS: usize = 64;

/// One word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Plane(Plane, Reach),
    Action(Action),
}

/// What an application asks for, in order and each once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Words(Vec<Word>);

impl FromStr for Word {
    type Err = FlowFault;

    fn from_str(text: &str) -> Result<Self, FlowFault> {
        let unknown = || {
            FlowFault::Scope(format!(
                "`{}` is no scope here; /.well-known/oauth-authorization-server lists them",
                text.chars().filter(char::is_ascii_graphic).take(100).collect::<String>()
            ))
        };
        let (first, second) = text.split_once(':').ok_or_else(unknown)?;
        if first == "action" {
            return Action::named(second).map(Self::Action).ok_or_else(unknown);
        }
        let plane = Plane::ALL.into_iter().find(|it| it.as_str() == first);
        let reach = match second {
            "read" => Some(Reach::Read),
            "write" => Some(Reach::Write),
            _ => None,
        };
        plane.zip(reach).map(|(plane, reach)| Self::Plane(plane, reach)).ok_or_else(unknown)
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plane(plane, Reach::Read) => write!(f, "{}:read", plane.as_str()),
            Self::Plane(plane, Reach::Write) => write!(f, "{}:write", plane.as_str()),
            Self::Action(action) => write!(f, "action:{}", action.name()),
        }
    }
}

impl Words {
    /// All words of planes, for the documents that list them.
    pub fn of_planes() -> Vec<String> {
        let words = Plane::ALL.into_iter().filter(|it| *it != Plane::Ops);
        let both = |plane| [Reach::Read, Reach::Write].map(|reach| Word::Plane(plane, reach));
        words.flat_map(both).map(|it| it.to_string()).collect()
    }

    /// Each by itself.
    pub fn each(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }

    /// Whether each of them stands among `others` too.
    pub fn are_among(&self, others: &Self) -> bool {
        self.0.iter().all(|it| others.0.contains(it))
    }

    /// The scope that they stand for.
    pub fn scope(&self, repositories: Repositories) -> Scope {
        let mut scope = Scope { repositories, ..Scope::default() };
        for word in &self.0 {
            let (plane, reach) = match *word {
                Word::Plane(plane, reach) => (plane, reach),
                Word::Action(action) => {
                    let reach = if action.writes() { Reach::Write } else { Reach::Read };
                    let Some(plane) = Plane::of(action) else { continue };
                    (plane, reach)
                }
            };
            let known = scope.planes.entry(plane).or_insert(reach);
            *known = reach.max(*known);
        }
        if self.0.iter().any(|it| matches!(it, Word::Action(_))) {
            scope.verbs = self.verbs().into_iter().map(str::to_owned).collect();
        }
        scope
    }

    /// Every action that the words name.
    fn verbs(&self) -> BTreeSet<&'static str> {
        let names = |word: &Word, action: Action| match *word {
            Word::Action(named) => named == action,
            Word::Plane(plane, reach) => {
                Plane::of(action) == Some(plane) && (reach == Reach::Write || !action.writes())
            }
        };
        let is_named = |action: &Action| self.0.iter().any(|word| names(word, *action));
        Action::ALL.iter().copied().filter(is_named).map(Action::name).collect()
    }
}

impl FromStr for Words {
    type Err = FlowFault;

    fn from_str(text: &str) -> Result<Self, FlowFault> {
        let text = if text.trim().is_empty() { DEFAULT } else { text };
        let mut words = Vec::new();
        for word in text.split_ascii_whitespace() {
            let word = word.parse()?;
            if !words.contains(&word) {
                words.push(word);
            }
        }
        if words.len() > MAX_WORDS {
            return Err(FlowFault::Scope(format!("a scope has at most {MAX_WORDS} words")));
        }
        Ok(Self(words))
    }
}

impl TryFrom<String> for Words {
    type Error = FlowFault;

    fn try_from(text: String) -> Result<Self, FlowFault> {
        text.parse()
    }
}

impl From<Words> for String {
    fn from(words: Words) -> Self {
        words.to_string()
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.each().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        text.parse::<Words>().unwrap().scope(Repositories::None)
    }

    #[test]
    fn words_of_planes_are_planes() {
        let it = scope("hub:read  collab:write hub:write hub:read");
        assert_eq!(it.planes[&Plane::Hub], Reach::Write);
        assert_eq!(it.planes[&Plane::Collab], Reach::Write);
        assert!(it.verbs.is_empty());
        it.check().unwrap();
        assert_eq!(scope("").planes, [(Plane::Hub, Reach::Read)].into());
    }

    #[test]
    fn an_action_adds_to_a_plane_and_takes_nothing_from_it() {
        let it = scope("hub:read action:hub.ref.push");
        it.check().unwrap();
        assert_eq!(it.planes[&Plane::Hub], Reach::Write);
        for verb in ["hub.repo.read", "hub.object.read", "hub.ref.push"] {
            assert!(it.verbs.iter().any(|it| it == verb), "{verb}");
        }
        assert!(!it.verbs.iter().any(|it| it == "hub.ref.force" || it == "trust.me.read"));
        assert_eq!(scope("action:hub.ref.push").verbs, ["hub.ref.push"]);
    }

    #[test]
    fn what_is_no_word_is_refused() {
        for text in
            ["hub", "hub:fly", "moon:read", "action:hub.repo.fly", "work:claim", "hub:read:write"]
        {
            assert!(text.parse::<Words>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_choice_is_among_what_was_asked_for() {
        let asked: Words = "hub:read collab:write".parse().unwrap();
        assert!("hub:read".parse::<Words>().unwrap().are_among(&asked));
        assert!(!"hub:write".parse::<Words>().unwrap().are_among(&asked));
    }
}
