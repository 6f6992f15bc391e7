//! The recorded stream; streams that are cut, altered, or declare too much.

mod made_up;
mod refused;

use names::{CommitId, ObjectId};

use super::{
    Begin, Decoder, End, Frame, SmallObject, StreamError, StreamKind, Writer,
    limits::{MAGIC, PAYLOAD_BYTES},
};
use crate::Value;

/// The recorded stream, and what is said of it.
fn sample() -> (Vec<u8>, Value) {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/muse-wire/v2-stream");
    let bytes = std::fs::read(format!("{root}/sample.bin")).unwrap();
    let told = std::fs::read(format!("{root}/sample.json")).unwrap();
    (bytes, Value::from_json_slice(&told, &crate::Limits::of_body(1 << 20)).unwrap())
}

/// Every frame of `bytes`, which come in pieces of `piece`; and how it ended.
fn read(bytes: &[u8], piece: usize) -> (Vec<Frame>, Result<(), StreamError>) {
    let (mut decoder, mut frames) = (Decoder::default(), Vec::new());
    for piece in bytes.chunks(piece) {
        decoder.feed(piece);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Err(error)),
            }
        }
    }
    (frames, decoder.finish())
}

/// The same frames, written by us.
fn written(frames: &[Frame]) -> Vec<u8> {
    let mut frames = frames.iter().cloned();
    let Some(Frame::Begin(begin)) = frames.next() else { panic!("a stream begins") };
    let mut writer = Writer::begin(begin).unwrap();
    for frame in frames {
        match frame {
            Frame::End(End { more, .. }) => writer.end(more).unwrap(),
            frame => writer.write(frame).unwrap(),
        }
    }
    writer.take_written()
}

/// All but what depends on how frames were packed.
fn meaning(mut frames: Vec<Frame>) -> Vec<Frame> {
    if let Some(Frame::End(end)) = frames.last_mut() {
        (end.bytes, end.digest) = (0, [0; 32]);
    }
    frames
}

fn begin() -> Begin {
    let want = vec![CommitId::of(b"wanted")];
    let (common, cursor) = (Vec::new(), None);
    Begin { kind: StreamKind::Fetch, repo_id: "songs".into(), want, common, cursor }
}

fn texts(told: &Value, key: &str) -> Vec<String> {
    let Value::Map(entries) = told else { panic!("a map") };
    let (_, found) = entries.iter().find(|(name, _)| name == key).unwrap();
    match found {
        Value::Array(items) => items.iter().map(text).collect(),
        other => vec![text(other)],
    }
}

fn text(value: &Value) -> String {
    let Value::Text(text) = value else { panic!("text") };
    text.clone()
}

#[test]
fn the_recorded_stream_means_what_is_said_of_it() {
    let (bytes, told) = sample();
    let (frames, ended) = read(&bytes, 1000);
    assert_eq!(ended, Ok(()));
    let kinds: Vec<u8> = frames.iter().map(|it| it.type_of() as u8).collect();
    assert_eq!(kinds, [1, 4, 3, 3, 2, 8, 5, 6, 6, 7, 10, 15]);

    let (mut commits, mut snapshots, mut small, mut large) = (vec![], vec![], vec![], vec![]);
    for frame in &frames {
        match frame {
            Frame::Commits(records) => {
                commits.extend(records.iter().map(|it| it.commit_id.to_string()));
            }
            Frame::Snapshot(part) => snapshots.push(part.snapshot_id.to_string()),
            Frame::Objects(objects) => {
                assert!(objects.iter().all(|it| ObjectId::of(&it.bytes) == it.id));
                small.extend(objects.iter().map(|it| it.id.to_string()));
            }
            Frame::Data(bytes) => large.extend_from_slice(bytes),
            Frame::End(end) => {
                let digest = CommitId::from_bytes(end.digest).to_string();
                assert_eq!(vec![digest], texts(&told, "digest_before_end"));
                assert!(!end.more);
            }
            Frame::Begin(_)
            | Frame::Object(_)
            | Frame::ObjectEnd(_)
            | Frame::Cursor(_)
            | Frame::Log(_)
            | Frame::Progress(_)
            | Frame::Error(_) => {}
        }
    }
    assert_eq!(commits, texts(&told, "commits"));
    assert_eq!(snapshots, texts(&told, "snapshots"));
    assert_eq!(small, texts(&told, "small_objects"));
    assert_eq!(vec![ObjectId::of(&large).to_string()], texts(&told, "large_object"));
}

#[test]
fn what_is_read_is_written_again_with_the_same_meaning() {
    let (bytes, _) = sample();
    let (frames, _) = read(&bytes, usize::MAX);
    let again = written(&frames);
    for piece in [1, 7, 4096, usize::MAX] {
        let (read_again, ended) = read(&again, piece);
        assert_eq!(ended, Ok(()));
        assert_eq!(meaning(read_again), meaning(frames.clone()));
    }
}

#[test]
fn a_stream_that_is_cut_at_any_byte_shows_its_whole_frames_and_says_so() {
    let mut writer = Writer::begin(begin()).unwrap();
    let bytes = b"la ".repeat(200);
    let object = SmallObject { id: ObjectId::of(&bytes), bytes };
    writer.write(Frame::Objects(vec![object])).unwrap();
    writer.write(Frame::Cursor("on".into())).unwrap();
    writer.end(true).unwrap();
    let bytes = writer.take_written();
    let (whole, ended) = read(&bytes, 3);
    assert_eq!(ended, Ok(()));
    for cut in 0..bytes.len() {
        let (frames, ended) = read(&bytes[..cut], 5);
        assert!(whole.starts_with(&frames), "cut at {cut}");
        assert!(matches!(ended, Err(StreamError::Cut { bytes }) if bytes <= cut as u64));
        assert!(frames.len() < whole.len());
    }
}

#[test]
fn a_payload_that_does_not_fit_is_not_written() {
    let mut state = 7_u64;
    let mut noise = vec![0; PAYLOAD_BYTES + 1];
    for byte in &mut noise {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        *byte = state.to_be_bytes()[0];
    }
    let mut writer = Writer::begin(begin()).unwrap();
    let id = ObjectId::of(&noise);
    let object = super::LargeObject { id, size: noise.len() as u64, offset: 0 };
    writer.write(Frame::Object(object)).unwrap();
    let refused = writer.write(Frame::Data(noise));
    assert!(matches!(refused, Err(StreamError::TooLarge { .. })), "{refused:?}");
    assert!(writer.take_written().starts_with(&MAGIC));
}
