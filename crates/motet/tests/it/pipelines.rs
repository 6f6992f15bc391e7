//! Pipelines as publishers register them, and skills (`spec/work.md` 2, 6, 10, 17).
//!
//! | file           | what is promised                                         |
//! |----------------|----------------------------------------------------------|
//! | `faults.rs`    | what does not hold is told with all its places             |
//! | `versions.rs`  | versions stay as they are; one of them is current          |
//! | `roles.rs`     | who may what                                              |
//! | `skills.rs`    | skills: added, named, taken out of use                     |
//! | `schedules.rs` | schedules of current versions, and what they start         |
//! | `tools.rs`     | endpoints of publishers, called during a claim             |

mod faults;
mod roles;
mod schedules;
mod skills;
mod tools;
mod versions;

use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Request, Server};

use crate::{
    ground::{Ground, on_both},
    publishers::founded,
};

const ADD_DATA_SOURCE: [&str; 2] = [
    include_str!("../../../../tests/fixtures/pipelines/add-data-source.yaml"),
    include_str!("../../../../tests/fixtures/pipelines/add-data-source.json"),
];
const ADD_DATA_SOURCE_SCRIPT: &str =
    include_str!("../../../../tests/fixtures/pipelines/add-data-source.script.json");
const ADD_DATA_SOURCE_EXPECTED: &str =
    include_str!("../../../../tests/fixtures/pipelines/add-data-source.expected.json");
const TRANSLATE_AND_GRADE: [&str; 2] = [
    include_str!("../../../../tests/fixtures/pipelines/translate-and-grade.yaml"),
    include_str!("../../../../tests/fixtures/pipelines/translate-and-grade.json"),
];
const TRANSLATE_AND_GRADE_EXPECTED: &str =
    include_str!("../../../../tests/fixtures/pipelines/translate-and-grade.expected.json");
const CASES: &str = include_str!("../../../../tests/fixtures/pipelines/cases.json");

pub(crate) const YAML: &str = "application/yaml";
pub(crate) const JSON: &str = "application/json";

/// A publisher with the token that runs it.
pub(crate) struct Tenant<'s> {
    server: &'s Server,
    handle: String,
    token: String,
}

impl<'s> Tenant<'s> {
    pub(crate) async fn new(server: &'s Server, handle: &str) -> Self {
        let (_, token) = founded(server, handle).await;
        Self { server, handle: handle.to_owned(), token }
    }

    /// A request below the publisher.
    pub(crate) fn request(&self, method: Method, path: &str) -> Request {
        let target = format!("/api/v1/publishers/{}{path}", self.handle);
        let bearer = format!("Bearer {}", self.token);
        self.server.request(method, &target).header("authorization", &bearer)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path).send().await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Value) -> Answer {
        self.request(method, path).json(&body).send().await
    }

    /// What a list holds.
    pub(crate) async fn items(&self, path: &str) -> Vec<Value> {
        let answer = self.get(path).await;
        answer.assert_status(200);
        answer.json()["items"].as_array().unwrap().clone()
    }

    /// Registers a text.
    pub(crate) async fn register(&self, query: &str, kind: &str, text: &str) -> Answer {
        let request = self.request(Method::POST, &format!("/pipelines{query}"));
        request.header("content-type", kind).body(text.to_owned()).send().await
    }

    /// Registers a document, which holds.
    pub(crate) async fn registered(&self, document: &Value) -> Value {
        let answer = self.register("", JSON, &document.to_string()).await;
        assert!(answer.status < 300, "{}", answer.text());
        answer.json()
    }

    /// The words in its log.
    pub(crate) async fn noted(&self) -> Vec<String> {
        let rows = self.items("/audit?limit=100").await;
        rows.iter().map(|it| it["action"].as_str().unwrap().to_owned()).collect()
    }
}

pub(crate) fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A definition of one step.
pub(crate) fn small(id: &str, instructions: &str) -> Value {
    json!({
        "motet": 1, "id": id,
        "input_schema": {"type": "object"},
        "steps": [{
            "id": "one", "instructions": instructions,
            "output_schema": {"type": "object", "properties": {"a": {"type": "string"}}},
        }],
        "final_output": {"composes": ["one.*"]},
    })
}

/// Sets the member that `pointer` names; `-` appends.
pub(crate) fn with(mut document: Value, pointer: &str, to: Value) -> Value {
    let (above, last) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(above).unwrap() {
        Value::Object(fields) => drop(fields.insert(last.to_owned(), to)),
        Value::Array(items) if last == "-" => items.push(to),
        Value::Array(items) => items[last.parse::<usize>().unwrap()] = to,
        other => panic!("{pointer} leads into {other}"),
    }
    document
}

on_both! {
    /// W01, W02, W12: both definitions, in both forms, are one version with the hash that is expected.
    async fn a_definition_has_one_hash_however_it_is_written(ground: Ground) {
        let server = ground.server().start().await;
        let tidewater = Tenant::new(&server, "tidewater").await;
        let skill = parsed(ADD_DATA_SOURCE_SCRIPT)["skills"][0].clone();
        tidewater.send(Method::POST, "/skills", skill).await.assert_status(201);
        let polyglot = Tenant::new(&server, "polyglot").await;
        for (tenant, id, texts, expected) in [
            (&tidewater, "add-data-source", ADD_DATA_SOURCE, ADD_DATA_SOURCE_EXPECTED),
            (&polyglot, "translate-and-grade", TRANSLATE_AND_GRADE, TRANSLATE_AND_GRADE_EXPECTED),
        ] {
            let [yaml, json] = texts;
            let made = tenant.register("", YAML, yaml).await;
            made.assert_status(201);
            let place = format!("/api/v1/publishers/{}/pipelines/{id}/versions/1", tenant.handle);
            assert_eq!(made.header("location"), place);
            let made = made.json();
            assert_eq!((&made["id"], &made["version"]), (&json!(id), &json!(1)));
            assert_eq!(made["definition_sha256"], parsed(expected)["definition_sha256"]);
            assert_eq!(made["current_version"], 1);
            assert!(made.get("dry_run").is_none());
            let again = tenant.register("", JSON, json).await;
            again.assert_status(200);
            assert_eq!(again.json(), made);
            let changed = json.replacen("\"instructions\": \"", "\"instructions\": \"x", 1);
            let changed = tenant.register("", JSON, &changed).await;
            changed.assert_status(201);
            assert_eq!(changed.json()["version"], 2);
        }
        let steps = polyglot.get("/pipelines/translate-and-grade/versions/1").await.json();
        let steps = steps["graph"]["steps"].as_array().unwrap().clone();
        let spawned: Vec<_> = steps.iter().filter(|it| it["scope"] != json!([])).collect();
        assert!(!spawned.is_empty() && spawned.iter().all(|it| it["requires"] != json!([])));
    }
}

on_both! {
    /// W03.
    async fn a_dry_run_answers_alike_and_writes_nothing(ground: Ground) {
        let server = ground.server().start().await;
        let acme = Tenant::new(&server, "acme").await;
        let before = acme.noted().await;
        let [yaml, _] = TRANSLATE_AND_GRADE;
        let same = async |status: u16| {
            let tried = acme.register("?dry_run=true", YAML, yaml).await;
            tried.assert_status(status);
            let mut told = tried.json();
            assert_eq!(told["dry_run"], true);
            told.as_object_mut().unwrap().remove("dry_run");
            told
        };
        let tried = same(201).await;
        assert_eq!(acme.items("/pipelines").await, Vec::<Value>::new());
        acme.get("/pipelines/translate-and-grade").await.assert_refused(404, "not_found");
        assert_eq!(acme.noted().await, before);
        let made = acme.register("?dry_run=false", YAML, yaml).await;
        made.assert_status(201);
        assert_eq!(made.json(), tried);
        let shown = acme.get("/pipelines/translate-and-grade").await.json();
        assert_eq!(same(200).await, tried);
        let other = yaml.replacen("\npriority: 4", "\npriority: 3", 1);
        let tried = acme.register("?dry_run=true", YAML, &other).await;
        tried.assert_status(201);
        assert_eq!((&tried.json()["version"], &tried.json()["current_version"]), (&json!(2), &json!(2)));
        assert_eq!(acme.get("/pipelines/translate-and-grade").await.json(), shown);
        assert_eq!(acme.noted().await.len(), before.len() + 1);
        acme.register("?dry_run=perhaps", YAML, yaml).await.assert_refused(400, "malformed");
    }
}

on_both! {
    /// W09.
    async fn two_publishers_have_a_pipeline_of_one_name(ground: Ground) {
        let server = ground.server().start().await;
        let (one, other) = (Tenant::new(&server, "one").await, Tenant::new(&server, "other").await);
        one.registered(&small("sync", "Do it.")).await;
        // To the other there is none.
        let path = "/api/v1/publishers/one/pipelines/sync";
        let bearer = format!("Bearer {}", other.token);
        let seen = server.get(path).header("authorization", &bearer).send().await;
        let missing = server.get(&path.replace("one", "nobody"));
        let missing = missing.header("authorization", &bearer).send().await;
        assert_eq!((seen.status, seen.faceless()), (404, missing.faceless()));
        other.get("/pipelines/sync").await.assert_refused(404, "not_found");
        assert_eq!(other.registered(&small("sync", "Do it otherwise.")).await["version"], 1);
        let hash = |it: Vec<Value>| it[0]["definition_sha256"].clone();
        assert_ne!(hash(one.items("/pipelines").await), hash(other.items("/pipelines").await));
    }
}
