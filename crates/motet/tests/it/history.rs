//! Branches move forward, repetition changes nothing, annotations grow (`spec/wire.md` 4, 5).

use api::{
    Value,
    wire::{Negotiate, Negotiated},
};
use names::{CommitId, ObjectId, Secret};
use serde_json::json;
use testkit::{Person, Server, Story};

use crate::{
    ground::{Ground, on_both, settled},
    organizations::post,
    server_and_anna,
};

const SONG: &str = "anna/song";

async fn record(server: &Server, anna: &Person, id: CommitId) -> api::CommitRecord {
    let mut fetched = server.fetch(anna, SONG, &[id], &[]).await;
    let at = fetched.commits.iter().position(|it| it.commit_id == id).unwrap();
    fetched.commits.swap_remove(at)
}

#[tokio::test]
async fn the_first_commit_must_be_the_only_tip() {
    let (server, anna) = server_and_anna().await;
    let mut story = Story::of_one("root");
    let root = story.tip();
    story.commit(&[root], "child", &[("a.txt", b"a")]);
    server.push_objects(&anna, SONG, story.inline()).await.assert_status(200);
    let mut push = story.push_to("main");
    push.commits.reverse();
    server.push(&anna, SONG, push).await.assert_refused(422, "bad_tip");

    let mut forked = story.clone();
    forked.commit(&[root], "another child", &[("b.txt", b"b")]);
    server.push_objects(&anna, SONG, forked.inline()).await.assert_status(200);
    server.push(&anna, SONG, forked.push_to("main")).await.assert_refused(422, "bad_tip");
}

#[tokio::test]
async fn a_push_without_commits_is_refused() {
    let (server, anna) = server_and_anna().await;
    let mut push = Story::of_one("root").push_to("main");
    push.commits.clear();
    server.push(&anna, SONG, push).await.assert_refused(422, "empty_push");
}

#[tokio::test]
async fn commits_may_come_in_any_order_after_the_tip() {
    let (server, anna) = server_and_anna().await;
    let mut story = Story::of_one("0");
    for number in 1..6 {
        let parent = story.tip();
        story.commit(&[parent], &number.to_string(), &[("n.txt", number.to_string().as_bytes())]);
    }
    server.push_objects(&anna, SONG, story.inline()).await.assert_status(200);
    let mut push = story.push_to("main");
    push.commits[1..].reverse();
    push.commits.swap(2, 4);
    server.push(&anna, SONG, push).await.assert_status(200);
    assert_eq!(server.fetch(&anna, SONG, &[story.tip()], &[]).await.commits.len(), 6);
}

/// Two children of one root: the one that is pushed second does not contain the first.
pub(crate) async fn diverged(server: &Server, anna: &Person) -> (Story, Story) {
    let mut ours = Story::of_one("root");
    let root = ours.tip();
    let mut theirs = ours.clone();
    ours.commit(&[root], "ours", &[("a.txt", b"ours")]);
    theirs.commit(&[root], "theirs", &[("a.txt", b"theirs")]);
    server.push_story(anna, SONG, &ours, "main").await;
    server.push_objects(anna, SONG, theirs.inline()).await.assert_status(200);
    (ours, theirs)
}

#[tokio::test]
async fn a_push_that_would_lose_commits_is_a_conflict_that_names_the_head() {
    let (server, anna) = server_and_anna().await;
    let (ours, theirs) = diverged(&server, &anna).await;
    let refused = server.push(&anna, SONG, theirs.push_to("main")).await;
    refused.assert_refused(409, "not_fast_forward");
    assert!(refused.text().contains(&ours.tip().to_string()), "{}", refused.text());
    assert_eq!(server.head(&anna, SONG, "main").await, Some(ours.tip()));
}

#[tokio::test]
async fn an_owner_may_force_a_branch() {
    let (server, anna) = server_and_anna().await;
    let (_, theirs) = diverged(&server, &anna).await;
    let mut push = theirs.push_to("main");
    push.force = true;
    server.push(&anna, SONG, push).await.assert_status(200);
    assert_eq!(server.head(&anna, SONG, "main").await, Some(theirs.tip()));
}

#[tokio::test]
async fn a_merge_of_both_sides_is_a_fast_forward() {
    let (server, anna) = server_and_anna().await;
    let (ours, mut theirs) = diverged(&server, &anna).await;
    let parents = [theirs.tip(), ours.tip()];
    let merge = theirs.commit(&parents, "merge", &[("a.txt", b"both")]);
    server.push_objects(&anna, SONG, theirs.inline()).await.assert_status(200);
    server.push(&anna, SONG, theirs.push_since(1, "main")).await.assert_status(200);
    assert_eq!(server.head(&anna, SONG, "main").await, Some(merge));
    assert_eq!(record(&server, &anna, merge).await.parents().collect::<Vec<_>>(), parents);
}

#[tokio::test]
async fn the_same_push_twice_gets_the_same_answer_and_writes_nothing() {
    let (server, anna) = server_and_anna().await;
    let story = Story::of_one("a song");
    server.push_objects(&anna, SONG, story.inline()).await.assert_status(200);
    let first = server.push(&anna, SONG, story.push_to("main")).await;
    first.assert_status(200);
    let repository = server.get("/api/v1/repos/anna/song").by(&anna).send().await.json();
    let second = server.push(&anna, SONG, story.push_to("main")).await;
    assert_eq!(second.value(), first.value());
    assert_eq!(server.get("/api/v1/repos/anna/song").by(&anna).send().await.json(), repository);
}

#[tokio::test]
async fn a_known_head_under_a_new_name_needs_no_objects() {
    let (server, anna) = server_and_anna().await;
    let story = Story::of_one("a song");
    server.push_story(&anna, SONG, &story, "main").await;
    server.push(&anna, SONG, story.push_to("twin")).await.assert_status(200);
    assert_eq!(server.head(&anna, SONG, "twin").await, Some(story.tip()));
}

#[tokio::test]
async fn reviewers_and_test_runs_only_grow() {
    let (server, anna) = server_and_anna().await;
    let mut story = Story::of_one("a song");
    let id = story.tip();
    let reviewed = |it: &mut Story, reviewers: &[&str], runs| {
        it.last().reviewed_by = reviewers.iter().map(ToString::to_string).collect();
        it.last().test_runs = runs;
    };
    reviewed(&mut story, &["bo", "ada"], 5);
    server.push_story(&anna, SONG, &story, "main").await;
    for (reviewers, runs, grown, most) in [
        (&["cy"][..], 2, &["ada", "bo", "cy"][..], 5),
        (&[], 9, &["ada", "bo", "cy"], 9),
        (&["ada"], 0, &["ada", "bo", "cy"], 9),
    ] {
        reviewed(&mut story, reviewers, runs);
        server.push(&anna, SONG, story.push_to("main")).await.assert_status(200);
        let mut kept = record(&server, &anna, id).await;
        kept.reviewed_by.sort();
        assert_eq!(
            (kept.reviewed_by, kept.test_runs),
            (grown.iter().map(ToString::to_string).collect(), most)
        );
    }
}

#[tokio::test]
async fn a_delta_is_taken_once_and_null_never_takes_it_away() {
    let (server, anna) = server_and_anna().await;
    let delta = |summary: &str| {
        let ops = Value::Array(Vec::new());
        Some(Value::map([
            ("domain", Value::from("code")),
            ("ops", ops),
            ("summary", summary.into()),
        ]))
    };
    let mut story = Story::of_one("a song");
    let id = story.tip();
    server.push_story(&anna, SONG, &story, "main").await;
    assert_eq!(record(&server, &anna, id).await.structured_delta, None);
    for (sent, kept) in
        [(delta("one"), delta("one")), (None, delta("one")), (delta("two"), delta("one"))]
    {
        story.last().structured_delta = sent;
        server.push(&anna, SONG, story.push_to("main")).await.assert_status(200);
        assert_eq!(record(&server, &anna, id).await.structured_delta, kept);
    }
}

/// What the Muse client signs with a shared secret: nobody but its maker can say whether it is good (`spec/wire.md` 7).
#[tokio::test]
async fn a_signature_of_64_digits_is_kept_and_shown_as_unverifiable() {
    let (server, anna) = server_and_anna().await;
    let mut story = Story::of_one("a song");
    story.last().signature = "5e".repeat(32);
    story.last().signer_key_id = "0123456789abcdef".to_owned();
    server.push_story(&anna, SONG, &story, "main").await;
    let kept = record(&server, &anna, story.tip()).await;
    assert_eq!((&*kept.signature, &*kept.signer_key_id), (&*"5e".repeat(32), "0123456789abcdef"));
    for target in [format!("/{SONG}/commits/main"), format!("/{SONG}/commit/{}", story.tip())] {
        let page = server.get(&target).by(&anna).send().await.text();
        assert!(page.contains("unverifiable"), "{target}");
        assert!(!page.contains("✓") && !page.contains(">verified"), "{target}");
    }
}

#[tokio::test]
async fn the_fields_of_a_known_commit_are_not_replaced() {
    let (server, anna) = server_and_anna().await;
    let mut story = Story::of_one("a song");
    server.push_story(&anna, SONG, &story, "main").await;
    let before = record(&server, &anna, story.tip()).await;
    story.last().author = "Mallory".to_owned();
    story.last().agent_id = "mallory".to_owned();
    story.last().metadata = [("section".to_owned(), "verse".to_owned())].into();
    server.push(&anna, SONG, story.push_to("main")).await.assert_status(200);
    assert_eq!(record(&server, &anna, story.tip()).await, before);
}

/// A name in a commit is a name in a commit (`spec/trust.md` 1, agent labels; 16, point 47).
#[tokio::test]
async fn an_agent_that_a_commit_names_is_taken_and_shown_as_claimed() {
    let (server, anna) = server_and_anna().await;
    let mut story = Story::of_one("a song");
    story.last().agent_id = "nobody-knows/this-agent".to_owned();
    server.create(&anna, "song", "public").await;
    server.push_story(&anna, SONG, &story, "main").await;
    let page = server.get(&format!("/{SONG}/commit/{}", story.tip())).send().await;
    page.assert_status(200);
    let text = page.text();
    assert!(text.contains("this-agent") && text.contains(CLAIMED), "{text}");
    let warned = server.log();
    let warned = warned
        .lines()
        .find(|line| line.contains("names an agent") || line.contains("name an agent"));
    let warned = warned.expect("the log says so");
    assert!(warned.contains("WARN") && warned.contains("nobody-knows/this-agent"), "{warned}");
    // What a text says gives nobody a right.
    let boris = server.register("boris").await;
    let mut theirs = story.clone();
    theirs.commit(&[story.tip()], "theirs", &[("a.txt", b"a")]);
    theirs.last().agent_id = "anna".to_owned();
    server.push(&boris, SONG, theirs.push_since(1, "main")).await.assert_refused(403, "forbidden");
}

const CLAIMED: &str = "claimed, not signed by this agent";

on_both! {
    /// Registered is what the agent pushed itself, and what it is called decides nothing else.
    async fn an_agent_that_pushes_is_known_by_its_credential_and_others_by_what_the_install_expects(ground: Ground) {
        let server = ground.server().arg("--trusted-agent-prefix").arg("note-g,lab").start().await;
        let anna = server.register("anna").await;
        server.create(&anna, "song", "public").await;
        let scope = json!({ "planes": { "hub": "write" }, "repositories": [SONG] });
        post(&server, "/api/v1/agents", &anna, json!({ "handle": "loom", "scope": scope })).await.assert_status(201);
        let loom = Person::new("loom", Secret::new([6; 32]));
        let challenge = server.challenge("loom", &loom.key().public().to_openssh()).await;
        post(&server, "/api/v1/auth/verify", &anna, loom.answer_to(&challenge)).await.assert_status(201);
        let shows = async |repository: &str, id: CommitId| {
            let page = server.get(&format!("/{repository}/commit/{id}")).send().await;
            page.assert_status(200);
            page.text().contains(CLAIMED)
        };
        let mut seen = Vec::new();
        let mut story = Story::of_one("a song");
        server.push_story(&anna, SONG, &story, "main").await;
        for (pusher, agent, is_claimed) in [
            (&loom, "loom", false),
            (&loom, "note-g/two", false),
            (&loom, "note-gee", true),
            (&loom, "other", true),
            (&anna, "loom", true),
            (&anna, "lab", false),
        ] {
            let tip = story.tip();
            story.commit(&[tip], &format!("{agent} by {}", pusher.handle()), &[("a.txt", agent.as_bytes())]);
            agent.clone_into(&mut story.last().agent_id);
            let from = story.commits.len() - 1;
            server.push_objects(pusher, SONG, story.inline()).await.assert_status(200);
            let branch = format!("agent/loom/{from}");
            server.push(pusher, SONG, story.push_since(from, &branch)).await.assert_status(200);
            assert_eq!(shows(SONG, story.tip()).await, is_claimed, "{agent} by {}", pusher.handle());
            seen.push((story.tip(), is_claimed));
        }
        // A copy says what was said of its commits.
        let forked = post(&server, "/api/v1/repos/anna/song/forks", &anna, json!({ "name": "copy" })).await;
        assert!(forked.status < 300, "{}", forked.text());
        settled(&server).await;
        for (id, is_claimed) in seen {
            assert_eq!(shows("anna/copy", id).await, is_claimed, "{id}");
        }
    }
}

#[tokio::test]
async fn a_fetch_brings_what_the_client_lacks_and_no_more() {
    let (server, anna) = server_and_anna().await;
    let mut story = Story::default();
    let first = story.commit(&[], "first", &[("a.txt", b"a"), ("same.txt", b"same")]);
    let second = story.commit(&[first], "second", &[("a.txt", b"b"), ("same.txt", b"same")]);
    server.push_story(&anna, SONG, &story, "main").await;

    let fetched =
        server.fetch(&anna, SONG, &[second, second], &[first, CommitId::of(b"unknown")]).await;
    assert_eq!(fetched.commits.iter().map(|it| it.commit_id).collect::<Vec<_>>(), [second]);
    assert_eq!(
        fetched.objects.iter().map(|it| it.object_id).collect::<Vec<_>>(),
        [ObjectId::of(b"b")]
    );
    let nothing = server.fetch(&anna, SONG, &[second], &[second]).await;
    assert!(
        nothing.commits.is_empty() && nothing.snapshots.is_empty() && nothing.objects.is_empty()
    );
}

#[tokio::test]
async fn a_negotiation_finds_the_newest_commit_in_common() {
    let (server, anna) = server_and_anna().await;
    let mut story = Story::of_one("0");
    for number in 1..5 {
        let parent = story.tip();
        story.commit(&[parent], &number.to_string(), &[("n.txt", number.to_string().as_bytes())]);
    }
    server.push_story(&anna, SONG, &story, "main").await;
    let ids: Vec<_> = story.commits.iter().map(|it| it.commit_id).collect();
    let unknown = CommitId::of(b"unknown");
    let body = Negotiate { want: vec![ids[4]], have: vec![ids[1], unknown, ids[3], ids[0]] }.into();
    let found: Negotiated = server.wire(&anna, SONG, "negotiate", &body).send().await.wire();
    assert_eq!(
        (found.ack, found.common_base, found.ready),
        (vec![ids[1], ids[3], ids[0]], Some(ids[3]), true)
    );

    let body = Negotiate { want: vec![ids[4]], have: Vec::new() }.into();
    let found: Negotiated = server.wire(&anna, SONG, "negotiate", &body).send().await.wire();
    assert_eq!((found.ack.len(), found.common_base, found.ready), (0, None, true));
}
