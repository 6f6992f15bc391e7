//! What deliveries are signed with (`spec/webhooks.md` 3): `whsec_` and the base64 of 24 to 64 bytes.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use names::{Random, Secret};

/// How a secret begins, so that scanners find one that leaked.
const PREFIX: &str = "whsec_";
/// How many bytes it has: fewer can be guessed, more are no safer.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Characters by which a secret is told apart.
const LAST: usize = 4;

/// A text that is no secret. Says nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a signing secret is whsec_ and the base64 of 24 to 64 bytes")]
pub struct NotASecret;

/// One secret. It is never printed, compared in variable time or serialized.
#[derive(Clone)]
pub struct SigningSecret {
    text: Secret<String>,
    key: Secret<Vec<u8>>,
}

impl SigningSecret {
    /// Reads one that somebody brought, or that was stored.
    pub fn parse(text: String) -> Result<Self, NotASecret> {
        let text = Secret::new(text);
        let encoded = text.expose().strip_prefix(PREFIX).ok_or(NotASecret)?;
        let key = Secret::new(STANDARD.decode(encoded).map_err(|_| NotASecret)?);
        if BYTES.contains(&key.expose().len()) { Ok(Self { text, key }) } else { Err(NotASecret) }
    }

    /// A fresh one, of 32 random bytes.
    pub fn generate(random: &Random) -> Self {
        let key = random.bytes::<32>();
        let text = Secret::new(format!("{PREFIX}{}", STANDARD.encode(key)));
        Self { text, key: Secret::new(key.to_vec()) }
    }

    /// The whole, prefix included: for the one answer that shows it, and to seal it.
    pub fn expose(&self) -> &str {
        self.text.expose()
    }

    /// The bytes behind the prefix.
    pub(crate) fn key(&self) -> &[u8] {
        self.key.expose()
    }

    /// Its last characters, which everybody may see who manages it.
    pub fn last4(&self) -> String {
        let text = self.text.expose();
        text.get(text.len().saturating_sub(LAST)..).unwrap_or_default().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: usize) -> String {
        format!("whsec_{}", STANDARD.encode(vec![7; bytes]))
    }

    #[test]
    fn a_secret_has_24_to_64_bytes_behind_its_prefix() {
        for good in [of(24), of(32), of(64)] {
            let read = SigningSecret::parse(good.clone()).map(|it| it.expose().to_owned());
            assert_eq!(read, Ok(good));
        }
        for bad in [
            String::new(),
            "whsec_".to_owned(),
            of(23),
            of(65),
            of(32).replace("whsec_", "whsek_"),
            of(32).replace('=', ""),
            format!("{} ", of(32)),
            "whsec_ÄÖÜ".to_owned(),
        ] {
            assert!(SigningSecret::parse(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_made_is_what_could_be_brought() {
        let made = SigningSecret::generate(&Random::seeded(1));
        let again = SigningSecret::parse(made.expose().to_owned()).expect("it is a secret");
        assert_eq!(again.key(), made.key());
        assert_eq!(made.key().len(), 32);
        assert!(made.expose().ends_with(&made.last4()));
        assert_eq!(made.last4().len(), 4);
    }
}
