//! A device that holds a passkey, and the browser in front of it; everything that they say can be made wrong.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ciborium::Value as Cbor;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use testkit::Server;

/// Somebody is there, and showed who it is.
const VERIFIED: u8 = 0b101;
/// A credential follows.
const HAS_CREDENTIAL: u8 = 1 << 6;

enum Pair {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

/// A passkey on its device.
pub(crate) struct Authenticator {
    pair: Pair,
    /// What the device calls the passkey.
    pub(crate) credential_id: Vec<u8>,
    /// Whom the device takes its person for.
    pub(crate) user_handle: String,
    /// How often it has signed.
    pub(crate) count: u32,
    /// What it says of whoever is before it.
    pub(crate) flags: u8,
    /// For which host.
    pub(crate) rp_id: String,
    /// Which page asks.
    pub(crate) origin: String,
}

impl Authenticator {
    fn new(server: &Server, pair: Pair) -> Self {
        let mut credential_id = vec![0; 16];
        aws_lc_rs::rand::fill(&mut credential_id).unwrap();
        Self {
            pair,
            credential_id,
            user_handle: String::new(),
            count: 0,
            flags: VERIFIED,
            rp_id: "localhost".to_owned(),
            origin: format!("http://localhost:{}", server.address().port()),
        }
    }

    pub(crate) fn es256(server: &Server) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        Self::new(server, Pair::Es256(pair))
    }

    pub(crate) fn eddsa(server: &Server) -> Self {
        Self::new(server, Pair::EdDsa(Ed25519KeyPair::generate().unwrap()))
    }

    /// What the browser sends when it was asked for a new passkey.
    pub(crate) fn create(&mut self, wish: &Value, label: &str) -> Value {
        wish["user_id"].as_str().unwrap().clone_into(&mut self.user_handle);
        let length = u16::try_from(self.credential_id.len()).unwrap().to_be_bytes();
        let credential =
            [&[0; 16], length.as_slice(), &self.credential_id, &self.cose_key()].concat();
        let data = [self.data(self.flags | HAS_CREDENTIAL), credential].concat();
        let attestation = cbor(vec![
            ("fmt".into(), "none".into()),
            ("attStmt".into(), Cbor::Map(Vec::new())),
            ("authData".into(), Cbor::Bytes(data)),
        ]);
        let client_data = self.client_data("webauthn.create", wish);
        json!({ "label": label, "client_data": text(client_data), "attestation": text(attestation) })
    }

    /// What the browser sends when it was asked to sign in.
    pub(crate) fn assert(&self, wish: &Value) -> Value {
        let data = self.data(self.flags);
        let client_data = self.client_data("webauthn.get", wish);
        let signature = self.sign(&[data.as_slice(), &Sha256::digest(&client_data)].concat());
        json!({
            "credential_id": text(&self.credential_id),
            "client_data": text(client_data),
            "authenticator_data": text(data),
            "signature": text(signature),
            "user_handle": self.user_handle,
        })
    }

    fn client_data(&self, ceremony: &str, wish: &Value) -> Vec<u8> {
        let said = json!({
            "type": ceremony, "challenge": wish["challenge"], "origin": self.origin, "crossOrigin": false,
        });
        said.to_string().into_bytes()
    }

    fn data(&self, flags: u8) -> Vec<u8> {
        let party: [u8; 32] = Sha256::digest(self.rp_id.as_bytes()).into();
        [party.as_slice(), &[flags], &self.count.to_be_bytes()].concat()
    }

    fn cose_key(&self) -> Vec<u8> {
        let bytes = |bytes: &[u8]| Cbor::Bytes(bytes.to_vec());
        match &self.pair {
            Pair::Es256(pair) => {
                let point = pair.public_key().as_ref();
                cbor(vec![
                    (1.into(), 2.into()),
                    (3.into(), (-7).into()),
                    ((-1).into(), 1.into()),
                    ((-2).into(), bytes(&point[1..33])),
                    ((-3).into(), bytes(&point[33..])),
                ])
            }
            Pair::EdDsa(pair) => cbor(vec![
                (1.into(), 1.into()),
                (3.into(), (-8).into()),
                ((-1).into(), 6.into()),
                ((-2).into(), bytes(pair.public_key().as_ref())),
            ]),
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.pair {
            Pair::Es256(pair) => {
                pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
            }
            Pair::EdDsa(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }
}

fn cbor(fields: Vec<(Cbor, Cbor)>) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(&Cbor::Map(fields), &mut bytes).unwrap();
    bytes
}

fn text(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
