//! One subject after the other; the breaker; what lies there is sent again.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{self, AtomicBool},
    },
    time::Duration,
};

use cluster::on_both;
use hooks::{DeliveryFilter, DeliveryState, Error, Ordering, State, Wishes};
use trust::act::WebhookRedeliver;

use crate::{
    house::{Crew, House, Place, Shift, at_once, eventually},
    receiver::{Receiver, Reply, Seen},
};

on_both! {
    async fn one_subject_comes_in_order_and_others_pass(place: Place) {
        // The second edit of the first issue fails three times.
        let receiver = Receiver::start(|seen, _| {
            let is_second = seen.kind() != "ping" && seen.place() == "issue:1 2";
            let tries: usize = seen.header("x-motet-attempt").parse().unwrap();
            Reply::Status(if is_second && tries <= 3 { 500 } else { 204 })
        })
        .await;
        let house = House::at(&place, &[&receiver]).await;
        let id = house.hook(&receiver.url(), "issue.*").await.shown.webhook.id;
        for _ in 0..10 {
            house.happens("issue.edited", 1).await;
        }
        house.happens("issue.opened", 2).await;
        let shift = Shift::start(&house);
        eventually("another issue passes", async || {
            receiver.seen().iter().any(|it| it.place() == "issue:2 1")
        })
        .await;
        for (made, seconds) in (1..).zip([1, 2, 4]) {
            eventually("the second was tried", async || {
                house.deliveries(id).await[1].attempts >= made
            })
            .await;
            house.pass(Duration::from_secs(seconds));
        }
        house.becomes(id, DeliveryState::Delivered).await;
        let seen = receiver.seen();
        let first: Vec<_> =
            seen.iter().map(Seen::place).filter(|it| it.starts_with("issue:1 ")).collect();
        let expected = [1, 2, 2, 2, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(|n| format!("issue:1 {n}"));
        assert_eq!(first, expected);
        shift.stop().await;
    }
}

on_both! {
    async fn without_an_order_nothing_waits(place: Place) {
        let receiver = Receiver::start(|seen, _| {
            let is_first = seen.kind() != "ping" && seen.place() == "issue:1 1";
            Reply::Status(if is_first { 500 } else { 204 })
        })
        .await;
        let house = House::at(&place, &[&receiver]).await;
        let free = |wishes| Wishes { ordering: Ordering::None, ..wishes };
        let id = house.hook_with(&receiver.url(), "issue.*", free).await.shown.webhook.id;
        for _ in 0..5 {
            house.happens("issue.edited", 1).await;
        }
        let shift = Shift::start(&house);
        eventually("the others have passed", async || {
            house.states(id).await
                == ["pending", "delivered", "delivered", "delivered", "delivered"]
        })
        .await;
        shift.stop().await;
    }
}

on_both! {
    async fn five_failures_open_the_breaker_and_one_success_drains_the_rest(place: Place) {
        let receiver = Receiver::start(|seen, before| {
            Reply::Status(if seen.kind() == "ping" || before >= 6 { 204 } else { 500 })
        })
        .await;
        let other = Receiver::kind().await;
        let house = House::at(&place, &[&receiver, &other]).await;
        house.hook(&other.url(), "endpoint.*").await;
        let id = house.hook(&receiver.url(), "issue.*").await.shown.webhook.id;
        let shift = Shift::start(&house);
        receiver.pinged(1).await;
        for issue in 1..=5 {
            house.happens("issue.opened", issue).await;
            receiver.saw(issue as usize).await;
            house.clock.advance(Duration::from_millis(1));
        }
        eventually("it is open", async || {
            house.hooks.show(house.reader().await, id).await.unwrap().webhook.state == State::Failing
        })
        .await;
        assert_eq!(other.saw(1).await[0].kind(), "endpoint.failing");
        // What comes now is written down and not sent.
        house.happens("issue.opened", 6).await;
        house.pass(Duration::from_secs(29));
        eventually("it was passed over", async || {
            let found = house.deliveries(id).await;
            found.iter().all(|it| it.attempts > 0)
        })
        .await;
        assert_eq!(receiver.seen().len(), 5);
        let (_, attempts) = {
            let sixth = house.deliveries(id).await[5].id;
            house.hooks.delivery(house.reader().await, id, sixth).await.unwrap()
        };
        assert_eq!(attempts[0].kind, "circuit_open");

        // The first probe fails, and the next comes a minute later.
        house.pass(Duration::from_secs(1));
        let probe = receiver.saw(6).await.remove(5);
        assert_eq!(probe.place(), "issue:1 1", "the oldest");
        eventually("the probe was written down", async || {
            let found = house.hooks.show(house.reader().await, id).await.unwrap();
            found.webhook.breaker.probe_step == 1
        })
        .await;
        house.pass(Duration::from_mins(1));
        house.becomes(id, DeliveryState::Delivered).await;
        let drained: Vec<_> = receiver.seen().iter().skip(6).map(Seen::place).collect();
        assert_eq!(drained.len(), 6);
        assert_eq!(drained[0], "issue:1 1");
        assert_eq!(other.saw(2).await[1].kind(), "endpoint.recovered");
        let shown = house.hooks.show(house.reader().await, id).await.unwrap();
        assert_eq!(shown.webhook.state, State::Active);
        let (_, attempts) = {
            let first = house.deliveries(id).await[0].id;
            house.hooks.delivery(house.reader().await, id, first).await.unwrap()
        };
        let probes = attempts.iter().filter(|it| it.kind == "probe").count();
        assert_eq!(probes, 2);
        shift.stop().await;
    }
}

on_both! {
    async fn a_dead_letter_is_sent_again_with_its_id(place: Place) {
        let receiver = Receiver::answering(&[500, 500, 204]).await;
        let house = House::with(&place, &[&receiver], at_once(2)).await;
        let id = house.hook(&receiver.url(), "issue.*").await.shown.webhook.id;
        let shift = Shift::start(&house);
        house.happens("issue.opened", 1).await;
        house.becomes(id, DeliveryState::Dead).await;
        let (dead, _) = house.delivery(id).await;
        let resent = house
            .hooks
            .resend(&house.allowed::<WebhookRedeliver>().await, id, dead.id)
            .await
            .unwrap();
        assert!(!resent.state.has_ended());
        house.becomes(id, DeliveryState::Delivered).await;
        let seen = receiver.seen();
        assert_eq!(seen.len(), 3);
        assert!(seen.iter().all(|it| it.header("webhook-id") == dead.id.to_string()));
        assert!(seen.iter().all(|it| it.body == seen[0].body));
        let (_, attempts) = house.delivery(id).await;
        assert_eq!(attempts[2].kind, "resend");
        // What was delivered can be sent once more too, and what is on its way cannot.
        shift.stop().await;
        let again = house.hooks.resend(&house.allowed().await, id, dead.id).await.unwrap();
        assert_eq!(again.state, DeliveryState::Pending);
        let twice = house.hooks.resend(&house.allowed().await, id, dead.id).await;
        assert!(matches!(twice, Err(Error::OnItsWay)));
    }
}

on_both! {
    async fn what_a_filter_names_is_sent_again_in_order(place: Place) {
        let receiver = Receiver::kind().await;
        let house = House::at(&place, &[&receiver]).await;
        let id = house.hook(&receiver.url(), "issue.*").await.shown.webhook.id;
        let shift = Shift::start(&house);
        for _ in 0..3 {
            for issue in 1..=4 {
                house.happens("issue.edited", issue).await;
            }
        }
        house.happens("issue.closed", 1).await;
        house.becomes(id, DeliveryState::Delivered).await;
        assert_eq!(receiver.seen().len(), 13);
        let filter = DeliveryFilter {
            state: Some(DeliveryState::Delivered),
            kind: Some("issue.edited"),
            ..DeliveryFilter::default()
        };
        let asked = house.hooks.resend_all(&house.allowed().await, id, filter).await.unwrap();
        assert_eq!((asked.total, asked.resent, asked.finished_at), (12, 0, None));
        // Nothing goes before somebody works.
        assert_eq!(receiver.seen().len(), 13);
        let crew = Crew::start(&house);
        receiver.saw(25).await;
        eventually("it is over", async || {
            let told = house.hooks.resend_of(house.reader().await, id, asked.id).await.unwrap();
            told.finished_at.is_some() && told.resent == 12
        })
        .await;
        crew.stop().await;
        let seen = receiver.seen();
        let again: Vec<_> =
            seen.iter().skip(13).map(Seen::place).filter(|it| it.starts_with("issue:1")).collect();
        assert_eq!(again, ["issue:1 1", "issue:1 2", "issue:1 3"]);
        shift.stop().await;
    }
}

on_both! {
    async fn the_list_goes_on_where_it_ended(place: Place) {
        let receiver = Receiver::kind().await;
        let house = House::at(&place, &[&receiver]).await;
        let id = house.hook(&receiver.url(), "issue.*").await.shown.webhook.id;
        for issue in 1..=5 {
            house.happens("issue.opened", issue).await;
            house.clock.advance(Duration::from_millis(1));
        }
        let opened = DeliveryFilter { kind: Some("issue.opened"), ..DeliveryFilter::default() };
        let first = house.hooks.deliveries(house.reader().await, id, opened, Some(3)).await.unwrap();
        let before = first.last().map(|it| it.id);
        let rest = DeliveryFilter { before, ..opened };
        let rest = house.hooks.deliveries(house.reader().await, id, rest, Some(3)).await.unwrap();
        let subjects: Vec<_> = first.iter().chain(&rest).map(|it| it.subject.as_str()).collect();
        assert_eq!(subjects, ["issue:5", "issue:4", "issue:3", "issue:2", "issue:1"]);
        let late = DeliveryFilter { since: Some(first[1].created_at), ..opened };
        let late = house.hooks.deliveries(house.reader().await, id, late, None).await.unwrap();
        assert_eq!(late.len(), 2);
    }
}

/// On SQLite alone: elsewhere each row is a round trip.
#[tokio::test]
async fn ten_thousand_are_sent_again_by_one_call_and_it_reports() {
    let place = Place::sqlite();
    let receiver = Receiver::kind().await;
    let house = House::at(&place, &[&receiver]).await;
    let unordered = |wishes| Wishes { ordering: Ordering::None, ..wishes };
    let id = house.hook_with(&receiver.url(), "issue.*", unordered).await.shown.webhook.id;
    let mut tx = house.db.write().await.unwrap();
    for issue in 0..10_050 {
        house.hooks.emit(&mut tx, &house.event("issue.opened", issue)).await.unwrap();
    }
    tx.commit().await.unwrap();
    // Its receiver is gone for good, so all of them are dead.
    let mut tx = house.db.write().await.unwrap();
    crate::store::all_dead(&mut tx, id.uuid(), house.clock.now().0).await.unwrap();
    tx.commit().await.unwrap();
    let filter = DeliveryFilter { state: Some(DeliveryState::Dead), ..DeliveryFilter::default() };
    let asked = house.hooks.resend_all(&house.allowed().await, id, filter).await.unwrap();
    assert_eq!(asked.total, 10_000);
    let crew = Crew::start(&house);
    eventually("it is over", async || {
        let told = house.hooks.resend_of(house.reader().await, id, asked.id).await.unwrap();
        told.finished_at.is_some() && told.resent == 10_000
    })
    .await;
    crew.stop().await;
    // What was beyond is dead still; the ping, which was the oldest, is not.
    let rest = house.hooks.deliveries(house.reader().await, id, filter, Some(100)).await.unwrap();
    assert_eq!(rest.len(), 51);
}

/// Events of a day, unless the command line asks for more: `events=1000`.
fn events_of_a_day() -> u32 {
    let asked = std::env::args().find_map(|it| it.strip_prefix("events=")?.parse().ok());
    asked.unwrap_or(120)
}

on_both! {
    async fn a_receiver_that_was_down_for_a_day_gets_everything_once(place: Place) {
        let is_up = Arc::new(AtomicBool::new(false));
        let up = Arc::clone(&is_up);
        let receiver = Receiver::start(move |seen, _| {
            Reply::Status(if seen.kind() == "ping" || up.load(atomic::Ordering::Relaxed) { 204 } else { 503 })
        })
        .await;
        let house = House::at(&place, &[&receiver]).await;
        let id = house.hook(&receiver.url(), "issue.*").await.shown.webhook.id;
        let shift = Shift::start(&house);
        receiver.pinged(1).await;
        let events = events_of_a_day();
        // A quarter of an hour is the longest wait for a probe.
        let quarters = 24 * 4;
        let mut told = 0;
        for quarter in 1..=quarters {
            while told < events * quarter / quarters {
                told += 1;
                house.happens("issue.closed", told).await;
            }
            let before = receiver.seen().len();
            house.pass(Duration::from_mins(15));
            receiver.saw(before + 1).await;
            // What was asked is written down before time goes on.
            eventually("nothing is on its way", async || {
                let reader = house.reader().await;
                let filter = DeliveryFilter { state: Some(DeliveryState::Delivering), ..DeliveryFilter::default() };
                house.hooks.deliveries(reader, id, filter, None).await.unwrap().is_empty()
            })
            .await;
        }
        assert_eq!(told, events);
        let before = receiver.seen().len();
        is_up.store(true, atomic::Ordering::Relaxed);
        // Within twenty minutes of its return, and none twice.
        house.pass(Duration::from_mins(15));
        eventually("nothing waits any more", async || {
            let mut left = 0;
            for state in [DeliveryState::Pending, DeliveryState::Delivering] {
                let filter = DeliveryFilter { state: Some(state), ..DeliveryFilter::default() };
                left += house.hooks.deliveries(house.reader().await, id, filter, None).await.unwrap().len();
            }
            left == 0
        })
        .await;
        let seen = receiver.seen().split_off(before);
        let ids: BTreeSet<_> = seen.iter().map(|it| it.header("webhook-id").to_owned()).collect();
        assert_eq!((seen.len(), ids.len()), (events as usize, events as usize));
        shift.stop().await;
    }
}
