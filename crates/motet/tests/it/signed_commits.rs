//! Signatures of commits: false ones are refused, good ones shown with whose key it is now (`spec/wire.md` 7).

use http::Method;
use names::{CommitId, Secret};
use serde_json::json;
use testkit::{Answer, Person, Server, Story};

use crate::{
    ground::{Ground, on_both},
    keyring::{revoke, second_key},
    matrix::agent,
    server_and_anna,
};

const SONG: &str = "anna/song";

/// One more commit of its own file, unsigned.
fn grow(story: &mut Story, message: &str) -> CommitId {
    let parents: Vec<_> = story.commits.last().map(|it| it.commit_id).into_iter().collect();
    story.commit(&parents, message, &[("song.txt", message.as_bytes())])
}

async fn push(server: &Server, by: &Person, story: &Story) -> Answer {
    server.push_objects(by, SONG, story.inline()).await.assert_status(200);
    server.push(by, SONG, story.push_to("main")).await
}

/// The word for the signature of a commit, and whether the page says that its agent is only claimed.
async fn shown(server: &Server, by: &Person, id: CommitId) -> (String, bool) {
    let page = server.get(&format!("/{SONG}/commit/{id}")).by(by).send().await;
    page.assert_status(200);
    let text = page.text();
    let row = text.split_once("<dt>Signature</dt>").unwrap().1.split_once("</dd>").unwrap().0;
    let badge = row.split_once('>').unwrap().1.split_once('>').unwrap().1;
    let word = badge.split_once('<').unwrap().0.trim_start_matches("✓ ").to_owned();
    (word, text.contains("claimed, not signed by this agent"))
}

async fn word(server: &Server, by: &Person, id: CommitId) -> String {
    shown(server, by, id).await.0
}

/// What somebody does to a commit.
type Change = fn(&mut api::CommitRecord);

/// Somebody whose key nobody has registered.
fn unregistered() -> Person {
    Person::new("late", Secret::new([99; 32]))
}

on_both! {
    async fn a_good_signature_is_shown_with_whose_it_is_and_survives_the_way(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, bert) = (server.register("anna").await, server.register("bert").await);
        let mut story = Story::default();
        let unsigned = grow(&mut story, "unsigned");
        let by_anna = grow(&mut story, "by anna");
        story.sign(&anna);
        // The author is a claim; the signer is not.
        let by_bert = grow(&mut story, "by bert, for anna");
        story.sign(&bert);
        let keyed = grow(&mut story, "a keyed hash");
        story.last().signature = "a".repeat(64);
        story.last().signer_key_id = "b".repeat(16);
        push(&server, &anna, &story).await.assert_status(200);
        for (id, expected) in
            [(unsigned, "unsigned"), (by_anna, "verified"), (by_bert, "verified"), (keyed, "unverifiable")]
        {
            assert_eq!(word(&server, &anna, id).await, expected);
        }
        let page = server.get(&format!("/{SONG}/commit/{by_bert}")).by(&anna).send().await.text();
        assert!(page.contains("by a key of bert"), "the signer is not named");
        assert!(page.contains("anna@example.test"), "the claimed author is not shown");
        let list = server.get(&format!("/{SONG}/commits/main")).by(&anna).send().await.text();
        assert_eq!(list.matches("✓ verified").count(), 2);

        // What was pushed comes back as it was, and is good elsewhere too.
        let fetched = server.fetch(&anna, SONG, &[story.tip()], &[]).await;
        let mut copy = Story { commits: fetched.commits, ..story.clone() };
        copy.commits.sort_by_key(|it| story.commits.iter().position(|one| one == it));
        assert_eq!(copy.commits, story.commits);
        server.push_story(&bert, "bert/song", &copy, "main").await;
        let there = server.get(&format!("/bert/song/commit/{by_anna}")).by(&bert).send().await;
        assert!(there.text().contains("by a key of anna"));
    }
}

#[tokio::test]
async fn a_false_signature_refuses_the_push() {
    let (server, anna) = server_and_anna().await;
    let mut story = Story::default();
    let first = grow(&mut story, "first");
    let second = grow(&mut story, "second");
    story.commit(&[second, first], "merge", &[("song.txt", b"merge")]);
    story.last().metadata.insert("section".to_owned(), "verse".to_owned());
    story.sign(&anna);
    let sound = story.clone();
    let changes: [(&str, Change); 9] = [
        ("author", |it| it.author = "Eve".to_owned()),
        ("branch", |it| it.branch = "other".to_owned()),
        ("agent", |it| it.agent_id = "loom".to_owned()),
        ("metadata", |it| drop(it.metadata.insert("section".to_owned(), "chorus".to_owned()))),
        ("order of the parents", |it| {
            std::mem::swap(&mut it.parent_commit_id, &mut it.parent2_commit_id);
        }),
        ("half a signature", |it| it.signature.truncate(60)),
        ("other base64", |it| it.signature = it.signature.replace('=', "-")),
        ("no key", |it| it.signer_key_id = String::new()),
        ("a key of another form", |it| it.signer_key_id = "0123456789abcdef".to_owned()),
    ];
    for (what, change) in changes {
        let mut forged = sound.clone();
        change(forged.last());
        let refused = push(&server, &anna, &forged).await;
        assert_eq!((refused.status, refused.code()), (422, "bad_signature".to_owned()), "{what}");
        assert!(refused.text().contains(&sound.tip().to_string()), "{what}: {}", refused.text());
        server.get(&format!("/{SONG}/refs")).by(&anna).send().await.assert_status(404);
    }
    push(&server, &anna, &sound).await.assert_status(200);
    assert_eq!(word(&server, &anna, sound.tip()).await, "verified");
}

on_both! {
    async fn keys_that_come_and_go_change_what_is_shown_at_once(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let late = unregistered();
        let mut story = Story::default();
        let before = grow(&mut story, "before the key was known");
        story.sign(&late);
        // Nobody can tell yet that this one is false.
        let forged = grow(&mut story, "by somebody else");
        story.sign(&late);
        "Eve".clone_into(&mut story.last().author);
        push(&server, &anna, &story).await.assert_status(200);
        assert_eq!(word(&server, &anna, before).await, "key unknown");
        assert_eq!(word(&server, &anna, forged).await, "key unknown");

        let line = late.key().public().to_openssh();
        let met = late.answer_to(&server.challenge("late", &line).await);
        server.post("/api/v1/auth/verify").json(&met).send().await.assert_status(201);
        assert_eq!(word(&server, &anna, before).await, "verified");
        assert_eq!(word(&server, &anna, forged).await, "unverifiable");

        // Given up: what came before stays good, what comes afterwards is not.
        let second = second_key(&server, &late, 98).await;
        let key = late.key().fingerprint().to_string();
        revoke(&server, &second, "late", &key, "retired").await.assert_status(200);
        assert_eq!(word(&server, &anna, before).await, "verified");
        let after = grow(&mut story, "after the key was given up");
        story.sign(&late);
        push(&server, &anna, &story).await.assert_status(200);
        assert_eq!(word(&server, &anna, after).await, "key revoked");

        // Somebody else may have had it from the beginning on.
        let since = "compromised&since=2020-01-01T00:00:00Z";
        revoke(&server, &second, "late", &key, since).await.assert_status(200);
        assert_eq!(word(&server, &anna, before).await, "key revoked");
    }
}

on_both! {
    async fn a_signature_is_taken_over_once_where_all_that_it_covers_is_equal(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let mut story = Story::default();
        let one = grow(&mut story, "one");
        story.last().author = String::new();
        push(&server, &anna, &story).await.assert_status(200);
        let mut signed = story.clone();
        "Anna".clone_into(&mut signed.last().author);
        "a large one".clone_into(&mut signed.last().model_id);
        signed.sign(&anna);
        // Other metadata than are stored would be taken over only where there are none; here the branch differs.
        let mut elsewhere = signed.clone();
        "other".clone_into(&mut elsewhere.last().branch);
        elsewhere.sign(&anna);
        push(&server, &anna, &elsewhere).await.assert_status(200);
        assert_eq!(word(&server, &anna, one).await, "unsigned");
        push(&server, &anna, &signed).await.assert_status(200);
        assert_eq!(word(&server, &anna, one).await, "verified");
        let stored = server.fetch(&anna, SONG, &[one], &[]).await.commits.remove(0);
        assert_eq!(&stored, signed.last());
        // Once: another signature does not replace it, and no signature does not take it away.
        let bert = server.register("bert").await;
        let mut other = signed.clone();
        other.sign(&bert);
        for again in [other, story] {
            push(&server, &anna, &again).await.assert_status(200);
            let now = server.fetch(&anna, SONG, &[one], &[]).await.commits.remove(0);
            assert_eq!(now, stored);
        }
    }
}

on_both! {
    async fn a_repository_takes_only_signed_commits_if_it_says_so(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, bert) = (server.register("anna").await, server.register("bert").await);
        let mut story = Story::default();
        grow(&mut story, "unsigned, from before");
        push(&server, &anna, &story).await.assert_status(200);
        let require = |what: &'static str| {
            let body = json!({ "require_signed_commits": what });
            server.request(Method::PATCH, "/api/v1/repos/anna/song").json(&body).by(&anna)
        };
        require("perhaps").send().await.assert_refused(422, "invalid");
        require("registered").send().await.assert_status(200);
        let told = server.get("/api/v1/repos/anna/song").by(&anna).send().await.json();
        assert_eq!(told["require_signed_commits"], "registered");

        let sound = story.clone();
        let mut ids = Vec::new();
        for number in 0..7 {
            ids.push(grow(&mut story, &format!("unsigned {number}")));
        }
        let refused = push(&server, &anna, &story).await;
        refused.assert_refused(422, "unsigned_commit");
        let named = ids.iter().filter(|id| refused.text().contains(&id.short())).count();
        assert!(refused.text().contains("7 are not") && named == 5, "{}", refused.text());
        story = sound.clone();
        grow(&mut story, "by an unknown key");
        story.sign(&unregistered());
        push(&server, &anna, &story).await.assert_refused(422, "unsigned_commit");

        // A stranger's registered key is good enough for one rule, and not for the other.
        story = sound;
        grow(&mut story, "by bert");
        story.sign(&bert);
        let of_bert = story.clone();
        require("members").send().await.assert_status(200);
        push(&server, &anna, &of_bert).await.assert_refused(422, "unsigned_commit");
        let level = json!({ "level": "write" });
        let target = "/api/v1/repos/anna/song/collaborators/bert";
        let given = server.request(Method::PUT, target).json(&level).by(&anna).send().await;
        assert!(given.status < 300, "{}", given.text());
        push(&server, &anna, &of_bert).await.assert_status(200);
        grow(&mut story, "by anna");
        story.sign(&anna);
        push(&server, &bert, &story).await.assert_status(200);
        require("off").send().await.assert_status(200);
        grow(&mut story, "unsigned again");
        push(&server, &bert, &story).await.assert_status(200);
    }
}

#[tokio::test]
async fn an_agent_is_believed_where_its_own_key_signed() {
    let (server, anna) = server_and_anna().await;
    let loom = agent(&server, &anna).await;
    let mut story = Story::default();
    let claim = |story: &mut Story, agent: &str, by: Option<&Person>| {
        let id = grow(story, &format!("{agent} {}", by.map_or("nobody", Person::handle)));
        story.last().agent_id = agent.to_owned();
        if let Some(by) = by {
            story.sign(by);
        }
        id
    };
    let own = claim(&mut story, "loom", Some(&loom));
    let unsigned = claim(&mut story, "loom", None);
    let of_owner = claim(&mut story, "loom", Some(&anna));
    let of_other = claim(&mut story, "robot", Some(&loom));
    let person = claim(&mut story, "anna", Some(&anna));
    push(&server, &anna, &story).await.assert_status(200);
    assert_eq!(shown(&server, &anna, own).await, ("verified".to_owned(), false));
    for id in [unsigned, of_owner, of_other, person] {
        assert!(shown(&server, &anna, id).await.1, "{id}");
    }
    let list = server.get(&format!("/{SONG}/commits/main")).by(&anna).send().await.text();
    assert_eq!(
        (list.matches("loom</bdi>, claimed").count(), list.matches("claimed").count()),
        (2, 4)
    );
    // The flag is the server's: it is in no record.
    let fetched = server.fetch(&anna, SONG, &[story.tip()], &[]).await;
    assert!(fetched.commits.iter().all(|it| it.metadata.is_empty()));
}
