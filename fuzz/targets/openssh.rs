//! Public keys as people paste them: an OpenSSH line, or 43 characters. What is read is canonical.

#![no_main]

use keys::PublicKey;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok((key, _comment)) = PublicKey::parse(text) else { return };
    let line = key.to_openssh();
    let (again, comment) = PublicKey::parse(&line).expect("what was written is read");
    assert_eq!((again.as_bytes(), comment), (key.as_bytes(), None));
    assert_eq!(again.fingerprint(), key.fingerprint());
});
