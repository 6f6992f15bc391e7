//! How a secret of a kind looks, brought or made.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use names::{Random, Secret};

/// The prefix of what deliveries are signed with (`spec/webhooks.md`, Signatures).
const SIGNING_PREFIX: &str = "whsec_";
/// How many bytes such a secret has.
const SIGNING_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// How many characters a bearer has.
const BEARER_CHARS: std::ops::RangeInclusive<usize> = 32..=256;

/// What a secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SecretKind {
    /// Deliveries are signed with it.
    WebhookSigning,
    /// Subcommands are called with it.
    SubcommandBearer,
}

impl SecretKind {
    /// The word in rows, addresses and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WebhookSigning => "webhook_signing",
            Self::SubcommandBearer => "subcommand_bearer",
        }
    }

    /// Whether a text can be one.
    pub(super) fn check(self, text: &str) -> Result<(), &'static str> {
        let (holds, sentence) = match self {
            Self::WebhookSigning => {
                let bytes =
                    text.strip_prefix(SIGNING_PREFIX).and_then(|it| STANDARD.decode(it).ok());
                let holds = bytes.is_some_and(|bytes| SIGNING_BYTES.contains(&bytes.len()));
                (holds, "a signing secret is whsec_ and the base64 of 24 to 64 bytes")
            }
            // It travels in a header, where a blank would end it.
            Self::SubcommandBearer => {
                let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
                let holds = is_visible && BEARER_CHARS.contains(&text.len());
                (holds, "a bearer is 32 to 256 visible ASCII characters without blanks")
            }
        };
        if holds { Ok(()) } else { Err(sentence) }
    }

    /// A fresh one.
    pub(super) fn generate(self, random: &Random) -> Secret<String> {
        let bytes = random.bytes::<32>();
        Secret::new(match self {
            Self::WebhookSigning => format!("{SIGNING_PREFIX}{}", STANDARD.encode(bytes)),
            Self::SubcommandBearer => URL_SAFE_NO_PAD.encode(bytes),
        })
    }
}

impl std::str::FromStr for SecretKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = [Self::WebhookSigning, Self::SubcommandBearer]
            .into_iter()
            .find(|it| it.as_str() == text);
        found.ok_or_else(|| {
            format!("`{text}` is no secret: use webhook_signing or subcommand_bearer")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_what_could_be_brought() {
        let random = Random::seeded(1);
        for kind in [SecretKind::WebhookSigning, SecretKind::SubcommandBearer] {
            assert_eq!(kind.check(kind.generate(&random).expose()), Ok(()));
            assert_eq!(kind.as_str().parse(), Ok(kind));
            for bad in ["", "short", &" ".repeat(40), &"ü".repeat(40), &"a".repeat(257)] {
                assert!(kind.check(bad).is_err(), "{kind:?} {bad}");
            }
        }
        assert!(SecretKind::WebhookSigning.check("whsec_AAECAwQFBgc=").is_err());
        let vector = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        assert!(SecretKind::WebhookSigning.check(vector).is_ok());
    }
}
