//! Entries that their pusher signed hold at one place in one log (`spec/wire.md` 11, point 15).

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::{
    ground::{Ground, on_both},
    keyring::{revoke, second_key},
};

const MAIN: &str = "refs/heads/main";

/// The entry of an update.
fn entry(update: &Update) -> RefEntry {
    RefEntry::read(update.entry.as_bytes()).unwrap()
}

on_both! {
    async fn an_entry_holds_once_at_its_place_and_by_its_key(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let mut story = Story::of_one("root");
        let root = story.tip();
        server.push_story(&anna, SONG, &story, "main").await;
        server.push_story(&anna, "anna/other", &story, "main").await;
        let one = story.commit(&[root], "one", &[("a.txt", b"1")]);
        let me = Pusher::new(&server, &anna);
        let good = me.signed(MAIN, Some(one)).await;
        let elsewhere = Pusher { repository: "anna/other".to_owned(), ..me.clone() };

        // Another place.
        let changed = |change: &dyn Fn(&mut RefEntry)| {
            let mut it = entry(&good);
            change(&mut it);
            sign(good.clone(), &it, &anna)
        };
        let now = Clock::default().now();
        let late = Duration::from_mins(11);
        for (bad, status, code) in [
            (changed(&|it| it.counter = 1), 409, "log_conflict"),
            (changed(&|it| it.counter = 3), 409, "log_conflict"),
            (changed(&|it| it.prev = None), 409, "log_conflict"),
            (changed(&|it| it.old = String::new()), 409, "log_conflict"),
            (changed(&|it| it.new = root.to_string()), 409, "log_conflict"),
            (changed(&|it| "refs/heads/x".clone_into(&mut it.name)), 409, "log_conflict"),
            (changed(&|it| "00000000-0000-0000-0000-000000000000".clone_into(&mut it.repository_id)), 409, "log_conflict"),
            (changed(&|it| it.time = now.plus(late).to_string()), 422, "bad_entry"),
            (changed(&|it| it.time = names::UnixMillis(now.0 - 11 * 60_000).to_string()), 422, "bad_entry"),
            (Update { entry: String::new(), ..good.clone() }, 422, "bad_entry"),
            (Update { signature: String::new(), ..good.clone() }, 422, "bad_entry"),
            (Update { entry: good.entry.replace("motet-ref-v1", "motet-ref-v2"), ..good.clone() }, 422, "bad_entry"),
        ] {
            me.open(vec![bad.clone()]).await.assert_refused(status, code);
        }
        elsewhere.open(vec![good.clone()]).await.assert_refused(409, "log_conflict");

        // Another key: a stranger's, and one that signs in another's name.
        let eve = server.register("eve").await;
        let foreign = RefEntry { pusher_key: eve.key().fingerprint().to_string(), ..entry(&good) };
        me.open(vec![sign(good.clone(), &foreign, &eve)]).await.assert_refused(422, "bad_entry");
        me.open(vec![sign(good.clone(), &entry(&good), &eve)]).await.assert_refused(422, "bad_entry");

        let bytes = stream_since(&story, 1);
        me.push(vec![good.clone()], &bytes).await.assert_status(200);
        // The same again, also after the branch was put back to where it was.
        me.open(vec![good.clone()]).await.assert_refused(409, "log_conflict");
        let back = Update { force: true, ..me.signed(MAIN, Some(root)).await };
        me.push(vec![back], &Tape::begin().end()).await.assert_status(200);
        me.open(vec![good]).await.assert_refused(409, "log_conflict");
    }
}

on_both! {
    async fn what_was_granted_when_a_push_began_is_asked_again(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let mut story = Story::of_one("root");
        let root = story.tip();
        server.push_story(&anna, SONG, &story, "main").await;
        let one = story.commit(&[root], "one", &[("a.txt", b"1")]);
        let second = second_key(&server, &anna, 9).await;
        let hers = Pusher { by: second.clone(), ..Pusher::new(&server, &anna) };
        let me = Pusher::new(&server, &anna);
        let bytes = stream_since(&story, 1);

        let [cut, whole] = [
            hers.begin(vec![hers.signed(MAIN, Some(one)).await]).await,
            hers.begin(vec![hers.signed(MAIN, Some(one)).await]).await,
        ];
        hers.stream(&whole, 0, &bytes).await.assert_status(200);
        let name = second.key().fingerprint().to_string();
        assert!(revoke(&server, &anna, "anna", &name, "retired").await.status < 300);
        hers.stream(&cut, 0, &bytes).await.assert_refused(404, "not_found");
        hers.commit(&whole).await.assert_status(401);
        // Another key of hers cannot make good what this one signed.
        me.commit(&whole).await.assert_refused(422, "bad_entry");
        assert_eq!(server.head(&anna, SONG, "main").await, Some(root));

        // Signed refs alone: wire 1 and what is not signed are refused, this is not.
        let target = format!("/api/v1/repos/{SONG}");
        let asked = server.request(Method::PATCH, &target).by(&anna);
        asked.json(&json!({ "require_signed_refs": true })).send().await.assert_status(200);
        server.push_objects(&anna, SONG, story.inline()).await.assert_status(200);
        server.push(&anna, SONG, story.push_to("main")).await.assert_refused(422, "unsigned_entry");
        me.open(vec![update(MAIN, Some(root), Some(one))]).await.assert_refused(422, "unsigned_entry");
        me.push(vec![me.signed(MAIN, Some(one)).await], &bytes).await.assert_status(200);
        assert_eq!(server.head(&anna, SONG, "main").await, Some(one));
    }
}

on_both! {
    /// Signatures are verified before anything is held up for them; whose keys they are is asked at the moment of the commit.
    async fn a_key_that_was_given_up_since_its_commits_came_signs_nothing(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let mut story = Story::of_one("root");
        let root = story.tip();
        server.push_story(&anna, SONG, &story, "main").await;
        let target = format!("/api/v1/repos/{SONG}");
        let asked = server.request(Method::PATCH, &target).by(&anna);
        let body = json!({ "require_signed_commits": "registered" });
        asked.json(&body).send().await.assert_status(200);
        let (one, two) = (second_key(&server, &anna, 9).await, second_key(&server, &anna, 10).await);
        let me = Pusher::new(&server, &anna);
        let push = async |story: &Story, from: usize| {
            let tip = story.tip();
            let push = me.begin(vec![me.signed(MAIN, Some(tip)).await]).await;
            me.stream(&push, 0, &stream_since(story, from)).await.assert_status(200);
            push
        };
        let mut other = story.clone();
        story.commit(&[root], "by one", &[("a.txt", b"1")]);
        story.sign(&one);
        other.commit(&[root], "by two", &[("a.txt", b"2")]);
        other.sign(&two);
        let (of_one, of_two) = (push(&story, 1).await, push(&other, 1).await);
        let name = one.key().fingerprint().to_string();
        assert!(revoke(&server, &anna, "anna", &name, "retired").await.status < 300);
        me.commit(&of_one).await.assert_refused(422, "unsigned_commit");
        assert_eq!(server.head(&anna, SONG, "main").await, Some(root));
        me.commit(&of_two).await.assert_status(200);
        assert_eq!(server.head(&anna, SONG, "main").await, Some(other.tip()));
    }
}
