//! Ways in that take two steps end in time, on both databases (`spec/trust.md` 6). What they hold is told by the suite
//! of the binary.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use trust::{
    Actor, Allowed, Anything, Assertion, Browser, Error, ReturnTo, Returned, Trust, act,
    audit::{Chain, Filter, Noted},
};

use crate::house::House;

/// The reasons of refusals, newest first.
async fn reasons(house: &House, trust: &Trust, action: Noted) -> Vec<String> {
    trust.flush_refusals().await.unwrap();
    let filter = Filter { action: Some(action), ..Filter::default() };
    let mut tx = house.db.glance().await.unwrap();
    let rows = trust.audit(&mut tx, Chain::INSTALL, &filter, None, 9).await.unwrap();
    rows.into_iter().map(|it| it.row.reason).collect()
}

#[tokio::test]
async fn a_challenge_of_a_passkey_is_met_within_five_minutes_or_not_at_all() {
    for house in House::both().await {
        let trust = house.trust().await;
        for (wait, why) in
            [(Duration::from_mins(5), "unknown"), (Duration::from_millis(300_001), "challenge")]
        {
            let asked = trust.ask_for_sign_in().await.unwrap();
            assert_eq!(asked.expires_at, house.clock.now().plus(Duration::from_mins(5)));
            assert_eq!(URL_SAFE_NO_PAD.decode(&asked.challenge).unwrap().len(), 32);
            let said = json!({
                "type": "webauthn.get", "challenge": asked.challenge, "origin": asked.party.origin,
            });
            let assertion =
                Assertion { client_data: said.to_string().into_bytes(), ..Assertion::default() };
            house.clock.advance(wait);
            let refused = trust.sign_in_by_passkey(&assertion, &Browser::default(), None).await;
            assert!(matches!(refused, Err(Error::PasskeyFailed)));
            // In time it was taken, and nobody has the passkey; later there was none to meet.
            assert_eq!(reasons(&house, &trust, Noted::SignInFailed).await[0], why);
        }
    }
}

#[tokio::test]
async fn a_way_elsewhere_and_back_takes_ten_minutes_at_most() {
    for house in House::both().await {
        let trust = house.trust().await;
        let anybody = Allowed::<act::SessionStart, _>::ask(&Actor::anonymous(), Anything).unwrap();
        for (wait, why) in [
            (Duration::from_mins(10), "provider_refused"),
            (Duration::from_millis(600_001), "state"),
        ] {
            let left =
                trust.leave_to_sign_in(&anybody, "github", &ReturnTo::default()).await.unwrap();
            let (_, query) = left.address.split_once('?').unwrap();
            let state = query.split('&').find_map(|it| it.strip_prefix("state=")).unwrap();
            house.clock.advance(wait);
            let cookie = left.cookie.expose();
            let returned = Returned { state, has_failed: true, cookie, ..Returned::default() };
            let refused = trust.come_back("github", &returned, &Browser::default()).await;
            assert!(matches!(refused, Err(Error::ElsewhereFailed)));
            assert_eq!(reasons(&house, &trust, Noted::SignInOauthFailed).await[0], why);
        }
    }
}
