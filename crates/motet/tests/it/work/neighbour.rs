//! Whoever enqueues much keeps nobody else waiting (`spec/work.md` 4, Order; 14, noisy neighbour).
//!
//! By counts, not by time: between two starts of an idle publisher at most so many of the other's tasks are granted. The
//! size of a night: `MOTET_TEST_QUEUED=1000000`.

use serde_json::{Value, json};
use testkit::scale;

use super::{Shop, agent, bearing, of_steps, text};
use crate::ground::{Ground, on_both};

/// Tasks that the loud publisher enqueues.
const QUEUED: usize = 20_000;
/// The widest fan-out that there is.
const WIDTH: usize = 10_000;
/// Of both: below that of what spawns others, which therefore stands in a queue of its own.
const PRIORITY: u8 = 4;
/// What the quiet publisher starts while the loud one's queue is full.
const STARTS: usize = 40;

/// Fills the queue of a publisher by fan-outs, `many` tasks in all.
async fn fill(shop: &Shop, token: &str, many: usize) {
    let steps = json!([
        {"id": "a", "spawns": {"for_each": "/list", "steps": ["e"], "max_width": WIDTH}},
        {"id": "e", "priority": PRIORITY},
    ]);
    let more = json!({"budgets": {"tasks": 100_000}, "final_output": {"composes": ["all: flatten([a].list)"]}});
    shop.register(&of_steps("flood", steps, more)).await;
    let mut left = many;
    while left > 0 {
        let width = left.min(WIDTH);
        let run = shop.start("flood", &json!({})).await;
        let claim = next(shop, token, &json!({"run": run, "resume": false})).await.unwrap();
        assert_eq!(claim["address"], "a");
        let list: Vec<_> = (0..width).map(|_| json!({})).collect();
        done(shop, token, &claim, &json!({"n": 1, "list": list})).await;
        left -= width;
    }
}

async fn next(shop: &Shop, token: &str, body: &Value) -> Option<Value> {
    let asked = shop.server.post("/api/v1/claims/next").json(body);
    let answer = bearing(asked, token).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["items"].as_array().unwrap().first().cloned()
}

async fn done(shop: &Shop, token: &str, claim: &Value, result: &Value) {
    let target = format!("/api/v1/claims/{}/result", text(&claim["claim"]));
    let sent = shop.server.post(&target).json(&json!({ "result": result }));
    let answer = bearing(sent, token).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

on_both! {
    /// An agent of both gets the quiet one's task within a turn of its start, however much stands before it.
    async fn a_queue_of_thousands_keeps_nobody_else_waiting(ground: Ground) {
        let loud = Shop::open(ground.server().start().await, "loud").await;
        loud.agent(&loud.anna, "filler").await;
        let filler = loud.token(&loud.anna, "filler").await;
        fill(&loud, &filler, scale("QUEUED", QUEUED)).await;
        let quiet = Shop::of(loud.server, "quiet", loud.anna).await;
        quiet.register(&of_steps("now", json!([{"id": "a", "priority": PRIORITY}]), json!({}))).await;
        let heron = agent(&quiet.server, &quiet.anna, "heron", &["loud", "quiet"]).await;
        let ask = json!({"resume": false});
        let (mut given, mut longest) = (0, 0);
        for number in 0..STARTS {
            // The loud one is served too, and builds up no claim to be served next.
            for _ in 0..number % 3 {
                let claim = quiet.next_with(&heron, &ask).await.pop().unwrap();
                assert_eq!(claim["publisher"], "loud");
                quiet.done(&heron, &claim, &json!({"n": 1})).await;
                given += 1;
            }
            quiet.start("now", &json!({})).await;
            let mut before = 0;
            loop {
                let claim = quiet.next_with(&heron, &ask).await.pop().unwrap();
                quiet.done(&heron, &claim, &json!({"n": 1})).await;
                if claim["publisher"] == "quiet" {
                    break;
                }
                before += 1;
            }
            longest = longest.max(before);
            given += before;
        }
        // Each has its turn: at most one of the other's comes first.
        assert!(longest <= 1, "{longest} of the loud one's came before the quiet one's");
        assert!(given > 0);
        eprintln!("{given} of the loud one's were given meanwhile, at most {longest} before one of the quiet one's");
    }
}
