//! The signed end of a chain, so that a tail that was cut off is missed.

use db::{Error, Tx};
use keys::{PublicKey, Signature};
use names::UnixMillis;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Chain, Written, store};
use crate::signing_keys::SigningKey;

/// After so many rows the head is signed in the transaction of the row (`spec/trust.md` 11).
pub const HEAD_EVERY_ROWS: i64 = 1_000;
/// The first line of what is signed, which keeps it apart from everything else that the install signs.
const VERSION: &str = "motet-audit-head-v1";

/// A head as it is stored and exported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The chain.
    pub chain: Uuid,
    /// The number of the row.
    pub seq: i64,
    /// The hash of the row.
    pub hash: String,
    /// When it was signed, in milliseconds since 1970.
    pub time: i64,
    /// The key that signed.
    pub kid: String,
    /// The signature, 86 characters of base64url.
    pub signature: String,
}

impl Head {
    /// What is signed: five lines, joined by LF, without one at the end.
    fn message(&self) -> Vec<u8> {
        let Self { chain, seq, hash, time, .. } = self;
        format!("{VERSION}\n{chain}\n{seq}\n{hash}\n{time}").into_bytes()
    }

    /// Whether `key` signed this.
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        let signature = self.signature.parse::<Signature>();
        signature.is_ok_and(|signature| key.verify(&self.message(), &signature))
    }
}

/// Signs the row as the head of its chain, once.
pub(super) async fn sign(
    tx: &mut Tx,
    key: &SigningKey,
    chain: Chain,
    row: Written,
    now: UnixMillis,
) -> Result<(), Error> {
    let mut head = Head {
        chain: chain.uuid(),
        seq: row.seq,
        hash: row.hash.to_string(),
        time: now.0,
        kid: key.kid().to_owned(),
        signature: String::new(),
    };
    let signature = key.sign(&head.message());
    head.signature = signature.to_string();
    store::add_head(tx, &head, &signature).await
}
