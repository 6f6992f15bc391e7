//! Repositories of Git that are made from others: forks, templates, first files (H04, H13, H15).

use std::fs;

use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Person, Server};

use super::{Stage, User, address, create, refs, stage, token};
use crate::ground::{Ground, eventually, on_both, settled};

async fn post(server: &Server, by: &Person, target: &str, body: Value) -> Answer {
    server.post(target).json(&body).by(by).send().await
}

/// Whether an object can be fetched by its name.
fn gives(user: &User, into: &str, url: &str, id: &str) -> bool {
    fs::create_dir(user.path(into)).unwrap();
    user.does(into, &["init", "-q"]);
    user.tries(into, &["fetch", "-q", url, id]).is_well
}

on_both! {
    async fn a_fork_takes_over_what_is_shown_and_nothing_else(ground: Ground) {
        let Stage { server, anna, songs, url, user, .. } = stage(ground.server(), "public").await;
        let boris = server.register("boris").await;
        // Two lines that meet, a tag with a message, and something that was forced away.
        user.does("one", &["checkout", "-q", "-b", "side"]);
        user.writes("one", "side.txt", "side\n");
        user.does("one", &["checkout", "-q", "main"]);
        user.writes("one", "main.txt", "main\n");
        user.does("one", &["merge", "-q", "-m", "both", "side"]);
        user.does("one", &["tag", "-a", "-m", "first", "v1"]);
        user.does("one", &["push", "-q", &url, "main", "side", "v1"]);
        user.does("one", &["checkout", "-q", "-b", "lost"]);
        let lost = user.writes("one", "lost.txt", "lost\n");
        user.does("one", &["push", "-q", &url, "lost"]);
        user.does("one", &["push", "-q", &url, ":lost"]);
        let forked = post(&server, &boris, &format!("/api/v1/repos/{songs}/forks"), json!({})).await;
        forked.assert_status(202);
        assert_eq!(forked.json()["format"], "git");
        let of_boris = address(&server, &token(&server, &boris, "write").await, "boris/songs");
        let listed = user.does("", &["ls-remote", &url]);
        eventually("the fork is filled", async || user.does("", &["ls-remote", &of_boris]) == listed).await;
        assert_eq!(refs(&server, &boris, "boris/songs").await, refs(&server, &anna, &songs).await);
        user.does("", &["clone", "-q", &of_boris, "two"]);
        user.does("two", &["fsck", "--strict"]);
        let raw = server.get("/boris/songs/raw/main/side.txt").by(&boris).send().await;
        assert_eq!((raw.status, raw.text()), (200, "side\n".to_owned()));
        // What was forced away lies in the source still, for a while.
        assert!(gives(&user, "of-source", &url, &lost));
        assert!(!gives(&user, "of-fork", &of_boris, &lost));
        // What comes to the fork is in the fork alone.
        let own = user.writes("two", "own.txt", "own\n");
        user.does("two", &["push", "-q", &of_boris, "main"]);
        assert!(!gives(&user, "own", &url, &own));
        server.get(&format!("/api/v1/repos/{songs}/commits/{own}")).by(&anna).send().await.assert_status(404);
    }
}

on_both! {
    async fn a_branch_of_a_fork_follows_its_source(ground: Ground) {
        let Stage { server, anna, songs, url, user, .. } =
            stage(ground.server().arg("--git-prune-seconds=0"), "public").await;
        let boris = server.register("boris").await;
        user.writes("one", "side.txt", "side\n");
        user.does("one", &["push", "-q", &url, "main", "main~1:refs/heads/other"]);
        let only = json!({ "default_branch_only": true });
        post(&server, &boris, &format!("/api/v1/repos/{songs}/forks"), only).await.assert_status(202);
        settled(&server).await;
        let first = user.does("one", &["rev-parse", "HEAD"]);
        let main = |id: &str| vec![("refs/heads/main".to_owned(), id.to_owned())];
        assert_eq!(refs(&server, &boris, "boris/songs").await, main(&first));
        let second = user.writes("one", "b.txt", "b\n");
        user.does("one", &["push", "-q", &url, "main"]);
        let sync = "/api/v1/repos/boris/songs/sync";
        let done = post(&server, &boris, sync, json!({ "branch": "main" })).await;
        done.assert_status(200);
        assert_eq!((&done.json()["new"], &done.json()["commits"]), (&json!(second), &json!(1)));
        settled(&server).await;
        assert_eq!(refs(&server, &boris, "boris/songs").await, main(&second));
        let of_boris = address(&server, &token(&server, &boris, "write").await, "boris/songs");
        user.does("", &["clone", "-q", &of_boris, "two"]);
        assert_eq!(fs::read(user.path("two/b.txt")).unwrap(), b"b\n");
        assert_eq!(post(&server, &boris, sync, json!({ "branch": "main" })).await.json()["commits"], 0);
        // The other way it does not go.
        user.writes("two", "own.txt", "own\n");
        user.does("two", &["push", "-q", &of_boris, "main"]);
        user.writes("one", "c.txt", "c\n");
        user.does("one", &["push", "-q", &url, "main"]);
        assert_eq!(post(&server, &boris, sync, json!({ "branch": "main" })).await.status, 409);
        drop(anna);
    }
}

on_both! {
    async fn a_repository_of_git_begins_with_what_was_asked_for(ground: Ground) {
        let server = ground.server().arg("--git-prune-seconds=0").start().await;
        let anna = server.register("anna").await;
        let asked = json!({ "readme": true, "licence": "MIT", "ignore": "rust" });
        let new = json!({ "name": "songs", "format": "git", "initialize": asked, "default_branch": "trunk" });
        let made = post(&server, &anna, "/api/v1/repos", new).await;
        made.assert_status(201);
        let facts = made.json();
        assert_eq!((&facts["default_branch"], &facts["commit_count"]), (&json!("trunk"), &json!(1)));
        let url = address(&server, &token(&server, &anna, "write").await, "anna/songs");
        let user = User::new();
        user.does("", &["clone", "-q", &url, "two"]);
        assert_eq!(user.does("two", &["branch", "--show-current"]), "trunk");
        assert_eq!(user.does("two", &["ls-files"]), ".gitignore\nLICENSE\nREADME.md");
        assert!(fs::read_to_string(user.path("two/.gitignore")).unwrap().starts_with("target/\n"));
        let head = user.does("two", &["rev-parse", "HEAD"]);
        let commit = server.get(&format!("/api/v1/repos/anna/songs/commits/{head}")).by(&anna).send().await;
        assert_eq!(commit.json()["signature"]["state"], "verified");
        settled(&server).await;
        user.writes("two", "b.txt", "b\n");
        user.does("two", &["push", "-q", &url, "trunk"]);
    }
}

on_both! {
    /// H04.
    async fn from_a_template_comes_one_commit_with_equal_files_and_no_history(ground: Ground) {
        let Stage { server, anna, songs, url, user, .. } =
            stage(ground.server().arg("--git-prune-seconds=0"), "public").await;
        let (boris, former) = (server.register("boris").await, user.writes("one", "a.txt", "former\n"));
        user.writes("one", "a.txt", "now\n");
        user.writes("one", "deep/er/b.txt", "b\n");
        user.does("one", &["push", "-q", &url, "main"]);
        let from = json!({ "name": "mine", "template": songs });
        post(&server, &boris, "/api/v1/repos", from.clone()).await.assert_refused(422, "invalid");
        let set = server.request(Method::PATCH, &format!("/api/v1/repos/{songs}"));
        set.json(&json!({ "template": true })).by(&anna).send().await.assert_status(200);
        let wrong = json!({ "name": "mine", "template": songs, "format": "muse" });
        post(&server, &boris, "/api/v1/repos", wrong).await.assert_refused(422, "invalid");
        let made = post(&server, &boris, "/api/v1/repos", from).await;
        made.assert_status(201);
        assert_eq!((&made.json()["format"], &made.json()["commit_count"]), (&json!("git"), &json!(1)));
        let mine = address(&server, &token(&server, &boris, "write").await, "boris/mine");
        user.does("", &["clone", "-q", &mine, "two"]);
        let tree = |place: &str| user.does(place, &["rev-parse", "HEAD^{tree}"]);
        assert_eq!(tree("two"), tree("one"));
        assert_eq!(user.does("two", &["rev-list", "--count", "HEAD"]), "1");
        assert!(!gives(&user, "former", &mine, &former));
        settled(&server).await;
        user.does("two", &["fsck", "--strict"]);
        // An empty one is no place to begin from.
        let empty = create(&server, &anna, "empty", "public").await;
        let set = server.request(Method::PATCH, &format!("/api/v1/repos/{empty}"));
        set.json(&json!({ "template": true })).by(&anna).send().await.assert_status(200);
        let from = json!({ "name": "other", "template": empty });
        post(&server, &boris, "/api/v1/repos", from).await.assert_refused(422, "invalid");
        let other = server.get("/api/v1/repos/boris/other").by(&boris).send().await;
        other.assert_status(404);
    }
}
