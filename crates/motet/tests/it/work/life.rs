//! What was acknowledged outlives a kill; an idle server is silent.

use serde_json::{Value, json};

use super::{Shop, of_steps, text};
use crate::{
    ground::{Ground, on_both},
    store,
};

on_both! {
    /// W85 and the kill ledger in part: starts, claims, results and deaths that were told are there after SIGKILL.
    async fn what_was_acknowledged_outlives_a_kill(ground: Ground) {
        let mut shop = Shop::open(ground.server().start().await, "acme").await;
        let (heron, gannet) = (shop.agent(&shop.anna, "heron").await, shop.agent(&shop.anna, "gannet").await);
        let steps = json!([{"id": "a"}, {"id": "b", "requires": ["a"]}]);
        shop.register(&of_steps("sync", steps, json!({}))).await;
        let mut runs = Vec::new();
        for number in 0..4 {
            runs.push(shop.start("sync", &json!({"key": format!("k{number}")})).await);
        }
        let claims = shop.next_with(&heron, &json!({"max": 3})).await;
        assert_eq!(claims.len(), 3);
        shop.done(&heron, &claims[0], &json!({"n": 5})).await;
        shop.release(&heron, &claims[1], &json!({"reason": "failed"})).await.assert_status(200);
        shop.server.kill().await;
        // What the dead process had begun to do is done by the next one, once its time is over.
        let db = ground.db(&shop.server).await;
        let mut tx = db.write().await.unwrap();
        store::end_leases(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        db.close().await;
        shop.server.restart().await;
        // The result counts once, and the same again is told the same.
        let told = shop.done(&heron, &claims[0], &json!({"n": 5})).await;
        assert_eq!((&told["accepted"], &told["repeated"]), (&json!(true), &json!(true)));
        // The claim that lived lives on, in the same hands.
        let again = shop.next_with(&heron, &json!({"max": 4})).await;
        assert_eq!(again[0]["claim"], claims[2]["claim"]);
        shop.done(&heron, &again[0], &json!({"n": 6})).await;
        // The back-off that was due is over: every run comes to its end.
        let mut ends = 0;
        for _ in 0..2_000 {
            for agent in [&heron, &gannet] {
                for claim in shop.next_with(agent, &json!({"max": 4, "resume": false})).await {
                    if claim["task"] == claims[1]["task"] {
                        assert_eq!((&claim["fence"], &claim["attempt"]), (&json!(2), &json!(2)));
                    }
                    let told = shop.done(agent, &claim, &json!({"n": 7})).await;
                    ends += usize::from(told["run_state"] == "completed");
                }
            }
            if ends == runs.len() {
                break;
            }
        }
        assert_eq!(ends, runs.len());
        for run in &runs {
            let events = shop.get(&format!("/runs/{run}/events?limit=100")).await;
            let events = events["items"].as_array().unwrap();
            let numbers: Vec<_> = events.iter().map(|it| it["seq"].as_u64().unwrap()).collect();
            assert_eq!(numbers, (1..).take(events.len()).collect::<Vec<_>>());
            assert_eq!(events.last().unwrap()["type"], "run.completed");
        }
    }
}

on_both! {
    /// W102 in part: callers that wait are answered, and live claims live on.
    async fn a_stop_answers_those_who_wait(ground: Ground) {
        let mut shop = Shop::open(ground.server().start().await, "acme").await;
        let (heron, gannet) = (shop.agent(&shop.anna, "heron").await, shop.agent(&shop.anna, "gannet").await);
        shop.register(&of_steps("sync", json!([{"id": "a"}]), json!({}))).await;
        let run = shop.start("sync", &json!({})).await;
        let claim = shop.claim(&heron).await;
        // The server says that it waits for the body: from then on the call is under way.
        let (target, body) = ("/api/v1/claims/next", json!({"wait": 60}).to_string());
        let ask = shop.server.post(target).header("content-type", "application/json").body(body.clone());
        let [who, what] = ask.proofs(&gannet).map(|(name, value)| format!("{name}: {value}\r\n"));
        let head = format!(
            "POST {target} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n{who}{what}\
             content-length: {}\r\nexpect: 100-continue\r\n\r\n",
            shop.server.authority(),
            body.len()
        );
        let mut connection = shop.server.connect().await;
        connection.send(head.as_bytes()).await;
        connection.interim().await;
        connection.send(body.as_bytes()).await;
        shop.server.terminate();
        let waited = connection.answer().await;
        assert_eq!((waited.status, waited.json()["items"].clone()), (200, Value::Array(Vec::new())));
        shop.server.ended_well().await;
        shop.server.restart().await;
        shop.done(&heron, &claim, &json!({"n": 1})).await;
        assert_eq!(shop.state(&run).await, "completed");
        assert_eq!(text(&claim["run"]), run);
    }
}
