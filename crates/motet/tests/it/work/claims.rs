//! One task, one claim; waiting; keeping alive; results judged once.

use std::{collections::BTreeSet, time::Duration};

use futures_util::future::join_all;
use serde_json::json;
use tokio::time::timeout;

use super::{Shop, bearing, of_steps, text};
use crate::ground::{Ground, on_both};

/// Far more than a claim takes to reach whoever waits, so that only a fault reaches it.
const PATIENCE: Duration = Duration::from_secs(20);

on_both! {
    /// W30.
    async fn of_many_that_ask_one_gets_the_task(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let mut agents = Vec::new();
        for number in 0..16 {
            agents.push(shop.agent(&shop.anna, &format!("bird{number}")).await);
        }
        shop.register(&of_steps("sync", json!([{"id": "a"}]), json!({}))).await;
        shop.start("sync", &json!({})).await;
        let asked = (0..64).map(|number| shop.next(&agents[number % 16]));
        let got: Vec<_> = join_all(asked).await.into_iter().flatten().collect();
        assert_eq!(got.len(), 1, "{got:?}");
    }
}

on_both! {
    /// W31, W32.
    async fn whoever_waits_is_given_what_becomes_ready(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let heron = shop.agent(&shop.anna, "heron").await;
        shop.register(&of_steps("sync", json!([{"id": "a"}]), json!({}))).await;
        // Nothing comes: an empty list, and not before its time.
        assert_eq!(shop.next_with(&heron, &json!({"wait": 1})).await, Vec::<serde_json::Value>::new());
        let (wait, nothing) = (json!({"wait": 30}), json!({}));
        let both = async { tokio::join!(shop.next_with(&heron, &wait), shop.start("sync", &nothing)) };
        let (got, _) = timeout(PATIENCE, both).await.unwrap();
        assert_eq!(got.len(), 1);
        // As many as are wanted, and no more than may be held.
        for _ in 0..6 {
            shop.start("sync", &json!({})).await;
        }
        let more = shop.next_with(&heron, &json!({"max": 16, "resume": false})).await;
        assert_eq!(more.len(), 3);
        let tasks: BTreeSet<_> = more.iter().map(|it| text(&it["task"])).collect();
        assert_eq!(tasks.len(), 3);
        let full = shop.server.post("/api/v1/claims/next").json(&json!({"resume": false})).by(&heron);
        full.send().await.assert_refused(429, "claims_full");
        let held = shop.server.get("/api/v1/claims").by(&heron).send().await;
        assert_eq!(held.json()["items"].as_array().unwrap().len(), 4);
        for wrong in [json!({"wait": 61}), json!({"max": 0}), json!({"max": 17}), json!({"run": "x"})] {
            let asked = shop.server.post("/api/v1/claims/next").json(&wrong).by(&heron);
            asked.send().await.assert_refused(422, "invalid");
        }
    }
}

on_both! {
    /// W33.
    async fn a_lost_answer_loses_nothing(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let heron = shop.agent(&shop.anna, "heron").await;
        shop.register(&of_steps("sync", json!([{"id": "a"}]), json!({}))).await;
        shop.start("sync", &json!({})).await;
        shop.start("sync", &json!({})).await;
        let ask = || shop.server.post("/api/v1/claims/next").json(&json!({"resume": false})).header("idempotency-key", "k1").by(&heron);
        let first = ask().send().await.json();
        assert_eq!(ask().send().await.json(), first);
        let claim = first["items"][0].clone();
        let again = shop.next_with(&heron, &json!({})).await;
        assert_eq!((&again[0]["claim"], &again[0]["resumed"]), (&claim["claim"], &json!(true)));
        // Once it was touched it is not told again.
        shop.about(&heron, &claim, "heartbeat", &json!({})).await.assert_status(200);
        let other = shop.next_with(&heron, &json!({})).await;
        assert_ne!(other[0]["claim"], claim["claim"]);
    }
}

on_both! {
    /// W34 in part: the end slides, and never past the hard end.
    async fn a_sign_of_life_moves_the_end(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let heron = shop.agent(&shop.anna, "heron").await;
        let steps = json!([{"id": "a", "claim": {"ttl": "30s", "cap": "30s"}}, {"id": "b", "claim": {"ttl": "30s", "cap": "1h"}}]);
        shop.register(&of_steps("sync", steps, json!({}))).await;
        shop.start("sync", &json!({})).await;
        for _ in 0..2 {
            let claim = shop.claim(&heron).await;
            let beat = json!({"usage": {"tokens_in": 3, "tokens_out": 4, "micro_usd": 5}, "fence": 1});
            let told = shop.about(&heron, &claim, "heartbeat", &beat).await;
            told.assert_status(200);
            let (before, after) = (text(&claim["lease_ends_at"]), text(&told.json()["lease_ends_at"]));
            if claim["address"] == "a" {
                assert_eq!((&after, &after), (&before, &text(&claim["cap_at"])));
            } else {
                assert!(after >= before);
            }
            assert_eq!(told.json()["cancel_requested"], false);
            let other = json!({"fence": 2});
            shop.about(&heron, &claim, "heartbeat", &other).await.assert_refused(409, "claim_lost");
        }
    }
}

on_both! {
    /// W36, W37, W38.
    async fn a_result_is_judged_once(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let heron = shop.agent(&shop.anna, "heron").await;
        let child = json!({"id": "c"});
        let steps = json!([{"id": "a", "spawns": {"for_each": "/list", "steps": ["c"], "max_width": 2}}, child]);
        shop.register(&of_steps("sync", steps, json!({"final_output": {"composes": ["all: flatten([c].list)"]}}))).await;
        let run = shop.start("sync", &json!({})).await;
        let claim = shop.claim(&heron).await;
        // Every fault at once, and the claim lives.
        let wrong = shop.submit(&heron, &claim, &json!({"n": "x", "list": [1, {}]})).await;
        wrong.assert_refused(422, "invalid");
        let places: BTreeSet<_> = wrong.json()["errors"].as_array().unwrap().iter().map(|it| text(&it["pointer"])).collect();
        assert_eq!(places, BTreeSet::from(["/result/n".to_owned(), "/result/list/0".to_owned()]));
        // W22: too wide, and a shorter one is taken.
        let wide = shop.submit(&heron, &claim, &json!({"n": 1, "list": [{}, {}, {}]})).await;
        wide.assert_refused(422, "invalid");
        assert_eq!(wide.json()["errors"][0]["code"], "fan_out_too_wide");
        let told = shop.done(&heron, &claim, &json!({"n": 1, "list": [{}, {}]})).await;
        assert_eq!((&told["accepted"], &told["repeated"]), (&json!(true), &json!(false)));
        // The same again, written in another order: the first verdict again, and no more children.
        let target = format!("/api/v1/claims/{}/result", text(&claim["claim"]));
        let again = shop.server.post(&target).header("content-type", "application/json").body(r#"{ "result": {"list": [ {}, {}],  "n": 1} }"#).by(&heron);
        let again = again.send().await;
        again.assert_status(200);
        assert_eq!((&again.json()["accepted"], &again.json()["repeated"]), (&json!(true), &json!(true)));
        assert_eq!(shop.tasks(&run).await.len(), 3);
        // Another one changes nothing.
        let late = shop.submit(&heron, &claim, &json!({"n": 2, "list": []})).await;
        late.assert_refused(409, "claim_lost");
        assert_eq!(late.json()["errors"][0]["code"], "submitted");
        assert_eq!(shop.tasks(&run).await.len(), 3);
        // The tenth that does not fit ends the claim.
        let child = shop.claim(&heron).await;
        for number in 0..10 {
            let wrong = shop.submit(&heron, &child, &json!({"n": format!("{number}")})).await;
            wrong.assert_refused(422, "invalid");
        }
        let ended = shop.submit(&heron, &child, &json!({"n": 1})).await;
        ended.assert_refused(409, "claim_lost");
        assert_eq!(ended.json()["errors"][0]["code"], "exhausted");
        let seen = shop.server.get(&format!("/api/v1/claims/{}", text(&child["claim"]))).by(&heron).send().await;
        assert_eq!(seen.json()["submissions"].as_array().unwrap().len(), 10);
    }
}

on_both! {
    /// W39, W40.
    async fn an_older_fence_changes_nothing(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let (heron, gannet) = (shop.agent(&shop.anna, "heron").await, shop.agent(&shop.anna, "gannet").await);
        shop.register(&of_steps("sync", json!([{"id": "a"}]), json!({}))).await;
        let run = shop.start("sync", &json!({})).await;
        let first = shop.claim(&heron).await;
        let back = shop.release(&heron, &first, &json!({"detail": "no time"})).await;
        back.assert_status(200);
        assert_eq!((&back.json()["state"], &back.json()["task_state"]), (&json!("released"), &json!("ready")));
        // It is not offered what it handed back.
        assert!(shop.next(&heron).await.is_none());
        let second = shop.claim(&gannet).await;
        assert_eq!((&second["fence"], &second["attempt"]), (&json!(2), &json!(1)));
        shop.submit(&heron, &first, &json!({"n": 1})).await.assert_refused(409, "claim_lost");
        assert_eq!(shop.state(&run).await, "running");
        shop.done(&gannet, &second, &json!({"n": 2})).await;
        assert_eq!(shop.get(&format!("/runs/{run}/output")).await, json!({"n": 2}));
        let attempts = shop.get(&format!("/tasks/{}/attempts", text(&first["task"]))).await;
        let attempts = attempts["items"].as_array().unwrap();
        let told: Vec<_> = attempts.iter().map(|it| (text(&it["agent"]), text(&it["state"]))).collect();
        assert_eq!(told, [("heron".to_owned(), "released".to_owned()), ("gannet".to_owned(), "submitted".to_owned())]);
        assert_eq!(attempts[0]["detail"], "no time");
    }
}

on_both! {
    /// What only a token may is narrower than what its agent may.
    async fn a_token_names_what_it_may_claim(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let heron = shop.agent(&shop.anna, "heron").await;
        for id in ["one", "two"] {
            shop.register(&of_steps(id, json!([{"id": "a"}]), json!({}))).await;
            shop.start(id, &json!({})).await;
        }
        let scope = json!({ "planes": { "work": "write" }, "publishers": ["acme/two"] });
        let mint = json!({ "scope": scope });
        let minted = shop.server.post("/api/v1/agents/heron/tokens").json(&mint).by(&shop.anna).send().await;
        assert_eq!(minted.status, 201, "{}", minted.text());
        let token = text(&minted.json()["value"]);
        let ask = async || {
            let ask = shop.server.post("/api/v1/claims/next").json(&json!({"max": 4, "resume": false}));
            bearing(ask, &token).send().await
        };
        let got = ask().await.json();
        let got: Vec<_> = got["items"].as_array().unwrap().iter().map(|it| text(&it["pipeline"])).collect();
        assert_eq!(got, ["two"]);
        // W50 in part: once it is revoked it asks for nothing any more.
        let id = text(&minted.json()["token"]["id"]);
        let end = shop.server.request(http::Method::DELETE, &format!("/api/v1/agents/heron/tokens/{id}")).by(&shop.anna);
        assert!(end.send().await.status < 300);
        ask().await.assert_refused(401, "unauthenticated");
        assert_eq!(shop.claim(&heron).await["pipeline"], "one");
    }
}
