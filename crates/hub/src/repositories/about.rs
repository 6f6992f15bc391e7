//! What a repository is about, and on which terms it is had (`spec/hub.md` 1).

use std::{fmt, str::FromStr};

/// Topics of one repository.
const MAX_TOPICS: usize = 20;
/// The longest topic, and the longest name of a licence, in bytes.
const MAX_TOPIC: usize = 50;
const MAX_LICENCE: usize = 64;

/// A word for what a repository is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(String);

/// Not a topic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no topic: a topic is a-z, 0-9 and -, at most {MAX_TOPIC} of them, and does not begin with -"
)]
pub struct TopicError(String);

impl FromStr for Topic {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Self, TopicError> {
        let fits = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        let is_topic = (1..=MAX_TOPIC).contains(&text.len())
            && text.bytes().all(fits)
            && !text.starts_with('-');
        if is_topic { Ok(Self(text.to_owned())) } else { Err(TopicError(text.to_owned())) }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Topic {
    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The topics of a repository: each once, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Topics(Vec<Topic>);

/// Why there are no such topics.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopicsError {
    /// One of them is none.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// More than there may be.
    #[error("a repository has at most {MAX_TOPICS} topics")]
    TooMany,
}

impl Topics {
    /// Those of a list, however often they stand in it.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, TopicsError> {
        let mut topics: Vec<Topic> = words.into_iter().map(str::parse).collect::<Result<_, _>>()?;
        topics.sort();
        topics.dedup();
        if topics.len() > MAX_TOPICS { Err(TopicsError::TooMany) } else { Ok(Self(topics)) }
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = &Topic> {
        self.0.iter()
    }

    /// The words of them.
    pub fn words(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }
}

/// The name of a licence in the list of SPDX, such as `MIT`. Whether the list has it is not asked: the list grows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Licence(String);

/// Not the name of a licence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a licence is named by its SPDX identifier, such as `MIT` or `Apache-2.0`")]
pub struct LicenceError;

impl FromStr for Licence {
    type Err = LicenceError;

    fn from_str(text: &str) -> Result<Self, LicenceError> {
        let fits = |c: u8| c.is_ascii_alphanumeric() || b".+-".contains(&c);
        let is_name = (1..=MAX_LICENCE).contains(&text.len()) && text.bytes().all(fits);
        if is_name { Ok(Self(text.to_owned())) } else { Err(LicenceError) }
    }
}

impl Licence {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_words_each_once_and_in_order() {
        let topics = Topics::parse(["tides", "a-1", "tides"]).unwrap();
        assert_eq!(topics.words(), ["a-1", "tides"]);
        for bad in ["", "-a", "A", "a b", "é", "a_b", &"a".repeat(51)] {
            assert!(Topics::parse([bad]).is_err(), "{bad}");
        }
        let many: Vec<String> = (0..21).map(|it| format!("t{it}")).collect();
        assert_eq!(Topics::parse(many.iter().map(String::as_str)), Err(TopicsError::TooMany));
        assert!(Topics::parse(many.iter().take(20).map(String::as_str)).is_ok());
    }

    #[test]
    fn a_licence_is_named_as_spdx_does() {
        for good in ["MIT", "Apache-2.0", "GPL-3.0-or-later", "LGPL-2.1+"] {
            assert_eq!(good.parse::<Licence>().unwrap().as_str(), good);
        }
        for bad in ["", "the MIT licence", "<b>", &"a".repeat(65)] {
            assert!(bad.parse::<Licence>().is_err(), "{bad}");
        }
    }
}
