//! A POST that names itself with an `Idempotency-Key` has one effect and one answer (`spec/conventions.md`, Requests;
//! `spec/trust.md` 16, point 26).

use serde_json::{Value, json};
use testkit::{Answer, Person, Server};

use crate::{
    ground::{Ground, on_both, order, settled},
    store,
};

const TOKENS: &str = "/api/v1/tokens";

async fn post(server: &Server, target: &str, key: &str, by: &Person, body: &Value) -> Answer {
    server.post(target).json(body).header("idempotency-key", key).by(by).send().await
}

fn a_token(label: &str) -> Value {
    json!({ "label": label, "scope": { "planes": { "hub": "read" }, "repositories": "all" } })
}

async fn live_tokens(server: &Server, of: &Person) -> usize {
    let listed = server.get(TOKENS).by(of).send().await.json();
    listed["items"].as_array().unwrap().len()
}

on_both! {
    async fn a_token_that_is_asked_for_twice_is_made_once_and_shown_once(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let first = post(&server, TOKENS, "one", &anna, &a_token("ci")).await;
        first.assert_status(201);
        let value = first.json()["value"].as_str().unwrap().to_owned();
        assert_eq!(first.json().get("secret_shown"), None);
        for _ in 0..2 {
            let again = post(&server, TOKENS, "one", &anna, &a_token("ci")).await;
            again.assert_status(201);
            assert_eq!(again.header("cache-control"), "no-store");
            assert_eq!(again.json()["token"], first.json()["token"]);
            assert_eq!((&again.json()["value"], &again.json()["secret_shown"]), (&Value::Null, &json!(true)));
        }
        assert_eq!(live_tokens(&server, &anna).await, 1);
        let use_it = server.get("/api/v1/repos").header("authorization", &format!("Bearer {value}"));
        use_it.send().await.assert_status(200);
        // Another body, another route, another name, another principal.
        post(&server, TOKENS, "one", &anna, &a_token("other")).await.assert_refused(422, "idempotency_mismatch");
        let rotate = format!("{TOKENS}/{}/rotate", first.json()["token"]["id"].as_str().unwrap());
        let rotated = post(&server, &rotate, "one", &anna, &json!({})).await;
        rotated.assert_status(201);
        let again = post(&server, &rotate, "one", &anna, &json!({})).await;
        assert_eq!((&again.json()["token"], &again.json()["value"]), (&rotated.json()["token"], &Value::Null));
        let hers = post(&server, TOKENS, "two", &anna, &a_token("ci")).await.json();
        let his = post(&server, TOKENS, "one", &boris, &a_token("ci")).await.json();
        for made in [&hers, &his] {
            assert!(made["value"].is_string() && made["token"]["id"] != first.json()["token"]["id"]);
        }
        let db = ground.db(&server).await;
        let kept = store::kept_answers(&mut db.glance().await.unwrap()).await.unwrap();
        assert_eq!(kept.len(), 4);
        for body in kept {
            assert!(!String::from_utf8(body).unwrap().contains("mt_personal_"), "a secret is kept");
        }
    }
}

on_both! {
    async fn of_many_that_come_at_once_one_takes_effect(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let body = json!({ "name": "song" });
        let request = || server.post("/api/v1/repos").json(&body).header("idempotency-key", "k").by(&anna);
        let under_way: Vec<_> = (0..8)
            .map(|_| {
                let request = request();
                tokio::spawn(async move { request.send().await })
            })
            .collect();
        let mut answers = Vec::new();
        for answer in under_way {
            answers.push(answer.await.unwrap());
        }
        let made: Vec<_> = answers.iter().filter(|it| it.status == 201).collect();
        assert!(!made.is_empty());
        for answer in &answers {
            assert!([201, 409].contains(&answer.status), "{}", answer.text());
            assert!(answer.status == 409 || answer.json() == made[0].json());
        }
        let again = post(&server, "/api/v1/repos", "k", &anna, &body).await;
        again.assert_status(201);
        assert_eq!(again.json(), made[0].json());
        // Without a name it is another request.
        server.post("/api/v1/repos").json(&body).by(&anna).send().await.assert_status(409);
    }
}

on_both! {
    async fn a_name_is_good_for_a_day_and_what_was_refused_has_none(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let bad = json!({ "scope": {} });
        post(&server, TOKENS, "k", &anna, &bad).await.assert_refused(422, "invalid");
        let first = post(&server, TOKENS, "k", &anna, &a_token("ci")).await;
        first.assert_status(201);
        let db = ground.db(&server).await;
        let mut tx = db.write().await.unwrap();
        store::let_a_day_pass_for_repeats(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        let next = post(&server, TOKENS, "k", &anna, &a_token("other")).await;
        next.assert_status(201);
        assert_ne!(next.json()["token"]["id"], first.json()["token"]["id"]);
        // What has ended goes.
        let run = async || {
            order(&server, "/api/v1/admin/schedules/trust.expire/run").await.assert_status(200);
            settled(&server).await;
            store::kept_answers(&mut db.glance().await.unwrap()).await.unwrap().len()
        };
        assert_eq!(run().await, 1);
        let mut tx = db.write().await.unwrap();
        store::let_a_day_pass_for_repeats(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(run().await, 0);
    }
}

#[tokio::test]
async fn a_name_that_cannot_be_one_is_refused() {
    let server = Ground::Sqlite.server().start().await;
    let anna = server.register("anna").await;
    for bad in ["", &"k".repeat(129)] {
        post(&server, TOKENS, bad, &anna, &a_token("ci")).await.assert_refused(400, "malformed");
    }
    let two = server.post(TOKENS).json(&a_token("ci")).header("idempotency-key", "a");
    let two = two.header("idempotency-key", "b").by(&anna).send().await;
    two.assert_refused(400, "malformed");
    assert_eq!(live_tokens(&server, &anna).await, 0);
}

/// What is not kept cannot be repeated, and is not made twice either.
#[tokio::test]
async fn an_address_that_signs_in_is_not_handed_out_again() {
    let server = Ground::Sqlite.server().start().await;
    let anna = server.register("anna").await;
    let ask = async || {
        let ask = server.post("/api/v1/auth/web-login").header("idempotency-key", "k");
        ask.by(&anna).send().await
    };
    ask().await.assert_status(201);
    ask().await.assert_refused(409, "conflict");
}
