//! A repository follows another one, or is followed (`spec/hub.md` 5, Mirrors; 13, H69, H73). The other one is a server of this
//! kind too.

use std::fs;

use http::Method;
use names::UnixMillis;
use serde_json::{Value, json};
use testkit::{Person, Server};

use super::{
    address, create,
    imports::{There, ask, pushes},
    refs, token,
};
use crate::{
    ground::{Ground, eventually, on_both},
    life_pages::Reader,
    people::Machine,
    store,
};

fn all(repository: &str) -> String {
    format!("/api/v1/repos/{repository}/mirrors")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Makes a mirror; gives its address.
async fn add(here: &Server, by: &Person, repository: &str, body: &Value) -> String {
    let made = here.post(&all(repository)).json(body).by(by).send().await;
    made.assert_status(201);
    let location = made.header("location").to_owned();
    assert_eq!(location, format!("{}/{}", all(repository), text(&made.json()["id"])));
    location
}

async fn seen(here: &Server, by: &Person, mirror: &str) -> Value {
    let answer = here.get(mirror).by(by).send().await;
    answer.assert_status(200);
    answer.json()
}

/// Waits for the end of a run that began after what `before` tells.
async fn ran(here: &Server, by: &Person, mirror: &str, before: &Value) -> Value {
    let has_run = async || seen(here, by, mirror).await["last_run_at"] != before["last_run_at"];
    eventually("a run of the mirror", has_run).await;
    seen(here, by, mirror).await
}

/// Lets it run now, and waits for the end.
async fn now(here: &Server, by: &Person, mirror: &str) -> Value {
    let before = seen(here, by, mirror).await;
    here.post(&format!("{mirror}/run")).by(by).send().await.assert_status(202);
    ran(here, by, mirror, &before).await
}

on_both! {
    async fn one_that_pulls_follows_and_moves_its_refs_alone(ground: Ground) {
        let there = There::start().await;
        let here = there.neighbour(&ground).await;
        let boris = here.register("boris").await;
        let song = create(&here, &boris, "song", "private").await;
        let user = &there.user;
        user.does("there", &["push", "-q", "origin", "main:side"]);
        let new = json!({ "direction": "pull", "url": there.url(), "credentials": there.shown(), "every_minutes": 10 });
        let mirror = add(&here, &boris, &song, &new).await;
        let first = ran(&here, &boris, &mirror, &json!({ "last_run_at": null })).await;
        assert_eq!((&first["state"], &first["error"]), (&json!("active"), &Value::Null), "{first}");
        assert_eq!(refs(&here, &boris, &song).await, there.refs().await);
        assert_eq!(pushes(&here, &boris, &song).await, 2);
        let at = |key: &str| text(&first[key]).parse::<UnixMillis>().unwrap().0;
        let wait = at("next_run_at") - at("last_success_at");
        assert_eq!(wait, 10 * 60 * 1000);

        // Forward, back, away and anew.
        user.writes("there", "b.txt", "b\n");
        user.does("there", &["push", "-q", "origin", "main", "main:new", ":side"]);
        let second = now(&here, &boris, &mirror).await;
        assert_eq!((&second["failures"], &second["error"]), (&json!(0), &Value::Null), "{second}");
        assert_eq!(refs(&here, &boris, &song).await, there.refs().await);
        let before = pushes(&here, &boris, &song).await;
        user.does("there", &["push", "-q", "--force", "origin", "main~1:new"]);
        now(&here, &boris, &mirror).await;
        assert_eq!(refs(&here, &boris, &song).await, there.refs().await);
        assert_eq!(pushes(&here, &boris, &song).await, before + 1);
        now(&here, &boris, &mirror).await;
        assert_eq!(pushes(&here, &boris, &song).await, before + 1);

        // Nobody else moves them, on no way.
        let url = address(&here, &token(&here, &boris, "write").await, &song);
        user.does("", &["clone", "-q", &url, "here"]);
        user.writes("here", "own.txt", "own\n");
        for to in ["main", "main:other"] {
            let said = user.tries("here", &["push", "origin", to]);
            assert!(!said.is_well && said.err.contains("it is a mirror of"), "{}", said.err);
        }
        let branch = format!("/api/v1/repos/{song}/refs/heads/new");
        let taken = here.request(Method::DELETE, &branch).by(&boris).send().await;
        taken.assert_status(409);
        assert!(taken.text().contains("it is a mirror of"));
        let import = json!({ "url": there.url(), "credentials": there.shown() });
        ask(&here, &boris, &song, &import).await.assert_status(202);
        let page = here.get(&format!("/{song}")).by(&boris).send().await;
        assert!(page.text().contains("mirror of"));

        here.request(Method::DELETE, &mirror).by(&boris).send().await.assert_status(204);
        user.does("here", &["push", "-q", "origin", "main"]);
    }
}

on_both! {
    async fn one_that_pushes_sends_with_a_lease(ground: Ground) {
        let there = There::start().await;
        let here = there.neighbour(&ground).await;
        let boris = here.register("boris").await;
        let song = create(&here, &boris, "song", "private").await;
        let user = &there.user;
        let url = address(&here, &token(&here, &boris, "write").await, &song);
        user.does("there", &["remote", "add", "here", &url]);
        user.does("there", &["push", "-q", "here", "main"]);
        let shown = json!({ "password": there.write });
        let patterns = ["refs/heads/*"];
        let new = json!({ "direction": "push", "url": there.url(), "credentials": shown, "refs": patterns });
        let mirror = add(&here, &boris, &song, &new).await;
        let first = ran(&here, &boris, &mirror, &json!({ "last_run_at": null })).await;
        assert_eq!((&first["state"], &first["error"]), (&json!("active"), &Value::Null), "{first}");

        // Each movement is sent soon, forced ones and those away too; what no pattern means stays.
        let sent = async |words: &[&str]| {
            let before = seen(&here, &boris, &mirror).await;
            user.does("there", &[&["push", "-q", "--force", "here"], words].concat());
            ran(&here, &boris, &mirror, &before).await
        };
        let next = user.writes("there", "b.txt", "b\n");
        let told = sent(&["main", "main:side", "main:refs/tags/v1"]).await;
        assert_eq!((&told["failures"], &told["error"]), (&json!(0), &Value::Null), "{told}");
        let at = |name: &str, id: &str| (format!("refs/heads/{name}"), id.to_owned());
        eventually("it is there", async || there.refs().await == [at("main", &next), at("side", &next)]).await;
        let back = user.does("there", &["rev-parse", "main~1"]);
        sent(&["main~1:main", ":side"]).await;
        eventually("it is back", async || there.refs().await == [at("main", &back)]).await;

        // What somebody else moved there is not written over; the rest is sent all the same.
        user.does("there", &["checkout", "-q", "-b", "theirs", "main~1"]);
        let theirs = user.writes("there", "theirs.txt", "theirs\n");
        user.does("there", &["push", "-q", "--force", "origin", "theirs:main"]);
        let told = sent(&["main", "main:more"]).await;
        assert_eq!((&told["state"], &told["failures"]), (&json!("active"), &json!(1)), "{told}");
        assert!(text(&told["error"]).contains("refs/heads/main"), "{told}");
        assert_eq!(there.refs().await, [at("main", &theirs), at("more", &next)]);
        let page = here.get(&format!("/{song}/settings/mirrors")).by(&boris).send().await;
        assert!(page.text().contains("is not written over"));
    }
}

#[tokio::test]
async fn failures_pause_it_ever_longer_and_then_it_stops_and_says_so() {
    let there = There::start().await;
    let here = there.neighbour(&Ground::Sqlite).await;
    let boris = here.register("boris").await;
    let song = create(&here, &boris, "song", "private").await;
    let url = format!("{}/anna/nothing", there.server.base_url());
    let new = json!({ "direction": "pull", "url": url, "credentials": there.shown() });
    let mirror = add(&here, &boris, &song, &new).await;
    ran(&here, &boris, &mirror, &json!({ "last_run_at": null })).await;
    for (failures, minutes) in [(2, 0), (3, 0), (4, 0), (5, 1), (6, 5), (7, 30), (8, 120)] {
        let told = now(&here, &boris, &mirror).await;
        assert_eq!(told["failures"], failures, "{told}");
        assert!(text(&told["error"]).contains("404"), "{told}");
        let state = if minutes == 0 { "active" } else { "paused" };
        assert_eq!(told["state"], state, "{told}");
        let at = |key: &str| text(&told[key]).parse::<UnixMillis>().unwrap().0;
        let wait = (at("next_run_at") - at("last_run_at")) / 60_000;
        assert_eq!(wait, minutes, "{told}");
    }
    let told = now(&here, &boris, &mirror).await;
    assert_eq!((&told["state"], &told["next_run_at"]), (&json!("stopped"), &Value::Null));
    let reader = Reader::of(&here, &boris).await;
    let page = reader.see(&format!("/{song}/settings/mirrors")).await.text();
    assert!(page.contains("stopped") && page.contains("404"), "{page}");

    // Mended it goes on.
    let change = json!({ "url": there.url(), "credentials": there.shown() });
    let changed = here.request(Method::PATCH, &mirror).json(&change).by(&boris).send().await;
    changed.assert_status(200);
    assert_eq!(
        (&changed.json()["state"], &changed.json()["failures"]),
        (&json!("active"), &json!(0))
    );
    let told = ran(&here, &boris, &mirror, &told).await;
    assert_eq!((&told["state"], &told["failures"]), (&json!("active"), &json!(0)), "{told}");
    assert_eq!(refs(&here, &boris, &song).await, there.refs().await);
}

on_both! {
    async fn a_pause_ends_by_itself(ground: Ground) {
        let there = There::start().await;
        let mut here = there.neighbour(&ground).await;
        let boris = here.register("boris").await;
        let song = create(&here, &boris, "song", "private").await;
        let url = format!("{}/anna/later", there.server.base_url());
        let new = json!({ "direction": "pull", "url": url, "credentials": there.shown() });
        let mirror = add(&here, &boris, &song, &new).await;
        let mut told = ran(&here, &boris, &mirror, &json!({ "last_run_at": null })).await;
        for _ in 2..=5 {
            told = now(&here, &boris, &mirror).await;
        }
        assert_eq!((&told["state"], &told["failures"]), (&json!("paused"), &json!(5)), "{told}");
        let later = create(&there.server, &there.anna, "later", "private").await;
        let to = address(&there.server, &there.write, &later);
        there.user.does("there", &["push", "-q", &to, "main"]);
        // The minute passes, and nobody asks for anything.
        here.stop().await;
        let db = ground.db(&here).await;
        let mut tx = db.write().await.unwrap();
        assert!(store::hasten(&mut tx, "hub.mirror_due", 60_000).await.unwrap() > 0);
        tx.commit().await.unwrap();
        db.close().await;
        here.restart().await;
        let told = ran(&here, &boris, &mirror, &told).await;
        assert_eq!((&told["state"], &told["failures"]), (&json!("active"), &json!(0)), "{told}");
        let theirs = refs(&there.server, &there.anna, &later).await;
        assert_eq!(refs(&here, &boris, &song).await, theirs);
    }
}

on_both! {
    async fn a_wrong_password_stops_it_at_the_first_answer(ground: Ground) {
        let there = There::start().await;
        let here = there.neighbour(&ground).await;
        let boris = here.register("boris").await;
        let song = create(&here, &boris, "song", "private").await;
        let wrong = json!({ "username": "anna", "password": "mt_personal_wrong" });
        for direction in ["pull", "push"] {
            let new = json!({ "direction": direction, "url": there.url(), "credentials": wrong });
            let mirror = add(&here, &boris, &song, &new).await;
            let told = ran(&here, &boris, &mirror, &json!({ "last_run_at": null })).await;
            assert_eq!((&told["state"], &told["failures"]), (&json!("stopped"), &json!(1)), "{told}");
            assert_eq!(told["next_run_at"], Value::Null);
            assert!(text(&told["error"]).contains("401"), "{told}");
            assert_eq!(told["has_credentials"], true);
            assert!(!told.to_string().contains("mt_personal_wrong"));
            here.request(Method::DELETE, &mirror).by(&boris).send().await.assert_status(204);
        }
        assert!(!here.log().contains("mt_personal_wrong"));
    }
}

#[tokio::test]
async fn mirrors_are_seen_and_changed_by_those_who_run_the_repository() {
    let there = There::start().await;
    let here = there.neighbour(&Ground::Sqlite).await;
    let boris = here.register("boris").await;
    let [song, other] = [
        create(&here, &boris, "song", "public").await,
        create(&here, &boris, "other", "public").await,
    ];
    let (writer, stranger) = (here.register("writer").await, here.register("stranger").await);
    let level = format!("/api/v1/repos/{song}/collaborators/writer");
    let put = here.request(Method::PUT, &level).json(&json!({ "level": "write" })).by(&boris);
    assert!(put.send().await.status < 300);
    let new = json!({ "direction": "pull", "url": there.url(), "credentials": there.shown() });
    let mirror = add(&here, &boris, &song, &new).await;
    let elsewhere = mirror.replace(&song, &other);
    let foreign = [
        (Method::GET, mirror.clone()),
        (Method::PATCH, mirror.clone()),
        (Method::DELETE, mirror.clone()),
        (Method::POST, format!("{mirror}/run")),
    ];
    for (method, target) in foreign {
        let ask = |target: &str| {
            let request = here.request(method.clone(), target);
            if method == Method::GET { request } else { request.json(&json!({})) }
        };
        for person in [&writer, &stranger] {
            ask(&target).by(person).send().await.assert_status(403);
        }
        // By the address of another repository there is nothing.
        ask(&target.replace(&mirror, &elsewhere)).by(&boris).send().await.assert_status(404);
    }
    // One address alone is followed, and no secret goes to another one unsaid.
    let second = here.post(&all(&song)).json(&new).by(&boris).send().await;
    second.assert_status(422);
    let change = json!({ "url": format!("{}/anna/other", there.server.base_url()) });
    let moved = here.request(Method::PATCH, &mirror).json(&change).by(&boris).send().await;
    moved.assert_status(422);
    assert_eq!(moved.json()["errors"][0]["pointer"], "/credentials");
    for body in [
        json!({ "direction": "both", "url": there.url() }),
        json!({ "direction": "push", "url": there.url(), "every_minutes": 9 }),
        json!({ "direction": "push", "url": there.url(), "refs": ["main"] }),
    ] {
        here.post(&all(&song)).json(&body).by(&boris).send().await.assert_status(422);
    }
    // What whoever made it may not do any more, it does not do.
    let told = seen(&here, &boris, &mirror).await;
    let target = format!("/api/v1/repos/{song}/archive");
    assert!(here.post(&target).by(&boris).send().await.status < 300);
    let asked = here.post(&format!("{mirror}/run")).by(&boris).send().await;
    assert_eq!(asked.status, 409, "{told}: {}", asked.text());
}

#[tokio::test]
async fn commands_and_forms_manage_mirrors() {
    let there = There::start().await;
    let here = there.neighbour(&Ground::Sqlite).await;
    let ada = Machine::of(&here, "ada");
    ada.done(&["repo", "create", "song", "--git"]);
    let file = there.user.path("token.txt");
    fs::write(&file, &there.write).unwrap();
    let (url, file) = (there.url(), file.to_str().unwrap().to_owned());
    let made = ada.done(&[
        "repo",
        "mirror",
        "add",
        "song",
        "pull",
        &url,
        "--every",
        "15",
        "--password-file",
        &file,
    ]);
    assert_eq!((&made["direction"], &made["every_minutes"]), (&json!("pull"), &json!(15)));
    let id = text(&made["id"]);
    eventually("it has run", async || {
        ada.done(&["repo", "mirror", "list", "song"])["items"][0]["last_success_at"] != Value::Null
    })
    .await;
    ada.done(&["repo", "mirror", "sync", "song", &id]);
    ada.done(&["repo", "mirror", "remove", "song", &id]);
    assert_eq!(ada.done(&["repo", "mirror", "list", "song"])["items"], json!([]));
    assert_eq!(ada.fails(&["repo", "mirror", "sync", "song", &id]), (4, "not_found".to_owned()));

    let boris = here.register("boris").await;
    let song = create(&here, &boris, "song", "private").await;
    let reader = Reader::of(&here, &boris).await;
    let page = format!("/{song}/settings/mirrors");
    let encoded = url.replace(':', "%3A").replace('/', "%2F");
    let fields = |url: &str, refs: &str| {
        format!(
            "direction=pull&url={url}&refs={refs}&every_minutes=20&username=anna&password={}",
            there.write
        )
    };
    let bad = reader.send(&page, &fields("nonsense", "main")).await;
    bad.assert_status(422);
    assert!(bad.text().contains(r#"id="url-fault""#) && bad.text().contains(r#"id="refs-fault""#));
    assert!(!bad.text().contains(&there.write));
    assert_eq!(reader.done(&page, &fields(&encoded, "refs%2Fheads%2F*")).await, page);
    let listed = here.get(&all(&song)).by(&boris).send().await.json();
    let id = text(&listed["items"][0]["id"]);
    assert_eq!(listed["items"][0]["refs"], json!(["refs/heads/*"]));
    reader.done(&format!("{page}/{id}/run"), "x=").await;
    let edited = format!("url={encoded}&refs=&every_minutes=30&username=&password=");
    reader.done(&format!("{page}/{id}/change"), &edited).await;
    let listed = here.get(&all(&song)).by(&boris).send().await.json();
    assert_eq!(listed["items"][0]["every_minutes"], 30);
    assert_eq!(listed["items"][0]["refs"].as_array().unwrap().len(), 2);
    reader.done(&format!("{page}/{id}/remove"), "x=").await;
    assert!(reader.see(&page).await.text().contains("no mirrors yet"));
}
