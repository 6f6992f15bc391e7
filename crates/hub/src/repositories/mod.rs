//! Repositories: made, found, listed.
//!
//! | file          | what is there                                            |
//! |---------------|----------------------------------------------------------|
//! | `mod.rs`      | [`Repository`], the door's methods                         |
//! | `resource.rs` | how a route loads one; [`PushTarget`]                      |
//! | `homepage.rs` | [`Homepage`]                                               |
//! | `about.rs`    | [`Topics`], [`Licence`]                                    |
//! | `format.rs`   | [`Format`]: Muse or Git                                    |
//! | `start.rs`    | what a new one begins with                                 |
//! | `making.rs`   | [`Hub::create_repository`], from nothing, files or a template |
//! | `api.rs`      | JSON under `/api/v1/repos`                                 |
//! | `collaborators.rs` | JSON: who was given a level on one                  |
//! | `store.rs`    | the SQL                                                  |

mod about;
mod api;
mod collaborators;
mod cursor;
mod format;
mod homepage;
mod making;
mod resource;
mod start;
mod store;

use db::Tx;
use names::{BranchName, Handle, Id, RepositoryName, UnixMillis};
use serde_json::json;
use trust::{
    Actor, Allowed, Anything, Granted, Namespace, Principal, Readers, ResourceRow, ResourceState,
    Visibility, act,
    audit::{Entry, Noted, On},
};

pub use about::{Licence, Topic, Topics};
pub(crate) use api::{check_description, create_as_asked, json_of, routes};
pub(crate) use cursor::Cursor;
pub use format::{Format, FormatError};
pub use homepage::{Homepage, HomepageError};
pub(crate) use making::Start;
pub(crate) use resource::PushTarget;
pub(crate) use start::{ignored, licences};
pub(crate) use store::{
    STATEMENTS, by_id, by_id_for, count, deleted_of, find, find_deleted, forget_alias, largest,
    pinned, templates, visible_of,
};

use crate::{
    Error, Hub,
    activity::{self, By, Note, What},
    intake::{ClashingPaths, ContentPolicy, SecretProtection},
    signatures::Required,
};

/// Repositories of one owner (`spec/hub.md` 1).
pub(crate) const MAX_PER_OWNER: u64 = 500;

/// A repository, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each says one thing of its own")]
pub struct Repository {
    /// Which, for good.
    pub id: Id<Repository>,
    /// Whose.
    pub owner: Handle,
    /// Its name among the owner's.
    pub name: RepositoryName,
    /// What the authority looks at.
    pub resource: ResourceRow,
    /// What its history is kept as, for good.
    pub format: Format,
    /// What it is, in a line.
    pub description: String,
    /// Its page elsewhere.
    pub homepage: Option<Homepage>,
    /// The Muse domain, such as `code`.
    pub domain: String,
    /// What is shown and cloned first.
    pub default_branch: BranchName,
    /// What it is about.
    pub topics: Topics,
    /// On which terms it is had, as its owner says.
    pub licence: Option<Licence>,
    /// Whether others may make theirs from it, if somebody has said so; see [`Repository::allows_forks`].
    pub says_forks: Option<bool>,
    /// Whether it is searched.
    pub is_indexed: bool,
    /// What it was made from.
    pub fork: Option<Fork>,
    /// Sum of the sizes of its distinct objects.
    pub size_bytes: u64,
    /// Number of its distinct objects.
    pub object_count: u64,
    /// Number of its commits.
    pub commit_count: u64,
    /// How many like it.
    pub stars: u64,
    /// How many want to know what happens to it.
    pub watchers: u64,
    /// The language that most of it is written in; empty while nobody has looked.
    pub language: String,
    /// Whether its owner asks those who train models to leave it alone; see [`Repository::training_opt_out`].
    pub says_no_training: bool,
    /// Which commits it takes.
    pub(crate) require_signed_commits: Required,
    /// Whether a ref moves only by an entry that its pusher signed.
    pub require_signed_refs: bool,
    /// Whether others may begin theirs with its files.
    pub is_template: bool,
    /// Whether files are what their names say, if somebody has said so; see [`Repository::content_policy`].
    pub(crate) says_content: Option<ContentPolicy>,
    /// Whether paths may be there that some file systems take for one.
    pub(crate) clashing_paths: ClashingPaths,
    /// What becomes of keys and tokens that were left in a file.
    pub(crate) secret_protection: SecretProtection,
    /// When something was last pushed.
    pub pushed_at: Option<UnixMillis>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When its row last changed.
    pub updated_at: UnixMillis,
    /// Since when it can only be read.
    pub archived_at: Option<UnixMillis>,
    /// When it was deleted.
    pub deleted_at: Option<UnixMillis>,
}

/// That a repository was made from another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fork {
    /// Which; nothing if that is gone for good.
    pub source: Option<Id<Repository>>,
    /// Whether the history is being copied still.
    pub is_copying: bool,
}

impl Repository {
    /// `owner/name`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// Whether only some may see it.
    pub fn is_private(&self) -> bool {
        self.resource.visibility == Visibility::Private
    }

    /// Whether others may make theirs from it: from what is public, unless somebody said otherwise.
    pub fn allows_forks(&self) -> bool {
        self.says_forks.unwrap_or(!self.is_private())
    }

    /// Whether files have to be what their names say: as is usual for its domain, unless somebody said otherwise.
    pub(crate) fn content_policy(&self) -> ContentPolicy {
        self.says_content.unwrap_or_else(|| ContentPolicy::usual(&self.domain))
    }

    /// Whether those who train models are asked to leave it alone: of what is private, always (`spec/trust.md` 13).
    pub fn training_opt_out(&self) -> bool {
        self.is_private() || self.says_no_training
    }
}

/// What a repository is made from.
#[derive(Debug, Clone)]
pub struct NewRepository {
    /// Its name.
    pub name: RepositoryName,
    /// Who may see it.
    pub visibility: Visibility,
    /// What its history is kept as.
    pub format: Format,
    /// What it is, in a line.
    pub description: String,
    /// What the first push is expected to make.
    pub default_branch: BranchName,
}

/// Which repositories a list shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    /// Those of one owner.
    pub(crate) owner: Option<Id<Principal>>,
    /// Those about something.
    pub(crate) topic: Option<Topic>,
    /// Those that are had on these terms.
    pub(crate) licence: Option<Licence>,
    /// Those that are mostly written in this language.
    pub(crate) language: Option<String>,
    /// Those that somebody likes.
    pub(crate) starred_by: Option<Id<Principal>>,
    /// In which order.
    pub(crate) sort: Sort,
    /// Those whose history is kept so.
    pub(crate) format: Option<Format>,
    /// Those that everybody may see, or those that only some may.
    pub(crate) visibility: Option<Visibility>,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Sort {
    /// The newest push first.
    #[default]
    Pushed,
    /// What most like first.
    Stars,
}

impl Sort {
    /// The word in addresses.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Pushed => "pushed",
            Self::Stars => "stars",
        }
    }

    /// What is called so; what is nothing of these is the usual order.
    pub(crate) fn named(word: &str) -> Self {
        if word == Self::Stars.word() { Self::Stars } else { Self::Pushed }
    }
}

/// A page of a list, and where it goes on.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) repositories: Vec<Repository>,
    pub(crate) next: Option<Cursor>,
}

impl Hub {
    /// Writes down that a repository was made.
    pub(crate) async fn note_created(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        repository: &Repository,
    ) -> Result<(), Error> {
        let created = Entry::done(Noted::RepoCreated, actor, On::new("repository", repository.id))
            .with("name", repository.full_name())
            .with("visibility", repository.resource.visibility.as_str());
        let chain = self.trust.chain_of(tx, repository.resource.owner).await?;
        self.trust.note(tx, chain, created).await?;
        let (by, at) = (By::of(actor), repository.created_at);
        let made = Note::repository(What::RepositoryCreated, by, repository.id, at, json!({}));
        activity::note(self, tx, made).await
    }

    /// Writes the rows of a new repository in `space`.
    pub(crate) async fn insert(
        &self,
        tx: &mut Tx,
        space: &Namespace,
        new: NewRepository,
        state: ResourceState,
    ) -> Result<Repository, Error> {
        let now = self.clock.now();
        let owner = space.id.ok_or(Error::NotFound)?;
        self.trust.hold_namespace(tx, owner).await?;
        self.check_count(tx, owner).await?;
        if find(tx, owner, &new.name, Readers::NOBODY).await?.is_some() {
            return Err(Error::NameTaken);
        }
        let id: Id<Repository> = Id::new(now, &self.random);
        let (visibility, granted) = (new.visibility, Granted::NONE);
        let resource = ResourceRow { id: id.uuid(), owner, visibility, state, granted };
        let repository = Repository {
            id,
            owner: space.handle.clone(),
            name: new.name,
            resource,
            format: new.format,
            description: new.description,
            homepage: None,
            domain: "code".to_owned(),
            default_branch: new.default_branch,
            topics: Topics::default(),
            licence: None,
            says_forks: None,
            is_indexed: true,
            fork: None,
            size_bytes: 0,
            object_count: 0,
            commit_count: 0,
            stars: 0,
            watchers: 0,
            language: String::new(),
            says_no_training: false,
            require_signed_commits: Required::Off,
            require_signed_refs: false,
            is_template: false,
            says_content: None,
            clashing_paths: ClashingPaths::Allow,
            secret_protection: SecretProtection::Warn,
            pushed_at: None,
            created_at: now,
            updated_at: now,
            archived_at: None,
            deleted_at: None,
        };
        // Whoever takes a former name answers to it from now on.
        forget_alias(tx, owner, &repository.name).await?;
        self.trust.add_resource(tx, &resource).await?;
        store::insert(tx, &repository).await?;
        let bell = self.ask_for_index(tx, id).await?;
        tx.hold(bell);
        Ok(repository)
    }

    /// Whether the owner may have one more.
    pub(crate) async fn check_count(&self, tx: &mut Tx, owner: Id<Principal>) -> Result<(), Error> {
        if count(tx, owner).await? >= MAX_PER_OWNER {
            return Err(Error::TooManyRepositories(MAX_PER_OWNER));
        }
        Ok(())
    }

    /// What a reader may see, newest push first.
    pub(crate) async fn list(
        &self,
        allowed: &Allowed<act::RepoList, Anything>,
        filter: &Filter,
        after: Option<Cursor>,
        limit: u16,
    ) -> Result<Listed, Error> {
        let mut tx = self.db.read().await?;
        let reader = allowed.actor().reader();
        let mut found = store::list(&mut tx, reader, filter, after, limit).await?;
        let next = if found.len() > usize::from(limit) {
            found.truncate(limit.into());
            found.last().map(|it| Cursor::of(it, filter.sort))
        } else {
            None
        };
        Ok(Listed { repositories: found, next })
    }
}

impl Hub {
    /// Where `list` goes on, if `text` is a cursor that it handed out.
    pub(crate) fn cursor(&self, list: &str, text: &str) -> Option<Cursor> {
        Cursor::from_bytes(&self.cursors.read(list, text)?)
    }
}
