//! No text makes a parser panic, and what is written is read again as the same.

use keys::{
    CanonicalRequest, Credentials, Fingerprint, InstallKey, Nonce, PrivateKey, PublicKey,
    Signature, format_content_digest, parse_content_digest, sign_request,
};
use names::{Random, Secret};
use proptest::prelude::*;

use crate::vectors::V1;

/// Arbitrary text, and text made of the pieces that the parsers look for, which reaches deeper.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("MSign ".to_owned()),
        Just("key=\"".to_owned()),
        Just("ts=\"1795294380\"".to_owned()),
        Just("nonce=\"".to_owned()),
        Just("\", ".to_owned()),
        Just("sha-256=:".to_owned()),
        Just(";=\\\"".to_owned()),
        Just("ssh-ed25519 ".to_owned()),
        Just("AAAAC3NzaC1lZDI1NTE5AAAAI".to_owned()),
        Just("-----BEGIN OPENSSH PRIVATE KEY-----\n".to_owned()),
        Just("b3BlbnNzaC1rZXktdjEA".to_owned()),
        Just("\n-----END OPENSSH PRIVATE KEY-----".to_owned()),
        Just("ed25519v1:".to_owned()),
        "[A-Za-z0-9+/=_-]{0,90}",
        "\\PC{0,8}",
    ];
    prop_oneof![any::<String>(), prop::collection::vec(piece, 0..8).prop_map(|all| all.concat())]
}

proptest! {
    #[test]
    fn parsers_never_panic(text in texts()) {
        if let Ok(read) = Credentials::parse(&text) {
            prop_assert_eq!(Credentials::parse(&read.to_header()), Ok(read));
        }
        if let Ok((key, _)) = PublicKey::parse(&text) {
            prop_assert_eq!(PublicKey::parse(&key.to_openssh()), Ok((key, None)));
        }
        if let Ok(print) = text.parse::<Fingerprint>() {
            prop_assert_eq!(print.to_string(), text.as_str());
        }
        if let Ok(signature) = text.parse::<Signature>() {
            prop_assert_eq!(signature.to_string(), text.as_str());
        }
        if let Ok(signature) = Signature::from_commit_text(&text) {
            prop_assert_eq!(signature.to_commit_text(), text.as_str());
        }
        drop((PrivateKey::from_openssh(&text), InstallKey::parse(text.as_bytes())));
        drop((parse_content_digest(&text), text.parse::<Nonce>()));
    }

    #[test]
    fn a_key_container_of_any_bytes_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let body = STANDARD.encode([b"openssh-key-v1\0".as_slice(), &bytes].concat());
        let file = format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{body}\n-----END OPENSSH PRIVATE KEY-----");
        prop_assert!(PrivateKey::from_openssh(&file).is_err());
        drop(PublicKey::from_openssh(&format!("ssh-ed25519 {}", STANDARD.encode(&bytes))));
    }

    #[test]
    fn credentials_go_there_and_back(
        print in any::<[u8; 32]>(), ts in any::<i64>(), seed in any::<u64>(), body in any::<[u8; 32]>(),
        target in "/[!-~]{0,40}",
    ) {
        let nonce = Nonce::generate(&Random::seeded(seed));
        let key = PrivateKey::from_seed(Secret::new(print));
        let request = CanonicalRequest {
            method: "PUT", authority: "forge.example", target: &target, ts, nonce: &nonce,
            content_type: "text/plain", body_sha256: &body,
        };
        let signed = sign_request(&key, &request);
        let read = Credentials::parse(&signed.to_header()).unwrap();
        prop_assert_eq!(&read, &signed);
        let seen = CanonicalRequest { ts: read.ts(), nonce: read.nonce(), ..request };
        prop_assert!(seen.verify(key.public(), read.sig()));
    }

    #[test]
    fn digests_and_key_files_go_there_and_back(bytes in any::<[u8; 32]>(), comment in "\\PC{0,20}") {
        prop_assert_eq!(parse_content_digest(&format_content_digest(&bytes)), Ok(bytes));
        let key = PrivateKey::from_seed(Secret::new(bytes));
        let (read, _) = PrivateKey::from_openssh(key.to_openssh(&comment).expose()).unwrap();
        prop_assert!(read.seed().matches(&bytes));
        let install = InstallKey::parse(V1.public.as_bytes()).unwrap();
        prop_assert!(install.check_sample(&install.sample()));
    }
}
