//! H30: a push of 10,000 files, as the recorded client makes it, is the tree that was hashed beside it.
//!
//! Bodies are written here in the forms in which the client writes them, and held to the recorded bytes; hashes are those
//! of another library than the server's.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use api::wire::InlineObject;
use http::Method;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::*;

const FILES: usize = 10_000;
/// Objects in one body of the client.
const TOGETHER: usize = 400;
/// From how many bytes on the client asks for an address.
const LARGE: usize = 64 << 10;

/// A head with its length, in the shortest of its forms: up to 15 or 31, in 8 bits if there is such a form, in 16, in 32.
fn head(out: &mut Vec<u8>, short: Option<(usize, u8)>, byte: Option<u8>, word: u8, length: usize) {
    match (short, byte) {
        (Some((most, mark)), _) if length <= most => out.push(mark | u8::try_from(length).unwrap()),
        (_, Some(mark)) if length <= 0xFF => out.extend([mark, u8::try_from(length).unwrap()]),
        _ if length <= 0xFFFF => {
            out.push(word);
            out.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        _ => {
            out.push(word + 1);
            out.extend(u32::try_from(length).unwrap().to_be_bytes());
        }
    }
}

/// A message in the forms in which the client writes it.
fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Nil => out.push(0xC0),
        Value::Bool(it) => out.push(0xC2 + u8::from(*it)),
        Value::Int(it) => out.push(u8::try_from(*it).unwrap()),
        Value::Text(it) => {
            head(out, Some((31, 0xA0)), Some(0xD9), 0xDA, it.len());
            out.extend(it.as_bytes());
        }
        Value::Bytes(it) => {
            head(out, None, Some(0xC4), 0xC5, it.len());
            out.extend(it);
        }
        Value::Array(it) => {
            head(out, Some((15, 0x90)), None, 0xDC, it.len());
            for item in it {
                write(item, out);
            }
        }
        Value::Map(it) => {
            head(out, Some((15, 0x80)), None, 0xDE, it.len());
            for (key, item) in it {
                write(&Value::Text(key.clone()), out);
                write(item, out);
            }
        }
        Value::UInt(_) | Value::Float(_) => panic!("the client sends no such number"),
    }
}

fn written(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write(value, &mut out);
    out
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn ids_body<'a>(ids: impl IntoIterator<Item = &'a str>) -> Value {
    Value::map([("object_ids", Value::list(ids.into_iter().map(text)))])
}

fn presign_body<'a>(ids: impl IntoIterator<Item = &'a str>) -> Value {
    let ids = Value::list(ids.into_iter().map(text));
    Value::map([("object_ids", ids), ("direction", text("put"))])
}

fn objects_body(objects: impl IntoIterator<Item = (String, Vec<u8>)>) -> Value {
    let object = |(id, bytes): (String, Vec<u8>)| {
        Value::map([("object_id", text(&id)), ("content", Value::Bytes(bytes))])
    };
    Value::map([("objects", Value::list(objects.into_iter().map(object)))])
}

/// What a commit of the client says that is no id of its own.
struct Said<'a> {
    commit: &'a str,
    repository: &'a str,
    snapshot: &'a str,
    message: &'a str,
    committed_at: &'a str,
    author: &'a str,
    created_at: &'a str,
}

fn push_body(said: &Said<'_>, files: impl IntoIterator<Item = (String, Value)>) -> Value {
    let none = || text("");
    let commit = Value::map([
        ("commit_id", text(said.commit)),
        ("repo_id", text(said.repository)),
        ("branch", text("main")),
        ("snapshot_id", text(said.snapshot)),
        ("message", text(said.message)),
        ("committed_at", text(said.committed_at)),
        ("parent_commit_id", Value::Nil),
        ("parent2_commit_id", Value::Nil),
        ("author", text(said.author)),
        ("metadata", Value::Map(Vec::new())),
        ("structured_delta", Value::Nil),
        ("sem_ver_bump", text("none")),
        ("breaking_changes", Value::Array(Vec::new())),
        ("agent_id", none()),
        ("model_id", none()),
        ("toolchain_id", none()),
        ("prompt_hash", none()),
        ("signature", none()),
        ("signer_key_id", none()),
        ("format_version", Value::Int(5)),
        ("reviewed_by", Value::Array(Vec::new())),
        ("test_runs", Value::Int(0)),
    ]);
    let snapshot = Value::map([
        ("snapshot_id", text(said.snapshot)),
        ("manifest", Value::map(files)),
        ("created_at", text(said.created_at)),
    ]);
    let bundle = Value::map([
        ("commits", Value::Array(vec![commit])),
        ("snapshots", Value::Array(vec![snapshot])),
        ("objects", Value::Array(Vec::new())),
    ]);
    Value::map([("bundle", bundle), ("branch", text("main")), ("force", Value::Bool(false))])
}

/// The messages that were recorded come out again, byte for byte, and those that are made here are made as they are.
#[test]
fn bodies_are_written_as_the_client_wrote_them() {
    let recorded = |stem: &str| {
        let bytes = fixture(&format!("01-push-first/{stem}.request.bin"));
        let value = Value::from_msgpack_reader(&*bytes, &Limits::of_body(1 << 20)).unwrap();
        assert!(written(&value) == bytes, "{stem}");
        value
    };
    let list = |value: Value| match value {
        Value::Map(mut entries) => match entries.swap_remove(0).1 {
            Value::Array(items) => items,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    let sent = recorded("4-push-objects");
    let objects = list(sent.clone()).into_iter().map(|it| InlineObject::try_from(it).unwrap());
    let objects = objects.map(|it| (it.object_id.to_string(), it.content));
    let objects: Vec<_> = objects.collect();
    assert_eq!(objects_body(objects.clone()), sent);
    let ids = objects.iter().map(|it| it.0.as_str());
    assert_eq!(ids_body(ids), recorded("2-filter-objects"));
    let large = objects.iter().filter(|it| it.1.len() > LARGE).map(|it| it.0.as_str());
    assert_eq!(presign_body(large), recorded("3-presign"));

    let sent = recorded("5-push");
    let push = PushRequest::try_from(sent.clone()).unwrap();
    let (commit, snapshot) = (&push.commits[0], &push.snapshots[0]);
    // The order in which the client walked its files.
    let bytes = written(&sent);
    let place = |path: &str| bytes.windows(path.len()).position(|it| it == path.as_bytes());
    let mut files: Vec<_> = snapshot.manifest.iter().collect();
    files.sort_by_key(|(path, _)| place(path.as_str()));
    let files = files.into_iter().map(|(path, id)| (path.to_string(), text(&id.to_string())));
    let said = Said {
        commit: &commit.commit_id.to_string(),
        repository: &commit.repo_id,
        snapshot: &snapshot.snapshot_id.to_string(),
        message: &commit.message,
        committed_at: &commit.committed_at,
        author: &commit.author,
        created_at: &snapshot.created_at,
    };
    assert_eq!(push_body(&said, files), sent);
}

/// A working tree: many directories, names beyond ASCII, equal files, an empty one, one that is large.
fn plant(dir: &Path) {
    for at in 0..FILES {
        let folder = dir.join(format!("part{}/größe{}", at % 17, at % 101));
        fs::create_dir_all(&folder).unwrap();
        let bytes = match at {
            0 => Vec::new(),
            1 => b"\0\x01".repeat(LARGE),
            it if it % 50 == 0 => b"the same everywhere\n".to_vec(),
            it => format!("line {it}\n").repeat(it % 7 + 1).into_bytes(),
        };
        fs::write(folder.join(format!("{at}.txt")), bytes).unwrap();
    }
}

/// Every file below a directory by its path, in the order of a walk.
fn walked(dir: &Path) -> Vec<(String, PathBuf)> {
    let (mut waiting, mut files) = (vec![dir.to_owned()], Vec::new());
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let below = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
                files.push((below, path));
            }
        }
    }
    files
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").unwrap();
        out
    })
}

/// `spec/wire.md` 1.2.
fn hash_of_tree(files: &BTreeMap<String, String>) -> String {
    let entries: Vec<_> = files.iter().map(|(path, id)| format!("{path}\0{id}")).collect();
    sha256(entries.join("\0").as_bytes())
}

/// The client, with its token.
struct Client {
    server: Server,
    bearer: String,
}

impl Client {
    async fn of(server: Server, by: &Person) -> Self {
        let scope = json!({ "scope": { "planes": { "hub": "write" }, "repositories": "all" } });
        let minted = server.post("/api/v1/tokens").json(&scope).by(by).send().await;
        let bearer = format!("Bearer {}", minted.json()["value"].as_str().unwrap());
        Self { server, bearer }
    }

    /// Sends what the client sent with such a request, with another body.
    async fn ask(&self, stem: &str, endpoint: &str, body: &Value) -> Answer {
        let recorded = fixture_json(&format!("01-push-first/{stem}.request.json"));
        let request = self.server.post(&format!("/quartet/orchard/{endpoint}"));
        let headers = recorded["headers"].as_array().unwrap();
        let headers = headers.iter().map(|it| (it[0].as_str().unwrap(), it[1].as_str().unwrap()));
        let own = |name: &str| OWN_HEADERS.contains(&name.to_ascii_lowercase().as_str());
        let request = headers
            .filter(|(name, _)| !own(name))
            .fold(request, |request, (name, value)| request.header(name, value));
        let request = request.header("authorization", &self.bearer);
        let answer = request.body(written(body)).send().await;
        assert_eq!(answer.status, 200, "{stem}: {}", answer.text());
        answer
    }

    /// `GET refs`: nothing has that name yet, and the client goes on.
    async fn look(&self) {
        let refs = request_to(&self.server, "01-push-first/1-refs", "/quartet/orchard/refs");
        let answer = refs.header("authorization", &self.bearer).send().await;
        answer.assert_refused(404, "not_found");
    }

    /// Sends the large objects to addresses of their own, and the others 400 at a time.
    async fn upload(&self, objects: &BTreeMap<String, Vec<u8>>) {
        let all = ids_body(objects.keys().map(String::as_str));
        let missing = self.ask("2-filter-objects", "filter-objects", &all).await.wire::<Missing>();
        let missing: Vec<_> = missing.missing.iter().map(ToString::to_string).collect();
        // All but the empty one.
        assert_eq!(missing.len(), objects.len() - 1);
        let (large, small): (Vec<_>, Vec<_>) =
            missing.iter().partition(|id| objects[id.as_str()].len() > LARGE);

        let asked = presign_body(large.iter().map(|it| it.as_str()));
        let Presigned { presigned, inline } = self.ask("3-presign", "presign", &asked).await.wire();
        assert_eq!((presigned.len(), inline.len()), (1, 0));
        let recorded = fixture_json("02-push-presigned/4-upload.request.json");
        let headers = recorded["headers"].as_array().unwrap();
        let kind = headers.iter().find(|it| it[0] == "Content-Type").unwrap();
        for (id, address) in &presigned {
            let target = address.strip_prefix(&self.server.base_url()).unwrap();
            let put = self.server.request(Method::PUT, target);
            let put = put.header("content-type", kind[1].as_str().unwrap());
            put.body(objects[&id.to_string()].clone()).send().await.assert_status(200);
        }
        let mut stored = 0;
        for batch in small.chunks(TOGETHER) {
            let batch = batch.iter().map(|id| ((*id).clone(), objects[id.as_str()].clone()));
            let answer = self.ask("4-push-objects", "push/objects", &objects_body(batch)).await;
            stored += answer.wire::<Stored>().stored;
        }
        assert_eq!(stored, small.len() as u64);
    }
}

#[tokio::test]
async fn a_push_of_10_000_files_is_the_tree_that_was_hashed() {
    let dir = tempfile::tempdir().unwrap();
    plant(dir.path());
    let (mut files, mut objects) = (Vec::new(), BTreeMap::new());
    for (path, place) in walked(dir.path()) {
        let bytes = fs::read(place).unwrap();
        let id = sha256(&bytes);
        files.push((path, id.clone()));
        objects.insert(id, bytes);
    }
    let snapshot = hash_of_tree(&files.iter().cloned().collect());

    let (server, quartet) = quartet().await;
    let client = Client::of(server, &quartet).await;
    client.look().await;
    client.upload(&objects).await;
    let (message, committed_at) = ("Plant the orchard", "2026-11-30T08:00:00.250000+00:00");
    let commit = sha256(format!("\0{snapshot}\0{message}\0{committed_at}").as_bytes());
    let said = Said {
        commit: &commit,
        repository: "d2d46827-7011-4e95-9dc8-9dfe61100570",
        snapshot: &snapshot,
        message,
        committed_at,
        author: "Tenor One <tenor@example.test>",
        created_at: "2026-11-30T08:00:00.300000+00:00",
    };
    let manifest = files.iter().map(|(path, id)| (path.clone(), text(id)));
    let pushed = client.ask("5-push", "push", &push_body(&said, manifest)).await;
    let heads = pushed.wire::<Pushed>().branch_heads;
    let heads: Vec<_> = heads.iter().map(|(name, id)| (name.as_str(), id.to_string())).collect();
    assert_eq!(heads, [("main", commit.clone())]);

    // Whoever fetches it has the same tree, to the last byte.
    let tip = commit.parse().unwrap();
    let fetched = client.server.fetch(&quartet, "quartet/orchard", &[tip], &[]).await;
    assert_eq!(fetched.snapshots[0].snapshot_id.to_string(), snapshot);
    let manifest = fetched.snapshots[0].manifest.iter();
    let told: BTreeMap<_, _> =
        manifest.map(|(path, id)| (path.to_string(), id.to_string())).collect();
    assert_eq!((told.len(), hash_of_tree(&told)), (FILES, snapshot));
    assert_eq!(fetched.objects.len(), objects.len());
    for object in &fetched.objects {
        assert_eq!(sha256(&object.content), object.object_id.to_string());
        assert!(objects.contains_key(&object.object_id.to_string()));
    }
}
