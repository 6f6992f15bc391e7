//! People are asked into a repository, and decide (`spec/hub.md` 1, Members; H16 as far as there are streams).

use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Person, Server, Story};

use crate::{
    MOTET,
    ground::{Ground, on_both},
    matrix::agent,
    organizations::{delete, post, put},
    people::Machine,
    sessions::{form, mark, own_page, sign_in},
    store,
    wire2::noise,
};

const SONG: &str = "/api/v1/repos/anna/song";

async fn house(ground: &Ground) -> (Server, Person, Person, Story) {
    let server = ground.server().start().await;
    let (anna, bert) = (server.register("anna").await, server.register("bert").await);
    let story = Story::of_one("a song");
    server.push_story(&anna, "anna/song", &story, "main").await;
    (server, anna, bert, story)
}

async fn invite(server: &Server, by: &Person, handle: &str, level: &str) -> Answer {
    let target = format!("{SONG}/members/{handle}");
    put(server, &target, by, json!({ "level": level })).await
}

async fn mine(server: &Server, by: &Person) -> Vec<Value> {
    let answer = server.get("/api/v1/invitations").by(by).send().await;
    answer.assert_status(200);
    answer.json()["items"].as_array().unwrap().clone()
}

async fn decide(server: &Server, by: &Person, invitation: &Value, verb: &str) -> Answer {
    let id = invitation["id"].as_str().unwrap();
    post(server, &format!("/api/v1/invitations/{id}/{verb}"), by, json!({})).await
}

async fn sees(server: &Server, by: &Person) -> bool {
    server.get(SONG).by(by).send().await.status == 200
}

on_both! {
    async fn whoever_is_asked_in_decides_and_may_nothing_until_then(ground: Ground) {
        let (server, anna, bert, _) = house(&ground).await;
        let carol = server.register("carol").await;
        let asked = invite(&server, &anna, "bert", "write").await;
        asked.assert_status(202);
        assert_eq!((&asked.json()["state"], &asked.json()["invited_by"]), (&json!("invited"), &json!("anna")));
        assert!(!sees(&server, &bert).await, "an invitation let somebody in");
        let waiting = mine(&server, &bert).await;
        assert_eq!(waiting.len(), 1);
        assert_eq!((&waiting[0]["repository"], &waiting[0]["level"]), (&json!("anna/song"), &json!("write")));
        assert_eq!(mine(&server, &carol).await, [] as [Value; 0]);
        // It is nobody's else, and to everybody else it is not there.
        decide(&server, &carol, &waiting[0], "accept").await.assert_refused(404, "not_found");
        decide(&server, &anna, &waiting[0], "decline").await.assert_refused(404, "not_found");
        decide(&server, &bert, &json!({ "id": "x" }), "accept").await.assert_status(404);
        let members = server.get(&format!("{SONG}/members")).by(&anna).send().await.json();
        assert_eq!(members["items"][0]["state"], "invited");

        // Left, nothing has changed; asked again with another level, that is what is taken.
        decide(&server, &bert, &waiting[0], "decline").await.assert_status(204);
        decide(&server, &bert, &waiting[0], "accept").await.assert_refused(404, "not_found");
        assert!(!sees(&server, &bert).await);
        invite(&server, &anna, "bert", "admin").await.assert_status(202);
        invite(&server, &anna, "bert", "read").await.assert_status(202);
        let waiting = mine(&server, &bert).await;
        assert_eq!(waiting.len(), 1);
        let taken = decide(&server, &bert, &waiting[0], "accept").await;
        taken.assert_status(200);
        assert_eq!(taken.json()["level"], "read");
        assert!(sees(&server, &bert).await);
        decide(&server, &bert, &waiting[0], "accept").await.assert_refused(404, "not_found");
        let members = server.get(&format!("{SONG}/members")).by(&anna).send().await.json();
        assert_eq!((&members["items"][0]["state"], &members["items"][0]["level"]), (&json!("member"), &json!("read")));
        // Whoever is in is given another level at once, and taken out at once.
        let changed = invite(&server, &anna, "bert", "write").await;
        assert_eq!((changed.status, &changed.json()["state"]), (200, &json!("member")));
        invite(&server, &bert, "carol", "read").await.assert_refused(403, "forbidden");
        delete(&server, &format!("{SONG}/members/bert"), &anna).await.assert_status(204);
        assert!(!sees(&server, &bert).await);
        delete(&server, &format!("{SONG}/members/bert"), &anna).await.assert_refused(404, "not_found");
    }
}

on_both! {
    async fn what_is_withdrawn_over_or_of_something_gone_is_not_there(ground: Ground) {
        let (server, anna, bert, story) = house(&ground).await;
        invite(&server, &anna, "bert", "read").await.assert_status(202);
        let waiting = mine(&server, &bert).await;
        delete(&server, &format!("{SONG}/members/bert"), &anna).await.assert_status(204);
        assert_eq!(mine(&server, &bert).await.len(), 0);
        decide(&server, &bert, &waiting[0], "accept").await.assert_refused(404, "not_found");

        invite(&server, &anna, "bert", "read").await.assert_status(202);
        let waiting = mine(&server, &bert).await;
        let confirm = json!({ "confirm": "anna/song" });
        let gone = server.request(Method::DELETE, SONG).json(&confirm).by(&anna).send().await;
        gone.assert_status(204);
        assert_eq!(mine(&server, &bert).await.len(), 0);
        decide(&server, &bert, &waiting[0], "accept").await.assert_refused(404, "not_found");
        post(&server, &format!("{SONG}/restore"), &anna, json!({})).await.assert_status(200);
        assert_eq!(mine(&server, &bert).await.len(), 1);
        let db = ground.db(&server).await;
        let mut tx = db.write().await.unwrap();
        store::end_invitations(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        db.close().await;
        assert_eq!(mine(&server, &bert).await.len(), 0);
        decide(&server, &bert, &waiting[0], "accept").await.assert_refused(404, "not_found");

        // An agent decides nothing for itself, and has its level at once; never the one that runs things.
        agent(&server, &anna).await;
        assert_eq!(invite(&server, &anna, "loom", "write").await.status, 200);
        invite(&server, &anna, "loom", "admin").await.assert_refused(403, "forbidden");
        invite(&server, &anna, "nobody", "read").await.assert_status(404);
        invite(&server, &anna, "anna", "read").await.assert_status(404);
        invite(&server, &anna, "bert", "owner").await.assert_status(422);
        assert_eq!(server.head(&anna, "anna/song", "main").await, Some(story.tip()));
    }
}

on_both! {
    async fn invitations_go_by_forms(ground: Ground) {
        let (server, anna, bert, _) = house(&ground).await;
        let members = "/anna/song/settings/members";
        let (owner, guest) = (sign_in(&server, &anna).await, sign_in(&server, &bert).await);
        let (owners, guests) = (mark(&server, &owner).await, mark(&server, &guest).await);
        let send = async |target: &str, cookie: &str, mark: &str, fields: &str| {
            let body = format!("{fields}csrf={mark}");
            form(own_page(server.post(target)), cookie, &body).send().await
        };
        let asked = send(members, &owner, &owners, "handle=bert&level=write&").await;
        asked.assert_status(303);
        let page = server.get(members).header("cookie", &owner).send().await.text();
        assert!(page.contains("Asked in") && page.contains("Withdraw"), "{page}");
        let page = server.get("/settings/invitations").header("cookie", &guest).send().await.text();
        assert!(page.contains("anna/song") && page.contains("Join"), "{page}");
        let id = mine(&server, &bert).await[0]["id"].as_str().unwrap().to_owned();
        let declined = send(&format!("/settings/invitations/{id}/decline"), &guest, &guests, "").await;
        assert_eq!((declined.status, declined.header("location")), (303, "/settings/invitations"));
        let page = server.get("/settings/invitations").header("cookie", &guest).send().await.text();
        assert!(page.contains("Nobody asks you in"), "{page}");
        send(members, &owner, &owners, "handle=bert&level=write&").await.assert_status(303);
        let withdrawn = send(&format!("{members}/bert/remove"), &owner, &owners, "").await;
        withdrawn.assert_status(303);
        assert_eq!(mine(&server, &bert).await.len(), 0);
        send(members, &owner, &owners, "handle=bert&level=write&").await.assert_status(303);
        let id = mine(&server, &bert).await[0]["id"].as_str().unwrap().to_owned();
        let joined = send(&format!("/settings/invitations/{id}/accept"), &guest, &guests, "").await;
        assert_eq!((joined.status, joined.header("location")), (303, "/anna/song"));
        server.get("/anna/song").header("cookie", &guest).send().await.assert_status(200);
    }
}

/// Small objects of a large history, and the bytes of the one that is large itself: together what an answer of wire 1 holds.
const SMALL: u64 = 24;
const LARGE: usize = 36 << 20;
/// What may be on the way when somebody is taken out.
const ON_THE_WAY: usize = 32 << 20;

/// Begins to read, has the reader taken out, and reads on.
async fn cut_off(
    server: &Server,
    (anna, bert): (&Person, &Person),
    method: Method,
    (target, body): (&str, &str),
) {
    let member = "/api/v1/repos/anna/large/collaborators/bert";
    put(server, member, anna, json!({ "level": "read" })).await.assert_status(200);
    let mut request = server.request(method.clone(), target);
    let mut about = String::new();
    if !body.is_empty() {
        let digest = keys::format_content_digest(names::ObjectId::of(body.as_bytes()).as_bytes());
        let length = body.len();
        about = format!(
            "content-type: application/json\r\ncontent-length: {length}\r\ncontent-digest: {digest}\r\n"
        );
        request = request.header("content-type", "application/json").body(body.to_owned());
    }
    let (host, credentials) = (server.authority(), request.credentials(bert));
    let head = format!(
        "{method} {target} HTTP/1.1\r\nhost: {host}\r\n{about}authorization: {credentials}\r\nconnection: close\r\n\r\n{body}"
    );
    let mut connection = server.connect().await;
    connection.send(head.as_bytes()).await;
    let begun = String::from_utf8_lossy(&connection.next(64 << 10).await).into_owned();
    assert!(begun.starts_with("HTTP/1.1 200 OK"), "{begun}");
    delete(server, member, anna).await.assert_status(204);
    let rest = connection.rest().await;
    assert!(rest.len() < ON_THE_WAY, "{target}: {} bytes came to somebody who was out", rest.len());
}

on_both! {
    async fn whoever_is_taken_out_loses_the_stream(ground: Ground) {
        let (server, anna, bert, _) = house(&ground).await;
        let mut story = Story::default();
        let mut noises: Vec<Vec<u8>> = (0..SMALL).map(|it| noise(it, 1 << 20)).collect();
        noises.push(noise(SMALL, LARGE));
        let names: Vec<String> = (0..noises.len()).map(|it| format!("{it}.bin")).collect();
        let files: Vec<_> = names.iter().zip(&noises).map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        story.commit(&[], "large", &files);
        server.push_story(&anna, "anna/large", &story, "main").await;
        let object = names::ObjectId::of(&noises[noises.len() - 1]);
        let body = json!({ "want": [story.tip()], "common": [], "objects": "all" }).to_string();
        cut_off(&server, (&anna, &bert), Method::POST, ("/anna/large/v2/fetch", &body)).await;
        let target = format!("/anna/large/v2/objects/{object}");
        cut_off(&server, (&anna, &bert), Method::GET, (&target, "")).await;
        let body = json!({ "want": [story.tip()], "have": [] }).to_string();
        cut_off(&server, (&anna, &bert), Method::POST, ("/anna/large/fetch", &body)).await;
    }
}

#[tokio::test]
async fn invitations_go_by_command() {
    let server = Server::start(MOTET).await;
    let (ada, grace) = (Machine::of(&server, "ada"), Machine::of(&server, "grace"));
    ada.done(&["repo", "create", "song"]);
    for verb in ["decline", "accept"] {
        let asked = ada.done(&["repo", "member", "invite", "song", "grace", "write"]);
        assert_eq!(asked["state"], "invited");
        let waiting = grace.done(&["repo", "invitations", "list"]);
        let id = waiting["items"][0]["id"].as_str().unwrap().to_owned();
        grace.done(&["repo", "invitations", verb, &id]);
    }
    assert_eq!(grace.done(&["repo", "invitations", "list"])["items"], json!([]));
    let members = ada.done(&["repo", "member", "list", "song"]);
    assert_eq!(
        (&members["items"][0]["handle"], &members["items"][0]["state"]),
        (&json!("grace"), &json!("member"))
    );
    ada.done(&["repo", "member", "remove", "song", "grace"]);
    assert_eq!(ada.done(&["repo", "member", "list", "song"])["items"], json!([]));
}
