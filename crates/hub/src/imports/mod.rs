//! Imports: what another server has comes into a repository of Git, once (`spec/hub.md` 5, Import).
//!
//! A repository has one row of it, of the last that was asked for, and a job with a key of its own. Whatever interrupts it, it
//! goes on: what was fetched whole is not fetched again, and what was taken is taken already. Asked for twice, it comes to the
//! same: nothing is moved back, and what is here and leads elsewhere is left and told.
//!
//! | file       | what is there                                     |
//! |------------|---------------------------------------------------|
//! | `mod.rs`   | [`Import`]; the door: asked for, seen, cancelled      |
//! | `job.rs`   | the fetch, and how it is told how far it is           |
//! | `api.rs`   | JSON                                              |
//! | `store.rs` | the SQL                                           |

mod api;
mod job;
mod store;

use jobs::NewJob;
use names::{Id, UnixMillis};
use trust::{
    Allowed, Principal, act,
    audit::{Entry, Noted, On},
};

pub(crate) use api::{parse, routes, start_as_asked};
pub(crate) use job::{IMPORT, run};
pub(crate) use store::{STATEMENTS, of_repository};

use crate::{
    Error, Hub, Repository,
    git::{Credentials, RemoteUrl},
    mirrors::Patterns,
};

/// Where an import stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// For its turn, or for another try.
    Waiting,
    /// What the other server has is on its way.
    Fetching,
    /// It is here, and is being taken.
    Writing,
    /// It was taken.
    Done,
    /// It does not come about.
    Failed,
    /// Nobody wants it any more.
    Cancelled,
}

impl State {
    /// The word in rows and answers.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Fetching => "fetching",
            Self::Writing => "writing",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether it goes on.
    pub(crate) const fn is_open(self) -> bool {
        match self {
            Self::Waiting | Self::Fetching | Self::Writing => true,
            Self::Done | Self::Failed | Self::Cancelled => false,
        }
    }
}

impl std::str::FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [
            Self::Waiting,
            Self::Fetching,
            Self::Writing,
            Self::Done,
            Self::Failed,
            Self::Cancelled,
        ];
        let found = all.into_iter().find(|it| it.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is no state of an import"))
    }
}

/// The last import of a repository, without what it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) repository: Id<Repository>,
    pub(crate) id: Id<Import>,
    pub(crate) url: RemoteUrl,
    pub(crate) branches: bool,
    pub(crate) tags: bool,
    pub(crate) asked_by: Id<Principal>,
    pub(crate) asked_at: UnixMillis,
    pub(crate) state: State,
    pub(crate) failures: u32,
    pub(crate) received_bytes: u64,
    pub(crate) received_objects: u64,
    pub(crate) total_objects: u64,
    pub(crate) refs_moved: u64,
    pub(crate) refs_left: u64,
    pub(crate) last_error: Option<String>,
    pub(crate) ended_at: Option<UnixMillis>,
}

impl Import {
    fn patterns(&self) -> Patterns {
        Patterns::of(self.branches, self.tags)
    }
}

/// What is to be fetched.
#[derive(Debug, Clone)]
pub(crate) struct NewImport {
    pub(crate) url: RemoteUrl,
    pub(crate) branches: bool,
    pub(crate) tags: bool,
    pub(crate) credentials: Option<Credentials>,
}

impl Hub {
    /// Asks for an import. One that goes on already has to end before.
    pub(crate) async fn start_import(
        &self,
        allowed: &Allowed<act::ImportStart, Repository>,
        new: NewImport,
    ) -> Result<Import, Error> {
        self.check_remote(allowed.resource(), &new.url).await?;
        let (actor, now) = (allowed.actor(), self.clock.now());
        let mut tx = self.trust.begin(actor).await?;
        let allowed: Allowed<act::ImportStart, _> =
            self.again(&mut tx, actor, allowed.resource().id).await?;
        let repository = allowed.resource();
        let before = of_repository(&mut tx, repository.id).await?;
        if before.as_ref().is_some_and(|it| it.state.is_open()) {
            return Err(Error::NotNow("an import goes on already; wait for its end, or cancel it"));
        }
        if let Some(before) = before {
            self.trust.forget_remote(&mut tx, before.id.uuid()).await?;
        }
        let import = Import {
            repository: repository.id,
            id: Id::new(now, &self.random),
            url: new.url,
            branches: new.branches,
            tags: new.tags,
            asked_by: actor.principal().ok_or(Error::NotFound)?.id,
            asked_at: now,
            state: State::Waiting,
            failures: 0,
            received_bytes: 0,
            received_objects: 0,
            total_objects: 0,
            refs_moved: 0,
            refs_left: 0,
            last_error: None,
            ended_at: None,
        };
        store::set(&mut tx, &import).await?;
        if let Some(credentials) = &new.credentials {
            let of = (import.id.uuid(), repository.id.uuid());
            self.trust.seal_remote(&mut tx, of, &credentials.to_secret()?).await?;
        }
        let job = NewJob::new(IMPORT, &job::Which::of(&import))?;
        let job = job.unique(format!("hub.import/{}", import.id));
        let bell = self.queue.push(&mut tx, job).await?;
        tx.hold(bell);
        let entry = Entry::done(Noted::RepoUpdated, actor, On::new("repository", repository.id))
            .with("import", "asked for")
            .with("url", import.url.as_str());
        let chain = self.trust.chain_of(&mut tx, repository.resource.owner).await?;
        self.trust.note(&mut tx, chain, entry).await?;
        tx.commit().await?;
        Ok(import)
    }

    /// The last import of a repository.
    pub(crate) async fn import(
        &self,
        allowed: &Allowed<act::ImportRead, Repository>,
    ) -> Result<Option<Import>, Error> {
        Ok(of_repository(&mut self.db.glance().await?, allowed.resource().id).await?)
    }

    /// Leaves off, unless what came is being taken already. Where nothing goes on, nothing happens.
    pub(crate) async fn cancel_import(
        &self,
        allowed: &Allowed<act::ImportStart, Repository>,
    ) -> Result<(), Error> {
        let actor = allowed.actor();
        let mut tx = self.trust.begin(actor).await?;
        let allowed: Allowed<act::ImportStart, _> =
            self.again(&mut tx, actor, allowed.resource().id).await?;
        let found = of_repository(&mut tx, allowed.resource().id).await?;
        let Some(import) = found else { return Ok(()) };
        match import.state {
            State::Writing => {
                return Err(Error::NotNow("what came is being taken already; it ends in a moment"));
            }
            State::Waiting | State::Fetching => {
                store::cancel(&mut tx, import.id, self.clock.now()).await?;
                self.trust.forget_remote(&mut tx, import.id.uuid()).await?;
            }
            State::Done | State::Failed | State::Cancelled => {}
        }
        Ok(tx.commit().await?)
    }
}
