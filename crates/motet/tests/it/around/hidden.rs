//! What is private, deleted or not there any more is in no list, feed, profile or count of a stranger, from the
//! transaction of the change on (H11, H18, H20).

use super::*;
use crate::store;

/// Every address at which the repository or what happened in it could be seen without asking for the repository itself.
const AROUND: [&str; 13] = [
    "/anna",
    "/anna?tab=activity",
    "/anna.atom",
    "/boris",
    "/boris?tab=stars",
    "/boris?tab=activity",
    "/boris.atom",
    "/explore",
    "/explore?sort=stars",
    "/api/v1/principals/anna/activity",
    "/api/v1/principals/boris/activity",
    "/api/v1/principals/boris/starred",
    "/api/v1/principals/anna/heatmap",
];

/// Those of the repository.
const OWN: [&str; 9] = [
    "/anna/song/activity",
    "/anna/song/stargazers",
    "/anna/song/watchers",
    "/anna/song/activity.atom",
    "/anna/song/commits/main.atom",
    "/anna/song/tags.atom",
    "/anna/song/releases.atom",
    "/api/v1/repos/anna/song/activity",
    "/api/v1/repos/anna/song/stargazers",
];

async fn seen(server: &Server, by: Option<&Person>) -> Vec<String> {
    let mut seen = Vec::new();
    for target in AROUND {
        let answer = server.get(target).by_some(by).send().await;
        answer.assert_status(200);
        if answer.text().contains("song") {
            seen.push(target.to_owned());
        }
    }
    for target in OWN {
        let answer = server.get(target).by_some(by).send().await;
        if answer.status == 200 {
            seen.push(target.to_owned());
        } else {
            let missing = server.get(&target.replace("song", "absent")).by_some(by).send().await;
            assert_eq!(answer.faceless(), missing.faceless().replace("absent", "song"), "{target}");
        }
    }
    seen
}

async fn street(ground: &Ground) -> (Server, Person, Person) {
    let (server, anna, boris, story) = house(ground).await;
    crate::releases::publish(&server, &anna, "anna/song", &story, "v1.0.0").await;
    put(&server, &format!("{SONG}/star"), &boris, json!({})).await.assert_status(204);
    let watch = json!({ "level": "all" });
    put(&server, &format!("{SONG}/subscription"), &boris, watch).await.assert_status(204);
    (server, anna, boris)
}

on_both! {
    async fn turned_private_it_is_gone_from_every_list_and_turned_public_it_is_back(ground: Ground) {
        let (server, anna, boris) = street(&ground).await;
        let carol = server.register("carol").await;
        let there = seen(&server, None).await;
        assert_eq!(there.len(), AROUND.len() + OWN.len() - 2, "all but the map, which names nothing, and what boris owns: {there:?}");
        show_to(&server, &anna, "private").await;
        for by in [None, Some(&boris), Some(&carol)] {
            assert_eq!(seen(&server, by).await, Vec::<String>::new(), "{by:?}");
        }
        let map = server.get("/api/v1/principals/anna/heatmap").send().await.json();
        assert_eq!(map["own"], json!([]));
        // What boris watches tells him nothing either, and he may not take the star back.
        let cookie = sign_in(&server, &boris).await;
        assert!(!page(&server, "/", Some(&cookie)).await.text().contains("song"));
        delete(&server, &format!("{SONG}/star"), &boris).await.assert_status(404);
        // Members see all of it, stars that strangers set among it.
        assert_eq!(items(&server, &format!("{SONG}/stargazers"), Some(&anna)).await.len(), 1);
        assert_eq!(seen(&server, Some(&anna)).await.len(), there.len());
        let member = json!({ "level": "read" });
        put(&server, &format!("{SONG}/collaborators/boris"), &anna, member).await.assert_status(204);
        assert_eq!(items(&server, "/api/v1/principals/boris/starred", Some(&boris)).await.len(), 1);
        assert_eq!(items(&server, "/api/v1/principals/boris/starred", Some(&carol)).await.len(), 0);
        assert!(page(&server, "/", Some(&cookie)).await.text().contains("anna/song"));
        show_to(&server, &anna, "public").await;
        assert_eq!(seen(&server, None).await, there);
        assert_eq!(server.get(SONG).send().await.json()["stars"], 1);
    }
}

on_both! {
    async fn deleted_it_is_gone_from_every_list_and_restored_it_is_back(ground: Ground) {
        let (server, anna, boris) = street(&ground).await;
        let there = seen(&server, None).await;
        let confirm = json!({ "confirm": "anna/song" });
        server.request(Method::DELETE, SONG).json(&confirm).by(&anna).send().await.assert_status(204);
        for by in [None, Some(&boris), Some(&anna)] {
            assert_eq!(seen(&server, by).await, Vec::<String>::new(), "{by:?}");
        }
        post(&server, &format!("{SONG}/restore"), &anna, json!({})).await.assert_status(200);
        assert_eq!(seen(&server, None).await, there);
        assert_eq!(server.get(SONG).send().await.json()["watchers"], 1);
    }
}

on_both! {
    /// A fork that only some see is not told of in what it was made from.
    async fn who_forked_it_privately_is_nobody_s_business(ground: Ground) {
        let (server, anna, boris, _) = house(&ground).await;
        post(&server, &format!("{SONG}/forks"), &boris, json!({ "name": "cover" })).await.assert_status(202);
        settled(&server).await;
        let list = format!("{SONG}/activity?kind=people");
        let told = items(&server, &list, None).await;
        assert_eq!((told.len(), &told[0]["fork"]), (1, &json!("boris/cover")));
        let hide = json!({ "visibility": "private" });
        patch(&server, "/api/v1/repos/boris/cover", &boris, hide).await.assert_status(200);
        for by in [None, Some(&anna)] {
            assert_eq!(items(&server, &list, by).await.len(), 0);
            let feed = server.get("/anna/song/activity.atom").by_some(by).send().await;
            assert!(!feed.text().contains("cover"));
        }
        assert_eq!(items(&server, &list, Some(&boris)).await.len(), 1);
    }
}

on_both! {
    /// `spec/trust.md` 13: what somebody set is taken along, and goes when they have left.
    async fn whoever_leaves_takes_their_stars_along(ground: Ground) {
        let mut server = ground.server().start().await;
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let new = json!({ "name": "song", "visibility": "public" });
        post(&server, "/api/v1/repos", &anna, new).await.assert_status(201);
        put(&server, &format!("{SONG}/star"), &boris, json!({})).await.assert_status(204);
        put(&server, &format!("{SONG}/subscription"), &boris, json!({ "level": "all" })).await.assert_status(204);
        put(&server, "/api/v1/following/anna", &boris, json!({})).await.assert_status(204);
        put(&server, "/api/v1/following/boris", &anna, json!({})).await.assert_status(204);
        let leave = server.request(Method::DELETE, "/api/v1/me").json(&json!({ "confirm": "boris" }));
        leave.by(&boris).send().await.assert_status(204);
        for list in [format!("{SONG}/stargazers"), format!("{SONG}/watchers"), "/api/v1/principals/anna/followers".to_owned(), "/api/v1/principals/anna/following".to_owned()] {
            assert_eq!(items(&server, &list, None).await.len(), 0, "{list}");
        }
        server.get("/boris.atom").send().await.assert_status(404);
        crate::ground::order(&server, "/api/v1/admin/schedules/hub.purge/run").await.assert_status(200);
        settled(&server).await;
        let shown = server.get(SONG).send().await.json();
        assert_eq!((&shown["stars"], &shown["watchers"]), (&json!(0), &json!(0)));
        // What somebody did stays, by the name that nobody else gets.
        assert_eq!(items(&server, &format!("{SONG}/activity"), None).await.len(), 1);
        server.stop().await;
        let db = ground.db(&server).await;
        let mut tx = db.write().await.unwrap();
        assert_eq!(store::marks_left(&mut tx).await.unwrap(), 0);
    }
}
