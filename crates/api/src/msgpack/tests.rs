//! The codec against the rules of `spec/wire.md` 3.

use std::io::{self, Read};

use proptest::prelude::*;

use super::*;
use crate::{DecodeError, Limits, MAX_DEPTH, Value};

fn limits() -> Limits {
    Limits::of_body(1 << 20)
}

fn decode(bytes: &[u8]) -> Result<Value, DecodeError> {
    Value::from_msgpack_reader(bytes, &limits())
}

/// The same bytes, passed over instead of kept.
fn skip(bytes: &[u8]) -> Result<(), DecodeError> {
    let mut reader = Reader::with_limits(bytes, limits());
    reader.skip(0)?;
    reader.end()
}

fn encode(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_value(&mut bytes, value).unwrap();
    assert_eq!(encoded_len(value), bytes.len() as u64);
    bytes
}

/// Gives one byte at a time, as a slow network may.
struct Dribble<'a>(&'a [u8]);

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(1);
        self.0.read(&mut buffer[..most])
    }
}

#[test]
fn numbers_lengths_and_headers_are_written_in_their_shortest_form() {
    for (value, bytes) in [
        (Value::from(0i64), &[0x00][..]),
        (Value::from(127i64), &[0x7f]),
        (Value::from(128i64), &[0xcc, 0x80]),
        (Value::from(256i64), &[0xcd, 1, 0]),
        (Value::from(65_536i64), &[0xce, 0, 1, 0, 0]),
        (Value::from(1i64 << 32), &[0xcf, 0, 0, 0, 1, 0, 0, 0, 0]),
        (Value::from(u64::MAX), &[0xcf, 255, 255, 255, 255, 255, 255, 255, 255]),
        (Value::from(-1i64), &[0xff]),
        (Value::from(-32i64), &[0xe0]),
        (Value::from(-33i64), &[0xd0, 0xdf]),
        (Value::from(-129i64), &[0xd1, 0xff, 0x7f]),
        (Value::from(-32_769i64), &[0xd2, 0xff, 0xff, 0x7f, 0xff]),
        (Value::from(i64::MIN), &[0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        (Value::Nil, &[0xc0]),
        (Value::Bool(true), &[0xc3]),
        (Value::Float(1.5), &[0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]),
        (Value::Bytes(vec![7]), &[0xc4, 1, 7]),
        (Value::map([("a", Value::Array(vec![]))]), &[0x81, 0xa1, b'a', 0x90]),
    ] {
        assert_eq!(encode(&value), bytes, "{value:?}");
        assert_eq!(decode(bytes).unwrap(), value);
    }
    for (len, head) in
        [(31, &[0xbf][..]), (32, &[0xd9, 32]), (256, &[0xda, 1, 0]), (65_536, &[0xdb, 0, 1, 0, 0])]
    {
        let value = Value::Text("x".repeat(len));
        assert!(encode(&value).starts_with(head), "{len}");
        assert_eq!(decode(&encode(&value)).unwrap(), value);
    }
    for (len, head) in [(15, &[0x9f][..]), (16, &[0xdc, 0, 16]), (65_536, &[0xdd, 0, 1, 0, 0])] {
        assert!(encode(&Value::Array(vec![Value::Nil; len])).starts_with(head), "{len}");
    }
}

#[test]
fn longer_forms_of_a_number_are_accepted() {
    for bytes in [
        &[0xcc, 5][..],
        &[0xcd, 0, 5],
        &[0xce, 0, 0, 0, 5],
        &[0xcf, 0, 0, 0, 0, 0, 0, 0, 5],
        &[0xd0, 5],
        &[0xd1, 0, 5],
        &[0xd2, 0, 0, 0, 5],
        &[0xd3, 0, 0, 0, 0, 0, 0, 0, 5],
    ] {
        assert_eq!(decode(bytes).unwrap(), Value::Int(5));
    }
    assert_eq!(decode(&[0xca, 0x3f, 0xc0, 0, 0]).unwrap(), Value::Float(1.5));
}

#[test]
fn what_the_wire_forbids_is_refused_kept_or_skipped() {
    for (bytes, why) in [
        (&[][..], "the message ends in the middle of an item (byte 0)"),
        (&[0xc1], "the byte c1 has no meaning in MessagePack (byte 0)"),
        (&[0xd4, 1, 2], "MessagePack extension types are not taken (byte 0)"),
        (&[0x91, 0xc7, 0, 1], "MessagePack extension types are not taken (byte 1)"),
        (&[0x81, 0xd6, 0xff, 0, 0, 0, 0, 1], "extension types are not taken (byte 1)"),
        (&[0xa2, b'x', 0xff], "text is not valid UTF-8"),
        (&[0xa1, 0xc3], "text is not valid UTF-8"),
        (&[0x81, 0xa1, 0x80, 0xc0], "text is not valid UTF-8"),
        (&[0x81, 1, 2], "a number stands where text should (byte 1)"),
        (&[0x82, 0xa1, b'a', 1, 0xa1, b'a', 2], "the key `a` occurs twice in a map"),
        (&[0x91, 0x82, 0xa1, b'\n', 1, 0xa1, b'\n', 2], "the key `\\u{a}` occurs twice"),
        (&[0xc0, 0xc0], "bytes follow the end of the message (byte 1)"),
        (&[0x92, 0xc0], "the message ends in the middle of an item (byte 2)"),
    ] {
        let kept = decode(bytes).unwrap_err();
        assert!(matches!(kept, DecodeError::Malformed { .. }), "{kept:?}");
        assert!(kept.to_string().contains(why), "{bytes:x?}: {kept}");
        let skipped = skip(bytes).unwrap_err().to_string();
        assert!(skipped.contains(why), "{bytes:x?} skipped: {skipped}");
    }
}

#[test]
fn nesting_64_is_taken_and_65_is_not() {
    let lists = |depth: usize| [vec![0x91; depth - 1], vec![0x90]].concat();
    let maps = |depth: usize| [b"\x81\xa1k".repeat(depth - 1), vec![0x80]].concat();
    for nested in [lists, maps] {
        decode(&nested(MAX_DEPTH)).unwrap();
        skip(&nested(MAX_DEPTH)).unwrap();
        let refused = decode(&nested(MAX_DEPTH + 1)).unwrap_err().to_string();
        assert!(refused.contains("nested more than 64 deep"), "{refused}");
        skip(&nested(MAX_DEPTH + 1)).unwrap_err();
        decode(&nested(100_000)).unwrap_err();
    }
}

#[test]
fn a_message_cut_anywhere_is_malformed() {
    let whole = encode(&Value::map([
        ("text", Value::from("größe".repeat(20))),
        ("bytes", Value::Bytes(vec![1; 300])),
        ("numbers", Value::list([1i64, 300, -70_000, i64::MAX])),
        ("more", Value::map([("f", Value::Float(0.5)), ("n", Value::Nil)])),
    ]));
    assert_eq!(
        decode(&whole).unwrap(),
        Value::from_msgpack_reader(Dribble(&whole), &limits()).unwrap()
    );
    for end in 0..whole.len() {
        let error = decode(&whole[..end]).unwrap_err();
        assert!(matches!(error, DecodeError::Malformed { .. }), "{end}: {error:?}");
        skip(&whole[..end]).unwrap_err();
    }
}

#[test]
fn a_length_of_4_gib_on_a_short_body_fails_without_memory() {
    for marker in [0xdb, 0xc6, 0xdd, 0xdf] {
        let bytes = [marker, 0xff, 0xff, 0xff, 0xff, 0xc0];
        decode(&bytes).unwrap_err();
        skip(&bytes).unwrap_err();
        let huge = Limits { body_bytes: u64::MAX, memory_bytes: u64::MAX, scale: None };
        let error = Value::from_msgpack_reader(&bytes[..], &huge).unwrap_err();
        assert!(matches!(error, DecodeError::Malformed { .. }), "{error:?}");
    }
}

#[test]
fn limits_hold_for_the_body_and_for_its_weight() {
    let small = Limits { body_bytes: 10, memory_bytes: 1000, scale: None };
    let long = encode(&Value::from("0123456789"));
    let error = Value::from_msgpack_reader(&long[..], &small).unwrap_err();
    assert_eq!(error.to_string(), "the body is above the limit of 10 bytes");

    let nils = encode(&Value::Array(vec![Value::Nil; 10_000]));
    let error = Value::from_msgpack_reader(&nils[..], &Limits::of_body(10_010)).unwrap_err();
    assert!(matches!(error, DecodeError::TooLarge { .. }), "{error:?}");
    // Skipping keeps nothing, so it weighs nothing.
    skip(&nils).unwrap();
}

#[test]
fn bytes_stream_in_pieces() {
    let len = 8 << 20;
    let mut head = Vec::new();
    write_bytes_header(&mut head, len).unwrap();
    let body = head.chain(io::repeat(7).take(len.into()));
    let mut reader = Reader::new(body);
    assert_eq!(reader.peek().unwrap(), Kind::Bytes);
    assert_eq!(reader.bytes_header().unwrap(), len);
    let (mut total, mut largest) = (0, 0);
    reader
        .copy_bytes::<DecodeError>(len, &mut |piece| {
            total += piece.len();
            largest = largest.max(piece.len());
            Ok(())
        })
        .unwrap();
    reader.end().unwrap();
    assert_eq!((total, reader.offset()), (8 << 20, (8 << 20) + 5));
    assert!(largest <= 64 * 1024);
}

#[test]
fn items_can_be_pulled_one_by_one() {
    let bytes = encode(&Value::map([("list", Value::list([1i64])), ("text", "abc".into())]));
    let mut reader = Reader::new(&bytes[..]);
    assert_eq!(reader.map_header().unwrap(), 2);
    assert_eq!(reader.key().unwrap(), "list");
    assert_eq!(reader.array_header().unwrap(), 1);
    assert_eq!(reader.value(2).unwrap(), Value::Int(1));
    assert_eq!(reader.key().unwrap(), "text");
    let error = reader.text(2).unwrap_err().to_string();
    assert!(error.contains("text of 3 bytes stands where at most 2 may"), "{error}");

    let long = encode(&Value::from("k".repeat(1025)));
    Reader::new(&long[..]).key().unwrap_err();
    let error = Reader::new(&[0xc0][..]).map_header().unwrap_err().to_string();
    assert_eq!(error, "nil stands where a map should (byte 0)");
}

#[test]
fn a_failing_reader_is_not_a_malformed_message() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
    let body = (&[0x92, 0xc0][..]).chain(Broken);
    let error = Value::from_msgpack_reader(body, &limits()).unwrap_err();
    assert!(matches!(error, DecodeError::Io(_)), "{error:?}");
}

/// Any value that a message can hold.
pub(crate) fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<i8>().prop_map(|small| Value::Int(small.into())),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("a NaN equals nothing", |f| !f.is_nan()).prop_map(Value::Float),
        ".{0,40}".prop_map(Value::Text),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(5, 64, 8, |inside| {
        prop_oneof![
            prop::collection::vec(inside.clone(), 0..20).prop_map(Value::Array),
            prop::collection::btree_map(".{0,8}", inside, 0..20).prop_map(Value::map),
        ]
    })
}

proptest! {
    #[test]
    fn a_value_goes_there_and_back(value in any_value()) {
        let bytes = encode(&value);
        skip(&bytes).unwrap();
        prop_assert_eq!(Value::from_msgpack_reader(Dribble(&bytes), &limits()).unwrap(), value);
    }

    #[test]
    fn random_bytes_are_refused_or_read_the_same_way_twice(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let kept = decode(&bytes);
        prop_assert_eq!(kept.is_ok(), skip(&bytes).is_ok());
        if let Ok(value) = kept {
            encode(&value);
        }
    }
}
