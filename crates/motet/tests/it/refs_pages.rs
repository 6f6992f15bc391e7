//! Branches and tags as pages; a branch is taken away by a form (`spec/hub.md` 8). Directories of many entries, and names
//! that look alike.

use http::Method;
use serde_json::json;
use testkit::{Person, Server, Story};

use crate::{
    ground::{Ground, on_both},
    life_pages::Reader,
    releases,
};

/// A branch whose newest commit is from then is stale, whenever this runs.
const LONG_AGO: &str = "2001-09-09T01:46:40+00:00";

/// A repository with `main`, `side` (two commits ahead, one behind) and a release.
async fn house(ground: &Ground) -> (Server, Person, Story) {
    let server = ground.server().start().await;
    let anna = server.register("anna").await;
    let mut story = Story::of_one("root");
    let root = story.tip();
    let first = story.commit(&[root], "aside", &[("a.txt", b"1")]);
    let snapshot = story.last().snapshot_id;
    story.commit_of(&[first], snapshot, "aside again", LONG_AGO);
    server.push_story(&anna, "anna/song", &story, "side").await;
    let mut story = Story::of_one("root");
    story.commit(&[root], "forward", &[("b.txt", b"1")]);
    server.push_story(&anna, "anna/song", &story, "main").await;
    let ask = server.request(Method::PATCH, "/api/v1/repos/anna/song");
    let ask = ask.json(&json!({ "default_branch": "main" })).by(&anna);
    ask.send().await.assert_status(200);
    releases::publish(&server, &anna, "anna/song", &story, "v1.0.0").await;
    (server, anna, story)
}

/// The row of a table that begins with a link of this text.
fn row<'a>(page: &'a str, name: &str) -> &'a str {
    let rows = page.split("<tr>").skip(1);
    let mut rows = rows.filter_map(|it| it.split("</tr>").next());
    rows.find(|it| it.contains(name)).unwrap_or_else(|| panic!("{name} has no row: {page}"))
}

on_both! {
    async fn branches_say_how_far_they_are_apart_and_whose_they_are(ground: Ground) {
        let (server, anna, _) = house(&ground).await;
        let boris = server.register("boris").await;
        let reader = Reader::of(&server, &anna).await;
        let page = reader.see("/anna/song/branches?show=all").await.text();
        let side = row(&page, ">side<");
        assert!(side.contains("behind by </span>1") && side.contains("ahead by </span>2"), "{side}");
        assert!(side.contains("aside again") && side.contains("by anna"), "{side}");
        let main = row(&page, ">main<");
        assert!(main.contains("default") && !main.contains("ahead by"), "{main}");
        assert!(page.find(">main<").unwrap() < page.find(">side<").unwrap());
        for (list, is_there) in [("mine", true), ("stale", true), ("active", false)] {
            let page = reader.see(&format!("/anna/song/branches?show={list}")).await.text();
            assert_eq!(page.contains(">side<"), is_there, "{list}");
        }
        let other = Reader::of(&server, &boris).await;
        assert_eq!(other.see("/anna/song/branches").await.status, 404);
        let found = reader.see("/anna/song/branches?show=all&q=IDE").await.text();
        assert!(found.contains(">side<") && !found.contains(">main<"));
        assert!(reader.see("/anna/song/branches?show=all&q=%25").await.text().contains("No branch"));
    }
}

on_both! {
    async fn a_branch_is_taken_away_by_those_who_may_and_the_log_says_so(ground: Ground) {
        let (server, anna, _) = house(&ground).await;
        let writer = server.register("writer").await;
        let level = server.request(Method::PUT, "/api/v1/repos/anna/song/collaborators/writer");
        level.json(&json!({ "level": "write" })).by(&anna).send().await.assert_status(200);
        let here = "/anna/song/branches/delete";
        let other = Reader::of(&server, &writer).await;
        other.send(here, "branch=side").await.assert_status(403);
        assert!(!other.see("/anna/song/branches?show=all").await.text().contains("<form method=\"post\" action=\"/anna/song/branches"));
        let reader = Reader::of(&server, &anna).await;
        let stays = reader.send(here, "branch=main").await;
        stays.assert_status(409);
        assert!(stays.text().contains("is the branch that is shown first, and stays"));
        assert_eq!(reader.done(here, "branch=side").await, "/anna/song/branches");
        reader.send(here, "branch=side").await.assert_status(404);
        let refs = server.refs(&anna, "anna/song").await;
        assert!(!refs.branch_heads.iter().any(|(name, _)| name == "side"), "{refs:?}");
        let log = server.get("/api/v1/repos/anna/song/log").by(&anna).send().await;
        assert!(log.text().contains("refs/heads/side"), "{}", log.text());
    }
}

on_both! {
    async fn a_branch_that_was_taken_away_comes_back_for_thirty_days(ground: Ground) {
        let (mut server, anna, _) = house(&ground).await;
        let (writer, looker) = (server.register("writer").await, server.register("looker").await);
        for (handle, level) in [("writer", "write"), ("looker", "read")] {
            let given = server.request(
                Method::PUT,
                &format!("/api/v1/repos/anna/song/collaborators/{handle}"),
            );
            given.json(&json!({ "level": level })).by(&anna).send().await.assert_status(200);
        }
        let at = server.head(&anna, "anna/song", "side").await;
        let (reader, there) = (Reader::of(&server, &anna).await, "/anna/song/branches/restore");
        reader.send(there, "branch=side").await.assert_status(404);
        for _ in 0..2 {
            assert_eq!(
                reader.done("/anna/song/branches/delete", "branch=side").await,
                "/anna/song/branches"
            );
            assert_eq!(server.head(&anna, "anna/song", "side").await, None);
            // Whoever may push may bring it back; who only reads does not see where it was.
            let other = Reader::of(&server, &looker).await;
            let page = other.see("/anna/song/branches?show=deleted").await.text();
            assert!(!page.contains(">side<") && !page.contains("restore"), "{page}");
            other.send(there, "branch=side").await.assert_status(403);
            let other = Reader::of(&server, &writer).await;
            let page = other.see("/anna/song/branches?show=deleted").await.text();
            let side = row(&page, ">side<");
            assert!(side.contains("aside again") && side.contains("by anna"), "{side}");
            assert_eq!(other.done(there, "branch=side").await, "/anna/song/branches");
            assert_eq!(server.head(&anna, "anna/song", "side").await, at);
            let page = other.see("/anna/song/branches?show=deleted").await.text();
            assert!(page.contains("No branch was deleted"), "{page}");
        }
        // What has its name by now is in the way.
        reader.done("/anna/song/branches/delete", "branch=side").await;
        let mut story = Story::of_one("root");
        let root = story.tip();
        story.commit(&[root], "below", &[("c.txt", b"1")]);
        server.push_story(&anna, "anna/song", &story, "side/by/side").await;
        let refused = reader.send(there, "branch=side").await;
        refused.assert_status(409);
        assert!(refused.text().contains("role=\"alert\""), "{}", refused.text());
        // Thirty days later it is in the log alone.
        server.stop().await;
        let db = ground.db(&server).await;
        let mut tx = db.write().await.unwrap();
        crate::store::seal_long_ago(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        db.close().await;
        server.restart().await;
        let reader = Reader::of(&server, &anna).await;
        let page = reader.see("/anna/song/branches?show=deleted").await.text();
        assert!(page.contains("No branch was deleted"), "{page}");
        reader.send(there, "branch=side").await.assert_status(404);
    }
}

on_both! {
    async fn tags_lead_to_their_files_and_say_which_release_they_are(ground: Ground) {
        let (server, anna, story) = house(&ground).await;
        let reader = Reader::of(&server, &anna).await;
        let page = server.get("/anna/song/tags").header("accept", "text/html");
        let page = page.by(&anna).send().await.text();
        let tag = row(&page, ">v1.0.0<");
        assert!(tag.contains(&format!("/anna/song/tree/{}", story.tip())), "{tag}");
        assert!(tag.contains("stable release") && tag.contains("forward"), "{tag}");
        let home = reader.see("/anna/song").await.text();
        assert!(home.contains("1 tag<"), "{home}");
    }
}

on_both! {
    async fn ten_thousand_branches_are_shown_page_by_page(ground: Ground) {
        let (mut server, anna, story) = house(&ground).await;
        server.stop().await;
        let db = ground.db(&server).await;
        let mut tx = db.write().await.unwrap();
        crate::store::many_branches(&mut tx, story.tip(), 10_000).await.unwrap();
        tx.commit().await.unwrap();
        db.close().await;
        server.restart().await;
        let reader = Reader::of(&server, &anna).await;
        let page = reader.see("/anna/song/branches?show=all").await.text();
        assert_eq!(page.matches("<tr>").count(), 51, "fifty rows and their heads");
        assert!(page.contains("10,002") && page.contains("show=all&#38;skip=50"), "{page}");
        let page = reader.see("/anna/song/branches?show=all&skip=10000").await.text();
        assert_eq!(page.matches("<tr>").count(), 3);
        assert!(reader.see("/anna/song").await.text().contains("9,952 more"));
    }
}

on_both! {
    async fn directories_that_hold_nothing_but_another_are_one_row(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let mut story = Story::of_one("root");
        let root = story.tip();
        let deep = format!("{}end.txt", "d/".repeat(40));
        story.commit(
            &[root],
            "chains",
            &[
                ("src/main/java/Tide.java", b"1"),
                ("two/here/a.txt", b"1"),
                ("two/there/a.txt", b"2"),
                ("one/file.txt", b"1"),
                (deep.as_str(), b"1"),
            ],
        );
        server.push_story(&anna, "anna/song", &story, "main").await;
        let reader = Reader::of(&server, &anna).await;
        let page = reader.see("/anna/song").await.text();
        let java = row(&page, ">src/main/java<");
        assert!(java.contains("/anna/song/tree/main/src/main/java") && java.contains("chains"), "{java}");
        row(&page, ">two<");
        row(&page, ">one<");
        // What is longer goes on on its own page.
        let d = row(&page, &format!(">{}d<", "d/".repeat(15)));
        assert!(d.contains(&format!("/tree/main/{}d\"", "d/".repeat(15))), "{d}");
        let page = reader.see(&format!("/anna/song/tree/main/{}d", "d/".repeat(15))).await.text();
        row(&page, &format!(">{}d<", "d/".repeat(15)));
    }
}

on_both! {
    async fn a_directory_of_many_entries_has_several_pages_and_names_that_look_alike_are_told(
        ground: Ground
    ) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let mut story = Story::of_one("root");
        let root = story.tip();
        let names: Vec<_> = (0..1_002).map(|it| format!("many/{it:04}.txt")).collect();
        let mut files: Vec<(&str, &[u8])> = names.iter().map(|it| (it.as_str(), &b"x"[..])).collect();
        files.extend([("Read.md", &b"1"[..]), ("READ.md", b"2"), ("other.md", b"3")]);
        story.commit(&[root], "many", &files);
        server.push_story(&anna, "anna/song", &story, "main").await;
        let reader = Reader::of(&server, &anna).await;
        let page = reader.see("/anna/song/tree/main/many").await.text();
        assert!(page.contains("0999.txt") && !page.contains("1000.txt"));
        assert!(page.contains("/anna/song/tree/main/many?from=1000"));
        let page = reader.see("/anna/song/tree/main/many?from=1000").await.text();
        assert!(page.contains("1001.txt") && !page.contains("0999.txt") && !page.contains("?from="));
        for (file, is_told) in [("Read.md", true), ("READ.md", true), ("other.md", false)] {
            let page = reader.see(&format!("/anna/song/blob/main/{file}")).await.text();
            assert_eq!(page.contains("Names that look alike"), is_told, "{file}");
        }
    }
}
