//! The document: OpenAPI 3.1, in an order that is the same every time.

use std::collections::{BTreeMap, BTreeSet};

use api::ProblemBody;
use serde_json::{Map, Value, json};
use trust::{Bearers, Need, Plane};
use web::{Asks, Entry, Media, Surface, shape::Shape};

use super::{about, needs, plane, schema, scopes};

/// What parameters of addresses are.
const PARAMETERS: [(&str, &str); 20] = [
    ("agent", "The handle of an agent."),
    ("claim", "The id of a claim."),
    ("fingerprint", "The fingerprint of a finding: 16 hexadecimal digits."),
    ("handle", "The handle of an account."),
    ("id", "An id, as lists and answers give it."),
    ("key_id", "The fingerprint of a key."),
    ("kind", "Which kind of token or secret."),
    ("member", "The handle of a member."),
    ("name", "What it is called."),
    ("owner", "Whose it is: the handle of a person or an organization."),
    ("path", "A path inside of it, with its slashes."),
    ("pipeline", "The id of a pipeline."),
    ("provider", "The name of a provider of accounts."),
    ("publisher", "The handle of a publisher, or `me` for the one as which the token acts."),
    ("range", "Two revisions with three dots between them: `main...side`."),
    ("ref", "A ref without `refs/`, with its slashes: `heads/main`."),
    ("run", "The id of a run."),
    ("schedule", "The name of a schedule of a pipeline."),
    ("task", "The id of a task."),
    ("version", "A version: a number of a pipeline's, a word of a skill's."),
];

/// The document of these routes.
pub(super) fn of(entries: &[Entry]) -> Value {
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for entry in entries {
        let path = paths.entry(path_of(entry)).or_default();
        path.insert(entry.method.as_str().to_ascii_lowercase(), operation(entry));
    }
    let planes: BTreeSet<_> = entries.iter().filter_map(|it| Plane::of(it.action)).collect();
    let tags: Vec<_> = planes
        .into_iter()
        .map(|it| json!({ "name": it.as_str(), "description": about(it) }))
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Motet",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "The JSON API of this install",
            "description": "Made from the routes that are mounted. `x-motet-action` is what is asked of the \
                authority, `x-motet-needs` the level that it takes. Bodies and queries are told as the server reads \
                them; what answers hold is not told yet.",
            "license": {
                "name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE"),
            },
        },
        "servers": [{ "url": "/" }],
        "tags": tags,
        "paths": paths,
        "components": components(),
    })
}

/// The address without what OpenAPI does not know: a query that chooses the route, and the star of what may hold slashes.
fn path_of(entry: &Entry) -> String {
    entry.path.split('?').next().unwrap_or_default().replace("{*", "{")
}

fn operation(entry: &Entry) -> Value {
    let asks = (entry.asks)();
    let mut operation = json!({
        "operationId": operation_id(entry),
        "summary": entry.action.meaning().trim_end_matches('.'),
        "tags": [plane(entry)],
        "parameters": parameters(entry, &asks),
        "responses": responses(entry),
        "security": security(entry),
        "x-motet-action": entry.action.name(),
        "x-motet-needs": needs(entry),
    });
    if let Some(body) = body(entry, &asks)
        && let Some(operation) = operation.as_object_mut()
    {
        operation.insert("requestBody".to_owned(), body);
        operation.insert("x-motet-body-bytes".to_owned(), json!(entry.body_bytes));
    }
    operation
}

/// A name for programs: the method and the words of the address.
fn operation_id(entry: &Entry) -> String {
    let path = path_of(entry);
    let path = path.strip_prefix("/api/v1/").unwrap_or(&path);
    let words = path.split(|it: char| !it.is_ascii_alphanumeric()).filter(|it| !it.is_empty());
    let method = entry.method.as_str().to_ascii_lowercase();
    words.fold(method, |id, word| format!("{id}_{word}"))
}

fn parameters(entry: &Entry, asks: &Asks) -> Vec<Value> {
    let named = entry.path.split('{').skip(1).filter_map(|it| it.split('}').next());
    let mut parameters: Vec<_> = named
        .map(|name| {
            let name = name.trim_start_matches('*');
            let told = PARAMETERS
                .iter()
                .find(|(it, _)| *it == name)
                .map_or("A part of the address.", |it| it.1);
            json!({
                "name": name, "in": "path", "required": true, "description": told,
                "schema": { "type": "string" },
            })
        })
        .collect();
    parameters.extend(asks.query.iter().map(|field| {
        json!({
            "name": field.name, "in": "query", "required": field.is_required,
            "schema": schema::of(&field.shape),
        })
    }));
    if entry.surface == Surface::Api && entry.method == "POST" {
        parameters.push(json!({ "$ref": "#/components/parameters/IdempotencyKey" }));
    }
    parameters
}

fn body(entry: &Entry, asks: &Asks) -> Option<Value> {
    if entry.media == Media::Definition {
        let content = json!({ "schema": { "type": "object" } });
        let content = json!({ "application/yaml": content, "application/json": content });
        return Some(json!({ "required": true, "content": content }));
    }
    let (kind, schema) = match (&asks.body, entry.media) {
        // The pairs of a form have no names of their own.
        (Some((kind, Shape::List(_))), _) => (*kind, json!({ "type": "object" })),
        (Some((kind, shape)), _) => (*kind, schema::of(shape)),
        (None, Media::Own(kind)) => (kind, json!({})),
        (None, Media::Json | Media::Form | Media::Message | Media::Definition | Media::Any) => {
            return None;
        }
    };
    Some(json!({ "required": true, "content": { kind: { "schema": schema } } }))
}

fn responses(entry: &Entry) -> Value {
    let content: Map<_, _> =
        entry.answers.iter().map(|kind| ((*kind).to_owned(), json!({}))).collect();
    let mut done = json!({ "description": "Done." });
    if let Some(done) = done.as_object_mut().filter(|_| !content.is_empty()) {
        done.insert("content".to_owned(), Value::Object(content));
    }
    let refused = match entry.surface {
        Surface::Oauth => "#/components/responses/OauthError",
        Surface::Api | Surface::Page | Surface::Wire | Surface::Git | Surface::Plain => {
            "#/components/responses/Problem"
        }
    };
    json!({ "2XX": done, "default": { "$ref": refused } })
}

/// The credentials that are taken, one of them; an empty one where none is needed to read what is public.
fn security(entry: &Entry) -> Vec<Value> {
    let mut all = Vec::new();
    let reads_what_is_public = matches!(plane(entry), "hub" | "collab") && !entry.action.writes();
    match entry.action.need() {
        Need::Anyone => all.push(json!({})),
        Need::Level(trust::Level::Read) if reads_what_is_public => all.push(json!({})),
        Need::SignedIn | Need::Level(_) | Need::InstallAdmin => {}
    }
    if entry.surface == Surface::Oauth {
        return all;
    }
    if entry.bearers == Bearers::Bootstrap {
        return vec![json!({ "Bearer": [] })];
    }
    all.push(json!({ "MSign": [] }));
    if let Some(scopes) = scopes(entry) {
        all.push(json!({ "Bearer": scopes }));
    }
    all.push(json!({ "Session": [] }));
    all
}

fn components() -> Value {
    json!({
        "securitySchemes": {
            "MSign": {
                "type": "http", "scheme": "MSign",
                "description": "The request is signed with a registered Ed25519 key.",
            },
            "Bearer": {
                "type": "http", "scheme": "bearer", "bearerFormat": "mt_<kind>_<43 characters>_<6 characters>",
                "description": "A token. The words are planes with how far it has to reach into them.",
            },
            "Session": {
                "type": "apiKey", "in": "cookie", "name": "__Host-motet",
                "description": "A browser that is signed in. Without https its cookie has another name.",
            },
        },
        "parameters": {
            "IdempotencyKey": {
                "name": "Idempotency-Key", "in": "header", "required": false,
                "description": "The same request with the same key within a day gets the first answer again.",
                "schema": { "type": "string", "minLength": 1, "maxLength": 128 },
            },
        },
        "responses": {
            "Problem": {
                "description": "Refused, with a stable word: `/help/errors` lists them.",
                "content": { "application/problem+json": {
                    "schema": { "$ref": "#/components/schemas/Problem" },
                } },
            },
            "OauthError": {
                "description": "Refused, in the words of RFC 6749 section 5.2.",
                "content": { "application/json": {
                    "schema": { "$ref": "#/components/schemas/OauthError" },
                } },
            },
        },
        "schemas": {
            // RFC 9457, with what is added here.
            "Problem": schema::of(&Shape::of::<ProblemBody>()),
            "OauthError": oauth_error(),
        },
    })
}

fn oauth_error() -> Value {
    json!({
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": { "type": "string" },
            "error_description": { "type": "string" },
        },
    })
}
