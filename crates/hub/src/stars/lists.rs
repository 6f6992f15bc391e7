//! Lists of people, by their handles.

use db::Tx;
use names::{Id, UnixMillis};
use trust::Principal;

use super::store::{self, Crowded};
use crate::{Error, Hub, Repository};

/// Somebody in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Somebody {
    pub(crate) handle: String,
    /// The word of its kind.
    pub(crate) kind: String,
    pub(crate) since: UnixMillis,
    /// Of watchers: how much they want to know.
    pub(crate) level: Option<String>,
}

/// Those around a repository, or around somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Circle {
    /// Who likes it.
    Stargazers(Id<Repository>),
    /// Who wants to know what happens to it.
    Watchers(Id<Repository>),
    /// Who follows somebody.
    Followers(Id<Principal>),
    /// Whom somebody follows.
    Following(Id<Principal>),
}

/// A page of such a list.
#[derive(Debug)]
pub(crate) struct Crowd {
    pub(crate) people: Vec<Somebody>,
    /// After whom it goes on.
    pub(crate) next: Option<String>,
}

impl Hub {
    /// Those of a circle after a handle.
    pub(crate) async fn crowd(
        &self,
        tx: &mut Tx,
        of: Circle,
        (after, limit): (Option<&str>, u32),
    ) -> Result<Crowd, Error> {
        let of = match of {
            Circle::Stargazers(it) => Crowded::Stargazers(it),
            Circle::Watchers(it) => Crowded::Watchers(it),
            Circle::Followers(it) => Crowded::Followers(it),
            Circle::Following(it) => Crowded::Following(it),
        };
        let after = after.unwrap_or_default();
        let mut people = store::crowd(tx, of, after, limit.saturating_add(1)).await?;
        let has_more = people.len() > limit as usize;
        people.truncate(limit as usize);
        let next = people.last().filter(|_| has_more).map(|it| it.handle.clone());
        Ok(Crowd { people, next })
    }

    /// After whom a list of people goes on, if `text` is a cursor that it handed out.
    pub(crate) fn crowd_cursor(&self, list: &str, text: &str) -> Option<String> {
        String::from_utf8(self.cursors.read(list, text)?).ok()
    }
}
