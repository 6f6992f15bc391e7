//! Both flows against a real database, with a clock that the test holds.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use keys::{Nonce, PrivateKey};
use names::{Digest, Handle};

use super::*;
use crate::{
    Account, Actor, Allowed, Anything, Bearers, NewAgent, Place, Registration, RevokeReason,
    Signed, act,
    authority::{Act, RepositoriesWord},
    tests::{HOST, House},
};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const BACK: &str = "http://127.0.0.1:4711/back";

struct Scene {
    house: House,
    key: PrivateKey,
    anna: Handle,
    robot: Handle,
}

impl Scene {
    /// Anna and her agent.
    async fn new() -> Self {
        let house = House::new(Registration::Open).await;
        let key = house.key();
        house.register(&Actor::anonymous(), "anna", &key).await.unwrap();
        let (anna, robot): (Handle, Handle) = ("anna".parse().unwrap(), "robot".parse().unwrap());
        let scene = Self { house, key, anna, robot: robot.clone() };
        let own = scene.allowed::<act::AgentCreate>(&scene.anna).await;
        let (model, capabilities) = (String::new(), Vec::new());
        let new = NewAgent { handle: robot, model, capabilities, scope: None };
        scene.trust().create_agent(&own, new).await.unwrap();
        scene
    }

    const fn trust(&self) -> &Trust {
        &self.house.trust
    }

    fn pass(&self, seconds: u64) {
        self.house.clock.advance(Duration::from_secs(seconds));
    }

    /// Anna, by a signature of this moment.
    async fn actor(&self) -> Actor {
        let nonce = Nonce::generate(&self.house.random);
        self.house.signed(self.trust(), &self.key, "POST", &nonce).await.unwrap()
    }

    async fn allowed<A: Act>(&self, handle: &Handle) -> Allowed<A, Account> {
        let actor = self.actor().await;
        let account = self.trust().account(&actor, handle).await.unwrap().unwrap();
        Allowed::ask(&actor, account).unwrap()
    }

    async fn decide(&self) -> Allowed<act::FlowDecide, Anything> {
        Allowed::ask(&self.actor().await, Anything).unwrap()
    }

    async fn begin(&self, client_id: &str) -> DeviceFlow {
        let ask = DeviceAsk {
            client_id: client_id.to_owned(),
            scope: "hub:write".to_owned(),
            label: "laptop".to_owned(),
            ..DeviceAsk::default()
        };
        self.trust().begin_device(&anybody(), ask).await.unwrap()
    }

    async fn poll(&self, flow: &DeviceFlow, client_id: &str) -> Result<Issued, Error> {
        self.trust().poll_device(&anybody(), flow.device_code.expose(), client_id).await
    }

    async fn polled(&self, flow: &DeviceFlow) -> &'static str {
        word(self.poll(flow, COMMAND_LINE).await)
    }

    async fn application(&self) -> String {
        let new = NewApplication {
            client_name: Some("Harp".to_owned()),
            redirect_uris: vec!["http://127.0.0.1/back".to_owned()],
            ..NewApplication::default()
        };
        let made = self.trust().register_application(&anybody(), new, Place::Unknown).await;
        made.unwrap().client_id()
    }

    /// A code that Anna gave, for her agent and 30 days.
    async fn code(&self, client_id: &str) -> String {
        let ask = CodeAsk {
            client_id: client_id.to_owned(),
            redirect_uri: BACK.to_owned(),
            response_type: "code".to_owned(),
            code_challenge: URL_SAFE_NO_PAD.encode(Digest::of(VERIFIER.as_bytes()).as_bytes()),
            code_challenge_method: "S256".to_owned(),
            resource: format!("https://{HOST}/mcp"),
            ..CodeAsk::default()
        };
        let request = self.trust().read_code_request(&self.decide().await, &ask).await.unwrap();
        let allowed = self.allowed(&self.robot).await;
        let code = self.trust().approve_code(&allowed, &request, consent("hub:read")).await;
        code.unwrap().expose().clone()
    }

    async fn redeem(&self, client_id: &str, code: &str, verifier: &str) -> Result<Issued, Error> {
        let redemption = Redemption {
            client_id: client_id.to_owned(),
            code: code.to_owned(),
            redirect_uri: BACK.to_owned(),
            code_verifier: verifier.to_owned(),
            resource: None,
        };
        self.trust().redeem_code(&anybody(), &redemption).await
    }

    async fn renew(&self, client_id: &str, refresh: &TokenText) -> Result<Issued, Error> {
        self.trust().renew(&anybody(), client_id, refresh.expose(), None).await
    }

    /// The kinds of the live tokens of somebody.
    async fn live(&self, handle: &Handle) -> Vec<&'static str> {
        let allowed = self.allowed::<act::TokenRead>(handle).await;
        let mut kinds: Vec<_> = self
            .trust()
            .tokens(&allowed)
            .await
            .unwrap()
            .iter()
            .map(|it| it.kind.as_str())
            .collect();
        kinds.sort_unstable();
        kinds
    }

    /// Whom a token is believed to be on the API.
    async fn bearer(&self, token: &TokenText) -> Result<Actor, Error> {
        let line = format!("Bearer {}", token.expose());
        let request = http::Request::builder().uri("/").header("authorization", line);
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let signed = Signed::of(&parts, HOST, None).unwrap().taking(Bearers::Api, false);
        Ok(self.trust().authenticate(&signed).await?.actor)
    }
}

fn anybody() -> Allowed<act::FlowStart, Anything> {
    Allowed::ask(&Actor::anonymous(), Anything).unwrap()
}

fn consent(words: &str) -> Consent {
    Consent {
        words: words.parse().unwrap(),
        repositories: Repositories::Word(RepositoriesWord::All),
        life: Duration::from_hours(30 * 24),
    }
}

fn word<T>(outcome: Result<T, Error>) -> &'static str {
    match outcome {
        Ok(_) => "token",
        Err(Error::Flow(fault)) => fault.word(),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_device_that_asks_too_soon_waits_longer_and_longer() {
    let scene = Scene::new().await;
    let flow = scene.begin(COMMAND_LINE).await;
    assert_eq!((flow.interval_seconds, flow.expires_in.as_secs()), (5, 600));
    assert_eq!(scene.polled(&flow).await, "authorization_pending");
    scene.pass(4);
    assert_eq!(scene.polled(&flow).await, "slow_down");
    scene.pass(9);
    assert_eq!(scene.polled(&flow).await, "slow_down", "ten seconds by now");
    scene.pass(15);
    assert_eq!(scene.polled(&flow).await, "authorization_pending");
}

#[tokio::test]
async fn a_device_gets_its_token_once_in_another_process_too() {
    let scene = Scene::new().await;
    let flow = scene.begin(COMMAND_LINE).await;
    let code = flow.user_code.expose();
    assert_eq!(code.len(), 9);
    assert!(code.bytes().all(|it| b"BCDFGHJKLMNPQRSTVWXZ-".contains(&it)), "{code}");
    let typed = code.to_ascii_lowercase().replace('-', " ");
    let asked = scene.trust().peek_device(&scene.decide().await, &typed).await.unwrap();
    assert_eq!((asked.label.as_str(), asked.words.to_string().as_str()), ("laptop", "hub:write"));
    // Somebody else's words do not get in, and neither does an agent.
    let own = scene.allowed(&scene.anna).await;
    let more = scene.trust().approve_device(&own, &typed, consent("trust:write")).await;
    assert_eq!(word(more), "invalid_scope");
    let robot = scene.allowed(&scene.robot).await;
    assert!(scene.trust().approve_device(&robot, &typed, consent("hub:write")).await.is_err());
    scene.trust().approve_device(&own, &typed, consent("hub:write")).await.unwrap();
    assert_eq!(
        word(scene.trust().peek_device(&scene.decide().await, &typed).await),
        "user_code_failed"
    );

    let elsewhere = scene.house.reopened().await;
    let wrong = elsewhere.poll_device(&anybody(), flow.user_code.expose(), COMMAND_LINE).await;
    assert_eq!(word(wrong), "expired_token");
    let issued = elsewhere.poll_device(&anybody(), flow.device_code.expose(), COMMAND_LINE).await;
    let issued = issued.unwrap();
    assert!(issued.refresh.is_none());
    assert_eq!(issued.expires_in, Duration::from_hours(30 * 24));
    assert_eq!(scene.polled(&flow).await, "expired_token");
    assert_eq!(scene.live(&scene.anna).await, ["personal"]);
    let actor = scene.bearer(&issued.access).await.unwrap();
    assert_eq!(actor.handle(), Some(&scene.anna));
}

#[tokio::test]
async fn ten_minutes_are_the_end_of_a_code_and_no_is_no() {
    let scene = Scene::new().await;
    let (late, refused) = (scene.begin(COMMAND_LINE).await, scene.begin(COMMAND_LINE).await);
    scene.trust().deny_device(&scene.decide().await, refused.user_code.expose()).await.unwrap();
    assert_eq!(scene.polled(&refused).await, "access_denied");
    let own = scene.allowed(&scene.anna).await;
    let again =
        scene.trust().approve_device(&own, refused.user_code.expose(), consent("hub:write"));
    assert_eq!(word(again.await), "user_code_failed");
    scene.pass(600);
    assert_eq!(scene.polled(&late).await, "authorization_pending");
    scene.pass(1);
    assert_eq!(scene.polled(&late).await, "expired_token");
    let own = scene.allowed(&scene.anna).await;
    let too_late =
        scene.trust().approve_device(&own, late.user_code.expose(), consent("hub:write"));
    assert_eq!(word(too_late.await), "user_code_failed");
    // Nothing is left of what has ended.
    let _next = scene.begin(COMMAND_LINE).await;
    let mut tx = scene.house.db.read().await.unwrap();
    assert_eq!(store::count_codes(&mut tx, "device").await.unwrap(), 1);
}

#[tokio::test]
async fn what_a_robbed_key_agreed_to_is_not_handed_out() {
    let scene = Scene::new().await;
    let second = scene.house.key();
    scene.house.register(&scene.actor().await, "anna", &second).await.unwrap();
    let flow = scene.begin(COMMAND_LINE).await;
    let own = scene.allowed(&scene.anna).await;
    let approved =
        scene.trust().approve_device(&own, flow.user_code.expose(), consent("hub:write"));
    approved.await.unwrap();
    let allowed = scene.allowed(&scene.anna).await;
    let name = scene.key.fingerprint().to_string().parse().unwrap();
    let revoked = scene.trust().revoke_key(&allowed, name, RevokeReason::Compromised, None).await;
    revoked.unwrap();
    assert_eq!(scene.polled(&flow).await, "access_denied");
}

#[tokio::test]
async fn a_code_becomes_a_token_of_the_agent_for_one_surface() {
    let scene = Scene::new().await;
    let app = scene.application().await;
    let issued = scene.redeem(&app, &scene.code(&app).await, VERIFIER).await.unwrap();
    assert_eq!((issued.expires_in, issued.scope.as_deref()), (ACCESS_LIFE, Some("hub:read")));
    assert_eq!(scene.live(&scene.robot).await, ["agent", "refresh"]);
    assert!(scene.live(&scene.anna).await.is_empty());
    // Elsewhere it is no credential, and neither is what renews it.
    for token in [&issued.access, issued.refresh.as_ref().unwrap()] {
        assert!(matches!(scene.bearer(token).await, Err(Error::Unauthenticated)));
    }
    // It is renewed by its application alone: putting another in its place would make it one for everywhere.
    let allowed = scene.allowed::<act::TokenMint>(&scene.robot).await;
    let read = scene.allowed::<act::TokenRead>(&scene.robot).await;
    for token in scene.trust().tokens(&read).await.unwrap() {
        let rotated = scene.trust().rotate(&allowed, token.id, None).await;
        assert!(matches!(rotated, Err(Error::NoSuchThing)));
    }
}

#[tokio::test]
async fn a_code_works_once_for_a_minute_with_its_verifier() {
    let scene = Scene::new().await;
    let app = scene.application().await;
    let code = scene.code(&app).await;
    assert_eq!(word(scene.redeem(&app, &code, &VERIFIER.replace('d', "e")).await), "invalid_grant");
    assert_eq!(word(scene.redeem(&app, &code, VERIFIER).await), "invalid_grant", "used up");
    let code = scene.code(&app).await;
    let other = scene.application().await;
    assert_eq!(word(scene.redeem(&other, &code, VERIFIER).await), "invalid_grant");
    let code = scene.code(&app).await;
    scene.pass(60);
    assert_eq!(word(scene.redeem(&app, &code, VERIFIER).await), "token");
    let code = scene.code(&app).await;
    scene.pass(61);
    assert_eq!(word(scene.redeem(&app, &code, VERIFIER).await), "invalid_grant");
}

#[tokio::test]
async fn a_code_that_comes_twice_ends_what_came_of_it() {
    let scene = Scene::new().await;
    let app = scene.application().await;
    let code = scene.code(&app).await;
    let issued = scene.redeem(&app, &code, VERIFIER).await.unwrap();
    assert_eq!(word(scene.redeem(&app, &code, VERIFIER).await), "invalid_grant");
    assert!(scene.live(&scene.robot).await.is_empty());
    assert_eq!(word(scene.renew(&app, issued.refresh.as_ref().unwrap()).await), "invalid_grant");
}

#[tokio::test]
async fn a_refresh_token_works_once_and_twice_is_the_end_of_its_line() {
    let scene = Scene::new().await;
    let app = scene.application().await;
    let first = scene.redeem(&app, &scene.code(&app).await, VERIFIER).await.unwrap();
    let old = first.refresh.unwrap();
    let other = scene.application().await;
    assert_eq!(word(scene.renew(&other, &old).await), "invalid_grant");
    let second = scene.renew(&app, &old).await.unwrap();
    assert_eq!(scene.live(&scene.robot).await, ["agent", "refresh"], "the old ones are gone");
    assert_eq!((second.scope, second.expires_in), (None, ACCESS_LIFE));
    let third = scene.renew(&app, second.refresh.as_ref().unwrap()).await.unwrap();
    assert_eq!(word(scene.renew(&app, &old).await), "invalid_grant");
    assert!(scene.live(&scene.robot).await.is_empty(), "somebody else has it");
    assert_eq!(word(scene.renew(&app, third.refresh.as_ref().unwrap()).await), "invalid_grant");
}

#[tokio::test]
async fn a_line_ends_when_it_was_said_to_and_when_it_is_revoked() {
    let scene = Scene::new().await;
    let app = scene.application().await;
    let issued = scene.redeem(&app, &scene.code(&app).await, VERIFIER).await.unwrap();
    scene.pass(30 * 24 * 3600 - 60);
    let last = scene.renew(&app, issued.refresh.as_ref().unwrap()).await.unwrap();
    assert!(last.expires_in < Duration::from_mins(2), "not beyond the end");
    scene.pass(60);
    assert_eq!(word(scene.renew(&app, last.refresh.as_ref().unwrap()).await), "invalid_grant");

    let issued = scene.redeem(&app, &scene.code(&app).await, VERIFIER).await.unwrap();
    let read = scene.allowed::<act::TokenRead>(&scene.robot).await;
    let found = scene.trust().tokens(&read).await.unwrap();
    let token = found.iter().find(|it| it.kind == TokenKind::Agent).unwrap();
    let revoke = scene.allowed(&scene.robot).await;
    scene.trust().revoke_token(&revoke, token.id).await.unwrap();
    assert_eq!(word(scene.renew(&app, issued.refresh.as_ref().unwrap()).await), "invalid_grant");
    // And when its agent is stopped.
    let issued = scene.redeem(&app, &scene.code(&app).await, VERIFIER).await.unwrap();
    let disable = scene.allowed(&scene.robot).await;
    scene.trust().disable_agent(&disable).await.unwrap();
    assert_eq!(word(scene.renew(&app, issued.refresh.as_ref().unwrap()).await), "invalid_grant");
}

#[tokio::test]
async fn an_application_that_nobody_uses_is_forgotten_after_a_day() {
    let scene = Scene::new().await;
    let (idle, busy) = (scene.application().await, scene.application().await);
    let _code = scene.code(&busy).await;
    scene.pass(24 * 3600);
    assert_eq!(scene.trust().forget_applications().await.unwrap(), 0);
    scene.pass(1);
    assert_eq!(scene.trust().forget_applications().await.unwrap(), 1);
    assert_eq!(word(scene.redeem(&idle, "x", VERIFIER).await), "invalid_client");
    assert_eq!(word(scene.redeem(&busy, "x", VERIFIER).await), "invalid_grant");
}

#[tokio::test]
async fn a_document_speaks_for_its_own_address_alone() {
    let scene = Scene::new().await;
    let url = "https://app.example/client.json";
    let document = |id: &str, back: &str| {
        format!(r#"{{"client_id":"{id}","client_name":"Harp","redirect_uris":["{back}"]}}"#)
    };
    let decide = scene.decide().await;
    assert_eq!(scene.trust().document_of(&decide, url).unwrap(), Some(url));
    assert_eq!(scene.trust().document_of(&decide, "http://app.example/x").unwrap(), None);
    let adopt = async |text: String| {
        let adopted = scene.trust().adopt_application(&decide, url, text.as_bytes()).await;
        adopted.map(|it| (it.id, it.client_id(), it.redirect_uris.len()))
    };
    assert_eq!(
        word(adopt(document("https://evil.example/x", BACK)).await),
        "invalid_client_metadata"
    );
    assert_eq!(word(adopt("<html>".to_owned()).await), "invalid_client_metadata");
    assert_eq!(word(adopt(document(url, "http://evil.example/")).await), "invalid_redirect_uri");
    let first = adopt(document(url, BACK)).await.unwrap();
    let again = adopt(document(url, "https://app.example/back")).await.unwrap();
    assert_eq!((first.0, first.1.as_str()), (again.0, url), "one row, as it says now");
}
