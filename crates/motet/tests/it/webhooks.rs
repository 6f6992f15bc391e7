//! Webhooks of repositories over the API: a receiver on loopback that the operator lists, and pings, which go the way of
//! every event (`spec/webhooks.md`). What answers mean and in which order things come is asked in the room's own suite.

use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Person, Receiver, Server};

use crate::ground::{Ground, eventually, on_both};

const HOOKS: &str = "/api/v1/repos/anna/song/webhooks";

pub(crate) async fn house(ground: &Ground, receiver: &Receiver) -> (Server, Person) {
    let server = ground.server().arg(receiver.allowed()).start().await;
    let anna = server.register("anna").await;
    let new = json!({ "name": "song" });
    server.post("/api/v1/repos").json(&new).by(&anna).send().await.assert_status(201);
    (server, anna)
}

pub(crate) async fn made(server: &Server, anna: &Person, receiver: &Receiver) -> Value {
    let new = json!({ "url": format!("http://{}/hook", receiver.address), "events": ["*"] });
    let made = server.post(HOOKS).json(&new).by(anna).send().await;
    made.assert_status(201);
    let hook = made.json();
    let at = format!("{HOOKS}/{}", hook["webhook"]["id"].as_str().unwrap());
    assert_eq!(made.header("location"), at);
    hook
}

async fn post(server: &Server, anna: &Person, target: &str, body: Value) -> Answer {
    server.post(target).json(&body).by(anna).send().await
}

/// Waits until the newest delivery of a webhook stands so; gives it with its attempts.
pub(crate) async fn ends(server: &Server, anna: &Person, hook: &str, state: &str) -> Value {
    let list = format!("{hook}/deliveries");
    let newest = async || server.get(&list).by(anna).send().await.json()["items"][0].clone();
    eventually(state, async || newest().await["state"] == state).await;
    let id = newest().await["id"].as_str().unwrap().to_owned();
    let detail = server.get(&format!("{list}/{id}")).by(anna).send().await;
    detail.assert_status(200);
    detail.json()
}

on_both! {
    async fn a_webhook_is_made_signs_its_ping_and_never_shows_its_secret_again(ground: Ground) {
        let receiver = Receiver::answering(&[204]).await;
        let (server, anna) = house(&ground, &receiver).await;
        let hook = made(&server, &anna, &receiver).await;
        let secret = hook["secret"].as_str().unwrap();
        let ping = receiver.saw(1).await.remove(0);
        assert_eq!(ping.verified(secret), (1, 1));
        assert_eq!(ping.header("user-agent"), "Motet-Webhook/1");
        let body: Value = serde_json::from_slice(&ping.body).unwrap();
        assert_eq!(body["type"], "ping");
        assert_eq!(body["data"]["hello"], "motet");

        let one = format!("{HOOKS}/{}", hook["webhook"]["id"].as_str().unwrap());
        let told = ends(&server, &anna, &one, "delivered").await;
        assert_eq!(told["attempts"][0]["status"], 204);
        assert_eq!(ping.header("webhook-id"), told["delivery"]["id"]);
        for target in [HOOKS, &one, &format!("{one}/deliveries")] {
            let shown = server.get(target).by(&anna).send().await;
            shown.assert_status(200);
            assert!(!shown.text().contains(secret), "{target}");
        }
        assert!(!server.log().contains(secret));
    }
}

on_both! {
    async fn a_no_is_tried_again_with_the_same_id_and_a_new_signature(ground: Ground) {
        let receiver = Receiver::answering(&[500, 200]).await;
        let (server, anna) = house(&ground, &receiver).await;
        let hook = made(&server, &anna, &receiver).await;
        let seen = receiver.saw(2).await;
        assert_eq!(seen[0].body, seen[1].body);
        assert_eq!(seen[0].header("webhook-id"), seen[1].header("webhook-id"));
        assert_ne!(seen[0].header("webhook-timestamp"), seen[1].header("webhook-timestamp"));
        assert_eq!(seen[1].verified(hook["secret"].as_str().unwrap()), (1, 1));
        let one = format!("{HOOKS}/{}", hook["webhook"]["id"].as_str().unwrap());
        let told = ends(&server, &anna, &one, "delivered").await;
        let outcomes: Vec<_> = told["attempts"].as_array().unwrap().iter().map(|it| &it["outcome"]).collect();
        assert_eq!(outcomes, ["http_status", "delivered"]);
    }
}

on_both! {
    async fn secrets_overlap_pings_are_listed_and_a_delivery_is_sent_again(ground: Ground) {
        let receiver = Receiver::answering(&[204]).await;
        let (server, anna) = house(&ground, &receiver).await;
        let hook = made(&server, &anna, &receiver).await;
        receiver.saw(1).await;
        let one = format!("{HOOKS}/{}", hook["webhook"]["id"].as_str().unwrap());
        let second = post(&server, &anna, &format!("{one}/secrets"), json!({})).await;
        second.assert_status(201);
        let second = second.json();
        let third = post(&server, &anna, &format!("{one}/secrets"), json!({})).await;
        third.assert_refused(409, "conflict");

        let ping = post(&server, &anna, &format!("{one}/ping"), json!({})).await;
        ping.assert_status(202);
        let seen = receiver.saw(2).await.remove(1);
        for secret in [&hook["secret"], &second["secret"]] {
            assert_eq!(seen.verified(secret.as_str().unwrap()), (1, 1));
        }
        assert_eq!(seen.header("webhook-id"), ping.json()["id"]);
        ends(&server, &anna, &one, "delivered").await;
        let again = post(&server, &anna, &format!("{}/resend", ping.header("location")), json!({})).await;
        again.assert_status(202);
        let third = receiver.saw(3).await.remove(2);
        assert_eq!(third.header("webhook-id"), seen.header("webhook-id"));
        assert_eq!(third.body, seen.body);
        ends(&server, &anna, &one, "delivered").await;

        let page = server.get(&format!("{one}/deliveries?limit=1")).by(&anna).send().await.json();
        let cursor = page["next_cursor"].as_str().unwrap();
        let next = format!("{one}/deliveries?limit=1&cursor={cursor}");
        let rest = server.get(&next).by(&anna).send().await.json();
        assert_ne!(rest["items"][0]["id"], page["items"][0]["id"]);
        let all = json!({ "state": "delivered", "type": "ping" });
        let resent = post(&server, &anna, &format!("{one}/resend"), all).await;
        resent.assert_status(202);
        assert_eq!((&resent.json()["state"], &resent.json()["total"]), (&json!("running"), &json!(2)));
        receiver.saw(5).await;
        let progress = resent.header("location").to_owned();
        let told = async || server.get(&progress).by(&anna).send().await.json();
        eventually("it is over", async || told().await["state"] == "done").await;
        assert_eq!(told().await["resent"], 2);
    }
}

on_both! {
    async fn what_does_not_hold_is_refused_with_every_fault(ground: Ground) {
        let receiver = Receiver::answering(&[204]).await;
        let (server, anna) = house(&ground, &receiver).await;
        for url in ["http://example.com/", "https://127.0.0.1/", "https://[64:ff9b::7f00:1]/", "https://localhost/"] {
            let answer = post(&server, &anna, HOOKS, json!({ "url": url, "events": ["*"] })).await;
            answer.assert_refused(422, "invalid");
            assert_eq!(answer.json()["errors"][0]["code"], "url_refused", "{url}");
        }
        let bad = json!({ "url": "https://hooks.example/", "events": ["issue.melted"], "content": "fat", "secret": "hush" });
        let answer = post(&server, &anna, HOOKS, bad).await;
        answer.assert_refused(422, "invalid");
        let told = answer.json();
        let pointers: Vec<_> = told["errors"].as_array().unwrap().iter().map(|it| &it["pointer"]).collect();
        assert_eq!(pointers, ["/secret", "/events", "/content"]);
        let unknown = json!({ "url": "https://hooks.example/", "events": ["*"], "event": [] });
        let answer = post(&server, &anna, HOOKS, unknown).await;
        assert_eq!(answer.json()["errors"][0]["code"], "unknown_field");
    }
}

on_both! {
    async fn a_stale_change_is_refused_and_what_was_deleted_sends_nothing_more(ground: Ground) {
        let receiver = Receiver::answering(&[204]).await;
        let (server, anna) = house(&ground, &receiver).await;
        let hook = made(&server, &anna, &receiver).await;
        let one = format!("{HOOKS}/{}", hook["webhook"]["id"].as_str().unwrap());
        ends(&server, &anna, &one, "delivered").await;
        let tag = server.get(&one).by(&anna).send().await.header("etag").to_owned();
        let patch = |body: Value| {
            let request = server.request(Method::PATCH, &one).json(&body);
            request.header("if-match", &tag).by(&anna)
        };
        patch(json!({ "description": "ours" })).send().await.assert_status(200);
        let stale = patch(json!({ "description": "theirs" })).send().await;
        stale.assert_refused(412, "precondition_failed");
        let off = server.request(Method::PATCH, &one).json(&json!({ "active": false }));
        assert_eq!(off.by(&anna).send().await.json()["state"], "paused");
        // Made while it is off, and so it waits; deleted, and so it never goes.
        let ping = post(&server, &anna, &format!("{one}/ping"), json!({})).await;
        ping.assert_status(202);
        server.request(Method::DELETE, &one).by(&anna).send().await.assert_status(204);
        server.get(&one).by(&anna).send().await.assert_refused(404, "not_found");
        assert_eq!(receiver.saw(1).await.len(), 1);
    }
}
