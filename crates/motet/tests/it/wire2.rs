//! Wire 2: histories of any size, in pages that go on where they were cut (`spec/wire.md` 9; 11, points 11 to 13).
//!
//! | file         | what is promised                                                      |
//! |--------------|-----------------------------------------------------------------------|
//! | `wire2.rs`   | what is asked and answered; who sees what                                |
//! | `cutting.rs` | a clone that is cut anywhere goes on and ends as if it had not been        |
//! | `heavy.rs`   | more than wire 1 can carry, in little memory                              |
//! | `promised.rs` | older files come when they are needed                                   |
//! | `pushing/`    | pushes, page by page                                                      |

mod cutting;
mod heavy;
mod promised;
mod pushing;

use api::{
    Value,
    stream::{Decoder, Frame, StreamError},
    wire2::{Fetch, Negotiate, Negotiated, Objects, ObjectsRequest, Wanted},
};
use names::{CommitId, ObjectId, SnapshotId};
use serde_json::json;
use testkit::{Answer, Person, Request, Server, Story};

use crate::ground::{Ground, on_both};

const SONG: &str = "anna/song";

/// Every frame of an answer; it must be a whole stream.
fn frames(answer: &Answer) -> Vec<Frame> {
    answer.assert_status(200);
    assert_eq!(answer.header("content-type"), "application/vnd.motet.stream");
    let (frames, ended) = read(&answer.body);
    assert_eq!(ended, Ok(()));
    frames
}

fn read(bytes: &[u8]) -> (Vec<Frame>, Result<(), StreamError>) {
    let (mut decoder, mut frames) = (Decoder::default(), Vec::new());
    for piece in bytes.chunks(1 << 16) {
        decoder.feed(piece);
        while let Some(frame) = decoder.next_frame().unwrap() {
            frames.push(frame);
        }
    }
    (frames, decoder.finish())
}

fn all(want: &[CommitId], common: &[CommitId]) -> Fetch {
    let want = want.iter().copied().map(Wanted::Commit).collect();
    let (common, objects) = (common.to_vec(), Objects::All);
    Fetch { want, common, objects, cursor: None, max_bytes: None }
}

/// A question of wire 2, by somebody or nobody.
fn asking(server: &Server, by: Option<&Person>, endpoint: &str, body: impl Into<Value>) -> Request {
    let request = server.post(&format!("/{endpoint}")).msgpack(&body.into());
    if by.is_some() { request.by_some(by) } else { request.unsigned() }
}

async fn fetch(server: &Server, by: &Person, ask: Fetch) -> Answer {
    asking(server, Some(by), &format!("{SONG}/v2/fetch"), ask).send().await
}

/// What came, by id.
#[derive(Debug, Default, PartialEq, Eq)]
struct Came {
    commits: Vec<CommitId>,
    snapshots: Vec<SnapshotId>,
    objects: Vec<ObjectId>,
    cursors: Vec<String>,
    more: bool,
}

fn came(frames: &[Frame]) -> Came {
    let mut came = Came::default();
    for frame in frames {
        match frame {
            Frame::Commits(records) => came.commits.extend(records.iter().map(|it| it.commit_id)),
            Frame::Snapshot(part) if part.last => came.snapshots.push(part.snapshot_id),
            Frame::Objects(objects) => came.objects.extend(objects.iter().map(|it| it.id)),
            Frame::ObjectEnd(id) => came.objects.push(*id),
            Frame::Cursor(text) => came.cursors.push(text.clone()),
            Frame::End(end) => came.more = end.more,
            Frame::Error(problem) => panic!("{problem:?}"),
            _ => {}
        }
    }
    came
}

/// Bytes that do not pack.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_be_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// A commit with its snapshot and its object.
type Named = (CommitId, SnapshotId, ObjectId);

/// Moves the branch twice, with force. What it was moved away from is held for a while, and shown to who may push.
async fn with_former_head(server: &Server, by: &Person) -> (Named, Named) {
    let mut named = Vec::new();
    for text in ["a song with a mistake", "a song, amended"] {
        let story = Story::of_one(text);
        server.push_objects(by, SONG, story.inline()).await.assert_status(200);
        let mut push = story.push_to("main");
        push.force = true;
        server.push(by, SONG, push).await.assert_status(200);
        let commit = &story.commits[0];
        named.push((commit.commit_id, commit.snapshot_id, ObjectId::of(text.as_bytes())));
    }
    (named[0], named[1])
}

/// Two lines that part and meet, a file that goes and comes back, the empty file, a directory that moves.
fn braid() -> Story {
    let mut story = Story::default();
    let root = story.commit(&[], "root", &[("a/one", b"1"), ("b", b"b"), ("empty", b"")]);
    let left = story.commit(&[root], "left", &[("a/one", b"1"), ("b", b"left"), ("new", b"n")]);
    let right = story.commit(&[root], "right", &[("a/one", b"right"), ("b", b"b")]);
    let files: &[(&str, &[u8])] = &[("a/one", b"right"), ("b", b"left"), ("new", b"n")];
    let both = story.commit(&[left, right], "both", files);
    story.commit(&[both], "back", &[("a/one", b"1"), ("c/one", b"right"), ("empty", b"")]);
    story
}

on_both! {
    async fn a_history_comes_whole_and_each_thing_before_what_needs_it(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let story = braid();
        server.push_story(&anna, SONG, &story, "main").await;
        let tip = story.tip();

        let frames = frames(&fetch(&server, &anna, all(&[tip], &[])).await);
        let it = came(&frames);
        let mut ids = [it.commits.clone(), story.commits.iter().map(|it| it.commit_id).collect()];
        for ids in &mut ids {
            ids.sort();
        }
        assert_eq!(ids[0], ids[1]);
        let mut objects = it.objects.clone();
        objects.sort();
        objects.dedup();
        assert_eq!(objects.len(), it.objects.len(), "each once");
        assert_eq!(objects, story.objects.keys().copied().collect::<Vec<_>>());
        assert_eq!(it.snapshots.len(), story.snapshots.len());
        assert!(!it.more && it.cursors.len() == 1);
        let records: Vec<_> = frames.iter().filter_map(|it| match it {
            Frame::Commits(records) => Some(records.clone()),
            _ => None,
        }).flatten().collect();
        for (at, record) in records.iter().enumerate() {
            let before: Vec<_> = records[..at].iter().map(|it| it.commit_id).collect();
            assert!(record.parents().all(|parent| before.contains(&parent)));
        }

        // From what the client holds: the merge alone, and what is new in it.
        let (both, left) = (story.commits[3].commit_id, story.commits[1].commit_id);
        let since = came(&self::frames(&fetch(&server, &anna, all(&[tip], &[both])).await));
        assert_eq!((since.commits.as_slice(), since.objects.len()), (&[tip][..], 2));
        let since = came(&self::frames(&fetch(&server, &anna, all(&[both], &[left])).await));
        assert_eq!(since.commits.len(), 2);
        assert_eq!(since.objects, [ObjectId::of(b"right")], "what the other line brought comes once");

        // Fewer objects, where fewer are wanted; and a ref is as good as what it leads to.
        let mut ask = all(&[], &[]);
        ask.want = vec![Wanted::Ref("refs/heads/main".into())];
        ask.objects = Objects::None;
        let none = came(&self::frames(&fetch(&server, &anna, ask.clone()).await));
        assert_eq!((none.commits.len(), none.objects.len()), (5, 0));
        ask.objects = Objects::Tips;
        let tips = came(&self::frames(&fetch(&server, &anna, ask).await));
        assert_eq!((tips.commits.len(), tips.objects.len()), (5, 3));
    }
}

on_both! {
    async fn a_negotiation_finds_what_both_hold_and_says_what_a_fetch_brings(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let story = braid();
        server.push_story(&anna, SONG, &story, "main").await;
        let ids: Vec<_> = story.commits.iter().map(|it| it.commit_id).collect();
        let ask = async |have: &[CommitId]| {
            let ask = Negotiate { want: vec![Wanted::Commit(story.tip())], have: have.to_vec() };
            let request = asking(&server, Some(&anna), &format!("{SONG}/v2/negotiate"), ask);
            request.header("accept", "application/x-msgpack").send().await.wire::<Negotiated>()
        };
        let all = ask(&[]).await;
        assert!(all.ready && all.common.is_empty());
        assert_eq!((all.plan.commits, all.plan.snapshots), (5, 5));
        assert_eq!(all.plan.objects, story.objects.len() as u64 - 1, "the empty one is everywhere");

        let unknown = CommitId::of(b"unknown");
        let some = ask(&[ids[0], ids[2], unknown, ids[1]]).await;
        let mut common = some.common.clone();
        common.sort();
        let mut heads = vec![ids[1], ids[2]];
        heads.sort();
        assert_eq!(common, heads, "what leads to another one is not told");
        assert!(some.ready, "so little is not worth another question");
        assert_eq!((some.plan.commits, some.plan.snapshots), (2, 2));
        assert_eq!(ask(&[unknown]).await.common, []);
    }
}

on_both! {
    async fn what_is_foreign_hidden_or_nowhere_is_answered_in_the_same_bytes(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let (story, foreign) = (Story::of_one("a song"), Story::of_one("another song"));
        server.create(&anna, "song", "public").await;
        server.push_story(&anna, SONG, &story, "main").await;
        server.push_story(&boris, "boris/own", &foreign, "main").await;
        let (hidden, now) = with_former_head(&server, &anna).await;
        let of_boris = &foreign.commits[0];
        let elsewhere = (of_boris.commit_id, of_boris.snapshot_id, ObjectId::of(b"another song"));
        let nowhere = (CommitId::of(b"no"), SnapshotId::of(b"no"), ObjectId::of(b"no"));
        let ask = async |(commit, snapshot, object): (CommitId, SnapshotId, ObjectId), by: Option<&Person>| {
            let ids = [commit.to_string(), snapshot.to_string(), object.to_string()];
            let negotiate = Negotiate { want: vec![Wanted::Commit(commit)], have: vec![] };
            let get = |target: String| {
                let request = server.get(&target);
                if by.is_some() { request.by_some(by) } else { request.unsigned() }
            };
            let mut told = Vec::new();
            for request in [
                asking(&server, by, &format!("{SONG}/v2/fetch"), all(&[commit], &[])),
                asking(&server, by, &format!("{SONG}/v2/negotiate"), negotiate),
                asking(&server, by, &format!("{SONG}/v2/objects"), ObjectsRequest { ids: vec![object] }),
                get(format!("/{SONG}/v2/objects/{object}")),
                get(format!("/{SONG}/v2/snapshots/{snapshot}")),
            ] {
                let answer = request.send().await;
                let mut text = answer.faceless();
                for id in &ids {
                    text = text.replace(id, "ID");
                }
                told.push((answer.status, text));
            }
            told
        };
        for by in [None, Some(&boris), Some(&anna)] {
            let missing = ask(nowhere, by).await;
            assert!(missing.iter().all(|(status, _)| *status == 404), "{missing:?}");
            assert_eq!(ask(elsewhere, by).await, missing);
            let found = ask(hidden, by).await;
            if by.is_some_and(|it| it.handle() == "anna") {
                let statuses: Vec<_> = found.iter().map(|it| it.0).collect();
                assert_eq!(statuses, [404, 404, 200, 200, 200], "who may push sees what is held");
            } else {
                assert_eq!(found, missing);
            }
        }
        // What the branch leads to now is there for all.
        assert!(ask(now, None).await.iter().all(|(status, _)| *status == 200));
        // And a `common` that is hidden is as good as one that is nowhere.
        let first = frames(&fetch(&server, &boris, all(&[now.0], &[hidden.0])).await);
        let second = frames(&fetch(&server, &boris, all(&[now.0], &[nowhere.0])).await);
        assert_eq!(came(&first).commits, came(&second).commits);
    }
}

on_both! {
    async fn a_snapshot_comes_page_by_page_whole_or_beside_another_one(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let story = braid();
        server.push_story(&anna, SONG, &story, "main").await;
        let page = async |query: String| {
            let answer = server.get(&format!("/{SONG}/v2/snapshots/{query}")).by(&anna).send().await;
            answer.assert_status(200);
            answer.json()
        };
        let (both, back) = (story.commits[3].snapshot_id, story.commits[4].snapshot_id);
        let one = ObjectId::of(b"1").to_string();
        let first = page(format!("{back}?limit=2")).await;
        assert_eq!(first["set"][0], json!(["a/one", one, 1]));
        assert_eq!((first["set"].as_array().unwrap().len(), &first["next_after"]), (2, &json!("c/one")));
        let rest = page(format!("{back}?limit=2&after=c%2Fone")).await;
        assert_eq!((&rest["set"][0][0], &rest["next_after"]), (&json!("empty"), &json!(null)));
        let beside = page(format!("{back}?base={both}")).await;
        let paths: Vec<_> = beside["set"].as_array().unwrap().iter().map(|it| it[0].clone()).collect();
        assert_eq!(paths, ["a/one", "c/one", "empty"]);
        assert_eq!(beside["del"], json!(["b", "new"]));
        assert_eq!(beside["base"], json!(both.to_string()));
        let bad = server.get(&format!("/{SONG}/v2/snapshots/{back}?base=x")).by(&anna).send().await;
        bad.assert_refused(400, "malformed");
    }
}

#[tokio::test]
async fn objects_come_by_their_ids_whole_or_in_part() {
    let (server, anna) = crate::server_and_anna().await;
    let mut story = Story::default();
    let large = noise(1, 3 << 20);
    story.commit(&[], "large", &[("large", &large), ("small", b"small"), ("empty", b"")]);
    server.push_story(&anna, SONG, &story, "main").await;
    let (id, small) = (ObjectId::of(&large), ObjectId::of(b"small"));

    let ids = vec![small, id, ObjectId::EMPTY, small];
    let ask = ObjectsRequest { ids };
    let several =
        frames(&asking(&server, Some(&anna), &format!("{SONG}/v2/objects"), ask).send().await);
    assert_eq!(came(&several).objects, [small, id, ObjectId::EMPTY]);

    let get = |id: ObjectId| server.get(&format!("/{SONG}/v2/objects/{id}")).by(&anna);
    let whole = get(id).send().await;
    whole.assert_status(200);
    assert!(whole.body == large);
    let etag = format!("\"{id}\"");
    assert_eq!((whole.header("etag"), whole.header("accept-ranges")), (etag.as_str(), "bytes"));
    assert_eq!(whole.header("content-encoding"), "");
    for (range, bytes, told) in [
        ("bytes=0-0", &large[..1], "bytes 0-0/3145728"),
        ("bytes=1000000-2000000", &large[1_000_000..=2_000_000], "bytes 1000000-2000000/3145728"),
        ("bytes=3145000-", &large[3_145_000..], "bytes 3145000-3145727/3145728"),
        ("bytes=-10", &large[3_145_718..], "bytes 3145718-3145727/3145728"),
    ] {
        let part = get(id).header("range", range).header("if-range", &etag).send().await;
        part.assert_status(206);
        assert!(part.body == bytes, "{range}");
        assert_eq!(part.header("content-range"), told);
    }
    let other = get(id).header("range", "bytes=0-9").header("if-range", "\"other\"").send().await;
    assert_eq!((other.status, other.body.len()), (200, large.len()));
    let beyond = get(id).header("range", "bytes=3145728-").send().await;
    assert_eq!((beyond.status, beyond.header("content-range")), (416, "bytes */3145728"));
    let known = get(id).header("if-none-match", &etag).send().await;
    assert_eq!((known.status, known.body.len()), (304, 0));
    let empty = get(ObjectId::EMPTY).send().await;
    assert_eq!((empty.status, empty.body.len()), (200, 0));
    let part = get(small).header("range", "bytes=1-2").send().await;
    assert_eq!((part.status, part.body.as_ref()), (206, &b"ma"[..]));
}

#[tokio::test]
async fn a_cursor_goes_on_for_the_one_who_got_it_and_what_they_asked() {
    let (server, anna) = crate::server_and_anna().await;
    let boris = server.register("boris").await;
    let mut story = Story::default();
    let contents: Vec<_> = (0..3).map(|seed| noise(seed, 700 << 10)).collect();
    let first = story.commit(&[], "one", &[("a", &contents[0])]);
    let second = story.commit(&[first], "two", &[("a", &contents[1])]);
    let tip = story.commit(&[second], "three", &[("a", &contents[2]), ("b", &noise(9, 9 << 20))]);
    for name in ["song", "twin"] {
        server.create(&anna, name, "public").await;
        server.push_story(&anna, &format!("anna/{name}"), &story, "main").await;
    }
    let ask = |cursor: Option<&String>| Fetch {
        cursor: cursor.cloned(),
        max_bytes: Some(1),
        ..all(&[tip], &[])
    };
    // Each answer ends behind a page, and the next one begins there.
    let (mut cursor, mut rounds, mut commits, mut bytes) = (None, 0, Vec::new(), Vec::new());
    loop {
        let answer = fetch(&server, &anna, ask(cursor.as_ref())).await;
        let frames = frames(&answer);
        for frame in &frames {
            match frame {
                Frame::Data(piece) => bytes.extend_from_slice(piece),
                Frame::ObjectEnd(id) => {
                    assert_eq!(ObjectId::of(&std::mem::take(&mut bytes)), *id);
                }
                _ => {}
            }
        }
        let it = came(&frames);
        commits.extend(it.commits);
        cursor = it.cursors.last().cloned();
        rounds += 1;
        if !it.more {
            break;
        }
    }
    assert_eq!(commits, [first, second, tip]);
    assert!(rounds > 1, "{rounds}");
    let first_page = came(&frames(&fetch(&server, &anna, ask(None)).await));
    let cursor = first_page.cursors.last();

    for (endpoint, by, ask) in [
        ("anna/twin/v2/fetch", &anna, ask(cursor)),
        ("anna/song/v2/fetch", &boris, ask(cursor)),
        ("anna/song/v2/fetch", &anna, Fetch { objects: Objects::None, ..ask(cursor) }),
        ("anna/song/v2/fetch", &anna, Fetch { common: vec![first], ..ask(cursor) }),
        ("anna/song/v2/fetch", &anna, Fetch { cursor: Some("made-up".into()), ..ask(None) }),
    ] {
        asking(&server, Some(by), endpoint, ask).send().await.assert_refused(410, "cursor_gone");
    }
    // The branch has moved away: what was asked for is not shown any more.
    let other = Story::of_one("another beginning");
    server.push_objects(&anna, SONG, other.inline()).await.assert_status(200);
    let mut push = other.push_to("main");
    push.force = true;
    server.push(&anna, SONG, push).await.assert_status(200);
    fetch(&server, &anna, ask(cursor)).await.assert_refused(410, "cursor_gone");
    fetch(&server, &anna, ask(None)).await.assert_refused(404, "not_found");
}

#[tokio::test]
async fn errors_are_problem_documents_for_everybody() {
    let (server, anna) = crate::server_and_anna().await;
    server.push_story(&anna, SONG, &Story::of_one("a song"), "main").await;
    for (target, status) in [
        (format!("/{SONG}/v2/objects/{}", ObjectId::of(b"no")), 404),
        (format!("/{SONG}/v2/snapshots/short"), 404),
        ("/anna/none/v2/objects/x".to_owned(), 404),
    ] {
        let answer = server.get(&target).by(&anna).send().await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{target}");
    }
    let many = vec![ObjectId::of(b"x"); 10_001];
    let ask =
        asking(&server, Some(&anna), &format!("{SONG}/v2/objects"), ObjectsRequest { ids: many });
    let refused = ask.send().await;
    assert_eq!(refused.header("content-type"), "application/problem+json");
    assert!(matches!(refused.status, 400 | 413 | 422), "{}", refused.text());
}
