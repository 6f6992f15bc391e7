//! Keys are listed and given up (`spec/trust.md` 2, 16.19, 16.20).

use http::Method;
use names::{Random, Secret};
use serde_json::json;
use testkit::{Answer, Person, Server, Story};

use crate::{
    ground::{Ground, on_both},
    sessions::sign_in,
};

pub(crate) async fn revoke(
    server: &Server,
    by: &Person,
    of: &str,
    key: &str,
    reason: &str,
) -> Answer {
    let target = format!("/api/v1/auth/keys/{of}/{}?reason={reason}", key.replace('/', "%2F"));
    server.request(Method::DELETE, &target).by(by).send().await
}

/// A second key of somebody, registered by a request that the first one signs.
pub(crate) async fn second_key(server: &Server, person: &Person, byte: u8) -> Person {
    let second = Person::new(person.handle(), Secret::new([byte; 32]));
    let challenge = server.challenge(person.handle(), &second.key().public().to_openssh()).await;
    let body = second.answer_to(&challenge);
    server.post("/api/v1/auth/verify").json(&body).by(person).send().await.assert_status(201);
    second
}

on_both! {
    async fn a_key_that_was_given_up_is_worth_nothing(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let second = second_key(&server, &anna, 9).await;
        let token = json!({ "scope": { "planes": { "hub": "read" }, "repositories": "all" } });
        let minted = server.post("/api/v1/tokens").json(&token).by(&second).send().await;
        minted.assert_status(201);
        let value = minted.json()["value"].as_str().unwrap().to_owned();
        let bearer = format!("Bearer {value}");
        let list = server.get("/api/v1/repos").header("authorization", &bearer);
        list.clone().send().await.assert_status(200);

        let fingerprint = second.key().fingerprint().to_string();
        let cookie = sign_in(&server, &second).await;
        let browses = || server.get("/api/v1/me").header("cookie", &cookie);
        browses().send().await.assert_status(200);
        let gone = revoke(&server, &anna, "anna", &fingerprint, "compromised").await;
        gone.assert_status(200);
        assert_eq!(gone.json()["revoke_reason"], "compromised");
        // On every surface at once, and what was made with it too.
        for target in ["/api/v1/me", "/explore", "/anna/none/refs"] {
            assert_eq!(server.get(target).by(&second).send().await.status, 401, "{target}");
        }
        list.send().await.assert_refused(401, "unauthenticated");
        browses().send().await.assert_refused(401, "unauthenticated");
        // The row stays, and nobody registers the key again.
        let keys = server.get("/api/v1/auth/keys").by(&anna).send().await.json();
        assert_eq!(keys["items"].as_array().unwrap().len(), 2);
        assert!(keys["items"][1]["revoked_at"].is_string());
        let live = server.get("/api/v1/principals/anna/keys").send().await.json();
        assert_eq!(live["items"].as_array().unwrap().len(), 1);
        let thief = Person::new("thief", Secret::new([9; 32]));
        let again = server.register_key(&thief, &thief.key().public().to_openssh()).await;
        again.assert_refused(409, "key_taken");
    }
}

on_both! {
    async fn the_last_key_stays_and_a_strangers_is_not_there(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let own = anna.key().fingerprint().to_string();
        revoke(&server, &anna, "anna", &own, "retired").await.assert_refused(409, "last_key");
        let of_boris = boris.key().fingerprint().to_string();
        revoke(&server, &anna, "anna", &of_boris, "retired").await.assert_refused(404, "not_found");
        revoke(&server, &anna, "boris", &of_boris, "retired").await.assert_refused(404, "not_found");
        revoke(&server, &anna, "nobody", &of_boris, "retired").await.assert_refused(404, "not_found");
        server.get("/api/v1/me").by(&boris).send().await.assert_status(200);

        // With another one it may go; a token that was made with a retired key lives on.
        let second = second_key(&server, &anna, 8).await;
        let token = json!({ "scope": { "planes": { "hub": "read" }, "repositories": "all" } });
        let minted = server.post("/api/v1/tokens").json(&token).by(&anna).send().await.json();
        revoke(&server, &second, "anna", &own, "retired").await.assert_status(200);
        let bearer = format!("Bearer {}", minted["value"].as_str().unwrap());
        server.get("/api/v1/repos").header("authorization", &bearer).send().await.assert_status(200);
        // Called compromised afterwards, it does not.
        revoke(&server, &second, "anna", &own, "compromised").await.assert_status(200);
        let late = server.get("/api/v1/repos").header("authorization", &bearer).send().await;
        late.assert_refused(401, "unauthenticated");
    }
}

#[tokio::test]
async fn a_push_whose_key_is_given_up_on_the_way_moves_nothing() {
    let server = Ground::Sqlite.server().start().await;
    let anna = server.register("anna").await;
    let second = second_key(&server, &anna, 7).await;
    let bytes = Random::seeded(3).bytes::<200_000>();
    let mut story = Story::default();
    story.commit(&[], "large", &[("large", &bytes)]);
    let slow = server
        .post("/anna/song/push")
        .msgpack(
            &api::wire::PushRequest { objects: story.inline(), ..story.push_to("main") }
                .into_value(api::wire::Format::MessagePack),
        )
        .by(&second);
    // The head goes out, the key is given up, then the rest follows.
    let fingerprint = second.key().fingerprint().to_string();
    let answer = slow
        .send_held(async || {
            revoke(&server, &anna, "anna", &fingerprint, "compromised").await.assert_status(200);
        })
        .await;
    assert_eq!(answer.status, 401, "{}", answer.text());
    assert_eq!(server.get("/anna/song/refs").by(&anna).send().await.status, 404);
}
