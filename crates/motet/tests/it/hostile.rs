//! H83: a server that lies to a clone and to a fetch. Each lie ends with 5 or 6; nothing is written outside of where
//! the command works, and nothing of it reaches a branch, a file of the user or HEAD.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
};

use api::{CommitRecord, Value, msgpack};
use history::{Manifest, commit_id, snapshot_id};
use names::{CommitId, ObjectId};
use serde_json::json;

use crate::working_copies::Desk;

const TIME: &str = "2026-11-21T12:00:00+00:00";

/// What a server says.
#[derive(Clone)]
enum Said {
    MessagePack(Value),
    /// These bytes as the body.
    Bytes(Vec<u8>),
    /// These bytes instead of an HTTP answer, over and over, after these.
    Endless(&'static str, Vec<u8>),
    /// The head of an answer, and half of its body.
    Half,
    Redirect(&'static str),
}

/// A server on this machine that says the same to everybody.
fn liar(refs: Said, fetch: Said) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // Whoever had enough hangs up.
            let Ok(stream) = stream else { return };
            answer(stream, &refs, &fetch).unwrap_or_default();
        }
    });
    origin
}

fn answer(mut stream: TcpStream, refs: &Said, fetch: &Said) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse().unwrap())
    });
    stream.read_exact(&mut vec![0; length.unwrap_or(0)])?;
    let said = if head.starts_with("GET ") { refs } else { fetch };
    let begin = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/x-msgpack\r\n";
    let whole = |body: &[u8]| {
        [format!("{begin}Content-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
    };
    match said {
        Said::MessagePack(value) => {
            let mut body = Vec::new();
            msgpack::write_value(&mut body, value)?;
            stream.write_all(&whole(&body))
        }
        Said::Bytes(body) => stream.write_all(&whole(body)),
        Said::Half => {
            stream.write_all(format!("{begin}Content-Length: 100\r\n\r\nhalf").as_bytes())
        }
        Said::Redirect(place) => stream.write_all(
            format!("HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n")
                .as_bytes(),
        ),
        Said::Endless(first, part) => {
            stream.write_all(first.as_bytes())?;
            loop {
                stream.write_all(part)?;
            }
        }
    }
}

/// An honest history of one commit.
struct History {
    commit: CommitId,
    refs: Value,
    answer: Value,
}

fn text<T: ToString + ?Sized>(text: &T) -> Value {
    Value::from(text.to_string())
}

fn refs(heads: &[(&str, String)], default_branch: &str, domain: &str) -> Value {
    let heads = heads.iter().map(|(name, id)| (*name, text(id)));
    Value::map([
        ("repo_id", text("r")),
        ("domain", text(domain)),
        ("default_branch", text(default_branch)),
        ("branch_heads", Value::map(heads)),
    ])
}

fn commit_value(parents: &[CommitId], manifest: &Manifest, message: &str) -> (CommitId, Value) {
    let snapshot = snapshot_id(manifest);
    let id = commit_id(parents, &snapshot, message, TIME);
    let parent = |at: usize| Value::from(parents.get(at).map(ToString::to_string));
    let value = Value::map([
        ("commit_id", text(&id)),
        ("snapshot_id", text(&snapshot)),
        ("message", text(message)),
        ("committed_at", text(TIME)),
        ("parent_commit_id", parent(0)),
        ("parent2_commit_id", parent(1)),
    ]);
    assert!(CommitRecord::try_from(value.clone()).is_ok());
    (id, value)
}

fn snapshot_value(id: &impl ToString, files: impl IntoIterator<Item = (String, String)>) -> Value {
    let files = files.into_iter().map(|(path, id)| (path, Value::from(id)));
    let manifest = Value::map(files);
    Value::map([("snapshot_id", text(id)), ("manifest", manifest), ("created_at", text(TIME))])
}

fn object_value(id: &impl ToString, content: &[u8]) -> Value {
    Value::map([("object_id", text(id)), ("content", Value::Bytes(content.to_vec()))])
}

fn honest() -> History {
    let content = b"do re mi\n";
    let object = ObjectId::of(content);
    let manifest: Manifest = [("song.txt", object), ("empty", ObjectId::EMPTY)]
        .map(|(path, id)| (path.parse().unwrap(), id))
        .into();
    let (commit, record) = commit_value(&[], &manifest, "one");
    let files = manifest.iter().map(|(path, id)| (path.to_string(), id.to_string()));
    let answer = Value::map([
        ("commits", Value::Array(vec![record])),
        ("snapshots", Value::Array(vec![snapshot_value(&snapshot_id(&manifest), files)])),
        ("objects", Value::Array(vec![object_value(&object, content)])),
        ("branch_heads", Value::map([("main", text(&commit))])),
    ]);
    History { commit, refs: refs(&[("main", commit.to_string())], "main", "code"), answer }
}

/// The same answer with another list.
fn with(answer: &Value, key: &str, items: Vec<Value>) -> Said {
    let Value::Map(mut fields) = answer.clone() else { panic!() };
    let mut items = Some(items);
    for (name, value) in &mut fields {
        if name == key {
            *value = Value::Array(items.take().unwrap());
        }
    }
    Said::MessagePack(Value::Map(fields))
}

/// A lie: what it is, what the server says, how the command ends.
type Lie = (&'static str, Said, Said, i32, &'static str);

fn lies() -> Vec<Lie> {
    let History { commit, refs: honest_refs, answer } = honest();
    let good = Said::MessagePack(honest_refs);
    let named =
        |name: &'static str| Said::MessagePack(refs(&[(name, commit.to_string())], "main", "code"));
    let fine = Said::MessagePack(answer.clone());
    let mut lies: Vec<Lie> = Vec::new();
    for name in [
        "../../x",
        "/etc/x",
        "a/../../x",
        "HEAD",
        ".muse",
        "a//b",
        "a\0b",
        "a\u{1b}[2J",
        "refs/heads/x",
        "",
    ] {
        lies.push(("a branch's name", named(name), fine.clone(), 6, "bad_ref"));
    }
    let id = commit.to_string();
    let two = Said::MessagePack(refs(&[("a", id.clone()), ("a/b", id.clone())], "a", "code"));
    lies.push(("branches in each other's way", two, fine.clone(), 6, "bad_ref"));
    let bad_id =
        Said::MessagePack(refs(&[("main", "../../etc/passwd".to_owned())], "main", "code"));
    lies.push(("an id that is a path", bad_id, fine.clone(), 6, "unbelievable"));
    let domain = Said::MessagePack(refs(&[("main", id.clone())], "main", "../x"));
    lies.push(("a domain", domain, fine.clone(), 6, "bad_domain"));
    let default = Said::MessagePack(refs(&[("main", id)], "../../x", "code"));
    lies.push(("the default branch", default, fine.clone(), 6, "bad_ref"));
    for path in [
        "../out",
        "/etc/passwd",
        ".muse/HEAD",
        ".muse/config.toml",
        "a/.MUSE/x",
        ".git/hooks/x",
        "a//b",
        "a\0b",
        "",
        ".",
    ] {
        let files = [(path.to_owned(), ObjectId::EMPTY.to_string())];
        let snapshot = snapshot_value(&ObjectId::EMPTY, files);
        lies.push((
            "a path",
            good.clone(),
            with(&answer, "snapshots", vec![snapshot]),
            6,
            "unbelievable",
        ));
    }
    lies.extend(lying_records());
    lies
}

/// Objects, snapshots and commits that are not what their ids say, or not all there.
fn lying_records() -> Vec<Lie> {
    let History { commit, refs: honest_refs, answer } = honest();
    let good = Said::MessagePack(honest_refs);
    let mut lies: Vec<Lie> = Vec::new();
    let (_, renamed) = commit_value(&[], &Manifest::new(), "another");
    let Value::Map(mut fields) = renamed else { panic!() };
    fields.retain(|(key, _)| key != "commit_id");
    fields.push(("commit_id".into(), text(&commit)));
    let own: [(&str, &str, Vec<Value>, &str); 7] = [
        ("a commit's id", "commits", vec![Value::Map(fields)], "commit_mismatch"),
        (
            "another object",
            "objects",
            vec![object_value(&ObjectId::of(b"do re mi\n"), b"do re fa\n")],
            "hash_mismatch",
        ),
        ("no object", "objects", vec![], "incomplete"),
        ("no snapshot", "snapshots", vec![], "incomplete"),
        (
            "another snapshot",
            "snapshots",
            vec![snapshot_value(
                &snapshot_id(&Manifest::new()),
                [("a".to_owned(), ObjectId::EMPTY.to_string())],
            )],
            "snapshot_mismatch",
        ),
        ("no commit", "commits", vec![], "incomplete"),
        (
            "another commit",
            "commits",
            vec![commit_value(&[], &Manifest::new(), "another").1],
            "incomplete",
        ),
    ];
    for (what, key, items, code) in own {
        lies.push((what, good.clone(), with(&answer, key, items), 6, code));
    }
    let (orphan, record) = commit_value(&[CommitId::of(b"nowhere")], &Manifest::new(), "orphan");
    let empty = snapshot_value(&snapshot_id(&Manifest::new()), []);
    let Said::MessagePack(orphan_answer) = with(&answer, "commits", vec![record]) else { panic!() };
    let to_orphan = Said::MessagePack(refs(&[("main", orphan.to_string())], "main", "code"));
    lies.push((
        "a parent that is nowhere",
        to_orphan,
        with(&orphan_answer, "snapshots", vec![empty]),
        6,
        "incomplete",
    ));
    lies
}

/// What is no answer at all.
fn noises() -> Vec<Lie> {
    let good = Said::MessagePack(honest().refs);
    let endless_body = "HTTP/1.1 200 OK\r\nContent-Type: application/x-msgpack\r\nTransfer-Encoding: chunked\r\n\r\n";
    let fine = Said::Bytes(Vec::new());
    let chunk = [b"100000\r\n".as_slice(), &vec![7; 1 << 20], b"\r\n"].concat();
    let mut deep = vec![0x91; 100_000];
    deep.push(0xc0);
    vec![
        (
            "an endless list of branches",
            Said::Endless(endless_body, chunk.clone()),
            fine.clone(),
            5,
            "too_long",
        ),
        ("an endless answer", good.clone(), Said::Endless(endless_body, chunk), 5, "too_long"),
        (
            "an endless head",
            good.clone(),
            Said::Endless("HTTP/1.1 200 OK\r\n", b"a: b\r\n".repeat(1000)),
            5,
            "unreachable",
        ),
        ("half an answer", good.clone(), Said::Half, 5, "cut_off"),
        (
            "a list longer than its bytes",
            good.clone(),
            Said::Bytes(vec![0xdd, 0xff, 0xff, 0xff, 0xff]),
            5,
            "bad_answer",
        ),
        ("a list in a list in a list", good.clone(), Said::Bytes(deep), 5, "bad_answer"),
        ("another place", Said::Redirect("file:///etc/passwd"), fine.clone(), 5, "redirected"),
        ("no MessagePack", Said::Bytes(b"<html>".to_vec()), fine, 5, "bad_answer"),
    ]
}

/// Every file below `root` with its bytes, links by where they lead, directories by nothing.
fn everything(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut found, mut waiting) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            let kind = path.symlink_metadata().unwrap();
            if kind.is_dir() {
                found.insert(format!("{name}/"), Vec::new());
                waiting.push(path);
            } else {
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

#[test]
fn an_honest_server_of_this_kind_is_believed() {
    let History { commit, refs, answer } = honest();
    let origin = liar(Said::MessagePack(refs), Said::MessagePack(answer));
    let desk = Desk::new();
    desk.ok(&["remote", "add", "origin", &format!("{origin}/ada/songs")]);
    let pulled = desk.ok(&["pull"]);
    assert_eq!(
        (&pulled["merge"]["commit"], desk.read("song.txt")),
        (&json!(commit), "do re mi\n".into())
    );
    desk.ok(&["clone", &format!("{origin}/ada/songs"), "other"]);
    assert_eq!(desk.read("other/song.txt"), "do re mi\n");
}

#[test]
fn a_clone_of_a_liar_leaves_nothing() {
    clone_each(lies());
}

#[test]
fn a_clone_of_noise_leaves_nothing() {
    clone_each(noises());
}

fn clone_each(lies: Vec<Lie>) {
    let model = Desk::empty();
    model.write("mine", "mine\n");
    for (what, refs, fetch, exit, code) in lies {
        let (origin, desk) = (liar(refs, fetch), model.copy());
        let root = desk.path().parent().unwrap().to_owned();
        let before = everything(&root);
        let ended = desk.fails(&["clone", &format!("{origin}/ada/songs")]);
        assert_eq!(ended, (exit, code.to_owned()), "{what}");
        assert_eq!(everything(&root), before, "{what}");
    }
}

#[test]
fn a_fetch_from_a_liar_moves_nothing() {
    fetch_each(lies(), &["fetch", "pull"]);
}

#[test]
fn a_fetch_of_noise_moves_nothing() {
    fetch_each(noises(), &["fetch"]);
}

fn fetch_each(lies: Vec<Lie>, commands: &[&str]) {
    let model = Desk::new();
    model.commit("mine", "mine\n");
    model.write("mine", "changed\n");
    for (what, refs, fetch, exit, code) in lies {
        let (origin, desk) = (liar(refs, fetch), model.copy());
        desk.ok(&["remote", "add", "origin", &format!("{origin}/ada/songs")]);
        let root = desk.path().parent().unwrap().to_owned();
        let before = everything(&root);
        for command in commands {
            assert_eq!(desk.fails(&[*command]), (exit, code.to_owned()), "{what}: {command}");
        }
        let mut after = everything(&root);
        // Objects and snapshots that are what their ids say may stay; nothing leads to them.
        after.retain(|name, bytes| {
            let stored = ["objects/", "snapshots/"]
                .iter()
                .any(|it| name.starts_with(&format!("work/.muse/{it}")));
            let is_object = name.starts_with("work/.muse/objects/") && !name.ends_with('/');
            if is_object {
                let id: String =
                    name.rsplit('/').take(2).collect::<Vec<_>>().into_iter().rev().collect();
                assert_eq!(id, ObjectId::of(bytes).to_string(), "{what}");
            }
            !stored || before.contains_key(name)
        });
        assert_eq!(after, before, "{what}");
    }
}

/// A link that the user has made leads no file of a clone or a pull out of the working copy.
#[test]
fn a_link_in_the_way_is_not_followed() {
    let History { refs, answer, .. } = honest();
    let origin = liar(Said::MessagePack(refs), Said::MessagePack(answer));
    let desk = Desk::new();
    let outside = desk.path().parent().unwrap().join("outside");
    fs::write(&outside, "outside\n").unwrap();
    std::os::unix::fs::symlink(&outside, desk.path().join("song.txt")).unwrap();
    desk.ok(&["remote", "add", "origin", &format!("{origin}/ada/songs")]);
    assert_eq!(desk.fails(&["pull"]), (1, "in_the_way".to_owned()));
    desk.ok(&["pull", "--force"]);
    assert_eq!(
        (desk.read("song.txt"), fs::read_to_string(outside).unwrap()),
        ("do re mi\n".into(), "outside\n".into())
    );
}
