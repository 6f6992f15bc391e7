//! What a process of Git sees, and when it ends.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use super::{User, address, clients, create, directory, token};
use crate::ground::{Ground, eventually};

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
    let server = Ground::Sqlite
        .server()
        .arg(format!("--git={}", git.display()))
        .env("GIT_DIR", "/nonsense")
        .env("GIT_TRACE", "1")
        .env("GIT_CONFIG_COUNT", "1")
        .env("LD_LIBRARY_PATH", "/nonsense")
        .env("SECRET_OF_THE_SERVER", "canary")
        .start()
        .await;
    let anna = server.register("anna").await;
    let songs = create(&server, &anna, "songs", "private").await;
    let url = address(&server, &token(&server, &anna, "write").await, &songs);
    let user = User::new();
    user.begins("one");
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
    let server = Ground::Sqlite.server().start().await;
    let anna = server.register("anna").await;
    let songs = create(&server, &anna, "songs", "private").await;
    let url = address(&server, &token(&server, &anna, "write").await, &songs);
    let user = User::new();
    user.begins("one");
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

/// Processes that work in `dir`.
fn at_work(dir: &Path) -> usize {
    let dir = dir.canonicalize().unwrap();
    let all = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    all.filter(|it| fs::read_link(it.path().join("cwd")).is_ok_and(|cwd| cwd == dir)).count()
}

#[tokio::test]
async fn a_client_that_goes_takes_its_process_along() {
    let server = Ground::Sqlite.server().start().await;
    let anna = server.register("anna").await;
    let songs = create(&server, &anna, "songs", "public").await;
    let token = token(&server, &anna, "write").await;
    let dir = directory(&server, &anna, &songs).await;
    let host = server.authority();
    for service in ["git-receive-pack", "git-upload-pack"] {
        let mut connection = server.connect().await;
        let head = format!(
            "POST /{songs}.git/{service} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/x-{service}-request\r\nContent-Length: 1000\r\n\r\n0032"
        );
        connection.send(head.as_bytes()).await;
        eventually("git is at work", async || at_work(&dir) > 0).await;
        drop(connection);
        eventually("git is gone", async || at_work(&dir) == 0).await;
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
    let server = Ground::Sqlite.server().start().await;
    let anna = server.register("anna").await;
    let songs = create(&server, &anna, "songs", "private").await;
    let dir = directory(&server, &anna, &songs).await;
    let user = User::new();
    user.begins("one");
    // Somebody on the machine pushes past the server.
    let said = user.tries("one", &["push", dir.to_str().unwrap(), "main"]);
    assert!(!said.is_well && said.err.contains("push to its address"), "{}", said.err);
    assert!(super::is_empty(&dir));
}
