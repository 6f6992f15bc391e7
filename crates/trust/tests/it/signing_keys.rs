//! Keys of the install: one signs, all can be found, none opens in another's place.

use trust::{
    Error,
    signing_keys::{Purpose, Status},
};

use crate::{house::House, store};

#[tokio::test]
async fn a_key_is_made_once_and_signs_until_another_takes_its_place() {
    for house in House::both().await {
        let trust = house.trust().await;
        let keys = trust.signing_keys().unwrap();
        let mut tx = house.db.write().await.unwrap();
        let first = keys.active(&mut tx, Purpose::Audit).await.unwrap();
        let again = keys.active(&mut tx, Purpose::Audit).await.unwrap();
        assert_eq!(first.kid(), again.kid());
        assert!(first.public().public.verify(b"head", &again.sign(b"head")));
        let session = keys.active(&mut tx, Purpose::Session).await.unwrap();
        assert_ne!(session.kid(), first.kid());

        let second = keys.rotate(&mut tx, Purpose::Audit).await.unwrap();
        assert_ne!(second.kid(), first.kid());
        let old = keys.find(&mut tx, first.kid()).await.unwrap().unwrap();
        assert_eq!((old.status, old.retired_at), (Status::Retiring, Some(house.clock.now())));
        assert!(old.public.verify(b"head", &first.sign(b"head")));
        let all = keys.list(&mut tx, Purpose::Audit).await.unwrap();
        assert_eq!(all.len(), 2);
        assert!(keys.find(&mut tx, "SHA256:none").await.unwrap().is_none());
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn two_that_make_a_key_at_once_get_the_same_one() {
    for house in House::both().await {
        let trust = house.trust().await;
        let made = async |db: db::Db| {
            let mut tx = db.write().await.unwrap();
            let keys = trust.signing_keys().unwrap();
            let kid = keys.active(&mut tx, Purpose::Server).await.unwrap().kid().to_owned();
            tx.commit().await.unwrap();
            kid
        };
        let (one, other) = tokio::join!(made(house.db.clone()), made(house.neighbour().await));
        assert_eq!(one, other);
    }
}

#[tokio::test]
async fn a_sealed_half_does_not_open_in_another_row() {
    for house in House::both().await {
        let trust = house.trust().await;
        let keys = trust.signing_keys().unwrap();
        let mut tx = house.db.write().await.unwrap();
        let session = keys.active(&mut tx, Purpose::Session).await.unwrap();
        let audit = keys.active(&mut tx, Purpose::Audit).await.unwrap();
        store::swap_sealed(&mut tx, session.kid(), audit.kid()).await.unwrap();
        let opened = keys.active(&mut tx, Purpose::Session).await;
        assert!(matches!(opened, Err(db::Error::Corrupt { .. })), "{opened:?}");
    }
}

#[tokio::test]
async fn nothing_opens_before_the_install_key_was_checked() {
    let house = House::sqlite().await;
    let trust = house.locked().await;
    assert!(matches!(trust.signing_keys(), Err(Error::Locked)));
    assert!(trust.check_install_key(&house.install).await.unwrap());
    let other = keys::InstallKey::generate(&house.random);
    let second = house.locked().await;
    assert!(!second.check_install_key(&other).await.unwrap());
    assert!(matches!(second.signing_keys(), Err(Error::Locked)));
}
