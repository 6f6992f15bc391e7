//! The messages of wire 1: recorded bytes, defaults, refusals, limits.

mod beside;
mod fixtures;
mod objects;

use names::{CommitId, ObjectId, RepoPath, SnapshotId};

use super::*;
use crate::{CommitRecord, SnapshotRecord, Value};

fn id(byte: u8) -> String {
    CommitId::from_bytes([byte; 32]).to_string()
}

/// A commit with the required keys and `more`.
fn commit(more: &[(&str, Value)]) -> Value {
    let required = [
        ("commit_id", id(1).into()),
        ("snapshot_id", id(2).into()),
        ("message", Value::from("one\ntwo")),
        ("committed_at", "2026-11-21T12:00:00+00:00".into()),
    ];
    let kept = required.into_iter().filter(|(key, _)| more.iter().all(|(other, _)| other != key));
    Value::map(kept.chain(more.iter().cloned()))
}

fn refusal(value: Value) -> WireError {
    CommitRecord::try_from(value).unwrap_err()
}

#[test]
fn a_commit_takes_the_defaults_of_absent_keys_and_is_written_whole() {
    let record = CommitRecord::try_from(commit(&[("unknown", Value::Bool(true))])).unwrap();
    assert_eq!(record.sem_ver_bump, "none");
    assert_eq!((record.format_version, record.test_runs), (1, 0));
    assert_eq!(record.parents().count(), 0);
    let Value::Map(entries) = Value::from(record.clone()) else { panic!("a record is a map") };
    let keys: Vec<&str> = entries.iter().map(|(key, _)| key.as_str()).collect();
    let table = "commit_id repo_id branch snapshot_id message committed_at parent_commit_id \
        parent2_commit_id author metadata structured_delta sem_ver_bump breaking_changes agent_id \
        model_id toolchain_id prompt_hash signature signer_key_id format_version reviewed_by test_runs";
    assert_eq!(keys.join(" "), table);
    assert!(entries.contains(&("parent_commit_id".to_owned(), Value::Nil)));
    assert!(entries.contains(&("structured_delta".to_owned(), Value::Nil)));
    assert_eq!(CommitRecord::try_from(Value::Map(entries)).unwrap(), record);
}

#[test]
fn a_commit_of_wrong_shape_is_refused_with_its_key() {
    for (key, value, code, words) in [
        ("commit_id", Value::from("../etc"), WireCode::BadId, "in `commit_id`: an id is 64"),
        ("commit_id", id(0xab).to_uppercase().into(), WireCode::BadId, "not `ABAB"),
        ("snapshot_id", Value::Bytes(vec![2; 32]), WireCode::BadId, "not bytes"),
        ("parent_commit_id", Value::from(""), WireCode::BadId, "in `parent_commit_id`"),
        ("snapshot_id", Value::Nil, WireCode::Malformed, "a commit needs `snapshot_id`"),
        (
            "message",
            Value::Int(1),
            WireCode::Malformed,
            "`message` of a commit is text, not a number",
        ),
        ("committed_at", Value::Nil, WireCode::Malformed, "needs `committed_at`"),
        ("author", Value::Array(vec![]), WireCode::Malformed, "not a list"),
        ("metadata", Value::map([("a\r", 1i64.into())]), WireCode::Malformed, "`a\\u{d}` in"),
        ("structured_delta", Value::from("x"), WireCode::Malformed, "is a map, not text"),
        ("sem_ver_bump", Value::from("huge"), WireCode::Malformed, "not `huge`"),
        ("reviewed_by", Value::list([1i64]), WireCode::Malformed, "`reviewed_by`"),
        ("format_version", Value::from(u64::MAX), WireCode::Malformed, "too large a number"),
        ("test_runs", Value::Float(1.0), WireCode::Malformed, "a whole number"),
    ] {
        let error = refusal(commit(&[(key, value)]));
        assert_eq!(error.code, code, "{error}");
        assert!(error.sentence.contains(words), "{error}");
    }
    assert_eq!(refusal(Value::Nil).sentence, "a commit is a map, not null");
}

#[test]
fn a_commit_above_a_limit_is_too_large_and_at_it_is_not() {
    let text = |len: usize| Value::from("x".repeat(len));
    let texts = |count: usize| Value::Array(vec![text(1); count]);
    let pairs = |count: usize| Value::map((0..count).map(|n| (n.to_string(), text(1))));
    let pair = |len: usize| Value::map([("k", text(len - 1))]);
    for (key, at, above) in [
        ("message", text(256 << 10), text((256 << 10) + 1)),
        ("author", text(1024), text(1025)),
        ("agent_id", text(1024), text(1025)),
        ("signature", text(1024), text(1025)),
        ("metadata", pairs(64), pairs(65)),
        ("metadata", pair(4096), pair(4097)),
        ("breaking_changes", texts(10_000), texts(10_001)),
        ("reviewed_by", texts(1000), texts(1001)),
    ] {
        CommitRecord::try_from(commit(&[(key, at)])).unwrap();
        let error = refusal(commit(&[(key, above)]));
        assert_eq!(error.code, WireCode::TooLarge, "{error}");
        assert!(error.sentence.contains(key) && error.sentence.contains("limit"), "{error}");
    }
}

fn snapshot(files: impl IntoIterator<Item = (String, Value)>) -> Result<SnapshotRecord, WireError> {
    let record = [("snapshot_id", Value::from(id(3))), ("manifest", Value::map(files))];
    SnapshotRecord::try_from(Value::map(record))
}

#[test]
fn a_manifest_holds_paths_and_ids() {
    let record =
        snapshot([("b/ü".to_owned(), id(4).into()), ("a".to_owned(), id(5).into())]).unwrap();
    let paths: Vec<&str> = record.manifest.keys().map(RepoPath::as_str).collect();
    assert_eq!(paths, ["a", "b/ü"]);
    assert_eq!(record.snapshot_id, SnapshotId::from_bytes([3; 32]));
    assert_eq!(SnapshotRecord::try_from(Value::from(record.clone())).unwrap(), record);

    for path in ["../x", "/x", ".MUSE/HEAD", "a/./b", "git~1"] {
        let error = snapshot([(path.to_owned(), id(4).into())]).unwrap_err();
        assert_eq!(error.code, WireCode::BadPath);
        assert!(error.sentence.starts_with(&format!("`{path}`: ")), "{error}");
    }
    let error = snapshot([("/a\nb\u{202e}".to_owned(), id(4).into())]).unwrap_err();
    assert!(error.sentence.starts_with("`/a\\u{a}b\\u{202e}`: "), "{error}");
    let error = snapshot([("a".to_owned(), "x".into())]).unwrap_err();
    assert_eq!(error.code, WireCode::BadId);
    let none =
        SnapshotRecord::try_from(Value::map([("snapshot_id", id(3))].map(|(k, v)| (k, v.into()))));
    assert_eq!(none.unwrap_err().code, WireCode::Malformed);
}

#[test]
fn a_presign_says_which_way_and_for_how_long() {
    let presign = |direction: &str, ttl: Value| {
        Presign::try_from(Value::map([
            ("object_ids", Value::list([id(1)])),
            ("direction", direction.into()),
            ("ttl_seconds", ttl),
        ]))
    };
    let request = presign("put", Value::Nil).unwrap();
    assert_eq!((request.direction, request.ttl_seconds), (Direction::Put, 3600));
    assert_eq!(Presign::try_from(Value::from(request.clone())).unwrap(), request);
    assert_eq!(presign("get", 30i64.into()).unwrap().direction, Direction::Get);
    for (direction, ttl) in [("post", 60i64), ("put", 29), ("put", 3601), ("put", -1)] {
        assert_eq!(presign(direction, ttl.into()).unwrap_err().code, WireCode::Malformed);
    }
}

#[test]
fn lists_of_ids_are_bounded_and_hold_ids_only() {
    let body = |count: usize| Value::map([("object_ids", Value::Array(vec![id(1).into(); count]))]);
    assert_eq!(ObjectIds::parse(body(3), 3).unwrap().object_ids.len(), 3);
    let error = ObjectIds::parse(body(4), 3).unwrap_err();
    assert_eq!(error.code, WireCode::TooLarge);
    assert_eq!(error.sentence, "4 items in `object_ids` of the request: the limit is 3");
    let absent = ObjectIds::parse(Value::Map(vec![]), 3).unwrap_err();
    assert_eq!(absent.to_string(), "malformed: the request needs `object_ids`");

    let wants = |want: Value| {
        Negotiate::try_from(Value::map([("want", want), ("have", Value::Array(vec![]))]))
    };
    assert_eq!(wants(Value::list(["main"])).unwrap_err().code, WireCode::BadId);
    assert_eq!(wants(Value::list(vec![id(1); 10_001])).unwrap_err().code, WireCode::TooLarge);
    assert_eq!(wants(Value::list([id(1)])).unwrap().want, [CommitId::from_bytes([1; 32])]);
}

#[test]
fn answers_come_back_as_they_were() {
    let (commit, object) = (CommitId::from_bytes([1; 32]), ObjectId::from_bytes([2; 32]));
    let heads = vec![("z".to_owned(), commit), ("a/b".to_owned(), commit)];
    let refs = Refs {
        repo_id: "r".into(),
        domain: "code".into(),
        default_branch: "z".into(),
        branch_heads: heads.clone(),
    };
    assert_eq!(Refs::try_from(Value::from(refs.clone())).unwrap(), refs);
    let presigned =
        Presigned { presigned: vec![(object, "https://x/o".into())], inline: vec![object] };
    assert_eq!(Presigned::try_from(Value::from(presigned.clone())).unwrap(), presigned);
    let confirmed = Confirmed { pending: vec![object], ..Confirmed::default() };
    assert_eq!(Confirmed::try_from(Value::from(confirmed.clone())).unwrap(), confirmed);
    for common_base in [None, Some(commit)] {
        let negotiated = Negotiated { ack: vec![commit], common_base, ready: true };
        assert_eq!(Negotiated::try_from(Value::from(negotiated.clone())).unwrap(), negotiated);
    }
    let content = vec![0, 255];
    for format in [Format::MessagePack, Format::Json] {
        let answer = FetchAnswer {
            commits: vec![],
            snapshots: vec![],
            objects: vec![InlineObject { object_id: object, content: content.clone() }],
            branch_heads: heads.clone(),
        };
        let mut bytes = Vec::new();
        format.write(&mut bytes, &answer.clone().into_value(format)).unwrap();
        let value = format.read(&bytes[..], &crate::Limits::of_body(10_000)).unwrap();
        assert_eq!(FetchAnswer::try_from(value).unwrap(), answer);
    }
}

#[test]
fn the_headers_choose_the_format() {
    use Format::{Json, MessagePack};
    for (content_type, format) in [
        (Some("application/x-msgpack"), MessagePack),
        (Some("application/MsgPack; v=1"), MessagePack),
        (Some("application/json"), Json),
        (None, Json),
    ] {
        assert_eq!(Format::of_content_type(content_type), format);
    }
    for (accept, format) in [
        (Some("application/x-msgpack, application/json"), MessagePack),
        (Some("text/html, application/vnd.msgpack;q=0.1"), MessagePack),
        (Some("application/msgpack"), MessagePack),
        (Some("*/*"), Json),
        (None, Json),
    ] {
        assert_eq!(Format::of_accept(accept), format);
    }
}

#[test]
fn each_code_has_one_text_and_a_refusing_status() {
    let texts: std::collections::BTreeSet<&str> =
        WireCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(texts.len(), WireCode::ALL.len());
    assert!(WireCode::ALL.iter().all(|code| (400..=503).contains(&code.status())));
    assert_eq!(WireCode::Archived.status(), 403);
    assert_eq!(WireCode::UnknownParent.status(), 409);
}

#[test]
fn an_error_line_is_one_line_of_at_most_400_bytes() {
    let line = WireError::new(WireCode::BadPath, "`a\nb`").line("r-1");
    assert_eq!(line, "bad_path: `a\\u{a}b` (request r-1)");
    for sentence in ["x".repeat(500), "ü".repeat(300), "\n".repeat(500)] {
        let line = WireError::new(WireCode::Malformed, sentence).line("r-1");
        assert!(line.len() <= 400 && line.len() > 380 && !line.contains('\n'), "{}", line.len());
        assert!(line.ends_with("… (request r-1)"), "{line}");
    }
}
