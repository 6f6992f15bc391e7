//! The eight lines that `MSign` signs (`spec/trust.md` 3.1).

use names::Digest;

use crate::{Credentials, Nonce, PrivateKey, PublicKey, Signature, msign::ts_text};

/// The first line, which keeps these bytes apart from SSH, registration and commit signatures.
const VERSION: &str = "motet-msign-v1";

/// A request as it is signed. The texts are those of the wire, byte for byte.
#[derive(Debug, Clone, Copy)]
pub struct CanonicalRequest<'a> {
    /// The method; written in upper case.
    pub method: &'a str,
    /// The `Host` value, or `:authority`, as sent.
    pub authority: &'a str,
    /// Path and query as sent.
    pub target: &'a str,
    /// The moment of signing, in Unix seconds.
    pub ts: i64,
    /// The nonce of the header.
    pub nonce: &'a Nonce,
    /// The `Content-Type` value; empty if there is none.
    pub content_type: &'a str,
    /// SHA-256 of the body; of nothing if there is none.
    pub body_sha256: &'a [u8; 32],
}

impl CanonicalRequest<'_> {
    /// The eight lines, joined by single LF, without one at the end.
    pub fn bytes(&self) -> Vec<u8> {
        [
            VERSION,
            &self.method.to_ascii_uppercase(),
            self.authority,
            self.target,
            &ts_text(self.ts),
            self.nonce.as_str(),
            self.content_type.trim_matches([' ', '\t']),
            &Digest::from_bytes(*self.body_sha256).to_string(),
        ]
        .join("\n")
        .into_bytes()
    }

    /// Whether `key` signed this request. A line break inside a field, which HTTP forbids (RFC 9110 §5.5),
    /// would let two requests have the same bytes, so nothing that holds one is ever verified.
    pub fn verify(&self, key: &PublicKey, signature: &Signature) -> bool {
        let bytes = self.bytes();
        let eight_lines = bytes.split(|byte| *byte == b'\n').count() == 8;
        // The signature is checked in either case, so that both take the same time.
        key.verify(&bytes, signature) && eight_lines
    }
}

/// Signs `request`: what to send in `Authorization`.
pub fn sign_request(key: &PrivateKey, request: &CanonicalRequest<'_>) -> Credentials {
    let signature = key.sign(&request.bytes());
    Credentials::new(key.fingerprint(), request.ts, request.nonce.clone(), signature)
}
