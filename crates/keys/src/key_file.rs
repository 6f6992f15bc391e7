//! The OpenSSH private key file, read and written: `-----BEGIN OPENSSH PRIVATE KEY-----`, one Ed25519 key,
//! no passphrase (OpenSSH's PROTOCOL.key). Texts only: who opens the file, and with which mode, is the
//! caller's matter. Every buffer that held the seed is wiped.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use names::Secret;
use zeroize::Zeroizing;

use crate::{
    PrivateKey, PublicKey,
    ssh::{self, Reader, put_string},
};

const BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
const END: &str = "-----END OPENSSH PRIVATE KEY-----";
const MAGIC: &[u8] = b"openssh-key-v1\0";
/// What the private part is padded to when it is not encrypted.
const BLOCK_BYTES: usize = 8;
/// Characters in a line, as `ssh-keygen` writes them.
const LINE_CHARS: usize = 70;
/// The largest file that is read: an Ed25519 key takes about 400 bytes, the rest is comment.
const MAX_FILE_BYTES: usize = 16 * 1024;
/// The longest comment that is written, in bytes; the same bound as a line of a `.pub` file.
const MAX_COMMENT_BYTES: usize = 1024;

/// Why a text is not a private key that Motet can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PrivateKeyError {
    /// Not this kind of file.
    #[error(
        "this is not an OpenSSH private key file: make one with `ssh-keygen -t ed25519`, or rewrite an old one with `ssh-keygen -p -N '' -f FILE`"
    )]
    Form,
    /// The public half was given.
    #[error("this is the public half of a key: give the file without .pub")]
    PublicHalf,
    /// It has a passphrase.
    #[error(
        "this key file has a passphrase, which Motet cannot ask for yet: use a key file without one (`ssh-keygen -p -N '' -f FILE`)"
    )]
    Encrypted,
    /// Another type of key.
    #[error("this key is not an Ed25519 key: make one with `ssh-keygen -t ed25519`")]
    OtherType,
    /// Cut, altered, or its parts do not belong together.
    #[error("this key file is damaged")]
    Damaged,
}

impl PrivateKey {
    /// Reads a key file, and its comment if there is one.
    pub fn from_openssh(text: &str) -> Result<(Self, Option<String>), PrivateKeyError> {
        let text = text.trim();
        if text.starts_with("ssh-") {
            return Err(PrivateKeyError::PublicHalf);
        }
        if text.len() > MAX_FILE_BYTES {
            return Err(PrivateKeyError::Form);
        }
        let body = text.strip_prefix(BEGIN).ok_or(PrivateKeyError::Form)?;
        let body = body.strip_suffix(END).ok_or(PrivateKeyError::Damaged)?;
        // Given its room at once, so that growing leaves no copy behind.
        let mut base64 = Zeroizing::new(String::with_capacity(body.len()));
        base64.extend(body.chars().filter(|c| !c.is_ascii_whitespace()));
        // Not `decode`, which would drop its buffer unwiped when it meets an error; it asks for whole triples.
        let mut bytes = Zeroizing::new(vec![0; base64.len() + 3]);
        let count = STANDARD.decode_slice(base64.as_bytes(), &mut bytes);
        let count = count.map_err(|_| PrivateKeyError::Damaged)?;
        read_container(bytes.get(..count).unwrap_or_default())
    }

    /// Writes a key file that OpenSSH reads; ends in a line end. Control characters in `comment` become
    /// blanks and what is beyond 1,024 bytes is left out.
    pub fn to_openssh(&self, comment: &str) -> Secret<String> {
        let private = self.private_part(&tidy_comment(comment));
        let mut bytes = Zeroizing::new(Vec::with_capacity(private.len() + 128));
        bytes.extend_from_slice(MAGIC);
        put_string(&mut bytes, b"none"); // cipher
        put_string(&mut bytes, b"none"); // key derivation
        put_string(&mut bytes, b""); // its options
        bytes.extend_from_slice(&1_u32.to_be_bytes());
        put_string(&mut bytes, &ssh::public_blob(self.public().as_bytes()));
        put_string(&mut bytes, &private);
        let base64 = Zeroizing::new(STANDARD.encode(bytes.as_slice()));
        let mut text = String::with_capacity(base64.len() * 72 / LINE_CHARS + 80);
        text.push_str(BEGIN);
        for (at, c) in base64.chars().enumerate() {
            if at.is_multiple_of(LINE_CHARS) {
                text.push('\n');
            }
            text.push(c);
        }
        text.push('\n');
        text.push_str(END);
        text.push('\n');
        Secret::new(text)
    }

    /// The part that a passphrase would encrypt.
    fn private_part(&self, comment: &str) -> Zeroizing<Vec<u8>> {
        let public = self.public().as_bytes();
        let mut part = Zeroizing::new(Vec::with_capacity(160 + comment.len()));
        // Two equal numbers tell a right passphrase from a wrong one. Without one any number will do, and one
        // that follows from the key makes equal keys equal files.
        let (check, _) = public.split_first_chunk::<4>().unwrap_or((&[0; 4], &[]));
        part.extend_from_slice(check);
        part.extend_from_slice(check);
        part.extend_from_slice(&ssh::public_blob(public));
        let mut pair = Zeroizing::new([0; 64]);
        let (seed, tail) = pair.split_at_mut(32);
        seed.copy_from_slice(self.seed().expose());
        tail.copy_from_slice(public);
        put_string(&mut part, pair.as_slice());
        put_string(&mut part, comment.as_bytes());
        let missing = part.len().next_multiple_of(BLOCK_BYTES) - part.len();
        part.extend((1_u8..).take(missing));
        part
    }
}

fn tidy_comment(comment: &str) -> String {
    let mut tidy = String::new();
    for c in comment.trim().chars() {
        if tidy.len() + c.len_utf8() > MAX_COMMENT_BYTES {
            break;
        }
        tidy.push(if c.is_control() { ' ' } else { c });
    }
    tidy
}

/// The outer wrapping, which is in clear even when the key is not.
fn read_container(bytes: &[u8]) -> Result<(PrivateKey, Option<String>), PrivateKeyError> {
    let damaged = PrivateKeyError::Damaged;
    let mut reader = Reader::new(bytes.strip_prefix(MAGIC).ok_or(damaged)?);
    let cipher = reader.string().ok_or(damaged)?;
    let derivation = reader.string().ok_or(damaged)?;
    let options = reader.string().ok_or(damaged)?;
    if cipher != b"none" || derivation != b"none" {
        return Err(PrivateKeyError::Encrypted);
    }
    if !options.is_empty() || reader.number() != Some(1) {
        return Err(damaged);
    }
    let blob = reader.string().ok_or(damaged)?;
    if Reader::new(blob).string().ok_or(damaged)? != ssh::ED25519.as_bytes() {
        return Err(PrivateKeyError::OtherType);
    }
    let public = PublicKey::from_blob(blob).map_err(|_| damaged)?;
    let private = reader.string().ok_or(damaged)?;
    if !reader.rest().is_empty() {
        return Err(damaged);
    }
    read_private_part(private, &public)
}

/// The inner part; what it says about the public half must agree with the outer one and with the seed.
fn read_private_part(
    part: &[u8],
    public: &PublicKey,
) -> Result<(PrivateKey, Option<String>), PrivateKeyError> {
    let damaged = PrivateKeyError::Damaged;
    let mut reader = Reader::new(part);
    let checks = (reader.number().ok_or(damaged)?, reader.number().ok_or(damaged)?);
    if checks.0 != checks.1 {
        return Err(damaged);
    }
    if reader.string().ok_or(damaged)? != ssh::ED25519.as_bytes() {
        return Err(PrivateKeyError::OtherType);
    }
    let inner = reader.string().ok_or(damaged)?;
    let pair = reader.string().ok_or(damaged)?;
    let comment = reader.string().ok_or(damaged)?;
    let padding = reader.rest();
    let counts_up = padding.iter().zip(1_u8..).all(|(byte, count)| *byte == count);
    if !part.len().is_multiple_of(BLOCK_BYTES) || padding.len() >= BLOCK_BYTES || !counts_up {
        return Err(damaged);
    }
    let (seed, tail) = pair.split_first_chunk::<32>().ok_or(damaged)?;
    let key = PrivateKey::from_seed(Secret::new(*seed));
    let outer = public.as_bytes().as_slice();
    if [inner, tail, key.public().as_bytes()].iter().any(|half| *half != outer) {
        return Err(damaged);
    }
    let comment = String::from_utf8_lossy(comment).trim().to_owned();
    Ok((key, Some(comment).filter(|comment| !comment.is_empty())))
}
