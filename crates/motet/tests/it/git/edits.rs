//! Files of a repository of Git that are changed in a page or by an agent: one commit, which the server signs (`spec/hub.md` 9,
//! H24, H65).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Person, Server};

use super::{Stage, directory, pushes, refs, stage};
use crate::ground::{Ground, on_both, settled};

async fn edit(
    (server, anna): (&Server, &Person),
    songs: &str,
    (branch, expected): (&str, Option<&str>),
    files: Value,
) -> Answer {
    let body = json!({ "branch": branch, "expected": expected, "message": "Tune", "files": files });
    let post = server.post(&format!("/api/v1/repos/{songs}/edits")).json(&body);
    post.by(anna).send().await
}

fn b64(text: &str) -> String {
    STANDARD.encode(text)
}

on_both! {
    async fn files_are_changed_in_one_commit_that_the_server_signs(ground: Ground) {
        let Stage { server, anna, songs, url, user, .. } =
            stage(ground.server().arg("--git-prune-seconds=0"), "private").await;
        let at = |path: &str| user.path("one").join(path);
        std::fs::create_dir_all(at("deep/er")).unwrap();
        for (path, text) in [("run.sh", "#!/bin/sh\n"), ("deep/er/a.txt", "a\n"), ("deep/b.txt", "b\n")] {
            std::fs::write(at(path), text).unwrap();
        }
        std::os::unix::fs::symlink("run.sh", at("to")).unwrap();
        user.does("one", &["add", "-A"]);
        user.does("one", &["update-index", "--chmod=+x", "run.sh"]);
        user.does("one", &["commit", "-q", "-m", "files"]);
        user.does("one", &["push", "-q", &url, "main"]);
        let head = user.does("one", &["rev-parse", "HEAD"]);
        let files = json!([
            { "path": "run.sh", "content_b64": b64("#!/bin/sh\nexit\n") },
            { "path": "to", "content_b64": b64("README.md") },
            { "path": "moved/a.txt", "from": "deep/er/a.txt", "content_b64": null },
            { "path": "deep/b.txt", "content_b64": null },
            { "path": "new/empty", "content_b64": "" },
        ]);
        let done = edit((&server, &anna), &songs, ("main", Some(&head)), files).await;
        done.assert_status(201);
        let told = done.json();
        let id = told["commit_id"].as_str().unwrap().to_owned();
        assert_eq!((&told["parent_commit_id"], &told["branch"]), (&json!(head), &json!("main")));
        // Git has it at once, with every file what it was.
        user.does("one", &["reset", "-q", "--hard"]);
        user.does("one", &["pull", "-q", &url, "main"]);
        assert_eq!(user.does("one", &["rev-parse", "HEAD"]), id);
        let listed = user.does("one", &["ls-tree", "-r", "--format=%(objectmode) %(path)", "HEAD"]);
        let expected = "100644 README.md\n100644 moved/a.txt\n100644 new/empty\n100755 run.sh\n120000 to";
        assert_eq!(listed, expected);
        assert_eq!(user.does("one", &["show", "HEAD:run.sh"]), "#!/bin/sh\nexit");
        assert!(user.does("one", &["log", "-1", "--format=%an <%ae>"]).starts_with("anna <anna@"));
        // Signed by the server, and so is the entry that moved the branch.
        let commit = format!("/api/v1/repos/{songs}/commits/{id}");
        let commit = server.get(&commit).by(&anna).send().await.json();
        assert_eq!(commit["signature"]["state"], "verified", "{commit}");
        assert_eq!(commit["signature"]["key"], told["signer_key_id"]);
        let log = server.get(&format!("/api/v1/repos/{songs}/log?limit=1")).by(&anna).send().await.json();
        assert_eq!((&log["items"][0]["via"], &log["items"][0]["new"]), (&json!("server"), &json!(id)), "{log}");
        assert_eq!(pushes(&server, &anna, &songs).await, 2);
        settled(&server).await;
        assert_eq!(refs(&server, &anna, &songs).await, [("refs/heads/main".to_owned(), id)]);
        user.does("", &["clone", "-q", &url, "two"]);
        user.does("two", &["fsck", "--strict"]);
    }
}

on_both! {
    async fn what_cannot_be_changed_is_told_and_nothing_is_made(ground: Ground) {
        let Stage { server, anna, songs, url, user, .. } =
            stage(ground.server().arg("--git-prune-seconds=0"), "private").await;
        user.writes("one", "deep/a.txt", "a\n");
        let first = user.does("one", &["rev-parse", "HEAD~1"]);
        user.does("one", &["push", "-q", &url, "main"]);
        let head = user.does("one", &["rev-parse", "HEAD"]);
        let write = |path: &str, text: &str| json!([{ "path": path, "content_b64": b64(text) }]);
        let evil = "[submodule \"a\"]\n\tpath = a\n\turl = -u./payload\n";
        for (expected, files, status, word) in [
            (&first, write("b.txt", "b"), 409, "by now"),
            (&head, write("README.md", "# Songs\n"), 422, "like that already"),
            (&head, write("deep", "a file"), 422, "is a directory"),
            (&head, write("README.md/below", "a file"), 422, "below a file"),
            (&head, write("a\\101b", "a file"), 422, "escape"),
            (&head, write(".gitmodules", evil), 422, "gitmodulesUrl"),
            (&head, write(".git/config", "x"), 422, "path"),
            (&head, json!([{ "path": "none", "content_b64": null }]), 422, "there is no file"),
        ] {
            let told = edit((&server, &anna), &songs, ("main", Some(expected)), files).await;
            assert_eq!(told.status, status, "{word}: {}", told.text());
            assert!(told.text().contains(word), "{word}: {}", told.text());
        }
        assert_eq!(refs(&server, &anna, &songs).await, [("refs/heads/main".to_owned(), head)]);
        settled(&server).await;
        let objects = directory(&server, &anna, &songs).await.join("objects");
        let left: Vec<_> = std::fs::read_dir(objects).unwrap().map(|it| it.unwrap().file_name()).collect();
        assert!(left.iter().all(|it| it == "pack" || it == "info"), "{left:?}");
    }
}

on_both! {
    async fn an_empty_repository_takes_a_first_edit_and_the_servers_own_passes(ground: Ground) {
        let Stage { server, anna, songs, url, user, .. } =
            stage(ground.server().arg("--git-prune-seconds=0"), "private").await;
        let rule = json!({ "require_signed_commits": "members", "require_signed_refs": true });
        let set = server.request(Method::PATCH, &format!("/api/v1/repos/{songs}")).json(&rule);
        set.by(&anna).send().await.assert_status(200);
        assert!(!user.tries("one", &["push", &url, "main"]).is_well);
        let files = json!([{ "path": "a.txt", "content_b64": b64("a\n") }]);
        let made = edit((&server, &anna), &songs, ("main", None), files).await;
        made.assert_status(201);
        assert_eq!(made.json()["parent_commit_id"], Value::Null);
        user.does("", &["clone", "-q", &url, "two"]);
        assert_eq!(std::fs::read(user.path("two/a.txt")).unwrap(), b"a\n");
        let archive = server.post(&format!("/api/v1/repos/{songs}/archive")).json(&json!({}));
        assert!(archive.by(&anna).send().await.status < 300);
        let head = user.does("two", &["rev-parse", "HEAD"]);
        let files = json!([{ "path": "b.txt", "content_b64": b64("b\n") }]);
        let refused = edit((&server, &anna), &songs, ("main", Some(&head)), files).await;
        assert_eq!(refused.status, 409, "{}", refused.text());
    }
}
