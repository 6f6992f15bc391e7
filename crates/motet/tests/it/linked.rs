//! Accounts elsewhere sign in whom they are linked with, and nobody else (`spec/trust.md` 6; 16, points 36 and 37).

use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Request, Server, Setup};

use crate::{
    ground::{Ground, eventually, on_both},
    provider::{CLIENT_ID, CLIENT_SECRET, Provider},
    sessions::{form, mark, own_page, sign_in},
};

const IDENTITIES: &str = "/api/v1/auth/identities";

/// A server whose provider this is.
pub(crate) fn with_provider(setup: Setup, provider: &Provider) -> Setup {
    let setup = setup.arg(format!("--oidc-issuer={}", provider.issuer()));
    let setup = setup.arg("--oidc-name=Example").arg(format!("--oidc-client-id={CLIENT_ID}"));
    setup.env("MOTET_OIDC_CLIENT_SECRET", CLIENT_SECRET)
}

/// A browser on its way: what it carries, and where it is sent.
pub(crate) struct Way {
    cookie: String,
    pub(crate) address: String,
}

fn way_of(answer: &Answer) -> Way {
    answer.assert_status(200);
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    let cookie = answer.header("set-cookie");
    assert!(cookie.contains("; HttpOnly; SameSite=Lax; Max-Age=600"), "{cookie}");
    let address = answer.header("refresh").strip_prefix("0; url=").unwrap();
    Way { cookie: cookie.split(';').next().unwrap().to_owned(), address: address.to_owned() }
}

pub(crate) async fn leave(server: &Server, slug: &str, return_to: &str) -> Way {
    let wish = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("return_to", return_to)
        .finish();
    let target = format!("/login/with/{slug}");
    way_of(&own_page(form(server.post(&target), "", &wish)).send().await)
}

async fn leave_to_link(server: &Server, slug: &str, cookie: &str) -> Way {
    let body = format!("csrf={}", mark(server, cookie).await);
    let target = format!("/settings/logins/{slug}/link");
    way_of(&own_page(form(server.post(&target), cookie, &body)).send().await)
}

/// The browser comes back, from another site.
pub(crate) fn back(server: &Server, way: &Way, target: &str) -> Request {
    server.get(target).header("cookie", &way.cookie).header("sec-fetch-site", "cross-site")
}

pub(crate) async fn link(server: &Server, provider: &Provider, slug: &str, cookie: &str) {
    let way = leave_to_link(server, slug, cookie).await;
    let linked = back(server, &way, &provider.agree(&way.address)).send().await;
    assert_eq!(linked.header("refresh"), "0; url=/settings/logins", "{}", linked.text());
}

/// The cookie of the session that an answer opens, if it opens one.
fn session_of(answer: &Answer) -> Option<String> {
    let lines = answer.headers.get_all("set-cookie").iter().map(|it| it.to_str().unwrap());
    let opens = |line: &&str| line.contains("SameSite=Strict") && !line.contains("Max-Age=0");
    let mut lines = lines.filter(opens).map(|it| it.split(';').next().unwrap().to_owned());
    lines.next()
}

async fn linked(server: &Server, cookie: &str) -> Value {
    server.get(IDENTITIES).header("cookie", cookie).send().await.json()["items"].clone()
}

/// The reasons for which a way came to nothing, newest first.
async fn refusals(server: &Server) -> Vec<String> {
    let target = "/api/v1/admin/audit?action=sign_in_oauth_failed&limit=100";
    let rows = server.get(target).by(&server.operator()).send().await.json();
    let items = rows["items"].as_array().unwrap();
    items.iter().map(|it| it["reason"].as_str().unwrap().to_owned()).collect()
}

on_both! {
    async fn an_account_elsewhere_is_linked_signs_in_and_is_unlinked(ground: Ground) {
        let provider = Provider::start().await;
        let server = with_provider(ground.server(), &provider).start().await;
        let (anna, ben) = (server.register("anna").await, server.register("ben").await);
        let cookie = sign_in(&server, &anna).await;
        assert!(server.get("/login").send().await.text().contains("Sign in with Example"));
        link(&server, &provider, "oidc", &cookie).await;
        let found = linked(&server, &cookie).await;
        assert_eq!((&found[0]["provider"], &found[0]["subject"]), (&json!(provider.issuer()), &json!("248289761001")));
        for algorithm in ["RS256", "ES256"] {
            provider.say(|it| it.algorithm = algorithm);
            let way = leave(&server, "oidc", "/settings/keys").await;
            let arrived = back(&server, &way, &provider.agree(&way.address)).send().await;
            assert_eq!((arrived.status, arrived.header("refresh")), (200, "0; url=/settings/keys"), "{}", arrived.text());
            let session = session_of(&arrived).unwrap();
            let me = server.get("/api/v1/me").header("cookie", &session).send().await;
            assert_eq!(me.json()["principal"]["handle"], "anna");
        }
        // The account is hers, and she has one of that provider.
        let other = sign_in(&server, &ben).await;
        for cookie in [&other, &cookie] {
            let way = leave_to_link(&server, "oidc", cookie).await;
            let taken = back(&server, &way, &provider.agree(&way.address)).send().await;
            assert_eq!(taken.status, 409, "{}", taken.text());
        }
        assert_eq!(linked(&server, &other).await, json!([]));

        // Without her key the link is the last way in.
        let key = anna.key().fingerprint().to_string().replace('/', "%2F");
        let by_link = {
            let way = leave(&server, "oidc", "").await;
            session_of(&back(&server, &way, &provider.agree(&way.address)).send().await).unwrap()
        };
        let give_up = server.request(Method::DELETE, &format!("/api/v1/auth/keys/anna/{key}?reason=retired"));
        give_up.by(&anna).send().await.assert_status(200);
        let csrf = mark(&server, &by_link).await;
        let unlink = own_page(server.request(Method::DELETE, &format!("{IDENTITIES}/oidc")));
        let unlink = unlink.header("cookie", &by_link).header("x-motet-csrf", &csrf);
        unlink.send().await.assert_refused(409, "last_key");
        // Ben has a key: his link goes by the form of the page.
        provider.say(|it| "ben".clone_into(&mut it.subject));
        link(&server, &provider, "oidc", &other).await;
        let body = format!("csrf={}", mark(&server, &other).await);
        let target = "/settings/logins/oidc/unlink";
        let gone = own_page(form(server.post(target), &other, &body)).send().await;
        assert_eq!((gone.status, gone.header("location")), (303, "/settings/logins"));
        assert_eq!(linked(&server, &other).await, json!([]));
        let rows = server.get("/api/v1/admin/audit?limit=100").by(&server.operator()).send().await.json();
        let rows = rows["items"].as_array().unwrap();
        let count = |action: &str| rows.iter().filter(|it| it["action"] == action).count();
        assert_eq!((count("identity_linked"), count("identity_unlinked")), (2, 1));
    }
}

on_both! {
    async fn a_way_that_was_not_begun_here_leads_nowhere_and_links_nothing(ground: Ground) {
        let provider = Provider::start().await;
        let server = with_provider(ground.server(), &provider).start().await;
        let anna = server.register("anna").await;
        let cookie = sign_in(&server, &anna).await;
        let refused = async |request: Request| {
            let answer = request.send().await;
            assert_eq!((answer.status, session_of(&answer)), (401, None), "{}", answer.text());
        };
        // Another state, none, a state with the cookie of another way, with none, twice, and after a refusal there.
        let way = leave_to_link(&server, "oidc", &cookie).await;
        let good = provider.agree(&way.address);
        let (path, query) = good.split_once('?').unwrap();
        let code = query.split('&').find(|it| it.starts_with("code=")).unwrap();
        refused(back(&server, &way, &format!("{path}?state=AAAA&{code}"))).await;
        refused(back(&server, &way, &format!("{path}?{code}"))).await;
        let other = leave(&server, "oidc", "").await;
        refused(back(&server, &other, &good)).await;
        refused(back(&server, &way, &good)).await; // used up by the one before
        let way = leave_to_link(&server, "oidc", &cookie).await;
        refused(server.get(&provider.agree(&way.address))).await;
        let way = leave_to_link(&server, "oidc", &cookie).await;
        let state = provider.agree(&way.address).split('&').next().unwrap().to_owned();
        refused(back(&server, &way, &format!("{state}&error=access_denied"))).await;
        let way = leave_to_link(&server, "oidc", &cookie).await;
        let elsewhere = provider.agree(&way.address).replace("&iss=", "&iss=https%3A%2F%2Fevil.example");
        refused(back(&server, &way, &elsewhere)).await;
        assert_eq!(provider.redeemed(), 0, "nothing of that came as far as the provider");
        // A code that somebody else's way was given.
        let way = leave_to_link(&server, "oidc", &cookie).await;
        let mine = provider.agree(&way.address);
        let foreign = leave(&server, "oidc", "").await;
        let foreign = provider.agree(&foreign.address);
        let code = |target: &str| target.split('&').find(|it| it.starts_with("code=")).unwrap().to_owned();
        refused(back(&server, &way, &mine.replace(&code(&mine), &code(&foreign)))).await;
        // A token that is not for this way.
        for claims in [json!({ "nonce": "n" }), json!({ "aud": "other" }), json!({ "iss": "https://evil.example" }), json!({ "azp": "other" }), json!({ "exp": 1 })] {
            provider.say(|it| it.claims = claims);
            let way = leave_to_link(&server, "oidc", &cookie).await;
            refused(back(&server, &way, &provider.agree(&way.address))).await;
        }
        provider.say(|it| it.claims = json!({}));
        for algorithm in ["HS256", "none"] {
            provider.say(|it| it.algorithm = algorithm);
            let way = leave_to_link(&server, "oidc", &cookie).await;
            refused(back(&server, &way, &provider.agree(&way.address))).await;
        }
        provider.say(|it| (it.algorithm, it.has_foreign_keys) = ("RS256", true));
        let way = leave_to_link(&server, "oidc", &cookie).await;
        refused(back(&server, &way, &provider.agree(&way.address))).await;
        provider.say(|it| it.has_foreign_keys = false);
        assert_eq!(linked(&server, &cookie).await, json!([]));

        // Of what repeats within a minute one row is written.
        let told = [
            "token_signature", "token_unreadable", "token_algorithm", "token_time", "token_authorized_party",
            "token_issuer", "token_audience", "token_nonce", "code_refused", "issuer", "provider_refused", "state",
        ];
        eventually("each is written down", async || refusals(&server).await == told).await;
        // A link that was asked for in a session that has ended.
        let way = leave_to_link(&server, "oidc", &cookie).await;
        let body = format!("csrf={}", mark(&server, &cookie).await);
        own_page(form(server.post("/logout"), &cookie, &body)).send().await.assert_status(303);
        refused(back(&server, &way, &provider.agree(&way.address))).await;
        assert_eq!(linked(&server, &sign_in(&server, &anna).await).await, json!([]));
        link(&server, &provider, "oidc", &sign_in(&server, &anna).await).await;
    }
}

on_both! {
    async fn an_account_is_not_known_by_its_mail_or_name(ground: Ground) {
        let provider = Provider::start().await;
        let server = with_provider(ground.server(), &provider).start().await;
        let anna = server.register("anna").await;
        let mail = json!({ "email": "anna@forge.example", "email_verified": true, "preferred_username": "anna" });
        provider.say(|it| it.claims = mail);
        let way = leave(&server, "oidc", "").await;
        let unknown = back(&server, &way, &provider.agree(&way.address)).send().await;
        assert_eq!((unknown.status, session_of(&unknown)), (403, None));
        assert!(unknown.text().contains("link it in the settings"), "{}", unknown.text());
        let cookie = sign_in(&server, &anna).await;
        assert_eq!(linked(&server, &cookie).await, json!([]));
        eventually("it is written down", async || refusals(&server).await == ["not_linked"]).await;
    }
}

on_both! {
    async fn somebody_new_comes_only_where_that_is_on(ground: Ground) {
        let provider = Provider::start().await;
        let server = with_provider(ground.server(), &provider).arg("--oidc-signup=on").start().await;
        server.register("anna").await;
        let way = leave(&server, "oidc", "/settings/logins").await;
        let asked = back(&server, &way, &provider.agree(&way.address)).send().await;
        assert_eq!((asked.status, asked.header("location")), (303, "/login/with/oidc/handle"), "{}", asked.text());
        let cookie = asked.header("set-cookie").split(';').next().unwrap().to_owned();
        let handle = "/login/with/oidc/handle";
        let page = server.get(handle).header("cookie", &cookie).send().await;
        assert!(page.text().contains("Choose a handle"));
        assert_eq!(server.get(handle).send().await.status, 401);
        let choose = |name: &str| form(server.post(handle), &cookie, &format!("handle={name}"));
        assert_eq!(choose("ben").send().await.status, 403, "not from a page of ours");
        for taken in ["anna", "settings", ".x"] {
            let again = own_page(choose(taken)).send().await;
            assert_eq!(again.status, 409, "{taken}");
            assert!(again.text().contains("role=\"alert\""));
        }
        let made = own_page(choose("Ben")).send().await;
        assert_eq!((made.status, made.header("refresh")), (200, "0; url=/settings/logins"), "{}", made.text());
        let session = session_of(&made).unwrap();
        let me = server.get("/api/v1/me").header("cookie", &session).send().await;
        assert_eq!(me.json()["principal"]["handle"], "ben");
        assert_eq!(own_page(choose("cleo")).send().await.status, 401, "that was one account");
        // From now on the account signs him in.
        let way = leave(&server, "oidc", "").await;
        let again = back(&server, &way, &provider.agree(&way.address)).send().await;
        assert!(session_of(&again).is_some());
        // His link is his only way in.
        let unlink = own_page(server.request(Method::DELETE, &format!("{IDENTITIES}/oidc")));
        let csrf = mark(&server, &session).await;
        let unlink = unlink.header("cookie", &session).header("x-motet-csrf", &csrf);
        unlink.send().await.assert_refused(409, "last_key");
    }
}

#[tokio::test]
async fn a_way_back_leads_only_into_the_house() {
    let provider = Provider::start().await;
    let server = with_provider(Ground::Sqlite.server(), &provider).start().await;
    let anna = server.register("anna").await;
    let cookie = sign_in(&server, &anna).await;
    link(&server, &provider, "oidc", &cookie).await;
    for evil in [
        "//evil.example",
        "/\\evil.example",
        "https:evil",
        "https://evil.example",
        "/\t/evil.example",
    ] {
        let way = leave(&server, "oidc", evil).await;
        let arrived = back(&server, &way, &provider.agree(&way.address)).send().await;
        assert_eq!(arrived.header("refresh"), "0; url=/", "{evil}");
    }
    // Another site can neither send a browser away nor have an account linked.
    for target in ["/login/with/oidc", "/settings/logins/oidc/link"] {
        let request = form(server.post(target), &cookie, "").header("sec-fetch-site", "cross-site");
        assert_eq!(request.send().await.status, 403, "{target}");
    }
    assert_eq!(own_page(form(server.post("/login/with/other"), "", "")).send().await.status, 404);
}

#[tokio::test]
async fn no_route_takes_a_providers_token() {
    let provider = Provider::start().await;
    let server = with_provider(Ground::Sqlite.server(), &provider).start().await;
    let anna = server.register("anna").await;
    let cookie = sign_in(&server, &anna).await;
    link(&server, &provider, "oidc", &cookie).await;
    let token = "gho_16C7e42F292c6912E7710c838347Ae178B4a";
    for target in ["/api/v1/me", "/api/v1/repos", IDENTITIES] {
        let bearer = format!("Bearer {token}");
        server
            .get(target)
            .header("authorization", &bearer)
            .send()
            .await
            .assert_refused(401, "unauthenticated");
    }
    let way = leave(&server, "oidc", "").await;
    let path = "/login/with/oidc/back";
    for query in [
        format!("access_token={token}"),
        format!("id_token={token}"),
        format!("code={token}&access_token={token}"),
    ] {
        let answer = back(&server, &way, &format!("{path}?{query}")).send().await;
        assert_eq!((answer.status, session_of(&answer)), (401, None), "{query}");
    }
    for target in ["/login/with/oidc", "/login/with/oidc/handle"] {
        let answer =
            own_page(form(server.post(target), &way.cookie, &format!("access_token={token}")))
                .send()
                .await;
        assert_eq!((answer.status, session_of(&answer)), (400, None), "{target}");
    }
    assert_eq!(server.post(path).send().await.status, 405);
}

#[tokio::test]
async fn github_says_who_somebody_is() {
    let provider = Provider::start().await;
    let setup = Ground::Sqlite.server().arg(format!("--github-client-id={CLIENT_ID}"));
    let setup = setup.arg(format!("--github-url={}", provider.issuer()));
    let setup = setup.arg(format!("--github-api-url={}/api", provider.issuer()));
    let server = setup.env("MOTET_GITHUB_CLIENT_SECRET", CLIENT_SECRET).start().await;
    let anna = server.register("anna").await;
    let cookie = sign_in(&server, &anna).await;
    provider.say(|it| it.subject = "583231".to_owned());
    link(&server, &provider, "github", &cookie).await;
    assert_eq!(linked(&server, &cookie).await[0]["subject"], "583231");
    let way = leave(&server, "github", "").await;
    let arrived = back(&server, &way, &provider.agree(&way.address)).send().await;
    assert!(session_of(&arrived).is_some(), "{}", arrived.text());
    provider.say(|it| it.subject = "583232".to_owned());
    let way = leave(&server, "github", "").await;
    let other = back(&server, &way, &provider.agree(&way.address)).send().await;
    assert_eq!((other.status, session_of(&other)), (403, None));
}

#[tokio::test]
async fn nothing_of_it_is_there_unless_it_is_set_up() {
    let server = Ground::Sqlite.server().start().await;
    assert!(!server.get("/login").send().await.text().contains("/login/with/"));
    assert_eq!(own_page(form(server.post("/login/with/oidc"), "", "")).send().await.status, 404);
    assert_eq!(server.get("/login/with/oidc/back?state=a&code=b").send().await.status, 404);
}

#[tokio::test]
async fn a_provider_that_is_down_is_said_to_be() {
    let provider = Provider::start().await;
    let setup = with_provider(Ground::Sqlite.server(), &provider);
    drop(provider);
    let server = setup.start().await;
    let answer = own_page(form(server.post("/login/with/oidc"), "", "")).send().await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(!server.log().contains(CLIENT_SECRET));
}
