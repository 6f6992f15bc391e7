//! An ID token, believed or not (OpenID Connect Core §3.1.3.7). Pure.

use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    jwk::{Jwk, PublicKeyUse},
};
use names::{Secret, UnixMillis};
use serde::Deserialize;
use serde_json::Value;

/// What a token may be signed with.
const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];
/// How far the clocks of two servers may be apart.
const SKEW_SECONDS: i64 = 60;
/// The longest name of somebody (OpenID Connect Core §2, `sub`).
const MAX_SUBJECT: usize = 255;

/// What the token has to say.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    /// What this browser sent on its way.
    pub(super) nonce: &'a str,
    pub(super) now: UnixMillis,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: i64,
    iat: i64,
    nonce: Option<String>,
    azp: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// The keys of a provider. What is of a kind that we do not know is left out.
pub(super) fn keys(bytes: &[u8]) -> Option<Vec<Jwk>> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }
    let set: Set = serde_json::from_slice(bytes).ok()?;
    let may_sign = |it: &Jwk| !matches!(it.common.public_key_use, Some(PublicKeyUse::Encryption));
    let keys = set.keys.into_iter().filter_map(|it| serde_json::from_value(it).ok());
    Some(keys.filter(may_sign).collect())
}

/// Whom the token names; or the reason why it is not believed. No claim is read before the signature held.
pub(super) fn subject(
    token: &str,
    keys: &[Jwk],
    expected: &Expected<'_>,
) -> Result<String, &'static str> {
    let header = decode_header(token).map_err(|_| "token_unreadable")?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err("token_algorithm");
    }
    let is_named = |it: &&Jwk| header.kid.is_none() || it.common.key_id == header.kid;
    let mut validation = Validation::new(header.alg);
    // Times and names are checked below, against the clock in hand and in our own words.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let claims = keys.iter().filter(is_named).find_map(|key| {
        let key = DecodingKey::from_jwk(key).ok()?;
        decode::<Claims>(token, &key, &validation).ok()
    });
    check(claims.ok_or("token_signature")?.claims, expected)
}

fn check(claims: Claims, expected: &Expected<'_>) -> Result<String, &'static str> {
    let is_us = |name: &String| name == expected.client_id;
    if claims.iss != expected.issuer {
        return Err("token_issuer");
    }
    let (is_for_us, is_for_others) = match &claims.aud {
        Audience::One(name) => (is_us(name), false),
        Audience::Several(names) => (names.iter().any(is_us), names.len() > 1),
    };
    if !is_for_us {
        return Err("token_audience");
    }
    // Of several audiences one asked, and that has to be us.
    if !claims.azp.as_ref().map_or(!is_for_others, is_us) {
        return Err("token_authorized_party");
    }
    let now = expected.now.seconds();
    if claims.exp.saturating_add(SKEW_SECONDS) <= now || claims.iat > now + SKEW_SECONDS {
        return Err("token_time");
    }
    let nonce = Secret::new(expected.nonce.to_owned());
    if !claims.nonce.is_some_and(|it| nonce.matches(it.as_bytes())) {
        return Err("token_nonce");
    }
    let is_name = (1..=MAX_SUBJECT).contains(&claims.sub.len()) && !claims.sub.contains('\0');
    if is_name { Ok(claims.sub) } else { Err("token_subject") }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{
        rand::SystemRandom,
        signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
    };
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde_json::json;

    use super::*;

    fn text(bytes: impl AsRef<[u8]>) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn expected() -> Expected<'static> {
        let now = UnixMillis(1_795_294_380_000);
        Expected { issuer: "https://id.example", client_id: "motet", nonce: "n", now }
    }

    fn claims(changed: &[(&str, Value)]) -> Value {
        let mut claims = json!({
            "iss": "https://id.example", "sub": "248289761001", "aud": "motet", "nonce": "n",
            "iat": 1_795_294_370, "exp": 1_795_294_670,
        });
        for (name, value) in changed {
            claims[*name] = value.clone();
        }
        claims
    }

    /// A provider with one Ed25519 key.
    struct Signer(Ed25519KeyPair);

    impl Signer {
        fn new() -> Self {
            Self(Ed25519KeyPair::generate().unwrap())
        }

        fn keys(&self) -> Vec<Jwk> {
            let x = text(self.0.public_key());
            let odd = json!({ "kty": "novel", "kid": "0" });
            let key = json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": "1", "use": "sig" });
            keys(json!({ "keys": [odd, key] }).to_string().as_bytes()).unwrap()
        }

        fn token(&self, claims: &Value) -> String {
            self.token_with(&json!({ "alg": "EdDSA", "kid": "1" }), claims)
        }

        fn token_with(&self, header: &Value, claims: &Value) -> String {
            let said = format!("{}.{}", text(header.to_string()), text(claims.to_string()));
            let signature = text(self.0.sign(said.as_bytes()));
            format!("{said}.{signature}")
        }
    }

    #[test]
    fn each_claim_is_checked() {
        let signer = Signer::new();
        let ask = |changed: &[(&str, Value)]| {
            subject(&signer.token(&claims(changed)), &signer.keys(), &expected())
        };
        assert_eq!(ask(&[]).as_deref(), Ok("248289761001"));
        assert!(ask(&[("aud", json!(["motet"]))]).is_ok());
        assert!(ask(&[("aud", json!(["motet", "other"])), ("azp", json!("motet"))]).is_ok());
        for (changed, why) in [
            (vec![("iss", json!("https://evil.example"))], "token_issuer"),
            (vec![("aud", json!("other"))], "token_audience"),
            (vec![("aud", json!(["other"]))], "token_audience"),
            (vec![("aud", json!(["motet", "other"]))], "token_authorized_party"),
            (vec![("azp", json!("other"))], "token_authorized_party"),
            (vec![("exp", json!(1_795_294_300))], "token_time"),
            (vec![("iat", json!(1_795_294_999))], "token_time"),
            (vec![("nonce", json!("m"))], "token_nonce"),
            (vec![("nonce", Value::Null)], "token_nonce"),
            (vec![("sub", json!(""))], "token_subject"),
            (vec![("sub", json!("x".repeat(256)))], "token_subject"),
            (vec![("exp", json!("1795294670"))], "token_signature"),
        ] {
            assert_eq!(ask(&changed), Err(why), "{changed:?}");
        }
    }

    #[test]
    fn a_signature_is_one_of_the_providers_keys() {
        let signer = Signer::new();
        let ask = |token: &str, keys: &[Jwk]| subject(token, keys, &expected());
        let good = signer.token(&claims(&[]));
        assert!(ask(&good, &signer.keys()).is_ok());
        assert_eq!(ask(&good, &Signer::new().keys()), Err("token_signature"));
        assert_eq!(ask(&good, &[]), Err("token_signature"));
        let other = signer.token_with(&json!({ "alg": "EdDSA", "kid": "2" }), &claims(&[]));
        assert_eq!(ask(&other, &signer.keys()), Err("token_signature"));
        let nameless = signer.token_with(&json!({ "alg": "EdDSA" }), &claims(&[]));
        assert!(ask(&nameless, &signer.keys()).is_ok());
        // A secret that everybody has, and none at all.
        let shared = signer.token_with(&json!({ "alg": "HS256", "kid": "1" }), &claims(&[]));
        assert_eq!(ask(&shared, &signer.keys()), Err("token_algorithm"));
        let none = signer.token_with(&json!({ "alg": "none" }), &claims(&[]));
        assert_eq!(ask(&none, &signer.keys()), Err("token_unreadable"));
        assert_eq!(ask("a.b.c", &signer.keys()), Err("token_unreadable"));
    }

    #[test]
    fn es256_is_believed_too() {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = pair.public_key().as_ref();
        let key = json!({ "kty": "EC", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..]) });
        let keys = keys(json!({ "keys": [key] }).to_string().as_bytes()).unwrap();
        let said = format!("{}.{}", text(r#"{"alg":"ES256"}"#), text(claims(&[]).to_string()));
        let signature = text(pair.sign(&random, said.as_bytes()).unwrap());
        assert!(subject(&format!("{said}.{signature}"), &keys, &expected()).is_ok());
    }
}
