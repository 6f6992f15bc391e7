//! Subcommands through the server: a real endpoint on loopback that the operator lists (`spec/work.md` 7).

use std::future::pending;

use aws_lc_rs::hmac;
use http::Response;
use http_body_util::Full;
use hyper::body::Bytes;
use serde_json::{Value, json};
use testkit::{Answer, Person, Receiver, Setup, reply};

use crate::{
    ground::{Ground, on_both},
    work::{Shop, bearing, of_steps},
};

/// An endpoint that answers as its path says.
async fn endpoint() -> Receiver {
    Receiver::open(|came| async move { answer(came.path()).await }).await
}

async fn answer(path: &str) -> Response<Full<Bytes>> {
    let (status, body) = match path {
        "/ok" => (200, r#"{"seen": 3}"#.to_owned()),
        "/other" => (200, r#"{"seen": "three"}"#.to_owned()),
        "/text" => (200, "three".to_owned()),
        "/large" => (200, format!("\"{}\"", "a".repeat(1 << 20))),
        "/moved" => (302, String::new()),
        "/missing" => (404, r#"{"why": "no such board"}"#.to_owned()),
        "/long" => (404, "b".repeat((64 << 10) + 1)),
        "/broken" => (503, "later".to_owned()),
        _ => pending().await,
    };
    let mut answer = reply(status, body);
    if status == 302 {
        answer.headers_mut().insert("location", "/ok".parse().unwrap());
    }
    answer
}

/// A shop with a claim of a task whose subcommands are paths of an endpoint.
struct Bench {
    shop: Shop,
    endpoint: Receiver,
    heron: Person,
    claim: Value,
    bearer: String,
    signing: String,
}

impl Bench {
    async fn of(ground: &Ground, subcommands: &[(&str, Value)], more: Value) -> Self {
        Self::bare(ground, subcommands, more).await.with_secrets().await
    }

    async fn with_secrets(self) -> Self {
        let bench = self;
        let secret = async |kind: &str| {
            let target = format!("/api/v1/publishers/acme/secrets/{kind}");
            let made = bearing(bench.shop.server.post(&target), &bench.shop.admin);
            let made = made.json(&json!({})).send().await;
            made.assert_status(201);
            made.json()["value"].as_str().unwrap().to_owned()
        };
        let (bearer, signing) =
            (secret("subcommand_bearer").await, secret("webhook_signing").await);
        Self { bearer, signing, ..bench }
    }

    /// Without any secret.
    async fn bare(ground: &Ground, subcommands: &[(&str, Value)], more: Value) -> Self {
        Self::on(ground.server(), subcommands, more).await
    }

    async fn on(setup: Setup, subcommands: &[(&str, Value)], more: Value) -> Self {
        let endpoint = endpoint().await;
        let shop = Shop::open(setup.arg(endpoint.allowed()).start().await, "acme").await;
        let heron = shop.agent(&shop.anna, "heron").await;
        let schema = json!({"type": "object", "properties": {"board": {"type": "string"}}, "additionalProperties": false});
        let output = json!({"type": "object", "required": ["seen"], "properties": {"seen": {"type": "integer"}}});
        let tools: Vec<_> = subcommands.iter().map(|(path, more)| {
            let name = path.split('?').next().unwrap();
            let mut it = json!({
                "name": format!("try {name}"), "url": format!("http://{}/{path}", endpoint.address),
                "summary": format!("Tries {name}."), "help": "Ask once.",
                "input_schema": schema, "output_schema": output, "timeout": "2s",
            });
            it.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            it
        }).collect();
        shop.register(&of_steps("sync", json!([{"id": "a", "subcommands": tools}]), more)).await;
        shop.start("sync", &json!({})).await;
        let claim = shop.claim(&heron).await;
        Self { shop, endpoint, heron, claim, bearer: String::new(), signing: String::new() }
    }

    async fn tool(&self, name: &str, arguments: Value) -> Answer {
        let body = json!({"name": name, "arguments": arguments, "fence": self.claim["fence"]});
        self.shop.about(&self.heron, &self.claim, "tool", &body).await
    }

    /// What a call that was made came to.
    async fn outcome(&self, name: &str) -> (String, Value) {
        let answer = self.tool(name, json!({})).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let told = answer.json();
        (told["outcome"].as_str().unwrap().to_owned(), told)
    }
}

/// The tag over the lines of a call, as its receiver makes it.
fn tag(secret: &str, lines: &[&str]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, lines.join("\n").as_bytes());
    tag.as_ref().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

on_both! {
    /// W71.
    async fn a_call_bears_ten_headers_a_bearer_and_a_signature(ground: Ground) {
        let bench = Bench::of(&ground, &[("ok?deep=1", json!({}))], json!({})).await;
        let answer = bench.tool("try ok", json!({"board": "a"})).await;
        answer.assert_status(200);
        let told = answer.json();
        assert_eq!((&told["outcome"], &told["status"]), (&json!("ok"), &json!(200)));
        let value = json!({"untrusted": true, "origin": "acme/sync@1", "value": {"seen": 3}});
        assert_eq!(told["answer"], value);
        let seen = bench.endpoint.seen();
        let [call] = seen.as_slice() else { panic!("{} calls", seen.len()) };
        assert_eq!(call.body.as_ref(), br#"{"board":"a"}"#);
        assert_eq!(call.header("authorization"), format!("Bearer {}", bench.bearer));
        assert_eq!(call.header("user-agent"), "Motet-Call/1");
        assert_eq!(call.header("content-type"), "application/json");
        let text = |name: &str| bench.claim[name].as_str().unwrap().to_owned();
        let (run, task, claim) = (text("run"), text("task"), text("claim"));
        for (name, value) in [
            ("publisher", "acme"), ("pipeline", "sync"), ("version", "1"), ("run", &run), ("task", &task),
            ("subcommand", "try ok"), ("claim", &claim), ("fence", "1"), ("call", told["call"].as_str().unwrap()),
        ] {
            assert_eq!(call.header(&format!("x-motet-{name}")), value, "{name}");
        }
        assert!(call.header("x-motet-remaining-ms").parse::<u64>().unwrap() > 0);
        let signature = call.header("x-motet-call-signature");
        let (at, signed) = signature.split_once(",v1=").unwrap();
        let at = at.strip_prefix("t=").unwrap();
        let digest = names::Digest::of(&call.body).to_string();
        let lines = [
            "motet-call-v1", at, call.header("x-motet-call"), "POST", &call.target, "acme/sync@1", &run, &task,
            &claim, "1", "try ok", &digest,
        ];
        assert_eq!(signed, tag(&bench.signing, &lines));
        for changed in 0..lines.len() {
            let mut other = lines;
            other[changed] = "else";
            assert_ne!(signed, tag(&bench.signing, &other));
        }
    }
}

on_both! {
    /// W72: each gives its outcome, and what was called is told to the publisher.
    async fn what_an_endpoint_does_is_told_in_one_word(ground: Ground) {
        let paths = ["ok", "other", "text", "large", "moved", "missing", "long", "broken", "silent"];
        let tools = paths.map(|path| (path, json!({})));
        let bench = Bench::of(&ground, &tools, json!({})).await;
        for (path, outcome, status) in [
            ("other", "publisher_bad_answer", json!(200)),
            ("text", "publisher_bad_answer", json!(200)),
            ("large", "publisher_too_large", json!(200)),
            ("moved", "publisher_redirect", json!(302)),
            ("broken", "publisher_5xx", json!(503)),
            ("silent", "publisher_timeout", Value::Null),
            ("missing", "publisher_4xx", json!(404)),
            ("long", "publisher_4xx", json!(404)),
            ("ok", "ok", json!(200)),
        ] {
            let (found, told) = bench.outcome(&format!("try {path}")).await;
            assert_eq!((found.as_str(), &told["status"]), (outcome, &status), "{path}");
            assert_eq!(told["truncated"], path == "long");
            match path {
                "missing" => assert_eq!(told["answer"]["value"], json!({"why": "no such board"})),
                "long" => assert_eq!(told["answer"]["value"].as_str().unwrap().len(), 64 << 10),
                _ => {}
            }
        }
        assert_eq!(bench.endpoint.seen().len(), 9);
        let calls = bench.shop.get(&format!("/tasks/{}/calls", bench.claim["task"].as_str().unwrap())).await;
        let calls = calls["items"].as_array().unwrap().clone();
        assert_eq!(calls.len(), 9);
        assert_eq!((&calls[0]["outcome"], &calls[0]["answer"]), (&json!("ok"), &json!({"seen": 3})));
        assert_eq!(calls[0]["claim"], bench.claim["claim"]);
    }
}

on_both! {
    /// W75, W76, W78, W53.
    async fn what_is_refused_and_what_is_built_in_never_leaves(ground: Ground) {
        let bench = Bench::bare(&ground, &[("ok", json!({}))], json!({})).await;
        let unknown = bench.tool("try nothing", json!({})).await;
        unknown.assert_refused(422, "unknown_subcommand");
        for name in ["try ok", "help", "status", "blocked"] {
            assert!(unknown.text().contains(name), "{}", unknown.text());
        }
        let wrong = bench.tool("try ok", json!({"board": 7, "more": 1})).await;
        wrong.assert_refused(422, "invalid");
        let places: Vec<_> = wrong.json()["errors"].as_array().unwrap().iter().map(|it| it["pointer"].clone()).collect();
        assert!(places.contains(&json!("/arguments/board")), "{places:?}");
        // Without a bearer of its own there is no call.
        bench.tool("try ok", json!({})).await.assert_refused(409, "no_active_secret");
        let (outcome, told) = bench.outcome("help").await;
        assert_eq!(outcome, "ok");
        assert_eq!(told["answer"]["value"]["subcommands"][0], json!({"name": "try ok", "summary": "Tries ok."}));
        let (_, told) = bench.outcome("help try ok").await;
        assert_eq!(told["answer"]["value"]["help"], "Ask once.");
        assert_eq!(told["answer"]["value"]["output_schema"]["required"], json!(["seen"]));
        bench.tool("help nothing", json!({})).await.assert_refused(422, "unknown_subcommand");
        let (_, told) = bench.outcome("status").await;
        assert_eq!(told["answer"]["value"]["fence"], 1);
        assert_eq!(told["answer"]["value"]["budget_left"]["proxy_calls"], 10_000);
        // To anybody else there is no such claim.
        let gannet = bench.shop.agent(&bench.shop.anna, "gannet").await;
        let other = bench.shop.about(&gannet, &bench.claim, "tool", &json!({"name": "help"})).await;
        other.assert_refused(404, "not_found");
        let body = json!({"name": "help", "fence": 2});
        let stale = bench.shop.about(&bench.heron, &bench.claim, "tool", &body).await;
        stale.assert_refused(409, "claim_lost");
        bench.tool("blocked", json!({})).await.assert_refused(422, "invalid");
        let blocked = bench.tool("blocked", json!({"detail": "the gate is shut"})).await;
        assert_eq!(blocked.json()["answer"]["value"]["state"], "released");
        bench.tool("help", json!({})).await.assert_refused(409, "claim_lost");
        assert_eq!(bench.endpoint.seen().len(), 0);
    }
}

on_both! {
    /// W55, W80.
    async fn what_is_beyond_its_number_never_leaves(ground: Ground) {
        let budgets = json!({"budgets": {"proxy_calls": 4}});
        let tools = [("ok", json!({"max_calls": 2})), ("missing", json!({}))];
        let bench = Bench::of(&ground, &tools, budgets).await;
        let target = format!("/api/v1/claims/{}/tool", bench.claim["claim"].as_str().unwrap());
        let once = || {
            let request = bench.shop.server.post(&target).json(&json!({"name": "try ok"}));
            request.header("idempotency-key", "one").by(&bench.heron)
        };
        let first = once().send().await;
        assert_eq!(first.json()["outcome"], "ok");
        assert_eq!((once().send().await.json(), bench.endpoint.seen().len()), (first.json(), 1));
        assert_eq!(bench.outcome("try ok").await.0, "ok");
        bench.tool("try ok", json!({})).await.assert_refused(429, "calls_exhausted");
        for _ in 0..2 {
            assert_eq!(bench.outcome("try missing").await.0, "publisher_4xx");
        }
        bench.tool("try missing", json!({})).await.assert_refused(409, "budget_exhausted");
        assert_eq!(bench.endpoint.seen().len(), 4);
    }
}

on_both! {
    /// Section 5, with two instead of a hundred and twenty: the third leaves no byte, and what is built in goes on.
    async fn so_many_calls_are_made_in_a_minute(ground: Ground) {
        let setup = ground.server().arg("--limit=calls=2");
        let bench = Bench::on(setup, &[("ok", json!({}))], json!({})).await.with_secrets().await;
        for _ in 0..2 {
            assert_eq!(bench.outcome("try ok").await.0, "ok");
        }
        let refused = bench.tool("try ok", json!({})).await;
        refused.assert_refused(429, "rate_limited");
        assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
        assert_eq!(bench.endpoint.seen().len(), 2);
        for _ in 0..3 {
            assert_eq!(bench.outcome("status").await.0, "ok");
        }
    }
}

on_both! {
    /// W79.
    async fn an_endpoint_that_fails_often_is_left_alone(ground: Ground) {
        let tools = ["ok", "broken"].map(|path| (path, json!({})));
        let bench = Bench::of(&ground, &tools, json!({})).await;
        for _ in 0..9 {
            assert_eq!(bench.outcome("try broken").await.0, "publisher_5xx");
        }
        // A success begins anew.
        assert_eq!(bench.outcome("try ok").await.0, "ok");
        for _ in 0..10 {
            assert_eq!(bench.outcome("try broken").await.0, "publisher_5xx");
        }
        let before = bench.endpoint.seen().len();
        let (outcome, told) = bench.outcome("try ok").await;
        assert_eq!(outcome, "publisher_unavailable");
        assert!(told["retry_after_ms"].as_u64().unwrap() <= 30_000);
        assert_eq!(bench.endpoint.seen().len(), before);
        let status = bench.outcome("status").await.1;
        assert_eq!(status["answer"]["value"]["budget_left"]["proxy_calls"], 10_000 - 20);
    }
}

on_both! {
    /// W74, W75: what was good when it was registered is judged again at each call.
    async fn what_may_not_be_asked_any_more_is_not_asked(ground: Ground) {
        let mut bench = Bench::of(&ground, &[("ok", json!({}))], json!({})).await;
        assert_eq!(bench.outcome("try ok").await.0, "ok");
        // The operator lists the receiver no more.
        bench.shop.server.stop().await;
        let dir = bench.shop.server.data_dir().to_owned();
        let server = ground.server().data_dir(dir).start().await;
        let _before = std::mem::replace(&mut bench.shop.server, server);
        let (outcome, told) = bench.outcome("try ok").await;
        assert_eq!((outcome.as_str(), &told["status"]), ("address_refused", &Value::Null));
        // The publisher has no bearer any more, and no other credential takes its place.
        let target = "/api/v1/publishers/acme";
        let seen = bearing(bench.shop.server.get(target), &bench.shop.admin).send().await.json();
        let secrets = seen["secrets"].as_array().unwrap();
        let found = secrets.iter().find(|it| it["kind"] == "subcommand_bearer").unwrap();
        let target = format!("{target}/secrets/subcommand_bearer/{}", found["id"].as_str().unwrap());
        let end = bench.shop.server.request(http::Method::DELETE, &target);
        bearing(end, &bench.shop.admin).send().await.assert_status(204);
        bench.tool("try ok", json!({})).await.assert_refused(409, "no_active_secret");
        assert_eq!(bench.endpoint.seen().len(), 1);
    }
}
