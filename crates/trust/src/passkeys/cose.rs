//! The public key of a passkey: a `COSE_Key` (RFC 9053 §7), ES256 or EdDSA with Ed25519.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey};
use ciborium::Value;
use keys::{PublicKey, Signature};

/// What signs, as the rows and browsers name it (IANA, COSE Algorithms).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// ECDSA on P-256 with SHA-256: -7.
    Es256,
    /// Ed25519: -8.
    EdDsa,
}

impl Algorithm {
    /// Both, the one we would rather have first.
    pub(crate) const ALL: [Self; 2] = [Self::EdDsa, Self::Es256];

    /// The number.
    pub(crate) const fn number(self) -> i64 {
        match self {
            Self::Es256 => -7,
            Self::EdDsa => -8,
        }
    }
}

/// Parameters of a key, by their number.
mod label {
    pub(super) const KTY: i64 = 1;
    pub(super) const ALG: i64 = 3;
    pub(super) const CRV: i64 = -1;
    pub(super) const X: i64 = -2;
    pub(super) const Y: i64 = -3;
}

const OKP: i64 = 1;
const EC2: i64 = 2;
const P256: i64 = 1;
const ED25519: i64 = 6;

/// A key that can check what a passkey signs.
#[derive(Debug, Clone)]
pub(crate) enum CoseKey {
    Es256(ParsedPublicKey),
    EdDsa(PublicKey),
}

impl CoseKey {
    /// Reads a key, and whether it is one: a point that is on its curve and of no small order. Nothing for other kinds.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let fields =
            ciborium::from_reader(&mut rest).ok().and_then(|it: Value| it.into_map().ok())?;
        if !rest.is_empty() {
            return None;
        }
        let number = |name| integer(find(&fields, name)?);
        let part = |name| <[u8; 32]>::try_from(find(&fields, name)?.as_bytes()?.as_slice()).ok();
        match (number(label::KTY)?, number(label::ALG)?, number(label::CRV)?) {
            (EC2, -7, P256) => {
                let (x, y) = (part(label::X)?, part(label::Y)?);
                let point = [&[4][..], &x, &y].concat();
                ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).ok().map(Self::Es256)
            }
            (OKP, -8, ED25519) => PublicKey::from_bytes(&part(label::X)?).ok().map(Self::EdDsa),
            _ => None,
        }
    }

    /// What it signs with.
    pub(crate) const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Es256(_) => Algorithm::Es256,
            Self::EdDsa(_) => Algorithm::EdDsa,
        }
    }

    /// Whether its private half made `signature` over `message`.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Es256(key) => key.verify_sig(message, signature).is_ok(),
            Self::EdDsa(key) => signature
                .try_into()
                .is_ok_and(|bytes| key.verify(message, &Signature::from_bytes(bytes))),
        }
    }
}

/// The value of an integer key; the first, as authenticators write each once.
fn find(fields: &[(Value, Value)], name: i64) -> Option<&Value> {
    fields.iter().find(|(key, _)| integer(key) == Some(name)).map(|(_, value)| value)
}

fn integer(value: &Value) -> Option<i64> {
    value.as_integer().and_then(|it| it.try_into().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(fields: &[(i64, Value)]) -> Vec<u8> {
        let fields = fields.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
        let mut bytes = Vec::new();
        ciborium::into_writer(&Value::Map(fields), &mut bytes).unwrap();
        bytes
    }

    fn ed25519(x: [u8; 32], alg: i64) -> Vec<u8> {
        key(&[(1, 1.into()), (3, alg.into()), (-1, 6.into()), (-2, Value::Bytes(x.to_vec()))])
    }

    #[test]
    fn only_keys_that_can_be_right_are_taken() {
        let private = keys::PrivateKey::generate(&names::Random::seeded(1));
        let good = ed25519(*private.public().as_bytes(), -8);
        let parsed = CoseKey::parse(&good).unwrap();
        assert_eq!(parsed.algorithm(), Algorithm::EdDsa);
        assert!(parsed.verify(b"song", private.sign(b"song").as_bytes()));
        assert!(!parsed.verify(b"sing", private.sign(b"song").as_bytes()));
        assert!(!parsed.verify(b"song", b"short"));
        // RS256 by its number, a point of small order, a tail, half a key, nothing.
        assert!(CoseKey::parse(&ed25519(*private.public().as_bytes(), -257)).is_none());
        assert!(CoseKey::parse(&ed25519([0; 32], -8)).is_none());
        assert!(CoseKey::parse(&[good.as_slice(), &[0]].concat()).is_none());
        assert!(CoseKey::parse(&good[..good.len() / 2]).is_none());
        assert!(CoseKey::parse(&[]).is_none());
        // A point that is not on P-256.
        let off = Value::Bytes(vec![1; 32]);
        let off =
            key(&[(1, 2.into()), (3, (-7).into()), (-1, 1.into()), (-2, off.clone()), (-3, off)]);
        assert!(CoseKey::parse(&off).is_none());
    }
}
