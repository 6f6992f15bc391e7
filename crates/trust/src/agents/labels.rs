//! What is said of an agent that a commit names (`spec/trust.md` 1, agent labels). A name in a text grants nothing: a
//! label only says whether the name is more than a claim.

use std::{fmt, str::FromStr};

use names::Handle;

use crate::{Actor, Kind, Trust};

/// The longest entry of the list, in bytes.
const MAX_PREFIX: usize = 100;
/// What may follow an entry in the name of an agent that is meant by it.
const GOES_ON: [char; 3] = ['/', '-', ':'];

/// How far an agent that a commit names is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentLabel {
    /// That agent pushed the commit itself.
    Registered,
    /// The install expects names that begin like that.
    Prefix,
    /// Nobody vouches for the name.
    Unknown,
}

impl AgentLabel {
    /// Its word in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Prefix => "prefix",
            Self::Unknown => "unknown",
        }
    }
}

/// What is no word for a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a label of an agent is registered, prefix or unknown")]
pub struct NotALabel;

impl FromStr for AgentLabel {
    type Err = NotALabel;

    fn from_str(text: &str) -> Result<Self, NotALabel> {
        let all = [Self::Registered, Self::Prefix, Self::Unknown];
        all.into_iter().find(|it| it.as_str() == text).ok_or(NotALabel)
    }
}

/// How names of agents begin that the install expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentPrefix(String);

/// What no name of an agent is expected to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a prefix of agents has 1 to {MAX_PREFIX} characters, all of them visible ASCII")]
pub struct BadAgentPrefix;

impl FromStr for AgentPrefix {
    type Err = BadAgentPrefix;

    fn from_str(text: &str) -> Result<Self, BadAgentPrefix> {
        let fits =
            (1..=MAX_PREFIX).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_graphic());
        if fits { Ok(Self(text.to_owned())) } else { Err(BadAgentPrefix) }
    }
}

impl fmt::Display for AgentPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AgentPrefix {
    /// Whether the name is the entry, or goes on where a name has a joint.
    fn is_of(&self, agent: &str) -> bool {
        agent.strip_prefix(&self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with(GOES_ON))
    }
}

/// Labels the agents that the commits of one push name.
#[derive(Debug, Clone, Copy)]
pub struct AgentLabels<'a> {
    /// The agent that pushes, if it is one.
    pusher: Option<&'a Handle>,
    prefixes: &'a [AgentPrefix],
}

impl AgentLabels<'_> {
    /// The label of a commit that names `agent`; none if it names none.
    pub fn of(&self, agent: &str) -> Option<AgentLabel> {
        if agent.is_empty() {
            return None;
        }
        Some(if self.pusher.is_some_and(|it| it.as_str() == agent) {
            AgentLabel::Registered
        } else if self.prefixes.iter().any(|it| it.is_of(agent)) {
            AgentLabel::Prefix
        } else {
            AgentLabel::Unknown
        })
    }
}

impl Trust {
    /// The labels of what this actor pushes.
    pub fn agent_labels<'a>(&'a self, actor: &'a Actor) -> AgentLabels<'a> {
        let pusher = actor.principal().filter(|it| it.kind == Kind::Agent);
        let prefixes = &self.settings().trusted_agent_prefixes;
        AgentLabels { pusher: pusher.map(|it| &it.handle), prefixes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_pusher_or_begins_like_an_entry_or_is_unknown() {
        let pusher: Handle = "loom".parse().unwrap();
        let prefixes = ["claude".parse().unwrap(), "lab/".parse().unwrap()];
        let by = |pusher| AgentLabels { pusher, prefixes: &prefixes };
        for (agent, label) in [
            ("loom", AgentLabel::Registered),
            ("Loom", AgentLabel::Unknown),
            ("loom/two", AgentLabel::Unknown),
            ("claude", AgentLabel::Prefix),
            ("claude-4", AgentLabel::Prefix),
            ("claude/code", AgentLabel::Prefix),
            ("claude:code", AgentLabel::Prefix),
            ("claudette", AgentLabel::Unknown),
            ("claude code", AgentLabel::Unknown),
            ("a-claude", AgentLabel::Unknown),
            ("lab/", AgentLabel::Prefix),
            ("lab//one", AgentLabel::Prefix),
            ("lab/one", AgentLabel::Unknown),
        ] {
            assert_eq!(by(Some(&pusher)).of(agent), Some(label), "{agent}");
        }
        assert_eq!(by(None).of("loom"), Some(AgentLabel::Unknown));
        assert_eq!(by(Some(&pusher)).of(""), None);
    }

    #[test]
    fn a_prefix_is_visible_ascii() {
        for bad in ["", "a b", "ä", "a\n", &"x".repeat(MAX_PREFIX + 1)] {
            assert_eq!(bad.parse::<AgentPrefix>(), Err(BadAgentPrefix), "{bad}");
        }
        assert_eq!("unknown".parse(), Ok(AgentLabel::Unknown));
        assert_eq!("trusted".parse::<AgentLabel>(), Err(NotALabel));
    }
}
