//! Mirrors: a repository of Git follows one on another server, or is followed by one (`spec/hub.md` 5, Mirrors).
//!
//! One that pulls looks every so many minutes; the refs of its patterns are moved by it alone. One that pushes sends after
//! each movement of a ref that it is about. Both are a job with a key of its own, so that no mirror runs twice at once, and a
//! row that says when it is due.
//!
//! | file          | what is there                                                       |
//! |---------------|---------------------------------------------------------------------|
//! | `mod.rs`      | [`Mirror`]; the door: made, changed, run, removed                       |
//! | `patterns.rs` | [`Patterns`]: which refs; pure                                        |
//! | `breaker.rs`  | what follows failures; pure                                          |
//! | `moving.rs`   | what a movement of a ref has to do with mirrors                       |
//! | `job.rs`      | a run, and when the next one is due                                   |
//! | `api.rs`      | JSON                                                                |
//! | `store.rs`    | the SQL                                                             |
//!
//! Invariants: where something is shown to another server it lies sealed, and no read gives it back; a mirror acts as
//! whoever made it, with what they may do at that moment.

mod api;
mod breaker;
mod job;
mod moving;
mod patterns;
mod store;

use db::Tx;
use names::{Id, UnixMillis};
use trust::{
    Actor, Allowed, Principal, act,
    audit::{Entry, Noted, On},
};

pub(crate) use api::{add_as_asked, change_as_asked, parse_credentials, routes};
pub(crate) use job::{DUE, RUN, due, run};
pub(crate) use moving::Held;
pub(crate) use patterns::Patterns;
pub(crate) use store::STATEMENTS;

use crate::{
    Error, Format, Hub, Repository,
    git::{Credentials, Remote, RemoteUrl},
};

/// Mirrors that a repository has at most.
const MOST: usize = 10;
/// Minutes between two looks: at least, unless said, and at most.
pub(crate) const EVERY_MINUTES: (u32, u32, u32) = (10, 60, 7 * 24 * 60);

/// In which way a mirror goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// What is there comes here.
    Pull,
    /// What is here goes there.
    Push,
}

impl Direction {
    /// The word in rows and answers.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
        }
    }
}

impl std::str::FromStr for Direction {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "pull" => Ok(Self::Pull),
            "push" => Ok(Self::Push),
            other => Err(format!("`{other}` is no direction: use pull or push")),
        }
    }
}

/// Where a mirror stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It runs when it is due.
    Active,
    /// It failed too often, and rests for a while.
    Paused,
    /// It does not run by itself any more.
    Stopped,
}

impl State {
    /// The word in rows and answers.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
        }
    }
}

impl std::str::FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "active" => Ok(Self::Active),
            "paused" => Ok(Self::Paused),
            "stopped" => Ok(Self::Stopped),
            other => Err(format!("`{other}` is no state of a mirror")),
        }
    }
}

/// A mirror, without what it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mirror {
    pub(crate) id: Id<Mirror>,
    pub(crate) repository: Id<Repository>,
    pub(crate) direction: Direction,
    pub(crate) url: RemoteUrl,
    pub(crate) patterns: Patterns,
    pub(crate) every_minutes: u32,
    pub(crate) made_by: Id<Principal>,
    pub(crate) made_at: UnixMillis,
    pub(crate) state: State,
    /// Failures since it last went well.
    pub(crate) failures: u32,
    /// Counts what is to be sent.
    asked: i64,
    /// When it runs next, if it does by itself.
    pub(crate) next_at: Option<UnixMillis>,
    pub(crate) last_run_at: Option<UnixMillis>,
    pub(crate) last_success_at: Option<UnixMillis>,
    /// Why it failed, or what it left out.
    pub(crate) last_error: Option<String>,
    /// Whether something is shown there.
    pub(crate) has_credentials: bool,
}

/// What a mirror is to be.
#[derive(Debug, Clone)]
pub(crate) struct NewMirror {
    pub(crate) direction: Direction,
    pub(crate) url: RemoteUrl,
    pub(crate) patterns: Patterns,
    pub(crate) every_minutes: u32,
    pub(crate) credentials: Option<Credentials>,
}

/// What is to be another way.
#[derive(Debug, Clone, Default)]
pub(crate) struct MirrorChange {
    pub(crate) url: Option<RemoteUrl>,
    pub(crate) patterns: Option<Patterns>,
    pub(crate) every_minutes: Option<u32>,
    pub(crate) shown: Shown,
}

/// What becomes of what is shown to the other server.
#[derive(Debug, Clone, Default)]
pub(crate) enum Shown {
    /// It stays.
    #[default]
    Keep,
    /// Something else is shown.
    Set(Credentials),
    /// Nothing is.
    Forget,
}

fn asked(field: &'static str, message: impl Into<String>) -> Error {
    Error::Asked { field, message: message.into() }
}

impl Hub {
    /// Whether an address may be gone to from here, and from this repository.
    pub(crate) async fn check_remote(
        &self,
        repository: &Repository,
        url: &RemoteUrl,
    ) -> Result<(), Error> {
        if repository.format != Format::Git {
            let message =
                "only repositories of Git take histories from other servers, or send them there";
            return Err(asked("url", message));
        }
        self.git.check_remote(url).await.map_err(|message| asked("url", message))
    }

    /// Makes a mirror, and lets it run.
    pub(crate) async fn add_mirror(
        &self,
        allowed: &Allowed<act::MirrorChange, Repository>,
        new: NewMirror,
    ) -> Result<Mirror, Error> {
        self.check_remote(allowed.resource(), &new.url).await?;
        let (actor, now) = (allowed.actor(), self.clock.now());
        let mut tx = self.trust.begin(actor).await?;
        let allowed: Allowed<act::MirrorChange, _> =
            self.again(&mut tx, actor, allowed.resource().id).await?;
        let repository = allowed.resource();
        let all = store::of_repository(&mut tx, repository.id).await?;
        if all.len() >= MOST {
            return Err(asked("url", format!("a repository has at most {MOST} mirrors")));
        }
        if new.direction == Direction::Pull && all.iter().any(|it| it.direction == new.direction) {
            return Err(asked("direction", "it follows another server already"));
        }
        let mirror = Mirror {
            id: Id::new(now, &self.random),
            repository: repository.id,
            direction: new.direction,
            url: new.url,
            patterns: new.patterns,
            every_minutes: new.every_minutes,
            made_by: actor.principal().ok_or(Error::NotFound)?.id,
            made_at: now,
            state: State::Active,
            failures: 0,
            asked: 0,
            next_at: None,
            last_run_at: None,
            last_success_at: None,
            last_error: None,
            has_credentials: new.credentials.is_some(),
        };
        store::add(&mut tx, &mirror).await?;
        if let Some(credentials) = &new.credentials {
            self.keep_credentials(&mut tx, &mirror, credentials).await?;
        }
        self.run_soon(&mut tx, mirror.id, now).await?;
        self.note_mirror(&mut tx, actor, repository, (&mirror, "added")).await?;
        tx.commit().await?;
        Ok(mirror)
    }

    /// The mirrors of a repository, the oldest first.
    pub(crate) async fn mirrors(
        &self,
        allowed: &Allowed<act::MirrorRead, Repository>,
    ) -> Result<Vec<Mirror>, Error> {
        let mut tx = self.db.glance().await?;
        Ok(store::of_repository(&mut tx, allowed.resource().id).await?)
    }

    /// One of them.
    pub(crate) async fn mirror(
        &self,
        allowed: &Allowed<act::MirrorRead, Repository>,
        id: Id<Mirror>,
    ) -> Result<Mirror, Error> {
        let found = store::find(&mut self.db.glance().await?, id).await?;
        found.filter(|it| it.repository == allowed.resource().id).ok_or(Error::NotFound)
    }

    /// Makes a mirror another one. It begins anew, without failures, and runs at once.
    pub(crate) async fn change_mirror(
        &self,
        allowed: &Allowed<act::MirrorChange, Repository>,
        id: Id<Mirror>,
        change: MirrorChange,
    ) -> Result<Mirror, Error> {
        if let Some(url) = &change.url {
            self.check_remote(allowed.resource(), url).await?;
        }
        let (mut tx, repository, mut mirror) = self.hold_mirror(allowed, id).await?;
        let (actor, now) = (allowed.actor(), self.clock.now());
        if let Some(url) = change.url.filter(|it| *it != mirror.url) {
            // What is shown to one server is not shown to another one.
            if mirror.has_credentials && matches!(change.shown, Shown::Keep) {
                let message = "say what is shown to the new address, or that nothing is";
                return Err(asked("credentials", message));
            }
            store::forget_refs(&mut tx, id).await?;
            mirror.url = url;
        }
        mirror.patterns = change.patterns.unwrap_or(mirror.patterns);
        mirror.every_minutes = change.every_minutes.unwrap_or(mirror.every_minutes);
        match change.shown {
            Shown::Keep => {}
            Shown::Set(credentials) => {
                self.keep_credentials(&mut tx, &mirror, &credentials).await?;
                mirror.has_credentials = true;
            }
            Shown::Forget => {
                self.trust.forget_remote(&mut tx, id.uuid()).await?;
                mirror.has_credentials = false;
            }
        }
        (mirror.state, mirror.failures) = (State::Active, 0);
        (mirror.last_error, mirror.next_at) = (None, None);
        // Whoever changes it answers for it from now on.
        mirror.made_by = actor.principal().ok_or(Error::NotFound)?.id;
        store::set(&mut tx, &mirror).await?;
        self.run_soon(&mut tx, id, now).await?;
        self.note_mirror(&mut tx, actor, &repository, (&mirror, "changed")).await?;
        tx.commit().await?;
        Ok(mirror)
    }

    /// Lets a mirror run now, also one that rests or has stopped.
    pub(crate) async fn run_mirror(
        &self,
        allowed: &Allowed<act::MirrorChange, Repository>,
        id: Id<Mirror>,
    ) -> Result<Mirror, Error> {
        let (mut tx, _, mirror) = self.hold_mirror(allowed, id).await?;
        store::ask(&mut tx, id).await?;
        self.run_soon(&mut tx, id, self.clock.now()).await?;
        tx.commit().await?;
        Ok(mirror)
    }

    /// Removes a mirror. Refs stay where they are.
    pub(crate) async fn remove_mirror(
        &self,
        allowed: &Allowed<act::MirrorChange, Repository>,
        id: Id<Mirror>,
    ) -> Result<(), Error> {
        let (mut tx, repository, mirror) = self.hold_mirror(allowed, id).await?;
        self.trust.forget_remote(&mut tx, id.uuid()).await?;
        store::remove(&mut tx, id).await?;
        let actor = allowed.actor();
        self.note_mirror(&mut tx, actor, &repository, (&mirror, "removed")).await?;
        Ok(tx.commit().await?)
    }

    /// A transaction in which a mirror is changed, with the repository as it is then.
    async fn hold_mirror(
        &self,
        allowed: &Allowed<act::MirrorChange, Repository>,
        id: Id<Mirror>,
    ) -> Result<(Tx, Repository, Mirror), Error> {
        let actor = allowed.actor();
        let mut tx = self.trust.begin(actor).await?;
        let allowed: Allowed<act::MirrorChange, _> =
            self.again(&mut tx, actor, allowed.resource().id).await?;
        let repository = allowed.resource().clone();
        let found = store::find(&mut tx, id).await?;
        let mirror = found.filter(|it| it.repository == repository.id).ok_or(Error::NotFound)?;
        Ok((tx, repository, mirror))
    }

    async fn keep_credentials(
        &self,
        tx: &mut Tx,
        mirror: &Mirror,
        credentials: &Credentials,
    ) -> Result<(), Error> {
        let of = (mirror.id.uuid(), mirror.repository.uuid());
        Ok(self.trust.seal_remote(tx, of, &credentials.to_secret()?).await?)
    }

    /// Whom a mirror asks, and what it shows there.
    async fn remote_of(&self, tx: &mut Tx, mirror: &Mirror) -> Result<Remote, Error> {
        let shown = self.trust.open_remote(tx, mirror.id.uuid()).await?;
        let credentials = shown.as_ref().map(Credentials::of_secret).transpose()?;
        Ok(Remote { url: mirror.url.clone(), credentials })
    }

    /// Writes down what becomes of a mirror, where the repository is.
    async fn note_mirror(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        repository: &Repository,
        (mirror, what): (&Mirror, &str),
    ) -> Result<(), Error> {
        let entry = Entry::done(Noted::RepoUpdated, actor, On::new("repository", repository.id))
            .with("mirror", what)
            .with("direction", mirror.direction.as_str())
            .with("url", mirror.url.as_str());
        let chain = self.trust.chain_of(tx, repository.resource.owner).await?;
        self.trust.note(tx, chain, entry).await?;
        Ok(())
    }
}
