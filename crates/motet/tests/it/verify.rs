//! `motet verify`, and fetching from a server that shows another history than before (`spec/wire.md` 8).

use std::{fs, net::TcpListener, path::Path};

use serde_json::{Value, json};
use testkit::{Ground as Kind, Server};

use crate::{
    MOTET,
    ground::Ground,
    store::{Spoil, spoil_log},
    working_copies::Desk,
};

/// A server with one repository of three pushes, and a clone of it.
struct Choir {
    server: Server,
    here: Desk,
    there: Desk,
}

impl Choir {
    async fn new() -> Self {
        // Started again it is at the same address.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let server = Server::with(MOTET).on(Kind::SqliteDisk).listen(&address.to_string());
        let server = server.start().await;
        let (origin, there) = (server.base_url(), Desk::new());
        there.commit("song", "one\n");
        there.ok(&["keygen"]);
        there.ok(&["register", &origin, "ada"]);
        there.ok(&["push", &format!("{origin}/ada/songs"), "-u"]);
        for text in ["two\n", "three\n"] {
            there.commit("song", text);
            there.ok(&["push"]);
        }
        let here = Desk::with_accounts_of(&there);
        here.ok(&["clone", &format!("{origin}/ada/songs"), "."]);
        Self { server, here, there }
    }

    /// What `verify` says, which finds something wrong.
    fn finds(&self, what: &str, arguments: &[&str]) {
        let (code, told) = self.here.json(&[&["verify"], arguments].concat());
        let faults = told["result"]["faults"].as_array().unwrap();
        assert_eq!((code, &told["result"]["sound"]), (6, &json!(false)), "{what}: {told}");
        assert!(faults.iter().any(|it| it.as_str().unwrap().contains(what)), "{what}: {told}");
    }
}

fn list(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect()
}

#[tokio::test]
async fn what_is_sound_is_said_to_be_and_what_was_not_looked_at_is_told() {
    let choir = Choir::new().await;
    let told = choir.here.ok(&["verify"]);
    assert_eq!(told["sound"], true, "{told}");
    assert_eq!(
        (&told["commits"], &told["snapshots"], &told["objects"]),
        (&json!(3), &json!(3), &json!(3))
    );
    assert_eq!(told["log"], json!({ "remote": "origin", "items": 3, "refs": 1 }));
    // The first commit was made before there was an account that could sign.
    assert_eq!(told["signatures"], json!({ "good": 2, "unsigned": 1 }));
    assert_eq!(list(&told["unchecked"]), Vec::<&str>::new());

    // Without a server nobody can tell of the log; another person's key is not known either.
    let alone = Desk::new();
    let address = format!("{}/ada/songs", choir.server.base_url());
    choir.there.ok(&["repo", "create", "other"]);
    let told = choir.here.ok(&["verify", "--local"]);
    assert_eq!((&told["sound"], &told["log"]), (&json!(true), &Value::Null));
    assert_eq!(list(&told["unchecked"]).len(), 1, "{told}");
    alone.commit("own", "mine\n");
    alone.ok(&["remote", "add", "origin", &address]);
    let told = alone.ok(&["verify", "--local"]);
    assert_eq!((&told["commits"], &told["signatures"]["unsigned"]), (&json!(1), &json!(1)));
    assert_eq!(list(&told["unchecked"]).len(), 2, "{told}");
    let text = choir.here.run(&["verify"]).out;
    assert!(text.contains("3 commits") && text.contains("3 movements"), "{text}");
}

/// Some file of a kind, below `.muse`.
fn some_file(copy: &Path, kind: &str) -> std::path::PathBuf {
    let mut place = copy.join(".muse").join(kind);
    while place.is_dir() {
        place = fs::read_dir(&place).unwrap().next().unwrap().unwrap().path();
    }
    place
}

#[tokio::test]
async fn one_changed_byte_of_anything_is_found() {
    for (kind, from, to) in [
        ("objects", "", "!"),
        ("snapshots", "song", "sonG"),
        ("commits", "\"message\"", "\"messagE\""),
    ] {
        let choir = Choir::new().await;
        let file = some_file(&choir.here.path(), kind);
        let text = fs::read_to_string(&file).unwrap();
        fs::remove_file(&file).unwrap();
        let changed =
            if from.is_empty() { format!("{text}{to}") } else { text.replacen(from, to, 1) };
        assert_ne!(changed, text, "{kind}");
        fs::write(&file, changed).unwrap();
        choir.finds(kind.trim_end_matches('s'), &["--local"]);
    }
    // A signature that is not of its commit: the author is not covered by the id.
    let choir = Choir::new().await;
    let head = choir.here.read(".muse/refs/heads/main");
    let place = format!(".muse/commits/{head}.json");
    let changed = choir.here.read(&place).replace("\"author\": \"ada\"", "\"author\": \"eve\"");
    fs::remove_file(choir.here.path().join(&place)).unwrap();
    choir.here.write(&place, &changed);
    choir.finds("the signature of commit", &["--local"]);
}

#[tokio::test]
async fn a_log_that_was_changed_is_found() {
    for what in [Spoil::Time, Spoil::Principal, Spoil::Gap, Spoil::Swap, Spoil::Ref] {
        let mut choir = Choir::new().await;
        choir.server.stop().await;
        let db = Ground::Sqlite.db(&choir.server).await;
        let mut tx = db.write().await.unwrap();
        assert!(spoil_log(&mut tx, what).await.unwrap() > 0, "{what:?}");
        tx.commit().await.unwrap();
        choir.server.restart().await;
        choir.here.ok(&["remote", "remove", "origin"]);
        choir.here.ok(&[
            "remote",
            "add",
            "origin",
            &format!("{}/ada/songs", choir.server.base_url()),
        ]);
        choir.finds("shows an older or another history", &[]);
    }
}

/// Tags are compared with the log like branches, though a fetch brings branches alone.
#[tokio::test]
async fn a_tag_that_its_log_did_not_move_is_found() {
    let mut choir = Choir::new().await;
    choir.there.ok(&["tag", "v1"]);
    choir.there.ok(&["push", "origin", "main", "--tags"]);
    choir.here.ok(&["fetch"]);
    choir.server.stop().await;
    let db = Ground::Sqlite.db(&choir.server).await;
    let mut tx = db.write().await.unwrap();
    assert_eq!(spoil_log(&mut tx, Spoil::Tag).await.unwrap(), 1);
    tx.commit().await.unwrap();
    choir.server.restart().await;
    assert_eq!(choir.here.fails(&["fetch"]), (6, "another_history".to_owned()));
    choir.finds("refs/tags/v1 is not where its log says", &[]);
}

/// Writes down where some refs of a working copy are, and pushes them.
fn move_refs(desk: &Desk, kind: &str, names: &[String], target: &str, options: &[&str]) {
    for name in names {
        desk.write(&format!(".muse/refs/{kind}/{name}"), target);
    }
    let branches = if kind == "heads" { names } else { &[] };
    let pushed: Vec<&str> = branches.iter().map(String::as_str).collect();
    desk.ok(&[&["push", "origin"], options, pushed.as_slice()].concat());
}

/// H67: a long log of branches that are new, go on, lose commits and go, and of tags.
#[tokio::test]
async fn a_thousand_movements_are_followed_and_what_was_changed_among_them_is_found() {
    const AT_ONCE: usize = 48;
    let mut choir = Choir::new().await;
    let there = &choir.there;
    let ids: Vec<_> = ["@~2", "@~1", "@"]
        .map(|name| there.ok(&["show", name])["commit"]["commit_id"].as_str().unwrap().to_owned())
        .into();
    for round in 0..5 {
        let names: Vec<_> = (0..AT_ONCE).map(|at| format!("r{round}/b{at}")).collect();
        move_refs(there, "heads", &names, &ids[0], &[]);
        move_refs(there, "heads", &names, &ids[2], &[]);
        move_refs(there, "heads", &names, &ids[1], &["--force"]);
        there.ok(&[
            ["push", "origin", "--delete"].as_slice(),
            &names.iter().map(String::as_str).collect::<Vec<_>>(),
        ]
        .concat());
        for name in &names {
            fs::remove_file(there.path().join(".muse/refs/heads").join(name)).unwrap();
        }
    }
    let tags: Vec<_> = (0..37).map(|at| format!("t{at}")).collect();
    move_refs(there, "tags", &tags, &ids[1], &["main", "--tags"]);
    choir.here.ok(&["fetch"]);
    let told = choir.here.ok(&["verify"]);
    assert_eq!(told["log"]["items"], 1_000, "{told}");
    assert_eq!(list(&told["unchecked"]), Vec::<&str>::new());

    let backup = tempfile::tempdir().unwrap();
    choir.server.stop().await;
    copy_all(choir.server.data_dir(), backup.path());
    for what in [Spoil::Time, Spoil::Gap, Spoil::Swap] {
        let data = choir.server.data_dir().to_owned();
        fs::remove_dir_all(&data).unwrap();
        copy_all(backup.path(), &data);
        let db = Ground::Sqlite.db(&choir.server).await;
        let mut tx = db.write().await.unwrap();
        assert!(spoil_log(&mut tx, what).await.unwrap() > 0, "{what:?}");
        tx.commit().await.unwrap();
        choir.server.restart().await;
        choir.finds("shows an older or another history", &[]);
        choir.server.stop().await;
    }
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (entry, name) = {
            let entry = entry.unwrap();
            (entry.path(), entry.file_name())
        };
        // The hooks of Git lead to the program, and are made again.
        if entry.is_symlink() {
            continue;
        }
        if entry.is_dir() {
            copy_all(&entry, &to.join(name));
        } else {
            fs::copy(&entry, to.join(name)).unwrap();
        }
    }
}

#[tokio::test]
async fn a_server_that_was_restored_from_a_backup_is_noticed_and_changes_nothing() {
    let mut choir = Choir::new().await;
    let backup = tempfile::tempdir().unwrap();
    choir.server.stop().await;
    copy_all(choir.server.data_dir(), backup.path());
    choir.server.restart().await;
    choir.there.commit("song", "four\n");
    choir.there.ok(&["push"]);
    choir.here.ok(&["fetch"]);
    let head = choir.here.read(".muse/remotes/origin/main");
    let log = choir.here.read(".muse/motet/remotes/origin.json");

    choir.server.stop().await;
    let data = choir.server.data_dir().to_owned();
    fs::remove_dir_all(&data).unwrap();
    copy_all(backup.path(), &data);
    choir.server.restart().await;
    for command in [&["fetch"][..], &["pull"]] {
        assert_eq!(choir.here.fails(command), (6, "another_history".to_owned()));
    }
    choir.finds("its log ends at 3, and was at 4 before", &[]);
    // Gone on from there, it is still not the one that was followed.
    let other = Desk::with_accounts_of(&choir.there);
    other.ok(&["clone", &format!("{}/ada/songs", choir.server.base_url()), "."]);
    for text in ["five\n", "six\n"] {
        other.commit("song", text);
        other.ok(&["push"]);
    }
    assert_eq!(choir.here.fails(&["fetch"]), (6, "another_history".to_owned()));
    assert_eq!(choir.here.read(".muse/remotes/origin/main"), head);
    assert_eq!(choir.here.read(".muse/motet/remotes/origin.json"), log);
    assert_eq!(choir.here.ok(&["verify", "--local"])["sound"], true);
}
