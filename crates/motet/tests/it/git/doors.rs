//! Who gets in, and what others are told.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Method;
use serde_json::json;
use testkit::{Answer, Server};

use super::{Stage, address, create, stage, token};
use crate::{
    MOTET,
    ground::{Ground, on_both},
};

const ADVERTISED: &str = "info/refs?service=git-upload-pack";

fn basic(password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("anybody:{password}")))
}

async fn asks(server: &Server, target: &str, authorization: Option<&str>) -> Answer {
    let request = server.get(target);
    match authorization {
        Some(line) => request.header("authorization", line).send().await,
        None => request.send().await,
    }
}

#[tokio::test]
async fn whoever_says_nothing_is_asked_who_it_is_for_hidden_and_missing_alike() {
    let server = Server::start(MOTET).await;
    let (anna, boris) = (server.register("anna").await, server.register("boris").await);
    let of_boris = basic(&token(&server, &boris, "write").await);
    create(&server, &anna, "veiled", "private").await;
    for service in ["git-upload-pack", "git-receive-pack"] {
        let mut told = Vec::new();
        for name in ["anna/veiled.git", "anna/veiled", "anna/absent.git", "nobody/absent.git"] {
            let target = format!("/{name}/info/refs?service={service}");
            let nobody = asks(&server, &target, None).await;
            nobody.assert_status(401);
            let ways = nobody.all("www-authenticate");
            assert_eq!(ways, r#"MSign realm="motet", Basic realm="motet""#);
            let stranger = asks(&server, &target, Some(&of_boris)).await;
            stranger.assert_status(404);
            told.push((nobody.faceless(), stranger.faceless()));
        }
        assert!(told.iter().all(|it| *it == told[0]), "{told:?}");
    }
    for service in ["git-upload-pack", "git-receive-pack"] {
        for name in ["veiled", "absent"] {
            let post = server.post(&format!("/anna/{name}.git/{service}"));
            let kind = format!("application/x-{service}-request");
            post.header("content-type", &kind).body("0000").send().await.assert_status(401);
        }
    }
}

#[tokio::test]
async fn tokens_are_passwords_and_secrets_of_accounts_are_not() {
    let server = Server::start(MOTET).await;
    let anna = server.register("anna").await;
    create(&server, &anna, "veiled", "private").await;
    create(&server, &anna, "other", "private").await;
    let scope = json!({ "planes": { "hub": "read" }, "repositories": ["anna/veiled"] });
    let mint = server.post("/api/v1/tokens").json(&json!({ "kind": "git", "scope": scope }));
    let of_git = mint.by(&anna).send().await.json()["value"].as_str().unwrap().to_owned();
    let personal = token(&server, &anna, "write").await;
    let here = format!("/anna/veiled.git/{ADVERTISED}");
    for line in [basic(&of_git), basic(&personal), format!("Bearer {of_git}")] {
        asks(&server, &here, Some(&line)).await.assert_status(200);
    }
    asks(&server, &format!("/anna/other.git/{ADVERTISED}"), Some(&basic(&of_git)))
        .await
        .assert_status(404);
    let to_push = "/anna/veiled.git/info/refs?service=git-receive-pack";
    asks(&server, to_push, Some(&basic(&of_git))).await.assert_status(403);
    asks(&server, to_push, Some(&basic(&personal))).await.assert_status(200);
    for wrong in
        [basic(""), basic("mt_git_nonsense"), "Basic !!!".to_owned(), "Digest x".to_owned()]
    {
        asks(&server, &here, Some(&wrong)).await.assert_status(401);
    }
    // Nowhere else is Basic a credential.
    asks(&server, "/api/v1/me", Some(&basic(&personal))).await.assert_status(401);
    // A signature is one here too.
    server.get(&here).by(&anna).send().await.assert_status(200);
    let stranger = server.register("boris").await;
    server.get(&here).by(&stranger).send().await.assert_status(404);
}

#[tokio::test]
async fn the_two_formats_are_told_apart() {
    let Stage { server, anna, songs: git, token, user, .. } =
        stage(Server::with(MOTET), "private").await;
    let muse = server.create(&anna, "scores", "private").await;
    let said = user.tries("one", &["push", &address(&server, &token, &muse), "main"]);
    assert!(!said.is_well && said.err.contains("use motet or muse with it"), "{}", said.err);
    let said = user.tries("one", &["ls-remote", &address(&server, &token, &muse)]);
    assert!(!said.is_well && said.err.contains("use motet or muse with it"), "{}", said.err);
    let answer = server.get(&format!("/{git}/refs")).by(&anna).send().await;
    answer.assert_status(403);
    assert!(answer.text().contains("use git with it"), "{}", answer.text());
    let story = testkit::Story::of_one("a song");
    server.push_objects(&anna, &git, story.inline()).await.assert_status(403);
}

#[tokio::test]
async fn requests_that_are_none_are_refused() {
    let Stage { server, anna, user, .. } = stage(Server::with(MOTET), "public").await;
    let post = |kind: &str, body: &str| {
        let request = server.post("/anna/songs.git/git-upload-pack");
        request.header("content-type", kind).body(body.to_owned())
    };
    let kind = "application/x-git-upload-pack-request";
    post("application/json", "{}").send().await.assert_status(415);
    let odd = post(kind, "0000").header("git-protocol", "version=2; x");
    odd.send().await.assert_status(400);
    let packed = post(kind, "not gzip").header("content-encoding", "gzip");
    packed.send().await.assert_status(400);
    post(kind, "0000").header("content-encoding", "br").send().await.assert_status(415);
    post(kind, "0000").send().await.assert_status(200);
    for method in [Method::PUT, Method::DELETE] {
        let request = server.request(method, "/anna/songs.git/git-upload-pack");
        request.by(&anna).send().await.assert_status(405);
    }
    // Files are not served one by one.
    server.get("/anna/songs.git/info/refs").send().await.assert_status(403);
    let open = format!("{}/anna/songs.git", server.base_url());
    let said = user.command("", &["ls-remote", &open]).env("GIT_SMART_HTTP", "0").output().unwrap();
    let told = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(!said.status.success() && told.contains("smart protocol"), "{told}");
    for odd in ["anna/songs.git.git", "anna/.git", "anna/songs.GIT", "anna/so%2Fngs.git"] {
        server.get(&format!("/{odd}/{ADVERTISED}")).by(&anna).send().await.assert_status(404);
    }
}

#[tokio::test]
async fn an_archived_repository_is_only_read() {
    let Stage { server, anna, songs, url, user, .. } =
        stage(Ground::Sqlite.server(), "private").await;
    user.does("one", &["push", "-q", &url, "main"]);
    let archive = server.post(&format!("/api/v1/repos/{songs}/archive")).json(&json!({}));
    assert!(archive.by(&anna).send().await.status < 300);
    let said = user.tries("one", &["push", &url, "main:more"]);
    assert!(!said.is_well && said.err.contains("archived"), "{}", said.err);
    user.does("", &["clone", "-q", &url, "two"]);
}

on_both! {
    /// H07, H11: for clients of Git a former name is one that there never was.
    async fn what_was_renamed_or_deleted_is_missing_under_its_former_name(ground: Ground) {
        let Stage { server, anna, songs, token, url, user } = stage(ground.server(), "public").await;
        user.does("one", &["push", "-q", &url, "main"]);
        let told_of = async |name: &str| {
            let target = format!("/anna/{name}.git/{ADVERTISED}");
            let told = asks(&server, &target, Some(&basic(&token))).await;
            told.assert_status(404);
            told.faceless()
        };
        let rename = server.request(Method::PATCH, &format!("/api/v1/repos/{songs}"));
        let rename = rename.json(&json!({ "name": "hymns" })).by(&anna).send().await;
        rename.assert_status(200);
        // Its owner is told where it is; Git does not go there by itself.
        told_of("songs").await;
        let hymns = address(&server, &token, "anna/hymns");
        user.does("", &["clone", "-q", &hymns, "two"]);
        // A new one of that name is itself.
        create(&server, &anna, "songs", "public").await;
        assert_eq!(user.does("", &["ls-remote", &url]), "");
        let target = "/api/v1/repos/anna/hymns";
        let confirm = json!({ "confirm": "anna/hymns" });
        let gone = server.request(Method::DELETE, target).json(&confirm).by(&anna).send().await;
        assert!(gone.status < 300, "{}", gone.text());
        assert_eq!(told_of("hymns").await, told_of("never").await);
        let back = server.post(&format!("{target}/restore")).json(&json!({})).by(&anna).send().await;
        assert!(back.status < 300, "{}", back.text());
        assert_eq!(user.does("", &["ls-remote", &hymns, "HEAD"]).split('\t').next().unwrap(),
            user.does("one", &["rev-parse", "HEAD"]));
    }
}
