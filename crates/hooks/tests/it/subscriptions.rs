//! Made, changed, deleted; limits, addresses, secrets.

use std::time::Duration;

use cluster::on_both;
use hooks::{Content, DeliveryState, Error, Patterns, SigningSecret, State, WebhookChange, Wishes};
use trust::act::{WebhookRead, WebhookRedeliver, WebhookWrite};

use crate::{
    house::{House, Place, Shift, eventually},
    receiver::Receiver,
};

/// A secret that a test knows: vector A of the specification.
const KNOWN: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn everything(url: &str) -> Wishes {
    Wishes::new(url, Patterns::parse(["*"]).unwrap())
}

on_both! {
    async fn a_subscription_is_made_shown_and_sent_a_ping(place: Place) {
        let receiver = Receiver::kind().await;
        let house = House::at(&place, &[&receiver]).await;
        let shift = Shift::start(&house);
        let made = house.hook(&receiver.url(), "issue.* push").await;
        receiver.pinged(1).await;
        let ping = receiver.pings().remove(0).json();
        assert_eq!(ping["data"]["hello"], "motet");
        assert_eq!(ping["data"]["webhook"]["id"], made.shown.webhook.id.to_string());
        assert_eq!(ping["subject"], format!("webhook:{}", made.shown.webhook.id));

        let listed = house.hooks.list(&house.allowed::<WebhookRead>().await).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].webhook, made.shown.webhook);
        assert_eq!(listed[0].secrets.len(), 1);
        assert!(made.secret.expose().ends_with(&listed[0].secrets[0].last4));

        // Somebody asks for another one.
        let id = made.shown.webhook.id;
        let asked = house.hooks.ping(&house.allowed::<WebhookRedeliver>().await, id).await.unwrap();
        receiver.pinged(2).await;
        let again = receiver.pings().remove(1);
        assert_eq!(again.header("webhook-id"), asked.id.to_string());
        assert_eq!(again.json()["sequence"], 2);
        shift.stop().await;
    }
}

on_both! {
    async fn what_cannot_be_is_refused(place: Place) {
        let receiver = Receiver::kind().await;
        let house = House::at(&place, &[&receiver]).await;
        for url in [
            "http://example.com/",
            "https://a:b@hooks.example/",
            "https://hooks.example:22/",
            "https://localhost/",
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://[::ffff:127.0.0.1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://169.254.169.254/",
            "https://forge.example/",
        ] {
            let made = house.hooks.create(&house.allowed().await, everything(url), None).await;
            assert!(matches!(made.err(), Some(Error::UrlRefused(_))), "{url}");
        }
        for wishes in [
            Wishes { max_in_flight: 0, ..everything(&receiver.url()) },
            Wishes { max_in_flight: 33, ..everything(&receiver.url()) },
            Wishes { description: "a".repeat(201), ..everything(&receiver.url()) },
            Wishes { description: "a\nb".to_owned(), ..everything(&receiver.url()) },
        ] {
            let made = house.hooks.create(&house.allowed().await, wishes, None).await;
            assert!(matches!(made.err(), Some(Error::Invalid { .. })));
        }
        assert_eq!(house.hooks.list(&house.allowed().await).await.unwrap().len(), 0);
    }
}

on_both! {
    async fn a_repository_has_at_most_twenty(place: Place) {
        let receiver = Receiver::kind().await;
        let house = House::at(&place, &[&receiver]).await;
        for _ in 0..20 {
            house.hook(&receiver.url(), "push").await;
        }
        let allowed = house.allowed::<WebhookWrite>().await;
        let more = house.hooks.create(&allowed, everything(&receiver.url()), None).await;
        assert!(matches!(more.err(), Some(Error::TooMany(20))));
        let listed = house.hooks.list(&house.allowed().await).await.unwrap();
        let id = listed[0].webhook.id;
        house.hooks.delete(&house.allowed().await, id).await.unwrap();
        house.hook(&receiver.url(), "push").await;
    }
}

on_both! {
    async fn a_change_names_what_was_seen(place: Place) {
        let receiver = Receiver::kind().await;
        let house = House::at(&place, &[&receiver]).await;
        let id = house.hook(&receiver.url(), "push").await.shown.webhook.id;
        let change = WebhookChange {
            content: Some(Content::Thin),
            description: Some("for the wall".to_owned()),
            ..WebhookChange::default()
        };
        let changed = house.hooks.change(&house.allowed().await, id, change.clone(), |it| it.webhook.version == 1).await.unwrap();
        assert_eq!(changed.webhook.version, 2);
        assert_eq!(changed.webhook.wishes.content, Content::Thin);
        assert_eq!(changed.webhook.wishes.events.words(), ["push"]);
        let stale = house.hooks.change(&house.allowed().await, id, change, |it| it.webhook.version == 1).await;
        assert!(matches!(stale, Err(Error::Stale)));

        let off = WebhookChange { active: Some(false), ..WebhookChange::default() };
        let paused = house.hooks.change(&house.allowed().await, id, off, |_| true).await.unwrap();
        assert_eq!(paused.webhook.state, State::Paused);
        house.happens("issue.opened", 1).await;
        assert_eq!(house.deliveries(id).await.len(), 0, "a paused one is told nothing");
    }
}

on_both! {
    async fn what_was_deleted_sends_nothing_more(place: Place) {
        let receiver = Receiver::kind().await;
        let house = House::at(&place, &[&receiver]).await;
        let id = house.hook(&receiver.url(), "issue.*").await.shown.webhook.id;
        house.happens("issue.opened", 1).await;
        house.hooks.delete(&house.allowed().await, id).await.unwrap();
        house.happens("issue.closed", 1).await;
        assert!(matches!(
            house.hooks.show(&house.allowed().await, id).await,
            Err(Error::NotFound)
        ));
        let shift = Shift::start(&house);
        let other = house.hook(&receiver.url(), "push").await;
        receiver.pinged(1).await;
        let ping = receiver.pings().remove(0).json();
        assert_eq!(ping["data"]["webhook"]["id"], other.shown.webhook.id.to_string());
        assert!(receiver.seen().is_empty());
        shift.stop().await;
    }
}

on_both! {
    async fn secrets_overlap_and_one_is_always_left(place: Place) {
        let receiver = Receiver::kind().await;
        let house = House::at(&place, &[&receiver]).await;
        let shift = Shift::start(&house);
        let made = house.hook(&receiver.url(), "issue.*").await;
        let (id, old) = (made.shown.webhook.id, made.shown.secrets[0].clone());
        let brought = SigningSecret::parse(KNOWN.to_owned()).ok();
        let overlap = Some(Duration::from_hours(1));
        let (shown, _) = house
            .hooks
            .add_secret(&house.allowed().await, id, overlap, brought)
            .await
            .unwrap();
        let ends: Vec<_> = shown.secrets.iter().map(|it| it.expires_at.is_some()).collect();
        assert_eq!(ends, [false, true], "the newest comes first");
        let third = house.hooks.add_secret(&house.allowed().await, id, overlap, None).await;
        assert!(matches!(third.err(), Some(Error::TooManySecrets)));

        house.happens("issue.opened", 1).await;
        let both = receiver.saw(1).await.remove(0);
        assert_eq!(both.signatures(), (2, 2));
        assert_eq!(both.signatures_of(KNOWN), (1, 1));
        assert_eq!(both.signatures_of(made.secret.expose()), (1, 1));
        let webhook = both.header("webhook-signature");
        assert!(webhook.starts_with(&newest(&both)), "the newest signs first");

        house.pass(Duration::from_hours(1));
        house.happens("issue.closed", 1).await;
        let one = receiver.saw(2).await.remove(1);
        assert_eq!((one.signatures(), one.signatures_of(KNOWN)), ((1, 1), (1, 1)));

        let left = shown.secrets[0].id;
        let gone = house.hooks.remove_secret(&house.allowed().await, id, old.id).await;
        assert!(matches!(gone, Err(Error::NotFound)), "it has ended");
        let last = house.hooks.remove_secret(&house.allowed().await, id, left).await;
        assert!(matches!(last, Err(Error::LastSecret)));
        shift.stop().await;
    }
}

/// The signature that vector A's secret gives, as the header shows it.
fn newest(seen: &crate::receiver::Seen) -> String {
    let secret = SigningSecret::parse(KNOWN.to_owned()).ok().unwrap();
    let at = seen.header("webhook-timestamp").parse().unwrap();
    hooks::Signatures::of(&[secret], seen.header("webhook-id"), at, &seen.body).webhook
}

on_both! {
    async fn where_the_newest_secret_goes_the_older_has_no_end_any_more(place: Place) {
        let receiver = Receiver::kind().await;
        let house = House::at(&place, &[&receiver]).await;
        let id = house.hook(&receiver.url(), "issue.*").await.shown.webhook.id;
        let (shown, _) =
            house.hooks.add_secret(&house.allowed().await, id, None, None).await.unwrap();
        let newest = shown.secrets[0].id;
        house.hooks.remove_secret(&house.allowed().await, id, newest).await.unwrap();
        let shown = house.hooks.show(&house.allowed().await, id).await.unwrap();
        assert_eq!(shown.secrets.len(), 1);
        assert_eq!(shown.secrets[0].expires_at, None);
        let long = Some(Duration::from_hours(7 * 24 + 1));
        let refused = house.hooks.add_secret(&house.allowed().await, id, long, None).await;
        assert!(matches!(refused.err(), Some(Error::Invalid { .. })));
    }
}

on_both! {
    async fn secrets_go_under_another_install_key(place: Place) {
        let receiver = Receiver::kind().await;
        let mut house = House::at(&place, &[&receiver]).await;
        let made = house.hook(&receiver.url(), "issue.*").await;
        let new = keys::InstallKey::generate(&house.random);
        let with = (&house.clock, &house.random);
        trust::reseal(&house.db, with, (&house.install, &new), hooks::reseal).await.unwrap();
        house.install = new;
        let next = house.neighbour(&place, &[&receiver], |settings| settings).await;
        let shift = Shift::start(&next);
        next.happens("issue.opened", 1).await;
        let seen = receiver.saw(1).await.remove(0);
        assert_eq!(seen.signatures_of(made.secret.expose()), (1, 1));
        next.becomes(made.shown.webhook.id, DeliveryState::Delivered).await;
        eventually("it has ended", async || {
            next.states(made.shown.webhook.id).await == ["delivered"]
        })
        .await;
        shift.stop().await;
    }
}
