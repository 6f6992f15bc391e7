//! What is kept of a person: said otherwise, taken away, left behind (`spec/trust.md` 13; 16, points 60 to 62).

use std::io::{Cursor, Read as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Person, Server, Story};

use crate::{
    ground::{Ground, on_both, settled},
    organizations as orgs,
    people::Machine,
    store,
};

const EXPORT: &str = "/api/v1/me/export";

async fn patch(server: &Server, target: &str, by: &Person, body: Value) -> Answer {
    server.request(Method::PATCH, target).json(&body).by(by).send().await
}

async fn leave(server: &Server, by: &Person, confirm: &str) -> Answer {
    let leave = server.request(Method::DELETE, "/api/v1/me");
    leave.json(&json!({ "confirm": confirm })).by(by).send().await
}

/// The files of an archive: name and text.
fn files(archive: &[u8]) -> Vec<(String, String)> {
    let mut archive = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    let count = archive.len();
    let read = |at| {
        let mut file = archive.by_index(at).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        (file.name().unwrap().into_owned(), text)
    };
    (0..count).map(read).collect()
}

on_both! {
    async fn one_says_of_oneself_what_one_likes_and_nothing_else(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let said = json!({ "display_name": "Anna", "bio": "Sings.", "website_url": "https://anna.example", "email": "anna@anna.example" });
        patch(&server, "/api/v1/me", &anna, said).await.assert_status(200);
        let face = server.get("/api/v1/principals/anna").send().await.json();
        assert_eq!((&face["display_name"], &face["email"]), (&json!("Anna"), &Value::Null));
        let me = server.get("/api/v1/me").by(&anna).send().await.json();
        assert_eq!((&me["email"], &me["principal"]["bio"]), (&json!("anna@anna.example"), &json!("Sings.")));
        patch(&server, "/api/v1/me", &anna, json!({ "bio": "" })).await.assert_status(200);
        let me = server.get("/api/v1/me").by(&anna).send().await.json();
        assert_eq!((&me["principal"]["bio"], &me["principal"]["display_name"]), (&Value::Null, &json!("Anna")));
        for unknown in ["handle", "kind", "owner", "role", "install_admin"] {
            let refused = patch(&server, "/api/v1/me", &anna, json!({ unknown: "x" })).await;
            assert!((400..=422).contains(&refused.status), "{unknown}: {}", refused.status);
        }
        let evil = json!({ "website_url": "javascript:alert(1)" });
        patch(&server, "/api/v1/me", &anna, evil).await.assert_refused(422, "invalid");
        server.request(Method::PATCH, "/api/v1/me").json(&json!({})).send().await.assert_refused(401, "unauthenticated");
    }
}

/// A red point of PNG.
const POINT: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP4z8DwHwAFAAH/VscvDQAAAABJRU5ErkJggg==";

on_both! {
    /// A picture is decoded and written anew, and what is none is refused (`spec/trust.md` 1, Profile).
    async fn a_picture_of_oneself_is_written_anew_and_taken_back(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let address = "/api/v1/principals/anna/avatar";
        server.get(address).send().await.assert_refused(404, "not_found");
        let sent = STANDARD.decode(POINT).unwrap();
        let with_text = [&sent[..], b"<script>alert(1)</script>"].concat();
        let said = json!({ "avatar": STANDARD.encode(with_text) });
        let told = patch(&server, "/api/v1/me", &anna, said).await;
        told.assert_status(200);
        let shown = told.json()["avatar_url"].as_str().unwrap().to_owned();
        assert!(shown.starts_with(&format!("{address}?v=")), "{shown}");
        assert_eq!(server.get("/api/v1/principals/anna").send().await.json()["avatar_url"], json!(shown));
        let picture = server.get(&shown).send().await;
        picture.assert_status(200);
        assert_eq!(picture.header("content-type"), "image/png");
        assert!(picture.header("content-security-policy").contains("sandbox"));
        assert!(picture.body.starts_with(b"\x89PNG") && !picture.text().contains("script"));
        let known = server.get(&shown).header("if-none-match", picture.header("etag"));
        known.send().await.assert_status(304);
        for bad in ["not base64", &STANDARD.encode("GIF89a"), &STANDARD.encode(&sent[..40])] {
            patch(&server, "/api/v1/me", &anna, json!({ "avatar": bad })).await.assert_refused(422, "invalid");
        }
        let long = json!({ "avatar": STANDARD.encode(vec![0; (1 << 20) + 1]) });
        patch(&server, "/api/v1/me", &anna, long).await.assert_refused(422, "invalid");
        // Its owner gives an agent one, an owner the organization.
        server.post("/api/v1/agents").json(&json!({ "handle": "loom" })).by(&anna).send().await.assert_status(201);
        server.post("/api/v1/orgs").json(&json!({ "handle": "choir" })).by(&anna).send().await.assert_status(201);
        for (target, status, handle) in [("/api/v1/agents/loom", 204, "loom"), ("/api/v1/orgs/choir", 200, "choir")] {
            patch(&server, target, &anna, json!({ "avatar": POINT })).await.assert_status(status);
            server.get(&format!("/api/v1/principals/{handle}/avatar")).send().await.assert_status(200);
        }
        let taken = server.get(EXPORT).by(&anna).send().await;
        let kept = files(&taken.body);
        let (_, rows) = kept.iter().find(|(name, _)| name == "avatar.jsonl").unwrap();
        assert!(rows.contains("89504e47"), "{rows}");
        // Said nothing of, it stays.
        patch(&server, "/api/v1/me", &anna, json!({ "bio": "Sings." })).await.assert_status(200);
        server.get(address).send().await.assert_status(200);
        let none = patch(&server, "/api/v1/me", &anna, json!({ "avatar": "" })).await.json();
        assert_eq!(none["avatar_url"], Value::Null);
        server.get(address).send().await.assert_refused(404, "not_found");
    }
}

on_both! {
    async fn what_is_kept_is_taken_away_whole_and_without_a_proof(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        server.push_story(&anna, "anna/song", &Story::of_one("a song"), "main").await;
        let agent = json!({ "handle": "loom" });
        server.post("/api/v1/agents").json(&agent).by(&anna).send().await.assert_status(201);
        server.post("/api/v1/orgs").json(&json!({ "handle": "choir" })).by(&anna).send().await.assert_status(201);
        let scope = json!({ "kind": "personal", "label": "laptop", "scope": { "planes": { "hub": "read" } } });
        let minted = server.post("/api/v1/tokens").json(&scope).by(&anna).send().await.json();
        let token = minted["value"].as_str().unwrap().to_owned();
        let bearer = server.get(EXPORT).header("authorization", &format!("Bearer {token}")).send().await;
        bearer.assert_refused(401, "bearer_refused");

        let answer = server.get(EXPORT).by(&anna).send().await;
        answer.assert_status(200);
        assert_eq!(answer.header("content-type"), "application/zip");
        assert_eq!(answer.header("cache-control"), "no-store");
        let files = files(&answer.body);
        let (_, manifest) = files.iter().find(|(name, _)| name == "manifest.json").unwrap();
        let manifest: Value = serde_json::from_str(manifest).unwrap();
        let listed = manifest["files"].as_array().unwrap();
        assert_eq!(listed.len() + 1, files.len());
        for it in listed {
            let (_, text) = files.iter().find(|(name, _)| it["name"] == json!(name)).unwrap();
            assert_eq!(it["count"], json!(text.lines().count()), "{it}");
            assert_eq!(it["sha256"], json!(names::Digest::of(text.as_bytes()).to_string()), "{it}");
        }
        let rows = |name: &str| -> Vec<Value> {
            let (_, text) = files.iter().find(|(it, _)| it == name).unwrap();
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        assert_eq!(rows("principal.jsonl")[0]["handle"], json!("anna"));
        assert_eq!(rows("keys.jsonl").len(), 1);
        assert_eq!(rows("tokens.jsonl")[0]["label"], json!("laptop"));
        assert_eq!(rows("agents.jsonl")[0]["handle"], json!("loom"));
        assert_eq!(rows("memberships.jsonl")[0]["role"], json!("owner"));
        assert_eq!(rows("repositories.jsonl")[0]["name"], json!("anna/song"));
        let done: Vec<_> = rows("audit.jsonl").iter().map(|it| it["action"].clone()).collect();
        for action in ["principal_registered", "token_minted", "org_created", "data_exported"] {
            assert!(done.contains(&json!(action)), "{action}: {done:?}");
        }
        for (name, text) in &files {
            assert!(!text.contains(&token), "{name} holds the token");
        }
    }
}

on_both! {
    async fn whoever_leaves_is_gone_at_once_and_the_things_after_thirty_days(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        server.push_story(&anna, "anna/song", &Story::of_one("a song"), "main").await;
        server.post("/api/v1/agents").json(&json!({ "handle": "loom" })).by(&anna).send().await.assert_status(201);
        let scope = json!({ "kind": "personal", "scope": { "planes": { "trust": "read" } } });
        let minted = server.post("/api/v1/tokens").json(&scope).by(&anna).send().await.json();
        let bearer = format!("Bearer {}", minted["value"].as_str().unwrap());
        let by_token = || server.get("/api/v1/me").header("authorization", &bearer);
        by_token().send().await.assert_status(200);

        server.post("/api/v1/orgs").json(&json!({ "handle": "choir" })).by(&anna).send().await.assert_status(201);
        let sole = leave(&server, &anna, "anna").await;
        sole.assert_refused(409, "sole_owner");
        assert!(sole.text().contains("choir"), "{}", sole.text());
        let end = server.request(Method::DELETE, "/api/v1/orgs/choir").json(&json!({ "confirm": "choir" }));
        end.by(&anna).send().await.assert_status(204);
        server.get("/api/v1/principals/choir").send().await.assert_refused(404, "not_found");
        leave(&server, &anna, "annna").await.assert_refused(422, "invalid");
        leave(&server, &anna, "anna").await.assert_status(204);

        server.get("/api/v1/me").by(&anna).send().await.assert_refused(401, "unauthenticated");
        by_token().send().await.assert_refused(401, "unauthenticated");
        for gone in ["/api/v1/principals/anna", "/api/v1/repos/anna/song", "/anna", "/anna/song"] {
            server.get(gone).by(&boris).send().await.assert_status(404);
        }
        let again = server.register_key(&Person::new("anna", names::Secret::new([9; 32])), &Person::new("x", names::Secret::new([9; 32])).key().public().to_openssh()).await;
        again.assert_refused(409, "handle_taken");
        // The key is free again: whoever left may come back under another name.
        let line = anna.key().public().to_openssh();
        server.register_key(&Person::with_key("anna2", anna.key().clone()), &line).await.assert_status(201);

        let purge = "/api/v1/admin/schedules/hub.purge/run";
        let run = async || {
            server.post(purge).by(&server.operator()).send().await.assert_status(200);
            settled(&server).await;
        };
        run().await;
        let db = ground.db(&server).await;
        let left = async || store::count_resources(&mut db.glance().await.unwrap()).await.unwrap();
        assert_eq!(left().await, 1, "thirty days have not passed");
        let mut tx = db.write().await.unwrap();
        store::let_thirty_days_pass(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        run().await;
        assert_eq!(left().await, 0);
        // The handle never changes hands.
        let late = Person::new("anna", names::Secret::new([10; 32]));
        server.register_key(&late, &late.key().public().to_openssh()).await.assert_refused(409, "handle_taken");
        let audit = server.get("/api/v1/admin/audit?limit=100").by(&server.operator()).send().await.json();
        let done: Vec<_> = audit["items"].as_array().unwrap().iter().map(|it| it["action"].clone()).collect();
        for action in ["account_deleted", "repo_purged", "account_purged"] {
            assert!(done.contains(&json!(action)), "{action}: {done:?}");
        }
    }
}

on_both! {
    async fn whoever_left_comes_back_within_thirty_days_with_a_new_key(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        server.create(&anna, "song", "public").await;
        server.push_story(&anna, "anna/song", &Story::of_one("a song"), "main").await;
        let bring_back = |handle: &str| {
            server.post(&format!("/api/v1/admin/principals/{handle}/bring-back"))
        };
        bring_back("anna").by(&server.operator()).send().await.assert_refused(404, "not_found");
        leave(&server, &anna, "anna").await.assert_status(204);
        let song = || server.get("/api/v1/repos/anna/song");
        song().send().await.assert_status(404);
        // Only the operator does; an install admin is told that it is not for him.
        bring_back("anna").by(&boris).send().await.assert_refused(404, "not_found");
        server.request(Method::PUT, "/api/v1/admin/admins/boris").by(&server.operator()).send().await.assert_status(204);
        bring_back("anna").by(&boris).send().await.assert_refused(403, "forbidden");
        let back = bring_back("anna").by(&server.operator()).send().await;
        back.assert_status(201);
        assert_eq!(back.header("cache-control"), "no-store");
        song().send().await.assert_status(200);
        server.get("/api/v1/principals/anna").send().await.assert_status(200);
        bring_back("anna").by(&server.operator()).send().await.assert_refused(404, "not_found");

        // No key is hers: the code lets one in, once, and into no other account.
        server.get("/api/v1/me").by(&anna).send().await.assert_refused(401, "unauthenticated");
        let register = async |handle: &str, byte: u8, code: &Value| {
            let person = Person::new(handle, names::Secret::new([byte; 32]));
            let line = person.key().public().to_openssh();
            let mut body = person.answer_to(&server.challenge(handle, &line).await);
            body["invite"] = code.clone();
            (server.verify(&body).await, person)
        };
        let code = back.json()["code"].clone();
        let wrong = json!("mt_invite_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8_9IVLUQ");
        for (handle, code, status) in [("anna", &wrong, 409), ("boris", &code, 409), ("carol", &code, 403)] {
            let (refused, _) = register(handle, 11, code).await;
            assert_eq!(refused.status, status, "{handle}: {}", refused.text());
        }
        let (let_in, again) = register("anna", 12, &code).await;
        let_in.assert_status(201);
        server.get("/api/v1/me").by(&again).send().await.assert_status(200);
        server.push_story(&again, "anna/song", &Story::of_one("a song"), "side").await;
        let (refused, _) = register("anna", 13, &code).await;
        refused.assert_refused(409, "handle_taken");
        // What is purged does not come back.
        leave(&server, &again, "anna").await.assert_status(204);
        let db = ground.db(&server).await;
        let mut tx = db.write().await.unwrap();
        store::let_thirty_days_pass(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        bring_back("anna").by(&server.operator()).send().await.assert_refused(404, "not_found");
        let audit = server.get("/api/v1/admin/audit?action=principal_restored").by(&server.operator()).send().await;
        assert_eq!(audit.json()["items"][0]["detail"]["had_left"], json!(true));
    }
}

on_both! {
    async fn the_terms_that_were_taken_are_kept_with_the_account(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let rows = files(&server.get(EXPORT).by(&anna).send().await.body);
        let (_, principal) = rows.iter().find(|(name, _)| name == "principal.jsonl").unwrap();
        let principal: Value = serde_json::from_str(principal).unwrap();
        let page = server.get("/legal/terms").send().await;
        let version = principal["tos_version"].as_str().unwrap();
        assert!(page.text().contains(version) && principal["tos_accepted_at"].is_string());
        // Whoever has a key has taken them: an agent by its owner, whoever comes by an organization's invitation too.
        let boris = server.register("boris").await;
        orgs::post(&server, "/api/v1/orgs", &anna, json!({ "handle": "choir" })).await.assert_status(201);
        orgs::join(&server, &anna, &boris, "member").await;
        server.post("/api/v1/agents").json(&json!({ "handle": "loom" })).by(&anna).send().await.assert_status(201);
        let loom = Person::new("loom", names::Secret::new([21; 32]));
        let met = loom.answer_to(&server.challenge("loom", &loom.key().public().to_openssh()).await);
        server.post("/api/v1/auth/verify").json(&met).by(&anna).send().await.assert_status(201);
        let db = ground.db(&server).await;
        assert_eq!(store::without_terms(&mut db.glance().await.unwrap()).await.unwrap(), Vec::<String>::new());
        db.close().await;
        for target in ["/legal/privacy", "/legal/takedown"] {
            let page = server.get(target).send().await;
            page.assert_status(200);
            assert!(page.text().contains("href=\"/legal/terms\""), "the footer leads on");
        }
    }
}

/// One's own histories, packed for a server that may be gone: each can be made a working copy again from the file alone.
mod histories {
    use super::*;

    on_both! {
        async fn a_history_that_was_taken_away_is_whole_without_its_server(ground: Ground) {
            let mut server = ground.server().start().await;
            let anna = server.register("anna").await;
            let mut story = Story::of_one("a song");
            let root = story.tip();
            let mut draft = story.clone();
            // Large enough to come in pieces.
            let large = vec![b'.'; 600 << 10];
            story.commit(&[root], "a verse", &[("README.md", b"a song"), ("large.bin", &large)]);
            server.push_story(&anna, "anna/song", &story, "main").await;
            let head = story.tip();
            draft.commit(&[root], "another", &[("other.md", b"another")]);
            server.push_story(&anna, "anna/song", &draft, "draft").await;
            server.create(&anna, "empty", "private").await;
            let boris = server.register("boris").await;
            server.push_story(&boris, "boris/theirs", &Story::of_one("theirs"), "main").await;

            let answer = server.get("/api/v1/me/export?bundles=1").by(&anna).send().await;
            answer.assert_status(200);
            let mut archive = zip::ZipArchive::new(Cursor::new(&answer.body)).unwrap();
            let mut manifest = String::new();
            archive.by_name("manifest.json").unwrap().read_to_string(&mut manifest).unwrap();
            let manifest: Value = serde_json::from_str(&manifest).unwrap();
            let listed = manifest["files"].as_array().unwrap();
            let of = |name: &str| listed.iter().find(|it| it["name"] == json!(name)).cloned();
            let stream = of("histories/song/1.stream").unwrap();
            assert_eq!(stream["count"], json!(3), "{stream}");
            let mut bytes = Vec::new();
            archive.by_name("histories/song/1.stream").unwrap().read_to_end(&mut bytes).unwrap();
            assert_eq!(stream["sha256"], json!(names::Digest::of(&bytes).to_string()));
            assert_eq!(of("refs.jsonl").unwrap()["count"], json!(2));
            let histories = listed.iter().filter(|it| it["name"].as_str().unwrap().starts_with("histories/"));
            assert_eq!(histories.count(), 1, "an empty history is none, and others' are not one's own: {manifest}");
            // Unless they are asked for, there are none.
            let answers = server.get("/api/v1/me/export").by(&anna).send().await;
            assert!(files(&answers.body).iter().all(|(name, _)| !name.starts_with("histories/")));
            server.get("/api/v1/me/export?bundles=2").by(&anna).send().await.assert_refused(400, "malformed");

            let machine = Machine::of(&server, "carla");
            server.stop().await;
            let dir = tempfile::tempdir().unwrap();
            let (file, place) = (dir.path().join("kept.zip"), dir.path().join("song"));
            std::fs::write(&file, &answer.body).unwrap();
            let (file, place) = (file.to_str().unwrap(), place.to_str().unwrap());
            let unpacked = machine.done(&["me", "unpack", file, "song", place]);
            assert_eq!((&unpacked["head"], &unpacked["commits"]), (&json!(head), &json!(3)));
            assert_eq!(unpacked["branches"], json!(["draft", "main"]));
            assert_eq!(std::fs::read(dir.path().join("song/large.bin")).unwrap(), large);
            assert_eq!(machine.done(&["-C", place, "log"])["commits"].as_array().unwrap().len(), 2);
            assert_eq!(machine.fails(&["me", "unpack", file, "theirs"]).1, "not_found");
            // An altered byte is seen, and nothing is left.
            let at = answer.body.windows(8).position(|it| it == b"MOTET2\r\n").unwrap() + 200;
            let mut altered = answer.body.to_vec();
            altered[at] ^= 1;
            std::fs::write(file, altered).unwrap();
            let other = dir.path().join("other");
            assert_ne!(machine.fails(&["me", "unpack", file, "song", other.to_str().unwrap()]).0, 0);
            assert!(!other.exists());
        }
    }
}
