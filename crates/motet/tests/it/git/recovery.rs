//! Git and rows agree after a crash; what came loose is gone.

use std::fs;

use serde_json::json;

use super::{Stage, User, address, create, directory, processes::wrapper, refs, stage, token};
use crate::{
    ground::{Ground, on_both, settled},
    store,
};

on_both! {
    async fn a_kill_between_row_and_ref_is_made_up_for_at_the_start(ground: Ground) {
        for word in ["prepare", "commit"] {
            let place = tempfile::tempdir().unwrap();
            // Says yes to everything, and ends the server when it hears the word.
            let trap = place.path().join("trap");
            let before = format!(
                "if [ -e {} ]; then case \"$*\" in *update-ref*)
                   while read -r line; do case \"$line\" in
                     {word}) kill -9 $PPID; exit 1;;
                     start|prepare|commit) echo \"$line: ok\";;
                   esac; done; exit 1;;
                 esac; fi",
                trap.display()
            );
            let git = wrapper(place.path(), &before);
            let mut server = ground.server().arg("--git-prune-seconds=0").arg(format!("--git={}", git.display())).start().await;
            let anna = server.register(&format!("anna-{word}")).await;
            let songs = create(&server, &anna, "songs", "private").await;
            let token = token(&server, &anna, "write").await;
            let user = User::new();
            user.begins("one");
            let first = user.does("one", &["rev-parse", "HEAD"]);
            user.does("one", &["push", "-q", &address(&server, &token, &songs), "main", "main:old"]);
            let second = user.writes("one", "b.txt", "b\n");
            // A job that dies with its server comes again when its lease has ended, which is not waited for here.
            settled(&server).await;
            fs::write(&trap, "").unwrap();
            let url = address(&server, &token, &songs);
            let said = user.tries("one", &["push", "--atomic", &url, "main", "main:new", ":old"]);
            assert!(!said.is_well, "{}", said.err);
            fs::remove_file(&trap).unwrap();
            server.kill().await;
            server.restart().await;
            let at = |name: &str, id: &str| (format!("refs/heads/{name}"), id.to_owned());
            let expected = match word {
                "commit" => vec![at("main", &second), at("new", &second)],
                _ => vec![at("main", &first), at("old", &first)],
            };
            assert_eq!(refs(&server, &anna, &songs).await, expected);
            let url = address(&server, &token, &songs);
            let listed = user.does("", &["ls-remote", &url, "refs/heads/*"]);
            let told: Vec<_> = expected.iter().map(|(name, id)| format!("{id}\t{name}")).collect();
            assert_eq!(listed.lines().collect::<Vec<_>>(), told);
            user.does("one", &["push", "-q", &url, "main", "main:more"]);
            settled(&server).await;
        }
    }
}

#[tokio::test]
async fn what_was_forced_away_cannot_be_fetched_by_its_name() {
    let ground = Ground::Sqlite;
    let Stage { mut server, anna, songs, token, url, user } =
        stage(ground.server(), "private").await;
    let gone = user.writes("one", "secret.txt", "secret\n");
    user.does("one", &["push", "-q", &url, "main"]);
    user.does("one", &["reset", "-q", "--hard", "HEAD~1"]);
    user.does("one", &["push", "-q", "--force", &url, "main"]);
    fs::create_dir(user.path("two")).unwrap();
    user.does("two", &["init", "-q"]);
    // Until then it is there for whoever knows its name.
    user.does("two", &["fetch", "-q", &url, &gone]);
    // Ten minutes pass.
    server.stop().await;
    let db = ground.db(&server).await;
    let mut tx = db.write().await.unwrap();
    assert_eq!(store::hasten(&mut tx, "hub.git_prune", 600_000).await.unwrap(), 1);
    tx.commit().await.unwrap();
    db.close().await;
    server.restart().await;
    settled(&server).await;
    let url = address(&server, &token, &songs);
    fs::create_dir(user.path("three")).unwrap();
    user.does("three", &["init", "-q"]);
    let said = user.tries("three", &["fetch", &url, &gone]);
    assert!(!said.is_well && said.err.contains("not our ref"), "{}", said.err);
    let dir = directory(&server, &anna, &songs).await;
    let id = dir.file_stem().unwrap().to_owned();
    let aside = server.data_dir().join("git/aside").join(id);
    assert_eq!(fs::read_dir(aside).unwrap().count(), 1);
    user.does("", &["clone", "-q", &url, "four"]);
}

#[tokio::test]
async fn a_ref_that_is_moved_elsewhere_is_followed() {
    let Stage { server, anna, songs, url, user, .. } =
        stage(Ground::Sqlite.server().arg("--git-prune-seconds=0"), "private").await;
    user.does("one", &["push", "-q", &url, "main", "main:side"]);
    let target = format!("/api/v1/repos/{songs}/refs/heads/side");
    let taken = server.request(http::Method::DELETE, &target).by(&anna).send().await;
    taken.assert_status(204);
    settled(&server).await;
    assert!(!user.does("", &["ls-remote", &url]).contains("side"));
    // A tag with a message that is moved to a commit is that commit, and says nothing any more.
    user.does("one", &["tag", "-a", "-m", "first", "v1"]);
    user.does("one", &["push", "-q", &url, "v1"]);
    let first = user.does("one", &["rev-parse", "HEAD"]);
    let second = user.writes("one", "b.txt", "b\n");
    user.does("one", &["push", "-q", &url, "main"]);
    let tag = format!("/api/v1/repos/{songs}/refs/tags/v1");
    assert_eq!(server.get(&tag).by(&anna).send().await.json()["tag"]["message"], "first\n");
    let to = json!({ "target": second, "expected": first, "force": true });
    let put = server.request(http::Method::PUT, &tag).json(&to).by(&anna).send().await;
    put.assert_status(200);
    assert_eq!((&put.json()["target"], &put.json()["tag"]), (&json!(second), &json!(null)));
    settled(&server).await;
    assert_eq!(
        user.does("", &["ls-remote", &url, "refs/tags/v1"]),
        format!("{second}\trefs/tags/v1")
    );
    // What was taken out cannot be brought back without its objects.
    user.does("one", &["checkout", "-q", "-b", "lost"]);
    let lost = user.writes("one", "lost.txt", "lost\n");
    user.does("one", &["push", "-q", &url, "lost"]);
    user.does("one", &["push", "-q", &url, ":lost"]);
    settled(&server).await;
    let back = format!("/api/v1/repos/{songs}/refs/heads/lost");
    let back = server.request(http::Method::PUT, &back).json(&json!({ "target": lost }));
    back.by(&anna).send().await.assert_refused(422, "unknown_commit");
    user.does("one", &["push", "-q", &url, "lost"]);
    // Git could not follow to this.
    let odd = format!("/api/v1/repos/{songs}/refs/heads/a.lock");
    let put = server.request(http::Method::PUT, &odd).json(&json!({ "target": second }));
    put.by(&anna).send().await.assert_refused(422, "bad_ref");
}

on_both! {
    async fn a_repository_that_is_purged_leaves_no_directory(ground: Ground) {
        let Stage { server, anna, songs, url, user, .. } = stage(ground.server().arg("--git-prune-seconds=0"), "private").await;
        user.does("one", &["push", "-q", &url, "main"]);
        settled(&server).await;
        let dir = directory(&server, &anna, &songs).await;
        assert!(dir.exists());
        let (target, confirm) = (format!("/api/v1/repos/{songs}"), serde_json::json!({ "confirm": songs }));
        let deleted = server.request(http::Method::DELETE, &target).json(&confirm).by(&anna).send().await;
        assert!(deleted.status < 300, "{}", deleted.text());
        assert!(!user.tries("", &["ls-remote", &url]).is_well);
        let purge = server.post(&format!("{target}/purge")).json(&confirm).by(&anna).send().await;
        assert!(purge.status < 300, "{}", purge.text());
        settled(&server).await;
        assert!(!dir.exists());
    }
}
