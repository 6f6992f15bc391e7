//! The one person of a local server (`spec/trust.md` 7, L7).

use keys::PrivateKey;
use trust::{Actor, Browser, Error, NewKey, Trust};

use crate::house::House;

async fn register(house: &House, trust: &Trust, handle: &str) {
    let key = PrivateKey::generate(&house.random);
    let line = key.public().to_openssh();
    let challenge =
        trust.challenge("127.0.0.1:7420", handle.parse().unwrap(), &line).await.unwrap();
    let signature = key.sign(challenge.message.as_bytes()).to_string();
    let anonymous = Actor::anonymous();
    trust.verify(&anonymous, challenge.id, &signature, NewKey::default()).await.unwrap();
}

#[tokio::test]
async fn there_is_one_person_and_of_several_nobody_is_meant() {
    for house in House::both().await {
        let trust = house.trust().await;
        let operator = PrivateKey::generate(&house.random);
        trust.ensure_operator(*operator.public()).await.unwrap();
        let browser = Browser::default();
        // The operator is no person.
        let nobody = trust.local_init("shell", &browser).await.err();
        assert!(matches!(nobody, Some(Error::NobodyHere)), "{nobody:?}");
        let taken = trust.ensure_local_person(&"operator".parse().unwrap()).await;
        assert!(matches!(taken, Err(Error::HandleTaken)), "{taken:?}");
        let (owner, other) = ("owner".parse().unwrap(), "other".parse().unwrap());
        assert!(trust.ensure_local_person(&owner).await.unwrap());
        // Whoever is there stays the one, whatever the setting says later.
        assert!(!trust.ensure_local_person(&other).await.unwrap());
        let given = trust.local_init("shell", &browser).await.unwrap();
        assert_eq!(given.session.handle, owner);
        assert_eq!(given.device.token.label, "shell");
        register(&house, &trust, "anna").await;
        let several = trust.local_init("shell", &browser).await.err();
        assert!(matches!(several, Some(Error::NoSuchThing)), "{several:?}");
    }
}
