//! Labels of commits (`spec/wire.md` 1.5, 4).

use api::{
    Value,
    wire::{Label, LabelPage, LabelsStored, NewLabels},
};
use names::{CommitId, Id, Random, UnixMillis};
use testkit::{Answer, Person, Server, Story};

use crate::ground::{Ground, on_both};

const SONG: &str = "anna/song";

/// A label with an id that `number` makes.
fn label(number: u64, commit_id: CommitId, tag: &str) -> Label {
    Label {
        tag_id: Id::new(UnixMillis(1), &Random::seeded(number)),
        repo_id: "whatever".to_owned(),
        commit_id,
        tag: tag.to_owned(),
        created_at: "2026-11-21T12:00:00+00:00".to_owned(),
    }
}

async fn send(server: &Server, by: &Person, tags: Vec<Label>) -> Answer {
    server.wire(by, SONG, "tags", &Value::from(NewLabels { tags })).send().await
}

async fn page(server: &Server, cursor: Option<&str>) -> LabelPage {
    let query = cursor.map(|it| format!("?cursor={it}")).unwrap_or_default();
    let request = server.get(&format!("/{SONG}/tags{query}"));
    request.header("accept", "application/x-msgpack").send().await.wire()
}

async fn house(ground: &Ground) -> (Server, Person, Story) {
    let server = ground.server().start().await;
    let anna = server.register("anna").await;
    server.create(&anna, "song", "public").await;
    let story = Story::of_one("a song");
    server.push_story(&anna, SONG, &story, "main").await;
    (server, anna, story)
}

on_both! {
    async fn labels_are_kept_once_and_never_changed(ground: Ground) {
        let (server, anna, story) = house(&ground).await;
        let first = [label(1, story.tip(), "section:verse"), label(2, story.tip(), "emotion:joy")];
        let stored = send(&server, &anna, first.to_vec()).await.wire::<LabelsStored>();
        assert_eq!(stored.stored, 2);
        // Known by their ids, whatever they say now; one is new, and comes twice.
        let again = vec![
            label(1, story.tip(), "section:chorus"),
            label(3, story.tip(), "section:verse"),
            label(3, story.tip(), "section:verse"),
        ];
        assert_eq!(send(&server, &anna, again).await.wire::<LabelsStored>().stored, 1);
        let shown = page(&server, None).await;
        assert_eq!(shown.next_cursor, None);
        let repo_id = server.refs(&anna, SONG).await.repo_id;
        let mut expected: Vec<_> = first.into_iter().chain([label(3, story.tip(), "section:verse")])
            .map(|it| Label { repo_id: repo_id.clone(), ..it }).collect();
        let (mut found, by_id) = (shown.tags, |it: &Label| it.tag_id);
        found.sort_by_key(by_id);
        expected.sort_by_key(by_id);
        assert_eq!(found, expected);
        // Beside the commit, each word once.
        for target in [format!("/{SONG}/commits/main"), format!("/{SONG}/commit/{}", story.tip())] {
            let page = server.get(&target).send().await.text();
            assert_eq!(page.matches("section:verse").count(), 1, "{target}");
            assert!(page.contains("emotion:joy"), "{target}");
        }
    }
}

on_both! {
    async fn labels_are_read_page_by_page(ground: Ground) {
        let (server, anna, story) = house(&ground).await;
        let tip = story.tip();
        for (from, to) in [(0, 1_500), (1_500, 2_200)] {
            let tags = (from..to).map(|number| label(number, tip, &format!("n:{number}"))).collect();
            send(&server, &anna, tags).await.assert_status(200);
        }
        let (mut cursor, mut seen, mut sizes) = (None, std::collections::BTreeSet::new(), Vec::new());
        loop {
            let shown = page(&server, cursor.as_deref()).await;
            sizes.push(shown.tags.len());
            seen.extend(shown.tags.into_iter().map(|it| it.tag));
            cursor = shown.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!((seen.len(), sizes), (2_200, vec![1_000, 1_000, 200]));
        server.get(&format!("/{SONG}/tags?cursor=AAAA")).send().await.assert_refused(400, "malformed");
        // Those of one commit as JSON, in the order in which they came.
        let first = format!("/api/v1/repos/{SONG}/commits/{tip}/labels?limit=100");
        let (mut target, mut told) = (first.clone(), Vec::new());
        loop {
            let shown = server.get(&target).send().await.json();
            let items = shown["items"].as_array().unwrap();
            told.extend(items.iter().map(|it| it["label"].as_str().unwrap().to_owned()));
            match shown["next_cursor"].as_str() {
                Some(next) => target = format!("{first}&cursor={next}"),
                None => break,
            }
        }
        assert_eq!((told.len(), told.into_iter().collect::<std::collections::BTreeSet<_>>()), (2_200, seen));
        let other = format!("/api/v1/repos/{SONG}/commits/{}/labels", CommitId::of(b"nowhere"));
        server.get(&other).send().await.assert_refused(404, "not_found");
        // A page shows some of them.
        let shown = server.get(&format!("/{SONG}/commits/main")).send().await.text();
        assert_eq!(shown.matches("n:").count(), 20);
    }
}

#[tokio::test]
async fn a_label_of_a_commit_that_is_not_held_keeps_nothing_of_the_request() {
    let (server, anna, story) = house(&Ground::Sqlite).await;
    let unknown = CommitId::of(b"nowhere");
    let refused =
        send(&server, &anna, vec![label(1, story.tip(), "a"), label(2, unknown, "b")]).await;
    refused.assert_refused(422, "unknown_commit");
    assert!(refused.text().contains(&unknown.to_string()));
    assert!(page(&server, None).await.tags.is_empty());
    let many = (0..=10_000).map(|number| label(number, story.tip(), "a")).collect();
    send(&server, &anna, many).await.assert_refused(413, "too_large");
    send(&server, &anna, vec![label(1, story.tip(), &"x".repeat(501))])
        .await
        .assert_refused(413, "too_large");
    send(&server, &anna, vec![label(1, story.tip(), &"x".repeat(500))]).await.assert_status(200);
}

#[tokio::test]
async fn only_those_who_may_push_label() {
    let (server, anna, story) = house(&Ground::Sqlite).await;
    let bo = server.register("bo").await;
    send(&server, &bo, vec![label(1, story.tip(), "a")]).await.assert_refused(403, "forbidden");
    let body = Value::from(NewLabels { tags: vec![label(1, story.tip(), "a")] });
    server
        .wire(&anna, SONG, "tags", &body)
        .unsigned()
        .send()
        .await
        .assert_refused(401, "unauthenticated");
    server.post("/api/v1/repos/anna/song/archive").by(&anna).send().await.assert_status(200);
    send(&server, &anna, vec![label(1, story.tip(), "a")]).await.assert_refused(403, "archived");
}

#[tokio::test]
async fn a_label_that_would_deceive_is_made_visible() {
    let (server, anna, story) = house(&Ground::Sqlite).await;
    send(&server, &anna, vec![label(1, story.tip(), "<b>\u{202e}evil")]).await.assert_status(200);
    for target in [format!("/{SONG}/commits/main"), format!("/{SONG}/commit/{}", story.tip())] {
        let page = server.get(&target).send().await.text();
        assert!(!page.contains("<b>") && !page.contains('\u{202e}'), "{target}");
        assert!(page.contains("&#60;b&#62;") || page.contains("&lt;b&gt;"), "{target}");
    }
}

#[tokio::test]
async fn a_body_of_labels_or_of_a_release_has_at_most_10_mib() {
    let (server, anna, _) = house(&Ground::Sqlite).await;
    let large = vec![b' '; (10 << 20) + 1];
    for endpoint in ["tags", "releases"] {
        let request = server.post(&format!("/{SONG}/{endpoint}")).body(large.clone()).by(&anna);
        request.send().await.assert_refused(413, "too_large");
    }
}
