//! What is pushed is there, all of it at once, and nothing before.

use futures_util::future::join_all;

use super::*;
use crate::{
    ground::{Ground, on_both, settled},
    ref_log::log,
    server_and_anna,
    wire2::{all, braid, came, fetch, frames},
};

const MAIN: &str = "refs/heads/main";

on_both! {
    async fn a_push_comes_in_pieces_and_is_history_at_once(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        server.create(&anna, "song", "private").await;
        let (story, me) = (braid(), Pusher::new(&server, &anna));
        let tip = story.tip();
        let push = me.begin(vec![me.signed(MAIN, Some(tip)).await]).await;
        let ids: Vec<_> = story.commits.iter().map(|it| it.commit_id).collect();
        let snapshots: Vec<_> = story.snapshots.keys().copied().collect();
        let objects: Vec<_> = story.objects.keys().copied().filter(|id| *id != ObjectId::EMPTY).collect();
        let ask = PushCheck { commits: ids.clone(), snapshots: snapshots.clone(), objects: objects.clone() };
        let missing = me.check(&push, ask.clone()).await;
        assert_eq!((missing.commits, missing.snapshots, missing.objects), (ids, snapshots, objects));

        // Cut in the middle of a frame of the third page, and later at a byte of the magic.
        let bytes = stream_of(&story);
        let state: PushState = me.stream(&push, 0, &bytes[..5]).await.wire();
        assert_eq!(state, PushState::default());
        let cut = bytes.len() * 3 / 5;
        let state: PushState = me.stream(&push, 0, &bytes[..cut]).await.wire();
        assert!(state.offset > 0 && state.offset <= cut as u64 && state.commits < 5, "{state:?}");
        assert_eq!(me.state(&push).await, state);
        let wrong = me.stream(&push, 0, &bytes).await;
        wrong.assert_refused(409, "wrong_offset");
        assert!(wrong.text().contains(&state.offset.to_string()), "{}", wrong.text());
        let left = me.check(&push, ask.clone()).await;
        assert_eq!(left.commits.len() as u64, 5 - state.commits);

        // Nothing of it can be seen, and what is not whole is no history.
        assert!(server.refs(&anna, SONG).await.branch_heads.is_empty());
        fetch(&server, &anna, all(&[story.commits[0].commit_id], &[])).await.assert_refused(404, "not_found");
        me.commit(&push).await.assert_refused(422, "unknown_commit");
        assert_eq!(me.state(&push).await, state);

        let at = usize::try_from(state.offset).unwrap();
        let state: PushState = me.stream(&push, state.offset, &bytes[at..]).await.wire();
        assert_eq!((state.offset, state.commits), (bytes.len() as u64, 5));
        assert_eq!(me.check(&push, ask).await, PushMissing::default());
        assert!(server.refs(&anna, SONG).await.branch_heads.is_empty());

        let done = me.commit(&push).await;
        let told = landed(&done);
        assert_eq!(landed(&me.commit(&push).await), told, "it says the same again");
        let it = &told.updates[0];
        assert_eq!((it.name.as_str(), it.old, it.new, it.counter, it.seq), (MAIN, None, Some(tip), 1, 1));
        assert_eq!(server.head(&anna, SONG, "main").await, Some(tip));
        let whole = came(&frames(&fetch(&server, &anna, all(&[tip], &[])).await));
        assert_eq!((whole.commits.len(), whole.snapshots.len()), (5, story.snapshots.len()));
        let mut objects = whole.objects.clone();
        objects.sort();
        assert_eq!(objects, story.objects.keys().copied().collect::<Vec<_>>());
        let (items, _) = log(&server, &anna, 10).await;
        let record = items[0].entry.bytes();
        let signature = keys::Signature::from_bytes(items[0].signature.unwrap());
        assert!(anna.key().public().verify(&record, &signature));
        assert_eq!(items[0].entry.hash(items[0].signature.as_ref()).to_string(), it.entry_hash);
        // What is history takes no more.
        me.stream(&push, state.offset, b"more").await.assert_refused(409, "wrong_offset");

        // Wire 1 gives it as if it had taken it, and what is pushed again brings nothing.
        let answer = server.fetch(&anna, SONG, &[tip], &[]).await;
        assert_eq!(answer.commits.len(), 5);
        answer.snapshots.iter().for_each(|it| history::verify_snapshot(it).unwrap());
        let again = me.push(vec![update("refs/heads/again", None, Some(tip))], &bytes).await;
        assert_eq!(landed(&again).updates[0].seq, 2);
        settled(&server).await;
    }
}

on_both! {
    async fn all_refs_move_or_none_and_counters_go_on(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let mut story = Story::of_one("root");
        let root = story.tip();
        // The first push makes the repository, whose id nobody knows yet.
        let me = Pusher::new(&server, &anna);
        me.push(vec![update("refs/heads/draft", None, Some(root))], &stream_of(&story)).await.assert_status(200);
        assert_eq!(server.refs(&anna, SONG).await.default_branch, "draft");
        let one = story.commit(&[root], "one", &[("a.txt", b"1")]);
        let two = story.commit(&[one], "two", &[("a.txt", b"2")]);

        let mut three = Vec::new();
        for name in ["refs/heads/draft", "refs/heads/topic/x", "refs/tags/v1"] {
            three.push(me.signed(name, Some(two)).await);
        }
        let push = me.begin(three).await;
        me.stream(&push, 0, &stream_since(&story, 1)).await.assert_status(200);
        // Somebody else is faster with one of them.
        server.push_story(&anna, SONG, &Story::of_one("root"), "topic/x").await;
        me.commit(&push).await.assert_refused(409, "log_conflict");
        assert_eq!(server.head(&anna, SONG, "draft").await, Some(root));
        assert!(me.places().await.1.iter().all(|it| it.name != "refs/tags/v1"));

        let mut three = Vec::new();
        for name in ["refs/heads/draft", "refs/heads/topic/x", "refs/tags/v1"] {
            three.push(me.signed(name, Some(two)).await);
        }
        let done = landed(&me.push(three, &stream_since(&story, 1)).await);
        assert_eq!(done.updates.iter().map(|it| it.counter).collect::<Vec<_>>(), [2, 2, 1]);
        assert_eq!(done.updates.iter().map(|it| it.seq).collect::<Vec<_>>(), [3, 4, 5]);

        // Taken away and made again: the numbers go on.
        let nothing = Tape::begin().end();
        let gone = me.signed("refs/heads/topic/x", None).await;
        assert_eq!(landed(&me.push(vec![gone], &nothing).await).updates[0].counter, 3);
        assert_eq!(server.head(&anna, SONG, "topic/x").await, None);
        // Its directory is free again.
        let back = me.signed("refs/heads/topic", Some(one)).await;
        me.push(vec![back], &nothing).await.assert_status(200);
        let away = me.signed("refs/heads/topic", None).await;
        let back = me.signed("refs/heads/topic/x", Some(one)).await;
        let done = landed(&me.push(vec![away, back], &nothing).await);
        assert_eq!(done.updates.iter().map(|it| it.counter).collect::<Vec<_>>(), [2, 4]);

        // Back by force alone, and the branch that is shown first stays.
        let back = me.signed("refs/heads/draft", Some(root)).await;
        let plain = me.begin(vec![back.clone()]).await;
        me.commit(&plain).await.assert_refused(409, "not_fast_forward");
        me.push(vec![Update { force: true, ..back }], &nothing).await.assert_status(200);
        assert_eq!(server.head(&anna, SONG, "draft").await, Some(root));
        let gone = me.open(vec![me.signed("refs/heads/draft", None).await]).await;
        gone.assert_refused(403, "protected_ref");
        let moved = me.begin(vec![me.signed("refs/tags/v1", Some(root)).await]).await;
        me.commit(&moved).await.assert_refused(409, "not_fast_forward");
    }
}

on_both! {
    async fn of_two_pushes_to_one_branch_one_wins(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let root = Story::of_one("root");
        server.push_story(&anna, SONG, &root, "main").await;
        let me = Pusher::new(&server, &anna);
        let mut pushes = Vec::new();
        for number in 0..20_u32 {
            let mut story = Story::of_one("root");
            let tip = story.commit(&[root.tip()], &number.to_string(), &[("n", &number.to_le_bytes())]);
            // Half of them to a branch of their own, half to one.
            let name = if number % 2 == 0 { format!("refs/heads/b{number}") } else { MAIN.to_owned() };
            let push = me.begin(vec![me.signed(&name, Some(tip)).await]).await;
            me.stream(&push, 0, &stream_since(&story, 1)).await.assert_status(200);
            pushes.push(me.committing(&push));
        }
        let statuses = join_all(pushes.iter().map(|it| async { it.send().await.status })).await;
        assert_eq!(statuses.iter().filter(|it| **it == 200).count(), 11, "{statuses:?}");
        assert!(statuses.iter().all(|it| matches!(it, 200 | 409)), "{statuses:?}");
        let (items, _) = log(&server, &anna, 7).await;
        assert!(items.iter().zip(1..).all(|(it, seq)| it.seal.seq == seq));
        assert_eq!(items.len(), 12);
    }
}

#[tokio::test]
async fn a_push_is_seen_by_whoever_began_it_and_by_nobody_else() {
    let (server, anna) = server_and_anna().await;
    server.create(&anna, "song", "public").await;
    server.create(&anna, "other", "public").await;
    let boris = server.register("boris").await;
    let (story, me) = (Story::of_one("root"), Pusher::new(&server, &anna));
    let push = me.begin(vec![update(MAIN, None, Some(story.tip()))]).await;
    me.stream(&push, 0, &stream_of(&story)).await.assert_status(200);

    let his = Pusher { by: boris.clone(), ..me.clone() };
    his.open(vec![update(MAIN, None, Some(story.tip()))]).await.assert_refused(403, "forbidden");
    let elsewhere = Pusher { repository: "anna/other".to_owned(), ..me.clone() };
    for other in [&his, &elsewhere] {
        let expected = if other.repository == SONG { 403 } else { 404 };
        for (method, end) in [
            (Method::GET, ""),
            (Method::POST, "/commit"),
            (Method::POST, "/check"),
            (Method::DELETE, ""),
        ] {
            let asked = other.asking(method, &format!("/{}{end}", push.id), Value::map::<&str>([]));
            asked.send().await.assert_status(expected);
        }
    }
    let state = me.state(&push).await;
    elsewhere.stream(&push, state.offset, b"").await.assert_status(404);
    let made_up = Begun { token: "A".repeat(43), ..push.clone() };
    me.stream(&made_up, state.offset, b"").await.assert_refused(401, "unauthenticated");
    let unknown = Begun { id: "00000000-0000-0000-0000-000000000000".to_owned(), ..push.clone() };
    me.stream(&unknown, state.offset, b"").await.assert_refused(404, "not_found");
    // The token is for the stream alone.
    let target = format!("/{SONG}/v2/push/{}/commit", push.id);
    let bearer = format!("Bearer {}", push.token);
    let asked =
        server.post(&target).msgpack(&Value::map::<&str>([])).header("authorization", &bearer);
    asked.send().await.assert_status(401);

    me.asking(Method::DELETE, &format!("/{}", push.id), Value::Nil).send().await.assert_status(204);
    me.stream(&push, state.offset, b"").await.assert_refused(401, "unauthenticated");
    me.commit(&push).await.assert_refused(404, "not_found");
}
