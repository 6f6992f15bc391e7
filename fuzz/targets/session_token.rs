//! The token of a session: of all texts only those are read that have exactly the one form.

#![no_main]

use keys::{PrivateKey, UnverifiedSession};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(token) = UnverifiedSession::parse(text) else { return };
    let _kid = token.kid();
    let key = PrivateKey::from_seed(names::Secret::new([7; 32]));
    // Nobody who does not hold the key makes one that is believed.
    assert!(token.verify(key.public()).is_err());
});
