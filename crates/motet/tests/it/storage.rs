//! The object store keeps itself sound and small, and lets go of what nobody needs (`spec/hub.md` 2; 13, H35-H42).

use std::process::{Command, Output};

use api::wire::PushRequest;
use http::Method;
use names::{ObjectId, Random};
use serde_json::{Value, json};
use testkit::{Person, Server, Story};

use crate::{
    MOTET,
    ground::{Ground, eventually, jobs, on_both, order},
};

const SONG: &str = "anna/song";
const SECRET: &[u8] = b"a key that should never have been pushed";

async fn storage(server: &Server) -> Value {
    let answer = server.get("/api/v1/admin/storage").by(&server.operator()).send().await;
    answer.assert_status(200);
    answer.json()
}

async fn faults(server: &Server, state: &str) -> Vec<Value> {
    let target = format!("/api/v1/admin/storage/faults?state={state}");
    let answer = server.get(&target).by(&server.operator()).send().await;
    answer.assert_status(200);
    answer.json()["items"].as_array().unwrap().clone()
}

/// Has the store looked through, and waits until it has been.
async fn scan(server: &Server, kind: &str) {
    let asked = server.post("/api/v1/admin/storage/scan").by(&server.operator());
    let started = asked.json(&json!({ "kind": kind })).send().await;
    started.assert_status(202);
    let job = started.json()["job"].clone();
    eventually(kind, async || {
        let mut waiting = jobs(server, "ready").await["items"].as_array().unwrap().clone();
        waiting.extend(jobs(server, "running").await["items"].as_array().unwrap().clone());
        waiting.iter().all(|it| it["kind"] != job)
    })
    .await;
}

async fn collect(server: &Server, by: &Person, body: Value) -> testkit::Answer {
    server.post(&format!("/api/v1/repos/{SONG}/collect")).by(by).json(&body).send().await
}

/// A branch that was forced away from a commit with a secret; gives the story of what is left.
async fn with_leak(server: &Server, anna: &Person) -> Story {
    let mut kept = Story::of_one("a song");
    let root = kept.tip();
    server.push_story(anna, SONG, &kept, "main").await;
    let mut leaked = kept.clone();
    leaked.commit(&[root], "oops", &[("README.md", b"a song"), ("key", SECRET)]);
    server.push_story(anna, SONG, &leaked, "main").await;
    kept.commit(&[root], "better", &[("README.md", b"a better song")]);
    server.push_objects(anna, SONG, kept.inline()).await.assert_status(200);
    server
        .push(anna, SONG, PushRequest { force: true, ..kept.push_to("main") })
        .await
        .assert_status(200);
    kept
}

on_both! {
    async fn a_leaked_secret_is_unreadable_at_once_and_its_bytes_are_due(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let kept = with_leak(&server, &anna).await;
        let secret = ObjectId::of(SECRET);
        assert!(server.missing(&anna, SONG, &[secret]).await.is_empty());

        // What would go, and what goes with the usual grace: nothing that was there a moment ago.
        let dry = collect(&server, &anna, json!({ "grace": 0, "dry_run": true })).await;
        dry.assert_status(200);
        let would_go = dry.json();
        assert_eq!((&would_go["commits"], &would_go["snapshots"], &would_go["objects"]), (&json!(1), &json!(1), &json!(1)));
        let usual = collect(&server, &anna, json!({ "dry_run": true })).await.json();
        assert_eq!((&usual["commits"], &usual["objects"]), (&json!(0), &json!(0)));
        assert!(server.missing(&anna, SONG, &[secret]).await.is_empty());

        collect(&server, &boris, json!({ "grace": 0 })).await.assert_refused(404, "not_found");
        let nobody = server.post(&format!("/api/v1/repos/{SONG}/collect")).json(&json!({})).send().await;
        assert_eq!(nobody.status, 401);
        collect(&server, &anna, json!({ "grace": 1 })).await.assert_refused(422, "invalid");
        collect(&server, &anna, json!({ "grace": 0 })).await.assert_status(202);
        eventually("it is collected", async || {
            server.missing(&anna, SONG, &[secret]).await == [secret]
                && storage(&server).await["waste"].as_u64().unwrap() > 0
        })
        .await;
        let noted = server.get("/api/v1/admin/audit?action=repo_collected").by(&server.operator());
        let noted = noted.send().await.json();
        assert_eq!(noted["items"].as_array().unwrap().len(), 1, "{noted}");
        assert_eq!(noted["items"][0]["detail"]["objects"], json!(1));
        let usage = server.get(&format!("/api/v1/repos/{SONG}/usage")).by(&anna).send().await.json();
        assert_eq!((&usage["objects"]["used"], &usage["bytes"]["used"]), (&json!(2), &json!(19)));
        assert_eq!(usage["owner_bytes"]["used"], 19);
        // The removal of the bytes is a row.
        let ready = jobs(&server, "ready").await;
        assert!(ready["items"].as_array().unwrap().iter().any(|it| it["kind"] == "objects.clear"), "{ready}");

        // What is kept is whole; the secret can be pushed again like anything new.
        let fetched = server.fetch(&anna, SONG, &[kept.tip()], &[]).await;
        assert_eq!((fetched.commits.len(), fetched.objects.len()), (2, 2));
        scan(&server, "records").await;
        assert_eq!(faults(&server, "open").await, Vec::<Value>::new());
        let mut again = kept.clone();
        again.commit(&[kept.tip()], "again", &[("key", SECRET)]);
        server.push_story(&anna, SONG, &again, "main").await;
        assert_eq!(server.fetch(&anna, SONG, &[again.tip()], &[kept.tip()]).await.objects.len(), 1);
    }
}

on_both! {
    async fn equal_bytes_of_two_private_repositories_are_stored_once_after_a_while(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let (small, large) = (b"both wrote this".to_vec(), Random::seeded(1).bytes::<100_000>().to_vec());
        let mut story = Story::default();
        story.commit(&[], "same", &[("small", &small), ("large", &large)]);
        let ids: Vec<_> = story.objects.keys().copied().collect();
        for (person, repository) in [(&anna, "anna/song"), (&boris, "boris/song")] {
            assert_eq!(server.missing(person, repository, &ids).await.len(), 2);
            server.push_story(person, repository, &story, "main").await;
        }
        let before = storage(&server).await;
        assert_eq!((&before["segments"], &before["files"], &before["links"]), (&json!(2), &json!(2), &json!(4)));
        scan(&server, "tidy").await;
        let after = storage(&server).await;
        assert_eq!((&after["segments"], &after["files"], &after["links"]), (&json!(1), &json!(1), &json!(4)));
        assert_eq!(after["saved_by_joining_bytes"], json!(small.len() + large.len()));
        for (person, repository) in [(&anna, "anna/song"), (&boris, "boris/song")] {
            let fetched = server.fetch(person, repository, &[story.tip()], &[]).await;
            assert_eq!(fetched.objects.len(), 2);
        }
    }
}

on_both! {
    /// Pushes, forced pushes, collections and tidying, one after the other, in any order.
    async fn counters_equal_a_recount_after_many_operations(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, random) = (server.register("anna").await, Random::seeded(7));
        let mut story = Story::of_one("root");
        server.push_story(&anna, SONG, &story, "main").await;
        for round in 0..60u32 {
            match random.bytes::<1>()[0] % 8 {
                0 => collect(&server, &anna, json!({ "grace": 0 })).await.assert_status(202),
                1 => scan(&server, "tidy").await,
                2 => {
                    // Back to the root, and another way from there.
                    let root = story.commits[0].clone();
                    story = Story { commits: vec![root], ..story };
                    story.commit(&[story.tip()], "other", &[("other", &round.to_be_bytes())]);
                    let bundle = PushRequest { objects: story.inline(), force: true, ..story.push_to("main") };
                    server.push(&anna, SONG, bundle).await.assert_status(200);
                }
                kind => {
                    let text = format!("verse {}", round % 20);
                    let bytes = text.repeat(usize::from(kind) * 300);
                    story.commit(&[story.tip()], &text, &[("a", text.as_bytes()), ("b", bytes.as_bytes())]);
                    let bundle = PushRequest { objects: story.inline(), ..story.push_to("main") };
                    server.push(&anna, SONG, bundle).await.assert_status(200);
                }
            }
        }
        scan(&server, "records").await;
        scan(&server, "orphans").await;
        scan(&server, "sample").await;
        assert_eq!(faults(&server, "open").await, Vec::<Value>::new());
        assert_eq!(faults(&server, "resolved").await, Vec::<Value>::new());
        let usage = server.get(&format!("/api/v1/repos/{SONG}/usage")).by(&anna).send().await.json();
        assert_eq!(usage["bytes"]["used"], usage["owner_bytes"]["used"]);
        let fetched = server.fetch(&anna, SONG, &[story.tip()], &[]).await;
        assert_eq!(fetched.commits.len(), story.commits.len());
        let scans = storage(&server).await["scans"].as_array().unwrap().clone();
        assert_eq!(scans.len(), 3);
        assert!(scans.iter().all(|it| it["ended_at"].is_string() && it["faults"] == 0), "{scans:?}");
    }
}

#[tokio::test]
async fn a_flipped_byte_on_disk_is_refused_told_and_healed_by_a_push() {
    let server = Ground::Sqlite.server().start().await;
    let anna = server.register("anna").await;
    server.create(&anna, "song", "public").await;
    let story = Story::of_one("a song that will be damaged");
    server.push_story(&anna, SONG, &story, "main").await;
    let segments = server.data_dir().join("objects/segments");
    let file = std::fs::read_dir(&segments).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&file).unwrap();
    let at = bytes.windows(6).position(|it| it == b"a song").unwrap();
    bytes[at] ^= 1;
    std::fs::write(&file, bytes).unwrap();

    server.get("/anna/song/raw/main/README.md").send().await.assert_status(500);
    eventually("the fault is a row", async || faults(&server, "open").await.len() == 1).await;
    let fault = faults(&server, "open").await.remove(0);
    let id = ObjectId::of(b"a song that will be damaged");
    assert_eq!((&fault["kind"], &fault["object_id"]), (&json!("corrupt"), &json!(id)));
    let page = server.get("/admin/storage").header("accept", "text/html").by(&server.operator());
    let page = page.send().await;
    page.assert_status(200);
    assert!(page.text().contains(&id.to_string()) && page.text().contains("corrupt"));

    // Whoever has it is asked for it again.
    assert_eq!(server.missing(&anna, SONG, &[id]).await, [id]);
    server.push_story(&anna, SONG, &story, "main").await;
    let healed = order(&server, "/api/v1/admin/storage/heal").await;
    assert_eq!((&healed.json()["healed"], &healed.json()["open_faults"]), (&json!(1), &json!(0)));
    server.get("/anna/song/raw/main/README.md").send().await.assert_status(200);
    assert_eq!(faults(&server, "resolved").await[0]["how"], "another copy is right");
}

#[tokio::test]
async fn to_everybody_else_there_is_no_storage() {
    let server = Server::with(MOTET).start().await;
    let anna = server.register("anna").await;
    let reading = [
        "/admin/storage",
        "/api/v1/admin/storage",
        "/api/v1/admin/storage/faults",
        "/api/v1/admin/quotas/anna",
    ];
    for target in reading {
        for request in [server.get(target), server.get(target).by(&anna)] {
            assert_eq!(request.send().await.status, 404, "{target}");
        }
    }
    let writing = [
        (Method::POST, "/api/v1/admin/storage/scan", json!({ "kind": "sample" })),
        (Method::POST, "/api/v1/admin/storage/heal", json!({})),
        (Method::PUT, "/api/v1/admin/quotas/anna", json!({ "bytes": 1 })),
    ];
    for (method, target, body) in writing {
        let request = server.request(method, target).json(&body);
        assert_eq!(request.clone().send().await.status, 401, "{target}");
        assert_eq!(request.by(&anna).send().await.status, 404, "{target}");
    }
}

fn admin(server: &Server, words: &[&str]) -> Output {
    let dir = server.data_dir();
    let mut command = Command::new(MOTET);
    command.arg("--config-dir").arg(dir.with_file_name("config")).arg("admin").args(words);
    command.arg("--data-dir").arg(dir).env_clear().output().unwrap()
}

fn told(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    // News goes to standard error, answers to standard output.
    format!("{}{error}", String::from_utf8_lossy(&output.stdout))
}

#[tokio::test]
async fn the_operators_commands_count_look_and_set_quotas() {
    let server = Server::with(MOTET).start().await;
    let anna = server.register("anna").await;
    server.push_story(&anna, SONG, &Story::of_one("a song"), "main").await;
    scan(&server, "sample").await;
    let counted = told(&admin(&server, &["storage", "stat"]));
    assert!(counted.contains("in segments") && counted.contains("0 open faults"), "{counted}");
    let counted: Value =
        serde_json::from_slice(&admin(&server, &["--json", "storage", "stat"]).stdout).unwrap();
    assert_eq!(counted["result"]["states"][0], json!({ "name": "live", "objects": 1, "bytes": 6 }));
    assert!(told(&admin(&server, &["storage", "faults"])).contains("no open faults"));
    for (words, says) in [
        (["storage", "scan", "orphans"].as_slice(), "objects.orphans"),
        (&["storage", "scrub"], "objects.scrub"),
        (&["storage", "heal"], "0 healed, 0 still open"),
    ] {
        let said = told(&admin(&server, words));
        assert!(said.contains(says), "{words:?}: {said}");
    }
    assert_eq!(admin(&server, &["storage", "scan", "everything"]).status.code(), Some(5));

    let set = told(&admin(&server, &["quota", "set", SONG, "--bytes", "6", "--objects", "9"]));
    assert!(set.contains('9'), "{set}");
    let mut story = Story::of_one("a song");
    story.commit(&[story.tip()], "more", &[("more", b"x")]);
    let bundle = PushRequest { objects: story.inline(), ..story.push_to("main") };
    server.push(&anna, SONG, bundle.clone()).await.assert_refused(413, "quota_exceeded");
    told(&admin(&server, &["quota", "set", SONG, "--bytes", "usual"]));
    server.push(&anna, SONG, bundle).await.assert_status(200);
    let shown: Value =
        serde_json::from_slice(&admin(&server, &["--json", "quota", "show", "anna"]).stdout)
            .unwrap();
    assert_eq!(shown["result"]["owner_bytes"]["used"], 7);
    assert_eq!(admin(&server, &["quota", "show", "nobody"]).status.code(), Some(4));
    assert_eq!(admin(&server, &["quota", "set", "anna", "--objects", "1"]).status.code(), Some(5));
}
