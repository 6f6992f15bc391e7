//! Each change makes its row, in its transaction, on every way in; what is refused makes none.

use super::*;
use crate::{releases, working_copies::Desk};

const ACTIVITY: &str = "/api/v1/repos/anna/song/activity?limit=100";

fn of<'a>(items: &'a [Value], kind: &str) -> Vec<&'a Value> {
    items.iter().filter(|it| it["type"] == kind).collect()
}

/// Of each subject the numbers begin at 1 and have no gap but for what is shown to nobody.
fn assert_numbered(items: &[Value]) {
    let mut seen: std::collections::BTreeMap<&str, Vec<u64>> = std::collections::BTreeMap::new();
    for item in items.iter().rev() {
        let number = item["sequence"].as_u64().unwrap();
        seen.entry(item["subject"].as_str().unwrap()).or_default().push(number);
    }
    for (subject, mut numbers) in seen {
        numbers.sort_unstable();
        let wanted: Vec<u64> = (1..=numbers.len() as u64).collect();
        assert_eq!(numbers, wanted, "{subject}");
    }
}

on_both! {
    /// H73.
    async fn every_change_of_a_repository_makes_its_row(ground: Ground) {
        let (server, anna, boris, mut story) = house(&ground).await;
        let first = story.tip();
        let second = story.commit(&[first], "second", &[("README.md", b"la")]);
        story.commit(&[second], "third", &[("README.md", b"la la")]);
        server.push_story(&anna, "anna/song", &story, "main").await;
        releases::publish(&server, &anna, "anna/song", &story, "v1.0.0").await;
        let retracted = server.request(Method::DELETE, "/anna/song/releases/v1.0.0").by(&anna).send().await;
        assert!(retracted.status < 300, "{}", retracted.text());
        patch(&server, SONG, &anna, json!({ "description": "What we sing", "topics": ["music"] })).await.assert_status(200);
        put(&server, &format!("{SONG}/star"), &boris, json!({})).await.assert_status(204);
        post(&server, &format!("{SONG}/forks"), &boris, json!({})).await.assert_status(202);
        settled(&server).await;
        post(&server, &format!("{SONG}/archive"), &anna, json!({})).await.assert_status(200);
        post(&server, &format!("{SONG}/unarchive"), &anna, json!({})).await.assert_status(200);
        show_to(&server, &anna, "private").await;
        show_to(&server, &anna, "public").await;
        patch(&server, SONG, &anna, json!({ "name": "hymn" })).await.assert_status(200);
        patch(&server, "/api/v1/repos/anna/hymn", &anna, json!({ "name": "song" })).await.assert_status(200);
        let gone = server.request(Method::DELETE, SONG).json(&json!({ "confirm": "anna/song" })).by(&anna).send().await;
        gone.assert_status(204);
        post(&server, &format!("{SONG}/restore"), &anna, json!({})).await.assert_status(200);
        let asked = json!({ "to": "boris", "confirm": "anna/song" });
        let asked = post(&server, &format!("{SONG}/transfer"), &anna, asked).await.json();
        let accept = format!("/api/v1/transfers/{}/accept", asked["id"].as_str().unwrap());
        post(&server, &accept, &boris, json!({ "name": "anthem" })).await.assert_status(200);

        let found = items(&server, "/api/v1/repos/boris/anthem/activity?limit=100", Some(&boris)).await;
        let mut kinds = types(&found);
        kinds.sort_unstable();
        assert_eq!(
            kinds,
            [
                "push", "push", "push", "ref.created", "ref.created", "release.published", "release.yanked",
                "repository.archived", "repository.archived", "repository.created", "repository.deleted",
                "repository.forked", "repository.renamed", "repository.renamed", "repository.restored",
                "repository.starred", "repository.transferred", "repository.visibility_changed",
                "repository.visibility_changed", "settings.edited",
            ],
        );
        assert_eq!(found.last().unwrap()["type"], "repository.created");
        assert_eq!(found[0]["type"], "repository.transferred");
        assert_eq!((&found[0]["actor"]["handle"], &found[0]["repository"]), (&json!("boris"), &json!("boris/anthem")));
        let edited = of(&found, "settings.edited");
        assert_eq!(edited[0]["data"], json!({ "fields": ["description", "topics"] }));
        let pushes = of(&found, "push");
        let (tag, moved, made) = (&pushes[0]["data"], &pushes[1]["data"], &pushes[2]["data"]);
        assert_eq!((&made["created"], &made["commits_total"], &made["before"]), (&json!(true), &json!(1), &Value::Null));
        assert_eq!((&moved["before"], &moved["after"]), (&json!(first.to_string()), &json!(story.tip().to_string())));
        assert_eq!((&moved["commits_total"], &moved["forced"], &moved["ref"]), (&json!(2), &json!(false), &json!("refs/heads/main")));
        assert_eq!((&tag["ref"], &tag["commits_total"]), (&json!("refs/tags/v1.0.0"), &json!(0)));
        // The fork has its own: made, and what came along.
        let fork = items(&server, "/api/v1/repos/boris/song/activity", Some(&boris)).await;
        assert_eq!(types(&fork)[0], "repository.created");
        assert_eq!(of(&fork, "ref.created").len(), 2);
        assert_eq!(of(&fork, "push").len(), 0);
    }
}

on_both! {
    /// H73: wire 1, wire 2 and a forced push; a push that is refused or brings nothing makes no row.
    async fn each_way_to_push_makes_one_row_and_a_refused_one_none(ground: Ground) {
        let server = ground.server().start().await;
        let (origin, desk) = (server.base_url(), Desk::new());
        desk.commit("song", "one\n");
        desk.ok(&["keygen"]);
        desk.ok(&["register", &origin, "anna"]);
        let address = format!("{origin}/anna/song");
        desk.ok(&["push", &address, "-u"]);
        desk.commit("song", "two\n");
        desk.ok(&["push"]);
        desk.ok(&["push"]);
        desk.ok(&["checkout", "-b", "draft"]);
        desk.commit("song", "three\n");
        desk.ok(&["push", "origin", "draft"]);
        desk.ok(&["push", "origin", "--delete", "draft"]);
        desk.ok(&["repo", "edit", "song", "--visibility", "public", "--confirm", "anna/song"]);
        let found = items(&server, ACTIVITY, None).await;
        assert_eq!(of(&found, "push").len(), 4, "{found:#?}");
        assert_eq!((of(&found, "ref.created").len(), of(&found, "ref.deleted").len()), (2, 1));
        assert_eq!(of(&found, "repository.created").len(), 1);
        let drafted = of(&found, "push").into_iter().find(|it| it["data"]["ref"] == "refs/heads/draft" && it["data"]["created"] == true);
        assert_eq!(drafted.unwrap()["data"]["commits_total"], 1, "those of the default branch are no news");
        assert_numbered(&found);
    }
}

on_both! {
    async fn what_is_refused_or_repeated_makes_no_row(ground: Ground) {
        let (server, anna, boris, story) = house(&ground).await;
        let before = items(&server, ACTIVITY, None).await;
        assert_eq!(types(&before).len(), 3, "{before:#?}");
        // The same push, one by somebody who may not, one that is no fast-forward.
        server.push_story(&anna, "anna/song", &story, "main").await;
        server.push(&boris, "anna/song", story.push_to("main")).await.assert_status(403);
        let other = Story::of_one("another song");
        server.push_objects(&anna, "anna/song", other.inline()).await.assert_status(200);
        server.push(&anna, "anna/song", other.push_to("main")).await.assert_status(409);
        patch(&server, SONG, &anna, json!({ "description": "" })).await.assert_status(200);
        patch(&server, SONG, &anna, json!({ "unknown": 1 })).await.assert_status(422);
        post(&server, &format!("{SONG}/archive"), &boris, json!({})).await.assert_status(403);
        assert_eq!(items(&server, ACTIVITY, None).await, before);
        assert_numbered(&before);
    }
}

on_both! {
    async fn a_list_goes_on_by_cursor_and_is_filtered_by_kind(ground: Ground) {
        let (server, anna, boris, _) = house(&ground).await;
        for number in 0..7 {
            patch(&server, SONG, &anna, json!({ "description": format!("verse {number}") })).await.assert_status(200);
        }
        put(&server, &format!("{SONG}/star"), &boris, json!({})).await.assert_status(204);
        let whole = items(&server, ACTIVITY, None).await;
        let (mut pages, mut target) = (Vec::new(), format!("{SONG}/activity?limit=4"));
        loop {
            let answer = server.get(&target).send().await;
            answer.assert_status(200);
            let body = answer.json();
            pages.extend(body["items"].as_array().unwrap().clone());
            let Some(cursor) = body["next_cursor"].as_str() else { break };
            assert!(answer.header("link").contains(cursor));
            target = format!("{SONG}/activity?limit=4&cursor={cursor}");
        }
        assert_eq!(pages, whole);
        for (kind, count) in [("settings", 8), ("people", 1), ("pushes", 2), ("releases", 0), ("all", 11)] {
            let found = items(&server, &format!("{SONG}/activity?limit=100&kind={kind}"), None).await;
            assert_eq!(found.len(), count, "{kind}: {found:#?}");
        }
        server.get(&format!("{SONG}/activity?kind=odd")).send().await.assert_status(400);
        server.get(&format!("{SONG}/activity?cursor=odd")).send().await.assert_status(400);
        // The page says the same, by day, with a link for each kind.
        let shown = page(&server, "/anna/song/activity", None).await.text();
        for part in ["starred ", "changed description", "made the branch ", "/anna/song/activity?show=releases", "aria-current=\"true\">Everything"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        let people = page(&server, "/anna/song/activity?show=people", None).await.text();
        assert!(people.contains("starred ") && !people.contains("changed description"));
        let none = page(&server, "/anna/song/activity?show=releases", None).await.text();
        assert!(none.contains("Nothing of this kind has happened yet."));
    }
}
