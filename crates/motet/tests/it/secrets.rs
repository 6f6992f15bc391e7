//! No repository tells about another (`spec/wire.md` 6.4, 11.6, 11.7).

use names::{CommitId, ObjectId};
use testkit::{Person, Server, Story, object};

use crate::server_and_anna;

async fn with_boris() -> (Server, Person, Person) {
    let (server, anna) = server_and_anna().await;
    let boris = server.register("boris").await;
    (server, anna, boris)
}

#[tokio::test]
async fn an_object_of_a_foreign_private_repository_is_missing_like_any_other() {
    let (server, anna, boris) = with_boris().await;
    let story = Story::of_one("a secret");
    server.push_story(&anna, "anna/secret", &story, "main").await;
    server.create(&boris, "own", "private").await;
    let ids = [ObjectId::of(b"a secret"), ObjectId::of(b"held by nobody")];
    assert_eq!(server.missing(&boris, "boris/own", &ids).await, ids);
    // Nor does the owner's other repository know it.
    assert_eq!(server.missing(&anna, "anna/other", &ids).await, ids);
}

#[tokio::test]
async fn a_push_cannot_take_an_object_that_only_a_foreign_repository_holds() {
    let (server, anna, boris) = with_boris().await;
    let story = Story::of_one("a secret");
    server.push_story(&anna, "anna/secret", &story, "main").await;
    let refused = server.push(&boris, "boris/own", story.push_to("main")).await;
    refused.assert_refused(422, "missing_objects");
}

#[tokio::test]
async fn a_parent_in_a_foreign_repository_and_a_parent_nowhere_get_the_same_bytes() {
    let (server, anna, boris) = with_boris().await;
    let foreign = Story::of_one("a secret");
    server.push_story(&anna, "anna/secret", &foreign, "main").await;
    server.create(&boris, "own", "private").await;
    let mut answers = Vec::new();
    for parent in [foreign.tip(), CommitId::of(b"nowhere")] {
        let mut story = Story::default();
        story.commit(&[parent], "a child", &[("a.txt", b"a")]);
        server.push_objects(&boris, "boris/own", story.inline()).await.assert_status(200);
        let answer = server.push(&boris, "boris/own", story.push_to("main")).await;
        answer.assert_refused(409, "unknown_parent");
        // The sentence repeats the ids that the client sent.
        let own = [(parent, "PARENT"), (story.tip(), "CHILD")];
        answers.push(
            own.iter()
                .fold(answer.faceless(), |text, (id, word)| text.replace(&id.to_string(), word)),
        );
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn pending_objects_are_their_uploaders_alone() {
    let (server, anna, boris) = with_boris().await;
    let id = ObjectId::of(b"waiting");
    server.push_objects(&anna, "anna/song", vec![object(b"waiting")]).await.assert_status(200);
    assert_eq!(server.missing(&anna, "anna/song", &[id]).await, []);
    // Pending to one name is not pending to another, nor to another person's name.
    assert_eq!(server.missing(&anna, "anna/other", &[id]).await, [id]);
    assert_eq!(server.missing(&boris, "boris/song", &[id]).await, [id]);
    let mut story = Story::default();
    story.commit(&[], "taken", &[("a.txt", b"waiting")]);
    server
        .push(&boris, "boris/song", story.push_to("main"))
        .await
        .assert_refused(422, "missing_objects");
}

#[tokio::test]
async fn the_same_bytes_in_two_repositories_are_received_twice() {
    let (server, anna, boris) = with_boris().await;
    let story = Story::of_one("shared by chance");
    server.push_story(&anna, "anna/song", &story, "main").await;
    let stored = server.push_objects(&boris, "boris/song", story.inline()).await;
    assert_eq!(stored.wire::<api::wire::Stored>().stored, 1);
    server.push(&boris, "boris/song", story.push_to("main")).await.assert_status(200);
    for (who, repository) in [(&anna, "anna/song"), (&boris, "boris/song")] {
        let fetched = server.fetch(who, repository, &[story.tip()], &[]).await;
        assert_eq!(fetched.objects[0].content, b"shared by chance");
    }
}

#[tokio::test]
async fn a_commit_that_no_branch_reaches_cannot_be_fetched() {
    let (server, anna) = server_and_anna().await;
    let mut story = Story::of_one("root");
    let root = story.tip();
    let lost = story.commit(&[root], "lost", &[("a.txt", b"lost")]);
    server.push_story(&anna, "anna/song", &story, "main").await;
    let mut push =
        Story { commits: vec![story.commits[0].clone()], ..story.clone() }.push_to("main");
    push.force = true;
    server.push(&anna, "anna/song", push).await.assert_status(200);
    assert_eq!(server.head(&anna, "anna/song", "main").await, Some(root));
    let body = api::wire::FetchRequest { want: vec![lost], have: Vec::new() }.into();
    server.wire(&anna, "anna/song", "fetch", &body).send().await.assert_refused(404, "not_found");
}

#[tokio::test]
async fn a_list_shows_a_reader_only_what_the_reader_may_see() {
    let (server, anna, boris) = with_boris().await;
    server.create(&anna, "hidden", "private").await;
    server.create(&anna, "open", "public").await;
    let names = async |by: Option<&Person>, target: &str| {
        let answer = server.get(target).by_some(by).send().await;
        answer.assert_status(200);
        let items = answer.json()["items"].as_array().unwrap().clone();
        items.iter().map(|it| it["full_name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for target in ["/api/v1/repos", "/api/v1/repos?owner=anna"] {
        assert_eq!(names(None, target).await, ["anna/open"]);
        assert_eq!(names(Some(&boris), target).await, ["anna/open"]);
        let mut own = names(Some(&anna), target).await;
        own.sort();
        assert_eq!(own, ["anna/hidden", "anna/open"]);
    }
}
