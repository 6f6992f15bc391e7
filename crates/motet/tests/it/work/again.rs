//! A live run moves to another version; a run is done once more.

use serde_json::json;

use super::{Shop, bearing, of_steps, text};
use crate::ground::{Ground, on_both};

on_both! {
    /// W28 in part, W29.
    async fn a_run_moves_where_the_versions_permit_it(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let (heron, gannet) = (shop.agent(&shop.anna, "heron").await, shop.agent(&shop.anna, "gannet").await);
        let steps = |words: &str| json!([{"id": "a", "instructions": words}, {"id": "b", "instructions": words}]);
        shop.register(&of_steps("sync", steps("Count."), json!({}))).await;
        let run = shop.start("sync", &json!({})).await;
        let live = shop.claim(&heron).await;
        let other = json!([{"id": "a"}, {"id": "b"}, {"id": "c"}]);
        shop.register(&of_steps("sync", other, json!({}))).await;
        shop.register(&of_steps("sync", steps("Count twice."), json!({}))).await;
        let move_to = |version: u32| {
            let request = shop.server.post(&format!("/api/v1/runs/{run}/move"));
            bearing(request.json(&json!({"to_version": version, "reason": "a hot fix"})), &shop.admin)
        };
        let refused = move_to(2).send().await;
        refused.assert_refused(409, "version_not_compatible");
        assert!(!refused.json()["errors"].as_array().unwrap().is_empty());
        assert_eq!(shop.get(&format!("/runs/{run}")).await["version"], 1);
        move_to(3).send().await.assert_status(200);
        move_to(9).send().await.assert_refused(422, "invalid");
        let seen = shop.get(&format!("/runs/{run}")).await;
        assert_eq!(seen["version"], 3);
        // What is granted from now on follows the new version; what lives keeps its own.
        let next = shop.claim(&gannet).await;
        assert_eq!((&next["version"], &next["instructions"]["text"]), (&json!(3), &json!("Count twice.")));
        assert_eq!(next["definition_sha256"], seen["definition_sha256"]);
        shop.done(&heron, &live, &json!({"n": 1})).await;
        shop.done(&gannet, &next, &json!({"n": 2})).await;
        assert_eq!(shop.state(&run).await, "completed");
        let events = shop.get(&format!("/runs/{run}/events?limit=100")).await;
        assert!(events["items"].as_array().unwrap().iter().any(|it| it["type"] == "run.moved"));
    }
}

on_both! {
    /// W51.
    async fn a_replay_does_what_depends_on_it_and_keeps_the_rest(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let heron = shop.agent(&shop.anna, "heron").await;
        let steps = json!([{"id": "a"}, {"id": "b", "inputs": {"n": {"from": "a", "pointer": "/n"}}}]);
        let output = json!({"final_output": {"composes": ["a.*", "twice: b.n"]}});
        shop.register(&of_steps("sync", steps, output)).await;
        let run = shop.start("sync", &json!({"key": "k"})).await;
        for result in [json!({"n": 7}), json!({"n": 14})] {
            let claim = shop.claim(&heron).await;
            shop.done(&heron, &claim, &result).await;
        }
        let again = shop.post(&format!("/runs/{run}/replay"), &json!({"from": ["b"]})).await;
        again.assert_status(201);
        let new = text(&again.json()["run"]);
        let seen = shop.get(&format!("/runs/{new}")).await;
        assert_eq!((text(&seen["replay_of"]), &seen["input"]), (run.clone(), &json!({"key": "k"})));
        let claim = shop.claim(&heron).await;
        assert_eq!((&claim["address"], &claim["input"]["value"]), (&json!("b"), &json!({"n": 7})));
        shop.done(&heron, &claim, &json!({"n": 14})).await;
        let seen = shop.get(&format!("/runs/{new}")).await;
        assert_eq!((&seen["state"], &seen["spent"]["claims"]), (&json!("completed"), &json!(1)));
        let output = async |run: &str| shop.get(&format!("/runs/{run}/output")).await;
        assert_eq!(output(&new).await, output(&run).await);
        let listed = shop.get(&format!("/runs?replay_of={run}")).await;
        assert_eq!(listed["items"].as_array().unwrap().len(), 1);
        // Another input keeps what is named and nothing else.
        let wrong = json!({"from": ["x"]});
        shop.post(&format!("/runs/{run}/replay"), &wrong).await.assert_refused(422, "invalid");
        let other = json!({"input": {"key": "l"}, "keep": []});
        let other = shop.post(&format!("/runs/{run}/replay"), &other).await;
        other.assert_status(201);
        assert_eq!(shop.claim(&heron).await["address"], "a");
    }
}
