//! Subscriptions that a pipeline manages: signed by the publisher, changed by nobody else, and what is answered to the output
//! of a run.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use cluster::on_both;
use db::Tx;
use hooks::{
    Composed, Counted, DeliveryFilter, Error, Event, Managed, Patterns, Realm, Subject, Verdict,
    Verdicts, Webhook, WebhookChange,
};
use keys::TokenText;
use names::Id;
use trust::{Act, Actor, Allowed, Anything, Founded, Publisher, act::PublisherCreate};
use uuid::Uuid;

use crate::{
    house::{House, Place, Shift, at_once, eventually},
    receiver::{Receiver, Reply},
};

/// The manager.
const VERSION: Uuid = Uuid::from_u128(0x11);

/// Takes what says `accepted`, and remembers all of it.
#[derive(Debug, Default)]
struct Judge(Mutex<Vec<String>>);

impl Judge {
    fn heard(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait]
impl Verdicts for Judge {
    async fn answered(
        &self,
        _: &mut Tx,
        composed: Composed<'_>,
        status: u16,
        body: &[u8],
    ) -> Result<Verdict, db::Error> {
        let said = String::from_utf8_lossy(body).into_owned();
        self.0.lock().unwrap().push(format!("{} {status} {said}", composed.run.as_str()));
        let is_one = body.is_empty() || said.contains("accepted");
        Ok(if is_one { Verdict::Taken } else { Verdict::Unreadable })
    }

    async fn died(
        &self,
        _: &mut Tx,
        composed: Composed<'_>,
        reason: &str,
    ) -> Result<(), db::Error> {
        assert_eq!(composed.manager, VERSION);
        self.0.lock().unwrap().push(format!("{} died {reason}", composed.run.as_str()));
        Ok(())
    }
}

async fn publisher(house: &House) -> Founded {
    let token = TokenText::generate("bootstrap", &house.random);
    let line = format!("Bearer {}", token.expose());
    assert!(house.trust.adopt_bootstrap(Some(token.expose())).await.unwrap());
    let allowed: Allowed<PublisherCreate, _> = Allowed::ask(&Actor::anonymous(), Anything).unwrap();
    house.trust.found_publisher(&allowed, &line, "acme".parse().unwrap(), None).await.unwrap()
}

async fn manage(house: &House, of: &Founded, url: &str) -> Id<Webhook> {
    let owner = of.publisher.organization.id;
    let events = Patterns::parse(["run.*", "task.*"]).unwrap();
    let it = Managed {
        publisher: owner,
        manager: VERSION,
        url: url.to_owned(),
        events,
        created_by: owner,
    };
    let mut tx = house.db.write().await.unwrap();
    let id = house.hooks.manage(&mut tx, &it).await.unwrap();
    tx.commit().await.unwrap();
    id
}

fn of_run(of: &Founded, kind: &str, manager: Option<Uuid>) -> Event {
    let realm = Realm::Publisher(of.publisher.organization.id);
    let subject: Subject = "run:7".parse().unwrap();
    let event = Event::new(kind.parse().unwrap(), subject, realm, "https://forge.example/runs/7");
    Event { manager, ..event }
}

/// Whoever runs the publisher, by its own token, as its routes have it.
async fn allowed<A: Act>(house: &House, of: &Founded) -> Allowed<A, Publisher> {
    let request = http::Request::builder().method("GET").uri("/a");
    let line = format!("Bearer {}", of.admin.text.expose());
    let (parts, ()) = request.header("authorization", line).body(()).unwrap().into_parts();
    let signed =
        trust::Signed::of(&parts, crate::house::HOST, Some([127, 0, 0, 1].into())).unwrap();
    let signed = signed.taking(trust::Bearers::Publisher, false);
    let actor = house.trust.authenticate(&signed).await.unwrap().actor;
    let found = house.trust.publisher(&actor, None).await.unwrap().unwrap();
    Allowed::ask(&actor, found).unwrap()
}

async fn states(house: &House, of: &Founded, id: Id<Webhook>) -> Vec<String> {
    let allowed = allowed(house, of).await;
    let filter = DeliveryFilter { kind: Some("run.composed"), ..DeliveryFilter::default() };
    let found = house.hooks.deliveries(&allowed, id, filter, None).await.unwrap();
    let told = |it: &hooks::Delivery| {
        format!("{} {}", it.state.as_str(), it.reason.as_deref().unwrap_or_default())
    };
    found.iter().map(told).collect()
}

async fn happens(house: &House, event: &Event) -> usize {
    house.emit(event).await
}

on_both! {
    async fn a_managed_one_is_listed_signed_by_the_publisher_and_changed_by_nobody(place: Place) {
        let receiver = Receiver::kind().await;
        let house = House::at(&place, &[&receiver]).await;
        let acme = publisher(&house).await;
        let id = manage(&house, &acme, &receiver.url()).await;
        let shift = Shift::start(&house);
        receiver.pinged(1).await;
        assert_eq!(happens(&house, &of_run(&acme, "run.started", Some(VERSION))).await, 1);
        let seen = receiver.saw(1).await.remove(0);
        assert_eq!(seen.signatures_of(acme.webhook_signing.value.as_ref().unwrap().expose()), (1, 1));
        // What another version makes goes elsewhere, and what nobody manages goes to nobody.
        for manager in [Some(Uuid::from_u128(0x12)), None] {
            assert_eq!(happens(&house, &of_run(&acme, "run.started", manager)).await, 0);
        }
        let listed = house.hooks.list(&allowed(&house, &acme).await).await.unwrap();
        assert_eq!(listed[0].webhook.managed_by, Some(VERSION));
        assert!(listed[0].secrets.is_empty());

        let off = WebhookChange { active: Some(false), ..WebhookChange::default() };
        let changed = house.hooks.change(&allowed(&house, &acme).await, id, off, |_| true).await;
        let deleted = house.hooks.delete(&allowed(&house, &acme).await, id).await;
        let rotated = house.hooks.add_secret(&allowed(&house, &acme).await, id, None, None).await;
        assert!(matches!(changed, Err(Error::Managed)));
        assert!(matches!(deleted, Err(Error::Managed)));
        assert!(matches!(rotated, Err(Error::Managed)));

        // Made once more it is the same one; taken away it sends nothing more.
        assert_eq!(manage(&house, &acme, &receiver.url()).await, id);
        let mut tx = house.db.write().await.unwrap();
        assert!(house.hooks.unmanage(&mut tx, VERSION).await.unwrap());
        assert!(!house.hooks.unmanage(&mut tx, VERSION).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(happens(&house, &of_run(&acme, "run.started", Some(VERSION))).await, 0);
        shift.stop().await;
    }
}

on_both! {
    async fn what_is_answered_to_an_output_is_the_verdict(place: Place) {
        let receiver = Receiver::start(|seen, before| match (seen.kind().as_str(), before) {
            ("ping", _) => Reply::Status(204),
            (_, 0) => Reply::Large(200, 12),
            _ => Reply::Status(204),
        })
        .await;
        let house = House::at(&place, &[&receiver]).await;
        let judge = Arc::<Judge>::default();
        house.hooks.judged_by(Arc::clone(&judge) as Arc<dyn Verdicts>);
        let acme = publisher(&house).await;
        let id = manage(&house, &acme, &receiver.url()).await;
        let shift = Shift::start(&house);
        happens(&house, &of_run(&acme, "run.started", Some(VERSION))).await;
        receiver.saw(1).await;
        happens(&house, &of_run(&acme, "run.composed", Some(VERSION))).await;
        eventually("it is judged", async || judge.heard().len() == 1).await;
        assert_eq!(judge.heard(), ["run:7 204 "]);
        eventually("it arrived", async || states(&house, &acme, id).await == ["delivered "]).await;
        shift.stop().await;
    }
}

on_both! {
    async fn an_answer_that_says_nothing_is_a_failure_and_a_death_is_told(place: Place) {
        let receiver = Receiver::start(|seen, _| match seen.kind().as_str() {
            "ping" => Reply::Status(204),
            _ => Reply::Large(200, 12),
        })
        .await;
        let house = House::with(&place, &[&receiver], at_once(2)).await;
        let judge = Arc::<Judge>::default();
        house.hooks.judged_by(Arc::clone(&judge) as Arc<dyn Verdicts>);
        let acme = publisher(&house).await;
        let id = manage(&house, &acme, &receiver.url()).await;
        let shift = Shift::start(&house);
        happens(&house, &of_run(&acme, "run.composed", Some(VERSION))).await;
        eventually("it is dead", async || {
            states(&house, &acme, id).await == ["dead verdict_unreadable"]
        })
        .await;
        let unread = format!("run:7 200 {}", "x".repeat(12));
        assert_eq!(judge.heard(), [unread.as_str(), unread.as_str(), "run:7 died verdict_unreadable"]);
        shift.stop().await;
    }
}

on_both! {
    async fn many_at_once_are_told_in_order_each_once_to_those_who_asked(place: Place) {
        // The first of run 7 is said no to once, so that those behind it wait.
        let was_refused = AtomicBool::new(false);
        let receiver = Receiver::start(move |seen, _| {
            let is_refused = seen.kind() == "run.started" && !was_refused.swap(true, Ordering::Relaxed);
            Reply::Status(if is_refused { 500 } else { 204 })
        })
        .await;
        let house = House::with(&place, &[&receiver], at_once(5)).await;
        let acme = publisher(&house).await;
        let owner = acme.publisher.organization.id;
        let mut tx = house.db.write().await.unwrap();
        assert!(house.hooks.listeners(&mut tx, [owner], [VERSION]).await.unwrap().is_none());
        drop(tx);
        manage(&house, &acme, &receiver.url()).await;
        let told = |run: u32, kind: &str, number: u64, manager: Option<Uuid>| {
            let subject: Subject = format!("run:{run}").parse().unwrap();
            Counted { event: Event { subject, manager, ..of_run(&acme, kind, None) }, number }
        };
        let own = Some(VERSION);
        let events = [
            told(7, "run.started", 1, own),
            told(8, "task.ready", 4, own),
            told(7, "task.ready", 2, own),
            told(7, "run.completed", 3, own),
            told(9, "run.completed", 1, Some(Uuid::from_u128(0x12))),
            told(9, "approval.requested", 2, own),
        ];
        let mut tx = house.db.write().await.unwrap();
        let heard = house.hooks.listeners(&mut tx, [owner], [VERSION]).await.unwrap().unwrap();
        assert!(heard.have(VERSION) && !heard.have(Uuid::from_u128(0x12)));
        assert!(heard.want("task.ready".parse().unwrap(), owner, own));
        assert!(!heard.want("task.ready".parse().unwrap(), owner, None));
        assert!(!heard.want("approval.requested".parse().unwrap(), owner, own));
        house.hooks.tell_all(&mut tx, &heard, &events).await.unwrap();
        tx.commit().await.unwrap();
        let shift = Shift::start(&house);
        let seen = receiver.saw(5).await;
        let of = |run: &str| {
            let of = seen.iter().filter(|it| it.header("x-motet-subject") == run);
            of.map(|it| format!("{} {}", it.header("x-motet-sequence"), it.kind())).collect::<Vec<_>>()
        };
        assert_eq!(of("run:8"), ["4 task.ready"]);
        assert_eq!(of("run:7"), ["1 run.started", "1 run.started", "2 task.ready", "3 run.completed"]);
        // What is told one by one goes on behind them.
        assert_eq!(happens(&house, &of_run(&acme, "run.failed", own)).await, 1);
        let next = receiver.saw(6).await.pop().unwrap();
        assert_eq!(next.header("x-motet-sequence"), "4");
        shift.stop().await;
    }
}
