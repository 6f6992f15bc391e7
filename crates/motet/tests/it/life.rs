//! The life of a repository: settings, another name, archived, deleted, restored, removed for good (`spec/hub.md` 1;
//! H06, H07, H08, H10, H11, H12, H20).

use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Person, Server, Story};

use crate::ground::{Ground, on_both, settled};

const SONG: &str = "/api/v1/repos/anna/song";

async fn call(server: &Server, method: Method, target: &str, by: &Person, body: Value) -> Answer {
    server.request(method, target).json(&body).by(by).send().await
}

async fn patch(server: &Server, by: &Person, body: Value) -> Answer {
    call(server, Method::PATCH, SONG, by, body).await
}

async fn post(server: &Server, target: &str, by: &Person, body: Value) -> Answer {
    call(server, Method::POST, target, by, body).await
}

/// A server with `anna/song`, which holds a commit.
async fn house(ground: &Ground) -> (Server, Person, Story) {
    let server = ground.server().start().await;
    let anna = server.register("anna").await;
    let story = Story::of_one("a song");
    server.push_story(&anna, "anna/song", &story, "main").await;
    (server, anna, story)
}

/// Every way in which a reader asks for a repository called `name`.
fn surfaces(name: &str, story: &Story) -> Vec<String> {
    let id = story.tip();
    vec![
        format!("/{name}"),
        format!("/{name}/tree/main"),
        format!("/{name}/blob/main/README.md"),
        format!("/{name}/blame/main/README.md"),
        format!("/{name}/raw/main/README.md"),
        format!("/{name}/commits/main"),
        format!("/{name}/graph"),
        format!("/{name}/insights"),
        format!("/api/v1/repos/{name}/graph"),
        format!("/api/v1/repos/{name}/languages"),
        format!("/api/v1/repos/{name}/contributors"),
        format!("/api/v1/repos/{name}/heatmap"),
        format!("/{name}/commit/{id}"),
        format!("/api/v1/repos/{name}"),
        format!("/api/v1/repos/{name}/collaborators"),
        format!("/{name}/refs"),
    ]
}

on_both! {
    async fn settings_are_changed_all_or_none_and_by_those_who_have_seen_them(ground: Ground) {
        let (server, anna, _) = house(&ground).await;
        let seen = server.get(SONG).by(&anna).send().await;
        let tag = seen.header("etag").to_owned();
        let good = json!({
            "description": "What we sing", "homepage": "https://song.example", "default_branch": "main",
        });
        let changed = server.request(Method::PATCH, SONG).json(&good).header("if-match", &tag);
        let changed = changed.by(&anna).send().await;
        changed.assert_status(200);
        assert_eq!(changed.json()["description"], "What we sing");
        assert_eq!(changed.json()["homepage"], "https://song.example");
        assert_eq!(server.get(SONG).by(&anna).send().await.json(), changed.json());
        // What was seen before is not what is there now.
        let stale = server.request(Method::PATCH, SONG).json(&good).header("if-match", &tag);
        stale.by(&anna).send().await.assert_refused(412, "precondition_failed");
        let any = server.request(Method::PATCH, SONG).json(&json!({})).header("if-match", "*");
        any.by(&anna).send().await.assert_status(200);
        let bad = json!({
            "description": "two\nlines", "homepage": "http://song.example", "name": ".git", "visibility": "shown",
        });
        let refused = patch(&server, &anna, bad).await;
        refused.assert_refused(422, "invalid");
        assert_eq!(refused.json()["errors"].as_array().unwrap().len(), 4, "{}", refused.text());
        let unknown = patch(&server, &anna, json!({ "format": "git" })).await;
        unknown.assert_refused(422, "invalid");
        assert_eq!(unknown.json()["errors"][0]["code"], "unknown_field");
        let none = json!({ "description": "new", "default_branch": "none" });
        patch(&server, &anna, none).await.assert_refused(422, "invalid");
        let after = server.get(SONG).by(&anna).send().await.json();
        assert_eq!(after["description"], "What we sing", "half of a change was made");
        let empty = patch(&server, &anna, json!({ "homepage": "" })).await;
        assert_eq!(empty.json()["homepage"], "");
    }
}

on_both! {
    async fn after_a_rename_the_former_name_leads_on_for_those_who_may_read_it(ground: Ground) {
        let (server, anna, story) = house(&ground).await;
        let other = server.register("other").await;
        patch(&server, &anna, json!({ "name": "hymn" })).await.assert_status(200);
        for target in surfaces("anna/song", &story) {
            let answer = server.get(&format!("{target}?x=1")).by(&anna).send().await;
            if target.starts_with("/api/") {
                answer.assert_refused(404, "not_found");
                assert_eq!(answer.json()["moved_to"], "anna/hymn");
            } else if target.ends_with("/refs") {
                answer.assert_status(404);
                assert!(answer.text().contains("anna/hymn"), "{}", answer.text());
            } else {
                answer.assert_status(301);
                let now = format!("{}?x=1", target.replace("anna/song", "anna/hymn"));
                assert_eq!(answer.header("location"), now);
                server.get(&now).by(&anna).send().await.assert_status(200);
            }
            // To everybody else it is a name that does not exist (H08).
            let hidden = server.get(&target).by(&other).send().await;
            let missing = target.replace("anna/song", "anna/nope");
            let missing = server.get(&missing).by(&other).send().await;
            assert_eq!(hidden.faceless(), missing.faceless().replace("nope", "song"), "{target}");
        }
        // A push to the former name makes nothing.
        let push = server.push(&anna, "anna/song", story.push_to("main")).await;
        push.assert_status(404);
        assert!(push.text().contains("anna/hymn"), "{}", push.text());
        // A new repository of that name answers itself.
        post(&server, "/api/v1/repos", &anna, json!({ "name": "song" })).await.assert_status(201);
        let own = server.get(SONG).by(&anna).send().await;
        own.assert_status(200);
        assert_eq!(own.json()["commit_count"], 0);
        let hymn = server.get("/api/v1/repos/anna/hymn").by(&anna).send().await;
        assert_eq!(hymn.json()["commit_count"], 1);
        patch(&server, &anna, json!({ "name": "hymn" })).await.assert_refused(409, "name_taken");
    }
}

on_both! {
    async fn what_is_archived_is_read_and_takes_nothing(ground: Ground) {
        let (server, anna, story) = house(&ground).await;
        let archived = post(&server, &format!("{SONG}/archive"), &anna, json!({})).await;
        assert_eq!(archived.json()["archived"], true);
        post(&server, &format!("{SONG}/archive"), &anna, json!({})).await.assert_status(200);
        for target in surfaces("anna/song", &story) {
            let answer = server.get(&target).by(&anna).send().await;
            answer.assert_status(200);
        }
        let mut more = story.clone();
        more.commit(&[story.tip()], "more", &[("a.txt", b"a")]);
        server.push(&anna, "anna/song", more.push_to("main")).await.assert_refused(403, "archived");
        patch(&server, &anna, json!({ "description": "new" })).await.assert_refused(409, "archived");
        let put = format!("{SONG}/collaborators/other");
        server.register("other").await;
        let level = json!({ "level": "read" });
        call(&server, Method::PUT, &put, &anna, level).await.assert_refused(409, "archived");
        let live = post(&server, &format!("{SONG}/unarchive"), &anna, json!({})).await;
        assert_eq!(live.json()["archived"], false);
        server.push_story(&anna, "anna/song", &more, "main").await;
    }
}

on_both! {
    async fn what_was_deleted_is_nowhere_and_comes_back_whole(ground: Ground) {
        let (server, anna, story) = house(&ground).await;
        let other = server.register("other").await;
        let level = json!({ "level": "admin" });
        let put = format!("{SONG}/collaborators/other");
        call(&server, Method::PUT, &put, &anna, level).await.assert_status(200);
        let delete = |by, confirm: &str| {
            call(&server, Method::DELETE, SONG, by, json!({ "confirm": confirm }))
        };
        delete(&anna, "song").await.assert_refused(422, "invalid");
        delete(&other, "anna/song").await.assert_refused(403, "forbidden");
        delete(&anna, "anna/song").await.assert_status(204);
        for target in surfaces("anna/song", &story) {
            for by in [&anna, &other] {
                let gone = server.get(&target).by(by).send().await;
                gone.assert_status(404);
                let never = target.replace("anna/song", "anna/nope");
                let never = server.get(&never).by(by).send().await;
                assert_eq!(gone.faceless(), never.faceless().replace("nope", "song"), "{target}");
            }
        }
        for list in ["/", "/explore", "/anna", "/api/v1/repos", "/api/v1/repos?owner=anna"] {
            let answer = server.get(list).by(&anna).send().await;
            assert!(!answer.text().contains("anna/song"), "{list}");
        }
        delete(&anna, "anna/song").await.assert_status(404);
        // Its owner sees what can be restored; who had a level on it does not.
        let deleted = "/api/v1/repos?deleted=1";
        let listed = server.get(deleted).by(&anna).send().await.json();
        assert_eq!(listed["items"][0]["full_name"], "anna/song");
        assert!(listed["items"][0]["restorable_until"].is_string());
        let theirs = server.get(&format!("{deleted}&owner=anna")).by(&other).send().await.json();
        assert_eq!(theirs["items"], json!([]));
        server.get(deleted).send().await.assert_refused(401, "unauthenticated");
        // The name is free; what took it stays.
        post(&server, "/api/v1/repos", &anna, json!({ "name": "song" })).await.assert_status(201);
        let restore = format!("{SONG}/restore");
        post(&server, &restore, &other, json!({})).await.assert_status(404);
        post(&server, &restore, &anna, json!({})).await.assert_refused(409, "name_taken");
        let back = post(&server, &restore, &anna, json!({ "name": "hymn" })).await;
        back.assert_status(200);
        assert_eq!(back.header("location"), "/api/v1/repos/anna/hymn");
        assert_eq!(server.head(&anna, "anna/hymn", "main").await, Some(story.tip()));
        assert_eq!(server.head(&other, "anna/hymn", "main").await, Some(story.tip()));
        let fetched = server.fetch(&anna, "anna/hymn", &[story.tip()], &[]).await;
        assert_eq!(fetched.commits.len(), 1);
        post(&server, &restore, &anna, json!({})).await.assert_status(404);
    }
}

on_both! {
    async fn what_is_purged_is_gone_and_what_others_share_stays(ground: Ground) {
        let (server, anna, story) = house(&ground).await;
        server.push_story(&anna, "anna/twin", &story, "main").await;
        let purge = format!("{SONG}/purge");
        let confirm = json!({ "confirm": "anna/song" });
        // What is not deleted is not purged.
        post(&server, &purge, &anna, confirm.clone()).await.assert_status(404);
        call(&server, Method::DELETE, SONG, &anna, confirm.clone()).await.assert_status(204);
        post(&server, &purge, &anna, json!({ "confirm": "song" })).await.assert_refused(422, "invalid");
        post(&server, &purge, &anna, confirm).await.assert_status(202);
        settled(&server).await;
        let listed = server.get("/api/v1/repos?deleted=1").by(&anna).send().await.json();
        assert_eq!(listed["items"], json!([]));
        post(&server, &format!("{SONG}/restore"), &anna, json!({})).await.assert_status(404);
        let raw = server.get("/anna/twin/raw/main/README.md").by(&anna).send().await;
        assert_eq!(raw.text(), "a song");
        let audit = server.get("/api/v1/admin/audit?action=repo_purged").by(&server.operator());
        assert_eq!(audit.send().await.json()["items"].as_array().unwrap().len(), 1);
    }
}

on_both! {
    async fn showing_it_to_everybody_is_its_owners_to_do_and_takes_its_name(ground: Ground) {
        let (server, anna, story) = house(&ground).await;
        let other = server.register("other").await;
        let put = format!("{SONG}/collaborators/other");
        call(&server, Method::PUT, &put, &anna, json!({ "level": "admin" })).await.assert_status(200);
        patch(&server, &other, json!({ "description": "by other" })).await.assert_status(200);
        let show = json!({ "visibility": "public", "confirm": "anna/song" });
        patch(&server, &other, show.clone()).await.assert_refused(403, "forbidden");
        patch(&server, &anna, json!({ "visibility": "public" })).await.assert_refused(422, "invalid");
        let scope = json!({ "scope": { "planes": { "hub": "write" }, "repositories": "all" } });
        let token = post(&server, "/api/v1/tokens", &anna, scope).await;
        token.assert_status(201);
        let bearer = format!("Bearer {}", token.json()["value"].as_str().unwrap());
        let by_token = |body: &Value| {
            server.request(Method::PATCH, SONG).json(body).header("authorization", &bearer)
        };
        by_token(&json!({ "description": "by a token" })).send().await.assert_status(200);
        by_token(&show).send().await.assert_refused(401, "bearer_refused");
        for (visibility, stranger) in [("public", 200), ("private", 404), ("public", 200)] {
            let asked = json!({ "visibility": visibility, "confirm": "anna/song" });
            patch(&server, &anna, asked).await.assert_status(200);
            for target in surfaces("anna/song", &story) {
                if target.ends_with("/collaborators") {
                    continue;
                }
                let answer = server.get(&target).send().await;
                assert_eq!(answer.status, stranger, "{target}");
            }
        }
        let log = "/api/v1/admin/audit?action=repo_visibility_changed";
        let rows = server.get(log).by(&server.operator()).send().await.json();
        assert_eq!(rows["items"].as_array().unwrap().len(), 3);
    }
}
