//! JSON against the rules of `spec/wire.md` 3.

use proptest::prelude::*;

use super::*;
use crate::MAX_DEPTH;

fn decode(json: impl AsRef<[u8]>) -> Result<Value, DecodeError> {
    Value::from_json_slice(json.as_ref(), &Limits::of_body(1 << 20))
}

fn encode(value: &Value) -> String {
    let mut bytes = Vec::new();
    value.write_json(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn json_becomes_values() {
    let json = r#"{"b":[null,true,-1,18446744073709551615,1.5,"ü\n"],"a":{}}"#;
    let value = Value::map([
        (
            "b",
            Value::Array(vec![
                Value::Nil,
                Value::Bool(true),
                Value::Int(-1),
                Value::UInt(u64::MAX),
                Value::Float(1.5),
                Value::from("ü\n"),
            ]),
        ),
        ("a", Value::Map(vec![])),
    ]);
    assert_eq!(decode(json).unwrap(), value);
    assert_eq!(encode(&value), json);
    assert_eq!(encode(&Value::Bytes(vec![0xfb, 0xff, 0])), r#""+/8A""#);
    assert_eq!(encode(&Value::Float(f64::NAN)), "null");
}

#[test]
fn what_the_wire_forbids_is_refused() {
    for (json, why) in [
        (&br#"{"a":1,"a":2}"#[..], "the key `a` occurs twice in a map"),
        (br#"{"x":[{"a":1,"b":3,"\u0061":2}]}"#, "the key `a` occurs twice in a map"),
        (b"{} {}", "trailing characters"),
        (b"[1,]", "trailing comma"),
        (b"\"\xff\"", "invalid unicode"),
        (br#""\ud800""#, "line 1 column"),
        (b"{\"\xc3\x28\":1}", "invalid unicode"),
        (b"", "EOF"),
        (b"NaN", "expected value"),
        (b"\xef\xbb\xbf{}", "expected value"),
    ] {
        let error = decode(json).unwrap_err();
        assert!(matches!(error, DecodeError::Malformed { .. }), "{error:?}");
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[test]
fn nesting_64_is_taken_and_65_is_not() {
    let lists = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let maps = |depth: usize| "{\"k\":".repeat(depth - 1) + "{}" + &"}".repeat(depth - 1);
    for nested in [lists, maps] {
        decode(nested(MAX_DEPTH)).unwrap();
        let refused = decode(nested(MAX_DEPTH + 1)).unwrap_err().to_string();
        assert!(refused.contains("nested more than 64 deep"), "{refused}");
        decode(nested(100_000)).unwrap_err();
    }
}

#[test]
fn a_text_cut_anywhere_is_malformed() {
    let whole = r#"{"a":["x","ü",1.5],"b":{"c":null}}"#.as_bytes();
    for end in 0..whole.len() {
        let error = decode(&whole[..end]).unwrap_err();
        assert!(matches!(error, DecodeError::Malformed { .. }), "{end}: {error:?}");
    }
}

#[test]
fn limits_hold_for_the_body_and_for_its_weight() {
    let small = Limits { body_bytes: 4, memory_bytes: 1000, scale: None };
    let error = Value::from_json_slice(b"[1, 2]", &small).unwrap_err();
    assert_eq!(error.to_string(), "the body is above the limit of 4 bytes");

    let ones = format!("[{}1]", "1,".repeat(10_000));
    let error = Value::from_json_slice(ones.as_bytes(), &Limits::of_body(20_010)).unwrap_err();
    assert!(matches!(error, DecodeError::TooLarge { .. }), "{error:?}");
}

#[test]
fn a_failing_reader_is_not_a_malformed_message() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::ConnectionReset.into())
        }
    }
    let error = Value::from_json_reader(Broken, &Limits::of_body(10)).unwrap_err();
    assert!(matches!(error, DecodeError::Io(_)), "{error:?}");
}

/// Whether JSON has a form for all of it that comes back as it was.
fn survives_json(value: &Value) -> bool {
    match value {
        Value::Bytes(_) | Value::Float(_) => false,
        Value::Array(items) => items.iter().all(survives_json),
        Value::Map(entries) => entries.iter().all(|(_, value)| survives_json(value)),
        Value::Nil | Value::Bool(_) | Value::Int(_) | Value::UInt(_) | Value::Text(_) => true,
    }
}

proptest! {
    #[test]
    fn a_value_goes_there_and_back(value in msgpack::tests::any_value()) {
        let json = encode(&value);
        let back = decode(json).unwrap();
        if survives_json(&value) {
            prop_assert_eq!(back, value);
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(decode(bytes));
    }
}

/// Takes part in what several bodies weigh together, and has little room.
#[derive(Debug)]
struct Narrow(u64);

impl crate::Scale for Narrow {
    fn weigh(&self, weight_bytes: u64) -> std::io::Result<()> {
        if weight_bytes <= self.0 { Ok(()) } else { Err(std::io::Error::other("no room")) }
    }
}

#[test]
fn whoever_counts_several_bodies_is_asked_first() {
    let json = format!(r#"["{}"]"#, "x".repeat(100_000));
    let mut packed = Vec::new();
    msgpack::write_value(&mut packed, &Value::list(["x".repeat(100_000)])).unwrap();
    // The parser of JSON collects a text before it is kept, and both are counted.
    for (room, takes) in
        [(50_000, [false, false]), (120_000, [true, false]), (250_000, [true, true])]
    {
        let limits =
            Limits { scale: Some(std::sync::Arc::new(Narrow(room))), ..Limits::of_body(1 << 20) };
        let read = [
            Value::from_msgpack_reader(&packed[..], &limits),
            Value::from_json_slice(json.as_bytes(), &limits),
        ];
        for (read, takes) in read.into_iter().zip(takes) {
            match read {
                Ok(_) => assert!(takes, "{room}"),
                Err(DecodeError::Io(error)) => {
                    assert!(!takes && error.to_string() == "no room", "{room}");
                }
                Err(other) => panic!("{other:?}"),
            }
        }
    }
}
