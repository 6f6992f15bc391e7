//! What happened (`spec/hub.md` 7, Activity; `spec/collaboration.md` 7): one row for each aspect of each thing that
//! changed, written in the transaction of the change on every way in.
//!
//! Lists, feeds and profiles are read from these rows; nothing else records that something happened. Who may not see a
//! repository sees nothing of what happened to it, from the moment of the change on: each list asks again.
//!
//! | file       | what is there                                                     |
//! |------------|-------------------------------------------------------------------|
//! | `mod.rs`   | [`note`], the one door; [`What`], [`Note`]                            |
//! | `line.rs`  | [`Happening`]: a row, and what is said of it in a line                 |
//! | `movement.rs` | a ref that moves                                            |
//! | `lists.rs` | whose and of what a list is, page by page                           |
//! | `api.rs`   | JSON                                                               |
//! | `store.rs` | the SQL                                                            |
//!
//! Invariant: the numbers of one subject begin at 1 and have no gap, as whoever notes something holds the subject.

mod api;
mod line;
mod lists;
mod movement;
mod store;

use db::Tx;
use names::{Id, UnixMillis};
use serde_json::Value;
use trust::{Actor, Principal};
use uuid::Uuid;

pub(crate) use api::routes;
pub(crate) use line::{Happening, Word};
pub(crate) use lists::{Kinds, Of};
pub(crate) use movement::COUNTED;
pub(crate) use store::{STATEMENTS, releases_by_day};

use crate::{Error, Hub, Repository};

macro_rules! whats {
    ($( $(#[$doc:meta])* $name:ident, $word:literal; )+) => {
        /// What can happen. The words are those of the webhook catalogue (`spec/webhooks.md` 2), and some that are never sent.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum What { $( $(#[$doc])* $name, )+ }

        impl What {
            /// All of them.
            #[cfg(test)]
            pub(crate) const ALL: &'static [Self] = &[$( Self::$name ),+];

            /// The word in rows and answers.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $( Self::$name => $word, )+ }
            }

            /// What is called so.
            pub(crate) fn named(word: &str) -> Option<Self> {
                match word { $( $word => Some(Self::$name), )+ _ => None }
            }
        }
    };
}

whats! {
    /// A ref moved.
    Push, "push";
    /// A branch or a tag is new.
    RefCreated, "ref.created";
    /// One is gone.
    RefDeleted, "ref.deleted";
    /// A repository was made.
    RepositoryCreated, "repository.created";
    /// It has another name.
    RepositoryRenamed, "repository.renamed";
    /// It has another owner.
    RepositoryTransferred, "repository.transferred";
    /// Others may see it, or not any more.
    RepositoryVisibilityChanged, "repository.visibility_changed";
    /// It can only be read, or that was taken back.
    RepositoryArchived, "repository.archived";
    /// It was deleted.
    RepositoryDeleted, "repository.deleted";
    /// It is back.
    RepositoryRestored, "repository.restored";
    /// Somebody likes it.
    RepositoryStarred, "repository.starred";
    /// Somebody took that back; never shown.
    StarRemoved, "star.removed";
    /// Somebody made theirs from it.
    RepositoryForked, "repository.forked";
    /// What it says of itself is another thing now.
    SettingsEdited, "settings.edited";
    /// It was offered to somebody, or that came to its end; shown to nobody.
    TransferChanged, "repository.transfer_changed";
    /// Commits were labelled.
    CommitsLabelled, "commit.labelled";
    /// A release was prepared; shown to nobody.
    ReleaseDrafted, "release.drafted";
    /// That was thrown away; shown to nobody.
    ReleaseDiscarded, "release.discarded";
    /// A release is out.
    ReleasePublished, "release.published";
    /// It was taken out of use.
    ReleaseYanked, "release.yanked";
    /// Somebody follows somebody.
    FollowAdded, "follow.added";
    /// And does no more; never shown.
    FollowRemoved, "follow.removed";
}

impl What {
    /// Whether it is kept and shown to nobody here.
    const fn is_confidential(self) -> bool {
        matches!(
            self,
            Self::StarRemoved
                | Self::FollowRemoved
                | Self::TransferChanged
                | Self::ReleaseDrafted
                | Self::ReleaseDiscarded
        )
    }
}

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct By {
    /// Whoever; nobody where the install itself did.
    actor: Option<Uuid>,
    /// The owner of an agent.
    behind: Option<Uuid>,
}

impl By {
    /// The install itself.
    pub(crate) const INSTALL: Self = Self { actor: None, behind: None };

    /// Whoever is behind a request.
    pub(crate) fn of(actor: &Actor) -> Self {
        let actor_id = actor.principal().map(|it| it.id.uuid());
        Self { actor: actor_id, behind: actor.behind().map(Id::uuid) }
    }

    /// Whoever did it, and for whom.
    pub(crate) const fn ids(self) -> (Option<Uuid>, Option<Uuid>) {
        (self.actor, self.behind)
    }

    /// Somebody in whose name the server goes on.
    pub(crate) fn principal(id: Id<Principal>) -> Self {
        Self { actor: Some(id.uuid()), behind: None }
    }
}

/// Something that happened, before it is written.
#[derive(Debug)]
pub(crate) struct Note {
    pub(crate) what: What,
    pub(crate) by: By,
    /// The repository of which it is a part.
    pub(crate) repository: Option<Uuid>,
    /// Another one that it tells of: only those see it who see both.
    pub(crate) other: Option<Uuid>,
    /// What it happened to, as the catalogue names it.
    pub(crate) subject: String,
    pub(crate) at: UnixMillis,
    pub(crate) data: Value,
}

impl Note {
    /// Of a repository itself.
    pub(crate) fn repository(
        what: What,
        by: By,
        of: Id<Repository>,
        at: UnixMillis,
        data: Value,
    ) -> Self {
        let subject = format!("repository:{of}");
        Self { what, by, repository: Some(of.uuid()), other: None, subject, at, data }
    }

    /// The same of something that belongs to the repository.
    pub(crate) fn about(self, subject: String) -> Self {
        Self { subject, ..self }
    }

    /// The same, for those alone who see that other repository as well.
    pub(crate) fn with(self, other: Id<Repository>) -> Self {
        Self { other: Some(other.uuid()), ..self }
    }

    /// Of a principal, and of no repository.
    pub(crate) fn principal(
        what: What,
        by: By,
        of: Id<Principal>,
        at: UnixMillis,
        data: Value,
    ) -> Self {
        let subject = format!("principal:{of}");
        Self { what, by, repository: None, other: None, subject, at, data }
    }
}

/// Writes down what happened, in the transaction in which it does, and shows it to the [`crate::Witness`]. The subject is
/// held by then: the repository is locked, or the principal.
pub(crate) async fn note(hub: &Hub, tx: &mut Tx, note: Note) -> Result<(), Error> {
    let id: Id<Note> = Id::new(note.at, &hub.random);
    store::add(tx, id.uuid(), &note).await?;
    hub.witnessed(tx, &note).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_back_and_is_of_the_form_of_the_catalogue() {
        for what in What::ALL {
            let word = what.as_str();
            assert_eq!(What::named(word), Some(*what));
            let is_plain = |c: char| c.is_ascii_lowercase() || matches!(c, '.' | '_');
            assert!(word.chars().all(is_plain), "{word}");
        }
        assert_eq!(What::named("repository.exploded"), None);
    }
}
