//! Background work as those who run the install see it, and nobody else (`spec/trust.md` 8.3, `ops`): JSON, the command
//! line, the page, the counters.

use std::{
    io::{BufRead as _, BufReader},
    net::TcpListener,
    process::{Command, Output, Stdio},
};

use ::jobs::{Failure, Kind, NewJob, Queue};
use http::Method;
use names::{Clock, Random};
use serde_json::{Value, json};
use testkit::{Request, Server};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    MOTET,
    ground::{Ground, eventually, jobs},
    store,
};

/// The kind of a job that the server knows, with the payload that it wants and with another.
const EXPIRE: Kind<()> = Kind::new("hub.expire");
const BROKEN: Kind<String> = Kind::new("hub.expire");
const SECRET: &str = "not for every screen";

/// A server with three jobs: one that died although it could be done, one that nobody can do, and one that is not due
/// for a day. Gives their ids in this order.
async fn house() -> (Server, [String; 3]) {
    let mut server = Ground::Sqlite.server().start().await;
    server.stop().await;
    let db = Ground::Sqlite.db(&server).await;
    let (clock, random) = (Clock::default(), Random::default());
    let queue = Queue::new(db.clone(), clock.clone(), random);
    let day = std::time::Duration::from_hours(24);
    let died = NewJob::new(EXPIRE, &()).unwrap().unique("the one");
    let broken = NewJob::new(BROKEN, &SECRET.to_owned()).unwrap();
    let later = NewJob::new(EXPIRE, &()).unwrap().at(clock.now().plus(day));
    let mut tx = db.write().await.unwrap();
    queue.push(&mut tx, died).await.unwrap().ring();
    tx.commit().await.unwrap();
    let claimed = queue.claim(&[EXPIRE.name()], 1).await.unwrap().remove(0);
    queue.fail(&claimed, &Failure::give_up("the disk was full")).await.unwrap();
    let mut tx = db.write().await.unwrap();
    queue.push_all(&mut tx, vec![broken, later]).await.unwrap().ring();
    tx.commit().await.unwrap();
    db.close().await;

    server.restart().await;
    eventually("the second is dead", async || jobs(&server, "dead").await["counts"]["dead"] == 2)
        .await;
    let dead = jobs(&server, "dead").await;
    let ready = jobs(&server, "ready").await;
    let id = |list: &Value, at: usize| list["items"][at]["id"].as_str().unwrap().to_owned();
    let ids = [id(&dead, 1), id(&dead, 0), id(&ready, 0)];
    (server, ids)
}

fn job(server: &Server, method: Method, id: &str, verb: &str) -> Request {
    server.request(method, &format!("/api/v1/admin/jobs/{id}{verb}")).by(&server.operator())
}

#[tokio::test]
async fn a_dead_job_is_listed_shown_retried_and_deleted() {
    let (server, [died, broken, later]) = house().await;
    let dead = jobs(&server, "dead").await;
    assert!(!dead.to_string().contains(SECRET), "a list tells what jobs carry: {dead}");
    let listed = &dead["items"][1];
    assert_eq!(
        (&listed["kind"], &listed["state"], &listed["key"], &listed["last_error"]),
        (&json!("hub.expire"), &json!("dead"), &json!("the one"), &json!("the disk was full"))
    );
    assert_eq!((&listed["attempts"], &listed["max_attempts"]), (&json!(1), &json!(30)));
    let shown = job(&server, Method::GET, &broken, "").send().await.json();
    assert_eq!(shown["payload"], json!(SECRET));
    assert!(shown["last_error"].as_str().unwrap().contains("does not parse"), "{shown}");

    // What has not failed for good is not for people to meddle with.
    for (method, verb) in [(Method::POST, "/retry"), (Method::DELETE, "")] {
        job(&server, method, &later, verb).send().await.assert_refused(409, "conflict");
    }
    let retried = job(&server, Method::POST, &died, "/retry").send().await;
    retried.assert_status(200);
    assert_eq!(
        (&retried.json()["state"], &retried.json()["attempts"]),
        (&json!("ready"), &json!(0))
    );
    eventually("it is done", async || {
        job(&server, Method::GET, &died, "").send().await.status == 404
    })
    .await;
    job(&server, Method::DELETE, &broken, "").send().await.assert_status(204);
    for (method, id, verb) in [
        (Method::DELETE, broken.as_str(), ""),
        (Method::POST, &broken, "/retry"),
        (Method::GET, "no-id", ""),
        (Method::POST, "no-id", "/retry"),
    ] {
        job(&server, method, id, verb).send().await.assert_refused(404, "not_found");
    }
    let left = jobs(&server, "ready").await;
    assert_eq!(
        (&left["counts"]["dead"], &left["counts"]["ready"]),
        (&json!(0), &json!(1)),
        "{left}"
    );
}

#[tokio::test]
async fn a_retry_works_once_and_takes_no_body() {
    let (server, [died, ..]) = house().await;
    let retry = job(&server, Method::POST, &died, "/retry");
    let talkative = retry.clone().nonce("AAECAwQFBgcICQoLDA0ODw");
    let talkative = talkative.json(&json!({ "x": "y".repeat(2_000) })).send().await;
    talkative.assert_refused(413, "too_large");
    retry.send().await.assert_status(200);
    retry.send().await.assert_refused(401, "replayed");
}

#[tokio::test]
async fn jobs_are_listed_page_by_page() {
    let (server, [died, broken, _]) = house().await;
    let operator = server.operator();
    let first = server.get("/api/v1/admin/jobs?limit=1").by(&operator).send().await;
    first.assert_status(200);
    assert_eq!(first.json()["items"][0]["id"], json!(broken), "newest first");
    let link = first.header("link").to_owned();
    let next = link.strip_prefix('<').and_then(|it| it.strip_suffix(">; rel=\"next\"")).unwrap();
    let second = server.get(next).by(&operator).send().await;
    assert_eq!(second.json()["items"][0]["id"], json!(died));
    assert!(second.json()["next_cursor"].is_null() && second.header("link").is_empty());
    // A cursor goes on in its own list alone.
    let elsewhere = next.replace("state=dead", "state=ready");
    for target in [
        elsewhere.as_str(),
        "/api/v1/admin/jobs?state=tired",
        "/api/v1/admin/jobs?stat=dead",
        "/api/v1/admin/schedules?cursor=x",
    ] {
        server.get(target).by(&operator).send().await.assert_refused(400, "malformed");
    }
}

/// Every way to see, and every way to change.
fn office(server: &Server, id: &str) -> (Vec<Request>, Vec<Request>) {
    let reads = [
        "/admin/jobs",
        "/api/v1/admin/jobs",
        "/api/v1/admin/schedules",
        "/api/v1/admin/jobs?state=x",
    ];
    let mut reads: Vec<_> = reads.iter().map(|target| server.get(target)).collect();
    reads.push(server.get(&format!("/api/v1/admin/jobs/{id}")));
    let mut writes = vec![server.request(Method::DELETE, &format!("/api/v1/admin/jobs/{id}"))];
    writes.push(server.post(&format!("/api/v1/admin/jobs/{id}/retry")));
    for verb in ["enable", "disable", "run"] {
        writes.push(server.post(&format!("/api/v1/admin/schedules/hub.expire/{verb}")));
    }
    (reads, writes)
}

#[tokio::test]
async fn to_everybody_else_there_is_no_background_work() {
    let (server, [died, ..]) = house().await;
    let boris = server.register("boris").await;
    let absent = "01970000-0000-7000-8000-000000000000";
    let ((reads, writes), (no_reads, no_writes)) =
        (office(&server, &died), office(&server, absent));
    for (read, no_read) in reads.into_iter().zip(no_reads) {
        for by in [None, Some(&boris)] {
            let answer = read.clone().by_some(by).send().await;
            answer.assert_status(404);
            let none = no_read.clone().by_some(by).send().await;
            assert_eq!(answer.faceless(), none.faceless(), "{read:?}");
        }
    }
    for (write, no_write) in writes.into_iter().zip(no_writes) {
        write.send().await.assert_refused(401, "unauthenticated");
        let answer = write.clone().by(&boris).send().await;
        answer.assert_refused(404, "not_found");
        assert_eq!(answer.faceless(), no_write.by(&boris).send().await.faceless());
    }
    // Told as an address at which there is nothing.
    let api = server.get("/api/v1/admin/jobs").by(&boris).send().await.faceless();
    let nothing = server.get("/api/v1/admin/nothing").by(&boris).send().await;
    assert_eq!(api.lines().next(), nothing.faceless().lines().next());
    assert_eq!(jobs(&server, "dead").await["counts"]["dead"], 2, "nothing was changed");
}

#[tokio::test]
async fn a_person_can_be_made_install_admin() {
    let mut server = Ground::Sqlite.server().start().await;
    let anna = server.register("anna").await;
    server.stop().await;
    let db = Ground::Sqlite.db(&server).await;
    let mut tx = db.write().await.unwrap();
    assert_eq!(store::make_admin(&mut tx, "anna").await.unwrap(), 1);
    tx.commit().await.unwrap();
    db.close().await;
    server.restart().await;
    server.get("/admin/jobs").by(&anna).send().await.assert_status(200);
    let run = server.post("/api/v1/admin/schedules/hub.expire/run").by(&anna).send().await;
    run.assert_status(200);
    // And nothing else comes with it: somebody else's private repository is not there.
    let boris = server.register("boris").await;
    server.create(&boris, "veiled", "private").await;
    server.get("/api/v1/repos/boris/veiled").by(&anna).send().await.assert_status(404);
    server.get("/api/v1/repos/boris/veiled").by(&server.operator()).send().await.assert_status(404);
}

#[tokio::test]
async fn the_operator_speaks_from_this_machine_and_through_nobody() {
    let server = Server::start(MOTET).await;
    let operator = server.operator();
    server.get("/api/v1/me").by(&operator).send().await.assert_status(200);
    for (name, value) in
        [("x-forwarded-for", "127.0.0.1"), ("forwarded", "for=127.0.0.1"), ("via", "1.1 x")]
    {
        let passed_on = server.get("/api/v1/me").header(name, value).by(&operator).send().await;
        passed_on.assert_refused(401, "unauthenticated");
    }
}

#[tokio::test]
async fn the_page_shows_what_failed_and_what_comes_next() {
    let (server, _) = house().await;
    let operator = server.operator();
    let page = server.get("/admin/jobs").header("accept", "text/html").by(&operator).send().await;
    page.assert_status(200);
    assert_eq!(page.header("cache-control"), "private, no-cache");
    let text = page.text();
    assert!(!text.contains(SECRET), "the page tells what jobs carry");
    let (_, main) = text.split_once("<nav class=\"tabs\"").unwrap();
    let (main, _) = main.split_once("</main>").unwrap();
    insta::with_settings!({ filters => vec![
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID"),
        (r#"<time datetime="[^"]*" title="[^"]*">[^<]*</time>"#, "TIME"),
    ] }, {
        insta::assert_snapshot!(main);
    });
    for (state, words) in [("ready", "Waiting jobs"), ("running", "No job runs at the moment.")] {
        let page = server.get(&format!("/admin/jobs?state={state}")).by(&operator).send().await;
        assert!(page.text().contains(words), "{}", page.text());
    }
    let refused = server.get("/admin/jobs?state=tired").by(&operator).send().await;
    refused.assert_status(400);
    assert_eq!(refused.header("content-type"), "text/html; charset=utf-8");
}

/// Runs `motet admin` as somebody on the server's machine would.
fn admin(server: &Server, words: &[&str]) -> Output {
    let dir = server.data_dir();
    let mut command = Command::new(MOTET);
    command.arg("--config-dir").arg(dir.with_file_name("config")).arg("admin").args(words);
    command.arg("--data-dir").arg(dir).env_clear().output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test]
async fn the_operators_commands_find_server_and_key_in_the_data_directory() {
    let (server, [died, broken, later]) = house().await;
    let listed = admin(&server, &["jobs", "list"]);
    let filters = vec![
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID"),
        (r"20\d\d-\d\d-\d\dT[0-9:.]+Z", "TIME"),
    ];
    insta::with_settings!({ filters => filters }, {
        insta::assert_snapshot!(text(&listed), @"
        2 dead, 1 waiting (0 due), 0 running
        ID                                    KIND        TRIES  DUE                       LAST ERROR
        ID  hub.expire  1/30   TIME  the payload does not parse as this kind's, at line 1, column 22
        ID  hub.expire  1/30   TIME  the disk was full
        ");
        insta::assert_snapshot!(text(&admin(&server, &["jobs", "show", &broken])), @r#"
        id          ID
        kind        hub.expire
        state       dead
        priority    normal
        tries       1 of 30
        due         TIME
        pushed      TIME
        last error  the payload does not parse as this kind's, at line 1, column 22
        payload     "not for every screen"
        "#);
        insta::assert_snapshot!(text(&admin(&server, &["schedules", "list"])), @"
        NAME                PATTERN       ZONE  NEXT
        hooks.forget        53 4 * * *    UTC   TIME
        hub.collect_due     13 2 * * *    UTC   TIME
        hub.expire          7 * * * *     UTC   TIME
        hub.forks           33 1 * * *    UTC   TIME
        hub.index_due       47 * * * *    UTC   TIME
        hub.purge           53 1 * * *    UTC   TIME
        hub.records         43 4 * * sun  UTC   TIME
        objects.orphans     13 4 * * sun  UTC   TIME
        objects.sample      17 * * * *    UTC   TIME
        objects.scrub       37 * * * *    UTC   TIME
        objects.tidy        43 2 * * *    UTC   TIME
        trust.audit_erase   23 3 * * *    UTC   TIME
        trust.audit_heads   57 * * * *    UTC   TIME
        trust.clients       33 * * * *    UTC   TIME
        trust.expire        27 * * * *    UTC   TIME
        trust.first_invite  3 * * * *     UTC   TIME
        ");
    });
    let retried = admin(&server, &["--json", "jobs", "retry", &died]);
    let retried: Value = serde_json::from_str(&text(&retried)).unwrap();
    assert_eq!(retried["ok"], true, "{retried}");
    assert_eq!(retried["result"]["id"], died.as_str(), "{retried}");
    settled_but(&server, 1).await;
    assert!(text(&admin(&server, &["jobs", "delete", &broken])).contains("is forgotten"));
    for (words, code, says) in [
        (["jobs", "retry", &later].as_slice(), 5, "waiting or running"),
        (&["jobs", "show", &broken], 4, "there is nothing"),
        (&["jobs", "show", "no-id"], 2, "invalid value"),
        (&["schedules", "run", "no.such"], 4, "there is nothing"),
        (&["schedules", "run", "no/such"], 2, "invalid value"),
    ] {
        let ended = admin(&server, words);
        let error = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(code), "{words:?}: {error}");
        assert!(error.contains(says), "{words:?}: {error}");
    }
    for (verb, says) in [("disable", "is off"), ("enable", "is on"), ("run", "is due now")] {
        let said = text(&admin(&server, &["schedules", verb, "hub.expire"]));
        assert!(said.contains(says), "{verb}: {said}");
    }
}

/// Waits until nothing but `waiting` jobs, which are not due, is left to do.
async fn settled_but(server: &Server, waiting: u64) {
    eventually("what was due is done", async || {
        let counts = &jobs(server, "ready").await["counts"];
        counts["ready"] == waiting && counts["running"] == 0
    })
    .await;
}

#[tokio::test]
async fn commands_of_the_operator_say_what_is_wanting() {
    let server = Server::start(MOTET).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let run = |words: &[&str]| {
        let config = elsewhere.path().join("config");
        let mut command = Command::new(MOTET);
        command.arg("-C").arg(elsewhere.path()).arg("--config-dir").arg(config).args(words);
        let output = command.env_clear().output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, error) = run(&["admin", "jobs", "list"]);
    assert_eq!(code, Some(7), "{error}");
    assert!(error.contains("--data-dir"), "{error}");
    // A registered stranger is told that there is nothing.
    let address = server.base_url();
    assert_eq!(run(&["keygen"]).0, Some(0));
    assert_eq!(run(&["register", &address, "boris"]).0, Some(0));
    let (code, error) = run(&["admin", "jobs", "list", "--host", &address]);
    assert_eq!(code, Some(4), "{error}");
    assert!(error.contains("install admins"), "{error}");
}

/// A server that answers to a public name is reached at the address where it listens, and called by its name.
#[tokio::test]
async fn the_operator_reaches_a_server_that_has_another_name() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut serve = Command::new(MOTET);
    serve.args(["serve", "--listen", "0.0.0.0:0", "--public-url", "https://forge.example"]);
    serve.arg("--data-dir").arg(&data).env_clear().stdout(Stdio::piped()).stderr(Stdio::null());
    let mut served = serve.spawn().unwrap();
    let mut ready = String::new();
    BufReader::new(served.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    let listed = Command::new(MOTET)
        .args(["--json", "admin", "schedules", "list", "--data-dir"])
        .arg(&data)
        .arg("--config-dir")
        .arg(dir.path().join("config"))
        .env_clear()
        .output()
        .unwrap();
    served.kill().unwrap();
    served.wait().unwrap();
    assert!(ready.contains("https://forge.example"), "{ready}");
    let listed: Value = serde_json::from_str(&text(&listed)).unwrap();
    let mut schedules = listed["result"]["items"].as_array().unwrap().iter();
    assert!(schedules.any(|it| it["name"] == "hub.expire"), "{listed}");
}

/// Everything that is counted.
async fn counters(address: std::net::SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn jobs_are_counted_and_counting_is_not() {
    let (mut server, _) = house().await;
    server.stop().await;
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = server.beside().arg("--metrics-listen").arg(address.to_string()).start().await;
    settled_but(&server, 1).await;
    let lines = counters(address).await;
    for line in
        ["motet_jobs_ready 1", "motet_jobs_due 0", "motet_jobs_running 0", "motet_jobs_dead 2"]
    {
        assert!(lines.contains(&format!("\n{line}\n")), "{line}: {lines}");
    }
    let begun = async || {
        let lines = counters(address).await;
        let line = lines.lines().find_map(|it| it.strip_prefix("motet_db_transactions_total "));
        line.unwrap().to_owned()
    };
    // The dispatcher looks at the queue a last time, and then nothing is begun.
    eventually("it is idle", async || begun().await == begun().await).await;
}
