//! Clone, fetch and push, in every way that clients know.

use serde_json::json;

use super::{Stage, User, address, clients, create, pushes, refs, stage, token};
use crate::ground::{Ground, on_both, settled};

on_both! {
    async fn what_is_pushed_is_cloned_and_stands_in_rows(ground: Ground) {
        for of_server in clients() {
            let server = ground.server().arg("--git-prune-seconds=0").arg(format!("--git={of_server}")).start().await;
            let anna = server.register(&format!("anna{}", of_server.len())).await;
            let token = token(&server, &anna, "write").await;
            for (at, git) in clients().into_iter().enumerate() {
                let user = User::of(git);
                let songs = create(&server, &anna, &format!("songs{at}"), "private").await;
                let url = address(&server, &token, &songs);
                user.begins("one");
                user.does("one", &["remote", "add", "origin", &url]);
                user.does("one", &["push", "-q", "origin", "main"]);
                let first = user.does("one", &["rev-parse", "HEAD"]);
                assert_eq!(refs(&server, &anna, &songs).await, [("refs/heads/main".to_owned(), first)]);
                user.does("", &["clone", "-q", &url, "two"]);
                let second = user.writes("two", "a/b.txt", "b\n");
                user.does("two", &["push", "-q"]);
                user.does("one", &["pull", "-q", "origin", "main"]);
                assert_eq!(user.does("one", &["rev-parse", "HEAD"]), second);
                assert_eq!(refs(&server, &anna, &songs).await, [("refs/heads/main".to_owned(), second)]);
            }
            settled(&server).await;
        }
    }
}

on_both! {
    async fn branches_and_tags_come_move_and_go(ground: Ground) {
        let Stage { server, anna, songs, url, user, .. } = stage(ground.server().arg("--git-prune-seconds=0"), "private").await;
        let first = user.does("one", &["rev-parse", "HEAD"]);
        user.does("one", &["remote", "add", "origin", &url]);
        user.does("one", &["tag", "light"]);
        user.does("one", &["tag", "-a", "-m", "heavy", "heavy"]);
        user.does("one", &["branch", "side/a"]);
        user.does("one", &["push", "-q", "--all", "origin"]);
        user.does("one", &["push", "-q", "--tags", "origin"]);
        let at = |name: &str, id: &str| (name.to_owned(), id.to_owned());
        let all = [
            at("refs/heads/main", &first),
            at("refs/heads/side/a", &first),
            at("refs/tags/heavy", &first),
            at("refs/tags/light", &first),
        ];
        assert_eq!(refs(&server, &anna, &songs).await, all);
        // Git itself sees the tag, and what it leads to.
        let heavy = user.does("one", &["rev-parse", "refs/tags/heavy"]);
        let shown = user.does("", &["ls-remote", &url, "refs/tags/heavy*"]);
        assert_eq!(shown, format!("{heavy}\trefs/tags/heavy\n{first}\trefs/tags/heavy^{{}}"));
        assert!(user.does("", &["ls-remote", "--symref", &url, "HEAD"]).contains("refs/heads/main"));

        // Back to another history, and away.
        user.does("one", &["commit", "-q", "--amend", "-m", "otherwise"]);
        let other = user.does("one", &["rev-parse", "HEAD"]);
        assert!(!user.tries("one", &["push", "origin", "main"]).is_well);
        user.does("one", &["push", "-q", "--force-with-lease", "origin", "main"]);
        user.does("one", &["push", "-q", "origin", ":side/a", ":refs/tags/light"]);
        let left = [at("refs/heads/main", &other), at("refs/tags/heavy", &first)];
        assert_eq!(refs(&server, &anna, &songs).await, left);
        // The log has an entry for each of them, and so has what happened.
        let log = format!("/api/v1/repos/{songs}/log?limit=100");
        let log = server.get(&log).by(&anna).send().await.json();
        assert_eq!(log["items"].as_array().unwrap().len(), 7, "{log}");
        settled(&server).await;
        user.does("", &["clone", "-q", &url, "again"]);
        assert_eq!(user.does("again", &["rev-parse", "HEAD"]), other);
    }
}

on_both! {
    async fn a_push_that_is_to_be_one_is_one(ground: Ground) {
        let Stage { server, anna, songs, url, user, .. } = stage(ground.server().arg("--git-prune-seconds=0"), "private").await;
        user.does("one", &["remote", "add", "origin", &url]);
        user.does("one", &["push", "-q", "origin", "main"]);
        user.writes("one", "b.txt", "b\n");
        let together = ["main:main", "main:main/below", "main:other"];
        let mut words = vec!["push", "--atomic", "origin"];
        words.extend(together);
        let said = user.tries("one", &words);
        assert!(!said.is_well && said.err.contains("directory of the other"), "{}", said.err);
        assert!(said.err.contains("only together"), "{}", said.err);
        assert_eq!(refs(&server, &anna, &songs).await.len(), 1);
        // Else each stands alone.
        words.remove(1);
        let said = user.tries("one", &words);
        assert!(!said.is_well && said.err.contains("main -> main/below"), "{}", said.err);
        let names: Vec<_> =
            refs(&server, &anna, &songs).await.into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["refs/heads/main", "refs/heads/other"]);
        let head = user.does("one", &["rev-parse", "HEAD"]);
        user.does("one", &["push", "-q", "--atomic", "origin", "main:a", "main:b/c"]);
        assert!(refs(&server, &anna, &songs).await.iter().all(|(_, target)| *target == head));
        settled(&server).await;
    }
}

on_both! {
    /// H73.
    async fn each_push_makes_one_row_of_what_happened_and_a_refused_one_none(ground: Ground) {
        let Stage { server, anna, songs, url, user, .. } = stage(ground.server(), "private").await;
        user.does("one", &["push", "-q", &url, "main"]);
        user.writes("one", "b.txt", "b\n");
        user.does("one", &["push", "-q", &url, "main"]);
        assert_eq!(pushes(&server, &anna, &songs).await, 2);
        user.does("one", &["push", "-q", &url, "main"]);
        assert!(!user.tries("one", &["push", &url, "main:refs/pull/1/head"]).is_well);
        assert!(!user.tries("one", &["push", &url, ":main"]).is_well);
        assert_eq!(pushes(&server, &anna, &songs).await, 2);
    }
}

#[tokio::test]
async fn a_client_takes_as_much_as_it_wants() {
    let Stage { server, songs, url, user: writer, .. } =
        stage(Ground::Sqlite.server(), "public").await;
    for at in 0..5 {
        writer.writes("one", &format!("{at}.txt"), &format!("{at}\n").repeat(100));
    }
    writer.does("one", &["push", "-q", &url, "main"]);
    // Anybody reads what is public.
    let open = format!("{}/{songs}", server.base_url());
    for git in clients() {
        let user = User::of(git);
        for protocol in ["0", "1", "2"] {
            let version = format!("protocol.version={protocol}");
            let into = format!("whole{protocol}");
            user.does("", &["-c", &version, "clone", "-q", &open, &into]);
            assert_eq!(user.does(&into, &["rev-list", "--count", "HEAD"]), "6");
        }
        user.does("", &["clone", "-q", "--depth=2", &open, "shallow"]);
        assert_eq!(user.does("shallow", &["rev-list", "--count", "HEAD"]), "2");
        user.does("shallow", &["fetch", "-q", "--deepen=1"]);
        assert_eq!(user.does("shallow", &["rev-list", "--count", "HEAD"]), "3");
        user.does("shallow", &["fetch", "-q", "--unshallow"]);
        assert_eq!(user.does("shallow", &["rev-list", "--count", "HEAD"]), "6");
        user.does("", &["clone", "-q", "--no-checkout", "--filter=blob:none", &open, "partial"]);
        let missing = user.does("partial", &["rev-list", "--objects", "--all", "--missing=print"]);
        assert!(missing.lines().any(|it| it.starts_with('?')), "{missing}");
        user.does("partial", &["checkout", "-q", "main"]);
        assert_eq!(std::fs::read(user.path("partial/4.txt")).unwrap(), b"4\n".repeat(100));
        user.does("", &["clone", "-q", "--single-branch", &open, "single"]);
    }
}

#[tokio::test]
async fn what_a_client_has_may_come_packed_and_be_long() {
    let Stage { server, anna, songs, url, user, .. } =
        stage(Ground::Sqlite.server(), "private").await;
    user.does("one", &["push", "-q", &url, "main"]);
    user.does("", &["clone", "-q", &url, "two"]);
    // Hundreds of commits of its own: the list of what it has is sent by gzip.
    let own = |at: u64| {
        let from = if at == 0 { "from refs/heads/main^0\n" } else { "" };
        format!(
            "commit refs/heads/own\ncommitter A <a@b.c> {} +0000\ndata 1\nx\n{from}M 644 inline own{at}\ndata 1\ny\n\n",
            4_000_000_000_u64 + at
        )
    };
    let stream = (0..300).map(own).collect::<Vec<_>>().concat();
    user.feeds("two", &["fast-import", "--quiet"], stream.as_bytes());
    user.writes("one", "b.txt", "b\n");
    user.does("one", &["push", "-q", &url, "main"]);
    let traced =
        user.command("two", &["fetch", "origin"]).env("GIT_CURL_VERBOSE", "1").output().unwrap();
    let said = String::from_utf8_lossy(&traced.stderr).into_owned();
    assert!(traced.status.success(), "{said}");
    assert!(said.contains("Content-Encoding: gzip"), "{said}");
    assert_eq!(
        user.does("two", &["rev-parse", "origin/main"]),
        user.does("one", &["rev-parse", "main"])
    );
    // The other way: a body that is sent in chunks.
    user.does("two", &["-c", "http.postBuffer=1000", "push", "-q", "origin", "own"]);
    assert_eq!(refs(&server, &anna, &songs).await.len(), 2);
}

on_both! {
    async fn a_first_push_makes_a_repository_of_ones_own(ground: Ground) {
        let server = ground.server().arg("--git-prune-seconds=0").start().await;
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let user = User::new();
        user.begins("one");
        let url = address(&server, &token(&server, &anna, "write").await, "anna/fresh");
        // To look is not to make.
        assert!(!user.tries("one", &["ls-remote", &url]).is_well);
        user.does("one", &["push", "-q", &url, "main:trunk"]);
        let made = server.get("/api/v1/repos/anna/fresh").by(&anna).send().await.json();
        assert_eq!(
            (made["format"].clone(), made["visibility"].clone(), made["default_branch"].clone()),
            (json!("git"), json!("private"), json!("trunk"))
        );
        user.does("", &["clone", "-q", &url, "two"]);
        assert_eq!(user.does("two", &["branch", "--show-current"]), "trunk");
        // In a foreign namespace there is nothing, and nothing is left.
        let foreign = address(&server, &token(&server, &boris, "write").await, "anna/more");
        let said = user.tries("one", &["push", &foreign, "main"]);
        assert!(!said.is_well && said.err.contains("not found"), "{}", said.err);
        server.get("/api/v1/repos/anna/more").by(&anna).send().await.assert_status(404);
        let listed = server.get("/api/v1/repos?owner=anna").by(&anna).send().await.json();
        assert_eq!(listed["items"].as_array().unwrap().len(), 1);
        settled(&server).await;
    }
}

#[tokio::test]
async fn thousands_of_refs_are_pushed_and_listed() {
    let Stage { server, anna, songs, url, user, .. } =
        stage(Ground::Sqlite.server(), "private").await;
    let head = user.does("one", &["rev-parse", "HEAD"]);
    let command = |at: u32| format!("create refs/heads/b/{at:05} {head}\n");
    let commands = (0..3_000).map(command).collect::<Vec<_>>().concat();
    user.feeds("one", &["update-ref", "--stdin"], commands.as_bytes());
    user.does("one", &["push", "-q", "--all", &url]);
    let listed = user.does("", &["ls-remote", &url, "refs/heads/*"]);
    assert_eq!(listed.lines().count(), 3_001);
    let first = refs(&server, &anna, &songs).await;
    assert_eq!(first.len(), 100);
    assert!(first.iter().all(|(_, target)| *target == head));
}
