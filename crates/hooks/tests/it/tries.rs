//! What answers mean, and when it is tried again.

use std::time::Duration;

use cluster::on_both;
use hooks::{DeliveryState, Settings, State, WebhookChange};

use crate::{
    house::{House, Place, Shift, at_once, eventually},
    receiver::{Receiver, Reply},
};

on_both! {
    async fn a_no_and_then_a_yes_are_two_attempts_of_one_delivery(place: Place) {
        let receiver = Receiver::answering(&[500, 200]).await;
        let house = House::at(&place, &[&receiver]).await;
        let shift = Shift::start(&house);
        let made = house.hook(&receiver.url(), "issue.*").await;
        let id = made.shown.webhook.id;
        house.happens("issue.opened", 1).await;
        let waiting = house.tried(id, 1).await;
        assert_eq!(waiting.state, DeliveryState::Pending);
        assert_eq!(waiting.reason.as_deref(), Some("http_status"));
        house.pass(Duration::from_secs(1));
        house.becomes(id, DeliveryState::Delivered).await;
        let (_, attempts) = house.delivery(id).await;
        let outcomes: Vec<_> = attempts.iter().map(|it| it.outcome.as_str()).collect();
        assert_eq!(outcomes, ["http_status", "delivered"]);

        let seen = receiver.seen();
        let [first, second] = seen.as_slice() else { panic!("{seen:?}") };
        assert_eq!(first.body, second.body);
        assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
        for name in ["webhook-timestamp", "webhook-signature", "x-motet-signature"] {
            assert_ne!(first.header(name), second.header(name), "{name}");
        }
        assert_eq!(second.signatures_of(made.secret.expose()), (1, 1));
        assert_eq!(second.header("x-motet-attempt"), "2");
        shift.stop().await;
    }
}

on_both! {
    async fn a_receiver_says_when_it_wants_to_be_asked_again(place: Place) {
        let receiver = Receiver::start(|seen, before| match before {
            _ if seen.kind() == "ping" => Reply::Status(204),
            0 => Reply::Head(503, "retry-after: 120\r\n"),
            _ => Reply::Status(204),
        })
        .await;
        let house = House::at(&place, &[&receiver]).await;
        let shift = Shift::start(&house);
        let id = house.hook(&receiver.url(), "issue.*").await.shown.webhook.id;
        house.happens("issue.opened", 1).await;
        let waiting = house.tried(id, 1).await;
        let due = waiting.due_at.unwrap();
        assert_eq!(due.since(house.clock.now()), Duration::from_mins(2));
        house.pass(Duration::from_secs(119));
        house.happens("issue.opened", 2).await;
        receiver.saw(2).await;
        assert_eq!(house.deliveries(id).await[0].attempts, 1, "it is not time yet");
        house.pass(Duration::from_secs(1));
        house.becomes(id, DeliveryState::Delivered).await;
        shift.stop().await;
    }
}

on_both! {
    async fn a_receiver_that_is_gone_gets_nothing_more_until_its_owner_says_so(place: Place) {
        let gone = Receiver::answering(&[410, 204]).await;
        let other = Receiver::kind().await;
        let house = House::at(&place, &[&gone, &other]).await;
        let id = house.hook(&gone.url(), "issue.*").await.shown.webhook.id;
        house.hook(&other.url(), "endpoint.*").await;
        for kind in ["issue.opened", "issue.edited", "issue.closed"] {
            house.happens(kind, 1).await;
        }
        let shift = Shift::start(&house);
        house.becomes(id, DeliveryState::Dead).await;
        let found = house.deliveries(id).await;
        assert!(found.iter().all(|it| it.reason.as_deref() == Some("gone")), "{found:?}");
        assert_eq!(gone.seen().len(), 1);
        let told = other.saw(1).await.remove(0).json();
        assert_eq!(told["type"], "endpoint.gone");
        assert_eq!(told["data"]["webhook"]["host"], "127.0.0.1");
        let shown = house.hooks.show(house.reader().await, id).await.unwrap();
        assert_eq!(shown.webhook.state, State::Gone);
        house.happens("issue.reopened", 1).await;
        assert_eq!(house.deliveries(id).await.len(), 3);

        let on = WebhookChange { active: Some(true), ..WebhookChange::default() };
        let shown = house.hooks.change(&house.allowed().await, id, on, |_| true).await.unwrap();
        assert_eq!(shown.webhook.state, State::Active);
        house.happens("issue.locked", 1).await;
        gone.saw(2).await;
        shift.stop().await;
    }
}

on_both! {
    async fn a_redirect_is_a_failure_and_its_target_is_not_asked(place: Place) {
        let target = Receiver::kind().await;
        let location: &'static str =
            Box::leak(format!("location: {}\r\n", target.url()).into_boxed_str());
        let receiver = Receiver::start(move |_, _| Reply::Head(302, location)).await;
        let house = House::at(&place, &[&receiver, &target]).await;
        let shift = Shift::start(&house);
        let id = house.hook(&receiver.url(), "issue.*").await.shown.webhook.id;
        house.happens("issue.opened", 1).await;
        assert_eq!(house.tried(id, 1).await.reason.as_deref(), Some("redirect"));
        assert!(target.seen().is_empty() && target.pings().is_empty());
        shift.stop().await;
    }
}

on_both! {
    async fn an_answer_that_does_not_end_is_cut_off(place: Place) {
        let receiver = Receiver::start(|seen, _| match seen.kind().as_str() {
            "ping" => Reply::Status(204),
            "issue.opened" => Reply::Dripping,
            _ => Reply::Never,
        })
        .await;
        let hasty = |settings| Settings { total: Duration::from_millis(400), ..settings };
        let house = House::with(&place, &[&receiver], hasty).await;
        let shift = Shift::start(&house);
        let id = house.hook(&receiver.url(), "issue.*").await.shown.webhook.id;
        house.happens("issue.opened", 1).await;
        house.happens("issue.closed", 2).await;
        house.tried(id, 1).await;
        let found = house.deliveries(id).await;
        assert!(found.iter().all(|it| it.reason.as_deref() == Some("timeout")), "{found:?}");
        shift.stop().await;
    }
}

on_both! {
    async fn of_a_large_answer_four_kibibytes_are_kept(place: Place) {
        let receiver = Receiver::start(|_, _| Reply::Large(200, 10 << 20)).await;
        let house = House::at(&place, &[&receiver]).await;
        let shift = Shift::start(&house);
        let id = house.hook(&receiver.url(), "issue.*").await.shown.webhook.id;
        house.happens("issue.opened", 1).await;
        house.becomes(id, DeliveryState::Delivered).await;
        let (_, attempts) = house.delivery(id).await;
        assert_eq!(attempts[0].response_body.as_deref(), Some([b'x'; 4 << 10].as_slice()));
        assert_eq!(attempts[0].response_type.as_deref(), Some("text/plain"));
        shift.stop().await;
    }
}

on_both! {
    async fn after_the_last_try_it_is_dead_and_another_subscription_is_told(place: Place) {
        let failing = Receiver::answering(&[500]).await;
        let other = Receiver::answering(&[500]).await;
        let house = House::with(&place, &[&failing, &other], at_once(3)).await;
        let id = house.hook(&failing.url(), "issue.*").await.shown.webhook.id;
        let watch = house.hook(&other.url(), "delivery.dead").await.shown.webhook.id;
        let shift = Shift::start(&house);
        house.happens("issue.opened", 1).await;
        house.becomes(id, DeliveryState::Dead).await;
        assert_eq!(failing.seen().len(), 3);
        let told = other.saw(1).await.remove(0).json();
        assert_eq!(told["type"], "delivery.dead");
        let (dead, _) = house.delivery(id).await;
        assert_eq!(told["data"]["delivery"]["id"], dead.id.to_string());
        assert_eq!(told["data"]["delivery"]["reason"], "http_status");
        // Its own death makes no event.
        eventually("the news died too", async || {
            house.states(watch).await == ["dead"]
        })
        .await;
        assert_eq!(other.seen().len(), 3);
        shift.stop().await;
    }
}

on_both! {
    async fn the_tries_fall_on_the_table(place: Place) {
        let receiver = Receiver::answering(&[500]).await;
        let house = House::at(&place, &[&receiver]).await;
        let shift = Shift::start(&house);
        let id = house.hook(&receiver.url(), "issue.*").await.shown.webhook.id;
        house.happens("issue.opened", 1).await;
        let waits = [1, 2, 4, 60, 300, 1_800, 7_200, 18_000, 36_000, 86_400].map(Duration::from_secs);
        for (made, wait) in (1..).zip(waits) {
            let waiting = house.tried(id, made).await;
            assert_eq!(receiver.seen().len(), made as usize);
            // A ping that arrives keeps the breaker closed.
            house.hooks.ping(&house.allowed().await, id).await.unwrap();
            receiver.pinged(made as usize + 1).await;
            house.at_rest(id).await;
            let due = waiting.due_at.unwrap().since(house.clock.now());
            let slack = if made < 4 { Duration::ZERO } else { wait / 10 };
            assert!(due + slack >= wait && due <= wait + slack, "{made}: {due:?}");
            house.pass(due);
        }
        house.becomes(id, DeliveryState::Dead).await;
        assert_eq!(receiver.seen().len(), 11);
        let (dead, attempts) = house.delivery(id).await;
        assert_eq!((dead.reason.as_deref(), attempts.len()), (Some("http_status"), 11));
        assert!(attempts.iter().all(|it| it.kind == "try"));
        shift.stop().await;
    }
}
