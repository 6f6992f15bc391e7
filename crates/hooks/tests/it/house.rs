//! A database of either kind, somebody with a repository on it, and the room.

use std::{
    collections::HashSet,
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use cluster::{Cluster, Database};
use db::Db;
use hooks::{
    AddressRules, Attempt, Delivery, DeliveryFilter, DeliveryState, Dispatcher, Event, Ground,
    Hooked, Hooks, MadeWebhook, Party, Patterns, Readers, Realm, Schedule, Settings, Subject,
    Webhook, Wishes,
};
use jobs::Queue;
use keys::{CanonicalRequest, InstallKey, Nonce, PrivateKey, sign_request};
use names::{Clock, Id, Random, UnixMillis};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::{sync::OnceCell, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use trust::{
    Act, Actor, Allowed, Granted, Hosts, NewKey, Principal, Registration, Resource, ResourceRow,
    ResourceState, Signed, Trust, Visibility,
    act::{WebhookRead, WebhookRedeliver, WebhookWrite},
    authority::Facts,
};
use uuid::Uuid;

use crate::receiver::Receiver;

/// When the stopped clock stands at first.
pub(crate) const START: UnixMillis = UnixMillis(1_795_294_380_000);
pub(crate) const HOST: &str = "127.0.0.1:7420";
/// Far more than anything here takes, so that only a fault reaches it.
const PATIENCE: Duration = Duration::from_secs(30);
const GLANCE: Duration = Duration::from_millis(5);
/// Houses so far: processes do not share their chance.
static HOUSES: AtomicU64 = AtomicU64::new(1);

/// Where a database is. It goes when this is dropped.
pub(crate) enum Place {
    Sqlite(TempDir),
    Postgres(Database),
}

impl Place {
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    pub(crate) async fn postgres() -> Self {
        let migrate = |url: String| async move { Db::postgres(&url).await.unwrap().close().await };
        Self::Postgres(Cluster::shared().await.copy_of("migrated", migrate).await)
    }

    async fn open(&self) -> Db {
        match self {
            Self::Sqlite(dir) => Db::sqlite(&dir.path().join("motet.db")).await.unwrap(),
            Self::Postgres(database) => Db::postgres(&database.url).await.unwrap(),
        }
    }

    pub(crate) const fn polls(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }
}

/// Who may read what: everybody everything, until told otherwise.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    is_closed: AtomicBool,
    asked: Mutex<HashSet<String>>,
}

#[async_trait]
impl Readers for Gate {
    async fn may_still_read(
        &self,
        _: Id<Principal>,
        _: Realm,
        subject: &Subject,
        _: Option<Uuid>,
    ) -> Result<bool, db::Error> {
        self.asked.lock().unwrap().insert(subject.as_str().to_owned());
        Ok(!self.is_closed.load(Ordering::Relaxed))
    }
}

/// A repository of somebody.
#[derive(Debug, Clone)]
pub(crate) struct Repo(pub(crate) ResourceRow);

impl Resource for Repo {
    fn facts(&self) -> Facts<'_> {
        Facts::of(&self.0, "ada", "app")
    }
}

impl Hooked for Repo {
    type Read = WebhookRead;
    type Write = WebhookWrite;
    type Send = WebhookRedeliver;

    fn realm(&self) -> Realm {
        Realm::Repository(self.0.id)
    }

    fn owner(&self) -> Option<Id<Principal>> {
        Some(self.0.owner)
    }
}

/// A process with the room.
pub(crate) struct House {
    pub(crate) db: Db,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) install: InstallKey,
    pub(crate) hooks: Hooks,
    pub(crate) gate: Arc<Gate>,
    pub(crate) repo: Repo,
    pub(crate) trust: Trust,
    key: PrivateKey,
    /// For what only reads, however often.
    reader: OnceCell<Allowed<WebhookRead, Repo>>,
}

impl House {
    /// A process whose operator lists these receivers.
    pub(crate) async fn at(place: &Place, receivers: &[&Receiver]) -> Self {
        Self::with(place, receivers, |settings| settings).await
    }

    /// The same with other settings.
    pub(crate) async fn with(
        place: &Place,
        receivers: &[&Receiver],
        set: impl FnOnce(Settings) -> Settings,
    ) -> Self {
        let (db, clock) = (place.open().await, Clock::stopped_at(START));
        let random = Random::seeded(HOUSES.fetch_add(1, Ordering::Relaxed));
        let install = InstallKey::generate(&random);
        let trust = opened(&db, &clock, &random, &install).await;
        let key = PrivateKey::generate(&random);
        let challenge = trust
            .challenge(HOST, "ada".parse().unwrap(), &key.public().to_openssh())
            .await
            .unwrap();
        let signature = key.sign(challenge.message.as_bytes()).to_string();
        let made = trust
            .verify(&Actor::anonymous(), challenge.id, &signature, NewKey::default())
            .await
            .unwrap();
        let row = ResourceRow {
            id: Id::<Repo>::new(START, &random).uuid(),
            owner: made.principal.id,
            visibility: Visibility::Private,
            state: ResourceState::Live,
            granted: Granted::NONE,
        };
        let mut tx = db.write().await.unwrap();
        trust.add_resource(&mut tx, &row).await.unwrap();
        tx.commit().await.unwrap();
        let gate = Arc::<Gate>::default();
        let settings = set(settings(receivers));
        let hooks = room(&db, &clock, &random, &trust, &gate, settings);
        Self {
            db,
            clock,
            random,
            install,
            hooks,
            gate,
            repo: Repo(row),
            trust,
            key,
            reader: OnceCell::new(),
        }
    }

    /// Another process on the same database and clock.
    pub(crate) async fn neighbour(
        &self,
        place: &Place,
        receivers: &[&Receiver],
        set: impl FnOnce(Settings) -> Settings,
    ) -> Self {
        let db = match place {
            Place::Sqlite(_) => self.db.clone(),
            Place::Postgres(_) => place.open().await,
        };
        let random = Random::seeded(HOUSES.fetch_add(1, Ordering::Relaxed));
        let trust = opened(&db, &self.clock, &random, &self.install).await;
        let settings = set(settings(receivers));
        let hooks = room(&db, &self.clock, &random, &trust, &self.gate, settings);
        Self {
            db,
            clock: self.clock.clone(),
            random,
            install: self.install.clone(),
            hooks,
            gate: Arc::clone(&self.gate),
            repo: self.repo.clone(),
            trust,
            key: self.key.clone(),
            reader: OnceCell::new(),
        }
    }

    /// The owner of the repository, by a signature of now.
    pub(crate) async fn allowed<A: Act>(&self) -> Allowed<A, Repo> {
        let nonce: Nonce = Nonce::generate(&self.random);
        let body = names::ObjectId::EMPTY;
        let canonical = CanonicalRequest {
            method: "POST",
            authority: HOST,
            target: "/a",
            ts: self.clock.now().seconds(),
            nonce: &nonce,
            content_type: "",
            body_sha256: body.as_bytes(),
        };
        let credentials = sign_request(&self.key, &canonical).to_header();
        let request = http::Request::builder().method("POST").uri("/a");
        let request = request.header("authorization", credentials).body(()).unwrap();
        let (parts, ()) = request.into_parts();
        let peer = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let signed = Signed::of(&parts, HOST, peer).unwrap();
        let actor = self.trust.authenticate(&signed).await.unwrap().actor;
        Allowed::ask(&actor, self.repo.clone()).unwrap()
    }

    /// The same, for what only reads: one signature for all of it.
    pub(crate) async fn reader(&self) -> &Allowed<WebhookRead, Repo> {
        self.reader.get_or_init(|| self.allowed()).await
    }

    /// A subscription of the repository for `events`, whose first ping has gone.
    pub(crate) async fn hook(&self, url: &str, events: &str) -> MadeWebhook {
        self.hook_with(url, events, |wishes| wishes).await
    }

    pub(crate) async fn hook_with(
        &self,
        url: &str,
        events: &str,
        wish: impl FnOnce(Wishes) -> Wishes,
    ) -> MadeWebhook {
        let patterns = Patterns::parse(events.split(' ')).unwrap();
        let wishes = wish(Wishes::new(url, patterns));
        self.hooks.create(&self.allowed().await, wishes, None).await.unwrap()
    }

    /// Something happens to an issue of the repository.
    pub(crate) async fn happens(&self, kind: &str, issue: u32) {
        self.emit(&self.event(kind, issue)).await;
    }

    pub(crate) async fn emit(&self, event: &Event) -> usize {
        let mut tx = self.db.write().await.unwrap();
        let told = self.hooks.emit(&mut tx, event).await.unwrap();
        tx.commit().await.unwrap();
        told
    }

    pub(crate) fn event(&self, kind: &str, issue: u32) -> Event {
        let of = json!({"issue": {"id": issue.to_string(), "title": "a title", "url": "https://forge.example/i"}});
        Event {
            id: None,
            kind: kind.parse().unwrap(),
            subject: format!("issue:{issue}").parse().unwrap(),
            realm: Realm::Repository(self.repo.0.id),
            request_id: None,
            action_url: "https://forge.example/ada/app/issues/1".to_owned(),
            actor: Some(Party { id: Uuid::nil(), handle: "ada".to_owned(), kind: "person" }),
            on_behalf_of: None,
            repository: None,
            organization: None,
            publisher: None,
            is_confidential: false,
            branch: None,
            labels: None,
            manager: None,
            data: object(&of),
        }
    }

    /// Nobody may read anything any more.
    pub(crate) fn close_gate(&self) {
        self.gate.is_closed.store(true, Ordering::Relaxed);
    }

    /// All deliveries of a subscription but pings, the oldest event of each subject first.
    pub(crate) async fn deliveries(&self, of: Id<Webhook>) -> Vec<Delivery> {
        let found = self
            .hooks
            .deliveries(self.reader().await, of, DeliveryFilter::default(), Some(100))
            .await
            .unwrap();
        let mut found: Vec<_> = found.into_iter().filter(|it| it.kind != "ping").collect();
        found.sort_by(|a, b| (&a.subject, a.sequence).cmp(&(&b.subject, b.sequence)));
        found
    }

    /// The one delivery of a subscription.
    pub(crate) async fn delivery(&self, of: Id<Webhook>) -> (Delivery, Vec<Attempt>) {
        let found = self.deliveries(of).await;
        assert_eq!(found.len(), 1, "{found:?}");
        self.hooks.delivery(self.reader().await, of, found[0].id).await.unwrap()
    }

    pub(crate) async fn states(&self, of: Id<Webhook>) -> Vec<&'static str> {
        self.deliveries(of).await.iter().map(|it| it.state.as_str()).collect()
    }

    /// Waits until the one delivery of a subscription stands so.
    pub(crate) async fn becomes(&self, of: Id<Webhook>, state: DeliveryState) {
        eventually(state.as_str(), async || {
            self.deliveries(of).await.iter().all(|it| it.state == state)
        })
        .await;
    }

    /// Waits until nothing of a subscription is on its way.
    pub(crate) async fn at_rest(&self, of: Id<Webhook>) {
        eventually("nothing is on its way", async || {
            let under_way = |state| DeliveryFilter {
                state: Some(state),
                kind: Some("ping"),
                ..DeliveryFilter::default()
            };
            let reader = self.reader().await;
            let mut left = 0;
            for state in [DeliveryState::Pending, DeliveryState::Delivering] {
                let found = self.hooks.deliveries(reader, of, under_way(state), None).await;
                left += found.unwrap().len();
            }
            left == 0
        })
        .await;
    }

    /// Waits until so many attempts of the one delivery are written down.
    pub(crate) async fn tried(&self, of: Id<Webhook>, times: u32) -> Delivery {
        eventually("it was tried", async || {
            let found = self.deliveries(of).await;
            found.iter().all(|it| it.attempts >= times && it.state != DeliveryState::Delivering)
        })
        .await;
        self.deliveries(of).await.remove(0)
    }

    /// Moves the clock and has the dispatcher look at it.
    pub(crate) fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.hooks.wake();
    }
}

fn settings(receivers: &[&Receiver]) -> Settings {
    let allowed = receivers.iter().map(|it| it.listed().parse().unwrap());
    let addresses = AddressRules::new(["forge.example".to_owned()], allowed);
    Settings::new("https://forge.example", addresses)
}

/// Settings with tries that come at once.
pub(crate) fn at_once(tries: usize) -> impl FnOnce(Settings) -> Settings {
    move |settings| Settings {
        schedule: Schedule::new(vec![Duration::ZERO; tries]).unwrap(),
        ..settings
    }
}

async fn opened(db: &Db, clock: &Clock, random: &Random, install: &InstallKey) -> Trust {
    let settings = trust::Settings {
        loopback: true,
        is_private_line: true,
        registration: Registration::Open,
        hosts: Hosts::new([HOST.to_owned()]),
        ..trust::Settings::at(&format!("http://{HOST}"))
    };
    let trust = Trust::open(db.clone(), clock.clone(), random.clone(), settings).await.unwrap();
    assert!(trust.check_install_key(install).await.unwrap());
    trust
}

fn room(
    db: &Db,
    clock: &Clock,
    random: &Random,
    trust: &Trust,
    gate: &Arc<Gate>,
    settings: Settings,
) -> Hooks {
    let ground = Ground {
        db: db.clone(),
        queue: Queue::new(db.clone(), clock.clone(), random.clone()),
        clock: clock.clone(),
        random: random.clone(),
        readers: Arc::clone(gate) as Arc<dyn Readers>,
    };
    Hooks::new(ground, trust.clone(), settings)
}

pub(crate) fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

/// Jobs of the room, done by a dispatcher of their own.
pub(crate) struct Crew {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Crew {
    pub(crate) fn start(house: &House) -> Self {
        let queue = Queue::new(house.db.clone(), house.clock.clone(), house.random.clone());
        let stop = CancellationToken::new();
        let work = house.hooks.work(jobs::Dispatcher::new(queue)).run(stop.clone());
        Self { stop, task: tokio::spawn(work) }
    }

    /// Tells it to stop, and waits until it has.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        within(self.task).await.unwrap();
    }
}

/// A dispatcher at work.
pub(crate) struct Shift {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Shift {
    pub(crate) fn start(house: &House) -> Self {
        Self::of(house.hooks.dispatcher())
    }

    /// One that waits for nothing when it is told to stop.
    pub(crate) fn hasty(house: &House) -> Self {
        Self::of(house.hooks.dispatcher().draining_for(Duration::ZERO))
    }

    fn of(dispatcher: Dispatcher) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(dispatcher.run(stop.clone()));
        Self { stop, task }
    }

    /// Tells it to stop, and waits until it has.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        within(self.task).await.unwrap();
    }

    /// Cuts it off, as the end of the process would.
    pub(crate) async fn kill(self) {
        self.task.abort();
        assert!(within(self.task).await.unwrap_err().is_cancelled());
    }
}

/// Waits for something that will come.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it comes in time")
}

/// Waits until `holds`.
pub(crate) async fn eventually(what: &str, holds: impl AsyncFn() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(GLANCE).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "not in time: {what}");
}
