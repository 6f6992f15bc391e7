//! The vectors of `spec/wire.md` 1.7, `vectors.json` and `ids.json`.

use api::{CommitRecord, SnapshotRecord};
use names::{CommitId, ObjectId, SnapshotId};
use serde_json::Value;

use super::*;

fn fixture(name: &str) -> Value {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/muse-wire");
    serde_json::from_slice(&std::fs::read(format!("{root}/{name}")).unwrap()).unwrap()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a Vec<Value> {
    value[key].as_array().unwrap()
}

fn id<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    T::deserialize(value).unwrap()
}

fn manifest(value: &Value) -> Manifest {
    id(value)
}

/// A commit as the vectors write it, with `claimed` as its id.
fn record(value: &Value, claimed: CommitId) -> CommitRecord {
    let mut parents = list(value, "parents").iter().map(id);
    CommitRecord {
        commit_id: claimed,
        parent_commit_id: parents.next(),
        parent2_commit_id: parents.next(),
        ..plain_record(
            id(&value["snapshot_id"]),
            value["message"].as_str().unwrap(),
            value["committed_at"].as_str().unwrap(),
        )
    }
}

/// A root commit with the right id and nothing but what the id covers.
pub(crate) fn plain_record(
    snapshot: SnapshotId,
    message: &str,
    committed_at: &str,
) -> CommitRecord {
    new_record(Parents::default(), snapshot, message, committed_at)
}

fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn objects() {
    for vector in list(&fixture("vectors.json"), "objects") {
        let bytes = bytes(&vector["bytes_hex"]);
        assert_eq!(verify_object(id(&vector["object_id"]), &bytes), Ok(()));
        let other = verify_object(id(&vector["object_id"]), &[&bytes[..], b"!"].concat());
        assert_eq!(other.unwrap_err().code(), "hash_mismatch");
    }
}

#[test]
fn snapshots() {
    for vector in list(&fixture("vectors.json"), "snapshots") {
        let record = SnapshotRecord {
            snapshot_id: id(&vector["snapshot_id"]),
            manifest: manifest(&vector["manifest"]),
            created_at: String::new(),
        };
        assert_eq!(verify_snapshot(&record), Ok(()), "{}", vector["name"]);
        assert_eq!(SnapshotId::of(&bytes(&vector["canonical_hex"])), record.snapshot_id);
        let mut other = record;
        other.manifest.insert("one/more".parse().unwrap(), ObjectId::EMPTY);
        assert_eq!(verify_snapshot(&other).unwrap_err().code(), "snapshot_mismatch");
    }
}

#[test]
fn commits() {
    for vector in list(&fixture("vectors.json"), "commits") {
        let record = record(vector, id(&vector["commit_id"]));
        let time = verify_commit(&record).unwrap();
        assert_eq!(time.as_str(), record.committed_at);
        assert_eq!(CommitId::of(&bytes(&vector["canonical_hex"])), record.commit_id);
        let other = CommitRecord { message: "another".to_owned(), ..record };
        assert_eq!(verify_commit(&other).unwrap_err().code(), "commit_mismatch");
    }
}

#[test]
fn refused() {
    for vector in list(&fixture("vectors.json"), "refused") {
        if let Some(text) = vector["committed_at"].as_str() {
            let claimed = plain_record(SnapshotId::of(b""), "x", text);
            assert_eq!(verify_commit(&claimed).unwrap_err().code(), "bad_time", "{text}");
            continue;
        }
        // Two records, one id: only the one without a NUL in its message may have it.
        let claimed = id(&vector["commit_id"]);
        let (a, b) = (record(&vector["record_a"], claimed), record(&vector["record_b"], claimed));
        let computed = |r: &CommitRecord| {
            commit_id(&r.parents().collect::<Vec<_>>(), &r.snapshot_id, &r.message, &r.committed_at)
        };
        assert_eq!((computed(&a), computed(&b)), (claimed, claimed));
        assert_eq!(verify_commit(&a).unwrap_err().code(), "bad_message");
        assert!(verify_commit(&b).is_ok());
    }
}

#[test]
fn parents_have_one_form() {
    let good = plain_record(SnapshotId::of(b""), "x", "2026-11-21T12:00:00+00:00");
    let parent = Some(good.commit_id);
    for (first, second) in [(None, parent), (parent, parent)] {
        let bad =
            CommitRecord { parent_commit_id: first, parent2_commit_id: second, ..good.clone() };
        assert_eq!(verify_commit(&bad).unwrap_err().code(), "bad_parents");
    }
}

#[test]
fn the_recorded_repository() {
    let ids = fixture("ids.json");
    for (snapshot, paths) in ids["snapshots"].as_object().unwrap() {
        assert_eq!(snapshot_id(&manifest(paths)).to_string(), *snapshot);
    }
    for commit in list(&ids, "commits") {
        let record = record(commit, id(&commit["commit_id"]));
        assert!(verify_commit(&record).is_ok(), "{}", commit["message"]);
    }
}

/// The table of `spec/wire.md` 1.7, which names its inputs in another way than the file.
#[test]
fn the_table() {
    let (a, b) = (ObjectId::of(b"A\n"), ObjectId::of(b"B\n"));
    let id_of = |entries: &[(&str, ObjectId)]| {
        snapshot_id(&entries.iter().map(|(path, id)| (path.parse().unwrap(), *id)).collect())
    };
    let (s0, s1) = (id_of(&[]), id_of(&[("a.txt", a), ("b/c.txt", b)]));
    let s2 = id_of(&[("größe.txt", a), ("～.txt", b), ("😀.txt", ObjectId::EMPTY)]);
    let s3 = id_of(&[("a b", a), ("a-b", b), ("a.txt", a), ("a/b.txt", b), ("a0", a)]);
    let late = "2026-11-21T12:34:56.789000+00:00";
    let c0 = commit_id(&[], &s1, "first", "2026-11-21T12:00:00+00:00");
    let c1 = commit_id(&[], &s1, "first", "2026-11-21T12:00:00.000001+00:00");
    let c2 = commit_id(&[], &s0, "subject\n\nbody ü\n", late);
    let c3 = commit_id(&[], &s0, "", late);
    let c4 = commit_id(&[c0], &s2, "second", late);
    let c5 = commit_id(&[c0, c4], &s3, "merge", late);
    assert_eq!(c5, commit_id(&[c4, c0], &s3, "merge", late));
    for (computed, written) in [
        (s0.to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (s1.to_string(), "fc4e5668f02f80ae12908a3426a34361302e248fd3699fc165ea25f730dc6ef8"),
        (s2.to_string(), "bbc192b0d831abb22cffe261b8677a5a2aba4012ce05ae387baf3e7a5b2dbf99"),
        (s3.to_string(), "a261771e5ee6b1aa9e7d8222c689f9b4820a44c2f868ba6d61f38b9986ace00d"),
        (c0.to_string(), "9e9ae45abed1def7a30c4e24d847f0af247a8be3768a5d96f04873a579ac3e48"),
        (c1.to_string(), "b2c7952d173e195817c3365cbd254832928cf657648e4fc1a3f93b71993b8f26"),
        (c2.to_string(), "800b6e92028503b8d206d2ea63959321a0fbfba34a98098cfee0e4b93f118373"),
        (c3.to_string(), "9020d77e68f91c00cb57c12a5075e7968e662facd1d4ca1a1ac03f35413f6671"),
        (c4.to_string(), "1fb6aba3c930fadf5e9146339855087d6453748adcf2ee927a571dde661f3fe6"),
        (c5.to_string(), "26608d45773f97b1da41ca6cac50707955ea5582616ee35271d5b22ecf290bbf"),
    ] {
        assert_eq!(computed, written);
    }
}
