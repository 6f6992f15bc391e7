//! The ground and the rooms on it, and their one router.

use std::sync::Arc;

use axum::Router;
use hub::Hub;
use trust::{OperatorState, Trust};
use web::{Cursors, Entry};

use crate::{Error, accounts, around, assets, boot::Ground, config::Settings, health};

/// Every room, on its ground. Cheap to clone.
#[derive(Debug, Clone)]
pub struct House(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ground: Ground,
    router: Router,
    entries: Vec<Entry>,
}

/// Every statement of every room: the test that prepares them on both databases walks this list.
pub fn statements() -> Vec<&'static db::Sql> {
    [
        db::statements(),
        jobs::statements(),
        trust::statements(),
        objects::statements().to_vec(),
        hub::statements(),
    ]
    .concat()
}

impl House {
    /// Opens the rooms: checks the install key, repairs the operator, collects the routes.
    pub(crate) async fn open(ground: Ground, settings: Settings) -> Result<Self, Error> {
        let Ground { db, objects, clock, random, keys, .. } = ground.clone();
        let trust =
            Trust::open(db.clone(), clock.clone(), random.clone(), settings.trust.clone()).await?;
        if !trust.check_install_key(&keys.install).await? {
            return Err(Error::Configuration(
                "the install key is not the one that this data was made with; put the right one back".to_owned(),
            ));
        }
        if trust.ensure_operator(*keys.operator.public()).await? == OperatorState::Repaired {
            tracing::info!("the operator was missing something, and has it again");
        }
        let cursors = Cursors::new(keys.install.derive("motet-cursor-v1"));
        let hub = Hub::new(db.clone(), objects.clone(), trust.clone(), clock, random, cursors);
        let rooms = [
            hub.routes(),
            accounts::routes(&trust),
            assets::routes(&trust),
            health::routes(&trust, db, objects),
        ];
        let (mut router, mut entries) = (Router::new(), Vec::new());
        for (room, its_entries) in rooms {
            router = router.merge(room);
            entries.extend(its_entries);
        }
        let router = around::wrap(router, &settings);
        Ok(Self(Arc::new(Inner { ground, router, entries })))
    }

    /// Everything that the house serves.
    pub fn router(&self) -> Router {
        self.0.router.clone()
    }

    /// Every mounted route.
    pub fn entries(&self) -> &[Entry] {
        &self.0.entries
    }

    pub(crate) fn db(&self) -> &db::Db {
        &self.0.ground.db
    }

    /// Lets go of the database.
    pub(crate) async fn close(&self) {
        self.0.ground.db.close().await;
    }
}
