//! Levels that were given to somebody on one repository (`spec/trust.md` 8.2).
//!
//! The room that has the repository asks with its own proof: whoever is allowed to, may on that thing alone.

mod store;

use db::Tx;
use names::{Handle, Id, UnixMillis};
use uuid::Uuid;

use crate::{
    Actor, Allowed, Error, Kind, Level, Principal, Resource, ResourceRow, Trust, act,
    audit::{Entry, Noted, On},
    store as rows,
};
pub(crate) use store::STATEMENTS;

/// Collaborators of one repository.
const MAX_COLLABORATORS: i64 = 1_000;

/// Somebody who was given a level on a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collaborator {
    /// Who.
    pub handle: Handle,
    /// What they are.
    pub kind: Kind,
    /// How far they may go.
    pub level: Level,
    /// Since when.
    pub created_at: UnixMillis,
}

impl Trust {
    /// Who was given a level on the thing, by their handles.
    pub async fn collaborators<R: Resource>(
        &self,
        _: &Allowed<act::CollaboratorRead, R>,
        row: &ResourceRow,
    ) -> Result<Vec<Collaborator>, Error> {
        Ok(store::all(&mut self.0.db.glance().await?, row.id).await?)
    }

    /// Gives somebody a level on the thing, or another one than before.
    pub async fn add_collaborator<R: Resource>(
        &self,
        allowed: &Allowed<act::CollaboratorAdd, R>,
        row: &ResourceRow,
        handle: &Handle,
        level: Level,
    ) -> Result<Collaborator, Error> {
        let mut tx = self.begin(allowed.actor()).await?;
        let somebody = self.possible_collaborator(&mut tx, row, handle, level).await?;
        let given = self.give_level(&mut tx, allowed.actor(), row, (somebody, level)).await?;
        tx.commit().await?;
        tracing::info!(resource = %row.id, collaborator = %handle, level = level.as_str(), "collaborator added");
        Ok(given)
    }

    /// Who has that handle, if they can be given that level on the thing. Whoever owns it is held until the transaction
    /// ends.
    pub async fn possible_collaborator(
        &self,
        tx: &mut Tx,
        row: &ResourceRow,
        handle: &Handle,
        level: Level,
    ) -> Result<Principal, Error> {
        if matches!(level, Level::None | Level::Owner) {
            let message = "the level is read, triage, write or admin".to_owned();
            return Err(Error::Invalid { pointer: "/level", message });
        }
        rows::hold_namespace(tx, row.owner).await?;
        let found = rows::principal_by_handle(tx, handle).await?;
        let found = found.filter(|it| it.is_active && it.id != row.owner);
        let somebody = found.ok_or(Error::NoSuchThing)?;
        match (somebody.kind, level) {
            (Kind::Person, _) | (Kind::Agent, Level::Read | Level::Triage | Level::Write) => {}
            (Kind::Agent, _) => return Err(Error::NotForAgents),
            (Kind::Organization | Kind::Operator, _) => return Err(Error::NoSuchThing),
        }
        if store::count(tx, row.id).await? >= MAX_COLLABORATORS {
            return Err(Error::TooManyCollaborators);
        }
        Ok(somebody)
    }

    /// What somebody was given on the thing.
    pub async fn level_of(
        &self,
        tx: &mut Tx,
        row: &ResourceRow,
        somebody: Id<Principal>,
    ) -> Result<Option<Level>, Error> {
        Ok(store::level(tx, row.id, somebody).await?)
    }

    /// Gives a level to somebody who can be given it, in the transaction in which that was asked; written down as done by
    /// `actor`, who gives it, or takes what they were offered.
    pub async fn give_level(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        row: &ResourceRow,
        (somebody, level): (Principal, Level),
    ) -> Result<Collaborator, Error> {
        let by = actor.principal().ok_or(Error::NoSuchThing)?;
        let now = self.0.clock.now();
        let before = store::level(tx, row.id, somebody.id).await?;
        store::set(tx, row.id, somebody.id, level, (by.id, now)).await?;
        let what = match before {
            None => Noted::CollaboratorAdded,
            Some(_) => Noted::CollaboratorChanged,
        };
        let entry = Entry::done(what, actor, On::new("repository", row.id));
        let entry = entry.with("level", level.as_str());
        self.note_collaborator(tx, row, somebody.id, entry).await?;
        Ok(Collaborator { handle: somebody.handle, kind: somebody.kind, level, created_at: now })
    }

    /// Takes the level away that somebody was given on the thing.
    pub async fn remove_collaborator<R: Resource>(
        &self,
        allowed: &Allowed<act::CollaboratorRemove, R>,
        row: &ResourceRow,
        handle: &Handle,
    ) -> Result<(), Error> {
        let mut tx = self.begin(allowed.actor()).await?;
        if !self.take_level(&mut tx, allowed.actor(), row, handle).await? {
            return Err(Error::NoSuchThing);
        }
        tx.commit().await?;
        Ok(())
    }

    /// Takes somebody's level away, in the transaction of whoever may; `false` if there was none.
    pub async fn take_level(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        row: &ResourceRow,
        handle: &Handle,
    ) -> Result<bool, Error> {
        let somebody = rows::principal_by_handle(tx, handle).await?.ok_or(Error::NoSuchThing)?;
        if !store::remove(tx, row.id, somebody.id).await? {
            return Ok(false);
        }
        let removed = Entry::done(Noted::CollaboratorRemoved, actor, On::new("repository", row.id));
        self.note_collaborator(tx, row, somebody.id, removed).await?;
        tracing::info!(resource = %row.id, collaborator = %handle, "collaborator removed");
        Ok(true)
    }

    /// Lets somebody's level on a thing go that they own from now on, in the transaction that makes them its owner.
    pub async fn forget_collaborator(
        &self,
        tx: &mut Tx,
        thing: Uuid,
        somebody: Id<Principal>,
    ) -> Result<(), Error> {
        store::remove(tx, thing, somebody).await?;
        Ok(())
    }

    async fn note_collaborator(
        &self,
        tx: &mut Tx,
        row: &ResourceRow,
        somebody: Id<Principal>,
        entry: Entry,
    ) -> Result<(), Error> {
        let chain = self.chain_of(tx, row.owner).await?;
        self.note(tx, chain, entry.with("principal", somebody.to_string())).await?;
        Ok(())
    }
}
