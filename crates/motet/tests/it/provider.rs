//! A provider of accounts: OpenID Connect and the little of GitHub that is asked, over real sockets. It signs, it checks
//! PKCE and its client's secret, and everything that it says can be made wrong.

use std::{
    collections::HashMap,
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use names::Clock;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::{
    net::TcpListener,
    task::{AbortHandle, spawn},
};

/// How the server under test is known here.
pub(crate) const CLIENT_ID: &str = "motet at home";
pub(crate) const CLIENT_SECRET: &str = "hush:hush/hush";

type Body = Full<hyper::body::Bytes>;
type Fields = HashMap<String, String>;

/// Somebody who said yes, and has not been fetched yet.
struct Grant {
    asked: Fields,
    subject: String,
}

/// What it says, as far as a test changes it.
pub(crate) struct Says {
    /// Whoever is at the browser.
    pub(crate) subject: String,
    /// Claims that are put in place of the right ones.
    pub(crate) claims: Value,
    /// The algorithm with which it signs, and says so.
    pub(crate) algorithm: &'static str,
    /// Whether the key set is that of somebody else.
    pub(crate) has_foreign_keys: bool,
    /// How often a code was redeemed.
    pub(crate) redeemed: usize,
    grants: HashMap<String, Grant>,
}

struct Inner {
    address: SocketAddr,
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
    says: Mutex<Says>,
}

/// The provider. It goes when this is dropped.
pub(crate) struct Provider {
    inner: Arc<Inner>,
    task: AbortHandle,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Provider {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let says = Says {
            subject: "248289761001".to_owned(),
            claims: json!({}),
            algorithm: "RS256",
            has_foreign_keys: false,
            redeemed: 0,
            grants: HashMap::new(),
        };
        let inner = Arc::new(Inner {
            address: listener.local_addr().unwrap(),
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
            ec: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            says: Mutex::new(says),
        });
        let serving = Arc::clone(&inner);
        let task = spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let inner = Arc::clone(&serving);
                let answer = service_fn(move |request| {
                    let inner = Arc::clone(&inner);
                    async move { Ok::<_, Infallible>(inner.answer(request).await) }
                });
                spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
            }
        });
        Self { inner, task: task.abort_handle() }
    }

    /// Its own address.
    pub(crate) fn issuer(&self) -> String {
        self.inner.issuer()
    }

    /// Changes what it says.
    pub(crate) fn say(&self, change: impl FnOnce(&mut Says)) {
        change(&mut self.inner.says.lock().unwrap());
    }

    /// How often a code was redeemed.
    pub(crate) fn redeemed(&self) -> usize {
        self.inner.says.lock().unwrap().redeemed
    }

    /// Whoever is at the browser says yes at this address; gives the path and query that the browser is led back to.
    pub(crate) fn agree(&self, address: &str) -> String {
        let (place, query) = address.split_once('?').unwrap();
        let asked = fields(query.as_bytes());
        let is_github = place.ends_with("/login/oauth/authorize");
        assert!(is_github || place == format!("{}/authorize", self.issuer()), "{place}");
        assert_eq!(
            (asked["client_id"].as_str(), asked["response_type"].as_str()),
            (CLIENT_ID, "code")
        );
        assert_eq!(asked["code_challenge_method"], "S256");
        assert_eq!(asked.get("scope").map(String::as_str), (!is_github).then_some("openid"));
        let back = asked["redirect_uri"].clone();
        let mut says = self.inner.says.lock().unwrap();
        let (code, subject) = (format!("code {}", says.grants.len()), says.subject.clone());
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("state", &asked["state"]).append_pair("code", &code);
        if !is_github {
            query.append_pair("iss", &self.issuer());
        }
        says.grants.insert(code, Grant { asked, subject });
        let path = back.splitn(4, '/').nth(3).unwrap();
        format!("/{path}?{}", query.finish())
    }
}

impl Inner {
    fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let body = fields(&body.collect().await.unwrap().to_bytes());
        let authorization = head.headers.get(header::AUTHORIZATION);
        let authorization = authorization.map_or("", |it| it.to_str().unwrap()).to_owned();
        let issuer = self.issuer();
        match (head.method, head.uri.path()) {
            (Method::GET, "/.well-known/openid-configuration") => json_of(
                200,
                &json!({
                    "issuer": issuer,
                    "authorization_endpoint": format!("{issuer}/authorize"),
                    "token_endpoint": format!("{issuer}/token"),
                    "jwks_uri": format!("{issuer}/keys"),
                }),
            ),
            (Method::GET, "/keys") => json_of(200, &self.keys()),
            (Method::POST, "/token") => {
                let basic = format!("{}:{}", escaped(CLIENT_ID), escaped(CLIENT_SECRET));
                let is_known = authorization == format!("Basic {}", STANDARD.encode(basic));
                self.redeem(&body, is_known, |grant| json!({ "id_token": self.token(grant) }))
            }
            (Method::POST, "/login/oauth/access_token") => {
                let is_known =
                    body["client_id"] == CLIENT_ID && body["client_secret"] == CLIENT_SECRET;
                self.redeem(
                    &body,
                    is_known,
                    |grant| json!({ "access_token": format!("gho_{}", grant.subject) }),
                )
            }
            (Method::GET, "/api/user") => {
                let subject = authorization.strip_prefix("Bearer gho_").unwrap();
                json_of(200, &json!({ "id": subject.parse::<u64>().unwrap(), "login": "anna" }))
            }
            (_, path) => panic!("nobody asks a provider for {path}"),
        }
    }

    /// A code works once, for the client that it was given to, with the verifier of its challenge.
    fn redeem(
        &self,
        body: &Fields,
        is_known: bool,
        tokens: impl FnOnce(&Grant) -> Value,
    ) -> Response<Body> {
        let mut says = self.says.lock().unwrap();
        says.redeemed += 1;
        let grant = says.grants.remove(&body["code"]);
        drop(says);
        let verifier = &body["code_verifier"];
        let is_met = |it: &Grant| {
            it.asked["code_challenge"] == text(Sha256::digest(verifier.as_bytes()))
                && it.asked["redirect_uri"] == body["redirect_uri"]
                && (43..=128).contains(&verifier.len())
        };
        match grant.filter(|it| is_known && is_met(it)) {
            Some(grant) => json_of(200, &tokens(&grant)),
            None => json_of(400, &json!({ "error": "invalid_grant" })),
        }
    }

    /// An ID token about whoever said yes.
    fn token(&self, grant: &Grant) -> String {
        let says = self.says.lock().unwrap();
        let now = Clock::default().now().seconds();
        let mut claims = json!({
            "iss": self.issuer(), "sub": grant.subject, "aud": CLIENT_ID, "nonce": grant.asked["nonce"],
            "iat": now, "exp": now + 300,
        });
        for (name, value) in says.claims.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let header = json!({ "alg": says.algorithm, "kid": says.algorithm, "typ": "JWT" });
        let said = format!("{}.{}", text(header.to_string()), text(claims.to_string()));
        let signature = if says.algorithm == "ES256" {
            self.ec.sign(&SystemRandom::new(), said.as_bytes()).unwrap().as_ref().to_vec()
        } else {
            let mut signature = vec![0; self.rsa.public_modulus_len()];
            let random = SystemRandom::new();
            self.rsa.sign(&RSA_PKCS1_SHA256, &random, said.as_bytes(), &mut signature).unwrap();
            signature
        };
        format!("{said}.{}", text(signature))
    }

    fn keys(&self) -> Value {
        let foreign;
        let rsa = if self.says.lock().unwrap().has_foreign_keys {
            foreign = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
            &foreign
        } else {
            &self.rsa
        };
        // RSAPublicKey (RFC 8017 A.1.1): a sequence of a number of 257 bytes, of which the first is zero, and 65537.
        let der = rsa.public_key().as_ref();
        let (n, e) = (&der[9..265], &der[der.len() - 3..]);
        let point = self.ec.public_key().as_ref();
        json!({ "keys": [
            { "kty": "RSA", "kid": "RS256", "use": "sig", "n": text(n), "e": text(e) },
            { "kty": "EC", "kid": "ES256", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..]) },
        ] })
    }
}

fn fields(bytes: &[u8]) -> Fields {
    url::form_urlencoded::parse(bytes).into_owned().collect()
}

fn escaped(part: &str) -> String {
    url::form_urlencoded::byte_serialize(part.as_bytes()).collect()
}

fn text(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn json_of(status: u16, body: &Value) -> Response<Body> {
    let mut answer = Response::new(Full::from(body.to_string()));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    answer
}
