//! What the room of webhooks asks of others: where repositories are, and who may read what.

use std::sync::Arc;

use async_trait::async_trait;
use db::Db;
use hooks::{AddressRules, Hooks, Readers, Realm, Repositories, Repository, Subject};
use hub::Hub;
use names::{Handle, Id, RepositoryName};
use trust::{Actor, Principal, Trust};
use web::Problem;

use crate::{boot::Ground, config::Settings};

/// What is known of who may read what.
#[derive(Debug)]
struct Reading {
    db: Db,
    trust: Trust,
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

/// Opens the room. It is told what the installation is called, so that it does not call itself.
pub(crate) fn open(ground: &Ground, trust: &Trust, settings: &Settings) -> Hooks {
    let on = hooks::Ground {
        db: ground.db.clone(),
        clock: ground.clock.clone(),
        random: ground.random.clone(),
        readers: Arc::new(Reading { db: ground.db.clone(), trust: trust.clone() }),
    };
    let allowed = settings.webhook_receivers.iter().cloned();
    let addresses = AddressRules::new([settings.host().to_owned()], allowed);
    Hooks::new(on, trust.clone(), hooks::Settings::new(&settings.base_url, addresses))
}
