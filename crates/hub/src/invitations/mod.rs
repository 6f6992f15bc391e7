//! People are asked into a repository, and take the level that they are offered or leave it (`spec/hub.md` 1, Members).
//!
//! An invitation is a row and nothing else: until it is taken, nobody may do anything by it. Whoever has a level already
//! is given another one at once, and so is an agent, which decides nothing for itself. Levels themselves are trust's
//! (`collaborators`).
//!
//! | file       | what is there                                       |
//! |------------|-----------------------------------------------------|
//! | `mod.rs`   | the door's methods, [`Invitation`]                    |
//! | `api.rs`   | JSON                                                  |
//! | `store.rs` | the SQL                                               |

mod api;
mod store;

use std::time::Duration;

use names::{Handle, Id, UnixMillis};
use trust::{
    Actor, Allowed, Collaborator, Kind, Level, ResourceState, act,
    audit::{Entry, Noted, On},
};

pub(crate) use api::{routes, withdraw_as_asked};
pub(crate) use store::{STATEMENTS, end};

use crate::{Error, Hub, Repository, repositories, wire};

/// How long an invitation can be taken, in days.
pub(crate) const OPEN_DAYS: u16 = 7;
const OPEN: Duration = Duration::from_hours(OPEN_DAYS as u64 * 24);
/// Invitations into one repository that may wait at once.
const MAX_WAITING: i64 = 200;

/// Somebody who is asked into a repository.
#[derive(Debug, Clone)]
pub(crate) struct Invitation {
    pub(crate) id: Id<Invitation>,
    pub(crate) repository: Id<Repository>,
    /// As it is called now.
    pub(crate) full_name: String,
    pub(crate) handle: Handle,
    pub(crate) level: Level,
    pub(crate) invited_by: Handle,
    pub(crate) created_at: UnixMillis,
    pub(crate) ends_at: UnixMillis,
}

/// What has become of an invitation.
#[derive(Debug)]
pub(crate) enum Asked {
    /// They have the level.
    Given(Collaborator),
    /// They are to decide.
    Waiting(Invitation),
}

impl Hub {
    /// Asks somebody into a repository. Of two invitations the second stays.
    pub(crate) async fn invite(
        &self,
        allowed: &Allowed<act::CollaboratorAdd, Repository>,
        handle: &Handle,
        level: Level,
    ) -> Result<Asked, Error> {
        let (actor, now) = (allowed.actor(), self.clock.now());
        let mut tx = self.trust.begin(actor).await?;
        let allowed: Allowed<act::CollaboratorAdd, _> =
            self.again(&mut tx, actor, allowed.resource().id).await?;
        let (it, row) = (allowed.resource(), allowed.resource().resource);
        let somebody = self.trust.possible_collaborator(&mut tx, &row, handle, level).await?;
        let has_one = self.trust.level_of(&mut tx, &row, somebody.id).await?.is_some();
        if has_one || somebody.kind == Kind::Agent {
            let given = self.trust.give_level(&mut tx, actor, &row, (somebody, level)).await?;
            tx.commit().await?;
            return Ok(Asked::Given(given));
        }
        if store::count(&mut tx, it.id, now).await? >= MAX_WAITING {
            let message =
                format!("{MAX_WAITING} invitations wait already; withdraw one that is old");
            return Err(Error::Asked { field: "handle", message });
        }
        let by = actor.principal().ok_or(Error::NotFound)?;
        let invitation = Invitation {
            id: Id::new(now, &self.random),
            repository: it.id,
            full_name: it.full_name(),
            handle: somebody.handle.clone(),
            level,
            invited_by: by.handle.clone(),
            created_at: now,
            ends_at: now.plus(OPEN),
        };
        store::set(&mut tx, &invitation, somebody.id, by.id).await?;
        let entry = Entry::done(Noted::MemberInvited, actor, On::new("repository", it.id))
            .with("level", level.as_str())
            .with("principal", somebody.id.to_string());
        let chain = self.trust.chain_of(&mut tx, row.owner).await?;
        self.trust.note(&mut tx, chain, entry).await?;
        tx.commit().await?;
        tracing::info!(repository = it.full_name(), %handle, level = level.as_str(), "somebody was invited");
        Ok(Asked::Waiting(invitation))
    }

    /// Takes somebody's level away, and what they were offered.
    pub(crate) async fn take_out(
        &self,
        allowed: &Allowed<act::CollaboratorRemove, Repository>,
        handle: &Handle,
    ) -> Result<(), Error> {
        let actor = allowed.actor();
        let mut tx = self.trust.begin(actor).await?;
        let allowed: Allowed<act::CollaboratorRemove, _> =
            self.again(&mut tx, actor, allowed.resource().id).await?;
        let it = allowed.resource();
        let was_member = self.trust.take_level(&mut tx, actor, &it.resource, handle).await?;
        let was_invited = store::withdraw(&mut tx, it.id, handle).await?;
        if !was_member && !was_invited {
            return Err(Error::NotFound);
        }
        Ok(tx.commit().await?)
    }

    /// Who is asked into a repository and has not decided.
    pub(crate) async fn invited(
        &self,
        allowed: &Allowed<act::CollaboratorRead, Repository>,
    ) -> Result<Vec<Invitation>, Error> {
        let mut tx = self.db.glance().await?;
        Ok(store::of_repository(&mut tx, allowed.resource().id, self.clock.now()).await?)
    }

    /// What whoever asks is asked into.
    pub(crate) async fn invitations(&self, actor: &Actor) -> Result<Vec<Invitation>, Error> {
        let Some(me) = actor.principal() else { return Ok(Vec::new()) };
        let mut tx = self.db.glance().await?;
        Ok(store::of_principal(&mut tx, me.id, self.clock.now()).await?)
    }

    /// Takes the level that one is offered, or leaves it. One that is another's, or has ended, is not there.
    pub(crate) async fn decide_invitation(
        &self,
        actor: &Actor,
        id: Id<Invitation>,
        is_taken: bool,
    ) -> Result<Invitation, Error> {
        let me = actor.principal().ok_or(Error::NotFound)?.clone();
        let mut tx = self.trust.begin(actor).await?;
        let found = store::find(&mut tx, id, me.id, self.clock.now()).await?;
        let found = found.ok_or(Error::NotFound)?;
        wire::lock(&mut tx, found.repository).await?;
        let it = repositories::by_id(&mut tx, found.repository).await?;
        let is_there = |it: &Repository| it.resource.state == ResourceState::Live;
        let it = it.filter(is_there).ok_or(Error::NotFound)?;
        if !store::forget(&mut tx, id).await? {
            return Err(Error::NotFound);
        }
        if is_taken {
            let (row, level) = (it.resource, found.level);
            let somebody =
                self.trust.possible_collaborator(&mut tx, &row, &me.handle, level).await?;
            self.trust.give_level(&mut tx, actor, &row, (somebody, level)).await?;
        }
        tx.commit().await?;
        tracing::info!(repository = it.full_name(), handle = %me.handle, is_taken, "an invitation was decided");
        Ok(found)
    }
}
