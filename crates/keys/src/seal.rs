//! Sealing: how a secret lies in a row (`spec/trust.md` 5, Sealing).
//!
//! A data key of its own encrypts each value, and a child of the install key encrypts the data key. The name of the
//! install key is authenticated with both, so a change of install key seals everything anew. Where the secret lies is authenticated with it: a sealed
//! value that is copied to another row, column or table does not open there.

use chacha20poly1305::{
    Key, KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use names::{Random, Secret};
use zeroize::Zeroizing;

use crate::InstallKey;

/// The child of the install key that encrypts data keys.
const LABEL: &str = "motet-seal-v1";
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
const MAC_BYTES: usize = 16;
/// A data key as it is stored: nonce, key, tag.
const WRAPPED_BYTES: usize = NONCE_BYTES + KEY_BYTES + MAC_BYTES;

/// Where a secret lies. Part of what is authenticated.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The table.
    pub table: &'a str,
    /// The column.
    pub column: &'a str,
    /// The row's primary key, as text.
    pub row: &'a str,
}

/// A sealed secret: the wrapped data key, and the value under it. Says nothing of either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// For a column `sealed_dek`.
    pub data_key: Vec<u8>,
    /// For a column `sealed_value`.
    pub value: Vec<u8>,
}

/// The bytes do not open here: altered, copied from elsewhere, or sealed under another install key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value does not open: it was altered or moved, or belongs to another install key")]
pub struct CannotOpen;

/// Seals and opens what lies in rows. Wiped when dropped; shows only the name of its install key.
#[derive(Clone)]
pub struct Sealer {
    child: Secret<[u8; KEY_BYTES]>,
    key_id: String,
}

impl Sealed {
    /// Both parts as one, for a table with one column for them.
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.data_key.as_slice(), &self.value].concat()
    }

    /// Takes apart what [`Sealed::to_bytes`] put together.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CannotOpen> {
        let (data_key, value) = bytes.split_at_checked(WRAPPED_BYTES).ok_or(CannotOpen)?;
        Ok(Self { data_key: data_key.to_vec(), value: value.to_vec() })
    }
}

impl Sealer {
    /// Seals under `key`.
    pub fn new(key: &InstallKey) -> Self {
        let key_id =
            key.key_id().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        Self { child: key.derive(LABEL), key_id }
    }

    /// The public name of the install key, 16 hexadecimal digits, for the column `key_id`.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Seals `value` for one place. Not the same bytes twice.
    pub fn seal(&self, random: &Random, place: Place<'_>, value: &[u8]) -> Sealed {
        let bound = self.bound(place);
        let data_key = Zeroizing::new(random.bytes::<KEY_BYTES>());
        Sealed {
            data_key: encrypt(self.child.expose(), random, &bound, data_key.as_slice()),
            value: encrypt(&data_key, random, &bound, value),
        }
    }

    /// Opens what was sealed for this place.
    pub fn open(&self, place: Place<'_>, sealed: &Sealed) -> Result<Secret<Vec<u8>>, CannotOpen> {
        let bound = self.bound(place);
        let unwrapped = Zeroizing::new(decrypt(self.child.expose(), &bound, &sealed.data_key)?);
        let mut data_key = Zeroizing::new([0; KEY_BYTES]);
        if unwrapped.len() != KEY_BYTES {
            return Err(CannotOpen);
        }
        data_key.copy_from_slice(&unwrapped);
        decrypt(&data_key, &bound, &sealed.value).map(Secret::new)
    }

    /// What is authenticated: table, column, row and key id, told apart by their lengths.
    fn bound(&self, Place { table, column, row }: Place<'_>) -> Vec<u8> {
        let mut bound = Vec::new();
        for part in [table, column, row, &self.key_id] {
            bound.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bound.extend_from_slice(part.as_bytes());
        }
        bound
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealer({})", self.key_id)
    }
}

/// A fresh nonce, and `message` under it.
#[expect(
    clippy::expect_used,
    reason = "the cipher takes 256 GiB (RFC 8439 §2.8); a row holds less"
)]
fn encrypt(key: &[u8; KEY_BYTES], random: &Random, bound: &[u8], message: &[u8]) -> Vec<u8> {
    let nonce = random.bytes::<NONCE_BYTES>();
    let sealed = XChaCha20Poly1305::new(&Key::from(*key))
        .encrypt(&XNonce::from(nonce), Payload { msg: message, aad: bound })
        .expect("a secret is shorter than the bound");
    [nonce.as_slice(), &sealed].concat()
}

fn decrypt(key: &[u8; KEY_BYTES], bound: &[u8], stored: &[u8]) -> Result<Vec<u8>, CannotOpen> {
    let (nonce, sealed) = stored.split_first_chunk::<NONCE_BYTES>().ok_or(CannotOpen)?;
    XChaCha20Poly1305::new(&Key::from(*key))
        .decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: bound })
        .map_err(|_| CannotOpen)
}
