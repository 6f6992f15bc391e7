//! The pages of a repository's settings: forms that work without a script, tell what does not hold beside its field, and
//! keep what was typed (`spec/hub.md` 1, 8; H06, H07, H10, H11, H20, H76).

use http::Method;
use serde_json::json;
use testkit::{Answer, Person, Server, Story};

use crate::{
    ground::{Ground, on_both},
    organizations::post,
    sessions::{form, mark, own_page, sign_in},
};

/// Somebody with a browser.
pub(crate) struct Reader<'a> {
    server: &'a Server,
    cookie: String,
    mark: String,
}

impl<'a> Reader<'a> {
    pub(crate) async fn of(server: &'a Server, person: &Person) -> Self {
        let cookie = sign_in(server, person).await;
        let mark = mark(server, &cookie).await;
        Self { server, cookie, mark }
    }

    pub(crate) async fn see(&self, target: &str) -> Answer {
        self.server.get(target).header("cookie", &self.cookie).send().await
    }

    /// Sends a form of a page.
    pub(crate) async fn send(&self, target: &str, fields: &str) -> Answer {
        let body = format!("{fields}&csrf={}", self.mark);
        form(own_page(self.server.post(target)), &self.cookie, &body).send().await
    }

    /// Sends one that does what it says, and leads on.
    pub(crate) async fn done(&self, target: &str, fields: &str) -> String {
        let answer = self.send(target, fields).await;
        answer.assert_status(303);
        answer.header("location").to_owned()
    }
}

async fn house(ground: &Ground) -> (Server, Person, Story) {
    let server = ground.server().start().await;
    let anna = server.register("anna").await;
    let story = Story::of_one("a song");
    server.push_story(&anna, "anna/song", &story, "main").await;
    (server, anna, story)
}

on_both! {
    async fn a_form_changes_what_it_says_and_keeps_what_does_not_hold(ground: Ground) {
        let (server, anna, _) = house(&ground).await;
        let reader = Reader::of(&server, &anna).await;
        let here = "/anna/song/settings/general";
        assert_eq!(reader.see("/anna/song/settings").await.header("location"), here);
        let led = reader
            .done(here, "description=What+we+sing&homepage=https%3A%2F%2Fsong.example&default_branch=main&topics=Music,+tides&licence=MIT&training_opt_out=yes")
            .await;
        assert_eq!(led, here);
        let page = reader.see(here).await.text();
        for shown in [r#"value="What we sing""#, r#"value="music tides""#, r#"value="MIT""#, r#"value="https://song.example""#, "checked"] {
            assert!(page.contains(shown), "{shown}");
        }
        let wrong = reader
            .send(here, "description=Mine&homepage=http%3A%2F%2Fsong.example&default_branch=none&topics=a_b&licence=")
            .await;
        wrong.assert_status(422);
        let page = wrong.text();
        for shown in [
            r#"value="Mine""#,
            r#"value="http://song.example""#,
            "<option selected>none</option>",
            r#"id="homepage-fault" role="alert""#,
            r#"id="topics-fault" role="alert""#,
        ] {
            assert!(page.contains(shown), "{shown}: {page}");
        }
        let stays = server.get("/api/v1/repos/anna/song").by(&anna).send().await.json();
        assert_eq!(stays["description"], "What we sing");
        assert_eq!(stays["default_branch"], "main");
        // A form without the mark, and one from elsewhere, do nothing.
        let unmarked = form(own_page(server.post(here)), &reader.cookie, "description=x").send().await;
        unmarked.assert_status(403);
        let foreign = form(server.post(here), &reader.cookie, "description=x")
            .header("sec-fetch-site", "cross-site");
        foreign.send().await.assert_status(403);
    }
}

on_both! {
    async fn the_settings_are_shown_to_those_who_may_change_them(ground: Ground) {
        let (server, anna, _) = house(&ground).await;
        let (other, admin) = (server.register("other").await, server.register("boris").await);
        for (handle, level) in [("other", "write"), ("boris", "admin")] {
            let put = format!("/api/v1/repos/anna/song/collaborators/{handle}");
            let put = server.request(Method::PUT, &put).json(&json!({ "level": level }));
            put.by(&anna).send().await.assert_status(200);
        }
        let pages = ["general", "members", "danger"].map(|it| format!("/anna/song/settings/{it}"));
        for (person, status, tab) in [(&anna, 200, true), (&admin, 200, true), (&other, 403, false)] {
            let reader = Reader::of(&server, person).await;
            let home = reader.see("/anna/song").await.text();
            assert_eq!(home.contains("/anna/song/settings/general"), tab);
            for page in &pages {
                reader.see(page).await.assert_status(status);
            }
        }
        // What is an owner's alone is not offered to others.
        let danger = Reader::of(&server, &admin).await.see(&pages[2]).await.text();
        assert!(danger.contains("Archive</button>"));
        assert!(!danger.contains("Delete the repository") && !danger.contains("Show it to everybody"));
        let stranger = server.register("stranger").await;
        let stranger = Reader::of(&server, &stranger).await;
        for page in &pages {
            let hidden = stranger.see(page).await;
            let missing = stranger.see(&page.replace("song", "nope")).await;
            hidden.assert_status(404);
            assert_eq!(hidden.faceless(), missing.faceless().replace("nope", "song"), "{page}");
            server.get(page).send().await.assert_status(404);
        }
    }
}

on_both! {
    async fn members_are_given_a_level_another_one_and_none(ground: Ground) {
        let (server, anna, _) = house(&ground).await;
        let other = server.register("other").await;
        let reader = Reader::of(&server, &anna).await;
        let here = "/anna/song/settings/members";
        assert!(reader.see(here).await.text().contains("Nobody was given a level yet"));
        assert_eq!(reader.done(here, "handle=other&level=read").await, here);
        // A person is asked, and sees nothing before it said yes.
        server.get("/anna/song").by(&other).send().await.assert_status(404);
        let asked = server.get("/api/v1/invitations").by(&other).send().await.json();
        let id = asked["items"][0]["id"].as_str().unwrap().to_owned();
        let accept = format!("/api/v1/invitations/{id}/accept");
        post(&server, &accept, &other, json!({})).await.assert_status(200);
        server.get("/anna/song").by(&other).send().await.assert_status(200);
        reader.done(here, "handle=other&level=write").await;
        let listed = server.get("/api/v1/repos/anna/song/collaborators").by(&anna).send().await.json();
        assert_eq!(listed["items"][0]["level"], "write");
        for (fields, told) in [
            ("handle=nobody&level=read", "there is nobody called nobody"),
            ("handle=anna&level=read", "there is nobody called anna"),
            ("handle=a+b&level=read", r#"value="a b""#),
            ("handle=other&level=owner", "the level is read, triage, write or admin"),
        ] {
            let refused = reader.send(here, fields).await;
            refused.assert_status(422);
            assert!(refused.text().contains(told), "{fields}: {}", refused.text());
        }
        reader.done(&format!("{here}/other/remove"), "x=").await;
        server.get("/anna/song").by(&other).send().await.assert_status(404);
    }
}

on_both! {
    async fn what_is_hard_to_take_back_asks_for_the_name(ground: Ground) {
        let (server, anna, story) = house(&ground).await;
        let reader = Reader::of(&server, &anna).await;
        let danger = "/anna/song/settings/danger";
        let visibility = "/anna/song/settings/visibility";
        let refused = reader.send(visibility, "visibility=public&confirm=song").await;
        refused.assert_status(422);
        assert!(refused.text().contains(r#"value="song""#) && refused.text().contains("give the name: anna/song"));
        server.get("/anna/song").send().await.assert_status(404);
        assert_eq!(reader.done(visibility, "visibility=public&confirm=anna%2Fsong").await, danger);
        server.get("/anna/song").send().await.assert_status(200);
        reader.done(visibility, "visibility=private").await;
        server.get("/anna/song").send().await.assert_status(404);

        reader.done("/anna/song/settings/archive", "x=").await;
        let general = reader.see("/anna/song/settings/general").await.text();
        assert!(general.contains("archived") && !general.contains("<form class=\"box\""));
        reader.send("/anna/song/settings/rename", "name=hymn").await.assert_status(409);
        reader.done("/anna/song/settings/unarchive", "x=").await;

        server.push_story(&anna, "anna/psalm", &story, "main").await;
        let taken = reader.send("/anna/song/settings/rename", "name=psalm").await;
        taken.assert_status(422);
        assert!(taken.text().contains("the name is taken"), "{}", taken.text());
        let renamed = reader.done("/anna/song/settings/rename", "name=hymn").await;
        assert_eq!(renamed, "/anna/hymn/settings/danger");
        assert_eq!(reader.see(danger).await.header("location"), "/anna/hymn/settings/danger");

        let delete = "/anna/hymn/settings/delete";
        reader.send(delete, "confirm=hymn").await.assert_status(422);
        let list = reader.done(delete, "confirm=anna%2Fhymn").await;
        assert_eq!(list, "/settings/repositories?owner=anna");
        reader.see("/anna/hymn").await.assert_status(404);
    }
}

on_both! {
    async fn what_was_deleted_is_listed_restored_and_removed(ground: Ground) {
        let (server, anna, story) = house(&ground).await;
        let reader = Reader::of(&server, &anna).await;
        let list = "/settings/repositories";
        assert!(reader.see(list).await.text().contains("Nothing of anna was deleted"));
        server.get(list).send().await.assert_status(401);
        reader.done("/anna/song/settings/delete", "confirm=anna%2Fsong").await;
        let page = reader.see(list).await.text();
        assert!(page.contains("anna/song") && page.contains("Restore anna/song"), "{page}");
        // The name was taken meanwhile.
        server.push_story(&anna, "anna/song", &story, "main").await;
        let restore = format!("{list}/anna/song/restore");
        let refused = reader.send(&restore, "name=").await;
        refused.assert_status(422);
        assert!(refused.text().contains("the name is taken"), "{}", refused.text());
        assert_eq!(reader.done(&restore, "name=hymn").await, "/anna/hymn");
        assert_eq!(server.head(&anna, "anna/hymn", "main").await, Some(story.tip()));

        reader.done("/anna/hymn/settings/delete", "confirm=anna%2Fhymn").await;
        let other = server.register("other").await;
        let stranger = Reader::of(&server, &other).await;
        let theirs = stranger.see("/settings/repositories?owner=anna").await.text();
        assert!(!theirs.contains("anna/hymn"), "{theirs}");
        let purge = format!("{list}/anna/hymn/purge");
        stranger.send(&purge, "confirm=anna%2Fhymn").await.assert_status(404);
        reader.send(&purge, "confirm=hymn").await.assert_status(422);
        reader.done(&purge, "confirm=anna%2Fhymn").await;
        crate::ground::settled(&server).await;
        assert!(reader.see(list).await.text().contains("Nothing of anna was deleted"));
    }
}
