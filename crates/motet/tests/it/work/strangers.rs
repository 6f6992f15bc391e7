//! What is another's is not there.

use serde_json::{Value, json};

use super::{Shop, agent, bearing, of_steps, text};
use crate::ground::{Ground, on_both};

on_both! {
    /// W53.
    async fn a_claim_in_other_hands_is_not_there(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let (heron, gannet) = (shop.agent(&shop.anna, "heron").await, shop.agent(&shop.anna, "gannet").await);
        shop.register(&of_steps("sync", json!([{"id": "a"}]), json!({}))).await;
        shop.start("sync", &json!({})).await;
        let claim = shop.claim(&heron).await;
        let nothing = json!({"claim": "00000000-0000-7000-8000-000000000000"});
        for (what, body) in [("heartbeat", json!({})), ("result", json!({"result": {"n": 1}})), ("release", json!({}))] {
            let seen = shop.about(&gannet, &claim, what, &body).await;
            seen.assert_refused(404, "not_found");
            assert_eq!(seen.faceless(), shop.about(&gannet, &nothing, what, &body).await.faceless());
        }
        let target = format!("/api/v1/claims/{}", text(&claim["claim"]));
        for stranger in [&gannet, &shop.anna] {
            shop.server.get(&target).by(stranger).send().await.assert_refused(404, "not_found");
        }
        shop.server.get(&target).by(&heron).send().await.assert_status(200);
        // A person claims nothing, and the publisher's own tokens do not either.
        let ask = || shop.server.post("/api/v1/claims/next").json(&json!({}));
        ask().by(&shop.anna).send().await.assert_refused(403, "forbidden");
        assert_eq!(bearing(ask(), &shop.runner).send().await.status, 401);
        assert_eq!(ask().send().await.status, 401);
    }
}

on_both! {
    /// W60, W61 in part.
    async fn both_sides_have_to_agree(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let eve = shop.server.register("eve").await;
        // Its owner's agent names the publisher, and does not belong to it.
        let stray = agent(&shop.server, &eve, "stray", &["acme"]).await;
        // This one belongs to it, and names nobody.
        let idle = agent(&shop.server, &shop.anna, "idle", &[]).await;
        shop.register(&of_steps("sync", json!([{"id": "a"}]), json!({}))).await;
        let run = shop.start("sync", &json!({})).await;
        for nobody in [&stray, &idle] {
            assert!(shop.next(nobody).await.is_none());
            for path in ["", "/tasks", "/events", "/output"] {
                let target = format!("/api/v1/runs/{run}{path}");
                shop.server.get(&target).by(nobody).send().await.assert_refused(404, "not_found");
            }
            let listed = shop.server.get("/api/v1/runs").by(nobody).send().await;
            assert_eq!(listed.json()["items"], json!([]));
        }
        let patch = async |audience: &str| {
            let target = "/api/v1/publishers/acme/pipelines/sync";
            let body = json!({ "audience": audience });
            let asked = shop.server.request(http::Method::PATCH, target).json(&body);
            let answer = bearing(asked, &shop.admin).send().await;
            assert!(answer.status < 300, "{}", answer.text());
        };
        let bind = async |state: &str| {
            let target = "/api/v1/publishers/acme/agents/stray";
            let body = json!({ "state": state });
            let asked = shop.server.request(http::Method::PUT, target).json(&body);
            let answer = bearing(asked, &shop.admin).send().await;
            assert!(answer.status < 300, "{}", answer.text());
        };
        // A list is no membership, and a membership no list.
        bind("listed").await;
        assert!(shop.next(&stray).await.is_none());
        patch("listed").await;
        let claim = shop.claim(&stray).await;
        shop.release(&stray, &claim, &json!({"reason": "failed"})).await.assert_status(200);
        patch("open").await;
        bind("barred").await;
        assert!(shop.next_with(&stray, &json!({"wait": 1, "resume": false})).await.is_empty());
        let listed = shop.server.get("/api/v1/publishers/acme/agents");
        let listed = bearing(listed, &shop.admin).send().await.json();
        assert_eq!((&listed["items"][0]["agent"], &listed["items"][0]["state"]), (&json!("stray"), &json!("barred")));
    }
}

on_both! {
    /// W59 in part: another tenant's run is what is not there, and in one's own one may be too weak.
    async fn a_run_of_another_publisher_is_not_there(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let heron = shop.agent(&shop.anna, "heron").await;
        let viewer = shop.member("vera", "viewer").await;
        shop.register(&of_steps("sync", json!([{"id": "a"}]), json!({"search": ["/key"]}))).await;
        let run = shop.start("sync", &json!({"key": "k"})).await;
        shop.start("sync", &json!({"key": "l"})).await;
        let task = text(&shop.claim(&heron).await["task"]);
        let eve = shop.server.register("eve").await;
        let nothing = "00000000-0000-7000-8000-000000000000";
        for (path, id) in [("runs", &run), ("tasks", &task)] {
            let seen = shop.server.get(&format!("/api/v1/{path}/{id}")).by(&eve).send().await;
            seen.assert_refused(404, "not_found");
            let missing = shop.server.get(&format!("/api/v1/{path}/{nothing}")).by(&eve).send().await;
            assert_eq!(seen.faceless(), missing.faceless());
            shop.server.get(&format!("/api/v1/{path}/{id}")).by(&viewer).send().await.assert_status(200);
        }
        let cancel = || shop.server.post(&format!("/api/v1/runs/{run}/cancel")).json(&json!({}));
        cancel().by(&eve).send().await.assert_refused(404, "not_found");
        cancel().by(&viewer).send().await.assert_refused(403, "forbidden");
        let begin = || shop.server.post("/api/v1/publishers/acme/pipelines/sync/runs").json(&json!({"input": {}}));
        begin().by(&eve).send().await.assert_refused(404, "not_found");
        begin().by(&viewer).send().await.assert_refused(403, "forbidden");
        assert_eq!(begin().send().await.status, 401);
        // Lists show one's own.
        let count = async |list: Value| list["items"].as_array().unwrap().len();
        assert_eq!(count(shop.get("/runs").await).await, 2);
        assert_eq!(count(shop.get("/runs?pipeline=sync&state=running&limit=1").await).await, 1);
        assert_eq!(count(shop.get("/runs?input=/key=%22k%22").await).await, 1);
        assert_eq!(count(shop.server.get("/api/v1/runs").by(&eve).send().await.json()).await, 0);
        assert_eq!(count(shop.server.get("/api/v1/runs").by(&viewer).send().await.json()).await, 2);
        let first = shop.get("/runs?limit=1").await;
        let rest = shop.get(&format!("/runs?limit=1&cursor={}", text(&first["next_cursor"]))).await;
        assert_eq!((text(&rest["items"][0]["run"]), &rest["next_cursor"]), (run, &Value::Null));
    }
}

on_both! {
    /// W68 in part.
    async fn persons_decide_and_nobody_else(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let (rita, vera) = (shop.member("rita", "reviewer").await, shop.member("vera", "viewer").await);
        let form = json!({"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}});
        let gate = json!([{"id": "a", "kind": "approval", "output_schema": form}]);
        shop.register(&of_steps("ask", gate, json!({}))).await;
        let begin = shop.server.post("/api/v1/publishers/acme/pipelines/ask/runs").json(&json!({"input": {}}));
        let started = begin.by(&shop.anna).send().await;
        started.assert_status(201);
        let run = text(&started.json()["run"]);
        let listed = shop.server.get("/api/v1/approvals").by(&rita).send().await.json();
        let gate = text(&listed["items"][0]["id"]);
        assert_eq!(listed["items"][0]["run"], run.as_str());
        let decide = |body: Value| shop.server.post(&format!("/api/v1/approvals/{gate}/decide")).json(&body);
        let yes = || decide(json!({"decision": "approve", "output": {"n": 4}, "comment": "well"}));
        yes().by(&vera).send().await.assert_refused(403, "forbidden");
        yes().by(&shop.anna).send().await.assert_refused(403, "starter");
        bearing(yes(), &shop.admin).send().await.assert_refused(403, "not_a_person");
        decide(json!({"decision": "approve", "output": {}})).by(&rita).send().await.assert_refused(422, "invalid");
        let told = yes().by(&rita).send().await;
        told.assert_status(200);
        assert_eq!(told.json(), json!({"state": "done", "approvals": 1}));
        yes().by(&rita).send().await.assert_refused(409, "approval_closed");
        let seen = shop.get(&format!("/approvals/{gate}")).await;
        assert_eq!((&seen["votes"][0]["person"], &seen["votes"][0]["comment"]), (&json!("rita"), &json!("well")));
        assert_eq!(shop.get(&format!("/runs/{run}/output")).await, json!({"n": 4}));
    }
}
