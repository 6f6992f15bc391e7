//! Bodies of `push/objects`, walked.

use std::{convert::Infallible, io::Read};

use names::{Hasher, ObjectId};

use super::super::*;
use crate::{
    Limits, Value,
    msgpack::{self, Reader},
};

/// Hashes what it gets.
#[derive(Default)]
struct Hashing {
    declared: u64,
    hasher: Hasher,
    pieces: usize,
    seen: Vec<(ObjectId, ObjectId, u64)>,
}

impl ObjectSink for Hashing {
    type Error = Infallible;

    fn begin(&mut self, size_bytes: u64) -> Result<(), Infallible> {
        self.declared = size_bytes;
        self.hasher = Hasher::default();
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.hasher.update(bytes);
        self.pieces += 1;
        Ok(())
    }

    fn end(&mut self, claimed: ObjectId) -> Result<(), Infallible> {
        let found = ObjectId::from_bytes(std::mem::take(&mut self.hasher).finish());
        self.seen.push((claimed, found, self.declared));
        Ok(())
    }
}

fn walk(body: impl Read) -> Result<Hashing, ObjectsError<Infallible>> {
    let mut sink = Hashing::default();
    read_push_objects(&mut Reader::new(body), &mut sink)?;
    Ok(sink)
}

fn walk_json(body: &str) -> Result<Hashing, ObjectsError<Infallible>> {
    let mut sink = Hashing::default();
    read_push_objects_json(body.as_bytes(), &Limits::of_body(1 << 20), &mut sink)?;
    Ok(sink)
}

fn code<T>(result: Result<T, ObjectsError<Infallible>>) -> WireCode {
    match result {
        Err(ObjectsError::Refused(error)) => error.code,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("taken"),
    }
}

fn encode(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    msgpack::write_value(&mut bytes, value).unwrap();
    bytes
}

fn object(content: Value) -> Vec<(&'static str, Value)> {
    vec![("object_id", ObjectId::of(b"A\n").to_string().into()), ("content", content)]
}

fn request(object: Vec<(&'static str, Value)>) -> Vec<u8> {
    encode(&Value::map([("objects", Value::Array(vec![Value::map(object)]))]))
}

#[test]
fn the_recorded_upload_streams_and_every_hash_is_right() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/muse-wire/01-push-first/4-push-objects.request.bin"
    );
    let bytes = std::fs::read(path).unwrap();
    let sink = walk(&bytes[..]).unwrap();
    assert_eq!(sink.seen.len(), 9);
    assert!(sink.seen.iter().all(|(claimed, found, _)| claimed == found));
    assert!(sink.seen.iter().any(|(id, _, size)| *id == ObjectId::EMPTY && *size == 0));
    for end in 0..bytes.len() {
        if end < 2000 || end % 997 == 0 {
            assert_eq!(code(walk(&bytes[..end])), WireCode::Malformed, "{end}");
        }
    }
}

#[test]
fn keys_come_in_any_order_and_unknown_ones_are_ignored() {
    let mut backwards = object(Value::Bytes(b"A\n".to_vec()));
    backwards.reverse();
    backwards.insert(0, ("path", "a.txt".into()));
    let body = encode(&Value::map([
        ("more", Value::list([1i64])),
        ("objects", Value::Array(vec![Value::map(backwards)])),
        ("and", Value::Nil),
    ]));
    let sink = walk(&body[..]).unwrap();
    assert_eq!(sink.seen, [(ObjectId::of(b"A\n"), ObjectId::of(b"A\n"), 2)]);
    assert_eq!(
        walk(&encode(&Value::map([("objects", Value::Array(vec![]))]))[..]).unwrap().pieces,
        0
    );
}

#[test]
fn a_large_object_comes_in_small_pieces() {
    let len = 16 << 20;
    let mut head = Vec::new();
    msgpack::write_map_header(&mut head, 1).unwrap();
    msgpack::write_text(&mut head, "objects").unwrap();
    msgpack::write_array_header(&mut head, 1).unwrap();
    msgpack::write_map_header(&mut head, 2).unwrap();
    msgpack::write_text(&mut head, "object_id").unwrap();
    msgpack::write_text(&mut head, &ObjectId::EMPTY.to_string()).unwrap();
    msgpack::write_text(&mut head, "content").unwrap();
    msgpack::write_bytes_header(&mut head, len).unwrap();
    let sink = walk(head.chain(std::io::repeat(0).take(len.into()))).unwrap();
    assert!(sink.pieces >= 256, "{}", sink.pieces);
}

#[test]
fn what_is_no_upload_is_refused_with_its_code() {
    let bytes = || Value::Bytes(b"A\n".to_vec());
    let doubled = encode(&Value::map([("objects", Value::Array(vec![])), ("objects", Value::Nil)]));
    assert_eq!(code(walk(&doubled[..])), WireCode::Malformed);
    let twice = [object(bytes()), vec![("content", bytes())]].concat();
    assert_eq!(code(walk(&request(twice)[..])), WireCode::Malformed);
    let hidden = Value::map([("x", Value::map([("k", Value::Nil), ("k", Value::Nil)]))]);
    let with_hidden = [object(bytes()), vec![("path", hidden)]].concat();
    assert_eq!(code(walk(&request(with_hidden)[..])), WireCode::Malformed);

    assert_eq!(code(walk(&request(object("A\n".into()))[..])), WireCode::BadContent);
    assert_eq!(code(walk(&request(object(Value::Nil))[..])), WireCode::BadContent);
    assert_eq!(code(walk(&request(vec![("content", bytes())])[..])), WireCode::Malformed);
    assert_eq!(code(walk(&request(object(bytes())[..1].to_vec())[..])), WireCode::Malformed);
    let bad_id = vec![("object_id", Value::from("x")), ("content", bytes())];
    assert_eq!(code(walk(&request(bad_id)[..])), WireCode::BadId);
    assert_eq!(code(walk(&encode(&Value::Map(vec![]))[..])), WireCode::Malformed);
    assert_eq!(
        code(walk(&[request(object(bytes())), vec![0xc0]].concat()[..])),
        WireCode::Malformed
    );
}

#[test]
fn an_upload_above_a_limit_is_too_large_before_its_bytes_come() {
    let mut head = b"\x81\xa7objects".to_vec();
    msgpack::write_array_header(&mut head, 10_001).unwrap();
    assert_eq!(code(walk(&head[..])), WireCode::TooLarge);

    let mut head = b"\x81\xa7objects\x91\x81\xa7content".to_vec();
    msgpack::write_bytes_header(&mut head, (256 << 20) + 1).unwrap();
    assert_eq!(code(walk(&head[..])), WireCode::TooLarge);
}

#[test]
fn json_carries_base64() {
    let id = ObjectId::of(b"A\n");
    let body =
        |object: &str| format!(r#"{{"x":{{}},"objects":[{{"object_id":"{id}",{object}}}]}}"#);
    let sink = walk_json(&body(r#""content_b64":"QQo=","path":"a""#)).unwrap();
    assert_eq!(sink.seen, [(id, id, 2)]);
    assert_eq!(walk_json(&body(r#""content_b64":"""#)).unwrap().seen[0].1, ObjectId::EMPTY);
    for (object, expected) in [
        (r#""content":"A""#, WireCode::BadContent),
        (r#""content":"A","content_b64":"QQo=""#, WireCode::BadContent),
        (r#""content_b64":"QQo""#, WireCode::BadContent),
        (r#""content_b64":"Q-_=""#, WireCode::BadContent),
        (r#""content_b64":"QQp=""#, WireCode::BadContent),
        (r#""content_b64":7"#, WireCode::BadContent),
        (r#""path":"x""#, WireCode::Malformed),
        (r#""content_b64":"","content_b64":"""#, WireCode::Malformed),
    ] {
        assert_eq!(code(walk_json(&body(object))), expected, "{object}");
    }
    let many = format!(
        r#"{{"objects":[{}{{}}]}}"#,
        format!(r#"{{"object_id":"{id}","content_b64":""}},"#).repeat(10_000)
    );
    let mut sink = Hashing::default();
    let walked = read_push_objects_json(many.as_bytes(), &Limits::of_body(1 << 22), &mut sink);
    assert_eq!(code(walked), WireCode::TooLarge);
    for body in
        ["{}", "[]", r#"{"objects":1}"#, r#"{"objects":[]} 1"#, r#"{"objects":[],"objects":[]}"#]
    {
        assert_eq!(code(walk_json(body)), WireCode::Malformed, "{body}");
    }
}

#[test]
fn a_sink_that_takes_no_more_ends_the_walk() {
    struct Full;
    impl ObjectSink for Full {
        type Error = &'static str;
        fn begin(&mut self, _: u64) -> Result<(), Self::Error> {
            Err("full")
        }
        fn write(&mut self, _: &[u8]) -> Result<(), Self::Error> {
            Ok(())
        }
        fn end(&mut self, _: ObjectId) -> Result<(), Self::Error> {
            Ok(())
        }
    }
    let body = request(object(Value::Bytes(vec![1])));
    let ended = read_push_objects(&mut Reader::new(&body[..]), &mut Full);
    assert!(matches!(ended, Err(ObjectsError::Sink("full"))));
    let json = format!(r#"{{"objects":[{{"object_id":"{}","content_b64":""}}]}}"#, ObjectId::EMPTY);
    let ended = read_push_objects_json(json.as_bytes(), &Limits::of_body(1000), &mut Full);
    assert!(matches!(ended, Err(ObjectsError::Sink("full"))));
}

/// A push of one commit, with `objects` as they are; in an order that no client uses.
fn push(objects: &Value) -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/muse-wire/01-push-first/5-push.request.bin"
    );
    let bytes = std::fs::read(path).unwrap();
    let recorded = Value::from_msgpack_reader(&bytes[..], &Limits::of_body(1 << 20)).unwrap();
    let mut fields = Fields::of(recorded, "a push").unwrap();
    let (branch, force) = (fields.take("branch"), fields.take("force"));
    let mut bundle = Fields::of(fields.take("bundle").unwrap(), "a bundle").unwrap();
    let bundle = Value::map([
        ("objects", objects.clone()),
        ("branch_heads", Value::map([("main", Value::Nil)])),
        ("snapshots", bundle.take("snapshots").into()),
        ("commits", bundle.take("commits").into()),
    ]);
    Value::map([
        ("force", force.into()),
        ("bundle", bundle),
        ("more", 1i64.into()),
        ("branch", branch.into()),
    ])
}

/// What is read of a body in each format: the message, and what the sink got.
fn both(objects: [&Value; 2]) -> [Result<(PushRequest, Hashing), ObjectsError<Infallible>>; 2] {
    let mut packed = Hashing::default();
    let body = encode(&push(objects[0]));
    let from_msgpack = read_push(&mut Reader::new(&body[..]), &mut packed);
    let mut named = Hashing::default();
    let mut body = Vec::new();
    push(objects[1]).write_json(&mut body).unwrap();
    let from_json = read_push_json(&body[..], &Limits::of_body(1 << 22), &mut named);
    [from_msgpack.map(|it| (it, packed)), from_json.map(|it| (it, named))]
}

#[test]
fn the_objects_of_a_push_go_to_the_sink_and_the_rest_is_as_if_it_had_none() {
    let without = PushRequest::try_from(push(&Value::Nil)).unwrap();
    assert!(!without.commits.is_empty() && without.objects.is_empty());
    let content = vec![b'.'; 200_000];
    let one = |format| {
        let object_id = ObjectId::of(&content);
        Value::list([InlineObject { object_id, content: content.clone() }.into_value(format)])
    };
    for read in both([&one(Format::MessagePack), &one(Format::Json)]) {
        let (request, sink) = read.unwrap();
        assert_eq!(request, without);
        assert_eq!(sink.seen, [(ObjectId::of(&content), ObjectId::of(&content), 200_000)]);
        assert!(sink.pieces > 1);
    }
    for read in both([&Value::Nil, &Value::Nil]) {
        let (request, sink) = read.unwrap();
        assert_eq!((request, sink.pieces), (without.clone(), 0));
    }
}

#[test]
fn a_push_whose_objects_are_none_is_refused_like_an_upload_of_them() {
    let text = Value::list([Value::map(object("A".into()))]);
    for objects in [text, Value::list([Value::map(object(Value::Nil))])] {
        for read in both([&objects, &objects]) {
            assert!(matches!(code(read), WireCode::BadContent | WireCode::Malformed));
        }
    }
    for read in both([&"none".into(), &"none".into()]) {
        assert_eq!(code(read), WireCode::Malformed);
    }
    for body in [r#"{"branch":"main"}"#, r#"{"bundle":1,"branch":"main"}"#, r#"{"bundle":{}}"#] {
        let mut sink = Hashing::default();
        let read = read_push_json(body.as_bytes(), &Limits::of_body(1000), &mut sink);
        assert_eq!(code(read), WireCode::Malformed, "{body}");
    }
}

#[test]
fn base64_ends_where_it_ends() {
    let id = ObjectId::of(b"");
    for text in
        [format!("{}==", "A".repeat((64 << 10) - 2)), format!("{}QQ==", "A".repeat(64 << 10))]
    {
        for (text, is_taken) in [(text.clone(), true), (format!("{text}AAAA"), false)] {
            let body = format!(r#"{{"objects":[{{"content_b64":"{text}","object_id":"{id}"}}]}}"#);
            let walked = walk_json(&body);
            assert_eq!(walked.is_ok(), is_taken, "{}", text.len());
        }
    }
}
