//! What is not what it says is refused, and nothing of it is kept.

use super::*;
use crate::{
    ground::{Ground, on_both},
    server_and_anna,
    wire2::braid,
};

const MAIN: &str = "refs/heads/main";

/// What somebody does to a tape.
type Forge<'a> = Box<dyn Fn(&mut Tape) + 'a>;

on_both! {
    async fn what_is_forged_in_a_stream_is_refused_and_nothing_of_it_is_kept(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        server.create(&anna, "song", "private").await;
        let (story, me) = (braid(), Pusher::new(&server, &anna));
        let (first, second) = (&story.commits[0], &story.commits[1]);
        let object = |id: &[u8], bytes: &[u8]| Frame::Objects(vec![SmallObject { id: ObjectId::of(id), bytes: bytes.to_vec() }]);

        let mut forged: Vec<(&str, u16, Forge<'_>)> = Vec::new();
        forged.push(("hash_mismatch", 422, Box::new(move |tape| tape.write(object(b"right", b"wrong")))));
        forged.push(("snapshot_mismatch", 422, Box::new(|tape| {
            tape.objects(story.objects.values().filter(|it| !it.is_empty()));
            let part = SnapshotPart {
                snapshot_id: SnapshotId::of(b"another"),
                base: None, part: 0, last: true, files: 1, created_at: String::new(),
                set: vec![("a".parse().unwrap(), ObjectId::of(b"b"))],
                del: Vec::new(),
            };
            tape.write(Frame::Snapshot(part));
        })));
        forged.push(("missing_objects", 422, Box::new(|tape| tape.snapshot(&story, first.snapshot_id, None))));
        forged.push(("missing_snapshot", 422, Box::new(|tape| {
            tape.objects(story.objects.values().filter(|it| !it.is_empty()));
            tape.snapshot(&story, second.snapshot_id, Some(first.snapshot_id));
        })));
        forged.push(("missing_snapshot", 422, Box::new(|tape| tape.write(Frame::Commits(vec![first.clone()])))));
        forged.push(("unknown_parent", 409, Box::new(|tape| {
            tape.objects(story.objects.values().filter(|it| !it.is_empty()));
            tape.snapshot(&story, second.snapshot_id, None);
            tape.write(Frame::Commits(vec![second.clone()]));
        })));
        forged.push(("malformed", 400, Box::new(|tape| tape.write(Frame::Log(Vec::new())))));
        forged.push(("commit_mismatch", 422, Box::new(|tape| {
            tape.commit(&story, first);
            tape.objects(story.objects.values().filter(|it| !it.is_empty()));
            let record = CommitRecord { message: "another".to_owned(), ..second.clone() };
            tape.snapshot(&story, second.snapshot_id, Some(first.snapshot_id));
            tape.write(Frame::Commits(vec![record]));
        })));
        for (code, status, forge) in forged {
            let push = me.begin(vec![update(MAIN, None, Some(story.tip()))]).await;
            let mut tape = Tape::begin();
            tape.objects([&b"kept by nobody".to_vec()]);
            let before = me.state(&push).await;
            forge(&mut tape);
            let stored = server.stored().await;
            me.stream(&push, 0, &tape.end()).await.assert_refused(status, code);
            let state = me.state(&push).await;
            if code == "commit_mismatch" {
                // The page before was whole.
                assert_eq!(state.commits, 1);
            } else {
                assert_eq!(state, before, "{code}");
                assert_eq!(server.stored().await, stored, "{code}");
                let ids = vec![ObjectId::of(b"kept by nobody"), ObjectId::of(b"right")];
                let ask = PushCheck { objects: ids.clone(), ..PushCheck::default() };
                assert_eq!(me.check(&push, ask).await.objects, ids, "{code}");
            }
            me.commit(&push).await.assert_refused(422, "unknown_commit");
        }
        assert!(server.refs(&anna, SONG).await.branch_heads.is_empty());
        // The right bytes then succeed.
        me.push(vec![update(MAIN, None, Some(story.tip()))], &stream_of(&story)).await.assert_status(200);
    }
}

#[tokio::test]
async fn a_stream_of_another_kind_or_with_another_end_is_refused() {
    let (server, anna) = server_and_anna().await;
    let (story, me) = (Story::of_one("root"), Pusher::new(&server, &anna));
    let push = me.begin(vec![update(MAIN, None, Some(story.tip()))]).await;
    let mut bytes = stream_of(&story);
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    me.stream(&push, 0, &bytes).await.assert_refused(422, "hash_mismatch");
    let state = me.state(&push).await;
    assert_eq!(state.commits, 1, "the page before was whole");
    let mut large = b"\x02\x01\x00\x00\x00\x0a".to_vec();
    // A frame of zstd that declares 4 GiB.
    large.extend(b"\x28\xb5\x2f\xfd\xa0\xff\xff\xff\xff\x00");
    me.stream(&push, state.offset, &large).await.assert_refused(413, "too_large");
    me.stream(&push, state.offset, b"GET / HTTP/1.1\r\n").await.assert_refused(400, "malformed");
    let bare = me.streaming(&push, state.offset, b"");
    let target = format!("/{SONG}/v2/push/{}/stream", push.id);
    let without = server
        .request(Method::PUT, &target)
        .header("authorization", &format!("Bearer {}", push.token));
    without.body(Vec::new()).send().await.assert_refused(400, "malformed");
    bare.send().await.assert_status(200);

    // The end of a stream that goes on is compared too: with the whole, or with what comes from there on.
    let at = usize::try_from(state.offset).unwrap();
    me.stream(&push, state.offset, &bytes[at..]).await.assert_refused(422, "hash_mismatch");
    let mut rest = Writer::resumed(state.offset);
    rest.end(false).unwrap();
    let mut forged = rest.take_written();
    *forged.last_mut().unwrap() ^= 1;
    me.stream(&push, state.offset, &forged).await.assert_refused(422, "hash_mismatch");
    assert_eq!(me.state(&push).await, state);
    bytes[last] ^= 1;
    me.stream(&push, state.offset, &bytes[at..]).await.assert_status(200);
    me.commit(&push).await.assert_status(200);
}

#[tokio::test]
async fn what_cannot_be_moved_is_refused_when_the_push_begins() {
    let (server, anna) = server_and_anna().await;
    let story = Story::of_one("root");
    server.push_story(&anna, SONG, &story, "main").await;
    let (me, tip) = (Pusher::new(&server, &anna), Some(story.tip()));
    let other = Some(CommitId::of(b"other"));
    for (updates, status, code) in [
        (vec![], 422, "empty_push"),
        (vec![update(MAIN, tip, tip)], 422, "empty_push"),
        (vec![update("refs/for/main/x", None, tip)], 422, "bad_ref"),
        (vec![update("main", None, tip)], 422, "bad_ref"),
        (vec![update("refs/heads/a..b/../c", None, tip)], 422, "bad_ref"),
        (
            vec![update("refs/heads/x", None, tip), update("refs/heads/x", None, tip)],
            422,
            "bad_ref",
        ),
        (vec![update("refs/heads/main/x", None, tip)], 422, "ref_conflict"),
        (vec![update(MAIN, None, other)], 409, "log_conflict"),
        (vec![update(MAIN, other, None)], 409, "log_conflict"),
        (vec![update(MAIN, tip, None)], 403, "protected_ref"),
    ] {
        me.open(updates).await.assert_refused(status, code);
    }
    let many = (0..1_001).map(|it| update(&format!("refs/heads/b{it}"), None, tip)).collect();
    me.open(many).await.assert_refused(413, "too_large");
}
