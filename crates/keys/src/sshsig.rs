//! The signatures of `ssh-keygen -Y sign` (OpenSSH's PROTOCOL.sshsig): what Git puts on commits and tags when it signs
//! with SSH keys. Read, verified and written, with Ed25519 keys alone.
//!
//! A signature names its key whole, so that it is verified by itself; whose key that is, and whether it is believed, is
//! asked elsewhere. Only one spelling is taken of what is inside the armour: no trailing bytes, nothing in the field that
//! is kept for later.

use std::{num::NonZero, thread};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256, Sha512};

use crate::{
    PrivateKey, PublicKey, Signature,
    ssh::{self, Reader, put_string},
};

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";
const MAGIC: &[u8] = b"SSHSIG";
const VERSION: u32 = 1;
/// Characters in a line, as `ssh-keygen` writes them.
const LINE_CHARS: usize = 70;
/// The longest text that is read: one by an Ed25519 key has about 300 bytes, one by the longest RSA key 3,000.
const MAX_TEXT_BYTES: usize = 4096;
/// How many signatures one thread verifies at least: forty microseconds each, against as many for starting a thread.
const MIN_PART: usize = 64;

/// Why a text is no signature that Motet can verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SshSignatureError {
    /// `OpenPGP`, X.509, or no signature at all.
    #[error("this is not an SSH signature (`{BEGIN}`)")]
    OtherForm,
    /// Cut, altered, too long, or of a version that is not known.
    #[error("this SSH signature is damaged")]
    Damaged,
    /// RSA, ECDSA, a security key, a certificate.
    #[error("this SSH signature is not by a plain Ed25519 key")]
    OtherKey,
    /// Made for something else than what it is found on.
    #[error("this SSH signature was made for another purpose")]
    OtherNamespace,
}

/// How the message is hashed before it is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hash {
    Sha256,
    Sha512,
}

/// A signature by an Ed25519 key, well formed and not yet checked against anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SshSignature {
    key: PublicKey,
    hash: Hash,
    signature: Signature,
}

impl SshSignature {
    /// What Git signs for.
    pub const GIT: &str = "git";

    /// Reads an armoured signature that was made for `namespace`.
    pub fn parse(text: &[u8], namespace: &str) -> Result<Self, SshSignatureError> {
        let blob = dearmoured(text)?;
        let damaged = SshSignatureError::Damaged;
        let mut reader = Reader::new(blob.strip_prefix(MAGIC).ok_or(damaged)?);
        if reader.number() != Some(VERSION) {
            return Err(damaged);
        }
        let key = reader.string().ok_or(damaged)?;
        let of = reader.string().ok_or(damaged)?;
        let reserved = reader.string().ok_or(damaged)?;
        let hash = reader.string().ok_or(damaged)?;
        let signature = reader.string().ok_or(damaged)?;
        if !reader.rest().is_empty() || !reserved.is_empty() {
            return Err(damaged);
        }
        if Reader::new(key).string().ok_or(damaged)? != ssh::ED25519.as_bytes() {
            return Err(SshSignatureError::OtherKey);
        }
        if of != namespace.as_bytes() {
            return Err(SshSignatureError::OtherNamespace);
        }
        Ok(Self {
            key: PublicKey::from_blob(key).map_err(|_| damaged)?,
            hash: Hash::named(hash).ok_or(damaged)?,
            signature: raw(signature).ok_or(damaged)?,
        })
    }

    /// The key that it names.
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Whether the key that it names signed `message` for `namespace`.
    pub fn verify(&self, message: &[u8], namespace: &str) -> bool {
        self.key.verify(&signed(message, namespace, self.hash), &self.signature)
    }
}

impl Hash {
    fn named(word: &[u8]) -> Option<Self> {
        [Self::Sha256, Self::Sha512].into_iter().find(|it| it.word().as_bytes() == word)
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }
}

/// Signs `message` for `namespace`, as `ssh-keygen -Y sign` does; ends in a line end.
pub fn sign_ssh(key: &PrivateKey, message: &[u8], namespace: &str) -> String {
    let signature = key.sign(&signed(message, namespace, Hash::Sha512));
    let mut wrapped = Vec::with_capacity(83);
    put_string(&mut wrapped, ssh::ED25519.as_bytes());
    put_string(&mut wrapped, signature.as_bytes());
    let mut blob = MAGIC.to_vec();
    blob.extend_from_slice(&VERSION.to_be_bytes());
    put_string(&mut blob, &ssh::public_blob(key.public().as_bytes()));
    put_string(&mut blob, namespace.as_bytes());
    put_string(&mut blob, b""); // kept for later
    put_string(&mut blob, Hash::Sha512.word().as_bytes());
    put_string(&mut blob, &wrapped);
    let mut text = String::from(BEGIN);
    for (at, c) in STANDARD.encode(blob).chars().enumerate() {
        if at.is_multiple_of(LINE_CHARS) {
            text.push('\n');
        }
        text.push(c);
    }
    text.push('\n');
    text.push_str(END);
    text.push('\n');
    text
}

/// Something that Git signed: the bytes without the signature, and the signature as it stood in them.
#[derive(Debug, Clone, Copy)]
pub struct GitSigned<'a> {
    /// What was signed.
    pub payload: &'a [u8],
    /// The armoured signature; empty if there is none.
    pub signature: &'a [u8],
}

/// What is known of a signature before anybody asks whose key it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GitProof {
    /// There is none.
    Unsigned,
    /// It is of a kind that is not verified here, or false.
    Unverifiable,
    /// It is good, by this key.
    Good(PublicKey),
}

impl GitProof {
    /// Verifies one; some fifty microseconds.
    pub fn of(signed: GitSigned<'_>) -> Self {
        if signed.signature.is_empty() {
            return Self::Unsigned;
        }
        match SshSignature::parse(signed.signature, SshSignature::GIT) {
            Ok(it) if it.verify(signed.payload, SshSignature::GIT) => Self::Good(it.key),
            Ok(_) | Err(_) => Self::Unverifiable,
        }
    }

    /// Verifies many on that many threads at most, in their order. Blocks until all are done.
    pub fn of_all(signed: &[GitSigned<'_>], threads: NonZero<usize>) -> Vec<Self> {
        let part = signed.len().div_ceil(threads.get()).max(MIN_PART);
        let mut proofs = vec![Self::Unsigned; signed.len()];
        thread::scope(|scope| {
            let mut pairs = proofs.chunks_mut(part).zip(signed.chunks(part));
            // The first part is for this thread, which would else only wait.
            let own = pairs.next();
            for (proofs, signed) in pairs {
                scope.spawn(move || fill(proofs, signed));
            }
            if let Some((proofs, signed)) = own {
                fill(proofs, signed);
            }
        });
        proofs
    }
}

fn fill(proofs: &mut [GitProof], signed: &[GitSigned<'_>]) {
    for (proof, signed) in proofs.iter_mut().zip(signed) {
        *proof = GitProof::of(*signed);
    }
}

/// The bytes inside the armour.
fn dearmoured(text: &[u8]) -> Result<Vec<u8>, SshSignatureError> {
    let text = text.trim_ascii_end();
    let body = text.strip_prefix(BEGIN.as_bytes()).ok_or(SshSignatureError::OtherForm)?;
    let damaged = SshSignatureError::Damaged;
    if text.len() > MAX_TEXT_BYTES {
        return Err(damaged);
    }
    let body = body.strip_suffix(END.as_bytes()).ok_or(damaged)?;
    // Each mark stands on a line of its own.
    if !body.starts_with(b"\n") && !body.starts_with(b"\r\n") || !body.ends_with(b"\n") {
        return Err(damaged);
    }
    let base64: Vec<u8> =
        body.iter().copied().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    STANDARD.decode(base64).map_err(|_| damaged)
}

/// The 64 bytes within their wrapping.
fn raw(wrapped: &[u8]) -> Option<Signature> {
    let mut reader = Reader::new(wrapped);
    let is_ours = reader.string()? == ssh::ED25519.as_bytes();
    let bytes: [u8; 64] = reader.string()?.try_into().ok()?;
    (is_ours && reader.rest().is_empty()).then(|| Signature::from_bytes(bytes))
}

/// What the key signs: never the message, so that such a signature is good for nothing else that SSH signs.
fn signed(message: &[u8], namespace: &str, hash: Hash) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    put_string(&mut bytes, namespace.as_bytes());
    put_string(&mut bytes, b"");
    put_string(&mut bytes, hash.word().as_bytes());
    match hash {
        Hash::Sha256 => put_string(&mut bytes, &Sha256::digest(message)),
        Hash::Sha512 => put_string(&mut bytes, &Sha512::digest(message)),
    }
    bytes
}
