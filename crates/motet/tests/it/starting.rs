//! What a new repository begins with (`spec/hub.md` 1; H01, H04), and the page that makes one.

use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Person, Server, Story};

use crate::{
    MOTET,
    ground::{Ground, on_both},
    organizations::post,
    people::Machine,
    sessions::{form, mark, own_page, sign_in},
};

async fn create(server: &Server, by: &Person, body: Value) -> Answer {
    post(server, "/api/v1/repos", by, body).await
}

async fn raw(server: &Server, by: &Person, at: &str) -> (u16, String) {
    let answer = server.get(at).by(by).send().await;
    (answer.status, answer.text())
}

on_both! {
    async fn a_repository_begins_with_one_signed_commit_if_files_are_asked_for(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let start = json!({ "readme": true, "licence": "MIT", "ignore": "rust" });
        let new = json!({ "name": "song", "description": "What we sing", "initialize": start });
        let made = create(&server, &anna, new).await;
        made.assert_status(201);
        assert_eq!((&made.json()["commit_count"], &made.json()["licence"]), (&json!(1), &json!("MIT")));
        assert!(made.json()["pushed_at"].is_string(), "{}", made.text());
        let readme = raw(&server, &anna, "/anna/song/raw/main/README.md").await;
        assert_eq!(readme, (200, "# song\n\nWhat we sing\n".to_owned()));
        let licence = raw(&server, &anna, "/anna/song/raw/main/LICENSE").await.1;
        assert!(licence.contains("anna") && licence.contains("without restriction"), "{licence}");
        let ignored = raw(&server, &anna, "/anna/song/raw/main/.museignore").await.1;
        assert!(ignored.contains("\"target/\""), "{ignored}");
        let tip = server.head(&anna, "anna/song", "main").await.unwrap();
        let page = server.get(&format!("/anna/song/commit/{tip}")).by(&anna).send().await.text();
        assert!(page.contains("This server made the commit for its author"), "{page}");
        // It counts as what it is, and goes on like any other.
        let used = server.get("/api/v1/repos/anna/song/usage").by(&anna).send().await.json();
        assert_eq!(used["objects"]["used"], 3);
        let mut story = Story::default();
        let fetched = server.fetch(&anna, "anna/song", &[tip], &[]).await;
        story.commits = fetched.commits;
        story.commit(&[tip], "more", &[("more.txt", b"more")]);
        server.push_objects(&anna, "anna/song", story.inline()).await.assert_status(200);
        server.push(&anna, "anna/song", story.push_since(1, "main")).await.assert_status(200);

        // Nothing asked for is nothing made.
        for start in [json!({}), json!({ "readme": false })] {
            let name = format!("empty-{}", start.as_object().unwrap().len());
            let made = create(&server, &anna, json!({ "name": name, "initialize": start })).await;
            made.assert_status(201);
            assert_eq!(made.json()["commit_count"], 0);
        }
        let bad = json!({ "name": ".git", "initialize": { "licence": "Mine", "ignore": "cobol" } });
        let refused = create(&server, &anna, bad).await;
        refused.assert_refused(422, "invalid");
        assert_eq!(refused.json()["errors"].as_array().unwrap().len(), 3, "{}", refused.text());
    }
}

on_both! {
    async fn from_a_template_comes_one_commit_with_equal_files(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, bert) = (server.register("anna").await, server.register("bert").await);
        let mut story = Story::default();
        let root = story.commit(&[], "one", &[("a.txt", b"one"), ("gone.txt", b"gone")]);
        story.commit(&[root], "two", &[("a.txt", b"two"), ("b/c.txt", b""), ("b/d.txt", b"d")]);
        server.push_story(&anna, "anna/base", &story, "main").await;
        let from = |name: &str, template: &str| json!({ "name": name, "template": template });
        // What cannot be read, what is not there and what is no name are one answer.
        let hidden = create(&server, &bert, from("song", "anna/base")).await;
        hidden.assert_refused(404, "not_found");
        for missing in ["anna/nope", "nobody/base", "base", "../x"] {
            let answer = create(&server, &bert, from("song", missing)).await;
            assert_eq!(answer.faceless(), hidden.faceless(), "{missing}");
        }
        server.get("/api/v1/repos/bert/song").by(&bert).send().await.assert_status(404);
        // What can be read and is no template is one by its owner's word alone.
        create(&server, &anna, from("song", "anna/base")).await.assert_refused(422, "invalid");
        let say = json!({ "template": true });
        let said = server.request(Method::PATCH, "/api/v1/repos/anna/base").json(&say);
        let said = said.by(&anna).send().await;
        said.assert_status(200);
        assert_eq!(said.json()["template"], true);
        create(&server, &bert, from("song", "anna/base")).await.assert_refused(404, "not_found");
        let show = json!({ "visibility": "public", "confirm": "anna/base" });
        let shown = server.request(Method::PATCH, "/api/v1/repos/anna/base").json(&show);
        shown.by(&anna).send().await.assert_status(200);
        let stored = server.stored().await;
        let made = create(&server, &bert, from("song", "anna/base")).await;
        made.assert_status(201);
        assert_eq!(made.json()["commit_count"], 1);
        assert_eq!(made.json()["visibility"], "private");
        assert_eq!(made.json()["forked_from"], Value::Null);
        assert_eq!(server.stored().await, stored, "bytes were copied");
        let tip = server.head(&bert, "bert/song", "main").await.unwrap();
        let fetched = server.fetch(&bert, "bert/song", &[tip], &[]).await;
        assert_eq!((fetched.commits.len(), fetched.snapshots.len()), (1, 1));
        let record = &fetched.commits[0];
        assert_eq!(record.parents().count(), 0);
        assert_eq!(record.author, "bert");
        let last = story.commits.last().unwrap();
        assert_eq!(record.snapshot_id, last.snapshot_id, "the files are not equal");
        assert_eq!(raw(&server, &bert, "/bert/song/raw/main/a.txt").await, (200, "two".to_owned()));
        assert_eq!(raw(&server, &bert, "/bert/song/raw/main/gone.txt").await.0, 404);
        // It is the new owner's, bytes and all.
        let used = server.get("/api/v1/repos/bert/song/usage").by(&bert).send().await.json();
        assert_eq!((&used["objects"]["used"], &used["bytes"]["used"]), (&json!(2), &json!(4)));
        let both = json!({ "name": "x", "template": "anna/base", "initialize": { "readme": true } });
        create(&server, &bert, both).await.assert_refused(422, "invalid");
        server.create(&anna, "hollow", "private").await;
        let say = server.request(Method::PATCH, "/api/v1/repos/anna/hollow");
        say.json(&json!({ "template": true })).by(&anna).send().await.assert_status(200);
        create(&server, &anna, from("y", "anna/hollow")).await.assert_refused(422, "invalid");
    }
}

on_both! {
    async fn the_page_checks_a_name_and_makes_what_was_chosen(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        server.create(&anna, "taken", "private").await;
        let cookie = sign_in(&server, &anna).await;
        let mark = mark(&server, &cookie).await;
        let see = async |target: &str| server.get(target).header("cookie", &cookie).send().await;
        let send = async |fields: &str| {
            let body = format!("owner=anna&description=&template=&{fields}&csrf={mark}");
            form(own_page(server.post("/new")), &cookie, &body).send().await
        };
        let page = see("/new").await;
        page.assert_status(200);
        for shown in ["<option selected>anna</option>", "<option>MIT</option>", "<option>rust</option>"] {
            assert!(page.text().contains(shown), "{shown}");
        }
        server.get("/new").send().await.assert_status(401);
        let chosen = "visibility=public&readme=yes&licence=ISC&ignore=";
        let free = send(&format!("name=song&{chosen}&do=check")).await;
        free.assert_status(200);
        assert!(free.text().contains("anna/song is free"), "{}", free.text());
        for kept in [r#"value="public" checked"#, "<option selected>ISC</option>"] {
            assert!(free.text().contains(kept), "{kept}");
        }
        server.get("/api/v1/repos/anna/song").by(&anna).send().await.assert_status(404);
        for (fields, told) in [
            ("name=taken&do=check", "anna/taken is there already"),
            ("name=.git&do=check", r#"id="name-fault""#),
            ("name=taken", r#"id="name-fault""#),
            ("name=.git", r#"id="name-fault""#),
        ] {
            let refused = send(&format!("{fields}&{chosen}")).await;
            refused.assert_status(422);
            assert!(refused.text().contains(told), "{fields}: {}", refused.text());
        }
        let foreign = format!("owner=bert&description=&template=&name=x&{chosen}&csrf={mark}");
        let foreign = form(own_page(server.post("/new")), &cookie, &foreign).send().await;
        foreign.assert_status(422);
        assert!(foreign.text().contains(r#"id="owner-fault""#), "{}", foreign.text());
        let made = send(&format!("name=song&{chosen}")).await;
        made.assert_status(303);
        assert_eq!(made.header("location"), "/anna/song");
        let it = server.get("/api/v1/repos/anna/song").by(&anna).send().await.json();
        assert_eq!((&it["visibility"], &it["licence"]), (&json!("public"), &json!("ISC")));
        assert_eq!(it["commit_count"], 1);
    }
}

#[tokio::test]
async fn a_repository_with_files_is_made_by_command_and_cloned() {
    let server = Server::start(MOTET).await;
    let ada = Machine::of(&server, "ada");
    let made = ada.done(&["repo", "create", "song", "--readme", "--licence", "MIT"]);
    let address = made["address"].as_str().unwrap().to_owned();
    let place = tempfile::tempdir().unwrap();
    let clone = place.path().join("song");
    let clone = clone.to_str().unwrap();
    ada.done(&["clone", &address, clone]);
    let readme = std::fs::read_to_string(format!("{clone}/README.md")).unwrap();
    assert_eq!(readme, "# song\n");
    // What the server signed is checked like what anybody signs.
    let verified = ada.done(&["-C", clone, "verify"]);
    assert_eq!(verified["signatures"]["good"], 1, "{verified}");
    ada.done(&["repo", "edit", "song", "--template", "true"]);
    let from = ada.done(&["repo", "create", "psalm", "--template", "ada/song"]);
    assert_eq!(from["name"], "psalm");
    let both = ["repo", "create", "x", "--template", "ada/song", "--readme"];
    assert_eq!(ada.fails(&both).0, 2);
}
