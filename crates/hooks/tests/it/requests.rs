//! What is sent: signatures, forms, authority.

use cluster::on_both;
use hooks::{Content, DeliveryState, Event, Filter, Wishes};
use serde_json::json;

use crate::{
    house::{House, Place, Shift, object},
    receiver::Receiver,
};

on_both! {
    async fn a_change_tells_once_and_one_that_is_undone_does_not(place: Place) {
        let receiver = Receiver::kind().await;
        let house = House::at(&place, &[&receiver]).await;
        let id = house.hook(&receiver.url(), "issue.*").await.shown.webhook.id;
        let mut tx = house.db.write().await.unwrap();
        house.hooks.emit(&mut tx, &house.event("issue.opened", 1)).await.unwrap();
        drop(tx);
        assert_eq!(house.deliveries(id).await.len(), 0);
        assert_eq!(house.emit(&house.event("issue.closed", 1)).await, 1);
        assert_eq!(house.emit(&house.event("comment.created", 1)).await, 0);
        let (found, _) = house.delivery(id).await;
        assert_eq!((found.kind.as_str(), found.sequence), ("issue.closed", 1));
        // What nobody asked for was counted too.
        house.happens("issue.reopened", 1).await;
        assert_eq!(house.deliveries(id).await[1].sequence, 3);
    }
}

on_both! {
    async fn a_request_is_what_the_specification_says(place: Place) {
        let receiver = Receiver::kind().await;
        let house = House::at(&place, &[&receiver]).await;
        let shift = Shift::start(&house);
        let made = house.hook(&receiver.url(), "issue.*").await;
        house.happens("issue.opened", 12).await;
        let seen = receiver.saw(1).await.remove(0);
        assert_eq!(seen.line, "POST /hook HTTP/1.1");
        for (name, value) in [
            ("content-type", "application/json"),
            ("user-agent", "Motet-Webhook/1"),
            ("accept", "*/*"),
            ("webhook-timestamp", "1795294380"),
            ("x-motet-event", "issue.opened"),
            ("x-motet-subject", "issue:12"),
            ("x-motet-sequence", "1"),
            ("x-motet-attempt", "1"),
            ("cookie", ""),
            ("authorization", ""),
            ("content-encoding", ""),
        ] {
            assert_eq!(seen.header(name), value, "{name}");
        }
        assert_eq!(seen.signatures(), (1, 1));
        assert_eq!(seen.signatures_of(made.secret.expose()), (1, 1));
        let body = seen.json();
        assert_eq!(body["data"]["issue"]["title"], "a title");
        assert_eq!(body["actor"]["handle"], "ada");
        house.becomes(made.shown.webhook.id, DeliveryState::Delivered).await;
        let (found, attempts) = house.delivery(made.shown.webhook.id).await;
        assert_eq!(seen.header("webhook-id"), found.id.to_string());
        assert_eq!(body["id"], found.event.to_string());
        assert_eq!(attempts.len(), 1);
        assert_eq!((attempts[0].kind.as_str(), attempts[0].status), ("try", Some(204)));
        shift.stop().await;
    }
}

on_both! {
    async fn a_thin_body_names_and_does_not_tell(place: Place) {
        let receiver = Receiver::kind().await;
        let house = House::at(&place, &[&receiver]).await;
        let shift = Shift::start(&house);
        let thin = |wishes| Wishes { content: Content::Thin, ..wishes };
        house.hook_with(&receiver.url(), "issue.*", thin).await;
        let data = json!({
            "issue": {"id": "1", "title": "hush", "url": "https://forge.example/i", "labels": ["hush"]},
            "thread": {"id": "2", "path": "hush.rs"},
        });
        let event = Event { data: object(&data), ..house.event("issue.opened", 1) };
        house.emit(&event).await;
        let seen = receiver.saw(1).await.remove(0);
        assert!(!String::from_utf8(seen.body.clone()).unwrap().contains("hush"));
        assert_eq!(
            seen.json()["data"],
            json!({"issue": {"id": "1", "url": "https://forge.example/i"}, "thread": {"id": "2"}})
        );
        shift.stop().await;
    }
}

on_both! {
    async fn a_long_text_is_cut(place: Place) {
        let receiver = Receiver::kind().await;
        let house = House::at(&place, &[&receiver]).await;
        let shift = Shift::start(&house);
        house.hook(&receiver.url(), "issue.*").await;
        let data = json!({"issue": {"id": "1", "body": "音".repeat(64 << 10)}});
        house.emit(&Event { data: object(&data), ..house.event("issue.opened", 1) }).await;
        let seen = receiver.saw(1).await.remove(0).json();
        let body = seen["data"]["issue"]["body"].as_str().unwrap();
        assert_eq!(body, "音".repeat((16 << 10) / 3));
        assert_eq!(seen["data"]["issue"]["body_truncated"], true);
        shift.stop().await;
    }
}

on_both! {
    async fn what_is_confidential_or_filtered_is_not_sent(place: Place) {
        let receiver = Receiver::kind().await;
        let house = House::at(&place, &[&receiver]).await;
        let plain = house.hook(&receiver.url(), "*").await.shown.webhook.id;
        let told = |wishes| Wishes { confidential: true, ..wishes };
        let trusted = house.hook_with(&receiver.url(), "*", told).await.shown.webhook.id;
        let bugs = |wishes| Wishes {
            filter: Filter { labels: vec!["bug".to_owned()], ..Filter::default() },
            ..wishes
        };
        let narrow = house.hook_with(&receiver.url(), "*", bugs).await.shown.webhook.id;
        let labels = |label: &str| Some(vec![label.to_owned()]);
        let quiet = Event { is_confidential: true, labels: labels("bug"), ..house.event("issue.opened", 1) };
        assert_eq!(house.emit(&quiet).await, 1);
        assert_eq!(house.emit(&Event { labels: labels("bug"), ..house.event("issue.opened", 2) }).await, 3);
        assert_eq!(house.emit(&Event { labels: labels("new"), ..house.event("issue.opened", 3) }).await, 2);
        assert_eq!(house.deliveries(plain).await.len(), 2);
        assert_eq!(house.deliveries(trusted).await.len(), 3);
        assert_eq!(house.deliveries(narrow).await.len(), 1);
    }
}

on_both! {
    async fn another_repository_tells_nothing_here(place: Place) {
        let receiver = Receiver::kind().await;
        let house = House::at(&place, &[&receiver]).await;
        let id = house.hook(&receiver.url(), "*").await.shown.webhook.id;
        let elsewhere = names::Id::<Event>::new(house.clock.now(), &house.random).uuid();
        for kind in hooks::EventType::all() {
            let event = Event {
                kind,
                realm: hooks::Realm::Repository(elsewhere),
                ..house.event("issue.opened", 1)
            };
            assert_eq!(house.emit(&event).await, 0, "{kind}");
        }
        assert_eq!(house.deliveries(id).await.len(), 0);
    }
}

on_both! {
    async fn whoever_may_not_read_it_any_more_is_sent_nothing(place: Place) {
        let receiver = Receiver::kind().await;
        let house = House::at(&place, &[&receiver]).await;
        let id = house.hook(&receiver.url(), "issue.*").await.shown.webhook.id;
        let shift = Shift::start(&house);
        receiver.pinged(1).await;
        house.close_gate();
        house.happens("issue.opened", 1).await;
        house.happens("issue.closed", 1).await;
        house.becomes(id, DeliveryState::Cancelled).await;
        let found = house.deliveries(id).await;
        assert!(found.iter().all(|it| it.reason.as_deref() == Some("not_permitted")));
        assert!(receiver.seen().is_empty());
        shift.stop().await;
    }
}

on_both! {
    async fn an_address_is_judged_at_each_try(place: Place) {
        let receiver = Receiver::kind().await;
        let house = House::at(&place, &[&receiver]).await;
        let id = house.hook(&receiver.url(), "issue.*").await.shown.webhook.id;
        // The operator has taken the receiver from the list.
        let strict = house.neighbour(&place, &[], |settings| settings).await;
        let shift = Shift::start(&strict);
        strict.happens("issue.opened", 1).await;
        let found = strict.tried(id, 1).await;
        assert_eq!(found.reason.as_deref(), Some("address_refused"));
        assert!(receiver.seen().is_empty() && receiver.pings().is_empty());
        shift.stop().await;
    }
}
