//! What happens to runs is told to those who asked, and to whoever the version of a run names; what that one answers to an
//! output is the verdict (`spec/work.md` 9; `spec/webhooks.md`; `docs/checks/work.md`, W85, W87 to W90).

use std::sync::{Arc, Mutex};

use http::Method;
use serde_json::{Value, json};
use testkit::{Person, Receiver, Seen, reply};
use tokio::sync::Semaphore;

use super::{Shop, bearing, of_steps, text};
use crate::{
    ground::{Ground, eventually, on_both},
    store,
};

/// A publisher with a receiver, an agent and a secret to sign with.
pub(super) struct Post {
    pub(super) shop: Shop,
    pub(super) heron: Person,
    pub(super) secret: String,
}

impl Post {
    async fn of(ground: &Ground, receiver: &Receiver) -> Self {
        let post = Self::unsigned(ground, &[receiver]).await;
        Self { secret: signing_secret(&post.shop).await, ..post }
    }

    async fn unsigned(ground: &Ground, receivers: &[&Receiver]) -> Self {
        let setup = receivers.iter().fold(ground.server(), |it, to| it.arg(to.allowed()));
        let shop = Shop::open(setup.start().await, "acme").await;
        let heron = shop.agent(&shop.anna, "heron").await;
        Self { shop, heron, secret: String::new() }
    }

    /// Registers `sync`: two steps, of which the second depends on the first.
    async fn register(&self, webhook: Value) {
        let steps = json!([
            {"id": "a"},
            {"id": "b", "requires": ["a"], "inputs": {"n": {"from": "a", "pointer": "/n"}}},
        ]);
        let more = json!({"webhook": webhook, "final_output": {"composes": ["a.*", "twice: b.n"]}});
        self.shop.register(&of_steps("sync", steps, more)).await;
    }

    /// Does the next task.
    async fn does(&self, address: &str, n: u32) -> Value {
        let claim = self.shop.claim(&self.heron).await;
        assert_eq!(claim["address"], address);
        self.shop.done(&self.heron, &claim, &json!({ "n": n })).await
    }

    /// A run with its output.
    async fn composed(&self) -> String {
        let run = self.shop.start("sync", &json!({})).await;
        self.does("a", 1).await;
        self.does("b", 2).await;
        run
    }

    async fn is(&self, run: &str, state: &str, code: Option<&str>) {
        eventually(state, async || self.shop.state(run).await == state).await;
        let error = self.shop.get(&format!("/runs/{run}")).await["error"].clone();
        assert_eq!(error.get("code").and_then(Value::as_str), code);
    }

    /// The one subscription that a version manages.
    async fn managed(&self) -> Value {
        let listed = admin_gets(&self.shop, "/publishers/acme/webhooks").await;
        let items = listed["items"].as_array().unwrap();
        assert_eq!(items.len(), 1, "{listed}");
        items[0].clone()
    }

    /// Deliveries of a subscription of a type, the newest first, with their attempts.
    async fn deliveries(&self, webhook: &Value, kind: &str) -> Vec<Value> {
        let list = format!("/publishers/acme/webhooks/{}/deliveries", text(&webhook["id"]));
        let page = admin_gets(&self.shop, &format!("{list}?type={kind}")).await;
        let mut found = Vec::new();
        for it in page["items"].as_array().unwrap() {
            found.push(admin_gets(&self.shop, &format!("{list}/{}", text(&it["id"]))).await);
        }
        found
    }
}

/// What those see who run the publisher.
pub(super) async fn admin_gets(shop: &Shop, path: &str) -> Value {
    let answer = bearing(shop.server.get(&format!("/api/v1{path}")), &shop.admin).send().await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

async fn signing_secret(shop: &Shop) -> String {
    let made = shop.server.post("/api/v1/publishers/acme/secrets/webhook_signing");
    let made = bearing(made.json(&json!({})), &shop.admin).send().await;
    made.assert_status(201);
    text(&made.json()["value"])
}

/// Where outputs go and wait for a verdict.
fn waiting(receiver: &Receiver) -> Value {
    json!({"url": receiver.url("/hook"), "events": ["run.completed", "run.failed"], "verdict": "wait"})
}

fn is_composed(seen: &Seen) -> bool {
    seen.header("x-motet-event") == "run.composed"
}

fn kinds(seen: &[Seen]) -> Vec<String> {
    let kinds = seen.iter().map(|it| it.header("x-motet-event").to_owned());
    kinds.filter(|it| it != "ping").collect()
}

/// A receiver that answers outputs with these bodies and statuses, the last one for ever, and says yes to all else.
async fn judge(answers: Vec<(u16, &'static str)>) -> Receiver {
    let left = Arc::new(Mutex::new(answers));
    Receiver::open(move |came| {
        let left = Arc::clone(&left);
        async move {
            if !is_composed(&came) {
                return reply(204, "");
            }
            let mut left = left.lock().unwrap();
            let (status, body) = if left.len() > 1 { left.remove(0) } else { left[0] };
            reply(status, body)
        }
    })
    .await
}

on_both! {
    /// A run is told of in order, without gaps, to its version and to those who asked; each has what it asked for.
    async fn a_run_is_told_of_to_its_version_and_to_those_who_asked(ground: Ground) {
        let receiver = Receiver::answering(&[204]).await;
        let post = Post::of(&ground, &receiver).await;
        let wishes = json!({"url": receiver.url("/own"), "events": ["*"]});
        let own = bearing(post.shop.server.post("/api/v1/publishers/acme/webhooks").json(&wishes), &post.shop.admin);
        own.send().await.assert_status(201);
        post.register(json!({"url": receiver.url("/hook"), "events": ["run.started", "run.completed", "task.dead"]})).await;
        let run = post.composed().await;
        // Two pings, a new version, and everything of a run.
        let of_run = ["run.started", "task.ready", "task.claimed", "task.completed", "task.ready", "task.claimed", "task.completed", "run.completed"];
        let seen = receiver.has(|seen| seen.len() == 3 + of_run.len() + 2).await;
        let (own, hook): (Vec<_>, Vec<_>) = seen.into_iter().partition(|it| it.path() == "/own");
        assert_eq!(kinds(&hook), ["run.started", "run.completed"]);
        assert!(hook.iter().all(|it| it.verified(&post.secret) == (1, 1)));
        let version = own.iter().find(|it| it.header("x-motet-event") == "pipeline.version_created").unwrap().json();
        assert_eq!((&version["data"]["pipeline"], &version["data"]["version"]), (&json!("sync"), &json!(1)));
        let told: Vec<_> = own.iter().map(Seen::json).filter(|it| it["subject"] == format!("run:{run}")).collect();
        let kinds: Vec<_> = told.iter().map(|it| text(&it["type"])).collect();
        assert_eq!(kinds, of_run);
        let numbers: Vec<_> = told.iter().map(|it| it["sequence"].as_u64().unwrap()).collect();
        assert_eq!(numbers, (1..=8).collect::<Vec<_>>());
        assert_eq!(told[0]["publisher"]["handle"], "acme");
        let claimed = &told[2];
        assert_eq!((&claimed["data"]["task"]["step"], &claimed["data"]["task"]["fence"]), (&json!("a"), &json!(1)));
        assert_eq!(claimed["data"]["task"]["claimed_by"]["handle"], "heron");
        let done = &told[3];
        assert_eq!((&done["actor"]["kind"], &done["on_behalf_of"]["handle"]), (&json!("agent"), &json!("anna-acme")));
        // Never what a task was told, or what came of it.
        assert!(done["data"]["task"].get("input").is_none() && done["data"]["task"].get("output").is_none());
        let end = &told[7]["data"]["run"];
        assert_eq!((&end["id"], &end["state"], &end["output"]), (&json!(run), &json!("completed"), &json!({"n": 1, "twice": 2})));
        // It is listed, and changed by nobody.
        let listed = admin_gets(&post.shop, "/publishers/acme/webhooks").await;
        assert_eq!(listed["items"].as_array().unwrap().len(), 2);
        let managed = listed["items"].as_array().unwrap().iter().find(|it| it["url"] == receiver.url("/hook")).unwrap();
        let target = format!("/api/v1/publishers/acme/webhooks/{}", text(&managed["id"]));
        let off = post.shop.server.request(Method::PATCH, &target).json(&json!({"active": false}));
        bearing(off, &post.shop.admin).send().await.assert_refused(409, "managed");
    }
}

on_both! {
    /// W87: a refusal reopens what it names and what depends on it; past `max_reopens` the run has failed.
    async fn a_refused_output_is_made_again_and_not_for_ever(ground: Ground) {
        let no = r#"{"accepted": false, "reasons": [{"code": "thin", "message": "more"}], "reopen": [{"address": "b", "note": "longer"}]}"#;
        let receiver = judge(vec![(200, no)]).await;
        let post = Post::of(&ground, &receiver).await;
        post.register(waiting(&receiver)).await;
        let run = post.composed().await;
        eventually("b is open again", async || post.shop.tasks(&run).await.contains(&("b".into(), "ready".into()))).await;
        assert_eq!(post.shop.tasks(&run).await, [("a".into(), "done".into()), ("b".into(), "ready".into())]);
        let claim = post.shop.claim(&post.heron).await;
        assert_eq!((&claim["address"], &claim["generation"]), (&json!("b"), &json!(2)));
        assert_eq!(claim["feedback"][0]["text"], "longer");
        post.shop.done(&post.heron, &claim, &json!({"n": 3})).await;
        post.is(&run, "failed", Some("refused")).await;
        let seen = receiver.has(|seen| seen.iter().any(|it| it.header("x-motet-event") == "run.failed")).await;
        let outputs: Vec<_> = seen.iter().filter(|it| is_composed(it)).map(|it| it.json()["data"]["run"]["output"].clone()).collect();
        assert_eq!(outputs, [json!({"n": 1, "twice": 2}), json!({"n": 1, "twice": 3})]);
        assert_eq!(post.shop.get(&format!("/runs/{run}/output")).await, json!({"n": 1, "twice": 3}));
    }
}

on_both! {
    /// W88: what cannot be read is tried again; 202 waits for the API, and not for ever. A no that names nothing that is
    /// there names nothing.
    async fn a_verdict_is_an_answer_or_comes_by_the_api_in_time(ground: Ground) {
        let receiver = judge(vec![
            (200, "very well"),
            (200, r#"{"accepted": true}"#),
            (202, ""),
            (202, ""),
            (200, r#"{"accepted": false, "reopen": [{"address": "nowhere"}]}"#),
        ]).await;
        let post = Post::of(&ground, &receiver).await;
        post.register(waiting(&receiver)).await;
        let run = post.composed().await;
        post.is(&run, "completed", None).await;
        let managed = post.managed().await;
        let told = post.deliveries(&managed, "run.composed").await;
        let outcomes: Vec<_> = told[0]["attempts"].as_array().unwrap().iter().map(|it| text(&it["outcome"])).collect();
        assert_eq!(outcomes, ["verdict_unreadable", "delivered"]);

        let run = post.composed().await;
        receiver.has(|seen| seen.iter().filter(|it| is_composed(it)).count() == 3).await;
        assert_eq!(post.shop.state(&run).await, "composed");
        let yes = post.shop.post(&format!("/runs/{run}/verdict"), &json!({"accepted": true})).await;
        assert_eq!((yes.status, &yes.json()["state"]), (200, &json!("completed")));

        // Another version waits a moment only.
        let mut hasty = waiting(&receiver);
        hasty["verdict_within"] = json!("1s");
        post.register(hasty).await;
        let run = post.composed().await;
        post.is(&run, "failed", Some("verdict_missing")).await;
        assert_eq!(post.shop.get(&format!("/runs/{run}/output")).await, json!({"n": 1, "twice": 2}));

        post.register(waiting(&receiver)).await;
        let patch = post.shop.server.request(Method::PATCH, "/api/v1/publishers/acme/pipelines/sync");
        bearing(patch.json(&json!({"current_version": 1})), &post.shop.admin).send().await.assert_status(200);
        let run = post.composed().await;
        post.is(&run, "failed", Some("refused")).await;
    }
}

on_both! {
    /// W89: a verdict for a run that has ended is kept with its delivery, and changes nothing.
    async fn a_verdict_for_a_run_that_has_ended_is_shown_and_changes_nothing(ground: Ground) {
        let receiver = judge(vec![(202, ""), (200, r#"{"accepted": true}"#)]).await;
        let post = Post::of(&ground, &receiver).await;
        post.register(waiting(&receiver)).await;
        let run = post.composed().await;
        receiver.has(|seen| seen.iter().any(is_composed)).await;
        let managed = post.managed().await;
        let delivery = async || post.deliveries(&managed, "run.composed").await.remove(0);
        eventually("it is delivered", async || delivery().await["delivery"]["state"] == "delivered").await;
        post.shop.post(&format!("/runs/{run}/cancel"), &json!({})).await.assert_status(200);
        let before = post.shop.get(&format!("/runs/{run}/events?limit=100")).await;
        let id = text(&delivery().await["delivery"]["id"]);
        let target = format!("/api/v1/publishers/acme/webhooks/{}/deliveries/{id}/resend", text(&managed["id"]));
        let again = bearing(post.shop.server.post(&target).json(&json!({})), &post.shop.admin).send().await;
        again.assert_status(202);
        eventually("it is answered", async || {
            let told = delivery().await;
            told["delivery"]["state"] == "delivered" && told["attempts"].as_array().unwrap().len() == 2
        }).await;
        let answers = delivery().await["attempts"].clone();
        assert!(answers[1].to_string().contains("accepted"), "{answers}");
        crate::ground::settled(&post.shop.server).await;
        assert_eq!(post.shop.get(&format!("/runs/{run}/events?limit=100")).await, before);
        assert_eq!(post.shop.state(&run).await, "cancelled");
        let late = post.shop.post(&format!("/runs/{run}/verdict"), &json!({"accepted": true})).await;
        late.assert_refused(409, "run_ended");
    }
}

on_both! {
    /// W90: without an active secret nothing is sent; adding one releases what waited.
    async fn without_a_secret_nothing_is_sent_and_one_releases_what_waited(ground: Ground) {
        let receiver = Receiver::answering(&[204]).await;
        let post = Post::unsigned(&ground, &[&receiver]).await;
        post.register(waiting(&receiver)).await;
        let run = post.composed().await;
        let managed = post.managed().await;
        eventually("it waits for a secret", async || {
            let told = post.deliveries(&managed, "run.composed").await;
            told[0]["delivery"]["reason"] == "no_active_secret"
        }).await;
        assert_eq!((receiver.seen().len(), post.shop.state(&run).await.as_str()), (0, "composed"));
        let secret = signing_secret(&post.shop).await;
        let seen = receiver.saw(3).await;
        assert!(seen.iter().all(|it| it.verified(&secret) == (1, 1)));
        post.is(&run, "completed", None).await;
    }
}

on_both! {
    /// A receiver that wants nothing more fails the runs that wait for it, and those that would; a version that is made
    /// current again opens it again.
    async fn a_receiver_that_is_gone_fails_the_runs_that_wait_for_it(ground: Ground) {
        let receiver = judge(vec![(410, ""), (200, "")]).await;
        let post = Post::of(&ground, &receiver).await;
        post.register(waiting(&receiver)).await;
        let run = post.composed().await;
        post.is(&run, "failed", Some("undelivered")).await;
        assert_eq!(post.managed().await["state"], "gone");
        // Nobody is there to be asked: the next one learns it at once, and its output can be read.
        let second = post.composed().await;
        post.is(&second, "failed", Some("undelivered")).await;
        assert_eq!(post.shop.get(&format!("/runs/{second}/output")).await, json!({"n": 1, "twice": 2}));
        let mut other = waiting(&receiver);
        other["verdict_within"] = json!("1h");
        post.register(other).await;
        assert_eq!(post.managed().await["state"], "active");
        let third = post.composed().await;
        post.is(&third, "completed", None).await;
    }
}

on_both! {
    /// The events of a run go where its version says, and after a move where that one does.
    async fn a_run_that_moves_is_told_of_at_the_other_address(ground: Ground) {
        let (first, second) = (Receiver::answering(&[204]).await, Receiver::answering(&[204]).await);
        let post = Post::unsigned(&ground, &[&first, &second]).await;
        let secret = signing_secret(&post.shop).await;
        let at = |to: &Receiver| json!({"url": to.url("/hook"), "events": ["run.started", "task.completed", "run.completed"]});
        post.register(at(&first)).await;
        let [moved, stays] = [post.shop.start("sync", &json!({})).await, post.shop.start("sync", &json!({})).await];
        first.saw(3).await;
        post.register(at(&second)).await;
        let order = post.shop.server.post(&format!("/api/v1/runs/{moved}/move"));
        let order = order.json(&json!({"to_version": 2, "reason": "it has moved"}));
        bearing(order, &post.shop.admin).send().await.assert_status(200);
        for _ in 0..4 {
            let claim = post.shop.claim(&post.heron).await;
            post.shop.done(&post.heron, &claim, &json!({"n": 1})).await;
        }
        let (seen, others) = (first.saw(6).await, second.saw(4).await);
        let about = |seen: &[Seen], run: &str| {
            let of = seen.iter().filter(|it| it.header("x-motet-subject") == format!("run:{run}"));
            of.map(|it| it.header("x-motet-event").to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(about(&seen, &moved), ["run.started"]);
        assert_eq!(about(&others, &moved), ["task.completed", "task.completed", "run.completed"]);
        assert_eq!(about(&seen, &stays), ["run.started", "task.completed", "task.completed", "run.completed"]);
        assert!(about(&others, &stays).is_empty());
        assert!(seen.iter().chain(&others).all(|it| it.verified(&secret) == (1, 1)));
    }
}

/// A receiver that answers only as often as it is let; pings are answered at once.
async fn gated(status: Arc<Mutex<u16>>) -> (Receiver, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let receiver = Receiver::open(move |came| {
        let (gate, status) = (Arc::clone(&held), Arc::clone(&status));
        async move {
            if came.header("x-motet-event") == "ping" {
                return reply(204, "");
            }
            gate.acquire().await.unwrap().forget();
            let status = *status.lock().unwrap();
            reply(status, "")
        }
    });
    (receiver.await, gate)
}

/// Kills the server, does something to its rows, ends what the dead process held, and starts it again.
async fn killed(ground: &Ground, shop: &mut Shop, meanwhile: impl AsyncFnOnce(&mut db::Tx)) {
    shop.server.kill().await;
    let db = ground.db(&shop.server).await;
    let mut tx = db.write().await.unwrap();
    store::end_sending(&mut tx).await.unwrap();
    store::end_leases(&mut tx).await.unwrap();
    meanwhile(&mut tx).await;
    tx.commit().await.unwrap();
    db.close().await;
    shop.server.restart().await;
}

on_both! {
    /// W85: killed between the last commit and the send, and between tries, a delivery arrives with one `webhook-id`; one
    /// that was given up is sent again.
    async fn what_was_committed_is_delivered_after_a_kill_under_one_id(ground: Ground) {
        let status = Arc::new(Mutex::new(500));
        let (receiver, gate) = gated(Arc::clone(&status)).await;
        // Without a secret everything stays between the commit and the send.
        let mut post = Post::unsigned(&ground, &[&receiver]).await;
        let to = json!({"url": receiver.url("/hook"), "events": ["run.completed"]});
        post.register(to).await;
        let run = post.composed().await;
        assert_eq!(post.shop.state(&run).await, "completed");
        killed(&ground, &mut post.shop, async |_| {}).await;
        assert!(receiver.seen().is_empty());
        signing_secret(&post.shop).await;
        let of_run = |seen: &[Seen]| {
            let of = seen.iter().filter(|it| it.header("x-motet-event") == "run.completed");
            of.map(|it| it.header("webhook-id").to_owned()).collect::<Vec<_>>()
        };
        // Killed while the receiver has not answered the first try.
        receiver.has(|seen| of_run(seen).len() == 1).await;
        killed(&ground, &mut post.shop, async |_| {}).await;
        receiver.has(|seen| of_run(seen).len() == 2).await;
        // It says no; killed between the tries, and far too late for another one after the next.
        gate.add_permits(100);
        receiver.has(|seen| of_run(seen).len() == 3).await;
        killed(&ground, &mut post.shop, async |tx| assert!(store::age_deliveries(tx).await.unwrap() > 0)).await;
        let managed = post.managed().await;
        let delivery = async || post.deliveries(&managed, "run.completed").await.remove(0)["delivery"].clone();
        eventually("it is given up", async || delivery().await["state"] == "dead").await;
        *status.lock().unwrap() = 204;
        let id = text(&delivery().await["id"]);
        let target = format!("/api/v1/publishers/acme/webhooks/{}/deliveries/{id}/resend", text(&managed["id"]));
        bearing(post.shop.server.post(&target).json(&json!({})), &post.shop.admin).send().await.assert_status(202);
        eventually("it arrives", async || delivery().await["state"] == "delivered").await;
        let ids = of_run(&receiver.seen());
        assert!(ids.len() >= 4 && ids.iter().all(|it| *it == id), "{ids:?} {id}");
    }
}
