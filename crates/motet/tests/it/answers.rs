//! What every answer has, and what the wire never does (`spec/trust.md` 10; `spec/wire.md` 3, 11.17).
//!
//! The headers that every answer carries are checked by the testkit on every answer of the whole suite.

use api::{
    Value,
    wire::{Direction, FetchRequest, Format, Negotiate, ObjectIds, Presign},
};
use http::Method;
use testkit::{Story, answers_in};

use crate::server_and_anna;

#[tokio::test]
async fn an_unknown_address_is_not_there() {
    let (server, anna) = server_and_anna().await;
    for target in [
        "/no/such/address/at/all",
        "/api/v1/nothing",
        "/api/v2/repos",
        "/.env",
        "/static/none.css",
        "/%ff/x/refs",
    ] {
        let absent = server.get(target).send().await;
        absent.assert_status(404);
        server.get(target).by(&anna).send().await.assert_status(404);
    }
    let json = server.get("/api/v1/nothing").send().await;
    json.assert_refused(404, "not_found");
    assert_eq!(json.header("content-type"), "application/problem+json");
    let page = server.get("/no/such/address/at/all").header("accept", "text/html").send().await;
    page.assert_status(404);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
}

#[tokio::test]
async fn an_address_takes_only_its_methods() {
    let (server, anna) = server_and_anna().await;
    for (method, target) in [
        (Method::POST, "/api/v1/me"),
        (Method::DELETE, "/api/v1/repos"),
        (Method::PUT, "/anna/song/refs"),
        (Method::GET, "/anna/song/push"),
        (Method::POST, "/healthz"),
    ] {
        let refused = server.request(method.clone(), target).by(&anna).send().await;
        refused.assert_refused(405, "method_not_allowed");
        assert!(
            !refused.header("allow").is_empty(),
            "{method} {target} does not say what it takes"
        );
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let (server, anna) = server_and_anna().await;
    for target in ["/api/v1/me", "/healthz", "/livez"] {
        let whole = server.get(target).by(&anna).send().await;
        let head = server.request(Method::HEAD, target).by(&anna).send().await;
        head.assert_status(200);
        assert!(head.body.is_empty());
        for name in ["content-type", "etag", "content-length"] {
            assert_eq!(head.header(name), whole.header(name), "{name} of {target}");
        }
    }
}

#[tokio::test]
async fn every_request_has_an_id_that_its_error_repeats() {
    let (server, _) = server_and_anna().await;
    let (one, other) =
        (server.get("/api/v1/me").send().await, server.get("/api/v1/me").send().await);
    assert_ne!(one.header("x-request-id"), other.header("x-request-id"));
    assert_eq!(one.json()["request_id"], one.header("x-request-id"));
    let wire = server.get("/anna/none/refs").send().await;
    let end = format!("(request {})", wire.header("x-request-id"));
    assert!(wire.text().trim_end().ends_with(&end), "{}", wire.text());
    // Nobody is trusted to name requests for us.
    let named = server.get("/livez").header("x-request-id", "mine").send().await;
    assert_ne!(named.header("x-request-id"), "mine");
    assert!(server.log().contains(one.header("x-request-id")));
}

#[tokio::test]
async fn an_answer_that_is_known_is_not_sent_again() {
    let (server, anna) = server_and_anna().await;
    server.create(&anna, "song", "public").await;
    let get = || server.get("/api/v1/repos/anna/song");
    let first = get().send().await;
    let tag = first.header("etag").to_owned();
    assert!(!tag.is_empty());
    for known in [tag.clone(), format!("\"other\", {tag}"), tag.trim_start_matches("W/").to_owned()]
    {
        let again = get().header("if-none-match", &known).send().await;
        again.assert_status(304);
        assert!(again.body.is_empty());
        assert_eq!(again.header("etag"), tag);
    }
    get().header("if-none-match", "\"other\"").send().await.assert_status(200);

    server.push_story(&anna, "anna/song", &Story::of_one("a song"), "main").await;
    let changed = get().header("if-none-match", &tag).send().await;
    changed.assert_status(200);
    assert_ne!(changed.header("etag"), tag);
}

#[tokio::test]
async fn what_a_signature_brought_is_for_its_reader_alone() {
    let (server, anna) = server_and_anna().await;
    for target in ["/api/v1/me", "/api/v1/repos"] {
        let answer = server.get(target).by(&anna).send().await;
        assert_eq!(answer.header("cache-control"), "private, no-cache");
    }
}

#[tokio::test]
async fn the_wire_is_never_packed_and_the_api_may_be() {
    let (server, anna) = server_and_anna().await;
    let mut story = Story::default();
    story.commit(&[], "long", &[("long.txt", "a".repeat(100_000).as_bytes())]);
    server.push_story(&anna, "anna/song", &story, "main").await;
    let fetch = FetchRequest { want: vec![story.tip()], have: Vec::new() }.into();
    for request in [
        server.get("/anna/song/refs"),
        server.wire(&anna, "anna/song", "fetch", &fetch),
        server.get("/anna/none/refs"),
    ] {
        let answer =
            request.header("accept-encoding", "gzip, br, deflate, zstd").by(&anna).send().await;
        assert!(answer.header("content-encoding").is_empty(), "{:?}", answer.headers);
        assert!(answer.header("set-cookie").is_empty());
    }
    for number in 0..20 {
        server.create(&anna, &format!("repository-{number}"), "private").await;
    }
    let packed =
        server.get("/api/v1/repos").header("accept-encoding", "gzip").by(&anna).send().await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert_eq!(&packed.body[..2], b"\x1f\x8b");
}

#[tokio::test]
async fn the_wire_speaks_as_it_is_asked_to() {
    let (server, anna) = server_and_anna().await;
    server.push_story(&anna, "anna/song", &Story::of_one("a song"), "main").await;
    let mut values = Vec::new();
    for (accept, kind) in [
        ("application/x-msgpack, application/json", "application/x-msgpack"),
        ("application/msgpack", "application/x-msgpack"),
        ("application/vnd.msgpack", "application/x-msgpack"),
        ("application/json", "application/json"),
        ("*/*", "application/json"),
    ] {
        let refs = server.get("/anna/song/refs").by(&anna).header("accept", accept).send().await;
        refs.assert_status(200);
        assert_eq!(refs.header("content-type"), kind, "{accept}");
        assert!(refs.all("vary").to_ascii_lowercase().contains("accept"), "{}", refs.all("vary"));
        values.push(refs.value());
    }
    assert!(values.iter().all(|value| *value == values[0]));
}

#[tokio::test]
async fn a_refusal_of_the_wire_is_one_line_of_at_most_400_bytes() {
    let (server, anna) = server_and_anna().await;
    let push = Story::of_one("a song").push_to(&"no branch ".repeat(100));
    let refused = server.push(&anna, "anna/song", push.clone()).await;
    refused.assert_refused(422, "bad_ref");
    assert_eq!(refused.header("content-type"), "text/plain; charset=utf-8");
    let text = refused.text();
    assert!(text.len() <= 400 && text.trim_end().lines().count() == 1, "{text}");

    let body = push.into_value(Format::MessagePack);
    let request = server.wire(&anna, "anna/song", "push", &body).header("motet-protocol", "2");
    let refused = request.send().await;
    refused.assert_refused(422, "bad_ref");
    assert_eq!(refused.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn no_client_is_turned_away_for_its_name() {
    let (server, anna) = server_and_anna().await;
    server.create(&anna, "open", "public").await;
    for agent in ["Python-urllib/3.13", "curl/8.0", "git/2.47"] {
        server.get("/anna/open/refs").header("user-agent", agent).send().await.assert_status(200);
    }
    let nameless = format!(
        "GET /anna/open/refs HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
        server.authority()
    );
    assert_eq!(answers_in(&server.raw(nameless.as_bytes()).await)[0].status, 200);
}

#[tokio::test]
async fn lists_are_read_page_by_page() {
    let (server, anna) = server_and_anna().await;
    for number in 0..5 {
        server.create(&anna, &format!("song-{number}"), "private").await;
    }
    let (mut target, mut seen) = ("/api/v1/repos?limit=2".to_owned(), Vec::new());
    for last in [false, false, true] {
        let page = server.get(&target).by(&anna).send().await;
        page.assert_status(200);
        let shown = page.json();
        seen.extend(
            shown["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|it| it["name"].as_str().unwrap().to_owned()),
        );
        assert_eq!(shown["next_cursor"].is_null(), last);
        let next = page
            .header("link")
            .strip_prefix('<')
            .and_then(|link| link.split_once(">; rel=\"next\""));
        assert_eq!(next.is_none(), last);
        target = next.map(|(target, _)| target.to_owned()).unwrap_or_default();
    }
    seen.sort();
    assert_eq!(seen, (0..5).map(|number| format!("song-{number}")).collect::<Vec<_>>());
    for query in ["?limit=0", "?limit=101", "?cursor=x", "?limi=2", "?limit=x"] {
        let refused = server.get(&format!("/api/v1/repos{query}")).by(&anna).send().await;
        assert!(refused.status < 500, "{query}: {}", refused.text());
        assert!(
            query.contains("limit=0") || query.contains("101") || refused.status != 200,
            "{query} is taken"
        );
    }
}

/// Every address of the wire, with what a client may send there; and whether it succeeds.
async fn wire_requests(
    server: &testkit::Server,
    anna: &testkit::Person,
) -> Vec<(testkit::Request, u16)> {
    let story = Story::of_one("a song");
    server.create(anna, "song", "public").await;
    server.push_story(anna, "anna/song", &story, "main").await;
    let id = names::ObjectId::of(b"new");
    let ids = || Value::from(ObjectIds { object_ids: vec![id] });
    let direction = Direction::Put;
    let presign = Presign { object_ids: vec![id], direction, ttl_seconds: 60 };
    let address = crate::presigned::address_of(server, anna, b"sent").await;
    let (want, have) = (vec![story.tip()], Vec::new());
    let post = |endpoint: &str, body: Value| server.wire(anna, "anna/song", endpoint, &body);
    let nothing = Value::Array(Vec::new());
    let mut requests = vec![
        (server.get("/anna/song/refs"), 200),
        (server.get("/anna/song/tags"), 200),
        (server.get("/anna/song/releases"), 200),
        (post("filter-objects", ids()), 200),
        (post("presign", presign.into()), 200),
        (post("confirm", ids()), 200),
        (crate::presigned::put(server, &address, b"sent"), 200),
        (crate::presigned::put(server, &address, b"other"), 422),
        (crate::presigned::put(server, &format!("{address}A"), b"sent"), 404),
        (post("push/objects", testkit::objects_body(vec![testkit::object(b"new")])), 200),
        (post("push", story.push_to("main").into_value(Format::MessagePack)), 200),
        (post("negotiate", Negotiate { want: want.clone(), have: vec![] }.into()), 200),
        (post("fetch", FetchRequest { want, have }.into()), 200),
        (post("tags", Value::map([("tags", nothing.clone())])), 200),
        (post("releases", crate::releases::of(&story, "v1.0.0").into()), 200),
        (server.request(Method::DELETE, "/anna/song/releases/v1.0.0").by(anna), 200),
        (server.request(Method::DELETE, "/anna/song/releases/v9.0.0").by(anna), 404),
    ];
    for endpoint in ["refs", "tags", "releases"] {
        requests.push((server.get(&format!("/anna/none/{endpoint}")), 404));
    }
    for endpoint in [
        "filter-objects",
        "presign",
        "confirm",
        "push/objects",
        "push",
        "negotiate",
        "fetch",
        "tags",
        "releases",
    ] {
        requests.push((post(endpoint, nothing.clone()), 400));
        if !["negotiate", "fetch"].contains(&endpoint) {
            requests.push((post(endpoint, nothing.clone()).unsigned(), 401));
        }
    }
    requests
}

/// `spec/wire.md` 11.17.
#[tokio::test]
async fn no_answer_of_the_wire_is_packed_or_leads_elsewhere_whoever_asks() {
    let (server, anna) = server_and_anna().await;
    let requests = wire_requests(&server, &anna).await;
    let agents = ["Python-urllib/3.13", "GPTBot/1.1", "Mozilla/5.0", "curl/8.0", ""];
    for (number, agent) in agents.into_iter().enumerate() {
        for (place, (request, status)) in requests.iter().enumerate() {
            let asked = request.clone().header("accept-encoding", "gzip, br, zstd, deflate");
            // A signature works once.
            let nonce = format!("{:022}", 1_000 * number + place);
            let answer = asked.header("user-agent", agent).nonce(&nonce).send().await;
            // The release is there from the first round on.
            let is_taken = answer.status == 409 && answer.code() == "release_exists";
            assert!(answer.status == *status || is_taken, "{request:?}: {}", answer.text());
            for name in ["content-encoding", "location", "set-cookie"] {
                assert!(answer.header(name).is_empty(), "{name} of {request:?}");
            }
            let vary = answer.all("vary").to_ascii_lowercase();
            assert!(vary.split(", ").any(|it| it == "accept"), "{vary} of {request:?}");
            assert_eq!(answer.header("motet-protocol"), "2");
            if answer.status != 200 {
                assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
                assert!(answer.body.len() <= 400, "{}", answer.text());
            }
        }
    }
    // And with no name at all.
    for target in ["refs", "tags", "releases"] {
        for (owner, status) in [("anna/song", 200), ("anna/none", 404)] {
            let host = server.authority();
            let bare = format!(
                "GET /{owner}/{target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
            );
            let answers = answers_in(&server.raw(bare.as_bytes()).await);
            assert_eq!(answers[0].status, status, "{owner}/{target}");
            assert!(answers[0].header("content-encoding").is_empty());
        }
    }
}

#[tokio::test]
async fn a_browser_is_shown_the_page_at_the_address_of_the_wire() {
    const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let (server, anna) = server_and_anna().await;
    server.create(&anna, "open", "public").await;
    server.create(&anna, "empty", "public").await;
    server.push_story(&anna, "anna/open", &Story::of_one("a song of ours"), "main").await;
    server.push_story(&anna, "anna/veiled", &Story::of_one("a secret song"), "main").await;
    let browser = |target: &str| server.get(target).header("accept", BROWSER);
    // The page of tags lists tags, of which there are none.
    for (endpoint, open, veiled) in [
        ("refs", "a song of ours", "a secret song"),
        ("releases", "a song of ours", "a secret song"),
        ("tags", "No tags yet", "No tags yet"),
    ] {
        let shown = browser(&format!("/anna/open/{endpoint}")).send().await;
        shown.assert_status(200);
        assert_eq!(shown.header("content-type"), "text/html; charset=utf-8", "{endpoint}");
        assert!(shown.text().contains(open), "{endpoint}");
        assert!(shown.all("vary").to_ascii_lowercase().contains("accept"), "{endpoint}");
        browser(&format!("/anna/empty/{endpoint}")).send().await.assert_status(200);
        // As every page: told to those who may see it, and hidden in the words of a page.
        let hidden = browser(&format!("/anna/veiled/{endpoint}")).send().await;
        hidden.assert_status(404);
        assert_eq!(hidden.header("content-type"), "text/html; charset=utf-8");
        assert!(hidden.all("vary").to_ascii_lowercase().contains("accept"), "{endpoint}");
        let cookie = crate::sessions::sign_in(&server, &anna).await;
        let own = browser(&format!("/anna/veiled/{endpoint}")).header("cookie", &cookie);
        let own = own.send().await;
        own.assert_status(200);
        assert!(own.text().contains(veiled), "{endpoint}");
        // A client of the wire is no browser, whatever else it takes.
        let wire = server.get(&format!("/anna/open/{endpoint}"));
        let wire = wire.header("accept", "application/x-msgpack, text/html").send().await;
        assert_eq!(wire.header("content-type"), "application/x-msgpack");
    }
}
