//! SSH signatures on commits: what is read inside the armour is an Ed25519 key and 64 bytes, and no bytes but those that
//! were signed are verified.

#![no_main]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use keys::SshSignature;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _seen = SshSignature::parse(bytes, SshSignature::GIT);
    let blob = STANDARD.encode(bytes);
    let text = format!("-----BEGIN SSH SIGNATURE-----\n{blob}\n-----END SSH SIGNATURE-----\n");
    let Ok(read) = SshSignature::parse(text.as_bytes(), SshSignature::GIT) else { return };
    assert!(bytes.starts_with(b"SSHSIG\0\0\0\x01"));
    assert!(!read.verify(b"what nobody signed", "another namespace"));
});
