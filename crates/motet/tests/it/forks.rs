//! A repository is made from another one (`spec/hub.md` 1, Fork; H13, H14, H15).

use api::wire::PushRequest;
use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Person, Server, Story};

use crate::{
    ground::{Ground, on_both, order, settled},
    organizations::{delete, post, put},
    store,
};

const SONG: &str = "/api/v1/repos/anna/song";
/// Files of the source: more than three batches of links.
const FILES: usize = 1_700;

async fn fork(server: &Server, by: &Person, body: Value) -> Answer {
    post(server, &format!("{SONG}/forks"), by, body).await
}

async fn patch(server: &Server, target: &str, by: &Person, body: Value) -> Answer {
    server.request(Method::PATCH, target).json(&body).by(by).send().await
}

async fn public(server: &Server, anna: &Person) {
    let show = json!({ "visibility": "public", "confirm": "anna/song" });
    patch(server, SONG, anna, show).await.assert_status(200);
}

/// A server with two people and a repository that says `a song`.
async fn house(ground: &Ground) -> (Server, Person, Person, Story) {
    let server = ground.server().start().await;
    let (anna, boris) = (server.register("anna").await, server.register("boris").await);
    let story = Story::of_one("a song");
    server.push_story(&anna, "anna/song", &story, "main").await;
    (server, anna, boris, story)
}

async fn used(server: &Server, person: &Person, repository: &str) -> (u64, u64, u64) {
    let target = format!("/api/v1/repos/{repository}/usage");
    let usage = server.get(&target).by(person).send().await.json();
    let number = |kind: &str| usage[kind]["used"].as_u64().unwrap();
    (number("objects"), number("bytes"), number("owner_bytes"))
}

on_both! {
    async fn a_fork_takes_over_all_that_is_shown_and_no_bytes(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let mut story = Story::default();
        let names: Vec<String> = (0..FILES).map(|number| format!("verses/{number}.txt")).collect();
        let files: Vec<_> = names.iter().map(|name| (name.as_str(), name.as_bytes())).collect();
        let root = story.commit(&[], "verses", &files);
        story.commit(&[root], "refrain", &[("refrain.txt", b"la")]);
        server.push_story(&anna, "anna/song", &story, "main").await;
        server.push_story(&anna, "anna/song", &story, "solo").await;
        public(&server, &anna).await;
        let about = json!({ "topics": ["music"], "description": "What we sing" });
        patch(&server, SONG, &anna, about).await.assert_status(200);
        let stored = server.stored().await;

        let made = fork(&server, &boris, json!({})).await;
        made.assert_status(202);
        assert_eq!(made.header("location"), "/api/v1/repos/boris/song");
        assert_eq!(made.json()["forked_from"], "anna/song");
        settled(&server).await;
        let shown = server.get("/api/v1/repos/boris/song").by(&boris).send().await.json();
        assert_eq!(shown["fork_state"], "ready");
        assert_eq!(shown["commit_count"], 2);
        assert_eq!(shown["description"], "What we sing");
        assert_eq!(used(&server, &boris, "boris/song").await, (0, 0, 0));
        assert_eq!(server.stored().await, stored, "bytes were copied");
        for branch in ["main", "solo"] {
            assert_eq!(server.head(&boris, "boris/song", branch).await, Some(story.tip()));
        }
        let fetched = server.fetch(&boris, "boris/song", &[story.tip()], &[]).await;
        assert_eq!((fetched.commits.len(), fetched.objects.len()), (2, FILES + 1));
        let raw = server.get("/boris/song/raw/solo/refrain.txt").send().await;
        assert_eq!(raw.text(), "la");
        let page = server.get("/boris/song").send().await.text();
        assert!(page.contains(r#"forked from <a href="/anna/song">anna/song</a>"#), "{page}");

        // What is pushed to it counts, and is in it alone.
        let mut own = story.clone();
        own.commit(&[story.tip()], "mine", &[("mine.txt", b"mine")]);
        let carol = server.register("carol").await;
        fork(&server, &carol, json!({ "name": "hymn" })).await.assert_status(202);
        settled(&server).await;
        server.push_story(&boris, "boris/song", &own, "main").await;
        assert_eq!(used(&server, &boris, "boris/song").await, (1, 4, 4));
        let mine = testkit::object(b"mine").object_id;
        for (person, repository) in [(&anna, "anna/song"), (&carol, "carol/hymn")] {
            assert_eq!(server.missing(person, repository, &[mine]).await, [mine], "{repository}");
            let commit = format!("/{repository}/commit/{}", own.tip());
            server.get(&commit).by(person).send().await.assert_status(404);
        }
        // Counters are what a recount says.
        order(&server, "/api/v1/admin/schedules/hub.records/run").await;
        settled(&server).await;
        assert_eq!(used(&server, &boris, "boris/song").await, (1, 4, 4));
        let storage = server.get("/api/v1/admin/storage").by(&server.operator()).send().await;
        assert_eq!(storage.json()["scans"][0]["kind"], "records");
        assert_eq!(storage.json()["scans"][0]["faults"], 0, "{}", storage.text());
        // Gone, it takes nothing along that others have.
        let gone = json!({ "confirm": "boris/song" });
        let gone = server.request(Method::DELETE, "/api/v1/repos/boris/song").json(&gone);
        gone.by(&boris).send().await.assert_status(204);
        let purge = json!({ "confirm": "boris/song" });
        post(&server, "/api/v1/repos/boris/song/purge", &boris, purge).await.assert_status(202);
        settled(&server).await;
        let fetched = server.fetch(&anna, "anna/song", &[story.tip()], &[]).await;
        assert_eq!(fetched.objects.len(), FILES + 1);
    }
}

on_both! {
    async fn what_no_branch_leads_to_is_not_taken_over(ground: Ground) {
        let (server, anna, boris, story) = house(&ground).await;
        let mut secret = story.clone();
        secret.commit(&[story.tip()], "a secret", &[("key", b"secret")]);
        server.push_story(&anna, "anna/song", &secret, "main").await;
        let mut open = story.clone();
        open.commit(&[story.tip()], "open", &[("open", b"open")]);
        let back = PushRequest { objects: open.inline(), force: true, ..open.push_to("main") };
        server.push(&anna, "anna/song", back).await.assert_status(200);
        server.push_story(&anna, "anna/song", &story, "solo").await;
        public(&server, &anna).await;
        let only = json!({ "default_branch_only": true });
        fork(&server, &boris, only).await.assert_status(202);
        settled(&server).await;
        assert_eq!(server.head(&boris, "boris/song", "main").await, Some(open.tip()));
        assert_eq!(server.head(&boris, "boris/song", "solo").await, None);
        let commit = format!("/boris/song/commit/{}", secret.tip());
        server.get(&commit).by(&boris).send().await.assert_status(404);
        let object = testkit::object(b"secret").object_id;
        assert_eq!(server.missing(&boris, "boris/song", &[object]).await, [object]);
    }
}

on_both! {
    async fn who_may_fork_what_and_where_to(ground: Ground) {
        let (server, anna, boris, _) = house(&ground).await;
        fork(&server, &boris, json!({})).await.assert_status(404);
        server.post(&format!("{SONG}/forks")).json(&json!({})).send().await.assert_status(401);
        // A private one can be forked when that is said.
        fork(&server, &anna, json!({ "name": "hymn" })).await.assert_refused(403, "forbidden");
        public(&server, &anna).await;
        fork(&server, &anna, json!({})).await.assert_refused(409, "name_taken");
        fork(&server, &boris, json!({ "name": ".git" })).await.assert_refused(422, "invalid");
        fork(&server, &boris, json!({ "owner": "anna", "name": "x" })).await.assert_status(404);
        patch(&server, SONG, &anna, json!({ "allow_forks": false })).await.assert_status(200);
        fork(&server, &boris, json!({})).await.assert_refused(403, "forbidden");
        patch(&server, SONG, &anna, json!({ "allow_forks": true })).await.assert_status(200);
        post(&server, &format!("{SONG}/archive"), &anna, json!({})).await.assert_status(200);
        // What is archived stays as it is.
        fork(&server, &boris, json!({})).await.assert_status(202);
        settled(&server).await;
        // Where the source is not to be seen any more, it is not named.
        post(&server, &format!("{SONG}/unarchive"), &anna, json!({})).await.assert_status(200);
        patch(&server, SONG, &anna, json!({ "visibility": "private" })).await.assert_status(200);
        let shown = server.get("/api/v1/repos/boris/song").by(&boris).send().await;
        shown.assert_status(200);
        assert_eq!(shown.json()["forked_from"], Value::Null);
        assert_eq!(shown.json()["visibility"], "public");
    }
}

/// Whether the fork is there for its owner, in itself and in lists.
async fn is_seen(server: &Server, boris: &Person) -> bool {
    let one = server.get("/api/v1/repos/boris/song").by(boris).send().await.status;
    let page = server.get("/boris/song").by(boris).send().await.status;
    let list = server.get("/api/v1/repos?owner=boris").by(boris).send().await.json();
    let listed = !list["items"].as_array().unwrap().is_empty();
    assert_eq!((one == 200, page == 200), (listed, listed), "{one} {page}");
    listed
}

on_both! {
    async fn what_was_made_from_something_private_stays_behind_it(ground: Ground) {
        let (mut server, anna, boris, story) = house(&ground).await;
        patch(&server, SONG, &anna, json!({ "allow_forks": true })).await.assert_status(200);
        let level = format!("{SONG}/collaborators/boris");
        put(&server, &level, &anna, json!({ "level": "read" })).await.assert_status(200);
        let new = json!({ "handle": "band" });
        post(&server, "/api/v1/orgs", &boris, new).await.assert_status(201);
        // An organization may not read it.
        let elsewhere = fork(&server, &boris, json!({ "owner": "band" })).await;
        elsewhere.assert_refused(409, "conflict");
        let made = fork(&server, &boris, json!({})).await;
        made.assert_status(202);
        assert_eq!(made.json()["visibility"], "private");
        settled(&server).await;
        assert_eq!(server.head(&boris, "boris/song", "main").await, Some(story.tip()));
        let target = "/api/v1/repos/boris/song";
        let show = json!({ "visibility": "public", "confirm": "boris/song" });
        patch(&server, target, &boris, show.clone()).await.assert_refused(409, "conflict");
        let deeper = json!({ "name": "deeper" });
        patch(&server, target, &boris, json!({ "allow_forks": true })).await.assert_status(200);
        post(&server, &format!("{target}/forks"), &boris, deeper).await.assert_refused(403, "forbidden");
        // Nor may it be handed to somebody who may not read the source.
        let away = json!({ "to": "band", "confirm": "boris/song" });
        let away = post(&server, &format!("{target}/transfer"), &boris, away).await;
        away.assert_refused(409, "conflict");

        delete(&server, &level, &anna).await.assert_status(204);
        assert!(!is_seen(&server, &boris).await);
        // Whoever owns the source sees it still, and nobody else does.
        server.get(target).by(&anna).send().await.assert_status(200);
        server.get("/boris/song/raw/main/README.md").by(&anna).send().await.assert_status(200);
        let carol = server.register("carol").await;
        server.get(target).by(&carol).send().await.assert_status(404);
        let push = server.push(&boris, "boris/song", story.push_to("main")).await;
        push.assert_status(404);
        put(&server, &level, &anna, json!({ "level": "read" })).await.assert_status(200);
        assert!(is_seen(&server, &boris).await);

        // Suspended for thirty days, it is deleted.
        delete(&server, &level, &anna).await.assert_status(204);
        order(&server, "/api/v1/admin/schedules/hub.forks/run").await.assert_status(200);
        settled(&server).await;
        server.stop().await;
        let db = ground.db(&server).await;
        let mut tx = db.write().await.unwrap();
        store::age_suspended(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        db.close().await;
        server.restart().await;
        order(&server, "/api/v1/admin/schedules/hub.forks/run").await.assert_status(200);
        settled(&server).await;
        put(&server, &level, &anna, json!({ "level": "read" })).await.assert_status(200);
        assert!(!is_seen(&server, &boris).await);
        let deleted = server.get("/api/v1/repos?deleted=1").by(&boris).send().await.json();
        assert_eq!(deleted["items"][0]["full_name"], "boris/song");
        post(&server, &format!("{target}/restore"), &boris, json!({})).await.assert_status(200);
        assert!(is_seen(&server, &boris).await);

        // What the source shows to everybody binds nobody.
        public(&server, &anna).await;
        patch(&server, target, &boris, show).await.assert_status(200);
        patch(&server, SONG, &anna, json!({ "visibility": "private" })).await.assert_status(200);
        delete(&server, &level, &anna).await.assert_status(204);
        assert!(is_seen(&server, &boris).await);
    }
}

on_both! {
    async fn topics_find_repositories_and_what_is_no_topic_is_told(ground: Ground) {
        let (server, anna, boris, story) = house(&ground).await;
        let about = json!({ "topics": ["tides", "music", "tides"], "licence": "MIT" });
        let after = patch(&server, SONG, &anna, about).await;
        after.assert_status(200);
        assert_eq!(after.json()["topics"], json!(["music", "tides"]));
        assert_eq!(after.json()["licence"], "MIT");
        let wrong = patch(&server, SONG, &anna, json!({ "topics": ["A b"], "licence": "the MIT one" })).await;
        wrong.assert_refused(422, "invalid");
        assert_eq!(wrong.json()["errors"].as_array().unwrap().len(), 2, "{}", wrong.text());
        server.push_story(&boris, "boris/other", &story, "main").await;
        patch(&server, "/api/v1/repos/boris/other", &boris, json!({ "topics": ["music"] }))
            .await
            .assert_status(200);
        let found = async |person: &Person, query: &str| {
            let list = server.get(&format!("/api/v1/repos?{query}")).by(person).send().await.json();
            list["items"].as_array().unwrap().len()
        };
        assert_eq!(found(&anna, "topic=music").await, 1);
        assert_eq!(found(&boris, "topic=music&owner=anna").await, 0);
        public(&server, &anna).await;
        assert_eq!(found(&boris, "topic=music").await, 2);
        assert_eq!(found(&boris, "topic=music&owner=anna").await, 1);
        assert_eq!(found(&boris, "topic=tides").await, 1);
        assert_eq!(found(&boris, "topic=none").await, 0);
        server.get("/api/v1/repos?topic=A%20b").send().await.assert_refused(422, "invalid");
        // By what is kept how, for whom, on which terms, and in another order.
        assert_eq!(found(&anna, "owner=anna&format=muse&visibility=public").await, 1);
        assert_eq!(found(&anna, "owner=anna&format=git").await, 0);
        assert_eq!(found(&anna, "owner=anna&licence=MIT&sort=stars").await, 1);
        assert_eq!(found(&anna, "owner=anna&licence=ISC").await, 0);
        assert_eq!(found(&anna, "owner=anna&language=Cobol").await, 0);
        assert_eq!(found(&boris, "owner=anna&visibility=private").await, 0);
        let wrong = "/api/v1/repos?format=svn&visibility=secret&sort=age";
        let wrong = server.get(wrong).send().await;
        wrong.assert_refused(422, "invalid");
        assert_eq!(wrong.json()["errors"].as_array().unwrap().len(), 3, "{}", wrong.text());
        let explored = server.get("/explore?topic=tides").send().await.text();
        assert!(explored.contains("/anna/song"), "{explored}");
        let none = server.get("/explore?topic=none").send().await.text();
        assert!(none.contains("Nothing that you may see is like this. It would be about none"), "{none}");
        let taken = patch(&server, SONG, &anna, json!({ "topics": [], "licence": "" })).await.json();
        assert_eq!((&taken["topics"], &taken["licence"]), (&json!([]), &Value::Null));
    }
}
