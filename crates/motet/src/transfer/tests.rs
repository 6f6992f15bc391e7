//! Clones of servers that lie: each lie ends with code 6, and nothing is left.

use std::{ffi::OsString, path::Path};

use api::{
    CommitRecord, SnapshotRecord, Value,
    wire::{FetchAnswer, Format, InlineObject, Refs},
};
use history::{Manifest, commit_id, snapshot_id};
use names::ObjectId;

use crate::{failure::Exit, fake};

const TIME: &str = "2026-11-21T12:00:00+00:00";

/// A history of one commit with two files, one of them empty.
fn history() -> (Refs, FetchAnswer) {
    let content = b"do re mi\n".to_vec();
    let object_id = ObjectId::of(&content);
    let manifest: Manifest = [("song.txt", object_id), ("empty", ObjectId::EMPTY)]
        .map(|(path, id)| (path.parse().unwrap(), id))
        .into();
    let snapshot_id = snapshot_id(&manifest);
    let snapshot = SnapshotRecord { snapshot_id, manifest, created_at: TIME.into() };
    let id = commit_id(&[], &snapshot_id, "one", TIME);
    let record = Value::map([
        ("commit_id", Value::from(id.to_string())),
        ("snapshot_id", snapshot_id.to_string().into()),
        ("message", "one".into()),
        ("committed_at", TIME.into()),
    ]);
    let branch_heads = vec![("main".to_owned(), id)];
    let refs = Refs {
        repo_id: "r".into(),
        domain: "code".into(),
        default_branch: "main".into(),
        branch_heads: branch_heads.clone(),
    };
    let answer = FetchAnswer {
        commits: vec![CommitRecord::try_from(record).unwrap()],
        snapshots: vec![snapshot],
        objects: vec![InlineObject { object_id, content }],
        branch_heads,
    };
    (refs, answer)
}

/// Clones from a server that gives `answers`, into `home/songs`.
pub(super) fn clone(home: &Path, answers: Vec<Vec<u8>>) -> (Exit, serde_json::Value) {
    let (origin, _asked) = fake::serve(answers);
    let (config, address) = (home.join("config"), format!("{origin}/ada/songs"));
    let all = [
        "motet",
        "--json",
        "-C",
        home.to_str().unwrap(),
        "--config-dir",
        config.to_str().unwrap(),
        "clone",
        &address,
    ];
    let mut out = Vec::new();
    let exit = crate::run(all.map(OsString::from), &mut out, &mut Vec::new());
    (exit, serde_json::from_slice(&out).unwrap())
}

fn lie(change: impl FnOnce(&mut Refs, &mut FetchAnswer)) -> String {
    let (mut refs, mut answer) = history();
    change(&mut refs, &mut answer);
    let answers = vec![
        fake::message_pack(&refs.into()),
        fake::message_pack(&answer.into_value(Format::MessagePack)),
    ];
    let home = tempfile::tempdir().unwrap();
    let (exit, told) = clone(home.path(), answers);
    assert_eq!(exit, Exit::Unverified, "{told}");
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "something is left");
    told["error"]["code"].as_str().unwrap().to_owned()
}

#[test]
fn an_honest_server_is_cloned() {
    let (refs, answer) = history();
    let head = refs.branch_heads[0].1;
    let answers = vec![
        fake::message_pack(&refs.into()),
        fake::message_pack(&answer.into_value(Format::MessagePack)),
    ];
    let home = tempfile::tempdir().unwrap();
    let (exit, told) = clone(home.path(), answers);
    assert_eq!((exit, &told["result"]["head"]), (Exit::Done, &head.to_string().into()), "{told}");
    let songs = home.path().join("songs");
    assert_eq!(std::fs::read_to_string(songs.join("song.txt")).unwrap(), "do re mi\n");
    assert_eq!(std::fs::read(songs.join("empty")).unwrap(), b"");
    assert_eq!(
        std::fs::read_to_string(songs.join(".muse/HEAD")).unwrap(),
        "ref: refs/heads/main\n"
    );
}

#[test]
fn an_empty_repository_is_cloned() {
    let (mut refs, _) = history();
    (refs.branch_heads, refs.default_branch) = (Vec::new(), "trunk".into());
    let home = tempfile::tempdir().unwrap();
    let (exit, told) = clone(home.path(), vec![fake::message_pack(&refs.into())]);
    assert_eq!((exit, &told["result"]["head"]), (Exit::Done, &serde_json::Value::Null), "{told}");
    let head = std::fs::read_to_string(home.path().join("songs/.muse/HEAD")).unwrap();
    assert_eq!(head, "ref: refs/heads/trunk\n");
}

#[test]
fn every_lie_is_seen() {
    let code = lie(|_, answer| answer.objects[0].content = b"do re fa\n".to_vec());
    assert_eq!(code, "hash_mismatch");
    let code = lie(|_, answer| answer.commits[0].message = "two".into());
    assert_eq!(code, "commit_mismatch");
    let code = lie(|_, answer| {
        answer.snapshots[0].manifest.insert("more".parse().unwrap(), ObjectId::EMPTY);
    });
    assert_eq!(code, "snapshot_mismatch");
    assert_eq!(lie(|_, answer| answer.objects.clear()), "incomplete");
    assert_eq!(lie(|_, answer| answer.snapshots.clear()), "incomplete");
    assert_eq!(lie(|_, answer| answer.commits.clear()), "incomplete");
    assert_eq!(lie(|refs, _| refs.branch_heads[0].0 = "../../main".into()), "bad_ref");
    assert_eq!(lie(|refs, _| refs.default_branch = "a b".into()), "bad_ref");
}

#[test]
fn a_path_that_leads_out_is_not_believed() {
    let (refs, answer) = history();
    let Value::Map(mut fields) = answer.into_value(Format::MessagePack) else { panic!() };
    for evil in ["../out", "/etc/passwd", ".muse/config.toml", "a/.MUSE/x", "a//b"] {
        let manifest = Value::map([(evil, Value::from(ObjectId::EMPTY.to_string()))]);
        let snapshot = Value::map([
            ("snapshot_id", Value::from(ObjectId::EMPTY.to_string())),
            ("manifest", manifest),
        ]);
        for (key, value) in &mut fields {
            if key == "snapshots" {
                *value = Value::Array(vec![snapshot.clone()]);
            }
        }
        let home = tempfile::tempdir().unwrap();
        let answers = vec![
            fake::message_pack(&refs.clone().into()),
            fake::message_pack(&Value::Map(fields.clone())),
        ];
        let (exit, told) = clone(home.path(), answers);
        assert_eq!(
            (exit, &told["error"]["code"]),
            (Exit::Unverified, &"unbelievable".into()),
            "{told}"
        );
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
    }
}
