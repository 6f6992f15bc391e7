//! Attempts, deaths, poison, cancellation, budgets, slots.

use http::Method;
use serde_json::{Value, json};
use testkit::Person;

use super::{Shop, bearing, of_steps, text};
use crate::ground::{Ground, eventually, on_both};

/// The next claim of an agent, once a short back-off has passed.
async fn soon(shop: &Shop, agent: &Person) -> Value {
    shop.next_with(agent, &json!({"wait": 20, "resume": false})).await.pop().unwrap()
}

on_both! {
    /// W41 in part, W42.
    async fn after_its_last_attempt_a_task_is_dead(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let heron = shop.agent(&shop.anna, "heron").await;
        shop.register(&of_steps("sync", json!([{"id": "a", "attempts": 2}]), json!({}))).await;
        let run = shop.start("sync", &json!({})).await;
        let first = shop.claim(&heron).await;
        let told = shop.release(&heron, &first, &json!({"reason": "failed", "detail": "once"})).await.json();
        assert_eq!(told["task_state"], "delayed");
        let second = soon(&shop, &heron).await;
        assert_eq!((&second["attempt"], &second["fence"]), (&json!(2), &json!(2)));
        let told = shop.release(&heron, &second, &json!({"reason": "failed", "detail": "twice"})).await.json();
        assert_eq!((&told["task_state"], &told["run_state"]), (&json!("dead"), &json!("failed")));
        let seen = shop.get(&format!("/runs/{run}")).await;
        assert_eq!((&seen["reason"], &seen["error"]["address"]), (&json!("task_dead"), &json!("a")));
        let letters = shop.get("/publishers/acme/dead-letters").await;
        assert_eq!(letters["items"][0]["reason"], "attempts_exhausted");
        let attempts = shop.get(&format!("/tasks/{}/attempts", text(&first["task"]))).await;
        let told: Vec<_> = attempts["items"].as_array().unwrap().iter().map(|it| it["detail"].clone()).collect();
        assert_eq!(told, [json!("once"), json!("twice")]);
        shop.post(&format!("/runs/{run}/cancel"), &json!({})).await.assert_refused(409, "run_ended");
    }
}

on_both! {
    /// W44.
    async fn two_owners_that_are_blocked_make_poison(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let bert = shop.member("bert", "member").await;
        let (heron, ibis) = (shop.agent(&shop.anna, "heron").await, shop.agent(&shop.anna, "ibis").await);
        let gannet = shop.agent(&bert, "gannet").await;
        shop.register(&of_steps("sync", json!([{"id": "a", "attempts": 9}]), json!({}))).await;
        let run = shop.start("sync", &json!({})).await;
        let blocked = json!({"reason": "blocked", "detail": "the gate is shut"});
        for agent in [&heron, &ibis] {
            let claim = soon(&shop, agent).await;
            assert_eq!(shop.release(agent, &claim, &blocked).await.json()["task_state"], "delayed");
        }
        let claim = soon(&shop, &gannet).await;
        assert_eq!(shop.release(&gannet, &claim, &blocked).await.json()["task_state"], "dead");
        assert_eq!(shop.state(&run).await, "failed");
        let letters = shop.get("/publishers/acme/dead-letters?reason=poison:blocked").await;
        assert_eq!(letters["items"].as_array().unwrap().len(), 1);
    }
}

on_both! {
    /// W45.
    async fn a_death_that_is_held_waits_for_a_retry(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let heron = shop.agent(&shop.anna, "heron").await;
        shop.register(&of_steps("sync", json!([{"id": "a", "attempts": 1, "on_dead": "hold"}]), json!({}))).await;
        let run = shop.start("sync", &json!({})).await;
        let claim = shop.claim(&heron).await;
        shop.release(&heron, &claim, &json!({"reason": "failed"})).await.assert_status(200);
        assert_eq!(shop.state(&run).await, "running");
        assert!(shop.next(&heron).await.is_none());
        let retry = format!("/tasks/{}/retry", text(&claim["task"]));
        shop.post(&retry, &json!({})).await.assert_status(200);
        let again = shop.claim(&heron).await;
        assert_eq!((&again["generation"], &again["fence"], &again["attempt"]), (&json!(2), &json!(2), &json!(1)));
        shop.done(&heron, &again, &json!({"n": 3})).await;
        assert_eq!(shop.state(&run).await, "completed");
        shop.post(&retry, &json!({})).await.assert_refused(409, "task_closed");
    }
}

on_both! {
    /// W49.
    async fn a_cancelled_run_tells_its_agents(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let (heron, gannet) = (shop.agent(&shop.anna, "heron").await, shop.agent(&shop.anna, "gannet").await);
        let one = json!({"concurrency": [{"of": "claims", "max": 1}]});
        shop.register(&of_steps("sync", json!([{"id": "a"}]), one)).await;
        let run = shop.start("sync", &json!({})).await;
        let claim = shop.claim(&heron).await;
        // The slot is taken: another run's task is not given out.
        shop.start("sync", &json!({})).await;
        assert!(shop.next(&gannet).await.is_none());
        let target = format!("/api/v1/claims/{}?wait=30", text(&claim["claim"]));
        let watched = shop.server.get(&target).by(&heron);
        let cancelled = async {
            shop.post(&format!("/runs/{run}/cancel"), &json!({"reason": "no longer wanted"})).await.assert_status(200);
        };
        let (seen, ()) = tokio::join!(watched.send(), cancelled);
        assert_eq!((&seen.json()["state"], &seen.json()["cancel_requested"]), (&json!("cancelled"), &json!(true)));
        let beat = shop.about(&heron, &claim, "heartbeat", &json!({})).await;
        beat.assert_refused(409, "claim_lost");
        shop.submit(&heron, &claim, &json!({"n": 1})).await.assert_refused(409, "claim_lost");
        assert_eq!(shop.state(&run).await, "cancelled");
        shop.claim(&gannet).await;
    }
}

on_both! {
    /// W48 in part: runs queue, are refused, or replace as said.
    async fn runs_wait_for_a_slot_or_are_refused_or_replace(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let heron = shop.agent(&shop.anna, "heron").await;
        for on_full in ["queue", "refuse", "replace"] {
            let rule = json!({"concurrency": [{"of": "runs", "key": "/key", "max": 1, "on_full": on_full}]});
            shop.register(&of_steps(on_full, json!([{"id": "a"}]), rule)).await;
        }
        let key = json!({"key": "k"});
        let (first, second) = (shop.start("queue", &key).await, shop.start("queue", &key).await);
        let other = shop.start("queue", &json!({"key": "l"})).await;
        assert_eq!((shop.state(&second).await, shop.state(&other).await), ("queued".to_owned(), "running".to_owned()));
        let ask = json!({"run": first, "resume": false});
        let claim = shop.next_with(&heron, &ask).await.pop().unwrap();
        shop.done(&heron, &claim, &json!({"n": 1})).await;
        assert_eq!(shop.state(&second).await, "running");
        shop.start("refuse", &key).await;
        shop.try_start("refuse", &json!({"input": key})).await.assert_refused(409, "concurrency_full");
        let old = shop.start("replace", &key).await;
        let new = shop.start("replace", &key).await;
        assert_eq!((shop.state(&old).await, shop.state(&new).await), ("cancelled".to_owned(), "running".to_owned()));
    }
}

on_both! {
    /// W54.
    async fn so_many_claims_are_given_and_no_more(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let (heron, gannet) = (shop.agent(&shop.anna, "heron").await, shop.agent(&shop.anna, "gannet").await);
        let budget = json!({"budgets": {"claims": 1, "on_exhausted": "hold"}});
        shop.register(&of_steps("sync", json!([{"id": "a"}]), budget)).await;
        let run = shop.start("sync", &json!({})).await;
        let claim = shop.claim(&heron).await;
        shop.release(&heron, &claim, &json!({})).await.assert_status(200);
        assert!(shop.next(&gannet).await.is_none());
        let seen = shop.get(&format!("/runs/{run}")).await;
        assert_eq!((&seen["state"], &seen["held_by"]), (&json!("held"), &json!("budget:claims")));
        let path = format!("/api/v1/runs/{run}/budgets");
        let raise = || shop.server.request(Method::PATCH, &path).json(&json!({"claims": 2}));
        bearing(raise(), &shop.runner).send().await.assert_refused(403, "forbidden");
        bearing(raise(), &shop.admin).send().await.assert_status(200);
        let claim = shop.claim(&gannet).await;
        shop.done(&gannet, &claim, &json!({"n": 1})).await;
        assert_eq!(shop.state(&run).await, "completed");
    }
}

on_both! {
    /// A run that is held gives nothing out, and live claims may finish.
    async fn a_paused_run_gives_nothing_out(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let heron = shop.agent(&shop.anna, "heron").await;
        shop.register(&of_steps("sync", json!([{"id": "a"}, {"id": "b"}]), json!({}))).await;
        let run = shop.start("sync", &json!({})).await;
        let claim = shop.claim(&heron).await;
        shop.post(&format!("/runs/{run}/pause"), &json!({})).await.assert_status(200);
        assert!(shop.next(&heron).await.is_none());
        shop.done(&heron, &claim, &json!({"n": 1})).await;
        shop.post(&format!("/runs/{run}/resume"), &json!({})).await.assert_status(200);
        let claim = shop.claim(&heron).await;
        shop.done(&heron, &claim, &json!({"n": 1})).await;
        assert_eq!(shop.state(&run).await, "completed");
    }
}

on_both! {
    /// What is due ends a run by itself: its deadline is a job.
    async fn a_run_ends_at_its_deadline(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let heron = shop.agent(&shop.anna, "heron").await;
        shop.register(&of_steps("sync", json!([{"id": "a"}]), json!({}))).await;
        let made = shop.try_start("sync", &json!({"input": {}, "deadline": "1ms", "external_id": "x"})).await;
        made.assert_status(201);
        let run = text(&made.json()["run"]);
        eventually("the run is expired", async || shop.state(&run).await == "expired").await;
        assert!(shop.next(&heron).await.is_none());
        // The same name and input again is this run; another input is refused.
        let again = shop.try_start("sync", &json!({"input": {}, "external_id": "x"})).await;
        again.assert_status(200);
        assert_eq!(text(&again.json()["run"]), run);
        let other = json!({"input": {"key": "k"}, "external_id": "x"});
        shop.try_start("sync", &other).await.assert_refused(409, "external_id_taken");
        let wider = json!({"input": {}, "budgets": {"claims": 1_000_000}, "deadline": "9d", "priority": 9});
        let wider = shop.try_start("sync", &wider).await;
        wider.assert_refused(422, "invalid");
        assert_eq!(wider.json()["errors"].as_array().unwrap().len(), 3);
        shop.try_start("sync", &json!({"input": {"key": 1}})).await.assert_refused(422, "invalid");
    }
}
