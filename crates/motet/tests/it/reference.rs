//! The JSON API as its routes tell it: as OpenAPI 3.1, and as a page (`spec/conventions.md`, Addresses; `spec/trust.md` 8.4).
//! That the document is OpenAPI at all is judged by another program: `tests/browser/openapi.test.mjs`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use serde_json::Value;
use server::registry::{Entry, Surface, entries};
use testkit::Server;

use crate::MOTET;

const DOCUMENT: &str = "/api/v1/openapi.json";

async fn document() -> Value {
    let server = Server::start(MOTET).await;
    let answer = server.get(DOCUMENT).send().await;
    answer.assert_status(200);
    assert_eq!(answer.header("content-type"), "application/json");
    answer.json()
}

/// The routes of the JSON API that are mounted.
async fn mounted() -> Vec<Entry> {
    let dir = tempfile::tempdir().unwrap();
    let all = entries(&dir.path().join("data")).await.unwrap();
    let is_api = |it: &Entry| matches!(it.surface, Surface::Api | Surface::Oauth);
    all.into_iter().filter(is_api).collect()
}

/// Every operation, by its address and method.
fn operations(document: &Value) -> BTreeMap<(String, String), &Value> {
    let paths = document["paths"].as_object().unwrap().iter();
    let each = paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        methods.map(move |(method, it)| ((path.clone(), method.clone()), it))
    });
    each.collect()
}

#[tokio::test]
async fn every_mounted_route_stands_in_the_document_and_nothing_else() {
    let document = document().await;
    let told: BTreeSet<_> = operations(&document).into_keys().collect();
    let entries = mounted().await;
    let there: BTreeSet<_> = entries
        .iter()
        .map(|it| (it.path.replace("{*", "{"), it.method.as_str().to_ascii_lowercase()))
        .collect();
    assert_eq!(told, there);
    assert_eq!(there.len(), entries.len(), "no two of them are one in the document");
    assert!(there.len() > 150, "{}", there.len());
    // Two addresses that differ in the names of their parameters alone would be one.
    let bare = |path: &str| {
        path.split('/')
            .map(|it| if it.starts_with('{') { "{}" } else { it })
            .collect::<Vec<_>>()
            .join("/")
    };
    let paths: BTreeSet<_> = there.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths.iter().map(|it| bare(it)).collect::<BTreeSet<_>>().len(), paths.len());
}

#[tokio::test]
async fn each_operation_says_what_it_is_and_what_it_takes() {
    let document = document().await;
    let mut ids = BTreeSet::new();
    for ((path, method), it) in operations(&document) {
        let place = format!("{method} {path}");
        assert!(ids.insert(it["operationId"].as_str().unwrap().to_owned()), "{place}");
        assert!(!it["summary"].as_str().unwrap().is_empty(), "{place}");
        assert!(trust_word(it["x-motet-action"].as_str().unwrap()), "{place}");
        let named: BTreeSet<_> =
            path.split('{').skip(1).map(|it| it.split('}').next().unwrap()).collect();
        let parameters = it["parameters"].as_array().unwrap();
        let told: BTreeSet<_> = parameters
            .iter()
            .filter(|it| it["in"] == "path")
            .map(|it| it["name"].as_str().unwrap())
            .collect();
        assert_eq!(told, named, "{place}");
        let refused = it["responses"]["default"]["$ref"].as_str().unwrap();
        assert!(document.pointer(&refused[1..]).is_some(), "{place}: {refused}");
    }
    let fields = |place: &str| {
        let body = document.pointer(place).unwrap_or_else(|| panic!("{place}"));
        let schema = &body["requestBody"]["content"]["application/json"]["schema"];
        let names = schema["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        (names, schema["required"].clone())
    };
    let (names, required) = fields("/paths/~1api~1v1~1repos/post");
    assert!(names.contains(&"visibility".to_owned()), "{names:?}");
    assert_eq!(required, serde_json::json!(["name"]));
    let (names, required) = fields("/paths/~1api~1v1~1repos~1{owner}~1{name}~1edits/post");
    assert!(names.contains(&"files".to_owned()), "{names:?}");
    assert!(required.as_array().unwrap().contains(&"message".into()), "{required}");
    let tree = &document["paths"]["/api/v1/repos/{owner}/{name}/tree"]["get"];
    let query = tree["parameters"].as_array().unwrap().iter().filter(|it| it["in"] == "query");
    let query: BTreeSet<_> = query.map(|it| it["name"].as_str().unwrap()).collect();
    assert!(query.is_superset(&["ref", "path", "limit", "cursor"].into()), "{query:?}");
    // What is public is read without a credential; what only a person may is not done with a token.
    assert!(tree["security"].as_array().unwrap().contains(&serde_json::json!({})));
    let delete = &document["paths"]["/api/v1/repos/{owner}/{name}"]["delete"]["security"];
    assert_eq!(*delete, serde_json::json!([{ "MSign": [] }, { "Session": [] }]));
}

fn trust_word(name: &str) -> bool {
    server::registry::Action::named(name).is_some()
}

/// The whole of it, an operation a line. A change of the API is a change here.
#[tokio::test]
async fn the_document_is_what_it_was() {
    let mut document = document().await;
    document["info"]["version"] = "VERSION".into();
    let mut text = String::new();
    for ((path, method), it) in operations(&document) {
        writeln!(text, "{method} {path} {it}").unwrap();
    }
    document["paths"] = "above".into();
    writeln!(text, "{}", serde_json::to_string_pretty(&document).unwrap()).unwrap();
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn the_page_lists_every_address_without_a_script() {
    let server = Server::start(MOTET).await;
    let page = server.get("/help/api").send().await;
    page.assert_status(200);
    let page = page.text();
    for entry in mounted().await {
        let place = format!("<code>{} {}</code>", entry.method, entry.path.replace("{*", "{"));
        assert!(page.contains(&place), "{place}");
    }
    assert!(page.contains(&format!("href=\"{DOCUMENT}\"")));
}
