//! Runs, tasks and claims (`spec/work.md` 3, 4, 6, 17; `docs/checks/work.md`).
//!
//! | file          | what is promised                                                      |
//! |---------------|-----------------------------------------------------------------------|
//! | `claims.rs`   | one task, one claim; waiting; keeping alive; results judged once        |
//! | `endings.rs`  | attempts, deaths, poison, cancellation, budgets, slots                  |
//! | `strangers.rs`| what is another's is not there                                         |
//! | `surfaces.rs` | dead letters, numbers, records of agents, skills by claim, waiting        |
//! | `tables.rs`   | definitions and acts, and what comes of them                             |
//! | `tenants.rs`  | every route, two publishers, every role and kind of token               |
//! | `scripts.rs`  | both pipelines of the specification, over HTTP                          |
//! | `again.rs`    | a run moves to another version, or is done once more                    |
//! | `rights.rs`   | what is taken away ends claims; labels, tiers, what is marked as foreign |
//! | `once.rs`     | what was signed, or has a name, is done once                            |
//! | `limits.rs`   | how much one token and one publisher may have                           |
//! | `processes.rs`| several processes; what is read at a start; silence                      |
//! | `life.rs`     | what was acknowledged outlives a kill; an idle server is silent         |
//! | `checks.rs`   | ballots and reviews by different owners; agents that always vanish       |
//! | `neighbour.rs`| whoever enqueues much keeps nobody else waiting                         |
//! | `ledger.rs`   | what was acknowledged outlives every kill, to everybody at once          |
//! | `let_down.rs` | what the server stands on fails under load: nothing acknowledged is lost |
//! | `hostile.rs`  | endpoints that drip or never end, results of nothing but brackets        |
//! | `clients.rs`  | nothing: clients that write down what was acknowledged to them           |
//! | `receiver.rs` | nothing: an endpoint of a publisher that writes down what it received    |
//! | `pages.rs`    | the same for people: pages, and forms that need no script               |
//! | `deliveries.rs` | who is told of them, and verdicts                                     |
//! | `loops.rs`    | agents that are shell scripts, and a server that is killed              |
//! | `stream.rs`   | all of it as it happens: server-sent events                             |

mod again;
mod checks;
mod claims;
mod clients;
mod deliveries;
mod endings;
mod hostile;
mod ledger;
mod let_down;
mod life;
mod limits;
mod loops;
mod neighbour;
mod once;
mod pages;
mod processes;
mod receiver;
mod rights;
mod scripts;
mod strangers;
mod stream;
mod surfaces;
mod tables;
mod tenants;

use http::Method;
use names::Secret;
use serde_json::{Value, json};
use testkit::{Answer, Person, Request, Server};

use crate::ground::{Ground, on_both};

/// A publisher with people, agents of theirs, and the tokens that run it.
pub(crate) struct Shop {
    pub(crate) server: Server,
    pub(crate) handle: String,
    /// Owns the organization.
    pub(crate) anna: Person,
    pub(crate) admin: String,
    pub(crate) runner: String,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

impl Shop {
    /// `handle` with Anna as its owner.
    pub(crate) async fn open(server: Server, handle: &str) -> Self {
        let anna = server.register(&format!("anna-{handle}")).await;
        Self::of(server, handle, anna).await
    }

    async fn of(server: Server, handle: &str, anna: Person) -> Self {
        let new = json!({ "handle": handle });
        server.post("/api/v1/orgs").json(&new).by(&anna).send().await.assert_status(201);
        let enable = format!("/api/v1/orgs/{handle}/publisher");
        server.post(&enable).by(&anna).send().await.assert_status(201);
        let mint = async |kind: &str| {
            let target = format!("/api/v1/publishers/{handle}/tokens/{kind}");
            let made = server.post(&target).json(&json!({})).by(&anna).send().await;
            made.assert_status(201);
            text(&made.json()["value"])
        };
        let (admin, runner) = (mint("admin").await, mint("runner").await);
        Self { server, handle: handle.to_owned(), anna, admin, runner }
    }

    /// A member of the organization.
    pub(crate) async fn member(&self, name: &str, role: &str) -> Person {
        let person = self.server.register(name).await;
        let invite = format!("/api/v1/orgs/{}/invites", self.handle);
        let made = self.server.post(&invite).json(&json!({ "role": role })).by(&self.anna);
        let accept = json!({ "code": made.send().await.json()["code"] });
        let accept = self.server.post("/api/v1/invites/accept").json(&accept).by(&person);
        accept.send().await.assert_status(200);
        person
    }

    /// An agent of `owner` that may claim whatever this publisher lets it, with a key of its own.
    pub(crate) async fn agent(&self, owner: &Person, name: &str) -> Person {
        agent(&self.server, owner, name, &[&self.handle]).await
    }

    /// Registers a definition.
    pub(crate) async fn register(&self, definition: &Value) {
        let target = format!("/api/v1/publishers/{}/pipelines", self.handle);
        let request = self.server.post(&target).json(definition);
        let made = bearing(request, &self.admin).send().await;
        assert!(made.status < 300, "{}", made.text());
    }

    /// A token of an agent: cheaper than a signature for each request.
    pub(crate) async fn token(&self, owner: &Person, agent: &str) -> String {
        let scope = json!({ "planes": { "work": "write" }, "publishers": [self.handle] });
        let target = format!("/api/v1/agents/{agent}/tokens");
        let minted = self.server.post(&target).json(&json!({ "scope": scope })).by(owner);
        let minted = minted.send().await;
        assert_eq!(minted.status, 201, "{}", minted.text());
        text(&minted.json()["value"])
    }

    /// A secret of the publisher.
    pub(crate) async fn secret(&self, kind: &str) -> String {
        let target = format!("/api/v1/publishers/{}/secrets/{kind}", self.handle);
        let made = bearing(self.server.post(&target).json(&json!({})), &self.admin).send().await;
        assert_eq!(made.status, 201, "{}", made.text());
        text(&made.json()["value"])
    }

    /// A call with the runner's token.
    pub(crate) async fn run(&self, method: Method, path: &str, body: &Value) -> Answer {
        let request = self.server.request(method, &format!("/api/v1{path}"));
        let request = if body.is_null() { request } else { request.json(body) };
        bearing(request, &self.runner).send().await
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.run(Method::GET, path, &Value::Null).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.run(Method::POST, path, body).await
    }

    /// Begins a run.
    pub(crate) async fn try_start(&self, pipeline: &str, body: &Value) -> Answer {
        let path = format!("/publishers/{}/pipelines/{pipeline}/runs", self.handle);
        self.post(&path, body).await
    }

    /// Begins a run that has to begin; gives its id.
    pub(crate) async fn start(&self, pipeline: &str, input: &Value) -> String {
        let made = self.try_start(pipeline, &json!({ "input": input })).await;
        assert_eq!(made.status, 201, "{}", made.text());
        text(&made.json()["run"])
    }

    /// Where a run is.
    pub(crate) async fn state(&self, run: &str) -> String {
        text(&self.get(&format!("/runs/{run}")).await["state"])
    }

    /// The current tasks of a run, by address, with their states.
    pub(crate) async fn tasks(&self, run: &str) -> Vec<(String, String)> {
        let page = self.get(&format!("/runs/{run}/tasks?limit=100")).await;
        let items = page["items"].as_array().unwrap().clone();
        let current = items.iter().filter(|it| it["superseded"] == false);
        let mut told: Vec<_> =
            current.map(|it| (text(&it["address"]), text(&it["state"]))).collect();
        told.sort();
        told
    }

    /// What an agent gets when it asks so.
    pub(crate) async fn next_with(&self, agent: &Person, body: &Value) -> Vec<Value> {
        let answer = self.server.post("/api/v1/claims/next").json(body).by(agent).send().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["items"].as_array().unwrap().clone()
    }

    /// What an agent gets now that it did not have before.
    pub(crate) async fn next(&self, agent: &Person) -> Option<Value> {
        self.next_with(agent, &json!({ "resume": false })).await.pop()
    }

    /// A claim that has to be there.
    pub(crate) async fn claim(&self, agent: &Person) -> Value {
        self.next(agent).await.unwrap_or_else(|| panic!("nothing for {}", agent.handle()))
    }

    /// A call about a claim.
    pub(crate) async fn about(
        &self,
        agent: &Person,
        claim: &Value,
        what: &str,
        body: &Value,
    ) -> Answer {
        let target = format!("/api/v1/claims/{}/{what}", text(&claim["claim"]));
        self.server.post(&target).json(body).by(agent).send().await
    }

    /// Hands a result in.
    pub(crate) async fn submit(&self, agent: &Person, claim: &Value, result: &Value) -> Answer {
        self.about(agent, claim, "result", &json!({ "result": result })).await
    }

    /// Hands a result in that has to be taken.
    pub(crate) async fn done(&self, agent: &Person, claim: &Value, result: &Value) -> Value {
        let answer = self.submit(agent, claim, result).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Gives a task back.
    pub(crate) async fn release(&self, agent: &Person, claim: &Value, body: &Value) -> Answer {
        self.about(agent, claim, "release", body).await
    }
}

/// An agent of `owner`, with a key of its own, that may claim tasks of these publishers.
pub(crate) async fn agent(
    server: &Server,
    owner: &Person,
    name: &str,
    publishers: &[&str],
) -> Person {
    let scope = json!({ "planes": { "work": "write" }, "publishers": publishers });
    let new = json!({ "handle": name, "capabilities": ["browser"], "scope": scope });
    let made = server.post("/api/v1/agents").json(&new).by(owner).send().await;
    assert_eq!(made.status, 201, "{}", made.text());
    let mut seed = [91; 32];
    for (to, from) in seed.iter_mut().zip(name.bytes()) {
        *to = from;
    }
    let it = Person::new(name, Secret::new(seed));
    let line = it.key().public().to_openssh();
    let met = it.answer_to(&server.challenge(name, &line).await);
    server.post("/api/v1/auth/verify").json(&met).by(owner).send().await.assert_status(201);
    it
}

pub(crate) fn bearing(request: Request, token: &str) -> Request {
    request.header("authorization", &format!("Bearer {token}"))
}

/// A token of an agent, with its id.
pub(crate) async fn token(
    server: &Server,
    owner: &Person,
    agent: &Person,
    scope: &Value,
) -> (String, String) {
    let target = format!("/api/v1/agents/{}/tokens", agent.handle());
    let made = server.post(&target).json(&json!({ "scope": scope })).by(owner).send().await;
    assert_eq!(made.status, 201, "{}", made.text());
    (text(&made.json()["value"]), text(&made.json()["token"]["id"]))
}

/// A definition with these steps, each of which makes a number `n` and perhaps a `list`.
pub(crate) fn of_steps(id: &str, steps: Value, more: Value) -> Value {
    let Value::Array(mut steps) = steps else { panic!("a list is wanted") };
    for step in &mut steps {
        let fields = step.as_object_mut().unwrap();
        fields.entry("instructions").or_insert_with(|| "Count.".into());
        fields.entry("output_schema").or_insert_with(|| {
            json!({"type": "object", "required": ["n"], "properties": {
                "n": {"type": "integer"},
                "list": {"type": "array", "items": {"type": "object"}},
            }})
        });
    }
    let mut document = json!({
        "motet": 1, "id": id, "steps": steps,
        "input_schema": {"type": "object", "properties": {"key": {"type": "string"}}},
        "defaults": {"backoff": {"first": "1ms", "factor": 1, "max": "1ms", "jitter": 0}},
        "final_output": {"composes": ["a.*"]},
    });
    if let (Some(fields), Value::Object(more)) = (document.as_object_mut(), more) {
        fields.extend(more);
    }
    document
}

on_both! {
    /// The thin path: from a definition to a composed output.
    async fn a_run_goes_from_its_start_to_its_output(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let heron = shop.agent(&shop.anna, "heron").await;
        let steps = json!([{"id": "a"}, {"id": "b", "requires": ["a"], "inputs": {"n": {"from": "a", "pointer": "/n"}}}]);
        let output = json!({"final_output": {"composes": ["a.*", "twice: b.n"]}});
        shop.register(&of_steps("sync", steps, output)).await;
        assert!(shop.next(&heron).await.is_none());
        let run = shop.start("sync", &json!({"key": "k"})).await;
        let first = shop.claim(&heron).await;
        assert_eq!(first["address"], "a");
        assert_eq!(first["input"]["value"], json!({"input": {"key": "k"}}));
        assert_eq!(first["instructions"]["untrusted"], true);
        assert_eq!(first["instructions"]["origin"], "acme/sync@1");
        // W13: both tasks are there from the start, and the second waits for the first.
        assert_eq!(shop.tasks(&run).await, [("a".into(), "claimed".into()), ("b".into(), "pending".into())]);
        assert!(shop.next(&heron).await.is_none());
        let told = shop.done(&heron, &first, &json!({"n": 7})).await;
        assert_eq!((&told["verdict"], &told["run_state"]), (&json!("accepted"), &json!("running")));
        // W14: what its pointers name, and nothing else.
        let second = shop.claim(&heron).await;
        assert_eq!((&second["address"], &second["input"]["value"]), (&json!("b"), &json!({"n": 7})));
        let told = shop.done(&heron, &second, &json!({"n": 14})).await;
        assert_eq!(told["run_state"], "completed");
        assert_eq!(shop.get(&format!("/runs/{run}/output")).await, json!({"n": 7, "twice": 14}));
        // The timeline has no gap, and ends with the end.
        let events = shop.get(&format!("/runs/{run}/events?limit=100")).await;
        let events = events["items"].as_array().unwrap();
        let numbers: Vec<_> = events.iter().map(|it| it["seq"].as_u64().unwrap()).collect();
        assert_eq!(numbers, (1..).take(events.len()).collect::<Vec<_>>());
        assert_eq!(events.last().unwrap()["type"], "run.completed");
    }
}
