//! The public half of a key, in the two texts that people have it in (`spec/trust.md` 2).

use std::{fmt, hash};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ed25519_dalek::VerifyingKey;

use crate::{Fingerprint, Signature, ssh};

/// The longest text that is read as a key: an Ed25519 line has 80 characters, the rest is comment.
const MAX_TEXT_BYTES: usize = 4096;

/// The keys of `spec/trust.md` 3.4. Anyone can sign with them.
const PUBLISHED: [&str; 3] = [
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAs7HGvjQMuq8Qatn7XtbqbbGnWS7d4dxytsAO+bTBS9",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHahWSBEpuT1ESZbynOmBNkLBSnR32Ar4woZqSV2YNH1",
];

/// Why a text is not a key that Motet takes, in words fit for the person who pasted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyError {
    /// Neither of the two forms.
    #[error(
        "this is not a public key: give one line `ssh-ed25519 AAAA…`, as in ~/.ssh/id_ed25519.pub, or the 43 base64url characters of the raw key"
    )]
    Form,
    /// More than one line, or one longer than any key needs.
    #[error("give one key on one line of at most {MAX_TEXT_BYTES} bytes")]
    NotOneLine,
    /// The private half was pasted.
    #[error(
        "this is a private key: keep it to yourself and give the line in the file that ends in .pub"
    )]
    PrivateHalf,
    /// RSA, ECDSA, DSA.
    #[error("{0} keys are not supported: make an Ed25519 key with `ssh-keygen -t ed25519`")]
    OtherType(&'static str),
    /// An `sk-` type.
    #[error(
        "keys on a security key (`sk-` types) are not supported: make one with `ssh-keygen -t ed25519`"
    )]
    SecurityKey,
    /// A certificate.
    #[error("SSH certificates are not supported: give the plain public key that was certified")]
    Certificate,
    /// The base64 part is not canonical base64 of an SSH public key.
    #[error("the key's base64 part is damaged: copy the whole line again")]
    Damaged,
    /// Not 32 bytes.
    #[error("an Ed25519 public key has 32 bytes, this one has another length")]
    Length,
    /// The type before the base64 part and the one inside differ.
    #[error("the key's base64 part holds another type of key than the line says")]
    TypesDiffer,
    /// The bytes are no point, or not the one spelling of it (RFC 8032 §5.1.3).
    #[error("the 32 bytes are not a canonical Ed25519 public key")]
    NonCanonical,
    /// The point has small order, so that one signature fits many messages.
    #[error("the key is a point of small order, which protects nothing")]
    SmallOrder,
    /// One of the keys in the published test vectors; returned by [`PublicKey::refuse_published`].
    #[error(
        "this key's private half is printed in Motet's test vectors: make your own with `ssh-keygen -t ed25519`"
    )]
    Published,
}

impl PublicKeyError {
    /// The stable code of every such refusal (`spec/trust.md` 2).
    pub const CODE: &'static str = "unsupported_key";
}

/// An Ed25519 public key: canonical, and not of small order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads either text: an OpenSSH line, with its comment, or 43 base64url characters.
    ///
    /// Blanks around it and the line end of a `.pub` file are ignored.
    pub fn parse(text: &str) -> Result<(Self, Option<String>), PublicKeyError> {
        let text = text.trim();
        let one_word = !text.contains([' ', '\t', '\n']);
        if one_word && text.len() == 43 {
            return Self::from_base64url(text).map(|key| (key, None));
        }
        Self::from_openssh(text)
    }

    /// Reads a line `ssh-ed25519 <base64> [comment]`.
    pub fn from_openssh(line: &str) -> Result<(Self, Option<String>), PublicKeyError> {
        let line = line.trim();
        if line.starts_with("-----BEGIN") && line.contains("PRIVATE KEY") {
            return Err(PublicKeyError::PrivateHalf);
        }
        let (kind, rest) = line.split_once([' ', '\t']).ok_or(PublicKeyError::Form)?;
        check_type(kind)?;
        if line.len() > MAX_TEXT_BYTES || line.contains(|c: char| c.is_control() && c != '\t') {
            return Err(PublicKeyError::NotOneLine);
        }
        let rest = rest.trim_start();
        let (base64, comment) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
        let blob = STANDARD.decode(base64).map_err(|_| PublicKeyError::Damaged)?;
        let comment = Some(comment.trim()).filter(|comment| !comment.is_empty());
        Ok((Self::from_blob(&blob)?, comment.map(str::to_owned)))
    }

    /// Reads 43 base64url characters.
    pub fn from_base64url(text: &str) -> Result<Self, PublicKeyError> {
        if text.len() != 43 {
            return Err(PublicKeyError::Length);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| PublicKeyError::Form)?;
        Self::from_slice(&bytes)
    }

    /// Checks the raw bytes, as read from a row.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, PublicKeyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| PublicKeyError::NonCanonical)?;
        // Decompression takes y ≥ p and a signed zero; writing the point again does not (RFC 8032 §5.1.2).
        if key.to_edwards().compress().as_bytes() != bytes {
            return Err(PublicKeyError::NonCanonical);
        }
        if key.is_weak() {
            return Err(PublicKeyError::SmallOrder);
        }
        Ok(Self(key))
    }

    /// The public half of a private key, which is valid by construction.
    pub(crate) const fn of(key: VerifyingKey) -> Self {
        Self(key)
    }

    /// The SSH form: type, then key (RFC 8709 §4).
    pub(crate) fn from_blob(blob: &[u8]) -> Result<Self, PublicKeyError> {
        let mut reader = ssh::Reader::new(blob);
        let kind = reader.string().ok_or(PublicKeyError::Damaged)?;
        if kind != ssh::ED25519.as_bytes() {
            return Err(PublicKeyError::TypesDiffer);
        }
        let key = reader.string().ok_or(PublicKeyError::Damaged)?;
        if !reader.rest().is_empty() {
            return Err(PublicKeyError::Damaged);
        }
        Self::from_slice(key)
    }

    fn from_slice(bytes: &[u8]) -> Result<Self, PublicKeyError> {
        Self::from_bytes(bytes.try_into().map_err(|_| PublicKeyError::Length)?)
    }

    /// The raw 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The line of a `.pub` file, without comment and line end.
    pub fn to_openssh(&self) -> String {
        format!("{} {}", ssh::ED25519, STANDARD.encode(ssh::public_blob(self.as_bytes())))
    }

    /// The key's name.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.as_bytes())
    }

    /// Whether the private half is printed in `spec/trust.md` 3.4. Such a key is good on loopback only.
    pub fn is_published_test_key(&self) -> bool {
        PUBLISHED.contains(&self.to_openssh().as_str())
    }

    /// Refuses the published test keys; for a listener that others can reach.
    pub fn refuse_published(self) -> Result<Self, PublicKeyError> {
        if self.is_published_test_key() { Err(PublicKeyError::Published) } else { Ok(self) }
    }

    /// Whether the private half made `signature` over `message`: canonical S, canonical R, neither R nor the
    /// key of small order (RFC 8032 §5.1.7, and stricter).
    pub fn verify(&self, message: &[u8], signature: &Signature) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(signature.as_bytes());
        self.0.verify_strict(message, &signature).is_ok()
    }
}

impl hash::Hash for PublicKey {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.fingerprint())
    }
}

/// Says what is wrong with a type that is not `ssh-ed25519`.
fn check_type(kind: &str) -> Result<(), PublicKeyError> {
    if kind == ssh::ED25519 {
        return Ok(());
    }
    Err(if kind.contains("-cert-v0") {
        PublicKeyError::Certificate
    } else if kind.starts_with("sk-") {
        PublicKeyError::SecurityKey
    } else if kind == "ssh-rsa" || kind.starts_with("rsa-sha2-") {
        PublicKeyError::OtherType("RSA")
    } else if kind.starts_with("ecdsa-") {
        PublicKeyError::OtherType("ECDSA")
    } else if kind == "ssh-dss" {
        PublicKeyError::OtherType("DSA")
    } else if kind == "ssh-ed448" {
        PublicKeyError::OtherType("Ed448")
    } else {
        PublicKeyError::Form
    })
}
