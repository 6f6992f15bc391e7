//! Dead letters, numbers, records of agents, skills by claim, waiting for a run.

use std::time::Duration;

use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Person, scale};
use tokio::time::timeout;

use super::{Shop, agent, bearing, of_steps, tenants::Tenant, text};
use crate::{
    ground::{Ground, on_both},
    store,
};

/// Far more than anything here takes, so that only a fault reaches it.
const PATIENCE: Duration = Duration::from_mins(1);
const LETTERS: &str = "/publishers/acme/dead-letters";

fn items(page: &Value) -> Vec<Value> {
    page["items"].as_array().unwrap().clone()
}

/// Lays a letter aside, twice; who is too weak, and who is a stranger, may not.
async fn lay_aside(shop: &Shop, letter: &str, (weak, stranger): (&Person, &Person)) {
    let discard = format!("/api/v1{LETTERS}/{letter}/discard");
    let ask = || shop.server.post(&discard).json(&json!({}));
    ask().by(weak).send().await.assert_refused(403, "forbidden");
    ask().by(stranger).send().await.assert_refused(404, "not_found");
    for _ in 0..2 {
        let told = shop.post(&format!("{LETTERS}/{letter}/discard"), &json!({})).await;
        told.assert_status(200);
        assert_eq!(told.json()["state"], "discarded");
    }
}

/// A run whose one task the agent fails for good.
async fn dead_run(shop: &Shop, agent: &Person, pipeline: &str) -> String {
    let run = shop.start(pipeline, &json!({})).await;
    let claim = shop.claim(agent).await;
    let failed = json!({"reason": "failed", "code": "fog"});
    shop.release(agent, &claim, &failed).await.assert_status(200);
    run
}

/// Waits until a replay is done.
async fn done(shop: &Shop, asked: &Answer) -> Value {
    asked.assert_status(202);
    let id = text(&asked.json()["id"]);
    assert_eq!(asked.header("location"), format!("/api/v1{LETTERS}/replays/{id}"));
    let mut seen = asked.json();
    let waiting = async {
        while seen["state"] != "done" {
            let after = seen["replayed"].as_u64().unwrap() + seen["refused"].as_u64().unwrap();
            seen = shop.get(&format!("{LETTERS}/replays/{id}?wait=20&after={after}")).await;
        }
    };
    assert!(timeout(PATIENCE, waiting).await.is_ok(), "the replay goes on and on");
    seen
}

on_both! {
    async fn dead_letters_are_found_laid_aside_and_replayed(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let heron = shop.agent(&shop.anna, "heron").await;
        let viewer = shop.member("vera", "viewer").await;
        let eve = shop.server.register("eve").await;
        for id in ["sync", "held"] {
            let step = if id == "held" { "hold" } else { "fail_run" };
            shop.register(&of_steps(id, json!([{"id": "a", "attempts": 1, "on_dead": step}]), json!({}))).await;
        }
        let mut runs = Vec::new();
        for _ in 0..4 {
            runs.push(dead_run(&shop, &heron, "sync").await);
        }
        let held = dead_run(&shop, &heron, "held").await;
        let count = async |query: &str| items(&shop.get(&format!("{LETTERS}?{query}")).await).len();
        assert_eq!(count("").await, 5);
        assert_eq!(count("pipeline=sync&step=a&reason=attempts_exhausted&agent=heron").await, 4);
        for none in ["step=b", "reason=deadline", "agent=gannet", "pipeline=other", "until=2020-01-01T00:00:00Z", "state=discarded"] {
            assert_eq!(count(none).await, 0, "{none}");
        }
        shop.run(Method::GET, &format!("{LETTERS}?state=gone"), &Value::Null).await.assert_refused(400, "malformed");
        let page = shop.get(&format!("{LETTERS}?limit=2")).await;
        let next = shop.get(&format!("{LETTERS}?limit=2&cursor={}", text(&page["next_cursor"]))).await;
        let letters: Vec<_> = [items(&page), items(&next)].concat().iter().map(|it| text(&it["run"])).collect();
        assert_eq!(letters, [&held, &runs[3], &runs[2], &runs[1]].map(Clone::clone));
        let other = shop.run(Method::GET, &format!("{LETTERS}?step=a&cursor={}", text(&page["next_cursor"])), &Value::Null).await;
        other.assert_refused(400, "malformed");

        // One is laid aside, by whoever may.
        let first = items(&shop.get(&format!("{LETTERS}?pipeline=sync")).await)[0].clone();
        lay_aside(&shop, &text(&first["id"]), (&viewer, &eve)).await;
        assert_eq!((count("").await, count("state=discarded").await, count("state=any").await), (4, 1, 5));

        // By its id, and no other.
        let named = items(&shop.get(&format!("{LETTERS}?pipeline=sync")).await)[0].clone();
        let replay = async |body: Value| shop.post(&format!("{LETTERS}/replay"), &body).await;
        let told = done(&shop, &replay(json!({"ids": [named["id"]]})).await).await;
        assert_eq!((&told["total"], &told["replayed"], &told["refused"]), (&json!(1), &json!(1), &json!(0)));
        let seen = items(&shop.get(&format!("{LETTERS}?state=replayed")).await);
        let again = shop.get(&format!("/runs/{}", text(&seen[0]["replayed_by"]))).await;
        assert_eq!((&again["replay_of"], &again["state"]), (&named["run"], &json!("running")));
        for wrong in [json!({"ids": [named["id"]]}), json!({"ids": [first["id"]]}), json!({"ids": ["x"]})] {
            let refused = replay(wrong).await;
            refused.assert_refused(422, "invalid");
            assert_eq!(refused.json()["errors"][0]["pointer"], "/ids/0");
        }
        for wrong in [json!({}), json!({"ids": [], "filter": {}})] {
            replay(wrong).await.assert_refused(422, "invalid");
        }
        shop.post(&format!("{LETTERS}/{}/discard", text(&named["id"])), &json!({})).await.assert_refused(409, "conflict");

        // In place where the run lives, with a generation of its own.
        let told = done(&shop, &replay(json!({"filter": {"pipeline": "held"}})).await).await;
        assert_eq!((&told["replayed"], &told["refused"]), (&json!(1), &json!(0)));
        let tasks = items(&shop.get(&format!("/runs/{held}/tasks")).await);
        let told: Vec<_> = tasks.iter().map(|it| (it["generation"].clone(), text(&it["state"]))).collect();
        assert_eq!(told, [(json!(1), "dead".to_owned()), (json!(2), "ready".to_owned())]);

        // What cannot be tried again says why, and is open once more.
        let patch = shop.server.request(Method::PATCH, "/api/v1/publishers/acme/pipelines/sync");
        let patch = bearing(patch.json(&json!({"paused": true})), &shop.admin).send().await;
        assert!(patch.status < 300, "{}", patch.text());
        let told = done(&shop, &replay(json!({"filter": {}})).await).await;
        assert_eq!((&told["total"], &told["refused"]), (&json!(2), &json!(2)));
        let open = items(&shop.get(LETTERS).await);
        assert_eq!(open.iter().map(|it| text(&it["refused"])).collect::<Vec<_>>(), ["pipeline_paused", "pipeline_paused"]);
        let nothing = replay(json!({"filter": {"step": "b"}})).await;
        assert_eq!(done(&shop, &nothing).await["total"], 0);
    }
}

/// How many letters are replayed over a kill: few here, as many as one call takes where it is asked for.
fn many() -> usize {
    scale("LETTERS", 300)
}

/// Every run, by pages: which one each is a replay of.
async fn replays(shop: &Shop) -> Vec<String> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = shop.get(&format!("/runs?limit=100{cursor}")).await;
        let of = items(&page).into_iter().filter(|it| !it["replay_of"].is_null());
        found.extend(of.map(|it| text(&it["replay_of"])));
        let Some(next) = page["next_cursor"].as_str() else { return found };
        cursor = format!("&cursor={next}");
    }
}

on_both! {
    /// W52: one call, visible progress, a kill in the middle, and nothing twice.
    async fn many_dead_letters_are_replayed_once_over_a_kill(ground: Ground) {
        let mut shop = Shop::open(ground.server().start().await, "acme").await;
        // Nobody is asked in time: the run dies by itself.
        let gate = json!([{"id": "a", "kind": "approval", "approval": {"expires": "1ms"}}]);
        shop.register(&of_steps("ask", gate, json!({}))).await;
        let (mut runs, nothing) = (Vec::new(), json!({}));
        for at in (0..many()).step_by(50) {
            let these = (at..many().min(at + 50)).map(|_| shop.start("ask", &nothing));
            runs.extend(join_all(these).await);
        }
        crate::ground::settled(&shop.server).await;
        let asked = shop.post(&format!("{LETTERS}/replay"), &json!({"filter": {"reason": "approval_expired"}})).await;
        asked.assert_status(202);
        assert_eq!(asked.json()["total"], runs.len());
        let id = text(&asked.json()["id"]);
        // Some are tried again, and not all.
        let seen = shop.get(&format!("{LETTERS}/replays/{id}?wait=60")).await;
        let before = seen["replayed"].as_u64().unwrap();
        assert!(before > 0, "{seen}");
        shop.server.kill().await;
        let db = ground.db(&shop.server).await;
        let mut tx = db.write().await.unwrap();
        store::end_leases(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        db.close().await;
        shop.server.restart().await;
        let after = shop.get(&format!("{LETTERS}/replays/{id}")).await;
        assert!(after["replayed"].as_u64().unwrap() >= before, "{after}");
        let told = done(&shop, &asked).await;
        assert_eq!((&told["replayed"], &told["refused"]), (&json!(runs.len()), &json!(0)));
        let mut replayed = replays(&shop).await;
        replayed.sort();
        runs.sort();
        assert_eq!(replayed, runs);
    }
}

on_both! {
    async fn what_waits_is_counted_by_publisher_and_step(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let band = Tenant::open(&shop.server, "band").await;
        let heron = shop.agent(&shop.anna, "heron").await;
        let viewer = shop.member("vera", "viewer").await;
        let steps = json!([{"id": "a", "attempts": 1}, {"id": "b"}]);
        shop.register(&of_steps("sync", steps, json!({}))).await;
        for _ in 0..3 {
            shop.start("sync", &json!({})).await;
        }
        let claim = shop.claim(&heron).await;
        let step = text(&claim["address"]);
        let stats = async |who: &str| {
            let asked = shop.server.get("/api/v1/publishers/me/stats");
            bearing(asked, who).send().await.json()
        };
        let told = stats(&shop.runner).await;
        let all = &told["publishers"][0];
        assert_eq!((&all["publisher"], &all["depth"], &all["dead"]), (&json!("acme"), &json!(5), &json!(0)));
        assert_eq!((&all["share"], &told["is_whole"]), (&json!(1.0), &json!(true)));
        assert!(all["claims_per_minute"].as_f64().unwrap() > 0.0 && all["oldest_age_ms"].is_u64(), "{told}");
        let by_step = |told: &Value, step: &str| {
            let found = told["steps"].as_array().unwrap().iter().find(|it| it["step"] == step);
            found.map(|it| (it["depth"].clone(), it["dead"].clone())).unwrap()
        };
        assert_eq!(by_step(&told, &step).0, 2);
        // A death of `a` ends its run, with what else waits in it.
        if step == "a" {
            shop.release(&heron, &claim, &json!({"reason": "failed"})).await.assert_status(200);
            let told = stats(&shop.runner).await;
            assert_eq!((by_step(&told, "a"), by_step(&told, "b")), ((json!(2), json!(1)), (json!(2), json!(0))));
        }
        // W03: what is tried out is not counted.
        let before = stats(&shop.admin).await["publishers"].clone();
        let dry = shop.server.post("/api/v1/publishers/me/pipelines?dry_run=true");
        let dry = bearing(dry.json(&of_steps("tried", json!([{"id": "a"}]), json!({}))), &shop.admin).send().await;
        dry.assert_status(201);
        let after = stats(&shop.admin).await["publishers"].clone();
        assert_eq!((&before[0]["depth"], before.as_array().unwrap().len()), (&after[0]["depth"], after.as_array().unwrap().len()));
        // Everybody sees their own; the operator sees all.
        assert_eq!(stats(&band.admin).await["publishers"], json!([]));
        let seen = |who: &Person| shop.server.get("/api/v1/publishers/acme/stats").by(who);
        seen(&viewer).send().await.assert_status(200);
        let eve = shop.server.register("eve").await;
        for nobody in [&eve, &heron] {
            seen(nobody).send().await.assert_refused(404, "not_found");
        }
        let all = shop.server.get("/api/v1/claims/stats");
        let told = all.by(&shop.server.operator()).send().await.json();
        assert_eq!(told["publishers"][0]["publisher"], "acme");
        let hidden = shop.server.get("/api/v1/claims/stats").by(&shop.anna).send().await;
        assert!(matches!(hidden.status, 403 | 404), "{}", hidden.text());
    }
}

on_both! {
    async fn an_agent_sees_its_own_and_a_publisher_those_that_worked_for_it(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let (heron, gannet) = (shop.agent(&shop.anna, "heron").await, shop.agent(&shop.anna, "gannet").await);
        let viewer = shop.member("vera", "viewer").await;
        let eve = shop.server.register("eve").await;
        shop.register(&of_steps("sync", json!([{"id": "a"}]), json!({}))).await;
        let mut runs = Vec::new();
        for _ in 0..3 {
            runs.push(shop.start("sync", &json!({"key": "secret"})).await);
            let claim = shop.claim(&heron).await;
            shop.done(&heron, &claim, &json!({"n": 1})).await;
        }
        let read = async |who: &Person, path: &str| shop.server.get(&format!("/api/v1/claims/{path}")).by(who).send().await;
        let page = read(&heron, "runs?limit=2").await.json();
        assert!(!page.to_string().contains("secret"), "{page}");
        let told: Vec<_> = items(&page).iter().map(|it| text(&it["run"])).collect();
        assert_eq!(told, [runs[2].clone(), runs[1].clone()]);
        let first = &items(&page)[0];
        assert_eq!((&first["pipeline"], &first["state"], &first["claims"]), (&json!("sync"), &json!("completed"), &json!(1)));
        let rest = read(&heron, &format!("runs?limit=2&cursor={}", text(&page["next_cursor"]))).await.json();
        assert_eq!((text(&items(&rest)[0]["run"]), &rest["next_cursor"]), (runs[0].clone(), &Value::Null));
        assert_eq!(items(&read(&gannet, "runs").await.json()), Vec::<Value>::new());
        read(&shop.anna, "runs").await.assert_refused(403, "forbidden");
        let cursor = text(&page["next_cursor"]);
        read(&gannet, &format!("runs?cursor={cursor}")).await.assert_refused(400, "malformed");

        // What became of its work: to itself, and to those for whom it worked.
        let own = read(&heron, "agents").await.json();
        let record = &own["items"][0];
        assert_eq!((&record["agent"], &record["publisher"], &record["accepted"]), (&json!("heron"), &json!("acme"), &json!(3)));
        assert_eq!((&record["rejected"], &record["expired"], &record["tier"]), (&json!(0), &json!(0), &json!(0)));
        assert!(record["median_ms"].is_u64(), "{own}");
        for who in [&viewer, &shop.anna, &heron] {
            assert_eq!(read(who, "agents/heron").await.json()["items"], own["items"]);
            assert_eq!(read(who, "agents").await.json()["items"], own["items"]);
        }
        let by_token = bearing(shop.server.get("/api/v1/claims/agents"), &shop.runner).send().await;
        assert_eq!(by_token.json()["items"], own["items"]);
        for (who, path) in [(&eve, "agents/heron"), (&gannet, "agents/heron"), (&viewer, "agents/gannet"), (&eve, "agents/nobody")] {
            read(who, path).await.assert_refused(404, "not_found");
        }
        assert_eq!(items(&read(&eve, "agents").await.json()), Vec::<Value>::new());
        assert_eq!(items(&read(&gannet, "agents").await.json()), Vec::<Value>::new());
        // W63 in part: whoever is vouched for has the highest tier.
        let vouch = shop.server.request(Method::PUT, "/api/v1/publishers/acme/agents/heron");
        let vouch = bearing(vouch.json(&json!({"state": "vouched"})), &shop.admin).send().await;
        assert!(vouch.status < 300, "{}", vouch.text());
        assert_eq!(read(&viewer, "agents/heron").await.json()["items"][0]["tier"], 3);
    }
}

on_both! {
    /// W92, by HTTP.
    async fn a_skill_opens_for_the_holder_of_a_claim_that_names_it(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let (heron, gannet) = (shop.agent(&shop.anna, "heron").await, shop.agent(&shop.anna, "gannet").await);
        let front = "---\nname: knots\ndescription: How to tie.\n---\n";
        for (name, version) in [("knots", "1.0+a"), ("other", "1")] {
            let files = json!([{"path": "SKILL.md", "content": front.replace("knots", name)}, {"path": "a/b.md", "content": "Pull."}]);
            let skill = json!({"name": name, "version": version, "files": files});
            let made = bearing(shop.server.post("/api/v1/publishers/acme/skills").json(&skill), &shop.admin).send().await;
            assert_eq!(made.status, 201, "{}", made.text());
        }
        shop.register(&of_steps("sync", json!([{"id": "a", "skills": ["knots@1.0+a"]}]), json!({}))).await;
        let run = shop.start("sync", &json!({})).await;
        let claim = shop.claim(&heron).await;
        let named = text(&claim["skills"][0]);
        let read = async |who: &Person, place: &str| {
            let target = format!("/api/v1/claims/{}/skills/{place}", text(&claim["claim"]));
            shop.server.get(&target).by(who).send().await
        };
        let whole = read(&heron, "acme/knots/1.0+a").await;
        whole.assert_status(200);
        assert_eq!((text(&whole.json()["reference"]), whole.json()["files"].as_array().unwrap().len()), (named.clone(), 2));
        let file = read(&heron, "acme/knots/1.0+a/files/a/b.md").await;
        assert_eq!((file.status, file.text().as_str()), (200, "Pull."));
        // What is not named, not there, or another's.
        let nothing = read(&heron, "acme/nothing/1/files/SKILL.md").await;
        nothing.assert_refused(404, "not_found");
        for place in ["acme/other/1/files/SKILL.md", "acme/knots/1.0/files/SKILL.md", "acme/knots/1.0+a/files/a", "band/knots/1.0+a"] {
            let seen = read(&heron, place).await;
            assert_eq!(seen.faceless(), nothing.faceless(), "{place}");
        }
        for who in [&gannet, &shop.anna] {
            read(who, "acme/knots/1.0+a/files/SKILL.md").await.assert_refused(404, "not_found");
        }
        // Each reading stands in the timeline, and nothing else does.
        let events = shop.get(&format!("/runs/{run}/events?limit=100")).await;
        let reads: Vec<_> = items(&events).into_iter().filter(|it| it["type"] == "claim.read").collect();
        assert_eq!(reads.len(), 1);
        assert_eq!((&reads[0]["data"], &reads[0]["claim"]), (&json!({"skill": named, "path": "a/b.md"}), &claim["claim"]));
        shop.done(&heron, &claim, &json!({"n": 1})).await;
        read(&heron, "acme/knots/1.0+a/files/SKILL.md").await.assert_refused(409, "claim_lost");
    }
}

on_both! {
    async fn whoever_waits_for_a_run_is_told_of_its_end(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let heron = shop.agent(&shop.anna, "heron").await;
        shop.register(&of_steps("sync", json!([{"id": "a"}]), json!({}))).await;
        let run = shop.start("sync", &json!({})).await;
        let claim = shop.claim(&heron).await;
        // Its time is over before the run is.
        let seen = shop.get(&format!("/runs/{run}?wait=1")).await;
        assert_eq!(seen["state"], "running");
        let waiting = format!("/runs/{run}?wait=60");
        let result = json!({"n": 1});
        let both = async { tokio::join!(shop.get(&waiting), shop.done(&heron, &claim, &result)) };
        let (seen, _) = timeout(PATIENCE, both).await.unwrap();
        assert_eq!(seen["state"], "completed");
        // Of what is over nobody waits.
        assert_eq!(timeout(PATIENCE, shop.get(&waiting)).await.unwrap()["state"], "completed");
        shop.run(Method::GET, &format!("/runs/{run}?wait=x"), &Value::Null).await.assert_refused(400, "malformed");
    }
}

/// Nothing begins in a pipeline that is paused.
#[tokio::test]
async fn a_pipeline_that_is_paused_begins_no_run() {
    let shop = Shop::open(Ground::Sqlite.server().start().await, "acme").await;
    shop.register(&of_steps("sync", json!([{"id": "a"}]), json!({}))).await;
    let target = "/api/v1/publishers/acme/pipelines/sync";
    let set = |is_paused: bool| {
        let asked = shop.server.request(Method::PATCH, target).json(&json!({"paused": is_paused}));
        bearing(asked, &shop.admin)
    };
    set(true).send().await.assert_status(200);
    let runs = "/publishers/acme/pipelines/sync/runs";
    shop.post(runs, &json!({"input": {}})).await.assert_refused(409, "pipeline_paused");
    set(false).send().await.assert_status(200);
    shop.post(runs, &json!({"input": {}})).await.assert_status(201);
}

/// W30: one claim, 63 empty answers.
#[tokio::test]
async fn of_sixty_four_agents_one_gets_the_task() {
    let shop = Shop::open(Ground::Sqlite.server().start().await, "acme").await;
    // No person owns so many.
    let ben = shop.member("ben", "member").await;
    let mut agents = Vec::new();
    for number in 0..64 {
        let owner = if number % 2 == 0 { &shop.anna } else { &ben };
        agents.push(agent(&shop.server, owner, &format!("bird{number}"), &["acme"]).await);
    }
    shop.register(&of_steps("sync", json!([{"id": "a"}]), json!({}))).await;
    shop.start("sync", &json!({})).await;
    let got = join_all(agents.iter().map(|agent| shop.next(agent))).await;
    assert_eq!(got.iter().flatten().count(), 1, "{got:?}");
}

/// W08: however many results are judged, and by however many at a time, a version is compiled once.
#[tokio::test]
async fn a_version_is_compiled_once_for_all_its_results() {
    let results = scale("SUBMITS", 40);
    let server = Ground::Sqlite.server().log("info,pipelines=debug").start().await;
    let shop = Shop::open(server, "acme").await;
    let mut agents = Vec::new();
    for number in 0..8 {
        agents.push(shop.agent(&shop.anna, &format!("bird{number}")).await);
    }
    let spawns = json!({"for_each": "/list", "steps": ["c"], "max_width": 10_000});
    let steps = json!([{"id": "a", "spawns": spawns}, {"id": "c"}]);
    shop.register(&of_steps(
        "sync",
        steps,
        json!({"budgets": {"claims": 10_001, "tasks": 10_001}}),
    ))
    .await;
    let run = shop.start("sync", &json!({})).await;
    let claim = shop.claim(&agents[0]).await;
    let list: Value = (0..results).map(|at| json!({ "at": at })).collect();
    shop.done(&agents[0], &claim, &json!({"n": 0, "list": list})).await;
    let asks = &shop;
    let work = agents.iter().map(|agent| async move {
        while let Some(claim) = asks.next(agent).await {
            asks.done(agent, &claim, &json!({"n": 1})).await;
        }
    });
    join_all(work).await;
    assert_eq!(shop.state(&run).await, "completed");
    let log = shop.server.log();
    assert_eq!(log.matches("a definition is compiled").count(), 1, "{log}");
}
