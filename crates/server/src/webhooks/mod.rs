//! What the room of webhooks asks of others, and how it hears of what happens in them.
//!
//! | file          | what is there                                                         |
//! |---------------|-----------------------------------------------------------------------|
//! | `mod.rs`      | the room is opened; where repositories are                              |
//! | `reading.rs`  | who may still read what                                                |
//! | `hub.rs`      | what happens to repositories becomes events                             |
//! | `trust.rs`    | what happens to members, keys and tokens becomes events                  |

mod hub;
mod reading;
mod trust;

use std::sync::Arc;

use ::hub::Hub;
use ::trust::{Actor, Principal, Trust};
use async_trait::async_trait;
use hooks::{AddressRules, Hooks, Party, Repositories, Repository};
use jobs::Queue;
use names::{Handle, RepositoryName};
use web::{Problem, look::Html};

use self::{hub::OfHub, reading::Reading, trust::OfTrust};
use crate::{boot::Ground, config::Settings};

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

    async fn tabs(&self, of: &Repository, actor: &Actor) -> Result<Html, Problem> {
        let found = self.0.repository_at(&of.owner, &of.name, actor).await?;
        self.0.tabs_of_webhooks(actor, &found)
    }
}

/// Opens the room, and has it hear of what is written down of members, keys and tokens. It is told what the installation
/// is called, so that it does not call itself.
pub(crate) fn open(
    ground: &Ground,
    (trust, queue): (&Trust, &Queue),
    settings: &Settings,
) -> Hooks {
    let on = hooks::Ground {
        db: ground.db.clone(),
        queue: queue.clone(),
        clock: ground.clock.clone(),
        random: ground.random.clone(),
        readers: Arc::new(Reading { db: ground.db.clone(), trust: trust.clone() }),
    };
    let allowed = settings.webhook_receivers.iter().cloned();
    let addresses = AddressRules::new([settings.host().to_owned()], allowed);
    let hooks = Hooks::new(on, trust.clone(), hooks::Settings::new(&settings.base_url, addresses));
    trust.observed_by(Arc::new(OfTrust {
        hooks: hooks.clone(),
        trust: trust.clone(),
        base_url: settings.base_url.clone(),
    }));
    hooks
}

/// What hears of what happens to repositories.
pub(crate) fn witness(hooks: &Hooks) -> Arc<dyn ::hub::Witness> {
    Arc::new(OfHub(hooks.clone()))
}

/// Somebody, as events name them.
fn party(it: &Principal) -> Party {
    Party { id: it.id.uuid(), handle: it.handle.to_string(), kind: it.kind.as_str() }
}

/// A failure of the room, as those know it in whose transaction it was asked.
fn fault(error: hooks::Error) -> db::Error {
    match error {
        hooks::Error::Db(error) => error,
        hooks::Error::Trust(error) => of_trust(error),
        other => db::Error::corrupt("webhook_deliveries")(other.to_string()),
    }
}

fn of_trust(error: ::trust::Error) -> db::Error {
    let text = error.to_string();
    error.into_db().unwrap_or_else(|| db::Error::corrupt("principals")(text))
}
