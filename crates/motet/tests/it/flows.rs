//! Applications ask people for a token: the device flow and the code flow (`spec/trust.md` 6, 16.38; `spec/mcp.md` 4).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use names::Digest;
use serde_json::{Value, json};
use testkit::{Answer, Person, Request, Server};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use url::Url;

use crate::{
    ground::{Ground, on_both},
    store,
};

pub(crate) const VERIFIER: &str = "a-verifier-that-only-the-application-knows-0123456789";
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

fn encoded(pairs: &[(&str, &str)]) -> String {
    let mut url = Url::parse("http://x/").unwrap();
    url.query_pairs_mut().extend_pairs(pairs);
    url.query().unwrap_or_default().to_owned()
}

async fn send(server: &Server, target: &str, pairs: &[(&str, &str)]) -> Answer {
    let request = server.post(target).header("content-type", "application/x-www-form-urlencoded");
    request.body(encoded(pairs)).send().await
}

#[track_caller]
fn assert_word(answer: &Answer, word: &str) {
    let body = answer.json();
    assert_eq!((answer.status, body["error"].as_str()), (400, Some(word)), "{body}");
    assert!(body["error_description"].is_string(), "{body}");
    assert_eq!(answer.header("cache-control"), "no-store");
}

/// A browser of somebody who has signed in.
pub(crate) struct Browser<'a> {
    server: &'a Server,
    cookie: String,
    mark: String,
}

impl<'a> Browser<'a> {
    pub(crate) async fn new(server: &'a Server, person: &Person) -> Self {
        let made = server.post("/api/v1/auth/web-login").by(person).send().await.json();
        let url =
            made["url"].as_str().unwrap().strip_prefix(&server.base_url()).unwrap().to_owned();
        let followed = server.post(&url).header("sec-fetch-site", "same-origin").send().await;
        let cookie = followed.header("set-cookie").split(';').next().unwrap().to_owned();
        let page = server.get("/login/device").header("cookie", &cookie).send().await.text();
        let (_, rest) = page.split_once(r#"name="csrf" value=""#).unwrap();
        let mark = rest.split('"').next().unwrap().to_owned();
        Self { server, cookie, mark }
    }

    async fn get(&self, target: &str) -> Answer {
        self.server.get(target).header("cookie", &self.cookie).send().await
    }

    fn form(&self, target: &str, pairs: &[(&str, &str)]) -> Request {
        let request = self.server.post(target).header("cookie", &self.cookie);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let all = [pairs, &[("csrf", self.mark.as_str())]].concat();
        request.body(encoded(&all)).header("sec-fetch-site", "same-origin")
    }

    pub(crate) async fn post(&self, target: &str, pairs: &[(&str, &str)]) -> Answer {
        self.form(target, pairs).send().await
    }

    /// Agrees to what a device asks for.
    pub(crate) async fn agree(&self, code: &str) -> Answer {
        let choices =
            [("user_code", code), ("word:hub:write", "on"), ("repositories", "all"), ("days", "7")];
        self.post("/login/device/approve", &choices).await
    }
}

pub(crate) async fn begin(server: &Server) -> Value {
    let asked = [("client_id", "motet"), ("scope", "hub:write"), ("label", "my laptop")];
    let begun = send(server, "/api/v1/auth/device", &asked).await;
    begun.assert_status(200);
    assert_eq!(begun.header("cache-control"), "no-store");
    begun.json()
}

pub(crate) async fn poll(server: &Server, flow: &Value) -> Answer {
    let pairs = [
        ("grant_type", DEVICE_GRANT),
        ("client_id", "motet"),
        ("device_code", flow["device_code"].as_str().unwrap()),
    ];
    send(server, "/api/v1/auth/device/token", &pairs).await
}

on_both! {
    /// Check 38.
    async fn a_device_is_told_to_wait_to_slow_down_and_gets_its_token_once(ground: Ground) {
        let mut server = ground.server().start().await;
        let anna = server.register("anna").await;
        let flow = begin(&server).await;
        assert_eq!((&flow["expires_in"], &flow["interval"]), (&json!(600), &json!(5)));
        let code = flow["user_code"].as_str().unwrap().to_owned();
        assert_eq!(flow["verification_uri"], format!("{}/login/device", server.base_url()));
        assert_word(&poll(&server, &flow).await, "authorization_pending");
        assert_word(&poll(&server, &flow).await, "slow_down");
        server.kill().await;
        server.restart().await;

        // Nothing is shown to nobody, and an address alone shows and decides nothing.
        let page = server.get(&format!("/login/device?user_code={code}")).send().await;
        assert!(page.text().contains("Sign in first"));
        let browser = Browser::new(&server, &anna).await;
        let page = browser.get(&format!("/login/device?user_code={code}")).await.text();
        assert!(page.contains(&code) && !page.contains("my laptop"));
        let shown = browser.post("/login/device", &[("user_code", &code.to_lowercase())]).await;
        shown.assert_status(200);
        for told in ["my laptop", "127.0.0.1", "hub:write", "acts as you, anna", "motet-testkit"] {
            assert!(shown.text().contains(told), "{told}");
        }
        assert_word(&poll(&server, &flow).await, "slow_down");
        browser.agree(&code).await.assert_status(200);

        let issued = poll(&server, &flow).await;
        issued.assert_status(200);
        assert_eq!(issued.header("cache-control"), "no-store");
        let issued = issued.json();
        assert_eq!((&issued["token_type"], &issued["scope"]), (&json!("Bearer"), &json!("hub:write")));
        // From the moment at which somebody agreed.
        let week = 7 * 86_400;
        assert!((week - 600..=week).contains(&issued["expires_in"].as_i64().unwrap()), "{issued}");
        assert_eq!(issued["refresh_token"], Value::Null);
        assert_word(&poll(&server, &flow).await, "expired_token");
        let bearer = format!("Bearer {}", issued["access_token"].as_str().unwrap());
        let me = server.get("/api/v1/me").header("authorization", &bearer).send().await;
        assert_eq!(me.json()["principal"]["handle"], "anna");
        let made = server.post("/api/v1/repos").json(&json!({ "name": "song" })).header("authorization", &bearer);
        made.send().await.assert_status(201);
        // What was decided is decided.
        assert_eq!(browser.agree(&code).await.status, 401);
    }
}

on_both! {
    /// Check 38.
    async fn a_device_is_told_no_and_when_its_code_has_ended(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let browser = Browser::new(&server, &anna).await;
        let (refused, late) = (begin(&server).await, begin(&server).await);
        let code = refused["user_code"].as_str().unwrap();
        browser.post("/login/device/deny", &[("user_code", code)]).await.assert_status(200);
        assert_word(&poll(&server, &refused).await, "access_denied");
        assert_word(&poll(&server, &late).await, "authorization_pending");
        let mut tx = ground.db(&server).await.write().await.unwrap();
        assert!(store::end_codes(&mut tx).await.unwrap() > 0);
        tx.commit().await.unwrap();
        assert_word(&poll(&server, &late).await, "expired_token");
        assert_eq!(browser.agree(late["user_code"].as_str().unwrap()).await.status, 401);
        assert_word(&poll(&server, &json!({ "device_code": "nonsense" })).await, "expired_token");
    }
}

on_both! {
    async fn agreeing_needs_a_fresh_session_and_a_page_of_ours(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let flow = begin(&server).await;
        let code = flow["user_code"].as_str().unwrap();
        let browser = Browser::new(&server, &anna).await;
        let bare = server.post("/login/device/approve").header("cookie", &browser.cookie);
        let bare = bare.header("content-type", "application/x-www-form-urlencoded");
        let bare = bare.body(encoded(&[("user_code", code), ("csrf", &browser.mark)]));
        for request in [bare.clone(), bare.header("sec-fetch-site", "cross-site")] {
            assert_eq!(request.send().await.status, 403);
        }
        let signed = server.post("/login/device/approve").by(&anna);
        let signed = signed.header("content-type", "application/x-www-form-urlencoded");
        let signed = signed.body(encoded(&[("user_code", code), ("word:hub:write", "on"), ("days", "7")]));
        assert_eq!(signed.send().await.status, 403, "a page takes a session");
        let mut tx = ground.db(&server).await.write().await.unwrap();
        assert_eq!(store::age_sessions(&mut tx).await.unwrap(), 1);
        tx.commit().await.unwrap();
        let shown = browser.post("/login/device", &[("user_code", code)]).await;
        shown.assert_status(200);
        assert!(shown.text().contains("within the last ten minutes"));
        let stale = browser.agree(code).await;
        assert_eq!(stale.status, 403);
        assert!(stale.text().contains("sign in again"), "{}", stale.text());
        assert_word(&poll(&server, &flow).await, "authorization_pending");
    }
}

#[tokio::test]
async fn whoever_guesses_codes_has_to_wait() {
    let server = Server::with(crate::MOTET).arg("--limit=failures=3").start().await;
    let anna = server.register("anna").await;
    let flow = begin(&server).await;
    let browser = Browser::new(&server, &anna).await;
    for _ in 0..3 {
        let guessed = browser.post("/login/device", &[("user_code", "BCDF-GHJK")]).await;
        assert_eq!(guessed.status, 401);
        assert!(guessed.text().contains("begin again on the other device"));
    }
    let right = browser.agree(flow["user_code"].as_str().unwrap()).await;
    assert_eq!(right.status, 429);
    assert!(!right.header("retry-after").is_empty());
}

#[tokio::test]
async fn what_cannot_be_is_told_in_the_words_of_oauth() {
    let server = Server::start(crate::MOTET).await;
    for (target, pairs, word) in [
        ("/api/v1/auth/device", vec![], "invalid_request"),
        ("/api/v1/auth/device", vec![("client_id", "nobody")], "invalid_client"),
        (
            "/api/v1/auth/device",
            vec![("client_id", "motet"), ("scope", "moon:read")],
            "invalid_scope",
        ),
        (
            "/api/v1/auth/device",
            vec![("client_id", "motet"), ("resource", "https://x/")],
            "invalid_target",
        ),
        (
            "/api/v1/auth/device",
            vec![("client_id", "motet"), ("client_id", "motet")],
            "invalid_request",
        ),
        ("/api/v1/auth/device/token", vec![("client_id", "motet")], "invalid_request"),
        ("/api/v1/auth/device/token", vec![("grant_type", "password")], "unsupported_grant_type"),
        ("/api/v1/auth/token", vec![], "invalid_request"),
        (
            "/api/v1/auth/token",
            vec![("grant_type", "client_credentials")],
            "unsupported_grant_type",
        ),
        (
            "/api/v1/auth/token",
            vec![("grant_type", "refresh_token"), ("client_id", "x")],
            "invalid_request",
        ),
    ] {
        assert_word(&send(&server, target, &pairs).await, word);
    }
    let json = server.post("/api/v1/auth/token").json(&json!({ "grant_type": "x" })).send().await;
    assert_eq!((json.status, &json.json()["error"]), (415, &json!("invalid_request")));
    for (body, word) in [
        (json!({}), "invalid_redirect_uri"),
        (json!({ "redirect_uris": ["http://app.example/"] }), "invalid_redirect_uri"),
        (json!({ "redirect_uris": "x" }), "invalid_client_metadata"),
    ] {
        assert_word(&server.post("/api/v1/auth/clients").json(&body).send().await, word);
    }
    let anna = server.register("anna").await;
    let asked = server.post("/api/v1/auth/token").by(&anna);
    let asked = asked.header("content-type", "application/x-www-form-urlencoded");
    assert_word(&asked.body("grant_type=refresh_token").send().await, "invalid_request");
}

#[tokio::test]
async fn flows_and_registrations_are_few_from_one_place() {
    let server =
        Server::with(crate::MOTET).arg("--limit=device-flows=1,applications=1").start().await;
    begin(&server).await;
    let second = send(&server, "/api/v1/auth/device", &[("client_id", "motet")]).await;
    assert_eq!((second.status, &second.json()["error"]), (429, &json!("temporarily_unavailable")));
    assert!(!second.header("retry-after").is_empty());
    let body = json!({ "redirect_uris": ["http://127.0.0.1/back"] });
    for status in [201, 429] {
        let made = server.post("/api/v1/auth/clients").json(&body).send().await;
        assert_eq!(made.status, status);
    }
}

/// An application on this machine: it registered itself, and waits for the browser to be led back.
pub(crate) struct Application {
    id: String,
    listener: TcpListener,
    back: String,
}

impl Application {
    pub(crate) async fn new(server: &Server) -> Self {
        let body = json!({ "client_name": "Harp", "redirect_uris": ["http://127.0.0.1/back"] });
        let made = server.post("/api/v1/auth/clients").json(&body).send().await;
        made.assert_status(201);
        let id = made.json()["client_id"].as_str().unwrap().to_owned();
        assert_eq!(made.json()["token_endpoint_auth_method"], "none");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let back = format!("http://{}/back", listener.local_addr().unwrap());
        Self { id, listener, back }
    }

    /// What the address of the page says.
    pub(crate) fn asks(&self, server: &Server) -> Vec<(&'static str, String)> {
        let challenge = URL_SAFE_NO_PAD.encode(Digest::of(VERIFIER.as_bytes()).as_bytes());
        vec![
            ("response_type", "code".to_owned()),
            ("client_id", self.id.clone()),
            ("redirect_uri", self.back.clone()),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256".to_owned()),
            ("resource", format!("{}/mcp", server.base_url())),
            ("scope", "hub:read collab:read".to_owned()),
            ("state", "x&y \"z\"".to_owned()),
        ]
    }

    /// Follows where a page leads, and gives what the listener is told.
    pub(crate) async fn led_back(&self, page: &Answer) -> Vec<(String, String)> {
        page.assert_status(200);
        assert_eq!((page.header("location"), page.header("referrer-policy")), ("", "no-referrer"));
        let text = page.text();
        let (_, rest) = text.split_once(r#"<meta http-equiv="refresh" content="0; url="#).unwrap();
        let address = rest.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
        let address = Url::parse(&address).unwrap();
        let target = &address[url::Position::BeforePath..];
        let mut browser =
            TcpStream::connect(address.socket_addrs(|| None).unwrap()[0]).await.unwrap();
        let line = format!("GET {target} HTTP/1.1\r\n\r\n");
        browser.write_all(line.as_bytes()).await.unwrap();
        let (mut told, _) = self.listener.accept().await.unwrap();
        let mut bytes = vec![0; line.len()];
        told.read_exact(&mut bytes).await.unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let target = text.split(' ').nth(1).unwrap();
        let seen = Url::parse(&format!("http://x{target}")).unwrap();
        assert_eq!(seen.path(), "/back");
        seen.query_pairs().into_owned().collect()
    }

    /// A code that somebody gave, for a new agent of that handle or for one that there is.
    pub(crate) async fn code(&self, browser: &Browser<'_>, agent: (&str, &str)) -> String {
        let asks = self.asks(browser.server);
        let mut pairs: Vec<_> = asks.iter().map(|(name, value)| (*name, value.as_str())).collect();
        pairs.extend([agent, ("word:hub:read", "on"), ("repositories", "all"), ("days", "30")]);
        let led = self.led_back(&browser.post("/login/authorize", &pairs).await).await;
        assert_eq!(led[1], ("state".to_owned(), "x&y \"z\"".to_owned()));
        assert_eq!(led[2], ("iss".to_owned(), browser.server.base_url()));
        assert_eq!(led[0].0, "code");
        led[0].1.clone()
    }

    pub(crate) async fn redeem(&self, server: &Server, code: &str, verifier: &str) -> Answer {
        let pairs = [
            ("grant_type", "authorization_code"),
            ("client_id", &self.id),
            ("redirect_uri", &self.back),
            ("code", code),
            ("code_verifier", verifier),
        ];
        send(server, "/api/v1/auth/token", &pairs).await
    }

    async fn renew(&self, server: &Server, refresh: &Value) -> Answer {
        let refresh = refresh.as_str().unwrap();
        let pairs =
            [("grant_type", "refresh_token"), ("client_id", &self.id), ("refresh_token", refresh)];
        send(server, "/api/v1/auth/token", &pairs).await
    }
}

fn query(pairs: &[(&str, String)]) -> String {
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
    format!("/login/authorize?{}", encoded(&pairs))
}

on_both! {
    async fn an_application_is_let_in_for_one_surface_and_renews_its_token(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let app = Application::new(&server).await;
        let address = query(&app.asks(&server));
        let nobody = server.get(&address).send().await;
        assert!(nobody.text().contains("Sign in first") && !nobody.text().contains("Harp"));
        let browser = Browser::new(&server, &anna).await;
        let page = browser.get(&address).await;
        page.assert_status(200);
        for told in ["Harp", &app.back.replace("/back", ""), "collab:read", "nobody has checked its name"] {
            assert!(page.text().contains(told), "{told}");
        }
        let code = app.code(&browser, ("handle", "robot")).await;
        let issued = app.redeem(&server, &code, VERIFIER).await;
        issued.assert_status(200);
        let issued = issued.json();
        assert_eq!((&issued["expires_in"], &issued["scope"]), (&json!(3600), &json!("hub:read")));
        // On every surface that there is, it is no credential.
        let bearer = format!("Bearer {}", issued["access_token"].as_str().unwrap());
        for target in ["/api/v1/me", "/api/v1/repos", "/explore", "/anna/song/refs"] {
            let asked = server.get(target).header("authorization", &bearer).send().await;
            assert_eq!(asked.status, 401, "{target}");
        }
        // It is a token of the agent all the same: without its bound it would act as that.
        let mut tx = ground.db(&server).await.write().await.unwrap();
        assert_eq!(store::drop_audiences(&mut tx).await.unwrap(), 1);
        tx.commit().await.unwrap();
        let me = server.get("/api/v1/me").header("authorization", &bearer).send().await;
        assert_eq!(me.json()["principal"], server.get("/api/v1/principals/robot").send().await.json());

        let second = app.renew(&server, &issued["refresh_token"]).await;
        second.assert_status(200);
        let second = second.json();
        let me = server.get("/api/v1/me").header("authorization", &bearer).send().await;
        assert_eq!(me.status, 401, "the old token has ended");
        let live = async || {
            let listed = server.get("/api/v1/agents/robot/tokens").by(&anna).send().await.json();
            listed["items"].as_array().unwrap().len()
        };
        assert_eq!(live().await, 2);
        assert_word(&app.renew(&server, &issued["refresh_token"]).await, "invalid_grant");
        assert_eq!(live().await, 0, "a refresh token that comes twice ends the line");
        assert_word(&app.renew(&server, &second["refresh_token"]).await, "invalid_grant");

        let rows = server.get("/api/v1/admin/audit?limit=100").by(&server.operator()).send().await.json();
        let rows = rows["items"].as_array().unwrap();
        for action in ["code_flow_approved", "token_minted", "token_rotated", "token_revoked"] {
            assert!(rows.iter().any(|it| it["action"] == action), "{action}");
        }
    }
}

on_both! {
    async fn a_code_is_good_once_for_its_application_and_verifier(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let browser = Browser::new(&server, &anna).await;
        let (app, other) = (Application::new(&server).await, Application::new(&server).await);
        let code = app.code(&browser, ("handle", "robot")).await;
        let agent = ("agent", "robot");
        assert_word(&app.redeem(&server, &code, &VERIFIER.replace('a', "b")).await, "invalid_grant");
        assert_word(&app.redeem(&server, &code, VERIFIER).await, "invalid_grant");
        let code = app.code(&browser, agent).await;
        assert_word(&app.redeem(&server, &code, "").await, "invalid_request");
        assert_word(&other.redeem(&server, &code, VERIFIER).await, "invalid_grant");
        let code = app.code(&browser, agent).await;
        let first = app.redeem(&server, &code, VERIFIER).await;
        first.assert_status(200);
        assert_word(&app.redeem(&server, &code, VERIFIER).await, "invalid_grant");
        assert_word(&app.renew(&server, &first.json()["refresh_token"]).await, "invalid_grant");
        // Somebody else's agent does not act for an application.
        let boris = server.register("boris").await;
        let his = Browser::new(&server, &boris).await;
        let asks = app.asks(&server);
        let mut pairs: Vec<_> = asks.iter().map(|(name, value)| (*name, value.as_str())).collect();
        pairs.extend([agent, ("word:hub:read", "on"), ("days", "30")]);
        assert_eq!(his.post("/login/authorize", &pairs).await.status, 404);
        let led = app.led_back(&his.post("/login/authorize/deny", &pairs).await).await;
        assert_eq!(led[0], ("error".to_owned(), "access_denied".to_owned()));
    }
}

#[tokio::test]
async fn a_device_of_an_application_gets_a_token_of_an_agent() {
    let server = Server::start(crate::MOTET).await;
    let anna = server.register("anna").await;
    let (app, browser) = (Application::new(&server).await, Browser::new(&server, &anna).await);
    let resource = format!("{}/mcp", server.base_url());
    let asked = [("client_id", app.id.as_str()), ("scope", "hub:read"), ("resource", &resource)];
    let flow = send(&server, "/api/v1/auth/device", &asked).await.json();
    let code = flow["user_code"].as_str().unwrap();
    let shown = browser.post("/login/device", &[("user_code", code)]).await.text();
    assert!(shown.contains("Let Harp in?") && shown.contains("As which agent?"));
    let choices = [("user_code", code), ("word:hub:read", "on"), ("days", "7")];
    let agreed = |agent| [choices.as_slice(), &[agent]].concat();
    let nobody = browser.post("/login/device/approve", &agreed(("agent", "anna"))).await;
    assert_eq!(nobody.status, 422, "a person does not act for an application");
    let done = browser.post("/login/device/approve", &agreed(("handle", "robot"))).await;
    assert!(done.text().contains("motet token list --agent robot"));
    let device_code = flow["device_code"].as_str().unwrap();
    let pairs = |client_id| {
        [("grant_type", DEVICE_GRANT), ("device_code", device_code), ("client_id", client_id)]
    };
    assert_word(&send(&server, "/api/v1/auth/token", &pairs("motet")).await, "invalid_grant");
    let issued = send(&server, "/api/v1/auth/token", &pairs(&app.id)).await;
    issued.assert_status(200);
    let issued = issued.json();
    assert!(issued["access_token"].as_str().unwrap().starts_with("mt_agent_"));
    app.renew(&server, &issued["refresh_token"]).await.assert_status(200);
}

#[tokio::test]
async fn a_request_that_is_not_exact_leads_nowhere() {
    let server = Server::start(crate::MOTET).await;
    let anna = server.register("anna").await;
    let browser = Browser::new(&server, &anna).await;
    let app = Application::new(&server).await;
    let right = app.asks(&server);
    browser.get(&query(&right)).await.assert_status(200);
    for (name, value, status) in [
        ("client_id", "00000000-0000-4000-8000-000000000000".to_owned(), 400),
        ("client_id", "https://127.0.0.1/client.json".to_owned(), 400),
        ("redirect_uri", app.back.replace("/back", "/Back"), 400),
        ("redirect_uri", format!("{}/", app.back), 400),
        ("redirect_uri", app.back.replace("127.0.0.1", "localhost"), 400),
        ("redirect_uri", "https://evil.example/back".to_owned(), 400),
        ("redirect_uri", "javascript:alert(1)".to_owned(), 400),
        ("response_type", "token".to_owned(), 400),
        ("code_challenge", String::new(), 400),
        ("code_challenge", "short".to_owned(), 400),
        ("code_challenge_method", "plain".to_owned(), 400),
        ("resource", server.base_url(), 400),
        ("resource", "https://elsewhere.example/mcp".to_owned(), 400),
        ("resource", String::new(), 400),
        ("scope", "moon:read".to_owned(), 400),
    ] {
        let mut wrong = right.clone();
        wrong.iter_mut().filter(|(its, _)| *its == name).for_each(|it| it.1.clone_from(&value));
        let page = browser.get(&query(&wrong)).await;
        assert_eq!((page.status, page.header("location")), (status, ""), "{name} {value}");
        assert!(!page.text().contains("http-equiv=\"refresh\""));
        let mut pairs: Vec<_> = wrong.iter().map(|(name, value)| (*name, value.as_str())).collect();
        pairs.extend([("handle", "robot"), ("word:hub:read", "on"), ("days", "30")]);
        let agreed = browser.post("/login/authorize", &pairs).await;
        assert_eq!(agreed.status, status, "{name} {value}");
    }
    let twice = format!("{}&resource=https://elsewhere.example/mcp", query(&right));
    assert_eq!(browser.get(&twice).await.status, 400);
}

#[tokio::test]
async fn applications_find_out_where_to_ask() {
    let server = Server::start(crate::MOTET).await;
    let base = server.base_url();
    let told = server.get("/.well-known/oauth-authorization-server").send().await.json();
    for (name, value) in [
        ("issuer", json!(base)),
        ("authorization_endpoint", json!(format!("{base}/login/authorize"))),
        ("token_endpoint", json!(format!("{base}/api/v1/auth/token"))),
        ("registration_endpoint", json!(format!("{base}/api/v1/auth/clients"))),
        ("device_authorization_endpoint", json!(format!("{base}/api/v1/auth/device"))),
        ("code_challenge_methods_supported", json!(["S256"])),
        ("token_endpoint_auth_methods_supported", json!(["none"])),
        ("client_id_metadata_document_supported", json!(true)),
    ] {
        assert_eq!(told[name], value, "{name}");
    }
    for target in
        ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"]
    {
        let told = server.get(target).send().await.json();
        assert_eq!(
            (&told["resource"], &told["authorization_servers"]),
            (&json!(format!("{base}/mcp")), &json!([base]))
        );
        let scopes = told["scopes_supported"].as_array().unwrap();
        assert!(scopes.contains(&json!("collab:write")) && !scopes.contains(&json!("ops:read")));
    }
}
