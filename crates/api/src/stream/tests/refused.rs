//! Streams that nobody honest sends (`spec/wire.md` 11, 13).

use super::{super::*, begin, read, sample};

/// A stream of our own up to its first frame, and then `frames` as they are.
fn after_begin(frames: &[u8]) -> Vec<u8> {
    let mut writer = Writer::begin(begin()).unwrap();
    [&writer.take_written()[..], frames].concat()
}

fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[kind, flags], &length[..], payload].concat()
}

fn refusal(bytes: &[u8]) -> String {
    let (_, ended) = read(bytes, 64);
    match ended.unwrap_err() {
        StreamError::Cut { .. } => "cut".to_owned(),
        StreamError::Digest => "digest".to_owned(),
        StreamError::Malformed { what, .. } => format!("malformed: {what}"),
        StreamError::TooLarge { what, .. } => format!("too large: {what}"),
    }
}

#[test]
fn a_frame_that_declares_more_than_it_may_is_refused_by_its_head() {
    // 4 GiB unpacked, in a payload of a few bytes.
    let bomb = frame(6, 1, &[0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0xff, 0xff, 0xff, 0xff]);
    assert!(refusal(&after_begin(&bomb)).starts_with("too large: a payload declares 4294967295"));
    // 4 GiB as it is: nothing of it has to come for that to be seen.
    let long = [&[6, 0][..], &u32::MAX.to_be_bytes()].concat();
    assert!(refusal(&after_begin(&long)).starts_with("too large: a payload of 4294967295"));
    let huge_window = [0x28, 0xb5, 0x2f, 0xfd, 0x80, 0xff, 9, 0, 0, 0];
    assert!(refusal(&after_begin(&frame(6, 1, &huge_window))).contains("a window of"));
    let commits = frame(2, 0, &[&[0xdc, 0x01, 0xf5][..], &[0xc0; 501]].concat());
    assert!(refusal(&after_begin(&commits)).starts_with("too large: 501 commits"));
    let small = [&[7; 32][..], &(256_u32 << 10 | 1).to_be_bytes()].concat();
    assert!(refusal(&after_begin(&frame(4, 0, &small))).starts_with("too large: a small object"));
}

#[test]
fn a_decoder_keeps_no_more_than_one_payload_whatever_is_declared() {
    let mut decoder = Decoder::default();
    decoder.feed(&after_begin(&frame(0x7f, 0x80, &vec![1; limits::PAYLOAD_BYTES])));
    assert!(matches!(decoder.next_frame(), Ok(Some(Frame::Begin(_)))));
    assert_eq!(decoder.next_frame(), Ok(None), "a frame of a type that may be left out");
    let offset = decoder.offset();
    for _ in 0..64 {
        decoder.feed(&frame(0x7f, 0x80, &vec![2; limits::PAYLOAD_BYTES]));
        assert_eq!(decoder.next_frame(), Ok(None));
    }
    assert_eq!(decoder.offset() - offset, 64 * (limits::PAYLOAD_BYTES as u64 + 6));
    assert!(decoder.kept() <= 2 * (limits::PAYLOAD_BYTES + 6));
}

#[test]
fn frames_out_of_their_order_are_refused() {
    let id = [7; 32];
    let object = |size: u8, offset: u8| {
        let head = [&[0x83, 0xa2][..], b"id", &[0xc4, 32], &id].concat();
        let rest = [&[0xa4][..], b"size", &[size, 0xa6], b"offset", &[offset]].concat();
        frame(5, 0, &[head, rest].concat())
    };
    let cursor = || frame(8, 0, b"on");
    for (frames, expected) in [
        (frame(1, 0, &[0x80]), "no stream of protocol 2"),
        (frame(6, 0, b"x"), "follow its head"),
        (frame(7, 0, &id), "follow its head"),
        ([object(3, 0), frame(4, 0, &[0; 36])].concat(), "lacks its end"),
        ([object(3, 0), cursor(), cursor()].concat(), "where it stopped"),
        ([object(3, 0), frame(6, 0, b"a"), cursor(), object(3, 0)].concat(), "where it stopped"),
        ([object(3, 0), frame(6, 0, b"long")].concat(), "more bytes than its head says"),
        ([object(3, 0), frame(6, 0, b"ab"), frame(7, 0, &id)].concat(), "ends before its end"),
        ([object(0, 0), frame(7, 0, &[8; 32])].concat(), "ends before its end"),
        (object(3, 4), "behind its end"),
        (frame(6, 0, b""), "holds some"),
        (frame(4, 0, b""), "holds some"),
        (frame(4, 0, &[1; 40]), "too large"),
        (frame(8, 0, &[b'c'; 513]), "a cursor has 1 to 512"),
        (frame(0x20, 0, b""), "unknown type 20"),
        (frame(8, 2, b"on"), "unknown flags 02"),
    ] {
        let refused = refusal(&after_begin(&frames));
        assert!(refused.contains(expected), "{refused} is not {expected}");
    }
    // What may stand anywhere, and what nobody has to know.
    let progress = || frame(0x0a, 0x80, &[0x80]);
    let fine = [object(2, 0), progress(), frame(6, 0, b"ab"), frame(0x55, 0x80, b"?")].concat();
    let fine = [fine, frame(7, 0, &id), cursor()].concat();
    // An object that is longer than a page goes on behind a cursor.
    let paused = [object(2, 0), frame(6, 0, b"a"), cursor(), object(2, 1)].concat();
    let fine = [fine, paused, frame(6, 0, b"b"), frame(7, 0, &id)].concat();
    assert_eq!(refusal(&after_begin(&fine)), "cut");
}

#[test]
fn an_end_that_says_something_else_than_came_is_refused() {
    let (bytes, _) = sample();
    assert_eq!(read(&bytes, 512).1, Ok(()));
    // Another digest, another byte somewhere, another count.
    let mut digest = bytes.clone();
    *digest.last_mut().unwrap() ^= 1;
    assert_eq!(refusal(&digest), "digest");
    let mut altered = bytes.clone();
    let at = altered.iter().position(|it| *it == b'~').unwrap_or(40_000);
    altered[at] ^= 1;
    assert_ne!(read(&altered, 512).1, Ok(()));
    let mut more = bytes.clone();
    more.push(0);
    assert!(refusal(&more).contains("nothing follows the end"));
    assert!(refusal(b"MOTET1\r\n").contains("not a stream of wire 2"));
    assert!(refusal(b"<html>").contains("not a stream of wire 2"));
    assert_eq!(refusal(b"MOT"), "cut");
}

#[test]
fn no_altered_byte_of_the_recorded_stream_goes_unseen() {
    let (bytes, _) = sample();
    for at in (0..bytes.len()).step_by(37) {
        let mut altered = bytes.clone();
        altered[at] ^= 0x10;
        assert_ne!(read(&altered, 8192).1, Ok(()), "byte {at}");
    }
}
