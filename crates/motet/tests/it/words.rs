//! Every action of the closed list (`spec/trust.md` 11; 16, point 58) is written down by something that really happens,
//! or stands here with the reason why it cannot happen yet.

use std::{collections::BTreeSet, fs, process::Command};

use http::Method;
use names::Secret;
use serde_json::json;
use testkit::{Person, Server, Story};

use crate::{
    MOTET,
    authenticator::Authenticator,
    flows::{self, Application, VERIFIER},
    ground::{Ground, eventually, order},
    history::diverged,
    keyring, linked, organizations as orgs, passkeys,
    provider::{CLIENT_SECRET, Provider},
    publishers, releases,
    sessions::{form, mark, own_page, sign_in},
    store, work,
};

/// What cannot happen yet, and why. Whatever makes one of them happen takes it out of here.
const NOT_YET: [(&str, &str); 25] = [
    ("sign_in_no_membership", "nobody is asked for a membership to sign in"),
    ("sign_in_disabled", "whoever is stopped is told what a stranger is told: sign_in_failed"),
    ("session_refreshed", "a session lives on by its row; nothing is renewed"),
    ("audit_overflow", "10,000 refusals must wait at one moment: trust's own test makes them"),
    ("ref_bypassed", "there are no branch rules yet"),
    ("protection_changed", "there are no branch rules yet"),
    ("proposal_approved", "there are no proposals yet"),
    ("approval_dismissed", "there are no proposals yet"),
    ("proposal_merged", "there are no proposals yet"),
    ("content_hidden", "there is nothing to comment on yet"),
    ("runner_registered", "there are no runners yet"),
    ("runner_revoked", "there are no runners yet"),
    ("build_attested", "there are no builds yet"),
    ("approval_decided", "there are no coding sessions yet"),
    ("grant_given", "there are no coding sessions yet"),
    ("grant_ended", "there are no coding sessions yet"),
    ("budget_changed", "there are no coding sessions yet"),
    ("connector_changed", "there is no context plane yet"),
    (
        "profile_changed",
        "it is one of the context plane; what an account says of itself is no change of rights",
    ),
    ("device_registered", "there are no devices yet"),
    ("device_revoked", "there are no devices yet"),
    ("takedown_applied", "a takedown is no command yet"),
    ("takedown_reversed", "a takedown is no command yet"),
    ("backup_made", "a backup is no command yet"),
    ("backup_restored", "a backup is no command yet"),
];

/// The list, as the document has it: a test beside the code holds the two together.
fn listed() -> BTreeSet<String> {
    let document = include_str!("../../../../docs/audit.md");
    let (_, table) = document.split_once("| Area | Actions |").unwrap();
    let words = table.split('`').skip(1).step_by(2);
    words.map(ToOwned::to_owned).collect()
}

/// The words that stand in the chains of a server.
async fn written(server: &Server) -> BTreeSet<String> {
    let db = Ground::Sqlite.db(server).await;
    let words = store::actions(&mut db.glance().await.unwrap()).await.unwrap();
    db.close().await;
    words.into_iter().collect()
}

/// Waits for what a job does.
async fn happens(server: &Server, word: &str) {
    eventually(word, async || written(server).await.contains(word)).await;
}

#[tokio::test]
async fn every_word_of_the_list_is_written_by_something_or_has_its_reason() {
    let listed = listed();
    assert_eq!(listed.len(), 111, "the list has changed: say here how its new words come about");
    let provider = Provider::start().await;
    let mut server = linked::with_provider(Ground::Sqlite.server(), &provider)
        .arg("--webhook-allow=127.0.0.1:9")
        .start()
        .await;
    let anna = orgs::choir(&server).await;
    let boris = server.register("boris").await;
    keys_and_refusals(&server, &anna).await;
    browsers(&server, &provider, &anna).await;
    applications(&server, &anna).await;
    tenants(&server).await;
    people(&server, &anna, &boris).await;
    runs(&server, &anna).await;
    repositories(&server, &anna).await;
    let mut written_before = office(&server, &anna).await;
    leaving(&server).await;
    boots(&mut server).await;
    let mut written = written(&server).await;
    written.append(&mut written_before);
    written.append(&mut a_local_server().await);
    let not_yet: BTreeSet<_> = NOT_YET.iter().map(|(word, _)| (*word).to_owned()).collect();
    let expected: BTreeSet<_> = listed.difference(&not_yet).cloned().collect();
    let missing: Vec<_> = expected.difference(&written).collect();
    let unexpected: Vec<_> = written.difference(&expected).collect();
    assert!(missing.is_empty(), "nothing here makes these happen: {missing:?}");
    assert!(unexpected.is_empty(), "these happen now, so they have no reason here: {unexpected:?}");
    let unknown: Vec<_> = not_yet.difference(&listed).collect();
    assert!(unknown.is_empty(), "these are not in the list: {unknown:?}");
}

async fn keys_and_refusals(server: &Server, anna: &Person) {
    let second = keyring::second_key(server, anna, 9).await;
    let fingerprint = second.key().fingerprint().to_string();
    keyring::revoke(server, anna, "anna", &fingerprint, "retired").await.assert_status(200);
    // Its key is given up: auth_failed. The same signature twice: replay_refused.
    assert_eq!(server.get("/api/v1/me").by(&second).send().await.status, 401);
    let signed = server.post("/api/v1/auth/web-login");
    let credentials = signed.clone().credentials(anna);
    let signed = signed.header("authorization", &credentials);
    signed.clone().send().await.assert_status(201);
    signed.send().await.assert_refused(401, "replayed");
    let carol = server.stranger("carol");
    let mut body =
        carol.answer_to(&server.challenge("carol", &carol.key().public().to_openssh()).await);
    body["signature"] = json!("A".repeat(86));
    server.verify(&body).await.assert_refused(401, "challenge_failed");
    let denied = server.post("/api/v1/admin/invites").by(anna).send().await;
    denied.assert_refused(404, "not_found");
    let scope = json!({ "scope": { "planes": { "hub": "read" }, "repositories": "all" } });
    let minted = orgs::post(server, "/api/v1/tokens", anna, scope).await.json();
    let id = minted["token"]["id"].as_str().unwrap();
    orgs::post(
        server,
        &format!("/api/v1/tokens/{id}/rotate"),
        anna,
        json!({ "overlap_seconds": 0 }),
    )
    .await
    .assert_status(201);
    let used = server
        .get("/api/v1/me")
        .header("authorization", &format!("Bearer {}", minted["value"].as_str().unwrap()));
    used.send().await.assert_refused(401, "unauthenticated");
}

async fn browsers(server: &Server, provider: &Provider, anna: &Person) {
    let browser = passkeys::Browser::of(server, anna).await;
    let mut device = Authenticator::eddsa(server);
    let id = browser.add(server, &mut device).await;
    let gone = server.request(Method::DELETE, &format!("/api/v1/auth/passkeys/{id}"));
    browser.sends(gone).send().await.assert_status(204);
    assert_eq!(own_page(server.post("/login/once/nonsense")).send().await.status, 404);
    let cookie = sign_in(server, anna).await;
    let elsewhere = form(server.post("/settings/sessions/revoke"), &cookie, "csrf=x");
    assert_eq!(elsewhere.header("sec-fetch-site", "cross-site").send().await.status, 403);
    linked::link(server, provider, "oidc", &cookie).await;
    let way = linked::leave(server, "oidc", "").await;
    let good = provider.agree(&way.address);
    let (path, _) = good.split_once('?').unwrap();
    assert_eq!(
        linked::back(server, &way, &format!("{path}?state=AAAA&code=x")).send().await.status,
        401
    );
    let body = format!("csrf={}", mark(server, &cookie).await);
    let unlink = own_page(form(server.post("/settings/logins/oidc/unlink"), &cookie, &body));
    assert_eq!(unlink.send().await.status, 303);
    let all = own_page(form(server.post("/settings/sessions/revoke"), &cookie, &body));
    assert_eq!(all.send().await.status, 303);
}

async fn applications(server: &Server, anna: &Person) {
    let browser = flows::Browser::new(server, anna).await;
    let (agreed, denied) = (flows::begin(server).await, flows::begin(server).await);
    browser.agree(agreed["user_code"].as_str().unwrap()).await.assert_status(200);
    let code = denied["user_code"].as_str().unwrap();
    browser.post("/login/device/deny", &[("user_code", code)]).await.assert_status(200);
    let app = Application::new(server).await;
    let code = app.code(&browser, ("handle", "robot")).await;
    app.redeem(server, &code, VERIFIER).await.assert_status(200);
    let asks = app.asks(server);
    let mut pairs: Vec<_> = asks.iter().map(|(name, value)| (*name, value.as_str())).collect();
    pairs.extend([("handle", "robot2"), ("word:hub:read", "on"), ("days", "30")]);
    browser.post("/login/authorize/deny", &pairs).await.assert_status(200);
}

async fn tenants(server: &Server) {
    let (_, admin) = publishers::founded(server, "acme").await;
    let renamed = json!({ "display_name": "Acme & Co" });
    publishers::call(server, Method::PATCH, "me", &admin, renamed).await.assert_status(204);
    let weave = crate::pipelines::small("weave", "Weave.");
    publishers::post(server, "me/pipelines", &admin, weave).await.assert_status(201);
    let runner = publishers::post(server, "me/tokens/runner", &admin, json!({})).await.json();
    let id = runner["token"]["id"].as_str().unwrap();
    publishers::delete(server, &format!("me/tokens/runner/{id}"), &admin).await.assert_status(204);
    let rotated = publishers::post(server, "me/secrets/webhook_signing/rotate", &admin, json!({}))
        .await
        .json();
    let id = rotated["secret"]["id"].as_str().unwrap();
    publishers::delete(server, &format!("me/secrets/webhook_signing/{id}"), &admin)
        .await
        .assert_status(204);
}

/// A run that is ended, and one about which a person decides.
async fn runs(server: &Server, anna: &Person) {
    let enabled = server.post("/api/v1/orgs/choir/publisher").by(anna).send().await;
    assert!(enabled.status < 300, "{}", enabled.text());
    let gate = json!([{ "id": "a", "kind": "approval" }]);
    let ask = work::of_steps("ask", gate, json!({}));
    let target = "/api/v1/publishers/choir/pipelines";
    server.post(target).json(&ask).by(anna).send().await.assert_status(201);
    let mint = "/api/v1/publishers/choir/tokens/runner";
    let made = server.post(mint).json(&json!({})).by(anna).send().await.json();
    let runner = made["value"].as_str().unwrap();
    for _ in 0..2 {
        let start = server.post(&format!("{target}/ask/runs")).json(&json!({ "input": {} }));
        work::bearing(start, runner).send().await.assert_status(201);
    }
    let gates = server.get("/api/v1/approvals").by(anna).send().await.json();
    let [decided, ended] = [0, 1].map(|it: usize| gates["items"][it].clone());
    let decide = format!("/api/v1/approvals/{}/decide", decided["id"].as_str().unwrap());
    let no = json!({ "decision": "reject", "comment": "not so" });
    server.post(&decide).json(&no).by(anna).send().await.assert_status(200);
    let end = format!("/api/v1/runs/{}/cancel", ended["run"].as_str().unwrap());
    server.post(&end).json(&json!({})).by(anna).send().await.assert_status(200);
}

async fn people(server: &Server, anna: &Person, boris: &Person) {
    let (agents, agent) = ("/api/v1/agents", "/api/v1/agents/loom");
    orgs::post(server, agents, anna, json!({ "handle": "loom" })).await.assert_status(201);
    let scope = json!({ "scope": { "planes": { "hub": "read" }, "repositories": "all" } });
    let changed = server.request(Method::PATCH, agent).json(&scope).by(anna).send().await;
    assert!(changed.status < 300, "{}", changed.text());
    orgs::post(server, &format!("{agent}/disable"), anna, json!({})).await.assert_status(204);
    orgs::join(server, anna, boris, "viewer").await;
    let member = "/api/v1/orgs/choir/members/boris";
    orgs::put(server, member, anna, json!({ "role": "member" })).await.assert_status(204);
    orgs::delete(server, member, anna).await.assert_status(204);
    let said =
        server.request(Method::PATCH, "/api/v1/orgs/choir").json(&json!({ "bio": "we sing" }));
    said.by(anna).send().await.assert_status(200);
    orgs::post(server, "/api/v1/orgs", anna, json!({ "handle": "band" })).await.assert_status(201);
    let end =
        server.request(Method::DELETE, "/api/v1/orgs/band").json(&json!({ "confirm": "band" }));
    end.by(anna).send().await.assert_status(204);
    server.post("/api/v1/admin/invites").by(&server.operator()).send().await.assert_status(201);
}

async fn repositories(server: &Server, anna: &Person) {
    let (_, theirs) = diverged(server, anna).await;
    let mut push = theirs.push_to("main");
    push.force = true;
    server.push(anna, "anna/song", push).await.assert_status(200);
    server.push_story(anna, "anna/song", &theirs, "aside").await;
    let cookie = sign_in(server, anna).await;
    let body = format!("branch=aside&csrf={}", mark(server, &cookie).await);
    let aside = own_page(form(server.post("/anna/song/branches/delete"), &cookie, &body));
    assert_eq!(aside.send().await.status, 303);
    releases::publish(server, anna, "anna/song", &theirs, "v1.0.0").await;
    let retracted = server.request(Method::DELETE, "/anna/song/releases/v1.0.0");
    retracted.by(anna).send().await.assert_status(200);
    let of_boris = "/api/v1/repos/anna/song/collaborators/boris";
    for level in ["read", "write"] {
        orgs::put(server, of_boris, anna, json!({ "level": level })).await.assert_status(200);
    }
    orgs::delete(server, of_boris, anna).await.assert_status(204);
    let asked = server
        .request(Method::PATCH, "/api/v1/repos/anna/song")
        .json(&json!({ "training_opt_out": true }));
    asked.by(anna).send().await.assert_status(200);
    let song = "/api/v1/repos/anna/song";
    let hooks = format!("{song}/webhooks");
    let new = json!({ "url": "http://127.0.0.1:9/", "events": ["*"] });
    let made = orgs::post(server, &hooks, anna, new).await;
    made.assert_status(201);
    let hook = format!("{hooks}/{}", made.json()["webhook"]["id"].as_str().unwrap());
    let change = server.request(Method::PATCH, &hook).json(&json!({ "description": "ours" }));
    change.by(anna).send().await.assert_status(200);
    orgs::delete(server, &hook, anna).await.assert_status(204);
    for visibility in ["public", "private"] {
        let shown = json!({
            "description": visibility, "visibility": visibility, "confirm": "anna/song",
        });
        let shown = server.request(Method::PATCH, song).json(&shown);
        shown.by(anna).send().await.assert_status(200);
    }
    let gone = server.request(Method::DELETE, song).json(&json!({ "confirm": "anna/song" }));
    gone.by(anna).send().await.assert_status(204);
    orgs::post(server, &format!("{song}/restore"), anna, json!({})).await.assert_status(200);
    orgs::post(server, "/api/v1/repos", anna, json!({ "name": "psalm" })).await.assert_status(201);
    let to_choir = json!({ "to": "choir", "confirm": "anna/psalm" });
    let over = orgs::post(server, "/api/v1/repos/anna/psalm/transfer", anna, to_choir).await;
    over.assert_status(200);
    let collected =
        orgs::post(server, "/api/v1/repos/anna/song/collect", anna, json!({ "grace": 0 })).await;
    assert!(collected.status < 300, "{}", collected.text());
    happens(server, "repo_collected").await;
}

/// Gives the words that were there before the log was pruned.
async fn office(server: &Server, anna: &Person) -> BTreeSet<String> {
    let operator = server.operator();
    let admins = server.request(Method::PUT, "/api/v1/admin/admins/anna");
    admins.by(&operator).send().await.assert_status(204);
    let other = server.register("dora").await;
    let private = json!({ "name": "diary", "visibility": "private" });
    orgs::post(server, "/api/v1/repos", &other, private).await.assert_status(201);
    let why = json!({ "reason": "asked by dora" });
    orgs::post(server, "/api/v1/admin/break-glass/dora/diary", anna, why.clone())
        .await
        .assert_status(201);
    // The hour is over: a job writes it down.
    let db = Ground::Sqlite.db(server).await;
    let mut tx = db.write().await.unwrap();
    assert_eq!(store::end_looks(&mut tx).await.unwrap(), 1);
    tx.commit().await.unwrap();
    db.close().await;
    order(server, "/api/v1/admin/schedules/trust.expire/run").await.assert_status(200);
    happens(server, "breakglass_closed").await;
    orgs::post(server, "/api/v1/admin/principals/dora/suspend", anna, why).await.assert_status(204);
    server.post("/api/v1/admin/principals/dora/restore").by(anna).send().await.assert_status(204);
    orgs::put(server, "/api/v1/admin/quotas/dora", &operator, json!({ "bytes": 50_000 }))
        .await
        .assert_status(200);
    order(server, "/api/v1/admin/signing-keys/session/rotate").await.assert_status(201);
    server.get("/api/v1/admin/audit/export").by(&operator).send().await.assert_status(200);
    let before = json!({ "before": "2100-01-01T00:00:00Z" });
    let kept = written(server).await;
    let pruned = orgs::post(server, "/api/v1/admin/audit/prune", &operator, before).await;
    pruned.assert_status(200);
    assert!(pruned.json()["rows"].as_u64().unwrap() > 50, "{}", pruned.text());
    kept
}

async fn leaving(server: &Server) {
    let eve = Person::new("eve", Secret::new([8; 32]));
    server.register_key(&eve, &eve.key().public().to_openssh()).await.assert_status(201);
    server.push_story(&eve, "eve/song", &Story::of_one("a song"), "main").await;
    server.get("/api/v1/me/export").by(&eve).send().await.assert_status(200);
    let leave = server.request(Method::DELETE, "/api/v1/me").json(&json!({ "confirm": "eve" }));
    leave.by(&eve).send().await.assert_status(204);
    let db = Ground::Sqlite.db(server).await;
    let mut tx = db.write().await.unwrap();
    store::let_thirty_days_pass(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    db.close().await;
    order(server, "/api/v1/admin/schedules/hub.purge/run").await.assert_status(200);
    happens(server, "account_purged").await;
}

/// The server ends and begins again: with other settings, as if a newer program found its data, under another install
/// key.
async fn boots(server: &mut Server) {
    server.stop().await;
    let db = Ground::Sqlite.db(server).await;
    let mut tx = db.write().await.unwrap();
    assert_eq!(store::let_schema_be_older(&mut tx).await.unwrap(), 1);
    tx.commit().await.unwrap();
    db.close().await;
    let next = server.beside().arg("--contact=abuse@forge.example");
    let mut next = next.env("MOTET_OIDC_CLIENT_SECRET", CLIENT_SECRET).start().await;
    next.stop().await;
    let dir = server.data_dir();
    let old = dir.with_file_name("old.key");
    fs::rename(dir.join("install.key"), &old).unwrap();
    let mut reseal = Command::new(MOTET);
    reseal.args(["admin", "reseal", "--data-dir"]).arg(dir).arg("--old-key-file").arg(&old);
    let output = reseal.env_clear().env("HOME", dir).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// One that takes no more than the usual number of failures: the others of the tests take many.
async fn a_local_server() -> BTreeSet<String> {
    let server = Ground::Sqlite.server().arg("--local").arg("--limit=failures=5").start().await;
    let unknown = server.stranger("unknown");
    for _ in 0..5 {
        server.get("/api/v1/me").by(&unknown).send().await.assert_refused(401, "unauthenticated");
    }
    server.get("/api/v1/me").by(&unknown).send().await.assert_refused(429, "rate_limited");
    let ask = server
        .post("/api/v1/local-init")
        .json(&json!({ "client_nonce": "AAECAwQFBgcICQoLDA0ODw" }));
    ask.header("x-motet-client", "editor/1.0").send().await.assert_status(200);
    // What is refused is written down a moment later.
    happens(&server, "lock_started").await;
    written(&server).await
}
