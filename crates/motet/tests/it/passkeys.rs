//! Passkeys sign a browser in, and nothing else does in their place (`spec/trust.md` 6; 16, points 20 and 37).

use http::Method;
use serde_json::{Value, json};
use testkit::{Answer, Person, Request, Server};

use crate::{
    authenticator::Authenticator,
    ground::{Ground, eventually, on_both},
    sessions::{cookie_of, form, mark, own_page, sign_in},
};

const PASSKEYS: &str = "/api/v1/auth/passkeys";

/// A browser that is signed in.
pub(crate) struct Browser {
    cookie: String,
    mark: String,
}

impl Browser {
    pub(crate) async fn of(server: &Server, person: &Person) -> Self {
        Self::with(server, sign_in(server, person).await).await
    }

    async fn with(server: &Server, cookie: String) -> Self {
        Self { mark: mark(server, &cookie).await, cookie }
    }

    /// The request, as a script of one of our pages sends it.
    pub(crate) fn sends(&self, request: Request) -> Request {
        own_page(request).header("cookie", &self.cookie).header("x-motet-csrf", &self.mark)
    }

    async fn ask(&self, server: &Server) -> Value {
        let asked = self.sends(server.post(&format!("{PASSKEYS}/challenge"))).send().await;
        asked.assert_status(201);
        assert_eq!(asked.header("cache-control"), "no-store");
        asked.json()
    }

    async fn try_add(&self, server: &Server, device: &mut Authenticator) -> Answer {
        let made = device.create(&self.ask(server).await, "my phone");
        self.sends(server.post(PASSKEYS)).json(&made).send().await
    }

    pub(crate) async fn add(&self, server: &Server, device: &mut Authenticator) -> String {
        let added = self.try_add(server, device).await;
        added.assert_status(201);
        added.json()["id"].as_str().unwrap().to_owned()
    }

    async fn list(&self, server: &Server) -> Value {
        let list = server.get(PASSKEYS).header("cookie", &self.cookie).send().await;
        list.assert_status(200);
        list.json()["items"].clone()
    }
}

/// What a browser has to meet that is not signed in.
async fn challenge(server: &Server) -> Value {
    let asked = server.post(&format!("{PASSKEYS}/sign-in/challenge")).send().await;
    asked.assert_status(201);
    asked.json()
}

async fn send_assertion(server: &Server, assertion: &Value) -> Answer {
    own_page(server.post(&format!("{PASSKEYS}/sign-in"))).json(assertion).send().await
}

async fn try_sign_in(server: &Server, device: &Authenticator) -> Answer {
    send_assertion(server, &device.assert(&challenge(server).await)).await
}

/// The reasons for which passkeys were refused, newest first.
async fn refusals(server: &Server) -> Vec<String> {
    let target = "/api/v1/admin/audit?action=sign_in_failed&limit=100";
    let rows = server.get(target).by(&server.operator()).send().await.json();
    let items = rows["items"].as_array().unwrap();
    items.iter().map(|it| it["reason"].as_str().unwrap().to_owned()).collect()
}

async fn is_in(server: &Server, cookie: &str) -> bool {
    server.get("/api/v1/me").header("cookie", cookie).send().await.status == 200
}

on_both! {
    async fn a_passkey_is_added_in_a_fresh_session_and_signs_in(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let browser = Browser::of(&server, &anna).await;
        for mut device in [Authenticator::es256(&server), Authenticator::eddsa(&server)] {
            let id = browser.add(&server, &mut device).await;
            device.count += 1;
            let signed_in = try_sign_in(&server, &device).await;
            signed_in.assert_status(200);
            assert_eq!(signed_in.json(), json!({ "handle": "anna", "location": "/" }));
            assert_eq!(signed_in.header("cache-control"), "no-store");
            let cookie = cookie_of(&signed_in);
            assert!(is_in(&server, &cookie).await);
            // The sign-in is fresh: another passkey may be added. The next one takes its place.
            let second = Browser::with(&server, cookie.clone()).await;
            second.ask(&server).await;
            device.count += 1;
            let assertion = device.assert(&challenge(&server).await);
            let renewed = second.sends(server.post(&format!("{PASSKEYS}/sign-in"))).json(&assertion).send().await;
            renewed.assert_status(200);
            assert!(!is_in(&server, &cookie).await && is_in(&server, &cookie_of(&renewed)).await);
            let target = "/api/v1/admin/audit?action=sign_in_success&limit=1";
            let row = server.get(target).by(&server.operator()).send().await.json()["items"][0].clone();
            assert_eq!((&row["credential_kind"], &row["credential_id"]), (&json!("passkey"), &json!(id)), "{row}");
        }
        let list = browser.list(&server).await;
        let algorithms: Vec<_> = list.as_array().unwrap().iter().map(|it| it["algorithm"].clone()).collect();
        assert_eq!(algorithms, [json!("ES256"), json!("EdDSA")]);
        assert!(list[0]["last_used_at"].is_string());
        let page = server.get("/settings/passkeys").header("cookie", &browser.cookie).send().await.text();
        assert!(page.contains("my phone"), "{page}");
        let wish = browser.ask(&server).await;
        assert_eq!(wish["exclude"].as_array().unwrap().len(), 2);
        assert_eq!((&wish["algorithms"], &wish["rp_id"]), (&json!([-8, -7]), &json!("localhost")));
    }
}

on_both! {
    async fn only_a_persons_browser_adds_a_passkey_and_each_is_one_persons(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, ben) = (server.register("anna").await, server.register("ben").await);
        let (browser, other) = (Browser::of(&server, &anna).await, Browser::of(&server, &ben).await);
        let ask = || server.post(&format!("{PASSKEYS}/challenge"));
        ask().send().await.assert_refused(401, "unauthenticated");
        ask().by(&anna).send().await.assert_refused(403, "fresh_sign_in_required");
        ask().by(&server.operator()).send().await.assert_refused(404, "not_found");
        own_page(ask()).header("cookie", &browser.cookie).send().await.assert_refused(403, "cross_site");

        let mut device = Authenticator::es256(&server);
        // A challenge is for one person, once, and to add or to sign in.
        let wish = browser.ask(&server).await;
        let made = device.create(&wish, "");
        other.sends(server.post(PASSKEYS)).json(&made).send().await.assert_refused(401, "passkey_failed");
        browser.sends(server.post(PASSKEYS)).json(&made).send().await.assert_refused(401, "passkey_failed");
        let mut sign_in_wish = challenge(&server).await;
        sign_in_wish["user_id"] = wish["user_id"].clone();
        let made = device.create(&sign_in_wish, "");
        browser.sends(server.post(PASSKEYS)).json(&made).send().await.assert_refused(401, "passkey_failed");
        let answer = browser.try_add(&server, &mut device).await;
        answer.assert_status(201);
        other.try_add(&server, &mut device).await.assert_refused(409, "passkey_taken");
        let long = json!({ "label": "x".repeat(101), "client_data": "", "attestation": "" });
        browser.sends(server.post(PASSKEYS)).json(&long).send().await.assert_refused(422, "invalid");
        let odd = json!({ "label": "", "client_data": "a=", "attestation": "" });
        browser.sends(server.post(PASSKEYS)).json(&odd).send().await.assert_refused(422, "invalid");

        // Another's passkey is not there.
        let id = answer.json()["id"].as_str().unwrap().to_owned();
        let target = format!("{PASSKEYS}/{id}");
        let foreign = other.sends(server.request(Method::DELETE, &target)).send().await;
        foreign.assert_refused(404, "not_found");
        assert_eq!(browser.list(&server).await.as_array().unwrap().len(), 1);
        for _ in 1..10 {
            browser.add(&server, &mut Authenticator::eddsa(&server)).await;
        }
        let eleventh = browser.try_add(&server, &mut Authenticator::eddsa(&server)).await;
        eleventh.assert_refused(409, "quota_exceeded");
    }
}

on_both! {
    async fn whatever_is_wrong_with_a_passkey_gets_one_answer_and_a_row(ground: Ground) {
        let server = ground.server().start().await;
        let (anna, ben) = (server.register("anna").await, server.register("ben").await);
        let browser = Browser::of(&server, &anna).await;
        let mut device = Authenticator::es256(&server);
        device.count = 7;
        browser.add(&server, &mut device).await;
        let mut of_ben = Authenticator::eddsa(&server);
        Browser::of(&server, &ben).await.add(&server, &mut of_ben).await;

        let refused = async |assertion: &Value| {
            let answer = send_assertion(&server, assertion).await;
            answer.assert_refused(401, "passkey_failed");
            assert_eq!(answer.header("set-cookie"), "");
        };
        device.count = 8;
        let met = challenge(&server).await;
        let good = device.assert(&met);
        send_assertion(&server, &good).await.assert_status(200);
        refused(&good).await; // used
        refused(&device.assert(&json!({ "challenge": "AAAA" }))).await;
        refused(&device.assert(&browser.ask(&server).await)).await; // to add, not to sign in
        device.count = 9;
        let spoiled = async |field: &str, value: &Value| {
            let mut assertion = device.assert(&challenge(&server).await);
            assertion[field] = value.clone();
            refused(&assertion).await;
        };
        spoiled("credential_id", &json!("AAAA")).await;
        spoiled("signature", &good["signature"]).await;
        spoiled("user_handle", &json!(of_ben.user_handle)).await;
        spoiled("user_handle", &json!("")).await;
        spoiled("credential_id", &of_ben.assert(&met)["credential_id"]).await;
        device.flags = 0b001;
        refused(&device.assert(&challenge(&server).await)).await; // nobody showed who it is
        device.flags = 0b101;
        "evil.example".clone_into(&mut device.rp_id);
        refused(&device.assert(&challenge(&server).await)).await;
        "localhost".clone_into(&mut device.rp_id);
        let own = std::mem::replace(&mut device.origin, "http://evil.example".to_owned());
        refused(&device.assert(&challenge(&server).await)).await;
        device.origin = own;
        for count in [8, 7, 0] {
            device.count = count;
            refused(&device.assert(&challenge(&server).await)).await;
        }
        device.count = 9;
        try_sign_in(&server, &device).await.assert_status(200);

        // Of what repeats within a minute one row is written.
        let told = ["counter_went_back", "not_verified", "signature", "signature", "unknown", "challenge"];
        eventually("each is written down", async || refusals(&server).await == told).await;
        // A page elsewhere cannot sign a browser in.
        let assertion = device.assert(&challenge(&server).await);
        for headers in [vec![], vec![("sec-fetch-site", "cross-site")], vec![("origin", "https://evil.example")]] {
            let request = server.post(&format!("{PASSKEYS}/sign-in")).json(&assertion);
            let request = headers.iter().fold(request, |it, (name, value)| it.header(name, value));
            request.send().await.assert_refused(403, "cross_site");
        }
    }
}

on_both! {
    async fn the_last_way_in_stays_whatever_it_is(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let key = anna.key().fingerprint().to_string().replace('/', "%2F");
        let give_up = || server.request(Method::DELETE, &format!("/api/v1/auth/keys/anna/{key}?reason=retired"));
        give_up().by(&anna).send().await.assert_refused(409, "last_key");

        let browser = Browser::of(&server, &anna).await;
        let mut device = Authenticator::eddsa(&server);
        let id = browser.add(&server, &mut device).await;
        let cookie = cookie_of(&try_sign_in(&server, &device).await);
        let by_passkey = Browser::with(&server, cookie).await;
        give_up().by(&anna).send().await.assert_status(200);
        assert!(!is_in(&server, &browser.cookie).await, "the key opened it");
        let remove = |id: &str| by_passkey.sends(server.request(Method::DELETE, &format!("{PASSKEYS}/{id}")));
        remove(&id).send().await.assert_refused(409, "last_key");

        // With another one there it may go, and what it opened goes with it.
        let mut second = Authenticator::es256(&server);
        by_passkey.add(&server, &mut second).await;
        let elsewhere = cookie_of(&try_sign_in(&server, &device).await);
        remove(&id).send().await.assert_status(204);
        assert!(is_in(&server, &by_passkey.cookie).await && !is_in(&server, &elsewhere).await);
        try_sign_in(&server, &device).await.assert_refused(401, "passkey_failed");
        try_sign_in(&server, &second).await.assert_status(200);
        remove(&id).send().await.assert_refused(404, "not_found");
        let rows = server.get("/api/v1/admin/audit?limit=100").by(&server.operator()).send().await.json();
        let rows = rows["items"].as_array().unwrap();
        let count = |action: &str| rows.iter().filter(|it| it["action"] == action).count();
        assert_eq!((count("passkey_added"), count("passkey_removed")), (2, 1));
    }
}

#[tokio::test]
async fn forms_remove_a_passkey_and_a_sign_in_leads_only_into_the_house() {
    let server = Ground::Sqlite.server().start().await;
    let anna = server.register("anna").await;
    let browser = Browser::of(&server, &anna).await;
    let mut device = Authenticator::es256(&server);
    let id = browser.add(&server, &mut device).await;
    for (asked, led) in [
        ("/settings/keys?a=b", "/settings/keys?a=b"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https:evil", "/"),
        ("https://evil.example", "/"),
        ("/\t/evil.example", "/"),
    ] {
        let mut assertion = device.assert(&challenge(&server).await);
        assertion["return_to"] = json!(asked);
        let signed_in = send_assertion(&server, &assertion).await;
        assert_eq!(signed_in.json()["location"], led, "{asked}");
    }
    let login = server.get("/login?return_to=//evil.example").send().await.text();
    assert!(login.contains("data-return-to=\"/\"") && !login.contains("evil.example"));

    let target = format!("/settings/passkeys/{id}/remove");
    let body = format!("csrf={}", browser.mark);
    let gone = own_page(form(server.post(&target), &browser.cookie, &body)).send().await;
    assert_eq!((gone.status, gone.header("location")), (303, "/settings/passkeys"));
    assert_eq!(browser.list(&server).await, json!([]));
}

#[tokio::test]
async fn whoever_fails_with_passkeys_five_times_waits() {
    let server = Ground::Sqlite.server().with_usual_limits().start().await;
    let device = Authenticator::es256(&server);
    for _ in 0..5 {
        let refused = try_sign_in(&server, &device).await;
        refused.assert_refused(401, "passkey_failed");
    }
    let locked = send_assertion(&server, &device.assert(&json!({ "challenge": "AAAA" }))).await;
    locked.assert_refused(429, "rate_limited");
    assert!(locked.header("retry-after").parse::<u32>().unwrap() > 20);
}
