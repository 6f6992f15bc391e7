//! Runs, publishers and claims as they happen: server-sent events (`spec/work.md` 4, Cancel; 12; `spec/trust.md` 9, SSE).

use http::Method;
use serde_json::{Value, json};
use testkit::{Live, Request};

use super::{Shop, bearing, of_steps, text};
use crate::{
    ground::{Ground, on_both},
    sessions,
};

fn run_topic(shop: &Shop, run: &str) -> Request {
    shop.server.get(&format!("/api/v1/stream?topic=run:{run}"))
}

async fn begun(request: &Request) -> (Live, u64) {
    let mut live = request.follow().await;
    assert_eq!(live.head.status, 200);
    assert_eq!(live.head.header("content-type"), "text/event-stream");
    assert_eq!(live.head.header("cache-control"), "no-store");
    let first = live.next().await.unwrap();
    assert_eq!(first.kind, "stream.begun");
    (live, first.id.unwrap_or_default())
}

on_both! {
    /// W96 in part: whoever was cut off goes on behind the last entry that was seen, and misses none.
    async fn a_timeline_is_followed_and_goes_on_after_a_cut(ground: Ground) {
        let mut shop = Shop::open(ground.server().start().await, "acme").await;
        let heron = shop.agent(&shop.anna, "heron").await;
        shop.register(&of_steps("sync", json!([{"id": "a"}, {"id": "b", "requires": ["a"]}]), json!({}))).await;
        let run = shop.start("sync", &json!({})).await;
        let (mut live, begins) = begun(&bearing(run_topic(&shop, &run), &shop.runner)).await;
        let claim = shop.claim(&heron).await;
        let seen = live.until("claim.granted").await;
        let events = shop.get(&format!("/runs/{run}/events?after={begins}&limit=100")).await;
        let told: Vec<_> = seen.iter().map(|it| it.data.clone()).collect();
        assert_eq!(told, events["items"].as_array().unwrap()[..told.len()]);
        assert!(seen.iter().all(|it| it.data["seq"] == json!(it.id) && it.data["type"] == it.kind));
        let last = seen.last().unwrap().id.unwrap();
        drop(live);
        // What happens meanwhile, and after a restart, comes when it comes back: each entry once.
        shop.done(&heron, &claim, &json!({"n": 1})).await;
        shop.server.kill().await;
        shop.server.restart().await;
        let again = bearing(run_topic(&shop, &run), &shop.runner).header("last-event-id", &last.to_string());
        let (mut live, at) = begun(&again).await;
        assert_eq!(at, last);
        let claim = shop.claim(&heron).await;
        shop.done(&heron, &claim, &json!({"n": 2})).await;
        let rest = live.until("run.completed").await;
        let numbers: Vec<_> = rest.iter().map(|it| it.id.unwrap()).collect();
        assert_eq!(numbers, (last + 1..).take(rest.len()).collect::<Vec<_>>());
        // A run that has ended has nothing more to tell, and whoever has seen all is told not to come back.
        while let Some(more) = live.next().await {
            assert_eq!(more.data["run"], Value::Null);
        }
        let end = shop.get(&format!("/runs/{run}/events?limit=100")).await["items"].as_array().unwrap().len();
        let over = bearing(run_topic(&shop, &run), &shop.runner).header("last-event-id", &end.to_string());
        over.send().await.assert_status(204);
        // All of it, for whoever asks from the beginning.
        let all = bearing(shop.server.get(&format!("/api/v1/stream?topic=run:{run}&after=0")), &shop.runner);
        let (mut live, _) = begun(&all).await;
        let mut count = 0;
        while live.next().await.is_some() {
            count += 1;
        }
        assert_eq!(count, end);
    }
}

on_both! {
    /// `spec/hub.md` H16 for streams of runs: a session that has ended, a token that was taken away and a member who has
    /// left lose theirs, though nothing happens in the run.
    async fn whoever_may_not_read_any_more_loses_the_stream(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let viewer = shop.member("vera", "viewer").await;
        let leaver = shop.member("lars", "viewer").await;
        shop.register(&of_steps("sync", json!([{"id": "a"}]), json!({}))).await;
        let run = shop.start("sync", &json!({})).await;
        let cookie = sessions::sign_in(&shop.server, &viewer).await;
        let (mut by_session, _) = begun(&run_topic(&shop, &run).header("cookie", &cookie)).await;
        let (mut by_member, _) = begun(&run_topic(&shop, &run).by(&leaver)).await;
        let minted = shop.server.post("/api/v1/publishers/acme/tokens/runner").json(&json!({})).by(&shop.anna);
        let minted = minted.send().await.json();
        let (mut by_token, _) = begun(&bearing(run_topic(&shop, &run), &text(&minted["value"]))).await;
        let (mut by_owner, _) = begun(&run_topic(&shop, &run).by(&shop.anna)).await;

        let mark = sessions::mark(&shop.server, &cookie).await;
        let out = shop.server.post("/logout");
        let out = sessions::form(sessions::own_page(out), &cookie, &format!("csrf={mark}")).send().await;
        assert_eq!(out.status, 303, "{}", out.text());
        assert!(by_session.next().await.is_none());
        let gone = shop.server.request(Method::DELETE, "/api/v1/orgs/acme/members/lars").by(&shop.anna);
        assert!(gone.send().await.status < 300);
        assert!(by_member.next().await.is_none());
        // By now everybody was asked for once more, and those who may read on.
        shop.post(&format!("/runs/{run}/pause"), &json!({})).await.assert_status(200);
        by_token.until("run.held").await;
        by_owner.until("run.held").await;
        let target = format!("/api/v1/publishers/acme/tokens/runner/{}", text(&minted["token"]["id"]));
        let ended = shop.server.request(Method::DELETE, &target).by(&shop.anna).send().await;
        assert!(ended.status < 300, "{}", ended.text());
        assert!(by_token.next().await.is_none());
        // Others read on.
        shop.post(&format!("/runs/{run}/cancel"), &json!({})).await.assert_status(200);
        by_owner.until("run.cancelled").await;
        run_topic(&shop, &run).by(&leaver).send().await.assert_refused(404, "not_found");
    }
}

on_both! {
    /// W41 in part, and `spec/work.md` 4: cancel reaches the agent by its stream.
    async fn a_cancel_reaches_the_agent_by_its_stream(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let heron = shop.agent(&shop.anna, "heron").await;
        shop.register(&of_steps("sync", json!([{"id": "a"}]), json!({}))).await;
        let run = shop.start("sync", &json!({})).await;
        let claim = shop.claim(&heron).await;
        let (mut live, _) = begun(&shop.server.get("/api/v1/stream?topic=claims").by(&heron)).await;
        let held = live.next().await.unwrap();
        assert_eq!((held.kind.as_str(), &held.data["claim"]), ("claim.live", &claim["claim"]));
        shop.post(&format!("/runs/{run}/cancel"), &json!({})).await.assert_status(200);
        let ended = live.next().await.unwrap();
        assert_eq!((ended.kind.as_str(), &ended.data["claim"]), ("claim.cancelled", &claim["claim"]));
        assert_eq!(ended.data["cancel_requested"], true);
        // What it takes later is told too.
        shop.start("sync", &json!({})).await;
        let second = shop.claim(&heron).await;
        let held = live.next().await.unwrap();
        assert_eq!((held.kind.as_str(), &held.data["claim"]), ("claim.live", &second["claim"]));
        shop.done(&heron, &second, &json!({"n": 1})).await;
        assert_eq!(live.next().await.unwrap().kind, "claim.submitted");
    }
}

on_both! {
    async fn the_runs_of_a_publisher_are_followed(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let eve = shop.server.register("eve").await;
        shop.register(&of_steps("sync", json!([{"id": "a"}]), json!({}))).await;
        shop.start("sync", &json!({})).await;
        let topic = || shop.server.get("/api/v1/stream?topic=publisher:acme");
        let (mut live, _) = begun(&bearing(topic(), &shop.runner)).await;
        let run = shop.start("sync", &json!({})).await;
        let told = live.until("run.changed").await.pop().unwrap();
        assert_eq!((&told.data["run"], &told.data["state"]), (&json!(run), &json!("running")));
        shop.post(&format!("/runs/{run}/cancel"), &json!({})).await.assert_status(200);
        let told = live.until("run.changed").await.pop().unwrap();
        assert_eq!((&told.data["run"], &told.data["state"]), (&json!(run), &json!("cancelled")));
        // To strangers there is no such topic, and no such run.
        topic().by(&eve).send().await.assert_refused(404, "not_found");
        run_topic(&shop, &run).by(&eve).send().await.assert_refused(404, "not_found");
        topic().send().await.assert_refused(401, "unauthenticated");
        for wrong in ["", "?topic=runs", "?topic=run:x&more=1"] {
            let asked = shop.server.get(&format!("/api/v1/stream{wrong}")).by(&shop.anna);
            asked.send().await.assert_refused(400, "malformed");
        }
        shop.server.get("/api/v1/stream?topic=claims").by(&eve).send().await.assert_refused(403, "forbidden");
    }
}

on_both! {
    /// W102 in part: a stop ends what is followed. A principal has so many streams, and one that ends makes room.
    async fn streams_are_bounded_and_end_with_the_server(ground: Ground) {
        let mut shop = Shop::open(ground.server().start().await, "acme").await;
        shop.register(&of_steps("sync", json!([{"id": "a"}]), json!({}))).await;
        let run = shop.start("sync", &json!({})).await;
        let mut open = Vec::new();
        for _ in 0..20 {
            open.push(begun(&run_topic(&shop, &run).by(&shop.anna)).await.0);
        }
        let refused = run_topic(&shop, &run).by(&shop.anna).send().await;
        refused.assert_refused(429, "rate_limited");
        assert_eq!(refused.header("retry-after"), "5");
        // Somebody else has room.
        let (mut other, _) = begun(&bearing(run_topic(&shop, &run), &shop.runner)).await;
        shop.server.terminate();
        assert!(other.next().await.is_none());
        for live in &mut open {
            assert!(live.next().await.is_none());
        }
        shop.server.ended_well().await;
        shop.server.restart().await;
        begun(&run_topic(&shop, &run).by(&shop.anna)).await;
    }
}

/// What another process changes is told too.
#[tokio::test]
async fn a_stream_tells_what_another_process_changed() {
    let ground = Ground::postgres().await;
    let shop = Shop::open(ground.server().start().await, "acme").await;
    let beside = ground.server().start().await;
    shop.register(&of_steps("sync", json!([{"id": "a"}]), json!({}))).await;
    let run = shop.start("sync", &json!({})).await;
    let topic = beside.get(&format!("/api/v1/stream?topic=run:{run}"));
    let (mut live, _) = begun(&bearing(topic, &shop.runner)).await;
    shop.post(&format!("/runs/{run}/cancel"), &json!({})).await.assert_status(200);
    live.until("run.cancelled").await;
}
