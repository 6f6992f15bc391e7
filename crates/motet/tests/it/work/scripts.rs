//! Both pipelines of the specification, over HTTP, by their scripts (W24).
//!
//! Acts are taken in the order of each address, by whichever agent the engine gives the task to: what a script says of its
//! agents (labels, tiers, different owners) is the engine's business here. Subcommands are called, at an endpoint that
//! answers as the script says. A claim that is to expire is given up as failed: both spend an attempt. A short back-off
//! stands in place of half a minute.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use http::Method;
use names::Random;
use serde_json::{Value, json};
use testkit::{Person, scale};

use super::{
    Shop, bearing,
    receiver::{Receiver, Seen},
    text,
};
use crate::{
    ground::{Ground, on_both},
    kills::draw,
};

/// Orders in which claims are made (`spec/work.md` 17, W24).
const ORDERS: usize = 20;

struct Fixture {
    definition: Value,
    script: Value,
    expected: Value,
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn add_data_source() -> Fixture {
    Fixture {
        definition: parsed(include_str!(
            "../../../../../tests/fixtures/pipelines/add-data-source.json"
        )),
        script: parsed(include_str!(
            "../../../../../tests/fixtures/pipelines/add-data-source.script.json"
        )),
        expected: parsed(include_str!(
            "../../../../../tests/fixtures/pipelines/add-data-source.expected.json"
        )),
    }
}

fn translate_and_grade() -> Fixture {
    Fixture {
        definition: parsed(include_str!(
            "../../../../../tests/fixtures/pipelines/translate-and-grade.json"
        )),
        script: parsed(include_str!(
            "../../../../../tests/fixtures/pipelines/translate-and-grade.script.json"
        )),
        expected: parsed(include_str!(
            "../../../../../tests/fixtures/pipelines/translate-and-grade.expected.json"
        )),
    }
}

/// A script being played.
struct Play {
    shop: Shop,
    script: Value,
    run: String,
    agents: Vec<Person>,
    reviewer: Person,
    used: BTreeMap<String, usize>,
    verdicts: usize,
    /// Who comes first, if chance decides.
    random: Option<Random>,
    /// The name of the pipeline.
    pipeline: String,
    _receiver: Receiver,
}

/// What an endpoint answers: of the script's answers to these arguments the first that a run has not had.
fn endpoint(tools: Value) -> impl Fn(&Seen) -> (u16, Value) {
    let used = Mutex::<BTreeSet<(String, usize)>>::default();
    move |seen| {
        let name = seen.header("x-motet-subcommand");
        let ends = format!("/{name}");
        let tools = tools.as_object().unwrap();
        let (_, answers) = tools.iter().find(|(it, _)| it.ends_with(&ends)).unwrap();
        let arguments: Value = serde_json::from_slice(&seen.body).unwrap();
        let run = seen.header("x-motet-run");
        let mut used = used.lock().unwrap();
        let mut answers = answers.as_array().unwrap().iter().enumerate();
        let answer = answers.find(|(at, it)| {
            it["arguments"] == arguments && used.insert((format!("{run} {name}"), *at))
        });
        let (_, answer) = answer.unwrap_or_else(|| panic!("{name} has no answer to {arguments}"));
        let status = answer["status"].as_u64().unwrap();
        (u16::try_from(status).unwrap(), answer["body"].clone())
    }
}

impl Play {
    async fn begin(ground: &Ground, fixture: &Fixture) -> Self {
        let script = fixture.script.clone();
        let receiver = Receiver::open(endpoint(script["tools"].clone())).await;
        let allowed = format!("--webhook-allow={}", receiver.address);
        let server = ground.server().arg(allowed).start().await;
        let shop = Shop::open(server, script["publisher"].as_str().unwrap()).await;
        for kind in ["subcommand_bearer", "webhook_signing"] {
            shop.secret(kind).await;
        }
        let mut agents = Vec::new();
        for (number, name) in script["agents"].as_object().unwrap().keys().enumerate() {
            let owner = shop.member(&format!("owner{number}"), "member").await;
            let agent = shop.agent(&owner, name).await;
            let target = format!("/api/v1/publishers/{}/agents/{name}", shop.handle);
            let vouch =
                shop.server.request(Method::PUT, &target).json(&json!({"state": "vouched"}));
            bearing(vouch, &shop.admin).send().await.assert_status(200);
            agents.push(agent);
        }
        let reviewer = shop.member("person-1", "reviewer").await;
        for skill in script["skills"].as_array().into_iter().flatten() {
            let target = format!("/api/v1/publishers/{}/skills", shop.handle);
            let added = bearing(shop.server.post(&target).json(skill), &shop.admin).send().await;
            assert!(added.status < 300, "{}", added.text());
        }
        let mut definition = fixture.definition.clone();
        definition["defaults"]["backoff"] =
            json!({"first": "1ms", "factor": 1, "max": "1ms", "jitter": 0});
        for step in definition["steps"].as_array_mut().unwrap() {
            let tools = step.get_mut("subcommands").and_then(Value::as_array_mut);
            for tool in tools.into_iter().flatten() {
                tool["url"] = json!(format!("http://{}/tool", receiver.address));
            }
        }
        shop.register(&definition).await;
        let pipeline = text(&definition["id"]);
        let run = shop.start(&pipeline, &script["input"]).await;
        let (used, verdicts, random) = (BTreeMap::new(), 0, None);
        Self {
            shop,
            script,
            run,
            agents,
            reviewer,
            used,
            verdicts,
            random,
            pipeline,
            _receiver: receiver,
        }
    }

    /// Another run of the same, in which chance decides who comes first.
    async fn again(&mut self, random: Random) {
        self.run = self.shop.start(&self.pipeline, &self.script["input"]).await;
        self.random = Some(random);
        (self.used, self.verdicts) = (BTreeMap::new(), 0);
    }

    /// An endpoint is called as the script says, through the server.
    async fn call(&self, agent: &Person, claim: &Value, tool: &Value) {
        let told = self.shop.about(agent, claim, "tool", tool).await;
        told.assert_status(200);
        assert_eq!(told.json()["outcome"], "ok", "{tool}: {}", told.text());
    }

    /// The next act of an address.
    fn act(&mut self, address: &str) -> Value {
        let at = self.used.entry(address.to_owned()).or_default();
        let act = self.script["answers"][address][*at].clone();
        assert!(act.is_object(), "no more acts for {address}");
        *at += 1;
        act
    }

    /// All acts of one claim.
    async fn work(&mut self, agent: &Person, claim: &Value) {
        let address = text(&claim["address"]);
        loop {
            let act = self.act(&address);
            if let Some(expected) = act.get("expect_input") {
                assert_eq!(&claim["input"]["value"], expected, "{address}");
            }
            if let Some(expected) = act.get("expect_feedback") {
                let told: Vec<_> = claim["feedback"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|it| it["text"].clone())
                    .collect();
                assert_eq!(&json!(told), expected, "{address}");
            }
            for tool in act["tools"].as_array().into_iter().flatten() {
                self.call(agent, claim, tool).await;
            }
            if let Some(result) = act.get("submit") {
                let answer = self.shop.submit(agent, claim, result).await;
                if act["expect"] == "rejected" {
                    answer.assert_refused(422, "invalid");
                    continue;
                }
                assert_eq!(answer.status, 200, "{address}: {}", answer.text());
                return;
            }
            let reason = act["release"].as_str().unwrap_or("failed");
            let back = self.shop.release(agent, claim, &json!({ "reason": reason })).await;
            assert_eq!(back.status, 200, "{address}: {}", back.text());
            return;
        }
    }

    /// One after the other claims and works. Says whether anything was done.
    async fn in_turn(&mut self, turn: usize) -> bool {
        let mut has_moved = false;
        for number in 0..self.agents.len() {
            let agent = self.agents[(number + turn) % self.agents.len()].clone();
            let ask = json!({"labels": ["browser"], "resume": false, "run": self.run});
            for claim in self.shop.next_with(&agent, &ask).await {
                self.work(&agent, &claim).await;
                has_moved = true;
            }
        }
        has_moved
    }

    /// All claim as many as chance says, in any order, and work in another. Says whether anything was done.
    async fn by_chance(&mut self, random: &Random) -> bool {
        let mut claims = Vec::new();
        for agent in shuffled(self.agents.clone(), random) {
            let most = 1 + draw(random, 3);
            let ask = json!({"labels": ["browser"], "resume": false, "run": self.run, "max": most});
            let got = self.shop.next_with(&agent, &ask).await;
            claims.extend(got.into_iter().map(|claim| (agent.clone(), claim)));
        }
        let has_moved = !claims.is_empty();
        for (agent, claim) in shuffled(claims, random) {
            self.work(&agent, &claim).await;
        }
        has_moved
    }

    /// Whatever can be done by somebody is done. Says whether anything was.
    async fn round(&mut self, turn: usize) -> bool {
        let mut has_moved = match self.random.clone() {
            None => self.in_turn(turn).await,
            Some(random) => self.by_chance(&random).await,
        };
        let asked =
            self.shop.server.get("/api/v1/approvals").by(&self.reviewer).send().await.json();
        for gate in asked["items"].as_array().unwrap() {
            let address = text(&gate["address"]);
            let decision = self.script["approvals"][&address][0].clone();
            assert_eq!(gate["input"], decision["expect_input"], "{address}");
            let target = format!("/api/v1/approvals/{}/decide", text(&gate["id"]));
            let body = json!({"decision": decision["decision"], "output": decision["output"]});
            let decide = self.shop.server.post(&target).json(&body).by(&self.reviewer);
            decide.send().await.assert_status(200);
            has_moved = true;
        }
        has_moved
    }

    async fn play(&mut self, turn: usize) -> Value {
        // More rounds than any script needs: a short back-off may pass between two.
        for _ in 0..2_000 {
            let has_moved = self.round(turn).await;
            let seen = self.shop.get(&format!("/runs/{}", self.run)).await;
            match seen["state"].as_str().unwrap() {
                "composed" => {
                    let verdict = &self.script["verdicts"][self.verdicts];
                    let path = format!("/runs/{}/verdict", self.run);
                    let told = self.shop.post(&path, verdict).await;
                    assert_eq!(told.status, 200, "{}", told.text());
                    self.verdicts += 1;
                }
                "running" if has_moved => {}
                "running" => tokio::task::yield_now().await,
                _ => return seen,
            }
        }
        panic!("it does not end");
    }
}

fn shuffled<T>(mut list: Vec<T>, random: &Random) -> Vec<T> {
    for at in (1..list.len()).rev() {
        list.swap(at, usize::try_from(draw(random, at as u64 + 1)).unwrap());
    }
    list
}

async fn comes_out_as_expected(ground: &Ground, fixture: &Fixture, turn: usize) {
    let mut play = Play::begin(ground, fixture).await;
    comes_out(&mut play, &fixture.expected, turn).await;
}

/// Chance decides who claims what when, in one run after the other.
async fn comes_out_in_any_order(ground: &Ground, fixture: &Fixture) {
    let mut play = Play::begin(ground, fixture).await;
    comes_out(&mut play, &fixture.expected, 1).await;
    for seed in 0..scale("ORDERS", ORDERS) {
        eprintln!("order {seed}");
        play.again(Random::seeded(seed as u64)).await;
        comes_out(&mut play, &fixture.expected, 0).await;
    }
}

async fn comes_out(play: &mut Play, expected: &Value, turn: usize) {
    let seen = play.play(turn).await;
    assert_eq!((&seen["state"], &seen["error"]), (&expected["state"], &Value::Null));
    assert_eq!(
        (&seen["spent"]["claims"], &seen["reopens"]),
        (&expected["claims"], &expected["reopens"])
    );
    let output = play.shop.get(&format!("/runs/{}/output", play.run)).await;
    assert_eq!(output, expected["final_output"]);
    let page = play.shop.get(&format!("/runs/{}/tasks?limit=100", play.run)).await;
    let mut tasks = BTreeMap::new();
    for task in page["items"].as_array().unwrap() {
        let address = text(&task["address"]);
        if task["superseded"] == true || address.contains('/') {
            continue;
        }
        let detail = play.shop.get(&format!("/tasks/{}", text(&task["task"]))).await;
        tasks.insert(
            address,
            (task["state"].clone(), task["generation"].clone(), detail["failed_attempts"].clone()),
        );
    }
    let wanted: BTreeMap<_, _> = expected["tasks"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(address, it)| {
            let failed = it["failed_attempts"].clone();
            (address.clone(), (it["state"].clone(), it["generation"].clone(), failed))
        })
        .collect();
    assert_eq!(tasks, wanted);
    let letters = play.shop.get(&format!("/publishers/{}/dead-letters", play.shop.handle)).await;
    let own =
        letters["items"].as_array().unwrap().iter().filter(|it| it["run"] == play.run.as_str());
    let letters: Vec<_> = own.map(|it| it["address"].clone()).collect();
    assert_eq!(json!(letters), expected["dead_letters"]);
}

on_both! {
    async fn add_data_source_comes_out_as_expected(ground: Ground) {
        comes_out_as_expected(&ground, &add_data_source(), 0).await;
    }
}

on_both! {
    async fn translate_and_grade_comes_out_as_expected(ground: Ground) {
        comes_out_as_expected(&ground, &translate_and_grade(), 0).await;
    }
}

on_both! {
    /// W24: twenty orders of claims, with calls.
    async fn data_sources_come_out_alike_in_any_order_of_claims(ground: Ground) {
        comes_out_in_any_order(&ground, &add_data_source()).await;
    }
}

on_both! {
    /// W24: twenty orders of claims, with calls, ballots, reviews, and a verdict that reopens.
    async fn translations_come_out_alike_in_any_order_of_claims(ground: Ground) {
        comes_out_in_any_order(&ground, &translate_and_grade()).await;
    }
}

on_both! {
    async fn whoever_comes_first_the_output_is_the_same(ground: Ground) {
        comes_out_as_expected(&ground, &translate_and_grade(), 2).await;
    }
}
