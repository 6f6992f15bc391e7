//! A local server serves its one person, and no page of another site (`spec/trust.md` 7, 16.40, 16.41).

use std::process::{Command, Output};

use api::wire::{Format, PushRequest, Refs};
use http::Method;
use keys::{LocalProof, PublicKey, Signature};
use serde_json::{Value, json};
use testkit::{Answer, Request, Server, Story};

use crate::{
    MOTET, git,
    ground::{Ground, on_both},
};

const NONCE: &str = "AAECAwQFBgcICQoLDA0ODw";
const TARGET: &str = "/api/v1/local-init";

fn ask(server: &Server) -> Request {
    server.post(TARGET).json(&json!({ "client_nonce": NONCE }))
}

/// What the server gives to a program that says its name.
async fn let_in(server: &Server, client: &str) -> Answer {
    let given = ask(server).header("x-motet-client", client).send().await;
    given.assert_status(200);
    given
}

fn cookie_of(given: &Answer) -> String {
    given.header("set-cookie").split(';').next().unwrap().to_owned()
}

/// A request that the session signs.
fn by_session(request: Request, given: &Answer) -> Request {
    request.header("cookie", &cookie_of(given)).header("sec-fetch-site", "same-origin")
}

fn with_mark(request: Request, given: &Answer) -> Request {
    by_session(request, given).header("x-motet-csrf", given.json()["csrf"].as_str().unwrap())
}

on_both! {
    async fn a_program_on_this_machine_is_let_in(ground: Ground) {
        let mut server = ground.server().arg("--local").start().await;
        let given = let_in(&server, "editor/1.0").await;
        assert_eq!(given.header("cache-control"), "no-store");
        assert_eq!(given.json()["handle"], "owner");
        // It comes from the server of this data directory, and from no other.
        let public = std::fs::read_to_string(server.data_dir().join("operator.pub")).unwrap();
        let (public, _) = PublicKey::parse(public.trim()).unwrap();
        let proof: Signature = given.json()["proof"].as_str().unwrap().parse().unwrap();
        assert!(public.verify(LocalProof::new(NONCE).unwrap().text().as_bytes(), &proof));
        assert!(!public.verify(b"motet-local-v1\nother", &proof));
        // The session is that of the one person, and fresh.
        let me = by_session(server.get("/api/v1/me"), &given).send().await;
        assert_eq!(me.json()["principal"]["handle"], "owner");
        let scope = json!({ "planes": { "hub": "write" }, "repositories": "all" });
        let mint = |server: &Server| server.post("/api/v1/tokens").json(&json!({ "scope": scope }));
        with_mark(mint(&server), &given).send().await.assert_status(201);
        by_session(mint(&server), &given).send().await.assert_refused(403, "cross_site");
        // The token of the device is for devices, and for nothing else.
        let bearer = |given: &Answer| format!("Bearer {}", given.json()["device_token"].as_str().unwrap());
        let read = server.get("/api/v1/repos").header("authorization", &bearer(&given)).send().await;
        read.assert_refused(401, "bearer_refused");
        server.get("/livez").header("authorization", &bearer(&given)).send().await.assert_status(200);
        // A second time, the same program replaces what it had; another one has its own.
        let other = let_in(&server, "shell").await;
        let again = let_in(&server, "editor/1.0").await;
        for (given, code) in [(&given, "unauthenticated"), (&other, "bearer_refused"), (&again, "bearer_refused")] {
            let read = server.get("/api/v1/repos").header("authorization", &bearer(given)).send().await;
            read.assert_refused(401, code);
        }
        let listed = with_mark(server.get("/api/v1/tokens"), &again).send().await.json();
        let devices: Vec<_> = listed["items"].as_array().unwrap().iter()
            .filter(|it| it["kind"] == "device").map(|it| it["label"].clone()).collect();
        assert_eq!(devices, ["editor/1.0", "shell"]);
        // It was written down, each time once.
        let seen = server.get("/api/v1/admin/audit?action=local_init").by(&server.operator()).send().await;
        assert_eq!(seen.json()["items"].as_array().unwrap().len(), 3, "{}", seen.text());
        // Nothing is made twice.
        server.stop().await;
        server.restart().await;
        assert_eq!(let_in(&server, "shell").await.json()["handle"], "owner");
    }
}

#[tokio::test]
async fn the_one_person_has_the_name_that_was_asked_for() {
    let server = Server::with(MOTET).arg("--local").arg("--local-handle").arg("ada").start().await;
    assert_eq!(let_in(&server, "shell").await.json()["handle"], "ada");
    let taken = Server::with(MOTET).arg("--local").arg("--local-handle").arg("operator");
    assert_eq!(taken.refuses().await.code, Some(2));
}

#[tokio::test]
async fn nobody_else_is_let_in() {
    let server = Server::with(MOTET).arg("--local").start().await;
    let named = || ask(&server).header("x-motet-client", "shell");
    for header in [
        "forwarded",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-forwarded-anything",
        "x-real-ip",
        "cf-connecting-ip",
        "true-client-ip",
    ] {
        named().header(header, "127.0.0.1").send().await.assert_refused(403, "forbidden");
    }
    // Not a program: a page says where it is from, and could not say more.
    for site in ["same-origin", "none"] {
        ask(&server).header("sec-fetch-site", site).send().await.assert_refused(403, "forbidden");
    }
    ask(&server).send().await.assert_refused(403, "cross_site");
    for bad in ["", "a;b", &"x".repeat(65)] {
        let named = ask(&server).header("x-motet-client", bad).header("sec-fetch-site", "none");
        named.send().await.assert_refused(403, "forbidden");
    }
    for nonce in ["", "two\nlines", &"n".repeat(129)] {
        let body = json!({ "client_nonce": nonce });
        let asked = server.post(TARGET).json(&body).header("x-motet-client", "shell");
        asked.send().await.assert_refused(400, "malformed");
    }
    named().send().await.assert_status(200);
    // Of two nobody can say who it is.
    let anna = server.register("anna").await;
    named().send().await.assert_refused(404, "not_found");
    server.get("/api/v1/me").by(&anna).send().await.assert_status(200);
    // And elsewhere there is no such thing.
    let elsewhere = Server::start(MOTET).await;
    let answer = ask(&elsewhere).header("x-motet-client", "shell").send().await;
    answer.assert_refused(404, "not_found");
}

#[tokio::test]
async fn a_page_of_another_site_changes_nothing() {
    let server = Server::with(MOTET).arg("--local").start().await;
    let given = let_in(&server, "shell").await;
    let (port, own) = (server.address().port(), server.base_url());
    let new = |name: &str| server.post("/api/v1/repos").json(&json!({ "name": name }));
    let mark = given.json()["csrf"].as_str().unwrap().to_owned();
    let signed = |request: Request| {
        request.header("cookie", &cookie_of(&given)).header("x-motet-csrf", &mark)
    };
    for (header, value) in [
        ("origin", "null".to_owned()),
        ("origin", format!("http://127.0.0.1:{}", port ^ 1)),
        ("origin", format!("http://localhost:{port}")),
        ("origin", "http://evil.example".to_owned()),
        ("sec-fetch-site", "cross-site".to_owned()),
        ("sec-fetch-site", "same-site".to_owned()),
    ] {
        let sent = signed(new("song")).header(header, &value).header("x-motet-client", "shell");
        sent.send().await.assert_refused(403, "cross_site");
    }
    signed(new("song")).send().await.assert_refused(403, "cross_site");
    signed(new("song")).header("origin", &own).send().await.assert_status(201);
    // By its other names it is another origin, and leads to itself there.
    let name = format!("localhost:{port}");
    let page = server.get("/login").authority(&name).send().await;
    assert!(page.text().contains(&format!("http://{name}")), "{}", page.text());
    let there = signed(new("other")).authority(&name).header("origin", &format!("http://{name}"));
    there.send().await.assert_status(201);
}

#[tokio::test]
async fn an_unsafe_request_says_what_it_carries() {
    let server = Server::with(MOTET).arg("--local").start().await;
    let anna = server.register("anna").await;
    let body = json!({ "name": "song" }).to_string();
    let repos = || server.post("/api/v1/repos").by(&anna);
    repos().body(body.clone()).send().await.assert_refused(415, "unsupported_media_type");
    let plain = repos().header("content-type", "text/plain").body(body.clone());
    plain.send().await.assert_refused(415, "unsupported_media_type");
    let right = repos().header("content-type", "application/json; charset=utf-8").body(body);
    right.send().await.assert_status(201);
    // Without a body too, and on DELETE.
    let revoke = |kind: Option<&str>| {
        let request = server
            .request(Method::DELETE, "/api/v1/tokens/00000000-0000-7000-8000-000000000000")
            .by(&anna);
        kind.map_or(request.clone(), |kind| request.header("content-type", kind))
    };
    for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded")] {
        revoke(kind).send().await.assert_refused(415, "unsupported_media_type");
    }
    assert_ne!(revoke(Some("application/json")).send().await.status, 415);
    let lead = server.post("/api/v1/auth/web-login").by(&anna);
    lead.clone().send().await.assert_refused(415, "unsupported_media_type");
    lead.header("content-type", "application/json").send().await.assert_status(201);
    // On the wire it is a message.
    let wire = server.post("/anna/song/negotiate").by(&anna).header("content-type", "text/plain");
    assert_eq!(wire.body("{}").send().await.status, 415);
}

#[tokio::test]
async fn elsewhere_a_body_says_what_it_is() {
    let server = Server::start(MOTET).await;
    let anna = server.register("anna").await;
    let repos = server.post("/api/v1/repos").by(&anna).body(json!({ "name": "song" }).to_string());
    repos.clone().send().await.assert_refused(415, "unsupported_media_type");
    let plain = repos.header("content-type", "text/plain");
    plain.send().await.assert_refused(415, "unsupported_media_type");
    server.post("/api/v1/auth/web-login").by(&anna).send().await.assert_status(201);
    let stray = server.post("/api/v1/auth/web-login").by(&anna).body("{}");
    stray.send().await.assert_refused(415, "unsupported_media_type");
}

/// Clients of the wire work as on every other server, with a signature or a token.
#[tokio::test]
async fn a_muse_client_pushes_and_clones() {
    let server = Server::with(MOTET).arg("--local").start().await;
    let given = let_in(&server, "shell").await;
    let scope = json!({ "planes": { "hub": "write" }, "repositories": ["owner/song"] });
    let mint = server.post("/api/v1/tokens").json(&json!({ "kind": "git", "scope": scope }));
    let minted = with_mark(mint, &given).send().await;
    minted.assert_status(201);
    let bearer = format!("Bearer {}", minted.json()["value"].as_str().unwrap());
    let story = Story::of_one("a song");
    let push = PushRequest { objects: story.inline(), ..story.push_to("main") };
    let push = server.post("/owner/song/push").msgpack(&push.into_value(Format::MessagePack));
    push.header("authorization", &bearer).send().await.assert_status(200);
    let refs = server.get("/owner/song/refs").header("authorization", &bearer).send().await;
    let refs: Refs = refs.wire();
    assert_eq!(refs.branch_heads.len(), 1);
    assert_eq!(server.get("/owner/song/refs").send().await.status, 404);
}

/// Every stock Git works with a token as its password, and a token of somebody else's server is none.
#[tokio::test]
async fn stock_git_pushes_and_fetches() {
    let server = Server::with(MOTET).arg("--local").start().await;
    let given = let_in(&server, "shell").await;
    let new = json!({ "name": "tune", "visibility": "private", "format": "git" });
    let made = with_mark(server.post("/api/v1/repos").json(&new), &given).send().await;
    made.assert_status(201);
    let scope = json!({ "planes": { "hub": "write" }, "repositories": ["owner/tune"] });
    let mint = server.post("/api/v1/tokens").json(&json!({ "kind": "git", "scope": scope }));
    let minted = with_mark(mint, &given).send().await;
    minted.assert_status(201);
    let token = minted.json()["value"].as_str().unwrap().to_owned();
    let url = git::address(&server, &token, "owner/tune");
    for (round, program) in git::clients().into_iter().enumerate() {
        let user = git::User::of(program);
        if round == 0 {
            user.begins("one");
        } else {
            user.does("", &["clone", "-q", &url, "one"]);
        }
        let tip = user.writes("one", &format!("{round}.txt"), "a line\n");
        user.does("one", &["push", "-q", &url, "main"]);
        user.does("", &["init", "-q", "other"]);
        user.does("other", &["fetch", "-q", &url, "main"]);
        assert_eq!(user.does("other", &["rev-parse", "FETCH_HEAD"]), tip);
    }
    let strange = git::address(&server, &token.to_uppercase(), "owner/tune");
    assert!(!git::User::new().tries("", &["ls-remote", &strange]).is_well);
}

/// The command line, with a home of its own.
fn motet(server: &Server, arguments: &[&str]) -> Output {
    let home = server.data_dir().parent().unwrap().join("home");
    std::fs::create_dir_all(&home).unwrap();
    let mut command = Command::new(MOTET);
    command.args(arguments).env_clear().env("HOME", &home).current_dir(&home).output().unwrap()
}

#[tokio::test]
async fn the_command_line_becomes_the_one_person() {
    let server = Server::with(MOTET).arg("--local").start().await;
    let directory = server.data_dir().display().to_string();
    let login = ["login", "--local", "--data-dir", &directory];
    for _twice in 0..2 {
        let done = motet(&server, &login);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
    let whoami = motet(&server, &["whoami", "--json"]);
    let told: Value = serde_json::from_slice(&whoami.stdout).unwrap();
    assert!(told.to_string().contains("\"owner\""), "{told}");
    let address = format!("{}/owner/songs", server.base_url());
    let work = server.data_dir().parent().unwrap().join("home/songs");
    std::fs::create_dir_all(&work).unwrap();
    std::fs::write(work.join("song.txt"), "la").unwrap();
    let pushed = motet(&server, &["-C", "songs", "push", &address]);
    assert!(pushed.status.success(), "{}", String::from_utf8_lossy(&pushed.stderr));
    let cloned = motet(&server, &["clone", &address, "copy"]);
    assert!(cloned.status.success(), "{}", String::from_utf8_lossy(&cloned.stderr));
    assert_eq!(
        std::fs::read_to_string(work.with_file_name("copy").join("song.txt")).unwrap(),
        "la"
    );
}

/// Whoever listens on the port without the operator's key is not believed.
#[tokio::test]
async fn the_command_line_believes_no_stranger_on_the_port() {
    let (ours, stranger) = (
        Server::with(MOTET).arg("--local").start().await,
        Server::with(MOTET).arg("--local").start().await,
    );
    let directory = ours.data_dir().display().to_string();
    let login = ["login", "--local", "--data-dir", &directory, &stranger.base_url()];
    let refused = motet(&ours, &login);
    assert!(!refused.status.success());
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("cannot prove"), "{told}");
    let whoami = motet(&ours, &["whoami"]);
    assert!(!whoami.status.success());
}
