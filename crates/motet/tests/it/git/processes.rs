//! What a process of Git sees, and when it ends.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use testkit::{Connection, Server};

use super::{Stage, clients, directory, hostile::chained, is_empty, refs, request, stage};
use crate::{
    git_tokens::mint,
    ground::{Ground, eventually, on_both, settled},
    keyring::{revoke, second_key},
};

/// A program in the place of Git that does something before it goes on as Git.
pub(crate) fn wrapper(dir: &Path, before: &str) -> PathBuf {
    let path = dir.join("wrapped-git");
    let git = clients()[0];
    fs::write(&path, format!("#!/bin/sh\n{before}\nexec {git} \"$@\"\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[tokio::test]
async fn the_environment_is_the_list_and_nothing_else() {
    let place = tempfile::tempdir().unwrap();
    let seen = place.path().join("seen");
    fs::create_dir(&seen).unwrap();
    let before = format!(
        "cp /proc/$$/environ {0}/$1.$$; tr '\\0' '\\n' < /proc/$$/cmdline > {0}/$1.$$.words",
        seen.display()
    );
    let git = wrapper(place.path(), &before);
    let setup = Ground::Sqlite
        .server()
        .arg(format!("--git={}", git.display()))
        .env("GIT_DIR", "/nonsense")
        .env("GIT_TRACE", "1")
        .env("GIT_CONFIG_COUNT", "1")
        .env("LD_LIBRARY_PATH", "/nonsense")
        .env("SECRET_OF_THE_SERVER", "canary");
    let Stage { server: _server, url, user, .. } = stage(setup, "private").await;
    user.does("one", &["push", "-q", &url, "main"]);
    user.does("", &["clone", "-q", &url, "two"]);
    let always = [
        "PATH=/usr/local/bin:/usr/bin:/bin",
        "HOME=/nonexistent",
        "LC_ALL=C",
        "GIT_CONFIG_NOSYSTEM=1",
        "GIT_CONFIG_GLOBAL=/dev/null",
        "GIT_TERMINAL_PROMPT=0",
        "GIT_NO_REPLACE_OBJECTS=1",
        "GIT_ATTR_NOSYSTEM=1",
    ];
    let (mut kinds, mut words) = (BTreeSet::new(), String::new());
    for entry in fs::read_dir(&seen).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        if path.extension().is_some_and(|it| it == "words") {
            words.push_str(&text);
            continue;
        }
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let mut variables: BTreeSet<_> = text.split_terminator('\0').collect();
        for it in always {
            assert!(variables.remove(it), "{name} lacks {it}: {text}");
        }
        variables.retain(|it| match it.split_once('=').unwrap() {
            ("GIT_PROTOCOL", value) => value != "version=2",
            ("MOTET_HOOK", value) => name != "receive-pack" || !value.starts_with("../run/"),
            _ => true,
        });
        assert!(variables.is_empty(), "{name} has {variables:?} too");
        kinds.insert(name);
    }
    let expected = ["--git-dir", "receive-pack", "upload-pack", "version"];
    assert!(expected.iter().all(|it| kinds.contains(*it)), "{kinds:?}");
    // Nobody's token, and no word of a hook, is an argument.
    assert!(!words.contains("mt_") && !words.contains("run/"), "{words}");
}

#[tokio::test]
async fn what_a_repository_says_of_itself_has_no_effect() {
    let Stage { server, anna, songs, url, user, .. } =
        stage(Ground::Sqlite.server(), "private").await;
    user.does("one", &["push", "-q", &url, "main"]);
    let dir = directory(&server, &anna, &songs).await;
    let touched = user.path("touched");
    let script = format!("#!/bin/sh\ntouch {}\nexit 1\n", touched.display());
    fs::create_dir_all(dir.join("hooks")).unwrap();
    for hook in ["pre-receive", "update", "post-receive", "reference-transaction", "post-update"] {
        let path = dir.join("hooks").join(hook);
        fs::write(&path, &script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let evil = format!(
        "[core]\n\thooksPath = {0}/hooks\n\tfsmonitor = touch {1}\n\tsshCommand = touch {1}\n\talternateRefsCommand = touch {1}\n\
         [uploadpack]\n\tpackObjectsHook = touch {1}\n[includeIf \"gitdir:/\"]\n\tpath = {1}\n[receive]\n\tfsckObjects = false\n",
        dir.display(),
        touched.display()
    );
    fs::write(dir.join("config"), evil).unwrap();
    fs::write(dir.join("info/attributes"), "* filter=x diff=x\n").unwrap();
    user.writes("one", "b.txt", "b\n");
    user.does("one", &["push", "-q", &url, "main"]);
    user.does("", &["clone", "-q", &url, "two"]);
    assert_eq!(fs::read(user.path("two/b.txt")).unwrap(), b"b\n");
    assert!(!touched.exists());
    let config = fs::read_to_string(dir.join("config")).unwrap();
    assert!(!config.contains("touch") && config.contains("fsckObjects = true"), "{config}");
}

/// What the system knows of the processes that work in `dir`.
fn working(dir: &Path) -> Vec<PathBuf> {
    let dir = dir.canonicalize().unwrap();
    let all = fs::read_dir("/proc").unwrap().filter_map(Result::ok).map(|it| it.path());
    all.filter(|it| fs::read_link(it.join("cwd")).is_ok_and(|cwd| cwd == dir)).collect()
}

/// How many there are.
fn at_work(dir: &Path) -> usize {
    working(dir).len()
}

/// A request of which the last bytes, so many, are not there yet: Git waits for them.
async fn begun(
    server: &Server,
    token: &str,
    target: &str,
    (body, rest): (&[u8], usize),
) -> Connection {
    let service = target.rsplit('/').next().unwrap();
    let mut connection = server.connect().await;
    let head = format!(
        "POST /{target} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\
         Content-Type: application/x-{service}-request\r\nContent-Length: {}\r\n\r\n",
        server.authority(),
        body.len() + rest
    );
    connection.send(&[head.as_bytes(), body].concat()).await;
    connection
}

/// What is sent last: nothing is asked for.
const REST: &[u8] = b"0000";

#[tokio::test]
async fn a_client_that_goes_takes_its_process_along() {
    let Stage { server, anna, songs, token, .. } = stage(Ground::Sqlite.server(), "public").await;
    let dir = directory(&server, &anna, &songs).await;
    for service in ["git-receive-pack", "git-upload-pack"] {
        let connection =
            begun(&server, &token, &format!("{songs}.git/{service}"), (b"", REST.len())).await;
        eventually("git is at work", async || at_work(&dir) > 0).await;
        drop(connection);
        eventually("git is gone", async || at_work(&dir) == 0).await;
    }
}

#[tokio::test]
async fn a_push_that_breaks_off_leaves_nothing_behind() {
    let Stage { server, anna, songs, token, .. } = stage(Ground::Sqlite.server(), "private").await;
    let dir = directory(&server, &anna, &songs).await;
    // A pack that says that it holds a hundred objects, and the beginning of the first.
    let body = request(&"12".repeat(20), b"PACK\0\0\0\x02\0\0\0\x64\xbf\xff\x3f");
    let connection =
        begun(&server, &token, &format!("{songs}.git/git-receive-pack"), (&body, REST.len())).await;
    eventually("something lies in quarantine", async || !is_empty(&dir)).await;
    drop(connection);
    eventually("git is gone", async || at_work(&dir) == 0).await;
    eventually("nothing is left", async || is_empty(&dir)).await;
}

on_both! {
    async fn a_push_whose_key_is_given_up_on_the_way_moves_nothing(ground: Ground) {
        let Stage { server, anna, songs, .. } =
            stage(ground.server().arg("--git-prune-seconds=0"), "private").await;
        let dir = directory(&server, &anna, &songs).await;
        for (byte, is_given_up) in [(21, true), (22, false)] {
            let second = second_key(&server, &anna, byte).await;
            let token = mint(&server, &second, &songs, "write").await;
            let (commit, pack, _) = chained(3);
            let body = request(&commit, &pack);
            let (start, rest) = body.split_at(body.len() - 30);
            let target = format!("{songs}.git/git-receive-pack");
            let mut push = begun(&server, &token, &target, (start, rest.len())).await;
            eventually("something lies in quarantine", async || !is_empty(&dir)).await;
            if is_given_up {
                let fingerprint = second.key().fingerprint().to_string();
                revoke(&server, &anna, "anna", &fingerprint, "compromised").await.assert_status(200);
            }
            push.send(rest).await;
            push.rest().await;
            assert_eq!(refs(&server, &anna, &songs).await.is_empty(), is_given_up);
            if is_given_up {
                settled(&server).await;
                assert!(is_empty(&dir));
            }
        }
    }
}

#[tokio::test]
async fn four_of_one_run_at_once_and_nobody_else_waits_for_them() {
    let Stage { server, anna, songs, token, .. } = stage(Ground::Sqlite.server(), "public").await;
    let dir = directory(&server, &anna, &songs).await;
    let target = format!("{songs}.git/git-upload-pack");
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(begun(&server, &token, &target, (b"", REST.len())).await);
    }
    eventually("four are at work", async || at_work(&dir) == 4).await;
    // Whole, and yet it waits for its turn.
    let mut fifth = begun(&server, &token, &target, (b"", REST.len())).await;
    fifth.send(REST).await;
    let boris = server.register("boris").await;
    let advertised = format!("/{songs}/info/refs?service=git-upload-pack");
    server.get(&advertised).by(&boris).send().await.assert_status(200);
    assert_eq!(at_work(&dir), 4);
    // The first of them comes to its end.
    held[0].send(REST).await;
    assert_eq!(held[0].answer().await.status, 200);
    assert_eq!(fifth.answer().await.status, 200);
}

#[tokio::test]
async fn a_process_has_the_limits_that_are_written_down() {
    let Stage { server, anna, songs, token, .. } = stage(Ground::Sqlite.server(), "public").await;
    let dir = directory(&server, &anna, &songs).await;
    for service in ["git-receive-pack", "git-upload-pack"] {
        let _held =
            begun(&server, &token, &format!("{songs}.git/{service}"), (b"", REST.len())).await;
        let limits = || -> Vec<String> {
            let read = |it: PathBuf| fs::read_to_string(it.join("limits")).ok();
            working(&dir).into_iter().filter_map(read).collect()
        };
        // They are set once it runs, and before it is fed.
        let are_set =
            |it: &Vec<String>| !it.is_empty() && it.iter().all(|it| it.contains("2147483648"));
        eventually("git is at work", async || are_set(&limits())).await;
        for text in limits() {
            for (name, most) in [
                ("Max cpu time", "600"),
                ("Max data size", "2147483648"),
                ("Max open files", "1024"),
                ("Max core file size", "0"),
            ] {
                let line = text.lines().find(|it| it.starts_with(name)).unwrap();
                let words: Vec<_> = line[name.len()..].split_whitespace().collect();
                assert_eq!(words[..2], [most, most], "{service}: {line}");
            }
        }
    }
}

#[tokio::test]
async fn a_git_that_is_too_old_or_missing_is_said_at_the_start() {
    let place = tempfile::tempdir().unwrap();
    let old = place.path().join("old");
    fs::write(&old, "#!/bin/sh\necho git version 2.38.1\n").unwrap();
    fs::set_permissions(&old, fs::Permissions::from_mode(0o755)).unwrap();
    for (git, word) in [(old, "2.39 or newer"), (place.path().join("none"), "cannot be run")] {
        let ended = Ground::Sqlite.server().arg(format!("--git={}", git.display())).refuses().await;
        assert_eq!(ended.code, Some(2), "{}", ended.log);
        assert!(ended.log.contains(word), "{}", ended.log);
    }
}

#[tokio::test]
async fn a_hook_that_nobody_serves_lets_nothing_in() {
    let Stage { server, anna, songs, user, .. } = stage(Ground::Sqlite.server(), "private").await;
    let dir = directory(&server, &anna, &songs).await;
    // Somebody on the machine pushes past the server.
    let said = user.tries("one", &["push", dir.to_str().unwrap(), "main"]);
    assert!(!said.is_well && said.err.contains("push to its address"), "{}", said.err);
    assert!(is_empty(&dir));
}
