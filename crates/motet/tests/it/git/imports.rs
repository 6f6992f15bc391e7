//! What another server has comes here (`spec/hub.md` 5, Import; 13, H21, H70, H73). The other one is a server of this kind too.

use std::{fs, time::Duration};

use http::Method;
use keys::TokenText;
use names::Random;
use serde_json::{Value, json};
use testkit::{Answer, Person, Server};
use tokio::time::sleep;

use super::{User, address, create, directory, is_empty, refs, token};
use crate::{
    ground::{Ground, eventually, on_both},
    life_pages::Reader,
    people::Machine,
};

/// How often an import is interrupted, and how long each waits longer for its end than the one before.
const POINTS: u32 = 20;
const STEP: Duration = Duration::from_millis(12);

/// Another server, with somebody who has a private repository there and a working copy of it.
pub(crate) struct There {
    pub(crate) server: Server,
    pub(crate) anna: Person,
    pub(crate) songs: String,
    pub(crate) user: User,
    pub(crate) write: String,
    read: String,
}

impl There {
    pub(crate) async fn start() -> Self {
        let server = Ground::Sqlite.server().start().await;
        let anna = server.register("anna").await;
        let songs = create(&server, &anna, "songs", "private").await;
        let write = token(&server, &anna, "write").await;
        let read = token(&server, &anna, "read").await;
        let user = User::new();
        user.begins("there");
        let url = address(&server, &write, &songs);
        user.does("there", &["remote", "add", "origin", &url]);
        user.does("there", &["push", "-q", "origin", "main"]);
        Self { server, anna, songs, user, write, read }
    }

    /// A server that may speak with it.
    pub(crate) async fn neighbour(&self, ground: &Ground) -> Server {
        let remote = format!("--git-remote={}", self.server.base_url());
        ground.server().arg("--git-prune-seconds=0").arg(remote).start().await
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/{}.git", self.server.base_url(), self.songs)
    }

    /// What is shown there to read.
    pub(crate) fn shown(&self) -> Value {
        json!({ "username": "anna", "password": self.read })
    }

    pub(crate) async fn refs(&self) -> Vec<(String, String)> {
        refs(&self.server, &self.anna, &self.songs).await
    }

    fn asked(&self) -> Value {
        json!({ "url": self.url(), "credentials": self.shown() })
    }
}

pub(crate) async fn ask(here: &Server, by: &Person, repository: &str, body: &Value) -> Answer {
    here.post(&format!("/api/v1/repos/{repository}/import")).json(body).by(by).send().await
}

/// How far an import is; nothing where none was asked for.
async fn seen(here: &Server, by: &Person, repository: &str) -> Option<Value> {
    let target = format!("/api/v1/repos/{repository}/import");
    let answer = here.get(&target).by(by).send().await;
    (answer.status == 200).then(|| answer.json())
}

/// Waits until it is in one of these states.
async fn reaches(here: &Server, by: &Person, repository: &str, states: &[&str]) -> Value {
    let is_there = async || {
        let found = seen(here, by, repository).await;
        found.is_some_and(|it| states.contains(&it["state"].as_str().unwrap()))
    };
    eventually("the import", is_there).await;
    seen(here, by, repository).await.unwrap()
}

/// Everything that is told of a repository, but for what names it.
async fn told(here: &Server, by: &Person, repository: &str) -> Value {
    let target = format!("/api/v1/repos/{repository}");
    let shown = here.get(&target).by(by).send().await.json();
    let log = here.get(&format!("{target}/log?limit=100")).by(by).send().await.json();
    let events = here.get(&format!("{target}/activity?limit=100")).by(by).send().await.json();
    let moved = |it: &Value| json!([it["ref"], it["old"], it["new"], it["forced"]]);
    let mut log: Vec<_> = log["items"].as_array().unwrap().iter().map(moved).collect();
    log.sort_by_key(Value::to_string);
    let mut kinds: Vec<_> =
        events["items"].as_array().unwrap().iter().map(|it| it["type"].clone()).collect();
    kinds.sort_by_key(Value::to_string);
    json!({
        "refs": refs(here, by, repository).await, "log": log, "kinds": kinds,
        "default_branch": shown["default_branch"], "commit_count": shown["commit_count"],
        "object_count": shown["object_count"],
    })
}

/// Rows of the activity that say that something was pushed.
pub(crate) async fn pushes(here: &Server, by: &Person, repository: &str) -> usize {
    let target = format!("/api/v1/repos/{repository}/activity?limit=100");
    let events = here.get(&target).by(by).send().await.json();
    events["items"].as_array().unwrap().iter().filter(|it| it["type"] == "push").count()
}

on_both! {
    async fn what_another_server_has_comes_here_and_twice_is_once(ground: Ground) {
        let there = There::start().await;
        let here = there.neighbour(&ground).await;
        let boris = here.register("boris").await;
        let song = create(&here, &boris, "song", "private").await;
        let answer = ask(&here, &boris, &song, &there.asked()).await;
        answer.assert_status(202);
        assert_eq!(answer.header("location"), format!("/api/v1/repos/{song}/import"));
        let ended = reaches(&here, &boris, &song, &["done", "failed"]).await;
        assert_eq!((&ended["state"], &ended["error"]), (&json!("done"), &Value::Null), "{ended}");
        assert_eq!(refs(&here, &boris, &song).await, there.refs().await);
        assert_eq!(pushes(&here, &boris, &song).await, 1);
        let once = told(&here, &boris, &song).await;

        ask(&here, &boris, &song, &there.asked()).await.assert_status(202);
        let again = reaches(&here, &boris, &song, &["done", "failed"]).await;
        assert_eq!((&again["state"], &again["refs_moved"]), (&json!("done"), &json!(0)));
        assert_eq!(told(&here, &boris, &song).await, once);

        // What is new there comes, tags too, and what is here alone stays as it is.
        let user = &there.user;
        let url = address(&here, &token(&here, &boris, "write").await, &song);
        user.does("", &["clone", "-q", &url, "here"]);
        user.writes("here", "own.txt", "own\n");
        user.does("here", &["push", "-q", "origin", "main:own"]);
        user.writes("there", "b.txt", "b\n");
        user.does("there", &["tag", "-a", "-m", "one", "v1"]);
        user.does("there", &["push", "-q", "origin", "main", "v1", "main:side/a"]);
        ask(&here, &boris, &song, &there.asked()).await.assert_status(202);
        let third = reaches(&here, &boris, &song, &["done", "failed"]).await;
        assert_eq!((&third["state"], &third["refs_moved"]), (&json!("done"), &json!(3)), "{third}");
        let mut own = refs(&here, &boris, &song).await;
        own.retain(|(name, _)| name != "refs/heads/own");
        assert_eq!(own, there.refs().await);
        let heavy = user.does("there", &["rev-parse", "v1"]);
        assert!(user.does("", &["ls-remote", &url, "refs/tags/v1"]).starts_with(&heavy));
    }
}

/// H27.
#[tokio::test]
async fn a_file_without_a_byte_comes_along() {
    let there = There::start().await;
    let here = there.neighbour(&Ground::Sqlite).await;
    let boris = here.register("boris").await;
    let song = create(&here, &boris, "song", "private").await;
    there.user.writes("there", "empty", "");
    there.user.does("there", &["push", "-q", "origin", "main"]);
    ask(&here, &boris, &song, &there.asked()).await.assert_status(202);
    let ended = reaches(&here, &boris, &song, &["done", "failed"]).await;
    assert_eq!((&ended["state"], &ended["error"]), (&json!("done"), &Value::Null), "{ended}");
    let raw = here.get(&format!("/{song}/raw/main/empty")).by(&boris).send().await;
    assert_eq!((raw.status, raw.text().len()), (200, 0));
    let url = address(&here, &token(&here, &boris, "read").await, &song);
    there.user.does("", &["clone", "-q", &url, "back"]);
    assert_eq!(fs::read(there.user.path("back/empty")).unwrap(), b"");
}

/// H89: what is looked for in a push is looked for in an import.
#[tokio::test]
async fn a_secret_that_another_server_has_does_not_come() {
    let there = There::start().await;
    let here = there.neighbour(&Ground::Sqlite).await;
    let boris = here.register("boris").await;
    let song = create(&here, &boris, "song", "private").await;
    let rule = json!({ "secret_protection": "refuse" });
    let set = here.request(Method::PATCH, &format!("/api/v1/repos/{song}")).json(&rule);
    set.by(&boris).send().await.assert_status(200);
    let secret = TokenText::generate("personal", &Random::seeded(11)).expose().clone();
    here.canaries().add(&secret);
    there.user.writes("there", "a.env", &format!("# settings\n\n{secret}\n"));
    there.user.does("there", &["push", "-q", "origin", "main"]);
    ask(&here, &boris, &song, &there.asked()).await.assert_status(202);
    let ended = reaches(&here, &boris, &song, &["done", "failed"]).await;
    assert_eq!(ended["state"], "failed", "{ended}");
    let error = ended["error"].as_str().unwrap();
    assert!(error.contains("`a.env`, line 3: a token of Motet"), "{error}");
    assert!(!error.contains(&secret) && !here.log().contains(&secret));
    assert!(refs(&here, &boris, &song).await.is_empty());
}

#[tokio::test]
async fn nothing_is_moved_back_and_odd_names_are_left_out() {
    let there = There::start().await;
    let here = there.neighbour(&Ground::Sqlite).await;
    let boris = here.register("boris").await;
    let song = create(&here, &boris, "song", "private").await;
    ask(&here, &boris, &song, &there.asked()).await.assert_status(202);
    reaches(&here, &boris, &song, &["done"]).await;
    let user = &there.user;
    let before = refs(&here, &boris, &song).await;
    user.does("there", &["commit", "-q", "--amend", "-m", "another"]);
    user.does("there", &["push", "-q", "--force", "origin", "main"]);
    // Another server may take names that this one does not.
    let dir = directory(&there.server, &there.anna, &there.songs).await;
    user.does("there", &["push", "-q", "origin", "main:side"]);
    let tip = user.does("there", &["rev-parse", "HEAD"]);
    let odd = dir.to_str().unwrap().to_owned();
    user.does("there", &["--git-dir", &odd, "update-ref", "refs/heads/a+b", &tip]);
    ask(&here, &boris, &song, &there.asked()).await.assert_status(202);
    let ended = reaches(&here, &boris, &song, &["done", "failed"]).await;
    assert_eq!((&ended["refs_moved"], &ended["refs_left"]), (&json!(1), &json!(2)), "{ended}");
    let after = refs(&here, &boris, &song).await;
    assert!(after.contains(&before[0]) && after.len() == 2, "{after:?}");
}

on_both! {
    async fn who_may_not_enter_there_is_told_at_the_first_try(ground: Ground) {
        let there = There::start().await;
        let here = there.neighbour(&ground).await;
        let boris = here.register("boris").await;
        let song = create(&here, &boris, "song", "private").await;
        let wrong = json!({ "username": "anna", "password": "mt_personal_wrong" });
        for shown in [wrong, Value::Null] {
            let mut body = json!({ "url": there.url() });
            if !shown.is_null() {
                body["credentials"] = shown;
            }
            ask(&here, &boris, &song, &body).await.assert_status(202);
            let ended = reaches(&here, &boris, &song, &["done", "failed"]).await;
            assert_eq!((&ended["state"], &ended["failures"]), (&json!("failed"), &json!(0)));
            assert!(ended["error"].as_str().unwrap().contains("401"), "{ended}");
        }
        assert!(is_empty(&directory(&here, &boris, &song).await));
        assert!(!here.log().contains("mt_personal_wrong"));
    }
}

#[tokio::test]
async fn addresses_of_inner_networks_and_other_schemes_are_refused() {
    let there = There::start().await;
    let here = there.neighbour(&Ground::Sqlite).await;
    let boris = here.register("boris").await;
    let song = create(&here, &boris, "song", "private").await;
    let port = there.server.address().port();
    for url in [
        // The same machine, by names that the operator did not say.
        format!("http://localhost:{port}/anna/songs"),
        format!("http://127.0.0.1.:{}/anna/songs", here.address().port()),
        "https://127.0.0.1/anna/songs".to_owned(),
        "https://10.0.0.1/songs".to_owned(),
        "https://[::ffff:192.168.0.1]/songs".to_owned(),
        "https://169.254.169.254/latest".to_owned(),
        "https://2130706433/songs".to_owned(),
        "http://forge.example/songs".to_owned(),
        "https://forge.example:22/songs".to_owned(),
        "ssh://forge.example/songs".to_owned(),
        "file:///etc".to_owned(),
        "ext::sh -c id".to_owned(),
        format!("http://anna:secret@127.0.0.1:{port}/anna/songs"),
    ] {
        let answer = ask(&here, &boris, &song, &json!({ "url": url })).await;
        answer.assert_status(422);
        assert_eq!(answer.json()["errors"][0]["pointer"], "/url", "{url}");
        let mirror = json!({ "direction": "push", "url": url });
        let target = format!("/api/v1/repos/{song}/mirrors");
        let answer = here.post(&target).json(&mirror).by(&boris).send().await;
        answer.assert_status(422);
        assert!(!answer.text().contains("secret"), "{url}");
    }
    assert!(seen(&here, &boris, &song).await.is_none());
    // One of the Muse format takes none.
    let muse = json!({ "name": "muse" });
    here.post("/api/v1/repos").json(&muse).by(&boris).send().await.assert_status(201);
    ask(&here, &boris, "boris/muse", &there.asked()).await.assert_status(422);
}

#[tokio::test]
async fn a_forged_object_is_refused_and_nothing_of_it_can_be_read() {
    let there = There::start().await;
    let user = &there.user;
    let blob = user.does("there", &["rev-parse", "HEAD:README.md"]);
    let dir = directory(&there.server, &there.anna, &there.songs).await;
    let git_dir = dir.to_str().unwrap().to_owned();
    // Every object alone, and one of them another one than its name says.
    for entry in fs::read_dir(dir.join("objects/pack")).unwrap() {
        let path = entry.unwrap().path();
        let moved = user.path(path.file_name().unwrap().to_str().unwrap());
        fs::rename(&path, &moved).unwrap();
        if moved.extension().is_some_and(|it| it == "pack") {
            let pack = fs::read(&moved).unwrap();
            user.feeds("there", &["--git-dir", &git_dir, "unpack-objects", "-q"], &pack);
        }
    }
    let forged = user.feeds("there", &["hash-object", "-w", "--stdin"], b"# Forged\n");
    let path = |dir: &std::path::Path, id: &str| dir.join("objects").join(&id[..2]).join(&id[2..]);
    fs::remove_file(path(&dir, &blob)).unwrap();
    fs::copy(path(&user.path("there/.git"), &forged), path(&dir, &blob)).unwrap();
    let here = there.neighbour(&Ground::Sqlite).await;
    let boris = here.register("boris").await;
    let song = create(&here, &boris, "song", "public").await;
    ask(&here, &boris, &song, &there.asked()).await.assert_status(202);
    eventually("a try has failed", async || {
        seen(&here, &boris, &song).await.is_some_and(|it| it["failures"] != 0)
    })
    .await;
    assert!(refs(&here, &boris, &song).await.is_empty());
    assert!(is_empty(&directory(&here, &boris, &song).await));
    let target = format!("/api/v1/repos/{song}/import");
    here.request(Method::DELETE, &target).by(&boris).send().await.assert_status(204);
    assert_eq!(seen(&here, &boris, &song).await.unwrap()["state"], "cancelled");
}

#[tokio::test]
async fn an_import_that_is_interrupted_anywhere_comes_to_the_same() {
    let there = There::start().await;
    let user = &there.user;
    for number in 0..30 {
        user.writes("there", &format!("verses/{number}.txt"), &format!("{number}\n").repeat(500));
    }
    user.does("there", &["tag", "-a", "-m", "one", "v1"]);
    user.does(
        "there",
        &[
            "push",
            "-q",
            "origin",
            "main",
            "v1",
            "main~5:refs/heads/side",
            "main~9:refs/heads/old/one",
        ],
    );
    let mut here = there.neighbour(&Ground::Sqlite).await;
    let boris = here.register("boris").await;
    let whole = create(&here, &boris, "whole", "private").await;
    ask(&here, &boris, &whole, &there.asked()).await.assert_status(202);
    assert_eq!(reaches(&here, &boris, &whole, &["done", "failed"]).await["state"], "done");
    let expected = told(&here, &boris, &whole).await;
    assert_eq!(expected["refs"].as_array().unwrap().len(), 4);
    for point in 0..POINTS {
        let song = create(&here, &boris, &format!("song{point}"), "private").await;
        ask(&here, &boris, &song, &there.asked()).await.assert_status(202);
        // Not to wait for anything: the moment is what is tried.
        sleep(STEP * point).await;
        let state = seen(&here, &boris, &song).await.unwrap()["state"].clone();
        here.kill().await;
        here.restart().await;
        eprintln!("point {point}: {state}");
        assert_eq!(reaches(&here, &boris, &song, &["done", "failed"]).await["state"], "done");
        assert_eq!(told(&here, &boris, &song).await, expected, "point {point}");
        // Said once more it is the same.
        ask(&here, &boris, &song, &there.asked()).await.assert_status(202);
        reaches(&here, &boris, &song, &["done", "failed"]).await;
        assert_eq!(told(&here, &boris, &song).await, expected, "point {point}");
        let dir = directory(&here, &boris, &song).await;
        user.does("there", &["--git-dir", dir.to_str().unwrap(), "fsck", "--strict"]);
    }
    let incoming = here.data_dir().join("git/incoming");
    let left: Vec<_> = fs::read_dir(incoming)
        .unwrap()
        .flat_map(|it| fs::read_dir(it.unwrap().path()).unwrap())
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_command_and_a_form_bring_a_repository_here() {
    let there = There::start().await;
    let here = there.neighbour(&Ground::Sqlite).await;
    let ada = Machine::of(&here, "ada");
    let file = there.user.path("token.txt");
    fs::write(&file, format!("{}\n", there.read)).unwrap();
    let url = there.url();
    let shown = ["--username", "anna", "--password-file", file.to_str().unwrap()];
    let said = [&["repo", "import", url.as_str()][..], &shown].concat();
    let done = ada.done(&said);
    assert_eq!((&done["state"], &done["refs_moved"]), (&json!("done"), &json!(1)));
    assert_eq!(ada.done(&said)["refs_moved"], 0);
    assert_eq!(ada.done(&["repo", "show", "songs"])["format"], "git");
    assert_eq!(ada.fails(&["repo", "import", &url, "other"]), (5, "import_failed".to_owned()));

    let boris = here.register("boris").await;
    let reader = Reader::of(&here, &boris).await;
    let fields = "owner=boris&name=songs&description=&visibility=private&format=muse&template=&licence=&ignore=";
    let bad = reader.send("/new", &format!("{fields}&import_url=https%3A%2F%2F10.0.0.1%2Fx")).await;
    bad.assert_status(422);
    assert!(bad.text().contains(r#"id="import_url-fault" role="alert""#));
    let good = url.replace(':', "%3A").replace('/', "%2F");
    let form =
        format!("{fields}&import_url={good}&import_username=anna&import_password={}", there.read);
    assert_eq!(reader.done("/new", &form).await, "/boris/songs/settings/mirrors");
    reaches(&here, &boris, "boris/songs", &["done"]).await;
    let page = reader.see("/boris/songs/settings/mirrors").await;
    page.assert_status(200);
    assert!(page.text().contains("1 branch or tag came") && !page.text().contains(&there.read));
    assert_eq!(refs(&here, &boris, "boris/songs").await, there.refs().await);
}
