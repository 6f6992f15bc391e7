//! Clones over wire 2 of servers that lie or hang up (`spec/wire.md` 11, point 13).

use api::{
    CommitRecord, Value,
    stream::{Begin, Frame, MEDIA_TYPE, SmallObject, SnapshotPart, StreamKind, Writer},
    wire::Refs,
    wire2::{Negotiated, Plan},
};
use history::{Manifest, new_record, snapshot_id};
use names::{CommitId, ObjectId};

use super::tests::clone;
use crate::{failure::Exit, fake};

const TIME: &str = "2026-11-21T12:00:00+00:00";
const SONG: &[u8] = b"do re mi\n";

/// A history of two commits, as the frames that it comes in.
struct Song {
    refs: Refs,
    objects: Vec<SmallObject>,
    parts: Vec<SnapshotPart>,
    commits: Vec<CommitRecord>,
}

fn song() -> Song {
    let object = |bytes: &[u8]| SmallObject { id: ObjectId::of(bytes), bytes: bytes.to_vec() };
    let (first, second) = (object(SONG), object(b"fa so la\n"));
    let mut manifest = Manifest::from([("song.txt".parse().unwrap(), first.id)]);
    let one = snapshot_id(&manifest);
    manifest.insert("more.txt".parse().unwrap(), second.id);
    let two = snapshot_id(&manifest);
    let part = |snapshot_id, base, files, name: &str, id| SnapshotPart {
        snapshot_id,
        base,
        part: 0,
        last: true,
        files,
        created_at: TIME.into(),
        set: vec![(name.parse().unwrap(), id)],
        del: Vec::new(),
    };
    let parts = vec![
        part(one, None, 1, "song.txt", first.id),
        part(two, Some(one), 2, "more.txt", second.id),
    ];
    let root = new_record(history::Parents::default(), one, "one", TIME);
    let parents = history::Parents::new(Some(root.commit_id), None);
    let tip = new_record(parents, two, "two", TIME);
    let refs = Refs {
        repo_id: "r".into(),
        domain: "code".into(),
        default_branch: "main".into(),
        branch_heads: vec![("main".to_owned(), tip.commit_id)],
    };
    Song { refs, objects: vec![first, second], parts, commits: vec![root, tip] }
}

/// The stream of a song.
fn stream(song: &Song) -> Vec<u8> {
    let (want, common) = (Vec::new(), Vec::new());
    let begin = Begin { kind: StreamKind::Fetch, repo_id: "r".into(), want, common, cursor: None };
    let mut writer = Writer::begin(begin).unwrap();
    let objects = Some(Frame::Objects(song.objects.clone())).filter(|_| !song.objects.is_empty());
    let parts = song.parts.iter().cloned().map(Frame::Snapshot);
    for frame in objects.into_iter().chain(parts) {
        writer.write(frame).unwrap();
    }
    writer.write(Frame::Commits(song.commits.clone())).unwrap();
    writer.write(Frame::Cursor("the end".into())).unwrap();
    writer.end(false).unwrap();
    writer.take_written()
}

fn said(kind: &str, body: &[u8]) -> Vec<u8> {
    fake::answer(200, &format!("Content-Type: {kind}\r\nMotet-Protocol: 2"), body)
}

fn message(value: impl Into<Value>) -> Vec<u8> {
    let mut body = Vec::new();
    api::msgpack::write_value(&mut body, &value.into()).unwrap();
    said("application/x-msgpack", &body)
}

/// Clones from a server that sends this stream. Says how it ended, and how many things are left.
fn cloned(refs: &Refs, stream: &[u8]) -> (Exit, String, usize) {
    let negotiated = Negotiated { common: Vec::new(), ready: true, plan: Plan::default() };
    let answers = vec![message(refs.clone()), message(negotiated), said(MEDIA_TYPE, stream)];
    let home = tempfile::tempdir().unwrap();
    let (exit, told) = clone(home.path(), answers);
    let left = std::fs::read_dir(home.path()).unwrap().count();
    if exit == Exit::Done {
        let read = |name: &str| std::fs::read(home.path().join("songs").join(name)).unwrap();
        assert_eq!((read("song.txt"), read("more.txt")), (SONG.to_vec(), b"fa so la\n".to_vec()));
        assert!(!home.path().join("songs/.muse/motet/incoming/transfer.json").exists());
    }
    (exit, told["error"]["code"].as_str().unwrap_or_default().to_owned(), left)
}

fn lie(change: impl FnOnce(&mut Song)) -> String {
    let mut song = song();
    change(&mut song);
    let (exit, code, left) = cloned(&song.refs, &stream(&song));
    assert_eq!((exit, left), (Exit::Unverified, 0), "{code}");
    code
}

#[test]
fn a_stream_is_cloned_and_every_lie_in_it_is_seen() {
    let song = song();
    let whole = stream(&song);
    assert_eq!(cloned(&song.refs, &whole), (Exit::Done, String::new(), 1));

    assert_eq!(lie(|song| song.objects[0].bytes.push(b'!')), "hash_mismatch");
    assert_eq!(lie(|song| song.objects.truncate(1)), "incomplete");
    assert_eq!(lie(|song| song.parts[1].files = 3), "snapshot_mismatch");
    let id = song.objects[0].id;
    assert_eq!(lie(|song| song.parts[1].set[0].1 = id), "snapshot_mismatch");
    assert_eq!(
        lie(|song| song.parts[1].del.push("song.txt".parse().unwrap())),
        "snapshot_mismatch"
    );
    assert_eq!(lie(|song| song.parts[1].set[0].0 = "song.txt/x".parse().unwrap()), "path_conflict");
    assert_eq!(lie(|song| drop(song.parts.remove(0))), "incomplete");
    assert_eq!(lie(|song| drop(song.parts.pop())), "incomplete");
    assert_eq!(lie(|song| song.commits[1].message.push('!')), "commit_mismatch");
    assert_eq!(lie(|song| drop(song.commits.remove(0))), "incomplete");
    assert_eq!(lie(|song| song.commits.reverse()), "incomplete");
    assert_eq!(lie(|song| song.refs.branch_heads[0].1 = CommitId::of(b"x")), "incomplete");
}

#[test]
fn what_is_no_stream_or_not_the_one_that_was_sent_is_refused() {
    let song = song();
    let whole = stream(&song);
    let mut digest = whole.clone();
    *digest.last_mut().unwrap() ^= 1;
    // A frame that declares 4 GiB unpacked.
    let packed = [6, 1, 0, 0, 0, 9, 0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0xff, 0xff, 0xff, 0xff];
    let begin = whole.windows(2).position(|it| it == [0x04, 0x00]).unwrap();
    let bomb = [&whole[..begin], &packed].concat();
    for bad in [digest, bomb, b"<html>".to_vec()] {
        assert_eq!(cloned(&song.refs, &bad), (Exit::Unverified, "bad_stream".into(), 0));
    }
}

#[test]
fn a_stream_that_is_cut_leaves_what_stands_before_its_cursor_or_nothing() {
    let song = song();
    let whole = stream(&song);
    let cursor = whole.windows(7).position(|it| it == b"the end").unwrap();
    let before = cloned(&song.refs, &whole[..cursor]);
    assert_eq!(before, (Exit::Refused, "cut_off".into(), 0));
    let behind = cloned(&song.refs, &whole[..cursor + 7]);
    assert_eq!(behind, (Exit::Refused, "cut_off".into(), 1));
}
