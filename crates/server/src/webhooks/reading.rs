//! Who may still read what an event is about: asked before each try.

use async_trait::async_trait;
use db::{Db, Tx};
use hooks::{Readers, Realm, Subject};
use names::Id;
use trust::{Account, Allowed, Kind, Principal, Publisher, Resource, Trust, act};
use uuid::Uuid;

use super::of_trust;

/// What is known of who may read what.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) db: Db,
    pub(super) trust: Trust,
}

#[async_trait]
impl Readers for Reading {
    /// What happened in a repository is for those who may read that, or could bring it back; everything of an account for
    /// those who run it; everything else of the installation for those who run that.
    async fn may_still_read(
        &self,
        owner: Id<Principal>,
        realm: Realm,
        _: &Subject,
        repository: Option<Uuid>,
    ) -> Result<bool, db::Error> {
        let mut tx = self.db.read().await?;
        let runs = match realm {
            Realm::Repository(_) => true,
            Realm::Organization(id) => self.runs_account(&mut tx, owner, id).await?,
            Realm::Publisher(id) => self.runs_publisher(&mut tx, owner, id).await?,
            Realm::Installation => self.runs_install(&mut tx, owner).await?,
        };
        let of = match realm {
            Realm::Repository(id) => Some(id),
            Realm::Organization(_) | Realm::Publisher(_) | Realm::Installation => repository,
        };
        match of {
            Some(id) if runs => self.trust.may_hear(&mut tx, owner, id).await.map_err(of_trust),
            Some(_) => Ok(false),
            None => Ok(runs),
        }
    }
}

impl Reading {
    async fn runs_account(
        &self,
        tx: &mut Tx,
        owner: Id<Principal>,
        id: Id<Principal>,
    ) -> Result<bool, db::Error> {
        let Some(actor) = self.trust.standing(tx, owner).await.map_err(of_trust)? else {
            return Ok(false);
        };
        let account = self.trust.principal_of(tx, id).await.map_err(of_trust)?;
        let Some(handle) = account.map(|it| it.handle) else { return Ok(false) };
        let found: Option<Account> = self.trust.account(&actor, &handle).await.map_err(of_trust)?;
        Ok(may_read(&actor, found))
    }

    async fn runs_publisher(
        &self,
        tx: &mut Tx,
        owner: Id<Principal>,
        id: Id<Principal>,
    ) -> Result<bool, db::Error> {
        let found = self.trust.principal_of(tx, owner).await.map_err(of_trust)?;
        // A token of its own made it.
        if owner == id {
            return Ok(found.is_some_and(|it| it.is_active));
        }
        let Some(actor) = self.trust.standing(tx, owner).await.map_err(of_trust)? else {
            return Ok(false);
        };
        let account = self.trust.principal_of(tx, id).await.map_err(of_trust)?;
        let Some(handle) = account.map(|it| it.handle) else { return Ok(false) };
        let found: Option<Publisher> =
            self.trust.publisher(&actor, Some(&handle)).await.map_err(of_trust)?;
        Ok(may_read(&actor, found))
    }

    /// The operator has no standing, and runs the install all the same.
    async fn runs_install(&self, tx: &mut Tx, owner: Id<Principal>) -> Result<bool, db::Error> {
        let found = self.trust.principal_of(tx, owner).await.map_err(of_trust)?;
        Ok(found
            .is_some_and(|it| it.is_active && (it.is_install_admin || it.kind == Kind::Operator)))
    }
}

fn may_read<R: Resource>(actor: &trust::Actor, found: Option<R>) -> bool {
    found.is_some_and(|it| Allowed::<act::WebhookRead, _>::ask(actor, it).is_ok())
}
