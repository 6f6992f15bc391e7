//! Bearer tokens (`spec/trust.md` 4, 5, 16.8, 16.22-16.24).

use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Person, Request, Server, Story};

use crate::ground::{Ground, on_both};

/// A token of somebody, whole.
async fn mint(server: &Server, by: &Person, body: Value) -> Value {
    let minted = server.post("/api/v1/tokens").json(&body).by(by).send().await;
    minted.assert_status(201);
    assert_eq!(minted.header("cache-control"), "no-store");
    minted.json()
}

fn with(request: Request, minted: &Value) -> Request {
    request.header("authorization", &format!("Bearer {}", minted["value"].as_str().unwrap()))
}

async fn get(server: &Server, target: &str, minted: &Value) -> Answer {
    with(server.get(target), minted).send().await
}

on_both! {
    async fn a_token_reads_as_far_as_its_scope_and_no_further(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        for (name, visibility) in [("open", "public"), ("veiled", "private"), ("other", "private")] {
            let repository = server.create(&anna, name, visibility).await;
            server.push_story(&anna, &repository, &Story::of_one(name), "main").await;
        }
        let scope = |repositories: Value| {
            json!({ "scope": { "planes": { "hub": "read" }, "repositories": repositories } })
        };
        let all = mint(&server, &anna, scope(json!("all"))).await;
        let public = mint(&server, &anna, scope(json!("public"))).await;
        let one = mint(&server, &anna, scope(json!(["anna/veiled"]))).await;
        let star = mint(&server, &anna, scope(json!(["anna/*"]))).await;
        for (token, [open, veiled, other]) in
            [(&all, [200; 3]), (&public, [200, 404, 404]), (&one, [404, 200, 404]), (&star, [200; 3])]
        {
            for (name, status) in [("open", open), ("veiled", veiled), ("other", other)] {
                for target in [format!("/api/v1/repos/anna/{name}"), format!("/anna/{name}")] {
                    assert_eq!(get(&server, &target, token).await.status, status, "{target} {token}");
                }
            }
        }
        let listed = get(&server, "/api/v1/repos", &all).await.json();
        assert_eq!(listed["items"].as_array().unwrap().len(), 3);
        let listed = get(&server, "/api/v1/repos", &public).await.json();
        assert_eq!(listed["items"].as_array().unwrap().len(), 1);

        // Reading is not writing, and another plane is another plane.
        let new = with(server.post("/api/v1/repos").json(&json!({ "name": "more" })), &all);
        new.send().await.assert_refused(403, "forbidden");
        get(&server, "/api/v1/tokens", &all).await.assert_refused(403, "forbidden");
        // Who one is, and what anybody may see, every token may ask.
        for target in ["/api/v1/me", "/healthz", "/login", "/api/v1/principals/anna"] {
            get(&server, target, &all).await.assert_status(200);
        }
        let writer = json!({ "scope": { "planes": { "hub": "write", "trust": "read" }, "repositories": "all" } });
        let writer = mint(&server, &anna, writer).await;
        let new = with(server.post("/api/v1/repos").json(&json!({ "name": "more" })), &writer);
        new.send().await.assert_status(201);
        get(&server, "/api/v1/me", &writer).await.assert_status(200);
        // What only a signature may do, no token does.
        let mint_more = with(server.post("/api/v1/tokens").json(&scope(json!("all"))), &writer);
        mint_more.send().await.assert_refused(401, "bearer_refused");
        let gone = with(server.request(Method::DELETE, "/api/v1/auth/keys/anna/x"), &writer);
        gone.send().await.assert_refused(401, "bearer_refused");
    }
}

on_both! {
    async fn a_token_is_rotated_with_an_overlap_and_revoked_at_once(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, boris) = (server.register("anna").await, server.register("boris").await);
        let body = json!({ "label": "ci", "scope": { "planes": { "hub": "read" }, "repositories": "all" } });
        let first = mint(&server, &anna, body).await;
        let id = |minted: &Value| minted["token"]["id"].as_str().unwrap().to_owned();
        let rotate = async |id: &str, by: &Person, body: Value| {
            server.post(&format!("/api/v1/tokens/{id}/rotate")).json(&body).by(by).send().await
        };
        rotate(&id(&first), &boris, json!({})).await.assert_refused(404, "not_found");
        rotate(&id(&first), &anna, json!({ "overlap_seconds": 604_801 })).await.assert_refused(422, "invalid");
        let second = rotate(&id(&first), &anna, json!({})).await.json();
        assert_eq!(second["token"]["label"], "ci");
        for token in [&first, &second] {
            get(&server, "/api/v1/repos", token).await.assert_status(200);
        }
        // At most two live of one line: the oldest ends at once.
        let third = rotate(&id(&second), &anna, json!({ "overlap_seconds": 60 })).await.json();
        get(&server, "/api/v1/repos", &first).await.assert_refused(401, "unauthenticated");
        for token in [&second, &third] {
            get(&server, "/api/v1/repos", token).await.assert_status(200);
        }
        let at_once = rotate(&id(&third), &anna, json!({ "overlap_seconds": 0 })).await.json();
        get(&server, "/api/v1/repos", &third).await.assert_refused(401, "unauthenticated");

        let target = format!("/api/v1/tokens/{}", id(&at_once));
        let revoke = server.request(Method::DELETE, &target);
        revoke.clone().by(&boris).send().await.assert_refused(404, "not_found");
        get(&server, "/api/v1/repos", &at_once).await.assert_status(200);
        revoke.by(&anna).send().await.assert_status(204);
        get(&server, "/api/v1/repos", &at_once).await.assert_refused(401, "unauthenticated");
        let left = server.get("/api/v1/tokens").by(&anna).send().await.json();
        assert_eq!(left["items"], json!([]));
    }
}

#[tokio::test]
async fn what_is_no_token_is_refused_everywhere_and_never_anonymous() {
    let server = Ground::Sqlite.server().start().await;
    let anna = server.register("anna").await;
    server.create(&anna, "open", "public").await;
    let body = json!({ "scope": { "planes": { "hub": "read" }, "repositories": "all" } });
    let minted = mint(&server, &anna, body).await;
    let value = minted["value"].as_str().unwrap();
    let swapped = value.replace("mt_personal_", "mt_agent_");
    for bad in ["x", "", &value[1..], &value[..value.len() - 1], &swapped, &"m".repeat(5_000)] {
        for target in ["/api/v1/repos/anna/open", "/anna/open", "/explore"] {
            let request = server.get(target).header("authorization", &format!("Bearer {bad}"));
            let answer = request.send().await;
            assert_eq!(answer.status, 401, "{target} {bad}");
            let schemes: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
            assert_eq!(schemes, [r#"MSign realm="motet""#, r#"Bearer realm="motet""#]);
        }
    }
    // Where no token is taken, nobody is asked for one.
    let class_s = server.post("/api/v1/tokens").send().await;
    assert_eq!(class_s.headers.get_all("www-authenticate").iter().count(), 1);
    // In a query it is nothing at all.
    let target = format!("/api/v1/me?token={value}&access_token={value}");
    server.get(&target).send().await.assert_refused(401, "unauthenticated");
    // Two credentials are one too many.
    let two = with(server.get("/api/v1/me").by(&anna), &minted).send().await;
    two.assert_refused(400, "malformed");
}

#[tokio::test]
async fn a_scope_that_means_nothing_is_refused_with_its_place() {
    let server = Ground::Sqlite.server().start().await;
    let anna = server.register("anna").await;
    for scope in [
        json!({}),
        json!({ "planes": { "moon": "read" } }),
        json!({ "planes": { "hub": "fly" } }),
        json!({ "planes": { "hub": "read" }, "repositories": ["song"] }),
        json!({ "planes": { "hub": "read" }, "verbs": ["hub.repo.fly"] }),
        json!({ "planes": { "hub": "read" }, "more": 1 }),
        json!("all"),
    ] {
        let body = json!({ "scope": scope });
        let refused = server.post("/api/v1/tokens").json(&body).by(&anna).send().await;
        refused.assert_refused(422, "invalid");
    }
    let body = json!({ "kind": "agent", "scope": { "planes": { "hub": "read" } } });
    server.post("/api/v1/tokens").json(&body).by(&anna).send().await.assert_refused(422, "invalid");
    let body = json!({ "days": 367, "scope": { "planes": { "hub": "read" } } });
    server.post("/api/v1/tokens").json(&body).by(&anna).send().await.assert_refused(422, "invalid");
}

/// Clients that know no signature speak the Muse wire with a token, on this machine (`spec/trust.md` 4).
#[tokio::test]
async fn the_wire_takes_a_token_on_this_machine() {
    let server = Ground::Sqlite.server().start().await;
    let anna = server.register("anna").await;
    server.push_story(&anna, "anna/song", &Story::of_one("a song"), "main").await;
    server.push_story(&anna, "anna/other", &Story::of_one("another"), "main").await;
    let body = json!({ "kind": "git", "scope": { "planes": { "hub": "write" }, "repositories": ["anna/song"] } });
    let git = mint(&server, &anna, body).await;
    get(&server, "/anna/song/refs", &git).await.assert_status(200);
    assert_eq!(get(&server, "/anna/other/refs", &git).await.status, 404);
    let passed_on =
        with(server.get("/anna/song/refs"), &git).header("x-forwarded-for", "192.0.2.1");
    assert_eq!(passed_on.send().await.status, 401);
    // The API does not take it.
    get(&server, "/api/v1/repos/anna/song", &git).await.assert_refused(401, "bearer_refused");
}
