//! Tenants, the tokens that act as them, the secrets that they show (`spec/trust.md` 4, 5; 16.25, 16.27-16.29).

use std::process::Command;

use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Person, Request, Server};

use crate::{
    MOTET,
    ground::{Ground, on_both},
    store,
};

const PUBLISHERS: &str = "/api/v1/publishers";

fn with(request: Request, token: &str) -> Request {
    request.header("authorization", &format!("Bearer {token}"))
}

pub(crate) async fn bootstrap_token(server: &Server) -> String {
    let made = server.post("/api/v1/admin/bootstrap-token").by(&server.operator()).send().await;
    made.assert_status(201);
    assert_eq!(made.header("cache-control"), "no-store");
    made.json()["value"].as_str().unwrap().to_owned()
}

pub(crate) async fn found(server: &Server, token: &str, handle: &str) -> Answer {
    with(server.post(PUBLISHERS), token).json(&json!({ "handle": handle })).send().await
}

/// A publisher that was just made, and the token that runs it.
pub(crate) async fn founded(server: &Server, handle: &str) -> (Value, String) {
    let made = found(server, &bootstrap_token(server).await, handle).await;
    made.assert_status(201);
    assert_eq!(made.header("cache-control"), "no-store");
    let token = made.json()["admin_token"]["value"].as_str().unwrap().to_owned();
    (made.json(), token)
}

/// One call below a publisher, with a token.
pub(crate) async fn call(
    server: &Server,
    method: Method,
    path: &str,
    token: &str,
    body: Value,
) -> Answer {
    let request = server.request(method, &format!("{PUBLISHERS}/{path}"));
    let request = if body.is_null() { request } else { request.json(&body) };
    with(request, token).send().await
}

pub(crate) async fn post(server: &Server, path: &str, token: &str, body: Value) -> Answer {
    call(server, Method::POST, path, token, body).await
}

async fn get(server: &Server, path: &str, token: &str) -> Answer {
    call(server, Method::GET, path, token, Value::Null).await
}

pub(crate) async fn delete(server: &Server, path: &str, token: &str) -> Answer {
    call(server, Method::DELETE, path, token, Value::Null).await
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// What the chain of an organization says was done, oldest first.
async fn noted(ground: &Ground, server: &Server, publisher: &str) -> Vec<String> {
    let db = ground.db(server).await;
    let noted = store::noted_in(&mut db.glance().await.unwrap(), publisher).await.unwrap();
    db.close().await;
    noted
}

on_both! {
    async fn a_bootstrap_token_makes_one_publisher_whole(ground: Ground) {
        let server = ground.server().start().await;
        // While there is no token there is no such address.
        let forged = "mt_bootstrap_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8_9IVLUQ";
        found(&server, forged, "acme").await.assert_refused(404, "not_found");
        let token = bootstrap_token(&server).await;
        // It alone is taken, and for nothing else.
        let anna = server.register("anna").await;
        let new = || server.post(PUBLISHERS).json(&json!({ "handle": "acme" }));
        for refused in [new().send().await, new().by(&anna).send().await, with(new(), forged).send().await] {
            refused.assert_refused(401, "unauthenticated");
        }
        with(server.get("/api/v1/repos"), &token).send().await.assert_refused(401, "unauthenticated");
        // A handle that is taken uses nothing up.
        found(&server, &token, "anna").await.assert_refused(409, "handle_taken");
        found(&server, &token, ".x").await.assert_refused(422, "invalid");
        let made = found(&server, &token, "Acme").await;
        made.assert_status(201);
        let made = made.json();
        assert_eq!(made["publisher"]["handle"], "acme");
        assert!(text(&made["webhook_signing"]["value"]).starts_with("whsec_"));
        assert_eq!(text(&made["subcommand_bearer"]["value"]).len(), 43);
        found(&server, &token, "other").await.assert_refused(404, "not_found");
        // The token runs the publisher, and what was shown once is shown no more.
        let admin = text(&made["admin_token"]["value"]);
        let seen = get(&server, "me", &admin).await;
        seen.assert_status(200);
        assert_eq!(seen.json()["tokens"].as_array().unwrap().len(), 1);
        assert_eq!(seen.json()["secrets"].as_array().unwrap().len(), 2);
        for secret in ["webhook_signing", "subcommand_bearer"] {
            assert!(!seen.text().contains(&text(&made[secret]["value"])));
        }
        assert!(!seen.text().contains(&admin));
        assert_eq!(get(&server, "acme", &admin).await.json()["id"], seen.json()["id"]);
        let renamed = json!({ "display_name": "Acme & Co" });
        call(&server, Method::PATCH, "me", &admin, renamed).await.assert_status(204);
        assert_eq!(get(&server, "me", &admin).await.json()["display_name"], "Acme & Co");
        assert_eq!(noted(&ground, &server, "acme").await, [
            "publisher_created", "token_minted", "secret_created", "secret_created", "publisher_updated",
        ]);
        let invoked = "/api/v1/admin/audit?action=bootstrap_invoked";
        let invoked = server.get(invoked).by(&server.operator()).send().await.json();
        assert_eq!(invoked["items"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn the_sixth_attempt_in_a_minute_waits() {
    let server = Server::with(MOTET).with_usual_limits().start().await;
    let new = || server.post(PUBLISHERS).json(&json!({ "handle": "acme" }));
    for _ in 0..5 {
        new().send().await.assert_refused(404, "not_found");
    }
    let waits = new().send().await;
    waits.assert_refused(429, "rate_limited");
    assert!(!waits.header("retry-after").is_empty());
}

#[tokio::test]
async fn a_file_says_which_token_makes_publishers_until_it_says_another() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bootstrap.token");
    let made = || {
        let made = Command::new(MOTET).args(["admin", "bootstrap-token", "--offline"]).output();
        String::from_utf8(made.unwrap().stdout).unwrap().trim().to_owned()
    };
    let (first, second) = (made(), made());
    std::fs::write(&file, format!("{first}\n")).unwrap();
    let path = file.display().to_string();
    let mut server = Server::with(MOTET).env("MOTET_BOOTSTRAP_TOKEN_FILE", &path).start().await;
    for handle in ["one", "two"] {
        found(&server, &first, handle).await.assert_status(201);
    }
    for (present, before, handle) in [(&second, &first, "three"), (&first, &second, "four")] {
        server.stop().await;
        std::fs::write(&file, present).unwrap();
        server.restart().await;
        found(&server, before, handle).await.assert_refused(401, "unauthenticated");
        found(&server, present, handle).await.assert_status(201);
    }
    server.stop().await;
    std::fs::write(&file, "hunter2").unwrap();
    let ended = server.beside().env("MOTET_BOOTSTRAP_TOKEN_FILE", &path).refuses().await;
    assert_eq!(ended.code, Some(2), "{}", ended.log);
    assert!(!ended.log.contains("hunter2"));
    let server = server.beside().start().await;
    found(&server, &first, "five").await.assert_refused(404, "not_found");
}

/// An organization with `anna` as its owner, and its publisher side.
async fn choir(server: &Server) -> Person {
    let anna = server.register("anna").await;
    let made = server.post("/api/v1/orgs").json(&json!({ "handle": "choir" })).by(&anna);
    made.send().await.assert_status(201);
    anna
}

async fn join(server: &Server, by: &Person, member: &Person, role: &str) {
    let invite = server.post("/api/v1/orgs/choir/invites").json(&json!({ "role": role }));
    let code = invite.by(by).send().await.json()["code"].clone();
    let accept = server.post("/api/v1/invites/accept").json(&json!({ "code": code }));
    accept.by(member).send().await.assert_status(200);
}

on_both! {
    async fn an_owner_switches_the_publisher_side_on(ground: Ground) {
        let server = ground.server().start().await;
        let anna = choir(&server).await;
        let enable = || server.post("/api/v1/orgs/choir/publisher");
        let (adam, vera, eve) = (
            server.register("adam").await, server.register("vera").await, server.register("eve").await,
        );
        join(&server, &anna, &adam, "admin").await;
        join(&server, &anna, &vera, "viewer").await;
        // Off, it is not there for anybody.
        let seen = async |by: &Person| server.get("/api/v1/publishers/choir").by(by).send().await;
        seen(&anna).await.assert_refused(404, "not_found");
        enable().by(&adam).send().await.assert_refused(403, "forbidden");
        enable().by(&eve).send().await.assert_refused(404, "not_found");
        enable().send().await.assert_refused(401, "unauthenticated");
        enable().by(&anna).send().await.assert_status(201);
        enable().by(&anna).send().await.assert_status(200);
        for (person, status, manages) in [(&anna, 200, true), (&adam, 200, true), (&vera, 200, false), (&eve, 404, false)] {
            let answer = seen(person).await;
            assert_eq!((answer.status, answer.json()["tokens"].is_array()), (status, manages));
            let mint = server.post("/api/v1/publishers/choir/tokens/runner").json(&json!({}));
            let expected = match (status, manages) { (404, _) => 404, (_, true) => 201, (_, false) => 403 };
            assert_eq!(mint.by(person).send().await.status, expected);
        }
        // Hidden and missing are one answer, and a person is nobody's token.
        let missing = server.get("/api/v1/publishers/nobody").by(&eve).send().await;
        assert_eq!(seen(&eve).await.faceless(), missing.faceless());
        server.get("/api/v1/publishers/me").by(&anna).send().await.assert_refused(404, "not_found");
        // No token of a person is taken here.
        let scope = json!({ "planes": { "work": "write", "trust": "write" }, "repositories": "all" });
        let own = server.post("/api/v1/tokens").json(&json!({ "scope": scope })).by(&anna).send().await;
        let own = text(&own.json()["value"]);
        get(&server, "choir", &own).await.assert_refused(401, "bearer_refused");
        let actions = noted(&ground, &server, "choir").await;
        assert_eq!(actions.iter().filter(|it| *it == "publisher_created").count(), 1);
    }
}

on_both! {
    async fn a_token_acts_as_its_organization_and_as_no_other(ground: Ground) {
        let server = ground.server().start().await;
        let ((acme, admin), (_, other)) = (founded(&server, "acme").await, founded(&server, "other").await);
        let minted = post(&server, "me/tokens/runner", &admin, json!({ "label": "ci", "pipelines": ["nightly"] })).await;
        minted.assert_status(201);
        assert_eq!(minted.json()["token"]["scope"]["pipelines"], json!(["nightly"]));
        let runner = text(&minted.json()["value"]);
        let seen = get(&server, "me", &runner).await;
        assert_eq!((seen.status, seen.json()["tokens"].is_null()), (200, true));
        // Too weak inside is 403, outside there is nothing.
        let secret = text(&acme["webhook_signing"]["secret"]["id"]);
        let admin_id = text(&acme["admin_token"]["token"]["id"]);
        for (method, path, body) in [
            (Method::PATCH, String::new(), json!({ "display_name": "x" })),
            (Method::POST, "/tokens/runner".to_owned(), json!({})),
            (Method::POST, "/tokens/admin".to_owned(), json!({})),
            (Method::POST, "/tokens/admin/rotate".to_owned(), json!({})),
            (Method::DELETE, format!("/tokens/admin/{admin_id}"), Value::Null),
            (Method::POST, "/secrets/webhook_signing".to_owned(), json!({})),
            (Method::POST, "/secrets/webhook_signing/rotate".to_owned(), json!({})),
            (Method::DELETE, format!("/secrets/webhook_signing/{secret}"), Value::Null),
        ] {
            let inside = call(&server, method.clone(), &format!("acme{path}"), &runner, body.clone()).await;
            inside.assert_refused(403, "forbidden");
            for token in [&runner, &other] {
                let name = if token == &runner { "other" } else { "acme" };
                let outside = call(&server, method.clone(), &format!("{name}{path}"), token, body.clone()).await;
                let missing = call(&server, method.clone(), &format!("nobody{path}"), token, body.clone()).await;
                assert_eq!(outside.faceless(), missing.faceless(), "{method} {path}");
                assert_eq!(outside.status, 404);
            }
        }
        // Each reads its own log, if it may run the publisher at all.
        let log = get(&server, "me/audit?action=token_minted", &admin).await;
        log.assert_status(200);
        assert_eq!(log.json()["items"].as_array().unwrap().len(), 2, "{}", log.text());
        get(&server, "me/audit", &runner).await.assert_refused(403, "forbidden");
        get(&server, "acme/audit", &other).await.assert_refused(404, "not_found");
        get(&server, "me/audit/export", &admin).await.assert_status(200);
        // A foreign id is not there, also where the caller may.
        for path in [format!("me/tokens/admin/{admin_id}"), format!("me/secrets/webhook_signing/{secret}")] {
            delete(&server, &path, &other).await.assert_refused(404, "not_found");
        }
        // Everywhere else it is nothing.
        for target in ["/api/v1/repos", "/api/v1/me", "/explore", "/api/v1/orgs/acme/members"] {
            with(server.get(target), &admin).send().await.assert_status(401);
        }
        with(server.get("/livez"), &runner).send().await.assert_status(200);
        for body in [json!({ "pipelines": ["a/b"] }), json!({ "label": "x".repeat(101) })] {
            post(&server, "me/tokens/runner", &admin, body).await.assert_refused(422, "invalid");
        }
        let bounded = post(&server, "me/tokens/admin", &admin, json!({ "pipelines": ["nightly"] })).await;
        bounded.assert_refused(422, "invalid");
        post(&server, "me/tokens/personal", &admin, json!({})).await.assert_refused(404, "not_found");
    }
}

on_both! {
    async fn tokens_are_rotated_and_revoked_by_id_and_kind(ground: Ground) {
        let server = ground.server().start().await;
        let (acme, admin) = founded(&server, "acme").await;
        let admin_id = text(&acme["admin_token"]["token"]["id"]);
        let runner = post(&server, "me/tokens/runner", &admin, json!({ "label": "ci" })).await.json();
        // By id and kind: a token of another kind is not there, and lives.
        delete(&server, &format!("me/tokens/runner/{admin_id}"), &admin).await.assert_refused(404, "not_found");
        get(&server, "me", &admin).await.assert_status(200);
        // Nobody but this token runs the organization.
        delete(&server, &format!("me/tokens/admin/{admin_id}"), &admin).await.assert_refused(409, "last_admin");
        // Rotated: both work, and of one line at most two.
        let rotate = async |kind: &str, body: Value| post(&server, &format!("me/tokens/{kind}/rotate"), &admin, body).await;
        let second = rotate("runner", json!({})).await.json();
        assert_eq!(second["token"]["label"], "ci");
        for token in [&runner, &second] {
            get(&server, "me", &text(&token["value"])).await.assert_status(200);
        }
        let third = rotate("runner", json!({ "overlap_seconds": 60 })).await.json();
        get(&server, "me", &text(&runner["value"])).await.assert_refused(401, "unauthenticated");
        let fourth = rotate("runner", json!({ "overlap_seconds": 0 })).await.json();
        for token in [&second, &third] {
            get(&server, "me", &text(&token["value"])).await.assert_refused(401, "unauthenticated");
        }
        rotate("runner", json!({ "overlap_seconds": 604_801 })).await.assert_refused(422, "invalid");
        // Of several lines it must be said which.
        let other = post(&server, "me/tokens/runner", &admin, json!({})).await.json();
        rotate("runner", json!({})).await.assert_refused(422, "invalid");
        rotate("runner", json!({ "token_id": admin_id })).await.assert_refused(404, "not_found");
        let chosen = json!({ "token_id": other["token"]["id"], "overlap_seconds": 0 });
        rotate("runner", chosen).await.assert_status(201);
        get(&server, "me", &text(&fourth["value"])).await.assert_status(200);
        delete(&server, &format!("me/tokens/runner/{}", text(&fourth["token"]["id"])), &admin).await.assert_status(204);
        get(&server, "me", &text(&fourth["value"])).await.assert_refused(401, "unauthenticated");
        // A second one lets the first go; one that is about to end does not count.
        let next = rotate("admin", json!({})).await.json();
        let next_id = text(&next["token"]["id"]);
        delete(&server, &format!("me/tokens/admin/{next_id}"), &admin).await.assert_refused(409, "last_admin");
        delete(&server, &format!("me/tokens/admin/{admin_id}"), &admin).await.assert_status(204);
        get(&server, "me", &admin).await.assert_refused(401, "unauthenticated");
        get(&server, "me", &text(&next["value"])).await.assert_status(200);
        let actions = noted(&ground, &server, "acme").await;
        let count = |word: &str| actions.iter().filter(|it| *it == word).count();
        assert_eq!([count("token_minted"), count("token_rotated"), count("token_revoked")], [3, 5, 2]);
    }
}

/// An owner with a key keeps the organization as well as a token does, and the other way round.
#[tokio::test]
async fn somebody_stays_who_can_run_the_organization() {
    let server = Ground::Sqlite.server().start().await;
    let anna = choir(&server).await;
    server.post("/api/v1/orgs/choir/publisher").by(&anna).send().await.assert_status(201);
    let leave = server.post("/api/v1/orgs/choir/leave").by(&anna);
    leave.send().await.assert_refused(409, "last_admin");
    let mint = || server.post("/api/v1/publishers/choir/tokens/admin").json(&json!({})).by(&anna);
    let minted = mint().send().await.json();
    let id = text(&minted["token"]["id"]);
    let revoke = format!("/api/v1/publishers/choir/tokens/admin/{id}");
    server.request(Method::DELETE, &revoke).by(&anna).send().await.assert_status(204);
    let minted = mint().send().await.json();
    server.post("/api/v1/orgs/choir/leave").by(&anna).send().await.assert_status(204);
    let (id, value) = (text(&minted["token"]["id"]), text(&minted["value"]));
    // It outlives whoever made it, and is the last.
    get(&server, "me", &value).await.assert_status(200);
    delete(&server, &format!("me/tokens/admin/{id}"), &value)
        .await
        .assert_refused(409, "last_admin");
}

on_both! {
    async fn secrets_are_shown_once_and_lie_sealed(ground: Ground) {
        let mut server = ground.server().start().await;
        let (acme, admin) = founded(&server, "acme").await;
        let made = |path: &str, body: Value| {
            let (path, admin, server) = (format!("me/secrets/{path}"), admin.clone(), &server);
            async move { post(server, &path, &admin, body).await }
        };
        made("webhook_signing", json!({})).await.assert_refused(409, "conflict");
        made("magic", json!({})).await.assert_refused(404, "not_found");
        let brought = "a-bearer-that-was-brought-along-0123456789";
        let rotated = made("subcommand_bearer/rotate", json!({ "value": brought, "activate_in_seconds": 3600 })).await;
        rotated.assert_status(201);
        assert!(rotated.json()["value"].is_null(), "{}", rotated.text());
        assert_eq!(rotated.json()["secret"]["last4"], "6789");
        for (pointer, body) in [
            ("value", json!({ "value": "short" })),
            ("value", json!({ "value": "with blanks 0123456789 0123456789 0123456789" })),
            ("activate_in_seconds", json!({ "activate_in_seconds": 604_801 })),
            ("overlap_seconds", json!({ "overlap_seconds": 604_801 })),
        ] {
            let refused = made("subcommand_bearer/rotate", body).await;
            refused.assert_refused(422, "invalid");
            assert!(refused.text().contains(pointer), "{}", refused.text());
        }
        let seen = get(&server, "me", &admin).await.json();
        let secrets = seen["secrets"].as_array().unwrap();
        let mut kinds: Vec<_> = secrets.iter().map(|it| text(&it["kind"])).collect();
        kinds.sort();
        assert_eq!(kinds, ["subcommand_bearer", "subcommand_bearer", "webhook_signing"]);
        let id = text(&rotated.json()["secret"]["id"]);
        delete(&server, &format!("me/secrets/webhook_signing/{id}"), &admin).await.assert_refused(404, "not_found");
        delete(&server, &format!("me/secrets/subcommand_bearer/{id}"), &admin).await.assert_status(204);
        let actions = noted(&ground, &server, "acme").await;
        assert_eq!(actions[actions.len() - 2..], ["secret_rotated", "secret_revoked"]);
        server.stop().await;
        // Nothing of it lies anywhere in clear.
        let clear = [
            brought.to_owned(),
            text(&acme["webhook_signing"]["value"]),
            text(&acme["subcommand_bearer"]["value"]),
            admin.clone(),
        ];
        for path in files_below(server.data_dir()) {
            let bytes = std::fs::read(&path).unwrap();
            for secret in &clear {
                let is_there = bytes.windows(secret.len()).any(|it| it == secret.as_bytes());
                assert!(!is_there, "{}", path.display());
            }
        }
        let log = server.log();
        assert!(clear.iter().all(|secret| !log.contains(secret.as_str())));
    }
}

fn files_below(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        // The hooks of Git lead to the program.
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found
}

/// The command finds server and key in the data directory.
#[tokio::test]
async fn the_operators_command_prints_a_token_that_makes_a_publisher() {
    let server = Server::start(MOTET).await;
    let directory = server.data_dir().display().to_string();
    let mut command = Command::new(MOTET);
    let printed =
        command.args(["admin", "bootstrap-token", "--data-dir", &directory]).output().unwrap();
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let token = String::from_utf8(printed.stdout).unwrap().trim().to_owned();
    found(&server, &token, "acme").await.assert_status(201);
}
