//! Browsers sign in by an address that works once (`spec/trust.md` 6, 16.31-16.35).

use http::Method;
use serde_json::json;
use testkit::{Answer, Person, Request, Server};

use crate::{
    ground::{Ground, on_both},
    store,
};

/// The path of an address that signs in as somebody.
async fn address(server: &Server, person: &Person) -> String {
    let made = server.post("/api/v1/auth/web-login").by(person).send().await;
    made.assert_status(201);
    assert_eq!(made.header("cache-control"), "no-store");
    let url = made.json()["url"].as_str().unwrap().to_owned();
    url.strip_prefix(&server.base_url()).unwrap().to_owned()
}

pub(crate) fn own_page(request: Request) -> Request {
    request.header("sec-fetch-site", "same-origin")
}

/// The cookie that an answer sets, as a browser sends it back.
pub(crate) fn cookie_of(answer: &Answer) -> String {
    let line = answer.header("set-cookie");
    assert!(line.contains("; Path=/; HttpOnly; SameSite=Strict"), "{line}");
    line.split(';').next().unwrap().to_owned()
}

pub(crate) async fn sign_in(server: &Server, person: &Person) -> String {
    let target = address(server, person).await;
    let followed = own_page(server.post(&target)).send().await;
    assert_eq!((followed.status, followed.header("location")), (303, "/"));
    cookie_of(&followed)
}

/// The mark that the forms of a page carry.
pub(crate) async fn mark(server: &Server, cookie: &str) -> String {
    let page = server.get("/settings/sessions").header("cookie", cookie).send().await;
    page.assert_status(200);
    let text = page.text();
    let (_, rest) = text.split_once(r#"name="csrf" value=""#).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

pub(crate) fn form(request: Request, cookie: &str, body: &str) -> Request {
    let request = request.header("cookie", cookie);
    request.header("content-type", "application/x-www-form-urlencoded").body(body.to_owned())
}

on_both! {
    async fn an_address_signs_in_once_and_looking_uses_nothing_up(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let target = address(&server, &anna).await;
        for _ in 0..2 {
            let seen = server.get(&target).send().await;
            seen.assert_status(200);
            assert!(seen.text().contains("Sign in as anna"));
            assert_eq!(seen.header("referrer-policy"), "no-referrer");
        }
        // Another site cannot sign a browser in as somebody.
        for headers in [vec![], vec![("sec-fetch-site", "cross-site")], vec![("origin", "https://evil.example")]] {
            let request = headers.iter().fold(server.post(&target), |it, (name, value)| it.header(name, value));
            assert_eq!(request.send().await.status, 403, "{headers:?}");
        }
        let followed = own_page(server.post(&target)).send().await;
        assert_eq!(followed.status, 303);
        let cookie = cookie_of(&followed);
        assert_eq!(own_page(server.post(&target)).send().await.status, 404);
        assert_eq!(server.get(&target).send().await.status, 404);
        assert_eq!(server.get("/login/once/nonsense").send().await.status, 404);

        let me = server.get("/api/v1/me").header("cookie", &cookie).send().await;
        assert_eq!(me.json()["principal"]["handle"], "anna");
        assert!(server.get("/").header("cookie", &cookie).send().await.text().contains("/settings/keys"));
        // Only a person's signature asks for one.
        let anonymous = server.post("/api/v1/auth/web-login").send().await;
        anonymous.assert_refused(401, "unauthenticated");
        let operator = server.post("/api/v1/auth/web-login").by(&server.operator()).send().await;
        operator.assert_refused(404, "not_found");
    }
}

on_both! {
    async fn a_cookie_changes_things_only_from_our_own_pages(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let cookie = sign_in(&server, &anna).await;
        let mark = mark(&server, &cookie).await;
        let body = json!({ "name": "song" });
        let create = || server.post("/api/v1/repos").json(&body).header("cookie", &cookie);
        for (headers, status) in [
            (vec![], 403),
            (vec![("sec-fetch-site", "same-origin")], 403),
            (vec![("x-motet-csrf", mark.as_str())], 403),
            (vec![("sec-fetch-site", "cross-site"), ("x-motet-csrf", mark.as_str())], 403),
            (vec![("sec-fetch-site", "same-site"), ("x-motet-csrf", mark.as_str())], 403),
            (vec![("origin", "https://evil.example"), ("x-motet-csrf", mark.as_str())], 403),
            (vec![("sec-fetch-site", "same-origin"), ("x-motet-csrf", "AAAAAAAAAAAAAAAAAAAAAA")], 403),
            (vec![("sec-fetch-site", "same-origin"), ("x-motet-csrf", mark.as_str())], 201),
        ] {
            let request = headers.iter().fold(create(), |it, (name, value)| it.header(name, value));
            assert_eq!(request.send().await.status, status, "{headers:?}");
        }
        let two = server.get("/api/v1/me").header("cookie", &cookie).by(&anna).send().await;
        two.assert_refused(400, "malformed");
        // The wire knows no cookies.
        assert_eq!(server.get("/anna/song/refs").header("cookie", &cookie).send().await.status, 404);
    }
}

on_both! {
    async fn a_session_ends_here_and_everywhere(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let (first, second) = (sign_in(&server, &anna).await, sign_in(&server, &anna).await);
        let is_in = async |cookie: &str| server.get("/api/v1/me").header("cookie", cookie).send().await.status == 200;
        assert!(is_in(&first).await && is_in(&second).await);
        let body = format!("csrf={}", mark(&server, &first).await);
        let out = own_page(form(server.post("/logout"), &first, &body)).send().await;
        assert_eq!(out.status, 303);
        assert!(out.header("set-cookie").contains("Max-Age=0"));
        assert!(!is_in(&first).await && is_in(&second).await);
        // Ended, it reads pages as anybody does and is taken back; elsewhere it is refused.
        let page = server.get("/explore").header("cookie", &first).send().await;
        assert_eq!(page.status, 200);
        assert!(page.header("set-cookie").contains("Max-Age=0"));
        let api = server.get("/api/v1/me").header("cookie", &first).send().await;
        api.assert_refused(401, "unauthenticated");

        let third = sign_in(&server, &anna).await;
        let body = format!("csrf={}", mark(&server, &third).await);
        let out = own_page(form(server.post("/settings/sessions/revoke"), &third, &body)).send().await;
        assert_eq!(out.status, 303);
        assert!(!is_in(&second).await && !is_in(&third).await);
        // With the key that opened it, a session goes too.
        let fourth = sign_in(&server, &anna).await;
        let other = Person::new("anna", names::Secret::new([3; 32]));
        let challenge = server.challenge("anna", &other.key().public().to_openssh()).await;
        let met = server.post("/api/v1/auth/verify").json(&other.answer_to(&challenge)).by(&anna);
        met.send().await.assert_status(201);
        assert!(is_in(&fourth).await);
        let key = anna.key().fingerprint().to_string().replace('/', "%2F");
        let target = format!("/api/v1/auth/keys/anna/{key}?reason=retired");
        server.request(Method::DELETE, &target).by(&other).send().await.assert_status(200);
        assert!(!is_in(&fourth).await);
    }
}

on_both! {
    async fn sessions_are_listed_and_ended_by_their_person_alone(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, ben) = (server.register("anna").await, server.register("ben").await);
        let (first, second) = (sign_in(&server, &anna).await, sign_in(&server, &anna).await);
        let other = sign_in(&server, &ben).await;
        let is_in = async |cookie: &str| server.get("/api/v1/me").header("cookie", cookie).send().await.status == 200;
        let listed = async |request: Request| {
            let answer = request.send().await;
            answer.assert_status(200);
            assert_eq!(answer.header("cache-control"), "private, no-cache");
            answer.json()["items"].as_array().unwrap().clone()
        };
        let target = "/api/v1/auth/sessions";
        server.get(target).send().await.assert_refused(401, "unauthenticated");
        let seen = listed(server.get(target).header("cookie", &second)).await;
        assert_eq!(seen.iter().map(|it| it["current"] == json!(true)).collect::<Vec<_>>(), [true, false]);
        for it in &seen {
            assert_eq!((&it["ip"], &it["user_agent"]), (&json!("127.0.0.1"), &json!("motet-testkit")));
            assert!(["created_at", "last_seen_at", "ends_at"].iter().all(|at| it[*at].is_string()), "{it}");
        }
        // A signature asks from no session.
        let by_key = listed(server.get(target).by(&anna)).await;
        assert!(by_key.len() == 2 && by_key.iter().all(|it| it["current"] == json!(false)));
        // What proves a session stands in none of it.
        let text = json!(seen).to_string();
        assert!([&first, &second].iter().all(|it| !text.contains(it.split_once('=').unwrap().1)));

        let id = |at: usize| seen[at]["id"].as_str().unwrap().to_owned();
        let end = |id: &str| server.request(Method::DELETE, &format!("{target}/{id}"));
        end(&id(0)).by(&ben).send().await.assert_refused(404, "not_found");
        end("nonsense").by(&anna).send().await.assert_refused(404, "not_found");
        end(&id(1)).send().await.assert_refused(401, "unauthenticated");
        // From a browser it takes our own page and its mark.
        own_page(end(&id(1)).header("cookie", &second)).send().await.assert_refused(403, "cross_site");
        assert!(is_in(&first).await && is_in(&second).await);
        let mark = mark(&server, &second).await;
        let marked = |request: Request| own_page(request.header("cookie", &second)).header("x-motet-csrf", &mark);
        marked(end(&id(1))).send().await.assert_status(204);
        assert!(!is_in(&first).await && is_in(&second).await);
        end(&id(1)).by(&anna).send().await.assert_refused(404, "not_found");
        marked(server.request(Method::DELETE, target)).send().await.assert_status(204);
        assert!(!is_in(&second).await && is_in(&other).await);
        assert!(listed(server.get(target).by(&anna)).await.is_empty());

        // A token does it as far as its scope reaches.
        let third = sign_in(&server, &anna).await;
        let with = async |reach: &str| {
            let scope = json!({ "scope": { "planes": { "trust": reach } } });
            let minted = server.post("/api/v1/tokens").json(&scope).by(&anna).send().await.json();
            format!("Bearer {}", minted["value"].as_str().unwrap())
        };
        let (reads, writes) = (with("read").await, with("write").await);
        assert_eq!(listed(server.get(target).header("authorization", &reads)).await.len(), 1);
        let all = || server.request(Method::DELETE, target);
        all().header("authorization", &reads).send().await.assert_refused(403, "forbidden");
        all().header("authorization", &writes).send().await.assert_status(204);
        assert!(!is_in(&third).await && is_in(&other).await);
        let rows = "/api/v1/admin/audit?action=session_revoked";
        let rows = server.get(rows).by(&server.operator()).send().await.json();
        assert_eq!(rows["items"].as_array().unwrap().len(), 3, "{rows}");
    }
}

on_both! {
    async fn sessions_that_cannot_be_read_are_an_outage_and_never_nobody(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let cookie = sign_in(&server, &anna).await;
        let look = async || server.get("/settings/sessions").header("cookie", &cookie).send().await;
        look().await.assert_status(200);
        let db = ground.db(&server).await;
        let mut tx = db.write().await.unwrap();
        store::hide_sessions(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(look().await.status, 503);
        // A page that anybody may read is no way round it either.
        assert_eq!(server.get("/").header("cookie", &cookie).send().await.status, 503);
        server.get("/").send().await.assert_status(200);
    }
}

#[tokio::test]
async fn no_log_holds_what_proves_who_somebody_is() {
    let server = Server::with(crate::MOTET).log("debug").start().await;
    let anna = server.register("anna").await;
    let target = address(&server, &anna).await;
    server.get(&target).send().await.assert_status(200);
    let followed = own_page(server.post(&target)).send().await;
    let cookie = cookie_of(&followed);
    let scope = json!({ "kind": "personal", "scope": { "planes": { "hub": "read" } } });
    let minted = server.post("/api/v1/tokens").json(&scope).by(&anna).send().await.json();
    let token = minted["value"].as_str().unwrap();
    for name in ["/api/v1/repos", "/api/v1/repos?token=", "/mt_personal_"] {
        let target = format!("{name}{}", if name.ends_with(['=', '_']) { token } else { "" });
        let bearer = format!("Bearer {token}");
        server.get(&target).header("authorization", &bearer).send().await;
    }
    server.get("/settings/keys").header("cookie", &cookie).send().await.assert_status(200);
    let log = server.log();
    assert!(log.contains("/login/once/[hidden]"), "the line is there, without the code");
    let code = target.rsplit('/').next().unwrap();
    let jwt = cookie.split('=').nth(1).unwrap();
    let secret = token.rsplit_once('_').unwrap().0.trim_start_matches("mt_personal_");
    for hidden in [code, jwt, secret, anna.key().to_openssh("").expose().as_str()] {
        assert!(!log.contains(hidden), "the log holds {hidden}");
    }
}

on_both! {
    async fn forms_make_and_revoke_a_token(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let cookie = sign_in(&server, &anna).await;
        let mark = mark(&server, &cookie).await;
        let body = format!("csrf={mark}&label=my+laptop&days=7&reach=read&repositories=all&names=");
        let made = own_page(form(server.post("/settings/tokens"), &cookie, &body)).send().await;
        made.assert_status(200);
        assert_eq!(made.header("cache-control"), "no-store");
        let text = made.text();
        let at = text.find("mt_personal_").unwrap();
        let value: String = text[at..].chars().take_while(|it| *it != '<').collect();
        let bearer = format!("Bearer {value}");
        let read = server.get("/api/v1/repos").header("authorization", &bearer);
        read.clone().send().await.assert_status(200);
        let list = server.get("/settings/tokens").header("cookie", &cookie).send().await.text();
        assert!(list.contains("my laptop") && !list.contains(&value));
        let (_, rest) = list.split_once("/settings/tokens/").unwrap();
        let id = rest.split('/').next().unwrap();
        let target = format!("/settings/tokens/{id}/revoke");
        let body = format!("csrf={mark}");
        let gone = own_page(form(server.post(&target), &cookie, &body)).send().await;
        assert_eq!(gone.status, 303);
        read.send().await.assert_refused(401, "unauthenticated");
        // A form without its mark does nothing.
        let bare = own_page(form(server.post("/settings/tokens"), &cookie, "label=x&days=7&reach=read&repositories=all"));
        assert_eq!(bare.send().await.status, 403);
    }
}

#[tokio::test]
async fn a_session_that_was_tampered_with_is_none() {
    let server = Ground::Sqlite.server().start().await;
    let anna = server.register("anna").await;
    let cookie = sign_in(&server, &anna).await;
    let (name, token) = cookie.split_once('=').unwrap();
    let mut parts: Vec<_> = token.split('.').collect();
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    let swapped = [none, parts[1], ""].join(".");
    parts.swap(0, 1);
    for bad in [parts.join("."), swapped, token[1..].to_owned(), String::new(), "x".repeat(6_000)] {
        let request = server.get("/api/v1/me").header("cookie", &format!("{name}={bad}"));
        request.send().await.assert_refused(401, "unauthenticated");
    }
}

/// Another key signs sessions, and nobody is signed out by it.
#[tokio::test]
async fn another_key_signs_sessions_and_whoever_is_signed_in_stays_so() {
    let server = Ground::Sqlite.server().start().await;
    let anna = server.register("anna").await;
    let before = sign_in(&server, &anna).await;
    let rotate = server.post("/api/v1/admin/signing-keys/session/rotate");
    rotate.clone().by(&anna).send().await.assert_refused(404, "not_found");
    let rotated = rotate.by(&server.operator()).send().await;
    rotated.assert_status(201);
    let after = sign_in(&server, &anna).await;
    let kid = |cookie: &str| {
        let head = cookie.split(['=', '.']).nth(1).unwrap();
        let head = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, head);
        let head: serde_json::Value = serde_json::from_slice(&head.unwrap()).unwrap();
        head["kid"].clone()
    };
    assert_eq!(kid(&after), rotated.json()["kid"]);
    assert_ne!(kid(&before), kid(&after));
    for cookie in [&before, &after] {
        server.get("/api/v1/me").header("cookie", cookie).send().await.assert_status(200);
    }
}
