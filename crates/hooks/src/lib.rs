//! Outgoing webhooks: what happened is sent to those who asked for it, signed, in order, and never lost.
//!
//! Owns the tables that begin with `webhook`. Knows no event of any room: rooms shape theirs and call [`Hooks::emit`]
//! in the transaction of the change. Which subject somebody may still read is asked of the rooms, by [`Readers`].
//!
//! | file or folder   | what is there                                                       |
//! |------------------|---------------------------------------------------------------------|
//! | `lib.rs`         | the door: [`Hooks`], [`Settings`], [`Readers`]                         |
//! | `secret.rs`      | [`SigningSecret`]: what deliveries are signed with                    |
//! | `signature.rs`   | [`Signatures`]: both headers of a try                                 |
//! | `schedule.rs`    | [`Schedule`]: when a delivery is tried again                          |
//! | `outcome.rs`     | [`Outcome`], [`Failure`]: what a try came to                          |
//! | `breaker.rs`     | [`Breaker`]: a receiver that is down is left alone                    |
//! | `events.rs`      | [`EventType`], [`Patterns`]: the list of events, and what is asked for |
//! | `filter.rs`      | [`Filter`]: branches, labels, actors                                  |
//! | `address.rs`     | [`AddressRules`]: where a request may go                              |
//! | `shape.rs`       | [`fitted`], [`thin`]: how much a body holds                           |
//! | `level.rs`       | [`Repository`], [`Organization`], [`Installation`]: what can have webhooks |
//! | `event.rs`       | [`Event`], [`Subject`], [`Realm`], and the bytes that are sent         |
//! | `subscriptions/` | [`Webhook`]: made, changed, deleted; its secrets                      |
//! | `deliveries/`    | an event becomes rows; listed, sent once more                         |
//! | `dispatcher/`    | the loop that sends                                                  |
//! | `verdicts.rs`    | [`Verdicts`]: who reads what is answered to the output of a run          |
//! | `api/`           | JSON of all four levels                                              |
//! | `pages/`         | the same as forms                                                    |
//!
//! Invariants: a delivery's row commits with the change that it tells of. Nothing goes out unsigned, to an address that
//! was not judged at that try, or to somebody who may not read it at that moment. Nothing due lives only in memory.

mod address;
mod api;
mod breaker;
mod deliveries;
mod dispatcher;
mod error;
mod event;
mod events;
mod filter;
mod level;
mod outcome;
mod pages;
mod schedule;
mod secret;
mod shape;
mod signature;
mod subscriptions;
mod verdicts;

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use db::Db;
use egress::{Client, Limits, Roots};
use jobs::Queue;
use names::{Clock, Id, Random};
use tokio::sync::Notify;
use trust::{Principal, Trust};
use uuid::Uuid;

pub use address::{AddressRefused, AddressRules, Receiver};
pub use breaker::{Breaker, Lets};
pub use deliveries::{
    Attempt, Counted, Delivery, DeliveryFilter, DeliveryState, Heard, Listeners, Resend,
};
pub use dispatcher::Dispatcher;
pub use error::Error;
pub use event::{Content, Event, EventRow, NotASubject, Party, Realm, Subject};
pub use events::{EventType, Pattern, Patterns, PatternsError, UnknownEvent};
pub use filter::{Filter, Traits};
pub use level::{Installation, Organization, Repositories, Repository};
pub use outcome::{Failure, Outcome};
pub use schedule::{LIFETIME, Schedule, retry_after};
pub use secret::{NotASecret, SigningSecret};
pub use shape::{fitted, thin};
pub use signature::Signatures;
pub use subscriptions::{
    Hooked, MadeWebhook, Managed, Ordering, ShownWebhook, State, Webhook, WebhookChange, Wishes,
    secrets::{ShownSecret, reseal},
};
pub use verdicts::{Composed, Verdict, Verdicts};

/// Every statement of this room, for the test that prepares them all.
pub fn statements() -> Vec<&'static db::Sql> {
    [subscriptions::STATEMENTS, &deliveries::statements(), dispatcher::STATEMENTS].concat()
}

/// How long connecting may take, TLS included.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a try may take in all.
const TOTAL: Duration = Duration::from_secs(15);
/// What a lease lasts beyond the longest try: looking things up, and writing down what came of it.
const LEASE_MARGIN: Duration = Duration::from_secs(45);
/// Tries at once in one process: they wait for others, and each holds a body.
const AT_ONCE: usize = 64;

/// Whether somebody may still read what an event is about: the rooms know.
#[async_trait]
pub trait Readers: fmt::Debug + Send + Sync {
    /// Asked before each try, for whoever made the subscription; `repository` is the one in which it happened, if it
    /// happened in one.
    async fn may_still_read(
        &self,
        owner: Id<Principal>,
        realm: Realm,
        subject: &Subject,
        repository: Option<Uuid>,
    ) -> Result<bool, db::Error>;
}

/// What an operator may set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the installation is.
    pub base_url: String,
    /// Where requests may go.
    pub addresses: AddressRules,
    /// When a delivery is tried again.
    pub schedule: Schedule,
    /// How long connecting may take, TLS included.
    pub connect: Duration,
    /// How long a try may take in all.
    pub total: Duration,
    /// Tries at once.
    pub at_once: usize,
}

impl Settings {
    /// The usual ones.
    pub fn new(base_url: impl Into<String>, addresses: AddressRules) -> Self {
        Self {
            base_url: base_url.into(),
            addresses,
            schedule: Schedule::default(),
            connect: CONNECT,
            total: TOTAL,
            at_once: AT_ONCE,
        }
    }

    fn limits(&self) -> Limits {
        Limits {
            resolve: self.connect,
            connect: self.connect,
            first_byte: self.total,
            idle: self.total,
            total: self.total,
            ..Limits::default()
        }
    }

    fn lease(&self) -> Duration {
        self.total + LEASE_MARGIN
    }
}

/// What the room stands on.
#[derive(Debug, Clone)]
pub struct Ground {
    /// Rows.
    pub db: Db,
    /// Background work.
    pub queue: Queue,
    /// What time it is.
    pub clock: Clock,
    /// Where chance comes from.
    pub random: Random,
    /// Who may read what.
    pub readers: Arc<dyn Readers>,
}

/// The room's front door. Cheap to clone; clones share their bell, so a process makes one and clones it.
#[derive(Debug, Clone)]
pub struct Hooks(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    db: Db,
    queue: Queue,
    clock: Clock,
    random: Random,
    trust: Trust,
    readers: Arc<dyn Readers>,
    /// Nobody until the room of runs is there.
    verdicts: OnceLock<Arc<dyn Verdicts>>,
    settings: Settings,
    /// Nothing where no certificates are trusted: then nothing is sent.
    client: Option<Client>,
    bell: Arc<Notify>,
}

/// Wakes the dispatcher of this process when it is dropped: held by a transaction until that has ended.
#[derive(Debug)]
struct Bell(Arc<Notify>);

impl Drop for Bell {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl Hooks {
    /// Opens the room.
    pub fn new(ground: Ground, trust: Trust, settings: Settings) -> Self {
        Self::with_roots(ground, trust, settings, Roots::default())
    }

    /// The same, with other certificates that are believed.
    pub fn with_roots(ground: Ground, trust: Trust, settings: Settings, roots: Roots) -> Self {
        let Ground { db, queue, clock, random, readers } = ground;
        let made = egress::Settings::new(settings.addresses.policy())
            .limits(settings.limits())
            .roots(roots);
        let client = Client::new(made)
            .inspect_err(|error| tracing::error!(%error, "no webhook can be delivered"))
            .ok();
        Self(Arc::new(Inner {
            db,
            queue,
            clock,
            random,
            trust,
            readers,
            verdicts: OnceLock::new(),
            settings,
            client,
            bell: Arc::default(),
        }))
    }

    /// Says who reads what is answered to the output of a run; the first who is named stays.
    pub fn judged_by(&self, verdicts: Arc<dyn Verdicts>) {
        if self.0.verdicts.set(verdicts).is_err() {
            tracing::error!("two rooms want to read verdicts");
        }
    }

    /// Where the installation is.
    pub fn base_url(&self) -> &str {
        &self.0.settings.base_url
    }

    /// Where a request may go, as far as an address says it by itself.
    pub fn addresses(&self) -> &AddressRules {
        &self.0.settings.addresses
    }

    /// What sends requests to addresses that others named; nothing where no certificates are trusted.
    pub fn client(&self) -> Option<&Client> {
        self.0.client.as_ref()
    }

    /// What sends, for one process.
    pub fn dispatcher(&self) -> Dispatcher {
        Dispatcher::new(self.clone())
    }

    /// Wakes the dispatcher, as after the clock was set.
    pub fn wake(&self) {
        drop(self.bell());
    }

    fn bell(&self) -> Bell {
        Bell(Arc::clone(&self.0.bell))
    }
}
