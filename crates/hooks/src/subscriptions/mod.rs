//! Subscriptions: who wants to be told of what (`spec/webhooks.md` 1).
//!
//! | file         | what is there                                                       |
//! |--------------|---------------------------------------------------------------------|
//! | `mod.rs`     | [`Webhook`]; made, listed, changed, deleted                           |
//! | `managed.rs` | those that something else makes and changes: versions of pipelines      |
//! | `secrets.rs` | what its deliveries are signed with: sealed, rotated, never shown again |
//! | `store.rs`   | the SQL                                                              |
//!
//! Invariants: an address was judged when it came in, and is judged again at each try. A subscription has one or two
//! active secrets. What was deleted keeps its row until its deliveries go, and is there for nobody.

mod managed;
pub(crate) mod secrets;
pub(crate) mod store;

use db::Tx;
use names::{Id, UnixMillis};
use trust::{
    Act, Allowed, Principal, Resource,
    audit::{Entry, Noted, On},
};
use uuid::Uuid;

use crate::{
    Breaker, Content, Error, Filter, Hooks, Patterns, Realm, SigningSecret,
    subscriptions::secrets::ShownSecret,
};
pub use managed::Managed;
pub(crate) use store::STATEMENTS;

/// Bytes of a description.
const DESCRIPTION_BYTES: usize = 200;
/// Deliveries at once, for one subscription.
pub(crate) const IN_FLIGHT: std::ops::RangeInclusive<u32> = 1..=32;
/// The same unless asked.
pub(crate) const IN_FLIGHT_USUAL: u32 = 8;

/// A thing that can have webhooks, loaded by a route's loader.
pub trait Hooked: Resource {
    /// What it takes to see them.
    type Read: Act;
    /// What it takes to make and change them.
    type Write: Act;
    /// What it takes to send something once more.
    type Send: Act;

    /// What its subscriptions hear of.
    fn realm(&self) -> Realm;
    /// Whose it is, and in whose log it is written what is done to it; nobody's for the installation.
    fn owner(&self) -> Option<Id<Principal>>;
}

/// How deliveries of one subject come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ordering {
    /// One after the other.
    #[default]
    Subject,
    /// As they are made.
    None,
}

impl Ordering {
    /// The word in rows and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::None => "none",
        }
    }
}

impl std::str::FromStr for Ordering {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let found = [Self::Subject, Self::None].into_iter().find(|it| it.as_str() == text);
        found.ok_or("ordering is `subject` or `none`")
    }
}

/// What becomes of the events that a subscription asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// They are sent.
    Active,
    /// It is switched off: no deliveries are made, and those that wait go on waiting.
    Paused,
    /// The receiver has failed: a probe goes out now and then.
    Failing,
    /// The receiver said that it wants nothing more.
    Gone,
    /// It is there for nobody.
    Deleted,
}

impl State {
    const ALL: [Self; 5] = [Self::Active, Self::Paused, Self::Failing, Self::Gone, Self::Deleted];

    /// The word in rows and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Failing => "failing",
            Self::Gone => "gone",
            Self::Deleted => "deleted",
        }
    }

    /// Whether deliveries are made and sent.
    pub const fn is_on(self) -> bool {
        match self {
            Self::Active | Self::Failing => true,
            Self::Paused | Self::Gone | Self::Deleted => false,
        }
    }
}

impl std::str::FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|it| it.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is no state of a webhook"))
    }
}

/// What an owner says of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wishes {
    /// Where deliveries go.
    pub url: String,
    /// What is asked for.
    pub events: Patterns,
    /// How much is told.
    pub content: Content,
    /// How deliveries of one subject come.
    pub ordering: Ordering,
    /// Whether events of confidential issues are sent.
    pub confidential: bool,
    /// What narrows it.
    pub filter: Filter,
    /// Deliveries at once: 1 to 32.
    pub max_in_flight: u32,
    /// What it is for.
    pub description: String,
}

impl Wishes {
    /// The usual ones.
    pub fn new(url: impl Into<String>, events: Patterns) -> Self {
        Self {
            url: url.into(),
            events,
            content: Content::default(),
            ordering: Ordering::default(),
            confidential: false,
            filter: Filter::default(),
            max_in_flight: IN_FLIGHT_USUAL,
            description: String::new(),
        }
    }

    fn check(&self) -> Result<(), Error> {
        let invalid = |field, message: String| Err(Error::Invalid { field, message });
        if !IN_FLIGHT.contains(&self.max_in_flight) {
            return invalid("max_in_flight", "max_in_flight is 1 to 32".to_owned());
        }
        let is_long = self.description.len() > DESCRIPTION_BYTES;
        if is_long || self.description.contains(char::is_control) {
            let message = format!("a description is one line of at most {DESCRIPTION_BYTES} bytes");
            return invalid("description", message);
        }
        self.filter.check().or_else(|message| invalid("filter", message))
    }
}

/// A change to a subscription: what is not named stays.
#[derive(Debug, Clone, Default)]
pub struct WebhookChange {
    /// See [`Wishes`].
    pub url: Option<String>,
    /// See [`Wishes`].
    pub events: Option<Patterns>,
    /// See [`Wishes`].
    pub content: Option<Content>,
    /// See [`Wishes`].
    pub ordering: Option<Ordering>,
    /// See [`Wishes`].
    pub confidential: Option<bool>,
    /// See [`Wishes`].
    pub filter: Option<Filter>,
    /// See [`Wishes`].
    pub max_in_flight: Option<u32>,
    /// See [`Wishes`].
    pub description: Option<String>,
    /// Switches it on or off; on also after the receiver was gone.
    pub active: Option<bool>,
}

impl WebhookChange {
    /// What is wished for after the change.
    pub(crate) fn on(self, wishes: Wishes) -> Wishes {
        Wishes {
            url: self.url.unwrap_or(wishes.url),
            events: self.events.unwrap_or(wishes.events),
            content: self.content.unwrap_or(wishes.content),
            ordering: self.ordering.unwrap_or(wishes.ordering),
            confidential: self.confidential.unwrap_or(wishes.confidential),
            filter: self.filter.unwrap_or(wishes.filter),
            max_in_flight: self.max_in_flight.unwrap_or(wishes.max_in_flight),
            description: self.description.unwrap_or(wishes.description),
        }
    }
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Which.
    pub id: Id<Webhook>,
    /// What it hears of.
    pub realm: Realm,
    /// What its owner says of it.
    pub wishes: Wishes,
    /// What becomes of its events.
    pub state: State,
    /// How its receiver does.
    pub breaker: Breaker,
    /// Who made it: what is sent is what they may read.
    pub created_by: Id<Principal>,
    /// When.
    pub created_at: UnixMillis,
    /// How often it was made or changed by its owner.
    pub version: u64,
    /// What makes and changes it instead of its owner: the version of a pipeline.
    pub managed_by: Option<Uuid>,
}

impl Webhook {
    /// The host that it sends to: of an address, all that is told to others.
    pub fn host(&self) -> String {
        let url = url::Url::parse(&self.wishes.url).ok();
        url.and_then(|it| it.host_str().map(str::to_owned)).unwrap_or_default()
    }

    /// Itself, if its owner may change it.
    pub(crate) fn own(self) -> Result<Self, Error> {
        if self.managed_by.is_some() { Err(Error::Managed) } else { Ok(self) }
    }
}

/// A subscription as those see it who manage it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownWebhook {
    /// Itself.
    pub webhook: Webhook,
    /// Its active secrets, the newest first: all that can be read of them.
    pub secrets: Vec<ShownSecret>,
    /// When the last of its deliveries was made.
    pub last_delivery: Option<UnixMillis>,
}

/// A subscription that was just made.
pub struct MadeWebhook {
    /// Itself.
    pub shown: ShownWebhook,
    /// What its deliveries are signed with: the only moment at which it can be read.
    pub secret: SigningSecret,
}

impl Hooks {
    /// Makes a subscription, with a secret of the caller's or a fresh one. It is sent a ping.
    pub async fn create<R: Hooked>(
        &self,
        allowed: &Allowed<R::Write, R>,
        wishes: Wishes,
        brought: Option<SigningSecret>,
    ) -> Result<MadeWebhook, Error> {
        wishes.check()?;
        self.judge(&wishes.url).await?;
        let (actor, realm) = (allowed.actor(), allowed.resource().realm());
        let by = actor.principal().ok_or(Error::NotFound)?;
        let mut tx = self.begin(allowed).await?;
        if store::count(&mut tx, realm).await? >= realm.most() {
            return Err(Error::TooMany(realm.most()));
        }
        let now = self.0.clock.now();
        let webhook = Webhook {
            id: Id::new(now, &self.0.random),
            realm,
            wishes,
            state: State::Active,
            breaker: Breaker::default(),
            created_by: by.id,
            created_at: now,
            version: 1,
            managed_by: None,
        };
        store::add(&mut tx, &webhook).await?;
        let secret = brought.unwrap_or_else(|| SigningSecret::generate(&self.0.random));
        let shown = self.add_sealed(&mut tx, webhook.id, &secret).await?;
        let entry = Entry::done(Noted::WebhookCreated, actor, On::new("webhook", webhook.id))
            .with("host", webhook.host())
            .with("events", webhook.wishes.events.words().join(" "));
        self.note(&mut tx, allowed, entry).await?;
        self.send_ping(&mut tx, &webhook).await?;
        tx.commit().await?;
        tracing::info!(webhook.id = %webhook.id, webhook.host = webhook.host(), "a webhook was made");
        let shown = ShownWebhook { webhook, secrets: vec![shown], last_delivery: Some(now) };
        Ok(MadeWebhook { shown, secret })
    }

    /// The subscriptions of a thing, oldest first. There are never more than fit into one answer.
    pub async fn list<R: Hooked>(
        &self,
        allowed: &Allowed<R::Read, R>,
    ) -> Result<Vec<ShownWebhook>, Error> {
        let mut tx = self.0.db.read().await?;
        let found = store::of_realm(&mut tx, allowed.resource().realm()).await?;
        let ids: Vec<_> = found.iter().map(|(it, _)| it.id).collect();
        let mut secrets = secrets::shown(&mut tx, &ids, self.0.clock.now()).await?;
        let shown = found.into_iter().map(|(webhook, last_delivery)| {
            let secrets = secrets.remove(&webhook.id).unwrap_or_default();
            ShownWebhook { webhook, secrets, last_delivery }
        });
        Ok(shown.collect())
    }

    /// One of them.
    pub async fn show<R: Hooked>(
        &self,
        allowed: &Allowed<R::Read, R>,
        id: Id<Webhook>,
    ) -> Result<ShownWebhook, Error> {
        let mut tx = self.0.db.read().await?;
        self.shown(&mut tx, allowed.resource().realm(), id).await
    }

    /// Changes one, if it is what whoever asks has seen. What waits already keeps the form in which it was made, and goes where the address leads now.
    pub async fn change<R: Hooked>(
        &self,
        allowed: &Allowed<R::Write, R>,
        id: Id<Webhook>,
        change: WebhookChange,
        is_expected: impl Fn(&ShownWebhook) -> bool,
    ) -> Result<ShownWebhook, Error> {
        if let Some(url) = &change.url {
            self.judge(url).await?;
        }
        let realm = allowed.resource().realm();
        let mut tx = self.begin(allowed).await?;
        let seen = self.shown(&mut tx, realm, id).await?;
        if !is_expected(&seen) {
            return Err(Error::Stale);
        }
        let before = seen.webhook.own()?;
        let (state, breaker) = switched(&before, change.active);
        let wishes = change.on(before.wishes.clone());
        wishes.check()?;
        let after =
            Webhook { wishes, state, breaker, version: before.version + 1, ..before.clone() };
        store::set(&mut tx, &after).await?;
        if after.state.is_on() && !before.state.is_on() {
            // What waited is looked at again.
            tx.hold(self.bell());
        }
        let entry =
            Entry::done(Noted::WebhookUpdated, allowed.actor(), On::new("webhook", after.id));
        let entry = entry.with("host", after.host()).with("state", after.state.as_str());
        self.note(&mut tx, allowed, entry).await?;
        let shown = self.shown(&mut tx, realm, id).await?;
        tx.commit().await?;
        Ok(shown)
    }

    /// Deletes one: its secrets go at once, what waits is cancelled, and nothing more is sent.
    pub async fn delete<R: Hooked>(
        &self,
        allowed: &Allowed<R::Write, R>,
        id: Id<Webhook>,
    ) -> Result<(), Error> {
        let mut tx = self.begin(allowed).await?;
        let webhook = self.found(&mut tx, allowed.resource().realm(), id).await?.own()?;
        store::delete(&mut tx, id).await?;
        let cancelled =
            crate::deliveries::store::cancel_all(&mut tx, id, self.0.clock.now()).await?;
        let entry = Entry::done(Noted::WebhookDeleted, allowed.actor(), On::new("webhook", id));
        let cancelled = i64::try_from(cancelled).unwrap_or(i64::MAX);
        let entry = entry.with("host", webhook.host()).with("cancelled", cancelled);
        self.note(&mut tx, allowed, entry).await?;
        Ok(tx.commit().await?)
    }

    /// Refuses an address to which no request may go now. A name without an address may have one later.
    pub async fn judge(&self, url: &str) -> Result<(), Error> {
        let url = self.0.settings.addresses.check(url)?;
        let Some(client) = &self.0.client else { return Ok(()) };
        match client.check(url.as_str()).await {
            Err(error) if error.is_refusal() => Err(Error::UrlRefused(refusal(&error))),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Begins a change. Those of one owner go one after the other, so that each sees what the others made.
    pub(crate) async fn begin<A: Act, R: Hooked>(
        &self,
        allowed: &Allowed<A, R>,
    ) -> Result<Tx, Error> {
        let mut tx = self.0.trust.begin(allowed.actor()).await?;
        if let Some(owner) = allowed.resource().owner() {
            self.0.trust.hold_namespace(&mut tx, owner).await?;
        }
        Ok(tx)
    }

    pub(crate) async fn note<A: Act, R: Hooked>(
        &self,
        tx: &mut Tx,
        allowed: &Allowed<A, R>,
        entry: Entry,
    ) -> Result<(), Error> {
        let chain = match allowed.resource().owner() {
            Some(owner) => self.0.trust.chain_of(tx, owner).await?,
            None => trust::audit::Chain::INSTALL,
        };
        self.0.trust.note(tx, chain, entry).await?;
        Ok(())
    }

    pub(crate) async fn found(
        &self,
        tx: &mut Tx,
        realm: Realm,
        id: Id<Webhook>,
    ) -> Result<Webhook, Error> {
        let found = store::find(tx, id).await?.filter(|(it, _)| it.realm == realm);
        found.map(|(it, _)| it).ok_or(Error::NotFound)
    }

    pub(crate) async fn shown(
        &self,
        tx: &mut Tx,
        realm: Realm,
        id: Id<Webhook>,
    ) -> Result<ShownWebhook, Error> {
        let found = store::find(tx, id).await?.filter(|(it, _)| it.realm == realm);
        let (webhook, last_delivery) = found.ok_or(Error::NotFound)?;
        let mut secrets = secrets::shown(tx, &[id], self.0.clock.now()).await?;
        let secrets = secrets.remove(&id).unwrap_or_default();
        Ok(ShownWebhook { webhook, secrets, last_delivery })
    }
}

/// Without what a name leads to.
fn refusal(error: &egress::Error) -> String {
    match error {
        egress::Error::ForbiddenAddress { found, .. } => {
            format!("the name leads to an address that is not public: {}", found.why)
        }
        _ => "the host is not one that may be reached".to_owned(),
    }
}

/// What switching does: a subscription that is switched on begins with a closed breaker.
fn switched(before: &Webhook, active: Option<bool>) -> (State, Breaker) {
    match active {
        Some(false) if before.state == State::Gone => (State::Gone, before.breaker),
        Some(false) => (State::Paused, Breaker::default()),
        Some(true) if !before.state.is_on() => (State::Active, Breaker::default()),
        Some(true) | None => (before.state, before.breaker),
    }
}
