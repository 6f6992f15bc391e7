//! Clients that write down what was acknowledged to them, and look for it afterwards (`spec/work.md` 14).
//!
//! A pipeline of two steps, of which the first may call an endpoint, and a publisher that judges each output. Whoever is
//! not answered does the same again: under one name a run begins once, one result is judged once.

use std::collections::{BTreeMap, BTreeSet};

use http::{Method, StatusCode};
use names::Random;
use serde_json::{Value, json};
use testkit::{Answer, Broken, Server};
use tokio::sync::watch;

use super::{Shop, bearing, of_steps, receiver::Receiver, text};
use crate::{ground::Ground, kills::draw};

/// Agents that work at once, each of another owner than the next.
const AGENTS: usize = 4;
/// Runs that are begun before others have ended.
const AHEAD: usize = 12;

/// Counts what was acknowledged and what was put off, for whoever waits until there is some.
#[derive(Clone)]
pub(super) struct Tally {
    acknowledged: watch::Sender<u64>,
    put_off: watch::Sender<u64>,
}

impl Tally {
    fn new() -> Self {
        Self { acknowledged: watch::Sender::new(0), put_off: watch::Sender::new(0) }
    }

    fn add(&self) {
        self.acknowledged.send_modify(|count| *count += 1);
    }

    pub(super) fn now(&self) -> u64 {
        *self.acknowledged.borrow()
    }

    /// Waits until more than `count` was acknowledged.
    pub(super) async fn beyond(&self, count: u64) {
        self.acknowledged.subscribe().wait_for(|now| *now > count).await.unwrap();
    }

    /// How often somebody was told that it could not be done now.
    pub(super) fn put_off(&self) -> u64 {
        *self.put_off.borrow()
    }

    /// Waits until that was more often than `count`.
    pub(super) async fn put_off_beyond(&self, count: u64) {
        self.put_off.subscribe().wait_for(|now| *now > count).await.unwrap();
    }

    /// A request with a token; nothing if the server could not do it now.
    async fn ask(
        &self,
        server: &Server,
        token: &str,
        (method, path): (Method, &str),
        body: &Value,
    ) -> Result<Option<Answer>, Broken> {
        let request = server.request(method, &format!("/api/v1{path}"));
        let request = if body.is_null() { request } else { request.json(body) };
        let answer = bearing(request, token).try_send().await?;
        if answer.status == StatusCode::SERVICE_UNAVAILABLE.as_u16() {
            self.put_off.send_modify(|count| *count += 1);
            return Ok(None);
        }
        Ok(Some(answer))
    }
}

/// What the endpoint of the publisher answers: to calls a number, to deliveries that the verdict comes later.
pub(super) async fn endpoint() -> Receiver {
    Receiver::open(|seen| match seen.path.as_str() {
        "/look" => (200, json!({"seen": 3})),
        _ => (202, Value::Null),
    })
    .await
}

/// Everybody, and the place where they meet.
pub(super) struct House {
    pub(super) shop: Shop,
    pub(super) receiver: Receiver,
    pub(super) clients: Clients,
}

pub(super) struct Clients {
    pub(super) starter: Starter,
    pub(super) workers: Vec<Worker>,
    pub(super) judge: Judge,
    pub(super) tally: Tally,
}

impl House {
    pub(super) async fn open(ground: &Ground, random: &Random) -> Self {
        let receiver = endpoint().await;
        let allowed = format!("--webhook-allow={}", receiver.address);
        let server = ground.server().arg(allowed).start().await;
        Self::on(server, receiver, random).await
    }

    /// On a server that lets the receiver be asked.
    pub(super) async fn on(server: Server, receiver: Receiver, random: &Random) -> Self {
        let shop = Shop::open(server, "acme").await;
        for kind in ["subcommand_bearer", "webhook_signing"] {
            shop.secret(kind).await;
        }
        let look = json!({"name": "look out", "url": format!("http://{}/look", receiver.address),
            "summary": "Looks.", "input_schema": {"type": "object"}, "timeout": "5s", "max_calls": 500,
            "output_schema": {"type": "object", "required": ["seen"]}});
        let steps = json!([
            {"id": "a", "subcommands": [look], "attempts": 10},
            {"id": "b", "attempts": 10, "inputs": {"n": {"from": "a", "pointer": "/n"}}},
        ]);
        let webhook =
            json!({"url": format!("http://{}/hook", receiver.address), "verdict": "wait"});
        let more = json!({"webhook": webhook, "final_output": {"composes": ["a.*", "twice: b.n"]}});
        shop.register(&of_steps("sync", steps, more)).await;
        let tally = Tally::new();
        let mut workers = Vec::new();
        for number in 0..AGENTS {
            let owner = shop.member(&format!("owner{number}"), "member").await;
            let name = format!("bird{number}");
            shop.agent(&owner, &name).await;
            let token = shop.token(&owner, &name).await;
            workers.push(Worker::new(name, token, tally.clone(), fork(random)));
        }
        let starter = Starter::new(tally.clone());
        let judge = Judge { accepted: BTreeSet::new(), tally: tally.clone() };
        let clients = Clients { starter, workers, judge, tally };
        Self { shop, receiver, clients }
    }
}

fn fork(random: &Random) -> Random {
    Random::seeded(u64::from_be_bytes(random.bytes()))
}

/// Begins runs, each under a name of its own.
pub(super) struct Starter {
    /// Those that were acknowledged, by name.
    pub(super) runs: BTreeMap<String, String>,
    /// How many are known to have ended.
    ended: usize,
    tally: Tally,
}

impl Starter {
    fn new(tally: Tally) -> Self {
        Self { runs: BTreeMap::new(), ended: 0, tally }
    }

    fn name(&self) -> String {
        format!("run {}", self.runs.len())
    }

    /// Begins a run, or looks whether one has ended if there are many.
    pub(super) async fn step(&mut self, shop: &Shop) -> Result<(), Broken> {
        if self.runs.len() < self.ended + AHEAD {
            let name = self.name();
            if let Some(run) = self.start(shop, &name).await? {
                self.runs.insert(name, run);
                self.tally.add();
            }
            return Ok(());
        }
        let asked = (Method::GET, "/runs?state=completed&limit=100");
        let Some(seen) = self.tally.ask(&shop.server, &shop.runner, asked, &Value::Null).await?
        else {
            return Ok(());
        };
        let count = seen.json()["items"].as_array().unwrap().len();
        // A page has a hundred of them: from there on others count.
        self.ended = if count < 100 { count } else { self.runs.len() - AHEAD / 2 };
        Ok(())
    }

    async fn start(&self, shop: &Shop, name: &str) -> Result<Option<String>, Broken> {
        let path = format!("/publishers/{}/pipelines/sync/runs", shop.handle);
        let body = json!({"input": {"key": name}, "external_id": name});
        let made = self.tally.ask(&shop.server, &shop.runner, (Method::POST, &path), &body).await?;
        Ok(made.map(|made| {
            assert!(matches!(made.status, 200 | 201), "{}", made.text());
            text(&made.json()["run"])
        }))
    }

    /// Each start that was acknowledged is there under its name.
    pub(super) async fn holds(&self, shop: &Shop, since: usize) {
        for number in since..self.runs.len() {
            let name = format!("run {number}");
            let again = self.start(shop, &name).await.unwrap();
            assert_eq!(again.as_ref(), Some(&self.runs[&name]), "{name} began twice, or is lost");
        }
    }
}

/// A claim as its holder knows it.
#[derive(Debug, Clone)]
struct Held {
    claim: String,
    task: String,
    address: String,
    fence: u64,
    lease_ends_at: String,
    /// What was sent last and may not have been answered.
    tried: Option<Tried>,
    /// What was acknowledged at last.
    ended: Option<Tried>,
    /// Calls that were answered, with their outcomes.
    calls: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tried {
    Submit,
    Release,
}

impl Held {
    fn of(told: &Value) -> Self {
        Self {
            claim: text(&told["claim"]),
            task: text(&told["task"]),
            address: text(&told["address"]),
            fence: told["fence"].as_u64().unwrap(),
            lease_ends_at: text(&told["lease_ends_at"]),
            tried: None,
            ended: None,
            calls: Vec::new(),
        }
    }

    /// The result of the step.
    fn result(&self) -> Value {
        json!({"result": {"n": if self.address == "a" { 7 } else { 14 }}})
    }
}

/// An agent that claims, beats, calls, and hands in or gives back.
pub(super) struct Worker {
    name: String,
    token: String,
    random: Random,
    tally: Tally,
    /// Every claim that it was told of, in order.
    claims: Vec<Held>,
    /// How many of them are looked for only once more, at the end.
    looked: usize,
    /// What was acknowledged, by kind.
    pub(super) counts: BTreeMap<&'static str, u64>,
}

impl Worker {
    fn new(name: String, token: String, tally: Tally, random: Random) -> Self {
        let (claims, counts) = (Vec::new(), BTreeMap::new());
        Self { name, token, random, tally, claims, looked: 0, counts }
    }

    fn acknowledged(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
        self.tally.add();
    }

    async fn about(
        &self,
        shop: &Shop,
        held: &Held,
        what: &str,
        body: &Value,
    ) -> Result<Option<Answer>, Broken> {
        let path = format!("/claims/{}/{what}", held.claim);
        self.tally.ask(&shop.server, &self.token, (Method::POST, &path), body).await
    }

    /// One thing that an agent does.
    pub(super) async fn step(&mut self, shop: &Shop) -> Result<(), Broken> {
        let open = self.claims.iter().position(|it| it.ended.is_none());
        let Some(at) = open else { return self.claim(shop).await };
        let held = self.claims[at].clone();
        match (held.tried, draw(&self.random, 12)) {
            (Some(Tried::Release), _) | (None, 0) => self.release(shop, at, held).await,
            (None, 1..=3) => self.beat(shop, at, held).await,
            (None, 4..=7) if held.address == "a" => self.call(shop, at, held).await,
            (Some(Tried::Submit) | None, _) => self.submit(shop, at, held).await,
        }
    }

    /// What was granted and never touched comes again, perhaps because the answer was lost.
    async fn claim(&mut self, shop: &Shop) -> Result<(), Broken> {
        let most = 1 + draw(&self.random, 2);
        let body = json!({ "max": most });
        let asked = (Method::POST, "/claims/next");
        let Some(got) = self.tally.ask(&shop.server, &self.token, asked, &body).await? else {
            return Ok(());
        };
        assert_eq!(got.status, 200, "{}", got.text());
        for told in got.json()["items"].as_array().unwrap() {
            let held = Held::of(told);
            assert!(self.claims.iter().all(|it| it.claim != held.claim), "{}: {told}", self.name);
            self.claims.push(held);
            self.acknowledged("claims");
        }
        Ok(())
    }

    async fn beat(&mut self, shop: &Shop, at: usize, held: Held) -> Result<(), Broken> {
        let body = json!({ "fence": held.fence });
        let Some(told) = self.about(shop, &held, "heartbeat", &body).await? else {
            return Ok(());
        };
        assert_eq!(told.status, 200, "{}: {}", self.name, told.text());
        let ends = text(&told.json()["lease_ends_at"]);
        assert!(ends >= held.lease_ends_at, "the end of a claim went back");
        self.claims[at].lease_ends_at = ends;
        self.acknowledged("beats");
        Ok(())
    }

    async fn call(&mut self, shop: &Shop, at: usize, held: Held) -> Result<(), Broken> {
        let body = json!({"name": "look out", "arguments": {}, "fence": held.fence});
        let Some(told) = self.about(shop, &held, "tool", &body).await? else {
            return Ok(());
        };
        assert_eq!(told.status, 200, "{}: {}", self.name, told.text());
        let told = told.json();
        if let Some(call) = told["call"].as_str() {
            self.claims[at].calls.push((call.to_owned(), text(&told["outcome"])));
            self.acknowledged("calls");
        }
        Ok(())
    }

    async fn submit(&mut self, shop: &Shop, at: usize, held: Held) -> Result<(), Broken> {
        self.claims[at].tried = Some(Tried::Submit);
        let Some(told) = self.about(shop, &held, "result", &held.result()).await? else {
            return Ok(());
        };
        assert_eq!(told.status, 200, "{}: {}", self.name, told.text());
        assert_eq!(told.json()["accepted"], true);
        self.claims[at].ended = Some(Tried::Submit);
        self.acknowledged("submits");
        Ok(())
    }

    async fn release(&mut self, shop: &Shop, at: usize, held: Held) -> Result<(), Broken> {
        self.claims[at].tried = Some(Tried::Release);
        // Nobody is offered again what it handed back; so one does that, and the others fail.
        let reason = if self.name == "bird0" { "handed_back" } else { "failed" };
        let body = json!({ "reason": reason });
        let Some(told) = self.about(shop, &held, "release", &body).await? else {
            return Ok(());
        };
        // The one before it may have come to be without an answer.
        let is_again = told.status == 409 && told.json()["errors"][0]["code"] == "released";
        assert!(told.status == 200 || is_again, "{}: {}", self.name, told.text());
        self.claims[at].ended = Some(Tried::Release);
        self.acknowledged("releases");
        Ok(())
    }

    /// What was acknowledged since the last look is there: claims with their fences, ends, verdicts, calls.
    pub(super) async fn holds(&mut self, shop: &Shop) {
        let open = self.claims.iter().position(|it| it.ended.is_none());
        let since = std::mem::replace(&mut self.looked, open.unwrap_or(self.claims.len()));
        for held in self.claims.iter().skip(since) {
            let path = format!("/claims/{}", held.claim);
            let asked = (Method::GET, path.as_str());
            let seen = self
                .tally
                .ask(&shop.server, &self.token, asked, &Value::Null)
                .await
                .unwrap()
                .unwrap();
            assert_eq!(seen.status, 200, "{}: a claim is lost: {held:?}", self.name);
            let seen = seen.json();
            let states: &[&str] = match (held.ended, held.tried) {
                (Some(Tried::Submit), _) => &["submitted"],
                (Some(Tried::Release), _) => &["released"],
                (None, Some(Tried::Submit)) => &["live", "submitted"],
                (None, Some(Tried::Release)) => &["live", "released"],
                (None, None) => &["live"],
            };
            let state = text(&seen["state"]);
            assert!(states.contains(&state.as_str()), "{}: {state}: {held:?}", self.name);
            assert!(text(&seen["lease_ends_at"]) >= held.lease_ends_at, "a beat is lost");
            if held.ended == Some(Tried::Submit) {
                let told = self.about(shop, held, "result", &held.result()).await.unwrap().unwrap();
                let (code, told) = (told.status, told.json());
                assert_eq!((code, &told["repeated"]), (200, &json!(true)), "{held:?}");
            }
            for (call, outcome) in &held.calls {
                let calls = shop.get(&format!("/tasks/{}/calls", held.task)).await;
                let mut calls = calls["items"].as_array().unwrap().iter();
                let found = calls.find(|it| it["call"] == call.as_str());
                let found = found.unwrap_or_else(|| panic!("a call is lost: {held:?}"));
                assert_eq!(found["outcome"], outcome.as_str());
            }
        }
    }

    /// The fence that was told with each claim, and how the claim ended.
    pub(super) fn fences(&self) -> impl Iterator<Item = (&str, &str, u64)> {
        self.claims.iter().map(|it| (it.task.as_str(), it.claim.as_str(), it.fence))
    }

    /// Every call that was answered.
    pub(super) fn calls(&self) -> impl Iterator<Item = &str> {
        let calls = self.claims.iter().flat_map(|it| &it.calls);
        calls.filter(|(_, outcome)| outcome == "ok").map(|(call, _)| call.as_str())
    }

    pub(super) fn is_busy(&self) -> bool {
        self.claims.iter().any(|it| it.ended.is_none())
    }
}

/// Takes each output.
pub(super) struct Judge {
    /// Runs of which the verdict was acknowledged.
    pub(super) accepted: BTreeSet<String>,
    tally: Tally,
}

impl Judge {
    pub(super) async fn step(&mut self, shop: &Shop) -> Result<(), Broken> {
        let asked = (Method::GET, "/runs?state=composed&limit=20");
        let Some(seen) = self.tally.ask(&shop.server, &shop.runner, asked, &Value::Null).await?
        else {
            return Ok(());
        };
        for run in seen.json()["items"].as_array().unwrap() {
            let run = text(&run["run"]);
            let path = format!("/runs/{run}/verdict");
            let body = json!({"accepted": true});
            let asked = (Method::POST, path.as_str());
            let Some(told) = self.tally.ask(&shop.server, &shop.runner, asked, &body).await? else {
                continue;
            };
            assert!(told.status < 300, "{}", told.text());
            self.accepted.insert(run);
            self.tally.add();
        }
        Ok(())
    }

    pub(super) async fn holds(&self, shop: &Shop) {
        for run in &self.accepted {
            assert_eq!(shop.state(run).await, "completed", "a verdict is lost");
        }
    }
}

impl Clients {
    /// Everybody does what they do until the server is gone.
    pub(super) async fn until_gone(&mut self, shop: &Shop) {
        let Self { starter, workers, judge, .. } = self;
        let starting = async { while starter.step(shop).await.is_ok() {} };
        let judging = async { while judge.step(shop).await.is_ok() {} };
        let working = workers.iter_mut().map(async |it| while it.step(shop).await.is_ok() {});
        tokio::join!(starting, judging, futures_util::future::join_all(working));
    }

    /// Everybody does what they do until they are told to stop. The server is there all the time.
    pub(super) async fn until(&mut self, shop: &Shop, told: &watch::Receiver<bool>) {
        let Self { starter, workers, judge, .. } = self;
        let go_on = || !*told.borrow();
        let starting = async {
            while go_on() {
                starter.step(shop).await.unwrap();
            }
        };
        let judging = async {
            while go_on() {
                judge.step(shop).await.unwrap();
            }
        };
        let working = workers.iter_mut().map(async |it| {
            while go_on() {
                it.step(shop).await.unwrap();
            }
        });
        tokio::join!(starting, judging, futures_util::future::join_all(working));
    }

    /// What was acknowledged is there. `since` are the starts that were looked for before.
    pub(super) async fn hold(&mut self, shop: &Shop, since: usize) {
        self.starter.holds(shop, since).await;
        self.judge.holds(shop).await;
        for worker in &mut self.workers {
            worker.holds(shop).await;
        }
    }

    /// Every run is worked off, and is what it should be.
    pub(super) async fn end(&mut self, shop: &Shop, receiver: &Receiver) {
        for _ in 0..100_000 {
            for worker in &mut self.workers {
                worker.step(shop).await.unwrap();
            }
            self.judge.step(shop).await.unwrap();
            let is_over = self.workers.iter().all(|it| !it.is_busy());
            if is_over && self.judge.accepted.len() == self.starter.runs.len() {
                break;
            }
        }
        assert_eq!(self.judge.accepted.len(), self.starter.runs.len(), "a run does not end");
        self.hold(shop, 0).await;
        for run in self.starter.runs.values() {
            ended_once(shop, run).await;
        }
        self.fences_grow(shop).await;
        // Each call left once, whatever was lost on the way back.
        let calls = receiver.told("/look", "x-motet-call");
        let once: BTreeSet<_> = calls.iter().map(String::as_str).collect();
        assert_eq!(once.len(), calls.len(), "a call was made twice");
        for call in self.workers.iter().flat_map(Worker::calls) {
            assert!(once.contains(call), "a call was answered that nobody received");
        }
    }

    /// No two claims of a task have one fence, and each has the one that its holder was told.
    async fn fences_grow(&self, shop: &Shop) {
        let mut told: BTreeMap<&str, Vec<(&str, u64)>> = BTreeMap::new();
        for (task, claim, fence) in self.workers.iter().flat_map(Worker::fences) {
            told.entry(task).or_default().push((claim, fence));
        }
        for (task, claims) in told {
            let attempts = shop.get(&format!("/tasks/{task}/attempts")).await;
            let attempts = attempts["items"].as_array().unwrap().clone();
            let fences: Vec<_> = attempts.iter().map(|it| it["fence"].as_u64().unwrap()).collect();
            assert!(fences.is_sorted_by(|a, b| a < b), "{task}: {fences:?}");
            for (claim, fence) in claims {
                let found = attempts.iter().find(|it| it["claim"] == claim);
                assert_eq!(found.map(|it| it["fence"].clone()), Some(json!(fence)), "{task}");
            }
            let taken = attempts.iter().filter(|it| it["state"] == "submitted").count();
            assert_eq!(taken, 1, "{task} has {taken} results");
        }
    }
}

/// A run is completed, has the output of its results, and a timeline without a gap in which each thing stands once.
async fn ended_once(shop: &Shop, run: &str) {
    assert_eq!(shop.get(&format!("/runs/{run}/output")).await, json!({"n": 7, "twice": 14}));
    let events = shop.get(&format!("/runs/{run}/events?limit=100")).await;
    let events = events["items"].as_array().unwrap();
    let numbers: Vec<_> = events.iter().map(|it| it["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..).take(events.len()).collect::<Vec<_>>());
    let count = |kind: &str| events.iter().filter(|it| it["type"] == kind).count();
    assert_eq!(["run.composed", "run.completed", "task.done"].map(count), [1, 1, 2], "{events:?}");
}
