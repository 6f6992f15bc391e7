//! Several processes on one PostgreSQL (`spec/work.md` 11; W95, W101), what is read at a start (W103), and silence (W98).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use testkit::{Broken, Person, Server, Setup};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Notify,
};

use super::{Shop, of_steps, text};
use crate::{
    ground::{Ground, eventually, on_both},
    store,
};

/// A shop as it is seen at another process on its database.
async fn beside(shop: &Shop, other: Setup) -> Shop {
    Shop {
        server: other.start().await,
        handle: shop.handle.clone(),
        anna: shop.anna.clone(),
        admin: shop.admin.clone(),
        runner: shop.runner.clone(),
    }
}

/// Results that one process took before it was killed.
const BEFORE: usize = 8;

/// What all agents were told together.
#[derive(Default)]
struct Ledger {
    is_killed: AtomicBool,
    /// Results that count, and who is told of each.
    results: AtomicUsize,
    counts: Notify,
}

/// One call for work, and a result for each claim of it. Gives the claims.
async fn step(server: &Server, agent: &Person, ledger: &Ledger) -> Result<Vec<Value>, Broken> {
    let ask = server.post("/api/v1/claims/next").json(&json!({"max": 2})).by(agent);
    let answer = ask.try_send().await?;
    answer.assert_status(200);
    let claims = answer.json()["items"].as_array().unwrap().clone();
    for claim in &claims {
        let target = format!("/api/v1/claims/{}/result", text(&claim["claim"]));
        let submit = server.post(&target).json(&json!({"result": {"n": 1}})).by(agent);
        let answer = submit.try_send().await?;
        assert_eq!(answer.status, 200, "{}", answer.text());
        ledger.results.fetch_add(1, Ordering::Relaxed);
        ledger.counts.notify_one();
    }
    Ok(claims)
}

/// An agent works with one process until that is gone, and then with the other, until no run is open.
async fn work((near, far): (&Shop, &Shop), agent: &Person, ledger: &Ledger) -> Vec<Value> {
    let mut claims = Vec::new();
    loop {
        let shop = if ledger.is_killed.load(Ordering::Relaxed) { far } else { near };
        match step(&shop.server, agent, ledger).await {
            Err(Broken) => ledger.is_killed.store(true, Ordering::Relaxed),
            Ok(found) if found.is_empty() => {
                let open = "/runs?publisher=acme&state=running&limit=1";
                if far.get(open).await["items"].as_array().unwrap().is_empty() {
                    return claims;
                }
            }
            Ok(found) => claims.extend(found),
        }
    }
}

/// W101.
#[tokio::test]
async fn two_processes_grant_each_task_once_though_one_is_killed() {
    let ground = Ground::postgres().await;
    let mut near = Shop::open(ground.server().start().await, "acme").await;
    let far = beside(&near, ground.server()).await;
    let mut agents = Vec::new();
    for name in ["heron", "gannet", "ibis", "egret"] {
        agents.push(near.agent(&near.anna, name).await);
    }
    // Some tasks of a run come one after the other, some at once: both processes are at work on the same runs.
    let steps = json!([{"id": "a"}, {"id": "b"}, {"id": "c", "requires": ["a", "b"]}]);
    near.register(&of_steps("sync", steps, json!({}))).await;
    let mut runs = Vec::new();
    for number in 0..12 {
        let shop = if number % 2 == 0 { &near } else { &far };
        runs.push(shop.start("sync", &json!({"key": format!("k{}", number % 3)})).await);
    }
    let ledger = Ledger::default();
    let [a, b, c, d] = &agents[..] else { panic!("four agents") };
    let killed = async {
        while ledger.results.load(Ordering::Relaxed) < BEFORE {
            ledger.counts.notified().await;
        }
        near.server.kill_now();
        ledger.is_killed.store(true, Ordering::Relaxed);
    };
    let (claims, ()) = join(
        join_all([
            work((&near, &far), a, &ledger),
            work((&near, &far), b, &ledger),
            work((&far, &far), c, &ledger),
            work((&far, &far), d, &ledger),
        ]),
        killed,
    )
    .await;
    // A claim may be told twice, a fence of a task belongs to one claim.
    let mut fences = BTreeMap::new();
    for claim in claims.iter().flatten() {
        let place = (text(&claim["task"]), claim["fence"].as_u64().unwrap());
        let before = fences.insert(place, claim["claim"].clone());
        assert!(before.is_none_or(|before| before == claim["claim"]), "{claim}");
    }
    for run in &runs {
        assert_eq!(far.state(run).await, "completed");
        let events = far.get(&format!("/runs/{run}/events?limit=100")).await;
        let events = events["items"].as_array().unwrap();
        let mut live = BTreeSet::new();
        let mut accepted = BTreeSet::new();
        for event in events {
            let (kind, task) = (text(&event["type"]), event["task"].to_string());
            match kind.as_str() {
                "claim.granted" => assert!(live.insert(task), "two live claims: {events:?}"),
                "claim.submitted" | "claim.expired" | "claim.released" => {
                    assert!(live.remove(&task), "{events:?}");
                }
                "task.done" => assert!(accepted.insert(task), "two results: {events:?}"),
                _ => {}
            }
        }
        assert_eq!(accepted.len(), 3, "{events:?}");
    }
    near.server.kill().await;
}

/// What is heard of another process comes by its hint; the look each five seconds reads otherwise.
#[tokio::test]
async fn whoever_waits_at_one_process_gets_what_another_made_ready() {
    let ground = Ground::postgres().await;
    let near = Shop::open(ground.server().start().await, "acme").await;
    let heron = near.agent(&near.anna, "heron").await;
    near.register(&of_steps("sync", json!([{"id": "a"}]), json!({}))).await;
    let far = beside(&near, ground.server().log("info,pipelines=debug,db=trace")).await;
    let asked = json!({"wait": 30, "resume": false});
    eventually("it is told by a hint", async || {
        let (claims, run) = join(far.next_with(&heron, &asked), async {
            // It waits by now, or finds it at once: both are good, and the first is what happens.
            near.start("sync", &json!({})).await
        })
        .await;
        assert_eq!(claims[0]["run"], json!(run));
        far.done(&heron, &claims[0], &json!({"n": 1})).await;
        far.server.log().contains("heads::store::THESE")
    })
    .await;
    // Who does not want to wait is not told that there is nothing, either.
    let other = near.start("sync", &json!({})).await;
    eventually("it is found", async || {
        far.next(&heron).await.is_some_and(|claim| claim["run"] == json!(other))
    })
    .await;
}

/// W95: both processes find the schedules due at the same moment.
#[tokio::test]
async fn two_processes_fire_a_schedule_once() {
    let ground = Ground::postgres().await;
    let mut near = Shop::open(ground.server().start().await, "acme").await;
    let minute = (names::Clock::default().now().seconds() / 60 + 30) % 60;
    let schedules = ["skip", "latest", "all"].map(|missed| {
        json!({
            "name": missed, "cron": format!("{minute} * * * *"), "time_zone": "UTC", "missed": missed,
            "input": {},
        })
    });
    near.register(&of_steps("sync", json!([{"id": "a"}]), json!({"schedules": schedules}))).await;
    near.server.stop().await;
    let db = ground.db(&near.server).await;
    let mut tx = db.write().await.unwrap();
    store::let_hours_of_schedules_pass(&mut tx, 3).await.unwrap();
    tx.commit().await.unwrap();
    db.close().await;
    let (_far, ()) = join(ground.server().start(), near.server.restart()).await;
    let now = names::Clock::default().now().to_string();
    eventually("the schedules have fired", async || {
        let items = near.get("/publishers/acme/pipelines/sync/schedules").await;
        let items = items["items"].as_array().unwrap();
        items.iter().all(|it| it["next_at"].as_str().unwrap() > now.as_str())
    })
    .await;
    let runs = near.get("/runs?publisher=acme&limit=100").await;
    let names: Vec<_> =
        runs["items"].as_array().unwrap().iter().map(|it| text(&it["external_id"])).collect();
    let of = |name: &str| names.iter().filter(|it| it.contains(name)).count();
    assert_eq!(["skip", "latest", "all"].map(of), [0, 1, 3], "{names:?}");
}

/// Keys of which each has one task: more than are read at once.
const KEYS: usize = 1_050;

on_both! {
    /// W103 in small: of heads without number as many are read as are needed, and the oldest come first.
    async fn tasks_of_many_keys_come_in_their_order_after_a_start(ground: Ground) {
        let mut shop = Shop::open(ground.server().start().await, "acme").await;
        let (heron, gannet) = (shop.agent(&shop.anna, "heron").await, shop.agent(&shop.anna, "gannet").await);
        let fair = json!({"fairness": {"key": "/key"}});
        shop.register(&of_steps("sync", json!([{"id": "a"}]), fair)).await;
        let first = shop.start("sync", &json!({"key": "first"})).await;
        let second = shop.start("sync", &json!({"key": "second"})).await;
        for numbers in (0..KEYS).collect::<Vec<_>>().chunks(64) {
            join_all(numbers.iter().map(|number| {
                let shop = &shop;
                async move { shop.start("sync", &json!({"key": format!("k{number}")})).await }
            }))
            .await;
        }
        let last = shop.start("sync", &json!({"key": "last"})).await;
        shop.server.stop().await;
        shop.server.restart().await;
        let claims = shop.next_with(&heron, &json!({"max": 2})).await;
        let runs: Vec<_> = claims.iter().map(|it| text(&it["run"])).collect();
        assert_eq!(runs, [first, second]);
        // A run that is asked for by name has its task wherever that stands.
        let claims = shop.next_with(&gannet, &json!({"run": last})).await;
        assert_eq!(claims.len(), 1);
        assert_eq!(claims[0]["run"], json!(last));
    }
}

/// Callers that wait while nothing happens.
const WAITING: usize = 100;
/// How often it is looked that nothing has begun.
const LOOKS: usize = 40;

/// How many transactions and reads a server has begun.
async fn begun(address: std::net::SocketAddr) -> u64 {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let line = text.lines().find_map(|it| it.strip_prefix("motet_db_transactions_total "));
    line.unwrap().parse().unwrap()
}

/// W98, W102: a hundred callers wait, and nothing is begun; a stop answers them all.
#[tokio::test]
async fn a_hundred_who_wait_cost_nothing() {
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let server = Ground::Sqlite.server().arg("--metrics-listen").arg(address.to_string());
    let mut shop = Shop::open(server.start().await, "acme").await;
    let heron = shop.agent(&shop.anna, "heron").await;
    shop.register(&of_steps("sync", json!([{"id": "a"}]), json!({}))).await;
    assert!(shop.next(&heron).await.is_none());
    let calm = async || {
        eventually("nobody is at work", async || begun(address).await == begun(address).await)
            .await;
        begun(address).await
    };
    // What it costs to be believed, and to be told that there is nothing.
    let before = calm().await;
    assert!(shop.next(&heron).await.is_none());
    let one = calm().await - before;
    let before = before + one;
    let asks: Vec<_> = (0..WAITING)
        .map(|_| {
            let body = json!({"wait": 60, "resume": false});
            let ask = shop.server.post("/api/v1/claims/next").json(&body).by(&heron);
            tokio::spawn(async move { ask.send().await })
        })
        .collect();
    let all = before + one * u64::try_from(WAITING).unwrap();
    eventually("all of them wait", async || begun(address).await == all).await;
    let idle = begun(address).await;
    for _ in 0..LOOKS {
        assert_eq!(begun(address).await, idle);
    }
    shop.server.terminate();
    for ask in asks {
        let answer = ask.await.unwrap();
        assert_eq!((answer.status, answer.json()["items"].clone()), (200, json!([])));
    }
    shop.server.ended_well().await;
}

on_both! {
    /// W43 in part: whoever could not be heard because nobody was there has a minute more.
    async fn live_claims_have_a_minute_after_a_time_in_which_nobody_was_there(ground: Ground) {
        let mut shop = Shop::open(ground.server().start().await, "acme").await;
        let (heron, gannet) = (shop.agent(&shop.anna, "heron").await, shop.agent(&shop.anna, "gannet").await);
        shop.register(&of_steps("sync", json!([{"id": "a"}]), json!({}))).await;
        let run = shop.start("sync", &json!({})).await;
        let claim = shop.claim(&heron).await;
        shop.server.kill().await;
        let db = ground.db(&shop.server).await;
        let mut tx = db.write().await.unwrap();
        // As if an hour had passed.
        store::let_claims_be_over(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        db.close().await;
        shop.server.restart().await;
        assert!(shop.next(&gannet).await.is_none());
        let beat = shop.about(&heron, &claim, "heartbeat", &json!({})).await;
        assert_eq!(beat.status, 200, "{}", beat.text());
        assert!(beat.json()["remaining_ms"].as_u64().unwrap() > 0);
        shop.done(&heron, &claim, &json!({"n": 1})).await;
        assert_eq!(shop.state(&run).await, "completed");
    }
}

/// Children of a fan-out that is made in pieces.
const WIDE: usize = 1_200;

on_both! {
    /// W26: others are given tasks while a wide fan-out is made; what depends on all of it waits for the last piece.
    async fn a_wide_fan_out_is_made_while_others_work(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let (heron, gannet) = (shop.agent(&shop.anna, "heron").await, shop.agent(&shop.anna, "gannet").await);
        let spawns = json!({"for_each": "/list", "steps": ["e"], "max_width": WIDE});
        let steps = json!([
            {"id": "a", "spawns": spawns},
            {"id": "e", "skip_if": "true"},
            {"id": "z", "requires": ["e"]},
        ]);
        shop.register(&of_steps("wide", steps, json!({}))).await;
        shop.register(&of_steps("sync", json!([{"id": "a"}]), json!({}))).await;
        let run = shop.start("wide", &json!({})).await;
        let claim = shop.claim(&heron).await;
        let list: Vec<_> = (0..WIDE).map(|k| json!({"k": k})).collect();
        let (told, other) = join(shop.done(&heron, &claim, &json!({"n": 1, "list": list})), async {
            let other = shop.start("sync", &json!({})).await;
            let claim = shop.next_with(&gannet, &json!({"wait": 30, "pipelines": ["sync"]})).await;
            (other, claim[0]["run"].clone())
        })
        .await;
        assert_eq!((&told["verdict"], json!(other.0)), (&json!("accepted"), other.1));
        // The last child is there before what waits for all of them.
        let behind = shop.next_with(&heron, &json!({"wait": 30, "run": run})).await;
        assert_eq!(behind[0]["address"], "z");
        let seen = shop.get(&format!("/runs/{run}")).await;
        assert_eq!(seen["spent"]["tasks"], json!(WIDE + 2), "{seen}");
        shop.done(&heron, &behind[0], &json!({"n": 2})).await;
        assert_eq!(shop.state(&run).await, "completed");
    }
}
