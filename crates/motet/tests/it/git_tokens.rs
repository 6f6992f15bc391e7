//! What plain Git signs in with: for one repository, for a quarter of an hour (`spec/hub.md` 5; `spec/trust.md` 5).

use std::{
    collections::HashMap,
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Person, Request, Server, Story};

use crate::{
    MOTET,
    git::clients,
    ground::{Ground, on_both},
    keyring::{revoke, second_key},
    people::Machine,
    store,
};

fn ask(server: &Server, repository: &str, access: &str) -> Request {
    let target = format!("/api/v1/repos/{repository}/git-tokens");
    server.post(&target).json(&json!({ "access": access }))
}

pub(crate) async fn mint(server: &Server, by: &Person, repository: &str, access: &str) -> String {
    let made = ask(server, repository, access).by(by).send().await;
    made.assert_status(201);
    assert_eq!(made.header("cache-control"), "no-store");
    let made: Value = made.json();
    assert_eq!((&made["handle"], &made["access"]), (&json!(by.handle()), &json!(access)));
    assert_eq!(made["repository"], repository);
    made["token"].as_str().unwrap().to_owned()
}

/// As a client of the Muse wire on this machine shows it.
fn with(request: Request, token: &str) -> Request {
    request.header("authorization", &format!("Bearer {token}"))
}

async fn refs(server: &Server, repository: &str, token: &str) -> Answer {
    with(server.get(&format!("/{repository}/refs")), token).send().await
}

async fn push(server: &Server, repository: &str, token: &str) -> Answer {
    let nothing = server.post(&format!("/{repository}/push/objects"));
    let objects = testkit::objects_body(vec![testkit::object(b"a note")]);
    with(nothing.msgpack(&objects), token).send().await
}

on_both! {
    async fn a_git_token_is_for_one_repository_and_one_access_and_ends(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        for name in ["song", "other"] {
            let repository = server.create(&anna, name, "private").await;
            server.push_story(&anna, &repository, &Story::of_one(name), "main").await;
        }
        let reads = mint(&server, &anna, "anna/song", "read").await;
        let writes = mint(&server, &anna, "anna/song", "write").await;
        for token in [&reads, &writes] {
            refs(&server, "anna/song", token).await.assert_status(200);
            assert_eq!(refs(&server, "anna/other", token).await.status, 404);
            // What is not Git is not its own.
            let api = with(server.get("/api/v1/repos/anna/song"), token).send().await;
            api.assert_refused(401, "bearer_refused");
            let more = with(ask(&server, "anna/song", "read"), token).send().await;
            more.assert_refused(401, "bearer_refused");
        }
        // What reads writes nowhere, whatever is there.
        for repository in ["anna/song", "anna/other"] {
            assert_eq!(push(&server, repository, &reads).await.status, 403);
        }
        assert_eq!(push(&server, "anna/other", &writes).await.status, 404);
        push(&server, "anna/song", &writes).await.assert_status(200);

        let mut tx = ground.db(&server).await.write().await.unwrap();
        assert_eq!(store::end_git_tokens(&mut tx).await.unwrap(), 2);
        tx.commit().await.unwrap();
        for token in [&reads, &writes] {
            assert_eq!(refs(&server, "anna/song", token).await.status, 401);
        }
        // What ended a day ago is forgotten when the next one is made.
        let next = mint(&server, &anna, "anna/song", "read").await;
        refs(&server, "anna/song", &next).await.assert_status(200);
        let mut tx = ground.db(&server).await.glance().await.unwrap();
        assert_eq!(store::count_git_tokens(&mut tx).await.unwrap(), 1);
    }
}

on_both! {
    async fn a_git_token_ends_with_the_key_that_asked_for_it(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let song = server.create(&anna, "song", "private").await;
        server.push_story(&anna, &song, &Story::of_one("a song"), "main").await;
        for (byte, reason) in [(3, "compromised"), (4, "retired")] {
            let second = second_key(&server, &anna, byte).await;
            let own = mint(&server, &anna, &song, "write").await;
            let token = mint(&server, &second, &song, "write").await;
            refs(&server, &song, &token).await.assert_status(200);
            let fingerprint = second.key().fingerprint().to_string();
            revoke(&server, &anna, "anna", &fingerprint, reason).await.assert_status(200);
            assert_eq!(refs(&server, &song, &token).await.status, 401, "{reason}");
            assert_eq!(push(&server, &song, &token).await.status, 401, "{reason}");
            refs(&server, &song, &own).await.assert_status(200);
        }
    }
}

on_both! {
    async fn a_git_token_is_worth_what_whoever_asked_may_do_when_it_is_shown(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let song = server.create(&anna, "song", "private").await;
        server.push_story(&anna, &song, &Story::of_one("a song"), "main").await;
        ask(&server, &song, "read").by(&boris).send().await.assert_refused(404, "not_found");
        let level = format!("/api/v1/repos/{song}/collaborators/boris");
        let put = async |level_of: &str| {
            let asked = server.request(Method::PUT, &level).json(&json!({ "level": level_of }));
            assert!(asked.by(&anna).send().await.status < 300);
        };
        put("read").await;
        ask(&server, &song, "write").by(&boris).send().await.assert_refused(403, "forbidden");
        put("write").await;
        let token = mint(&server, &boris, &song, "write").await;
        push(&server, &song, &token).await.assert_status(200);
        put("read").await;
        assert_eq!(push(&server, &song, &token).await.status, 403);
        refs(&server, &song, &token).await.assert_status(200);
        let out = server.request(Method::DELETE, &level).by(&anna).send().await;
        assert!(out.status < 300, "{}", out.text());
        assert_eq!(refs(&server, &song, &token).await.status, 404);
    }
}

#[tokio::test]
async fn an_agent_gets_one_for_itself_within_its_scope() {
    let server = Ground::Sqlite.server().start().await;
    let anna = server.register("anna").await;
    for name in ["song", "other"] {
        let repository = server.create(&anna, name, "private").await;
        server.push_story(&anna, &repository, &Story::of_one(name), "main").await;
    }
    // Nothing in its scope but reading one repository.
    let scope = json!({ "planes": { "hub": "read" }, "repositories": ["anna/song"] });
    let new = json!({ "handle": "loom", "scope": scope });
    server.post("/api/v1/agents").json(&new).by(&anna).send().await.assert_status(201);
    let loom = Person::new("loom", names::Secret::new([78; 32]));
    let met = loom.answer_to(&server.challenge("loom", &loom.key().public().to_openssh()).await);
    server.post("/api/v1/auth/verify").json(&met).by(&anna).send().await.assert_status(201);

    let token = mint(&server, &loom, "anna/song", "read").await;
    refs(&server, "anna/song", &token).await.assert_status(200);
    ask(&server, "anna/song", "write").by(&loom).send().await.assert_refused(403, "forbidden");
    ask(&server, "anna/other", "read").by(&loom).send().await.assert_refused(404, "not_found");
}

#[tokio::test]
async fn what_is_archived_is_read_and_what_is_asked_twice_is_shown_once() {
    let server = Ground::Sqlite.server().start().await;
    let anna = server.register("anna").await;
    let song = server.create(&anna, "song", "private").await;
    server.push_story(&anna, &song, &Story::of_one("a song"), "main").await;
    let once = || ask(&server, &song, "write").header("idempotency-key", "clone-1").by(&anna);
    let (first, second) = (once().send().await.json(), once().send().await.json());
    assert!(first["token"].is_string());
    assert_eq!((&second["token"], &second["secret_shown"]), (&Value::Null, &json!(true)));

    ask(&server, &song, "all").by(&anna).send().await.assert_refused(422, "invalid");
    ask(&server, &song, "read").send().await.assert_refused(401, "unauthenticated");
    let archive = server.post(&format!("/api/v1/repos/{song}/archive")).by(&anna).send().await;
    assert!(archive.status < 300, "{}", archive.text());
    assert_eq!(ask(&server, &song, "write").by(&anna).send().await.status, 409);
    let token = mint(&server, &anna, &song, "read").await;
    refs(&server, &song, &token).await.assert_status(200);
}

#[tokio::test]
async fn a_name_in_ones_own_namespace_gets_one_for_the_first_push() {
    let server = Ground::Sqlite.server().start().await;
    let (anna, boris) = (server.register("anna").await, server.register("boris").await);
    ask(&server, "anna/song", "write").by(&boris).send().await.assert_refused(404, "not_found");
    let token = mint(&server, &anna, "anna/song", "write").await;
    assert_eq!(refs(&server, "anna/song", &token).await.status, 404);
    push(&server, "anna/song", &token).await.assert_status(200);
    assert_eq!(push(&server, "anna/other", &token).await.status, 404);
}

/// What the helper hands out when it is asked so, as Git reads it; and what it says beside.
fn helped(machine: &Machine, words: &[&str], input: &str) -> (HashMap<String, String>, String) {
    let mut command = Command::new(MOTET);
    command.arg("--config-dir").arg(machine.config()).arg("git-credential").args(words).env_clear();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let told = lines.lines().map(|line| line.split_once('=').unwrap());
    let told = told.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    (told, String::from_utf8(output.stderr).unwrap())
}

#[tokio::test]
async fn the_helper_of_git_hands_out_what_signs_in_at_one_repository() {
    let server = Ground::Sqlite.server().start().await;
    let (ada, bob) = (Machine::of(&server, "ada"), Machine::of(&server, "bob"));
    ada.done(&["repo", "create", "songs"]);
    ada.done(&["repo", "create", "open", "--public"]);
    let input = |path: &str| {
        let authority = server.authority();
        format!("capability[]=authtype\nprotocol=http\nhost={authority}\npath={path}\n\n")
    };
    let (told, _) = helped(&ada, &["get"], &input("ada/songs.git"));
    assert_eq!(told["username"], "ada");
    let ends: i64 = told["password_expiry_utc"].parse().unwrap();
    let left = ends - names::Clock::default().now().seconds();
    assert!((840..=900).contains(&left), "{left}");
    refs(&server, "ada/songs", &told["password"]).await.assert_status(200);
    push(&server, "ada/songs", &told["password"]).await.assert_status(200);

    let (told, _) = helped(&ada, &["get", "--access", "read"], &input("ada/songs"));
    refs(&server, "ada/songs", &told["password"]).await.assert_status(200);
    assert_eq!(push(&server, "ada/songs", &told["password"]).await.status, 403);
    // Whoever may only read gets what reads.
    let (told, _) = helped(&bob, &["get"], &input("ada/open"));
    refs(&server, "ada/open", &told["password"]).await.assert_status(200);
    assert_eq!(push(&server, "ada/open", &told["password"]).await.status, 403);

    // What is hidden is told as what is missing, to a person; Git gets nothing.
    for path in ["ada/songs", "ada/none"] {
        let (told, said) = helped(&bob, &["get"], &input(path));
        assert!(told.is_empty() && said.contains("not"), "{told:?} {said}");
    }
    let without = input("").replace("path=\n", "");
    let (told, said) = helped(&ada, &["get"], &without);
    assert!(told.is_empty() && said.contains("useHttpPath true"), "{said}");
    // Other places and other questions are for others, and nothing is said about them.
    let elsewhere = "protocol=https\nhost=elsewhere.example\npath=a/b\n\n";
    for (operation, input) in [
        ("get", elsewhere.to_owned()),
        ("store", input("ada/songs")),
        ("erase", input("ada/songs")),
        ("capability", String::new()),
    ] {
        let (told, said) = helped(&ada, &[operation], &input);
        assert!(told.is_empty() && said.is_empty(), "{operation}: {told:?} {said}");
    }
}

/// Git on somebody's machine, told of the helper as its help says.
fn git(program: &str, machine: &Machine, at: &Path, words: &[&str]) -> Output {
    let config = machine.config();
    let helper =
        format!("credential.helper=!{MOTET} --config-dir {} git-credential", config.display());
    Command::new(program)
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", &helper])
        .args(["-c", "credential.useHttpPath=true"])
        .args(words)
        .current_dir(at)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", at)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .output()
        .unwrap()
}

#[track_caller]
fn does(program: &str, machine: &Machine, at: &Path, words: &[&str]) {
    let done = git(program, machine, at, words);
    assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Whether Git gets anything with a token that is shown as it is.
fn listed(program: &str, server: &Server, repository: &str, token: &str) -> bool {
    let at = std::env::temp_dir();
    let address = format!("http://anyone:{token}@{}/{repository}.git", server.authority());
    let mut command = Command::new(program);
    command.args(["ls-remote", &address]).current_dir(at).env_clear();
    command
        .env("PATH", "/usr/bin:/bin")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("HOME", "/nonexistent");
    command.output().unwrap().status.success()
}

on_both! {
    async fn plain_git_clones_and_pushes_with_the_helper_alone(ground: Ground) {
        let server = ground.server().start().await;
        let (ada, bob) = (Machine::of(&server, "ada"), Machine::of(&server, "bob"));
        for (number, program) in clients().into_iter().enumerate() {
            let place = tempfile::tempdir().unwrap();
            let (work, copy) = (place.path().join("work"), place.path().join("copy"));
            fs::create_dir(&work).unwrap();
            let address = format!("http://{}/ada/songs-{number}.git", server.authority());
            does(program, &ada, &work, &["init", "-q", "-b", "main", "."]);
            does(program, &ada, &work, &["commit", "-q", "--allow-empty", "-m", "one"]);
            // The first push makes it, private.
            does(program, &ada, &work, &["push", "-q", &address, "main"]);
            does(program, &ada, place.path(), &["clone", "-q", &address, copy.to_str().unwrap()]);
            does(program, &ada, &copy, &["commit", "-q", "--allow-empty", "-m", "two"]);
            does(program, &ada, &copy, &["push", "-q", "origin", "main"]);
            does(program, &ada, &work, &["pull", "-q", &address, "main"]);
            assert!(!git(program, &bob, place.path(), &["ls-remote", &address]).status.success());
        }
    }
}

on_both! {
    async fn git_gets_nothing_with_a_token_that_has_ended_or_is_for_something_else(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let program = clients()[0];
        let second = second_key(&server, &anna, 5).await;
        let place = tempfile::tempdir().unwrap();
        for name in ["song", "other"] {
            let token = mint(&server, &anna, &format!("anna/{name}"), "write").await;
            let work = place.path().join(name);
            fs::create_dir(&work).unwrap();
            let machine = Machine::of(&server, &format!("{name}-nobody"));
            let address = format!("http://anna:{token}@{}/anna/{name}", server.authority());
            does(program, &machine, &work, &["init", "-q", "-b", "main", "."]);
            does(program, &machine, &work, &["commit", "-q", "--allow-empty", "-m", "one"]);
            does(program, &machine, &work, &["push", "-q", &address, "main"]);
            // What reads does not write.
            let reads = mint(&server, &anna, &format!("anna/{name}"), "read").await;
            let address = format!("http://anna:{reads}@{}/anna/{name}", server.authority());
            does(program, &machine, &work, &["commit", "-q", "--allow-empty", "-m", "two"]);
            does(program, &machine, &work, &["fetch", "-q", &address]);
            assert!(!git(program, &machine, &work, &["push", &address, "main"]).status.success());
        }
        let own = mint(&server, &anna, "anna/song", "read").await;
        let lost = mint(&server, &second, "anna/song", "read").await;
        for token in [&own, &lost] {
            assert!(listed(program, &server, "anna/song", token));
            assert!(!listed(program, &server, "anna/other", token));
        }
        let fingerprint = second.key().fingerprint().to_string();
        revoke(&server, &anna, "anna", &fingerprint, "retired").await.assert_status(200);
        assert!(!listed(program, &server, "anna/song", &lost));
        assert!(listed(program, &server, "anna/song", &own));
        let mut tx = ground.db(&server).await.write().await.unwrap();
        store::end_git_tokens(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        assert!(!listed(program, &server, "anna/song", &own));
    }
}
