//! What a server is given to keep, and what it gives out, stands in nothing that it writes (`spec/trust.md` 12, Canary test;
//! 15.9; 16, points 29 and 59). Every server of the suite looks for it in its own log; here every surface is asked, and
//! everything that a server writes is looked through.

use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
};

use http::Method;
use serde_json::{Value, json};
use server::registry::{Entry, Surface};
use testkit::{Answer, Ground, Person, Request, Server};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    MOTET,
    provider::{CLIENT_ID, Provider},
    sessions::{form, mark, own_page, sign_in},
};

/// Values of secret settings that stand nowhere else.
const INSTALL_KEY: &str = "c0ffee0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d";
const CLIENT_SECRET: &str = "canary-of-the-client-secret-31415926535897932384";

async fn made(request: Request) -> Value {
    let answer = request.send().await;
    assert!(answer.status < 300, "{}", answer.text());
    answer.json()
}

/// Has the server give out one of everything.
async fn give_out(server: &Server, anna: &Person) -> String {
    let post = |target: &str, body: Value| server.post(target).json(&body).by(anna);
    let scope = json!({ "planes": { "hub": "write" }, "repositories": "all" });
    made(post("/api/v1/tokens", json!({ "scope": scope }))).await;
    made(post("/api/v1/tokens", json!({ "kind": "git", "scope": scope }))).await;
    made(post("/api/v1/agents", json!({ "handle": "loom", "scope": scope }))).await;
    made(post("/api/v1/agents/loom/tokens", json!({ "scope": scope }))).await;
    made(post("/api/v1/orgs", json!({ "handle": "choir" }))).await;
    made(post("/api/v1/orgs/choir/invites", json!({ "role": "viewer" }))).await;
    made(server.post("/api/v1/orgs/choir/publisher").by(anna)).await;
    for kind in ["admin", "runner"] {
        made(post(&format!("/api/v1/publishers/choir/tokens/{kind}"), json!({}))).await;
    }
    for kind in ["webhook_signing", "subcommand_bearer"] {
        made(post(&format!("/api/v1/publishers/choir/secrets/{kind}"), json!({}))).await;
    }
    let operator = server.operator();
    made(server.post("/api/v1/admin/bootstrap-token").by(&operator)).await;
    made(server.post("/api/v1/admin/invites").json(&json!({})).by(&operator)).await;
    let asked = server.post("/api/v1/auth/device");
    let asked = asked.header("content-type", "application/x-www-form-urlencoded");
    made(asked.body("client_id=motet&scope=hub:write&label=canary")).await;
    let cookie = sign_in(server, anna).await;
    let mark = mark(server, &cookie).await;
    let body = format!("csrf={mark}&label=canary&days=7&reach=read&repositories=all&names=");
    let shown = own_page(form(server.post("/settings/tokens"), &cookie, &body)).send().await;
    shown.assert_status(200);
    let left = own_page(form(server.post("/login/with/oidc"), "", "return_to=/")).send().await;
    left.assert_status(200);
    cookie
}

/// A request to a route with a secret in its header, or in its body.
fn asked(server: &Server, entry: &Entry, secret: &str) -> [Request; 2] {
    let parts = entry.path.split('/').map(|part| match part {
        "{publisher}" => "me",
        "{kind}" => "runner",
        "{id}" | "{key_id}" => "00000000-0000-7000-8000-000000000000",
        "{*place}" => "main/README.md",
        part if part.starts_with('{') => "nothing",
        part => part,
    });
    let target = parts.collect::<Vec<_>>().join("/");
    let request = server.request(entry.method.clone(), &target);
    let bearer = format!("Bearer {secret}");
    let with_header = request.clone().header("authorization", &bearer);
    let with_body = match entry.surface {
        Surface::Page | Surface::Oauth => request
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(format!("token={secret}&code={secret}&user_code={secret}")),
        Surface::Api | Surface::Plain => {
            request.json(&json!({ "token": secret, "value": secret, "code": secret }))
        }
        Surface::Git => request
            .header("content-type", &crate::git::media(entry.path))
            .header("git-protocol", "version=2")
            .body(secret.to_owned()),
        Surface::Wire => request.header("content-type", "application/json").body(
            json!({ "objects": [{ "object_id": secret, "content": secret }], "want": [secret] })
                .to_string(),
        ),
    };
    if entry.method == Method::GET {
        [with_header.clone(), with_header]
    } else {
        [with_header, with_body]
    }
}

fn assert_silent(answer: &Answer, secret: &str, entry: &Entry) {
    let told = format!("{:?}\n{}", answer.headers, answer.text());
    assert!(!told.contains(secret), "{} {} tells a secret: {told}", entry.method, entry.path);
}

async fn metrics(address: SocketAddr) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut text = Vec::new();
    stream.read_to_end(&mut text).await.unwrap();
    text
}

/// Every file below a directory, with what is in it; but for the keys, which lie there to be kept.
fn files(dir: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        // The hooks of Git lead to the program.
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            files(&path, found);
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !["operator.key", "install.key", "first-invite"].contains(&name.as_str()) {
            found.push((name, std::fs::read(&path).unwrap()));
        }
    }
}

#[tokio::test]
async fn nothing_that_a_server_writes_holds_what_it_keeps_or_gave_out() {
    let provider = Provider::start().await;
    // A port that was free a moment ago.
    let counters = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut server = Server::with(MOTET)
        .on(Ground::SqliteDisk)
        .log("debug")
        .arg(format!("--metrics-listen={counters}"))
        .arg(format!("--oidc-issuer={}", provider.issuer()))
        .arg("--oidc-name=Example")
        .arg(format!("--oidc-client-id={CLIENT_ID}"))
        .env("MOTET_OIDC_CLIENT_SECRET", CLIENT_SECRET)
        .env("MOTET_INSTALL_KEY", INSTALL_KEY)
        .start()
        .await;
    let anna = server.register("anna").await;
    let cookie = give_out(&server, &anna).await;
    let given = server.canaries().all();
    for mark in ["personal_", "git_", "agent_", "admin_", "runner_", "invite_", "bootstrap_", "eyJ"]
    {
        assert!(given.iter().any(|it| it.contains(mark)), "no {mark} among {}", given.len());
    }
    server.canaries().add(CLIENT_SECRET);
    server.canaries().add(INSTALL_KEY);

    let dir = tempfile::tempdir().unwrap();
    let entries = server::registry::entries(&dir.path().join("data")).await.unwrap();
    let mut asked_for = 0;
    for entry in &entries {
        for secret in &given {
            for request in asked(&server, entry, secret) {
                assert_silent(&request.send().await, secret, entry);
                asked_for += 1;
            }
        }
    }
    assert!(asked_for > 2_000, "{asked_for}");
    let cookie_value = cookie.split_once('=').unwrap().1;
    for target in ["/api/v1/repos?token=", "/login?return_to=/x&code=", "/nobody/"] {
        server.get(&format!("{target}{cookie_value}")).send().await;
    }

    let canaries = server.canaries().clone();
    let nowhere = |what: &str, bytes: &[u8]| {
        let found = canaries.found_in(bytes);
        assert!(found.is_empty(), "{what} holds {found:?}");
    };
    nowhere("the counters", &metrics(counters).await);
    for target in ["/api/v1/admin/audit?limit=100", "/api/v1/admin/audit/export"] {
        nowhere(target, &server.get(target).by(&server.operator()).send().await.body);
    }
    for target in ["/api/v1/tokens", "/api/v1/agents/loom/tokens", "/api/v1/publishers/choir"] {
        nowhere(target, &server.get(target).by(&anna).send().await.body);
    }
    server.stop().await;
    nowhere("the log", server.log().as_bytes());
    let mut written = Vec::new();
    files(server.data_dir(), &mut written);
    assert!(written.iter().any(|(name, _)| name == "motet.db"));
    for (name, bytes) in &written {
        nowhere(name, bytes);
    }
}
