//! What a text in an address names: H46, H47, H25, and that a whole id gives the same bytes for ever.

use api::wire::PushRequest;
use names::CommitId;
use testkit::{Person, Server, Story};

use super::{API, json, page};
use crate::server_and_anna;

/// Four commits: 0, 1, 2 on top of one another, 3 merges 2 and a side from 0.
fn story() -> Story {
    let mut story = Story::default();
    let zero = story.commit(&[], "zero", &[("b/c/f.txt", b"zero"), ("f.txt", b"0")]);
    let one = story.commit(&[zero], "one", &[("b/c/f.txt", b"one"), ("f.txt", b"1")]);
    let two = story.commit(&[one], "two", &[("b/c/f.txt", b"two"), ("f.txt", b"2")]);
    let side = story.commit(&[zero], "side", &[("b/c/f.txt", b"side"), ("f.txt", b"s")]);
    story.commit(&[two, side], "merge", &[("b/c/f.txt", b"merge"), ("f.txt", b"m")]);
    story
}

/// A push of what one commit leads to.
fn up_to(story: &Story, last: usize, branch: &str) -> PushRequest {
    let mut part = story.clone();
    part.commits.truncate(last + 1);
    part.push_to(branch)
}

async fn named(server: &Server, anna: &Person, text: &str) -> Option<String> {
    let target = format!("{API}/song/commits/{}", super::escaped(text).replace('/', "%2F"));
    let answer = server.get(&target).by(anna).send().await;
    match answer.status {
        200 => Some(answer.json()["id"].as_str().unwrap().to_owned()),
        404 => None,
        other => Some(format!("{other} {}", answer.code())),
    }
}

async fn song(server: &Server, anna: &Person) -> Story {
    let story = story();
    server.create(anna, "song", "public").await;
    server.push_objects(anna, "anna/song", story.inline()).await.assert_status(200);
    server.push(anna, "anna/song", up_to(&story, 0, "a")).await.assert_status(200);
    server.push(anna, "anna/song", up_to(&story, 1, "b1")).await.assert_status(200);
    server.push(anna, "anna/song", story.push_to("main")).await.assert_status(200);
    crate::releases::publish(server, anna, "anna/song", &story, "v1.0.0").await;
    // The first that was pushed is shown first, unless another one is chosen.
    let first = server.request(http::Method::PATCH, &format!("{API}/song"));
    let first = first.json(&serde_json::json!({ "default_branch": "main" })).by(anna).send().await;
    first.assert_status(200);
    story
}

#[tokio::test]
async fn refs_tags_ids_their_beginnings_and_steps_back_are_named() {
    let (server, anna) = server_and_anna().await;
    let story = song(&server, &anna).await;
    let id = |at: usize| Some(story.commits[at].commit_id.to_string());
    let tip = story.tip().to_string();
    for (text, expected) in [
        ("main", id(4)),
        ("refs/heads/main", id(4)),
        ("HEAD", id(4)),
        ("refs/tags/v1.0.0", id(4)),
        ("v1.0.0", id(4)),
        (tip.as_str(), id(4)),
        (&tip[..7], id(4)),
        (&tip[..6], None),
        ("main~", id(2)),
        ("main^", id(2)),
        ("main~0", id(4)),
        ("main^0", id(4)),
        ("main^2", id(3)),
        ("main^3", None),
        ("main~3", id(0)),
        ("main~4", None),
        ("main~10001", None),
        ("main^2~1", id(0)),
        ("HEAD~2", id(1)),
        ("v1.0.0^2", id(3)),
        (&format!("{}~1", &tip[..12]), id(2)),
        ("main~x", None),
        ("none", None),
        ("refs/heads/none", None),
        ("refs/heads", None),
        (&"0".repeat(64), None),
        (&tip.to_uppercase(), None),
    ] {
        assert_eq!(named(&server, &anna, text).await, expected, "{text}");
    }
}

/// Of the names that fit, the longest is meant.
#[tokio::test]
async fn a_branch_with_slashes_wins_over_a_path() {
    let (server, anna) = server_and_anna().await;
    let story = song(&server, &anna).await;
    let raw = async |place: &str| {
        let answer = server.get(&format!("/anna/song/raw/{place}")).by(&anna).send().await;
        (answer.status, answer.text())
    };
    // Branch `a` and the path `b/c/f.txt`, until there is a branch `x/b`.
    assert_eq!(raw("a/b/c/f.txt").await, (200, "zero".to_owned()));
    server.push(&anna, "anna/song", up_to(&story, 1, "x/b")).await.assert_status(200);
    assert_eq!(raw("x/b/b/c/f.txt").await, (200, "one".to_owned()));
    assert_eq!(raw("x/b/f.txt").await, (200, "1".to_owned()));
    assert_eq!(raw("x/f.txt").await.0, 404);
    assert_eq!(raw("main~1/b/c/f.txt").await, (200, "two".to_owned()));
    assert_eq!(raw("main%5E2/b/c/f.txt").await, (200, "side".to_owned()));
    assert_eq!(raw("refs/heads/x/b/f.txt").await, (200, "1".to_owned()));
}

/// Names of 40 or 64 digits are ids, and no branch is called so.
#[tokio::test]
async fn a_branch_cannot_look_like_an_id() {
    let (server, anna) = server_and_anna().await;
    let story = Story::of_one("a song");
    server.push_story(&anna, "anna/song", &story, "main").await;
    for digits in [40, 64] {
        let name = "a".repeat(digits);
        let refused = server.push(&anna, "anna/song", story.push_to(&name)).await;
        assert_eq!(refused.status, 422, "{}", refused.text());
    }
}

/// H47: a commit that no ref leads to is not there, but for those who may push.
#[tokio::test]
async fn what_no_ref_leads_to_is_seen_by_writers_alone() {
    let (server, anna) = server_and_anna().await;
    let boris = server.register("boris").await;
    let mut story = Story::of_one("root");
    let root = story.tip();
    story.commit(&[root], "lost", &[("f.txt", b"lost")]);
    let lost = story.tip();
    server.create(&anna, "song", "public").await;
    server.push_objects(&anna, "anna/song", story.inline()).await.assert_status(200);
    server.push(&anna, "anna/song", story.push_to("main")).await.assert_status(200);
    let mut other = Story::of_one("root");
    other.commit(&[root], "kept", &[("f.txt", b"kept")]);
    server.push_objects(&anna, "anna/song", other.inline()).await.assert_status(200);
    let forced = PushRequest { force: true, ..other.push_to("main") };
    server.push(&anna, "anna/song", forced).await.assert_status(200);
    let short = &lost.to_string()[..9];
    for target in [
        format!("/anna/song/commit/{lost}"),
        format!("/anna/song/commit/{short}"),
        format!("/anna/song/tree/{lost}"),
        format!("/anna/song/blob/{lost}/f.txt"),
        format!("/anna/song/raw/{lost}/f.txt"),
        format!("/anna/song/blame/{lost}/f.txt"),
        format!("/anna/song/commits/{lost}"),
        format!("/anna/song/archive/{lost}.tar"),
        format!("/anna/song/compare/main...{lost}"),
        format!("{API}/song/commits/{lost}"),
        format!("{API}/song/commits/{lost}/diff"),
        format!("{API}/song/tree?ref={lost}"),
        format!("{API}/song/blob?ref={lost}&path=f.txt"),
        format!("{API}/song/files?ref={lost}"),
    ] {
        let seen = server.get(&target).by(&anna).send().await;
        assert_eq!(seen.status, 200, "{target}: {}", seen.text());
        assert_eq!(server.get(&target).by(&boris).send().await.status, 404, "{target}");
        assert_eq!(server.get(&target).send().await.status, 404, "{target}");
    }
    let told = page(&server, &anna, &format!("/anna/song/commit/{lost}")).await.text();
    assert!(told.contains("On no branch and no tag"), "{told}");
    let told = json(&server, &anna, &format!("{API}/song/commits/{lost}")).await;
    assert_eq!(told["hidden"], true);
    // A child that nobody else may see is told to nobody else.
    let children = async |by: Option<&Person>| {
        let target = format!("{API}/song/commits/{root}");
        let told = server.get(&target).by_some(by).send().await.json();
        told["children"].as_array().unwrap().len()
    };
    assert_eq!((children(Some(&anna)).await, children(None).await), (2, 1));
}

/// Invariant 12.
#[tokio::test]
async fn an_address_with_a_whole_id_gives_the_same_bytes_whatever_moves() {
    let (server, anna) = server_and_anna().await;
    let mut story = song(&server, &anna).await;
    let id: CommitId = story.commits[1].commit_id;
    let targets = [
        format!("/anna/song/raw/{id}/f.txt"),
        format!("/anna/song/archive/{id}.tar.gz"),
        format!("{API}/song/tree?ref={id}"),
        format!("{API}/song/commits/{id}/diff"),
        format!("{API}/song/commits?ref={id}"),
    ];
    let mut before = Vec::new();
    for target in &targets {
        before.push(server.get(target).by(&anna).send().await.body);
    }
    let tip = story.tip();
    story.commit(&[tip], "later", &[("f.txt", b"later")]);
    server.push_story(&anna, "anna/song", &story, "main").await;
    for (target, before) in targets.iter().zip(before) {
        assert!(server.get(target).by(&anna).send().await.body == before, "{target}");
    }
}

/// H25: what would lead elsewhere leads nowhere.
#[tokio::test]
async fn addresses_that_climb_or_hide_slashes_are_not_found() {
    let (server, anna) = server_and_anna().await;
    song(&server, &anna).await;
    for kind in ["raw", "blob", "tree", "blame", "commits"] {
        for place in [
            "main/%2e%2e%2fother",
            "main/%2e%2e/f.txt",
            "main/b/%2e%2e/f.txt",
            "main/%252e%252e%252ff.txt",
            "main/b%5Cc%5Cf.txt",
            "main/b//c/f.txt",
            "main/./f.txt",
            "main/%00",
            "main/f.txt%00.png",
            "main/.git/config",
            "main/.muse/HEAD",
            "%2e%2e/%2e%2e/etc/passwd",
        ] {
            let target = format!("/anna/song/{kind}/{place}");
            let answer = server.get(&target).by(&anna).send().await;
            assert!(matches!(answer.status, 400 | 404), "{target}: {}", answer.status);
        }
    }
    for path in ["../f.txt", "/f.txt/", "b/../f.txt", ".git/config", "b\\c"] {
        let target = format!("{API}/song/blob?path={}", super::escaped(path));
        let answer = server.get(&target).by(&anna).send().await;
        let expected = if path == "/f.txt/" { 200 } else { 404 };
        assert_eq!(answer.status, expected, "{path}");
    }
}
