//! Records of a repository as they are read: the ref log, and the network of forks; a fork that follows its source
//! (`spec/hub.md` 1, 8, 9; `spec/wire.md` 8).

use api::wire::PushRequest;
use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Person, Server, Story};

use crate::{
    MOTET,
    ground::{Ground, on_both, settled},
    organizations::{post, put},
    people::Machine,
    sessions::{form, mark, own_page, sign_in},
    store,
};

const SONG: &str = "/api/v1/repos/anna/song";
const LOG: &str = "/api/v1/repos/anna/song/log";

async fn see(server: &Server, by: &Person, target: &str) -> Answer {
    server.get(target).by(by).send().await
}

async fn json_of(server: &Server, by: &Person, target: &str) -> Value {
    let answer = see(server, by, target).await;
    answer.assert_status(200);
    answer.json()
}

async fn public(server: &Server, anna: &Person, name: &str) {
    let show = json!({ "visibility": "public", "confirm": format!("anna/{name}") });
    let target = format!("/api/v1/repos/anna/{name}");
    let shown = server.request(Method::PATCH, &target).json(&show).by(anna).send().await;
    shown.assert_status(200);
}

on_both! {
    async fn the_log_says_who_moved_what_and_on_whose_word(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, bert) = (server.register("anna").await, server.register("bert").await);
        let mut story = Story::of_one("root");
        let root = story.tip();
        server.push_story(&anna, "anna/song", &story, "main").await;
        let one = story.commit(&[root], "one", &[("a.txt", b"1")]);
        server.push_story(&anna, "anna/song", &story, "main").await;
        let mut other = Story::of_one("root");
        let two = other.commit(&[root], "two", &[("a.txt", b"2")]);
        let force = PushRequest { objects: other.inline(), force: true, ..other.push_to("main") };
        server.push(&anna, "anna/song", force).await.assert_status(200);
        let edit = json!({ "branch": "main", "expected": two, "message": "By page",
            "files": [{ "path": "b.txt", "content_b64": "" }] });
        post(&server, &format!("{SONG}/edits"), &anna, edit).await.assert_status(201);

        let log = json_of(&server, &anna, LOG).await;
        let items = log["items"].as_array().unwrap();
        let said = |at: usize, name: &str| items[at][name].clone();
        assert_eq!(items.len(), 4);
        assert_eq!((&log["seq"], &log["chain"]), (&json!(4), &json!("whole")));
        assert_eq!(log["seal_hash"], said(0, "seal_hash"));
        assert_eq!((said(0, "via"), said(0, "signed")), (json!("server"), json!(true)));
        assert_eq!((said(1, "via"), said(1, "signed")), (json!("msign"), json!(false)));
        assert_eq!((said(1, "signed_by"), said(1, "forced")), (json!("anna"), json!(true)));
        assert_eq!((said(1, "old"), said(1, "new")), (json!(one), json!(two)));
        assert_eq!((said(3, "old"), said(3, "new")), (Value::Null, json!(root)));
        assert_eq!((said(3, "ref"), said(3, "counter")), (json!("refs/heads/main"), json!(1)));

        // In pages, it is the same.
        let (mut paged, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = json_of(&server, &anna, &format!("{LOG}?limit=3{cursor}")).await;
            assert_eq!(page["chain"], "whole");
            paged.extend(page["items"].as_array().unwrap().clone());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(paged, *items);
        see(&server, &anna, &format!("{LOG}?cursor=x")).await.assert_refused(400, "malformed");
        let page = see(&server, &anna, "/anna/song/log").await.text();
        for shown in ["✓ whole", "signed by the server", "request signed by anna", "forced", "motet -C song verify"] {
            assert!(page.contains(shown), "{shown}: {page}");
        }
        let older = see(&server, &anna, "/anna/song/log?before=3").await.text();
        assert!(!older.contains("signed by the server") && older.contains(r#"rel="prev" href="/anna/song/log""#));
        // Who may not read it, reads none of it.
        for target in [LOG, "/anna/song/log"] {
            see(&server, &bert, target).await.assert_status(404);
        }
        // What somebody changes in it is seen.
        let db = ground.db(&server).await;
        let mut tx = db.write().await.unwrap();
        store::rename_sealer(&mut tx, "eve").await.unwrap();
        tx.commit().await.unwrap();
        db.close().await;
        assert_eq!(json_of(&server, &anna, LOG).await["chain"], "broken");
        let page = see(&server, &anna, "/anna/song/log").await.text();
        assert!(page.contains(">broken<") && !page.contains("✓ whole"), "{page}");
    }
}

on_both! {
    async fn an_empty_repository_has_an_empty_log_and_no_forks(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        server.create(&anna, "song", "private").await;
        let log = json_of(&server, &anna, LOG).await;
        assert_eq!((&log["items"], &log["seq"]), (&json!([]), &json!(0)));
        let page = see(&server, &anna, "/anna/song/log").await.text();
        assert!(page.contains("Nothing has moved yet"), "{page}");
        let forks = json_of(&server, &anna, &format!("{SONG}/forks")).await;
        assert_eq!(forks["items"].as_array().unwrap().len(), 1);
        let page = see(&server, &anna, "/anna/song/forks").await.text();
        assert!(page.contains("Nobody has made a repository"), "{page}");
    }
}

/// `anna/song`, `bert/song` made from it, and `carol/song` made from that.
async fn family(server: &Server) -> (Person, Person, Person, Story) {
    let anna = server.register("anna").await;
    let (bert, carol) = (server.register("bert").await, server.register("carol").await);
    let mut story = Story::of_one("root");
    let root = story.tip();
    story.commit(&[root], "one", &[("a.txt", b"1")]);
    server.push_story(&anna, "anna/song", &story, "main").await;
    public(server, &anna, "song").await;
    for (source, person) in [("anna/song", &bert), ("bert/song", &carol)] {
        let target = format!("/api/v1/repos/{source}/forks");
        post(server, &target, person, json!({})).await.assert_status(202);
        settled(server).await;
    }
    (anna, bert, carol, story)
}

async fn grow(server: &Server, by: &Person, repository: &str, story: &Story, word: &str) -> Story {
    let mut own = story.clone();
    own.commit(&[story.tip()], word, &[("a.txt", word.as_bytes())]);
    server.push_story(by, repository, &own, "main").await;
    own
}

on_both! {
    async fn branches_that_are_far_apart_are_counted_too(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, bert, _, story) = family(&server).await;
        for (by, repository, steps) in [(&anna, "anna/song", 620), (&bert, "bert/song", 710)] {
            let mut own = story.clone();
            for step in 0..steps {
                own.commit(&[own.tip()], &format!("{repository} {step}"), &[("a.txt", b"same")]);
            }
            server.push_story(by, repository, &own, "main").await;
        }
        settled(&server).await;
        for (of, other, ahead, behind) in
            [("anna", "bert/song", 710, 620), ("bert", "anna/song", 620, 710), ("carol", "bert/song", 710, 0)]
        {
            let list = json_of(&server, &anna, &format!("/api/v1/repos/{of}/song/forks")).await;
            let found = list["items"].as_array().unwrap().iter().find(|it| it["full_name"] == other).unwrap().clone();
            assert_eq!((&found["ahead"], &found["behind"]), (&json!(ahead), &json!(behind)), "{of}: {found}");
        }
    }
}

on_both! {
    async fn a_network_shows_what_the_reader_may_see_and_how_far_it_is(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, bert, carol, story) = family(&server).await;
        let ours = grow(&server, &anna, "anna/song", &story, "ours").await;
        grow(&server, &anna, "anna/song", &ours, "more").await;
        grow(&server, &bert, "bert/song", &story, "theirs").await;
        let told = |list: &Value| -> Vec<(String, Value, Value, Value)> {
            let items = list["items"].as_array().unwrap();
            let name = |it: &Value| it["full_name"].as_str().unwrap().to_owned();
            let row = |it: &Value| (name(it), it["forked_from"].clone(), it["ahead"].clone(), it["behind"].clone());
            items.iter().map(row).collect()
        };
        let row = |name: &str, from: Value, ahead: u64, behind: u64| {
            (name.to_owned(), from, json!(ahead), json!(behind))
        };
        let forks = |name: &str| format!("/api/v1/repos/{name}/song/forks");
        let list = json_of(&server, &anna, &forks("anna")).await;
        assert_eq!(told(&list), [
            row("anna/song", Value::Null, 0, 0),
            row("bert/song", json!("anna/song"), 1, 2),
            row("carol/song", json!("bert/song"), 0, 2),
        ]);
        let list = json_of(&server, &anna, &forks("carol")).await;
        assert_eq!(told(&list)[0], row("anna/song", Value::Null, 2, 0));
        let page = see(&server, &anna, "/bert/song/forks").await.text();
        assert!(page.contains(r#"href="/carol/song""#) && page.contains("this one"), "{page}");

        // What becomes hidden is in no network, and leads nowhere.
        let hide = json!({ "visibility": "private" });
        let hidden = server.request(Method::PATCH, "/api/v1/repos/bert/song").json(&hide).by(&bert);
        hidden.send().await.assert_status(200);
        let names = |list: &Value| told(list).into_iter().map(|it| it.0).collect::<Vec<_>>();
        assert_eq!(names(&json_of(&server, &anna, &forks("anna")).await), ["anna/song"]);
        assert_eq!(names(&json_of(&server, &carol, &forks("carol")).await), ["carol/song"]);
        let shown = json_of(&server, &carol, &forks("carol")).await;
        assert_eq!(shown["items"][0]["forked_from"], Value::Null);
        assert_eq!(names(&json_of(&server, &bert, &forks("anna")).await).len(), 3);
        let page = see(&server, &anna, "/anna/song/forks").await.text();
        assert!(!page.contains("bert/song") && !page.contains("carol/song"), "{page}");
        see(&server, &anna, &forks("bert")).await.assert_refused(404, "not_found");
    }
}

on_both! {
    async fn a_fork_follows_its_source_where_that_is_a_fast_forward(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, bert, carol, story) = family(&server).await;
        let ours = grow(&server, &anna, "anna/song", &story, "ours").await;
        let sync = async |by: &Person, name: &str, branch: &str| {
            let target = format!("/api/v1/repos/{name}/song/sync");
            post(&server, &target, by, json!({ "branch": branch })).await
        };
        sync(&carol, "bert", "main").await.assert_refused(403, "forbidden");
        sync(&anna, "anna", "main").await.assert_refused(409, "conflict");
        sync(&bert, "bert", "none").await.assert_refused(422, "invalid");
        sync(&bert, "bert", "..").await.assert_refused(422, "invalid");
        let stored = server.stored().await;
        let followed = sync(&bert, "bert", "main").await;
        followed.assert_status(200);
        assert_eq!(followed.json()["commits"], 1);
        assert_eq!(followed.json()["new"], json!(ours.tip()));
        assert_eq!(server.head(&bert, "bert/song", "main").await, Some(ours.tip()));
        let raw = see(&server, &bert, "/bert/song/raw/main/a.txt").await.text();
        assert_eq!(raw, "ours");
        assert_eq!(server.stored().await, stored, "bytes were copied");
        let used = json_of(&server, &bert, "/api/v1/repos/bert/song/usage").await;
        assert_eq!(used["objects"]["used"], 0);
        let log = json_of(&server, &bert, "/api/v1/repos/bert/song/log").await;
        assert_eq!((&log["items"][0]["signed"], &log["chain"]), (&json!(true), &json!("whole")));
        // There already, it stays.
        let again = sync(&bert, "bert", "main").await;
        assert_eq!((again.status, &again.json()["commits"]), (200, &json!(0)));
        // A branch that the fork does not have comes whole.
        server.push_story(&anna, "anna/song", &ours, "solo/one").await;
        let new = sync(&bert, "bert", "solo/one").await;
        assert_eq!((new.status, new.json()["old"].clone()), (200, Value::Null));
        // Where both went on, nothing moves.
        let theirs = grow(&server, &carol, "carol/song", &story, "theirs").await;
        let refused = sync(&carol, "carol", "main").await;
        refused.assert_refused(409, "not_fast_forward");
        assert_eq!(server.head(&carol, "carol/song", "main").await, Some(theirs.tip()));
        // What only signed commits come into, takes no others this way either.
        let signed = json!({ "require_signed_commits": "registered" });
        let strict = server.request(Method::PATCH, "/api/v1/repos/bert/song").json(&signed);
        strict.by(&bert).send().await.assert_status(200);
        grow(&server, &anna, "anna/song", &ours, "unsigned").await;
        let refused = sync(&bert, "bert", "main").await;
        assert_eq!((refused.status, refused.code()), (422, "unsigned_commit".to_owned()));
        assert_eq!(server.head(&bert, "bert/song", "main").await, Some(ours.tip()));
        // What became private meanwhile is not shown to everybody by following it.
        put(&server, &format!("{SONG}/collaborators/bert"), &anna, json!({ "level": "read" })).await.assert_status(200);
        let hide = json!({ "visibility": "private" });
        server.request(Method::PATCH, SONG).json(&hide).by(&anna).send().await.assert_status(200);
        sync(&bert, "bert", "main").await.assert_refused(422, "invalid");
        sync(&carol, "carol", "main").await.assert_refused(409, "not_fast_forward");
    }
}

#[tokio::test]
async fn a_fork_follows_by_form_and_by_command() {
    let server = Server::start(MOTET).await;
    let (anna, bert, _, story) = family(&server).await;
    let ours = grow(&server, &anna, "anna/song", &story, "ours").await;
    let cookie = sign_in(&server, &bert).await;
    let mark = mark(&server, &cookie).await;
    let page = server.get("/bert/song/forks").header("cookie", &cookie).send().await.text();
    assert!(page.contains("Follow anna/song"), "{page}");
    let send = async |branch: &str| {
        let body = format!("branch={branch}&csrf={mark}");
        form(own_page(server.post("/bert/song/sync")), &cookie, &body).send().await
    };
    let refused = send("none").await;
    refused.assert_status(422);
    assert!(refused.text().contains(r#"id="branch-fault""#), "{}", refused.text());
    let done = send("main").await;
    done.assert_status(303);
    assert_eq!(server.head(&bert, "bert/song", "main").await, Some(ours.tip()));

    let dora = Machine::of(&server, "dora");
    dora.done(&["repo", "fork", "anna/song", "--as", "hymn"]);
    settled(&server).await;
    let more = grow(&server, &anna, "anna/song", &ours, "more").await;
    let synced = dora.done(&["repo", "sync", "hymn"]);
    assert_eq!((&synced["new"], &synced["commits"]), (&json!(more.tip()), &json!(1)));
    assert_eq!(dora.done(&["repo", "sync", "hymn", "--branch", "main"])["commits"], 0);
    dora.done(&["repo", "create", "own"]);
    assert_eq!(dora.fails(&["repo", "sync", "own"]), (5, "conflict".to_owned()));
}
