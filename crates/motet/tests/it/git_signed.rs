//! Commits that Git signed with SSH keys: shown with whose key it is, and asked for where a repository says so
//! (`spec/hub.md` 5, H63, H65; `spec/wire.md` 7).

use std::{fs, os::unix::fs::PermissionsExt as _};

use http::Method;
use serde_json::{Value, json};
use testkit::{Person, Server};

use crate::{
    git::{User, address, clients, create, token},
    ground::{Ground, on_both},
    keyring::revoke,
};

/// The file of somebody's key, at a user's.
fn key_of(user: &User, person: &Person) -> String {
    let file = user.path(person.handle());
    fs::write(&file, person.key().to_openssh("").expose()).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let public = format!("{}\n", person.key().public().to_openssh());
    fs::write(file.with_extension("pub"), public).unwrap();
    file.to_str().unwrap().to_owned()
}

/// One more commit, signed with that key; gives its id.
fn signed(user: &User, key: &str, message: &str) -> String {
    let key = format!("user.signingkey={key}");
    let words =
        ["-c", "gpg.format=ssh", "-c", &key, "commit", "-q", "-S", "--allow-empty", "-m", message];
    user.does("work", &words);
    user.does("work", &["rev-parse", "HEAD"])
}

/// One more commit, with the bytes that `change` makes of the last one.
fn changed(user: &User, change: impl Fn(&str) -> String) -> String {
    let parent = user.does("work", &["rev-parse", "HEAD"]);
    let raw = user.does("work", &["cat-file", "commit", "HEAD"]);
    let id = user.feeds(
        "work",
        &["hash-object", "-t", "commit", "-w", "--stdin"],
        change(&raw).as_bytes(),
    );
    assert_ne!(id, parent);
    user.does("work", &["reset", "-q", "--hard", &id]);
    id
}

/// The word for a signature, and whose it is said to be.
async fn shown(server: &Server, by: &Person, repository: &str, id: &str) -> (String, Value) {
    let target = format!("/api/v1/repos/{repository}/commits/{id}");
    let answer = server.get(&target).by(by).send().await;
    answer.assert_status(200);
    let signature = answer.json()["signature"].clone();
    (signature["state"].as_str().unwrap().to_owned(), signature["signer"].clone())
}

on_both! {
    async fn commits_of_git_are_shown_with_whose_key_signed_them(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, bert) = (server.register("anna").await, server.register("bert").await);
        let late = server.stranger("late");
        for (number, program) in clients().into_iter().enumerate() {
            let user = User::of(program);
            user.begins("work");
            let unsigned = user.does("work", &["rev-parse", "HEAD"]);
            let by_anna = signed(&user, &key_of(&user, &anna), "by anna");
            // The author says anna; the key says bert.
            let by_bert = signed(&user, &key_of(&user, &bert), "by bert, for anna");
            let by_nobody = signed(&user, &key_of(&user, &late), "by nobody who is known");
            let other_kind = user.path(&format!("ecdsa-{number}"));
            let made = std::process::Command::new("ssh-keygen")
                .args(["-q", "-t", "ecdsa", "-N", "", "-f"]).arg(&other_kind).output().unwrap();
            assert!(made.status.success());
            let ecdsa = signed(&user, other_kind.to_str().unwrap(), "by another kind of key");
            signed(&user, &key_of(&user, &anna), "to be broken");
            let broken = changed(&user, |raw| raw.replace("to be broken", "broken"));
            signed(&user, &key_of(&user, &anna), "to be swapped");
            let pgp = changed(&user, |raw| {
                let (head, rest) = raw.split_once("gpgsig ").unwrap();
                let (_, rest) = rest.split_once("-----END SSH SIGNATURE-----").unwrap();
                format!("{head}gpgsig -----BEGIN PGP SIGNATURE-----\n \n iQEz\n -----END PGP SIGNATURE-----{rest}\n")
            });
            let repository = create(&server, &anna, &format!("song-{number}"), "private").await;
            let to = address(&server, &token(&server, &anna, "write").await, &repository);
            user.does("work", &["push", "-q", &to, "main"]);
            let name = |it: &Person| json!(it.handle());
            for (id, state, signer) in [
                (&unsigned, "unsigned", Value::Null),
                (&by_anna, "verified", name(&anna)),
                (&by_bert, "verified", name(&bert)),
                (&by_nobody, "key unknown", Value::Null),
                (&ecdsa, "unverifiable", Value::Null),
                (&broken, "unverifiable", Value::Null),
                (&pgp, "unverifiable", Value::Null),
            ] {
                let told = shown(&server, &anna, &repository, id).await;
                assert_eq!(told, (state.to_owned(), signer), "{program} {id}");
            }
        }
    }
}

on_both! {
    async fn keys_that_come_and_go_change_what_is_shown_of_git_too(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let bert = server.stranger("bert");
        let user = User::new();
        user.begins("work");
        let before = signed(&user, &key_of(&user, &bert), "before the key was known");
        let repository = create(&server, &anna, "song", "public").await;
        let to = address(&server, &token(&server, &anna, "write").await, &repository);
        user.does("work", &["push", "-q", &to, "main"]);
        assert_eq!(shown(&server, &anna, &repository, &before).await.0, "key unknown");
        server.register_key(&bert, &bert.key().public().to_openssh()).await.assert_status(201);
        let own = signed(&user, &key_of(&user, &bert), "with bert's key");
        user.does("work", &["push", "-q", &to, "main"]);
        assert_eq!(shown(&server, &anna, &repository, &own).await, ("verified".to_owned(), json!("bert")));
        // A second key, so that the first one can be given up.
        crate::keyring::second_key(&server, &bert, 12).await;
        let fingerprint = bert.key().fingerprint().to_string();
        revoke(&server, &bert, "bert", &fingerprint, "retired").await.assert_status(200);
        let after = signed(&user, &key_of(&user, &bert), "with a key that was given up");
        user.does("work", &["push", "-q", &to, "main"]);
        assert_eq!(shown(&server, &anna, &repository, &own).await.0, "verified");
        assert_eq!(shown(&server, &anna, &repository, &after).await.0, "key revoked");
    }
}

/// A tag with a message, signed with that key if there is one.
fn tagged(user: &User, name: &str, key: Option<&str>) {
    let key = key.map(|key| format!("user.signingkey={key}"));
    let mut words = vec!["-c", "gpg.format=ssh"];
    words.extend(key.iter().flat_map(|key| ["-c", key.as_str()]));
    words.extend(["tag", if key.is_some() { "-s" } else { "-a" }, "-m", "what is new", name]);
    user.does("work", &words);
}

/// A tag with the bytes that `change` makes of another one.
fn retagged(user: &User, from: &str, name: &str, change: impl Fn(&str) -> String) {
    let raw = user.does("work", &["cat-file", "tag", from]);
    let raw = format!("{}\n", change(&raw));
    let id = user.feeds("work", &["hash-object", "-t", "tag", "-w", "--stdin"], raw.as_bytes());
    user.does("work", &["update-ref", &format!("refs/tags/{name}"), &id]);
}

on_both! {
    async fn tags_of_git_are_shown_with_whose_key_signed_them(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, bert) = (server.register("anna").await, server.register("bert").await);
        let late = server.stranger("late");
        let user = User::new();
        user.begins("work");
        tagged(&user, "by-anna", Some(&key_of(&user, &anna)));
        tagged(&user, "by-nobody", Some(&key_of(&user, &late)));
        tagged(&user, "unsigned", None);
        user.does("work", &["tag", "only-a-name"]);
        retagged(&user, "by-anna", "broken", |raw| raw.replace("what is new", "what is not"));
        retagged(&user, "unsigned", "pgp", |raw| {
            format!("{raw}\n-----BEGIN PGP SIGNATURE-----\n\niQEz\n-----END PGP SIGNATURE-----")
        });
        let repository = create(&server, &anna, "song", "public").await;
        let to = address(&server, &token(&server, &anna, "write").await, &repository);
        user.does("work", &["push", "-q", &to, "main"]);
        user.does("work", &["push", "-q", "--tags", &to]);
        crate::keyring::second_key(&server, &bert, 12).await;
        let fingerprint = bert.key().fingerprint().to_string();
        tagged(&user, "in-time", Some(&key_of(&user, &bert)));
        user.does("work", &["push", "-q", &to, "in-time"]);
        revoke(&server, &bert, "bert", &fingerprint, "retired").await.assert_status(200);
        tagged(&user, "too-late", Some(&key_of(&user, &bert)));
        user.does("work", &["push", "-q", &to, "too-late"]);
        let page = server.get("/anna/song/tags").header("accept", "text/html").send().await.text();
        for (name, state, signer) in [
            ("by-anna", "verified", Some("anna")),
            ("by-nobody", "key unknown", None),
            ("unsigned", "unsigned", None),
            ("broken", "unverifiable", None),
            ("pgp", "unverifiable", None),
            ("in-time", "verified", Some("bert")),
            ("too-late", "key revoked", Some("bert")),
        ] {
            let one = format!("/api/v1/repos/anna/song/refs/tags/{name}");
            let tag = server.get(&one).send().await.json()["tag"].clone();
            let signature = &tag["signature"];
            assert_eq!((&signature["state"], &signature["signer"]), (&json!(state), &json!(signer)), "{name}");
            assert_eq!(tag["object"], user.does("work", &["rev-parse", &format!("refs/tags/{name}")]));
            assert_eq!(tag["tagger"], "Anna <anna@example.org>");
            assert!(tag["message"].as_str().unwrap().starts_with("what is n"), "{tag}");
            let row = page.split("<tr>").find(|row| row.contains(&format!("<bdi>{name}</bdi>"))).unwrap();
            let badge = row.split("class=\"badge").nth(1).unwrap();
            assert!(badge.split("</span>").next().unwrap().ends_with(state), "{name}: {row}");
        }
        let listed = server.get("/api/v1/repos/anna/song/refs?prefix=refs/&limit=100").send().await.json();
        let with: Vec<_> = listed["items"].as_array().unwrap().iter().filter(|it| !it["tag"].is_null()).collect();
        assert_eq!(with.len(), 7, "{listed}");
    }
}

on_both! {
    async fn a_repository_takes_only_signed_commits_of_git_if_it_says_so(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, bert) = (server.register("anna").await, server.register("bert").await);
        let user = User::new();
        user.begins("work");
        let repository = create(&server, &anna, "song", "private").await;
        let to = address(&server, &token(&server, &anna, "write").await, &repository);
        user.does("work", &["push", "-q", &to, "main"]);
        let asks = async |required: &str| {
            let target = format!("/api/v1/repos/{repository}");
            let asked = json!({ "require_signed_commits": required });
            let change = server.request(Method::PATCH, &target).json(&asked).by(&anna);
            change.send().await.assert_status(200);
        };
        asks("registered").await;
        let unsigned = user.writes("work", "more.txt", "more\n");
        let refused = user.tries("work", &["push", &to, "main"]);
        assert!(!refused.is_well, "{}", refused.err);
        assert!(refused.err.contains(&unsigned[..7]) && refused.err.contains("signed"), "{}", refused.err);
        user.does("work", &["reset", "-q", "--hard", "HEAD~1"]);
        signed(&user, &key_of(&user, &bert), "by somebody who may not push here");
        user.does("work", &["push", "-q", &to, "main"]);
        asks("members").await;
        signed(&user, &key_of(&user, &bert), "by somebody who may not push here, again");
        assert!(!user.tries("work", &["push", &to, "main"]).is_well);
        user.does("work", &["reset", "-q", "--hard", "HEAD~1"]);
        signed(&user, &key_of(&user, &anna), "by a member");
        user.does("work", &["push", "-q", &to, "main"]);
    }
}
