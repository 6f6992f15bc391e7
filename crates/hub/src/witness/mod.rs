//! Who tells others of what happens here (`spec/webhooks.md` 2).
//!
//! What is written down as activity and stands in the list of events is shown to the one witness, in the same transaction.
//! It counts it, and asks what there is to say only if somebody wants to hear it: nothing is read or shaped for nobody.
//!
//! | file       | what is there                                             |
//! |------------|-----------------------------------------------------------|
//! | `mod.rs`   | [`Witness`], [`Happened`], [`Told`]                          |
//! | `shape.rs` | what there is to say, as the list of events has it            |
//! | `store.rs` | the SQL                                                    |

mod shape;
mod store;

use std::fmt;

use async_trait::async_trait;
use db::Tx;
use serde_json::{Map, Value};
use trust::Principal;
use uuid::Uuid;

pub(crate) use store::STATEMENTS;

use crate::{
    Error, Hub,
    activity::{Note, What},
};

/// Whoever tells others.
#[async_trait]
pub trait Witness: fmt::Debug + Send + Sync {
    /// Something happened, in the transaction in which it did. An error undoes it.
    async fn tell(&self, tx: &mut Tx, event: &Happened<'_>) -> Result<(), Error>;
}

/// Something that happened to a repository, and of which others may be told.
#[derive(Debug)]
pub struct Happened<'a> {
    hub: &'a Hub,
    note: &'a Note,
    repository: Uuid,
}

/// What there is to say of it.
#[derive(Debug, Clone)]
pub struct Told {
    /// Where a person sees it.
    pub action_url: String,
    /// Whoever did it; nobody where the install itself did.
    pub actor: Option<Principal>,
    /// For whom an agent did it.
    pub on_behalf_of: Option<Principal>,
    /// The repository: `{id, owner, name, format, visibility, url}`.
    pub repository: Map<String, Value>,
    /// The branch that it is about, if it is about one.
    pub branch: Option<String>,
    /// The rest, as the list of events has it for this type.
    pub data: Map<String, Value>,
}

impl Happened<'_> {
    /// The word of the list of events.
    pub const fn kind(&self) -> &'static str {
        self.note.what.as_str()
    }

    /// What it happened to, such as `ref:<repository>:<name>`.
    pub fn subject(&self) -> &str {
        &self.note.subject
    }

    /// The repository in which it happened.
    pub const fn repository(&self) -> Uuid {
        self.repository
    }

    /// What there is to say of it, read in the same transaction.
    pub async fn told(&self, tx: &mut Tx) -> Result<Told, Error> {
        shape::told(self.hub, tx, self.note, self.repository).await
    }
}

impl Hub {
    /// Shows the witness what was written down, if others may be told of it.
    pub(crate) async fn witnessed(&self, tx: &mut Tx, note: &Note) -> Result<(), Error> {
        let (true, Some(repository)) = (is_told(note.what), note.repository) else {
            return Ok(());
        };
        self.witness.tell(tx, &Happened { hub: self, note, repository }).await
    }
}

/// Whether it stands in the list of events: the rest is for those alone who may look.
const fn is_told(what: What) -> bool {
    match what {
        What::Push
        | What::RefCreated
        | What::RefDeleted
        | What::RepositoryCreated
        | What::RepositoryRenamed
        | What::RepositoryTransferred
        | What::RepositoryVisibilityChanged
        | What::RepositoryArchived
        | What::RepositoryDeleted
        | What::RepositoryStarred
        | What::RepositoryForked
        | What::ReleasePublished
        | What::ReleaseYanked => true,
        What::RepositoryRestored
        | What::StarRemoved
        | What::SettingsEdited
        | What::TransferChanged
        | What::CommitsLabelled
        | What::ReleaseDrafted
        | What::ReleaseDiscarded
        | What::FollowAdded
        | What::FollowRemoved => false,
    }
}
