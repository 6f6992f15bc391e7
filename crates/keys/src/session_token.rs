//! The token in a browser's cookie: a JWT (RFC 7519, RFC 8037) of one exact form (`spec/trust.md` 6).
//!
//! A library for JWT reads many forms; here there is one. The header is exactly `{"alg":"EdDSA","kid":…,"typ":"JWT"}`, the
//! claims are exactly those of [`SessionClaims`], strings are strings and times are integers. No claim is read before
//! the signature holds.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::{PublicKey, Signature};

/// The longest token that is looked at, in bytes.
const MAX_LENGTH: usize = 2_048;
/// The longest name of a signing key.
const MAX_KID: usize = 100;

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a session of this install")]
pub struct SessionTokenError;

/// The header, exactly.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    kid: String,
    typ: String,
}

/// What the token says. Times are Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionClaims {
    /// Which install made it.
    pub iss: String,
    /// For what: `motet-web`.
    pub aud: String,
    /// Whose session it is: the principal's id.
    pub sub: String,
    /// Which session.
    pub jti: String,
    /// When it was made.
    pub iat: i64,
    /// When it ends.
    pub exp: i64,
    /// When its person last proved who they are.
    pub auth_time: i64,
}

/// A token whose signature has not been looked at.
#[derive(Debug)]
pub struct UnverifiedSession<'a> {
    kid: String,
    signed: &'a str,
    claims: &'a str,
    signature: Signature,
}

impl<'a> UnverifiedSession<'a> {
    /// Takes a token apart. Its claims stay unread.
    pub fn parse(text: &'a str) -> Result<Self, SessionTokenError> {
        if text.len() > MAX_LENGTH {
            return Err(SessionTokenError);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(SessionTokenError)?;
        let (header, claims) = signed.split_once('.').ok_or(SessionTokenError)?;
        let header: Header = decoded(header)?;
        let is_ours = header.alg == "EdDSA" && header.typ == "JWT" && header.kid.len() <= MAX_KID;
        let signature = signature.parse().map_err(|_| SessionTokenError)?;
        if !is_ours {
            return Err(SessionTokenError);
        }
        Ok(Self { kid: header.kid, signed, claims, signature })
    }

    /// Which of the install's keys is said to have signed it.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// What it says, if `key` signed it.
    pub fn verify(&self, key: &PublicKey) -> Result<SessionClaims, SessionTokenError> {
        if !key.verify(self.signed.as_bytes(), &self.signature) {
            return Err(SessionTokenError);
        }
        decoded(self.claims)
    }
}

impl SessionClaims {
    /// Writes the token; `sign` signs with the key that `kid` names.
    pub fn to_token(&self, kid: &str, sign: impl FnOnce(&[u8]) -> Signature) -> String {
        let header = Header { alg: "EdDSA".to_owned(), kid: kid.to_owned(), typ: "JWT".to_owned() };
        let signed = format!("{}.{}", encoded(&header), encoded(self));
        let signature = sign(signed.as_bytes());
        format!("{signed}.{signature}")
    }
}

fn decoded<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, SessionTokenError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| SessionTokenError)?;
    serde_json::from_slice(&bytes).map_err(|_| SessionTokenError)
}

fn encoded(value: &impl Serialize) -> String {
    // Strings and integers can always be written.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use names::Random;
    use proptest::prelude::*;

    use super::*;
    use crate::PrivateKey;

    fn claims() -> SessionClaims {
        SessionClaims {
            iss: "https://forge.example".to_owned(),
            aud: "motet-web".to_owned(),
            sub: "anna".to_owned(),
            jti: "one".to_owned(),
            iat: 1_795_294_380,
            exp: 1_795_294_980,
            auth_time: 1_795_294_380,
        }
    }

    fn signed(key: &PrivateKey, header: &str, claims: &str) -> String {
        let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = key.sign(text.as_bytes());
        format!("{text}.{signature}")
    }

    #[test]
    fn a_session_is_read_back() {
        let key = PrivateKey::generate(&Random::seeded(1));
        let token = claims().to_token("k1", |bytes| key.sign(bytes));
        let read = UnverifiedSession::parse(&token).unwrap();
        assert_eq!(read.kid(), "k1");
        assert_eq!(read.verify(key.public()).unwrap(), claims());
        let other = PrivateKey::generate(&Random::seeded(2));
        assert_eq!(read.verify(other.public()), Err(SessionTokenError));
    }

    /// `spec/trust.md` 16.32.
    #[test]
    fn only_the_one_form_is_read() {
        let key = PrivateKey::generate(&Random::seeded(1));
        let good_header = r#"{"alg":"EdDSA","kid":"k1","typ":"JWT"}"#;
        let good = serde_json::to_string(&claims()).unwrap();
        let read = |header: &str, claims: &str| {
            let token = signed(&key, header, claims);
            UnverifiedSession::parse(&token).and_then(|it| it.verify(key.public()))
        };
        assert!(read(good_header, &good).is_ok());
        for header in [
            r#"{"alg":"none","kid":"k1","typ":"JWT"}"#,
            r#"{"alg":"HS256","kid":"k1","typ":"JWT"}"#,
            r#"{"alg":"EdDSA","typ":"JWT"}"#,
            r#"{"alg":"EdDSA","kid":"k1","typ":"JWT","jwk":{}}"#,
            r#"{"alg":"EdDSA","alg":"EdDSA","kid":"k1","typ":"JWT"}"#,
            r#"{"alg":"EdDSA","kid":["k1"],"typ":"JWT"}"#,
        ] {
            assert!(read(header, &good).is_err(), "{header}");
        }
        for (from, to) in [
            (r#""exp":1795294980"#, r#""exp":"1795294980""#),
            (r#""exp":1795294980"#, r#""exp":1795294980.0"#),
            (r#""exp":1795294980"#, r#""exp":1e9"#),
            (r#""exp":1795294980,"#, ""),
            (r#""exp":1795294980"#, r#""exp":1795294980,"exp":1795294981"#),
            (r#""aud":"motet-web""#, r#""aud":["motet-web"]"#),
            (r#""aud":"motet-web""#, r#""aud":"motet-web","more":1"#),
            (r#""jti":"one""#, r#""jti":null"#),
        ] {
            assert!(good.contains(from), "{from}");
            assert!(read(good_header, &good.replace(from, to)).is_err(), "{to}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*", parts in prop::array::uniform3("[A-Za-z0-9_-]{0,80}")) {
            let _read = UnverifiedSession::parse(&text);
            let _read = UnverifiedSession::parse(&parts.join("."));
        }
    }
}
