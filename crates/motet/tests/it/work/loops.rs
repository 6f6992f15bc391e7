//! Six agents that are shell scripts around curl complete the fan-out example, while the server is killed and started again
//! five times: every run ends as it should, and whoever is told of it is told of each event once.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
};

use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Receiver, Seen};
use tokio::task::spawn_blocking;

use super::{Shop, bearing, deliveries::admin_gets, text};
use crate::{
    ground::{Ground, eventually, on_both},
    store,
};

const LOOPS: usize = 6;
const KILLS: usize = 5;
const RUNS: usize = 6;

/// The scripts, which are ended when this is dropped.
struct Loops(Vec<Child>);

impl Drop for Loops {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ended = child.kill();
            let _waited = child.wait();
        }
    }
}

fn read(name: &str) -> Value {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/pipelines").join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// What lies ready for each address: the acts of the script of the example, as far as an agent alone can do them.
fn desk(script: &Value) -> TempDir {
    let desk = tempfile::tempdir().unwrap();
    for (address, acts) in script["answers"].as_object().unwrap() {
        for act in acts.as_array().unwrap() {
            let (name, body) = match (act.get("submit"), act["release"].as_str()) {
                (Some(result), _) if act["expect"] == "rejected" => {
                    ("bad", json!({ "result": result }))
                }
                (Some(result), _) => ("result", json!({ "result": result })),
                (None, Some(reason)) => ("back", json!({ "reason": reason })),
                // A claim that is let expire takes its time: the next act says the same sooner.
                (None, None) => continue,
            };
            fs::write(desk.path().join(format!("{address}.{name}")), body.to_string()).unwrap();
        }
    }
    desk
}

/// An agent with a token of its own, at work in a loop.
async fn begin(shop: &Shop, desk: &Path, number: usize) -> Child {
    let name = format!("loop{number}");
    shop.agent(&shop.anna, &name).await;
    let vouch = format!("/api/v1/publishers/{}/agents/{name}", shop.handle);
    let vouch = shop.server.request(Method::PUT, &vouch).json(&json!({"state": "vouched"}));
    bearing(vouch, &shop.admin).send().await.assert_status(200);
    let scope = json!({"scope": {"planes": {"work": "write"}, "publishers": [shop.handle]}});
    let minted =
        shop.server.post(&format!("/api/v1/agents/{name}/tokens")).json(&scope).by(&shop.anna);
    let minted = minted.send().await;
    minted.assert_status(201);
    Command::new("sh")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/work/loop.sh"))
        .arg(format!("{}/api/v1", shop.server.base_url()))
        .arg(text(&minted.json()["value"]))
        .arg(desk)
        .arg(&name)
        .stdin(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("bin/setup installs what a loop needs: {error}"))
}

/// The example, where both its receiver and its endpoint are ours, and a back-off passes at once.
fn definition(receiver: &Receiver) -> Value {
    let mut definition = read("add-data-source.json");
    definition["defaults"]["backoff"] =
        json!({"first": "1ms", "factor": 1, "max": "1ms", "jitter": 0});
    let events = [
        "run.started",
        "run.completed",
        "run.failed",
        "run.cancelled",
        "run.expired",
        "task.ready",
        "task.claimed",
        "task.extended",
        "task.released",
        "task.lease_expired",
        "task.completed",
        "task.failed",
        "task.dead",
    ];
    definition["webhook"] =
        json!({"url": receiver.url("/motet"), "events": events, "verdict": "none"});
    definition
}

fn ids(seen: &[Seen]) -> BTreeSet<String> {
    seen.iter().map(|it| it.header("webhook-id").to_owned()).collect()
}

/// What the timeline of a run says that others are told of, in order.
fn expected(events: &[Value]) -> Vec<&'static str> {
    let mut has_begun = false;
    let told = events.iter().filter_map(|it| match it["type"].as_str().unwrap() {
        "run.running" if !std::mem::replace(&mut has_begun, true) => Some("run.started"),
        "run.completed" => Some("run.completed"),
        "task.ready" => Some("task.ready"),
        "task.done" => Some("task.completed"),
        "task.delayed" => Some("task.failed"),
        "task.dead" => Some("task.dead"),
        "claim.granted" => Some("task.claimed"),
        "claim.extended" => Some("task.extended"),
        "claim.released" => Some("task.released"),
        "claim.expired" => Some("task.lease_expired"),
        _ => None,
    });
    told.collect()
}

async fn timeline(shop: &Shop, run: &str) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        let page = shop.get(&format!("/runs/{run}/events?limit=100&after={}", all.len())).await;
        let items = page["items"].as_array().unwrap().clone();
        let is_last = items.len() < 100;
        all.extend(items);
        if is_last {
            return all;
        }
    }
}

/// Every delivery that the server knows of: of which id, and how it ended.
async fn deliveries(shop: &Shop) -> BTreeMap<String, String> {
    let hooks = admin_gets(shop, "/publishers/tidewater/webhooks").await;
    let hook = text(&hooks["items"][0]["id"]);
    let (mut all, mut cursor) = (BTreeMap::new(), String::new());
    loop {
        let list = format!("/publishers/tidewater/webhooks/{hook}/deliveries");
        let page = admin_gets(shop, &format!("{list}?limit=100{cursor}")).await;
        for it in page["items"].as_array().unwrap() {
            all.insert(text(&it["id"]), text(&it["state"]));
        }
        let Some(next) = page["next_cursor"].as_str() else { return all };
        cursor = format!("&cursor={next}");
    }
}

/// The events of a run as they were told: each of its timeline once, in order; a second time is the same one.
fn told_of(run: &str, seen: &[Seen]) -> Vec<String> {
    let mut told: Vec<(u64, &str, &str)> = Vec::new();
    for it in seen.iter().filter(|it| it.header("x-motet-subject") == format!("run:{run}")) {
        let number = it.header("x-motet-sequence").parse().unwrap();
        let one = (number, it.header("webhook-id"), it.header("x-motet-event"));
        if told.last() == Some(&one) {
            continue;
        }
        assert_eq!(number, told.last().map_or(0, |last| last.0) + 1);
        told.push(one);
    }
    told.into_iter().map(|(.., kind)| kind.to_owned()).collect()
}

on_both! {
    /// W85, W100 in part.
    async fn six_loops_of_curl_end_every_run_though_the_server_is_killed_five_times(ground: Ground) {
        let receiver = Receiver::answering(&[204]).await;
        // The same address after each start: a port that was free a moment ago.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let server = ground.server().listen(&address).arg(receiver.allowed()).start().await;
        let mut shop = Shop::open(server, "tidewater").await;
        let made = shop.server.post("/api/v1/publishers/tidewater/secrets/webhook_signing");
        let made = bearing(made.json(&json!({})), &shop.admin).send().await;
        let secret = text(&made.json()["value"]);
        let script = read("add-data-source.script.json");
        for skill in script["skills"].as_array().unwrap() {
            let target = "/api/v1/publishers/tidewater/skills";
            let added = bearing(shop.server.post(target).json(skill), &shop.admin).send().await;
            assert!(added.status < 300, "{}", added.text());
        }
        shop.register(&definition(&receiver)).await;
        let mut runs = Vec::new();
        for number in 0..RUNS {
            let mut input = script["input"].clone();
            input["home"] = json!(format!("https://aldermouth.example/{number}"));
            runs.push(shop.start("add-data-source", &input).await);
        }
        let desk = desk(&script);
        let mut loops = Loops(Vec::new());
        for number in 0..LOOPS {
            loops.0.push(begin(&shop, desk.path(), number).await);
        }
        for kill in 1..=KILLS {
            // They are at work: what was told since the last start says so.
            let before = ids(&receiver.seen()).len();
            receiver.has(|seen| ids(seen).len() >= before + 10).await;
            shop.server.kill().await;
            // What the dead process held is let go by itself after a while.
            let db = ground.db(&shop.server).await;
            let mut tx = db.write().await.unwrap();
            store::end_sending(&mut tx).await.unwrap();
            store::end_leases(&mut tx).await.unwrap();
            tx.commit().await.unwrap();
            db.close().await;
            shop.server.restart().await;
            assert_eq!(shop.server.base_url(), format!("http://{address}"), "start {kill}");
        }
        for run in &runs {
            eventually("a run ends", async || shop.state(run).await == "completed").await;
        }
        fs::write(desk.path().join("stop"), "").unwrap();
        let all_ended = spawn_blocking(move || loops.0.iter_mut().all(|it| it.wait().unwrap().success()));
        assert!(all_ended.await.unwrap());
        eventually("everything is delivered", async || {
            deliveries(&shop).await.values().all(|state| state == "delivered")
        }).await;
        let known: BTreeSet<_> = deliveries(&shop).await.into_keys().collect();
        let seen = receiver.seen();
        assert_eq!(ids(&seen), known);
        assert!(seen.iter().all(|it| it.verified(&secret) == (1, 1)));
        let output = read("add-data-source.expected.json")["final_output"].clone();
        let mut count = 0;
        for run in &runs {
            assert_eq!(shop.get(&format!("/runs/{run}/output")).await, output);
            let kinds = told_of(run, &seen);
            assert_eq!(kinds, expected(&timeline(&shop, run).await));
            count += kinds.len();
        }
        // The ping, and nothing else.
        assert_eq!(known.len(), count + 1);
    }
}
