//! Every kind of token at every route: it is taken where the table says, and nowhere else (`spec/trust.md` 4; 16, point 21).

use serde_json::{Value, json};
use testkit::{Answer, Request, Server};

use super::{Action, Entry, Method, Surface, agent, join, routes};
use crate::{
    MOTET,
    flows::{self, Application, VERIFIER},
    server_and_anna,
};

/// The rows of the table that are mounted. A page's forms are taken from a session alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row {
    /// Health, static files, legal pages, signing in, registration.
    Open,
    Reading,
    Writing,
    /// What a signature or a fresh session alone may do; agents by their own signature only what makes a `git` token.
    ClassS,
    Forms,
    Wire,
    /// The stream of a push: it takes the token of its push, and nobody's own.
    Stream,
    Publisher,
    /// What is run, for people, agents and publishers.
    Work,
    /// The one address that makes publishers.
    Founding,
    /// Applications prove themselves by what they send, never by a header (RFC 6749 section 2.3.1, public clients).
    Oauth,
}

const OPEN: [&str; 15] = [
    "/healthz",
    "/health",
    "/readyz",
    "/livez",
    "/static/",
    "/favicon.ico",
    "/robots.txt",
    "/legal/",
    "/help/",
    "/login/once/",
    "/login/with/",
    "/api/v1/openapi.json",
    "/api/v1/auth/challenge",
    "/api/v1/auth/verify",
    "/api/v1/auth/passkeys/sign-in",
];

/// Where a publisher and what it runs are looked at and changed.
const OF_PUBLISHERS: [&str; 4] =
    ["/api/v1/publishers/", "/api/v1/runs", "/api/v1/tasks/", "/api/v1/approvals"];

fn row(entry: &Entry) -> Row {
    let path = entry.path;
    if path == "/login" || OPEN.iter().any(|it| path.starts_with(it)) {
        Row::Open
    } else if OF_PUBLISHERS.iter().any(|it| path.starts_with(it)) {
        Row::Publisher
    } else if path == "/api/v1/stream" || path.starts_with("/api/v1/claims/agents") {
        Row::Work
    } else if path == "/api/v1/publishers" {
        Row::Founding
    } else if entry.surface == Surface::Oauth {
        Row::Oauth
    } else if path.ends_with("/v2/push/{push}/stream") {
        Row::Stream
    } else if matches!(entry.surface, Surface::Wire | Surface::Git) {
        Row::Wire
    } else if entry.surface == Surface::Page && entry.method == Method::POST {
        Row::Forms
    } else if entry.action.is_class_s() || entry.action == Action::GitTokenMint {
        Row::ClassS
    } else if entry.action.writes() {
        Row::Writing
    } else {
        Row::Reading
    }
}

/// Whether the table takes a token of `kind` there.
fn takes(row: Row, kind: &str) -> bool {
    match row {
        // What makes a publisher or a member is no credential.
        Row::Open => !["bootstrap", "invite", "refresh"].contains(&kind),
        Row::Reading | Row::Writing => ["personal", "agent"].contains(&kind),
        Row::Wire => ["personal", "agent", "git"].contains(&kind),
        Row::Publisher => ["admin", "runner"].contains(&kind),
        Row::Work => ["personal", "agent", "admin", "runner"].contains(&kind),
        Row::Founding => kind == "bootstrap",
        Row::Stream | Row::ClassS | Row::Forms | Row::Oauth => false,
    }
}

/// A request to a route, at an address behind which there is nothing, with nothing in it that could be done.
fn asked(server: &Server, entry: &Entry) -> Request {
    let parts = entry.path.split('/').map(|part| match part {
        "{publisher}" => "me",
        "{kind}" => "runner",
        "{id}" | "{key_id}" => "00000000-0000-7000-8000-000000000000",
        "{*place}" => "main/README.md",
        part if part.starts_with('{') => "nothing",
        part => part,
    });
    let request = server.request(entry.method.clone(), &parts.collect::<Vec<_>>().join("/"));
    let of_git = crate::git::media(entry.path);
    let (has_body, kind) = match entry.surface {
        Surface::Git => (entry.method == Method::POST, of_git.as_str()),
        Surface::Wire => (entry.method == Method::POST, "application/x-msgpack"),
        Surface::Api => (!entry.method.is_safe(), "application/json"),
        Surface::Page | Surface::Oauth => {
            (entry.method == Method::POST, "application/x-www-form-urlencoded")
        }
        Surface::Plain => (false, ""),
    };
    let request = request.header("sec-fetch-site", "same-origin");
    if has_body { request.header("content-type", kind).body("[]") } else { request }
}

async fn made(request: Request, member: &str) -> String {
    let answer = request.send().await;
    assert!(answer.status < 300, "{}", answer.text());
    let body: Value = answer.json();
    body.pointer(member).unwrap().as_str().unwrap().to_owned()
}

/// One live token of each kind, as wide as it can be.
async fn tokens(server: &Server, anna: &testkit::Person) -> Vec<(&'static str, String)> {
    let planes = json!({ "hub": "write", "trust": "write", "work": "write", "ops": "write" });
    let scope = json!({ "planes": planes, "repositories": "all" });
    let mint = |target: &str, body: Value| server.post(target).json(&body).by(anna);
    let wide = |kind: &str| json!({ "kind": kind, "scope": scope });
    let hub = json!({ "hub": "write" });
    let git = json!({ "kind": "git", "scope": { "planes": hub, "repositories": ["anna/song"] } });
    let new = json!({ "handle": "choir" });
    server.post("/api/v1/orgs").json(&new).by(anna).send().await.assert_status(201);
    server.post("/api/v1/orgs/choir/publisher").by(anna).send().await.assert_status(201);
    agent(server, anna).await;
    let of_publisher = "/api/v1/publishers/choir/tokens";
    let app = Application::new(server).await;
    let browser = flows::Browser::new(server, anna).await;
    let code = app.code(&browser, ("handle", "robot")).await;
    let refresh = app.redeem(server, &code, VERIFIER).await.json()["refresh_token"].clone();
    let bootstrap = server.post("/api/v1/admin/bootstrap-token").by(&server.operator());
    vec![
        ("personal", made(mint("/api/v1/tokens", wide("personal")), "/value").await),
        ("agent", made(mint("/api/v1/agents/loom/tokens", json!({ "scope": { "planes": { "hub": "write", "trust": "write" }, "repositories": "all" } })), "/value").await),
        ("git", made(mint("/api/v1/tokens", git), "/value").await),
        ("admin", made(mint(&format!("{of_publisher}/admin"), json!({})), "/value").await),
        ("runner", made(mint(&format!("{of_publisher}/runner"), json!({})), "/value").await),
        ("refresh", refresh.as_str().unwrap().to_owned()),
        ("bootstrap", made(bootstrap, "/value").await),
        ("invite", made(mint("/api/v1/orgs/choir/invites", json!({ "role": "viewer" })), "/code").await),
    ]
}

/// Whether an answer says that the credential is not taken here.
fn is_refused(answer: &Answer) -> bool {
    answer.status == 401
}

/// `founding` says whether a token that makes publishers is there: without one its address is not.
async fn walk(server: &Server, tokens: &[(&'static str, String)], founding: bool) -> usize {
    let (mut cells, mut wrong) = (0, Vec::new());
    // A local server alone has it, and it takes no credential (`spec/trust.md` 7).
    let entries = routes().await.into_iter().filter(|it| it.action != Action::LocalInit);
    for entry in entries {
        for (kind, token) in tokens {
            let bearer = format!("Bearer {token}");
            let answer = asked(server, &entry).header("authorization", &bearer).send().await;
            let row = row(&entry);
            let fits = match row {
                Row::Founding if !founding => answer.status == 404,
                // As if nobody had sent it.
                Row::Open if takes(row, kind) => {
                    answer.status == asked(server, &entry).send().await.status
                }
                // OAuth has its own word for it, and its own status (RFC 6749 section 5.2).
                Row::Oauth => (400..=401).contains(&answer.status),
                // A token that would be taken elsewhere is told why it is not here.
                Row::ClassS if entry.surface == Surface::Api && takes(Row::Wire, kind) => {
                    answer.status == 401 && answer.code() == "bearer_refused"
                }
                _ => is_refused(&answer) != takes(row, kind),
            };
            cells += 1;
            if !fits {
                let (method, path) = (&entry.method, entry.path);
                wrong.push(format!("{method} {path} ({row:?}) with {kind}: {}", answer.status));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {cells}:\n{}", wrong.len(), wrong.join("\n"));
    cells
}

#[tokio::test]
async fn every_kind_of_token_is_taken_where_the_table_says_and_nowhere_else() {
    let (server, anna) = server_and_anna().await;
    let tokens = tokens(&server, &anna).await;
    let cells = walk(&server, &tokens, true).await;
    assert!(cells > 700, "{cells}");
}

#[tokio::test]
async fn the_token_of_a_device_opens_no_route_that_is_not_its_own() {
    let server = Server::with(MOTET).arg("--local").start().await;
    let ask = server.post("/api/v1/local-init").header("x-motet-client", "testkit");
    let ask = ask.json(&json!({ "client_nonce": "AAECAwQFBgcICQoLDA0ODw" }));
    let token = made(ask, "/device_token").await;
    let cells = walk(&server, &[("device", token)], false).await;
    assert!(cells > 100, "{cells}");
}

/// A session is no credential of the wire, and every unsafe request of it bears the mark of its page.
#[tokio::test]
async fn a_session_is_taken_where_the_table_says_and_nowhere_else() {
    let (server, anna) = server_and_anna().await;
    let viewer = server.register("vera").await;
    let new = json!({ "handle": "choir" });
    server.post("/api/v1/orgs").json(&new).by(&anna).send().await.assert_status(201);
    join(&server, &anna, "choir", &viewer, "viewer").await;
    let cookie = crate::sessions::sign_in(&server, &viewer).await;
    let mut wrong = Vec::new();
    for entry in routes().await.into_iter().filter(|it| it.action != Action::LocalInit) {
        let answer = asked(&server, &entry).header("cookie", &cookie).send().await;
        let row = row(&entry);
        let fits = match row {
            // Without the mark, whatever it is asked for.
            Row::Open | Row::Founding if !entry.method.is_safe() => answer.status == 403,
            // Nothing reads a cookie there: it is asked as by nobody.
            Row::Open | Row::Wire | Row::Stream | Row::Oauth | Row::Founding => {
                answer.status == asked(&server, &entry).send().await.status
            }
            Row::Reading | Row::Work => !is_refused(&answer),
            // What is only looked at needs no mark, whatever right it needs.
            Row::Publisher if entry.method.is_safe() => !is_refused(&answer),
            // Pages of publishers: this organization is none.
            Row::Writing
                if entry.method.is_safe() && entry.path.starts_with("/pipelines/{publisher}/") =>
            {
                !is_refused(&answer)
            }
            // Without the mark.
            Row::Writing | Row::ClassS | Row::Forms | Row::Publisher => {
                answer.status == 403
                    || (entry.method.is_safe() && !entry.action.writes() && !is_refused(&answer))
            }
        };
        if !fits {
            let (method, path) = (&entry.method, entry.path);
            wrong.push(format!("{method} {path} ({row:?}): {}", answer.status));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
