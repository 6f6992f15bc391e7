//! What was signed, or has a name, is done once: also after a kill, and whichever process hears it (decision 0005).

use serde_json::{Value, json};
use testkit::{Person, Request};

use super::{Shop, bearing, of_steps, text};
use crate::ground::{Ground, on_both};

const HOST: &str = "forge.example";
const RUNS: &str = "/api/v1/publishers/acme/pipelines/sync/runs";

/// A shop that answers to a name which outlives its port, with a pipeline of one step.
async fn shop(ground: &Ground) -> Shop {
    let server = ground.server().arg("--host").arg(HOST).start().await;
    let shop = Shop::open(server, "acme").await;
    shop.register(&of_steps("sync", json!([{"id": "a"}]), json!({}))).await;
    shop
}

fn signed(shop: &Shop, target: &str, body: &Value, by: &Person) -> Request {
    shop.server.post(target).json(body).authority(HOST).by(by)
}

async fn runs(shop: &Shop) -> usize {
    shop.get("/runs?limit=100").await["items"].as_array().unwrap().len()
}

on_both! {
    async fn signed_work_is_done_once_also_across_a_kill(ground: Ground) {
        let mut shop = shop(&ground).await;
        let heron = shop.agent(&shop.anna, "heron").await;
        let start = signed(&shop, RUNS, &json!({"input": {}}), &shop.anna);
        start.send().await.assert_status(201);
        let next = signed(&shop, "/api/v1/claims/next", &json!({"resume": false}), &heron);
        let claim = text(&next.send().await.json()["items"][0]["claim"]);
        let about = |what: &str, body: Value| {
            signed(&shop, &format!("/api/v1/claims/{claim}/{what}"), &body, &heron)
        };
        let beat = about("heartbeat", json!({"usage": {"tokens_in": 1, "tokens_out": 1, "micro_usd": 7}}));
        let submit = about("result", json!({"result": {"n": 1}}));
        for it in [&beat, &submit] {
            it.send().await.assert_status(200);
        }
        shop.server.kill().await;
        shop.server.restart().await;
        for it in [start, next, beat, submit] {
            it.again_to(&shop.server).send().await.assert_refused(401, "replayed");
        }
        assert_eq!(runs(&shop).await, 1);
        let run = text(&shop.get("/runs").await["items"][0]["run"]);
        assert_eq!(shop.get(&format!("/runs/{run}")).await["cost"]["micro_usd"], 7);
    }
}

/// What one process has done another one refuses, though it heard nothing of it: by the row alone, and alone in its group.
#[tokio::test]
async fn signed_work_is_done_once_whichever_process_hears_it() {
    let ground = Ground::postgres().await;
    let shop = shop(&ground).await;
    let heron = shop.agent(&shop.anna, "heron").await;
    let other = ground.server().arg("--host").arg(HOST).start().await;
    let start = signed(&shop, RUNS, &json!({"input": {}}), &shop.anna);
    start.send().await.assert_status(201);
    let next = signed(&shop, "/api/v1/claims/next", &json!({"resume": false}), &heron);
    let claim = text(&next.send().await.json()["items"][0]["claim"]);
    let result = json!({"result": {"n": 1}});
    let submit = signed(&shop, &format!("/api/v1/claims/{claim}/result"), &result, &heron);
    submit.send().await.assert_status(200);
    let fresh = signed(&shop, RUNS, &json!({"input": {}}), &shop.anna).again_to(&other);
    let (start, submit) = (start.again_to(&other), submit.again_to(&other));
    let (start, submit, fresh) = tokio::join!(start.send(), submit.send(), fresh.send());
    start.assert_refused(401, "replayed");
    submit.assert_refused(401, "replayed");
    fresh.assert_status(201);
    // There is a task to be had, and the call that was made before gets none.
    next.again_to(&other).send().await.assert_refused(401, "replayed");
    assert_eq!(runs(&shop).await, 2);
    shop.claim(&heron).await;
}

on_both! {
    async fn a_start_that_names_itself_begins_one_run(ground: Ground) {
        let shop = shop(&ground).await;
        let one = json!({"concurrency": [{"of": "runs", "max": 1, "on_full": "refuse"}]});
        shop.register(&of_steps("narrow", json!([{"id": "a"}]), one)).await;
        let begin = |pipeline: &str, key: &str| {
            let target = format!("/api/v1/publishers/acme/pipelines/{pipeline}/runs");
            let request = shop.server.post(&target).json(&json!({"input": {}}));
            bearing(request, &shop.runner).header("idempotency-key", key)
        };
        let under_way: Vec<_> = (0..8)
            .map(|_| {
                let request = begin("sync", "one");
                tokio::spawn(async move { request.send().await })
            })
            .collect();
        let mut answers = Vec::new();
        for answer in under_way {
            let answer = answer.await.unwrap();
            assert!([201, 409].contains(&answer.status), "{}", answer.text());
            answers.extend((answer.status == 201).then(|| answer.json()));
        }
        assert!(!answers.is_empty() && answers.iter().all(|it| *it == answers[0]));
        assert_eq!(runs(&shop).await, 1);
        assert_eq!(begin("sync", "one").send().await.json(), answers[0]);
        // What was refused has changed nothing: it may be asked again under its name.
        let first = begin("narrow", "two").send().await;
        first.assert_status(201);
        begin("narrow", "three").send().await.assert_refused(409, "concurrency_full");
        begin("narrow", "three").send().await.assert_refused(409, "concurrency_full");
        let cancel = format!("/runs/{}/cancel", text(&first.json()["run"]));
        shop.post(&cancel, &json!({})).await.assert_status(200);
        let third = begin("narrow", "three").send().await;
        third.assert_status(201);
        assert_eq!(begin("narrow", "three").send().await.json(), third.json());
    }
}

on_both! {
    async fn work_that_names_itself_is_asked_for_and_handed_in_once(ground: Ground) {
        let shop = shop(&ground).await;
        let heron = shop.agent(&shop.anna, "heron").await;
        let named = |target: &str, key: &str, body: &Value| {
            shop.server.post(target).json(body).header("idempotency-key", key).by(&heron)
        };
        shop.start("sync", &json!({})).await;
        let ask = || named("/api/v1/claims/next", "ask", &json!({"resume": false}));
        let first = ask().send().await.json();
        assert_eq!(ask().send().await.json(), first);
        let target = format!("/api/v1/claims/{}/result", text(&first["items"][0]["claim"]));
        // A result that does not fit is judged again; one that was taken has its answer.
        let hand_in = |key: &str, n: Value| named(&target, key, &json!({"result": {"n": n}}));
        for _ in 0..2 {
            hand_in("bad", json!("x")).send().await.assert_refused(422, "invalid");
        }
        let taken = hand_in("good", json!(1)).send().await;
        taken.assert_status(200);
        assert_eq!(hand_in("good", json!(1)).send().await.json(), taken.json());
        let late = || hand_in("late", json!(2));
        for _ in 0..2 {
            late().send().await.assert_refused(409, "claim_lost");
        }
    }
}
