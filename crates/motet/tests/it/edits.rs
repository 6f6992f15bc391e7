//! Commits that the server makes: files changed in one request, signed by the server in the name of whoever asked
//! (`spec/hub.md` 9, edits; `spec/wire.md` 7; H24, H65).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Person, Server, Story};

use crate::{
    ground::{Ground, on_both},
    matrix::agent,
    organizations::{post, put},
};

const SONG: &str = "/api/v1/repos/anna/song";
const EDITS: &str = "/api/v1/repos/anna/song/edits";

fn b64(text: &str) -> String {
    STANDARD.encode(text)
}

fn edit(expected: &str, files: &Value) -> Value {
    let expected = if expected.is_empty() { Value::Null } else { json!(expected) };
    json!({ "branch": "main", "expected": expected, "message": "Tune", "files": files })
}

fn made(answer: &Answer) -> String {
    answer.assert_status(201);
    answer.json()["commit_id"].as_str().unwrap().to_owned()
}

async fn house(ground: &Ground) -> (Server, Person, Story) {
    let server = ground.server().start().await;
    let anna = server.register("anna").await;
    let mut story = Story::default();
    story.commit(&[], "verses", &[("a.txt", b"one"), ("b/c.txt", b"two"), ("b/d.txt", b"three")]);
    server.push_story(&anna, "anna/song", &story, "main").await;
    (server, anna, story)
}

async fn raw(server: &Server, by: &Person, path: &str) -> (u16, String) {
    let answer = server.get(&format!("/anna/song/raw/main/{path}")).by(by).send().await;
    (answer.status, answer.text())
}

on_both! {
    async fn files_are_changed_in_one_commit_that_the_server_signs(ground: Ground) {
        let (server, anna, story) = house(&ground).await;
        let tip = story.tip().to_string();
        let files = json!([
            { "path": "a.txt", "content_b64": b64("uno") },
            { "path": "b/c.txt", "content_b64": null },
            { "path": "e/f.txt", "content_b64": null, "from": "b/d.txt" },
            { "path": "empty", "content_b64": "" },
        ]);
        let answer = post(&server, EDITS, &anna, edit(&tip, &files)).await;
        answer.assert_status(201);
        let told = answer.json();
        let id = told["commit_id"].as_str().unwrap().to_owned();
        assert_eq!(answer.header("location"), format!("/api/v1/repos/anna/song/commits/{id}"));
        assert_eq!((&told["author"], &told["branch"]), (&json!("anna"), &json!("main")));
        assert_eq!(told["parent_commit_id"], tip);
        assert_eq!(server.head(&anna, "anna/song", "main").await.unwrap().to_string(), id);
        assert_eq!(raw(&server, &anna, "a.txt").await, (200, "uno".to_owned()));
        assert_eq!(raw(&server, &anna, "b/c.txt").await.0, 404);
        assert_eq!(raw(&server, &anna, "b/d.txt").await.0, 404);
        assert_eq!(raw(&server, &anna, "e/f.txt").await, (200, "three".to_owned()));
        assert_eq!(raw(&server, &anna, "empty").await, (200, String::new()));
        let page = server.get(&format!("/anna/song/commit/{id}")).by(&anna).send().await.text();
        assert!(page.contains("This server made the commit for its author, and signed it."), "{page}");

        // The wire gives it out like any other; elsewhere on this server it is as good.
        let fetched = server.fetch(&anna, "anna/song", &[id.parse().unwrap()], &[]).await;
        let record = fetched.commits.iter().find(|it| it.commit_id.to_string() == id).unwrap();
        assert_eq!(record.signer_key_id, told["signer_key_id"].as_str().unwrap());
        assert!(record.signature.starts_with("ed25519v1:"), "{}", record.signature);
        let keys = server.get("/api/v1/server-keys").send().await.text();
        assert!(keys.contains(&record.signer_key_id), "{keys}");

        // Where it goes on is said, and told where that is not so any more.
        let stale = edit(&tip, &json!([{ "path": "a.txt", "content_b64": b64("x") }]));
        let refused = post(&server, EDITS, &anna, stale).await;
        refused.assert_refused(409, "not_fast_forward");
        assert!(refused.text().contains(&id), "{}", refused.text());
        let unsaid = edit("", &json!([{ "path": "a.txt", "content_b64": b64("x") }]));
        post(&server, EDITS, &anna, unsaid).await.assert_refused(409, "not_fast_forward");
        // What changes nothing is no commit.
        let same = edit(&id, &json!([{ "path": "a.txt", "content_b64": b64("uno") }]));
        post(&server, EDITS, &anna, same).await.assert_refused(422, "invalid");
        // Back to what was there before is one.
        let back = edit(&id, &json!([
            { "path": "a.txt", "content_b64": b64("one") },
            { "path": "b/c.txt", "content_b64": b64("two") },
            { "path": "b/d.txt", "content_b64": null, "from": "e/f.txt" },
            { "path": "empty", "content_b64": null },
        ]));
        let back = post(&server, EDITS, &anna, back).await;
        back.assert_status(201);
        let first = story.commits[0].snapshot_id.to_string();
        assert_eq!(back.json()["snapshot_id"], first);
    }
}

on_both! {
    async fn every_fault_of_an_edit_is_told_and_nothing_is_made(ground: Ground) {
        let (server, anna, story) = house(&ground).await;
        let tip = story.tip().to_string();
        let bad = json!({ "branch": "..", "expected": "abc", "message": " ", "files": [
            { "path": "../x", "content_b64": b64("x") },
            { "path": "/x", "content_b64": b64("x") },
            { "path": "a/.GIT/config", "content_b64": b64("x") },
            { "path": ".muse/HEAD", "content_b64": b64("x") },
            { "path": "git~1", "content_b64": b64("x") },
            { "path": "a/./b", "content_b64": b64("x") },
            { "path": "x\u{0}y", "content_b64": b64("x") },
            { "path": "good", "content_b64": "%" },
            { "path": "good", "content_b64": null, "from": "../../x" },
        ]});
        let refused = post(&server, EDITS, &anna, bad).await;
        refused.assert_refused(422, "invalid");
        assert_eq!(refused.json()["errors"].as_array().unwrap().len(), 12, "{}", refused.text());
        let x = b64("x");
        for (files, told) in [
            (json!([]), "1 to 100"),
            (json!([{ "path": "none", "content_b64": null }]), "none"),
            (json!([{ "path": "y", "content_b64": null, "from": "none" }]), "none"),
            (json!([{ "path": "y", "content_b64": x }, { "path": "y", "content_b64": x }]), "twice"),
            (json!([{ "path": "a.txt/x", "content_b64": x }]), "a.txt"),
            (json!([{ "path": "y" }]), "content_b64"),
            (json!(vec![json!({ "path": "y", "content_b64": x }); 101]), "1 to 100"),
        ] {
            let refused = post(&server, EDITS, &anna, edit(&tip, &files)).await;
            refused.assert_status(422);
            assert!(refused.text().contains(told), "{told}: {}", refused.text());
        }
        let large = json!([{ "path": "large", "content_b64": b64(&"x".repeat((10 << 20) + 1)) }]);
        post(&server, EDITS, &anna, edit(&tip, &large)).await.assert_refused(413, "too_large");
        let elsewhere = json!({ "branch": "new", "message": "m", "files": [{ "path": "y", "content_b64": x }] });
        post(&server, EDITS, &anna, elsewhere).await.assert_refused(422, "invalid");
        assert_eq!(server.head(&anna, "anna/song", "main").await, Some(story.tip()));
        assert_eq!(server.get(SONG).by(&anna).send().await.json()["commit_count"], 1);
    }
}

on_both! {
    async fn an_edit_needs_what_a_push_needs(ground: Ground) {
        let (server, anna, story) = house(&ground).await;
        let bert = server.register("bert").await;
        let tip = story.tip().to_string();
        let change = |text: &str, expected: &str| edit(expected, &json!([{ "path": "a.txt", "content_b64": b64(text) }]));
        post(&server, EDITS, &bert, change("x", &tip)).await.assert_refused(404, "not_found");
        let level = |level: &str| json!({ "level": level });
        let member = format!("{SONG}/collaborators/bert");
        put(&server, &member, &anna, level("read")).await.assert_status(200);
        post(&server, EDITS, &bert, change("x", &tip)).await.assert_refused(403, "forbidden");
        put(&server, &member, &anna, level("write")).await.assert_status(200);
        let id = made(&post(&server, EDITS, &bert, change("by bert", &tip)).await);
        let record = server.fetch(&anna, "anna/song", &[id.parse().unwrap()], &[]).await.commits;
        assert_eq!(record.iter().find(|it| it.commit_id.to_string() == id).unwrap().author, "bert");
        // An agent changes files below its own name, and the server knows that it was it.
        let loom = agent(&server, &anna).await;
        post(&server, EDITS, &loom, change("x", &id)).await.assert_refused(403, "forbidden");
        server.push_story(&anna, "anna/song", &story, "agent/loom/try").await;
        let own = json!({ "branch": "agent/loom/try", "expected": tip, "message": "By loom",
            "files": [{ "path": "a.txt", "content_b64": b64("by loom") }] });
        let by_loom = made(&post(&server, EDITS, &loom, own).await);
        let page = server.get(&format!("/anna/song/commit/{by_loom}")).by(&anna).send().await.text();
        assert!(page.contains("loom"), "{page}");
        assert!(!page.contains("claimed, not signed by this agent"), "{page}");
        // Archived, it takes nothing.
        post(&server, &format!("{SONG}/archive"), &anna, json!({})).await.assert_status(200);
        post(&server, EDITS, &anna, change("x", &id)).await.assert_refused(409, "archived");
    }
}

on_both! {
    async fn where_only_what_is_signed_is_taken_the_servers_own_passes(ground: Ground) {
        let (server, anna, story) = house(&ground).await;
        let tip = story.tip().to_string();
        let strict = json!({ "require_signed_commits": "members", "require_signed_refs": true });
        let changed = server.request(Method::PATCH, SONG).json(&strict).by(&anna).send().await;
        changed.assert_status(200);
        let change = edit(&tip, &json!([{ "path": "a.txt", "content_b64": b64("signed") }]));
        let id = made(&post(&server, EDITS, &anna, change).await);
        assert_eq!(server.head(&anna, "anna/song", "main").await.unwrap().to_string(), id);
        let log = server.get(&format!("{SONG}/log")).by(&anna).send().await.json();
        let newest = &log["items"][0];
        assert_eq!((&newest["via"], &newest["signed"]), (&json!("server"), &json!(true)));
        assert_eq!(newest["principal"], "anna");
        assert_eq!(newest["pusher_key"], newest["server_key"]);
        assert_eq!(log["chain"], "whole");

        // Brought by a push, what the server made elsewhere is signed by a registered key, and by no member.
        let fetched = server.fetch(&anna, "anna/song", &[id.parse().unwrap()], &[]).await;
        let mut copy = Story { commits: fetched.commits, ..story.clone() };
        for snapshot in fetched.snapshots {
            copy.snapshots.insert(snapshot.snapshot_id, snapshot);
        }
        copy.keep(b"signed");
        copy.commits.sort_by_key(|it| it.parent_commit_id.is_some());
        for (required, status) in [("off", 200), ("registered", 422), ("members", 422)] {
            let name = format!("copy-{required}");
            post(&server, "/api/v1/repos", &anna, json!({ "name": name })).await.assert_status(201);
            let target = format!("/api/v1/repos/anna/{name}");
            let rule = json!({ "require_signed_commits": required });
            let asked = server.request(Method::PATCH, &target).json(&rule).by(&anna).send().await;
            asked.assert_status(200);
            let repository = format!("anna/{name}");
            server.push_objects(&anna, &repository, copy.inline()).await.assert_status(200);
            // The first commit is unsigned.
            let push = server.push(&anna, &repository, copy.push_to("main")).await;
            assert_eq!(push.status, status, "{required}: {}", push.text());
            if required == "registered" {
                assert!(push.text().contains("1 are not"), "{}", push.text());
            }
            if required == "members" {
                assert!(push.text().contains("2 are not"), "{}", push.text());
            }
        }
        let page = server.get(&format!("/anna/copy-off/commit/{id}")).by(&anna).send().await.text();
        assert!(page.contains("This server made the commit"), "{page}");
    }
}
