//! Somebody with a key.

use keys::PrivateKey;
use names::Secret;
use serde_json::{Value, json};

use crate::Answer;

/// A handle and the key that speaks for it.
#[derive(Clone)]
pub struct Person {
    handle: String,
    key: PrivateKey,
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Person({} {})", self.handle, self.key.fingerprint())
    }
}

impl Person {
    /// Somebody whom no server knows yet.
    pub fn new(handle: &str, seed: Secret<[u8; 32]>) -> Self {
        Self { handle: handle.to_owned(), key: PrivateKey::from_seed(seed) }
    }

    /// Somebody whose key is somewhere already.
    pub fn with_key(handle: &str, key: PrivateKey) -> Self {
        Self { handle: handle.to_owned(), key }
    }

    /// The name.
    pub fn handle(&self) -> &str {
        &self.handle
    }

    /// The key.
    pub fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// The same name with another key.
    #[must_use]
    pub fn with_key_of(&self, other: &Self) -> Self {
        Self { handle: self.handle.clone(), key: other.key.clone() }
    }

    /// The address of one of this person's repositories, without slashes around it.
    pub fn repository(&self, name: &str) -> String {
        format!("{}/{name}", self.handle)
    }

    /// The body that meets a challenge.
    pub fn answer_to(&self, challenge: &Answer) -> Value {
        let challenge = challenge.json();
        let message = challenge["message"].as_str().unwrap();
        let signature = self.key.sign(message.as_bytes()).to_string();
        json!({ "challenge_id": challenge["challenge_id"], "signature": signature })
    }
}
