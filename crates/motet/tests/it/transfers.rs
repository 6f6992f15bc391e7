//! A repository is handed on: it waits to be taken, and then everything of it moves (`spec/hub.md` 1; H09).

use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Person, Server, Story};

use crate::{
    ground::{Ground, on_both},
    organizations::{delete, post, put},
    store,
};

const SONG: &str = "/api/v1/repos/anna/song";

async fn house(ground: &Ground) -> (Server, Person, Person, Story) {
    let server = ground.server().start().await;
    let (anna, boris) = (server.register("anna").await, server.register("boris").await);
    let story = Story::of_one("a song");
    server.push_story(&anna, "anna/song", &story, "main").await;
    (server, anna, boris, story)
}

async fn hand_on(server: &Server, by: &Person, to: &str) -> Answer {
    let asked = json!({ "to": to, "confirm": "anna/song" });
    post(server, &format!("{SONG}/transfer"), by, asked).await
}

async fn waiting(server: &Server, person: &Person) -> Value {
    server.get("/api/v1/transfers").by(person).send().await.json()["items"].clone()
}

/// What a repository uses, and what its owner does.
async fn used(server: &Server, person: &Person, repository: &str) -> (u64, u64) {
    let target = format!("/api/v1/repos/{repository}/usage");
    let usage = server.get(&target).by(person).send().await.json();
    let number = |kind: &str| usage[kind]["used"].as_u64().unwrap();
    (number("bytes"), number("owner_bytes"))
}

/// Nothing of the repository has changed.
async fn is_anna_s(server: &Server, anna: &Person, story: &Story) {
    let shown = server.get(SONG).by(anna).send().await;
    shown.assert_status(200);
    assert_eq!(shown.json()["owner"], "anna");
    assert_eq!(used(server, anna, "anna/song").await, (6, 6));
    assert_eq!(server.head(anna, "anna/song", "main").await, Some(story.tip()));
}

on_both! {
    async fn it_waits_to_be_taken_and_declined_nothing_has_changed(ground: Ground) {
        let (server, anna, boris, story) = house(&ground).await;
        let carol = server.register("carol").await;
        let asked = hand_on(&server, &anna, "boris").await;
        asked.assert_status(202);
        let id = asked.json()["id"].as_str().unwrap().to_owned();
        is_anna_s(&server, &anna, &story).await;
        server.get(SONG).by(&boris).send().await.assert_status(404);
        for (person, count) in [(&anna, 1), (&boris, 1), (&carol, 0)] {
            assert_eq!(waiting(&server, person).await.as_array().unwrap().len(), count);
        }
        // Whom it is not for does not learn that it is there.
        for verb in ["accept", "decline"] {
            let target = format!("/api/v1/transfers/{id}/{verb}");
            let never = "/api/v1/transfers/00000000-0000-7000-8000-000000000000/decline";
            for person in [&anna, &carol] {
                let hidden = post(&server, &target, person, json!({})).await;
                let missing = post(&server, never, person, json!({})).await;
                hidden.assert_status(404);
                assert_eq!(hidden.faceless(), missing.faceless());
            }
        }
        let decline = format!("/api/v1/transfers/{id}/decline");
        post(&server, &decline, &boris, json!({})).await.assert_status(204);
        is_anna_s(&server, &anna, &story).await;
        assert_eq!(waiting(&server, &boris).await, json!([]));
        post(&server, &decline, &boris, json!({})).await.assert_status(404);
        // What is taken back is not there either.
        hand_on(&server, &anna, "boris").await.assert_status(202);
        delete(&server, &format!("{SONG}/transfer"), &anna).await.assert_status(204);
        assert_eq!(waiting(&server, &boris).await, json!([]));
        is_anna_s(&server, &anna, &story).await;
    }
}

on_both! {
    async fn taken_its_owner_quota_and_address_have_moved(ground: Ground) {
        let (server, anna, boris, story) = house(&ground).await;
        let carol = server.register("carol").await;
        for person in ["boris", "carol"] {
            let level = json!({ "level": "read" });
            put(&server, &format!("{SONG}/collaborators/{person}"), &anna, level)
                .await
                .assert_status(200);
        }
        let asked = hand_on(&server, &anna, "boris").await.json();
        let accept = format!("/api/v1/transfers/{}/accept", asked["id"].as_str().unwrap());
        let taken = post(&server, &accept, &boris, json!({})).await;
        taken.assert_status(200);
        assert_eq!(taken.json()["full_name"], "boris/song");
        assert_eq!(used(&server, &boris, "boris/song").await, (6, 6));
        assert_eq!(server.head(&boris, "boris/song", "main").await, Some(story.tip()));
        server.push_story(&anna, "anna/other", &Story::of_one("x"), "main").await;
        assert_eq!(used(&server, &anna, "anna/other").await, (1, 1));
        // Members stay; the new owner needs no level, the former one has none.
        let members = server.get("/api/v1/repos/boris/song/collaborators").by(&boris).send().await;
        let handles: Vec<_> = members.json()["items"].as_array().unwrap().clone();
        assert_eq!(handles.len(), 1);
        assert_eq!(handles[0]["handle"], "carol");
        server.get("/boris/song").by(&anna).send().await.assert_status(404);
        // The former address leads on for those who may read it, and for nobody else.
        let moved = server.get("/anna/song/commits/main").by(&carol).send().await;
        moved.assert_status(301);
        assert_eq!(moved.header("location"), "/boris/song/commits/main");
        assert_eq!(server.get(SONG).by(&carol).send().await.json()["moved_to"], "boris/song");
        let hidden = server.get("/anna/song").by(&anna).send().await;
        let missing = server.get("/anna/nope").by(&anna).send().await;
        assert_eq!(hidden.faceless(), missing.faceless().replace("nope", "song"));
        // It is written down once: both are in the chain of the install.
        let log = "/api/v1/admin/audit?action=repo_transferred";
        let rows = server.get(log).by(&server.operator()).send().await.json();
        assert_eq!(rows["items"].as_array().unwrap().len(), 1);
        assert_eq!(rows["items"][0]["detail"]["to"], "boris/song");
        // It was one offer, and it is over.
        post(&server, &accept, &boris, json!({})).await.assert_status(404);
    }
}

on_both! {
    async fn after_seven_days_nobody_takes_it(ground: Ground) {
        let (mut server, anna, boris, story) = house(&ground).await;
        let asked = hand_on(&server, &anna, "boris").await.json();
        server.stop().await;
        let db = ground.db(&server).await;
        let mut tx = db.write().await.unwrap();
        store::end_transfers(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        db.close().await;
        server.restart().await;
        assert_eq!(waiting(&server, &boris).await, json!([]));
        let accept = format!("/api/v1/transfers/{}/accept", asked["id"].as_str().unwrap());
        post(&server, &accept, &boris, json!({})).await.assert_status(404);
        is_anna_s(&server, &anna, &story).await;
        // The job that forgets it has run.
        crate::ground::settled(&server).await;
        hand_on(&server, &anna, "boris").await.assert_status(202);
    }
}

on_both! {
    async fn to_where_its_owner_makes_repositories_it_goes_at_once_and_both_chains_tell(ground: Ground) {
        let (server, anna, boris, story) = house(&ground).await;
        let new = json!({ "handle": "choir" });
        post(&server, "/api/v1/orgs", &anna, new).await.assert_status(201);
        let over = hand_on(&server, &anna, "choir").await;
        over.assert_status(200);
        assert_eq!(over.json()["full_name"], "choir/song");
        assert_eq!(server.head(&anna, "choir/song", "main").await, Some(story.tip()));
        let db = ground.db(&server).await;
        let noted = store::noted_in(&mut db.glance().await.unwrap(), "choir").await.unwrap();
        db.close().await;
        assert!(noted.contains(&"repo_transferred".to_owned()), "{noted:?}");
        let log = "/api/v1/admin/audit?action=repo_transferred";
        let rows = server.get(log).by(&server.operator()).send().await.json();
        assert_eq!(rows["items"].as_array().unwrap().len(), 1);
        // From an organization to a person it waits; an admin of the organization that gets it decides.
        let asked = json!({ "to": "boris", "confirm": "choir/song" });
        let asked = post(&server, "/api/v1/repos/choir/song/transfer", &anna, asked).await;
        asked.assert_status(202);
        assert_eq!(waiting(&server, &boris).await.as_array().unwrap().len(), 1);
    }
}

on_both! {
    async fn who_may_not_or_has_no_room_changes_nothing(ground: Ground) {
        let (server, anna, boris, story) = house(&ground).await;
        let carol = server.register("carol").await;
        let level = json!({ "level": "admin" });
        put(&server, &format!("{SONG}/collaborators/carol"), &anna, level).await.assert_status(200);
        hand_on(&server, &carol, "carol").await.assert_refused(403, "forbidden");
        hand_on(&server, &boris, "boris").await.assert_status(404);
        hand_on(&server, &anna, "nobody").await.assert_refused(422, "invalid");
        hand_on(&server, &anna, "anna").await.assert_refused(422, "invalid");
        let unmeant = json!({ "to": "boris", "confirm": "song" });
        let unmeant = post(&server, &format!("{SONG}/transfer"), &anna, unmeant).await;
        unmeant.assert_refused(422, "invalid");
        let scope = json!({ "scope": { "planes": { "hub": "write" }, "repositories": "all" } });
        let token = post(&server, "/api/v1/tokens", &anna, scope).await.json();
        let bearer = format!("Bearer {}", token["value"].as_str().unwrap());
        let by_token = server.post(&format!("{SONG}/transfer"));
        let by_token = by_token.json(&json!({ "to": "boris", "confirm": "anna/song" }));
        let by_token = by_token.header("authorization", &bearer).send().await;
        by_token.assert_refused(401, "bearer_refused");

        let asked = hand_on(&server, &anna, "boris").await.json();
        let accept = format!("/api/v1/transfers/{}/accept", asked["id"].as_str().unwrap());
        let limit = server.request(Method::PUT, "/api/v1/admin/quotas/boris");
        let limit = limit.json(&json!({ "bytes": 5 })).by(&server.operator());
        limit.send().await.assert_status(200);
        post(&server, &accept, &boris, json!({})).await.assert_refused(413, "quota_exceeded");
        is_anna_s(&server, &anna, &story).await;
        let limit = server.request(Method::PUT, "/api/v1/admin/quotas/boris");
        let limit = limit.json(&json!({ "bytes": 500 })).by(&server.operator());
        limit.send().await.assert_status(200);
        server.push_story(&boris, "boris/song", &Story::of_one("y"), "main").await;
        post(&server, &accept, &boris, json!({})).await.assert_refused(409, "name_taken");
        let handed = post(&server, &accept, &boris, json!({ "name": "hymn" })).await;
        handed.assert_status(200);
        assert_eq!(used(&server, &boris, "boris/hymn").await, (6, 7));
    }
}
