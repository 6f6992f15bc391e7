//! The plane against a real database, with a clock that the test holds.

mod time;

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use db::Db;
use http::Request;
use keys::{CanonicalRequest, Nonce, PrivateKey, sign_request};
use names::{Clock, Random, UnixMillis};
use tempfile::TempDir;

use crate::{
    Action, Actor, Allowed, Anything, Error, Granted, Hosts, Need, NewKey, OperatorState, Refusal,
    Registered, Registration, ResourceRow, Settings, Signed, Trust, Visibility, act,
    authority::{self, Facts},
    store::ResourceState,
};

pub(crate) const HOST: &str = "forge.example";

pub(crate) struct House {
    _dir: TempDir,
    pub(crate) db: Db,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) trust: Trust,
}

impl House {
    pub(crate) async fn new(registration: Registration) -> Self {
        let dir = TempDir::new().unwrap();
        let db = Db::sqlite(&dir.path().join("motet.db")).await.unwrap();
        let clock = Clock::stopped_at(UnixMillis(1_795_294_380_000));
        let random = Random::seeded(1);
        let hosts = Hosts::new([HOST.to_owned()]);
        let settings = Settings { registration, hosts, ..Settings::at(&format!("https://{HOST}")) };
        let trust = Trust::open(db.clone(), clock.clone(), random.clone(), settings).await.unwrap();
        Self { _dir: dir, db, clock, random, trust }
    }

    pub(crate) async fn reopened(&self) -> Trust {
        let settings = self.trust.settings().clone();
        Trust::open(self.db.clone(), self.clock.clone(), self.random.clone(), settings)
            .await
            .unwrap()
    }

    pub(crate) async fn register(
        &self,
        actor: &Actor,
        handle: &str,
        key: &PrivateKey,
    ) -> Result<Registered, Error> {
        let line = key.public().to_openssh();
        let challenge = self.trust.challenge(HOST, handle.parse().unwrap(), &line).await?;
        let signature = key.sign(challenge.message.as_bytes()).to_string();
        self.trust.verify(actor, challenge.id, &signature, NewKey::default()).await
    }

    pub(crate) fn key(&self) -> PrivateKey {
        PrivateKey::generate(&self.random)
    }

    pub(crate) async fn signed(
        &self,
        trust: &Trust,
        key: &PrivateKey,
        method: &str,
        nonce: &Nonce,
    ) -> Result<Actor, Error> {
        self.signed_at(trust, key, method, nonce, self.clock.now().seconds()).await
    }

    async fn signed_at(
        &self,
        trust: &Trust,
        key: &PrivateKey,
        method: &str,
        nonce: &Nonce,
        ts: i64,
    ) -> Result<Actor, Error> {
        let from = (Some(IpAddr::V4(Ipv4Addr::LOCALHOST)), None);
        self.signed_from(trust, key, method, nonce, ts, from).await
    }

    /// Signed at `ts` and sent from a peer, with a further header.
    async fn signed_from(
        &self,
        trust: &Trust,
        key: &PrivateKey,
        method: &str,
        nonce: &Nonce,
        ts: i64,
        (peer, header): (Option<IpAddr>, Option<(&str, &str)>),
    ) -> Result<Actor, Error> {
        let body_sha256 = names::ObjectId::EMPTY;
        let canonical = CanonicalRequest {
            method,
            authority: HOST,
            target: "/a/b?c=d",
            ts,
            nonce,
            content_type: "",
            body_sha256: body_sha256.as_bytes(),
        };
        let credentials = sign_request(key, &canonical).to_header();
        let mut request =
            Request::builder().method(method).uri("/a/b?c=d").header("authorization", credentials);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let signed = Signed::of(&parts, HOST, peer).unwrap();
        Ok(trust.authenticate(&signed).await?.actor)
    }
}

#[tokio::test]
async fn a_key_registers_once_and_then_signs() {
    let house = House::new(Registration::Open).await;
    let key = house.key();
    let made = house.register(&Actor::anonymous(), "Kestrel", &key).await.unwrap();
    assert_eq!(made.principal.handle.as_str(), "kestrel");
    let actor =
        house.signed(&house.trust, &key, "GET", &Nonce::generate(&house.random)).await.unwrap();
    assert_eq!(actor.principal(), Some(&made.principal));

    let again = house.register(&Actor::anonymous(), "other", &key).await;
    assert!(matches!(again, Err(Error::KeyTaken)), "{again:?}");
    let stranger =
        house.signed(&house.trust, &house.key(), "GET", &Nonce::generate(&house.random)).await;
    assert!(matches!(stranger, Err(Error::Unauthenticated)));
}

#[tokio::test]
async fn a_handle_takes_another_key_only_from_its_owner() {
    let house = House::new(Registration::Open).await;
    let (key, second) = (house.key(), house.key());
    house.register(&Actor::anonymous(), "kestrel", &key).await.unwrap();
    let thief = house.register(&Actor::anonymous(), "kestrel", &second).await;
    assert!(matches!(thief, Err(Error::HandleTaken)), "{thief:?}");

    let owner =
        house.signed(&house.trust, &key, "POST", &Nonce::generate(&house.random)).await.unwrap();
    let added = house.register(&owner, "kestrel", &second).await.unwrap();
    let mut tx = house.db.glance().await.unwrap();
    assert_eq!(house.trust.keys(&mut tx, added.principal.id).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_challenge_is_used_up_by_the_first_attempt() {
    let house = House::new(Registration::Open).await;
    let key = house.key();
    let challenge = house
        .trust
        .challenge(HOST, "kestrel".parse().unwrap(), &key.public().to_openssh())
        .await
        .unwrap();
    let right = key.sign(challenge.message.as_bytes()).to_string();
    let wrong = key.sign(b"something else").to_string();
    for signature in [&wrong, &right] {
        let outcome = house
            .trust
            .verify(&Actor::anonymous(), challenge.id, signature, NewKey::default())
            .await;
        assert!(matches!(outcome, Err(Error::ChallengeFailed)), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_challenge_ends_after_five_minutes() {
    let house = House::new(Registration::Open).await;
    let key = house.key();
    let challenge = house
        .trust
        .challenge(HOST, "kestrel".parse().unwrap(), &key.public().to_openssh())
        .await
        .unwrap();
    let signature = key.sign(challenge.message.as_bytes()).to_string();
    house.clock.advance(Duration::from_millis(300_001));
    let late =
        house.trust.verify(&Actor::anonymous(), challenge.id, &signature, NewKey::default()).await;
    assert!(matches!(late, Err(Error::ChallengeFailed)), "{late:?}");
}

#[tokio::test]
async fn registration_follows_its_policy() {
    let closed = House::new(Registration::Closed).await;
    let outcome = closed.register(&Actor::anonymous(), "kestrel", &closed.key()).await;
    assert!(matches!(outcome, Err(Error::RegistrationClosed)));
    let invite = House::new(Registration::Invite).await;
    let outcome = invite.register(&Actor::anonymous(), "kestrel", &invite.key()).await;
    assert!(matches!(outcome, Err(Error::InviteRequired)));
}

#[tokio::test]
async fn the_window_is_thirty_seconds_both_ways() {
    let house = House::new(Registration::Open).await;
    let key = house.key();
    house.register(&Actor::anonymous(), "kestrel", &key).await.unwrap();
    let now = house.clock.now().seconds();
    for (off, good) in [(-30, true), (30, true), (-31, false), (31, false)] {
        let nonce = Nonce::generate(&house.random);
        let outcome = house.signed_at(&house.trust, &key, "GET", &nonce, now + off).await;
        match outcome {
            Ok(_) => assert!(good, "{off}"),
            Err(Error::ClockSkew { server_time }) => {
                assert_eq!((good, server_time), (false, house.clock.now()));
            }
            Err(other) => panic!("{off}: {other}"),
        }
    }
}

#[tokio::test]
async fn a_nonce_that_had_an_effect_is_known_after_a_restart() {
    let house = House::new(Registration::Open).await;
    let key = house.key();
    house.register(&Actor::anonymous(), "kestrel", &key).await.unwrap();
    let (spent, unspent) = (Nonce::generate(&house.random), Nonce::generate(&house.random));
    let actor = house.signed(&house.trust, &key, "POST", &spent).await.unwrap();
    for _ in 0..2 {
        house.trust.begin(&actor).await.unwrap().commit().await.unwrap();
    }
    house.signed(&house.trust, &key, "POST", &unspent).await.unwrap();

    let restarted = house.reopened().await;
    assert!(matches!(house.signed(&restarted, &key, "POST", &spent).await, Err(Error::Replayed)));
    house.signed(&restarted, &key, "POST", &unspent).await.unwrap();
}

#[tokio::test]
async fn of_two_processes_one_commits_a_nonce() {
    let house = House::new(Registration::Open).await;
    let key = house.key();
    house.register(&Actor::anonymous(), "kestrel", &key).await.unwrap();
    let (other, nonce) = (house.reopened().await, Nonce::generate(&house.random));
    let here = house.signed(&house.trust, &key, "POST", &nonce).await.unwrap();
    let there = house.signed(&other, &key, "POST", &nonce).await.unwrap();
    house.trust.begin(&here).await.unwrap().commit().await.unwrap();
    assert!(matches!(other.begin(&there).await, Err(Error::Replayed)));
}

#[tokio::test]
async fn the_operator_is_made_once_and_repaired() {
    let house = House::new(Registration::Open).await;
    let (key, other) = (house.key(), house.key());
    for (key, state) in [
        (&key, OperatorState::Repaired),
        (&key, OperatorState::Right),
        (&other, OperatorState::Repaired),
    ] {
        assert_eq!(house.trust.ensure_operator(*key.public()).await.unwrap(), state);
    }
    let taken = house.register(&Actor::anonymous(), "operator", &house.key()).await;
    assert!(matches!(taken, Err(Error::HandleTaken)));
}

#[tokio::test]
async fn another_install_key_is_noticed() {
    let house = House::new(Registration::Open).await;
    let (key, other) =
        (keys::InstallKey::generate(&house.random), keys::InstallKey::generate(&house.random));
    for (key, right) in [(&key, true), (&key, true), (&other, false)] {
        assert_eq!(house.trust.check_install_key(key).await.unwrap(), right);
    }
}

/// The predicate for lists and the decision are one rule written twice; this holds them together.
#[tokio::test]
async fn lists_follow_the_decision() {
    let house = House::new(Registration::Open).await;
    let mut actors = vec![Actor::anonymous()];
    for handle in ["anna", "eve"] {
        let key = house.key();
        house.register(&Actor::anonymous(), handle, &key).await.unwrap();
        actors.push(
            house.signed(&house.trust, &key, "GET", &Nonce::generate(&house.random)).await.unwrap(),
        );
    }
    let owner = actors[1].principal().unwrap().id;
    let mut tx = house.db.write().await.unwrap();
    for visibility in [Visibility::Public, Visibility::Private] {
        for state in [
            ResourceState::Nascent,
            ResourceState::Live,
            ResourceState::Archived,
            ResourceState::Deleted,
        ] {
            let id = names::Id::<()>::new(house.clock.now(), &house.random).uuid();
            let row = ResourceRow { id, owner, visibility, state, granted: Granted::NONE };
            house.trust.add_resource(&mut tx, &row).await.unwrap();
            for actor in &actors {
                let listed = authority::listed(&mut tx, actor, id).await;
                let decided =
                    authority::decide(actor, Action::RepoRead, &Facts::of(&row, "anna", "song"));
                assert_eq!(listed, decided == crate::Decision::Allow, "{row:?} {actor:?}");
            }
        }
    }
}

/// What the authority says about an office of the install, as a surface tells it: allowed, or which refusal.
fn office(actor: &Actor) -> [Result<(), Refusal>; 13] {
    fn ask<A: crate::Act>(actor: &Actor) -> Result<(), Refusal> {
        authority::may_look(actor, A::ACTION)?;
        Allowed::<A, _>::ask(actor, Anything).map(drop)
    }
    [
        ask::<act::InstallRead>(actor),
        ask::<act::JobRead>(actor),
        ask::<act::UsageRead>(actor),
        ask::<act::AuditRead>(actor),
        ask::<act::AuditExport>(actor),
        ask::<act::JobWrite>(actor),
        ask::<act::ConfigWrite>(actor),
        ask::<act::QuotaWrite>(actor),
        ask::<act::InviteCreate>(actor),
        ask::<act::InstallAdminChange>(actor),
        ask::<act::PrincipalSuspend>(actor),
        ask::<act::BreakglassOpen>(actor),
        ask::<act::BootstrapCreate>(actor),
    ]
}

#[tokio::test]
async fn the_office_of_the_install_is_hidden_from_everybody_else() {
    let needs = Action::ALL.iter().filter(|it| it.need() == Need::InstallAdmin);
    assert_eq!(needs.count(), office(&Actor::anonymous()).len(), "an action is not asked for here");

    let house = House::new(Registration::Open).await;
    let [operator, admin, stranger] = [house.key(), house.key(), house.key()];
    house.trust.ensure_operator(*operator.public()).await.unwrap();
    let made = house.register(&Actor::anonymous(), "ada", &admin).await.unwrap();
    house.register(&Actor::anonymous(), "eve", &stranger).await.unwrap();
    let mut tx = house.db.write().await.unwrap();
    authority::make_admin(&mut tx, made.principal.id.uuid()).await;
    tx.commit().await.unwrap();

    let (yes, absent) = (Ok(()), Err(Refusal::NotFound));
    let unknown = Err(Refusal::Unauthenticated);
    let told = office(&Actor::anonymous());
    // What changes something is 401 for nobody in particular, whether it is there or not.
    let wanted = [[absent; 5].as_slice(), &[unknown; 8]].concat();
    assert_eq!(told.as_slice(), wanted);
    for (key, told) in [(&operator, yes), (&admin, yes), (&stranger, absent)] {
        let nonce = Nonce::generate(&house.random);
        let actor = house.signed(&house.trust, key, "GET", &nonce).await.unwrap();
        assert_eq!(office(&actor), [told; 13], "{actor:?}");
    }
}

#[tokio::test]
async fn the_operator_signs_on_its_own_machine_alone() {
    let house = House::new(Registration::Open).await;
    let [operator, person] = [house.key(), house.key()];
    house.trust.ensure_operator(*operator.public()).await.unwrap();
    house.register(&Actor::anonymous(), "ada", &person).await.unwrap();
    let (here, away) = (Some("127.0.0.1"), Some("192.0.2.7"));
    for (peer, header, is_here) in [
        (here, None, true),
        (Some("127.9.8.7"), None, true),
        (Some("::1"), None, true),
        (Some("::ffff:127.0.0.1"), None, true),
        (None, None, false),
        (away, None, false),
        (Some("::ffff:192.0.2.7"), None, false),
        (Some("2001:db8::1"), None, false),
        // What a header says makes nobody local, and a proxy on this machine lends its address to nobody.
        (away, Some(("x-forwarded-for", "127.0.0.1")), false),
        (away, Some(("forwarded", "for=127.0.0.1")), false),
        (here, Some(("x-forwarded-for", "192.0.2.7")), false),
        (here, Some(("x-forwarded-host", "forge.example")), false),
        (here, Some(("via", "1.1 proxy")), false),
    ] {
        let from = (peer.map(|it| it.parse().unwrap()), header);
        for (key, is_taken) in [(&operator, is_here), (&person, true)] {
            let (nonce, now) = (Nonce::generate(&house.random), house.clock.now().seconds());
            let sent = house.signed_from(&house.trust, key, "POST", &nonce, now, from).await;
            match sent {
                Ok(_) => assert!(is_taken, "{from:?}"),
                Err(Error::Unauthenticated) => assert!(!is_taken, "{from:?}"),
                Err(other) => panic!("{from:?}: {other}"),
            }
        }
    }
}
