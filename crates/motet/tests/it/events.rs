//! What happens is told to those who ask for it, as the list of events has it, on every way in (`spec/webhooks.md` 2).

use std::collections::HashMap;

use http::Method;
use serde_json::{Value, json};
use testkit::{Person, Receiver, Server, Story};

use crate::{
    git,
    ground::{Ground, eventually, on_both, settled},
    organizations::{delete, join, post, put},
    releases,
    webhooks::{ends, house},
};

const SONG: &str = "/api/v1/repos/anna/song";

async fn patch(server: &Server, target: &str, by: &Person, body: Value) {
    let answer = server.request(Method::PATCH, target).json(&body).by(by).send().await;
    assert!(answer.status < 300, "{target}: {}", answer.text());
}

/// A subscription to everything at an address; gives its own.
async fn listens(server: &Server, by: &Person, at: &str, receiver: &Receiver) -> String {
    let new = json!({ "url": format!("http://{}/hook", receiver.address), "events": ["*"] });
    let made = post(server, at, by, new).await;
    made.assert_status(201);
    format!("{at}/{}", made.json()["webhook"]["id"].as_str().unwrap())
}

/// What came so far, but what is said of webhooks themselves.
fn heard(receiver: &Receiver) -> Vec<Value> {
    let seen = receiver.seen();
    let read = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap();
    seen.iter().map(|it| read(&it.body)).filter(|it| it["type"] != "ping").collect()
}

/// The events of a type, once there are so many.
async fn told(receiver: &Receiver, kind: &str, count: usize) -> Vec<Value> {
    let of_kind =
        || heard(receiver).into_iter().filter(|it| it["type"] == kind).collect::<Vec<_>>();
    eventually(kind, async || of_kind().len() >= count).await;
    let found = of_kind();
    assert_eq!(found.len(), count, "{kind}: {found:?}");
    found
}

/// Of each subject the numbers that were told of follow each other, in the order in which they came.
fn assert_no_gaps(all: &[Value]) {
    let mut last = HashMap::<&str, i64>::new();
    for it in all {
        let (subject, number) = (it["subject"].as_str().unwrap(), it["sequence"].as_i64().unwrap());
        if let Some(before) = last.insert(subject, number) {
            assert_eq!(number, before + 1, "{subject}: {all:#?}");
        }
    }
}

on_both! {
    async fn a_push_is_told_with_its_commits(ground: Ground) {
        let receiver = Receiver::answering(&[204]).await;
        let (server, anna) = house(&ground, &receiver).await;
        listens(&server, &anna, &format!("{SONG}/webhooks"), &receiver).await;
        let mut story = Story::of_one("a song");
        story.sign(&anna);
        server.push_story(&anna, "anna/song", &story, "main").await;
        let push = told(&receiver, "push", 1).await.remove(0);
        let (base, first) = (server.base_url(), story.tip());
        assert_eq!(push["action_url"], format!("{base}/anna/song/commit/{first}"));
        assert_eq!(push["actor"]["handle"], "anna");
        assert_eq!(push["actor"]["kind"], "person");
        assert_eq!(push["on_behalf_of"], Value::Null);
        assert_ne!(push["request_id"], Value::Null);
        let repository = &push["repository"];
        assert_eq!((&repository["owner"], &repository["name"]), (&json!("anna"), &json!("song")));
        assert_eq!((&repository["format"], &repository["visibility"]), (&json!("muse"), &json!("private")));
        assert_eq!(repository["url"], format!("{base}/anna/song"));
        let data = &push["data"];
        let expected = json!({
            "ref": "refs/heads/main", "before": null, "after": first.to_string(), "forced": false, "created": true,
            "deleted": false, "commits_total": 1, "commits_partial": false, "proposal": null,
            "compare_url": format!("{base}/anna/song/commit/{first}"),
            "commits": [{
                "id": first.to_string(), "message": "a song", "author": "Anna <anna@example.test>",
                "time": data["commits"][0]["time"], "verified": true,
            }],
        });
        assert_eq!(data, &expected);
        let created = told(&receiver, "ref.created", 1).await.remove(0);
        let target = first.to_string();
        assert_eq!(created["data"], json!({ "ref": "refs/heads/main", "kind": "branch", "target": target }));
        assert_eq!(created["subject"], push["subject"]);
        assert_eq!(push["subject"], format!("ref:{}:refs/heads/main", repository["id"].as_str().unwrap()));

        let parent = story.tip();
        for line in 0..25 {
            let line = format!("line {line}");
            story.commit(&[story.tip()], &line, &[("README.md", line.as_bytes())]);
        }
        server.push_story(&anna, "anna/song", &story, "main").await;
        let second = told(&receiver, "push", 2).await.remove(1);
        let data = &second["data"];
        assert_eq!((&data["before"], &data["created"]), (&json!(parent.to_string()), &json!(false)));
        assert_eq!((&data["commits_total"], data["commits"].as_array().unwrap().len()), (&json!(25), 20));
        assert_eq!(data["commits"][0]["verified"], false);
        assert_eq!(data["compare_url"], format!("{base}/anna/song/compare/{parent}...{}", story.tip()));

        server.push_story(&anna, "anna/song", &story, "side").await;
        let gone = delete(&server, &format!("{SONG}/refs/heads/side"), &anna).await;
        assert!(gone.status < 300, "{}", gone.text());
        let deleted = told(&receiver, "ref.deleted", 1).await.remove(0);
        assert_eq!(deleted["data"]["target"], story.tip().to_string());
        let last = told(&receiver, "push", 4).await.remove(3);
        assert_eq!((&last["data"]["deleted"], &last["data"]["after"]), (&json!(true), &Value::Null));
        assert_no_gaps(&heard(&receiver));
    }
}

on_both! {
    async fn what_becomes_of_a_repository_is_told(ground: Ground) {
        let receiver = Receiver::answering(&[204]).await;
        let (server, anna) = house(&ground, &receiver).await;
        let boris = server.register("boris").await;
        let story = Story::of_one("a song");
        server.push_story(&anna, "anna/song", &story, "main").await;
        listens(&server, &anna, &format!("{SONG}/webhooks"), &receiver).await;
        let hook_of_boris = async |at: &str| listens(&server, &boris, at, &receiver).await;

        let shown = json!({ "visibility": "public", "confirm": "anna/song" });
        patch(&server, SONG, &anna, shown).await;
        let seen = told(&receiver, "repository.visibility_changed", 1).await.remove(0);
        assert_eq!(seen["data"], json!({ "changes": { "visibility": { "from": "private", "to": "public" } }, "fork": null }));
        assert_eq!(seen["repository"]["visibility"], "public");

        put(&server, &format!("{SONG}/star"), &boris, json!({})).await;
        let star = told(&receiver, "repository.starred", 1).await.remove(0);
        assert_eq!(star["actor"]["handle"], "boris");

        post(&server, &format!("{SONG}/forks"), &boris, json!({})).await.assert_status(202);
        let fork = told(&receiver, "repository.forked", 1).await.remove(0);
        assert_eq!(fork["data"]["fork"]["owner"], "boris");
        settled(&server).await;

        releases::publish(&server, &anna, "anna/song", &story, "v1.0.0").await;
        let published = told(&receiver, "release.published", 1).await.remove(0);
        let release = &published["data"]["release"];
        assert_eq!((&release["tag"], &release["semver"]), (&json!("v1.0.0"), &json!("v1.0.0")));
        assert_eq!((&release["channel"], &release["yanked"]), (&json!("stable"), &json!(false)));
        assert_eq!(release["author"]["handle"], "anna");
        assert_eq!(release["commit"], story.tip().to_string());
        let tag = told(&receiver, "ref.created", 1).await.remove(0);
        assert_eq!(tag["data"]["kind"], "tag");
        delete(&server, "/anna/song/releases/v1.0.0", &anna).await.assert_status(200);
        let yanked = told(&receiver, "release.yanked", 1).await.remove(0);
        assert_eq!(yanked["data"]["reason"], "retracted by a Muse client");
        assert_eq!((&yanked["subject"], &yanked["sequence"]), (&published["subject"], &json!(2)));

        post(&server, &format!("{SONG}/archive"), &anna, json!({})).await;
        post(&server, &format!("{SONG}/unarchive"), &anna, json!({})).await;
        let archived = told(&receiver, "repository.archived", 2).await;
        assert_eq!(archived[1]["data"]["changes"]["archived"], json!({ "from": "yes", "to": "no" }));

        patch(&server, SONG, &anna, json!({ "name": "hymn" })).await;
        let renamed = told(&receiver, "repository.renamed", 1).await.remove(0);
        assert_eq!(renamed["data"]["changes"]["name"], json!({ "from": "song", "to": "hymn" }));
        assert_eq!(renamed["repository"]["name"], "hymn");

        let asked = json!({ "to": "boris", "confirm": "anna/hymn" });
        let asked = post(&server, "/api/v1/repos/anna/hymn/transfer", &anna, asked).await;
        let id = asked.json()["id"].as_str().unwrap().to_owned();
        post(&server, &format!("/api/v1/transfers/{id}/accept"), &boris, json!({})).await;
        // It is public, so anna may still read it.
        let moved = told(&receiver, "repository.transferred", 1).await.remove(0);
        assert_eq!(moved["data"]["changes"]["owner"], json!({ "from": "anna", "to": "boris" }));
        assert_eq!(moved["repository"]["owner"], "boris");
        assert_no_gaps(&heard(&receiver));

        // That it is gone hears who could bring it back.
        hook_of_boris("/api/v1/repos/boris/hymn/webhooks").await;
        let confirm = json!({ "confirm": "boris/hymn" });
        let gone = server.request(Method::DELETE, "/api/v1/repos/boris/hymn").json(&confirm);
        gone.by(&boris).send().await.assert_status(204);
        told(&receiver, "repository.deleted", 1).await;
    }
}

on_both! {
    async fn every_way_in_is_heard(ground: Ground) {
        let receiver = Receiver::answering(&[204]).await;
        let allowed = format!("--webhook-allow={}", receiver.address);
        let stage = git::stage(ground.server().arg(allowed), "private").await;
        let (server, anna) = (&stage.server, &stage.anna);
        let at = format!("/api/v1/repos/{}/webhooks", stage.songs);
        listens(server, anna, &at, &receiver).await;
        stage.user.does("one", &["push", "-q", &stage.url, "main", "main:refs/tags/v1"]);
        let pushes = told(&receiver, "push", 2).await;
        let branch = pushes.iter().find(|it| it["data"]["ref"] == "refs/heads/main").unwrap();
        assert_eq!(branch["repository"]["format"], "git");
        assert_eq!(branch["data"]["commits"].as_array().unwrap().len(), 1);

        // A commit that the server makes for somebody.
        let before = branch["data"]["after"].as_str().unwrap();
        let edit = json!({
            "branch": "main", "expected": before, "message": "by hand",
            "files": [{ "path": "b.txt", "content_b64": "Yg==" }],
        });
        let edited = post(server, &format!("/api/v1/repos/{}/edits", stage.songs), anna, edit).await;
        assert!(edited.status < 300, "{}", edited.text());
        let edited = told(&receiver, "push", 3).await.remove(2);
        // Git ends messages with a line.
        assert_eq!(edited["data"]["commits"][0]["message"], "by hand\n");
        assert_eq!(edited["data"]["commits"][0]["verified"], true);
        assert_no_gaps(&heard(&receiver));
    }
}

on_both! {
    async fn an_organization_hears_of_its_own_and_of_nothing_else(ground: Ground) {
        let receiver = Receiver::answering(&[204]).await;
        let (server, anna) = house(&ground, &receiver).await;
        let boris = server.register("boris").await;
        for (owner, organization) in [(&anna, "choir"), (&boris, "band")] {
            post(&server, "/api/v1/orgs", owner, json!({ "handle": organization })).await;
        }
        let hook = listens(&server, &anna, "/api/v1/orgs/choir/webhooks", &receiver).await;
        for (owner, organization) in [(&anna, "choir"), (&boris, "band"), (&anna, "anna")] {
            let new = json!({ "owner": organization, "name": "psalm" });
            post(&server, "/api/v1/repos", owner, new).await.assert_status(201);
            let story = Story::of_one("a psalm");
            server.push_story(owner, &format!("{organization}/psalm"), &story, "main").await;
        }
        join(&server, &anna, &boris, "member").await;
        let added = told(&receiver, "member.added", 1).await.remove(0);
        let told_of = |it: &Value| it["data"]["principal"]["handle"].clone();
        assert_eq!((told_of(&added), &added["data"]["role"]), (json!("boris"), &json!("member")));
        assert_eq!(added["organization"]["handle"], "choir");
        let member = "/api/v1/orgs/choir/members/boris";
        put(&server, member, &anna, json!({ "role": "admin" })).await;
        let changed = told(&receiver, "member.role_changed", 1).await.remove(0);
        assert_eq!(changed["data"]["changes"]["role"], json!({ "from": "member", "to": "admin" }));
        delete(&server, member, &anna).await;
        let removed = told(&receiver, "member.removed", 1).await.remove(0);
        assert_eq!(removed["actor"]["handle"], "anna");
        told(&receiver, "push", 1).await;
        told(&receiver, "ref.created", 1).await;
        told(&receiver, "repository.created", 1).await;
        let owners = heard(&receiver);
        let owners = owners.iter().map(|it| &it["repository"]["owner"]).filter(|it| !it.is_null());
        assert!(owners.into_iter().all(|it| it == "choir"));
        // A key of boris', and a token of anna's, are theirs alone.
        post(&server, "/api/v1/tokens", &anna, json!({
            "kind": "personal", "scope": { "planes": { "hub": "read" }, "repositories": "all" },
        })).await.assert_status(201);
        ends(&server, &anna, &hook, "delivered").await;
        assert!(heard(&receiver).iter().all(|it| it["type"] != "token.created"));
        // To those who do not run it there is nothing.
        for by in [&boris, &server.register("carol").await] {
            server.get(&hook).by(by).send().await.assert_refused(404, "not_found");
        }
    }
}

on_both! {
    async fn the_installation_hears_what_its_admin_may_read(ground: Ground) {
        let receiver = Receiver::answering(&[204]).await;
        let (server, anna) = house(&ground, &receiver).await;
        let office = server.register("office").await;
        let grant = server.request(Method::PUT, "/api/v1/admin/admins/office");
        grant.by(&server.operator()).send().await.assert_status(204);
        let hook = listens(&server, &office, "/api/v1/admin/webhooks", &receiver).await;
        let story = Story::of_one("a song");
        server.push_story(&anna, "anna/song", &story, "main").await;
        let carol = server.register("carol").await;
        let key = told(&receiver, "key.added", 1).await.remove(0);
        assert_eq!(key["data"]["principal"]["handle"], "carol");
        assert_eq!(key["data"]["fingerprint"], carol.key().fingerprint().to_string());
        let minted = post(&server, "/api/v1/tokens", &anna, json!({
            "kind": "personal", "scope": { "planes": { "hub": "read" }, "repositories": "all" },
        })).await;
        let token = told(&receiver, "token.created", 1).await.remove(0);
        assert_eq!(token["data"]["token"]["kind"], "personal");
        let value = minted.json()["value"].as_str().unwrap().to_owned();
        assert!(!heard(&receiver).iter().any(|it| it.to_string().contains(&value)));
        // A private repository of anna's is none of theirs.
        let cancelled = format!("{hook}/deliveries?state=cancelled&type=push");
        let list = async || server.get(&cancelled).by(&office).send().await.json()["items"].clone();
        eventually("it is called off", async || list().await[0]["reason"] == "not_permitted").await;
        assert!(heard(&receiver).iter().all(|it| it["type"] != "push"));
        server.get(&hook).by(&anna).send().await.assert_refused(404, "not_found");
    }
}

on_both! {
    async fn whoever_lost_access_is_sent_nothing(ground: Ground) {
        let receiver = Receiver::answering(&[204]).await;
        let (server, anna) = house(&ground, &receiver).await;
        let boris = server.register("boris").await;
        let boris_may = format!("{SONG}/collaborators/boris");
        put(&server, &boris_may, &anna, json!({ "level": "admin" })).await;
        let hook = listens(&server, &boris, &format!("{SONG}/webhooks"), &receiver).await;
        ends(&server, &anna, &hook, "delivered").await;
        delete(&server, &boris_may, &anna).await;
        server.push_story(&anna, "anna/song", &Story::of_one("a song"), "main").await;
        let told = ends(&server, &anna, &hook, "cancelled").await;
        assert_eq!(told["delivery"]["reason"], "not_permitted");
        assert_eq!(told["attempts"], json!([]));
        assert!(heard(&receiver).is_empty());
    }
}

/// What nobody asked for is counted, and nothing else is done for it.
#[tokio::test]
async fn what_nobody_asked_for_costs_a_statement() {
    let server = Server::with(crate::MOTET).log("info,db=trace").start().await;
    let anna = server.register("anna").await;
    server.create(&anna, "song", "private").await;
    let of_hooks = |name: &str| {
        let log = server.log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let names = lines.filter_map(|it| Some(it.get("statement")?.as_str()?.to_owned()));
        names.filter(|it| it.starts_with("hooks::deliveries") && it.ends_with(name)).count()
    };
    let before = of_hooks("::NEXT_SEQUENCE");
    server.push_story(&anna, "anna/song", &Story::of_one("a song"), "main").await;
    // A push, and a ref that is new.
    assert_eq!(of_hooks("::NEXT_SEQUENCE") - before, 2);
    assert_eq!(of_hooks(""), of_hooks("::NEXT_SEQUENCE"));
}
