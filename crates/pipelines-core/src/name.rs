//! The names of the Work plane: steps and pipelines, addresses of tasks, ids (`spec/work.md` 1).

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// The text is no name of that kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name begins with a letter and has at most 64 of a-z, 0-9 and -, the last of them no -")]
pub struct BadName;

/// Words that mean something else where a step could stand.
const RESERVED: [&str; 5] = ["run", "item", "index", "input", "step"];

/// Whether `text` is `^[a-z]([a-z0-9-]{0,62}[a-z0-9])?$`.
pub fn is_name(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.chars().all(is_part)
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $is_good:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as it was written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadName;

            fn from_str(text: &str) -> Result<Self, BadName> {
                let is_good: fn(&str) -> bool = $is_good;
                if is_good(text) { Ok(Self(text.into())) } else { Err(BadName) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// The id of a pipeline, unique for its publisher.
    PipelineId, is_name
}
name! {
    /// The id of a step, unique in its definition.
    StepId, |text| is_name(text) && !RESERVED.contains(&text)
}

/// Kinds of rows that the core names and does not make.
pub mod kinds {
    /// An execution of a pipeline.
    #[derive(Debug)]
    pub enum Run {}
    /// A lease of a task.
    #[derive(Debug)]
    pub enum Claim {}
    /// Whoever works, decides or owns.
    #[derive(Debug)]
    pub enum Principal {}
}

/// A run.
pub type RunId = names::Id<kinds::Run>;
/// A claim.
pub type ClaimId = names::Id<kinds::Claim>;
/// An agent: a principal that claims.
pub type AgentId = names::Id<kinds::Principal>;
/// The owner of an agent: a person or an organization.
pub type OwnerId = names::Id<kinds::Principal>;
/// A person who starts or decides.
pub type PersonId = names::Id<kinds::Principal>;

/// The index of an instance in each fan-out that it lies in, the outermost first.
pub type Path = Vec<u32>;

/// A check on a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// One of several answers that are compared.
    Ballot(u32),
    /// A second pair of eyes, or a person who picks one of several answers.
    Review(u32),
}

/// Where a task stands in its run: `step`, `step[2]`, `step[2.0]`, `…/ballot.0`, `…/review.1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The step.
    pub step: StepId,
    /// The instance.
    pub path: Path,
    /// The check, if it is one.
    pub check: Option<Check>,
}

impl Address {
    /// An instance of a step.
    pub const fn of(step: StepId, path: Path) -> Self {
        Self { step, path, check: None }
    }

    /// A check on this address.
    #[must_use]
    pub fn with(&self, check: Check) -> Self {
        Self { check: Some(check), ..self.clone() }
    }

    /// The address that is checked; the address itself if it is no check.
    #[must_use]
    pub fn checked(&self) -> Self {
        Self { check: None, ..self.clone() }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.step.as_str())?;
        if !self.path.is_empty() {
            let indexes: Vec<_> = self.path.iter().map(u32::to_string).collect();
            write!(f, "[{}]", indexes.join("."))?;
        }
        match self.check {
            None => Ok(()),
            Some(Check::Ballot(number)) => write!(f, "/ballot.{number}"),
            Some(Check::Review(number)) => write!(f, "/review.{number}"),
        }
    }
}

/// The text is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an address is written as step, step[2], step[2.0], with /ballot.0 or /review.0 behind it")]
pub struct BadAddress;

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let (place, check) = match text.split_once('/') {
            None => (text, None),
            Some((place, check)) => (place, Some(read_check(check)?)),
        };
        let (step, path) = match place.split_once('[') {
            None => (place, Vec::new()),
            Some((step, path)) => {
                let path = path.strip_suffix(']').ok_or(BadAddress)?;
                (step, path.split('.').map(read_index).collect::<Result<_, _>>()?)
            }
        };
        Ok(Self { step: step.parse().map_err(|_| BadAddress)?, path, check })
    }
}

fn read_check(text: &str) -> Result<Check, BadAddress> {
    match text.split_once('.') {
        Some(("ballot", number)) => read_index(number).map(Check::Ballot),
        Some(("review", number)) => read_index(number).map(Check::Review),
        _ => Err(BadAddress),
    }
}

fn read_index(text: &str) -> Result<u32, BadAddress> {
    let is_plain = text == "0" || !text.starts_with(['0', '+']);
    text.parse().ok().filter(|_| is_plain).ok_or(BadAddress)
}

impl Serialize for Address {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_go_there_and_back() {
        for text in ["a", "grade[2]", "grade[2.0]/ballot.1", "assess/review.0", "a[0.1.2]"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        for bad in
            ["", "A", "a[]", "a[1", "a[01]", "a[-1]", "a/vote.0", "a/ballot.", "a[1]x", "run"]
        {
            assert_eq!(bad.parse::<Address>(), Err(BadAddress), "{bad}");
        }
    }

    #[test]
    fn names_have_their_form() {
        let long = "a".repeat(64);
        for good in ["a", "a1", "add-data-source", &long] {
            assert!(good.parse::<PipelineId>().is_ok(), "{good}");
        }
        let longer = "a".repeat(65);
        for bad in ["", "1a", "-a", "a-", "A", "a_b", "é", &longer] {
            assert_eq!(bad.parse::<PipelineId>(), Err(BadName), "{bad}");
        }
        assert!("run".parse::<PipelineId>().is_ok());
        assert_eq!("run".parse::<StepId>(), Err(BadName));
    }
}
