//! Secrets of publishers: sealed each for its own row, active at their time, and nobody's but their publisher's
//! (`spec/trust.md` 5; 16.27, 16.29).

use std::time::Duration;

use http::Request;
use keys::TokenText;
use names::Secret;
use trust::{
    Actor, Allowed, Anything, Bearers, Error, Founded, NewSecret, Publisher, Resealed, SecretKind,
    Signed, Trust, act,
};

use crate::{house::House, store};

const BEARER: SecretKind = SecretKind::SubcommandBearer;
const SIGNING: SecretKind = SecretKind::WebhookSigning;
const HOUR: Duration = Duration::from_hours(1);

/// A publisher that was just made.
async fn found(house: &House, trust: &Trust, handle: &str) -> Founded {
    let token = TokenText::generate("bootstrap", &house.random);
    assert!(trust.adopt_bootstrap(Some(token.expose())).await.unwrap());
    let line = format!("Bearer {}", token.expose());
    trust.check_bootstrap(&line).await.unwrap();
    let allowed: Allowed<act::PublisherCreate, Anything> =
        Allowed::ask(&Actor::anonymous(), Anything).unwrap();
    trust.found_publisher(&allowed, &line, handle.parse().unwrap(), None).await.unwrap()
}

/// Whoever holds the token.
async fn holder(trust: &Trust, token: &TokenText) -> Actor {
    let request =
        Request::builder().uri("/").header("authorization", format!("Bearer {}", token.expose()));
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let peer = Some("127.0.0.1".parse().unwrap());
    let signed = Signed::of(&parts, "127.0.0.1:7420", peer).unwrap();
    trust.authenticate(&signed.taking(Bearers::Publisher, false)).await.unwrap().actor
}

async fn own(trust: &Trust, actor: &Actor) -> Publisher {
    trust.publisher(actor, None).await.unwrap().unwrap()
}

/// The one bearer that is presented.
async fn bearer(house: &House, trust: &Trust, of: &Founded) -> Result<String, Error> {
    let id = of.publisher.organization.id;
    let mut tx = house.db.glance().await.unwrap();
    trust.active_bearer(&mut tx, id).await.map(|it| it.expose().clone())
}

/// What deliveries are signed with.
async fn signing(house: &House, trust: &Trust, of: &Founded) -> Result<Vec<String>, Error> {
    let id = of.publisher.organization.id;
    let mut tx = house.db.glance().await.unwrap();
    let active = trust.active_signing_secrets(&mut tx, id).await?;
    Ok(active.iter().map(|it| it.expose().clone()).collect())
}

fn brought(letter: char, activate_in: Duration) -> NewSecret {
    let value = Some(Secret::new(letter.to_string().repeat(40)));
    NewSecret { value, activate_in, overlap: Some(HOUR) }
}

#[tokio::test]
async fn one_bearer_is_presented_the_old_one_until_the_time_of_the_new_one() {
    for house in House::both().await {
        let trust = house.trust().await;
        let acme = found(&house, &trust, "acme").await;
        let actor = holder(&trust, &acme.admin.text).await;
        let rotate = async |new: NewSecret| {
            let allowed: Allowed<act::SecretRotate, Publisher> =
                Allowed::ask(&actor, own(&trust, &actor).await).unwrap();
            trust.rotate_secret(&allowed, BEARER, new).await.unwrap().secret.id
        };
        let first = acme.subcommand_bearer.value.as_ref().unwrap().expose().clone();
        assert_eq!(bearer(&house, &trust, &acme).await.unwrap(), first);
        rotate(brought('a', HOUR)).await;
        assert_eq!(bearer(&house, &trust, &acme).await.unwrap(), first);
        house.clock.advance(HOUR);
        assert_eq!(bearer(&house, &trust, &acme).await.unwrap(), "a".repeat(40));
        // Rotated twice while the second waits: the oldest ends at once, so what was active goes with it.
        let second = rotate(brought('b', HOUR)).await;
        assert_eq!(bearer(&house, &trust, &acme).await.unwrap(), "a".repeat(40));
        house.clock.advance(HOUR);
        let revoke: Allowed<act::SecretRevoke, Publisher> =
            Allowed::ask(&actor, own(&trust, &actor).await).unwrap();
        let wrong = trust.revoke_secret(&revoke, SIGNING, second).await;
        assert!(matches!(wrong, Err(Error::NoSuchThing)), "{wrong:?}");
        trust.revoke_secret(&revoke, BEARER, second).await.unwrap();
        // The old one is still within its overlap.
        assert_eq!(bearer(&house, &trust, &acme).await.unwrap(), "a".repeat(40));
        house.clock.advance(HOUR);
        let none = bearer(&house, &trust, &acme).await;
        assert!(matches!(none, Err(Error::NoActiveSecret)), "{none:?}");
    }
}

#[tokio::test]
async fn without_a_secret_of_its_own_a_publisher_has_none() {
    for house in House::both().await {
        let trust = house.trust().await;
        let (acme, other) =
            (found(&house, &trust, "acme").await, found(&house, &trust, "other").await);
        let actor = holder(&trust, &acme.admin.text).await;
        let revoke: Allowed<act::SecretRevoke, Publisher> =
            Allowed::ask(&actor, own(&trust, &actor).await).unwrap();
        let foreign = trust.revoke_secret(&revoke, BEARER, other.subcommand_bearer.secret.id).await;
        assert!(matches!(foreign, Err(Error::NoSuchThing)), "{foreign:?}");
        trust.revoke_secret(&revoke, BEARER, acme.subcommand_bearer.secret.id).await.unwrap();
        trust.revoke_secret(&revoke, SIGNING, acme.webhook_signing.secret.id).await.unwrap();
        let none = bearer(&house, &trust, &acme).await;
        assert!(matches!(none, Err(Error::NoActiveSecret)), "{none:?}");
        let none = signing(&house, &trust, &acme).await;
        assert!(matches!(none, Err(Error::NoActiveSecret)), "{none:?}");
        bearer(&house, &trust, &other).await.unwrap();
        assert_eq!(signing(&house, &trust, &other).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn in_an_overlap_deliveries_carry_a_signature_of_each() {
    for house in House::both().await {
        let trust = house.trust().await;
        let acme = found(&house, &trust, "acme").await;
        let actor = holder(&trust, &acme.admin.text).await;
        let first = acme.webhook_signing.value.as_ref().unwrap().expose().clone();
        let allowed: Allowed<act::SecretRotate, Publisher> =
            Allowed::ask(&actor, own(&trust, &actor).await).unwrap();
        let new = NewSecret { overlap: Some(HOUR), ..NewSecret::default() };
        let made = trust.rotate_secret(&allowed, SIGNING, new).await.unwrap();
        let second = made.value.unwrap().expose().clone();
        assert_eq!(signing(&house, &trust, &acme).await.unwrap(), [second.clone(), first]);
        house.clock.advance(HOUR);
        assert_eq!(signing(&house, &trust, &acme).await.unwrap(), [second]);
    }
}

#[tokio::test]
async fn a_sealed_value_that_is_copied_to_another_row_does_not_open() {
    for house in House::both().await {
        let trust = house.trust().await;
        let (acme, other) =
            (found(&house, &trust, "acme").await, found(&house, &trust, "other").await);
        let row = |of: &Founded| of.subcommand_bearer.secret.id.uuid();
        let mut tx = house.db.write().await.unwrap();
        assert_eq!(store::copy_secret(&mut tx, row(&acme), row(&other)).await.unwrap(), 1);
        tx.commit().await.unwrap();
        let opened = bearer(&house, &trust, &acme).await;
        assert!(matches!(opened, Err(Error::Db(_))), "{opened:?}");
        bearer(&house, &trust, &other).await.unwrap();
    }
}

#[tokio::test]
async fn a_bootstrap_token_ends_after_a_day_and_the_install_takes_thirty_an_hour() {
    for house in House::both().await {
        let trust = house.trust().await;
        let operator = keys::PrivateKey::generate(&house.random);
        trust.ensure_operator(*operator.public()).await.unwrap();
        let text = TokenText::generate("bootstrap", &house.random);
        let none = trust.check_bootstrap(&format!("Bearer {}", text.expose())).await;
        assert!(matches!(none, Err(Error::NoSuchThing)), "{none:?}");
        assert!(trust.adopt_bootstrap(Some(text.expose())).await.unwrap());
        for _ in 0..30 {
            let wrong = trust.check_bootstrap("Bearer mt_bootstrap_x").await;
            assert!(matches!(wrong, Err(Error::Unauthenticated)), "{wrong:?}");
        }
        let full = trust.check_bootstrap(&format!("Bearer {}", text.expose())).await;
        assert!(matches!(full, Err(Error::RateLimited(_))), "{full:?}");
        house.clock.advance(HOUR);
        trust.check_bootstrap(&format!("Bearer {}", text.expose())).await.unwrap();
        // What the file no longer says is worth nothing.
        assert!(trust.adopt_bootstrap(None).await.unwrap());
        let none = trust.check_bootstrap(&format!("Bearer {}", text.expose())).await;
        assert!(matches!(none, Err(Error::NoSuchThing)), "{none:?}");
        for bad in ["", "x", "mt_admin_x"] {
            assert!(!trust.adopt_bootstrap(Some(bad)).await.unwrap(), "{bad}");
        }
    }
}

#[tokio::test]
async fn secrets_and_keys_open_under_another_install_key_and_no_more_under_the_one_before() {
    for house in House::both().await {
        let trust = house.trust().await;
        let acme = found(&house, &trust, "acme").await;
        let before = (
            bearer(&house, &trust, &acme).await.unwrap(),
            signing(&house, &trust, &acme).await.unwrap(),
        );
        let new = keys::InstallKey::generate(&house.random);
        let with = (&house.clock, &house.random);
        let stranger = keys::InstallKey::generate(&house.random);
        let outcome =
            trust::reseal(&house.db, with, (&stranger, &new), async |_, _| Ok(0)).await.unwrap();
        assert_eq!(outcome, Resealed::WrongKey);
        let outcome = trust::reseal(&house.db, with, (&house.install, &new), async |_, _| Ok(0))
            .await
            .unwrap();
        assert!(matches!(outcome, Resealed::Done(count) if count >= 2), "{outcome:?}");
        let outcome = trust::reseal(&house.db, with, (&house.install, &new), async |_, _| Ok(0))
            .await
            .unwrap();
        assert_eq!(outcome, Resealed::Already);

        assert!(bearer(&house, &trust, &acme).await.is_err(), "the old key opens nothing any more");
        let next = house.locked().await;
        assert!(!next.check_install_key(&house.install).await.unwrap());
        assert!(next.check_install_key(&new).await.unwrap());
        let after = (
            bearer(&house, &next, &acme).await.unwrap(),
            signing(&house, &next, &acme).await.unwrap(),
        );
        assert_eq!(after, before);
    }
}
