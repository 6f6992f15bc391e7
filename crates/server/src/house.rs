//! The ground and the rooms on it, and their one router.

use std::{sync::Arc, time::Duration};

use axum::Router;
use hooks::Hooks;
use hub::Hub;
use jobs::{Dispatcher, Queue};
use names::Handle;
use pipelines::Pipelines;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use trust::{
    OperatorState, Trust,
    audit::{self, Chain, Noted, On, Who},
};
use web::{Cursors, Entry};

use crate::{
    Error, accounts,
    admin::{self, Admin},
    around, assets,
    boot::{self, Ground},
    config::Settings,
    desk::{self, Desk},
    export::{self, Rooms},
    flows::{self, Documents, Flows},
    health,
    help::{self, Help},
    legal::{self, Legal},
    local,
    reference::Reference,
    upkeep,
    webhooks::{self, Shelf},
};

/// How long connections to the database get to finish. What still runs on one then is undone by its end.
const CLOSE_TIME: Duration = Duration::from_secs(5);

/// Every room, on its ground. Cheap to clone.
#[derive(Debug, Clone)]
pub struct House(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ground: Ground,
    router: Router,
    entries: Vec<Entry>,
    trust: Trust,
    hub: Hub,
    hooks: Hooks,
    pipelines: Pipelines,
    queue: Queue,
    fires_schedules: bool,
}

/// Every statement of every room: the test that prepares them on both databases walks this list.
pub fn statements() -> Vec<&'static db::Sql> {
    [
        db::statements(),
        jobs::statements(),
        trust::statements(),
        objects::statements(),
        hub::statements(),
        hooks::statements(),
        pipelines::statements(),
    ]
    .concat()
}

/// Somebody has to be there before the listener opens.
async fn make_local_person(trust: &Trust, handle: &Handle) -> Result<(), Error> {
    match trust.ensure_local_person(handle).await {
        Ok(true) => tracing::info!(%handle, "the one person of this local server was made"),
        Ok(false) => {}
        Err(trust::Error::HandleTaken) => {
            return Err(Error::Configuration(format!(
                "`{handle}` is taken by something that is no person; choose another --local-handle"
            )));
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// The trust plane, with everything that has to be there before the listener opens.
async fn plane(ground: &Ground, settings: &Settings) -> Result<Trust, Error> {
    let Ground { db, clock, random, keys, .. } = ground;
    let trust =
        Trust::open(db.clone(), clock.clone(), random.clone(), settings.trust.clone()).await?;
    if !trust.check_install_key(&keys.install).await? {
        return Err(Error::Configuration(
            "the install key is not the one that this data was made with; put the right one back"
                .to_owned(),
        ));
    }
    trust.note_schema(db.schema_version()).await?;
    trust.note_settings(&settings.written).await?;
    if trust.ensure_operator(*keys.operator.public()).await? == OperatorState::Repaired {
        tracing::info!("the operator was missing something, and has it again");
    }
    if let Some(handle) = &settings.local {
        make_local_person(&trust, handle).await?;
    }
    let bootstrap = keys.bootstrap.as_ref().map(|it| it.expose().as_str());
    if !trust.adopt_bootstrap(bootstrap).await? {
        return Err(Error::Configuration(
            "the file of the bootstrap token holds no such token; `motet admin bootstrap-token --offline` makes one"
                .to_owned(),
        ));
    }
    if let Some(invite) = trust.first_invite().await? {
        boot::leave_invite(&ground.dir, invite.text.expose())?;
    }
    Ok(trust)
}

/// The routes of all rooms as one.
fn merged(rooms: Vec<(Router, Vec<Entry>)>) -> (Router, Vec<Entry>) {
    let (mut router, mut entries) = (Router::new(), Vec::new());
    for (room, its_entries) in rooms {
        router = router.merge(room);
        entries.extend(its_entries);
    }
    (router, entries)
}

/// The room of repositories, with what it does at every start.
async fn hub_on(
    ground: &Ground,
    settings: &Settings,
    (trust, queue, cursors, hooks): (&Trust, &Queue, &Cursors, &Hooks),
) -> Result<Hub, Error> {
    let on = hub::Ground {
        db: ground.db.clone(),
        objects: ground.objects.clone(),
        queue: queue.clone(),
        witness: webhooks::witness(hooks),
        git: ground.git.clone(),
        cache: ground.dir.join("graph"),
        clock: ground.clock.clone(),
        random: ground.random.clone(),
    };
    let ssh = settings.ssh.as_ref().map(|it| it.address().into());
    let of_hub = hub::Settings { ssh, ..settings.hub.clone() };
    let hub = Hub::new(on, trust.clone(), cursors.clone(), of_hub);
    hub.schedule().await?;
    hub.tidy_graphs().await?;
    hub.settle_git().await?;
    Ok(hub)
}

/// The room of work.
async fn pipelines_on(
    ground: &Ground,
    (trust, queue, hooks): (&Trust, &Queue, &Hooks),
) -> Result<Pipelines, Error> {
    let on = pipelines::Ground {
        db: ground.db.clone(),
        clock: ground.clock.clone(),
        random: ground.random.clone(),
        trust: trust.clone(),
        hooks: hooks.clone(),
        queue: queue.clone(),
    };
    Ok(Pipelines::open(on).await?)
}

impl House {
    /// Opens the rooms: checks the install key, repairs the operator, declares what comes again and again, collects the
    /// routes.
    pub(crate) async fn open(ground: Ground, settings: Settings) -> Result<Self, Error> {
        let Ground { db, objects, clock, keys, .. } = ground.clone();
        let trust = plane(&ground, &settings).await?;
        let cursors = Cursors::new(keys.install.derive("motet-cursor-v1"));
        let queue = Queue::new(db.clone(), clock.clone(), ground.random.clone());
        let admin = Admin {
            queue: queue.clone(),
            trust: trust.clone(),
            cursors: cursors.clone(),
            clock,
            objects: objects.clone(),
            db: db.clone(),
        };
        let hooks = webhooks::open(&ground, (&trust, &queue), &settings);
        let hub = hub_on(&ground, &settings, (&trust, &queue, &cursors, &hooks)).await?;
        upkeep::schedule(&db, &queue).await?;
        upkeep::end_first_invite(&trust, &ground.dir).await?;
        let reference = Reference::default();
        let pipelines = pipelines_on(&ground, (&trust, &queue, &hooks)).await?;
        let mut rooms = vec![health::routes(&trust, db, objects)];
        if settings.role.serves() {
            rooms.extend([
                hub.clone().routes(),
                hooks.routes(Arc::new(Shelf(hub.clone())), cursors.clone()),
                pipelines.routes(cursors.clone()),
                accounts::routes(&trust),
                accounts::lists(&trust, cursors),
                local::routes(&trust, keys.operator),
                desk::routes(Desk { trust: trust.clone(), clock: admin.clock.clone() }),
                flows::routes(Flows {
                    trust: trust.clone(),
                    clock: admin.clock.clone(),
                    documents: Documents::new(),
                }),
                admin::routes(admin),
                assets::routes(&trust),
                export::routes(Rooms { trust: trust.clone(), hub: hub.clone() }),
                help::routes(Help {
                    trust: trust.clone(),
                    is_https: settings.is_https,
                    ssh: settings.ssh.clone(),
                }),
                reference.clone().routes(&trust),
                legal::routes(Legal { trust: trust.clone(), contact: settings.contact.clone() }),
            ]);
        }
        let (router, entries) = merged(rooms);
        reference.tell(&entries);
        let router = around::wrap(router, &settings, trust.clone());
        let fires_schedules = settings.fires_schedules;
        Ok(Self(Arc::new(Inner {
            ground,
            router,
            entries,
            trust,
            hub,
            hooks,
            pipelines,
            queue,
            fires_schedules,
        })))
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

    /// What a listener of its own is served with.
    pub(crate) fn rooms_of_git(&self) -> (Trust, Hub) {
        (self.0.trust.clone(), self.0.hub.clone())
    }

    pub(crate) fn queue(&self) -> &Queue {
        &self.0.queue
    }

    /// A dispatcher that knows the work of every room.
    pub(crate) fn dispatcher(&self) -> Dispatcher {
        let dispatcher = self.0.hub.work(Dispatcher::new(self.0.queue.clone()));
        let dispatcher = self.0.pipelines.work(dispatcher);
        let dispatcher = self.0.hooks.work(dispatcher);
        let dispatcher = upkeep::work(dispatcher, (&self.0.trust, &self.0.hooks), &self.0.ground);
        if self.0.fires_schedules { dispatcher } else { dispatcher.without_schedules() }
    }

    /// Lets go of those who wait for work of others: the process is about to end.
    pub(crate) async fn drain(&self) {
        self.0.pipelines.drain().await;
    }

    /// What sends webhooks.
    pub(crate) fn messenger(&self) -> hooks::Dispatcher {
        self.0.hooks.dispatcher()
    }

    /// Writes refused attempts to the audit log until `stop`, and then what is left.
    pub(crate) async fn write_refusals(self, stop: CancellationToken) {
        self.0.trust.write_refusals(stop.cancelled()).await;
    }

    /// Writes into the audit log what the server does by itself.
    pub(crate) async fn note(&self, action: Noted) -> Result<(), Error> {
        let mut tx = self.db().write().await?;
        let entry = audit::Entry::done(action, Who::INSTALL, On::install());
        let entry = entry.with("version", env!("CARGO_PKG_VERSION"));
        self.0.trust.note(&mut tx, Chain::INSTALL, entry).await?;
        Ok(tx.commit().await?)
    }

    /// Lets go of the database.
    pub(crate) async fn close(&self) {
        if timeout(CLOSE_TIME, self.0.ground.db.close()).await.is_err() {
            tracing::warn!("the database was still at work and has been left");
        }
    }
}
