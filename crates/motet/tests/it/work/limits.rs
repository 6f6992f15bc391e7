//! How much one token and one publisher may have (`spec/work.md` 5; 11, Load).

use http::Method;
use serde_json::{Value, json};
use testkit::Answer;

use super::{Shop, bearing, of_steps, text, token};
use crate::ground::{Ground, on_both};

/// A shop on a server with this limit, and a pipeline of one step.
async fn shop(ground: &Ground, limit: &str) -> Shop {
    let server = ground.server().arg(format!("--limit={limit}")).start().await;
    let shop = Shop::open(server, "acme").await;
    shop.register(&of_steps("sync", json!([{"id": "a"}]), json!({}))).await;
    shop
}

fn assert_quota(answer: &Answer) {
    answer.assert_refused(429, "quota");
    assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
}

fn all() -> Value {
    json!({"planes": {"work": "write"}, "publishers": ["acme"]})
}

on_both! {
    /// W69, with three instead of six hundred.
    async fn so_many_tasks_are_claimed_in_an_hour(ground: Ground) {
        let mut shop = shop(&ground, "claims=3").await;
        let heron = shop.agent(&shop.anna, "heron").await;
        for _ in 0..8 {
            shop.start("sync", &json!({})).await;
        }
        let ask = |shop: &Shop, body: Value| {
            shop.server.post("/api/v1/claims/next").json(&body).by(&heron)
        };
        // No more than is left, and then none; what was handed in counts on.
        let got = shop.next_with(&heron, &json!({"max": 2, "resume": false})).await;
        assert_eq!(got.len(), 2);
        for claim in &got {
            shop.done(&heron, claim, &json!({"n": 1})).await;
        }
        assert_eq!(shop.next_with(&heron, &json!({"max": 2, "resume": false})).await.len(), 1);
        assert_quota(&ask(&shop, json!({"resume": false})).send().await);
        assert_quota(&ask(&shop, json!({"resume": false, "wait": 30})).send().await);
        // What it holds is told all the same.
        assert_eq!(shop.next_with(&heron, &json!({})).await.len(), 1);
        // Each token has its own.
        let (bearer, _) = token(&shop.server, &shop.anna, &heron, &all()).await;
        let own = || bearing(shop.server.post("/api/v1/claims/next").json(&json!({"resume": false, "max": 4})), &bearer);
        assert_eq!(own().send().await.json()["items"].as_array().unwrap().len(), 3);
        assert_quota(&own().send().await);
        // A restart forgets nothing.
        shop.server.kill().await;
        shop.server.restart().await;
        assert_quota(&ask(&shop, json!({"resume": false})).send().await);
        let gannet = shop.agent(&shop.anna, "gannet").await;
        shop.claim(&gannet).await;
    }
}

on_both! {
    /// The last result of a day may pass the number; the next one is refused, and what was judged is told again.
    async fn so_many_bytes_of_results_are_handed_in_within_a_day(ground: Ground) {
        let mut shop = shop(&ground, "result-bytes=20").await;
        let heron = shop.agent(&shop.anna, "heron").await;
        for _ in 0..2 {
            shop.start("sync", &json!({})).await;
        }
        let claims = shop.next_with(&heron, &json!({"max": 2})).await;
        let large = json!({"n": 1, "list": [{"text": "more than twenty bytes"}]});
        shop.done(&heron, &claims[0], &large).await;
        assert_quota(&shop.submit(&heron, &claims[1], &json!({"n": 1})).await);
        let again = shop.done(&heron, &claims[0], &large).await;
        assert_eq!(again["repeated"], true);
        shop.server.kill().await;
        shop.server.restart().await;
        assert_quota(&shop.submit(&heron, &claims[1], &json!({"n": 1})).await);
        // The claim lives: whoever cannot hand it in gives it back.
        shop.release(&heron, &claims[1], &json!({})).await.assert_status(200);
        let gannet = shop.agent(&shop.anna, "gannet").await;
        let claim = shop.claim(&gannet).await;
        shop.done(&gannet, &claim, &json!({"n": 1})).await;
    }
}

on_both! {
    async fn so_many_claims_live_at_once_with_a_token(ground: Ground) {
        let shop = shop(&ground, "claims=1000").await;
        let heron = shop.agent(&shop.anna, "heron").await;
        for _ in 0..12 {
            shop.start("sync", &json!({})).await;
        }
        let held = async |scope: &Value| {
            let (bearer, _) = token(&shop.server, &shop.anna, &heron, scope).await;
            let ask = || bearing(shop.server.post("/api/v1/claims/next").json(&json!({"resume": false, "max": 16})), &bearer);
            let got = ask().send().await.json()["items"].as_array().unwrap().len();
            let full = ask().send().await;
            full.assert_refused(429, "claims_full");
            assert_eq!(full.header("retry-after"), "1");
            got
        };
        assert_eq!(held(&all()).await, 4);
        let of = |number: u32| {
            let mut scope = all();
            scope["live_claims"] = number.into();
            scope
        };
        assert_eq!(held(&of(2)).await, 2);
        assert_eq!(held(&of(6)).await, 6);
        // A token goes no further than its agent.
        let narrow = json!({"scope": of(3)});
        let change = shop.server.request(Method::PATCH, "/api/v1/agents/heron").json(&narrow).by(&shop.anna);
        let change = change.send().await;
        assert!(change.status < 300, "{}", change.text());
        for _ in 0..4 {
            shop.start("sync", &json!({})).await;
        }
        assert_eq!(held(&of(64)).await, 3);
        for wrong in [0, 65] {
            let target = "/api/v1/agents/heron/tokens";
            let asked = shop.server.post(target).json(&json!({"scope": of(wrong)})).by(&shop.anna);
            asked.send().await.assert_refused(422, "invalid");
        }
    }
}

on_both! {
    async fn so_much_of_a_publisher_is_open_at_once(ground: Ground) {
        let mut shop = shop(&ground, "open-runs=2,open-tasks=5").await;
        let heron = shop.agent(&shop.anna, "heron").await;
        let steps: Vec<_> = ["a", "b", "c", "d", "e"].iter().map(|id| json!({"id": id})).collect();
        shop.register(&of_steps("wide", json!(steps), json!({}))).await;
        let body = json!({"input": {}});
        let (first, second) = (shop.start("sync", &json!({})).await, shop.start("sync", &json!({})).await);
        let third = shop.try_start("sync", &body).await;
        assert_quota(&third);
        assert!(third.text().contains("runs of the publisher"), "{}", third.text());
        shop.server.kill().await;
        shop.server.restart().await;
        assert_quota(&shop.try_start("sync", &body).await);
        // An end makes room, whatever the end.
        let claim = shop.claim(&heron).await;
        assert_eq!(claim["run"], first.as_str());
        shop.done(&heron, &claim, &json!({"n": 1})).await;
        shop.post(&format!("/runs/{second}/cancel"), &json!({})).await.assert_status(200);
        let wide = shop.start("wide", &json!({})).await;
        let refused = shop.try_start("sync", &body).await;
        assert_quota(&refused);
        assert!(refused.text().contains("tasks of the publisher"), "{}", refused.text());
        for _ in 0..5 {
            let claim = shop.claim(&heron).await;
            shop.done(&heron, &claim, &json!({"n": 1})).await;
        }
        assert_eq!(shop.state(&wide).await, "completed");
        for _ in 0..2 {
            shop.start("sync", &json!({})).await;
        }
        // Another publisher has its own.
        let (_, other) = crate::publishers::founded(&shop.server, "other").await;
        let definition = of_steps("sync", json!([{"id": "a"}]), json!({}));
        let made = crate::publishers::post(&shop.server, "other/pipelines", &other, definition).await;
        assert!(made.status < 300, "{}", made.text());
        let begun = crate::publishers::post(&shop.server, "other/pipelines/sync/runs", &other, body).await;
        begun.assert_status(201);
    }
}

on_both! {
    async fn so_many_runs_begin_in_a_second(ground: Ground) {
        let shop = shop(&ground, "starts=1").await;
        let under_way: Vec<_> = (0..32)
            .map(|_| {
                let target = "/api/v1/publishers/acme/pipelines/sync/runs";
                let request = bearing(shop.server.post(target).json(&json!({"input": {}})), &shop.runner);
                tokio::spawn(async move { request.send().await })
            })
            .collect();
        let (mut begun, mut refused) = (0, 0);
        for answer in under_way {
            let answer = answer.await.unwrap();
            if answer.status == 201 {
                begun += 1;
                continue;
            }
            refused += 1;
            answer.assert_refused(429, "rate_limited");
            assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
        }
        assert!(begun > 0 && refused > 0, "{begun} {refused}");
        assert_eq!(shop.get("/runs?limit=100").await["items"].as_array().unwrap().len(), begun);
        assert_eq!(text(&shop.get("/runs").await["items"][0]["state"]), "running");
    }
}
