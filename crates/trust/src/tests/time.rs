//! What ends by itself: addresses that sign in, tokens, sessions, the look through the glass, the key that signs sessions (`spec/trust.md` 16, points 24,
//! 31, 33 and 48).

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Request;
use keys::{InstallKey, Nonce, PrivateKey, SessionClaims};
use tokio::time::timeout;

use super::{HOST, House};
use crate::{
    Actor, Allowed, Anything, Bearers, Browser, Error, Granted, Level, Minted, NewToken,
    Registration, ResourceRow, Scope, Signed, TokenKind, Visibility, act,
    audit::{Chain, Filter, Noted},
    authority::{Plane, Reach},
    signing_keys::{Purpose, Status},
    store::ResourceState,
};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// An install with somebody who has a browser signed in.
async fn signed_in() -> (House, PrivateKey, String) {
    let house = House::new(Registration::Open).await;
    assert!(house.trust.check_install_key(&InstallKey::generate(&house.random)).await.unwrap());
    let key = house.key();
    house.register(&Actor::anonymous(), "anna", &key).await.unwrap();
    let cookie = sign_in(&house, &key).await;
    (house, key, cookie)
}

async fn by_key(house: &House, key: &PrivateKey) -> Actor {
    house.signed(&house.trust, key, "POST", &Nonce::generate(&house.random)).await.unwrap()
}

async fn sign_in(house: &House, key: &PrivateKey) -> String {
    let actor = by_key(house, key).await;
    let allowed = Allowed::<act::SessionOpen, _>::ask(&actor, Anything).unwrap();
    let once = house.trust.web_login(&allowed).await.unwrap();
    let opened = house.trust.start_session(once.code.expose(), &Browser::default()).await.unwrap();
    format!("__Host-motet={}", opened.token.expose())
}

/// Whoever brings the cookie.
async fn by_cookie(house: &House, cookie: &str) -> Result<Actor, Error> {
    let request = Request::builder().uri("/").header("cookie", cookie).body(()).unwrap();
    let (parts, ()) = request.into_parts();
    let signed = Signed::of(&parts, HOST, None).unwrap().taking(Bearers::Api, true);
    Ok(house.trust.authenticate(&signed).await?.actor)
}

/// Uses the session, and waits until that was noted: nothing else waits for it.
async fn use_it(house: &House, cookie: &str) {
    let actor = by_cookie(house, cookie).await.unwrap();
    let noted = async {
        loop {
            let allowed = Allowed::<act::SessionRead, _>::ask(&actor, Anything).unwrap();
            let found = house.trust.sessions(&allowed).await.unwrap();
            if found.iter().any(|it| it.last_seen_at == house.clock.now()) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    assert!(timeout(MINUTE, noted).await.is_ok(), "the use of the session was never noted");
}

#[tokio::test]
async fn an_unused_session_ends_after_twelve_hours() {
    let (house, _, cookie) = signed_in().await;
    house.clock.advance(11 * HOUR + 59 * MINUTE);
    // Looking at it is using it.
    use_it(&house, &cookie).await;
    house.clock.advance(11 * HOUR + 59 * MINUTE);
    use_it(&house, &cookie).await;
    house.clock.advance(12 * HOUR);
    assert!(matches!(by_cookie(&house, &cookie).await, Err(Error::SessionEnded)));
}

#[tokio::test]
async fn a_session_in_use_ends_after_seven_days() {
    let (house, _, cookie) = signed_in().await;
    for _ in 0..7 * 24 / 6 - 1 {
        house.clock.advance(6 * HOUR);
        use_it(&house, &cookie).await;
    }
    house.clock.advance(5 * HOUR + Duration::from_secs(3_599));
    assert!(by_cookie(&house, &cookie).await.is_ok());
    house.clock.advance(Duration::from_secs(1));
    assert!(matches!(by_cookie(&house, &cookie).await, Err(Error::SessionEnded)));
}

#[tokio::test]
async fn a_session_is_fresh_for_ten_minutes() {
    let (house, _, cookie) = signed_in().await;
    for (wait, is_fresh) in
        [(Duration::ZERO, true), (10 * MINUTE, true), (Duration::from_secs(1), false)]
    {
        house.clock.advance(wait);
        let actor = by_cookie(&house, &cookie).await.unwrap();
        assert_eq!(actor.session().unwrap().is_fresh, is_fresh, "{wait:?}");
    }
}

#[tokio::test]
async fn the_look_through_the_glass_ends_after_an_hour() {
    let (house, _, _) = signed_in().await;
    let (operator, admin) = (house.key(), house.key());
    house.trust.ensure_operator(*operator.public()).await.unwrap();
    let owner = house.register(&Actor::anonymous(), "owner", &house.key()).await.unwrap().principal;
    let bert = house.register(&Actor::anonymous(), "bert", &admin).await.unwrap().principal;
    let office = by_key(&house, &operator).await;
    let office = Allowed::<act::InstallAdminChange, _>::ask(&office, Anything).unwrap();
    house.trust.set_install_admin(&office, &bert.handle, true).await.unwrap();

    let id = names::Id::<()>::new(house.clock.now(), &house.random).uuid();
    let (visibility, state) = (Visibility::Private, ResourceState::Live);
    let row = ResourceRow { id, owner: owner.id, visibility, state, granted: Granted::NONE };
    let mut tx = house.db.write().await.unwrap();
    house.trust.add_resource(&mut tx, &row).await.unwrap();
    tx.commit().await.unwrap();

    let looks = async || {
        let actor = by_key(&house, &admin).await;
        let mut tx = house.db.read().await.unwrap();
        house.trust.through_glass(&mut tx, &actor, Some(&row)).await.unwrap()
    };
    assert_eq!(looks().await, None);
    let actor = by_key(&house, &admin).await;
    let allowed = Allowed::<act::BreakglassOpen, _>::ask(&actor, Anything).unwrap();
    let mut tx = house.trust.begin(&actor).await.unwrap();
    let glass = house.trust.open_glass(&mut tx, &allowed, &row, "asked by its owner").await;
    let glass = glass.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(glass.ends_at, house.clock.now().plus(HOUR));
    house.clock.advance(Duration::from_millis(3_599_999));
    assert_eq!(looks().await, Some(Level::Read));
    // The end is the clock's, not that of the job which writes it down.
    house.clock.advance(Duration::from_millis(1));
    assert_eq!(looks().await, None);

    let mut tx = house.db.write().await.unwrap();
    for _ in 0..2 {
        house.trust.close_glass(&mut tx, glass.id, &row).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut tx = house.db.glance().await.unwrap();
    for action in [Noted::BreakglassOpened, Noted::BreakglassClosed] {
        let filter = Filter { action: Some(action), ..Filter::default() };
        let rows = house.trust.audit(&mut tx, Chain::INSTALL, &filter, None, 9).await.unwrap();
        assert_eq!(rows.len(), 1, "{action:?}");
    }
}

#[tokio::test]
async fn another_key_signs_sessions_and_what_the_old_one_signed_is_good_for_seven_days() {
    let (house, anna, old_cookie) = signed_in().await;
    let keys = async || {
        let mut tx = house.db.glance().await.unwrap();
        let keys = house.trust.signing_keys().unwrap();
        let found = keys.list(&mut tx, Purpose::Session).await.unwrap();
        found.into_iter().map(|it| it.status).collect::<Vec<_>>()
    };
    house.clock.advance(89 * DAY + 23 * HOUR + 59 * MINUTE);
    assert_eq!(house.trust.rotate_due_session_key().await.unwrap(), None);
    assert!(matches!(by_cookie(&house, &old_cookie).await, Err(Error::SessionEnded)));
    let cookie = sign_in(&house, &anna).await;
    house.clock.advance(MINUTE);
    let rotated = house.trust.rotate_due_session_key().await.unwrap().unwrap();
    assert_eq!(rotated.old_until.unwrap(), house.clock.now().plus(7 * DAY));
    assert_eq!(house.trust.rotate_due_session_key().await.unwrap(), None, "once");
    assert_eq!(keys().await, [Status::Retiring, Status::Active]);
    assert!(by_cookie(&house, &cookie).await.is_ok(), "whoever is signed in stays so");
    assert!(by_cookie(&house, &sign_in(&house, &anna).await).await.is_ok());
    house.clock.advance(7 * DAY);
    house.trust.rotate_due_session_key().await.unwrap();
    assert_eq!(keys().await, [Status::Retired, Status::Active]);
}

#[tokio::test]
async fn an_address_signs_in_for_a_minute() {
    let (house, key, _) = signed_in().await;
    for (wait, works) in [(59_999, true), (60_001, false), (61_000, false)] {
        let actor = by_key(&house, &key).await;
        let allowed = Allowed::<act::SessionOpen, _>::ask(&actor, Anything).unwrap();
        let once = house.trust.web_login(&allowed).await.unwrap();
        house.clock.advance(Duration::from_millis(wait));
        let opened = house.trust.start_session(once.code.expose(), &Browser::default()).await;
        assert_eq!(opened.is_ok(), works, "{wait}");
        let again = house.trust.start_session(once.code.expose(), &Browser::default()).await;
        assert!(matches!(again, Err(Error::LoginEnded)), "{wait}");
    }
}

#[tokio::test]
async fn a_token_that_was_rotated_ends_when_its_overlap_does() {
    let (house, key, _) = signed_in().await;
    let allowed = async || {
        let actor = by_key(&house, &key).await;
        let account = house.trust.account(&actor, &"anna".parse().unwrap()).await.unwrap();
        Allowed::<act::TokenMint, _>::ask(&actor, account.unwrap()).unwrap()
    };
    let planes = [(Plane::Hub, Reach::Read)].into();
    let new = NewToken {
        kind: TokenKind::Personal,
        label: String::new(),
        scope: Scope { planes, ..Scope::default() },
        life: None,
    };
    let old = house.trust.mint(&allowed().await, new).await.unwrap();
    let overlap = Some(MINUTE);
    let next = house.trust.rotate(&allowed().await, old.token.id, overlap).await.unwrap();
    let works = async |minted: &Minted| {
        let bearer = format!("Bearer {}", minted.text.expose());
        let request = Request::builder().uri("/").header("authorization", bearer).body(()).unwrap();
        let (parts, ()) = request.into_parts();
        let here = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let signed = Signed::of(&parts, HOST, here).unwrap().taking(Bearers::Api, false);
        house.trust.authenticate(&signed).await.is_ok()
    };
    house.clock.advance(Duration::from_millis(59_999));
    assert!(works(&old).await && works(&next).await);
    house.clock.advance(Duration::from_millis(1));
    assert!(!works(&old).await && works(&next).await, "on time, and not a moment later");
    house.clock.advance(90 * DAY);
    assert!(!works(&next).await, "nobody said how long, so it was ninety days");
}

/// A token with the right signature is believed for what it says alone, and of that nothing may be otherwise.
#[tokio::test]
async fn a_session_token_that_says_something_else_is_none() {
    let (house, _, cookie) = signed_in().await;
    let token = cookie.split_once('=').unwrap().1;
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: SessionClaims = serde_json::from_slice(&claims).unwrap();
    let mut tx = house.db.write().await.unwrap();
    let keys = house.trust.signing_keys().unwrap();
    let session = keys.active(&mut tx, Purpose::Session).await.unwrap();
    let audit = keys.active(&mut tx, Purpose::Audit).await.unwrap();
    tx.commit().await.unwrap();
    let believed = async |claims: &SessionClaims, kid: &str| {
        let token = claims.to_token(kid, |bytes| session.sign(bytes));
        by_cookie(&house, &format!("__Host-motet={token}")).await.is_ok()
    };
    assert!(believed(&claims, session.kid()).await);
    assert!(!believed(&claims, "unknown").await);
    // Of another purpose, though it is a key of the install.
    assert!(!believed(&claims, audit.kid()).await);
    let by_audit = claims.to_token(audit.kid(), |bytes| audit.sign(bytes));
    assert!(by_cookie(&house, &format!("__Host-motet={by_audit}")).await.is_err());
    let now = house.clock.now().seconds();
    let other = || claims.clone();
    for (what, claims, is_believed) in [
        ("iss", SessionClaims { iss: "https://evil.example".into(), ..other() }, false),
        ("aud", SessionClaims { aud: "motet".into(), ..other() }, false),
        ("sub", SessionClaims { sub: claims.jti.clone(), ..other() }, false),
        ("jti", SessionClaims { jti: claims.sub.clone(), ..other() }, false),
        ("jti", SessionClaims { jti: "one".into(), ..other() }, false),
        ("iat", SessionClaims { iat: now + 30, ..other() }, true),
        ("iat", SessionClaims { iat: now + 31, ..other() }, false),
        ("exp", SessionClaims { exp: now + 1, ..other() }, true),
        ("exp", SessionClaims { exp: now, ..other() }, false),
    ] {
        assert_eq!(believed(&claims, session.kid()).await, is_believed, "{what}: {claims:?}");
    }
}
