//! Lists of what happened: of a repository, by somebody, in what somebody watches.

use db::Tx;
use names::Id;
use trust::{Actor, Principal};
use uuid::Uuid;

use super::{Happening, store};
use crate::{Error, Hub, Repository};

/// Whose list it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// What happened to a repository. Whoever asks may see it.
    Repository(Id<Repository>),
    /// What somebody did.
    Actor(Id<Principal>),
    /// What happened to what somebody watches or owns.
    WatchedBy(Id<Principal>),
}

/// What is shown of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Kinds {
    /// Everything.
    #[default]
    All,
    /// What moved.
    Pushes,
    /// Releases.
    Releases,
    /// Stars and forks.
    People,
    /// Names, owners, settings.
    Settings,
}

impl Kinds {
    /// All of them, as they stand beside each other.
    pub(crate) const ALL: [Self; 5] =
        [Self::All, Self::Pushes, Self::Releases, Self::People, Self::Settings];

    /// The word in addresses.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Pushes => "pushes",
            Self::Releases => "releases",
            Self::People => "people",
            Self::Settings => "settings",
        }
    }

    /// What is called so; what is nothing of these is everything.
    pub(crate) fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.word() == word)
    }

    /// What the words of types are like: one of the first two, and none of the others.
    pub(super) const fn patterns(self) -> [&'static str; 4] {
        match self {
            Self::All => ["%", "%", "", ""],
            Self::Pushes => ["push", "ref.%", "", ""],
            Self::Releases => ["release.%", "release.%", "", ""],
            Self::People => ["repository.starred", "repository.forked", "", ""],
            Self::Settings => {
                ["settings.%", "repository.%", "repository.starred", "repository.forked"]
            }
        }
    }
}

/// A page of a list, and where it goes on.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) items: Vec<Happening>,
    pub(crate) next: Option<Uuid>,
}

impl Hub {
    /// What happened, as far as `actor` may see it, the last first.
    pub(crate) async fn happenings(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        of: Of,
        (kinds, before, limit): (Kinds, Option<Uuid>, u32),
    ) -> Result<Seen, Error> {
        let before = before.unwrap_or(Uuid::max());
        let mut items =
            store::list(tx, actor.reader(), of, (kinds, before, limit.saturating_add(1))).await?;
        let has_more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next = items.last().filter(|_| has_more).map(|it| it.id);
        Ok(Seen { items, next })
    }

    /// Where a list of happenings goes on, if `text` is a cursor that it handed out.
    pub(crate) fn happening_cursor(&self, list: &str, text: &str) -> Option<Uuid> {
        Uuid::from_slice(&self.cursors.read(list, text)?).ok()
    }
}
