//! The private half of a key: it signs, and shows itself to nobody.

use ed25519_dalek::{Signer as _, SigningKey};
use names::{Random, Secret};

use crate::{Fingerprint, PublicKey, Signature};

/// An Ed25519 private key. Wiped when dropped; neither printed nor compared.
///
/// ```compile_fail
/// let key = keys::PrivateKey::generate(&names::Random::default());
/// println!("{key:?}");
/// ```
#[derive(Clone)]
pub struct PrivateKey {
    seed: Secret<[u8; 32]>,
    /// Kept, since finding it costs as much as a signature.
    public: PublicKey,
}

impl PrivateKey {
    /// A fresh key.
    pub fn generate(random: &Random) -> Self {
        Self::from_seed(Secret::new(random.bytes()))
    }

    /// The key of a seed (RFC 8032 §5.1.5).
    pub fn from_seed(seed: Secret<[u8; 32]>) -> Self {
        let public = PublicKey::of(SigningKey::from_bytes(seed.expose()).verifying_key());
        Self { seed, public }
    }

    /// The seed, to be sealed or written to a key file.
    pub const fn seed(&self) -> &Secret<[u8; 32]> {
        &self.seed
    }

    /// The public half.
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The name of the public half.
    pub fn fingerprint(&self) -> Fingerprint {
        self.public.fingerprint()
    }

    /// Signs `message`; the same bytes each time (RFC 8032 §5.1.6).
    pub fn sign(&self, message: &[u8]) -> Signature {
        // Wiped when it goes out of scope: ed25519-dalek is built with `zeroize`.
        let key = SigningKey::from_bytes(self.seed.expose());
        Signature::from_bytes(key.sign(message).to_bytes())
    }
}
