//! Every id of one tenant, as it is asked for by another: in the path, the body, a filter and a cursor, it gets what an id
//! gets that nobody has, byte for byte (`spec/trust.md` 15.10; 16, point 45).

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};
use testkit::{Person, Request, Server};

use super::{Entry, Surface, agent, routes, tenant};
use crate::server_and_anna;

/// An id that nobody has, of the same form.
const NOBODYS: &str = "0190b7c1-2f00-7000-8000-0123456789ab";
/// Handles and names that nobody has, as long as those of the tenant.
const NO_ONE: &str = "nadir";

/// What one tenant has, by the kind of thing.
struct Things {
    ids: BTreeMap<&'static str, String>,
}

async fn made(request: Request) -> Value {
    let answer = request.send().await;
    assert!(answer.status < 300, "{}", answer.text());
    answer.json()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// A tenant with one of everything that has an id.
async fn things(server: &Server, anna: &Person) -> Things {
    tenant(server, anna, "choir").await;
    agent(server, anna).await;
    let post = |target: &str, body: Value| server.post(target).json(&body).by(anna);
    made(server.post("/api/v1/orgs/choir/publisher").by(anna)).await;
    let scope = json!({ "planes": { "hub": "read" }, "repositories": "all" });
    let token = made(post("/api/v1/tokens", json!({ "scope": scope }))).await;
    let of_agent = made(post("/api/v1/agents/loom/tokens", json!({ "scope": scope }))).await;
    let runner = made(post("/api/v1/publishers/choir/tokens/runner", json!({}))).await;
    let secret = made(post("/api/v1/publishers/choir/secrets/webhook_signing", json!({}))).await;
    crate::sessions::sign_in(server, anna).await;
    let keys = made(server.get("/api/v1/auth/keys").by(anna)).await;
    let sessions = crate::sessions::sign_in(server, anna).await;
    let sessions = made(server.get("/api/v1/auth/sessions").header("cookie", &sessions)).await;
    let ids = BTreeMap::from([
        ("token", text(&token["token"]["id"])),
        ("agent token", text(&of_agent["token"]["id"])),
        ("runner", text(&runner["token"]["id"])),
        ("secret", text(&secret["secret"]["id"])),
        ("key", text(&keys["items"][0]["id"])),
        ("session", text(&sessions["items"][0]["id"])),
    ]);
    Things { ids }
}

/// The same request twice: with what is the other tenant's, and with what is nobody's.
struct Pair {
    what: String,
    foreign: Request,
    absent: Request,
    /// What differs in the two because it was asked for.
    words: (String, String),
}

impl Pair {
    async fn compare(self, by: &Person, wrong: &mut Vec<String>) {
        let (foreign, absent) = (self.foreign.by(by).send().await, self.absent.by(by).send().await);
        let neutral =
            |face: String| face.replace(&self.words.0, "WHAT").replace(&self.words.1, "WHAT");
        if neutral(foreign.faceless()) != neutral(absent.faceless()) || foreign.status < 300 {
            let (seen, expected) = (foreign.faceless(), absent.faceless());
            wrong.push(format!("{}:\n{seen}\n--- instead of ---\n{expected}", self.what));
        }
    }
}

fn empty(request: Request, entry: &Entry) -> Request {
    match entry.surface {
        Surface::Api if !entry.method.is_safe() => {
            request.header("content-type", "application/json").body("{}")
        }
        Surface::Wire if !entry.method.is_safe() => {
            request.header("content-type", "application/x-msgpack").body("")
        }
        Surface::Git if !entry.method.is_safe() => {
            request.header("content-type", &crate::git::media(entry.path)).body("0000")
        }
        Surface::Api
        | Surface::Oauth
        | Surface::Page
        | Surface::Wire
        | Surface::Git
        | Surface::Plain => request,
    }
}

/// Each parameter of an address, with what the tenant has in its place and what nobody has.
fn in_paths(server: &Server, entries: &[Entry], things: &Things) -> Vec<Pair> {
    let of = |kind: &str| (things.ids[kind].clone(), NOBODYS.to_owned());
    let mut pairs = Vec::new();
    for entry in entries {
        let is_form = entry.surface == Surface::Page && entry.method == Method::POST;
        // Forms are a session's, and stand beside the JSON that does the same.
        if is_form || entry.surface == Surface::Oauth || entry.surface == Surface::Plain {
            continue;
        }
        let is_public = entry.path.starts_with("/api/v1/principals/") || entry.path == "/{owner}";
        if is_public || entry.path.starts_with("/login/") || entry.path.contains("/admin/") {
            continue;
        }
        let place = |value: &str| {
            let path = entry.path.replace("{*place}", "main/README.md");
            let path = path.replace(
                "{kind}",
                if path.contains("/secrets/") { "webhook_signing" } else { "runner" },
            );
            let path = path.replace("{member}", "anna").replace("{provider}", "oidc");
            let path = path.replace("{pipeline}", "weave").replace("{schedule}", "daily");
            let path = path.replace("{skill}", "knots").replace("{version}", "1");
            let path = path.replace("{*path}", "SKILL.md").replace("{agent}", "loom");
            if path.contains("{owner}/{name}") {
                let id = names::CommitId::of(b"no commit").to_string();
                let path = path.replace("{owner}", "choir").replace("{name}", value);
                let path = path.replace("{object}", &id).replace("{snapshot}", &id);
                return path.replace("{id}", &id).replace("{handle}", "other");
            }
            if path.contains("{key_id}") {
                return path.replace("{handle}", "other").replace("{key_id}", value);
            }
            let of_me = ["/api/v1/tokens/", "/api/v1/auth/"].iter().any(|it| path.starts_with(it));
            if of_me {
                return path.replace("{id}", value);
            }
            if path.contains("{publisher}") && path.contains("{id}") {
                // One's own publisher, and the id of another's thing.
                return path.replace("{publisher}", "band").replace("{id}", value);
            }
            let path = path.replace("{publisher}", value).replace("{handle}", value);
            path.replace("{id}", NOBODYS)
        };
        let (foreign, absent) = match entry.path {
            path if path.contains("{owner}/{name}") => ("veiled".to_owned(), "absent".to_owned()),
            path if path.contains("{key_id}") => of("key"),
            path if path.contains("/passkeys/") => continue,
            path if path.contains("/auth/sessions/") => of("session"),
            path if path.contains("/agents/{handle}") => ("loom".to_owned(), "none".to_owned()),
            path if path.contains("/secrets/{kind}/{id}") => of("secret"),
            path if path.contains("{publisher}") && path.contains("{id}") => of("runner"),
            path if path.contains("/tokens/{id}") => of("token"),
            path if path.contains("{publisher}") || path.contains("/orgs/{handle}") => {
                ("choir".to_owned(), NO_ONE.to_owned())
            }
            _ => continue,
        };
        let request =
            |value: &str| empty(server.request(entry.method.clone(), &place(value)), entry);
        pairs.push(Pair {
            what: format!("{} {}", entry.method, entry.path),
            foreign: request(&foreign),
            absent: request(&absent),
            words: (foreign, absent),
        });
    }
    pairs
}

/// Members of bodies that name a thing, and filters.
fn in_bodies(server: &Server, things: &Things) -> Vec<Pair> {
    let pair = |target: &str, body: &dyn Fn(&str) -> Value, foreign: &str, absent: &str| Pair {
        what: format!("the body of {target}"),
        foreign: server.post(target).json(&body(foreign)),
        absent: server.post(target).json(&body(absent)),
        words: (foreign.to_owned(), absent.to_owned()),
    };
    let owner = |it: &str| json!({ "owner": it, "name": "song" });
    let token = |it: &str| json!({ "token_id": it });
    vec![
        pair("/api/v1/repos", &owner, "choir", NO_ONE),
        pair(
            "/api/v1/publishers/band/tokens/runner/rotate",
            &token,
            &things.ids["runner"],
            NOBODYS,
        ),
    ]
}

#[tokio::test]
async fn what_one_tenant_has_is_to_another_what_nobody_has() {
    let (server, anna) = server_and_anna().await;
    let things = things(&server, &anna).await;
    let other = server.register("other").await;
    tenant(&server, &other, "band").await;
    made(server.post("/api/v1/orgs/band/publisher").by(&other)).await;
    made(server.post("/api/v1/publishers/band/tokens/runner").json(&json!({})).by(&other)).await;
    let entries = routes().await;
    let pairs: Vec<_> = in_paths(&server, &entries, &things)
        .into_iter()
        .chain(in_bodies(&server, &things))
        .collect();
    let (count, mut wrong) = (pairs.len(), Vec::new());
    for pair in pairs {
        pair.compare(&other, &mut wrong).await;
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n\n"));
    assert!(count > 50, "{count}");
    // Nothing of the tenant's was touched on the way.
    for target in
        ["/api/v1/repos/choir/veiled", "/api/v1/orgs/choir/members", "/api/v1/publishers/choir"]
    {
        server.get(target).by(&anna).send().await.assert_status(200);
    }
    let tokens = made(server.get("/api/v1/tokens").by(&anna)).await;
    assert_eq!(tokens["items"].as_array().unwrap().len(), 1);
    let sessions = made(server.get("/api/v1/auth/sessions").by(&anna)).await;
    assert_eq!(sessions["items"].as_array().unwrap().len(), 2);
}

/// A cursor shows where somebody stands in a list; to anybody else it opens nothing.
#[tokio::test]
async fn a_cursor_and_a_filter_of_one_tenant_show_another_nothing() {
    let (server, anna) = server_and_anna().await;
    tenant(&server, &anna, "choir").await;
    let other = server.register("other").await;
    tenant(&server, &other, "band").await;
    let lists = ["/api/v1/repos", "/api/v1/orgs/choir/audit", "/api/v1/orgs/choir/members"];
    let joined = server.register("joined").await;
    super::join(&server, &anna, "choir", &joined, "viewer").await;
    for list in lists {
        let first = made(server.get(&format!("{list}?limit=1")).by(&anna)).await;
        let cursor = text(&first["next_cursor"]);
        let own = list.replace("choir", "band");
        let target = format!("{own}?limit=100&cursor={cursor}");
        let answer = server.get(&target).by(&other).send().await;
        // What is public may be listed; nothing else of the tenant's.
        let hidden: &[&str] = match list {
            "/api/v1/repos" => &["choir/veiled"],
            _ => &["choir/veiled", "\"choir\"", "joined"],
        };
        for told in hidden {
            assert!(!answer.text().contains(*told), "{target}: {}", answer.text());
        }
    }
    let rows = made(server.get("/api/v1/orgs/choir/audit").by(&anna)).await;
    let actor = text(&rows["items"][0]["actor_id"]);
    let filtered = async |id: &str| {
        let target = format!("/api/v1/orgs/band/audit?actor={id}");
        server.get(&target).by(&other).send().await.faceless().replace(id, "ID")
    };
    assert_eq!(filtered(&actor).await, filtered(NOBODYS).await);
}
