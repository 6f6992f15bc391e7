//! Streams that are made up: what is written is read.

use proptest::prelude::*;

use names::{CommitId, ObjectId, RepoPath, SnapshotId};

use super::{super::*, begin, meaning, read, written};

fn object_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..600),
        (1..3000_usize, any::<u8>()).prop_map(|(length, byte)| vec![byte; length]),
    ]
}

fn small() -> impl Strategy<Value = Vec<Frame>> {
    let object = object_bytes().prop_map(|bytes| SmallObject { id: ObjectId::of(&bytes), bytes });
    proptest::collection::vec(object, 1..5).prop_map(|objects| vec![Frame::Objects(objects)])
}

fn large() -> impl Strategy<Value = Vec<Frame>> {
    (proptest::collection::vec(object_bytes(), 1..4), 0..9_u64).prop_map(|(pieces, offset)| {
        let pieces: Vec<_> = pieces.into_iter().filter(|it| !it.is_empty()).collect();
        let id = ObjectId::of(&pieces.concat());
        let size = offset + pieces.concat().len() as u64;
        let mut frames = vec![Frame::Object(LargeObject { id, size, offset })];
        frames.extend(pieces.into_iter().map(Frame::Data));
        frames.push(Frame::ObjectEnd(id));
        frames
    })
}

fn snapshot() -> impl Strategy<Value = Vec<Frame>> {
    let names = proptest::collection::btree_set("[a-zäö]{1,8}(/[a-z]{1,4})?", 0..30);
    (names, any::<bool>(), 1..4_u32).prop_map(|(names, has_base, parts)| {
        let id = SnapshotId::of(format!("{names:?}").as_bytes());
        let base = has_base.then(|| SnapshotId::of(b"a base"));
        let part = |part: u32| {
            let (mut set, mut del) = (Vec::new(), Vec::new());
            for (at, name) in names.iter().enumerate() {
                let path: RepoPath = name.parse().unwrap();
                match at {
                    _ if u32::try_from(at).unwrap() % parts != part => {}
                    _ if at % 5 == 0 => del.push(path),
                    _ => set.push((path, ObjectId::of(name.as_bytes()))),
                }
            }
            let (last, files) = (part + 1 == parts, names.len() as u64);
            let created_at = "2026-11-21T12:00:00+00:00".to_owned();
            Frame::Snapshot(SnapshotPart {
                snapshot_id: id,
                base,
                part,
                last,
                files,
                created_at,
                set,
                del,
            })
        };
        (0..parts).map(part).collect()
    })
}

fn others() -> impl Strategy<Value = Vec<Frame>> {
    prop_oneof![
        "[ -~]{1,512}".prop_map(|text| vec![Frame::Cursor(text)]),
        (".{0,20}", 0..1_u64 << 40, 0..1_u64 << 40).prop_map(|(phase, done, total)| vec![
            Frame::Progress(Progress { phase, done, total })
        ]),
        Just(vec![Frame::Log(vec![crate::Value::from("an item")])]),
    ]
}

fn stream() -> impl Strategy<Value = Vec<Frame>> {
    let part = prop_oneof![small(), large(), snapshot(), others()];
    (proptest::collection::vec(part, 0..8), any::<bool>()).prop_map(|(parts, more)| {
        let mut frames = vec![Frame::Begin(Begin { common: vec![CommitId::of(b"c")], ..begin() })];
        frames.extend(parts.into_iter().flatten());
        let (counts, bytes, digest) = (Counts::default(), 0, [0; 32]);
        frames.push(Frame::End(End { more, counts, bytes, digest }));
        frames
    })
}

/// Counts are the writer's to make.
fn uncounted(frames: Vec<Frame>) -> Vec<Frame> {
    let mut frames = meaning(frames);
    if let Some(Frame::End(end)) = frames.last_mut() {
        end.counts = Counts::default();
    }
    frames
}

proptest! {
    #[test]
    fn what_is_written_is_read(frames in stream(), piece in 1..5000_usize) {
        let bytes = written(&frames);
        let (found, ended) = read(&bytes, piece);
        prop_assert_eq!(ended, Ok(()));
        prop_assert_eq!(uncounted(found), frames);
    }

    #[test]
    fn what_is_cut_is_a_beginning(frames in stream(), cut in 0.0..1.0_f64) {
        let bytes = written(&frames);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "some place in it")]
        let cut = (bytes.len() as f64 * cut) as usize;
        let (found, ended) = read(&bytes[..cut], 700);
        prop_assert!(frames.starts_with(&found));
        let is_cut = matches!(ended, Err(StreamError::Cut { .. }));
        prop_assert!(is_cut);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), packed in any::<bool>()) {
        let mut writer = Writer::begin(begin()).unwrap();
        let mut all = writer.take_written();
        all.extend([3, u8::from(packed)]);
        all.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
        all.extend(bytes);
        let (_, ended) = read(&all, 90);
        prop_assert!(ended.is_err());
    }
}
