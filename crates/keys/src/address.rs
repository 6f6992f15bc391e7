//! The secret of an address that is itself the permission to use it (`spec/wire.md` 4, presign): 43 base64url characters,
//! of which the hash alone is stored.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use names::{Random, Secret};
use sha2::{Digest as _, Sha256};

/// Characters of 32 bytes.
const CHARS: usize = 43;

/// The last part of such an address.
#[derive(Clone)]
pub struct AddressToken(Secret<String>);

impl AddressToken {
    /// A new one.
    pub fn generate(random: &Random) -> Self {
        Self(Secret::new(URL_SAFE_NO_PAD.encode(random.bytes::<32>())))
    }

    /// Reads one by its form alone; nothing if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let is_one = text.len() == CHARS
            && URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32);
        is_one.then(|| Self(Secret::new(text.to_owned())))
    }

    /// What is stored of it.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.expose()).into()
    }

    /// The text, for the one answer that shows it.
    pub const fn expose(&self) -> &String {
        self.0.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_and_nothing_else_is() {
        let random = Random::seeded(1);
        let (one, other) = (AddressToken::generate(&random), AddressToken::generate(&random));
        assert_ne!(one.hash(), other.hash());
        let text = one.expose().clone();
        assert_eq!(AddressToken::parse(&text).map(|it| it.hash()), Some(one.hash()));
        for bad in ["", &text[1..], &format!("{text}A"), &text.replace(&text[..1], "!")] {
            assert!(AddressToken::parse(bad).is_none(), "{bad}");
        }
        // One spelling: stray bits after the last byte are refused.
        let stray = format!("{}B", "A".repeat(42));
        assert!(AddressToken::parse(&stray).is_none());
    }
}
