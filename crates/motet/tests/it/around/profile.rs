//! Profiles, their maps, the start page and what is used.

use history::CommitTime;
use names::{Clock, CommitId, UnixMillis};

use super::*;
use crate::organizations;

const DAY: i64 = 86_400_000;

/// The moment so many days ago, at noon or, for what is of today, just before now.
fn days_ago(days: i64) -> UnixMillis {
    let now = Clock::default().now();
    if days == 0 { now } else { UnixMillis((now.0 - days * DAY).div_euclid(DAY) * DAY + DAY / 2) }
}

fn date(at: UnixMillis) -> String {
    at.to_string()[..10].to_owned()
}

/// Adds a commit of that day, signed by somebody or by nobody.
fn commit(story: &mut Story, parents: &[CommitId], days: i64, by: Option<&Person>) -> CommitId {
    let keep = story.keep(b"la");
    let snapshot = story.snapshot([("README.md".parse().unwrap(), keep)].into_iter().collect());
    let number = story.commits.len();
    let at = CommitTime::from_millis(days_ago(days)).to_string();
    let id = story.commit_of(parents, snapshot, &format!("verse {number}"), &at);
    if let Some(by) = by {
        story.sign(by);
    }
    id
}

/// The counts of a map by the date, as they were handed out.
async fn map(server: &Server, handle: &str, by: Option<&Person>) -> (Value, Value) {
    let target = format!("/api/v1/principals/{handle}/heatmap");
    let answer = server.get(&target).by_some(by).send().await;
    answer.assert_status(200);
    let map = answer.json();
    (map["own"].clone(), map["by_agents"].clone())
}

fn day(days: i64, count: u64, level: u8) -> Value {
    json!({ "date": date(days_ago(days)), "count": count, "level": level })
}

on_both! {
    /// C74.
    async fn a_map_counts_signed_commits_of_default_branches_day_by_day(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let new = json!({ "name": "song", "visibility": "public" });
        post(&server, "/api/v1/repos", &anna, new).await.assert_status(201);
        let mut story = Story::default();
        let mut tip = commit(&mut story, &[], 400, Some(&anna));
        // One, four and seven on three days; of others and of nobody they count for others and nobody.
        for (days, count) in [(30, 7), (20, 4), (10, 1)] {
            for _ in 0..count {
                tip = commit(&mut story, &[tip], days, Some(&anna));
            }
        }
        tip = commit(&mut story, &[tip], 10, Some(&boris));
        tip = commit(&mut story, &[tip], 10, None);
        server.push_story(&anna, "anna/song", &story, "main").await;
        settled(&server).await;
        let counted = json!([day(30, 7, 3), day(20, 4, 2), day(10, 1, 1)]);
        assert_eq!(map(&server, "anna", None).await, (counted.clone(), json!([])));
        assert_eq!(map(&server, "boris", None).await.0, json!([day(10, 1, 1)]));
        // A draft is no work yet; merged it is.
        let draft = commit(&mut story, &[tip], 5, Some(&anna));
        server.push_story(&anna, "anna/song", &story, "draft").await;
        assert_eq!(map(&server, "anna", None).await.0, counted);
        commit(&mut story, &[tip, draft], 5, Some(&anna));
        server.push_story(&anna, "anna/song", &story, "main").await;
        let merged = json!([day(30, 7, 3), day(20, 4, 2), day(10, 1, 1), day(5, 2, 1)]);
        assert_eq!(map(&server, "anna", None).await.0, merged);
        // The page shows the same, as a picture and as a table.
        let shown = page(&server, "/anna", None).await.text();
        for (days, count, class) in [(30, 7, "l3"), (20, 4, "l2"), (10, 1, "l1"), (5, 2, "l1")] {
            assert!(shown.contains(&format!("<title>{}: {count}</title>", date(days_ago(days)))), "{shown}");
            assert!(shown.contains(&format!("class=\"{class}\"")));
            assert!(shown.contains(&format!("<td>{count}</td>")));
        }
        assert!(shown.contains("14 in the last year"), "{shown}");
        // In a fork the same commits are the same work.
        post(&server, &format!("{SONG}/forks"), &boris, json!({})).await.assert_status(202);
        settled(&server).await;
        assert_eq!(map(&server, "anna", None).await.0, merged);
        // Moved back, what the branch does not lead to any more counts no more.
        let force = api::wire::PushRequest { force: true, ..story_until(&story, tip).push_to("main") };
        server.push(&anna, "anna/song", force).await.assert_status(200);
        settled(&server).await;
        let fork = json!({ "confirm": "boris/song" });
        server.request(Method::DELETE, "/api/v1/repos/boris/song").json(&fork).by(&boris).send().await.assert_status(204);
        assert_eq!(map(&server, "anna", None).await.0, counted);
        // Another branch is shown first: its work counts.
        patch(&server, SONG, &anna, json!({ "default_branch": "draft" })).await.assert_status(200);
        settled(&server).await;
        assert_eq!(map(&server, "anna", None).await.0, json!([day(30, 7, 3), day(20, 4, 2), day(10, 1, 1), day(5, 1, 1)]));
    }
}

/// An organization of somebody's.
async fn choir(server: &Server, owner: &Person) -> Person {
    let new = json!({ "handle": "choir" });
    post(server, "/api/v1/orgs", owner, new).await.assert_status(201);
    owner.clone()
}

/// The story up to a commit.
fn story_until(story: &Story, tip: CommitId) -> Story {
    let mut until = story.clone();
    let at = until.commits.iter().position(|it| it.commit_id == tip).unwrap();
    until.commits.truncate(at + 1);
    until
}

on_both! {
    async fn the_work_of_agents_is_a_map_of_its_own_and_private_work_is_for_those_who_see_it(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let loom = crate::matrix::agent(&server, &anna).await;
        let mut story = Story::default();
        let tip = commit(&mut story, &[], 3, Some(&anna));
        commit(&mut story, &[tip], 2, Some(&loom));
        server.push_story(&anna, "anna/song", &story, "main").await;
        let (own, by_agents) = (json!([day(3, 1, 1)]), json!([day(2, 1, 1)]));
        assert_eq!(map(&server, "anna", Some(&anna)).await, (own.clone(), by_agents.clone()));
        assert_eq!(map(&server, "loom", Some(&anna)).await, (by_agents.clone(), json!([])));
        for by in [None, Some(&boris)] {
            assert_eq!(map(&server, "anna", by).await, (json!([]), json!([])));
        }
        show_to(&server, &anna, "public").await;
        assert_eq!(map(&server, "anna", None).await, (own, by_agents));
        let shown = page(&server, "/anna", None).await.text();
        assert!(shown.contains("By their agents: 1 in the last year"), "{shown}");
        assert!(shown.contains(r#"<a href="/loom">loom</a>"#) && shown.contains("Agents"));
        let agent = page(&server, "/loom", None).await.text();
        assert!(agent.contains("Agent of") && agent.contains(r#"<a href="/anna">anna</a>"#), "{agent}");
    }
}

on_both! {
    async fn a_profile_shows_who_somebody_is_and_what_they_pinned(ground: Ground) {
        let (server, anna, boris, _) = house(&ground).await;
        let said = json!({ "display_name": "Anna A.", "bio": "Sings *loudly*. <script>alert(1)</script>", "website_url": "https://anna.example" });
        patch(&server, "/api/v1/me", &anna, said).await.assert_status(200);
        let private = json!({ "name": "diary" });
        post(&server, "/api/v1/repos", &anna, private).await.assert_status(201);
        let cookie = sign_in(&server, &anna).await;
        let mark = mark(&server, &cookie).await;
        let pin = |pins: &str| {
            let body = format!("pins={pins}&csrf={mark}");
            form(own_page(server.post("/settings/pins")), &cookie, &body)
        };
        let pinned = pin("anna/song+anna/diary").send().await;
        assert_eq!((pinned.status, pinned.header("location")), (303, "/anna"), "{}", pinned.text());
        pin("anna/none").send().await.assert_status(422);
        pin("a/a+a/b+a/c+a/d+a/e+a/f+a/g").send().await.assert_status(422);
        let own = page(&server, "/anna", Some(&cookie)).await.text();
        for part in ["Anna A.", "<em>loudly</em>", "https://anna.example", "Pinned", "diary", r#"value="anna/song anna/diary""#] {
            assert!(own.contains(part), "{part}: {own}");
        }
        let others = page(&server, "/anna", None).await.text();
        assert!(others.contains("Pinned") && !others.contains("diary") && !others.contains("<script>alert"));
        put(&server, "/api/v1/following/anna", &boris, json!({})).await.assert_status(204);
        for (tab, part) in [("followers", r#"href="/boris""#), ("following", "Nobody yet."), ("stars", "No star that you can see."), ("activity", "made "), ("odd", "Pinned")] {
            let shown = page(&server, &format!("/anna?tab={tab}"), None).await;
            shown.assert_status(200);
            assert!(shown.text().contains(part), "{tab}: {}", shown.text());
        }
        // Who is in an organization is told to those who are.
        let owner = choir(&server, &anna).await;
        let carol = server.register("carol").await;
        organizations::join(&server, &owner, &carol, "member").await;
        let sees = |by: Option<Person>, target: &'static str, word: &'static str| {
            let server = &server;
            async move { server.get(target).by_some(by.as_ref()).send().await.text().contains(word) }
        };
        assert!(sees(Some(owner.clone()), "/carol", r#"href="/choir""#).await);
        assert!(sees(Some(carol.clone()), "/choir", r#"href="/carol""#).await);
        for by in [None, Some(boris.clone())] {
            assert!(!sees(by.clone(), "/carol", r#"href="/choir""#).await);
            assert!(!sees(by, "/choir", r#"href="/carol""#).await);
        }
    }
}

on_both! {
    async fn the_start_page_shows_what_is_theirs_and_what_they_watch(ground: Ground) {
        let (server, anna, boris, mut story) = house(&ground).await;
        let cookie = sign_in(&server, &boris).await;
        let start = || async { page(&server, "/", Some(&cookie)).await.text() };
        assert!(!start().await.contains("anna/song"));
        let watch = |level: &'static str| put(&server, "/api/v1/repos/anna/song/subscription", &boris, json!({ "level": level }));
        watch("releases").await.assert_status(204);
        assert!(!start().await.contains("made the branch"));
        crate::releases::publish(&server, &anna, "anna/song", &story, "v1.0.0").await;
        assert!(start().await.contains("published the release v1.0.0"));
        watch("all").await.assert_status(204);
        let next = story.tip();
        story.commit(&[next], "second", &[("README.md", b"la")]);
        server.push_story(&anna, "anna/song", &story, "main").await;
        assert!(start().await.contains("1 commit</bdi></a>"), "{}", start().await);
        watch("ignore").await.assert_status(204);
        assert!(!start().await.contains("anna/song"));
        let own = json!({ "name": "cover" });
        post(&server, "/api/v1/repos", &boris, own).await.assert_status(201);
        let shown = start().await;
        assert!(shown.contains(r#"href="/boris/cover""#) && shown.contains("made "), "{shown}");
        // Nobody in particular is told what this is.
        assert!(page(&server, "/", None).await.text().contains("working side by side"));
    }
}

on_both! {
    async fn explore_is_narrowed_by_topic_licence_and_order(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        for (name, topic, licence) in [("one", "music", "MIT"), ("two", "music", "Apache-2.0"), ("three", "tides", "MIT")] {
            let new = json!({ "name": name, "visibility": "public" });
            post(&server, "/api/v1/repos", &anna, new).await.assert_status(201);
            let about = json!({ "topics": [topic], "licence": licence });
            patch(&server, &format!("/api/v1/repos/anna/{name}"), &anna, about).await.assert_status(200);
        }
        put(&server, "/api/v1/repos/anna/two/star", &anna, json!({})).await.assert_status(204);
        let found = |query: &'static str| {
            let server = &server;
            async move {
                let shown = page(server, &format!("/explore{query}"), None).await;
                shown.assert_status(200);
                let text = shown.text();
                let at = |name: &str| text.find(&format!(r#"href="/anna/{name}""#));
                let mut there: Vec<_> = ["one", "two", "three"].into_iter().filter_map(|it| Some((at(it)?, it))).collect();
                there.sort_unstable();
                there.into_iter().map(|(_, name)| name).collect::<Vec<_>>()
            }
        };
        assert_eq!(found("").await.len(), 3);
        assert_eq!(found("?sort=stars").await[0], "two");
        assert_eq!(found("?topic=music").await.len(), 2);
        assert_eq!(found("?topic=music&licence=MIT").await, ["one"]);
        assert_eq!(found("?licence=MIT&topic=&language=&sort=pushed").await.len(), 2);
        assert_eq!(found("?language=Rust").await.len(), 0);
        let mut story = Story::default();
        story.commit(&[], "a mill", &[("mill.rs", b"fn main() {}\n")]);
        server.push_story(&anna, "anna/three", &story, "main").await;
        settled(&server).await;
        assert_eq!(found("?language=rust").await, ["three"]);
        assert_eq!(found("?language=rust&topic=music").await.len(), 0);
        assert_eq!(found("?topic=no+topic!").await.len(), 3);
    }
}

on_both! {
    async fn usage_is_shown_to_the_owner_beside_what_is_allowed(ground: Ground) {
        let (server, anna, boris, _) = house(&ground).await;
        let cookie = sign_in(&server, &anna).await;
        let shown = page(&server, "/usage", Some(&cookie)).await.text();
        for part in ["6 bytes of 20.0 GiB", "1 of 500", "song", "class=\"part\""] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        let owner = choir(&server, &anna).await;
        let choir = server.get("/usage?owner=choir").by(&owner).send().await;
        choir.assert_status(200);
        assert!(choir.text().contains("What choir uses"));
        for (target, by, status) in [
            ("/usage?owner=choir", Some(&boris), 404),
            ("/usage?owner=anna", Some(&boris), 404),
            ("/usage?owner=nobody", Some(&boris), 404),
            ("/usage", None, 401),
        ] {
            server.get(target).by_some(by).send().await.assert_status(status);
        }
    }
}
