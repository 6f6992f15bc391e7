//! Bearer tokens (`spec/conventions.md`, Names and ids): `mt_<kind>_<43 base64url characters>_<6 check characters>`.
//!
//! The check characters are a CRC-32 over all before them, so that scanners find leaks without asking the server, and so
//! that what was cut or mistyped is refused without a look-up.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use names::{Random, Secret};
use sha2::{Digest as _, Sha256};

/// The longest token that is looked at, in bytes.
const MAX_LENGTH: usize = 128;
/// Characters of the random part, and of the check.
const SECRET_CHARS: usize = 43;
const CHECK_CHARS: usize = 6;
/// Characters by which a token is told apart once it is stored.
const LAST: usize = 8;

/// A whole token, as its holder sends it. Shown once, to whoever made it.
#[derive(Clone)]
pub struct TokenText(Secret<String>);

/// Why a text is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a token of Motet: it is cut, mistyped, or something else")]
pub struct TokenError;

impl TokenText {
    /// A new token of `kind`, a word in small letters.
    pub fn generate(kind: &str, random: &Random) -> Self {
        let secret = URL_SAFE_NO_PAD.encode(random.bytes::<32>());
        let body = format!("mt_{kind}_{secret}");
        let check = check_of(&body);
        Self(Secret::new(format!("{body}_{check}")))
    }

    /// Reads a token by its form alone.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        if text.len() > MAX_LENGTH || !text.is_ascii() {
            return Err(TokenError);
        }
        let (body, check) =
            text.split_at_checked(text.len().saturating_sub(CHECK_CHARS + 1)).ok_or(TokenError)?;
        let rest = body.strip_prefix("mt_").ok_or(TokenError)?;
        let (kind, secret) = rest.split_once('_').ok_or(TokenError)?;
        let is_kind = !kind.is_empty() && kind.bytes().all(|it| it.is_ascii_lowercase());
        let is_secret = secret.len() == SECRET_CHARS
            && URL_SAFE_NO_PAD.decode(secret).is_ok_and(|bytes| bytes.len() == 32);
        let is_checked = check.strip_prefix('_').is_some_and(|check| check == check_of(body));
        if is_kind && is_secret && is_checked {
            Ok(Self(Secret::new(text.to_owned())))
        } else {
            Err(TokenError)
        }
    }

    /// The kind that it claims to be of.
    pub fn kind(&self) -> &str {
        self.0.expose().split('_').nth(1).unwrap_or_default()
    }

    /// What is stored of it: the SHA-256 of the whole.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.expose()).into()
    }

    /// The last eight characters, by which it is told apart.
    pub fn last8(&self) -> &str {
        let text = self.0.expose();
        text.get(text.len().saturating_sub(LAST)..).unwrap_or_default()
    }

    /// The whole token, for the one answer that shows it.
    pub const fn expose(&self) -> &String {
        self.0.expose()
    }
}

fn check_of(body: &str) -> String {
    URL_SAFE_NO_PAD.encode(crc32fast::hash(body.as_bytes()).to_be_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn v6() {
        let text = "mt_personal_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8_9IVLUQ";
        let token = TokenText::parse(text).unwrap();
        assert_eq!(token.kind(), "personal");
        assert_eq!(token.last8(), "8_9IVLUQ");
        let hash = names::Digest::from_bytes(token.hash()).to_string();
        assert_eq!(hash, "a1396b43c423da575f59e9751e04ed226c5008400f22440d9e81310ff2689466");
    }

    #[test]
    fn a_token_is_read_back_and_every_change_is_seen() {
        let token = TokenText::generate("git", &Random::seeded(1));
        let text = token.expose().clone();
        assert_eq!(TokenText::parse(&text).unwrap().hash(), token.hash());
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'a' { b'b' } else { b'a' };
            assert!(TokenText::parse(&String::from_utf8(changed).unwrap()).is_err(), "{at}");
            assert!(TokenText::parse(&text[..at]).is_err());
        }
        assert!(TokenText::parse(&format!("{text}x")).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _seen = TokenText::parse(&text);
            let _seen = TokenText::parse(&format!("mt_{text}"));
        }
    }
}
