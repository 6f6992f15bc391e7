//! What the room of webhooks asks of others: where repositories are, and who may read what.

use async_trait::async_trait;
use db::Db;
use hooks::{AddressRules, Readers, Realm, Repositories, Repository, Subject};
use hub::Hub;
use names::{Handle, Id, RepositoryName};
use trust::{Actor, Principal, Trust};
use web::Problem;

use crate::config::Settings;

/// What is known of who may read what.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) db: Db,
    pub(crate) trust: Trust,
}

#[async_trait]
impl Readers for Reading {
    async fn may_still_read(
        &self,
        owner: Id<Principal>,
        realm: Realm,
        _: &Subject,
    ) -> Result<bool, db::Error> {
        let Realm::Repository(id) = realm else {
            // Nothing makes a subscription of anything else yet.
            return Ok(false);
        };
        let mut tx = self.db.read().await?;
        let told = self.trust.may_read(&mut tx, owner, id).await;
        told.map_err(|error| match error.into_db() {
            Some(error) => error,
            None => db::Error::corrupt("resources")("whether it may be read is not known"),
        })
    }
}

/// The repositories of the hub.
#[derive(Debug)]
pub(crate) struct Shelf(pub(crate) Hub);

#[async_trait]
impl Repositories for Shelf {
    async fn find(
        &self,
        owner: &Handle,
        name: &RepositoryName,
        actor: &Actor,
    ) -> Result<Repository, Problem> {
        let found = self.0.repository_at(owner, name, actor).await?;
        Ok(Repository { row: found.resource, owner: found.owner, name: found.name })
    }
}

/// What the room is told of the installation: it calls not itself.
pub(crate) fn settings(settings: &Settings) -> hooks::Settings {
    let allowed = settings.webhook_receivers.iter().cloned();
    let addresses = AddressRules::new([settings.host().to_owned()], allowed);
    hooks::Settings::new(&settings.base_url, addresses)
}
