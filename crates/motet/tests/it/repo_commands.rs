//! `motet repo …` with the real binary on both sides (`spec/hub.md` 10; H85 for these commands).

use serde_json::{Value, json};
use testkit::Server;

use crate::{MOTET, people::Machine};

/// The full names in a list.
fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap();
    items.iter().map(|it| it["full_name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_repository_is_shown_changed_renamed_archived_deleted_and_restored() {
    let server = Server::start(MOTET).await;
    let ada = Machine::of(&server, "ada");
    ada.done(&["repo", "create", "song"]);
    let said = ["--description", "What we sing", "--topic", "music", "--licence", "MIT"];
    let changed = ada.done(&[&["repo", "edit", "song"], &said[..]].concat());
    assert_eq!((&changed["topics"], &changed["licence"]), (&json!(["music"]), &json!("MIT")));
    let shown = ada.done(&["repo", "show", "ada/song"]);
    assert_eq!(shown["description"], "What we sing");
    assert_eq!(ada.fails(&["repo", "edit", "song"]), (2, "nothing_to_change".to_owned()));
    assert_eq!(ada.fails(&["repo", "show", "nope"]), (4, "not_found".to_owned()));

    // What is hard to take back is confirmed.
    let public = ["repo", "edit", "song", "--visibility", "public"];
    assert_eq!(ada.fails(&public), (2, "not_confirmed".to_owned()));
    let wrong = [&public[..], &["--confirm", "song"]].concat();
    assert_eq!(ada.fails(&wrong), (2, "not_confirmed".to_owned()));
    let meant = [&public[..], &["--confirm", "ada/song"]].concat();
    assert_eq!(ada.done(&meant)["visibility"], "public");
    assert_eq!(
        ada.done(&["repo", "edit", "song", "--visibility", "private"])["visibility"],
        "private"
    );

    assert_eq!(ada.done(&["repo", "archive", "song"])["archived"], true);
    let (exit, code) = ada.fails(&["repo", "rename", "song", "hymn"]);
    assert_eq!((exit, code.as_str()), (5, "archived"));
    assert_eq!(ada.done(&["repo", "unarchive", "song"])["archived"], false);
    assert_eq!(ada.done(&["repo", "rename", "song", "hymn"])["full_name"], "ada/hymn");

    assert_eq!(ada.fails(&["repo", "delete", "hymn"]), (2, "not_confirmed".to_owned()));
    ada.done(&["repo", "delete", "hymn", "--yes"]);
    assert_eq!(names(&ada.done(&["repo", "deleted"])), ["ada/hymn"]);
    let back = ada.done(&["repo", "restore", "hymn", "--name", "psalm"]);
    assert_eq!(back["full_name"], "ada/psalm");
    assert_eq!(ada.done(&["repo", "deleted"])["items"], json!([]));
}

#[tokio::test]
async fn members_forks_and_transfers_go_by_command() {
    let server = Server::start(MOTET).await;
    let (ada, grace) = (Machine::of(&server, "ada"), Machine::of(&server, "grace"));
    ada.done(&["repo", "create", "song", "--public"]);
    ada.done(&["repo", "member", "set", "song", "grace", "read"]);
    ada.done(&["repo", "member", "set", "song", "grace", "write"]);
    let members = ada.done(&["repo", "member", "list", "song"]);
    assert_eq!(members["items"][0]["level"], "write");
    assert_eq!(grace.fails(&["repo", "member", "list", "ada/song"]).0, 7);
    ada.done(&["repo", "member", "remove", "song", "grace"]);
    assert_eq!(ada.done(&["repo", "member", "list", "song"])["items"], json!([]));

    let made = grace.done(&["repo", "fork", "ada/song", "--as", "hymn"]);
    assert_eq!(
        (&made["full_name"], &made["forked_from"]),
        (&json!("grace/hymn"), &json!("ada/song"))
    );

    assert_eq!(ada.fails(&["repo", "transfer", "song", "grace"]), (2, "not_confirmed".to_owned()));
    let asked = ada.done(&["repo", "transfer", "song", "grace", "--confirm", "ada/song"]);
    assert_eq!(asked["to"], "grace");
    ada.done(&["repo", "transfer", "song", "--keep"]);
    assert_eq!(grace.done(&["repo", "transfers"])["items"], json!([]));
    for verb in ["decline", "accept"] {
        ada.done(&["repo", "transfer", "song", "grace", "--yes"]);
        let waiting = grace.done(&["repo", "transfers"]);
        let id = waiting["items"][0]["id"].as_str().unwrap().to_owned();
        assert_eq!(ada.fails(&["repo", verb, &id]), (4, "not_found".to_owned()));
        grace.done(&["repo", verb, &id]);
    }
    assert_eq!(grace.done(&["repo", "show", "song"])["owner"], "grace");
}
