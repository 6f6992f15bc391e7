//! The two signatures of a request (`spec/webhooks.md` 3). Pure.
//!
//! `webhook-signature` is keyed with the bytes of a secret and covers the delivery's id, the time and the body;
//! `X-Motet-Signature` is keyed with the secret's whole text and covers the time and the body. Each secret that is
//! active gives one signature in both, the newest first.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::SigningSecret;

/// What a request is signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signatures {
    /// The value of `webhook-signature`.
    pub webhook: String,
    /// The value of `X-Motet-Signature`.
    pub motet: String,
}

impl Signatures {
    /// Signs one try: `id` is the delivery's, `at` the time in Unix seconds, `body` the bytes as they are sent.
    pub fn of(secrets: &[SigningSecret], id: &str, at: i64, body: &[u8]) -> Self {
        let at = at.to_string();
        let webhook = secrets.iter().map(|secret| {
            let parts = [id.as_bytes(), b".", at.as_bytes(), b".", body];
            format!("v1,{}", STANDARD.encode(tag(secret.key(), &parts)))
        });
        let motet = secrets.iter().map(|secret| {
            let parts = [at.as_bytes(), b".", body];
            format!(",v1={}", hex(&tag(secret.expose().as_bytes(), &parts)))
        });
        Self {
            webhook: webhook.collect::<Vec<_>>().join(" "),
            motet: format!("t={at}{}", motet.collect::<String>()),
        }
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes a key of any length (RFC 2104 §2)")]
fn tag(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a text does not fail.
        let _written = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const B: &str = "whsec_//79/Pv6+fj39vX08/Lx8O/u7ezr6uno5+bl5OPi4eA=";
    const ID: &str = "019300a0-0000-7000-8000-000000000001";
    const PING: &str = r#"{"type":"ping","data":{}}"#;
    const AT: i64 = 1_795_294_380;

    /// The secret, the time, the body, and both signatures (`spec/webhooks.md` 6).
    const VECTORS: [(&str, i64, &str, &str, &str); 5] = [
        (
            A,
            AT,
            PING,
            "v1,41QAnYS1ZMkHd4kr+KVfq1PS4O5LB2Ugwsp2M6z/eKw=",
            "8df6cd5e8758af6b514d82b3d1d191cc8071bf093691b2620940b9cdabb5ddc2",
        ),
        (
            A,
            1_795_294_447,
            PING,
            "v1,F16/eBEWtiL2qK4wUnLsjkkc0ojiZwqkLCzIHLrdsM4=",
            "1499e93fe7bbd460811c01fadd7edca7f851c196a69cbc177571b8c537b50618",
        ),
        (
            A,
            AT,
            "{\"type\":\"issue.opened\",\"data\":{\"title\":\"naïve – 音\"}}",
            "v1,7LM+Uc86DxMRaEbODivWfCDEKGgAQ+4WXayzhE4/o1U=",
            "a289ead5aac98adfb1a03fafa545e4ea8341b3957958178c3dc026fe905cb433",
        ),
        (
            B,
            AT,
            PING,
            "v1,0sgCGaiA0n3aXG1EsH0za7qeIX0IyZkSisBfqi24b/s=",
            "bf050ec1dba20abb41c0e03d8df3f3c596470c564455cf23a256efb95beda0fe",
        ),
        (
            A,
            AT,
            "",
            "v1,vvxCYgTB/FQZVYqXpv9I2Lj23+l1nZdMGGldRcWukW8=",
            "7d67f43ffbae8a76bfde28c3c01dc8effbc4ad3656a3c6f6ae1a91b49b84dcaa",
        ),
    ];

    fn secret(text: &str) -> SigningSecret {
        SigningSecret::parse(text.to_owned()).expect("the secret of a vector")
    }

    /// What a receiver does, as the specification's sample in Rust does it.
    fn verify(text: &str, id: &str, t: &str, sigs: &str, body: &[u8], now: i64) -> Option<()> {
        if now.abs_diff(t.parse().ok()?) > 300 {
            return None;
        }
        let key = STANDARD.decode(text.strip_prefix("whsec_")?).ok()?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
        for part in [id.as_bytes(), b".", t.as_bytes(), b".", body] {
            mac.update(part);
        }
        sigs.split(' ')
            .filter_map(|sig| STANDARD.decode(sig.strip_prefix("v1,")?).ok())
            .find_map(|sig| mac.clone().verify_slice(&sig).ok())
    }

    #[test]
    fn the_published_vectors_hold() {
        for (text, at, body, webhook, motet) in VECTORS {
            let signed = Signatures::of(&[secret(text)], ID, at, body.as_bytes());
            assert_eq!(signed.webhook, webhook);
            assert_eq!(signed.motet, format!("t={at},v1={motet}"));
            let told = verify(text, ID, &at.to_string(), webhook, body.as_bytes(), at);
            assert_eq!(told, Some(()));
        }
        assert_eq!(VECTORS[2].2.len(), 57);
    }

    #[test]
    fn under_rotation_the_newest_signs_first_in_both_headers() {
        let both = [secret(B), secret(A)];
        let signed = Signatures::of(&both, ID, AT, PING.as_bytes());
        assert_eq!(signed.webhook, format!("{} {}", VECTORS[3].3, VECTORS[0].3));
        assert_eq!(signed.motet, format!("t={AT},v1={},v1={}", VECTORS[3].4, VECTORS[0].4));
        for text in [A, B] {
            let told = verify(text, ID, &AT.to_string(), &signed.webhook, PING.as_bytes(), AT);
            assert_eq!(told, Some(()));
        }
    }

    #[test]
    fn the_four_bad_ones_fail() {
        let (t, good) = (AT.to_string(), VECTORS[0].3);
        let changed = PING.replace("ping", "pong");
        assert_eq!(verify(A, ID, &t, good, changed.as_bytes(), AT), None);
        assert_eq!(verify(A, ID, &t, good, PING.as_bytes(), 1_795_294_681), None);
        assert_eq!(verify(A, ID, &t, good, PING.as_bytes(), 1_795_294_680), Some(()));
        let other = "019300a0-0000-7000-8000-000000000002";
        assert_eq!(verify(A, other, &t, good, PING.as_bytes(), AT), None);
        assert_eq!(verify(B, ID, &t, good, PING.as_bytes(), AT), None);
        // The second header does not cover the id.
        let theirs = Signatures::of(&[secret(A)], other, AT, PING.as_bytes());
        assert_eq!(theirs.motet, format!("t={AT},v1={}", VECTORS[0].4));
        assert_ne!(theirs.webhook, good);
    }
}
