//! What is private cannot be told from what is not there (`spec/trust.md` 8.2; `spec/conventions.md`, Errors).

use api::{
    Value,
    wire::{FetchRequest, Negotiate},
};
use names::CommitId;
use testkit::{Person, Request, Server, Story, object};

use http::Method;
use serde_json::json;

use crate::{
    ground::{Ground, on_both},
    server_and_anna,
};

/// A server with a private and a public repository of Anna's that hold the same, and a stranger.
async fn house() -> (Server, Person, Person, CommitId) {
    let (server, anna) = server_and_anna().await;
    let boris = server.register("boris").await;
    let story = Story::of_one("a song");
    for (name, visibility) in [("veiled", "private"), ("open", "public")] {
        let repository = server.create(&anna, name, visibility).await;
        server.push_story(&anna, &repository, &story, "main").await;
    }
    (server, anna, boris, story.tip())
}

/// Every way to read a repository.
fn reads(server: &Server, repository: &str, tip: CommitId) -> Vec<Request> {
    let wire = |endpoint: &str, body: &Value| {
        server.post(&format!("/{repository}/{endpoint}")).msgpack(body)
    };
    let (want, have) = (vec![tip], Vec::new());
    vec![
        server.get(&format!("/api/v1/repos/{repository}")),
        server.get(&format!("/{repository}/refs")),
        server.get(&format!("/{repository}/refs")).header("accept", "application/x-msgpack"),
        server.get(&format!("/{repository}/refs")).header("motet-protocol", "2"),
        server.get(&format!("/{repository}")),
        server.get(&format!("/{repository}/tree/main")),
        server.get(&format!("/{repository}/blob/main/README.md")),
        server.get(&format!("/{repository}/raw/main/README.md")),
        server.get(&format!("/{repository}/commits/main")),
        server.get(&format!("/{repository}/commit/{tip}")),
        wire("fetch", &FetchRequest { want: want.clone(), have }.into()),
        wire("negotiate", &Negotiate { want, have: Vec::new() }.into()),
    ]
}

/// Every way to change a repository.
fn writes(server: &Server, repository: &str) -> Vec<Request> {
    let wire = |endpoint: &str, body: &Value| {
        server.post(&format!("/{repository}/{endpoint}")).msgpack(body)
    };
    let ids = Value::map([("object_ids", Value::Array(Vec::new())), ("direction", "put".into())]);
    let objects = Value::map([("objects", Value::Array(Vec::new()))]);
    let push = Story::of_one("a song").push_to("main").into_value(api::wire::Format::MessagePack);
    vec![
        wire("filter-objects", &ids),
        wire("presign", &ids),
        wire("push/objects", &objects),
        wire("push", &push),
    ]
}

/// The answer, with the name of the repository taken out of it.
async fn face_of(request: Request, by: Option<&Person>, name: &str) -> String {
    request.by_some(by).send().await.faceless().replace(name, "NAME")
}

#[tokio::test]
async fn reading_what_is_private_is_like_reading_what_is_not_there() {
    let (server, _, boris, tip) = house().await;
    for by in [None, Some(&boris)] {
        for (repository, name) in [("anna/absent", "absent"), ("nobody/veiled", "veiled")] {
            for (one, other) in
                reads(&server, "anna/veiled", tip).into_iter().zip(reads(&server, repository, tip))
            {
                let shown = format!("{one:?}");
                let (one, other) =
                    (face_of(one, by, "veiled").await, face_of(other, by, name).await);
                assert!(one.starts_with("404\n"), "{shown}: {one}");
                assert_eq!(one, other.replace("nobody", "anna"), "{shown}");
            }
        }
    }
}

#[tokio::test]
async fn a_stranger_that_writes_to_what_is_private_writes_to_what_is_not_there() {
    let (server, _, boris, _) = house().await;
    for (one, other) in
        writes(&server, "anna/veiled").into_iter().zip(writes(&server, "anna/absent"))
    {
        let shown = format!("{one:?}");
        let (one, other) = (
            face_of(one, Some(&boris), "veiled").await,
            face_of(other, Some(&boris), "absent").await,
        );
        assert!(one.starts_with("404\n"), "{shown}: {one}");
        assert_eq!(one, other, "{shown}");
    }
}

#[tokio::test]
async fn nobody_writes_without_a_signature_whether_the_thing_is_there_or_not() {
    let (server, ..) = house().await;
    let mut faces = Vec::new();
    for repository in ["anna/veiled", "anna/open", "anna/absent", "nobody/veiled"] {
        for request in writes(&server, repository) {
            let answer = request.send().await;
            answer.assert_refused(401, "unauthenticated");
            faces.push(answer.faceless());
        }
    }
    assert!(faces.iter().all(|face| *face == faces[0]), "{faces:#?}");
    server
        .post("/api/v1/repos")
        .json(&serde_json::json!({ "name": "x" }))
        .send()
        .await
        .assert_status(401);
}

#[tokio::test]
async fn an_owner_sees_what_is_private() {
    let (server, anna, _, tip) = house().await;
    for request in reads(&server, "anna/veiled", tip) {
        request.by(&anna).send().await.assert_status(200);
    }
}

#[tokio::test]
async fn everybody_reads_what_is_public() {
    let (server, _, boris, tip) = house().await;
    for request in reads(&server, "anna/open", tip) {
        request.clone().send().await.assert_status(200);
        request.by(&boris).send().await.assert_status(200);
    }
}

#[tokio::test]
async fn a_stranger_may_see_but_not_change_what_is_public() {
    let (server, anna, boris, tip) = house().await;
    for request in writes(&server, "anna/open") {
        request.by(&boris).send().await.assert_refused(403, "forbidden");
    }
    let mut story = Story::of_one("a song");
    story.commit(&[tip], "theirs", &[("a.txt", b"theirs")]);
    let mut push = story.push_since(1, "main");
    push.force = true;
    server.push(&boris, "anna/open", push).await.assert_refused(403, "forbidden");
    assert_eq!(server.head(&anna, "anna/open", "main").await, Some(tip));
}

#[tokio::test]
async fn a_profile_names_what_its_reader_may_see() {
    let (server, anna, boris, _) = house().await;
    for target in ["/anna", "/explore", "/"] {
        for by in [None, Some(&boris)] {
            let page = server.get(target).by_some(by).send().await;
            page.assert_status(200);
            // Who is signed in begins with what is one's own.
            let is_shown = page.text().contains("anna/open") || (target == "/" && by.is_some());
            assert!(is_shown && !page.text().contains("veiled"), "{}", page.text());
        }
        let own = server.get(target).by(&anna).send().await;
        assert!(own.text().contains("anna/veiled"), "{}", own.text());
    }
}

#[tokio::test]
async fn names_are_read_without_their_case() {
    let (server, anna, ..) = house().await;
    let refs = server.get("/Anna/Veiled/refs").by(&anna).send().await;
    refs.assert_status(200);
    assert!(refs.header("location").is_empty());
    server.get("/ANNA/veiled/refs").send().await.assert_status(404);
}

#[tokio::test]
async fn a_repository_in_the_making_is_known_to_the_pushes_of_its_maker_alone() {
    let (server, anna, boris, tip) = house().await;
    server.push_objects(&anna, "anna/made", vec![object(b"waiting")]).await.assert_status(200);
    for request in reads(&server, "anna/made", tip) {
        for by in [&anna, &boris] {
            request.clone().by(by).send().await.assert_status(404);
        }
        request.send().await.assert_status(404);
    }
    let listed = server.get("/api/v1/repos?owner=anna").by(&anna).send().await;
    assert!(!listed.text().contains("made"), "{}", listed.text());
}

on_both! {
    async fn those_who_train_models_are_asked_to_leave_alone_what_its_owner_says(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        for (name, visibility) in [("open", "public"), ("veiled", "private")] {
            let repository = server.create(&anna, name, visibility).await;
            server.push_story(&anna, &repository, &Story::of_one(name), "main").await;
        }
        let asks = async |name: &str, says_no: bool| {
            let json = server.get(&format!("/api/v1/repos/anna/{name}")).by(&anna).send().await;
            assert_eq!(json.json()["training_opt_out"], says_no, "{name}");
            for page in ["", "/blob/main/README.md", "/raw/main/README.md", "/commits/main"] {
                let answer = server.get(&format!("/anna/{name}{page}")).by(&anna).send().await;
                answer.assert_status(200);
                let expected = if says_no { "noai, noimageai" } else { "" };
                assert_eq!(answer.header("x-robots-tag"), expected, "{name}{page}");
            }
        };
        asks("open", false).await;
        asks("veiled", true).await;
        let say = async |by: &Person, name: &str, says_no: bool| {
            let change = json!({ "training_opt_out": says_no });
            let target = format!("/api/v1/repos/anna/{name}");
            server.request(Method::PATCH, &target).json(&change).by(by).send().await
        };
        say(&boris, "open", true).await.assert_refused(403, "forbidden");
        say(&boris, "veiled", true).await.assert_refused(404, "not_found");
        for _ in 0..2 {
            say(&anna, "open", true).await.assert_status(200);
        }
        asks("open", true).await;
        // What is private is always left alone, and nobody is told by a header that it is there.
        say(&anna, "veiled", false).await.assert_status(200);
        asks("veiled", true).await;
        let hidden = server.get("/anna/veiled").by(&boris).send().await;
        assert_eq!((hidden.status, hidden.header("x-robots-tag")), (404, ""));
        let unknown = server.request(Method::PATCH, "/api/v1/repos/anna/open").json(&json!({ "owner": "boris" }));
        unknown.by(&anna).send().await.assert_refused(422, "invalid");
        let rows = "/api/v1/admin/audit?action=training_opt_out_changed";
        let rows = server.get(rows).by(&server.operator()).send().await.json();
        assert_eq!(rows["items"].as_array().unwrap().len(), 1, "saying it again changes nothing: {rows}");
    }
}
