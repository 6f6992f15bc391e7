//! Levels that were given to somebody on one repository (`spec/trust.md` 8.2).
//!
//! The room that has the repository asks with its own proof: whoever is allowed to, may on that thing alone.

mod store;

use db::Tx;
use names::{Handle, Id, UnixMillis};
use uuid::Uuid;

use crate::{
    Allowed, Error, Kind, Level, Principal, Resource, ResourceRow, Trust, act,
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
        if matches!(level, Level::None | Level::Owner) {
            let message = "the level is read, triage, write or admin".to_owned();
            return Err(Error::Invalid { pointer: "/level", message });
        }
        let by = allowed.actor().principal().ok_or(Error::NoSuchThing)?;
        let now = self.0.clock.now();
        let mut tx = self.begin(allowed.actor()).await?;
        rows::hold_namespace(&mut tx, row.owner).await?;
        let found = rows::principal_by_handle(&mut tx, handle).await?;
        let found = found.filter(|it| it.is_active && it.id != row.owner);
        let somebody = found.ok_or(Error::NoSuchThing)?;
        match (somebody.kind, level) {
            (Kind::Person, _) | (Kind::Agent, Level::Read | Level::Triage | Level::Write) => {}
            (Kind::Agent, _) => return Err(Error::NotForAgents),
            (Kind::Organization | Kind::Operator, _) => return Err(Error::NoSuchThing),
        }
        if store::count(&mut tx, row.id).await? >= MAX_COLLABORATORS {
            return Err(Error::TooManyCollaborators);
        }
        let before = store::level(&mut tx, row.id, somebody.id).await?;
        store::set(&mut tx, row.id, somebody.id, level, (by.id, now)).await?;
        let what = match before {
            None => Noted::CollaboratorAdded,
            Some(_) => Noted::CollaboratorChanged,
        };
        let entry = Entry::done(what, allowed.actor(), On::new("repository", row.id));
        let entry = entry.with("level", level.as_str());
        self.note_collaborator(&mut tx, row, somebody.id, entry).await?;
        tx.commit().await?;
        tracing::info!(resource = %row.id, collaborator = %somebody.handle, level = level.as_str(), "collaborator added");
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
        let somebody =
            rows::principal_by_handle(&mut tx, handle).await?.ok_or(Error::NoSuchThing)?;
        if !store::remove(&mut tx, row.id, somebody.id).await? {
            return Err(Error::NoSuchThing);
        }
        let on = On::new("repository", row.id);
        let removed = Entry::done(Noted::CollaboratorRemoved, allowed.actor(), on);
        self.note_collaborator(&mut tx, row, somebody.id, removed).await?;
        tx.commit().await?;
        tracing::info!(resource = %row.id, collaborator = %handle, "collaborator removed");
        Ok(())
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
